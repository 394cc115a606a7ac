//! WHAT is computed: one file, one operation.
//!
//! An operation says how it runs on a group of small matrices (by a lane kernel) and on one matrix
//! of any order (blocked), and what its edge cases mean. Both routes answer with *suspects*;
//! [`settle`] decides about each of those: NaN, infinity, range or singular.

pub(crate) mod cholesky;
pub(crate) mod diagonal;
pub(crate) mod inv;
pub(crate) mod norms;
pub(crate) mod pass;
pub(crate) mod pinv;
pub(crate) mod rcond;
mod settle;
pub(crate) mod solve;
pub(crate) mod staging;
pub(crate) mod tri_inv;
mod working;

pub(crate) use settle::{Scaling, exponent, settle};
pub(crate) use working::{NEAR_UP_TO, Outcome, SCRATCH_IN_PLACE, copied};
use working::{Operand, Remains, on_working};

use crate::alg::Context;
use crate::error::Error;
use crate::status::Status;
use ainv_kernels::lanes::{self, Group, Suspects, closed};
use ainv_kernels::scalar::{RealScalar, Scalar};
use ainv_kernels::{Kernels, columns};

/// The operations on square matrices, as data. (`pinv` and `rcond` have drivers of their own.)
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Inv { auto: bool },
    PosdefInv,
    Diagonal,
    Cholesky,
    CholeskyInv,
    TriInv { unit: bool, reversed: bool },
    Solve,
    PosdefSolve,
}

/// How one operation runs and what its edge cases mean.
///
/// # Safety
/// `lanes` and `blocked` are called with groups whose pointers come from checked views.
pub(crate) trait Op<T: Scalar>: Sync {
    /// The largest order that runs in lanes.
    fn largest_in_lanes(&self) -> usize;
    /// Runs a group in lanes; the suspects.
    unsafe fn lanes(&self, kernels: &Kernels<T>, g: &Group<T>) -> Suspects;
    /// Runs a group by columns, up to their largest order; the suspects. `None` if that is not the
    /// way for one of its matrices.
    unsafe fn by_columns(&self, _kernels: &Kernels<T>, _g: &Group<T>) -> Option<Suspects> {
        None
    }
    /// Runs one matrix of any order.
    unsafe fn blocked(&self, cx: &Context<T>, g: &Group<T>) -> Result<Outcome, Error>;
    /// Whether entry (i, j) is read.
    fn reads(&self, i: usize, j: usize) -> bool;
    /// The result, in `x`, of a matrix that holds an infinity, if it has one. `a` (and `b`) are
    /// dense, row by row, and may be changed.
    fn infinite(
        &self,
        _cx: &Context<T>,
        _n: usize,
        _a: &mut [T],
        _b: &[T],
        _x: &mut [T],
    ) -> Result<Option<Status>, Error> {
        Ok(None)
    }
    /// The powers of two that bring a matrix into range.
    fn scaling(&self, n: usize, a: &[T], b: &[T]) -> Result<Scaling, Error>;
    /// What a result that is not finite means once the matrix was scaled.
    fn verdict(&self, cx: &Context<T>, n: usize, a: &[T], b: &[T]) -> Result<Status, Error>;
}

/// The operation behind a kind: the line that a new one adds.
pub(crate) fn of<T: Scalar>(kind: Kind) -> &'static dyn Op<T> {
    match kind {
        Kind::Inv { auto: true } => &inv::Inv { auto: true },
        Kind::Inv { auto: false } => &inv::Inv { auto: false },
        Kind::PosdefInv => &cholesky::PosdefInv,
        Kind::Diagonal => &diagonal::Diagonal,
        Kind::Cholesky => &cholesky::Cholesky,
        Kind::CholeskyInv => &cholesky::CholeskyInv,
        Kind::TriInv { unit: false, reversed: false } => {
            &tri_inv::TriInv { unit: false, reversed: false }
        }
        Kind::TriInv { unit: false, reversed: true } => {
            &tri_inv::TriInv { unit: false, reversed: true }
        }
        Kind::TriInv { unit: true, reversed: false } => {
            &tri_inv::TriInv { unit: true, reversed: false }
        }
        Kind::TriInv { unit: true, reversed: true } => {
            &tri_inv::TriInv { unit: true, reversed: true }
        }
        Kind::Solve => &solve::Solve,
        Kind::PosdefSolve => &solve::PosdefSolve,
    }
}

/// The largest order of the lane route: beyond it a register's matrices outgrow the first-level
/// cache, and one matrix at a time by columns is faster.
pub(crate) const fn lanes_max<T: Scalar>() -> usize {
    match (T::COMPLEX, size_of::<T::Real>()) {
        (false, 4) => 32,
        (false, _) => 24,
        _ => 20,
    }
}

/// Whether matrices of order `n` with `rhs` right-hand sides run in lanes: the sizes alone decide.
pub(crate) fn in_lanes<T: Scalar>(op: &dyn Op<T>, n: usize, rhs: usize) -> bool {
    n <= op.largest_in_lanes() && rhs <= solve::LANES_RHS
}

/// Whether `count` matrices of order `n` run by columns: one that could run in lanes, for the same
/// bits in less time, and those beyond the lanes up to [`columns::LARGEST`].
pub(crate) fn by_columns<T: Scalar>(op: &dyn Op<T>, n: usize, rhs: usize, count: usize) -> bool {
    let orders = closed::largest::<T>() + 1..=columns::LARGEST;
    op.largest_in_lanes() > 0
        && orders.contains(&n)
        && rhs <= solve::LANES_RHS
        && (count == 1 || !in_lanes(op, n, rhs))
}

/// Reals of scratch for a group, by whichever of these routes it runs.
pub(crate) fn scratch<T: Scalar>(op: &dyn Op<T>, n: usize, rhs: usize) -> usize {
    let lanes = if in_lanes(op, n, rhs) { lanes::scratch(n, rhs) } else { 0 };
    let columns = if by_columns(op, n, rhs, 1) { columns::scratch(n, rhs) } else { 0 };
    lanes.max(columns)
}

/// How many matrices make a group: those that a kernel takes at once.
pub(crate) fn group<T: Scalar>(op: &dyn Op<T>, n: usize, rhs: usize, count: usize) -> usize {
    let together = in_lanes(op, n, rhs) || by_columns(op, n, rhs, count);
    if together { lanes::GROUP } else { 1 }
}

/// Runs a kernel of one matrix on each of a group; the suspects.
pub(crate) fn each<T: Scalar>(g: &Group<T>, suspect: impl Fn(&Group<T>) -> bool) -> Suspects {
    let bad = (0..g.src.len()).fold(0, |bad, i| bad | (suspect(&g.part(i, 1)) as u64) << i);
    Suspects { bad, unstored: if g.force { 0 } else { bad } }
}

/// What became of a group: its suspects, or for one matrix that is gone why it has no result.
pub(crate) type Ran = Result<Suspects, Status>;

/// Runs a group by the route that the order fixes, with its [`scratch`]. A matrix has the same bits by
/// columns and in lanes; alone it runs by columns, which takes less time.
///
/// # Safety
/// As [`Op`].
pub(crate) unsafe fn run<T: Scalar>(
    op: &dyn Op<T>,
    cx: &Context<T>,
    g: &Group<T>,
) -> Result<Ran, Error> {
    // SAFETY: the caller's.
    unsafe {
        let rhs = if g.rhs.is_empty() { 0 } else { g.rhs_from.cols };
        let len = g.src.len();
        if by_columns(op, g.n, rhs, len) {
            if let Some(suspects) = op.by_columns(cx.kernels, g) {
                return Ok(Ok(suspects));
            }
            if len > 1 {
                // Each goes its own way.
                let mut all = Suspects::default();
                for i in 0..len {
                    let Ok(one) = run(op, cx, &g.part(i, 1))? else { continue };
                    all.bad |= one.bad << i;
                    all.unstored |= one.unstored << i;
                }
                return Ok(Ok(all));
            }
        }
        if in_lanes(op, g.n, rhs) {
            return Ok(Ok(op.lanes(cx.kernels, g)));
        }
        Ok(match op.blocked(cx, g)? {
            Outcome::Done => Ok(Suspects::default()),
            Outcome::Suspect => Ok(Suspects::all(1)),
            Outcome::Failed(status) => Err(status),
        })
    }
}

/// Whether the sums that a blocked route took are beyond suspicion; the lanes' `good`.
pub(crate) fn in_range<R: RealScalar>(recips: R, written: R) -> bool {
    R::BIG > recips && R::INFINITY > written
}
