//! The dispatches of a part: one of small matrices, many of larger ones.

use super::kernels::Kernel;
use super::panels::{Part, by_panels, quotients};
use super::pinv::{SWEEPS, rotations};
use super::work::{Task, Work, panel};
use ainv_kernels::scalar::Scalar;
use std::iter::repeat_n;
use std::ops::Range;

/// The numbers of a dispatch.
pub(crate) const WORDS: usize = 21;

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
                let part = Part { order: n, work, panel: panel::<W>(), count, balanced };
                let stages = match work {
                    Work::Pinv { columns, .. } => return rotations(n, columns, mode, count),
                    Work::Invert => [Kernel::Scale, Kernel::Load, Kernel::Panel, Kernel::Store],
                    Work::DiagonalSolve(_) => return quotients(part).into(),
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
                by_panels(part, stages).into()
            }
        }
    }
}
