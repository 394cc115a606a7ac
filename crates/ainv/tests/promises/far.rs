//! Elements further apart than 2^31 and 2^32 bytes, without the memory: a mapping that has
//! pages only where an element stands. Every kernel's own arithmetic of addresses is used, in every route.

#![cfg(all(target_os = "linux", target_pointer_width = "64"))]

use super::common::*;
use ainv::*;
use testkit::assert_same_bits;

/// Zeros that are nowhere until they are touched.
struct Sparse {
    first: *mut libc::c_void,
    bytes: usize,
}

impl Sparse {
    fn new(bytes: usize) -> Sparse {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        let access = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: a new mapping, wherever the system likes.
        let first = unsafe { libc::mmap(std::ptr::null_mut(), bytes, access, flags, -1, 0) };
        assert_ne!(first, libc::MAP_FAILED, "{bytes} bytes of addresses cannot be had");
        // Huge pages would make each element 2 MiB. Where there are none the advice is refused.
        // SAFETY: the mapping that was made.
        unsafe { libc::madvise(first, bytes, libc::MADV_NOHUGEPAGE) };
        Sparse { first, bytes }
    }
}

impl Drop for Sparse {
    fn drop(&mut self) {
        // SAFETY: the mapping that was made, which nothing refers to any more.
        unsafe { libc::munmap(self.first, self.bytes) };
    }
}

/// Dense matrices laid out far apart.
struct Far<T> {
    memory: Sparse,
    origin: *mut T,
    shape: [usize; 3],
    strides: [isize; 3],
}

impl<T: Scalar> Far<T> {
    fn new(shape: [usize; 3], strides: [isize; 3]) -> Self {
        let reach = |sign: isize| -> usize {
            let far = shape.iter().zip(strides).map(|(n, s)| (n - 1) * (s * sign).max(0) as usize);
            far.sum()
        };
        // One place free on each side.
        let memory = Sparse::new((reach(1) + reach(-1) + 3) * size_of::<T>());
        let origin = memory.first.cast::<T>().wrapping_add(reach(-1) + 1);
        Far { memory, origin, shape, strides }
    }

    fn places(&self) -> impl Iterator<Item = *mut T> + '_ {
        let [count, rows, cols] = self.shape;
        let s = self.strides;
        (0..count * rows * cols).map(move |at| {
            let at = [at / (rows * cols), at / cols % rows, at % cols];
            let offset: isize = at.iter().zip(s).map(|(i, s)| *i as isize * s).sum();
            self.origin.wrapping_offset(offset)
        })
    }

    fn with(self, dense: &[T]) -> Self {
        for (p, x) in self.places().zip(dense) {
            // SAFETY: a place inside the mapping.
            unsafe { p.write(*x) };
        }
        self
    }

    /// What stands there; beside it there is nothing.
    fn gather(&self, what: &str) -> Vec<T> {
        assert!(self.memory.bytes > 1 << 32, "{what}: not far");
        let apart = self.strides.iter().all(|s| s.abs() > 1);
        let at = |p: *mut T| {
            for step in [1, -1].into_iter().filter(|_| apart) {
                // SAFETY: inside the mapping, which is one place longer on each side.
                let beside = unsafe { p.wrapping_offset(step).read() };
                assert_eq!(beside, T::default(), "{what}: written beside the output");
            }
            // SAFETY: a place inside the mapping.
            unsafe { p.read() }
        };
        self.places().map(at).collect()
    }

    fn view(&self) -> Stack<'_, T> {
        // SAFETY: all places lie in the mapping.
        unsafe { Stack::from_raw_parts(self.origin.cast_const(), &self.shape, &self.strides) }
            .unwrap()
    }

    fn view_mut(&mut self) -> StackMut<'_, T> {
        // SAFETY: all places lie in the mapping, each another.
        unsafe { StackMut::from_raw_parts(self.origin, &self.shape, &self.strides) }.unwrap()
    }
}

/// Strides, in elements of `size` bytes: matrices 2^33 bytes apart, forwards and backwards; rows 2^31 bytes
/// and a little apart, columns likewise, both.
fn strides(n: usize, size: usize) -> [(&'static str, [isize; 3]); 6] {
    let n = n as isize;
    let (giant, great) = ((1 << 33) / size as isize, (1 << 31) / size as isize + 3);
    let within = great * n + giant;
    [
        ("matrices", [giant, n, 1]),
        ("matrices, backwards", [-giant, 1, n]),
        ("rows", [within, great, 1]),
        ("columns, backwards", [within, 1, -great]),
        ("rows, and columns in another direction", [within, -great, great / n + 1]),
        ("rows, the stack within", [n, giant, 1]),
    ]
}

fn far_apart<T: Scalar>() {
    for n in [2, 3, 4, 5, 8, 13, 17, 33, 66] {
        let count = if n > 16 { 2 } else { 5 };
        let shape = [count, n, n];
        for call in Call::all() {
            let a = examples::<T>(call, count, n, 7);
            let (x, _) = call.run(count, n, &a);
            let all = strides(n, size_of::<T>());
            for (k, (from, strides)) in all.into_iter().enumerate() {
                // Each with the next: over the calls all pairs that matter.
                let (to, out) = all[(k + n) % all.len()];
                let what = format!("{call:?}, {count} of {n}, {from}, to {to}");
                let input = Far::new(shape, strides).with(&a);
                let mut output = Far::new(shape, out);
                let mut status = vec![Status::default(); count];
                call.into(input.view(), output.view_mut(), &mut status).unwrap();
                assert_same_bits(&output.gather(&what), &x, &what);
                assert_same_bits(&input.gather(&what), &a, &what);
            }
        }
    }
}

/// Conditions and products of such matrices.
fn conditions_and_products<T: Scalar>() {
    let o = Options::default();
    for n in [2, 4, 8, 17, 33, 66] {
        let shape = [2, n, n];
        let a = examples::<T>(Call::Pinv, 2, n, 7);
        let near = Stack::new(&a, &shape).unwrap();
        let product = matmul(near, near, &o).unwrap().into_vec();
        for (from, strides) in strides(n, size_of::<T>()) {
            let input = Far::new(shape, strides).with(&a);
            for norm in [Norm::One, Norm::Inf, Norm::Two] {
                let (x, y) =
                    (rcond(near, norm, &o).unwrap(), rcond(input.view(), norm, &o).unwrap());
                assert_eq!(x, y, "{norm:?}, n = {n}, {from}");
            }
            let mut output = Far::new(shape, strides);
            matmul_into(input.view(), input.view(), output.view_mut(), &o).unwrap();
            let what = format!("n = {n}, {from}");
            assert_same_bits(&output.gather(&what), &product, &what);
        }
    }
}

/// In its own place.
fn in_place<T: Scalar>() {
    for n in [3, 8, 17, 33, 66] {
        let shape = [2, n, n];
        let a = examples::<T>(Call::Inv(Assume::General), 2, n, 7);
        let (x, _) = Call::Inv(Assume::General).run(2, n, &a);
        for (from, strides) in strides(n, size_of::<T>()) {
            let mut memory = Far::new(shape, strides).with(&a);
            inv_in_place(memory.view_mut(), &mut [], &assuming(Assume::General)).unwrap();
            let what = format!("n = {n}, {from}");
            assert_same_bits(&memory.gather(&what), &x, &what);
        }
    }
}

mod stamped {
    super::for_all_scalars!(far_apart, conditions_and_products, in_place);
}
