//! What runs jobs, compiled here for the four scalars. As generic functions the algorithms would be compiled anew in
//! every crate that calls them, which takes minutes.

use super::cpu;
#[cfg(feature = "cuda")]
use super::cuda::arrays::{self, Place};
#[cfg(feature = "cuda")]
use super::cuda::waiting::Waiting;
use super::job::{self, Job};
use crate::error::Error;
use crate::op::pinv::Way;
use crate::op::{self, Kind};
use crate::options::{Norm, Options, PinvOptions};
use crate::plan::Plan;
use crate::stack::{Stack, StackMut};
use crate::status::{Status, Summary};
use ainv_kernels::scalar::{EachScalar, Scalar, c32, c64};

type Pinv<T> = fn(
    Stack<T>,
    StackMut<T>,
    &PinvOptions,
    &mut [Status],
    &Options,
    &(dyn Fn(usize, Way) + Sync),
) -> Result<Summary, Error>;
#[cfg(feature = "cuda")]
type PinvOnCuda<T> =
    fn(&Stack<T>, &StackMut<T>, &PinvOptions, Place, &Options) -> Result<Waiting, Error>;
#[cfg(feature = "cuda")]
type RcondOnCuda<T> = fn(&Stack<T>, Norm, u64, usize, &Options) -> Result<(), Error>;
type Rcond<T> = fn(Stack<T>, Norm, &mut [<T as Scalar>::Real], &Options) -> Result<(), Error>;
type Matmul<T> = fn(&Stack<T>, &Stack<T>, &StackMut<T>, &Options) -> Result<(), Error>;

/// What is done of a scalar, on the device of its stream.
pub(crate) struct Driver<T: Scalar> {
    pub plan: fn(&Job<T>) -> Result<Plan, Error>,
    /// The largest order whose matrices run in lanes.
    pub largest_in_lanes: fn(Kind) -> usize,
    pub run: fn(Job<T>) -> Result<Summary, Error>,
    pub pinv_plan: fn(&Stack<T>, &Options) -> Result<Plan, Error>,
    pub pinv: Pinv<T>,
    pub rcond: Rcond<T>,
    pub matmul: Matmul<T>,
    /// Of stacks in the memory of CUDA's device.
    #[cfg(feature = "cuda")]
    pub run_on_cuda: fn(Job<T>, Place) -> Result<Waiting, Error>,
    #[cfg(feature = "cuda")]
    pub pinv_on_cuda: PinvOnCuda<T>,
    #[cfg(feature = "cuda")]
    pub rcond_on_cuda: RcondOnCuda<T>,
}

impl<T: Scalar> Driver<T> {
    const fn new() -> Driver<T> {
        Driver {
            plan: |job| job.plan(),
            largest_in_lanes: |kind| op::of::<T>(kind).largest_in_lanes(),
            run: |job| job.run_on_its_device(),
            pinv_plan: cpu::pinv::plan,
            pinv: job::pinv,
            rcond: job::rcond,
            matmul: cpu::product::matmul,
            #[cfg(feature = "cuda")]
            run_on_cuda: arrays::run,
            #[cfg(feature = "cuda")]
            pinv_on_cuda: arrays::pinv,
            #[cfg(feature = "cuda")]
            rcond_on_cuda: arrays::rcond,
        }
    }

    #[inline]
    pub(crate) fn get() -> &'static Driver<T> {
        T::of::<Drivers>()
    }
}

// Statics, which no other crate compiles.
static F32: Driver<f32> = Driver::new();
static F64: Driver<f64> = Driver::new();
static C32: Driver<c32> = Driver::new();
static C64: Driver<c64> = Driver::new();

struct Drivers;

impl EachScalar for Drivers {
    type Of<T: Scalar> = &'static Driver<T>;
    const F32: &'static Driver<f32> = &F32;
    const F64: &'static Driver<f64> = &F64;
    const C32: &'static Driver<c32> = &C32;
    const C64: &'static Driver<c64> = &C64;
}
