//! Pseudo-inverses of matrices of a clear rank in a tile, without their singular values.
//!
//! The longest column of what is left of A is taken and its direction removed from all columns, until what
//! is left is under the cut-off: QR with column pivoting (Golub and Van Loan, Matrix Computations, 4th
//! ed., section 5.4.2). The directions Q span the range of A but for what is left. One step of subspace
//! iteration (ibid., section 8.2.4; Halko, Martinsson, Tropp, "Finding structure with randomness", SIAM
//! Review 53, 2011, section 4.5), Z = an orthonormal basis of the columns of A^H Q, leaves the square of the
//! ratio of what is left to what is kept, and X = Z (A Z)^+ with A Z = Q R.
//!
//! A matrix is stored only where [`Truncated`] says that the singular values that are kept are over the
//! cut-off, the others under it, and the gap between them wide enough for X to be right to rounding. The
//! others are suspects.

use super::orthogonal::{defect, lanes, load, multiply, orthogonalize, squares};
use super::triangular::invert_upper;
use super::{Group, Part, PinvLanes, Registers, Suspects, Tile, Transfer, in_range};
use crate::bounds::{Orthogonal, Truncated};
use crate::isa::field::Field;
use crate::isa::{MAX_LANES, Vector};
use crate::scalar::{RealScalar, Scalar};
use std::ops::Range;

/// Rows or columns that share the loads of another one.
const WIDTH: usize = 4;

/// Pseudo-inverses of a group of m x n matrices, m >= n.
#[inline(always)]
pub unsafe fn pinv<F: Field>(g: &Group<F::S>, p: &PinvLanes) -> Suspects {
    // SAFETY: the module's contract.
    unsafe {
        let (m, n) = (g.from.rows, g.from.cols);
        let mut registers = Registers::of(g);
        let (from, to) =
            (Transfer::<F>::new(g.src, g.from, g.far), Transfer::<F>::new(g.dst, g.to, g.far));
        while let Some(at) = registers.next(F::LANES) {
            let a = load(&from, at.clone(), g.scratch, p.hermitian, n);
            let q = Tile::<F>::new(a.after(m * n), n);
            let z = Tile::<F>::new(q.after(m * n), n);
            let r = Tile::<F>::new(z.after(n * n), n);
            let recip = Tile::<F>::new(r.after(n * n), n);
            let c = Tile::<F>::new(recip.after(n), n);
            let sizes = Tile::<F>::new(c.after(n), n);
            let size = squares(a, m, n, false);
            let read = in_range(size, size, size, <F::S as Scalar>::Real::LINE_EXP);
            let taken = take_columns(a, q, sizes, m, n, half_cuts::<F>(p, at.clone()));
            let (k, rank) = (taken.columns, taken.rank);

            let a = load(&from, at.clone(), g.scratch, p.hermitian, n);
            product(a, true, q, Part::Whole, z, (n, m, k));
            orthogonalize(z, r, recip, c, n, k, rank);
            let z2 = defect(z, n, k, rank);
            product(a, false, z, Part::Whole, q, (m, n, k));
            let b2 = squares(q, m, k, false);
            orthogonalize(q, r, recip, c, m, k, rank);
            let r2 = squares(r, k, k, true);
            invert_upper(r, recip, k);
            let v2 = squares(r, k, k, true);
            let q2 = defect(q, m, k, rank);
            product(z, false, r, Part::Upper, z, (n, k, k));
            let x = Tile::<F>::new(g.scratch, m);
            multiply(z, q, x, (n, m, k), Part::Whole);

            let squares = [size, b2, r2, v2, q2, z2, taken.left, taken.largest];
            let mut of = [[0.0; MAX_LANES]; 8];
            for i in 0..8 {
                of[i] = lanes(squares[i]);
            }
            let mut good = 0;
            for (l, i) in at.clone().enumerate() {
                let [a, b, r, v, q, z, left, largest] = of.map(|x| x[l].sqrt());
                let product = Orthogonal { a: b, r, v, gram: q };
                let found = Truncated { a, product, gram: z, left, largest };
                good |= (found.is_clear::<F::S>(m, n, p.cuts[i], p.unit) as u64) << l;
            }
            if registers.accept(read & good) {
                to.store(at, x);
            }
        }
        registers.suspects()
    }
}

/// Squares of half the cut-offs: the absolute ones, and the others for a largest singular value of one.
#[inline(always)]
unsafe fn half_cuts<F: Field>(p: &PinvLanes, at: Range<usize>) -> (F::V, F::V) {
    // SAFETY: the contract of Vector.
    unsafe {
        let mut absolute = [<F::S as Scalar>::Real::default(); MAX_LANES];
        let mut relative = absolute;
        for l in 0..F::LANES {
            let cut = p.cuts[(at.start + l).min(at.end - 1)];
            absolute[l] = RealScalar::from_f64(cut.absolute * cut.absolute / 4.0);
            relative[l] = RealScalar::from_f64(cut.relative * cut.relative / 4.0);
        }
        (F::V::load(absolute.as_ptr()), F::V::load(relative.as_ptr()))
    }
}

/// What the pivoting has found.
pub(super) struct Taken<V> {
    /// Columns taken in any lane.
    pub(super) columns: usize,
    /// Columns taken in each lane.
    pub(super) rank: V,
    /// The square of the Frobenius norm of what is left.
    left: V,
    /// The square of a lower bound of the largest singular value.
    largest: V,
}

/// Takes columns of A into Q until the square of what is left of A, in W, is under the absolute limit, or
/// the other one times the square of the largest singular value. A lane that needs no more
/// takes columns of zeros, which change nothing.
#[inline(always)]
pub(super) unsafe fn take_columns<F: Field>(
    w: Tile<F>,
    q: Tile<F>,
    sizes: Tile<F>,
    m: usize,
    n: usize,
    (absolute, relative): (F::V, F::V),
) -> Taken<F::V> {
    // SAFETY: w and q are m x n, sizes 1 x n.
    unsafe {
        let zero = F::splat(F::S::default());
        let (none, one) = (zero.re(), F::V::splat(<F::S as Scalar>::Real::ONE));
        for j in 0..n {
            let mut square = none;
            for i in 0..m {
                square = w.get(i, j).add_square(square);
            }
            sizes.set(0, j, F::from_re(square));
        }
        let mut taken = Taken { columns: 0, rank: none, left: none, largest: none };
        loop {
            let mut longest = none;
            taken.left = none;
            for k in 0..n {
                let square = sizes.get(0, k).re();
                taken.left = taken.left.add(square);
                longest = longest.max(square);
            }
            let more = taken.left.gt(absolute.max(relative.mul(taken.largest)));
            if taken.columns == n || F::V::bits(more) == 0 {
                return taken;
            }
            let j = taken.columns;
            for i in 0..m {
                q.set(i, j, zero);
            }
            // The first of the longest ones is written last.
            for k in (0..n).rev() {
                let is = sizes.get(0, k).re().eq(longest);
                if F::V::bits(is) != 0 {
                    for i in 0..m {
                        q.set(i, j, F::select(is, w.get(i, k), q.get(i, j)));
                    }
                }
            }
            let by = F::V::select(more, one.div(longest.sqrt()), none);
            for i in 0..m {
                q.set(i, j, q.get(i, j).scale(by));
            }
            let mut row = none;
            let whole = n / WIDTH * WIDTH;
            for k in (0..whole).step_by(WIDTH) {
                row = row.add(remove::<F, WIDTH>(w, q, sizes, m, j, k));
            }
            for k in whole..n {
                row = row.add(remove::<F, 1>(w, q, sizes, m, j, k));
            }
            taken.largest = taken.largest.max(row);
            taken.rank = taken.rank.add(F::V::select(more, one, none));
            taken.columns += 1;
        }
    }
}

/// Removes the direction q_j from `W` columns from `first` on; the sum of the squares of their
/// coefficients.
#[inline(always)]
unsafe fn remove<F: Field, const W: usize>(
    w: Tile<F>,
    q: Tile<F>,
    sizes: Tile<F>,
    m: usize,
    j: usize,
    first: usize,
) -> F::V {
    // SAFETY: the tiles have m rows and these columns.
    unsafe {
        let zero = F::splat(F::S::default());
        let (mut by, mut squares, mut row) = ([zero; W], [zero.re(); W], zero.re());
        for i in 0..m {
            let direction = q.get(i, j).conj();
            for k in 0..W {
                by[k] = direction.mul_add(w.get(i, first + k), by[k]);
            }
        }
        for i in 0..m {
            let direction = q.get(i, j);
            for k in 0..W {
                let left = direction.neg_mul_add(by[k], w.get(i, first + k));
                w.set(i, first + k, left);
                squares[k] = left.add_square(squares[k]);
            }
        }
        for k in 0..W {
            sizes.set(0, first + k, F::from_re(squares[k]));
            row = by[k].add_square(row);
        }
        row
    }
}

/// C = A B or A^H B (rows x cols), `inner` products each; C may be A's own place where B is upper
/// triangular.
#[inline(always)]
pub(super) unsafe fn product<F: Field>(
    a: Tile<F>,
    adjoint: bool,
    b: Tile<F>,
    part: Part,
    c: Tile<F>,
    (rows, inner, cols): (usize, usize, usize),
) {
    // SAFETY: the tiles are of these sizes.
    unsafe {
        let whole = rows / WIDTH * WIDTH;
        for first in (0..whole).step_by(WIDTH) {
            product_rows::<F, WIDTH>(a, adjoint, b, part, c, (first, inner, cols));
        }
        for first in whole..rows {
            product_rows::<F, 1>(a, adjoint, b, part, c, (first, inner, cols));
        }
    }
}

/// `W` rows from `first` on.
#[inline(always)]
unsafe fn product_rows<F: Field, const W: usize>(
    a: Tile<F>,
    adjoint: bool,
    b: Tile<F>,
    part: Part,
    c: Tile<F>,
    (first, inner, cols): (usize, usize, usize),
) {
    // SAFETY: the caller's tiles.
    unsafe {
        // From the last column on: the others may still be A's.
        for j in (0..cols).rev() {
            let mut sums = [F::splat(F::S::default()); W];
            for i in 0..if part == Part::Upper { j + 1 } else { inner } {
                let b = b.get(i, j);
                for r in 0..W {
                    let a = match adjoint {
                        true => a.get(i, first + r).conj(),
                        false => a.get(first + r, i),
                    };
                    sums[r] = a.mul_add(b, sums[r]);
                }
            }
            for r in 0..W {
                c.set(first + r, j, sums[r]);
            }
        }
    }
}
