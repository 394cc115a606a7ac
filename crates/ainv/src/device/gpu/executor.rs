//! The threads that serve the GPU's streams. They mostly wait for the device, so they are not the pool's.

use ainv_streams::{Executor, Job, as_worker};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// Streams that are served at once at most: one prepares its matrices while another's are computed.
const MOST: usize = 4;

pub(crate) struct Threads;

impl Executor for Threads {
    fn threads(&self) -> usize {
        MOST
    }
    fn spawn(&self, job: Job) {
        // It can be taken once: by the thread or, if none can be made, by this one.
        let job = Arc::new(Mutex::new(Some(job)));
        let run = |job: Arc<Mutex<Option<Job>>>| {
            let taken = job.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(job) = taken {
                as_worker(job);
            }
        };
        let of_thread = job.clone();
        let thread = thread::Builder::new().name("ainv-gpu".into());
        if thread.spawn(move || run(of_thread)).is_err() {
            run(job);
        }
    }
}
