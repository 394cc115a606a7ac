//! `rcond` on the cores.

use super::run::{Job, over};
use crate::alg::Shared;
use crate::alg::svd::singular_values;
use crate::device::cpu::arena;
use crate::device::cpu::pool;
use crate::device::stream;
use crate::error::{Error, filled};
use crate::op::{self, Kind, exponent, rcond};
use crate::options::{Assume, Norm, Options};
use crate::plan::{Plan, Problem, Work, is_wide};
use crate::stack::{Stack, StackMut};
use crate::status::{Code, Status, Summary};
use ainv_kernels::scalar::{RealScalar, Scalar};

/// Reciprocal condition numbers of a stack, one in each place of `out`.
pub(crate) fn rcond<T: Scalar>(
    a: Stack<T>,
    norm: Norm,
    out: &mut [T::Real],
    options: &Options,
) -> Result<(), Error> {
    stream::begin(options)?;
    let n = a.rows();
    if n == 0 {
        // The empty matrix is its own inverse; there is nothing that could be lost.
        out.fill(T::Real::INFINITY);
        return Ok(());
    }
    let work = match norm {
        Norm::Two => Work::SingularValues,
        _ => Work::Square(Kind::Inv { auto: true }),
    };
    let problem = Problem {
        operation: "rcond",
        work,
        count: a.len(),
        rows: n,
        cols: n,
        rhs: 0,
        staged: true,
        wide: is_wide::<T>(options),
    };
    let plan = Plan::new::<T>(&problem, pool::num_threads(), T::kernels()?.isa)?;
    let out = Shared(out.as_mut_ptr());
    over(a.len(), &plan, options.cancel.as_ref(), &|range, threads| {
        let first = range.start;
        let mut put = |i: usize, value: f64| {
            // SAFETY: the caller's slice has a place for every matrix; this one is this task's.
            unsafe { out.get().add(first + i).write(T::Real::from_f64(value)) }
        };
        if is_wide::<T>(options) {
            chunk(&a, range.clone(), norm, threads, options, T::widen, &mut put)?;
        } else {
            chunk(&a, range.clone(), norm, threads, options, |x: T| x, &mut put)?;
        }
        Ok(Summary::default())
    })
    .map(drop)
}

fn chunk<T: Scalar, W: Scalar>(
    a: &Stack<T>,
    range: std::ops::Range<usize>,
    norm: Norm,
    threads: usize,
    options: &Options,
    convert: impl Fn(T) -> W,
    put: &mut dyn FnMut(usize, f64),
) -> Result<(), Error> {
    let (n, count) = (a.rows(), range.len());
    arena::with(count * n * n, |w: *mut W| {
        let mut list = vec![];
        let places = a.places(range.start, count, &mut list)?;
        // SAFETY: the view's pointers; the block holds this many dense matrices.
        unsafe { op::staging::expand(places, a.frame(), options.assume, convert, w) };
        let matrix = |i: usize| w.wrapping_add(i * n * n);
        // SAFETY: dense matrices, filled above.
        let entries = |i: usize| unsafe { std::slice::from_raw_parts(matrix(i), n * n) };
        // The condition does not know of scale: with the largest entry near one, neither the norms
        // nor the inverse leave the range where their product does not.
        for i in 0..count {
            // SAFETY: as above, and no one else's.
            let entries = unsafe { std::slice::from_raw_parts_mut(matrix(i), n * n) };
            if !entries.iter().all(|x| Scalar::is_finite(*x)) {
                entries.fill(W::nan());
            } else if let Some(e) = entries.iter().filter_map(|x| exponent(*x)).max() {
                entries.iter_mut().for_each(|x| *x = Scalar::ldexp(*x, -e));
            }
        }
        if norm == Norm::Two {
            for i in 0..count {
                if entries(i)[0].is_nan() {
                    put(i, f64::NAN);
                    continue;
                }
                // SAFETY: a dense matrix; its transpose has the same singular values.
                let values = unsafe { singular_values((n, n), matrix(i).cast_const())? };
                put(
                    i,
                    values.map_or(f64::NAN, |s| {
                        let (large, small) = (s[0].to_f64(), s[n - 1].to_f64());
                        if large == 0.0 { 0.0 } else { small / large }
                    }),
                );
            }
            return Ok(());
        }
        let norms: Vec<W::Real> = (0..count).map(|i| rcond::norm(n, entries(i), norm)).collect();
        let mut status = filled(Status::OK, count)?;
        let (shape, strides) = ([count, n, n], [(n * n) as isize, n as isize, 1]);
        // SAFETY: the dense matrices, inverted in place.
        let x = unsafe { StackMut::from_raw_parts(w, &shape, &strides)? };
        let inner = Options { assume: Assume::Auto, ..options.clone() };
        let job = Job {
            operation: "rcond",
            kind: Kind::Inv { auto: true },
            a: &x.aliased(),
            b: None,
            x: &x,
            expand: None,
            status: &mut status,
            options: &Options { precision: Default::default(), ..inner },
        };
        job.run_here(threads)?;
        for i in 0..count {
            let value = match status[i].code {
                Code::Ok => rcond::reciprocal(norms[i], rcond::norm(n, entries(i), norm)).to_f64(),
                Code::Singular => 0.0,
                _ => f64::NAN,
            };
            put(i, value);
        }
        Ok(())
    })
}
