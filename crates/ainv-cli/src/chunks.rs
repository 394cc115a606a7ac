//! In what parts a stack goes through a limited memory.

use crate::args::Operation;
use crate::failure::Failure;
use crate::memory::human;
use crate::work;
use ainv::Plan;
use ainv_io::Dtype;

/// Bytes of one part, if one matrix is not more: larger parts are no faster, and progress, Ctrl-C
/// and the caches like smaller ones.
const PART: u64 = 16 << 20;

/// One array and what is done with it.
pub(crate) struct Stack<'a> {
    pub(crate) operation: &'a Operation,
    /// How its numbers come from the file, and what they are computed and written in.
    pub(crate) stored: Dtype,
    pub(crate) dtype: Dtype,
    pub(crate) count: usize,
    pub(crate) rows: usize,
    pub(crate) cols: usize,
    /// Right-hand sides of `solve`.
    pub(crate) rhs: usize,
    /// Whether each matrix has right-hand sides of its own; otherwise one set is held for all.
    pub(crate) own_rhs: bool,
    /// Whether reading a part does not mean to read the whole file.
    pub(crate) streams: bool,
}

/// The parts.
pub(crate) struct Chunks {
    /// Matrices of each but the last.
    pub(crate) length: usize,
    /// What the library says it will do with one.
    pub(crate) plan: Option<Plan>,
}

impl Stack<'_> {
    /// The longest parts that fit into `limit` bytes.
    ///
    /// # Errors
    /// [`Failure::Memory`] if the smallest does not, and the library's own errors, about `place`.
    pub(crate) fn chunks(&self, limit: u64, place: &str) -> Result<Chunks, Failure> {
        let each = self.bytes_of_one();
        let mut length = match (PART / each.max(1)) as usize {
            _ if !self.streams => self.count,
            some => some.clamp(1, self.count.max(1)),
        };
        loop {
            let shape = [length, self.rows, self.cols];
            let plan = work::plan(self.operation, self.dtype, shape, self.rhs)
                .map_err(|error| Failure::of(error, place))?;
            let scratch = plan.as_ref().map_or_else(|| self.rcond_scratch(), |p| p.scratch as u64);
            let needed = each
                .saturating_mul(length as u64)
                .saturating_add(self.bytes_for_all())
                .saturating_add(scratch);
            if needed <= limit {
                return Ok(Chunks { length, plan });
            }
            if length <= 1 {
                return Err(self.too_large(needed, limit, place));
            }
            length /= 2;
        }
    }

    /// What a matrix takes: as it was read, converted, its right-hand sides, its result and status.
    fn bytes_of_one(&self) -> u64 {
        let entries = |rows: usize, cols: usize| (rows as u64).saturating_mul(cols as u64);
        let matrix = entries(self.rows, self.cols);
        let converted = if self.stored == self.dtype { 0 } else { self.dtype.size() as u64 };
        let a = matrix.saturating_mul(self.stored.size() as u64 + converted);
        let size = self.dtype.size() as u64;
        let result = match self.operation {
            Operation::Rcond { .. } => size,
            Operation::Solve { .. } => entries(self.cols, self.rhs).saturating_mul(size),
            _ => matrix.saturating_mul(size),
        };
        let b = if self.own_rhs { self.bytes_of_rhs() } else { 0 };
        a.saturating_add(b).saturating_add(result).saturating_add(size_of::<ainv::Status>() as u64)
    }

    /// What is held from the first part to the last.
    fn bytes_for_all(&self) -> u64 {
        match self.operation {
            Operation::Rcond { .. } => (self.count as u64).saturating_mul(self.dtype.size() as u64),
            _ if self.own_rhs => 0,
            _ => self.bytes_of_rhs(),
        }
    }

    /// As they were read, and converted.
    fn bytes_of_rhs(&self) -> u64 {
        (self.rows as u64).saturating_mul(self.rhs as u64).saturating_mul(32)
    }

    /// Two matrices in double and their factors, a thread.
    fn rcond_scratch(&self) -> u64 {
        let matrix = (self.rows as u64).saturating_mul(self.cols as u64);
        let size = if self.dtype.is_complex() { 16 } else { 8 };
        let threads = ainv::num_threads().min(self.count.max(1)) as u64;
        matrix.saturating_mul(3 * size).saturating_mul(threads).saturating_add(1 << 20)
    }

    fn too_large(&self, needed: u64, limit: u64, place: &str) -> Failure {
        let what = if self.count == 1 { "the matrix" } else { "one matrix" };
        Failure::Memory(format!(
            "{place}: {what} needs {} of memory with its result and scratch, the limit is {}; raise \
             it: --max-memory {}M",
            human(needed),
            human(limit),
            needed.div_ceil(1 << 20),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Args;
    use clap::Parser;

    fn with<T>(f: impl FnOnce(&Operation) -> T) -> T {
        let args = Args::try_parse_from(["ainv", "inv", "a.npy"]).ok().unwrap();
        let crate::args::Command::Compute(operation) = &args.command else { panic!() };
        f(operation)
    }

    fn stack(operation: &Operation, count: usize, n: usize) -> Stack<'_> {
        let dtype = Dtype::F64;
        let (rhs, own_rhs, streams) = (0, false, true);
        Stack { operation, stored: dtype, dtype, count, rows: n, cols: n, rhs, own_rhs, streams }
    }

    #[test]
    fn parts_fit_the_limit() {
        with(|operation| {
            // 8 KiB a matrix, twice.
            let stack = stack(operation, 1 << 20, 32);
            let length = |limit| stack.chunks(limit, "a").ok().unwrap().length as u64;
            assert!(length(1 << 40) <= PART >> 14);
            assert!((1..=(8 << 20) >> 14).contains(&length(8 << 20)));
            let Err(Failure::Memory(what)) = stack.chunks(1 << 10, "a") else { panic!() };
            assert!(
                what.contains("one matrix needs") && what.contains("--max-memory 1M"),
                "{what}"
            );
        });
    }

    #[test]
    fn what_does_not_stream_is_read_as_seldom_as_can_be() {
        with(|operation| {
            let stack = Stack { streams: false, ..stack(operation, 100_000, 32) };
            assert_eq!(stack.chunks(1 << 40, "a").ok().unwrap().length, 100_000);
            assert_eq!(stack.chunks(1 << 30, "a").ok().unwrap().length, 50_000);
        });
    }

    #[test]
    fn sizes_that_overflow() {
        with(|operation| {
            for (count, n) in [(0, 3), (3, 0), (usize::MAX, 0), (usize::MAX, 1), (1, 1 << 40)] {
                let done = stack(operation, count, n).chunks(1 << 30, "a");
                assert_eq!(done.is_ok(), n < 100, "{count} {n}");
            }
        });
    }
}
