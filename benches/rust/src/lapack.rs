//! ndarray-linalg, that is LAPACK by OpenBLAS.

use crate::task::{Function, Number};
use ndarray::{Array2, ArrayView2};
use ndarray_linalg::{Cholesky, Inverse, InverseC, UPLO};

pub fn functions<T: Number>(op: &str, _: bool) -> Vec<Function<T>> {
    match op {
        "inv" => vec![inv],
        "hermitian_inv" | "posdef_inv" => vec![inv, posdef_inv],
        "cholesky" => vec![cholesky],
        "gptq" => vec![gptq],
        "product" => vec![product],
        _ => vec![],
    }
}

fn view<T>([m, n]: [usize; 2], a: &[T]) -> Option<ArrayView2<'_, T>> {
    ArrayView2::from_shape((m, n), a).ok()
}

fn store<T: Copy>(result: &Array2<T>, x: &mut [T]) {
    for (x, &result) in x.iter_mut().zip(result) {
        *x = result;
    }
}

fn inv<T: Number>(shape: [usize; 2], a: &[T], _: &[T], x: &mut [T]) -> Option<()> {
    store(&view(shape, a)?.inv().ok()?, x);
    Some(())
}

fn posdef_inv<T: Number>(shape: [usize; 2], a: &[T], _: &[T], x: &mut [T]) -> Option<()> {
    store(&view(shape, a)?.invc().ok()?, x);
    Some(())
}

fn cholesky<T: Number>(shape: [usize; 2], a: &[T], _: &[T], x: &mut [T]) -> Option<()> {
    store(&view(shape, a)?.cholesky(UPLO::Lower).ok()?, x);
    Some(())
}

fn gptq<T: Number>(shape: [usize; 2], a: &[T], _: &[T], x: &mut [T]) -> Option<()> {
    let inverse = view(shape, a)?.invc().ok()?;
    store(&inverse.cholesky(UPLO::Upper).ok()?, x);
    Some(())
}

fn product<T: Number>(shape: [usize; 2], a: &[T], _: &[T], x: &mut [T]) -> Option<()> {
    let a = view(shape, a)?;
    store(&a.dot(&a), x);
    Some(())
}
