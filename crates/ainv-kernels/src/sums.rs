//! Sums of absolute values and of squares, which say whether a matrix is in range, and how large it is.

use crate::isa::Vector;
use crate::isa::field::Field;
use crate::scalar::Scalar;

/// Sums that run side by side, whatever the register's width: the order of the additions is the same
/// on every instruction set.
pub const SUMS: usize = 16;

/// The sum of |re| + |im| of `len` adjacent scalars. Where `each` is not null, each is also added to
/// the real in its place there, and zeros to what follows: there is room for `len` of the next multiple
/// of [`SUMS`], because registers that are not stored as they are loaded would wait for the memory.
#[inline(always)]
pub unsafe fn sum_abs<F: Field>(
    x: *const F::S,
    len: usize,
    each: *mut <F::S as Scalar>::Real,
) -> <F::S as Scalar>::Real {
    // SAFETY: the caller's scalars and reals.
    unsafe {
        let mut sums = [F::V::splat(<F::S as Scalar>::Real::default()); SUMS];
        let whole = len - len % SUMS;
        for first in (0..whole).step_by(SUMS) {
            for g in 0..SUMS / F::LANES {
                let at = first + g * F::LANES;
                let size = F::load_scalars(x.add(at)).abs1();
                sums[g] = sums[g].add(size);
                if !each.is_null() {
                    let to = each.add(at);
                    F::V::load(to).add(size).store(to);
                }
            }
        }
        for g in 0..SUMS / F::LANES {
            let at = whole + g * F::LANES;
            if at >= len {
                break;
            }
            let here = F::LANES.min(len - at);
            let size = F::load_first_scalars(x.add(at), here).abs1();
            sums[g] = sums[g].add(size);
            if !each.is_null() {
                let to = each.add(at);
                F::V::load(to).add(size).store(to);
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
        let whole = len - len % SUMS;
        for first in (0..whole).step_by(SUMS) {
            for g in 0..SUMS / F::LANES {
                sums[g] = F::load_scalars(x.add(first + g * F::LANES)).add_square(sums[g]);
            }
        }
        for g in 0..SUMS / F::LANES {
            let at = whole + g * F::LANES;
            if at >= len {
                break;
            }
            let here = F::LANES.min(len - at);
            sums[g] = F::load_first_scalars(x.add(at), here).add_square(sums[g]);
        }
        total::<F>(sums)
    }
}

/// All lanes of all sums.
#[inline(always)]
unsafe fn total<F: Field>(sums: [F::V; SUMS]) -> <F::S as Scalar>::Real {
    // SAFETY: the contract of Vector.
    unsafe {
        let mut lanes = [<F::S as Scalar>::Real::default(); SUMS];
        for g in 0..SUMS / F::LANES {
            sums[g].store(lanes.as_mut_ptr().add(g * F::LANES));
        }
        // Halves onto halves: one after the other would take longer than a short line itself.
        let mut half = SUMS / 2;
        while half > 0 {
            for i in 0..half {
                lanes[i] = lanes[i] + lanes[i + half];
            }
            half /= 2;
        }
        lanes[0]
    }
}
