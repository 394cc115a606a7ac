//! Scratch: aligned buffers that a thread keeps between calls, because memory that is new costs the system's
//! clearing it.

use crate::error::Error;
use crate::memory;
use std::alloc::{Layout, alloc, dealloc};
use std::cell::RefCell;
use std::ptr::NonNull;
#[cfg(debug_assertions)]
use std::sync::atomic::AtomicU8;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Every buffer begins at a multiple of a cache line, the widest register.
pub(crate) const ALIGN: usize = 64;
/// What a thread keeps: enough for an order of 1024 in double precision, twice.
const KEEP: usize = 20 << 20;
/// What all threads keep beyond that together: enough for an order of 4096 in double precision. The system may take
/// the pages of such a buffer when it needs them. Where it cannot, or there is no place, a buffer goes back to it when
/// its use ends.
const COMMON: usize = if memory::CAN_LEND { 160 << 20 } else { 0 };
/// Bytes of it that are taken.
static TAKEN: AtomicUsize = AtomicUsize::new(0);

/// A place in what is kept in common.
struct Place(usize);

impl Place {
    fn new(bytes: usize) -> Option<Place> {
        let fits = |taken: usize| taken.checked_add(bytes).filter(|&sum| sum <= COMMON);
        TAKEN.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits).ok().map(|_| Place(bytes))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        TAKEN.fetch_sub(self.0, Ordering::Relaxed);
    }
}

/// A buffer between two uses; it is in common if it has a place there.
struct Kept {
    buffer: Buffer,
    common: Option<Place>,
}

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
        memory::advise_huge(ptr.as_ptr(), layout.size());
        Ok(Buffer { ptr, layout })
    }
}

impl Kept {
    fn size(&self) -> usize {
        self.buffer.layout.size()
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
    static KEPT: RefCell<Vec<Kept>> = const { RefCell::new(Vec::new()) };
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
    // The smallest that fits: a large one is for the large request that may be nested in this.
    let kept = KEPT.with_borrow_mut(|k| {
        let fitting = (0..k.len()).filter(|&i| k[i].size() >= bytes);
        fitting.min_by_key(|&i| k[i].size()).map(|i| k.swap_remove(i))
    });
    let buffer = match kept {
        Some(kept) => kept.buffer,
        None => Buffer::new(bytes)?,
    };
    // Miri itself sees what is read before it was written.
    #[cfg(all(debug_assertions, not(miri)))]
    // SAFETY: the buffer spans `bytes`.
    unsafe {
        buffer.ptr.as_ptr().write_bytes(SCRATCH_FILL.load(Ordering::Relaxed), bytes)
    };
    let result = f(buffer.ptr.as_ptr().cast());
    keep(buffer);
    result
}

fn keep(buffer: Buffer) {
    let size = buffer.layout.size();
    KEPT.with_borrow_mut(|kept| {
        let own = kept.iter().filter(|k| k.common.is_none());
        if own.map(Kept::size).sum::<usize>() + size <= KEEP {
            kept.push(Kept { buffer, common: None });
        } else if let Some(place) = Place::new(size) {
            memory::lend(buffer.ptr.as_ptr(), size);
            kept.push(Kept { buffer, common: Some(place) });
        }
    });
}

/// Gives back what this thread keeps.
pub(crate) fn release() {
    KEPT.with_borrow_mut(Vec::clear);
}
