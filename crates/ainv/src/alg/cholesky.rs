//! Cholesky of the lower triangle, and the inverse from it.

use super::gemm::{Operand, Product, Update};
use super::triangular::{invert, multiply_left, solve_right};
use super::{Context, half};
use crate::device::cpu::arena;
use crate::error::Error;
use ainv_kernels::lanes::cholesky::unreal_above;
use ainv_kernels::lanes::{self, Group};
use ainv_kernels::places::{Frame, Places};
use ainv_kernels::scalar::{RealScalar, Scalar};
use ainv_kernels::trsm::{BLOCK, Triangle};

/// A = L L^H in the lower triangle's place; what stands above is undefined after. The 1-based
/// number of the first pivot that is not positive or not real, or 0 (Higham, algorithm 10.2, by
/// recursion).
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
    // SAFETY: blocks of the caller's matrix.
    unsafe {
        if n <= BLOCK {
            return factor_block(cx, n, a, ld);
        }
        let h = half(n, BLOCK);
        let (a21, a22) = (a.add(h), a.offset(h as isize * (1 + ld)));
        let at = factor_real(cx, h, a, ld)?;
        if at != 0 {
            return Ok(at);
        }
        // A21 = A21 L11^-H: the adjoint of L11 is an upper triangle.
        let adjoint = Triangle { t: a, rs: ld, cs: 1, conj: true, lower: false, unit: false };
        solve_right(cx, (n - h, h), adjoint, a21, ld)?;
        let l21 = Operand::columns(a21.cast_const(), ld);
        rank_update(cx, n - h, h, l21, l21.adjoint(), Update::Subtract, a22, ld)?;
        let at = factor_real(cx, n - h, a22, ld)?;
        Ok(if at != 0 { h + at } else { 0 })
    }
}

/// The lower triangle of C = C +- A B for a product known to be Hermitian (n x n from k steps);
/// above it, only within the last squares, C becomes undefined.
unsafe fn rank_update<T: Scalar>(
    cx: &Context<T>,
    n: usize,
    k: usize,
    a: Operand<T>,
    b: Operand<T>,
    update: Update,
    c: *mut T,
    ld: isize,
) -> Result<(), Error> {
    const SQUARE: usize = 64;
    // SAFETY: blocks of the caller's operands.
    unsafe {
        if n <= SQUARE {
            return Product { m: n, n, k, a, b, update, c, ldc: ld }.run(cx);
        }
        let h = half(n, SQUARE / 2);
        let (below, right) = (a.from(h, 0), b.from(0, h));
        rank_update(cx, h, k, a, b, update, c, ld)?;
        Product { m: n - h, n: h, k, a: below, b, update, c: c.add(h), ldc: ld }.run(cx)?;
        rank_update(cx, n - h, k, below, right, update, c.offset(h as isize * (1 + ld)), ld)
    }
}

/// A small block, by the lane kernel with one lane in use.
unsafe fn factor_block<T: Scalar>(
    cx: &Context<T>,
    n: usize,
    a: *mut T,
    ld: isize,
) -> Result<usize, Error> {
    let frame = Frame { rows: n, cols: n, rs: 1, cs: ld };
    // SAFETY: the caller's block.
    let bad = unsafe {
        for i in 0..n {
            let diagonal = a.offset(frame.at(i, i));
            diagonal.write(T::from_re((*diagonal).re()));
        }
        first_bad_pivot(n, a, frame)
    };
    if bad != 0 {
        return Ok(bad);
    }
    arena::with(lanes::scratch(n, 0), |scratch: *mut T::Real| {
        let group = Group {
            n,
            src: Places::one(a),
            dst: Places::one(a),
            from: frame,
            to: frame,
            rhs: Places::none(),
            rhs_from: frame,
            scratch,
            force: true,
            far: false,
            stream: false,
        };
        // SAFETY: the caller's block, read whole before it is written.
        unsafe { (cx.kernels.cholesky)(&group) };
        Ok(0)
    })
}

/// The 1-based number of the first pivot of a small block that is not positive, or 0.
///
/// # Safety
/// The lower triangle is readable, its diagonal real; `n <= BLOCK`.
unsafe fn first_bad_pivot<T: Scalar>(n: usize, a: *const T, frame: Frame) -> usize {
    let mut l = [T::default(); BLOCK * BLOCK];
    for j in 0..n {
        // SAFETY: the caller's lower triangle.
        let read = |i: usize| unsafe { a.offset(frame.at(i, j)).read() };
        let pivot = (0..j).fold(read(j).re(), |d, k| {
            let x = l[j * n + k];
            (-x.im()).fma(x.im(), (-x.re()).fma(x.re(), d))
        });
        // Written so that a NaN is bad.
        let positive = pivot > T::Real::default();
        if !positive {
            return j + 1;
        }
        let root = RealScalar::sqrt(pivot);
        l[j * n + j] = T::from_re(root);
        for i in j + 1..n {
            let x = (0..j).fold(read(i), |x, k| x - l[i * n + k] * Scalar::conj(l[j * n + k]));
            l[i * n + j] = x.map(|part| part / root);
        }
    }
    0
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
        multiply_adjoint(cx, n, a, ld)
    }
}

/// The lower triangle of V^H V in the place of the lower V (LAPACK's lauum).
unsafe fn multiply_adjoint<T: Scalar>(
    cx: &Context<T>,
    n: usize,
    a: *mut T,
    ld: isize,
) -> Result<(), Error> {
    // SAFETY: blocks of the caller's matrix.
    unsafe {
        if n <= BLOCK {
            let at = |i: usize, j: usize| a.offset(i as isize + j as isize * ld);
            for i in 0..n {
                for j in 0..=i {
                    let sum = (i..n).fold(T::default(), |s, k| {
                        s + Scalar::conj(at(k, i).read()) * at(k, j).read()
                    });
                    at(i, j).write(sum);
                }
            }
            return Ok(());
        }
        let h = half(n, BLOCK);
        let (a21, a22) = (a.add(h), a.offset(h as isize * (1 + ld)));
        multiply_adjoint(cx, h, a, ld)?;
        let v21 = Operand::columns(a21.cast_const(), ld);
        rank_update(cx, h, n - h, v21.adjoint(), v21, Update::Add, a, ld)?;
        // The adjoint of V22 is an upper triangle.
        let adjoint = Triangle { t: a22, rs: ld, cs: 1, conj: true, lower: false, unit: false };
        multiply_left(cx, (n - h, h), false, adjoint, a21, ld)?;
        multiply_adjoint(cx, n - h, a22, ld)
    }
}
