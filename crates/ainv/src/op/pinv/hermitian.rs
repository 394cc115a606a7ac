//! Hermitian matrices that are positive definite: the inverse by Cholesky.

use super::{Asked, Matrix};
use crate::alg::{Context, leading_dimension};
use crate::device::cpu::arena;
use crate::error::Error;
use crate::op::inv::{mirror, posdef};
use crate::op::pass::{Columns, Part};
use ainv_kernels::bounds::Posdef;
use ainv_kernels::scalar::{RealScalar, Scalar};

/// The inverse where [`Posdef`] proves that it is the pseudo-inverse; whether it is. Of A the lower
/// triangle is read.
///
/// # Safety
/// As [`pinv`](super::pinv).
pub(super) unsafe fn invert<T: Scalar>(
    cx: &Context<T>,
    m: &Matrix<T>,
    asked: &Asked,
) -> Result<bool, Error> {
    let (n, zero) = (m.from.rows, T::Real::default());
    // SAFETY: the caller's diagonal.
    let positive = |i: usize| unsafe { m.a.offset(m.from.at(i, i)).read().re() > zero };
    if !(0..n).all(positive) {
        return Ok(false);
    }
    let ld = leading_dimension::<T>(n);
    arena::with(n * ld, |w: *mut T| {
        let columns = Columns::new((n, n), w, ld, Part::All);
        // SAFETY: the caller's matrices and the block.
        unsafe {
            Columns { part: Part::Lower, ..columns }.load(cx, m.a, m.from, false)?;
            mirror(cx, w, n, ld)?;
            let read = columns.sums(cx, true)?;
            if !read.fits(true) {
                return Ok(false);
            }
            let trace = trace(w, n, ld);
            if posdef(cx, w, n, ld)?.is_err() {
                return Ok(false);
            }
            let inverse_trace = self::trace(w, n, ld);
            let bounds = Posdef { trace, inverse_trace, up: read.row() }.bounds::<T>(n);
            let clear = bounds.clear_of(asked.cut);
            if clear {
                columns.store(cx, m.x, m.to, false)?;
            }
            Ok(clear)
        }
    })
}

/// The sum of a real diagonal.
///
/// # Safety
/// The matrix is readable over n x n, columns `ld` apart.
pub(super) unsafe fn trace<T: Scalar>(w: *const T, n: usize, ld: usize) -> f64 {
    // SAFETY: the caller's diagonal.
    (0..n).map(|i| unsafe { w.add(i * (ld + 1)).read().re().to_f64() }).sum()
}
