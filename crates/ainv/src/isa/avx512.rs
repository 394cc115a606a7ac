//! AVX-512 F and DQ: 32 registers of 64 bytes.

use super::{Isa, vector};
use core::arch::x86_64::*;

#[derive(Clone, Copy)]
pub(crate) struct Avx512;

impl Isa for Avx512 {
    type F32 = __m512;
    type F64 = __m512d;
}

vector!(__m512d, f64, __mmask8, 8, {
    splat(x: f64) -> Self = _mm512_set1_pd(x);
    load(p: *const f64) -> Self = _mm512_loadu_pd(p);
    store(self: Self, p: *mut f64) -> () = _mm512_storeu_pd(p, self);
    add(self: Self, b: Self) -> Self = _mm512_add_pd(self, b);
    sub(self: Self, b: Self) -> Self = _mm512_sub_pd(self, b);
    mul(self: Self, b: Self) -> Self = _mm512_mul_pd(self, b);
    div(self: Self, b: Self) -> Self = _mm512_div_pd(self, b);
    sqrt(self: Self) -> Self = _mm512_sqrt_pd(self);
    abs(self: Self) -> Self = _mm512_abs_pd(self);
    mul_add(self: Self, b: Self, c: Self) -> Self = _mm512_fmadd_pd(self, b, c);
    neg_mul_add(self: Self, b: Self, c: Self) -> Self = _mm512_fnmadd_pd(self, b, c);
    gt(self: Self, b: Self) -> __mmask8 = _mm512_cmp_pd_mask::<_CMP_GT_OQ>(self, b);
    eq(self: Self, b: Self) -> __mmask8 = _mm512_cmp_pd_mask::<_CMP_EQ_OQ>(self, b);
    select(mask: __mmask8, y: Self, n: Self) -> Self = _mm512_mask_blend_pd(mask, n, y);
    bits(mask: __mmask8) -> u64 = mask as u64;
});

vector!(__m512, f32, __mmask16, 16, {
    splat(x: f32) -> Self = _mm512_set1_ps(x);
    load(p: *const f32) -> Self = _mm512_loadu_ps(p);
    store(self: Self, p: *mut f32) -> () = _mm512_storeu_ps(p, self);
    add(self: Self, b: Self) -> Self = _mm512_add_ps(self, b);
    sub(self: Self, b: Self) -> Self = _mm512_sub_ps(self, b);
    mul(self: Self, b: Self) -> Self = _mm512_mul_ps(self, b);
    div(self: Self, b: Self) -> Self = _mm512_div_ps(self, b);
    sqrt(self: Self) -> Self = _mm512_sqrt_ps(self);
    abs(self: Self) -> Self = _mm512_abs_ps(self);
    mul_add(self: Self, b: Self, c: Self) -> Self = _mm512_fmadd_ps(self, b, c);
    neg_mul_add(self: Self, b: Self, c: Self) -> Self = _mm512_fnmadd_ps(self, b, c);
    gt(self: Self, b: Self) -> __mmask16 = _mm512_cmp_ps_mask::<_CMP_GT_OQ>(self, b);
    eq(self: Self, b: Self) -> __mmask16 = _mm512_cmp_ps_mask::<_CMP_EQ_OQ>(self, b);
    select(mask: __mmask16, y: Self, n: Self) -> Self = _mm512_mask_blend_ps(mask, n, y);
    bits(mask: __mmask16) -> u64 = mask as u64;
});
