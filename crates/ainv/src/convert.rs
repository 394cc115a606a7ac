//! [`Matrices`]: what the plain functions take and give back.

use crate::error::Error;
use crate::stack::{OwnedStack, Stack};
use ainv_kernels::scalar::Scalar;

/// A library's matrix or stack of matrices. A plain function returns the same library's owned
/// array: [`OwnedStack`] for ainv's own views; arrays of ndarray, faer and nalgebra behind the
/// features of those names.
pub trait Matrices {
    /// The scalar.
    type Elem: Scalar;
    /// What a result comes as.
    type Owned;
    /// The matrices as a strided view.
    ///
    /// # Errors
    /// [`Error`] if the array has under two axes.
    fn stack(&self) -> Result<Stack<'_, Self::Elem>, Error>;
    /// A result in the library's own type.
    fn wrap(x: OwnedStack<Self::Elem>) -> Self::Owned;
}

impl<T: Scalar> Matrices for Stack<'_, T> {
    type Elem = T;
    type Owned = OwnedStack<T>;
    fn stack(&self) -> Result<Stack<'_, T>, Error> {
        Ok(*self)
    }
    fn wrap(x: OwnedStack<T>) -> OwnedStack<T> {
        x
    }
}

impl<T: Scalar> Matrices for &OwnedStack<T> {
    type Elem = T;
    type Owned = OwnedStack<T>;
    fn stack(&self) -> Result<Stack<'_, T>, Error> {
        Ok(self.view())
    }
    fn wrap(x: OwnedStack<T>) -> OwnedStack<T> {
        x
    }
}

#[cfg(feature = "ndarray")]
impl<T: Scalar, S: ndarray::Data<Elem = T>, D: ndarray::Dimension> Matrices
    for &ndarray::ArrayBase<S, D>
{
    type Elem = T;
    type Owned = ndarray::Array<T, D>;
    fn stack(&self) -> Result<Stack<'_, T>, Error> {
        // SAFETY: the array's own pointer, shape and strides, borrowed with it.
        unsafe { Stack::from_raw_parts(self.as_ptr(), self.shape(), self.strides()) }
    }
    fn wrap(x: OwnedStack<T>) -> ndarray::Array<T, D> {
        let shape = ndarray::IxDyn(x.shape());
        ndarray::ArrayD::from_shape_vec(shape, x.into_vec())
            .and_then(|a| a.into_dimensionality())
            .expect("a result has as many axes and as many elements as its shape says")
    }
}

#[cfg(feature = "faer")]
impl<T: Scalar> Matrices for faer::MatRef<'_, T> {
    type Elem = T;
    type Owned = faer::Mat<T>;
    fn stack(&self) -> Result<Stack<'_, T>, Error> {
        let strides = [self.row_stride(), self.col_stride()];
        // SAFETY: the matrix's own pointer, shape and strides, borrowed with it.
        unsafe { Stack::from_raw_parts(self.as_ptr(), &[self.nrows(), self.ncols()], &strides) }
    }
    fn wrap(x: OwnedStack<T>) -> faer::Mat<T> {
        let (rows, cols) = (x.shape()[0], x.shape()[1]);
        faer::Mat::from_fn(rows, cols, |i, j| x.as_slice()[i * cols + j])
    }
}

#[cfg(feature = "nalgebra")]
impl<T, R, C, S> Matrices for &nalgebra::Matrix<T, R, C, S>
where
    T: Scalar,
    R: nalgebra::Dim,
    C: nalgebra::Dim,
    S: nalgebra::RawStorage<T, R, C>,
{
    type Elem = T;
    type Owned = nalgebra::DMatrix<T>;
    fn stack(&self) -> Result<Stack<'_, T>, Error> {
        let (rows, cols) = self.shape();
        let (rs, cs) = self.strides();
        // SAFETY: the matrix's own pointer, shape and strides, borrowed with it.
        unsafe { Stack::from_raw_parts(self.as_ptr(), &[rows, cols], &[rs as isize, cs as isize]) }
    }
    fn wrap(x: OwnedStack<T>) -> nalgebra::DMatrix<T> {
        nalgebra::DMatrix::from_row_slice(x.shape()[0], x.shape()[1], x.as_slice())
    }
}
