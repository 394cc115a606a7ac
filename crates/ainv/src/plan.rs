//! [`Plan`]: the one place where a choice is made. It prints.
//!
//! The route, and with it every rounding, depends on the operation, the scalar, the order and the
//! options alone. Threads and chunks depend on the size of the work besides, and change no bit.

use crate::alg::Scratch;
use crate::error::Error;
use crate::op::{self, Kind};
use crate::options::{Options, Precision};
use ainv_kernels::isa::{self, IsaId};
use ainv_kernels::scalar::Scalar;
use ainv_kernels::{columns, lanes};
use std::fmt;

/// How the matrices are done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Route {
    /// Many small matrices side by side, one in each lane of a register.
    Lanes,
    /// One matrix of small or middle order at a time, by columns. (A matrix in which `inv` finds a
    /// structure is done by blocked algorithms.)
    Columns,
    /// One matrix at a time by blocked algorithms.
    Blocked,
    /// One matrix at a time by blocked algorithms where the inverse is proven to be the pseudo-inverse, by
    /// the singular value (or eigenvalue) decomposition where not.
    Certified,
    /// One matrix at a time by the singular value decomposition.
    Decomposition,
}

/// What will be done, and by whom: what [`plan`](crate::plan) returns.
///
/// ```
/// let plan = ainv::plan::<f64>(ainv::Operation::Inv, [1000, 4, 4], &ainv::Options::default())?;
/// println!("{plan}"); // inv of 1000 float64 4 x 4: lanes on avx512, 1 thread, ...
/// # Ok::<(), ainv::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Plan {
    /// The operation's name.
    pub operation: &'static str,
    /// The scalar's name.
    pub dtype: &'static str,
    /// Matrices, rows and columns.
    pub shape: [usize; 3],
    /// The scalar that the work is done in.
    pub inside: &'static str,
    /// How.
    pub route: Route,
    /// The instruction set.
    pub isa: IsaId,
    /// Threads that share the work.
    pub threads: usize,
    /// The last so many matrices are worked on by all threads together, one after the other. The others
    /// are shared out among them.
    pub together: usize,
    /// Matrices of one task.
    pub chunk: usize,
    /// Whether results go past the caches, where they fill whole lines of them.
    pub stream: bool,
    /// How many bytes of scratch, all threads together, the call takes beside the result at most, but for
    /// lists and jobs of some KiB a thread: small and well-conditioned matrices take less. Those whose entries or
    /// results leave the range are done again, which takes that much once more and up to 65 of them; those that are
    /// singular with `on_singular` "pinv" take what [`pinv`](crate::pinv()) does besides.
    pub scratch: usize,
}

/// What is to be done with each matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    Square(Kind),
    Pinv,
    SingularValues,
}

/// What a plan is made for.
pub(crate) struct Problem {
    pub operation: &'static str,
    pub work: Work,
    pub count: usize,
    pub rows: usize,
    pub cols: usize,
    /// Right-hand sides.
    pub rhs: usize,
    /// Whether a chunk is first copied, to fill a structure in or to change the precision.
    pub staged: bool,
    pub wide: bool,
}

/// A core's work in 100 us, in multiply-adds of small matrices: under it no thread is woken.
const WORTH_A_THREAD: f64 = 8e5;
/// Results of so many bytes do not stay in a cache: reading their lines before they are overwritten
/// is a third of the traffic.
const STREAMED: usize = 24 << 20;
/// From this order on all threads work together on what whole rounds of a stack leave.
const SHARED_FROM: usize = 192;
/// Above this order they do so on every matrix of a short stack: they hardly wait for each other, and one
/// matrix fits into a cache that several do not.
const ALONE_UP_TO: usize = 512;

impl Plan {
    pub(crate) fn new<T: Scalar>(p: &Problem, available: usize, isa: IsaId) -> Result<Plan, Error> {
        let n = p.rows.max(p.cols);
        let route = match p.work {
            Work::Pinv if op::pinv::in_lanes(p.rows, p.cols) => Route::Lanes,
            Work::Pinv => Route::Certified,
            Work::SingularValues => Route::Decomposition,
            Work::Square(kind) => {
                let op = op::of::<T>(kind);
                if op::by_columns(op, n, p.rhs, p.count) {
                    Route::Columns
                } else if op::in_lanes(op, n, p.rhs) {
                    Route::Lanes
                } else {
                    Route::Blocked
                }
            }
        };
        let per_matrix = {
            let (m, n, k) = (p.rows as f64, p.cols as f64, p.rhs as f64);
            let each = if T::COMPLEX { 4.0 } else { 1.0 };
            let steps = match p.work {
                Work::Square(_) => 1.0,
                Work::Pinv => 4.0,
                Work::SingularValues => 12.0,
            };
            let depth = if p.work == Work::Square(Kind::Diagonal) { 1.0 } else { m.min(n) };
            each * steps * m * n * depth + m * (n + k) * 2.0 + n * n * k
        };
        let work = per_matrix * p.count as f64;
        let threads = if work < WORTH_A_THREAD { 1 } else { available };
        let shareable = p.work != Work::Square(Kind::Diagonal)
            && matches!(route, Route::Blocked | Route::Certified)
            && n >= SHARED_FROM;
        let left = p.count % threads;
        let together = if threads == 1 || !shareable {
            0
        } else if n > ALONE_UP_TO {
            if p.count < 4 * threads { p.count } else { 0 }
        } else {
            // All threads on one after the other must be done before one thread on each.
            if 4 * left <= threads.max(4) { left } else { 0 }
        };
        let apart = p.count - together;
        // An eighth of a thread's share, but worth 50 us at least.
        let least = (WORTH_A_THREAD / 2.0 / per_matrix.max(1.0)).ceil() as usize;
        let most = if shareable { 1 } else { p.count.div_ceil(threads * 8) };
        let whole = match route {
            Route::Lanes => lanes::GROUP,
            Route::Columns => columns::lu::IN_STEP,
            _ => 1,
        };
        let chunk = if threads == 1 && !p.staged { p.count } else { most.max(least) };
        let mut chunk = chunk.next_multiple_of(whole).clamp(1, p.count.max(1));
        if p.staged {
            // The copies of a chunk stay in cache.
            let entries = p.rows.saturating_mul(p.cols.saturating_add(p.rhs)).max(1);
            let bytes = entries.saturating_mul(16);
            chunk = chunk.min((256usize << 10).div_ceil(bytes).next_multiple_of(whole));
        }
        // No more threads than there are tasks for.
        let tasks = threads.min(apart.div_ceil(chunk));
        let threads = if together > 0 { threads } else { tasks.max(1) };
        let scalar = size_of::<T>() * if p.wide { 2 } else { 1 };
        let bytes = |chunk, threads| {
            Self::task_bytes::<T>(p, route, scalar, chunk, threads).ok_or(Error::Overflow)
        };
        // What is shared finds the scratch of what was done apart.
        let alone = bytes(chunk, 1)?.checked_mul(tasks).ok_or(Error::Overflow)?;
        let shared = if together > 0 { bytes(1, threads)? } else { 0 };
        let inverse = matches!(p.work, Work::Square(Kind::Inv { .. }));
        let streams = inverse && route == Route::Lanes && n <= lanes::unrolled::LARGEST;
        let result = p.count.saturating_mul(p.rows * p.cols * scalar);
        Ok(Plan {
            operation: p.operation,
            dtype: T::NAME,
            shape: [p.count, p.rows, p.cols],
            inside: if p.wide { T::Wide::NAME } else { T::NAME },
            route,
            isa,
            threads,
            together,
            chunk,
            stream: streams && !p.staged && result >= STREAMED,
            scratch: alone.max(shared),
        })
    }

    fn task_bytes<T: Scalar>(
        p: &Problem,
        route: Route,
        scalar: usize,
        chunk: usize,
        threads: usize,
    ) -> Option<usize> {
        let (n, short) = (p.rows.max(p.cols), p.rows.min(p.cols));
        let matrix = p.rows.checked_mul(p.cols)?;
        let staged = if p.staged {
            // The result's rows may be filled up to whole cache lines.
            let padding = p.rows.checked_mul(32)?;
            let rhs = p.rows.checked_mul(p.rhs)?.checked_mul(2)?;
            let matrices = matrix.checked_mul(2)?.checked_add(rhs)?.checked_add(padding)?;
            chunk.checked_mul(matrices)?
        } else {
            0
        };
        let packed = |columns: usize, inverts: bool| match p.wide {
            true => Scratch::AMPLE.len::<T::Wide>(n, columns, threads, inverts),
            false => Scratch::AMPLE.len::<T>(n, columns, threads, inverts),
        };
        let work = match route {
            Route::Lanes | Route::Columns => {
                let reals = match p.work {
                    Work::Square(kind) => op::scratch(op::of::<T>(kind), n, p.rhs),
                    _ => lanes::pinv_scratch(n, short),
                };
                reals.div_ceil(size_of::<T>() / size_of::<T::Real>())
            }
            Route::Blocked => {
                let solves = matches!(p.work, Work::Square(Kind::Solve | Kind::PosdefSolve));
                // At most: a staged result stands well, and in place less is taken.
                let copied = match p.staged {
                    true => n <= op::NEAR_UP_TO,
                    false => op::copied::<T>(n),
                };
                let working = match solves || copied {
                    true => n.checked_mul(n.checked_add(64)?.checked_add(p.rhs)?)?,
                    false => 0,
                };
                let inverts = !solves && p.work != Work::Square(Kind::Cholesky);
                working.checked_add(packed(p.rhs, inverts)?)?
            }
            // In double precision inside; a copy, the factors and the result, or U, V and their like, and
            // what products of three shapes pack.
            Route::Certified => {
                let double = if p.wide { 1 } else { size_of::<T::Wide>() / size_of::<T>() };
                // What is factored has the order of the shorter side.
                let packed = Scratch::AMPLE.len::<T::Wide>(short, n, threads, true)?;
                let packed = packed.checked_mul(3)?;
                let work = matrix.checked_mul(9)?.checked_add(packed)?.checked_mul(double)?;
                work.checked_add(short.checked_mul(64)?)?
            }
            Route::Decomposition => matrix.checked_mul(8)?.checked_add(short.checked_mul(64)?)?,
        };
        staged.checked_add(work)?.checked_mul(scalar)
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [count, rows, cols] = self.shape;
        write!(f, "{} of {count} {} {rows} x {cols}: ", self.operation, self.dtype)?;
        self.write_method(f)
    }
}

impl Plan {
    /// How it is done, without what: the second half of what the plan prints.
    pub fn method(&self) -> String {
        struct Method<'a>(&'a Plan);
        impl fmt::Display for Method<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.write_method(f)
            }
        }
        Method(self).to_string()
    }

    fn write_method(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.route {
            Route::Lanes => write!(f, "lanes on {}", self.isa)?,
            Route::Columns => write!(f, "columns on {}", self.isa)?,
            Route::Blocked => write!(f, "blocked on {}", self.isa)?,
            Route::Certified => write!(
                f,
                "blocked on {} where that is proven to do, singular values by faer where not",
                self.isa
            )?,
            Route::Decomposition => write!(f, "singular values by faer")?,
        }
        if self.inside != self.dtype {
            write!(f, " in {}", self.inside)?;
        }
        let s = if self.threads == 1 { "" } else { "s" };
        write!(f, ", {} thread{s}", self.threads)?;
        if self.threads > 1 && self.together < self.shape[0] {
            match self.chunk {
                1 => write!(f, " on a matrix each")?,
                chunk => write!(f, " on {chunk} matrices at a time")?,
            }
        }
        match self.together {
            0 => {}
            all if all == self.shape[0] => write!(f, " on each matrix")?,
            1 => write!(f, ", together on the last one")?,
            last => write!(f, ", together on each of the last {last}")?,
        }
        if self.stream {
            write!(f, ", results past the caches")?;
        }
        write!(f, ", {} KiB of scratch", self.scratch.div_ceil(1024))
    }
}

/// Whether the work is done in another precision than the matrix's.
pub(crate) fn is_wide<T: Scalar>(options: &Options) -> bool {
    options.precision == Precision::Double && size_of::<T>() < size_of::<T::Wide>()
}

/// The instruction set in use.
///
/// # Errors
/// [`Error::Isa`] if `AINV_ISA` names a set that this machine lacks.
pub fn instruction_set() -> Result<IsaId, Error> {
    Ok(isa::selected()?)
}
