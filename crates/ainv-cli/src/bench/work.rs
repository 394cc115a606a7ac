//! What is measured: one function on a stack of random matrices.

use crate::args::Function;
use ainv::{
    Assume, Cancel, Diag, Error, Norm, Options, OwnedStack, PinvOptions, RealScalar, Scalar, Uplo,
};

/// A function with all that it needs.
pub(super) struct Work<T: Scalar> {
    function: Function,
    a: OwnedStack<T>,
    /// The right-hand side, of `solve` alone.
    b: Option<OwnedStack<T>>,
    /// Not of `rcond`, which gives a number a matrix.
    x: Option<OwnedStack<T>>,
    options: Options,
}

impl<T: Scalar> Work<T> {
    pub(super) fn new(
        function: Function,
        count: usize,
        n: usize,
        cancel: &Cancel,
    ) -> Result<Work<T>, Error> {
        let assume = match function {
            Function::PosdefInv => Assume::Posdef,
            _ => Assume::Auto,
        };
        fastrand::seed(n as u64);
        let mut a = OwnedStack::zeros(&[count, n, n])?;
        a.as_mut_slice().fill_with(random);
        if !is_general(function) {
            a.as_mut_slice().chunks_exact_mut(n * n).for_each(|matrix| define(matrix, n));
        }
        let column = || -> Result<_, Error> { OwnedStack::<T>::zeros(&[count, n, 1]) };
        let (b, x) = match function {
            Function::Solve => {
                let mut b = column()?;
                b.as_mut_slice().fill_with(random);
                (Some(b), Some(column()?))
            }
            Function::Rcond => (None, None),
            _ => (None, Some(OwnedStack::zeros(&[count, n, n])?)),
        };
        let options = Options { assume, cancel: Some(cancel.clone()), ..Options::default() };
        Ok(Work { function, a, b, x, options })
    }

    /// What is read and written.
    pub(super) fn bytes(&self) -> usize {
        let all = [Some(&self.a), self.b.as_ref(), self.x.as_ref()];
        all.into_iter().flatten().map(|stack| size_of_val(stack.as_slice())).sum()
    }

    pub(super) fn run(&mut self) -> Result<(), Error> {
        let (a, options, none) = (self.a.view(), &self.options, &mut []);
        let Some(x) = &mut self.x else {
            return ainv::rcond(a, Norm::One, options).map(drop);
        };
        let x = x.view_mut();
        match (self.function, &self.b) {
            (Function::Pinv, _) => ainv::pinv_into(a, x, &PinvOptions::default(), none, options),
            (Function::Cholesky, _) => ainv::cholesky_into(a, Uplo::Lower, x, none, options),
            (Function::CholeskyInv, _) => ainv::cholesky_inv_into(a, Uplo::Lower, x, none, options),
            (Function::TriInv, _) => {
                ainv::tri_inv_into(a, Uplo::Lower, Diag::NonUnit, x, none, options)
            }
            (_, Some(b)) => ainv::solve_into(a, b.view(), x, none, options),
            (_, None) => ainv::inv_into(a, x, none, options),
        }
        .map(drop)
    }
}

/// Whether the function takes matrices of any kind.
fn is_general(function: Function) -> bool {
    use Function::{Inv, Pinv, Rcond, Solve};
    matches!(function, Inv | Pinv | Solve | Rcond)
}

/// Flops for a matrix of this order, as LAPACK's authors count them, four real multiply-adds being a complex
/// one. The algorithms for pseudo-inverses have no count in common.
pub(super) fn flops<T: Scalar>(function: Function, n: usize) -> Option<f64> {
    let cubes = match function {
        Function::Inv => 2.0,
        Function::PosdefInv => 1.0,
        Function::Pinv => return None,
        Function::CholeskyInv | Function::Solve | Function::Rcond => 2.0 / 3.0,
        Function::Cholesky | Function::TriInv => 1.0 / 3.0,
    };
    Some(cubes * (n as f64).powi(3) * if T::COMPLEX { 4.0 } else { 1.0 })
}

/// Even in (-1/2, 1/2), in every part.
fn random<T: Scalar>() -> T {
    T::default().map(|_| T::Real::from_f64(fastrand::f64() - 0.5))
}

/// Makes a matrix Hermitian with a diagonal that outweighs the rest: it is positive definite, and its
/// lower triangle well-conditioned.
fn define<T: Scalar>(matrix: &mut [T], n: usize) {
    for i in 0..n {
        for j in 0..i {
            matrix[j * n + i] = matrix[i * n + j].conj();
        }
        matrix[i * n + i] = T::from_re(T::Real::from_f64(n as f64));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ainv::{c64, rcond};
    use clap::ValueEnum;

    #[test]
    fn every_function_runs_on_matrices_that_it_takes() {
        for &function in Function::value_variants() {
            for n in [1, 3, 40] {
                let mut work = Work::<c64>::new(function, 2, n, &Cancel::new()).unwrap();
                work.run().unwrap();
                let x = work.x.as_ref().map_or(&[][..], OwnedStack::as_slice);
                assert!(x.iter().all(|x| x.is_finite()), "{function:?} {n}");
                let condition = rcond(work.a.view(), Norm::One, &work.options).unwrap();
                assert!(condition.iter().all(|&c| c > 1e-8), "{function:?} {n}: {condition:?}");
            }
        }
    }

    #[test]
    fn bytes_are_those_of_operands_and_results() {
        let bytes = |function| Work::<f32>::new(function, 5, 3, &Cancel::new()).unwrap().bytes();
        assert_eq!(bytes(Function::Inv), 2 * 5 * 9 * 4);
        assert_eq!(bytes(Function::Solve), 5 * (9 + 3 + 3) * 4);
        assert_eq!(bytes(Function::Rcond), 5 * 9 * 4);
    }

    #[test]
    fn complex_flops_count_four_times() {
        assert_eq!(flops::<f64>(Function::Inv, 10), Some(2000.0));
        assert_eq!(flops::<c64>(Function::Inv, 10), Some(8000.0));
        assert_eq!(flops::<c64>(Function::Pinv, 10), None);
    }
}
