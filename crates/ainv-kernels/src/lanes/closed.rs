//! Closed forms for real orders 1 to 3 and complex orders 1 and 2.
//!
//! The adjugate over the determinant, every 2x2 determinant by Kahan's compensated product: with
//! plain products the residual of order 3 grows without bound (1e4 to 2.5e6 units on graded
//! families), with compensated ones each cofactor is right to 1.5 units of rounding and the
//! residual stays under one (Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed.,
//! section 1.10.2 and chapter 14). A complex cofactor is a sum of four products, which Kahan's
//! scheme does not cover: order 3 goes to LU there.

use super::{Group, Registers, Run, Suspects, Tile, Transfer, good, values_good};
use crate::isa::field::Field;
use crate::isa::{self, Vector};
use crate::scalar::{RealScalar, Scalar};

/// The largest order with a closed form.
pub const fn largest<T: Scalar>() -> usize {
    if T::COMPLEX { 2 } else { 3 }
}

/// The inverses of a group of order `N`.
#[inline(always)]
pub unsafe fn inv<F: Field, const N: usize>(g: &Group<F::S>) -> Suspects {
    // SAFETY: the module's contract.
    unsafe {
        let (from, to) =
            (Transfer::<F>::new(g.src, g.from, g.far), Transfer::<F>::new(g.dst, g.to, g.far));
        let (from_run, to_run) = (Run::<F, N>::source(g), Run::<F, N>::results(g));
        let mut registers = Registers::of(g);
        while let Some(at) = registers.next(F::LANES) {
            let a = match from_run.read::<false>(&at) {
                Some(a) => a,
                None => from.load(at.clone(), g.scratch).values(),
            };
            let (x, good) = invert(&a);
            if registers.accept(good) && !to_run.write::<false>(&at, &x, g.scratch) {
                let t = Tile::new(g.scratch, N);
                t.set_values(&x);
                to.store(at, t);
            }
        }
        if g.stream {
            isa::streamed();
        }
        registers.suspects()
    }
}

/// The inverse of a matrix alone, element by element.
#[inline(always)]
pub unsafe fn one<F: Field, const N: usize>(g: &Group<F::S>) -> Suspects {
    // SAFETY: the module's contract.
    unsafe {
        let (src, dst) = (g.src.get(0), g.dst.get(0));
        let mut a = [[F::splat(F::S::default()); N]; N];
        for i in 0..N {
            for j in 0..N {
                a[i][j] = F::splat(src.offset(g.from.at(i, j)).read());
            }
        }
        let mut registers = Registers::of(g);
        registers.next(1);
        let (x, good) = invert(&a);
        if registers.accept(good) {
            for i in 0..N {
                for j in 0..N {
                    dst.offset(g.to.at(i, j)).write(x[i][j].to_lanes()[0]);
                }
            }
        }
        registers.suspects()
    }
}

/// The inverse, and which lanes are beyond suspicion.
#[inline(always)]
unsafe fn invert<F: Field, const N: usize>(a: &[[F; N]; N]) -> ([[F; N]; N], u64) {
    // SAFETY: the contract of Vector.
    unsafe {
        let zero = F::splat(F::S::default());
        let mut x = [[zero; N]; N];
        let recip = match N {
            1 => {
                x[0][0] = F::from_re(F::V::splat(<F::S as Scalar>::Real::ONE));
                a[0][0].recip()
            }
            2 => {
                let det = F::diff_of_products(a[0][0], a[1][1], a[0][1], a[1][0]);
                x[0][0] = a[1][1];
                x[0][1] = a[0][1].neg();
                x[1][0] = a[1][0].neg();
                x[1][1] = a[0][0];
                det.recip()
            }
            _ => {
                for i in 0..N {
                    for j in 0..N {
                        // Cofactor (j, i), the signs by cyclic indices.
                        let (p, q) = ((j + 1) % 3, (j + 2) % 3);
                        let (r, s) = ((i + 1) % 3, (i + 2) % 3);
                        x[i][j] = F::diff_of_products(a[p][r], a[q][s], a[p][s], a[q][r]);
                    }
                }
                let det = a[0][1].mul_add(x[1][0], a[0][0].mul(x[0][0]));
                a[0][2].mul_add(x[2][0], det).recip()
            }
        };
        let mut zeros = zero.re();
        for i in 0..N {
            for j in 0..N {
                // Plus zero, so that a zero has no sign.
                x[i][j] = x[i][j].mul_add(recip, zero);
                zeros = x[i][j].add_zero_times(zeros);
            }
        }
        // The determinant is a product of several entries: it may overflow where none of them is
        // large.
        let exp = <F::S as Scalar>::Real::LINE_EXP * 3 / 4;
        let recip = recip.abs1();
        let small = F::V::splat(<F::S as Scalar>::Real::SMALL);
        (x, values_good(a, exp) & good(recip, zeros) & F::V::bits(recip.gt(small)))
    }
}

/// The determinant of a tile of a small order that has a closed form: zero where `inv` calls the
/// matrix singular.
#[inline(always)]
pub unsafe fn determinant<F: Field>(t: Tile<F>, n: usize) -> F {
    // SAFETY: the tile is n x n.
    unsafe {
        match n {
            1 => t.get(0, 0),
            2 => minor(t, 0, [0, 1]),
            _ => {
                let det =
                    t.get(0, 1).mul_add(minor(t, 1, [2, 0]), t.get(0, 0).mul(minor(t, 1, [1, 2])));
                t.get(0, 2).mul_add(minor(t, 1, [0, 1]), det)
            }
        }
    }
}

/// The determinant of the rows `i` and `i + 1` in two columns.
#[inline(always)]
unsafe fn minor<F: Field>(t: Tile<F>, i: usize, [p, q]: [usize; 2]) -> F {
    // SAFETY: entries of the caller's tile.
    unsafe { F::diff_of_products(t.get(i, p), t.get(i + 1, q), t.get(i, q), t.get(i + 1, p)) }
}
