//! The driver. Its types are those of cuda.h; handles are numbers to us.

use super::library::functions;
use core::ffi::{CStr, c_char, c_int, c_uint, c_void};
use std::sync::OnceLock;

/// Of contexts, modules, functions and streams: pointers that are the driver's alone.
pub(super) type Handle = usize;
/// Where something is in the device's memory.
pub(super) type Address = u64;

functions! {
    /// The driver's functions.
    Driver {
        cuInit(c_uint);
        cuDriverGetVersion(*mut c_int);
        cuGetErrorString(c_int, *mut *const c_char);
        cuDeviceGetCount(*mut c_int);
        cuDeviceGet(*mut c_int, c_int);
        cuDeviceGetName(*mut c_char, c_int, c_int);
        cuDeviceTotalMem_v2(*mut usize, c_int);
        cuDeviceGetAttribute(*mut c_int, c_int, c_int);
        cuDevicePrimaryCtxRetain(*mut Handle, c_int);
        cuDevicePrimaryCtxRelease_v2(c_int);
        cuCtxPushCurrent_v2(Handle);
        cuCtxPopCurrent_v2(*mut Handle);
        cuModuleLoadData(*mut Handle, *const c_void);
        cuModuleUnload(Handle);
        cuModuleGetFunction(*mut Handle, Handle, *const c_char);
        cuMemAlloc_v2(*mut Address, usize);
        cuMemFree_v2(Address);
        cuMemHostAlloc(*mut *mut c_void, usize, c_uint);
        cuMemFreeHost(*mut c_void);
        cuStreamCreate(*mut Handle, c_uint);
        cuStreamDestroy_v2(Handle);
        cuStreamQuery(Handle);
        cuStreamSynchronize(Handle);
        cuMemcpyHtoDAsync_v2(Address, *const c_void, usize, Handle);
        cuMemcpyDtoHAsync_v2(*mut c_void, Address, usize, Handle);
        cuLaunchKernel(
            Handle, c_uint, c_uint, c_uint, c_uint, c_uint, c_uint, c_uint, Handle, *mut *mut c_void, *mut *mut c_void
        );
    }
}

/// Failures that mean something to us, by their numbers in cuda.h.
pub(super) const OUT_OF_MEMORY: c_int = 2;
pub(super) const NOT_READY: c_int = 600;
/// Whether nothing works any more in a context after this failure, as cuda.h says of each: the process is deinitialised (4),
/// the device is not available (46) or has a fault of its memory or links (214, 220), the context is destroyed (709), a
/// kernel failed (700, 702, 710, 714 to 719), or nobody knows (999).
pub(super) fn is_lasting(outcome: c_int) -> bool {
    matches!(outcome, 4 | 46 | 214 | 220 | 700 | 702 | 709 | 710 | 714..=719 | 999)
}

pub(super) const LIBRARY: &str = if cfg!(windows) { "nvcuda.dll" } else { "libcuda.so.1" };

/// CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR and _MINOR.
const CAPABILITY: [c_int; 2] = [75, 76];

/// The driver, or why there is none.
pub(super) fn driver() -> Result<&'static Driver, String> {
    static DRIVER: OnceLock<Result<Driver, String>> = OnceLock::new();
    let found = DRIVER.get_or_init(|| {
        let driver =
            Driver::open(LIBRARY).map_err(|why| format!("CUDA has no driver here: {why}"))?;
        // SAFETY: it is called before all others.
        driver.ok(unsafe { (driver.cuInit)(0) })?;
        Ok(driver)
    });
    found.as_ref().map_err(String::clone)
}

impl Driver {
    /// # Errors
    /// What the driver says of a number that is not zero.
    pub(super) fn ok(&self, outcome: c_int) -> Result<(), String> {
        if outcome == 0 {
            return Ok(());
        }
        let mut text = std::ptr::null();
        // SAFETY: it writes a pointer to a text that is always there, or leaves it.
        unsafe { (self.cuGetErrorString)(outcome, &mut text) };
        if text.is_null() {
            return Err(format!("CUDA's error {outcome}"));
        }
        // SAFETY: as above.
        let text = unsafe { CStr::from_ptr(text) };
        Err(format!("{} (CUDA's error {outcome})", text.to_string_lossy()))
    }

    /// A number that one of its functions writes.
    fn ask<T: Default>(&self, f: impl FnOnce(&mut T) -> c_int) -> Result<T, String> {
        let mut asked = T::default();
        self.ok(f(&mut asked))?;
        Ok(asked)
    }

    /// The version of CUDA that it serves: 12040 is 12.4.
    pub(super) fn version(&self) -> Result<c_int, String> {
        // SAFETY: it writes a number.
        self.ask(|version| unsafe { (self.cuDriverGetVersion)(version) })
    }

    /// The devices, in its order: the fastest first, unless the user's CUDA_DEVICE_ORDER or CUDA_VISIBLE_DEVICES says another.
    pub(super) fn devices(&self) -> Result<Vec<c_int>, String> {
        // SAFETY: these write a number.
        let count = self.ask(|count| unsafe { (self.cuDeviceGetCount)(count) })?;
        // SAFETY: as above.
        (0..count).map(|i| self.ask(|device| unsafe { (self.cuDeviceGet)(device, i) })).collect()
    }

    pub(super) fn name_of(&self, device: c_int) -> Result<String, String> {
        let mut name = [0 as c_char; 256];
        // SAFETY: it writes a text of so many bytes at most, a zero at its end.
        self.ok(unsafe { (self.cuDeviceGetName)(name.as_mut_ptr(), name.len() as c_int, device) })?;
        // SAFETY: as above.
        Ok(unsafe { CStr::from_ptr(name.as_ptr()) }.to_string_lossy().into_owned())
    }

    /// Bytes.
    pub(super) fn memory_of(&self, device: c_int) -> Result<usize, String> {
        // SAFETY: it writes a number.
        self.ask(|bytes| unsafe { (self.cuDeviceTotalMem_v2)(bytes, device) })
    }

    /// The architecture: 90 is sm_90.
    pub(super) fn architecture_of(&self, device: c_int) -> Result<c_int, String> {
        let [major, minor] = CAPABILITY.map(|which| {
            self.ask(|value| {
                // SAFETY: it writes a number.
                unsafe { (self.cuDeviceGetAttribute)(value, which, device) }
            })
        });
        Ok(major? * 10 + minor?)
    }

    /// The context that the process's other users of the device have, too: PyTorch, CuPy.
    pub(super) fn retain(&self, device: c_int) -> Result<Handle, String> {
        // SAFETY: it writes a handle.
        self.ask(|context| unsafe { (self.cuDevicePrimaryCtxRetain)(context, device) })
    }
}
