//! Between the caller's matrices and a tile.
//!
//! Three ways, chosen by the strides alone; none changes a value:
//! - the matrices lie element by element beside each other (component-first): one load an element;
//! - a line of a matrix is contiguous and at least a register long: LANES registers, one of each
//!   matrix, are transposed in registers. A line's last register begins early and overlaps;
//! - otherwise element by element.

use super::Tile;
use crate::isa::field::Field;
use crate::isa::{MAX_LANES, Vector};
use crate::scalar::Scalar;
use crate::stack::Frame;

type RealOf<F> = <<F as Field>::S as Scalar>::Real;

/// The contiguous lines of a matrix: `count` lines of `len` reals, `stride` reals apart. `turned`
/// if a line is a column.
struct Lines {
    count: usize,
    len: usize,
    stride: isize,
    turned: bool,
}

impl Lines {
    /// The lines of a frame, if they are a register long.
    #[inline(always)]
    fn of<F: Field>(f: Frame) -> Option<Lines> {
        let (count, len, stride, turned) = if f.cs == 1 {
            (f.rows, f.cols, f.rs, false)
        } else if f.rs == 1 {
            (f.cols, f.rows, f.cs, true)
        } else {
            return None;
        };
        // Lines without a gap between them are one line.
        let (count, len) = if stride == len as isize { (1, len * count) } else { (count, len) };
        let lines =
            Lines { count, len: len * F::PARTS, stride: stride * F::PARTS as isize, turned };
        (lines.len >= F::LANES).then_some(lines)
    }
}

/// Whether the matrices lie element by element beside each other, a whole register of them.
#[inline(always)]
fn beside<F: Field>(p: &[*const F::S]) -> bool {
    p.len() == F::LANES && p.windows(2).all(|w| w[0].wrapping_add(1) == w[1])
}

/// Reads up to LANES matrices into a tile at `p`; `frame` may be a transposed one. Lanes past the
/// last matrix repeat the first. The tile lies as the matrices do, by rows or by columns.
#[inline(always)]
pub(crate) unsafe fn load<F: Field>(
    p: *mut RealOf<F>,
    src: &[*const F::S],
    frame: Frame,
) -> Tile<F> {
    let mut lane = [src[0]; MAX_LANES];
    lane[..src.len()].copy_from_slice(src);
    // SAFETY: the view that made the pointers and the frame was checked; a register lies in a line.
    unsafe {
        if beside::<F>(src) {
            let t = Tile::new(p, frame.cols);
            for i in 0..frame.rows {
                for j in 0..frame.cols {
                    t.set(i, j, F::load_scalars(src[0].offset(frame.at(i, j))));
                }
            }
            return t;
        }
        let Some(lines) = Lines::of::<F>(frame) else {
            let t = Tile::new(p, frame.cols);
            for i in 0..frame.rows {
                for j in 0..frame.cols {
                    let d = frame.at(i, j);
                    t.set(i, j, F::from_lanes(|l| lane[l].offset(d).read()));
                }
            }
            return t;
        };
        let mut x = [F::V::splat(RealOf::<F>::default()); MAX_LANES];
        for line in 0..lines.count {
            let from = line as isize * lines.stride;
            let to = p.add(line * lines.len * F::LANES);
            let mut start = 0;
            while start < lines.len {
                let first = start.min(lines.len - F::LANES);
                for l in 0..F::LANES {
                    x[l] = F::V::load(lane[l].cast::<RealOf<F>>().offset(from).add(first));
                }
                F::V::transpose(&mut x);
                for l in 0..F::LANES {
                    x[l].store(to.add((first + l) * F::LANES));
                }
                start += F::LANES;
            }
        }
        if lines.turned { Tile::turned(p, frame.rows) } else { Tile::new(p, frame.cols) }
    }
}

/// Writes a tile to up to LANES matrices.
#[inline(always)]
pub(crate) unsafe fn store<F: Field>(t: Tile<F>, dst: &[*mut F::S], frame: Frame) {
    // SAFETY: as for `load`, and the view is a mutable one.
    unsafe {
        let mut lane = [dst[0].cast_const(); MAX_LANES];
        for l in 0..dst.len() {
            lane[l] = dst[l].cast_const();
        }
        if beside::<F>(&lane[..dst.len()]) {
            for i in 0..frame.rows {
                for j in 0..frame.cols {
                    t.get(i, j).store_scalars(dst[0].offset(frame.at(i, j)));
                }
            }
            return;
        }
        let lines = match Lines::of::<F>(frame) {
            Some(lines) if lines.turned == t.is_turned() => lines,
            _ => {
                for i in 0..frame.rows {
                    for j in 0..frame.cols {
                        put(t.get(i, j), dst, frame.at(i, j));
                    }
                }
                return;
            }
        };
        let mut x = [F::V::splat(RealOf::<F>::default()); MAX_LANES];
        for line in 0..lines.count {
            let from = t.at(0, 0).add(line * lines.len * F::LANES);
            let to = line as isize * lines.stride;
            let mut start = 0;
            while start < lines.len {
                let first = start.min(lines.len - F::LANES);
                for l in 0..F::LANES {
                    x[l] = F::V::load(from.add((first + l) * F::LANES));
                }
                F::V::transpose(&mut x);
                for l in 0..dst.len() {
                    x[l].store(dst[l].cast::<RealOf<F>>().offset(to).add(first));
                }
                start += F::LANES;
            }
        }
    }
}

/// Writes column `k` of a tile, `len` long, to row `rows[l]` of each matrix.
#[inline(always)]
pub(crate) unsafe fn store_rows<F: Field>(
    t: Tile<F>,
    k: usize,
    len: usize,
    rows: &[RealOf<F>; MAX_LANES],
    dst: &[*mut F::S],
    to: Frame,
) {
    use crate::scalar::RealScalar;
    // SAFETY: as for `store`; the rows are a permutation's, so they are the frame's.
    unsafe {
        let mut row = [std::ptr::null_mut::<F::S>(); MAX_LANES];
        for l in 0..dst.len() {
            row[l] = dst[l].offset(rows[l].to_f64() as isize * to.rs);
        }
        let reals = len * F::PARTS;
        if to.cs == 1 && reals >= F::LANES {
            let mut start = 0;
            while start < reals {
                let first = start.min(reals - F::LANES);
                let mut x = [F::V::splat(RealOf::<F>::default()); MAX_LANES];
                for l in 0..F::LANES {
                    let real = first + l;
                    let at = t.at(real / F::PARTS, k).wrapping_add(real % F::PARTS * F::LANES);
                    x[l] = F::V::load(at);
                }
                F::V::transpose(&mut x);
                for l in 0..dst.len() {
                    x[l].store(row[l].cast::<RealOf<F>>().add(first));
                }
                start += F::LANES;
            }
        } else {
            for i in 0..len {
                put(t.get(i, k), &row[..dst.len()], i as isize * to.cs);
            }
        }
    }
}

/// Writes one element to the matrices, lane by lane.
#[inline(always)]
unsafe fn put<F: Field>(x: F, dst: &[*mut F::S], d: isize) {
    // SAFETY: d is an offset of the checked view.
    unsafe {
        let lanes = x.to_lanes();
        for l in 0..dst.len() {
            dst[l].offset(d).write(lanes[l]);
        }
    }
}
