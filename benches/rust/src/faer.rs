//! faer. A matrix that lies row by row is the transposed one column by column, and so is its inverse.

use crate::task::{Function, Number};
use faer::linalg::solvers::{DenseSolveCore, Solve};
use faer::linalg::triangular_inverse::invert_upper_triangular;
use faer::{Mat, MatRef, Par, Side};

/// One large matrix is shared among the threads, of a stack each thread has matrices of its own.
pub fn functions<T: Number>(op: &str, stack: bool) -> Vec<Function<T>> {
    faer::set_global_parallelism(if stack { Par::Seq } else { Par::rayon(0) });
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

fn transposed<T>([m, n]: [usize; 2], a: &[T]) -> MatRef<'_, T> {
    MatRef::from_column_major_slice(a, n, m)
}

fn store<T: Copy>(result: &Mat<T>, x: &mut [T]) {
    for (j, column) in x.chunks_exact_mut(result.nrows()).enumerate() {
        column.copy_from_slice(result.col_as_slice(j));
    }
}

fn inv<T: Number>(shape: [usize; 2], a: &[T], _: &[T], x: &mut [T]) -> Option<()> {
    store(&transposed(shape, a).partial_piv_lu().inverse(), x);
    Some(())
}

fn posdef_inv<T: Number>(shape: [usize; 2], a: &[T], _: &[T], x: &mut [T]) -> Option<()> {
    store(&transposed(shape, a).llt(Side::Lower).ok()?.inverse(), x);
    Some(())
}

fn cholesky<T: Number>([m, n]: [usize; 2], a: &[T], _: &[T], x: &mut [T]) -> Option<()> {
    let llt = MatRef::from_row_major_slice(a, m, n).llt(Side::Lower).ok()?;
    store(&llt.L().transpose().to_owned(), x);
    Some(())
}

fn tri_inv<T: Number>(shape: [usize; 2], a: &[T], _: &[T], x: &mut [T]) -> Option<()> {
    let mut inverse = Mat::zeros(shape[0], shape[0]);
    invert_upper_triangular(inverse.as_mut(), transposed(shape, a), faer::get_global_parallelism());
    store(&inverse, x);
    Some(())
}

fn solve<T: Number>([m, n]: [usize; 2], a: &[T], b: &[T], x: &mut [T]) -> Option<()> {
    let b = MatRef::from_row_major_slice(b, m, b.len() / m);
    let result = MatRef::from_row_major_slice(a, m, n).partial_piv_lu().solve(b);
    store(&result.transpose().to_owned(), x);
    Some(())
}

fn pinv<T: Number>(shape: [usize; 2], a: &[T], _: &[T], x: &mut [T]) -> Option<()> {
    store(&transposed(shape, a).thin_svd().ok()?.pseudoinverse(), x);
    Some(())
}

fn gptq<T: Number>(shape: [usize; 2], a: &[T], _: &[T], x: &mut [T]) -> Option<()> {
    let inverse = transposed(shape, a).llt(Side::Lower).ok()?.inverse();
    // The lower factor by columns is the upper one by rows.
    store(&inverse.llt(Side::Lower).ok()?.L().to_owned(), x);
    Some(())
}

fn product<T: Number>(shape: [usize; 2], a: &[T], _: &[T], x: &mut [T]) -> Option<()> {
    let a = transposed(shape, a);
    store(&(a * a), x);
    Some(())
}
