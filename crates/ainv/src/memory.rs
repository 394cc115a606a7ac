//! Large blocks of memory: huge pages for all of them; for results zeros that no one has touched yet, so that
//! the pages of a large result are first touched by the threads that fill them.

use crate::device::cpu::arena;
use ainv_kernels::scalar::Scalar;
use std::alloc::{Layout, alloc_zeroed};

/// From this size on huge pages are asked for, as NumPy does for its own arrays: a fresh small page
/// costs a fault for every 4 KiB, more than inverting small matrices into it.
#[cfg(all(target_os = "linux", not(miri)))]
const HUGE: usize = 4 << 20;

/// `len` zeros, or `None` if there is no memory for them.
pub(crate) fn zeros<T: Scalar>(len: usize) -> Option<Vec<T>> {
    let layout = Layout::array::<T>(len).ok()?;
    if layout.size() == 0 {
        return Some(Vec::new());
    }
    // SAFETY: the size is not zero.
    let mut p = unsafe { alloc_zeroed(layout) };
    if p.is_null() {
        arena::release();
        arena::release_common();
        // SAFETY: as above.
        p = unsafe { alloc_zeroed(layout) };
    }
    if p.is_null() {
        return None;
    }
    advise_huge(p, layout.size());
    // SAFETY: allocated with the layout of `len` elements; a scalar of zero bytes is zero.
    Some(unsafe { Vec::from_raw_parts(p.cast(), len, len) })
}

/// Asks for huge pages for a large block that no one has touched yet. A refusal changes nothing but the time.
pub(crate) fn advise_huge(p: *mut u8, bytes: usize) {
    #[cfg(all(target_os = "linux", not(miri)))]
    if bytes >= HUGE {
        let _ = advise(p, bytes, rustix::mm::Advice::LinuxHugepage);
    }
    #[cfg(not(all(target_os = "linux", not(miri))))]
    let _ = (p, bytes);
}

/// Whether the system may take back the pages of a block that is in no use.
pub(crate) const CAN_LEND: bool = cfg!(all(target_os = "linux", not(miri)));

/// Lets the system have the pages of a block when it needs them, until they are written again; what stands there is
/// lost. Whether it agrees.
pub(crate) fn lend(p: *mut u8, bytes: usize) -> bool {
    #[cfg(all(target_os = "linux", not(miri)))]
    return advise(p, bytes, rustix::mm::Advice::LinuxFree);
    #[cfg(not(all(target_os = "linux", not(miri))))]
    {
        let _ = (p, bytes);
        false
    }
}

/// Gives advice on the whole pages of a block; whether it is taken.
#[cfg(all(target_os = "linux", not(miri)))]
fn advise(p: *mut u8, bytes: usize, advice: rustix::mm::Advice) -> bool {
    let page = rustix::param::page_size();
    let start = p.addr().next_multiple_of(page);
    let end = (p.addr() + bytes) / page * page;
    let first = p.wrapping_add(start - p.addr()).cast();
    // SAFETY: whole pages of the caller's block, whose content no one reads before writing it.
    start < end && unsafe { rustix::mm::madvise(first, end - start, advice).is_ok() }
}
