//! The strips of columns that a triangle is inverted by.

use super::half;
use crate::error::Error;
use ainv_kernels::trsm::BLOCK;
use std::ops::Range;

/// Columns of a group: part of the algorithm, as it fixes the order of the additions. Wide groups
/// spread the packing of the left operand over more columns.
pub(crate) const fn group(n: usize) -> usize {
    if n < 2048 { 128 } else { 512 }
}

/// Rows of an inverse that are done apart.
pub(crate) const ROWS: usize = 96;

/// A strip of a group.
pub(crate) struct Strip<'a> {
    pub columns: Range<usize>,
    /// The group's columns.
    pub group: Range<usize>,
    /// Other columns of the group that this strip's rest on, in the order in which they were done.
    pub before: &'a [Range<usize>],
}

/// Runs `f` on the strips of `n` columns, at most `most` wide: group after group, and within a group
/// in the order and by the halves of the recursive solves. So the width of the strips changes the
/// scratch that their copies take and no bit.
pub(crate) fn strips(
    n: usize,
    most: usize,
    from_last: bool,
    f: &mut impl FnMut(&Strip) -> Result<(), Error>,
) -> Result<(), Error> {
    let width = group(n);
    let groups = n.div_ceil(width);
    for i in 0..groups {
        let first = width * if from_last { groups - 1 - i } else { i };
        let group = first..n.min(first + width);
        cut(group.clone(), &group, most, from_last, &mut Vec::new(), f)?;
    }
    Ok(())
}

fn cut(
    columns: Range<usize>,
    group: &Range<usize>,
    most: usize,
    from_last: bool,
    before: &mut Vec<Range<usize>>,
    f: &mut impl FnMut(&Strip) -> Result<(), Error>,
) -> Result<(), Error> {
    if columns.len() <= most.max(BLOCK) {
        return f(&Strip { columns, group: group.clone(), before });
    }
    let middle = columns.start + half(columns.len(), BLOCK);
    let (left, right) = (columns.start..middle, middle..columns.end);
    let (first, second) = if from_last { (right, left) } else { (left, right) };
    cut(first.clone(), group, most, from_last, before, f)?;
    before.push(first);
    cut(second, group, most, from_last, before, f)?;
    before.pop();
    Ok(())
}
