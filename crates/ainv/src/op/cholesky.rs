//! `cholesky`, `cholesky_inv`, and both together for positive definite matrices. All read the lower
//! triangle; the caller's views turn an upper one into a lower one (a Hermitian matrix's upper
//! triangle, read transposed, is the conjugate's lower one).

use super::norms::Entries;
use super::pass::{Columns, Part};
use super::working::Working;
use super::{Op, Operand, Outcome, Remains, Scaling, each, inv, lanes_max, on_working, settle};
use crate::alg::{Context, cholesky, leading_dimension};
use crate::device::cpu::arena;
use crate::error::{Error, filled, listed};
use crate::status::{Code, Status};
use ainv_kernels::Kernels;
use ainv_kernels::lanes::{Group, Suspects};
use ainv_kernels::places::Frame;
use ainv_kernels::scalar::{RealScalar, Scalar};

/// L with A = L L^H.
pub(crate) struct Cholesky;
/// A^-1 from L.
pub(crate) struct CholeskyInv;
/// A^-1 from a positive definite A. Both residuals are bounded.
pub(crate) struct PosdefInv;

/// Runs `f` on the working copy of the lower triangle and stores what it leaves, if it is good.
/// `f` answers with the sum of |1 / pivots|, or with the first bad pivot.
unsafe fn on_lower<T: Scalar>(
    cx: &Context<T>,
    g: &Group<T>,
    entries: Entries,
    f: impl FnOnce(*mut T, usize) -> Result<Result<T::Real, usize>, Error>,
) -> Result<Outcome, Error> {
    let n = g.n;
    let operand = Operand {
        src: g.src.get(0),
        from: g.from,
        dst: g.dst.get(0),
        to: g.to,
        entries,
        lines: false,
        force: g.force,
    };
    // SAFETY: the trait's contract.
    unsafe {
        on_working(cx, &operand, |&Working { w, ld, fits, only }| {
            // A factor with a zero on its diagonal is not worth destroying.
            if only && !(fits && inv::recips(w, n, ld) < T::Real::INFINITY) {
                return Ok(None);
            }
            Ok(Some(match f(w, ld)? {
                Ok(recips) => Remains { recips, otherwise: Outcome::Done },
                Err(at) => {
                    // So that what is stored, by force or in place, is not taken for a result.
                    w.write(T::nan());
                    let otherwise = Outcome::Failed(not_positive_definite(n, at));
                    Remains { recips: T::Real::INFINITY, otherwise }
                }
            }))
        })
    }
}

/// The status for a first bad pivot, or for none found: a pivot at the very edge can be positive in
/// one order of rounding and not in the other.
pub(crate) fn not_positive_definite(n: usize, at: usize) -> Status {
    Status { code: Code::NotPositiveDefinite, at: if at == 0 { n } else { at } as u32 }
}

/// The 1-based number of the first pivot that is not positive, for a matrix in range, or 0.
pub(crate) fn first_bad_pivot<T: Scalar>(
    cx: &Context<T>,
    n: usize,
    a: &[T],
) -> Result<usize, Error> {
    let ld = leading_dimension::<T>(n);
    arena::with(n * ld, |w: *mut T| {
        let dense = Frame::by_rows(n, n);
        // SAFETY: the dense matrix and the arena's block.
        unsafe {
            let columns = Columns::new((n, n), w, ld, Part::Lower);
            columns.load(cx, a.as_ptr(), dense, false)?;
            cholesky::factor(cx, n, w, ld as isize)
        }
    })
}

/// The exponent of the largest entry, if all of them lie close together; an even one, whose root is
/// a power of two as well.
fn common_exponent<T: Scalar>(n: usize, a: &[T]) -> Option<i32> {
    let mut ends: Option<(i32, i32)> = None;
    for i in 0..n {
        for e in a[i * n..=i * n + i].iter().filter_map(|&x| settle::exponent(x)) {
            ends = Some(ends.map_or((e, e), |(least, most)| (least.min(e), most.max(e))));
        }
    }
    let (smallest, largest) = ends?;
    (largest - smallest <= T::Real::BIG_EXP / 4).then_some(largest & !1)
}

/// D A D with powers of two, the diagonal near one.
fn symmetric_scaling<T: Scalar>(n: usize, a: &[T]) -> Result<Vec<i32>, Error> {
    listed((0..n).map(|i| -(settle::exponent(a[i * n + i]).unwrap_or(0).div_euclid(2))))
}

/// The powers of two for rows and columns that keep a matrix Hermitian: one for all entries, which
/// changes no bit, or those of D A D.
pub(crate) fn balance<T: Scalar>(n: usize, a: &[T]) -> Result<(Vec<i32>, Vec<i32>), Error> {
    Ok(match common_exponent(n, a) {
        Some(e) => (filled(-e, n)?, filled(0, n)?),
        None => {
            let d = symmetric_scaling(n, a)?;
            (settle::again(&d)?, d)
        }
    })
}

impl<T: Scalar> Op<T> for Cholesky {
    fn largest_in_lanes(&self) -> usize {
        lanes_max::<T>()
    }
    unsafe fn lanes(&self, kernels: &Kernels<T>, g: &Group<T>) -> Suspects {
        // SAFETY: the trait's contract.
        unsafe { (kernels.cholesky)(g) }
    }
    unsafe fn by_columns(&self, kernels: &Kernels<T>, g: &Group<T>) -> Option<Suspects> {
        // SAFETY: the trait's contract.
        Some(each(g, |g| unsafe { (kernels.cholesky_by_columns)(g) }))
    }
    unsafe fn blocked(&self, cx: &Context<T>, g: &Group<T>) -> Result<Outcome, Error> {
        // SAFETY: the trait's contract.
        unsafe {
            on_lower(cx, g, Entries::Triangle { lower: true, unit: false }, |w, ld| {
                let at = cholesky::factor(cx, g.n, w, ld as isize)?;
                Ok(if at == 0 { Ok(inv::recips(w, g.n, ld)) } else { Err(at) })
            })
        }
    }
    fn reads(&self, i: usize, j: usize) -> bool {
        i >= j
    }
    fn scaling(&self, n: usize, a: &[T], _: &[T]) -> Result<Scaling, Error> {
        let d = match common_exponent(n, a) {
            Some(e) => filled(-e / 2, n)?,
            None => symmetric_scaling(n, a)?,
        };
        Ok(Scaling {
            out_rows: listed(d.iter().map(|d| -d))?,
            out_cols: filled(0, n)?,
            cols: settle::again(&d)?,
            rows: d,
        })
    }
    fn verdict(&self, cx: &Context<T>, n: usize, a: &[T], _: &[T]) -> Result<Status, Error> {
        Ok(not_positive_definite(n, first_bad_pivot(cx, n, a)?))
    }
}

impl<T: Scalar> Op<T> for PosdefInv {
    fn largest_in_lanes(&self) -> usize {
        lanes_max::<T>()
    }
    unsafe fn lanes(&self, kernels: &Kernels<T>, g: &Group<T>) -> Suspects {
        // SAFETY: the trait's contract.
        unsafe { (kernels.posdef_inv)(g) }
    }
    unsafe fn by_columns(&self, kernels: &Kernels<T>, g: &Group<T>) -> Option<Suspects> {
        // SAFETY: the trait's contract.
        Some(each(g, |g| unsafe { (kernels.posdef_inv_by_columns)(g) }))
    }
    unsafe fn blocked(&self, cx: &Context<T>, g: &Group<T>) -> Result<Outcome, Error> {
        // SAFETY: the trait's contract.
        unsafe {
            let entries = Entries::Mirrored { lower: true };
            on_lower(cx, g, entries, |w, ld| inv::posdef(cx, w, g.n, ld))
        }
    }
    fn reads(&self, i: usize, j: usize) -> bool {
        i >= j
    }
    fn scaling(&self, n: usize, a: &[T], _: &[T]) -> Result<Scaling, Error> {
        Scaling::of_inverse(balance(n, a)?)
    }
    fn verdict(&self, cx: &Context<T>, n: usize, a: &[T], _: &[T]) -> Result<Status, Error> {
        Ok(not_positive_definite(n, first_bad_pivot(cx, n, a)?))
    }
}

impl<T: Scalar> Op<T> for CholeskyInv {
    fn largest_in_lanes(&self) -> usize {
        lanes_max::<T>()
    }
    unsafe fn lanes(&self, kernels: &Kernels<T>, g: &Group<T>) -> Suspects {
        // SAFETY: the trait's contract.
        unsafe { (kernels.cholesky_inv)(g) }
    }
    unsafe fn by_columns(&self, kernels: &Kernels<T>, g: &Group<T>) -> Option<Suspects> {
        // SAFETY: the trait's contract.
        Some(each(g, |g| unsafe { (kernels.cholesky_inv_by_columns)(g) }))
    }
    unsafe fn blocked(&self, cx: &Context<T>, g: &Group<T>) -> Result<Outcome, Error> {
        // SAFETY: the trait's contract.
        unsafe {
            on_lower(cx, g, Entries::Factor, |w, ld| {
                let recips = inv::recips(w, g.n, ld);
                cholesky::invert_factor(cx, g.n, w, ld as isize)?;
                inv::mirror(cx, w, g.n, ld)?;
                Ok(Ok(recips))
            })
        }
    }
    fn reads(&self, i: usize, j: usize) -> bool {
        i >= j
    }
    fn infinite(
        &self,
        cx: &Context<T>,
        n: usize,
        a: &mut [T],
        b: &[T],
        x: &mut [T],
    ) -> Result<Option<Status>, Error> {
        super::tri_inv::infinite_diagonal(self, cx, n, a, b, x)
    }
    fn scaling(&self, n: usize, a: &[T], _: &[T]) -> Result<Scaling, Error> {
        // Rows alone: a factor for columns would stand between L^-H and L^-1.
        let row = |i: usize| (0..=i).filter_map(|j| settle::exponent(a[i * n + j])).max();
        let rows = listed((0..n).map(|i| -row(i).unwrap_or(0)))?;
        let (out_rows, out_cols) = (settle::again(&rows)?, settle::again(&rows)?);
        Ok(Scaling { cols: filled(0, n)?, out_rows, out_cols, rows })
    }
    fn verdict(&self, _: &Context<T>, n: usize, a: &[T], _: &[T]) -> Result<Status, Error> {
        Ok(super::tri_inv::first_zero(n, a, false))
    }
}
