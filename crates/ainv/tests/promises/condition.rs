//! Condition numbers: `rcond`.

use super::common::*;
use ainv::*;
use testkit::{Mat, Worst, assert_same_bits, norm1, unit_roundoff};

const NORMS: [Norm; 2] = [Norm::One, Norm::Inf];

pub(crate) fn rcond_of<T: Scalar>(a: &Mat<T>, norm: Norm, assume: Assume) -> f64 {
    rcond(a.view(), norm, &assuming(assume)).unwrap()[0].to_f64()
}

/// 1 / (norm(A) norm(A^-1)) from an inverse in double precision.
fn truth<T: Scalar>(a: &Mat<T>, norm: Norm) -> f64 {
    let a = a.widen();
    let Ok(x) = inv(a.view(), &Options::default()).map(mat) else { return 0.0 };
    match norm {
        Norm::Inf => 1.0 / norm1(&a.adjoint()) / norm1(&x.adjoint()),
        _ => 1.0 / norm1(&a) / norm1(&x),
    }
}

/// The same from the exact inverse, by nothing of ainv's.
fn exact_truth<T: Scalar>(a: &Mat<T>, x: &[(testkit::Double, testkit::Double)], norm: Norm) -> f64 {
    let n = a.rows;
    let x = Mat::<f64>::from_fn(n, n, |i, j| x[i * n + j].0.0.hypot(x[i * n + j].1.0));
    match norm {
        Norm::Inf => 1.0 / norm1(&a.adjoint()) / norm1(&x.transposed()),
        _ => 1.0 / norm1(a) / norm1(&x),
    }
}

/// The estimate is at most ten times too good, and its ratio to the truth, less one, is under 30.
fn estimates<T: Scalar>() {
    let mut worst = Worst::new(format!("condition numbers, {}", T::NAME));
    let (orders, exact): (&[usize], &[usize]) = if T::COMPLEX {
        (&[33, 64, 65, 100], &[2, 3, 5, 8])
    } else {
        (&[25, 33, 48, 64, 65, 66, 100, 130, 257], &[2, 3, 4, 5, 8, 12, 13, 17, 24])
    };
    let (mut seen, mut skipped) = (0, 0);
    for &n in exact.iter().chain(orders) {
        let families = testkit::general::<T>(n, 1)
            .into_iter()
            .chain(testkit::traps(n, 2))
            .chain(testkit::positive_definite(n, 3))
            .chain(testkit::triangles(n, 4).into_iter().map(|(name, _, a)| (name, a)));
        for (family, a) in families {
            let inverse = (n <= 24).then(|| testkit::exact_inverse(&a));
            for norm in NORMS {
                let (by, s) = match &inverse {
                    None => ("own inverse in double precision", truth(&a, norm)),
                    Some(Some(x)) => ("exact inverse", exact_truth(&a, x, norm)),
                    Some(None) => ("exact inverse", 0.0),
                };
                let r = rcond_of(&a, norm, Assume::Auto);
                seen += 1;
                // Nearer to singular than that no inverse tells the truth: that it is near is seen.
                if s < unit_roundoff::<T>() / 4.0 {
                    skipped += 1;
                    worst.check("nearly singular", &family, r, 100.0 * unit_roundoff::<T>());
                    continue;
                }
                let case = format!("{norm:?}, n = {n}: {r:.2e} of {s:.2e}");
                let row = format!("{by}: {family}");
                worst.check(&row, &case, f64::max(r / s, s / r) - 1.0, 30.0);
                worst.check(&row, &case, r / s, 10.0);
            }
        }
    }
    testkit::say(format!("{} {skipped} of {seen} were nearer to singular than u / 4", T::NAME));
    assert!(skipped * 8 < seen, "{skipped} of {seen} were skipped");
    worst.finish();
}

/// Matrices on which an estimate from one vector fails, and on which few vectors do.
#[test]
fn estimates_of_matrices_that_mislead() {
    let n = 100;
    let mut worst = Worst::new("condition numbers of matrices that mislead");
    let inverses: Vec<(&str, Mat<f64>)> = vec![
        // Its columns sum to zero, so that the first vector, of ones, sees nothing of it.
        (
            "rank one",
            Mat::real(n, n, |i, j| {
                let sign = |k: usize| if k.is_multiple_of(2) { 1.0 } else { -1.0 };
                (i == j) as u8 as f64 + 1e6 * sign(j) / (1.0 + i as f64)
            }),
        ),
        (
            "one large entry",
            Mat::real(n, n, |i, j| {
                (i == j) as u8 as f64 + if (i, j) == (17, 83) { 1e8 } else { 0.0 }
            }),
        ),
        (
            "two equal columns",
            Mat::real(n, n, |i, j| {
                (i == j) as u8 as f64 + if i < 50 && (j == 98 || j == 99) { 1e4 } else { 0.0 }
            }),
        ),
        (
            "rows of plus and minus",
            Mat::real(n, n, |i, j| {
                2.0 * (i == j) as u8 as f64 + if (i * j).count_ones() % 2 == 0 { 1.0 } else { -1.0 }
            }),
        ),
    ];
    for (name, x) in inverses {
        let a = mat(inv(x.view(), &Options::default()).unwrap());
        for norm in NORMS {
            let (r, s) = (rcond_of(&a, norm, Assume::General), truth(&a, norm));
            worst.check(name, format!("{norm:?}"), f64::max(r / s, s / r), 10.0);
        }
    }
    worst.finish();
}

/// What is not read does not count, and what is filled in does.
fn structures<T: Scalar>() {
    for n in [65, 96, 128] {
        let full = Call::Inv(Assume::Posdef).example::<T>(n, 7);
        let nan = T::nan();
        let lower =
            |mirror: fn(T) -> T| full.map(|i, j, x| if i >= j { x } else { mirror(full[(j, i)]) });
        let only = |keep: fn(usize, usize) -> bool, other: T| {
            full.map(|i, j, x| if keep(i, j) { x } else { other })
        };
        let zero = T::default();
        let cases = [
            (Assume::Lower, only(|i, j| i >= j, nan), only(|i, j| i >= j, zero)),
            (Assume::Upper, only(|i, j| i <= j, nan), only(|i, j| i <= j, zero)),
            (Assume::Diagonal, only(|i, j| i == j, nan), only(|i, j| i == j, zero)),
            (Assume::Symmetric, only(|i, j| i >= j, nan), lower(|x| x)),
            (Assume::Hermitian, only(|i, j| i >= j, nan), lower(Scalar::conj)),
            (Assume::Posdef, only(|i, j| i >= j, nan), lower(Scalar::conj)),
        ];
        for (assume, given, meant) in cases {
            for norm in NORMS {
                let (r, s) = (rcond_of(&given, norm, assume), truth(&meant, norm));
                assert!((0.9..3.0).contains(&(r / s)), "{assume:?}, n = {n}: {r} is not {s}");
                let auto = rcond_of(&meant, norm, Assume::Auto);
                assert!((0.9..3.0).contains(&(auto / s)), "{assume:?}, n = {n}: {auto} is not {s}");
            }
        }
        // Hermitian and not positive definite: LU comes after Cholesky's attempt, on the same matrix.
        let mut indefinite = lower(Scalar::conj);
        for i in 0..n {
            indefinite[(i, i)] = T::from_re(indefinite[(i, i)].re());
        }
        indefinite[(n - 1, n - 1)] = T::from_re(T::Real::from_f64(1e-3));
        let general = rcond_of(&indefinite, Norm::One, Assume::General);
        assert_eq!(rcond_of(&indefinite, Norm::One, Assume::Auto), general, "n = {n}");
    }
}

/// Bits do not depend on threads, nor on a power of two.
fn bits<T: Scalar>() {
    for n in [65, 200, 300] {
        let a = Call::Inv(Assume::General).example::<T>(n, 3);
        let run = |a: &Mat<T>| rcond(a.view(), Norm::One, &Options::default()).unwrap();
        let expected = run(&a);
        for threads in [1, 2, 3] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            assert_same_bits(&pool.install(|| run(&a)), &expected, format!("{threads} threads"));
        }
        let far = T::Real::BIG_EXP - 20;
        for power in [-far, -3, 1, far] {
            assert_same_bits(&run(&a.ldexp(power)), &expected, format!("2^{power}"));
        }
    }
}

fn edges<T: Scalar>() {
    for n in [1, 2, 33, 64, 65, 130] {
        let good = Call::Inv(Assume::Posdef).example::<T>(n, 3);
        for norm in NORMS {
            let of = |a: &Mat<T>| rcond_of(a, norm, Assume::Auto);
            for at in [0, n / 2, n - 1] {
                assert_eq!(of(&good.map(|_, j, x| if j == at { T::default() } else { x })), 0.0);
                assert_eq!(of(&good.map(|i, _, x| if i == at { T::default() } else { x })), 0.0);
                for bad in [T::nan(), T::from_re(T::Real::INFINITY)] {
                    let mut a = good.clone();
                    a[(at, n - 1 - at)] = bad;
                    assert!(of(&a).is_nan(), "n = {n}, {bad} at {at}");
                }
            }
            assert_eq!(of(&Mat::zeros(n, n)), 0.0);
            assert_eq!(of(&Mat::identity(n)), 1.0);
            for assume in [Assume::Lower, Assume::Upper, Assume::Diagonal] {
                assert_eq!(rcond_of(&Mat::<T>::identity(n), norm, assume), 1.0);
                assert_eq!(rcond_of(&Mat::<T>::zeros(n, n), norm, assume), 0.0);
            }
        }
    }
}

#[test]
fn on_the_portable_set_too() {
    on_the_portable_set("condition::stamped::", 16);
}

mod stamped {
    super::for_all_scalars!(estimates, structures, bits, edges);
}
