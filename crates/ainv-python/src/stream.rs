//! Devices and streams, with MLX's names and meaning.

use crate::{error, libraries, wait};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::sync::{Mutex, PoisonError};
use std::thread::{self, ThreadId};

/// A device: a kind and a number.
///
/// Parameters
/// ----------
/// kind : {"cpu", "gpu"}
///     What kind of device. A ``"gpu"`` is served where the build has the feature ``cuda`` or ``wgpu`` and a device
///     is found, for `inv`, `inv_ex`, `solve`, `cholesky`, `cholesky_inv`, `tri_inv` and `pinv`; else the functions
///     refuse it before any work.
/// index : int, optional
///     Which one of that kind.
///
/// Examples
/// --------
/// >>> import ainv
/// >>> ainv.Device("cpu")
/// Device('cpu', 0)
/// >>> ainv.Device("cpu") == ainv.cpu
/// True
#[pyclass(frozen, eq, hash, module = "ainv")]
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Device(pub(crate) ainv::Device);

#[pymethods]
impl Device {
    #[new]
    #[pyo3(signature = (kind, index=0))]
    fn new(kind: &str, index: u32) -> PyResult<Device> {
        let kind = match kind {
            "cpu" => ainv::DeviceKind::Cpu,
            "gpu" => ainv::DeviceKind::Gpu,
            _ => return Err(PyValueError::new_err(format!("no device {kind:?}: cpu or gpu"))),
        };
        Ok(Device(ainv::Device { kind, index }))
    }
    /// "cpu" or "gpu".
    #[getter]
    fn kind(&self) -> &'static str {
        match self.0.kind {
            ainv::DeviceKind::Cpu => "cpu",
            ainv::DeviceKind::Gpu => "gpu",
        }
    }
    /// Which one of that kind.
    #[getter]
    fn index(&self) -> u32 {
        self.0.index
    }
    fn __repr__(&self) -> String {
        format!("Device('{}', {})", self.kind(), self.0.index)
    }
    fn __getnewargs__(&self) -> (&'static str, u32) {
        (self.kind(), self.0.index)
    }
}

/// A queue of work on a device.
///
/// A plain value that names a queue; `new_stream` makes one. Work on one stream is done in the order in
/// which it was enqueued, work on different streams at the same time.
///
/// Parameters
/// ----------
/// index : int
///     Which queue of the device; 0 is the one that every device has from the start.
/// device : Device
///     The device.
///
/// Examples
/// --------
/// >>> import ainv
/// >>> s = ainv.Stream(0, ainv.cpu)
/// >>> s.device, s.kind, s.index
/// (Device('cpu', 0), 'cpu', 0)
#[pyclass(frozen, eq, hash, module = "ainv")]
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Stream(pub(crate) ainv::Stream);

#[pymethods]
impl Stream {
    #[new]
    fn new(index: u32, device: &Bound<'_, Device>) -> Stream {
        Stream(ainv::Stream { device: device.get().0, index })
    }
    /// The device.
    #[getter]
    fn device(&self) -> Device {
        Device(self.0.device)
    }
    /// The device's kind.
    #[getter]
    fn kind(&self) -> &'static str {
        self.device().kind()
    }
    /// Which queue of the device.
    #[getter]
    fn index(&self) -> u32 {
        self.0.index
    }
    fn __repr__(&self) -> String {
        format!("Stream({}, {})", self.0.index, self.device().__repr__())
    }
    fn __getnewargs__(&self) -> (u32, Device) {
        (self.0.index, self.device())
    }
}

/// The device that work runs on where no stream is given.
///
/// Returns
/// -------
/// Device
///     Inside of ``with ainv.stream(...)`` that one's device, else what `set_default_device` set.
///
/// Examples
/// --------
/// >>> import ainv
/// >>> ainv.default_device()
/// Device('cpu', 0)
#[pyfunction]
pub(crate) fn default_device() -> Device {
    Device(ainv::default_device())
}

/// Sets the device that work runs on where no stream is given, for the process.
///
/// Parameters
/// ----------
/// device : Device or str
///     The device.
///
/// Raises
/// ------
/// RuntimeError
///     If no back-end serves the device.
///
/// Examples
/// --------
/// >>> import ainv
/// >>> ainv.set_default_device(ainv.cpu)
/// >>> ainv.set_default_device("gpu")
/// Traceback (most recent call last):
///     ...
/// RuntimeError: no back-end of this build serves the device gpu:0
#[pyfunction]
pub(crate) fn set_default_device(device: &Bound<'_, PyAny>) -> PyResult<()> {
    let py = device.py();
    ainv::set_default_device(parse_device(device)?).map_err(|e| error::raise(py, e, &[]))
}

/// The stream that work on a device goes to where no other is given.
///
/// Parameters
/// ----------
/// device : Device or str
///     The device.
///
/// Returns
/// -------
/// Stream
///     This thread's: stream 0, until `set_default_stream` or ``with ainv.stream(...)`` says another.
///
/// Examples
/// --------
/// >>> import ainv
/// >>> ainv.default_stream(ainv.cpu)
/// Stream(0, Device('cpu', 0))
#[pyfunction]
pub(crate) fn default_stream(device: &Bound<'_, PyAny>) -> PyResult<Stream> {
    let py = device.py();
    let stream = ainv::default_stream(parse_device(device)?);
    stream.map(Stream).map_err(|e| error::raise(py, e, &[]))
}

/// Makes a stream the default one of its device, for this thread.
///
/// The default device stays what it is.
///
/// Parameters
/// ----------
/// stream : Stream
///     The stream.
///
/// Examples
/// --------
/// >>> import ainv
/// >>> before = ainv.default_stream(ainv.cpu)
/// >>> s = ainv.new_stream(ainv.cpu)
/// >>> ainv.set_default_stream(s)
/// >>> ainv.default_stream(ainv.cpu) == s
/// True
/// >>> ainv.set_default_stream(before)
#[pyfunction]
pub(crate) fn set_default_stream(py: Python<'_>, stream: &Bound<'_, Stream>) -> PyResult<()> {
    ainv::set_default_stream(stream.get().0).map_err(|e| error::raise(py, e, &[]))
}

/// Makes a stream.
///
/// Parameters
/// ----------
/// device : Device or str
///     The device that its work shall run on.
///
/// Returns
/// -------
/// Stream
///     A queue of its own, which any thread can use. It costs no thread: all streams share those that
///     `get_num_threads` counts.
///
/// Raises
/// ------
/// RuntimeError
///     If no back-end serves the device.
///
/// Examples
/// --------
/// >>> import ainv
/// >>> s, t = ainv.new_stream(ainv.cpu), ainv.new_stream(ainv.cpu)
/// >>> a = ainv.asarray([[2.0, 0.0], [0.0, 4.0]])
/// >>> x, y = ainv.inv(a, stream=s), ainv.inv(a, stream=t)
/// >>> x @ y
/// Array([[0.25  , 0.    ],
///        [0.    , 0.0625]])
#[pyfunction]
pub(crate) fn new_stream(device: &Bound<'_, PyAny>) -> PyResult<Stream> {
    let py = device.py();
    let stream = ainv::Stream::new(parse_device(device)?);
    stream.map(Stream).map_err(|e| error::raise(py, e, &[]))
}

/// Waits until the work that was enqueued so far is done.
///
/// An error of that work does not arise here but where its result is looked at. Ctrl-C ends the wait,
/// not the work.
///
/// Parameters
/// ----------
/// stream : Device, Stream or str, optional
///     The stream, or the device whose default stream is meant; this thread's current one if None.
///
/// Examples
/// --------
/// >>> import ainv
/// >>> x = ainv.inv(ainv.asarray([[2.0]]))
/// >>> ainv.synchronize()
#[pyfunction]
#[pyo3(signature = (stream=None))]
pub(crate) fn synchronize(py: Python<'_>, stream: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
    let marker = served(py, stream)?.marker().map_err(|e| error::raise(py, e, &[]))?;
    wait::until_done(py, &marker.done())
}

/// The number of devices of a kind.
///
/// Parameters
/// ----------
/// kind : {"cpu", "gpu"} or Device
///     The kind.
///
/// Returns
/// -------
/// int
///     How many a back-end of this build serves.
///
/// Examples
/// --------
/// >>> import ainv
/// >>> ainv.device_count("cpu"), ainv.device_count(ainv.gpu)
/// (1, 0)
#[pyfunction]
pub(crate) fn device_count(kind: &Bound<'_, PyAny>) -> PyResult<usize> {
    Ok(ainv::device_count(parse_device(kind)?.kind))
}

/// What is known of a device.
///
/// Parameters
/// ----------
/// device : Device or str, optional
///     The device; the default one if None.
///
/// Returns
/// -------
/// dict
///     Its ``device_name`` and ``architecture``; ``memory_size`` in bytes, or None; ``cores``, the
///     physical ones, or None; ``threads``, those that this process may use; ``instruction_set``, the
///     one that the work is done with, None of a GPU; ``driver``, a GPU's, else None; ``caches``, a list of
///     dictionaries with ``level``, ``bytes`` and the number of threads that it is ``shared_by``.
///
/// Raises
/// ------
/// RuntimeError
///     If no back-end serves the device.
///
/// Examples
/// --------
/// >>> import ainv
/// >>> ainv.device_info()["threads"] >= 1
/// True
#[pyfunction]
#[pyo3(signature = (device=None))]
pub(crate) fn device_info<'py>(
    py: Python<'py>,
    device: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyDict>> {
    let device = device.map_or_else(|| Ok(ainv::default_device()), parse_device)?;
    let info = ainv::device_info(device).map_err(|e| error::raise(py, e, &[]))?;
    let caches = info.caches.iter().map(|cache| {
        let entry = PyDict::new(py);
        entry.set_item("level", cache.level)?;
        entry.set_item("bytes", cache.bytes)?;
        entry.set_item("shared_by", cache.shared_by)?;
        Ok(entry)
    });
    let known = PyDict::new(py);
    known.set_item("device_name", &info.name)?;
    known.set_item("architecture", info.architecture)?;
    known.set_item("memory_size", info.memory)?;
    known.set_item("cores", info.cores)?;
    known.set_item("threads", info.threads)?;
    known.set_item("instruction_set", info.instruction_set.map(|set| set.to_string()))?;
    known.set_item("driver", info.driver)?;
    known.set_item("caches", caches.collect::<PyResult<Vec<_>>>()?)?;
    Ok(known)
}

/// A context in which work goes to a stream where no other is given; this thread's work alone.
///
/// Parameters
/// ----------
/// s : Stream, Device or str
///     The stream; of a device its default one.
///
/// Examples
/// --------
/// >>> import ainv
/// >>> s = ainv.new_stream(ainv.cpu)
/// >>> with ainv.stream(s):
/// ...     x = ainv.inv(ainv.asarray([[2.0]]))  # on s
/// ...     ainv.default_stream(ainv.cpu) == s
/// True
#[pyclass(frozen, module = "ainv", name = "stream")]
pub(crate) struct Context {
    stream: ainv::Stream,
    /// What to go back to, and in which thread: a context can be entered by several, and again
    /// inside itself.
    before: Mutex<Vec<(ThreadId, ainv::Defaults)>>,
}

#[pymethods]
impl Context {
    #[new]
    fn new(s: &Bound<'_, PyAny>) -> PyResult<Context> {
        Ok(Context { stream: served(s.py(), Some(s))?, before: Mutex::default() })
    }
    fn __enter__(slf: PyRef<'_, Self>) -> PyResult<PyRef<'_, Self>> {
        let entered = ainv::enter_stream(slf.stream);
        let defaults = entered.map_err(|e| error::raise(slf.py(), e, &[]))?;
        let mut before = slf.before.lock().unwrap_or_else(PoisonError::into_inner);
        before.push((thread::current().id(), defaults));
        drop(before);
        Ok(slf)
    }
    #[pyo3(signature = (*_exception))]
    fn __exit__(&self, _exception: &Bound<'_, PyAny>) {
        let (mut before, here) =
            (self.before.lock().unwrap_or_else(PoisonError::into_inner), thread::current().id());
        if let Some(last) = before.iter().rposition(|(thread, _)| *thread == here) {
            ainv::restore_defaults(before.remove(last).1);
        }
    }
}

/// The device that something names, as MLX, torch and JAX name theirs.
fn named(device: &Bound<'_, PyAny>) -> PyResult<Option<ainv::Device>> {
    if let Ok(device) = device.cast::<Device>() {
        Ok(Some(device.get().0))
    } else if let Ok(kind) = device.extract::<&str>() {
        Ok(Some(Device::new(kind, 0)?.0))
    } else if let Some((kind, index)) = libraries::device(device)? {
        Ok(Some(Device::new(&kind, index)?.0))
    } else {
        Ok(None)
    }
}

/// Whether `stream=` names the GPU that is served, not one of its streams.
pub(crate) fn names_gpu(stream: &Bound<'_, PyAny>) -> PyResult<bool> {
    let is_stream = stream.get_type().name()?.to_cow()?.ends_with("Stream");
    Ok(!is_stream && named(stream)? == Some(ainv::Device::GPU))
}

fn parse_device(device: &Bound<'_, PyAny>) -> PyResult<ainv::Device> {
    named(device)?.map_or_else(
        || {
            let what = device.get_type().name()?;
            Err(PyTypeError::new_err(format!(
                "device must be a Device, \"cpu\" or \"gpu\", not {what}"
            )))
        },
        Ok,
    )
}

/// What `stream=` means, once it is known that a back-end serves it: an error comes before any work.
pub(crate) fn served(py: Python<'_>, stream: Option<&Bound<'_, PyAny>>) -> PyResult<ainv::Stream> {
    let refused = |e| error::raise(py, e, &[]);
    let Some(s) = stream else { return Ok(ainv::current_stream()) };
    if let Ok(stream) = s.cast::<Stream>() {
        let stream = stream.get().0;
        stream.check().map_err(refused)?;
        return Ok(stream);
    }
    let Some(device) = named(s)? else {
        let what = s.get_type().name()?;
        return Err(PyTypeError::new_err(format!(
            "stream must be a Device, a Stream or None, not {what}"
        )));
    };
    ainv::default_stream(device).map_err(refused)
}
