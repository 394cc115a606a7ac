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
//!
//! Each takes one matrix or a stack of any leading dimensions, in `f32`, `f64`, [`c32`] or [`c64`],
//! with any strides. The plain form returns an owned result and names the first matrix that has
//! none; the `_into` form writes into the caller's memory and fills a [`Status`] a matrix.
//!
//! Results do not depend on the number of threads, on the place in the stack, on the memory layout
//! or on the vector instructions at hand (the portable set alone rounds differently: it has no
//! fused multiply-add).
//!
//! # Layout of the crate
//!
//! `op` says what is computed, `alg` holds the blocked algorithms, `device` where the work runs;
//! `plan` makes every choice. The inner loops and the registers are in the crate `ainv-kernels`.
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
mod stack;
mod status;

pub use ainv_kernels::isa::{IsaId, available as available_instruction_sets};
pub use ainv_kernels::scalar::{RealScalar, Scalar, c32, c64};
pub use ainv_streams::{Cancel, Done, Stopped};
pub use api::*;
pub use convert::Matrices;
pub use device::cpu::pool::{num_threads, set_num_threads};
#[doc(hidden)]
pub use device::defaults::{Defaults, enter_stream, restore_defaults};
pub use device::defaults::{
    current_stream, default_device, default_stream, set_default_device, set_default_stream,
    with_stream,
};
pub use device::info::{Cache, DeviceInfo, device_count, device_info};
pub use device::stream::{Event, synchronize};
#[doc(hidden)]
pub use device::stream::{Task, cancel_all};
pub use device::{Device, DeviceKind, Stream};
pub use error::Error;
pub use options::{
    Assume, Diag, Norm, OnSingular, Options, PinvOptions, Precision, Tolerance, Uplo,
};
pub use plan::{Plan, Route, instruction_set};
pub use stack::{MAX_AXES, OwnedStack, Stack, StackMut};
pub use status::{Code, Status, Summary};
