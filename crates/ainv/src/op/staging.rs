//! Dense copies of a chunk's matrices: with the unread part filled in from what `assume` says, and
//! in another precision where the call asks for it.

use super::NEAR_UP_TO;
use crate::alg::{self, Context, Shared, Shares};
use crate::device::cpu::executor::{let_in, pause};
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

/// The matrices, of which tasks share out the rows.
#[derive(Clone, Copy)]
struct Rows<'a, T>(Places<'a, T>);
// SAFETY: each task writes rows of its own, and none writes what is read.
unsafe impl<T> Sync for Rows<'_, T> {}

impl<T> Rows<'_, T> {
    fn get(&self, k: usize) -> *mut T {
        self.0.get(k)
    }

    /// The first matrix; null of none.
    fn first(&self) -> *mut T {
        if self.0.is_empty() { std::ptr::null_mut() } else { self.get(0) }
    }
}

/// From one row of a staged result to the next: large ones are worked on where they stand.
pub(crate) fn leading_dimension<W>(n: usize) -> usize {
    if n > NEAR_UP_TO { alg::leading_dimension::<W>(n) } else { n }
}

/// Entries between two pauses, about.
const AT_ONCE: usize = 1 << 16;

/// Runs `f` on some lines after the other, of `count` lines of `len` entries.
fn share_out<S: Scalar>(
    cx: &Context<S>,
    (count, len): (usize, usize),
    f: &(impl Fn(Range<usize>) -> Result<(), Error> + Sync),
) -> Result<(), Error> {
    let threads = cx.threads_for(count, len, 8);
    let shares = Shares::new(count, threads, 8);
    let lines = (AT_ONCE / len.max(1)).max(1);
    cx.each(shares.count, threads, &|i| {
        let Range { start, end } = shares.range(i);
        (start..end).step_by(lines).try_for_each(|at| f(at..end.min(at + lines)))
    })
}

/// Copies the matrices row by row, converted, each filled in from the part that `assume` reads, shared
/// out among the threads.
///
/// # Safety
/// The matrices are readable; `to` spans them all.
pub(crate) unsafe fn expand<S: Scalar, T: Scalar, W: Scalar>(
    cx: &Context<S>,
    src: Places<T>,
    from: Frame,
    assume: Assume,
    convert: impl Fn(T) -> W + Sync,
    to: *mut W,
) -> Result<(), Error> {
    let (size, lines) = (from.rows * from.cols, src.len() * from.rows);
    let (rows, to) = (Rows(src), Shared(to));
    if matches!(assume, Assume::Auto | Assume::General) && is_dense(src, from) {
        return share_out(cx, (lines, from.cols), &|range| {
            pause(cx.cancel)?;
            let (p, to) = (rows.first(), to.get());
            for i in range.start * from.cols..range.end * from.cols {
                // SAFETY: the matrices lie one after the other.
                unsafe { to.add(i).write(convert(p.add(i).read())) };
            }
            Ok(())
        });
    }
    share_out(cx, (lines, from.cols), &|range| {
        pause(cx.cancel)?;
        for line in range {
            let (k, i) = (line / from.rows, line % from.rows);
            let p = rows.get(k);
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
                unsafe { to.get().add(k * size + i * from.cols + j).write(x) };
            }
        }
        Ok(())
    })
}

/// Some matrices of a stack as one of their own, converted and filled in as [`expand`] does.
pub(crate) fn dense<T: Scalar, W: Scalar>(
    a: &Stack<T>,
    range: Range<usize>,
    assume: Assume,
    convert: impl Fn(T) -> W + Sync,
) -> Result<OwnedStack<W>, Error> {
    let mut dense = OwnedStack::zeros(&[range.len(), a.rows(), a.cols()])?;
    let mut list = vec![];
    let places = a.places(range.start, range.len(), &mut list)?;
    let to = dense.as_mut_slice().as_mut_ptr();
    // SAFETY: matrices of a checked view; the new stack has a place for each entry.
    unsafe {
        expand(&Context::new(W::kernels()?, 1, None), places, a.frame(), assume, convert, to)?
    };
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

/// Copies matrices one after the other, their rows `ld` apart, back, converted. Once begun it is not cancelled,
/// so that the caller's are whole or as they were.
///
/// # Safety
/// As [`expand`].
pub(crate) unsafe fn collect<S: Scalar, T: Scalar, W: Scalar>(
    cx: &Context<S>,
    from: *const W,
    ld: usize,
    dst: Places<T>,
    to: Frame,
    convert: impl Fn(W) -> T + Sync,
) -> Result<(), Error> {
    let lines = dst.len() * to.rows;
    let (rows, from) = (Rows(dst), Shared(from.cast_mut()));
    if is_dense(dst, to) && ld == to.cols {
        return share_out(cx, (lines, to.cols), &|range| {
            let_in();
            let (p, from) = (rows.first(), from.get());
            for i in range.start * to.cols..range.end * to.cols {
                // SAFETY: the matrices lie one after the other.
                unsafe { p.add(i).write(convert(from.add(i).read())) };
            }
            Ok(())
        });
    }
    share_out(cx, (lines, to.cols), &|range| {
        let_in();
        for line in range {
            let (k, i) = (line / to.rows, line % to.rows);
            let row = rows.get(k).wrapping_offset(to.at(i, 0));
            let from = from.get().wrapping_add(line * ld);
            let write = |j: usize, at: isize| {
                // SAFETY: entries of the caller's matrices.
                unsafe { row.offset(at).write(convert(from.add(j).read())) }
            };
            // A loop of its own, in which adjacent entries are written by registers.
            match to.cs {
                1 => (0..to.cols).for_each(|j| write(j, j as isize)),
                cs => (0..to.cols).for_each(|j| write(j, j as isize * cs)),
            }
        }
        Ok(())
    })
}
