//! Matrices of low rank with a clear gap: a basis Q of the row space from random combinations of the
//! rows, and with B = A Q the pseudo-inverse Q B^+ (Halko, Martinsson, Tropp, "Finding structure with
//! randomness", SIAM Review 53, 2011; the rank from an LU factorisation of the combinations).
//!
//! The answer is taken only if R = A - B Q^H, which is formed, is at most half of the cut-off c, and the r
//! singular values of B as it is stored are certified to be over 2 c. Then sigma_(r+1)(A) <= ||R||, as B Q^H has
//! rank r; and a unit y in the range of B with t = ||A^H y|| has t^2 + t c / 2 >= ||B^H y||^2 > 4 c^2, so that t
//! and with it sigma_r(A) are over c. Only the rounding of R and of B = A Q is not counted, as the singular
//! values of A, computed, would be off by as much.

use super::{Asked, Matrix, tall};
use crate::alg::gemm::{Operand, Product, Update};
use crate::alg::gram::orthonormalize;
use crate::alg::{Context, Shared, leading_dimension, lu};
use crate::device::cpu::arena;
use crate::device::cpu::executor::let_in;
use crate::error::{Error, filled, listed};
use crate::op::pass::{Columns, Part};
use ainv_kernels::bounds::Cut;
use ainv_kernels::places::Frame;
use ainv_kernels::scalar::{RealScalar, Scalar};

/// How much smaller what is no pivot must be than the pivots.
const GAP: f64 = 8.0;

/// The pseudo-inverse of a matrix (rows >= columns) whose rank is low; whether it was found.
///
/// # Safety
/// As [`pinv`](super::pinv).
pub(super) unsafe fn invert<T: Scalar>(
    cx: &Context<T>,
    m: &Matrix<T>,
    asked: &Asked,
) -> Result<bool, Error> {
    let (rows, n) = (m.from.rows, m.from.cols);
    let (ld, ldb) = (leading_dimension::<T>(n), leading_dimension::<T>(rows));
    arena::with(n * ld + n * ldb, |q: *mut T| {
        let b = q.wrapping_add(n * ld);
        // SAFETY: the caller's matrices and the blocks.
        unsafe {
            let Some(rank) = project(cx, m, (q, ld), (b, ldb))? else { return Ok(false) };
            // Squares that are gone are no larger than the smallest normal number.
            let lost = (rows as f64 * n as f64 * f64::MIN_POSITIVE).sqrt();
            let rest = remainder(cx, m, rank, (q, ld), (b, ldb))?.hypot(lost);
            let size = Columns::new((rows, rank), b, ldb, Part::All).norms(cx)?.0;
            // The largest singular value is at least the root mean square of those that are not zero.
            let cut = asked.cut;
            let least = cut.absolute.max(cut.relative * size / (rank as f64).sqrt());
            let negligible = rest <= least / 2.0;
            if !negligible {
                return Ok(false);
            }
            let ldp = leading_dimension::<T>(rank);
            arena::with(rows * ldp, |p: *mut T| {
                let from = Frame::by_columns(rows, rank, ldb);
                let to = Frame::by_columns(rank, rows, ldp);
                let kept = Matrix { a: b.cast_const(), from, x: p, to };
                let cut = Cut { relative: 2.0 * cut.relative, absolute: 2.0 * cut.absolute };
                if tall::invert_gram(cx, &kept, &Asked { cut, ..*asked })?.is_none() {
                    return Ok(false);
                }
                // The step has made of an angle to the row space, which random rows leave moderate, its
                // product with the square of the rest over the smallest that is kept: rounding, at most.
                let inverse = Columns::new((rank, rows), p, ldp, Part::All).norms(cx)?.0;
                let as_rounding = rest * rest * inverse <= rows as f64 * asked.unit * size;
                if !as_rounding {
                    return Ok(false);
                }
                let left = Operand::columns(q.cast_const(), ld as isize);
                let right = Operand::columns(p.cast_const(), ldp as isize).adjoint();
                tall::store_product(cx, m, rank, left, right)?;
                Ok(true)
            })
        }
    })
}

/// Orthonormal columns Q that span the rows of A, as many as its rank, and B = A Q; `None` if there is no
/// gap that tells the rank.
unsafe fn project<T: Scalar>(
    cx: &Context<T>,
    m: &Matrix<T>,
    (q, ld): (*mut T, usize),
    (b, ldb): (*mut T, usize),
) -> Result<Option<usize>, Error> {
    let (rows, n) = (m.from.rows, m.from.cols);
    let a = Operand::strided(m.a, m.from.rs, m.from.cs, false);
    // SAFETY: the caller's matrix and blocks.
    unsafe {
        let Some(rank) = row_space(cx, (rows, n), a, q, ld)? else { return Ok(None) };
        let columns = |p: *mut T, ld: usize| Operand::columns(p.cast_const(), ld as isize);
        let (update, k) = (Update::Set, n);
        let (b_operand, ldc) = (columns(q, ld), ldb as isize);
        let down = Product { m: rows, n: rank, k, a, b: b_operand, update, c: b, ldc };
        let (a, b_operand, ldc) = (a.adjoint(), columns(b, ldb), ld as isize);
        let up = Product { m: n, n: rank, k: rows, a, b: b_operand, update, c: q, ldc };
        // One step of a subspace iteration: the random combinations alone may miss some digits.
        down.run(cx)?;
        if !orthonormalize(cx, (rows, rank), b, ldb, 1)? {
            return Ok(None);
        }
        up.run(cx)?;
        if !orthonormalize(cx, (n, rank), q, ld, 2)? {
            return Ok(None);
        }
        down.run(cx)?;
        Ok(Some(rank))
    }
}

/// Orthonormal columns in `q` that about span the rows of A, as many as its rank; `None` if there is no
/// gap that tells it.
unsafe fn row_space<T: Scalar>(
    cx: &Context<T>,
    (m, n): (usize, usize),
    a: Operand<T>,
    q: *mut T,
    ld: usize,
) -> Result<Option<usize>, Error> {
    let ldr = leading_dimension::<T>(m);
    arena::with(n * (ldr + ld), |random: *mut T| {
        let w = random.wrapping_add(n * ldr);
        let mut pivots = filled(0usize, n)?;
        // SAFETY: the caller's matrix and the blocks.
        unsafe {
            fill_randomly(cx, (m, n), random, ldr)?;
            let b = Operand::columns(random.cast_const(), ldr as isize);
            let (update, ldc) = (Update::Set, ld as isize);
            Product { m: n, n, k: m, a: a.adjoint(), b, update, c: w, ldc }.run(cx)?;
            lu::factor(cx, n, w, ld as isize, &mut pivots)?;
            let pivot = |i: usize| w.add(i * (ld + 1)).read().abs1().to_f64();
            let Some(rank) = gap(&listed((0..n).map(pivot))?)? else { return Ok(None) };
            // P W = L U: the first columns of P^T L.
            let mut row = listed(0..n)?;
            pivots.iter().enumerate().for_each(|(k, &p)| row.swap(k, p));
            for j in 0..rank {
                let_in();
                for (k, &i) in row.iter().enumerate() {
                    let x = match k.cmp(&j) {
                        std::cmp::Ordering::Less => T::default(),
                        std::cmp::Ordering::Equal => T::from_re(T::Real::ONE),
                        std::cmp::Ordering::Greater => w.add(k + j * ld).read(),
                    };
                    q.add(i + j * ld).write(x);
                }
            }
            Ok(orthonormalize(cx, (n, rank), q, ld, 2)?.then_some(rank))
        }
    })
}

/// After how many pivots the widest gap is, if it is wide enough.
fn gap(pivots: &[f64]) -> Result<Option<usize>, Error> {
    if !pivots.iter().all(|p| p.is_finite()) {
        return Ok(None);
    }
    let mut behind = listed(pivots.iter().copied())?;
    for i in (1..pivots.len()).rev() {
        behind[i - 1] = behind[i - 1].max(behind[i]);
    }
    let (mut least, mut widest, mut rank) = (f64::INFINITY, GAP, None);
    for i in 1..pivots.len() {
        least = least.min(pivots[i - 1]);
        if least > widest * behind[i] {
            (widest, rank) = (least / behind[i], Some(i));
        }
    }
    Ok(rank)
}

/// Numbers that are as good as random, of either sign and under one: a hash of the place (Steele, Lea,
/// Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014), the same in every run.
unsafe fn fill_randomly<T: Scalar>(
    cx: &Context<T>,
    (m, n): (usize, usize),
    to: *mut T,
    ld: usize,
) -> Result<(), Error> {
    let to = Shared(to);
    cx.each(n, cx.threads_for(m, n, 4), &|j| {
        let_in();
        for i in 0..m {
            let mut x = ((i + j * m) as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            let unit = (x ^ (x >> 31)) as i64 as f64 / 2f64.powi(63);
            // SAFETY: an entry of the caller's block.
            unsafe { to.get().add(i + j * ld).write(T::from_re(T::Real::from_f64(unit))) };
        }
        Ok(())
    })
}

/// The Frobenius norm of A - B Q^H.
unsafe fn remainder<T: Scalar>(
    cx: &Context<T>,
    m: &Matrix<T>,
    rank: usize,
    (q, ld): (*mut T, usize),
    (b, ldb): (*mut T, usize),
) -> Result<f64, Error> {
    let (rows, n) = (m.from.rows, m.from.cols);
    arena::with(n * ldb, |c: *mut T| {
        let columns = Columns::new((rows, n), c, ldb, Part::All);
        // SAFETY: the caller's matrices and the block.
        unsafe {
            columns.load(cx, m.a, m.from, false)?;
            let product = Product {
                m: rows,
                n,
                k: rank,
                a: Operand::columns(b.cast_const(), ldb as isize),
                b: Operand::columns(q.cast_const(), ld as isize).adjoint(),
                update: Update::Subtract,
                c,
                ldc: ldb as isize,
            };
            product.run(cx)?;
            Ok(columns.norms(cx)?.0)
        }
    })
}
