//! What kind of matrices these are: as told, or as a sample shows.

use crate::args::Operation;
use ainv::{Assume, OwnedStack, Scalar, Stack};
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
        let step = count / sample * size;
        let strides = [step as isize, n as isize, 1];
        let spread = Stack::with_strides(a.as_slice(), 0, &[sample, n, n], &strides).ok()?;
        let definite = BUDGET / (size * n) >= sample;
        let found = ainv::Structure::of(spread, definite).ok()??;
        Some(Structure { name: found.name(), sample: Some(sample) })
    }
}
