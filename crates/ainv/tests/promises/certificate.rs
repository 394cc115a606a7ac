//! Pseudo-inverses are taken from an inverse only where no singular value is at or under the cut-off:
//! driven from both sides of it, and by which way each matrix goes.

use super::common::*;
use ainv::*;
use ainv_kernels::bounds::{Bounds, Cut, Orthogonal};
use std::sync::Mutex;
use testkit::{
    Mat, Rng, Worst, from_singular_values, hermitian_from, penrose, singular_values, spectrum,
    unit_roundoff,
};

const BAR: f64 = 5.0;

fn certified(way: Way) -> bool {
    use Way::*;
    matches!(way, GramSchmidt | Lu | Gram | TwoPasses | Cholesky)
}

/// The pseudo-inverses of matrices of one shape, one after the other, and how each was found.
fn told<T: Scalar>(all: &[Mat<T>], o: &PinvOptions) -> (Vec<Mat<T>>, Vec<Way>) {
    let (m, n) = (all[0].rows, all[0].cols);
    let a: Vec<T> = all.iter().flat_map(|a| a.data.clone()).collect();
    let mut x = vec![T::nan(); a.len()];
    let ways = Mutex::new(vec![Way::Decomposition; all.len()]);
    pinv_told(
        Stack::new(&a, &[all.len(), m, n]).unwrap(),
        StackMut::new(&mut x, &[all.len(), n, m]).unwrap(),
        o,
        &mut [],
        &Options::default(),
        &|i, way| ways.lock().unwrap()[i] = way,
    )
    .unwrap();
    let x = x.chunks(m * n).map(|x| Mat::new(n, m, x.to_vec())).collect();
    (x, ways.into_inner().unwrap())
}

fn tell<T: Scalar>(a: &Mat<T>, o: &PinvOptions) -> (Mat<T>, Way) {
    let (mut x, ways) = told(std::slice::from_ref(a), o);
    (x.remove(0), ways[0])
}

fn rtol(rtol: f64) -> PinvOptions<'static> {
    PinvOptions { rtol: Some(Tolerance::All(rtol)), ..PinvOptions::default() }
}

/// A matrix of one of the families that bounds find hard: the spectra, graded lines, near-duplicate
/// columns, small integers, triangles of ones, an orthogonal matrix, and plain normal numbers.
fn adversary<T: Scalar>(m: usize, n: usize, k: usize, rng: &mut Rng) -> Mat<T> {
    let digits = if size_of::<T::Real>() == 4 { 6.0 } else { 13.0 };
    let cond = 10f64.powf(digits * rng.uniform().abs());
    let normal = |rng: &mut Rng| Mat::<T>::from_fn(m, n, |_, _| rng.scalar());
    let power = |i: usize, of: usize| {
        T::Real::from_f64(cond.powf(-(i as f64) / of.saturating_sub(1).max(1) as f64))
    };
    match k % 10 {
        0 => normal(rng),
        kind @ 1..=4 => {
            let name = ["arithmetic", "geometric", "one large", "one small"][kind - 1];
            from_singular_values(m, n, &spectrum(name, m.min(n), cond), rng)
        }
        5 => normal(rng).map(|i, _, x| x.map(|x| x * power(i, m))),
        6 => normal(rng).map(|_, j, x| x.map(|x| x * power(j, n))),
        7 => {
            let a = normal(rng);
            let near = T::Real::from_f64(1.0 / cond);
            a.map(|i, j, x| if j == 0 { x } else { a[(i, 0)] + x.map(|x| x * near) })
        }
        8 => Mat::real(m, n, |_, _| (rng.below(5) as f64) - 2.0),
        _ => Mat::real(m, n, |i, j| match i.cmp(&j) {
            std::cmp::Ordering::Less => -1.0,
            std::cmp::Ordering::Equal => 1.0,
            std::cmp::Ordering::Greater => (rng.below(20) == 0) as u8 as f64,
        }),
    }
}

/// Relative cut-offs on both sides of a ratio of singular values, and far from it.
const AROUND: [f64; 7] = [1.03, 1.0 + 1e-6, 0.999, 0.97, 0.5, 0.1, 0.01];

/// Certifies at each cut-off around the smallest singular value; how many were, and how many there were.
fn drive<T: Scalar>(all: &[Mat<T>], relative: bool) -> (usize, usize) {
    let values: Vec<Vec<f64>> = all.iter().map(singular_values).collect();
    let (mut sure, mut cases) = (0, 0);
    for around in AROUND {
        let cuts: Vec<f64> = values
            .iter()
            .map(|s| around * s[s.len() - 1] / if relative { s[0].max(1e-99) } else { 1.0 })
            .collect();
        let each = Some(Tolerance::Each(&cuts));
        let o = match relative {
            true => PinvOptions { rtol: each, ..PinvOptions::default() },
            false => PinvOptions { atol: each, ..PinvOptions::default() },
        };
        for ((way, s), (cut, a)) in told(all, &o).1.iter().zip(&values).zip(cuts.iter().zip(all)) {
            let (large, small) = (s[0], s[s.len() - 1]);
            // What the values above are known to.
            let known = 1e-15 * a.rows.max(a.cols) as f64 * large;
            let cut = cut * if relative { large } else { 1.0 };
            cases += 1;
            sure += certified(*way) as usize;
            assert!(
                !certified(*way) || small + known > cut && small > known / 8.0,
                "{way:?} of {} {} x {}: {small} is not over {cut}",
                T::NAME,
                a.rows,
                a.cols,
            );
        }
    }
    (sure, cases)
}

fn never_wrongly_in_lanes<T: Scalar>() {
    let rng = &mut Rng::new(61);
    let (mut sure, mut cases) = (0, 0);
    for n in 1..=8 {
        for (m, n) in [(n, n), (n + 1, n), (n, n + 3), (2 * n, n)] {
            let all: Vec<Mat<T>> = (0..400).map(|k| adversary(m, n, k, rng)).collect();
            for relative in [true, false] {
                let (s, c) = drive(&all, relative);
                (sure, cases) = (sure + s, cases + c);
            }
        }
    }
    testkit::say(format!("{}: {sure} of {cases} small ones certified", T::NAME));
    assert!(cases > 100_000 && sure > cases / 10, "{sure} of {cases}");
}

fn never_wrongly_by_blocks<T: Scalar>() {
    let rng = &mut Rng::new(62);
    let (mut sure, mut cases) = (0, 0);
    for (m, n) in [(17, 17), (24, 24), (40, 40), (65, 65), (40, 17), (20, 64), (100, 33)] {
        let all: Vec<Mat<T>> = (0..40).map(|k| adversary(m, n, k, rng)).collect();
        for relative in [true, false] {
            let (s, c) = drive(&all, relative);
            (sure, cases) = (sure + s, cases + c);
        }
    }
    testkit::say(format!("{}: {sure} of {cases} larger ones certified", T::NAME));
    assert!(sure > cases / 10, "{sure} of {cases}");
}

fn never_wrongly_hermitian<T: Scalar>() {
    let rng = &mut Rng::new(63);
    let digits = if size_of::<T::Real>() == 4 { 6.0 } else { 13.0 };
    let (mut sure, mut cases) = (0, 0);
    for n in [3, 8, 17, 30, 65] {
        for k in 0..40 {
            let cond = 10f64.powf(digits * rng.uniform().abs());
            let kind = ["arithmetic", "geometric", "one large", "one small"][k % 4];
            let mut values = spectrum(kind, n, cond);
            if k % 5 == 4 {
                values[n - 1] = -values[n - 1];
            }
            let a: Mat<T> = hermitian_from(&values, rng);
            let s = singular_values(&a);
            for around in AROUND {
                let cut = around * s[n - 1] / s[0];
                let (_, way) = tell(&a, &PinvOptions { hermitian: true, ..rtol(cut) });
                cases += 1;
                sure += certified(way) as usize;
                let known = 1e-15 * n as f64 * s[0];
                assert!(
                    !certified(way) || s[n - 1] + known > cut * s[0],
                    "{way:?} {n} {s:?} {cut}"
                );
            }
        }
    }
    assert!(sure > cases / 10, "{sure} of {cases}");
}

/// Powers of two on the diagonal between orthogonal matrices of exact entries: the singular values are
/// known to the last bit, and a cut-off may be one of them.
fn exactly_at_the_cut<T: Scalar>() {
    let hadamard = |n: usize| {
        move |i: usize, j: usize| {
            let sign = if (i & j).count_ones().is_multiple_of(2) { 1.0 } else { -1.0 };
            sign / (n as f64).sqrt()
        }
    };
    let digits = if size_of::<T::Real>() == 4 { 14 } else { 40 };
    for n in [4usize, 16, 64] {
        for exponent in 1..=digits {
            let small = 2f64.powi(-exponent);
            let h = hadamard(n);
            let s = |k: usize| if k + 1 == n { small } else { 1.0 };
            let a: Mat<T> = Mat::real(n, n, |i, j| (0..n).map(|k| h(i, k) * s(k) * h(k, j)).sum());
            for (cut, kept) in [(small, n - 1), (small / 2.0, n)] {
                let o = PinvOptions {
                    atol: Some(Tolerance::All(cut)),
                    rtol: Some(Tolerance::All(0.0)),
                    hermitian: false,
                };
                let (x, way) = tell(&a, &o);
                assert!(kept == n || !certified(way), "{n}, 2^-{exponent}: {way:?} at the cut");
                if kept == n {
                    let rank = rank(&a, &x);
                    assert!((rank - n as f64).abs() < 0.1, "{n}, 2^-{exponent}: rank {rank}");
                }
            }
        }
    }
}

/// The rank that was kept: the trace of A X.
fn rank<T: Scalar>(a: &Mat<T>, x: &Mat<T>) -> f64 {
    let p = a.widen().times(&x.widen());
    (0..a.rows).map(|i| p[(i, i)].re()).sum()
}

/// What must be certified, or it is no fast way.
fn takes_its_way<T: Scalar>() {
    let mut worst = Worst::new(format!("pinv by each way, {}", T::NAME));
    let rng = &mut Rng::new(64);
    let single = size_of::<T::Real>() == 4;
    let of = |m: usize, n: usize, kind: &str, cond: f64, rng: &mut Rng| -> Mat<T> {
        from_singular_values(m, n, &spectrum(kind, m.min(n), cond), rng)
    };
    let low = |m: usize, n: usize, r: usize, rng: &mut Rng| -> Mat<T> {
        from_singular_values(m, n, &spectrum("arithmetic", r, 10.0), rng)
    };
    // In single precision the cut-off is near; inside it is double, which needs one pass alone.
    let (ill, passes) = if single { (1e3, Way::Gram) } else { (1e5, Way::TwoPasses) };
    let no_gap = 10f64.powi(if single { -9 } else { -20 });
    let mut cases: Vec<(&str, Mat<T>, Way)> = vec![
        ("6 x 6", of(6, 6, "geometric", 1e2, rng), Way::GramSchmidt),
        ("16 x 16", of(16, 16, "geometric", 1e2, rng), Way::GramSchmidt),
        ("6 x 7", of(6, 7, "geometric", 1e2, rng), Way::GramSchmidt),
        ("rank 3 of 6", low(6, 6, 3, rng), Way::Subspace),
        ("rank 8 of 16", low(16, 16, 8, rng), Way::Subspace),
        ("rank 2 of 5 x 9", low(5, 9, 2, rng), Way::Subspace),
        ("no gap in 16", of(16, 16, "geometric", 1.0 / no_gap, rng), Way::Jacobi),
        ("zero", Mat::zeros(5, 5), Way::Decomposition),
        ("40 x 40", of(40, 40, "geometric", 1e2, rng), Way::Lu),
        ("200 x 200", of(200, 200, "arithmetic", 1e2, rng), Way::Lu),
        ("100 x 20", of(100, 20, "arithmetic", 2.0, rng), Way::Gram),
        ("20 x 100", of(20, 100, "arithmetic", 2.0, rng), Way::Gram),
        ("60 x 30, ill", of(60, 30, "geometric", ill, rng), passes),
        ("30 x 60, ill", of(30, 60, "geometric", ill, rng), passes),
        ("rank 20 of 40", low(40, 40, 20, rng), Way::LowRank),
        ("rank 1 of 40", low(40, 40, 1, rng), Way::LowRank),
        ("rank 39 of 40", low(40, 40, 39, rng), Way::LowRank),
        ("rank 12 of 60 x 30", low(60, 30, 12, rng), Way::LowRank),
        ("rank 12 of 30 x 60", low(30, 60, 12, rng), Way::LowRank),
        ("no gap", of(40, 40, "geometric", 1.0 / no_gap, rng), Way::Decomposition),
    ];
    let mut ones: Mat<T> = Mat::real(40, 40, |_, _| 1.0);
    cases.push(("ones", ones.clone(), Way::LowRank));
    ones[(0, 0)] = T::from_re(T::Real::from_f64(-3.0));
    cases.push(("a zero pivot", ones, Way::LowRank));
    for (name, a, expected) in cases {
        let (x, way) = tell(&a, &PinvOptions::default());
        if way != expected {
            worst.fail(format!("{name}: {way:?}, not {expected:?}"));
        }
        for (i, ratio) in penrose(&a, &x).into_iter().enumerate() {
            if name != "zero" {
                worst.check(format!("{expected:?}, condition {}", i + 1), name, ratio, BAR);
            }
        }
    }
    for n in [5, 40, 100] {
        let positive: Mat<T> = hermitian_from(&spectrum("geometric", n, 1e2), rng);
        let mut values = spectrum("geometric", n, 1e2);
        values[n / 2] = -values[n / 2];
        let indefinite: Mat<T> = hermitian_from(&values, rng);
        let o = PinvOptions { hermitian: true, ..PinvOptions::default() };
        for (a, by_blocks) in [(positive, Way::Cholesky), (indefinite, Way::Decomposition)] {
            let (x, way) = tell(&a, &o);
            let expected = if n == 5 { Way::GramSchmidt } else { by_blocks };
            assert_eq!(way, expected, "Hermitian of order {n}");
            assert!(n == 5 || x.is_hermitian(), "{way:?}");
            for ratio in penrose(&a, &x) {
                worst.check("Hermitian", format!("{way:?}, {n}"), ratio, BAR);
            }
        }
    }
    worst.finish();
}

/// A cut-off just under the smallest singular value certifies nothing and keeps them all.
fn agrees_with_singular_values<T: Scalar>() {
    let mut worst = Worst::new(format!("certified against singular values, {}", T::NAME));
    let rng = &mut Rng::new(65);
    for (m, n) in [(5, 5), (8, 11), (16, 16), (17, 17), (40, 40), (60, 25), (25, 60)] {
        for k in 0..20 {
            let a: Mat<T> = adversary(m, n, k, rng);
            let s = singular_values(&a);
            let (large, small) = (s[0], s[s.len() - 1]);
            let (x, way) = tell(&a, &PinvOptions::default());
            if !certified(way) {
                continue;
            }
            let (y, other) = tell(&a, &rtol(0.98 * small / large));
            assert!(!certified(other), "{m} x {n}: {other:?}");
            let norm = |m: &Mat<T>| {
                m.data.iter().map(|x| x.re().to_f64().hypot(x.im().to_f64()).powi(2)).sum::<f64>()
            };
            let apart = Mat::from_fn(n, m, |i, j| x[(i, j)] - y[(i, j)]);
            let bar = m.max(n) as f64 * unit_roundoff::<T>() * (large / small) * norm(&x).sqrt();
            worst.check(format!("{way:?}"), format!("{m} x {n}"), norm(&apart).sqrt() / bar, 10.0);
        }
    }
    worst.finish();
}

/// Above and under the range in which squares are safe, blocked ways are tried on the scaled matrix.
fn scaled_ones_are_certified<T: Scalar>() {
    let rng = &mut Rng::new(66);
    for (m, n, way) in [(40, 40, Way::Lu), (100, 20, Way::Gram), (40, 40, Way::LowRank)] {
        let r = if way == Way::LowRank { 20 } else { m.min(n) };
        let a: Mat<T> = from_singular_values(m, n, &spectrum("arithmetic", r, 2.0), rng);
        for k in [-T::Real::BIG_EXP, T::Real::BIG_EXP] {
            let a = a.ldexp(k);
            let (x, taken) = tell(&a, &PinvOptions::default());
            assert_eq!(taken, way, "times 2^{k}");
            let worst = penrose(&a, &x).into_iter().fold(0.0, f64::max);
            assert!(worst <= BAR, "{way:?} times 2^{k}: {worst}");
        }
    }
}

/// One matrix of a group that is not certified, at each place: the others have the bits that they have
/// without it.
fn neighbours_do_not_matter<T: Scalar>() {
    let rng = &mut Rng::new(67);
    for (m, n) in [(4, 4), (6, 7), (16, 16)] {
        let clean: Vec<Mat<T>> = (0..20).map(|_| adversary(m, n, 0, rng)).collect();
        let (x, _) = told(&clean, &PinvOptions::default());
        let (digits, full) = (if size_of::<T::Real>() == 4 { 9 } else { 20 }, m.min(n));
        for spectrum in
            [spectrum("arithmetic", 2, 2.0), spectrum("geometric", full, 10f64.powi(digits))]
        {
            let odd: Mat<T> = from_singular_values(m, n, &spectrum, rng);
            let (y, way) = tell(&odd, &PinvOptions::default());
            assert!(matches!(way, Way::Subspace | Way::Jacobi), "{way:?}");
            for at in 0..clean.len() {
                let mut all = clean.clone();
                all[at] = odd.clone();
                let (z, ways) = told(&all, &PinvOptions::default());
                assert_eq!(ways[at], way);
                for (i, z) in z.iter().enumerate() {
                    let expected = if i == at { &y } else { &x[i] };
                    testkit::assert_same_bits(
                        &z.data,
                        &expected.data,
                        format!("{i}, {way:?} at {at}"),
                    );
                }
            }
        }
    }
}

/// Hermitian matrices that are ill-conditioned, of full rank and not: X is right on one side alone before
/// it is stored, and no triangle of it may be made of the other.
fn ill_conditioned_hermitian_ones<T: Scalar>() {
    let mut worst = Worst::new(format!("pinv, Hermitian and ill-conditioned, {}", T::NAME));
    let rng = &mut Rng::new(68);
    let (o, digits) = (
        PinvOptions { hermitian: true, ..PinvOptions::default() },
        if size_of::<T::Real>() == 4 { 5 } else { 12 },
    );
    for n in [2, 3, 5, 8, 10, 16, 24] {
        for k in 1..=digits {
            for rank in [n, n - 1] {
                let mut values = spectrum("geometric", rank, 10f64.powi(k));
                values.resize(n, 0.0);
                let a: Mat<T> = hermitian_from(&values, rng);
                let (x, way) = tell(&a, &o);
                for ratio in penrose(&a, &x) {
                    worst.check(format!("{way:?}"), format!("{n}, rank {rank}, 1e{k}"), ratio, BAR);
                }
            }
        }
    }
    worst.finish();
}

/// Singular values just under the cut-off, of matrices that are taller than square.
fn just_under_the_cut<T: Scalar>() {
    let rng = &mut Rng::new(69);
    for (m, n) in [(31, 17), (40, 17), (100, 17), (17, 100), (130, 65)] {
        for part in [0.2, 0.3, 0.6] {
            let cut = m.max(n) as f64 * T::Real::EPSILON.to_f64();
            let mut values = vec![part * cut; m.min(n)];
            values[0] = 1.0;
            let a: Mat<T> = from_singular_values(m, n, &values, rng);
            let (x, way) = tell(&a, &PinvOptions::default());
            let rank = rank(&a, &x);
            assert!((rank - 1.0).abs() < 0.1, "{m} x {n}, {part}, {way:?}: rank {rank}");
        }
    }
}

/// What is left of a matrix may be so small that its squares are gone, and still be kept.
fn tiny_ones_are_kept<T: Scalar>() {
    let small = 2f64.powi(if size_of::<T::Real>() == 4 { -100 } else { -560 });
    for n in [8, 32] {
        let a: Mat<T> = Mat::real(n, n, |i, j| match (i == j, i) {
            (false, _) => 0.0,
            (true, 0) => 1.0,
            _ => small,
        });
        let tiny = Some(Tolerance::All(small / 4.0));
        for (rtol, atol) in [(Some(Tolerance::All(0.0)), None), (tiny, None), (None, tiny)] {
            let (x, way) = tell(&a, &PinvOptions { rtol, atol, hermitian: false });
            let got = x[(1, 1)].re().to_f64() * small;
            assert!((got - 1.0).abs() < 1e-5, "{n}, {rtol:?}, {atol:?}, {way:?}: {got}");
        }
    }
}

/// The best conditioned: near the identity and heavy on the diagonal, where the norms of A and X leave no
/// room for the roundings of the checks themselves.
fn the_best_are_certified<T: Scalar>() {
    for n in [3, 8, 17, 20, 33, 40, 65, 100, 300] {
        let rng = &mut Rng::new(n as u64);
        for noise in [1e-9, 1e-3, 1.0 / n as f64, 0.3 / (n as f64).sqrt()] {
            let a = Mat::<T>::from_fn(n, n, |i, j| {
                let x = rng.scalar::<T>().map(|x| x * T::Real::from_f64(noise));
                if i == j { x + T::from_re(T::Real::ONE) } else { x }
            });
            for options in [PinvOptions::default(), rtol(1e-3)] {
                let (x, way) = tell(&a, &options);
                assert!(certified(way), "n = {n}, {noise}: {way:?}");
                let worst = penrose(&a, &x).into_iter().fold(0.0, f64::max);
                assert!(worst <= BAR, "n = {n}, {noise}: {worst}");
            }
        }
    }
}

#[test]
fn nothing_is_certified_by_nan_or_at_the_cut() {
    let cut = Cut { relative: 1e-3, absolute: 0.0 };
    assert!(Bounds { low: 1.1e-3, up: 1.0 }.clear_of(cut));
    assert!(!Bounds { low: 1e-3, up: 1.0 }.clear_of(cut));
    assert!(!Bounds { low: f64::NAN, up: 1.0 }.clear_of(cut));
    assert!(!Bounds { low: 1.0, up: f64::NAN }.clear_of(cut));
    assert!(!Bounds { low: 1.0, up: 1.0 }.clear_of(Cut { relative: f64::NAN, absolute: 0.0 }));
    assert!(!Bounds { low: 1.0, up: 1.0 }.clear_of(Cut { relative: 0.0, absolute: 1.0 }));
    assert!(!Bounds::NONE.clear_of(Cut { relative: 0.0, absolute: 0.0 }));
}

#[test]
fn the_identity_is_certified() {
    let q = Orthogonal { a: 2.0, r: 2.0, v: 2.0, gram: 0.0 };
    let Bounds { low, up } = q.bounds::<f64>(4, 4);
    assert!((0.49..0.5).contains(&low) && (2.0..2.1).contains(&up));
    let far = Orthogonal { gram: f64::NAN, ..q };
    assert_eq!(far.bounds::<f64>(4, 4), Bounds::NONE);
}

mod stamped {
    super::for_all_scalars!(
        never_wrongly_in_lanes,
        never_wrongly_by_blocks,
        never_wrongly_hermitian,
        exactly_at_the_cut,
        takes_its_way,
        agrees_with_singular_values,
        scaled_ones_are_certified,
        neighbours_do_not_matter,
        ill_conditioned_hermitian_ones,
        just_under_the_cut,
        tiny_ones_are_kept,
        the_best_are_certified,
    );
}
