//! Matrices of middle order, each by columns, all of it in the first-level cache.
//!
//! A matrix lies column by column in registers' lengths ([`Columns`]), and every algorithm is made
//! of one step, "a column minus a multiple of another" (Golub and Van Loan, Matrix Computations, 4th
//! ed., section 1.1.7). The algorithms are those of [`lanes`](super::lanes), and every sum is taken
//! in the order of the lane kernels: a matrix has the same bits by either. A kernel answers whether
//! its matrix is suspect, in their sense.

pub mod cholesky;
pub mod lu;
pub mod triangular;

use crate::isa::field::{self, Field};
use crate::isa::{MAX_LANES, Vector};
use crate::lanes::in_range;
use crate::places::Frame;
use crate::scalar::{RealScalar, Scalar};

/// The largest order: its rows are the bits of a word, and a matrix of it in double precision fits in
/// the cache nearest to the core.
pub const LARGEST: usize = 64;

type RealOf<F> = <<F as Field>::S as Scalar>::Real;

/// Reals of scratch for order `n` and `k` right-hand sides: the factors of the matrices that are
/// factored in step, a matrix and the right-hand sides.
pub fn scratch(n: usize, k: usize) -> usize {
    let column = |rows: usize| 2 * rows.next_multiple_of(MAX_LANES);
    lu::scratch(n, column(n)) + n * (column(n) + column(k))
}

/// Calls a function for the elements of a column that a range names, up to four at a time: their
/// number is the function's last parameter.
macro_rules! by_fours {
    ($b:ident in $range:expr, $f:ident ( $($arg:expr),* )) => {{
        let std::ops::Range { start: mut $b, end } = $range;
        while $b < end {
            match end - $b {
                1 => $f::<F, 1>($($arg),*),
                2 => $f::<F, 2>($($arg),*),
                3 => $f::<F, 3>($($arg),*),
                _ => $f::<F, 4>($($arg),*),
            }
            $b += 4;
        }
    }};
}
pub(crate) use by_fours;

/// Columns of field elements: rows `b * LANES ..` of a column in element `b`.
#[derive(Clone, Copy)]
pub struct Columns<F: Field> {
    p: *mut RealOf<F>,
    /// Elements of a column.
    blocks: usize,
}

impl<F: Field> Columns<F> {
    const STEP: usize = F::PARTS * F::LANES;

    /// Columns of `rows` entries.
    #[inline(always)]
    fn new(p: *mut RealOf<F>, rows: usize) -> Self {
        Columns { p, blocks: rows.div_ceil(F::LANES) }
    }
    /// Reals from one column to the next, `B` elements being known to be in a column unless it is 0.
    #[inline(always)]
    fn stride<const B: usize>(self) -> usize {
        (if B == 0 { self.blocks } else { B }) * Self::STEP
    }
    /// Where the memory after `cols` columns begins.
    #[inline(always)]
    fn after(self, cols: usize) -> *mut RealOf<F> {
        self.at(0, cols)
    }

    #[inline(always)]
    fn at(self, b: usize, j: usize) -> *mut RealOf<F> {
        self.p.wrapping_add((j * self.blocks + b) * Self::STEP)
    }
    #[inline(always)]
    unsafe fn get(self, b: usize, j: usize) -> F {
        // SAFETY: an element of the columns.
        unsafe { F::load(self.at(b, j)) }
    }
    #[inline(always)]
    unsafe fn set(self, b: usize, j: usize, x: F) {
        // SAFETY: an element of the columns.
        unsafe { x.store(self.at(b, j)) }
    }
    /// Where the real part of entry (i, j) lies; the imaginary part is LANES further.
    #[inline(always)]
    fn entry(self, i: usize, j: usize) -> *mut RealOf<F> {
        self.at(i / F::LANES, j).wrapping_add(i % F::LANES)
    }
    /// Entry (i, j) in every lane.
    #[inline(always)]
    unsafe fn splat(self, i: usize, j: usize) -> F {
        // SAFETY: an entry of the columns.
        unsafe { splat::<F>(self.entry(i, j)) }
    }
    /// Entry (i, j) becomes the first lane.
    #[inline(always)]
    unsafe fn put(self, i: usize, j: usize, x: F) {
        // SAFETY: an entry of the columns.
        unsafe {
            let p = self.entry(i, j);
            p.write(x.re().first());
            if F::PARTS == 2 {
                p.add(F::LANES).write(x.im().first());
            }
        }
    }
    /// Reads a matrix; zeros in the rows that fill the last element.
    #[inline(always)]
    unsafe fn read(self, src: *const F::S, from: Frame) {
        // SAFETY: the matrix is that of a checked view, and the columns have its sizes.
        unsafe {
            if from.cs == 1 && from.rs != 1 {
                return self.read_rows(src, from);
            }
            for j in 0..from.cols {
                let column = src.offset(from.at(0, j));
                for b in 0..self.blocks {
                    let first = b * F::LANES;
                    let len = F::LANES.min(from.rows - first);
                    let x = if from.rs == 1 {
                        F::load_first_scalars(column.add(first), len)
                    } else {
                        F::from_lanes(|i| match i < len {
                            true => column.offset((first + i) as isize * from.rs).read(),
                            false => F::S::default(),
                        })
                    };
                    self.set(b, j, x);
                }
            }
        }
    }

    /// Reads a matrix whose rows are adjacent in memory.
    #[inline(always)]
    unsafe fn read_rows(self, src: *const F::S, from: Frame) {
        // SAFETY: as for `read`.
        unsafe {
            for b in 0..self.blocks {
                let first = b * F::LANES;
                for c in (0..from.cols).step_by(F::LANES) {
                    let cols = F::LANES.min(from.cols - c);
                    let mut x = [F::splat(F::S::default()); MAX_LANES];
                    for i in 0..F::LANES.min(from.rows - first) {
                        x[i] = F::load_first_scalars(src.offset(from.at(first + i, c)), cols);
                    }
                    let x = field::turned(x);
                    for j in 0..cols {
                        self.set(b, c + j, x[j]);
                    }
                }
            }
        }
    }

    /// Writes a matrix.
    #[inline(always)]
    unsafe fn write(self, dst: *mut F::S, to: Frame) {
        // SAFETY: the matrix is that of a checked view, and the columns have its sizes.
        unsafe {
            if to.cs == 1 && to.rs != 1 {
                return self.write_rows(dst, to);
            }
            for j in 0..to.cols {
                self.write_column(j, to.rows, dst.offset(to.at(0, j)), to.rs);
            }
        }
    }

    /// Writes a matrix whose rows are adjacent in memory.
    #[inline(always)]
    unsafe fn write_rows(self, dst: *mut F::S, to: Frame) {
        // SAFETY: as for `write`.
        unsafe {
            for b in 0..self.blocks {
                let first = b * F::LANES;
                for c in (0..to.cols).step_by(F::LANES) {
                    let cols = F::LANES.min(to.cols - c);
                    let mut x = [F::splat(F::S::default()); MAX_LANES];
                    for j in 0..cols {
                        x[j] = self.get(b, c + j);
                    }
                    let x = field::turned(x);
                    for i in 0..F::LANES.min(to.rows - first) {
                        x[i].store_first_scalars(dst.offset(to.at(first + i, c)), cols);
                    }
                }
            }
        }
    }

    /// Writes the first `rows` entries of column `j`, `stride` apart.
    #[inline(always)]
    unsafe fn write_column(self, j: usize, rows: usize, dst: *mut F::S, stride: isize) {
        // SAFETY: the caller's entries.
        unsafe {
            for b in 0..self.blocks {
                let first = b * F::LANES;
                let len = F::LANES.min(rows - first);
                let x = self.get(b, j);
                if stride == 1 {
                    x.store_first_scalars(dst.add(first), len);
                } else {
                    let lanes = x.to_lanes();
                    for i in 0..len {
                        dst.offset((first + i) as isize * stride).write(lanes[i]);
                    }
                }
            }
        }
    }

    /// Zeros below the diagonal of `n` columns.
    #[inline(always)]
    unsafe fn keep_upper(self, n: usize) {
        // SAFETY: the columns.
        unsafe {
            let zero = F::splat(F::S::default());
            for j in 0..n {
                let own = j / F::LANES;
                let below = lanes_from::<F::V>(j % F::LANES + 1);
                self.set(own, j, F::select(below, zero, self.get(own, j)));
                for b in own + 1..self.blocks {
                    self.set(b, j, zero);
                }
            }
        }
    }

    /// Zeros above the diagonal of `n` columns.
    #[inline(always)]
    unsafe fn keep_lower(self, n: usize) {
        // SAFETY: the columns.
        unsafe {
            let zero = F::splat(F::S::default());
            for j in 0..n {
                let own = j / F::LANES;
                let lower = lanes_from::<F::V>(j % F::LANES);
                self.set(own, j, F::select(lower, self.get(own, j), zero));
                for b in 0..own {
                    self.set(b, j, zero);
                }
            }
        }
    }

    /// Whether the norms of the rows and columns of a matrix of order `n` are in range, as
    /// `lines_good` of the lane kernels says it.
    #[inline(always)]
    unsafe fn lines_good(self, n: usize) -> bool {
        // SAFETY: the columns.
        unsafe {
            let one = F::V::splat(RealOf::<F>::ONE);
            let none = F::splat(F::S::default()).re();
            let (mut least, mut most, mut all) = (one, one, none);
            for b in 0..self.blocks {
                let first = b * F::LANES;
                let (mut row, mut columns) = (none, [one; MAX_LANES]);
                for j in 0..n {
                    row = self.get(b, j).add_square(row);
                }
                // The norms of as many columns, a lane each.
                for j in 0..F::LANES.min(n - first) {
                    columns[j] = none;
                    for c in 0..self.blocks {
                        columns[j] = self.get(c, first + j).add_square(columns[j]);
                    }
                }
                F::V::transpose(&mut columns);
                let mut column = columns[0];
                for j in 1..F::LANES {
                    column = column.add(columns[j]);
                }
                all = all.add(row).add(column);
                // The last element ends in rows of zeros.
                row = F::V::select(lanes_from::<F::V>(F::LANES.min(n - first)), one, row);
                least = F::V::min(F::V::min(least, row), column);
                most = F::V::max(F::V::max(most, row), column);
            }
            in_range(least, most, all, RealOf::<F>::LINE_EXP).count_ones() as usize == F::LANES
        }
    }

    /// Whether every entry of the first `cols` columns is finite.
    #[inline(always)]
    unsafe fn is_finite(self, cols: usize) -> bool {
        // SAFETY: the columns.
        unsafe {
            let mut zeros = F::splat(F::S::default()).re();
            for j in 0..cols {
                let mut column = F::splat(F::S::default()).re();
                for b in 0..self.blocks {
                    column = self.get(b, j).add_zero_times(column);
                }
                zeros = zeros.add(column);
            }
            RealOf::<F>::ONE > sum(zeros)
        }
    }
}

/// The entry whose real part lies at `p`, in every lane.
#[inline(always)]
unsafe fn splat<F: Field>(p: *const RealOf<F>) -> F {
    // SAFETY: the caller's entry.
    unsafe {
        let im = if F::PARTS == 2 { p.add(F::LANES).read() } else { p.read() };
        F::from_parts(F::V::splat(p.read()), F::V::splat(im))
    }
}

/// The lanes from number `i` on.
#[inline(always)]
unsafe fn lanes_from<V: Vector>(i: usize) -> V::Mask {
    // SAFETY: the contract of Vector.
    unsafe { V::mask(u64::MAX << i) }
}

/// The sum of the lanes.
#[inline(always)]
unsafe fn sum<V: Vector>(x: V) -> V::Elem {
    let mut lanes = [V::Elem::default(); MAX_LANES];
    // SAFETY: the contract of Vector.
    unsafe { x.store(lanes.as_mut_ptr()) };
    let mut width = V::LANES / 2;
    while width > 0 {
        for l in 0..width {
            lanes[l] = lanes[l] + lanes[l + width];
        }
        width /= 2;
    }
    lanes[0]
}
