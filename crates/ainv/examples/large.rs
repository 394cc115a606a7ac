//! Inverts one large float32 matrix so many times, for a profiler to look at:
//!
//! ```sh
//! cargo build --release -p ainv --example large
//! perf record target/release/examples/large 4096 5
//! perf report
//! ```

#![allow(clippy::print_stdout)]

use ainv::{Options, Precision, Stack, StackMut, inv_into};
use std::time::Instant;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let argument = |i, without| std::env::args().nth(i).map_or(Ok(without), |n| n.parse());
    let (n, times): (usize, usize) = (argument(1, 2000)?, argument(2, 1)?);
    let mut state = 1u64;
    let mut random = || {
        // Knuth's MMIX generator, its upper bits.
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    let a: Vec<f32> = (0..n * n).map(|_| random()).collect();
    let mut x = vec![0.0; n * n];
    let options = Options { precision: Precision::Native, ..Options::default() };
    for _ in 0..times {
        let start = Instant::now();
        let (a, x) = (Stack::new(&a, &[n, n])?, StackMut::new(&mut x, &[n, n])?);
        inv_into(a, x, &mut [], &options)?;
        let seconds = start.elapsed().as_secs_f64();
        let rate = 2.0 * (n as f64).powi(3) / seconds / 1e9;
        println!("order {n}: {seconds:.3} s, {rate:.0} GFLOP/s");
    }
    Ok(())
}
