//! The dispatches of a part: one of small matrices, many of larger ones.

use super::kernels::{Kernel, LINES};
use super::panels::by_panels;
use super::pinv::{SWEEPS, rotations};
use super::work::{Task, Work, panel};
use ainv_kernels::scalar::Scalar;
use std::iter::repeat_n;
use std::ops::Range;

/// The numbers of a dispatch.
pub(crate) const WORDS: usize = 17;

/// One dispatch: what its kernel takes for `Call` says what the numbers are.
pub(crate) struct Dispatch {
    pub(crate) kernel: Kernel,
    pub(crate) call: [usize; WORDS],
    pub(crate) groups: [usize; 3],
}

/// The dispatches of a part, in their order.
pub(crate) struct Dispatches {
    pub(crate) all: Vec<Dispatch>,
    /// These follow each other so many times.
    pub(super) again: (Range<usize>, usize),
}

impl Dispatches {
    /// The same for suspects alone, as outcomes that are there call them; the other matrices stay as they are. For
    /// inverses and systems by CUDA: small.cu and blocked.cu.
    #[cfg(feature = "cuda")]
    pub(crate) fn of_suspects(mut self) -> Self {
        for dispatch in &mut self.all {
            // What `balanced` is in both.
            dispatch.call[1] = 2;
        }
        self
    }

    /// Which one is next, of all of them.
    pub(crate) fn order(&self) -> Vec<usize> {
        let (again, times) = &self.again;
        let repeated = repeat_n(again.clone(), *times).flatten();
        (0..again.start).chain(repeated).chain(again.end..self.all.len()).collect()
    }
}

impl From<Vec<Dispatch>> for Dispatches {
    /// Each of them once.
    fn from(all: Vec<Dispatch>) -> Self {
        Dispatches { all, again: (0..0, 0) }
    }
}

impl<W: Scalar> Task<W> {
    /// What does it with `count` matrices, on a device that has at most so many groups in a row.
    pub(crate) fn dispatches(&self, count: usize, balanced: bool, most: usize) -> Dispatches {
        let (n, mode) = (self.order, self.work.mode());
        match (self.team, self.work) {
            (Some(team), work) => {
                let groups = count.div_ceil(team.matrices);
                let mut call = [0; WORDS];
                call[..5].copy_from_slice(&match work {
                    Work::Pinv { columns, .. } => [count, n, columns, mode, SWEEPS],
                    work => [count, balanced.into(), work.rhs(), mode, 0],
                });
                let groups = [groups.min(most), groups.div_ceil(most), 1];
                vec![Dispatch { kernel: Kernel::small(team, work), call, groups }].into()
            }
            (None, work) => {
                let stages = match work {
                    Work::Pinv { columns, .. } => return rotations(n, columns, mode, count),
                    Work::Invert => [Kernel::Scale, Kernel::Load, Kernel::Panel, Kernel::Store],
                    Work::DiagonalSolve(k) => return quotients(n, k, count).into(),
                    Work::Solve(_) => {
                        [Kernel::Scale, Kernel::Load, Kernel::Panel, Kernel::Solution]
                    }
                    Work::DefiniteSolve(_) => [
                        Kernel::CholeskyScale,
                        Kernel::TriangleLoad,
                        Kernel::TrianglePanel,
                        Kernel::Solution,
                    ],
                    Work::Triangle { .. } => [
                        Kernel::TriangleScale,
                        Kernel::TriangleLoad,
                        Kernel::TrianglePanel,
                        Kernel::TriangleStore,
                    ],
                    Work::Definite { .. } => [
                        Kernel::CholeskyScale,
                        Kernel::TriangleLoad,
                        Kernel::TrianglePanel,
                        Kernel::TriangleStore,
                    ],
                };
                by_panels(n, work, stages, panel::<W>(), count, balanced).into()
            }
        }
    }
}

/// Systems of diagonals: a matrix a group, then an entry of X a thread.
fn quotients(n: usize, k: usize, count: usize) -> Vec<Dispatch> {
    // The words of `Call` of blocked: B stands behind all diagonals.
    let mut call = [0; WORDS];
    (call[0], call[2]) = (n, k);
    call[12..15].copy_from_slice(&[count * n, k, k]);
    vec![
        Dispatch { kernel: Kernel::Diagonal, call, groups: [count, 1, 1] },
        Dispatch { kernel: Kernel::Quotients, call, groups: [k.div_ceil(LINES), n, count] },
    ]
}
