//! What is computed, and how it is shared out: the limits of a kernel's group, the sizes of what a part of a stack needs.

use super::pinv::CUT;
use ainv_kernels::scalar::Scalar;
use std::marker::PhantomData;

/// The largest order, and the most columns of B, that one dispatch does, where the groups have the memory.
pub(crate) const SMALL: usize = 32;
/// Threads of a group that does small matrices, at most.
const LANES: usize = 64;
/// Threads of a group that works by panels, at most.
pub(crate) const WORKGROUP: usize = 256;
/// Rows and columns of the result that a group makes of a product.
pub(crate) const TILE: [usize; 2] = [32, 64];
/// Bytes of the matrices of a part, about.
const PART: u64 = 64 << 20;

/// What is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Work {
    Invert,
    /// With so many right-hand sides.
    Solve(usize),
    /// The same of positive definite matrices, of which the lower triangle is read.
    DefiniteSolve(usize),
    /// The same of diagonals, whose entries alone are given.
    DiagonalSolve(usize),
    /// The inverse of a lower triangle, or of L L^H.
    Triangle {
        unit: bool,
        /// The caller counts its rows from the other end.
        reversed: bool,
        hermitian: bool,
    },
    /// The Cholesky factor of a positive definite matrix, of which the lower triangle is read, or its inverse.
    Definite {
        inverse: bool,
    },
    /// The pseudo-inverse of a matrix with so many columns, no fewer than its rows, which are its order.
    Pinv {
        columns: usize,
        /// The lower triangle says all.
        hermitian: bool,
    },
}

impl Work {
    /// Entries of a matrix of this order and of what stands behind it, if they can be counted.
    fn given(self, order: usize) -> Option<usize> {
        match self {
            Work::Pinv { columns, .. } => order.checked_mul(columns)?.checked_add(CUT),
            Work::DiagonalSolve(rhs) => order.checked_mul(rhs.checked_add(1)?),
            work => order.checked_mul(order.checked_add(work.rhs())?),
        }
    }

    /// The columns of a result; of a pseudo-inverse, which has as many columns as the order, its rows.
    pub(crate) fn across(self, order: usize) -> usize {
        match self {
            Work::Solve(rhs) | Work::DefiniteSolve(rhs) | Work::DiagonalSolve(rhs) => rhs,
            Work::Pinv { columns, .. } => columns,
            _ => order,
        }
    }

    /// Columns of B.
    pub(crate) fn rhs(self) -> usize {
        match self {
            Work::Solve(rhs) | Work::DefiniteSolve(rhs) | Work::DiagonalSolve(rhs) => rhs,
            _ => 0,
        }
    }

    /// Whether the matrices are positive definite, or not served.
    pub(crate) fn is_definite(self) -> bool {
        matches!(self, Work::Definite { .. } | Work::DefiniteSolve(_))
    }

    /// As triangle.wgsl and triangle.cu have it.
    pub(crate) fn mode(self) -> usize {
        match self {
            Work::Triangle { unit, reversed, hermitian } => {
                usize::from(unit) | usize::from(reversed) << 1 | usize::from(hermitian) << 2
            }
            Work::Definite { inverse } => 8 | usize::from(inverse) << 2,
            Work::DefiniteSolve(_) => 8 | 4,
            Work::Pinv { hermitian, .. } => usize::from(hermitian) << 2,
            _ => 0,
        }
    }
}

/// How small matrices are shared out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Team {
    pub(super) order: usize,
    /// Columns of B that it has room for, or of a matrix that need not be square.
    pub(super) rhs: usize,
    /// Threads of a matrix.
    pub(super) lanes: usize,
    /// Matrices of a group.
    pub(super) matrices: usize,
}

impl Team {
    /// That of matrices of this order and their right-hand sides, if they are small and the groups have memory for
    /// one.
    pub(crate) fn new<W: Scalar>(order: usize, work: Work, memory: usize) -> Option<Team> {
        // Powers of two: a kernel serves many shapes.
        let (order, rhs) = match work {
            // An entry a thread.
            Work::DiagonalSolve(_) => return None,
            Work::Solve(rhs) | Work::DefiniteSolve(rhs) => (order, rhs.next_power_of_two()),
            Work::Pinv { columns, .. } => (order.next_power_of_two(), columns.next_power_of_two()),
            _ => (order, 0),
        };
        if order > SMALL || rhs > SMALL {
            return None;
        }
        // Of the smallest orders a matrix a thread.
        let columns = order.max(rhs);
        let lanes = match work {
            // A pair of rows each.
            Work::Pinv { .. } => (order / 2).max(1),
            _ if columns <= 4 => 1,
            _ => columns.next_power_of_two(),
        };
        // As the kernels declare them, and what they are rounded up by.
        let matrix = ((order * (order + rhs)) | 1) + 2 * order;
        let bytes = matrix * size_of::<W>() + (12 * order + rhs) * 4 + 8;
        let matrices = (LANES / lanes).min(memory.saturating_sub(256) / bytes);
        (matrices > 0).then_some(Team { order, rhs, lanes, matrices })
    }
}

/// Columns of a panel: a square of them is in a group's memory.
pub(crate) const fn panel<W: Scalar>() -> usize {
    if size_of::<W>() <= 8 { 32 } else { 16 }
}

/// The order from which on panels are done by blocks of them, and the columns of a block: a product of that depth does as many
/// multiply-adds with each entry that it reads and writes.
const LARGE: usize = 513;
const BLOCK: usize = 256;

fn is_large(order: usize) -> bool {
    order >= LARGE
}

/// Columns of a block of panels.
pub(super) fn block(order: usize) -> usize {
    if is_large(order) { BLOCK } else { order }
}

/// The leading dimension of the panels' copy: a panel, or a block of them.
pub(super) fn leading(order: usize, panel: usize) -> usize {
    if is_large(order) { BLOCK } else { panel }
}

/// Groups that do a panel of so many rows, a thread each.
pub(super) fn groups(rows: usize) -> usize {
    rows.div_ceil(WORKGROUP)
}

/// Rows of what is kept for each row of a matrix, and of what the groups of a panel offer each other.
pub(super) fn rows(order: usize) -> usize {
    if is_large(order) { order + 2 * (groups(order) + 1) } else { order }
}

/// Matrices of one order, and what is done with them in W.
pub(crate) struct Task<W> {
    pub(crate) order: usize,
    pub(crate) work: Work,
    /// `None`: by the kernels of larger orders.
    pub(crate) team: Option<Team>,
    of: PhantomData<W>,
}

impl<W: Scalar> Task<W> {
    /// `memory` is that of a group, in bytes.
    pub(crate) fn new(order: usize, work: Work, memory: usize) -> Self {
        Task { order, work, team: Team::new::<W>(order, work, memory), of: PhantomData }
    }

    /// Whether it works by blocks of panels.
    #[cfg(feature = "cuda")]
    pub(crate) fn has_large_products(&self) -> bool {
        let is_by_panels = !matches!(self.work, Work::Pinv { .. } | Work::DiagonalSolve(_));
        is_by_panels && is_large(self.order)
    }

    /// Bytes of a matrix and of what stands behind it.
    pub(crate) fn given(&self) -> u64 {
        self.work.given(self.order).map_or(u64::MAX, |entries| (entries * size_of::<W>()) as u64)
    }

    /// Bytes of a result.
    pub(crate) fn result(&self) -> u64 {
        (self.order * self.work.across(self.order) * size_of::<W>()) as u64
    }

    /// Bytes of the buffers that the kernels of larger orders work with, a matrix, in the order of their bindings.
    pub(crate) fn scratch(&self) -> [u64; 4] {
        let (n, entry) = (self.order, size_of::<W>());
        let sizes = match self.work {
            Work::Pinv { .. } => [n * n * entry, (n + 3) * entry, (n + 2) * 4, 8],
            // None, but a buffer has a size.
            Work::DiagonalSolve(_) => [entry, entry, 4, 4],
            work => {
                let rows = |columns: usize| n * columns * entry;
                let panel = panel::<W>();
                [
                    rows(leading(n, panel)),
                    self::rows(n) * panel * entry,
                    (2 * n + work.rhs()) * 4,
                    2 * self::rows(n) * 4,
                ]
            }
        };
        sizes.map(|size| size as u64)
    }

    /// Bytes of the largest buffer that one matrix needs.
    pub(crate) fn largest_of_a_matrix(&self) -> Option<u64> {
        let given = self.work.given(self.order)?;
        let entries = match (self.team, self.work) {
            // Q has no more entries than W.
            (Some(_), _) | (None, Work::Pinv { .. } | Work::DiagonalSolve(_)) => given,
            (None, _) => given.max(self.order.checked_mul(leading(self.order, panel::<W>()))?),
        };
        u64::try_from(entries.checked_mul(size_of::<W>())?).ok()
    }

    /// How many of `count` matrices make a part, where a buffer has this many bytes at most and a dispatch this many
    /// groups in a row.
    pub(crate) fn part(&self, count: usize, buffer: u64, groups: u64) -> usize {
        // One dispatch has all the sweeps of small pseudo-inverses.
        let bytes = match (self.team, self.work) {
            (Some(_), Work::Pinv { .. }) => PART / 8,
            _ => PART,
        };
        let most = bytes.min(buffer) / self.largest_of_a_matrix().unwrap_or(u64::MAX).max(8);
        let groups = if self.team.is_some() { u64::MAX } else { groups };
        (count as u64).min(most).min(groups).max(1) as usize
    }

    /// In words, for errors.
    pub(crate) fn described(&self) -> String {
        match self.work {
            Work::Solve(rhs) | Work::DefiniteSolve(rhs) | Work::DiagonalSolve(rhs) => {
                format!("order {} with {rhs} right-hand sides", self.order)
            }
            Work::Pinv { columns, .. } => format!("{columns} x {}", self.order),
            _ => format!("order {}", self.order),
        }
    }
}
