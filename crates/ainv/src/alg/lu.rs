//! LU with partial pivoting, and the inverse from it.

use super::gemm::{Operand, Product, Update};
use super::triangular::{invert, solve_left_unit_lower, solve_right};
use super::{Context, Shared, half};
use crate::device::cpu::executor::let_in;
use crate::device::cpu::{arena, pool};
use crate::error::Error;
use ainv_kernels::panel::{self, PanelLu, WIDTH};
use ainv_kernels::scalar::Scalar;
use ainv_kernels::trsm::Triangle;

/// P A = L U in A's place (m x n, m >= n, columns `ld` apart): Toledo's recursion on the columns
/// ("Locality of reference in LU decomposition with partial pivoting", SIAM J. Matrix Anal. Appl.
/// 18, 1997). Row k was exchanged with row `pivots[k]`. The 1-based number of the first pivot that
/// is zero, or 0; the factorisation goes on past it.
///
/// # Safety
/// A is writable over its size; `pivots` holds n.
pub(crate) unsafe fn factor<T: Scalar>(
    cx: &Context<T>,
    (m, n): (usize, usize),
    a: *mut T,
    ld: isize,
    pivots: &mut [usize],
) -> Result<usize, Error> {
    if n <= WIDTH {
        return arena::with(panel::scratch(m), |scratch: *mut T::Real| {
            let panel = PanelLu { m, n, a, ld, pivots: pivots.as_mut_ptr(), scratch };
            // SAFETY: the caller's panel and n pivots.
            Ok(unsafe { (cx.kernels.panel_lu)(&panel) })
        });
    }
    let h = half(n, WIDTH);
    let (left, right) = pivots.split_at_mut(h);
    // SAFETY: blocks of the caller's matrix.
    unsafe {
        let (a12, a21) = (a.offset(h as isize * ld), a.add(h));
        let a22 = a12.add(h);
        let first = factor(cx, (m, h), a, ld, left)?;
        exchange_rows(cx, left, a12, n - h, ld)?;
        solve_left_unit_lower(cx, (h, n - h), a, ld, a12, ld)?;
        let product = Product {
            m: m - h,
            n: n - h,
            k: h,
            a: Operand::columns(a21, ld),
            b: Operand::columns(a12, ld),
            update: Update::Subtract,
            c: a22,
            ldc: ld,
        };
        product.run(cx)?;
        let second = factor(cx, (m - h, n - h), a22, ld, right)?;
        exchange_rows(cx, right, a21, h, ld)?;
        for p in right {
            *p += h;
        }
        Ok(if first != 0 {
            first
        } else if second != 0 {
            h + second
        } else {
            0
        })
    }
}

/// Exchanges row k with row `pivots[k]`, k = 0, 1, ..., in `cols` columns.
unsafe fn exchange_rows<T: Scalar>(
    cx: &Context<T>,
    pivots: &[usize],
    a: *mut T,
    cols: usize,
    ld: isize,
) -> Result<(), Error> {
    let a = Shared(a);
    pool::split(cols, 16, cx.threads_for(pivots.len(), cols, 8), &|r| {
        for j in r {
            let_in();
            let column = a.get().wrapping_offset(j as isize * ld);
            for (k, &p) in pivots.iter().enumerate() {
                if p != k {
                    // SAFETY: both rows are in the caller's column j, no one else's.
                    unsafe { std::ptr::swap(column.add(k), column.add(p)) };
                }
            }
        }
        Ok(())
    })
}

/// Columns of L that are moved out at a time.
const STRIP: usize = 64;

/// The inverse in the place of the factors: Y = U^-1, then X L = Y strip by strip from the right,
/// then A^-1 = X P. This order bounds |X A - I| (Higham, section 14.3.1, method B; LAPACK's getri).
///
/// # Safety
/// As [`factor`], whose output `a` and `pivots` are, m = n.
pub(crate) unsafe fn invert_factors<T: Scalar>(
    cx: &Context<T>,
    n: usize,
    a: *mut T,
    ld: isize,
    pivots: &[usize],
) -> Result<(), Error> {
    // SAFETY: blocks of the caller's matrix; the strip of L is copied out before it is written.
    unsafe {
        invert(cx, n, false, a, ld)?;
        arena::with(n * STRIP, |strip: *mut T| {
            for first in (0..n).step_by(STRIP).rev() {
                let width = STRIP.min(n - first);
                let next = first + width;
                for j in first..next {
                    let column = a.offset(j as isize * ld);
                    let to = strip.add((j - first) * n);
                    for i in j + 1..n {
                        to.add(i).write(column.add(i).read());
                        column.add(i).write(T::default());
                    }
                }
                let to = a.offset(first as isize * ld);
                let product = Product {
                    m: n,
                    n: width,
                    k: n - next,
                    a: Operand::columns(a.offset(next as isize * ld), ld),
                    b: Operand::columns(strip.add(next), n as isize),
                    update: Update::Subtract,
                    c: to,
                    ldc: ld,
                };
                product.run(cx)?;
                let l = Triangle {
                    t: strip.add(first).cast_const(),
                    rs: 1,
                    cs: n as isize,
                    conj: false,
                    lower: true,
                    unit: true,
                };
                solve_right(cx, (n, width), l, to, ld)?;
            }
            Ok(())
        })?;
        for k in (0..n).rev() {
            let_in();
            if pivots[k] != k {
                let (x, y) = (k as isize * ld, pivots[k] as isize * ld);
                std::ptr::swap_nonoverlapping(a.offset(x), a.offset(y), n);
            }
        }
    }
    Ok(())
}

/// X A = B in B's place (m x n) from the factors of A: X = B U^-1 L^-1 P.
///
/// # Safety
/// As [`invert_factors`]; B is writable over its size.
pub(crate) unsafe fn solve_factored<T: Scalar>(
    cx: &Context<T>,
    (m, n): (usize, usize),
    a: *const T,
    ld: isize,
    pivots: &[usize],
    b: *mut T,
    ldb: isize,
) -> Result<(), Error> {
    let triangle = |lower: bool| Triangle { t: a, rs: 1, cs: ld, conj: false, lower, unit: lower };
    // SAFETY: the caller's factors and right-hand sides.
    unsafe {
        solve_right(cx, (m, n), triangle(false), b, ldb)?;
        solve_right(cx, (m, n), triangle(true), b, ldb)?;
        for k in (0..n).rev() {
            let_in();
            if pivots[k] != k {
                let (x, y) = (k as isize * ldb, pivots[k] as isize * ldb);
                std::ptr::swap_nonoverlapping(b.offset(x), b.offset(y), m);
            }
        }
    }
    Ok(())
}
