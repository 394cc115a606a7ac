//! What queues promise, on threads made for the test.
#![cfg(not(loom))]

use ainv_streams::{
    Cancel, Event, Executor, Job, Limits, Queue, Scheduler, Stopped, Task, become_worker, is_worker,
};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// So many threads that take jobs from a channel.
struct Threads(usize, Mutex<Sender<Job>>);

impl Threads {
    fn scheduler(threads: usize) -> Arc<Scheduler> {
        let (sender, receiver) = channel::<Job>();
        let receiver = Arc::new(Mutex::new(receiver));
        for _ in 0..threads {
            let receiver = receiver.clone();
            std::thread::spawn(move || {
                become_worker();
                loop {
                    let job = receiver.lock().unwrap().recv();
                    let Ok(job) = job else { return };
                    job();
                }
            });
        }
        Scheduler::new(Threads(threads, Mutex::new(sender)))
    }
}

impl Executor for Threads {
    fn threads(&self) -> usize {
        self.0
    }
    fn spawn(&self, job: Job) {
        self.1.lock().unwrap().send(job).unwrap();
    }
}

fn submit<T: Send + 'static>(
    queue: &Arc<Queue>,
    operation: impl FnOnce(&Cancel) -> T + Send + 'static,
) -> Event<T, Stopped> {
    queue.submit(Task::default(), |cancel: &Cancel| Ok(operation(cancel))).unwrap()
}

/// A task that runs until the gate is opened.
fn gate(queue: &Arc<Queue>) -> (Sender<()>, Event<(), Stopped>) {
    let (open, opened) = channel();
    let event = submit(queue, move |_| opened.recv().unwrap());
    (open, event)
}

#[test]
fn a_queue_runs_one_task_at_a_time_in_order() {
    let queue = Queue::new(&Threads::scheduler(3), Limits::default());
    let (log, running) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicUsize::new(0)));
    for i in 0..5000 {
        let (log, running) = (log.clone(), running.clone());
        drop(submit(&queue, move |_| {
            assert_eq!(running.fetch_add(1, Ordering::SeqCst), 0);
            log.lock().unwrap().push(i);
            running.fetch_sub(1, Ordering::SeqCst);
        }));
    }
    queue.marker::<Stopped>().wait().unwrap();
    assert_eq!(*log.lock().unwrap(), (0..5000).collect::<Vec<_>>());
    // The marker ends a moment before.
    while !queue.is_idle() {
        std::thread::yield_now();
    }
}

#[test]
fn two_queues_run_at_the_same_time() {
    let scheduler = Threads::scheduler(2);
    let [a, b] = [(); 2].map(|()| Queue::new(&scheduler, Limits::default()));
    let (there, here) = channel();
    // Each waits for the other.
    let (open, first) = gate(&a);
    let second = submit(&b, move |_| {
        open.send(()).unwrap();
        there.send(()).unwrap();
    });
    here.recv_timeout(Duration::from_secs(20)).unwrap();
    first.wait().unwrap();
    second.wait().unwrap();
}

#[test]
fn queues_take_turns() {
    let scheduler = Threads::scheduler(1);
    let [a, b] = [(); 2].map(|()| Queue::new(&scheduler, Limits::default()));
    let log = Arc::new(Mutex::new(Vec::new()));
    let (open, _) = gate(&a);
    for i in 0..4 {
        for (queue, name) in [(&a, 'a'), (&b, 'b')] {
            let log = log.clone();
            drop(submit(queue, move |_| log.lock().unwrap().push((name, i))));
        }
    }
    open.send(()).unwrap();
    a.marker::<Stopped>().wait().unwrap();
    b.marker::<Stopped>().wait().unwrap();
    let names: String = log.lock().unwrap().iter().map(|(name, _)| *name).collect();
    assert!(names == "babababa" || names == "abababab", "{names}");
}

#[test]
fn a_panic_reaches_the_waiter_and_the_queue_goes_on() {
    let queue = Queue::new(&Threads::scheduler(1), Limits::default());
    let bad: Event<(), _> = submit(&queue, |_| panic!("the panic of the test"));
    let good = submit(&queue, |_| 1);
    assert_eq!(bad.wait(), Err(Stopped::Panicked("the panic of the test".into())));
    assert_eq!(good.wait(), Ok(1));
}

#[test]
fn cancelled_before_it_begins_and_while_it_runs() {
    let queue = Queue::new(&Threads::scheduler(1), Limits::default());
    let (began, begun) = channel();
    let running = submit(&queue, move |cancel| {
        began.send(()).unwrap();
        while !cancel.is_cancelled() {
            std::thread::yield_now();
        }
    });
    begun.recv().unwrap();
    let owned = Arc::new(());
    let queued = {
        let owned = owned.clone();
        submit(&queue, move |_| drop(owned))
    };
    queued.cancel();
    // It ends, and lets go of what it owned, before the one before it does.
    assert!(queued.is_done());
    assert_eq!(Arc::strong_count(&owned), 1);
    assert_eq!(queued.wait(), Err(Stopped::Cancelled));
    running.cancel();
    assert_eq!(running.wait(), Ok(()));
    assert_eq!(submit(&queue, |_| 2).wait(), Ok(2));
}

#[test]
fn all_of_a_queue_is_cancelled() {
    let queue = Queue::new(&Threads::scheduler(1), Limits::default());
    let first = submit(&queue, |cancel| {
        while !cancel.is_cancelled() {
            std::thread::yield_now();
        }
    });
    let rest: Vec<_> = (0..100).map(|i| submit(&queue, move |_| i)).collect();
    while !first.is_done() {
        queue.cancel();
    }
    for event in rest {
        assert_eq!(event.wait(), Err(Stopped::Cancelled));
    }
}

#[test]
fn a_dropped_event_neither_cancels_nor_leaks() {
    let queue = Queue::new(&Threads::scheduler(2), Limits::default());
    let (owned, ran) = (Arc::new(()), Arc::new(AtomicUsize::new(0)));
    let (open, _) = gate(&queue);
    for _ in 0..100 {
        let (owned, ran) = (owned.clone(), ran.clone());
        drop(submit(&queue, move |_| {
            ran.fetch_add(1, Ordering::Relaxed);
            owned
        }));
    }
    open.send(()).unwrap();
    queue.marker::<Stopped>().wait().unwrap();
    assert_eq!(ran.load(Ordering::Relaxed), 100);
    assert_eq!(Arc::strong_count(&owned), 1);
}

#[test]
fn a_full_queue_makes_its_submitter_wait() {
    let queue = Queue::new(&Threads::scheduler(1), Limits { tasks: 8, bytes: 100 });
    let enqueued = Arc::new(AtomicUsize::new(0));
    let (open, _) = gate(&queue);
    let submitter = {
        let (queue, enqueued) = (queue.clone(), enqueued.clone());
        std::thread::spawn(move || {
            for _ in 0..100 {
                drop(submit(&queue, |_| ()));
                enqueued.fetch_add(1, Ordering::SeqCst);
            }
        })
    };
    while enqueued.load(Ordering::SeqCst) < 7 {
        std::thread::yield_now();
    }
    // The gate and seven more; an eighth would be seen here now and then.
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(enqueued.load(Ordering::SeqCst), 7);
    // Who was interrupted gives up and leaves nothing there.
    let mut asked = 0;
    let mut interrupted = || {
        asked += 1;
        asked == 2
    };
    let task = Task { interrupted: Some(&mut interrupted), ..Task::default() };
    let refused = queue.submit(task, |_: &Cancel| Ok::<_, Stopped>(())).err();
    assert_eq!((refused, asked), (Some(Stopped::Cancelled), 2));
    open.send(()).unwrap();
    submitter.join().unwrap();
    queue.marker::<Stopped>().wait().unwrap();
    assert_eq!(enqueued.load(Ordering::SeqCst), 100);
}

#[test]
fn a_queue_is_bounded_in_bytes_and_lets_one_larger_task_in() {
    let queue = Queue::new(&Threads::scheduler(1), Limits { tasks: 8, bytes: 100 });
    let large = || queue.submit(Task { bytes: 1000, ..Task::default() }, |_: &Cancel| Ok(()));
    let enqueue = || -> Result<Event<(), Stopped>, Stopped> {
        let mut at_once = || true;
        let interrupted: Option<&mut dyn FnMut() -> bool> = Some(&mut at_once);
        queue.submit(Task { bytes: 60, interrupted, ..Task::default() }, |_: &Cancel| Ok(()))
    };
    let first: Event<(), Stopped> = large().unwrap();
    first.wait().unwrap();
    queue.marker::<Stopped>().wait().unwrap();
    while !queue.is_idle() {
        std::thread::yield_now();
    }
    let (open, _) = gate(&queue);
    drop(enqueue().unwrap());
    assert_eq!(enqueue().err(), Some(Stopped::Cancelled));
    open.send(()).unwrap();
    queue.marker::<Stopped>().wait().unwrap();
}

#[test]
fn a_task_that_submits_or_waits_does_not_block_its_thread() {
    let queue = Queue::new(&Threads::scheduler(1), Limits { tasks: 2, ..Limits::default() });
    let inner = queue.clone();
    let outer = submit(&queue, move |_| {
        let events: Vec<_> = (0..10).map(|i| submit(&inner, move |_| i)).collect();
        let refused = submit(&inner, |_| ()).wait();
        (events, refused)
    });
    let (events, refused) = outer.wait().unwrap();
    assert_eq!(refused, Err(Stopped::WouldBlock));
    let sum: i32 = events.into_iter().map(|event| event.wait().unwrap()).sum();
    assert_eq!(sum, 45);
}

#[test]
fn a_pause_of_long_work_lets_quick_work_in_and_nothing_else() {
    let scheduler = Threads::scheduler(1);
    let [long, quick, other] = [(); 3].map(|()| Queue::new(&scheduler, Limits::default()));
    let stop = Arc::new(AtomicBool::new(false));
    let running = {
        let (scheduler, stop) = (scheduler.clone(), stop.clone());
        submit(&long, move |_| {
            while !stop.load(Ordering::Relaxed) {
                scheduler.pause();
            }
        })
    };
    let slow = submit(&other, |_| ());
    for i in 0..100 {
        let scheduler = scheduler.clone();
        let task = Task { quick: true, ..Task::default() };
        let event: Event<_, Stopped> = queue_quick(&quick, task, move |_: &Cancel| {
            // Not nested: with one more ready this would go on for ever.
            scheduler.pause();
            assert!(is_worker());
            Ok(i)
        });
        assert_eq!(event.wait(), Ok(i));
    }
    assert!(!slow.is_done());
    stop.store(true, Ordering::Relaxed);
    running.wait().unwrap();
    slow.wait().unwrap();
}

fn queue_quick<T: Send + 'static>(
    queue: &Arc<Queue>,
    task: Task,
    operation: impl FnOnce(&Cancel) -> Result<T, Stopped> + Send + 'static,
) -> Event<T, Stopped> {
    queue.submit(task, operation).unwrap()
}

#[test]
fn a_tiny_task_runs_at_once_where_the_queue_is_idle() {
    let queue = Queue::new(&Threads::scheduler(1), Limits::default());
    let tiny = |operation: fn() -> std::thread::ThreadId| {
        let task = Task { tiny: true, ..Task::default() };
        queue_quick(&queue, task, move |_: &Cancel| Ok(operation()))
    };
    let here = || std::thread::current().id();
    let event = tiny(here);
    assert!(event.is_done() && event.done().is_done());
    assert_eq!(event.wait(), Ok(std::thread::current().id()));
    assert!(!is_worker());
    let panicked = tiny(|| panic!("the panic of the test")).wait();
    assert_eq!(panicked, Err(Stopped::Panicked("the panic of the test".into())));
    let (open, _) = gate(&queue);
    let event = tiny(here);
    assert!(!event.is_done());
    open.send(()).unwrap();
    assert_ne!(event.wait(), Ok(std::thread::current().id()));
}

#[test]
fn a_wait_ends_after_its_time() {
    let queue = Queue::new(&Threads::scheduler(1), Limits::default());
    let (open, event) = gate(&queue);
    assert_eq!(event.done().wait_for(Duration::from_millis(5)), Ok(false));
    open.send(()).unwrap();
    assert_eq!(event.done().wait_for(Duration::from_secs(20)), Ok(true));
    event.wait().unwrap();
}

/// An executor without threads runs a job where it is handed over.
struct Inline;

impl Executor for Inline {
    fn threads(&self) -> usize {
        1
    }
    fn spawn(&self, job: Job) {
        ainv_streams::as_worker(job);
    }
}

/// A task of one scheduler hands work to another that has no threads: it is done there and then, not left
/// until somebody hands over more.
#[test]
fn a_task_serves_another_scheduler() {
    let [one, other] = [(); 2].map(|()| Queue::new(&Scheduler::new(Inline), Limits::default()));
    let event = submit(&one, move |_| submit(&other, |_| 3));
    let inner = event.wait().unwrap();
    assert!(inner.is_done());
    assert_eq!(inner.wait(), Ok(3));
}
