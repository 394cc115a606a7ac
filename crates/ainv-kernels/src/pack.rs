//! Any strides to packed panels: what the product tile reads.
//!
//! Panel after panel of `mr` rows (or `nr` columns), padded with zeros to full width so that the
//! tile never sees an edge; within a panel, step after step along k. The rows' panels hold all real
//! parts of a step, then all imaginary parts; the columns' panels hold them pair by pair, because
//! they are read one at a time and broadcast.

use crate::isa::field::Field;
use crate::scalar::Scalar;

/// A block to pack: `lanes` rows (columns, for the right operand) of `k` steps each.
pub struct Panel<T: Scalar> {
    pub src: *const T,
    /// From one row (column) to the next, and from one step to the next.
    pub lane_stride: isize,
    pub step_stride: isize,
    pub lanes: usize,
    pub k: usize,
    pub conj: bool,
}

#[inline(always)]
unsafe fn pack<T: Scalar, const INTERLEAVE: bool>(
    p: &Panel<T>,
    width: usize,
    mut to: *mut T::Real,
) {
    let parts = if T::COMPLEX { 2 } else { 1 };
    let mut first = 0;
    while first < p.lanes {
        let full = width.min(p.lanes - first);
        for k in 0..p.k {
            // SAFETY: the block is in the caller's checked view, and `to` spans its panels.
            unsafe {
                let src = p.src.offset(first as isize * p.lane_stride + k as isize * p.step_stride);
                if !T::COMPLEX && full == width && p.lane_stride == 1 {
                    std::ptr::copy_nonoverlapping(src.cast::<T::Real>(), to, width);
                } else {
                    for i in 0..width {
                        let x = if i < full {
                            let x = src.offset(i as isize * p.lane_stride).read();
                            if p.conj { x.conj() } else { x }
                        } else {
                            T::default()
                        };
                        if !T::COMPLEX {
                            to.add(i).write(x.re());
                        } else if INTERLEAVE {
                            to.add(2 * i).write(x.re());
                            to.add(2 * i + 1).write(x.im());
                        } else {
                            to.add(i).write(x.re());
                            to.add(width + i).write(x.im());
                        }
                    }
                }
                to = to.add(parts * width);
            }
        }
        first += width;
    }
}

/// The left operand, `VR` registers of rows a panel.
#[inline(always)]
pub unsafe fn a<F: Field, const VR: usize>(p: &Panel<F::S>, to: *mut <F::S as Scalar>::Real) {
    // SAFETY: the module's contract.
    unsafe { pack::<F::S, false>(p, VR * F::LANES, to) }
}

/// The right operand, `NR` columns a panel.
#[inline(always)]
pub unsafe fn b<F: Field, const NR: usize>(p: &Panel<F::S>, to: *mut <F::S as Scalar>::Real) {
    // SAFETY: the module's contract.
    unsafe { pack::<F::S, true>(p, NR, to) }
}
