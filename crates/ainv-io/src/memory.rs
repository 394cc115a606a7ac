//! How much memory there is, and memory that is asked for with care.

use crate::error::{Cause, Fault, Place};
use sysinfo::{MemoryRefreshKind, System};

/// Bytes of memory that this process could still take: what the system has without swapping, and
/// what its container (on Linux, a control group) leaves. It is the limit of [`read`](crate::read),
/// for a text of a few bytes can declare a matrix of many gigabytes. Where the system does not tell,
/// it is `u64::MAX`.
pub fn available_memory() -> u64 {
    let mut system = System::new();
    system.refresh_memory_specifics(MemoryRefreshKind::nothing().with_ram());
    let container = system.cgroup_limits().map_or(u64::MAX, |limits| limits.free_memory);
    match system.available_memory() {
        0 => container,
        known => known.min(container),
    }
}

/// Whether that many numbers of `size` bytes may be held in memory.
pub(crate) fn within(numbers: usize, size: usize, limit: u64) -> Result<(), Fault> {
    let bytes = (numbers as u64).saturating_mul(size as u64);
    if bytes > limit {
        return Err(Fault::new(Place::File, Cause::Memory { bytes, limit: Some(limit) }));
    }
    Ok(())
}

/// Room for `more` numbers at the end, and no more than that.
pub(crate) fn reserve<T>(numbers: &mut Vec<T>, more: usize) -> Result<(), Fault> {
    numbers.try_reserve_exact(more).map_err(|_| {
        let bytes = (numbers.len() + more).saturating_mul(size_of::<T>()) as u64;
        Fault::new(Place::File, Cause::Memory { bytes, limit: None })
    })
}

/// Zeros.
pub(crate) fn zeros<T: Copy + Default>(count: usize) -> Result<Vec<T>, Fault> {
    let mut numbers = Vec::new();
    reserve(&mut numbers, count)?;
    numbers.resize(count, T::default());
    Ok(numbers)
}
