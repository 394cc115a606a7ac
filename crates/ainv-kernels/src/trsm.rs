//! Triangular solves with a diagonal block of up to [`BLOCK`] rows: the base of the recursions.
//!
//! By substitution, never by an inverse of the block: a block of a graded matrix can be as ill
//! conditioned as the whole.

use super::lanes::Tile;
use crate::isa::field::Field;
use crate::scalar::{RealScalar, Scalar};

/// The largest diagonal block.
pub const BLOCK: usize = 8;

/// A triangle: any strides, its conjugate if asked.
#[derive(Clone, Copy)]
pub struct Triangle<T: Scalar> {
    pub t: *const T,
    pub rs: isize,
    pub cs: isize,
    pub conj: bool,
    pub lower: bool,
    /// The diagonal is one and not read.
    pub unit: bool,
}

// SAFETY: a triangle is read by the tasks that share it.
unsafe impl<T: Scalar> Sync for Triangle<T> {}

impl<T: Scalar> Triangle<T> {
    #[inline(always)]
    pub unsafe fn at(self, i: usize, j: usize) -> T {
        // SAFETY: (i, j) is in the caller's triangle.
        let x = unsafe { self.t.offset(i as isize * self.rs + j as isize * self.cs).read() };
        if self.conj { x.conj() } else { x }
    }
    /// The triangle that begins at `(i, i)`.
    pub fn from(self, i: usize) -> Self {
        Triangle { t: self.t.wrapping_offset(i as isize * (self.rs + self.cs)), ..self }
    }
}

/// X T = B for `m` rows of X (in B's place; columns `ld` apart, rows adjacent) and a triangle of
/// order `n <= BLOCK`.
pub struct Right<T: Scalar> {
    pub m: usize,
    pub n: usize,
    pub t: Triangle<T>,
    pub b: *mut T,
    pub ld: isize,
}

#[inline(always)]
pub unsafe fn right<F: Field>(p: &Right<F::S>) {
    // SAFETY: the triangle and the rows are the caller's.
    unsafe {
        let zero = F::splat(F::S::default());
        // The triangle in the order of the solve: column j of X needs the columns solved before it.
        let order = |j: usize| if p.t.lower { p.n - 1 - j } else { j };
        let mut t = [[F::S::default(); BLOCK]; BLOCK];
        let mut recip = [F::S::from_re(<F::S as Scalar>::Real::ONE); BLOCK];
        for j in 0..p.n {
            for k in 0..j {
                t[k][j] = p.t.at(order(k), order(j));
            }
            if !p.t.unit {
                recip[j] = F::splat(p.t.at(order(j), order(j))).recip().to_lanes()[0];
            }
        }
        let column = |j: usize| p.b.offset(order(j) as isize * p.ld);
        let mut first = 0;
        while first < p.m {
            let rows = F::LANES.min(p.m - first);
            let mut x = [zero; BLOCK];
            for j in 0..p.n {
                let b = column(j).add(first);
                let mut y = if rows == F::LANES {
                    F::load_scalars(b)
                } else {
                    F::from_lanes(|l| if l < rows { b.add(l).read() } else { F::S::default() })
                };
                for k in 0..j {
                    y = x[k].neg_mul_add(F::splat(t[k][j]), y);
                }
                x[j] = if p.t.unit { y } else { y.mul(F::splat(recip[j])) };
                if rows == F::LANES {
                    x[j].store_scalars(b);
                } else {
                    let lanes = x[j].to_lanes();
                    for l in 0..rows {
                        b.add(l).write(lanes[l]);
                    }
                }
            }
            first += rows;
        }
    }
}

/// L X = B for a unit lower triangle of order `n <= BLOCK` and `cols` columns of X (in B's place).
pub struct LeftUnitLower<T: Scalar> {
    pub n: usize,
    pub cols: usize,
    pub l: *const T,
    pub ldl: isize,
    pub b: *mut T,
    pub ld: isize,
}

#[inline(always)]
pub unsafe fn left<F: Field>(p: &LeftUnitLower<F::S>) {
    // SAFETY: the triangle and the columns are the caller's.
    unsafe {
        let mut space = [<F::S as Scalar>::Real::default(); BLOCK * 2 * crate::isa::MAX_LANES];
        let x = Tile::<F>::new(space.as_mut_ptr(), 1);
        let mut first = 0;
        while first < p.cols {
            // A column a lane.
            let cols = F::LANES.min(p.cols - first);
            let b = p.b.offset(first as isize * p.ld);
            for i in 0..p.n {
                let mut y = F::from_lanes(|l| {
                    let c = if l < cols { l } else { 0 };
                    b.offset(c as isize * p.ld + i as isize).read()
                });
                for k in 0..i {
                    let l = p.l.offset(i as isize + k as isize * p.ldl).read();
                    y = x.get(k, 0).neg_mul_add(F::splat(l), y);
                }
                x.set(i, 0, y);
            }
            for i in 0..p.n {
                let lanes = x.get(i, 0).to_lanes();
                for l in 0..cols {
                    b.offset(l as isize * p.ld + i as isize).write(lanes[l]);
                }
            }
            first += cols;
        }
    }
}
