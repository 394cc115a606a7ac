//! [`Matrices`]: a stack whose scalar is known only when the file is read.

use ainv::{OwnedStack, RealScalar, Scalar, c32, c64};
use std::fmt;

/// A matrix or a stack of matrices, of one of the four scalars.
#[derive(Clone, Debug, PartialEq)]
pub enum Matrices {
    /// float32.
    F32(OwnedStack<f32>),
    /// float64.
    F64(OwnedStack<f64>),
    /// complex64.
    C32(OwnedStack<c32>),
    /// complex128.
    C64(OwnedStack<c64>),
}

/// Runs the same expression on the stack inside a [`Matrices`], whichever its scalar is.
///
/// ```
/// let a = ainv_io::Matrices::from(ainv::OwnedStack::<f32>::zeros(&[2, 3, 4])?);
/// assert_eq!(ainv_io::each!(&a, stack => stack.view().len()), 2);
/// # Ok::<(), ainv::Error>(())
/// ```
#[macro_export]
macro_rules! each {
    ($matrices:expr, $stack:ident => $body:expr) => {
        match $matrices {
            $crate::Matrices::F32($stack) => $body,
            $crate::Matrices::F64($stack) => $body,
            $crate::Matrices::C32($stack) => $body,
            $crate::Matrices::C64($stack) => $body,
        }
    };
}

macro_rules! from {
    ($($t:ty => $variant:ident),*) => {$(
        impl From<OwnedStack<$t>> for Matrices {
            fn from(stack: OwnedStack<$t>) -> Matrices {
                Matrices::$variant(stack)
            }
        }
    )*};
}
from!(f32 => F32, f64 => F64, c32 => C32, c64 => C64);

/// The scalar of a [`Matrices`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dtype {
    /// float32.
    F32,
    /// float64.
    F64,
    /// complex64.
    C32,
    /// complex128.
    C64,
}

impl Dtype {
    /// NumPy's name of the type.
    pub fn name(self) -> &'static str {
        match self {
            Dtype::F32 => f32::NAME,
            Dtype::F64 => f64::NAME,
            Dtype::C32 => c32::NAME,
            Dtype::C64 => c64::NAME,
        }
    }
    /// Whether there is an imaginary part.
    pub fn is_complex(self) -> bool {
        matches!(self, Dtype::C32 | Dtype::C64)
    }
    /// Bytes of one number.
    pub fn size(self) -> usize {
        match self {
            Dtype::F32 => 4,
            Dtype::F64 | Dtype::C32 => 8,
            Dtype::C64 => 16,
        }
    }
}

impl fmt::Display for Dtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Matrices {
    /// The scalar.
    pub fn dtype(&self) -> Dtype {
        match self {
            Matrices::F32(_) => Dtype::F32,
            Matrices::F64(_) => Dtype::F64,
            Matrices::C32(_) => Dtype::C32,
            Matrices::C64(_) => Dtype::C64,
        }
    }

    /// The shape, `(..., rows, cols)`.
    pub fn shape(&self) -> &[usize] {
        each!(self, a => a.shape())
    }

    /// The same numbers in the same order in another shape, `(..., rows, cols)`.
    ///
    /// # Errors
    /// [`ainv::Error::Shape`] for a shape with another count of numbers.
    pub fn reshaped(self, shape: &[usize]) -> Result<Matrices, ainv::Error> {
        each!(self, a => {
            if count(a.shape()) != count(shape) {
                let what = format!("shape {:?} has not as many numbers as {shape:?}", a.shape());
                return Err(ainv::Error::Shape { what });
            }
            Ok(OwnedStack::from_vec(a.into_vec(), shape)?.into())
        })
    }

    /// The same numbers as another scalar, each rounded once.
    ///
    /// # Errors
    /// [`ainv::Error::Argument`] for a complex stack that is to be real; no imaginary part is
    /// dropped in silence. [`ainv::Error::OutOfMemory`].
    pub fn cast(self, to: Dtype) -> Result<Matrices, ainv::Error> {
        if self.dtype() == to {
            return Ok(self);
        }
        if self.dtype().is_complex() && !to.is_complex() {
            return Err(ainv::Error::Argument {
                what: format!("{} as {to} would drop the imaginary parts", self.dtype()),
            });
        }
        each!(&self, a => Ok(match to {
            Dtype::F32 => map(a, |x| x.re() as f32)?.into(),
            Dtype::F64 => map(a, |x| x.re())?.into(),
            Dtype::C32 => map(a, |x| c32::new(x.re() as f32, x.im() as f32))?.into(),
            Dtype::C64 => map(a, |x| x)?.into(),
        }))
    }
}

fn count(shape: &[usize]) -> Option<usize> {
    shape.iter().try_fold(1, |p: usize, &n| p.checked_mul(n))
}

fn map<T: Scalar, U: Scalar>(
    a: &OwnedStack<T>,
    f: impl Fn(c64) -> U,
) -> Result<OwnedStack<U>, ainv::Error> {
    let mut out = OwnedStack::zeros(a.shape())?;
    for (to, from) in out.as_mut_slice().iter_mut().zip(a.as_slice()) {
        *to = f(c64::new(from.re().to_f64(), from.im().to_f64()));
    }
    Ok(out)
}
