//! Pseudo-inverses: their cut-offs, and the dispatches of larger ones; kernels/rotation.wgsl has the algorithm.

use super::dispatches::{Dispatch, Dispatches, WORDS};
use super::kernels::{Kernel, LINES};
use super::run::{Beside, Stacks, compute};
use super::work::{TILE, Work};
use crate::error::Error;
use crate::op::pinv::cut_of;
use crate::options::{Assume, Options, PinvOptions};
use crate::stack::{Stack, StackMut};
use crate::status::{Status, Summary};
use ainv_kernels::bounds::Cut;
use ainv_kernels::scalar::{RealScalar, Scalar};

/// Sweeps over all pairs of rows, at most. Graded matrices need many: the rows are not
/// factored first, as those of the CPU are. Matrices at rest take none.
pub(super) const SWEEPS: usize = 60;
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
    with_stacks(a, x, pinv, |stacks, work| compute(stacks, work, status, options))
}

/// The stacks of pseudo-inverses, and what the kernels do for them.
pub(in crate::device) fn with_stacks<T: Scalar, R>(
    a: &Stack<T>,
    x: &StackMut<T>,
    pinv: &PinvOptions,
    f: impl FnOnce(&Stacks<T>, Work) -> R,
) -> R {
    let (m, n) = (a.rows(), a.cols());
    let (columns, hermitian) = (m.max(n), pinv.hermitian);
    let cuts = |i: usize| cut_of::<T>(pinv, i, columns);
    let filled = if hermitian { Assume::Hermitian } else { Assume::General };
    // The kernels take no more rows than columns.
    let stacks = Stacks { a, beside: Beside::Cuts(&cuts), x, filled, transposed: m > n };
    f(&stacks, Work::Pinv { columns, hermitian })
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
    // A matrix a group, a pair of rows, a matrix a thread, tiles of the result.
    let (matrices, pairs) = ([count, 1, 1], [n.div_ceil(2), 1, count]);
    let tiles = [n.div_ceil(TILE[1]), columns.div_ceil(TILE[0]), count];
    let rounds = n.next_multiple_of(2) - 1;
    let mut all = vec![dispatch(Kernel::PinvRows, 0, matrices)];
    all.extend((0..rounds).map(|round| dispatch(Kernel::PinvRotate, round, pairs)));
    all.push(dispatch(Kernel::PinvRest, 0, [count.div_ceil(LINES), 1, 1]));
    let again = (1..all.len(), SWEEPS);
    all.push(dispatch(Kernel::PinvLengths, 0, matrices));
    all.push(dispatch(Kernel::Pinv, 0, tiles));
    Dispatches { all, again }
}
