//! Eight numbers at a time: AVX-512, AVX2 with FMA, or portable code, chosen when the program runs.

mod portable;
#[cfg(target_arch = "x86_64")]
mod x86;

pub(crate) use portable::Portable;
#[cfg(target_arch = "x86_64")]
pub(crate) use x86::{Pair, Wide};

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
    fn div(self, other: Self) -> Self;
    /// self · factor + term.
    fn mul_add(self, factor: Self, term: Self) -> Self;
    fn min(self, other: Self) -> Self;
    fn max(self, other: Self) -> Self;
    /// Bit l is set where lane l of self is ≤ that of `other`.
    fn at_most(self, other: Self) -> u8;
    /// self where lane l of `a` is ≤ that of `b`, `other` elsewhere.
    fn where_at_most(self, other: Self, a: Self, b: Self) -> Self;
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
    /// x = n + r with |r| ≤ ½; 2ʳ by the polynomial of degree 8 that agrees with it at Chebyshev's points.
    #[inline(always)]
    fn exp2_short(self) -> Self {
        let magic = Self::splat(6755399441055744.0);
        let shifted = self.add(magic);
        let r = self.sub(shifted.sub(magic));
        let mut q = Self::splat(EXP2_SHORT[8]);
        for c in EXP2_SHORT[..8].iter().rev() {
            q = q.mul_add(r, Self::splat(*c));
        }
        q.scale(shifted)
    }
}

/// Coefficients of 1, r, r², … in 2ʳ.
const EXP2_SHORT: [f64; 9] = [
    1.0,
    0.6931471805459335,
    0.2402265069581299,
    0.05550410941205933,
    0.009618129159402558,
    0.0013333450568000645,
    0.00015403455852453838,
    1.5310079402249296e-05,
    1.3255224878668817e-06,
];

/// Relative error of [`Lanes::exp2_short`].
pub(crate) const EXP2_SHORT_ERROR: f64 = 2.6e-12;

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
