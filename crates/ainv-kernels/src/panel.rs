//! LU with partial pivoting of a narrow panel.
//!
//! The panel's columns are copied to scratch, parts apart and padded with zeros to whole registers,
//! factored there right-looking, and copied back. The search for the next pivot takes the largest
//! |re| + |im|, the first one if several are equal.

use super::lanes::Tile;
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
    /// [`scratch`] reals.
    pub scratch: *mut T::Real,
}

/// Reals of scratch for `m` rows.
pub fn scratch(m: usize) -> usize {
    m.next_multiple_of(MAX_LANES) * WIDTH * 2
}

/// Factors the panel in place. The 1-based number of the first pivot that is zero, or 0. The
/// factorisation goes on past it, as LAPACK's does.
#[inline(always)]
pub unsafe fn lu<F: Field>(p: &PanelLu<F::S>) -> usize {
    let lanes = F::LANES;
    let groups = p.m.div_ceil(lanes);
    // Column c, rows [g * lanes, (g + 1) * lanes) is the element (c, g).
    // SAFETY: the panel is the caller's, the scratch holds n columns of `groups` elements.
    unsafe {
        let w = Tile::<F>::new(p.scratch, groups);
        let column = |c: usize| p.a.offset(c as isize * p.ld);
        for c in 0..p.n {
            for g in 0..p.m / lanes {
                w.set(c, g, F::load_scalars(column(c).add(g * lanes)));
            }
            if p.m % lanes != 0 {
                let first = p.m / lanes * lanes;
                let tail = F::from_lanes(|l| {
                    if first + l < p.m { column(c).add(first + l).read() } else { F::S::default() }
                });
                w.set(c, groups - 1, tail);
            }
        }

        let numbers = row_numbers::<F>();
        let mut first_zero = 0;
        for k in 0..p.n {
            let pivot = search(w, k, p.m, k);
            debug_assert!((k..p.m).contains(&pivot));
            p.pivots.add(k).write(pivot);
            if pivot != k {
                for c in 0..p.n {
                    for part in 0..F::PARTS {
                        std::ptr::swap(entry(w, c, k, part), entry(w, c, pivot, part));
                    }
                }
            }
            let splat = |c: usize| {
                let part = |part: usize| F::V::splat(entry(w, c, k, part).read());
                F::from_parts(part(0), part(F::PARTS - 1))
            };
            let diagonal = splat(k);
            if diagonal.to_lanes()[0] == F::S::default() {
                if first_zero == 0 {
                    first_zero = k + 1;
                }
                continue;
            }
            let recip = diagonal.recip();
            let mut row = [recip; WIDTH];
            for c in k + 1..p.n {
                row[c] = splat(c);
            }
            let start = k / lanes;
            for g in start..groups {
                let mut l = w.get(k, g).mul(recip);
                if g == start {
                    // The first register holds rows above the pivot too; they are kept.
                    let above = <F::S as Scalar>::Real::from_f64((k - start * lanes) as f64);
                    let below = numbers.gt(F::V::splat(above));
                    w.set(k, g, F::select(below, l, w.get(k, g)));
                    l = F::select(below, l, F::splat(F::S::default()));
                } else {
                    w.set(k, g, l);
                }
                for c in k + 1..p.n {
                    w.set(c, g, l.neg_mul_add(row[c], w.get(c, g)));
                }
            }
        }

        for c in 0..p.n {
            for g in 0..p.m / lanes {
                w.get(c, g).store_scalars(column(c).add(g * lanes));
            }
            let first = p.m / lanes * lanes;
            if first < p.m {
                let tail = w.get(c, groups - 1).to_lanes();
                for i in first..p.m {
                    column(c).add(i).write(tail[i - first]);
                }
            }
        }
        first_zero
    }
}

/// The row of the largest entry of column `c` among rows `from..m`; the first of equal ones, and
/// `from` if none is a number.
#[inline(always)]
unsafe fn search<F: Field>(w: Tile<F>, c: usize, m: usize, from: usize) -> usize {
    // SAFETY: as in `lu`.
    unsafe {
        let lanes = F::LANES;
        let (start, groups) = (from / lanes, m.div_ceil(lanes));
        let none = F::V::splat(-<F::S as Scalar>::Real::ONE);
        let number = |g: usize| F::V::splat(<F::S as Scalar>::Real::from_f64(g as f64));
        let numbers = row_numbers::<F>();
        let (mut best, mut place) = (none, number(start));
        for g in start..groups {
            let mut size = w.get(c, g).abs1();
            // Rows above `from` and the padding below take no part: a zero there would win against
            // NaN.
            if g == start {
                let first = <F::S as Scalar>::Real::from_f64((from - g * lanes) as f64);
                size = F::V::select(F::V::splat(first).gt(numbers), none, size);
            }
            if g == groups - 1 {
                let last = <F::S as Scalar>::Real::from_f64((m - 1 - g * lanes) as f64);
                size = F::V::select(numbers.gt(F::V::splat(last)), none, size);
            }
            let larger = size.gt(best);
            best = F::V::select(larger, size, best);
            place = F::V::select(larger, number(g), place);
        }
        let mut value = [<F::S as Scalar>::Real::default(); MAX_LANES];
        let mut group = [<F::S as Scalar>::Real::default(); MAX_LANES];
        best.store(value.as_mut_ptr());
        place.store(group.as_mut_ptr());
        let row = |l: usize| group[l].to_f64() as usize * lanes + l;
        let mut winner = 0;
        let mut found = false;
        for l in 0..lanes {
            // A lane that saw no number keeps -1; a NaN never won.
            if value[l] < <F::S as Scalar>::Real::default() {
                continue;
            }
            if !found
                || value[l] > value[winner]
                || (value[l] == value[winner] && row(l) < row(winner))
            {
                winner = l;
                found = true;
            }
        }
        if found { row(winner) } else { from }
    }
}

/// 0, 1, 2, ... in the lanes.
#[inline(always)]
unsafe fn row_numbers<F: Field>() -> F::V {
    let mut lane = [<F::S as Scalar>::Real::default(); MAX_LANES];
    for (l, x) in lane.iter_mut().enumerate() {
        *x = <F::S as Scalar>::Real::from_f64(l as f64);
    }
    // SAFETY: the array spans MAX_LANES elements.
    unsafe { F::V::load(lane.as_ptr()) }
}

/// Where the real (part 0) or imaginary part of a row of column `c` stands.
#[inline(always)]
unsafe fn entry<F: Field>(
    w: Tile<F>,
    c: usize,
    row: usize,
    part: usize,
) -> *mut <F::S as Scalar>::Real {
    w.at(c, row / F::LANES).wrapping_add(part * F::LANES + row % F::LANES)
}
