//! A GPU, by wgpu: Vulkan, Metal, DirectX 12.
//!
//! ```text
//! engine.rs     one part: its buffers on the device, and the dispatches that do it
//! kernels.rs    the kernels, written in kernels/*.wgsl, each for four scalars
//! adapter.rs    the adapter: found once, opened when first used, opened again when it was lost
//! ```
//!
//! Matrices come from the host's memory and go back there, two parts of a stack in flight. Numbers cross in
//! their bits, and what the shading language leaves to a device (subnormal numbers, infinities, NaN) is done
//! on integers: every matrix is brought near one by powers of two when it is read and brought back when it is
//! written, so the edges are those of the CPU.

mod adapter;
mod engine;
mod kernels;

pub(super) use adapter::{find, gpu, info, lose};
