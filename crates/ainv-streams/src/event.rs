//! The outcome of a task.

use crate::cancel::Cancel;
use crate::fork::generation;
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::{Condvar, Mutex, MutexGuard, lock, thread_local, wait};
use crate::worker::is_worker;
use std::any::Any;
use std::cell::Cell;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

/// Why a task has no outcome of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// It was cancelled before it began.
    Cancelled,
    /// It panicked, with this message.
    Panicked(String),
    /// It was under way in the process that this one was forked from.
    Forked,
    /// A thread of the executor was about to wait for it, and might have waited for itself.
    WouldBlock,
}

thread_local! {
    /// A flag for the next task that runs where it is submitted, which nobody cancels.
    static SPARE: Cell<Option<Cancel>> = Cell::new(None);
}

type Callback = Box<dyn FnOnce() + Send>;

/// A task as its queue sees it.
pub(crate) trait Run: Send + Sync {
    /// Runs it, unless it was cancelled; `flag` cancels it from now on.
    fn run(&self, flag: &Cancel);
    /// See [`Event::cancel`].
    fn cancel(&self);
}

/// A task as those see it who wait for its end.
trait Signal: Run {
    fn is_done(&self) -> bool;
    fn wait(&self, time: Option<Duration>) -> Result<bool, Stopped>;
    fn is_lost(&self) -> bool;
    fn call(&self, callback: Callback);
}

/// A task as the holder of its event sees it.
trait Outcome<T, E>: Signal {
    /// The outcome, once; otherwise `waker`, if there is one, is woken when it comes.
    fn take(&self, waker: Option<&Waker>) -> Option<Result<T, E>>;
}

/// A task: its operation until it begins, its outcome when it has ended. It goes from one core to
/// another, so it is small.
pub(crate) struct Work<F, T, E> {
    generation: u32,
    done: AtomicBool,
    inside: Mutex<Inside<F, T, E>>,
    ended: Condvar,
}

struct Inside<F, T, E> {
    operation: Option<F>,
    running: Option<Cancel>,
    outcome: Option<Result<T, E>>,
    watchers: Option<Box<Watchers>>,
}

/// Who is told of the end.
#[derive(Default)]
struct Watchers {
    /// Threads that wait.
    waiting: usize,
    waker: Option<Waker>,
    callbacks: Vec<Callback>,
}

impl<F, T, E> Inside<F, T, E> {
    fn watchers(&mut self) -> &mut Watchers {
        self.watchers.get_or_insert_default()
    }
}

impl<F, T, E> Work<F, T, E>
where
    F: FnOnce(&Cancel) -> Result<T, E> + Send + 'static,
    T: Send + 'static,
    E: From<Stopped> + Send + 'static,
{
    pub(crate) fn new(operation: F) -> Arc<Self> {
        let operation = Some(operation);
        let inside = Inside { operation, running: None, outcome: None, watchers: None };
        Arc::new(Work {
            generation: generation(),
            done: AtomicBool::new(false),
            inside: Mutex::new(inside),
            ended: Condvar::new(),
        })
    }

    pub(crate) fn event(self: &Arc<Self>) -> Event<T, E> {
        Event(State::Submitted(self.clone()))
    }

    fn end(&self, mut inside: MutexGuard<'_, Inside<F, T, E>>, outcome: Result<T, E>) {
        inside.outcome = Some(outcome);
        inside.running = None;
        self.done.store(true, Ordering::Release);
        let watchers = inside.watchers.take();
        drop(inside);
        let Some(watchers) = watchers else { return };
        if watchers.waiting > 0 {
            self.ended.notify_all();
        }
        if let Some(waker) = watchers.waker {
            waker.wake();
        }
        for callback in watchers.callbacks {
            callback();
        }
    }
}

impl<F, T, E> Run for Work<F, T, E>
where
    F: FnOnce(&Cancel) -> Result<T, E> + Send + 'static,
    T: Send + 'static,
    E: From<Stopped> + Send + 'static,
{
    fn run(&self, flag: &Cancel) {
        let operation = {
            let mut inside = lock(&self.inside);
            let Some(operation) = inside.operation.take() else { return };
            inside.running = Some(flag.clone());
            operation
        };
        let outcome = outcome(operation, flag);
        self.end(lock(&self.inside), outcome);
    }

    fn cancel(&self) {
        if self.is_lost() {
            return;
        }
        let mut inside = lock(&self.inside);
        if let Some(operation) = inside.operation.take() {
            self.end(inside, Err(Stopped::Cancelled.into()));
            // What it owned is freed now; that may be the caller's code.
            drop(operation);
        } else if let Some(running) = &inside.running {
            running.cancel();
        }
    }
}

impl<F, T, E> Signal for Work<F, T, E>
where
    F: FnOnce(&Cancel) -> Result<T, E> + Send + 'static,
    T: Send + 'static,
    E: From<Stopped> + Send + 'static,
{
    fn is_done(&self) -> bool {
        self.done.load(Ordering::Acquire)
    }

    fn is_lost(&self) -> bool {
        !self.is_done() && self.generation != generation()
    }

    fn wait(&self, time: Option<Duration>) -> Result<bool, Stopped> {
        if self.is_done() {
            return Ok(true);
        }
        if self.is_lost() {
            return Err(Stopped::Forked);
        }
        if is_worker() {
            return Err(Stopped::WouldBlock);
        }
        // Asked no earlier: without threads all has ended, and there may be no clock either.
        let until = time.and_then(|time| Instant::now().checked_add(time));
        let mut inside = lock(&self.inside);
        if !self.done.load(Ordering::Relaxed) {
            // Who waited in vain may be counted still: one more notification at the end.
            inside.watchers().waiting += 1;
        }
        while !self.done.load(Ordering::Relaxed) {
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            if left == Some(Duration::ZERO) {
                break;
            }
            inside = wait(&self.ended, inside, left);
        }
        Ok(self.done.load(Ordering::Relaxed))
    }

    fn call(&self, callback: Callback) {
        let mut inside = lock(&self.inside);
        if self.done.load(Ordering::Relaxed) {
            drop(inside);
            callback();
        } else {
            inside.watchers().callbacks.push(callback);
        }
    }
}

impl<F, T, E> Outcome<T, E> for Work<F, T, E>
where
    F: FnOnce(&Cancel) -> Result<T, E> + Send + 'static,
    T: Send + 'static,
    E: From<Stopped> + Send + 'static,
{
    fn take(&self, waker: Option<&Waker>) -> Option<Result<T, E>> {
        // In a forked child the lock may be one that a thread of the parent held, for ever.
        let lost = || Some(Err(Stopped::Forked.into()));
        let mut inside = if self.generation == generation() {
            lock(&self.inside)
        } else {
            match self.inside.try_lock() {
                Ok(inside) if self.is_done() => inside,
                _ => return lost(),
            }
        };
        if self.done.load(Ordering::Relaxed) {
            return Some(inside.outcome.take().expect("an outcome is taken once"));
        }
        if let Some(waker) = waker {
            let known = &mut inside.watchers().waker;
            if !known.as_ref().is_some_and(|known| known.will_wake(waker)) {
                *known = Some(waker.clone());
            }
        }
        None
    }
}

/// Runs an operation: a panic is its error.
fn outcome<T, E: From<Stopped>>(
    operation: impl FnOnce(&Cancel) -> Result<T, E>,
    flag: &Cancel,
) -> Result<T, E> {
    catch_unwind(AssertUnwindSafe(|| operation(flag)))
        .unwrap_or_else(|panic| Err(Stopped::Panicked(text(&*panic)).into()))
}

fn text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message").to_owned()
}

/// The outcome of a task, now or later: [wait](Event::wait) for it, or await it as a [`Future`].
///
/// Dropping it neither waits nor cancels: the task owns what it works on and runs all the same.
#[must_use = "an error of the task is in its event"]
pub struct Event<T, E>(State<T, E>);

enum State<T, E> {
    /// It ran where it was submitted.
    Ended(Option<Result<T, E>>),
    Submitted(Arc<dyn Outcome<T, E>>),
}

// Nothing in it is pinned.
impl<T, E> Unpin for Event<T, E> {}

impl<T, E> Event<T, E>
where
    T: Send + 'static,
    E: From<Stopped> + Send + 'static,
{
    /// Runs an operation here and now.
    pub(crate) fn of(operation: impl FnOnce(&Cancel) -> Result<T, E>) -> Event<T, E> {
        let flag = SPARE.with(Cell::take).unwrap_or_default();
        let outcome = outcome(operation, &flag);
        SPARE.with(|spare| spare.set(Some(flag.anew())));
        Event(State::Ended(Some(outcome)))
    }

    /// The outcome, when the task has ended.
    ///
    /// # Errors
    /// The task's own; [`Stopped`] if it was cancelled, panicked, was under way in the parent of this
    /// forked process, or if the caller is itself a task: a task that waited would hold a thread that
    /// the other may need. Order them with [`Queue::after`](crate::Queue::after).
    pub fn wait(mut self) -> Result<T, E> {
        if let State::Submitted(work) = &self.0 {
            work.wait(None).map_err(E::from)?;
        }
        self.take(None).expect("the task has ended")
    }

    /// Whether the task has ended.
    pub fn is_done(&self) -> bool {
        match &self.0 {
            State::Ended(_) => true,
            State::Submitted(work) => work.is_done(),
        }
    }

    /// A task that has not begun never will, and ends now; one that has begun is asked to stop by the
    /// [`Cancel`] that it was given. One that has ended stays as it is.
    pub fn cancel(&self) {
        if let State::Submitted(work) = &self.0 {
            work.cancel();
        }
    }

    /// The end of the task, without its outcome.
    pub fn done(&self) -> Done {
        match &self.0 {
            State::Ended(_) => Done(None),
            State::Submitted(work) => Done(Some(work.clone())),
        }
    }

    fn take(&mut self, waker: Option<&Waker>) -> Option<Result<T, E>> {
        match &mut self.0 {
            State::Ended(outcome) => Some(outcome.take().expect("an outcome is taken once")),
            State::Submitted(work) => work.take(waker),
        }
    }
}

impl<T, E> Future for Event<T, E>
where
    T: Send + 'static,
    E: From<Stopped> + Send + 'static,
{
    type Output = Result<T, E>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.take(Some(context.waker())).map_or(Poll::Pending, Poll::Ready)
    }
}

impl<T: Send + 'static, E: From<Stopped> + Send + 'static> std::fmt::Debug for Event<T, E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Event").field("is_done", &self.is_done()).finish()
    }
}

/// The end of a task, however it ended: what other work can be ordered after.
#[derive(Clone)]
pub struct Done(Option<Arc<dyn Signal>>);

impl Done {
    /// Whether the task has ended.
    pub fn is_done(&self) -> bool {
        self.0.as_ref().is_none_or(|work| work.is_done())
    }

    /// Waits for the end.
    ///
    /// # Errors
    /// [`Stopped::Forked`], [`Stopped::WouldBlock`].
    pub fn wait(&self) -> Result<(), Stopped> {
        self.wait_at_most(None).map(drop)
    }

    /// Waits for the end, or for `time`; whether the task has ended.
    ///
    /// # Errors
    /// As [`wait`](Done::wait).
    pub fn wait_for(&self, time: Duration) -> Result<bool, Stopped> {
        self.wait_at_most(Some(time))
    }

    fn wait_at_most(&self, time: Option<Duration>) -> Result<bool, Stopped> {
        self.0.as_ref().map_or(Ok(true), |work| work.wait(time))
    }

    /// As [`Event::cancel`].
    pub fn cancel(&self) {
        if let Some(work) = &self.0 {
            work.cancel();
        }
    }

    /// Whether the task will never end here: it was under way in the parent of this forked process.
    pub(crate) fn is_lost(&self) -> bool {
        self.0.as_ref().is_some_and(|work| work.is_lost())
    }

    /// Calls `callback` when the task has ended, on the thread that ended it, or at once.
    pub(crate) fn call(&self, callback: impl FnOnce() + Send + 'static) {
        match &self.0 {
            Some(work) => work.call(Box::new(callback)),
            None => callback(),
        }
    }
}

impl<T: Send + 'static, E: From<Stopped> + Send + 'static> From<&Event<T, E>> for Done {
    fn from(event: &Event<T, E>) -> Done {
        event.done()
    }
}

impl From<&Done> for Done {
    fn from(done: &Done) -> Done {
        done.clone()
    }
}

impl std::fmt::Debug for Done {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Done").field("is_done", &self.is_done()).finish()
    }
}
