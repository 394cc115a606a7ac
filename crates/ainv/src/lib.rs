//! Inverses of matrices, and of stacks of matrices, at the speed of the hardware.
//!
//! ```
//! use ainv::{Options, Stack};
//!
//! // Two 2 x 2 matrices, row by row.
//! let a = [4.0, 7.0, 2.0, 6.0, 1.0, 2.0, 3.0, 4.0];
//! let a = Stack::new(&a, &[2, 2, 2])?;
//! let x = ainv::inv(a, &Options::default())?;
//! assert_eq!(&x.as_slice()[4..], [-2.0, 1.0, 1.5, -0.5]);
//! # Ok::<(), ainv::Error>(())
//! ```
//!
//! # The functions
//!
//! | function | result |
//! |---|---|
//! | [`inv`], [`inv_ex`] | the inverses |
//! | [`pinv`] | the Moore-Penrose inverses |
//! | [`cholesky`] | L (or U) with A = L L^H (A = U^H U) |
//! | [`cholesky_inv`] | A^-1 from L (or U) |
//! | [`tri_inv`] | the inverses of triangles |
//! | [`solve`] | X with A X = B |
//! | [`rcond`] | reciprocal condition numbers |
//! | [`matmul`] | products |
//! | [`report()`] | a [`Report`]: how far the inverses can be trusted, and what to do if not |
//!
//! Each takes one matrix or a stack of any leading dimensions, in `f32`, `f64`, [`c32`] or [`c64`],
//! with any strides. The plain form returns an owned result and names the first matrix that has
//! none; the `_into` form writes into the caller's memory and fills a [`Status`] a matrix.
//!
//! Results do not depend on the number of threads, on the place in the stack, on the memory layout
//! or on the vector instructions at hand (the portable set alone rounds differently: it has no
//! fused multiply-add), nor on the mode of the floating-point unit: where another library has set the
//! thread to flush subnormal numbers to zero, or to round another way, that is put aside for the call.
//!
//! # Streams
//!
//! A [`Stream`] is a queue of work on a device. What is [submitted](Stream::submit) to it runs in order,
//! on the pool's threads, while the caller goes on; work of different streams runs at the same time.
//!
//! ```
//! use ainv::{Device, Options, Stack, Stream};
//!
//! let [first, second] = [Stream::new(Device::CPU)?, Stream::new(Device::CPU)?];
//! let inverse = first.submit(|_| {
//!     ainv::inv(Stack::new(&[2.0, 0.0, 0.0, 4.0], &[2, 2])?, &Options::default())
//! })?;
//! second.after(&inverse)?;
//! let ordered = second.submit(|_| Ok("begins when the inverse is there"))?;
//! ordered.wait()?;
//! // An event is a future, too.
//! assert_eq!(inverse.wait()?.as_slice(), [0.5, 0.0, 0.0, 0.25]);
//! # Ok::<(), ainv::Error>(())
//! ```
//!
//! - An [`Event`] holds the outcome. A bad matrix, a panic and a cancellation are its error, and the
//!   stream goes on. Dropping it neither waits nor cancels.
//! - A task owns what it works on. It may call every function here, which then share its work among
//!   the pool's threads as ever, but it does not wait for other work: [`Stream::after`] orders streams
//!   without holding a thread.
//! - However many streams have work, no more threads run than the pool has; ready streams take turns.
//!   [Quick](Stream::submit_quick) tasks run even while a large matrix has all threads: its algorithms
//!   pause for them.
//! - A stream holds at most 1024 tasks: a submitter that is faster than the machine waits.
//! - A call that is not submitted runs on the caller's thread, after the work that was enqueued on its
//!   stream before ([`Options::stream`], else the thread's [`current_stream`]). Such calls of several
//!   threads on one stream run at the same time.
//! - A forked child begins with empty streams; the work of its parent is [`Error::Forked`] there.
//! - The device [`Gpu`](DeviceKind::Gpu) has a back-end where the feature `cuda` or `wgpu` is on and a device is found;
//!   else using it is an error before any work.
//!
//! # A GPU
//!
//! With the feature `cuda` or `wgpu`, streams of [`Device::GPU`] do [`inv`], [`inv_ex`], [`solve`], [`cholesky`],
//! [`cholesky_inv`], [`tri_inv`], [`pinv`], [`rcond`] and their `_into` forms: by CUDA in all four scalars; by Vulkan, Metal or
//! DirectX 12 in `f32` and [`c32`], by Vulkan in `f64` and [`c64`], too, where the adapter has 64-bit floats in its shaders.
//! Matrices come from the host's memory and go back there. The elimination of general matrices is by rows with partial pivoting
//! ([`Assume::Auto`] looks for no structure), and the right residual A X - I is bounded as on the CPU, but the bits are the
//! device's own. Of a right-hand side that holds an infinity the whole column is NaN (with a diagonal the entry, if it is
//! complex), and numbers may count as zero that are 2^126 (in double precision 2^1022) times smaller than the largest of their
//! row and column, in a pseudo-inverse 2^200 (2^1900) times than the largest of their matrix. Pseudo-inverses are made by
//! one-sided Jacobi rotations, above order 32 of a QR factorization with pivots, single precision in itself. Conditions are
//! those of the norms of a matrix and of its inverse, which the host sums; systems whose condition is asked for are inverted
//! besides.
//!
//! What a GPU has no kernels for is [`Error::Unsupported`] before any work: no call moves to the CPU by itself. That
//! is [`Norm::Two`] and all other functions. A device that is lost is [`Error::Device`], and opened anew by the next call.
//! (Where it is lost in mid-work wgpu panics, which is caught: a program that is built with `panic = "abort"` ends. By CUDA it
//! stays lost as long as another library of the process holds its context, and after a kernel's fault maybe for good: NVIDIA
//! promises nothing to such a process.) No real GPU, nor Metal or DirectX 12, has run this yet: its tests run on Mesa's
//! llvmpipe, in software under Vulkan, and on a device of CUDA in software.
//!
//! CUDA is not needed to build. The driver and NVRTC, its compiler, are loaded when the GPU is first used; NVRTC comes with
//! CUDA's toolkit, with PyTorch, and as Python's package `nvidia-cuda-nvrtc-cu12`. A kernel is compiled when it is first used.
//! Where cuBLAS is found it does the large products of orders from 513 on ([`DeviceInfo::driver`] names it); elsewhere our own
//! kernel does them, and the bits are others.
//! Cards older than sm_70 are refused.
//!
//! There is one GPU: CUDA's first device where there is one, else of wgpu's adapters the first discrete one, else an integrated
//! one, a virtual one, or one of another kind. `AINV_GPU` names another one, by a part of its name. Adapters in software (Mesa's
//! llvmpipe) are used only if it names them.
//!
//! Matrices that lie in the memory of CUDA's device already stay there: the module `cuda` takes them by their addresses, with
//! any strides, as work of a stream of their owner, and waits for nothing or for the outcomes alone. All that is said here holds
//! of them, but that the device sums their norms.
//!
//! ```
//! use ainv::{Device, Options, Stack};
//! let a = [1.0f32, 2.0, 3.0, 4.0];
//! let options = Options { stream: Some(Device::GPU.into()), ..Options::default() };
//! match ainv::inv(Stack::new(&a, &[2, 2])?, &options) {
//!     Ok(x) => assert!((x.as_slice()[0] + 2.0).abs() < 1e-6),
//!     Err(refused) => println!("{refused}"), // this build has no back-end, or this machine no GPU
//! }
//! # Ok::<(), ainv::Error>(())
//! ```
//!
//! # Layout of the crate
//!
//! `op` says what is computed, `alg` holds the blocked algorithms, `device` where the work runs;
//! `plan` makes every choice. The inner loops and the registers are in the crate `ainv-kernels`, the
//! queues of streams in `ainv-streams`.
//! Arrows point one way: `op -> alg -> kernels -> isa`.

mod alg;
mod api;
mod convert;
mod device;
mod error;
mod memory;
mod op;
mod options;
mod plan;
mod report;
mod stack;
mod status;

pub use ainv_kernels::isa::{IsaId, available as available_instruction_sets};
pub use ainv_kernels::scalar::{RealScalar, Scalar, c32, c64};
pub use ainv_streams::{Cancel, Done, Stopped};
#[cfg(feature = "cuda")]
pub use api::cuda;
pub use api::*;
pub use convert::Matrices;
#[cfg(debug_assertions)]
#[doc(hidden)]
pub use device::cpu::arena::SCRATCH_FILL;
#[doc(hidden)]
pub use device::cpu::arena::{Large, release_common};
#[doc(hidden)]
pub use device::cpu::peak::multiply_add_peak;
pub use device::cpu::pool::{num_threads, set_num_threads};
#[cfg(feature = "cuda")]
#[doc(hidden)]
pub use device::cuda::compile_all as compile_all_for_cuda;
#[doc(hidden)]
pub use device::defaults::{Defaults, enter_stream, restore_defaults};
pub use device::defaults::{
    current_stream, default_device, default_stream, set_default_device, set_default_stream,
    with_stream,
};
#[cfg(any(feature = "cuda", feature = "wgpu"))]
#[doc(hidden)]
pub use device::gpu::{lose as lose_gpu, submitted as submitted_to_gpu};
pub use device::info::{Cache, DeviceInfo, device_count, device_info};
pub use device::stream::{Event, Task, synchronize};
#[doc(hidden)]
pub use device::stream::{as_task, cancel_all};
pub use device::{Device, DeviceKind, Stream};
pub use error::Error;
#[doc(hidden)]
pub use op::pinv::Way;
pub use options::{
    Assume, Diag, IllConditioned, Norm, OnSingular, Options, PinvOptions, Precision, Tolerance,
    Uplo,
};
pub use plan::{Plan, Route, instruction_set};
pub use report::*;
pub use stack::{MAX_AXES, OwnedStack, Stack, StackMut};
pub use status::{Code, Status, Summary};

/// The README's examples are run as tests.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
