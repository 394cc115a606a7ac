//! The streams: queues that threads serve, those of each kind of device its own.

use super::{Device, DeviceKind, Stream, cpu};
use crate::error::Error;
use ainv_streams::{Limits, Queue, Scheduler, generation};
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

/// The queues of one process. A forked child makes its own: its parent's may be locked for ever, and
/// their work is the parent's.
pub(crate) struct Runtime {
    generation: u32,
    scheduler: Arc<Scheduler>,
    /// Those from 2^i - 1 on in place i, made when they are first used: to find one locks nothing.
    queues: [OnceLock<Queues>; 33],
}

type Queues = Box<[OnceLock<Arc<Queue>>]>;

/// The streams of a kind of device.
struct Streams {
    /// Null until they are used. What it points to is never freed.
    runtime: AtomicPtr<Runtime>,
    /// How many were made. The first one needs no making.
    made: AtomicU32,
    /// One whose threads serve them.
    scheduler: fn() -> Arc<Scheduler>,
}

impl Streams {
    const fn new(scheduler: fn() -> Arc<Scheduler>) -> Streams {
        let runtime = AtomicPtr::new(std::ptr::null_mut());
        Streams { runtime, made: AtomicU32::new(1), scheduler }
    }

    /// The runtime of this process, if streams were used.
    #[inline]
    fn current(&self) -> Option<&'static Runtime> {
        // SAFETY: null, or a runtime that was leaked.
        let runtime = unsafe { self.runtime.load(Ordering::Acquire).as_ref() };
        runtime.filter(|runtime| runtime.generation == generation())
    }

    /// The runtime of this process.
    fn runtime(&self) -> &'static Runtime {
        if let Some(runtime) = self.current() {
            return runtime;
        }
        let before = self.runtime.load(Ordering::Acquire);
        let (scheduler, queues) = ((self.scheduler)(), [const { OnceLock::new() }; 33]);
        let new = Box::into_raw(Box::new(Runtime { generation: generation(), scheduler, queues }));
        if self.runtime.compare_exchange(before, new, Ordering::AcqRel, Ordering::Acquire).is_err()
        {
            // SAFETY: made above, and known to this thread alone.
            drop(unsafe { Box::from_raw(new) });
        }
        self.current().expect("a runtime of this process was just made")
    }
}

static CPU: Streams = Streams::new(|| Scheduler::new(cpu::executor::Pool));
#[cfg(any(feature = "cuda", feature = "wgpu"))]
static GPU: Streams = Streams::new(|| Scheduler::new(super::gpu::executor::Threads));

/// Those of each kind of device that the build has a back-end for.
static ALL: &[&Streams] = &[
    &CPU,
    #[cfg(any(feature = "cuda", feature = "wgpu"))]
    &GPU,
];

/// Those of a device, if the build has a back-end for it.
fn of(device: Device) -> Option<&'static Streams> {
    match device.kind {
        DeviceKind::Cpu => Some(&CPU),
        #[cfg(any(feature = "cuda", feature = "wgpu"))]
        DeviceKind::Gpu => Some(&GPU),
        #[cfg(not(any(feature = "cuda", feature = "wgpu")))]
        DeviceKind::Gpu => None,
    }
}

/// Those of a device that [`Device::check`] has passed.
fn served(device: Device) -> &'static Streams {
    of(device).expect("a device that is served has streams")
}

/// The queue of a stream that exists.
pub(crate) fn queue(stream: Stream) -> &'static Arc<Queue> {
    served(stream.device).runtime().queue(stream.index)
}

impl Runtime {
    /// The queue of a stream that exists.
    fn queue(&self, index: u32) -> &Arc<Queue> {
        let number = u64::from(index) + 1;
        let (place, first) = (number.ilog2(), 1 << number.ilog2());
        let some = self.queues[place as usize]
            .get_or_init(|| (0..first).map(|_| OnceLock::new()).collect());
        some[(number - first) as usize]
            .get_or_init(|| Queue::new(&self.scheduler, Limits::default()))
    }
}

/// Whether something was enqueued on any stream that has not ended: one load where streams were never
/// used.
#[inline]
pub(crate) fn are_busy() -> bool {
    ALL.iter().filter_map(|streams| streams.current()).any(|runtime| !runtime.scheduler.is_idle())
}

/// The queue of a stream, if it has something to do.
pub(crate) fn busy_queue(stream: Stream) -> Option<&'static Arc<Queue>> {
    let runtime = of(stream.device)?.current().filter(|runtime| !runtime.scheduler.is_idle())?;
    Some(runtime.queue(stream.index)).filter(|queue| !queue.is_idle())
}

/// The number of a new stream.
pub(crate) fn new_stream(device: Device) -> Result<u32, Error> {
    let (made, more) = (&served(device).made, |n: u32| n.checked_add(1));
    made.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).map_err(|_| Error::Overflow)
}

/// Whether the stream was made.
pub(crate) fn exists(stream: Stream) -> bool {
    of(stream.device).is_some_and(|of| stream.index < of.made.load(Ordering::Relaxed))
}

/// Cancels what is enqueued or running on all streams.
pub(crate) fn cancel_all() {
    for runtime in ALL.iter().filter_map(|streams| streams.current()) {
        let queues = runtime.queues.iter().filter_map(OnceLock::get).flatten();
        for queue in queues.filter_map(OnceLock::get) {
            queue.cancel();
        }
    }
}

/// Runs quick tasks of the CPU's streams, if there are some and this is a stream's thread: two loads where none is.
#[inline]
pub(crate) fn pause_for_quick_tasks() {
    if let Some(runtime) = CPU.current() {
        runtime.scheduler.pause();
    }
}
