//! LU with partial pivoting in a tile: `inv` and `solve` of a group.
//!
//! The frames are transposed on load, so that B = A^T is eliminated: P B = L U by rows of B, which
//! are the columns of A. Then
//!
//! ```text
//! inv:    Y = U^-1;  X L = Y;  A^-1 = (X P)^T
//! solve:  y U = b^T; z L = y;  x = (z P)^T
//! ```
//!
//! X L = U^-1 bounds |X B - I|, that is |A A^-1 - I|, the right residual (Higham, section 14.3.1,
//! method B; LAPACK's getri on the transposed matrix).

use super::{Group, Part, Registers, Tile, closed, good, lines_good, load, store_rows, triangular};
use crate::isa::field::Field;
use crate::isa::{MAX_LANES, Vector};
use crate::scalar::{RealScalar, Scalar};

type RealOf<F> = <<F as Field>::S as Scalar>::Real;

/// Rows of scratch beside the tile.
struct Work<F: Field> {
    tile: Tile<F>,
    /// Reciprocals of the diagonal of U.
    recip: Tile<F>,
    /// The row that leaves the pivot's place, and a column of L.
    row: Tile<F>,
    /// The rows of B in their order after pivoting, as numbers in the lanes.
    perm: Tile<F>,
    /// Right-hand sides, n of them a row.
    rhs: Tile<F>,
}

impl<F: Field> Work<F> {
    #[inline(always)]
    fn new(scratch: *mut RealOf<F>, n: usize) -> Self {
        let tile = Tile::new(scratch, n);
        let recip = Tile::new(tile.after(n * n), n);
        let row = Tile::new(recip.after(n), n);
        let perm = Tile::new(row.after(n), n);
        let rhs = Tile::new(perm.after(n), n);
        Work { tile, recip, row, perm, rhs }
    }

    /// Factors the tile in place. The sum of |1 / pivots|.
    ///
    /// Right-looking. The exchange of rows k and p costs no pass of its own: while a row is
    /// updated, lanes whose pivot it is take the row that leaves the pivot's place instead.
    #[inline(always)]
    unsafe fn factor(&self, n: usize) -> F::V {
        // SAFETY: the blocks hold n x n and n elements.
        unsafe {
            let zero = F::splat(F::S::default());
            let (t, perm) = (self.tile, self.perm);
            let mut recips = zero.abs1();
            for i in 0..n {
                perm.set(0, i, F::from_re(F::V::splat(RealOf::<F>::from_f64(i as f64))));
            }
            for k in 0..n {
                let mut best = t.get(k, k).abs1();
                let mut pivot = F::V::splat(RealOf::<F>::from_f64(k as f64));
                for i in k + 1..n {
                    let size = t.get(i, k).abs1();
                    let larger = size.gt(best);
                    best = F::V::select(larger, size, best);
                    pivot =
                        F::V::select(larger, F::V::splat(RealOf::<F>::from_f64(i as f64)), pivot);
                }
                let is_pivot = |i: usize| pivot.eq(F::V::splat(RealOf::<F>::from_f64(i as f64)));

                let left = perm.get(0, k);
                let mut chosen = left;
                for i in k + 1..n {
                    let here = perm.get(0, i);
                    chosen = F::select(is_pivot(i), here, chosen);
                    perm.set(0, i, F::select(is_pivot(i), left, here));
                }
                perm.set(0, k, chosen);

                for j in 0..n {
                    let leaves = t.get(k, j);
                    let mut pivot_row = leaves;
                    for i in k + 1..n {
                        pivot_row = F::select(is_pivot(i), t.get(i, j), pivot_row);
                    }
                    self.row.set(0, j, leaves);
                    t.set(k, j, pivot_row);
                }

                let recip = t.get(k, k).recip();
                self.recip.set(0, k, recip);
                recips = recips.add(recip.abs1());
                for i in k + 1..n {
                    let m = is_pivot(i);
                    let entry = |j: usize| F::select(m, self.row.get(0, j), t.get(i, j));
                    for j in 0..k {
                        t.set(i, j, entry(j));
                    }
                    let l = entry(k).mul(recip);
                    t.set(i, k, l);
                    for j in k + 1..n {
                        t.set(i, j, l.neg_mul_add(t.get(k, j), entry(j)));
                    }
                }
            }
            recips
        }
    }

    /// X L = Y for the rows of Y in the tile itself, L below its diagonal. From the last column on:
    /// column j of L is moved out, then every row takes its step.
    #[inline(always)]
    unsafe fn times_l_inverse(&self, n: usize) {
        // SAFETY: as in `factor`.
        unsafe {
            let t = self.tile;
            let zero = F::splat(F::S::default());
            for j in (0..n).rev() {
                for k in j + 1..n {
                    self.row.set(0, k, t.get(k, j));
                    t.set(k, j, zero);
                }
                let mut i = 0;
                // Four rows share a load of L.
                while i + 4 <= n {
                    let mut x = [zero; 4];
                    for r in 0..4 {
                        x[r] = t.get(i + r, j);
                    }
                    for k in j + 1..n {
                        let l = self.row.get(0, k);
                        for r in 0..4 {
                            x[r] = t.get(i + r, k).neg_mul_add(l, x[r]);
                        }
                    }
                    for r in 0..4 {
                        t.set(i + r, j, x[r]);
                    }
                    i += 4;
                }
                while i < n {
                    let mut x = t.get(i, j);
                    for k in j + 1..n {
                        x = t.get(i, k).neg_mul_add(self.row.get(0, k), x);
                    }
                    t.set(i, j, x);
                    i += 1;
                }
            }
        }
    }

    /// Row `perm[k]` of each destination is column `k` of `x`, `rows` long.
    #[inline(always)]
    unsafe fn store_permuted(
        &self,
        n: usize,
        x: Tile<F>,
        rows: usize,
        dst: &[*mut F::S],
        to: crate::stack::Frame,
    ) {
        // SAFETY: perm holds a permutation of 0..n in every lane, so the offsets are the view's.
        unsafe {
            for k in 0..n {
                let mut place = [RealOf::<F>::default(); MAX_LANES];
                self.perm.get(0, k).re().store(place.as_mut_ptr());
                store_rows(x, k, rows, &place, dst, to);
            }
        }
    }
}

/// The inverses of a group.
#[inline(always)]
pub(crate) unsafe fn inv<F: Field>(g: &Group<F::S>) -> u64 {
    // SAFETY: the module's contract.
    unsafe {
        let n = g.n;
        if n <= closed::largest::<F::S>() {
            let mut registers = Registers::of(g);
            while let Some(at) = registers.next(F::LANES) {
                closed::inv::<F>(g, at, &mut registers);
            }
            return registers.suspects();
        }
        let mut w = Work::<F>::new(g.scratch, n);
        let mut registers = Registers::of(g);
        while let Some(at) = registers.next(F::LANES) {
            w.tile = load(g.scratch, &g.src[at.clone()], g.from.transposed());
            let lines = lines_good(w.tile, n, Part::Whole, RealOf::<F>::LINE_EXP);
            let recips = w.factor(n);
            triangular::invert_upper(w.tile, w.recip, n);
            w.times_l_inverse(n);
            let mut written = F::splat(F::S::default()).abs1();
            for i in 0..n {
                for j in 0..n {
                    written = written.add(w.tile.get(i, j).abs1());
                }
            }
            let good = lines & good(recips, written);
            if registers.accept(good) {
                w.store_permuted(n, w.tile, n, &g.dst[at], g.to);
            }
        }
        registers.suspects()
    }
}

/// The solutions of a group, `g.to.cols` right-hand sides a matrix.
#[inline(always)]
pub(crate) unsafe fn solve<F: Field>(g: &Group<F::S>) -> u64 {
    // SAFETY: the module's contract.
    unsafe {
        let (n, k) = (g.n, g.rhs_from.cols);
        let mut w = Work::<F>::new(g.scratch, n);
        let rhs = w.rhs.after(0);
        let mut registers = Registers::of(g);
        while let Some(at) = registers.next(F::LANES) {
            w.tile = load(g.scratch, &g.src[at.clone()], g.from.transposed());
            w.rhs = load(rhs, &g.rhs[at.clone()], g.rhs_from.transposed());
            if n <= closed::largest::<F::S>() {
                // Singular is what `inv` calls so: the determinant is zero. A NaN says it.
                let det = closed::determinant(w.tile, n);
                let none = F::splat(F::S::default()).abs1();
                let nan = F::from_re(F::V::splat(RealOf::<F>::NAN));
                let first = w.tile.get(0, 0);
                w.tile.set(0, 0, F::select(det.abs1().eq(none), nan, first));
            }
            let lines = lines_good(w.tile, n, Part::Whole, RealOf::<F>::LINE_EXP);
            let recips = w.factor(n);
            let mut written = F::splat(F::S::default()).abs1();
            for r in 0..k {
                for j in 0..n {
                    let mut y = w.rhs.get(r, j);
                    for i in 0..j {
                        y = w.rhs.get(r, i).neg_mul_add(w.tile.get(i, j), y);
                    }
                    w.rhs.set(r, j, y.mul(w.recip.get(0, j)));
                }
                for j in (0..n).rev() {
                    let mut z = w.rhs.get(r, j);
                    for i in j + 1..n {
                        z = w.rhs.get(r, i).neg_mul_add(w.tile.get(i, j), z);
                    }
                    w.rhs.set(r, j, z);
                    written = written.add(z.abs1());
                }
            }
            let good = lines & good(recips, written);
            if registers.accept(good) {
                w.store_permuted(n, w.rhs, k, &g.dst[at], g.to);
            }
        }
        registers.suspects()
    }
}
