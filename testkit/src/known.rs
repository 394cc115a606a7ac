//! Matrices whose inverses are known in closed form.

use crate::mat::Mat;
use ainv::{RealScalar, Scalar};

fn binomial(n: usize, k: usize) -> f64 {
    if k > n {
        return 0.0;
    }
    (0..k).fold(1.0, |b, i| b * (n - i) as f64 / (i + 1) as f64).round()
}

/// An entry of the inverse of Cauchy's matrix, 1 / (x_i + y_j).
fn cauchy_inverse(
    n: usize,
    i: usize,
    j: usize,
    x: &dyn Fn(usize) -> f64,
    y: &dyn Fn(usize) -> f64,
) -> f64 {
    let mut entry = (x(j) + y(i)).recip();
    for k in 0..n {
        entry *= x(j) + y(k);
        entry *= if k == j { 1.0 } else { (x(j) - x(k)).recip() };
        entry *= x(k) + y(i);
        entry *= if k == i { 1.0 } else { (y(i) - y(k)).recip() };
    }
    entry
}

/// `(name, A, A^-1)` of order n, the entries of both rounded at most once or a few times; of matrices so
/// ill-conditioned that this rounding of A shows in more than its first order only small ones.
pub fn known_inverses<T: Scalar>(n: usize) -> Vec<(&'static str, Mat<T>, Mat<T>)> {
    let mut all = Vec::new();
    let mut add = |name, a: &dyn Fn(usize, usize) -> f64, x: &dyn Fn(usize, usize) -> f64| {
        all.push((name, Mat::<T>::real(n, n, a), Mat::<T>::real(n, n, x)));
    };
    let one = |b: bool| b as u8 as f64;
    let end = |i: usize| i + 1 == n;
    let double = T::Real::EPSILON.to_f64() < 1e-10;
    if n <= 10 {
        add("pascal", &|i, j| binomial(i + j, i), &|i, j| {
            let sign = if (i + j).is_multiple_of(2) { 1.0 } else { -1.0 };
            sign * (0..n).map(|k| binomial(k, i) * binomial(k, j)).sum::<f64>()
        });
    }
    add("minij", &|i, j| (i.min(j) + 1) as f64, &|i, j| {
        if i == j { if end(i) { 1.0 } else { 2.0 } } else { -one(i.abs_diff(j) == 1) }
    });
    // Lehmer: min / max, whose inverse is tridiagonal.
    add("lehmer", &|i, j| (i.min(j) + 1) as f64 / (i.max(j) + 1) as f64, &|i, j| {
        let m = (i.min(j) + 1) as f64;
        if i == j {
            if end(i) { m * m / (2.0 * m - 1.0) } else { 4.0 * m * m * m / (4.0 * m * m - 1.0) }
        } else {
            -one(i.abs_diff(j) == 1) * m * (m + 1.0) / (2.0 * m + 1.0)
        }
    });
    // Kac, Murdock and Szegoe with rho = 1/2.
    add("kms", &|i, j| 0.5f64.powi(i.abs_diff(j) as i32), &|i, j| {
        if i == j {
            if n == 1 {
                1.0
            } else if i == 0 || end(i) {
                4.0 / 3.0
            } else {
                5.0 / 3.0
            }
        } else {
            -one(i.abs_diff(j) == 1) * 2.0 / 3.0
        }
    });
    // Pei: ones and a added to the diagonal.
    add("pei", &|i, j| 1.0 + 2.0 * one(i == j), &|i, j| 0.5 * (one(i == j) - 1.0 / (n + 2) as f64));
    if n <= 12 {
        // Moler: U^T U with U unit upper, -1 above the diagonal.
        let u_inverse = |i: usize, j: usize| {
            if i > j {
                0.0
            } else if i == j {
                1.0
            } else {
                2f64.powi((j - i) as i32 - 1)
            }
        };
        add(
            "moler",
            &|i, j| if i == j { (i + 1) as f64 } else { i.min(j) as f64 - 1.0 },
            &|i, j| (0..n).map(|k| u_inverse(i, k) * u_inverse(j, k)).sum(),
        );
        add("triw", &|i, j| if i == j { 1.0 } else { -one(i < j) }, &u_inverse);
    }
    if n.is_power_of_two() {
        let h =
            |i: usize, j: usize| if (i & j).count_ones().is_multiple_of(2) { 1.0 } else { -1.0 };
        add("hadamard", &h, &|i, j| h(i, j) / n as f64);
    }
    // Hilbert's inverse, of whole numbers, exact up to this order.
    let hilbert_inverse = |i: usize, j: usize| {
        let sign = if (i + j).is_multiple_of(2) { 1.0 } else { -1.0 };
        let (a, b) = (binomial(n + i, n - j - 1), binomial(n + j, n - i - 1));
        sign * (i + j + 1) as f64 * a * b * binomial(i + j, i).powi(2)
    };
    if n <= if double { 10 } else { 5 } {
        add("invhilb", &hilbert_inverse, &|i, j| 1.0 / (i + j + 1) as f64);
    }
    // An involution: Hilbert's matrix with scaled rows and a scaled first column.
    if n <= if double { 7 } else { 3 } {
        let scale = |i: usize| {
            (1..=i).fold(-(n as f64), |d, k| -d * ((n + k) * (n - k)) as f64 / (k * k) as f64)
        };
        let entry = |i: usize, j: usize| {
            let first = if j == 0 { -(n as f64) } else { 1.0 };
            let row = if i == 0 { 1.0 } else { scale(i) };
            first * row / (i + j + 1) as f64
        };
        add("invol", &entry, &entry);
    }
    // Clement: zeros on the diagonal, 1, 2, ... under it, n - 1, n - 2, ... above. Of even order each
    // column of the inverse follows from its first and its last entry by products alone.
    if n.is_multiple_of(2) {
        let (under, above) = (|i: usize| i as f64, |i: usize| (n - 1 - i) as f64);
        let mut inverse = Mat::<f64>::zeros(n, n);
        for j in 0..n {
            let unit = |i: usize| one(i == j);
            for i in (0..n).step_by(2) {
                let before = if i == 0 { 0.0 } else { under(i) * inverse[(i - 1, j)] };
                inverse[(i + 1, j)] = (unit(i) - before) / above(i);
            }
            for i in (0..n).rev().step_by(2) {
                let after = if end(i) { 0.0 } else { above(i) * inverse[(i + 1, j)] };
                inverse[(i - 1, j)] = (unit(i) - after) / under(i);
            }
        }
        let entry = |i: usize, j: usize| one(i == j + 1) * under(i) + one(j == i + 1) * above(i);
        add("clement", &entry, &|i, j| inverse[(i, j)]);
    }
    let plus = |i: usize| (i + 1) as f64;
    if n <= if double { 6 } else { 3 } {
        add("cauchy", &|i, j| (plus(i) + plus(j)).recip(), &|i, j| {
            cauchy_inverse(n, i, j, &plus, &plus)
        });
    }
    // Parter: Cauchy's matrix of 1 / (i - j + 1/2), all of whose singular values are near pi.
    let (x, y) = (|i: usize| i as f64, |j: usize| 0.5 - j as f64);
    add("parter", &|i, j| (x(i) + y(j)).recip(), &|i, j| cauchy_inverse(n, i, j, &x, &y));
    // Its own inverse: I - 2 e e^T / n, permuted.
    add("reversal", &|i, j| one(i + j + 1 == n), &|i, j| one(i + j + 1 == n));
    add("householder", &|i, j| one(i == j) - 2.0 / n as f64, &|i, j| one(i == j) - 2.0 / n as f64);
    all
}

/// Positive definite matrices of the gallery.
pub fn positive_definite_gallery<T: Scalar>(n: usize) -> Vec<(&'static str, Mat<T>, Mat<T>)> {
    let posdef = ["pascal", "minij", "lehmer", "kms", "pei", "moler"];
    known_inverses(n).into_iter().filter(|(name, ..)| posdef.contains(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A pair that were not one would make the oracle a liar.
    #[test]
    fn the_inverses_are_inverses() {
        for n in (1..=32).chain([50, 64, 100]) {
            for (name, a, x) in known_inverses::<f64>(n) {
                let (right, left) = crate::right_and_left(&a, &x);
                assert!(right <= 2.0 && left <= 2.0, "{name}, n = {n}: {right} {left}");
            }
            for (name, a, x) in known_inverses::<f32>(n) {
                let (right, left) = crate::right_and_left(&a, &x);
                assert!(right <= 2.0 && left <= 2.0, "{name}, n = {n}, single: {right} {left}");
            }
        }
    }
}
