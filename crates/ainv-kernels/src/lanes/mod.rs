//! One matrix a lane: stacks of small matrices, `LANES` of them side by side.
//!
//! A tile holds element `(i, j)` of every lane's matrix in one field element. The algorithm on the
//! tile is the textbook's for one matrix, without a branch on data: pivots are chosen lane by lane
//! with masks. A group of up to [`GROUP`] matrices is one call; a last, part-filled register runs
//! the same code over copies of its first matrix, so a matrix's bits do not depend on its place.
//!
//! A kernel answers with the *suspects*: matrices whose entries, pivots or result leave the range in
//! which no product over- or underflows, or which have a zero pivot or a NaN. A register with a
//! suspect is not stored (the input may be the output); the caller settles the suspects one by one,
//! and repeats the call for the others with `force`.

pub mod cholesky;
pub mod closed;
pub mod jacobi;
pub mod lu;
pub mod orthogonal;
mod run;
pub mod subspace;
mod transfer;
pub mod triangular;
pub mod unrolled;

use crate::bounds::Cut;
use crate::isa::field::Field;
use crate::isa::{MAX_LANES, Vector};
use crate::places::Frame;
use crate::places::Places;
use crate::scalar::{RealScalar, Scalar};
use run::Run;
pub use transfer::Transfer;

/// Matrices of one call: a bit each in the answer.
pub const GROUP: usize = 64;

/// Up to [`GROUP`] square matrices of order `n` in, as many results out; for a solve `rhs` are the
/// right-hand sides, n x k, as are the results.
#[derive(Clone, Copy)]
pub struct Group<'a, T: Scalar> {
    pub n: usize,
    pub src: Places<'a, T>,
    pub from: Frame,
    pub rhs: Places<'a, T>,
    pub rhs_from: Frame,
    pub dst: Places<'a, T>,
    pub to: Frame,
    /// [`scratch`] reals.
    pub scratch: *mut T::Real,
    /// Store the suspects as well.
    pub force: bool,
    /// The stack is larger than the caches near the core.
    pub far: bool,
    /// The results go past the caches where they fill whole lines of them.
    pub stream: bool,
}

impl<T: Scalar> Group<'_, T> {
    /// The `len` matrices from `first` on.
    pub fn part(&self, first: usize, len: usize) -> Self {
        Group {
            src: self.src.part(first, len),
            rhs: self.rhs.part(first, len),
            dst: self.dst.part(first, len),
            ..*self
        }
    }
}

/// What `tri_inv` does not read: the diagonal of a unit triangle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TriShape {
    pub unit: bool,
}

/// What `pinv` asks of each matrix of a group.
#[derive(Clone, Copy, Debug)]
pub struct PinvLanes<'a> {
    /// The cut-off of each matrix.
    pub cuts: &'a [Cut],
    /// The lower triangle says all.
    pub hermitian: bool,
    /// The unit roundoff of the scalar that the caller's matrices came in.
    pub unit: f64,
}

/// Reals that a kernel of pseudo-inverses needs: the tile, two squares, three rows and the result.
pub fn pinv_scratch(m: usize, n: usize) -> usize {
    (2 * m * n + 2 * n * n + 3 * n) * 2 * MAX_LANES
}

/// Reals that a lane kernel needs for order `n` (and `k` right-hand sides): the tile, the
/// permutation, four rows and the right-hand sides.
pub fn scratch(n: usize, k: usize) -> usize {
    (n * n + 5 * n + n * k) * 2 * MAX_LANES
}

/// A block of field elements in scratch, by rows or (turned) by columns.
#[derive(Clone, Copy)]
pub struct Tile<F: Field> {
    p: *mut <F::S as Scalar>::Real,
    rs: usize,
    cs: usize,
}

impl<F: Field> Tile<F> {
    /// Reals of one element.
    const STEP: usize = F::PARTS * F::LANES;

    /// By rows of `cols` elements.
    #[inline(always)]
    pub fn new(p: *mut <F::S as Scalar>::Real, cols: usize) -> Self {
        Tile { p, rs: cols, cs: 1 }
    }
    /// By columns of `rows` elements.
    #[inline(always)]
    pub fn turned(p: *mut <F::S as Scalar>::Real, rows: usize) -> Self {
        Tile { p, rs: 1, cs: rows }
    }
    #[inline(always)]
    pub fn is_turned(self) -> bool {
        self.cs != 1
    }
    /// Where the next block begins after `len` elements.
    #[inline(always)]
    pub fn after(self, len: usize) -> *mut <F::S as Scalar>::Real {
        self.p.wrapping_add(len * Self::STEP)
    }
    /// Where element (i, j) begins.
    #[inline(always)]
    pub fn at(self, i: usize, j: usize) -> *mut <F::S as Scalar>::Real {
        self.p.wrapping_add((i * self.rs + j * self.cs) * Self::STEP)
    }
    #[inline(always)]
    pub unsafe fn get(self, i: usize, j: usize) -> F {
        // SAFETY: (i, j) is in the block.
        unsafe { F::load(self.at(i, j)) }
    }
    #[inline(always)]
    pub unsafe fn set(self, i: usize, j: usize, x: F) {
        // SAFETY: (i, j) is in the block.
        unsafe { x.store(self.at(i, j)) }
    }
}

/// What a tile of a small order holds, as values.
impl<F: Field> Tile<F> {
    #[inline(always)]
    pub unsafe fn values<const N: usize>(self) -> [[F; N]; N] {
        // SAFETY: the tile is N x N.
        unsafe {
            let mut a = [[F::splat(F::S::default()); N]; N];
            for i in 0..N {
                for j in 0..N {
                    a[i][j] = self.get(i, j);
                }
            }
            a
        }
    }
    #[inline(always)]
    pub unsafe fn set_values<const N: usize>(self, a: &[[F; N]; N]) {
        // SAFETY: the tile is N x N.
        unsafe {
            for i in 0..N {
                for j in 0..N {
                    self.set(i, j, a[i][j]);
                }
            }
        }
    }
}

/// Which lanes are beyond suspicion as to the reciprocals of the pivots (their sum in range) and the
/// result: `zeros` is the sum of its entries times zero, which is NaN if one of them is not finite.
#[inline(always)]
pub unsafe fn good<V: Vector>(recips: V, zeros: V) -> u64 {
    // SAFETY: the contract of Vector.
    unsafe { V::bits(V::splat(V::Elem::BIG).gt(recips)) & V::bits(zeros.eq(zeros)) }
}

/// Which lanes are beyond suspicion as to what was read: the norm of each row and each column
/// between `2^-exp` and `2^exp`, where no square over- or underflows.
#[inline(always)]
pub unsafe fn lines_good<F: Field>(t: Tile<F>, n: usize, which: Part, exp: i32) -> u64 {
    // SAFETY: the tile is n x n.
    unsafe {
        let one = F::V::splat(<F::S as Scalar>::Real::ONE);
        let none = F::splat(F::S::default()).re();
        // A NaN is not kept by `min` and `max`, but it stays in the sum of squares of all.
        let (mut least, mut most, mut all) = (one, one, none);
        for i in 0..n {
            let (mut row, mut column) = (none, none);
            for j in 0..n {
                if which != Part::Upper || i <= j {
                    row = t.get(i, j).add_square(row);
                }
                if which != Part::Upper || j <= i {
                    column = t.get(j, i).add_square(column);
                }
            }
            least = F::V::min(F::V::min(least, row), column);
            most = F::V::max(F::V::max(most, row), column);
            all = all.add(row);
        }
        in_range(least, most, all, exp)
    }
}

/// Which lanes have all squares of norms between `2^(-2 exp)` and `2^(2 exp)`, none of them a NaN.
#[inline(always)]
pub unsafe fn in_range<V: Vector>(least: V, most: V, all: V, exp: i32) -> u64 {
    // SAFETY: the contract of Vector.
    unsafe {
        let large = V::splat(V::Elem::ONE.times_power_of_two(2 * exp));
        let small = V::splat(V::Elem::ONE.times_power_of_two(-2 * exp));
        V::bits(large.gt(most)) & V::bits(least.gt(small)) & V::bits(all.eq(all))
    }
}

/// The same of values: every line of a matrix of order `N`.
#[inline(always)]
pub unsafe fn values_good<F: Field, const N: usize>(a: &[[F; N]; N], exp: i32) -> u64 {
    // SAFETY: the contract of Vector.
    unsafe {
        let one = F::V::splat(<F::S as Scalar>::Real::ONE);
        let none = F::splat(F::S::default()).re();
        let (mut least, mut most, mut all) = (one, one, none);
        for i in 0..N {
            let (mut row, mut column) = (none, none);
            for j in 0..N {
                row = a[i][j].add_square(row);
                column = a[j][i].add_square(column);
            }
            least = F::V::min(F::V::min(least, row), column);
            most = F::V::max(F::V::max(most, row), column);
            all = all.add(row);
        }
        in_range(least, most, all, exp)
    }
}

/// The part of a tile that is read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Whole,
    Upper,
}

/// What a kernel answers: a bit for each matrix of the group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Suspects {
    /// The suspects.
    pub bad: u64,
    /// The matrices without a result: the suspects, and those beside them in a register.
    pub unstored: u64,
}

impl Suspects {
    /// All of `count` matrices.
    pub fn all(count: usize) -> Self {
        let all = u64::MAX >> (64 - count);
        Suspects { bad: all, unstored: all }
    }
    pub fn is_empty(self) -> bool {
        self.bad == 0
    }
}

/// The walk over a group, a register of matrices at a time, and its suspects.
pub struct Registers {
    len: usize,
    force: bool,
    at: std::ops::Range<usize>,
    suspects: Suspects,
}

impl Registers {
    #[inline(always)]
    pub fn of<T: Scalar>(g: &Group<T>) -> Self {
        Registers { len: g.src.len(), force: g.force, at: 0..0, suspects: Suspects::default() }
    }
    /// The next matrices, up to `lanes`.
    #[inline(always)]
    pub fn next(&mut self, lanes: usize) -> Option<std::ops::Range<usize>> {
        self.at = self.at.end..self.len.min(self.at.end + lanes);
        if self.at.is_empty() { None } else { Some(self.at.clone()) }
    }
    /// Notes the suspects; whether to store.
    #[inline(always)]
    pub fn accept(&mut self, good: u64) -> bool {
        let all = u64::MAX >> (64 - self.at.len());
        let bad = !good & all;
        self.suspects.bad |= bad << self.at.start;
        let store = self.force || bad == 0;
        if !store {
            self.suspects.unstored |= all << self.at.start;
        }
        store
    }
    #[inline(always)]
    pub fn suspects(self) -> Suspects {
        self.suspects
    }
}
