//! The working matrix of a blocked route: padded scratch for middle orders, the memory of the result
//! itself for large ones, where a second matrix would not be worth its memory.

use super::copy;
use crate::alg::{Context, Shared, Shares, leading_dimension};
use crate::device::cpu::arena;
use crate::device::cpu::executor::let_in;
use crate::error::Error;
use crate::status::Status;
use ainv_kernels::places::Frame;
use ainv_kernels::scalar::Scalar;

/// The largest order that is worked on in scratch.
pub(crate) const SCRATCH_UP_TO: usize = 1024;

/// What became of a matrix on a blocked route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Done,
    /// Something left the range in which nothing can over- or underflow unseen.
    Suspect,
    /// It has no result, and the matrix is gone: it was inverted in its place.
    Failed(Status),
}

/// Where a matrix and its result stand, in the axes of the working matrix.
pub(crate) struct Operand<T> {
    pub src: *const T,
    pub from: Frame,
    pub dst: *mut T,
    pub to: Frame,
    /// Store what `f` leaves even of a suspect.
    pub force: bool,
    /// The result is Hermitian.
    pub hermitian: bool,
}

/// Runs `f` on the working matrix, columns so far apart, and stores what it leaves. `f`'s last argument
/// says that it works on the only copy there is: it may then call the matrix suspect only as long as
/// it has not changed it.
///
/// # Safety
/// Source and destination are valid over n x n, and the same or apart.
pub(crate) unsafe fn on_working<T: Scalar>(
    cx: &Context<T>,
    o: &Operand<T>,
    f: impl FnOnce(*mut T, usize, bool) -> Result<Outcome, Error>,
) -> Result<Outcome, Error> {
    let n = o.from.rows;
    let same = o.src == o.dst.cast_const();
    let columns = |ld: usize| Frame { rows: n, cols: n, rs: 1, cs: ld as isize };
    let in_place = match (o.to.rs, o.to.cs) {
        _ if n <= SCRATCH_UP_TO || (same && (o.from != o.to || cx.keep_input)) => None,
        (1, ld) if ld >= n as isize => Some((ld as usize, false)),
        (ld, 1) if ld >= n as isize => Some((ld as usize, true)),
        _ => None,
    };
    // SAFETY: the caller's matrices; the scratch spans n columns.
    unsafe {
        let Some((ld, turned)) = in_place else {
            let ld = leading_dimension::<T>(n);
            return arena::with(n * ld, |w: *mut T| {
                copy(cx, o.src, o.from, w, columns(ld))?;
                let outcome = f(w, ld, false)?;
                if outcome == Outcome::Done || o.force {
                    copy(cx, w, columns(ld), o.dst, o.to)?;
                }
                Ok(outcome)
            });
        };
        let turn = || if turned { transpose(cx, n, o.dst, ld) } else { Ok(()) };
        if same {
            turn()?;
        } else {
            copy(cx, o.src, o.from, o.dst, columns(ld))?;
        }
        let outcome = f(o.dst, ld, same)?;
        match outcome {
            Outcome::Done if turned && o.hermitian => conjugate(cx, n, o.dst, ld)?,
            Outcome::Failed(_) => {}
            _ => turn()?,
        }
        Ok(outcome)
    }
}

/// The transpose in place.
unsafe fn transpose<T: Scalar>(
    cx: &Context<T>,
    n: usize,
    w: *mut T,
    ld: usize,
) -> Result<(), Error> {
    const SQUARE: usize = 16;
    let (w, blocks) = (Shared(w), n.div_ceil(SQUARE));
    // Block columns of the lower triangle; the first are the longest.
    cx.each(blocks, cx.threads_for(n, n, 8), &|b| {
        let_in();
        let columns = b * SQUARE..n.min((b + 1) * SQUARE);
        for i0 in (columns.start..n).step_by(SQUARE) {
            for j in columns.clone() {
                for i in i0.max(j + 1)..n.min(i0 + SQUARE) {
                    // SAFETY: an entry and its mirror image, no one else's.
                    unsafe { std::ptr::swap(w.get().add(i + j * ld), w.get().add(j + i * ld)) };
                }
            }
        }
        Ok(())
    })
}

/// The transpose of a Hermitian matrix in place.
unsafe fn conjugate<T: Scalar>(
    cx: &Context<T>,
    n: usize,
    w: *mut T,
    ld: usize,
) -> Result<(), Error> {
    if !T::COMPLEX {
        return Ok(());
    }
    let (w, threads) = (Shared(w), cx.threads_for(n, n, 8));
    let shares = Shares::new(n, threads, 16);
    cx.each(shares.count, threads, &|i| {
        for j in shares.range(i) {
            let_in();
            // SAFETY: a column of the caller's matrix, no one else's.
            let column = unsafe { std::slice::from_raw_parts_mut(w.get().add(j * ld), n) };
            // The diagonal is real: its zeros keep their sign.
            let (above, below) = column.split_at_mut(j);
            let others = above.iter_mut().chain(&mut below[1..]);
            others.for_each(|x| *x = Scalar::conj(*x));
        }
        Ok(())
    })
}
