//! `array[...]`: integers and slices along the leading axes.

use crate::layout::Layout;
use pyo3::exceptions::PyIndexError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyEllipsis, PySlice, PyTuple};

/// The part of `layout` that `key` means; its last `whole` axes are a matrix's, which are not cut.
pub(crate) fn part(mut layout: Layout, whole: usize, key: &Bound<'_, PyAny>) -> PyResult<Layout> {
    let keys = match key.cast::<PyTuple>() {
        Ok(keys) => keys.iter().collect(),
        Err(_) => vec![key.clone()],
    };
    let axes = layout.shape.len();
    let dots = keys.iter().filter(|key| key.is_instance_of::<PyEllipsis>()).count();
    let named = keys.len() - dots;
    if dots > 1 {
        return Err(PyIndexError::new_err("an index can have one ellipsis"));
    }
    if named > axes {
        return Err(PyIndexError::new_err(format!("{named} indices for an array of {axes} axes")));
    }
    let mut axis = 0;
    let mut left = layout.shape.len();
    for key in &keys {
        if key.is_instance_of::<PyEllipsis>() {
            axis += axes - named;
            left -= axes - named;
            continue;
        }
        let n = layout.shape[axis];
        if let Ok(slice) = key.cast::<PySlice>() {
            let cut = slice.indices(n as isize)?;
            let all = (cut.start, cut.step, cut.slicelength) == (0, 1, n);
            if left <= whole && !all {
                return Err(uncut());
            }
            layout.part(axis, cut.start, cut.step, cut.slicelength);
            axis += 1;
        } else if let (Ok(i), false) = (key.extract::<isize>(), key.is_instance_of::<PyBool>()) {
            if left <= whole {
                return Err(uncut());
            }
            let at = if i < 0 { i + n as isize } else { i };
            if !(0..n as isize).contains(&at) {
                return Err(PyIndexError::new_err(format!(
                    "index {i} is out of bounds for axis {axis} with size {n}"
                )));
            }
            layout.part(axis, at, 1, 1);
            layout.without(axis);
        } else {
            let what = key.get_type().name()?;
            return Err(PyIndexError::new_err(format!(
                "an ainv.Array is indexed with integers, slices and one ellipsis, not with {what}: \
                 np.asarray(x) has NumPy's indexing"
            )));
        }
        left -= 1;
    }
    Ok(layout)
}

fn uncut() -> PyErr {
    PyIndexError::new_err(
        "the axes of the matrices are taken whole, only those before them are cut: np.asarray(x) \
         has NumPy's indexing",
    )
}
