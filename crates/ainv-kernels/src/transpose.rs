//! The transpose of a block from one place to another.

use crate::isa::MAX_LANES;
use crate::isa::field::{Field, turned};
use crate::scalar::Scalar;

/// A block of `m` x `n` scalars, columns `ld` apart, whose transpose goes to columns `to_ld` apart.
pub struct Transpose<T: Scalar> {
    pub m: usize,
    pub n: usize,
    pub src: *const T,
    pub ld: isize,
    pub to: *mut T,
    pub to_ld: isize,
    /// Conjugate, too.
    pub conj: bool,
}

/// Squares of registers; the two blocks are apart.
#[inline(always)]
pub unsafe fn transpose<F: Field>(p: &Transpose<F::S>) {
    // SAFETY: the blocks are the caller's.
    unsafe {
        let src = |i: usize, j: usize| p.src.offset(i as isize + j as isize * p.ld);
        let to = |i: usize, j: usize| p.to.offset(j as isize + i as isize * p.to_ld);
        for j in (0..p.n).step_by(F::LANES) {
            let columns = F::LANES.min(p.n - j);
            for i in (0..p.m).step_by(F::LANES) {
                let rows = F::LANES.min(p.m - i);
                let mut x = [F::splat(F::S::default()); MAX_LANES];
                for c in 0..columns {
                    let column = F::load_first_scalars(src(i, j + c), rows);
                    x[c] = if p.conj { column.conj() } else { column };
                }
                let x = turned(x);
                for r in 0..rows {
                    x[r].store_first_scalars(to(i + r, j), columns);
                }
            }
        }
    }
}
