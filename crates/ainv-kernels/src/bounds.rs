//! Rigorous bounds of a matrix's extreme singular values, from what a factorisation leaves: they prove
//! that a pseudo-inverse cuts nothing off, without singular values.
//!
//! All bounds count the rounding errors of the factorisation, by Higham, Accuracy and Stability of
//! Numerical Algorithms, 2nd ed. (below: H), and of the sums that they are made of. A sum of k terms in any
//! order, fused or not, blocked or not, has a relative error under gamma_(k+1) (H, section 3.1); 1.01 k u is
//! more than gamma_k while k u < 0.009, and the factors 1.01 and 1.1 hold what is of second order. A
//! complex product or quotient is taken by its parts, with |re| + |im| as the absolute value, which is
//! submultiplicative: a complex sum of k terms is two real ones of 2 k.
//!
//! Verdicts are taken in double precision. Every comparison is false for a NaN, so that nothing is
//! certified by one.

use crate::scalar::{RealScalar, Scalar};

/// The cut-off of one matrix: singular values at or under `max(absolute, relative * largest)` count
/// as zero.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cut {
    pub relative: f64,
    pub absolute: f64,
}

/// No singular value is under `low` or over `up`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    pub low: f64,
    pub up: f64,
}

impl Bounds {
    /// Nothing is known.
    pub const NONE: Self = Bounds { low: 0.0, up: f64::INFINITY };

    /// Whether no singular value is at or under the cut-off. The slack of 2^-6 on either side is for the
    /// rounding of the norms that the bounds were made of.
    pub fn clear_of(self, cut: Cut) -> bool {
        const SLACK: f64 = 1.0 / 64.0;
        self.low * (1.0 - SLACK) > cut.absolute
            && self.low * (1.0 - SLACK) > cut.relative * self.up * (1.0 + SLACK)
    }
}

/// The constants of a scalar.
#[derive(Clone, Copy)]
struct Rounding {
    unit: f64,
    complex: bool,
}

impl Rounding {
    fn of<T: Scalar>() -> Self {
        Rounding { unit: T::Real::EPSILON.to_f64() / 2.0, complex: T::COMPLEX }
    }

    /// More than gamma_k.
    fn gamma(self, k: f64) -> f64 {
        1.01 * k * self.unit
    }

    /// For products of k terms.
    fn product(self, k: usize) -> f64 {
        let k = k as f64;
        self.gamma(if self.complex { 3.0 * k + 12.0 } else { k + 8.0 })
    }

    /// For triangular inverses and Cholesky factors of order n, and two runs of n updates.
    fn triangle(self, n: usize) -> f64 {
        let n = n as f64;
        self.gamma(if self.complex { 6.0 * n + 48.0 } else { 2.0 * n + 12.0 })
    }
}

/// Frobenius norms of A (m x n, m >= n), of R and V = R^-1 and of Q^H Q - I, where A = Q R by classical
/// Gram-Schmidt, twice.
///
/// With om >= ||Q^H Q - I||, measured, and e >= ||A - Q R||_F, bounded a priori by 2 n updates of
/// columns whose coefficients are under 1.1 |a_j| (H, section 19.8), sigma_min(Q) >= sqrt(1 - om)
/// and sigma_min(R) >= (1 - rho) / ||V||, rho >= ||V R - I|| (H, section 14.2): sigma_min(A) >= their
/// product - e.
pub struct Orthogonal {
    pub a: f64,
    pub r: f64,
    pub v: f64,
    pub gram: f64,
}

impl Orthogonal {
    /// The bounds for an m x n matrix of scalars T.
    pub fn bounds<T: Scalar>(&self, m: usize, n: usize) -> Bounds {
        let (rounding, columns) = (Rounding::of::<T>(), n as f64);
        let om = 1.01 * self.gram + 1.1 * columns * rounding.product(m);
        let e = rounding.triangle(n) * (1.0 + 2.4 * columns.sqrt()) * self.a;
        let parts = if T::COMPLEX { 2.0 } else { 1.0 };
        let rho = rounding.triangle(n) * parts * self.v * self.r;
        if !(om <= 0.1 && rho <= 0.5) {
            return Bounds::NONE;
        }
        let low = (1.0 - om).sqrt() * (1.0 - rho) / (1.01 * self.v) - e;
        Bounds { low, up: 1.01 * self.a }
    }
}

/// Norms of A (m x n, m >= n), of what pivoting has left of it when it had taken r columns Q, of
/// Z^H Z - I for Z from A^H Q by Gram-Schmidt, and of the factors of B = A Z (m x r).
///
/// sigma_r(A) >= sigma_r(A Z) / ||Z||, with ||Z||^2 <= 1 + om and the rounding of the product counted
/// (H, section 3.5): rigorous, as for [`Orthogonal`]. sigma_(r+1)(A) <= the norm of what is left, but
/// for the rounding of A itself: as sure as computed singular values are.
///
/// A (I - Z Z^H) is no more than what is left. Where theta is the angle between Z and the right singular
/// vectors that belong to the r largest singular values, tan theta <= (left / sigma_r)^2 after the one step
/// (Golub and Van Loan, 4th ed., section 8.2.4), and X is off by as much, relative to its norm. That is
/// under max(m, n) unit ||A|| / sigma_r, what singular values that were computed in the caller's scalar would
/// leave, where left^2 <= max(m, n) unit ||A|| sigma_r.
pub struct Truncated {
    pub a: f64,
    pub left: f64,
    pub gram: f64,
    pub product: Orthogonal,
    /// A lower bound of the largest singular value.
    pub largest: f64,
}

impl Truncated {
    /// Whether exactly r singular values are over the cut-off and X = Z B^+ is right to rounding, for
    /// matrices that were given with unit roundoff `unit` and are computed with in scalars T.
    pub fn is_clear<T: Scalar>(&self, m: usize, n: usize, cut: Cut, unit: f64) -> bool {
        const SLACK: f64 = 1.0 / 64.0;
        let (rounding, columns) = (Rounding::of::<T>(), n as f64);
        let rounded = 1.1 * columns * rounding.product(n);
        let om = 1.01 * self.gram + rounded;
        let parts = if T::COMPLEX { 2.0 } else { 1.0 };
        let e = 1.1 * parts * columns.sqrt() * rounding.product(n) * self.a;
        let low = (self.product.bounds::<T>(m, n).low - e) / (1.0 + om);
        // Squares that are gone are no larger than the smallest normal number.
        let lost = (m * n) as f64 * 2f64.powi(T::Real::MIN_EXP);
        let left2 = (self.left * self.left + lost) * (1.0 + SLACK);
        let half = cut.absolute.max(cut.relative * self.largest) / 2.0;
        om <= 2.0 * rounded
            && Bounds { low, up: 1.01 * self.a }.clear_of(cut)
            && left2 <= half * half * (1.0 - SLACK)
            && left2 <= m as f64 * unit * self.a * low
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_certified_by_nan_or_at_the_cut() {
        let cut = Cut { relative: 1e-3, absolute: 0.0 };
        assert!(Bounds { low: 1.1e-3, up: 1.0 }.clear_of(cut));
        assert!(!Bounds { low: 1e-3, up: 1.0 }.clear_of(cut));
        assert!(!Bounds { low: f64::NAN, up: 1.0 }.clear_of(cut));
        assert!(!Bounds { low: 1.0, up: f64::NAN }.clear_of(cut));
        assert!(!Bounds { low: 1.0, up: 1.0 }.clear_of(Cut { relative: f64::NAN, absolute: 0.0 }));
        assert!(!Bounds { low: 1.0, up: 1.0 }.clear_of(Cut { relative: 0.0, absolute: 1.0 }));
        assert!(!Bounds::NONE.clear_of(Cut { relative: 0.0, absolute: 0.0 }));
    }

    #[test]
    fn the_identity_is_certified() {
        let q = Orthogonal { a: 2.0, r: 2.0, v: 2.0, gram: 0.0 };
        let Bounds { low, up } = q.bounds::<f64>(4, 4);
        assert!((0.49..0.5).contains(&low) && (2.0..2.1).contains(&up));
        let far = Orthogonal { gram: f64::NAN, ..q };
        assert_eq!(far.bounds::<f64>(4, 4), Bounds::NONE);
    }
}
