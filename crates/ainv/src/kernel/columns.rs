//! The inverse of one matrix of middle order: LU with partial pivoting by columns, all of it in the
//! first-level cache.
//!
//! The working matrix is B = A^T, column by column in registers' lengths ([`Columns`]), so that
//! P B = L U, Y = U^-1 and X L = Y are all made of one step, "a column minus a multiple of another",
//! and A^-1 = (X P)^T is stored row by row (Golub and Van Loan, Matrix Computations, 4th ed.,
//! section 3.4.1 and algorithm 3.1.3; the order of the solves as in [`lanes::lu`](super::lanes::lu)).
//! Every sum is taken in the order of the lane kernels: a matrix has the same bits by either.

use super::lanes::Group;
use crate::isa::field::Field;
use crate::isa::{MAX_LANES, Vector};
use crate::scalar::{RealScalar, Scalar};
use crate::stack::Frame;

/// The largest order: three matrices of it in double precision still fit in the cache nearest to
/// the core, or nearly so.
pub(crate) const LARGEST: usize = 64;

type RealOf<F> = <<F as Field>::S as Scalar>::Real;

/// Reals of scratch for order `n`: two matrices, a column of sums and one of reciprocals.
pub(crate) fn scratch(n: usize) -> usize {
    (n + MAX_LANES) * 2 * (2 * n + 2)
}

/// Columns of field elements: rows `b * LANES ..` of a column in element `b`.
#[derive(Clone, Copy)]
struct Columns<F: Field> {
    p: *mut RealOf<F>,
    /// Elements of a column.
    blocks: usize,
}

impl<F: Field> Columns<F> {
    const STEP: usize = F::PARTS * F::LANES;

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
        unsafe {
            let p = self.entry(i, j);
            let im = if F::PARTS == 2 { p.add(F::LANES).read() } else { p.read() };
            F::from_parts(F::V::splat(p.read()), F::V::splat(im))
        }
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
    /// Exchanges the rows `i` and `k` of column `j`.
    #[inline(always)]
    unsafe fn exchange(self, i: usize, k: usize, j: usize) {
        // SAFETY: entries of the columns.
        unsafe {
            for part in 0..F::PARTS {
                let (a, b) =
                    (self.entry(i, j).add(part * F::LANES), self.entry(k, j).add(part * F::LANES));
                let (x, y) = (a.read(), b.read());
                a.write(y);
                b.write(x);
            }
        }
    }
}

/// The lanes whose number is above `i`.
#[inline(always)]
unsafe fn above<V: Vector>(i: usize) -> V::Mask {
    // SAFETY: the contract of Vector.
    unsafe {
        let mut numbers = [V::Elem::default(); MAX_LANES];
        for l in 0..V::LANES {
            numbers[l] = V::Elem::from_f64(l as f64);
        }
        V::load(numbers.as_ptr()).gt(V::splat(V::Elem::from_f64(i as f64)))
    }
}

/// The largest lane.
#[inline(always)]
unsafe fn largest<V: Vector>(x: V) -> V::Elem {
    let mut lanes = [V::Elem::default(); MAX_LANES];
    // SAFETY: the contract of Vector.
    unsafe { x.store(lanes.as_mut_ptr()) };
    let mut width = V::LANES / 2;
    while width > 0 {
        for l in 0..width {
            lanes[l] = if lanes[l] > lanes[l + width] { lanes[l] } else { lanes[l + width] };
        }
        width /= 2;
    }
    lanes[0]
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

/// A matrix that is being inverted.
struct Work<F: Field> {
    n: usize,
    /// B, then U, then U^-1, then X.
    w: Columns<F>,
    /// L without its diagonal, zeros elsewhere; then a column of sums, and one of the reciprocals of
    /// the diagonal of U.
    l: Columns<F>,
    /// The rows of B in their order after pivoting.
    perm: [usize; LARGEST],
}

impl<F: Field> Work<F> {
    #[inline(always)]
    fn new(scratch: *mut RealOf<F>, n: usize) -> Self {
        let blocks = n.div_ceil(F::LANES);
        let w = Columns { p: scratch, blocks };
        let l = Columns { p: w.at(0, n), blocks };
        Work { n, w, l, perm: [0; LARGEST] }
    }

    /// Reads a matrix, and says whether the norms of its rows and columns are in range, as
    /// `lines_good` of the lane kernels does.
    #[inline(always)]
    unsafe fn read(&mut self, src: *const F::S, from: Frame) -> bool {
        // SAFETY: the matrix is that of a checked view; the rows past n are written as zeros.
        unsafe {
            let (n, w) = (self.n, self.w);
            let zero = F::splat(F::S::default());
            // The squares of each row, in the column of sums.
            for b in 0..w.blocks {
                self.l.set(b, n, zero);
            }
            let exp = 2 * RealOf::<F>::LINE_EXP;
            let large = RealOf::<F>::ONE.times_power_of_two(exp);
            let small = RealOf::<F>::ONE.times_power_of_two(-exp);
            let mut good = true;
            for j in 0..n {
                let column = src.offset(from.at(0, j));
                let mut squares = zero.re();
                for b in 0..w.blocks {
                    let first = b * F::LANES;
                    let len = F::LANES.min(n - first);
                    let x = if from.rs == 1 {
                        F::load_first_scalars(column.add(first), len)
                    } else {
                        F::from_lanes(|i| match i < len {
                            true => column.offset((first + i) as isize * from.rs).read(),
                            false => F::S::default(),
                        })
                    };
                    w.set(b, j, x);
                    squares = x.add_square(squares);
                    let row = x.add_square(self.l.get(b, n).re());
                    self.l.set(b, n, F::from_re(row));
                }
                let norm = sum(squares);
                good &= large > norm && norm > small;
            }
            for b in 0..w.blocks {
                let mut norms = [RealOf::<F>::default(); MAX_LANES];
                self.l.get(b, n).re().store(norms.as_mut_ptr());
                for i in 0..F::LANES.min(n - b * F::LANES) {
                    good &= large > norms[i] && norms[i] > small;
                }
            }
            good
        }
    }

    /// The first row from `k` on with the largest entry of column `k`.
    #[inline(always)]
    unsafe fn find_pivot(&self, k: usize) -> usize {
        // SAFETY: the columns.
        unsafe {
            let w = self.w;
            let start = k / F::LANES;
            let minus = F::V::splat(-RealOf::<F>::ONE);
            let below = |x: F::V| F::V::select(above::<F::V>(k % F::LANES), x, minus);
            let mut best = below(w.get(start, k).abs1());
            for b in start + 1..w.blocks {
                best = best.max(w.get(b, k).abs1());
            }
            let own = w.splat(k, k).abs1();
            let best = F::V::splat(largest(best.max(own)));
            if F::V::bits(own.eq(best)) & 1 == 1 {
                return k;
            }
            for b in start..w.blocks {
                let size = w.get(b, k).abs1();
                let size = if b == start { below(size) } else { size };
                let here = F::V::bits(size.eq(best));
                if here != 0 {
                    return b * F::LANES + here.trailing_zeros() as usize;
                }
            }
            // A NaN equals nothing.
            k
        }
    }

    /// P B = L U. The sum of |1 / pivots|, in every lane.
    #[inline(always)]
    unsafe fn factor(&mut self) -> F::V {
        // SAFETY: the columns.
        unsafe {
            let (n, w, l) = (self.n, self.w, self.l);
            let zero = F::splat(F::S::default());
            let mut recips = zero.abs1();
            for k in 0..n {
                self.perm[k] = k;
            }
            for k in 0..n {
                let p = self.find_pivot(k);
                self.perm.swap(k, p);
                for j in 0..k {
                    l.exchange(k, p, j);
                }
                w.exchange(k, p, k);
                let recip = w.splat(k, k).recip();
                l.put(k, n + 1, recip);
                recips = recips.add(recip.abs1());
                // The multipliers leave for L; zeros take their place.
                let start = k / F::LANES;
                let below = above::<F::V>(k % F::LANES);
                for b in 0..start {
                    l.set(b, k, zero);
                }
                for b in start..w.blocks {
                    let x = w.get(b, k);
                    let multiplier = x.mul(recip);
                    if b == start {
                        l.set(b, k, F::select(below, multiplier, zero));
                        w.set(b, k, F::select(below, zero, x));
                    } else {
                        l.set(b, k, multiplier);
                        w.set(b, k, zero);
                    }
                }
                match w.blocks - start {
                    1 => self.step::<1>(k, p, start),
                    2 => self.step::<2>(k, p, start),
                    3 => self.step::<3>(k, p, start),
                    4 => self.step::<4>(k, p, start),
                    _ => self.step::<0>(k, p, start),
                }
            }
            recips
        }
    }

    /// Step `k` of the elimination in the columns after it, row `p` being exchanged with row `k` on
    /// the way: entries that are exchanged are mended after the column's own step, so that no load
    /// of a register waits for the store of an entry. `B` blocks from `start` on, any number if `B`
    /// is 0.
    #[inline(always)]
    unsafe fn step<const B: usize>(&self, k: usize, p: usize, start: usize) {
        // SAFETY: the columns.
        unsafe {
            let (w, l) = (self.w, self.l);
            let zero = F::splat(F::S::default());
            let mut multipliers = [zero; B];
            for b in 0..B {
                multipliers[b] = l.get(start + b, k);
            }
            let own = l.splat(p, k);
            for j in k + 1..self.n {
                let u = w.splat(p, j);
                let leaves = w.splat(k, j);
                if B == 0 {
                    for b in start..w.blocks {
                        w.set(b, j, l.get(b, k).neg_mul_add(u, w.get(b, j)));
                    }
                }
                for b in 0..B {
                    w.set(start + b, j, multipliers[b].neg_mul_add(u, w.get(start + b, j)));
                }
                if p != k {
                    w.put(k, j, u);
                    w.put(p, j, own.neg_mul_add(u, leaves));
                }
            }
        }
    }

    /// U^-1 in the place of U.
    #[inline(always)]
    unsafe fn invert_upper(&self) {
        // SAFETY: the columns.
        unsafe {
            let (n, w) = (self.n, self.w);
            let zero = F::splat(F::S::default());
            for j in 0..n {
                let blocks = j / F::LANES + 1;
                let recip = self.l.splat(j, n + 1);
                let mut b = 0;
                while b < blocks {
                    // The entries of U are read before the last of them are overwritten.
                    b += match blocks - b {
                        1 => self.column_of_inverse::<1>(j, b),
                        2 => self.column_of_inverse::<2>(j, b),
                        3 => self.column_of_inverse::<3>(j, b),
                        _ => self.column_of_inverse::<4>(j, b),
                    };
                }
                for b in 0..blocks {
                    let x = self.l.get(b, n);
                    w.set(b, j, x.neg_mul_add(recip, zero));
                }
                w.put(j, j, recip);
            }
        }
    }

    /// The sums of column `j` of U^-1 in `B` blocks, into the column after L; returns `B`.
    #[inline(always)]
    unsafe fn column_of_inverse<const B: usize>(&self, j: usize, first: usize) -> usize {
        // SAFETY: the columns.
        unsafe {
            let w = self.w;
            let mut sum = [F::splat(F::S::default()); B];
            for k in first * F::LANES..j {
                let u = w.splat(k, j);
                for b in 0..B {
                    sum[b] = w.get(first + b, k).mul_add(u, sum[b]);
                }
            }
            for b in 0..B {
                self.l.set(first + b, self.n, sum[b]);
            }
            B
        }
    }

    /// X L = Y in the place of Y, from the last column on.
    #[inline(always)]
    unsafe fn times_l_inverse(&self) {
        // SAFETY: the columns.
        unsafe {
            let blocks = self.w.blocks;
            for j in (0..self.n).rev() {
                let mut b = 0;
                while b < blocks {
                    b += match blocks - b {
                        1 => self.column_of_result::<1>(j, b),
                        2 => self.column_of_result::<2>(j, b),
                        3 => self.column_of_result::<3>(j, b),
                        _ => self.column_of_result::<4>(j, b),
                    };
                }
            }
        }
    }

    /// `B` blocks of column `j` of X; returns `B`.
    #[inline(always)]
    unsafe fn column_of_result<const B: usize>(&self, j: usize, first: usize) -> usize {
        // SAFETY: the columns.
        unsafe {
            let w = self.w;
            let mut x = [F::splat(F::S::default()); B];
            for b in 0..B {
                x[b] = w.get(first + b, j);
            }
            for k in (j + 1..self.n).rev() {
                let l = self.l.splat(k, j);
                for b in 0..B {
                    x[b] = w.get(first + b, k).neg_mul_add(l, x[b]);
                }
            }
            for b in 0..B {
                w.set(first + b, j, x[b]);
            }
            B
        }
    }

    /// Whether every entry of the result is finite.
    #[inline(always)]
    unsafe fn is_finite(&self) -> bool {
        // SAFETY: the columns.
        unsafe {
            let mut zeros = F::splat(F::S::default()).re();
            for j in 0..self.n {
                let mut column = F::splat(F::S::default()).re();
                for b in 0..self.w.blocks {
                    column = self.w.get(b, j).add_zero_times(column);
                }
                zeros = zeros.add(column);
            }
            RealOf::<F>::ONE > sum(zeros)
        }
    }

    /// Row `perm[j]` of the destination is column `j` of X.
    #[inline(always)]
    unsafe fn write(&self, dst: *mut F::S, to: Frame) {
        // SAFETY: the matrix is that of a checked view.
        unsafe {
            for j in 0..self.n {
                let row = dst.offset(to.at(self.perm[j], 0));
                for b in 0..self.w.blocks {
                    let first = b * F::LANES;
                    let len = F::LANES.min(self.n - first);
                    let x = self.w.get(b, j);
                    if to.cs == 1 {
                        x.store_first_scalars(row.add(first), len);
                    } else {
                        let lanes = x.to_lanes();
                        for i in 0..len {
                            row.offset((first + i) as isize * to.cs).write(lanes[i]);
                        }
                    }
                }
            }
        }
    }
}

/// The inverse of one matrix; whether it is suspect, in the sense of the lane kernels.
#[inline(always)]
pub(crate) unsafe fn inv<F: Field>(g: &Group<F::S>) -> bool {
    // SAFETY: the module's contract.
    unsafe {
        let mut w = Work::<F>::new(g.scratch, g.n);
        let lines = w.read(g.src.get(0), g.from.transposed());
        let recips = w.factor().first();
        w.invert_upper();
        w.times_l_inverse();
        let good = lines && RealOf::<F>::BIG > recips && w.is_finite();
        if good || g.force {
            w.write(g.dst.get(0), g.to);
        }
        !good
    }
}
