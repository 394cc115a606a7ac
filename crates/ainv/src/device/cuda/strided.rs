//! Stacks as they lie in the device's memory, and what gather.cu and scatter.cu are told of them.

use super::driver::Address;
use crate::options::Assume;
use crate::stack::{Batch, MAX_AXES};
use ainv_kernels::places::Frame;

/// The argument of gather.cu and scatter.cu.
#[repr(C)]
pub(super) struct Strided {
    dense: Address,
    strided: Address,
    /// Where suspects alone are meant.
    pub(super) outcomes: Address,
    /// Where the numbers of some matrices stand that alone are meant.
    numbers: Address,
    count: u64,
    first: u64,
    rows: u64,
    columns: u64,
    row: i64,
    column: i64,
    axes: u64,
    lengths: [u64; MAX_AXES],
    steps: [i64; MAX_AXES],
    pub(super) filled: u64,
    pub(super) rounding: f64,
}

/// A stack, whether it is read or written.
#[derive(Clone, Copy)]
pub(super) struct Lying<'a> {
    pub(super) begin: Address,
    batch: &'a Batch,
    frame: Frame,
}

impl Lying<'_> {
    pub(super) fn of<'a, T>((begin, batch): (*mut T, &'a Batch), frame: Frame) -> Lying<'a> {
        Lying { begin: begin.addr() as Address, batch, frame }
    }

    pub(super) fn size(&self) -> usize {
        self.frame.rows * self.frame.cols
    }

    /// Whether the matrices lie as the kernels have them, each in C order behind the one before.
    pub(super) fn is_dense(&self) -> bool {
        let mut axes = self.batch.axes();
        let evenly = match (axes.len(), axes.next()) {
            (0, _) => true,
            (1, Some((_, step))) => step == self.size() as isize,
            _ => false,
        };
        evenly && self.frame.cs == 1 && self.frame.rs == self.frame.cols as isize
    }
}

/// As strided.cu has it.
pub(super) fn filled(assume: Assume) -> u64 {
    match assume {
        Assume::Auto | Assume::General => 0,
        Assume::Symmetric => 1,
        Assume::Hermitian | Assume::Posdef => 2,
        Assume::Lower => 3,
        Assume::Upper => 4,
        Assume::Diagonal => 5,
    }
}

/// `len` matrices of a stack from `first` on, of those that `numbers` names if it is not null; and dense ones.
pub(super) fn strided(
    of: Lying,
    dense: Address,
    numbers: Address,
    [first, len]: [usize; 2],
) -> Strided {
    let Frame { rows, cols, rs, cs } = of.frame;
    let (mut lengths, mut steps) = ([1; MAX_AXES], [0; MAX_AXES]);
    for (axis, (length, step)) in of.batch.axes().enumerate() {
        (lengths[axis], steps[axis]) = (length as u64, step as i64);
    }
    Strided {
        dense,
        strided: of.begin,
        outcomes: 0,
        numbers,
        count: len as u64,
        first: first as u64,
        rows: rows as u64,
        columns: cols as u64,
        row: rs as i64,
        column: cs as i64,
        axes: of.batch.axes().len() as u64,
        lengths,
        steps,
        filled: 0,
        rounding: -1.0,
    }
}
