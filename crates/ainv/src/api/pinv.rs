//! Pseudo-inverses.

use super::{owned, same_shape, square, status_length};
use crate::convert::Matrices;
use crate::device::driver::Driver;
use crate::error::Error;
use crate::op::pinv::Way;
use crate::options::{Options, PinvOptions, Tolerance};
use crate::stack::{Stack, StackMut};
use crate::status::{Status, Summary};
use ainv_kernels::scalar::Scalar;

/// The Moore-Penrose inverses, shape `(..., n, m)`; see [`PinvOptions`] for what counts as zero.
///
/// A matrix of full rank is inverted where bounds of its extreme singular values prove that none is
/// at or under the cut-off (Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., theorems 9.3
/// and 10.3, sections 14.2 and 14.3); that takes a small part of the time. The others, and those of low
/// rank, are done by their singular values (Golub and Van Loan, Matrix Computations, 4th ed., section 5.5.2)
/// or to the same effect. Single precision is computed in double inside, above the orders of the lanes. A
/// GPU does all by one-sided Jacobi rotations (the same, section 8.6.3).
///
/// ```
/// use ainv::{Options, PinvOptions, Stack};
/// let a = [1.0; 9];
/// let x = ainv::pinv(Stack::new(&a, &[3, 3])?, &PinvOptions::default(), &Options::default())?;
/// assert!(x.as_slice().iter().all(|x| (x - 1.0 / 9.0f64).abs() < 1e-15));
/// # Ok::<(), ainv::Error>(())
/// ```
///
/// # Errors
/// [`Error::Shape`] if `hermitian` and not square; [`Error::Argument`] for a negative or NaN
/// tolerance, or one for another number of matrices; [`Error::Matrix`] for a matrix that holds NaN
/// or an infinity; [`Error::OutOfMemory`], [`Error::Cancelled`].
pub fn pinv<A: Matrices>(a: A, pinv: &PinvOptions, options: &Options) -> Result<A::Owned, Error> {
    let a = a.stack()?;
    let mut shape = a.shape();
    let axes = shape.len();
    shape.swap(axes - 2, axes - 1);
    owned::<A>(&shape, options, |_| true, |x| pinv_into(a, x, pinv, &mut [], options))
}

/// [`pinv`] into the caller's memory.
///
/// # Errors
/// As [`pinv`], but for matrices: those are filled with NaN and have their status.
pub fn pinv_into<T: Scalar>(
    a: Stack<T>,
    x: StackMut<T>,
    pinv: &PinvOptions,
    status: &mut [Status],
    options: &Options,
) -> Result<Summary, Error> {
    pinv_told(a, x, pinv, status, options, &|_, _| ())
}

/// [`pinv_into`], which tells how the CPU found each: for tests.
#[doc(hidden)]
pub fn pinv_told<T: Scalar>(
    a: Stack<T>,
    x: StackMut<T>,
    pinv: &PinvOptions,
    status: &mut [Status],
    options: &Options,
    ways: &(dyn Fn(usize, Way) + Sync),
) -> Result<Summary, Error> {
    check(&a, &x, pinv, status, options)?;
    (Driver::get().pinv)(a, x, pinv, status, options, ways)
}

/// Whether all of it fits.
pub(super) fn check<T: Scalar>(
    a: &Stack<T>,
    x: &StackMut<T>,
    pinv: &PinvOptions,
    status: &[Status],
    options: &Options,
) -> Result<(), Error> {
    options.check()?;
    if pinv.hermitian {
        square(a)?;
    }
    same_shape(x, a.len(), a.cols(), a.rows())?;
    status_length(status, a.len())?;
    for (name, tolerance) in [("rtol", &pinv.rtol), ("atol", &pinv.atol)] {
        let Some(t) = tolerance else { continue };
        if matches!(t, Tolerance::Each(each) if each.len() != a.len()) {
            return Err(Error::Argument {
                what: format!("{name} has {} values for {} matrices", t.values().len(), a.len()),
            });
        }
        // Written so that a NaN is refused.
        if !t.values().iter().all(|&t| t >= 0.0) {
            return Err(Error::Argument { what: format!("{name} must not be negative or NaN") });
        }
    }
    Ok(())
}
