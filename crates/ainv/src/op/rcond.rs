//! `rcond`: 1 / (norm(A) norm(A^-1)). Of small orders from the inverse itself, so exact but for rounding;
//! above them the norm of the inverse is estimated from factors. For the 2-norm the ratio of the extreme
//! singular values.

use super::inv::{Found, fold, look_at};
use super::norms::{self, Entries};
use super::pass::{Columns, Part};
use super::{exponent, staging};
use crate::alg::condition::{Factored, Form, Size, inverse_norm, modulus};
use crate::alg::{Context, Shared, cholesky, leading_dimension, lu};
use crate::device::cpu::arena;
use crate::error::{Error, filled};
use crate::options::{Assume, Norm};
use ainv_kernels::columns;
use ainv_kernels::places::{Frame, Places};
use ainv_kernels::scalar::{RealScalar, Scalar};

/// The largest order whose condition is taken from the inverse: those of the kernels that invert a whole
/// matrix at once.
pub(crate) const EXACT_UP_TO: usize = columns::LARGEST;

/// The largest column sum or row sum of a dense matrix, row by row.
pub(crate) fn norm<T: Scalar>(n: usize, a: &[T], which: Norm) -> f64 {
    let entry = |i: usize, j: usize| match which {
        Norm::Inf => modulus(a[i * n + j]),
        _ => modulus(a[j * n + i]),
    };
    norms::largest((0..n).map(|i| (0..n).fold(0.0, |s, j| s + entry(i, j))))
}

/// The reciprocal condition number of a diagonal, or of what it may stand for: NaN if an entry is NaN or
/// infinite.
pub(crate) fn of_diagonal<T: Scalar>(n: usize, entry: impl Fn(usize) -> T) -> f64 {
    if !(0..n).all(|i| Scalar::is_finite(entry(i))) {
        return f64::NAN;
    }
    let Some(e) = (0..n).filter_map(|i| exponent(entry(i))).max() else { return 0.0 };
    let sizes = || (0..n).map(|i| modulus(Scalar::ldexp(entry(i).widen(), -e)));
    sizes().fold(f64::INFINITY, f64::min) / sizes().fold(0.0, f64::max)
}

/// The reciprocal condition number of a matrix of an order above [`EXACT_UP_TO`]: exact of a diagonal, else
/// from an estimate of the inverse's norm, which is seldom under a third of it.
///
/// # Safety
/// The matrix is readable where `assume` reads it.
pub(crate) unsafe fn estimated<T: Scalar>(
    cx: &Context<T>,
    a: *const T,
    from: Frame,
    assume: Assume,
    which: Norm,
) -> Result<f64, Error> {
    let n = from.rows;
    if assume == Assume::Diagonal {
        // SAFETY: the caller's matrix.
        return Ok(of_diagonal(n, |i| unsafe { a.offset(from.at(i, i)).read() }));
    }
    let whole = matches!(assume, Assume::Auto | Assume::General);
    // What is filled in is dense.
    let ld = if whole { leading_dimension::<T>(n) } else { n };
    arena::with(n * ld, |w: *mut T| {
        // SAFETY: the caller's matrix; the working matrix A^T, columns `ld` apart.
        unsafe {
            let columns = Columns::new((n, n), w, ld, Part::All);
            let sum = match whole {
                true => columns.load(cx, a, from.transposed(), false)?.total,
                false => {
                    staging::expand(cx, Places::one(a), from, assume, |x| x, w)?;
                    columns.sums(cx, false)?.total
                }
            };
            of_working(cx, (n, w, ld), sum, assume, which)
        }
    })
}

/// [`estimated`] of the working matrix A^T, whose entries sum up to so much, and which is overwritten.
unsafe fn of_working<T: Scalar>(
    cx: &Context<T>,
    (n, w, ld): (usize, *mut T, usize),
    sum: T::Real,
    assume: Assume,
    which: Norm,
) -> Result<f64, Error> {
    // SAFETY: the caller's matrix.
    unsafe {
        let column = |j: usize| std::slice::from_raw_parts_mut(w.add(j * ld), n);
        // The condition does not know of scale: with the largest entry near one, neither the factors
        // nor the norms leave the range where their product does not.
        let near = T::Real::ONE.times_power_of_two(T::Real::BIG_EXP / 4);
        if !(near > sum && sum > T::Real::ONE / near) {
            if !(0..n).all(|j| column(j).iter().all(|x| Scalar::is_finite(*x))) {
                return Ok(f64::NAN);
            }
            let largest = |j: usize| column(j).iter().filter_map(|x| exponent(*x)).max();
            let Some(e) = (0..n).filter_map(largest).max() else { return Ok(0.0) };
            for j in 0..n {
                column(j).iter_mut().for_each(|x| *x = Scalar::ldexp(*x, -e));
            }
        }
        // A's columns are rows here.
        let here = Frame { rows: n, cols: n, rs: ld as isize, cs: 1 };
        let axes = if which == Norm::Inf { here.transposed() } else { here };
        let norm = norms::exact(cx, w.cast_const(), axes, Entries::All)?;
        arena::with(n, |pivots: *mut usize| {
            pivots.write_bytes(0, n);
            let pivots = std::slice::from_raw_parts_mut(pivots, n);
            let Some(form) = factor(cx, (n, w, ld), assume, pivots)? else { return Ok(0.0) };
            let factored = Factored { n, w: w.cast_const(), ld: ld as isize, form };
            let inverse = inverse_norm(cx, &factored, which == Norm::Inf)?;
            Ok(match inverse {
                f64::INFINITY => 0.0,
                inverse => Size::reciprocal(norm, Size::of(inverse)),
            })
        })
    }
}

/// The factors in the place of the working matrix A^T: a triangle is its own, a Hermitian matrix has
/// Cholesky's if it is positive definite. `None` if there is a zero pivot.
unsafe fn factor<'a, T: Scalar>(
    cx: &Context<T>,
    (n, w, ld): (usize, *mut T, usize),
    assume: Assume,
    pivots: &'a mut [usize],
) -> Result<Option<Form<'a>>, Error> {
    // SAFETY: the caller's matrix.
    unsafe {
        let found = match assume {
            Assume::General => Found::General,
            Assume::Lower => Found::Upper,
            Assume::Upper => Found::Lower,
            _ => look_at(cx, w, n, ld)?,
        };
        let entry = |i: usize| w.add(i * (ld + 1));
        if let Found::Lower | Found::Upper = found {
            let singular = (0..n).any(|i| entry(i).read() == T::default());
            let form = Form::Triangle { lower: found == Found::Lower };
            return Ok((!singular).then_some(form));
        }
        if found == Found::Hermitian {
            let diagonal = (0..n).map(|i| entry(i).read());
            let mut kept = filled(T::default(), n)?;
            kept.iter_mut().zip(diagonal).for_each(|(to, x)| *to = x);
            if cholesky::factor(cx, n, w, ld as isize)? == 0 {
                return Ok(Some(Form::Cholesky));
            }
            // Above the diagonal the attempt changed nothing.
            fold(cx, n, ld, Shared(w), false)?;
            kept.into_iter().enumerate().for_each(|(i, x)| entry(i).write(x));
        }
        let zero = lu::factor(cx, n, w, ld as isize, pivots)?;
        Ok((zero == 0).then_some(Form::Lu(pivots)))
    }
}
