//! Inverts one large float32 matrix in its own place and checks the result by random probes:
//!
//! ```sh
//! cargo run --release -p ainv --example large -- 46341
//! ```
//!
//! 46341 is the first order with more than 2^31 entries: 8.6 GB, and ten minutes on two cores.
//!
//! A second argument inverts it so many times into a matrix of its own before that. Where the time of it
//! goes is then seen by `perf record target/release/examples/large 4096 5` and `perf report`.

#![allow(clippy::print_stdout)]

use ainv::{Options, Precision, Stack, StackMut, inv_in_place, inv_into};
use std::time::Instant;

/// Entry (i, j) of the matrix, uniform in -1..1: SplitMix64 (Steele, Lea, Flood, OOPSLA 2014) of its
/// place, so that the matrix can be made again after it was overwritten.
fn entry(n: usize, i: usize, j: usize) -> f32 {
    let mut x = ((i * n + j) as u64).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((x ^ (x >> 31)) >> 40) as f32 / (1 << 23) as f32 - 1.0
}

fn norm(v: impl Iterator<Item = f64>) -> f64 {
    v.map(|x| x * x).sum::<f64>().sqrt()
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let argument = |i| std::env::args().nth(i);
    let n: usize = argument(1).map_or(Ok(2000), |n| n.parse())?;
    let times: usize = argument(2).map_or(Ok(0), |n| n.parse())?;
    let mut a = Vec::with_capacity(n * n);
    for i in 0..n {
        a.extend((0..n).map(|j| entry(n, i, j)));
    }
    let norm_a = norm(a.iter().map(|&x| f64::from(x)));

    let options = Options { precision: Precision::Native, ..Options::default() };
    let timed = |what: &str, start: Instant| {
        let seconds = start.elapsed().as_secs_f64();
        let rate = 2.0 * (n as f64).powi(3) / seconds / 1e9;
        println!("order {n}, {what}: {seconds:.3} s, {rate:.0} GFLOP/s");
    };
    let mut x = vec![0.0; if times > 0 { n * n } else { 0 }];
    for _ in 0..times {
        let start = Instant::now();
        let (a, x) = (Stack::new(&a, &[n, n])?, StackMut::new(&mut x, &[n, n])?);
        inv_into(a, x, &mut [], &options)?;
        timed("apart", start);
    }
    drop(x);
    let start = Instant::now();
    inv_in_place(StackMut::new(&mut a, &[n, n])?, &mut [], &options)?;
    timed("in place", start);

    let norm_x = norm(a.iter().map(|&x| f64::from(x)));
    for probe in 0..3 {
        let v: Vec<f64> = (0..n).map(|i| f64::from(entry(n, n + probe, i))).collect();
        let row = |row: &[f32], v: &[f64]| row.iter().zip(v).map(|(&x, v)| f64::from(x) * v).sum();
        let xv: Vec<f64> = a.chunks_exact(n).map(|x| row(x, &v)).collect();
        let residual = (0..n).map(|i| {
            let product: f64 = (0..n).map(|j| f64::from(entry(n, i, j)) * xv[j]).sum();
            product - v[i]
        });
        let bar = norm_a * norm_x * norm(v.iter().copied()) * f64::from(f32::EPSILON);
        let ratio = norm(residual) / bar;
        println!("probe {probe}: |A X v - v| is {ratio:.2e} of |A| |X| |v| eps");
        // NaN fails, too.
        if ratio.is_nan() || ratio > 1.0 {
            return Err("the inverse is wrong".into());
        }
    }
    Ok(())
}
