//! The tile of a matrix product: `mr` x `nr` sums in registers.
//!
//! ```text
//! sum = 0
//! for k:  sum(i, j) = a(i, k) * b(k, j) + sum(i, j)      in the order of k, fused
//! c = alpha * sum (+ c)
//! ```
//!
//! The order of additions depends on k alone, so the bits depend neither on the tile's shape, hence
//! not on the instruction set, nor on whether the operands are packed (Goto and van de Geijn, "Anatomy
//! of high-performance matrix multiplication", ACM TOMS 34, 2008, for the scheme).

use crate::isa::field::Field;
use crate::isa::{Vector, prefetch};
use crate::scalar::Scalar;

/// One tile's operands and its place in C (columns `ldc` apart, rows adjacent).
pub struct Tile<T: Scalar> {
    pub k: usize,
    pub a: Left<T>,
    /// Entry (0, 0) of the right operand, and the distances to the next step and the next column.
    pub b: *const T,
    pub b_step: isize,
    pub b_next: isize,
    /// What is needed after this tile, asked for meanwhile.
    pub ahead: Ahead<T>,
    pub c: *mut T,
    pub ldc: isize,
    /// Rows and columns of C that exist.
    pub m: usize,
    pub n: usize,
    /// One or minus one.
    pub alpha: T::Real,
    /// Add to C instead of overwriting it.
    pub accumulate: bool,
}

/// Lines of memory in rows of eight: `next` scalars from one to the next in a row, `along` from one
/// row to the next. Any address will do.
#[derive(Clone, Copy)]
pub struct Ahead<T> {
    pub p: *const T,
    pub next: isize,
    pub along: isize,
    pub len: usize,
}

impl<T> Ahead<T> {
    pub const NOTHING: Self = Ahead { p: std::ptr::null(), next: 0, along: 0, len: 0 };
}

/// The left operand.
#[derive(Clone, Copy)]
pub enum Left<T: Scalar> {
    /// A panel of [`pack::a`](crate::pack::a).
    Packed(*const T::Real),
    /// Where it stands: rows adjacent, columns so far apart.
    Columns(*const T, isize),
}

#[inline(always)]
pub unsafe fn tile<F: Field, const VR: usize, const NR: usize>(t: &Tile<F::S>) {
    // Rows in as few registers as hold them. A panel is padded; elsewhere nothing beyond the rows
    // may be read.
    let whole = matches!(t.a, Left::Packed(_)) || t.m.is_multiple_of(F::LANES);
    // SAFETY: the operands span k steps of these rows and columns, C's are the caller's.
    unsafe {
        match (t.m.div_ceil(F::LANES), whole) {
            (1, true) => sized::<F, VR, 1, NR, true>(t),
            (1, false) => sized::<F, VR, 1, NR, false>(t),
            (2, true) if VR > 2 => sized::<F, VR, 2, NR, true>(t),
            (2, false) if VR > 2 => sized::<F, VR, 2, NR, false>(t),
            (3, true) if VR > 3 => sized::<F, VR, 3, NR, true>(t),
            (3, false) if VR > 3 => sized::<F, VR, 3, NR, false>(t),
            (_, true) => sized::<F, VR, VR, NR, true>(t),
            (_, false) => sized::<F, VR, VR, NR, false>(t),
        }
    }
}

/// The tile of `R` registers of rows, of `VR` in a packed panel; `WHOLE` if all of them are full.
#[inline(always)]
unsafe fn sized<F: Field, const VR: usize, const R: usize, const NR: usize, const WHOLE: bool>(
    t: &Tile<F::S>,
) {
    // SAFETY: as in `tile`.
    unsafe {
        let c = |j: usize, v: usize| t.c.offset((v * F::LANES) as isize + j as isize * t.ldc);
        let last = t.m - (R - 1) * F::LANES;
        let len = |v: usize| if v + 1 < R { F::LANES } else { last };
        let sum = match t.a {
            Left::Packed(p) => sums::<F, R, NR>(t, &Packed::<F, VR>(p)),
            Left::Columns(p, ld) => sums::<F, R, NR>(t, &Columns::<F, R, WHOLE> { p, ld, last }),
        };
        let (zero, alpha) = (F::splat(F::S::default()), F::V::splat(t.alpha));
        for j in 0..NR {
            if j >= t.n {
                break;
            }
            for v in 0..R {
                let c = c(j, v);
                // Zero plus the product, so that a zero has no sign.
                let before = if t.accumulate { F::load_first_scalars(c, len(v)) } else { zero };
                let x = sum[j][v];
                let (re, im) =
                    (x.re().mul_add(alpha, before.re()), x.im().mul_add(alpha, before.im()));
                F::from_parts(re, im).store_first_scalars(c, len(v));
            }
        }
    }
}

/// Register `v` of the rows of step `k`. (No closure: the compiler may choose not to inline one.)
trait Rows<F> {
    unsafe fn load(&self, k: usize, v: usize) -> F;
}

/// Of panels of `VR` registers.
struct Packed<F: Field, const VR: usize>(*const <F::S as Scalar>::Real);

impl<F: Field, const VR: usize> Rows<F> for Packed<F, VR> {
    #[inline(always)]
    unsafe fn load(&self, k: usize, v: usize) -> F {
        let (mr, step) = (VR * F::LANES, F::PARTS * VR * F::LANES);
        // SAFETY: as in `tile`.
        unsafe {
            let p = self.0.add(k * step + v * F::LANES);
            let im = if F::PARTS == 2 { F::V::load(p.add(mr)) } else { F::V::load(p) };
            F::from_parts(F::V::load(p), im)
        }
    }
}

/// Where they stand, the last of `R` registers with `last` rows unless it is `WHOLE`.
struct Columns<F: Field, const R: usize, const WHOLE: bool> {
    p: *const F::S,
    ld: isize,
    last: usize,
}

impl<F: Field, const R: usize, const WHOLE: bool> Rows<F> for Columns<F, R, WHOLE> {
    #[inline(always)]
    unsafe fn load(&self, k: usize, v: usize) -> F {
        // SAFETY: as in `tile`.
        unsafe {
            let p = self.p.offset((v * F::LANES) as isize + k as isize * self.ld);
            if WHOLE || v + 1 < R {
                F::load_scalars(p)
            } else {
                F::load_first_scalars(p, self.last)
            }
        }
    }
}

/// The sums of a tile; `a` gives the rows of a step.
#[inline(always)]
unsafe fn sums<F: Field, const R: usize, const NR: usize>(
    t: &Tile<F::S>,
    a: &impl Rows<F>,
) -> [[F; R]; NR] {
    // SAFETY: as in `tile`.
    unsafe {
        let zero = F::splat(F::S::default());
        let mut sum = [[zero; R]; NR];
        // A column beyond the last stands for the first: its sums are not stored.
        let mut b = [t.b; NR];
        for j in 1..NR {
            b[j] = if j < t.n { t.b.offset(j as isize * t.b_next) } else { t.b };
        }
        let mut first = 0;
        // What is needed next is asked for little by little: a burst would hold up the loads of the
        // sums. First C, ...
        if t.k >= R * NR {
            for j in 0..NR.min(t.n) {
                let c = t.c.wrapping_offset(j as isize * t.ldc);
                for v in 0..R {
                    prefetch(c.wrapping_add(v * F::LANES).cast_const().cast(), true);
                    step::<F, R, NR>(t, &b, a, first + v, &mut sum);
                }
                first += R;
            }
        }
        // ... then what the next tiles read.
        let Ahead { p, next, along, len } = t.ahead;
        let asked = t.k.min(first + len);
        for k in first..asked {
            let i = (k - first) as isize;
            prefetch(p.wrapping_offset((i >> 3) * along + (i & 7) * next).cast(), false);
            step::<F, R, NR>(t, &b, a, k, &mut sum);
        }
        for k in asked.max(first)..t.k {
            step::<F, R, NR>(t, &b, a, k, &mut sum);
        }
        sum
    }
}

/// One step of the sums.
#[inline(always)]
unsafe fn step<F: Field, const R: usize, const NR: usize>(
    t: &Tile<F::S>,
    b: &[*const F::S; NR],
    a: &impl Rows<F>,
    k: usize,
    sum: &mut [[F; R]; NR],
) {
    // SAFETY: as in `tile`.
    unsafe {
        let mut row = [F::splat(F::S::default()); R];
        for v in 0..R {
            row[v] = a.load(k, v);
        }
        for j in 0..NR {
            let x = F::splat(b[j].offset(k as isize * t.b_step).read());
            for v in 0..R {
                sum[j][v] = row[v].mul_add(x, sum[j][v]);
            }
        }
    }
}
