//! The tasks of one stream.

use crate::cancel::Cancel;
use crate::event::{Done, Event, Run, Stopped, Work};
use crate::scheduler::Scheduler;
use crate::sync::{Condvar, Mutex, MutexGuard, lock, wait};
use crate::worker::is_worker;
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
    room: Condvar,
}

struct Inside {
    items: VecDeque<Item>,
    /// Items that have not ended, the running one too.
    held: usize,
    /// What they hold.
    bytes: usize,
    running: Option<Arc<dyn Run>>,
    /// Whether some thread, the scheduler or an event sees to it that the items will be run.
    active: bool,
    /// Submitters that wait for room.
    waiting: usize,
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
        let inside = Inside {
            items: VecDeque::new(),
            held: 0,
            bytes: 0,
            running: None,
            active: false,
            waiting: 0,
        };
        Arc::new(Queue {
            scheduler: scheduler.clone(),
            limits,
            inside: Mutex::new(inside),
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
        let work = Work::new(operation);
        let event = work.event();
        self.push(inside, Item::Task { task: work, quick: task.quick, bytes: task.bytes });
        Ok(event)
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

    /// Whether all has ended that was enqueued.
    pub fn is_idle(&self) -> bool {
        lock(&self.inside).held == 0
    }

    /// Cancels all that is enqueued or running.
    pub fn cancel(&self) {
        let tasks: Vec<_> = {
            let inside = lock(&self.inside);
            let queued = inside.items.iter().filter_map(|item| match item {
                Item::Task { task, .. } => Some(task.clone()),
                Item::After(_) => None,
            });
            inside.running.iter().cloned().chain(queued).collect()
        };
        for task in tasks {
            task.cancel();
        }
    }

    fn room_for(
        &self,
        bytes: usize,
        mut interrupted: Option<&mut dyn FnMut() -> bool>,
    ) -> Result<MutexGuard<'_, Inside>, Stopped> {
        let mut inside = lock(&self.inside);
        let full = |inside: &Inside| {
            inside.held >= self.limits.tasks
                || (inside.held > 0 && inside.bytes.saturating_add(bytes) > self.limits.bytes)
        };
        if !full(&inside) || is_worker() {
            return Ok(inside);
        }
        let mut given_up = false;
        inside.waiting += 1;
        while !given_up && full(&inside) {
            inside = wait(&self.room, inside, interrupted.is_some().then_some(POLL));
            if let Some(interrupted) = &mut interrupted
                && full(&inside)
            {
                // What is asked may be the caller's code: not under the lock.
                drop(inside);
                given_up = interrupted();
                inside = lock(&self.inside);
            }
        }
        inside.waiting -= 1;
        if given_up { Err(Stopped::Cancelled) } else { Ok(inside) }
    }

    fn push(self: &Arc<Self>, mut inside: MutexGuard<'_, Inside>, item: Item) {
        let quick = item.is_quick();
        if let Item::Task { bytes, .. } = item {
            inside.bytes = inside.bytes.saturating_add(bytes);
        }
        inside.held += 1;
        self.scheduler.began();
        inside.items.push_back(item);
        let idle = !std::mem::replace(&mut inside.active, true);
        drop(inside);
        if idle {
            self.scheduler.hand_over(self.clone(), quick);
        }
    }

    /// An item has ended.
    fn ended(&self, inside: &mut Inside, bytes: usize) {
        inside.held -= 1;
        inside.bytes = inside.bytes.saturating_sub(bytes);
        self.scheduler.ended();
        if inside.waiting > 0 {
            self.room.notify_all();
        }
    }

    /// Runs the next task: a quick one, if that is asked. Called by who has the queue from the
    /// scheduler, and gives it back there if the answer is some: whether the next item is quick.
    pub(crate) fn step(self: &Arc<Self>, quick_only: bool) -> Option<bool> {
        let (task, bytes) = {
            let mut inside = lock(&self.inside);
            loop {
                match inside.items.front() {
                    None => {
                        inside.active = false;
                        return None;
                    }
                    Some(Item::After(earlier)) if !earlier.is_done() => {
                        let (earlier, queue) = (earlier.clone(), self.clone());
                        drop(inside);
                        earlier.call(move || queue.scheduler.clone().hand_over(queue, true));
                        return None;
                    }
                    Some(Item::After(_)) => {
                        inside.items.pop_front();
                        self.ended(&mut inside, 0);
                    }
                    Some(Item::Task { quick: false, .. }) if quick_only => return Some(false),
                    Some(Item::Task { .. }) => break,
                }
            }
            let Some(Item::Task { task, bytes, .. }) = inside.items.pop_front() else {
                unreachable!("the head is a task")
            };
            inside.running = Some(task.clone());
            (task, bytes)
        };
        // The operation's panics are its outcome; this one's would be a waker's.
        let _ = catch_unwind(AssertUnwindSafe(|| task.run()));
        let mut inside = lock(&self.inside);
        let running = inside.running.take();
        self.ended(&mut inside, bytes);
        let next = inside.items.front().map(Item::is_quick);
        inside.active = next.is_some();
        drop(inside);
        // What an outcome that nobody waits for owns is freed here, not under the lock.
        drop((running, task));
        next
    }
}
