//! LU with partial pivoting: the inverse, and the solution of a system.
//!
//! The working matrix is B = A^T, so that P B = L U, Y = U^-1 and X L = Y give A^-1 = (X P)^T, which
//! is stored row by row; for a system y U = b^T, z L = y and x = (z P)^T (Golub and Van Loan,
//! algorithm 3.4.1; the order of the solves as in [`lanes::lu`](crate::lanes::lu)).
//!
//! Rows are not exchanged (implicit pivoting: Anzt, Dongarra, Flegar, Quintana-Orti, "Variable-size
//! batched LU for small matrices and its integration into block-Jacobi preconditioning", ICPP 2017,
//! section 3): a bit says which rows are left, and a row of L or U is found by its number. No branch
//! depends on the data but where candidates for a pivot are equal. A step waits for its pivot far
//! longer than it works, so the steps of several matrices follow each other: while one waits the next
//! works.

use super::{Columns, LARGEST, RealOf, by_fours};
use crate::isa::Vector;
use crate::isa::field::Field;
use crate::lanes::{Group, Suspects};
use crate::scalar::{RealScalar, Scalar};

/// Matrices that are factored in step, at most.
pub const IN_STEP: usize = 4;
/// Bytes of them that stay in the first-level cache.
const NEAR: usize = 32 << 10;

/// How many matrices of `bytes` are factored in step.
const fn in_step(bytes: usize) -> usize {
    let fit = NEAR / bytes;
    if fit < 1 {
        1
    } else if fit > IN_STEP {
        IN_STEP
    } else {
        fit
    }
}

/// Reals of scratch for the factors of `n` columns of `reals`.
pub(super) fn scratch(n: usize, reals: usize) -> usize {
    IN_STEP * (n + 1) * reals
}

/// The numbers of rows that were not exchanged.
const IN_ORDER: [u8; LARGEST] = {
    let mut order = [0; LARGEST];
    let mut i = 0;
    while i < LARGEST {
        order[i] = i as u8;
        i += 1;
    }
    order
};

/// The factors of a matrix.
#[derive(Clone, Copy)]
struct Factors<F: Field> {
    n: usize,
    /// B, then L below U, its rows where they were.
    w: Columns<F>,
    /// The reciprocals of the diagonal of U.
    recips: *mut F::S,
    /// The sum of their sizes.
    sum: RealOf<F>,
    /// Which row of B is row k of L and U; from the present step on, where exchanges would have put
    /// the rows that are left.
    perm: [u8; LARGEST],
    /// At which number a row stands in `perm`: of equal candidates the first is the pivot.
    number: [u8; LARGEST],
    /// Where in a column the entry of row k of L and U lies.
    place: [u8; LARGEST],
    /// The rows that are in neither yet: a bit each.
    left: u64,
    /// Whether the lines of B are in range.
    lines: bool,
}

impl<F: Field> Factors<F> {
    /// Reads the transpose of matrix `i`.
    #[inline(always)]
    unsafe fn read(g: &Group<F::S>, i: usize, scratch: *mut RealOf<F>) -> Self {
        let n = g.n;
        let w = Columns::new(scratch, n);
        // SAFETY: the module's contract; the scratch holds n + 1 columns.
        unsafe {
            w.read(g.src.get(i), g.from.transposed());
            Factors {
                n,
                w,
                recips: w.after(n).cast(),
                sum: RealOf::<F>::default(),
                perm: IN_ORDER,
                number: IN_ORDER,
                place: [0; LARGEST],
                left: u64::MAX >> (64 - n),
                lines: w.lines_good(n),
            }
        }
    }

    /// Row `k` of L and U in the column that begins at `column`, in every lane.
    #[inline(always)]
    unsafe fn splat(&self, k: usize, column: *const RealOf<F>) -> F {
        // SAFETY: an entry of a column, k < n.
        unsafe { super::splat::<F>(column.add(*self.place.get_unchecked(k) as usize)) }
    }

    /// The first of some rows, a bit each, in their present order.
    #[inline(always)]
    fn first(&self, rows: u64) -> usize {
        let mut first = rows.trailing_zeros() as usize;
        let mut others = rows & (rows - 1);
        while others != 0 {
            let row = others.trailing_zeros() as usize;
            if self.number[row] < self.number[first] {
                first = row;
            }
            others &= others - 1;
        }
        first
    }

    /// Row `row` takes the number `k`, and the one that had it the number of that.
    #[inline(always)]
    fn exchange(&mut self, k: usize, row: usize) {
        let (number, other) = (self.number[row], self.perm[k]);
        self.perm[number as usize] = other;
        self.number[other as usize] = number;
        self.perm[k] = row as u8;
    }

    /// Step `k` of the elimination; `B` elements a column, any number if `B` is 0.
    #[inline(always)]
    unsafe fn step<One: Field<S = F::S>, const B: usize>(&mut self, k: usize) {
        // SAFETY: the columns.
        unsafe {
            let ld = self.w.stride::<B>();
            let column = self.w.p.add(k * ld);
            let row = self.first(largest_of::<F, B>(column, ld, self.left));
            self.exchange(k, row);
            let place = row / F::LANES * Columns::<F>::STEP + row % F::LANES;
            self.place[k] = place as u8;
            self.left &= !(1 << row);
            let pivot = column.add(place);
            let im = One::V::splat(pivot.add((F::PARTS - 1) * F::LANES).read());
            let pivot = One::from_parts(One::V::splat(pivot.read()), im);
            let recip = pivot.recip().to_lanes()[0];
            self.recips.add(k).write(recip);
            self.sum = self.sum + recip.abs1();
            let recip = F::splat(recip);
            let columns = self.n - k - 1;
            if B == 0 {
                by_fours!(b in 0..self.w.blocks, eliminate(column, ld, b, columns, place, recip, self.left));
            } else {
                eliminate::<F, B>(column, ld, 0, columns, place, recip, self.left);
            }
        }
    }
}

/// The rows that are left with the largest entry of a column of `ld` reals, a bit each.
#[inline(always)]
unsafe fn largest_of<F: Field, const B: usize>(
    column: *const RealOf<F>,
    ld: usize,
    left: u64,
) -> u64 {
    // SAFETY: the caller's column.
    unsafe {
        let blocks = if B == 0 { ld / Columns::<F>::STEP } else { B };
        let step = Columns::<F>::STEP;
        let none = F::V::splat(-RealOf::<F>::ONE);
        let mut best = none;
        for b in 0..blocks {
            let open = F::V::mask(left >> (b * F::LANES));
            best = best.max(F::V::select(open, F::load(column.add(b * step)).abs1(), none));
        }
        let best = best.largest();
        let mut here = 0;
        for b in 0..blocks {
            here |= F::V::bits(F::load(column.add(b * step)).abs1().eq(best)) << (b * F::LANES);
        }
        // A NaN equals nothing; then any row will do.
        let here = here & left;
        if here == 0 { left } else { here }
    }
}

/// Subtracts multiples of a column of `ld` reals from the `columns` after it, in the rows that are
/// left of `B` elements; the pivot's row lies at `place`. The column becomes L's there.
#[inline(always)]
unsafe fn eliminate<F: Field, const B: usize>(
    column: *mut RealOf<F>,
    ld: usize,
    first: usize,
    columns: usize,
    place: usize,
    recip: F,
    left: u64,
) {
    let step = Columns::<F>::STEP;
    // SAFETY: the caller's columns.
    unsafe {
        let mut multipliers = [F::splat(F::S::default()); B];
        let mut open = [F::V::mask(0); B];
        for b in 0..B {
            let at = column.add((first + b) * step);
            let x = F::load(at);
            open[b] = F::V::mask(left >> ((first + b) * F::LANES));
            multipliers[b] = x.mul(recip);
            F::select(open[b], multipliers[b], x).store(at);
        }
        let mut column = column;
        for _ in 0..columns {
            column = column.add(ld);
            let u = super::splat::<F>(column.add(place));
            for b in 0..B {
                let at = column.add((first + b) * step);
                // To subtract a zero elsewhere could change the sign of another zero.
                let x = F::load(at);
                F::select(open[b], multipliers[b].neg_mul_add(u, x), x).store(at);
            }
        }
    }
}

/// Factors matrices in step.
#[inline(always)]
unsafe fn factor<F: Field, One: Field<S = F::S>>(all: &mut [Factors<F>]) {
    // SAFETY: the columns.
    unsafe {
        match all[0].w.blocks {
            1 => steps::<F, One, 1>(all),
            2 => steps::<F, One, 2>(all),
            3 => steps::<F, One, 3>(all),
            4 => steps::<F, One, 4>(all),
            _ => steps::<F, One, 0>(all),
        }
    }
}

#[inline(always)]
unsafe fn steps<F: Field, One: Field<S = F::S>, const B: usize>(all: &mut [Factors<F>]) {
    for k in 0..all[0].n {
        for f in &mut *all {
            // SAFETY: the columns.
            unsafe { f.step::<One, B>(k) }
        }
    }
}

/// X with X L = U^-1; whether all of it is finite.
#[inline(always)]
unsafe fn invert<F: Field>(f: &Factors<F>, x: Columns<F>) -> bool {
    // SAFETY: the columns.
    unsafe {
        let zeros = match x.blocks {
            1 => rows_of_inverse::<F, 1>(f, x.p, x.stride::<1>(), 0),
            2 => rows_of_inverse::<F, 2>(f, x.p, x.stride::<2>(), 0),
            3 => rows_of_inverse::<F, 3>(f, x.p, x.stride::<3>(), 0),
            4 => rows_of_inverse::<F, 4>(f, x.p, x.stride::<4>(), 0),
            _ => {
                let (p, ld) = (x.p, x.stride::<0>());
                let mut zeros = F::splat(F::S::default()).re();
                for b in (0..x.blocks).step_by(4) {
                    let (p, first) = (p.add(b * Columns::<F>::STEP), b * F::LANES);
                    zeros = zeros.add(match x.blocks - b {
                        1 => rows_of_inverse::<F, 1>(f, p, ld, first),
                        2 => rows_of_inverse::<F, 2>(f, p, ld, first),
                        3 => rows_of_inverse::<F, 3>(f, p, ld, first),
                        _ => rows_of_inverse::<F, 4>(f, p, ld, first),
                    });
                }
                zeros
            }
        };
        F::V::bits(zeros.eq(zeros)).count_ones() as usize == F::LANES
    }
}

/// `B` elements of every column of X, of `ld` reals, from the row `first` on, at `x`; zero, or NaN if
/// one of them is not finite.
#[inline(always)]
unsafe fn rows_of_inverse<F: Field, const B: usize>(
    f: &Factors<F>,
    x: *mut RealOf<F>,
    ld: usize,
    first: usize,
) -> F::V {
    // SAFETY: the caller's columns.
    unsafe {
        // As many columns share the loads of a pass as there are registers for.
        match B {
            1 | 2 => columns_of_inverse::<F, B, 4>(f, x, ld, first),
            _ => columns_of_inverse::<F, B, 2>(f, x, ld, first),
        }
    }
}

/// The same, `W` columns at a time.
#[inline(always)]
unsafe fn columns_of_inverse<F: Field, const B: usize, const W: usize>(
    f: &Factors<F>,
    x: *mut RealOf<F>,
    ld: usize,
    first: usize,
) -> F::V {
    // SAFETY: the caller's columns.
    unsafe {
        for j in 0..first {
            for b in 0..B {
                F::splat(F::S::default()).store(x.add(j * ld + b * Columns::<F>::STEP));
            }
        }
        let mut j = first;
        while j + W <= f.n {
            inverse_of_upper::<F, B, W>(f, x, ld, first, j);
            j += W;
        }
        while j < f.n {
            inverse_of_upper::<F, B, 1>(f, x, ld, first, j);
            j += 1;
        }
        let mut zeros = F::splat(F::S::default()).re();
        while j >= W {
            j -= W;
            zeros = times_lower_inverse::<F, B, W>(f, x, ld, j, zeros);
        }
        while j > 0 {
            j -= 1;
            zeros = times_lower_inverse::<F, B, 1>(f, x, ld, j, zeros);
        }
        zeros
    }
}

/// The columns `j..j + W` of Y = U^-1, those before them being known.
#[inline(always)]
unsafe fn inverse_of_upper<F: Field, const B: usize, const W: usize>(
    f: &Factors<F>,
    y: *mut RealOf<F>,
    ld: usize,
    first: usize,
    j: usize,
) {
    let step = Columns::<F>::STEP;
    // SAFETY: the caller's columns.
    unsafe {
        let zero = F::splat(F::S::default());
        let upper = f.w.p.add(j * ld);
        let mut sum = [[zero; B]; W];
        let mut column = y.add(first * ld);
        for k in first..j {
            let mut x = [zero; B];
            for b in 0..B {
                x[b] = F::load(column.add(b * step));
            }
            for w in 0..W {
                let u = f.splat(k, upper.add(w * ld));
                for b in 0..B {
                    sum[w][b] = x[b].mul_add(u, sum[w][b]);
                }
            }
            column = column.add(ld);
        }
        for w in 0..W {
            let recip = F::splat(f.recips.add(j + w).read());
            let mut x = [zero; B];
            for b in 0..B {
                let row = F::V::mask((1 << (j + w - first)) >> (b * F::LANES));
                x[b] = F::select(row, recip, sum[w][b].neg_mul_add(recip, zero));
                x[b].store(column.add(b * step));
            }
            for v in w + 1..W {
                let u = f.splat(j + w, upper.add(v * ld));
                for b in 0..B {
                    sum[v][b] = x[b].mul_add(u, sum[v][b]);
                }
            }
            column = column.add(ld);
        }
    }
}

/// The columns `j..j + W` of X with X L = Y in the place of Y, those after them being known. The sums
/// begin at the far end, so that the column which was finished last is needed last. `zeros` plus zero
/// times what is written.
#[inline(always)]
unsafe fn times_lower_inverse<F: Field, const B: usize, const W: usize>(
    f: &Factors<F>,
    y: *mut RealOf<F>,
    ld: usize,
    j: usize,
    zeros: F::V,
) -> F::V {
    let step = Columns::<F>::STEP;
    // SAFETY: the caller's columns.
    unsafe {
        let mut zeros = zeros;
        let zero = F::splat(F::S::default());
        let (own, lower) = (y.add(j * ld), f.w.p.add(j * ld));
        let mut x = [[zero; B]; W];
        for w in 0..W {
            for b in 0..B {
                x[w][b] = F::load(own.add(w * ld + b * step));
            }
        }
        let mut column = y.add(f.n * ld);
        for k in (j + W..f.n).rev() {
            column = column.sub(ld);
            let mut known = [zero; B];
            for b in 0..B {
                known[b] = F::load(column.add(b * step));
            }
            for w in 0..W {
                let l = f.splat(k, lower.add(w * ld));
                for b in 0..B {
                    x[w][b] = known[b].neg_mul_add(l, x[w][b]);
                }
            }
        }
        for w in (0..W).rev() {
            for b in 0..B {
                x[w][b].store(own.add(w * ld + b * step));
                zeros = x[w][b].add_zero_times(zeros);
            }
            for v in 0..w {
                let l = f.splat(j + w, lower.add(v * ld));
                for b in 0..B {
                    x[v][b] = x[w][b].neg_mul_add(l, x[v][b]);
                }
            }
        }
        zeros
    }
}

/// Row `perm[j]` of the destination is column `j` of `x`.
#[inline(always)]
unsafe fn write<F: Field>(f: &Factors<F>, x: Columns<F>, g: &Group<F::S>, i: usize) {
    // SAFETY: the matrix is that of a checked view.
    unsafe {
        for j in 0..f.n {
            let row = g.dst.get(i).offset(g.to.at(f.perm[j] as usize, 0));
            x.write_column(j, g.to.cols, row, g.to.cs);
        }
    }
}

/// What is made of the factors. A trait's methods, for they are inlined where a closure need not be.
trait Made<F: Field> {
    /// Where the result of each matrix stands.
    fn columns(&self) -> Columns<F>;
    /// Makes that of matrix `i`; whether all of it is finite.
    unsafe fn make(&self, f: &Factors<F>, g: &Group<F::S>, i: usize) -> bool;
}

struct Inverse<F: Field>(Columns<F>);

impl<F: Field> Made<F> for Inverse<F> {
    #[inline(always)]
    fn columns(&self) -> Columns<F> {
        self.0
    }
    #[inline(always)]
    unsafe fn make(&self, f: &Factors<F>, _g: &Group<F::S>, _i: usize) -> bool {
        // SAFETY: the columns.
        unsafe { invert(f, self.0) }
    }
}

struct Solutions<F: Field>(Columns<F>);

impl<F: Field> Made<F> for Solutions<F> {
    #[inline(always)]
    fn columns(&self) -> Columns<F> {
        self.0
    }
    #[inline(always)]
    unsafe fn make(&self, f: &Factors<F>, g: &Group<F::S>, i: usize) -> bool {
        let rhs = self.0;
        // SAFETY: the columns, and matrices of checked views.
        unsafe {
            rhs.read(g.rhs.get(i), g.rhs_from.transposed());
            for b in 0..rhs.blocks {
                substitute(f, rhs, b);
            }
            rhs.is_finite(f.n)
        }
    }
}

/// Factors the matrices of a group, as many in step as stay near, and stores what is made of each.
#[inline(always)]
unsafe fn each<F: Field, One: Field<S = F::S>>(g: &Group<F::S>, result: impl Made<F>) -> Suspects {
    // SAFETY: the module's contract; the scratch holds the result and the factors in step.
    unsafe {
        let (n, len, x) = (g.n, g.src.len(), result.columns());
        let reals = n.div_ceil(F::LANES) * Columns::<F>::STEP;
        let width = in_step(n * reals * size_of::<RealOf<F>>());
        let (mut bad, mut first) = (0, 0);
        while first < len {
            let count = width.min(len - first);
            let at = |m: usize| x.after(n).wrapping_add(m * (n + 1) * reals);
            let mut all = [Factors::<F>::read(g, first, at(0)); IN_STEP];
            for m in 1..count {
                all[m] = Factors::read(g, first + m, at(m));
            }
            factor::<F, One>(&mut all[..count]);
            for m in 0..count {
                let f = &all[m];
                let finite = result.make(f, g, first + m);
                let good = finite && f.lines && RealOf::<F>::BIG > f.sum;
                if good || g.force {
                    write(f, x, g, first + m);
                }
                bad |= (!good as u64) << (first + m);
            }
            first += count;
        }
        Suspects { bad, unstored: if g.force { 0 } else { bad } }
    }
}

/// The inverses of a group.
#[inline(always)]
pub unsafe fn inv<F: Field, One: Field<S = F::S>>(g: &Group<F::S>) -> Suspects {
    // SAFETY: the module's contract.
    unsafe { each::<F, One>(g, Inverse(Columns::new(g.scratch, g.n))) }
}

/// The solutions of a group of systems.
#[inline(always)]
pub unsafe fn solve<F: Field, One: Field<S = F::S>>(g: &Group<F::S>) -> Suspects {
    // SAFETY: the module's contract.
    unsafe { each::<F, One>(g, Solutions(Columns::new(g.scratch, g.rhs_from.cols))) }
}

/// y U = b^T and z L = y in the place of b^T, for one element of its columns.
#[inline(always)]
unsafe fn substitute<F: Field>(f: &Factors<F>, rhs: Columns<F>, b: usize) {
    // SAFETY: the columns.
    unsafe {
        let (n, w) = (f.n, f.w);
        for i in 0..n {
            let y = rhs.get(b, i).mul(F::splat(f.recips.add(i).read()));
            rhs.set(b, i, y);
            for j in i + 1..n {
                rhs.set(b, j, y.neg_mul_add(f.splat(i, w.at(0, j)), rhs.get(b, j)));
            }
        }
        for i in (0..n).rev() {
            let z = rhs.get(b, i);
            for j in 0..i {
                rhs.set(b, j, z.neg_mul_add(f.splat(i, w.at(0, j)), rhs.get(b, j)));
            }
        }
    }
}
