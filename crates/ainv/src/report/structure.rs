//! What the entries of a matrix show: triangles, symmetry, definiteness.

use crate::api::cholesky_into;
use crate::device::Device;
use crate::device::defaults::default_stream;
use crate::error::{Error, filled};
use crate::op::staging;
use crate::options::{Assume, Options, Uplo};
use crate::stack::{OwnedStack, Stack};
use crate::status::Status;
use ainv_kernels::scalar::Scalar;
use std::fmt;

/// The structure of a square matrix, or the one that all matrices of a stack have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Structure {
    /// Nothing but the diagonal.
    Diagonal,
    /// Nothing above the diagonal.
    LowerTriangular,
    /// Nothing under the diagonal.
    UpperTriangular,
    /// A = A^T is real, and its Cholesky factorisation succeeds.
    SymmetricPositiveDefinite,
    /// A = A^T.
    Symmetric,
    /// A = A^H is complex, and its Cholesky factorisation succeeds.
    HermitianPositiveDefinite,
    /// A = A^H is complex.
    Hermitian,
    /// None of these.
    General,
}

impl Structure {
    /// All of them, in the order of their numbers.
    pub const ALL: [Structure; 8] = [
        Structure::Diagonal,
        Structure::LowerTriangular,
        Structure::UpperTriangular,
        Structure::SymmetricPositiveDefinite,
        Structure::Symmetric,
        Structure::HermitianPositiveDefinite,
        Structure::Hermitian,
        Structure::General,
    ];

    /// What all matrices of a stack have in common. `definite` if a Cholesky factorisation, a third of
    /// an inversion's cost, may be tried.
    ///
    /// ```
    /// use ainv::{Stack, Structure};
    /// let a = [2.0, 1.0, 1.0, 2.0];
    /// let found = Structure::of(Stack::new(&a, &[2, 2])?, true)?;
    /// assert_eq!(found, Some(Structure::SymmetricPositiveDefinite));
    /// # Ok::<(), ainv::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Shape`] if the matrices are not square; [`Error::OutOfMemory`]. `None` is the structure
    /// of an empty stack.
    pub fn of<T: Scalar>(a: Stack<T>, definite: bool) -> Result<Option<Structure>, Error> {
        crate::api::square(&a)?;
        let (n, mut shared) = (a.rows(), None);
        for index in 0..a.len() {
            let pattern = Pattern::of(n, |i, j| a.get(index, i, j));
            shared = Some(shared.map_or(pattern, |s: Pattern| s.and(pattern)));
        }
        let Some(shared) = shared else { return Ok(None) };
        let mut definite = definite && shared.may_be_definite();
        if definite {
            let dense = staging::dense(&a, 0..a.len(), Assume::General, |x: T| x)?;
            let on_cpu =
                Options { stream: Some(default_stream(Device::CPU)?), ..Options::default() };
            definite = are_definite(&dense, &on_cpu)?.iter().all(|&is| is);
        }
        Ok(Some(shared.named(T::COMPLEX, definite)))
    }

    /// Of each matrix of a dense stack.
    pub(crate) fn each<T: Scalar>(
        a: &OwnedStack<T>,
        options: &Options,
    ) -> Result<Vec<Structure>, Error> {
        let view = a.view();
        let (n, count) = (view.rows(), view.len());
        let size = n * n;
        let matrix = |index: usize| &a.as_slice()[index * size..(index + 1) * size];
        let pattern = |index: usize| Pattern::of(n, |i, j| matrix(index)[i * n + j]);
        let patterns: Vec<_> = (0..count).map(pattern).collect();
        let tried: Vec<_> = (0..count).filter(|&i| patterns[i].may_be_definite()).collect();
        let mut of: Vec<_> = patterns.iter().map(|p| p.named(T::COMPLEX, false)).collect();
        let together: Vec<T> = tried.iter().flat_map(|&i| matrix(i)).copied().collect();
        let together = OwnedStack::from_vec(together, &[tried.len(), n, n])?;
        for (&i, is) in tried.iter().zip(are_definite(&together, options)?) {
            of[i] = patterns[i].named(T::COMPLEX, is);
        }
        Ok(of)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Structure::Diagonal => "diagonal",
            Structure::LowerTriangular => "lower triangular",
            Structure::UpperTriangular => "upper triangular",
            Structure::SymmetricPositiveDefinite => "symmetric positive definite",
            Structure::Symmetric => "symmetric",
            Structure::HermitianPositiveDefinite => "Hermitian positive definite",
            Structure::Hermitian => "Hermitian",
            Structure::General => "general",
        }
    }

    pub(crate) fn is_definite(self) -> bool {
        matches!(self, Structure::SymmetricPositiveDefinite | Structure::HermitianPositiveDefinite)
    }

    pub(crate) fn is_symmetric(self) -> bool {
        self.is_definite() || matches!(self, Structure::Symmetric | Structure::Hermitian)
    }

    pub(crate) fn is_triangular(self) -> bool {
        matches!(
            self,
            Structure::Diagonal | Structure::LowerTriangular | Structure::UpperTriangular
        )
    }
}

impl fmt::Display for Structure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Whether each matrix has a Cholesky factor.
fn are_definite<T: Scalar>(a: &OwnedStack<T>, options: &Options) -> Result<Vec<bool>, Error> {
    let mut status = filled(Status::OK, a.view().len())?;
    let mut factors = OwnedStack::zeros(a.shape())?;
    let (a, x) = (a.view(), factors.view_mut());
    cholesky_into(a, Uplo::Lower, x, &mut status, options)?;
    Ok(status.iter().map(|s| s.is_ok()).collect())
}

#[derive(Clone, Copy)]
struct Pattern {
    lower: bool,
    upper: bool,
    symmetric: bool,
    hermitian: bool,
    /// Every diagonal entry is over zero.
    positive: bool,
}

impl Pattern {
    fn of<T: Scalar>(n: usize, at: impl Fn(usize, usize) -> T) -> Pattern {
        let zero = T::default();
        let mut is =
            Pattern { lower: true, upper: true, symmetric: true, hermitian: true, positive: true };
        for i in 0..n {
            let diagonal = at(i, i);
            is.hermitian &= diagonal == Scalar::conj(diagonal);
            is.positive &= diagonal.re() > zero.re();
            for j in 0..i {
                let (below, above) = (at(i, j), at(j, i));
                is.lower &= above == zero;
                is.upper &= below == zero;
                is.symmetric &= below == above;
                is.hermitian &= below == Scalar::conj(above);
            }
            if !(is.lower || is.upper || is.symmetric || is.hermitian) {
                break;
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
            positive: self.positive && other.positive,
        }
    }

    /// Whether only a factorisation can tell.
    fn may_be_definite(self) -> bool {
        self.hermitian && self.positive && !self.lower && !self.upper
    }

    fn named(self, complex: bool, definite: bool) -> Structure {
        match self {
            Pattern { lower: true, upper: true, .. } => Structure::Diagonal,
            Pattern { lower: true, .. } => Structure::LowerTriangular,
            Pattern { upper: true, .. } => Structure::UpperTriangular,
            Pattern { hermitian: true, symmetric: true, .. } if definite => {
                Structure::SymmetricPositiveDefinite
            }
            Pattern { hermitian: true, .. } if definite => Structure::HermitianPositiveDefinite,
            Pattern { symmetric: true, .. } => Structure::Symmetric,
            Pattern { hermitian: true, .. } if complex => Structure::Hermitian,
            _ => Structure::General,
        }
    }
}
