//! How many digits of an inverse can be trusted.

use std::fmt;

/// How many decimal digits of the largest numbers of a result can be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Digits {
    /// Those that can be trusted.
    pub good: u32,
    /// Those that the scalar holds: 16, or 7 in single precision.
    pub of: u32,
}

impl Digits {
    /// What a reciprocal condition number leaves: an error of `epsilon` in the matrix, relative to its
    /// norm, moves the inverse by up to `epsilon / rcond` (Higham, Accuracy and Stability of Numerical
    /// Algorithms, 2nd ed., section 14.1). `epsilon` is that of the precision inside.
    ///
    /// ```
    /// let digits = ainv::Digits::expected(3e-9, f64::EPSILON, 16);
    /// assert_eq!(digits.to_string(), "about 7 of 16 digits can be trusted");
    /// ```
    pub fn expected(rcond: f64, epsilon: f64, of: u32) -> Digits {
        Digits::left((rcond / epsilon).log10(), of)
    }

    /// What a relative error leaves.
    pub(crate) fn measured(error: f64, of: u32) -> Digits {
        Digits::left(-error.log10(), of)
    }

    fn left(good: f64, of: u32) -> Digits {
        // Above f64's own digits, and where there are none, so that NaN becomes 0.
        Digits { good: (good.floor() as u32).min(of), of }
    }

    pub(crate) fn min(self, other: Digits) -> Digits {
        Digits { good: self.good.min(other.good), of: self.of }
    }

    /// Whether fewer than half of the digits are left.
    pub fn are_few(self) -> bool {
        self.good < self.of / 2
    }
}

impl fmt::Display for Digits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.good {
            0 => f.write_str("no digit can be trusted"),
            1 => write!(f, "about 1 of {} digits can be trusted", self.of),
            good => write!(f, "about {good} of {} digits can be trusted", self.of),
        }
    }
}
