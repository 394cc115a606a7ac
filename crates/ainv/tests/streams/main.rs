//! What streams promise. The pool is the process's, so these tests run one at a time.

mod device;
mod pool;

use ainv::{
    Cancel, Device, DeviceKind, Done, Error, Event, Options, Stack, StackMut, Stream, Task,
    synchronize,
};
use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;
use testkit::{Rng, same_bits};

/// One test at a time, with so many threads.
fn alone(threads: usize) -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    let alone = ALONE.lock().unwrap_or_else(|e| e.into_inner());
    ainv::set_num_threads(threads).unwrap();
    alone
}

fn stream() -> Stream {
    Stream::new(Device::CPU).unwrap()
}

fn streams<const N: usize>() -> [Stream; N] {
    [(); N].map(|()| stream())
}

/// A matrix that is diagonally dominant.
fn matrix(n: usize, rng: &mut Rng) -> Vec<f64> {
    let mut a: Vec<f64> = (0..n * n).map(|_| rng.scalar()).collect();
    for i in 0..n {
        a[i * (n + 1)] += 4.0 * n as f64;
    }
    a
}

fn inverse(a: &[f64], n: usize, cancel: Option<&Cancel>) -> Result<Vec<f64>, Error> {
    let options = Options { cancel: cancel.cloned(), ..Options::default() };
    Ok(ainv::inv(Stack::new(a, &[n, n])?, &options)?.into_vec())
}

/// A task that runs until it is let go (or its sender is dropped).
fn gate(stream: Stream) -> (Sender<()>, Event<()>) {
    let (open, opened) = channel();
    let wait = move |_: &Cancel| {
        let _ = opened.recv();
        Ok(())
    };
    (open, stream.submit(wait).unwrap())
}

/// Long work that only a cancellation ends.
fn endless(stream: Stream, n: usize) -> Event<()> {
    let (began, begun) = channel();
    let a = matrix(n, &mut Rng::new(1));
    let work = move |cancel: &Cancel| {
        began.send(()).unwrap();
        loop {
            inverse(&a, n, Some(cancel))?;
        }
    };
    let event = stream.submit(work).unwrap();
    begun.recv().unwrap();
    event
}

#[test]
fn work_on_one_stream_runs_in_order() {
    let _alone = alone(2);
    let stream = stream();
    let x = Arc::new(Mutex::new(matrix(6, &mut Rng::new(1))));
    let mut expected = x.lock().unwrap().clone();
    for i in 0..101 {
        let x = x.clone();
        let invert = move |_: &Cancel| {
            let mut x = x.lock().unwrap();
            *x = inverse(&x, 6, None)?;
            // What two in the wrong order would give is something else.
            x[i % 36] += 1.0;
            Ok(())
        };
        drop(stream.submit(invert).unwrap());
        expected = inverse(&expected, 6, None).unwrap();
        expected[i % 36] += 1.0;
    }
    synchronize(Some(stream)).unwrap();
    assert!(same_bits(&x.lock().unwrap(), &expected));
}

#[test]
fn two_streams_run_at_the_same_time() {
    let _alone = alone(2);
    let [a, b] = streams();
    let (open, first) = gate(a);
    // The first waits for the second, which would never come after it.
    let second = b.submit(move |_| open.send(()).map_err(|_| Error::Cancelled)).unwrap();
    second.wait().unwrap();
    first.wait().unwrap();
}

#[test]
fn events_order_streams() {
    let _alone = alone(2);
    let [a, b] = streams();
    let (open, first) = gate(a);
    b.after(&first).unwrap();
    let second = b.submit(|_| Ok(())).unwrap();
    b.after(&second).unwrap();
    assert!(!second.done().wait_for(Duration::from_millis(20)).unwrap());
    drop(open);
    second.wait().unwrap();
    assert!(first.is_done());
}

#[test]
fn errors_and_panics_reach_the_waiter_and_the_stream_goes_on() {
    let _alone = alone(2);
    let stream = stream();
    let singular = stream.submit(|_| inverse(&[1.0, 2.0, 2.0, 4.0], 2, None)).unwrap();
    let panics: Event<()> = stream.submit(|_| panic!("the panic of the test")).unwrap();
    let good = stream.submit(|_| inverse(&[2.0], 1, None)).unwrap();
    assert!(matches!(singular.wait(), Err(Error::Matrix { index: 0, .. })));
    let panicked = panics.wait().unwrap_err();
    assert_eq!(panicked, Error::Panicked { what: "the panic of the test".into() });
    assert_eq!(good.wait().unwrap(), [0.5]);
}

#[test]
fn work_is_cancelled_before_it_begins_and_in_the_middle() {
    let _alone = alone(2);
    let stream = stream();
    let running = endless(stream, 300);
    let queued = stream.submit(|_| Ok(())).unwrap();
    queued.cancel();
    assert_eq!(queued.wait(), Err(Error::Cancelled));
    assert!(!running.is_done());
    running.cancel();
    assert_eq!(running.wait(), Err(Error::Cancelled));
    stream.submit(|_| Ok(())).unwrap().wait().unwrap();
}

#[test]
fn all_work_is_cancelled() {
    let _alone = alone(2);
    let [a, b] = streams();
    let running = endless(a, 300);
    let queued = a.submit(|_| Ok(())).unwrap();
    let (open, gate) = gate(b);
    let behind = b.submit(|_| Ok(())).unwrap();
    ainv::cancel_all();
    assert_eq!(running.wait(), Err(Error::Cancelled));
    assert_eq!(queued.wait(), Err(Error::Cancelled));
    assert_eq!(behind.wait(), Err(Error::Cancelled));
    drop((open, gate));
    synchronize(Some(b)).unwrap();
}

#[test]
fn a_dropped_event_neither_blocks_nor_leaks_nor_cancels() {
    let _alone = alone(2);
    let stream = stream();
    let (owned, sum) = (Arc::new(()), Arc::new(AtomicUsize::new(0)));
    let (open, _) = gate(stream);
    for _ in 0..100 {
        let (owned, sum) = (owned.clone(), sum.clone());
        let work = move |_: &Cancel| {
            sum.fetch_add(1, Ordering::Relaxed);
            Ok(owned)
        };
        drop(stream.submit(work).unwrap());
    }
    drop(open);
    synchronize(Some(stream)).unwrap();
    assert_eq!((sum.load(Ordering::Relaxed), Arc::strong_count(&owned)), (100, 1));
}

/// Runs a future on this thread.
fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(std::thread::Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => std::thread::park(),
        }
    }
}

#[test]
fn an_event_is_a_future() {
    let _alone = alone(2);
    let stream = stream();
    let (open, first) = gate(stream);
    let x = stream.submit(|_| inverse(&[4.0], 1, None)).unwrap();
    let opener = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(20));
        drop(open);
    });
    let both = async {
        first.await?;
        x.await
    };
    assert_eq!(block_on(both).unwrap(), [0.25]);
    opener.join().unwrap();
}

#[test]
fn a_queue_is_bounded() {
    let _alone = alone(1);
    let stream = stream();
    let (open, _) = gate(stream);
    let enqueued = Arc::new(AtomicUsize::new(1));
    let submitter = {
        let enqueued = enqueued.clone();
        std::thread::spawn(move || {
            for _ in 0..3000 {
                drop(stream.submit(|_| Ok(())).unwrap());
                enqueued.fetch_add(1, Ordering::SeqCst);
            }
        })
    };
    while enqueued.load(Ordering::SeqCst) < 1024 {
        std::thread::yield_now();
    }
    std::thread::sleep(Duration::from_millis(30));
    assert_eq!(enqueued.load(Ordering::SeqCst), 1024);
    drop(open);
    submitter.join().unwrap();
    synchronize(Some(stream)).unwrap();
}

#[test]
fn a_hundred_thousand_tiny_submissions() {
    let _alone = alone(2);
    let streams: [Stream; 4] = streams();
    let sum = Arc::new(AtomicUsize::new(0));
    for i in 0..100_000 {
        let sum = sum.clone();
        let add = move |_: &Cancel| {
            sum.fetch_add(1, Ordering::Relaxed);
            Ok(())
        };
        let stream = streams[i % 4];
        drop(if i % 3 == 0 { stream.submit_quick(add) } else { stream.submit(add) }.unwrap());
    }
    for stream in streams {
        synchronize(Some(stream)).unwrap();
    }
    assert_eq!(sum.load(Ordering::Relaxed), 100_000);
}

#[test]
fn sixteen_threads_share_a_stream() {
    let _alone = alone(2);
    let stream = stream();
    let running = AtomicUsize::new(0);
    let running = Arc::new(running);
    std::thread::scope(|scope| {
        for seed in 0..16 {
            let running = running.clone();
            scope.spawn(move || {
                let a = matrix(5, &mut Rng::new(seed));
                let expected = inverse(&a, 5, None).unwrap();
                for _ in 0..200 {
                    let (a, running) = (a.clone(), running.clone());
                    let work = move |_: &Cancel| {
                        assert_eq!(running.fetch_add(1, Ordering::SeqCst), 0);
                        let x = inverse(&a, 5, None);
                        running.fetch_sub(1, Ordering::SeqCst);
                        x
                    };
                    assert!(same_bits(&stream.submit(work).unwrap().wait().unwrap(), &expected));
                }
            });
        }
    });
}

/// A step of a random graph: the inverse of a matrix to which results of earlier steps were added.
#[derive(Clone)]
struct Step {
    stream: usize,
    inputs: Vec<usize>,
    kind: usize,
    n: usize,
    a: Vec<f64>,
}

fn graph(seed: u64, steps: usize) -> Vec<Step> {
    let mut rng = Rng::new(seed);
    let mut below = |n: usize| rng.below(n);
    let orders = [1, 2, 3, 4, 5, 8, 17, 33, 70, 130];
    let mut steps: Vec<Step> = (0..steps)
        .map(|i| Step {
            stream: below(4),
            inputs: (0..below(4).min(i)).map(|_| below(i)).collect(),
            kind: below(3),
            n: orders[below(orders.len())],
            a: Vec::new(),
        })
        .collect();
    for step in &mut steps {
        step.a = matrix(step.n, &mut rng);
    }
    steps
}

fn compute<'a>(step: &Step, inputs: impl Iterator<Item = &'a [f64]>) -> Vec<f64> {
    let mut a = step.a.clone();
    for x in inputs {
        for (a, x) in a.iter_mut().zip(x.iter().cycle()) {
            *a += x;
        }
    }
    inverse(&a, step.n, None).unwrap()
}

#[test]
fn random_graphs_over_four_streams_have_the_bits_of_the_sequential_run() {
    for (threads, seed) in [(1, 1), (2, 2), (2, 3), (3, 4)] {
        let _alone = alone(threads);
        let steps = graph(seed, 400);
        let mut expected: Vec<Vec<f64>> = Vec::new();
        for step in &steps {
            let x = compute(step, step.inputs.iter().map(|&i| &expected[i][..]));
            expected.push(x);
        }
        let streams: [Stream; 4] = streams();
        let results: Arc<Vec<OnceLock<Vec<f64>>>> =
            Arc::new(steps.iter().map(|_| OnceLock::new()).collect());
        let mut ends: Vec<Done> = Vec::new();
        for (i, step) in steps.iter().enumerate() {
            let stream = streams[step.stream];
            for &input in &step.inputs {
                stream.after(&ends[input]).unwrap();
            }
            let (step, results) = (step.clone(), results.clone());
            let task = Task { quick: step.kind == 1, tiny: step.kind == 2, ..Task::default() };
            let work = move |_: &Cancel| {
                let input = |&i: &usize| &results[i].get().expect("it is done")[..];
                results[i].set(compute(&step, step.inputs.iter().map(input))).unwrap();
                Ok(())
            };
            ends.push(stream.submit_with(task, work).unwrap().done());
        }
        for (i, end) in ends.iter().enumerate() {
            end.wait().unwrap();
            let x = results[i].get().unwrap_or_else(|| panic!("step {i} has no result"));
            assert!(same_bits(x, &expected[i]), "step {i} of graph {seed}, {threads} threads");
        }
    }
}

#[test]
fn a_blocking_call_comes_after_the_work_of_its_stream() {
    let _alone = alone(2);
    let [stream, other] = streams();
    let (open, first) = gate(stream);
    let on = |stream, cancel| Options { stream: Some(stream), cancel, ..Options::default() };
    let (a, mut x) = ([2.0], [0.0]);
    let mut invert = |options: &Options| {
        let (a, x) = (Stack::new(&a, &[1, 1]).unwrap(), StackMut::new(&mut x, &[1, 1]).unwrap());
        ainv::inv_into(a, x, &mut [], options)
    };
    // Another stream's is not held up; this one's is, but can be cancelled.
    invert(&on(other, None)).unwrap();
    let cancel = Cancel::new();
    let canceller = {
        let cancel = cancel.clone();
        std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(20));
            cancel.cancel();
        })
    };
    assert_eq!(invert(&on(stream, Some(cancel))).unwrap_err(), Error::Cancelled);
    canceller.join().unwrap();
    assert!(!first.is_done());
    let opener = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(20));
        drop(open);
    });
    let current = ainv::with_stream(stream, || invert(&Options::default()));
    current.unwrap().unwrap();
    assert!(first.is_done());
    opener.join().unwrap();
}

#[test]
fn a_task_calls_functions_but_does_not_wait() {
    let _alone = alone(1);
    let [stream, other] = streams();
    let work = move |_: &Cancel| {
        // It is on its own stream's queue, and does not wait for itself.
        let options = Options { stream: Some(stream), ..Options::default() };
        let x = ainv::inv(Stack::new(&[2.0], &[1, 1])?, &options)?;
        let refused = other.submit(|_| Ok(()))?.wait();
        assert!(matches!(refused, Err(Error::Argument { .. })), "{refused:?}");
        Ok(x.into_vec())
    };
    assert_eq!(stream.submit(work).unwrap().wait().unwrap(), [0.5]);
}
