//! The harness can fail (RELIABILITY 2.9): a residual that lets NaN, infinity, a wrong or a
//! transposed inverse through would make every other test worthless.

use super::common::*;
use ainv::*;
use testkit::{Mat, Rng, Worst, left, right};

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
    // The sides are what their names say.
    let (r, l) = (right(&a, &x), left(&a, &x));
    let (rt, lt) =
        (left(&a.transposed(), &x.transposed()), right(&a.transposed(), &x.transposed()));
    assert!((r / rt - 1.0).abs() < 3.0 && (l / lt - 1.0).abs() < 3.0);
}

fn penrose_fails_too<T: Scalar>() {
    let rng = &mut Rng::new(3);
    let a: Mat<T> = Mat::from_fn(6, 4, |_, _| rng.scalar());
    let x = mat(pinv(a.view(), &PinvOptions::default(), &Options::default()).unwrap());
    let worst = |x: &Mat<T>| testkit::penrose(&a, x).into_iter().fold(0.0, f64::max);
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

#[test]
fn worst_fails_on_nan() {
    for (ratio, good) in [(1.0, true), (3.1, false), (f64::NAN, false), (f64::INFINITY, false)] {
        let mut worst = Worst::new("a table");
        worst.check("family", "case", ratio, TIGHT);
        worst.check("family", "case", 0.5, TIGHT);
        assert_eq!(worst.is_good(), good, "{ratio}");
    }
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
}

mod stamped {
    super::for_all_scalars!(wrong_inverses_fail, ratios_do_not_depend_on_scale, penrose_fails_too);
}
