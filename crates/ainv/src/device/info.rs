//! What is known of a device.

use super::{Device, DeviceKind};
use crate::device::cpu::pool;
use crate::error::Error;
use crate::plan::instruction_set;
use ainv_kernels::isa::IsaId;
use std::collections::BTreeSet;
use std::fs::read_to_string;
use std::path::Path;

/// What is known of a device: [`device_info`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeviceInfo {
    /// Its maker's name for it; the architecture's, where the system does not tell.
    pub name: String,
    /// The architecture, as Rust calls it; of a GPU the interface that it is driven by.
    pub architecture: &'static str,
    /// How many cores there are, where the system tells.
    pub cores: Option<usize>,
    /// How many threads work may use: [`num_threads`](crate::num_threads). Those of a GPU's host copy matrices.
    pub threads: usize,
    /// Bytes of memory, where the system tells.
    pub memory: Option<u64>,
    /// The instruction set in use; `None` of a GPU.
    pub instruction_set: Option<IsaId>,
    /// What drives it, with its version; `None` of the CPU.
    pub driver: Option<String>,
    /// The caches that hold data, from the nearest; empty where the system does not tell.
    pub caches: Vec<Cache>,
}

/// A cache of data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cache {
    /// 1 is the nearest to a core.
    pub level: u8,
    /// Its size.
    pub bytes: usize,
    /// How many of the system's processors share it.
    pub shared_by: usize,
}

/// How many devices of a kind this build can use: one CPU; with the feature `cuda` or `wgpu` one GPU where one is
/// found, else none.
pub fn device_count(kind: DeviceKind) -> usize {
    match kind {
        DeviceKind::Cpu => 1,
        #[cfg(any(feature = "cuda", feature = "wgpu"))]
        DeviceKind::Gpu => super::gpu::count(),
        #[cfg(not(any(feature = "cuda", feature = "wgpu")))]
        DeviceKind::Gpu => 0,
    }
}

/// What is known of a device.
///
/// ```
/// let cpu = ainv::device_info(ainv::Device::CPU)?;
/// println!("{}: {} threads, {:?}", cpu.name, cpu.threads, cpu.instruction_set);
/// # Ok::<(), ainv::Error>(())
/// ```
///
/// # Errors
/// [`Error::Unsupported`] if no back-end of this build serves the device; [`Error::Isa`].
pub fn device_info(device: Device) -> Result<DeviceInfo, Error> {
    device.check()?;
    #[cfg(any(feature = "cuda", feature = "wgpu"))]
    if device.kind == DeviceKind::Gpu {
        let super::gpu::Info { name, interface, driver, memory } = super::gpu::info()?;
        return Ok(DeviceInfo {
            name,
            architecture: interface,
            cores: None,
            threads: pool::threads(),
            memory,
            instruction_set: None,
            driver: Some(driver),
            caches: vec![],
        });
    }
    let cpus = read_to_string("/proc/cpuinfo").unwrap_or_default();
    let architecture = std::env::consts::ARCH;
    Ok(DeviceInfo {
        name: field(&cpus, "model name").next().unwrap_or(architecture).to_owned(),
        architecture,
        cores: cores(&cpus),
        threads: pool::threads(),
        memory: memory(),
        instruction_set: Some(instruction_set()?),
        driver: None,
        caches: caches(Path::new("/sys/devices/system/cpu/cpu0/cache")),
    })
}

/// The values of the lines `name : value`.
fn field<'a>(lines: &'a str, name: &'a str) -> impl Iterator<Item = &'a str> {
    lines.lines().filter_map(move |line| {
        let (key, value) = line.split_once(':')?;
        (key.trim() == name).then_some(value.trim())
    })
}

/// A processor of Linux is a thread of a core, which has a number within its package.
fn cores(cpus: &str) -> Option<usize> {
    let places: BTreeSet<_> = field(cpus, "physical id").zip(field(cpus, "core id")).collect();
    (!places.is_empty()).then_some(places.len())
}

fn memory() -> Option<u64> {
    let memory = read_to_string("/proc/meminfo").ok()?;
    let kib: u64 = field(&memory, "MemTotal").next()?.strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

fn caches(folder: &Path) -> Vec<Cache> {
    let cache = |index: usize| {
        let folder = folder.join(format!("index{index}"));
        let read = |name: &str| read_to_string(folder.join(name)).ok();
        let (level, size, kind) = (read("level")?, read("size")?, read("type")?);
        let kib: usize = size.trim().strip_suffix('K')?.parse().ok()?;
        let map = read("shared_cpu_map").unwrap_or_else(|| "1".to_owned());
        let shared_by =
            map.chars().filter_map(|c| c.to_digit(16)).map(u32::count_ones).sum::<u32>();
        let cache = Cache {
            level: level.trim().parse().ok()?,
            bytes: kib * 1024,
            shared_by: shared_by.max(1) as usize,
        };
        Some((kind.trim() != "Instruction", cache))
    };
    (0..).map_while(cache).filter(|(holds_data, _)| *holds_data).map(|(_, cache)| cache).collect()
}
