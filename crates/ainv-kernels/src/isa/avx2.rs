//! AVX2 and FMA: 16 registers of 32 bytes.

use super::portable::Array;
use super::{Isa, MAX_LANES, vector};
use core::arch::x86_64::*;

#[derive(Clone, Copy)]
pub struct Avx2;

impl Isa for Avx2 {
    type F32 = __m256;
    type F64 = __m256d;
    type One32 = Array<f32, 1, true>;
    type One64 = Array<f64, 1, true>;
}

/// The mask of the first `len` lanes.
#[inline(always)]
unsafe fn first64(len: usize) -> __m256i {
    // SAFETY: the contract of Vector.
    unsafe { _mm256_cmpgt_epi64(_mm256_set1_epi64x(len as i64), _mm256_setr_epi64x(0, 1, 2, 3)) }
}

/// The mask of the first `len` lanes.
#[inline(always)]
unsafe fn first32(len: usize) -> __m256i {
    // SAFETY: the contract of Vector.
    unsafe {
        let lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
        _mm256_cmpgt_epi32(_mm256_set1_epi32(len as i32), lane)
    }
}

vector!(__m256d, f64, __m256d, 4, {
    splat(x: f64) -> Self = _mm256_set1_pd(x);
    load(p: *const f64) -> Self = _mm256_loadu_pd(p);
    store(self: Self, p: *mut f64) -> () = _mm256_storeu_pd(p, self);
    stream(self: Self, p: *mut f64) -> () = _mm256_stream_pd(p, self);
    first(self: Self) -> f64 = _mm256_cvtsd_f64(self);
    split(a: Self, b: Self) -> (Self, Self) = {
        let low = _mm256_permute2f128_pd::<0x20>(a, b);
        let high = _mm256_permute2f128_pd::<0x31>(a, b);
        (_mm256_unpacklo_pd(low, high), _mm256_unpackhi_pd(low, high))
    };
    join(a: Self, b: Self) -> (Self, Self) = {
        let (low, high) = (_mm256_unpacklo_pd(a, b), _mm256_unpackhi_pd(a, b));
        (_mm256_permute2f128_pd::<0x20>(low, high), _mm256_permute2f128_pd::<0x31>(low, high))
    };
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
    max(self: Self, b: Self) -> Self = _mm256_max_pd(self, b);
    min(self: Self, b: Self) -> Self = _mm256_min_pd(self, b);
    with_sign_of(self: Self, b: Self) -> Self =
        _mm256_or_pd(self, _mm256_and_pd(b, _mm256_set1_pd(-0.0)));
    and_not(a: Self, b: Self) -> Self = _mm256_andnot_pd(b, a);
    or(a: Self, b: Self) -> Self = _mm256_or_pd(a, b);
    bits(mask: Self) -> u64 = _mm256_movemask_pd(mask) as u64;
    mask(bits: u64) -> Self = {
        let lane = _mm256_setr_epi64x(1, 2, 4, 8);
        let here = _mm256_and_si256(_mm256_set1_epi64x(bits as i64), lane);
        _mm256_castsi256_pd(_mm256_cmpeq_epi64(here, lane))
    };
    largest(self: Self) -> Self = {
        let x = _mm256_max_pd(self, _mm256_permute2f128_pd::<1>(self, self));
        _mm256_max_pd(x, _mm256_permute_pd::<0b0101>(x))
    };
    load_first(p: *const f64, len: usize) -> Self = _mm256_maskload_pd(p, first64(len));
    store_first(self: Self, p: *mut f64, len: usize) -> () =
        _mm256_maskstore_pd(p, first64(len), self);
    transpose(x: &mut [Self; MAX_LANES]) -> () = {
        let (low, low2) = (_mm256_unpacklo_pd(x[0], x[1]), _mm256_unpacklo_pd(x[2], x[3]));
        let (high, high2) = (_mm256_unpackhi_pd(x[0], x[1]), _mm256_unpackhi_pd(x[2], x[3]));
        x[0] = _mm256_permute2f128_pd::<0x20>(low, low2);
        x[1] = _mm256_permute2f128_pd::<0x20>(high, high2);
        x[2] = _mm256_permute2f128_pd::<0x31>(low, low2);
        x[3] = _mm256_permute2f128_pd::<0x31>(high, high2);
    };
});

vector!(__m256, f32, __m256, 8, {
    splat(x: f32) -> Self = _mm256_set1_ps(x);
    load(p: *const f32) -> Self = _mm256_loadu_ps(p);
    store(self: Self, p: *mut f32) -> () = _mm256_storeu_ps(p, self);
    stream(self: Self, p: *mut f32) -> () = _mm256_stream_ps(p, self);
    first(self: Self) -> f32 = _mm256_cvtss_f32(self);
    split(a: Self, b: Self) -> (Self, Self) = {
        let low = _mm256_permute2f128_ps::<0x20>(a, b);
        let high = _mm256_permute2f128_ps::<0x31>(a, b);
        // Low: a0 a1 a2 a3 b0 b1 b2 b3; high: a4 .. a7 b4 .. b7.
        (_mm256_shuffle_ps::<0x88>(low, high), _mm256_shuffle_ps::<0xdd>(low, high))
    };
    join(a: Self, b: Self) -> (Self, Self) = {
        let (low, high) = (_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b));
        (_mm256_permute2f128_ps::<0x20>(low, high), _mm256_permute2f128_ps::<0x31>(low, high))
    };
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
    max(self: Self, b: Self) -> Self = _mm256_max_ps(self, b);
    min(self: Self, b: Self) -> Self = _mm256_min_ps(self, b);
    with_sign_of(self: Self, b: Self) -> Self =
        _mm256_or_ps(self, _mm256_and_ps(b, _mm256_set1_ps(-0.0)));
    and_not(a: Self, b: Self) -> Self = _mm256_andnot_ps(b, a);
    or(a: Self, b: Self) -> Self = _mm256_or_ps(a, b);
    bits(mask: Self) -> u64 = _mm256_movemask_ps(mask) as u64;
    mask(bits: u64) -> Self = {
        let lane = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
        let here = _mm256_and_si256(_mm256_set1_epi32(bits as i32), lane);
        _mm256_castsi256_ps(_mm256_cmpeq_epi32(here, lane))
    };
    largest(self: Self) -> Self = {
        let x = _mm256_max_ps(self, _mm256_permute2f128_ps::<1>(self, self));
        let x = _mm256_max_ps(x, _mm256_permute_ps::<0b01_00_11_10>(x));
        _mm256_max_ps(x, _mm256_permute_ps::<0b10_11_00_01>(x))
    };
    load_first(p: *const f32, len: usize) -> Self = _mm256_maskload_ps(p, first32(len));
    store_first(self: Self, p: *mut f32, len: usize) -> () =
        _mm256_maskstore_ps(p, first32(len), self);
    transpose(x: &mut [Self; MAX_LANES]) -> () = {
        for q in [0, 4] {
            let low = _mm256_castps_pd(_mm256_unpacklo_ps(x[q], x[q + 1]));
            let low2 = _mm256_castps_pd(_mm256_unpacklo_ps(x[q + 2], x[q + 3]));
            let high = _mm256_castps_pd(_mm256_unpackhi_ps(x[q], x[q + 1]));
            let high2 = _mm256_castps_pd(_mm256_unpackhi_ps(x[q + 2], x[q + 3]));
            x[q] = _mm256_castpd_ps(_mm256_unpacklo_pd(low, low2));
            x[q + 1] = _mm256_castpd_ps(_mm256_unpackhi_pd(low, low2));
            x[q + 2] = _mm256_castpd_ps(_mm256_unpacklo_pd(high, high2));
            x[q + 3] = _mm256_castpd_ps(_mm256_unpackhi_pd(high, high2));
        }
        for c in [0, 1, 2, 3] {
            let (a, b) = (x[c], x[c + 4]);
            x[c] = _mm256_permute2f128_ps::<0x20>(a, b);
            x[c + 4] = _mm256_permute2f128_ps::<0x31>(a, b);
        }
    };
});
