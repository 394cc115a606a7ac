//! Aligned buffers for scratch, and for large results whose owners want it so, that are kept between calls: memory
//! that is new costs the system's clearing it.

use crate::error::Error;
use crate::memory;
use std::alloc::{Layout, alloc, dealloc};
use std::cell::RefCell;
use std::ops::RangeInclusive;
use std::ptr::NonNull;
use std::sync::Mutex;
#[cfg(debug_assertions)]
use std::sync::atomic::{AtomicU8, Ordering};

/// Every buffer begins at a multiple of a cache line, the widest register.
pub(crate) const ALIGN: usize = 64;
/// What a thread keeps: enough for an order of 1024 in double precision, twice.
const OWN: usize = 20 << 20;
/// What is kept beyond that, for whichever thread comes next: enough for an order of 4096 in double precision, and its
/// result in single. It is lent to the system meanwhile; where that cannot be, a buffer goes back when its use ends.
const COMMON: usize = if memory::CAN_LEND { 200 << 20 } else { 0 };
/// Bytes from which on a buffer may be kept in common.
const COMMON_FROM: usize = 4 << 20;
/// The largest buffer that may be kept.
pub(crate) const KEPT_UP_TO: usize = if COMMON > OWN { COMMON } else { OWN };

/// An owned, uninitialised, aligned block.
struct Buffer {
    ptr: NonNull<u8>,
    layout: Layout,
}

// SAFETY: a block of memory, of whoever owns it.
unsafe impl Send for Buffer {}

impl Buffer {
    /// A new one; if there is no memory for it, without what this thread and all of them keep.
    fn new(bytes: usize) -> Result<Buffer, Error> {
        let layout =
            Layout::from_size_align(bytes.max(ALIGN), ALIGN).map_err(|_| Error::Overflow)?;
        // SAFETY: the layout's size is not zero.
        let new = || NonNull::new(unsafe { alloc(layout) });
        let again = || {
            release();
            release_common();
            new()
        };
        let ptr = new().or_else(again).ok_or(Error::OutOfMemory { bytes })?;
        memory::advise_huge(ptr.as_ptr(), layout.size());
        Ok(Buffer { ptr, layout })
    }

    fn size(&self) -> usize {
        self.layout.size()
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        // SAFETY: allocated in `new` with this layout.
        unsafe { dealloc(self.ptr.as_ptr(), self.layout) }
    }
}

/// Where the smallest one stands that has so many bytes, of equals the one kept last: its pages are the likeliest to be
/// there still.
fn fitting(kept: &[Buffer], bytes: RangeInclusive<usize>) -> Option<usize> {
    let fits = (0..kept.len()).rev().filter(|&i| bytes.contains(&kept[i].size()));
    fits.min_by_key(|&i| kept[i].size())
}

/// The smallest one that fits of what this thread and all of them keep: a large one is for the large request that may
/// be nested in this.
fn kept(bytes: usize) -> Option<Buffer> {
    let mut lent = if bytes >= COMMON_FROM { LENT.try_lock().ok() } else { None };
    let kept = KEPT.try_with(|own| {
        let mut own = own.borrow_mut();
        let mine = fitting(&own, bytes..=usize::MAX);
        if let Some(lent) = &mut lent
            && let Some(i) = fitting(lent, bytes..=usize::MAX)
            && mine.is_none_or(|mine| lent[i].size() < own[mine].size())
        {
            return Some(lent.remove(i));
        }
        mine.map(|i| own.remove(i))
    });
    // A thread that ends keeps nothing.
    kept.ok().flatten()
}

/// Keeps it if all of them are no more than `most` bytes, and there is memory for the list.
fn keep(kept: &mut Vec<Buffer>, buffer: Buffer, most: usize) -> Result<(), Buffer> {
    let held: usize = kept.iter().map(Buffer::size).sum();
    if held + buffer.size() > most || kept.try_reserve(1).is_err() {
        return Err(buffer);
    }
    kept.push(buffer);
    Ok(())
}

/// Keeps it for all threads; what has been kept the longest makes room.
fn keep_in_common(mut buffer: Buffer) {
    let size = buffer.size();
    if !(COMMON_FROM..=COMMON).contains(&size) || !memory::lend(buffer.ptr.as_ptr(), size) {
        return;
    }
    let Ok(mut lent) = LENT.try_lock() else { return };
    while let Err(back) = keep(&mut lent, buffer, COMMON) {
        if lent.is_empty() {
            return;
        }
        lent.remove(0);
        buffer = back;
    }
}

/// The byte that fills new scratch in a debug build. This one makes NaN, so that a test fails where scratch is
/// read before it is written. Tests choose others.
#[cfg(debug_assertions)]
pub static SCRATCH_FILL: AtomicU8 = AtomicU8::new(0xff);

thread_local! {
    static KEPT: RefCell<Vec<Buffer>> = const { RefCell::new(Vec::new()) };
}

/// What is kept in common. Nobody waits for it: a process that was forked while it was held never gets it.
static LENT: Mutex<Vec<Buffer>> = Mutex::new(Vec::new());

/// Scratch that is kept when its use ends.
pub(crate) struct Scratch(Option<Buffer>);

impl Scratch {
    /// `len` uninitialised elements.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub(crate) fn new<T>(len: usize) -> Result<Scratch, Error> {
        let bytes = len.checked_mul(size_of::<T>()).ok_or(Error::Overflow)?;
        let buffer = match kept(bytes) {
            Some(buffer) => buffer,
            None => Buffer::new(bytes)?,
        };
        // Miri itself sees what is read before it was written.
        #[cfg(all(debug_assertions, not(miri)))]
        // SAFETY: the buffer spans `bytes`.
        unsafe {
            buffer.ptr.as_ptr().write_bytes(SCRATCH_FILL.load(Ordering::Relaxed), bytes)
        };
        Ok(Scratch(Some(buffer)))
    }

    pub(crate) fn as_ptr<T>(&self) -> *mut T {
        self.0.as_ref().map_or(std::ptr::null_mut(), |b| b.ptr.as_ptr().cast())
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let Some(buffer) = self.0.take() else { return };
        // A thread that ends keeps nothing.
        let own = KEPT.try_with(|kept| keep(&mut kept.borrow_mut(), buffer, OWN));
        if let Ok(Err(buffer)) = own {
            keep_in_common(buffer);
        }
    }
}

/// The memory of a large result. It is kept in common when the result is gone.
pub struct Large(Option<Buffer>);

impl Large {
    /// Whether so many bytes would be kept.
    pub fn is_kept(bytes: usize) -> bool {
        (COMMON_FROM..=COMMON).contains(&bytes)
    }

    /// Uninitialised bytes. They may stay for long, so none of what is kept stands for much fewer.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn new(bytes: usize) -> Result<Large, Error> {
        let most = bytes.saturating_add(bytes / 8);
        let kept = LENT.try_lock().ok().and_then(|mut lent| {
            let i = fitting(&lent, bytes..=most)?;
            Some(lent.remove(i))
        });
        Ok(Large(Some(kept.map_or_else(|| Buffer::new(bytes), Ok)?)))
    }

    /// Where they begin: at a multiple of a cache line.
    pub fn as_ptr(&self) -> *mut u8 {
        self.0.as_ref().map_or(std::ptr::null_mut(), |b| b.ptr.as_ptr())
    }
}

impl Drop for Large {
    fn drop(&mut self) {
        if let Some(buffer) = self.0.take() {
            keep_in_common(buffer);
        }
    }
}

/// Runs `f` with `len` uninitialised elements. Calls may be nested.
///
/// # Errors
/// [`Error::OutOfMemory`], and what `f` returns.
pub(crate) fn with<T, R>(
    len: usize,
    f: impl FnOnce(*mut T) -> Result<R, Error>,
) -> Result<R, Error> {
    let scratch = Scratch::new::<T>(len)?;
    f(scratch.as_ptr())
}

/// Gives back what this thread keeps.
pub(crate) fn release() {
    let _ = KEPT.try_with(|kept| kept.borrow_mut().clear());
}

/// Gives back what is kept in common.
pub fn release_common() {
    if let Ok(mut lent) = LENT.try_lock() {
        lent.clear();
    }
}
