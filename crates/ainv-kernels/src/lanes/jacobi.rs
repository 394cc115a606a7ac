//! Pseudo-inverses of any rank in a tile, by one-sided Jacobi rotations (Hestenes; Golub and Van Loan,
//! Matrix Computations, 4th ed., section 8.6.3).
//!
//! The rotations begin where a QR decomposition with column pivoting has ended, which saves sweeps
//! (Drmac and Veselic, "New fast and accurate Jacobi SVD algorithm", SIAM J. Matrix Anal. Appl. 29,
//! 2008): A = Q W^H with orthonormal columns Q, and the same rotations on both keep the product until the
//! columns of W are orthogonal, too. Their lengths are the singular values, and X = W S^-2 Q^H over
//! the columns that are longer than the cut-off.

use super::orthogonal::{defect, lanes, load, multiply, orthogonalize, squares};
use super::subspace::{product, take_columns};
use super::{Group, Part, PinvLanes, Registers, Suspects, Tile, Transfer, in_range};
use crate::isa::field::Field;
use crate::isa::{MAX_LANES, Vector};
use crate::scalar::{RealScalar, Scalar};

/// Sweeps over all pairs of columns, at most. What has not come to rest by then is a suspect.
const SWEEPS: usize = 30;

/// Pseudo-inverses of a group of m x n matrices, m >= n.
#[inline(always)]
pub unsafe fn pinv<F: Field>(g: &Group<F::S>, p: &PinvLanes) -> Suspects {
    // SAFETY: the module's contract.
    unsafe {
        let (m, n) = (g.from.rows, g.from.cols);
        let none = F::splat(F::S::default()).re();
        let rounded = 4.0 * n as f64 * <F::S as Scalar>::Real::EPSILON.to_f64();
        let orthonormal = F::V::splat(RealScalar::from_f64(rounded * rounded));
        let mut registers = Registers::of(g);
        let (from, to) =
            (Transfer::<F>::new(g.src, g.from, g.far), Transfer::<F>::new(g.dst, g.to, g.far));
        while let Some(at) = registers.next(F::LANES) {
            let a = load(&from, at.clone(), g.scratch, p.hermitian, n);
            let q = Tile::<F>::new(a.after(m * n), n);
            let w = Tile::<F>::new(q.after(m * n), n);
            let r = Tile::<F>::new(w.after(n * n), n);
            let length = Tile::<F>::new(r.after(n * n), n);
            let c = Tile::<F>::new(length.after(n), n);
            let size = Tile::<F>::new(c.after(n), n);
            let square = squares(a, m, n, false);
            let read = in_range(square, square, square, <F::S as Scalar>::Real::LINE_EXP);
            let drop = drop_under::<F>(square, n, p, at.clone());
            let taken = take_columns(a, q, size, m, n, (nothing::<F>(square, drop), none));
            let (k, rank) = (taken.columns, taken.rank);
            // Columns of nothing but rounding errors may need more than the two passes of one call.
            orthogonalize(q, r, length, c, m, k, rank);
            orthogonalize(q, r, length, c, m, k, rank);
            let straight = F::V::bits(orthonormal.gt(defect(q, m, k, rank)));

            let a = load(&from, at.clone(), g.scratch, p.hermitian, n);
            product(a, true, q, Part::Whole, w, (n, m, k));
            let rotating = rotate_all(w, q, size, length, m, n, k, square, drop);
            let sound = scale_kept(w, q, size, m, n, k, rank, p, at.clone());
            let x = Tile::<F>::new(g.scratch, m);
            multiply(w, q, x, (n, m, k), Part::Whole);
            if registers.accept(read & straight & sound & !rotating) {
                to.store(at, x);
            }
        }
        registers.suspects()
    }
}

/// Squares of lengths under which a column will be cut off whatever its direction: under a quarter of
/// the cut-off even sixteen of them together are. Such columns are noise, and would rotate for ever.
#[inline(always)]
unsafe fn drop_under<F: Field>(
    a: F::V,
    n: usize,
    p: &PinvLanes,
    at: std::ops::Range<usize>,
) -> F::V {
    // SAFETY: the contract of Vector.
    unsafe {
        let squares = lanes(a);
        let mut under = [<F::S as Scalar>::Real::default(); MAX_LANES];
        for l in 0..F::LANES {
            let cut = p.cuts[(at.start + l).min(at.end - 1)];
            // The largest singular value is at least the root mean square of all.
            let least = cut.absolute.max(cut.relative * (squares[l] / n as f64).sqrt()) / 4.0;
            under[l] = RealScalar::from_f64(least * least);
        }
        F::V::load(under.as_ptr())
    }
}

/// The square of what is nothing beside A, whose norm is the root of `a`, and dropped by its cut-off.
#[inline(always)]
unsafe fn nothing<F: Field>(a: F::V, drop: F::V) -> F::V {
    // SAFETY: the contract of Vector.
    unsafe {
        let rounding = F::V::splat(<F::S as Scalar>::Real::EPSILON);
        a.mul(rounding).mul(rounding).min(drop)
    }
}

/// Sweeps over the pairs of columns until none has rotated; the lanes that have not come to rest.
#[inline(always)]
unsafe fn rotate_all<F: Field>(
    w: Tile<F>,
    q: Tile<F>,
    size: Tile<F>,
    length: Tile<F>,
    m: usize,
    n: usize,
    columns: usize,
    a: F::V,
    drop: F::V,
) -> u64 {
    // SAFETY: w is n x columns, q m x columns, size and length 1 x n.
    unsafe {
        let unit = <F::S as Scalar>::Real::EPSILON.times_power_of_two(-1);
        let rows = <F::S as Scalar>::Real::from_f64((4 * n) as f64).sqrt();
        let (tolerance, noise) = (F::V::splat(unit * rows), F::V::splat(unit).mul(a.sqrt()));
        let even = n.next_multiple_of(2);
        let mut rotating = 0;
        for _ in 0..SWEEPS {
            rotating = 0;
            for j in 0..columns {
                let mut square = F::splat(F::S::default()).re();
                for i in 0..n {
                    square = w.get(i, j).add_square(square);
                }
                size.set(0, j, F::from_re(square));
                length.set(0, j, F::from_re(square.sqrt()));
            }
            // Round robin: the pairs of a round have no column in common. Their order is that of all n
            // columns, whatever the other lanes have left of them.
            for round in 0..even.saturating_sub(1) {
                for i in 0..even / 2 {
                    let other = even - 1;
                    let j = (round + i) % other;
                    let k = if i == 0 { other } else { (round + other - i) % other };
                    let (j, k) = (j.min(k), j.max(k));
                    if k < columns {
                        let limits = (tolerance, noise, drop);
                        rotating |= rotate([(w, n), (q, m)], size, length, (j, k), limits);
                    }
                }
            }
            if rotating == 0 {
                break;
            }
        }
        rotating
    }
}

/// Makes two columns of the first tile orthogonal; the lanes in which they were not. The squares of their lengths follow
/// the rotation; the lengths, by which it is decided, are those before the sweep: a sweep without a
/// rotation, the last one, has the right ones.
#[inline(always)]
unsafe fn rotate<F: Field>(
    tiles: [(Tile<F>, usize); 2],
    size: Tile<F>,
    length: Tile<F>,
    (p, q): (usize, usize),
    (tolerance, noise, drop): (F::V, F::V, F::V),
) -> u64 {
    // SAFETY: the tiles have as many rows as is said, and these columns.
    unsafe {
        let (w, m) = tiles[0];
        let zero = F::splat(F::S::default());
        let one = F::V::splat(<F::S as Scalar>::Real::ONE);
        let two = F::V::splat(<F::S as Scalar>::Real::ONE.times_power_of_two(1));
        let mut sums = [zero; 2];
        let mut i = 0;
        while i + 2 <= m {
            for r in 0..2 {
                sums[r] = w.get(i + r, p).conj().mul_add(w.get(i + r, q), sums[r]);
            }
            i += 2;
        }
        if i < m {
            sums[0] = w.get(i, p).conj().mul_add(w.get(i, q), sums[0]);
        }
        let product = sums[0].add(sums[1]);
        let (pp, qq) = (size.get(0, p).re(), size.get(0, q).re());
        let (long, other) = (length.get(0, p).re(), length.get(0, q).re());
        let slant = modulus(product);
        let oblique = slant.gt(tolerance.mul(long).mul(other));
        let matters = F::V::or(pp.min(qq).gt(drop), slant.gt(noise.mul(long.max(other))));
        let turns = and::<F>(oblique, and::<F>(pp.max(qq).gt(drop), matters));
        let turning = F::V::bits(turns);
        if turning == 0 {
            return 0;
        }
        let z = qq.sub(pp).div(two.mul(slant));
        let t = one.div(z.abs().add(z.mul_add(z, one).sqrt())).with_sign_of(z);
        let change = F::V::select(turns, t.mul(slant), zero.re());
        size.set(0, p, F::from_re(pp.sub(change)));
        size.set(0, q, F::from_re(qq.add(change)));
        let c = one.div(t.mul_add(t, one).sqrt());
        let s = match F::PARTS {
            1 => F::from_re(c.mul(t).mul(one.with_sign_of(product.re()))),
            _ => product.conj().scale(c.mul(t).div(slant)),
        };
        let (c, s) = (F::V::select(turns, c, one), F::select(turns, s, zero));
        let back = s.conj();
        for (tile, rows) in tiles {
            for i in 0..rows {
                let (x, y) = (tile.get(i, p), tile.get(i, q));
                tile.set(i, p, s.neg_mul_add(y, x.scale(c)));
                tile.set(i, q, back.mul_add(x, y.scale(c)));
            }
        }
        turning
    }
}

#[inline(always)]
unsafe fn and<F: Field>(
    a: <F::V as Vector>::Mask,
    b: <F::V as Vector>::Mask,
) -> <F::V as Vector>::Mask {
    // SAFETY: the contract of Vector.
    unsafe { F::V::and_not(a, F::V::and_not(a, b)) }
}

/// |z| by scaling, so that neither square over- nor underflows; NaN for zero.
#[inline(always)]
unsafe fn modulus<F: Field>(z: F) -> F::V {
    // SAFETY: the contract of Vector.
    unsafe {
        if F::PARTS == 1 {
            return z.re().abs();
        }
        let (re, im) = (z.re().abs(), z.im().abs());
        let (large, small) = (re.max(im), re.min(im));
        let ratio = small.div(large);
        let one = F::V::splat(<F::S as Scalar>::Real::ONE);
        large.mul(ratio.mul_add(ratio, one).sqrt())
    }
}

/// Divides the columns of W and Q that are kept by their singular value, and makes the others zero; the
/// lanes in which that is sound.
#[inline(always)]
unsafe fn scale_kept<F: Field>(
    w: Tile<F>,
    q: Tile<F>,
    size: Tile<F>,
    m: usize,
    n: usize,
    columns: usize,
    rank: F::V,
    p: &PinvLanes,
    at: std::ops::Range<usize>,
) -> u64 {
    // SAFETY: w is n x columns, q m x columns, size 1 x n.
    unsafe {
        let none = F::splat(F::S::default()).re();
        let mut largest = none;
        for j in 0..columns {
            let mut square = none;
            for i in 0..n {
                square = w.get(i, j).add_square(square);
            }
            size.set(0, j, F::from_re(square.sqrt()));
            largest = largest.max(square.sqrt());
        }
        let (largest, rank) = (lanes(largest), lanes(rank));
        // Under it squares have lost bits, or are gone.
        type Real<F> = <<F as Field>::S as Scalar>::Real;
        let least = 2f64.powi((Real::<F>::MIN_EXP + Real::<F>::MANTISSA) / 2);
        let mut limit = [0.0; MAX_LANES];
        let mut sound = u64::MAX;
        for l in 0..F::LANES {
            let cut = p.cuts[(at.start + l).min(at.end - 1)];
            limit[l] = (cut.relative * largest[l]).max(cut.absolute);
            sound &= !(((rank[l] < n as f64 && limit[l] < least) as u64) << l);
        }
        for j in 0..columns {
            let sizes = lanes(size.get(0, j).re());
            let mut recips = [<F::S as Scalar>::Real::default(); MAX_LANES];
            for l in 0..F::LANES {
                sound &= !(((sizes[l] <= least && limit[l] < least) as u64) << l);
                if sizes[l] > limit[l] {
                    recips[l] = RealScalar::from_f64(1.0 / sizes[l]);
                }
            }
            let recip = F::V::load(recips.as_ptr());
            for (tile, rows) in [(w, n), (q, m)] {
                for i in 0..rows {
                    tile.set(i, j, tile.get(i, j).scale(recip));
                }
            }
        }
        sound
    }
}
