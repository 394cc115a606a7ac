//! The tile of a matrix product: `mr` x `nr` sums in registers.
//!
//! ```text
//! sum = 0
//! for k:  sum(i, j) = a(i, k) * b(k, j) + sum(i, j)      in the order of k, fused
//! c = alpha * sum (+ c)
//! ```
//!
//! The order of additions depends on k alone, so the bits do not depend on the tile's shape, hence
//! not on the instruction set (Goto and van de Geijn, "Anatomy of high-performance matrix
//! multiplication", ACM TOMS 34, 2008, for the scheme).

use crate::isa::Vector;
use crate::isa::field::Field;
use crate::scalar::Scalar;

/// One tile's operands, packed, and its place in C (columns `ldc` apart, rows adjacent).
pub struct Tile<T: Scalar> {
    pub k: usize,
    pub a: *const T::Real,
    pub b: *const T::Real,
    pub c: *mut T,
    pub ldc: isize,
    /// Rows and columns of C that exist.
    pub m: usize,
    pub n: usize,
    /// One or minus one.
    pub alpha: T::Real,
    /// Add to C instead of overwriting it.
    pub accumulate: bool,
}

#[inline(always)]
pub unsafe fn tile<F: Field, const VR: usize, const NR: usize>(t: &Tile<F::S>) {
    let (mr, parts) = (VR * F::LANES, F::PARTS);
    // SAFETY: the operands are packed panels of k steps, C's rows and columns are the caller's.
    unsafe {
        let zero = F::splat(F::S::default());
        let mut sum = [[zero; VR]; NR];
        let (mut a, mut b) = (t.a, t.b);
        for _ in 0..t.k {
            let mut row = [zero; VR];
            for v in 0..VR {
                let p = a.add(v * F::LANES);
                let im = if parts == 2 { F::V::load(p.add(mr)) } else { zero.im() };
                row[v] = F::from_parts(F::V::load(p), im);
            }
            for j in 0..NR {
                let p = b.add(parts * j);
                let x = F::from_parts(
                    F::V::splat(p.read()),
                    if parts == 2 { F::V::splat(p.add(1).read()) } else { zero.im() },
                );
                for v in 0..VR {
                    sum[j][v] = row[v].mul_add(x, sum[j][v]);
                }
            }
            a = a.add(parts * mr);
            b = b.add(parts * NR);
        }

        let alpha = F::V::splat(t.alpha);
        for j in 0..NR.min(t.n) {
            for v in 0..VR {
                let first = v * F::LANES;
                if first >= t.m {
                    break;
                }
                let c = t.c.offset(first as isize + j as isize * t.ldc);
                let len = F::LANES.min(t.m - first);
                // Zero plus the product, so that a zero has no sign.
                let before = if t.accumulate { F::load_first_scalars(c, len) } else { zero };
                before.add(sum[j][v].scale(alpha)).store_first_scalars(c, len);
            }
        }
    }
}
