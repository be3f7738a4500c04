//! First-order response of the generated density to a model error, in two forms, and log-likelihoods (theory §7).
//!
//! An error of size ε changes the mean of an observable f over the generated samples by ε δE\[f\] to first order. The
//! *path form* follows samples, δE\[f\] = E\[∇f(x_τ)·ζ_τ\]; the *density form* leaves them where they are and changes
//! their weight, δE\[f\] = E\[f(x_τ) δ log ρ_τ(x_τ)\] (CdC 2: the response lives where the density does). Both are means
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

/// δE\[f\] in both forms over the same samples, per unit size of the error.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Forms {
    /// E\[f δ log ρ\], as the covariance of the two: the mean of δ log ρ vanishes.
    pub density: Estimate,
    /// E\[∇f·ζ\].
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

    /// The part of the standard error of the density form that comes from standard errors `response_error[n]` of the
    /// δ log ρ of the samples, independent from sample to sample.
    pub fn probe_error(values: &[f64], response_error: &[f64]) -> f64 {
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let shares = values.iter().zip(response_error).map(|(f, e)| ((f - mean) * e).powi(2));
        if n > 1.0 { shares.sum::<f64>().sqrt() / (n - 1.0) } else { 0.0 }
    }

    /// |density − path| over the larger of both; 0 where both vanish.
    pub fn relative_difference(&self) -> f64 {
        let scale = self.density.mean.abs().max(self.path.mean.abs());
        if scale > 0.0 { (self.density.mean - self.path.mean).abs() / scale } else { 0.0 }
    }
}

/// Central differences (E_ε − E_{−ε})/2ε of one observable at falling sizes of an error, beside the path form over the
/// same samples.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Differences {
    /// One a size, largest ε first.
    pub values: Vec<f64>,
    /// E\[∇f·ζ\], their limit.
    pub limit: f64,
    /// Exponent of ε with which they approach it, 2 where third derivatives rule, from the last two neighbouring sizes
    /// between which the error falls. Absent where all errors are at rounding.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub order: Option<f64>,
}

/// Errors below this share of the largest of the numbers compared are rounding.
const ROUNDING: f64 = 1e-9;

impl Differences {
    /// From the values at `sizes`; `scale` bounds the values of the observable that were subtracted.
    pub fn of(sizes: &[f64], values: Vec<f64>, limit: f64, scale: f64) -> Differences {
        let errors: Vec<f64> = values.iter().map(|value| (value - limit).abs()).collect();
        let visible = |i: &usize| errors[*i] > ROUNDING * (scale / sizes[*i]).max(limit.abs());
        let falls = |i: &usize| visible(i) && visible(&(i + 1)) && errors[*i] > errors[i + 1];
        let last = (0..sizes.len().saturating_sub(1)).rev().find(falls);
        let slope = |i: usize| (errors[i] / errors[i + 1]).ln() / (sizes[i] / sizes[i + 1]).ln();
        Differences { limit, order: last.map(slope), values }
    }
}

/// ∇f·ζ of every sample for every error: `gradient[n, D]`, `displacement[n, e, D]`; `[n, e]`.
pub fn slopes(dim: usize, gradient: &[f64], displacement: &[f64], errors: usize) -> Vec<f64> {
    let rows = displacement.chunks_exact(dim).enumerate();
    rows.map(|(row, zeta)| crate::linalg::dot(&gradient[row / errors * dim..][..dim], zeta)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_is_read_where_it_can_be_seen() {
        let sizes = [0.1, 0.01, 0.001];
        let of = |error: fn(f64) -> f64| {
            Differences::of(&sizes, sizes.map(|size| 2.0 + error(size)).to_vec(), 2.0, 1.0).order
        };
        assert!((of(|size| 3.0 * size * size).unwrap() - 2.0).abs() < 1e-6);
        // Far from the limit at first, or nothing but noise at last.
        assert!((of(|size| if size > 0.05 { 7.0 } else { size * size }).unwrap() - 2.0).abs() < 1e-6);
        assert!((of(|size| if size < 0.005 { 0.5 } else { size * size }).unwrap() - 2.0).abs() < 1e-6);
        assert!((of(|size| size).unwrap() - 1.0).abs() < 1e-6);
        assert_eq!(of(|_| 0.0), None);
        // Rounding at the last size only.
        assert!((of(|size| 1e-6 * size * size).unwrap_or(9.0) - 9.0).abs() < 1e-6);
        assert_eq!(Differences::of(&[0.1], vec![2.5], 2.0, 1.0).order, None);
    }

    #[test]
    fn forms_of_one_sample_and_of_a_line() {
        let one = Forms::of(&[3.0], &[0.5], &[-2.0]);
        assert_eq!((one.density.mean, one.path.mean, one.path.standard_error), (0.0, 0.5, 0.0));
        // f = x on {−1, 0, 1} with δ log ρ = 1.5 x: covariance 1.5, unbiased.
        let forms = Forms::of(&[-1.0, 0.0, 1.0], &[1.5; 3], &[-1.5, 0.0, 1.5]);
        assert!((forms.density.mean - 1.5).abs() < 1e-15 && forms.difference.mean.abs() < 1e-15);
        assert!(forms.relative_difference() < 1e-15);
        // The mean ½ Σ f r moves by ½ |f_i| e_i with an error of sample i alone.
        assert!((Forms::probe_error(&[-1.0, 0.0, 1.0], &[2.0, 5.0, 2.0]) - 2f64.sqrt()).abs() < 1e-15);
        assert_eq!(Forms::probe_error(&[3.0], &[2.0]), 0.0);
    }
}
