//! Where a result goes: a new array, or the caller's `out`.

use crate::array::{Half, Scalar, empty, flags, is_plain, numpy};
use crate::layout::Layout;
use numpy::npyffi::NPY_ARRAY_WRITEABLE;
use numpy::{PyArrayDescr, PyArrayDescrMethods, PyUntypedArray, PyUntypedArrayMethods};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// The array that a result is written to.
pub(crate) struct Output<'py> {
    array: Bound<'py, PyUntypedArray>,
    pub(crate) scalar: Scalar,
    pub(crate) layout: Layout,
    /// The caller's array, if the result has to be copied there.
    given: Option<Bound<'py, PyUntypedArray>>,
    owned: bool,
}

impl<'py> Output<'py> {
    /// A new array, or `out` after all that could be wrong with it was checked. `in_place` is the
    /// input that `out` may be, `others` are those that it must not touch.
    pub(crate) fn new(
        py: Python<'py>,
        out: Option<&Bound<'py, PyAny>>,
        shape: &[usize],
        scalar: Scalar,
        half: Option<&Half<'py>>,
        in_place: Option<&Layout>,
        others: &[&Layout],
    ) -> PyResult<Self> {
        let fresh = |given: Option<Bound<'py, PyUntypedArray>>| {
            let array = empty(py, shape, scalar)?;
            let owned = given.is_none();
            Ok(Output { layout: Layout::of(&array), array, scalar, given, owned })
        };
        let Some(out) = out else { return fresh(None) };
        let dtype = half.map_or_else(|| scalar.dtype(py), |h| h.dtype.clone());
        let out = checked_out(out, shape, &dtype)?;
        let layout = Layout::of(&out);
        let free = match in_place {
            Some(a) => *a == layout || !a.overlaps(&layout),
            None => true,
        } && !others.iter().any(|b| b.overlaps(&layout));
        if free && half.is_none() && is_plain(&out, scalar) {
            Ok(Output { array: out, scalar, layout, given: None, owned: false })
        } else {
            fresh(Some(out))
        }
    }

    pub(crate) fn overlaps(&self, other: &Bound<'py, PyUntypedArray>) -> bool {
        Layout::of(self.given.as_ref().unwrap_or(&self.array)).overlaps(&Layout::of(other))
    }

    /// The result as the caller gets it.
    pub(crate) fn finish(
        self,
        half: Option<&Half<'py>>,
        wrap: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = self.array.py();
        if let Some(given) = self.given {
            quietly(py, || copy_to(&given, &self.array))?;
            return Ok(given.into_any());
        }
        let mut array = self.array.into_any();
        if !self.owned {
            return Ok(array);
        }
        if let Some(half) = half {
            array = half.cast(&array)?;
        }
        match wrap {
            Some(a) => a.call_method1("__array_wrap__", (array,)),
            None => Ok(array),
        }
    }
}

/// `np.copyto`, whose casting was judged before the work.
pub(crate) fn copy_to<'py>(
    to: &Bound<'py, PyUntypedArray>,
    from: &Bound<'py, PyUntypedArray>,
) -> PyResult<Bound<'py, PyAny>> {
    numpy(to.py(), "copyto")?.call1((to, from, "unsafe"))
}

/// Runs a cast with NumPy's floating-point warnings off.
pub(crate) fn quietly<'py>(
    py: Python<'py>,
    cast: impl FnOnce() -> PyResult<Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let options = PyDict::new(py);
    options.set_item("all", "ignore")?;
    let state = numpy(py, "errstate")?.call((), Some(&options))?;
    state.call_method0("__enter__")?;
    let result = cast();
    state.call_method1("__exit__", (py.None(), py.None(), py.None()))?;
    result
}

/// `out` if a result of this shape and dtype can be written there.
pub(crate) fn checked_out<'py>(
    out: &Bound<'py, PyAny>,
    shape: &[usize],
    dtype: &Bound<'py, PyArrayDescr>,
) -> PyResult<Bound<'py, PyUntypedArray>> {
    let py = out.py();
    let Ok(out) = out.cast::<PyUntypedArray>() else {
        let what = out.get_type().name()?;
        return Err(PyTypeError::new_err(format!("out must be a numpy.ndarray, not {what}")));
    };
    if out.shape() != shape {
        return Err(PyValueError::new_err(format!(
            "out has shape {:?}, the result has shape {shape:?}",
            out.shape()
        )));
    }
    let given = out.dtype();
    let safe = given.is_equiv_to(dtype)
        || (matches!(given.kind(), b'f' | b'c')
            && numpy(py, "can_cast")?.call1((dtype, &given, "safe"))?.is_truthy()?);
    if !safe {
        return Err(PyTypeError::new_err(format!(
            "out has dtype {given}, which does not hold the result's {dtype}"
        )));
    }
    if flags(out) & NPY_ARRAY_WRITEABLE == 0 {
        return Err(PyValueError::new_err("out is read-only"));
    }
    if Layout::of(out).overlaps_itself() {
        let what = "out has elements that share memory (a stride of zero, or axes that overlap)";
        return Err(PyValueError::new_err(what));
    }
    Ok(out.clone())
}
