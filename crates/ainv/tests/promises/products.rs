//! `matmul`: every entry within k u |A| |B| of the exact sum, the same bits in every layout.

use ainv::*;
use testkit::{Rng, assert_same_bits, unit_roundoff};

fn entries<T: Scalar>(len: usize, seed: u64) -> Vec<T> {
    let rng = &mut Rng::new(seed);
    (0..len).map(|_| rng.scalar()).collect()
}

fn product<T: Scalar>([count, m, k, n]: [usize; 4], a: &[T], b: &[T]) -> Vec<T> {
    let a = Stack::new(a, &[count, m, k]).unwrap();
    let b = Stack::new(b, &[count, k, n]).unwrap();
    let x = matmul(a, b, &Options::default()).unwrap();
    assert_eq!(x.shape(), [count, m, n]);
    x.into_vec()
}

const SHAPES: [[usize; 4]; 14] = [
    [1, 1, 1, 1],
    [50, 2, 3, 4],
    [7, 16, 16, 16],
    [7, 16, 17, 16],
    [3, 33, 20, 9],
    [2, 5, 300, 7],
    [1, 130, 257, 70],
    // Deeper than what is packed at a time.
    [1, 70, 385, 90],
    [2, 33, 1000, 65],
    [1, 200, 3, 200],
    [40, 1, 30, 1],
    [0, 3, 3, 3],
    [3, 0, 2, 5],
    [3, 20, 0, 20],
];

fn every_entry_is_near_the_sum<T: Scalar>() {
    for shape @ [count, m, k, n] in SHAPES {
        let (a, b) = (entries::<T>(count * m * k, 1), entries::<T>(count * k * n, 2));
        let x = product(shape, &a, &b);
        for at in 0..x.len() {
            let (matrix, i, j) = (at / (m * n), at / n % m, at % n);
            let (mut re, mut im, mut size) = (0.0, 0.0, 0.0);
            for p in 0..k {
                let (a, b) = (a[(matrix * m + i) * k + p], b[(matrix * k + p) * n + j]);
                let parts = |x: T| (x.re().to_f64(), x.im().to_f64());
                let ((ar, ai), (br, bi)) = (parts(a), parts(b));
                re += ar * br - ai * bi;
                im += ar * bi + ai * br;
                size += a.abs1().to_f64() * b.abs1().to_f64();
            }
            let error = (x[at].re().to_f64() - re).abs() + (x[at].im().to_f64() - im).abs();
            // The sum to compare with has the double precision's error itself.
            let bound = (4 * k + 4) as f64 * unit_roundoff::<T>() * size;
            assert!(error <= bound, "{shape:?}: entry {at} is {error:e} off, over {bound:e}");
        }
    }
}

fn layouts_change_nothing<T: Scalar>() {
    for shape @ [count, m, k, n] in SHAPES {
        if count * m * k * n == 0 {
            continue;
        }
        let (a, b) = (entries::<T>(count * m * k, 1), entries::<T>(count * k * n, 2));
        let expected = product(shape, &a, &b);
        let turned: Vec<T> =
            (0..a.len()).map(|at| a[at / (m * k) * (m * k) + at % m * k + at / m % k]).collect();
        let a = Stack::new(&turned, &[count, k, m]).unwrap().transposed();
        let backwards: Vec<T> = b.iter().rev().copied().collect();
        let strides = [-((k * n) as isize), -(n as isize), -1];
        let b = Stack::with_strides(&backwards, b.len() - 1, &[count, k, n], &strides).unwrap();
        let mut spread = vec![T::nan(); 2 * count * m * n];
        let strides = [2 * (m * n) as isize, 2, 2 * m as isize];
        let x = StackMut::with_strides(&mut spread, 0, &[count, m, n], &strides).unwrap();
        matmul_into(a, b, x, &Options::default()).unwrap();
        let x: Vec<T> = (0..expected.len())
            .map(|at| spread[2 * (at / (m * n) * (m * n) + at % n * m + at / n % m)])
            .collect();
        assert_same_bits(&x, &expected, format!("{shape:?}"));
        assert!(spread.iter().skip(1).step_by(2).all(|x| x.is_nan()), "{shape:?}: a gap was hit");
    }
}

mod scalars {
    use super::super::common::for_all_scalars;
    for_all_scalars!(every_entry_is_near_the_sum, layouts_change_nothing);
}

#[test]
fn what_does_not_fit() {
    let a = [1.0; 12];
    let view = |shape: &[usize]| Stack::new(&a, shape).unwrap();
    for (a, b) in [
        (view(&[2, 2, 3]), view(&[2, 2, 3])),
        (view(&[2, 2, 3]), view(&[1, 3, 4])),
        (view(&[3, 4]), view(&[3, 4])),
    ] {
        assert!(matches!(matmul(a, b, &Options::default()), Err(Error::Shape { .. })));
    }
    let mut x = [0.0; 9];
    let x = StackMut::new(&mut x, &[3, 3]).unwrap();
    let fits = (view(&[3, 4]), view(&[4, 3]));
    assert!(matmul_into(fits.0, fits.1, x, &Options::default()).is_ok());
    let mut x = [0.0; 6];
    let x = StackMut::new(&mut x, &[3, 2]).unwrap();
    let error = matmul_into(fits.0, fits.1, x, &Options::default());
    assert!(matches!(error, Err(Error::Shape { .. })));
}

#[test]
fn infinities_and_nan_go_through() {
    let inf = f64::INFINITY;
    let x = product([1, 1, 2, 2], &[inf, 1.0], &[1.0, 0.0, 1.0, 1.0]);
    assert_eq!(x[0], inf);
    assert!(x[1].is_nan());
    let mut a = vec![1.0; 40 * 40];
    a[3] = f64::NAN;
    let x = product([1, 40, 40, 40], &a, &vec![1.0; 40 * 40]);
    assert!(x[..40].iter().all(|x| x.is_nan()) && x[40..].iter().all(|&x| x == 40.0));
}

#[test]
fn a_cancelled_product_is_an_error() {
    let cancel = Cancel::new();
    cancel.cancel();
    let options = Options { cancel: Some(cancel), ..Options::default() };
    let a = [1.0; 4];
    let a = Stack::new(&a, &[2, 2]).unwrap();
    assert_eq!(matmul(a, a, &options), Err(Error::Cancelled));
}
