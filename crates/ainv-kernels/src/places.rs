//! Where the matrices of a group begin, and how their elements lie.

/// Where some matrices begin: evenly apart, or one by one. Whether they may be written is the view's
/// affair that they come from.
pub struct Places<'a, T> {
    first: *mut T,
    step: isize,
    /// All of them, or empty if they lie evenly.
    list: &'a [*mut T],
    len: usize,
}

impl<T> Clone for Places<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Places<'_, T> {}

impl<'a, T> Places<'a, T> {
    /// One matrix.
    pub fn one(first: *const T) -> Self {
        Places { first: first.cast_mut(), step: 0, list: &[], len: 1 }
    }
    /// `len` matrices, `step` elements apart.
    pub fn even(first: *mut T, step: isize, len: usize) -> Self {
        Places { first, step, list: &[], len }
    }
    /// All that are listed.
    pub fn listed(list: &'a [*mut T]) -> Self {
        Places { first: std::ptr::null_mut(), step: 0, list, len: list.len() }
    }
    /// None.
    pub fn none() -> Self {
        Places { first: std::ptr::null_mut(), step: 0, list: &[], len: 0 }
    }
    pub fn len(&self) -> usize {
        self.len
    }
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
    /// Elements from one matrix to the next, if they lie evenly.
    #[inline(always)]
    pub fn step(&self) -> Option<isize> {
        if self.list.is_empty() { Some(self.step) } else { None }
    }
    /// Where matrix `i` begins.
    #[inline(always)]
    pub fn get(&self, i: usize) -> *mut T {
        if self.list.is_empty() {
            self.first.wrapping_offset(self.step * i as isize)
        } else {
            self.list[i]
        }
    }
    /// The `len` matrices from `first` on; none of none.
    pub fn part(&self, first: usize, len: usize) -> Self {
        if self.is_empty() {
            return *self;
        }
        let list = if self.list.is_empty() { &[] } else { &self.list[first..first + len] };
        Places { first: self.first.wrapping_offset(self.step * first as isize), list, len, ..*self }
    }
}

/// The two matrix axes of a view: sizes and strides, in elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    pub rows: usize,
    pub cols: usize,
    pub rs: isize,
    pub cs: isize,
}

impl Frame {
    /// The strides of axes that are never stepped along are those of C order, whatever they were.
    pub fn new(rows: usize, cols: usize, rs: isize, cs: isize) -> Frame {
        let empty = rows == 0 || cols == 0;
        let rs = if empty || rows == 1 { cols as isize } else { rs };
        let cs = if empty || cols == 1 { 1 } else { cs };
        Frame { rows, cols, rs, cs }
    }
    /// A dense matrix, row by row.
    pub fn by_rows(rows: usize, cols: usize) -> Frame {
        Frame { rows, cols, rs: cols as isize, cs: 1 }
    }
    /// Columns of adjacent rows, `ld` apart.
    pub fn by_columns(rows: usize, cols: usize, ld: usize) -> Frame {
        Frame { rows, cols, rs: 1, cs: ld as isize }
    }
    pub fn transposed(self) -> Frame {
        Frame { rows: self.cols, cols: self.rows, rs: self.cs, cs: self.rs }
    }
    #[inline(always)]
    pub fn at(self, i: usize, j: usize) -> isize {
        i as isize * self.rs + j as isize * self.cs
    }
}
