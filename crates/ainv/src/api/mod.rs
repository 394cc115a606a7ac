//! The public functions: shapes are checked here, once, and views turned the way the kernels read.

#[cfg(feature = "cuda")]
pub mod cuda;
mod pinv;

pub use pinv::*;

use crate::convert::Matrices;
use crate::device::driver::Driver;
use crate::device::job::Job;
use crate::device::stream::on_the_cpu;
use crate::error::{Error, filled};
use crate::op::Kind;
use crate::options::{Assume, Diag, IllConditioned, Norm, OnSingular, Options, Uplo};
use crate::plan::Plan;
use crate::stack::{OwnedStack, Stack, StackMut};
use crate::status::{Code, Status, Summary};
use ainv_kernels::scalar::Scalar;

/// The operations, for [`plan`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Operation {
    /// [`inv`].
    Inv,
    /// [`pinv`].
    Pinv,
    /// [`cholesky`].
    Cholesky,
    /// [`cholesky_inv`].
    CholeskyInv,
    /// [`tri_inv`].
    TriInv,
    /// [`solve`] with so many right-hand sides.
    Solve {
        /// Columns of B.
        rhs: usize,
    },
}

/// What would be done for a C-contiguous stack of `[count, rows, cols]` matrices: the route, the
/// instruction set, the threads and the scratch. Nothing is computed.
///
/// # Errors
/// As the operation's own for the call's arguments.
pub fn plan<T: Scalar>(
    operation: Operation,
    shape: [usize; 3],
    options: &Options,
) -> Result<Plan, Error> {
    options.check()?;
    on_the_cpu(options, "plan")?;
    let [count, rows, cols] = shape;
    let rhs = if let Operation::Solve { rhs } = operation { rhs } else { 0 };
    let of = |rows: usize, cols: usize| -> Result<_, Error> {
        let size = rows.checked_mul(cols).and_then(|s| isize::try_from(s).ok());
        Ok(([count, rows, cols], [size.ok_or(Error::Overflow)?, cols as isize, 1]))
    };
    let ((a, a_strides), (b, b_strides)) = (of(rows, cols)?, of(rows, rhs)?);
    let nowhere = std::ptr::NonNull::<T>::dangling().as_ptr();
    // SAFETY: these views are asked for their shapes alone; nothing is read or written.
    let (a, b, x) = unsafe {
        let solves = matches!(operation, Operation::Solve { .. });
        let result = if solves { (&b, &b_strides) } else { (&a, &a_strides) };
        (
            Stack::from_raw_parts(nowhere, &a, &a_strides)?,
            Stack::from_raw_parts(nowhere, &b, &b_strides)?,
            StackMut::from_raw_parts(nowhere, result.0, result.1)?,
        )
    };
    let none = &mut [];
    let job = match operation {
        Operation::Pinv => return (Driver::get().pinv_plan)(&a, options),
        Operation::Inv => inv_job(&a, &x, none, options),
        Operation::Cholesky => unary("cholesky", Kind::Cholesky, &a, &x, none, options),
        Operation::CholeskyInv => unary("cholesky_inv", Kind::CholeskyInv, &a, &x, none, options),
        Operation::TriInv => {
            let kind = Kind::TriInv { unit: false, reversed: false };
            unary("tri_inv", kind, &a, &x, none, options)
        }
        Operation::Solve { .. } => solve_job(&a, &b, &x, none, options),
    };
    (Driver::get().plan)(&job?)
}

pub(crate) fn square<T>(a: &Stack<T>) -> Result<(), Error> {
    if a.rows() == a.cols() {
        return Ok(());
    }
    Err(Error::shape(format!(
        "Last 2 dimensions of the array must be square: A must be batches of square matrices, but \
         they are {} by {} matrices",
        a.rows(),
        a.cols()
    )))
}

fn same_shape<T>(x: &StackMut<T>, count: usize, rows: usize, cols: usize) -> Result<(), Error> {
    if (x.len(), x.rows(), x.cols()) == (count, rows, cols) {
        return Ok(());
    }
    Err(Error::shape(format!(
        "the output holds {} matrices of {} x {}, the result is {count} of {rows} x {cols}",
        x.len(),
        x.rows(),
        x.cols()
    )))
}

fn status_length(status: &[Status], count: usize) -> Result<(), Error> {
    if status.is_empty() || status.len() == count {
        return Ok(());
    }
    Err(Error::Argument {
        what: format!("{} statuses for {count} matrices: one each, or none", status.len()),
    })
}

fn only_inv_has_pinv(operation: &str, options: &Options) -> Result<(), Error> {
    if options.on_singular != OnSingular::Pinv || operation == "inv" {
        return Ok(());
    }
    Err(Error::Argument { what: format!("on_singular \"pinv\" is for inv, not for {operation}") })
}

#[inline]
fn unary<'a, T: Scalar>(
    operation: &'static str,
    kind: Kind,
    a: &'a Stack<'a, T>,
    x: &'a StackMut<'a, T>,
    status: &'a mut [Status],
    options: &'a Options,
) -> Result<Job<'a, T>, Error> {
    options.check()?;
    only_inv_has_pinv(operation, options)?;
    square(a)?;
    same_shape(x, a.len(), a.rows(), a.cols())?;
    status_length(status, a.len())?;
    Ok(Job { operation, kind, a, b: None, x, expand: None, status, options })
}

/// The views of `inv`: of a triangle those of `tri_inv`.
#[inline]
fn inv_job<'a, T: Scalar>(
    a: &'a Stack<'a, T>,
    x: &'a StackMut<'a, T>,
    status: &'a mut [Status],
    options: &'a Options,
) -> Result<Job<'a, T>, Error> {
    let assume = options.assume;
    let kind = match assume {
        Assume::Auto => Kind::Inv { auto: true },
        Assume::General | Assume::Symmetric | Assume::Hermitian => Kind::Inv { auto: false },
        Assume::Posdef => Kind::PosdefInv,
        Assume::Diagonal => Kind::Diagonal,
        Assume::Lower => Kind::TriInv { unit: false, reversed: false },
        Assume::Upper => Kind::TriInv { unit: false, reversed: true },
    };
    let job = unary("inv", kind, a, x, status, options)?;
    let expand = matches!(assume, Assume::Symmetric | Assume::Hermitian).then_some(assume);
    Ok(Job { expand, ..job })
}

/// The views that turn a triangle into the upper one of the kernels.
fn as_upper<'a, T>(
    a: Stack<'a, T>,
    x: StackMut<'a, T>,
    uplo: Uplo,
) -> (Stack<'a, T>, StackMut<'a, T>) {
    let (a, x) = (a.transposed(), x.transposed());
    match uplo {
        Uplo::Lower => (a, x),
        Uplo::Upper => (a.reversed(), x.reversed()),
    }
}

fn solve_job<'a, T: Scalar>(
    a: &'a Stack<'a, T>,
    b: &'a Stack<'a, T>,
    x: &'a StackMut<'a, T>,
    status: &'a mut [Status],
    options: &'a Options,
) -> Result<Job<'a, T>, Error> {
    options.check()?;
    only_inv_has_pinv("solve", options)?;
    square(a)?;
    if b.rows() != a.rows() || b.len() != a.len() {
        return Err(Error::shape(format!(
            "{} systems of order {} need as many right-hand sides with that many rows, got {} with \
             {}",
            a.len(),
            a.rows(),
            b.len(),
            b.rows()
        )));
    }
    same_shape(x, b.len(), b.rows(), b.cols())?;
    status_length(status, a.len())?;
    let (kind, expand) = match options.assume {
        Assume::Auto | Assume::General => (Kind::Solve, None),
        Assume::Posdef => (Kind::PosdefSolve, None),
        Assume::Diagonal => (Kind::Diagonal, None),
        filled => (Kind::Solve, Some(filled)),
    };
    Ok(Job { operation: "solve", kind, a, b: Some(b), x, expand, status, options })
}

/// The result of a plain form: an owned stack, or the first matrix that has none.
fn owned<A: Matrices>(
    shape: &[usize],
    options: &Options,
    raises: impl Fn(Code) -> bool,
    run: impl FnOnce(StackMut<A::Elem>) -> Result<Summary, Error>,
) -> Result<A::Owned, Error> {
    let mut x = OwnedStack::zeros(shape)?;
    let summary = run(x.view_mut())?;
    match (summary.first, summary.first_ill_conditioned) {
        (Some((index, status)), _)
            if options.on_singular == OnSingular::Raise && raises(status.code) =>
        {
            Err(Error::Matrix { index, status, failed: summary.failed })
        }
        (_, Some((index, rcond)))
            if matches!(options.ill_conditioned, IllConditioned::Raise(_)) =>
        {
            Err(Error::IllConditioned { index, rcond, count: summary.ill_conditioned })
        }
        _ => Ok(A::wrap(x)),
    }
}

/// The inverses, shape `(..., n, n)`.
///
/// Closed forms with compensated products to order 3 (complex: 2), LU with partial pivoting above; with
/// [`Assume::Auto`] a matrix that is triangular or positive definite is recognised above the small orders
/// (20 complex, 24 in double and 32 in single precision).
/// Every route bounds the right residual |A X - I| by a small multiple of n u |A| |X|; the positive
/// definite one bounds both.
///
/// A matrix with a NaN has a result that is all NaN, and no error. [`Options::assume`] says what is
/// read of each matrix.
///
/// ```
/// use ainv::{Options, OnSingular, Stack};
/// let a = [1.0f64, 2.0, 3.0, 4.0, /* singular: */ 1.0, 2.0, 2.0, 4.0];
/// let a = Stack::new(&a, &[2, 2, 2])?;
/// let options = Options { on_singular: OnSingular::Nan, ..Options::default() };
/// let x = ainv::inv(a, &options)?;
/// assert_eq!(x.as_slice()[..4], [-2.0, 1.0, 1.5, -0.5]);
/// assert!(x.as_slice()[4..].iter().all(|x| x.is_nan()));
///
/// let error = ainv::inv(a, &Options::default()).unwrap_err();
/// assert!(error.to_string().contains("Singular matrix (Batch element 1)"));
/// # Ok::<(), ainv::Error>(())
/// ```
///
/// # Errors
/// [`Error::Shape`] if the matrices are not square; [`Error::Matrix`] for the first singular one,
/// unless `on_singular` says otherwise; [`Error::IllConditioned`] for the first one that is nearly
/// singular, if [`Options::ill_conditioned`] says so; [`Error::OutOfMemory`], [`Error::Cancelled`].
pub fn inv<A: Matrices>(a: A, options: &Options) -> Result<A::Owned, Error> {
    let a = a.stack()?;
    square(&a)?;
    owned::<A>(&a.shape(), options, |_| true, |x| inv_into(a, x, &mut [], options))
}

/// [`inv`] into the caller's memory: no result is allocated, and no matrix raises. `status` has a
/// place for each matrix or none.
///
/// A matrix without an inverse is filled with NaN (or with its pseudo-inverse, if `on_singular`
/// says so) and has its status.
///
/// # Errors
/// As [`inv`], but for matrices; [`Error::Shape`] if the output does not fit.
#[inline]
pub fn inv_into<T: Scalar>(
    a: Stack<T>,
    x: StackMut<T>,
    status: &mut [Status],
    options: &Options,
) -> Result<Summary, Error> {
    let uplo = match options.assume {
        Assume::Lower => Uplo::Lower,
        Assume::Upper => Uplo::Upper,
        _ => return inv_job(&a, &x, status, options)?.run(),
    };
    let (a, x) = as_upper(a, x, uplo);
    inv_job(&a, &x, status, options)?.run()
}

/// [`inv`] in place: the bits are those of any other output.
///
/// Above order 1024 no copy is kept beside the matrix (unless `on_singular` asks for the pseudo-inverse):
/// scratch is under a twentieth of it. Of a singular matrix [`Status::at`] is then the first zero pivot
/// of the elimination by columns, because there is no matrix left to eliminate by rows.
///
/// # Errors
/// As [`inv_into`].
pub fn inv_in_place<T: Scalar>(
    a: StackMut<T>,
    status: &mut [Status],
    options: &Options,
) -> Result<Summary, Error> {
    inv_into(a.aliased(), a, status, options)
}

/// The inverses and, for each matrix, 0 or the 1-based number of the zero pivot, as torch counts
/// them. Never raises for a matrix, nor asks for its condition.
///
/// ```
/// use ainv::{Options, Stack};
/// let a = [1.0f32, 0.0, 0.0, 1.0, 1.0, 2.0, 2.0, 4.0];
/// let (x, info) = ainv::inv_ex(Stack::new(&a, &[2, 2, 2])?, &Options::default())?;
/// assert_eq!(info, [0, 2]);
/// # Ok::<(), ainv::Error>(())
/// ```
///
/// # Errors
/// As [`inv_into`].
pub fn inv_ex<A: Matrices>(a: A, options: &Options) -> Result<(A::Owned, Vec<i32>), Error> {
    let a = a.stack()?;
    square(&a)?;
    let mut status = filled(Status::default(), a.len())?;
    let options = &Options { ill_conditioned: IllConditioned::Ignore, ..options.clone() };
    let x = owned::<A>(&a.shape(), options, |_| false, |x| inv_into(a, x, &mut status, options))?;
    Ok((x, status.iter().map(|s| s.at as i32).collect()))
}

/// L with A = L L^H (`uplo` lower, which reads the lower triangle) or U with A = U^H U (upper).
/// Zeros stand in the other triangle.
///
/// # Errors
/// As [`inv`]; [`Error::Matrix`] with [`Code::NotPositiveDefinite`] for the first matrix that has
/// no factor. A diagonal entry that is not real is refused, not dropped.
pub fn cholesky<A: Matrices>(a: A, uplo: Uplo, options: &Options) -> Result<A::Owned, Error> {
    let a = a.stack()?;
    square(&a)?;
    owned::<A>(&a.shape(), options, |_| true, |x| cholesky_into(a, uplo, x, &mut [], options))
}

/// [`cholesky`] into the caller's memory.
///
/// # Errors
/// As [`inv_into`].
pub fn cholesky_into<T: Scalar>(
    a: Stack<T>,
    uplo: Uplo,
    x: StackMut<T>,
    status: &mut [Status],
    options: &Options,
) -> Result<Summary, Error> {
    let (a, x) = lower(a, x, uplo);
    unary("cholesky", Kind::Cholesky, &a, &x, status, options)?.run()
}

/// An upper triangle is the lower one of the transposed view.
fn lower<'a, T>(
    a: Stack<'a, T>,
    x: StackMut<'a, T>,
    uplo: Uplo,
) -> (Stack<'a, T>, StackMut<'a, T>) {
    match uplo {
        Uplo::Lower => (a, x),
        Uplo::Upper => (a.transposed(), x.transposed()),
    }
}

/// A^-1 where A = L L^H (`uplo` lower) or A = U^H U (upper), exactly Hermitian. The other triangle
/// of the factor is not read.
///
/// ```
/// use ainv::{Options, Stack, Uplo};
/// let l = [-2.0, f64::NAN, 1.0, 3.0]; // A = [[4, -2], [-2, 10]]
/// let x = ainv::cholesky_inv(Stack::new(&l, &[2, 2])?, Uplo::Lower, &Options::default())?;
/// assert!((x.as_slice()[0] - 10.0 / 36.0).abs() < 1e-15);
/// # Ok::<(), ainv::Error>(())
/// ```
///
/// # Errors
/// As [`inv`]; singular is a factor with a zero on its diagonal.
pub fn cholesky_inv<A: Matrices>(l: A, uplo: Uplo, options: &Options) -> Result<A::Owned, Error> {
    let l = l.stack()?;
    square(&l)?;
    owned::<A>(&l.shape(), options, |_| true, |x| cholesky_inv_into(l, uplo, x, &mut [], options))
}

/// [`cholesky_inv`] into the caller's memory.
///
/// # Errors
/// As [`inv_into`].
pub fn cholesky_inv_into<T: Scalar>(
    l: Stack<T>,
    uplo: Uplo,
    x: StackMut<T>,
    status: &mut [Status],
    options: &Options,
) -> Result<Summary, Error> {
    let (l, x) = lower(l, x, uplo);
    unary("cholesky_inv", Kind::CholeskyInv, &l, &x, status, options)?.run()
}

/// The inverses of triangles; exact zeros stand in the other triangle, which is not read.
///
/// # Errors
/// As [`inv`]; singular is a triangle with a zero on its diagonal.
pub fn tri_inv<A: Matrices>(
    a: A,
    uplo: Uplo,
    diag: Diag,
    options: &Options,
) -> Result<A::Owned, Error> {
    let a = a.stack()?;
    square(&a)?;
    owned::<A>(&a.shape(), options, |_| true, |x| tri_inv_into(a, uplo, diag, x, &mut [], options))
}

/// [`tri_inv`] into the caller's memory.
///
/// # Errors
/// As [`inv_into`].
pub fn tri_inv_into<T: Scalar>(
    a: Stack<T>,
    uplo: Uplo,
    diag: Diag,
    x: StackMut<T>,
    status: &mut [Status],
    options: &Options,
) -> Result<Summary, Error> {
    let unit = diag == Diag::Unit;
    let kind = Kind::TriInv { unit, reversed: uplo == Uplo::Upper };
    let (a, x) = as_upper(a, x, uplo);
    unary("tri_inv", kind, &a, &x, status, options)?.run()
}

/// X with A X = B, shape `(..., n, k)`, by LU with partial pivoting ([`Assume::Posdef`]: by
/// Cholesky).
///
/// ```
/// use ainv::{Options, Stack};
/// let (a, b) = ([2.0, 1.0, 1.0, 3.0], [3.0, 5.0]);
/// let x = ainv::solve(
///     Stack::new(&a, &[2, 2])?,
///     Stack::new(&b, &[2, 1])?,
///     &Options::default(),
/// )?;
/// assert!((x.as_slice()[0] - 0.8f64).abs() < 1e-15);
/// # Ok::<(), ainv::Error>(())
/// ```
///
/// # Errors
/// As [`inv`]; [`Error::Shape`] if B does not fit A.
pub fn solve<A: Matrices, B: Matrices<Elem = A::Elem>>(
    a: A,
    b: B,
    options: &Options,
) -> Result<B::Owned, Error> {
    let (a, b) = (a.stack()?, b.stack()?);
    owned::<B>(&b.shape(), options, |_| true, |x| solve_into(a, b, x, &mut [], options))
}

/// [`solve`] into the caller's memory.
///
/// # Errors
/// As [`inv_into`]; [`Error::Shape`] if B does not fit A.
pub fn solve_into<T: Scalar>(
    a: Stack<T>,
    b: Stack<T>,
    x: StackMut<T>,
    status: &mut [Status],
    options: &Options,
) -> Result<Summary, Error> {
    solve_job(&a, &b, &x, status, options)?.run()
}

/// Reciprocal condition numbers 1 / (norm(A) norm(A^-1)): one a matrix, 0 for a singular one, NaN
/// for one that holds a NaN or an infinity.
///
/// Up to order 64, of diagonals, and in the 2-norm they are exact but for rounding. Above it the norm of the
/// inverse is estimated from factors of the matrix (LU, of a positive definite one Cholesky's, of a triangle
/// none) by the block algorithm of Higham and Tisseur (SIAM J. Matrix Anal. Appl. 21, 2000, algorithm 2.4)
/// with four vectors that are always the same: a third of the work of an inverse. The estimate is a lower
/// bound of the norm and mostly exact, so the number returned is never too small, and seldom more than
/// three times too large. A GPU inverts matrices of any order, and does not do the 2-norm.
///
/// ```
/// use ainv::{Norm, Options, Stack};
/// let a = [1.0, 0.0, 0.0, 0.25];
/// let rcond = ainv::rcond(Stack::new(&a, &[2, 2])?, Norm::One, &Options::default())?;
/// assert_eq!(rcond, [0.25]);
/// # Ok::<(), ainv::Error>(())
/// ```
///
/// # Errors
/// As [`inv`], but for matrices.
pub fn rcond<A: Matrices>(
    a: A,
    norm: Norm,
    options: &Options,
) -> Result<Vec<<A::Elem as Scalar>::Real>, Error> {
    let a = a.stack()?;
    let mut out = filled(Default::default(), a.len())?;
    rcond_into(a, norm, &mut out, options)?;
    Ok(out)
}

/// [`rcond`] into the caller's memory, one place a matrix.
///
/// # Errors
/// As [`rcond`]; [`Error::Argument`] if there are not as many places as matrices.
pub fn rcond_into<T: Scalar>(
    a: Stack<T>,
    norm: Norm,
    out: &mut [T::Real],
    options: &Options,
) -> Result<(), Error> {
    options.check()?;
    square(&a)?;
    if out.len() != a.len() {
        return Err(Error::Argument {
            what: format!("{} places for {} condition numbers", out.len(), a.len()),
        });
    }
    (Driver::get().rcond)(a, norm, out, options)
}

/// The products A B, shape `(..., m, n)`: A's matrices are m x k, B's k x n, and there are as many of
/// both.
///
/// Each sum has an error of at most k u |A| |B| to first order (Higham, Accuracy and Stability of
/// Numerical Algorithms, 2nd ed., section 3.5).
///
/// ```
/// use ainv::{Options, Stack};
/// let (a, b) = ([1.0, 2.0, 3.0, 4.0], [5.0, 6.0]);
/// let x = ainv::matmul(Stack::new(&a, &[2, 2])?, Stack::new(&b, &[2, 1])?, &Options::default())?;
/// assert_eq!(x.as_slice(), [17.0, 39.0]);
/// # Ok::<(), ainv::Error>(())
/// ```
///
/// # Errors
/// [`Error::Shape`] if the matrices do not fit; [`Error::OutOfMemory`], [`Error::Cancelled`].
pub fn matmul<A: Matrices, B: Matrices<Elem = A::Elem>>(
    a: A,
    b: B,
    options: &Options,
) -> Result<A::Owned, Error> {
    let (a, b) = (a.stack()?, b.stack()?);
    let mut shape = a.shape();
    let axes = shape.len();
    shape[axes - 1] = b.cols();
    let mut x = OwnedStack::zeros(&shape)?;
    matmul_into(a, b, x.view_mut(), options)?;
    Ok(A::wrap(x))
}

/// [`matmul`] into the caller's memory. Of the options the stream and the cancel flag count: it is
/// computed in the precision of the matrices.
///
/// # Errors
/// As [`matmul`].
pub fn matmul_into<T: Scalar>(
    a: Stack<T>,
    b: Stack<T>,
    x: StackMut<T>,
    options: &Options,
) -> Result<(), Error> {
    options.check()?;
    if a.cols() != b.rows() || a.len() != b.len() {
        return Err(Error::shape(format!(
            "{} matrices of {} x {} cannot be multiplied by {} of {} x {}",
            a.len(),
            a.rows(),
            a.cols(),
            b.len(),
            b.rows(),
            b.cols()
        )));
    }
    same_shape(&x, a.len(), a.rows(), b.cols())?;
    (Driver::get().matmul)(&a, &b, &x, options)
}
