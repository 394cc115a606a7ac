//! Bad matrices: their codes, their pivots, and that they spoil nothing else (RELIABILITY 2.1-2.3,
//! 2.5).

use super::common::*;
use ainv::*;
use testkit::{Mat, Rng, assert_same_bits};

const ORDERS: [usize; 14] = [1, 2, 3, 4, 5, 8, 9, 15, 16, 17, 24, 33, 40, 65];

fn random<T: Scalar>(n: usize) -> Mat<T> {
    let rng = &mut Rng::new(n as u64 + 77);
    Mat::from_fn(n, n, |_, _| rng.scalar())
}

fn status_of<T: Scalar>(call: Call, a: &Mat<T>) -> Status {
    let (x, status) = call.run(1, a.rows, &a.data);
    assert_eq!(status[0].is_ok(), !x.iter().any(|x| x.is_nan()), "{call:?}: {status:?}: {x:?}");
    if !status[0].is_ok() {
        assert!(Mat::new(a.rows, a.cols, x).is_all_nan(), "{call:?}: {status:?}: not all NaN");
    }
    status[0]
}

fn singular_at(at: usize) -> Status {
    Status { code: Code::Singular, at: at as u32 }
}

fn zero_columns_and_rows<T: Scalar>() {
    for n in ORDERS {
        let a = random::<T>(n);
        let zero = |f: &dyn Fn(usize, usize) -> bool| {
            a.map(|i, j, x| if f(i, j) { T::default() } else { x })
        };
        for call in
            [Call::Inv(Assume::Auto), Call::Inv(Assume::General), Call::Solve(Assume::General)]
        {
            for k in 0..n {
                assert_eq!(
                    status_of(call, &zero(&|_, j| j == k)),
                    singular_at(k + 1),
                    "{call:?}, n = {n}: zero column {k}"
                );
                assert_eq!(
                    status_of(call, &zero(&|i, _| i == k)),
                    singular_at(n),
                    "{call:?}, n = {n}: zero row {k}"
                );
            }
            // dlatb4's type 7: zero from the middle on.
            assert_eq!(
                status_of(call, &zero(&|_, j| j >= n / 2)),
                singular_at(n / 2 + 1),
                "{call:?}, n = {n}"
            );
            assert_eq!(
                status_of(call, &zero(&|_, _| true)),
                singular_at(1),
                "{call:?}, n = {n}: zero"
            );
            let scaled = zero(&|_, j| j == n / 2).ldexp(-T::Real::BIG_EXP);
            assert_eq!(status_of(call, &scaled), singular_at(n / 2 + 1), "{call:?}, n = {n}: tiny");
        }
    }
}

fn zero_diagonals<T: Scalar>() {
    for n in ORDERS {
        for k in 0..n {
            for call in Call::OWN {
                let example = match call {
                    Call::TriInv(_, Diag::NonUnit) | Call::CholeskyInv(_) => true,
                    Call::Inv(a) => matches!(a, Assume::Lower | Assume::Upper | Assume::Diagonal),
                    _ => false,
                };
                if example {
                    let mut a = call.example::<T>(n, 5);
                    a[(k, k)] = T::default();
                    assert_eq!(status_of(call, &a), singular_at(k + 1), "{call:?}, n = {n}");
                    // Two of them: the first counts.
                    a[(n - 1, n - 1)] = T::default();
                    assert_eq!(status_of(call, &a), singular_at(k + 1), "{call:?}, n = {n}: two");
                }
            }
        }
    }
}

fn dependent_rows_are_never_trusted<T: Scalar>() {
    for n in [2, 3, 4, 5, 8, 16, 17, 33] {
        let a = random::<T>(n);
        for (name, a) in [
            ("rows", a.map(|i, j, x| if i == n - 1 { a[(0, j)] } else { x })),
            ("columns", a.map(|i, j, x| if j == n - 1 { a[(i, 0)] } else { x })),
            (
                "1, 2, 3, ...",
                Mat::real(n, n, |i, j| if n > 2 { (i * n + j + 1) as f64 } else { 1.0 }),
            ),
        ] {
            let s = status_of(Call::Inv(Assume::Auto), &a);
            let r = rcond(a.view(), Norm::One, &Options::default()).unwrap()[0].to_f64();
            let unsafe_ok = s.is_ok() && !(r < 2.0 * n as f64 * T::Real::EPSILON.to_f64());
            assert!(
                !unsafe_ok && (s.is_ok() || r == 0.0),
                "n = {n}, equal {name}: {s:?}, rcond {r}"
            );
        }
    }
}

fn not_positive_definite<T: Scalar>() {
    let calls = [
        Call::Inv(Assume::Posdef),
        Call::Cholesky(Uplo::Lower),
        Call::Cholesky(Uplo::Upper),
        Call::Solve(Assume::Posdef),
    ];
    for n in ORDERS {
        for k in 0..n {
            // L D L^H with one bad entry of D: every leading minor before it is positive.
            let rng = &mut Rng::new(n as u64);
            let l: Mat<T> = Mat::from_fn(n, n, |i, j| match i.cmp(&j) {
                std::cmp::Ordering::Greater => {
                    T::from_re(T::Real::from_f64((rng.below(3) as f64 - 1.0) / 2.0))
                }
                std::cmp::Ordering::Equal => T::from_re(T::Real::ONE),
                std::cmp::Ordering::Less => T::default(),
            });
            let a = |d: f64| {
                let ld = Mat::from_fn(n, n, |i, j| {
                    l[(i, j)].map(|x| x * T::Real::from_f64(if j == k { d } else { 1.0 }))
                });
                ld.times(&l.adjoint())
            };
            let diagonal = Mat::<T>::real(n, n, |i, j| ((i == j) && i != k) as u8 as f64);
            let mut imaginary = a(1.0);
            imaginary[(k, k)] = imaginary[(k, k)] + testkit::parts(0.0, 0.25);
            for call in calls {
                let bad = Status { code: Code::NotPositiveDefinite, at: k as u32 + 1 };
                assert_eq!(status_of(call, &a(-1.0)), bad, "{call:?}, n = {n}: negative pivot");
                assert_eq!(status_of(call, &diagonal), bad, "{call:?}, n = {n}: zero pivot");
                if T::COMPLEX {
                    assert_eq!(
                        status_of(call, &imaginary),
                        bad,
                        "{call:?}, n = {n}: diagonal not real"
                    );
                }
            }
            // "auto" falls back.
            assert!(status_of(Call::Inv(Assume::Auto), &a(-1.0)).is_ok(), "n = {n}");
        }
    }
}

/// One bad matrix at every place of a stack of more than three registers.
fn one_bad_matrix_spoils_nothing<T: Scalar>() {
    const COUNT: usize = 51;
    let posdef = [Call::Inv(Assume::Posdef), Call::Cholesky(Uplo::Lower)];
    let general = [
        Call::Inv(Assume::Auto),
        Call::Inv(Assume::Symmetric),
        Call::TriInv(Uplo::Lower, Diag::NonUnit),
        Call::TriInv(Uplo::Upper, Diag::NonUnit),
        Call::CholeskyInv(Uplo::Lower),
        Call::Solve(Assume::General),
    ];
    for n in [1, 2, 3, 4, 8, 16, 17] {
        for call in general.into_iter().chain(posdef) {
            let a = examples::<T>(call, COUNT, n, 1);
            let (clean, ok) = call.run(COUNT, n, &a);
            assert!(ok.iter().all(|s| s.is_ok()), "{call:?}, n = {n}");
            for place in 0..COUNT {
                let mut nan = a[place * n * n..(place + 1) * n * n].to_vec();
                let (mut zero, mut tiny) = (nan.clone(), nan.clone());
                nan[n * n - 1] = T::nan();
                zero.fill(T::default());
                tiny.iter_mut().for_each(|x| *x = x.ldexp(-T::Real::BIG_EXP - 4));
                let singular =
                    if posdef.contains(&call) { Code::NotPositiveDefinite } else { Code::Singular };
                for (bad, code) in [(nan, Code::NonFinite), (zero, singular), (tiny, Code::Ok)] {
                    let mut b = a.clone();
                    b[place * n * n..(place + 1) * n * n].copy_from_slice(&bad);
                    let (x, status) = call.run(COUNT, n, &b);
                    for i in 0..COUNT {
                        let what = format!("{call:?}, n = {n}, {code:?} at {place}, matrix {i}");
                        let part = i * n * n..(i + 1) * n * n;
                        if i != place {
                            assert_eq!(status[i], Status::default(), "{what}");
                            assert_same_bits(&x[part.clone()], &clean[part], what);
                        } else {
                            assert_eq!(status[i].code, code, "{what}");
                            assert_eq!(
                                code != Code::Ok,
                                x[part].iter().all(|x| x.is_nan()),
                                "{what}"
                            );
                        }
                    }
                }
            }
        }
    }
}

/// The plain forms name the first, by its place over all leading axes, and count them.
fn errors_name_the_first<T: Scalar>() {
    for n in [2, 3, 6, 17] {
        let mut a = examples::<T>(Call::Inv(Assume::General), 12, n, 1);
        for (place, column) in [(5, 1), (10, 0)] {
            for i in 0..n {
                a[place * n * n + i * n + column] = T::default();
            }
        }
        let stack = Stack::new(&a, &[3, 4, n, n]).unwrap();
        let expected = Error::Matrix { index: 5, status: singular_at(2), failed: 2 };
        assert_eq!(inv(stack, &Options::default()).unwrap_err(), expected);
        let text = expected.to_string();
        for part in ["Singular matrix", "(Batch element 5)", "The diagonal element 2 is zero"] {
            assert!(text.contains(part), "{text}");
        }
        let (x, info) = inv_ex(stack, &Options::default()).unwrap();
        let expected: Vec<i32> = (0..12)
            .map(|i| {
                if i == 5 {
                    2
                } else if i == 10 {
                    1
                } else {
                    0
                }
            })
            .collect();
        assert_eq!((x.shape(), info), (&[3, 4, n, n][..], expected));
        let nan =
            inv(stack, &Options { on_singular: OnSingular::Nan, ..Options::default() }).unwrap();
        assert_same_bits(x.as_slice(), nan.as_slice(), "inv_ex and nan");
        let filled =
            inv(stack, &Options { on_singular: OnSingular::Pinv, ..Options::default() }).unwrap();
        for i in 0..12 {
            let part = i * n * n..(i + 1) * n * n;
            let (m, x) = (
                Mat::new(n, n, a[part.clone()].to_vec()),
                Mat::new(n, n, filled.as_slice()[part].to_vec()),
            );
            let worst = testkit::penrose(&m, &x).into_iter().fold(0.0, f64::max);
            assert!(worst <= HARD, "matrix {i}: {worst}");
        }
    }
}

/// With 1,000 matrices and several threads the first is still the first.
#[test]
fn the_first_of_many() {
    let n = 8;
    let mut a = examples::<f64>(Call::Inv(Assume::General), 3000, n, 1);
    for place in [1777, 1778, 2999] {
        a[place * n * n..(place + 1) * n * n].fill(0.0);
    }
    let error = inv(Stack::new(&a, &[3000, n, n]).unwrap(), &Options::default()).unwrap_err();
    assert_eq!(error, Error::Matrix { index: 1777, status: singular_at(1), failed: 3 });
}

mod stamped {
    super::for_all_scalars!(
        zero_columns_and_rows,
        zero_diagonals,
        dependent_rows_are_never_trusted,
        not_positive_definite,
        one_bad_matrix_spoils_nothing,
        errors_name_the_first,
    );
}
