//! Matrices of full column rank: by the Cholesky factor of A^H A, once where that is accurate enough,
//! twice where not (Yamamoto, Nakatsukasa, Yanagisawa, Fukaya, "Roundoff error analysis of the CholeskyQR2
//! algorithm", ETNA 44, 2015).

use super::hermitian::trace;
use super::{Asked, Matrix, Way};
use crate::alg::gemm::{Operand, Product, Update};
use crate::alg::triangular::invert;
use crate::alg::{Context, cholesky, copy_columns, gram, leading_dimension};
use crate::device::cpu::arena;
use crate::error::Error;
use crate::op::inv::mirror;
use crate::op::pass::{Columns, Part};
use ainv_kernels::bounds::Gram;
use ainv_kernels::scalar::{RealScalar, Scalar};

/// The pseudo-inverse of a matrix with more rows than columns where [`Gram`] proves that its rank is
/// full; the way it was found.
///
/// # Safety
/// As [`pinv`](super::pinv).
pub(super) unsafe fn invert_gram<T: Scalar>(
    cx: &Context<T>,
    m: &Matrix<T>,
    asked: &Asked,
) -> Result<Option<Way>, Error> {
    let (rows, n) = (m.from.rows, m.from.cols);
    let ld = leading_dimension::<T>(n);
    arena::with(2 * n * ld, |h: *mut T| {
        let l = h.wrapping_add(n * ld);
        let columns = Columns::new((n, n), h, ld, Part::All);
        // SAFETY: the caller's matrices and the blocks.
        unsafe {
            let a = Operand::strided(m.a, m.from.rs, m.from.cs, false);
            gram::gram(cx, (rows, n), a, h, ld)?;
            mirror(cx, h, n, ld)?;
            let read = columns.sums(cx, true)?;
            if !read.fits(true) {
                return Ok(None);
            }
            let norm = read.row().min(columns.norms(cx)?.0);
            let trace = trace(h, n, ld);
            if cholesky::factor(cx, n, h, ld as isize)? != 0 {
                return Ok(None);
            }
            copy_columns(cx, (n, n), h, ld as isize, l, ld as isize)?;
            cholesky::invert_factor(cx, n, h, ld as isize)?;
            mirror(cx, h, n, ld)?;
            let of = Gram { trace, inverse_trace: self::trace(h, n, ld), norm };
            // X = (A^H A)^-1 A^H has an error of the square of the condition number.
            let unit = T::Real::EPSILON.to_f64() / 2.0;
            let accurate = (norm.min(trace) * of.inverse_trace).sqrt()
                <= rows as f64 / 8.0 * (asked.unit / unit);
            if accurate {
                let clear = of.bounds::<T>(rows, n).clear_of(asked.cut);
                if clear {
                    let k = Operand::columns(h.cast_const(), ld as isize);
                    store_product(cx, m, n, k, a)?;
                }
                return Ok(clear.then_some(Way::Gram));
            }
            let clear = second_pass(cx, m, asked, &of, h, l, ld)?;
            Ok(clear.then_some(Way::TwoPasses))
        }
    })
}

/// With A = Q L^H, X = L^-H (Q^H Q)^-1 Q^H; `h` is scratch.
unsafe fn second_pass<T: Scalar>(
    cx: &Context<T>,
    m: &Matrix<T>,
    asked: &Asked,
    of: &Gram,
    h: *mut T,
    l: *mut T,
    ld: usize,
) -> Result<bool, Error> {
    let (rows, n) = (m.from.rows, m.from.cols);
    let ldq = leading_dimension::<T>(rows);
    let stride = ld as isize;
    arena::with(n * ldq + n * ld, |q: *mut T| {
        let left = q.wrapping_add(n * ldq);
        let square = |p: *mut T| Columns::new((n, n), p, ld, Part::All);
        // SAFETY: the caller's matrices and the blocks.
        unsafe {
            Columns::new((rows, n), q, ldq, Part::All).load(cx, m.a, m.from, false)?;
            gram::divide(cx, (rows, n), q, ldq, l, ld)?;
            let q = Operand::columns(q.cast_const(), ldq as isize);
            gram::gram(cx, (rows, n), q, h, ld)?;
            mirror(cx, h, n, ld)?;
            // Near one the subtraction and the addition are exact.
            let shift = |by: T| (0..n).map(|i| h.add(i * (ld + 1))).for_each(|x| *x = *x + by);
            let one = T::from_re(T::Real::ONE);
            shift(-one);
            let defect = square(h).norms(cx)?.0;
            shift(one);
            let near = defect < 0.5;
            if !near || cholesky::factor(cx, n, h, stride)? != 0 {
                return Ok(false);
            }
            cholesky::invert_factor(cx, n, h, stride)?;
            mirror(cx, h, n, ld)?;
            invert(cx, n, true, l, stride)?;
            Columns { part: Part::Lower, ..square(l) }.clear(cx, false)?;
            let v = square(l).norms(cx)?.0;
            if !of.second_pass::<T>(rows, n, v, defect).clear_of(asked.cut) {
                return Ok(false);
            }
            let product = Product {
                m: n,
                n,
                k: n,
                a: Operand::columns(l.cast_const(), stride).adjoint(),
                b: Operand::columns(h.cast_const(), stride),
                update: Update::Set,
                c: left,
                ldc: stride,
            };
            product.run(cx)?;
            store_product(cx, m, n, Operand::columns(left.cast_const(), stride), q)?;
            Ok(true)
        }
    })
}

/// X = K Q^H for K (n x k) and Q (m x k), where X has its place.
///
/// # Safety
/// All are valid over their sizes, and X apart from the others.
pub(super) unsafe fn store_product<T: Scalar>(
    cx: &Context<T>,
    m: &Matrix<T>,
    k: usize,
    left: Operand<T>,
    q: Operand<T>,
) -> Result<(), Error> {
    let (rows, n, update) = (m.from.rows, m.from.cols, Update::Set);
    let right = q.adjoint();
    // X^T = conj(Q) K^T.
    let transposed = |c: *mut T, ldc: isize| {
        let a = Operand::strided(right.p, right.cs, right.rs, right.conj && T::COMPLEX);
        let b = Operand::strided(left.p, left.cs, left.rs, left.conj);
        Product { m: rows, n, k, a, b, update, c, ldc }
    };
    // SAFETY: the caller's operands and result; the scratch holds the transpose of the result.
    unsafe {
        match (m.to.rs, m.to.cs) {
            // The other form's bits are these for real scalars alone.
            (1, ldc) if ldc >= n as isize && !T::COMPLEX => {
                Product { m: n, n: rows, k, a: left, b: right, update, c: m.x, ldc }.run(cx)
            }
            (ldc, 1) if ldc >= rows as isize => transposed(m.x, ldc).run(cx),
            _ => {
                let ld = leading_dimension::<T>(rows);
                arena::with(n * ld, |c: *mut T| {
                    transposed(c, ld as isize).run(cx)?;
                    let columns = Columns::new((rows, n), c, ld, Part::All);
                    columns.store(cx, m.x, m.to.transposed(), false).map(drop)
                })
            }
        }
    }
}
