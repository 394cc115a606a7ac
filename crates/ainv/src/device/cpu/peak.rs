//! How fast the cores multiply and add at most: what the speed of large matrices is held against.

use crate::error::Error;
use ainv_kernels::Kernels;
use ainv_kernels::scalar::{RealScalar, Scalar};
use ainv_kernels::tile::{Ahead, Left, Tile};
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

/// So many that the tile's begin and end do not count.
const STEPS: usize = 4096;
/// Of one thread in one round.
const FLOPS: f64 = 5e8;

/// Flops a second that so many threads do together at most, a complex multiply-add being eight: the best
/// of the rounds that fit into this time. It is the product's tile that runs, on the same column and row in
/// every step, so that it waits for no cache. The threads are its own, not those of calls.
///
/// # Errors
/// [`Error::Isa`] if `AINV_ISA` names an instruction set that this machine lacks.
pub fn multiply_add_peak<T: Scalar>(threads: usize, time: Duration) -> Result<f64, Error> {
    let (kernels, begin) = (T::kernels()?, Instant::now());
    let mut best = round(kernels, threads);
    while begin.elapsed() < time {
        best = best.max(round(kernels, threads));
    }
    Ok(best)
}

/// From the first thread's begin to the last one's end.
fn round<T: Scalar>(kernels: &Kernels<T>, threads: usize) -> f64 {
    let (mr, nr) = (kernels.mr, kernels.nr);
    let each = (mr * nr * STEPS) as f64 * if T::COMPLEX { 8.0 } else { 2.0 };
    let calls = (FLOPS / each) as usize + 1;
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
            // SAFETY: the table has handed the tile out; there are mr and nr ones, and C is mr x nr.
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
    (threads * calls) as f64 * each / end.duration_since(begin).as_secs_f64()
}
