//! Between the caller's matrices and a tile.
//!
//! Three ways, chosen by the strides alone; none changes a value:
//! - the matrices lie element by element beside each other (component-first): one load an element;
//! - the lines of a matrix are contiguous: as many registers as one has lanes, one of each matrix,
//!   are transposed. The last register of a line begins early and overlaps; a line shorter than a
//!   register is read and written in part;
//! - otherwise element by element.

use super::Tile;
use crate::isa::field::Field;
use crate::isa::{self, MAX_LANES, Vector};
use crate::places::Frame;
use crate::places::Places;
use crate::scalar::{RealScalar, Scalar};
use std::ops::Range;

/// Bytes that are on their way from memory while a core works.
const DISTANCE: usize = 2048;
/// Bytes of a cache line.
pub(super) const LINE: usize = 64;

/// Asks for what follows the `bytes` at `p`, to be read or to be written: the time of one register's
/// arithmetic hides the way to memory. Small matrices are done before memory answers: further ahead.
#[inline(always)]
pub(super) fn ask_ahead(p: *const u8, bytes: usize, write: bool) {
    let next = p.wrapping_add(bytes + DISTANCE / bytes * bytes);
    for line in (0..bytes).step_by(LINE) {
        isa::prefetch(next.wrapping_add(line), write);
    }
}

type RealOf<F> = <<F as Field>::S as Scalar>::Real;

/// The contiguous lines of a matrix: `count` lines of `len` reals, `stride` reals apart. `turned`
/// if a line is a column.
#[derive(Clone, Copy)]
struct Lines {
    count: usize,
    len: usize,
    stride: isize,
    turned: bool,
}

impl Lines {
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
        Some(Lines { count, len: len * F::PARTS, stride: stride * F::PARTS as isize, turned })
    }

    /// The register that holds `start`: whole and perhaps begun early, or the whole short line; one
    /// real alone at the end of a line is a piece of its own.
    #[inline(always)]
    fn piece<F: Field>(&self, start: usize) -> Piece {
        let lanes = F::LANES;
        if start > 0 && start + 1 == self.len {
            Piece { first: start, len: 1 }
        } else if self.len < lanes {
            Piece { first: 0, len: self.len }
        } else {
            Piece { first: start.min(self.len - lanes), len: lanes }
        }
    }
}

/// Reals of a line that are moved together.
struct Piece {
    first: usize,
    len: usize,
}

/// Reads up to LANES reals of a line of each lane and transposes them: real `e` of every line in
/// `[e]`.
#[inline(always)]
pub(super) unsafe fn load_lines<V: Vector>(
    line: &[*const V::Elem; MAX_LANES],
    len: usize,
) -> [V; MAX_LANES] {
    // SAFETY: the caller's lines.
    unsafe {
        if len >= V::LANES {
            return V::load_transposed(line);
        }
        let mut x = [V::splat(V::Elem::default()); MAX_LANES];
        for l in 0..V::LANES {
            x[l] = V::load_first(line[l], len);
        }
        V::transpose(&mut x);
        x
    }
}

/// Writes what `load_lines` reads to the first `lanes` lines.
#[inline(always)]
pub(super) unsafe fn store_lines<V: Vector>(
    mut x: [V; MAX_LANES],
    line: &[*mut V::Elem; MAX_LANES],
    lanes: usize,
    len: usize,
) {
    // SAFETY: the caller's lines.
    unsafe {
        if len >= V::LANES && lanes == V::LANES {
            return V::store_transposed(x, line);
        }
        V::transpose(&mut x);
        for l in 0..V::LANES {
            if l < lanes {
                x[l].store_first(line[l], len.min(V::LANES));
            }
        }
    }
}

/// Reads `len` reals of each lane into as many registers, one after the other.
#[inline(always)]
unsafe fn gather<V: Vector>(lane: impl Fn(usize) -> *const V::Elem, len: usize, to: *mut V::Elem) {
    // SAFETY: the caller's piece and tile.
    unsafe {
        let mut line = [lane(0); MAX_LANES];
        for l in 1..V::LANES {
            line[l] = lane(l);
        }
        let x = load_lines::<V>(&line, len);
        for e in 0..V::LANES {
            if e < len {
                x[e].store(to.add(e * V::LANES));
            }
        }
    }
}

/// Writes `len` registers to the first `lanes` lanes, `len` reals each.
#[inline(always)]
unsafe fn scatter<V: Vector>(
    from: impl Fn(usize) -> *const V::Elem,
    len: usize,
    lane: impl Fn(usize) -> *mut V::Elem,
    lanes: usize,
) {
    // SAFETY: as for `gather`.
    unsafe {
        let mut x = [V::splat(V::Elem::default()); MAX_LANES];
        let mut line = [lane(0); MAX_LANES];
        for e in 0..V::LANES {
            // The registers past `len` hold what is not stored.
            x[e] = V::load(from(e.min(len - 1)));
            line[e] = lane(e.min(lanes - 1));
        }
        store_lines(x, &line, lanes, len);
    }
}

/// The way from or to the matrices of a group, `frame` being that of each.
pub struct Transfer<'a, F: Field> {
    places: Places<'a, F::S>,
    frame: Frame,
    beside: bool,
    lines: Option<Lines>,
    /// Bytes from one matrix to the next, if they lie without a gap and are to be asked for ahead.
    ahead: Option<usize>,
}

impl<'a, F: Field> Transfer<'a, F> {
    /// `far` says that the matrices do not lie in a near cache.
    #[inline(always)]
    pub fn new(places: Places<'a, F::S>, frame: Frame, far: bool) -> Self {
        let size = frame.rows * frame.cols;
        let lines = Lines::of::<F>(frame);
        let dense = lines.is_some_and(|l| l.count == 1) && places.step() == Some(size as isize);
        let ahead = (far && dense && size > 1).then_some(size * size_of::<F::S>());
        Transfer { places, frame, beside: places.step() == Some(1), lines, ahead }
    }

    /// Asks for the register of matrices after `at`.
    #[inline(always)]
    pub fn ask_ahead(&self, at: &Range<usize>, write: bool) {
        if let Some(bytes) = self.ahead {
            ask_ahead(self.places.get(at.start).cast(), bytes * F::LANES, write);
        }
    }

    /// Where the matrices of a register begin; lanes past the last repeat the first.
    #[inline(always)]
    fn lanes(&self, at: &Range<usize>) -> [*mut F::S; MAX_LANES] {
        let mut lane = [self.places.get(at.start); MAX_LANES];
        if let (Some(step), true) = (self.places.step(), at.len() == F::LANES) {
            for l in 1..F::LANES {
                lane[l] = lane[l - 1].wrapping_offset(step);
            }
        } else {
            for l in 1..at.len() {
                lane[l] = self.places.get(at.start + l);
            }
        }
        lane
    }

    /// Reads the matrices `at` into a tile at `p`, which lies as the matrices do: by rows or by
    /// columns.
    ///
    /// # Safety
    /// The matrices are those of a checked view, the scratch spans the tile.
    #[inline(always)]
    pub unsafe fn load(&self, at: Range<usize>, p: *mut RealOf<F>) -> Tile<F> {
        let frame = self.frame;
        let lane = self.lanes(&at);
        self.ask_ahead(&at, false);
        let by_rows = Tile::new(p, frame.cols);
        // SAFETY: the caller's; a register lies in a line.
        unsafe {
            if self.beside && at.len() == F::LANES {
                for i in 0..frame.rows {
                    for j in 0..frame.cols {
                        by_rows.set(i, j, F::load_scalars(lane[0].offset(frame.at(i, j))));
                    }
                }
                return by_rows;
            }
            let Some(lines) = self.lines else {
                for i in 0..frame.rows {
                    for j in 0..frame.cols {
                        let d = frame.at(i, j);
                        by_rows.set(i, j, F::from_lanes(|l| lane[l].offset(d).read()));
                    }
                }
                return by_rows;
            };
            for line in 0..lines.count {
                let from = line as isize * lines.stride;
                let to = p.add(line * lines.len * F::LANES);
                let mut start = 0;
                while start < lines.len {
                    let piece = lines.piece::<F>(start);
                    if piece.len == 1 && start > 0 {
                        // Nine reals of order 3 in eight lanes: one is left.
                        let mut last = [RealOf::<F>::default(); MAX_LANES];
                        for l in 0..F::LANES {
                            last[l] = lane[l].cast::<RealOf<F>>().offset(from).add(start).read();
                        }
                        F::V::load(last.as_ptr()).store(to.add(start * F::LANES));
                    } else {
                        let d = from + piece.first as isize;
                        let lane = |l: usize| lane[l].cast::<RealOf<F>>().cast_const().offset(d);
                        gather::<F::V>(lane, piece.len, to.add(piece.first * F::LANES));
                    }
                    start += F::LANES;
                }
            }
            if lines.turned { Tile::turned(p, frame.rows) } else { by_rows }
        }
    }

    /// Writes a tile to the matrices `at`.
    ///
    /// # Safety
    /// As for `load`, and the view is a mutable one.
    #[inline(always)]
    pub unsafe fn store(&self, at: Range<usize>, t: Tile<F>) {
        let frame = self.frame;
        let lane = self.lanes(&at);
        self.ask_ahead(&at, true);
        // SAFETY: the caller's.
        unsafe {
            if self.beside && at.len() == F::LANES {
                for i in 0..frame.rows {
                    for j in 0..frame.cols {
                        t.get(i, j).store_scalars(lane[0].offset(frame.at(i, j)));
                    }
                }
                return;
            }
            let lines = match self.lines {
                Some(lines) if lines.turned == t.is_turned() => lines,
                _ => {
                    for i in 0..frame.rows {
                        for j in 0..frame.cols {
                            put(t.get(i, j), &lane, at.len(), frame.at(i, j));
                        }
                    }
                    return;
                }
            };
            for line in 0..lines.count {
                let from = t.at(0, 0).add(line * lines.len * F::LANES);
                let to = line as isize * lines.stride;
                let mut start = 0;
                while start < lines.len {
                    let piece = lines.piece::<F>(start);
                    if piece.len == 1 && start > 0 {
                        let last = from.add(start * F::LANES);
                        for l in 0..at.len() {
                            let q = lane[l].cast::<RealOf<F>>().offset(to).add(start);
                            q.write(last.add(l).read());
                        }
                    } else {
                        let d = to + piece.first as isize;
                        let from = from.add(piece.first * F::LANES).cast_const();
                        let lane = |l: usize| lane[l].cast::<RealOf<F>>().offset(d);
                        scatter::<F::V>(|e| from.add(e * F::LANES), piece.len, lane, at.len());
                    }
                    start += F::LANES;
                }
            }
        }
    }

    /// Writes column `k` of a tile, `len` long, to row `rows[l]` of each matrix.
    ///
    /// # Safety
    /// As for `store`; the rows are the frame's.
    #[inline(always)]
    pub unsafe fn store_rows(
        &self,
        at: Range<usize>,
        t: Tile<F>,
        k: usize,
        len: usize,
        rows: &[RealOf<F>; MAX_LANES],
    ) {
        let to = self.frame;
        let mut row = self.lanes(&at);
        // SAFETY: the caller's.
        unsafe {
            for l in 0..at.len() {
                row[l] = row[l].wrapping_offset(rows[l].to_index() * to.rs);
            }
            let reals = len * F::PARTS;
            if to.cs != 1 {
                for i in 0..len {
                    put(t.get(i, k), &row, at.len(), i as isize * to.cs);
                }
                return;
            }
            let line = Lines { count: 1, len: reals, stride: 0, turned: false };
            for start in (0..reals).step_by(F::LANES) {
                let piece = line.piece::<F>(start);
                let from = |e: usize| {
                    let real = piece.first + e;
                    let p = t.at(real / F::PARTS, k).cast_const();
                    p.wrapping_add(real % F::PARTS * F::LANES)
                };
                let row = |l: usize| row[l].cast::<RealOf<F>>().add(piece.first);
                scatter::<F::V>(from, piece.len, row, at.len());
            }
        }
    }

    /// Whether rows of `len` elements are written a register at a time by `store_rows`.
    pub fn rows_fill_registers(&self, len: usize) -> bool {
        self.frame.cs == 1 && len * F::PARTS >= F::LANES
    }
}

/// Writes one element to the first `len` matrices, lane by lane.
#[inline(always)]
unsafe fn put<F: Field>(x: F, lane: &[*mut F::S; MAX_LANES], len: usize, d: isize) {
    // SAFETY: d is an offset of the checked view.
    unsafe {
        let lanes = x.to_lanes();
        for l in 0..len {
            lane[l].offset(d).write(lanes[l]);
        }
    }
}
