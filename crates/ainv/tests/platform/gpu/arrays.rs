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

/// What both ways come to, which must be the same.
fn outcome<T: Scalar>(
    call: Call,
    a: &Gapped<T>,
    options: Options,
    what: &str,
) -> (Vec<Status>, Summary) {
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
    until_done();
    assert_eq!(status, expected_status, "{what}");
    assert_same_bits(&x, &expected, what);
    assert_eq!((summary.failed, summary.first), (told.failed, told.first), "{what}");
    assert_eq!(summary.ill_conditioned, told.ill_conditioned, "{what}");
    let numbers = [summary, told].map(|of| of.first_ill_conditioned);
    if let [Some((at, x)), Some((of, y))] = numbers {
        // The sums of a product L L^H are made in another order.
        let exact = !matches!(call, Call::CholeskyInv(_));
        let near = (x - y).abs() <= 64.0 * T::Real::EPSILON.to_f64() * y;
        assert!(at == of && if exact { x == y } else { near }, "{what}: {x:e} for {y:e}");
    }
    (status, summary)
}

/// Waits for the work of the stream.
fn until_done() {
    let mark = cuda::Mark::new().unwrap();
    while !mark.is_over() {
        std::thread::yield_now();
    }
}

/// Of edges, and of matrices that are not finite.
fn all_edges<T: Scalar>(n: usize) -> Vec<Mat<T>> {
    let mut all: Vec<_> = definite_edges::<T>(n).iter().map(|edge| edge.matrix()).collect();
    let spoiled = [T::nan(), T::from_re(T::Real::INFINITY)]
        .map(|x| all[0].map(|i, j, y| if (i, j) == (n - 1, 0) { x } else { y }));
    all.extend(spoiled);
    all
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
    for n in [3, 17, 40] {
        let all = Gapped::new(&all_edges::<T>(n));
        // Larger pseudo-inverses take the device in software long.
        let calls = Call::OWN.into_iter().chain(CALLS);
        for call in calls.filter(|&call| n < 40 || call != Call::Pinv) {
            let what = format!("{call:?}, {} {n}", T::NAME);
            let (status, _) = outcome(call, &all, Options::default(), &what);
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
    // The last one by blocks of panels, which takes the device in software long.
    let large = if T::NAME == "float64" { &[(529, 1)][..] } else { &[] };
    for &(n, k) in [(2, 1), (17, 3), (40, 1)].iter().chain(large) {
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

/// Of matrices without an inverse, in their places among others.
fn pseudo_inverses_instead<T: Scalar>() {
    let _alone = alone();
    if !is_there() {
        return;
    }
    // Of single precision by way of double, too; larger pseudo-inverses take the device in software long.
    let ways = [Precision::Native, Precision::Double];
    let ways = &ways[..if T::Real::MANTISSA < 30 { 2 } else { 1 }];
    for n in [1, 6, 33] {
        let good: Mat<T> = random(n, &mut Rng::new(4));
        let dominant = good
            .map(|i, j, x| if i == j { T::from_re(T::Real::from_f64(n as f64 + 1.0)) } else { x });
        let zero_lines = dominant.map(|i, j, x| if i.max(j) == n - 1 { T::default() } else { x });
        let negative = dominant.map(|i, j, x| if i == j && i == 0 { T::default() - x } else { x });
        let spoiled = dominant.map(|i, j, x| if (i, j) == (n - 1, n - 1) { T::nan() } else { x });
        let all = [&zero_lines, &dominant, &zero_lines, &negative, &spoiled, &zero_lines];
        let all = Gapped::new(&all.map(Clone::clone));
        for assume in [
            Assume::General,
            Assume::Symmetric,
            Assume::Posdef,
            Assume::Lower,
            Assume::Upper,
            Assume::Diagonal,
        ] {
            for &precision in ways {
                let what = format!("{assume:?}, {precision:?}, {} {n}", T::NAME);
                let o = Options { on_singular: OnSingular::Pinv, precision, ..Options::default() };
                let (status, summary) = outcome(Call::Inv(assume), &all, o, &what);
                let definite = usize::from(assume == Assume::Posdef);
                assert_eq!(summary.failed, 3 + definite, "{what}: {status:?}");
            }
        }
    }
    // All matrices have one; and what never waits cannot know.
    let good = Gapped::new(&[Mat::<T>::identity(2)]);
    let o = Options { on_singular: OnSingular::Pinv, ..Options::default() };
    outcome(Call::Inv(Assume::Auto), &good, o.clone(), "identity");
    let (mut x, stream) = (vec![T::default(); 4], cuda::own_stream().unwrap());
    let to = dense(&mut x, &[1, 2, 2]);
    let enqueued = cuda::enqueue(cuda::Operation::Inv, good.on_device(), to, None, stream, &o);
    assert!(matches!(enqueued, Err(Error::Argument { .. })), "{enqueued:?}");
}

/// Which of them are ill-conditioned, and how much the first one is.
fn ill_conditioned<T: Scalar>() {
    let _alone = alone();
    if !is_there() {
        return;
    }
    let asking = [
        Call::Inv(Assume::Auto),
        Call::Inv(Assume::Posdef),
        Call::Inv(Assume::Symmetric),
        Call::Inv(Assume::Lower),
        Call::Inv(Assume::Diagonal),
        Call::CholeskyInv(Uplo::Lower),
        Call::CholeskyInv(Uplo::Upper),
        Call::TriInv(Uplo::Lower, Diag::NonUnit),
        Call::TriInv(Uplo::Upper, Diag::Unit),
        Call::Solve(Assume::General),
        Call::Solve(Assume::Posdef),
        Call::Solve(Assume::Diagonal),
    ];
    for n in [3, 40] {
        let edges = all_edges::<T>(n);
        // The first one that is named is then another one.
        let all = Gapped::new(&edges.into_iter().rev().collect::<Vec<_>>());
        for call in asking.into_iter().chain([Call::Cholesky(Uplo::Lower), Call::Pinv]) {
            for limit in [None, Some(1.0)] {
                let what = format!("{call:?}, {limit:?}, {} {n}", T::NAME);
                let ill_conditioned = IllConditioned::Warn(limit);
                let o = Options { ill_conditioned, ..Options::default() };
                let (_, summary) = outcome(call, &all, o, &what);
                let asks = !matches!(call, Call::Cholesky(_) | Call::Pinv);
                if limit.is_some() {
                    assert_eq!(summary.ill_conditioned > 0, asks, "{what}");
                }
            }
        }
    }
    // In single precision by way of double, and where nothing is solved.
    let bad = Mat::<T>::identity(3)
        .map(|i, j, x| Scalar::ldexp(x, if i == j { -12 * i as i32 } else { 0 }));
    let o = Options {
        ill_conditioned: IllConditioned::Raise(Some(1e-3)),
        precision: Precision::Double,
        ..Options::default()
    };
    let (status, _) =
        outcome(Call::Solve(Assume::General), &Gapped::new(&[bad.clone()]), o.clone(), "bad");
    assert_eq!(status[0].code, Code::IllConditioned);
    let (a, none) = (Gapped::new(&[bad]), Gapped { data: vec![], shape: [1, 3, 0] });
    let solve = cuda::Operation::Solve(none.on_device());
    let (to, stream) = (dense::<T>(&mut [], &[1, 3, 0]), cuda::own_stream().unwrap());
    let summary = cuda::compute(solve, a.on_device(), to, None, stream, &on_gpu(o)).unwrap();
    assert_eq!(summary.wait(&mut []).unwrap(), Summary::default());
}

/// All conditions, without a wait.
fn rconds<T: Scalar>() {
    let _alone = alone();
    if !is_there() {
        return;
    }
    let stream = cuda::own_stream().unwrap();
    for n in [1, 3, 40] {
        let all = Gapped::new(&all_edges::<T>(n));
        for assume in [
            Assume::Auto,
            Assume::Lower,
            Assume::Upper,
            Assume::Symmetric,
            Assume::Posdef,
            Assume::Diagonal,
        ] {
            for (norm, precision) in [
                (Norm::One, Precision::Native),
                (Norm::Inf, Precision::Native),
                (Norm::Inf, Precision::Double),
            ] {
                let what = format!("{assume:?}, {norm:?}, {precision:?}, {} {n}", T::NAME);
                let o = on_gpu(Options { precision, ..assuming(assume) });
                let expected = rcond(all.on_host(), norm, &o).unwrap();
                let mut found = vec![-T::Real::ONE; expected.len()];
                let to = dense(&mut found, &[1, expected.len()]);
                cuda::enqueue_rcond(all.on_device(), norm, to, stream, &o).unwrap();
                until_done();
                assert_same_bits(&found, &expected, &what);
            }
        }
    }
    let o = on_gpu(Options::default());
    let good = Gapped::new(&[Mat::<T>::identity(2)]);
    let mut found = [T::Real::default(); 2];
    let two = cuda::enqueue_rcond(
        good.on_device(),
        Norm::Two,
        dense(&mut found[..1], &[1, 1]),
        stream,
        &o,
    );
    assert!(matches!(two, Err(Error::Unsupported { what }) if what.contains("2-norm")));
    let short =
        cuda::enqueue_rcond(good.on_device(), Norm::One, dense(&mut found, &[1, 2]), stream, &o);
    assert!(matches!(short, Err(Error::Shape { .. })));
    let empty = Gapped::<T> { data: vec![], shape: [2, 0, 0] };
    cuda::enqueue_rcond(empty.on_device(), Norm::One, dense(&mut found, &[1, 2]), stream, &o)
        .unwrap();
    until_done();
    assert_eq!(found, [T::Real::INFINITY; 2]);
}

mod stamped {
    super::for_all_scalars!(
        every_call,
        systems_that_are_done_again,
        pseudo_inverses_instead,
        ill_conditioned,
        rconds
    );
}
