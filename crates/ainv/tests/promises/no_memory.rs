//! Out of memory (RELIABILITY 5.5): with the address space limited to what the process has and a little
//! more, a call gives the right result or says that there is no memory; it never ends the process, and
//! afterwards all works.

#![cfg(target_os = "linux")]

use super::common::*;
use ainv::*;
use std::sync::Barrier;
use testkit::{assert_same_bits, say};

/// Bytes of addresses that the process has.
fn addresses() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: u64 = pages.split(' ').next().unwrap().parse().unwrap();
    // SAFETY: a question.
    let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    pages * size as u64
}

/// Limits the addresses of this process to so many more than it has; without a number, not at all.
fn limit(more: Option<u64>) {
    let mut old = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the structure that is written.
    let got = unsafe { libc::getrlimit(libc::RLIMIT_AS, &mut old) };
    assert_eq!(got, 0);
    let most = old.rlim_max;
    let soft = more.map_or(most, |more| most.min(addresses() + more));
    let new = libc::rlimit { rlim_cur: soft, rlim_max: most };
    // SAFETY: the structure that is read.
    let set = unsafe { libc::setrlimit(libc::RLIMIT_AS, &new) };
    assert_eq!(set, 0);
}

#[derive(Clone, Copy, Debug)]
enum What {
    Call(Call),
    Double,
    Condition(Norm),
    Product,
    /// Singular values.
    LowRank,
    /// With the result in memory that the call itself asks for.
    Owned,
    Asked,
}

fn run<T: Scalar>(what: What, count: usize, a: &[T], x: &mut [T]) -> Result<(), Error> {
    let n = (a.len() / count).isqrt();
    let shape = [count, n, n];
    let from = Stack::new(a, &shape)?;
    let o = Options::default();
    match what {
        What::Call(call) => {
            call.into(from, StackMut::new(x, &shape)?, &mut [])?;
        }
        What::Double => {
            let o = Options { precision: Precision::Double, ..o };
            inv_into(from, StackMut::new(x, &shape)?, &mut [], &o)?;
        }
        What::Asked => {
            let o = Options { ill_conditioned: IllConditioned::Warn(None), ..o };
            inv_into(from, StackMut::new(x, &shape)?, &mut [], &o)?;
        }
        What::Condition(norm) => {
            let mut found = [T::Real::ONE; 64];
            rcond_into(from, norm, &mut found[..count], &o)?;
            x.iter_mut().zip(found).for_each(|(x, found)| *x = T::from_re(found));
        }
        What::Product => matmul_into(from, from, StackMut::new(x, &shape)?, &o)?,
        What::LowRank => {
            let p = PinvOptions { rtol: Some(Tolerance::All(1e-3)), ..PinvOptions::default() };
            pinv_into(from, StackMut::new(x, &shape)?, &p, &mut [], &o)?;
        }
        What::Owned => x.copy_from_slice(inv(from, &o)?.as_slice()),
    }
    Ok(())
}

/// Counts the calls that had a result, and those that ended in an error.
fn each<T: Scalar>(threads: usize, ends: &mut [usize; 2]) {
    let whats = Call::OWN.into_iter().chain([Call::Pinv]).map(What::Call);
    let others = [
        What::Double,
        What::Condition(Norm::One),
        What::Condition(Norm::Two),
        What::Product,
        What::LowRank,
        What::Owned,
        What::Asked,
    ];
    for what in whats.chain(others) {
        for (count, n) in [(50, 12), (3, 40), (1, 150), (2, 300), (1, 1100)] {
            let slow =
                matches!(what, What::Call(Call::Pinv) | What::LowRank | What::Condition(Norm::Two));
            if slow && n > 300 || threads > 1 && n < 150 {
                continue;
            }
            let example = match what {
                What::Call(call) => call,
                _ => Call::Pinv,
            };
            let mut a = examples::<T>(example, count, n, 1);
            if matches!(what, What::LowRank) {
                // A gap that is not clear.
                for (at, x) in a.iter_mut().enumerate() {
                    *x = x.ldexp(-((at % n * 30 / n) as i32));
                }
            } else if n < 100 {
                // Suspects, which are decided one by one.
                a[..n * n].iter_mut().for_each(|x| *x = x.ldexp(-T::Real::BIG_EXP - 4));
            }
            let mut expected = vec![T::default(); a.len()];
            run(what, count, &a, &mut expected).unwrap();
            // About what the most demanding call takes.
            let need = (8 * n * n + (4 << 10) * n) * size_of::<T>();
            for quarters in [0, 1, 2, 4, 6, 8, 16, 64] {
                // Some KiB for lists and jobs, without which a process cannot go on.
                let more = ((256 << 10) + need * quarters / 4) as u64;
                let mut x = vec![T::nan(); a.len()];
                let name = format!(
                    "{what:?}, {} {count} of {n}, {threads} threads, {more} bytes",
                    T::NAME
                );
                say(format!("CASE {name}"));
                // A thread that has kept nothing of earlier calls, or the pool's.
                let (limited, a, x) = (&Barrier::new(2), &a, &mut x);
                let (outcome, x) = std::thread::scope(|scope| {
                    let work = scope.spawn(move || {
                        // The thread has all that a thread takes; now there is a limit.
                        limited.wait();
                        limited.wait();
                        let outcome = run(what, count, a, x);
                        limit(None);
                        (outcome, x)
                    });
                    limited.wait();
                    limit(Some(more));
                    limited.wait();
                    work.join().unwrap()
                });
                match outcome {
                    Ok(()) => assert_same_bits(x, &expected, &name),
                    Err(Error::OutOfMemory { .. }) => (),
                    Err(e) => panic!("{name}: {e:?}"),
                }
                ends[outcome.is_err() as usize] += 1;
                let mut again = vec![T::nan(); a.len()];
                run(what, count, a, &mut again).unwrap();
                assert_same_bits(&again, &expected, format!("after {name}"));
            }
        }
    }
}

/// Run by `no_memory_is_an_error` in a process of its own.
#[test]
fn child_without_memory() {
    if !is_child() {
        return;
    }
    for threads in [1, 3] {
        set_num_threads(threads).unwrap();
        let mut ends = [0; 2];
        each::<f64>(threads, &mut ends);
        each::<c32>(threads, &mut ends);
        say(format!("WITHOUT MEMORY, {threads} threads: {} results, {} errors", ends[0], ends[1]));
        assert!(ends.iter().all(|n| *n > 50), "{ends:?}");
    }
}

#[test]
fn no_memory_is_an_error() {
    if is_child() {
        return;
    }
    let output = child("no_memory::child_without_memory", instruction_set().unwrap().name());
    let text = String::from_utf8_lossy(&output.stderr);
    let out = String::from_utf8_lossy(&output.stdout);
    let last: Vec<&str> = text.lines().rev().take(8).collect();
    let good = output.status.success() && out.contains("1 passed");
    assert!(good && text.contains("3 threads:"), "{:?}: {last:#?}", output.status);
}
