//! The queues that have something to run, and who runs it.

use crate::fork;
use crate::queue::Queue;
use crate::sync::atomic::{AtomicUsize, Ordering};
use crate::sync::{Mutex, lock, thread_local};
use crate::worker::is_worker;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

/// What an executor runs.
pub type Job = Box<dyn FnOnce() + Send>;

/// The threads.
pub trait Executor: Send + Sync + 'static {
    /// How many there are: as many queues are served at once at most.
    fn threads(&self) -> usize;
    /// Runs `job` on one of them, soon; on the calling thread if there is none.
    fn spawn(&self, job: Job);
    /// Whether the executor has other work for the calling thread, or it is no longer one of its own.
    /// Asked after every task.
    fn is_wanted(&self) -> bool {
        false
    }
    /// Does some of that work, if [wanted](Executor::is_wanted). False if the calling thread is no longer
    /// one of the executor's: the rest of the tasks goes to another.
    fn give_way(&self) -> bool {
        true
    }
}

/// The queues that are ready, first in, first out.
pub struct Scheduler {
    executor: Box<dyn Executor>,
    ready: Mutex<Ready>,
    /// Ready queues whose next item is quick.
    quick: AtomicUsize,
    /// Ready queues.
    waiting: AtomicUsize,
    /// Queues that have something to run, now or later.
    active: AtomicUsize,
}

struct Ready {
    queues: VecDeque<(Arc<Queue>, bool)>,
    /// Threads that serve queues, or soon will.
    runners: usize,
    /// Those of them that have none and are still looking.
    looking: usize,
}

/// How often a thread looks again for a ready queue before it leaves, some microseconds in all: to wake
/// it would take longer.
const LOOKS: usize = if cfg!(loom) { 0 } else { 300 };
/// The most tasks that one pause runs.
const TASKS_OF_A_PAUSE: usize = 16;

thread_local! {
    /// The schedulers whose queues this thread serves, by their addresses.
    static SERVING: RefCell<Vec<usize>> = RefCell::new(vec![]);
    static PAUSED: Cell<bool> = Cell::new(false);
    /// When the next pause may run tasks: long work has had as much time by then as they took.
    static NEXT_PAUSE: Cell<Option<Instant>> = Cell::new(None);
}

impl Scheduler {
    /// With no queues.
    pub fn new(executor: impl Executor) -> Arc<Scheduler> {
        fork::watch();
        Arc::new(Scheduler {
            executor: Box::new(executor),
            ready: Mutex::new(Ready { queues: VecDeque::new(), runners: 0, looking: 0 }),
            quick: AtomicUsize::new(0),
            waiting: AtomicUsize::new(0),
            active: AtomicUsize::new(0),
        })
    }

    /// Whether all has ended that was enqueued on any queue: one load.
    pub fn is_idle(&self) -> bool {
        self.active.load(Ordering::Acquire) == 0
    }

    pub(crate) fn began(&self) {
        self.active.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn ended(&self) {
        self.active.fetch_sub(1, Ordering::Release);
    }

    /// Whether who runs the tasks of one queue should look what else there is.
    pub(crate) fn wants_thread(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > 0 || self.executor.is_wanted()
    }

    /// The queue has something to run, and nobody has it.
    pub(crate) fn hand_over(self: &Arc<Self>, queue: Arc<Queue>, quick: bool) {
        let spawn = {
            let mut ready = lock(&self.ready);
            self.push(&mut ready, queue, quick);
            self.hire(&mut ready)
        };
        if spawn {
            self.spawn();
        }
    }

    fn push(&self, ready: &mut Ready, queue: Arc<Queue>, quick: bool) {
        ready.queues.push_back((queue, quick));
        self.waiting.store(ready.queues.len(), Ordering::Relaxed);
        if quick {
            self.quick.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn remove(&self, ready: &mut Ready, index: usize) -> Option<Arc<Queue>> {
        let (queue, quick) = ready.queues.remove(index)?;
        self.waiting.store(ready.queues.len(), Ordering::Relaxed);
        if quick {
            self.quick.fetch_sub(1, Ordering::Relaxed);
        }
        Some(queue)
    }

    fn hire(&self, ready: &mut Ready) -> bool {
        let hire = ready.queues.len() > ready.looking && ready.runners < self.executor.threads();
        ready.runners += usize::from(hire);
        hire
    }

    fn spawn(self: &Arc<Self>) {
        let scheduler = self.clone();
        self.executor.spawn(Box::new(move || scheduler.serve()));
    }

    /// Serves ready queues, in turn, until none is ready.
    ///
    /// A thread that waits inside a task, for what other threads do of it, is given this by some
    /// executors. It declines: the task could not end before all that was served on top of it. It serves
    /// already, and looks again when the task has ended.
    fn serve(self: &Arc<Self>) {
        let this = Arc::as_ptr(self).addr();
        if SERVING.with(|serving| serving.borrow().contains(&this)) {
            lock(&self.ready).runners -= 1;
            return;
        }
        SERVING.with(|serving| serving.borrow_mut().push(this));
        self.serve_all();
        SERVING.with(|serving| serving.borrow_mut().pop());
    }

    fn serve_all(self: &Arc<Self>) {
        let mut given_back = None;
        loop {
            let Some(queue) = self.next(given_back.take()) else { return };
            given_back = queue.run(false).map(|quick| (queue, quick));
            if self.executor.is_wanted() {
                // Others can have the queue meanwhile.
                if let Some((queue, quick)) = given_back.take() {
                    self.push(&mut lock(&self.ready), queue, quick);
                }
                if !self.executor.give_way() {
                    return self.leave();
                }
            }
        }
    }

    /// The next queue, after the one that is given back; `None` if the thread shall leave. If there are
    /// more, and threads that declined to serve them, one of those is asked again.
    fn next(self: &Arc<Self>, given_back: Option<(Arc<Queue>, bool)>) -> Option<Arc<Queue>> {
        let mut ready = lock(&self.ready);
        if let Some((queue, quick)) = given_back {
            self.push(&mut ready, queue, quick);
        }
        if ready.queues.is_empty() && ready.looking == 0 {
            ready.looking = 1;
            drop(ready);
            for _ in 0..LOOKS {
                if self.wants_thread() {
                    break;
                }
                std::hint::spin_loop();
            }
            ready = lock(&self.ready);
            ready.looking = 0;
        }
        let next = self.remove(&mut ready, 0);
        ready.runners -= usize::from(next.is_none());
        let spawn = next.is_some() && self.hire(&mut ready);
        drop(ready);
        if spawn {
            self.spawn();
        }
        next
    }

    /// Serves no more; another thread does, if there is something to do.
    fn leave(self: &Arc<Self>) {
        let spawn = {
            let mut ready = lock(&self.ready);
            ready.runners -= 1;
            !ready.queues.is_empty() && self.hire(&mut ready)
        };
        if spawn {
            self.spawn();
        }
    }

    /// Called by long work where it can be interrupted for a moment: runs quick tasks of other queues,
    /// if some are ready and the calling thread is one of the executor's. Where none is: one load.
    ///
    /// Half of the thread's time stays with the long work.
    #[inline]
    pub fn pause(self: &Arc<Self>) {
        if self.quick.load(Ordering::Relaxed) > 0 {
            self.let_in();
        }
    }

    #[cold]
    fn let_in(self: &Arc<Self>) {
        // Without threads there may be no clock, and nobody waits meanwhile: tasks come when this one ends.
        if !is_worker() || cfg!(target_family = "wasm") {
            return;
        }
        let begin = Instant::now();
        let too_soon = NEXT_PAUSE.with(Cell::get).is_some_and(|next| begin < next);
        if too_soon || PAUSED.with(|paused| paused.replace(true)) {
            return;
        }
        for _ in 0..TASKS_OF_A_PAUSE {
            let queue = {
                let mut ready = lock(&self.ready);
                let Some(index) = ready.queues.iter().position(|(_, quick)| *quick) else { break };
                self.remove(&mut ready, index)
            };
            let Some(queue) = queue else { break };
            if let Some(quick) = queue.run(true) {
                self.hand_over(queue, quick);
            }
        }
        let end = Instant::now();
        NEXT_PAUSE.with(|next| next.set(Some(end + (end - begin))));
        PAUSED.with(|paused| paused.set(false));
    }
}
