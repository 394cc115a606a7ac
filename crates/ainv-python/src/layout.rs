//! Where the elements of an array lie, NumPy's or ours, and the views of them that ainv takes.

use ainv::{Stack, StackMut};
use numpy::npyffi;
use numpy::{PyArrayDescrMethods, PyUntypedArray, PyUntypedArrayMethods};
use pyo3::prelude::*;
use smallvec::SmallVec;
use std::ops::Range;

/// Where memory begins: a number. Who reads or writes there says why it may.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Address(pub(crate) *mut u8);

// SAFETY: nothing is read or written through an address without a promise of its own.
unsafe impl Send for Address {}
// SAFETY: as above.
unsafe impl Sync for Address {}

/// A number for each axis. Work that is enqueued is given memory by one thread and freed by another,
/// which is slow: few axes need none.
pub(crate) type PerAxis<T> = SmallVec<[T; 6]>;

/// Where the elements of an array lie; the strides are in bytes. The memory is kept by another.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Layout {
    data: Address,
    size: usize,
    pub(crate) shape: PerAxis<usize>,
    pub(crate) strides: PerAxis<isize>,
}

impl Layout {
    pub(crate) fn of(array: &Bound<'_, PyUntypedArray>) -> Layout {
        // SAFETY: a live array, whose fields are not written while the GIL is held.
        let data = unsafe { (*npyffi::_PyArray_GET_ITEM_DATA(array.as_array_ptr())).data };
        Layout {
            data: Address(data.cast()),
            size: array.dtype().itemsize(),
            shape: array.shape().into(),
            strides: array.strides().into(),
        }
    }

    /// Elements of `size` bytes in C order from `data` on.
    pub(crate) fn contiguous(data: Address, size: usize, shape: &[usize]) -> Layout {
        let mut strides = PerAxis::from_elem(0, shape.len());
        let mut step = size as isize;
        for (stride, &n) in strides.iter_mut().zip(shape).rev() {
            *stride = step;
            step *= n.max(1) as isize;
        }
        Layout { data, size, shape: shape.into(), strides }
    }

    pub(crate) fn data(&self) -> Address {
        self.data
    }

    /// Where the first element lies.
    pub(crate) fn address(&self) -> usize {
        self.data.0.addr()
    }

    /// How many elements there are.
    pub(crate) fn count(&self) -> usize {
        self.shape.iter().product()
    }

    /// Those elements of dimension `axis` that `start`, `step` and `len` say, which lie inside of it.
    pub(crate) fn part(&mut self, axis: usize, start: isize, step: isize, len: usize) {
        if len > 0 {
            self.data.0 = self.data.0.wrapping_offset(start * self.strides[axis]);
        }
        self.strides[axis] *= step;
        self.shape[axis] = len;
    }

    /// Without a dimension of one element.
    pub(crate) fn without(&mut self, axis: usize) {
        self.shape.remove(axis);
        self.strides.remove(axis);
    }

    /// The same matrices transposed.
    pub(crate) fn transposed(mut self) -> Layout {
        let axes = self.shape.len();
        self.shape.swap(axes - 2, axes - 1);
        self.strides.swap(axes - 2, axes - 1);
        self
    }

    /// A vector as a matrix of one row.
    pub(crate) fn into_row(mut self) -> Layout {
        self.shape.insert(0, 1);
        self.strides.insert(0, 0);
        self
    }

    fn element_strides(&self) -> PerAxis<isize> {
        self.strides.iter().map(|s| s / self.size as isize).collect()
    }

    /// The matrices to read.
    ///
    /// # Safety
    /// The elements are aligned scalars of T in whole steps, readable and unchanged for `'a`, but for
    /// what another thread of the program writes against what its own library promises.
    pub(crate) unsafe fn stack<'a, T: ainv::Scalar>(&self) -> Result<Stack<'a, T>, ainv::Error> {
        debug_assert_eq!(self.size, size_of::<T>());
        // SAFETY: the caller's.
        unsafe {
            Stack::from_raw_parts(
                self.data.0.cast_const().cast(),
                &self.shape,
                &self.element_strides(),
            )
        }
    }

    /// The matrices to write to.
    ///
    /// # Safety
    /// As [`stack`](Self::stack), and they are writable and this view's alone for `'a`, but for an
    /// input of the same call that is the very same view.
    pub(crate) unsafe fn stack_mut<'a, T: ainv::Scalar>(
        &self,
    ) -> Result<StackMut<'a, T>, ainv::Error> {
        debug_assert_eq!(self.size, size_of::<T>());
        // SAFETY: the caller's.
        unsafe {
            StackMut::from_raw_parts(self.data.0.cast(), &self.shape, &self.element_strides())
        }
    }

    /// The elements as one slice to write to.
    ///
    /// # Safety
    /// As [`stack_mut`](Self::stack_mut); they lie in C order.
    pub(crate) unsafe fn slice_mut<'a, T>(&self) -> &'a mut [T] {
        debug_assert_eq!(self.size, size_of::<T>());
        // SAFETY: the caller's.
        unsafe { std::slice::from_raw_parts_mut(self.data.0.cast(), self.count()) }
    }

    /// A vector, or a stack of them, as one-column matrices.
    pub(crate) fn into_columns(mut self) -> Layout {
        self.shape.push(1);
        self.strides.push(0);
        self
    }

    /// The same elements with the dimensions of the matrices' rows and columns last.
    pub(crate) fn matrices_along(mut self, [rows, columns]: [usize; 2]) -> Layout {
        fn last<T: Copy>(of: &mut PerAxis<T>, rows: usize, columns: usize) {
            let ends = [of[rows], of[columns]];
            of.remove(rows.max(columns));
            of.remove(rows.min(columns));
            of.extend(ends);
        }
        last(&mut self.shape, rows, columns);
        last(&mut self.strides, rows, columns);
        self
    }

    /// The same matrices with `batch` as leading dimensions: missing ones and ones repeat.
    pub(crate) fn broadcast(mut self, batch: &[usize]) -> Layout {
        let axes = self.shape.len() - 2;
        let missing = batch.len() - axes;
        let lead = (0..batch.len()).map(|i| match i.checked_sub(missing) {
            Some(j) if self.shape[j] == batch[i] => self.strides[j],
            _ => 0,
        });
        self.strides = lead.chain(self.strides[axes..].iter().copied()).collect();
        self.shape = batch.iter().chain(&self.shape[axes..]).copied().collect();
        self
    }

    /// The leading dimensions.
    pub(crate) fn batch(&self) -> &[usize] {
        &self.shape[..self.shape.len() - 2]
    }

    /// The addresses from the first byte to behind the last.
    fn bytes(&self) -> Range<usize> {
        let at = self.address();
        if self.shape.contains(&0) {
            return at..at;
        }
        let (mut low, mut high) = (at, at + self.size);
        for (&n, &s) in self.shape.iter().zip(&self.strides) {
            let reach = s.unsigned_abs() * (n - 1);
            if s < 0 { low -= reach } else { high += reach }
        }
        low..high
    }

    /// Whether the two could share memory: whether the ranges they span meet.
    pub(crate) fn overlaps(&self, other: &Layout) -> bool {
        let (a, b) = (self.bytes(), other.bytes());
        a.start.max(b.start) < a.end.min(b.end)
    }

    /// Whether two of its own elements could share memory: sorted by stride, each axis has to step
    /// past all that lies below it.
    pub(crate) fn overlaps_itself(&self) -> bool {
        let axes = self.shape.iter().zip(&self.strides).filter(|(n, _)| **n > 1);
        let mut axes: Vec<_> = axes.map(|(&n, &s)| (s.unsigned_abs(), n)).collect();
        axes.sort_unstable();
        let mut end = self.size;
        axes.into_iter().any(|(stride, n)| {
            let inside = stride < end;
            end += stride * (n - 1);
            inside
        }) && !self.shape.contains(&0)
    }
}
