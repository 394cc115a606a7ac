//! What becomes of a suspect: a matrix whose entries, pivots or result left the range in which the
//! fast route is exact in its under- and overflows.
//!
//! ```text
//! a NaN is read          -> NonFinite
//! an infinity is read    -> the operation's own rule, else NonFinite
//! otherwise              -> the same route on the matrix scaled by powers of two, the result
//!                           scaled back with one rounding; not finite: the operation's verdict
//! ```
//!
//! Scaling is by one common power of two where the exponents lie close together, so that the bits
//! are those of the matrix in range; and by rows and columns apart where they do not: one factor
//! would ruin diag(1e300, 1e-300).

use super::{Op, run};
use crate::alg::Context;
use crate::device::cpu::arena;
use crate::error::{Error, filled, listed};
use crate::status::Status;
use ainv_kernels::lanes::Group;
use ainv_kernels::places::{Frame, Places};
use ainv_kernels::scalar::{RealScalar, Scalar};

/// Powers of two: A' = 2^rows A 2^cols, B' = 2^rows B 2^-out_cols, X = 2^out_rows X' 2^out_cols.
#[derive(Clone, Debug)]
pub(crate) struct Scaling {
    pub rows: Vec<i32>,
    pub cols: Vec<i32>,
    pub out_rows: Vec<i32>,
    pub out_cols: Vec<i32>,
}

impl Scaling {
    /// That of an inverse: X = 2^cols X' 2^rows.
    pub(crate) fn of_inverse((rows, cols): (Vec<i32>, Vec<i32>)) -> Result<Scaling, Error> {
        let (out_rows, out_cols) = (again(&cols)?, again(&rows)?);
        Ok(Scaling { out_rows, out_cols, rows, cols })
    }
}

/// The same powers of two once more.
pub(crate) fn again(powers: &[i32]) -> Result<Vec<i32>, Error> {
    listed(powers.iter().copied())
}

/// The larger exponent of the parts.
pub(crate) fn exponent<T: Scalar>(x: T) -> Option<i32> {
    x.re().exponent().max(x.im().exponent())
}

/// The powers of two for rows and columns that bring the entries of a matrix, or of its upper triangle, near
/// one.
pub(crate) fn balance<T: Scalar>(
    n: usize,
    a: &[T],
    triangle: bool,
) -> Result<(Vec<i32>, Vec<i32>), Error> {
    let reads = |i: usize, j: usize| !triangle || i <= j;
    let e = |i: usize, j: usize| if reads(i, j) { exponent(a[i * n + j]) } else { None };
    let all = || (0..n).flat_map(|i| (0..n).map(move |j| (i, j))).filter_map(|(i, j)| e(i, j));
    let Some(largest) = all().max() else { return Ok((filled(0, n)?, filled(0, n)?)) };
    let smallest = all().min().unwrap_or(largest);
    if largest - smallest <= T::Real::BIG_EXP / 4 {
        return Ok((filled(-largest, n)?, filled(0, n)?));
    }
    if triangle {
        return least_squares(n, e);
    }
    let rows = listed((0..n).map(|i| -(0..n).filter_map(|j| e(i, j)).max().unwrap_or(0)))?;
    let col = |j: usize| (0..n).filter_map(|i| e(i, j).map(|e| e + rows[i])).max();
    let cols = listed((0..n).map(|j| -col(j).unwrap_or(0)))?;
    Ok((rows, cols))
}

/// The powers that leave the least sum of squares of the exponents `e`, by turns for the rows and the columns
/// (Curtis and Reid, "On the automatic scaling of matrices for Gaussian elimination", J. Inst. Math. Appl. 10,
/// 1972). A triangle's lines are of different lengths, so that their largest entries cannot be compared.
fn least_squares(
    n: usize,
    e: impl Fn(usize, usize) -> Option<i32>,
) -> Result<(Vec<i32>, Vec<i32>), Error> {
    /// Full triangles take under ten.
    const SWEEPS: usize = 50;
    fn mean(line: impl Iterator<Item = f64>) -> f64 {
        let (sum, len) = line.fold((0.0, 0.0), |(sum, len), x| (sum + x, len + 1.0));
        if len == 0.0 { 0.0 } else { sum / len }
    }
    let (mut rows, mut cols) = (filled(0.0, n)?, filled(0.0, n)?);
    for _ in 0..SWEEPS {
        let mut change: f64 = 0.0;
        for (i, row) in rows.iter_mut().enumerate() {
            let power = -mean((0..n).filter_map(|j| Some(f64::from(e(i, j)?) + cols[j])));
            change = change.max((power - *row).abs());
            *row = power;
        }
        for (j, col) in cols.iter_mut().enumerate() {
            *col = -mean((0..n).filter_map(|i| Some(f64::from(e(i, j)?) + rows[i])));
        }
        if change < 0.5 {
            break;
        }
    }
    let whole = |powers: &[f64]| listed(powers.iter().map(|power| power.round() as i32));
    Ok((whole(&rows)?, whole(&cols)?))
}

/// The matrix `g.src.get(0)`, decided: its result, dense and row by row in `x`, and its status. Without
/// a result `x` is NaN.
///
/// # Safety
/// As [`Op`]; `g` holds one matrix.
pub(crate) unsafe fn settle<T: Scalar>(
    op: &dyn Op<T>,
    cx: &Context<T>,
    g: &Group<T>,
    x: &mut [T],
) -> Result<Status, Error> {
    let (n, k) = (g.n, g.rhs_from.cols);
    let rhs = if g.rhs.is_empty() { 0 } else { n * k };
    arena::with(n * n + rhs, |dense: *mut T| {
        // SAFETY: the arena's block, filled before it is read; the matrices are the caller's.
        let (a, b) = unsafe {
            for i in 0..n {
                for j in 0..n {
                    let x = g.src.get(0).offset(g.from.at(i, j)).read();
                    dense.add(i * n + j).write(if op.reads(i, j) { x } else { T::default() });
                }
                for j in 0..rhs / n {
                    let x = g.rhs.get(0).offset(g.rhs_from.at(i, j)).read();
                    dense.add(n * n + i * k + j).write(x);
                }
            }
            (
                std::slice::from_raw_parts_mut(dense, n * n),
                std::slice::from_raw_parts_mut(dense.add(n * n), rhs),
            )
        };
        let status = decide(op, cx, n, a, b, x)?;
        if !status.is_ok() {
            x.fill(T::nan());
        }
        Ok(status)
    })
}

fn decide<T: Scalar>(
    op: &dyn Op<T>,
    cx: &Context<T>,
    n: usize,
    a: &mut [T],
    b: &mut [T],
    x: &mut [T],
) -> Result<Status, Error> {
    if a.iter().any(|x| x.is_nan()) {
        return Ok(Status::NON_FINITE);
    }
    if !a.iter().all(|x| Scalar::is_finite(*x)) {
        return Ok(op.infinite(cx, n, a, b, x)?.unwrap_or(Status::NON_FINITE));
    }
    let s = op.scaling(n, a, b)?;
    let k = b.len() / n;
    for i in 0..n {
        for j in 0..n {
            a[i * n + j] = Scalar::ldexp(a[i * n + j], s.rows[i] + s.cols[j]);
        }
        for j in 0..k {
            b[i * k + j] = Scalar::ldexp(b[i * k + j], s.rows[i] - s.out_cols[j]);
        }
    }
    forced(op, cx, n, a, b, x)?;
    if !x.iter().all(|x| Scalar::is_finite(*x)) {
        let status = op.verdict(cx, n, a, b)?;
        if !status.is_ok() {
            return Ok(status);
        }
    }
    let cols = x.len() / n;
    for i in 0..n {
        for j in 0..cols {
            x[i * cols + j] = Scalar::ldexp(x[i * cols + j], s.out_rows[i] + s.out_cols[j]);
        }
    }
    Ok(Status::OK)
}

/// Runs the operation on one dense matrix and takes what comes.
pub(crate) fn forced<T: Scalar>(
    op: &dyn Op<T>,
    cx: &Context<T>,
    n: usize,
    a: &[T],
    b: &[T],
    x: &mut [T],
) -> Result<(), Error> {
    let dense = |cols: usize| Frame::by_rows(n, cols);
    let k = b.len() / n;
    arena::with(super::scratch(op, n, k), |scratch: *mut T::Real| {
        let group = Group {
            n,
            src: Places::one(a.as_ptr()),
            from: dense(n),
            rhs: if b.is_empty() { Places::none() } else { Places::one(b.as_ptr()) },
            rhs_from: dense(k),
            dst: Places::one(x.as_mut_ptr()),
            to: dense(x.len() / n),
            scratch,
            force: true,
            far: false,
            stream: false,
        };
        // SAFETY: dense matrices of these sizes, the result apart from the others.
        unsafe { run(op, cx, &group) }.map(|_| ())
    })
}
