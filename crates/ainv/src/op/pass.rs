//! Passes over a whole matrix: entries are copied or cleared, and summed while they are in cache.

use super::norms::Entries;
use crate::alg::{Context, Shared};
use crate::device::cpu::executor::{let_in, pause};
use crate::error::{Error, filled};
use ainv_kernels::places::Frame;
use ainv_kernels::scalar::{RealScalar, Scalar};
use ainv_kernels::sums::SUMS;
use ainv_kernels::transpose::Transpose;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

/// The entries of a matrix that count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    All,
    /// The triangle with the diagonal.
    Lower,
    Upper,
}

impl Part {
    /// The rows that count of column j, of m.
    fn rows(self, m: usize, j: usize) -> Range<usize> {
        match self {
            Part::All => 0..m,
            Part::Lower => j.min(m)..m,
            Part::Upper => 0..m.min(j + 1),
        }
    }

    /// The rows of which some columns hold an entry that counts.
    fn hull(self, m: usize, columns: &Range<usize>) -> Range<usize> {
        match self {
            Part::Lower => self.rows(m, columns.start),
            _ => self.rows(m, columns.end - 1),
        }
    }
}

/// A block whose rows are adjacent, columns `ld` apart, and what counts of it.
#[derive(Clone, Copy)]
pub(crate) struct Columns<T> {
    pub m: usize,
    pub n: usize,
    pub p: *mut T,
    pub ld: usize,
    pub part: Part,
    /// The diagonal counts as ones, which a pass writes there before it sums.
    pub unit: bool,
}

// SAFETY: the tasks that share a block work on columns of their own.
unsafe impl<T> Sync for Columns<T> {}

/// The sums of |re| + |im| over the entries that count.
#[derive(Clone, Copy)]
pub(crate) struct Sums<R> {
    /// Of all of them; NaN or infinite if one is.
    pub total: R,
    /// The largest of a column.
    column: R,
    /// If that was asked, the largest of a row, and whether those of each row and each column are in
    /// range (the lanes' `lines_good`).
    lines: Option<(R, bool)>,
}

impl<R: RealScalar> Sums<R> {
    /// Whether each row and each column is in range, or without `lines` the whole.
    pub(crate) fn fits(&self, lines: bool) -> bool {
        match lines {
            true => self.lines.is_some_and(|(_, fit)| fit),
            false => R::BIG > self.total && self.total > R::SMALL,
        }
    }

    /// A bound, but for rounding, of the 1-norm of the transpose of what these entries stand for. It is that
    /// norm itself of a real matrix or triangle, and NaN if the lines were not asked.
    pub(crate) fn bound(&self, entries: Entries) -> f64 {
        let row = self.row();
        match entries {
            // A line of the whole is one of the triangle and one of its mirror image.
            Entries::Mirrored { .. } => row + self.column(),
            Entries::Factor => row * self.column(),
            _ => row,
        }
    }

    /// A bound of the 2-norm, the root of that of the 1-norm times that of the infinity norm; NaN if the
    /// lines were not asked.
    pub(crate) fn norm(&self) -> f64 {
        (self.row() * self.column()).sqrt()
    }

    /// The largest sum of a row; NaN if the lines were not asked.
    pub(crate) fn row(&self) -> f64 {
        self.lines.map_or(f64::NAN, |(row, _)| row.to_f64())
    }

    /// The largest sum of a column.
    pub(crate) fn column(&self) -> f64 {
        self.column.to_f64()
    }
}

impl<T: Scalar> Columns<T> {
    pub(crate) fn new((m, n): (usize, usize), p: *mut T, ld: usize, part: Part) -> Self {
        Columns { m, n, p, ld, part, unit: false }
    }

    fn column(&self, j: usize) -> *mut T {
        self.p.wrapping_add(j * self.ld)
    }

    fn frame(&self) -> Frame {
        Frame::by_columns(self.m, self.n, self.ld)
    }

    /// Fills it from a matrix of any strides; what does not count becomes zero, whatever it was. With
    /// `lines` those are looked at.
    ///
    /// # Safety
    /// Both are valid over their sizes, which are equal, and apart.
    pub(crate) unsafe fn load(
        &self,
        cx: &Context<T>,
        src: *const T,
        from: Frame,
        lines: bool,
    ) -> Result<Sums<T::Real>, Error> {
        let src = Shared(src.cast_mut());
        let fill = |columns: Range<usize>| {
            pause(cx.cancel)?;
            let rows = self.part.hull(self.m, &columns);
            let block = Frame { rows: rows.len(), cols: columns.len(), ..from };
            let src = src.get().wrapping_offset(from.at(rows.start, columns.start));
            let to = self.column(columns.start).wrapping_add(rows.start);
            // SAFETY: columns of the caller's matrices, no one else's.
            unsafe {
                let to_frame = Frame { rs: 1, cs: self.ld as isize, ..block };
                copy_block(cx, src.cast_const(), block, to, to_frame);
                self.clear_columns(columns);
            }
            Ok(())
        };
        // SAFETY: the caller's.
        unsafe { self.pass(cx, lines, &fill) }
    }

    /// Copies all of it to a matrix of any strides; the sums of what counts. Once begun it is not
    /// cancelled, so that the caller's matrix is whole or as it was.
    ///
    /// # Safety
    /// As [`load`](Columns::load).
    pub(crate) unsafe fn store(
        &self,
        cx: &Context<T>,
        dst: *mut T,
        to: Frame,
        lines: bool,
    ) -> Result<Sums<T::Real>, Error> {
        let dst = Shared(dst);
        let write = |columns: Range<usize>| {
            let cols = columns.len();
            let src = self.column(columns.start).cast_const();
            let dst = dst.get().wrapping_offset(to.at(0, columns.start));
            // SAFETY: columns of the caller's matrices, no one else's.
            unsafe {
                copy_block(cx, src, Frame { cols, ..self.frame() }, dst, Frame { cols, ..to })
            }
            Ok(())
        };
        // SAFETY: the caller's.
        unsafe { self.pass(cx, lines, &write) }
    }

    /// The sums alone.
    ///
    /// # Safety
    /// The block is valid.
    pub(crate) unsafe fn sums(&self, cx: &Context<T>, lines: bool) -> Result<Sums<T::Real>, Error> {
        // SAFETY: the caller's block.
        unsafe { self.pass(cx, lines, &|_| pause(cx.cancel)) }
    }

    /// What does not count becomes zero; the sums.
    ///
    /// # Safety
    /// The block is writable.
    pub(crate) unsafe fn clear(
        &self,
        cx: &Context<T>,
        lines: bool,
    ) -> Result<Sums<T::Real>, Error> {
        let clear = |columns| {
            // SAFETY: columns of the caller's block, no one else's.
            unsafe { self.clear_columns(columns) }
            pause(cx.cancel)
        };
        // SAFETY: the caller's block.
        unsafe { self.pass(cx, lines, &clear) }
    }

    /// The Frobenius norm, and the largest sum of |re| + |im| over a column.
    ///
    /// # Safety
    /// The block is valid.
    pub(crate) unsafe fn norms(&self, cx: &Context<T>) -> Result<(f64, f64), Error> {
        let Columns { m, n, .. } = *self;
        let count = groups(m, n);
        let mut each = [(0.0, 0.0); GROUPS];
        let to = Shared(each.as_mut_ptr());
        cx.each(count, cx.threads_for(m, n, 8), &|i| {
            let (mut squares, mut largest) = (0.0, 0.0f64);
            for j in n * i / count..n * (i + 1) / count {
                pause(cx.cancel)?;
                // SAFETY: the caller's column.
                let (square, sum) = unsafe {
                    let column = self.column(j).cast_const();
                    let sum = (cx.kernels.sum_abs)(column, m, std::ptr::null_mut());
                    ((cx.kernels.sum_squares)(column, m), sum)
                };
                squares += square.to_f64();
                largest = largest.max(sum.to_f64());
            }
            // SAFETY: the place of this task.
            unsafe { to.get().add(i).write((squares, largest)) };
            Ok(())
        })?;
        let squares: f64 = each.iter().map(|e| e.0).sum();
        Ok((squares.sqrt(), each.iter().map(|e| e.1).fold(0.0, f64::max)))
    }

    unsafe fn clear_columns(&self, columns: Range<usize>) {
        for j in columns {
            let rows = self.part.rows(self.m, j);
            for rest in [0..rows.start, rows.end..self.m] {
                // SAFETY: rows of the caller's column.
                let rest = unsafe {
                    std::slice::from_raw_parts_mut(self.column(j).add(rest.start), rest.len())
                };
                rest.fill(T::default());
            }
        }
    }

    /// Does something with a few columns after the other, and takes their sums.
    ///
    /// # Safety
    /// The block is valid, once `first` was called on its columns.
    unsafe fn pass(
        &self,
        cx: &Context<T>,
        lines: bool,
        first: &(dyn Fn(Range<usize>) -> Result<(), Error> + Sync),
    ) -> Result<Sums<T::Real>, Error> {
        let Columns { m, n, part, .. } = *self;
        let zero = T::Real::default();
        let large = T::Real::ONE.times_power_of_two(T::Real::LINE_EXP);
        let small = T::Real::ONE.times_power_of_two(-T::Real::LINE_EXP);
        let fits = |sum: T::Real| large > sum && sum > small;
        let larger = |a: T::Real, b: T::Real| if b > a { b } else { a };
        let count = groups(m, n);
        let good = AtomicBool::new(true);
        // Of each group of columns, and of its largest one.
        let mut totals = [(zero, zero); GROUPS];
        let apart = m.next_multiple_of(SUMS) + SUMS;
        let mut by_row = filled(zero, if lines { count * apart } else { 0 })?;
        let (to, by) = (Shared(totals.as_mut_ptr()), Shared(by_row.as_mut_ptr()));
        cx.each(count, cx.threads_for(m, n, 8), &|i| {
            let (end, mut total, mut largest) = (n * (i + 1) / count, zero, zero);
            for at in (n * i / count..end).step_by(TOGETHER) {
                let_in();
                let columns = at..end.min(at + TOGETHER);
                first(columns.clone())?;
                for j in columns {
                    let rows = part.rows(m, j);
                    if self.unit {
                        // SAFETY: an entry of the caller's column.
                        unsafe { self.column(j).add(j).write(T::from_re(T::Real::ONE)) };
                    }
                    let by = match lines {
                        true => by.get().wrapping_add(i * apart + rows.start),
                        false => std::ptr::null_mut(),
                    };
                    // SAFETY: the caller's column, and the rows' sums of this task.
                    let sum = unsafe {
                        (cx.kernels.sum_abs)(self.column(j).add(rows.start), rows.len(), by)
                    };
                    total = total + sum;
                    largest = larger(largest, sum);
                    if lines && !fits(sum) {
                        good.store(false, Ordering::Relaxed);
                    }
                }
            }
            // SAFETY: the sums of this task.
            unsafe { to.get().add(i).write((total, largest)) };
            Ok(())
        })?;
        let lines = lines.then(|| {
            let (rows, others) = by_row.split_at_mut(apart);
            for other in others.chunks_exact(apart) {
                rows.iter_mut().zip(other).for_each(|(sum, x)| *sum = *sum + *x);
            }
            let rows = &rows[..m];
            let fit = good.into_inner() && rows.iter().all(|sum| fits(*sum));
            (rows.iter().copied().fold(zero, larger), fit)
        });
        let (total, column) = totals
            .iter()
            .fold((zero, zero), |(sum, top), (total, column)| (sum + *total, larger(top, *column)));
        Ok(Sums { total, column, lines })
    }
}

/// Columns that are copied together before they are summed: as many as the transposition of a block
/// of rows takes at a time.
const TOGETHER: usize = 16;

/// Groups of columns whose sums are taken side by side: part of the algorithm, as it fixes the order
/// of the additions.
const GROUPS: usize = 16;

fn groups(m: usize, n: usize) -> usize {
    if m * n < 192 * 192 { 1 } else { GROUPS.min(n) }
}

/// Entries of a side of the squares that are copied where neither side's are adjacent.
const SQUARE: usize = 16;

/// Copies a matrix of any strides to a matrix of any strides, on this thread.
pub(super) unsafe fn copy_block<T: Scalar>(
    cx: &Context<T>,
    src: *const T,
    from: Frame,
    dst: *mut T,
    to: Frame,
) {
    // Along the destination's adjacent elements, in squares that keep both sides' lines in cache.
    let (from, to) =
        if to.cs.abs() < to.rs.abs() { (from.transposed(), to.transposed()) } else { (from, to) };
    // SAFETY: elements of the caller's matrices.
    unsafe {
        if from.rs == 1 && to.rs == 1 {
            for j in 0..from.cols {
                let_in();
                let (x, y) = (src.offset(from.at(0, j)), dst.offset(to.at(0, j)));
                std::ptr::copy_nonoverlapping(x, y, from.rows);
            }
            return;
        }
        if from.cs == 1 && to.rs == 1 {
            const BLOCK: usize = 4 * SQUARE;
            for j0 in (0..from.cols).step_by(BLOCK) {
                let_in();
                for i0 in (0..from.rows).step_by(BLOCK) {
                    (cx.kernels.transpose)(&Transpose {
                        m: from.cols.min(j0 + BLOCK) - j0,
                        n: from.rows.min(i0 + BLOCK) - i0,
                        src: src.offset(from.at(i0, j0)),
                        ld: from.rs,
                        to: dst.offset(to.at(i0, j0)),
                        to_ld: to.cs,
                        conj: false,
                    });
                }
            }
            return;
        }
        for j0 in (0..from.cols).step_by(SQUARE) {
            let_in();
            for i0 in (0..from.rows).step_by(SQUARE) {
                for j in j0..from.cols.min(j0 + SQUARE) {
                    for i in i0..from.rows.min(i0 + SQUARE) {
                        dst.offset(to.at(i, j)).write(src.offset(from.at(i, j)).read());
                    }
                }
            }
        }
    }
}
