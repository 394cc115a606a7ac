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
        const SQUARE: usize = 32;
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

/// Columns that are copied out at a time.
const COPIED: usize = 32;

/// The lower triangle of V^H V in the place of the lower V (LAPACK's lauum), strip by strip of rows
/// from the top: a strip needs only what is below it.
unsafe fn multiply_adjoint<T: Scalar>(
    cx: &Context<T>,
    n: usize,
    a: *mut T,
    ld: isize,
) -> Result<(), Error> {
    let width = ROWS.min(n);
    let matrix = Shared(a);
    let at = |i: usize, j: usize| matrix.get().wrapping_offset(i as isize + j as isize * ld);
    let one = cx.sequential();
    arena::with(width * width, |diagonal: *mut T| {
        let diagonal = Shared(diagonal);
        for first in (0..n).step_by(width) {
            let next = n.min(first + width);
            let (m, k) = (next - first, n - next);
            // SAFETY: blocks of the caller's matrix; the copy holds the diagonal block.
            unsafe {
                copy_columns(&one, (m, m), at(first, first), ld, diagonal.get(), width as isize)?;
                let below = Operand::columns(at(next, first).cast_const(), ld);
                let panel = Panel { k, ld, update: Update::Add };
                let threads = cx.threads_for(m, next, n - first);
                let shares = Shares::new(first, threads, 8 * cx.kernels.nr);
                cx.each(1 + shares.count, threads, &|task| {
                    if task == 0 {
                        multiply_adjoint_small(&one, m, at(first, first), ld)?;
                        return panel.square(&one, m, below.adjoint(), below, at(first, first));
                    }
                    let columns = shares.range(task - 1);
                    let (begin, cols) = (columns.start, columns.len());
                    let c = at(first, begin);
                    // The adjoint of the diagonal block is an upper triangle.
                    let adjoint = Triangle {
                        t: diagonal.get().cast_const(),
                        rs: width as isize,
                        cs: 1,
                        conj: true,
                        lower: false,
                        unit: false,
                    };
                    arena::with(m * COPIED, |copy: *mut T| {
                        for j in (0..cols).step_by(COPIED) {
                            let (size, c) = ((m, COPIED.min(cols - j)), at(first, begin + j));
                            copy_columns(&one, size, c, ld, copy, m as isize)?;
                            let b = Operand::columns(copy.cast_const(), m as isize);
                            multiply_left(&one, size, false, adjoint, b, c, ld)?;
                        }
                        Ok(())
                    })?;
                    let b = Operand::columns(at(next, begin).cast_const(), ld);
                    panel.full(&one, m, cols, below.adjoint(), b, c)
                })?;
            }
        }
        Ok(())
    })
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
