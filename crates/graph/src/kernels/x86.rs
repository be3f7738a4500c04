//! Lanes in AVX-512 and AVX2 registers. Only functions compiled for the instruction set may use them.

use super::vector::Vector;
use std::arch::x86_64::*;

/// The sum of 8 numbers, in halves.
#[inline(always)]
unsafe fn sum_8(x: __m256) -> f32 {
    unsafe {
        let four = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps::<1>(x));
        let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
        _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps::<1>(two, two)))
    }
}

/// The sum of 16 numbers, in halves.
#[inline(always)]
unsafe fn sum_16(x: __m512) -> f32 {
    unsafe { sum_8(_mm256_add_ps(_mm512_castps512_ps256(x), _mm512_extractf32x8_ps::<1>(x))) }
}

/// The sum of 4 numbers, in halves.
#[inline(always)]
unsafe fn sum_4(x: __m256d) -> f64 {
    unsafe {
        let two = _mm_add_pd(_mm256_castpd256_pd128(x), _mm256_extractf128_pd::<1>(x));
        _mm_cvtsd_f64(_mm_add_sd(two, _mm_unpackhi_pd(two, two)))
    }
}

/// The sum of 8 numbers, in halves.
#[inline(always)]
unsafe fn sum_8_double(x: __m512d) -> f64 {
    unsafe { sum_4(_mm256_add_pd(_mm512_castpd512_pd256(x), _mm512_extractf64x4_pd::<1>(x))) }
}

/// Writes 8 rows of 8 numbers as columns.
///
/// # Safety
/// The machine has AVX; the pointers are valid for 8 numbers.
#[inline(always)]
unsafe fn transpose_8(rows: [*const f32; 8], to: *mut f32, stride: usize) {
    unsafe {
        let [a, b, c, d, e, f, g, h] = rows.map(|row| _mm256_loadu_ps(row));
        let pairs = [
            _mm256_unpacklo_ps(a, b),
            _mm256_unpackhi_ps(a, b),
            _mm256_unpacklo_ps(c, d),
            _mm256_unpackhi_ps(c, d),
            _mm256_unpacklo_ps(e, f),
            _mm256_unpackhi_ps(e, f),
            _mm256_unpacklo_ps(g, h),
            _mm256_unpackhi_ps(g, h),
        ];
        let fours = |i: usize| {
            [
                _mm256_shuffle_ps::<0x44>(pairs[i], pairs[i + 2]),
                _mm256_shuffle_ps::<0xEE>(pairs[i], pairs[i + 2]),
                _mm256_shuffle_ps::<0x44>(pairs[i + 1], pairs[i + 3]),
                _mm256_shuffle_ps::<0xEE>(pairs[i + 1], pairs[i + 3]),
            ]
        };
        let (left, right) = (fours(0), fours(4));
        for j in 0..4 {
            _mm256_storeu_ps(to.add(j * stride), _mm256_permute2f128_ps::<0x20>(left[j], right[j]));
            _mm256_storeu_ps(to.add((j + 4) * stride), _mm256_permute2f128_ps::<0x31>(left[j], right[j]));
        }
    }
}

/// Writes 8 rows of 8 numbers as columns, one by one.
#[inline(always)]
unsafe fn transpose_numbers(rows: [*const f64; 8], to: *mut f64, stride: usize) {
    for (i, row) in rows.into_iter().enumerate() {
        for j in 0..8 {
            unsafe { *to.add(j * stride + i) = *row.add(j) };
        }
    }
}

/// A chunk in one 512-bit register.
#[derive(Clone, Copy)]
pub(crate) struct Wide<R>(R);

/// A chunk in two 256-bit registers.
#[derive(Clone, Copy)]
pub(crate) struct Pair<R>(R, R);

macro_rules! wide {
    ($register:ty, $scalar:ty, $lanes:literal, $mask:ty, {
        $load:ident, $store:ident, $splat:ident, $add:ident, $sub:ident, $mul:ident, $div:ident, $fma:ident,
        $sqrt:ident, $abs:ident, $min:ident, $max:ident, $round:ident, $scale:ident, $cmp:ident, $select:ident,
        $logic:ident, $cast:ident, $back:ident, $sign:expr, $runs:ident, $first:ident, $transpose:ident, $sum:ident
    }) => {
        impl Vector for Wide<$register> {
            type Scalar = $scalar;
            type Mask = $mask;
            const LANES: usize = $lanes;
            const TILE_ROWS: usize = 8;
            const TILE_CHUNKS: usize = 3;

            #[inline(always)]
            unsafe fn load(from: *const $scalar) -> Self {
                Wide(unsafe { $load(from) })
            }
            #[inline(always)]
            unsafe fn store(self, to: *mut $scalar) {
                unsafe { $store(to, self.0) }
            }
            #[inline(always)]
            unsafe fn splat(x: $scalar) -> Self {
                Wide(unsafe { $splat(x) })
            }
            #[inline(always)]
            unsafe fn load_runs(from: *const $scalar, stride: usize) -> Self {
                Wide(unsafe { $runs(from, stride) })
            }
            #[inline(always)]
            unsafe fn store_first(self, to: *mut $scalar, count: usize) {
                unsafe { $first(to, ((1u32 << count) - 1) as $mask, self.0) }
            }
            #[inline(always)]
            unsafe fn sum(self) -> $scalar {
                unsafe { $sum(self.0) }
            }
            #[inline(always)]
            unsafe fn transpose(rows: [*const $scalar; 8], to: *mut $scalar, stride: usize) {
                unsafe { $transpose(rows, to, stride) }
            }
            #[inline(always)]
            unsafe fn add(self, b: Self) -> Self {
                Wide(unsafe { $add(self.0, b.0) })
            }
            #[inline(always)]
            unsafe fn sub(self, b: Self) -> Self {
                Wide(unsafe { $sub(self.0, b.0) })
            }
            #[inline(always)]
            unsafe fn mul(self, b: Self) -> Self {
                Wide(unsafe { $mul(self.0, b.0) })
            }
            #[inline(always)]
            unsafe fn div(self, b: Self) -> Self {
                Wide(unsafe { $div(self.0, b.0) })
            }
            #[inline(always)]
            unsafe fn mul_add(self, b: Self, c: Self) -> Self {
                Wide(unsafe { $fma(self.0, b.0, c.0) })
            }
            #[inline(always)]
            unsafe fn sqrt(self) -> Self {
                Wide(unsafe { $sqrt(self.0) })
            }
            #[inline(always)]
            unsafe fn abs(self) -> Self {
                Wide(unsafe { $abs(self.0) })
            }
            #[inline(always)]
            unsafe fn min(self, b: Self) -> Self {
                Wide(unsafe { $min(self.0, b.0) })
            }
            #[inline(always)]
            unsafe fn max(self, b: Self) -> Self {
                Wide(unsafe { $max(self.0, b.0) })
            }
            #[inline(always)]
            unsafe fn round(self) -> Self {
                Wide(unsafe { $round::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(self.0) })
            }
            #[inline(always)]
            unsafe fn scale(self, n: Self) -> Self {
                Wide(unsafe { $scale(self.0, n.0) })
            }
            #[inline(always)]
            unsafe fn power_of_two(self) -> Self {
                Wide(unsafe { $scale($splat(1.0), self.0) })
            }
            #[inline(always)]
            unsafe fn gt(self, b: Self) -> $mask {
                unsafe { $cmp::<_CMP_GT_OQ>(self.0, b.0) }
            }
            #[inline(always)]
            unsafe fn eq(self, b: Self) -> $mask {
                unsafe { $cmp::<_CMP_EQ_OQ>(self.0, b.0) }
            }
            #[inline(always)]
            unsafe fn select(mask: $mask, a: Self, b: Self) -> Self {
                Wide(unsafe { $select(mask, b.0, a.0) })
            }
            #[inline(always)]
            unsafe fn copysign(self, b: Self) -> Self {
                // Bitwise "sign ? b : self", truth table 0xCA.
                unsafe { Wide($back($logic::<0xCA>($sign, $cast(b.0), $cast(self.0)))) }
            }
        }
    };
}

/// 16 numbers in two runs of 8.
#[inline(always)]
unsafe fn two_runs(from: *const f32, stride: usize) -> __m512 {
    unsafe {
        let low = _mm512_castps256_ps512(_mm256_loadu_ps(from));
        _mm512_insertf32x8::<1>(low, _mm256_loadu_ps(from.add(stride)))
    }
}

/// 8 numbers in one run.
#[inline(always)]
unsafe fn one_run(from: *const f64, _stride: usize) -> __m512d {
    unsafe { _mm512_loadu_pd(from) }
}

wide!(__m512, f32, 16, __mmask16, {
    _mm512_loadu_ps, _mm512_storeu_ps, _mm512_set1_ps, _mm512_add_ps, _mm512_sub_ps, _mm512_mul_ps, _mm512_div_ps,
    _mm512_fmadd_ps, _mm512_sqrt_ps, _mm512_abs_ps, _mm512_min_ps, _mm512_max_ps, _mm512_roundscale_ps,
    _mm512_scalef_ps, _mm512_cmp_ps_mask, _mm512_mask_blend_ps, _mm512_ternarylogic_epi32, _mm512_castps_si512,
    _mm512_castsi512_ps, _mm512_set1_epi32(i32::MIN), two_runs, _mm512_mask_storeu_ps, transpose_8, sum_16
});
wide!(__m512d, f64, 8, __mmask8, {
    _mm512_loadu_pd, _mm512_storeu_pd, _mm512_set1_pd, _mm512_add_pd, _mm512_sub_pd, _mm512_mul_pd, _mm512_div_pd,
    _mm512_fmadd_pd, _mm512_sqrt_pd, _mm512_abs_pd, _mm512_min_pd, _mm512_max_pd, _mm512_roundscale_pd,
    _mm512_scalef_pd, _mm512_cmp_pd_mask, _mm512_mask_blend_pd, _mm512_ternarylogic_epi64, _mm512_castpd_si512,
    _mm512_castsi512_pd, _mm512_set1_epi64(i64::MIN), one_run, _mm512_mask_storeu_pd, transpose_numbers,
    sum_8_double
});

macro_rules! pair {
    ($register:ty, $scalar:ty, $lanes:literal, {
        $load:ident, $store:ident, $splat:ident, $add:ident, $sub:ident, $mul:ident, $div:ident, $fma:ident,
        $sqrt:ident, $min:ident, $max:ident, $round:ident, $cmp:ident, $blend:ident, $and:ident, $andnot:ident,
        $or:ident
    }, $power:expr, $transpose:ident, $half_sum:ident) => {
        impl Vector for Pair<$register> {
            type Scalar = $scalar;
            type Mask = ($register, $register);
            const LANES: usize = 2 * $lanes;
            const TILE_ROWS: usize = 4;
            const TILE_CHUNKS: usize = 1;

            #[inline(always)]
            unsafe fn load(from: *const $scalar) -> Self {
                unsafe { Pair($load(from), $load(from.add($lanes))) }
            }
            #[inline(always)]
            unsafe fn store(self, to: *mut $scalar) {
                unsafe {
                    $store(to, self.0);
                    $store(to.add($lanes), self.1);
                }
            }
            #[inline(always)]
            unsafe fn splat(x: $scalar) -> Self {
                unsafe { Pair($splat(x), $splat(x)) }
            }
            #[inline(always)]
            unsafe fn load_runs(from: *const $scalar, stride: usize) -> Self {
                // A run is one register in single precision and two in double.
                let second = if $lanes == 8 { stride } else { $lanes };
                unsafe { Pair($load(from), $load(from.add(second))) }
            }
            #[inline(always)]
            unsafe fn sum(self) -> $scalar {
                unsafe { $half_sum($add(self.0, self.1)) }
            }
            #[inline(always)]
            unsafe fn transpose(rows: [*const $scalar; 8], to: *mut $scalar, stride: usize) {
                unsafe { $transpose(rows, to, stride) }
            }
            #[inline(always)]
            unsafe fn add(self, b: Self) -> Self {
                unsafe { Pair($add(self.0, b.0), $add(self.1, b.1)) }
            }
            #[inline(always)]
            unsafe fn sub(self, b: Self) -> Self {
                unsafe { Pair($sub(self.0, b.0), $sub(self.1, b.1)) }
            }
            #[inline(always)]
            unsafe fn mul(self, b: Self) -> Self {
                unsafe { Pair($mul(self.0, b.0), $mul(self.1, b.1)) }
            }
            #[inline(always)]
            unsafe fn div(self, b: Self) -> Self {
                unsafe { Pair($div(self.0, b.0), $div(self.1, b.1)) }
            }
            #[inline(always)]
            unsafe fn mul_add(self, b: Self, c: Self) -> Self {
                unsafe { Pair($fma(self.0, b.0, c.0), $fma(self.1, b.1, c.1)) }
            }
            #[inline(always)]
            unsafe fn sqrt(self) -> Self {
                unsafe { Pair($sqrt(self.0), $sqrt(self.1)) }
            }
            #[inline(always)]
            unsafe fn abs(self) -> Self {
                unsafe {
                    let sign = $splat(-0.0);
                    Pair($andnot(sign, self.0), $andnot(sign, self.1))
                }
            }
            #[inline(always)]
            unsafe fn min(self, b: Self) -> Self {
                unsafe { Pair($min(self.0, b.0), $min(self.1, b.1)) }
            }
            #[inline(always)]
            unsafe fn max(self, b: Self) -> Self {
                unsafe { Pair($max(self.0, b.0), $max(self.1, b.1)) }
            }
            #[inline(always)]
            unsafe fn round(self) -> Self {
                const NEAREST: i32 = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;
                unsafe { Pair($round::<NEAREST>(self.0), $round::<NEAREST>(self.1)) }
            }
            #[inline(always)]
            unsafe fn scale(self, n: Self) -> Self {
                unsafe {
                    let half = n.mul(Self::splat(0.5)).round();
                    let rest = n.sub(half);
                    self.mul(half.power_of_two()).mul(rest.power_of_two())
                }
            }
            #[inline(always)]
            unsafe fn power_of_two(self) -> Self {
                unsafe { Pair($power(self.0), $power(self.1)) }
            }
            #[inline(always)]
            unsafe fn gt(self, b: Self) -> ($register, $register) {
                unsafe { ($cmp::<_CMP_GT_OQ>(self.0, b.0), $cmp::<_CMP_GT_OQ>(self.1, b.1)) }
            }
            #[inline(always)]
            unsafe fn eq(self, b: Self) -> ($register, $register) {
                unsafe { ($cmp::<_CMP_EQ_OQ>(self.0, b.0), $cmp::<_CMP_EQ_OQ>(self.1, b.1)) }
            }
            #[inline(always)]
            unsafe fn select(mask: ($register, $register), a: Self, b: Self) -> Self {
                unsafe { Pair($blend(b.0, a.0, mask.0), $blend(b.1, a.1, mask.1)) }
            }
            #[inline(always)]
            unsafe fn copysign(self, b: Self) -> Self {
                unsafe {
                    let sign = $splat(-0.0);
                    Pair(
                        $or($andnot(sign, self.0), $and(sign, b.0)),
                        $or($andnot(sign, self.1), $and(sign, b.1)),
                    )
                }
            }
        }
    };
}

/// 2ⁿ for integers n in the range of normal exponents.
#[inline(always)]
unsafe fn power_of_two_ps(n: __m256) -> __m256 {
    unsafe {
        let biased = _mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127));
        _mm256_castsi256_ps(_mm256_slli_epi32::<23>(biased))
    }
}

/// 2ⁿ for integers n in the range of normal exponents.
#[inline(always)]
unsafe fn power_of_two_pd(n: __m256d) -> __m256d {
    unsafe {
        let biased = _mm_add_epi32(_mm256_cvtpd_epi32(n), _mm_set1_epi32(1023));
        _mm256_castsi256_pd(_mm256_slli_epi64::<52>(_mm256_cvtepi32_epi64(biased)))
    }
}

pair!(__m256, f32, 8, {
    _mm256_loadu_ps, _mm256_storeu_ps, _mm256_set1_ps, _mm256_add_ps, _mm256_sub_ps, _mm256_mul_ps, _mm256_div_ps,
    _mm256_fmadd_ps, _mm256_sqrt_ps, _mm256_min_ps, _mm256_max_ps, _mm256_round_ps, _mm256_cmp_ps,
    _mm256_blendv_ps, _mm256_and_ps, _mm256_andnot_ps, _mm256_or_ps
}, power_of_two_ps, transpose_8, sum_8);
pair!(__m256d, f64, 4, {
    _mm256_loadu_pd, _mm256_storeu_pd, _mm256_set1_pd, _mm256_add_pd, _mm256_sub_pd, _mm256_mul_pd, _mm256_div_pd,
    _mm256_fmadd_pd, _mm256_sqrt_pd, _mm256_min_pd, _mm256_max_pd, _mm256_round_pd, _mm256_cmp_pd,
    _mm256_blendv_pd, _mm256_and_pd, _mm256_andnot_pd, _mm256_or_pd
}, power_of_two_pd, transpose_numbers, sum_4);

/// A chunk in AVX-512.
pub(crate) type F32Wide = Wide<__m512>;
/// A chunk in AVX-512.
pub(crate) type F64Wide = Wide<__m512d>;
/// A chunk in AVX2.
pub(crate) type F32Pair = Pair<__m256>;
/// A chunk in AVX2.
pub(crate) type F64Pair = Pair<__m256d>;
