//! One operation on one chunk of a stack.

use crate::args::Operation;
use ainv::{
    Cancel, Diag, Norm, Options, OwnedStack, PinvOptions, Precision, Scalar, Stack, Status,
    Tolerance, Uplo,
};
use ainv_io::Dtype;

/// The result's shape for operands of these shapes.
pub(crate) fn result_shape(operation: &Operation, a: &[usize], b: Option<&[usize]>) -> Vec<usize> {
    let (lead, matrix) = a.split_at(a.len() - 2);
    let matrix = match operation {
        Operation::Pinv { .. } => [matrix[1], matrix[0]],
        Operation::Solve { .. } => [matrix[0], b.map_or(1, |b| b[b.len() - 1])],
        // One number a matrix, as one column.
        Operation::Rcond { .. } => return vec![lead.iter().product(), 1],
        _ => [matrix[0], matrix[1]],
    };
    [lead, &matrix].concat()
}

/// The options that the arguments ask for. A float32 matrix is computed in double, as NumPy does.
pub(crate) fn options(operation: &Operation, cancel: &Cancel) -> Options {
    Options {
        assume: operation.assume(),
        on_singular: operation.on_singular(),
        precision: Precision::Double,
        cancel: Some(cancel.clone()),
        ..Options::default()
    }
}

/// The library's plan for `[count, rows, cols]` matrices, where it makes one.
pub(crate) fn plan(
    operation: &Operation,
    dtype: Dtype,
    shape: [usize; 3],
    rhs: usize,
) -> Result<Option<ainv::Plan>, ainv::Error> {
    let kind = match operation {
        Operation::Inv { .. } => ainv::Operation::Inv,
        Operation::Pinv { .. } => ainv::Operation::Pinv,
        Operation::CholeskyInv { .. } => ainv::Operation::CholeskyInv,
        Operation::TriInv { .. } => ainv::Operation::TriInv,
        Operation::Solve { .. } => ainv::Operation::Solve { rhs },
        Operation::Rcond { .. } => return Ok(None),
    };
    let options = options(operation, &Cancel::new());
    Ok(Some(match dtype {
        Dtype::F32 => ainv::plan::<f32>(kind, shape, &options)?,
        Dtype::F64 => ainv::plan::<f64>(kind, shape, &options)?,
        Dtype::C32 => ainv::plan::<ainv::c32>(kind, shape, &options)?,
        Dtype::C64 => ainv::plan::<ainv::c64>(kind, shape, &options)?,
    }))
}

/// Runs the operation on matrices `a`. `b` is the right-hand side, of `solve` only.
pub(crate) fn run<T: Scalar>(
    operation: &Operation,
    a: Stack<T>,
    b: Option<Stack<T>>,
    cancel: &Cancel,
) -> Result<(OwnedStack<T>, Vec<Status>), ainv::Error> {
    let options = options(operation, cancel);
    let shape = result_shape(operation, &a.shape(), b.map(|b| b.shape()).as_deref());
    let mut result = OwnedStack::zeros(&shape)?;
    let mut status = vec![Status::default(); a.len()];
    let uplo = |upper: bool| if upper { Uplo::Upper } else { Uplo::Lower };
    let x = result.view_mut();
    match operation {
        Operation::Inv { .. } => {
            ainv::inv_into(a, x, &mut status, &options)?;
        }
        Operation::Pinv { rtol, atol, hermitian, .. } => {
            let pinv = PinvOptions {
                rtol: rtol.map(Tolerance::All),
                atol: atol.map(Tolerance::All),
                hermitian: *hermitian,
            };
            ainv::pinv_into(a, x, &pinv, &mut status, &options)?;
        }
        Operation::CholeskyInv { upper, .. } => {
            ainv::cholesky_inv_into(a, uplo(*upper), x, &mut status, &options)?;
        }
        Operation::TriInv { upper, unit_diagonal, .. } => {
            let diag = if *unit_diagonal { Diag::Unit } else { Diag::NonUnit };
            ainv::tri_inv_into(a, uplo(*upper), diag, x, &mut status, &options)?;
        }
        Operation::Solve { .. } => {
            let b = b.expect("solve has read its right-hand side");
            ainv::solve_into(a, b, x, &mut status, &options)?;
        }
        Operation::Rcond { .. } => {
            let rcond = ainv::rcond(a, Norm::One, &options)?;
            for (x, r) in result.as_mut_slice().iter_mut().zip(rcond) {
                *x = T::from_re(r);
            }
        }
    }
    Ok((result, status))
}

/// A stack in which the one matrix of `b` stands `count` times.
pub(crate) fn spread<T: Scalar>(
    b: &OwnedStack<T>,
    count: usize,
) -> Result<Stack<'_, T>, ainv::Error> {
    let view = b.view();
    if view.len() != 1 || count == 1 {
        return Ok(view);
    }
    let shape = [count, view.rows(), view.cols()];
    Stack::with_strides(b.as_slice(), 0, &shape, &[0, view.cols() as isize, 1])
}

/// `b` as a stack of the scalar of `a`, to which it was cast.
pub(crate) fn same_scalar<'a, T: Scalar>(
    _: &OwnedStack<T>,
    b: &'a ainv_io::Matrices,
) -> Option<&'a OwnedStack<T>> {
    ainv_io::each!(b, b => (b as &dyn std::any::Any).downcast_ref())
}
