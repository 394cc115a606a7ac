//! Triangular solves with a diagonal block of up to [`BLOCK`] rows: the base of the recursions.
//!
//! By substitution, never by an inverse of the block: a block of a graded matrix can be as ill
//! conditioned as the whole.

use crate::isa::MAX_LANES;
use crate::isa::field::{Field, turned};
use crate::scalar::Scalar;

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
        // The triangle in the order of the solve: column j of X needs the columns solved before it.
        let order = |j: usize| if p.t.lower { p.n - 1 - j } else { j };
        let mut t = [[F::S::default(); BLOCK]; BLOCK];
        for j in 0..p.n {
            for k in 0..j {
                t[k][j] = p.t.at(order(k), order(j));
            }
            if !p.t.unit {
                t[j][j] = F::splat(p.t.at(order(j), order(j))).recip().to_lanes()[0];
            }
        }
        let mut columns = [p.b; BLOCK];
        for j in 0..p.n {
            columns[j] = p.b.offset(order(j) as isize * p.ld);
        }
        match p.n {
            BLOCK => rows::<F>(p, BLOCK, &t, &columns),
            n => rows::<F>(p, n, &t, &columns),
        }
    }
}

/// A register of rows at a time.
#[inline(always)]
unsafe fn rows<F: Field>(
    p: &Right<F::S>,
    n: usize,
    t: &[[F::S; BLOCK]; BLOCK],
    columns: &[*mut F::S; BLOCK],
) {
    // SAFETY: as in `right`.
    unsafe {
        for first in (0..p.m).step_by(F::LANES) {
            let len = F::LANES.min(p.m - first);
            let mut x = [F::splat(F::S::default()); BLOCK];
            for j in 0..n {
                let mut y = F::load_first_scalars(columns[j].add(first), len);
                for k in 0..j {
                    y = x[k].neg_mul_add(F::splat(t[k][j]), y);
                }
                x[j] = if p.t.unit { y } else { y.mul(F::splat(t[j][j])) };
                x[j].store_first_scalars(columns[j].add(first), len);
            }
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
        let zero = F::splat(F::S::default());
        let mut l = [[F::S::default(); BLOCK]; BLOCK];
        for i in 0..p.n {
            for k in 0..i {
                l[i][k] = p.l.offset(i as isize + k as isize * p.ldl).read();
            }
        }
        for first in (0..p.cols).step_by(F::LANES) {
            // A column a lane; the first one also in the lanes beyond the last.
            let cols = F::LANES.min(p.cols - first);
            let b = p.b.offset(first as isize * p.ld);
            let mut columns = [b; MAX_LANES];
            for c in 0..cols {
                columns[c] = b.offset(c as isize * p.ld);
            }
            let mut x = [zero; BLOCK];
            for rows in (0..p.n).step_by(F::LANES) {
                let y = transposed::<F>(&columns, rows, F::LANES.min(p.n - rows));
                let here = F::LANES.min(BLOCK - rows);
                x[rows..rows + here].copy_from_slice(&y[..here]);
            }
            for i in 0..BLOCK {
                for k in 0..i {
                    x[i] = x[k].neg_mul_add(F::splat(l[i][k]), x[i]);
                }
            }
            for rows in (0..p.n).step_by(F::LANES) {
                let mut y = [zero; MAX_LANES];
                let here = F::LANES.min(BLOCK - rows);
                y[..here].copy_from_slice(&x[rows..rows + here]);
                let y = turned::<F>(y);
                for c in 0..cols {
                    y[c].store_first_scalars(columns[c].add(rows), F::LANES.min(p.n - rows));
                }
            }
        }
    }
}

/// `len` rows of as many columns as a register has lanes, a row a register.
#[inline(always)]
unsafe fn transposed<F: Field>(
    columns: &[*mut F::S; MAX_LANES],
    row: usize,
    len: usize,
) -> [F; MAX_LANES] {
    // SAFETY: the caller's columns.
    unsafe {
        let mut x = [F::splat(F::S::default()); MAX_LANES];
        for c in 0..F::LANES {
            x[c] = F::load_first_scalars(columns[c].add(row), len);
        }
        turned(x)
    }
}
