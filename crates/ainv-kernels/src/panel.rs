//! LU with partial pivoting of a narrow panel, in place.
//!
//! Left-looking: a column takes all its updates in one pass, which also finds its largest entry
//! below the diagonal, the next pivot: the largest |re| + |im|, the first one if several are equal.

use crate::isa::field::Field;
use crate::isa::{MAX_LANES, Vector};
use crate::scalar::{RealScalar, Scalar};

/// The widest panel.
pub const WIDTH: usize = 8;

/// A panel of `m` rows and `n <= WIDTH` columns, `n <= m`, columns `ld` apart, rows adjacent.
pub struct PanelLu<T: Scalar> {
    pub m: usize,
    pub n: usize,
    pub a: *mut T,
    pub ld: isize,
    /// Row k was exchanged with row `pivots[k] >= k`.
    pub pivots: *mut usize,
}

/// Factors the panel in place. The 1-based number of the first pivot that is zero, or 0. The
/// factorisation goes on past it, as LAPACK's does.
#[inline(always)]
pub unsafe fn lu<F: Field>(p: &PanelLu<F::S>) -> usize {
    // SAFETY: the panel and the pivots are the caller's.
    unsafe {
        let at = |i: usize, j: usize| p.a.offset(i as isize + j as isize * p.ld);
        let mut first_zero = 0;
        // 1 / the pivot of the column before, which is still to be divided by it.
        let mut recip = F::S::from_re(<F::S as Scalar>::Real::ONE);
        for k in 0..p.n {
            let mut u = [F::S::default(); WIDTH];
            for i in 0..k {
                let mut x = F::splat(at(i, k).read());
                for j in 0..i {
                    x = F::splat(at(i, j).read()).neg_mul_add(F::splat(u[j]), x);
                }
                u[i] = x.to_lanes()[0];
                at(i, k).write(u[i]);
            }
            // The number of updates is a constant in each of these.
            let pivot = match k {
                0 => column::<F, 0>(p, recip, &u),
                1 => column::<F, 1>(p, recip, &u),
                2 => column::<F, 2>(p, recip, &u),
                3 => column::<F, 3>(p, recip, &u),
                4 => column::<F, 4>(p, recip, &u),
                5 => column::<F, 5>(p, recip, &u),
                6 => column::<F, 6>(p, recip, &u),
                _ => column::<F, 7>(p, recip, &u),
            };
            p.pivots.add(k).write(pivot);
            if pivot != k {
                for j in 0..p.n {
                    std::ptr::swap(at(k, j), at(pivot, j));
                }
            }
            let diagonal = at(k, k).read();
            recip = F::S::from_re(<F::S as Scalar>::Real::ONE);
            if diagonal != F::S::default() {
                recip = F::splat(diagonal).recip().to_lanes()[0];
            } else if first_zero == 0 {
                first_zero = k + 1;
            }
        }
        divide::<F>(p, p.n - 1, recip);
        first_zero
    }
}

/// Divides the rows of column `K - 1` below its diagonal by its pivot and takes from column `K` the
/// multiples `u` of the columns before it, from row `K` on; the row of the largest entry there.
#[inline(always)]
unsafe fn column<F: Field, const K: usize>(
    p: &PanelLu<F::S>,
    recip: F::S,
    u: &[F::S; WIDTH],
) -> usize {
    // SAFETY: as in `lu`.
    unsafe {
        let none = F::V::splat(-<F::S as Scalar>::Real::ONE);
        let one = F::V::splat(<F::S as Scalar>::Real::ONE);
        let zero = F::V::splat(<F::S as Scalar>::Real::default());
        let recip = F::splat(recip);
        let mut factor = [recip; WIDTH];
        for j in 0..K {
            factor[j] = F::splat(u[j]);
        }
        // The largest so far in each lane, and which step found it.
        let (mut best, mut place, mut step) = (none, zero, zero);
        // From a whole register on, as the columns are aligned.
        let start = K / F::LANES * F::LANES;
        for first in (start..p.m).step_by(F::LANES) {
            let whole = first >= K && p.m - first >= F::LANES;
            let size = if whole {
                rows::<F, K, false>(p, first, &factor, recip)
            } else {
                rows::<F, K, true>(p, first, &factor, recip)
            };
            let larger = size.gt(best);
            best = F::V::select(larger, size, best);
            place = F::V::select(larger, step, place);
            step = step.add(one);
        }
        let mut places = [<F::S as Scalar>::Real::default(); MAX_LANES];
        place.store(places.as_mut_ptr());
        // Lanes that saw no number keep -1; a NaN never won.
        let largest = best.largest();
        let mut winners = F::V::bits(best.eq(largest));
        if winners == 0 || largest.first() < <F::S as Scalar>::Real::default() {
            return K;
        }
        let mut row = usize::MAX;
        while winners != 0 {
            let lane = winners.trailing_zeros() as usize;
            row = row.min(start + places[lane].to_index() as usize * F::LANES + lane);
            winners &= winners - 1;
        }
        row
    }
}

/// [`column`] on a register of rows; the sizes of what it leaves. With `EDGE` the register may begin
/// above row `K`, whose rows stay, and end below the last one; their size is -1.
#[inline(always)]
unsafe fn rows<F: Field, const K: usize, const EDGE: bool>(
    p: &PanelLu<F::S>,
    first: usize,
    factor: &[F; WIDTH],
    recip: F,
) -> F::V {
    // SAFETY: as in `lu`.
    unsafe {
        let at = |j: usize| p.a.offset(first as isize + j as isize * p.ld);
        let len = if EDGE { F::LANES.min(p.m - first) } else { F::LANES };
        let below = F::V::mask(!0 << K.saturating_sub(first));
        let before = F::load_first_scalars(at(K), len);
        let mut x = before;
        for j in 0..K {
            let mut l = F::load_first_scalars(at(j), len);
            if j + 1 == K {
                let divided = l.mul(recip);
                // What stands above row `K` stays.
                let stored = if EDGE { F::select(below, divided, l) } else { divided };
                stored.store_first_scalars(at(j), len);
                l = divided;
            }
            x = l.neg_mul_add(factor[j], x);
        }
        let stored = if EDGE { F::select(below, x, before) } else { x };
        stored.store_first_scalars(at(K), len);
        if EDGE {
            // A zero where there is no row would win against NaN.
            let none = F::V::splat(-<F::S as Scalar>::Real::ONE);
            let there = F::V::mask(((1 << len) - 1) & (!0 << K.saturating_sub(first)));
            F::V::select(there, x.abs1(), none)
        } else {
            x.abs1()
        }
    }
}

/// Divides the rows of column `k` below its diagonal by its pivot.
#[inline(always)]
unsafe fn divide<F: Field>(p: &PanelLu<F::S>, k: usize, recip: F::S) {
    // SAFETY: as in `lu`.
    unsafe {
        let column = p.a.offset(k as isize * p.ld);
        for first in (k + 1..p.m).step_by(F::LANES) {
            let len = F::LANES.min(p.m - first);
            let x = F::load_first_scalars(column.add(first), len).mul(F::splat(recip));
            x.store_first_scalars(column.add(first), len);
        }
    }
}
