//! The harness can fail: a residual that lets NaN, infinity, a wrong or a
//! transposed inverse through would make every other test worthless.

use super::common::*;
use ainv::*;
use testkit::{Mat, Rng, Worst, left, parts, right};

fn wrong_inverses_fail<T: Scalar>() {
    for n in [1, 2, 3, 5, 8, 17, 40] {
        let rng = &mut Rng::new(n as u64);
        let a: Mat<T> = Mat::from_fn(n, n, |_, _| rng.scalar());
        let x = mat(inv(a.view(), &Options::default()).unwrap());
        let (r, l) = testkit::right_and_left(&a, &x);
        assert!(r <= HARD && l <= 1e3, "n = {n}: the true inverse passes: {r} {l}");
        let with = |name: &str, change: &dyn Fn(usize, usize, T) -> T| {
            let y = x.map(change);
            for (side, ratio) in [("right", right(&a, &y)), ("left", left(&a, &y))] {
                assert!(!(ratio <= HARD), "n = {n}: {name} passes on the {side}: {ratio}");
            }
        };
        let last = (n - 1, n / 2);
        let put = |value: f64| {
            move |i: usize, j: usize, x: T| {
                if (i, j) == last { T::from_re(T::Real::from_f64(value)) } else { x }
            }
        };
        with("one NaN", &put(f64::NAN));
        with("one infinity", &put(f64::INFINITY));
        with("all NaN", &|_, _, _| T::nan());
        with("zero", &|_, _, _| T::default());
        with("negative", &|_, _, x| -x);
        // ||A|| ||X|| may be large: an error of 100 in the ratio's own measure.
        let condition = testkit::norm1(&a) * testkit::norm1(&x);
        let off = 1.0 + 100.0 * testkit::unit_roundoff::<T>() * n as f64 * condition;
        with("a hundred roundings off", &|_, _, x| x.map(|p| p * T::Real::from_f64(off)));
        if n > 1 {
            let t = x.transposed();
            with("transposed", &|i, j, _| t[(i, j)]);
            with("rows swapped", &|i, j, _| x[(if i < 2 { 1 - i } else { i }, j)]);
            with("columns swapped", &|i, j, _| x[(i, if j < 2 { 1 - j } else { j })]);
        }
        if T::COMPLEX {
            with("conjugated", &|_, _, x| Scalar::conj(x));
        }
        // A matrix that is not finite has no ratio either.
        assert!(!(right(&a.map(|_, _, _| T::nan()), &x) <= HARD));
        assert!(!(right(&a, &Mat::zeros(n, n + 1)) <= HARD), "a wrong shape passes");
    }
}

fn ratios_do_not_depend_on_scale<T: Scalar>() {
    let rng = &mut Rng::new(7);
    let a: Mat<T> = Mat::from_fn(9, 9, |_, _| rng.scalar());
    let x = mat(inv(a.view(), &Options::default()).unwrap());
    for k in [-90, 90] {
        assert_eq!(right(&a, &x), right(&a.ldexp(k), &x.ldexp(-k)));
        assert_eq!(left(&a, &x), left(&a.ldexp(k), &x.ldexp(-k)));
    }
    // The sides are what their names say: A X = I exactly in the first column, X A = I nowhere near.
    let e = testkit::unit_roundoff::<T>().sqrt().log2().floor().exp2();
    let a = Mat::<T>::real(2, 2, |i, j| [[1.0, 0.0], [0.0, e]][i][j]);
    let x = Mat::<T>::real(2, 2, |i, j| [[1.0, 0.0], [1.0, 1.0 / e]][i][j]);
    let (r, l) = (right(&a, &x), left(&a, &x));
    assert!(r > 0.0 && r * 100.0 < l, "{r} is the right side, {l} the left one");
    assert!((right(&a.transposed(), &x.transposed()) / l - 1.0).abs() < 0.1);
}

fn penrose_fails_too<T: Scalar>() {
    let rng = &mut Rng::new(3);
    let a: Mat<T> = Mat::from_fn(6, 4, |_, _| rng.scalar());
    let x = mat(pinv(a.view(), &PinvOptions::default(), &Options::default()).unwrap());
    let worst = |x: &Mat<T>| largest(testkit::penrose(&a, x));
    assert!(worst(&x) <= HARD, "{:?}", testkit::penrose(&a, &x));
    let wrong: [(&str, Mat<T>); 4] = [
        ("NaN", x.map(|_, _, _| T::nan())),
        ("zero", x.map(|_, _, _| T::default())),
        ("double", x.map(|_, _, x| x + x)),
        ("one entry", x.map(|i, j, x| if i + j == 0 { x + x } else { x })),
    ];
    for (name, x) in wrong {
        assert!(!(worst(&x) <= HARD), "{name} passes");
    }
    // A left inverse alone is not the pseudo-inverse: (C A)^-1 C fails the third condition alone.
    let c: Mat<T> = Mat::from_fn(4, 6, |_, _| rng.scalar());
    let ca = c.times(&a);
    let y = mat(inv(ca.view(), &Options::default()).unwrap()).times(&c);
    assert!(!(testkit::penrose(&a, &y)[2] <= 1e3));
}

/// The largest of Penrose's four ratios, a NaN before all others.
fn largest(ratios: [f64; 4]) -> f64 {
    if ratios.iter().any(|x| x.is_nan()) {
        f64::NAN
    } else {
        ratios.into_iter().fold(0.0, f64::max)
    }
}

/// A measure of a result, with the result that it must pass.
type Measure<'a, T> = (&'static str, Mat<T>, Box<dyn Fn(&Mat<T>) -> f64 + 'a>);

/// Every measure of the harness, given a wrong result: a NaN or an infinity in either part of any entry,
/// zero, one entry off, the transpose.
fn every_measure_fails<T: Scalar>() {
    let o = Options::default();
    for n in [2, 3, 5, 9] {
        let rng = &mut Rng::new(40 + n as u64);
        let a: Mat<T> = Mat::from_fn(n, n, |_, _| rng.scalar());
        let b: Mat<T> = Mat::from_fn(n, n, |_, _| rng.scalar());
        let x = mat(inv(a.view(), &o).unwrap());
        let p = Call::Inv(Assume::Posdef).example::<T>(n, 3);
        let l = mat(cholesky(p.view(), Uplo::Lower, &o).unwrap());
        let y = mat(solve(a.view(), b.view(), &o).unwrap());
        let exact = testkit::exact_inverse(&a).unwrap();
        let wide: Mat<T> = Mat::from_fn(n, n + 2, |_, _| rng.scalar());
        let pseudo = mat(pinv(wide.view(), &PinvOptions::default(), &o).unwrap());
        let measures: Vec<Measure<T>> = vec![
            ("right", x.clone(), Box::new(|x| right(&a, x))),
            ("left", x.clone(), Box::new(|x| left(&a, x))),
            ("entry_error", x.clone(), Box::new(|x| testkit::entry_error(&a, x, &exact))),
            ("rebuilt", l.clone(), Box::new(|l| testkit::rebuilt(&p, l, &l.adjoint()))),
            ("residual_of_solve", y.clone(), Box::new(|y| testkit::residual_of_solve(&a, &b, y))),
            ("solved", y.clone(), Box::new(|y| super::large::solved(&a, &b, y))),
            ("penrose", pseudo.clone(), Box::new(|x| largest(testkit::penrose(&wide, x)))),
            (
                "same_bits",
                x.clone(),
                Box::new(|y| if testkit::same_bits(&x.data, &y.data) { 0.0 } else { 1e9 }),
            ),
        ];
        for (name, good, measure) in &measures {
            let what = format!("{name}, n = {n}");
            assert!(measure(good) <= HARD, "{what}: the true one passes: {}", measure(good));
            let fails = |wrong: &str, y: &Mat<T>| {
                let ratio = measure(y);
                assert!(!(ratio <= HARD), "{what}: {wrong} passes: {ratio}");
            };
            let mut values = vec![(f64::NAN, 0.0), (f64::INFINITY, 0.0), (f64::NEG_INFINITY, 1.0)];
            if T::COMPLEX {
                values.extend([(0.0, f64::NAN), (1.0, f64::INFINITY)]);
            }
            for at in 0..good.data.len() {
                for (re, im) in &values {
                    let mut y = good.clone();
                    y.data[at] = parts(*re, *im);
                    fails(&format!("({re}, {im}) at {at}"), &y);
                }
            }
            let size = |x: &T| x.re().to_f64().hypot(x.im().to_f64());
            let sizes = good.data.iter().map(size).enumerate();
            let (at, _) = sizes.max_by(|x, y| x.1.total_cmp(&y.1)).unwrap();
            let mut y = good.clone();
            y.data[at] = y.data[at].map(|x| x * T::Real::from_f64(1.1));
            fails("ten per cent off in one entry", &y);
            fails("zero", &good.map(|_, _, _| T::default()));
            fails("far too large", &good.map(|_, _, x| x.ldexp(30)));
            fails("far too small", &good.map(|_, _, x| x.ldexp(-30)));
            if good.rows == good.cols {
                fails("transposed", &good.transposed());
            }
            if *name != "same_bits" {
                fails("another shape", &Mat::new(1, good.data.len(), good.data.clone()));
            }
        }
        // A matrix that is not finite has no ratio.
        let bad = a.map(|i, j, x| if (i, j) == (n - 1, 0) { T::nan() } else { x });
        assert!(!(testkit::entry_error(&bad, &x, &exact) <= HARD));
        assert!(!(testkit::residual_of_solve(&bad, &b, &y) <= HARD));
        assert!(!(testkit::rebuilt(&bad, &l, &l.adjoint()) <= HARD));
        assert!(!(super::large::solved(&bad, &b, &y) <= HARD));
        assert!(!(testkit::norm1(&bad) < f64::INFINITY));
    }
}

fn norms_and_bits<T: Scalar>() {
    let a: Mat<T> = Mat::real(2, 2, |i, j| [[1.0, -2.0], [3.0, 4.0]][i][j]);
    assert_eq!(testkit::norm1(&a), 6.0);
    let parts_of = |re: f64, im: f64| parts::<T>(re, im);
    for bad in [parts_of(f64::NAN, 0.0), parts_of(f64::INFINITY, 0.0)] {
        for at in 0..4 {
            let mut b = a.clone();
            b.data[at] = bad;
            assert_eq!(testkit::norm1(&b), f64::INFINITY, "{bad} at {at}");
        }
    }
    let zero = [parts_of(0.0, 0.0)];
    assert!(testkit::same_bits(&zero, &zero));
    assert!(!testkit::same_bits(&zero, &[parts_of(-0.0, 0.0)]), "a zero's sign is a bit");
    assert!(!testkit::same_bits(&zero, &zero[..0]), "so is what is missing");
    let nan = [parts_of(f64::NAN, 0.0)];
    assert!(testkit::same_bits(&nan, &[parts_of(-f64::NAN, 0.0)]), "a NaN is a NaN");
    assert!(!testkit::same_bits(&nan, &zero));

    // A real one, whose transpose it is as well, or a complex one.
    let h: Mat<T> = Mat::from_fn(3, 3, |i, j| {
        let sign = if i < j { -1.0 } else { 1.0 };
        parts_of((i + j) as f64, if i == j { 0.0 } else { sign * 2.0 })
    });
    assert!(h.is_hermitian());
    let with = |at: usize, x: T| {
        let mut h = h.clone();
        h.data[at] = x;
        h
    };
    let up = T::Real::from_f64(1.0) + T::Real::EPSILON;
    assert!(!with(1, h.data[1].map(|x| x * up)).is_hermitian(), "one rounding off");
    assert!(!with(1, -h.data[1]).is_hermitian());
    assert!(!with(1, parts_of(f64::NAN, 0.0)).is_hermitian());
    assert!(!with(1, parts_of(f64::INFINITY, 0.0)).is_hermitian());
    assert!(!with(1, T::default()).is_hermitian());
    assert!(!with(0, parts_of(f64::NAN, 0.0)).is_hermitian());
    assert!(!Mat::<T>::zeros(2, 3).is_hermitian());
    // The signs of zeros: real parts are the same bits, imaginary ones have either sign.
    let zeros = |x: T, y: T| Mat::new(2, 2, vec![T::default(), x, y, T::default()]);
    assert!(!zeros(parts_of(-0.0, 0.0), T::default()).is_hermitian());
    assert!(zeros(parts_of(-0.0, 0.0), parts_of(-0.0, 0.0)).is_hermitian());
    assert!(zeros(parts_of(0.0, -0.0), parts_of(0.0, 0.0)).is_hermitian());
    assert!(zeros(parts_of(0.0, 0.0), parts_of(0.0, 0.0)).is_hermitian());
    if T::COMPLEX {
        assert!(!with(0, parts_of(0.0, 1e-30)).is_hermitian(), "a diagonal that is not real");
        assert!(!with(1, Scalar::conj(h.data[1])).is_hermitian());
        for im in [f64::NAN, f64::INFINITY] {
            assert!(!with(1, parts_of(1.0, im)).is_hermitian());
        }
    }
}

#[test]
fn worst_fails_on_nan() {
    for (ratio, good) in [(1.0, true), (3.1, false), (f64::NAN, false), (f64::INFINITY, false)] {
        let mut worst = Worst::new("a table");
        worst.check("family", "case", ratio, TIGHT);
        worst.check("family", "case", 0.5, TIGHT);
        assert_eq!(worst.is_good(), good, "{ratio}");
    }
    // What is only recorded is not forgotten, either.
    for (ratio, kept) in [(2.0, 2.0), (f64::NAN, f64::INFINITY), (f64::INFINITY, f64::INFINITY)] {
        let mut worst = Worst::new("a table");
        worst.record("family", "case", 0.5);
        worst.record("family", "case", ratio);
        worst.record("family", "case", 0.5);
        assert_eq!(worst.of("family"), Some(kept));
    }
    assert!(!Worst::new("an empty table").is_good());
}

#[test]
#[should_panic(expected = "nothing was looked at")]
fn worst_fails_on_nothing() {
    Worst::new("an empty table").finish();
}

#[test]
#[should_panic(expected = "is over 3")]
fn worst_panics_on_nan() {
    let mut worst = Worst::new("a table that fails, as it should");
    worst.check("family", "case", f64::NAN, TIGHT);
    worst.finish();
}

/// The error of the harness itself: a product that cancels to 1e-30 is seen.
#[test]
fn residuals_are_summed_in_twice_the_precision() {
    let e = 2f64.powi(-40);
    let a = Mat::new(2, 2, vec![1.0, 1.0 - e, 1.0 + e, 1.0]);
    // The exact inverse is [[1, e - 1], [-1 - e, 1]] / e^2, exact in f64.
    let s = 1.0 / (e * e);
    let x = Mat::new(2, 2, vec![s, (e - 1.0) * s, (-1.0 - e) * s, s]);
    assert_eq!(right(&a, &x), 0.0);
    assert_eq!(left(&a, &x), 0.0);
    // (1 + e) (1 - e) is 1 in f64: all of the residual e^2 is rounding errors.
    let u = f64::EPSILON / 2.0;
    let (a, x) = (Mat::new(1, 1, vec![1.0 + e]), Mat::new(1, 1, vec![1.0 - e]));
    assert_close(right(&a, &x), e * e / u);
    assert_close(left(&a, &x), e * e / u);
    // The same of the imaginary part, in a column that has twice as much of it.
    let complex = |re: [f64; 4], im: [f64; 4]| {
        Mat::new(2, 2, re.into_iter().zip(im).map(|(re, im)| c64::new(re, im)).collect())
    };
    let a = complex([1.0 + e, 0.0, 0.0, 1.0], [0.0, -2.0, 0.0, 0.0]);
    let x = complex([1.0 - e, 0.0, 0.0, 1.0], [0.0, 2.0 * (1.0 - e), 0.0, 0.0]);
    assert_close(right(&a, &x), 2.0 * e * e / (2.0 * u * 3.0 * 3.0));
}

fn assert_close(ratio: f64, expected: f64) {
    assert!((ratio / expected - 1.0).abs() < 1e-9, "{ratio:e} is not {expected:e}");
}

mod stamped {
    super::for_all_scalars!(
        wrong_inverses_fail,
        every_measure_fails,
        norms_and_bits,
        ratios_do_not_depend_on_scale,
        penrose_fails_too,
    );
}
