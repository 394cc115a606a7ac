//! [`Places`]: where the matrices of a group begin.

/// Where some matrices begin: evenly apart, or one by one. Whether they may be written is the view's
/// affair that they come from.
pub(crate) struct Places<'a, T> {
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
    pub(crate) fn one(first: *const T) -> Self {
        Places { first: first.cast_mut(), step: 0, list: &[], len: 1 }
    }
    /// `len` matrices, `step` elements apart.
    pub(crate) fn even(first: *mut T, step: isize, len: usize) -> Self {
        Places { first, step, list: &[], len }
    }
    /// All that are listed.
    pub(crate) fn listed(list: &'a [*mut T]) -> Self {
        Places { first: std::ptr::null_mut(), step: 0, list, len: list.len() }
    }
    /// None.
    pub(crate) fn none() -> Self {
        Places { first: std::ptr::null_mut(), step: 0, list: &[], len: 0 }
    }
    pub(crate) fn len(&self) -> usize {
        self.len
    }
    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }
    /// Elements from one matrix to the next, if they lie evenly.
    #[inline(always)]
    pub(crate) fn step(&self) -> Option<isize> {
        if self.list.is_empty() { Some(self.step) } else { None }
    }
    /// Where matrix `i` begins.
    #[inline(always)]
    pub(crate) fn get(&self, i: usize) -> *mut T {
        if self.list.is_empty() {
            self.first.wrapping_offset(self.step * i as isize)
        } else {
            self.list[i]
        }
    }
    /// The `len` matrices from `first` on; none of none.
    pub(crate) fn part(&self, first: usize, len: usize) -> Self {
        if self.is_empty() {
            return *self;
        }
        let list = if self.list.is_empty() { &[] } else { &self.list[first..first + len] };
        Places { first: self.first.wrapping_offset(self.step * first as isize), list, len, ..*self }
    }
}
