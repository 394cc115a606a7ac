//! Condition numbers of stacks on the cores: `rcond`, and what [`IllConditioned`] asks of the others.
//!
//! [`IllConditioned`]: crate::IllConditioned

use super::run::{Operands, over};
use crate::alg::condition::{Asked, Size};
use crate::alg::svd::singular_values;
use crate::alg::{Context, Shared};
use crate::device::cpu::arena;
use crate::device::cpu::executor::pause;
use crate::device::cpu::pool;
use crate::device::job::Job;
use crate::device::stream;
use crate::error::{Error, filled, listed};
use crate::op::norms::{self, Entries};
use crate::op::rcond::{self, EXACT_UP_TO};
use crate::op::{self, Kind, exponent};
use crate::options::{Assume, Norm, Options};
use crate::plan::{Plan, Problem, Work, is_wide};
use crate::stack::{Stack, StackMut};
use crate::status::{Code, Status, Summary};
use ainv_kernels::places::{Frame, Places};
use ainv_kernels::scalar::{RealScalar, Scalar};
use std::ops::Range;

/// Reciprocal condition numbers of a stack, one in each place of `out`.
pub(crate) fn rcond<T: Scalar>(
    a: Stack<T>,
    norm: Norm,
    out: &mut [T::Real],
    options: &Options,
) -> Result<(), Error> {
    let _mode = stream::begin(options, "rcond")?;
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
        chunk(&a, range, norm, threads, options, &mut put)?;
        Ok(Summary::default())
    })
    .map(drop)
}

/// Those of a chunk.
fn chunk<T: Scalar>(
    a: &Stack<T>,
    range: Range<usize>,
    norm: Norm,
    threads: usize,
    options: &Options,
    put: &mut dyn FnMut(usize, f64),
) -> Result<(), Error> {
    match (norm == Norm::Two || a.rows() <= EXACT_UP_TO, is_wide::<T>(options)) {
        (true, false) => exact(a, range, norm, threads, options, |x: T| x, put),
        (true, true) => exact(a, range, norm, threads, options, T::widen, put),
        (false, wide) => {
            for (i, k) in range.enumerate() {
                pause(options.cancel.as_ref())?;
                let (a, from) = (a.matrix(k), a.frame());
                // SAFETY: a matrix of a checked view.
                put(i, unsafe { estimated(wide, (a, from), norm, threads, options)? });
            }
            Ok(())
        }
    }
}

/// One matrix by the estimate, in double if `wide`.
unsafe fn estimated<T: Scalar>(
    wide: bool,
    (a, from): (*const T, Frame),
    norm: Norm,
    threads: usize,
    options: &Options,
) -> Result<f64, Error> {
    let cancel = options.cancel.as_ref();
    let n = from.rows;
    if !wide {
        let cx = Context::new(T::kernels()?, threads, cancel);
        // SAFETY: the caller's.
        return unsafe { rcond::estimated(&cx, a, from, options.assume, norm) };
    }
    let cx = Context::new(T::Wide::kernels()?, threads, cancel);
    arena::with(n * n, |w: *mut T::Wide| {
        let dense = Frame::by_rows(n, n);
        // SAFETY: the caller's matrix, and a dense copy of it.
        unsafe {
            op::staging::expand(&cx, Places::one(a), from, Assume::General, T::widen, w)?;
            rcond::estimated(&cx, w.cast_const(), dense, options.assume, norm)
        }
    })
}

/// Those of a chunk of any orders for the 2-norm, of small orders for the others.
fn exact<T: Scalar, W: Scalar>(
    a: &Stack<T>,
    range: Range<usize>,
    norm: Norm,
    threads: usize,
    options: &Options,
    convert: impl Fn(T) -> W + Sync,
    put: &mut dyn FnMut(usize, f64),
) -> Result<(), Error> {
    let (n, count) = (a.rows(), range.len());
    arena::with(count * n * n, |w: *mut W| {
        let mut list = vec![];
        let places = a.places(range.start, count, &mut list)?;
        let cx = Context::new(W::kernels()?, threads, options.cancel.as_ref());
        // SAFETY: the view's pointers; the block holds this many dense matrices.
        unsafe { op::staging::expand(&cx, places, a.frame(), options.assume, convert, w)? };
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
        let norms = listed((0..count).map(|i| rcond::norm(n, entries(i), norm)))?;
        let mut status = filled(Status::OK, count)?;
        let (shape, strides) = ([count, n, n], [(n * n) as isize, n as isize, 1]);
        // SAFETY: the dense matrices, inverted in place.
        let x = unsafe { StackMut::from_raw_parts(w, &shape, &strides)? };
        let options = Options {
            cancel: options.cancel.clone(),
            stream: options.stream,
            ..Options::default()
        };
        let job = Job {
            operation: "rcond",
            kind: Kind::Inv { auto: true },
            a: &x.aliased(),
            b: None,
            x: &x,
            expand: None,
            status: &mut status,
            options: &options,
        };
        job.run_here(threads)?;
        for i in 0..count {
            let value = match status[i].code {
                Code::Ok => 1.0 / norms[i] / rcond::norm(n, entries(i), norm),
                Code::Singular => 0.0,
                _ => f64::NAN,
            };
            put(i, value);
        }
        Ok(())
    })
}

/// Looks for the ill-conditioned among the matrices of a job.
pub(super) struct Watch<'a, T: Scalar> {
    job: &'a Operands<'a, T>,
    how: How,
    limit: f64,
}

/// Where the condition comes from.
#[derive(Clone, Copy)]
enum How {
    /// The norms of the matrix and of its inverse: of these parts, and in axes that are turned back where
    /// the views are reversed.
    Norms { a: Entries, x: Entries, turned: bool, reversed: bool },
    /// The matrix alone, before it is done.
    Matrix { diagonal: bool },
}

impl<'a, T: Scalar> Watch<'a, T> {
    /// `None` if nobody asks.
    #[inline]
    pub(super) fn of(job: &'a Operands<'a, T>) -> Option<Self> {
        Self::new(job, job.limit?)
    }

    #[cold]
    fn new(job: &'a Operands<'a, T>, limit: f64) -> Option<Self> {
        let norms = |a: Entries, x: Entries| How::Norms { a, x, turned: false, reversed: false };
        let how = match job.kind {
            Kind::Inv { .. } => norms(Entries::All, Entries::All),
            Kind::PosdefInv => norms(Entries::Mirrored { lower: true }, Entries::All),
            Kind::CholeskyInv => norms(Entries::Factor, Entries::All),
            Kind::Diagonal if job.b.is_none() => norms(Entries::Diagonal, Entries::Diagonal),
            Kind::TriInv { unit, reversed } => {
                // The views are transposed, an upper triangle's reversed besides.
                let of = |unit: bool| Entries::Triangle { lower: !reversed, unit };
                How::Norms { a: of(unit), x: of(false), turned: true, reversed }
            }
            Kind::Diagonal => How::Matrix { diagonal: true },
            Kind::Solve | Kind::PosdefSolve => How::Matrix { diagonal: false },
            Kind::Cholesky => return None,
        };
        Some(Watch { job, how, limit })
    }

    /// For a blocked route, which finds the condition itself but of suspects.
    pub(super) fn asks(&self) -> Option<Asked> {
        let blocked = self.job.a.rows() > EXACT_UP_TO && self.job.kind != Kind::Diagonal;
        blocked.then(|| Asked::new(self.limit))
    }

    /// Where a matrix begins and how it lies in the caller's own axes.
    fn seen(p: *const T, frame: Frame, turned: bool, reversed: bool) -> (*const T, Frame) {
        let (p, frame) = match reversed {
            true => {
                let last = frame.at(frame.rows - 1, frame.cols - 1);
                let frame = Frame { rs: -frame.rs, cs: -frame.cs, ..frame };
                (p.wrapping_offset(last), frame)
            }
            false => (p, frame),
        };
        (p, if turned { frame.transposed() } else { frame })
    }

    /// What has to be known of some matrices before they are done: norms, or reciprocal condition numbers.
    pub(super) fn before(&self, cx: &Context<T>, range: Range<usize>) -> Result<Vec<Size>, Error> {
        let Operands { a, options, .. } = self.job;
        let mut found = Vec::with_capacity(range.len());
        match self.how {
            How::Matrix { diagonal: true } => {
                for k in range {
                    let (p, from) = (a.matrix(k), a.frame());
                    // SAFETY: a diagonal entry of a checked view.
                    let entry = |i: usize| unsafe { p.offset(from.at(i, i)).read() };
                    found.push(Size::of(rcond::of_diagonal(from.rows, entry)));
                }
            }
            How::Matrix { diagonal: false } => {
                chunk(a, range, Norm::One, cx.threads, options, &mut |_, rcond| {
                    found.push(Size::of(rcond));
                })?;
            }
            How::Norms { a: part, turned, reversed, .. } => {
                // What is overwritten has to be known exactly.
                let exactly = T::COMPLEX && self.job.is_in_place();
                for k in range {
                    let (p, from) = Self::seen(a.matrix(k), a.frame(), turned, reversed);
                    // SAFETY: a matrix of a checked view.
                    found.push(unsafe {
                        match exactly {
                            true => norms::exact(cx, p, from, part)?,
                            false => norms::bound(cx, p, from, part)?,
                        }
                    });
                }
            }
        }
        Ok(found)
    }

    /// The reciprocal condition number of matrix `k`, which has a result, if it is under the limit. `known`
    /// is what was known before.
    pub(super) fn after(
        &self,
        cx: &Context<T>,
        k: usize,
        known: Size,
    ) -> Result<Option<f64>, Error> {
        let Operands { a, x, .. } = self.job;
        let found = match self.how {
            How::Matrix { .. } => known.value,
            How::Norms { a: of_a, x: of_x, turned, reversed } => {
                let of = |p: *const T, frame: Frame| Self::seen(p, frame, turned, reversed);
                let (a, from) = of(a.matrix(k), a.frame());
                let (x, to) = of(x.matrix(k).cast_const(), x.frame());
                // SAFETY: matrices of checked views; an input that was overwritten is not looked at.
                unsafe {
                    if Size::reciprocal(known, norms::bound(cx, x, to, of_x)?) >= self.limit {
                        return Ok(None);
                    }
                    let norm = match self.job.is_in_place() {
                        true => known,
                        false => norms::exact(cx, a, from, of_a)?,
                    };
                    Size::reciprocal(norm, norms::exact(cx, x, to, of_x)?)
                }
            }
        };
        Ok(Some(found).filter(|rcond| rcond < &self.limit))
    }
}
