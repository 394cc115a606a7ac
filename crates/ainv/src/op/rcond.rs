//! `rcond`: 1 / (norm(A) norm(A^-1)), from the inverse itself, so exact but for rounding; for the
//! 2-norm the ratio of the extreme singular values.

use crate::options::Norm;
use ainv_kernels::scalar::{RealScalar, Scalar};

/// The largest column sum or row sum of a dense matrix, row by row.
pub(crate) fn norm<T: Scalar>(n: usize, a: &[T], which: Norm) -> T::Real {
    // |z| by scaling, so that neither square over- nor underflows.
    let modulus = |z: T| {
        if !T::COMPLEX {
            return RealScalar::abs(z.re());
        }
        let (x, y) = (RealScalar::abs(z.re()), RealScalar::abs(z.im()));
        let (large, small) = if x > y { (x, y) } else { (y, x) };
        if large == T::Real::default() || !Scalar::is_finite(large) {
            return x + y;
        }
        let ratio = small / large;
        large * RealScalar::sqrt(T::Real::ONE + ratio * ratio)
    };
    let entry = |i: usize, j: usize| match which {
        Norm::Inf => modulus(a[i * n + j]),
        _ => modulus(a[j * n + i]),
    };
    (0..n).fold(T::Real::default(), |largest, i| {
        let sum = (0..n).fold(T::Real::default(), |s, j| s + entry(i, j));
        // Written so that a NaN is kept.
        if largest > sum || Scalar::is_nan(largest) { largest } else { sum }
    })
}

/// The reciprocal condition number from the norms of a matrix and of its inverse.
pub(crate) fn reciprocal<R: RealScalar>(a: R, x: R) -> R {
    // Two divisions: the product of the norms may overflow where their reciprocals do not.
    let (a, x) = (a.to_f64(), x.to_f64());
    R::from_f64(1.0 / a / x)
}
