//! How good the results are: measured, in double precision, on what is to be written.

use crate::args::Operation;
use crate::reading::{Reading, abs};
use crate::structure::Structure;
use ainv::{OwnedStack, RealScalar, Scalar, Stack, Status};

/// Multiply-adds that the residuals of one array may cost: some hundredths of a second.
const BUDGET: usize = 20_000_000;

/// What was measured on one array.
#[derive(Clone, Debug, Default)]
pub(crate) struct Check {
    /// The smallest reciprocal condition number of all matrices, and whose it is.
    pub(crate) worst_rcond: Option<(usize, f64)>,
    pub(crate) residual: Option<Residual>,
    pub(crate) structure: Option<Structure>,
}

/// What the results are away from their definition.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Residual {
    /// Which expression was measured.
    pub(crate) of: &'static str,
    /// The largest over the sample.
    pub(crate) largest: f64,
    /// Matrices of the sample.
    pub(crate) sample: usize,
}

/// Measures an array chunk by chunk.
pub(crate) struct Checker<'a> {
    operation: &'a Operation,
    reading: Reading,
    /// Matrices of the whole array.
    count: usize,
    pub(crate) found: Check,
}

impl<'a> Checker<'a> {
    pub(crate) fn new(operation: &'a Operation, count: usize) -> Checker<'a> {
        let structure = Structure::told(operation);
        let found = Check { structure, ..Check::default() };
        Checker { operation, reading: Reading::of(operation), count, found }
    }

    /// Measures results `x` of those matrices `a` that have one; the first is matrix `first`.
    pub(crate) fn add<T: Scalar>(
        &mut self,
        a: &OwnedStack<T>,
        b: Option<Stack<T>>,
        x: &OwnedStack<T>,
        status: &[Status],
        first: usize,
    ) {
        let [.., rows, cols] = *a.shape() else { return };
        if self.found.structure.is_none() && rows == cols {
            self.found.structure = Structure::of(a);
        }
        if let Operation::Rcond { .. } = self.operation {
            self.worst(x.as_slice().iter().map(|r| r.re().to_f64()).enumerate(), first);
            return;
        }
        let good: Vec<usize> = (0..status.len()).filter(|&m| status[m].is_ok()).collect();
        if good.is_empty() || rows == 0 || cols == 0 {
            return;
        }
        let (a, x) = (Dense::of(a), Dense::of(x));
        if !matches!(self.operation, Operation::Solve { .. } | Operation::CholeskyInv { .. }) {
            let mut sums = Vec::new();
            let mut norm = |m| self.reading.norm1(a.matrix(m), cols, &mut sums);
            let mut plain = Vec::new();
            let mut norm_x = |m| Reading::ALL.norm1(x.matrix(m), x.cols, &mut plain);
            let rcond: Vec<_> = good.iter().map(|&m| (m, 1.0 / (norm(m) * norm_x(m)))).collect();
            self.worst(rcond.into_iter(), first);
        }
        self.sample(&a, b, &x, &good);
    }

    fn worst(&mut self, rcond: impl Iterator<Item = (usize, f64)>, first: usize) {
        let least = rcond.filter(|(_, r)| !r.is_nan()).min_by(|a, b| a.1.total_cmp(&b.1));
        if let Some((m, r)) = least
            && self.found.worst_rcond.is_none_or(|(_, worst)| r < worst)
        {
            self.found.worst_rcond = Some((first + m, r));
        }
    }

    /// Residuals of matrices spread over the chunk; of large ones, of columns spread over each.
    fn sample<T: Scalar>(
        &mut self,
        a: &Dense<T>,
        b: Option<Stack<T>>,
        x: &Dense<T>,
        good: &[usize],
    ) {
        let share = BUDGET as f64 * good.len() as f64 / self.count.max(1) as f64;
        let columns = match self.operation {
            Operation::Pinv { .. } => a.cols,
            _ => x.cols,
        };
        if columns == 0 {
            return;
        }
        let column = 2 * a.rows * a.cols;
        let sample = ((share / (column * columns) as f64) as usize).clamp(1, good.len());
        let columns_each = ((share / (sample * column) as f64) as usize).clamp(1, columns);
        let of = match self.operation {
            Operation::Solve { .. } => "|A x - b| / (|A| |x| + |b|)",
            Operation::Pinv { .. } => "|A X A - A| / |A|",
            _ => "|A X - I|",
        };
        let residual = self.found.residual.get_or_insert(Residual { of, largest: 0.0, sample: 0 });
        for s in 0..sample {
            let m = good[s * good.len() / sample];
            for c in 0..columns_each {
                let j = c * columns / columns_each;
                let size = match (self.operation, b) {
                    (Operation::Solve { .. }, Some(b)) => solved(self.reading, a, b, x, m, j),
                    (Operation::Pinv { .. }, _) => penrose(self.reading, a, x, m, j),
                    (Operation::CholeskyInv { .. }, _) => from_factor(self.reading, a, x, m, j),
                    _ => inverted(self.reading, a, x, m, j),
                };
                // A NaN must not be passed over.
                let largest = residual.largest;
                residual.largest = if size <= largest { largest } else { size };
            }
        }
        residual.sample += sample;
    }
}

/// Matrices one after the other, each by rows.
struct Dense<'a, T> {
    numbers: &'a [T],
    rows: usize,
    cols: usize,
}

impl<'a, T: Scalar> Dense<'a, T> {
    fn of(stack: &'a OwnedStack<T>) -> Dense<'a, T> {
        let [.., rows, cols] = *stack.shape() else { unreachable!("a stack has two axes") };
        Dense { numbers: stack.as_slice(), rows, cols }
    }

    fn matrix(&self, m: usize) -> &'a [T] {
        let size = self.rows * self.cols;
        &self.numbers[m * size..(m + 1) * size]
    }

    fn column(&self, m: usize, j: usize) -> Vec<T::Wide> {
        self.matrix(m).iter().skip(j).step_by(self.cols).map(|x| x.widen()).collect()
    }
}

fn largest<W: Scalar>(numbers: impl IntoIterator<Item = W>) -> f64 {
    // A NaN must not be passed over.
    numbers.into_iter().map(abs).fold(0.0, |l, size| if size <= l { l } else { size })
}

/// Column `j` of `|A X - I|`: its largest entry.
fn inverted<T: Scalar>(reading: Reading, a: &Dense<T>, x: &Dense<T>, m: usize, j: usize) -> f64 {
    let mut r = reading.product(a.matrix(m), a.cols, &x.column(m, j));
    r[j] = r[j] - T::Wide::from_re(1.0);
    largest(r)
}

/// The same for A = L L^H, or A = U^H U.
fn from_factor<T: Scalar>(reading: Reading, l: &Dense<T>, x: &Dense<T>, m: usize, j: usize) -> f64 {
    let (factor, x) = (l.matrix(m), x.column(m, j));
    let mut r = if reading.upper {
        reading.adjoint_product(factor, l.cols, &reading.product(factor, l.cols, &x))
    } else {
        reading.product(factor, l.cols, &reading.adjoint_product(factor, l.cols, &x))
    };
    r[j] = r[j] - T::Wide::from_re(1.0);
    largest(r)
}

/// The normwise backward error of column `j` of the solution (Rigal and Gaches).
fn solved<T: Scalar>(
    reading: Reading,
    a: &Dense<T>,
    b: Stack<T>,
    x: &Dense<T>,
    m: usize,
    j: usize,
) -> f64 {
    let column = x.column(m, j);
    let mut r = reading.product(a.matrix(m), a.cols, &column);
    let mut norm_b = 0.0;
    for (i, r) in r.iter_mut().enumerate() {
        let b = b.get(m, i, j).widen();
        norm_b = f64::max(norm_b, abs(b));
        *r = *r - b;
    }
    let scale = reading.norm_inf(a.matrix(m), a.cols) * largest(column) + norm_b;
    let residual = largest(r);
    if residual == 0.0 { 0.0 } else { residual / scale }
}

/// Penrose's first condition in column `j`.
fn penrose<T: Scalar>(reading: Reading, a: &Dense<T>, x: &Dense<T>, m: usize, j: usize) -> f64 {
    let (rows, cols) = (a.rows, a.cols);
    let matrix = a.matrix(m);
    let column: Vec<_> = (0..rows).map(|i| reading.entry(matrix, cols, i, j).widen()).collect();
    let inner = Reading::ALL.product(x.matrix(m), x.cols, &column);
    let outer = reading.product(matrix, cols, &inner);
    let residual = largest(outer.into_iter().zip(column).map(|(x, a)| x - a));
    let scale = largest(matrix.iter().map(|a| a.widen()));
    if residual == 0.0 { 0.0 } else { residual / scale }
}
