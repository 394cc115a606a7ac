//! nalgebra, with sizes known to the compiler up to order 8. A matrix that lies row by row is the transposed
//! one column by column, and so is its inverse.

use crate::task::{Function, Number};
use nalgebra::{DMatrix, SMatrix, convert};

pub fn functions<T: Number>(op: &str, _: bool) -> Vec<Function<T>> {
    match op {
        "inv" => vec![inv],
        "hermitian_inv" | "posdef_inv" => vec![inv, posdef_inv],
        "cholesky" => vec![cholesky],
        "tri_inv" => vec![tri_inv],
        "solve" => vec![solve],
        "pinv" => vec![pinv],
        "gptq" => vec![gptq],
        "product" => vec![product],
        _ => vec![],
    }
}

fn transposed<T: Number>([m, n]: [usize; 2], a: &[T]) -> DMatrix<T> {
    DMatrix::from_column_slice(n, m, a)
}

/// The expression of a matrix of that order, fixed where it is small.
macro_rules! of_order {
    ($n:expr, $a:expr, $x:expr, |$matrix:ident| $body:expr; $($fixed:literal)*) => {
        match $n {
            $($fixed => {
                let $matrix = SMatrix::<T, $fixed, $fixed>::from_column_slice($a);
                $x.copy_from_slice($body.as_slice());
            })*
            n => {
                let $matrix = DMatrix::from_column_slice(n, n, $a);
                $x.copy_from_slice($body.as_slice());
            }
        }
    };
}

fn inv<T: Number>([n, _]: [usize; 2], a: &[T], _: &[T], x: &mut [T]) -> Option<()> {
    of_order!(n, a, x, |matrix| matrix.try_inverse()?; 1 2 3 4 5 6 7 8);
    Some(())
}

fn posdef_inv<T: Number>([n, _]: [usize; 2], a: &[T], _: &[T], x: &mut [T]) -> Option<()> {
    of_order!(n, a, x, |matrix| matrix.cholesky()?.inverse(); 1 2 3 4 5 6 7 8);
    Some(())
}

fn cholesky<T: Number>([m, n]: [usize; 2], a: &[T], _: &[T], x: &mut [T]) -> Option<()> {
    let lower = DMatrix::from_row_slice(m, n, a).cholesky()?.l();
    x.copy_from_slice(lower.transpose().as_slice());
    Some(())
}

fn tri_inv<T: Number>(shape: [usize; 2], a: &[T], _: &[T], x: &mut [T]) -> Option<()> {
    let one = DMatrix::identity(shape[0], shape[0]);
    x.copy_from_slice(transposed(shape, a).solve_upper_triangular(&one)?.as_slice());
    Some(())
}

fn solve<T: Number>([m, n]: [usize; 2], a: &[T], b: &[T], x: &mut [T]) -> Option<()> {
    let b = DMatrix::from_row_slice(m, b.len() / m, b);
    let result = DMatrix::from_row_slice(m, n, a).lu().solve(&b)?;
    x.copy_from_slice(result.transpose().as_slice());
    Some(())
}

/// Singular values are cut off where NumPy's `pinv` would; the method itself takes an absolute tolerance.
fn pinv<T: Number>(shape: [usize; 2], a: &[T], _: &[T], x: &mut [T]) -> Option<()> {
    let single = size_of::<T::RealField>() == size_of::<f32>();
    let epsilon = if single { f64::from(f32::EPSILON) } else { f64::EPSILON };
    let svd = transposed(shape, a).svd(true, true);
    let cut = svd.singular_values.max() * convert(epsilon * shape[0].max(shape[1]) as f64);
    x.copy_from_slice(svd.pseudo_inverse(cut).ok()?.as_slice());
    Some(())
}

fn gptq<T: Number>(shape: [usize; 2], a: &[T], _: &[T], x: &mut [T]) -> Option<()> {
    let inverse = transposed(shape, a).cholesky()?.inverse();
    // The lower factor by columns is the upper one by rows.
    x.copy_from_slice(inverse.cholesky()?.l().as_slice());
    Some(())
}

fn product<T: Number>(shape: [usize; 2], a: &[T], _: &[T], x: &mut [T]) -> Option<()> {
    let a = transposed(shape, a);
    x.copy_from_slice((&a * &a).as_slice());
    Some(())
}
