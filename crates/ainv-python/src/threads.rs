//! How many threads a call uses.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use std::sync::Mutex;

fn set(n: i64) -> PyResult<()> {
    usize::try_from(n).ok().and_then(|n| ainv::set_num_threads(n).ok()).ok_or_else(|| {
        PyValueError::new_err(format!("the number of threads must be >= 1, not {n}"))
    })
}

/// Sets how many threads a call may use.
///
/// Parameters
/// ----------
/// n : int
///     At least 1. At first it is the number in AINV_NUM_THREADS, RAYON_NUM_THREADS or
///     OMP_NUM_THREADS, else that of the cores.
///
/// Raises
/// ------
/// ValueError
///     If `n` is less than 1.
///
/// Examples
/// --------
/// >>> import ainv
/// >>> before = ainv.get_num_threads()
/// >>> ainv.set_num_threads(2)
/// >>> ainv.get_num_threads()
/// 2
/// >>> ainv.set_num_threads(before)
#[pyfunction]
pub(crate) fn set_num_threads(n: i64) -> PyResult<()> {
    set(n)
}

/// How many threads a call may use.
///
/// Returns
/// -------
/// int
///     The number. No bit of a result depends on it.
///
/// Examples
/// --------
/// >>> import ainv
/// >>> with ainv.threads(3):
/// ...     ainv.get_num_threads()
/// 3
#[pyfunction]
pub(crate) fn get_num_threads() -> usize {
    ainv::num_threads()
}

/// A context in which a call may use `n` threads.
///
/// The setting is the process's: other Python threads see it too.
///
/// Parameters
/// ----------
/// n : int
///     At least 1.
///
/// Examples
/// --------
/// >>> import ainv
/// >>> with ainv.threads(1):
/// ...     ainv.get_num_threads()
/// 1
#[pyclass(frozen, module = "ainv", name = "threads")]
pub(crate) struct Threads {
    n: i64,
    /// What to go back to; a stack, because a context can be entered again inside itself.
    before: Mutex<Vec<usize>>,
}

impl Threads {
    fn before(&self) -> std::sync::MutexGuard<'_, Vec<usize>> {
        // Nothing panics while the lock is held.
        self.before.lock().unwrap_or_else(|e| e.into_inner())
    }
}

#[pymethods]
impl Threads {
    #[new]
    fn new(n: i64) -> PyResult<Threads> {
        if n < 1 {
            set(n)?;
        }
        Ok(Threads { n, before: Mutex::default() })
    }
    fn __enter__(slf: PyRef<'_, Self>) -> PyResult<PyRef<'_, Self>> {
        slf.before().push(ainv::num_threads());
        set(slf.n)?;
        Ok(slf)
    }
    #[pyo3(signature = (*_exception))]
    fn __exit__(&self, _exception: &Bound<'_, PyAny>) -> PyResult<()> {
        match self.before().pop() {
            Some(n) => set(n as i64),
            None => Ok(()),
        }
    }
}
