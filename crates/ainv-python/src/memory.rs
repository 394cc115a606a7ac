//! Memory of large results: an allocator for NumPy (NEP 49) that keeps what an array leaves for the next one, as the
//! library keeps its scratch. Memory that is new costs the system's clearing it.

use ainv::Large;
use pyo3::exceptions::PyMemoryError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyCapsule;
use std::ffi::{CStr, c_void};
use std::ptr::{NonNull, null_mut};

/// `PyDataMem_Handler` of NumPy's ndarraytypes.h, with the `PyDataMemAllocator` in it.
#[repr(C)]
struct Handler {
    name: [u8; 127],
    version: u8,
    context: *mut c_void,
    malloc: unsafe extern "C" fn(*mut c_void, usize) -> *mut c_void,
    calloc: unsafe extern "C" fn(*mut c_void, usize, usize) -> *mut c_void,
    realloc: unsafe extern "C" fn(*mut c_void, *mut c_void, usize) -> *mut c_void,
    free: unsafe extern "C" fn(*mut c_void, *mut c_void, usize),
}

// SAFETY: never written, and without a context.
unsafe impl Sync for Handler {}

static HANDLER: Handler = Handler {
    name: {
        let mut name = [0; 127];
        name.split_at_mut(4).0.copy_from_slice(b"ainv");
        name
    },
    version: 1,
    context: null_mut(),
    malloc,
    calloc,
    realloc,
    free,
};

/// What stands before an array's bytes.
struct Head {
    size: usize,
    /// What both are part of, dropped with them.
    _memory: Large,
}

/// Its bytes: a cache line.
const HEAD: usize = 64;

fn head(bytes: *mut c_void) -> *mut Head {
    bytes.wrapping_byte_sub(HEAD).cast()
}

unsafe extern "C" fn malloc(_: *mut c_void, size: usize) -> *mut c_void {
    const { assert!(size_of::<Head>() <= HEAD) };
    let Some(whole) = size.checked_add(HEAD) else { return null_mut() };
    let Ok(memory) = Large::new(whole) else { return null_mut() };
    let start = memory.as_ptr();
    // SAFETY: `whole` bytes, aligned to a cache line.
    unsafe {
        start.cast::<Head>().write(Head { size, _memory: memory });
        start.add(HEAD).cast()
    }
}

unsafe extern "C" fn calloc(context: *mut c_void, count: usize, size: usize) -> *mut c_void {
    let Some(size) = count.checked_mul(size) else { return null_mut() };
    // SAFETY: the bytes that it returns, if any.
    unsafe {
        let bytes = malloc(context, size);
        if !bytes.is_null() {
            bytes.write_bytes(0, size);
        }
        bytes
    }
}

unsafe extern "C" fn realloc(context: *mut c_void, old: *mut c_void, size: usize) -> *mut c_void {
    // SAFETY: both are of `malloc`, or null.
    unsafe {
        let new = malloc(context, size);
        if !new.is_null() && !old.is_null() {
            new.copy_from_nonoverlapping(old, size.min((*head(old)).size));
            free(context, old, 0);
        }
        new
    }
}

unsafe extern "C" fn free(_: *mut c_void, bytes: *mut c_void, _: usize) {
    if !bytes.is_null() {
        // SAFETY: of `malloc`; nobody reads it again.
        drop(unsafe { head(bytes).read() });
    }
}

/// What of NumPy's table of functions chooses the allocator; rust-numpy has no names for it. The slots are those of
/// NumPy 1.22 and everything since.
struct Table {
    set_handler: unsafe extern "C" fn(*mut ffi::PyObject) -> *mut ffi::PyObject,
    get_handler: unsafe extern "C" fn() -> *mut ffi::PyObject,
    default: *const *mut ffi::PyObject,
    ours: Py<PyCapsule>,
}

// SAFETY: functions and a variable of NumPy's, which live as long as the process; used by attached threads.
unsafe impl Send for Table {}
// SAFETY: as above.
unsafe impl Sync for Table {}

impl Table {
    fn new(py: Python<'_>) -> PyResult<Table> {
        const HANDLERS: &CStr = c"mem_handler";
        let module = py.import("numpy._core.multiarray");
        let module = module.or_else(|_| py.import("numpy.core.multiarray"))?;
        let capsule = module.getattr("_ARRAY_API")?.cast_into::<PyCapsule>()?;
        let slots = capsule.pointer_checked(None)?.cast::<*const c_void>();
        // NumPy keeps the table for as long as the process lives.
        std::mem::forget(capsule);
        let handler = NonNull::from(&HANDLER).cast();
        // SAFETY: the slots' own types. A static is never freed, and NumPy does not write to it.
        unsafe {
            let ours = PyCapsule::new_with_pointer(py, handler, HANDLERS)?.unbind();
            Ok(Table {
                set_handler: slots.add(304).cast().read(),
                get_handler: slots.add(305).cast().read(),
                default: slots.add(306).read().cast(),
                ours,
            })
        }
    }

    /// Whether the caller has chosen no allocator of their own.
    fn is_default(&self, py: Python<'_>) -> PyResult<bool> {
        // SAFETY: this thread is attached. The variable is set when NumPy is imported.
        unsafe {
            let chosen = Bound::from_owned_ptr_or_err(py, (self.get_handler)())?;
            Ok(chosen.as_ptr() == self.default.read())
        }
    }

    /// Sets the allocator of this context for new arrays, and returns the one before.
    fn set<'py>(
        &self,
        py: Python<'py>,
        handler: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        // SAFETY: this thread is attached; a capsule of a handler.
        unsafe { Bound::from_owned_ptr_or_err(py, (self.set_handler)(handler.as_ptr())) }
    }
}

/// Runs `new`, which makes an array of so many bytes: if it is large, in memory that will be kept for the next one; if
/// there is no memory for it, once more without what is kept.
pub(crate) fn kept<R>(py: Python<'_>, bytes: usize, new: impl Fn() -> PyResult<R>) -> PyResult<R> {
    static TABLE: PyOnceLock<Table> = PyOnceLock::new();
    if Large::is_kept(bytes.saturating_add(HEAD)) {
        let table = TABLE.get_or_try_init(py, || Table::new(py))?;
        if table.is_default(py)? {
            let before = table.set(py, table.ours.bind(py).as_any())?;
            let array = new();
            table.set(py, &before)?;
            return array;
        }
    }
    new().or_else(|error| match error.is_instance_of::<PyMemoryError>(py) {
        true => {
            ainv::release_common();
            new()
        }
        false => Err(error),
    })
}
