//! Whose threads the work of streams runs on, and what they leave each other.

use super::*;

#[test]
fn large_work_does_not_starve_small_work() {
    let _alone = alone(1);
    let [large, small] = streams();
    let running = endless(large, 700);
    let a = matrix(4, &mut Rng::new(1));
    for _ in 0..100 {
        let a = a.clone();
        small.submit_quick(move |_| inverse(&a, 4, None)).unwrap().wait().unwrap();
    }
    assert!(!running.is_done());
    running.cancel();
    assert_eq!(running.wait(), Err(Error::Cancelled));
}

#[test]
fn large_work_of_several_streams_takes_turns() {
    let _alone = alone(2);
    let n = 500;
    let a = Arc::new(matrix(n, &mut Rng::new(1)));
    for _ in 0..4 {
        let ended = Arc::new(Mutex::new(Vec::new()));
        let events: Vec<_> = streams::<4>()
            .into_iter()
            .enumerate()
            .flat_map(|(number, stream)| (0..8).map(move |_| (number, stream)))
            .map(|(number, stream)| {
                let (a, ended) = (a.clone(), ended.clone());
                let work = move |cancel: &Cancel| {
                    inverse(&a, n, Some(cancel))?;
                    ended.lock().unwrap().push(number);
                    Ok(())
                };
                stream.submit(work).unwrap()
            })
            .collect();
        for event in events {
            event.wait().unwrap();
        }
        // In turns each stream's first ends among the first few. A thread that served others on top of
        // a task of its own would end that one behind all of theirs.
        let ended = ended.lock().unwrap();
        for number in 0..4 {
            let first = ended.iter().position(|&other| other == number);
            assert!(first.is_some_and(|first| first < 16), "stream {number}: {ended:?}");
        }
    }
}

#[test]
fn streams_leave_the_pool_to_blocking_calls() {
    let _alone = alone(1);
    let stream = stream();
    let n = 300;
    let a = matrix(n, &mut Rng::new(1));
    let stop = Arc::new(AtomicUsize::new(0));
    /// A task that enqueues itself anew: the stream never runs dry.
    fn again(stream: Stream, stop: Arc<AtomicUsize>) {
        let work = move |_: &Cancel| {
            if stop.load(Ordering::Relaxed) == 0 {
                again(stream, stop);
            }
            Ok(())
        };
        drop(stream.submit(work).unwrap());
    }
    again(stream, stop.clone());
    let x = ainv::with_stream(self::stream(), || inverse(&a, n, None)).unwrap().unwrap();
    assert_eq!(x.len(), n * n);
    stop.store(1, Ordering::Relaxed);
    synchronize(Some(stream)).unwrap();
}

/// The threads of pools in this process.
#[cfg(target_os = "linux")]
fn pool_threads() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let name = |task: std::io::Result<std::fs::DirEntry>| {
        std::fs::read_to_string(task.ok()?.path().join("comm")).ok()
    };
    tasks.filter_map(name).filter(|name| name.starts_with("ainv-")).count()
}

#[test]
#[cfg(target_os = "linux")]
fn no_more_threads_than_the_pool_has() {
    for threads in [1, 2] {
        let _alone = alone(threads);
        // The pool of the test before ends when it has nothing to do.
        stream().submit(|_| Ok(())).unwrap().wait().unwrap();
        let settled = || {
            let now = pool_threads() == threads;
            std::thread::sleep(Duration::from_millis(20));
            now && pool_threads() == threads
        };
        while !settled() {}
        let streams: [Stream; 8] = streams();
        let a = matrix(100, &mut Rng::new(1));
        let mut events = Vec::new();
        for i in 0..80 {
            let a = a.clone();
            events.push(streams[i % 8].submit(move |_| inverse(&a, 100, None)).unwrap());
            assert!(pool_threads() <= threads);
        }
        for event in events {
            event.wait().unwrap();
            assert!(pool_threads() <= threads);
        }
    }
}

#[test]
fn a_pool_is_replaced_under_streams_at_work() {
    let _alone = alone(2);
    let streams: [Stream; 3] = streams();
    let sum = Arc::new(AtomicUsize::new(0));
    for i in 0..3000 {
        let sum = sum.clone();
        let add = move |_: &Cancel| {
            sum.fetch_add(1, Ordering::Relaxed);
            Ok(())
        };
        drop(streams[i % 3].submit(add).unwrap());
        if i % 100 == 0 {
            ainv::set_num_threads(1 + i / 100 % 2).unwrap();
        }
    }
    for stream in streams {
        synchronize(Some(stream)).unwrap();
    }
    assert_eq!(sum.load(Ordering::Relaxed), 3000);
}

/// In a child: what its parent had under way is lost, and says so; its own streams work.
#[test]
#[cfg(unix)]
fn a_forked_child_begins_with_empty_streams() {
    let _alone = alone(2);
    let [stream, other] = streams();
    let done = stream.submit(|_| Ok(5)).unwrap();
    synchronize(Some(stream)).unwrap();
    while !stream.is_idle() {
        std::thread::yield_now();
    }
    let (open, pending) = gate(stream);
    let behind = stream.submit(|_| Ok(())).unwrap();
    // SAFETY: the child uses this crate and memory, whose locks no other thread holds here, and exits
    // without unwinding.
    let child = unsafe { libc::fork() };
    assert!(child >= 0);
    if child == 0 {
        let checks = || -> Option<()> {
            let ok = |truth: bool| truth.then_some(());
            ok(done.is_done() && done.wait() == Ok(5))?;
            ok(!pending.is_done() && stream.is_idle())?;
            ok(other.after(&pending) == Err(Error::Forked))?;
            ok(pending.wait() == Err(Error::Forked) && behind.wait() == Err(Error::Forked))?;
            ok(stream.submit(|_| inverse(&[2.0], 1, None)).ok()?.wait() == Ok(vec![0.5]))?;
            let a = matrix(250, &mut Rng::new(1));
            inverse(&a, 250, None).ok()?;
            synchronize(Some(stream)).ok()
        };
        // SAFETY: ends the child at once.
        unsafe { libc::_exit(i32::from(checks().is_none())) };
    }
    let mut status = 0;
    // SAFETY: waits for the child, with a place for its status.
    assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
    assert_eq!(status, 0, "the child's checks failed");
    drop(open);
    pending.wait().unwrap();
    behind.wait().unwrap();
}

/// Scratch of more than a thread keeps, and the memory of large results: threads leave both for each other.
#[test]
fn threads_share_what_large_work_leaves() {
    let _alone = alone(2);
    let n = 1700;
    let a = matrix(n, &mut Rng::new(1));
    let expected = inverse(&a, n, None).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..3usize {
            let (a, expected) = (&a, &expected);
            scope.spawn(move || {
                for i in 0..2 {
                    let mut results = Vec::new();
                    for size in [5 << 20, 8 << 20, (4 + thread + i) << 20] {
                        let memory = ainv::Large::new(size).unwrap();
                        // SAFETY: as many bytes as were asked for, of which nobody else knows.
                        unsafe { memory.as_ptr().write_bytes(thread as u8, size) };
                        results.push((memory, size));
                    }
                    assert!(same_bits(&inverse(a, n, None).unwrap(), expected));
                    for (memory, size) in results {
                        // SAFETY: written above.
                        let bytes = unsafe { std::slice::from_raw_parts(memory.as_ptr(), size) };
                        assert!(bytes.iter().all(|byte| *byte == thread as u8));
                    }
                }
            });
        }
    });
}
