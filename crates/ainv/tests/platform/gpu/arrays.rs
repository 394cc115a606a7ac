//! What lies in the memory of CUDA's device: the bits, the statuses and the summaries of the same from the host. They need the
//! device in software, whose memory is the host's.

use super::matrices::definite_edges;
use super::{alone, for_all_scalars, on_gpu, random};
use crate::common::{Call, assuming};
use crate::cuda::{dense, lying};
use ainv::*;
use testkit::{Mat, Rng, assert_same_bits, say};

fn is_there() -> bool {
    let there = std::env::var_os("AINV_SOFTWARE_KERNELS").is_some();
    if !there {
        say("no device of CUDA in software: scripts/cuda has one");
    }
    there
}

/// Matrices of one order, columns with a gap.
struct Gapped<T> {
    data: Vec<T>,
    shape: [usize; 3],
}

impl<T: Scalar> Gapped<T> {
    const GAP: usize = 2;

    fn new(matrices: &[Mat<T>]) -> Gapped<T> {
        let shape = [matrices.len(), matrices[0].rows, matrices[0].cols];
        let mut data = vec![];
        for a in matrices {
            for column in a.transposed().data.chunks(a.rows) {
                data.extend_from_slice(column);
                data.extend([T::nan(); Self::GAP]);
            }
        }
        Gapped { data, shape }
    }

    fn on_host(&self) -> Stack<'_, T> {
        let step = self.shape[1] + Self::GAP;
        let strides = [step * self.shape[2], 1, step].map(|stride| stride as isize);
        Stack::with_strides(&self.data, 0, &self.shape, &strides).unwrap()
    }

    fn on_device(&self) -> cuda::DeviceStack<'_, T> {
        lying(&self.data, self.shape, self.shape[1] + Self::GAP)
    }
}

/// The operation of the module `cuda`, and what it assumes.
fn operation<T>(call: Call, a: cuda::DeviceStack<T>) -> (cuda::Operation<T>, Assume) {
    use cuda::Operation;
    match call {
        Call::Inv(assume) => (Operation::Inv, assume),
        Call::Solve(assume) => (Operation::Solve(a), assume),
        Call::Cholesky(uplo) => (Operation::Cholesky(uplo), Assume::Auto),
        Call::CholeskyInv(uplo) => (Operation::CholeskyInv(uplo), Assume::Auto),
        Call::TriInv(uplo, diag) => (Operation::TriInv(uplo, diag), Assume::Auto),
        Call::Pinv => (Operation::Pinv(PinvOptions::default()), Assume::Auto),
    }
}

/// What both ways come to.
fn assert_same<T: Scalar>(call: Call, a: &Gapped<T>, options: Options, what: &str) -> Vec<Status> {
    let [count, rows, cols] = a.shape;
    let (o, shape) = (on_gpu(options), [count, cols, rows]);
    let mut expected = vec![T::default(); count * rows * cols];
    let mut expected_status = vec![Status::default(); count];
    let to = StackMut::new(&mut expected, &shape).unwrap();
    let told = call.into_with(a.on_host(), to, &mut expected_status, &o).unwrap();

    let (mut x, mut status) = (vec![T::default(); expected.len()], vec![Status::default(); count]);
    let (operation, assume) = operation(call, a.on_device());
    let (to, stream) = (dense(&mut x, &shape), cuda::own_stream().unwrap());
    let o = Options { assume, ..o };
    let pending = cuda::compute(operation, a.on_device(), to, None, stream, &o).unwrap();
    let summary = pending.wait(&mut status).unwrap();
    // What is computed instead is enqueued, and not waited for.
    let mark = cuda::Mark::new().unwrap();
    while !mark.is_over() {
        std::thread::yield_now();
    }
    assert_eq!(status, expected_status, "{what}");
    assert_same_bits(&x, &expected, what);
    assert_eq!((summary.failed, summary.first), (told.failed, told.first), "{what}");
    assert_eq!(summary.ill_conditioned, told.ill_conditioned, "{what}");
    status
}

const CALLS: [Call; 5] = [
    Call::Inv(Assume::Upper),
    Call::Solve(Assume::Lower),
    Call::Solve(Assume::Hermitian),
    Call::Solve(Assume::Diagonal),
    Call::Pinv,
];

/// Matrices at every edge, among others in one stack.
fn every_call<T: Scalar>() {
    let _alone = alone();
    if !is_there() {
        return;
    }
    for n in [1, 3, 17, 40] {
        let edges = definite_edges::<T>(n);
        let all: Vec<_> = edges.iter().map(|edge| edge.matrix()).collect();
        let spoiled = [T::nan(), T::from_re(T::Real::INFINITY)]
            .map(|x| all[0].map(|i, j, y| if (i, j) == (n - 1, 0) { x } else { y }));
        let all = Gapped::new(&[all, spoiled.to_vec()].concat());
        for call in Call::OWN.into_iter().chain(CALLS) {
            let what = format!("{call:?}, {} {n}", T::NAME);
            let status = assert_same(call, &all, Options::default(), &what);
            assert!(status[0].is_ok(), "{what}");
            // A unit triangle always has an inverse.
            let fails = !matches!(call, Call::TriInv(_, Diag::Unit));
            assert!(!fails || status.iter().any(|of| !of.is_ok()), "{what}");
        }
    }
}

/// Right-hand sides whose entries lie so far apart that the systems are done again, near one.
fn systems_that_are_done_again<T: Scalar>() {
    let _alone = alone();
    if !is_there() {
        return;
    }
    let far = -T::Real::MIN_EXP;
    for (n, k) in [(2, 1), (17, 3), (40, 1)] {
        let rng = &mut Rng::new(n as u64);
        let power = |i: usize, far: i32| if i.is_multiple_of(2) { far } else { -far };
        let good: Mat<T> =
            Mat::identity(n).map(|i, _, x: T| Scalar::ldexp(x, far / 5 + power(i, far / 11)));
        let b: Vec<Mat<T>> = (0..3)
            .map(|at| {
                Mat::from_fn(n, k, |i, _| {
                    let x: T = testkit::parts(1.0 + rng.uniform(), rng.uniform());
                    let apart = -power(i, far) * 98 / 100;
                    Scalar::ldexp(x, if at == 1 { apart } else { 0 })
                })
            })
            .collect();
        let (a, b) = (Gapped::new(&[good.clone(), good.clone(), good]), Gapped::new(&b));
        for assume in [Assume::General, Assume::Posdef, Assume::Diagonal] {
            let what = format!("{assume:?}, {} {n}", T::NAME);
            let (o, shape) = (on_gpu(assuming(assume)), b.shape);
            let (mut x, mut expected) =
                (vec![T::default(); 3 * n * k], vec![T::default(); 3 * n * k]);
            let to = StackMut::new(&mut expected, &shape).unwrap();
            let told = solve_into(a.on_host(), b.on_host(), to, &mut [], &o).unwrap();
            let (stream, to) = (cuda::own_stream().unwrap(), dense(&mut x, &shape));
            let solve = cuda::Operation::Solve(b.on_device());
            let pending = cuda::compute(solve, a.on_device(), to, None, stream, &o).unwrap();
            let summary = pending.wait(&mut []).unwrap();
            assert_eq!((summary.failed, told.failed), (0, 0), "{what}");
            assert_same_bits(&x, &expected, &what);
        }
    }
}

mod stamped {
    super::for_all_scalars!(every_call, systems_that_are_done_again);
}
