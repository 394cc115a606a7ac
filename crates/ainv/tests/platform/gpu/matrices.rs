//! Matrices at every edge: statuses, infinities and NaN are the CPU's, and results as good.

use super::systems::solved;
use super::{alone, computes, for_all_scalars, is_there, random};
use crate::common::{Call, TIGHT};
use ainv::*;
use testkit::{Mat, Rng, assert_same_bits, right};

/// A matrix 2^rows base 2^columns.
pub(super) struct Edge<T> {
    pub(super) name: &'static str,
    pub(super) base: Mat<T>,
    pub(super) rows: fn(usize, i32) -> i32,
    pub(super) columns: fn(usize, i32) -> i32,
}

impl<T: Scalar> Edge<T> {
    fn new(name: &'static str, base: Mat<T>) -> Edge<T> {
        Edge { name, base, rows: |_, _| 0, columns: |_, _| 0 }
    }

    /// The powers grow with the range of the scalar.
    pub(super) fn power(of: fn(usize, i32) -> i32, i: usize) -> i32 {
        of(i, -T::Real::MIN_EXP)
    }

    pub(super) fn matrix(&self) -> Mat<T> {
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
pub(super) fn edges<T: Scalar>(a: &Mat<T>) -> Vec<Edge<T>> {
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
pub(super) fn alone_on<T: Scalar>(
    device: Device,
    a: &Mat<T>,
    call: Call,
) -> (Mat<T>, Status, usize) {
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
pub(super) fn assert_alike<T: Scalar>(x: &Mat<T>, y: &Mat<T>, what: &str) {
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
pub(super) fn size<T: Scalar>(x: T) -> f64 {
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
pub(super) fn definite_edges<T: Scalar>(n: usize) -> Vec<Edge<T>> {
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
    all
}

fn definite_as_on_the_cpu<T: Scalar>() {
    let _alone = alone();
    if !is_there() || !computes::<T>() {
        return;
    }
    for n in [1, 2, 3, 8, 17, 32, 33, 70] {
        let all = definite_edges::<T>(n);
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

/// Orders that the CPU inverts by closed forms: what has no determinant is singular, whatever rounding leaves of the last
/// pivot, and what has one is not.
fn exactly_singular<T: Scalar>() {
    let _alone = alone();
    if !is_there() || !computes::<T>() {
        return;
    }
    let rng = &mut Rng::new(3);
    let largest = if T::COMPLEX { 2 } else { 3 };
    for n in 2..=largest {
        let mut all = vec![
            Mat::<T>::real(n, n, |i, j| [3.0, 1.0, 7.0][j] * [1.0, 3.0, 41.0][i]),
            Mat::real(n, n, |_, j| [41.0, 1.0, 3.0][j]),
            Mat::real(n, n, |i, j| (1 + 3 * i + j) as f64),
            Mat::real(n, n, |i, j| (3 * i + j) as f64),
        ];
        for _ in 0..60 {
            // Whole numbers, whose products are not rounded: the last row is the sum of multiples of the others.
            let mut whole = || (rng.uniform() * 100.0).floor() - 50.0;
            let a: Mat<T> = Mat::from_fn(n, n, |_, _| testkit::parts(whole(), whole()));
            let sum = Mat::from_fn(n, n, |i, j| match (i == j, i == n - 1) {
                (_, true) if j < n - 1 => testkit::parts(whole(), whole()),
                (true, false) => T::from_re(T::Real::ONE),
                _ => T::default(),
            });
            let singular = sum.times(&a);
            let last = singular[(n - 1, n - 1)];
            let next = last * T::from_re(T::Real::ONE + T::Real::EPSILON);
            // Of order 3 the last sums of the determinant are rounded, by the CPU, too.
            if n == 2 {
                all.push(singular.map(|i, j, x| if (i, j) == (1, 1) { next } else { x }));
            }
            all.push(singular.transposed());
            all.push(singular);
        }
        let count = all.len();
        for power in [0, T::Real::MIN_EXP / 2, -T::Real::MIN_EXP / 2] {
            let a: Vec<T> = all.iter().flat_map(|a| a.ldexp(power).data).collect();
            for call in [Call::Inv(Assume::General), Call::Solve(Assume::General)] {
                let on =
                    |device: Device| with_stream(device.into(), || call.run(count, n, &a)).unwrap();
                let ((x, status), (y, expected)) = (on(Device::GPU), on(Device::CPU));
                for (i, (status, expected)) in status.iter().zip(&expected).enumerate() {
                    let a = &all[i].data;
                    // So near a singular one it is rounding that says what the last pivot of a system is.
                    if matches!(call, Call::Solve(_)) && expected.is_ok() {
                        continue;
                    }
                    let what = format!("{call:?}, {} {n}: {a:?} 2^{power}", T::NAME);
                    assert_eq!(status.code, expected.code, "{what}");
                    // Which pivot is zero is a matter of rounding.
                    assert_eq!(status.at == 0, expected.at == 0, "{what}");
                    // With a determinant of some units of rounding no digit is lost; of four products some are.
                    let entries = x[i * n * n..].iter().zip(&y[i * n * n..]).take(n * n);
                    for (x, y) in entries.filter(|_| expected.is_ok() && !T::COMPLEX) {
                        let off = size(*x - *y);
                        assert!(
                            off <= 16.0 * T::Real::EPSILON.to_f64() * size(*y),
                            "{x:?} for {y:?}: {what}"
                        );
                    }
                }
                assert_eq!(expected[0].code, Code::Singular);
            }
        }
    }
}

/// Ordinary numbers so far from each other that one of them, brought near one, would leave the others no numbers.
fn far_apart<T: Scalar>() {
    let _alone = alone();
    if !is_there() || !computes::<T>() {
        return;
    }
    let far = -T::Real::MIN_EXP;
    let power = |power: i32| Scalar::ldexp(T::from_re(T::Real::ONE), power);
    for n in [3, 17, 40] {
        // Right-hand sides: the identity's system gives them back.
        let b = Mat::from_fn(n, 2, |i, j| match (i % 3, j) {
            (0, 0) | (1, 1) => power(far * 2 / 3),
            (1, 0) | (2, 1) => power(-far * 2 / 3),
            _ => T::default(),
        });
        let (x, status) = solved(Device::GPU, &Mat::identity(n), &b, Assume::General);
        assert!(status.is_ok(), "{} {n}: {status:?}", T::NAME);
        assert_same_bits(&x.data, &b.data, n);

        // Where X grows beyond the range unless B is brought near one: it is done again.
        let a = Mat::from_fn(n, n, |i, j| match j.checked_sub(i) {
            Some(0) if n - i <= 4 => power(far / 2 - far / 9),
            Some(0 | 1) => power(far / 2),
            _ => T::default(),
        });
        let b =
            Mat::from_fn(n, 1, |i, _| power(if i == n - 1 { far * 3 / 4 } else { -far * 3 / 4 }));
        let (x, status) = solved(Device::GPU, &a, &b, Assume::General);
        let ratio = testkit::residual_of_solve(&a, &b, &x);
        assert!(status.is_ok() && ratio <= TIGHT, "{} {n}: {status:?}, {ratio}", T::NAME);

        // Whose cofactors are products of three numbers, one of them far under the others.
        let a = Mat::from_fn(n, n, |i, j| match (i, j) {
            (0, 0) => power(far * 46 / 100),
            (0, 1) => power(-far * 28 / 100),
            _ if i == j => power(0),
            _ => T::default(),
        });
        let (x, status, _) = alone_on(Device::GPU, &a, Call::Inv(Assume::General));
        let expected = a.map(|i, j, _| match (i, j) {
            (0, 0) => power(-far * 46 / 100),
            (0, 1) => T::default() - power(-far * 28 / 100 - far * 46 / 100),
            _ if i == j => power(0),
            _ => T::default(),
        });
        assert!(status.is_ok(), "{} {n}: {status:?}", T::NAME);
        assert_same_bits(&x.data, &expected.data, n);

        // A block far under another one, and what is far under that.
        let a = Mat::from_fn(n, n, |i, j| match (i, j) {
            (0, 0) => power(far * 47 / 100),
            (1, 2) => power(-far * 55 / 100),
            _ if i == j => power(0),
            _ => T::default(),
        });
        let (x, status, _) = alone_on(Device::GPU, &a, Call::Inv(Assume::General));
        let expected = a.map(|i, j, x| match (i, j) {
            (0, 0) => power(-far * 47 / 100),
            (1, 2) => T::default() - x,
            _ => x,
        });
        assert!(status.is_ok(), "{} {n}: {status:?}", T::NAME);
        assert_same_bits(&x.data, &expected.data, n);
    }

    // The row of an infinity has no part in the size of a right-hand side.
    for n in [3, 40] {
        let infinity = T::from_re(T::Real::INFINITY);
        let a = Mat::from_fn(n, n, |i, j| match (i, j) {
            (0, 0) => infinity,
            _ if i == j => power(0),
            _ => T::default(),
        });
        let b = Mat::from_fn(n, 1, |i, _| power(if i == 0 { far } else { -far }));
        let (x, status) = solved(Device::GPU, &a, &b, Assume::General);
        assert!(status.is_ok(), "{} {n}: {status:?}", T::NAME);
        assert_same_bits(&x.data, &b.map(|i, _, x| if i == 0 { T::default() } else { x }).data, n);
    }
}

/// A factor whose diagonal entry lies so far under its row that, with that near one, it would be no number.
fn faint_diagonal<T: Scalar>() {
    let _alone = alone();
    if !is_there() || !computes::<T>() {
        return;
    }
    let far = -T::Real::MIN_EXP;
    let power = |power: i32| Scalar::ldexp(T::from_re(T::Real::ONE), power);
    for n in [2, 40] {
        let a = Mat::from_fn(n, n, |i, j| match (i, j) {
            (1, 0) => power(far / 2 + 1),
            (1, 1) => power(-far / 2),
            _ if i == j => power(0),
            _ => T::default(),
        });
        let call = Call::CholeskyInv(Uplo::Lower);
        let ((x, status, _), (_, expected, _)) =
            (alone_on(Device::GPU, &a, call), alone_on(Device::CPU, &a, call));
        assert_eq!(status, expected, "{} {n}", T::NAME);
        assert!(status.is_ok(), "{} {n}: {status:?}", T::NAME);
        assert_eq!(x[(1, 1)], power(far), "{} {n}", T::NAME);
        assert!(!Scalar::is_finite(x[(0, 0)]), "{} {n}", T::NAME);
    }
}

mod stamped {
    super::for_all_scalars!(
        far_apart,
        faint_diagonal,
        exactly_singular,
        as_on_the_cpu,
        triangles_as_on_the_cpu,
        definite_as_on_the_cpu
    );
}
