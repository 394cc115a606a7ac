//! Systems at every edge: statuses are the CPU's, and solutions as good.

use super::matrices::{Edge, alone_on, assert_alike, definite_edges, edges, size};
use super::{alone, computes, for_all_scalars, is_there, random};
use crate::common::{Call, HARD, TIGHT, assuming};
use ainv::*;
use testkit::{Mat, Rng, assert_same_bits};

/// The result of `solve` on a device, and its status.
pub(super) fn solved<T: Scalar>(
    device: Device,
    a: &Mat<T>,
    b: &Mat<T>,
    assume: Assume,
) -> (Mat<T>, Status) {
    let run = || {
        let (mut x, mut status) = (b.clone(), [Status::default()]);
        let to = StackMut::new(&mut x.data, &[b.rows, b.cols]).unwrap();
        solve_into(a.view(), b.view(), to, &mut status, &assuming(assume)).unwrap();
        (x, status[0])
    };
    with_stream(device.into(), run).unwrap()
}

/// Any number of right-hand sides, each near one by itself; what is not finite in one of them stays there.
fn systems<T: Scalar>() {
    let _alone = alone();
    if !is_there() || !computes::<T>() {
        return;
    }
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
        let solved = |a: &Mat<T>, b: &Mat<T>| solved(Device::GPU, a, b, Assume::General);
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

/// Of positive definite matrices: the statuses are the CPU's, whatever the right-hand sides; one triangle is read.
fn definite_systems<T: Scalar>() {
    let _alone = alone();
    if !is_there() || !computes::<T>() {
        return;
    }
    let on = |device, a: &Mat<T>, b: &Mat<T>| solved(device, a, b, Assume::Posdef);
    for (n, k) in [(1, 1), (3, 5), (4, 70), (17, 2), (33, 1), (70, 3)] {
        let rng = &mut Rng::new((n + k) as u64);
        let b = Mat::from_fn(n, k, |_, _| testkit::parts::<T>(rng.uniform(), rng.uniform()));
        for edge in definite_edges::<T>(n) {
            let what = format!("{}, {} {n}, {k} right-hand sides", edge.name, T::NAME);
            let a = edge.matrix();
            // Of the same size in every row: the solution is that of the base, but for the powers of columns.
            let scaled = b.map(|i, _, x| Scalar::ldexp(x, Edge::<T>::power(edge.rows, i)));
            let ((x, status), (_, expected)) =
                (on(Device::GPU, &a, &scaled), on(Device::CPU, &a, &scaled));
            assert_eq!(status, expected, "{what}");
            assert!(status.is_ok() || x.is_all_nan(), "{what}");
            if status.is_ok() && matches!(edge.name, "huge" | "tiny" | "graded" | "unreal") {
                let base = edge.base.map(|i, j, x| if i == j { T::from_re(x.re()) } else { x });
                let x = x.map(|i, _, x| Scalar::ldexp(x, Edge::<T>::power(edge.columns, i)));
                let ratio = testkit::residual_of_solve(&base, &b, &x);
                assert!(ratio <= HARD, "{what}: {ratio}");
            }
            let unread = a.map(|i, j, x| if i >= j { x } else { T::nan() });
            let (y, again) = on(Device::GPU, &unread, &scaled);
            assert_eq!(again, status, "{what}, NaN in the other triangle");
            assert_same_bits(&x.data, &y.data, &what);
        }
        // What is not finite stays in its column; each is near one by itself.
        let good = &definite_edges::<T>(n)[0].base;
        let apart = b.map(|_, j, x| {
            let power = if j.is_multiple_of(2) { T::Real::MIN_EXP } else { -T::Real::MIN_EXP };
            Scalar::ldexp(x, power / 2)
        });
        let spoiled = apart.map(|i, j, x| if (i, j) == (n / 2, k - 1) { T::nan() } else { x });
        let ((x, status), (y, again)) =
            (on(Device::GPU, good, &apart), on(Device::GPU, good, &spoiled));
        assert!(status.is_ok() && again.is_ok(), "{} {n}: {status:?}, {again:?}", T::NAME);
        for (at, (x, y)) in x.data.iter().zip(&y.data).enumerate() {
            assert!(if at % k == k - 1 { y.is_nan() } else { x == y }, "{x} {y} at {at} of {n}");
        }
        let ratio = testkit::residual_of_solve(good, &apart, &x);
        assert!(ratio <= TIGHT, "{} {n}, {k} right-hand sides: {ratio}", T::NAME);
    }
}

/// Of diagonals: each entry is the CPU's quotient at any scale; nothing else is read.
fn diagonal_systems<T: Scalar>() {
    let _alone = alone();
    if !is_there() || !computes::<T>() {
        return;
    }
    let on = |device, a: &Mat<T>, b: &Mat<T>| solved(device, a, b, Assume::Diagonal);
    let infinity = T::from_re(T::Real::INFINITY);
    let far = -T::Real::MIN_EXP;
    for (n, k) in [(1, 1), (2, 3), (33, 70), (300, 1)] {
        let rng = &mut Rng::new((n + k) as u64);
        let mut entry = |power: i32| {
            let x: T = testkit::parts(rng.uniform() - 0.5, rng.uniform() - 0.5);
            Scalar::ldexp(x, power)
        };
        let d = Mat::from_fn(n, n, |i, j| match i == j {
            true => entry((i as i32 % 5 - 2) * (far / 2)),
            false => T::nan(),
        });
        let b = Mat::from_fn(n, k, |i, j| entry((j as i32 % 3 - 1) * (far / (1 + i as i32 % 4))));
        let with = |at: usize, x: T| d.map(|i, j, y| if (i, j) == (at, at) { x } else { y });
        for at in [0, n / 2, n - 1] {
            let both =
                with(at, T::nan()).map(|i, j, x| if i == j && i < at { T::default() } else { x });
            for (name, a) in [
                ("far apart", d.clone()),
                ("a zero", with(at, T::default())),
                ("an infinity", with(at, infinity)),
                ("a NaN", with(at, T::nan())),
                ("a NaN behind zeros", both),
            ] {
                let what = format!("{name} at {at}, {} {n}, {k} right-hand sides", T::NAME);
                let ((x, status), (y, expected)) =
                    (on(Device::GPU, &a, &b), on(Device::CPU, &a, &b));
                assert_eq!(status, expected, "{what}");
                assert_alike(&x, &y, &what);
                let least = 2f64.powi(T::Real::MIN_EXP) * T::Real::EPSILON.to_f64();
                for (x, y) in x.data.iter().zip(&y.data).filter(|(_, y)| Scalar::is_finite(**y)) {
                    let off = size(*x - *y);
                    let bar = 4.0 * T::Real::EPSILON.to_f64() * size(*y) + least;
                    assert!(off <= bar, "{what}: {x:?} for {y:?}");
                }
            }
        }
        // Right-hand sides that are not finite; of complex ones nothing but that is promised.
        let spoiled = b.map(|i, j, x| match (i % 3, j) {
            (1, 0) => T::nan(),
            (2, 0) => T::default() - infinity,
            _ => x,
        });
        let ((x, status), (y, _)) = (on(Device::GPU, &d, &spoiled), on(Device::CPU, &d, &spoiled));
        assert!(status.is_ok(), "{status:?}");
        if T::COMPLEX {
            for (x, y) in x.data.iter().zip(&y.data) {
                assert_eq!(Scalar::is_finite(*x), Scalar::is_finite(*y), "{x:?} for {y:?}");
            }
        } else {
            assert_alike(&x, &y, "not finite");
        }
    }
    // More than a dispatch has groups in a row.
    let count = 70_001;
    let a: Vec<T> = (0..count * 4).map(|i| T::from_re(T::Real::from_f64((i % 7) as f64))).collect();
    let b = vec![T::from_re(T::Real::ONE); count * 2];
    let run = |device: Device| {
        let (mut x, mut status) = (b.clone(), vec![Status::default(); count]);
        let options = Options { stream: Some(device.into()), ..assuming(Assume::Diagonal) };
        let (from, rhs) =
            (Stack::new(&a, &[count, 2, 2]).unwrap(), Stack::new(&b, &[count, 2, 1]).unwrap());
        let to = StackMut::new(&mut x, &[count, 2, 1]).unwrap();
        let summary = solve_into(from, rhs, to, &mut status, &options).unwrap();
        (x, status, summary.failed)
    };
    let ((x, status, failed), (y, expected, of)) = (run(Device::GPU), run(Device::CPU));
    assert_eq!((status, failed), (expected, of), "{}", T::NAME);
    for (x, y) in x.iter().zip(&y) {
        let near = size(*x - *y) <= 2.0 * T::Real::EPSILON.to_f64() * size(*y);
        assert!(near || x.is_nan() && y.is_nan(), "{x:?} for {y:?}");
    }
}

mod stamped {
    super::for_all_scalars!(systems, definite_systems, diagonal_systems);
}
