//! Paired differences of two models on the same samples.

use super::{quantile_sorted, sorted};
use crate::random::{Purpose, Stream, stream};
use rand::Rng;
use serde::{Deserialize, Serialize};

/// Bootstrap resamples behind every interval of [`paired`].
pub const RESAMPLES: usize = 1000;

/// An estimate with its 95 % bootstrap interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Paired {
    /// The estimate on the sample itself.
    pub median: f64,
    /// 2.5 % quantile over the resamples.
    pub low: f64,
    /// 97.5 % quantile over the resamples.
    pub high: f64,
    /// Number of pairs.
    pub n: usize,
}

impl Paired {
    /// Whether the interval leaves 0 out.
    pub fn excludes_zero(&self) -> bool {
        self.low > 0.0 || self.high < 0.0
    }
}

/// How model B differs from model A in one figure, sample by sample and in the middle of the distribution.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PairedDifference {
    /// Median over the samples of b_i − a_i.
    pub median_of_differences: Paired,
    /// Median of b less median of a, the pairs resampled together.
    pub difference_of_medians: Paired,
}

/// Differences b − a of two figures of the same samples, with percentile bootstrap intervals from [`RESAMPLES`]
/// resamples of the pairs. Non-finite or missing pairs are the caller's to leave out; `None` for an empty sample or
/// lists of different length.
pub fn paired(a: &[f64], b: &[f64], seed: u64) -> Option<PairedDifference> {
    if a.is_empty() || a.len() != b.len() {
        return None;
    }
    let n = a.len();
    let differences: Vec<f64> = a.iter().zip(b).map(|(a, b)| b - a).collect();
    let mut of_differences = Vec::with_capacity(RESAMPLES);
    let mut of_medians = Vec::with_capacity(RESAMPLES);
    let (mut of_a, mut of_b, mut of_d) = (vec![0.0; n], vec![0.0; n], vec![0.0; n]);
    for resample in 0..RESAMPLES {
        let mut rng = stream(seed, resample as u64, Purpose::Bootstrap);
        for ((in_a, in_b), in_d) in of_a.iter_mut().zip(&mut of_b).zip(&mut of_d) {
            let index = uniform_index(&mut rng, n);
            (*in_a, *in_b, *in_d) = (a[index], b[index], differences[index]);
        }
        of_medians.push(median(&mut of_b) - median(&mut of_a));
        of_differences.push(median(&mut of_d));
    }
    let estimate = |value: f64, resampled: &[f64]| {
        let resampled = sorted(resampled);
        Paired {
            median: value,
            low: quantile_sorted(&resampled, 0.025),
            high: quantile_sorted(&resampled, 0.975),
            n,
        }
    };
    let shift = median(&mut b.to_vec()) - median(&mut a.to_vec());
    Some(PairedDifference {
        median_of_differences: estimate(median(&mut differences.clone()), &of_differences),
        difference_of_medians: estimate(shift, &of_medians),
    })
}

/// A uniform index below n by the high half of a 64 × 64 product; its bias, n/2^64, is below any resolution here.
pub(super) fn uniform_index(rng: &mut Stream, n: usize) -> usize {
    ((u128::from(rng.next_u64()) * n as u128) >> 64) as usize
}

/// Median by selection; reorders `values`.
fn median(values: &mut [f64]) -> f64 {
    let half = values.len() / 2;
    let even = values.len().is_multiple_of(2);
    let (below, &mut upper, _) = values.select_nth_unstable_by(half, f64::total_cmp);
    if !even {
        return upper;
    }
    let lower = below.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    lower + 0.5 * (upper - lower)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::standard_normal;

    fn normals(sample: u64, n: usize) -> Vec<f64> {
        let mut values = vec![0.0; n];
        standard_normal(&mut stream(11, sample, Purpose::Reference), &mut values);
        values
    }

    #[test]
    fn median_by_selection_is_the_quantile() {
        for n in 1..40 {
            let values = normals(n as u64, n);
            let want = quantile_sorted(&sorted(&values), 0.5);
            assert!((median(&mut values.clone()) - want).abs() < 1e-15);
        }
    }

    #[test]
    fn a_constant_shift_is_certain_sample_by_sample() {
        let a = normals(1, 500);
        let b: Vec<f64> = a.iter().map(|x| x + 0.25).collect();
        let d = paired(&a, &b, 3).unwrap();
        assert!((d.median_of_differences.low - 0.25).abs() < 1e-12);
        assert!((d.median_of_differences.high - 0.25).abs() < 1e-12);
        assert!((d.difference_of_medians.median - 0.25).abs() < 1e-12);
        assert!(d.median_of_differences.excludes_zero());
    }

    #[test]
    fn intervals_have_the_width_of_theory_and_repeat() {
        // Median of n normals of variance s²: standard error s √(π/2n); here the differences have variance 2.
        let n = 4000;
        let (a, b) = (normals(2, n), normals(3, n));
        let d = paired(&a, &b, 7).unwrap();
        assert_eq!(d, paired(&a, &b, 7).unwrap());
        let error = (2.0 * std::f64::consts::PI / (2.0 * n as f64)).sqrt();
        let width = d.median_of_differences.high - d.median_of_differences.low;
        assert!((width / (2.0 * 1.96 * error) - 1.0).abs() < 0.25, "{width} against {error}");
        assert!(d.median_of_differences.median.abs() < 4.0 * error);
    }

    #[test]
    fn one_pair_and_unequal_lists() {
        let d = paired(&[1.0], &[3.0], 0).unwrap();
        assert_eq!(d.median_of_differences, Paired { median: 2.0, low: 2.0, high: 2.0, n: 1 });
        assert_eq!(paired(&[], &[], 0), None);
        assert_eq!(paired(&[1.0], &[1.0, 2.0], 0), None);
    }

    #[test]
    fn indices_are_uniform() {
        let mut rng = stream(5, 0, Purpose::Bootstrap);
        let mut counts = [0usize; 7];
        for _ in 0..70_000 {
            counts[uniform_index(&mut rng, 7)] += 1;
        }
        assert!(counts.iter().all(|&count| (count as f64 - 10_000.0).abs() < 500.0), "{counts:?}");
    }
}
