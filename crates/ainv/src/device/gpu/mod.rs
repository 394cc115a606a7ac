//! A GPU: what its back-ends share, and which one serves it.
//!
//! ```text
//! run.rs         a job -> what the kernels do, in which precision
//! parts.rs       parts of the stack -> statuses; what is decided again, scaled otherwise
//! condition.rs   condition numbers, of the norms of matrices and of their inverses
//! pinv.rs        what pseudo-inverses have of their own, the dispatches of larger ones among it
//! work.rs        what is computed, how it is shared out, and what memory it takes
//! dispatches.rs  the kernels' calls that do a part
//! panels.rs      those of larger orders
//! kernels.rs     the kernels, and the files of their texts
//! executor.rs    the threads that serve the GPU's streams
//! ```
//!
//! There is one GPU, `gpu:0`: CUDA's where CUDA has a device, else that of wgpu. (On most machines with both they are one
//! card by two names, so they are not counted up; and what CUDA drives has double precision.)

mod condition;
mod dispatches;
pub(crate) mod executor;
mod kernels;
mod panels;
mod parts;
mod pinv;
mod run;
mod work;

use super::Device;
use crate::error::Error;
use ainv_kernels::scalar::Scalar;
use ainv_streams::Cancel;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

pub(crate) use condition::rcond;
#[cfg(feature = "cuda")]
pub(super) use condition::{Asked, of_all};
#[cfg(feature = "cuda")]
pub(super) use dispatches::Dispatches;
pub(super) use dispatches::WORDS;
pub(super) use kernels::{Kernel, texts};
#[cfg(feature = "cuda")]
pub(super) use panels::Product;
pub(crate) use pinv::pinv;
#[cfg(feature = "cuda")]
pub(super) use pinv::{CUT, default_cut, instead, numbers, with_call};
pub(crate) use run::run;
#[cfg(feature = "cuda")]
pub(super) use run::{Beside, Call, plain};
pub(super) use work::{TILE, Task, WORKGROUP, Work};

/// Names the GPU that shall be used, by a part of its name in any case; wgpu's software adapters are used only if they are
/// named.
pub(super) const NAME: &str = "AINV_GPU";

/// Of a child that was forked: it has its parent's memory and none of its driver's threads.
pub(super) const FORKED: &str = "this process was forked from one that looked for a GPU, which no driver survives: use the \
                                 GPU in children alone, or start them by spawn";

/// A device, open.
pub(super) trait Gpu {
    type Engine<'a, W: Scalar>: Engine + Sync
    where
        Self: 'a;

    /// What works on matrices of one order.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for what the device cannot do.
    fn engine<'a, W: Scalar>(
        &'a self,
        order: usize,
        work: Work,
        cancel: Option<&'a Cancel>,
    ) -> Result<Self::Engine<'a, W>, Error>;
}

/// What does parts of a stack of matrices of one order. Errors of all of it: [`Error::Device`], [`Error::OutOfMemory`],
/// [`Error::Cancelled`].
pub(super) trait Engine {
    /// Memory for a part, on the device and where the host writes and reads.
    type Slot: Sync;
    /// A part on its way.
    type Pending;

    /// How many of `count` matrices make a part.
    fn part(&self, count: usize) -> usize;

    fn slot(&self, count: usize) -> Result<Self::Slot, Error>;

    /// Hands matrices over, dense and one after the other, and behind all of them what belongs to them.
    fn write(&self, slot: &Self::Slot, matrices: &[u8]) -> Result<(), Error>;

    /// Enqueues the work on `count` matrices that were [written](Self::write). Does not wait for it, though a driver's full
    /// queue may hold it up.
    fn submit(
        &self,
        slot: Self::Slot,
        count: usize,
        balanced: bool,
    ) -> Result<Self::Pending, Error>;

    /// Waits for a part; `f` is given the results, dense, one after the other and aligned to 8 bytes, and what became of
    /// each matrix. The memory can be used again.
    fn wait(
        &self,
        pending: Self::Pending,
        f: impl FnOnce(&[u8], &[Outcome]) -> Result<(), Error>,
    ) -> Result<Self::Slot, Error>;
}

/// What became of a matrix, as outcome.wgsl and outcome.cu have it.
#[derive(Clone, Copy)]
#[repr(C)]
pub(super) struct Outcome {
    pub(super) flags: u32,
    pub(super) zero_pivot: u32,
}

/// Parts that were handed over: tests ask for it.
pub(super) static SUBMITTED: AtomicUsize = AtomicUsize::new(0);

/// How many parts of stacks were handed over to the GPU so far: for tests.
#[doc(hidden)]
pub fn submitted() -> usize {
    SUBMITTED.load(Relaxed)
}

/// What serves the GPU.
#[derive(Clone, Copy)]
enum Backend {
    #[cfg(feature = "cuda")]
    Cuda,
    #[cfg(feature = "wgpu")]
    Wgpu,
}

fn backend() -> Result<Backend, Error> {
    let none = |why: &[String]| Error::Unsupported {
        what: format!("nothing serves the device {}: {}", Device::GPU, why.join("; ")),
    };
    let mut why = vec![];
    #[cfg(feature = "cuda")]
    match super::cuda::find() {
        Ok(()) => return Ok(Backend::Cuda),
        // Not the same card under its other name.
        Err(what) if what == FORKED => return Err(none(&[what])),
        Err(what) => why.push(what),
    }
    #[cfg(feature = "wgpu")]
    match super::wgpu::find() {
        Ok(()) => return Ok(Backend::Wgpu),
        Err(what) => why.push(what),
    }
    Err(none(&why))
}

/// How many GPUs there are: one, if one is found.
pub(crate) fn count() -> usize {
    backend().is_ok().into()
}

/// An error unless the device is the one that is served.
pub(crate) fn check(device: Device) -> Result<(), Error> {
    if device == Device::GPU {
        return backend().map(drop);
    }
    Err(Error::Unsupported {
        what: format!("no back-end of this build serves the device {device}: it serves one GPU"),
    })
}

/// What is known of the GPU.
pub(crate) struct Info {
    pub(crate) name: String,
    /// What it is driven by, and the version of that.
    pub(crate) interface: &'static str,
    pub(crate) driver: String,
    pub(crate) memory: Option<u64>,
}

pub(crate) fn info() -> Result<Info, Error> {
    match backend()? {
        #[cfg(feature = "cuda")]
        Backend::Cuda => super::cuda::info(),
        #[cfg(feature = "wgpu")]
        Backend::Wgpu => super::wgpu::info(),
    }
}

/// Makes the device be lost, as if it had been pulled out: for tests.
#[doc(hidden)]
pub fn lose() {
    match backend() {
        #[cfg(feature = "cuda")]
        Ok(Backend::Cuda) => super::cuda::lose(),
        #[cfg(feature = "wgpu")]
        Ok(Backend::Wgpu) => super::wgpu::lose(),
        Err(_) => {}
    }
}
