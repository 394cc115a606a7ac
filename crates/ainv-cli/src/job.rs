//! One file: read, computed chunk by chunk, checked, written whole or not at all.

use crate::args::Operation;
use crate::check::{Check, Checker};
use crate::chunks::{self, Chunks};
use crate::failure::Failure;
use crate::interrupt::Stoppable;
use crate::operands::{self, Rhs, display};
use crate::output::{Output, Written};
use crate::progress::Progress;
use crate::targets::Task;
use crate::words::Plain;
use crate::work;
use ainv::{OnSingular, OwnedStack, Plan, Status};
use ainv_io::{Declared, Dtype, Info, Matrices, Source, each};
use std::ops::Range;
use std::time::{Duration, Instant};

/// Matrices without a result that are listed; the others are counted.
pub(crate) const LISTED: usize = 1000;

/// What became of one file.
pub(crate) struct Outcome {
    /// The file's name, for people.
    pub(crate) input: String,
    /// Where the results are; `None` if nothing was written for the sake of those that failed.
    pub(crate) written: Option<Written>,
    pub(crate) arrays: Vec<Array>,
    pub(crate) failed: usize,
    pub(crate) took: Took,
}

/// Times of the parts of the work.
#[derive(Clone, Copy, Default)]
pub(crate) struct Took {
    pub(crate) read: Duration,
    pub(crate) compute: Duration,
    pub(crate) check: Duration,
    pub(crate) write: Duration,
}

/// What became of one array.
pub(crate) struct Array {
    pub(crate) name: Option<String>,
    /// Of the input.
    pub(crate) shape: Vec<usize>,
    /// Computed and written in.
    pub(crate) dtype: Dtype,
    pub(crate) stored: String,
    pub(crate) result_shape: Vec<usize>,
    /// How a chunk was done, where the library says.
    pub(crate) plan: Option<Plan>,
    pub(crate) check: Check,
    /// Matrices without a result, and the first of them.
    pub(crate) failed: usize,
    pub(crate) first_failed: Vec<(usize, Status)>,
    pub(crate) compute: Duration,
}

impl Array {
    pub(crate) fn count(&self) -> usize {
        self.shape[..self.shape.len() - 2].iter().product()
    }
}

/// What all files of one command share.
pub(crate) struct Batch<'a> {
    pub(crate) operation: &'a Operation,
    /// Bytes of memory for matrices.
    pub(crate) limit: u64,
    /// Ends the work.
    pub(crate) stop: &'a Stoppable,
    /// Whether progress is not to be shown.
    pub(crate) silent: bool,
}

/// One array before the work.
struct Planned {
    /// Which of the file's arrays.
    index: usize,
    /// The file's and the array's name.
    place: String,
    info: Info,
    /// Which array of right-hand sides.
    rhs: Option<usize>,
    dtype: Dtype,
    result_shape: Vec<usize>,
    chunks: Chunks,
}

/// One file in mid-work.
struct Open<'a> {
    source: Source,
    rhs: Option<&'a mut Rhs>,
    output: Output,
    /// Whether nothing is to be written any more.
    raised: bool,
    progress: Progress,
    took: Took,
}

impl Batch<'_> {
    pub(crate) fn run(&self, task: &Task, mut rhs: Option<&mut Rhs>) -> Result<Outcome, Failure> {
        let files = self.operation.files();
        let input = display(&task.input);
        let (source, opened) =
            timed(|| self.stop.waiting(|| operands::open(&task.input, files.common.format)));
        let source = source?;
        let indices = operands::select(source.arrays(), &files.common.arrays, &input)?;
        let planned = indices
            .into_iter()
            .map(|index| self.plan(&source, &input, index, rhs.as_deref()))
            .collect::<Result<Vec<_>, _>>()?;
        let declared: Vec<_> = planned.iter().map(Planned::declared).collect();
        // One column for a whole stack.
        let gathers = matches!(self.operation, Operation::Rcond { .. });
        let matrices = planned.iter().map(|p| p.info.matrices()).sum();
        let mut open = Open {
            output: Output::open(&task.target, source.format(), &declared, gathers)?,
            source,
            rhs: rhs.take(),
            raised: false,
            progress: Progress::new(&input, matrices, self.silent),
            took: Took { read: opened, ..Took::default() },
        };
        let arrays = planned
            .into_iter()
            .enumerate()
            .map(|(nth, planned)| self.array(nth, planned, &mut open))
            .collect::<Result<Vec<_>, _>>()?;
        let Open { output, raised, progress, mut took, .. } = open;
        drop(progress);
        let written = if raised {
            None
        } else {
            let (finished, wrote) = timed(|| output.finish());
            took.write += wrote;
            Some(finished?)
        };
        let failed = arrays.iter().map(|a| a.failed).sum();
        Ok(Outcome { input, written, arrays, failed, took })
    }

    fn plan(
        &self,
        source: &Source,
        input: &str,
        index: usize,
        rhs: Option<&Rhs>,
    ) -> Result<Planned, Failure> {
        let info = &source.arrays()[index];
        let place = match &info.name {
            Some(name) => format!("{input}, array {}", Plain(name)),
            None => input.to_owned(),
        };
        let b = rhs.map(|rhs| rhs.about(info, &place)).transpose()?;
        let own = b.as_ref().map_or(info.dtype, |b| common(info.dtype, b.info.dtype));
        let dtype = self.operation.files().dtype.map_or(own, |dtype| dtype.0);
        if own.is_complex() && !dtype.is_complex() {
            return Err(Failure::Usage(format!(
                "{place}: {own} as {dtype} would drop the imaginary parts"
            )));
        }
        let [.., rows, cols] = info.shape[..] else {
            unreachable!("an array of matrices has two axes at least")
        };
        if rows != cols && !matches!(self.operation, Operation::Pinv { .. }) {
            return Err(Failure::Usage(format!(
                "{place}: {} takes square matrices, and these are {rows} x {cols}; they have \
                 pseudo-inverses: ainv pinv",
                self.operation.name()
            )));
        }
        let stack = chunks::Stack {
            operation: self.operation,
            stored: info.dtype,
            dtype,
            count: info.matrices(),
            rows,
            cols,
            rhs: b.as_ref().map_or(0, |b| b.cols),
            own_rhs: b.as_ref().is_some_and(|b| !b.is_shared),
            streams: source.streams(index) && b.as_ref().is_none_or(|b| b.streams),
        };
        let b_shape = b.as_ref().map(|b| b.info.shape.as_slice());
        Ok(Planned {
            index,
            chunks: stack.chunks(self.limit, &place)?,
            rhs: b.as_ref().map(|b| b.index),
            result_shape: work::result_shape(self.operation, &info.shape, b_shape),
            info: info.clone(),
            place,
            dtype,
        })
    }

    /// Leads the array through that is the output's `nth`.
    fn array(&self, nth: usize, planned: Planned, open: &mut Open) -> Result<Array, Failure> {
        let count = planned.info.matrices();
        let mut checker = Checker::new(self.operation, count);
        let (mut failed, mut first_failed) = (0, Vec::new());
        let compute_before = open.took.compute;
        let mut start = 0;
        if planned.is_empty() {
            // A file of a few bytes can declare any number of matrices without entries.
            open.output.write(nth, &planned.nothing()?)?;
            start = count;
        }
        while start < count {
            if self.stop.cancel().is_cancelled() {
                return Err(Failure::Interrupted);
            }
            let range = start..count.min(start + planned.chunks.length);
            start = range.end;
            let (result, status) = self.chunk(&planned, open, range.clone(), &mut checker)?;
            for (index, status) in range.clone().zip(status).filter(|(_, s)| !s.is_ok()) {
                failed += 1;
                if first_failed.len() < LISTED {
                    first_failed.push((index, status));
                }
            }
            open.raised |= failed > 0 && self.operation.on_singular() == OnSingular::Raise;
            if !open.raised {
                let (wrote, took) = timed(|| open.output.write(nth, &result));
                wrote?;
                open.took.write += took;
            }
            open.progress.add(range.len());
        }
        Ok(Array {
            name: planned.info.name,
            stored: planned.info.stored,
            shape: planned.info.shape,
            dtype: planned.dtype,
            result_shape: planned.result_shape,
            plan: planned.chunks.plan,
            check: checker.found,
            failed,
            first_failed,
            compute: open.took.compute - compute_before,
        })
    }

    /// Reads, computes and measures some matrices.
    fn chunk(
        &self,
        planned: &Planned,
        open: &mut Open,
        range: Range<usize>,
        checker: &mut Checker,
    ) -> Result<(Matrices, Vec<Status>), Failure> {
        let failure = |error| Failure::of(error, &planned.place);
        let (operands, read) = timed(|| {
            let a = self.read(&mut open.source, planned.index, range.clone())?;
            let b = match (&mut open.rhs, planned.rhs) {
                (Some(rhs), Some(index)) => Some(rhs.read(index, range.clone(), self.limit)?),
                _ => None,
            };
            let b = b.map(|b| b.cast(planned.dtype)).transpose().map_err(failure)?;
            Ok::<_, Failure>((a.cast(planned.dtype).map_err(failure)?, b))
        });
        open.took.read += read;
        let (a, b) = operands?;
        each!(&a, a => {
            let b = b.as_ref().and_then(|b| work::same_scalar(a, b));
            let b = b.map(|b| work::spread(b, range.len())).transpose().map_err(failure)?;
            let (done, compute) = timed(|| {
                work::run(self.operation, a.view(), b, self.stop.cancel())
            });
            open.took.compute += compute;
            let (x, status) = done.map_err(failure)?;
            let ((), check) = timed(|| checker.add(a, b, &x, &status, range.start));
            open.took.check += check;
            Ok((x.into(), status))
        })
    }

    /// A pipe may let us wait.
    fn read(
        &self,
        source: &mut Source,
        index: usize,
        range: Range<usize>,
    ) -> Result<Matrices, Failure> {
        let limit = self.limit;
        Ok(match source.bytes() {
            None => self.stop.waiting(|| source.read_range(index, range, limit))?,
            Some(_) => source.read_range(index, range, limit)?,
        })
    }
}

impl Planned {
    /// Whether the matrices and their results have no entries.
    fn is_empty(&self) -> bool {
        let entries = |shape: &[usize]| shape[shape.len() - 2..].iter().product::<usize>();
        entries(&self.info.shape) == 0 && entries(&self.result_shape) == 0
    }

    fn nothing(&self) -> Result<Matrices, Failure> {
        let empty = OwnedStack::<f64>::zeros(&self.result_shape).map(Matrices::from);
        empty
            .and_then(|empty| empty.cast(self.dtype))
            .map_err(|error| Failure::of(error, &self.place))
    }

    fn declared(&self) -> Declared {
        Declared {
            name: self.info.name.clone(),
            dtype: self.dtype,
            shape: self.result_shape.clone(),
        }
    }
}

fn timed<T>(f: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let done = f();
    (done, start.elapsed())
}

/// The smallest scalar that holds both.
fn common(a: Dtype, b: Dtype) -> Dtype {
    let double = [a, b].iter().any(|d| matches!(d, Dtype::F64 | Dtype::C64));
    match (a.is_complex() || b.is_complex(), double) {
        (false, false) => Dtype::F32,
        (false, true) => Dtype::F64,
        (true, false) => Dtype::C32,
        (true, true) => Dtype::C64,
    }
}
