//! Ordered, asynchronous work: queues whose tasks run one after another, on the threads of a pool
//! that many queues share.
//!
//! - [`Event`]: the outcome of a task, for a waiting thread or as a [`Future`]; [`Done`]: that it ended.
//! - [`Queue`]: the tasks of one stream, bounded; [`Queue::after`] orders it behind other streams' work.
//! - [`Scheduler`]: the queues that have something to run. It never uses more threads than its
//!   [`Executor`] has, and long work lets short work of other queues in at its [pauses](Scheduler::pause).
//!
//! Nothing here knows of matrices or of the pool, so that the models of loom (`tests/loom.rs`) can try
//! all orders in which the threads may run.

// loom's thread_local! has no const form.
#![allow(clippy::missing_const_for_thread_local)]

mod cancel;
mod event;
mod fork;
mod queue;
mod scheduler;
mod sync;
mod worker;

pub use cancel::Cancel;
pub use event::{Done, Event, Stopped};
pub use fork::generation;
pub use queue::{Limits, Queue, Task};
pub use scheduler::{Executor, Job, Scheduler};
pub use worker::{as_worker, become_worker, is_worker};
