//! Corners of the calls that a reader found: each gave a wrong answer or broke a bound once.

use ainv::{
    Assume, Error, Norm, OnSingular, Operation, Options, PinvOptions, Stack, Tolerance, Uplo, c64,
};

fn with(assume: Assume) -> Options {
    Options { assume, ..Options::default() }
}

#[test]
fn only_inv_has_a_pseudo_inverse_to_fall_back_on() {
    let (a, b) = ([1.0, 2.0, 2.0, 4.0], [1.0, 1.0]);
    let options = Options { on_singular: OnSingular::Pinv, ..Options::default() };
    let (a, b) = (Stack::new(&a, &[2, 2]).unwrap(), Stack::new(&b, &[2, 1]).unwrap());
    assert!(matches!(ainv::solve(a, b, &options), Err(Error::Argument { .. })));
    assert!(matches!(ainv::cholesky(a, Uplo::Lower, &options), Err(Error::Argument { .. })));
    // inv has one, under any structure: that of [[1, 2], [2, 4]] is itself over 25.
    for assume in [Assume::Auto, Assume::Symmetric, Assume::Posdef] {
        let x = ainv::inv(a, &Options { assume, ..options.clone() }).unwrap();
        for (x, y) in x.as_slice().iter().zip([0.04, 0.08, 0.08, 0.16f64]) {
            assert!((x - y).abs() < 1e-15, "{assume:?}");
        }
    }
}

#[test]
fn an_infinite_diagonal_entry_is_inverted_to_zero() {
    for n in [2, 5, 20] {
        let mut a = vec![0.0; n * n];
        for i in 0..n {
            a[i * (n + 1)] = if i == 1 { f64::INFINITY } else { 2.0 };
        }
        let x = ainv::inv(Stack::new(&a, &[n, n]).unwrap(), &with(Assume::Diagonal)).unwrap();
        for at in 0..n * n {
            let y = if at / n == at % n && at / n != 1 { 0.5 } else { 0.0 };
            assert_eq!(x.as_slice()[at], y, "n = {n}, entry {at}");
        }
    }
}

#[test]
fn an_absolute_cut_off_is_scaled_with_the_matrix() {
    let cut = PinvOptions { atol: Some(Tolerance::All(1e302)), ..PinvOptions::default() };
    let a = [1e308];
    let x = ainv::pinv(Stack::new(&a, &[1, 1]).unwrap(), &cut, &Options::default()).unwrap();
    let x: f64 = x.as_slice()[0];
    assert!((x * 1e308 - 1.0).abs() < 1e-12);
}

#[test]
fn a_right_hand_side_that_is_not_finite_hides_no_bad_matrix() {
    let (a, b) = ([-1.0, 0.0, 0.0, 1.0], [f64::INFINITY, 1.0]);
    let x = ainv::solve(
        Stack::new(&a, &[2, 2]).unwrap(),
        Stack::new(&b, &[2, 1]).unwrap(),
        &with(Assume::Posdef),
    );
    assert!(matches!(x, Err(Error::Matrix { .. })), "{x:?}");
}

#[test]
fn zero_over_a_tiny_complex_number_is_zero() {
    let (a, b) = ([c64::new(1e-200, 1e-200)], [c64::new(0.0, 0.0)]);
    let x = ainv::solve(
        Stack::new(&a, &[1, 1]).unwrap(),
        Stack::new(&b, &[1, 1]).unwrap(),
        &with(Assume::Diagonal),
    );
    assert_eq!(x.unwrap().as_slice(), [c64::new(0.0, 0.0)]);
}

#[test]
fn the_condition_does_not_know_of_scale() {
    let a = [1e-310f64, 1e308, -1e308, 1e308, 1e308];
    let stack = |range: std::ops::Range<usize>, n: usize| Stack::new(&a[range], &[n, n]);
    for norm in [Norm::One, Norm::Inf, Norm::Two] {
        let one = ainv::rcond(stack(0..1, 1).unwrap(), norm, &Options::default()).unwrap();
        assert!((one[0] - 1.0).abs() < 1e-15, "{norm:?}: {}", one[0]);
        let half = ainv::rcond(stack(1..5, 2).unwrap(), norm, &Options::default()).unwrap()[0];
        let truth = if norm == Norm::Two { 1.0 } else { 0.5 };
        assert!((half - truth).abs() < 1e-14, "{norm:?}: {half}");
    }
}

#[test]
fn a_plan_for_any_size_is_a_plan_or_an_error() {
    for (operation, shape) in [
        (Operation::Inv, [1, 1 << 30, 1 << 30]),
        (Operation::Pinv, [1, 0, 1 << 60]),
        (Operation::Solve { rhs: 0 }, [3, 4, 4]),
    ] {
        for assume in [Assume::Auto, Assume::Symmetric] {
            let plan = ainv::plan::<f64>(operation, shape, &with(assume));
            assert!(matches!(plan, Ok(_) | Err(Error::Overflow)), "{operation:?}: {plan:?}");
        }
    }
}

#[test]
fn a_result_has_the_type_of_what_it_solves_for() {
    // A as a stack of one, B as a matrix: the result is B's shape.
    let (a, b) = ([2.0, 0.0, 0.0, 4.0], [2.0, 4.0]);
    let x = ainv::solve(
        Stack::new(&a, &[1, 2, 2]).unwrap(),
        Stack::new(&b, &[2, 1]).unwrap(),
        &Options::default(),
    );
    assert_eq!(x.unwrap().shape(), [2, 1]);
}

/// `G` with its columns (or rows) scaled far apart: the inverse is that of `G`, scaled back.
fn graded(n: usize, spread: i32, rows: bool, solve: bool) {
    let mut rng = testkit::Rng::new(7);
    let e: Vec<i32> = (0..n).map(|i| if i % 2 == 0 { spread } else { -spread }).collect();
    for _ in 0..40 {
        let mut g: Vec<f64> = (0..n * n).map(|_| rng.normal()).collect();
        (0..n).for_each(|i| g[i * (n + 1)] += 3.0 * n as f64);
        let power = |i: usize, j: usize| e[if rows { i } else { j }];
        let scale = |x: f64, k: i32| ainv::RealScalar::times_power_of_two(x, k);
        let a: Vec<f64> = (0..n * n).map(|at| scale(g[at], power(at / n, at % n))).collect();
        let plain = ainv::inv(Stack::new(&g, &[n, n]).unwrap(), &Options::default()).unwrap();
        let (a, eye) = (Stack::new(&a, &[n, n]).unwrap(), testkit::Mat::<f64>::identity(n));
        let x = if solve {
            ainv::solve(a, Stack::new(&eye.data, &[n, n]).unwrap(), &Options::default())
        } else {
            ainv::inv(a, &Options::default())
        };
        for (at, &x) in x.unwrap().as_slice().iter().enumerate() {
            let y = plain.as_slice()[at];
            let x = scale(x, power(at % n, at / n));
            assert!((x - y).abs() < 1e-12, "n = {n}, 2^{spread}, entry {at}: {x:e} for {y:e}");
        }
    }
}

#[test]
fn products_that_underflow_between_graded_lines_are_not_lost() {
    for n in [1, 2, 3, 4, 6, 17, 20] {
        for spread in [330, 550, 700] {
            for rows in [false, true] {
                graded(n, spread, rows, false);
                graded(n, spread, rows, true);
            }
        }
    }
}

#[test]
fn solve_calls_singular_what_inv_does() {
    for (n, a) in [
        (2, vec![1.0, 6.0, 1.0, 6.0]),
        (3, vec![1.0, 2.0, 3.0, 1.0, 2.0, 3.0, 4.0, 5.0, 7.0]),
        (3, vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]),
    ] {
        let (a, b) = (Stack::new(&a, &[n, n]).unwrap(), vec![1.0; n]);
        let x = ainv::solve(a, Stack::new(&b, &[n, 1]).unwrap(), &Options::default());
        assert!(matches!(x, Err(Error::Matrix { .. })), "{x:?}");
        assert!(ainv::inv(a, &Options::default()).is_err());
    }
}
