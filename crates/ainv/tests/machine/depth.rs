//! How deep the recursions go: on threads with a stack of 512 KiB, a quarter of what
//! Rust gives and a sixteenth of what Linux gives a main thread.

use crate::common::*;
use ainv::*;
use testkit::say;

const STACK: usize = 512 << 10;

/// Runs it on a thread with a small stack, and in a pool of two of them.
fn on_small_stacks(f: impl Fn() + Sync) {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK);
        thread.spawn_scoped(scope, &f).unwrap().join().unwrap();
    });
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).stack_size(STACK).build().unwrap();
    pool.install(&f);
}

#[test]
fn every_call() {
    on_small_stacks(|| {
        for call in Call::OWN {
            let n = 530;
            let (x, _) = call.run(1, n, &call.example::<c64>(n, 1).data);
            assert!(x.iter().all(|x| Scalar::is_finite(*x)), "{call:?}");
        }
        for n in [16, 100] {
            let (x, _) = Call::Pinv.run(1, n, &Call::Pinv.example::<c64>(n, 1).data);
            assert!(x.iter().all(|x| Scalar::is_finite(*x)), "pinv");
            // Without a gap between what counts and what does not: by singular values.
            let graded = testkit::spectrum("geometric", n, 1e25);
            let rng = &mut testkit::Rng::new(1);
            let a = testkit::from_singular_values::<f64>(n, n, &graded, rng);
            pinv(a.view(), &PinvOptions::default(), &Options::default()).unwrap();
        }
    });
}

/// An entry of the large matrix, which is never held beside its inverse.
fn entry(n: usize, i: usize, j: usize) -> f32 {
    let random = testkit::Rng::new((i * n + j) as u64).uniform() as f32 - 0.5;
    if i == j { random + (n as f32).sqrt() } else { random }
}

/// `AINV_TEST_ORDER=10000` needs 400 MB and some minutes.
#[test]
fn large_orders() {
    let asked = std::env::var("AINV_TEST_ORDER").ok();
    let n = asked.map_or(1500, |n| n.parse().expect("AINV_TEST_ORDER is an order"));
    let lower = |i: usize, j: usize| if j > i { 0.0 } else { entry(n, i, j) };
    let symmetric = |i: usize, j: usize| entry(n, i.max(j), i.min(j));
    on_small_stacks(|| {
        inverts(n, "inv", &|i, j| entry(n, i, j), &|x| {
            inv_in_place(x, &mut [], &Options::default())
        });
        inverts(n, "inv of a positive definite one", &symmetric, &|x| {
            inv_in_place(x, &mut [], &Options { assume: Assume::Posdef, ..Options::default() })
        });
        inverts(n, "inv of a triangle", &lower, &|x| {
            inv_in_place(x, &mut [], &Options { assume: Assume::Lower, ..Options::default() })
        });
    });
}

/// Whether the call inverts the matrix of these entries in its place.
fn inverts(
    n: usize,
    what: &str,
    entry: &dyn Fn(usize, usize) -> f32,
    call: &dyn Fn(StackMut<f32>) -> Result<Summary, Error>,
) {
    let mut x: Vec<f32> = (0..n * n).map(|at| entry(at / n, at % n)).collect();
    let summary = call(StackMut::new(&mut x, &[n, n]).unwrap()).unwrap();
    assert_eq!(summary.failed, 0, "{what}");
    // A (X v) is v.
    let v = |i: usize| if i.is_multiple_of(3) { -1.0 } else { 1.0 };
    let dot = |row: &[f32]| row.iter().enumerate().map(|(j, x)| *x as f64 * v(j)).sum::<f64>();
    let y: Vec<f64> = x.chunks(n).map(dot).collect();
    let worst = (0..n).step_by(n / 100).map(|i| {
        let sum: f64 = y.iter().enumerate().map(|(j, y)| entry(i, j) as f64 * y).sum();
        (sum - v(i)).abs()
    });
    let worst = worst.fold(0.0, f64::max);
    say(format!("{what}, order {n}, {} threads with small stacks: {worst:.1e}", num_threads()));
    assert!(worst < 1e-2, "{what}: {worst}");
}
