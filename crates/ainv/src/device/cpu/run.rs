//! A job on the cores: the stack is cut into chunks, and the threads share what is left of it, or each
//! large matrix.

use super::condition::Watch;
use crate::alg::Context;
use crate::alg::condition::Asked;
use crate::device::cpu::arena;
use crate::device::cpu::executor::pause;
use crate::device::cpu::mode::Mode;
use crate::device::cpu::pool;
use crate::device::job::{Job, Statuses};
use crate::device::stream;
use crate::error::{Error, filled};
use crate::op::pinv::{Asked as PinvAsked, Matrix};
use crate::op::{self, Kind, Op};
use crate::options::{Assume, IllConditioned, OnSingular, Options};
use crate::plan::{Plan, Problem, Work, is_wide};
use crate::stack::{Stack, StackMut};
use crate::status::{Code, Status, Summary};
use ainv_kernels::bounds::Cut;
use ainv_kernels::lanes::{Group, Suspects, unrolled};
use ainv_kernels::places::{Frame, Places};
use ainv_kernels::scalar::{RealScalar, Scalar};
use ainv_streams::Cancel;
use rayon::prelude::*;
use std::ops::Range;

/// One matrix up to this order is done before a plan is made.
const UNPLANNED: usize = 16;
/// Bytes of a stack that may lie in the caches near a core.
const NEAR: usize = 1 << 20;

impl<T: Scalar> Job<'_, T> {
    fn staged(&self) -> bool {
        self.expand.is_some() || is_wide::<T>(self.options)
    }

    pub(crate) fn plan(&self) -> Result<Plan, Error> {
        let problem = Problem {
            operation: self.operation,
            work: Work::Square(self.kind),
            count: self.a.len(),
            rows: self.a.rows(),
            cols: self.a.cols(),
            rhs: self.b.map_or(0, |b| b.cols()),
            staged: self.staged(),
            wide: is_wide::<T>(self.options),
        };
        let kernels = T::kernels()?;
        Plan::new::<T>(&problem, pool::num_threads(), kernels.isa)
    }

    /// Runs a job that is part of another's task: on this thread, or with the threads that share
    /// the matrix.
    pub(crate) fn run_here(self, threads: usize) -> Result<Summary, Error> {
        let status = Statuses::new(self.status);
        let count = self.a.len();
        let epsilon = T::Real::EPSILON.to_f64();
        let Job { kind, a, b, x, options, .. } = self;
        let job = Operands { kind, a, b, x, options, epsilon, limit: None, stream: false };
        job.chunk(0..count, threads, status).inspect_err(|_| status.undone())
    }

    /// Inverts one matrix of a very small order with nothing around the kernel; whether it is done.
    fn run_alone(&mut self) -> Result<bool, Error> {
        let n = self.a.rows();
        if !matches!(self.kind, Kind::Inv { .. }) || !unrolled::ALONE.contains(&n) {
            return Ok(false);
        }
        let group = Group {
            n,
            src: Places::one(self.a.matrix(0)),
            from: self.a.frame(),
            rhs: Places::none(),
            rhs_from: self.a.frame(),
            dst: Places::one(self.x.matrix(0)),
            to: self.x.frame(),
            scratch: std::ptr::null_mut(),
            force: false,
            far: false,
            stream: false,
        };
        // SAFETY: matrices of checked views; the kernel needs no scratch.
        let suspects = unsafe { (T::kernels()?.inv_alone)(&group) };
        if suspects.is_empty() {
            self.status.fill(Status::OK);
        }
        Ok(suspects.is_empty())
    }

    /// Runs it on the cores.
    pub(crate) fn run_on_cpu(mut self) -> Result<Summary, Error> {
        let _mode = stream::begin(self.options, self.operation)?;
        let (count, n) = (self.a.len(), self.a.rows());
        let limit = self.limit();
        let unplanned = limit.is_none() && !self.staged() && self.x.cols() > 0;
        if unplanned && count == 1 && (1..=UNPLANNED).contains(&n) {
            return if self.run_alone()? { Ok(Summary::default()) } else { self.run_here(1) };
        }
        let plan = self.plan()?;
        if self.x.rows() == 0 || self.x.cols() == 0 {
            self.status.fill(Status::OK);
            return Ok(Summary::default());
        }
        let (staged, wide) = (self.staged(), is_wide::<T>(self.options));
        let status = Statuses::new(self.status);
        let job = Operands {
            a: self.a,
            b: self.b,
            x: self.x,
            kind: self.kind,
            options: self.options,
            epsilon: T::Real::EPSILON.to_f64(),
            limit,
            // In place every line that is written has just been read.
            stream: plan.stream && self.a.matrix(0) != self.x.matrix(0).cast_const(),
        };
        let done = |range: Range<usize>, threads: usize| -> Result<Summary, Error> {
            match (staged, wide) {
                (false, _) => job.chunk(range, threads, status),
                (true, false) => job.stage(self.expand, range, threads, status, |x: T| x, |x: T| x),
                (true, true) => job.stage(self.expand, range, threads, status, T::widen, T::narrow),
            }
        };
        over(self.a.len(), &plan, self.options.cancel.as_ref(), &done)
            .inspect_err(|_| status.undone())
    }

    /// Reciprocal condition numbers under it are reported, if anybody asks.
    pub(crate) fn limit(&self) -> Option<f64> {
        match self.options.ill_conditioned {
            IllConditioned::Ignore => None,
            IllConditioned::Warn(limit) | IllConditioned::Raise(limit) => {
                let unit = T::Real::EPSILON.to_f64() / 2.0;
                Some(limit.unwrap_or(self.a.rows() as f64 * unit))
            }
        }
    }
}

/// Runs `chunk` over the stack as the plan says.
pub(crate) fn over(
    count: usize,
    plan: &Plan,
    cancel: Option<&Cancel>,
    chunk: &(impl Fn(Range<usize>, usize) -> Result<Summary, Error> + Sync),
) -> Result<Summary, Error> {
    let size = plan.chunk;
    let checked = |r: Range<usize>, threads: usize| {
        pause(cancel)?;
        chunk(r, threads)
    };
    let merge = |mut a: Summary, b: Summary| {
        a.merge(b);
        a
    };
    let apart = count - plan.together;
    let chunks = apart.div_ceil(size);
    let range = |c: usize| c * size..apart.min((c + 1) * size);
    if plan.threads == 1 {
        return (0..chunks)
            .try_fold(Summary::default(), |s, c| Ok(merge(s, checked(range(c), 1)?)));
    }
    pool::install(|| {
        let first = (0..chunks)
            .into_par_iter()
            .with_max_len(1)
            .map(|c| {
                let _mode = Mode::standard();
                checked(range(c), 1)
            })
            .try_reduce(Summary::default, |a, b| Ok(merge(a, b)))?;
        // While this thread waited, it may have run a stranger's job.
        let _mode = Mode::standard();
        (apart..count).try_fold(first, |s, i| Ok(merge(s, checked(i..i + 1, plan.threads)?)))
    })
}

/// The operands of a job, without what differs between a chunk and its staged copy.
pub(super) struct Operands<'a, T> {
    pub kind: Kind,
    pub a: &'a Stack<'a, T>,
    pub b: Option<&'a Stack<'a, T>>,
    pub x: &'a StackMut<'a, T>,
    pub options: &'a Options,
    /// Of the caller's scalar, which the staged copy may be wider than.
    epsilon: f64,
    /// Reciprocal condition numbers under it are reported.
    pub limit: Option<f64>,
    /// Whether results go past the caches.
    stream: bool,
}

impl<T: Scalar> Operands<'_, T> {
    pub(super) fn is_in_place(&self) -> bool {
        self.a.matrix(0) == self.x.matrix(0).cast_const()
    }

    fn chunk(
        &self,
        range: Range<usize>,
        threads: usize,
        status: Statuses,
    ) -> Result<Summary, Error> {
        let (op, n) = (op::of::<T>(self.kind), self.a.rows());
        let watch = Watch::of(self);
        let asked = watch.as_ref().and_then(Watch::asks);
        let mut cx = Context::new(T::kernels()?, threads, self.options.cancel.as_ref());
        cx.asked = asked.as_ref();
        if n > op::SCRATCH_IN_PLACE && self.is_in_place() {
            cx = cx.frugal(n);
        }
        cx.keep_input = self.options.on_singular == OnSingular::Pinv;
        let k = self.b.map_or(0, |b| b.cols());
        let mut summary = Summary::default();
        let mut ill = vec![];
        // Those of the group at hand that have no result.
        let mut failed = 0u64;
        let far = self.a.len().saturating_mul(n * n * size_of::<T>()) > NEAR;
        arena::with(op::scratch(op, n, k), |scratch: *mut T::Real| {
            let step = op::group(op, n, k, self.a.len());
            let (mut src, mut rhs, mut dst) = (vec![], vec![], vec![]);
            for first in range.clone().step_by(step) {
                pause(cx.cancel)?;
                let count = step.min(range.end - first);
                let group = Group {
                    n,
                    src: self.a.places(first, count, &mut src)?,
                    from: self.a.frame(),
                    rhs: match &self.b {
                        Some(b) => b.places(first, count, &mut rhs)?,
                        None => Places::none(),
                    },
                    rhs_from: self.b.map_or(self.a.frame(), |b| b.frame()),
                    dst: self.x.places(first, count, &mut dst)?,
                    to: self.x.frame(),
                    scratch,
                    force: false,
                    far,
                    stream: self.stream,
                };
                let mut note = |i: usize, s: Status| {
                    failed |= u64::from(!s.is_ok()) << i;
                    status.set(first + i, s);
                    if s.code != Code::NonFinite {
                        summary.record(first + i, s);
                    }
                };
                let before = || match &watch {
                    Some(watch) => watch.before(&cx, first..first + count),
                    None => Ok(vec![]),
                };
                let mut known = if asked.is_none() { before()? } else { vec![] };
                // SAFETY: the pointers are those of checked views of these frames, the scratch was
                // asked for with this order and these right-hand sides.
                unsafe {
                    match op::run(op, &cx, &group)? {
                        Ok(suspects) if suspects.is_empty() => {
                            let rcond = asked.as_ref().and_then(Asked::answered);
                            ill.extend(rcond.map(|rcond| (first, rcond)));
                        }
                        Ok(suspects) => {
                            // A suspect is done scaled, which may change its condition.
                            if asked.is_some() {
                                known = before()?;
                            }
                            self.settle(op, &cx, &group, suspects, &mut note)?;
                        }
                        Err(status) => {
                            self.x.fill(first, T::nan());
                            note(0, status);
                        }
                    }
                }
                if let Some(watch) = &watch {
                    let good = |i: &usize| failed >> i & 1 == 0;
                    for i in (0..known.len()).filter(good) {
                        let rcond = watch.after(&cx, first + i, known[i])?;
                        ill.extend(rcond.map(|rcond| (first + i, rcond)));
                    }
                }
                failed = 0;
            }
            Ok(())
        })?;
        for (index, rcond) in ill {
            status.set(index, Status::ILL_CONDITIONED);
            summary.record_ill(index, rcond);
        }
        Ok(summary)
    }

    /// Decides the suspects of a group, run by run of matrices that were not stored.
    ///
    /// # Safety
    /// As [`Op`].
    unsafe fn settle(
        &self,
        op: &dyn Op<T>,
        cx: &Context<T>,
        g: &Group<T>,
        suspects: Suspects,
        mut note: impl FnMut(usize, Status),
    ) -> Result<(), Error> {
        let (rows, cols) = (g.to.rows, g.to.cols);
        let size = rows * cols;
        let mut last = 0;
        while last < g.src.len() && suspects.unstored >> last != 0 {
            let first = last + (suspects.unstored >> last).trailing_zeros() as usize;
            last = first + (suspects.unstored >> first).trailing_ones() as usize;
            let bad: Vec<usize> = (first..last).filter(|i| suspects.bad >> i & 1 == 1).collect();
            arena::with(bad.len() * size, |dense: *mut T| {
                // The input is read before any of this run is stored: it may be the output.
                for (k, &i) in bad.iter().enumerate() {
                    // SAFETY: the arena's block, filled by `settle`; one matrix of the group.
                    unsafe {
                        let p = dense.add(k * size);
                        for at in 0..size {
                            p.add(at).write(T::default());
                        }
                        let x = std::slice::from_raw_parts_mut(p, size);
                        let one = g.part(i, 1);
                        let status = op::settle(op, cx, &one, x)?;
                        if self.options.on_singular == OnSingular::Pinv
                            && matches!(status.code, Code::Singular | Code::NotPositiveDefinite)
                        {
                            self.pseudo(cx, &one, x)?;
                        }
                        note(i, status);
                    }
                }
                if bad.len() < last - first {
                    let forced = Group { force: true, ..g.part(first, last - first) };
                    // SAFETY: the run as it was, now stored whole.
                    unsafe { op.lanes(cx.kernels, &forced) };
                }
                for (k, &i) in bad.iter().enumerate() {
                    for r in 0..rows {
                        for c in 0..cols {
                            // SAFETY: entries of the dense result and of the destination.
                            unsafe {
                                let x = dense.add(k * size + r * cols + c).read();
                                g.dst.get(i).offset(g.to.at(r, c)).write(x);
                            }
                        }
                    }
                }
                Ok(())
            })?;
        }
        Ok(())
    }

    /// The pseudo-inverse of a matrix that has no inverse, dense in `x`.
    ///
    /// # Safety
    /// As [`Op`].
    unsafe fn pseudo(&self, cx: &Context<T>, g: &Group<T>, x: &mut [T]) -> Result<(), Error> {
        let n = g.n;
        let op = op::of::<T>(self.kind);
        let hermitian = self.kind == Kind::PosdefInv;
        debug_assert_eq!(x.len(), n * n);
        let mut a = filled(T::default(), n * n)?;
        for i in 0..n {
            for j in 0..n {
                if op.reads(i, j) {
                    // SAFETY: an entry of the caller's matrix.
                    a[i * n + j] = unsafe { g.src.get(0).offset(g.from.at(i, j)).read() };
                }
            }
        }
        let dense = Frame::by_rows(n, n);
        let cut = Cut { relative: n as f64 * self.epsilon, absolute: 0.0 };
        let asked = PinvAsked { cut, hermitian, unit: self.epsilon / 2.0 };
        let matrix = Matrix { a: a.as_ptr(), from: dense, x: x.as_mut_ptr(), to: dense };
        // SAFETY: dense matrices of these sizes.
        unsafe { op::pinv::pinv(cx, &matrix, &asked).map(drop) }
    }

    /// Runs a chunk on dense copies of its matrices.
    fn stage<W: Scalar>(
        &self,
        expand: Option<Assume>,
        range: Range<usize>,
        threads: usize,
        status: Statuses,
        to: impl Fn(T) -> W + Sync,
        from: impl Fn(W) -> T + Sync,
    ) -> Result<Summary, Error> {
        let (n, count) = (self.a.rows(), range.len());
        let k = self.b.map_or(0, |b| b.cols());
        let (matrices, rhs) = (count * n * n, count * n * k);
        let ld = op::staging::leading_dimension::<W>(self.x.cols());
        let result = count * self.x.rows() * ld;
        let assume = expand.unwrap_or(Assume::General);
        let cx = Context::new(W::kernels()?, threads, self.options.cancel.as_ref());
        // Apart, so that the arena may keep one of them.
        let run = |x: *mut W, a: *mut W| {
            let b = a.wrapping_add(matrices);
            let (mut src, mut dst) = (vec![], vec![]);
            let places = self.a.places(range.start, count, &mut src)?;
            // SAFETY: the views' pointers; the blocks hold this many dense matrices.
            unsafe {
                op::staging::expand(&cx, places, self.a.frame(), assume, &to, a)?;
                if matches!(self.kind, Kind::Cholesky | Kind::PosdefInv | Kind::PosdefSolve) {
                    op::staging::drop_rounding(a, count, n, n as f64 * self.epsilon);
                }
                if let Some(rhs) = &self.b {
                    let places = rhs.places(range.start, count, &mut src)?;
                    op::staging::expand(&cx, places, rhs.frame(), Assume::General, &to, b)?;
                }
                let rows = |m: usize, n: usize, ld: usize| {
                    ([count, m, n], [(m * ld) as isize, ld as isize, 1])
                };
                let (shape, strides) = rows(n, n, n);
                let a = Stack::from_raw_parts(a.cast_const(), &shape, &strides)?;
                let (shape, strides) = rows(n, k, k);
                let b = match &self.b {
                    Some(_) => Some(Stack::from_raw_parts(b.cast_const(), &shape, &strides)?),
                    None => None,
                };
                let (shape, strides) = rows(self.x.rows(), self.x.cols(), ld);
                let y = StackMut::from_raw_parts(x, &shape, &strides)?;
                let (kind, options, epsilon) = (self.kind, self.options, self.epsilon);
                let (b, limit) = (b.as_ref(), self.limit);
                let inner =
                    Operands { kind, a: &a, b, x: &y, options, epsilon, limit, stream: false };
                let mut summary = inner.chunk(0..count, threads, status.after(range.start))?;
                if let Some((index, _)) = &mut summary.first {
                    *index += range.start;
                }
                if let Some((index, _)) = &mut summary.first_ill_conditioned {
                    *index += range.start;
                }
                let places = self.x.places(range.start, count, &mut dst)?;
                op::staging::collect(&cx, x.cast_const(), ld, places, self.x.frame(), &from)?;
                Ok(summary)
            }
        };
        arena::with(result, |x: *mut W| arena::with(matrices + rhs, |a: *mut W| run(x, a)))
    }
}
