//! The tasks of one stream.

use crate::cancel::Cancel;
use crate::event::{Done, Event, Run, Stopped, Work};
use crate::scheduler::Scheduler;
use crate::sync::atomic::{AtomicUsize, Ordering};
use crate::sync::{Condvar, Mutex, MutexGuard, lock, wait};
use crate::worker::{as_worker, is_worker};
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

/// How often a submitter that waits for room looks whether it was interrupted.
const POLL: Duration = Duration::from_millis(50);

/// How much a queue holds before its submitters wait.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Tasks.
    pub tasks: usize,
    /// Bytes, as the tasks say. A larger task is let in when the queue is otherwise empty.
    pub bytes: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { tasks: 1024, bytes: 1 << 30 }
    }
}

/// What a task says of itself.
#[derive(Default)]
pub struct Task<'a> {
    /// It takes under about a millisecond, and takes no lock that longer work holds while it computes:
    /// it may run in a pause of longer work.
    pub quick: bool,
    /// It takes less time than to hand it to another thread, a few microseconds: if the queue is idle,
    /// it runs where it is submitted, at once.
    pub tiny: bool,
    /// The memory that it holds until it has ended.
    pub bytes: usize,
    /// Asked every 50 ms while the submitter waits for room; true gives up.
    pub interrupted: Option<&'a mut dyn FnMut() -> bool>,
}

/// A first-in, first-out queue of tasks, of which at most one runs at a time.
pub struct Queue {
    scheduler: Arc<Scheduler>,
    limits: Limits,
    inside: Mutex<Inside>,
    /// Locked before `inside` where both are.
    taken: Mutex<Taken>,
    /// Submitters that wait for room.
    waiting: AtomicUsize,
    room: Condvar,
}

/// What submitters see.
struct Inside {
    items: VecDeque<Item>,
    /// Items that have not ended, as far as was reported.
    held: usize,
    /// What they hold.
    bytes: usize,
    /// Whether some thread, the scheduler or an event sees to it that the items will be run.
    active: bool,
}

/// What the one who runs the tasks took, all that there was, so that it seldom meets a submitter.
#[derive(Default)]
struct Taken {
    items: VecDeque<Item>,
    running: Option<Arc<dyn Run>>,
    /// Items that have ended since the last report, and what they held.
    ended: usize,
    bytes: usize,
}

enum Item {
    Task { task: Arc<dyn Run>, quick: bool, bytes: usize },
    After(Done),
}

impl Item {
    /// Whether a pause of long work may look at it.
    fn is_quick(&self) -> bool {
        matches!(self, Item::Task { quick: true, .. } | Item::After(_))
    }
}

impl Queue {
    /// An empty queue.
    pub fn new(scheduler: &Arc<Scheduler>, limits: Limits) -> Arc<Queue> {
        let inside = Inside { items: VecDeque::new(), held: 0, bytes: 0, active: false };
        Arc::new(Queue {
            scheduler: scheduler.clone(),
            limits,
            inside: Mutex::new(inside),
            taken: Mutex::new(Taken::default()),
            waiting: AtomicUsize::new(0),
            room: Condvar::new(),
        })
    }

    /// Enqueues an operation. Waits while the queue is full, but on a thread of the executor, which
    /// may be the one to make room.
    ///
    /// # Errors
    /// [`Stopped::Cancelled`] if `task.interrupted` said so.
    pub fn submit<F, T, E>(self: &Arc<Self>, task: Task, operation: F) -> Result<Event<T, E>, E>
    where
        F: FnOnce(&Cancel) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Stopped> + Send + 'static,
    {
        let inside = self.room_for(task.bytes, task.interrupted)?;
        if task.tiny && !inside.active {
            return Ok(self.run_here(inside, operation));
        }
        let work = Work::new(operation);
        let event = work.event();
        let quick = task.quick || task.tiny;
        self.push(inside, Item::Task { task: work, quick, bytes: task.bytes });
        Ok(event)
    }

    /// Runs an operation before all that others enqueue from now on.
    fn run_here<F, T, E>(
        self: &Arc<Self>,
        mut inside: MutexGuard<'_, Inside>,
        operation: F,
    ) -> Event<T, E>
    where
        F: FnOnce(&Cancel) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Stopped> + Send + 'static,
    {
        inside.active = true;
        self.scheduler.began();
        drop(inside);
        let event = as_worker(|| Event::of(operation));
        let mut inside = lock(&self.inside);
        let next = inside.items.front().map(Item::is_quick);
        match next {
            None => self.rest(&mut inside),
            Some(quick) => {
                drop(inside);
                self.scheduler.hand_over(self.clone(), quick);
            }
        }
        event
    }

    /// An event that ends when all has ended that was enqueued before. Never waits for room.
    pub fn marker<E: From<Stopped> + Send + 'static>(self: &Arc<Self>) -> Event<(), E> {
        let work = Work::new(|_: &Cancel| Ok(()));
        let event = work.event();
        self.push(lock(&self.inside), Item::Task { task: work, quick: true, bytes: 0 });
        event
    }

    /// What is enqueued from now on begins after the end of `earlier`. No thread waits for that, nor
    /// for room here.
    ///
    /// # Errors
    /// [`Stopped::Forked`] if it will never end here.
    pub fn after(self: &Arc<Self>, earlier: Done) -> Result<(), Stopped> {
        if earlier.is_done() {
            return Ok(());
        }
        if earlier.is_lost() {
            return Err(Stopped::Forked);
        }
        self.push(lock(&self.inside), Item::After(earlier));
        Ok(())
    }

    /// Whether all has ended that was enqueued. An event may end a moment before.
    pub fn is_idle(&self) -> bool {
        !lock(&self.inside).active
    }

    /// Cancels all that is enqueued or running.
    pub fn cancel(&self) {
        let tasks: Vec<_> = {
            let taken = lock(&self.taken);
            let inside = lock(&self.inside);
            let queued = taken.items.iter().chain(&inside.items).filter_map(|item| match item {
                Item::Task { task, .. } => Some(task.clone()),
                Item::After(_) => None,
            });
            taken.running.iter().cloned().chain(queued).collect()
        };
        // The last one first: else those behind one that ends could begin meanwhile.
        for task in tasks.into_iter().rev() {
            task.cancel();
        }
    }

    fn room_for(
        &self,
        bytes: usize,
        interrupted: Option<&mut dyn FnMut() -> bool>,
    ) -> Result<MutexGuard<'_, Inside>, Stopped> {
        let inside = lock(&self.inside);
        if !self.is_full(&inside, bytes) || is_worker() {
            return Ok(inside);
        }
        drop(inside);
        self.wait_for_room(bytes, interrupted)
    }

    fn is_full(&self, inside: &Inside, bytes: usize) -> bool {
        inside.held >= self.limits.tasks
            || (inside.held > 0 && inside.bytes.saturating_add(bytes) > self.limits.bytes)
    }

    #[cold]
    fn wait_for_room(
        &self,
        bytes: usize,
        mut interrupted: Option<&mut dyn FnMut() -> bool>,
    ) -> Result<MutexGuard<'_, Inside>, Stopped> {
        // First said, then looked: what ends after the look is reported because of this.
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let outcome = loop {
            self.report(&mut lock(&self.taken));
            let mut inside = lock(&self.inside);
            if self.is_full(&inside, bytes) {
                inside = wait(&self.room, inside, interrupted.is_some().then_some(POLL));
            }
            if !self.is_full(&inside, bytes) {
                break Ok(inside);
            }
            drop(inside);
            // This may be the caller's code: not under a lock.
            if interrupted.as_mut().is_some_and(|interrupted| interrupted()) {
                break Err(Stopped::Cancelled);
            }
        };
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        outcome
    }

    /// What has ended makes room.
    fn report(&self, taken: &mut Taken) {
        if taken.ended > 0 {
            let mut inside = lock(&self.inside);
            inside.held -= std::mem::take(&mut taken.ended);
            inside.bytes = inside.bytes.saturating_sub(std::mem::take(&mut taken.bytes));
            self.room.notify_all();
        }
    }

    fn push(self: &Arc<Self>, mut inside: MutexGuard<'_, Inside>, item: Item) {
        let quick = item.is_quick();
        if let Item::Task { bytes, .. } = item {
            inside.bytes = inside.bytes.saturating_add(bytes);
        }
        inside.held += 1;
        inside.items.push_back(item);
        let idle = !std::mem::replace(&mut inside.active, true);
        if idle {
            self.scheduler.began();
        }
        drop(inside);
        if idle {
            self.scheduler.hand_over(self.clone(), quick);
        }
    }

    /// There is nothing to run.
    fn rest(&self, inside: &mut Inside) {
        inside.active = false;
        self.scheduler.ended();
    }

    /// The head of the queue, if there is one; else the queue is idle from now on.
    fn head<'a>(&self, taken: &'a mut Taken) -> Option<&'a Item> {
        if taken.items.is_empty() {
            self.report(taken);
            let mut inside = lock(&self.inside);
            std::mem::swap(&mut inside.items, &mut taken.items);
            if taken.items.is_empty() {
                self.rest(&mut inside);
            }
        }
        taken.items.front()
    }

    /// Runs tasks until others want the thread: a single one, and a quick one, in a `pause`. Called by
    /// who has the queue from the scheduler, and gives it back there if the answer is some: whether
    /// the next item is quick.
    pub(crate) fn run(self: &Arc<Self>, pause: bool) -> Option<bool> {
        let mut flag = Cancel::new();
        loop {
            let mut taken = lock(&self.taken);
            let (task, bytes) = loop {
                match self.head(&mut taken)? {
                    Item::After(earlier) if !earlier.is_done() => {
                        let (earlier, queue) = (earlier.clone(), self.clone());
                        drop(taken);
                        earlier.call(move || queue.scheduler.clone().hand_over(queue, true));
                        return None;
                    }
                    Item::After(_) => {
                        let earlier = taken.items.pop_front();
                        taken.ended += 1;
                        drop(taken);
                        // It may be the last to have an outcome: freed here, not under the lock.
                        drop(earlier);
                        taken = lock(&self.taken);
                    }
                    Item::Task { quick: false, .. } if pause => return Some(false),
                    Item::Task { task, bytes, .. } => break (task.clone(), *bytes),
                }
            };
            taken.items.pop_front();
            taken.running = Some(task.clone());
            drop(taken);
            // The operation's panics are its outcome; this one's would be a waker's.
            let _ = catch_unwind(AssertUnwindSafe(|| task.run(&flag)));
            flag = flag.anew();
            let mut taken = lock(&self.taken);
            let running = taken.running.take();
            taken.ended += 1;
            taken.bytes += bytes;
            if self.waiting.load(Ordering::Relaxed) > 0 {
                self.report(&mut taken);
            }
            let next = if pause || self.scheduler.wants_thread() {
                self.head(&mut taken).map(|head| Some(head.is_quick()))
            } else {
                Some(None)
            };
            drop(taken);
            // What an outcome that nobody waits for owns is freed here, not under the lock.
            drop((running, task));
            if let Some(quick) = next? {
                return Some(quick);
            }
        }
    }
}
