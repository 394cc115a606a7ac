//! The functions of the module: their docstrings, keywords and results.

use crate::array::{self, Input, square};
use crate::call::{self, Op, compute, judge, unary};
use crate::options::{Axes, Keywords, Pinv, Tol, norm, uplo};
use crate::ours::Array;
use crate::output::{self, Output};
use crate::{enqueue, libraries};
use ainv::{Diag, Status};
use numpy::{PyArrayDescrMethods, PyArrayDyn, PyArrayMethods, PyUntypedArrayMethods};
use pyo3::exceptions::{PyMemoryError, PyTypeError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyTuple};

pub(crate) type Any<'py> = Bound<'py, PyAny>;
pub(crate) type Keyword<'a, 'py> = Option<&'a Bound<'py, PyAny>>;

/// Inverses of square matrices.
///
/// Parameters
/// ----------
/// a : (..., n, n) array_like
///     One matrix or a stack of matrices, of any layout in memory.
/// assume : str, optional
///     What is known of the matrices, hence what is read of them: "auto", "general", "symmetric",
///     "hermitian", "posdef" (these three read the lower triangle), "lower", "upper", "diagonal",
///     or one of SciPy's short names. "auto" looks for structure where looking is cheap; a wrong
///     guess falls back.
/// on_singular : {"raise", "nan", "pinv"}, optional
///     What becomes of a singular matrix: an error that names it, NaN, or its pseudo-inverse. With
///     the last two the others are done.
/// precision : {None, "native", "double"}, optional
///     The precision inside. None computes float32 and complex64 in double and rounds the result
///     once, as NumPy does, but those of an `Array` in single; "native" is faster.
/// out : ndarray, optional
///     Where the result is written: an array of its shape and of its dtype, or of one that holds it
///     (a complex one for a real result). It may be `a` itself, and it may overlap `a` in any way.
///     After an error for a singular matrix it holds the others' inverses, and NaN for that one.
/// axes : tuple of int, optional
///     The axis of the matrices' rows and that of their columns; the last two if None. Where the
///     components come first, as in an array of shape (3, 3, ...), they are (0, 1). The inverses
///     lie along the same axes. NumPy arrays and torch tensors are read and written where they lie;
///     JAX copies where it transposes.
/// stream : Device, Stream or str, optional
///     Where the work runs: after what was enqueued there before.
///
/// Returns
/// -------
/// ndarray
///     The inverses, of the shape and the dtype of `a`; float64 for integers. A subclass of ndarray
///     keeps its class. Of an `Array` an `Array`, at once: the work is enqueued.
///
/// Raises
/// ------
/// LinAlgError
///     If a matrix is singular (an exact zero pivot), or if the matrices are not square.
///
/// See Also
/// --------
/// ill_conditioned : Says what becomes of a matrix that is nearly singular.
///
/// Notes
/// -----
/// A matrix with a NaN has an inverse of NaN, and is no error. float16 and ml_dtypes' bfloat16 are
/// computed in single precision. Bits do not depend on threads, layout or place in the stack.
///
/// Arrays of torch, JAX, MLX, dask and of what speaks DLPack come back as arrays of their library.
///
/// Examples
/// --------
/// >>> import numpy as np, ainv
/// >>> ainv.inv([[1.0, 2.0], [3.0, 4.0]])
/// array([[-2. ,  1. ],
///        [ 1.5, -0.5]])
///
/// >>> a = np.random.default_rng(0).standard_normal((1000, 4, 4))
/// >>> np.allclose(a @ ainv.inv(a), np.eye(4))
/// True
///
/// >>> ainv.inv([[[1.0, 2.0], [2.0, 4.0]], [[1.0, 2.0], [3.0, 4.0]]], on_singular="nan")
/// array([[[ nan,  nan],
///         [ nan,  nan]],
/// <BLANKLINE>
///        [[-2. ,  1. ],
///         [ 1.5, -0.5]]])
///
/// >>> components = np.random.default_rng(0).standard_normal((3, 3, 1000))
/// >>> ainv.inv(components, axes=(0, 1)).shape
/// (3, 3, 1000)
#[pyfunction]
#[pyo3(signature = (a, *, assume="auto", on_singular="raise", precision=None, out=None, axes=None, stream=None))]
pub(crate) fn inv<'py>(
    py: Python<'py>,
    a: &Any<'py>,
    assume: &str,
    on_singular: &str,
    precision: Option<&str>,
    out: Keyword<'_, 'py>,
    axes: Keyword<'_, 'py>,
    stream: Keyword<'_, 'py>,
) -> PyResult<Any<'py>> {
    let keywords = Keywords::new(py, precision, stream)?;
    let keywords = keywords.assume(assume)?.on_singular(on_singular, true)?;
    let axes = Axes::parse(axes)?;
    if let Ok(a) = a.cast::<Array>() {
        return enqueue::unary(py, Op::Inv, a.get(), axes, out, keywords.enqueued());
    }
    if let Some(library) = libraries::adapter_on(a, stream)? {
        return match axes {
            Axes::Last => {
                library.call_method1(intern!(py, "inv"), (a, assume, on_singular, precision, out))
            }
            Axes::At(..) => {
                let dims: usize = a.getattr("ndim")?.extract()?;
                array::matrices(py, &vec![0; dims])?;
                let arguments = (library, a, axes.of(dims)?, assume, on_singular, precision, out);
                py.import("ainv._axes")?.getattr("inv")?.call1(arguments)
            }
        };
    }
    let a = Input::read(a, |py, shape| {
        array::matrices(py, shape)?;
        let [rows, columns] = axes.of(shape.len())?;
        square(py, &[shape[rows], shape[columns]])
    })?;
    let options = keywords.options(&a);
    unary(py, Op::Inv, a, axes, out, &options)
}

/// The named tuple of `inv_ex`.
pub(crate) fn inv_ex_result(py: Python<'_>) -> PyResult<&Bound<'_, PyAny>> {
    static CLASS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let class = CLASS.get_or_try_init(py, || {
        let module = PyDict::new(py);
        module.set_item("module", "ainv")?;
        let class = py.import("collections")?.getattr("namedtuple")?;
        let class = class.call(("InvExResult", ("inverse", "info")), Some(&module))?;
        class.setattr("__doc__", "What `inv_ex` returns: the inverses, and a number for each.")?;
        PyResult::Ok(class.unbind())
    })?;
    Ok(class.bind(py))
}

/// Inverses of square matrices, and which of them failed.
///
/// Parameters
/// ----------
/// a : (..., n, n) array_like
///     One matrix or a stack of matrices.
/// check_errors : bool, optional
///     Whether a singular matrix raises, as in `inv`, and `ill_conditioned` counts.
/// out : tuple of ndarray, optional
///     Where the result is written: an array for the inverses, one of int32 for the numbers.
/// assume, precision, stream
///     As in `inv`.
///
/// Returns
/// -------
/// InvExResult
///     A named tuple: ``inverse`` of shape (..., n, n), all NaN where a matrix is singular, and
///     ``info``, int32, of shape ``a.shape[:-2]``: 0, or the 1-based number of the zero pivot.
///
/// Examples
/// --------
/// >>> import ainv
/// >>> x, info = ainv.inv_ex([[[1.0, 2.0], [3.0, 4.0]], [[1.0, 2.0], [2.0, 4.0]]])
/// >>> info
/// array([0, 2], dtype=int32)
#[pyfunction]
#[pyo3(signature = (a, *, check_errors=false, assume="auto", precision=None, out=None, stream=None))]
pub(crate) fn inv_ex<'py>(
    py: Python<'py>,
    a: &Any<'py>,
    check_errors: bool,
    assume: &str,
    precision: Option<&str>,
    out: Keyword<'_, 'py>,
    stream: Keyword<'_, 'py>,
) -> PyResult<Any<'py>> {
    let on_singular = if check_errors { "raise" } else { "nan" };
    let keywords = Keywords::new(py, precision, stream)?;
    let keywords = keywords.assume(assume)?.on_singular(on_singular, false)?;
    let keywords = if check_errors { keywords } else { keywords.quiet() };
    if let Ok(a) = a.cast::<Array>() {
        let result = enqueue::inv_ex(py, a.get(), out, keywords.enqueued())?;
        return inv_ex_result(py)?.call1(result);
    }
    if let Some(library) = libraries::adapter_on(a, stream)? {
        return library
            .call_method1(intern!(py, "inv_ex"), (a, check_errors, assume, precision, out));
    }
    let a = Input::read(a, square)?;
    let options = keywords.options(&a);
    let shape = a.shape().to_vec();
    let batch = &shape[..shape.len() - 2];
    let (out, out_info) = match out {
        None => (None, None),
        Some(pair) => {
            let Ok((x, info)) = pair.extract::<(Any, Any)>() else {
                return Err(PyTypeError::new_err("out must be a tuple: (inverse, info)"));
            };
            let info = output::checked_out(&info, batch, &numpy::dtype::<i32>(py))
                .map_err(|e| PyValueError::new_err(format!("info: {}", e.value(py))))?;
            if !info.dtype().is_equiv_to(&numpy::dtype::<i32>(py)) {
                return Err(PyValueError::new_err("info must be of dtype int32"));
            }
            (Some(x), Some(info))
        }
    };
    let half = a.half.as_ref();
    let x = Output::new(py, out.as_ref(), &shape, a.scalar, half, Some(&a.layout), &[])?;
    if let Some(info) = &out_info
        && x.overlaps(info)
    {
        return Err(PyValueError::new_err("the two arrays of out overlap"));
    }
    // The numbers come first: if there is no memory for them, nothing was written yet.
    let info = array::numpy(py, "empty")?.call1((PyTuple::new(py, batch)?, "int32"))?;
    let mut status = Vec::new();
    let count = batch.iter().product();
    status.try_reserve_exact(count).map_err(|e| PyMemoryError::new_err(e.to_string()))?;
    status.resize(count, Status::default());
    let summary = compute(py, &Op::Inv, &a, None, &x, &mut status, &options)?;
    let x = x.finish(half, a.wrap.as_ref())?;
    let info = info.cast_into::<PyArrayDyn<i32>>()?;
    for (place, status) in info.readwrite().as_slice_mut()?.iter_mut().zip(&status) {
        *place = status.at as i32;
    }
    let info = match out_info {
        Some(given) => {
            output::copy_to(&given, info.as_untyped())?;
            given.into_any()
        }
        None => info.into_any(),
    };
    judge(py, summary, batch, &options)?;
    inv_ex_result(py)?.call1((x, info))
}

/// Moore-Penrose inverses.
///
/// A matrix of full rank is inverted where bounds of its extreme singular values prove that none counts as
/// zero [1]_; that takes a small part of the time of a singular value decomposition. The others are
/// done by their singular values [2]_ or, where a gap tells their rank, to the same effect.
///
/// Parameters
/// ----------
/// a : (..., m, n) array_like
///     One matrix or a stack of matrices.
/// rcond : array_like of float, optional
///     The same as `rtol`, by its older name.
/// hermitian : bool, optional
///     Whether the matrices are Hermitian; then the lower triangle is read, and the diagonal's real
///     part.
/// rtol, atol : array_like of float, optional
///     A singular value counts as zero if it is not over max(atol, rtol * largest). One number for
///     all matrices, or numbers that broadcast to the leading dimensions. Without either, rtol is
///     max(m, n) times the epsilon of the dtype; with a positive atol alone it is zero.
/// on_singular : {"raise", "nan"}, optional
///     What becomes of a matrix that holds NaN or an infinity: an error that names it, or NaN.
/// precision, out, stream
///     As in `inv`.
///
/// Returns
/// -------
/// ndarray
///     The pseudo-inverses, shape (..., n, m).
///
/// References
/// ----------
/// .. [1] N. J. Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., SIAM 2002, theorems 9.3
///        and 10.3, sections 14.2 and 14.3.
/// .. [2] G. H. Golub, C. F. Van Loan, Matrix Computations, 4th ed., Johns Hopkins 2013, section 5.5.2.
///
/// Examples
/// --------
/// >>> import numpy as np, ainv
/// >>> a = np.arange(6.0).reshape(3, 2)
/// >>> x = ainv.pinv(a)
/// >>> np.allclose(a @ x @ a, a), np.allclose(x @ a @ x, x)
/// (True, True)
#[pyfunction]
#[pyo3(signature = (a, rcond=None, hermitian=false, *, rtol=None, atol=None, on_singular="raise", precision=None, out=None, stream=None))]
pub(crate) fn pinv<'py>(
    py: Python<'py>,
    a: &Any<'py>,
    rcond: Keyword<'_, 'py>,
    hermitian: bool,
    rtol: Keyword<'_, 'py>,
    atol: Keyword<'_, 'py>,
    on_singular: &str,
    precision: Option<&str>,
    out: Keyword<'_, 'py>,
    stream: Keyword<'_, 'py>,
) -> PyResult<Any<'py>> {
    let keywords = Keywords::new(py, precision, stream)?.on_singular(on_singular, false)?;
    let (name, rtol) = match (rcond, rtol) {
        (Some(_), Some(_)) => {
            return Err(PyValueError::new_err("rcond and rtol are one and the same: give one"));
        }
        (Some(rcond), None) => ("rcond", Some(rcond)),
        (None, rtol) => ("rtol", rtol),
    };
    let cut = |shape: &[usize], epsilon: Option<f64>| {
        let [batch @ .., m, n] = shape else { unreachable!("the shape was checked") };
        let atol = Tol::parse("atol", atol, batch)?;
        let rtol = match (Tol::parse(name, rtol, batch)?, epsilon) {
            (None, Some(epsilon)) => Some(Tol::default_for(epsilon, *m.max(n), atol.as_ref())),
            (rtol, _) => rtol,
        };
        PyResult::Ok(Op::Pinv(Pinv { rtol, atol, hermitian }))
    };
    let check = if hermitian { square } else { array::matrices };
    if let Ok(a) = a.cast::<Array>() {
        let a = a.get();
        check(py, a.shape())?;
        let op = cut(a.shape(), None)?;
        return enqueue::unary(py, op, a, Axes::Last, out, keywords.enqueued());
    }
    if let Some(library) = libraries::adapter_on(a, stream)? {
        return library.call_method1(
            intern!(py, "pinv"),
            (a, rtol, hermitian, atol, on_singular, precision, out),
        );
    }
    let a = Input::read(a, check)?;
    let options = keywords.options(&a);
    let op = cut(a.shape(), a.half.as_ref().map(|half| half.epsilon))?;
    unary(py, op, a, Axes::Last, out, &options)
}

/// Inverses of positive definite matrices, from their Cholesky factors.
///
/// Parameters
/// ----------
/// L : (..., n, n) array_like
///     The factors; the other triangle is not read.
/// upper : bool, optional
///     Whether they are upper: A = U^H U. Otherwise A = L L^H.
/// on_singular, precision, out, stream
///     As in `inv`; singular is a factor with a zero on its diagonal.
///
/// Returns
/// -------
/// ndarray
///     The inverses of A, shape (..., n, n), exactly Hermitian.
///
/// See Also
/// --------
/// ill_conditioned : Says what becomes of a matrix that is nearly singular.
///
/// Examples
/// --------
/// >>> import numpy as np, ainv
/// >>> a = np.array([[4.0, 2.0], [2.0, 5.0]])
/// >>> np.allclose(ainv.cholesky_inv(np.linalg.cholesky(a)), np.linalg.inv(a))
/// True
#[pyfunction]
#[pyo3(signature = (L, upper=false, *, on_singular="raise", precision=None, out=None, stream=None))]
#[expect(non_snake_case, reason = "the name that MLX and the textbooks have")]
pub(crate) fn cholesky_inv<'py>(
    py: Python<'py>,
    L: &Any<'py>,
    upper: bool,
    on_singular: &str,
    precision: Option<&str>,
    out: Keyword<'_, 'py>,
    stream: Keyword<'_, 'py>,
) -> PyResult<Any<'py>> {
    let keywords = Keywords::new(py, precision, stream)?.on_singular(on_singular, false)?;
    if let Ok(l) = L.cast::<Array>() {
        let op = Op::CholeskyInv(uplo(upper));
        return enqueue::unary(py, op, l.get(), Axes::Last, out, keywords.enqueued());
    }
    if let Some(library) = libraries::adapter_on(L, stream)? {
        return library
            .call_method1(intern!(py, "cholesky_inv"), (L, upper, on_singular, precision, out));
    }
    let l = Input::read(L, square)?;
    let options = keywords.options(&l);
    unary(py, Op::CholeskyInv(uplo(upper)), l, Axes::Last, out, &options)
}

/// Inverses of triangular matrices.
///
/// Parameters
/// ----------
/// a : (..., n, n) array_like
///     One matrix or a stack of matrices; the other triangle is not read.
/// upper : bool, optional
///     Whether they are upper triangles.
/// unit_diagonal : bool, optional
///     Whether the diagonals are one; then they are not read.
/// on_singular, precision, out, stream
///     As in `inv`; singular is a triangle with a zero on its diagonal.
///
/// Returns
/// -------
/// ndarray
///     The inverses, shape (..., n, n), with exact zeros in the other triangle.
///
/// See Also
/// --------
/// ill_conditioned : Says what becomes of a matrix that is nearly singular.
///
/// Examples
/// --------
/// >>> import ainv
/// >>> ainv.tri_inv([[2.0, 7.0], [1.0, 4.0]])
/// array([[ 0.5  ,  0.   ],
///        [-0.125,  0.25 ]])
#[pyfunction]
#[pyo3(signature = (a, upper=false, *, unit_diagonal=false, on_singular="raise", precision=None, out=None, stream=None))]
pub(crate) fn tri_inv<'py>(
    py: Python<'py>,
    a: &Any<'py>,
    upper: bool,
    unit_diagonal: bool,
    on_singular: &str,
    precision: Option<&str>,
    out: Keyword<'_, 'py>,
    stream: Keyword<'_, 'py>,
) -> PyResult<Any<'py>> {
    let keywords = Keywords::new(py, precision, stream)?.on_singular(on_singular, false)?;
    let diag = if unit_diagonal { Diag::Unit } else { Diag::NonUnit };
    if let Ok(a) = a.cast::<Array>() {
        let op = Op::TriInv(uplo(upper), diag);
        return enqueue::unary(py, op, a.get(), Axes::Last, out, keywords.enqueued());
    }
    if let Some(library) = libraries::adapter_on(a, stream)? {
        return library.call_method1(
            intern!(py, "tri_inv"),
            (a, upper, unit_diagonal, on_singular, precision, out),
        );
    }
    let a = Input::read(a, square)?;
    let options = keywords.options(&a);
    unary(py, Op::TriInv(uplo(upper), diag), a, Axes::Last, out, &options)
}

/// Cholesky factors of positive definite matrices.
///
/// Parameters
/// ----------
/// a : (..., n, n) array_like
///     One matrix or a stack of matrices; the lower triangle is read.
/// upper : bool, optional
///     Whether the factor is upper, A = U^H U, and the upper triangle is read. Otherwise
///     A = L L^H.
/// on_singular, precision, out, stream
///     As in `inv`; a matrix that is not positive definite has no factor.
///
/// Returns
/// -------
/// ndarray
///     The factors, shape (..., n, n), with zeros in the other triangle.
///
/// Examples
/// --------
/// >>> import ainv
/// >>> ainv.cholesky([[4.0, 2.0], [2.0, 5.0]])
/// array([[2., 0.],
///        [1., 2.]])
#[pyfunction]
#[pyo3(signature = (a, upper=false, *, on_singular="raise", precision=None, out=None, stream=None))]
pub(crate) fn cholesky<'py>(
    py: Python<'py>,
    a: &Any<'py>,
    upper: bool,
    on_singular: &str,
    precision: Option<&str>,
    out: Keyword<'_, 'py>,
    stream: Keyword<'_, 'py>,
) -> PyResult<Any<'py>> {
    let keywords = Keywords::new(py, precision, stream)?.on_singular(on_singular, false)?;
    if let Ok(a) = a.cast::<Array>() {
        let op = Op::Cholesky(uplo(upper));
        return enqueue::unary(py, op, a.get(), Axes::Last, out, keywords.enqueued());
    }
    if let Some(library) = libraries::adapter_on(a, stream)? {
        return library
            .call_method1(intern!(py, "cholesky"), (a, upper, on_singular, precision, out));
    }
    let a = Input::read(a, square)?;
    let options = keywords.options(&a);
    unary(py, Op::Cholesky(uplo(upper)), a, Axes::Last, out, &options)
}

/// Reciprocal condition numbers.
///
/// Parameters
/// ----------
/// a : (..., n, n) array_like
///     One matrix or a stack of matrices.
/// p : {1, 2, inf}, optional
///     The norm: the largest column sum, singular value or row sum.
/// assume, stream
///     As in `inv`.
///
/// Returns
/// -------
/// ndarray or scalar
///     1 / (norm(a) norm(inv(a))), of shape ``a.shape[:-2]``: 0 for a singular matrix, NaN for one
///     that holds NaN or an infinity.
///
/// Notes
/// -----
/// About log10(rcond / eps) digits of an inverse can be trusted, eps being the dtype's.
///
/// Up to order 64, of diagonals, and for ``p=2`` the number is exact but for rounding. Above it the norm
/// of the inverse is estimated from factors of the matrix, by Higham and Tisseur's block algorithm
/// (SIAM J. Matrix Anal. Appl. 21, 2000), at a third of the price of an inverse: it is never too small,
/// mostly exact, and seldom over three times too large. No bit depends on threads.
///
/// Examples
/// --------
/// >>> import numpy as np, ainv
/// >>> print(ainv.rcond(np.diag([1.0, 0.25])))
/// 0.25
#[pyfunction]
#[pyo3(signature = (a, *, p=None, assume="auto", stream=None), text_signature = "(a, *, p=1, assume='auto', stream=None)")]
pub(crate) fn rcond<'py>(
    py: Python<'py>,
    a: &Any<'py>,
    p: Keyword<'_, 'py>,
    assume: &str,
    stream: Keyword<'_, 'py>,
) -> PyResult<Any<'py>> {
    let keywords = Keywords::new(py, None, stream)?.assume(assume)?;
    let norm = p.map(norm).transpose()?.unwrap_or_default();
    if let Ok(a) = a.cast::<Array>() {
        return enqueue::rcond(py, a.get(), norm, keywords.enqueued());
    }
    if let Some(library) = libraries::adapter_on(a, stream)? {
        return library.call_method1(intern!(py, "rcond"), (a, p, assume));
    }
    let a = Input::read(a, square)?;
    let options = keywords.options(&a);
    let out = call::rcond(py, &a, norm, &options)?;
    let out = match &a.half {
        Some(half) => half.cast(&out)?,
        None => out,
    };
    // An index of () turns an array without dimensions into a scalar, as NumPy's functions do.
    out.get_item(PyTuple::empty(py))
}
