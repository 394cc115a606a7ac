//! Cholesky: `cholesky`, `cholesky_inv` and both together, from the lower triangle.

use super::triangular::{invert_upper, reciprocals};
use super::{Columns, RealOf, by_fours, lanes_from, sum};
use crate::block::unreal_above;
use crate::isa::field::{self, Field};
use crate::isa::{MAX_LANES, Vector};
use crate::lanes::Group;
use crate::places::Frame;
use crate::scalar::RealScalar;

/// Columns that share the loads of a pass.
const WIDTH: usize = 4;

/// L with A = L L^H.
#[inline(always)]
pub unsafe fn cholesky<F: Field>(g: &Group<F::S>) -> bool {
    // SAFETY: the module's contract.
    unsafe {
        let t = Columns::<F>::new(g.scratch, g.n);
        let read = read_lower(t, g.src.get(0), g.from);
        let recips = factor(t, Columns::new(t.after(g.n), g.n), g.n).first();
        let good = read && RealOf::<F>::BIG > recips && t.is_finite(g.n);
        if good || g.force {
            t.write(g.dst.get(0), g.to);
        }
        !good
    }
}

/// A^-1 = L^-H L^-1 from the lower L, exactly Hermitian.
#[inline(always)]
pub unsafe fn cholesky_inv<F: Field>(g: &Group<F::S>) -> bool {
    // SAFETY: the module's contract.
    unsafe {
        let n = g.n;
        let u = Columns::<F>::new(g.scratch, n);
        let x = Columns::<F>::new(u.after(n), n);
        let recips = Columns::<F>::new(x.after(n), n);
        // The columns of L^T: L's upper triangle is what is not read.
        u.read(g.src.get(0), g.from.transposed());
        u.keep_upper(n);
        let read = sum_in_range(u, n);
        let sum = reciprocals(u, recips, n).first();
        invert_factor(u, recips, x, n);
        finish(x, g, read && RealOf::<F>::BIG > sum)
    }
}

/// A^-1 of a positive definite A by way of its Cholesky factor, exactly Hermitian.
#[inline(always)]
pub unsafe fn posdef_inv<F: Field>(g: &Group<F::S>) -> bool {
    // SAFETY: the module's contract.
    unsafe {
        let n = g.n;
        let u = Columns::<F>::new(g.scratch, n);
        let x = Columns::<F>::new(u.after(n), n);
        let recips = Columns::<F>::new(x.after(n), n);
        let read = read_lower(x, g.src.get(0), g.from);
        let sum = factor(x, recips, n).first();
        transpose_lower(x, u, n);
        invert_factor(u, recips, x, n);
        finish(x, g, read && RealOf::<F>::BIG > sum)
    }
}

/// Reads a lower triangle; whether the sum of its |entries| is in range.
#[inline(always)]
unsafe fn read_lower<F: Field>(t: Columns<F>, src: *const F::S, from: Frame) -> bool {
    // SAFETY: the caller's matrix and columns.
    unsafe {
        t.read(src, from);
        t.keep_lower(from.cols);
        sum_in_range(t, from.cols)
    }
}

/// Whether the sum of the |entries| is in range.
#[inline(always)]
unsafe fn sum_in_range<F: Field>(t: Columns<F>, n: usize) -> bool {
    // SAFETY: the columns.
    unsafe {
        let mut all = F::splat(F::S::default()).abs1();
        for j in 0..n {
            let mut column = F::splat(F::S::default()).abs1();
            for b in 0..t.blocks {
                column = column.add(t.get(b, j).abs1());
            }
            all = all.add(column);
        }
        let read = sum(all);
        RealOf::<F>::BIG > read && read > RealOf::<F>::SMALL
    }
}

/// L in the place of the lower triangle, zeros above it; the column of the reciprocals of its
/// diagonal, and their sum in every lane: NaN for a pivot that is not positive or not real.
#[inline(always)]
unsafe fn factor<F: Field>(t: Columns<F>, recips: Columns<F>, n: usize) -> F::V {
    // SAFETY: the columns.
    unsafe {
        let zero = F::splat(F::S::default());
        let nan = F::V::splat(RealOf::<F>::NAN);
        let rounding = F::V::splat(unreal_above(n));
        if F::PARTS == 2 {
            for j in 0..n {
                let d = t.splat(j, j);
                let unreal = d.im().abs().gt(d.re().abs().mul(rounding));
                t.put(j, j, F::from_re(F::V::select(unreal, nan, d.re())));
            }
        }
        let mut sum = zero.abs1();
        for k in 0..n {
            let d = t.splat(k, k).re();
            let root = F::V::select(d.gt(zero.re()), d, nan).sqrt();
            let r = F::V::splat(RealOf::<F>::ONE).div(root);
            sum = sum.add(r);
            recips.put(k, 0, F::from_re(r));
            let own = k / F::LANES;
            let from_k = lanes_from::<F::V>(k % F::LANES);
            let below = lanes_from::<F::V>(k % F::LANES + 1);
            let upper = F::select(from_k, F::from_re(root), zero);
            t.set(own, k, F::select(below, t.get(own, k).scale(r), upper));
            for b in own + 1..t.blocks {
                t.set(b, k, t.get(b, k).scale(r));
            }
            // What this leaves above the diagonal is overwritten when a column's turn comes.
            let mut j = k + 1;
            while j < n {
                let first = j / F::LANES;
                let end = n.min((first + 1) * F::LANES);
                by_fours!(b in first..t.blocks, subtract(t, k, j..end, b));
                j = end;
            }
        }
        sum
    }
}

/// The multiples of column `k` leave the given columns, for `B` elements.
#[inline(always)]
unsafe fn subtract<F: Field, const B: usize>(
    t: Columns<F>,
    k: usize,
    columns: std::ops::Range<usize>,
    first: usize,
) {
    // SAFETY: the columns.
    unsafe {
        let mut l = [F::splat(F::S::default()); B];
        for b in 0..B {
            l[b] = t.get(first + b, k);
        }
        for j in columns {
            let factor = t.splat(j, k).conj();
            for b in 0..B {
                t.set(first + b, j, l[b].neg_mul_add(factor, t.get(first + b, j)));
            }
        }
    }
}

/// U = L^T from the lower L.
#[inline(always)]
unsafe fn transpose_lower<F: Field>(l: Columns<F>, u: Columns<F>, n: usize) {
    // SAFETY: the columns.
    unsafe {
        let zero = F::splat(F::S::default());
        for c in 0..l.blocks {
            for b in 0..l.blocks {
                let first = b * F::LANES;
                let mut x = [zero; MAX_LANES];
                for j in 0..F::LANES.min(n - c * F::LANES) {
                    x[j] = l.get(b, c * F::LANES + j);
                }
                let x = field::turned(x);
                for i in 0..F::LANES.min(n - first) {
                    u.set(c, first + i, x[i]);
                }
            }
        }
    }
}

/// The lower triangle of L^-H L^-1 in `x`, from U = L^T and the reciprocals of its diagonal; `u`
/// becomes U^-1.
#[inline(always)]
unsafe fn invert_factor<F: Field>(u: Columns<F>, recips: Columns<F>, x: Columns<F>, n: usize) {
    // SAFETY: the columns.
    unsafe {
        invert_upper(u, recips, n);
        let mut j = 0;
        while j < n {
            let width = if j + WIDTH <= n { WIDTH } else { 1 };
            let mut b = j / F::LANES;
            while b < u.blocks {
                let two = b + 2 <= u.blocks;
                match (width, two) {
                    (WIDTH, true) => product::<F, WIDTH, 2>(u, x, n, j, b),
                    (WIDTH, false) => product::<F, WIDTH, 1>(u, x, n, j, b),
                    (_, true) => product::<F, 1, 2>(u, x, n, j, b),
                    (_, false) => product::<F, 1, 1>(u, x, n, j, b),
                }
                b += 1 + two as usize;
            }
            j += width;
        }
    }
}

/// `B` elements of `W` columns of the product of conj(Y) and Y^T, from the first row's own column of Y
/// on: before it are zeros.
#[inline(always)]
unsafe fn product<F: Field, const W: usize, const B: usize>(
    y: Columns<F>,
    x: Columns<F>,
    n: usize,
    j: usize,
    first: usize,
) {
    // SAFETY: the columns.
    unsafe {
        let mut sum = [[F::splat(F::S::default()); B]; W];
        for k in first * F::LANES..n {
            let mut rows = [F::splat(F::S::default()); B];
            for b in 0..B {
                rows[b] = y.get(first + b, k).conj();
            }
            for c in 0..W {
                let factor = y.splat(j + c, k);
                for b in 0..B {
                    sum[c][b] = rows[b].mul_add(factor, sum[c][b]);
                }
            }
        }
        for c in 0..W {
            for b in 0..B {
                x.set(first + b, j + c, sum[c][b]);
            }
        }
    }
}

/// Makes the lower triangle a Hermitian matrix and stores it, if it is good; whether it is not.
#[inline(always)]
unsafe fn finish<F: Field>(x: Columns<F>, g: &Group<F::S>, good: bool) -> bool {
    // SAFETY: the columns and the caller's matrix.
    unsafe {
        // As its transpose where the columns of that are adjacent in memory.
        let turned = g.to.cs == 1 && g.to.rs != 1;
        fill_hermitian(x, g.n, turned);
        let good = good && x.is_finite(g.n);
        if good || g.force {
            x.write(g.dst.get(0), if turned { g.to.transposed() } else { g.to });
        }
        !good
    }
}

/// The Hermitian matrix with the given lower triangle, or its transpose.
#[inline(always)]
unsafe fn fill_hermitian<F: Field>(x: Columns<F>, n: usize, turned: bool) {
    // SAFETY: the columns.
    unsafe {
        let zero = F::splat(F::S::default());
        for c in 0..x.blocks {
            for b in c..x.blocks {
                let (row, column) = (b * F::LANES, c * F::LANES);
                let (rows, cols) = (F::LANES.min(n - row), F::LANES.min(n - column));
                let mut lower = [zero; MAX_LANES];
                for j in 0..cols {
                    lower[j] = x.get(b, column + j);
                }
                let mut upper = field::turned(lower);
                for i in 0..MAX_LANES {
                    if turned {
                        lower[i] = lower[i].conj();
                    } else {
                        upper[i] = upper[i].conj();
                    }
                }
                if b == c {
                    for i in 0..rows {
                        let diagonal = F::from_re(upper[i].re());
                        let from_i = F::select(lanes_from::<F::V>(i), diagonal, upper[i]);
                        let below = lanes_from::<F::V>(i + 1);
                        x.set(b, row + i, F::select(below, lower[i], from_i));
                    }
                } else {
                    for i in 0..rows {
                        x.set(c, row + i, upper[i]);
                    }
                    if turned {
                        for j in 0..cols {
                            x.set(b, column + j, lower[j]);
                        }
                    }
                }
            }
        }
    }
}
