//! ainv's own arrays: the class `Array`, and `asarray`.

use crate::array::{self, Scalar, is_plain, judged, numpy};
use crate::functions::{Any, Keyword};
use crate::layout::Layout;
use crate::storage::{Dtype, Storage};
use crate::{enqueue, error, index, libraries, stream};
use ::numpy::{PyArrayDescr, PyArrayDescrMethods, PyUntypedArray, PyUntypedArrayMethods};
use pyo3::basic::CompareOp;
use pyo3::exceptions::{PyBufferError, PyTypeError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyTuple};
use std::collections::HashSet;
use std::sync::Arc;

/// A stack of matrices whose values may still be on their way.
///
/// `asarray` makes one. The functions of ainv enqueue their work on a stream when they are given one,
/// and return another at once; its shape and its dtype are known, and its values are waited for where
/// they are looked at: by `eval`, ``np.asarray``, DLPack or printing. What went wrong arises there, too,
/// and says which line enqueued the work. The values cannot be changed, unless a library disregards that
/// memory which DLPack passes on is read-only (torch does); parts and transposes share memory.
///
/// There is no arithmetic but ``@``: ``np.asarray(x)`` and ``torch.from_dlpack(x)`` show the values to
/// libraries that have it, without a copy.
///
/// See Also
/// --------
/// asarray : Makes one.
/// eval : Waits for the values.
/// stream : Says on which stream the work goes.
///
/// Examples
/// --------
/// >>> import numpy as np, ainv
/// >>> a = ainv.asarray(np.array([[[2.0, 0.0], [0.0, 4.0]], [[1.0, 2.0], [3.0, 4.0]]]))
/// >>> x = ainv.inv(a)  # Enqueued.
/// >>> x.shape, x.dtype, x.device
/// ((2, 2, 2), dtype('float64'), Device('cpu', 0))
/// >>> x[0] @ a[0].mT
/// Array([[1., 0.],
///        [0., 1.]])
#[pyclass(frozen, module = "ainv", name = "Array", weakref)]
pub(crate) struct Array {
    pub(crate) storage: Arc<Storage>,
    pub(crate) layout: Layout,
    pub(crate) dtype: Dtype,
    /// How many of the last axes are a matrix's, or a vector's.
    pub(crate) whole: usize,
}

impl Array {
    /// An array for a result, filled with zeros.
    pub(crate) fn zeros(
        py: Python<'_>,
        dtype: Dtype,
        shape: &[usize],
        whole: usize,
    ) -> PyResult<Array> {
        let made = Storage::zeros(dtype, shape);
        let (storage, layout) = made.map_err(|e| error::raise(py, e, &[]))?;
        Ok(Array { storage, layout, dtype, whole })
    }

    /// The same memory, differently seen.
    pub(crate) fn seen(&self, layout: Layout) -> Array {
        Array { storage: self.storage.clone(), layout, ..*self }
    }

    pub(crate) fn shape(&self) -> &[usize] {
        &self.layout.shape
    }

    /// The scalar of its matrices.
    pub(crate) fn scalar(&self) -> PyResult<Scalar> {
        match self.dtype {
            Dtype::Scalar(scalar) => Ok(scalar),
            Dtype::Info => {
                let what = "the numbers of inv_ex are no matrices";
                Err(PyTypeError::new_err(what))
            }
        }
    }

    /// What NumPy asks for to view the memory.
    fn interface<'py>(&self, py: Python<'py>, read_only: bool) -> PyResult<Bound<'py, PyDict>> {
        let interface = PyDict::new(py);
        interface.set_item("version", 3)?;
        interface.set_item("shape", PyTuple::new(py, self.shape())?)?;
        interface.set_item("strides", PyTuple::new(py, &self.layout.strides)?)?;
        interface.set_item("typestr", self.dtype.numpy(py).getattr(intern!(py, "str"))?)?;
        interface.set_item("data", (self.layout.address(), read_only))?;
        Ok(interface)
    }
}

#[pymethods]
impl Array {
    /// The lengths of the axes; the last two are the matrices'.
    #[getter(shape)]
    fn py_shape<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.shape())
    }
    /// What the entries are, as NumPy's dtype.
    #[getter(dtype)]
    fn py_dtype<'py>(&self, py: Python<'py>) -> Bound<'py, PyArrayDescr> {
        self.dtype.numpy(py)
    }
    /// The number of axes.
    #[getter]
    fn ndim(&self) -> usize {
        self.shape().len()
    }
    /// The number of entries.
    #[getter]
    fn size(&self) -> usize {
        self.layout.count()
    }
    /// Where it lies.
    #[getter]
    fn device(&self) -> stream::Device {
        stream::Device(ainv::Device::CPU)
    }
    /// The same matrices transposed, in the same memory.
    #[getter(mT)]
    fn transposed(&self, py: Python<'_>) -> PyResult<Array> {
        array::matrices(py, self.shape())?;
        Ok(self.seen(self.layout.clone().transposed()))
    }
    fn __len__(&self) -> PyResult<usize> {
        self.shape().first().copied().ok_or_else(|| PyTypeError::new_err("len() of unsized object"))
    }
    fn __getitem__(&self, key: &Any<'_>) -> PyResult<Array> {
        let layout = index::part(self.layout.clone(), self.whole, key)?;
        Ok(self.seen(layout))
    }
    /// Whether it is another's equal is a question to the values.
    fn __richcmp__(&self, _other: &Any<'_>, _op: CompareOp) -> PyResult<bool> {
        Err(PyTypeError::new_err("an ainv.Array is not compared: np.asarray(x) shows its values"))
    }
    fn __hash__(slf: &Bound<'_, Self>) -> isize {
        slf.as_ptr().addr() as isize >> 4
    }
    fn __bool__(&self) -> PyResult<bool> {
        Err(PyTypeError::new_err("an ainv.Array is neither true nor false: ask its shape or size"))
    }
    fn __iter__<'py>(slf: &Bound<'py, Self>) -> PyResult<Any<'py>> {
        let py = slf.py();
        let builtins = py.import("builtins")?;
        let numbers = builtins.getattr("range")?.call1((slf.len()?,))?;
        builtins.getattr("map")?.call1((slf.getattr("__getitem__")?, numbers))
    }
    fn __matmul__<'py>(slf: &Bound<'py, Self>, other: &Any<'py>) -> PyResult<Any<'py>> {
        enqueue::product(slf.as_any(), other)
    }
    fn __rmatmul__<'py>(slf: &Bound<'py, Self>, other: &Any<'py>) -> PyResult<Any<'py>> {
        enqueue::product(other, slf.as_any())
    }
    /// So that NumPy's arrays leave ``a @ x`` to us, and have no arithmetic with us that we have not.
    #[classattr]
    fn __array_priority__() -> f64 {
        1000.0
    }
    /// The memory as NumPy views it, read-only; waits for the values.
    #[getter]
    fn __array_interface__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        self.storage.wait(py)?;
        self.interface(py, true)
    }
    /// The values as a NumPy array: a read-only view, or a copy where one is asked for or needed.
    #[pyo3(signature = (dtype=None, copy=None))]
    fn __array__<'py>(
        slf: &Bound<'py, Self>,
        dtype: Keyword<'_, 'py>,
        copy: Option<bool>,
    ) -> PyResult<Any<'py>> {
        let view = view(slf)?;
        let same = dtype.map_or(Ok(true), |dtype| view.getattr("dtype")?.eq(dtype))?;
        match (same, copy) {
            (true, None | Some(false)) => Ok(view),
            (false, Some(false)) => {
                Err(PyValueError::new_err("another dtype needs a copy, which copy=False forbids"))
            }
            _ => numpy(slf.py(), "array")?.call1((view, dtype)),
        }
    }
    /// The memory as DLPack passes it on; waits for the values. Who cannot be told that it is read-only
    /// gets a copy.
    #[pyo3(signature = (*, stream=None, max_version=None, dl_device=None, copy=None))]
    fn __dlpack__<'py>(
        slf: &Bound<'py, Self>,
        stream: Keyword<'_, 'py>,
        max_version: Option<(u32, u32)>,
        dl_device: Option<(i32, i32)>,
        copy: Option<bool>,
    ) -> PyResult<Any<'py>> {
        let py = slf.py();
        let refused = |why: &'static str| Err(PyBufferError::new_err(why));
        if stream.is_some() || dl_device.is_some_and(|device| device != CPU) {
            return refused("an ainv.Array lies on the CPU, which has no streams to wait on");
        }
        let memory = view(slf)?;
        let told = max_version.is_some_and(|(major, _)| major >= 1);
        if told && copy != Some(true) {
            let options = PyDict::new(py);
            options.set_item("max_version", max_version)?;
            match memory.call_method("__dlpack__", (), Some(&options)) {
                // NumPy before 2.1 cannot tell it.
                Err(e) if copy.is_none() && e.is_instance_of::<PyTypeError>(py) => {}
                exported => return exported,
            }
        }
        if copy == Some(false) {
            return refused("read-only memory is shared with those who know DLPack 1.0 or later");
        }
        memory.call_method0("copy")?.call_method0("__dlpack__")
    }
    /// DLPack's number of the CPU.
    fn __dlpack_device__(&self) -> (i32, i32) {
        CPU
    }
    fn __str__<'py>(slf: &Bound<'py, Self>) -> PyResult<Any<'py>> {
        Ok(view(slf)?.str()?.into_any())
    }
    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        // As long as NumPy's own name, so that the lines stay aligned.
        Ok(view(slf)?.repr()?.to_cow()?.replacen("array(", "Array(", 1))
    }
}

const CPU: (i32, i32) = (1, 0);

/// The NumPy array that views the memory, read-only.
fn view<'py>(a: &Bound<'py, Array>) -> PyResult<Any<'py>> {
    numpy(a.py(), "asarray")?.call1((a,))
}

/// New memory while it is filled, as NumPy writes to it.
#[pyclass(frozen)]
struct Filling(Array);

#[pymethods]
impl Filling {
    #[getter]
    fn __array_interface__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        self.0.interface(py, false)
    }
}

/// Makes an array whose operations are enqueued on streams.
///
/// Parameters
/// ----------
/// x : array_like
///     One matrix or a stack of matrices: an array of NumPy, torch, JAX, MLX, of anything that has
///     ``__array__``, ``__array_interface__`` or DLPack, or numbers in lists.
/// dtype : data-type, optional
///     float32, float64, complex64 or complex128. If None that of `x`; float64 for integers and bool,
///     float32 for half precision.
/// stream : Device, Stream or str, optional
///     Where the array shall lie.
/// copy : bool, optional
///     Whether the memory is copied. If None it is, unless `x` is an `Array` of that dtype: work that is
///     enqueued reads it later, when who owns it may have changed it. With False it is shared or an error
///     says why it cannot be; then it must not be written to until the work is done.
///
/// Returns
/// -------
/// Array
///     The array.
///
/// Raises
/// ------
/// TypeError
///     If a dtype is none of those, or would lose the imaginary parts.
/// ValueError
///     If a copy is needed and `copy` is False.
///
/// Examples
/// --------
/// >>> import ainv
/// >>> a = ainv.asarray([[2, 0], [0, 4]])
/// >>> a
/// Array([[2., 0.],
///        [0., 4.]])
/// >>> ainv.inv(a)
/// Array([[0.5 , 0.  ],
///        [0.  , 0.25]])
#[pyfunction]
#[pyo3(signature = (x, dtype=None, *, stream=None, copy=None))]
pub(crate) fn asarray<'py>(
    py: Python<'py>,
    x: &Any<'py>,
    dtype: Keyword<'_, 'py>,
    stream: Keyword<'_, 'py>,
    copy: Option<bool>,
) -> PyResult<Bound<'py, Array>> {
    let stream = stream::served(py, stream)?;
    let scalar = dtype.map(|dtype| chosen(py, dtype)).transpose()?;
    let forbidden =
        |why: &str| PyValueError::new_err(format!("{why} needs a copy, which copy=False forbids"));
    if let Ok(a) = x.cast::<Array>() {
        if scalar.is_none() && copy != Some(true) {
            return Ok(a.clone());
        }
        let to = scalar.map_or_else(|| a.get().scalar(), Ok)?;
        let same = a.get().dtype == Dtype::Scalar(to);
        return match (same, copy) {
            (true, None | Some(false)) => Ok(a.clone()),
            (false, Some(false)) => Err(forbidden("another dtype")),
            _ => Bound::new(py, enqueue::cast(py, a.get(), to, stream)?),
        };
    }
    let array = viewed(x)?;
    let (own, half) = judged(&array.dtype())?;
    let to = scalar.unwrap_or(own);
    let whole = array.ndim().min(2);
    let dtype = Dtype::Scalar(to);
    if copy == Some(false) {
        if half.is_some() || !is_plain(&array, to) {
            return Err(forbidden("an array of this dtype or layout"));
        }
        if !array.is(x) && array.getattr("base")?.is_none() {
            return Err(forbidden("what is no array yet"));
        }
        let layout = Layout::of(&array);
        let storage = Storage::foreign(array.into_any().unbind(), &layout, to.size());
        return Bound::new(py, Array { storage, layout, dtype, whole });
    }
    let made = Array::zeros(py, dtype, array.shape(), whole)?;
    let filling = Bound::new(py, Filling(made.seen(made.layout.clone())))?;
    let place = numpy(py, "asarray")?.call1((filling,))?;
    let casting = PyDict::new(py);
    casting.set_item("casting", "same_kind")?;
    // Not a subclass: its `__array_function__` would say what copying is.
    let plain = numpy(py, "ndarray")?;
    let array = array.call_method1(intern!(py, "view"), (plain,))?;
    numpy(py, "copyto")?.call((place, array), Some(&casting))?;
    Bound::new(py, made)
}

/// The scalar that a dtype names.
fn chosen(py: Python<'_>, dtype: &Any<'_>) -> PyResult<Scalar> {
    let dtype = numpy(py, "dtype")?.call1((dtype,))?.cast_into::<PyArrayDescr>()?;
    match judged(&dtype) {
        Ok((scalar, None)) if dtype.is_equiv_to(&scalar.dtype(py)) => Ok(scalar),
        _ => Err(PyTypeError::new_err(format!(
            "an ainv.Array is of float32, float64, complex64 or complex128, not of {dtype}"
        ))),
    }
}

/// The NumPy view of what some library calls an array, or the array of what none does.
pub(crate) fn viewed<'py>(x: &Any<'py>) -> PyResult<Bound<'py, PyUntypedArray>> {
    let py = x.py();
    if let Some(library) = libraries::adapter(x)?
        && let Some(memory) = library.getattr_opt(intern!(py, "memory"))?
    {
        return Ok(memory.call1((x,))?.cast_into()?);
    }
    Ok(array::foreign(x)?.0)
}

/// Waits until the values of arrays are there.
///
/// Parameters
/// ----------
/// *arrays : Array, or lists, tuples and dictionaries of them
///     The arrays. What is none is passed over.
///
/// Raises
/// ------
/// LinAlgError
///     If a matrix of theirs is singular, or of those that they were computed from: the first that is
///     found. All of them are done by then.
///
/// Notes
/// -----
/// The work began when it was enqueued; this only waits. Ctrl-C ends the wait, not the work.
///
/// Examples
/// --------
/// >>> import ainv
/// >>> x = ainv.inv(ainv.asarray([[1.0, 2.0], [2.0, 4.0]]))
/// >>> try:
/// ...     ainv.eval(x)
/// ... except ainv.LinAlgError as e:
/// ...     print(e.batch_index, e.diagonal)
/// () 2
#[pyfunction]
#[pyo3(signature = (*arrays))]
pub(crate) fn eval(arrays: &Bound<'_, PyTuple>) -> PyResult<()> {
    let py = arrays.py();
    let found = find(arrays.as_any())?;
    for storage in &found {
        storage.ended(py)?;
    }
    found.iter().try_for_each(|storage| storage.wait(py))
}

/// The memory of every array in a tree of them, in its order; a part that is found again is passed over.
fn find(tree: &Any<'_>) -> PyResult<Vec<Arc<Storage>>> {
    let (mut found, mut seen, mut rest) = (vec![], HashSet::new(), vec![tree.clone()]);
    while let Some(next) = rest.pop() {
        if let Ok(array) = next.cast::<Array>() {
            found.push(array.get().storage.clone());
            continue;
        }
        let parts: Vec<Any<'_>> = if let Ok(dict) = next.cast::<PyDict>() {
            dict.values().iter().collect()
        } else if next.is_instance_of::<PyList>() || next.is_instance_of::<PyTuple>() {
            next.try_iter()?.collect::<PyResult<_>>()?
        } else {
            continue;
        };
        if seen.insert(next.as_ptr()) {
            rest.extend(parts.into_iter().rev());
        }
    }
    Ok(found)
}
