//! The inverse of an upper triangle in a tile, and `tri_inv` of a group.
//!
//! Row by row from X U = I (Higham, section 14.2.1): the left residual |X U - I| is bounded by
//! n u |X||U|. The caller hands triangles over so that this is the right residual of its own
//! matrix.

use super::{Group, Part, Registers, Tile, TriShape, good, lines_good, load, store};
use crate::isa::Vector;
use crate::isa::field::Field;
use crate::scalar::{RealScalar, Scalar};

/// Inverts the upper triangle of the tile in place; `recip` holds the reciprocals of its diagonal.
#[inline(always)]
pub(crate) unsafe fn invert_upper<F: Field>(t: Tile<F>, recip: Tile<F>, n: usize) {
    // SAFETY: the tile is n x n, recip 1 x n.
    unsafe {
        let zero = F::splat(F::S::default());
        for i in 0..n {
            t.set(i, i, recip.get(0, i));
            for j in i + 1..n {
                let mut sum = t.get(i, i).mul(t.get(i, j));
                for k in i + 1..j {
                    sum = t.get(i, k).mul_add(t.get(k, j), sum);
                }
                t.set(i, j, sum.neg_mul_add(recip.get(0, j), zero));
            }
        }
    }
}

/// The inverses of upper triangles (the frames of the group turn a lower one into an upper one).
/// The other triangle is not read; zeros are stored there.
#[inline(always)]
pub(crate) unsafe fn tri_inv<F: Field>(g: &Group<F::S>, shape: TriShape) -> u64 {
    // SAFETY: the module's contract.
    unsafe {
        let n = g.n;
        let recip = Tile::<F>::new(Tile::<F>::new(g.scratch, n).after(n * n), n);
        let zero = F::splat(F::S::default());
        let one = F::from_re(F::V::splat(<F::S as Scalar>::Real::ONE));
        let mut registers = Registers::of(g);
        while let Some(at) = registers.next(F::LANES) {
            let t = load::<F>(g.scratch, &g.src[at.clone()], g.from);
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
            let mut written = zero.abs1();
            for i in 0..n {
                for j in i..n {
                    written = written.add(t.get(i, j).abs1());
                }
            }
            let good = lines & good(recips, written);
            if registers.accept(good) {
                for i in 0..n {
                    for j in 0..i {
                        t.set(i, j, zero);
                    }
                }
                store(t, &g.dst[at], g.to);
            }
        }
        registers.suspects()
    }
}
