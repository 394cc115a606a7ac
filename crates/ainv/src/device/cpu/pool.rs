//! The threads: a rayon pool of our own, never the global one.

use crate::device::cpu::mode::Mode;
use crate::error::Error;
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::cell::Cell;
use std::ops::Range;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// The pool of one process, once it is made. A forked child makes its own: its parent's threads are not
/// there, and the parent may have been making a pool at that moment, so that its lock is held for ever.
struct Process {
    id: u32,
    made: Mutex<Option<Made>>,
}

/// A pool and its threads.
struct Made {
    threads: usize,
    pool: Arc<ThreadPool>,
}

/// Whether threads can be made. WebAssembly has none: there a call works on the caller's thread alone, and a
/// stream's work is done where it is submitted.
const EXIST: bool = !cfg!(target_family = "wasm");

/// Null until a pool is asked for. What it points to is never freed.
static PROCESS: AtomicPtr<Process> = AtomicPtr::new(std::ptr::null_mut());
/// How many threads were asked for, or zero.
static THREADS: AtomicUsize = AtomicUsize::new(0);
/// Which pool is the one in use: they are counted.
static CURRENT: AtomicUsize = AtomicUsize::new(0);
/// Calls that wait for a thread of the pool.
static WAITING: AtomicUsize = AtomicUsize::new(0);
/// Calls, and servers of streams, that have one.
static BUSY: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// Which pool this thread is of.
    static OF: Cell<usize> = const { Cell::new(0) };
}

/// `AINV_NUM_THREADS`, else `RAYON_NUM_THREADS`, else `OMP_NUM_THREADS`, else the cores.
fn default_threads() -> usize {
    ["AINV_NUM_THREADS", "RAYON_NUM_THREADS", "OMP_NUM_THREADS"]
        .iter()
        .find_map(|name| std::env::var(name).ok()?.trim().parse().ok().filter(|&n| n > 0))
        .unwrap_or_else(|| std::thread::available_parallelism().map_or(1, |n| n.get()))
        .min(rayon::max_num_threads())
}

/// How many threads a call may use.
pub fn num_threads() -> usize {
    if rayon::current_thread_index().is_some() {
        return rayon::current_num_threads();
    }
    threads()
}

/// How many threads the pool has, or will have when it is next asked for.
pub(crate) fn threads() -> usize {
    if !EXIST {
        return 1;
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

/// Sets how many threads a call may use, as many as rayon allows at most (65,535; 255 on a 32-bit machine);
/// the pool is made anew at the next call. In WebAssembly, which has no threads, it stays one.
///
/// # Errors
/// [`Error::Argument`] for zero.
pub fn set_num_threads(n: usize) -> Result<(), Error> {
    if n == 0 {
        return Err(Error::Argument { what: "the number of threads must be at least 1".into() });
    }
    THREADS.store(n.min(rayon::max_num_threads()), Ordering::Relaxed);
    Ok(())
}

/// Runs `f` inside the pool; inside a worker of any rayon pool, right there.
///
/// # Errors
/// [`Error::OutOfMemory`] if the threads cannot be made, and what `f` returns.
pub(crate) fn install<R: Send>(f: impl FnOnce() -> Result<R, Error> + Send) -> Result<R, Error> {
    if !EXIST || rayon::current_thread_index().is_some() {
        return f();
    }
    let pool = current()?;
    WAITING.fetch_add(1, Ordering::Relaxed);
    pool.install(|| {
        WAITING.fetch_sub(1, Ordering::Relaxed);
        let _mode = Mode::standard();
        busy(f)
    })
}

/// Runs `f`, which has a thread of the pool for itself.
pub(crate) fn busy<R>(f: impl FnOnce() -> R) -> R {
    struct Done;
    impl Drop for Done {
        fn drop(&mut self) {
            BUSY.fetch_sub(1, Ordering::Relaxed);
        }
    }
    BUSY.fetch_add(1, Ordering::Relaxed);
    let _done = Done;
    f()
}

/// Runs `f`, which has this thread, of the pool or of another one, for itself.
pub(crate) fn helping(f: impl FnOnce()) {
    let _mode = Mode::standard();
    if OF.get() == 0 { f() } else { busy(f) }
}

/// This process's own, made if need be.
fn process() -> &'static Process {
    let id = std::process::id();
    loop {
        let before = PROCESS.load(Ordering::Acquire);
        // SAFETY: null, or leaked below.
        if let Some(process) = unsafe { before.as_ref() }.filter(|process| process.id == id) {
            return process;
        }
        let new = Box::into_raw(Box::new(Process { id, made: Mutex::new(None) }));
        if PROCESS.compare_exchange(before, new, Ordering::AcqRel, Ordering::Acquire).is_err() {
            // SAFETY: made above, and known to this thread alone.
            drop(unsafe { Box::from_raw(new) });
        }
    }
}

/// The pool.
///
/// # Errors
/// [`Error::OutOfMemory`] if its threads cannot be made; [`Error::Unsupported`] where there are none.
pub(crate) fn current() -> Result<Arc<ThreadPool>, Error> {
    if !EXIST {
        return Err(Error::Unsupported { what: "this platform has no threads".into() });
    }
    let threads = threads();
    // Nothing panics while the lock is held; if it did, the pool is still whole.
    let mut made = process().made.lock().unwrap_or_else(|e| e.into_inner());
    match &*made {
        Some(m) if m.threads == threads => return Ok(m.pool.clone()),
        Some(_) => {}
        // What a parent's calls had counted will never end here.
        None => {
            WAITING.store(0, Ordering::Relaxed);
            BUSY.store(0, Ordering::Relaxed);
        }
    }
    let number = CURRENT.load(Ordering::Relaxed) + 1;
    let pool = ThreadPoolBuilder::new()
        .num_threads(threads)
        .thread_name(|i| format!("ainv-{i}"))
        .start_handler(move |_| {
            OF.set(number);
            ainv_streams::become_worker();
        })
        .build()
        .map_err(|_| Error::OutOfMemory { bytes: threads * (2 << 20) })?;
    let pool = Arc::new(pool);
    CURRENT.store(number, Ordering::Relaxed);
    *made = Some(Made { threads, pool: pool.clone() });
    Ok(pool)
}

/// Whether a call waits for a thread of the pool and none is idle.
pub(crate) fn is_wanted() -> bool {
    WAITING.load(Ordering::Relaxed) > 0
        && BUSY.load(Ordering::Relaxed) >= THREADS.load(Ordering::Relaxed)
}

/// Whether the calling thread is of a pool that was replaced, or will be at the next call.
pub(crate) fn is_replaced() -> bool {
    let (of, threads) = (OF.get(), THREADS.load(Ordering::Relaxed));
    of != 0 && (of != CURRENT.load(Ordering::Relaxed) || rayon::current_num_threads() != threads)
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
            let _mode = Mode::standard();
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
