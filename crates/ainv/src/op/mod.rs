//! WHAT is computed: one file, one operation.
//!
//! An operation says how it runs on a group of small matrices (by a lane kernel) and on one matrix
//! of any order (blocked), and what its edge cases mean. Both routes answer with *suspects*;
//! [`settle`] decides about each of those: NaN, infinity, range or singular.

pub(crate) mod cholesky;
pub(crate) mod diagonal;
pub(crate) mod inv;
pub(crate) mod pinv;
pub(crate) mod rcond;
mod settle;
pub(crate) mod solve;
pub(crate) mod staging;
pub(crate) mod tri_inv;
mod working;

pub(crate) use settle::{Scaling, exponent, settle};
pub(crate) use working::{Operand, Outcome, SCRATCH_UP_TO, on_working};

use crate::alg::{Context, Shared, Shares};
use crate::device::cpu::executor::let_in;
use crate::error::Error;
use crate::status::Status;
use ainv_kernels::lanes::{self, Group, Suspects, closed};
use ainv_kernels::places::Frame;
use ainv_kernels::scalar::{RealScalar, Scalar};
use ainv_kernels::transpose::Transpose;
use ainv_kernels::{Kernels, columns};
use std::sync::atomic::{AtomicBool, Ordering};

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
    fn scaling(&self, n: usize, a: &[T], b: &[T]) -> Scaling;
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

/// Copies a matrix of any strides to columns `ld` apart.
///
/// # Safety
/// Both are valid over `from`'s sizes.
pub(crate) unsafe fn load<T: Scalar>(
    cx: &Context<T>,
    src: *const T,
    from: Frame,
    w: *mut T,
    ld: usize,
) -> Result<(), Error> {
    let to = Frame { rs: 1, cs: ld as isize, ..from };
    // SAFETY: the caller's.
    unsafe { copy(cx, src, from, w, to) }
}

/// Copies a matrix of any strides to a matrix of any strides.
///
/// # Safety
/// Both are valid over their sizes, which are equal, and apart.
pub(crate) unsafe fn copy<T: Scalar>(
    cx: &Context<T>,
    src: *const T,
    from: Frame,
    dst: *mut T,
    to: Frame,
) -> Result<(), Error> {
    // Along the destination's adjacent elements, in squares that keep both sides' lines in cache.
    const SQUARE: usize = 16;
    let (from, to) =
        if to.cs.abs() < to.rs.abs() { (from.transposed(), to.transposed()) } else { (from, to) };
    let (src, dst) = (Shared(src.cast_mut()), Shared(dst));
    let threads = cx.threads_for(from.rows, from.cols, 8);
    let shares = Shares::new(from.cols, threads, SQUARE);
    cx.each(shares.count, threads, &|i| {
        let (src, dst, columns) = (src.get(), dst.get(), shares.range(i));
        // SAFETY: elements of the caller's matrices, these columns no one else's.
        unsafe {
            if from.rs == 1 && to.rs == 1 {
                for j in columns {
                    let_in();
                    let (x, y) = (src.offset(from.at(0, j)), dst.offset(to.at(0, j)));
                    std::ptr::copy_nonoverlapping(x, y, from.rows);
                }
                return Ok(());
            }
            if from.cs == 1 && to.rs == 1 {
                const BLOCK: usize = 4 * SQUARE;
                for j0 in columns.clone().step_by(BLOCK) {
                    let_in();
                    for i0 in (0..from.rows).step_by(BLOCK) {
                        (cx.kernels.transpose)(&Transpose {
                            m: columns.end.min(j0 + BLOCK) - j0,
                            n: from.rows.min(i0 + BLOCK) - i0,
                            src: src.offset(from.at(i0, j0)).cast_const(),
                            ld: from.rs,
                            to: dst.offset(to.at(i0, j0)),
                            to_ld: to.cs,
                            conj: false,
                        });
                    }
                }
                return Ok(());
            }
            for j0 in columns.clone().step_by(SQUARE) {
                let_in();
                for i0 in (0..from.rows).step_by(SQUARE) {
                    for j in j0..columns.end.min(j0 + SQUARE) {
                        for i in i0..from.rows.min(i0 + SQUARE) {
                            dst.offset(to.at(i, j)).write(src.offset(from.at(i, j)).read());
                        }
                    }
                }
            }
        }
        Ok(())
    })
}

/// Whether the sums that a blocked route took are beyond suspicion; the lanes' `good`.
pub(crate) fn in_range<R: RealScalar>(recips: R, written: R) -> bool {
    R::BIG > recips && R::INFINITY > written
}

/// Groups of columns whose sums are taken side by side: part of the algorithm, as it fixes the order
/// of the additions.
fn groups(n: usize) -> usize {
    if n < 512 { 1 } else { 8 }
}

/// The sum of |entries| of some rows of n columns, `ld` apart: NaN or infinite if one is.
///
/// # Safety
/// The entries are readable.
pub(crate) unsafe fn total_abs<T: Scalar>(
    cx: &Context<T>,
    w: *const T,
    rows: impl Fn(usize) -> std::ops::Range<usize> + Sync,
    n: usize,
    ld: usize,
) -> Result<T::Real, Error> {
    let count = groups(n);
    let mut sums = [T::Real::default(); 8];
    let (w, to) = (Shared(w.cast_mut()), Shared(sums.as_mut_ptr()));
    cx.each(count, cx.threads_for(n, n, 8), &|i| {
        let columns = n * i / count..n * (i + 1) / count;
        let mut sum = T::Real::default();
        for j in columns {
            let_in();
            let (rows, none) = (rows(j), std::ptr::null_mut());
            // SAFETY: the caller's column.
            let column = unsafe {
                let first = w.get().add(j * ld + rows.start);
                (cx.kernels.sum_abs)(first, rows.len(), none)
            };
            sum = sum + column;
        }
        // SAFETY: the sum of this task.
        unsafe { to.get().add(i).write(sum) };
        Ok(())
    })?;
    Ok(sums.into_iter().fold(T::Real::default(), |a, b| a + b))
}

/// Whether the sums of |entries| of each row and each column of an order n are in range; the lanes'
/// `lines_good`.
///
/// # Safety
/// As [`total_abs`].
pub(crate) unsafe fn lines_in_range<T: Scalar>(
    cx: &Context<T>,
    w: *const T,
    rows: impl Fn(usize) -> std::ops::Range<usize> + Sync,
    n: usize,
    ld: usize,
) -> Result<bool, Error> {
    let large = T::Real::ONE.times_power_of_two(T::Real::LINE_EXP);
    let small = T::Real::ONE.times_power_of_two(-T::Real::LINE_EXP);
    let fits = |sum: T::Real| large > sum && sum > small;
    let count = groups(n);
    let good = AtomicBool::new(true);
    let mut by_row = crate::error::filled(T::Real::default(), count * n)?;
    let (w, to) = (Shared(w.cast_mut()), Shared(by_row.as_mut_ptr()));
    cx.each(count, cx.threads_for(n, n, 8), &|i| {
        for j in n * i / count..n * (i + 1) / count {
            let_in();
            let rows = rows(j);
            // SAFETY: the caller's column, and the rows' sums of this task.
            let column = unsafe {
                let first = w.get().add(j * ld + rows.start);
                (cx.kernels.sum_abs)(first, rows.len(), to.get().add(i * n + rows.start))
            };
            if !fits(column) {
                good.store(false, Ordering::Relaxed);
            }
        }
        Ok(())
    })?;
    let row = |i: usize| (0..count).fold(T::Real::default(), |s, g| s + by_row[g * n + i]);
    Ok(good.into_inner() && (0..n).all(|i| fits(row(i))))
}
