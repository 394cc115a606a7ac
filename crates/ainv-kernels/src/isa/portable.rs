//! Any machine: arrays of 16 bytes that the compiler turns into what vectors it has.
//!
//! [`Portable`] rounds the product and the sum of `mul_add` separately, because a fused one is a
//! library call where the instruction is missing. [`Fused`] rounds once, at any price: it is the
//! oracle that the vector sets must equal bit for bit, and has one lane, which is plainest and soonest compiled.

use super::{Isa, MAX_LANES, Vector};
use crate::scalar::RealScalar;

#[derive(Clone, Copy)]
pub struct Portable;

impl Isa for Portable {
    type F32 = Array<f32, 4, false>;
    type F64 = Array<f64, 2, false>;
    type One32 = Array<f32, 1, false>;
    type One64 = Array<f64, 1, false>;
}

#[derive(Clone, Copy)]
pub struct Fused;

impl Isa for Fused {
    type F32 = Array<f32, 1, true>;
    type F64 = Array<f64, 1, true>;
    type One32 = Array<f32, 1, true>;
    type One64 = Array<f64, 1, true>;
}

/// `N` lanes; `FUSED` says how `mul_add` rounds.
#[derive(Clone, Copy)]
pub struct Array<T, const N: usize, const FUSED: bool>([T; N]);

impl<T: RealScalar, const N: usize, const FUSED: bool> Array<T, N, FUSED> {
    #[inline(always)]
    fn zip(self, b: Self, f: impl Fn(T, T) -> T) -> Self {
        Array(std::array::from_fn(|i| f(self.0[i], b.0[i])))
    }

    #[inline(always)]
    fn zip3(self, b: Self, c: Self, f: impl Fn(T, T, T) -> T) -> Self {
        Array(std::array::from_fn(|i| f(self.0[i], b.0[i], c.0[i])))
    }
}

impl<T: RealScalar, const N: usize, const FUSED: bool> Vector for Array<T, N, FUSED> {
    type Elem = T;
    type Mask = [bool; N];
    const LANES: usize = N;
    const NATIVE: bool = false;

    #[inline(always)]
    unsafe fn splat(x: T) -> Self {
        Array([x; N])
    }
    #[inline(always)]
    unsafe fn load(p: *const T) -> Self {
        // SAFETY: the trait's contract: p spans N elements; an array of T may be unaligned here.
        Array(unsafe { p.cast::<[T; N]>().read_unaligned() })
    }
    #[inline(always)]
    unsafe fn store(self, p: *mut T) {
        // SAFETY: as for load.
        unsafe { p.cast::<[T; N]>().write_unaligned(self.0) }
    }
    #[inline(always)]
    unsafe fn first(self) -> T {
        self.0[0]
    }
    #[inline(always)]
    unsafe fn split(a: Self, b: Self) -> (Self, Self) {
        let at = |i: usize| if i < N { a.0[i] } else { b.0[i - N] };
        (Array(std::array::from_fn(|i| at(2 * i))), Array(std::array::from_fn(|i| at(2 * i + 1))))
    }
    #[inline(always)]
    unsafe fn join(a: Self, b: Self) -> (Self, Self) {
        let at = |i: usize| if i.is_multiple_of(2) { a.0[i / 2] } else { b.0[i / 2] };
        (Array(std::array::from_fn(at)), Array(std::array::from_fn(|i| at(N + i))))
    }
    #[inline(always)]
    unsafe fn add(self, b: Self) -> Self {
        self.zip(b, |x, y| x + y)
    }
    #[inline(always)]
    unsafe fn sub(self, b: Self) -> Self {
        self.zip(b, |x, y| x - y)
    }
    #[inline(always)]
    unsafe fn mul(self, b: Self) -> Self {
        self.zip(b, |x, y| x * y)
    }
    #[inline(always)]
    unsafe fn div(self, b: Self) -> Self {
        self.zip(b, |x, y| x / y)
    }
    #[inline(always)]
    unsafe fn sqrt(self) -> Self {
        self.zip(self, |x, _| x.sqrt())
    }
    #[inline(always)]
    unsafe fn with_sign_of(self, b: Self) -> Self {
        self.zip(b, |x, y| x.copysign(y))
    }
    #[inline(always)]
    unsafe fn and_not(a: Self::Mask, b: Self::Mask) -> Self::Mask {
        std::array::from_fn(|i| a[i] & !b[i])
    }
    #[inline(always)]
    unsafe fn or(a: Self::Mask, b: Self::Mask) -> Self::Mask {
        std::array::from_fn(|i| a[i] | b[i])
    }
    #[inline(always)]
    unsafe fn abs(self) -> Self {
        self.zip(self, |x, _| x.abs())
    }
    #[inline(always)]
    unsafe fn mul_add(self, b: Self, c: Self) -> Self {
        self.zip3(b, c, |x, y, z| if FUSED { x.fma(y, z) } else { x * y + z })
    }
    #[inline(always)]
    unsafe fn neg_mul_add(self, b: Self, c: Self) -> Self {
        self.zip3(b, c, |x, y, z| if FUSED { (-x).fma(y, z) } else { z - x * y })
    }
    #[inline(always)]
    unsafe fn fused_neg_mul_add(self, b: Self, c: Self) -> Self {
        self.zip3(b, c, |x, y, z| (-x).fma(y, z))
    }
    #[inline(always)]
    unsafe fn gt(self, b: Self) -> [bool; N] {
        std::array::from_fn(|i| self.0[i] > b.0[i])
    }
    #[inline(always)]
    unsafe fn eq(self, b: Self) -> [bool; N] {
        std::array::from_fn(|i| self.0[i] == b.0[i])
    }
    #[inline(always)]
    unsafe fn select(mask: [bool; N], y: Self, n: Self) -> Self {
        Array(std::array::from_fn(|i| if mask[i] { y.0[i] } else { n.0[i] }))
    }
    #[inline(always)]
    unsafe fn bits(mask: [bool; N]) -> u64 {
        (0..N).fold(0, |b, i| b | (mask[i] as u64) << i)
    }
    #[inline(always)]
    unsafe fn mask(bits: u64) -> [bool; N] {
        std::array::from_fn(|i| bits >> i & 1 == 1)
    }
    #[inline(always)]
    unsafe fn largest(self) -> Self {
        Array([self.0.into_iter().fold(self.0[0], |a, x| if x > a { x } else { a }); N])
    }
    #[inline(always)]
    unsafe fn load_first(p: *const T, len: usize) -> Self {
        let mut x = [T::default(); N];
        // SAFETY: p spans `len` elements, at most N.
        unsafe { std::ptr::copy_nonoverlapping(p, x.as_mut_ptr(), len) };
        Array(x)
    }
    #[inline(always)]
    unsafe fn store_first(self, p: *mut T, len: usize) {
        // SAFETY: as for load_first.
        unsafe { std::ptr::copy_nonoverlapping(self.0.as_ptr(), p, len) }
    }
    #[inline(always)]
    unsafe fn transpose(x: &mut [Self; MAX_LANES]) {
        for i in 0..N {
            for j in 0..i {
                let (a, b) = (x[i].0[j], x[j].0[i]);
                x[i].0[j] = b;
                x[j].0[i] = a;
            }
        }
    }
}
