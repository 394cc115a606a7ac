//! `report`, and what it returns.

use crate::array::{Input, numpy, square};
use crate::functions::{Any, Keyword};
use crate::options::Keywords;
use crate::ours::{Array, viewed};
use crate::{call, libraries};
use ainv::{Code, MatrixReport, Method, Structure, Verdict};
use ainv_io::{Cause, TextFile};
use numpy::{Element, PyArray1};
use pyo3::exceptions::PyOSError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use std::fmt::Display;
use std::io;
use std::path::PathBuf;

/// What `report` found out about matrices and their inverses.
///
/// It prints as a table, and a notebook shows it with pictures. Its attributes are arrays of the stack's
/// shape, ``a.shape[:-2]``; of a single matrix they are scalars.
///
/// Attributes
/// ----------
/// verdict : str
///     "good" if at least half of the digits can be trusted, "care" if fewer can, "worthless" if none
///     can, "no inverse".
/// status : str
///     "ok", "singular", "not positive definite" or "not finite".
/// info : int
///     0, or the 1-based number of the pivot that is zero or not positive, as in `inv_ex`.
/// rcond : float
///     The reciprocal condition number in the 1-norm: 1 is best, 0 for a singular matrix, NaN for one
///     that holds NaN or an infinity.
/// digits : int
///     The decimal digits of the inverse that can be trusted: log10(rcond / eps), or fewer where the
///     residuals show more error.
/// right_residual, left_residual : float
///     The 1-norms of ``a @ x - I`` and of ``x @ a - I``, measured in double precision. The smaller one
///     bounds the relative error of the inverse `x`.
/// norm, inverse_norm : float
///     The 1-norms of the matrix and of its inverse.
/// structure : str
///     What the entries show: "diagonal", "lower triangular", "upper triangular", "symmetric", "Hermitian",
///     either of them followed by "positive definite", or "general".
/// rank : int
///     How many singular values are over n times the epsilon of the dtype times the largest one; -1
///     where it is not known: of a matrix that is not finite, or if it would have cost too much.
/// route, reason : str
///     How the matrix was inverted, and why so.
/// worst : tuple of int or None
///     The index of the worst matrix; None if there is none.
/// shape : tuple of int
///     The shape of the stack of matrices.
///
/// See Also
/// --------
/// report : Makes one.
///
/// Examples
/// --------
/// >>> import numpy as np, ainv
/// >>> r = ainv.report(np.array([[[2.0, 0.0], [0.0, 1.0]], [[1.0, 2.0], [2.0, 4.0]]]))
/// >>> r.status
/// array(['ok', 'singular'], dtype='<U21')
/// >>> r.rcond
/// array([0.5, 0. ])
/// >>> r.worst
/// (1,)
#[pyclass(frozen, module = "ainv", name = "Report")]
pub(crate) struct Report(ainv::Report);

impl Report {
    fn batch<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, &self.0.shape[..self.0.shape.len() - 2])
    }

    fn shaped<'py>(&self, flat: Any<'py>) -> PyResult<Any<'py>> {
        let py = flat.py();
        let shaped = flat.call_method1(intern!(py, "reshape"), (self.batch(py)?,))?;
        // An index of () turns an array without dimensions into a scalar.
        shaped.get_item(PyTuple::empty(py))
    }

    fn numbers<'py, N: Element>(
        &self,
        py: Python<'py>,
        of: impl Fn(&MatrixReport) -> N,
    ) -> PyResult<Any<'py>> {
        let flat: Vec<N> = self.0.matrices.iter().map(of).collect();
        self.shaped(PyArray1::from_vec(py, flat).into_any())
    }

    /// The name of each matrix's `number` among `names`.
    fn words<'py>(
        &self,
        py: Python<'py>,
        names: impl IntoIterator<Item = impl Display>,
        number: impl Fn(&MatrixReport) -> usize,
    ) -> PyResult<Any<'py>> {
        let names: Vec<String> = names.into_iter().map(|name| name.to_string()).collect();
        let names = numpy(py, "array")?.call1((names,))?;
        let numbers: Vec<i64> = self.0.matrices.iter().map(|of| number(of) as i64).collect();
        let numbers = PyArray1::from_vec(py, numbers);
        self.shaped(names.call_method1(intern!(py, "take"), (numbers,))?)
    }
}

#[pymethods]
impl Report {
    #[getter]
    fn shape<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, &self.0.shape)
    }
    #[getter]
    fn verdict<'py>(&self, py: Python<'py>) -> PyResult<Any<'py>> {
        self.words(py, Verdict::ALL, |of| of.verdict() as usize)
    }
    #[getter]
    fn status<'py>(&self, py: Python<'py>) -> PyResult<Any<'py>> {
        self.words(py, Code::ALL, |of| of.status.code as usize)
    }
    #[getter]
    fn info<'py>(&self, py: Python<'py>) -> PyResult<Any<'py>> {
        self.numbers(py, |of| of.status.at as i32)
    }
    #[getter]
    fn rcond<'py>(&self, py: Python<'py>) -> PyResult<Any<'py>> {
        self.numbers(py, |of| of.rcond)
    }
    #[getter]
    fn digits<'py>(&self, py: Python<'py>) -> PyResult<Any<'py>> {
        self.numbers(py, |of| i64::from(of.digits.good))
    }
    #[getter]
    fn right_residual<'py>(&self, py: Python<'py>) -> PyResult<Any<'py>> {
        self.numbers(py, |of| of.right_residual)
    }
    #[getter]
    fn left_residual<'py>(&self, py: Python<'py>) -> PyResult<Any<'py>> {
        self.numbers(py, |of| of.left_residual)
    }
    #[getter]
    fn norm<'py>(&self, py: Python<'py>) -> PyResult<Any<'py>> {
        self.numbers(py, |of| of.norm)
    }
    #[getter]
    fn inverse_norm<'py>(&self, py: Python<'py>) -> PyResult<Any<'py>> {
        self.numbers(py, |of| of.inverse_norm)
    }
    #[getter]
    fn structure<'py>(&self, py: Python<'py>) -> PyResult<Any<'py>> {
        self.words(py, Structure::ALL, |of| of.structure as usize)
    }
    #[getter]
    fn rank<'py>(&self, py: Python<'py>) -> PyResult<Any<'py>> {
        self.numbers(py, |of| of.rank.map_or(-1, |rank| rank as i64))
    }
    #[getter]
    fn route<'py>(&self, py: Python<'py>) -> PyResult<Any<'py>> {
        let routes = Method::ALL.map(|method| self.0.route(method));
        self.words(py, routes, |of| of.method as usize)
    }
    #[getter]
    fn reason<'py>(&self, py: Python<'py>) -> PyResult<Any<'py>> {
        let reasons = Method::ALL.map(|method| self.0.reason(method));
        self.words(py, reasons, |of| of.method as usize)
    }
    #[getter]
    fn worst<'py>(&self, py: Python<'py>) -> PyResult<Option<Any<'py>>> {
        let Some(&worst) = self.0.worst(1).first() else { return Ok(None) };
        let index = numpy(py, "unravel_index")?.call1((worst, self.batch(py)?))?;
        // NumPy's own integers print their type.
        let index: Vec<usize> = index.extract()?;
        Ok(Some(PyTuple::new(py, index)?.into_any()))
    }

    fn __repr__(&self) -> String {
        self.0.to_string().trim_end().to_owned()
    }

    fn _repr_html_(&self) -> String {
        self.0.to_html()
    }

    /// Writes the report with its pictures as a page: a file that any browser shows and that needs no
    /// other. It appears whole or not at all.
    ///
    /// Parameters
    /// ----------
    /// path : path-like
    ///     The file.
    fn to_html(&self, py: Python<'_>, path: PathBuf) -> PyResult<()> {
        let write = || TextFile::create(&path)?.finish(&ainv::html_page(&[("", &self.0)]));
        py.detach(write).map_err(|error| match &error.cause {
            Cause::System(system) => io::Error::new(system.kind(), error.to_string()).into(),
            _ => PyOSError::new_err(error.to_string()),
        })
    }
}

/// How far inverses can be trusted, and what to do if not.
///
/// Parameters
/// ----------
/// a : (..., n, n) array_like
///     One matrix or a stack of matrices.
/// x : (..., n, n) array_like, optional
///     What should be their inverses, from wherever they come. If None they are computed.
/// assume, stream
///     As in `inv`.
///
/// Returns
/// -------
/// Report
///     For each matrix its status, condition, residuals, structure, rank and route. It prints as a table
///     that says in plain words what is to be thought of the inverses, and in a notebook it has
///     pictures; ``to_html`` writes them to a file.
///
/// Raises
/// ------
/// LinAlgError
///     If the matrices are not square.
/// ValueError
///     If `x` has another shape.
///
/// Notes
/// -----
/// It costs several inversions, and for the worst matrix, up to order 1024, the singular values. The
/// digits are those that a relative error of eps in the matrix leaves, which moves the inverse by up to
/// eps / rcond (N. J. Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., section 14.1); eps
/// is that of the precision inside, double for NumPy's arrays.
///
/// Examples
/// --------
/// >>> import numpy as np, ainv
/// >>> hilbert = 1 / (np.arange(8)[:, None] + np.arange(8) + 1)
/// >>> r = ainv.report(hilbert)
/// >>> print(r.verdict, r.digits, r.structure, r.rank)
/// care 5 symmetric positive definite 8
///
/// >>> r = ainv.report(hilbert, np.linalg.inv(hilbert.astype("float32")))
/// >>> bool(r.left_residual < 1e-3)
/// False
#[pyfunction]
#[pyo3(signature = (a, x=None, *, assume="auto", stream=None))]
pub(crate) fn report<'py>(
    py: Python<'py>,
    a: &Any<'py>,
    x: Keyword<'_, 'py>,
    assume: &str,
    stream: Keyword<'_, 'py>,
) -> PyResult<Report> {
    // As the functions compute these arrays.
    let native = a.cast::<Array>().is_ok()
        || match libraries::adapter(a)? {
            Some(library) => library.hasattr(intern!(py, "NATIVE"))?,
            None => false,
        };
    let keywords = Keywords::new(py, native.then_some("native"), stream)?.assume(assume)?;
    let read = |of: &Any<'py>| {
        let array = match of.cast::<Array>() {
            // It waits for the values.
            Ok(_) => numpy(py, "asarray")?.call1((of,))?,
            Err(_) => viewed(of)?.into_any(),
        };
        Input::read(&array, square)
    };
    let (mut a, mut x) = (read(a)?, x.map(read).transpose()?);
    let options = keywords.options(&a);
    if let Some(given) = x {
        let both = a.scalar.promote(given.scalar);
        (a, x) = (a.cast(both)?, Some(given.cast(both)?));
    }
    Ok(Report(call::report(py, &a, x.as_ref(), &options)?))
}
