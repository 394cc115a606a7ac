//! Cholesky of the lower triangle, and the inverse from it.

use super::gemm::{Operand, Product, Update};
use super::strips::ROWS;
use super::triangular::{invert, multiply_left, solve_right, solve_rows};
use super::{Context, Shared, Shares, copy_columns, half, panel_width};
use crate::device::cpu::arena;
use crate::error::Error;
use ainv_kernels::block::{Block, unreal_above};
use ainv_kernels::scalar::{RealScalar, Scalar};
use ainv_kernels::trsm::{BLOCK, Triangle};
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A = L L^H in the lower triangle's place; what stands above the diagonal stays. The 1-based
/// number of the first pivot that is not positive or not real, or 0 (Higham, algorithm 10.2, by
/// blocks, right-looking).
///
/// # Safety
/// A is writable over n x n, columns `ld` apart.
pub(crate) unsafe fn factor<T: Scalar>(
    cx: &Context<T>,
    n: usize,
    a: *mut T,
    ld: isize,
) -> Result<usize, Error> {
    // A diagonal entry is judged as it came: the updates leave more rounding in it.
    let rounding = unreal_above::<T::Real>(n);
    let unreal = |i: &usize| {
        // SAFETY: the caller's diagonal.
        let x = unsafe { a.offset(*i as isize * (1 + ld)).read() };
        RealScalar::abs(x.im()) > RealScalar::abs(x.re()) * rounding
    };
    let unreal = (0..n).find(unreal).map_or(0, |i| i + 1);
    // SAFETY: the caller's matrix.
    let at = unsafe { factor_real(cx, n, a, ld)? };
    Ok(if at == 0 || (unreal != 0 && unreal < at) { unreal } else { at })
}

/// [`factor`] where the imaginary parts of the diagonal are rounding, to be dropped. Stops at the
/// first pivot that is not positive.
unsafe fn factor_real<T: Scalar>(
    cx: &Context<T>,
    n: usize,
    a: *mut T,
    ld: isize,
) -> Result<usize, Error> {
    let width = panel_width(n).min(n);
    let matrix = Shared(a);
    let at = |i: usize, j: usize| matrix.get().wrapping_offset(i as isize + j as isize * ld);
    let one = cx.sequential();
    // SAFETY: blocks of the caller's matrix.
    unsafe {
        let bad = factor_small(&one, width, a, ld)?;
        if bad != 0 {
            return Ok(bad);
        }
        for first in (0..n).step_by(width) {
            let next = n.min(first + width);
            let (after, k, m) = (n.min(next + width), next - first, n - next);
            if m == 0 {
                break;
            }
            // A21 = A21 L11^-H: the adjoint of L11 is an upper triangle.
            let adjoint = Triangle {
                t: at(first, first).cast_const(),
                rs: ld,
                cs: 1,
                conj: true,
                lower: false,
                unit: false,
            };
            solve_right(cx, (m, k), adjoint, at(next, first), ld)?;
            // The next diagonal block is factored while the columns behind it are updated.
            let threads = cx.threads_for(m, m / 2, k);
            let bad = AtomicUsize::new(0);
            let l = |i: usize| Operand::columns(at(i, first).cast_const(), ld);
            let panel = Panel { k, ld, update: Update::Subtract };
            let shares = Shares::new(n - after, threads, 4 * cx.kernels.nr);
            cx.each(2 + shares.count, threads, &|task| {
                if task == 0 {
                    panel.square(&one, after - next, l(next), l(next).adjoint(), at(next, next))?;
                    let found = factor_small(&one, after - next, at(next, next), ld)?;
                    bad.store(found, Ordering::Relaxed);
                    return Ok(());
                }
                // The columns of the next panel below its diagonal block, then shares of the others.
                let columns = match task {
                    1 => next..after,
                    _ => {
                        let share = shares.range(task - 2);
                        after + share.start..after + share.end
                    }
                };
                let b = l(columns.start).adjoint();
                if task > 1 {
                    let c = at(columns.start, columns.start);
                    panel.square(&one, columns.len(), l(columns.start), b, c)?;
                }
                let c = at(columns.end, columns.start);
                panel.full(&one, n - columns.end, columns.len(), l(columns.end), b, c)
            })?;
            let bad = bad.into_inner();
            if bad != 0 {
                return Ok(next + bad);
            }
        }
        Ok(0)
    }
}

/// Steps of a product that are packed at a time: fewer than it takes, for an inverse in place, whose
/// adjoint has to be packed. Part of the algorithm, as it fixes the order of the additions.
const DEPTH: usize = 256;

/// Order of the diagonal blocks of a Hermitian product, which are computed whole.
const SQUARE: usize = 32;

/// Products of `k` steps that update blocks of one matrix.
struct Panel {
    k: usize,
    ld: isize,
    update: Update,
}

impl Panel {
    unsafe fn full<T: Scalar>(
        &self,
        cx: &Context<T>,
        m: usize,
        n: usize,
        a: Operand<T>,
        b: Operand<T>,
        c: *mut T,
    ) -> Result<(), Error> {
        let Panel { ld, update, .. } = *self;
        for done in (0..self.k).step_by(DEPTH) {
            let k = DEPTH.min(self.k - done);
            let (a, b) = (a.from(0, done), b.from(done, 0));
            // SAFETY: the caller's block.
            unsafe { Product { m, n, k, a, b, update, c, ldc: ld }.sequential(cx)? };
        }
        Ok(())
    }

    /// The lower triangle of C for a product that is Hermitian.
    unsafe fn square<T: Scalar>(
        &self,
        cx: &Context<T>,
        n: usize,
        a: Operand<T>,
        b: Operand<T>,
        c: *mut T,
    ) -> Result<(), Error> {
        // SAFETY: the caller's block.
        unsafe {
            if n <= SQUARE {
                return arena::with(n * n, |sum: *mut T| {
                    sum.write_bytes(0, n * n);
                    let whole = Panel { k: self.k, ld: n as isize, update: Update::Add };
                    whole.full(cx, n, n, a, b, sum)?;
                    for j in 0..n {
                        for i in j..n {
                            let c = c.offset(i as isize + j as isize * self.ld);
                            let x = sum.add(i + j * n).read();
                            c.write(if self.update == Update::Add { *c + x } else { *c - x });
                        }
                    }
                    Ok(())
                });
            }
            let h = half(n, SQUARE);
            let (below, right) = (a.from(h, 0), b.from(0, h));
            self.square(cx, h, a, b, c)?;
            self.full(cx, n - h, h, below, b, c.add(h))?;
            self.square(cx, n - h, below, right, c.offset(h as isize * (1 + self.ld)))
        }
    }
}

/// [`factor_real`] of a diagonal block.
unsafe fn factor_small<T: Scalar>(
    cx: &Context<T>,
    n: usize,
    a: *mut T,
    ld: isize,
) -> Result<usize, Error> {
    // SAFETY: blocks of the caller's matrix.
    unsafe {
        if n <= BLOCK {
            return Ok((cx.kernels.block_cholesky)(&Block { n, a, ld }));
        }
        let h = half(n, BLOCK);
        let (a21, a22) = (a.add(h), a.offset(h as isize * (1 + ld)));
        let at = factor_small(cx, h, a, ld)?;
        if at != 0 {
            return Ok(at);
        }
        let adjoint = Triangle { t: a, rs: ld, cs: 1, conj: true, lower: false, unit: false };
        solve_rows(cx, (n - h, h), adjoint, a21, ld)?;
        let l21 = Operand::columns(a21.cast_const(), ld);
        let panel = Panel { k: h, ld, update: Update::Subtract };
        panel.square(cx, n - h, l21, l21.adjoint(), a22)?;
        let at = factor_small(cx, n - h, a22, ld)?;
        Ok(if at != 0 { h + at } else { 0 })
    }
}

/// A^-1 = L^-H L^-1 in L's place, the lower triangle only: 2/3 n^3 flops (LAPACK's potri).
///
/// # Safety
/// As [`factor`].
pub(crate) unsafe fn invert_factor<T: Scalar>(
    cx: &Context<T>,
    n: usize,
    a: *mut T,
    ld: isize,
) -> Result<(), Error> {
    // SAFETY: the caller's matrix.
    unsafe {
        invert(cx, n, true, a, ld)?;
        cx.next_phase();
        multiply_adjoint(cx, n, a, ld)
    }
}

/// The lower triangle of V^H V in the place of the lower V (LAPACK's lauum), strip by strip of rows
/// from the top: a strip needs only what is below it. While one is computed the next is begun, where
/// there is memory for both.
unsafe fn multiply_adjoint<T: Scalar>(
    cx: &Context<T>,
    n: usize,
    a: *mut T,
    ld: isize,
) -> Result<(), Error> {
    let width = ROWS.min(n);
    // One thread packs what it needs where it needs it.
    let shared = cx.scratch().ample && cx.threads > 1;
    let packed = if shared { width.next_multiple_of(cx.kernels.mr) * n } else { 0 };
    let (each, both) = (width * width + packed, cx.scratch().ample);
    let places = if both { 2 } else { 1 };
    arena::with(places * each, |copies: *mut T| {
        let strip = |first: usize| {
            let m = width.min(n - first);
            let adjoint = copies.wrapping_add(first / width % places * each);
            let threads = cx.threads_for(m, first + m, n - first);
            let left = Shares::new(first, threads, 4 * cx.kernels.nr);
            let rows = match shared && left.count > 1 {
                true => Shares::new(m, threads, cx.kernels.mr),
                false => Shares::new(0, 1, 1),
            };
            let packed = Shared(adjoint.wrapping_add(width * width));
            let (a, adjoint, k) = (Shared(a), Shared(adjoint), n - first - m);
            AdjointStrip { a, ld, first, m, k, adjoint, packed, left, rows, threads }
        };
        let one = cx.sequential();
        let mut this = strip(0);
        let begin = |strip: &AdjointStrip<T>| {
            // SAFETY: the strip's diagonal block and its copies, each one task's.
            cx.each(strip.beginnings(), strip.threads, &|task| unsafe { strip.begin(&one, task) })
        };
        begin(&this)?;
        loop {
            let end = this.first + this.m;
            let next = (end < n).then(|| strip(end));
            let (tasks, beside) = (this.tasks(), next.as_ref().filter(|_| both));
            let begun = beside.map_or(0, AdjointStrip::beginnings);
            // SAFETY: columns of this strip, and the next one's diagonal block and copies, which are
            // behind them; each one task's.
            cx.each(tasks + begun, this.threads, &|task| unsafe {
                match (beside, task.checked_sub(tasks)) {
                    (Some(next), Some(task)) => next.begin(&one, task),
                    _ => this.task(&one, task),
                }
            })?;
            let Some(next) = next else { return Ok(()) };
            if !both {
                begin(&next)?;
            }
            this = next;
        }
    })
}

/// Columns that are copied out at a time: whole tiles of most widths.
const COPIED: usize = 48;

/// `m` rows of V^H V from row `first` on, which take what is in V's `k` rows below them.
struct AdjointStrip<T> {
    a: Shared<T>,
    ld: isize,
    first: usize,
    m: usize,
    k: usize,
    /// The adjoint of V's diagonal block, an upper triangle, columns `m` apart.
    adjoint: Shared<T>,
    packed: Shared<T>,
    /// The columns left of the diagonal block.
    left: Shares,
    /// The rows of the left operand that is packed for all threads, if it is.
    rows: Shares,
    threads: usize,
}

impl<T: Scalar> AdjointStrip<T> {
    fn at(&self, i: usize, j: usize) -> *mut T {
        self.a.get().wrapping_offset(i as isize + j as isize * self.ld)
    }

    /// V's columns under the diagonal block.
    fn below(&self) -> Operand<T> {
        Operand::columns(self.at(self.first + self.m, self.first).cast_const(), self.ld)
    }

    fn panel(&self) -> Panel {
        Panel { k: self.k, ld: self.ld, update: Update::Add }
    }

    /// How many tasks come before the others.
    fn beginnings(&self) -> usize {
        1 + self.rows.count
    }

    /// The product of the diagonal block with itself, and its adjoint apart; the left operand, packed.
    unsafe fn begin(&self, cx: &Context<T>, task: usize) -> Result<(), Error> {
        let block = self.at(self.first, self.first);
        // SAFETY: the caller's triangle, and its copies.
        unsafe {
            if task > 0 {
                let rows = self.rows.range(task - 1);
                let left = self.below().adjoint().from(rows.start, 0);
                let to = self.packed.get().add(rows.start * self.k);
                left.packed(cx, (rows.len(), self.k), to, self.k);
                return Ok(());
            }
            for j in 0..self.m {
                for i in 0..j + 1 {
                    let x = block.offset(j as isize + i as isize * self.ld).read().conj();
                    self.adjoint.get().add(i + j * self.m).write(x);
                }
            }
            multiply_adjoint_small(cx, self.m, block, self.ld)
        }
    }

    fn tasks(&self) -> usize {
        self.left.count + self.m.div_ceil(SQUARE)
    }

    /// Columns left of the diagonal block, or of its lower triangle.
    unsafe fn task(&self, cx: &Context<T>, task: usize) -> Result<(), Error> {
        // SAFETY: the caller's columns.
        unsafe {
            match task.checked_sub(self.left.count) {
                None => self.left(cx, self.left.range(task)),
                Some(i) => self.diagonal(cx, i * SQUARE..self.m.min((i + 1) * SQUARE)),
            }
        }
    }

    unsafe fn left(&self, cx: &Context<T>, columns: Range<usize>) -> Result<(), Error> {
        let AdjointStrip { ld, first, m, k, .. } = *self;
        let (t, cs) = (self.adjoint.get().cast_const(), m as isize);
        let adjoint = Triangle { t, rs: 1, cs, conj: false, lower: false, unit: false };
        // SAFETY: the caller's columns.
        unsafe {
            arena::with(m * COPIED, |copy: *mut T| {
                for j in columns.clone().step_by(COPIED) {
                    let (size, c) = ((m, COPIED.min(columns.end - j)), self.at(first, j));
                    copy_columns(cx, size, c, ld, copy, m as isize)?;
                    let b = Operand::columns(copy.cast_const(), m as isize);
                    multiply_left(cx, size, false, adjoint, b, c, ld)?;
                }
                Ok(())
            })?;
            let below = match self.rows.count {
                0 => self.below().adjoint(),
                _ => Operand::in_panels(cx, self.packed.get(), k),
            };
            let b = Operand::columns(self.at(first + m, columns.start).cast_const(), ld);
            self.panel().full(cx, m, columns.len(), below, b, self.at(first, columns.start))
        }
    }

    unsafe fn diagonal(&self, cx: &Context<T>, columns: Range<usize>) -> Result<(), Error> {
        let AdjointStrip { first, m, .. } = *self;
        let Range { start, end } = columns;
        let (a, b) = (self.below().adjoint(), self.below().from(0, start));
        let c = |i: usize| self.at(first + i, first + start);
        // SAFETY: the caller's columns.
        unsafe {
            self.panel().square(cx, end - start, a.from(start, 0), b, c(start))?;
            self.panel().full(cx, m - end, end - start, a.from(end, 0), b, c(end))
        }
    }
}

/// [`multiply_adjoint`] of a diagonal block.
unsafe fn multiply_adjoint_small<T: Scalar>(
    cx: &Context<T>,
    n: usize,
    a: *mut T,
    ld: isize,
) -> Result<(), Error> {
    // SAFETY: blocks of the caller's matrix.
    unsafe {
        if n <= BLOCK {
            (cx.kernels.block_adjoint_product)(&Block { n, a, ld });
            return Ok(());
        }
        let h = half(n, BLOCK);
        let (a21, a22) = (a.add(h), a.offset(h as isize * (1 + ld)));
        multiply_adjoint_small(cx, h, a, ld)?;
        let v21 = Operand::columns(a21.cast_const(), ld);
        let panel = Panel { k: n - h, ld, update: Update::Add };
        panel.square(cx, h, v21.adjoint(), v21, a)?;
        // The adjoint of V22 is an upper triangle.
        let adjoint = Triangle { t: a22, rs: ld, cs: 1, conj: true, lower: false, unit: false };
        arena::with((n - h) * h, |copy: *mut T| {
            let rows = n - h;
            copy_columns(cx, (rows, h), a21, ld, copy, rows as isize)?;
            let b = Operand::columns(copy.cast_const(), rows as isize);
            multiply_left(cx, (rows, h), false, adjoint, b, a21, ld)
        })?;
        multiply_adjoint_small(cx, n - h, a22, ld)
    }
}
