//! What orders our work among that of others: events, and memory that comes and goes in the order of a stream. Drivers have
//! it from CUDA 11.2 on.

use super::device::Gpu;
use super::driver::{Address, Handle, LIBRARY};
use super::library::functions;
use crate::error::Error;
use core::ffi::{c_int, c_uint, c_void};
use std::sync::{Arc, OnceLock, PoisonError};

functions! {
    /// More of the driver's functions.
    Functions {
        cuMemPoolCreate(*mut Handle, *const c_void);
        cuMemPoolSetAttribute(Handle, c_int, *mut c_void);
        cuMemPoolDestroy(Handle);
        cuMemAllocFromPoolAsync(*mut Address, usize, Handle, Handle);
        cuMemFreeAsync(Address, Handle);
        cuMemsetD32Async(Address, c_uint, usize, Handle);
        cuEventCreate(*mut Handle, c_uint);
        cuEventDestroy_v2(Handle);
        cuEventRecord(Handle, Handle);
        cuEventQuery(Handle);
        cuStreamWaitEvent(Handle, Handle, c_uint);
        cuStreamIsCapturing(Handle, *mut c_int);
    }
}

/// Bytes that the pool keeps for the next calls when it has given back all that was in use.
const KEPT: u64 = 256 << 20;
/// CU_MEMPOOL_ATTR_RELEASE_THRESHOLD, CU_EVENT_DISABLE_TIMING, CU_STREAM_NON_BLOCKING.
const RELEASE_THRESHOLD: c_int = 4;
const WITHOUT_TIMES: c_uint = 2;
const NON_BLOCKING: c_uint = 1;

/// CUmemPoolProps: pinned memory (1) of a device (1) that no other process is given.
#[repr(C)]
struct Properties {
    kind: c_int,
    handles: c_int,
    location: [c_int; 2],
    security: *const c_void,
    reserved: [u64; 8],
}

fn functions() -> Result<&'static Functions, Error> {
    static FUNCTIONS: OnceLock<Result<Functions, String>> = OnceLock::new();
    FUNCTIONS.get_or_init(|| Functions::open(LIBRARY)).as_ref().map_err(|why| Error::Unsupported {
        what: format!("arrays in a GPU's memory need a driver of CUDA 11.2 or later: {why}"),
    })
}

/// A pool of memory of our own, and a stream for those who name none.
#[derive(Clone, Copy)]
pub(crate) struct Ordered {
    functions: &'static Functions,
    pool: Handle,
    pub(crate) stream: Handle,
}

impl Ordered {
    /// In the device's context.
    fn new(gpu: &Gpu) -> Result<Ordered, Error> {
        let functions = functions()?;
        let mut ordered = Ordered { functions, pool: 0, stream: 0 };
        let location = [1, gpu.device];
        let security = std::ptr::null();
        let properties = Properties { kind: 1, handles: 0, location, security, reserved: [0; 8] };
        // SAFETY: it reads the properties, and writes a handle.
        gpu.ok(unsafe {
            (functions.cuMemPoolCreate)(&mut ordered.pool, (&raw const properties).cast())
        })?;
        let mut kept = KEPT;
        // SAFETY: the pool above; it reads a number of 64 bits. And it writes a handle.
        let done = gpu.ok(unsafe {
            let kept = (&raw mut kept).cast();
            match (functions.cuMemPoolSetAttribute)(ordered.pool, RELEASE_THRESHOLD, kept) {
                0 => (gpu.driver.cuStreamCreate)(&mut ordered.stream, NON_BLOCKING),
                failed => failed,
            }
        });
        match done {
            Ok(()) => Ok(ordered),
            Err(error) => {
                // SAFETY: nothing was taken of it.
                unsafe { ordered.free(gpu) };
                Err(error)
            }
        }
    }

    /// # Safety
    /// In its context, and nothing of it is used afterwards.
    pub(super) unsafe fn free(self, gpu: &Gpu) {
        // SAFETY: its own; what was taken of the pool stays until it is given back.
        unsafe {
            if self.stream != 0 {
                (gpu.driver.cuStreamDestroy_v2)(self.stream);
            }
            (self.functions.cuMemPoolDestroy)(self.pool);
        }
    }
}

impl Gpu {
    /// The pool and the stream, made when they are first used.
    ///
    /// # Errors
    /// [`Error::Unsupported`] of an older driver, [`Error::Device`].
    pub(crate) fn ordered(&self) -> Result<Ordered, Error> {
        let mut ordered = self.ordered.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(ordered) = *ordered {
            return Ok(ordered);
        }
        let _entered = self.enter()?;
        Ok(*ordered.insert(Ordered::new(self)?))
    }

    /// Memory that work on `stream` may use from now on, and no work that is enqueued there after its end.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`], and as [`ordered`](Self::ordered).
    pub(super) fn scratch(&self, bytes: usize, stream: Handle) -> Result<Scratch<'_>, Error> {
        let Ordered { functions, pool, .. } = self.ordered()?;
        let _entered = self.enter()?;
        let mut address = 0;
        // SAFETY: it writes an address.
        let outcome = unsafe {
            (functions.cuMemAllocFromPoolAsync)(&mut address, bytes.max(1), pool, stream)
        };
        self.allocated(outcome, bytes)?;
        Ok(Scratch { gpu: self, address, stream })
    }

    /// Fills `count` words with zeros, when it is their turn on the stream.
    ///
    /// # Safety
    /// They are the work's to write to.
    pub(super) unsafe fn clear(
        &self,
        at: Address,
        count: usize,
        stream: Handle,
    ) -> Result<(), Error> {
        let Ordered { functions, .. } = self.ordered()?;
        // SAFETY: the caller's promise.
        self.ok(unsafe { (functions.cuMemsetD32Async)(at, 0, count, stream) })
    }

    /// Whether a graph is made of what the stream is told.
    pub(super) fn is_captured(&self, stream: Handle) -> Result<bool, Error> {
        let Ordered { functions, .. } = self.ordered()?;
        let mut is = 0;
        // SAFETY: it writes a number.
        self.ok(unsafe { (functions.cuStreamIsCapturing)(stream, &mut is) })?;
        Ok(is != 0)
    }
}

/// See [`Gpu::scratch`].
pub(super) struct Scratch<'a> {
    gpu: &'a Gpu,
    pub(super) address: Address,
    stream: Handle,
}

impl Drop for Scratch<'_> {
    fn drop(&mut self) {
        if let (Ok(ordered), Ok(_entered)) = (self.gpu.ordered(), self.gpu.enter_to_free()) {
            // SAFETY: no one uses it after what the stream was told before.
            unsafe { (ordered.functions.cuMemFreeAsync)(self.address, self.stream) };
        }
    }
}

/// A place in a stream's work.
pub(crate) struct Event {
    gpu: Arc<Gpu>,
    functions: &'static Functions,
    event: Handle,
}

impl Event {
    /// Behind all that `stream` was told so far.
    ///
    /// # Errors
    /// As [`Gpu::ordered`].
    pub(crate) fn behind(gpu: &Arc<Gpu>, stream: Handle) -> Result<Event, Error> {
        let Ordered { functions, .. } = gpu.ordered()?;
        let _entered = gpu.enter()?;
        let mut event = 0;
        // SAFETY: it writes a handle.
        gpu.ok(unsafe { (functions.cuEventCreate)(&mut event, WITHOUT_TIMES) })?;
        let event = Event { gpu: gpu.clone(), functions, event };
        // SAFETY: the event above, and a stream of the same context.
        gpu.ok(unsafe { (functions.cuEventRecord)(event.event, stream) })?;
        Ok(event)
    }

    /// What `stream` is told from now on begins when the work before the event is done.
    ///
    /// # Errors
    /// [`Error::Device`].
    pub(crate) fn holds_up(&self, stream: Handle) -> Result<(), Error> {
        let _entered = self.gpu.enter()?;
        // SAFETY: both are of the context; a stream keeps what it needs of the event.
        self.gpu.ok(unsafe { (self.functions.cuStreamWaitEvent)(stream, self.event, 0) })
    }

    /// Whether the work before it is done, or will never be.
    pub(crate) fn is_over(&self) -> bool {
        let Ok(_entered) = self.gpu.enter() else { return true };
        // SAFETY: it is alive.
        unsafe { (self.functions.cuEventQuery)(self.event) != super::driver::NOT_READY }
    }
}

impl Drop for Event {
    fn drop(&mut self) {
        if let Ok(_entered) = self.gpu.enter_to_free() {
            // SAFETY: no one has it any more.
            unsafe { (self.functions.cuEventDestroy_v2)(self.event) };
        }
    }
}

/// Memory on the device that is taken and given back in the order of our own stream.
pub(crate) struct Memory {
    gpu: Arc<Gpu>,
    address: Address,
}

impl Memory {
    /// # Errors
    /// As [`Gpu::scratch`].
    pub(crate) fn new(gpu: Arc<Gpu>, bytes: usize) -> Result<Memory, Error> {
        let scratch = gpu.scratch(bytes, gpu.ordered()?.stream)?;
        let address = scratch.address;
        std::mem::forget(scratch);
        Ok(Memory { gpu, address })
    }

    pub(crate) fn address(&self) -> Address {
        self.address
    }

    /// What `stream` is told from now on finds what our stream was told so far done.
    ///
    /// # Errors
    /// As [`Event::behind`].
    pub(crate) fn ready_for(&self, stream: Handle) -> Result<(), Error> {
        Event::behind(&self.gpu, self.gpu.ordered()?.stream)?.holds_up(stream)
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        let Ok(ordered) = self.gpu.ordered() else { return };
        drop(Scratch { gpu: &self.gpu, address: self.address, stream: ordered.stream });
    }
}
