//! Quantiles with confidence intervals, 1-Wasserstein distance, paired differences, histograms.
//!
//! Everything here sorts the sample first or works on order statistics, so the answer does not depend on the order
//! in which chunks of samples arrive.

mod beta;
mod bootstrap;
mod histogram;
mod paired;

use serde::{Deserialize, Serialize};

pub use beta::{beta_quantile, ln_gamma, regularized_beta};
pub(crate) use bootstrap::resampled;
pub use bootstrap::{Estimate, bootstrap};
pub use histogram::Histogram;
pub use paired::{Paired, PairedDifference, RESAMPLES, paired};

/// Quantiles (linear interpolation, numpy's default), mean, count, and a 95 % interval of the median.
///
/// The interval runs between two order statistics, `[x_(l), x_(n+1−l)]` with the largest l for which
/// P(Bin(n, ½) < l) ≤ 0.025. It covers the median with probability of at least 95 % whatever the law. Below n = 6
/// no such l exists and the interval is clipped to the range of the sample (coverage 1 − 2^{1−n}).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Quantiles {
    pub mean: f64,
    pub q05: f64,
    pub q10: f64,
    pub q25: f64,
    pub q50: f64,
    pub q75: f64,
    pub q90: f64,
    pub q95: f64,
    pub n: usize,
    pub q50_low: f64,
    pub q50_high: f64,
}

impl Quantiles {
    /// Of any finite sample of at least one value.
    ///
    /// # Panics
    /// On an empty sample or a non-finite value; [`Quantiles::of_any`] answers `None` instead.
    pub fn of(values: &[f64]) -> Quantiles {
        Quantiles::of_any(values).expect("quantiles need at least one value, all finite")
    }

    /// Of a sample that may be empty: `None` when it is, or when a value is not finite.
    pub fn of_any(values: &[f64]) -> Option<Quantiles> {
        if values.is_empty() || values.iter().any(|value| !value.is_finite()) {
            return None;
        }
        let sorted = sorted(values);
        let n = sorted.len();
        let rank = median_rank(n);
        Some(Quantiles {
            mean: mean(&sorted),
            q05: quantile_sorted(&sorted, 0.05),
            q10: quantile_sorted(&sorted, 0.10),
            q25: quantile_sorted(&sorted, 0.25),
            q50: quantile_sorted(&sorted, 0.50),
            q75: quantile_sorted(&sorted, 0.75),
            q90: quantile_sorted(&sorted, 0.90),
            q95: quantile_sorted(&sorted, 0.95),
            n,
            q50_low: sorted[rank - 1],
            q50_high: sorted[n - rank],
        })
    }
}

/// The `q` quantile (0 ≤ q ≤ 1) of an ascending, non-empty sample, interpolated linearly between order statistics.
pub fn quantile_sorted(sorted: &[f64], q: f64) -> f64 {
    let place = q.clamp(0.0, 1.0) * (sorted.len() - 1) as f64;
    let below = place.floor();
    let weight = place - below;
    let low = sorted[below as usize];
    let high = sorted[(below as usize + 1).min(sorted.len() - 1)];
    if weight < 0.5 { low + (high - low) * weight } else { high - (high - low) * (1.0 - weight) }
}

/// 1-Wasserstein distance of two empirical laws on the line, ∫ |F_a − F_b|; the samples may differ in size.
///
/// # Panics
/// When either sample is empty.
pub fn wasserstein1(a: &[f64], b: &[f64]) -> f64 {
    assert!(!a.is_empty() && !b.is_empty(), "the distance of two laws needs a sample of each");
    let (a, b) = (sorted(a), sorted(b));
    let (n, m) = (a.len() as i128, b.len() as i128);
    let (mut i, mut j) = (0usize, 0usize);
    let mut last = a[0].min(b[0]);
    let mut total = 0.0;
    while i < a.len() || j < b.len() {
        let take_a = j == b.len() || (i < a.len() && a[i] <= b[j]);
        let next = if take_a { a[i] } else { b[j] };
        let gap = (i as i128 * m - j as i128 * n).unsigned_abs();
        if gap > 0 {
            total += gap as f64 * (next - last);
        }
        last = next;
        if take_a {
            i += 1;
        } else {
            j += 1;
        }
    }
    total / (n as f64 * m as f64)
}

/// Ascending copy.
pub(crate) fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted
}

/// Mean, scaled so that large finite values do not overflow the sum.
fn mean(values: &[f64]) -> f64 {
    let scale = values.iter().fold(0.0_f64, |largest, value| largest.max(value.abs()));
    if scale == 0.0 {
        return 0.0;
    }
    let scale = if scale > 1e290 { scale } else { 1.0 };
    values.iter().map(|value| value / scale).sum::<f64>() / values.len() as f64 * scale
}

/// Rank l (from 1) of the lower end of the 95 % interval of the median.
fn median_rank(n: usize) -> usize {
    let below = |l: usize| regularized_beta(0.5, (n - l + 1) as f64, l as f64);
    let (mut low, mut high) = (0, n / 2 + 1);
    while high - low > 1 {
        let middle = (low + high) / 2;
        if below(middle) <= 0.025 {
            low = middle;
        } else {
            high = middle;
        }
    }
    low.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_interpolate_as_numpy_does() {
        // numpy.quantile([3, 1, 4, 1, 5, 9, 2, 6], [.05, .1, .25, .5, .75, .9, .95])
        let q = Quantiles::of(&[3.0, 1.0, 4.0, 1.0, 5.0, 9.0, 2.0, 6.0]);
        let expected = [1.0, 1.0, 1.75, 3.5, 5.25, 6.9, 7.95];
        for (got, want) in [q.q05, q.q10, q.q25, q.q50, q.q75, q.q90, q.q95].iter().zip(expected) {
            assert!((got - want).abs() < 1e-14, "{got} against {want}");
        }
        assert_eq!(q.mean, 3.875);
        assert_eq!(q.n, 8);
    }

    #[test]
    fn one_value_is_every_quantile() {
        let q = Quantiles::of(&[-2.5]);
        assert_eq!([q.mean, q.q05, q.q50, q.q95, q.q50_low, q.q50_high], [-2.5; 6]);
    }

    #[test]
    fn nothing_and_nan_have_no_quantiles() {
        assert_eq!(Quantiles::of_any(&[]), None);
        assert_eq!(Quantiles::of_any(&[1.0, f64::NAN]), None);
        assert_eq!(Quantiles::of_any(&[f64::INFINITY]), None);
    }

    #[test]
    fn the_rank_is_the_largest_that_keeps_the_coverage() {
        for n in 1..=300usize {
            // Binomial tail summed term by term in integers scaled by 2^-n.
            let mut term = 0.5_f64.powi(n as i32);
            let mut tail = 0.0;
            let mut rank = 0;
            for l in 1..=n / 2 {
                tail += term;
                if tail <= 0.025 {
                    rank = l;
                }
                term *= (n - l + 1) as f64 / l as f64;
            }
            assert_eq!(median_rank(n), rank.max(1), "n = {n}");
        }
        // Textbook values of the sign-test interval.
        assert_eq!(median_rank(10), 2);
        assert_eq!(median_rank(100), 40);
        assert!((median_rank(1_000_000) as f64 - (500_000.0 - 979.5)).abs() < 2.0);
    }

    #[test]
    fn wasserstein_of_unequal_samples() {
        assert_eq!(wasserstein1(&[0.0], &[3.0]), 3.0);
        assert!((wasserstein1(&[0.0, 1.0], &[0.0, 0.5, 1.0]) - 1.0 / 6.0).abs() < 1e-15);
        // Repeating a sample does not change its law.
        let a = [0.3, -1.2, 4.0];
        let b = [2.0, 2.5, -0.5, 1.0, 7.5];
        let thrice: Vec<f64> = a.iter().cycle().take(9).copied().collect();
        assert!((wasserstein1(&a, &b) - wasserstein1(&b, &thrice)).abs() < 1e-14);
        // A shift by c moves every quantile by c.
        let shifted: Vec<f64> = b.iter().map(|x| x + 0.7).collect();
        assert!((wasserstein1(&b, &shifted) - 0.7).abs() < 1e-14);
    }

    #[test]
    fn wasserstein_is_the_transport_of_repeated_quantiles() {
        let a: Vec<f64> = (0..7).map(|i| ((i * 37 % 11) as f64).sin()).collect();
        let b: Vec<f64> = (0..5).map(|i| ((i * 23 % 13) as f64).cos() * 2.0).collect();
        let (sa, sb) = (sorted(&a), sorted(&b));
        let direct: f64 = (0..35).map(|i| (sa[i / 5] - sb[i / 7]).abs()).sum::<f64>() / 35.0;
        assert!((wasserstein1(&a, &b) - direct).abs() < 1e-14);
    }
}
