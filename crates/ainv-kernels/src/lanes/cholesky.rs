//! Cholesky in a tile: `cholesky`, `cholesky_inv` and both together, from the lower triangle.

use super::{Group, Registers, Suspects, Tile, Transfer, good};
use crate::block::unreal_above;
use crate::isa::Vector;
use crate::isa::field::Field;
use crate::scalar::{RealScalar, Scalar};

/// L with A = L L^H (Higham, algorithm 10.2). Reads the lower triangle; stores zeros above. A pivot
/// that is not positive, or a diagonal entry that is not real, makes its lane suspect.
#[inline(always)]
pub unsafe fn cholesky<F: Field>(g: &Group<F::S>) -> Suspects {
    // SAFETY: the module's contract.
    unsafe {
        let n = g.n;
        let recip = Tile::<F>::new(Tile::<F>::new(g.scratch, n).after(n * n), n);
        let zero = F::splat(F::S::default());
        let mut registers = Registers::of(g);
        let (from, to) =
            (Transfer::<F>::new(g.src, g.from, g.far), Transfer::<F>::new(g.dst, g.to, g.far));
        while let Some(at) = registers.next(F::LANES) {
            let t = from.load(at.clone(), g.scratch);
            let read = sum_lower(t, n);
            let recips = factor(t, recip, n);
            if registers.accept(in_range(read) & good(recips, zeros_lower(t, n))) {
                for i in 0..n {
                    for j in i + 1..n {
                        t.set(i, j, zero);
                    }
                }
                to.store(at, t);
            }
        }
        registers.suspects()
    }
}

/// A^-1 = L^-H L^-1 from the lower L, exactly Hermitian (Higham, section 14.5; LAPACK's potri).
#[inline(always)]
pub unsafe fn cholesky_inv<F: Field>(g: &Group<F::S>) -> Suspects {
    // SAFETY: the module's contract.
    unsafe {
        let n = g.n;
        let recip = Tile::<F>::new(Tile::<F>::new(g.scratch, n).after(n * n), n);
        let mut registers = Registers::of(g);
        let (from, to) =
            (Transfer::<F>::new(g.src, g.from, g.far), Transfer::<F>::new(g.dst, g.to, g.far));
        while let Some(at) = registers.next(F::LANES) {
            let t = from.load(at.clone(), g.scratch);
            let read = sum_lower(t, n);
            let mut recips = F::splat(F::S::default()).abs1();
            for i in 0..n {
                recip.set(0, i, t.get(i, i).recip());
                recips = recips.add(recip.get(0, i).abs1());
            }
            invert_factor(t, recip, n);
            if registers.accept(in_range(read) & good(recips, zeros_lower(t, n))) {
                fill_hermitian(t, n);
                to.store(at, t);
            }
        }
        registers.suspects()
    }
}

/// A^-1 of a positive definite A by way of its Cholesky factor, exactly Hermitian. Reads the lower
/// triangle.
#[inline(always)]
pub unsafe fn posdef_inv<F: Field>(g: &Group<F::S>) -> Suspects {
    // SAFETY: the module's contract.
    unsafe {
        let n = g.n;
        let recip = Tile::<F>::new(Tile::<F>::new(g.scratch, n).after(n * n), n);
        let mut registers = Registers::of(g);
        let (from, to) =
            (Transfer::<F>::new(g.src, g.from, g.far), Transfer::<F>::new(g.dst, g.to, g.far));
        while let Some(at) = registers.next(F::LANES) {
            let t = from.load(at.clone(), g.scratch);
            let read = sum_lower(t, n);
            let whole = t.get(0, 0);
            let recips = factor(t, recip, n);
            if n == 1 {
                // The way over the square root would round three times; its NaN is kept.
                let root = t.get(0, 0).re();
                t.set(0, 0, F::from_re(whole.recip().re().add(root.sub(root))));
            } else {
                invert_factor(t, recip, n);
            }
            if registers.accept(in_range(read) & good(recips, zeros_lower(t, n))) {
                fill_hermitian(t, n);
                to.store(at, t);
            }
        }
        registers.suspects()
    }
}

/// The lanes whose sum of |entries| is in range. (Between the graded rows and columns of a positive
/// definite matrix no product underflows that matters: each is bounded by its diagonal entries.)
#[inline(always)]
unsafe fn in_range<V: Vector>(read: V) -> u64 {
    // SAFETY: the contract of Vector.
    unsafe { V::bits(V::splat(V::Elem::BIG).gt(read)) & V::bits(read.gt(V::splat(V::Elem::SMALL))) }
}

/// The sum of |entries| of the lower triangle.
#[inline(always)]
unsafe fn sum_lower<F: Field>(t: Tile<F>, n: usize) -> F::V {
    // SAFETY: the tile is n x n.
    unsafe {
        let mut sum = F::splat(F::S::default()).abs1();
        for i in 0..n {
            for j in 0..=i {
                sum = sum.add(t.get(i, j).abs1());
            }
        }
        sum
    }
}

/// The sum of zero times the entries of the lower triangle: NaN if one is not finite.
#[inline(always)]
unsafe fn zeros_lower<F: Field>(t: Tile<F>, n: usize) -> F::V {
    // SAFETY: the tile is n x n.
    unsafe {
        let mut sum = F::splat(F::S::default()).re();
        for i in 0..n {
            for j in 0..=i {
                sum = t.get(i, j).add_zero_times(sum);
            }
        }
        sum
    }
}

/// L in the place of the lower triangle, the reciprocals of its diagonal in `recip`, and the sum of
/// those: NaN for a pivot that is not positive or not real.
#[inline(always)]
unsafe fn factor<F: Field>(t: Tile<F>, recip: Tile<F>, n: usize) -> F::V {
    // SAFETY: the tile is n x n, recip 1 x n.
    unsafe {
        let none = F::splat(F::S::default()).abs1();
        let nan = F::V::splat(<F::S as Scalar>::Real::NAN);
        let rounding = F::V::splat(unreal_above(n));
        let mut recips = none;
        for j in 0..n {
            let diagonal = t.get(j, j);
            let unreal = diagonal.im().abs().gt(diagonal.re().abs().mul(rounding));
            let mut d = F::V::select(unreal, nan, diagonal.re());
            for k in 0..j {
                let x = t.get(j, k);
                d = x.re().neg_mul_add(x.re(), d);
                d = x.im().neg_mul_add(x.im(), d);
            }
            let root = F::V::select(d.gt(none), d, nan).sqrt();
            let r = F::V::splat(<F::S as Scalar>::Real::ONE).div(root);
            recips = recips.add(r);
            t.set(j, j, F::from_re(root));
            recip.set(0, j, F::from_re(r));
            for i in j + 1..n {
                let mut x = t.get(i, j);
                for k in 0..j {
                    x = t.get(i, k).neg_mul_add(t.get(j, k).conj(), x);
                }
                t.set(i, j, x.scale(r));
            }
        }
        recips
    }
}

/// The lower triangle of L^-H L^-1 in the place of L, `recip` holding the reciprocals of L's
/// diagonal.
#[inline(always)]
unsafe fn invert_factor<F: Field>(t: Tile<F>, recip: Tile<F>, n: usize) {
    // SAFETY: the tile is n x n, recip 1 x n.
    unsafe {
        let zero = F::splat(F::S::default());
        // L^-1, row by row from L X = I.
        for i in 0..n {
            for j in 0..i {
                let mut sum = t.get(j, j).mul(t.get(i, j));
                for k in j + 1..i {
                    sum = t.get(k, j).mul_add(t.get(i, k), sum);
                }
                t.set(i, j, sum.neg_mul_add(recip.get(0, i), zero));
            }
            t.set(i, i, recip.get(0, i));
        }
        // Entry (i, j) of the product needs rows i.. only, so a pass by rows may overwrite.
        let none = F::splat(F::S::default()).abs1();
        for i in 0..n {
            for j in 0..i {
                // Onto zero, so that a zero has no sign.
                let mut sum = zero;
                for k in i..n {
                    sum = t.get(k, i).conj().mul_add(t.get(k, j), sum);
                }
                t.set(i, j, sum);
            }
            let mut d = none;
            for k in i..n {
                let x = t.get(k, i);
                d = x.re().mul_add(x.re(), d);
                d = x.im().mul_add(x.im(), d);
            }
            t.set(i, i, F::from_re(d));
        }
    }
}

/// The upper triangle becomes the mirror image of the lower one.
#[inline(always)]
unsafe fn fill_hermitian<F: Field>(t: Tile<F>, n: usize) {
    // SAFETY: the tile is n x n.
    unsafe {
        for i in 0..n {
            for j in 0..i {
                t.set(j, i, t.get(i, j).conj());
            }
        }
    }
}
