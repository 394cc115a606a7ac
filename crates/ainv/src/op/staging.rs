//! Dense copies of a chunk's matrices: with the unread part filled in from what `assume` says, and
//! in another precision where the call asks for it.

use crate::error::Error;
use crate::options::Assume;
use crate::stack::{OwnedStack, Stack};
use ainv_kernels::places::{Frame, Places};
use ainv_kernels::scalar::{RealScalar, Scalar};
use std::ops::Range;

/// Whether the matrices lie as the dense copies do.
fn is_dense<T>(places: Places<T>, frame: Frame) -> bool {
    let size = (frame.rows * frame.cols) as isize;
    frame.cs == 1
        && frame.rs == frame.cols as isize
        && (places.len() == 1 || places.step() == Some(size))
}

/// Copies the matrices row by row, converted, each filled in from the part that `assume` reads.
///
/// # Safety
/// The matrices are readable; `to` spans them all.
pub(crate) unsafe fn expand<T: Scalar, W: Scalar>(
    src: Places<T>,
    from: Frame,
    assume: Assume,
    convert: impl Fn(T) -> W,
    to: *mut W,
) {
    let size = from.rows * from.cols;
    if matches!(assume, Assume::Auto | Assume::General) && is_dense(src, from) {
        for i in 0..src.len() * size {
            // SAFETY: the matrices lie one after the other.
            unsafe { to.add(i).write(convert(src.get(0).add(i).read())) };
        }
        return;
    }
    for k in 0..src.len() {
        let p = src.get(k);
        for i in 0..from.rows {
            for j in 0..from.cols {
                // SAFETY: entries of the caller's matrices.
                let at = |i: usize, j: usize| unsafe { convert(p.offset(from.at(i, j)).read()) };
                let x = match assume {
                    Assume::Auto | Assume::General => at(i, j),
                    Assume::Symmetric | Assume::Hermitian | Assume::Posdef if i >= j => at(i, j),
                    Assume::Symmetric => at(j, i),
                    Assume::Hermitian | Assume::Posdef => Scalar::conj(at(j, i)),
                    Assume::Lower if i >= j => at(i, j),
                    Assume::Upper if i <= j => at(i, j),
                    Assume::Diagonal if i == j => at(i, j),
                    Assume::Lower | Assume::Upper | Assume::Diagonal => W::default(),
                };
                // SAFETY: inside the caller's block.
                unsafe { to.add(k * size + i * from.cols + j).write(x) };
            }
        }
    }
}

/// Some matrices of a stack as one of their own, converted and filled in as [`expand`] does.
pub(crate) fn dense<T: Scalar, W: Scalar>(
    a: &Stack<T>,
    range: Range<usize>,
    assume: Assume,
    convert: impl Fn(T) -> W,
) -> Result<OwnedStack<W>, Error> {
    let mut dense = OwnedStack::zeros(&[range.len(), a.rows(), a.cols()])?;
    let mut list = vec![];
    let places = a.places(range.start, range.len(), &mut list)?;
    // SAFETY: matrices of a checked view; the new stack has a place for each entry.
    unsafe { expand(places, a.frame(), assume, convert, dense.as_mut_slice().as_mut_ptr()) };
    Ok(dense)
}

/// Diagonal entries of Hermitian matrices whose imaginary part is rounding, in the precision that
/// the matrices came in, become real.
///
/// # Safety
/// `a` holds `count` dense matrices of order `n`.
pub(crate) unsafe fn drop_rounding<W: Scalar>(a: *mut W, count: usize, n: usize, rounding: f64) {
    for i in (0..count).flat_map(|k| (0..n).map(move |i| k * n * n + i * (n + 1))) {
        // SAFETY: a diagonal entry of the caller's matrices.
        unsafe {
            let x = a.add(i).read();
            if x.im().to_f64().abs() <= x.re().to_f64().abs() * rounding {
                a.add(i).write(W::from_re(x.re()));
            }
        }
    }
}

/// Copies dense matrices back, converted.
///
/// # Safety
/// As [`expand`].
pub(crate) unsafe fn collect<T: Scalar, W: Scalar>(
    from: *const W,
    dst: Places<T>,
    to: Frame,
    convert: impl Fn(W) -> T,
) {
    let size = to.rows * to.cols;
    if is_dense(dst, to) {
        for i in 0..dst.len() * size {
            // SAFETY: the matrices lie one after the other.
            unsafe { dst.get(0).add(i).write(convert(from.add(i).read())) };
        }
        return;
    }
    for k in 0..dst.len() {
        let p = dst.get(k);
        for i in 0..to.rows {
            for j in 0..to.cols {
                // SAFETY: entries of the caller's matrices.
                unsafe {
                    let x = convert(from.add(k * size + i * to.cols + j).read());
                    p.offset(to.at(i, j)).write(x);
                }
            }
        }
    }
}
