//! Jobs by singular values on the cores: `pinv` and `rcond`, a matrix at a time.

use super::run::{Job, Statuses, over};
use crate::alg::svd::{Cut, singular_values};
use crate::alg::{Context, Shared};
use crate::device::cpu::arena;
use crate::device::cpu::executor::pause;
use crate::device::cpu::pool;
use crate::device::stream;
use crate::error::{Error, filled};
use crate::op::{self, Kind, exponent, rcond};
use crate::options::{Assume, Norm, Options, PinvOptions};
use crate::plan::{Plan, Problem, is_wide};
use crate::stack::{Stack, StackMut};
use crate::status::{Code, Status, Summary};
use ainv_kernels::places::{Frame, Places};
use ainv_kernels::scalar::{RealScalar, Scalar};

fn dense(rows: usize, cols: usize) -> Frame {
    Frame { rows, cols, rs: cols as isize, cs: 1 }
}

pub(crate) fn plan<T: Scalar>(
    operation: &'static str,
    a: &Stack<T>,
    options: &Options,
) -> Result<Plan, Error> {
    let wide = is_wide::<T>(options);
    let problem = Problem {
        operation,
        kind: None,
        count: a.len(),
        rows: a.rows(),
        cols: a.cols(),
        rhs: 0,
        staged: wide,
        wide,
    };
    Plan::new::<T>(&problem, pool::num_threads(), T::kernels()?.isa)
}

/// Pseudo-inverses of a stack; the shapes and the tolerances are checked.
pub(crate) fn pinv<T: Scalar>(
    a: Stack<T>,
    x: StackMut<T>,
    cut: &PinvOptions,
    status: &mut [Status],
    options: &Options,
) -> Result<Summary, Error> {
    stream::begin(options)?;
    let plan = plan("pinv", &a, options)?;
    let statuses = Statuses::new(status);
    let (m, n) = (a.rows(), a.cols());
    over(a.len(), &plan, options.cancel.as_ref(), &|range, threads| {
        let mut summary = Summary::default();
        for i in range {
            pause(options.cancel.as_ref())?;
            let cut = cut_of::<T>(cut, i, m.max(n));
            // SAFETY: matrix i of checked views, no other task's; dense copies of its size.
            let status = unsafe {
                if is_wide::<T>(options) {
                    arena::with(2 * m * n, |w: *mut T::Wide| {
                        let y = w.wrapping_add(m * n);
                        let whole = Assume::General;
                        op::staging::expand(
                            Places::one(a.matrix(i)),
                            a.frame(),
                            whole,
                            T::widen,
                            w,
                        );
                        let s = one(threads, options, w, dense(m, n), cut, y, dense(n, m))?;
                        op::staging::collect(
                            y.cast_const(),
                            Places::one(x.matrix(i)),
                            x.frame(),
                            T::narrow,
                        );
                        Ok(s)
                    })?
                } else {
                    one(threads, options, a.matrix(i), a.frame(), cut, x.matrix(i), x.frame())?
                }
            };
            statuses.set(i, status);
            summary.record(i, status);
        }
        Ok(summary)
    })
    .inspect_err(|_| statuses.undone())
}

/// One matrix: a cut-off and whether it is Hermitian.
unsafe fn one<T: Scalar>(
    threads: usize,
    options: &Options,
    a: *const T,
    from: Frame,
    (cut, hermitian): (Cut, bool),
    x: *mut T,
    to: Frame,
) -> Result<Status, Error> {
    let cx = Context::new(T::kernels()?, threads, options.cancel.as_ref());
    // SAFETY: the caller's.
    unsafe { op::pinv::pinv(&cx, a, from, hermitian, cut, x, to) }
}

/// The cut-off of matrix `i`, in the epsilon of the matrix's own scalar.
fn cut_of<T: Scalar>(p: &PinvOptions, i: usize, largest: usize) -> (Cut, bool) {
    let absolute = p.atol.map_or(0.0, |t| t.of(i));
    let relative = match p.rtol {
        Some(t) => t.of(i),
        None if absolute > 0.0 => 0.0,
        None => largest as f64 * T::Real::EPSILON.to_f64(),
    };
    (Cut { relative, absolute }, p.hermitian)
}

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
    let kind = if norm == Norm::Two { None } else { Some(Kind::Inv { auto: true }) };
    let problem = Problem {
        operation: "rcond",
        kind,
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
