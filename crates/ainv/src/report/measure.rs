//! What a report is made of: every matrix inverted, multiplied with its inverse and looked at.

use super::picture::{Grid, Picture};
use super::route::Choice;
use super::{Digits, MatrixReport, Report, Structure};
use crate::alg::svd;
use crate::api::{self, Operation};
use crate::convert::Matrices;
use crate::device::cpu::mode::Mode;
use crate::device::stream::on_the_cpu;
use crate::error::{Error, filled};
use crate::op::rcond::norm;
use crate::op::staging;
use crate::options::{Assume, Norm, OnSingular, Options};
use crate::plan::is_wide;
use crate::stack::{OwnedStack, Stack};
use crate::status::{Code, Status};
use ainv_kernels::scalar::{RealScalar, Scalar};
use std::ops::Range;

/// Bytes of one chunk of matrices in double; there are five such chunks at a time.
const CHUNK: usize = 8 << 20;
/// Multiply-adds that all decompositions may cost that only tell ranks.
const RANKS: u64 = 20_000_000_000;
/// How many times too large an estimate of a condition may be.
const ESTIMATED: f64 = 10.0;
/// What a decomposition costs, in n^3.
const DECOMPOSED: u64 = 8;
/// The largest order whose singular values are drawn: about two seconds.
pub(super) const SINGULAR_VALUES: usize = 1024;
/// Scaling is said to help if it brings so many digits.
const WORTH_SCALING: u32 = 2;

/// How far the inverses can be trusted: `a` is inverted, or held against `x`, which should be its
/// inverse, and measured in double precision.
///
/// The residuals are those of the 1-norm. Either of them, if it is under one, bounds the error of the
/// inverse that they were measured on: X - A^-1 is (X A - I) A^-1 and A^-1 (A X - I).
///
/// It costs two inversions, three products and, up to order 1024, the singular values of the worst
/// matrix; of the others' ranks, what little is not settled by their condition.
///
/// ```
/// use ainv::{Options, Stack};
/// let a = [1.0, 1.0, 1.0, 1.0 + 1e-12];
/// let report = ainv::report(Stack::new(&a, &[2, 2])?, None, &Options::default())?;
/// assert_eq!(report.matrices[0].digits.good, 3);
/// assert!(report.to_string().contains("Take care"));
/// # Ok::<(), ainv::Error>(())
/// ```
///
/// # Errors
/// [`Error::Shape`] if the matrices are not square or `x` has another shape; [`Error::OutOfMemory`],
/// [`Error::Cancelled`].
pub fn report<A: Matrices>(
    a: A,
    x: Option<Stack<A::Elem>>,
    options: &Options,
) -> Result<Report, Error> {
    on_the_cpu(options, "report")?;
    let _mode = Mode::standard();
    let a = a.stack()?;
    api::square(&a)?;
    let (count, n) = (a.len(), a.rows());
    if let Some(x) = &x
        && (x.len(), x.rows(), x.cols()) != (count, n, n)
    {
        return Err(Error::shape(format!(
            "the inverses are {} of {} x {}, the matrices {count} of {n} x {n}",
            x.len(),
            x.rows(),
            x.cols()
        )));
    }
    let options = &Options { on_singular: OnSingular::Nan, ..options.clone() };
    let plan = api::plan::<A::Elem>(Operation::Inv, [count, n, n], options)?;
    let choice = Choice::new::<A::Elem>(&plan, options);
    let wide = is_wide::<A::Elem>(options);
    let own = <A::Elem as Scalar>::Real::EPSILON.to_f64();
    let mut report = Report {
        shape: a.shape(),
        dtype: A::Elem::NAME,
        given: x.is_some(),
        matrices: Vec::new(),
        picture: None,
        plan,
        choice,
        epsilon: if wide { f64::EPSILON } else { own },
    };
    let bytes = count.saturating_mul(size_of::<MatrixReport>());
    let reserved = report.matrices.try_reserve_exact(count);
    reserved.map_err(|_| Error::OutOfMemory { bytes })?;
    let mut ranks = Ranks { left: RANKS };
    let each = n.saturating_mul(n).saturating_mul(16).max(1);
    let length = (CHUNK / each).max(1);
    for first in (0..count).step_by(length) {
        let range = first..count.min(first + length);
        chunk(&a, x.as_ref(), range, options, &mut ranks, &mut report)?;
    }
    look_closely(&a, options, &mut report)?;
    Ok(report)
}

fn chunk<T: Scalar>(
    a: &Stack<T>,
    x: Option<&Stack<T>>,
    range: Range<usize>,
    options: &Options,
    ranks: &mut Ranks,
    report: &mut Report,
) -> Result<(), Error> {
    let (first, count, n) = (range.start, range.len(), a.rows());
    let size = n * n;
    let shape = [count, n, n];
    let mut status = filled(Status::OK, count)?;
    let mut rcond = filled(T::Real::default(), count)?;
    let whole = Assume::General;
    let inverse: OwnedStack<T::Wide> = {
        let own = staging::dense(a, range.clone(), whole, |x: T| x)?;
        let mut inverse = OwnedStack::zeros(&shape)?;
        api::inv_into(own.view(), inverse.view_mut(), &mut status, options)?;
        api::rcond_into(own.view(), Norm::One, &mut rcond, options)?;
        match x {
            Some(x) => staging::dense(x, range.clone(), whole, T::widen)?,
            None => staging::dense(&inverse.view(), 0..count, whole, T::widen)?,
        }
    };
    // What the options read of the matrices.
    let matrix: OwnedStack<T::Wide> = staging::dense(a, range, options.assume, T::widen)?;
    let structure = Structure::each(&matrix, options)?;
    let norm1 = |entries: &[T::Wide]| norm(n, entries, Norm::One);
    let norms = |of: &OwnedStack<T::Wide>| -> Vec<f64> {
        (0..count).map(|i| norm1(&of.as_slice()[i * size..(i + 1) * size])).collect()
    };
    let mut residual = OwnedStack::zeros(&shape)?;
    let mut measured = |left: &OwnedStack<T::Wide>, right: &OwnedStack<T::Wide>| {
        api::matmul_into(left.view(), right.view(), residual.view_mut(), options)?;
        let one = T::Wide::from_re(1.0);
        for i in (0..count).flat_map(|m| (0..n).map(move |i| m * size + i * (n + 1))) {
            let entry = &mut residual.as_mut_slice()[i];
            *entry = *entry - one;
        }
        Ok::<_, Error>(norms(&residual))
    };
    let left = measured(&inverse, &matrix)?;
    // The last, because it is the one that is drawn.
    let right = measured(&matrix, &inverse)?;
    let (norm, inverse_norm) = (norms(&matrix), norms(&inverse));
    let of = if size_of::<T::Real>() == 4 { 7 } else { 16 };
    for i in 0..count {
        let rcond = rcond[i].to_f64();
        let expected = Digits::expected(rcond, report.epsilon, of);
        // f64::min passes over a NaN.
        let error = if left[i] < right[i] { left[i] } else { right[i] };
        let entries = &matrix.as_slice()[i * size..(i + 1) * size];
        report.matrices.push(MatrixReport {
            status: status[i],
            rcond,
            expected,
            digits: expected.min(Digits::measured(error, of)),
            right_residual: right[i],
            left_residual: left[i],
            norm: norm[i],
            inverse_norm: inverse_norm[i],
            structure: structure[i],
            method: report.choice.method(structure[i]),
            rank: ranks.rank::<T>(n, rcond, entries)?,
        });
    }
    let worst =
        (first..first + count).min_by(|&i, &j| report.matrices[i].worse(&report.matrices[j]));
    if let Some(worst) = worst
        && report
            .picture
            .as_ref()
            .is_none_or(|p| report.matrices[worst].worse(&report.matrices[p.index]).is_lt())
    {
        let grid = |of: &OwnedStack<T::Wide>| {
            let at = (worst - first) * size;
            Grid::of(n, &of.as_slice()[at..at + size])
        };
        report.picture = Some(Picture {
            index: worst,
            matrix: grid(&matrix),
            inverse: grid(&inverse),
            residual: grid(&residual),
            singular_values: None,
            cut: 0.0,
            scaled_rcond: None,
            not_finite: None,
        });
    }
    Ok(())
}

/// Numerical ranks, as long as they are cheap.
struct Ranks {
    /// Multiply-adds.
    left: u64,
}

impl Ranks {
    /// Singular values over n times the scalar's epsilon times the largest, as `pinv` counts them.
    fn rank<T: Scalar>(
        &mut self,
        n: usize,
        rcond: f64,
        entries: &[T::Wide],
    ) -> Result<Option<usize>, Error> {
        let relative = cut::<T>(n);
        // The ratio of the extreme singular values is at least rcond / n, which may be an estimate.
        if rcond > ESTIMATED * n as f64 * relative {
            return Ok(Some(n));
        }
        let cost = (n as u64).saturating_pow(3).saturating_mul(DECOMPOSED);
        if rcond.is_nan() || cost > self.left {
            return Ok(None);
        }
        self.left -= cost;
        Ok(singular_values(n, entries)?.map(|values| rank(&values, relative)))
    }
}

fn cut<T: Scalar>(n: usize) -> f64 {
    n as f64 * T::Real::EPSILON.to_f64()
}

fn rank(values: &[f64], relative: f64) -> usize {
    let largest = values.first().copied().unwrap_or(0.0);
    values.iter().filter(|&&s| s > relative * largest).count()
}

/// Largest first; of a row-by-row matrix, whose transpose has the same.
fn singular_values<W: Scalar<Real = f64>>(
    n: usize,
    entries: &[W],
) -> Result<Option<Vec<f64>>, Error> {
    // Near one, so that no square over- or underflows.
    let exponent = entries.iter().filter_map(|&x| crate::op::exponent(x)).max().unwrap_or(0);
    let scaled: Vec<W> = entries.iter().map(|x| Scalar::ldexp(*x, -exponent)).collect();
    let values = svd::of_slice((n, n), &scaled)?;
    Ok(values.map(|v| v.iter().map(|s| s.times_power_of_two(exponent)).collect()))
}

/// What is told of the worst matrix alone.
fn look_closely<T: Scalar>(
    a: &Stack<T>,
    options: &Options,
    report: &mut Report,
) -> Result<(), Error> {
    let (n, Some(picture)) = (a.rows(), &mut report.picture) else { return Ok(()) };
    let worst = &mut report.matrices[picture.index];
    let range = picture.index..picture.index + 1;
    let mut matrix: OwnedStack<T::Wide> = staging::dense(a, range, options.assume, T::widen)?;
    let entries = matrix.as_mut_slice();
    if let Some(at) = entries.iter().position(|x| !Scalar::is_finite(*x)) {
        picture.not_finite = Some((at / n, at % n));
        return Ok(());
    }
    if n <= SINGULAR_VALUES {
        let values = singular_values(n, entries)?;
        picture.cut = cut::<T>(n) * values.as_ref().and_then(|v| v.first()).unwrap_or(&0.0);
        worst.rank = values.as_ref().map(|v| rank(v, cut::<T>(n))).or(worst.rank);
        picture.singular_values = values;
    }
    if worst.digits.are_few() && worst.status.code != Code::NotPositiveDefinite {
        balance(n, entries);
        let options = &Options { assume: Assume::Auto, ..options.clone() };
        let scaled = api::rcond(matrix.view(), Norm::One, options)?[0];
        let digits = Digits::expected(scaled, report.epsilon, worst.digits.of).good;
        picture.scaled_rcond = (digits >= worst.expected.good + WORTH_SCALING).then_some(scaled);
    }
    Ok(())
}

/// Rows, then columns, multiplied by powers of two, so that the largest entry of each is near one.
fn balance<W: Scalar>(n: usize, entries: &mut [W]) {
    let largest = |line: &mut dyn Iterator<Item = W>| line.filter_map(crate::op::exponent).max();
    for i in 0..n {
        let row = &mut entries[i * n..(i + 1) * n];
        if let Some(e) = largest(&mut row.iter().copied()) {
            row.iter_mut().for_each(|x| *x = Scalar::ldexp(*x, -e));
        }
    }
    for j in 0..n {
        if let Some(e) = largest(&mut entries.iter().skip(j).step_by(n).copied()) {
            entries.iter_mut().skip(j).step_by(n).for_each(|x| *x = Scalar::ldexp(*x, -e));
        }
    }
}
