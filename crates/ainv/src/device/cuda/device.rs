//! The device: found once, opened when it is first used, opened again when it was lost.

use super::compiler::{Compiler, compiler};
use super::cublas::{self, Products};
use super::driver::{Driver, Handle, OUT_OF_MEMORY, driver, is_lasting};
use super::engine::Engine;
use super::kernels::Kernels;
use super::ordered::Ordered;
use super::room::Rooms;
use crate::device::cpu::mode::Mode;
use crate::device::gpu::{self, FORKED, Info, NAME, Work};
use crate::error::Error;
use ainv_kernels::scalar::Scalar;
use ainv_streams::Cancel;
use core::ffi::c_int;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

/// The first architecture whose lanes of a warp may wait for each other by parts: the teams of small matrices do.
const OLDEST: c_int = 70;

/// The device, and what it takes to use it.
struct Found {
    driver: &'static Driver,
    compiler: Compiler,
    device: c_int,
    name: String,
    architecture: c_int,
}

fn found() -> Result<&'static Found, String> {
    static FOUND: OnceLock<(u32, Result<Found, String>)> = OnceLock::new();
    let (process, found) = FOUND.get_or_init(|| (std::process::id(), look_for()));
    match found {
        Ok(_) if *process != std::process::id() => Err(FORKED.into()),
        Ok(found) => Ok(found),
        Err(why) => Err(why.clone()),
    }
}

fn look_for() -> Result<Found, String> {
    // That of the threads that a driver makes.
    let _mode = Mode::standard();
    let driver = driver()?;
    let meant = std::env::var(NAME).unwrap_or_default().to_lowercase();
    let mut why = vec![];
    for device in driver.devices()? {
        let name = driver.name_of(device)?;
        let architecture = driver.architecture_of(device)?;
        if !name.to_lowercase().contains(&meant) {
            why.push(format!("{name} is not what {NAME}={meant} names"));
        } else if architecture < OLDEST {
            why.push(format!("{name} is sm_{architecture}: kernels need sm_{OLDEST}"));
        } else {
            let compiler = compiler(architecture)?;
            return Ok(Found { driver, compiler, device, name, architecture });
        }
    }
    match why.is_empty() {
        true => Err("CUDA has no device".into()),
        false => Err(why.join("; ")),
    }
}

/// Whether there is one, or why there is none.
pub(crate) fn find() -> Result<(), String> {
    found().map(drop)
}

/// Which one it is, as CUDA and DLPack count devices.
pub(crate) fn number() -> Result<i32, Error> {
    found().map(|found| found.device).map_err(|what| Error::Unsupported { what })
}

pub(crate) fn info() -> Result<Info, Error> {
    let unsupported = |what| Error::Unsupported { what };
    let Found { driver, device, name, architecture, .. } = found().map_err(unsupported)?;
    let version = driver.version().map_err(unsupported)?;
    let memory = driver.memory_of(*device).map_err(unsupported)?;
    let (major, minor) = (version / 1000, version % 1000 / 10);
    Ok(Info {
        name: name.clone(),
        interface: "cuda",
        driver: format!(
            "CUDA {major}.{minor}, sm_{architecture}, {}",
            cublas::version(*architecture)
        ),
        memory: u64::try_from(memory).ok(),
    })
}

/// The GPU, open.
pub(crate) struct Gpu {
    pub(super) driver: &'static Driver,
    pub(super) compiler: &'static Compiler,
    pub(super) architecture: c_int,
    pub(super) device: c_int,
    name: String,
    context: Handle,
    pub(super) kernels: Kernels,
    pub(super) rooms: Rooms,
    pub(super) ordered: Mutex<Option<Ordered>>,
    pub(super) products: OnceLock<Option<Products>>,
    /// Why it was lost.
    trouble: Mutex<Option<String>>,
}

static OPEN: Mutex<Option<Arc<Gpu>>> = Mutex::new(None);

fn open() -> MutexGuard<'static, Option<Arc<Gpu>>> {
    OPEN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The GPU; one that was lost is opened anew.
pub(crate) fn gpu() -> Result<Arc<Gpu>, Error> {
    let found = found().map_err(|what| Error::Unsupported { what })?;
    let mut open = open();
    if let Some(gpu) = &*open
        && gpu.trouble().is_none()
    {
        return Ok(gpu.clone());
    }
    // A context that failed is another one only after all who had it released it. (After a kernel's fault NVIDIA promises
    // nothing to the process; trying costs nothing.)
    *open = None;
    Ok(open.insert(Arc::new(Gpu::new(found)?)).clone())
}

/// Says that the device was lost, as if it had been pulled out: for tests. Its context stays as it is.
pub(crate) fn lose() {
    if let Some(gpu) = &*open() {
        gpu.note("was lost".into());
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
    fn new(found: &'static Found) -> Result<Gpu, Error> {
        let Found { driver, ref compiler, device, ref name, architecture } = *found;
        let context = driver.retain(device).map_err(|why| Error::Device {
            what: format!("the GPU {name} could not be opened: {why}"),
        })?;
        Ok(Gpu {
            driver,
            compiler,
            architecture,
            device,
            name: name.clone(),
            context,
            kernels: Kernels::default(),
            rooms: Rooms::default(),
            ordered: Mutex::default(),
            products: OnceLock::new(),
            trouble: Mutex::default(),
        })
    }

    fn trouble(&self) -> Option<String> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// From now on nothing is asked of it.
    fn note(&self, what: String) {
        let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        trouble.get_or_insert(what);
    }

    /// The error of a device that was lost or failed.
    pub(super) fn failed(&self, what: impl std::fmt::Display) -> Error {
        let what = self.trouble().unwrap_or_else(|| format!("failed: {what}"));
        Error::Device { what: format!("the GPU {} {what}", self.name) }
    }

    /// An error if it was lost.
    pub(super) fn check(&self) -> Result<(), Error> {
        if self.trouble().is_some() { Err(self.failed("")) } else { Ok(()) }
    }

    /// What a call of the driver came to.
    pub(super) fn ok(&self, outcome: c_int) -> Result<(), Error> {
        self.driver.ok(outcome).map_err(|why| {
            if is_lasting(outcome) {
                self.note(format!("failed: {why}"));
            }
            self.failed(why)
        })
    }

    /// As [`ok`](Self::ok), of a call that may lack memory for so many bytes.
    pub(super) fn allocated(&self, outcome: c_int, bytes: usize) -> Result<(), Error> {
        if outcome == OUT_OF_MEMORY { Err(Error::OutOfMemory { bytes }) } else { self.ok(outcome) }
    }

    /// Makes its context this thread's, while what it returns lives.
    pub(super) fn enter(&self) -> Result<Entered<'_>, Error> {
        self.check()?;
        self.enter_to_free()
    }

    /// The same even if it was lost.
    pub(super) fn enter_to_free(&self) -> Result<Entered<'_>, Error> {
        // SAFETY: the context is retained while this lives.
        self.ok(unsafe { (self.driver.cuCtxPushCurrent_v2)(self.context) })?;
        Ok(Entered(self))
    }
}

impl Drop for Gpu {
    fn drop(&mut self) {
        // One that was lost frees what it can; errors tell nothing new.
        // SAFETY: the context is retained until the end of this function; no one else uses what is freed in it.
        unsafe {
            if (self.driver.cuCtxPushCurrent_v2)(self.context) == 0 {
                // Before the streams, one of which it has.
                if let Some(products) = self.products.take().flatten() {
                    products.free();
                }
                self.rooms.free(self.driver);
                if let Some(ordered) =
                    *self.ordered.get_mut().unwrap_or_else(PoisonError::into_inner)
                {
                    ordered.free(self);
                }
                self.kernels.free(self.driver);
                drop(Entered(self));
            }
            (self.driver.cuDevicePrimaryCtxRelease_v2)(self.device);
        }
    }
}

/// See [`Gpu::enter`].
pub(super) struct Entered<'a>(&'a Gpu);

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        let mut context = 0;
        // SAFETY: it writes a handle, of the context that this thread entered last.
        unsafe { (self.0.driver.cuCtxPopCurrent_v2)(&mut context) };
    }
}
