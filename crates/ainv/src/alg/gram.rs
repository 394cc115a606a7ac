//! Gram matrices A^H A: what they say of the norm of A, and orthonormal columns by way of them.

use super::gemm::{Operand, Product, Update};
use super::triangular::solve_right;
use super::{Context, Shared, cholesky, leading_dimension};
use crate::device::cpu::arena;
use crate::error::Error;
use ainv_kernels::bounds;
use ainv_kernels::scalar::{RealScalar, Scalar};
use ainv_kernels::trsm::Triangle;

/// The lower triangle of H = A^H A for an m x n operand; above the diagonal some of H, some of what was
/// there.
///
/// # Safety
/// A is readable and H (n x n, columns `ld` apart) writable over their sizes, and apart.
pub(crate) unsafe fn gram<T: Scalar>(
    cx: &Context<T>,
    (m, n): (usize, usize),
    a: Operand<T>,
    h: *mut T,
    ld: usize,
) -> Result<(), Error> {
    let (h, one) = (Shared(h), cx.sequential());
    // Narrow enough for the threads to share a few columns evenly.
    let width = if n <= 128 { 16 } else { 64 };
    cx.each(n.div_ceil(width), cx.threads_for(m, n, n / 2), &|block| {
        let first = block * width;
        let product = Product {
            m: n - first,
            n: width.min(n - first),
            k: m,
            a: a.from(0, first).adjoint(),
            b: a.from(0, first),
            update: Update::Set,
            c: h.get().wrapping_add(first * (ld + 1)),
            ldc: ld as isize,
        };
        // SAFETY: columns of the caller's H, no one else's.
        unsafe { product.sequential(&one) }
    })
}

/// Whether the 2-norm of a square operand is proven to be at most `limit`: the Cholesky factorisation
/// of limit^2 I - A^H A runs through ([`bounds::shift_down`]).
///
/// # Safety
/// A is readable.
pub(crate) unsafe fn norm_is_at_most<T: Scalar>(
    cx: &Context<T>,
    n: usize,
    a: Operand<T>,
    limit: f64,
) -> Result<bool, Error> {
    let ld = leading_dimension::<T>(n);
    arena::with(n * ld, |h: *mut T| {
        // SAFETY: the caller's operand and the block.
        unsafe {
            gram(cx, (n, n), a, h, ld)?;
            let diagonal = |i: usize| h.wrapping_add(i * (ld + 1));
            let squares: f64 = (0..n).map(|i| (*diagonal(i)).re().to_f64()).sum();
            let mu = limit * limit;
            let shifted = mu - bounds::shift_down::<T>(n, n, mu, 1.01 * squares);
            // No norm is under the root mean square of the singular values.
            let may_be = shifted > squares / n as f64;
            if !may_be {
                return Ok(false);
            }
            for j in 0..n {
                for i in j..n {
                    let x = h.add(i + j * ld);
                    x.write(-*x);
                }
                let x = T::Real::from_f64(shifted) + (*diagonal(j)).re();
                diagonal(j).write(T::from_re(x));
            }
            Ok(cholesky::factor(cx, n, h, ld as isize)? == 0)
        }
    })
}

/// Makes the columns of Q (m x n, columns `ld` apart) orthonormal, by the Cholesky factor of its Gram
/// matrix, so many times: once to the square of the condition number, twice to rounding (Yamamoto,
/// Nakatsukasa, Yanagisawa, Fukaya, "Roundoff error analysis of the CholeskyQR2 algorithm", ETNA 44, 2015).
/// Whether each factorisation ran through: it does for a condition number under 10^7, and the caller
/// measures what it relies on.
///
/// # Safety
/// Q is writable over its size.
pub(crate) unsafe fn orthonormalize<T: Scalar>(
    cx: &Context<T>,
    (m, n): (usize, usize),
    q: *mut T,
    ld: usize,
    times: usize,
) -> Result<bool, Error> {
    let stride = leading_dimension::<T>(n);
    arena::with(n * stride, |h: *mut T| {
        for _ in 0..times {
            // SAFETY: the caller's matrix and the block.
            unsafe {
                gram(cx, (m, n), Operand::columns(q.cast_const(), ld as isize), h, stride)?;
                if cholesky::factor(cx, n, h, stride as isize)? != 0 {
                    return Ok(false);
                }
                divide(cx, (m, n), q, ld, h, stride)?;
            }
        }
        Ok(true)
    })
}

/// Q L^-H in Q's place.
///
/// # Safety
/// Q (m x n, columns `ld` apart) is writable and the lower triangle L (columns `ldl` apart) readable.
pub(crate) unsafe fn divide<T: Scalar>(
    cx: &Context<T>,
    (m, n): (usize, usize),
    q: *mut T,
    ld: usize,
    l: *const T,
    ldl: usize,
) -> Result<(), Error> {
    // The adjoint of L is an upper triangle.
    let t = Triangle { t: l, rs: ldl as isize, cs: 1, conj: true, lower: false, unit: false };
    // SAFETY: the caller's.
    unsafe { solve_right(cx, (m, n), t, q, ld as isize) }
}
