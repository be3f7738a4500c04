//! Quantiles with confidence intervals, 1-Wasserstein distance, paired differences.

use serde::{Deserialize, Serialize};

/// Quantiles (linear interpolation, numpy's default), mean, count, and a 95 % interval of the median.
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
    pub fn of(_values: &[f64]) -> Quantiles {
        todo!()
    }
}

/// 1-Wasserstein distance of two empirical laws on the line.
pub fn wasserstein1(_a: &[f64], _b: &[f64]) -> f64 {
    todo!()
}
