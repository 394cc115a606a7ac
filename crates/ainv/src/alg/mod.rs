//! Blocked algorithms for one matrix, generic over the scalar, written with the kernels.
//!
//! A working matrix is column-major: rows adjacent, columns `ld` apart. The cut of every recursion
//! and the depth of every product's blocks are fixed by the sizes alone, so the bits depend neither
//! on the instruction set nor on the number of threads, which only share out rows or columns.

pub(crate) mod cholesky;
pub(crate) mod gemm;
pub(crate) mod lu;
pub(crate) mod svd;
pub(crate) mod triangular;

use ainv_kernels::Kernels;
use ainv_kernels::scalar::Scalar;
use ainv_streams::Cancel;

/// With what a blocked algorithm runs.
pub(crate) struct Context<'a, T: Scalar> {
    pub kernels: &'static Kernels<T>,
    /// How many threads may share the work.
    pub threads: usize,
    pub cancel: Option<&'a Cancel>,
}

impl<T: Scalar> Context<'_, T> {
    /// The same on the calling thread alone.
    pub(crate) fn sequential(&self) -> Self {
        Context { threads: 1, ..*self }
    }

    /// The threads that `flops` multiply-adds are worth: none is woken for under about 50 us.
    pub(crate) fn threads_for(&self, m: usize, n: usize, k: usize) -> usize {
        let work = m as f64 * n as f64 * k as f64 * if T::COMPLEX { 4.0 } else { 1.0 };
        if work < 1e6 { 1 } else { self.threads }
    }
}

/// A pointer that tasks share; each writes its own rows or columns.
#[derive(Clone, Copy)]
pub(crate) struct Shared<T>(pub *mut T);
// SAFETY: the tasks that share it touch disjoint elements.
unsafe impl<T> Send for Shared<T> {}
// SAFETY: as above.
unsafe impl<T> Sync for Shared<T> {}
impl<T> Shared<T> {
    /// A method, so that a closure captures the whole and not the pointer inside.
    #[inline(always)]
    pub(crate) fn get(self) -> *mut T {
        self.0
    }
}

/// Where a recursion over `n` cuts: the half, in whole blocks.
pub(crate) fn half(n: usize, block: usize) -> usize {
    (n / 2).next_multiple_of(block)
}
