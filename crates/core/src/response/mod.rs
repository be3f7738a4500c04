//! First-order response of the generated density to a model error, in two forms, and log-likelihoods (theory §7).
//!
//! An error of size ε changes the mean of an observable f over the generated samples by ε δE[f] to first order. The
//! *path form* follows samples, δE[f] = E[∇f(x_τ)·ζ_τ]; the *density form* leaves them where they are and changes
//! their weight, δE[f] = E[f(x_τ) δ log ρ_τ(x_τ)] (CdC 2: the response lives where the density does). Both are means
//! over the same samples, and both are the limit of (E_ε f − E_{−ε} f)/2ε.

mod likelihood;
mod observable;

pub use likelihood::{Formula, Likelihood, bits_per_dim, log_likelihood};
pub use observable::{Evaluated, Feet, Observable, ScalarFunction, ScalarNetwork};

use serde::{Deserialize, Serialize};

/// A mean over samples with its standard error.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// Mean over the samples.
    pub mean: f64,
    /// Standard deviation over √n; 0 for one sample.
    pub standard_error: f64,
}

impl Estimate {
    /// Of independent values, at least one.
    pub fn of(values: impl ExactSizeIterator<Item = f64> + Clone) -> Estimate {
        let n = values.len() as f64;
        let mean = values.clone().sum::<f64>() / n;
        let square: f64 = values.map(|v| (v - mean).powi(2)).sum();
        Estimate { mean, standard_error: if n > 1.0 { (square / (n - 1.0) / n).sqrt() } else { 0.0 } }
    }
}

/// δE[f] in both forms over the same samples, per unit size of the error.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Forms {
    /// E[f δ log ρ], as the covariance of the two: the mean of δ log ρ vanishes.
    pub density: Estimate,
    /// E[∇f·ζ].
    pub path: Estimate,
    /// Their difference, sample by sample: zero within a few standard errors where both are right.
    pub difference: Estimate,
}

impl Forms {
    /// From `values[n]` of f, `slopes[n]` = ∇f·ζ and `response[n]` = δ log ρ, at least one each.
    pub fn of(values: &[f64], slopes: &[f64], response: &[f64]) -> Forms {
        let n = values.len();
        let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
        let (value, weight) = (mean(values), mean(response));
        // Unbiased covariance, so that a sample's share is n/(n − 1) of the product.
        let factor = if n > 1 { n as f64 / (n as f64 - 1.0) } else { 0.0 };
        let shares: Vec<f64> =
            values.iter().zip(response).map(|(f, r)| factor * (f - value) * (r - weight)).collect();
        Forms {
            density: Estimate::of(shares.iter().copied()),
            path: Estimate::of(slopes.iter().copied()),
            difference: Estimate::of(shares.iter().zip(slopes).map(|(a, b)| a - b)),
        }
    }

    /// |density − path| over the larger of both; 0 where both vanish.
    pub fn relative_difference(&self) -> f64 {
        let scale = self.density.mean.abs().max(self.path.mean.abs());
        if scale > 0.0 { (self.density.mean - self.path.mean).abs() / scale } else { 0.0 }
    }
}

/// Central differences of one observable at two sizes of an error, the larger twice the smaller, beside the path form
/// over the same samples.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Differences {
    /// (E_ε − E_{−ε})/2ε at the larger ε.
    pub coarse: f64,
    /// At half of it.
    pub fine: f64,
    /// E[∇f·ζ], their limit.
    pub limit: f64,
    /// log₂ of the ratio of the two errors, 2 where third derivatives rule; absent where the errors are at rounding.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub order: Option<f64>,
}

/// Errors below this share of the largest of the numbers compared are rounding; networks in single precision have less
/// to lose before differences are divided by ε.
const ROUNDING: f64 = 1e-9;

impl Differences {
    /// `scale` is the size of the values that were subtracted, over ε.
    pub fn of(coarse: f64, fine: f64, limit: f64, scale: f64) -> Differences {
        let [far, near] = [coarse, fine].map(|difference| (difference - limit).abs());
        let visible = far.min(near) > ROUNDING * scale.max(limit.abs());
        Differences { coarse, fine, limit, order: visible.then(|| (far / near).log2()) }
    }
}

/// ∇f·ζ of every sample for every error: `gradient[n, D]`, `displacement[n, e, D]`; `[n, e]`.
pub fn slopes(dim: usize, gradient: &[f64], displacement: &[f64], errors: usize) -> Vec<f64> {
    let rows = displacement.chunks_exact(dim).enumerate();
    rows.map(|(row, zeta)| crate::linalg::dot(&gradient[row / errors * dim..][..dim], zeta)).collect()
}
