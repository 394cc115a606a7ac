//! What a stream costs, and how long small work waits while a large matrix is inverted:
//!
//! ```sh
//! cargo bench -p ainv --bench streams
//! ```

#![allow(clippy::print_stdout)]

use ainv::{Device, Error, Options, Stack, StackMut, Stream, Task};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use testkit::Rng;

const ROUNDS: usize = 21;
const CHAIN: usize = 1000;

fn matrices(count: usize, n: usize) -> Vec<f64> {
    let mut rng = Rng::new(n as u64);
    let mut a: Vec<f64> = (0..count * n * n).map(|_| rng.scalar()).collect();
    for m in a.chunks_exact_mut(n * n) {
        for i in 0..n {
            m[i * (n + 1)] += 4.0 * n as f64;
        }
    }
    a
}

fn invert(a: &[f64], x: &mut [f64], shape: &[usize]) -> Result<(), Error> {
    let (a, x) = (Stack::new(a, shape)?, StackMut::new(x, shape)?);
    ainv::inv_into(a, x, &mut [], &Options::default()).map(drop)
}

/// The value under which a share of the sorted times lies.
fn quantile(times: &mut [Duration], share: f64) -> Duration {
    times.sort();
    times[((times.len() - 1) as f64 * share) as usize]
}

/// Of each round, the time of one of `calls`.
fn median(calls: usize, mut round: impl FnMut() -> Duration) -> Duration {
    let mut times: Vec<_> = (0..ROUNDS).map(|_| round() / calls as u32).collect();
    quantile(&mut times, 0.5)
}

/// The submitter's time for an operation that does nothing much, and the time to run it: while the
/// other waits.
fn enqueue(stream: Stream) -> (Duration, Duration) {
    let mut run = Vec::new();
    let submit = median(CHAIN, || {
        let (open, opened) = std::sync::mpsc::channel::<()>();
        let gate = move |_: &ainv::Cancel| {
            let _ = opened.recv();
            Ok(())
        };
        drop(stream.submit(gate).expect("the stream exists"));
        let begin = Instant::now();
        for i in 0..CHAIN {
            drop(stream.submit_quick(move |_| Ok(i)).expect("the stream exists"));
        }
        let time = begin.elapsed();
        let begin = Instant::now();
        drop(open);
        ainv::synchronize(Some(stream)).expect("this is no task");
        run.push(begin.elapsed() / CHAIN as u32);
        time
    });
    (submit, quantile(&mut run, 0.5))
}

/// The first submission to a stream that has nothing to do: it wakes a thread.
fn wake(stream: Stream) -> Duration {
    median(1, || {
        std::thread::sleep(Duration::from_millis(2));
        let begin = Instant::now();
        let event = stream.submit_quick(|_| Ok(())).expect("the stream exists");
        let time = begin.elapsed();
        event.wait().expect("it does nothing");
        time
    })
}

/// Two 4 x 4 matrices, each the inverse of the other in turn.
struct Pair([f64; 16], [f64; 16]);

impl Pair {
    fn step(&mut self) -> Result<(), Error> {
        invert(&self.0, &mut self.1, &[4, 4])?;
        std::mem::swap(&mut self.0, &mut self.1);
        Ok(())
    }
}

fn chain(stream: Stream) -> (Duration, Duration) {
    let a: [f64; 16] = matrices(1, 4).try_into().expect("sixteen entries");
    let pair: &Mutex<Pair> = Box::leak(Box::new(Mutex::new(Pair(a, a))));
    let step = |_: &ainv::Cancel| pair.lock().expect("no panic").step();
    let cancel = ainv::Cancel::new();
    let blocking = median(CHAIN, || {
        let begin = Instant::now();
        for _ in 0..CHAIN {
            step(&cancel).expect("it has an inverse");
        }
        begin.elapsed()
    });
    let streamed = median(CHAIN, || {
        let begin = Instant::now();
        for _ in 0..CHAIN {
            let task = Task { tiny: true, ..Task::default() };
            drop(stream.submit_with(task, step).expect("the stream exists"));
        }
        ainv::synchronize(Some(stream)).expect("this is no task");
        begin.elapsed()
    });
    (blocking, streamed)
}

/// From the submission of a stack of 4 x 4 matrices to its result.
fn latencies(stream: Stream, quick: bool, until: impl Fn() -> bool) -> Vec<Duration> {
    let count = 100;
    let mut pair = (matrices(count, 4), vec![0.0; count * 16]);
    let mut times = Vec::new();
    while !until() {
        let (a, mut x) = pair;
        let begin = Instant::now();
        let work = move |_: &ainv::Cancel| {
            invert(&a, &mut x, &[count, 4, 4])?;
            Ok((a, x))
        };
        let event = if quick { stream.submit_quick(work) } else { stream.submit(work) };
        pair = event.expect("the stream exists").wait().expect("they have inverses");
        times.push(begin.elapsed());
        std::thread::sleep(Duration::from_micros(500));
    }
    times
}

fn say(what: &str, mut times: Vec<Duration>) {
    let [median, high, most] = [0.5, 0.99, 1.0].map(|share| quantile(&mut times, share));
    println!("{what}: p50 {median:.1?}, p99 {high:.1?}, most {most:.1?} ({} stacks)", times.len());
}

fn main() -> Result<(), Error> {
    let [small, large] = [Stream::new(Device::CPU)?, Stream::new(Device::CPU)?];
    println!("{} threads", ainv::num_threads());
    let (submit, run) = enqueue(small);
    println!("enqueue one small operation: {submit:.0?}, run it: {run:.0?}");
    println!("enqueue it on an idle stream: {:.1?}", wake(small));
    let (blocking, streamed) = chain(small);
    println!(
        "a step of {CHAIN} inversions of a 4 x 4: blocking {blocking:.0?}, streamed {streamed:.0?}"
    );

    let end = Instant::now() + Duration::from_millis(500);
    say("100 of 4 x 4 on an idle machine", latencies(small, true, || Instant::now() > end));
    let n = 4096;
    let a = Arc::new(matrices(1, n));
    let mut alone = vec![0.0; n * n];
    let begin = Instant::now();
    invert(&a, &mut alone, &[n, n])?;
    println!("a {n} x {n} alone: {:.2?}", begin.elapsed());
    for quick in [true, false] {
        let (a, begin) = (a.clone(), Instant::now());
        let event = large.submit(move |_| {
            let mut x = vec![0.0; n * n];
            invert(&a, &mut x, &[n, n])?;
            Ok(begin.elapsed())
        })?;
        let name = if quick { "quick" } else { "not quick" };
        let what = format!("100 of 4 x 4, {name}, beside a {n} x {n}");
        say(&what, latencies(small, quick, || event.is_done()));
        println!("the {n} x {n} beside them: {:.2?}", event.wait()?);
    }
    Ok(())
}
