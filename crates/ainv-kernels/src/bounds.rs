//! Rigorous bounds of a matrix's extreme singular values, from what a factorisation leaves: they prove
//! that a pseudo-inverse cuts nothing off, without singular values.
//!
//! All bounds count the rounding errors of the factorisation, by Higham, Accuracy and Stability of
//! Numerical Algorithms, 2nd ed. (below: H), and of the sums that they are made of. A sum of k terms in any
//! order, fused or not, blocked or not, has a relative error under gamma_(k+1) (H, section 3.1); 1.01 k u is
//! more than gamma_k while k u < 0.009, and the factors 1.01 and 1.1 hold what is of second order. A
//! complex sum of k products is two real ones of 2 k: each has an error of gamma_2k times the sum of the
//! products' moduli (Cauchy and Schwarz), the whole one of 2.83 k. [`Factors`] alone takes |re| + |im|, which
//! is submultiplicative, for the absolute value.
//!
//! Verdicts are taken in double precision. Every comparison is false for a NaN, so that nothing is
//! certified by one.

use crate::scalar::{RealScalar, Scalar};
use std::f64::consts::SQRT_2;

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

/// What LU with partial pivoting and the inverse from it leave of a matrix of order n.
///
/// With P B = L U + D1, |D1| <= gamma |L||U| (H, theorem 9.3), Y U = I + E1, |E1| <= gamma |Y||U| (H, section
/// 14.2.2) and X' L = Y + E2, |E2| <= gamma |X'||L| (H, section 14.3.1, method B), X' P B - I = E1 + E2 U + X' D1, at
/// most (3 + gamma) gamma |X'||L||U| entry by entry: rho bounds its norm. With rho < 1, B is regular and
/// sigma_min(B) >= (1 - rho) / ||X||.
pub struct Factors {
    /// The Frobenius norm of the inverse.
    pub x: f64,
    /// A bound of || |L||U| ||.
    pub lu: f64,
    /// A bound of the largest singular value.
    pub up: f64,
}

impl Factors {
    /// The bounds for a matrix of scalars T.
    pub fn bounds<T: Scalar>(&self, n: usize) -> Bounds {
        let n = n as f64;
        let (k, parts) = if T::COMPLEX { (2.0 * n + 32.0, SQRT_2) } else { (n + 8.0, 1.0) };
        let rho = 3.1 * Rounding::of::<T>().gamma(k) * parts * self.x * self.lu;
        if rho <= 0.5 { Bounds { low: (1.0 - rho) / self.x, up: self.up } } else { Bounds::NONE }
    }
}

/// What the Cholesky factorisation A = L L^H of order n, and the inverse X from it, leave.
///
/// ||L L^H - A|| <= d (H, theorem 10.3; |L||L^H| has no norm over trace A) and ||V L - I|| <= rho for V = L^-1
/// (H, section 14.2.2): with ||V||_F^2 = trace X, lambda_min(A) >= (1 - rho)^2 / trace X - d.
pub struct Posdef {
    pub trace: f64,
    pub inverse_trace: f64,
    /// A bound of the largest singular value.
    pub up: f64,
}

impl Posdef {
    /// The bounds for a matrix of scalars T.
    pub fn bounds<T: Scalar>(&self, n: usize) -> Bounds {
        let gamma = Rounding::of::<T>().triangle(n);
        let rho = gamma * (1.1 * self.trace * self.inverse_trace).sqrt();
        let low = (1.0 - rho).powi(2) / (1.02 * self.inverse_trace) - 1.1 * gamma * self.trace;
        if rho <= 0.5 && low > 0.0 { Bounds { low, up: self.up } } else { Bounds::NONE }
    }
}

/// What the Cholesky factorisation of the Gram matrix H = A^H A leaves of A (m x n, m >= n).
///
/// Beside the errors of [`Posdef`] those of the product count (H, section 3.5): ||L L^H - A^H A|| <= d.
pub struct Gram {
    /// The trace of H.
    pub trace: f64,
    /// The trace of H^-1.
    pub inverse_trace: f64,
    /// A bound of the norm of H as it was computed.
    pub norm: f64,
}

impl Gram {
    /// The bounds for an m x n matrix of scalars T.
    pub fn bounds<T: Scalar>(&self, m: usize, n: usize) -> Bounds {
        let (product, gamma) = (Rounding::of::<T>().product(m), Rounding::of::<T>().triangle(n));
        let squares = 1.01 * self.trace;
        let d = (product + 1.1 * gamma) * squares;
        let rho = gamma * (1.1 * self.inverse_trace * squares).sqrt();
        let low = (1.0 - rho).powi(2) / (1.02 * self.inverse_trace) - d;
        if !(rho <= 0.5 && low > 0.0) {
            return Bounds::NONE;
        }
        Bounds { low: low.sqrt(), up: self.up::<T>(m) }
    }

    fn up<T: Scalar>(&self, m: usize) -> f64 {
        let product = Rounding::of::<T>().product(m);
        (1.01 * self.norm.min(self.trace) + product * 1.01 * self.trace).sqrt()
    }

    /// The bounds after a second pass: Q = A L^-H with ||A - Q L^H||_F <= e, and om >= ||Q^H Q - I|| from the
    /// measured norm `gram` of its Gram matrix less I; `v` is the Frobenius norm of L^-1. sigma_min(A) >=
    /// sigma_min(Q) sigma_min(L) - e.
    pub fn second_pass<T: Scalar>(&self, m: usize, n: usize, v: f64, gram: f64) -> Bounds {
        let (product, gamma) = (Rounding::of::<T>().product(m), Rounding::of::<T>().triangle(n));
        let squares = 1.01 * self.trace;
        let om = 1.01 * gram + 1.1 * n as f64 * product;
        let rho = gamma * v * (1.1 * squares).sqrt();
        let e = 1.1 * gamma * (n as f64 * squares).sqrt();
        if !(om <= 0.1 && rho <= 0.5) {
            return Bounds::NONE;
        }
        let low = (1.0 - om).sqrt() * (1.0 - rho) / (1.01 * v) - e;
        Bounds { low, up: self.up::<T>(m) }
    }
}

/// How far the diagonal of mu I - H must come down, H the computed Gram matrix of an m x n matrix A with the
/// square `squares` of its Frobenius norm, so that a Cholesky factorisation that runs through proves that
/// mu I - A^H A is positive semidefinite: ||A||^2 <= mu (Rump, "Verified bounds for singular values", BIT 51,
/// 2011; H, theorems 10.3 and 10.7).
pub fn shift_down<T: Scalar>(m: usize, n: usize, mu: f64, squares: f64) -> f64 {
    let rounding = Rounding::of::<T>();
    let sum = rounding.gamma(if T::COMPLEX { 3.0 * n as f64 + 12.0 } else { n as f64 + 4.0 });
    2.0 * (rounding.product(m) * squares + sum * n as f64 * mu)
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
        // Of a matrix of which nothing was taken all is left, and `low` is infinite.
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
