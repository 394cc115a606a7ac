//! Bad matrices: their codes, their pivots, and that they spoil nothing else.

use super::bits::THREADS;
use super::common::*;
use super::planted::{NON_FINITE, OK, Planted, check, not_definite_at, singular_at};
use ainv::*;
use testkit::{Mat, Rng, assert_same_bits};

fn orders() -> impl Iterator<Item = usize> {
    (1..=17).chain([20, 24, 25, 32, 33, 40, 65, 66, 130]).filter(in_turn)
}

/// Where something bad is planted: everywhere up to order 40.
fn places(n: usize) -> impl Iterator<Item = usize> {
    (0..n).filter(move |k| n <= 40 || k % 31 == 0 || k + 1 == n || *k == n / 2)
}

fn random<T: Scalar>(n: usize) -> Mat<T> {
    let rng = &mut Rng::new(n as u64 + 77);
    Mat::from_fn(n, n, |_, _| rng.scalar())
}

fn zero_columns_and_rows<T: Scalar>() {
    for n in orders() {
        let a = random::<T>(n);
        let zero = |f: &dyn Fn(usize, usize) -> bool| {
            a.map(|i, j, x| if f(i, j) { T::default() } else { x })
        };
        for call in
            [Call::Inv(Assume::Auto), Call::Inv(Assume::General), Call::Solve(Assume::General)]
        {
            let column = |k: usize| zero(&|_, j| j == k);
            let mut planted = vec![
                // dlatb4's type 7: zero from the middle on.
                Planted::new("half", zero(&|_, j| j >= n / 2), singular_at(n / 2 + 1)),
                Planted::new("zero", zero(&|_, _| true), singular_at(1)),
                Planted::new(
                    "tiny",
                    column(n / 2).ldexp(-T::Real::BIG_EXP),
                    singular_at(n / 2 + 1),
                ),
            ];
            for k in places(n) {
                let row = zero(&|i, _| i == k);
                planted.push(Planted::new(format!("column {k}"), column(k), singular_at(k + 1)));
                planted.push(Planted::new(format!("row {k}"), row, singular_at(n)));
            }
            check(call, n, &planted);
        }
    }
}

/// Lines of ordinary sizes, but pivots so small that the inverse has no room for some of its rows; the others are finite.
fn inverses_that_overflow<T: Scalar>() {
    let small = Scalar::ldexp(T::from_re(T::Real::ONE), T::Real::MIN_EXP * 3 / 5);
    for n in orders().filter(|n| *n >= 3) {
        let planted: Vec<_> = places(n - 2)
            .map(|k| {
                let mut a = Mat::<T>::identity(n);
                a[(k, k + 1)] = a[(k, k)];
                a[(k + 1, k)] = a[(k, k)];
                (a[(k + 1, k + 2)], a[(k + 2, k + 1)]) = (small, small);
                Planted::new(format!("from row {k} on"), a, singular_at(n))
            })
            .collect();
        for assume in [Assume::Auto, Assume::General] {
            check(Call::Inv(assume), n, &planted);
        }
    }
}

fn zero_diagonals<T: Scalar>() {
    for n in orders() {
        for call in Call::OWN {
            let divides = match call {
                Call::TriInv(_, Diag::NonUnit) | Call::CholeskyInv(_) => true,
                Call::Inv(a) => matches!(a, Assume::Lower | Assume::Upper | Assume::Diagonal),
                _ => false,
            };
            let mut planted = vec![];
            for k in places(n).filter(|_| divides) {
                let mut a = call.example::<T>(n, 5);
                a[(k, k)] = T::default();
                planted.push(Planted::new(format!("zero at {k}"), a.clone(), singular_at(k + 1)));
                // Two of them: the first counts.
                a[(n - 1, n - 1)] = T::default();
                planted.push(Planted::new(format!("at {k} and last"), a, singular_at(k + 1)));
            }
            check(call, n, &planted);
        }
    }
}

/// Singular, or ill-conditioned by the limit that is no one's choice: never fine.
fn dependent_rows_are_never_trusted<T: Scalar>() {
    let unit = T::Real::EPSILON.to_f64() / 2.0;
    let asked = Options { ill_conditioned: IllConditioned::Warn(None), ..Options::default() };
    for n in [2, 3, 4, 5, 8, 13, 16, 17, 24, 33, 66, 130].into_iter().filter(in_turn) {
        for seed in 0..if n < 20 { 20 } else { 3 } {
            let rng = &mut Rng::new(seed * 1000 + n as u64);
            let a: Mat<T> = Mat::from_fn(n, n, |_, _| rng.scalar());
            for (name, a) in [
                ("rows", a.map(|i, j, x| if i == n - 1 { a[(0, j)] } else { x })),
                ("columns", a.map(|i, j, x| if j == n - 1 { a[(i, 0)] } else { x })),
                (
                    "1, 2, 3, ...",
                    Mat::real(n, n, |i, j| if n > 2 { (i * n + j + 1) as f64 } else { 1.0 }),
                ),
            ] {
                let what = format!("n = {n}, equal {name}, seed {seed}");
                let (mut x, mut status) = (vec![T::default(); n * n], [OK]);
                let to = StackMut::new(&mut x, &[n, n]).unwrap();
                inv_into(a.view(), to, &mut status, &asked).unwrap();
                let code = status[0].code;
                assert!(matches!(code, Code::Singular | Code::IllConditioned), "{what}: {code}");
                let (_, plain) = Call::Inv(Assume::Auto).run(1, n, &a.data);
                let r = rcond(a.view(), Norm::One, &Options::default()).unwrap()[0].to_f64();
                let zero = plain[0].code == Code::Singular && r == 0.0;
                assert!(zero || plain[0].is_ok() && r < n as f64 * unit, "{what}: {plain:?}, {r}");
            }
        }
    }
}

const DEFINITE: [Call; 4] = [
    Call::Inv(Assume::Posdef),
    Call::Cholesky(Uplo::Lower),
    Call::Cholesky(Uplo::Upper),
    Call::Solve(Assume::Posdef),
];

fn not_positive_definite<T: Scalar>() {
    for n in orders() {
        let mut planted = vec![];
        for k in places(n) {
            // L D L^H with one bad entry of D: every leading minor before it is positive.
            let rng = &mut Rng::new(n as u64);
            let l: Mat<T> = Mat::from_fn(n, n, |i, j| match i.cmp(&j) {
                std::cmp::Ordering::Greater => {
                    // Few of them: all sums are exact.
                    let near = (n < 40 || i - j < 9) as u8 as f64;
                    T::from_re(T::Real::from_f64(near * (rng.below(3) as f64 - 1.0) / 2.0))
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
            let bad = not_definite_at(k + 1);
            planted.push(Planted::new(format!("negative pivot {k}"), a(-1.0), bad));
            planted.push(Planted::new(format!("zero pivot {k}"), a(0.0), bad));
            planted.push(Planted::new(format!("zero on the diagonal, {k}"), diagonal, bad));
            if T::COMPLEX {
                let mut a = a(1.0);
                a[(k, k)] = a[(k, k)] + testkit::parts(0.0, 0.25);
                planted.push(Planted::new(format!("not real at {k}"), a, bad));
            }
            // "auto" falls back.
            if n <= 40 {
                let (_, status) = Call::Inv(Assume::Auto).run(1, n, &a(-1.0).data);
                assert!(status[0].is_ok(), "n = {n}, pivot {k}");
            }
        }
        DEFINITE.into_iter().for_each(|call| check(call, n, &planted));
    }
}

/// An imaginary part on the diagonal that is rounding, as products Z Z^H with fused multiply-adds have it,
/// is dropped, and a larger one refused: by the same line in the precision of the matrix and in double.
fn diagonals_that_are_nearly_real<T: Scalar>() {
    if !T::COMPLEX {
        return;
    }
    for n in [1, 2, 3, 5, 8, 16, 17, 24, 33, 66, 130] {
        let rounding = n as f64 * T::Real::EPSILON.to_f64();
        let a = Call::Cholesky(Uplo::Lower).example::<T>(n, 1);
        for k in [0, n / 2, n - 1] {
            for (by, bad) in [(0.5, false), (3.0, true), (1e4, true)] {
                let mut b = a.clone();
                let im = by * rounding * a[(k, k)].re().to_f64();
                b[(k, k)] = testkit::parts(a[(k, k)].re().to_f64(), im);
                for precision in [Precision::Native, Precision::Double] {
                    let options = Options { precision, ..Options::default() };
                    let posdef = Options { assume: Assume::Posdef, ..options.clone() };
                    let (mut x, mut s) = (vec![T::default(); 3 * n * n], [OK; 3]);
                    let (p, q) = x.split_at_mut(n * n);
                    let (q, r) = q.split_at_mut(n * n);
                    let to = |x| StackMut::new(x, &[n, n]).unwrap();
                    inv_into(b.view(), to(p), &mut s[..1], &posdef).unwrap();
                    cholesky_into(b.view(), Uplo::Lower, to(q), &mut s[1..2], &options).unwrap();
                    solve_into(b.view(), a.view(), to(r), &mut s[2..], &posdef).unwrap();
                    let expected = if bad { not_definite_at(k + 1) } else { OK };
                    assert_eq!(s, [expected; 3], "n = {n}, {by} at {k}, {precision:?}");
                }
            }
        }
    }
}

/// Every kind of bad matrix that a call knows, for the tests of stacks.
fn kinds<T: Scalar>(call: Call, n: usize) -> Vec<Planted<T>> {
    use Assume::*;
    let (a, k) = (call.example::<T>(n, 5), n / 2);
    let with = |i: usize, j: usize, x: T| {
        let mut a = a.clone();
        a[(i, j)] = x;
        a
    };
    let (zero, infinity) = (T::default(), T::from_re(T::Real::INFINITY));
    let unit = matches!(call, Call::TriInv(_, Diag::Unit));
    let nowhere = match call {
        Call::Pinv => OK,
        _ if unit => OK,
        _ if DEFINITE.contains(&call) => not_definite_at(1),
        _ => singular_at(1),
    };
    let mut all = vec![
        Planted::new("tiny", a.ldexp(-T::Real::BIG_EXP - 4), OK),
        Planted::new("zero", a.map(|_, _, _| zero), nowhere),
    ];
    for (i, j) in [(0, 0), (n - 1, n - 1), (n - 1, 0), (0, n - 1)] {
        if call.reads(i, j) {
            all.push(Planted::new(format!("NaN at ({i}, {j})"), with(i, j, T::nan()), NON_FINITE));
            if i != j {
                let a = with(i, j, infinity);
                all.push(Planted::new(format!("infinity at ({i}, {j})"), a, NON_FINITE));
            }
        }
    }
    if matches!(call, Call::Inv(Auto | General) | Call::Solve(General)) {
        let column = a.map(|_, j, x| if j == k { zero } else { x });
        let row = a.map(|i, _, x| if i == k { zero } else { x });
        all.push(Planted::new("zero column", column, singular_at(k + 1)));
        all.push(Planted::new("zero row", row, singular_at(n)));
        let equal = a.map(|i, j, x| if i == n - 1 { a[(0, j)] } else { x });
        if n > 1 {
            all.push(Planted { what: "equal rows".into(), a: equal, status: None });
        }
        // Of order 1 it is one over infinity, and infinity over infinity.
        if n > 1 {
            all.push(Planted::new("infinite diagonal", with(k, k, infinity), NON_FINITE));
        }
    }
    let divides = matches!(call, Call::TriInv(_, Diag::NonUnit) | Call::CholeskyInv(_))
        || matches!(call, Call::Inv(Lower | Diagonal));
    if divides {
        all.push(Planted::new("zero pivot", with(k, k, zero), singular_at(k + 1)));
        all.push(Planted::new("infinite pivot", with(k, k, infinity), OK));
    }
    if DEFINITE.contains(&call) {
        let negative = with(k, k, T::default() - a[(k, k)]);
        all.push(Planted::new("negative pivot", negative, not_definite_at(k + 1)));
        if T::COMPLEX {
            let unreal = with(k, k, testkit::parts(2.0 * n as f64 + 3.0, 1.0));
            all.push(Planted::new("diagonal not real", unreal, not_definite_at(k + 1)));
        }
    }
    all
}

fn every_kind_alone_and_in_a_stack<T: Scalar>() {
    for n in orders() {
        for call in Call::all() {
            check(call, n, &kinds::<T>(call, n));
        }
    }
}

/// With several threads: the same bits, statuses and summary as with one.
fn every_kind_with_threads<T: Scalar>() {
    let _guard = THREADS.lock().unwrap_or_else(|e| e.into_inner());
    for (count, n) in [(3000, 4), (2000, 8), (300, 24), (60, 40), (20, 66), (9, 130), (5, 200)] {
        for call in Call::all() {
            let (good, bad) = (call.example::<T>(n, 99), kinds::<T>(call, n));
            let matrix = |i: usize| match i % 3 {
                1 => &bad[i / 3 % bad.len()].a,
                _ => &good,
            };
            let a: Vec<T> = (0..count).flat_map(|i| matrix(i).data.iter().copied()).collect();
            let run = |threads: usize| {
                set_num_threads(threads).unwrap();
                let (mut x, mut status) = (vec![T::default(); a.len()], vec![OK; count]);
                let to = StackMut::new(&mut x, &[count, n, n]).unwrap();
                let from = Stack::new(&a, &[count, n, n]).unwrap();
                let summary = call.into(from, to, &mut status).unwrap();
                (x, status, summary)
            };
            let (x, status, summary) = run(1);
            for (i, status) in status.iter().enumerate().filter(|(i, _)| i % 3 == 1) {
                let Planted { what, status: expected, .. } = &bad[i / 3 % bad.len()];
                assert_eq!(*status, expected.unwrap_or(*status), "{call:?}, n = {n}: {what}");
            }
            for threads in [2, 3, 5] {
                let (y, s, other) = run(threads);
                let what = format!("{call:?}, {count} of {n}, {threads} threads");
                assert_same_bits(&x, &y, &what);
                assert!(status == s && summary == other, "{what}: {summary:?} {other:?}");
            }
        }
    }
    set_num_threads(2).unwrap();
}

/// Conditions of a stack with bad matrices are those of each alone.
fn conditions_of_bad_matrices<T: Scalar>() {
    let call = Call::Inv(Assume::General);
    for n in orders() {
        let (good, bad) = (call.example::<T>(n, 99), kinds::<T>(call, n));
        let count = 2 * bad.len() + 1;
        let matrix = |k: usize| if k % 2 == 1 { &bad[k / 2].a } else { &good };
        let a: Vec<T> = (0..count).flat_map(|k| matrix(k).data.iter().copied()).collect();
        for norm in [Norm::One, Norm::Inf, Norm::Two] {
            let all = Stack::new(&a, &[count, n, n]).unwrap();
            let found = rcond(all, norm, &Options::default()).unwrap();
            for (k, got) in found.into_iter().enumerate() {
                let alone = rcond(matrix(k).view(), norm, &Options::default()).unwrap();
                let what = format!("{norm:?}, n = {n}, {k}");
                assert_same_bits(&[T::from_re(got)], &[T::from_re(alone[0])], &what);
                match (k % 2 == 1).then(|| (&bad[k / 2].what[..], bad[k / 2].status)) {
                    Some((_, Some(NON_FINITE))) => assert!(got.to_f64().is_nan(), "{what}"),
                    Some((_, Some(s))) if s.code == Code::Singular => {
                        assert!(got.to_f64().abs() < 1e-5, "{what}: {got}");
                    }
                    Some(("equal rows", _)) => assert!(got.to_f64() < 1e-5, "{what}: {got}"),
                    _ => assert!(got.to_f64() > 0.0, "{what}: {got}"),
                }
            }
        }
    }
}

/// The ill-conditioned of a stack are named, and their results and those beside them have the bits that
/// they have where nobody asks.
fn ill_conditioned_ones_in_a_stack<T: Scalar>() {
    for n in orders().filter(|n| *n > 1) {
        for call in [
            Call::Inv(Assume::Auto),
            Call::Inv(Assume::Posdef),
            Call::Inv(Assume::Lower),
            Call::Solve(Assume::General),
            Call::CholeskyInv(Uplo::Lower),
        ] {
            // Random matrices alone are now and then ill-conditioned in single precision.
            let heavy = T::Real::from_f64(n as f64);
            let good = call.example::<T>(n, 5);
            let good = good.map(|i, j, x| if i == j { x + T::from_re(heavy) } else { x });
            // The last row nearly nothing.
            let small = T::Real::from_f64(testkit::unit_roundoff::<T>().powi(2));
            let bad = good.map(|i, j, x| match call {
                Call::Inv(Assume::Auto) | Call::Solve(_) if i == n - 1 => x.map(|x| x * small),
                _ if i == n - 1 && j == n - 1 => x.map(|x| x * small),
                _ if (i == n - 1 || j == n - 1) && call == Call::Inv(Assume::Posdef) => {
                    T::default()
                }
                _ => x,
            });
            let is_bad = |k: usize| k % 5 == 3;
            let count = 19;
            let a: Vec<T> = (0..count)
                .flat_map(|k| if is_bad(k) { bad.data.clone() } else { good.data.clone() })
                .collect();
            let (plain, _) = call.run(count, n, &a);
            let asked =
                Options { ill_conditioned: IllConditioned::Warn(None), ..Options::default() };
            let (mut x, mut status) = (vec![T::default(); a.len()], vec![OK; count]);
            let from = Stack::new(&a, &[count, n, n]).unwrap();
            let to = StackMut::new(&mut x, &[count, n, n]).unwrap();
            let summary = match call {
                Call::Inv(assume) => inv_into(from, to, &mut status, &Options { assume, ..asked }),
                Call::Solve(assume) => {
                    solve_into(from, from, to, &mut status, &Options { assume, ..asked })
                }
                _ => cholesky_inv_into(from, Uplo::Lower, to, &mut status, &asked),
            };
            let what = format!("{call:?}, n = {n}");
            let summary = summary.unwrap();
            assert_eq!((summary.failed, summary.ill_conditioned), (0, 4), "{what}");
            assert_eq!(summary.first_ill_conditioned.map(|(k, _)| k), Some(3), "{what}");
            for (k, status) in status.iter().enumerate() {
                let code = if is_bad(k) { Code::IllConditioned } else { Code::Ok };
                assert_eq!((status.code, status.at), (code, 0), "{what}: {k}");
            }
            assert_same_bits(&x, &plain, what);
        }
    }
}

/// One bad matrix at every place of a stack of more than three registers.
fn one_bad_matrix_spoils_nothing<T: Scalar>() {
    const COUNT: usize = 51;
    let posdef =
        [Call::Inv(Assume::Posdef), Call::Solve(Assume::Posdef), Call::Cholesky(Uplo::Lower)];
    let general = [
        Call::Inv(Assume::Auto),
        Call::Inv(Assume::Symmetric),
        Call::Inv(Assume::Hermitian),
        Call::Inv(Assume::Upper),
        Call::Inv(Assume::Diagonal),
        Call::TriInv(Uplo::Lower, Diag::NonUnit),
        Call::TriInv(Uplo::Upper, Diag::NonUnit),
        Call::CholeskyInv(Uplo::Lower),
        Call::Solve(Assume::General),
        Call::Pinv,
    ];
    for n in [1, 2, 3, 4, 8, 16, 17, 24, 33].into_iter().filter(in_turn) {
        for call in general.into_iter().chain(posdef) {
            let a = examples::<T>(call, COUNT, n, 1);
            let (clean, ok) = call.run(COUNT, n, &a);
            assert!(ok.iter().all(|s| s.is_ok()), "{call:?}, n = {n}");
            for place in (0..COUNT).step_by(if n > 17 { 7 } else { 1 }) {
                let mut nan = a[place * n * n..(place + 1) * n * n].to_vec();
                let (mut zero, mut tiny) = (nan.clone(), nan.clone());
                nan[n * n - 1] = T::nan();
                zero.fill(T::default());
                tiny.iter_mut().for_each(|x| *x = x.ldexp(-T::Real::BIG_EXP - 4));
                let singular = match call {
                    _ if posdef.contains(&call) => Code::NotPositiveDefinite,
                    Call::Pinv => Code::Ok,
                    _ => Code::Singular,
                };
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

/// Of a call that was cancelled amid its work nothing is known.
#[test]
fn a_cancelled_call_says_so_of_each_matrix() {
    let (n, before) = (1500, singular_at(7));
    let one = Mat::<f64>::identity(n);
    let mut x = vec![0.0; 2 * n * n];
    let mut seen = false;
    for milliseconds in [3, 10, 30, 100, 300] {
        let cancel = Cancel::new();
        let general =
            Options { assume: Assume::General, cancel: Some(cancel.clone()), ..Options::default() };
        let mut status = [before; 2];
        let outcome = std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(std::time::Duration::from_millis(milliseconds));
                cancel.cancel();
            });
            let twice = Stack::with_strides(&one.data, 0, &[2, n, n], &[0, n as isize, 1]).unwrap();
            let to = StackMut::new(&mut x, &[2, n, n]).unwrap();
            inv_into(twice, to, &mut status, &general)
        });
        match outcome {
            Ok(_) => assert_eq!(status, [OK; 2]),
            Err(Error::Cancelled) if status == [before; 2] => {}
            Err(error) => {
                assert_eq!(error, Error::Cancelled);
                assert_eq!(status, [Status { code: Code::Cancelled, at: 0 }; 2]);
                seen = true;
            }
        }
    }
    assert!(seen, "every call had ended, or had not begun");
}

#[test]
fn on_every_instruction_set() {
    on_every_set("status::stamped::", 44);
}

mod stamped {
    super::for_all_scalars!(
        zero_columns_and_rows,
        inverses_that_overflow,
        zero_diagonals,
        dependent_rows_are_never_trusted,
        not_positive_definite,
        diagonals_that_are_nearly_real,
        every_kind_alone_and_in_a_stack,
        every_kind_with_threads,
        conditions_of_bad_matrices,
        ill_conditioned_ones_in_a_stack,
        one_bad_matrix_spoils_nothing,
        errors_name_the_first,
    );
}
