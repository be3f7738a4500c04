//! Eight numbers in plain arrays.

use super::Lanes;

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
    fn div(self, other: Self) -> Self {
        self.zip(other, |a, b| a / b)
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
    fn where_at_most(self, other: Self, a: Self, b: Self) -> Self {
        Portable(std::array::from_fn(|l| if a.0[l] <= b.0[l] { self.0[l] } else { other.0[l] }))
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
