//! AVX2 and FMA: 16 registers of 32 bytes.

use super::{Isa, vector};
use core::arch::x86_64::*;

#[derive(Clone, Copy)]
pub(crate) struct Avx2;

impl Isa for Avx2 {
    type F32 = __m256;
    type F64 = __m256d;
}

vector!(__m256d, f64, __m256d, 4, {
    splat(x: f64) -> Self = _mm256_set1_pd(x);
    load(p: *const f64) -> Self = _mm256_loadu_pd(p);
    store(self: Self, p: *mut f64) -> () = _mm256_storeu_pd(p, self);
    add(self: Self, b: Self) -> Self = _mm256_add_pd(self, b);
    sub(self: Self, b: Self) -> Self = _mm256_sub_pd(self, b);
    mul(self: Self, b: Self) -> Self = _mm256_mul_pd(self, b);
    div(self: Self, b: Self) -> Self = _mm256_div_pd(self, b);
    sqrt(self: Self) -> Self = _mm256_sqrt_pd(self);
    abs(self: Self) -> Self = _mm256_andnot_pd(_mm256_set1_pd(-0.0), self);
    mul_add(self: Self, b: Self, c: Self) -> Self = _mm256_fmadd_pd(self, b, c);
    neg_mul_add(self: Self, b: Self, c: Self) -> Self = _mm256_fnmadd_pd(self, b, c);
    gt(self: Self, b: Self) -> Self = _mm256_cmp_pd::<_CMP_GT_OQ>(self, b);
    eq(self: Self, b: Self) -> Self = _mm256_cmp_pd::<_CMP_EQ_OQ>(self, b);
    select(mask: Self, y: Self, n: Self) -> Self = _mm256_blendv_pd(n, y, mask);
    bits(mask: Self) -> u64 = _mm256_movemask_pd(mask) as u64;
});

vector!(__m256, f32, __m256, 8, {
    splat(x: f32) -> Self = _mm256_set1_ps(x);
    load(p: *const f32) -> Self = _mm256_loadu_ps(p);
    store(self: Self, p: *mut f32) -> () = _mm256_storeu_ps(p, self);
    add(self: Self, b: Self) -> Self = _mm256_add_ps(self, b);
    sub(self: Self, b: Self) -> Self = _mm256_sub_ps(self, b);
    mul(self: Self, b: Self) -> Self = _mm256_mul_ps(self, b);
    div(self: Self, b: Self) -> Self = _mm256_div_ps(self, b);
    sqrt(self: Self) -> Self = _mm256_sqrt_ps(self);
    abs(self: Self) -> Self = _mm256_andnot_ps(_mm256_set1_ps(-0.0), self);
    mul_add(self: Self, b: Self, c: Self) -> Self = _mm256_fmadd_ps(self, b, c);
    neg_mul_add(self: Self, b: Self, c: Self) -> Self = _mm256_fnmadd_ps(self, b, c);
    gt(self: Self, b: Self) -> Self = _mm256_cmp_ps::<_CMP_GT_OQ>(self, b);
    eq(self: Self, b: Self) -> Self = _mm256_cmp_ps::<_CMP_EQ_OQ>(self, b);
    select(mask: Self, y: Self, n: Self) -> Self = _mm256_blendv_ps(n, y, mask);
    bits(mask: Self) -> u64 = _mm256_movemask_ps(mask) as u64;
});
