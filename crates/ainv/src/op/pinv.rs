//! `pinv`: the Moore-Penrose inverse from the singular value decomposition, of a Hermitian matrix
//! from its eigendecomposition (Golub and Van Loan, Matrix Computations, 4th ed., section 5.5.2).

use super::settle;
use crate::alg::Context;
use crate::alg::svd;
use crate::device::cpu::arena;
use crate::error::Error;
use crate::status::{Code, Status};
use ainv_kernels::bounds::Cut;
use ainv_kernels::places::Frame;
use ainv_kernels::scalar::{RealScalar, Scalar};

/// Whether matrices of this shape run in lanes.
pub(crate) fn in_lanes(m: usize, n: usize) -> bool {
    (1..=256).contains(&(m * n)) && m.max(n) <= 64
}

/// One pseudo-inverse: `x` (n x m) from `a` (m x n). Without a result `x` is NaN.
///
/// # Safety
/// Both are valid over their sizes; they may be the same matrix.
pub(crate) unsafe fn pinv<T: Scalar>(
    cx: &Context<T>,
    a: *const T,
    from: Frame,
    hermitian: bool,
    cut: Cut,
    x: *mut T,
    to: Frame,
) -> Result<Status, Error> {
    let (m, n) = (from.rows, from.cols);
    arena::with(2 * m * n, |w: *mut T| {
        let result = w.wrapping_add(m * n);
        let reads = |i: usize, j: usize| !hermitian || i >= j;
        let (mut nan, mut infinite, mut largest) = (false, false, None);
        for j in 0..n {
            for i in 0..m {
                // SAFETY: the caller's matrix; the working copy has m rows.
                unsafe {
                    let z = a.offset(from.at(i, j)).read();
                    let z = match (reads(i, j), hermitian && i == j) {
                        (false, _) => T::default(),
                        (true, true) => T::from_re(z.re()),
                        (true, false) => z,
                    };
                    nan |= z.is_nan();
                    infinite |= !Scalar::is_finite(z);
                    largest = largest.max(settle::exponent(z));
                    w.add(i + j * m).write(z);
                }
            }
        }
        let fill = |f: &dyn Fn(usize, usize) -> T| {
            for i in 0..n {
                for j in 0..m {
                    // SAFETY: the caller's result.
                    unsafe { x.offset(to.at(i, j)).write(f(i, j)) };
                }
            }
        };
        if nan || infinite {
            fill(&|_, _| T::nan());
            return Ok(Status::NON_FINITE);
        }
        let Some(largest) = largest else {
            fill(&|_, _| T::default());
            return Ok(Status::OK);
        };
        // Out of range, one power of two for all entries: the cut-off is relative to the largest.
        let shift = if largest.abs() > T::Real::BIG_EXP / 2 { -largest } else { 0 };
        if shift != 0 {
            for i in 0..m * n {
                // SAFETY: the working copy.
                unsafe { w.add(i).write(Scalar::ldexp(w.add(i).read(), shift)) };
            }
        }
        let cut = Cut { absolute: cut.absolute.times_power_of_two(shift), ..cut };
        // SAFETY: the working copy and the place for the result.
        let done = unsafe { svd::pseudo_inverse(cx, (m, n), w, hermitian, cut, result)? };
        if done.is_none() {
            fill(&|_, _| T::nan());
            return Ok(Status { code: Code::NotConverged, at: 0 });
        }
        // SAFETY: the result is n x m, column by column.
        fill(&|i, j| unsafe { Scalar::ldexp(result.add(i + j * n).read(), shift) });
        Ok(Status::OK)
    })
}
