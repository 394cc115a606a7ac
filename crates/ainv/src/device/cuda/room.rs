//! Rooms: memory for a part, on the device and of the host (where the device copies from and to by itself), and the stream
//! that works on it. Allocation takes longer than most calls do, so rooms are kept for the next ones.

use super::device::Gpu;
use super::driver::{Address, Driver, Handle, NOT_READY};
use crate::device::cpu::executor::pause;
use crate::error::Error;
use ainv_streams::Cancel;
use core::ffi::{c_uint, c_void};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Bytes that are kept for the next calls, at most.
const KEPT: usize = 256 << 20;
/// A wait this long is spent looking; a longer one mostly sleeping, an eighth of what it took so far, up to the last of these.
const SOON: Duration = Duration::from_micros(50);
const LATE: Duration = Duration::from_millis(5);
/// CU_STREAM_NON_BLOCKING: it does not wait for the work of those who name no stream.
const NON_BLOCKING: c_uint = 1;

/// Bytes of the device; of the host's that go up and that come down.
#[derive(Clone, Copy)]
pub(super) struct Sizes {
    pub(super) device: usize,
    pub(super) up: usize,
    pub(super) down: usize,
}

impl Sizes {
    fn all(self) -> usize {
        self.device.saturating_add(self.up).saturating_add(self.down)
    }

    fn hold(self, other: Sizes) -> bool {
        self.device >= other.device && self.up >= other.up && self.down >= other.down
    }
}

pub(super) struct Room {
    sizes: Sizes,
    pub(super) device: Address,
    /// Pointers, as numbers.
    up: usize,
    down: usize,
    pub(super) stream: Handle,
}

/// Those that no one uses.
#[derive(Default)]
pub(super) struct Rooms(Mutex<Vec<Room>>);

impl Rooms {
    fn lock(&self) -> MutexGuard<'_, Vec<Room>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Frees them all.
    ///
    /// # Safety
    /// In their context.
    pub(super) unsafe fn free(&self, driver: &Driver) {
        for room in self.lock().drain(..) {
            // SAFETY: no one else has it.
            unsafe { room.free(driver) };
        }
    }
}

/// A room that is in use.
pub(crate) struct Taken<'a> {
    gpu: &'a Gpu,
    /// `None` at the end alone.
    room: Option<Room>,
}

impl Gpu {
    /// A room, new or another call's.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`], [`Error::Device`].
    pub(super) fn room(&self, sizes: Sizes) -> Result<Taken<'_>, Error> {
        let _entered = self.enter()?;
        let taken = |room| Ok(Taken { gpu: self, room: Some(room) });
        {
            let mut rooms = self.rooms.lock();
            // SAFETY: the room's own stream. Work that was given up goes on in it till its end.
            let is_idle =
                |room: &Room| unsafe { (self.driver.cuStreamQuery)(room.stream) } != NOT_READY;
            if let Some(i) = rooms.iter().position(|room| room.sizes.hold(sizes) && is_idle(room)) {
                return taken(rooms.remove(i));
            }
        }
        match Room::new(self, sizes) {
            Err(Error::OutOfMemory { .. }) => {
                // SAFETY: their context was entered.
                unsafe { self.rooms.free(self.driver) };
                taken(Room::new(self, sizes)?)
            }
            room => taken(room?),
        }
    }
}

impl Room {
    fn new(gpu: &Gpu, sizes: Sizes) -> Result<Room, Error> {
        let driver = gpu.driver;
        let mut room = Room { sizes, device: 0, up: 0, down: 0, stream: 0 };
        let pinned = |at: &mut usize, bytes| {
            let mut new: *mut c_void = std::ptr::null_mut();
            // SAFETY: it writes a pointer.
            let outcome = unsafe { (driver.cuMemHostAlloc)(&mut new, bytes, 0) };
            *at = new.addr();
            new.expose_provenance();
            gpu.allocated(outcome, sizes.all())
        };
        // SAFETY: it writes an address.
        let allocated = unsafe { (driver.cuMemAlloc_v2)(&mut room.device, sizes.device) };
        let done = gpu
            .allocated(allocated, sizes.all())
            .and_then(|()| pinned(&mut room.up, sizes.up))
            .and_then(|()| pinned(&mut room.down, sizes.down))
            .and_then(|()| {
                // SAFETY: it writes a handle.
                let created = unsafe { (driver.cuStreamCreate)(&mut room.stream, NON_BLOCKING) };
                gpu.allocated(created, sizes.all())
            });
        match done {
            Ok(()) => Ok(room),
            Err(error) => {
                // SAFETY: what there is of it is known to this function alone.
                unsafe { room.free(driver) };
                Err(error)
            }
        }
    }

    /// Waits for its work and frees what there is of it.
    ///
    /// # Safety
    /// In its context.
    unsafe fn free(self, driver: &Driver) {
        // SAFETY: its own, and nothing uses them any more when the stream is done.
        unsafe {
            if self.stream != 0 {
                (driver.cuStreamSynchronize)(self.stream);
                (driver.cuStreamDestroy_v2)(self.stream);
            }
            for host in [self.up, self.down] {
                if host != 0 {
                    (driver.cuMemFreeHost)(std::ptr::with_exposed_provenance_mut(host));
                }
            }
            if self.device != 0 {
                (driver.cuMemFree_v2)(self.device);
            }
        }
    }
}

impl Taken<'_> {
    /// A room that was [put aside](Self::into_room).
    pub(super) fn of(gpu: &Gpu, room: Room) -> Taken<'_> {
        Taken { gpu, room: Some(room) }
    }

    pub(super) fn into_room(mut self) -> Room {
        self.room.take().expect("it is given back at its end")
    }

    /// Waits for its stream, for so long at most: whether it is done. What is given up is computed to its end, before the room
    /// is another's.
    ///
    /// # Errors
    /// [`Error::Cancelled`], [`Error::Device`].
    pub(super) fn wait(
        &self,
        cancel: Option<&Cancel>,
        most: Option<Duration>,
    ) -> Result<bool, Error> {
        let began = Instant::now();
        let _entered = self.gpu.enter()?;
        loop {
            pause(cancel)?;
            self.gpu.check()?;
            // SAFETY: the room's own stream.
            let outcome = unsafe { (self.gpu.driver.cuStreamQuery)(self.get().stream) };
            if outcome != NOT_READY {
                return self.gpu.ok(outcome).map(|()| true);
            }
            match began.elapsed() {
                late if most.is_some_and(|most| late >= most) => return Ok(false),
                soon if soon < SOON => std::hint::spin_loop(),
                late => std::thread::sleep((late / 8).min(LATE)),
            }
        }
    }

    pub(super) fn get(&self) -> &Room {
        self.room.as_ref().expect("it is given back at its end")
    }

    /// Where the host writes.
    pub(super) fn up(&self) -> *mut u8 {
        std::ptr::with_exposed_provenance_mut(self.get().up)
    }

    /// Where the host reads.
    pub(super) fn down(&self) -> *mut u8 {
        std::ptr::with_exposed_provenance_mut(self.get().down)
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        let mut rooms = self.gpu.rooms.lock();
        rooms.extend(self.room.take());
        let kept = |rooms: &[Room]| rooms.iter().map(|room| room.sizes.all()).sum::<usize>();
        let mut left = vec![];
        // Those of a device that was lost are freed with it.
        while kept(&rooms) > KEPT && self.gpu.check().is_ok() {
            // The one that was used longest ago.
            left.push(rooms.remove(0));
        }
        drop(rooms);
        // Their work may go on for a while, which holds up no one else.
        for room in left {
            match self.gpu.enter() {
                // SAFETY: its context was entered, and it is in no one's hands.
                Ok(_entered) => unsafe { room.free(self.gpu.driver) },
                Err(_) => self.gpu.rooms.lock().push(room),
            }
        }
    }
}
