//! Scratch: aligned buffers that a thread keeps between calls.

use crate::error::Error;
use std::alloc::{Layout, alloc, dealloc};
use std::cell::RefCell;
use std::ptr::NonNull;
#[cfg(debug_assertions)]
use std::sync::atomic::{AtomicU8, Ordering};

/// Every buffer begins at a multiple of a cache line, the widest register.
const ALIGN: usize = 64;
/// What a thread keeps: enough for an order of 1024 in double precision, twice. A larger buffer goes
/// back to the system when its use ends.
const KEEP: usize = 20 << 20;

/// An owned, uninitialised, aligned block.
struct Buffer {
    ptr: NonNull<u8>,
    layout: Layout,
}

impl Buffer {
    fn new(bytes: usize) -> Result<Buffer, Error> {
        let layout =
            Layout::from_size_align(bytes.max(ALIGN), ALIGN).map_err(|_| Error::Overflow)?;
        // SAFETY: the layout's size is not zero.
        let ptr = NonNull::new(unsafe { alloc(layout) }).ok_or(Error::OutOfMemory { bytes })?;
        Ok(Buffer { ptr, layout })
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        // SAFETY: allocated in `new` with this layout.
        unsafe { dealloc(self.ptr.as_ptr(), self.layout) }
    }
}

/// The byte that fills new scratch in a debug build. This one makes NaN, so that a test fails where scratch is
/// read before it is written. Tests choose others.
#[cfg(debug_assertions)]
pub static SCRATCH_FILL: AtomicU8 = AtomicU8::new(0xff);

thread_local! {
    static KEPT: RefCell<Vec<Buffer>> = const { RefCell::new(Vec::new()) };
}

/// Runs `f` with `len` uninitialised elements. Calls may be nested.
///
/// # Errors
/// [`Error::OutOfMemory`], and what `f` returns.
pub(crate) fn with<T, R>(
    len: usize,
    f: impl FnOnce(*mut T) -> Result<R, Error>,
) -> Result<R, Error> {
    let bytes = len.checked_mul(size_of::<T>()).ok_or(Error::Overflow)?;
    let fits = |b: &Buffer| b.layout.size() >= bytes;
    // The smallest that fits: a large one is for the large request that may be nested in this.
    let kept = KEPT.with_borrow_mut(|k| {
        let fitting = (0..k.len()).filter(|&i| fits(&k[i]));
        fitting.min_by_key(|&i| k[i].layout.size()).map(|i| k.swap_remove(i))
    });
    let buffer = match kept {
        Some(b) => b,
        None => Buffer::new(bytes)?,
    };
    // Miri itself sees what is read before it was written.
    #[cfg(all(debug_assertions, not(miri)))]
    // SAFETY: the buffer spans `bytes`.
    unsafe {
        buffer.ptr.as_ptr().write_bytes(SCRATCH_FILL.load(Ordering::Relaxed), bytes)
    };
    let result = f(buffer.ptr.as_ptr().cast());
    KEPT.with_borrow_mut(|k| {
        let held: usize = k.iter().map(|b| b.layout.size()).sum();
        if held + buffer.layout.size() <= KEEP {
            k.push(buffer);
        }
    });
    result
}

/// Gives back what this thread keeps.
pub(crate) fn release() {
    KEPT.with_borrow_mut(Vec::clear);
}
