//! Arrays of other libraries: adapters, written in Python, take them and give them back.

use crate::functions::Any;
use numpy::PyUntypedArray;
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

/// The name of the device that another library's device or stream means, if it is one.
pub(crate) fn device<'py>(stream: &Any<'py>) -> PyResult<Option<(String, u32)>> {
    let of = stream.py().import("ainv._libraries")?.getattr("device")?;
    of.call1((stream,))?.extract()
}
