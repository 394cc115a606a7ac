//! Devices and streams, with MLX's names.

use crate::libraries;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;

/// A device: a kind and a number.
///
/// Parameters
/// ----------
/// kind : {"cpu", "gpu"}
///     What kind of device. No back-end of this version serves a ``"gpu"``: the functions refuse it
///     before any work.
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
/// Parameters
/// ----------
/// index : int
///     Which queue of the device; 0 is its default one.
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
/// Examples
/// --------
/// >>> import ainv
/// >>> ainv.default_device()
/// Device('cpu', 0)
#[pyfunction]
pub(crate) fn default_device() -> Device {
    Device(ainv::Device::default())
}

/// What `stream=` means.
pub(crate) fn parse(stream: Option<&Bound<'_, PyAny>>) -> PyResult<ainv::Stream> {
    let Some(s) = stream else { return Ok(ainv::Stream::default()) };
    if let Ok(stream) = s.cast::<Stream>() {
        Ok(stream.get().0)
    } else if let Ok(device) = s.cast::<Device>() {
        Ok(device.get().0.into())
    } else if let Ok(kind) = s.extract::<&str>() {
        Ok(Device::new(kind, 0)?.0.into())
    } else if let Some((kind, index)) = libraries::device(s)? {
        Ok(Device::new(&kind, index)?.0.into())
    } else {
        let what = s.get_type().name()?;
        Err(PyTypeError::new_err(format!("stream must be a Device, a Stream or None, not {what}")))
    }
}
