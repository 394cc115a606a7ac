//! [`Stack`] and [`StackMut`]: strided views of a stack of matrices, checked once when built.

use crate::error::Error;
use crate::memory;
use ainv_kernels::places::{Frame, Places};
use ainv_kernels::scalar::Scalar;
use std::marker::PhantomData;
use std::ptr::NonNull;

/// Leading axes that a view can have once neighbours that lie evenly are merged.
pub const MAX_AXES: usize = 8;

/// The leading dimensions of a stack: lengths and strides, neighbours merged where they lie evenly.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Batch {
    count: usize,
    axes: usize,
    len: [usize; MAX_AXES],
    stride: [isize; MAX_AXES],
    /// The lengths as they were given, before neighbours were merged.
    shape: [usize; MAX_AXES],
    dims: usize,
}

impl Batch {
    #[inline]
    fn new(len: &[usize], stride: &[isize]) -> Result<Batch, Error> {
        let mut b = Batch {
            count: 1,
            axes: 0,
            len: [0; MAX_AXES],
            stride: [0; MAX_AXES],
            shape: [0; MAX_AXES],
            dims: len.len(),
        };
        for &n in len {
            b.count = b.count.checked_mul(n).ok_or(Error::Overflow)?;
        }
        if b.dims > MAX_AXES {
            (b.dims, b.shape[0]) = (1, b.count);
        } else {
            b.shape[..b.dims].copy_from_slice(len);
        }
        if b.count == 0 {
            return Ok(b);
        }
        for (&n, &s) in len.iter().zip(stride).filter(|(n, _)| **n != 1) {
            if b.axes > 0 && Some(b.stride[b.axes - 1]) == s.checked_mul(n as isize) {
                b.len[b.axes - 1] *= n;
                b.stride[b.axes - 1] = s;
            } else if b.axes == MAX_AXES {
                return Err(Error::Unsupported {
                    what: format!("more than {MAX_AXES} leading axes that do not lie evenly"),
                });
            } else {
                b.len[b.axes] = n;
                b.stride[b.axes] = s;
                b.axes += 1;
            }
        }
        Ok(b)
    }

    /// Where matrix `i` begins, in elements.
    fn offset(&self, mut i: usize) -> isize {
        let mut offset = 0;
        for axis in (0..self.axes).rev() {
            offset += (i % self.len[axis]) as isize * self.stride[axis];
            i /= self.len[axis];
        }
        offset
    }

    /// The leading axes: lengths and strides, in elements.
    #[cfg(feature = "cuda")]
    pub(crate) fn axes(&self) -> impl ExactSizeIterator<Item = (usize, isize)> {
        (0..self.axes).map(|axis| (self.len[axis], self.stride[axis]))
    }

    /// The stride of the `count` matrices from `first` on, if they lie evenly.
    #[inline]
    fn even(&self, first: usize, count: usize) -> Option<isize> {
        match self.axes {
            0 => Some(0),
            1 => Some(self.stride[0]),
            axes => {
                let (len, stride) = (self.len[axes - 1], self.stride[axes - 1]);
                (first % len + count <= len).then_some(stride)
            }
        }
    }

    /// `f(offset)` for the `count` matrices from `first` on.
    fn each(&self, first: usize, count: usize, mut f: impl FnMut(isize)) {
        let Some(last) = self.axes.checked_sub(1) else {
            return (0..count).for_each(|_| f(0));
        };
        let mut k = 0;
        while k < count {
            let start = self.offset(first + k);
            let run = (self.len[last] - (first + k) % self.len[last]).min(count - k);
            for j in 0..run {
                f(start + j as isize * self.stride[last]);
            }
            k += run;
        }
    }
}

macro_rules! view {
    ($(#[$doc:meta])* $name:ident, $ptr:ty, Send if $send:ident) => {
        $(#[$doc])*
        pub struct $name<'a, T> {
            ptr: NonNull<T>,
            frame: Frame,
            batch: Batch,
            _data: PhantomData<$ptr>,
        }

        // SAFETY: a view is a reference to T's, shared or unique as its name says.
        unsafe impl<T: $send> Send for $name<'_, T> {}
        // SAFETY: as above.
        unsafe impl<T: Sync> Sync for $name<'_, T> {}

        impl<'a, T> $name<'a, T> {
            /// Rows of one matrix.
            pub fn rows(&self) -> usize {
                self.frame.rows
            }
            /// Columns of one matrix.
            pub fn cols(&self) -> usize {
                self.frame.cols
            }
            /// How many matrices the stack holds: the product of the leading dimensions.
            pub fn len(&self) -> usize {
                self.batch.count
            }
            /// Whether the stack holds no matrix.
            pub fn is_empty(&self) -> bool {
                self.len() == 0
            }
            pub(crate) fn frame(&self) -> Frame {
                self.frame
            }
            /// Where the first matrix begins, and its leading axes.
            #[cfg(feature = "cuda")]
            pub(crate) fn begin(&self) -> (*mut T, &Batch) {
                (self.ptr.as_ptr(), &self.batch)
            }
            /// The shape, `(..., rows, cols)`. (Over [`MAX_AXES`] leading axes count as one.)
            pub fn shape(&self) -> Vec<usize> {
                let mut shape = self.batch.shape[..self.batch.dims].to_vec();
                shape.extend([self.rows(), self.cols()]);
                shape
            }
            /// Where the `len` matrices from `first` on begin; `list` is used if they lie unevenly.
            #[inline]
            pub(crate) fn places<'s>(
                &self,
                first: usize,
                len: usize,
                list: &'s mut Vec<*mut T>,
            ) -> Result<Places<'s, T>, Error> {
                let base = self.ptr.as_ptr();
                if let Some(step) = self.batch.even(first, len) {
                    let first = base.wrapping_offset(self.batch.offset(first));
                    return Ok(Places::even(first, step, len));
                }
                list.clear();
                list.try_reserve(len).map_err(|_| Error::OutOfMemory {
                    bytes: len.saturating_mul(size_of::<*mut T>()),
                })?;
                self.batch.each(first, len, |d| list.push(base.wrapping_offset(d)));
                Ok(Places::listed(list))
            }
            /// The same stack with both matrix axes reversed.
            pub(crate) fn reversed(self) -> Self {
                let Frame { rows, cols, rs, cs } = self.frame;
                let last = self.frame.at(rows.saturating_sub(1), cols.saturating_sub(1));
                let ptr = self.ptr.as_ptr().wrapping_offset(last);
                Self {
                    ptr: NonNull::new(ptr).unwrap_or(NonNull::dangling()),
                    frame: Frame { rows, cols, rs: -rs, cs: -cs },
                    ..self
                }
            }
            /// The same stack with the two matrix axes exchanged.
            pub fn transposed(self) -> Self {
                Self { frame: self.frame.transposed(), ..self }
            }
        }

        impl<T> std::fmt::Debug for $name<'_, T> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(
                    f,
                    concat!(stringify!($name), "({} of {} x {}, strides {} and {})"),
                    self.len(), self.rows(), self.cols(), self.frame.rs, self.frame.cs
                )
            }
        }
    };
}

view! {
    /// A strided view of a stack of matrices, shape `(..., rows, cols)`. Copying it copies no
    /// matrix.
    ///
    /// ```
    /// let data = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0];
    /// let stack = ainv::Stack::new(&data, &[2, 2, 2])?;
    /// assert_eq!((stack.len(), stack.rows(), stack.cols()), (2, 2, 2));
    /// # Ok::<(), ainv::Error>(())
    /// ```
    Stack, &'a [T], Send if Sync
}
view! {
    /// A strided view of a stack of matrices to write to; no two of its elements share memory.
    StackMut, &'a mut [T], Send if Send
}

impl<T> Clone for Stack<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Stack<'_, T> {}

/// Runs `f` with the strides of a C-contiguous array.
#[inline]
fn contiguous<R>(
    shape: &[usize],
    f: impl FnOnce(&[isize]) -> Result<R, Error>,
) -> Result<R, Error> {
    let (mut few, mut many) = ([0; MAX_AXES + 2], vec![]);
    let strides = match few.get_mut(..shape.len()) {
        Some(strides) => strides,
        None => {
            many.resize(shape.len(), 0);
            &mut many[..]
        }
    };
    let mut step = 1isize;
    for (s, &n) in strides.iter_mut().zip(shape).rev() {
        *s = step;
        step = step
            .checked_mul(n.max(1).try_into().map_err(|_| Error::Overflow)?)
            .ok_or(Error::Overflow)?;
    }
    f(strides)
}

/// The elements of `shape`, checked: the lowest and the highest offset, or `None` if there is none.
#[inline]
fn extent(shape: &[usize], strides: &[isize]) -> Result<Option<(isize, isize)>, Error> {
    if shape.len() != strides.len() || shape.len() < 2 {
        return Err(Error::shape(format!(
            "a stack needs two matrix axes and one stride an axis, got shape {shape:?} and strides \
             {strides:?}"
        )));
    }
    // The count is checked without the zeros, so that no product of sizes can overflow later.
    shape
        .iter()
        .try_fold(1usize, |p, &n| p.checked_mul(n.max(1)))
        .filter(|&p| p <= isize::MAX as usize)
        .ok_or(Error::Overflow)?;
    if shape.contains(&0) {
        return Ok(None);
    }
    let (mut low, mut high) = (0isize, 0isize);
    for (&n, &s) in shape.iter().zip(strides) {
        let reach = s.checked_mul(n as isize - 1).ok_or(Error::Overflow)?;
        let end = if reach < 0 { &mut low } else { &mut high };
        *end = end.checked_add(reach).ok_or(Error::Overflow)?;
    }
    Ok(Some((low, high)))
}

fn check_bounds(
    len: usize,
    offset: usize,
    shape: &[usize],
    strides: &[isize],
) -> Result<(), Error> {
    let Some((low, high)) = extent(shape, strides)? else { return Ok(()) };
    let inside = |d: isize| {
        (offset as isize).checked_add(d).is_some_and(|at| at >= 0 && (at as usize) < len)
    };
    if inside(low) && inside(high) {
        Ok(())
    } else {
        Err(Error::Layout { what: "the view reaches outside its memory" })
    }
}

/// Whether no two elements can share memory: with the axes sorted by stride, each one steps past
/// all that lies below it. Sufficient, and what every sliced or transposed array satisfies.
fn is_injective(shape: &[usize], strides: &[isize]) -> bool {
    let (mut few, mut many) = ([(0, 0); MAX_AXES + 2], vec![]);
    let axes = match few.get_mut(..shape.len()) {
        Some(axes) => axes,
        None => {
            many.resize(shape.len(), (0, 0));
            &mut many[..]
        }
    };
    for (axis, (&n, &s)) in axes.iter_mut().zip(shape.iter().zip(strides)) {
        *axis = (s.unsigned_abs(), n);
    }
    axes.sort_unstable();
    let mut reach = 0usize;
    // An axis of one element is never stepped along.
    for &(stride, n) in axes.iter().filter(|(_, n)| *n > 1) {
        if stride <= reach {
            return false;
        }
        reach += stride * (n - 1);
    }
    true
}

impl<'a, T> Stack<'a, T> {
    /// A view of C-contiguous matrices, `shape` being `(..., rows, cols)`.
    ///
    /// # Errors
    /// [`Error::Shape`] if `shape` has under two axes or another number of elements than `data`.
    #[inline]
    pub fn new(data: &'a [T], shape: &[usize]) -> Result<Self, Error> {
        Self::check_length(data.len(), shape)?;
        // SAFETY: the elements are as many as the slice's.
        contiguous(shape, |strides| unsafe { Self::from_raw_parts(data.as_ptr(), shape, strides) })
    }

    #[inline]
    fn check_length(len: usize, shape: &[usize]) -> Result<(), Error> {
        contiguous(shape, |strides| extent(shape, strides))?;
        let count: usize = shape.iter().product();
        if len == count {
            Ok(())
        } else {
            Err(Error::shape(format!("shape {shape:?} has {count} elements, the data has {len}")))
        }
    }

    /// A view with any strides (in elements: zero and negative ones too) that begins at
    /// `data[offset]`.
    ///
    /// # Errors
    /// [`Error::Layout`] if an element would lie outside `data`; [`Error::Overflow`].
    pub fn with_strides(
        data: &'a [T],
        offset: usize,
        shape: &[usize],
        strides: &[isize],
    ) -> Result<Self, Error> {
        check_bounds(data.len(), offset, shape, strides)?;
        let ptr = data.as_ptr().wrapping_add(offset);
        // SAFETY: the bounds were checked, and the borrow keeps the memory.
        unsafe { Self::from_raw_parts(ptr, shape, strides) }
    }

    /// A view of memory that the caller answers for.
    ///
    /// # Safety
    /// If the shape has no zero, `ptr` must be aligned for `T`, and every element that the shape
    /// and the strides (in elements) reach must be readable and unchanged for `'a`.
    ///
    /// # Errors
    /// [`Error::Shape`], [`Error::Overflow`], or [`Error::Unsupported`] for more than [`MAX_AXES`]
    /// uneven leading axes.
    #[inline]
    pub unsafe fn from_raw_parts(
        ptr: *const T,
        shape: &[usize],
        strides: &[isize],
    ) -> Result<Self, Error> {
        extent(shape, strides)?;
        let (lead, m) = (shape.len() - 2, &shape[shape.len() - 2..]);
        Ok(Stack {
            ptr: NonNull::new(ptr.cast_mut()).unwrap_or(NonNull::dangling()),
            frame: Frame::new(m[0], m[1], strides[lead], strides[lead + 1]),
            batch: Batch::new(&shape[..lead], &strides[..lead])?,
            _data: PhantomData,
        })
    }

    /// The diagonals of square matrices, as matrices of one column.
    #[cfg(any(feature = "cuda", feature = "wgpu"))]
    pub(crate) fn diagonals(&self) -> Self {
        let Frame { rows, rs, cs, .. } = self.frame;
        Self { frame: Frame { rows, cols: 1, rs: rs + cs, cs: 1 }, ..*self }
    }

    /// The matrix `i`.
    pub(crate) fn matrix(&self, i: usize) -> *const T {
        debug_assert!(i < self.len());
        self.ptr.as_ptr().wrapping_offset(self.batch.offset(i))
    }

    /// The element `(i, j)` of matrix `index`.
    ///
    /// # Panics
    /// If an index is out of range.
    pub fn get(&self, index: usize, i: usize, j: usize) -> T
    where
        T: Copy,
    {
        assert!(index < self.len() && i < self.rows() && j < self.cols(), "index out of range");
        // SAFETY: the constructor checked that every element of the shape is readable.
        unsafe { self.matrix(index).offset(self.frame.at(i, j)).read() }
    }
}

impl<'a, T> StackMut<'a, T> {
    /// A view of C-contiguous matrices, `shape` being `(..., rows, cols)`.
    ///
    /// # Errors
    /// As [`Stack::new`].
    #[inline]
    pub fn new(data: &'a mut [T], shape: &[usize]) -> Result<Self, Error> {
        Stack::<T>::check_length(data.len(), shape)?;
        // SAFETY: the elements are as many as the slice's, and the borrow is unique.
        let Stack { ptr, frame, batch, .. } = contiguous(shape, |strides| unsafe {
            Stack::from_raw_parts(data.as_mut_ptr().cast_const(), shape, strides)
        })?;
        Ok(StackMut { ptr, frame, batch, _data: PhantomData })
    }

    /// A view with any strides (in elements) that begins at `data[offset]`.
    ///
    /// # Errors
    /// As [`Stack::with_strides`]; and [`Error::Layout`] if two elements could share memory.
    pub fn with_strides(
        data: &'a mut [T],
        offset: usize,
        shape: &[usize],
        strides: &[isize],
    ) -> Result<Self, Error> {
        check_bounds(data.len(), offset, shape, strides)?;
        let ptr = data.as_mut_ptr().wrapping_add(offset);
        // SAFETY: the bounds were checked, and the borrow keeps the memory and is unique.
        unsafe { Self::from_raw_parts(ptr, shape, strides) }
    }

    /// A view of memory that the caller answers for.
    ///
    /// # Safety
    /// If the shape has no zero, `ptr` must be aligned for `T`, and every element that the shape
    /// and the strides (in elements) reach must be writable and used through this view alone for
    /// `'a`. (One use is allowed besides: the input of the same call may be the very same view,
    /// with the same shape and strides.)
    ///
    /// # Errors
    /// As [`Stack::from_raw_parts`]; and [`Error::Layout`] if two elements could share memory.
    pub unsafe fn from_raw_parts(
        ptr: *mut T,
        shape: &[usize],
        strides: &[isize],
    ) -> Result<Self, Error> {
        // SAFETY: the caller's promise covers reading.
        let Stack { ptr, frame, batch, .. } =
            unsafe { Stack::from_raw_parts(ptr.cast_const(), shape, strides)? };
        if !shape.contains(&0) && !is_injective(shape, strides) {
            return Err(Error::Layout {
                what: "the output has elements that share memory (a stride of zero, or axes that \
                       overlap)",
            });
        }
        Ok(StackMut { ptr, frame, batch, _data: PhantomData })
    }

    /// Overwrites matrix `index`, which must be this task's alone.
    pub(crate) fn fill(&self, index: usize, value: T)
    where
        T: Copy,
    {
        for i in 0..self.rows() {
            for j in 0..self.cols() {
                // SAFETY: the constructor checked that every element of the shape is writable.
                unsafe { self.matrix(index).offset(self.frame.at(i, j)).write(value) }
            }
        }
    }

    /// A view of the same memory for a shorter time.
    pub fn reborrow(&mut self) -> StackMut<'_, T> {
        StackMut { ptr: self.ptr, frame: self.frame, batch: self.batch, _data: PhantomData }
    }

    /// The matrices for reading.
    pub fn as_stack(&self) -> Stack<'_, T> {
        Stack { ptr: self.ptr, frame: self.frame, batch: self.batch, _data: PhantomData }
    }

    /// The same matrices for reading while this view is written to: what "in place" means. Every
    /// operation reads what it needs of a matrix before it writes there.
    pub(crate) fn aliased(&self) -> Stack<'a, T> {
        Stack { ptr: self.ptr, frame: self.frame, batch: self.batch, _data: PhantomData }
    }

    /// The matrix `i`. Tasks take pointers to different matrices from one shared view.
    pub(crate) fn matrix(&self, i: usize) -> *mut T {
        debug_assert!(i < self.len());
        self.ptr.as_ptr().wrapping_offset(self.batch.offset(i))
    }
}

/// An owned stack of matrices, C-contiguous, of any leading dimensions.
#[derive(Clone, Debug, PartialEq)]
pub struct OwnedStack<T> {
    data: Vec<T>,
    shape: Vec<usize>,
}

impl<T: Scalar> OwnedStack<T> {
    /// A stack of `shape` `(..., rows, cols)` filled with zeros.
    ///
    /// # Errors
    /// [`Error::Shape`], [`Error::Overflow`], [`Error::OutOfMemory`].
    pub fn zeros(shape: &[usize]) -> Result<Self, Error> {
        contiguous(shape, |strides| extent(shape, strides))?;
        let count: usize = shape.iter().product();
        let bytes = count.checked_mul(size_of::<T>()).ok_or(Error::Overflow)?;
        let data = memory::zeros(count).ok_or(Error::OutOfMemory { bytes })?;
        Ok(OwnedStack { data, shape: shape.to_vec() })
    }

    /// A stack of `shape` `(..., rows, cols)` over `data` in C order.
    ///
    /// # Errors
    /// As [`Stack::new`].
    pub fn from_vec(data: Vec<T>, shape: &[usize]) -> Result<Self, Error> {
        Stack::new(&data, shape)?;
        Ok(OwnedStack { data, shape: shape.to_vec() })
    }

    /// The shape, `(..., rows, cols)`.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }
    /// The elements in C order.
    pub fn as_slice(&self) -> &[T] {
        &self.data
    }
    /// The elements in C order, to write to.
    pub fn as_mut_slice(&mut self) -> &mut [T] {
        &mut self.data
    }
    /// The elements in C order.
    pub fn into_vec(self) -> Vec<T> {
        self.data
    }
    /// A view of the whole.
    pub fn view(&self) -> Stack<'_, T> {
        Stack::new(&self.data, &self.shape).expect("the shape was checked when the stack was made")
    }
    /// A view of the whole to write to.
    pub fn view_mut(&mut self) -> StackMut<'_, T> {
        StackMut::new(&mut self.data, &self.shape)
            .expect("the shape was checked when the stack was made")
    }
}
