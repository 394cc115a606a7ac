//! Part of a stack on the device: where its buffers lie in a room, and the launches that do it.

use super::cublas::Products;
use super::device::Gpu;
use super::driver::{Address, Handle};
use super::kernels::SHARED;
use super::room::{Sizes, Taken};
use crate::device::cpu::executor::pause;
use crate::device::gpu::{
    self, Dispatches, Outcome, SUBMITTED, TILE, Task, WORDS, WORKGROUP, Work,
};
use crate::error::Error;
use ainv_kernels::scalar::Scalar;
use ainv_streams::Cancel;
use core::ffi::{c_uint, c_void};
use std::sync::atomic::Ordering::Relaxed;

/// Groups in a row of a launch's second and third dimension, at most. (The first has room for 2^31.)
pub(super) const GROUPS: usize = 65_535;
// What the blocks of panel_column.cu offer has a thread each.
const _: () = assert!(GROUPS <= WORKGROUP * WORKGROUP);
/// Where buffers begin: addresses are multiples of this.
pub(super) const ALIGNED: u64 = 256;

/// Where a part's memory is: what kernels take, and behind it cuBLAS's workspace.
pub(super) type Buffers = [Address; 8];

/// What inverts matrices of one order, or solves systems of them.
pub(crate) struct Engine<'a, W> {
    pub(super) gpu: &'a Gpu,
    pub(super) task: Task<W>,
    cancel: Option<&'a Cancel>,
    /// What does the large products, where there are such and the library is here.
    products: Option<&'a Products>,
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
        let products = if task.has_large_products() { gpu.products()? } else { None };
        Ok(Engine { gpu, task, cancel, products })
    }

    /// Where each buffer begins for a part of `count` matrices, and the bytes of all. `here` says whether what is given, the
    /// results and the outcomes are among them, or lie elsewhere.
    pub(super) fn buffers(&self, count: usize, here: [bool; 3]) -> (Buffers, u64) {
        let (task, all) = (&self.task, count as u64);
        let scratch = if task.team.is_some() { [0; 4] } else { task.scratch() };
        let [panels, diagonals, powers, places] = scratch.map(|size| all * size);
        let [given, results, outcomes] = here.map(u64::from);
        let sizes = [
            given * all * task.given(),
            results * all * task.result(),
            outcomes * all * 8,
            panels,
            diagonals,
            powers,
            places,
            self.products.map_or(0, |_| self.gpu.workspace()),
        ];
        let mut end = 0;
        let begins = sizes.map(|size| {
            let begin = end;
            end += size.next_multiple_of(ALIGNED);
            begin
        });
        (begins, end)
    }

    /// Enqueues dispatches.
    ///
    /// # Safety
    /// The buffers hold as many matrices as the dispatches are for, and are kept until the stream is done.
    pub(super) unsafe fn launch(
        &self,
        dispatches: &Dispatches,
        buffers: Buffers,
        stream: Handle,
    ) -> Result<(), Error> {
        let [buffers @ .., workspace] = buffers;
        for dispatch in dispatches.order().into_iter().map(|at| &dispatches.all[at]) {
            pause(self.cancel)?;
            self.gpu.check()?;
            if let (Some(products), Some(product)) = (self.products, dispatch.product()) {
                let at = [buffers[3], buffers[0], workspace];
                // SAFETY: the buffers of its operands.
                unsafe { self.gpu.multiply::<W>(products, &product, at, stream)? };
                continue;
            }
            let function = self.gpu.kernel::<W>(dispatch.kernel.into())?;
            let call = Call { buffers, words: dispatch.call.map(|word| word as u64) };
            let (groups, threads) = (dispatch.groups, dispatch.kernel.threads());
            // SAFETY: the argument that the kernel has; it works inside the buffers.
            unsafe { self.gpu.launch(function, groups, threads, call, stream)? };
        }
        Ok(())
    }

    /// Bytes of results and of outcomes.
    fn down(&self, count: usize) -> [usize; 2] {
        [count * self.task.result() as usize, count * size_of::<Outcome>()]
    }
}

impl Gpu {
    /// Enqueues a kernel, which has one argument.
    ///
    /// # Safety
    /// The kernel may do what this argument says, in the context that was entered, until the stream is done.
    pub(super) unsafe fn launch<C>(
        &self,
        function: Handle,
        groups: [usize; 3],
        threads: usize,
        mut call: C,
        stream: Handle,
    ) -> Result<(), Error> {
        let mut argument: *mut c_void = (&raw mut call).cast();
        let [x, y, z] = groups.map(|groups| groups as c_uint);
        let (threads, nothing) = (threads as c_uint, std::ptr::null_mut());
        // SAFETY: the caller's promise; the argument is copied.
        let launched = unsafe {
            let arguments = &raw mut argument;
            (self.driver.cuLaunchKernel)(
                function, x, y, z, threads, 1, 1, 0, stream, arguments, nothing,
            )
        };
        // A kernel may have memory of its own.
        self.allocated(launched, size_of::<C>())
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
            device: bytes(self.buffers(count, [true; 3]).1)?,
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
        let (begins, _) = self.buffers(count, [true; 3]);
        let buffers = begins.map(|begin| room.device + begin);
        let given = count * self.task.given() as usize;
        // SAFETY: the room's memory, which is kept until its stream is done.
        gpu.ok(unsafe {
            (driver.cuMemcpyHtoDAsync_v2)(buffers[0], slot.up().cast(), given, room.stream)
        })?;
        let dispatches = self.task.dispatches(count, balanced, GROUPS);
        // SAFETY: the room's buffers, of `count` matrices.
        unsafe { self.launch(&dispatches, buffers, room.stream)? };
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
        slot.wait(self.cancel, None)?;
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
