//! A job: one operation on a stack, checked, which a device runs.

use super::driver::Driver;
use crate::alg::Shared;
use crate::error::Error;
use crate::op::Kind;
use crate::op::pinv::Way;
use crate::options::{Assume, Norm, Options, PinvOptions};
use crate::stack::{Stack, StackMut};
use crate::status::{Code, Status, Summary};
use ainv_kernels::scalar::Scalar;

/// One operation on a stack of square matrices, checked: the shapes fit.
pub(crate) struct Job<'a, T: Scalar> {
    pub operation: &'static str,
    pub kind: Kind,
    pub a: &'a Stack<'a, T>,
    pub b: Option<&'a Stack<'a, T>>,
    pub x: &'a StackMut<'a, T>,
    /// Copy each chunk first, filled in from the part that this reads.
    pub expand: Option<Assume>,
    /// One status a matrix, or empty.
    pub status: &'a mut [Status],
    pub options: &'a Options,
}

impl<T: Scalar> Job<'_, T> {
    /// Runs it.
    #[inline]
    pub(crate) fn run(self) -> Result<Summary, Error> {
        (Driver::get().run)(self)
    }

    /// Runs it on the device of its stream.
    pub(super) fn run_on_its_device(self) -> Result<Summary, Error> {
        #[cfg(any(feature = "cuda", feature = "wgpu"))]
        if super::stream::is_on_gpu(self.options) {
            return super::gpu::run(self);
        }
        self.run_on_cpu()
    }
}

/// Pseudo-inverses, checked, on the device of their stream. `ways` is told how the CPU found each.
pub(crate) fn pinv<T: Scalar>(
    a: Stack<T>,
    x: StackMut<T>,
    pinv: &PinvOptions,
    status: &mut [Status],
    options: &Options,
    ways: &(dyn Fn(usize, Way) + Sync),
) -> Result<Summary, Error> {
    #[cfg(any(feature = "cuda", feature = "wgpu"))]
    if super::stream::is_on_gpu(options) {
        return super::gpu::pinv(&a, &x, pinv, status, options);
    }
    super::cpu::pinv::pinv(a, x, pinv, status, options, ways)
}

/// Reciprocal condition numbers, checked, on the device of their stream.
pub(crate) fn rcond<T: Scalar>(
    a: Stack<T>,
    norm: Norm,
    out: &mut [T::Real],
    options: &Options,
) -> Result<(), Error> {
    #[cfg(any(feature = "cuda", feature = "wgpu"))]
    if super::stream::is_on_gpu(options) {
        return super::gpu::rcond(&a, norm, out, options);
    }
    super::cpu::condition::rcond(a, norm, out, options)
}

/// Where the statuses go: each task writes those of its own matrices.
#[derive(Clone, Copy)]
pub(crate) struct Statuses {
    first: Shared<Status>,
    len: usize,
}

impl Statuses {
    pub(crate) fn new(status: &mut [Status]) -> Self {
        status.fill(Status::OK);
        Statuses { first: Shared(status.as_mut_ptr()), len: status.len() }
    }
    /// After an error in mid-work: what was done is not known.
    pub(crate) fn undone(&self) {
        for index in 0..self.len {
            self.set(index, Status { code: Code::Cancelled, at: 0 });
        }
    }
    /// Those from the matrix of this number on.
    pub(crate) fn after(&self, by: usize) -> Self {
        let by = by.min(self.len);
        Statuses { first: Shared(self.first.get().wrapping_add(by)), len: self.len - by }
    }
    pub(crate) fn set(&self, index: usize, status: Status) {
        if index < self.len {
            // SAFETY: inside the caller's slice; no two tasks have the same matrix.
            unsafe { self.first.get().add(index).write(status) }
        }
    }
}
