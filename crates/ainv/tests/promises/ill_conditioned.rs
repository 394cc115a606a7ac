//! What becomes of ill-conditioned matrices: named, with their number, where it is asked for.

use super::common::*;
use super::condition::rcond_of;
use ainv::*;
use testkit::{Mat, Rng, Worst, assert_same_bits, norm1, unit_roundoff};

/// The functions that ask, on matrices of an order n.
const ASKING: [Call; 13] = [
    Call::Inv(Assume::Auto),
    Call::Inv(Assume::General),
    Call::Inv(Assume::Posdef),
    Call::Inv(Assume::Symmetric),
    Call::Inv(Assume::Hermitian),
    Call::Inv(Assume::Lower),
    Call::Inv(Assume::Upper),
    Call::Inv(Assume::Diagonal),
    Call::CholeskyInv(Uplo::Lower),
    Call::CholeskyInv(Uplo::Upper),
    Call::TriInv(Uplo::Lower, Diag::NonUnit),
    Call::TriInv(Uplo::Upper, Diag::NonUnit),
    Call::Solve(Assume::General),
];

fn run<T: Scalar>(
    call: Call,
    a: Stack<T>,
    x: StackMut<T>,
    status: &mut [Status],
    ill_conditioned: IllConditioned,
) -> Summary {
    let o = Options { ill_conditioned, ..Options::default() };
    let assuming = |assume| Options { assume, ..o.clone() };
    match call {
        Call::Inv(assume) => inv_into(a, x, status, &assuming(assume)),
        Call::CholeskyInv(uplo) => cholesky_inv_into(a, uplo, x, status, &o),
        Call::TriInv(uplo, diag) => tri_inv_into(a, uplo, diag, x, status, &o),
        Call::Solve(assume) => solve_into(a, a, x, status, &assuming(assume)),
        Call::Cholesky(uplo) => cholesky_into(a, uplo, x, status, &o),
        Call::Pinv => pinv_into(a, x, &PinvOptions::default(), status, &o),
    }
    .unwrap()
}

/// A matrix that the call can do, whose inverted matrix (L L^H of a factor) has a reciprocal condition
/// number near `rcond`: a diagonally dominant one, one row and column of it small.
fn conditioned<T: Scalar>(call: Call, n: usize, rcond: f64) -> Mat<T> {
    let small = if matches!(call, Call::CholeskyInv(_)) { rcond.sqrt() } else { rcond };
    let size = T::Real::from_f64(small * (n + 3) as f64);
    let general =
        matches!(call, Call::Inv(Assume::Auto | Assume::General) | Call::Solve(Assume::General));
    let part = |x: T, by: f64| x.map(|x| x * T::Real::from_f64(by));
    Call::Inv(Assume::Posdef).example::<T>(n, 11).map(|i, j, x| match (i == n / 2, j == n / 2) {
        (true, true) => T::from_re(size),
        (false, false) if general && i < j => part(x, 0.5),
        (false, false) => x,
        _ => part(x, 0.01 * small),
    })
}

/// Good matrices pass, bad ones are named with their number; the results are those of every other call.
fn ill_conditioned<T: Scalar>() {
    let u = unit_roundoff::<T>();
    for n in [2, 3, 5, 17, 40, 65, 100, 140] {
        for call in ASKING {
            let bad = conditioned::<T>(call, n, u / 64.0);
            let good = conditioned::<T>(call, n, 0.1);
            let data: Vec<T> =
                [&good, &bad, &good, &bad].iter().flat_map(|a| a.data.iter().copied()).collect();
            let shape = [4, n, n];
            let what = format!("{call:?}, {}, n = {n}", T::NAME);
            let (expected, _) = call.run(4, n, &data);
            let mut x = vec![T::default(); data.len()];
            let mut status = [Status::default(); 4];
            let summary = run(
                call,
                Stack::new(&data, &shape).unwrap(),
                StackMut::new(&mut x, &shape).unwrap(),
                &mut status,
                IllConditioned::Warn(None),
            );
            assert_same_bits(&x, &expected, &what);
            assert_eq!((summary.failed, summary.first), (0, None), "{what}");
            assert_eq!(summary.ill_conditioned, 2, "{what}: {summary:?}");
            let (index, rcond) = summary.first_ill_conditioned.unwrap();
            assert_eq!(index, 1, "{what}");
            assert!(rcond < n as f64 * u && rcond > u * 1e-5, "{what}: {rcond:e}");
            let codes = status.map(|s| s.code);
            let ill = Code::IllConditioned;
            assert_eq!(codes, [Code::Ok, ill, Code::Ok, ill], "{what}");
            assert!(status.iter().all(|s| s.is_ok()));
            // The number is that of the matrices.
            let (a, y) = (&bad, Mat::new(n, n, expected[n * n..2 * n * n].to_vec()));
            if matches!(call, Call::Inv(Assume::Auto | Assume::General)) {
                let own = 1.0 / norm1(a) / norm1(&y);
                assert!((rcond / own - 1.0).abs() < 1e-4, "{what}: {rcond:e} is not {own:e}");
            }
            // In place, without statuses, and with another limit.
            let mut x = data.clone();
            let p = x.as_mut_ptr();
            // SAFETY: dense matrices; every operation reads what it needs before it writes there.
            let (from, to) = unsafe {
                let strides = [(n * n) as isize, n as isize, 1];
                (
                    Stack::from_raw_parts(p.cast_const(), &shape, &strides).unwrap(),
                    StackMut::from_raw_parts(p, &shape, &strides).unwrap(),
                )
            };
            let again = run(call, from, to, &mut [], IllConditioned::Raise(None));
            assert_same_bits(&x, &expected, &what);
            assert_eq!(again.ill_conditioned, 2, "{what}, in place");
            let (index, same) = again.first_ill_conditioned.unwrap();
            assert!(index == 1 && (same / rcond - 1.0).abs() < 1e-4, "{what}: {same:e} {rcond:e}");
            for (limit, count) in [(rcond / 4.0, 0), (0.0, 0), (1.0, 4)] {
                let mut x = vec![T::default(); data.len()];
                let summary = run(
                    call,
                    Stack::new(&data, &shape).unwrap(),
                    StackMut::new(&mut x, &shape).unwrap(),
                    &mut [],
                    IllConditioned::Warn(Some(limit)),
                );
                assert_eq!(summary.ill_conditioned, count, "{what}, limit {limit:e}");
            }
        }
    }
}

/// Where the result's own memory is worked in: beside the matrix, where its rows begin cache lines and their number
/// is no large power of two, and in its place.
fn large<T: Scalar>() {
    const CALLS: [Call; 5] = [
        Call::Inv(Assume::General),
        Call::Inv(Assume::Posdef),
        Call::CholeskyInv(Uplo::Lower),
        Call::TriInv(Uplo::Lower, Diag::NonUnit),
        Call::TriInv(Uplo::Upper, Diag::NonUnit),
    ];
    for (n, in_place) in [(520, false), (1030, true)] {
        for call in CALLS {
            for (planted, count) in [(0.1, 0), (unit_roundoff::<T>() / 64.0, 1)] {
                let a = conditioned::<T>(call, n, planted);
                let line = 64 / size_of::<T>();
                let ld = if in_place { n } else { n.next_multiple_of(line) };
                let mut x = vec![T::default(); n * ld + line];
                let first = x.as_ptr().align_offset(64);
                for (row, from) in x[first..].chunks_mut(ld).zip(a.data.chunks(n)) {
                    row[..n].copy_from_slice(from);
                }
                let p = x[first..].as_mut_ptr();
                let strides = [ld as isize, 1];
                // SAFETY: rows of one block; every operation reads what it needs before it writes there.
                let (itself, to) = unsafe {
                    (
                        Stack::from_raw_parts(p.cast_const(), &[n, n], &strides).unwrap(),
                        StackMut::from_raw_parts(p, &[n, n], &strides).unwrap(),
                    )
                };
                let from = if in_place { itself } else { a.view() };
                let summary = run(call, from, to, &mut [], IllConditioned::Warn(None));
                let rows = x[first..][..n * ld].chunks(ld);
                let x = rows.flat_map(|row| row[..n].to_vec()).collect();
                let what = format!("{call:?}, {}, n = {n}", T::NAME);
                assert_eq!(summary.ill_conditioned, count, "{what}");
                let triangle = matches!(call, Call::TriInv(..));
                let kept = |i: usize, j: usize| !triangle || call.reads(i, j);
                if let (Some((_, rcond)), true) =
                    (summary.first_ill_conditioned, !matches!(call, Call::CholeskyInv(_)))
                {
                    let a = a.map(|i, j, x| if kept(i, j) { x } else { T::default() });
                    let own = 1.0 / norm1(&a) / norm1(&Mat::new(n, n, x));
                    assert!((rcond / own - 1.0).abs() < 1e-4, "{what}: {rcond:e} is not {own:e}");
                }
            }
        }
    }
}

#[test]
fn large_ones() {
    large::<f64>();
    large::<c32>();
}

/// A factor's number is that of the matrix that is inverted, not of the factor.
fn of_factors<T: Scalar>() {
    let mut worst = Worst::new(format!("condition after cholesky_inv, {}", T::NAME));
    for n in [2, 5, 20, 65, 100, 257] {
        let r = Mat::<T>::from_fn(n, n, |_, _| Rng::new(1).scalar());
        let rng = &mut Rng::new(n as u64);
        let random = r.map(|i, j, _| if i >= j { rng.scalar() } else { T::nan() });
        let example = conditioned::<T>(Call::CholeskyInv(Uplo::Lower), n, 1e-3);
        let graded = example.map(|i, _, x| x.ldexp(-((i * 12 / n) as i32)));
        for (name, l) in [("random", random), ("dominant", example), ("graded", graded)] {
            let lower = l.map(|i, j, x| if i >= j { x } else { T::default() });
            let a = lower.widen().times(&lower.widen().adjoint());
            let mut x = vec![T::default(); n * n];
            let summary = run(
                Call::CholeskyInv(Uplo::Lower),
                l.view(),
                StackMut::new(&mut x, &[n, n]).unwrap(),
                &mut [],
                IllConditioned::Warn(Some(1.0)),
            );
            let y = Mat::new(n, n, x);
            if !y.is_finite() || norm1(&a) * norm1(&y) > 0.1 / unit_roundoff::<T>() {
                continue;
            }
            let Some((_, rcond)) = summary.first_ill_conditioned else { continue };
            let ratio = rcond * norm1(&a) * norm1(&y);
            worst.check(name, format!("n = {n}"), ratio, 10.0);
            worst.check(name, format!("n = {n}"), 1.0 / ratio, 1.01);
        }
    }
    worst.finish();
}

/// `solve` flags what `rcond` says is under the limit, however near.
fn solve_agrees_with_rcond<T: Scalar>() {
    let rng = &mut Rng::new(5);
    for n in [65, 90] {
        for (assume, k) in
            [(Assume::General, 1), (Assume::Auto, 7), (Assume::General, 40), (Assume::Posdef, 1)]
        {
            for step in 0..6 {
                let step = step as f64 * if unit_roundoff::<T>() > 1e-10 { 0.7 } else { 2.0 };
                let cond = 10f64.powf(0.3 + step);
                let s = testkit::spectrum("geometric", n, cond);
                let a: Mat<T> = match assume {
                    Assume::Posdef => testkit::hermitian_from(&s, rng),
                    _ => testkit::from_singular_values(n, n, &s, rng),
                };
                let b = Mat::<T>::from_fn(n, k, |_, _| rng.scalar());
                let known = rcond_of(&a, Norm::One, Assume::General);
                for (limit, ill) in [
                    (known * 0.98, 0),
                    (known * 1.02, 1),
                    (known * 0.01, 0),
                    ((known * 30.0).min(1.0), 1),
                ] {
                    let options =
                        |ill_conditioned| Options { assume, ill_conditioned, ..Options::default() };
                    let mut x = vec![T::default(); n * k];
                    let to = StackMut::new(&mut x, &[n, k]).unwrap();
                    let asked = options(IllConditioned::Warn(Some(limit)));
                    let summary = solve_into(a.view(), b.view(), to, &mut [], &asked).unwrap();
                    assert_eq!(
                        summary.ill_conditioned, ill,
                        "{assume:?} {n} {k}: {known:e} {limit:e}"
                    );
                    if let Some((_, r)) = summary.first_ill_conditioned {
                        assert!((r / known - 1.0).abs() < 0.02, "{r:e} is not {known:e}");
                    }
                    let plain =
                        solve(a.view(), b.view(), &options(IllConditioned::Ignore)).unwrap();
                    assert_same_bits(&x, plain.as_slice(), "solve");
                }
            }
        }
    }
}

/// `solve` sees every single small row: the random right-hand sides meet it with an entry that may be tiny.
fn solve_sees_one_small_row<T: Scalar>() {
    let (n, small) = (70, 2f64.powi(-20));
    let b = Mat::<T>::from_fn(n, 1, |_, _| T::from_re(T::Real::ONE));
    for place in 0..n {
        let a = Mat::<T>::from_fn(n, n, |i, j| {
            let entry = if i != j { 0.0 } else { [1.0, small][usize::from(i == place)] };
            T::from_re(T::Real::from_f64(entry))
        });
        for (limit, ill) in [(small * 0.98, 0), (small * 1.02, 1)] {
            let options = Options {
                assume: Assume::General,
                ill_conditioned: IllConditioned::Warn(Some(limit)),
                ..Options::default()
            };
            let mut x = vec![T::default(); n];
            let to = StackMut::new(&mut x, &[n, 1]).unwrap();
            let summary = solve_into(a.view(), b.view(), to, &mut [], &options).unwrap();
            assert_eq!(summary.ill_conditioned, ill, "{place}: {limit:e}");
        }
    }
}

/// What has no result is not ill-conditioned, and neither is what holds a NaN.
#[test]
fn other_statuses() {
    for n in [2, 17, 65, 100] {
        let good = Call::Inv(Assume::Posdef).example::<f64>(n, 1);
        let singular = good.map(|_, j, x| if j == 1 { 0.0 } else { x });
        let nan = good.map(|i, j, x| if (i, j) == (1, 0) { f64::NAN } else { x });
        let data = [&singular, &nan, &good].map(|a| a.data.clone()).concat();
        for on_singular in [OnSingular::Nan, OnSingular::Pinv] {
            let options = Options {
                on_singular,
                ill_conditioned: IllConditioned::Raise(Some(1e-9)),
                ..Options::default()
            };
            let mut x = vec![0.0; data.len()];
            let mut status = [Status::default(); 3];
            let (a, x) = (Stack::new(&data, &[3, n, n]), StackMut::new(&mut x, &[3, n, n]));
            let summary = inv_into(a.unwrap(), x.unwrap(), &mut status, &options).unwrap();
            let codes = status.map(|s| s.code);
            assert_eq!(codes, [Code::Singular, Code::NonFinite, Code::Ok], "n = {n}");
            assert_eq!((summary.failed, summary.ill_conditioned), (1, 0), "n = {n}");
        }
    }
}

#[test]
fn the_plain_forms_name_the_first() {
    for n in [2, 65] {
        let [good, bad] = [0.1, 1e-18].map(|r| conditioned::<f64>(Call::Inv(Assume::Auto), n, r));
        let data = [&good, &good, &good, &bad, &good, &bad].map(|a| a.data.clone()).concat();
        let a = Stack::new(&data, &[2, 3, n, n]).unwrap();
        let of = |ill_conditioned| Options { ill_conditioned, ..Options::default() };
        let raise = of(IllConditioned::Raise(None));
        let error = inv(a, &raise).unwrap_err();
        let Error::IllConditioned { index, rcond, count } = error else { panic!("{error}") };
        assert_eq!((index, count), (3, 2));
        assert!(rcond < 1e-15);
        let text = error.to_string();
        for part in ["Ill-conditioned", "(Batch element 3)", "(2 matrices of the stack"] {
            assert!(text.contains(part), "{text}");
        }
        assert!(matches!(solve(a, a, &raise), Err(Error::IllConditioned { index: 3, .. })));
        assert!(inv(a, &of(IllConditioned::Warn(None))).is_ok());
        assert!(inv_ex(a, &raise).is_ok());
        // A singular one comes first, wherever it stands.
        let mut data = data.clone();
        data[5 * n * n..].fill(0.0);
        let a = Stack::new(&data, &[2, 3, n, n]).unwrap();
        assert!(matches!(inv(a, &raise), Err(Error::Matrix { index: 5, .. })));
    }
}

/// The limit is that of the caller's scalar, whatever is computed inside.
#[test]
fn double_inside() {
    for n in [3, 30, 65, 100] {
        for call in [Call::Inv(Assume::General), Call::Solve(Assume::General)] {
            for (planted, count) in [(1e-3, 0), (1e-10, 1)] {
                let a = conditioned::<f32>(call, n, planted);
                let options = Options {
                    precision: Precision::Double,
                    ill_conditioned: IllConditioned::Warn(None),
                    ..Options::default()
                };
                let mut x = vec![0.0; n * n];
                let to = StackMut::new(&mut x, &[n, n]).unwrap();
                let summary = match call {
                    Call::Solve(_) => solve_into(a.view(), a.view(), to, &mut [], &options),
                    _ => inv_into(a.view(), to, &mut [], &options),
                };
                assert_eq!(summary.unwrap().ill_conditioned, count, "{call:?}, n = {n}");
            }
        }
    }
}

/// At the edges of the range norms and their product are beyond it; the condition is not.
#[test]
fn the_range() {
    for n in [3, 20, 65] {
        for call in [Call::Inv(Assume::General), Call::Solve(Assume::General)] {
            for power in [-1000, -900, 900, 1018] {
                let a = call.example::<f64>(n, 2).ldexp(power);
                let mut x = vec![0.0; n * n];
                let to = StackMut::new(&mut x, &[n, n]).unwrap();
                let summary = run(call, a.view(), to, &mut [], IllConditioned::Warn(None));
                assert_eq!(summary.ill_conditioned, 0, "{call:?}, n = {n}, 2^{power}");
            }
        }
    }
}

/// Large stacks: the first of all chunks, and the same for any number of threads.
#[test]
fn many() {
    for (call, n, count) in [
        (Call::Inv(Assume::General), 8, 3000),
        (Call::Solve(Assume::General), 8, 3000),
        (Call::Solve(Assume::General), 70, 60),
        (Call::CholeskyInv(Uplo::Lower), 30, 400),
    ] {
        let [good, bad] = [0.1, 1e-19].map(|r| conditioned::<f64>(call, n, r));
        let ill = [count - 1, count / 2, count / 3];
        let data: Vec<f64> = (0..count)
            .flat_map(|i| if ill.contains(&i) { &bad } else { &good }.data.iter().copied())
            .collect();
        for threads in [1, 3] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let mut x = vec![0.0; data.len()];
            let summary = pool.install(|| {
                let (a, x) =
                    (Stack::new(&data, &[count, n, n]), StackMut::new(&mut x, &[count, n, n]));
                run(call, a.unwrap(), x.unwrap(), &mut [], IllConditioned::Warn(None))
            });
            assert_eq!(summary.ill_conditioned, 3, "{call:?}");
            assert_eq!(summary.first_ill_conditioned.unwrap().0, count / 3, "{call:?}");
        }
    }
}

#[test]
fn on_the_portable_set_too() {
    on_the_portable_set("ill_conditioned::stamped::", 16);
}

mod stamped {
    super::for_all_scalars!(
        ill_conditioned,
        of_factors,
        solve_agrees_with_rcond,
        solve_sees_one_small_row
    );
}
