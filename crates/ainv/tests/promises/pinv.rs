//! Pseudo-inverses: the four Penrose conditions, the planted rank, and the tolerances.

use super::common::*;
use ainv::*;
use testkit::{Mat, Rng, Worst, from_singular_values, hermitian_from, penrose, unit_roundoff};

const BAR: f64 = 5.0;

fn run<T: Scalar>(a: &Mat<T>, o: &PinvOptions) -> Result<Mat<T>, Error> {
    pinv(a.view(), o, &Options::default()).map(mat)
}

fn real<T: Scalar>(rows: usize, cols: usize, x: &[f64]) -> Mat<T> {
    Mat::real(rows, cols, |i, j| x[i * cols + j])
}

/// The rank that was kept: the trace of A X.
fn rank<T: Scalar>(a: &Mat<T>, x: &Mat<T>) -> f64 {
    let p = a.widen().times(&x.widen());
    (0..a.rows).map(|i| p[(i, i)].re()).sum()
}

/// Every order to 40 in some shape; those at the edges of the lanes (256 entries, 64 rows or columns) and of
/// the certified route. In the processes that run other sets, some of them.
fn shapes() -> Vec<(usize, usize)> {
    let mut shapes: Vec<(usize, usize)> =
        (0..=12).flat_map(|n| [(n, n), (n + 3, n), (n, n + 5)]).collect();
    shapes.extend([(1, 40), (40, 1), (16, 16), (17, 17), (64, 4), (4, 64), (65, 3), (24, 33)]);
    shapes.extend([(40, 40), (50, 10), (10, 50)]);
    if !is_child() {
        shapes.extend((13..=40).map(|n| match n % 4 {
            0 => (n, n),
            1 => (n, 53 - n),
            2 => (256 / n, n),
            _ => (n, 256 / n + 1),
        }));
        shapes.extend([(64, 64), (100, 30)]);
    }
    shapes
}

/// Each alone, and all of a shape in one stack: in lanes, where full rank, a clear rank and any other have
/// kernels of their own.
fn penrose_conditions<T: Scalar>() {
    let mut worst = Worst::new(format!("pinv, {}", T::NAME));
    for (m, n) in shapes() {
        let full = m.min(n);
        // The planted zeros are rounding noise, a hundred times under this cut.
        let cut = 300.0 * m.max(n) as f64 * unit_roundoff::<T>();
        let mut planted: Vec<(String, usize, Mat<T>)> = Vec::new();
        for r in [full, full.saturating_sub(1), full / 2, 1.min(full), 0] {
            // Graded down to three times the cut, beyond 1e3 in double precision.
            for (spectrum, cond) in
                [("arithmetic", 1e3), ("geometric", 1e3), ("geometric", 1.0 / (3.0 * cut))]
            {
                let cond = f64::min(cond, 1.0 / (3.0 * cut));
                let rng = &mut Rng::new((m * 100 + n) as u64);
                let mut s = testkit::spectrum(spectrum, r, cond);
                s.resize(full, 0.0);
                let deficient = if r < full { "rank deficient" } else { "full rank" };
                let graded = if cond > 1e3 { ", graded" } else { "" };
                let name = format!("{deficient}, {spectrum}{graded}");
                planted.push((name, r, from_singular_values(m, n, &s, rng)));
            }
        }
        let o = PinvOptions { rtol: Some(Tolerance::All(cut)), ..Default::default() };
        let stack: Vec<T> = planted.iter().flat_map(|(_, _, a)| a.data.clone()).collect();
        let stack = Stack::new(&stack, &[planted.len(), m, n]).unwrap();
        let together = pinv(stack, &o, &Options::default()).unwrap();
        for (k, (name, r, a)) in planted.iter().enumerate() {
            let case = format!("{m} x {n} of rank {r}");
            let alone = match run(a, &o) {
                Ok(x) => x,
                Err(e) => {
                    worst.fail(format!("{case}: {e}"));
                    continue;
                }
            };
            let part = &together.as_slice()[k * m * n..(k + 1) * m * n];
            testkit::assert_same_bits(&alone.data, part, &case);
            let options = Options::default();
            let route = match plan::<T>(Operation::Pinv, [1, m, n], &options).unwrap().route {
                Route::Lanes => "lanes",
                _ => "certified",
            };
            for (i, ratio) in penrose(a, &alone).into_iter().enumerate() {
                worst.check(format!("{route}: {name}, condition {}", i + 1), &case, ratio, BAR);
            }
            let kept = rank(a, &alone);
            if !((kept - *r as f64).abs() < 0.2) {
                worst.fail(format!("{case}, {name}: {kept} singular values were kept"));
            }
        }
    }
    worst.finish();
}

/// 1000 x 50 and its transpose, of every planted rank, and graded down to three times the cut.
#[test]
fn tall_and_wide() {
    fn of<T: Scalar>(worst: &mut Worst) {
        for (m, n) in [(1000, 50), (50, 1000)] {
            let cut = 300.0 * 1000.0 * unit_roundoff::<T>();
            let o = PinvOptions { rtol: Some(Tolerance::All(cut)), ..Default::default() };
            let graded = 1.0 / (3.0 * cut);
            let plain = f64::min(1e3, graded);
            for (r, cond) in
                [(50, plain), (50, graded), (49, plain), (25, graded), (1, plain), (0, plain)]
            {
                let mut s = testkit::spectrum("geometric", r, cond);
                s.resize(50, 0.0);
                let a: Mat<T> = from_singular_values(m, n, &s, &mut Rng::new(r as u64));
                let x = run(&a, &o).unwrap();
                let case = format!("{m} x {n} of rank {r}, condition {cond:.0e}");
                for (i, ratio) in penrose(&a, &x).into_iter().enumerate() {
                    let row = format!("{}: condition {}", T::NAME, i + 1);
                    worst.check(row, &case, ratio, BAR);
                }
                let kept = rank(&a, &x);
                assert!((kept - r as f64).abs() < 0.2, "{case}: {kept} were kept");
            }
        }
    }
    let mut worst = Worst::new("pinv of 1000 x 50 and 50 x 1000");
    of::<f32>(&mut worst);
    of::<f64>(&mut worst);
    of::<c32>(&mut worst);
    of::<c64>(&mut worst);
    worst.finish();
}

/// Single precision, double inside: the pseudo-inverse of the widened matrix, rounded once, and cut where
/// double precision cuts.
#[test]
fn double_inside() {
    let wide = Options { precision: Precision::Double, ..Options::default() };
    let mut worst = Worst::new("pinv with double precision inside, relative to the double one");
    for (m, n) in [(1, 1), (3, 3), (5, 4), (4, 9), (16, 16), (17, 16), (30, 20), (20, 60)] {
        for r in [m.min(n), m.min(n) / 2 + 1] {
            let mut s = testkit::spectrum("geometric", r.min(m.min(n)), 100.0);
            s.resize(m.min(n), 0.0);
            let o = PinvOptions { rtol: Some(Tolerance::All(1e-4)), ..Default::default() };
            let a: Mat<f32> = from_singular_values(m, n, &s, &mut Rng::new((m * n + r) as u64));
            let x = mat(pinv(a.view(), &o, &wide).unwrap());
            let y = run(&a.widen(), &o).unwrap();
            let largest = y.data.iter().fold(0.0f64, |m, y| m.max(y.abs()));
            for (x, y) in x.data.iter().zip(&y.data) {
                // Half a unit in the last place of single precision, and a little of the double one.
                let error = (*x as f64 - y).abs() / (y.abs() * 2f64.powi(-24) + largest * 1e-12);
                worst.check("entries", format!("{m} x {n} of rank {r}"), error, 1.0);
            }
            let c: Mat<c32> = from_singular_values(m, n, &s, &mut Rng::new((m * n + r) as u64));
            let x = mat(pinv(c.view(), &o, &wide).unwrap());
            for (i, ratio) in penrose(&c, &x).into_iter().enumerate() {
                let row = format!("complex, condition {}", i + 1);
                worst.check(row, format!("{m} x {n} of rank {r}"), ratio, BAR);
            }
        }
    }
    worst.finish();
}

fn exact_low_rank<T: Scalar>() {
    // Rank 1 of small integers: the default cut must find it.
    let mut worst = Worst::new(format!("pinv of integer rank 1, {}", T::NAME));
    for n in 1..=20 {
        let a: Mat<T> = Mat::real(n, n + 1, |i, j| ((i + 1) * (j + 2)) as f64);
        let x = run(&a, &PinvOptions::default()).unwrap();
        let f: f64 = a.data.iter().map(|x| x.re().to_f64().powi(2)).sum();
        for i in 0..n + 1 {
            for j in 0..n {
                let y = a[(j, i)].re().to_f64() / f;
                let error = (x[(i, j)].re().to_f64() - y).hypot(x[(i, j)].im().to_f64());
                let top = ((n * (n + 2)) as f64) / f;
                worst.check(
                    "entry",
                    format!("n = {n}"),
                    error / (top * n as f64 * unit_roundoff::<T>()),
                    20.0,
                );
            }
        }
    }
    worst.finish();
}

fn hermitian<T: Scalar>() {
    let mut worst = Worst::new(format!("pinv, Hermitian, {}", T::NAME));
    let o = PinvOptions { hermitian: true, ..Default::default() };
    for n in (0..=12).chain([17, 33, 50]) {
        let rng = &mut Rng::new(n as u64);
        let w: Vec<f64> =
            (0..n).map(|i| (1.0 + i as f64) * if i % 2 == 0 { 1.0 } else { -1.0 }).collect();
        let a: Mat<T> = hermitian_from(&w, rng);
        let spoilt = a.map(|i, j, x| if i >= j { x } else { T::nan() });
        let (x, y) = (run(&a, &o).unwrap(), run(&spoilt, &o).unwrap());
        testkit::assert_same_bits(&x.data, &y.data, format!("n = {n}: the upper triangle is read"));
        for ratio in penrose(&a, &x) {
            worst.check("indefinite", format!("n = {n}"), ratio, BAR);
        }
        // The imaginary part of the diagonal is ignored.
        let z = run(&a.map(|i, j, x| if i == j { x + testkit::parts(0.0, 2.0) } else { x }), &o)
            .unwrap();
        testkit::assert_same_bits(&x.data, &z.data, "imaginary diagonal");
    }
    let a = real::<T>(3, 3, &[1.0, 0.0, 0.0, 0.0, -2.0, 0.0, 0.0, 0.0, 0.0]);
    let x = run(&a, &o).unwrap();
    for (x, y) in x.data.iter().zip([1.0, 0.0, 0.0, 0.0, -0.5, 0.0, 0.0, 0.0, 0.0]) {
        assert!((x.re().to_f64() - y).abs() <= 4.0 * unit_roundoff::<T>(), "{x} {y}");
    }
    assert!(matches!(run(&Mat::<T>::zeros(2, 3), &o), Err(Error::Shape { .. })));
    worst.finish();
}

/// Stacks with every rank, so that each register of lanes holds several, and with gaps of all widths
/// at the cut-off: each matrix has the bits that it has alone, the planted rank, and keeps Penrose's
/// conditions, whichever kernel has settled it.
fn ranks_side_by_side<T: Scalar>() {
    let mut worst = Worst::new(format!("pinv of stacks of all ranks, {}", T::NAME));
    let u = unit_roundoff::<T>();
    for (m, n) in [(2, 2), (4, 4), (7, 6), (6, 9), (8, 8), (13, 5), (3, 17), (16, 16)] {
        let full = m.min(n);
        let cut = 300.0 * m.max(n) as f64 * u;
        let rng = &mut Rng::new((m * 100 + n) as u64);
        let planted: Vec<(usize, Mat<T>)> = (0..67)
            .map(|i| {
                let rank = 1 + i * 5 % full;
                let mut s = testkit::spectrum("arithmetic", rank, 10.0);
                // Kept by a hair, or cut off by one; the others are rounding noise.
                match i % 3 {
                    0 => s[rank - 1] = if rank == 1 { 1.0 } else { 1.5 * cut },
                    1 if rank < full => s.push(cut / 1.5),
                    _ => {}
                }
                s.resize(full, 0.0);
                (rank, from_singular_values(m, n, &s, rng))
            })
            .collect();
        let o = PinvOptions { rtol: Some(Tolerance::All(cut)), ..Default::default() };
        let stack: Vec<T> = planted.iter().flat_map(|(_, a)| a.data.clone()).collect();
        let stack = Stack::new(&stack, &[planted.len(), m, n]).unwrap();
        let x = pinv(stack, &o, &Options::default()).unwrap();
        for (i, ((r, a), x)) in planted.iter().zip(x.as_slice().chunks(m * n)).enumerate() {
            let case = format!("{i}, {m} x {n} of rank {r}");
            let alone = run(a, &o).unwrap();
            testkit::assert_same_bits(x, &alone.data, &case);
            for (k, ratio) in penrose(a, &alone).into_iter().enumerate() {
                // A X A lacks what was cut off, which is more than rounding in these.
                if k > 0 || i % 3 != 1 {
                    worst.check(format!("condition {}", k + 1), &case, ratio, BAR);
                }
            }
            let kept = rank(a, &alone);
            if !((kept - *r as f64).abs() < 0.2) {
                worst.fail(format!("{case}: {kept} singular values were kept"));
            }
        }
    }
    worst.finish();
}

/// diag(values) with a tolerance: which ones are kept.
fn tolerances<T: Scalar>() {
    let eps = T::Real::EPSILON.to_f64();
    let all = Tolerance::All;
    type Case<'a> = (&'a str, Option<Tolerance<'a>>, Option<Tolerance<'a>>, [f64; 3], [bool; 3]);
    let table: [Case; 13] = [
        ("default cut 3 eps", None, None, [1.0, 4.0 * eps, 2.0 * eps], [true, true, false]),
        ("equal to the cut: dropped", Some(all(0.5)), None, [1.0, 0.5, 0.25], [true, false, false]),
        ("rtol of the largest", Some(all(0.1)), None, [100.0, 11.0, 9.0], [true, true, false]),
        (
            "rtol 0 keeps all",
            Some(all(0.0)),
            None,
            [1.0, 2f64.powi(-60), 2f64.powi(-90)],
            [true; 3],
        ),
        (
            "atol alone: rtol 0",
            None,
            Some(all(2f64.powi(-80))),
            [1.0, 2f64.powi(-60), 2f64.powi(-90)],
            [true, true, false],
        ),
        (
            "atol 0 alone: default rtol",
            None,
            Some(all(0.0)),
            [1.0, 4.0 * eps, 2.0 * eps],
            [true, true, false],
        ),
        (
            "the larger of both, atol",
            Some(all(0.1)),
            Some(all(0.6)),
            [1.0, 0.7, 0.5],
            [true, true, false],
        ),
        (
            "the larger of both, rtol",
            Some(all(0.6)),
            Some(all(0.1)),
            [1.0, 0.7, 0.5],
            [true, true, false],
        ),
        ("equal to atol: dropped", None, Some(all(0.5)), [1.0, 0.5, 0.75], [true, false, true]),
        ("rtol 1 drops all", Some(all(1.0)), None, [1.0, 0.5, 0.25], [false; 3]),
        ("rtol infinite drops all", Some(all(f64::INFINITY)), None, [1.0, 0.5, 0.25], [false; 3]),
        (
            "each, of one",
            Some(Tolerance::Each(&[0.3])),
            None,
            [1.0, 0.5, 0.25],
            [true, true, false],
        ),
        ("zero matrix", None, None, [0.0; 3], [false; 3]),
    ];
    for (name, rtol, atol, s, keep) in table {
        for hermitian in [false, true] {
            let a = Mat::<T>::real(3, 3, |i, j| if i == j { s[i] } else { 0.0 });
            let x = run(&a, &PinvOptions { rtol, atol, hermitian }).unwrap();
            for i in 0..3 {
                let y = if keep[i] { 1.0 / s[i] } else { 0.0 };
                let got = x[(i, i)].re().to_f64();
                assert!(
                    (got - y).abs() <= 8.0 * unit_roundoff::<T>() * y.abs(),
                    "{name}, {hermitian}: {i} is {got}, not {y}"
                );
            }
        }
    }
    let a = Mat::<T>::identity(2);
    for bad in [all(-1.0), all(f64::NAN), Tolerance::Each(&[1.0, 2.0]), Tolerance::Each(&[])] {
        for o in [
            PinvOptions { rtol: Some(bad), ..Default::default() },
            PinvOptions { atol: Some(bad), ..Default::default() },
        ] {
            assert!(matches!(run(&a, &o), Err(Error::Argument { .. })), "{o:?}");
        }
    }
}

fn each_matrix_its_own<T: Scalar>() {
    let a: Vec<T> = (0..4)
        .flat_map(|_| {
            Mat::<T>::real(2, 2, |i, j| if i == j { 1.0 / (1 + 3 * i) as f64 } else { 0.0 }).data
        })
        .collect();
    let each = [0.0, 0.5, 0.1, 2.0];
    let o = PinvOptions { rtol: Some(Tolerance::Each(&each)), ..Default::default() };
    let x = pinv(Stack::new(&a, &[2, 2, 2, 2]).unwrap(), &o, &Options::default()).unwrap();
    let traces: Vec<f64> =
        x.as_slice().chunks(4).map(|x| (x[0].re().to_f64() + x[3].re().to_f64()).round()).collect();
    assert_eq!(traces, [5.0, 1.0, 5.0, 0.0]);
}

fn not_finite_is_refused<T: Scalar>() {
    for bad in [T::nan(), T::from_re(T::Real::INFINITY)] {
        for (m, n) in [(1, 1), (2, 2), (3, 2), (2, 5), (20, 20)] {
            for hermitian in [false, true] {
                if hermitian && m != n {
                    continue;
                }
                let mut a: Mat<T> = Mat::real(m, n, |i, j| (i == j) as u8 as f64);
                a[(m - 1, 0)] = bad;
                let o = PinvOptions { hermitian, ..Default::default() };
                match run(&a, &o) {
                    Err(Error::Matrix { index: 0, status, failed: 1 }) => {
                        assert_eq!(status.code, Code::NonFinite)
                    }
                    other => panic!("{m} x {n}: {other:?}"),
                }
                let nan = Options { on_singular: OnSingular::Nan, ..Options::default() };
                assert!(mat(pinv(a.view(), &o, &nan).unwrap()).is_all_nan());
            }
        }
    }
}

fn empty_and_scaled<T: Scalar>() {
    for (m, n) in [(0, 0), (3, 0), (0, 3)] {
        let x = run(&Mat::<T>::zeros(m, n), &PinvOptions::default()).unwrap();
        assert_eq!((x.rows, x.cols), (n, m));
    }
    let rng = &mut Rng::new(9);
    let a: Mat<T> = Mat::from_fn(7, 5, |_, _| rng.scalar());
    for k in [-(T::Real::BIG_EXP), -20, 20, T::Real::BIG_EXP] {
        let a = a.ldexp(k);
        let x = run(&a, &PinvOptions::default()).unwrap();
        let worst = penrose(&a, &x).into_iter().fold(0.0, f64::max);
        assert!(worst <= BAR, "times 2^{k}: {worst}");
    }
    let x = run(
        &Mat::<T>::identity(3).ldexp(T::Real::MIN_EXP - T::Real::MANTISSA),
        &PinvOptions::default(),
    )
    .unwrap();
    assert!(!x.data.iter().any(|x| x.re().is_nan()), "a silent NaN: {x:?}");
}

#[test]
fn on_every_instruction_set() {
    on_every_set("pinv::stamped::", 32);
}

mod stamped {
    super::for_all_scalars!(
        penrose_conditions,
        exact_low_rank,
        ranks_side_by_side,
        hermitian,
        tolerances,
        each_matrix_its_own,
        not_finite_is_refused,
        empty_and_scaled,
    );
}
