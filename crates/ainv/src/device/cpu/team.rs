//! Threads that stay together through the many short phases of one matrix.
//!
//! A blocked algorithm is a leader's loop of phases; each phase is some tasks that any thread may
//! take. Waking a thread costs as much as a small phase, so a helper that has come waits for the
//! next phase, spinning for a short and then yielding for a bounded time, and goes. The leader
//! waits only for helpers that are inside a phase: one that never comes, because the pool's
//! threads have other work, costs nothing.

use crate::device::cpu::pool;
use crate::error::Error;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// How long a thread spins before it gives its core to others between two looks.
const SPIN: Duration = Duration::from_micros(50);
/// How long a helper waits for a phase.
const WAIT: Duration = Duration::from_micros(500);

/// The leader's end.
pub(crate) struct Team {
    shared: Arc<Shared>,
    helpers: usize,
    /// A phase is under way: one within it runs on its own thread.
    leading: AtomicBool,
}

struct Shared {
    /// The number of the phase, times [`PHASE`], plus [`OPEN`] if helpers may enter it, plus the
    /// number of helpers inside; [`OVER`] at the end.
    state: AtomicUsize,
    /// Written while no helper is inside and none can enter.
    tasks: Cell<Option<Tasks>>,
    /// The tasks that are left, a range for each thread.
    shares: Box<[Share]>,
    /// Helpers that were asked for and have not gone.
    present: AtomicUsize,
    failure: Mutex<Option<Failure>>,
}

// SAFETY: `tasks` is written by the leader alone, while no helper is inside a phase.
unsafe impl Sync for Shared {}
// SAFETY: the pointers in `tasks` are used by helpers only while the leader waits for them.
unsafe impl Send for Shared {}

const OPEN: usize = 1 << 15;
const PHASE: usize = 1 << 16;
const OVER: usize = usize::MAX;

/// A range of tasks, taken from both ends; a cache line of its own.
#[derive(Default)]
#[repr(align(64))]
struct Share(AtomicU64);

impl Share {
    fn set(&self, first: usize, end: usize) {
        self.0.store((first as u64) << 32 | end as u64, Ordering::Relaxed);
    }

    fn take(&self, f: impl Fn(u64, u64) -> (u64, u64)) -> Option<(u64, u64)> {
        let range = |x: u64| (x >> 32, x & u64::from(u32::MAX));
        let taken = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |x| {
            let (first, end) = range(x);
            let (first, end) = (first < end).then(|| f(first, end))?;
            Some(first << 32 | end)
        });
        taken.ok().map(range)
    }

    fn first(&self) -> Option<usize> {
        self.take(|first, end| (first + 1, end)).map(|(first, _)| first as usize)
    }

    fn last(&self) -> Option<usize> {
        self.take(|first, end| (first, end - 1)).map(|(_, end)| end as usize - 1)
    }
}

/// The tasks of a phase: it borrows from the leader, who waits for those inside.
type Tasks = *const (dyn Fn(usize) -> Result<(), Error> + Sync);

enum Failure {
    Error(Error),
    Panic(Box<dyn std::any::Any + Send>),
}

impl Team {
    /// A team of so many threads, the leader's included.
    pub(crate) fn new(threads: usize) -> Self {
        let helpers = threads.saturating_sub(1).min(OPEN - 1);
        let shared = Shared {
            state: AtomicUsize::new(0),
            tasks: Cell::new(None),
            shares: (0..helpers + 1).map(|_| Share::default()).collect(),
            present: AtomicUsize::new(0),
            failure: Mutex::new(None),
        };
        Team { shared: Arc::new(shared), helpers, leading: AtomicBool::new(false) }
    }

    /// Runs `f` on each of `0..count`; after an error no more of them begin. A thread begins with its
    /// own share of the tasks, in their order, the leader with the first: so phase after phase it
    /// finds in its cache what it wrote. Then it takes from the others' ends.
    ///
    /// # Errors
    /// One of those that `f` returned.
    pub(crate) fn each(
        &self,
        count: usize,
        f: &(impl Fn(usize) -> Result<(), Error> + Sync),
    ) -> Result<(), Error> {
        // Helpers are jobs of the pool that the leader is a thread of.
        let alone = count <= 1 || rayon::current_thread_index().is_none();
        if alone || self.leading.swap(true, Ordering::Acquire) {
            return (0..count).try_for_each(f);
        }
        let f: &(dyn Fn(usize) -> Result<(), Error> + Sync) = f;
        // SAFETY: only the lifetime changes; no helper is inside when this function returns.
        let tasks: Tasks = unsafe {
            std::mem::transmute::<
                *const (dyn Fn(usize) -> Result<(), Error> + Sync + '_),
                *const (dyn Fn(usize) -> Result<(), Error> + Sync + 'static),
            >(f)
        };
        let shared = &*self.shared;
        shared.tasks.set(Some(tasks));
        let threads = shared.shares.len().min(count);
        for (i, share) in shared.shares.iter().enumerate() {
            let at = |i: usize| count * i.min(threads) / threads;
            share.set(at(i), at(i + 1));
        }
        let phase = shared.state.load(Ordering::Relaxed).wrapping_add(PHASE);
        shared.state.store(phase | OPEN, Ordering::Release);
        // A call that waits for a thread comes first.
        let wanted = if pool::is_wanted() { 0 } else { self.helpers.min(count - 1) };
        for _ in shared.present.load(Ordering::Relaxed)..wanted {
            let place = shared.present.fetch_add(1, Ordering::Relaxed) + 1;
            let shared = self.shared.clone();
            rayon::spawn(move || pool::helping(|| shared.help(place)));
        }
        shared.work(tasks, 0);
        shared.state.fetch_and(!OPEN, Ordering::Relaxed);
        let mut wait = Wait::new();
        while shared.state.load(Ordering::Acquire) & (OPEN - 1) != 0 {
            wait.a_little();
        }
        let failure = shared.failure.lock().unwrap_or_else(|e| e.into_inner()).take();
        self.leading.store(false, Ordering::Release);
        match failure {
            None => Ok(()),
            Some(Failure::Error(e)) => Err(e),
            Some(Failure::Panic(p)) => resume_unwind(p),
        }
    }
}

impl Drop for Team {
    fn drop(&mut self) {
        self.shared.state.store(OVER, Ordering::Relaxed);
    }
}

impl Shared {
    /// Takes tasks until there are none.
    fn work(&self, tasks: Tasks, place: usize) {
        let (own, others) = (&self.shares[place], self.shares.iter());
        let others = others.cycle().skip(place + 1).take(self.shares.len() - 1);
        let mut steal = others.flat_map(|share| std::iter::from_fn(|| share.last()));
        while let Some(i) = own.first().or_else(|| steal.next()) {
            // SAFETY: the leader, whose closure it is, waits for all that are inside the phase.
            let failure = match catch_unwind(AssertUnwindSafe(|| unsafe { (*tasks)(i) })) {
                Ok(Ok(())) => continue,
                Ok(Err(e)) => Failure::Error(e),
                Err(p) => Failure::Panic(p),
            };
            for share in &self.shares {
                share.set(0, 0);
            }
            self.failure.lock().unwrap_or_else(|e| e.into_inner()).get_or_insert(failure);
            return;
        }
    }

    /// A helper's life.
    fn help(&self, place: usize) {
        let (mut last, mut wait) = (0, Wait::new());
        loop {
            let state = self.state.load(Ordering::Relaxed);
            if state == OVER || wait.so_far() > WAIT || pool::is_wanted() {
                break;
            }
            let phase = state / PHASE;
            if state & OPEN == 0 || phase == last {
                wait.a_little();
                continue;
            }
            let enter =
                self.state.compare_exchange(state, state + 1, Ordering::Acquire, Ordering::Relaxed);
            if enter.is_err() {
                continue;
            }
            last = phase;
            if let Some(tasks) = self.tasks.get() {
                self.work(tasks, place);
            }
            self.state.fetch_sub(1, Ordering::Release);
            wait = Wait::new();
        }
        self.present.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A wait that spins, and after a while gives its core to others now and then. It runs nothing else:
/// while helpers are inside a phase nothing may unwind through the leader.
struct Wait {
    since: Instant,
    looks: u32,
}

impl Wait {
    fn new() -> Self {
        Wait { since: Instant::now(), looks: 0 }
    }

    fn so_far(&self) -> Duration {
        // The clock is asked now and then.
        if self.looks.is_multiple_of(64) { self.since.elapsed() } else { Duration::ZERO }
    }

    fn a_little(&mut self) {
        self.looks = self.looks.wrapping_add(1);
        std::hint::spin_loop();
        if self.so_far() > SPIN {
            std::thread::yield_now();
        }
    }
}
