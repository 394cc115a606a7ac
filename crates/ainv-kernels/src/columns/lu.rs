//! LU with partial pivoting: the inverse, and the solution of a system.
//!
//! The working matrix is B = A^T, so that P B = L U, Y = U^-1 and X L = Y give A^-1 = (X P)^T, which
//! is stored row by row; for a system y U = b^T, z L = y and x = (z P)^T (Golub and Van Loan,
//! algorithm 3.4.1; the order of the solves as in [`lanes::lu`](crate::lanes::lu)).

use super::triangular::invert_upper;
use super::{Columns, LARGEST, RealOf, lanes_from, largest};
use crate::isa::Vector;
use crate::isa::field::Field;
use crate::lanes::Group;
use crate::scalar::RealScalar;

/// A matrix that is being inverted.
struct Work<F: Field> {
    n: usize,
    /// B, then U, then U^-1, then X.
    w: Columns<F>,
    /// L without its diagonal, zeros elsewhere.
    l: Columns<F>,
    /// The reciprocals of the diagonal of U: a column.
    recips: Columns<F>,
    /// The rows of B in their order after pivoting.
    perm: [usize; LARGEST],
}

impl<F: Field> Work<F> {
    #[inline(always)]
    fn new(scratch: *mut RealOf<F>, n: usize) -> Self {
        let w = Columns::new(scratch, n);
        let l = Columns::new(w.after(n), n);
        let recips = Columns::new(l.after(n), n);
        Work { n, w, l, recips, perm: [0; LARGEST] }
    }

    /// The first row from `k` on with the largest entry of column `k`.
    #[inline(always)]
    unsafe fn find_pivot(&self, k: usize) -> usize {
        // SAFETY: the columns.
        unsafe {
            let w = self.w;
            let start = k / F::LANES;
            let minus = F::V::splat(-RealOf::<F>::ONE);
            let rows = lanes_from::<F::V>(k % F::LANES + 1);
            let below = |x: F::V| F::V::select(rows, x, minus);
            let mut best = below(w.get(start, k).abs1());
            for b in start + 1..w.blocks {
                best = best.max(w.get(b, k).abs1());
            }
            let own = w.splat(k, k).abs1();
            let best = F::V::splat(largest(best.max(own)));
            if F::V::bits(own.eq(best)) & 1 == 1 {
                return k;
            }
            for b in start..w.blocks {
                let size = w.get(b, k).abs1();
                let size = if b == start { below(size) } else { size };
                let here = F::V::bits(size.eq(best));
                if here != 0 {
                    return b * F::LANES + here.trailing_zeros() as usize;
                }
            }
            // A NaN equals nothing.
            k
        }
    }

    /// P B = L U. The sum of |1 / pivots|, in every lane.
    #[inline(always)]
    unsafe fn factor(&mut self) -> F::V {
        // SAFETY: the columns.
        unsafe {
            let (n, w, l) = (self.n, self.w, self.l);
            let zero = F::splat(F::S::default());
            let mut recips = zero.abs1();
            for k in 0..n {
                self.perm[k] = k;
            }
            for k in 0..n {
                let p = self.find_pivot(k);
                self.perm.swap(k, p);
                for j in 0..k {
                    l.exchange(k, p, j);
                }
                w.exchange(k, p, k);
                let recip = w.splat(k, k).recip();
                self.recips.put(k, 0, recip);
                recips = recips.add(recip.abs1());
                // The multipliers leave for L; zeros take their place.
                let start = k / F::LANES;
                let below = lanes_from::<F::V>(k % F::LANES + 1);
                for b in 0..start {
                    l.set(b, k, zero);
                }
                for b in start..w.blocks {
                    let x = w.get(b, k);
                    let multiplier = x.mul(recip);
                    if b == start {
                        l.set(b, k, F::select(below, multiplier, zero));
                        w.set(b, k, F::select(below, zero, x));
                    } else {
                        l.set(b, k, multiplier);
                        w.set(b, k, zero);
                    }
                }
                match w.blocks - start {
                    1 => self.step::<1>(k, p, start),
                    2 => self.step::<2>(k, p, start),
                    3 => self.step::<3>(k, p, start),
                    4 => self.step::<4>(k, p, start),
                    _ => self.step::<0>(k, p, start),
                }
            }
            recips
        }
    }

    /// Step `k` of the elimination in the columns after it, row `p` being exchanged with row `k` on
    /// the way: entries that are exchanged are mended after the column's own step, so that no load
    /// of a register waits for the store of an entry. `B` blocks from `start` on, any number if `B`
    /// is 0.
    #[inline(always)]
    unsafe fn step<const B: usize>(&self, k: usize, p: usize, start: usize) {
        // SAFETY: the columns.
        unsafe {
            let (w, l) = (self.w, self.l);
            let zero = F::splat(F::S::default());
            let mut multipliers = [zero; B];
            for b in 0..B {
                multipliers[b] = l.get(start + b, k);
            }
            let own = l.splat(p, k);
            for j in k + 1..self.n {
                let u = w.splat(p, j);
                let leaves = w.splat(k, j);
                if B == 0 {
                    for b in start..w.blocks {
                        w.set(b, j, l.get(b, k).neg_mul_add(u, w.get(b, j)));
                    }
                }
                for b in 0..B {
                    w.set(start + b, j, multipliers[b].neg_mul_add(u, w.get(start + b, j)));
                }
                if p != k {
                    w.put(k, j, u);
                    w.put(p, j, own.neg_mul_add(u, leaves));
                }
            }
        }
    }

    /// X L = Y in the place of Y, from the last column on.
    #[inline(always)]
    unsafe fn times_l_inverse(&self) {
        // SAFETY: the columns.
        unsafe {
            let blocks = self.w.blocks;
            for j in (0..self.n).rev() {
                let mut b = 0;
                while b < blocks {
                    b += match blocks - b {
                        1 => self.column_of_result::<1>(j, b),
                        2 => self.column_of_result::<2>(j, b),
                        3 => self.column_of_result::<3>(j, b),
                        _ => self.column_of_result::<4>(j, b),
                    };
                }
            }
        }
    }

    /// `B` blocks of column `j` of X; returns `B`.
    #[inline(always)]
    unsafe fn column_of_result<const B: usize>(&self, j: usize, first: usize) -> usize {
        // SAFETY: the columns.
        unsafe {
            let w = self.w;
            let mut x = [F::splat(F::S::default()); B];
            for b in 0..B {
                x[b] = w.get(first + b, j);
            }
            for k in (j + 1..self.n).rev() {
                let l = self.l.splat(k, j);
                for b in 0..B {
                    x[b] = w.get(first + b, k).neg_mul_add(l, x[b]);
                }
            }
            for b in 0..B {
                w.set(first + b, j, x[b]);
            }
            B
        }
    }

    /// Row `perm[j]` of the destination is column `j` of `x`.
    #[inline(always)]
    unsafe fn write(&self, x: Columns<F>, g: &Group<F::S>) {
        // SAFETY: the matrix is that of a checked view.
        unsafe {
            for j in 0..self.n {
                let row = g.dst.get(0).offset(g.to.at(self.perm[j], 0));
                x.write_column(j, g.to.cols, row, g.to.cs);
            }
        }
    }
}

/// The inverse of one matrix.
#[inline(always)]
pub unsafe fn inv<F: Field>(g: &Group<F::S>) -> bool {
    // SAFETY: the module's contract.
    unsafe {
        let n = g.n;
        let mut work = Work::<F>::new(g.scratch, n);
        work.w.read(g.src.get(0), g.from.transposed());
        let lines = work.w.lines_good(n);
        let recips = work.factor().first();
        invert_upper(work.w, work.recips, n);
        work.times_l_inverse();
        let good = lines && RealOf::<F>::BIG > recips && work.w.is_finite(n);
        if good || g.force {
            work.write(work.w, g);
        }
        !good
    }
}

/// The solutions of one system.
#[inline(always)]
pub unsafe fn solve<F: Field>(g: &Group<F::S>) -> bool {
    // SAFETY: the module's contract.
    unsafe {
        let n = g.n;
        let mut work = Work::<F>::new(g.scratch, n);
        let rhs = Columns::new(work.recips.after(1), g.rhs_from.cols);
        work.w.read(g.src.get(0), g.from.transposed());
        rhs.read(g.rhs.get(0), g.rhs_from.transposed());
        let lines = work.w.lines_good(n);
        let recips = work.factor().first();
        for b in 0..rhs.blocks {
            substitute(&work, rhs, b);
        }
        let good = lines && RealOf::<F>::BIG > recips && rhs.is_finite(n);
        if good || g.force {
            work.write(rhs, g);
        }
        !good
    }
}

/// y U = b^T and z L = y in the place of b^T, for one element of its columns.
#[inline(always)]
unsafe fn substitute<F: Field>(work: &Work<F>, rhs: Columns<F>, b: usize) {
    // SAFETY: the columns.
    unsafe {
        let n = work.n;
        for i in 0..n {
            let y = rhs.get(b, i).mul(work.recips.splat(i, 0));
            rhs.set(b, i, y);
            for j in i + 1..n {
                rhs.set(b, j, y.neg_mul_add(work.w.splat(i, j), rhs.get(b, j)));
            }
        }
        for i in (0..n).rev() {
            let z = rhs.get(b, i);
            for j in 0..i {
                rhs.set(b, j, z.neg_mul_add(work.l.splat(i, j), rhs.get(b, j)));
            }
        }
    }
}
