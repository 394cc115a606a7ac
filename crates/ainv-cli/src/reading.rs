//! A matrix as an operation reads it: the part that counts, and what the rest stands for.

use crate::args::Operation;
use ainv::{Assume, RealScalar, Scalar};

/// Which entries of a matrix are read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading {
    assume: Assume,
    unit_diagonal: bool,
    /// Of a Cholesky factor: whether it is U.
    pub(crate) upper: bool,
}

impl Reading {
    /// Every entry stands for itself.
    pub(crate) const ALL: Reading =
        Reading { assume: Assume::General, unit_diagonal: false, upper: false };

    pub(crate) fn of(operation: &Operation) -> Reading {
        let triangle = |upper: bool| if upper { Assume::Upper } else { Assume::Lower };
        let (assume, unit_diagonal, upper) = match *operation {
            Operation::CholeskyInv { upper, .. } => (triangle(upper), false, upper),
            Operation::TriInv { upper, unit_diagonal, .. } => {
                (triangle(upper), unit_diagonal, upper)
            }
            Operation::Pinv { hermitian: true, .. } => (Assume::Hermitian, false, false),
            _ => (operation.assume(), false, false),
        };
        Reading { assume, unit_diagonal, upper }
    }

    pub(crate) fn entry<T: Scalar>(self, a: &[T], cols: usize, i: usize, j: usize) -> T {
        let at = |i: usize, j: usize| a[i * cols + j];
        if self.unit_diagonal && i == j {
            return T::from_re(T::Real::from_f64(1.0));
        }
        match self.assume {
            Assume::Symmetric if i < j => at(j, i),
            Assume::Hermitian | Assume::Posdef if i < j => at(j, i).conj(),
            Assume::Lower if i < j => T::default(),
            Assume::Upper if i > j => T::default(),
            Assume::Diagonal if i != j => T::default(),
            _ => at(i, j),
        }
    }

    fn is_all(self) -> bool {
        matches!(self.assume, Assume::Auto | Assume::General) && !self.unit_diagonal
    }

    /// The largest column sum; `sums` is a place for them.
    pub(crate) fn norm1<T: Scalar>(self, a: &[T], cols: usize, sums: &mut Vec<f64>) -> f64 {
        sums.clear();
        sums.resize(cols, 0.0);
        for (i, row) in a.chunks_exact(cols.max(1)).enumerate() {
            if self.is_all() {
                for (sum, &x) in sums.iter_mut().zip(row) {
                    *sum += abs(x);
                }
            } else {
                for (j, sum) in sums.iter_mut().enumerate() {
                    *sum += abs(self.entry(a, cols, i, j));
                }
            }
        }
        sums.iter().copied().fold(0.0, f64::max)
    }

    /// The largest row sum.
    pub(crate) fn norm_inf<T: Scalar>(self, a: &[T], cols: usize) -> f64 {
        let rows = a.len() / cols.max(1);
        let sum = |i| (0..cols).map(|j| abs(self.entry(a, cols, i, j))).sum();
        (0..rows).map(sum).fold(0.0, f64::max)
    }

    /// A v.
    pub(crate) fn product<T: Scalar>(self, a: &[T], cols: usize, v: &[T::Wide]) -> Vec<T::Wide> {
        let zero = T::Wide::default();
        let row = |(i, row): (usize, &[T])| {
            if self.is_all() {
                row.iter().zip(v).fold(zero, |sum, (a, &v)| sum + a.widen() * v)
            } else {
                let entry = |j| self.entry(a, cols, i, j).widen();
                v.iter().enumerate().fold(zero, |sum, (j, &v)| sum + entry(j) * v)
            }
        };
        a.chunks_exact(cols.max(1)).enumerate().map(row).collect()
    }

    /// A^H v.
    pub(crate) fn adjoint_product<T: Scalar>(
        self,
        a: &[T],
        cols: usize,
        v: &[T::Wide],
    ) -> Vec<T::Wide> {
        let mut out = vec![T::Wide::default(); cols];
        for (i, &v) in v.iter().enumerate() {
            for (j, out) in out.iter_mut().enumerate() {
                *out = *out + self.entry(a, cols, i, j).conj().widen() * v;
            }
        }
        out
    }
}

pub(crate) fn abs<T: Scalar>(x: T) -> f64 {
    if T::COMPLEX { x.re().to_f64().hypot(x.im().to_f64()) } else { x.re().to_f64().abs() }
}
