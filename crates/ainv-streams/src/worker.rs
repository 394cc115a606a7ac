//! What a thread is to the executor.

use crate::sync::thread_local;
use std::cell::Cell;

thread_local! {
    static WORKER: Cell<bool> = Cell::new(false);
}

/// Says that the calling thread is one of the executor's, for as long as it lives.
pub fn become_worker() {
    WORKER.with(|worker| worker.set(true));
}

/// Whether the calling thread is one of the executor's. Such a thread must never wait for work: the
/// work may be waiting for the thread.
pub fn is_worker() -> bool {
    WORKER.with(Cell::get)
}

/// Runs `f` on a thread that stands in for one of the executor's.
pub fn as_worker<R>(f: impl FnOnce() -> R) -> R {
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            WORKER.with(|worker| worker.set(self.0));
        }
    }
    let _restore = Restore(WORKER.with(|worker| worker.replace(true)));
    f()
}
