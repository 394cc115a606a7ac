//! A GPU, by CUDA. Nothing of it is needed to build: the driver and NVRTC, the compiler of CUDA C++ that comes with
//! toolkits, with PyTorch and as a package of its own, are loaded when the GPU is first used.
//!
//! ```text
//! library.rs    a shared library's functions, as a table
//! driver.rs     the driver: libcuda
//! compiler.rs   NVRTC: from a kernel's text to the code of an architecture
//! cublas.rs     cuBLAS, for large products
//! device.rs     the device: found once, opened when first used, opened again when it was lost
//! room.rs       memory for a part, on the device and of the host, and the stream that works on it
//! kernels.rs    the kernels, written in kernels/*.cu, each for four scalars
//! engine.rs     one part: its launches
//! ordered.rs    events, and memory in the order of a stream
//! arrays.rs     matrices that lie in the device's memory, on a stream of their owner
//! strided.rs    how they lie
//! condition.rs  their condition numbers
//! waiting.rs    their outcomes, which are waited for
//! ```
//!
//! Kernels are compiled on the user's machine, as shaders are: a kernel knows its order, there are some hundreds of them,
//! and each comes from one readable text for any architecture, the tests' among them (testkit/cuda: host code by g++).
//!
//! Matrices come from the host's memory and go back there, two parts of a stack in flight, each on a stream of CUDA; or they
//! lie on the device, and nothing but what became of them crosses, if that. The
//! arithmetic is IEEE 754's: no contraction, no flushing, no fast mathematics, no TF32.

pub(crate) mod arrays;
mod compiler;
mod condition;
mod cublas;
mod device;
mod driver;
mod engine;
mod kernels;
mod library;
pub(crate) mod ordered;
mod room;
mod strided;
pub(crate) mod waiting;

pub(super) use device::{find, info, lose};
pub(crate) use device::{gpu, number};
#[doc(hidden)]
pub use kernels::compile_all;
