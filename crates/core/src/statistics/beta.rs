//! Incomplete beta function and its inverse, for the exact laws of random directions and of order statistics.

/// log Γ(x) for x > 0, to about 1e-14 relative to max(1, |log Γ|): the recurrence up to x ≥ 15, then Stirling's series.
pub fn ln_gamma(x: f64) -> f64 {
    const STIRLING: [f64; 7] = [
        1.0 / 12.0,
        -1.0 / 360.0,
        1.0 / 1260.0,
        -1.0 / 1680.0,
        1.0 / 1188.0,
        -691.0 / 360_360.0,
        1.0 / 156.0,
    ];
    let mut y = x;
    let mut product = 1.0;
    while y < 15.0 {
        product *= y;
        y += 1.0;
    }
    let square = y * y;
    let series = STIRLING.iter().rev().fold(0.0, |sum, c| sum / square + c) / y;
    let half_log_tau = 0.5 * std::f64::consts::TAU.ln();
    (y - 0.5) * y.ln() - y + half_log_tau + series - f64::ln(product)
}

/// I_x(a, b), the distribution function of Beta(a, b) at x, for a, b > 0.
pub fn regularized_beta(x: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    let log_front = ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b) + a * x.ln() + b * (-x).ln_1p();
    if x < (a + 1.0) / (a + b + 2.0) {
        log_front.exp() * continued_fraction(x, a, b) / a
    } else {
        1.0 - log_front.exp() * continued_fraction(1.0 - x, b, a) / b
    }
}

/// The continued fraction of the incomplete beta function (DLMF 8.17.22) by the modified Lentz method.
fn continued_fraction(x: f64, a: f64, b: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let away = |value: f64| if value.abs() < TINY { TINY } else { value };
    let mut c = 1.0;
    let mut d = 1.0 / away(1.0 - (a + b) * x / (a + 1.0));
    let mut value = d;
    // It converges in O(√max(a, b)) terms on this side of the mean.
    let limit = 200 + 20 * a.max(b).sqrt() as usize;
    for step in 1..limit {
        let m = step as f64;
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        d = 1.0 / away(1.0 + even * d);
        c = away(1.0 + even / c);
        value *= c * d;
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        d = 1.0 / away(1.0 + odd * d);
        c = away(1.0 + odd / c);
        let change = c * d;
        value *= change;
        if (change - 1.0).abs() < 1e-16 {
            break;
        }
    }
    value
}

/// The x with I_x(a, b) = p, by bisection to the last bit of a double.
pub fn beta_quantile(p: f64, a: f64, b: f64) -> f64 {
    let (mut low, mut high) = (0.0_f64, 1.0_f64);
    if p <= 0.0 {
        return low;
    }
    if p >= 1.0 {
        return high;
    }
    // 1,100 halvings reach the smallest double; the loop leaves as soon as the bracket is two neighbours.
    for _ in 0..1100 {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            break;
        }
        if regularized_beta(middle, a, b) < p {
            low = middle;
        } else {
            high = middle;
        }
    }
    0.5 * (low + high)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::PI;

    #[test]
    fn ln_gamma_at_known_points() {
        assert!(ln_gamma(1.0).abs() < 1e-14);
        assert!(ln_gamma(2.0).abs() < 1e-14);
        assert!((ln_gamma(0.5) - 0.5 * PI.ln()).abs() < 1e-14);
        assert!((ln_gamma(11.0) - 3_628_800.0_f64.ln()).abs() < 1e-13);
        let factorials: f64 = (1..100).map(|i| f64::from(i).ln()).sum();
        assert!((ln_gamma(100.0) - factorials).abs() < 1e-12 * factorials);
    }

    #[test]
    fn incomplete_beta_has_its_closed_forms() {
        for x in [1e-6, 0.1, 0.37, 0.5, 0.9, 0.999] {
            assert!((regularized_beta(x, 1.0, 1.0) - x).abs() < 1e-14);
            // Arcsine law.
            let arcsine = 2.0 / PI * f64::asin(f64::sqrt(x));
            assert!((regularized_beta(x, 0.5, 0.5) - arcsine).abs() < 1e-13, "{x}");
            // Power laws.
            assert!((regularized_beta(x, 7.0, 1.0) - x.powi(7)).abs() < 1e-14);
            assert!((regularized_beta(x, 1.0, 7.0) - (1.0 - (1.0 - x).powi(7))).abs() < 1e-14);
        }
    }

    #[test]
    fn quantile_inverts_the_distribution() {
        for (a, b) in [(0.5, 0.5), (0.5, 391.5), (1.0, 3.0), (20.0, 372.0), (5e5, 5e5)] {
            for p in [0.05, 0.5, 0.95] {
                let x = beta_quantile(p, a, b);
                assert!((regularized_beta(x, a, b) - p).abs() < 1e-9, "{a} {b} {p}: {x}");
            }
        }
        assert_eq!(beta_quantile(0.0, 2.0, 3.0), 0.0);
        assert_eq!(beta_quantile(1.0, 2.0, 3.0), 1.0);
    }
}
