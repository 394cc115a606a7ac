//! NumPy arrays as ainv's views.
//!
//! An array of a native scalar goes straight to a view, whatever its strides. What cannot (another
//! scalar, foreign byte order, odd addresses) is copied by NumPy first.

use crate::error;
use crate::layout::Layout;
use crate::memory;
use crate::output::{self, Output};
use ainv::{Stack, StackMut, c32, c64};
use numpy::npyffi::{self, NPY_TYPES, PY_ARRAY_API};
use numpy::{PyArrayDescr, PyArrayDescrMethods, PyUntypedArray, PyUntypedArrayMethods};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyDict;
use std::ffi::c_int;

/// A function of the numpy module.
pub(crate) fn numpy<'py>(py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
    static NUMPY: PyOnceLock<Py<PyModule>> = PyOnceLock::new();
    NUMPY.get_or_try_init(py, || py.import("numpy").map(Bound::unbind))?.bind(py).getattr(name)
}

/// The scalars that matrices are made of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Scalar {
    F32,
    F64,
    C32,
    C64,
}

/// Runs `$body` with `$T` the type of a [`Scalar`].
macro_rules! with_scalar {
    ($scalar:expr, $T:ident => $body:expr) => {
        match $scalar {
            $crate::array::Scalar::F32 => {
                type $T = f32;
                $body
            }
            $crate::array::Scalar::F64 => {
                type $T = f64;
                $body
            }
            $crate::array::Scalar::C32 => {
                type $T = ainv::c32;
                $body
            }
            $crate::array::Scalar::C64 => {
                type $T = ainv::c64;
                $body
            }
        }
    };
}
pub(crate) use with_scalar;

impl Scalar {
    const ALL: [(Scalar, NPY_TYPES); 4] = [
        (Scalar::F32, NPY_TYPES::NPY_FLOAT),
        (Scalar::F64, NPY_TYPES::NPY_DOUBLE),
        (Scalar::C32, NPY_TYPES::NPY_CFLOAT),
        (Scalar::C64, NPY_TYPES::NPY_CDOUBLE),
    ];

    pub(crate) fn of(type_num: c_int) -> Option<Scalar> {
        Self::ALL.iter().find(|(_, t)| *t as c_int == type_num).map(|(s, _)| *s)
    }

    pub(crate) fn is_complex(self) -> bool {
        matches!(self, Scalar::C32 | Scalar::C64)
    }

    /// The scalar that holds both, as NumPy promotes.
    pub(crate) fn promote(self, other: Scalar) -> Scalar {
        let double = |s| matches!(s, Scalar::F64 | Scalar::C64);
        match (self.is_complex() || other.is_complex(), double(self) || double(other)) {
            (false, false) => Scalar::F32,
            (false, true) => Scalar::F64,
            (true, false) => Scalar::C32,
            (true, true) => Scalar::C64,
        }
    }

    /// The real scalar of the same precision.
    pub(crate) fn real(self) -> Scalar {
        if matches!(self, Scalar::F32 | Scalar::C32) { Scalar::F32 } else { Scalar::F64 }
    }

    pub(crate) fn size(self) -> usize {
        with_scalar!(self, T => size_of::<T>())
    }

    pub(crate) fn dtype(self, py: Python<'_>) -> Bound<'_, PyArrayDescr> {
        match self {
            Scalar::F32 => numpy::dtype::<f32>(py),
            Scalar::F64 => numpy::dtype::<f64>(py),
            Scalar::C32 => numpy::dtype::<c32>(py),
            Scalar::C64 => numpy::dtype::<c64>(py),
        }
    }
}

pub(crate) fn flags(array: &Bound<'_, PyUntypedArray>) -> c_int {
    // SAFETY: a live array, whose fields are not written while the GIL is held.
    unsafe { (*npyffi::_PyArray_GET_ITEM_DATA(array.as_array_ptr())).flags }
}

/// Whether ainv can read an array of `scalar` where it lies: native, aligned, with strides of whole
/// elements and no more leading axes than a view has.
pub(crate) fn is_plain(array: &Bound<'_, PyUntypedArray>, scalar: Scalar) -> bool {
    let size = scalar.size() as isize;
    Scalar::of(array.dtype().num()) == Some(scalar)
        && array.dtype().is_native_byteorder() == Some(true)
        && flags(array) & npyffi::NPY_ARRAY_ALIGNED != 0
        && array.strides().iter().all(|s| s % size == 0)
        && (array.ndim() <= ainv::MAX_AXES + 1 || array.is_c_contiguous())
}

/// A type of half precision: computed in single, returned as it came.
pub(crate) struct Half<'py> {
    pub(crate) dtype: Bound<'py, PyArrayDescr>,
    /// Which tells the two of them apart, too.
    pub(crate) epsilon: f64,
}

impl PartialEq for Half<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.epsilon == other.epsilon
    }
}

impl<'py> Half<'py> {
    /// Rounds. Overflow is infinity, and no cause for a warning.
    pub(crate) fn cast(&self, array: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        output::quietly(array.py(), || array.call_method1("astype", (&self.dtype,)))
    }
}

/// `bfloat16` of the package ml_dtypes, which NumPy knows by name only.
pub(crate) fn is_bfloat16(dtype: &Bound<'_, PyAny>) -> PyResult<bool> {
    Ok(dtype.getattr("name")?.extract::<&str>()? == "bfloat16")
}

/// The scalar that arrays of a dtype are computed in, and the half precision that it may be.
pub(crate) fn judged<'py>(
    dtype: &Bound<'py, PyArrayDescr>,
) -> PyResult<(Scalar, Option<Half<'py>>)> {
    let half = |epsilon: f64| {
        let dtype = dtype.call_method1("newbyteorder", ("=",))?.cast_into()?;
        PyResult::Ok(Some(Half { dtype, epsilon }))
    };
    Ok(match Scalar::of(dtype.num()) {
        Some(scalar) => (scalar, None),
        None if dtype.num() == NPY_TYPES::NPY_HALF as c_int => {
            (Scalar::F32, half(f64::exp2(-10.0))?)
        }
        None if matches!(dtype.kind(), b'b' | b'i' | b'u') => (Scalar::F64, None),
        None if is_bfloat16(dtype)? => (Scalar::F32, half(f64::exp2(-7.0))?),
        None => {
            return Err(PyTypeError::new_err(format!(
                "arrays of {dtype} have no inverse here: float16, bfloat16, float32, float64, \
                 complex64, complex128, integers and bool are taken"
            )));
        }
    })
}

/// An array that was read: what ainv reads and what the result shall be.
pub(crate) struct Input<'py> {
    array: Bound<'py, PyUntypedArray>,
    pub(crate) scalar: Scalar,
    pub(crate) half: Option<Half<'py>>,
    /// The object whose class the result takes.
    pub(crate) wrap: Option<Bound<'py, PyAny>>,
    pub(crate) layout: Layout,
}

impl<'py> Input<'py> {
    /// Reads what NumPy can make an array of. `check` sees the shape before the scalar is judged.
    pub(crate) fn read(
        a: &Bound<'py, PyAny>,
        check: impl FnOnce(Python<'py>, &[usize]) -> PyResult<()>,
    ) -> PyResult<Self> {
        let py = a.py();
        let (array, wrap) = match a.cast_exact::<PyUntypedArray>() {
            Ok(array) => (array.clone(), None),
            Err(_) => foreign(a)?,
        };
        check(py, array.shape())?;
        let dtype = array.dtype();
        let copy = |scalar: Scalar| -> PyResult<Bound<'py, PyUntypedArray>> {
            let options = PyDict::new(py);
            options.set_item("dtype", scalar.dtype(py))?;
            options.set_item("order", "C")?;
            Ok(numpy(py, "array")?.call((&array,), Some(&options))?.cast_into()?)
        };
        let (scalar, half) = judged(&dtype)?;
        let array = if is_plain(&array, scalar) { array } else { copy(scalar)? };
        let layout = Layout::of(&array);
        Ok(Input { array, scalar, half, wrap, layout })
    }

    pub(crate) fn shape(&self) -> &[usize] {
        self.array.shape()
    }

    /// The same array in another scalar.
    pub(crate) fn cast(self, scalar: Scalar) -> PyResult<Self> {
        if scalar == self.scalar {
            return Ok(self);
        }
        let py = self.array.py();
        let array = self.array.call_method1("astype", (scalar.dtype(py), "C"))?;
        let array = array.cast_into::<PyUntypedArray>()?;
        Ok(Input { layout: Layout::of(&array), array, scalar, ..self })
    }
}

/// An array of what is not exactly NumPy's own class, and who wraps the result.
pub(crate) fn foreign<'py>(
    a: &Bound<'py, PyAny>,
) -> PyResult<(Bound<'py, PyUntypedArray>, Option<Bound<'py, PyAny>>)> {
    let py = a.py();
    let array = match a.cast::<PyUntypedArray>() {
        Ok(array) => {
            if numpy(py, "ma")?.call_method1("is_masked", (a,))?.is_truthy()? {
                let what = "the array has masked elements: fill them or take them out first";
                return Err(PyValueError::new_err(what));
            }
            array.clone()
        }
        Err(_) => {
            let class = a.get_type();
            let module = class.getattr("__module__")?.extract::<String>().unwrap_or_default();
            if module.starts_with("scipy.sparse") {
                let what = class.name()?;
                return Err(PyTypeError::new_err(format!(
                    "{what} is sparse, and its inverse would be dense: use .toarray() first"
                )));
            }
            numpy(py, "asarray")?.call1((a,))?.cast_into()?
        }
    };
    Ok((array, a.getattr_opt("__array_wrap__")?.is_some().then(|| a.clone())))
}

fn is_of<T: ainv::Scalar>(scalar: Scalar) -> bool {
    with_scalar!(scalar, S => <S as ainv::Scalar>::NAME == T::NAME)
}

/// What was read, as a view.
///
/// # Panics
/// If `T` is another scalar.
pub(crate) fn view<'a, T: ainv::Scalar>(a: &'a Input) -> Result<Stack<'a, T>, ainv::Error> {
    assert!(is_of::<T>(a.scalar));
    // SAFETY: a live array of T that is_plain accepted: aligned, of whole strides; a layout that
    // was broadcast reaches no other elements. Python's other threads could write to them
    // meanwhile, as they could while NumPy computes.
    unsafe { a.layout.stack() }
}

/// The views of a call: `a` and `b` to read, `x` to write to.
pub(crate) type Views<'a, T> = (Stack<'a, T>, Option<Stack<'a, T>>, StackMut<'a, T>);

/// The views of what was read and of what [`Output::new`] made for it.
///
/// # Panics
/// If `T` is another scalar.
pub(crate) fn views<'a, T: ainv::Scalar>(
    a: &'a Input,
    b: Option<&'a Input>,
    x: &'a Output,
) -> Result<Views<'a, T>, ainv::Error> {
    assert!(is_of::<T>(x.scalar));
    // SAFETY: as in view(). The array is writeable; it is new, or it was checked to touch no input
    // but one that is the very same view.
    let x = unsafe { x.layout.stack_mut()? };
    Ok((view(a)?, b.map(view).transpose()?, x))
}

/// A new C-contiguous array.
pub(crate) fn empty<'py>(
    py: Python<'py>,
    shape: &[usize],
    scalar: Scalar,
) -> PyResult<Bound<'py, PyUntypedArray>> {
    let dims: Vec<npyffi::npy_intp> = shape.iter().map(|&n| n as _).collect();
    let dtype = scalar.dtype(py);
    let bytes = shape.iter().fold(dtype.itemsize(), |size, &n| size.saturating_mul(n));
    memory::kept(py, bytes, || {
        let (n, dtype) = (dims.len() as c_int, dtype.clone().into_dtype_ptr());
        // SAFETY: as many dimensions as said, which NumPy does not write to, and a reference to a dtype, which the
        // call takes over.
        unsafe {
            let array = PY_ARRAY_API.PyArray_Empty(py, n, dims.as_ptr().cast_mut(), dtype, 0);
            Ok(Bound::from_owned_ptr_or_err(py, array)?.cast_into_unchecked())
        }
    })
}

/// Whether a shape is one of square matrices, in the words of NumPy and of torch.
pub(crate) fn square(py: Python<'_>, shape: &[usize]) -> PyResult<()> {
    let [.., m, n] = shape else { return matrices(py, shape) };
    if m == n {
        return Ok(());
    }
    Err(error::shape(
        py,
        format!(
            "Last 2 dimensions of the array must be square: A must be batches of square matrices, \
             but they are {m} by {n} matrices"
        ),
    ))
}

/// Whether a shape is one of matrices.
pub(crate) fn matrices(py: Python<'_>, shape: &[usize]) -> PyResult<()> {
    if shape.len() >= 2 {
        return Ok(());
    }
    let n = shape.len();
    Err(error::shape(
        py,
        format!("{n}-dimensional array given. Array must be at least two-dimensional"),
    ))
}
