//! NaN and infinity in what is read (RELIABILITY 2.4, CONTRACT 5, 8 and 13b): the whole matrix NaN
//! and said so, infinities where they have a meaning, and no hang.

use super::common::*;
use ainv::*;
use testkit::Mat;

const NON_FINITE: Status = Status { code: Code::NonFinite, at: 0 };

fn places(n: usize) -> Vec<(usize, usize)> {
    let all = (0..n).flat_map(|i| (0..n).map(move |j| (i, j)));
    if n <= 12 {
        all.collect()
    } else {
        all.filter(|(i, j)| (i * 7 + j * 3) % (n / 2) == 0).collect()
    }
}

fn one_bad_entry<T: Scalar>() {
    for call in Call::OWN {
        for n in (1..=12).chain([16, 17, 33, 64]) {
            let a = call.example::<T>(n, 3);
            for (i, j) in places(n).into_iter().filter(|&(i, j)| call.reads(i, j)) {
                for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
                    // Alone on a diagonal an infinity has a meaning: see below.
                    if bad.is_infinite() && (i == j) {
                        continue;
                    }
                    for (re, im) in [(bad, 0.0), (0.5, bad)] {
                        let mut b = a.clone();
                        b[(i, j)] = testkit::parts(re, im);
                        if Scalar::is_finite(b[(i, j)]) {
                            continue;
                        }
                        let (x, status) = call.run(1, n, &b.data);
                        assert_eq!(status[0], NON_FINITE, "{call:?}, n = {n}: {bad} at ({i}, {j})");
                        assert!(
                            Mat::new(n, n, x).is_all_nan(),
                            "{call:?}, n = {n}: {bad} at ({i}, {j})"
                        );
                    }
                }
            }
        }
    }
}

/// Before singular and not positive definite, and no error from `inv`.
fn decided_first<T: Scalar>() {
    for n in [2, 3, 4, 9, 17] {
        let mut a = Mat::<T>::zeros(n, n);
        a[(n - 1, 0)] = T::nan();
        for call in Call::OWN.into_iter().filter(|c| c.reads(n - 1, 0)) {
            assert_eq!(call.run(1, n, &a.data).1[0], NON_FINITE, "{call:?}, n = {n}");
        }
        let x = mat(inv(a.view(), &Options::default()).expect("NaN is no error"));
        assert!(x.is_all_nan());
        let (x, info) = inv_ex(a.view(), &Options::default()).unwrap();
        assert!(mat(x).is_all_nan() && info == [0]);
    }
}

/// diag(inf, 1, -inf, 2, ...): 1 / infinity is zero.
fn infinite_diagonals<T: Scalar>() {
    for n in [1, 2, 3, 4, 5, 16, 17, 40] {
        let inf = |i: usize| i.is_multiple_of(2);
        let entry = |i: usize| {
            if inf(i) {
                if i.is_multiple_of(4) { f64::INFINITY } else { f64::NEG_INFINITY }
            } else {
                i as f64
            }
        };
        let a = Mat::<T>::real(n, n, |i, j| if i == j { entry(i) } else { 0.0 });
        for call in [
            Call::Inv(Assume::Auto),
            Call::Inv(Assume::General),
            Call::Inv(Assume::Diagonal),
            Call::Inv(Assume::Lower),
            Call::TriInv(Uplo::Lower, Diag::NonUnit),
            Call::TriInv(Uplo::Upper, Diag::NonUnit),
            Call::CholeskyInv(Uplo::Lower),
        ] {
            let (x, status) = call.run(1, n, &a.data);
            assert!(status[0].is_ok(), "{call:?}, n = {n}: {status:?}");
            let square = matches!(call, Call::CholeskyInv(_));
            for at in 0..n * n {
                let (i, j) = (at / n, at % n);
                let y = if i != j || inf(i) { 0.0 } else { 1.0 / entry(i) };
                let y = if square { y * y } else { y };
                let error = (x[at].re().to_f64() - y).hypot(x[at].im().to_f64());
                assert!(
                    error <= 4.0 * testkit::unit_roundoff::<T>() * y,
                    "{call:?}, n = {n} ({i}, {j}): {:?}",
                    x[at]
                );
            }
        }
    }
    let all = |n: usize| Mat::<T>::real(n, n, |_, _| f64::INFINITY);
    for n in [2, 3, 5, 17] {
        assert_eq!(Call::Inv(Assume::Auto).run(1, n, &all(n).data).1[0], NON_FINITE);
    }
}

/// With the rest of a triangle finite: zero rows and columns at the infinity, the rest without it.
fn infinity_in_a_triangle<T: Scalar>() {
    for n in [2, 3, 5, 9, 17] {
        for k in 0..n {
            for call in [Call::TriInv(Uplo::Lower, Diag::NonUnit), Call::CholeskyInv(Uplo::Lower)] {
                let mut a = call.example::<T>(n, 3);
                a[(k, k)] = T::from_re(T::Real::INFINITY);
                let (x, status) = call.run(1, n, &a.data);
                assert!(status[0].is_ok(), "{call:?}, n = {n}, at {k}: {status:?}");
                let finite = x.iter().all(|x| Scalar::is_finite(*x));
                assert!(finite, "{call:?}, n = {n}, at {k}");
                for i in 0..n {
                    assert_eq!(
                        (x[i * n + k], x[k * n + i]),
                        (T::default(), T::default()),
                        "{call:?}, n = {n}, at {k}"
                    );
                }
            }
        }
    }
}

/// LU loops have hung on NaN; every order near a multiple of 8 and a large one come back.
fn all_nan_returns<T: Scalar>() {
    for n in (8..=72).step_by(8).flat_map(|n| [n - 1, n, n + 1]).chain([200]) {
        for bad in [T::nan(), T::from_re(T::Real::INFINITY)] {
            let a = vec![bad; n * n];
            for call in
                [Call::Inv(Assume::Auto), Call::Inv(Assume::Posdef), Call::Cholesky(Uplo::Lower)]
            {
                assert_eq!(call.run(1, n, &a).1[0], NON_FINITE, "{call:?}, n = {n}");
            }
        }
    }
}

#[test]
fn nan_costs_no_more_than_ten_times() {
    let n = 700;
    let a = Call::Inv(Assume::General).example::<f64>(n, 1);
    let time = |a: &Mat<f64>| {
        let start = std::time::Instant::now();
        Call::Inv(Assume::Auto).run(1, n, &a.data);
        start.elapsed()
    };
    let good = time(&a).max(time(&a));
    let mut b = a;
    b[(n / 2, n / 3)] = f64::NAN;
    let bad = time(&b);
    assert!(bad <= good * 10 + std::time::Duration::from_millis(500), "{bad:?} after {good:?}");
}

mod stamped {
    super::for_all_scalars!(
        one_bad_entry,
        decided_first,
        infinite_diagonals,
        infinity_in_a_triangle,
        all_nan_returns,
    );
}
