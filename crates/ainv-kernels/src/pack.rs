//! Any strides to packed panels: what the product tile reads best.
//!
//! Panel after panel of `mr` rows (or `nr` columns), padded with zeros to full width; within a
//! panel, step after step along k. The rows' panels hold all real parts of a step, then all
//! imaginary parts, so that a register is filled by one load; the columns' panels hold scalars,
//! because they are read one at a time and broadcast.

use crate::isa::field::{Field, turned};
use crate::isa::{MAX_LANES, Vector};
use crate::scalar::Scalar;

/// A block to pack: `lanes` rows (columns, for the right operand) of `k` steps each.
pub struct Panel<T: Scalar> {
    pub src: *const T,
    /// From one row (column) to the next, and from one step to the next.
    pub lane_stride: isize,
    pub step_stride: isize,
    pub lanes: usize,
    pub k: usize,
    /// Steps of the packed operand that the block is written to: at least `k`.
    pub steps: usize,
    pub conj: bool,
}

impl<T: Scalar> Panel<T> {
    #[inline(always)]
    unsafe fn at(&self, lane: usize, step: usize) -> *const T {
        // SAFETY: the block is in the caller's checked view.
        unsafe {
            self.src.offset(lane as isize * self.lane_stride + step as isize * self.step_stride)
        }
    }
}

/// Panels that are packed side by side, at most: what is read of a column in one go is long enough for the
/// machine to see it coming.
const TOGETHER: usize = 4;

/// The left operand, `VR` registers of rows a panel.
#[inline(always)]
pub unsafe fn a<F: Field, const VR: usize>(p: &Panel<F::S>, to: *mut <F::S as Scalar>::Real) {
    let mr = VR * F::LANES;
    // SAFETY: the block is in the caller's checked view, and `to` spans its panels.
    unsafe {
        let store = |x: F, panel: usize, v: usize, step: usize| {
            let to = to.add((panel * p.steps + step) * mr * F::PARTS + v * F::LANES);
            let x = if p.conj { x.conj() } else { x };
            x.re().store(to);
            if F::PARTS == 2 {
                x.im().store(to.add(mr));
            }
        };
        let panels = p.lanes.div_ceil(mr);
        let whole = if p.lane_stride == 1 { p.lanes / mr } else { 0 };
        for first in (0..whole).step_by(TOGETHER) {
            let together = first..whole.min(first + TOGETHER);
            for step in 0..p.k {
                for panel in together.clone() {
                    for v in 0..VR {
                        let x = F::load_scalars(p.at(panel * mr + v * F::LANES, step));
                        store(x, panel, v, step);
                    }
                }
            }
        }
        for panel in whole..panels {
            for v in 0..VR {
                let lane = panel * mr + v * F::LANES;
                let len = p.lanes.saturating_sub(lane).min(F::LANES);
                let blocks = match p.step_stride {
                    1 if p.lane_stride != 1 && len == F::LANES => p.k / F::LANES,
                    _ => 0,
                };
                for block in 0..blocks {
                    let x = transposed::<F>(p, lane, block * F::LANES);
                    for l in 0..F::LANES {
                        store(x[l], panel, v, block * F::LANES + l);
                    }
                }
                for step in blocks * F::LANES..p.k {
                    let x = if len == 0 {
                        F::splat(F::S::default())
                    } else if p.lane_stride == 1 {
                        F::load_first_scalars(p.at(lane, step), len)
                    } else {
                        F::from_lanes(|l| match l < len {
                            true => p.at(lane + l, step).read(),
                            false => F::S::default(),
                        })
                    };
                    store(x, panel, v, step);
                }
            }
        }
    }
}

/// As many adjacent steps of a register's rows as it has lanes, a step a register.
#[inline(always)]
unsafe fn transposed<F: Field>(p: &Panel<F::S>, lane: usize, step: usize) -> [F; MAX_LANES] {
    // SAFETY: as in `a`.
    unsafe {
        let mut x = [F::splat(F::S::default()); MAX_LANES];
        for l in 0..F::LANES {
            x[l] = F::load_scalars(p.at(lane + l, step));
        }
        turned(x)
    }
}

/// The right operand, `NR` columns a panel.
#[inline(always)]
pub unsafe fn b<F: Field, const NR: usize>(p: &Panel<F::S>, to: *mut F::S) {
    // SAFETY: as in `a`.
    unsafe {
        for first in (0..p.lanes).step_by(NR) {
            let to = to.add(first * p.steps);
            let full = NR.min(p.lanes - first);
            let mut done = 0;
            if p.step_stride == 1 && full == NR && NR <= F::LANES {
                while done + F::LANES <= p.k {
                    let x = steps::<F, NR>(p, first, done);
                    for l in 0..F::LANES {
                        x[l].store_first_scalars(to.add((done + l) * NR), NR);
                    }
                    done += F::LANES;
                }
            }
            for step in done..p.k {
                for j in 0..NR {
                    let x = if j < full { p.at(first + j, step).read() } else { F::S::default() };
                    to.add(step * NR + j).write(if p.conj { x.conj() } else { x });
                }
            }
        }
    }
}

/// As many adjacent steps of a panel's columns as a register has lanes, a step a register.
#[inline(always)]
unsafe fn steps<F: Field, const NR: usize>(
    p: &Panel<F::S>,
    first: usize,
    step: usize,
) -> [F; MAX_LANES] {
    // SAFETY: as in `a`.
    unsafe {
        let mut x = [F::splat(F::S::default()); MAX_LANES];
        for j in 0..NR {
            let column = F::load_scalars(p.at(first + j, step));
            x[j] = if p.conj { column.conj() } else { column };
        }
        turned(x)
    }
}
