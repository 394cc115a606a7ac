//! Matrices in the memory of CUDA's device (feature `cuda`), on a stream of their owner.
//!
//! The functions of the crate take matrices in the host's memory. These take matrices where another library's kernels left
//! them, with any strides, and enqueue the work behind those kernels: nothing crosses to the host. [`enqueue`] never waits,
//! so that a graph can be made of it; what [`compute`] gives is waited for once, for what became of the matrices.
//!
//! ```no_run
//! use ainv::cuda::{self, DeviceStack, DeviceStackMut, Operation, RawStream};
//! # fn example(a: u64, x: u64, stream: u64) -> Result<(), ainv::Error> {
//! // A thousand matrices of order 8, and places for their inverses, by the addresses that CUDA gave.
//! let (shape, strides) = ([1000, 8, 8], [64, 8, 1]);
//! // SAFETY: both lie on `cuda::device()`, and are kept until the stream has done the work.
//! let (a, x, stream) = unsafe {
//!     (
//!         DeviceStack::<f64>::from_raw_parts(a, &shape, &strides)?,
//!         DeviceStackMut::from_raw_parts(x, &shape, &strides)?,
//!         RawStream::from_raw(stream),
//!     )
//! };
//! let options = ainv::Options::default();
//! let summary = cuda::compute(Operation::Inv, a, x, None, stream, &options)?.wait(&mut [])?;
//! assert_eq!(summary.failed, 0);
//! # Ok(())
//! # }
//! ```
//!
//! What there are no kernels for is [`Error::Unsupported`], as on every GPU. Of the options the stream does not count.

use super::{as_upper, inv_job, lower, pinv, solve_job, square, status_length, unary};
use crate::device::cuda::arrays::Place;
use crate::device::cuda::waiting::Waiting;
use crate::device::cuda::{gpu, number, ordered};
use crate::device::driver::Driver;
use crate::device::job::Job;
use crate::error::Error;
use crate::op::Kind;
use crate::options::{Assume, Diag, Norm, Options, PinvOptions, Uplo};
use crate::stack::{Stack, StackMut};
use crate::status::{Status, Summary};
use ainv_kernels::scalar::Scalar;
use std::fmt;
use std::time::Duration;

/// A strided view of a stack of matrices in the device's memory, shape `(..., rows, cols)`.
#[derive(Clone, Copy)]
pub struct DeviceStack<'a, T>(Stack<'a, T>);

/// A strided view of such a stack to write to; no two of its elements share memory.
pub struct DeviceStackMut<'a, T>(StackMut<'a, T>);

impl<T> fmt::Debug for DeviceStack<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Device{:?}", self.0)
    }
}

impl<T> fmt::Debug for DeviceStackMut<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Device{:?}", self.0)
    }
}

impl<T> DeviceStack<'_, T> {
    /// A view of memory that the caller answers for; strides are in elements.
    ///
    /// # Safety
    /// Every element that the shape and the strides reach lies in the memory of the device that [`device`] names, aligned for
    /// `T`. From the view's call on, until its stream has done the work, it stays there and nothing else writes to it but
    /// what the stream was told before.
    ///
    /// # Errors
    /// As [`Stack::from_raw_parts`].
    pub unsafe fn from_raw_parts(
        address: u64,
        shape: &[usize],
        strides: &[isize],
    ) -> Result<Self, Error> {
        // SAFETY: the host reads nothing of it: the stack is asked for its shape and its addresses.
        unsafe { Stack::from_raw_parts(pointer(address)?, shape, strides) }.map(DeviceStack)
    }
}

impl<T> DeviceStackMut<'_, T> {
    /// A view of memory that the caller answers for; strides are in elements.
    ///
    /// # Safety
    /// As [`DeviceStack::from_raw_parts`]; and nothing else, the call's other views among it, reads or writes the elements
    /// meanwhile.
    ///
    /// # Errors
    /// As [`StackMut::from_raw_parts`].
    pub unsafe fn from_raw_parts(
        address: u64,
        shape: &[usize],
        strides: &[isize],
    ) -> Result<Self, Error> {
        // SAFETY: as above.
        unsafe { StackMut::from_raw_parts(pointer(address)?, shape, strides) }.map(DeviceStackMut)
    }
}

/// The address as a pointer that nobody follows.
fn pointer<T>(address: u64) -> Result<*mut T, Error> {
    let address = usize::try_from(address).map_err(|_| Error::Overflow)?;
    Ok(std::ptr::without_provenance_mut(address))
}

/// A stream of CUDA, by the handle that its driver and its runtime share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawStream(usize);

impl RawStream {
    /// # Safety
    /// It is a stream of the device's primary context, or one of CUDA's handles of default streams (0 and 1: the legacy one,
    /// 2: the thread's), and lives while it is used here.
    pub unsafe fn from_raw(handle: u64) -> RawStream {
        RawStream(handle as usize)
    }

    /// The handle.
    pub fn handle(self) -> u64 {
        self.0 as u64
    }
}

/// What is computed: the functions of the crate by these names say how, and [`Options::assume`] what is read.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Operation<'a, T> {
    /// [`inv`](crate::inv()).
    Inv,
    /// [`solve`](crate::solve), with these right-hand sides.
    Solve(DeviceStack<'a, T>),
    /// [`cholesky`](crate::cholesky).
    Cholesky(Uplo),
    /// [`cholesky_inv`](crate::cholesky_inv).
    CholeskyInv(Uplo),
    /// [`tri_inv`](crate::tri_inv).
    TriInv(Uplo, Diag),
    /// [`pinv`](crate::pinv()).
    Pinv(PinvOptions<'a>),
}

/// Enqueues the work and returns at once. A matrix without a result is filled with NaN, and conditions are not asked for.
/// `info`, a dense row of shape `[1, count]` if it is given, gets 0 for each matrix or the 1-based number of its zero pivot,
/// as [`inv_ex`](crate::inv_ex) counts.
///
/// # Errors
/// As the operation's own of a GPU, but for matrices; [`Error::Argument`] of [`OnSingular::Pinv`](crate::OnSingular::Pinv),
/// which waits; [`Error::OutOfMemory`], [`Error::Device`]: what was enqueued before such an error is done, and the result is
/// undefined.
pub fn enqueue<T: Scalar>(
    operation: Operation<T>,
    a: DeviceStack<T>,
    x: DeviceStackMut<T>,
    info: Option<DeviceStackMut<i32>>,
    stream: RawStream,
    options: &Options,
) -> Result<(), Error> {
    let place = Place {
        stream: stream.0,
        info: info.map(|info| row(info, a.0.len())).transpose()?,
        waits: false,
    };
    run(operation, a.0, x.0, place, options).map(drop)
}

/// Enqueues the work; what it gives knows what becomes of the matrices. No matrix raises; one without a result is filled with
/// NaN. With [`OnSingular::Pinv`](crate::OnSingular::Pinv) it waits until it is known which these are, and enqueues their
/// pseudo-inverses.
///
/// # Errors
/// As [`enqueue`]; [`Error::Unsupported`] where a graph is made of what the stream is told.
pub fn compute<T: Scalar>(
    operation: Operation<T>,
    a: DeviceStack<T>,
    x: DeviceStackMut<T>,
    info: Option<DeviceStackMut<i32>>,
    stream: RawStream,
    options: &Options,
) -> Result<Pending, Error> {
    let place = Place {
        stream: stream.0,
        info: info.map(|info| row(info, a.0.len())).transpose()?,
        waits: true,
    };
    run(operation, a.0, x.0, place, options).map(Pending)
}

/// Enqueues the work of [`rcond`](crate::rcond) and returns at once; `out` is a dense row of shape `[1, count]`.
///
/// # Errors
/// [`Error::Unsupported`] of [`Norm::Two`]; as [`enqueue`].
pub fn enqueue_rcond<T: Scalar>(
    a: DeviceStack<T>,
    norm: Norm,
    out: DeviceStackMut<T::Real>,
    stream: RawStream,
    options: &Options,
) -> Result<(), Error> {
    options.check()?;
    square(&a.0)?;
    let to = row(out, a.0.len())?;
    (Driver::<T>::get().rcond_on_cuda)(&a.0, norm, to, stream.0, options)
}

/// What will be known of matrices when their work is done. Dropping it neither waits nor cancels.
pub struct Pending(Waiting);

impl Pending {
    /// Waits: `status` has a place for each matrix or none.
    ///
    /// # Errors
    /// [`Error::Device`].
    pub fn wait(mut self, status: &mut [Status]) -> Result<Summary, Error> {
        loop {
            if let Some(summary) = self.wait_for(Duration::MAX, status)? {
                return Ok(summary);
            }
        }
    }

    /// Waits for so long at most; `None` if that is too short.
    ///
    /// # Errors
    /// [`Error::Argument`] for another number of statuses; [`Error::Device`].
    pub fn wait_for(
        &mut self,
        time: Duration,
        status: &mut [Status],
    ) -> Result<Option<Summary>, Error> {
        status_length(status, self.0.count())?;
        self.0.wait_for(time, status)
    }
}

/// Where the numbers of so many matrices go, one after the other.
fn row<T>(DeviceStackMut(to): DeviceStackMut<T>, count: usize) -> Result<u64, Error> {
    let is_row = (to.len(), to.rows(), to.cols()) == (1, 1, count);
    if !is_row || to.frame().cs != 1 {
        return Err(Error::shape(format!(
            "the numbers of {count} matrices need a dense row of as many"
        )));
    }
    Ok(to.begin().0.addr() as u64)
}

/// The views that each operation of the crate has, for the device.
fn run<T: Scalar>(
    operation: Operation<T>,
    a: Stack<T>,
    x: StackMut<T>,
    place: Place,
    options: &Options,
) -> Result<Waiting, Error> {
    let none = &mut [];
    let run = |job: Job<T>| (Driver::get().run_on_cuda)(job, place);
    match operation {
        Operation::Inv => {
            let (a, x) = match options.assume {
                Assume::Lower => as_upper(a, x, Uplo::Lower),
                Assume::Upper => as_upper(a, x, Uplo::Upper),
                _ => (a, x),
            };
            run(inv_job(&a, &x, none, options)?)
        }
        Operation::Solve(DeviceStack(b)) => run(solve_job(&a, &b, &x, none, options)?),
        Operation::Cholesky(uplo) => {
            let (a, x) = lower(a, x, uplo);
            run(unary("cholesky", Kind::Cholesky, &a, &x, none, options)?)
        }
        Operation::CholeskyInv(uplo) => {
            let (a, x) = lower(a, x, uplo);
            run(unary("cholesky_inv", Kind::CholeskyInv, &a, &x, none, options)?)
        }
        Operation::TriInv(uplo, diag) => {
            let kind = Kind::TriInv { unit: diag == Diag::Unit, reversed: uplo == Uplo::Upper };
            let (a, x) = as_upper(a, x, uplo);
            run(unary("tri_inv", kind, &a, &x, none, options)?)
        }
        Operation::Pinv(tolerances) => {
            pinv::check(&a, &x, &tolerances, none, options)?;
            (Driver::get().pinv_on_cuda)(&a, &x, &tolerances, place, options)
        }
    }
}

/// The number of the device that is served, as CUDA and DLPack count them.
///
/// # Errors
/// [`Error::Unsupported`] where CUDA has none.
pub fn device() -> Result<i32, Error> {
    number()
}

/// A stream of our own, for matrices whose owner names none; it waits for no other.
///
/// # Errors
/// [`Error::Unsupported`], [`Error::Device`].
pub fn own_stream() -> Result<RawStream, Error> {
    Ok(RawStream(gpu()?.ordered()?.stream))
}

/// Memory on the device for results of work on [`own_stream`]. When it is dropped it goes back, after what that stream was
/// told before.
pub struct Memory(ordered::Memory);

impl Memory {
    /// # Errors
    /// [`Error::OutOfMemory`], and as [`own_stream`].
    pub fn new(bytes: usize) -> Result<Memory, Error> {
        Ok(Memory(ordered::Memory::new(gpu()?, bytes)?))
    }

    /// Where it begins: a multiple of 256.
    pub fn address(&self) -> u64 {
        self.0.address()
    }

    /// What `stream` is told from now on begins when all is done that [`own_stream`] was told so far; the host does not wait.
    ///
    /// # Errors
    /// [`Error::Device`].
    pub fn ready_for(&self, stream: RawStream) -> Result<(), Error> {
        self.0.ready_for(stream.0)
    }
}

/// A place in the work of [`own_stream`]: behind all that it was told so far.
pub struct Mark(ordered::Event);

impl Mark {
    /// # Errors
    /// As [`own_stream`].
    pub fn new() -> Result<Mark, Error> {
        let gpu = gpu()?;
        let stream = gpu.ordered()?.stream;
        Ok(Mark(ordered::Event::behind(&gpu, stream)?))
    }

    /// Whether the work before it is done, or will never be.
    pub fn is_over(&self) -> bool {
        self.0.is_over()
    }
}
