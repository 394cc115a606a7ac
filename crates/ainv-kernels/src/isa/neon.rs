//! NEON: 32 registers of 16 bytes. Every aarch64 CPU has it.

use super::portable::Array;
use super::{Isa, MAX_LANES, vector};
use core::arch::aarch64::*;

#[derive(Clone, Copy)]
pub struct Neon;

impl Isa for Neon {
    type F32 = float32x4_t;
    type F64 = float64x2_t;
    type One32 = Array<f32, 1, true>;
    type One64 = Array<f64, 1, true>;
}

vector!(float64x2_t, f64, uint64x2_t, 2, {
    splat(x: f64) -> Self = vdupq_n_f64(x);
    load(p: *const f64) -> Self = vld1q_f64(p);
    store(self: Self, p: *mut f64) -> () = vst1q_f64(p, self);
    first(self: Self) -> f64 = vgetq_lane_f64::<0>(self);
    split(a: Self, b: Self) -> (Self, Self) = (vuzp1q_f64(a, b), vuzp2q_f64(a, b));
    join(a: Self, b: Self) -> (Self, Self) = (vzip1q_f64(a, b), vzip2q_f64(a, b));
    add(self: Self, b: Self) -> Self = vaddq_f64(self, b);
    sub(self: Self, b: Self) -> Self = vsubq_f64(self, b);
    mul(self: Self, b: Self) -> Self = vmulq_f64(self, b);
    div(self: Self, b: Self) -> Self = vdivq_f64(self, b);
    sqrt(self: Self) -> Self = vsqrtq_f64(self);
    abs(self: Self) -> Self = vabsq_f64(self);
    mul_add(self: Self, b: Self, c: Self) -> Self = vfmaq_f64(c, self, b);
    neg_mul_add(self: Self, b: Self, c: Self) -> Self = vfmsq_f64(c, self, b);
    gt(self: Self, b: Self) -> uint64x2_t = vcgtq_f64(self, b);
    eq(self: Self, b: Self) -> uint64x2_t = vceqq_f64(self, b);
    select(mask: uint64x2_t, y: Self, n: Self) -> Self = vbslq_f64(mask, y, n);
    with_sign_of(self: Self, b: Self) -> Self =
        vbslq_f64(vdupq_n_u64(1 << 63), b, self);
    and_not(a: uint64x2_t, b: uint64x2_t) -> uint64x2_t = vbicq_u64(a, b);
    or(a: uint64x2_t, b: uint64x2_t) -> uint64x2_t = vorrq_u64(a, b);
    bits(mask: uint64x2_t) -> u64 =
        (vgetq_lane_u64::<0>(mask) & 1) | (vgetq_lane_u64::<1>(mask) & 2);
    mask(bits: u64) -> uint64x2_t = vtstq_u64(vdupq_n_u64(bits), vld1q_u64([1, 2].as_ptr()));
    largest(self: Self) -> Self = vdupq_n_f64(vmaxvq_f64(self));
    load_first(p: *const f64, len: usize) -> Self = {
        let mut x = [0.0; 2];
        core::ptr::copy_nonoverlapping(p, x.as_mut_ptr(), len);
        vld1q_f64(x.as_ptr())
    };
    store_first(self: Self, p: *mut f64, len: usize) -> () = {
        let mut x = [0.0; 2];
        vst1q_f64(x.as_mut_ptr(), self);
        core::ptr::copy_nonoverlapping(x.as_ptr(), p, len)
    };
    transpose(x: &mut [Self; MAX_LANES]) -> () = {
        let (a, b) = (x[0], x[1]);
        x[0] = vzip1q_f64(a, b);
        x[1] = vzip2q_f64(a, b);
    };
});

vector!(float32x4_t, f32, uint32x4_t, 4, {
    splat(x: f32) -> Self = vdupq_n_f32(x);
    load(p: *const f32) -> Self = vld1q_f32(p);
    store(self: Self, p: *mut f32) -> () = vst1q_f32(p, self);
    first(self: Self) -> f32 = vgetq_lane_f32::<0>(self);
    split(a: Self, b: Self) -> (Self, Self) = (vuzp1q_f32(a, b), vuzp2q_f32(a, b));
    join(a: Self, b: Self) -> (Self, Self) = (vzip1q_f32(a, b), vzip2q_f32(a, b));
    add(self: Self, b: Self) -> Self = vaddq_f32(self, b);
    sub(self: Self, b: Self) -> Self = vsubq_f32(self, b);
    mul(self: Self, b: Self) -> Self = vmulq_f32(self, b);
    div(self: Self, b: Self) -> Self = vdivq_f32(self, b);
    sqrt(self: Self) -> Self = vsqrtq_f32(self);
    abs(self: Self) -> Self = vabsq_f32(self);
    mul_add(self: Self, b: Self, c: Self) -> Self = vfmaq_f32(c, self, b);
    neg_mul_add(self: Self, b: Self, c: Self) -> Self = vfmsq_f32(c, self, b);
    gt(self: Self, b: Self) -> uint32x4_t = vcgtq_f32(self, b);
    eq(self: Self, b: Self) -> uint32x4_t = vceqq_f32(self, b);
    select(mask: uint32x4_t, y: Self, n: Self) -> Self = vbslq_f32(mask, y, n);
    with_sign_of(self: Self, b: Self) -> Self =
        vbslq_f32(vdupq_n_u32(1 << 31), b, self);
    and_not(a: uint32x4_t, b: uint32x4_t) -> uint32x4_t = vbicq_u32(a, b);
    or(a: uint32x4_t, b: uint32x4_t) -> uint32x4_t = vorrq_u32(a, b);
    bits(mask: uint32x4_t) -> u64 = vaddvq_u32(vandq_u32(
        mask,
        vld1q_u32([1, 2, 4, 8].as_ptr()),
    )) as u64;
    mask(bits: u64) -> uint32x4_t =
        vtstq_u32(vdupq_n_u32(bits as u32), vld1q_u32([1, 2, 4, 8].as_ptr()));
    largest(self: Self) -> Self = vdupq_n_f32(vmaxvq_f32(self));
    load_first(p: *const f32, len: usize) -> Self = {
        let mut x = [0.0; 4];
        core::ptr::copy_nonoverlapping(p, x.as_mut_ptr(), len);
        vld1q_f32(x.as_ptr())
    };
    store_first(self: Self, p: *mut f32, len: usize) -> () = {
        let mut x = [0.0; 4];
        vst1q_f32(x.as_mut_ptr(), self);
        core::ptr::copy_nonoverlapping(x.as_ptr(), p, len)
    };
    transpose(x: &mut [Self; MAX_LANES]) -> () = {
        let even = vreinterpretq_f64_f32(vtrn1q_f32(x[0], x[1]));
        let even2 = vreinterpretq_f64_f32(vtrn1q_f32(x[2], x[3]));
        let odd = vreinterpretq_f64_f32(vtrn2q_f32(x[0], x[1]));
        let odd2 = vreinterpretq_f64_f32(vtrn2q_f32(x[2], x[3]));
        x[0] = vreinterpretq_f32_f64(vzip1q_f64(even, even2));
        x[1] = vreinterpretq_f32_f64(vzip1q_f64(odd, odd2));
        x[2] = vreinterpretq_f32_f64(vzip2q_f64(even, even2));
        x[3] = vreinterpretq_f32_f64(vzip2q_f64(odd, odd2));
    };
});
