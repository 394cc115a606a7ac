//! What becomes of ill-conditioned matrices: a setting of a `contextvars` context, hence of each thread and
//! of each asynchronous task, as NumPy's `errstate` is.

use ainv::IllConditioned;
use pyo3::exceptions::PyValueError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether any thread ever asked: until then no call looks at the setting.
static ASKED: AtomicBool = AtomicBool::new(false);

/// What the variable holds where something was set.
#[pyclass(frozen)]
struct Setting {
    chosen: IllConditioned,
    /// The contexts that it was set in, from the innermost.
    entered: Option<Py<Entered>>,
}

/// A context that was entered.
#[pyclass(frozen)]
struct Entered {
    /// The address of its object, which lives as long as it is entered.
    context: usize,
    /// What to go back to.
    before: Option<Py<Setting>>,
}

fn variable(py: Python<'_>) -> PyResult<&Bound<'_, PyAny>> {
    static VARIABLE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let variable = VARIABLE.get_or_try_init(py, || {
        let make = py.import("contextvars")?.getattr("ContextVar")?;
        PyResult::Ok(make.call1(("ainv.ill_conditioned",))?.unbind())
    })?;
    Ok(variable.bind(py))
}

fn get(py: Python<'_>) -> PyResult<Option<Py<Setting>>> {
    let set = variable(py)?.call_method1(intern!(py, "get"), (py.None(),))?;
    Ok(set.extract::<Option<Py<Setting>>>()?)
}

fn set(py: Python<'_>, setting: Option<Py<Setting>>) -> PyResult<()> {
    variable(py)?.call_method1(intern!(py, "set"), (setting,)).map(drop)
}

/// The contexts that a setting was made in.
fn entered(py: Python<'_>, setting: Option<&Py<Setting>>) -> Option<Py<Entered>> {
    Some(setting?.get().entered.as_ref()?.clone_ref(py))
}

/// What is set here.
#[inline]
pub(crate) fn current(py: Python<'_>) -> PyResult<IllConditioned> {
    if !ASKED.load(Ordering::Relaxed) {
        return Ok(IllConditioned::Ignore);
    }
    Ok(get(py)?.map_or(IllConditioned::Ignore, |setting| setting.get().chosen))
}

/// Sets what becomes of a matrix that is nearly singular, or does so for a ``with`` block.
///
/// Its inverse is computed all the same, but may have no correct digit. It counts as ill-conditioned if
/// its reciprocal condition number in the 1-norm is under `limit`.
///
/// Parameters
/// ----------
/// action : {"ignore", "warn", "raise"}
///     Nothing, which is what is set at first and costs nothing; a `LinAlgWarning`; a `LinAlgError`. Both
///     name the first such matrix of a stack (``batch_index``) and its number (``rcond``), and both come
///     after the results were written, for an `Array` where its values are first looked at.
/// limit : float, optional
///     n times the unit roundoff of the result's dtype if None, for order n: then no digit is certain.
///     (The half precision of torch, MLX and CuPy counts as the single precision that it is computed in.)
///
/// Notes
/// -----
/// Asked of `inv`, `inv_ex` with ``check_errors=True``, `cholesky_inv`, `tri_inv` and `solve`. After an
/// inverse the number is 1 / (norm(a) norm(inverse)) of the two matrices, for `cholesky_inv` with the norm
/// of that column of L L^H which looks largest. `solve` estimates it from its factors, as `rcond` does, for
/// the few matrices that some random vectors solved on the way do not show to be good (they mislead once
/// in 10^8). Above order 64 that is found in passing and costs some per cent; "ignore" costs nothing.
///
/// The setting belongs to the thread, or the asynchronous task, as that of `numpy.errstate` does: new
/// threads begin with "ignore". So do those in which dask and ``jax.jit`` run what they were given before.
///
/// Examples
/// --------
/// >>> import ainv
/// >>> a = [[1.0, 1.0], [1.0, 1.0 + 2.0**-52]]
/// >>> with ainv.ill_conditioned("raise"):
/// ...     ainv.inv(a)  # doctest: +ELLIPSIS
/// Traceback (most recent call last):
///     ...
/// ainv.LinAlgError: Ill-conditioned matrix (Batch element 0): its reciprocal condition number is 5.55e-17, ...
/// >>> print(ainv.inv(a)[1, 1] == 2.0**52)
/// True
#[pyclass(frozen, module = "ainv", name = "ill_conditioned")]
pub(crate) struct Context {
    chosen: IllConditioned,
    /// What stands in the variable since this object was made, and what stood there before.
    made: Py<Setting>,
    before: Option<Py<Setting>>,
}

#[pymethods]
impl Context {
    #[new]
    #[pyo3(signature = (action, limit=None))]
    fn new(py: Python<'_>, action: &str, limit: Option<f64>) -> PyResult<Context> {
        if let Some(limit) = limit
            && !(0.0..=1.0).contains(&limit)
        {
            return Err(PyValueError::new_err(format!(
                "limit must be between 0 and 1, as reciprocal condition numbers are, not {limit}"
            )));
        }
        let chosen = match action {
            "ignore" => IllConditioned::Ignore,
            "warn" => IllConditioned::Warn(limit),
            "raise" => IllConditioned::Raise(limit),
            _ => {
                return Err(PyValueError::new_err(format!(
                    "action={action:?} is none of: ignore, warn, raise"
                )));
            }
        };
        ASKED.fetch_or(chosen != IllConditioned::Ignore, Ordering::Relaxed);
        let before = get(py)?;
        let made = Py::new(py, Setting { chosen, entered: entered(py, before.as_ref()) })?;
        set(py, Some(made.clone_ref(py)))?;
        Ok(Context { chosen, made, before })
    }

    fn __enter__(slf: PyRef<'_, Self>) -> PyResult<PyRef<'_, Self>> {
        let py = slf.py();
        let now = get(py)?;
        // Made for this block, or before, or it is entered again.
        let before = match &now {
            Some(now) if now.is(&slf.made) => slf.before.as_ref().map(|b| b.clone_ref(py)),
            _ => now,
        };
        let context = slf.as_ptr() as usize;
        let entered = Some(Py::new(py, Entered { context, before })?);
        set(py, Some(Py::new(py, Setting { chosen: slf.chosen, entered })?))?;
        Ok(slf)
    }

    #[pyo3(signature = (*_exception))]
    fn __exit__(slf: PyRef<'_, Self>, _exception: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = slf.py();
        let mut inside = entered(py, get(py)?.as_ref());
        while let Some(this) = inside {
            let Entered { context, before } = this.get();
            if *context == slf.as_ptr() as usize {
                return set(py, before.as_ref().map(|b| b.clone_ref(py)));
            }
            inside = entered(py, before.as_ref());
        }
        Ok(())
    }
}
