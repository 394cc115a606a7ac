//! `tri_inv`: the inverse of an upper triangle. The caller's views turn a lower one into an upper
//! one by transposition, and an upper one into itself by transposition and reversal, so that the
//! residual which the kernels bound, |X U - I|, is the caller's right one, |A X - I|.

use super::norms::Entries;
use super::working::Working;
use super::{Op, Operand, Outcome, Remains, Scaling, each, inv, lanes_max, on_working, settle};
use crate::alg::{Context, triangular};
use crate::error::{Error, filled, listed};
use crate::status::Status;
use ainv_kernels::Kernels;
use ainv_kernels::lanes::{Group, Suspects, TriShape};
use ainv_kernels::places::Frame;
use ainv_kernels::scalar::{RealScalar, Scalar};

/// An upper triangle; `reversed` if its first row was the caller's last.
pub(crate) struct TriInv {
    pub unit: bool,
    pub reversed: bool,
}

impl<T: Scalar> Op<T> for TriInv {
    fn largest_in_lanes(&self) -> usize {
        lanes_max::<T>()
    }

    unsafe fn lanes(&self, kernels: &Kernels<T>, g: &Group<T>) -> Suspects {
        // SAFETY: the trait's contract.
        unsafe { (kernels.tri_inv)(g, TriShape { unit: self.unit }) }
    }
    unsafe fn by_columns(&self, kernels: &Kernels<T>, g: &Group<T>) -> Option<Suspects> {
        // SAFETY: the trait's contract.
        Some(each(g, |g| unsafe { (kernels.tri_inv_by_columns)(g, TriShape { unit: self.unit }) }))
    }

    unsafe fn blocked(&self, cx: &Context<T>, g: &Group<T>) -> Result<Outcome, Error> {
        let n = g.n;
        // A reversed triangle is turned back, and is a lower one then.
        let lower = self.reversed;
        let turned = |f: Frame| match lower {
            true => (f.at(n - 1, n - 1), Frame { rs: -f.rs, cs: -f.cs, ..f }),
            false => (0, f),
        };
        let ((src, from), (dst, to)) = (turned(g.from), turned(g.to));
        let operand = Operand {
            src: g.src.get(0).wrapping_offset(src),
            from,
            dst: g.dst.get(0).wrapping_offset(dst),
            to,
            entries: Entries::Triangle { lower, unit: self.unit },
            lines: true,
            force: g.force,
        };
        // SAFETY: the trait's contract.
        unsafe {
            on_working(cx, &operand, |&Working { w, ld, fits, only }| {
                let recips = inv::recips(w, n, ld);
                if only && !(fits && recips < T::Real::INFINITY) {
                    return Ok(None);
                }
                triangular::invert(cx, n, lower, w, ld as isize)?;
                // A triangle without a zero on its diagonal has an inverse, if one that overflows.
                Ok(Some(Remains { recips, otherwise: Outcome::Done }))
            })
        }
    }

    fn reads(&self, i: usize, j: usize) -> bool {
        i < j || (i == j && !self.unit)
    }

    fn infinite(
        &self,
        cx: &Context<T>,
        n: usize,
        a: &mut [T],
        b: &[T],
        x: &mut [T],
    ) -> Result<Option<Status>, Error> {
        infinite_diagonal(self, cx, n, a, b, x)
    }

    fn scaling(&self, n: usize, a: &[T], _: &[T]) -> Result<Scaling, Error> {
        // A unit diagonal stays one only if rows and columns are left alone.
        Scaling::of_inverse(match self.unit {
            true => (filled(0, n)?, filled(0, n)?),
            false => settle::balance(n, a, true)?,
        })
    }

    fn verdict(&self, _: &Context<T>, n: usize, a: &[T], _: &[T]) -> Result<Status, Error> {
        Ok(if self.unit { Status::OK } else { first_zero(n, a, self.reversed) })
    }
}

/// Singular at the first zero of the diagonal, in the caller's order.
pub(crate) fn first_zero<T: Scalar>(n: usize, a: &[T], reversed: bool) -> Status {
    let entry = |i: usize| if reversed { n - 1 - i } else { i };
    match (0..n).find(|&i| a[entry(i) * (n + 1)] == T::default()) {
        Some(i) => Status::singular(i + 1),
        None => Status::OK,
    }
}

/// A triangle with infinities on its diagonal alone: 1 / infinity is zero, so their rows and
/// columns of the inverse are zero, and the rest is the inverse without them.
pub(crate) fn infinite_diagonal<T: Scalar>(
    op: &dyn Op<T>,
    cx: &Context<T>,
    n: usize,
    a: &mut [T],
    b: &[T],
    x: &mut [T],
) -> Result<Option<Status>, Error> {
    if (0..n * n).any(|at| at / n != at % n && !Scalar::is_finite(a[at])) {
        return Ok(None);
    }
    let infinite = listed((0..n).map(|i| !Scalar::is_finite(a[i * (n + 1)])))?;
    let infinite = || (0..n).filter(|&i| infinite[i]);
    for i in infinite() {
        for j in 0..n {
            a[i * n + j] = T::default();
            a[j * n + i] = T::default();
        }
        a[i * (n + 1)] = T::from_re(T::Real::ONE);
    }
    let status = op.verdict(cx, n, a, b)?;
    if status.is_ok() {
        super::settle::forced(op, cx, n, a, b, x)?;
        for i in infinite() {
            x[i * (n + 1)] = T::default();
        }
    }
    Ok(Some(status))
}
