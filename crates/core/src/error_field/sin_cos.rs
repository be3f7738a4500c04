//! Sine and cosine of eight numbers at once.

use crate::field::lanes::Lanes;
use std::f64::consts::FRAC_2_PI;

/// Arguments beyond this are left to the standard library.
const LIMIT: f64 = 1e5;

/// π/2 as a sum whose first two terms have 33 bits, so that their products with integers below 2²⁰ are exact.
const HALF_PI: [f64; 3] = [1.5707963267341256, 6.077100506303966e-11, 2.0222662487959506e-21];

/// Coefficients of r³, r⁵, … in sin r; error below 3.5e-18 r for |r| ≤ π/4.
const SINE: [f64; 6] = [
    -0.16666666666666632,
    0.008333333333322413,
    -0.00019841269829807819,
    2.7557313691921887e-06,
    -2.5050758115840255e-08,
    1.589679568451575e-10,
];

/// Coefficients of r⁴, r⁶, … in cos r; error below 5e-20.
const COSINE: [f64; 6] = [
    0.0416666666666666,
    -0.0013888888888874125,
    2.4801587289482184e-05,
    -2.7557314352332913e-07,
    2.0875723273266597e-09,
    -1.1359647806143871e-11,
];

/// Sine and cosine to 2 units in the last place; NaN where x is not finite.
///
/// x = n π/2 + r with |r| ≤ π/4 (Cody & Waite 1980), then polynomials by Remez' algorithm with coefficients
/// rounded to f64; n mod 4 tells which of them is which, and the signs.
#[inline(always)]
pub(super) fn sin_cos<L: Lanes>(x: L) -> (L, L) {
    let limit = L::splat(LIMIT);
    if x.at_most(limit) & L::splat(0.0).sub(x).at_most(limit) != u8::MAX {
        return one_by_one(x);
    }
    let magic = L::splat(6755399441055744.0);
    let shifted = x.mul(L::splat(FRAC_2_PI)).add(magic);
    let n = shifted.sub(magic);
    let mut r = x;
    for part in HALF_PI {
        r = n.mul_add(L::splat(-part), r);
    }
    let square = r.mul(r);
    let sine = polynomial(&SINE, square).mul(square).mul_add(r, r);
    let one = L::splat(1.0);
    let half = square.mul(L::splat(0.5));
    let leading = one.sub(half);
    let lost = one.sub(leading).sub(half);
    let cosine = leading.add(polynomial(&COSINE, square).mul(square).mul_add(square, lost));
    let next = shifted.add(one);
    (
        sine.replace_odd(shifted, cosine).negate_by_bit_1(shifted),
        cosine.replace_odd(shifted, sine).negate_by_bit_1(next),
    )
}

#[inline(always)]
fn polynomial<L: Lanes>(coefficients: &[f64; 6], z: L) -> L {
    let [rest @ .., last] = coefficients;
    rest.iter().rev().fold(L::splat(*last), |sum, c| sum.mul_add(z, L::splat(*c)))
}

/// By the standard library.
#[inline(never)]
fn one_by_one<L: Lanes>(x: L) -> (L, L) {
    let mut values = [0.0; 8];
    x.store(&mut values);
    (L::load(&values.map(f64::sin)), L::load(&values.map(f64::cos)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::lanes::{Instructions, Task, dispatch};

    struct All<'a>(&'a [[f64; 8]], &'a mut Vec<[[f64; 8]; 2]>);

    impl Task for All<'_> {
        #[inline(always)]
        fn run<L: Lanes>(self) {
            for x in self.0 {
                let (sine, cosine) = sin_cos(L::load(x));
                let mut out = [[0.0; 8]; 2];
                sine.store(&mut out[0]);
                cosine.store(&mut out[1]);
                self.1.push(out);
            }
        }
    }

    fn ulp(y: f64) -> f64 {
        let y = y.abs();
        f64::from_bits(y.to_bits() + 1) - y
    }

    #[test]
    fn sine_and_cosine_are_accurate_on_every_instruction_set() {
        let mut x: Vec<f64> = (0..200_000).map(|j| (f64::from(j) - 1e5) * 0.9999712).collect();
        x.extend((0..200_000).map(|j| f64::from(j) * 1e-4 - 10.0));
        // Next to multiples of π/2, where the reduction cancels most.
        x.extend((0..64_000).map(|n| f64::from(n) * std::f64::consts::FRAC_PI_2));
        x.extend([0.0, -0.0, 1e-300, -1e-20, 1e5, -1e5, 1.1e5, -3e8, 1e300]);
        x.resize(x.len().next_multiple_of(8), 0.5);
        let (groups, _) = x.as_chunks::<8>();
        for set in [Instructions::Portable, Instructions::Avx2, Instructions::Avx512] {
            let mut out = Vec::new();
            dispatch(All(groups, &mut out), set);
            let found = out.iter().flat_map(|[s, c]| s.iter().zip(c));
            for (x, (sine, cosine)) in x.iter().zip(found) {
                let (s, c) = x.sin_cos();
                assert!((sine - s).abs() <= 2.0 * ulp(s), "{set:?} sin({x}) = {sine}, not {s}");
                assert!((cosine - c).abs() <= 2.0 * ulp(c), "{set:?} cos({x}) = {cosine}, not {c}");
            }
            let mut odd = Vec::new();
            let strange = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1.0, 2.0, 3.0, 4.0, 5.0];
            dispatch(All(&[strange], &mut odd), set);
            assert!(odd[0].iter().all(|values| values[..3].iter().all(|y| y.is_nan())));
            assert!(odd[0].iter().all(|values| values[3..].iter().all(|y| y.is_finite())));
        }
    }
}
