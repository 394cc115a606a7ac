//! AVX-512 F and DQ: 32 registers of 64 bytes.

use super::portable::Array;
use super::{Isa, MAX_LANES, vector};
use core::arch::x86_64::*;

#[derive(Clone, Copy)]
pub struct Avx512;

impl Isa for Avx512 {
    type F32 = __m512;
    type F64 = __m512d;
    type One32 = Array<f32, 1, true>;
    type One64 = Array<f64, 1, true>;
}

/// The mask of the first `len` lanes.
#[inline(always)]
fn first(len: usize) -> __mmask16 {
    ((1u32 << len) - 1) as __mmask16
}

vector!(__m512d, f64, __mmask8, 8, {
    splat(x: f64) -> Self = _mm512_set1_pd(x);
    load(p: *const f64) -> Self = _mm512_loadu_pd(p);
    store(self: Self, p: *mut f64) -> () = _mm512_storeu_pd(p, self);
    stream(self: Self, p: *mut f64) -> () = _mm512_stream_pd(p, self);
    first(self: Self) -> f64 = _mm512_cvtsd_f64(self);
    split(a: Self, b: Self) -> (Self, Self) = {
        let even = _mm512_setr_epi64(0, 2, 4, 6, 8, 10, 12, 14);
        let odd = _mm512_setr_epi64(1, 3, 5, 7, 9, 11, 13, 15);
        (_mm512_permutex2var_pd(a, even, b), _mm512_permutex2var_pd(a, odd, b))
    };
    join(a: Self, b: Self) -> (Self, Self) = {
        let low = _mm512_setr_epi64(0, 8, 1, 9, 2, 10, 3, 11);
        let high = _mm512_setr_epi64(4, 12, 5, 13, 6, 14, 7, 15);
        (_mm512_permutex2var_pd(a, low, b), _mm512_permutex2var_pd(a, high, b))
    };
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
    max(self: Self, b: Self) -> Self = _mm512_max_pd(self, b);
    min(self: Self, b: Self) -> Self = _mm512_min_pd(self, b);
    with_sign_of(self: Self, b: Self) -> Self =
        _mm512_or_pd(self, _mm512_and_pd(b, _mm512_set1_pd(-0.0)));
    and_not(a: __mmask8, b: __mmask8) -> __mmask8 = a & !b;
    or(a: __mmask8, b: __mmask8) -> __mmask8 = a | b;
    bits(mask: __mmask8) -> u64 = mask as u64;
    mask(bits: u64) -> __mmask8 = bits as __mmask8;
    largest(self: Self) -> Self = {
        let x = _mm512_max_pd(self, _mm512_shuffle_f64x2::<0b01_00_11_10>(self, self));
        let x = _mm512_max_pd(x, _mm512_shuffle_f64x2::<0b10_11_00_01>(x, x));
        _mm512_max_pd(x, _mm512_permute_pd::<0b01_01_01_01>(x))
    };
    load_first(p: *const f64, len: usize) -> Self = _mm512_maskz_loadu_pd(first(len) as u8, p);
    store_first(self: Self, p: *mut f64, len: usize) -> () =
        _mm512_mask_storeu_pd(p, first(len) as u8, self);
    transpose(x: &mut [Self; MAX_LANES]) -> () = {
        // Pairs within the 128-bit parts, then the parts.
        for i in [0, 2, 4, 6] {
            let (a, b) = (x[i], x[i + 1]);
            x[i] = _mm512_unpacklo_pd(a, b);
            x[i + 1] = _mm512_unpackhi_pd(a, b);
        }
        for c in [0, 1] {
            let even = _mm512_shuffle_f64x2::<0x88>(x[c], x[c + 2]);
            let even2 = _mm512_shuffle_f64x2::<0x88>(x[c + 4], x[c + 6]);
            let odd = _mm512_shuffle_f64x2::<0xdd>(x[c], x[c + 2]);
            let odd2 = _mm512_shuffle_f64x2::<0xdd>(x[c + 4], x[c + 6]);
            x[c] = _mm512_shuffle_f64x2::<0x88>(even, even2);
            x[c + 2] = _mm512_shuffle_f64x2::<0x88>(odd, odd2);
            x[c + 4] = _mm512_shuffle_f64x2::<0xdd>(even, even2);
            x[c + 6] = _mm512_shuffle_f64x2::<0xdd>(odd, odd2);
        }
    };
    load_transposed(from: &[*const f64; MAX_LANES]) -> [Self; MAX_LANES] = {
        // By halves: an insert from memory takes the place of a shuffle.
        let halves = |i: usize, j: usize, at: usize| {
            let low = _mm512_castpd256_pd512(_mm256_loadu_pd(from[i].add(at)));
            _mm512_insertf64x4::<1>(low, _mm256_loadu_pd(from[j].add(at)))
        };
        let mut x = [_mm512_setzero_pd(); MAX_LANES];
        for at in [0, 4] {
            let (a, b) = (halves(0, 2, at), halves(1, 3, at));
            let (c, d) = (halves(4, 6, at), halves(5, 7, at));
            let (ab, cd) = (_mm512_unpacklo_pd(a, b), _mm512_unpacklo_pd(c, d));
            let (ab2, cd2) = (_mm512_unpackhi_pd(a, b), _mm512_unpackhi_pd(c, d));
            x[at] = _mm512_shuffle_f64x2::<0x88>(ab, cd);
            x[at + 1] = _mm512_shuffle_f64x2::<0x88>(ab2, cd2);
            x[at + 2] = _mm512_shuffle_f64x2::<0xdd>(ab, cd);
            x[at + 3] = _mm512_shuffle_f64x2::<0xdd>(ab2, cd2);
        }
        x
    };
    store_transposed(x: [Self; MAX_LANES], to: &[*mut f64; MAX_LANES]) -> () = {
        let low = _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11);
        let high = _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15);
        for at in [0, 4] {
            let even = _mm512_unpacklo_pd(x[at], x[at + 1]);
            let even2 = _mm512_unpacklo_pd(x[at + 2], x[at + 3]);
            let odd = _mm512_unpackhi_pd(x[at], x[at + 1]);
            let odd2 = _mm512_unpackhi_pd(x[at + 2], x[at + 3]);
            for (l, y) in [
                (0, _mm512_permutex2var_pd(even, low, even2)),
                (1, _mm512_permutex2var_pd(odd, low, odd2)),
                (4, _mm512_permutex2var_pd(even, high, even2)),
                (5, _mm512_permutex2var_pd(odd, high, odd2)),
            ] {
                _mm256_storeu_pd(to[l].add(at), _mm512_castpd512_pd256(y));
                _mm256_storeu_pd(to[l + 2].add(at), _mm512_extractf64x4_pd::<1>(y));
            }
        }
    };
});

vector!(__m512, f32, __mmask16, 16, {
    splat(x: f32) -> Self = _mm512_set1_ps(x);
    load(p: *const f32) -> Self = _mm512_loadu_ps(p);
    store(self: Self, p: *mut f32) -> () = _mm512_storeu_ps(p, self);
    stream(self: Self, p: *mut f32) -> () = _mm512_stream_ps(p, self);
    first(self: Self) -> f32 = _mm512_cvtss_f32(self);
    split(a: Self, b: Self) -> (Self, Self) = {
        let even =
            _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
        let odd = _mm512_setr_epi32(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
        (_mm512_permutex2var_ps(a, even, b), _mm512_permutex2var_ps(a, odd, b))
    };
    join(a: Self, b: Self) -> (Self, Self) = {
        let low = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
        let high = _mm512_setr_epi32(8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
        (_mm512_permutex2var_ps(a, low, b), _mm512_permutex2var_ps(a, high, b))
    };
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
    max(self: Self, b: Self) -> Self = _mm512_max_ps(self, b);
    min(self: Self, b: Self) -> Self = _mm512_min_ps(self, b);
    with_sign_of(self: Self, b: Self) -> Self =
        _mm512_or_ps(self, _mm512_and_ps(b, _mm512_set1_ps(-0.0)));
    and_not(a: __mmask16, b: __mmask16) -> __mmask16 = a & !b;
    or(a: __mmask16, b: __mmask16) -> __mmask16 = a | b;
    bits(mask: __mmask16) -> u64 = mask as u64;
    mask(bits: u64) -> __mmask16 = bits as __mmask16;
    largest(self: Self) -> Self = {
        let x = _mm512_max_ps(self, _mm512_shuffle_f32x4::<0b01_00_11_10>(self, self));
        let x = _mm512_max_ps(x, _mm512_shuffle_f32x4::<0b10_11_00_01>(x, x));
        let x = _mm512_max_ps(x, _mm512_permute_ps::<0b01_00_11_10>(x));
        _mm512_max_ps(x, _mm512_permute_ps::<0b10_11_00_01>(x))
    };
    load_first(p: *const f32, len: usize) -> Self = _mm512_maskz_loadu_ps(first(len), p);
    store_first(self: Self, p: *mut f32, len: usize) -> () =
        _mm512_mask_storeu_ps(p, first(len), self);
    transpose(x: &mut [Self; MAX_LANES]) -> () = {
        // Four rows at a time within the 128-bit parts, then the parts.
        for q in [0, 4, 8, 12] {
            let low = _mm512_castps_pd(_mm512_unpacklo_ps(x[q], x[q + 1]));
            let low2 = _mm512_castps_pd(_mm512_unpacklo_ps(x[q + 2], x[q + 3]));
            let high = _mm512_castps_pd(_mm512_unpackhi_ps(x[q], x[q + 1]));
            let high2 = _mm512_castps_pd(_mm512_unpackhi_ps(x[q + 2], x[q + 3]));
            x[q] = _mm512_castpd_ps(_mm512_unpacklo_pd(low, low2));
            x[q + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(low, low2));
            x[q + 2] = _mm512_castpd_ps(_mm512_unpacklo_pd(high, high2));
            x[q + 3] = _mm512_castpd_ps(_mm512_unpackhi_pd(high, high2));
        }
        for c in [0, 1, 2, 3] {
            let even = _mm512_shuffle_f32x4::<0x88>(x[c], x[c + 4]);
            let even2 = _mm512_shuffle_f32x4::<0x88>(x[c + 8], x[c + 12]);
            let odd = _mm512_shuffle_f32x4::<0xdd>(x[c], x[c + 4]);
            let odd2 = _mm512_shuffle_f32x4::<0xdd>(x[c + 8], x[c + 12]);
            x[c] = _mm512_shuffle_f32x4::<0x88>(even, even2);
            x[c + 4] = _mm512_shuffle_f32x4::<0x88>(odd, odd2);
            x[c + 8] = _mm512_shuffle_f32x4::<0xdd>(even, even2);
            x[c + 12] = _mm512_shuffle_f32x4::<0xdd>(odd, odd2);
        }
    };
});
