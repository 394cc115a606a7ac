//! The adapter: found once, opened when it is first used, opened again when it was lost.

use super::engine::Engine;
use super::kernels::Kernels;
use crate::device::cpu::mode::Mode;
use crate::device::gpu::{self, FORKED, Info, NAME, Work};
use crate::error::Error;
use ::wgpu as w;
use ainv_kernels::scalar::Scalar;
use ainv_streams::Cancel;
use pollster::block_on;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

/// The GPU, open.
pub(crate) struct Gpu {
    pub(super) device: w::Device,
    pub(super) queue: w::Queue,
    pub(super) limits: w::Limits,
    /// Whether shaders have 64-bit floats and integers.
    pub(super) has_doubles: bool,
    pub(super) name: String,
    pub(super) kernels: Kernels,
    /// Why it was lost, and what went wrong outside of any call.
    trouble: Arc<Mutex<Option<String>>>,
}

/// The adapter, or why there is none.
fn adapter() -> Result<&'static w::Adapter, String> {
    static FOUND: OnceLock<(u32, Result<w::Adapter, String>)> = OnceLock::new();
    let (process, found) = FOUND.get_or_init(|| {
        let name = std::env::var(NAME).unwrap_or_default().to_lowercase();
        (std::process::id(), look_for(&name))
    });
    match found {
        // A forked child has its parent's memory and none of its driver's threads.
        Ok(_) if *process != std::process::id() => Err(FORKED.into()),
        Ok(adapter) => Ok(adapter),
        Err(why) => Err(why.clone()),
    }
}

/// Whether there is one, or why there is none.
pub(crate) fn find() -> Result<(), String> {
    adapter().map(drop)
}

fn look_for(name: &str) -> Result<w::Adapter, String> {
    // That of the threads that a driver makes.
    let _mode = Mode::standard();
    let mut asked = w::InstanceDescriptor::new_without_display_handle();
    asked.flags = w::InstanceFlags::empty();
    let instance = w::Instance::new(asked);
    let mut all = block_on(instance.enumerate_adapters(w::Backends::all()));
    // The fastest kind first.
    all.sort_by_key(|adapter| match adapter.get_info().device_type {
        w::DeviceType::DiscreteGpu => 0,
        w::DeviceType::IntegratedGpu => 1,
        w::DeviceType::VirtualGpu => 2,
        w::DeviceType::Other => 3,
        w::DeviceType::Cpu => 4,
    });
    let names: Vec<_> = all.iter().map(|adapter| adapter.get_info().name).collect();
    let is_meant = |adapter: &w::Adapter| match name {
        "" => adapter.get_info().device_type != w::DeviceType::Cpu,
        name => adapter.get_info().name.to_lowercase().contains(name),
    };
    all.into_iter().find(is_meant).ok_or_else(|| match name {
        _ if names.is_empty() => {
            "this machine has none that Vulkan, Metal or DirectX 12 offers".into()
        }
        "" => format!(
            "this machine has software adapters only, of which {NAME} can name one: {names:?}"
        ),
        name => format!("{NAME}={name} names none of {names:?}"),
    })
}

fn found() -> Result<&'static w::Adapter, Error> {
    adapter().map_err(|what| Error::Unsupported { what })
}

/// The adapter, and what stands between it and us.
pub(crate) fn info() -> Result<Info, Error> {
    let info = found()?.get_info();
    let driver = format!("{} {}", info.driver, info.driver_info).trim().to_owned();
    Ok(Info { name: info.name, interface: info.backend.to_str(), driver, memory: None })
}

static OPEN: Mutex<Option<Arc<Gpu>>> = Mutex::new(None);

fn open() -> MutexGuard<'static, Option<Arc<Gpu>>> {
    OPEN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The GPU; one that was lost is opened anew.
pub(crate) fn gpu() -> Result<Arc<Gpu>, Error> {
    let adapter = found()?;
    let mut open = open();
    match &*open {
        Some(gpu) if gpu.trouble().is_none() => Ok(gpu.clone()),
        _ => Ok(open.insert(Arc::new(Gpu::new(adapter)?)).clone()),
    }
}

/// Makes the device be lost, as if it had been pulled out: for tests.
pub(crate) fn lose() {
    if let Some(gpu) = &*open() {
        gpu.device.destroy();
        // It is told that it is lost when its queue is seen to be empty.
        drop(gpu.poll(w::PollType::wait_indefinitely()));
    }
}

impl gpu::Gpu for Gpu {
    type Engine<'a, W: Scalar> = Engine<'a, W>;

    fn engine<'a, W: Scalar>(
        &'a self,
        order: usize,
        work: Work,
        cancel: Option<&'a Cancel>,
    ) -> Result<Engine<'a, W>, Error> {
        Engine::new(self, order, work, cancel)
    }
}

impl Gpu {
    fn new(adapter: &w::Adapter) -> Result<Gpu, Error> {
        let doubles = w::Features::SHADER_F64 | w::Features::SHADER_INT64;
        let has_doubles = adapter.features().contains(doubles);
        let limits = adapter.limits();
        let asked = w::DeviceDescriptor {
            label: Some("ainv"),
            required_features: if has_doubles { doubles } else { w::Features::empty() },
            required_limits: limits.clone(),
            ..Default::default()
        };
        let name = adapter.get_info().name;
        let (device, queue) = block_on(adapter.request_device(&asked))
            .map_err(|e| Error::Device { what: format!("{name} could not be opened: {e}") })?;
        let trouble = Arc::new(Mutex::new(None));
        let note = {
            let trouble = trouble.clone();
            move |what: String| {
                let mut trouble = trouble.lock().unwrap_or_else(PoisonError::into_inner);
                trouble.get_or_insert(what);
            }
        };
        let lost = note.clone();
        device
            .set_device_lost_callback(move |why, what| lost(format!("was lost ({why:?}): {what}")));
        device
            .on_uncaptured_error(Arc::new(move |error: w::Error| note(format!("failed: {error}"))));
        let kernels = Kernels::new(&device);
        Ok(Gpu { device, queue, limits, has_doubles, name, kernels, trouble })
    }

    fn trouble(&self) -> Option<String> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The error of a device that was lost or failed.
    pub(super) fn failed(&self, what: impl std::fmt::Display) -> Error {
        let what = self.trouble().unwrap_or_else(|| format!("failed: {what}"));
        Error::Device { what: format!("the GPU {} {what}", self.name) }
    }

    /// Sees to what the device has done; false if the time that `how` gives it was over before.
    ///
    /// # Errors
    /// [`Error::Device`].
    pub(super) fn poll(&self, how: w::PollType) -> Result<bool, Error> {
        // A device that is lost meanwhile has wgpu panic, which prints its message.
        let polled = catch_unwind(AssertUnwindSafe(|| self.device.poll(how)));
        match polled {
            Ok(Ok(_)) => Ok(true),
            Ok(Err(w::PollError::Timeout)) => Ok(false),
            Ok(Err(error)) => Err(self.failed(error)),
            Err(_) => Err(self.failed("it was lost")),
        }
    }

    /// An error if it was lost.
    pub(super) fn check(&self) -> Result<(), Error> {
        if self.trouble().is_some() { Err(self.failed("")) } else { Ok(()) }
    }

    /// Runs `f`, whose errors on the device are returned; of memory `bytes` were asked for.
    pub(super) fn guarded<R>(
        &self,
        bytes: usize,
        f: impl FnOnce(&w::Device) -> Result<R, Error>,
    ) -> Result<R, Error> {
        use w::ErrorFilter::{Internal, OutOfMemory, Validation};
        let device = &self.device;
        let [internal, validation] = [Internal, Validation].map(|of| device.push_error_scope(of));
        let memory = device.push_error_scope(OutOfMemory);
        let done = f(device);
        let [memory, validation, internal] =
            [memory, validation, internal].map(|scope| block_on(scope.pop()));
        if memory.is_some() {
            return Err(Error::OutOfMemory { bytes });
        }
        self.check()?;
        match validation.or(internal) {
            Some(error) => Err(self.failed(error)),
            None => done,
        }
    }
}
