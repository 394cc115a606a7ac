//! The Python module of ainv: NumPy arrays in, NumPy arrays out; other libraries' arrays go through
//! their adapters (`libraries`) and come back as their own. The work on `ainv.Array` is enqueued.
//!
//! Unsafe code is in `layout`, `array`, `memory` and where tasks ask `layout` for views.

mod array;
mod call;
#[cfg(feature = "cuda")]
mod cuda;
#[cfg(feature = "cuda")]
mod dlpack;
mod enqueue;
mod error;
mod functions;
mod index;
mod layout;
mod libraries;
mod memory;
mod options;
mod ours;
mod output;
mod place;
mod policy;
mod report;
mod solve;
mod storage;
mod stream;
mod threads;
mod wait;

use pyo3::exceptions::PyImportError;
use pyo3::prelude::*;
use std::ffi::OsString;

/// Prints the version, the instruction set, the threads and the devices.
///
/// Examples
/// --------
/// >>> import ainv
/// >>> ainv.show_config()  # doctest: +ELLIPSIS
/// ainv ...
#[pyfunction]
fn show_config(py: Python<'_>) -> PyResult<()> {
    let list =
        |sets: &[ainv::IsaId]| sets.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let selected = ainv::instruction_set().map_err(|e| error::raise(py, e, &[]))?;
    let text = format!(
        "ainv {}\ninstruction set: {selected} (of {})\nthreads: {}\ndevices: cpu{}",
        env!("CARGO_PKG_VERSION"),
        list(&ainv::available_instruction_sets()),
        ainv::num_threads(),
        gpu(),
    );
    py.import("builtins")?.getattr("print")?.call1((text,))?;
    Ok(())
}

/// The GPU among the devices, if there is one.
fn gpu() -> String {
    let known = ainv::device_info(ainv::Device::GPU);
    known
        .map_or_else(|_| String::new(), |gpu| format!(", gpu ({}, {})", gpu.name, gpu.architecture))
}

/// The ainv command; `ainv._cli` calls it.
#[pyfunction]
fn _main(py: Python<'_>, arguments: Vec<OsString>) -> i32 {
    py.detach(|| ainv_cli::run(arguments))
}

/// Refuses sub-interpreters: classes and modules that are kept for the process belong to one.
fn main_interpreter_only(_: Python<'_>) -> PyResult<()> {
    // SAFETY: this thread is attached to an interpreter, which is what both functions ask for.
    let id = unsafe { pyo3::ffi::PyInterpreterState_GetID(pyo3::ffi::PyInterpreterState_Get()) };
    if id == 0 {
        return Ok(());
    }
    let what = "ainv runs in the main interpreter only, as NumPy does: import it there, or use \
                processes or threads";
    Err(PyImportError::new_err(what))
}

/// The extension module under the package `ainv`.
#[pymodule(gil_used = false)]
fn _ainv(m: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = m.py();
    main_interpreter_only(py)?;
    m.add("__version__", env!("CARGO_PKG_VERSION"))?;
    m.add("LinAlgError", error::class(py)?)?;
    m.add("LinAlgWarning", error::warning_class(py)?)?;
    m.add("InvExResult", functions::inv_ex_result(py)?)?;
    m.add_class::<ours::Array>()?;
    m.add_class::<report::Report>()?;
    m.add_class::<stream::Context>()?;
    m.add_class::<stream::Device>()?;
    m.add_class::<stream::Stream>()?;
    m.add_class::<policy::Context>()?;
    m.add_class::<threads::Threads>()?;
    let device = |kind| stream::Device(ainv::Device { kind, index: 0 });
    m.add("cpu", device(ainv::DeviceKind::Cpu))?;
    m.add("gpu", device(ainv::DeviceKind::Gpu))?;
    for function in [
        wrap_pyfunction!(functions::inv, m)?,
        wrap_pyfunction!(functions::inv_ex, m)?,
        wrap_pyfunction!(functions::pinv, m)?,
        wrap_pyfunction!(functions::cholesky_inv, m)?,
        wrap_pyfunction!(functions::tri_inv, m)?,
        wrap_pyfunction!(functions::cholesky, m)?,
        wrap_pyfunction!(solve::solve, m)?,
        wrap_pyfunction!(functions::rcond, m)?,
        wrap_pyfunction!(report::report, m)?,
        wrap_pyfunction!(ours::asarray, m)?,
        wrap_pyfunction!(ours::eval, m)?,
        wrap_pyfunction!(stream::default_device, m)?,
        wrap_pyfunction!(stream::set_default_device, m)?,
        wrap_pyfunction!(stream::default_stream, m)?,
        wrap_pyfunction!(stream::set_default_stream, m)?,
        wrap_pyfunction!(stream::new_stream, m)?,
        wrap_pyfunction!(stream::synchronize, m)?,
        wrap_pyfunction!(stream::device_count, m)?,
        wrap_pyfunction!(stream::device_info, m)?,
        wrap_pyfunction!(threads::set_num_threads, m)?,
        wrap_pyfunction!(threads::get_num_threads, m)?,
        wrap_pyfunction!(show_config, m)?,
        wrap_pyfunction!(_main, m)?,
    ] {
        m.add_function(function)?;
    }
    #[cfg(feature = "cuda")]
    cuda::add(m)?;
    m.add("cholesky_inverse", m.getattr("cholesky_inv")?)
}
