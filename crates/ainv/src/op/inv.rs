//! `inv`: closed forms to order 3 (complex: 2), LU with partial pivoting above, Cholesky and triangular inverses
//! where "auto" finds the structure.
//!
//! Every route bounds the right residual |A X - I|; the Cholesky route both.

use super::{
    Op, Scaling, in_range, lanes_max, leading_dimension, lines_in_range, load, settle, sum_abs,
};
use crate::alg::{Context, cholesky, lu, triangular};
use crate::device::cpu::arena;
use crate::error::Error;
use crate::status::Status;
use ainv_kernels::Kernels;
use ainv_kernels::lanes::{Group, Suspects};
use ainv_kernels::scalar::{RealScalar, Scalar};

/// A general matrix; with `auto` its structure is looked for (above the lanes, where a look costs
/// under 2 % of the work).
pub(crate) struct Inv {
    pub auto: bool,
}

/// What a look at the working matrix A^T found.
#[derive(PartialEq, Eq)]
enum Found {
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

    unsafe fn blocked(&self, cx: &Context<T>, g: &Group<T>) -> Result<bool, Error> {
        let n = g.n;
        let ld = leading_dimension::<T>(n);
        arena::with(n * ld, |w: *mut T| {
            // SAFETY: the matrices are the caller's, the working matrix spans n columns.
            unsafe {
                load(cx, g.src.get(0), g.from.transposed(), w, ld)?;
                let lines = lines_in_range(w, |_| 0..n, n, ld)?;
                // A structure is trusted only where no entry is NaN.
                let entry = |i: usize, j: usize| w.add(i + j * ld).read();
                let found = if self.auto && lines { look(entry, n) } else { Found::General };
                let recips = match found {
                    Found::Lower | Found::Upper => {
                        let lower = found == Found::Lower;
                        let recips = recips(w, n, ld);
                        triangular::invert(cx, n, lower, w, ld as isize)?;
                        recips
                    }
                    Found::Hermitian => match posdef(cx, w, n, ld)? {
                        Some(recips) => recips,
                        None => {
                            load(cx, g.src.get(0), g.from.transposed(), w, ld)?;
                            general(cx, w, n, ld)?
                        }
                    },
                    Found::General => general(cx, w, n, ld)?,
                };
                let good = lines && in_range(recips, sum_abs(w, |_| 0..n, n, ld));
                if good || g.force {
                    let from = g.to.transposed();
                    let columns = ainv_kernels::places::Frame { rs: 1, cs: ld as isize, ..from };
                    super::copy(cx, w, columns, g.dst.get(0), from)?;
                }
                Ok(!good)
            }
        })
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

    fn scaling(&self, n: usize, a: &[T], _b: &[T]) -> Scaling {
        let (rows, cols) = settle::balance(n, a, |_, _| true);
        Scaling { out_rows: cols.clone(), out_cols: rows.clone(), rows, cols }
    }

    fn verdict(&self, cx: &Context<T>, n: usize, a: &[T], _b: &[T]) -> Result<Status, Error> {
        Ok(Status::singular(first_zero_pivot(cx, n, a)?.unwrap_or(n)))
    }
}

/// LU and the inverse in place; the sum of the |1 / pivots|.
///
/// # Safety
/// `w` is the working matrix.
unsafe fn general<T: Scalar>(
    cx: &Context<T>,
    w: *mut T,
    n: usize,
    ld: usize,
) -> Result<T::Real, Error> {
    arena::with(n, |pivots: *mut usize| {
        // SAFETY: n pivots, written by the factorisation; the caller's matrix.
        unsafe {
            pivots.write_bytes(0, n);
            let pivots = std::slice::from_raw_parts_mut(pivots, n);
            lu::factor(cx, (n, n), w, ld as isize, pivots)?;
            let recips = recips(w, n, ld);
            if recips < T::Real::INFINITY {
                lu::invert_factors(cx, n, w, ld as isize, pivots)?;
            } else {
                // A zero pivot: the matrix is suspect whatever follows.
                w.write(T::nan());
            }
            Ok(recips)
        }
    })
}

/// Cholesky and the inverse in place, or `None` if the matrix is not positive definite.
///
/// # Safety
/// As [`general`].
pub(crate) unsafe fn posdef<T: Scalar>(
    cx: &Context<T>,
    w: *mut T,
    n: usize,
    ld: usize,
) -> Result<Option<T::Real>, Error> {
    // SAFETY: the caller's matrix.
    unsafe {
        if cholesky::factor(cx, n, w, ld as isize)? != 0 {
            return Ok(None);
        }
        let recips = recips(w, n, ld);
        cholesky::invert_factor(cx, n, w, ld as isize)?;
        mirror(w, n, ld);
        Ok(Some(recips))
    }
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
pub(crate) unsafe fn mirror<T: Scalar>(w: *mut T, n: usize, ld: usize) {
    const SQUARE: usize = 32;
    // SAFETY: the caller's matrix.
    unsafe {
        for j0 in (0..n).step_by(SQUARE) {
            for i0 in (j0..n).step_by(SQUARE) {
                for j in j0..n.min(j0 + SQUARE) {
                    for i in i0.max(j + 1)..n.min(i0 + SQUARE) {
                        w.add(j + i * ld).write(Scalar::conj(w.add(i + j * ld).read()));
                    }
                }
            }
        }
        for j in 0..n {
            let diagonal = w.add(j * (ld + 1));
            diagonal.write(T::from_re((*diagonal).re()));
        }
    }
}

/// Looks for structure in the working matrix, giving up at the first entry that speaks against it.
fn look<T: Scalar>(at: impl Fn(usize, usize) -> T, n: usize) -> Found {
    let zero = T::default();
    if (0..n).all(|j| (0..j).all(|i| at(i, j) == zero)) {
        return Found::Lower;
    }
    if (0..n).all(|j| (j + 1..n).all(|i| at(i, j) == zero)) {
        return Found::Upper;
    }
    // A positive diagonal is cheap to ask for and keeps most hopeless attempts from starting.
    let positive = |j: usize| at(j, j).re() > zero.re() && at(j, j).im() == zero.re();
    if (0..n).all(positive)
        && (0..n).all(|j| (j + 1..n).all(|i| at(i, j) == Scalar::conj(at(j, i))))
    {
        return Found::Hermitian;
    }
    Found::General
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
            let dense = ainv_kernels::places::Frame { rows: n, cols: n, rs: n as isize, cs: 1 };
            // SAFETY: the dense matrix and the arena's blocks.
            let at = unsafe {
                load(cx, a.as_ptr(), dense, w, ld)?;
                pivots.write_bytes(0, n);
                let pivots = std::slice::from_raw_parts_mut(pivots, n);
                lu::factor(cx, (n, n), w, ld as isize, pivots)?
            };
            Ok((at != 0).then_some(at))
        })
    })
}
