//! A GPU, by wgpu: Vulkan, Metal, DirectX 12.
//!
//! ```text
//! run.rs        a job -> parts of the stack -> statuses; what is decided again, scaled otherwise
//! pinv.rs       what pseudo-inverses have of their own, the dispatches of larger ones among it
//! engine.rs     one part: its buffers on the device, and the dispatches that do it
//! panels.rs     the dispatches of larger orders
//! kernels.rs    the kernels, written in kernels/*.wgsl, each for four scalars
//! adapter.rs    the adapter: found once, opened when first used, opened again when it was lost
//! executor.rs   the threads that serve the GPU's streams
//! ```
//!
//! Matrices come from the host's memory and go back there, two parts of a stack in flight. Numbers cross in
//! their bits, and what the shading language leaves to a device (subnormal numbers, infinities, NaN) is done
//! on integers: every matrix is brought near one by powers of two when it is read and brought back when it is
//! written, so the edges are those of the CPU.

mod adapter;
mod engine;
pub(crate) mod executor;
mod kernels;
mod panels;
mod pinv;
mod run;

#[doc(hidden)]
pub use adapter::lose;
pub(crate) use adapter::{check, count, info};
#[doc(hidden)]
pub use engine::submitted;
pub(crate) use pinv::pinv;
pub(crate) use run::run;
