//! Solves with, products by and inverses of triangles, by recursion onto the matrix product.

use super::gemm::{Operand, Product, Update};
use super::{Context, Shared, half};
use crate::device::cpu::{arena, pool};
use crate::error::Error;
use ainv_kernels::lanes::{self, Group, TriShape};
use ainv_kernels::places::{Frame, Places};
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
    let b = Shared(b);
    // The rows of X do not know of each other.
    pool::split(m, cx.kernels.mr, cx.threads_for(m, n, n / 2), &|r| {
        // SAFETY: rows of the caller's B, no one else's.
        unsafe { solve_rows(&cx.sequential(), (r.len(), n), t, b.get().add(r.start), ld) }
    })
}

unsafe fn solve_rows<T: Scalar>(
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
            update(b2, n - h, block(t, h, 0), b1, h).run(cx)?;
            solve_rows(cx, (m, h), t1, b1, ld)
        } else {
            solve_rows(cx, (m, h), t1, b1, ld)?;
            update(b1, h, block(t, 0, h), b2, n - h).run(cx)?;
            solve_rows(cx, (m, n - h), t2, b2, ld)
        }
    }
}

/// L X = B in B's place for a unit lower L of order n (columns `ldl` apart) and `cols` columns.
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
    let (l, b) = (Shared(l.cast_mut()), Shared(b));
    // The columns of X do not know of each other.
    pool::split(cols, cx.kernels.nr, cx.threads_for(n, cols, n / 2), &|r| {
        let columns = b.get().wrapping_offset(r.start as isize * ld);
        // SAFETY: columns of the caller's B, no one else's.
        unsafe { solve_columns(&cx.sequential(), (n, r.len()), l.get(), ldl, columns, ld) }
    })
}

unsafe fn solve_columns<T: Scalar>(
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
        solve_columns(cx, (h, cols), l, ldl, b, ld)?;
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
        product.run(cx)?;
        solve_columns(cx, (n - h, cols), l.offset(h as isize * (1 + ldl)).cast(), ldl, b.add(h), ld)
    }
}

/// The largest triangle that is multiplied as a full square with zeros.
const DENSE: usize = 32;

/// B = T B, or -T B, in B's place: T of order n, B n x cols.
///
/// # Safety
/// As [`solve_right`].
pub(crate) unsafe fn multiply_left<T: Scalar>(
    cx: &Context<T>,
    (n, cols): (usize, usize),
    minus: bool,
    t: Triangle<T>,
    b: *mut T,
    ld: isize,
) -> Result<(), Error> {
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
                let product = Product {
                    m: n,
                    n: cols,
                    k: n,
                    a: Operand::columns(square, n as isize),
                    b: Operand::columns(b, ld),
                    update: if minus { Update::SetMinus } else { Update::Set },
                    c: b,
                    ldc: ld,
                };
                product.run(cx)
            });
        }
        let h = half(n, BLOCK);
        let (b1, b2) = (b, b.add(h));
        let add = |m, k, a, b, c| Product {
            m,
            n: cols,
            k,
            a,
            b: Operand::columns(b, ld),
            update: if minus { Update::Subtract } else { Update::Add },
            c,
            ldc: ld,
        };
        if t.lower {
            multiply_left(cx, (n - h, cols), minus, t.from(h), b2, ld)?;
            add(n - h, h, block(t, h, 0), b1, b2).run(cx)?;
            multiply_left(cx, (h, cols), minus, t, b1, ld)
        } else {
            multiply_left(cx, (h, cols), minus, t, b1, ld)?;
            add(h, n - h, block(t, 0, h), b2, b1).run(cx)?;
            multiply_left(cx, (n - h, cols), minus, t.from(h), b2, ld)
        }
    }
}

/// The inverse of a triangle in its place; what stands in the other triangle does not matter and stays.
///
/// Both kinds bound the left residual |X T - I| (Higham, section 14.2.2, method 2C; LAPACK's
/// trtri): the block off the diagonal is multiplied by one finished inverse and *solved* with the
/// other triangle, never multiplied by two inverses.
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
    if n <= BLOCK {
        // SAFETY: the caller's triangle.
        return unsafe { invert_block(cx, n, lower, a, ld) };
    }
    let h = half(n, BLOCK);
    let triangle = |p: *mut T| Triangle { t: p, rs: 1, cs: ld, conj: false, lower, unit: false };
    // SAFETY: blocks of the caller's triangle.
    unsafe {
        let a22 = a.offset(h as isize * (1 + ld));
        if lower {
            let a21 = a.add(h);
            invert(cx, n - h, lower, a22, ld)?;
            multiply_left(cx, (n - h, h), true, triangle(a22), a21, ld)?;
            solve_right(cx, (n - h, h), triangle(a), a21, ld)?;
            invert(cx, h, lower, a, ld)
        } else {
            let a12 = a.offset(h as isize * ld);
            invert(cx, h, lower, a, ld)?;
            multiply_left(cx, (h, n - h), true, triangle(a), a12, ld)?;
            solve_right(cx, (h, n - h), triangle(a22), a12, ld)?;
            invert(cx, n - h, lower, a22, ld)
        }
    }
}

/// A small triangle, by the lane kernel with one lane in use.
unsafe fn invert_block<T: Scalar>(
    cx: &Context<T>,
    n: usize,
    lower: bool,
    a: *mut T,
    ld: isize,
) -> Result<(), Error> {
    arena::with(lanes::scratch(n, 0), |scratch: *mut T::Real| {
        let mut x = [T::default(); BLOCK * BLOCK];
        // A lower triangle is the transpose of an upper one.
        let from = Frame { rows: n, cols: n, rs: 1, cs: ld };
        let to = Frame { rows: n, cols: n, rs: 1, cs: BLOCK as isize };
        let turn = |f: Frame| if lower { f.transposed() } else { f };
        let group = Group {
            n,
            src: Places::one(a),
            dst: Places::one(x.as_mut_ptr()),
            from: turn(from),
            to: turn(to),
            rhs: Places::none(),
            rhs_from: turn(to),
            scratch,
            force: true,
            far: false,
            stream: false,
        };
        // SAFETY: the triangle is the caller's, the destination spans BLOCK columns.
        unsafe {
            (cx.kernels.tri_inv)(&group, TriShape { unit: false });
            for j in 0..n {
                let rows = if lower { j..n } else { 0..j + 1 };
                for i in rows {
                    a.offset(i as isize + j as isize * ld).write(x[i + j * BLOCK]);
                }
            }
        }
        Ok(())
    })
}
