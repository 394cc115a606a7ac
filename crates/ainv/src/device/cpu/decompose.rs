//! Jobs by singular values on the cores: `pinv`, a matrix at a time.

use super::run::{Statuses, over};
use crate::alg::Context;
use crate::alg::svd::Cut;
use crate::device::cpu::arena;
use crate::device::cpu::executor::pause;
use crate::device::cpu::pool;
use crate::device::stream;
use crate::error::Error;
use crate::op;
use crate::options::{Assume, Options, PinvOptions};
use crate::plan::{Plan, Problem, is_wide};
use crate::stack::{Stack, StackMut};
use crate::status::{Status, Summary};
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
