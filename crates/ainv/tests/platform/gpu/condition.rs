//! Conditions, and pseudo-inverses of what has no inverse: the CPU's, but for rounding.

use super::{alone, computes, for_all_scalars, is_there, on_gpu, random};
use crate::common::{Call, assuming, mat};
use ainv::*;
use testkit::{Mat, Rng, assert_same_bits, from_singular_values, penrose};

/// Positive definite, of a dominant diagonal, with a row and a column divided by a power of two.
fn example<T: Scalar>(n: usize, power: i32) -> Mat<T> {
    let r: Mat<T> = random(n, &mut Rng::new(n as u64));
    r.map(|i, j, x| {
        let x = match i.cmp(&j) {
            std::cmp::Ordering::Equal => T::from_re(T::Real::from_f64(n as f64 + 1.0)),
            std::cmp::Ordering::Greater => x,
            std::cmp::Ordering::Less => Scalar::conj(r[(j, i)]),
        };
        let lines = i32::from(i == n / 2) + i32::from(j == n / 2);
        Scalar::ldexp(x, -power * lines)
    })
}

/// Exact but for rounding beside the CPU's to order 64, above that its estimates may be off; at any scale.
fn rconds<T: Scalar>() {
    let _alone = alone();
    if !is_there() || !computes::<T>() {
        return;
    }
    let far = -T::Real::MIN_EXP;
    for n in [1, 3, 17, 33, 70] {
        let good = example::<T>(n, 3);
        let count = 9;
        let zero_column = good.map(|_, j, x| if j == n - 1 { T::default() } else { x });
        let spoiled = |x: T| good.map(|i, j, y| if (i, j) == (n - 1, 0) { x } else { y });
        let infinite = Mat::from_fn(n, n, |i, j| match i == j {
            true => T::from_re(T::Real::INFINITY),
            false => T::default(),
        });
        let all = [
            good.clone(),
            random(n, &mut Rng::new(7)),
            good.ldexp(far - 20),
            good.ldexp(15 - far),
            zero_column,
            Mat::zeros(n, n),
            spoiled(T::nan()),
            spoiled(T::from_re(T::Real::INFINITY)),
            infinite,
        ];
        let data: Vec<T> = all.iter().flat_map(|a| a.data.clone()).collect();
        let stack = Stack::new(&data, &[count, n, n]).unwrap();
        for assume in [
            Assume::Auto,
            Assume::Lower,
            Assume::Upper,
            Assume::Hermitian,
            Assume::Posdef,
            Assume::Diagonal,
        ] {
            for norm in [Norm::One, Norm::Inf] {
                let x = rcond(stack, norm, &on_gpu(assuming(assume))).unwrap();
                let y = rcond(stack, norm, &assuming(assume)).unwrap();
                for (i, (x, y)) in x.iter().zip(&y).enumerate() {
                    let what = format!("{assume:?}, {norm:?}, {} {n}, {i}: {x} for {y}", T::NAME);
                    let ratio = x.to_f64() / y.to_f64();
                    // What rounding leaves of an inverse is no truth beside the limit of trust.
                    let unit = testkit::unit_roundoff::<T>();
                    let off = 0.01 + 10.0 * n as f64 * unit / y.to_f64();
                    let least = if n > 64 { 0.3 } else { 1.0 };
                    let is_near = ratio >= least - off && ratio <= 1.0 + off;
                    assert!(x == y || x.is_nan() && y.is_nan() || is_near, "{what}");
                }
            }
        }
        let two = rcond(stack, Norm::Two, &on_gpu(Options::default()));
        assert!(matches!(two, Err(Error::Unsupported { what }) if what.contains("2-norm")));
    }
    // Nothing to lose, and nothing to do.
    let o = on_gpu(Options::default());
    let empty = rcond(Stack::<T>::new(&[], &[2, 0, 0]).unwrap(), Norm::One, &o).unwrap();
    assert_eq!(empty, [T::Real::INFINITY; 2]);
    assert_eq!(rcond(Stack::<T>::new(&[], &[0, 3, 3]).unwrap(), Norm::One, &o).unwrap(), []);
}

/// Bad ones are named with their numbers, and the results are those of every other call.
fn ill_conditioned<T: Scalar>() {
    let _alone = alone();
    if !is_there() || !computes::<T>() {
        return;
    }
    const ASKING: [Call; 13] = [
        Call::Inv(Assume::Auto),
        Call::Inv(Assume::Posdef),
        Call::Inv(Assume::Symmetric),
        Call::Inv(Assume::Lower),
        Call::Inv(Assume::Upper),
        Call::Inv(Assume::Diagonal),
        Call::CholeskyInv(Uplo::Lower),
        Call::CholeskyInv(Uplo::Upper),
        Call::TriInv(Uplo::Lower, Diag::NonUnit),
        Call::TriInv(Uplo::Upper, Diag::Unit),
        Call::Solve(Assume::General),
        Call::Solve(Assume::Posdef),
        Call::Solve(Assume::Diagonal),
    ];
    let digits = T::Real::MANTISSA + 8;
    for n in [2, 17, 70] {
        for call in ASKING.into_iter().chain([Call::Cholesky(Uplo::Lower), Call::Pinv]) {
            let power = if let Call::CholeskyInv(_) = call { digits / 4 } else { digits / 2 };
            let (good, bad) = (example::<T>(n, 1), example::<T>(n, power));
            let singular = good.map(|i, j, x| if i.max(j) == n - 1 { T::default() } else { x });
            let data: Vec<T> =
                [&good, &bad, &singular, &bad].iter().flat_map(|a| a.data.clone()).collect();
            let shape = [4, n, n];
            let what = format!("{call:?}, {} {n}", T::NAME);
            let run = |o: &Options, status: &mut [Status]| {
                let mut x = data.clone();
                let p = x.as_mut_ptr();
                let dense = [(n * n) as isize, n as isize, 1];
                // SAFETY: the vector's own memory; each matrix is read before its result is written. Right-hand sides
                // are the matrices themselves, which stay.
                let summary = unsafe {
                    let from = match call {
                        Call::Solve(_) => data.as_ptr(),
                        _ => p.cast_const(),
                    };
                    let from = Stack::from_raw_parts(from, &shape, &dense).unwrap();
                    let to = StackMut::from_raw_parts(p, &shape, &dense).unwrap();
                    call.into_with(from, to, status, o).unwrap()
                };
                (x, summary)
            };
            let (y, _) = run(&on_gpu(Options::default()), &mut []);
            for limit in [None, Some(0.0), Some(1.0)] {
                let asked = IllConditioned::Warn(limit);
                let o = Options { ill_conditioned: asked, ..Options::default() };
                let (mut status, mut expected) = ([Status::default(); 4], [Status::default(); 4]);
                let (x, summary) = run(&on_gpu(o.clone()), &mut status);
                let (_, of_cpu) = run(&o, &mut expected);
                assert_same_bits(&x, &y, &what);
                assert_eq!(status, expected, "{what}, {limit:?}");
                assert_eq!(
                    (summary.failed, summary.first, summary.ill_conditioned),
                    (of_cpu.failed, of_cpu.first, of_cpu.ill_conditioned),
                    "{what}, {limit:?}"
                );
                let numbers = [summary, of_cpu].map(|s| s.first_ill_conditioned);
                if let [Some((at, x)), Some((of, y))] = numbers {
                    let near = if n > 64 { 0.25..1.2 } else { 0.9..1.1 };
                    assert!(at == of && near.contains(&(x / y)), "{what}: {x:e} for {y:e}");
                }
            }
        }
    }
    // Without statuses.
    let bad = example::<T>(5, digits / 2);
    for call in [Call::Inv(Assume::General), Call::Solve(Assume::General)] {
        let mut x = bad.clone();
        let to = StackMut::new(&mut x.data, &[5, 5]).unwrap();
        let ill_conditioned = IllConditioned::Warn(None);
        let o = on_gpu(Options { ill_conditioned, ..Options::default() });
        assert_eq!(call.into_with(bad.view(), to, &mut [], &o).unwrap().ill_conditioned, 1);
    }
    // Without right-hand sides nothing is asked.
    let o = Options { ill_conditioned: IllConditioned::Raise(Some(1.0)), ..Options::default() };
    let b = Stack::<T>::new(&[], &[5, 0]).unwrap();
    assert!(solve(example::<T>(5, 0).view(), b, &on_gpu(o)).is_ok());

    let raise = Options { ill_conditioned: IllConditioned::Raise(None), ..Options::default() };
    let error = inv(example::<T>(5, digits / 2).view(), &on_gpu(raise)).unwrap_err();
    assert!(matches!(error, Error::IllConditioned { index: 0, count: 1, .. }), "{error}");
}

/// Matrices without an inverse, some of which are done again before that is known, among others in their places.
fn pseudo_inverses_instead<T: Scalar>() {
    let _alone = alone();
    if !is_there() || !computes::<T>() {
        return;
    }
    for n in [1, 3, 17, 40] {
        for assume in [
            Assume::General,
            Assume::Symmetric,
            Assume::Posdef,
            Assume::Lower,
            Assume::Upper,
            Assume::Diagonal,
        ] {
            let call = Call::Inv(assume);
            let good = example::<T>(n, 0);
            let zero_lines = good.map(|i, j, x| if i.max(j) == n - 1 { T::default() } else { x });
            // So wide that these are suspects: scaled by rows and columns, they still are singular.
            let apart = zero_lines.map(|i, j, x| {
                let far = if assume == Assume::Posdef { 0 } else { -T::Real::MIN_EXP / 3 };
                let power = |i: usize| if i.is_multiple_of(2) { -far } else { 0 };
                Scalar::ldexp(x, power(i) + power(j))
            });
            let indefinite =
                good.map(|i, j, x| if i == j && i == 0 { T::default() - x } else { x });
            let mut nan = good.clone();
            nan[(n - 1, n - 1)] = T::nan();
            let all =
                [&good, &zero_lines, &apart, &good, &Mat::zeros(n, n), &indefinite, &nan, &good];
            let data: Vec<T> = all.iter().flat_map(|a| a.data.clone()).collect();
            let (count, what) = (all.len(), format!("{assume:?}, {} {n}", T::NAME));
            let run = |device: Device, on_singular: OnSingular| {
                let (mut x, mut status) = (data.clone(), vec![Status::default(); count]);
                let o = Options { stream: Some(device.into()), on_singular, ..assuming(assume) };
                let to = StackMut::new(&mut x, &[count, n, n]).unwrap();
                let summary = inv_in_place(to, &mut status, &o).unwrap();
                let x = (0..count).map(|i| Mat::new(n, n, x[i * n * n..(i + 1) * n * n].to_vec()));
                (x.collect::<Vec<_>>(), status, summary)
            };
            let (x, status, summary) = run(Device::GPU, OnSingular::Pinv);
            let (y, expected, of_cpu) = run(Device::CPU, OnSingular::Pinv);
            let (plain, same, _) = run(Device::GPU, OnSingular::Nan);
            assert_eq!(status, same, "{what}");
            let codes = |status: &[Status]| status.iter().map(|s| s.code).collect::<Vec<_>>();
            assert_eq!(codes(&status), codes(&expected), "{what}");
            assert_eq!(summary.failed, of_cpu.failed, "{what}");
            for (i, ((x, y), of)) in x.iter().zip(&y).zip(&status).enumerate() {
                match of.code {
                    Code::Singular | Code::NotPositiveDefinite => {
                        let read = all[i].map(|r, c, _| match assume {
                            Assume::Symmetric if r < c => all[i][(c, r)],
                            Assume::Posdef | Assume::Symmetric | Assume::General => all[i][(r, c)],
                            _ if call.reads(r, c) => all[i][(r, c)],
                            _ => T::default(),
                        });
                        let worst = penrose(&read, x).into_iter().fold(0.0, f64::max);
                        assert!(worst <= 5.0, "{what}, {i}: {worst}");
                        assert_eq!(x.is_all_nan(), y.is_all_nan(), "{what}, {i}");
                    }
                    _ => assert_same_bits(&x.data, &plain[i].data, format!("{what}, {i}")),
                }
            }
        }
    }
    // By way of double precision, cut off where the caller's precision ends.
    if T::Real::MANTISSA < 30 {
        let n = 6;
        let a: Mat<T> =
            from_singular_values(n, n, &[3.0, 2.0, 1.0, 0.5, 0.25, 0.0], &mut Rng::new(2));
        let zeroed = a.map(|i, _, x| if i == n - 1 { T::default() } else { x });
        let on = |device: Device| {
            let (on_singular, precision) = (OnSingular::Pinv, Precision::Double);
            let stream = Some(device.into());
            inv(zeroed.view(), &Options { on_singular, precision, stream, ..Options::default() })
        };
        let (x, y) = match on(Device::GPU) {
            Ok(x) => (mat(x), mat(on(Device::CPU).unwrap())),
            Err(error) => return assert!(matches!(error, Error::Unsupported { .. }), "{error}"),
        };
        for (x, y) in x.data.iter().zip(&y.data) {
            let off = (*x - *y).widen();
            assert!(off.re().hypot(off.im()) <= 1e-5, "{x:?} for {y:?}");
        }
    }
}

mod stamped {
    super::for_all_scalars!(rconds, ill_conditioned, pseudo_inverses_instead);
}
