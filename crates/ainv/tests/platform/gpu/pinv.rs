//! Pseudo-inverses: any shape, any rank, cut off where the CPU cuts, with its statuses.

use super::{alone, computes, for_all_scalars, is_there, on_gpu, random};
use crate::common::{TIGHT, mat};
use ainv::*;
use std::time::Instant;
use testkit::{
    Mat, Rng, Worst, assert_same_bits, from_singular_values, hermitian_from, penrose, right,
    unit_roundoff,
};

const BAR: f64 = 5.0;

/// Whether to test, on a device that no other test has.
macro_rules! begin {
    ($t:ty) => {
        let _alone = alone();
        if !is_there() || !computes::<$t>() {
            return;
        }
    };
}

/// The pseudo-inverses of a stack on a device, and their statuses; the summary counts those that failed.
fn stack_on<T: Scalar>(
    device: Device,
    a: &[Mat<T>],
    o: &PinvOptions,
) -> (Vec<Mat<T>>, Vec<Status>) {
    let (count, m, n) = (a.len(), a[0].rows, a[0].cols);
    let dense: Vec<T> = a.iter().flat_map(|a| a.data.clone()).collect();
    let mut x = vec![T::from_re(T::Real::ONE); dense.len()];
    let mut status = vec![Status::default(); count];
    let (from, to) = (
        Stack::new(&dense, &[count, m, n]).unwrap(),
        StackMut::new(&mut x, &[count, n, m]).unwrap(),
    );
    let options = Options { stream: Some(device.into()), ..Options::default() };
    let summary = pinv_into(from, to, o, &mut status, &options).unwrap();
    let failed: Vec<usize> = (0..count).filter(|&i| !status[i].is_ok()).collect();
    assert_eq!(summary.failed, failed.len());
    assert_eq!(summary.first, failed.first().map(|&i| (i, status[i])));
    let x = (0..count).map(|i| Mat::new(n, m, x[i * m * n..(i + 1) * m * n].to_vec()));
    (x.collect(), status)
}

fn one_on<T: Scalar>(device: Device, a: &Mat<T>, o: &PinvOptions) -> (Mat<T>, Status) {
    let (x, status) = stack_on(device, std::slice::from_ref(a), o);
    (x[0].clone(), status[0])
}

fn relative(cut: f64) -> PinvOptions<'static> {
    PinvOptions { rtol: Some(Tolerance::All(cut)), ..PinvOptions::default() }
}

/// The rank that was kept: the trace of A X.
fn rank<T: Scalar>(a: &Mat<T>, x: &Mat<T>) -> f64 {
    let p = a.widen().times(&x.widen());
    (0..a.rows).map(|i| p[(i, i)].re()).sum()
}

/// Small ones and larger ones, of odd orders, too, and of no multiple of a tile.
const SHAPES: [(usize, usize); 12] = [
    (1, 1),
    (1, 6),
    (2, 2),
    (5, 3),
    (4, 4),
    (3, 9),
    (31, 17),
    (32, 32),
    (33, 1),
    (3, 65),
    (70, 33),
    (36, 36),
];

/// Every rank that is planted is kept, graded singular values, too; a matrix alone has its bits in a stack.
fn penrose_conditions<T: Scalar>() {
    begin!(T);
    let mut worst = Worst::new(format!("pinv on a GPU, {}", T::NAME));
    for (m, n) in SHAPES {
        let full = m.min(n);
        let cut = 300.0 * m.max(n) as f64 * unit_roundoff::<T>();
        let mut planted = vec![];
        for r in [full, full - 1, full / 2, 1, 0] {
            for (spectrum, cond) in [("arithmetic", 1e3), ("geometric", 1.0 / (3.0 * cut))] {
                let rng = &mut Rng::new((m * 100 + n) as u64);
                let mut s = testkit::spectrum(spectrum, r, f64::min(cond, 1.0 / (3.0 * cut)));
                s.resize(full, 0.0);
                planted.push((spectrum, r, from_singular_values::<T>(m, n, &s, rng)));
            }
        }
        let a: Vec<Mat<T>> = planted.iter().map(|(_, _, a)| a.clone()).collect();
        let (x, status) = stack_on(Device::GPU, &a, &relative(cut));
        for ((spectrum, r, a), (x, status)) in planted.iter().zip(x.iter().zip(&status)) {
            let case = format!("{m} x {n} of rank {r}");
            assert!(status.is_ok(), "{case}, {spectrum}: {status:?}");
            for (i, ratio) in penrose(a, x).into_iter().enumerate() {
                worst.check(format!("{spectrum}, condition {}", i + 1), &case, ratio, BAR);
            }
            let kept = rank(a, x);
            let as_planted = (kept - *r as f64).abs() < 0.2;
            if !as_planted {
                worst.fail(format!("{case}, {spectrum}: {kept} singular values were kept"));
            }
        }
        let (alone, _) = one_on(Device::GPU, &a[3], &relative(cut));
        assert_same_bits(&alone.data, &x[3].data, format!("{m} x {n}"));
    }
    worst.finish();
}

/// Singular values that go down to the cut-off take the most sweeps.
fn graded<T: Scalar>() {
    begin!(T);
    let mut worst = Worst::new(format!("graded pinv on a GPU, {}", T::NAME));
    let n = 128;
    let cut = 300.0 * n as f64 * unit_roundoff::<T>();
    let s = testkit::spectrum("geometric", n, 1.0 / (3.0 * cut));
    let a = from_singular_values::<T>(n, n, &s, &mut Rng::new(1));
    let (x, status) = one_on(Device::GPU, &a, &relative(cut));
    assert!(status.is_ok(), "{status:?}");
    for (i, ratio) in penrose(&a, &x).into_iter().enumerate() {
        worst.check(format!("condition {}", i + 1), "graded", ratio, BAR);
    }
    worst.finish();
}

/// Rows that are each under a cut-off, itself under the rounding errors of the others, and together over it.
fn small_rows_together<T: Scalar>() {
    begin!(T);
    for (n, large) in [(32, 12), (70, 35)] {
        let cut = unit_roundoff::<T>() / 6.0;
        let small = n - large;
        let part = 1.07 * cut / (small as f64).sqrt();
        let a = Mat::<T>::real(n, n, |i, j| match (i < large, i == j, j == large) {
            (true, true, _) => 1.0,
            (false, _, true) => part,
            _ => 0.0,
        });
        let o = PinvOptions { atol: Some(Tolerance::All(cut)), ..PinvOptions::default() };
        let (x, status) = one_on(Device::GPU, &a, &o);
        assert!(status.is_ok(), "{n}: {status:?}");
        for i in large..n {
            let ratio = x[(large, i)].re().to_f64() * part * small as f64;
            assert!((ratio - 1.0).abs() < 1e-3, "{n}: {ratio} of what it should be at {i}");
        }
    }
}

/// Whole numbers of rank one, which the default cut-off finds.
fn exact_low_rank<T: Scalar>() {
    begin!(T);
    for n in [1, 2, 3, 7, 16, 31, 35] {
        let a = Mat::<T>::real(n, n + 1, |i, j| ((i + 1) * (j + 2)) as f64);
        let (x, status) = one_on(Device::GPU, &a, &PinvOptions::default());
        assert!(status.is_ok(), "{n}: {status:?}");
        let squares: f64 = a.data.iter().map(|x| x.re().to_f64().powi(2)).sum();
        let unit = unit_roundoff::<T>() * (n * (n + 2)) as f64 / squares;
        for (i, j) in (0..n + 1).flat_map(|i| (0..n).map(move |j| (i, j))) {
            let off = x[(i, j)].re().to_f64() - a[(j, i)].re().to_f64() / squares;
            assert!(off.abs() <= 20.0 * n as f64 * unit, "{n}: {off} at ({i}, {j})");
        }
    }
}

/// Diagonals beside tolerances, of small and of larger orders and wherever they stand in the range: what the CPU keeps is
/// kept.
fn tolerances<T: Scalar>() {
    begin!(T);
    let eps = T::Real::EPSILON.to_f64();
    let (under, over) = (0.5 * (1.0 - eps), 0.5 * (1.0 + eps));
    let far = [1.0, 2f64.powi(-60), 2f64.powi(-90)];
    let around = [1.0, 0.5, over];
    let table: [(Option<f64>, Option<f64>, [f64; 3]); 16] = [
        (None, None, [1.0, 64.0 * eps, 2.0 * eps]),
        (Some(0.5), None, around),
        (Some(under), None, around),
        (Some(0.1), None, [100.0, 11.0, 9.0]),
        (Some(0.0), None, far),
        (None, Some(2f64.powi(-80)), far),
        (None, Some(0.0), [1.0, 64.0 * eps, 2.0 * eps]),
        (Some(0.1), Some(0.6), [1.0, 0.7, 0.5]),
        (Some(0.6), Some(0.1), [1.0, 0.7, 0.5]),
        (None, Some(0.5), around),
        (None, Some(under), around),
        (None, Some(0.1), [1.0, 0.1, 0.2]),
        (Some(1.0), None, around),
        (Some(f64::INFINITY), None, around),
        (None, Some(f64::INFINITY), around),
        (None, None, [0.0; 3]),
    ];
    for (rtol, atol, s) in table {
        // An absolute one does not follow the matrix.
        let far = -T::Real::MIN_EXP / 2;
        let follows = atol.is_none() && s[2] > 1e-20;
        let both = [false, true];
        let small = both.map(|hermitian| [(0, hermitian), (far, hermitian), (-far, hermitian)]);
        let small = small.into_iter().flatten().filter(|&(power, _)| power == 0 || follows);
        let cases = small.map(|(power, hermitian)| (3, power, hermitian));
        for (n, power, hermitian) in cases.chain([(34, 0, s[0] == 1.0)]) {
            let o = PinvOptions {
                rtol: rtol.map(Tolerance::All),
                atol: atol.map(Tolerance::All),
                hermitian,
            };
            let a = Mat::<T>::real(n, n, |i, j| if i == j { s[i % 3] } else { 0.0 }).ldexp(power);
            let ((x, status), (y, expected)) =
                (one_on(Device::GPU, &a, &o), one_on(Device::CPU, &a, &o));
            let what = format!("{o:?} of {s:?} 2^{power}, {} {n}", T::NAME);
            assert_eq!(status, expected, "{what}");
            for (x, y) in x.data.iter().zip(&y.data) {
                let (x, y) = (x.re().to_f64(), y.re().to_f64());
                assert!(
                    (x - y).abs() <= 8.0 * unit_roundoff::<T>() * y.abs(),
                    "{what}: {x} for {y}"
                );
            }
        }
    }
}

/// One of each for each matrix, of which some are not finite, or zero: the others have the bits that they have without
/// them.
fn stacks_of_good_and_bad<T: Scalar>() {
    begin!(T);
    for (m, n) in [(2, 2), (5, 8), (40, 35)] {
        let rng = &mut Rng::new(7);
        let good: Vec<Mat<T>> = (0..11)
            .map(|_| {
                let mut s = testkit::spectrum("geometric", m.min(n), 16.0);
                s[0] = 1.25;
                from_singular_values(m, n, &s, rng)
            })
            .collect();
        let mut a = good.clone();
        a[2][(m - 1, 0)] = T::nan();
        a[5] = Mat::zeros(m, n);
        a[6][(0, n - 1)] = T::from_re(T::Real::INFINITY);
        let rtol: Vec<f64> = (0..a.len()).map(|i| [0.0, 0.03, 0.9, 1.0][i % 4]).collect();
        let atol: Vec<f64> = (0..a.len()).map(|i| [0.0, 0.0, 0.2][i % 3]).collect();
        let o = PinvOptions {
            rtol: Some(Tolerance::Each(&rtol)),
            atol: Some(Tolerance::Each(&atol)),
            hermitian: false,
        };
        let ((x, status), (y, expected)) =
            (stack_on(Device::GPU, &a, &o), stack_on(Device::CPU, &a, &o));
        assert_eq!(status, expected, "{} {m} x {n}", T::NAME);
        let (clean, _) = stack_on(Device::GPU, &good, &o);
        for i in 0..a.len() {
            let what = format!("{} {m} x {n}, {i}", T::NAME);
            match i {
                2 | 6 => assert!(x[i].is_all_nan() && status[i].code == Code::NonFinite, "{what}"),
                5 => assert!(x[i].data.iter().all(|x| *x == T::default()), "{what}"),
                _ => {
                    assert_same_bits(&x[i].data, &clean[i].data, &what);
                    let (kept, expected) = (rank(&a[i], &x[i]), rank(&a[i], &y[i]));
                    assert!((kept - expected).abs() < 1e-3, "{what}: {kept} for {expected}");
                }
            }
        }
    }
}

/// The lower triangle says all, of the diagonal the real part, and the result is Hermitian to the last bit.
fn hermitian<T: Scalar>() {
    begin!(T);
    let mut worst = Worst::new(format!("pinv on a GPU, Hermitian, {}", T::NAME));
    let o = PinvOptions { hermitian: true, ..PinvOptions::default() };
    for n in [1, 2, 3, 8, 17, 33, 50] {
        let rng = &mut Rng::new(n as u64);
        // Indefinite, and of them one in three zero.
        let w: Vec<f64> =
            (0..n).map(|i| [1.0, -2.5, 0.0][i % 3] * (1.0 + i as f64 / 9.0)).collect();
        let a: Mat<T> = hermitian_from(&w, rng);
        let (x, status) = one_on(Device::GPU, &a, &o);
        let what = format!("{} {n}", T::NAME);
        assert!(status.is_ok() && x.is_hermitian(), "{what}: {status:?}");
        for ratio in penrose(&a, &x) {
            worst.check("indefinite", &what, ratio, BAR);
        }
        let kept = rank(&a, &x);
        let planted = w.iter().filter(|w| **w != 0.0).count() as f64;
        assert!((kept - planted).abs() < 0.2, "{what}: {kept} were kept");
        let spoilt = a.map(|i, j, x| match i.cmp(&j) {
            std::cmp::Ordering::Less => T::nan(),
            std::cmp::Ordering::Equal => x + testkit::parts(0.0, 2.0),
            std::cmp::Ordering::Greater => x,
        });
        let (y, again) = one_on(Device::GPU, &spoilt, &o);
        assert_eq!(again, status, "{what}");
        assert_same_bits(&x.data, &y.data, &what);
        let (y, _) = one_on(Device::GPU, &a, &PinvOptions::default());
        for (x, y) in x.data.iter().zip(&y.data) {
            let off = (*x - *y).widen();
            assert!(off.re().hypot(off.im()) < 1e3 * unit_roundoff::<T>(), "{what}: {x:?} {y:?}");
        }
        let mut bad = a.clone();
        bad[(n - 1, 0)] = T::nan();
        let (x, status) = one_on(Device::GPU, &bad, &o);
        assert!(x.is_all_nan() && status.code == Code::NonFinite, "{what}: {status:?}");
    }
    worst.finish();
}

/// Both ends of the range, and beyond them.
fn ends_of_the_range<T: Scalar>() {
    begin!(T);
    let far = -T::Real::MIN_EXP;
    for (m, n) in [(3, 2), (20, 31), (35, 34)] {
        let rng = &mut Rng::new(5);
        let mut s = testkit::spectrum("geometric", m.min(n), 100.0);
        s.truncate(n.min(m) - 1);
        s.resize(n.min(m), 0.0);
        let base: Mat<T> = from_singular_values(m, n, &s, rng);
        for power in [20 - far, -20, 20, far - 10] {
            let a = base.ldexp(power);
            let (x, status) = one_on(Device::GPU, &a, &relative(1e-4));
            let ratio = penrose(&a, &x).into_iter().fold(0.0, f64::max);
            let what = format!("{} {m} x {n}, 2^{power}: {ratio}", T::NAME);
            assert!(status.is_ok() && ratio <= BAR, "{what}");
            assert!((rank(&base, &x.ldexp(power)) - s.len() as f64 + 1.0).abs() < 0.2, "{what}");
        }
    }
    // Subnormal numbers are read as they are, and an inverse of them overflows.
    for n in [2, 5, 40] {
        let a = Mat::<T>::identity(n);
        for power in [-far - 3, -far - T::Real::MANTISSA, far, far + 1] {
            let scaled = a.ldexp(power);
            let ((x, status), (y, expected)) = (
                one_on(Device::GPU, &scaled, &PinvOptions::default()),
                one_on(Device::CPU, &scaled, &PinvOptions::default()),
            );
            assert_eq!(status, expected, "{} {n}, 2^{power}", T::NAME);
            for i in 0..n {
                assert_eq!(x[(i, i)].re(), y[(i, i)].re(), "{} {n}, 2^{power}", T::NAME);
            }
            assert!(!x.data.iter().any(|x| x.re().is_nan()), "{} {n}, 2^{power}", T::NAME);
        }
    }
}

/// Rows so far apart that the squares of the small ones are no numbers: none is cut off where nothing shall be, and the
/// columns that they make, beside which the others are nothing, are right to the last digits.
fn rows_far_apart<T: Scalar>() {
    begin!(T);
    for n in [2, 3, 9, 32, 36] {
        let s = testkit::spectrum("geometric", n, 4.0);
        let base: Mat<T> = from_singular_values(n, n, &s, &mut Rng::new(n as u64));
        let inverse = mat(inv(base.view(), &Options::default()).unwrap());
        // Over three quarters of the range, in an order of their own.
        let (lowest, step) = (T::Real::MIN_EXP * 3 / 4, -T::Real::MIN_EXP * 3 / 2 / n as i32);
        let power = |i: usize| lowest + step * (i * 7 % n) as i32;
        let a = base.map(|i, _, x| Scalar::ldexp(x, power(i)));
        let (x, status) = one_on(Device::GPU, &a, &relative(0.0));
        let is_near = |j: usize| power(j) < lowest - T::Real::MIN_EXP / 2;
        let x = x.map(|i, j, x| match is_near(j) {
            true => Scalar::ldexp(x, power(j)),
            false => inverse[(i, j)],
        });
        let ratio = right(&base, &x);
        assert!(status.is_ok() && ratio <= TIGHT, "{} {n}: {status:?}, {ratio}", T::NAME);
    }
}

/// More than a part, of which several are in flight; the same in place.
#[test]
fn large_stacks() {
    begin!(f32);
    let (count, n) = (600_011, 2);
    let rng = &mut Rng::new(4);
    let some: Vec<Mat<f32>> = (0..97)
        .map(|i| if i % 5 == 0 { Mat::real(n, n, |i, _| (1 + i) as f64) } else { random(n, rng) })
        .collect();
    let (known, _) = stack_on(Device::GPU, &some, &PinvOptions::default());
    let mut a: Vec<f32> = (0..count).flat_map(|i| some[i % some.len()].data.clone()).collect();
    a[n * n * 400_000] = f32::NAN;
    let shape = [count, n, n];
    let p = a.as_mut_ptr();
    // SAFETY: the vector's own memory; each matrix is read before its result is written.
    let (from, to) = unsafe {
        (
            Stack::from_raw_parts(p.cast_const(), &shape, &[4, 2, 1]).unwrap(),
            StackMut::from_raw_parts(p, &shape, &[4, 2, 1]).unwrap(),
        )
    };
    let before = submitted_to_gpu();
    let options = on_gpu(Options::default());
    let summary = pinv_into(from, to, &PinvOptions::default(), &mut [], &options).unwrap();
    assert!(submitted_to_gpu() - before > 2);
    assert_eq!((summary.failed, summary.first.unwrap().0), (1, 400_000));
    for i in (0..count).filter(|&i| i != 400_000) {
        let x = &a[i * n * n..(i + 1) * n * n];
        assert!(testkit::same_bits(x, &known[i % known.len()].data), "{i}");
    }
}

/// Single precision by way of double: the pseudo-inverse of the wide matrix, rounded, and cut where the CPU cuts.
#[test]
fn double_inside() {
    let _alone = alone();
    if !is_there() {
        return;
    }
    let on = |device: Device, a: &Mat<f32>| {
        let stream = Some(device.into());
        let options = Options { stream, precision: Precision::Double, ..Options::default() };
        pinv(a.view(), &PinvOptions::default(), &options).map(mat)
    };
    for (m, n) in [(4, 3), (20, 40)] {
        let mut s = testkit::spectrum("geometric", m.min(n), 100.0);
        s[m.min(n) - 1] = 0.0;
        let a: Mat<f32> = from_singular_values(m, n, &s, &mut Rng::new(3));
        let x = match on(Device::GPU, &a) {
            Ok(x) => x,
            Err(Error::Unsupported { what }) => {
                return assert!(what.contains("precision=\"native\""), "{what}");
            }
            Err(error) => panic!("{error}"),
        };
        let y = on(Device::CPU, &a).unwrap();
        for (x, y) in x.data.iter().zip(&y.data) {
            assert!((x - y).abs() <= f32::EPSILON * (y.abs() + 1e-3), "{x} for {y}");
        }
    }
}

#[test]
fn empty_ones() {
    begin!(f32);
    for shape in [[2, 0, 0], [1, 3, 0], [2, 0, 40], [0, 3, 4]] {
        let a = Stack::<f32>::new(&[], &shape).unwrap();
        let x = pinv(a, &PinvOptions::default(), &on_gpu(Options::default())).unwrap();
        assert_eq!(x.shape(), [shape[0], shape[2], shape[1]]);
    }
}

/// A larger one is given up while the device computes, and the next one is none the wiser.
#[test]
fn given_up() {
    begin!(f32);
    let n = 150;
    let a: Mat<f32> = random(n, &mut Rng::new(4));
    let run = |cancel| {
        let options = on_gpu(Options { cancel, ..Options::default() });
        let (mut x, mut status) = (Mat::zeros(n, n), [Status::default()]);
        let to = StackMut::new(&mut x.data, &[n, n]).unwrap();
        let outcome = pinv_into(a.view(), to, &PinvOptions::default(), &mut status, &options);
        (outcome, x, status[0])
    };
    let (_, expected, _) = run(None);
    assert!(penrose(&a, &expected).into_iter().all(|ratio| ratio <= BAR));
    let began = Instant::now();
    run(None).0.unwrap();
    let took = began.elapsed();
    // Somewhere in its work: later each time, until one was not over before.
    let given_up = (1..=10).any(|k| {
        let cancel = Cancel::new();
        let (outcome, x, status) = std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(took * k / 12);
                cancel.cancel();
            });
            run(Some(cancel.clone()))
        });
        match outcome {
            Ok(_) => assert_same_bits(&x.data, &expected.data, "over before"),
            Err(error) => assert_eq!(error, Error::Cancelled),
        }
        status.code == Code::Cancelled
    });
    assert!(given_up);
    assert_same_bits(&run(None).1.data, &expected.data, "afterwards");
}

mod stamped {
    super::for_all_scalars!(
        penrose_conditions,
        graded,
        small_rows_together,
        exact_low_rank,
        tolerances,
        stacks_of_good_and_bad,
        hermitian,
        ends_of_the_range,
        rows_far_apart
    );
}
