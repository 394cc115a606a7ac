//! All orders in which a few threads may run:
//! `RUSTFLAGS="--cfg loom" cargo test --release -p ainv-streams --test loom`. Three models have too many for that, and
//! leave out those with many involuntary switches; with `AINV_LOOM=all` they have them, too.
#![cfg(loom)]

use ainv_streams::{
    Cancel, Done, Event, Executor, Job, Limits, Queue, Scheduler, Stopped, Task, as_worker,
};
use loom::sync::Mutex;
use loom::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;

/// One thread at a time, a new one for each job.
struct OneThread;

impl Executor for OneThread {
    fn threads(&self) -> usize {
        1
    }
    fn spawn(&self, job: Job) {
        loom::thread::spawn(move || as_worker(job));
    }
}

fn queue(limits: Limits) -> Arc<Queue> {
    Queue::new(&Scheduler::new(OneThread), limits)
}

type Log = Arc<Mutex<Vec<u8>>>;

/// Enqueues a task that writes its name.
fn note(queue: &Arc<Queue>, log: &Log, name: u8) -> Event<u8, Stopped> {
    let log = log.clone();
    let operation = move |_: &_| {
        log.lock().unwrap().push(name);
        Ok(name)
    };
    queue.submit(Default::default(), operation).unwrap()
}

fn model(f: impl Fn() + Sync + Send + 'static) {
    loom::model::Builder::new().check(f);
}

/// The orders with so many involuntary switches: those where the errors are.
fn bounded_model(f: impl Fn() + Sync + Send + 'static) {
    let mut model = loom::model::Builder::new();
    let all = std::env::var_os("AINV_LOOM").is_some_and(|asked| asked == "all");
    model.preemption_bound = (!all).then_some(3);
    model.check(f);
}

#[test]
fn tasks_run_in_order_and_none_is_forgotten() {
    model(|| {
        let (queue, log) = (queue(Limits::default()), Log::default());
        let first = note(&queue, &log, 1);
        let second = note(&queue, &log, 2);
        assert_eq!(second.wait(), Ok(2));
        assert!(first.is_done());
        assert_eq!(first.wait(), Ok(1));
        assert_eq!(*log.lock().unwrap(), [1, 2]);
    });
}

#[test]
fn two_threads_submit() {
    bounded_model(|| {
        let (queue, log) = (queue(Limits::default()), Log::default());
        let other = {
            let (queue, log) = (queue.clone(), log.clone());
            loom::thread::spawn(move || note(&queue, &log, 2).wait())
        };
        assert_eq!(note(&queue, &log, 1).wait(), Ok(1));
        assert_eq!(other.join().unwrap(), Ok(2));
        assert_eq!(log.lock().unwrap().len(), 2);
    });
}

#[test]
fn a_cancelled_task_either_ran_or_never_will() {
    model(|| {
        let (queue, log) = (queue(Limits::default()), Log::default());
        let event = note(&queue, &log, 1);
        let done = event.done();
        let other = loom::thread::spawn(move || done.cancel());
        let outcome = event.wait();
        other.join().unwrap();
        let ran = !log.lock().unwrap().is_empty();
        assert_eq!(outcome, if ran { Ok(1) } else { Err(Stopped::Cancelled) });
    });
}

#[test]
fn a_tiny_task_runs_before_what_comes_after_it() {
    bounded_model(|| {
        let (queue, log) = (queue(Limits::default()), Log::default());
        let other = {
            let (queue, log) = (queue.clone(), log.clone());
            loom::thread::spawn(move || note(&queue, &log, 3).wait())
        };
        for name in [1, 2] {
            let log = log.clone();
            let operation = move |_: &Cancel| {
                log.lock().unwrap().push(name);
                Ok(name)
            };
            let task = Task { tiny: true, ..Task::default() };
            let event: Event<_, Stopped> = queue.submit(task, operation).unwrap();
            if name == 2 {
                assert_eq!(event.wait(), Ok(2));
            }
        }
        assert_eq!(other.join().unwrap(), Ok(3));
        let mut log = log.lock().unwrap();
        log.retain(|name| *name != 3);
        assert_eq!(*log, [1, 2]);
    });
}

#[test]
fn a_task_that_runs_sees_that_it_was_cancelled() {
    model(|| {
        let queue = queue(Limits::default());
        let asked = Arc::new(AtomicBool::new(false));
        let operation = {
            let asked = asked.clone();
            move |cancel: &Cancel| Ok((asked.load(Ordering::Acquire), cancel.is_cancelled()))
        };
        let event: Event<_, Stopped> = queue.submit(Default::default(), operation).unwrap();
        event.cancel();
        asked.store(true, Ordering::Release);
        let outcome = event.wait();
        assert!(!matches!(outcome, Ok((true, false))), "{outcome:?}");
    });
}

#[test]
fn all_who_wait_for_an_event_are_woken() {
    model(|| {
        let (queue, log) = (queue(Limits::default()), Log::default());
        let event = note(&queue, &log, 1);
        let done = event.done();
        let other = loom::thread::spawn(move || {
            done.wait().unwrap();
            assert!(done.is_done());
        });
        assert_eq!(event.wait(), Ok(1));
        other.join().unwrap();
    });
}

#[test]
fn a_future_is_woken() {
    model(|| {
        let (queue, log) = (queue(Limits::default()), Log::default());
        let event = note(&queue, &log, 1);
        assert_eq!(loom::future::block_on(event), Ok(1));
    });
}

#[test]
fn work_waits_for_the_other_queues_event() {
    bounded_model(|| {
        let scheduler = Scheduler::new(OneThread);
        let queues = [(); 2].map(|()| Queue::new(&scheduler, Limits::default()));
        let log = Log::default();
        let first = note(&queues[0], &log, 1);
        queues[1].after(Done::from(&first)).unwrap();
        assert_eq!(note(&queues[1], &log, 2).wait(), Ok(2));
        assert_eq!(*log.lock().unwrap(), [1, 2]);
    });
}

#[test]
fn a_submitter_that_waits_for_room_is_woken() {
    model(|| {
        let (queue, log) = (queue(Limits { tasks: 1, ..Limits::default() }), Log::default());
        drop(note(&queue, &log, 1));
        assert_eq!(note(&queue, &log, 2).wait(), Ok(2));
        assert_eq!(*log.lock().unwrap(), [1, 2]);
    });
}

#[test]
fn a_marker_ends_after_all_before_it() {
    model(|| {
        let (queue, log) = (queue(Limits::default()), Log::default());
        drop(note(&queue, &log, 1));
        queue.marker::<Stopped>().wait().unwrap();
        assert_eq!(*log.lock().unwrap(), [1]);
    });
}
