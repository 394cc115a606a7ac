//! A call on the GPU: parts of its stacks, two of them on their way, and what is decided again.

use super::pinv::{CUT, numbers};
use super::{Backend, Engine, Gpu, Outcome, Work, backend};
use crate::alg::Context;
use crate::device::cpu::arena;
use crate::device::cpu::executor::pause;
use crate::device::cpu::mode::Mode;
use crate::device::cpu::pool;
use crate::device::job::{Job, Statuses};
use crate::device::{lacks, stream};
use crate::error::Error;
use crate::op::{Kind, staging};
use crate::options::{Assume, IllConditioned, OnSingular, Options};
use crate::plan::is_wide;
use crate::stack::{Stack, StackMut};
use crate::status::{Code, Status, Summary};
use ainv_kernels::bounds::Cut;
use ainv_kernels::places::Frame;
use ainv_kernels::scalar::{RealScalar, Scalar};
use std::ops::Range;

/// Bytes from which on the pool's threads share the copies between the caller's memory and the driver's.
const SHARED: usize = 1 << 20;

/// The stacks of a call, whatever it computes.
pub(in crate::device) struct Stacks<'a, T: Scalar> {
    pub(in crate::device) a: &'a Stack<'a, T>,
    pub(in crate::device) beside: Beside<'a, T>,
    pub(in crate::device) x: &'a StackMut<'a, T>,
    /// What the matrices are filled in from.
    pub(in crate::device) filled: Assume,
    /// The kernels take matrices and results transposed.
    pub(in crate::device) transposed: bool,
}

/// What belongs to the matrices, and stands behind all of a part.
pub(in crate::device) enum Beside<'a, T> {
    Nothing,
    Rhs(&'a Stack<'a, T>),
    /// The cut-offs of pseudo-inverses.
    Cuts(&'a (dyn Fn(usize) -> Cut + Sync)),
}

/// Runs a job when it is its turn.
///
/// # Errors
/// [`Error::Unsupported`] for what the GPU cannot do, at once; [`Error::Device`], [`Error::OutOfMemory`],
/// [`Error::Cancelled`].
pub(crate) fn run<T: Scalar>(job: Job<T>) -> Result<Summary, Error> {
    let (stacks, work) = stacks(&job)?;
    compute(&stacks, work, job.status, job.options)
}

/// The stacks of a job, and what the kernels do for it.
///
/// # Errors
/// [`Error::Unsupported`] for what there are no kernels for.
pub(in crate::device) fn stacks<'a, T: Scalar>(
    job: &Job<'a, T>,
) -> Result<(Stacks<'a, T>, Work), Error> {
    let work = work(job)?;
    let stacks = Stacks {
        a: job.a,
        beside: job.b.map_or(Beside::Nothing, Beside::Rhs),
        x: job.x,
        filled: match job.kind {
            Kind::Diagonal => Assume::Diagonal,
            _ => job.expand.unwrap_or(Assume::General),
        },
        // The kernels take lower triangles, the job's are upper ones.
        transposed: matches!(job.kind, Kind::TriInv { .. }),
    };
    Ok((stacks, work))
}

/// Does the work when it is its turn.
///
/// # Errors
/// As [`run`].
pub(super) fn compute<T: Scalar>(
    stacks: &Stacks<T>,
    work: Work,
    status: &mut [Status],
    options: &Options,
) -> Result<Summary, Error> {
    // Threads that the driver makes have the mode of the one that calls it.
    let _mode = Mode::standard();
    match backend()? {
        #[cfg(feature = "cuda")]
        Backend::Cuda => compute_on(&*crate::device::cuda::gpu()?, stacks, work, status, options),
        #[cfg(feature = "wgpu")]
        Backend::Wgpu => compute_on(&*crate::device::wgpu::gpu()?, stacks, work, status, options),
    }
}

fn compute_on<T: Scalar>(
    gpu: &impl Gpu,
    stacks: &Stacks<T>,
    work: Work,
    status: &mut [Status],
    options: &Options,
) -> Result<Summary, Error> {
    let Stacks { a, x, .. } = stacks;
    if a.is_empty() || x.rows() == 0 || x.cols() == 0 {
        stream::turn(options)?;
        status.fill(Status::OK);
        return Ok(Summary::default());
    }
    let (order, cancel) = (a.rows().min(a.cols()), options.cancel.as_ref());
    if is_wide::<T>(options) {
        let engine = gpu.engine::<T::Wide>(order, work, cancel)?;
        Parts { engine, stacks, work, options, to: T::widen, from: T::narrow }.run(status)
    } else {
        let engine = gpu.engine::<T>(order, work, cancel)?;
        Parts { engine, stacks, work, options, to: |x: T| x, from: |x: T| x }.run(status)
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

/// The parts of stacks of T that the work is done on in another scalar, or in T.
struct Parts<'a, T: Scalar, E, To, From> {
    engine: E,
    stacks: &'a Stacks<'a, T>,
    work: Work,
    options: &'a Options,
    to: To,
    from: From,
}

/// A part that the device has: these matrices.
type OnItsWay<E> = (<E as Engine>::Pending, Range<usize>);

impl<T, E, W, To, From> Parts<'_, T, E, To, From>
where
    T: Scalar,
    E: Engine + Sync,
    W: Scalar,
    To: Fn(T) -> W + Sync,
    From: Fn(W) -> T + Sync,
{
    fn run(&self, status: &mut [Status]) -> Result<Summary, Error> {
        stream::turn(self.options)?;
        let status = Statuses::new(status);
        self.parts(status).inspect_err(|_| status.undone())
    }

    /// One part is prepared while the device has another.
    fn parts(&self, status: Statuses) -> Result<Summary, Error> {
        let count = self.stacks.a.len();
        let part = self.engine.part(count);
        let (mut summary, mut free) = (Summary::default(), None);
        let mut on_its_way: Option<OnItsWay<E>> = None;
        for first in (0..count).step_by(part) {
            pause(self.options.cancel.as_ref())?;
            let range = first..count.min(first + part);
            let slot = match free.take() {
                Some(slot) => slot,
                None => self.engine.slot(part)?,
            };
            let next = self.upload(slot, range.clone(), false)?;
            if let Some(before) = on_its_way.replace((next, range)) {
                free = Some(self.collect(before, status, &mut summary)?);
            }
        }
        if let Some(last) = on_its_way {
            self.collect(last, status, &mut summary)?;
        }
        Ok(summary)
    }

    /// Hands matrices over.
    fn upload(
        &self,
        slot: E::Slot,
        matrices: impl ExactSizeIterator<Item = usize> + Send,
        balanced: bool,
    ) -> Result<E::Pending, Error> {
        let Stacks { a, beside, filled, .. } = self.stacks;
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
        let definite = T::COMPLEX && matches!(self.work, Work::Definite { .. });
        let rounding = a.rows() as f64 * T::Real::EPSILON.to_f64();
        let frame = self.oriented(a.frame());
        self.shared(entries, move |cx| {
            arena::with(entries, |dense: *mut W| {
                let (mut list, mut b_list) = (vec![], vec![]);
                let (mut a_to, mut b_to) = (dense, dense.wrapping_add(count * size));
                for Range { start, end } in ranges {
                    let len = end - start;
                    let places = a.places(start, len, &mut list)?;
                    // SAFETY: matrices of a checked view; the block holds them all.
                    unsafe {
                        staging::expand(cx, places, frame, *filled, &self.to, a_to)?;
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
                                staging::expand(cx, places, frame, Assume::General, &self.to, b_to)?
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
    fn collect(
        &self,
        (pending, range): OnItsWay<E>,
        status: Statuses,
        summary: &mut Summary,
    ) -> Result<E::Slot, Error> {
        let (work, order) = (self.work, self.stacks.a.rows());
        let mut note = |i: usize, outcome: &Outcome| {
            outcome.note(work, order, i, status, summary);
        };
        let mut again = None;
        let slot = self.engine.wait(pending, |results, outcomes| {
            let suspects: Vec<usize> = range
                .clone()
                .zip(outcomes)
                .filter_map(|(i, outcome)| outcome.is_suspect().then_some(i))
                .collect();
            if !suspects.is_empty() {
                let slot = self.engine.slot(suspects.len())?;
                let pending = self.upload(slot, suspects.iter().copied(), true)?;
                again = Some((pending, suspects));
            }
            self.put(results, range.clone())?;
            for (i, outcome) in range.clone().zip(outcomes).filter(|(_, o)| !o.is_suspect()) {
                note(i, outcome);
            }
            Ok(())
        })?;
        if let Some((pending, suspects)) = again {
            self.engine.wait(pending, |results, outcomes| {
                let size = results.len() / suspects.len();
                for ((&i, result), outcome) in
                    suspects.iter().zip(results.chunks(size)).zip(outcomes)
                {
                    self.put(result, i..i + 1)?;
                    note(i, outcome);
                }
                Ok(())
            })?;
        }
        Ok(slot)
    }

    fn oriented(&self, frame: Frame) -> Frame {
        if self.stacks.transposed { frame.transposed() } else { frame }
    }

    /// Writes results where the caller wants them.
    fn put(&self, results: &[u8], range: Range<usize>) -> Result<(), Error> {
        let x = self.stacks.x;
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
            unsafe { staging::collect(cx, dense, to.cols, places, to, &self.from) }
        })
    }

    /// Runs a copy of so many entries, by the pool's threads if it is long.
    fn shared(
        &self,
        entries: usize,
        copy: impl FnOnce(&Context<W>) -> Result<(), Error> + Send,
    ) -> Result<(), Error> {
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
    ) {
        let of = self.status(work, n);
        status.set(i, of);
        // A matrix with a NaN has a result: NaN. But no pseudo-inverse.
        if of.code != Code::NonFinite || matches!(work, Work::Pinv { .. }) {
            summary.record(i, of);
        }
    }

    /// The status of a matrix of order `n`, as the CPU's routes have it.
    fn status(self, work: Work, n: usize) -> Status {
        let definite = matches!(work, Work::Definite { .. });
        if self.has(Self::NON_FINITE) {
            Status::NON_FINITE
        } else if self.has(Self::NOT_CONVERGED) {
            Status { code: Code::NotConverged, at: 0 }
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
