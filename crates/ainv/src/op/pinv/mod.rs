//! `pinv`: the Moore-Penrose inverse.
//!
//! The pseudo-inverse of a matrix of full rank is an inverse (of A, or of A^H A times A^H), which costs a
//! small part of a singular value decomposition. So each matrix is inverted first, and bounds of its
//! extreme singular values are taken from what that leaves ([`bounds`](ainv_kernels::bounds)). Where they
//! prove that no singular value is at or under the cut-off, that is the answer. Where not, a basis of the
//! row space is looked for, if a gap tells the rank; otherwise the singular values decide (Golub and Van
//! Loan, Matrix Computations, 4th ed., section 5.5.2).

mod hermitian;
mod low_rank;
mod square;
mod tall;

use super::{settle, staging};
use crate::alg::Context;
use crate::alg::svd;
use crate::device::cpu::arena;
use crate::error::Error;
use crate::options::{Assume, PinvOptions};
use crate::status::{Code, Status};
use ainv_kernels::bounds::Cut;
use ainv_kernels::places::{Frame, Places};
use ainv_kernels::scalar::{RealScalar, Scalar};
use std::cmp::Ordering;

/// Whether matrices of this shape run in lanes.
pub(crate) fn in_lanes(m: usize, n: usize) -> bool {
    (1..=256).contains(&(m * n)) && m.max(n) <= 64
}

/// One matrix and the place for its pseudo-inverse, which may be its own.
#[derive(Clone, Copy)]
pub(crate) struct Matrix<T> {
    pub a: *const T,
    pub from: Frame,
    pub x: *mut T,
    pub to: Frame,
}

impl<T> Matrix<T> {
    /// The transpose, whose pseudo-inverse is the transpose.
    fn transposed(self) -> Self {
        Matrix { from: self.from.transposed(), to: self.to.transposed(), ..self }
    }
}

/// What is asked of a pseudo-inverse.
#[derive(Clone, Copy)]
pub(crate) struct Asked {
    pub cut: Cut,
    /// The lower triangle says all.
    pub hermitian: bool,
    /// The unit roundoff of the scalar that the caller's matrix came in.
    pub unit: f64,
}

/// The cut-off of matrix `i`, in the epsilon of the matrix's own scalar.
pub(crate) fn cut_of<T: Scalar>(p: &PinvOptions, i: usize, largest: usize) -> Cut {
    let absolute = p.atol.map_or(0.0, |t| t.of(i));
    let relative = match p.rtol {
        Some(t) => t.of(i),
        None if absolute > 0.0 => 0.0,
        None => largest as f64 * T::Real::EPSILON.to_f64(),
    };
    Cut { relative, absolute }
}

/// How a pseudo-inverse was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// By Gram-Schmidt in lanes, certified.
    GramSchmidt,
    /// By pivoted Gram-Schmidt and a step of subspace iteration in lanes, where a gap tells the rank.
    Subspace,
    /// By Jacobi rotations in lanes.
    Jacobi,
    /// By LU, certified.
    Lu,
    /// By the Cholesky factor of A^H A, certified.
    Gram,
    /// By two of those, certified.
    TwoPasses,
    /// By a basis of the row space, where a gap tells the rank.
    LowRank,
    /// By the Cholesky factor of A, certified.
    Cholesky,
    /// By the singular values, or by the eigenvalues.
    Decomposition,
}

/// One pseudo-inverse: X (n x m) of A (m x n). Without a result X is NaN.
///
/// # Safety
/// Both are valid over their sizes; they may be the same matrix.
pub(crate) unsafe fn pinv<T: Scalar>(
    cx: &Context<T>,
    matrix: &Matrix<T>,
    asked: &Asked,
) -> Result<(Status, Way), Error> {
    // SAFETY: the caller's.
    match unsafe { attempt(cx, matrix, asked)? } {
        Some(way) => Ok((Status::OK, way)),
        // SAFETY: the caller's.
        None => unsafe { decomposed(cx, matrix, asked) },
    }
}

/// Without a decomposition, if that is proven to do; in double precision inside, as single precision
/// would prove it of few.
///
/// # Safety
/// As [`pinv`].
unsafe fn attempt<T: Scalar>(
    cx: &Context<T>,
    matrix: &Matrix<T>,
    asked: &Asked,
) -> Result<Option<Way>, Error> {
    let Matrix { a, from, x, to } = *matrix;
    let (m, n) = (from.rows, from.cols);
    // A cut-off over all singular values need not be tried; the lanes have tried small ones.
    if in_lanes(m, n) || m * n == 0 || asked.cut.relative >= 1.0 {
        return Ok(None);
    }
    if size_of::<T>() < size_of::<T::Wide>() {
        let cx = Context::new(T::Wide::kernels()?, cx.threads, cx.cancel);
        return arena::with(2 * m * n, |w: *mut T::Wide| {
            let y = w.wrapping_add(m * n);
            let (dense, to_dense) = (Frame::by_rows(m, n), Frame::by_rows(n, m));
            let wide = Matrix { a: w.cast_const(), from: dense, x: y, to: to_dense };
            // SAFETY: the caller's matrices, and a dense one of each shape.
            unsafe {
                staging::expand(&cx, Places::one(a), from, Assume::General, T::widen, w)?;
                let way = attempt_inside(&cx, &wide, asked)?;
                if way.is_some() {
                    staging::collect(&cx, y.cast_const(), to.cols, Places::one(x), to, T::narrow)?;
                }
                Ok(way)
            }
        });
    }
    // SAFETY: the caller's.
    unsafe { attempt_inside(cx, matrix, asked) }
}

/// By the inverse that suits the shape, then by the row space.
unsafe fn attempt_inside<T: Scalar>(
    cx: &Context<T>,
    matrix: &Matrix<T>,
    asked: &Asked,
) -> Result<Option<Way>, Error> {
    // SAFETY: the caller's.
    unsafe {
        if asked.hermitian {
            return Ok(hermitian::invert(cx, matrix, asked)?.then_some(Way::Cholesky));
        }
        let tall = match matrix.from.rows < matrix.from.cols {
            true => matrix.transposed(),
            false => *matrix,
        };
        let way = match tall.from.rows == tall.from.cols {
            true => square::invert(cx, &tall, asked)?.then_some(Way::Lu),
            false => tall::invert_gram(cx, &tall, asked)?,
        };
        match way {
            None => Ok(low_rank::invert(cx, &tall, asked)?.then_some(Way::LowRank)),
            found => Ok(found),
        }
    }
}

/// By the singular value decomposition, of a Hermitian matrix by the eigendecomposition.
unsafe fn decomposed<T: Scalar>(
    cx: &Context<T>,
    matrix: &Matrix<T>,
    asked: &Asked,
) -> Result<(Status, Way), Error> {
    let Matrix { a, from, x, to } = *matrix;
    let Asked { cut, hermitian, .. } = *asked;
    let (m, n) = (from.rows, from.cols);
    let done = |status: Status| Ok((status, Way::Decomposition));
    arena::with(2 * m * n, |w: *mut T| {
        let result = w.wrapping_add(m * n);
        let reads = |i: usize, j: usize| !hermitian || i >= j;
        let (mut nan, mut infinite, mut largest) = (false, false, None);
        for j in 0..n {
            for i in 0..m {
                // SAFETY: the caller's matrix; the working copy has m rows.
                unsafe {
                    let z = a.offset(from.at(i, j)).read();
                    let z = match (reads(i, j), hermitian && i == j) {
                        (false, _) => T::default(),
                        (true, true) => T::from_re(z.re()),
                        (true, false) => z,
                    };
                    nan |= z.is_nan();
                    infinite |= !Scalar::is_finite(z);
                    largest = largest.max(settle::exponent(z));
                    w.add(i + j * m).write(z);
                }
            }
        }
        let fill = |f: &dyn Fn(usize, usize) -> T| {
            for i in 0..n {
                for j in 0..m {
                    // SAFETY: the caller's result.
                    unsafe { x.offset(to.at(i, j)).write(f(i, j)) };
                }
            }
        };
        if nan || infinite {
            fill(&|_, _| T::nan());
            return done(Status::NON_FINITE);
        }
        let Some(largest) = largest else {
            fill(&|_, _| T::default());
            return done(Status::OK);
        };
        // Out of range, one power of two for all entries: the cut-off is relative to the largest.
        let shift = if largest.abs() > T::Real::LINE_EXP / 2 { -largest } else { 0 };
        let cut = Cut { absolute: cut.absolute.times_power_of_two(shift), ..cut };
        let mut way = None;
        if shift != 0 {
            for i in 0..m * n {
                // SAFETY: the working copy.
                unsafe { w.add(i).write(Scalar::ldexp(w.add(i).read(), shift)) };
            }
            let (from, to) = (Frame::by_columns(m, n, m), Frame::by_columns(n, m, n));
            let scaled = Matrix { a: w.cast_const(), from, x: result, to };
            // SAFETY: the working copy and the place for the result.
            way = unsafe { attempt(cx, &scaled, &Asked { cut, ..*asked })? };
        }
        if way.is_none() {
            // SAFETY: as above.
            let done = unsafe { svd::pseudo_inverse(cx, (m, n), w, hermitian, cut, result)? };
            way = done.map(|()| Way::Decomposition);
        }
        let Some(way) = way else {
            fill(&|_, _| T::nan());
            return done(Status { code: Code::NotConverged, at: 0 });
        };
        // SAFETY: the result is n x m, column by column.
        let entry = |i: usize, j: usize| unsafe { result.add(i + j * n).read() };
        fill(&|i, j| {
            let x = match (hermitian, i.cmp(&j)) {
                (true, Ordering::Equal) => T::from_re(entry(i, i).re()),
                (true, Ordering::Less) => Scalar::conj(entry(j, i)),
                _ => entry(i, j),
            };
            Scalar::ldexp(x, shift)
        });
        Ok((Status::OK, way))
    })
}
