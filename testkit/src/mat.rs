//! A dense matrix, row by row, and its bits.

use ainv::{RealScalar, Scalar, Stack};
use std::ops::{Index, IndexMut};

/// A dense matrix, row by row.
#[derive(Clone, Debug, PartialEq)]
pub struct Mat<T> {
    /// Rows.
    pub rows: usize,
    /// Columns.
    pub cols: usize,
    /// The entries, row by row.
    pub data: Vec<T>,
}

impl<T> Index<(usize, usize)> for Mat<T> {
    type Output = T;
    fn index(&self, (i, j): (usize, usize)) -> &T {
        &self.data[i * self.cols + j]
    }
}
impl<T> IndexMut<(usize, usize)> for Mat<T> {
    fn index_mut(&mut self, (i, j): (usize, usize)) -> &mut T {
        &mut self.data[i * self.cols + j]
    }
}

impl<T: Scalar> Mat<T> {
    /// The matrix of `f(i, j)`.
    pub fn from_fn(rows: usize, cols: usize, mut f: impl FnMut(usize, usize) -> T) -> Self {
        let mut data = Vec::with_capacity(rows * cols);
        for i in 0..rows {
            for j in 0..cols {
                data.push(f(i, j));
            }
        }
        Mat { rows, cols, data }
    }
    /// The real matrix of `f(i, j)`, rounded.
    pub fn real(rows: usize, cols: usize, mut f: impl FnMut(usize, usize) -> f64) -> Self {
        Self::from_fn(rows, cols, |i, j| T::from_re(T::Real::from_f64(f(i, j))))
    }
    /// A matrix of given entries.
    pub fn new(rows: usize, cols: usize, data: Vec<T>) -> Self {
        assert_eq!(data.len(), rows * cols, "{rows} x {cols}");
        Mat { rows, cols, data }
    }
    /// Zeros.
    pub fn zeros(rows: usize, cols: usize) -> Self {
        Self::from_fn(rows, cols, |_, _| T::default())
    }
    /// The identity.
    pub fn identity(n: usize) -> Self {
        Self::real(n, n, |i, j| (i == j) as u8 as f64)
    }
    /// The transpose.
    pub fn transposed(&self) -> Self {
        Self::from_fn(self.cols, self.rows, |i, j| self[(j, i)])
    }
    /// The conjugate transpose.
    pub fn adjoint(&self) -> Self {
        Self::from_fn(self.cols, self.rows, |i, j| Scalar::conj(self[(j, i)]))
    }
    /// Every entry mapped, with its place.
    pub fn map<U: Scalar>(&self, mut f: impl FnMut(usize, usize, T) -> U) -> Mat<U> {
        Mat::from_fn(self.rows, self.cols, |i, j| f(i, j, self[(i, j)]))
    }
    /// The nearest matrix of another scalar.
    pub fn narrow<U: Scalar<Wide = T>>(&self) -> Mat<U> {
        self.map(|_, _, x| U::narrow(x))
    }
    /// The same matrix in double precision.
    pub fn widen(&self) -> Mat<T::Wide> {
        self.map(|_, _, x| x.widen())
    }
    /// Every entry times 2^k.
    pub fn ldexp(&self, k: i32) -> Self {
        self.map(|_, _, x| x.ldexp(k))
    }
    /// The product, in plain arithmetic.
    pub fn times(&self, b: &Self) -> Self {
        assert_eq!(self.cols, b.rows);
        let mut c = Self::zeros(self.rows, b.cols);
        for i in 0..self.rows {
            for k in 0..self.cols {
                let a = self[(i, k)];
                for j in 0..b.cols {
                    c[(i, j)] = c[(i, j)] + a * b[(k, j)];
                }
            }
        }
        c
    }
    /// A view for ainv.
    pub fn view(&self) -> Stack<'_, T> {
        Stack::new(&self.data, &[self.rows, self.cols]).expect("a dense matrix")
    }
    /// Whether every part of every entry is finite.
    pub fn is_finite(&self) -> bool {
        self.data.iter().all(|x| Scalar::is_finite(*x))
    }
    /// Whether every part of every entry is NaN.
    pub fn is_all_nan(&self) -> bool {
        self.data.iter().all(|x| x.re().is_nan() && (!T::COMPLEX || x.im().is_nan()))
    }
    /// Finite and exactly its own conjugate transpose, bit for bit: equal real parts, opposite imaginary parts, none
    /// on the diagonal. Only a zero imaginary part may have either sign, on both sides.
    pub fn is_hermitian(&self) -> bool {
        let zero = T::Real::from_f64(0.0);
        let same = |x: T, y: T| {
            let [re, im] = bits(x);
            let [other, opposite] = bits(Scalar::conj(y));
            re == other && (im == opposite || x.im() == zero && y.im() == zero)
        };
        let places = || (0..self.rows).flat_map(|i| (0..=i).map(move |j| (i, j)));
        self.rows == self.cols
            && self.is_finite()
            && places().all(|(i, j)| same(self[(i, j)], self[(j, i)]))
            && (0..self.rows).all(|i| self[(i, i)].im() == zero)
    }
}

/// `re + im i`; `im` is dropped for a real scalar.
pub fn parts<T: Scalar>(re: f64, im: f64) -> T {
    // One, whose parts are 1 and 0, says which part `map` is at.
    T::from_re(T::Real::ONE).map(|p| T::Real::from_f64(if p == T::Real::ONE { re } else { im }))
}

/// Every entry times 2^k.
pub fn ldexp<T: Scalar>(x: &[T], k: i32) -> Vec<T> {
    x.iter().map(|x| x.ldexp(k)).collect()
}

/// The bits of both parts; a NaN is a NaN, whatever its sign and payload.
pub fn bits<T: Scalar>(x: T) -> [u64; 2] {
    let part = |x: T::Real| {
        if x.is_nan() { f64::NAN.to_bits() } else { x.to_f64().to_bits() }
    };
    [part(x.re()), if T::COMPLEX { part(x.im()) } else { 0 }]
}

/// Whether the bits are the same (widening to f64 is exact, so it hides nothing).
pub fn same_bits<T: Scalar>(x: &[T], y: &[T]) -> bool {
    x.len() == y.len() && x.iter().zip(y).all(|(x, y)| bits(*x) == bits(*y))
}

/// Panics at the first entry whose bits differ.
#[track_caller]
pub fn assert_same_bits<T: Scalar>(x: &[T], y: &[T], what: impl std::fmt::Display) {
    assert_eq!(x.len(), y.len(), "{what}: lengths");
    if let Some(i) = (0..x.len()).find(|&i| bits(x[i]) != bits(y[i])) {
        let differ = (0..x.len()).filter(|&i| bits(x[i]) != bits(y[i])).count();
        panic!(
            "{what}: {differ} of {} entries differ, first {i}: {:?} and {:?}",
            x.len(),
            x[i],
            y[i]
        );
    }
}

/// A hash (FNV-1a) of the bits, taken up from `hash`.
pub fn fnv<T: Scalar>(mut hash: u64, x: &[T]) -> u64 {
    for x in x {
        for b in bits(*x) {
            for k in 0..8 {
                hash = (hash ^ (b >> (8 * k) & 0xff)).wrapping_mul(0x100_0000_01b3);
            }
        }
    }
    hash
}
