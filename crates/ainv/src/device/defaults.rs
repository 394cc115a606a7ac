//! Where work runs that does not say where: MLX's rules. The default device is the process's. Each
//! thread has a default stream of each device, the device's stream 0 until it sets another, which
//! does not change the default device.

use super::{Device, DeviceKind, Stream};
use crate::error::Error;
use std::cell::Cell;
use std::sync::{PoisonError, RwLock};

static DEVICE: RwLock<Device> = RwLock::new(Device::CPU);

/// What a thread chose.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct Defaults {
    /// Of the innermost [`with_stream`].
    device: Option<Device>,
    /// Each kind's.
    cpu: Stream,
    gpu: Stream,
}

impl Defaults {
    const NONE: Defaults = Defaults {
        device: None,
        cpu: Stream { device: Device::CPU, index: 0 },
        gpu: Stream { device: Device::GPU, index: 0 },
    };

    fn of(&mut self, kind: DeviceKind) -> &mut Stream {
        match kind {
            DeviceKind::Cpu => &mut self.cpu,
            DeviceKind::Gpu => &mut self.gpu,
        }
    }

    /// The same with another stream for its device.
    fn with(mut self, stream: Stream) -> Defaults {
        *self.of(stream.device.kind) = stream;
        self
    }
}

thread_local! {
    static DEFAULTS: Cell<Defaults> =
        const { Cell::new(Defaults::NONE) };
}

/// The device of the innermost [`with_stream`] of this thread, else the process's default one.
pub fn default_device() -> Device {
    let of_process = || *DEVICE.read().unwrap_or_else(PoisonError::into_inner);
    DEFAULTS.get().device.unwrap_or_else(of_process)
}

/// Sets the default device of the process.
///
/// # Errors
/// [`Error::Unsupported`] if no back-end of this build serves the device.
pub fn set_default_device(device: Device) -> Result<(), Error> {
    device.check()?;
    *DEVICE.write().unwrap_or_else(PoisonError::into_inner) = device;
    Ok(())
}

/// This thread's default stream of the device.
///
/// # Errors
/// [`Error::Unsupported`] if no back-end of this build serves the device.
pub fn default_stream(device: Device) -> Result<Stream, Error> {
    device.check()?;
    Ok(*DEFAULTS.get().of(device.kind))
}

/// Sets this thread's default stream of the stream's device. The default device stays as it is.
///
/// # Errors
/// As [`Stream::check`].
pub fn set_default_stream(stream: Stream) -> Result<(), Error> {
    stream.check()?;
    DEFAULTS.set(DEFAULTS.get().with(stream));
    Ok(())
}

/// The default stream of the default device: where work runs that names no stream.
pub fn current_stream() -> Stream {
    // The default device is always one that is served; without a back-end for others that is the CPU.
    let kind = if cfg!(any(feature = "cuda", feature = "wgpu")) {
        default_device().kind
    } else {
        DeviceKind::Cpu
    };
    *DEFAULTS.get().of(kind)
}

/// Runs `f` with `stream` as this thread's current one. Such calls may be nested.
///
/// ```
/// use ainv::{Device, Stream, current_stream, with_stream};
/// let stream = Stream::new(Device::CPU)?;
/// with_stream(stream, || assert_eq!(current_stream(), stream))?;
/// assert_ne!(current_stream(), stream);
/// # Ok::<(), ainv::Error>(())
/// ```
///
/// # Errors
/// As [`Stream::check`]; `f` is not run then.
pub fn with_stream<R>(stream: Stream, f: impl FnOnce() -> R) -> Result<R, Error> {
    struct Restore(Defaults);
    impl Drop for Restore {
        fn drop(&mut self) {
            restore_defaults(self.0);
        }
    }
    let _restore = Restore(enter_stream(stream)?);
    Ok(f())
}

/// The beginning of a [`with_stream`]: what [`restore_defaults`] brings back at its end.
#[doc(hidden)]
pub fn enter_stream(stream: Stream) -> Result<Defaults, Error> {
    stream.check()?;
    let entered = Defaults { device: Some(stream.device), ..DEFAULTS.get().with(stream) };
    Ok(DEFAULTS.replace(entered))
}

/// See [`enter_stream`].
#[doc(hidden)]
pub fn restore_defaults(before: Defaults) {
    DEFAULTS.set(before);
}
