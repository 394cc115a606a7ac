//! Pseudo-inverses: their cut-offs, and the dispatches of larger ones; kernels/rotation.wgsl has the algorithm.

use super::condition::Asked;
use super::dispatches::{Dispatch, Dispatches, WORDS};
use super::kernels::{Kernel, LINES};
use super::run::{Beside, Call, compute};
use super::work::{TILE, Work};
use crate::device::job::Job;
use crate::error::Error;
use crate::op::Kind;
use crate::op::pinv::cut_of;
use crate::options::{Assume, Options, PinvOptions};
use crate::stack::{Stack, StackMut};
use crate::status::{Status, Summary};
use ainv_kernels::bounds::Cut;
use ainv_kernels::scalar::{RealScalar, Scalar};

/// Sweeps over all pairs of rows of a small matrix, at most. Graded ones need many.
pub(super) const SWEEPS: usize = 60;
/// The same of larger ones, which are factored first, as those of the CPU are: about ten are enough. Matrices at rest take
/// none, but their dispatches are enqueued all the same.
const SWEEPS_OF_FACTORS: usize = 30;
/// Numbers of a cut-off: each of its tolerances is a number and a power of two.
pub(in crate::device) const CUT: usize = 4;
/// The power of what is larger than any singular value.
const INFINITE: f64 = 1e4;

/// Pseudo-inverses of a stack, when it is their turn; the shapes and the tolerances are checked.
///
/// # Errors
/// As [`run`](super::run()).
pub(crate) fn pinv<T: Scalar>(
    a: &Stack<T>,
    x: &StackMut<T>,
    pinv: &PinvOptions,
    status: &mut [Status],
    options: &Options,
) -> Result<Summary, Error> {
    with_call(a, x, pinv, |call| compute(call, status, &mut [], options))
}

/// What is computed, which has cut-offs that it refers to.
pub(in crate::device) fn with_call<T: Scalar, R>(
    a: &Stack<T>,
    x: &StackMut<T>,
    pinv: &PinvOptions,
    f: impl FnOnce(&Call<T>) -> R,
) -> R {
    let (m, n) = (a.rows(), a.cols());
    let (columns, hermitian) = (m.max(n), pinv.hermitian);
    let cuts = |i: usize| cut_of::<T>(pinv, i, columns);
    let filled = if hermitian { Assume::Hermitian } else { Assume::General };
    let call = Call {
        work: Work::Pinv { columns, hermitian },
        a,
        beside: Beside::Cuts(&cuts),
        x: Some(x),
        filled,
        // The kernels take no more rows than columns.
        transposed: m > n,
        asked: Asked::Nothing,
        instead: None,
    };
    f(&call)
}

/// What is computed of a job's matrices that have no inverse.
pub(in crate::device) fn instead<'a, T: Scalar>(
    job: &Job<'a, T>,
    cuts: &'a (dyn Fn(usize) -> Cut + Sync),
) -> Call<'a, T> {
    Call {
        work: Work::Pinv { columns: job.a.rows(), hermitian: job.kind == Kind::PosdefInv },
        a: job.a,
        beside: Beside::Cuts(cuts),
        x: Some(job.x),
        filled: match job.kind {
            Kind::Diagonal => Assume::Diagonal,
            Kind::PosdefInv => Assume::Hermitian,
            // The job's triangles are upper ones.
            Kind::TriInv { .. } => Assume::Upper,
            _ => job.expand.unwrap_or(Assume::General),
        },
        transposed: false,
        asked: Asked::Nothing,
        instead: None,
    }
}

/// The cut-off of such matrices.
pub(in crate::device) fn default_cut<T: Scalar>(n: usize) -> Cut {
    Cut { relative: n as f64 * T::Real::EPSILON.to_f64(), absolute: 0.0 }
}

/// A cut-off as the kernels read it.
pub(in crate::device) fn numbers<W: Scalar>(cut: Cut) -> [W; CUT] {
    let [[r, s], [a, b]] = [cut.relative, cut.absolute].map(mantissa::<W::Real>);
    [r, s, a, b].map(|x| W::from_re(RealScalar::from_f64(x)))
}

/// A tolerance as a number from one to two, rounded down to `R`, and the power of two that it is multiplied by: what is
/// larger than the one is larger than the other.
fn mantissa<R: RealScalar>(tolerance: f64) -> [f64; 2] {
    if tolerance.is_infinite() {
        return [1.0, INFINITE];
    }
    let Some(power) = tolerance.exponent() else { return [0.0; 2] };
    let lost = f64::MANTISSA - R::MANTISSA;
    let number = tolerance.times_power_of_two(-power).to_bits() >> lost << lost;
    [f64::from_bits(number), power.into()]
}

/// The dispatches of larger pseudo-inverses: rotations.wgsl has their order.
pub(super) fn rotations(n: usize, columns: usize, mode: usize, count: usize) -> Dispatches {
    let dispatch = |kernel, round, groups| {
        let mut call = [0; WORDS];
        call[..5].copy_from_slice(&[count, n, columns, mode, round]);
        Dispatch { kernel, call, groups }
    };
    // A matrix a group, a pair of rows, a line or a matrix a thread, tiles of the result.
    let (matrices, pairs) = ([count, 1, 1], [n.div_ceil(2), 1, count]);
    let lines = |lines: usize| [lines.div_ceil(LINES), 1, count];
    let tiles = [n.div_ceil(TILE[1]), columns.div_ceil(TILE[0]), count];
    let mut all = vec![dispatch(Kernel::PinvRows, 0, matrices)];
    // A row alone is its own factor.
    for round in (0..n).filter(|_| n > 1) {
        all.push(dispatch(Kernel::PinvReflect, round, lines(n + columns)));
        if round + 1 < n {
            all.push(dispatch(Kernel::PinvPivot, round, matrices));
        }
    }
    all.push(dispatch(Kernel::PinvPowers, 0, lines(n)));
    let rounds = n.next_multiple_of(2) - 1;
    let sweep = all.len();
    all.extend((0..rounds).map(|round| dispatch(Kernel::PinvRotate, round, pairs)));
    all.push(dispatch(Kernel::PinvRest, 0, [count.div_ceil(LINES), 1, 1]));
    let again = (sweep..all.len(), SWEEPS_OF_FACTORS);
    all.push(dispatch(Kernel::PinvLengths, 0, matrices));
    all.push(dispatch(Kernel::Pinv, 0, tiles));
    Dispatches { all, again }
}
