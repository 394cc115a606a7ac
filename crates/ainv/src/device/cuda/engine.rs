//! Part of a stack on the device: where its buffers lie in a room, and the launches that do it.

use super::device::Gpu;
use super::driver::{Address, NOT_READY};
use super::kernels::SHARED;
use super::room::{Sizes, Taken};
use crate::device::cpu::executor::pause;
use crate::device::gpu::{self, Outcome, SUBMITTED, TILE, Task, WORDS, Work};
use crate::error::Error;
use ainv_kernels::scalar::Scalar;
use ainv_streams::Cancel;
use core::ffi::{c_int, c_uint, c_void};
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

/// Groups in a row of a launch's second and third dimension, at most. (The first has room for 2^31.)
const GROUPS: usize = 65_535;
/// Where buffers begin: addresses are multiples of this.
const ALIGNED: u64 = 256;
/// A wait this long is spent looking; a longer one mostly sleeping, an eighth of what it took so far, up to the last of these.
const SOON: Duration = Duration::from_micros(50);
const LATE: Duration = Duration::from_millis(5);

/// What inverts matrices of one order, or solves systems of them.
pub(crate) struct Engine<'a, W> {
    gpu: &'a Gpu,
    task: Task<W>,
    cancel: Option<&'a Cancel>,
}

/// A part on its way.
pub(crate) struct Pending<'a> {
    room: Taken<'a>,
    count: usize,
}

/// The argument of a kernel, as small.cu, blocked.cu and rotation.cu have it.
#[repr(C)]
struct Call {
    /// The matrices and behind them right-hand sides, the results, the outcomes; and the scratch of `Task::scratch`.
    buffers: [Address; 7],
    words: [u64; WORDS],
}

impl<'a, W: Scalar> Engine<'a, W> {
    /// # Errors
    /// [`Error::Unsupported`] for a matrix with more rows than a launch has groups.
    pub(super) fn new(
        gpu: &'a Gpu,
        order: usize,
        work: Work,
        cancel: Option<&'a Cancel>,
    ) -> Result<Self, Error> {
        let task = Task::new(order, work, SHARED);
        task.largest_of_a_matrix().ok_or(Error::Overflow)?;
        // An entry a thread, or tiles of a pseudo-inverse: rows are groups, or their tiles are.
        let tiles = match work {
            Work::Pinv { columns, .. } => columns.div_ceil(TILE[0]),
            _ => 0,
        };
        if order.max(tiles) > GROUPS {
            return Err(Error::Unsupported {
                what: format!(
                    "a matrix of {} has more rows than kernels of the GPU: run it on the CPU, stream=ainv.cpu",
                    task.described()
                ),
            });
        }
        Ok(Engine { gpu, task, cancel })
    }

    /// Where each buffer begins for a part of `count` matrices, and the bytes of all.
    fn buffers(&self, count: usize) -> ([u64; 7], u64) {
        let (task, all) = (&self.task, count as u64);
        let scratch = if task.team.is_some() { [0; 4] } else { task.scratch() };
        let [panels, diagonals, powers, places] = scratch.map(|size| all * size);
        let sizes =
            [all * task.given(), all * task.result(), all * 8, panels, diagonals, powers, places];
        let mut end = 0;
        let begins = sizes.map(|size| {
            let begin = end;
            end += size.next_multiple_of(ALIGNED);
            begin
        });
        (begins, end)
    }

    /// Bytes of results and of outcomes.
    fn down(&self, count: usize) -> [usize; 2] {
        [count * self.task.result() as usize, count * size_of::<Outcome>()]
    }
}

impl<'a, W: Scalar> gpu::Engine for Engine<'a, W> {
    type Slot = Taken<'a>;
    type Pending = Pending<'a>;

    fn part(&self, count: usize) -> usize {
        self.task.part(count, u64::MAX, GROUPS as u64)
    }

    fn slot(&self, count: usize) -> Result<Taken<'a>, Error> {
        let bytes = |size: u64| usize::try_from(size).map_err(|_| Error::Overflow);
        self.gpu.room(Sizes {
            device: bytes(self.buffers(count).1)?,
            up: bytes(count as u64 * self.task.given())?,
            down: self.down(count).iter().sum(),
        })
    }

    fn write(&self, slot: &Taken<'a>, matrices: &[u8]) -> Result<(), Error> {
        // SAFETY: `slot` has room for them, and no part of it is on its way.
        unsafe { slot.up().copy_from_nonoverlapping(matrices.as_ptr(), matrices.len()) };
        Ok(())
    }

    fn submit(&self, slot: Taken<'a>, count: usize, balanced: bool) -> Result<Pending<'a>, Error> {
        let (gpu, driver, room) = (self.gpu, self.gpu.driver, slot.get());
        let _entered = gpu.enter()?;
        let (begins, bytes) = self.buffers(count);
        let buffers = begins.map(|begin| room.device + begin);
        let given = count * self.task.given() as usize;
        // SAFETY: the room's memory, which is kept until its stream is done.
        gpu.ok(unsafe {
            (driver.cuMemcpyHtoDAsync_v2)(buffers[0], slot.up().cast(), given, room.stream)
        })?;
        let dispatches = self.task.dispatches(count, balanced, GROUPS);
        for dispatch in dispatches.order().into_iter().map(|at| &dispatches.all[at]) {
            pause(self.cancel)?;
            gpu.check()?;
            let function = gpu.kernel::<W>(dispatch.kernel)?;
            let mut call = Call { buffers, words: dispatch.call.map(|word| word as u64) };
            let mut argument: *mut c_void = (&raw mut call).cast();
            let [x, y, z] = dispatch.groups.map(|groups| groups as c_uint);
            let (threads, nothing) = (dispatch.kernel.threads() as c_uint, std::ptr::null_mut());
            // SAFETY: the kernel has this one argument, which is copied; it works inside the buffers of `count` matrices.
            let launched = unsafe {
                let (stream, arguments) = (room.stream, &raw mut argument);
                (driver.cuLaunchKernel)(
                    function, x, y, z, threads, 1, 1, 0, stream, arguments, nothing,
                )
            };
            // A kernel may have memory of its own.
            gpu.allocated(launched, bytes as usize)?;
        }
        let [results, outcomes] = self.down(count);
        let download = |from, to: *mut u8, bytes| -> Result<(), Error> {
            // SAFETY: as above.
            gpu.ok(unsafe { (driver.cuMemcpyDtoHAsync_v2)(to.cast(), from, bytes, room.stream) })
        };
        download(buffers[1], slot.down(), results)?;
        download(buffers[2], slot.down().wrapping_add(results), outcomes)?;
        SUBMITTED.fetch_add(1, Relaxed);
        Ok(Pending { room: slot, count })
    }

    fn wait(
        &self,
        Pending { room: slot, count }: Pending<'a>,
        f: impl FnOnce(&[u8], &[Outcome]) -> Result<(), Error>,
    ) -> Result<Taken<'a>, Error> {
        let began = Instant::now();
        {
            let _entered = self.gpu.enter()?;
            // What was given up is computed to its end, before its room is another's.
            loop {
                pause(self.cancel)?;
                self.gpu.check()?;
                // SAFETY: the room's own stream.
                let outcome: c_int = unsafe { (self.gpu.driver.cuStreamQuery)(slot.get().stream) };
                if outcome != NOT_READY {
                    self.gpu.ok(outcome)?;
                    break;
                }
                match began.elapsed() {
                    soon if soon < SOON => std::hint::spin_loop(),
                    late => std::thread::sleep((late / 8).min(LATE)),
                }
            }
        }
        let [results, _] = self.down(count);
        let down = slot.down();
        // SAFETY: the room's memory, which the stream has filled: two words of each outcome stand behind results of whole
        // numbers, which have four bytes at least.
        let (results, outcomes) = unsafe {
            let outcomes = down.add(results).cast::<Outcome>();
            (std::slice::from_raw_parts(down, results), std::slice::from_raw_parts(outcomes, count))
        };
        f(results, outcomes)?;
        Ok(slot)
    }
}
