//! What stacks of small matrices are held against: a copy of the same bytes.

use super::clock;
use ainv::{Error, OwnedStack};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::time::Duration;

/// Under so many bytes a thread, a copy is not worth one.
const WORTH_A_THREAD: usize = 32 << 10;

/// Seconds of a copy of so many bytes by at most so many threads, into memory that was written before. Each
/// thread copies its part again and again, without waiting for the others: handing work over is not counted.
pub(super) fn copy(bytes: usize, threads: usize, time: Duration) -> Result<f64, Error> {
    let threads = threads.min(bytes / WORTH_A_THREAD).max(1);
    let length = bytes / threads / size_of::<f64>() + 1;
    let mut parts = Vec::new();
    for _ in 0..threads {
        parts.push((OwnedStack::<f64>::zeros(&[1, length])?, OwnedStack::zeros(&[1, length])?));
    }
    let (report, reports): (SyncSender<_>, Receiver<_>) = mpsc::sync_channel(threads);
    std::thread::scope(|scope| {
        for (from, to) in &mut parts {
            let report = report.clone();
            from.as_mut_slice().fill(1.0);
            scope.spawn(move || {
                let seconds = clock::median(time, || {
                    to.as_mut_slice().copy_from_slice(std::hint::black_box(from.as_slice()));
                    std::hint::black_box(to.as_slice());
                    Ok::<_, Error>(())
                });
                // The other end is there until all are done.
                let _ = report.send(seconds);
            });
        }
    });
    drop(report);
    // All are done when the slowest is.
    reports.iter().try_fold(0.0, |slowest: f64, seconds| Ok(slowest.max(seconds?)))
}
