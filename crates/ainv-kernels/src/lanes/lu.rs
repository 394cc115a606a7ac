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

use super::{
    Group, Part, Registers, Suspects, Tile, Transfer, closed, good, lines_good, triangular,
    unrolled,
};
use crate::isa::field::Field;
use crate::isa::{MAX_LANES, Vector};
use crate::scalar::{RealScalar, Scalar};

type RealOf<F> = <<F as Field>::S as Scalar>::Real;

/// Columns, or rows, that share the loads of a pass.
const WIDTH: usize = 4;

/// Rows of scratch beside the tile.
struct Work<F: Field> {
    tile: Tile<F>,
    /// Reciprocals of the diagonal of U.
    recip: Tile<F>,
    /// A column of L.
    row: Tile<F>,
    /// The rows of B in their order after pivoting, as numbers in the lanes: a column.
    perm: Tile<F>,
    /// 0, 1, 2, ...
    numbers: *mut RealOf<F>,
    /// Right-hand sides, n of them a row.
    rhs: Tile<F>,
}

impl<F: Field> Work<F> {
    #[inline(always)]
    unsafe fn new(scratch: *mut RealOf<F>, n: usize) -> Self {
        let tile = Tile::<F>::new(scratch, n);
        let recip = Tile::new(tile.after(n * n), n);
        let row = Tile::new(recip.after(n), n);
        let perm = Tile::<F>::new(row.after(n), 1);
        let numbers: *mut RealOf<F> = perm.after(n);
        let rhs = Tile::new(perm.after(2 * n), n);
        for i in 0..n {
            // SAFETY: the scratch has a row of n elements for them.
            unsafe { numbers.add(i).write(RealOf::<F>::from_f64(i as f64)) };
        }
        Work { tile, recip, row, perm, numbers, rhs }
    }

    /// Factors the tile in place. The sum of |1 / pivots|.
    #[inline(always)]
    unsafe fn factor(&self, n: usize) -> F::V {
        // SAFETY: the blocks hold n x n and n elements.
        unsafe {
            let (t, perm) = (self.tile, self.perm);
            let mut recips = F::splat(F::S::default()).abs1();
            for i in 0..n {
                perm.set(i, 0, F::from_re(self.number(i)));
            }
            for k in 0..n {
                let mut best = t.get(k, k).abs1();
                let mut pivot = self.number(k);
                for i in k + 1..n {
                    let size = t.get(i, k).abs1();
                    let larger = size.gt(best);
                    best = F::V::select(larger, size, best);
                    pivot = F::V::select(larger, self.number(i), pivot);
                }
                self.exchange::<1>(perm, k, n, 0, pivot);
                self.exchange::<1>(t, k, n, k, pivot);
                let recip = t.get(k, k).recip();
                self.recip.set(0, k, recip);
                recips = recips.add(recip.abs1());
                for i in k + 1..n {
                    t.set(i, k, t.get(i, k).mul(recip));
                }
                let mut j = 0;
                while j + WIDTH <= k {
                    self.exchange::<WIDTH>(t, k, n, j, pivot);
                    j += WIDTH;
                }
                while j < k {
                    self.exchange::<1>(t, k, n, j, pivot);
                    j += 1;
                }
                j += 1;
                while j + WIDTH <= n {
                    self.step::<WIDTH>(k, n, j, pivot);
                    j += WIDTH;
                }
                while j < n {
                    self.step::<1>(k, n, j, pivot);
                    j += 1;
                }
            }
            recips
        }
    }

    /// The number of a row, in every lane.
    #[inline(always)]
    unsafe fn number(&self, i: usize) -> F::V {
        // SAFETY: there are `n` numbers.
        unsafe { F::V::splat(self.numbers.add(i).read()) }
    }

    /// The pivot row's entries in the columns `j..j + W`, with row `k`'s own.
    #[inline(always)]
    unsafe fn pivot_row<const W: usize>(
        &self,
        t: Tile<F>,
        k: usize,
        n: usize,
        j: usize,
        pivot: F::V,
    ) -> ([F; W], [F; W]) {
        // SAFETY: the caller's block.
        unsafe {
            let mut leaves = [F::splat(F::S::default()); W];
            for w in 0..W {
                leaves[w] = t.get(k, j + w);
            }
            let mut row = leaves;
            for i in k + 1..n {
                let is_pivot = pivot.eq(self.number(i));
                for w in 0..W {
                    row[w] = F::select(is_pivot, t.get(i, j + w), row[w]);
                }
            }
            (row, leaves)
        }
    }

    /// Exchanges row `k` and the pivot row in the columns `j..j + W`.
    #[inline(always)]
    unsafe fn exchange<const W: usize>(
        &self,
        t: Tile<F>,
        k: usize,
        n: usize,
        j: usize,
        pivot: F::V,
    ) {
        // SAFETY: the caller's block.
        unsafe {
            let (row, leaves) = self.pivot_row::<W>(t, k, n, j, pivot);
            for w in 0..W {
                t.set(k, j + w, row[w]);
            }
            for i in k + 1..n {
                let is_pivot = pivot.eq(self.number(i));
                for w in 0..W {
                    t.set(i, j + w, F::select(is_pivot, leaves[w], t.get(i, j + w)));
                }
            }
        }
    }

    /// Exchanges the rows and takes step `k` of the elimination in the columns `j..j + W`.
    #[inline(always)]
    unsafe fn step<const W: usize>(&self, k: usize, n: usize, j: usize, pivot: F::V) {
        // SAFETY: the tile.
        unsafe {
            let t = self.tile;
            let (row, leaves) = self.pivot_row::<W>(t, k, n, j, pivot);
            for w in 0..W {
                t.set(k, j + w, row[w]);
            }
            for i in k + 1..n {
                let is_pivot = pivot.eq(self.number(i));
                let l = t.get(i, k);
                for w in 0..W {
                    let entry = F::select(is_pivot, leaves[w], t.get(i, j + w));
                    t.set(i, j + w, l.neg_mul_add(row[w], entry));
                }
            }
        }
    }

    /// X L = Y for the rows of Y in the tile itself, L below its diagonal. From the last column on:
    /// column j of L is moved out, then every row takes its step. The sums begin at the far end, so
    /// that the column which was finished last is needed last.
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
                while i + WIDTH <= n {
                    let mut x = [zero; WIDTH];
                    for r in 0..WIDTH {
                        x[r] = t.get(i + r, j);
                    }
                    for k in (j + 1..n).rev() {
                        let l = self.row.get(0, k);
                        for r in 0..WIDTH {
                            x[r] = t.get(i + r, k).neg_mul_add(l, x[r]);
                        }
                    }
                    for r in 0..WIDTH {
                        t.set(i + r, j, x[r]);
                    }
                    i += WIDTH;
                }
                while i < n {
                    let mut x = t.get(i, j);
                    for k in (j + 1..n).rev() {
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
        to: &Transfer<F>,
        at: std::ops::Range<usize>,
    ) {
        // SAFETY: perm holds a permutation of 0..n in every lane, so the offsets are the view's.
        unsafe {
            to.ask_ahead(&at, true);
            for k in 0..n {
                let mut place = [RealOf::<F>::default(); MAX_LANES];
                self.perm.get(k, 0).re().store(place.as_mut_ptr());
                to.store_rows(at.clone(), x, k, rows, &place);
            }
        }
    }
}

/// The inverses of a group.
#[inline(always)]
pub unsafe fn inv<F: Field>(g: &Group<F::S>) -> Suspects {
    // SAFETY: the module's contract.
    unsafe {
        let n = g.n;
        match n {
            1 => return closed::inv::<F, 1>(g),
            2 => return closed::inv::<F, 2>(g),
            3 if !F::S::COMPLEX => return closed::inv::<F, 3>(g),
            _ => {}
        }
        if F::V::NATIVE {
            match n {
                3 if F::S::COMPLEX => return unrolled::inv::<F, 3>(g),
                4 => return unrolled::inv::<F, 4>(g),
                5 => return unrolled::inv::<F, 5>(g),
                6 => return unrolled::inv::<F, 6>(g),
                7 if !F::S::COMPLEX => return unrolled::inv::<F, 7>(g),
                8 if !F::S::COMPLEX => return unrolled::inv::<F, 8>(g),
                _ => {}
            }
        }
        let mut w = Work::<F>::new(g.scratch, n);
        let from = Transfer::<F>::new(g.src, g.from.transposed(), g.far);
        let to = Transfer::<F>::new(g.dst, g.to, g.far);
        let mut registers = Registers::of(g);
        while let Some(at) = registers.next(F::LANES) {
            w.tile = from.load(at.clone(), g.scratch);
            let lines = lines_good(w.tile, n, Part::Whole, RealOf::<F>::LINE_EXP);
            let recips = w.factor(n);
            triangular::invert_upper(w.tile, w.recip, n);
            w.times_l_inverse(n);
            let none = F::splat(F::S::default()).re();
            let mut zeros = none;
            for i in 0..n {
                let mut row = none;
                for j in 0..n {
                    row = w.tile.get(i, j).add_zero_times(row);
                }
                zeros = zeros.add(row);
            }
            let good = lines & good(recips, zeros);
            if registers.accept(good) {
                w.store_permuted(n, w.tile, n, &to, at);
            }
        }
        registers.suspects()
    }
}

/// The solutions of a group, `g.to.cols` right-hand sides a matrix.
#[inline(always)]
pub unsafe fn solve<F: Field>(g: &Group<F::S>) -> Suspects {
    // SAFETY: the module's contract.
    unsafe {
        let (n, k) = (g.n, g.rhs_from.cols);
        let mut w = Work::<F>::new(g.scratch, n);
        let rhs = w.rhs.after(0);
        let from = Transfer::<F>::new(g.src, g.from.transposed(), g.far);
        let rhs_from = Transfer::<F>::new(g.rhs, g.rhs_from.transposed(), g.far);
        let to = Transfer::<F>::new(g.dst, g.to, g.far);
        let mut registers = Registers::of(g);
        while let Some(at) = registers.next(F::LANES) {
            w.tile = from.load(at.clone(), g.scratch);
            w.rhs = rhs_from.load(at.clone(), rhs);
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
            let mut zeros = F::splat(F::S::default()).re();
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
                    for i in (j + 1..n).rev() {
                        z = w.rhs.get(r, i).neg_mul_add(w.tile.get(i, j), z);
                    }
                    w.rhs.set(r, j, z);
                    zeros = z.add_zero_times(zeros);
                }
            }
            let good = lines & good(recips, zeros);
            if registers.accept(good) {
                w.store_permuted(n, w.rhs, k, &to, at);
            }
        }
        registers.suspects()
    }
}
