//! The checks over a GPU, and what is a GPU's own: refusals, ranges, large stacks, streams, a device that is lost.
//!
//! They run where an adapter is found; where `AINV_GPU` names one (`AINV_GPU=llvmpipe`, in software), it must be.

use crate::checks;
use crate::common::{Call, TIGHT, assuming, for_all_scalars};
use ainv::*;
use std::sync::{Mutex, MutexGuard, PoisonError};
use testkit::{Mat, Rng, assert_same_bits, right, say};

/// One test at a time: one of them takes the device away.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether there is a GPU to test.
fn is_there() -> bool {
    let there = device_count(DeviceKind::Gpu) == 1;
    if !there {
        let why = Device::GPU.check().unwrap_err();
        assert!(std::env::var_os("AINV_GPU").is_none(), "{why}");
        say(format!(
            "no test of a GPU ran (Debian's mesa-vulkan-drivers has one in software): {why}"
        ));
    }
    there
}

fn on_gpu(options: Options) -> Options {
    Options { stream: Some(Device::GPU.into()), ..options }
}

/// Whether the GPU computes in `T`; where it does not, it says so.
fn computes<T: Scalar>() -> bool {
    let one = Mat::<T>::identity(1);
    match inv(one.view(), &on_gpu(Options::default())) {
        Ok(_) => true,
        Err(Error::Unsupported { what }) => {
            assert!(what.contains("64-bit") && what.contains("precision="), "{what}");
            assert!(what.contains("ainv.cpu"), "{what}");
            assert!(matches!(T::NAME, "float64" | "complex128"), "{what}");
            false
        }
        Err(error) => panic!("{error}"),
    }
}

/// Runs a check with a GPU's stream as the current one.
fn over_the_gpu<T: Scalar>(check: impl FnOnce()) {
    let _alone = alone();
    if is_there() && computes::<T>() {
        with_stream(Stream::new(Device::GPU).unwrap(), check).unwrap();
    }
}

fn residuals<T: Scalar>() {
    over_the_gpu::<T>(checks::residuals::<T>);
}

fn layouts<T: Scalar>() {
    over_the_gpu::<T>(checks::layouts::<T>);
}

fn bad_matrices<T: Scalar>() {
    over_the_gpu::<T>(checks::bad_matrices::<T>);
}

fn random<T: Scalar>(n: usize, rng: &mut Rng) -> Mat<T> {
    Mat::from_fn(n, n, |_, _| testkit::parts(rng.uniform() - 0.5, rng.uniform() - 0.5))
}

/// A matrix 2^rows base 2^columns.
struct Edge<T> {
    name: &'static str,
    base: Mat<T>,
    rows: fn(usize, i32) -> i32,
    columns: fn(usize, i32) -> i32,
}

impl<T: Scalar> Edge<T> {
    fn new(name: &'static str, base: Mat<T>) -> Edge<T> {
        Edge { name, base, rows: |_, _| 0, columns: |_, _| 0 }
    }

    /// The powers grow with the range of the scalar.
    fn power(of: fn(usize, i32) -> i32, i: usize) -> i32 {
        of(i, -T::Real::MIN_EXP)
    }

    fn matrix(&self) -> Mat<T> {
        let power = |i, j| Self::power(self.rows, i) + Self::power(self.columns, j);
        self.base.map(|i, j, x| Scalar::ldexp(x, power(i, j)))
    }

    /// A size in the inverse of the matrix from one in that of the base.
    fn out_of_base(&self, i: usize, j: usize, size: f64) -> f64 {
        Scalar::ldexp(size, -Self::power(self.columns, i) - Self::power(self.rows, j))
    }

    /// From the inverse of the matrix that of the base.
    fn of_base(&self, x: &Mat<T>) -> Mat<T> {
        let power = |i, j| Self::power(self.columns, i) + Self::power(self.rows, j);
        x.map(|i, j, x| Scalar::ldexp(x, power(i, j)))
    }
}

/// Matrices at the ends of the range, badly scaled ones, infinities, singular ones.
fn edges<T: Scalar>(a: &Mat<T>) -> Vec<Edge<T>> {
    let n = a.rows;
    let infinity = T::from_re(T::Real::INFINITY);
    let one = T::from_re(T::Real::ONE);
    let diagonal = |f: &dyn Fn(usize) -> T| {
        Mat::from_fn(n, n, |i, j| if i == j { f(i) } else { T::default() })
    };
    let alternate =
        |i: usize, far: i32| if i.is_multiple_of(2) { far * 3 / 4 } else { -far * 3 / 4 };
    let mut all = vec![
        Edge { rows: |_, far| far - 20, ..Edge::new("huge", a.clone()) },
        Edge { rows: |_, far| 20 - far, ..Edge::new("tiny", a.clone()) },
        Edge { rows: alternate, ..Edge::new("rows apart", a.clone()) },
        Edge { columns: alternate, ..Edge::new("columns apart", a.clone()) },
        Edge {
            rows: |i, far| (i as i32 % 3 - 1) * far / 3,
            columns: |j, far| (j as i32 % 4 - 2) * far / 4,
            ..Edge::new("both apart", a.clone())
        },
        // No row and no column is faint, but a pivot is: these are done again.
        Edge {
            rows: |i, far| -(i as i32 % 2) * (far * 46 / 100),
            columns: |j, far| -(j as i32 % 2) * (far * 45 / 100),
            ..Edge::new("steep", a.clone())
        },
        Edge { rows: alternate, ..Edge::new("diagonal apart", Mat::identity(n)) },
        Edge { rows: |_, far| -far - 5, ..Edge::new("subnormal", a.clone()) },
        Edge { rows: |_, far| -far - 10, ..Edge::new("overflows", Mat::identity(n)) },
        Edge::new("infinite diagonal", diagonal(&|i| if i == 0 { infinity } else { one })),
        Edge::new("zero", Mat::zeros(n, n)),
    ];
    if n > 1 {
        let zero_column = a.map(|_, j, x| if j == n / 2 { T::default() } else { x });
        all.push(Edge {
            rows: alternate,
            ..Edge::new("zero column, rows apart", zero_column.clone())
        });
        all.push(Edge::new("zero column", zero_column));
        all.push(Edge::new("ones", Mat::real(n, n, |_, _| 1.0)));
        let both = |i: usize| [infinity, T::default()].get(i).copied().unwrap_or(one);
        all.push(Edge::new("infinite and zero", diagonal(&both)));
    }
    all
}

/// The result and the status of one matrix, and how many failed.
fn alone_on<T: Scalar>(device: Device, a: &Mat<T>, call: Call) -> (Mat<T>, Status, usize) {
    let run = || {
        let (mut x, mut status) = (a.clone(), [Status::default()]);
        let to = StackMut::new(&mut x.data, &[a.rows, a.cols]).unwrap();
        let summary = call.into(a.view(), to, &mut status).unwrap();
        (x, status[0], summary.failed)
    };
    with_stream(device.into(), run).unwrap()
}

fn parts<T: Scalar>(x: &Mat<T>) -> Vec<f64> {
    x.data.iter().flat_map(|x| [x.re().to_f64(), x.im().to_f64()]).collect()
}

/// Infinities and NaN of x stand where y has them.
fn assert_alike<T: Scalar>(x: &Mat<T>, y: &Mat<T>, what: &str) {
    for (x, y) in parts(x).into_iter().zip(parts(y)) {
        let same = if y.is_finite() { x.is_finite() } else { x == y || x.is_nan() && y.is_nan() };
        assert!(same, "{what}: {x} for {y}");
    }
}

/// Statuses, infinities and NaN are the CPU's; the others have its residuals.
fn as_on_the_cpu<T: Scalar>() {
    let _alone = alone();
    if !is_there() || !computes::<T>() {
        return;
    }
    for n in [1, 2, 3, 8, 17, 32, 33, 70] {
        let a: Mat<T> = random(n, &mut Rng::new(n as u64));
        for edge in edges::<T>(&a) {
            let what = format!("{}, {} {n}", edge.name, T::NAME);
            let on = |device| alone_on(device, &edge.matrix(), Call::Inv(Assume::General));
            let ((x, status, failed), (y, expected, of)) = (on(Device::GPU), on(Device::CPU));
            assert_eq!((status, failed), (expected, of), "{what}");
            assert_alike(&x, &y, &what);
            if x.is_finite() && edge.base.is_finite() {
                let ratio = right(&edge.base, &edge.of_base(&x));
                assert!(ratio <= TIGHT, "{what}: {ratio}");
            }
        }
    }
}

/// The larger part.
fn size<T: Scalar>(x: T) -> f64 {
    x.re().to_f64().abs().max(x.im().to_f64().abs())
}

/// Every finite entry (i, j) is the CPU's, but for rounding beside what is as large as `beside(i, j)` and for what
/// underflows.
fn assert_near<T: Scalar>(
    x: &Mat<T>,
    y: &Mat<T>,
    what: &str,
    beside: impl Fn(usize, usize) -> f64,
) {
    let (n, epsilon) = (x.rows, T::Real::EPSILON.to_f64());
    let least = 2f64.powi(T::Real::MIN_EXP) * epsilon;
    let far = |a: f64, b: f64| (a - b).abs();
    for (i, j) in (0..n).flat_map(|i| (0..n).map(move |j| (i, j))) {
        let (x, y) = (x[(i, j)], y[(i, j)]);
        if Scalar::is_finite(y) {
            let off =
                far(x.re().to_f64(), y.re().to_f64()).max(far(x.im().to_f64(), y.im().to_f64()));
            let bar = 1e-2 * size(y) + 8.0 * epsilon * beside(i, j) + 4.0 * least;
            assert!(off <= bar, "{what}: {x:?} for {y:?} at ({i}, {j})");
        }
    }
}

fn triangles_as_on_the_cpu<T: Scalar>() {
    let _alone = alone();
    if !is_there() || !computes::<T>() {
        return;
    }
    for n in [1, 2, 3, 8, 17, 32, 33, 70] {
        let a: Mat<T> = random(n, &mut Rng::new(n as u64));
        let a =
            a.map(|i, j, x| if i == j { x + T::from_re(T::Real::from_f64(n as f64)) } else { x });
        for edge in edges::<T>(&a) {
            for call in [
                Call::TriInv(Uplo::Lower, Diag::NonUnit),
                Call::TriInv(Uplo::Upper, Diag::NonUnit),
                Call::CholeskyInv(Uplo::Lower),
                Call::CholeskyInv(Uplo::Upper),
                Call::Inv(Assume::Diagonal),
            ] {
                let what = format!("{call:?}, {}, {} {n}", edge.name, T::NAME);
                let on = |device| alone_on(device, &edge.matrix(), call);
                let ((x, status, failed), (of_cpu, expected, of)) =
                    (on(Device::GPU), on(Device::CPU));
                assert_eq!((status, failed), (expected, of), "{what}");
                // The factor's columns lie so far apart that the order of a sum says which of its terms under- or
                // overflow.
                let ordered = edge.name == "both apart" && matches!(call, Call::CholeskyInv(_));
                if !ordered {
                    assert_alike(&x, &of_cpu, &what);
                    // The row and the column, brought to where the entry stands.
                    let base = edge.of_base(&of_cpu);
                    let base =
                        base.map(|_, _, x| if Scalar::is_finite(x) { x } else { T::default() });
                    assert_near(&x, &of_cpu, &what, |i, j| {
                        let line = (0..n).flat_map(|k| [size(base[(i, k)]), size(base[(k, j)])]);
                        edge.out_of_base(i, j, line.fold(0.0, f64::max))
                    });
                }
                if matches!(call, Call::TriInv(..)) && x.is_finite() && edge.base.is_finite() {
                    let base =
                        edge.base.map(|i, j, x| if call.reads(i, j) { x } else { T::default() });
                    let ratio = right(&base, &edge.of_base(&x));
                    assert!(ratio <= TIGHT, "{what}: {ratio}");
                }
            }
        }
    }
}

/// Positive definite matrices, and what is none: one triangle is read, the diagonal is real.
fn definite_as_on_the_cpu<T: Scalar>() {
    let _alone = alone();
    if !is_there() || !computes::<T>() {
        return;
    }
    for n in [1, 2, 3, 8, 17, 32, 33, 70] {
        let r: Mat<T> = random(n, &mut Rng::new(n as u64));
        let a = r.map(|i, j, x| match i.cmp(&j) {
            std::cmp::Ordering::Equal => T::from_re(T::Real::from_f64(n as f64 + 1.0)),
            std::cmp::Ordering::Greater => x,
            std::cmp::Ordering::Less => Scalar::conj(r[(j, i)]),
        });
        let mut all = edges(&a);
        // Hermitian matrices whose rows and columns lie far apart.
        let graded = |i: usize, far: i32| (i as i32 % 3 - 1) * (far * 2 / 5);
        all.push(Edge { rows: graded, columns: graded, ..Edge::new("graded", a.clone()) });
        for at in [0, n / 2, n - 1] {
            let diagonal = |value: T| a.map(|i, j, x| if (i, j) == (at, at) { value } else { x });
            all.push(Edge::new("negative", diagonal(T::from_re(-T::Real::ONE))));
            all.push(Edge::new("zero on the diagonal", diagonal(T::default())));
            for part in [0.25, 4.0] {
                let part = (n + 1) as f64 * part * n as f64 * T::Real::EPSILON.to_f64();
                all.push(Edge::new("unreal", diagonal(testkit::parts((n + 1) as f64, part))));
            }
        }
        for edge in all {
            for call in [
                Call::Cholesky(Uplo::Lower),
                Call::Cholesky(Uplo::Upper),
                Call::Inv(Assume::Posdef),
            ] {
                let what = format!("{call:?}, {}, {} {n}", edge.name, T::NAME);
                let a = edge.matrix();
                let on = |device| alone_on(device, &a, call);
                let ((x, status, failed), (of_cpu, expected, of)) =
                    (on(Device::GPU), on(Device::CPU));
                assert_eq!((status, failed), (expected, of), "{what}");
                assert_alike(&x, &of_cpu, &what);
                if status.is_ok() {
                    // What stands beside the diagonal is bounded by it: |x_ij|^2 <= x_ii x_jj, |l_ij|^2 <= a_ii.
                    let root = |x: &Mat<T>, i: usize| x[(i, i)].re().to_f64().sqrt();
                    assert_near(&x, &of_cpu, &what, |i, j| match call {
                        Call::Cholesky(_) => root(&a, i.max(j)),
                        _ => root(&of_cpu, i) * root(&of_cpu, j),
                    });
                } else {
                    assert!(x.is_all_nan(), "{what}");
                }
                let unread = a.map(|i, j, x| if call.reads(i, j) { x } else { T::nan() });
                let (y, again, _) = alone_on(Device::GPU, &unread, call);
                assert_eq!(again, status, "{what}, NaN in the other triangle");
                assert_same_bits(&x.data, &y.data, &what);
                if call == Call::Inv(Assume::Posdef) && status.is_ok() {
                    assert_eq!(x.data, x.adjoint().data, "{what}");
                }
            }
        }
    }
}

/// Any number of right-hand sides, each near one by itself; what is not finite in one of them stays there.
fn systems<T: Scalar>() {
    let _alone = alone();
    if !is_there() || !computes::<T>() {
        return;
    }
    let o = on_gpu(Options::default());
    for (n, k) in [(1, 1), (3, 1), (3, 5), (4, 70), (17, 2), (32, 33), (33, 1), (33, 70), (70, 3)] {
        let rng = &mut Rng::new((n + k) as u64);
        let a: Mat<T> = random(n, rng);
        let b = Mat::from_fn(n, k, |_, j| {
            let x: T = testkit::parts(rng.uniform() - 0.5, rng.uniform() - 0.5);
            Scalar::ldexp(
                x,
                if j.is_multiple_of(2) { T::Real::MIN_EXP / 2 } else { -T::Real::MIN_EXP / 2 },
            )
        });
        let solved = |a: &Mat<T>, b: &Mat<T>| {
            let mut x = Mat::<T>::zeros(n, k);
            let (mut status, to) =
                ([Status::default()], StackMut::new(&mut x.data, &[n, k]).unwrap());
            solve_into(a.view(), b.view(), to, &mut status, &o).unwrap();
            (x, status[0])
        };
        let what = format!("{} {n}, {k} right-hand sides", T::NAME);
        let (x, status) = solved(&a, &b);
        let ratio = testkit::residual_of_solve(&a, &b, &x);
        assert!(status.is_ok() && ratio <= TIGHT, "{what}: {ratio}, {status:?}");

        let spoiled = b.map(|i, j, x| if (i, j) == (n / 2, k - 1) { T::nan() } else { x });
        let (y, status) = solved(&a, &spoiled);
        assert!(status.is_ok(), "{what}: {status:?}");
        for (at, (x, y)) in x.data.iter().zip(&y.data).enumerate() {
            assert!(
                if at % k == k - 1 { y.is_nan() } else { x == y },
                "{what}, with a NaN: {x} {y} at {at}"
            );
        }
        for edge in edges::<T>(&a) {
            let (y, status) = solved(&edge.matrix(), &b);
            let (_, expected, _) =
                alone_on(Device::CPU, &edge.matrix(), Call::Inv(Assume::General));
            assert_eq!(status, expected, "{what}, {}", edge.name);
            assert!(status.is_ok() || y.is_all_nan(), "{what}, {}", edge.name);
        }
    }
}

mod stamped {
    super::for_all_scalars!(
        residuals,
        layouts,
        bad_matrices,
        as_on_the_cpu,
        triangles_as_on_the_cpu,
        definite_as_on_the_cpu,
        systems
    );
}

/// More workgroups than a row of them has, several parts in flight, suspects among them.
#[test]
fn large_stacks() {
    let _alone = alone();
    if !is_there() {
        return;
    }
    let options = on_gpu(Options::default());
    // Of order 1: a part is 2^23 of them, and a workgroup takes 64.
    let count = 9_000_011;
    let a: Vec<f32> =
        (0..count).map(|i| if i % 1_000_003 == 7 { 0.0 } else { 1.0 + i as f32 }).collect();
    let (mut x, mut status) = (vec![1.0f32; count], vec![Status::default(); count]);
    let (from, to) =
        (Stack::new(&a, &[count, 1, 1]).unwrap(), StackMut::new(&mut x, &[count, 1, 1]).unwrap());
    let summary = inv_into(from, to, &mut status, &options).unwrap();
    let failed: Vec<usize> = (0..count).filter(|i| i % 1_000_003 == 7).collect();
    assert_eq!((summary.failed, summary.first.unwrap().0), (failed.len(), 7));
    for i in 0..count {
        let singular = a[i] == 0.0;
        assert_eq!(status[i].code == Code::Singular, singular, "{i}");
        assert!(
            if singular { x[i].is_nan() } else { (x[i] * a[i] - 1.0).abs() < 4e-7 },
            "{i}: {}",
            x[i]
        );
    }

    // Of order 4, some of which are done again: in place, so that they must be read in time.
    let (count, n) = (1_200_000, 4);
    let rng = &mut Rng::new(4);
    let some: Vec<Mat<f32>> = (0..97).map(|_| random(n, rng)).collect();
    let matrix = |i: usize| {
        let a = &some[i % some.len()];
        let steep = |i: usize, j: usize| -57 * (i as i32 % 2) - 56 * (j as i32 % 2);
        if i % 100_003 == 1 { a.map(|i, j, x| Scalar::ldexp(x, steep(i, j))) } else { a.clone() }
    };
    let mut a: Vec<f32> = (0..count).flat_map(|i| matrix(i).data).collect();
    let summary =
        inv_in_place(StackMut::new(&mut a, &[count, n, n]).unwrap(), &mut [], &options).unwrap();
    assert_eq!(summary.failed, 0);
    for i in (0..count).filter(|i| i % 100_003 == 1 || i % 997 == 0) {
        let alone = inv(matrix(i).view(), &options).unwrap();
        assert_same_bits(&a[i * n * n..(i + 1) * n * n], alone.as_slice(), i);
    }
    for i in (0..count).step_by(9973).filter(|i| i % 100_003 != 1) {
        let x = Mat::new(n, n, a[i * n * n..(i + 1) * n * n].to_vec());
        assert!(right(&matrix(i), &x) <= TIGHT, "matrix {i}");
    }
}

/// Blocked, with more than a few panels; a stack of such.
#[test]
fn larger_orders() {
    let _alone = alone();
    if !is_there() {
        return;
    }
    let rng = &mut Rng::new(1);
    for (count, n) in [(1, 257), (1, 400), (7, 96)] {
        let all: Vec<Mat<f32>> = (0..count).map(|_| random(n, rng)).collect();
        let a: Vec<f32> = all.iter().flat_map(|a| a.data.clone()).collect();
        let x = inv(Stack::new(&a, &[count, n, n]).unwrap(), &on_gpu(Options::default())).unwrap();
        for (i, a) in all.iter().enumerate() {
            let x = Mat::new(n, n, x.as_slice()[i * n * n..(i + 1) * n * n].to_vec());
            let ratio = right(a, &x);
            assert!(ratio <= TIGHT, "{n}, matrix {i}: {ratio}");
        }
    }
}

/// Single precision by way of double, where the adapter has it; an error that says what to do where not.
#[test]
fn double_inside() {
    let _alone = alone();
    if !is_there() {
        return;
    }
    let options = on_gpu(Options { precision: Precision::Double, ..Options::default() });
    let a: Mat<f32> = random(20, &mut Rng::new(5));
    match inv(a.view(), &options) {
        Ok(x) => {
            let cpu =
                inv(a.view(), &Options { precision: Precision::Double, ..Options::default() })
                    .unwrap();
            for (x, y) in x.as_slice().iter().zip(cpu.as_slice()) {
                assert!((x - y).abs() <= f32::EPSILON * y.abs(), "{x} for {y}");
            }
        }
        Err(Error::Unsupported { what }) => {
            assert!(what.contains("precision=\"native\""), "{what}")
        }
        Err(error) => panic!("{error}"),
    }
    // What is rounding on the diagonal in single precision is so in double, too.
    let diagonal = |im: f32| {
        Mat::from_fn(2, 2, |i, j| if i == j { c32::new(4.0, im) } else { c32::default() })
    };
    let definite = |im: f32, stream| {
        let options = Options { stream, precision: Precision::Double, ..Options::default() };
        cholesky(diagonal(im).view(), Uplo::Lower, &options).map(|x| x.into_vec())
    };
    for (im, is_real) in [(f32::EPSILON, true), (1e-5, false)] {
        let (x, y) = (definite(im, Some(Device::GPU.into())), definite(im, None));
        assert_eq!(y.is_ok(), is_real, "{im}: {y:?}");
        assert!(x == y || matches!(x, Err(Error::Unsupported { .. })), "{im}: {x:?}, {y:?}");
    }
}

#[test]
fn what_it_has_no_kernels_for_is_refused() {
    let _alone = alone();
    if !is_there() {
        return;
    }
    let a = [4.0f32, 1.0, 1.0, 3.0];
    let a = Stack::new(&a, &[2, 2]).unwrap();
    let o = on_gpu(Options::default());
    let refused = |name: &str, outcome: Result<(), Error>| {
        let Err(Error::Unsupported { what }) = outcome else { panic!("{name}: {outcome:?}") };
        assert!(what.contains(name) && what.contains("CPU"), "{name}: {what}");
    };
    refused("pinv", pinv(a, &PinvOptions::default(), &o).map(drop));
    refused("rcond", rcond(a, Norm::One, &o).map(drop));
    refused("matmul", matmul(a, a, &o).map(drop));
    refused("report", report(a, None, &o).map(drop));
    refused("plan", plan::<f32>(Operation::Inv, [1, 2, 2], &o).map(drop));
    refused(
        "solve with assume=\"posdef\"",
        solve(a, a, &on_gpu(assuming(Assume::Posdef))).map(drop),
    );
    refused(
        "solve with assume=\"diagonal\"",
        solve(a, a, &on_gpu(assuming(Assume::Diagonal))).map(drop),
    );
    let on_singular = OnSingular::Pinv;
    refused("pinv", inv(a, &Options { on_singular, ..o.clone() }).map(drop));
    let ill_conditioned = IllConditioned::Raise(None);
    refused("ill_conditioned", inv(a, &Options { ill_conditioned, ..o.clone() }).map(drop));
    // Which is not asked of inv_ex.
    assert_eq!(inv_ex(a, &Options { ill_conditioned, ..o }).unwrap().1, [0]);
    let second = Device { index: 1, ..Device::GPU };
    assert!(second.check().unwrap_err().to_string().contains("gpu:1"));
}

/// Nothing to do, and names.
#[test]
fn empty_stacks_and_what_is_known() {
    let _alone = alone();
    if !is_there() {
        return;
    }
    let o = on_gpu(Options::default());
    for shape in [[0, 3, 3], [2, 0, 0], [0, 40, 40]] {
        let (x, info) = inv_ex(Stack::<f32>::new(&[], &shape).unwrap(), &o).unwrap();
        assert_eq!((x.shape(), info), (&shape[..], vec![0; shape[0]]));
    }
    let known = device_info(Device::GPU).unwrap();
    assert!(!known.name.is_empty() && known.driver.is_some() && known.instruction_set.is_none());
    say(format!("the GPU is {}, {}, {:?}", known.name, known.architecture, known.driver));
}

#[test]
fn streams_of_a_gpu() {
    let _alone = alone();
    if !is_there() {
        return;
    }
    let [first, second] = [(); 2].map(|()| Stream::new(Device::GPU).unwrap());
    let cpu = Stream::new(Device::CPU).unwrap();
    let n = 60;
    let a: Mat<f32> = random(n, &mut Rng::new(9));
    let expected = inv(a.view(), &on_gpu(Options::default())).unwrap();
    // A task runs on its stream's device, and what comes after it there, or on another device, finds its end.
    let copy = a.clone();
    let large = first.submit(move |_| {
        assert_eq!(current_stream().device, Device::GPU);
        assert!(
            rcond(copy.view(), Norm::One, &Options::default()).is_err(),
            "not moved to the CPU"
        );
        inv(copy.view(), &Options::default())
    });
    let large = large.unwrap();
    let (done, then) = (large.done(), large.done());
    cpu.after(&large).unwrap();
    second.after(&large).unwrap();
    let on_cpu = cpu.submit(move |_| Ok((done.is_done(), current_stream().device))).unwrap();
    let on_gpu = second.submit(move |_| Ok(then.is_done())).unwrap();
    assert_eq!(on_cpu.wait(), Ok((true, Device::CPU)));
    assert_eq!(on_gpu.wait(), Ok(true));
    assert_same_bits(large.wait().unwrap().as_slice(), expected.as_slice(), "on a stream");

    // Errors are their event's; the stream goes on, and calls on it come after its work.
    let bad = first.submit(|_| inv(Stack::new(&[0.0f32], &[1, 1])?, &Options::default())).unwrap();
    let options = Options { stream: Some(first), ..Options::default() };
    let x = inv(Stack::new(&[4.0f32], &[1, 1]).unwrap(), &options).unwrap();
    assert!(bad.is_done() && x.as_slice() == [0.25]);
    assert!(matches!(bad.wait(), Err(Error::Matrix { index: 0, .. })));
    let cancelled = Cancel::new();
    cancelled.cancel();
    let options = Options { cancel: Some(cancelled), ..options };
    assert_eq!(
        inv(Stack::new(&[4.0f32], &[1, 1]).unwrap(), &options).unwrap_err(),
        Error::Cancelled
    );
    // Many at once, from several threads.
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for stream in [first, second, first] {
                    let a = a.clone();
                    let event = stream.submit(move |_| inv(a.view(), &Options::default())).unwrap();
                    assert_same_bits(
                        event.wait().unwrap().as_slice(),
                        expected.as_slice(),
                        "at once",
                    );
                }
            });
        }
    });
    synchronize(Some(first)).unwrap();
    assert!(Stream { device: Device::GPU, index: u32::MAX }.check().is_err());
}

/// A device that is lost is an error by name, and the next call has a new one.
#[test]
fn a_lost_device() {
    let _alone = alone();
    if !is_there() {
        return;
    }
    let a: Mat<f32> = random(200, &mut Rng::new(3));
    let run = || inv(a.view(), &on_gpu(Options::default()));
    let expected = run().unwrap();
    for _ in 0..3 {
        // Before, in or after the work: it has its outcome, or the error.
        std::thread::scope(|scope| {
            let work = scope.spawn(run);
            lose_gpu();
            match work.join().unwrap() {
                Ok(x) => assert_same_bits(x.as_slice(), expected.as_slice(), "before it was lost"),
                Err(Error::Device { what }) => assert!(what.contains("GPU"), "{what}"),
                Err(error) => panic!("{error}"),
            }
        });
        lose_gpu();
        assert_same_bits(run().unwrap().as_slice(), expected.as_slice(), "after it was lost");
    }
}
