//! Condition numbers without the inverse: its norm from the factors, by solves with a few vectors.

use super::triangular::solve_right;
use super::{Context, leading_dimension, lu};
use crate::device::cpu::arena;
use crate::error::{Error, filled};
use ainv_kernels::scalar::{RealScalar, Scalar};
use ainv_kernels::trsm::Triangle;
use std::sync::atomic::{AtomicU64, Ordering};

/// |z|.
#[inline(always)]
pub(crate) fn modulus<T: Scalar>(z: T) -> f64 {
    let z = z.widen();
    if !T::COMPLEX {
        return z.re().abs();
    }
    let square = z.re() * z.re() + z.im() * z.im();
    // Where the square is out of range, or has lost digits there, it is taken another way.
    if 1e-280 < square && square < 1e300 { square.sqrt() } else { z.re().hypot(z.im()) }
}

/// A norm that may be beyond the range of its scalar: `value * 2^exponent`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Size {
    pub value: f64,
    pub exponent: i32,
}

impl Size {
    pub(crate) fn of(value: f64) -> Size {
        Size { value, exponent: 0 }
    }

    /// 1 / (a x), where the product is out of range, too; NaN if one of them is not a number of its own:
    /// infinite, or zero and not the norm of a matrix that has an inverse.
    pub(crate) fn reciprocal(a: Size, x: Size) -> f64 {
        let near_one = |s: Size| {
            let e = s.value.exponent()?;
            Some((s.value.times_power_of_two(-e), s.exponent + e))
        };
        match (near_one(a), near_one(x)) {
            (Some((a, e)), Some((x, f))) => (1.0 / a / x).times_power_of_two(-e - f),
            _ => f64::NAN,
        }
    }
}

/// How a matrix W of order n was factored in its place, columns `ld` apart.
#[derive(Clone, Copy)]
pub(crate) enum Form<'a> {
    /// P W = L U, row k having been exchanged with row `pivots[k]`.
    Lu(&'a [usize]),
    /// W = L L^H.
    Cholesky,
    /// W is a triangle.
    Triangle { lower: bool },
}

/// A factored matrix W.
#[derive(Clone, Copy)]
pub(crate) struct Factored<'a, T> {
    pub n: usize,
    pub w: *const T,
    pub ld: isize,
    pub form: Form<'a>,
}

/// Vectors at a time: no more than what the narrower registers hold, so that they cost what one costs.
/// Part of the algorithm, as the estimate depends on it.
const VECTORS: usize = 4;
/// Steps after which the search ends; two or three are the rule.
const STEPS: usize = 5;

impl<T: Scalar> Factored<'_, T> {
    /// X W = B, or X W^H = B, in the place of B: m rows, adjacent, columns `ldb` apart.
    ///
    /// # Safety
    /// The factors are readable, B is writable over its size.
    unsafe fn solve(
        &self,
        cx: &Context<T>,
        m: usize,
        adjoint: bool,
        b: *mut T,
        ldb: isize,
    ) -> Result<(), Error> {
        let Factored { n, w, ld, form } = *self;
        let factor = |lower: bool, unit: bool, adjoint: bool| Triangle {
            t: w,
            rs: if adjoint { ld } else { 1 },
            cs: if adjoint { 1 } else { ld },
            conj: adjoint,
            lower: lower != adjoint,
            unit,
        };
        // SAFETY: the caller's factors and rows.
        unsafe {
            match form {
                Form::Lu(pivots) if !adjoint => {
                    lu::solve_factored(cx, (m, n), w, ld, pivots, b, ldb)
                }
                Form::Lu(pivots) => {
                    // W^H = U^H L^H P.
                    for (k, &p) in pivots.iter().enumerate().filter(|(k, p)| k != *p) {
                        for i in 0..m as isize {
                            let at = |j: usize| b.offset(i + j as isize * ldb);
                            std::ptr::swap(at(k), at(p));
                        }
                    }
                    solve_right(cx, (m, n), factor(true, true, true), b, ldb)?;
                    solve_right(cx, (m, n), factor(false, false, true), b, ldb)
                }
                Form::Cholesky => {
                    solve_right(cx, (m, n), factor(true, false, true), b, ldb)?;
                    solve_right(cx, (m, n), factor(true, false, false), b, ldb)
                }
                Form::Triangle { lower } => {
                    solve_right(cx, (m, n), factor(lower, false, adjoint), b, ldb)
                }
            }
        }
    }
}

/// The largest row sum of W^-1, or its largest column sum, for an order above [`VECTORS`]: a lower bound,
/// mostly exact and seldom under a third of it, by Higham and Tisseur's block algorithm ("A block
/// algorithm for matrix 1-norm estimation, with an application to 1-norm pseudospectra", SIAM J. Matrix
/// Anal. Appl. 21, 2000, algorithm 2.4) with vectors that are always the same. On this thread: it has no
/// more work than the memory can feed. Infinite if W is singular, or nearly.
///
/// # Safety
/// The factors are readable.
pub(crate) unsafe fn inverse_norm<T: Scalar>(
    cx: &Context<T>,
    w: &Factored<T>,
    columns: bool,
) -> Result<f64, Error> {
    let (n, one) = (w.n, cx.sequential());
    let ld = leading_dimension::<T>(VECTORS);
    debug_assert!(n > VECTORS);
    // The vectors are rows here: x W^-1 is the transpose of W^-T x^T.
    let mut signs = filled([false; VECTORS], n)?;
    let mut before = filled([false; VECTORS], n)?;
    let mut used = filled(false, n)?;
    let mut sizes = filled(0.0f64, n)?;
    let mut order = filled(0usize, n)?;
    let mut random = Random(1);
    arena::with(n * ld, |x: *mut T| {
        // SAFETY: the block, all of which is written first.
        let vectors = unsafe {
            x.write_bytes(0, n * ld);
            std::slice::from_raw_parts_mut(x, n * ld)
        };
        let step = |vectors: &mut [T], adjoint: bool| {
            let b = vectors.as_mut_ptr();
            // SAFETY: the caller's factors; VECTORS rows of n.
            unsafe { w.solve(&one, VECTORS, adjoint, b, ld as isize) }
        };
        for entry in vectors.chunks_exact_mut(ld) {
            for c in 0..VECTORS {
                let minus = c > 0 && random.bit();
                entry[c] = T::from_re(if minus { -T::Real::ONE } else { T::Real::ONE });
            }
        }
        let (mut norm, mut index) = (0.0, [0; VECTORS]);
        for round in 1.. {
            step(vectors, columns)?;
            let mut sums = [0.0; VECTORS];
            for entry in vectors.chunks_exact(ld) {
                for c in 0..VECTORS {
                    sums[c] += modulus(entry[c]);
                }
            }
            if !sums.iter().all(|s| s.is_finite()) {
                return Ok(f64::INFINITY);
            }
            if round == 1 {
                // The first vectors have a norm of n.
                sums = sums.map(|s| s / n as f64);
            }
            let largest = (1..VECTORS).fold(0, |l, c| if sums[c] > sums[l] { c } else { l });
            if round > 1 && sums[largest] <= norm {
                break;
            }
            let best = index[largest];
            norm = sums[largest];
            if round > STEPS {
                break;
            }
            if T::COMPLEX {
                for z in vectors.iter_mut() {
                    let size = T::Real::from_f64(modulus(*z));
                    *z = match size > T::Real::default() {
                        true => z.map(|part| part / size),
                        false => T::from_re(T::Real::ONE),
                    };
                }
            } else {
                std::mem::swap(&mut signs, &mut before);
                for (sign, entry) in signs.iter_mut().zip(vectors.chunks_exact(ld)) {
                    for c in 0..VECTORS {
                        sign[c] = entry[c].re() < T::Real::default();
                    }
                }
                if round > 1 && (0..VECTORS).all(|c| is_parallel(&signs, c, &before, VECTORS)) {
                    break;
                }
                for c in 0..VECTORS {
                    while is_parallel(&signs, c, &signs, c)
                        || (round > 1 && is_parallel(&signs, c, &before, VECTORS))
                    {
                        signs.iter_mut().for_each(|sign| sign[c] = random.bit());
                    }
                }
                for (sign, entry) in signs.iter().zip(vectors.chunks_exact_mut(ld)) {
                    for c in 0..VECTORS {
                        let one = T::from_re(T::Real::ONE);
                        entry[c] = if sign[c] { -one } else { one };
                    }
                }
            }
            step(vectors, !columns)?;
            for (size, entry) in sizes.iter_mut().zip(vectors.chunks_exact(ld)) {
                *size = entry[..VECTORS].iter().fold(0.0, |s, z| f64::max(s, modulus(*z)));
            }
            if !sizes.iter().all(|s| s.is_finite()) {
                return Ok(f64::INFINITY);
            }
            let top = sizes.iter().fold(0.0, |s, x| f64::max(s, *x));
            if round > 1 && sizes[best] >= top {
                break;
            }
            order.iter_mut().enumerate().for_each(|(i, o)| *o = i);
            order.sort_unstable_by(|&i, &j| sizes[j].total_cmp(&sizes[i]).then(i.cmp(&j)));
            if order[..VECTORS].iter().all(|&i| used[i]) {
                break;
            }
            vectors.fill(T::default());
            let mut unused = order.iter().filter(|&&i| !used[i]).copied();
            let next: [usize; VECTORS] = std::array::from_fn(|_| unused.next().unwrap_or(0));
            for (c, &i) in next.iter().enumerate() {
                vectors[i * ld + c] = T::from_re(T::Real::ONE);
                used[i] = true;
            }
            index = next;
        }
        Ok(norm)
    })
}

/// Whether column `c` of signs is, or is opposite to, one of the first `count` of others.
fn is_parallel(
    signs: &[[bool; VECTORS]],
    c: usize,
    others: &[[bool; VECTORS]],
    count: usize,
) -> bool {
    (0..count).any(|d| {
        let differs = |i: usize| signs[i][c] != others[i][d];
        (1..signs.len()).all(|i| differs(i) == differs(0))
    })
}

/// A generator (SplitMix64), for vectors that are the same in every call.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
    fn bit(&mut self) -> bool {
        self.next() >> 63 == 1
    }
}

/// Asks a blocked route whether its matrix is ill-conditioned.
///
/// Most are not, and that is cheap to see. An inverse and its matrix are summed up on the way. A solve has
/// the factors: beside its right-hand sides the solve is given a few vectors r
/// of entries that are uniform in [-1, 1], which cost next to nothing in registers that one right-hand
/// side leaves empty. For each of them ||A^-1 r||_1 is under e/2 of ||A^-1||_1 with a probability of 2 e
/// at most: entry i of A^-1 r falls under e times |entry (i, j) of A^-1| with the probability e, whatever
/// the other terms are; the expected part of the largest column that is lost so is e, and by Markov's
/// inequality more than half of it is lost with the probability 2 e. Only where the smallest norm of the
/// inverse that this allows for comes near the limit is the norm estimated.
pub(crate) struct Asked {
    limit: f64,
    /// The bits of the last matrix's reciprocal condition number, or of NaN where it is good.
    found: AtomicU64,
}

impl Asked {
    /// Vectors, and 2 / e: all three of them mislead once in 10^8.
    pub(crate) const VECTORS: usize = 3;
    const MARGIN: f64 = 2000.0;
    /// More than what sums in single precision lose.
    const ROUNDING: f64 = 1.01;

    pub(crate) fn new(limit: f64) -> Asked {
        Asked { limit, found: AtomicU64::new(f64::NAN.to_bits()) }
    }

    /// The reciprocal condition number of the last matrix, if it is under the limit.
    pub(crate) fn answered(&self) -> Option<f64> {
        let found = f64::from_bits(self.found.load(Ordering::Relaxed));
        Some(found).filter(|rcond| rcond < &self.limit)
    }

    /// Writes the vectors into the rows from `b` on, `ldb` apart.
    ///
    /// # Safety
    /// The rows are writable over n columns.
    pub(crate) unsafe fn vectors<T: Scalar>(n: usize, b: *mut T, ldb: usize) {
        let mut random = Random(2);
        for at in (0..n).flat_map(|j| (0..Self::VECTORS).map(move |c| c + j * ldb)) {
            let uniform = (random.next() >> 11) as f64 / (1u64 << 52) as f64 - 1.0;
            // SAFETY: an entry of the caller's rows.
            unsafe { b.add(at).write(T::from_re(T::Real::from_f64(uniform))) };
        }
    }

    /// Takes the answer: what the reciprocal condition number is at least, and itself where that is needed.
    pub(crate) fn answer(
        &self,
        least: f64,
        exact: impl FnOnce() -> Result<f64, Error>,
    ) -> Result<(), Error> {
        let good = least >= Self::ROUNDING * self.limit;
        let rcond = if good { f64::NAN } else { exact()? };
        self.found.store(rcond.to_bits(), Ordering::Relaxed);
        Ok(())
    }

    /// Takes that of a solve: a bound of the norm of A, and the norm itself where it is needed; the
    /// factors of A^T; and what became of the vectors.
    ///
    /// # Safety
    /// The factors and the rows are readable.
    pub(crate) unsafe fn answer_from<T: Scalar>(
        &self,
        cx: &Context<T>,
        (bound, norm): (Size, impl FnOnce() -> Result<Size, Error>),
        w: &Factored<T>,
        b: *const T,
        ldb: usize,
    ) -> Result<(), Error> {
        let row = |c: usize| {
            // SAFETY: the caller's rows.
            (0..w.n).map(|j| modulus(unsafe { b.add(c + j * ldb).read() })).sum::<f64>()
        };
        // Written so that a NaN is kept.
        let most = (0..Self::VECTORS).map(row).fold(
            0.0,
            |s: f64, x| {
                if s >= x || s.is_nan() { s } else { x }
            },
        );
        // SAFETY: the caller's factors.
        let exact = || match unsafe { inverse_norm(cx, w, false)? } {
            f64::INFINITY => Ok(0.0),
            inverse => Ok(Size::reciprocal(norm()?, Size::of(inverse))),
        };
        self.answer(Size::reciprocal(bound, Size::of(most)) / Self::MARGIN, exact)
    }
}
