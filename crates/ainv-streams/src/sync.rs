//! The primitives: the standard library's, or loom's where its models run.

#[cfg(loom)]
pub(crate) use loom::{
    sync::{Condvar, Mutex, MutexGuard, atomic},
    thread_local,
};
#[cfg(not(loom))]
pub(crate) use std::{
    sync::{Condvar, Mutex, MutexGuard, atomic},
    thread_local,
};

/// Nothing panics while one of our locks is held; if it did, the data would still be whole.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Waits for a notification, or for about `time`.
pub(crate) fn wait<'a, T>(
    condvar: &Condvar,
    guard: MutexGuard<'a, T>,
    time: Option<std::time::Duration>,
) -> MutexGuard<'a, T> {
    match time {
        None => condvar.wait(guard).unwrap_or_else(|poisoned| poisoned.into_inner()),
        Some(time) => {
            condvar.wait_timeout(guard, time).unwrap_or_else(|poisoned| poisoned.into_inner()).0
        }
    }
}
