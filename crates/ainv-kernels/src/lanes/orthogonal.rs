//! Pseudo-inverses of matrices of full column rank in a tile: A = Q R by classical Gram-Schmidt, twice
//! (Giraud, Langou, Rozloznik, van den Eshof, "Rounding error analysis of the classical Gram-Schmidt
//! orthogonalization process", Numer. Math. 101, 2005), X = R^-1 Q^H.
//!
//! A matrix is stored only where [`Orthogonal`] proves that no singular value is at or under its
//! cut-off; the others are suspects.

use super::triangular::invert_upper;
use super::{Group, Part, PinvLanes, Registers, Suspects, Tile, Transfer, in_range};
use crate::bounds::Orthogonal;
use crate::isa::field::Field;
use crate::isa::{MAX_LANES, Vector};
use crate::scalar::{RealScalar, Scalar};
use std::ops::Range;

/// Columns that share the loads of another one.
const WIDTH: usize = 4;

/// How far R V may be from I, over m u ||R|| ||V||, V being R^-1 by its other residual V R - I: farther,
/// A X = Q R V Q^H is not Hermitian to rounding.
const SKEW: f64 = 0.5;

/// Pseudo-inverses of a group of m x n matrices, m >= n.
#[inline(always)]
pub unsafe fn pinv<F: Field>(g: &Group<F::S>, p: &PinvLanes) -> Suspects {
    // SAFETY: the module's contract.
    unsafe {
        let (m, n) = (g.from.rows, g.from.cols);
        let mut registers = Registers::of(g);
        let (from, to) =
            (Transfer::<F>::new(g.src, g.from, g.far), Transfer::<F>::new(g.dst, g.to, g.far));
        while let Some(at) = registers.next(F::LANES) {
            let q = load(&from, at.clone(), g.scratch, p.hermitian, n);
            let r = Tile::<F>::new(q.after(m * n), n);
            let recip = Tile::<F>::new(r.after(n * n), n);
            let all = F::V::splat(RealScalar::from_f64(n as f64));
            let c = Tile::<F>::new(recip.after(n), n);
            let x = Tile::<F>::new(c.after(n), m);
            let a = squares(q, m, n, false);
            orthogonalize(q, r, recip, c, m, n, all);
            let r2 = squares(r, n, n, true);
            let factor = Tile::<F>::new(c.after(n), n);
            for i in 0..n {
                for j in i..n {
                    factor.set(i, j, r.get(i, j));
                }
            }
            invert_upper(r, recip, n);
            let v2 = squares(r, n, n, true);
            let skew = right_residual(factor, r, n);
            let gram = defect(q, m, n, all);
            multiply(r, q, x, (n, m, n), Part::Upper);
            let read = in_range(a, a, a, <F::S as Scalar>::Real::LINE_EXP);
            let squares = [lanes(a), lanes(r2), lanes(v2), lanes(gram), lanes(skew)];
            let mut good = 0;
            for (l, i) in at.clone().enumerate() {
                let [a, r, v, gram, skew] = squares.map(|x| x[l].sqrt());
                let bounds = Orthogonal { a, r, v, gram }.bounds::<F::S>(m, n);
                let fine = skew <= SKEW * m.max(2) as f64 * p.unit * r * v;
                good |= ((fine && bounds.clear_of(p.cuts[i])) as u64) << l;
            }
            if registers.accept(read & good) {
                to.store(at, x);
            }
        }
        registers.suspects()
    }
}

/// The matrices, the upper triangle of Hermitian ones as the lower one says.
#[inline(always)]
pub(super) unsafe fn load<F: Field>(
    from: &Transfer<F>,
    at: Range<usize>,
    scratch: *mut <F::S as Scalar>::Real,
    hermitian: bool,
    n: usize,
) -> Tile<F> {
    // SAFETY: the caller's.
    unsafe {
        let a = from.load(at, scratch);
        if hermitian {
            mirror(a, n);
        }
        a
    }
}

/// The lanes in double precision.
#[inline(always)]
pub(super) unsafe fn lanes<V: Vector>(x: V) -> [f64; MAX_LANES] {
    // SAFETY: the contract of Vector.
    unsafe {
        let mut lanes = [V::Elem::default(); MAX_LANES];
        x.store(lanes.as_mut_ptr());
        lanes.map(RealScalar::to_f64)
    }
}

/// The upper triangle becomes the adjoint of the lower one, the diagonal real.
#[inline(always)]
unsafe fn mirror<F: Field>(t: Tile<F>, n: usize) {
    // SAFETY: the tile is n x n.
    unsafe {
        for i in 0..n {
            t.set(i, i, F::from_re(t.get(i, i).re()));
            for j in 0..i {
                t.set(j, i, t.get(i, j).conj());
            }
        }
    }
}

/// The sum of |entries|^2, of all of them or of the upper triangle.
#[inline(always)]
pub(super) unsafe fn squares<F: Field>(t: Tile<F>, m: usize, n: usize, upper: bool) -> F::V {
    // SAFETY: the tile is m x n.
    unsafe {
        let none = F::splat(F::S::default()).re();
        let mut sums = [none; WIDTH];
        for i in 0..m {
            for j in if upper { i..n } else { 0..n } {
                sums[j % WIDTH] = t.get(i, j).add_square(sums[j % WIDTH]);
            }
        }
        sums[0].add(sums[1]).add(sums[2].add(sums[3]))
    }
}

/// A = Q R, Q in A's place, and the reciprocals of R's diagonal; `c` holds a column's coefficients. The
/// first `rank` columns of each lane; the others are zero, and zero they stay.
#[inline(always)]
pub(super) unsafe fn orthogonalize<F: Field>(
    q: Tile<F>,
    r: Tile<F>,
    recip: Tile<F>,
    c: Tile<F>,
    m: usize,
    n: usize,
    rank: F::V,
) {
    // SAFETY: q is m x n, r n x n, recip and c 1 x n.
    unsafe {
        let zero = F::splat(F::S::default());
        for j in 0..n {
            for again in [false, true] {
                for first in (0..j).step_by(WIDTH) {
                    let width = WIDTH.min(j - first);
                    let dots = dots(q, first, width, j, m);
                    for k in 0..width {
                        c.set(0, first + k, dots[k]);
                        let before = if again { r.get(first + k, j) } else { zero };
                        r.set(first + k, j, before.add(dots[k]));
                    }
                }
                for first in (0..j).step_by(WIDTH) {
                    subtract(q, c, first, WIDTH.min(j - first), j, m);
                }
            }
            let mut square = zero.re();
            for i in 0..m {
                square = q.get(i, j).add_square(square);
            }
            let d = F::from_re(square.sqrt());
            r.set(j, j, d);
            let one = F::V::splat(<F::S as Scalar>::Real::ONE).div(d.re());
            let one = F::V::select(has::<F>(rank, j), one, zero.re());
            recip.set(0, j, F::from_re(one));
            for i in 0..m {
                q.set(i, j, q.get(i, j).scale(one));
            }
        }
    }
}

/// The lanes whose rank is over `j`.
#[inline(always)]
unsafe fn has<F: Field>(rank: F::V, j: usize) -> <F::V as Vector>::Mask {
    // SAFETY: the contract of Vector.
    unsafe { rank.gt(F::V::splat(RealScalar::from_f64(j as f64))) }
}

/// The products of `width` adjoint columns from `first` on with column j.
#[inline(always)]
unsafe fn dots<F: Field>(q: Tile<F>, first: usize, width: usize, j: usize, m: usize) -> [F; WIDTH] {
    // SAFETY: the tile has m rows and these columns.
    unsafe {
        let zero = F::splat(F::S::default());
        let mut sums = [zero; WIDTH];
        if width == WIDTH {
            for i in 0..m {
                let w = q.get(i, j);
                for k in 0..WIDTH {
                    sums[k] = q.get(i, first + k).conj().mul_add(w, sums[k]);
                }
            }
        } else {
            for k in 0..width {
                let mut sum = zero;
                for i in 0..m {
                    sum = q.get(i, first + k).conj().mul_add(q.get(i, j), sum);
                }
                sums[k] = sum;
            }
        }
        sums
    }
}

/// Subtracts `width` columns from `first` on, times their coefficients, from column j.
#[inline(always)]
unsafe fn subtract<F: Field>(
    q: Tile<F>,
    c: Tile<F>,
    first: usize,
    width: usize,
    j: usize,
    m: usize,
) {
    // SAFETY: the tile has m rows and these columns.
    unsafe {
        if width == WIDTH {
            let mut by = [F::splat(F::S::default()); WIDTH];
            for k in 0..WIDTH {
                by[k] = c.get(0, first + k);
            }
            for i in 0..m {
                let mut w = q.get(i, j);
                for k in 0..WIDTH {
                    w = q.get(i, first + k).neg_mul_add(by[k], w);
                }
                q.set(i, j, w);
            }
        } else {
            for k in first..first + width {
                let by = c.get(0, k);
                for i in 0..m {
                    q.set(i, j, q.get(i, k).neg_mul_add(by, q.get(i, j)));
                }
            }
        }
    }
}

/// The square of the Frobenius norm of R V - I, both upper triangular.
#[inline(always)]
unsafe fn right_residual<F: Field>(r: Tile<F>, v: Tile<F>, n: usize) -> F::V {
    // SAFETY: the tiles are n x n.
    unsafe {
        let zero = F::splat(F::S::default());
        let minus = F::splat(-F::S::from_re(<F::S as Scalar>::Real::ONE));
        let mut square = zero.re();
        for i in 0..n {
            let mut first = i;
            while first + WIDTH <= n {
                let mut sums = [zero; WIDTH];
                // What V has below its diagonal is another's: no column takes it in.
                for k in i..first {
                    let r = r.get(i, k);
                    for j in 0..WIDTH {
                        sums[j] = r.mul_add(v.get(k, first + j), sums[j]);
                    }
                }
                for j in 0..WIDTH {
                    for k in first.max(i)..=first + j {
                        sums[j] = r.get(i, k).mul_add(v.get(k, first + j), sums[j]);
                    }
                    let apart = if first + j == i { sums[j].add(minus) } else { sums[j] };
                    square = apart.add_square(square);
                }
                first += WIDTH;
            }
            for j in first..n {
                let mut sum = if i == j { minus } else { zero };
                for k in i..=j {
                    sum = r.get(i, k).mul_add(v.get(k, j), sum);
                }
                square = sum.add_square(square);
            }
        }
        square
    }
}

/// The square of the Frobenius norm of Q^H Q - I, of order `rank` in each lane.
#[inline(always)]
pub(super) unsafe fn defect<F: Field>(q: Tile<F>, m: usize, n: usize, rank: F::V) -> F::V {
    // SAFETY: the tile is m x n.
    unsafe {
        let mut sum = F::splat(F::S::default()).re();
        let minus = F::splat(-F::S::from_re(<F::S as Scalar>::Real::ONE));
        let two = F::V::splat(<F::S as Scalar>::Real::ONE.times_power_of_two(1));
        for j in 0..n {
            for first in (0..j).step_by(WIDTH) {
                let width = WIDTH.min(j - first);
                let dots = dots(q, first, width, j, m);
                for k in 0..width {
                    let twice = dots[k].add_square(F::splat(F::S::default()).re()).mul(two);
                    sum = sum.add(twice);
                }
            }
            let minus = F::select(has::<F>(rank, j), minus, F::splat(F::S::default()));
            sum = dots(q, j, 1, j, m)[0].add(minus).add_square(sum);
        }
        sum
    }
}

/// X = V Q^H (rows x m) for a V that is upper triangular or whole.
#[inline(always)]
pub(super) unsafe fn multiply<F: Field>(
    v: Tile<F>,
    q: Tile<F>,
    x: Tile<F>,
    (rows, m, n): (usize, usize, usize),
    part: Part,
) {
    // SAFETY: v is rows x n, q m x n, x rows x m.
    unsafe {
        let zero = F::splat(F::S::default());
        for i in 0..rows {
            let begin = if part == Part::Upper { i } else { 0 };
            let mut first = 0;
            while first + WIDTH <= m {
                // Onto zero, so that a zero has no sign.
                let mut sums = [zero; WIDTH];
                for k in begin..n {
                    let v = v.get(i, k);
                    for j in 0..WIDTH {
                        sums[j] = q.get(first + j, k).conj().mul_add(v, sums[j]);
                    }
                }
                for j in 0..WIDTH {
                    x.set(i, first + j, sums[j]);
                }
                first += WIDTH;
            }
            for j in first..m {
                let mut sum = zero;
                for k in begin..n {
                    sum = q.get(j, k).conj().mul_add(v.get(i, k), sum);
                }
                x.set(i, j, sum);
            }
        }
    }
}
