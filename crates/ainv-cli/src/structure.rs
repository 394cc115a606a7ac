//! What kind of matrices these are: as told, or as a sample shows.

use crate::args::Operation;
use ainv::{Assume, Options, OwnedStack, RealScalar, Scalar, Stack, Uplo};
use std::fmt;

/// Matrices that are looked at, and entries of them.
const MATRICES: usize = 100;
const ENTRIES: usize = 4_000_000;
/// Multiply-adds that trying Cholesky may cost.
const BUDGET: usize = 100_000_000;

/// The structure of a stack.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Structure {
    pub(crate) name: &'static str,
    /// Matrices that show it; none if the arguments say so.
    pub(crate) sample: Option<usize>,
}

impl fmt::Display for Structure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)?;
        if self.sample.is_none() { write!(f, ", as told") } else { Ok(()) }
    }
}

impl Structure {
    /// What the arguments say, if they do.
    pub(crate) fn told(operation: &Operation) -> Option<Structure> {
        let name = match operation {
            Operation::CholeskyInv { upper: false, .. } => "Cholesky factor L",
            Operation::CholeskyInv { upper: true, .. } => "Cholesky factor U",
            Operation::TriInv { upper: false, .. } => "lower triangle",
            Operation::TriInv { upper: true, .. } => "upper triangle",
            Operation::Pinv { hermitian: true, .. } => "Hermitian",
            _ => match operation.assume() {
                Assume::Auto => return None,
                Assume::General => "general",
                Assume::Symmetric => "symmetric",
                Assume::Hermitian => "Hermitian",
                Assume::Posdef => "positive definite",
                Assume::Lower => "lower triangle",
                Assume::Upper => "upper triangle",
                Assume::Diagonal => "diagonal",
            },
        };
        Some(Structure { name, sample: None })
    }

    /// What all of a sample of square matrices have in common.
    pub(crate) fn of<T: Scalar>(a: &OwnedStack<T>) -> Option<Structure> {
        let [.., n, _] = *a.shape() else { return None };
        let size = n * n;
        let count = a.as_slice().len().checked_div(size)?;
        if count == 0 {
            return None;
        }
        let sample = MATRICES.min(ENTRIES / size).clamp(1, count);
        let matrix = |s: usize| {
            let m = s * count / sample;
            &a.as_slice()[m * size..(m + 1) * size]
        };
        let shared = (0..sample).map(|s| Pattern::of(matrix(s), n)).reduce(Pattern::and)?;
        let tried = BUDGET / (size * n) >= sample;
        let definite =
            || tried && shared.hermitian && (0..sample).all(|s| is_positive_definite(matrix(s), n));
        let name = match shared {
            Pattern { lower: true, upper: true, .. } => "diagonal",
            Pattern { lower: true, .. } => "lower triangular",
            Pattern { upper: true, .. } => "upper triangular",
            Pattern { hermitian: true, symmetric: true, .. } if definite() => {
                "symmetric positive definite"
            }
            Pattern { symmetric: true, .. } => "symmetric",
            Pattern { hermitian: true, .. } if definite() => "Hermitian positive definite",
            Pattern { hermitian: true, .. } => "Hermitian",
            _ => "general",
        };
        Some(Structure { name, sample: Some(sample) })
    }
}

#[derive(Clone, Copy)]
struct Pattern {
    lower: bool,
    upper: bool,
    symmetric: bool,
    hermitian: bool,
}

impl Pattern {
    fn of<T: Scalar>(a: &[T], n: usize) -> Pattern {
        let zero = T::default();
        let mut is = Pattern { lower: true, upper: true, symmetric: true, hermitian: true };
        for i in 0..n {
            is.hermitian &= a[i * n + i] == a[i * n + i].conj();
            for j in 0..i {
                let (below, above) = (a[i * n + j], a[j * n + i]);
                is.lower &= above == zero;
                is.upper &= below == zero;
                is.symmetric &= below == above;
                is.hermitian &= below == above.conj();
            }
        }
        is
    }

    fn and(self, other: Pattern) -> Pattern {
        Pattern {
            lower: self.lower && other.lower,
            upper: self.upper && other.upper,
            symmetric: self.symmetric && other.symmetric,
            hermitian: self.hermitian && other.hermitian,
        }
    }
}

fn is_positive_definite<T: Scalar>(a: &[T], n: usize) -> bool {
    if (0..n).any(|i| a[i * n + i].re().to_f64() <= 0.0) {
        return false;
    }
    Stack::new(a, &[n, n])
        .is_ok_and(|a| ainv::cholesky(a, Uplo::Lower, &Options::default()).is_ok())
}
