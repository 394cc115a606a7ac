//! WHERE: devices and streams, and the way of a job to one of them.

pub(crate) mod cpu;
#[cfg(feature = "cuda")]
pub(crate) mod cuda;
pub(crate) mod defaults;
pub(crate) mod driver;
#[cfg(any(feature = "cuda", feature = "wgpu"))]
pub(crate) mod gpu;
pub(crate) mod info;
pub(crate) mod job;
pub(crate) mod stream;
pub(crate) mod streams;
#[cfg(feature = "wgpu")]
mod wgpu;

use crate::error::Error;

/// What kind of device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum DeviceKind {
    /// The cores of this machine.
    #[default]
    Cpu,
    /// A graphics processor. The features `cuda` and `wgpu` have back-ends for one; other builds have none. The
    /// [crate's page](crate#a-gpu) says what it does.
    Gpu,
}

/// A device: a kind and a number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Device {
    /// The kind.
    pub kind: DeviceKind,
    /// Which one of that kind.
    pub index: u32,
}

/// A queue of work on a device. Stream 0 is the device's default one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Stream {
    /// The device.
    pub device: Device,
    /// Which queue of the device.
    pub index: u32,
}

impl From<Device> for Stream {
    /// The device's default stream.
    fn from(device: Device) -> Stream {
        Stream { device, index: 0 }
    }
}

impl std::fmt::Display for Device {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = match self.kind {
            DeviceKind::Cpu => "cpu",
            DeviceKind::Gpu => "gpu",
        };
        write!(f, "{kind}:{}", self.index)
    }
}

impl Device {
    /// The cores of this machine.
    pub const CPU: Device = Device { kind: DeviceKind::Cpu, index: 0 };

    /// The graphics processor.
    pub const GPU: Device = Device { kind: DeviceKind::Gpu, index: 0 };

    /// An error, before any work, unless a back-end of this build serves the device.
    ///
    /// # Errors
    /// [`Error::Unsupported`].
    pub fn check(self) -> Result<(), Error> {
        if self == Device::CPU {
            return Ok(());
        }
        #[cfg(any(feature = "cuda", feature = "wgpu"))]
        if self.kind == DeviceKind::Gpu {
            return gpu::check(self);
        }
        Err(Error::Unsupported {
            what: format!("no back-end of this build serves the device {self}"),
        })
    }
}

/// The error for what the GPU has no kernels for.
fn lacks(what: &str) -> Error {
    Error::Unsupported {
        what: format!(
            "there are no GPU kernels for {what} yet; run it on the CPU: stream=ainv.cpu, in Rust a stream \
             of Device::CPU (what lies in the GPU's memory is copied to the host's first)"
        ),
    }
}

impl Stream {
    /// An error, before any work, unless a back-end of this build serves the stream's device and the
    /// stream was made.
    ///
    /// # Errors
    /// [`Error::Unsupported`]; [`Error::Argument`] for a stream that [`Stream::new`] did not make.
    #[inline]
    pub fn check(self) -> Result<(), Error> {
        if self == Stream::default() { Ok(()) } else { self.check_other() }
    }

    #[cold]
    fn check_other(self) -> Result<(), Error> {
        self.device.check()?;
        if streams::exists(self) {
            return Ok(());
        }
        let Stream { device, index } = self;
        Err(Error::Argument {
            what: format!(
                "{device} has no stream {index}; Stream::new, in Python new_stream, makes streams"
            ),
        })
    }
}
