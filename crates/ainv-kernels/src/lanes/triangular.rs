//! The inverse of an upper triangle in a tile, and `tri_inv` of a group.
//!
//! Row by row from X U = I (Higham, section 14.2.1): the left residual |X U - I| is bounded by
//! n u |X||U|. The caller hands triangles over so that this is the right residual of its own
//! matrix.

use super::{Group, Part, Registers, Suspects, Tile, Transfer, TriShape, good, lines_good};
use crate::isa::Vector;
use crate::isa::field::Field;
use crate::scalar::{RealScalar, Scalar};

/// Rows that share the loads of U.
const WIDTH: usize = 4;

/// Inverts the upper triangle of the tile in place; `recip` holds the reciprocals of its diagonal.
#[inline(always)]
pub unsafe fn invert_upper<F: Field>(t: Tile<F>, recip: Tile<F>, n: usize) {
    // SAFETY: the tile is n x n, recip 1 x n.
    unsafe {
        let zero = F::splat(F::S::default());
        let mut first = 0;
        while first + WIDTH <= n {
            let rows = first..first + WIDTH;
            for i in rows.clone() {
                invert_row(t, recip, i, rows.end);
            }
            for j in rows.end..n {
                // Row r of the block begins at its own diagonal entry.
                let mut sum = [zero; WIDTH];
                for r in 0..WIDTH {
                    let i = first + r;
                    sum[r] = t.get(i, i).mul(t.get(i, j));
                    for k in r + 1..WIDTH {
                        sum[r] = t.get(i, first + k).mul_add(t.get(first + k, j), sum[r]);
                    }
                }
                for k in rows.end..j {
                    let u = t.get(k, j);
                    for r in 0..WIDTH {
                        sum[r] = t.get(first + r, k).mul_add(u, sum[r]);
                    }
                }
                for r in 0..WIDTH {
                    t.set(first + r, j, sum[r].neg_mul_add(recip.get(0, j), zero));
                }
            }
            first = rows.end;
        }
        for i in first..n {
            invert_row(t, recip, i, n);
        }
    }
}

/// Row `i` of the inverse up to column `end`.
#[inline(always)]
unsafe fn invert_row<F: Field>(t: Tile<F>, recip: Tile<F>, i: usize, end: usize) {
    // SAFETY: the caller's tile.
    unsafe {
        let zero = F::splat(F::S::default());
        t.set(i, i, recip.get(0, i));
        for j in i + 1..end {
            let mut sum = t.get(i, i).mul(t.get(i, j));
            for k in i + 1..j {
                sum = t.get(i, k).mul_add(t.get(k, j), sum);
            }
            t.set(i, j, sum.neg_mul_add(recip.get(0, j), zero));
        }
    }
}

/// The inverses of upper triangles (the frames of the group turn a lower one into an upper one).
/// The other triangle is not read; zeros are stored there.
#[inline(always)]
pub unsafe fn tri_inv<F: Field>(g: &Group<F::S>, shape: TriShape) -> Suspects {
    // SAFETY: the module's contract.
    unsafe {
        let n = g.n;
        let recip = Tile::<F>::new(Tile::<F>::new(g.scratch, n).after(n * n), n);
        let zero = F::splat(F::S::default());
        let one = F::from_re(F::V::splat(<F::S as Scalar>::Real::ONE));
        let mut registers = Registers::of(g);
        let (from, to) =
            (Transfer::<F>::new(g.src, g.from, g.far), Transfer::<F>::new(g.dst, g.to, g.far));
        while let Some(at) = registers.next(F::LANES) {
            let t = from.load(at.clone(), g.scratch);
            let mut recips = zero.abs1();
            for i in 0..n {
                if shape.unit {
                    t.set(i, i, one);
                }
                recip.set(0, i, t.get(i, i).recip());
                recips = recips.add(recip.get(0, i).abs1());
            }
            let lines = lines_good(t, n, Part::Upper, <F::S as Scalar>::Real::LINE_EXP);
            invert_upper(t, recip, n);
            let mut zeros = zero.re();
            for i in 0..n {
                for j in i..n {
                    zeros = t.get(i, j).add_zero_times(zeros);
                }
            }
            let good = lines & good(recips, zeros);
            if registers.accept(good) {
                for i in 0..n {
                    for j in 0..i {
                        t.set(i, j, zero);
                    }
                }
                to.store(at, t);
            }
        }
        registers.suspects()
    }
}
