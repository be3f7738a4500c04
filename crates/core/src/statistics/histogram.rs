//! Histograms under one bin rule, for the report's figures.

use super::{quantile_sorted, sorted};
use serde::{Deserialize, Serialize};

/// Counts between ascending edges; the last bin holds its upper edge.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Histogram {
    /// Bin edges, one more than the counts.
    pub edges: Vec<f64>,
    /// Values in every bin.
    pub counts: Vec<usize>,
    /// Values below the first or above the last edge.
    pub outside: usize,
}

/// Fewest bins of [`Histogram::edges_for`] where the sample has any spread.
const FEWEST: f64 = 10.0;
/// Most bins.
const MOST: f64 = 80.0;

impl Histogram {
    /// Equal bins over the range of all samples together, after Freedman and Diaconis (1981): width 2 IQR n^{−1/3},
    /// at least 10 and at most 80 bins; one bin of width 1 around a sample without spread. Empty for no values.
    pub fn edges_for(samples: &[&[f64]]) -> Vec<f64> {
        let finite =
            samples.iter().flat_map(|sample| sample.iter().copied()).filter(|value| value.is_finite());
        let values = sorted(&finite.collect::<Vec<_>>());
        let (Some(&low), Some(&high)) = (values.first(), values.last()) else { return Vec::new() };
        let range = high - low;
        if range <= f64::EPSILON * low.abs().max(high.abs()) {
            return vec![low - 0.5, low + 0.5];
        }
        let spread = quantile_sorted(&values, 0.75) - quantile_sorted(&values, 0.25);
        let width = 2.0 * spread / (values.len() as f64).cbrt();
        let bins = if width > 0.0 { (range / width).ceil().clamp(FEWEST, MOST) } else { MOST };
        let mut edges: Vec<f64> = (0..=bins as usize).map(|i| low + range * (i as f64 / bins)).collect();
        edges[bins as usize] = high;
        edges
    }

    /// Counts of a sample between given ascending edges (at least two).
    pub fn with_edges(values: &[f64], edges: &[f64]) -> Histogram {
        let bins = edges.len().saturating_sub(1);
        let mut counts = vec![0; bins];
        let mut outside = 0;
        for &value in values {
            if bins == 0 || !(value >= edges[0] && value <= edges[bins]) {
                outside += 1;
                continue;
            }
            let bin = edges.partition_point(|&edge| edge <= value) - 1;
            counts[bin.min(bins - 1)] += 1;
        }
        Histogram { edges: edges.to_vec(), counts, outside }
    }

    /// Of one sample under the rule of [`Histogram::edges_for`].
    pub fn of(values: &[f64]) -> Histogram {
        Histogram::with_edges(values, &Histogram::edges_for(&[values]))
    }

    /// Probability density in every bin: count / (n × width), n with the values outside.
    pub fn density(&self) -> Vec<f64> {
        let n = (self.counts.iter().sum::<usize>() + self.outside).max(1) as f64;
        self.counts.iter().zip(self.edges.windows(2)).map(|(&c, e)| c as f64 / (n * (e[1] - e[0]))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_counted_once() {
        let values: Vec<f64> = (0..1000).map(|i| (f64::from(i) * 0.618).fract().powi(3)).collect();
        let histogram = Histogram::of(&values);
        assert_eq!(histogram.counts.iter().sum::<usize>(), 1000);
        assert_eq!(histogram.outside, 0);
        assert!((10..=80).contains(&histogram.counts.len()));
        let mass: f64 =
            histogram.density().iter().zip(histogram.edges.windows(2)).map(|(d, e)| d * (e[1] - e[0])).sum();
        assert!((mass - 1.0).abs() < 1e-12);
    }

    #[test]
    fn ends_and_outsiders() {
        let histogram = Histogram::with_edges(&[0.0, 1.0, 2.0, 2.1, -0.1, f64::NAN], &[0.0, 1.0, 2.0]);
        assert_eq!(histogram.counts, [1, 2]);
        assert_eq!(histogram.outside, 3);
    }

    #[test]
    fn samples_without_spread() {
        let histogram = Histogram::of(&[4.0, 4.0]);
        assert_eq!(histogram.edges, [3.5, 4.5]);
        assert_eq!(histogram.counts, [2]);
        assert_eq!(Histogram::of(&[]).counts.len(), 0);
        // Quartiles agree but the range does not vanish.
        let spiky = Histogram::of(&[0.0, 1.0, 1.0, 1.0, 1.0, 2.0]);
        assert_eq!(spiky.counts.iter().sum::<usize>(), 6);
    }
}
