//! The inverse of an upper triangle, and `tri_inv`.

use super::{Columns, RealOf, by_fours, lanes_from};
use crate::isa::Vector;
use crate::isa::field::Field;
use crate::lanes::{Group, TriShape};
use crate::scalar::RealScalar;

/// Inverts an upper triangle of order `n` in place; below it are zeros. `recips` is the column of
/// the reciprocals of its diagonal.
///
/// Once column k of the inverse is known, each later column takes its multiple; the sums stand above
/// row k, where the entries of the triangle are no longer needed.
#[inline(always)]
pub unsafe fn invert_upper<F: Field>(w: Columns<F>, recips: Columns<F>, n: usize) {
    // SAFETY: the columns.
    unsafe {
        let zero = F::splat(F::S::default());
        for k in 0..n {
            let recip = recips.splat(k, 0);
            let own = k / F::LANES;
            for b in 0..own {
                w.set(b, k, w.get(b, k).neg_mul_add(recip, zero));
            }
            let from_k = lanes_from::<F::V>(k % F::LANES);
            let below = lanes_from::<F::V>(k % F::LANES + 1);
            let above = w.get(own, k).neg_mul_add(recip, zero);
            let x = F::select(below, zero, F::select(from_k, recip, above));
            w.set(own, k, x);
            by_fours!(b in 0..own, add_above(w, k, n, b));
            // The element with row k: its sum begins there, and the rows below it stay.
            for j in k + 1..n {
                let here = w.get(own, j);
                let sum = x.mul_add(w.splat(k, j), F::select(from_k, zero, here));
                w.set(own, j, F::select(below, here, sum));
            }
        }
    }
}

/// Column `k` of the inverse times row `k` of the triangle, for `B` elements above that row.
#[inline(always)]
unsafe fn add_above<F: Field, const B: usize>(w: Columns<F>, k: usize, n: usize, first: usize) {
    // SAFETY: the columns.
    unsafe {
        let mut x = [F::splat(F::S::default()); B];
        for b in 0..B {
            x[b] = w.get(first + b, k);
        }
        for j in k + 1..n {
            let u = w.splat(k, j);
            for b in 0..B {
                w.set(first + b, j, x[b].mul_add(u, w.get(first + b, j)));
            }
        }
    }
}

/// The column of the reciprocals of the diagonal, and the sum of their sizes, in every lane.
#[inline(always)]
pub unsafe fn reciprocals<F: Field>(w: Columns<F>, recips: Columns<F>, n: usize) -> F::V {
    // SAFETY: the columns.
    unsafe {
        let mut sum = F::splat(F::S::default()).abs1();
        for i in 0..n {
            let recip = w.splat(i, i).recip();
            recips.put(i, 0, recip);
            sum = sum.add(recip.abs1());
        }
        sum
    }
}

/// The inverse of one upper triangle; zeros are stored below it.
#[inline(always)]
pub unsafe fn tri_inv<F: Field>(g: &Group<F::S>, shape: TriShape) -> bool {
    // SAFETY: the module's contract.
    unsafe {
        let n = g.n;
        let w = Columns::<F>::new(g.scratch, n);
        let recips = Columns::new(w.after(n), n);
        w.read(g.src.get(0), g.from);
        w.keep_upper(n);
        if shape.unit {
            for i in 0..n {
                w.put(i, i, F::from_re(F::V::splat(RealOf::<F>::ONE)));
            }
        }
        let lines = w.lines_good(n);
        let sum = reciprocals(w, recips, n).first();
        invert_upper(w, recips, n);
        let good = lines && RealOf::<F>::BIG > sum && w.is_finite(n);
        if good || g.force {
            w.write(g.dst.get(0), g.to);
        }
        !good
    }
}
