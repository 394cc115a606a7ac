//! `inv`: closed forms to order 3 (complex: 2), LU with partial pivoting above, Cholesky and triangular inverses
//! where "auto" finds the structure.
//!
//! Every route bounds the right residual |A X - I|; the Cholesky route both.

use super::norms::Entries;
use super::pass::{Columns, Part};
use super::working::Working;
use super::{Op, Operand, Outcome, Remains, Scaling, lanes_max, on_working, settle};
use crate::alg::{Context, Shared, cholesky, leading_dimension, lu, triangular};
use crate::device::cpu::arena;
use crate::device::cpu::executor::pause;
use crate::error::Error;
use crate::status::Status;
use ainv_kernels::Kernels;
use ainv_kernels::lanes::{Group, Suspects};
use ainv_kernels::scalar::{RealScalar, Scalar};
use ainv_kernels::transpose::Transpose;
use std::sync::atomic::{AtomicBool, Ordering};

/// A general matrix; with `auto` its structure is looked for (above the lanes, where a look costs
/// under 2 % of the work).
pub(crate) struct Inv {
    pub auto: bool,
}

/// What a look at the working matrix A^T found.
#[derive(PartialEq, Eq)]
pub(crate) enum Found {
    General,
    Lower,
    Upper,
    Hermitian,
}

impl<T: Scalar> Op<T> for Inv {
    /// Less than for the other operations: beyond it the exchanges of rows, which in lanes are done
    /// for every lane with masks, cost more than the wait for a pivot does by columns.
    fn largest_in_lanes(&self) -> usize {
        match (T::COMPLEX, size_of::<T::Real>()) {
            (false, 4) => 24,
            (false, _) => 12,
            _ => 20,
        }
    }

    unsafe fn lanes(&self, kernels: &Kernels<T>, g: &Group<T>) -> Suspects {
        // SAFETY: the trait's contract.
        unsafe { (kernels.inv)(g) }
    }

    unsafe fn by_columns(&self, kernels: &Kernels<T>, g: &Group<T>) -> Option<Suspects> {
        let (n, len) = (g.n, g.src.len());
        if self.auto && n > lanes_max::<T>() {
            let look = |m: usize| {
                // SAFETY: the caller's matrix.
                look(|i, j| unsafe { g.src.get(m).offset(g.from.at(j, i)).read() }, n)
            };
            match (0..len).map(look).find(|found| *found != Found::General) {
                None => {}
                Some(Found::Hermitian) if len == 1 => {
                    // SAFETY: the trait's contract. What has no Cholesky factor is not stored.
                    let suspect = unsafe { (kernels.posdef_inv_by_columns)(g) };
                    return (!suspect).then(Suspects::default);
                }
                Some(_) => return None,
            }
        }
        // SAFETY: the trait's contract.
        Some(unsafe { (kernels.inv_by_columns)(g) })
    }

    unsafe fn blocked(&self, cx: &Context<T>, g: &Group<T>) -> Result<Outcome, Error> {
        let n = g.n;
        let operand = Operand {
            src: g.src.get(0),
            from: g.from.transposed(),
            dst: g.dst.get(0),
            to: g.to.transposed(),
            entries: Entries::All,
            lines: true,
            force: g.force,
        };
        // SAFETY: the trait's contract.
        unsafe {
            on_working(cx, &operand, |&Working { w, ld, fits, only }| {
                if only && !fits {
                    return Ok(None);
                }
                // A structure is trusted only where no entry is NaN.
                let found = if self.auto && fits { look_at(cx, w, n, ld)? } else { Found::General };
                Ok(match found {
                    Found::Lower | Found::Upper => {
                        let recips = recips(w, n, ld);
                        if only && recips >= T::Real::INFINITY {
                            return Ok(None);
                        }
                        triangular::invert(cx, n, found == Found::Lower, w, ld as isize)?;
                        // Without a zero on its diagonal it has an inverse, if one that overflows.
                        Some(Remains { recips, otherwise: Outcome::Done })
                    }
                    Found::Hermitian => Some(match posdef_or_back(cx, w, n, ld)? {
                        Some(recips) => Remains { recips, otherwise: singular(n, 0) },
                        None => general(cx, w, n, ld)?,
                    }),
                    Found::General => Some(general(cx, w, n, ld)?),
                })
            })
        }
    }

    fn reads(&self, _: usize, _: usize) -> bool {
        true
    }

    fn infinite(
        &self,
        _cx: &Context<T>,
        n: usize,
        a: &mut [T],
        _b: &[T],
        x: &mut [T],
    ) -> Result<Option<Status>, Error> {
        // A diagonal matrix has an inverse whatever stands on its diagonal: 1 / infinity is zero.
        let diagonal = (0..n * n).all(|i| i / n == i % n || a[i] == T::default());
        Ok(diagonal.then(|| super::diagonal::invert(n, |i| a[i * n + i], x)))
    }

    fn scaling(&self, n: usize, a: &[T], _b: &[T]) -> Result<Scaling, Error> {
        Scaling::of_inverse(settle::balance(n, a, false)?)
    }

    fn verdict(&self, cx: &Context<T>, n: usize, a: &[T], _b: &[T]) -> Result<Status, Error> {
        Ok(Status::singular(first_zero_pivot(cx, n, a)?.unwrap_or(n)))
    }
}

/// A matrix that has no inverse; `zero` is its first zero pivot or 0.
fn singular(n: usize, zero: usize) -> Outcome {
    Outcome::Failed(Status::singular(if zero == 0 { n } else { zero }))
}

/// LU and the inverse in place.
///
/// # Safety
/// `w` is the working matrix.
unsafe fn general<T: Scalar>(
    cx: &Context<T>,
    w: *mut T,
    n: usize,
    ld: usize,
) -> Result<Remains<T::Real>, Error> {
    arena::with(n, |pivots: *mut usize| {
        // SAFETY: n pivots, written by the factorisation; the caller's matrix.
        unsafe {
            pivots.write_bytes(0, n);
            let pivots = std::slice::from_raw_parts_mut(pivots, n);
            let zero = lu::factor(cx, n, w, ld as isize, pivots)?;
            let recips = recips(w, n, ld);
            if recips < T::Real::INFINITY {
                lu::invert_factors(cx, n, w, ld as isize, pivots)?;
            } else {
                // A zero pivot: the matrix is suspect whatever follows.
                w.write(T::nan());
            }
            Ok(Remains { recips, otherwise: singular(n, zero) })
        }
    })
}

/// Cholesky and the inverse in place; the sum of the |1 / pivots|, or the first pivot that is not
/// positive.
///
/// # Safety
/// As [`general`].
pub(crate) unsafe fn posdef<T: Scalar>(
    cx: &Context<T>,
    w: *mut T,
    n: usize,
    ld: usize,
) -> Result<Result<T::Real, usize>, Error> {
    // SAFETY: the caller's matrix.
    unsafe {
        let at = cholesky::factor(cx, n, w, ld as isize)?;
        if at != 0 {
            return Ok(Err(at));
        }
        let recips = recips(w, n, ld);
        cholesky::invert_factor(cx, n, w, ld as isize)?;
        mirror(cx, w, n, ld)?;
        Ok(Ok(recips))
    }
}

/// [`posdef`] of a Hermitian matrix, or `None` and the matrix as it was: above the diagonal the
/// attempt changes nothing.
///
/// # Safety
/// As [`general`].
unsafe fn posdef_or_back<T: Scalar>(
    cx: &Context<T>,
    w: *mut T,
    n: usize,
    ld: usize,
) -> Result<Option<T::Real>, Error> {
    arena::with(n, |diagonal: *mut T| {
        // SAFETY: the caller's matrix; n entries of its diagonal.
        unsafe {
            for i in 0..n {
                diagonal.add(i).write(w.add(i * (ld + 1)).read());
            }
            if let Ok(recips) = posdef(cx, w, n, ld)? {
                return Ok(Some(recips));
            }
            fold(cx, n, ld, Shared(w), false)?;
            for i in 0..n {
                w.add(i * (ld + 1)).write(diagonal.add(i).read());
            }
            Ok(None)
        }
    })
}

/// The sum of the |1 / diagonal entries|.
///
/// # Safety
/// As [`general`].
pub(crate) unsafe fn recips<T: Scalar>(w: *const T, n: usize, ld: usize) -> T::Real {
    // SAFETY: the caller's diagonal.
    let entry = |i: usize| unsafe { w.add(i * (ld + 1)).read() };
    (0..n).fold(T::Real::default(), |s, i| s + T::Real::ONE / entry(i).abs1())
}

/// The upper triangle becomes the adjoint of the lower one, the diagonal real.
///
/// # Safety
/// As [`general`].
pub(crate) unsafe fn mirror<T: Scalar>(
    cx: &Context<T>,
    w: *mut T,
    n: usize,
    ld: usize,
) -> Result<(), Error> {
    // SAFETY: the caller's matrix.
    unsafe {
        fold(cx, n, ld, Shared(w), true)?;
        for j in 0..n {
            let diagonal = w.add(j * (ld + 1));
            diagonal.write(T::from_re((*diagonal).re()));
        }
    }
    Ok(())
}

/// The triangle above the diagonal becomes the adjoint of that below, or the other way round.
///
/// # Safety
/// As [`general`].
pub(crate) unsafe fn fold<T: Scalar>(
    cx: &Context<T>,
    n: usize,
    ld: usize,
    w: Shared<T>,
    upwards: bool,
) -> Result<(), Error> {
    cx.each(n.div_ceil(SQUARE), cx.threads_for(n, n, 8), &|b| {
        pause(cx.cancel)?;
        let at = |i: usize, j: usize| w.get().wrapping_add(i + j * ld);
        let (first, next) = (b * SQUARE, n.min((b + 1) * SQUARE));
        // SAFETY: entries of the caller's matrix and their mirror images, no one else's.
        unsafe {
            for j in first..next {
                for i in j + 1..next {
                    let (from, to) =
                        if upwards { (at(i, j), at(j, i)) } else { (at(j, i), at(i, j)) };
                    to.write(Scalar::conj(from.read()));
                }
            }
            for i0 in (next..n).step_by(SQUARE) {
                let (rows, cols) = (n.min(i0 + SQUARE) - i0, next - first);
                let (below, above) = (at(i0, first), at(first, i0));
                let (m, n, src, to) = match upwards {
                    true => (rows, cols, below, above),
                    false => (cols, rows, above, below),
                };
                let (src, ld) = (src.cast_const(), ld as isize);
                (cx.kernels.transpose)(&Transpose { m, n, src, ld, to, to_ld: ld, conj: true });
            }
        }
        Ok(())
    })
}

/// Runs `f` on each entry above the diagonal and its mirror image below, in squares that keep both
/// sides' lines in cache.
unsafe fn reflect<T: Scalar>(
    cx: &Context<T>,
    n: usize,
    ld: usize,
    w: Shared<T>,
    f: impl Fn(*mut T, *mut T) + Sync,
) -> Result<(), Error> {
    cx.each(n.div_ceil(SQUARE), cx.threads_for(n, n, 8), &|b| {
        pause(cx.cancel)?;
        for i0 in (b * SQUARE..n).step_by(SQUARE) {
            for j in b * SQUARE..n.min((b + 1) * SQUARE) {
                for i in i0.max(j + 1)..n.min(i0 + SQUARE) {
                    let w = w.get();
                    f(w.wrapping_add(j + i * ld), w.wrapping_add(i + j * ld));
                }
            }
        }
        Ok(())
    })
}

/// Entries of a side of the squares that a matrix and its mirror image are walked in.
const SQUARE: usize = 32;

/// Looks for structure in the working matrix of a blocked route.
///
/// # Safety
/// As [`general`].
pub(crate) unsafe fn look_at<T: Scalar>(
    cx: &Context<T>,
    w: *const T,
    n: usize,
    ld: usize,
) -> Result<Found, Error> {
    // SAFETY: the caller's matrix.
    let at = |i: usize, j: usize| unsafe { w.add(i + j * ld).read() };
    // Of many block columns none is walked once one has spoken against it.
    let hermitian = |n: usize| {
        let equal = AtomicBool::new(true);
        let w = Shared(w.cast_mut());
        // SAFETY: the caller's matrix, which is only read.
        unsafe {
            reflect(cx, n, ld, w, |above, below| {
                if equal.load(Ordering::Relaxed) && above.read() != Scalar::conj(below.read()) {
                    equal.store(false, Ordering::Relaxed);
                }
            })?
        };
        Ok(equal.into_inner())
    };
    structure(at, n, hermitian)
}

/// Looks for structure in a small matrix.
fn look<T: Scalar>(at: impl Fn(usize, usize) -> T, n: usize) -> Found {
    let hermitian =
        |n: usize| Ok((0..n).all(|j| (j + 1..n).all(|i| at(i, j) == Scalar::conj(at(j, i)))));
    structure(&at, n, hermitian).unwrap_or(Found::General)
}

/// The structure of a matrix, giving up at the first entry that speaks against it; `hermitian` says
/// whether the triangles mirror each other.
fn structure<T: Scalar>(
    at: impl Fn(usize, usize) -> T,
    n: usize,
    hermitian: impl FnOnce(usize) -> Result<bool, Error>,
) -> Result<Found, Error> {
    let zero = T::default();
    if (0..n).all(|j| (0..j).all(|i| at(i, j) == zero)) {
        return Ok(Found::Lower);
    }
    if (0..n).all(|j| (j + 1..n).all(|i| at(i, j) == zero)) {
        return Ok(Found::Upper);
    }
    // A positive diagonal is cheap to ask for and keeps most hopeless attempts from starting; so is
    // the first column beside the first row.
    let positive = |j: usize| at(j, j).re() > zero.re() && at(j, j).im() == zero.re();
    let sign = (0..n).all(|j| positive(j) && at(j, 0) == Scalar::conj(at(0, j)));
    Ok(if sign && hermitian(n)? { Found::Hermitian } else { Found::General })
}

/// The 1-based number of the first zero pivot of the elimination of A by rows, as LAPACK and torch
/// count it: the routes above eliminate A^T, whose first zero may be another.
pub(crate) fn first_zero_pivot<T: Scalar>(
    cx: &Context<T>,
    n: usize,
    a: &[T],
) -> Result<Option<usize>, Error> {
    let ld = leading_dimension::<T>(n);
    arena::with(n * ld, |w: *mut T| {
        arena::with(n, |pivots: *mut usize| {
            let dense = ainv_kernels::places::Frame::by_rows(n, n);
            // SAFETY: the dense matrix and the arena's blocks.
            let at = unsafe {
                let columns = Columns::new((n, n), w, ld, Part::All);
                columns.load(cx, a.as_ptr(), dense, false)?;
                pivots.write_bytes(0, n);
                let pivots = std::slice::from_raw_parts_mut(pivots, n);
                lu::factor(cx, n, w, ld as isize, pivots)?
            };
            Ok((at != 0).then_some(at))
        })
    })
}
