//! DLPack, for arrays in the memory of CUDA's device: those of libraries without a way of their own are read by it, and
//! results are given by it. <https://dmlc.github.io/dlpack/latest/>: its structures, and what its streams mean.

use crate::cuda::scalar_named;
use crate::storage::counted;
use ainv::cuda::{self, Mark, Memory, RawStream};
use pyo3::exceptions::{PyBufferError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{IntoPyDict, PyTuple};
use pyo3::{ffi, intern};
use std::ffi::{CStr, c_void};
use std::sync::{Arc, Mutex, PoisonError};

const VERSION: [u32; 2] = [1, 0];
const CUDA: i32 = 2;
/// Codes of dtypes.
const FLOAT: u8 = 2;
const COMPLEX: u8 = 5;
const INT: u8 = 0;

#[repr(C)]
struct Tensor {
    data: *mut c_void,
    device: [i32; 2],
    axes: i32,
    code: u8,
    bits: u8,
    lanes: u16,
    shape: *mut i64,
    strides: *mut i64,
    byte_offset: u64,
}

/// DLManagedTensor.
#[repr(C)]
struct Managed {
    tensor: Tensor,
    context: *mut c_void,
    deleter: Option<unsafe extern "C" fn(*mut Managed)>,
}

/// DLManagedTensorVersioned.
#[repr(C)]
struct Versioned {
    version: [u32; 2],
    context: *mut c_void,
    deleter: Option<unsafe extern "C" fn(*mut Versioned)>,
    flags: u64,
    tensor: Tensor,
}

/// What both are to the two ways that a capsule is made and read.
trait Kind: Sized + 'static {
    const NAME: &'static CStr;
    const USED: &'static CStr;
    fn new(tensor: Tensor, context: *mut c_void) -> Self;
    fn tensor(&self) -> &Tensor;
    fn context(&self) -> *mut c_void;
    /// Calls its deleter.
    ///
    /// # Safety
    /// It is not used afterwards.
    unsafe fn delete(this: *mut Self);
}

macro_rules! kind {
    ($kind:ident, $name:literal, $used:literal, $($more:tt)*) => {
        impl Kind for $kind {
            const NAME: &'static CStr = $name;
            const USED: &'static CStr = $used;
            fn new(tensor: Tensor, context: *mut c_void) -> Self {
                $kind { tensor, context, deleter: Some(deleted::<$kind>), $($more)* }
            }
            fn tensor(&self) -> &Tensor {
                &self.tensor
            }
            fn context(&self) -> *mut c_void {
                self.context
            }
            unsafe fn delete(this: *mut Self) {
                // SAFETY: its maker's function, called once.
                unsafe {
                    if let Some(deleter) = (*this).deleter {
                        deleter(this);
                    }
                }
            }
        }
    };
}
kind!(Managed, c"dltensor", c"used_dltensor",);
kind!(Versioned, c"dltensor_versioned", c"used_dltensor_versioned", version: VERSION, flags: 0);

/// Another library's array, lent to our stream.
#[pyclass(frozen, module = "ainv", name = "_Import")]
pub(crate) struct Import {
    /// Gives it back.
    _managed: Lent,
    view: (u64, Vec<usize>, Vec<isize>, String),
}

enum Lent {
    Managed(*mut Managed),
    Versioned(*mut Versioned),
}

// SAFETY: what is lent is read by no one but the device; deleters may be called by any thread.
unsafe impl Send for Lent {}
// SAFETY: as above.
unsafe impl Sync for Lent {}

impl Drop for Lent {
    fn drop(&mut self) {
        // SAFETY: it was taken out of its capsule, which is marked as used.
        unsafe {
            match *self {
                Lent::Managed(managed) => Kind::delete(managed),
                Lent::Versioned(managed) => Kind::delete(managed),
            }
        }
    }
}

#[pymethods]
impl Import {
    /// Asks for the array, in the order of our stream.
    #[new]
    fn new(array: &Bound<'_, PyAny>) -> PyResult<Import> {
        let py = array.py();
        let stream = own_stream(py)?;
        let keywords = [("stream", stream.handle())].into_py_dict(py)?;
        keywords.set_item("max_version", PyTuple::new(py, VERSION)?)?;
        let name = intern!(py, "__dlpack__");
        let capsule = match array.call_method(name, (), Some(&keywords)) {
            // Older libraries do not know of versions.
            Err(e) if e.is_instance_of::<PyTypeError>(py) => {
                keywords.del_item("max_version")?;
                array.call_method(name, (), Some(&keywords))?
            }
            capsule => capsule?,
        };
        let managed = match taken::<Versioned>(&capsule)? {
            Some(versioned) => Lent::Versioned(versioned),
            None => match taken::<Managed>(&capsule)? {
                Some(managed) => Lent::Managed(managed),
                None => return Err(PyBufferError::new_err("__dlpack__ gave no tensor of DLPack")),
            },
        };
        // SAFETY: the tensor of a capsule, which lives until its deleter is called.
        let tensor = unsafe {
            match managed {
                Lent::Managed(managed) => (*managed).tensor(),
                Lent::Versioned(managed) => {
                    let major = (*managed).version[0];
                    if major != VERSION[0] {
                        return Err(PyBufferError::new_err(format!(
                            "the array came in version {major} of DLPack, version 1 was asked for"
                        )));
                    }
                    (*managed).tensor()
                }
            }
        };
        // SAFETY: as above.
        let view = unsafe { viewed(tensor)? };
        Ok(Import { _managed: managed, view })
    }

    /// Its address, its shape, its strides in elements, the name of its dtype.
    #[getter]
    fn view(&self) -> (u64, Vec<usize>, Vec<isize>, String) {
        self.view.clone()
    }
}

fn own_stream(py: Python<'_>) -> PyResult<RawStream> {
    cuda::own_stream().map_err(|e| crate::error::raise(py, e, &[]))
}

/// The tensor of a capsule that is of this kind, which is marked as used.
fn taken<K: Kind>(capsule: &Bound<'_, PyAny>) -> PyResult<Option<*mut K>> {
    // SAFETY: a live object, and names that stay; the GIL is held.
    unsafe {
        if ffi::PyCapsule_IsValid(capsule.as_ptr(), K::NAME.as_ptr()) == 0 {
            return Ok(None);
        }
        let tensor = ffi::PyCapsule_GetPointer(capsule.as_ptr(), K::NAME.as_ptr());
        if ffi::PyCapsule_SetName(capsule.as_ptr(), K::USED.as_ptr()) != 0 {
            return Err(PyErr::fetch(capsule.py()));
        }
        Ok(Some(tensor.cast()))
    }
}

/// # Safety
/// A tensor that a library made.
unsafe fn viewed(tensor: &Tensor) -> PyResult<(u64, Vec<usize>, Vec<isize>, String)> {
    let Tensor { code, bits, lanes, axes, .. } = *tensor;
    let name = match (code, lanes) {
        (INT, 1) => format!("int{bits}"),
        (FLOAT, 1) => format!("float{bits}"),
        (COMPLEX, 1) => format!("complex{bits}"),
        _ => format!("DLPack's type {code} of {bits} bits"),
    };
    scalar_named(&name)?;
    let axes =
        usize::try_from(axes).map_err(|_| PyBufferError::new_err("a tensor without shape"))?;
    let numbers = |at: *mut i64| {
        // SAFETY: one number an axis, if there is any.
        if axes == 0 { vec![] } else { unsafe { std::slice::from_raw_parts(at, axes) }.to_vec() }
    };
    let shape: Vec<usize> = numbers(tensor.shape).iter().map(|&n| n as usize).collect();
    let strides = match tensor.strides.is_null() {
        true => in_c_order(&shape).iter().map(|&s| s as isize).collect(),
        false => numbers(tensor.strides).iter().map(|&s| s as isize).collect(),
    };
    Ok((tensor.data.addr() as u64 + tensor.byte_offset, shape, strides, name))
}

/// The strides of memory in C order.
fn in_c_order(shape: &[usize]) -> Vec<i64> {
    let mut step = 1;
    let mut strides: Vec<i64> = shape
        .iter()
        .rev()
        .map(|&n| {
            let stride = step;
            step *= n.max(1) as i64;
            stride
        })
        .collect();
    strides.reverse();
    strides
}

/// What our stream still reads.
static KEPT: Mutex<Vec<(Mark, Vec<Py<Import>>)>> = Mutex::new(vec![]);

/// Keeps arrays until the work that our stream was told so far is done; gives back those whose work is.
#[pyfunction]
pub(crate) fn _keep(py: Python<'_>, arrays: Vec<Py<Import>>) -> PyResult<()> {
    let mark = Mark::new().map_err(|e| crate::error::raise(py, e, &[]));
    let lock = || KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    let all = std::mem::take(&mut *lock());
    let (over, mut kept): (Vec<_>, Vec<_>) = all.into_iter().partition(|(mark, _)| mark.is_over());
    kept.push((mark?, arrays));
    lock().extend(kept);
    // Their deleters may do anything, so the list is free.
    drop(over);
    Ok(())
}

/// A result in the device's memory, for `from_dlpack` of any library.
#[pyclass(frozen, module = "ainv", name = "_DeviceArray")]
pub(crate) struct DeviceArray {
    memory: Arc<Memory>,
    shape: Vec<usize>,
    code: u8,
    bits: u8,
}

#[pymethods]
impl DeviceArray {
    /// Of this shape, and of a dtype of this name: nothing stands there yet.
    #[new]
    fn new(py: Python<'_>, shape: Vec<usize>, dtype: &str) -> PyResult<DeviceArray> {
        let (code, bits) = match dtype {
            "int32" => (INT, 32),
            "float32" => (FLOAT, 32),
            "float64" => (FLOAT, 64),
            "complex64" => (COMPLEX, 64),
            "complex128" => (COMPLEX, 128),
            _ => return Err(PyTypeError::new_err(format!("no results of {dtype}"))),
        };
        let entry = usize::from(bits) / 8;
        let memory = counted(&shape, entry)
            .and_then(|count| Memory::new(count * entry))
            .map_err(|e| crate::error::raise(py, e, &[]))?;
        Ok(DeviceArray { memory: Arc::new(memory), shape, code, bits })
    }

    #[getter]
    fn address(&self) -> u64 {
        self.memory.address()
    }

    fn __dlpack_device__(&self, py: Python<'_>) -> PyResult<(i32, i32)> {
        Ok((CUDA, cuda::device().map_err(|e| crate::error::raise(py, e, &[]))?))
    }

    /// A capsule of DLPack's; what `stream` is told from now on finds the array written. -1 is for a consumer that sees to that
    /// itself, None the legacy default stream.
    #[pyo3(signature = (*, stream=None, max_version=None, dl_device=None, copy=None))]
    fn __dlpack__<'py>(
        &self,
        py: Python<'py>,
        stream: Option<i64>,
        max_version: Option<(u32, u32)>,
        dl_device: Option<(i32, i32)>,
        copy: Option<bool>,
    ) -> PyResult<Bound<'py, PyAny>> {
        if copy == Some(true) {
            return Err(PyBufferError::new_err(
                "the array is not copied: copy what you make of it",
            ));
        }
        if dl_device.is_some_and(|device| Ok(device) != self.__dlpack_device__(py).map_err(drop)) {
            return Err(PyBufferError::new_err("the array stays on its device"));
        }
        let stream = match stream {
            None => Some(1),
            Some(-1) => None,
            Some(stream @ 1..) => Some(stream as u64),
            Some(stream) => {
                return Err(PyValueError::new_err(format!(
                    "stream={stream} is none of DLPack's: -1, 1 for the legacy default stream, 2 for the \
                     thread's, or a handle"
                )));
            }
        };
        if let Some(stream) = stream {
            // SAFETY: the consumer's stream, as the protocol has it.
            let stream = unsafe { RawStream::from_raw(stream) };
            self.memory.ready_for(stream).map_err(|e| crate::error::raise(py, e, &[]))?;
        }
        match max_version {
            Some((1.., _)) => self.capsule::<Versioned>(py),
            _ => self.capsule::<Managed>(py),
        }
    }
}

/// What a tensor that we made points to.
struct Held {
    shape: Vec<i64>,
    strides: Vec<i64>,
    _memory: Arc<Memory>,
}

impl DeviceArray {
    fn capsule<'py, K: Kind>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let device = self.__dlpack_device__(py)?;
        let mut held = Box::new(Held {
            shape: self.shape.iter().map(|&n| n as i64).collect(),
            strides: in_c_order(&self.shape),
            _memory: self.memory.clone(),
        });
        let tensor = Tensor {
            data: std::ptr::without_provenance_mut(self.memory.address() as usize),
            device: [device.0, device.1],
            axes: self.shape.len() as i32,
            code: self.code,
            bits: self.bits,
            lanes: 1,
            shape: held.shape.as_mut_ptr(),
            strides: held.strides.as_mut_ptr(),
            byte_offset: 0,
        };
        let managed = Box::into_raw(Box::new(K::new(tensor, Box::into_raw(held).cast())));
        // SAFETY: a pointer that is not null, a name that stays, and a destructor that knows both; the GIL is held.
        unsafe {
            let capsule = ffi::PyCapsule_New(managed.cast(), K::NAME.as_ptr(), Some(unused::<K>));
            Bound::from_owned_ptr_or_err(py, capsule).inspect_err(|_| K::delete(managed))
        }
    }
}

/// The deleter of tensors that we made.
unsafe extern "C" fn deleted<K: Kind>(this: *mut K) {
    // SAFETY: both boxes were made in `capsule`, and this is called once.
    unsafe {
        let managed = Box::from_raw(this);
        drop(Box::from_raw(managed.context().cast::<Held>()));
    }
}

/// The destructor of a capsule: one that no one took its tensor from.
unsafe extern "C" fn unused<K: Kind>(capsule: *mut ffi::PyObject) {
    // SAFETY: the capsule that is destroyed; its tensor is there as long as it has its first name.
    unsafe {
        if ffi::PyCapsule_IsValid(capsule, K::NAME.as_ptr()) != 0 {
            K::delete(ffi::PyCapsule_GetPointer(capsule, K::NAME.as_ptr()).cast());
        }
    }
}
