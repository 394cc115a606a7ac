//! Memory between two pages that nobody may touch.

use rustix::mm::{MapFlags, MprotectFlags, ProtFlags, mmap_anonymous, mprotect, munmap};
use std::alloc::{GlobalAlloc, Layout, System};
use std::ffi::c_void;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

const PAGE: usize = 4096;
/// What stands around a block within its own pages, and must stand there at its end.
const CANARY: u8 = 0xa5;

/// Whether the next blocks end at the page behind them; else they begin at the page before them.
pub(crate) static AT_THE_END: AtomicBool = AtomicBool::new(true);

/// `len` bytes with a page before and one behind that fault, at one end exactly as far as the alignment
/// lets; `None` if there is no memory.
fn fenced(layout: Layout) -> Option<*mut u8> {
    assert_eq!(rustix::param::page_size() % PAGE, 0);
    let room = layout.size().next_multiple_of(PAGE);
    let access = ProtFlags::READ | ProtFlags::WRITE;
    // SAFETY: new memory.
    let base = unsafe { mmap_anonymous(null_mut(), room + 2 * PAGE, access, MapFlags::PRIVATE) };
    let base = base.ok()?.cast::<u8>();
    let before = room - layout.size().next_multiple_of(layout.align());
    let before = if AT_THE_END.load(Relaxed) { before } else { 0 };
    // SAFETY: pages of the new memory; the block and what is around it lie in those between.
    unsafe {
        for fence in [base, base.add(PAGE + room)] {
            mprotect(fence.cast::<c_void>(), PAGE, MprotectFlags::empty()).ok()?;
        }
        base.add(PAGE).write_bytes(CANARY, room);
        Some(base.add(PAGE + before))
    }
}

/// Gives back what `fenced` gave; whether nothing was written around it.
///
/// # Safety
/// The block is `fenced`'s, of this layout.
unsafe fn release(block: *mut u8, layout: Layout) -> bool {
    let room = layout.size().next_multiple_of(PAGE);
    let before = block.addr() % PAGE;
    // SAFETY: the caller's promise.
    unsafe {
        let pages = block.sub(before);
        let around = |from: usize, to: usize| (from..to).all(|at| pages.add(at).read() == CANARY);
        let intact = around(0, before) && around(before + layout.size(), room);
        let done = munmap(pages.sub(PAGE).cast(), room + 2 * PAGE);
        intact && done.is_ok()
    }
}

/// The system's allocator, but for what is aligned to a cache line, which is ainv's scratch: it is fenced.
struct Fencing;

#[global_allocator]
static ALLOCATOR: Fencing = Fencing;

// SAFETY: the system's allocator, or new pages, which hold the block.
unsafe impl GlobalAlloc for Fencing {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if layout.align() == 64 {
            return fenced(layout).unwrap_or(null_mut());
        }
        // SAFETY: the caller's.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, p: *mut u8, layout: Layout) {
        if layout.align() == 64 {
            // SAFETY: of `alloc`.
            if !unsafe { release(p, layout) } {
                testkit::say("written beside scratch");
                std::process::abort();
            }
            return;
        }
        // SAFETY: the caller's.
        unsafe { System.dealloc(p, layout) }
    }
}

/// Elements between fences.
pub(crate) struct Fenced<T> {
    first: *mut T,
    len: usize,
}

// SAFETY: it owns its elements.
unsafe impl<T: Send> Send for Fenced<T> {}
// SAFETY: as above.
unsafe impl<T: Sync> Sync for Fenced<T> {}

impl<T: Copy> Fenced<T> {
    pub(crate) fn new(data: &[T]) -> Self {
        let first = fenced(Self::layout(data.len())).expect("memory").cast::<T>();
        // SAFETY: as many elements as the block has.
        unsafe { first.copy_from_nonoverlapping(data.as_ptr(), data.len()) };
        Fenced { first, len: data.len() }
    }
    fn layout(len: usize) -> Layout {
        Layout::array::<T>(len).unwrap()
    }
    /// To be read; a write faults from now on.
    pub(crate) fn read_only(&self) -> &[T] {
        let pages = self.first.wrapping_byte_sub(self.first.addr() % PAGE);
        let room = (self.len * size_of::<T>()).next_multiple_of(PAGE);
        // SAFETY: the block's own pages, and its elements.
        unsafe {
            mprotect(pages.cast(), room, MprotectFlags::READ).unwrap();
            std::slice::from_raw_parts(self.first, self.len)
        }
    }
    pub(crate) fn as_slice(&self) -> &[T] {
        // SAFETY: its elements.
        unsafe { std::slice::from_raw_parts(self.first, self.len) }
    }
    pub(crate) fn as_mut_slice(&mut self) -> &mut [T] {
        // SAFETY: its elements, lent uniquely.
        unsafe { std::slice::from_raw_parts_mut(self.first, self.len) }
    }
}

impl<T> Drop for Fenced<T> {
    fn drop(&mut self) {
        // SAFETY: `fenced`'s block of this layout.
        let intact = unsafe { release(self.first.cast(), Layout::array::<T>(self.len).unwrap()) };
        assert!(intact || std::thread::panicking(), "written beside the matrices");
    }
}
