//! What a caller may choose.

use crate::device::Stream;
use crate::error::Error;
use ainv_streams::Cancel;

/// What is known of the matrix, hence what is read of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Assume {
    /// Nothing is known. `inv` looks for structure (triangular, positive definite) where looking
    /// costs under 2 % of the work: above the small orders, which run in lanes. A wrong guess falls
    /// back, never to a wrong answer. `solve` takes the matrix as general.
    #[default]
    Auto,
    /// A general matrix; structure is not looked for.
    General,
    /// A = A^T; the lower triangle is read. A complex one is not Hermitian.
    Symmetric,
    /// A = A^H; the lower triangle is read, the diagonal as it stands.
    Hermitian,
    /// Hermitian and positive definite; the lower triangle is read. A matrix that is not positive
    /// definite has the status [`NotPositiveDefinite`](crate::Code::NotPositiveDefinite).
    Posdef,
    /// A lower triangle; the other one is not read.
    Lower,
    /// An upper triangle; the other one is not read.
    Upper,
    /// A diagonal; nothing else is read.
    Diagonal,
}

/// Which triangle holds the matrix.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Uplo {
    /// The lower one.
    #[default]
    Lower,
    /// The upper one.
    Upper,
}

/// Whether a triangle's diagonal is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Diag {
    /// It is read.
    #[default]
    NonUnit,
    /// It is one, and not read.
    Unit,
}

/// The precision inside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Precision {
    /// That of the matrix.
    #[default]
    Native,
    /// Double, the result rounded once at the end.
    Double,
}

/// What becomes of a matrix that has no result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum OnSingular {
    /// The call returns [`Error::Matrix`](crate::Error::Matrix), which names the first one.
    #[default]
    Raise,
    /// That matrix is filled with NaN; the others are done.
    Nan,
    /// For `inv` alone: that matrix's pseudo-inverse, if its entries are finite; the others are done.
    Pinv,
}

/// What becomes of a matrix that is so nearly singular that its result may have no correct digit: whose
/// reciprocal condition number in the 1-norm is under the limit, or under n times the unit roundoff of its
/// scalar (2^-53, of single precision 2^-24) where there is none. The result is computed all the same.
///
/// After [`inv`](crate::inv), [`cholesky_inv`](crate::cholesky_inv) and [`tri_inv`](crate::tri_inv) it is
/// 1 / (norm(A) norm(A^-1)) of the matrices themselves (of L L^H, which is not formed, one column stands for
/// the norm); [`solve`](crate::solve) estimates it from its factors (see [`rcond`](crate::rcond)) where some
/// vectors solved beside the right-hand sides do not show that it is over the limit. Above order 64 that is
/// found in passing and costs some per cent. The other functions do not ask.
///
/// ```
/// use ainv::{Code, IllConditioned, Options, Stack, Status};
/// let a = [1.0, 1.0, 1.0, 1.0 + 2.0f64.powi(-52)];
/// let a = Stack::new(&a, &[2, 2])?;
/// let raise = Options { ill_conditioned: IllConditioned::Raise(None), ..Options::default() };
/// let error = ainv::inv(a, &raise).unwrap_err();
/// assert!(error.to_string().starts_with("Ill-conditioned matrix (Batch element 0)"));
///
/// let warn = Options { ill_conditioned: IllConditioned::Warn(Some(1e-12)), ..Options::default() };
/// let (mut x, mut status) = ([0.0; 4], [Status::default()]);
/// let to = ainv::StackMut::new(&mut x, &[2, 2])?;
/// let summary = ainv::inv_into(a, to, &mut status, &warn)?;
/// assert_eq!((status[0].code, summary.ill_conditioned), (Code::IllConditioned, 1));
/// assert_eq!(x[3], 2.0f64.powi(52));
/// # Ok::<(), ainv::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum IllConditioned {
    /// Nothing: it is not asked, and costs nothing.
    #[default]
    Ignore,
    /// It has the status [`IllConditioned`](crate::Code::IllConditioned) and counts in the
    /// [`Summary`](crate::Summary) of the `_into` forms. With a limit of one's own or none.
    Warn(Option<f64>),
    /// The same, and a plain form returns [`Error::IllConditioned`](crate::Error::IllConditioned), which
    /// names the first one.
    Raise(Option<f64>),
}

/// Choices that every operation has. `Options::default()` is right for most callers.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// What is known of the matrices (`inv`, `solve`, `rcond`).
    pub assume: Assume,
    /// What becomes of a matrix that has no result. The `_into` forms never raise for a matrix:
    /// they fill its status.
    pub on_singular: OnSingular,
    /// What becomes of a matrix that is nearly singular.
    pub ill_conditioned: IllConditioned,
    /// The precision inside.
    pub precision: Precision,
    /// Where the work runs, and after which other work; `None`: on the thread's
    /// [current stream](crate::current_stream).
    pub stream: Option<Stream>,
    /// Stops the call from another thread; `None` if nothing can.
    pub cancel: Option<Cancel>,
}

impl Options {
    /// An error, before any work, for a stream that no back-end serves.
    #[inline]
    pub(crate) fn check(&self) -> Result<(), Error> {
        self.stream.map_or(Ok(()), Stream::check)
    }
}

/// The norm that a condition number is taken in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Norm {
    /// The largest column sum.
    #[default]
    One,
    /// The largest row sum.
    Inf,
    /// The largest singular value.
    Two,
}

/// One tolerance for all matrices of a stack, or one each.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Tolerance<'a> {
    /// The same for all.
    All(f64),
    /// One for each matrix of the stack.
    Each(&'a [f64]),
}

impl Tolerance<'_> {
    pub(crate) fn of(self, index: usize) -> f64 {
        match self {
            Tolerance::All(x) => x,
            Tolerance::Each(x) => x[index],
        }
    }
    pub(crate) fn values(&self) -> &[f64] {
        match self {
            Tolerance::All(x) => std::slice::from_ref(x),
            Tolerance::Each(x) => x,
        }
    }
}

/// What `pinv` takes for zero: singular values at or under `max(atol, rtol * largest)`.
///
/// Without either, rtol is `max(m, n)` times the scalar's epsilon and atol is zero. With a positive
/// atol and no rtol, rtol is zero, because the caller named the absolute cut.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PinvOptions<'a> {
    /// The relative tolerance.
    pub rtol: Option<Tolerance<'a>>,
    /// The absolute tolerance.
    pub atol: Option<Tolerance<'a>>,
    /// The matrices are Hermitian; the lower triangle is read, and the real part of the diagonal.
    pub hermitian: bool,
}
