//! What several promises share.

use ainv::*;
use testkit::Mat;

/// Stamps `fn name<T: Scalar>()` as a test for each scalar.
macro_rules! for_all_scalars {
    ($($name:ident),+ $(,)?) => {$(
        mod $name {
            #[test]
            fn f32() { super::super::$name::<f32>() }
            #[test]
            fn f64() { super::super::$name::<f64>() }
            #[test]
            fn c32() { super::super::$name::<ainv::c32>() }
            #[test]
            fn c64() { super::super::$name::<ainv::c64>() }
        }
    )+};
}
pub(crate) use for_all_scalars;

/// The tight bar: over it the build fails. LAPACK's own is 30.
pub const TIGHT: f64 = 3.0;
/// LAPACK's bar, for the sides and the routes that have no bound of their own.
pub const HARD: f64 = 30.0;

pub fn assuming(assume: Assume) -> Options {
    Options { assume, ..Options::default() }
}

/// One matrix as a result.
pub fn mat<T: Scalar>(x: OwnedStack<T>) -> Mat<T> {
    let shape = x.shape();
    let (rows, cols) = (shape[shape.len() - 2], shape[shape.len() - 1]);
    Mat::new(rows, cols, x.into_vec())
}

/// The five own routes on square matrices, as functions of one stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    Inv(Assume),
    Cholesky(Uplo),
    CholeskyInv(Uplo),
    TriInv(Uplo, Diag),
    /// With the first matrices of the same stack as right-hand sides.
    Solve(Assume),
    Pinv,
}

impl Call {
    pub const OWN: [Call; 15] = [
        Call::Inv(Assume::Auto),
        Call::Inv(Assume::General),
        Call::Inv(Assume::Posdef),
        Call::Inv(Assume::Symmetric),
        Call::Inv(Assume::Hermitian),
        Call::Inv(Assume::Lower),
        Call::Inv(Assume::Diagonal),
        Call::Cholesky(Uplo::Lower),
        Call::Cholesky(Uplo::Upper),
        Call::CholeskyInv(Uplo::Lower),
        Call::CholeskyInv(Uplo::Upper),
        Call::TriInv(Uplo::Lower, Diag::NonUnit),
        Call::TriInv(Uplo::Upper, Diag::Unit),
        Call::Solve(Assume::General),
        Call::Solve(Assume::Posdef),
    ];

    /// Runs it; the statuses are those of each matrix.
    pub fn into<T: Scalar>(
        self,
        a: Stack<T>,
        x: StackMut<T>,
        status: &mut [Status],
    ) -> Result<Summary, Error> {
        let o = Options::default();
        match self {
            Call::Inv(assume) => inv_into(a, x, status, &assuming(assume)),
            Call::Cholesky(uplo) => cholesky_into(a, uplo, x, status, &o),
            Call::CholeskyInv(uplo) => cholesky_inv_into(a, uplo, x, status, &o),
            Call::TriInv(uplo, diag) => tri_inv_into(a, uplo, diag, x, status, &o),
            Call::Solve(assume) => solve_into(a, a, x, status, &assuming(assume)),
            Call::Pinv => pinv_into(a, x, &PinvOptions::default(), status, &o),
        }
    }

    /// The result and the status of each of `count` dense matrices of order n.
    pub fn run<T: Scalar>(self, count: usize, n: usize, a: &[T]) -> (Vec<T>, Vec<Status>) {
        let mut x = vec![T::from_re(T::Real::ONE); count * n * n];
        let mut status = vec![Status::default(); count];
        let shape = [count, n, n];
        let (from, to) = (Stack::new(a, &shape).unwrap(), StackMut::new(&mut x, &shape).unwrap());
        self.into(from, to, &mut status).unwrap();
        (x, status)
    }

    /// A matrix that the call can do: positive definite with a general part where only a triangle is
    /// read.
    pub fn example<T: Scalar>(self, n: usize, seed: u64) -> Mat<T> {
        let rng = &mut testkit::Rng::new(seed);
        match self {
            Call::Inv(Assume::Auto | Assume::General) | Call::Pinv | Call::Solve(Assume::General) => {
                Mat::from_fn(n, n, |_, _| rng.scalar())
            }
            _ => {
                // Diagonally dominant with a real positive diagonal: good for every triangle.
                let r = Mat::from_fn(n, n, |_, _| rng.scalar::<T>());
                r.map(|i, j, x| match i.cmp(&j) {
                    std::cmp::Ordering::Equal => {
                        T::from_re(T::Real::from_f64(3.0 + n as f64 + x.re().to_f64()))
                    }
                    std::cmp::Ordering::Greater => x,
                    std::cmp::Ordering::Less => Scalar::conj(r[(j, i)]),
                })
            }
        }
    }
}

/// `count` examples, dense.
pub fn examples<T: Scalar>(call: Call, count: usize, n: usize, seed: u64) -> Vec<T> {
    (0..count).flat_map(|i| call.example::<T>(n, seed + i as u64).data).collect()
}
