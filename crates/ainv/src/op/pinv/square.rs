//! Square matrices: the inverse by LU.

use super::{Asked, Matrix};
use crate::alg::gemm::{Operand, Product, Update};
use crate::alg::{Context, Shared, gram, leading_dimension, lu};
use crate::device::cpu::arena;
use crate::device::cpu::executor::let_in;
use crate::error::{Error, filled};
use crate::op::inv::recips;
use crate::op::pass::{Columns, Part};
use ainv_kernels::bounds::{Bounds, Cut, Factors};
use ainv_kernels::scalar::{RealScalar, Scalar};
use ainv_kernels::sums::SUMS;

/// Roundings of an entry that the check of the left residual makes itself. Near the identity, where the norms'
/// product is near one, they are all that it sees.
const OWN: f64 = 8.0;

/// The inverse where [`Factors`] proves that it is the pseudo-inverse; whether it is.
///
/// # Safety
/// As [`pinv`](super::pinv).
pub(super) unsafe fn invert<T: Scalar>(
    cx: &Context<T>,
    m: &Matrix<T>,
    asked: &Asked,
) -> Result<bool, Error> {
    let n = m.from.rows;
    let ld = leading_dimension::<T>(n);
    arena::with(n * ld, |w: *mut T| {
        arena::with(n, |pivots: *mut usize| {
            let columns = Columns::new((n, n), w, ld, Part::All);
            // SAFETY: the caller's matrices and the blocks.
            unsafe {
                // The transpose, as for inv: the right residual |A X - I| is the one that is bounded.
                let read = columns.load(cx, m.a, m.from.transposed(), true)?;
                if !read.fits(true) {
                    return Ok(false);
                }
                pivots.write_bytes(0, n);
                let pivots = std::slice::from_raw_parts_mut(pivots, n);
                let zero = lu::factor(cx, n, w, ld as isize, pivots)?;
                let recips = recips(w, n, ld);
                // After a zero pivot the inverse is garbage that may be finite.
                let regular = zero == 0 && T::Real::BIG > recips;
                if !regular {
                    return Ok(false);
                }
                let (l, u) = norms_of_factors(cx, n, w, ld)?;
                let (lu, up) = (l * u, read.norm());
                // U^-1 = X P^T L: the inverse is at least so large, which may be too large for any proof.
                let least = recips.to_f64() / ((n as f64).sqrt() * l);
                let at_best = Factors { x: least, lu, up: 0.0 }.bounds::<T>(n);
                if !at_best.clear_of(asked.cut) {
                    return Ok(false);
                }
                lu::invert_factors(cx, n, w, ld as isize, pivots)?;
                let (x, row) = columns.norms(cx)?;
                let bounds = Factors { x, lu, up }.bounds::<T>(n);
                let operand = Operand::strided(m.a, m.from.rs, m.from.cs, false);
                let inverse = Operand::strided(w.cast_const(), ld as isize, 1, false);
                let residual = (0.5 * read.column() * row + OWN) * n as f64 * asked.unit;
                let good = is_clear(cx, n, operand, bounds, asked.cut)?
                    && left_residual(cx, n, operand, inverse)? <= residual;
                if good {
                    columns.store(cx, m.x, m.to.transposed(), false)?;
                }
                Ok(good)
            }
        })
    })
}

/// Whether all singular values are over the cut-off, if need be by a sharper bound of the largest: the
/// one that would do is tried.
unsafe fn is_clear<T: Scalar>(
    cx: &Context<T>,
    n: usize,
    a: Operand<T>,
    bounds: Bounds,
    cut: Cut,
) -> Result<bool, Error> {
    if bounds.clear_of(cut) {
        return Ok(true);
    }
    let up = 0.96 * bounds.low / cut.relative;
    // SAFETY: the caller's matrix.
    Ok(Bounds { up, ..bounds }.clear_of(cut) && unsafe { gram::norm_is_at_most(cx, n, a, up)? })
}

/// Bounds of the 2-norms of |L| and |U|: the root of the product of the 1-norm and the infinity norm.
unsafe fn norms_of_factors<T: Scalar>(
    cx: &Context<T>,
    n: usize,
    w: *const T,
    ld: usize,
) -> Result<(f64, f64), Error> {
    let zero = T::Real::default();
    let count = if n < 192 { 1 } else { 16 };
    // The sums of the rows of L and of U, a pair for each group of columns, and the largest of the columns.
    let apart = n + SUMS;
    let mut rows = filled(zero, 2 * apart * count)?;
    let mut tops = filled([zero; 2], count)?;
    let (w, by, top) = (Shared(w.cast_mut()), Shared(rows.as_mut_ptr()), Shared(tops.as_mut_ptr()));
    // A NaN may be lost here; the inverse's norm has it.
    let max = |a: T::Real, b: T::Real| if a > b { a } else { b };
    cx.each(count, cx.threads_for(n, n, 8), &|g| {
        let l_rows = by.get().wrapping_add(2 * apart * g);
        let u_rows = l_rows.wrapping_add(apart);
        let mut largest = [zero; 2];
        for j in n * g / count..n * (g + 1) / count {
            let_in();
            // SAFETY: a column of the caller's matrix, and the sums of this group.
            unsafe {
                let column = w.get().add(j * ld).cast_const();
                let below = n - j - 1;
                let l = (cx.kernels.sum_abs)(column.add(j + 1), below, l_rows.add(j + 1));
                let u = (cx.kernels.sum_abs)(column, j + 1, u_rows);
                largest = [max(largest[0], l), max(largest[1], u)];
            }
        }
        // SAFETY: the place of this group.
        unsafe { top.get().add(g).write(largest) };
        Ok(())
    })?;
    let row = |which: usize, i: usize| {
        (0..count).fold(zero, |s, g| s + rows[(2 * g + which) * apart + i])
    };
    let largest = |which: usize| {
        let row = (0..n).fold(zero, |top, i| max(top, row(which, i))).to_f64();
        let column = tops.iter().fold(zero, |top, pair| max(top, pair[which])).to_f64();
        // L's diagonal of ones is not stored.
        let one = if which == 0 { 1.0 } else { 0.0 };
        ((row + one) * (column + one)).sqrt()
    };
    Ok((largest(0), largest(1)))
}

/// The 1-norm of X A z - z for a fixed vector z of signs. The certificate bounds A X - I alone, and X A - I
/// may be larger by the condition number: X is then no pseudo-inverse to rounding, though of the right
/// rank. (For almost every z the norm is at least 0.7 that of the residual's rows.)
unsafe fn left_residual<T: Scalar>(
    cx: &Context<T>,
    n: usize,
    a: Operand<T>,
    x: Operand<T>,
) -> Result<f64, Error> {
    arena::with(3 * n, |z: *mut T| {
        let (y, e) = (z.wrapping_add(n), z.wrapping_add(2 * n));
        // SAFETY: vectors of n entries.
        unsafe {
            for i in 0..n {
                let one = T::from_re(T::Real::ONE);
                let hash = (i as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
                z.add(i).write(if hash >> 63 == 0 { one } else { -one });
            }
            apply(cx, n, a, z, y)?;
            apply(cx, n, x, y, e)?;
            Ok((0..n).map(|i| (*e.add(i) - *z.add(i)).abs1().to_f64()).sum())
        }
    })
}

/// y = A z, read along A's adjacent entries.
unsafe fn apply<T: Scalar>(
    cx: &Context<T>,
    n: usize,
    a: Operand<T>,
    z: *const T,
    y: *mut T,
) -> Result<(), Error> {
    let (update, length) = (Update::Set, n as isize);
    let vector = Operand::columns(z, length);
    // SAFETY: the caller's.
    unsafe {
        if a.rs == 1 {
            Product { m: n, n: 1, k: n, a, b: vector, update, c: y, ldc: length }.run(cx)
        } else {
            let (a, b) = (Operand::columns(z, 1), Operand::strided(a.p, a.cs, a.rs, false));
            Product { m: 1, n, k: n, a, b, update, c: y, ldc: 1 }.run(cx)
        }
    }
}
