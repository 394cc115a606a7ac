//! Residual ratios. A ratio is infinite wherever something is not finite, so that no comparison
//! with a bar can pass by accident; compare with `ratio <= bar`.
//!
//! The products are summed in twice the working precision of `f64` (Ogita, Rump and Oishi,
//! "Accurate sum and dot product", 2005), so that the harness's own rounding neither makes nor
//! hides a failure. Matrices are brought near one by powers of two first: no ratio depends on
//! scale, and nothing over- or underflows on the way.

use crate::mat::Mat;
use ainv::{RealScalar, Scalar};

/// 2^-53, or 2^-24 in single precision.
pub fn unit_roundoff<T: Scalar>() -> f64 {
    T::Real::EPSILON.to_f64() / 2.0
}

/// Both parts of a matrix in `f64`, with the power of two that was taken out.
struct Parts {
    rows: usize,
    cols: usize,
    re: Vec<f64>,
    im: Vec<f64>,
    exponent: i32,
}

impl Parts {
    fn of<T: Scalar>(a: &Mat<T>) -> Parts {
        let largest = a.data.iter().filter_map(|x| x.re().exponent().max(x.im().exponent())).max();
        let exponent = largest.unwrap_or(0);
        let part = |x: T::Real| x.to_f64().times_power_of_two(-exponent);
        Parts {
            rows: a.rows,
            cols: a.cols,
            re: a.data.iter().map(|x| part(x.re())).collect(),
            im: if T::COMPLEX { a.data.iter().map(|x| part(x.im())).collect() } else { vec![] },
            exponent,
        }
    }
    fn modulus(&self, at: usize) -> f64 {
        if self.im.is_empty() { self.re[at].abs() } else { self.re[at].hypot(self.im[at]) }
    }
    /// The largest column sum; infinite if anything is not finite.
    fn norm1(&self) -> f64 {
        let mut sums = vec![0.0; self.cols];
        for i in 0..self.rows {
            for j in 0..self.cols {
                sums[j] += self.modulus(i * self.cols + j);
            }
        }
        largest(sums)
    }
    /// The largest row sum.
    fn norm_inf(&self) -> f64 {
        largest(
            (0..self.rows).map(|i| (0..self.cols).map(|j| self.modulus(i * self.cols + j)).sum()),
        )
    }
}

/// The largest value; infinite if one is not finite.
fn largest(x: impl IntoIterator<Item = f64>) -> f64 {
    x.into_iter().fold(0.0, |m: f64, x| if x.is_finite() { m.max(x) } else { f64::INFINITY })
}

/// s + t = a + b, s rounded.
#[inline(always)]
fn two_sum(a: f64, b: f64) -> (f64, f64) {
    let s = a + b;
    let z = s - a;
    (s, (a - (s - z)) + (b - z))
}

/// `high + low += sign * x y` along a row.
#[inline(always)]
fn add_row(x: f64, y: &[f64], high: &mut [f64], low: &mut [f64]) {
    for ((y, h), l) in y.iter().zip(high).zip(low) {
        let p = x * y;
        let error = x.mul_add(*y, -p);
        let (s, t) = two_sum(*h, p);
        *h = s;
        *l += t + error;
    }
}

/// `c - a b`, rounded once at the end, as (re, im) rows. Zeros of `a` are skipped, so that a sparse
/// matrix of order 2000 costs little.
#[inline(always)]
fn remainder_in(c: &dyn Fn(usize, usize) -> (f64, f64), a: &Parts, b: &Parts) -> Parts {
    let (m, n) = (a.rows, b.cols);
    let complex = !a.im.is_empty();
    let mut out = Parts { rows: m, cols: n, re: vec![], im: vec![], exponent: 0 };
    for i in 0..m {
        let (mut rh, mut ih): (Vec<_>, Vec<_>) = (0..n).map(|j| c(i, j)).unzip();
        let (mut rl, mut il) = (vec![0.0; n], vec![0.0; n]);
        for k in 0..a.cols {
            let at = i * a.cols + k;
            let row = k * n..(k + 1) * n;
            if a.re[at] != 0.0 {
                add_row(-a.re[at], &b.re[row.clone()], &mut rh, &mut rl);
            }
            if complex {
                if a.re[at] != 0.0 {
                    add_row(-a.re[at], &b.im[row.clone()], &mut ih, &mut il);
                }
                if a.im[at] != 0.0 {
                    add_row(a.im[at], &b.im[row.clone()], &mut rh, &mut rl);
                    add_row(-a.im[at], &b.re[row], &mut ih, &mut il);
                }
            }
        }
        out.re.extend(rh.iter().zip(&rl).map(|(h, l)| h + l));
        if complex {
            out.im.extend(ih.iter().zip(&il).map(|(h, l)| h + l));
        }
    }
    out
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn remainder_avx2(c: &dyn Fn(usize, usize) -> (f64, f64), a: &Parts, b: &Parts) -> Parts {
    remainder_in(c, a, b)
}

fn remainder(c: &dyn Fn(usize, usize) -> (f64, f64), a: &Parts, b: &Parts) -> Parts {
    assert_eq!(a.cols, b.rows);
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
        // SAFETY: both features were found.
        return unsafe { remainder_avx2(c, a, b) };
    }
    remainder_in(c, a, b)
}

/// norm / (n u of the others), infinite unless all is finite and sensible.
fn over(norm: f64, n: usize, u: f64, others: &[f64]) -> f64 {
    let scale = others.iter().product::<f64>() * n as f64 * u;
    let ratio = norm / scale;
    if norm.is_finite() && scale.is_finite() && scale > 0.0 && ratio.is_finite() {
        ratio
    } else {
        f64::INFINITY
    }
}

/// The 1-norm in `f64`; infinite if an entry is not finite.
pub fn norm1<T: Scalar>(a: &Mat<T>) -> f64 {
    if !a.is_finite() {
        return f64::INFINITY;
    }
    let p = Parts::of(a);
    p.norm1().times_power_of_two(p.exponent)
}

fn ratio_of<T: Scalar>(a: &Mat<T>, b: &Mat<T>) -> f64 {
    let n = a.rows;
    if (a.cols, b.rows, b.cols) != (n, n, n) || !a.is_finite() || !b.is_finite() {
        return f64::INFINITY;
    }
    if n == 0 {
        return 0.0;
    }
    let (a, b) = (Parts::of(a), Parts::of(b));
    let one = 1.0f64.times_power_of_two(-a.exponent - b.exponent);
    if !one.is_finite() {
        return f64::INFINITY;
    }
    let r = remainder(&|i, j| (if i == j { one } else { 0.0 }, 0.0), &a, &b);
    over(r.norm1(), n, unit_roundoff::<T>(), &[a.norm1(), b.norm1()])
}

/// R = ||I - A X||_1 / (n u ||A||_1 ||X||_1).
pub fn right<T: Scalar>(a: &Mat<T>, x: &Mat<T>) -> f64 {
    ratio_of(a, x)
}

/// L = ||I - X A||_1 / (n u ||A||_1 ||X||_1). (Computed on the transposes, where the sparse factor
/// comes first, with the norms of A and X.)
pub fn left<T: Scalar>(a: &Mat<T>, x: &Mat<T>) -> f64 {
    let n = a.rows;
    if (a.cols, x.rows, x.cols) != (n, n, n) || !a.is_finite() || !x.is_finite() {
        return f64::INFINITY;
    }
    if n == 0 {
        return 0.0;
    }
    let (p, q) = (Parts::of(a), Parts::of(x));
    let one = 1.0f64.times_power_of_two(-p.exponent - q.exponent);
    if !one.is_finite() {
        return f64::INFINITY;
    }
    let identity = |i, j| (if i == j { one } else { 0.0 }, 0.0);
    let r = remainder(&identity, &Parts::of(&a.transposed()), &Parts::of(&x.transposed()));
    over(r.norm_inf(), n, unit_roundoff::<T>(), &[p.norm1(), q.norm1()])
}

/// Both, the right one first.
pub fn right_and_left<T: Scalar>(a: &Mat<T>, x: &Mat<T>) -> (f64, f64) {
    (right(a, x), left(a, x))
}

/// ||A - F G||_1 / (n u ||A||_1): of a factorisation.
pub fn rebuilt<T: Scalar>(a: &Mat<T>, f: &Mat<T>, g: &Mat<T>) -> f64 {
    let n = a.rows;
    if (f.rows, g.cols) != (a.rows, a.cols) || ![a, f, g].iter().all(|m| m.is_finite()) {
        return f64::INFINITY;
    }
    if n == 0 {
        return 0.0;
    }
    let (f, g) = (Parts::of(f), Parts::of(g));
    let shift = -f.exponent - g.exponent;
    let scaled = |x: T::Real| x.to_f64().times_power_of_two(shift);
    let c = a.map(|_, _, x| crate::mat::parts::<T::Wide>(scaled(x.re()), scaled(x.im())));
    let r = remainder(&|i, j| (c[(i, j)].re(), c[(i, j)].im()), &f, &g);
    let c = Parts::of(&c);
    over(r.norm1(), n, unit_roundoff::<T>(), &[c.norm1().times_power_of_two(c.exponent)])
}

/// max over columns of ||b - A x||_1 / (n u (||A||_1 ||x||_1)): what a backward stable solve keeps
/// small.
pub fn residual_of_solve<T: Scalar>(a: &Mat<T>, b: &Mat<T>, x: &Mat<T>) -> f64 {
    if (x.rows, x.cols) != (b.rows, b.cols) || ![a, b, x].iter().all(|m| m.is_finite()) {
        return f64::INFINITY;
    }
    let mut worst = 0.0f64;
    for j in 0..b.cols {
        let column = |m: &Mat<T>| Mat::from_fn(m.rows, 1, |i, _| m[(i, j)]);
        let (p, q) = (Parts::of(a), Parts::of(&column(x)));
        let shift = -p.exponent - q.exponent;
        let c = column(b);
        let scaled = |x: T::Real| x.to_f64().times_power_of_two(shift);
        let r = remainder(&|i, _| (scaled(c[(i, 0)].re()), scaled(c[(i, 0)].im())), &p, &q);
        if r.norm1() == 0.0 {
            continue;
        }
        worst = worst.max(over(r.norm1(), a.rows, unit_roundoff::<T>(), &[p.norm1(), q.norm1()]));
    }
    worst
}

/// The four Penrose conditions, each over max(m, n) u and the norms of its terms: A X A = A,
/// X A X = X, A X and X A Hermitian.
pub fn penrose<T: Scalar>(a: &Mat<T>, x: &Mat<T>) -> [f64; 4] {
    let (m, n) = (a.rows, a.cols);
    if (x.rows, x.cols) != (n, m) || !a.is_finite() || !x.is_finite() {
        return [f64::INFINITY; 4];
    }
    let zero = |a: &Mat<T>| a.data.iter().all(|x| *x == T::default());
    if m == 0 || n == 0 || zero(a) {
        return if zero(x) { [0.0; 4] } else { [f64::INFINITY; 4] };
    }
    let (p, q) = (Parts::of(a), Parts::of(x));
    let size = m.max(n);
    let u = unit_roundoff::<T>();
    // A X and X A in the scaled matrices; 2^shift is the scale of A X.
    let shift = p.exponent + q.exponent;
    let product = |a: &Parts, b: &Parts| {
        let mut c = remainder(&|_, _| (0.0, 0.0), a, b);
        c.re.iter_mut().chain(&mut c.im).for_each(|x| *x = -*x);
        c
    };
    let (ax, xa) = (product(&p, &q), product(&q, &p));
    let term = |c: &Parts, f: &Parts, g: &Parts| {
        let entry = |i: usize, j: usize| {
            let at = i * c.cols + j;
            let part = |v: &[f64]| v.get(at).map_or(0.0, |x| x.times_power_of_two(-shift));
            (part(&c.re), part(&c.im))
        };
        remainder(&entry, f, g).norm1()
    };
    let skew = |h: &Parts| {
        let at = |i: usize, j: usize, v: &[f64]| v.get(i * h.cols + j).copied().unwrap_or(0.0);
        let part =
            |i, j| (at(i, j, &h.re) - at(j, i, &h.re)).hypot(at(i, j, &h.im) + at(j, i, &h.im));
        largest((0..h.cols).map(|j| (0..h.rows).map(|i| part(i, j)).sum()))
    };
    let (na, nx) = (p.norm1(), q.norm1());
    let zero_or =
        |norm: f64, scale: &[f64]| if norm == 0.0 { 0.0 } else { over(norm, size, u, scale) };
    [
        zero_or(term(&p, &ax, &p), &[na, nx, na]),
        zero_or(term(&q, &xa, &q), &[nx, na, nx]),
        zero_or(skew(&ax), &[na, nx]),
        zero_or(skew(&xa), &[na, nx]),
    ]
}

/// The singular values, largest first, in double precision by faer: within about n u of the largest.
pub fn singular_values<T: Scalar>(a: &Mat<T>) -> Vec<f64> {
    let entry = |i: usize, j: usize| {
        let x = a[(i, j)].widen();
        faer::c64::new(x.re(), x.im())
    };
    let found = match T::COMPLEX {
        true => faer::Mat::from_fn(a.rows, a.cols, entry).singular_values(),
        false => faer::Mat::from_fn(a.rows, a.cols, |i, j| entry(i, j).re).singular_values(),
    };
    found.expect("a decomposition that converges")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn over_is_infinite_where_something_is_not_sensible() {
        assert_eq!(over(1.0, 2, 0.25, &[2.0, 0.5]), 2.0);
        assert_eq!(over(0.0, 2, 0.25, &[2.0]), 0.0);
        let (nan, inf) = (f64::NAN, f64::INFINITY);
        for (norm, others) in [
            (nan, [1.0, 1.0]),
            (inf, [1.0, 1.0]),
            (1.0, [nan, 1.0]),
            (1.0, [1.0, inf]),
            (1.0, [0.0, 1.0]),
            (1.0, [-1.0, 1.0]),
            (0.0, [0.0, 1.0]),
            (0.0, [inf, 0.0]),
            (1e300, [1e-300, 1e-300]),
        ] {
            assert_eq!(over(norm, 3, 1e-16, &others), inf, "{norm} over {others:?}");
        }
    }

    #[test]
    fn largest_keeps_what_is_not_finite() {
        for bad in [f64::NAN, f64::INFINITY] {
            for at in 0..3 {
                let mut x = [1.0, 2.0, 3.0];
                x[at] = bad;
                assert_eq!(largest(x), f64::INFINITY, "{x:?}");
            }
        }
        assert_eq!(largest([1.0, 3.0, 2.0]), 3.0);
    }
}
