//! The time of one call among many.

use std::hint::black_box;
use std::time::{Duration, Instant};

/// At most, and at least.
const ROUNDS: usize = 7;
const FEWEST: usize = 3;

/// Seconds of a call: the median of rounds that take this time together, or a few calls where a single one
/// takes longer. What comes first is not counted: a core that rested is slow for a while.
pub(super) fn median<E>(time: Duration, mut call: impl FnMut() -> Result<(), E>) -> Result<f64, E> {
    let mut round = |calls: u64| {
        let start = Instant::now();
        for _ in 0..calls {
            // Or the compiler might do many at once.
            black_box(call()?);
        }
        Ok(start.elapsed())
    };
    // So many calls that the clock's own time does not count.
    let (least, begin, mut calls) = (time / ROUNDS as u32, Instant::now(), 1u64);
    let mut spent = round(calls)?;
    while spent < least || begin.elapsed() < time {
        if spent < least {
            calls = calls.saturating_mul(2);
        }
        spent = round(calls)?;
    }
    let (begin, mut rounds) = (Instant::now(), Vec::new());
    while rounds.len() < FEWEST || rounds.len() < ROUNDS && begin.elapsed() < time.saturating_mul(2)
    {
        rounds.push(round(calls)?.as_secs_f64() / calls as f64);
    }
    rounds.sort_by(f64::total_cmp);
    Ok(rounds[rounds.len() / 2])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_counted() {
        let (mut calls, time) = (0u64, Duration::from_millis(7));
        let start = Instant::now();
        let seconds = median(time, || {
            calls = black_box(calls + 1);
            Ok::<_, ()>(())
        });
        // No more time was spent in the calls than there was.
        assert!(seconds.unwrap() > 0.0 && seconds.unwrap() * 3.0 < start.elapsed().as_secs_f64());
        assert!(calls > 1000, "{calls}");
    }

    #[test]
    fn a_long_call_is_made_a_few_times() {
        let mut calls = 0;
        let long = || {
            calls += 1;
            std::thread::sleep(Duration::from_millis(5));
            Ok::<_, ()>(())
        };
        let seconds = median(Duration::from_millis(1), long).unwrap();
        assert!(seconds >= 0.005);
        assert_eq!(calls, 1 + FEWEST);
    }

    #[test]
    fn what_a_call_says_ends_it() {
        assert_eq!(median(Duration::from_secs(60), || Err("stopped")), Err("stopped"));
    }
}
