//! Matrices that lie in the device's memory, with any strides, on a stream of their owner. What the kernels take are dense
//! ones, so they are gathered first, and results are scattered, unless they lie as the kernels read and write.
//!
//! ```text
//! gather        a part, into scratch
//! dispatches    of the part
//! again         of its suspects, gathered anew: which they are, the device decides
//! scatter       the results
//! ```
//!
//! Nothing waits. What became of the matrices is counted up on the device (`info`), or fetched by a call that waits for it.

use super::device::{Gpu, gpu};
use super::driver::{Address, Handle};
use super::engine::{ALIGNED, Engine, GROUPS};
use super::kernels::{LANES, Name};
use super::ordered::{Event, Scratch};
use super::room::{Room, Sizes, Taken};
use crate::device::cpu::executor::pause;
use crate::device::cpu::mode::Mode;
use crate::device::gpu::{
    Beside, CUT, Call, Engine as _, Gpu as _, Outcome, Work, numbers, plain, with_call,
};
use crate::device::job::{Job, Statuses};
use crate::error::Error;
use crate::options::{Assume, IllConditioned, OnSingular, Options, PinvOptions};
use crate::plan::is_wide;
use crate::stack::{Batch, MAX_AXES, Stack, StackMut};
use crate::status::{Status, Summary};
use ainv_kernels::places::Frame;
use ainv_kernels::scalar::{RealScalar, Scalar};
use std::sync::Arc;
use std::time::Duration;

/// Where the work goes, and what is asked of it.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    pub(crate) stream: Handle,
    /// Where the numbers of zero pivots go, one a matrix.
    pub(crate) info: Option<Address>,
    /// Whether the outcomes are waited for.
    pub(crate) waits: bool,
}

/// A job whose stacks lie in the device's memory.
///
/// # Errors
/// [`Error::Unsupported`] for what works on the host's memory alone; as [`gpu::run`](crate::device::gpu::run).
pub(crate) fn run<T: Scalar>(job: Job<T>, place: Place) -> Result<Waiting, Error> {
    let lacking = if job.options.on_singular == OnSingular::Pinv {
        Some("on_singular=\"pinv\"")
    } else if job.options.ill_conditioned != IllConditioned::Ignore {
        Some("the condition of inverted matrices (ill_conditioned)")
    } else {
        None
    };
    if let Some(what) = lacking {
        return Err(Error::Unsupported {
            what: format!(
                "matrices in the GPU's memory have no {what} yet: copy them to the CPU first"
            ),
        });
    }
    let diagonals = job.a.diagonals();
    let mut call = plain(&job);
    if let Work::DiagonalSolve(_) = call.work {
        call.a = &diagonals;
    }
    enqueue(&call, place, job.options)
}

/// Pseudo-inverses of such stacks.
///
/// # Errors
/// As [`run`].
pub(crate) fn pinv<T: Scalar>(
    a: &Stack<T>,
    x: &StackMut<T>,
    pinv: &PinvOptions,
    place: Place,
    options: &Options,
) -> Result<Waiting, Error> {
    with_call(a, x, pinv, |call| enqueue(call, place, options))
}

fn enqueue<T: Scalar>(call: &Call<T>, place: Place, options: &Options) -> Result<Waiting, Error> {
    // Threads that the driver makes have the mode of the one that calls it.
    let _mode = Mode::standard();
    let gpu = gpu()?;
    let Call { a, work, .. } = *call;
    let order = if let Work::Pinv { .. } = work { a.rows().min(a.cols()) } else { a.rows() };
    let cancel = options.cancel.as_ref();
    let room = if a.is_empty() {
        None
    } else if call.x.is_none_or(|x| x.rows() == 0 || x.cols() == 0) {
        let _entered = gpu.enter()?;
        if let Some(info) = place.info {
            // SAFETY: the caller's, one number a matrix.
            unsafe { gpu.clear(info, a.len(), place.stream)? };
        }
        None
    } else if is_wide::<T>(options) {
        let engine = gpu.engine::<T::Wide>(order, work, cancel)?;
        Arrays { gpu: &gpu, engine, call, place, options }.enqueue()?
    } else {
        let engine = gpu.engine::<T>(order, work, cancel)?;
        Arrays { gpu: &gpu, engine, call, place, options }.enqueue()?
    };
    Ok(Waiting { room, work, order: a.rows(), count: a.len(), gpu })
}

/// The outcomes of matrices, which are waited for.
pub(crate) struct Waiting {
    /// `None`: there is nothing to wait for.
    room: Option<Room>,
    work: Work,
    order: usize,
    count: usize,
    gpu: Arc<Gpu>,
}

impl Waiting {
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// What became of the matrices; `None` if that is not known after this time. Statuses are one a matrix, or none.
    ///
    /// # Errors
    /// [`Error::Device`].
    pub(crate) fn wait_for(
        &mut self,
        time: Duration,
        status: &mut [Status],
    ) -> Result<Option<Summary>, Error> {
        let status = Statuses::new(status);
        let mut summary = Summary::default();
        let Some(room) = self.room.take() else { return Ok(Some(summary)) };
        let taken = Taken::of(&self.gpu, room);
        if !taken.wait(None, Some(time)).inspect_err(|_| status.undone())? {
            self.room = Some(taken.into_room());
            return Ok(None);
        }
        // SAFETY: its stream filled it; rooms begin at multiples of eight bytes.
        let outcomes =
            unsafe { std::slice::from_raw_parts(taken.down().cast::<Outcome>(), self.count) };
        for (i, outcome) in outcomes.iter().enumerate() {
            outcome.note(self.work, self.order, i, status, &mut summary);
        }
        Ok(Some(summary))
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(room) = self.room.take() {
            drop(Taken::of(&self.gpu, room));
        }
    }
}

/// Stacks of T on the device, and what does the work in W.
struct Arrays<'a, T: Scalar, W> {
    gpu: &'a Arc<Gpu>,
    engine: Engine<'a, W>,
    call: &'a Call<'a, T>,
    place: Place,
    options: &'a Options,
}

/// The argument of gather.cu and scatter.cu.
#[repr(C)]
struct Strided {
    dense: Address,
    strided: Address,
    outcomes: Address,
    count: u64,
    first: u64,
    rows: u64,
    columns: u64,
    row: i64,
    column: i64,
    axes: u64,
    lengths: [u64; MAX_AXES],
    steps: [i64; MAX_AXES],
    filled: u64,
    rounding: f64,
}

/// The argument of info.cu.
#[repr(C)]
struct Numbers {
    outcomes: Address,
    info: Address,
    count: u64,
    order: u64,
}

/// A stack, whether it is read or written.
#[derive(Clone, Copy)]
struct Lying<'a> {
    begin: Address,
    batch: &'a Batch,
    frame: Frame,
}

impl Lying<'_> {
    fn of<'a, T>((begin, batch): (*mut T, &'a Batch), frame: Frame) -> Lying<'a> {
        Lying { begin: begin.addr() as Address, batch, frame }
    }

    fn size(&self) -> usize {
        self.frame.rows * self.frame.cols
    }

    /// Whether the matrices lie as the kernels have them, each in C order behind the one before.
    fn is_dense(&self) -> bool {
        let mut axes = self.batch.axes();
        let evenly = match (axes.len(), axes.next()) {
            (0, _) => true,
            (1, Some((_, step))) => step == self.size() as isize,
            _ => false,
        };
        evenly && self.frame.cs == 1 && self.frame.rs == self.frame.cols as isize
    }
}

/// As strided.cu has it.
fn filled(assume: Assume) -> u64 {
    match assume {
        Assume::Auto | Assume::General => 0,
        Assume::Symmetric => 1,
        Assume::Hermitian | Assume::Posdef => 2,
        Assume::Lower => 3,
        Assume::Upper => 4,
        Assume::Diagonal => 5,
    }
}

impl<T: Scalar, W: Scalar> Arrays<'_, T, W> {
    const SINGLE: bool = size_of::<T>() < size_of::<W>();

    /// Enqueues all of it; if that is asked for, outcomes will stand in the room that it gives, when its stream is done.
    fn enqueue(&self) -> Result<Option<Room>, Error> {
        let Place { stream, info, waits } = self.place;
        let count = self.call.a.len();
        let _entered = self.gpu.enter()?;
        if (waits || matches!(self.call.beside, Beside::Cuts(_))) && self.gpu.is_captured(stream)? {
            return Err(Error::Unsupported {
                what: "a graph cannot be made of pinv, nor of what waits to raise for a singular matrix: inv_ex \
                       does not, nor what has on_singular=\"nan\""
                    .into(),
            });
        }
        let room = self.room()?;
        let outcomes = self.gpu.scratch(count * size_of::<Outcome>(), stream)?;
        self.parts(&outcomes, room.as_ref())?;
        if let Some(info) = info {
            let order = self.call.a.rows() as u64;
            let call = Numbers { outcomes: outcomes.address, info, count: count as u64, order };
            // SAFETY: the outcomes above, and the caller's numbers.
            unsafe { self.launch(Name::Info, count, call)? };
        }
        let Some(room) = room else { return Ok(None) };
        if waits {
            let (to, bytes) = (room.down().cast(), count * size_of::<Outcome>());
            // SAFETY: the room has so many bytes.
            self.gpu.ok(unsafe {
                (self.gpu.driver.cuMemcpyDtoHAsync_v2)(to, outcomes.address, bytes, stream)
            })?;
        }
        drop(outcomes);
        // The room's stream stands for the caller's, which may be given more work: whoever is given the room waits for it.
        Event::behind(self.gpu, stream)?.holds_up(room.get().stream)?;
        Ok(waits.then(|| room.into_room()))
    }

    /// The host's memory that this takes, with cut-offs in it.
    fn room(&self) -> Result<Option<Taken<'_>>, Error> {
        let count = self.call.a.len();
        let outcomes = if self.place.waits { count * size_of::<Outcome>() } else { 0 };
        let cuts = match self.call.beside {
            Beside::Cuts(_) => count * CUT * size_of::<W>(),
            _ => 0,
        };
        if outcomes + cuts == 0 {
            return Ok(None);
        }
        let least = ALIGNED as usize;
        let sizes = Sizes { device: least, up: cuts.max(least), down: outcomes.max(least) };
        let room = self.gpu.room(sizes)?;
        if let Beside::Cuts(cut) = self.call.beside {
            let up = room.up().cast::<[W; CUT]>();
            for i in 0..count {
                // SAFETY: the room has a place for each, and nothing on the device reads it.
                unsafe { up.add(i).write(numbers::<W>(cut(i))) };
            }
        }
        Ok(Some(room))
    }

    /// The parts, one after the other in the same scratch.
    fn parts(&self, outcomes: &Scratch, room: Option<&Taken>) -> Result<(), Error> {
        let Call { a, beside, x, filled: assume, work, .. } = self.call;
        let Some(x) = x else { return Ok(()) };
        let (a, x) = (
            Lying::of(a.begin(), self.oriented(a.frame())),
            Lying::of(x.begin(), self.oriented(x.frame())),
        );
        let (count, stream, task) = (self.call.a.len(), self.place.stream, &self.engine.task);
        let part = self.engine.part(count);
        let definite = T::COMPLEX && work.is_definite();
        // The kernels of small matrices write no matrix; larger ones are worked on in their place.
        let is_read_there = !Self::SINGLE
            && task.team.is_some()
            && matches!(beside, Beside::Nothing)
            && filled(*assume) == 0
            && !definite
            && a.is_dense();
        let is_written_there = !Self::SINGLE && x.is_dense();
        let (begins, bytes) = self.engine.buffers(part, [!is_read_there, !is_written_there, false]);
        let scratch = match usize::try_from(bytes).map_err(|_| Error::Overflow)? {
            0 => None,
            bytes => Some(self.gpu.scratch(bytes, stream)?),
        };
        for first in (0..count).step_by(part) {
            pause(self.options.cancel.as_ref())?;
            let len = part.min(count - first);
            let mut buffers =
                begins.map(|begin| scratch.as_ref().map_or(0, |scratch| scratch.address) + begin);
            let at = |of: Lying| of.begin + (first * of.size() * size_of::<T>()) as Address;
            if is_read_there {
                buffers[0] = at(a);
            }
            if is_written_there {
                buffers[1] = at(x);
            }
            buffers[2] = outcomes.address + (first * size_of::<Outcome>()) as Address;
            let behind = buffers[0] + (len * a.size() * size_of::<W>()) as Address;
            let gather = |suspects: bool| -> Result<(), Error> {
                let outcomes = if suspects { buffers[2] } else { 0 };
                if !is_read_there {
                    // As on the CPU, in the precision of the caller's matrices.
                    let rounding = self.call.a.rows() as f64 * T::Real::EPSILON.to_f64();
                    let call = Strided {
                        outcomes,
                        filled: filled(*assume),
                        rounding: if definite { rounding } else { -1.0 },
                        ..strided(a, buffers[0], first, len)
                    };
                    let name = Name::Gather { single: Self::SINGLE };
                    // SAFETY: matrices of a checked view, and scratch for the part.
                    unsafe { self.launch(name, len * a.size(), call)? };
                }
                match beside {
                    Beside::Nothing => {}
                    Beside::Rhs(b) => {
                        let b = Lying::of(b.begin(), b.frame());
                        let call = Strided { outcomes, ..strided(b, behind, first, len) };
                        let name = Name::Gather { single: Self::SINGLE };
                        // SAFETY: and the right-hand sides behind them.
                        unsafe { self.launch(name, len * b.size(), call)? };
                    }
                    Beside::Cuts(_) => {
                        let size = CUT * size_of::<W>();
                        let from = room.map(|room| room.up().wrapping_add(first * size));
                        // SAFETY: and the cut-offs, which stay in the room till its stream is done.
                        self.gpu.ok(unsafe {
                            (self.gpu.driver.cuMemcpyHtoDAsync_v2)(
                                behind,
                                from.unwrap_or_default().cast(),
                                len * size,
                                stream,
                            )
                        })?;
                    }
                }
                Ok(())
            };
            gather(false)?;
            let dispatches = task.dispatches(len, false, GROUPS);
            // SAFETY: buffers for the part, in the order of the stream.
            unsafe { self.engine.launch(&dispatches, buffers, stream)? };
            if matches!(work, Work::Invert | Work::Solve(_) | Work::DefiniteSolve(_)) {
                gather(true)?;
                // SAFETY: as above.
                unsafe { self.engine.launch(&dispatches.of_suspects(), buffers, stream)? };
            }
            if !is_written_there {
                let call = strided(x, buffers[1], first, len);
                let name = Name::Scatter { single: Self::SINGLE };
                // SAFETY: results for the part, and the caller's places for them.
                unsafe { self.launch(name, len * x.size(), call)? };
            }
        }
        Ok(())
    }

    fn oriented(&self, frame: Frame) -> Frame {
        if self.call.transposed { frame.transposed() } else { frame }
    }

    /// Enqueues a kernel of CUDA's alone, with so many threads.
    ///
    /// # Safety
    /// As [`Gpu::launch`].
    unsafe fn launch<C>(&self, name: Name, threads: usize, call: C) -> Result<(), Error> {
        let function = self.gpu.kernel::<W>(name)?;
        let groups = [threads.div_ceil(LANES), 1, 1];
        // SAFETY: the caller's promise.
        unsafe { self.gpu.launch(function, groups, LANES, call, self.place.stream) }
    }
}

/// `len` matrices of a stack from `first` on, and dense ones.
fn strided(of: Lying, dense: Address, first: usize, len: usize) -> Strided {
    let Frame { rows, cols, rs, cs } = of.frame;
    let (mut lengths, mut steps) = ([1; MAX_AXES], [0; MAX_AXES]);
    for (axis, (length, step)) in of.batch.axes().enumerate() {
        (lengths[axis], steps[axis]) = (length as u64, step as i64);
    }
    Strided {
        dense,
        strided: of.begin,
        outcomes: 0,
        count: len as u64,
        first: first as u64,
        rows: rows as u64,
        columns: cols as u64,
        row: rs as i64,
        column: cs as i64,
        axes: of.batch.axes().len() as u64,
        lengths,
        steps,
        filled: 0,
        rounding: -1.0,
    }
}
