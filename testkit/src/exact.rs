//! The exact inverse of small matrices, by fraction-free elimination (Bareiss 1968) in integers.

use crate::mat::Mat;
use ainv::{RealScalar, Scalar};
use num_bigint::BigInt;
use num_traits::{ToPrimitive, Zero};

/// An exact number rounded to the sum of two `f64`.
pub type Double = (f64, f64);

fn integer(x: f64, unit: i32) -> BigInt {
    // x = mantissa * 2^e, written as an integer number of 2^unit.
    let Some(e) = x.exponent() else { return BigInt::zero() };
    let low = e - 52;
    let mantissa = BigInt::from(x.times_power_of_two(-low) as i64);
    mantissa << (low - unit) as usize
}

fn quotient(a: &BigInt, b: &BigInt, unit: i32) -> Double {
    if a.is_zero() {
        return (0.0, 0.0);
    }
    let shift = 130 + b.bits() as i64 - a.bits() as i64;
    let q = if shift >= 0 { (a << shift as usize) / b } else { a / (b << (-shift) as usize) };
    let high = q.to_f64().expect("131 bits");
    let low = (&q - integer(high, 0)).to_f64().expect("under 131 bits");
    let k = -(shift as i32) - unit;
    (high.times_power_of_two(k), low.times_power_of_two(k))
}

/// A^-1 as pairs (re, im), row by row, or `None` for an exactly singular matrix. A complex matrix
/// is the real one of twice the order.
///
/// # Panics
/// If A is not finite or not square: an oracle that answers there would be no oracle.
pub fn exact_inverse<T: Scalar>(a: &Mat<T>) -> Option<Vec<(Double, Double)>> {
    assert!(a.is_finite() && a.rows == a.cols, "no inverse: not finite or not square");
    let n = a.rows;
    let size = if T::COMPLEX { 2 * n } else { n };
    let entry = |i: usize, j: usize| -> f64 {
        let x = a[(i % n, j % n)];
        match (i < n, j < n) {
            (true, true) | (false, false) => x.re().to_f64(),
            (true, false) => -x.im().to_f64(),
            (false, true) => x.im().to_f64(),
        }
    };
    let places = || (0..size).flat_map(|i| (0..size).map(move |j| (i, j)));
    let unit = places().filter_map(|(i, j)| entry(i, j).exponent()).min().unwrap_or(0) - 52;
    let mut w: Vec<Vec<BigInt>> = (0..size)
        .map(|i| {
            let row = (0..size).map(|j| integer(entry(i, j), unit));
            row.chain((0..size).map(|j| BigInt::from((i == j) as u8))).collect()
        })
        .collect();
    let mut last = BigInt::from(1);
    for k in 0..size {
        let p = (k..size).find(|&i| !w[i][k].is_zero())?;
        w.swap(k, p);
        let pivot_row = w[k].clone();
        for i in (0..size).filter(|&i| i != k) {
            let f = w[i][k].clone();
            for j in 0..2 * size {
                w[i][j] = (&w[i][j] * &pivot_row[k] - &f * &pivot_row[j]) / &last;
            }
        }
        last = pivot_row[k].clone();
    }
    let at = |i: usize, j: usize| quotient(&w[i][size + j], &w[i][i], unit);
    Some(
        (0..n * n)
            .map(|at_| {
                let (i, j) = (at_ / n, at_ % n);
                (at(i, j), if T::COMPLEX { at(n + i, j) } else { (0.0, 0.0) })
            })
            .collect(),
    )
}

/// The largest entry error over n u (|X| |A| |X|), X the exact inverse. (With the computed one in its
/// place a result that is far too large would pass: its bound grows with its square.) Infinite if
/// anything is not finite.
pub fn entry_error<T: Scalar>(a: &Mat<T>, x: &Mat<T>, exact: &[(Double, Double)]) -> f64 {
    let n = a.rows;
    let finite = exact.iter().all(|(re, im)| re.0.is_finite() && im.0.is_finite());
    if !finite || !a.is_finite() || !x.is_finite() || (x.rows, x.cols, exact.len()) != (n, n, n * n)
    {
        return f64::INFINITY;
    }
    let aa = Mat::<f64>::from_fn(n, n, |i, j| {
        let x = a[(i, j)];
        x.re().to_f64().hypot(x.im().to_f64())
    });
    let ax = Mat::<f64>::from_fn(n, n, |i, j| {
        let (re, im) = exact[i * n + j];
        re.0.hypot(im.0)
    });
    let bound = ax.times(&aa).times(&ax);
    let u = crate::unit_roundoff::<T>();
    let mut worst = 0.0f64;
    for i in 0..n {
        for j in 0..n {
            let (re, im) = exact[i * n + j];
            let d = |x: T::Real, e: Double| (x.to_f64() - e.0) - e.1;
            let error = d(x[(i, j)].re(), re).hypot(d(x[(i, j)].im(), im));
            // Where the bound underflows nothing but exactness is asked.
            let ratio = if error == 0.0 { 0.0 } else { error / (n as f64 * u * bound[(i, j)]) };
            worst = worst.max(if ratio.is_nan() { f64::INFINITY } else { ratio });
        }
    }
    worst
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inverts_exactly() {
        let a = Mat::<f64>::new(2, 2, vec![1.0, 2.0, 3.0, 4.0]);
        let x: Vec<f64> = exact_inverse(&a).unwrap().iter().map(|x| x.0.0).collect();
        assert_eq!(x, [-2.0, 1.0, 1.5, -0.5]);
        let third = exact_inverse(&Mat::<f64>::new(1, 1, vec![3.0])).unwrap()[0].0;
        assert_eq!(third.0, 1.0 / 3.0);
        assert!(third.1.abs() < 1e-16 && third.1 != 0.0);
        assert!(exact_inverse(&Mat::<f64>::new(2, 2, vec![1.0, 2.0, 2.0, 4.0])).is_none());
        let c = Mat::new(1, 1, vec![ainv::c64::new(3.0, 4.0)]);
        let x = exact_inverse(&c).unwrap()[0];
        assert_eq!((x.0.0, x.1.0), (0.12, -0.16));
        for n in 1..=12 {
            for (name, a, x) in crate::known_inverses::<ainv::c64>(n) {
                if !["pascal", "minij", "moler", "triw", "hadamard", "reversal"].contains(&name) {
                    continue;
                }
                let known = x.data.iter().map(|x| ((x.re, 0.0), (x.im, 0.0)));
                assert_eq!(exact_inverse(&a).unwrap(), known.collect::<Vec<_>>(), "{name} {n}");
            }
        }
    }

    #[test]
    #[should_panic(expected = "not finite")]
    fn refuses_nan() {
        exact_inverse(&Mat::<f64>::new(1, 1, vec![f64::NAN]));
    }

    #[test]
    #[should_panic(expected = "not finite")]
    fn refuses_infinity() {
        exact_inverse(&Mat::new(1, 1, vec![ainv::c32::new(1.0, f32::INFINITY)]));
    }
}
