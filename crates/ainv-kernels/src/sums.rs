//! Sums of absolute values and of squares, which say whether a matrix is in range, and how large it is.

use crate::isa::Vector;
use crate::isa::field::Field;
use crate::scalar::Scalar;

/// Sums that run side by side, whatever the register's width: the order of the additions is the same
/// on every instruction set.
const SUMS: usize = 16;

/// The sum of |re| + |im| of `len` adjacent scalars. Where `each` is not null, each is also added to
/// the real in its place there.
#[inline(always)]
pub unsafe fn sum_abs<F: Field>(
    x: *const F::S,
    len: usize,
    each: *mut <F::S as Scalar>::Real,
) -> <F::S as Scalar>::Real {
    // SAFETY: the caller's scalars and reals.
    unsafe {
        let mut sums = [F::V::splat(<F::S as Scalar>::Real::default()); SUMS];
        for first in (0..len).step_by(SUMS) {
            for g in 0..SUMS / F::LANES {
                let at = first + g * F::LANES;
                if at >= len {
                    break;
                }
                let here = F::LANES.min(len - at);
                let size = F::load_first_scalars(x.add(at), here).abs1();
                sums[g] = sums[g].add(size);
                if !each.is_null() {
                    let to = each.add(at);
                    if here == F::LANES {
                        F::V::load(to).add(size).store(to);
                    } else {
                        F::V::load_first(to, here).add(size).store_first(to, here);
                    }
                }
            }
        }
        total::<F>(sums)
    }
}

/// The sum of the squares |x|^2 of `len` adjacent scalars.
#[inline(always)]
pub unsafe fn sum_squares<F: Field>(x: *const F::S, len: usize) -> <F::S as Scalar>::Real {
    // SAFETY: the caller's scalars.
    unsafe {
        let mut sums = [F::V::splat(<F::S as Scalar>::Real::default()); SUMS];
        for first in (0..len).step_by(SUMS) {
            for g in 0..SUMS / F::LANES {
                let at = first + g * F::LANES;
                if at >= len {
                    break;
                }
                let here = F::LANES.min(len - at);
                sums[g] = F::load_first_scalars(x.add(at), here).add_square(sums[g]);
            }
        }
        total::<F>(sums)
    }
}

/// The lanes of all sums together.
#[inline(always)]
unsafe fn total<F: Field>(sums: [F::V; SUMS]) -> <F::S as Scalar>::Real {
    // SAFETY: the contract of Vector.
    unsafe {
        let mut lanes = [<F::S as Scalar>::Real::default(); SUMS];
        for g in 0..SUMS / F::LANES {
            sums[g].store(lanes.as_mut_ptr().add(g * F::LANES));
        }
        lanes.into_iter().fold(<F::S as Scalar>::Real::default(), |a, b| a + b)
    }
}
