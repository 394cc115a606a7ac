//! Pseudo-inverses on the cores: small ones in lanes, the others a matrix at a time.

use super::run::over;
use crate::alg::Context;
use crate::device::cpu::arena;
use crate::device::cpu::executor::pause;
use crate::device::cpu::pool;
use crate::device::job::Statuses;
use crate::device::stream;
use crate::error::Error;
use crate::op::pinv::{Asked, Matrix, Way, cut_of};
use crate::op::{self, staging};
use crate::options::{Assume, Options, PinvOptions};
use crate::plan::{Plan, Problem, Work, is_wide};
use crate::stack::{Stack, StackMut};
use crate::status::{Status, Summary};
use ainv_kernels::bounds::Cut;
use ainv_kernels::lanes::{GROUP, Group, PinvLanes, Suspects, pinv_scratch};
use ainv_kernels::places::{Frame, Places};
use ainv_kernels::scalar::{RealScalar, Scalar};
use std::ops::Range;

pub(crate) fn plan<T: Scalar>(a: &Stack<T>, options: &Options) -> Result<Plan, Error> {
    let wide = is_wide::<T>(options);
    let problem = Problem {
        operation: "pinv",
        work: Work::Pinv,
        count: a.len(),
        rows: a.rows(),
        cols: a.cols(),
        rhs: 0,
        staged: wide,
        wide,
    };
    Plan::new::<T>(&problem, pool::num_threads(), T::kernels()?.isa)
}

/// Pseudo-inverses of a stack; the shapes and the tolerances are checked. `ways` is told how each was
/// found.
pub(crate) fn pinv<T: Scalar>(
    a: Stack<T>,
    x: StackMut<T>,
    cut: &PinvOptions,
    status: &mut [Status],
    options: &Options,
    ways: &(dyn Fn(usize, Way) + Sync),
) -> Result<Summary, Error> {
    let _mode = stream::begin(options, "pinv")?;
    let plan = plan(&a, options)?;
    let statuses = Statuses::new(status);
    let largest = a.rows().max(a.cols());
    let asked = |i: usize| Asked {
        cut: cut_of::<T>(cut, i, largest),
        hermitian: cut.hermitian,
        unit: T::Real::EPSILON.to_f64() / 2.0,
    };
    let job = Job { asked: &asked, options };
    over(a.len(), &plan, options.cancel.as_ref(), &|range, threads| {
        let mut summary = Summary::default();
        let mut note = |i: usize, s: Status, way: Way| {
            ways(i, way);
            statuses.set(i, s);
            summary.record(i, s);
        };
        if is_wide::<T>(options) {
            job.staged(&a, &x, range, threads, &mut note)?;
        } else {
            job.chunk(&a, &x, range.start, range, threads, &mut note)?;
        }
        Ok(summary)
    })
    .inspect_err(|_| statuses.undone())
}

/// What is the same for all matrices of a call.
struct Job<'a> {
    /// What is asked of a matrix of the caller's stack.
    asked: &'a (dyn Fn(usize) -> Asked + Sync),
    options: &'a Options,
}

/// The ways of the kernels, in the order in which they are tried.
const IN_LANES: [Way; 3] = [Way::GramSchmidt, Way::Subspace, Way::Jacobi];

/// Told of each matrix of the caller's stack what became of it.
type Note<'a> = &'a mut dyn FnMut(usize, Status, Way);

impl Job<'_> {
    /// Some matrices, in double precision.
    fn staged<T: Scalar>(
        &self,
        a: &Stack<T>,
        x: &StackMut<T>,
        range: Range<usize>,
        threads: usize,
        note: Note,
    ) -> Result<(), Error> {
        let (m, n, count) = (a.rows(), a.cols(), range.len());
        arena::with(2 * count * m * n, |w: *mut T::Wide| {
            let y = w.wrapping_add(count * m * n);
            let (mut src, mut dst) = (vec![], vec![]);
            let (src, dst) =
                (a.places(range.start, count, &mut src)?, x.places(range.start, count, &mut dst)?);
            let cx = Context::new(T::Wide::kernels()?, threads, self.options.cancel.as_ref());
            // SAFETY: the views' pointers; the blocks hold this many dense matrices.
            unsafe {
                staging::expand(&cx, src, a.frame(), Assume::General, T::widen, w)?;
                let size = (m * n) as isize;
                let from = Stack::from_raw_parts(w, &[count, m, n], &[size, n as isize, 1])?;
                let to = StackMut::from_raw_parts(y, &[count, n, m], &[size, m as isize, 1])?;
                self.chunk(&from, &to, range.start, 0..count, threads, note)?;
                staging::collect(&cx, y.cast_const(), m, dst, x.frame(), T::narrow)?;
            }
            Ok(())
        })
    }

    /// Some matrices of stacks whose first one is the caller's number `first - range.start`.
    fn chunk<T: Scalar>(
        &self,
        a: &Stack<T>,
        x: &StackMut<T>,
        first: usize,
        range: Range<usize>,
        threads: usize,
        note: Note,
    ) -> Result<(), Error> {
        let cx = Context::new(T::kernels()?, threads, self.options.cancel.as_ref());
        let base = first - range.start;
        let (m, n) = (a.rows(), a.cols());
        if !op::pinv::in_lanes(m, n) {
            for i in range {
                pause(cx.cancel)?;
                // SAFETY: matrix i of checked views, no other task's.
                let (status, way) = unsafe { self.one(&cx, base + i, a, x, i)? };
                note(base + i, status, way);
            }
            return Ok(());
        }
        // A wide matrix's pseudo-inverse is the transpose of its transpose's.
        let turned = |f: Frame| if m < n { f.transposed() } else { f };
        arena::with(pinv_scratch(m.max(n), m.min(n)), |scratch: *mut T::Real| {
            let (mut src, mut dst) = (vec![], vec![]);
            for first in range.clone().step_by(GROUP) {
                pause(cx.cancel)?;
                let count = GROUP.min(range.end - first);
                let group = Group {
                    n: m.min(n),
                    src: a.places(first, count, &mut src)?,
                    from: turned(a.frame()),
                    rhs: Places::none(),
                    rhs_from: a.frame(),
                    dst: x.places(first, count, &mut dst)?,
                    to: turned(x.frame()),
                    scratch,
                    force: false,
                    far: false,
                    stream: false,
                };
                let mut cuts = [Cut { relative: 0.0, absolute: 0.0 }; GROUP];
                for (i, cut) in cuts.iter_mut().enumerate().take(count) {
                    *cut = (self.asked)(base + first + i).cut;
                }
                // SAFETY: the pointers are those of checked views of these frames, and the scratch
                // was asked for with this shape.
                let left = unsafe { self.group(&cx, &group, &cuts[..count]) };
                for i in 0..count {
                    let done = left.iter().position(|left| left >> i & 1 == 0);
                    let (status, way) = match done {
                        Some(kernel) => (Status::OK, IN_LANES[kernel]),
                        // SAFETY: a matrix of checked views, no other task's.
                        None => unsafe { self.one(&cx, base + first + i, a, x, first + i)? },
                    };
                    note(base + first + i, status, way);
                }
            }
            Ok(())
        })
    }

    /// A group in lanes: by Gram-Schmidt what is certified to be of full rank, by a subspace what is of
    /// a clear rank, by Jacobi rotations the rest. What each of the three has left over.
    ///
    /// # Safety
    /// The kernels'.
    unsafe fn group<T: Scalar>(&self, cx: &Context<T>, g: &Group<T>, cuts: &[Cut]) -> [u64; 3] {
        type Kernel<T> = unsafe fn(&Group<T>, &PinvLanes) -> Suspects;
        let Asked { hermitian, unit, .. } = (self.asked)(0);
        let all = Suspects::all(g.src.len()).bad;
        let run = |of: u64, force: bool, kernel: Kernel<T>| {
            if of == all && !force {
                // SAFETY: the caller's.
                return unsafe { kernel(g, &PinvLanes { cuts, hermitian, unit }) };
            }
            let (mut src, mut dst, mut at) = (vec![], vec![], vec![]);
            for i in (0..g.src.len()).filter(|i| of >> i & 1 == 1) {
                src.push(g.src.get(i));
                dst.push(g.dst.get(i));
                at.push(i);
            }
            if at.is_empty() {
                return Suspects::default();
            }
            let cuts: Vec<Cut> = at.iter().map(|&i| cuts[i]).collect();
            let (src, dst) = (Places::listed(&src), Places::listed(&dst));
            let part = Group { src, dst, force, ..*g };
            // SAFETY: matrices of the caller's group.
            let suspects = unsafe { kernel(&part, &PinvLanes { cuts: &cuts, hermitian, unit }) };
            let bits = |of: u64| at.iter().enumerate().fold(0, |b, (k, &i)| b | (of >> k & 1) << i);
            Suspects { bad: bits(suspects.bad), unstored: bits(suspects.unstored) }
        };
        let kernels = cx.kernels;
        let mut left = all;
        [kernels.pinv_orthogonal, kernels.pinv_subspace, kernels.pinv_jacobi].map(|kernel| {
            let suspects = run(left, false, kernel);
            run(suspects.unstored & !suspects.bad, true, kernel);
            left = suspects.bad;
            left
        })
    }

    /// Matrix `i` of two stacks, the caller's number `number`.
    ///
    /// # Safety
    /// It is no other task's.
    unsafe fn one<T: Scalar>(
        &self,
        cx: &Context<T>,
        number: usize,
        a: &Stack<T>,
        x: &StackMut<T>,
        i: usize,
    ) -> Result<(Status, Way), Error> {
        let matrix = Matrix { a: a.matrix(i), from: a.frame(), x: x.matrix(i), to: x.frame() };
        // SAFETY: the caller's.
        unsafe { op::pinv::pinv(cx, &matrix, &(self.asked)(number)) }
    }
}
