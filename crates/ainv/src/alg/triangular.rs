//! Solves with and inverses of triangles: recursion onto the matrix product up to a strip's width,
//! strips of columns beyond it.

use super::gemm::{Operand, Product, Update};
use super::strips::{ROWS, Strip, group, strips};
use super::{Context, Shared, Shares, copy_columns, half, leading_dimension};
use crate::device::cpu::arena;
use crate::error::Error;
use ainv_kernels::block::Block;
use ainv_kernels::scalar::Scalar;
use ainv_kernels::trsm::{BLOCK, LeftUnitLower, Right, Triangle};
use std::ops::Range;

/// The block of a triangle's matrix off the diagonal that begins at `(i, j)`.
fn block<T: Scalar>(t: Triangle<T>, i: usize, j: usize) -> Operand<T> {
    let p = t.t.wrapping_offset(i as isize * t.rs + j as isize * t.cs);
    Operand::strided(p, t.rs, t.cs, t.conj)
}

/// X T = B in B's place: B is m x n, T of order n.
///
/// # Safety
/// T readable, B writable over their sizes, and apart.
pub(crate) unsafe fn solve_right<T: Scalar>(
    cx: &Context<T>,
    (m, n): (usize, usize),
    t: Triangle<T>,
    b: *mut T,
    ld: isize,
) -> Result<(), Error> {
    let (b, threads) = (Shared(b), cx.threads_for(m, n, n / 2));
    let shares = Shares::new(m, threads, cx.kernels.mr);
    // The rows of X do not know of each other.
    cx.each(shares.count, threads, &|i| {
        let rows = shares.range(i);
        let b = b.get().wrapping_add(rows.start);
        // SAFETY: rows of the caller's B, no one else's.
        unsafe { solve_rows(&cx.sequential(), (rows.len(), n), t, b, ld) }
    })
}

/// [`solve_right`] on this thread.
///
/// # Safety
/// As `solve_right`.
pub(crate) unsafe fn solve_rows<T: Scalar>(
    cx: &Context<T>,
    (m, n): (usize, usize),
    t: Triangle<T>,
    b: *mut T,
    ld: isize,
) -> Result<(), Error> {
    if n <= BLOCK {
        // SAFETY: the caller's triangle and rows.
        unsafe { (cx.kernels.trsm_right)(&Right { m, n, t, b, ld }) };
        return Ok(());
    }
    let h = half(n, BLOCK);
    let (b1, b2) = (b, b.wrapping_offset(h as isize * ld));
    let (t1, t2) = (t, t.from(h));
    // SAFETY: blocks of the caller's triangle and rows.
    unsafe {
        let update = |solved: *mut T, k: usize, t: Operand<T>, c: *mut T, n: usize| Product {
            m,
            n,
            k,
            a: Operand::columns(solved, ld),
            b: t,
            update: Update::Subtract,
            c,
            ldc: ld,
        };
        if t.lower {
            solve_rows(cx, (m, n - h), t2, b2, ld)?;
            update(b2, n - h, block(t, h, 0), b1, h).sequential(cx)?;
            solve_rows(cx, (m, h), t1, b1, ld)
        } else {
            solve_rows(cx, (m, h), t1, b1, ld)?;
            update(b1, h, block(t, 0, h), b2, n - h).sequential(cx)?;
            solve_rows(cx, (m, n - h), t2, b2, ld)
        }
    }
}

/// L X = B in B's place for a unit lower L of order n (columns `ldl` apart) and `cols` columns, on
/// this thread.
///
/// # Safety
/// As [`solve_right`].
pub(crate) unsafe fn solve_left_unit_lower<T: Scalar>(
    cx: &Context<T>,
    (n, cols): (usize, usize),
    l: *const T,
    ldl: isize,
    b: *mut T,
    ld: isize,
) -> Result<(), Error> {
    // SAFETY: blocks of the caller's triangle and columns.
    unsafe {
        if n <= BLOCK {
            (cx.kernels.trsm_left)(&LeftUnitLower { n, cols, l, ldl, b, ld });
            return Ok(());
        }
        let h = half(n, BLOCK);
        solve_left_unit_lower(cx, (h, cols), l, ldl, b, ld)?;
        let product = Product {
            m: n - h,
            n: cols,
            k: h,
            a: Operand::columns(l.add(h), ldl),
            b: Operand::columns(b, ld),
            update: Update::Subtract,
            c: b.add(h),
            ldc: ld,
        };
        product.sequential(cx)?;
        let rest = l.offset(h as isize * (1 + ldl));
        solve_left_unit_lower(cx, (n - h, cols), rest, ldl, b.add(h), ld)
    }
}

/// The largest triangle that is multiplied as a full square with zeros.
const DENSE: usize = 32;

/// C = T B, or -T B: T of order n, B and C n x cols, on this thread.
///
/// # Safety
/// As [`solve_right`]; C overlaps neither.
pub(crate) unsafe fn multiply_left<T: Scalar>(
    cx: &Context<T>,
    (n, cols): (usize, usize),
    minus: bool,
    t: Triangle<T>,
    b: Operand<T>,
    c: *mut T,
    ldc: isize,
) -> Result<(), Error> {
    let update = if minus { Update::SetMinus } else { Update::Set };
    // SAFETY: blocks of the caller's triangle and columns.
    unsafe {
        if n <= DENSE {
            return arena::with(n * n, |square: *mut T| {
                for j in 0..n {
                    let column = std::slice::from_raw_parts_mut(square.add(j * n), n);
                    column.fill(T::default());
                    for i in if t.lower { j..n } else { 0..j + 1 } {
                        column[i] = t.at(i, j);
                    }
                }
                let a = Operand::columns(square.cast_const(), n as isize);
                Product { m: n, n: cols, k: n, a, b, update, c, ldc }.sequential(cx)
            });
        }
        let h = half(n, BLOCK);
        let (b2, c2) = (b.from(h, 0), c.add(h));
        let update = if minus { Update::Subtract } else { Update::Add };
        multiply_left(cx, (h, cols), minus, t, b, c, ldc)?;
        multiply_left(cx, (n - h, cols), minus, t.from(h), b2, c2, ldc)?;
        if t.lower {
            let a = block(t, h, 0);
            Product { m: n - h, n: cols, k: h, a, b, update, c: c2, ldc }.sequential(cx)
        } else {
            let a = block(t, 0, h);
            Product { m: h, n: cols, k: n - h, a, b: b2, update, c, ldc }.sequential(cx)
        }
    }
}

/// The inverse of a triangle in its place; what stands in the other triangle does not matter and stays.
///
/// Both kinds bound the left residual |X T - I| (Higham, section 14.2.2, method 2C; LAPACK's
/// trtri): a strip of columns beside the diagonal is multiplied by the inverse that is finished and
/// *solved* with its own diagonal block, never multiplied by two inverses.
///
/// # Safety
/// The triangle is writable.
pub(crate) unsafe fn invert<T: Scalar>(
    cx: &Context<T>,
    n: usize,
    lower: bool,
    a: *mut T,
    ld: isize,
) -> Result<(), Error> {
    cx.next_phase();
    let most = cx.scratch().strip.min(group(n)).min(n);
    let copy_ld = leading_dimension::<T>(n);
    arena::with(copy_ld * most, |copy: *mut T| {
        // The lower triangle's strips come from the last on.
        strips(n, most, lower, &mut |strip| {
            let (first, width) = (strip.columns.start, strip.columns.len());
            // The rows beside the diagonal block whose inverses are finished, and the block.
            let rows = if lower { first..n } else { 0..strip.columns.end };
            let at = |i: usize| a.wrapping_offset(i as isize + first as isize * ld);
            let beside = Beside {
                lower,
                strip,
                a: Shared(a),
                ld,
                copy: Operand::columns(copy.cast_const(), copy_ld as isize),
            };
            let threads = cx.threads_for(rows.len(), width, rows.len() / 2);
            let blocks = dealt(beside.blocks(n), threads);
            if !blocks.is_empty() {
                let to = copy.wrapping_add(rows.start);
                // SAFETY: the caller's triangle; the copy holds a strip of it.
                unsafe {
                    copy_columns(cx, (rows.len(), width), at(rows.start), ld, to, copy_ld as isize)?
                };
            }
            let diagonal = Shared(at(first));
            let one = cx.sequential();
            // SAFETY: blocks of the caller's triangle, each one task's.
            cx.each(1 + blocks.len(), threads, &|i| unsafe {
                match i {
                    0 => invert_small(&one, width, lower, diagonal.get(), ld),
                    _ => beside.block(&one, &blocks[i - 1]),
                }
            })
        })
    })
}

/// Tasks that grow cheaper, so ordered that every thread's share of them has some of each price.
fn dealt<R>(tasks: Vec<R>, threads: usize) -> Vec<R> {
    let mut tasks: Vec<_> = tasks.into_iter().enumerate().collect();
    tasks.sort_by_key(|(i, _)| i % threads);
    tasks.into_iter().map(|(_, task)| task).collect()
}

/// A strip of columns beside a finished inverse.
struct Beside<'a, T> {
    lower: bool,
    strip: &'a Strip<'a>,
    a: Shared<T>,
    ld: isize,
    /// The strip and its diagonal block as they were, rows counted from the matrix's first.
    copy: Operand<T>,
}

// SAFETY: the tasks that share a strip write rows of their own and read the copy.
unsafe impl<T> Sync for Beside<'_, T> {}

impl<T: Scalar> Beside<'_, T> {
    /// The blocks of rows that are done apart, the dearest first.
    fn blocks(&self, n: usize) -> Vec<Range<usize>> {
        let Strip { group, before, .. } = self.strip;
        let outer = if self.lower { group.end..n } else { 0..group.start };
        let end = outer.end;
        let blocks = outer.step_by(ROWS).map(|i| i..end.min(i + ROWS));
        let mut blocks: Vec<_> = blocks.collect();
        if self.lower {
            blocks.reverse();
        }
        blocks.extend(before.iter().cloned());
        blocks
    }

    /// Some rows of the inverse.
    ///
    /// # Safety
    /// As [`invert`].
    unsafe fn block(&self, cx: &Context<T>, rows: &Range<usize>) -> Result<(), Error> {
        let Beside { lower, strip, ld, .. } = *self;
        let Strip { columns, group, before } = strip;
        let (m, n) = (rows.len(), columns.len());
        let at = |i: usize, j: usize| self.a.get().wrapping_offset(i as isize + j as isize * ld);
        let triangle = |t: *const T, cs| Triangle { t, rs: 1, cs, conj: false, lower, unit: false };
        let c = at(rows.start, columns.start);
        // SAFETY: blocks of the caller's triangle.
        unsafe {
            let t = triangle(at(rows.start, rows.start), ld);
            multiply_left(cx, (m, n), true, t, self.copy.from(rows.start, 0), c, ld)?;
            // The rest of a row of the inverse: up to the group, then within it.
            let outer = if lower { group.end..rows.start } else { rows.end..group.start };
            let within = before.iter().filter(|s| match lower {
                true => s.end <= rows.start,
                false => s.start >= rows.end,
            });
            for others in std::iter::once(&outer).chain(within).filter(|s| !s.is_empty()) {
                let product = Product {
                    m,
                    n,
                    k: others.len(),
                    a: Operand::columns(at(rows.start, others.start).cast_const(), ld),
                    b: self.copy.from(others.start, 0),
                    update: Update::Subtract,
                    c,
                    ldc: ld,
                };
                product.sequential(cx)?;
            }
            let diagonal = self.copy.from(columns.start, 0);
            solve_rows(cx, (m, n), triangle(diagonal.p, diagonal.cs), c, ld)
        }
    }
}

/// [`invert`] of a diagonal block.
unsafe fn invert_small<T: Scalar>(
    cx: &Context<T>,
    n: usize,
    lower: bool,
    a: *mut T,
    ld: isize,
) -> Result<(), Error> {
    // SAFETY: blocks of the caller's triangle.
    unsafe {
        if n <= BLOCK {
            (cx.kernels.block_tri_inv)(&Block { n, a, ld }, lower);
            return Ok(());
        }
        let h = half(n, BLOCK);
        let a22 = a.offset(h as isize * (1 + ld));
        let triangle =
            |p: *mut T| Triangle { t: p, rs: 1, cs: ld, conj: false, lower, unit: false };
        let (m, k) = if lower { (n - h, h) } else { (h, n - h) };
        let (done, other) = if lower { (a22, a) } else { (a, a22) };
        let off = if lower { a.add(h) } else { a.offset(h as isize * ld) };
        invert_small(cx, m, lower, done, ld)?;
        arena::with(m * k, |copy: *mut T| {
            copy_columns(cx, (m, k), off, ld, copy, m as isize)?;
            let b = Operand::columns(copy.cast_const(), m as isize);
            multiply_left(cx, (m, k), true, triangle(done), b, off, ld)
        })?;
        solve_rows(cx, (m, k), triangle(other), off, ld)?;
        invert_small(cx, k, lower, other, ld)
    }
}
