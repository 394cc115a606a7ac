//! The inverse of a diagonal, and the solve with it; nothing off the diagonal is read.

use super::{Op, Outcome, Scaling};
use crate::alg::Context;
use crate::error::{Error, filled};
use crate::status::{Code, Status};
use ainv_kernels::Kernels;
use ainv_kernels::lanes::{Group, Suspects};
use ainv_kernels::scalar::{RealScalar, Scalar};

/// `assume="diagonal"`: entry by entry, exact to one rounding, at any scale.
pub(crate) struct Diagonal;

impl<T: Scalar> Op<T> for Diagonal {
    fn largest_in_lanes(&self) -> usize {
        0
    }

    unsafe fn lanes(&self, _: &Kernels<T>, g: &Group<T>) -> Suspects {
        Suspects::all(g.src.len())
    }

    unsafe fn blocked(&self, _: &Context<T>, g: &Group<T>) -> Result<Outcome, Error> {
        let n = g.n;
        // SAFETY: the caller's matrices.
        let entry = |i: usize| unsafe { g.src.get(0).offset(g.from.at(i, i)).read() };
        if (0..n).any(|i| entry(i).is_nan() || entry(i) == T::default()) && !g.force {
            return Ok(Outcome::Suspect);
        }
        let put = |i: usize, j: usize, x: T| {
            // SAFETY: the caller's result.
            unsafe { g.dst.get(0).offset(g.to.at(i, j)).write(x) }
        };
        for i in 0..n {
            // Row i is read before it is written, so that the result may be the input.
            let r = recip(entry(i));
            for j in 0..g.to.cols {
                if g.rhs.is_empty() {
                    put(i, j, if i == j { r } else { T::default() });
                } else {
                    // SAFETY: the caller's right-hand sides.
                    let b = unsafe { g.rhs.get(0).offset(g.rhs_from.at(i, j)).read() };
                    put(i, j, quotient(b, entry(i)));
                }
            }
        }
        Ok(Outcome::Done)
    }

    fn reads(&self, i: usize, j: usize) -> bool {
        i == j
    }

    fn infinite(
        &self,
        cx: &Context<T>,
        n: usize,
        a: &mut [T],
        b: &[T],
        x: &mut [T],
    ) -> Result<Option<Status>, Error> {
        let status = self.verdict(cx, n, a, b)?;
        if status.is_ok() {
            super::settle::forced(self, cx, n, a, b, x)?;
        }
        Ok(Some(status))
    }

    fn scaling(&self, n: usize, _: &[T], b: &[T]) -> Result<Scaling, Error> {
        Ok(Scaling {
            rows: filled(0, n)?,
            cols: filled(0, n)?,
            out_rows: filled(0, n)?,
            out_cols: filled(0, n.max(b.len() / n))?,
        })
    }

    fn verdict(&self, _: &Context<T>, n: usize, a: &[T], _: &[T]) -> Result<Status, Error> {
        let zero = (0..n).find(|i| a[i * n + i] == T::default());
        Ok(zero.map_or(Status::OK, |i| Status::singular(i + 1)))
    }
}

/// The dense inverse of a diagonal; singular at the first zero.
pub(crate) fn invert<T: Scalar>(n: usize, entry: impl Fn(usize) -> T, x: &mut [T]) -> Status {
    x.fill(T::default());
    for i in 0..n {
        if entry(i) == T::default() {
            return Status { code: Code::Singular, at: i as u32 + 1 };
        }
        x[i * n + i] = recip(entry(i));
    }
    Status::OK
}

/// 1 / z: zero for an infinite z, and never by the square of the modulus.
pub(crate) fn recip<T: Scalar>(z: T) -> T {
    quotient(T::from_re(T::Real::ONE), z)
}

/// b / z. A complex z is brought near one by a power of two first.
fn quotient<T: Scalar>(b: T, z: T) -> T {
    if !T::COMPLEX {
        return b / z;
    }
    if !z.is_nan() && !Scalar::is_finite(z) && Scalar::is_finite(b) {
        return T::default();
    }
    let Some(e) = super::settle::exponent(z) else { return b / z };
    let f = super::settle::exponent(b).unwrap_or(0);
    let (z, b) = (Scalar::ldexp(z, -e), Scalar::ldexp(b, -f));
    let modulus = z.re().fma(z.re(), z.im() * z.im());
    let product = b * Scalar::conj(z);
    Scalar::ldexp(product.map(|x| x / modulus), f - e)
}
