//! Matrices whose inverses are known in closed form.

use crate::mat::Mat;
use ainv::Scalar;

fn binomial(n: usize, k: usize) -> f64 {
    if k > n {
        return 0.0;
    }
    (0..k).fold(1.0, |b, i| b * (n - i) as f64 / (i + 1) as f64).round()
}

/// `(name, A, A^-1)` of order n. Pairs whose entries are not exact in the scalar are left out.
pub fn known_inverses<T: Scalar>(n: usize) -> Vec<(&'static str, Mat<T>, Mat<T>)> {
    let mut all = Vec::new();
    let mut add = |name, a: &dyn Fn(usize, usize) -> f64, x: &dyn Fn(usize, usize) -> f64| {
        all.push((name, Mat::<T>::real(n, n, a), Mat::<T>::real(n, n, x)));
    };
    let one = |b: bool| b as u8 as f64;
    let end = |i: usize| i + 1 == n;
    if n <= 10 {
        add("pascal", &|i, j| binomial(i + j, i), &|i, j| {
            let sign = if (i + j) % 2 == 0 { 1.0 } else { -1.0 };
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
    if n <= 20 {
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
        add("pei", &|i, j| 1.0 + 2.0 * one(i == j), &|i, j| {
            0.5 * (one(i == j) - 1.0 / (n + 2) as f64)
        });
    }
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
