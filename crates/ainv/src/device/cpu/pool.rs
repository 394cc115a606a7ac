//! The threads: a rayon pool of our own, never the global one.

use crate::error::Error;
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// A pool, the process that made it, and its threads.
struct Made {
    process: u32,
    threads: usize,
    pool: Arc<ThreadPool>,
}

static POOL: Mutex<Option<Made>> = Mutex::new(None);
/// How many threads were asked for, or zero.
static THREADS: AtomicUsize = AtomicUsize::new(0);

/// `AINV_NUM_THREADS`, else `RAYON_NUM_THREADS`, else `OMP_NUM_THREADS`, else the cores.
fn default_threads() -> usize {
    ["AINV_NUM_THREADS", "RAYON_NUM_THREADS", "OMP_NUM_THREADS"]
        .iter()
        .find_map(|name| std::env::var(name).ok()?.trim().parse().ok().filter(|&n| n > 0))
        .unwrap_or_else(|| std::thread::available_parallelism().map_or(1, |n| n.get()))
}

/// How many threads a call may use.
pub fn num_threads() -> usize {
    if rayon::current_thread_index().is_some() {
        return rayon::current_num_threads();
    }
    match THREADS.load(Ordering::Relaxed) {
        0 => {
            let threads = default_threads();
            // A number that was set meanwhile stays.
            match THREADS.compare_exchange(0, threads, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => threads,
                Err(set) => set,
            }
        }
        threads => threads,
    }
}

/// Sets how many threads a call may use; the pool is made anew at the next call.
///
/// # Errors
/// [`Error::Argument`] for zero.
pub fn set_num_threads(n: usize) -> Result<(), Error> {
    if n == 0 {
        return Err(Error::Argument { what: "the number of threads must be at least 1".into() });
    }
    THREADS.store(n, Ordering::Relaxed);
    Ok(())
}

/// Runs `f` inside the pool; inside a worker of any rayon pool, right there.
///
/// # Errors
/// [`Error::OutOfMemory`] if the threads cannot be made, and what `f` returns.
pub(crate) fn install<R: Send>(f: impl FnOnce() -> Result<R, Error> + Send) -> Result<R, Error> {
    if rayon::current_thread_index().is_some() {
        return f();
    }
    let pool = {
        let (threads, process) = (num_threads(), std::process::id());
        // Nothing panics while the lock is held; if it did, the pool is still whole.
        let mut made = POOL.lock().unwrap_or_else(|e| e.into_inner());
        // After a fork the threads are the parent's: the child makes its own, and forgets the
        // parent's pool without joining threads that it does not have.
        if made.as_ref().is_some_and(|m| m.process != process) {
            std::mem::forget(made.take());
        }
        match &*made {
            Some(m) if m.threads == threads => m.pool.clone(),
            _ => {
                let pool = ThreadPoolBuilder::new()
                    .num_threads(threads)
                    .thread_name(|i| format!("ainv-{i}"))
                    .build()
                    .map_err(|_| Error::OutOfMemory { bytes: threads * (2 << 20) })?;
                let pool = Arc::new(pool);
                *made = Some(Made { process, threads, pool: pool.clone() });
                pool
            }
        }
    };
    pool.install(f)
}

/// Stops a running call from another thread. Clones share the flag.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// A flag that is not set.
    pub fn new() -> Cancel {
        Cancel::default()
    }
    /// Asks the calls that hold this flag to stop; each returns [`Error::Cancelled`] soon. (A singular
    /// value decomposition under way runs to its end first.)
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
    /// Whether it was asked.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
    /// [`Error::Cancelled`] if a flag is given and was set.
    pub(crate) fn check(flag: Option<&Cancel>) -> Result<(), Error> {
        if flag.is_some_and(Cancel::is_cancelled) { Err(Error::Cancelled) } else { Ok(()) }
    }
}

/// Cuts `0..len` into at most `pieces` ranges of multiples of `unit` and runs `f` on each at once.
pub(crate) fn split(
    len: usize,
    unit: usize,
    pieces: usize,
    f: &(impl Fn(Range<usize>) -> Result<(), Error> + Sync),
) -> Result<(), Error> {
    let units = len.div_ceil(unit);
    if pieces <= 1 || units <= 1 {
        return f(0..len);
    }
    fn go(
        at: Range<usize>,
        len: usize,
        unit: usize,
        pieces: usize,
        f: &(impl Fn(Range<usize>) -> Result<(), Error> + Sync),
    ) -> Result<(), Error> {
        if pieces <= 1 || at.len() <= 1 {
            return f(at.start * unit..(at.end * unit).min(len));
        }
        let left = pieces / 2;
        let middle = at.start + at.len() * left / pieces;
        let (a, b) = rayon::join(
            || go(at.start..middle, len, unit, left, f),
            || go(middle..at.end, len, unit, pieces - left, f),
        );
        a.and(b)
    }
    go(0..units, len, unit, pieces.min(units), f)
}
