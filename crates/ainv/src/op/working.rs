//! The working matrix of a blocked route: padded scratch for middle orders, the memory of the result itself where it
//! stands as well, and for large ones, where a second matrix would not be worth its memory.

use super::in_range;
use super::norms::{self, Entries};
use super::pass::{Columns, Part, Sums, copy_block};
use crate::alg::condition::Size;
use crate::alg::{Context, Shared, Shares, leading_dimension};
use crate::device::cpu::arena::{self, Scratch};
use crate::device::cpu::executor::{let_in, pause};
use crate::error::Error;
use crate::status::Status;
use ainv_kernels::places::Frame;
use ainv_kernels::scalar::{RealScalar, Scalar};

/// The largest order that is worked on in scratch whatever the result's memory is like: the copy is near the core.
pub(crate) const NEAR_UP_TO: usize = 512;
/// The same where the matrix itself is to be inverted in its place: it can then still be read if it has no result.
pub(crate) const SCRATCH_IN_PLACE: usize = 1024;

/// Bytes of the largest copy: above, clearing new memory for it costs more than it saves, should the system have
/// taken what the arena kept.
const COPY_UP_TO: usize = if arena::KEPT_UP_TO < 48 << 20 { arena::KEPT_UP_TO } else { 48 << 20 };

/// Whether a matrix whose result has a place of its own is worked on in scratch: in the result's columns, which may
/// begin within a cache line or share the sets of a cache, all takes longer.
pub(crate) fn copied<T>(n: usize) -> bool {
    let bytes = leading_dimension::<T>(n).saturating_mul(n).saturating_mul(size_of::<T>());
    n <= NEAR_UP_TO || bytes <= COPY_UP_TO
}

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
    /// What is read, and what for: of a matrix all of which is read, or a triangle, the result is the
    /// inverse of just that; a mirrored one's, or a factor's, is Hermitian.
    pub entries: Entries,
    /// Whether each row and column must be in range, or the whole alone.
    pub lines: bool,
    /// Store what an algorithm leaves even of a suspect.
    pub force: bool,
}

impl<T: Scalar> Operand<T> {
    fn columns(&self, p: *mut T, ld: usize) -> Columns<T> {
        let n = self.from.rows;
        let (part, unit) = match self.entries {
            Entries::All | Entries::Diagonal => (Part::All, false),
            Entries::Triangle { lower: false, unit } => (Part::Upper, unit),
            Entries::Triangle { lower: true, unit } => (Part::Lower, unit),
            Entries::Mirrored { lower: false } => (Part::Upper, false),
            Entries::Mirrored { lower: true } | Entries::Factor => (Part::Lower, false),
        };
        Columns { unit, ..Columns::new((n, n), p, ld, part) }
    }

    fn hermitian(&self) -> bool {
        matches!(self.entries, Entries::Mirrored { .. } | Entries::Factor)
    }

    /// The result's columns, and whether sums of rows are to be taken as well, which its norm may need: of a
    /// Hermitian one's triangle they would cost more than those of all columns.
    fn result(&self, columns: &Columns<T>, asked: bool) -> (Columns<T>, bool) {
        match asked && self.hermitian() {
            true => (Columns { part: Part::All, ..*columns }, false),
            false => (*columns, asked),
        }
    }

    /// The 1-norm of the caller's matrix: what stands here is its transpose, or Hermitian.
    ///
    /// # Safety
    /// The source still is what it was.
    unsafe fn norm(&self, cx: &Context<T>) -> Result<Size, Error> {
        let (from, entries) = match self.entries {
            Entries::Triangle { lower, unit } => {
                (self.from.transposed(), Entries::Triangle { lower: !lower, unit })
            }
            Entries::Mirrored { .. } | Entries::Factor => (self.from, self.entries),
            _ => (self.from.transposed(), self.entries),
        };
        // SAFETY: the caller's matrix.
        unsafe { norms::exact(cx, self.src, from, entries) }
    }

    /// Answers whoever asked for the condition: from the sums of what was read and of what is written,
    /// or where these do not show it to be good from the norms, the first of which may be known.
    ///
    /// # Safety
    /// The inverse stands in the working matrix; the source still is what it was if its norm is not known.
    unsafe fn answer(
        &self,
        cx: &Context<T>,
        (read, known): (&Sums<T::Real>, Option<Size>),
        written: &Sums<T::Real>,
        (w, ld): (*mut T, usize),
    ) -> Result<(), Error> {
        let Some(asked) = cx.asked else { return Ok(()) };
        let n = self.from.rows;
        let inverse = if self.hermitian() { written.column() } else { written.bound(Entries::All) };
        let least = Size::reciprocal(Size::of(read.bound(self.entries)), Size::of(inverse));
        asked.answer(least, || {
            let here = Frame { rows: n, cols: n, rs: ld as isize, cs: 1 };
            // SAFETY: the caller's; zeros stand where nothing counts.
            unsafe {
                let norm = match known {
                    Some(norm) => norm,
                    None => self.norm(cx)?,
                };
                let inverse = norms::exact(cx, w.cast_const(), here, Entries::All)?;
                Ok(Size::reciprocal(norm, inverse))
            }
        })
    }
}

/// What an algorithm leaves beside the result.
pub(crate) struct Remains<R> {
    /// The sum of the |1 / pivots|; infinite if there is no result.
    pub recips: R,
    /// What became of the matrix if the result is not finite and it was the only copy.
    pub otherwise: Outcome,
}

/// The working matrix, and what an algorithm must know of it.
pub(crate) struct Working<T> {
    pub w: *mut T,
    pub ld: usize,
    /// Whether what was read is in range.
    pub fits: bool,
    /// Whether it is the only copy there is: it may then be called suspect only as long as what is read
    /// of it is as it was. (A unit triangle's diagonal is not: it holds ones.)
    pub only: bool,
}

/// Runs `f` on the working matrix, and stores what it leaves. `None` from `f`: the matrix is suspect,
/// and what is read of it is as it was.
///
/// # Safety
/// Source and destination are valid over n x n, and the same or apart.
pub(crate) unsafe fn on_working<T: Scalar>(
    cx: &Context<T>,
    o: &Operand<T>,
    f: impl FnOnce(&Working<T>) -> Result<Option<Remains<T::Real>>, Error>,
) -> Result<Outcome, Error> {
    let n = o.from.rows;
    let same = o.src == o.dst.cast_const();
    // The result's own columns or rows, if it has such.
    let whole = match (o.to.rs, o.to.cs) {
        (1, ld) if ld >= n as isize => Some((ld as usize, false)),
        (ld, 1) if ld >= n as isize => Some((ld as usize, true)),
        _ => None,
    };
    let well = whole.is_some_and(|(ld, _)| stands_well(o.dst, ld, n));
    let in_scratch_if_any = match same {
        true => n <= SCRATCH_IN_PLACE || o.from != o.to || cx.keep_input,
        false => n <= NEAR_UP_TO || (copied::<T>(n) && !well),
    };
    // SAFETY: the caller's matrices.
    unsafe {
        match whole {
            Some((ld, turned)) if !in_scratch_if_any => in_result(cx, o, ld, turned, f),
            _ => {
                let ld = leading_dimension::<T>(n);
                match (Scratch::new::<T>(n * ld), whole) {
                    (Ok(scratch), _) => in_scratch(cx, o, (scratch.as_ptr(), ld), f),
                    // Without the memory for a copy it takes longer.
                    (Err(_), Some((ld, turned))) if !same => in_result(cx, o, ld, turned, f),
                    (Err(error), _) => Err(error),
                }
            }
        }
    }
}

/// Whether columns stand as those of our own copies do.
fn stands_well<T: Scalar>(p: *mut T, ld: usize, n: usize) -> bool {
    p.addr().is_multiple_of(arena::ALIGN) && ld == leading_dimension::<T>(n)
}

/// In a copy, columns `ld` apart.
unsafe fn in_scratch<T: Scalar>(
    cx: &Context<T>,
    o: &Operand<T>,
    (w, ld): (*mut T, usize),
    f: impl FnOnce(&Working<T>) -> Result<Option<Remains<T::Real>>, Error>,
) -> Result<Outcome, Error> {
    let columns = o.columns(w, ld);
    // SAFETY: the caller's matrices; the scratch spans n columns.
    unsafe {
        let asked = cx.asked.is_some();
        let read = columns.load(cx, o.src, o.from, o.lines || asked)?;
        let fits = read.fits(o.lines);
        let Some(left) = f(&Working { w, ld, fits, only: false })? else {
            return Ok(Outcome::Suspect);
        };
        // Who settles a suspect writes over what was stored of it, but reads the matrix before.
        let needed = o.src == o.dst.cast_const() && !o.force;
        let (result, lines) = o.result(&columns, asked);
        let written = match needed {
            true => result.sums(cx, lines)?,
            false => result.store(cx, o.dst, o.to, lines)?,
        };
        let good = fits && in_range(left.recips, written.total);
        if good {
            o.answer(cx, (&read, None), &written, (w, ld))?;
        }
        if good && needed {
            columns.store(cx, o.dst, o.to, false)?;
        }
        Ok(if good { Outcome::Done } else { Outcome::Suspect })
    }
}

/// In the result's memory, columns `ld` apart; rows, if it is turned.
unsafe fn in_result<T: Scalar>(
    cx: &Context<T>,
    o: &Operand<T>,
    ld: usize,
    turned: bool,
    f: impl FnOnce(&Working<T>) -> Result<Option<Remains<T::Real>>, Error>,
) -> Result<Outcome, Error> {
    let n = o.from.rows;
    let same = o.src == o.dst.cast_const();
    let columns = o.columns(o.dst, ld);
    let asked = cx.asked.is_some();
    // SAFETY: the caller's matrices.
    unsafe {
        // Later nothing is left to take it of. A real one's sums are the norm itself.
        let norm = match asked && same && (T::COMPLEX || o.hermitian()) {
            true => Some(o.norm(cx)?),
            false => None,
        };
        let turn = || if turned { transpose(cx, n, o.dst, ld) } else { Ok(()) };
        let read = if same {
            turn()?;
            columns.sums(cx, o.lines || asked)?
        } else {
            columns.load(cx, o.src, o.from, o.lines || asked)?
        };
        let fits = read.fits(o.lines);
        let Some(left) = f(&Working { w: o.dst, ld, fits, only: same })? else {
            turn()?;
            return Ok(Outcome::Suspect);
        };
        let (result, lines) = o.result(&columns, asked);
        let written = match same && !o.hermitian() {
            true => result.clear(cx, lines)?,
            false => result.sums(cx, lines)?,
        };
        let outcome = match fits && in_range(left.recips, written.total) {
            true => Outcome::Done,
            false if !same => Outcome::Suspect,
            // There is nothing to begin anew with.
            false if T::Real::INFINITY > written.total => Outcome::Done,
            false => left.otherwise,
        };
        if outcome == Outcome::Done {
            let norm = norm.or(same.then(|| Size::of(read.bound(o.entries))));
            o.answer(cx, (&read, norm), &written, (o.dst, ld))?;
        }
        match outcome {
            Outcome::Done if turned && o.hermitian() => conjugate(cx, n, o.dst, ld)?,
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
    const SQUARE: usize = 32;
    let (w, blocks) = (Shared(w), n.div_ceil(SQUARE));
    // Block columns of the lower triangle; the first are the longest.
    cx.each(blocks, cx.threads_for(n, n, 8), &|b| {
        pause(cx.cancel)?;
        let mut square = [T::default(); SQUARE * SQUARE];
        let (j, k) = (b * SQUARE, SQUARE.min(n - b * SQUARE));
        for i in (j..n).step_by(SQUARE) {
            let h = SQUARE.min(n - i);
            let (here, mirror) =
                (w.get().wrapping_add(i + j * ld), w.get().wrapping_add(j + i * ld));
            let by_columns =
                |rows: usize, cols: usize, ld: usize| Frame { rows, cols, rs: 1, cs: ld as isize };
            let (below, above) = (by_columns(h, k, ld), by_columns(k, h, ld));
            let (turned, kept) = (below.transposed(), by_columns(k, h, SQUARE));
            // SAFETY: a block of h x k entries and its mirror image, no one else's; the square holds either.
            unsafe {
                copy_block(cx, here.cast_const(), turned, square.as_mut_ptr(), kept);
                if i > j {
                    copy_block(cx, mirror.cast_const(), above.transposed(), here, below);
                }
                copy_block(cx, square.as_ptr(), kept, mirror, above);
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
