//! Condition numbers, of the norms of matrices and of their inverses: the device inverts, the host sums what it hands over
//! and gets back.

use super::Work;
use super::run::{Beside, Call, compute};
use crate::alg::Context;
use crate::alg::condition::Size;
use crate::device::{lacks, stream};
use crate::error::{Error, filled};
use crate::op::norms::{self, Entries};
use crate::op::{exponent, rcond as op};
use crate::options::{Assume, Norm, Options};
use crate::stack::Stack;
use crate::status::{Code, Status, Summary};
use ainv_kernels::places::Frame;
use ainv_kernels::scalar::{RealScalar, Scalar};

/// What is asked of the condition of matrices that are inverted.
#[derive(Clone, Copy)]
pub(in crate::device) enum Asked {
    Nothing,
    /// Which reciprocals are under it, in the 1-norm.
    Under(f64),
    /// All of them, of the matrices brought near one.
    All(Norm),
}

impl Asked {
    /// The norms of dense matrices as the kernels take them, or none. Where all conditions are asked for the matrices are
    /// brought near one.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`], [`Error::Cancelled`].
    pub(super) fn norms_of_matrices<W: Scalar>(
        self,
        cx: &Context<W>,
        n: usize,
        all: &mut [W],
        work: Work,
    ) -> Result<Vec<Size>, Error> {
        let entries = match (self, work) {
            (Asked::Nothing, _) => return Ok(vec![]),
            (_, Work::Triangle { hermitian: true, .. }) => Entries::Factor,
            (_, Work::Triangle { unit, .. }) => Entries::Triangle { lower: true, unit },
            (_, Work::Definite { .. }) => Entries::Mirrored { lower: true },
            _ => Entries::All,
        };
        all.chunks_mut(n * n)
            .map(|a| {
                if let Asked::All(_) = self {
                    near_one(a);
                }
                self.norm(cx, n, a, entries)
            })
            .collect()
    }

    /// The reciprocal condition number, from the norm of the matrix and its inverse.
    ///
    /// # Errors
    /// As [`norms_of_matrices`](Self::norms_of_matrices).
    pub(super) fn condition<W: Scalar>(
        self,
        cx: &Context<W>,
        n: usize,
        norm: Size,
        x: &[W],
    ) -> Result<f64, Error> {
        let of_inverse = self.norm(cx, n, x, Entries::All)?;
        Ok(match self {
            // The inverse of a matrix near one may overflow.
            Asked::All(_) => 1.0 / norm.value / of_inverse.value,
            _ => Size::reciprocal(norm, of_inverse),
        })
    }

    fn norm<W: Scalar>(
        self,
        cx: &Context<W>,
        n: usize,
        a: &[W],
        entries: Entries,
    ) -> Result<Size, Error> {
        match self {
            Asked::All(norm) => Ok(Size::of(op::norm(n, a, norm))),
            // SAFETY: a dense matrix.
            _ => unsafe { norms::exact(cx, a.as_ptr(), Frame::by_rows(n, n), entries) },
        }
    }
}

/// The largest entry near one; NaN for a matrix that holds a NaN or an infinity.
fn near_one<W: Scalar>(a: &mut [W]) {
    if !a.iter().all(|x| Scalar::is_finite(*x)) {
        a.fill(W::nan());
    } else if let Some(e) = a.iter().filter_map(|x| exponent(*x)).max() {
        a.iter_mut().for_each(|x| *x = Scalar::ldexp(*x, -e));
    }
}

/// Reciprocal condition numbers of a stack, when it is their turn, one in each place of `out`.
///
/// # Errors
/// As [`run`](super::run()).
pub(crate) fn rcond<T: Scalar>(
    a: &Stack<T>,
    norm: Norm,
    out: &mut [T::Real],
    options: &Options,
) -> Result<(), Error> {
    if norm == Norm::Two {
        return Err(lacks("rcond in the 2-norm"));
    }
    let found = conditions(a, norm, options)?;
    for (to, found) in out.iter_mut().zip(found) {
        *to = T::Real::from_f64(found);
    }
    Ok(())
}

fn conditions<T: Scalar>(a: &Stack<T>, norm: Norm, options: &Options) -> Result<Vec<f64>, Error> {
    // Of the empty matrix nothing can be lost.
    let mut found = filled(f64::INFINITY, a.len())?;
    if options.assume == Assume::Diagonal {
        stream::turn(options)?;
        for (k, found) in found.iter_mut().enumerate().filter(|_| a.rows() > 0) {
            *found = op::of_diagonal(a.rows(), |i| {
                // SAFETY: a diagonal entry of a checked view.
                unsafe { a.matrix(k).offset(a.frame().at(i, i)).read() }
            });
        }
        return Ok(found);
    }
    if a.rows() > 0 {
        compute(&of_all(a, norm, options), &mut [], &mut found, options)?;
    }
    Ok(found)
}

/// The inverses that the condition numbers of matrices which are no diagonals take.
pub(in crate::device) fn of_all<'a, T: Scalar>(
    a: &'a Stack<'a, T>,
    norm: Norm,
    options: &Options,
) -> Call<'a, T> {
    Call {
        work: Work::Invert,
        a,
        beside: Beside::Nothing,
        x: None,
        filled: options.assume,
        transposed: false,
        asked: Asked::All(norm),
        instead: None,
    }
}

/// Systems of these matrices, and which of them are ill-conditioned: they are inverted besides.
///
/// # Errors
/// As [`run`](super::run()).
pub(super) fn of_systems<T: Scalar>(
    a: &Stack<T>,
    call: &Call<T>,
    limit: f64,
    status: &mut [Status],
    options: &Options,
) -> Result<Summary, Error> {
    let conditions = conditions(a, Norm::One, options)?;
    let mut own = vec![];
    let status = if status.is_empty() {
        own = filled(Status::OK, a.len())?;
        &mut own[..]
    } else {
        status
    };
    let mut summary = compute(call, status, &mut [], options)?;
    let under = conditions.into_iter().zip(status).enumerate();
    for (i, (rcond, status)) in under.filter(|(_, (rcond, _))| *rcond < limit) {
        if status.is_ok() {
            *status = Status::ILL_CONDITIONED;
            summary.record_ill(i, rcond);
        }
    }
    Ok(summary)
}

/// The reciprocal condition number of a matrix that has no inverse to sum.
pub(super) fn without_inverse(of: Status) -> f64 {
    if of.code == Code::Singular { 0.0 } else { f64::NAN }
}
