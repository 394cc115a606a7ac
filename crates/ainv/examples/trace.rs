//! Two streams at work, recorded: prints `stream,work,thread,begin,end` for each task, in milliseconds
//! from the first submission on. `examples/streams_trace.py` draws it.
//!
//! ```sh
//! cargo run --release -p ainv --example trace | python examples/streams_trace.py examples/streams.svg
//! ```

// It is a program, not the library: what it is for is to print.
#![allow(clippy::print_stdout)]

use ainv::{Cancel, Device, Error, Event, Options, OwnedStack, Stream};
use std::time::Instant;

/// One task as it ran: the thread, and when it began and ended.
type Ran = (String, f64, f64);

fn main() -> Result<(), Error> {
    ainv::set_num_threads(2)?;
    let (large, small) = (matrices(1, 900), matrices(20_000, 4));
    // The threads are made, and the memory touched, before the clock runs.
    ainv::inv(&large, &Options::default())?;
    ainv::inv(&small, &Options::default())?;

    let (one, two) = (Stream::new(Device::CPU)?, Stream::new(Device::CPU)?);
    let start = Instant::now();
    let mut events = Vec::new();
    for _ in 0..3 {
        let event = one.submit(recorded(large.clone(), start))?;
        events.push(("stream 1", "one of 900 x 900", event));
    }
    for _ in 0..24 {
        let event = two.submit_quick(recorded(small.clone(), start))?;
        events.push(("stream 2", "20,000 of 4 x 4", event));
    }
    print(events)
}

/// The inversion as a task that says when it ran.
fn recorded(
    a: OwnedStack<f64>,
    start: Instant,
) -> impl FnOnce(&Cancel) -> Result<Ran, Error> + Send + 'static {
    move |cancel| {
        let options = Options { cancel: Some(cancel.clone()), ..Options::default() };
        let now = || start.elapsed().as_secs_f64() * 1e3;
        let begin = now();
        ainv::inv(&a, &options)?;
        let thread = std::thread::current().name().unwrap_or("unnamed").to_owned();
        Ok((thread, begin, now()))
    }
}

fn print(events: Vec<(&str, &str, Event<Ran>)>) -> Result<(), Error> {
    println!("stream,work,thread,begin,end");
    for (stream, work, event) in events {
        let (thread, begin, end) = event.wait()?;
        println!("{stream},{work:?},{thread},{begin:.4},{end:.4}");
    }
    Ok(())
}

/// Diagonally dominant, so that all have an inverse.
fn matrices(count: usize, n: usize) -> OwnedStack<f64> {
    let entry = |i: usize| {
        let (row, column) = (i / n % n, i % n);
        let noise = (i as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
        noise as f64 / f64::from(1 << 24) + if row == column { n as f64 } else { 0.0 }
    };
    OwnedStack::from_vec((0..count * n * n).map(entry).collect(), &[count, n, n])
        .expect("the entries are as many as the shape says")
}
