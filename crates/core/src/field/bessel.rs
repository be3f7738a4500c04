//! Ratios of modified Bessel functions for laws on circles, and Langevin's function for spheres.

/// First moments of a von Mises law, and its normalisation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VonMises {
    /// A(κ) = I_1(κ)/I_0(κ), the mean cosine.
    pub mean: f64,
    /// A(κ)/κ, the variance of the sine.
    pub transverse: f64,
    /// A′(κ) = 1 − A/κ − A², the variance of the cosine.
    pub radial: f64,
    /// (A′ − A/κ)/κ, the third cumulant of cosine, sine, sine.
    pub mixed_skew: f64,
    /// A″(κ), the third cumulant of the cosine.
    pub radial_skew: f64,
    /// e^{−κ} I_0(κ).
    pub scaled_i0: f64,
}

/// From here on Hankel's asymptotic series reaches rounding.
const ASYMPTOTIC: f64 = 40.0;

/// Coefficients of κ^{−2}, κ^{−3}, … in A′(κ): with the series P, Q of I_0, I_1 in 1/κ, A = Q/P and
/// A′ = −κ^{−2} dA/d(1/κ), in exact rational arithmetic. The terms left out are below 1e-16 of A′ at κ = 40.
const RADIAL: [f64; 26] = [
    0.5,
    0.25,
    0.375,
    0.78125,
    2.03125,
    6.287109375,
    22.53125,
    91.731689453125,
    418.306640625,
    2112.7614974975586,
    11711.46044921875,
    70704.5485754013,
    461875.40673828125,
    3246384.9033884406,
    24431241.798706055,
    196017082.1258584,
    1670297290.8629532,
    15065216096.039572,
    143391319817.9729,
    1436322244653.6655,
    15103969273540.986,
    166366917192891.28,
    1915539816086450.0,
    2.3011768447837664e+16,
    2.8793556956322058e+17,
    3.746598374515283e+18,
];

impl VonMises {
    /// At concentration κ ≥ 0.
    ///
    /// Below κ = 40 the power series of I_0, I_1 and of the variance's numerator, all of positive terms;
    /// above, Hankel's series. Every entry is accurate to rounding, relative to itself.
    pub fn new(kappa: f64) -> Self {
        if kappa < ASYMPTOTIC { Self::series(kappa) } else { Self::asymptotic(kappa) }
    }

    /// With q = κ²/4: I_0 = Σ q^j/j!², 2 I_1/κ = Σ q^j/(j!(j+1)!), and by Cauchy products
    /// I_0² A′ = I_0² − I_0 I_1/κ − I_1² = Σ (2j)!/j!⁴ [1 − (2j+1)/(2(j+1)²) − j/(j+1)] q^j,
    /// whose bracket is 1/(2(j+1)²): nothing cancels. From I_0 I_1/κ = ½ Σ (2j)!/j!⁴ (2j+1)/(j+1)² q^j likewise
    /// I_0² (A/κ − A′) = Σ (2j)!/j!⁴ j/(j+1)² q^j. Differentiating A′ = 1 − A/κ − A²,
    /// A″ = (A/κ − A′)/κ − 2 A A′, of which at most κ times rounding is lost.
    fn series(kappa: f64) -> Self {
        let q = 0.25 * kappa * kappa;
        let (mut i0, mut i1, mut spread, mut lag) = (0.0, 0.0, 0.0, 0.0);
        let (mut term, mut square) = (1.0, 1.0);
        let mut j = 0.0;
        loop {
            i0 += term;
            i1 += term / (j + 1.0);
            spread += square / (2.0 * (j + 1.0) * (j + 1.0));
            lag += square * j / ((j + 1.0) * (j + 1.0));
            if term < 1e-17 * i0 && square < 1e-17 * spread {
                break;
            }
            j += 1.0;
            term *= q / (j * j);
            square *= q * (2.0 * j) * (2.0 * j - 1.0) / (j * j * j * j);
        }
        let transverse = 0.5 * i1 / i0;
        let (mean, radial) = (kappa * transverse, spread / (i0 * i0));
        let mixed_skew = if lag == 0.0 { 0.0 } else { -lag / (i0 * i0 * kappa) };
        let radial_skew = -mixed_skew - 2.0 * mean * radial;
        VonMises { mean, transverse, radial, mixed_skew, radial_skew, scaled_i0: i0 * (-kappa).exp() }
    }

    /// I_ν ~ e^κ/√(2πκ) Σ_j a_j(ν), a_j = −a_{j−1} (4ν² − (2j−1)²)/(8jκ); the variance from its own series.
    fn asymptotic(kappa: f64) -> Self {
        let (mut order0, mut order1) = (1.0, 1.0);
        let (mut a0, mut a1) = (1.0, 1.0);
        for j in 1..=20 {
            let j = f64::from(j);
            let odd = (2.0 * j - 1.0) * (2.0 * j - 1.0);
            a0 *= odd / (8.0 * j * kappa);
            a1 *= (odd - 4.0) / (8.0 * j * kappa);
            order0 += a0;
            order1 += a1;
            if a0 < 1e-18 {
                break;
            }
        }
        let mean = order1 / order0;
        let z = 1.0 / kappa;
        let radial = RADIAL.iter().rev().fold(0.0, |sum, c| sum * z + c) * z * z;
        // A″ = −z² d/dz of the series of A′ in z.
        let powers = RADIAL.iter().enumerate().rev();
        let slope = powers.fold(0.0, |sum, (j, c)| sum * z + (j + 2) as f64 * c);
        let transverse = mean / kappa;
        VonMises {
            mean,
            transverse,
            radial,
            mixed_skew: (radial - transverse) / kappa,
            radial_skew: -slope * z * z * z,
            scaled_i0: order0 / (std::f64::consts::TAU * kappa).sqrt(),
        }
    }
}

/// Up to here L″ follows from the lower moments; beyond, 2/κ³ is well above the other term.
const SKEW_BY_MOMENTS: f64 = 5.0;

/// First moments of the law on the unit sphere S² with density ∝ exp(κ cos).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Langevin {
    /// L(κ) = coth κ − 1/κ, the mean cosine.
    pub mean: f64,
    /// L(κ)/κ, the variance of each coordinate across.
    pub transverse: f64,
    /// L′(κ) = 1/κ² − 1/sinh² κ, the variance of the cosine.
    pub radial: f64,
    /// (L′ − L/κ)/κ, the third cumulant of cosine and twice a coordinate across.
    pub mixed_skew: f64,
    /// L″(κ) = 2 cosh κ/sinh³ κ − 2/κ³, the third cumulant of the cosine.
    pub radial_skew: f64,
}

impl Langevin {
    /// At concentration κ ≥ 0.
    ///
    /// Below κ = 1 from κ cosh κ − sinh κ = κ³ Σ 2(j+1)/(2j+3)! κ^{2j} and
    /// sinh² κ − κ² = κ⁴ Σ 2^{2j+3}/(2j+4)! κ^{2j}: nothing cancels. Nor does it in
    /// κ cosh κ sinh κ − 2 sinh² κ + κ² = κ⁶ Σ 2^{2j+4} (2j+2)/(2j+6)! κ^{2j}, which is κ⁴ (L/κ − L′)/(κ/sinh κ)².
    /// From L′ = 1 − 2L/κ − L² follows L″ = 2 (L/κ − L′)/κ − 2 L L′.
    pub fn new(kappa: f64) -> Self {
        if kappa >= 1.0 {
            let inverse = 1.0 / kappa;
            let decay = (-2.0 * kappa).exp();
            let coth_less_1 = 2.0 * decay / (1.0 - decay);
            let mean = (1.0 - inverse) + coth_less_1;
            let squared = coth_less_1 * (2.0 + coth_less_1);
            let radial = inverse * inverse - squared;
            let transverse = mean * inverse;
            let mixed_skew = (radial - transverse) * inverse;
            let radial_skew = if kappa < SKEW_BY_MOMENTS {
                -2.0 * (mixed_skew + mean * radial)
            } else {
                2.0 * ((1.0 + coth_less_1) * squared - inverse.powi(3))
            };
            return Langevin { mean, transverse, radial, mixed_skew, radial_skew };
        }
        let square = kappa * kappa;
        let (mut sinh, mut lag, mut excess, mut skew) = (0.0, 0.0, 0.0, 0.0);
        let (mut power, mut double) = (1.0, 8.0 / 24.0);
        for j in 0..12 {
            // power = κ^{2j}/(2j+1)!, double = 2^{2j+3} κ^{2j}/(2j+4)!.
            let j = f64::from(j);
            sinh += power;
            lag += power / (2.0 * j + 3.0);
            excess += double;
            skew += double * 2.0 * (2.0 * j + 2.0) / ((2.0 * j + 5.0) * (2.0 * j + 6.0));
            power *= square / ((2.0 * j + 2.0) * (2.0 * j + 3.0));
            double *= 4.0 * square / ((2.0 * j + 5.0) * (2.0 * j + 6.0));
        }
        let transverse = lag / sinh;
        let (mean, radial) = (kappa * transverse, excess / (sinh * sinh));
        let mixed_skew = -kappa * skew / (sinh * sinh);
        let radial_skew = -2.0 * (mixed_skew + mean * radial);
        Langevin { mean, transverse, radial, mixed_skew, radial_skew }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// κ, A, A′, e^{−κ} I_0, to 60 digits with mpmath, rounded.
    const VON_MISES: [[f64; 4]; 9] = [
        [1e-06, 4.999999999999375e-07, 0.4999999999998125, 0.99999900000075],
        [0.01, 0.004999937501041649, 0.4999812505208208, 0.9900745851497075],
        [0.7, 0.33017728953267106, 0.4193011152873286, 0.5593055265070683],
        [5.0, 0.8933831370440852, 0.0231899430364522, 0.18354081260932836],
        [39.9, 0.9873881053768654, 0.0003181603032198749, 0.06335803550042246],
        [40.0, 0.9874198413363506, 0.00031656090188732504, 0.06327827987523534],
        [75.0, 0.9933108084646411, 8.949367445914331e-05, 0.046143247062816965],
        [3000.0, 0.9998333194398124, 5.556481944766225e-08, 0.00728395974654569],
        [100000000.0, 0.999999995, 5.0000000250000004e-17, 3.989422809001105e-05],
    ];
    /// κ, L, L′ likewise.
    const LANGEVIN: [[f64; 3]; 7] = [
        [1e-06, 3.333333333333111e-07, 0.33333333333326665],
        [0.01, 0.003333311111322749, 0.3333266667724853],
        [0.7, 0.22605020723120084, 0.30304356886444306],
        [0.999, 0.3127592978857857, 0.2760368810739069],
        [1.0, 0.3130352854993313, 0.27593833903368953],
        [12.0, 0.9166666667421693, 0.006944444293439062],
        [100000000.0, 0.99999999, 1e-16],
    ];

    /// (A′ − A/κ)/κ and A″ at the same κ.
    const VON_MISES_SKEW: [[f64; 2]; 9] = [
        [-1.2499999999995833e-07, -3.749999999997917e-07],
        [-0.0012499583344075273, -0.0037497916741859754],
        [-0.07482960986028782, -0.20205780162690457],
        [-0.03109733687447297, -0.01033767124108564],
        [-0.0006122408208983565, -1.6054577106446106e-05],
        [-0.0006092233782880361, -1.593365274171306e-05],
        [-0.00017539533917870317, -2.3947290802629145e-06],
        [-1.1107406944238549e-07, -3.704630247449975e-11],
        [-9.999999899999999e-17, -1.0000000075000001e-24],
    ];
    /// (L′ − L/κ)/κ and L″ likewise.
    const LANGEVIN_SKEW: [[f64; 2]; 7] = [
        [-4.444444444443598e-08, -1.33333333333291e-07],
        [-0.00044443597896296123, -0.0013332910061798788],
        [-0.028407569441001406, -0.08019098420177725],
        [-0.0370725617438787, -0.0985210787427571],
        [-0.03709694646564177, -0.09856298054796102],
        [-0.005787037050145143, -0.0011574071053966437],
        [-9.9999998e-17, -2e-24],
    ];

    #[test]
    fn third_cumulants_are_accurate_beside_the_first() {
        // Beside the third power of the deviation, which is what they are multiplied with.
        let close = |found: f64, expected: f64, square: f64| {
            let relative = (found / expected - 1.0).abs();
            relative < 4e-14 || (found - expected).abs() < 4e-15 * square.powf(1.5)
        };
        for ([kappa, ..], [mixed, radial]) in VON_MISES.iter().zip(VON_MISES_SKEW) {
            let law = VonMises::new(*kappa);
            assert!(close(law.mixed_skew, mixed, law.transverse), "{kappa}: {law:?}");
            assert!(close(law.radial_skew, radial, law.radial), "{kappa}: {law:?}");
        }
        for ([kappa, ..], [mixed, radial]) in LANGEVIN.iter().zip(LANGEVIN_SKEW) {
            let law = Langevin::new(*kappa);
            assert!(close(law.mixed_skew, mixed, law.transverse), "{kappa}: {law:?}");
            assert!(close(law.radial_skew, radial, law.radial), "{kappa}: {law:?}");
        }
        let none = VonMises::new(0.0);
        assert_eq!((none.mixed_skew, none.radial_skew), (0.0, 0.0));
        let none = Langevin::new(0.0);
        assert_eq!((none.mixed_skew, none.radial_skew), (0.0, 0.0));
    }

    fn near(found: f64, expected: f64) -> bool {
        (found / expected - 1.0).abs() < 4e-15
    }

    #[test]
    fn von_mises_moments_are_accurate_to_rounding() {
        for [kappa, mean, radial, scaled_i0] in VON_MISES {
            let law = VonMises::new(kappa);
            assert!(near(law.mean, mean) && near(law.transverse, mean / kappa), "{kappa}: {law:?}");
            assert!(near(law.radial, radial), "{kappa}: {law:?}");
            // e^{−κ} carries the rounding of κ itself.
            assert!(
                (law.scaled_i0 / scaled_i0 - 1.0).abs() < 4e-15 * kappa.clamp(1.0, 4.0),
                "{kappa}: {law:?}"
            );
        }
        let none = VonMises::new(0.0);
        assert_eq!((none.mean, none.transverse, none.radial, none.scaled_i0), (0.0, 0.5, 0.5, 1.0));
        assert_eq!(VonMises::new(f64::INFINITY).mean, 1.0);
    }

    #[test]
    fn langevin_moments_are_accurate_to_rounding() {
        for [kappa, mean, radial] in LANGEVIN {
            let law = Langevin::new(kappa);
            assert!(near(law.mean, mean) && near(law.transverse, mean / kappa), "{kappa}: {law:?}");
            assert!(near(law.radial, radial), "{kappa}: {law:?}");
        }
    }
}
