//! The pool's threads serve the CPU's streams, and long work pauses for them.

use crate::device::cpu::pool;
use crate::device::streams;
use crate::error::Error;
use ainv_streams::{Cancel, Executor, Job, as_worker};

pub(crate) struct Pool;

impl Executor for Pool {
    fn threads(&self) -> usize {
        pool::threads()
    }
    fn spawn(&self, job: Job) {
        match pool::current() {
            Ok(pool) => pool.spawn(|| pool::busy(job)),
            // There is no memory for threads, or there are none: the work is done all the same.
            Err(_) => as_worker(job),
        }
    }
    fn is_wanted(&self) -> bool {
        pool::is_wanted() || pool::is_replaced()
    }
    fn give_way(&self) -> bool {
        rayon::yield_now();
        !pool::is_replaced()
    }
}

/// Where long work lets quick tasks of the CPU's streams in. Blocked algorithms call it at least every
/// millisecond; where no task waits it is two loads.
#[inline]
pub(crate) fn let_in() {
    streams::pause_for_quick_tasks();
}

/// A pause of long work, which [lets quick work in](let_in) and ends the long work where that was
/// asked.
///
/// # Errors
/// [`Error::Cancelled`] if a flag is given and was set.
#[inline]
pub(crate) fn pause(cancel: Option<&Cancel>) -> Result<(), Error> {
    let_in();
    check(cancel)
}

/// [`Error::Cancelled`] if a flag is given and was set.
#[inline]
pub(crate) fn check(cancel: Option<&Cancel>) -> Result<(), Error> {
    if cancel.is_some_and(Cancel::is_cancelled) { Err(Error::Cancelled) } else { Ok(()) }
}
