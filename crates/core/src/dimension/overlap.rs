//! Intervals of means over points whose neighbourhoods overlap.

use crate::statistics::Estimate;
use crate::support::Surroundings;

/// Standard error of the mean of `values`, one a point of `surroundings`, each a function of the point and its k nearest
/// others in a sample of `rows` points.
///
/// Points close to one another share neighbours, so their values are correlated, and taking them as independent gives
/// too little. With w_ij the share of the k + 1 points of neighbourhood i that are in j, the variance is
/// Σ_ij w_ij e_i e_j/n² for deviations e, a sum of squares over the points of the sample (a kernel estimate in the manner of
/// Conley 1999, over the graph of neighbours); never less than that of independent values.
pub(super) fn standard_error(rows: usize, surroundings: &[Surroundings], k: usize, values: &[f64]) -> f64 {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let mut shared = vec![0.0; rows];
    let mut alone = 0.0;
    for (found, value) in surroundings.iter().zip(values) {
        let deviation = value - mean;
        alone += deviation * deviation;
        shared[found.own] += deviation;
        found.others.iter().take(k).for_each(|other| shared[other.index] += deviation);
    }
    let together = shared.iter().map(|sum| sum * sum).sum::<f64>() / (k + 1) as f64;
    (together.max(alone) / (n * (n - 1.0))).sqrt()
}

/// A positive estimate with the 95 % interval of its logarithm.
pub(super) fn positive(value: f64, standard_error: f64) -> Estimate {
    let factor = (1.96 * standard_error / value).exp();
    Estimate { value, low: value / factor, high: value * factor }
}
