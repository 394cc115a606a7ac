//! The multiply-add peak: the product's tile, which reads the same column and row in every step, so that
//! it waits for no cache. Prints `scalar threads GFLOP/s` for one thread and for all at once; a complex
//! multiply-add is eight flops.
//!
//! ```sh
//! cargo run --release -p ainv-kernels --example peak
//! ```

// It is a program, not the library: what it is for is to print.
#![allow(clippy::print_stdout)]

use ainv_kernels::isa::Unavailable;
use ainv_kernels::scalar::{RealScalar, c32, c64};
use ainv_kernels::tile::{Ahead, Left, Tile};
use ainv_kernels::{Kernels, Tabled, table};
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

/// So many that the tile's begin and end do not count.
const STEPS: usize = 4096;
/// Of one thread in one round.
const FLOPS: f64 = 2e9;
/// Rounds follow each other for so long, the first of them with cores that rested.
const SPENT: Duration = Duration::from_millis(600);

fn main() -> Result<(), Unavailable> {
    let all = thread::available_parallelism().map_or(1, usize::from);
    for threads in if all > 1 { vec![1, all] } else { vec![1] } {
        peak::<f32>(threads)?;
        peak::<f64>(threads)?;
        peak::<c32>(threads)?;
        peak::<c64>(threads)?;
    }
    Ok(())
}

/// The best of the rounds.
fn peak<T: Tabled>(threads: usize) -> Result<(), Unavailable> {
    let (kernels, begin) = (table::<T>()?, Instant::now());
    let mut best = 0.0_f64;
    while begin.elapsed() < SPENT {
        best = best.max(round(kernels, threads));
    }
    println!("{} {threads} {best:.1}", T::NAME);
    Ok(())
}

/// GFLOP/s of all threads together, from the first one's begin to the last one's end.
fn round<T: Tabled>(kernels: &Kernels<T>, threads: usize) -> f64 {
    let (mr, nr) = (kernels.mr, kernels.nr);
    let each = (mr * nr * STEPS) as f64 * if T::COMPLEX { 8.0 } else { 2.0 };
    let calls = (FLOPS / each) as usize;
    let start = Barrier::new(threads);
    let run = || {
        let ones = vec![T::from_re(T::Real::ONE); mr.max(nr) + 64];
        let mut c = vec![T::default(); mr * nr];
        // Lines of the cache are 64 bytes: a register that lies in two of them takes two loads.
        let a = ones[ones.as_ptr().align_offset(64)..].as_ptr();
        let tile = Tile {
            k: STEPS,
            a: Left::Columns(a, 0),
            b: a,
            b_step: 0,
            b_next: 1,
            ahead: Ahead::NOTHING,
            c: c.as_mut_ptr(),
            ldc: mr as isize,
            m: mr,
            n: nr,
            alpha: T::Real::ONE,
            accumulate: false,
        };
        start.wait();
        let begin = Instant::now();
        for _ in 0..calls {
            // SAFETY: there are mr and nr ones, and C is mr x nr.
            unsafe { (kernels.tile)(&tile) }
        }
        (begin, Instant::now())
    };
    let ran: Vec<_> = thread::scope(|scope| {
        let ran: Vec<_> = (0..threads).map(|_| scope.spawn(run)).collect();
        ran.into_iter().map(|ran| ran.join().expect("the tile does not panic")).collect()
    });
    let begin = ran.iter().map(|ran| ran.0).min().expect("there is a thread");
    let end = ran.iter().map(|ran| ran.1).max().expect("there is a thread");
    (threads * calls) as f64 * each / end.duration_since(begin).as_secs_f64() / 1e9
}
