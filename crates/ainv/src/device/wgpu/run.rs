//! A job on the GPU: parts of the stack, two of them on their way, and what is decided again.

use super::adapter;
use super::engine::{Engine, Outcome, Pending, Slot};
use super::kernels::Work;
use crate::alg::Context;
use crate::device::cpu::arena;
use crate::device::cpu::executor::pause;
use crate::device::cpu::mode::Mode;
use crate::device::cpu::pool;
use crate::device::job::{Job, Statuses};
use crate::device::{lacks, stream};
use crate::error::Error;
use crate::op::{Kind, staging};
use crate::options::{Assume, IllConditioned, OnSingular};
use crate::plan::is_wide;
use crate::stack::Stack;
use crate::status::{Code, Status, Summary};
use ainv_kernels::places::Frame;
use ainv_kernels::scalar::{RealScalar, Scalar};
use std::ops::Range;

/// Bytes from which on the pool's threads share the copies between the caller's memory and the driver's.
const SHARED: usize = 1 << 20;

/// Runs a job when it is its turn.
///
/// # Errors
/// [`Error::Unsupported`] for what the GPU cannot do, at once; [`Error::Device`], [`Error::OutOfMemory`],
/// [`Error::Cancelled`].
pub(crate) fn run<T: Scalar>(job: Job<T>) -> Result<Summary, Error> {
    let work = work(&job)?;
    // Threads that the driver makes have the mode of the one that calls it.
    let _mode = Mode::standard();
    let gpu = adapter::gpu()?;
    if job.a.is_empty() || job.x.rows() == 0 || job.x.cols() == 0 {
        stream::turn(job.options)?;
        job.status.fill(Status::OK);
        return Ok(Summary::default());
    }
    let expand = if job.kind == Kind::Diagonal { Some(Assume::Diagonal) } else { job.expand };
    let job = Job { expand, ..job };
    // The kernels take lower triangles, the job's are upper ones.
    let transposed = matches!(job.kind, Kind::TriInv { .. });
    let (order, cancel) = (job.a.rows(), job.options.cancel.as_ref());
    if is_wide::<T>(job.options) {
        let engine = Engine::<T::Wide>::new(&gpu, order, work, cancel)?;
        Parts { engine, transposed, to: T::widen, from: T::narrow }.run(job)
    } else {
        let engine = Engine::<T>::new(&gpu, order, work, cancel)?;
        Parts { engine, transposed, to: |x: T| x, from: |x: T| x }.run(job)
    }
}

/// What the kernels do for it.
///
/// # Errors
/// [`Error::Unsupported`] for what there are no kernels for.
fn work<T: Scalar>(job: &Job<T>) -> Result<Work, Error> {
    let triangle = |unit, reversed, hermitian| Work::Triangle { unit, reversed, hermitian };
    let work = match (job.kind, job.b) {
        (Kind::Inv { .. }, _) => Work::Invert,
        (Kind::Solve, Some(b)) => Work::Solve(b.cols()),
        (Kind::TriInv { unit, reversed }, _) => triangle(unit, reversed, false),
        (Kind::CholeskyInv, _) => triangle(false, false, true),
        (Kind::Cholesky, _) => Work::Definite { inverse: false },
        (Kind::PosdefInv, _) => Work::Definite { inverse: true },
        // A triangle with nothing beside its diagonal.
        (Kind::Diagonal, None) => triangle(false, false, false),
        _ => {
            return Err(lacks(&match job.operation {
                operation @ ("inv" | "solve") => {
                    format!(
                        "{operation} with assume={:?}",
                        format!("{:?}", job.options.assume).to_lowercase()
                    )
                }
                operation => operation.to_owned(),
            }));
        }
    };
    if job.options.on_singular == OnSingular::Pinv {
        return Err(lacks("on_singular=\"pinv\""));
    }
    if job.options.ill_conditioned != IllConditioned::Ignore {
        return Err(lacks("the condition of inverted matrices (ill_conditioned)"));
    }
    Ok(work)
}

/// The parts of a stack of T that is inverted, or solved with, in W.
struct Parts<'a, W, To, From> {
    engine: Engine<'a, W>,
    /// Matrices and results are transposed.
    transposed: bool,
    to: To,
    from: From,
}

/// A part that the device has: these matrices.
type OnItsWay = (Pending, Range<usize>);

impl<W: Scalar, To: Sync, From: Sync> Parts<'_, W, To, From> {
    fn run<T: Scalar>(&self, job: Job<T>) -> Result<Summary, Error>
    where
        To: Fn(T) -> W,
        From: Fn(W) -> T,
    {
        stream::turn(job.options)?;
        let status = Statuses::new(job.status);
        self.parts(&job, status).inspect_err(|_| status.undone())
    }

    /// One part is prepared while the device has another.
    fn parts<T: Scalar>(&self, job: &Job<T>, status: Statuses) -> Result<Summary, Error>
    where
        To: Fn(T) -> W,
        From: Fn(W) -> T,
    {
        let count = job.a.len();
        let part = self.engine.part(count);
        let (mut summary, mut free) = (Summary::default(), None);
        let mut on_its_way: Option<OnItsWay> = None;
        for first in (0..count).step_by(part) {
            pause(job.options.cancel.as_ref())?;
            let range = first..count.min(first + part);
            let slot = match free.take() {
                Some(slot) => slot,
                None => self.engine.slot(part)?,
            };
            let next = self.upload(job, slot, range.clone(), false)?;
            if let Some(before) = on_its_way.replace((next, range)) {
                free = Some(self.collect(job, before, status, &mut summary)?);
            }
        }
        if let Some(last) = on_its_way {
            self.collect(job, last, status, &mut summary)?;
        }
        Ok(summary)
    }

    /// Hands matrices over.
    fn upload<T: Scalar>(
        &self,
        job: &Job<T>,
        slot: Slot,
        matrices: impl ExactSizeIterator<Item = usize> + Send,
        balanced: bool,
    ) -> Result<Pending, Error>
    where
        To: Fn(T) -> W,
    {
        let count = matrices.len();
        let of = |stack: &Stack<T>| stack.rows() * stack.cols();
        let entries = count * (of(job.a) + job.b.map_or(0, of));
        let (filled, frame) = (job.expand.unwrap_or(Assume::General), self.oriented(job.a.frame()));
        let (ranges, slot_of) = (runs(matrices), &slot);
        // As on the CPU, in the precision of the caller's matrices.
        let definite = T::COMPLEX && matches!(job.kind, Kind::Cholesky | Kind::PosdefInv);
        let rounding = job.a.rows() as f64 * T::Real::EPSILON.to_f64();
        self.shared(job, entries, move |cx| {
            arena::with(entries, |dense: *mut W| {
                let (mut list, mut b_list) = (vec![], vec![]);
                let (mut a_to, mut b_to) = (dense, dense.wrapping_add(count * of(job.a)));
                for Range { start, end } in ranges {
                    let len = end - start;
                    let places = job.a.places(start, len, &mut list)?;
                    // SAFETY: matrices of a checked view; the block holds them all.
                    unsafe {
                        staging::expand(cx, places, frame, filled, &self.to, a_to)?;
                        if definite {
                            staging::drop_rounding(a_to, len, job.a.rows(), rounding);
                        }
                    }
                    a_to = a_to.wrapping_add(len * of(job.a));
                    let Some(b) = job.b else { continue };
                    let places = b.places(start, len, &mut b_list)?;
                    // SAFETY: and the right-hand sides behind them.
                    unsafe {
                        staging::expand(cx, places, b.frame(), Assume::General, &self.to, b_to)?
                    };
                    b_to = b_to.wrapping_add(len * of(b));
                }
                let bytes = entries * size_of::<W>();
                // SAFETY: the block, filled above; numbers have no padding.
                let bytes =
                    unsafe { std::slice::from_raw_parts(dense.cast::<u8>().cast_const(), bytes) };
                self.engine.write(slot_of, bytes)
            })
        })?;
        self.engine.submit(slot, count, balanced)
    }

    /// Waits for a part and puts its results in their places. Its suspects are done again, scaled by rows and
    /// columns; they are read before the results are written, which may take their places.
    fn collect<T: Scalar>(
        &self,
        job: &Job<T>,
        (pending, range): OnItsWay,
        status: Statuses,
        summary: &mut Summary,
    ) -> Result<Slot, Error>
    where
        To: Fn(T) -> W,
        From: Fn(W) -> T,
    {
        let mut again = None;
        let slot = self.engine.wait(pending, |results, outcomes| {
            let suspects: Vec<usize> = range
                .clone()
                .zip(outcomes)
                .filter_map(|(i, outcome)| outcome.is_suspect().then_some(i))
                .collect();
            if !suspects.is_empty() {
                let slot = self.engine.slot(suspects.len())?;
                let pending = self.upload(job, slot, suspects.iter().copied(), true)?;
                again = Some((pending, suspects));
            }
            self.put(job, results, range.clone())?;
            for (i, outcome) in range.clone().zip(outcomes).filter(|(_, o)| !o.is_suspect()) {
                note(i, outcome.status(job.kind, job.a.rows()), status, summary);
            }
            Ok(())
        })?;
        if let Some((pending, suspects)) = again {
            self.engine.wait(pending, |results, outcomes| {
                let size = results.len() / suspects.len();
                for ((&i, result), outcome) in
                    suspects.iter().zip(results.chunks(size)).zip(outcomes)
                {
                    self.put(job, result, i..i + 1)?;
                    note(i, outcome.status(job.kind, job.a.rows()), status, summary);
                }
                Ok(())
            })?;
        }
        Ok(slot)
    }

    fn oriented(&self, frame: Frame) -> Frame {
        if self.transposed { frame.transposed() } else { frame }
    }

    /// Writes results where the caller wants them.
    fn put<T: Scalar>(&self, job: &Job<T>, results: &[u8], range: Range<usize>) -> Result<(), Error>
    where
        From: Fn(W) -> T,
    {
        let entries = range.len() * job.x.rows() * job.x.cols();
        debug_assert_eq!(results.len(), entries * size_of::<W>());
        self.shared(job, entries, |cx| {
            let mut list = vec![];
            let places = job.x.places(range.start, range.len(), &mut list)?;
            let dense = results.as_ptr().cast::<W>();
            debug_assert!(dense.is_aligned());
            let to = self.oriented(job.x.frame());
            // SAFETY: matrices of a checked view, this call's alone; mapped memory is aligned to 8 bytes and
            // holds their results.
            unsafe { staging::collect(cx, dense, to.cols, places, to, &self.from) }
        })
    }

    /// Runs a copy of so many entries, by the pool's threads if it is long.
    fn shared<T: Scalar>(
        &self,
        job: &Job<T>,
        entries: usize,
        copy: impl FnOnce(&Context<W>) -> Result<(), Error> + Send,
    ) -> Result<(), Error> {
        let (kernels, cancel) = (W::kernels()?, job.options.cancel.as_ref());
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

fn note(index: usize, of: Status, status: Statuses, summary: &mut Summary) {
    status.set(index, of);
    // A matrix with a NaN has a result: NaN.
    if of.code != Code::NonFinite {
        summary.record(index, of);
    }
}

impl Outcome {
    // As outcome.wgsl has them.
    const NON_FINITE: u32 = 1;
    const OVERFLOWED: u32 = 2;
    const STEEP: u32 = 4;
    const WIDE: u32 = 8;
    const BALANCED: u32 = 16;
    const RAISED: u32 = 32;

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

    /// The status of a matrix of order `n`, as the CPU's routes have it.
    fn status(self, kind: Kind, n: usize) -> Status {
        let definite = matches!(kind, Kind::Cholesky | Kind::PosdefInv);
        if self.has(Self::NON_FINITE) {
            Status::NON_FINITE
        } else if definite && self.zero_pivot != 0 {
            Status { code: Code::NotPositiveDefinite, at: self.zero_pivot }
        } else if self.zero_pivot != 0 {
            Status::singular(self.zero_pivot as usize)
        } else if self.has(Self::OVERFLOWED) {
            Status::singular(n)
        } else {
            Status::OK
        }
    }
}
