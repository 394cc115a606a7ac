//! Arrays of other libraries in the memory of CUDA's device: what their adapters call. They are described by their addresses
//! and strides, and stay where they are.

use crate::array::{self, Scalar, square, with_scalar};
use crate::functions::{Any, Keyword, inv_ex_result};
use crate::options::{Keywords, Pinv, Tol, norm, uplo};
use crate::solve::{broadcast, fits};
use crate::storage::counted;
use crate::wait::POLL;
use crate::{call, dlpack, error};
use ainv::cuda::{self, DeviceStack, DeviceStackMut, Operation, Pending, RawStream};
use ainv::{Diag, Error, IllConditioned, OnSingular, Options, Scalar as _, Summary};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

/// The names of this module's functions in the extension.
pub(crate) fn add(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<dlpack::Import>()?;
    m.add_class::<dlpack::DeviceArray>()?;
    m.add_function(wrap_pyfunction!(_cuda_device, m)?)?;
    m.add_function(wrap_pyfunction!(_cuda_stream, m)?)?;
    m.add_function(wrap_pyfunction!(_on_cuda, m)?)?;
    m.add_function(wrap_pyfunction!(_rcond_on_cuda, m)?)?;
    m.add_function(wrap_pyfunction!(dlpack::_keep, m)?)
}

/// The number of the device that is served, as CUDA and DLPack count them.
#[pyfunction]
fn _cuda_device(py: Python<'_>) -> PyResult<i32> {
    cuda::device().map_err(|e| error::raise(py, e, &[]))
}

/// The handle of our own stream, for arrays of libraries that name none.
#[pyfunction]
fn _cuda_stream(py: Python<'_>) -> PyResult<u64> {
    cuda::own_stream().map(RawStream::handle).map_err(|e| error::raise(py, e, &[]))
}

/// An array: its address, its shape, its strides in elements, the name of its dtype.
#[derive(Clone, FromPyObject)]
pub(crate) struct View(u64, Vec<usize>, Vec<isize>, String);

impl View {
    fn scalar(&self) -> PyResult<Scalar> {
        scalar_named(&self.3)
    }

    /// Its matrices, all of the leading dimensions `batch`, to which they broadcast.
    ///
    /// # Safety
    /// As [`DeviceStack::from_raw_parts`].
    unsafe fn stack<'a, T>(&self, batch: &[usize]) -> Result<DeviceStack<'a, T>, Error> {
        let View(address, shape, strides, _) = self;
        let lead = shape.len() - 2;
        let missing = batch.len() - lead;
        let over = |axis: usize| match axis.checked_sub(missing) {
            Some(own) if shape[own] == batch[axis] => strides[own],
            _ => 0,
        };
        let steps: Vec<isize> =
            (0..batch.len()).map(over).chain(strides[lead..].iter().copied()).collect();
        let shape = [batch, &shape[lead..]].concat();
        // SAFETY: the caller's promise; an axis that is stretched has one element.
        unsafe { DeviceStack::from_raw_parts(*address, &shape, &steps) }
    }
}

/// The scalar of this name.
pub(crate) fn scalar_named(name: &str) -> PyResult<Scalar> {
    Ok(match name {
        "float32" => Scalar::F32,
        "float64" => Scalar::F64,
        "complex64" => Scalar::C32,
        "complex128" => Scalar::C64,
        _ => {
            return Err(PyTypeError::new_err(format!(
                "arrays of {name} have no inverse on a GPU: float32, float64, complex64 and complex128 are taken"
            )));
        }
    })
}

/// What the function of this name computes of arrays on the device, as work of a stream; a result is what `empty` gives for a
/// shape and the name of a dtype: an object, and the address of C-contiguous memory. Where nothing is said single precision is
/// computed in single.
#[pyfunction]
#[pyo3(signature = (name, views, empty, stream, *, assume="auto", on_singular="raise", precision=None, check_errors=false, upper=false, unit_diagonal=false, hermitian=false, rtol=None, atol=None))]
fn _on_cuda<'py>(
    py: Python<'py>,
    name: &str,
    views: Vec<View>,
    empty: &Any<'py>,
    stream: u64,
    assume: &str,
    on_singular: &str,
    precision: Option<&str>,
    check_errors: bool,
    upper: bool,
    unit_diagonal: bool,
    hermitian: bool,
    rtol: Keyword<'_, 'py>,
    atol: Keyword<'_, 'py>,
) -> PyResult<Any<'py>> {
    let with_info = name == "inv_ex" && !check_errors;
    let on_singular = match (name, check_errors) {
        ("inv_ex", true) => "raise",
        ("inv_ex", false) => "nan",
        _ => on_singular,
    };
    let keywords = Keywords::new(py, precision, None)?.assume(assume)?;
    let keywords = keywords.on_singular(on_singular, name == "inv")?;
    let (_, options) = if with_info { keywords.quiet() } else { keywords }.enqueued();
    let options = Options { stream: None, ..options };
    let a = views.first().ok_or_else(|| PyTypeError::new_err("an array is missing"))?;
    let mut b = views.get(1).cloned();
    if name == "pinv" && !hermitian {
        array::matrices(py, &a.1)?
    } else {
        square(py, &a.1)?
    }
    let Shapes { batch, matrices, result } = shapes(py, a, b.as_mut())?;
    let pinv = match name {
        "pinv" => {
            let [rtol, atol] =
                [Tol::parse("rtol", rtol, &batch)?, Tol::parse("atol", atol, &batch)?];
            Some(Pinv { rtol, atol, hermitian })
        }
        _ => None,
    };
    let new = |shape: &[usize], dtype: &str| memory(empty, shape, dtype);
    let count = counted(&batch, 1).map_err(|e| error::raise(py, e, &[]))?;
    let (x, address) = new(&result, &a.3)?;
    let info = if name == "inv_ex" { Some(new(&batch, "int32")?) } else { None };
    // SAFETY: handles and addresses are those of an adapter's library, which keeps the memory in the order of its stream, or
    // is kept by the adapter until the stream is done.
    let stream = unsafe { RawStream::from_raw(stream) };
    let numbers = info.as_ref().map(|(_, address)| *address);
    let work = with_scalar!(a.scalar()?, T => {
        let start = || -> Result<Option<Pending>, Error> {
            let size = [count, matrices[0], matrices[1]];
            // SAFETY: as above; results are new memory, which no one else has.
            let (a, b, x, info) = unsafe {
                let b = b.as_ref().map(|b| b.stack::<T>(&batch)).transpose()?;
                let x = contiguous(address, &size)?;
                let info = numbers.map(|info| contiguous(info, &[1, 1, count])).transpose()?;
                (a.stack::<T>(&batch)?, b, x, info)
            };
            let operation = match (name, b) {
                ("inv" | "inv_ex", _) => Operation::Inv,
                ("solve", Some(b)) => Operation::Solve(b),
                ("cholesky", _) => Operation::Cholesky(uplo(upper)),
                ("cholesky_inv", _) => Operation::CholeskyInv(uplo(upper)),
                ("tri_inv", _) => {
                    let diag = if unit_diagonal { Diag::Unit } else { Diag::NonUnit };
                    Operation::TriInv(uplo(upper), diag)
                }
                ("pinv", _) => {
                    Operation::Pinv(pinv.as_ref().expect("it was made above").options())
                }
                _ => {
                    return Err(Error::Unsupported {
                        what: format!(
                            "there are no GPU kernels for {name} yet: copy the array to the CPU first"
                        ),
                    });
                }
            };
            let raises = options.on_singular != OnSingular::Nan;
            if !raises && options.ill_conditioned == IllConditioned::Ignore {
                cuda::enqueue(operation, a, x, info, stream, &options)?;
                return Ok(None);
            }
            cuda::compute(operation, a, x, info, stream, &options).map(Some)
        };
        // On this thread, whose default stream the handle may mean.
        py.detach(|| call::guarded(start)).map_err(|e| error::raise(py, e, &[]))?
    });
    if let Some(pending) = work {
        let summary = waited(py, pending)?;
        call::judge(py, summary, &batch, &options)?;
    }
    match info {
        Some((info, _)) => inv_ex_result(py)?.call1((x, info)),
        None => Ok(x),
    }
}

/// The reciprocal condition numbers of matrices on the device, as work of a stream; the result is what `empty` gives.
#[pyfunction]
#[pyo3(signature = (view, empty, stream, *, p=None, assume="auto"))]
fn _rcond_on_cuda<'py>(
    py: Python<'py>,
    view: View,
    empty: &Any<'py>,
    stream: u64,
    p: Keyword<'_, 'py>,
    assume: &str,
) -> PyResult<Any<'py>> {
    let (_, options) = Keywords::new(py, None, None)?.assume(assume)?.quiet().enqueued();
    let options = Options { stream: None, ..options };
    let norm = p.map(norm).transpose()?.unwrap_or_default();
    square(py, &view.1)?;
    let batch = &view.1[..view.1.len() - 2];
    let count = counted(batch, 1).map_err(|e| error::raise(py, e, &[]))?;
    let scalar = view.scalar()?;
    let (out, address) = memory(empty, batch, with_scalar!(scalar.real(), T => T::NAME))?;
    with_scalar!(scalar, T => {
        let start = || -> Result<(), Error> {
            // SAFETY: as in `_on_cuda`.
            let (a, to, stream) = unsafe {
                let to = contiguous(address, &[1, 1, count])?;
                (view.stack::<T>(batch)?, to, RawStream::from_raw(stream))
            };
            cuda::enqueue_rcond(a, norm, to, stream, &options)
        };
        py.detach(|| call::guarded(start)).map_err(|e| error::raise(py, e, &[]))?;
    });
    Ok(out)
}

/// New memory for a result: what `empty` gives, and its address.
fn memory<'py>(empty: &Any<'py>, shape: &[usize], dtype: &str) -> PyResult<(Any<'py>, u64)> {
    empty.call1((PyTuple::new(empty.py(), shape)?, dtype))?.extract()
}

/// The leading dimensions of all matrices, the rows and columns of each result, and the shape of all results.
struct Shapes {
    batch: Vec<usize>,
    matrices: [usize; 2],
    result: Vec<usize>,
}

/// Those of matrices, and of right-hand sides if there are some: a vector becomes a column.
fn shapes(py: Python<'_>, a: &View, b: Option<&mut View>) -> PyResult<Shapes> {
    let [lead @ .., m, n] = &a.1[..] else { unreachable!("the shape was checked") };
    let Some(b) = b else {
        let result = [lead, &[*n, *m]].concat();
        return Ok(Shapes { batch: lead.to_vec(), matrices: [*n, *m], result });
    };
    fits(py, &b.1, *n)?;
    if b.3 != a.3 {
        return Err(PyTypeError::new_err(format!(
            "a is of dtype {}, b of {}: convert one of them",
            a.3, b.3
        )));
    }
    let is_vector = b.1.len() == 1;
    if is_vector {
        b.1.push(1);
        b.2.push(1);
    }
    let [lead_b @ .., _, k] = &b.1[..] else { unreachable!("the shape was checked") };
    let batch = broadcast(lead, lead_b).ok_or_else(|| {
        PyValueError::new_err(format!(
            "the leading dimensions of a, {lead:?}, and of b, {lead_b:?}, do not broadcast"
        ))
    })?;
    let columns: &[usize] = if is_vector { &[] } else { &[*k] };
    let result = [&batch[..], &[*n], columns].concat();
    Ok(Shapes { batch, matrices: [*n, *k], result })
}

/// A view of new memory in C order.
///
/// # Safety
/// As [`DeviceStackMut::from_raw_parts`].
unsafe fn contiguous<'a, T>(
    address: u64,
    shape: &[usize; 3],
) -> Result<DeviceStackMut<'a, T>, Error> {
    let [_, rows, columns] = shape;
    let strides = [(rows * columns) as isize, *columns as isize, 1];
    // SAFETY: the caller's promise.
    unsafe { DeviceStackMut::from_raw_parts(address, shape, &strides) }
}

/// What became of matrices, without the GIL; Ctrl-C ends the wait, not the work.
fn waited(py: Python<'_>, mut pending: Pending) -> PyResult<Summary> {
    loop {
        match py.detach(|| pending.wait_for(POLL, &mut [])) {
            Ok(Some(summary)) => return Ok(summary),
            Ok(None) => py.check_signals()?,
            Err(e) => return Err(error::raise(py, e, &[])),
        }
    }
}
