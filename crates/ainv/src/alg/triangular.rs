//! Solves with and inverses of triangles: recursion onto the matrix product up to a strip's width,
//! strips of columns beyond it.

use super::gemm::{Operand, Product, Update};
use super::{Context, Shared, Shares, copy_columns, half, leading_dimension};
use crate::device::cpu::arena;
use crate::error::Error;
use ainv_kernels::block::Block;
use ainv_kernels::scalar::Scalar;
use ainv_kernels::trsm::{BLOCK, LeftUnitLower, Right, Triangle};

/// The block of a triangle's matrix off the diagonal that begins at `(i, j)`.
fn block<T: Scalar>(t: Triangle<T>, i: usize, j: usize) -> Operand<T> {
    let p = t.t.wrapping_offset(i as isize * t.rs + j as isize * t.cs);
    Operand { p, rs: t.rs, cs: t.cs, conj: t.conj }
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
                    for i in 0..n {
                        let inside = if t.lower { i >= j } else { i <= j };
                        let x = if inside { t.at(i, j) } else { T::default() };
                        square.add(i + j * n).write(x);
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
    let width = cx.scratch().strip;
    let rows = leading_dimension::<T>(n);
    arena::with(rows * width, |copy: *mut T| {
        let strips = n.div_ceil(width);
        for strip in 0..strips {
            // The lower triangle's strips come from the last on.
            let first = width * if lower { strips - 1 - strip } else { strip };
            let last = n.min(first + width);
            let m = last - first;
            // SAFETY: blocks of the caller's triangle; the copy holds a strip.
            unsafe {
                let finished = if lower { last..n } else { 0..first };
                // The strip and its diagonal block.
                let top = finished.start.min(first);
                let p = a.offset(top as isize + first as isize * ld);
                copy_columns(cx, (finished.len() + m, m), p, ld, copy, rows as isize)?;
                let copied = |i: usize| copy.wrapping_add(i - top).cast_const();
                let strip = Strip {
                    lower,
                    a: Shared(a.offset(finished.start as isize * (1 + ld))),
                    ld,
                    n: finished.len(),
                    width: m,
                    copy: Operand::columns(copied(finished.start), rows as isize),
                    to: Shared(a.offset(finished.start as isize + first as isize * ld)),
                    diagonal: Operand::columns(copied(first), rows as isize),
                };
                let diagonal = Shared(a.offset(first as isize * (1 + ld)));
                let blocks = strip.n.div_ceil(width);
                let threads = cx.threads_for(strip.n, strip.width, strip.n / 2);
                let one = cx.sequential();
                cx.each(1 + blocks, threads, &|i| match i {
                    0 => invert_small(&one, m, lower, diagonal.get(), ld),
                    _ => strip.block(&one, (i - 1) * width, width),
                })?;
            }
        }
        Ok(())
    })
}

/// A strip of columns beside a finished inverse of order `n`, and its diagonal block.
struct Strip<T> {
    lower: bool,
    a: Shared<T>,
    ld: isize,
    n: usize,
    width: usize,
    /// The strip and its diagonal block as they were.
    copy: Operand<T>,
    diagonal: Operand<T>,
    to: Shared<T>,
}

// SAFETY: the tasks that share a strip write rows of their own and read the copy.
unsafe impl<T> Sync for Strip<T> {}

impl<T: Scalar> Strip<T> {
    /// Rows `first..first + len` of the inverse.
    ///
    /// # Safety
    /// As [`invert`].
    unsafe fn block(&self, cx: &Context<T>, first: usize, len: usize) -> Result<(), Error> {
        let (lower, ld, n) = (self.lower, self.ld, self.width);
        let next = self.n.min(first + len);
        let m = next - first;
        let triangle = |t: *const T, cs| Triangle { t, rs: 1, cs, conj: false, lower, unit: false };
        // SAFETY: blocks of the caller's triangle.
        unsafe {
            let c = self.to.get().add(first);
            let t = triangle(self.a.get().offset(first as isize * (1 + ld)), ld);
            multiply_left(cx, (m, n), true, t, self.copy.from(first, 0), c, ld)?;
            let others = if lower { 0..first } else { next..self.n };
            let a = Operand::columns(self.a.get().cast_const(), ld);
            let product = Product {
                m,
                n,
                k: others.len(),
                a: a.from(first, others.start),
                b: self.copy.from(others.start, 0),
                update: Update::Subtract,
                c,
                ldc: ld,
            };
            product.sequential(cx)?;
            solve_rows(cx, (m, n), triangle(self.diagonal.p, self.diagonal.cs), c, ld)
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
