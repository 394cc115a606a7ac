//! ainv's errors as Python's exceptions.

use crate::place;
use crate::storage::Failure;
use ainv::Error;
use pyo3::exceptions::{
    PyKeyboardInterrupt, PyMemoryError, PyRuntimeError, PyRuntimeWarning, PyValueError,
};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{IntoPyDict, PyTuple, PyType};

const DOC: &str = "\
A matrix has no result, or the shapes do not fit.

It is NumPy's ``LinAlgError`` (hence a ``ValueError``) and a ``RuntimeError`` too, so that code
written for NumPy, torch or MLX catches it.

Attributes
----------
batch_index : tuple of int or None
    The first matrix of the stack that has no result, as an index into the leading dimensions; ``()``
    for a single matrix, None if the shapes are at fault.
diagonal : int or None
    The 1-based number of the pivot that is zero or not positive, if that is the reason.
rcond : float or None
    The reciprocal condition number, if the matrix is only nearly singular: see `ill_conditioned`.

Examples
--------
>>> import ainv
>>> try:
...     ainv.inv([[[1.0, 0.0], [0.0, 1.0]], [[1.0, 2.0], [2.0, 4.0]]])
... except ainv.LinAlgError as e:
...     print(e.batch_index, e.diagonal)
(1,) 2
";

const WARNING_DOC: &str = "\
A matrix is so nearly singular that its inverse may have no correct digit.

`ill_conditioned` says whether this is asked, and how near that is.

Attributes
----------
batch_index : tuple of int or None
    The first such matrix of the stack, as an index into the leading dimensions.
rcond : float or None
    Its reciprocal condition number.

Examples
--------
>>> import warnings
>>> import ainv
>>> with warnings.catch_warnings(record=True) as caught, ainv.ill_conditioned(\"warn\", 1e-3):
...     warnings.simplefilter(\"always\")
...     x = ainv.inv([[1.0, 0.0], [0.0, 1e-4]])
>>> warning = caught[0].message
>>> warning.batch_index, warning.rcond
((), 0.0001)
";

/// The class of warnings, made once: with attributes, which `create_exception!` cannot give.
pub(crate) fn warning_class(py: Python<'_>) -> PyResult<&Bound<'_, PyType>> {
    static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let class = CLASS.get_or_try_init(py, || {
        let bases = PyTuple::new(py, [py.get_type::<PyRuntimeWarning>()])?;
        let body = [("__module__", "ainv"), ("__doc__", WARNING_DOC)].into_py_dict(py)?;
        body.set_item("batch_index", py.None())?;
        body.set_item("rcond", py.None())?;
        let class = py.get_type::<PyType>().call1(("LinAlgWarning", bases, body))?;
        PyResult::Ok(class.cast_into::<PyType>()?.unbind())
    })?;
    Ok(class.bind(py))
}

/// Warns of a matrix of a stack with the leading dimensions `batch`, at the line that called ainv.
pub(crate) fn warn(py: Python<'_>, error: &Error, text: String, batch: &[usize]) -> PyResult<()> {
    let warning = warning_class(py)?.call1((text,))?;
    if let Error::IllConditioned { index, rcond, .. } = error {
        warning.setattr("batch_index", PyTuple::new(py, unravel(*index, batch))?)?;
        warning.setattr("rcond", rcond)?;
    }
    let level = [("stacklevel", 1 + place::own_frames(py)?)].into_py_dict(py)?;
    py.import("warnings")?.call_method("warn", (warning,), Some(&level))?;
    Ok(())
}

/// Warns of what became of work that was enqueued.
pub(crate) fn warn_late(py: Python<'_>, failure: &Failure) -> PyResult<()> {
    warn(py, &failure.error, late(failure), &failure.batch)
}

/// The text of a failure, with the line that enqueued the work.
fn late(Failure { error, place, .. }: &Failure) -> String {
    match place {
        Some(place) => format!("{error} (enqueued at {place})"),
        None => error.to_string(),
    }
}

/// The class, made once: two bases, which `create_exception!` cannot give.
pub(crate) fn class(py: Python<'_>) -> PyResult<&Bound<'_, PyType>> {
    static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let class = CLASS.get_or_try_init(py, || {
        let numpy = py.import("numpy.linalg")?.getattr("LinAlgError")?;
        let bases = PyTuple::new(py, [numpy, py.get_type::<PyRuntimeError>().into_any()])?;
        let body = [("__module__", "ainv"), ("__doc__", DOC)].into_py_dict(py)?;
        body.set_item("batch_index", py.None())?;
        body.set_item("diagonal", py.None())?;
        body.set_item("rcond", py.None())?;
        let class = py.get_type::<PyType>().call1(("LinAlgError", bases, body))?;
        PyResult::Ok(class.cast_into::<PyType>()?.unbind())
    })?;
    Ok(class.bind(py))
}

/// Shapes that do not fit the operation.
pub(crate) fn shape(py: Python<'_>, what: String) -> PyErr {
    match class(py) {
        Ok(class) => PyErr::from_type(class.clone(), what),
        Err(error) => error,
    }
}

/// `error` of a call whose leading dimensions are `batch`.
pub(crate) fn raise(py: Python<'_>, error: Error, batch: &[usize]) -> PyErr {
    let text = match &error {
        Error::Panicked { what } => format!("ainv failed, which is a bug in it: {what}"),
        error => error.to_string(),
    };
    told(py, error, text, batch)
}

/// What became of work that was enqueued: its error, with the line that enqueued it.
pub(crate) fn raise_late(py: Python<'_>, failure: &Failure) -> PyErr {
    let Failure { error, batch, place, .. } = failure;
    let text = late(failure);
    let error = match error {
        // Not by Ctrl-C: that ends a wait, never the work.
        Error::Cancelled => PyRuntimeError::new_err(format!("the work was {text}")),
        error => told(py, error.clone(), text, batch),
    };
    let Some(place) = place else { return error };
    // Notes came with Python 3.11.
    let noted = error.value(py).getattr_opt("add_note").and_then(|add| match add {
        Some(add) => add.call1((place.note(py)?,)).map(drop),
        None => Ok(()),
    });
    noted.err().unwrap_or(error)
}

fn told(py: Python<'_>, error: Error, text: String, batch: &[usize]) -> PyErr {
    match error {
        Error::Shape { .. } => shape(py, text),
        Error::Layout { .. } | Error::Argument { .. } => PyValueError::new_err(text),
        Error::Overflow | Error::OutOfMemory { .. } => PyMemoryError::new_err(text),
        Error::Cancelled => PyKeyboardInterrupt::new_err(text),
        Error::Matrix { index, status, .. } => {
            let error = shape(py, text);
            let described = (|| {
                let value = error.value(py);
                value.setattr("batch_index", PyTuple::new(py, unravel(index, batch))?)?;
                value.setattr("diagonal", (status.at > 0).then_some(status.at))
            })();
            described.err().unwrap_or(error)
        }
        Error::IllConditioned { index, rcond, .. } => {
            let error = shape(py, text);
            let described = (|| {
                let value = error.value(py);
                value.setattr("batch_index", PyTuple::new(py, unravel(index, batch))?)?;
                value.setattr("rcond", rcond)
            })();
            described.err().unwrap_or(error)
        }
        _ => PyRuntimeError::new_err(text),
    }
}

/// The place `index` of a stack as an index into its leading dimensions.
fn unravel(mut index: usize, batch: &[usize]) -> Vec<usize> {
    let mut place = vec![0; batch.len()];
    for (p, &n) in place.iter_mut().zip(batch).rev() {
        *p = index % n;
        index /= n;
    }
    place
}
