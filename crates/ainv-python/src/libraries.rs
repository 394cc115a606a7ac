//! Arrays of other libraries: adapters, written in Python, take them and give them back.

use crate::functions::Any;
use numpy::PyUntypedArray;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyFloat, PyInt, PyList, PyTuple};

/// The adapter for an array that is another library's, a module with a function for each of ours;
/// None for what NumPy reads. NumPy's own arrays and plain Python values are not looked up.
pub(crate) fn adapter<'py>(a: &Any<'py>) -> PyResult<Option<Any<'py>>> {
    static ADAPTER: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    if a.cast::<PyUntypedArray>().is_ok()
        || a.is_exact_instance_of::<PyList>()
        || a.is_exact_instance_of::<PyTuple>()
        || a.is_exact_instance_of::<PyFloat>()
        || a.is_exact_instance_of::<PyInt>()
    {
        return Ok(None);
    }
    let py = a.py();
    let adapter = ADAPTER.import(py, "ainv._libraries", "adapter")?;
    let found = adapter.call1((a.get_type(),))?;
    Ok((!found.is_none()).then_some(found))
}

/// The same where `stream` was given. An array in a GPU's memory goes by its library's current stream; another one of that
/// library is its current one for the call.
pub(crate) fn adapter_on<'py>(
    a: &Any<'py>,
    stream: Option<&Any<'py>>,
) -> PyResult<Option<Any<'py>>> {
    let found = adapter(a)?;
    if let (true, Some(stream), Some(_)) = (cfg!(feature = "cuda"), stream, &found)
        && is_on_cuda(a)?
        && !crate::stream::names_gpu(stream)?
    {
        let within = a.py().import("ainv._libraries")?.getattr("within")?;
        let library = within.call1((&found, stream, a))?;
        if library.is_none() {
            return Err(PyValueError::new_err(
                "the array is in a GPU's memory, where work goes to a stream of the array's library, the current one \
                 where stream= names no other: of torch and CuPy; or copy the array to the CPU",
            ));
        }
        return Ok(Some(library));
    }
    Ok(found)
}

/// Whether an array says by DLPack that it is on a device of CUDA's.
fn is_on_cuda(a: &Any<'_>) -> PyResult<bool> {
    let Some(device) = a.getattr_opt("__dlpack_device__")? else { return Ok(false) };
    let (kind, _): (i32, i32) = device.call0()?.extract()?;
    Ok(kind == 2)
}

/// The name of the device that another library's device or stream means, if it is one.
pub(crate) fn device<'py>(stream: &Any<'py>) -> PyResult<Option<(String, u32)>> {
    let of = stream.py().import("ainv._libraries")?.getattr("device")?;
    of.call1((stream,))?.extract()
}
