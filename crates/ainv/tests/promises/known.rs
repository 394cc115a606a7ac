//! Values worth pinning, and the examples of NumPy, torch and MLX.

use super::common::*;
use ainv::*;
use testkit::Mat;

fn near<T: Scalar>(x: &Mat<T>, y: &[f64], what: &str) {
    let top = y.iter().fold(1.0f64, |m, y| m.max(y.abs()));
    for (x, y) in x.data.iter().zip(y) {
        let error = (x.re().to_f64() - y).hypot(x.im().to_f64());
        assert!(error <= 200.0 * testkit::unit_roundoff::<T>() * top, "{what}: {x} is not {y}");
    }
    assert_eq!(x.data.len(), y.len());
}

fn real<T: Scalar>(rows: usize, cols: usize, x: &[f64]) -> Mat<T> {
    Mat::real(rows, cols, |i, j| x[i * cols + j])
}

fn pinned<T: Scalar>() {
    let o = Options::default();
    let inverse = |n, a: &[f64]| mat(inv(real::<T>(n, n, a).view(), &o).unwrap());
    let a3 = inverse(3, &[4.0, 1.0, 2.0, 1.0, 5.0, 3.0, 0.0, 2.0, 6.0]);
    near(&a3, &[24.0, -2.0, -7.0, -6.0, 24.0, -10.0, 2.0, -8.0, 19.0].map(|x| x / 94.0), "A3");
    assert_eq!(inverse(2, &[1.0, 2.0, 3.0, 4.0]), real(2, 2, &[-2.0, 1.0, 1.5, -0.5]));
    // NumPy's page: inv of [[[1, 2], [3, 4]], [[1, 3], [3, 5]]]; MLX's: [[7, 0], ...].
    near(&inverse(2, &[1.0, 3.0, 3.0, 5.0]), &[-1.25, 0.75, 0.75, -0.25], "NumPy");
    near(&inverse(2, &[4.0, 7.0, 2.0, 6.0]), &[0.6, -0.7, -0.2, 0.4], "the first page");
    near(
        &inverse(3, &[1.0, 2.0, 3.0, 0.0, 1.0, 4.0, 5.0, 6.0, 0.0]),
        &[-24.0, 18.0, 5.0, 20.0, -15.0, -4.0, -5.0, 4.0, 1.0],
        "MLX",
    );

    let nan = f64::NAN;
    let factor = real::<T>(3, 3, &[2.0, nan, nan, 1.0, 3.0, nan, 4.0, 5.0, 6.0]);
    let x = mat(cholesky_inv(factor.view(), Uplo::Lower, &o).unwrap());
    let l = real::<T>(3, 3, &[2.0, 0.0, 0.0, 1.0, 3.0, 0.0, 4.0, 5.0, 6.0]);
    assert!(testkit::right(&l.times(&l.adjoint()), &x) <= TIGHT);
    for (at, y) in [(0, 0.3156), (1, -0.0015), (2, -0.0324), (4, 0.1883), (5, -0.0463), (8, 0.0278)]
    {
        assert!((x.data[at].re().to_f64() - y).abs() < 6e-5, "cholesky_inv: {} {y}", x.data[at]);
    }
    let x =
        mat(cholesky_inv(real::<T>(2, 2, &[-2.0, 0.0, 1.0, 3.0]).view(), Uplo::Lower, &o).unwrap());
    near(&x, &[10.0 / 36.0, 2.0 / 36.0, 2.0 / 36.0, 4.0 / 36.0], "negative diagonal");

    let pseudo = |m, n, a: &[f64]| {
        mat(pinv(real::<T>(m, n, a).view(), &PinvOptions::default(), &o).unwrap())
    };
    let tall = [-4.0 / 3.0, -1.0 / 3.0, 2.0 / 3.0, 13.0 / 12.0, 1.0 / 3.0, -5.0 / 12.0];
    near(&pseudo(3, 2, &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]), &tall, "pinv");
    near(&pseudo(3, 3, &[1.0; 9]), &[1.0 / 9.0; 9], "pinv of ones");
    let nine: Vec<f64> = (1..10).map(f64::from).collect();
    let y = [-23.0, -6.0, 11.0, -2.0, 0.0, 2.0, 19.0, 6.0, -7.0].map(|x| x / 36.0);
    near(&pseudo(3, 3, &nine), &y, "pinv of 1 .. 9");

    let lower = real::<T>(2, 2, &[2.0, nan, 1.0, 3.0]);
    near(
        &mat(inv(lower.view(), &assuming(Assume::Symmetric)).unwrap()),
        &[0.6, -0.2, -0.2, 0.4],
        "symmetric",
    );
    let x = mat(solve(
        real::<T>(2, 2, &[2.0, 1.0, 1.0, 3.0]).view(),
        real::<T>(2, 1, &[3.0, 5.0]).view(),
        &o,
    )
    .unwrap());
    near(&x, &[0.8, 1.4], "solve");
}

/// numpy 22502: the unit matrix of order 24 with one 10 at (17, 15), wrong on one CPU.
fn exact_at_order_24<T: Scalar>() {
    for n in [17, 24, 33] {
        let at = (n - 7, n - 9);
        let mut a = Mat::<T>::identity(n);
        a[at] = T::from_re(T::Real::from_f64(10.0));
        let mut y = Mat::<T>::identity(n);
        y[at] = T::from_re(T::Real::from_f64(-10.0));
        for assume in [Assume::Auto, Assume::General, Assume::Lower] {
            assert_eq!(mat(inv(a.view(), &assuming(assume)).unwrap()), y, "{assume:?}, n = {n}");
        }
    }
}

fn permutations_are_exact<T: Scalar>() {
    for n in (1..=40).chain([65, 130]) {
        let p = testkit::Rng::new(n as u64).permutation(n);
        let a = Mat::<T>::real(n, n, |i, j| (p[i] == j) as u8 as f64);
        assert_eq!(mat(inv(a.view(), &Options::default()).unwrap()), a.transposed(), "n = {n}");
    }
}

#[test]
fn complex_values() {
    let i = c64::new(0.0, 1.0);
    let re = |x: f64| c64::new(x, 0.0);
    let o = Options::default();
    let a = Mat::new(2, 2, vec![re(2.0), c64::new(f64::NAN, 0.0), -i, re(3.0)]);
    let x =
        mat(pinv(a.view(), &PinvOptions { hermitian: true, ..Default::default() }, &o).unwrap());
    for (x, y) in x.data.iter().zip([re(0.6), -i * 0.2, i * 0.2, re(0.4)]) {
        assert!((x - y).norm() < 1e-15, "{x} {y}");
    }
    // torch's and SciPy's cholesky inverse drop the imaginary part of a diagonal: 1 / |2 + i|^2.
    let x = mat(
        cholesky_inv(Mat::new(1, 1, vec![c64::new(2.0, 1.0)]).view(), Uplo::Lower, &o).unwrap()
    );
    assert!((x.data[0] - re(0.2)).norm() < 1e-16, "{}", x.data[0]);
    for n in [2, 5, 17] {
        let l = Mat::from_fn(n, n, |r, c| {
            if r >= c { c64::new(1.0 + r as f64, 0.5 + c as f64) } else { re(0.0) }
        });
        let x = mat(cholesky_inv(l.view(), Uplo::Lower, &o).unwrap());
        let mut ratio = testkit::right(&l.times(&l.adjoint()), &x);
        // The condition of this factor is large: its product is not exact.
        ratio /= testkit::norm1(&l) * testkit::norm1(&x).sqrt();
        assert!(ratio <= HARD, "n = {n}: {ratio}");
    }
}

/// The reciprocal condition number is that of the inverse.
fn condition_numbers<T: Scalar>() {
    for n in (1..=20).chain([33, 64, 100]) {
        for cond in [2.0, 1e3, 0.01 / T::Real::EPSILON.to_f64()] {
            let rng = &mut testkit::Rng::new(n as u64);
            let a: Mat<T> =
                testkit::from_singular_values(n, n, &testkit::spectrum("geometric", n, cond), rng);
            let r = |norm| rcond(a.view(), norm, &Options::default()).unwrap()[0].to_f64();
            let two = r(Norm::Two);
            let planted = if n == 1 { 1.0 } else { 1.0 / cond };
            assert!((two / planted - 1.0).abs() < 0.3, "n = {n}: {two} is not {planted}");
            let x = inv(a.widen().view(), &Options::default()).map(mat).unwrap();
            let one = 1.0 / (testkit::norm1(&a) * testkit::norm1(&x));
            assert!(
                (r(Norm::One) / one - 1.0).abs() < 0.3,
                "n = {n}: {} is not {one}",
                r(Norm::One)
            );
            let inf = 1.0 / (testkit::norm1(&a.transposed()) * testkit::norm1(&x.transposed()));
            assert!(
                (r(Norm::Inf) / inf - 1.0).abs() < 0.3,
                "n = {n}: {} is not {inf}",
                r(Norm::Inf)
            );
        }
    }
    for norm in [Norm::One, Norm::Inf, Norm::Two] {
        let of = |x: f64| {
            rcond(
                Mat::<T>::real(2, 2, |i, j| if i == j { [1.0, x][i] } else { 0.0 }).view(),
                norm,
                &Options::default(),
            )
            .unwrap()[0]
        };
        assert_eq!(of(0.0).to_f64(), 0.0);
        assert_eq!(of(0.25).to_f64(), 0.25);
        assert!(of(f64::NAN).is_nan());
    }
}

#[test]
fn on_the_portable_set_too() {
    on_the_portable_set("known::stamped::", 16);
}

mod stamped {
    super::for_all_scalars!(pinned, exact_at_order_24, permutations_are_exact, condition_numbers);
}
