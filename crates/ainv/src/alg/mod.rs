//! Blocked algorithms for one matrix, generic over the scalar, written with the kernels.
//!
//! A working matrix is column-major: rows adjacent, columns `ld` apart. The cut of every recursion
//! and the depth of every product's blocks are fixed by the sizes alone, so the bits depend neither
//! on the instruction set nor on the number of threads, which only share out rows or columns.

pub(crate) mod cholesky;
pub(crate) mod condition;
pub(crate) mod gemm;
pub(crate) mod gram;
pub(crate) mod lu;
pub(crate) mod strips;
pub(crate) mod svd;
pub(crate) mod triangular;

use crate::device::cpu::arena;
use crate::device::cpu::executor::let_in;
use crate::device::cpu::team::Team;
use crate::error::Error;
use ainv_kernels::Kernels;
use ainv_kernels::scalar::Scalar;
use ainv_streams::Cancel;
use std::ops::Range;
use std::sync::OnceLock;

/// With what a blocked algorithm runs.
pub(crate) struct Context<'a, T: Scalar> {
    pub kernels: &'static Kernels<T>,
    /// How many threads may share the work.
    pub threads: usize,
    pub cancel: Option<&'a Cancel>,
    scratch: Scratch,
    /// Whether a matrix that is to be inverted in its place may still be needed after that.
    pub keep_input: bool,
    /// What a solve shall find out of its matrix.
    pub asked: Option<&'a condition::Asked>,
    team: OnceLock<Team>,
}

impl<'a, T: Scalar> Context<'a, T> {
    pub(crate) fn new(
        kernels: &'static Kernels<T>,
        threads: usize,
        cancel: Option<&'a Cancel>,
    ) -> Self {
        let (scratch, team) = (Scratch::AMPLE, OnceLock::new());
        Context { kernels, threads, cancel, scratch, keep_input: false, asked: None, team }
    }

    /// The same with little scratch beside a matrix of order n.
    pub(crate) fn frugal(self, n: usize) -> Self {
        let scratch = Scratch::frugal::<T>(n, self.threads);
        Context { scratch, ..self }
    }

    pub(crate) fn scratch(&self) -> Scratch {
        self.scratch
    }

    /// Between two uses of different scratch: with little of it, what this thread keeps of the first is
    /// given back.
    pub(crate) fn next_phase(&self) {
        if !self.scratch.ample {
            arena::release();
        }
    }

    /// The same on the calling thread alone.
    pub(crate) fn sequential(&self) -> Self {
        Context { threads: 1, team: OnceLock::new(), ..*self }
    }

    /// The threads that `m * n * k` multiply-adds are worth.
    pub(crate) fn threads_for(&self, m: usize, n: usize, k: usize) -> usize {
        let work = m as f64 * n as f64 * k as f64 * if T::COMPLEX { 4.0 } else { 1.0 };
        if work < 3e5 { 1 } else { self.threads }
    }

    /// Runs `f` on each of `0..count`, on this thread or, if `threads_for` said more than one, with the
    /// team; the first is begun first. After an error no more of them begin.
    pub(crate) fn each(
        &self,
        count: usize,
        threads: usize,
        f: &(impl Fn(usize) -> Result<(), Error> + Sync),
    ) -> Result<(), Error> {
        match threads.min(self.threads) {
            1 => (0..count).try_for_each(f),
            _ => self.team.get_or_init(|| Team::new(self.threads)).each(count, &|i| {
                let done = f(i);
                self.next_phase();
                done
            }),
        }
    }
}

/// What a blocked inverse takes beside the matrix: the copy of a strip of columns, and packed operands
/// for each thread. No bit depends on it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scratch {
    /// Columns of a strip, at most.
    pub strip: usize,
    /// Bytes of a packed left operand.
    pub left: usize,
    /// Bytes of a packed right operand.
    pub right: usize,
    /// Whether there is as much as is of use.
    pub ample: bool,
}

impl Scratch {
    /// The packed operands take three quarters of a common L2.
    pub(crate) const AMPLE: Self =
        Scratch { strip: usize::MAX, left: 512 << 10, right: 1 << 20, ample: true };

    /// For a large matrix that is inverted in its own place: under 5 % of it on two threads.
    fn frugal<T>(n: usize, threads: usize) -> Self {
        let Scratch { left: most, .. } = Self::AMPLE;
        let strip = match n {
            0..2048 => 32,
            2048..4096 => 64,
            _ => 128,
        };
        let left = (n * n / 128 / threads).saturating_mul(size_of::<T>()).min(most);
        Scratch { strip, left, right: left, ample: false }
    }

    /// Elements for an order n and so many columns beside it, at most; without strips where nothing is inverted.
    pub(crate) fn len<T>(
        self,
        n: usize,
        columns: usize,
        threads: usize,
        inverts: bool,
    ) -> Option<usize> {
        // What there is of an operand; its last panel is filled up.
        let lines = n.max(columns);
        let (all, pad) = (n.checked_mul(lines)?, LONGEST_PANEL * lines.min(gemm::KC));
        let operand = |bytes: usize| all.min(bytes / size_of::<T>()) + pad;
        let packed = operand(self.left).checked_add(operand(self.right))?;
        let panel = if self.ample { panel_width(n) } else { 0 };
        let strip = if inverts { self.strip.min(strips::group(n)).min(n) } else { 0 };
        let whole = if inverts && self.packs_whole(n) { n } else { 0 };
        n.checked_mul(strip + panel + whole + LONGEST_PANEL)?
            .checked_add(packed.checked_mul(threads)?)
    }

    /// Whether a whole inverse is packed as it grows, so that no entry is packed twice.
    pub(crate) fn packs_whole(self, n: usize) -> bool {
        self.ample && n <= PACKED_WHOLE_UP_TO
    }
}

/// Rows of a panel of a packed operand, at most.
const LONGEST_PANEL: usize = 48;

/// A second copy of a larger inverse would be memory that takes longer to come by than it saves.
const PACKED_WHOLE_UP_TO: usize = 1024;

/// Rows or columns, shared out in whole units: as many shares for each thread, all of them equal but
/// for a unit, and a few of them, because a thread may be held up by other work of its core; none so
/// small that what they all read costs more than it saves.
#[derive(Clone, Copy)]
pub(crate) struct Shares {
    pub count: usize,
    len: usize,
    unit: usize,
}

impl Shares {
    pub(crate) fn new(len: usize, threads: usize, unit: usize) -> Self {
        let units = len.div_ceil(unit);
        let each = units.div_ceil(threads);
        let count = match threads {
            1 => 1,
            _ => threads * each.div_ceil(16).max((each / 2).min(3)).max(1),
        };
        Shares { count: count.min(units), len, unit }
    }

    pub(crate) fn range(&self, i: usize) -> Range<usize> {
        let units = self.len.div_ceil(self.unit);
        let at = |i: usize| (units * i / self.count * self.unit).min(self.len);
        at(i)..at(i + 1)
    }
}

/// A pointer that tasks share; each writes its own rows or columns.
#[derive(Clone, Copy)]
pub(crate) struct Shared<T>(pub *mut T);
// SAFETY: the tasks that share it touch disjoint elements.
unsafe impl<T> Send for Shared<T> {}
// SAFETY: as above.
unsafe impl<T> Sync for Shared<T> {}
impl<T> Shared<T> {
    /// A method, so that a closure captures the whole and not the pointer inside.
    #[inline(always)]
    pub(crate) fn get(self) -> *mut T {
        self.0
    }
}

/// Where a recursion over `n` cuts: the half, in whole blocks.
pub(crate) fn half(n: usize, block: usize) -> usize {
    (n / 2).next_multiple_of(block)
}

/// Columns of a panel of LU or Cholesky: wide for the product behind it, narrow for the panel itself.
pub(crate) fn panel_width(n: usize) -> usize {
    match n {
        0..=191 => 32,
        192..=767 => 64,
        768..=1535 => 128,
        _ => 256,
    }
}

/// The leading dimension of our own copies: whole cache lines, and never a large power of two, whose
/// columns would share the sets of a cache.
pub(crate) fn leading_dimension<T>(n: usize) -> usize {
    let line = 64 / size_of::<T>();
    let ld = n.next_multiple_of(line);
    if n >= 64 && ld.is_multiple_of(8 * line) { ld + line } else { ld }
}

/// Copies a block of columns `ld` apart to columns `to_ld` apart.
///
/// # Safety
/// Both are valid over their sizes and apart.
pub(crate) unsafe fn copy_columns<T: Scalar>(
    cx: &Context<T>,
    (m, n): (usize, usize),
    from: *const T,
    ld: isize,
    to: *mut T,
    to_ld: isize,
) -> Result<(), Error> {
    let (from, to) = (Shared(from.cast_mut()), Shared(to));
    let threads = cx.threads_for(m, n, 8);
    let shares = Shares::new(n, threads, 8);
    cx.each(shares.count, threads, &|i| {
        for j in shares.range(i) {
            let_in();
            // SAFETY: column j of both, no one else's.
            unsafe {
                let from = from.get().cast_const().offset(j as isize * ld);
                std::ptr::copy_nonoverlapping(from, to.get().offset(j as isize * to_ld), m);
            }
        }
        Ok(())
    })
}
