//! `solve`: X with A X = B, by LU with partial pivoting, or by Cholesky for a positive definite A.
//!
//! As for `inv` the elimination is that of A^T, and the solves are from the right: with P A^T = L U,
//! X^T = B^T U^-1 L^-1 P. The solution is backward stable, column by column (Higham, theorem 9.4).

use super::norms::{self, Entries};
use super::pass::{Columns, Part};
use super::{Op, Outcome, Scaling, cholesky, in_range, inv, lanes_max, settle};
use crate::alg::condition::{Asked, Factored, Form, Size};
use crate::alg::{self, Context, leading_dimension, lu, triangular};
use crate::device::cpu::arena;
use crate::error::{Error, listed};
use crate::status::Status;
use ainv_kernels::Kernels;
use ainv_kernels::lanes::{Group, Suspects};
use ainv_kernels::scalar::Scalar;
use ainv_kernels::trsm::Triangle;

/// A general matrix.
pub(crate) struct Solve;
/// A positive definite matrix; its lower triangle is read.
pub(crate) struct PosdefSolve;

/// More right-hand sides than this make a small system blocked too: the lanes hold them all in the
/// tile's scratch.
pub(crate) const LANES_RHS: usize = 32;

/// Loads A^T, of which a part is read, and B^T, runs `f` on both (and their leading dimensions), and
/// stores B^T's place as X. `f` is told how many rows stand there, those of [`Asked`] after B^T's, and
/// answers with the sum of |1 / pivots| and how A^T was factored.
unsafe fn on_transposed<'p, T: Scalar>(
    cx: &Context<T>,
    g: &Group<T>,
    part: Part,
    f: impl FnOnce(*mut T, usize, *mut T, (usize, usize)) -> Result<Option<(T::Real, Form<'p>)>, Error>,
) -> Result<Outcome, Error> {
    let (n, k) = (g.n, g.rhs_from.cols);
    let rows = k + cx.asked.map_or(0, |_| Asked::VECTORS);
    let (ld, ldb) = (leading_dimension::<T>(n), leading_dimension::<T>(rows));
    arena::with(n * (ld + ldb), |w: *mut T| {
        // SAFETY: the matrices are the caller's; the blocks span n columns each.
        unsafe {
            let b = w.add(n * ld);
            let lines = part == Part::All;
            let a = Columns::new((n, n), w, ld, part);
            let asked = cx.asked.is_some();
            let read = a.load(cx, g.src.get(0), g.from.transposed(), lines || asked)?;
            let x = Columns::new((k, n), b, ldb, Part::All);
            x.load(cx, g.rhs.get(0), g.rhs_from.transposed(), false)?;
            if asked {
                Asked::vectors(n, b.add(k), ldb);
            }
            let done = f(w, ld, b, (ldb, rows))?;
            let written = x.sums(cx, false)?.total;
            let good =
                read.fits(lines) && done.is_some_and(|(recips, _)| in_range(recips, written));
            if let (Some(asked), true, Some((_, form))) = (cx.asked, good, done) {
                let factored = Factored { n, w: w.cast_const(), ld: ld as isize, form };
                // What stands here is the transpose of what was given.
                let entries = match part {
                    Part::All => Entries::All,
                    part => Entries::Mirrored { lower: part == Part::Upper },
                };
                let bound = Size::of(read.bound(entries));
                let exact = || norms::exact(cx, g.src.get(0), g.from, entries);
                asked.answer_from(cx, (bound, exact), &factored, b.add(k).cast_const(), ldb)?;
            }
            if good || g.force {
                x.store(cx, g.dst.get(0), g.to.transposed(), false)?;
            }
            Ok(if good { Outcome::Done } else { Outcome::Suspect })
        }
    })
}

/// The scaling of A, and for each column of B the power of two that keeps it in range under A's
/// rows.
fn scaling<T: Scalar>(
    n: usize,
    b: &[T],
    (rows, cols): (Vec<i32>, Vec<i32>),
) -> Result<Scaling, Error> {
    let k = b.len() / n;
    let size = |i: usize, j: usize| settle::exponent(b[i * k + j]).map(|e| e + rows[i]);
    let out_cols = listed((0..k).map(|j| (0..n).filter_map(|i| size(i, j)).max().unwrap_or(0)))?;
    Ok(Scaling { out_rows: settle::again(&cols)?, out_cols, rows, cols })
}

impl<T: Scalar> Op<T> for Solve {
    fn largest_in_lanes(&self) -> usize {
        lanes_max::<T>()
    }

    unsafe fn lanes(&self, kernels: &Kernels<T>, g: &Group<T>) -> Suspects {
        // SAFETY: the trait's contract.
        unsafe { (kernels.solve)(g) }
    }
    unsafe fn by_columns(&self, kernels: &Kernels<T>, g: &Group<T>) -> Option<Suspects> {
        // SAFETY: the trait's contract.
        Some(unsafe { (kernels.solve_by_columns)(g) })
    }

    unsafe fn blocked(&self, cx: &Context<T>, g: &Group<T>) -> Result<Outcome, Error> {
        let n = g.n;
        // SAFETY: the trait's contract.
        unsafe {
            arena::with(n, |pivots: *mut usize| {
                pivots.write_bytes(0, n);
                let pivots = std::slice::from_raw_parts_mut(pivots, n);
                on_transposed(cx, g, Part::All, |w, ld, b, (ldb, k)| {
                    lu::factor(cx, n, w, ld as isize, pivots)?;
                    let recips = inv::recips(w, n, ld);
                    lu::solve_factored(cx, (k, n), w, ld as isize, pivots, b, ldb as isize)?;
                    Ok(Some((recips, Form::Lu(pivots))))
                })
            })
        }
    }

    fn reads(&self, _: usize, _: usize) -> bool {
        true
    }

    fn infinite(
        &self,
        cx: &Context<T>,
        n: usize,
        a: &mut [T],
        b: &[T],
        x: &mut [T],
    ) -> Result<Option<Status>, Error> {
        let diagonal = (0..n * n).all(|i| i / n == i % n || a[i] == T::default());
        if !diagonal {
            return Ok(None);
        }
        super::diagonal::Diagonal.infinite(cx, n, a, b, x)
    }

    fn scaling(&self, n: usize, a: &[T], b: &[T]) -> Result<Scaling, Error> {
        scaling(n, b, settle::balance(n, a, false)?)
    }

    fn verdict(&self, cx: &Context<T>, n: usize, a: &[T], b: &[T]) -> Result<Status, Error> {
        // The right-hand side may be what is not finite; then X is its image.
        let singular = inv::first_zero_pivot(cx, n, a)?;
        let finite = b.iter().all(|x| Scalar::is_finite(*x));
        Ok(match singular {
            Some(at) => Status::singular(at),
            None if finite => Status::singular(n),
            None => Status::OK,
        })
    }
}

impl<T: Scalar> Op<T> for PosdefSolve {
    fn largest_in_lanes(&self) -> usize {
        0
    }

    unsafe fn lanes(&self, _: &Kernels<T>, g: &Group<T>) -> Suspects {
        Suspects::all(g.src.len())
    }

    unsafe fn blocked(&self, cx: &Context<T>, g: &Group<T>) -> Result<Outcome, Error> {
        let n = g.n;
        // SAFETY: the trait's contract. The caller's lower triangle stands in A^T's upper one, so
        // the frames are exchanged once more: the working matrix is A itself.
        unsafe {
            let turned = Group { from: g.from.transposed(), ..*g };
            on_transposed(cx, &turned, Part::Lower, |w, ld, b, (ldb, k)| {
                if alg::cholesky::factor(cx, n, w, ld as isize)? != 0 {
                    b.write(T::nan());
                    return Ok(None);
                }
                // A = L L^H, so X^T conj(L) L^T = B^T.
                let t = Triangle {
                    t: w.cast_const(),
                    rs: ld as isize,
                    cs: 1,
                    conj: false,
                    lower: false,
                    unit: false,
                };
                let ld = ld as isize;
                triangular::solve_right(cx, (k, n), t, b, ldb as isize)?;
                let t = Triangle { rs: 1, cs: ld, conj: true, lower: true, ..t };
                triangular::solve_right(cx, (k, n), t, b, ldb as isize)?;
                Ok(Some((inv::recips(w, n, ld as usize), Form::Cholesky)))
            })
        }
    }

    fn reads(&self, i: usize, j: usize) -> bool {
        i >= j
    }

    fn scaling(&self, n: usize, a: &[T], b: &[T]) -> Result<Scaling, Error> {
        scaling(n, b, cholesky::balance(n, a)?)
    }

    fn verdict(&self, cx: &Context<T>, n: usize, a: &[T], b: &[T]) -> Result<Status, Error> {
        // The right-hand side may be what is not finite; then X is its image.
        match cholesky::first_bad_pivot(cx, n, a)? {
            0 if !b.iter().all(|x| Scalar::is_finite(*x)) => Ok(Status::OK),
            at => Ok(cholesky::not_positive_definite(n, at)),
        }
    }
}
