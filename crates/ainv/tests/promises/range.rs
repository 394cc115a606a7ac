//! Sub-normal and huge: exact scaling of the bits, the exact
//! answer at the edges, or a signed infinity; never a silent NaN.

use super::common::*;
use ainv::*;
use testkit::{Mat, Rng, assert_same_bits, ldexp};

const A3: [f64; 9] = [4.0, 1.0, 2.0, 1.0, 5.0, 3.0, 0.0, 2.0, 6.0];
const X3: [f64; 9] = [24.0, -2.0, -7.0, -6.0, 24.0, -10.0, 2.0, -8.0, 19.0];

fn inverse<T: Scalar>(a: &Mat<T>) -> Mat<T> {
    mat(inv(a.view(), &Options::default()).unwrap_or_else(|e| panic!("{e}: {a:?}")))
}

/// X(2^k A) = 2^-k X(A), bit for bit, while nothing over- or underflows.
fn powers_of_two_scale_the_bits<T: Scalar>() {
    for call in Call::OWN {
        for n in (1..=40).chain([100]).filter(in_turn) {
            let a = call.example::<T>(n, n as u64);
            let (x, _) = call.run(1, n, &a.data);
            let step =
                if n > 4 { T::Real::BIG_EXP as usize / 5 } else { T::Real::BIG_EXP as usize / 50 };
            for k in (-T::Real::BIG_EXP..=T::Real::BIG_EXP).step_by(step) {
                let (y, status) = call.run(1, n, &ldexp(&a.data, k));
                let by = match call {
                    Call::Cholesky(_) => k / 2,
                    Call::CholeskyInv(_) => -2 * k,
                    Call::TriInv(_, Diag::Unit) | Call::Solve(_) => continue,
                    _ => -k,
                };
                if by.abs() > T::Real::BIG_EXP - 5 {
                    continue;
                }
                assert!(status[0].is_ok(), "{call:?}, n = {n}, 2^{k}: {status:?}");
                assert_same_bits(&y, &ldexp(&x, by), format!("{call:?}, n = {n}, 2^{k}"));
            }
        }
    }
}

/// Every line has a one, but two pivots are 2^-k: the inverse, up to 2^2k, is exact as long as there is room for it, and
/// none of it is told when there is not. (A closed form takes the determinant, under the rounding of one, for zero.)
fn pivots_far_under_their_lines<T: Scalar>() {
    let far = -T::Real::MIN_EXP;
    let one = T::from_re(T::Real::ONE);
    let none = T::default();
    for n in (4..=40).chain([64, 70, 100]).filter(in_turn) {
        for k in [far / 9, far / 3, far / 2, far / 2 + 1, far * 2 / 3, far - 1] {
            let power = |e: i32| one.ldexp(e);
            let block = |at: usize, of: [[T; 3]; 3]| {
                Mat::from_fn(n, n, |i, j| match (i.checked_sub(at), j.checked_sub(at)) {
                    (Some(p @ 0..3), Some(q @ 0..3)) => of[p][q],
                    _ if i == j => one,
                    _ => none,
                })
            };
            let d = power(-k);
            for at in [0, n - 3] {
                let a = block(at, [[one, one, none], [one, one, d], [none, d, one]]);
                let (x, status) = Call::Inv(Assume::General).run(1, n, &a.data);
                let what = format!("n = {n}, 2^-{k} at {at}");
                if k <= far / 2 {
                    let (b, c) = (power(2 * k), power(k));
                    let minus = |x: T| none - x;
                    let x_of_a =
                        block(at, [[minus(b), b, minus(c)], [b, minus(b), c], [minus(c), c, none]]);
                    assert!(status[0].is_ok(), "{what}: {status:?}");
                    assert_same_bits(&x, &x_of_a.data, what);
                } else {
                    assert_eq!(status[0].code, Code::Singular, "{what}: {status:?}");
                    assert!(x.iter().all(|x| x.is_nan()), "{what}");
                }
            }
        }
    }
}

/// Rows scaled by powers of two: the pivot search runs along them and does not see it. A closed form searches for
/// none, and does not see the columns' scale either. Alone, and in a stack.
fn scaling_that_no_pivot_sees<T: Scalar>() {
    let closed = if T::COMPLEX { 2 } else { 3 };
    let call = Call::Inv(Assume::General);
    for n in (1..=40).chain([100]).filter(in_turn) {
        let a = call.example::<T>(n, n as u64);
        let d: Vec<i32> = (0..n).map(|i| (i * 5 % 13) as i32 - 6).collect();
        let x = Mat::new(n, n, call.run(1, n, &a.data).0);
        let rows = a.map(|i, _, x| x.ldexp(d[i]));
        let columns = a.map(|_, j, x| x.ldexp(d[j]));
        let of_rows = x.map(|_, j, x| x.ldexp(-d[j]));
        let of_columns = x.map(|i, _, x| x.ldexp(-d[i]));
        let (y, _) = call.run(3, n, &[&a.data[..], &rows.data, &columns.data].concat());
        let what = format!("n = {n}");
        assert_same_bits(&call.run(1, n, &rows.data).0, &of_rows.data, &what);
        assert_same_bits(&y[n * n..2 * n * n], &of_rows.data, format!("{what}, in a stack"));
        if n <= closed {
            assert_same_bits(&call.run(1, n, &columns.data).0, &of_columns.data, &what);
            assert_same_bits(&y[2 * n * n..], &of_columns.data, format!("{what}, in a stack"));
        }
        assert!(testkit::right(&columns, &inverse(&columns)) <= TIGHT, "n = {n}");
    }
}

/// D A D for the Cholesky routes.
fn symmetric_scaling_scales_the_bits<T: Scalar>() {
    for n in (1..=40).chain([100]).filter(in_turn) {
        let a = Call::Inv(Assume::Posdef).example::<T>(n, n as u64);
        let d: Vec<i32> = (0..n).map(|i| (i * 5 % 13) as i32 - 6).collect();
        let scaled = a.map(|i, j, x| x.ldexp(d[i] + d[j]));
        let (x, _) = Call::Inv(Assume::Posdef).run(1, n, &a.data);
        let (y, _) = Call::Inv(Assume::Posdef).run(1, n, &scaled.data);
        let back = Mat::new(n, n, x).map(|i, j, x| x.ldexp(-d[i] - d[j]));
        assert_same_bits(&y, &back.data, format!("posdef, n = {n}"));
        let (l, _) = Call::Cholesky(Uplo::Lower).run(1, n, &a.data);
        let (m, _) = Call::Cholesky(Uplo::Lower).run(1, n, &scaled.data);
        let forth = Mat::new(n, n, l).map(|i, _, x| x.ldexp(d[i]));
        assert_same_bits(&m, &forth.data, format!("cholesky, n = {n}"));
    }
}

/// D A E with exponents over half of the range, and over nearly all of it: one common factor would
/// ruin it.
fn wide_spreads<T: Scalar>() {
    for range in [T::Real::BIG_EXP as usize * 2 / 3, -T::Real::MIN_EXP as usize - 16] {
        for n in [2, 3, 4, 8, 16, 17, 40] {
            for seed in 0..4 {
                let rng = &mut Rng::new(seed);
                let a: Mat<T> = Mat::from_fn(n, n, |_, _| rng.scalar());
                let mut exponents = || -> Vec<i32> {
                    (0..n).map(|_| rng.below(range) as i32 - range as i32 / 2).collect()
                };
                let (d, e) = (exponents(), exponents());
                let scaled = a.map(|i, j, x| x.ldexp(d[i] + e[j]));
                let x = inverse(&scaled).map(|i, j, x| x.ldexp(e[i] + d[j]));
                let ratio = testkit::right(&a, &x);
                assert!(ratio <= HARD, "n = {n}, 2^{range}: {ratio}");
            }
        }
    }
}

/// The same of triangles, whose rows and columns have different lengths: every entry that neither over- nor
/// underflows.
fn wide_spreads_of_triangles<T: Scalar>() {
    let range = -T::Real::MIN_EXP / 2;
    for n in [1, 2, 3, 4, 8, 16, 17, 40, 100] {
        for (uplo, seed) in [(Uplo::Lower, 1), (Uplo::Upper, 2)] {
            let call = Call::TriInv(uplo, Diag::NonUnit);
            let rng = &mut Rng::new(seed);
            let a = call.example::<T>(n, seed);
            let (x, _) = call.run(1, n, &a.data);
            let mut random = || rng.below(2 * range as usize / 3) as i32 - range / 3;
            let each: Vec<_> = (0..n).map(|_| (random(), random())).collect();
            let apart = |i: usize| if i.is_multiple_of(2) { range * 3 / 4 } else { -range * 3 / 4 };
            let rows: Vec<_> = (0..n).map(|i| (apart(i), 0)).collect();
            let columns: Vec<_> = (0..n).map(|i| (0, apart(i))).collect();
            for (what, powers) in [("rows", rows), ("columns", columns), ("both", each)] {
                let scaled = a.map(|i, j, x| x.ldexp(powers[i].0 + powers[j].1));
                let (y, status) = call.run(1, n, &scaled.data);
                assert!(status[0].is_ok(), "{what}, n = {n}: {status:?}");
                for (at, (&x, &y)) in x.iter().zip(&y).enumerate() {
                    let x = x.ldexp(-powers[at % n].0 - powers[at / n].1);
                    let error = (x - y).abs1() / x.abs1();
                    let tolerance = T::Real::from_f64(100.0 * n as f64) * T::Real::EPSILON;
                    let normal = x.abs1() > T::Real::ONE.times_power_of_two(T::Real::MIN_EXP);
                    assert!(!normal || error < tolerance, "{what}, n = {n}, {at}: {x:?} {y:?}");
                }
            }
        }
    }
}

fn identities<T: Scalar>() {
    let smallest = T::Real::MIN_EXP - T::Real::MANTISSA;
    let largest = -T::Real::MIN_EXP + 1;
    for n in [1, 2, 3, 4, 8, 16, 17, 40] {
        for k in [
            smallest,
            smallest + 3,
            T::Real::MIN_EXP - 1,
            T::Real::MIN_EXP,
            -T::Real::BIG_EXP,
            T::Real::BIG_EXP,
            largest,
        ] {
            let a = Mat::<T>::identity(n).ldexp(k);
            for assume in [
                Assume::Auto,
                Assume::General,
                Assume::Posdef,
                Assume::Lower,
                Assume::Diagonal,
                Assume::Symmetric,
            ] {
                let (x, status) = Call::Inv(assume).run(1, n, &a.data);
                assert!(status[0].is_ok(), "{assume:?}, n = {n}, 2^{k}: {status:?}");
                for at in 0..n * n {
                    // Infinity where 2^-k overflows, exactly 2^-k else, and zeros.
                    let y = if at / n == at % n {
                        T::Real::ONE.times_power_of_two(-k)
                    } else {
                        T::Real::default()
                    };
                    // The root of an odd power of two is not one: Cholesky rounds there.
                    let (got, want) = (x[at].re().to_f64(), y.to_f64());
                    let near = assume == Assume::Posdef
                        && (got / want - 1.0).abs() < 8.0 * testkit::unit_roundoff::<T>();
                    assert!(
                        (got == want || near) && x[at].im() == T::Real::default(),
                        "{assume:?}, n = {n}, 2^{k}, entry {at}: {}",
                        x[at]
                    );
                }
            }
        }
    }
}

fn diagonals<T: Scalar>() {
    let (small, big) = (T::Real::SMALL, T::Real::BIG);
    let tiny = T::Real::ONE.times_power_of_two(T::Real::MIN_EXP - 5);
    for n in [2, 3, 4, 7, 16, 17, 33] {
        for (p, q) in
            [(small, big), (big, small), (tiny, T::Real::ONE), (T::Real::ONE, tiny), (tiny, big)]
        {
            let entry = |i: usize| if i.is_multiple_of(2) { p } else { q };
            let a =
                Mat::from_fn(n, n, |i, j| if i == j { T::from_re(entry(i)) } else { T::default() });
            for call in [
                Call::Inv(Assume::Auto),
                Call::Inv(Assume::General),
                Call::Inv(Assume::Posdef),
                Call::TriInv(Uplo::Upper, Diag::NonUnit),
            ] {
                let (x, status) = call.run(1, n, &a.data);
                assert!(status[0].is_ok(), "{call:?}, n = {n}, {p} {q}: {status:?}");
                for at in 0..n * n {
                    let y = if at / n == at % n {
                        T::Real::ONE / entry(at / n)
                    } else {
                        T::Real::default()
                    };
                    assert_eq!(x[at], T::from_re(y), "{call:?}, n = {n}, {p} {q}, entry {at}");
                }
            }
        }
    }
}

fn a3_at_every_scale<T: Scalar>() {
    let a = Mat::<T>::real(3, 3, |i, j| A3[i * 3 + j]);
    let exact = |at: usize| X3[at] / 94.0;
    let (low, high) = (T::Real::MIN_EXP - T::Real::MANTISSA, -T::Real::MIN_EXP - 3);
    for k in (low..=high).step_by(7).chain([high]) {
        let x = inverse(&a.ldexp(k));
        for at in 0..9 {
            let y = exact(at);
            let got = x.data[at].re();
            assert!(!x.data[at].is_nan(), "2^{k}: NaN at {at}");
            // In the scale of A; a sub-normal result has only its own spacing.
            let back = got.to_f64().times_power_of_two(k);
            let spacing = 2f64.powi((low + k).max(-1070));
            let wide = 40.0 * testkit::unit_roundoff::<T>() + spacing;
            let overflows = y.abs().log2() - k as f64 > -T::Real::MIN_EXP as f64 + 2.0;
            if overflows {
                assert_eq!(
                    got,
                    T::Real::INFINITY * T::Real::from_f64(y.signum()),
                    "2^{k}, entry {at}"
                );
            } else {
                assert!((back - y).abs() <= wide, "2^{k}, entry {at}: {back} {y}");
            }
        }
    }
}

#[test]
fn the_contracts_examples() {
    let diag =
        |d: &[f64]| Mat::<f64>::real(d.len(), d.len(), |i, j| if i == j { d[i] } else { 0.0 });
    for (d, x) in [
        (vec![f64::MAX], vec![1.0 / f64::MAX]),
        (vec![1e-310], vec![f64::INFINITY]),
        (vec![-1e-310, 1.0], vec![f64::NEG_INFINITY, 1.0]),
        (vec![1e-309, 1.0], vec![f64::INFINITY, 1.0]),
        (vec![1e300, 1e-300], vec![1.0 / 1e300, 1.0 / 1e-300]),
        (vec![1e-200, 1e200], vec![1e200, 1e-200]),
        (vec![5e-324; 4], vec![f64::INFINITY; 4]),
        (vec![1e308; 5], vec![1e-308; 5]),
        (vec![1e-308; 3], vec![1.0 / 1e-308; 3]),
        (vec![1e-310; 4], vec![f64::INFINITY; 4]),
        (vec![1e-310; 17], vec![f64::INFINITY; 17]),
        (vec![1e-310; 70], vec![f64::INFINITY; 70]),
    ] {
        let got = inverse(&diag(&d));
        let want = diag(&x);
        for (g, w) in got.data.iter().zip(&want.data) {
            assert!(g == w || (g / w - 1.0).abs() < 1e-15, "{d:?}: {got:?}");
        }
    }
    // f32: 1e-40 I.
    let x = inverse(&Mat::<f32>::real(3, 3, |i, j| if i == j { 1e-40 } else { 0.0 }));
    assert_eq!(x.data[..4], [f32::INFINITY, 0.0, 0.0, 0.0]);
}

/// Complex division must not square the modulus.
#[test]
fn complex_extremes() {
    for s in [1e300, 1e-300, 1e200, 1e-200] {
        for n in [1, 2, 3, 4, 17] {
            let z = c64::new(s, s);
            let x = inverse(&Mat::from_fn(n, n, |i, j| if i == j { z } else { c64::default() }));
            for at in 0..n * n {
                let y = if at / n == at % n { c64::new(0.5, -0.5) } else { c64::default() };
                let got = c64::new(x.data[at].re * s, x.data[at].im * s);
                assert!((got - y).norm() < 1e-15, "{s:e}, n = {n}: {}", x.data[at]);
            }
        }
    }
}

/// Closed forms must survive entries at 1e+-200 and agree on singularity with the others.
#[test]
fn small_orders_far_out() {
    for s in [2f64.powi(664), 2f64.powi(-664), 2f64.powi(498), 2f64.powi(-531)] {
        let x = inverse(&Mat::new(2, 2, vec![s, 2.0 * s, 3.0 * s, 4.0 * s]));
        for (x, y) in x.data.iter().zip([-2.0, 1.0, 1.5, -0.5]) {
            assert!((x * s / y - 1.0).abs() < 1e-15, "{s:e}: {x:e}");
        }
        for n in [2, 3] {
            let a = Mat::<f64>::from_fn(n, n, |i, j| s * ((i + 1) * (j + 1)) as f64);
            assert!(inv(a.view(), &Options::default()).is_err(), "{s:e}, n = {n}: rank 1");
        }
    }
}

/// Matrices whose entries, inverses or factors lie at the ends of the range and past them: the bits of the
/// same matrix in its middle, by a power of two, with one rounding or a signed infinity where that is out
/// of range. Blocked orders included.
fn the_ends_of_the_range<T: Scalar>() {
    let (low, high) = (T::Real::MIN_EXP, -T::Real::MIN_EXP - 12);
    for n in [1, 2, 3, 4, 5, 8, 16, 17, 33, 66, 130, 200].into_iter().filter(in_turn) {
        for call in Call::OWN {
            let whole = call.example::<T>(n, n as u64);
            for k in [low - 10, low - 2, low + 4, -T::Real::BIG_EXP, T::Real::BIG_EXP, high] {
                // An even power: its root is one, too.
                let k = k & !1;
                let a = ldexp(&whole.data, k);
                // Less what fell off the end.
                let back = ldexp(&a, -k);
                let (x, of_back) = call.run(1, n, &back);
                let (y, status) = call.run(1, n, &a);
                let by = match call {
                    Call::Cholesky(_) => k / 2,
                    Call::CholeskyInv(_) => -2 * k,
                    Call::TriInv(_, Diag::Unit) => continue,
                    Call::Solve(_) => 0,
                    _ => -k,
                };
                let what = format!("{call:?}, n = {n}, 2^{k}");
                assert_eq!(status, of_back, "{what}");
                if !matches!(call, Call::Solve(_)) {
                    assert_same_bits(&y, &ldexp(&x, by), &what);
                    continue;
                }
                // Products of a small B and small entries of X lose bits that the large ones do not see.
                let size = |x: &T| x.abs1().to_f64();
                let bar =
                    8.0 * testkit::unit_roundoff::<T>() * x.iter().map(size).fold(1.0, f64::max);
                let near = |(x, y): (&T, &T)| size(&(*x - *y)) <= bar || x.is_nan() && y.is_nan();
                assert!(x.iter().zip(&y).all(near), "{what}");
            }
        }
    }
}

/// The same of pseudo-inverses and condition numbers, to rounding.
fn pseudo_inverses_at_the_ends<T: Scalar>() {
    let (low, high) = (T::Real::MIN_EXP, -T::Real::MIN_EXP - 12);
    let o = Options::default();
    for (m, n) in [(1, 1), (2, 2), (3, 3), (5, 3), (4, 8), (17, 17), (30, 7), (66, 66), (20, 100)] {
        let rng = &mut Rng::new(5);
        let whole: Mat<T> = Mat::from_fn(m, n, |_, _| rng.scalar());
        for k in [low - 5, low - 2, low + 4, -T::Real::BIG_EXP, T::Real::BIG_EXP, high] {
            let a = Mat::new(m, n, ldexp(&whole.data, k));
            let back = Mat::new(m, n, ldexp(&a.data, -k));
            let of = |a: &Mat<T>| mat(pinv(a.view(), &PinvOptions::default(), &o).unwrap());
            let (x, y) = (of(&back), of(&a));
            let size = |x: &[T]| x.iter().map(|x| x.abs1().to_f64()).fold(0.0, f64::max);
            let bar = 1e3 * (m.max(n) as f64) * testkit::unit_roundoff::<T>() * size(&x.data);
            let largest = T::Real::from_f64(2.0).times_power_of_two(-T::Real::MIN_EXP - 1);
            for (at, (x, y)) in x.data.iter().zip(&y.data).enumerate() {
                let what = format!("{m} x {n}, 2^{k}, entry {at}: {y} for {x} 2^{}", -k);
                for (x, y) in [(x.re(), y.re()), (x.im(), y.im())] {
                    assert!(!y.is_nan(), "{what}");
                    let expected = ldexp(&[T::from_re(x)], -k)[0].re();
                    // About as large as anything can be, or larger: an infinity of the sign, or near.
                    let huge = |x: T::Real| RealScalar::abs(x) >= largest.times_power_of_two(-3);
                    if huge(expected) && (huge(y) || !RealScalar::abs(expected).le(&largest)) {
                        let same_sign = (y > T::Real::default()) == (x > T::Real::default());
                        assert!(huge(y) && same_sign, "{what}");
                        continue;
                    }
                    // In the middle of the range, but for the spacing of subnormal numbers.
                    let y = ldexp(&[T::from_re(y)], k)[0].re().to_f64();
                    let spacing = 2f64.powi((low - T::Real::MANTISSA + 1 + k).max(-1074));
                    assert!((y - x.to_f64()).abs() <= bar + spacing, "{what}");
                }
            }
            if m == n {
                for norm in [Norm::One, Norm::Inf, Norm::Two] {
                    let (x, y) = (rcond(back.view(), norm, &o), rcond(a.view(), norm, &o));
                    let (x, y) = (x.unwrap()[0].to_f64(), y.unwrap()[0].to_f64());
                    assert!((x / y - 1.0).abs() < 1e-3, "{norm:?}, {n}, 2^{k}: {x} {y}");
                }
            }
        }
    }
}

/// What is exact of the others' identities: 2^k I has the factor 2^(k/2) I, the factor 2^k I is that of
/// 2^2k I, and as an equation it divides.
fn identities_of_the_others<T: Scalar>() {
    let smallest = T::Real::MIN_EXP - T::Real::MANTISSA;
    let one = T::Real::ONE;
    for n in [1, 2, 3, 4, 8, 16, 17, 40, 66, 130] {
        for k in
            [smallest, smallest + 3, T::Real::MIN_EXP, -T::Real::BIG_EXP, -T::Real::MIN_EXP + 1]
        {
            let a = Mat::<T>::identity(n).ldexp(k);
            let eye = Mat::<T>::identity(n);
            let o = assuming(Assume::Posdef);
            let general = solve(a.view(), eye.view(), &Options::default());
            for (what, x, y) in [
                ("solve", mat(general.unwrap()), one.times_power_of_two(-k)),
                ("inverse of a factor", mat(cholesky_inv(a.view(), Uplo::Lower, &o).unwrap()), {
                    one.times_power_of_two(-k).times_power_of_two(-k)
                }),
                (
                    "triangle",
                    mat(tri_inv(a.view(), Uplo::Upper, Diag::NonUnit, &o).unwrap()),
                    one.times_power_of_two(-k),
                ),
                ("pseudo-inverse", mat(pinv(a.view(), &PinvOptions::default(), &o).unwrap()), {
                    one.times_power_of_two(-k)
                }),
                ("factor", mat(cholesky(a.view(), Uplo::Lower, &o).unwrap()), {
                    T::Real::from_f64(2f64.powi(k & 1).sqrt()).times_power_of_two(k >> 1)
                }),
                ("definite", mat(solve(a.view(), eye.view(), &o).unwrap()), {
                    one.times_power_of_two(-k)
                }),
            ] {
                for at in 0..n * n {
                    let y = if at / n == at % n { y } else { T::Real::default() };
                    let (got, y) = (x.data[at].re().to_f64(), y.to_f64());
                    let near = (got / y - 1.0).abs() < 8.0 * testkit::unit_roundoff::<T>();
                    let none = x.data[at].im().to_f64() == 0.0;
                    assert!(
                        (got == y || near) && none,
                        "{what}, n = {n}, 2^{k}, {at}: {got:e} {y:e}"
                    );
                }
            }
            for norm in [Norm::One, Norm::Inf, Norm::Two] {
                let found = rcond(a.view(), norm, &Options::default()).unwrap()[0].to_f64();
                assert!((found - 1.0).abs() < 1e-6, "{norm:?}, n = {n}, 2^{k}: {found}");
            }
        }
    }
}

#[test]
fn on_every_instruction_set() {
    on_every_set("range::stamped::", 40);
}

mod stamped {
    super::for_all_scalars!(
        pivots_far_under_their_lines,
        powers_of_two_scale_the_bits,
        scaling_that_no_pivot_sees,
        symmetric_scaling_scales_the_bits,
        wide_spreads,
        wide_spreads_of_triangles,
        identities,
        diagonals,
        a3_at_every_scale,
        the_ends_of_the_range,
        pseudo_inverses_at_the_ends,
        identities_of_the_others,
    );
}
