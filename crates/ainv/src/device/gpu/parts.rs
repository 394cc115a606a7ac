//! The parts of a call's stacks, two of them on their way, and what is decided again.

use super::condition::{Asked, without_inverse};
use super::pinv::{CUT, numbers};
use super::run::{Beside, Call};
use super::{Engine, Outcome, Work};
use crate::alg::Context;
use crate::alg::condition::Size;
use crate::device::cpu::arena;
use crate::device::cpu::executor::pause;
use crate::device::cpu::pool;
use crate::device::job::Statuses;
use crate::device::stream;
use crate::error::Error;
use crate::op::staging;
use crate::options::{Assume, Options};
use crate::status::{Code, Status, Summary};
use ainv_kernels::places::Frame;
use ainv_kernels::scalar::{RealScalar, Scalar};
use std::ops::Range;

/// Bytes from which on the pool's threads share the copies between the caller's memory and the driver's.
const SHARED: usize = 1 << 20;

/// The parts of stacks of T that the work is done on in another scalar, or in T.
pub(super) struct Parts<'a, T: Scalar, E, To, From> {
    engine: E,
    call: &'a Call<'a, T>,
    options: &'a Options,
    to: To,
    from: From,
    /// What is done with matrices that have no inverse.
    instead: Option<Box<Self>>,
}

/// A part that the device has.
struct OnItsWay<P> {
    pending: P,
    /// Of the matrices, where they are asked for.
    norms: Vec<Size>,
}

/// What became of a matrix: its result, dense, and its norm, if that was asked for.
struct Done<'a> {
    outcome: &'a Outcome,
    result: &'a [u8],
    norm: Option<Size>,
}

/// What a call tells of its matrices.
struct Told<'a> {
    status: Statuses,
    summary: Summary,
    conditions: &'a mut [f64],
}

impl<'a, T, E, W, To, From> Parts<'a, T, E, To, From>
where
    T: Scalar,
    E: Engine + Sync,
    W: Scalar,
    To: Fn(T) -> W + Sync + Copy,
    From: Fn(W) -> T + Sync + Copy,
{
    /// # Errors
    /// [`Error::Unsupported`] for what the device cannot do.
    pub(super) fn new(
        engine: &impl Fn(usize, Work) -> Result<E, Error>,
        call: &'a Call<'a, T>,
        options: &'a Options,
        to: To,
        from: From,
    ) -> Result<Self, Error> {
        let (rows, cols) = (call.a.rows(), call.a.cols());
        let order = if let Work::Pinv { .. } = call.work { rows.min(cols) } else { rows };
        let instead = call.instead.map(|call| Self::new(engine, call, options, to, from));
        let instead = instead.transpose()?.map(Box::new);
        Ok(Parts { engine: engine(order, call.work)?, call, options, to, from, instead })
    }

    /// # Errors
    /// As [`run`](super::run()).
    pub(super) fn run(
        &self,
        status: &mut [Status],
        conditions: &mut [f64],
    ) -> Result<Summary, Error> {
        stream::turn(self.options)?;
        let status = Statuses::new(status);
        let mut told = Told { status, summary: Summary::default(), conditions };
        self.all(&mut told).inspect_err(|_| status.undone())?;
        Ok(told.summary)
    }

    /// One part is prepared while the device has another.
    fn all(&self, told: &mut Told) -> Result<(), Error> {
        let count = self.call.a.len();
        let part = self.engine.part(count);
        let mut free = None;
        let mut on_its_way = None;
        for first in (0..count).step_by(part) {
            pause(self.options.cancel.as_ref())?;
            let range = first..count.min(first + part);
            let slot = match free.take() {
                Some(slot) => slot,
                None => self.engine.slot(part)?,
            };
            let next = self.upload(slot, range.clone(), false)?;
            if let Some((before, range)) = on_its_way.replace((next, range)) {
                free = Some(self.collect(before, range, told)?);
            }
        }
        if let Some((last, range)) = on_its_way {
            self.collect(last, range, told)?;
        }
        Ok(())
    }

    /// Hands matrices over.
    fn upload(
        &self,
        slot: E::Slot,
        matrices: impl ExactSizeIterator<Item = usize> + Send,
        balanced: bool,
    ) -> Result<OnItsWay<E::Pending>, Error> {
        let Call { a, beside, filled, work, asked, .. } = self.call;
        let count = matrices.len();
        let size = a.rows() * a.cols();
        let size_beside = match beside {
            Beside::Nothing => 0,
            Beside::Rhs(b) => b.rows() * b.cols(),
            Beside::Cuts(_) => CUT,
        };
        let entries = count * (size + size_beside);
        let (ranges, slot_of) = (runs(matrices), &slot);
        // As on the CPU, in the precision of the caller's matrices.
        let definite = T::COMPLEX && work.is_definite();
        let rounding = a.rows() as f64 * T::Real::EPSILON.to_f64();
        let frame = self.oriented(a.frame());
        let norms = self.shared(entries, move |cx| {
            arena::with(entries, |dense: *mut W| {
                let (mut list, mut b_list) = (vec![], vec![]);
                let (mut a_to, mut b_to) = (dense, dense.wrapping_add(count * size));
                for Range { start, end } in ranges {
                    let len = end - start;
                    let places = a.places(start, len, &mut list)?;
                    // SAFETY: matrices of a checked view; the block holds them all.
                    unsafe {
                        staging::expand(cx, places, frame, *filled, self.to, a_to)?;
                        if definite {
                            staging::drop_rounding(a_to, len, a.rows(), rounding);
                        }
                    }
                    match beside {
                        Beside::Nothing => {}
                        Beside::Rhs(b) => {
                            let (places, frame) = (b.places(start, len, &mut b_list)?, b.frame());
                            // SAFETY: and the right-hand sides behind them.
                            unsafe {
                                staging::expand(cx, places, frame, Assume::General, self.to, b_to)?
                            };
                        }
                        Beside::Cuts(cut) => {
                            for i in 0..len {
                                let to: *mut [W; CUT] = b_to.wrapping_add(i * CUT).cast();
                                // SAFETY: and the cut-offs.
                                unsafe { to.write(numbers::<W>(cut(start + i))) };
                            }
                        }
                    }
                    a_to = a_to.wrapping_add(len * size);
                    b_to = b_to.wrapping_add(len * size_beside);
                }
                // SAFETY: the matrices, filled above.
                let all = unsafe { std::slice::from_raw_parts_mut(dense, count * size) };
                let norms = asked.norms_of_matrices(cx, a.rows(), all, *work)?;
                let bytes = entries * size_of::<W>();
                // SAFETY: the block, filled above; numbers have no padding.
                let bytes =
                    unsafe { std::slice::from_raw_parts(dense.cast::<u8>().cast_const(), bytes) };
                self.engine.write(slot_of, bytes)?;
                Ok(norms)
            })
        })?;
        Ok(OnItsWay { pending: self.engine.submit(slot, count, balanced)?, norms })
    }

    /// Waits for a part and puts its results in their places. Suspects are done again, scaled by rows and columns, and
    /// what has no inverse may have a pseudo-inverse: until then nothing is put in their places, where they may be read.
    fn collect(
        &self,
        part: OnItsWay<E::Pending>,
        range: Range<usize>,
        told: &mut Told,
    ) -> Result<E::Slot, Error> {
        let (mut suspects, mut others) = (vec![], vec![]);
        let slot = self.engine.wait(part.pending, |results, outcomes| {
            let size = results.len() / range.len();
            let held = |outcome: &Outcome| outcome.is_suspect() || self.has_another(outcome);
            let put = range.clone().zip(outcomes).filter(|(_, outcome)| !held(outcome));
            for run in runs(put.map(|(i, _)| i)) {
                let (begin, end) = (run.start - range.start, run.end - range.start);
                self.put(&results[begin * size..end * size], run)?;
            }
            for (at, (i, outcome)) in range.clone().zip(outcomes).enumerate() {
                if outcome.is_suspect() {
                    suspects.push(i);
                    continue;
                }
                if self.has_another(outcome) {
                    others.push(i);
                }
                let (result, norm) = (&results[at * size..][..size], part.norms.get(at).copied());
                self.note(i, &Done { outcome, result, norm }, told)?;
            }
            Ok(())
        })?;
        self.again(&suspects, true, |i, done| {
            match self.has_another(done.outcome) {
                true => others.push(i),
                false => self.put(done.result, i..i + 1)?,
            }
            self.note(i, done, told)
        })?;
        if let Some(instead) = &self.instead {
            instead.again(&others, false, |i, done| instead.put(done.result, i..i + 1))?;
        }
        Ok(slot)
    }

    /// Whether another result stands for that of a matrix.
    fn has_another(&self, outcome: &Outcome) -> bool {
        self.instead.is_some() && outcome.is_without_result(self.call.work, self.call.a.rows())
    }

    /// Does some matrices, of which `each` is told what became of it.
    fn again(
        &self,
        matrices: &[usize],
        balanced: bool,
        mut each: impl FnMut(usize, &Done) -> Result<(), Error>,
    ) -> Result<(), Error> {
        for part in matrices.chunks(self.engine.part(matrices.len())) {
            let slot = self.engine.slot(part.len())?;
            let OnItsWay { pending, norms } = self.upload(slot, part.iter().copied(), balanced)?;
            self.engine.wait(pending, |results, outcomes| {
                let all = results.chunks(results.len() / part.len()).zip(outcomes).enumerate();
                for ((at, (result, outcome)), &i) in all.zip(part) {
                    each(i, &Done { outcome, result, norm: norms.get(at).copied() })?;
                }
                Ok(())
            })?;
        }
        Ok(())
    }

    /// Tells what became of a matrix.
    fn note(&self, i: usize, done: &Done, told: &mut Told) -> Result<(), Error> {
        let Call { work, a, asked, .. } = self.call;
        let of = done.outcome.note(*work, a.rows(), i, told.status, &mut told.summary);
        let Some(norm) = done.norm else { return Ok(()) };
        let rcond = if of.is_ok() {
            let entries = done.result.len() / size_of::<W>();
            // SAFETY: the engine's memory, which is aligned for numbers and holds so many.
            let x =
                unsafe { std::slice::from_raw_parts(done.result.as_ptr().cast::<W>(), entries) };
            self.shared(entries, |cx| asked.condition(cx, a.rows(), norm, x))?
        } else {
            without_inverse(of)
        };
        match asked {
            Asked::Under(limit) if of.is_ok() && rcond < *limit => {
                told.status.set(i, Status::ILL_CONDITIONED);
                told.summary.record_ill(i, rcond);
            }
            Asked::All(_) => told.conditions[i] = rcond,
            _ => {}
        }
        Ok(())
    }

    fn oriented(&self, frame: Frame) -> Frame {
        if self.call.transposed { frame.transposed() } else { frame }
    }

    /// Writes results where the caller wants them.
    fn put(&self, results: &[u8], range: Range<usize>) -> Result<(), Error> {
        let Some(x) = self.call.x else { return Ok(()) };
        let entries = range.len() * x.rows() * x.cols();
        debug_assert_eq!(results.len(), entries * size_of::<W>());
        self.shared(entries, |cx| {
            let mut list = vec![];
            let places = x.places(range.start, range.len(), &mut list)?;
            let dense = results.as_ptr().cast::<W>();
            debug_assert!(dense.is_aligned());
            let to = self.oriented(x.frame());
            // SAFETY: matrices of a checked view, this call's alone; the engine's memory is aligned to 8 bytes
            // and holds their results.
            unsafe { staging::collect(cx, dense, to.cols, places, to, self.from) }
        })
    }

    /// Runs a copy of so many entries, by the pool's threads if it is long.
    fn shared<R: Send>(
        &self,
        entries: usize,
        copy: impl FnOnce(&Context<W>) -> Result<R, Error> + Send,
    ) -> Result<R, Error> {
        let (kernels, cancel) = (W::kernels()?, self.options.cancel.as_ref());
        if entries * size_of::<W>() < SHARED {
            return copy(&Context::new(kernels, 1, cancel));
        }
        pool::install(|| copy(&Context::new(kernels, pool::num_threads(), cancel)))
    }
}

/// Numbers that follow each other, as ranges.
fn runs(numbers: impl Iterator<Item = usize>) -> impl Iterator<Item = Range<usize>> {
    let mut numbers = numbers.peekable();
    std::iter::from_fn(move || {
        let start = numbers.next()?;
        let mut end = start + 1;
        while numbers.next_if_eq(&end).is_some() {
            end += 1;
        }
        Some(start..end)
    })
}

impl Outcome {
    // As outcome.wgsl and outcome.cu have them.
    const NON_FINITE: u32 = 1;
    const OVERFLOWED: u32 = 2;
    const STEEP: u32 = 4;
    const WIDE: u32 = 8;
    const BALANCED: u32 = 16;
    const RAISED: u32 = 32;
    const NOT_CONVERGED: u32 = 64;

    fn has(self, flags: u32) -> bool {
        self.flags & flags != 0
    }

    /// Whether scaling by rows and columns, or right-hand sides near one, may give the matrix a result, or another
    /// one.
    fn is_suspect(self) -> bool {
        let doubtful = self.zero_pivot != 0 || self.has(Self::OVERFLOWED | Self::STEEP);
        let unbalanced = doubtful && self.has(Self::WIDE) && !self.has(Self::BALANCED);
        let raised = self.has(Self::OVERFLOWED) && self.has(Self::RAISED);
        (unbalanced || raised) && !self.has(Self::NON_FINITE)
    }

    /// Notes what became of matrix `i`, of order `n`.
    pub(in crate::device) fn note(
        self,
        work: Work,
        n: usize,
        i: usize,
        status: Statuses,
        summary: &mut Summary,
    ) -> Status {
        let of = self.status(work, n);
        status.set(i, of);
        // A matrix with a NaN has a result: NaN. But no pseudo-inverse.
        if of.code != Code::NonFinite || matches!(work, Work::Pinv { .. }) {
            summary.record(i, of);
        }
        of
    }

    /// Whether a matrix of order `n` is singular, or not positive definite.
    pub(in crate::device) fn is_without_result(self, work: Work, n: usize) -> bool {
        matches!(self.status(work, n).code, Code::Singular | Code::NotPositiveDefinite)
    }

    /// The status of a matrix of order `n`, as the CPU's routes have it.
    fn status(self, work: Work, n: usize) -> Status {
        let definite = work.is_definite();
        if self.has(Self::NON_FINITE) {
            Status::NON_FINITE
        } else if self.has(Self::NOT_CONVERGED) {
            Status { code: Code::NotConverged, at: 0 }
        } else if definite && self.zero_pivot != 0 {
            Status { code: Code::NotPositiveDefinite, at: self.zero_pivot }
        } else if self.zero_pivot != 0 {
            Status::singular(self.zero_pivot as usize)
        } else if self.has(Self::OVERFLOWED) && definite {
            Status { code: Code::NotPositiveDefinite, at: n as u32 }
        } else if self.has(Self::OVERFLOWED) {
            Status::singular(n)
        } else {
            Status::OK
        }
    }
}
