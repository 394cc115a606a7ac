//! One operation on one stack.

use crate::args::Operation;
use crate::check::{self, Check};
use ainv::{
    Diag, Norm, Options, OwnedStack, PinvOptions, Plan, Precision, Scalar, Stack, Status,
    Tolerance, Uplo,
};
use ainv_io::Matrices;
use std::time::{Duration, Instant};

/// What an operation gave.
pub(crate) struct Work {
    pub(crate) result: Matrices,
    /// One a matrix.
    pub(crate) status: Vec<Status>,
    /// How it was done, where the library says.
    pub(crate) plan: Option<Plan>,
    pub(crate) took: Duration,
    /// How good it is, where that is measured.
    pub(crate) check: Check,
}

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
pub(crate) fn options(operation: &Operation) -> Options {
    Options {
        assume: operation.assume(),
        on_singular: operation.on_singular(),
        precision: Precision::Double,
        ..Options::default()
    }
}

/// Runs the operation. `b` is the right-hand side, of `solve` only.
pub(crate) fn run<T: Scalar>(
    operation: &Operation,
    a: &OwnedStack<T>,
    b: Option<&OwnedStack<T>>,
) -> Result<Work, ainv::Error>
where
    Matrices: From<OwnedStack<T>>,
{
    let options = options(operation);
    let a = a.view();
    let shape = result_shape(operation, &a.shape(), b.map(OwnedStack::shape));
    let plan = match kind(operation, &shape) {
        Some(kind) => Some(ainv::plan::<T>(kind, [a.len(), a.rows(), a.cols()], &options)?),
        None => None,
    };
    let mut result = OwnedStack::zeros(&shape)?;
    let mut status = vec![Status::default(); a.len()];
    let uplo = |upper: bool| if upper { Uplo::Upper } else { Uplo::Lower };
    let start = Instant::now();
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
            ainv::solve_into(a, spread(b, &a)?, x, &mut status, &options)?;
        }
        Operation::Rcond { .. } => {
            let rcond = ainv::rcond(a, Norm::One, &options)?;
            for (x, r) in result.as_mut_slice().iter_mut().zip(rcond) {
                *x = T::from_re(r);
            }
        }
    }
    let took = start.elapsed();
    let check = match operation {
        Operation::Inv { .. } => check::inverses(a, result.view(), &status, options.assume),
        Operation::Rcond { .. } => check::smallest(result.as_slice()),
        _ => Check::default(),
    };
    Ok(Work { result: result.into(), status, plan, took, check })
}

/// One right-hand side serves all matrices.
fn spread<'a, T: Scalar>(
    b: &'a OwnedStack<T>,
    a: &Stack<'_, T>,
) -> Result<Stack<'a, T>, ainv::Error> {
    let view = b.view();
    if view.len() != 1 || a.len() == 1 {
        return Ok(view);
    }
    let shape = [a.len(), view.rows(), view.cols()];
    Stack::with_strides(b.as_slice(), 0, &shape, &[0, view.cols() as isize, 1])
}

fn kind(operation: &Operation, result: &[usize]) -> Option<ainv::Operation> {
    Some(match operation {
        Operation::Inv { .. } => ainv::Operation::Inv,
        Operation::Pinv { .. } => ainv::Operation::Pinv,
        Operation::CholeskyInv { .. } => ainv::Operation::CholeskyInv,
        Operation::TriInv { .. } => ainv::Operation::TriInv,
        Operation::Solve { .. } => ainv::Operation::Solve { rhs: result[result.len() - 1] },
        Operation::Rcond { .. } => return None,
    })
}
