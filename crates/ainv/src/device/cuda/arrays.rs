//! Matrices that lie in the device's memory, with any strides, on a stream of their owner. What the kernels take are dense
//! ones, so they are gathered first, and results are scattered, unless they lie as the kernels read and write.
//!
//! ```text
//! gather        a part, into scratch
//! norms         of its matrices, where their conditions are asked for
//! dispatches    of the part
//! again         of its suspects, gathered anew: which they are, the device decides
//! conditions    from those norms, and from those of the inverses
//! scatter       the results
//! ```
//!
//! Nothing waits. What became of the matrices is counted up on the device (`info`), or fetched by a call that waits for it.
//! Pseudo-inverses that stand for inverses alone are enqueued when it is known which matrices have none.

use super::condition::{Dense, Found, Size, Summed};
use super::device::{Gpu, gpu};
use super::driver::{Address, Handle};
use super::engine::{ALIGNED, Buffers, Engine, GROUPS};
use super::kernels::{LANES, Name};
use super::ordered::{Event, Scratch};
use super::room::{Room, Sizes, Taken};
use super::strided::{Lying, filled, strided};
use super::waiting::Waiting;
use crate::device::cpu::executor::pause;
use crate::device::cpu::mode::Mode;
use crate::device::gpu::{
    Asked, Beside, CUT, Call, Engine as _, Gpu as _, Outcome, Work, default_cut, instead, numbers,
    of_all, plain, with_call,
};
use crate::device::job::Job;
use crate::device::lacks;
use crate::error::Error;
use crate::op::Kind;
use crate::options::{Assume, Norm, OnSingular, Options, PinvOptions};
use crate::plan::is_wide;
use crate::stack::{Stack, StackMut};
use ainv_kernels::places::Frame;
use ainv_kernels::scalar::{RealScalar, Scalar};
use std::sync::Arc;

/// Where the work goes, and what is asked of it.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    pub(crate) stream: Handle,
    /// Where the numbers of zero pivots go, one a matrix.
    pub(crate) info: Option<Address>,
    /// Whether the outcomes are waited for.
    pub(crate) waits: bool,
}

/// A job whose stacks lie in the device's memory. What becomes of a matrix without an inverse may have to be waited for.
///
/// # Errors
/// [`Error::Unsupported`] where a graph is made of what must be waited for; as [`gpu::run`](crate::device::gpu::run).
pub(crate) fn run<T: Scalar>(job: Job<T>, place: Place) -> Result<Waiting, Error> {
    let Job { kind, a, b, x, options, .. } = job;
    let is_instead = options.on_singular == OnSingular::Pinv;
    if is_instead && !place.waits {
        return Err(Error::Argument {
            what: "on_singular \"pinv\" waits for what becomes of the matrices: compute has it, enqueue has not".into(),
        });
    }
    let gpu = gpu()?;
    if place.waits {
        refuse_a_graph(&gpu, place.stream)?;
    }
    let diagonals = a.diagonals();
    let mut call = plain(&job);
    if let Work::DiagonalSolve(_) = call.work {
        call.a = &diagonals;
    }
    // Whoever does not wait is told nothing. A factor is no inverse.
    let asks = place.waits && kind != Kind::Cholesky && !is_empty(x);
    let limit = job.limit().filter(|_| asks);
    let numbers = limit.map(|_| gpu.scratch(a.len() * size_of::<f64>(), place.stream));
    let numbers = numbers.transpose()?;
    let found = numbers.as_ref().map(|to| Found { address: to.address, single: false });
    if let (Some(limit), Some(found)) = (limit, found) {
        match b {
            Some(_) => conditions(&gpu, a, Norm::One, found, place.stream, options)?,
            None => call.asked = Asked::Under(limit),
        }
    }
    let mut waiting = enqueue(&gpu, &call, None, found, place, options)?;
    waiting.limit = limit;
    if is_instead {
        let others = waiting.without_result(options.cancel.as_ref())?;
        if !others.is_empty() {
            let cut = default_cut::<T>(a.rows());
            let cuts = |_| cut;
            let place = Place { info: None, waits: false, ..place };
            enqueue(&gpu, &instead(&job, &cuts), Some(&others), None, place, options)?;
        }
    }
    Ok(waiting)
}

/// Pseudo-inverses of such stacks.
///
/// # Errors
/// As [`run`]: cut-offs come from the host's memory.
pub(crate) fn pinv<T: Scalar>(
    a: &Stack<T>,
    x: &StackMut<T>,
    pinv: &PinvOptions,
    place: Place,
    options: &Options,
) -> Result<Waiting, Error> {
    let gpu = gpu()?;
    refuse_a_graph(&gpu, place.stream)?;
    with_call(a, x, pinv, |call| enqueue(&gpu, call, None, None, place, options))
}

/// Reciprocal condition numbers of such a stack, one in each place from `to` on. Nothing waits.
///
/// # Errors
/// [`Error::Unsupported`] of the 2-norm; as [`run`].
pub(crate) fn rcond<T: Scalar>(
    a: &Stack<T>,
    norm: Norm,
    to: Address,
    stream: Handle,
    options: &Options,
) -> Result<(), Error> {
    if norm == Norm::Two {
        return Err(lacks("rcond in the 2-norm"));
    }
    let found = Found { address: to, single: size_of::<T::Real>() == size_of::<f32>() };
    conditions(&gpu()?, a, norm, found, stream, options)
}

fn conditions<T: Scalar>(
    gpu: &Arc<Gpu>,
    a: &Stack<T>,
    norm: Norm,
    found: Found,
    stream: Handle,
    options: &Options,
) -> Result<(), Error> {
    if a.is_empty() {
        return Ok(());
    }
    if a.rows() == 0 || options.assume == Assume::Diagonal {
        // Threads that the driver makes have the mode of the one that calls it.
        let _mode = Mode::standard();
        return match is_wide::<T>(options) {
            true => gpu.conditions_of_diagonals::<T, T::Wide>(a, found, stream),
            false => gpu.conditions_of_diagonals::<T, T>(a, found, stream),
        };
    }
    let place = Place { stream, info: None, waits: false };
    enqueue(gpu, &of_all(a, norm, options), None, Some(found), place, options).map(drop)
}

/// A graph is made of what the host need not look at.
fn refuse_a_graph(gpu: &Gpu, stream: Handle) -> Result<(), Error> {
    let _entered = gpu.enter()?;
    if gpu.is_captured(stream)? {
        return Err(Error::Unsupported {
            what: "a graph cannot be made of pinv, nor of what waits to raise for a singular matrix: inv_ex \
                   does not, nor what has on_singular=\"nan\""
                .into(),
        });
    }
    Ok(())
}

fn is_empty<T>(x: &StackMut<T>) -> bool {
    x.is_empty() || x.rows() == 0 || x.cols() == 0
}

/// Enqueues a call for all matrices, or for those of these numbers.
fn enqueue<T: Scalar>(
    gpu: &Arc<Gpu>,
    call: &Call<T>,
    chosen: Option<&[usize]>,
    found: Option<Found>,
    place: Place,
    options: &Options,
) -> Result<Waiting, Error> {
    // Threads that the driver makes have the mode of the one that calls it.
    let _mode = Mode::standard();
    let Call { a, work, .. } = *call;
    let order = if let Work::Pinv { .. } = work { a.rows().min(a.cols()) } else { a.rows() };
    let cancel = options.cancel.as_ref();
    let room = if a.is_empty() {
        None
    } else if call.x.is_some_and(is_empty) {
        let _entered = gpu.enter()?;
        if let Some(info) = place.info {
            // SAFETY: the caller's, one number a matrix.
            unsafe { gpu.clear(info, a.len(), place.stream)? };
        }
        None
    } else if is_wide::<T>(options) {
        let engine = gpu.engine::<T::Wide>(order, work, cancel)?;
        Arrays { gpu, engine, call, chosen, found, place, options }.enqueue()?
    } else {
        let engine = gpu.engine::<T>(order, work, cancel)?;
        Arrays { gpu, engine, call, chosen, found, place, options }.enqueue()?
    };
    Ok(Waiting { room, work, order: a.rows(), count: a.len(), limit: None, gpu: gpu.clone() })
}

/// Stacks of T on the device, and what does the work in W.
struct Arrays<'a, T: Scalar, W> {
    gpu: &'a Arc<Gpu>,
    engine: Engine<'a, W>,
    call: &'a Call<'a, T>,
    /// The matrices that are meant; `None`: all.
    chosen: Option<&'a [usize]>,
    /// Where condition numbers are.
    found: Option<Found>,
    place: Place,
    options: &'a Options,
}

/// The argument of info.cu.
#[repr(C)]
struct Numbers {
    outcomes: Address,
    info: Address,
    count: u64,
    order: u64,
}

/// Part of the stacks: where its matrices and what stands behind them, results, outcomes and norms lie, and the engine's
/// scratch.
struct Part {
    first: usize,
    len: usize,
    buffers: Buffers,
    norms: Address,
    /// Those of the chosen matrices.
    numbers: Address,
    /// Whether the matrices lie where their owner has them.
    is_read_there: bool,
}

impl<T: Scalar, W: Scalar> Arrays<'_, T, W> {
    const SINGLE: bool = size_of::<T>() < size_of::<W>();

    fn count(&self) -> usize {
        self.chosen.map_or(self.call.a.len(), <[usize]>::len)
    }

    /// Enqueues all of it; if that is asked for, outcomes will stand in the room that it gives, when its stream is done, and
    /// behind them the condition numbers.
    fn enqueue(&self) -> Result<Option<Room>, Error> {
        let Place { stream, info, waits } = self.place;
        let count = self.count();
        let _entered = self.gpu.enter()?;
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
            let (to, bytes) = (room.down(), count * size_of::<Outcome>());
            self.download(outcomes.address, to, bytes)?;
            if let Some(Found { address, .. }) = self.found {
                self.download(address, to.wrapping_add(bytes), count * size_of::<f64>())?;
            }
        }
        drop(outcomes);
        // The room's stream stands for the caller's, which may be given more work: whoever is given the room waits for it.
        Event::behind(self.gpu, stream)?.holds_up(room.get().stream)?;
        Ok(waits.then(|| room.into_room()))
    }

    /// Copies what stands on the device to a place of the room.
    fn download(&self, from: Address, to: *mut u8, bytes: usize) -> Result<(), Error> {
        // SAFETY: the room has so many bytes, and is kept until its stream is done.
        let copied = unsafe {
            (self.gpu.driver.cuMemcpyDtoHAsync_v2)(to.cast(), from, bytes, self.place.stream)
        };
        self.gpu.ok(copied)
    }

    /// Copies what stands in the room, from that byte on.
    fn upload(
        &self,
        room: Option<&Taken>,
        at: usize,
        to: Address,
        bytes: usize,
    ) -> Result<(), Error> {
        let from = room.map_or(std::ptr::null_mut(), Taken::up).wrapping_add(at);
        // SAFETY: as above.
        let copied = unsafe {
            (self.gpu.driver.cuMemcpyHtoDAsync_v2)(to, from.cast(), bytes, self.place.stream)
        };
        self.gpu.ok(copied)
    }

    /// The bytes of all cut-offs.
    fn cuts(&self) -> usize {
        match self.call.beside {
            Beside::Cuts(_) => self.count() * CUT * size_of::<W>(),
            _ => 0,
        }
    }

    /// The host's memory that this takes, with cut-offs in it, and the numbers of chosen matrices behind them.
    fn room(&self) -> Result<Option<Taken<'_>>, Error> {
        let (cuts, chosen) = (self.cuts(), self.chosen.unwrap_or_default());
        let each = size_of::<Outcome>() + self.found.map_or(0, |_| size_of::<f64>());
        let down = if self.place.waits { self.count() * each } else { 0 };
        let up = cuts + size_of_val(chosen);
        if down + up == 0 {
            return Ok(None);
        }
        let least = ALIGNED as usize;
        let sizes = Sizes { device: least, up: up.max(least), down: down.max(least) };
        let room = self.gpu.room(sizes)?;
        if let Beside::Cuts(cut) = self.call.beside {
            let up = room.up().cast::<[W; CUT]>();
            for i in 0..self.count() {
                // SAFETY: the room has a place for each, and nothing on the device reads it.
                unsafe { up.add(i).write(numbers::<W>(cut(i))) };
            }
        }
        let numbers = room.up().wrapping_add(cuts).cast::<usize>();
        // SAFETY: as above.
        unsafe { numbers.copy_from_nonoverlapping(chosen.as_ptr(), chosen.len()) };
        Ok(Some(room))
    }

    /// The parts, one after the other in the same scratch.
    fn parts(&self, outcomes: &Scratch, room: Option<&Taken>) -> Result<(), Error> {
        let Call { beside, filled: assume, work, asked, .. } = self.call;
        let (count, stream, task) = (self.count(), self.place.stream, &self.engine.task);
        let (a, x) = (self.matrices(), self.results());
        let part = self.engine.part(count);
        let numbers = match self.chosen.map(size_of_val) {
            Some(bytes) => {
                let numbers = self.gpu.scratch(bytes, stream)?;
                self.upload(room, self.cuts(), numbers.address, bytes)?;
                Some(numbers)
            }
            None => None,
        };
        let in_place = !Self::SINGLE && self.chosen.is_none();
        // The kernels of small matrices write no matrix; larger ones are worked on in their place.
        let is_read_there = in_place
            && task.team.is_some()
            && matches!(beside, Beside::Nothing)
            && filled(*assume) == 0
            && !self.drops_rounding()
            && !matches!(asked, Asked::All(_))
            && a.is_dense();
        let is_written_there = in_place && x.is_some_and(|x| x.is_dense());
        let (begins, bytes) = self.engine.buffers(part, [!is_read_there, !is_written_there, false]);
        let bytes = usize::try_from(bytes).map_err(|_| Error::Overflow)?;
        let norms = if let Asked::Nothing = asked { 0 } else { part * size_of::<Size>() };
        let scratch = match bytes + norms {
            0 => None,
            bytes => Some(self.gpu.scratch(bytes, stream)?),
        };
        let begin = scratch.as_ref().map_or(0, |scratch| scratch.address);
        for first in (0..count).step_by(part) {
            pause(self.options.cancel.as_ref())?;
            let len = part.min(count - first);
            let mut buffers = begins.map(|at| begin + at);
            let at = |of: Lying| of.begin + (first * of.size() * size_of::<T>()) as Address;
            if is_read_there {
                buffers[0] = at(a);
            }
            if let (Some(x), true) = (x, is_written_there) {
                buffers[1] = at(x);
            }
            buffers[2] = outcomes.address + (first * size_of::<Outcome>()) as Address;
            let norms = begin + bytes as Address;
            let numbers = numbers.as_ref().map_or(0, |numbers| numbers.address);
            let part = Part { first, len, buffers, norms, numbers, is_read_there };
            self.gather(&part, room, false)?;
            self.norms(&part, 0, Summed::Matrices(*work))?;
            let dispatches = task.dispatches(len, false, GROUPS);
            // SAFETY: buffers for the part, in the order of the stream.
            unsafe { self.engine.launch(&dispatches, buffers, stream)? };
            if matches!(work, Work::Invert | Work::Solve(_) | Work::DefiniteSolve(_)) {
                self.gather(&part, room, true)?;
                // SAFETY: as above.
                unsafe { self.engine.launch(&dispatches.of_suspects(), buffers, stream)? };
            }
            if let Some(found) = self.found {
                self.norms(&part, 1, Summed::Inverses { found, first })?;
            }
            if let (Some(x), false) = (x, is_written_there) {
                let call = strided(x, buffers[1], numbers, [first, len]);
                let name = Name::Scatter { single: Self::SINGLE };
                // SAFETY: results for the part, and the caller's places for them.
                unsafe { self.launch(name, len * x.size(), call)? };
            }
        }
        Ok(())
    }

    /// Dense copies of a part's matrices, and behind them what belongs to them; or of suspects alone.
    fn gather(&self, part: &Part, room: Option<&Taken>, suspects: bool) -> Result<(), Error> {
        let Part { first, len, buffers, numbers, .. } = *part;
        let (a, name) = (self.matrices(), Name::Gather { single: Self::SINGLE });
        let behind = buffers[0] + (len * a.size() * size_of::<W>()) as Address;
        let outcomes = if suspects { buffers[2] } else { 0 };
        if !part.is_read_there {
            // As on the CPU, in the precision of the caller's matrices.
            let rounding = self.call.a.rows() as f64 * T::Real::EPSILON.to_f64();
            let mut call = strided(a, buffers[0], numbers, [first, len]);
            call.outcomes = outcomes;
            call.filled = filled(self.call.filled);
            call.rounding = if self.drops_rounding() { rounding } else { -1.0 };
            // SAFETY: matrices of a checked view, and scratch for the part.
            unsafe { self.launch(name, len * a.size(), call)? };
        }
        if let Asked::All(_) = self.call.asked {
            // SAFETY: the copies.
            unsafe {
                self.gpu.bring_near_one::<W>(self.dense(part, 0), suspects, self.place.stream)?
            };
        }
        match self.call.beside {
            Beside::Nothing => Ok(()),
            Beside::Rhs(b) => {
                let b = Lying::of(b.begin(), b.frame());
                let mut call = strided(b, behind, numbers, [first, len]);
                call.outcomes = outcomes;
                // SAFETY: and the right-hand sides behind them.
                unsafe { self.launch(name, len * b.size(), call) }
            }
            Beside::Cuts(_) => {
                let size = CUT * size_of::<W>();
                self.upload(room, first * size, behind, len * size)
            }
        }
    }

    /// The norms of a part's matrices, or of its results, if they are asked for.
    fn norms(&self, part: &Part, buffer: usize, summed: Summed) -> Result<(), Error> {
        let asked = self.call.asked;
        if let Asked::Nothing = asked {
            return Ok(());
        }
        // SAFETY: dense matrices, scratch for their norms, and the places of condition numbers.
        unsafe { self.gpu.norms::<W>(self.dense(part, buffer), summed, asked, self.place.stream) }
    }

    /// A part's matrices, or its results.
    fn dense(&self, part: &Part, buffer: usize) -> Dense {
        let Part { len, buffers, norms, .. } = *part;
        let order = self.call.a.rows();
        Dense { matrices: buffers[buffer], norms, outcomes: buffers[2], order, len }
    }

    fn matrices(&self) -> Lying<'_> {
        Lying::of(self.call.a.begin(), self.oriented(self.call.a.frame()))
    }

    fn results(&self) -> Option<Lying<'_>> {
        self.call.x.map(|x| Lying::of(x.begin(), self.oriented(x.frame())))
    }

    fn oriented(&self, frame: Frame) -> Frame {
        if self.call.transposed { frame.transposed() } else { frame }
    }

    /// Whether imaginary parts of the diagonal are dropped that rounding may have left there.
    fn drops_rounding(&self) -> bool {
        T::COMPLEX && self.call.work.is_definite()
    }

    /// Enqueues a kernel of CUDA's alone, with so many threads.
    ///
    /// # Safety
    /// As [`Gpu::launch`].
    unsafe fn launch<C>(&self, name: Name, threads: usize, call: C) -> Result<(), Error> {
        // SAFETY: the caller's promise.
        unsafe {
            self.gpu.launch_own::<W, _>(name, threads.div_ceil(LANES), call, self.place.stream)
        }
    }
}

impl Gpu {
    /// Enqueues so many blocks of a kernel of CUDA's alone.
    ///
    /// # Safety
    /// As [`launch`](Self::launch).
    pub(super) unsafe fn launch_own<W: Scalar, C>(
        &self,
        name: Name,
        blocks: usize,
        call: C,
        stream: Handle,
    ) -> Result<(), Error> {
        let function = self.kernel::<W>(name)?;
        // SAFETY: the caller's promise.
        unsafe { self.launch(function, [blocks, 1, 1], LANES, call, stream) }
    }
}
