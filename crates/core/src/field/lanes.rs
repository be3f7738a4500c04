//! Eight numbers at a time: AVX-512, AVX2 with FMA, or portable code, chosen when the program runs.

/// Eight f64 side by side.
///
/// The methods of [`Wide`] and [`Pair`] use instructions that not every processor has: they may only be
/// reached through [`dispatch!`], which looks first.
pub(crate) trait Lanes: Copy {
    fn splat(value: f64) -> Self;
    fn load(values: &[f64; 8]) -> Self;
    fn store(self, values: &mut [f64; 8]);
    fn add(self, other: Self) -> Self;
    fn sub(self, other: Self) -> Self;
    fn mul(self, other: Self) -> Self;
    /// self · factor + term.
    fn mul_add(self, factor: Self, term: Self) -> Self;
    fn min(self, other: Self) -> Self;
    fn max(self, other: Self) -> Self;
    /// Bit l is set where lane l of self is ≤ that of `other`.
    fn at_most(self, other: Self) -> u8;
    /// self · 2ⁿ, n the integer in the low bits of `shifted` = n + 1.5 · 2⁵².
    fn scale(self, shifted: Self) -> Self;
    /// That of `other` in the lanes where bit 0 of `integer` is set.
    fn replace_odd(self, integer: Self, other: Self) -> Self;
    /// The other sign in the lanes where bit 1 of `integer` is set.
    fn negate_by_bit_1(self, integer: Self) -> Self;
    /// Sum of all lanes, in pairs.
    fn sum(self) -> f64;
    /// Smallest lane.
    fn least(self) -> f64;

    /// Sums of all lanes of eight vectors.
    #[inline(always)]
    fn sums(rows: [Self; 8]) -> [f64; 8] {
        rows.map(Self::sum)
    }

    /// exp(x) to 2 units in the last place for x ≤ 700; x below −700 counts as −700, so that no result is
    /// subnormal.
    ///
    /// x = n ln 2 + r with |r| ≤ ½ ln 2; exp(r) by a polynomial whose relative error is below 1.1e-17
    /// (Remez' algorithm, coefficients rounded to f64).
    #[inline(always)]
    fn exp(self) -> Self {
        let x = self.max(Self::splat(-700.0));
        let magic = Self::splat(6755399441055744.0);
        let shifted = x.mul_add(Self::splat(std::f64::consts::LOG2_E), magic);
        let n = shifted.sub(magic);
        let r = n.mul_add(Self::splat(-LN_2_HIGH), x);
        let r = n.mul_add(Self::splat(-LN_2_LOW), r);
        let mut q = Self::splat(EXP[9]);
        for c in EXP[..9].iter().rev() {
            q = q.mul_add(r, Self::splat(*c));
        }
        let square = r.mul(r);
        q.mul_add(square, r).add(Self::splat(1.0)).scale(shifted)
    }

    /// 2ˣ to a relative error of [`EXP2_SHORT_ERROR`], for |x| ≤ 1000.
    ///
    /// x = n + r with |r| ≤ ½; 2ʳ by the polynomial of degree 7 that agrees with it at Chebyshev's points.
    #[inline(always)]
    fn exp2_short(self) -> Self {
        let magic = Self::splat(6755399441055744.0);
        let shifted = self.add(magic);
        let r = self.sub(shifted.sub(magic));
        let mut q = Self::splat(EXP2_SHORT[7]);
        for c in EXP2_SHORT[..7].iter().rev() {
            q = q.mul_add(r, Self::splat(*c));
        }
        q.scale(shifted)
    }
}

/// Coefficients of 1, r, r², … in 2ʳ.
const EXP2_SHORT: [f64; 8] = [
    0.9999999999595618,
    0.6931471805568324,
    0.24022651213498092,
    0.055504109063258665,
    0.009618025613318034,
    0.0013333478473685416,
    0.00015469729214118296,
    1.5303700711365693e-05,
];

/// Relative error of [`Lanes::exp2_short`].
pub(crate) const EXP2_SHORT_ERROR: f64 = 1e-10;

/// ln 2 to 36 bits, so that products with n are exact, and the rest.
const LN_2_HIGH: f64 = 0.6931471805582987;
const LN_2_LOW: f64 = 1.6465949582897082e-12;

/// Coefficients of r², r³, … in exp(r).
const EXP: [f64; 10] = [
    0.5000000000000011,
    0.16666666666666413,
    0.041666666666530155,
    0.008333333333494461,
    0.0013888888943630114,
    0.00019841269506578688,
    2.480149309890655e-05,
    2.7557586373840165e-06,
    2.763024837921144e-07,
    2.5000061602835666e-08,
];

/// Plain arrays.
#[derive(Clone, Copy)]
pub(crate) struct Portable([f64; 8]);

impl Portable {
    #[inline(always)]
    fn zip(self, other: Self, f: impl Fn(f64, f64) -> f64) -> Self {
        Portable(std::array::from_fn(|l| f(self.0[l], other.0[l])))
    }
}

impl Lanes for Portable {
    #[inline(always)]
    fn splat(value: f64) -> Self {
        Portable([value; 8])
    }
    #[inline(always)]
    fn load(values: &[f64; 8]) -> Self {
        Portable(*values)
    }
    #[inline(always)]
    fn store(self, values: &mut [f64; 8]) {
        *values = self.0;
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        self.zip(other, |a, b| a + b)
    }
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        self.zip(other, |a, b| a - b)
    }
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        self.zip(other, |a, b| a * b)
    }
    #[inline(always)]
    fn mul_add(self, factor: Self, term: Self) -> Self {
        self.mul(factor).add(term)
    }
    #[inline(always)]
    fn min(self, other: Self) -> Self {
        self.zip(other, |a, b| if a < b { a } else { b })
    }
    #[inline(always)]
    fn max(self, other: Self) -> Self {
        self.zip(other, |a, b| if a > b { a } else { b })
    }
    #[inline(always)]
    fn at_most(self, other: Self) -> u8 {
        (0..8).fold(0, |mask, l| mask | (u8::from(self.0[l] <= other.0[l]) << l))
    }
    #[inline(always)]
    fn scale(self, shifted: Self) -> Self {
        self.zip(shifted, |a, s| f64::from_bits(a.to_bits().wrapping_add(s.to_bits() << 52)))
    }
    #[inline(always)]
    fn replace_odd(self, integer: Self, other: Self) -> Self {
        let of = |l: usize| if integer.0[l].to_bits() & 1 == 1 { other.0[l] } else { self.0[l] };
        Portable(std::array::from_fn(of))
    }
    #[inline(always)]
    fn negate_by_bit_1(self, integer: Self) -> Self {
        self.zip(integer, |a, n| f64::from_bits(a.to_bits() ^ (n.to_bits() >> 1 << 63)))
    }
    #[inline(always)]
    fn sum(self) -> f64 {
        let a = self.0;
        ((a[0] + a[4]) + (a[2] + a[6])) + ((a[1] + a[5]) + (a[3] + a[7]))
    }
    #[inline(always)]
    fn least(self) -> f64 {
        self.0.into_iter().fold(f64::INFINITY, f64::min)
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::Lanes;
    use std::arch::x86_64::*;

    /// 2^{i/8}
    const EIGHTHS: [f64; 8] = [
        1.0,
        1.0905077326652577,
        1.189207115002721,
        1.2968395546510096,
        std::f64::consts::SQRT_2,
        1.5422108254079407,
        1.681792830507429,
        1.8340080864093424,
    ];

    /// Coefficients of 1, r, r², … in 2ʳ for |r| ≤ 1/16.
    const EXP2_EIGHTH: [f64; 5] =
        [1.0, 0.6931471742016542, 0.24022650622457237, 0.05551061948219019, 0.009618881258343];

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
        /// x = n/8 + r with |r| ≤ 1/16: powers of 2^{1/8} from a register, 2ʳ by a polynomial of degree 4.
        #[inline(always)]
        fn exp2_short(self) -> Self {
            unsafe {
                // The lowest bits of `shifted` count eighths.
                let magic = _mm512_set1_pd(844424930131968.0);
                let shifted = _mm512_add_pd(self.0, magic);
                let rounded = _mm512_sub_pd(shifted, magic);
                let r = Wide(_mm512_sub_pd(self.0, rounded));
                let power = _mm512_permutexvar_pd(_mm512_castpd_si512(shifted), Self::load(&EIGHTHS).0);
                let mut q = Self::splat(EXP2_EIGHTH[4]);
                for c in EXP2_EIGHTH[..4].iter().rev() {
                    q = q.mul_add(r, Self::splat(*c));
                }
                Wide(_mm512_scalef_pd(_mm512_mul_pd(q.0, power), rounded))
            }
        }
        #[inline(always)]
        fn sums(rows: [Self; 8]) -> [f64; 8] {
            unsafe {
                let pairs = |a: Wide, b: Wide| {
                    _mm512_add_pd(_mm512_unpacklo_pd(a.0, b.0), _mm512_unpackhi_pd(a.0, b.0))
                };
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
        fn mul_add(self, factor: Self, term: Self) -> Self {
            unsafe {
                Pair(_mm256_fmadd_pd(self.0, factor.0, term.0), _mm256_fmadd_pd(self.1, factor.1, term.1))
            }
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
}

#[cfg(target_arch = "x86_64")]
pub(crate) use x86::{Pair, Wide};

/// An instruction set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Instructions {
    /// Whatever the compiler's target has.
    Portable,
    /// AVX2 with FMA.
    Avx2,
    /// AVX-512 F and DQ.
    Avx512,
}

impl Instructions {
    /// The best this processor has.
    pub(crate) fn best() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512dq") {
                return Instructions::Avx512;
            }
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                return Instructions::Avx2;
            }
        }
        Instructions::Portable
    }
}

/// A computation written for any lanes.
pub(crate) trait Task {
    /// Runs it; implementations are `#[inline(always)]`.
    fn run<L: Lanes>(self);
}

/// Runs a task with an instruction set, or the best below it that the processor has.
pub(crate) fn dispatch(task: impl Task, wanted: Instructions) {
    match wanted.min(Instructions::best()) {
        // SAFETY: `best` found the instructions on this processor.
        #[cfg(target_arch = "x86_64")]
        Instructions::Avx512 => unsafe { run_avx512(task) },
        #[cfg(target_arch = "x86_64")]
        Instructions::Avx2 => unsafe { run_avx2(task) },
        _ => task.run::<Portable>(),
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512dq,avx2,fma,bmi1,lzcnt")]
fn run_avx512(task: impl Task) {
    task.run::<Wide>();
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn run_avx2(task: impl Task) {
    task.run::<Pair>();
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Exponentials<'a>(&'a [f64], &'a mut Vec<f64>);

    impl Task for Exponentials<'_> {
        #[inline(always)]
        fn run<L: Lanes>(self) {
            for x in self.0 {
                self.1.push(L::splat(*x).exp().sum() / 8.0);
            }
        }
    }

    struct Powers<'a>(&'a [f64], &'a mut Vec<f64>);

    impl Task for Powers<'_> {
        #[inline(always)]
        fn run<L: Lanes>(self) {
            for x in self.0 {
                self.1.push(L::splat(*x).exp2_short().least());
            }
        }
    }

    #[test]
    fn exponentials_are_accurate_on_every_instruction_set() {
        let mut x: Vec<f64> = (0..200_000).map(|j| -700.0 + 701.0 * f64::from(j) / 2e5).collect();
        x.extend((0..100_000).map(|j| -f64::from(j) * 1e-5));
        x.extend([0.0, -0.0, -1e-300, 700.0]);
        for set in [Instructions::Portable, Instructions::Avx2, Instructions::Avx512] {
            let mut out = Vec::new();
            dispatch(Exponentials(&x, &mut out), set);
            for (x, y) in x.iter().zip(&out) {
                let ulp = f64::EPSILON * y;
                // The library's exp is itself within one unit.
                assert!((y - x.exp()).abs() <= 2.0 * ulp, "{set:?} exp({x}) = {y}, not {}", x.exp());
            }
            let mut short = Vec::new();
            let exponents: Vec<f64> = (0..100_000).map(|j| -1000.0 + f64::from(j) * 0.01).collect();
            dispatch(Powers(&exponents, &mut short), set);
            for (x, y) in exponents.iter().zip(&short) {
                let exact = x.exp2();
                assert!(
                    (y - exact).abs() <= EXP2_SHORT_ERROR * exact,
                    "{set:?} exp2({x}) = {y}, not {exact}"
                );
            }
            let mut clamped = Vec::new();
            dispatch(Exponentials(&[-1e9, f64::NEG_INFINITY], &mut clamped), set);
            assert!(clamped.iter().all(|y| y.is_normal() && *y < 1e-303));
        }
    }
}
