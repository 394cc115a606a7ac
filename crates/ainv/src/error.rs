//! What was wrong with the call, or which matrix stopped it.

use crate::status::{Code, Status};
use ainv_kernels::isa::Unavailable;
use ainv_streams::Stopped;

/// Why a call gave no result.
///
/// The first kinds concern the call: nothing was computed and no output was written (but for
/// [`OutOfMemory`](Error::OutOfMemory), [`Device`](Error::Device) and [`Cancelled`](Error::Cancelled), which
/// may come from the middle of the work: the output is undefined then). [`Matrix`]
/// (only from the forms that return an owned result and `on_singular` left at raise) names the
/// first matrix of the stack that could not be done.
///
/// [`Matrix`]: Error::Matrix
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Error {
    /// Shapes that do not fit the operation or each other.
    Shape {
        /// What was expected, and what came.
        what: String,
    },
    /// A view that reaches outside its memory, or a mutable one whose elements share memory.
    Layout {
        /// What is wrong with the view.
        what: &'static str,
    },
    /// A size or an offset that does not fit the address space.
    Overflow,
    /// The scratch or the result could not be allocated.
    OutOfMemory {
        /// What was asked for.
        bytes: usize,
    },
    /// An argument outside what the operation takes.
    Argument {
        /// What is wrong with which argument.
        what: String,
    },
    /// The device cannot do this.
    Unsupported {
        /// What is missing.
        what: String,
    },
    /// The device was lost, or its driver failed. The output is undefined; what is asked of the device next
    /// opens it anew.
    Device {
        /// What became of which device.
        what: String,
    },
    /// `AINV_ISA` names an instruction set that is unknown or that this machine lacks.
    Isa {
        /// The name that was asked for.
        name: String,
    },
    /// The call was cancelled. The output is undefined.
    Cancelled,
    /// A task of a stream panicked.
    Panicked {
        /// The panic's message.
        what: String,
    },
    /// The task was under way in the process that this one was forked from; it will never end here.
    Forked,
    /// A matrix that has no result.
    Matrix {
        /// Its place in the stack, counted in row-major order over the leading dimensions.
        index: usize,
        /// What happened to it.
        status: Status,
        /// How many matrices of the stack failed.
        failed: usize,
    },
    /// A matrix whose result may have no correct digit, where
    /// [`Options::ill_conditioned`](crate::Options::ill_conditioned) says raise.
    IllConditioned {
        /// Its place in the stack, as [`Matrix`](Error::Matrix) counts.
        index: usize,
        /// Its reciprocal condition number.
        rcond: f64,
        /// How many matrices of the stack are ill-conditioned.
        count: usize,
    },
}

impl Error {
    pub(crate) fn shape(what: impl Into<String>) -> Error {
        Error::Shape { what: what.into() }
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Error::Shape { what }
            | Error::Argument { what }
            | Error::Unsupported { what }
            | Error::Device { what } => f.write_str(what),
            Error::Layout { what } => f.write_str(what),
            Error::Overflow => f.write_str("the size of the matrices overflows the address space"),
            Error::OutOfMemory { bytes } => write!(f, "could not allocate {bytes} bytes"),
            Error::Isa { name } => write!(
                f,
                "AINV_ISA={name} names no instruction set that this machine has; unset it or use \
                 one of {}",
                ainv_kernels::isa::available()
                    .iter()
                    .map(|i| i.name())
                    .collect::<Vec<_>>()
                    .join(", ")
            ),
            Error::Cancelled => f.write_str("cancelled"),
            Error::Panicked { what } => write!(f, "a task of a stream panicked: {what}"),
            Error::Forked => f.write_str(
                "this work was under way in the parent of this forked process and will never end \
                 here; wait for it before forking, or enqueue it anew",
            ),
            Error::IllConditioned { index, rcond, count } => {
                write!(
                    f,
                    "Ill-conditioned matrix (Batch element {index}): its reciprocal condition number \
                     is {rcond:.2e}, the result may have no correct digit"
                )?;
                if *count > 1 {
                    write!(f, " ({count} matrices of the stack are ill-conditioned)")
                } else {
                    Ok(())
                }
            }
            Error::Matrix { index, status: Status { code, at }, failed } => {
                match code {
                    Code::Singular => write!(
                        f,
                        "Singular matrix (Batch element {index}): The diagonal element {at} is \
                         zero, the inversion could not be completed because the input matrix is \
                         singular."
                    )?,
                    Code::NotPositiveDefinite => write!(
                        f,
                        "Matrix is not positive definite (Batch element {index}): the leading \
                         minor of order {at} is not positive"
                    )?,
                    Code::NonFinite => write!(
                        f,
                        "(Batch element {index}): the matrix holds NaN or an infinity, so it has \
                         no result"
                    )?,
                    Code::NotConverged => {
                        write!(f, "SVD did not converge (Batch element {index})")?
                    }
                    Code::Cancelled | Code::Ok | Code::IllConditioned => {
                        write!(f, "(Batch element {index}): {code:?}")?
                    }
                }
                if *failed > 1 {
                    write!(f, " ({failed} matrices of the stack failed)")
                } else {
                    Ok(())
                }
            }
        }
    }
}

impl std::error::Error for Error {}

/// A vector of `len` copies, or the error that there is no memory for it.
pub(crate) fn filled<T: Clone>(value: T, len: usize) -> Result<Vec<T>, Error> {
    let mut v = Vec::new();
    let bytes = len.saturating_mul(size_of::<T>());
    v.try_reserve_exact(len).map_err(|_| Error::OutOfMemory { bytes })?;
    v.resize(len, value);
    Ok(v)
}

/// The items as a list.
pub(crate) fn listed<T>(items: impl ExactSizeIterator<Item = T>) -> Result<Vec<T>, Error> {
    let mut v = Vec::new();
    let bytes = items.len().saturating_mul(size_of::<T>());
    v.try_reserve_exact(items.len()).map_err(|_| Error::OutOfMemory { bytes })?;
    v.extend(items);
    Ok(v)
}

impl From<Unavailable> for Error {
    fn from(Unavailable(name): Unavailable) -> Error {
        Error::Isa { name }
    }
}

impl From<Stopped> for Error {
    fn from(stopped: Stopped) -> Error {
        match stopped {
            Stopped::Cancelled => Error::Cancelled,
            Stopped::Panicked(what) => Error::Panicked { what },
            Stopped::Forked => Error::Forked,
            Stopped::WouldBlock => Error::Argument {
                what:
                    "a task waited for another one, which may need the task's thread; order their \
                       streams with Stream::after"
                        .into(),
            },
        }
    }
}
