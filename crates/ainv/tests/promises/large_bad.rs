//! Large matrices that have no inverse, or one far out of range: by panels the codes and pivots are those of small ones.

use super::common::*;
use super::large::{SCRATCH_IN_PLACE, gram, random, right_of};
use super::large_same::{CALLS, run_in_place};
use ainv::*;
use testkit::*;

/// The status of a matrix, the same in place, and a result that is all NaN exactly where there is
/// none.
fn status_of<T: Scalar>(call: Call, a: &Mat<T>) -> (Status, Mat<T>) {
    let n = a.rows;
    let (x, status) = call.run(1, n, &a.data);
    let (y, again) = run_in_place(call, n, &a.data);
    assert_eq!(status, again, "{call:?}, n = {n}: in place");
    for x in [&x, &y] {
        let x = Mat::new(n, n, x.clone());
        assert_eq!(status[0].is_ok(), x.is_finite(), "{call:?}, n = {n}: {status:?}");
        assert_eq!(!status[0].is_ok(), x.is_all_nan(), "{call:?}, n = {n}: {status:?}");
    }
    assert_same_bits(&x, &y, format!("{call:?}, n = {n}: in place"));
    (status[0], Mat::new(n, n, x))
}

fn singular_at(at: usize) -> Status {
    Status { code: Code::Singular, at: at as u32 }
}

/// Orders on both sides of the switch.
const BAD: [usize; 2] = [520, SCRATCH_IN_PLACE + 6];
const INVERSES: [Call; 2] = [Call::Inv(Assume::Auto), Call::Inv(Assume::General)];

#[test]
fn zero_rows_and_columns() {
    for n in BAD {
        let a = random::<f64>(n, n, 1);
        for call in INVERSES {
            for k in [0, 130, n - 1] {
                let column = a.map(|_, j, x| if j == k { 0.0 } else { x });
                assert_eq!(status_of(call, &column).0, singular_at(k + 1), "column {k} of {n}");
                let row = a.map(|i, _, x| if i == k { 0.0 } else { x });
                assert_eq!(status_of(call, &row).0, singular_at(n), "row {k} of {n}");
            }
        }
    }
}

/// Whole numbers that are eliminated without rounding, the pivot `q` zero: L U with a row of zeros in
/// U; and two equal rows of a matrix that is nearly the identity.
#[test]
fn pivots_that_are_zero() {
    for n in BAD {
        let rng = &mut Rng::new(n as u64);
        let mut few = |inside: bool| match rng.below(20) {
            0 if inside => 1.0,
            1 if inside => -1.0,
            _ => 0.0,
        };
        let l = Mat::from_fn(n, n, |i, j| if i == j { 1.0 } else { few(i > j) });
        let u = Mat::from_fn(n, n, |i, j| if i == j { 1.0 } else { few(i < j) });
        for q in [5, 200, n - 1] {
            let u = u.map(|i, _, x| if i == q { 0.0 } else { x });
            let a = mat(matmul(l.view(), u.view(), &Options::default()).unwrap());
            let one = |i: usize, j: usize| i == j || (i.max(j) == q && i.min(j) == 3);
            let equal = Mat::<f64>::real(n, n, |i, j| one(i, j) as u8 as f64);
            for call in INVERSES {
                assert_eq!(status_of(call, &a).0, singular_at(q + 1), "pivot {q} of {n}");
                let rows = status_of(call, &equal).0;
                assert_eq!(rows, singular_at(q + 1), "rows 3 and {q} of {n}");
            }
        }
    }
}

#[test]
fn not_finite() {
    for n in BAD {
        for call in CALLS {
            let a = call.example::<f64>(n, 1);
            let (i, j) = match call {
                Call::Cholesky(Uplo::Upper) | Call::CholeskyInv(Uplo::Upper) => (7, n - 9),
                Call::TriInv(Uplo::Upper, _) => (7, n - 9),
                _ => (n - 9, 7),
            };
            for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
                let mut a = a.clone();
                a[(i, j)] = bad;
                let status = status_of(call, &a).0;
                assert_eq!(status.code, Code::NonFinite, "{call:?}, {n}, {bad}");
            }
        }
    }
}

#[test]
fn not_positive_definite() {
    for n in BAD {
        let calls =
            [Call::Inv(Assume::Posdef), Call::Cholesky(Uplo::Lower), Call::Cholesky(Uplo::Upper)];
        for k in [0, 130, n - 1] {
            let mut a = calls[0].example::<f64>(n, 1);
            a[(k, k)] = -1.0;
            let bad = Status { code: Code::NotPositiveDefinite, at: k as u32 + 1 };
            for call in calls {
                assert_eq!(status_of(call, &a).0, bad, "{call:?}, pivot {k} of {n}");
            }
        }
    }
}

#[test]
fn zeros_on_the_diagonal_of_a_triangle() {
    for n in BAD {
        let calls = [
            Call::TriInv(Uplo::Lower, Diag::NonUnit),
            Call::TriInv(Uplo::Upper, Diag::NonUnit),
            Call::CholeskyInv(Uplo::Lower),
            Call::CholeskyInv(Uplo::Upper),
        ];
        for call in calls {
            for k in [130, n - 1] {
                let mut a = call.example::<f64>(n, 1);
                a[(k, k)] = 0.0;
                assert_eq!(status_of(call, &a).0, singular_at(k + 1), "{call:?}, {k} of {n}");
            }
        }
        // Triangles that "auto" finds.
        for lower in [true, false] {
            let mut a = calls[0].example::<f64>(n, 1);
            a = a.map(|i, j, x| if (i > j) == lower || i == j { x } else { 0.0 });
            let x = status_of(INVERSES[0], &a).1;
            assert!(right_of(&a, &x) <= TIGHT, "lower: {lower}");
            a[(130, 130)] = 0.0;
            assert_eq!(status_of(INVERSES[0], &a).0.code, Code::Singular, "lower: {lower}");
        }
    }
}

/// A power of two changes no bit but the exponents, in whichever range.
#[test]
fn far_out_of_range() {
    for n in BAD {
        for call in CALLS {
            if matches!(call, Call::TriInv(_, Diag::Unit)) {
                continue;
            }
            let a = call.example::<f64>(n, 1);
            let x = status_of(call, &a).1;
            for k in [600, -600] {
                let by = match call {
                    Call::Cholesky(_) => k / 2,
                    _ => -k,
                };
                // L^-H L^-1 has twice the factor's exponents: a range that it can be written in.
                let k = if matches!(call, Call::CholeskyInv(_)) { k / 2 } else { k };
                let (status, y) = status_of(call, &a.ldexp(k));
                assert!(status.is_ok(), "{call:?}, {n}, 2^{k}: {status:?}");
                assert_same_bits(&x.ldexp(by).data, &y.data, format!("{call:?}, {n}, 2^{k}"));
            }
        }
    }
}

/// A Hermitian matrix with a positive diagonal that is not definite: the Cholesky attempt fails part
/// of the way, and what follows has the matrix as it was. A complex symmetric one is not Hermitian.
fn hopeless_attempts<T: Scalar>() {
    for n in BAD {
        for (k, size) in [(1, 100.0), (n / 2, 100.0), (n - 1, 100.0)] {
            let mut a = gram::<T>(n, 3);
            let x: T = parts(size * n as f64, n as f64);
            (a[(k, k - 1)], a[(k - 1, k)]) = (x, Scalar::conj(x));
            let (status, x) = status_of(Call::Inv(Assume::Auto), &a);
            assert!(status.is_ok(), "{status:?}");
            assert!(right_of(&a, &x) <= TIGHT, "n = {n}, {k}");
            let y = status_of(Call::Inv(Assume::General), &a).1;
            assert_same_bits(&x.data, &y.data, format!("n = {n}: the attempt at {k}"));
        }
        // With a real first row, which is looked at first, and without.
        for border in [0, 1].into_iter().filter(|_| T::COMPLEX) {
            let a = gram::<T>(n, 3);
            let a = a.map(|i, j, _| {
                let x = a[(i.max(j), i.min(j))];
                if i.min(j) < border { T::from_re(x.re()) } else { x }
            });
            let x = status_of(Call::Inv(Assume::Auto), &a).1;
            assert!(right_of(&a, &x) <= TIGHT, "n = {n}: complex symmetric");
            let y = status_of(Call::Inv(Assume::General), &a).1;
            assert_same_bits(&x.data, &y.data, format!("n = {n}: complex symmetric"));
        }
    }
}

#[test]
fn hopeless_attempts_real() {
    hopeless_attempts::<f64>();
}

#[test]
fn hopeless_attempts_complex() {
    hopeless_attempts::<c32>();
}
