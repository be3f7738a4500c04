//! Eight numbers in the registers of x86.

use super::Lanes;
use std::arch::x86_64::*;

/// The bits of 2^{i/16} less i · 2^48: with (16 n + i) 2^48 they are the bits of 2^{n + i/16}.
const SIXTEENTHS: [[f64; 8]; 2] = {
    let powers = [
        1.0,
        1.0442737824274138,
        1.0905077326652577,
        1.1387886347566916,
        1.189207115002721,
        1.241857812073484,
        1.2968395546510096,
        1.3542555469368927,
        std::f64::consts::SQRT_2,
        1.4768261459394993,
        1.5422108254079407,
        1.6104903319492543,
        1.681792830507429,
        1.7562521603732995,
        1.8340080864093424,
        1.9152065613971474,
    ];
    let mut table = [[0.0; 8]; 2];
    let mut i = 0;
    while i < 16 {
        let bits = f64::to_bits(powers[i]) - ((i as u64) << 48);
        table[i / 8][i % 8] = f64::from_bits(bits);
        i += 1;
    }
    table
};

/// Coefficients of 1, r, r², … in 2ʳ for |r| ≤ 1/32 (Remez' algorithm, relative error 2.5e-12).
const EXP2_SIXTEENTH: [f64; 5] =
    [0.9999999999999551, 0.6931471801626149, 0.24022650728043596, 0.055505736251728104, 0.009617941078493583];

/// One AVX-512 register.
#[derive(Clone, Copy)]
pub(crate) struct Wide(__m512d);

// SAFETY (all blocks of this module): `dispatch!` reaches these methods only on processors that have
// the instructions; loads and stores are of whole arrays.
impl Lanes for Wide {
    #[inline(always)]
    fn splat(value: f64) -> Self {
        unsafe { Wide(_mm512_set1_pd(value)) }
    }
    #[inline(always)]
    fn load(values: &[f64; 8]) -> Self {
        unsafe { Wide(_mm512_loadu_pd(values.as_ptr())) }
    }
    #[inline(always)]
    fn store(self, values: &mut [f64; 8]) {
        unsafe { _mm512_storeu_pd(values.as_mut_ptr(), self.0) }
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        unsafe { Wide(_mm512_add_pd(self.0, other.0)) }
    }
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        unsafe { Wide(_mm512_sub_pd(self.0, other.0)) }
    }
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        unsafe { Wide(_mm512_mul_pd(self.0, other.0)) }
    }
    #[inline(always)]
    fn div(self, other: Self) -> Self {
        unsafe { Wide(_mm512_div_pd(self.0, other.0)) }
    }
    #[inline(always)]
    fn mul_add(self, factor: Self, term: Self) -> Self {
        unsafe { Wide(_mm512_fmadd_pd(self.0, factor.0, term.0)) }
    }
    #[inline(always)]
    fn min(self, other: Self) -> Self {
        unsafe { Wide(_mm512_min_pd(self.0, other.0)) }
    }
    #[inline(always)]
    fn max(self, other: Self) -> Self {
        unsafe { Wide(_mm512_max_pd(self.0, other.0)) }
    }
    #[inline(always)]
    fn at_most(self, other: Self) -> u8 {
        unsafe { _mm512_cmp_pd_mask::<_CMP_LE_OQ>(self.0, other.0) }
    }
    #[inline(always)]
    fn where_at_most(self, other: Self, a: Self, b: Self) -> Self {
        unsafe {
            let mask = _mm512_cmp_pd_mask::<_CMP_LE_OQ>(a.0, b.0);
            Wide(_mm512_mask_mov_pd(other.0, mask, self.0))
        }
    }
    #[inline(always)]
    fn scale(self, shifted: Self) -> Self {
        unsafe {
            let power = _mm512_slli_epi64::<52>(_mm512_castpd_si512(shifted.0));
            Wide(_mm512_castsi512_pd(_mm512_add_epi64(_mm512_castpd_si512(self.0), power)))
        }
    }
    #[inline(always)]
    fn replace_odd(self, integer: Self, other: Self) -> Self {
        unsafe {
            let odd = _mm512_test_epi64_mask(_mm512_castpd_si512(integer.0), _mm512_set1_epi64(1));
            Wide(_mm512_mask_mov_pd(self.0, odd, other.0))
        }
    }
    #[inline(always)]
    fn negate_by_bit_1(self, integer: Self) -> Self {
        unsafe {
            let bit = _mm512_srli_epi64::<1>(_mm512_castpd_si512(integer.0));
            let sign = _mm512_slli_epi64::<63>(bit);
            Wide(_mm512_castsi512_pd(_mm512_xor_si512(_mm512_castpd_si512(self.0), sign)))
        }
    }
    #[inline(always)]
    fn sum(self) -> f64 {
        unsafe { _mm512_reduce_add_pd(self.0) }
    }
    #[inline(always)]
    fn least(self) -> f64 {
        unsafe { _mm512_reduce_min_pd(self.0) }
    }
    /// x = n + i/16 + r with |r| ≤ 1/32: 2^{i/16} from two registers, n added to its exponent, 2ʳ by a polynomial.
    #[inline(always)]
    fn exp2_short(self) -> Self {
        unsafe {
            // The lowest bits of `shifted` count sixteenths.
            let magic = _mm512_set1_pd(422212465065984.0);
            let shifted = _mm512_add_pd(self.0, magic);
            let r = Wide(_mm512_sub_pd(self.0, _mm512_sub_pd(shifted, magic)));
            let count = _mm512_castpd_si512(shifted);
            let [low, high] = [Self::load(&SIXTEENTHS[0]), Self::load(&SIXTEENTHS[1])];
            let power = _mm512_castpd_si512(_mm512_permutex2var_pd(low.0, count, high.0));
            let power = _mm512_castsi512_pd(_mm512_add_epi64(power, _mm512_slli_epi64::<48>(count)));
            let mut q = Self::splat(EXP2_SIXTEENTH[4]);
            for c in EXP2_SIXTEENTH[..4].iter().rev() {
                q = q.mul_add(r, Self::splat(*c));
            }
            Wide(_mm512_mul_pd(q.0, power))
        }
    }
    #[inline(always)]
    fn sums(rows: [Self; 8]) -> [f64; 8] {
        unsafe {
            let pairs =
                |a: Wide, b: Wide| _mm512_add_pd(_mm512_unpacklo_pd(a.0, b.0), _mm512_unpackhi_pd(a.0, b.0));
            // Even blocks of two lanes of a and b, plus odd ones.
            let halves = |a, b| {
                let even = _mm512_shuffle_f64x2::<0b10_00_10_00>(a, b);
                _mm512_add_pd(even, _mm512_shuffle_f64x2::<0b11_01_11_01>(a, b))
            };
            let [a, b, c, d, e, f, g, h] = rows;
            let quarters = [pairs(a, b), pairs(c, d), pairs(e, f), pairs(g, h)];
            let low = halves(quarters[0], quarters[1]);
            let high = halves(quarters[2], quarters[3]);
            let mut sums = [0.0; 8];
            Wide(halves(low, high)).store(&mut sums);
            sums
        }
    }
}

/// Two AVX registers.
#[derive(Clone, Copy)]
pub(crate) struct Pair(__m256d, __m256d);

impl Pair {
    #[inline(always)]
    fn zip(self, other: Self, f: impl Fn(__m256d, __m256d) -> __m256d) -> Self {
        Pair(f(self.0, other.0), f(self.1, other.1))
    }
    #[inline(always)]
    fn lanes(self) -> [f64; 8] {
        let mut lanes = [0.0; 8];
        self.store(&mut lanes);
        lanes
    }
}

impl Lanes for Pair {
    #[inline(always)]
    fn splat(value: f64) -> Self {
        unsafe { Pair(_mm256_set1_pd(value), _mm256_set1_pd(value)) }
    }
    #[inline(always)]
    fn load(values: &[f64; 8]) -> Self {
        unsafe { Pair(_mm256_loadu_pd(values.as_ptr()), _mm256_loadu_pd(values.as_ptr().add(4))) }
    }
    #[inline(always)]
    fn store(self, values: &mut [f64; 8]) {
        unsafe {
            _mm256_storeu_pd(values.as_mut_ptr(), self.0);
            _mm256_storeu_pd(values.as_mut_ptr().add(4), self.1);
        }
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        self.zip(other, |a, b| unsafe { _mm256_add_pd(a, b) })
    }
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        self.zip(other, |a, b| unsafe { _mm256_sub_pd(a, b) })
    }
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        self.zip(other, |a, b| unsafe { _mm256_mul_pd(a, b) })
    }
    #[inline(always)]
    fn div(self, other: Self) -> Self {
        self.zip(other, |a, b| unsafe { _mm256_div_pd(a, b) })
    }
    #[inline(always)]
    fn mul_add(self, factor: Self, term: Self) -> Self {
        unsafe { Pair(_mm256_fmadd_pd(self.0, factor.0, term.0), _mm256_fmadd_pd(self.1, factor.1, term.1)) }
    }
    #[inline(always)]
    fn min(self, other: Self) -> Self {
        self.zip(other, |a, b| unsafe { _mm256_min_pd(a, b) })
    }
    #[inline(always)]
    fn max(self, other: Self) -> Self {
        self.zip(other, |a, b| unsafe { _mm256_max_pd(a, b) })
    }
    #[inline(always)]
    fn at_most(self, other: Self) -> u8 {
        unsafe {
            let low = _mm256_movemask_pd(_mm256_cmp_pd::<_CMP_LE_OQ>(self.0, other.0));
            let high = _mm256_movemask_pd(_mm256_cmp_pd::<_CMP_LE_OQ>(self.1, other.1));
            (low | high << 4) as u8
        }
    }
    #[inline(always)]
    fn where_at_most(self, other: Self, a: Self, b: Self) -> Self {
        unsafe {
            let low = _mm256_cmp_pd::<_CMP_LE_OQ>(a.0, b.0);
            let high = _mm256_cmp_pd::<_CMP_LE_OQ>(a.1, b.1);
            Pair(_mm256_blendv_pd(other.0, self.0, low), _mm256_blendv_pd(other.1, self.1, high))
        }
    }
    #[inline(always)]
    fn scale(self, shifted: Self) -> Self {
        self.zip(shifted, |a, s| unsafe {
            let power = _mm256_slli_epi64::<52>(_mm256_castpd_si256(s));
            _mm256_castsi256_pd(_mm256_add_epi64(_mm256_castpd_si256(a), power))
        })
    }
    #[inline(always)]
    fn replace_odd(self, integer: Self, other: Self) -> Self {
        let pick = |a, n, b| unsafe {
            let bit = _mm256_slli_epi64::<63>(_mm256_castpd_si256(n));
            _mm256_blendv_pd(a, b, _mm256_castsi256_pd(bit))
        };
        Pair(pick(self.0, integer.0, other.0), pick(self.1, integer.1, other.1))
    }
    #[inline(always)]
    fn negate_by_bit_1(self, integer: Self) -> Self {
        self.zip(integer, |a, n| unsafe {
            let sign = _mm256_slli_epi64::<63>(_mm256_srli_epi64::<1>(_mm256_castpd_si256(n)));
            _mm256_xor_pd(a, _mm256_castsi256_pd(sign))
        })
    }
    #[inline(always)]
    fn sum(self) -> f64 {
        let a = self.lanes();
        ((a[0] + a[4]) + (a[2] + a[6])) + ((a[1] + a[5]) + (a[3] + a[7]))
    }
    #[inline(always)]
    fn least(self) -> f64 {
        self.lanes().into_iter().fold(f64::INFINITY, f64::min)
    }
}
