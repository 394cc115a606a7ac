//! What is kept of the worst matrix for its pictures.

use ainv_kernels::scalar::{RealScalar, Scalar};

/// Cells along a side of a heat map; a larger matrix has several entries in a cell.
const CELLS: usize = 64;

/// One matrix, looked at closely: the worst of its stack.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Picture {
    /// Its place in the stack.
    pub index: usize,
    /// |A|, |A^-1| and |A A^-1 - I|.
    pub matrix: Grid,
    /// Of the inverse that the report is on.
    pub inverse: Grid,
    /// What is left of the identity.
    pub residual: Grid,
    /// The singular values, largest first, up to order 1024.
    pub singular_values: Option<Vec<f64>>,
    /// Singular values up to this are rounding.
    pub cut: f64,
    /// The reciprocal condition number once rows and columns are scaled to one size, if that is much
    /// better than what it is.
    pub scaled_rcond: Option<f64>,
    /// Row and column of the first NaN or infinity, from zero.
    pub not_finite: Option<(usize, usize)>,
}

/// The sizes of a square matrix's entries, in at most 64 x 64 cells.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Grid {
    /// The order of the matrix.
    pub order: usize,
    /// Cells along a side.
    pub side: usize,
    /// Row by row: the largest |entry| of each cell, NaN if one is NaN.
    pub cells: Vec<f64>,
}

impl Grid {
    /// Of a matrix of order `n`, row by row.
    pub(super) fn of<W: Scalar<Real = f64>>(n: usize, entries: &[W]) -> Grid {
        let side = n.min(CELLS);
        let mut cells = vec![0.0f64; side * side];
        for (i, row) in entries.chunks_exact(n.max(1)).enumerate() {
            let cells = &mut cells[i * side / n * side..][..side];
            for (j, &x) in row.iter().enumerate() {
                let size = if W::COMPLEX { x.re().hypot(x.im()) } else { RealScalar::abs(x.re()) };
                let cell = &mut cells[j * side / n];
                // Written so that a NaN is kept.
                *cell = if *cell >= size || cell.is_nan() { *cell } else { size };
            }
        }
        Grid { order: n, side, cells }
    }

    /// Whether several entries share a cell.
    pub fn is_coarse(&self) -> bool {
        self.side < self.order
    }
}
