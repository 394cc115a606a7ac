//! A GPU. matrices.rs, systems.rs, large.rs, pinv.rs and condition.rs compare it with the CPU, device.rs has what is a GPU's own,
//! arrays.rs compares what lies in CUDA's memory with the same from the host; here are the checks of every platform over it, and
//! what these have in common.
//!
//! They run where an adapter is found; where `AINV_GPU` names one (`AINV_GPU=llvmpipe`, in software), it must be.

#[cfg(feature = "cuda")]
mod arrays;
mod condition;
mod device;
mod large;
mod matrices;
mod pinv;
mod systems;

use crate::checks;
use crate::common::for_all_scalars;
use ainv::*;
use std::sync::{Mutex, MutexGuard, PoisonError};
use testkit::{Mat, Rng, say};

/// One test at a time: one of them takes the device away.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether there is a GPU to test.
fn is_there() -> bool {
    let there = device_count(DeviceKind::Gpu) == 1;
    if !there {
        let why = Device::GPU.check().unwrap_err();
        assert!(std::env::var_os("AINV_GPU").is_none(), "{why}");
        say(format!(
            "no test of a GPU ran (Debian's mesa-vulkan-drivers has one in software): {why}"
        ));
    }
    there
}

fn on_gpu(options: Options) -> Options {
    Options { stream: Some(Device::GPU.into()), ..options }
}

/// Whether the GPU computes in `T`; where it does not, it says so.
fn computes<T: Scalar>() -> bool {
    let one = Mat::<T>::identity(1);
    match inv(one.view(), &on_gpu(Options::default())) {
        Ok(_) => true,
        Err(Error::Unsupported { what }) => {
            assert!(what.contains("64-bit") && what.contains("precision="), "{what}");
            assert!(what.contains("ainv.cpu"), "{what}");
            assert!(matches!(T::NAME, "float64" | "complex128"), "{what}");
            // It computes in double precision: were that lost, these tests would pass in silence.
            assert!(std::env::var("AINV_GPU").as_deref() != Ok("llvmpipe"), "{what}");
            false
        }
        Err(error) => panic!("{error}"),
    }
}

/// Runs a check with a GPU's stream as the current one.
fn over_the_gpu<T: Scalar>(check: impl FnOnce()) {
    let _alone = alone();
    if is_there() && computes::<T>() {
        with_stream(Stream::new(Device::GPU).unwrap(), check).unwrap();
    }
}

fn residuals<T: Scalar>() {
    over_the_gpu::<T>(checks::residuals::<T>);
}

fn threads<T: Scalar>() {
    over_the_gpu::<T>(checks::threads::<T>);
}

fn layouts<T: Scalar>() {
    over_the_gpu::<T>(checks::layouts::<T>);
}

fn bad_matrices<T: Scalar>() {
    over_the_gpu::<T>(checks::bad_matrices::<T>);
}

fn random<T: Scalar>(n: usize, rng: &mut Rng) -> Mat<T> {
    Mat::from_fn(n, n, |_, _| testkit::parts(rng.uniform() - 0.5, rng.uniform() - 0.5))
}

mod stamped {
    super::for_all_scalars!(residuals, threads, layouts, bad_matrices);
}
