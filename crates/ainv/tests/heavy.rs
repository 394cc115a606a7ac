//! What takes too much memory or time for CI: 24 GiB, and about a quarter of an
//! hour on two cores.
//!
//! ```sh
//! cargo test --release -p ainv --test heavy -- --ignored --test-threads 1 --nocapture
//! ```

use ainv::{
    Assume, Code, Options, Precision, RealScalar, Scalar, Stack, StackMut, Status, Uplo, c32, c64,
    cholesky_into, inv, inv_in_place, inv_into, set_num_threads, solve_into,
};
use std::time::Instant;
use testkit::{Mat, Rng, assert_same_bits, say};

/// Matrices of a 4 x 4 stack with more than 2^31 entries.
const MANY: usize = (1 << 27) + 3;
/// The first order with more than 2^31 entries.
const ORDER: usize = 46341;

/// A number of `at`, uniform in -1..1, so that a matrix can be made again after it was overwritten.
fn number(at: usize) -> f32 {
    (2.0 * Rng::new(at as u64).uniform() - 1.0) as f32
}

/// Entry `at` of a stack of 4 x 4 matrices, none of them nearly singular.
fn entry(at: usize) -> f32 {
    number(at) + if (at % 16).is_multiple_of(5) { 4.0 } else { 0.0 }
}

#[test]
#[ignore = "8.6 GB"]
fn more_than_2_to_the_31_entries_in_place() {
    let mut a: Vec<f32> = (0..16 * MANY).map(entry).collect();
    // Two without an inverse: the last, and one whose first entry is past 2^31.
    let bad = [MANY - 1, (1 << 27) + 1];
    for k in bad {
        a[16 * k..16 * (k + 1)].fill(0.0);
    }
    let shape = [MANY, 4, 4];
    let mut status = vec![Status::default(); MANY];
    let to = StackMut::new(&mut a, &shape).unwrap();
    let summary = inv_in_place(to, &mut status, &Options::default()).unwrap();
    assert_eq!((summary.failed, summary.first.map(|(k, _)| k)), (2, Some((1 << 27) + 1)));
    for k in 0..MANY {
        assert_eq!(status[k].is_ok(), !bad.contains(&k), "{k}");
    }
    // All of it, against small stacks.
    for first in (0..MANY).step_by(1 << 20) {
        let count = (MANY - first).min(1 << 20);
        let mut b: Vec<f32> = (16 * first..16 * (first + count)).map(entry).collect();
        for k in bad.into_iter().filter(|k| (first..first + count).contains(k)) {
            b[16 * (k - first)..16 * (k - first + 1)].fill(0.0);
        }
        let mut x = vec![0.0; b.len()];
        let to = StackMut::new(&mut x, &[count, 4, 4]).unwrap();
        let b = Stack::new(&b, &[count, 4, 4]).unwrap();
        inv_into(b, to, &mut [], &Options::default()).unwrap();
        assert_same_bits(&a[16 * first..16 * (first + count)], &x, format!("from {first}"));
    }
    say(format!("{MANY} matrices 4 x 4 in their place: every one as in a small stack"));
}

#[test]
#[ignore = "8.6 GB"]
fn more_than_2_to_the_31_entries_from_one_matrix() {
    let a: Vec<f32> = (0..16).map(entry).collect();
    let one = inv(Stack::new(&a, &[4, 4]).unwrap(), &Options::default()).unwrap().into_vec();
    let same = Stack::with_strides(&a, 0, &[MANY, 4, 4], &[0, 4, 1]).unwrap();
    let x = inv(same, &Options::default()).unwrap().into_vec();
    assert_eq!(x.len(), 16 * MANY);
    x.chunks(16).enumerate().for_each(|(k, x)| assert_same_bits(x, &one, k));
    say(format!("{MANY} matrices 4 x 4 from one: all the same"));
}

fn norm(v: impl Iterator<Item = f64>) -> f64 {
    v.map(|x| x * x).sum::<f64>().sqrt()
}

#[test]
#[ignore = "8.6 GB, ten minutes"]
fn an_order_with_more_than_2_to_the_31_entries() {
    let n = ORDER;
    let mut a: Vec<f32> = (0..n * n).map(number).collect();
    let norm_a = norm(a.iter().map(|&x| f64::from(x)));
    let start = Instant::now();
    let options = Options { precision: Precision::Native, ..Options::default() };
    inv_in_place(StackMut::new(&mut a, &[n, n]).unwrap(), &mut [], &options).unwrap();
    say(format!("order {n} in its place: {:.0} s", start.elapsed().as_secs_f64()));
    let norm_x = norm(a.iter().map(|&x| f64::from(x)));
    for probe in 1..=3 {
        let v: Vec<f64> = (0..n).map(|i| f64::from(number(n * n * probe + i))).collect();
        let row = |row: &[f32], v: &[f64]| row.iter().zip(v).map(|(&x, v)| f64::from(x) * v).sum();
        let xv: Vec<f64> = a.chunks_exact(n).map(|x| row(x, &v)).collect();
        let residual = (0..n).map(|i| {
            let product: f64 = (0..n).map(|j| f64::from(number(i * n + j)) * xv[j]).sum();
            product - v[i]
        });
        let bar = norm_a * norm_x * norm(v.iter().copied()) * f64::from(f32::EPSILON);
        let ratio = norm(residual) / bar;
        say(format!("probe {probe}: |A X v - v| is {ratio:.2e} of |A| |X| |v| eps"));
        assert!(ratio <= 1.0, "probe {probe}: {ratio}");
    }
}

/// Neither hangs nor loses it.
fn nan_in_a_large_matrix<T: Scalar>() {
    let n = 4096;
    let rng = &mut Rng::new(1);
    let good = Mat::<T>::from_fn(n, n, |i, j| {
        T::from_re(T::Real::from_f64(rng.uniform() + if i == j { n as f64 } else { 0.0 }))
    });
    let mut one = good.clone();
    one[(n - 2, 1700)] = T::nan();
    // Of the good matrix, so that ten times as long is too long for a bad one (the only time that a test looks
    // at, as no count of work would show a processor that is slow with NaN).
    let mut usual = [f64::INFINITY; 3];
    let all = good.map(|_, _, _| T::nan());
    for (what, a) in [("no", good), ("one", one), ("every entry", all)] {
        for (call, usual) in ["inv", "cholesky", "solve"].into_iter().zip(&mut usual) {
            let (mut x, mut status) = (vec![T::default(); n * n], [Status::default()]);
            let to = StackMut::new(&mut x, &[n, n]).unwrap();
            let (a, o) = (a.view(), Options::default());
            let start = Instant::now();
            match call {
                "inv" => inv_into(a, to, &mut status, &o),
                "solve" => solve_into(a, a, to, &mut status, &o),
                _ => cholesky_into(a, Uplo::Lower, to, &mut status, &o),
            }
            .unwrap();
            let seconds = start.elapsed().as_secs_f64();
            say(format!("{call} of order {n}, {}, {what} NaN: {seconds:.2} s", T::NAME));
            if what == "no" {
                assert!(status[0].is_ok(), "{call}: {status:?}");
                *usual = seconds;
                continue;
            }
            assert!(seconds < 10.0 * *usual + 1.0, "{call}, {what} NaN: {seconds} s, not {usual}");
            assert_eq!(status[0].code, Code::NonFinite, "{call}, {what}");
            assert!(x.iter().all(|x| x.is_nan()), "{call}, {what}");
        }
    }
}

#[test]
#[ignore = "half a minute"]
fn nan_at_4096() {
    nan_in_a_large_matrix::<f64>();
    nan_in_a_large_matrix::<f32>();
}

/// As many runs of each order as are given, general and symmetric.
fn runs_are_one<T: Scalar>(orders: &[(usize, usize)]) {
    for &(n, runs) in orders {
        let rng = &mut Rng::new(n as u64);
        let a = Mat::<T>::from_fn(n, n, |_, _| rng.scalar());
        for assume in [Assume::General, Assume::Symmetric] {
            let o = Options { assume, ..Options::default() };
            set_num_threads(1).unwrap();
            let x = inv(a.view(), &o).unwrap();
            for run in 0..runs {
                if run % 5 == 0 {
                    set_num_threads([2, 3, 5, 8, 16, 2, 1][run / 5 % 7]).unwrap();
                }
                let y = inv(a.view(), &o).unwrap();
                assert_same_bits(x.as_slice(), y.as_slice(), format!("n = {n}, run {run}"));
            }
        }
        say(format!(
            "order {n}, {}: {runs} runs, general and symmetric, with 1 to 16 threads: one result",
            T::NAME
        ));
    }
}

#[test]
#[ignore = "some minutes"]
fn a_hundred_runs_of_large_matrices_are_one() {
    runs_are_one::<f64>(&[(500, 100), (777, 100), (1100, 50), (2100, 10)]);
    runs_are_one::<f32>(&[(500, 100), (777, 100), (1100, 50), (2100, 10)]);
    runs_are_one::<c32>(&[(500, 50), (777, 50), (1100, 20)]);
    runs_are_one::<c64>(&[(500, 50), (777, 50), (1100, 20)]);
}
