//! NumPy arrays as ainv's views: all of this crate's unsafe code, but for a question in lib.rs.
//!
//! An array of a native scalar goes straight to a view, whatever its strides. What cannot (another
//! scalar, foreign byte order, odd addresses) is copied by NumPy first.

use crate::error;
use crate::output::{self, Output};
use ainv::{Stack, StackMut, c32, c64};
use numpy::npyffi::{self, NPY_TYPES, PY_ARRAY_API};
use numpy::{PyArrayDescr, PyArrayDescrMethods, PyUntypedArray, PyUntypedArrayMethods};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyDict;
use std::ffi::c_int;
use std::ops::Range;

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

    fn of(type_num: c_int) -> Option<Scalar> {
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

    fn size(self) -> usize {
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

/// Where the elements of an array lie; the strides are in bytes. The array is kept by another.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Layout {
    data: *mut u8,
    size: usize,
    pub(crate) shape: Vec<usize>,
    strides: Vec<isize>,
}

impl Layout {
    pub(crate) fn of(array: &Bound<'_, PyUntypedArray>) -> Layout {
        // SAFETY: a live array, whose fields are not written while the GIL is held.
        let data = unsafe { (*npyffi::_PyArray_GET_ITEM_DATA(array.as_array_ptr())).data };
        Layout {
            data: data.cast(),
            size: array.dtype().itemsize(),
            shape: array.shape().to_vec(),
            strides: array.strides().to_vec(),
        }
    }

    /// A vector, or a stack of them, as one-column matrices.
    pub(crate) fn into_columns(mut self) -> Layout {
        self.shape.push(1);
        self.strides.push(0);
        self
    }

    /// The same elements with the dimensions of the matrices' rows and columns last.
    pub(crate) fn matrices_along(mut self, [rows, columns]: [usize; 2]) -> Layout {
        fn last<T: Copy>(of: &mut Vec<T>, rows: usize, columns: usize) {
            let ends = [of[rows], of[columns]];
            of.remove(rows.max(columns));
            of.remove(rows.min(columns));
            of.extend(ends);
        }
        last(&mut self.shape, rows, columns);
        last(&mut self.strides, rows, columns);
        self
    }

    /// The same matrices with `batch` as leading dimensions: missing ones and ones repeat.
    pub(crate) fn broadcast(mut self, batch: &[usize]) -> Layout {
        let axes = self.shape.len() - 2;
        let missing = batch.len() - axes;
        let lead = (0..batch.len()).map(|i| match i.checked_sub(missing) {
            Some(j) if self.shape[j] == batch[i] => self.strides[j],
            _ => 0,
        });
        self.strides = lead.chain(self.strides[axes..].iter().copied()).collect();
        self.shape = batch.iter().chain(&self.shape[axes..]).copied().collect();
        self
    }

    /// The addresses from the first byte to behind the last.
    fn bytes(&self) -> Range<usize> {
        let at = self.data.addr();
        if self.shape.contains(&0) {
            return at..at;
        }
        let (mut low, mut high) = (at, at + self.size);
        for (&n, &s) in self.shape.iter().zip(&self.strides) {
            let reach = s.unsigned_abs() * (n - 1);
            if s < 0 { low -= reach } else { high += reach }
        }
        low..high
    }

    /// Whether the two could share memory: whether the ranges they span meet.
    pub(crate) fn overlaps(&self, other: &Layout) -> bool {
        let (a, b) = (self.bytes(), other.bytes());
        a.start.max(b.start) < a.end.min(b.end)
    }

    /// Whether two of its own elements could share memory: sorted by stride, each axis has to step
    /// past all that lies below it.
    pub(crate) fn overlaps_itself(&self) -> bool {
        let axes = self.shape.iter().zip(&self.strides).filter(|(n, _)| **n > 1);
        let mut axes: Vec<_> = axes.map(|(&n, &s)| (s.unsigned_abs(), n)).collect();
        axes.sort_unstable();
        let mut end = self.size;
        axes.into_iter().any(|(stride, n)| {
            let inside = stride < end;
            end += stride * (n - 1);
            inside
        }) && !self.shape.contains(&0)
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
        let half = |epsilon: f64| {
            let dtype = dtype.call_method1("newbyteorder", ("=",))?.cast_into()?;
            PyResult::Ok(Some(Half { dtype, epsilon }))
        };
        let (scalar, half) = match Scalar::of(dtype.num()) {
            Some(scalar) => (scalar, None),
            None if dtype.num() == NPY_TYPES::NPY_HALF as c_int => {
                (Scalar::F32, half(f64::exp2(-10.0))?)
            }
            None if matches!(dtype.kind(), b'b' | b'i' | b'u') => (Scalar::F64, None),
            None if is_bfloat16(&dtype)? => (Scalar::F32, half(f64::exp2(-7.0))?),
            None => {
                return Err(PyTypeError::new_err(format!(
                    "arrays of {dtype} have no inverse here: float16, bfloat16, float32, float64, \
                     complex64, complex128, integers and bool are taken"
                )));
            }
        };
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
fn foreign<'py>(
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

fn element_strides<T>(layout: &Layout) -> Vec<isize> {
    layout.strides.iter().map(|s| s / size_of::<T>() as isize).collect()
}

/// What was read, as a view.
///
/// # Panics
/// If `T` is another scalar.
pub(crate) fn view<'a, T: ainv::Scalar>(a: &'a Input) -> Result<Stack<'a, T>, ainv::Error> {
    assert!(is_of::<T>(a.scalar));
    let from = &a.layout;
    // SAFETY: a live array of T that is_plain accepted: aligned, of whole strides; a layout that
    // was broadcast reaches no other elements. Python's other threads could write to them
    // meanwhile, as they could while NumPy computes.
    unsafe { Stack::from_raw_parts(from.data.cast(), &from.shape, &element_strides::<T>(from)) }
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
    let to = &x.layout;
    // SAFETY: as in view(). The array is writeable; it is new, or it was checked to touch no input
    // but one that is the very same view.
    let x =
        unsafe { StackMut::from_raw_parts(to.data.cast(), &to.shape, &element_strides::<T>(to))? };
    Ok((view(a)?, b.map(view).transpose()?, x))
}

/// A new C-contiguous array.
pub(crate) fn empty<'py>(
    py: Python<'py>,
    shape: &[usize],
    scalar: Scalar,
) -> PyResult<Bound<'py, PyUntypedArray>> {
    let mut dims: Vec<npyffi::npy_intp> = shape.iter().map(|&n| n as _).collect();
    let dtype = scalar.dtype(py).into_dtype_ptr();
    // SAFETY: as many dimensions as said, and a reference to a dtype, which the call takes over.
    unsafe {
        let array =
            PY_ARRAY_API.PyArray_Empty(py, dims.len() as c_int, dims.as_mut_ptr(), dtype, 0);
        Ok(Bound::from_owned_ptr_or_err(py, array)?.cast_into_unchecked())
    }
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
