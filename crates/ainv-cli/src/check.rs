//! How good the inverses are: measured, in double precision, on what is to be written.

use ainv::{Assume, RealScalar, Scalar, Stack, Status};

/// Multiply-adds that the residual's sample may cost: a few hundredths of a second.
const BUDGET: usize = 50_000_000;

/// What was measured.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Check {
    /// The smallest reciprocal condition number of all matrices, and whose it is.
    pub(crate) worst_rcond: Option<(usize, f64)>,
    pub(crate) residual: Option<Residual>,
}

/// What A X is away from I.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Residual {
    /// The largest entry of |A X - I| over the sample.
    pub(crate) largest: f64,
    /// Matrices of the sample.
    pub(crate) sample: usize,
}

/// Measures the inverses `x` of those matrices `a` that have one.
pub(crate) fn inverses<T: Scalar>(
    a: Stack<T>,
    x: Stack<T>,
    status: &[Status],
    assume: Assume,
) -> Check {
    let n = a.rows();
    let good: Vec<usize> = (0..a.len()).filter(|&m| status[m].is_ok()).collect();
    if good.is_empty() || n == 0 {
        return Check::default();
    }
    let rcond = |m| 1.0 / (norm1(&a, m, assume) * norm1(&x, m, Assume::General));
    let worst_rcond = least(good.iter().map(|&m| (m, rcond(m))));
    // Large matrices are sampled by columns, too.
    let sample = (BUDGET / n.saturating_pow(3)).clamp(1, good.len());
    let columns = (BUDGET / sample / (n * n)).clamp(1, n);
    let mut largest = 0.0f64;
    for s in 0..sample {
        let m = good[s * good.len() / sample];
        for c in 0..columns {
            let size = column(&a, &x, m, c * n / columns, assume);
            largest = if size <= largest { largest } else { size };
        }
    }
    Check { worst_rcond, residual: Some(Residual { largest, sample }) }
}

/// The worst of reciprocal condition numbers.
pub(crate) fn smallest<T: Scalar>(rcond: &[T]) -> Check {
    let worst_rcond = least(rcond.iter().map(|r| r.re().to_f64()).enumerate());
    Check { worst_rcond, residual: None }
}

fn least(rcond: impl Iterator<Item = (usize, f64)>) -> Option<(usize, f64)> {
    rcond.filter(|(_, r)| !r.is_nan()).min_by(|a, b| a.1.total_cmp(&b.1))
}

/// The entry of A, as `assume` reads it.
fn entry<T: Scalar>(a: &Stack<T>, m: usize, i: usize, j: usize, assume: Assume) -> T {
    let zero = T::default();
    match assume {
        Assume::Auto | Assume::General => a.get(m, i, j),
        Assume::Symmetric if i < j => a.get(m, j, i),
        Assume::Hermitian | Assume::Posdef if i < j => a.get(m, j, i).conj(),
        Assume::Symmetric | Assume::Hermitian | Assume::Posdef => a.get(m, i, j),
        Assume::Lower if i < j => zero,
        Assume::Upper if i > j => zero,
        Assume::Diagonal if i != j => zero,
        Assume::Lower | Assume::Upper | Assume::Diagonal => a.get(m, i, j),
    }
}

fn abs<T: Scalar>(x: T) -> f64 {
    x.re().to_f64().hypot(x.im().to_f64())
}

/// The largest column sum of matrix `m`, row after row as it lies in memory.
fn norm1<T: Scalar>(a: &Stack<T>, m: usize, assume: Assume) -> f64 {
    let mut sums = vec![0.0; a.cols()];
    for i in 0..a.rows() {
        for (j, sum) in sums.iter_mut().enumerate() {
            *sum += abs(entry(a, m, i, j, assume));
        }
    }
    sums.into_iter().fold(0.0, f64::max)
}

/// The largest entry of column `j` of |A X - I|.
fn column<T: Scalar>(a: &Stack<T>, x: &Stack<T>, m: usize, j: usize, assume: Assume) -> f64 {
    let n = a.rows();
    let x: Vec<T::Wide> = (0..n).map(|k| x.get(m, k, j).widen()).collect();
    let mut largest = 0.0f64;
    for i in 0..n {
        let mut sum = T::Wide::from_re(if i == j { -1.0 } else { 0.0 });
        for (k, &x) in x.iter().enumerate() {
            sum = sum + entry(a, m, i, k, assume).widen() * x;
        }
        // A NaN must not be passed over.
        let size = abs(sum);
        largest = if size <= largest { largest } else { size };
    }
    largest
}
