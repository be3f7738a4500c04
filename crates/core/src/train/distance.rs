//! The distance of two samples as a whole.

use super::coupling::{Assignment, Costs};
use crate::error::Result;

/// The 2-Wasserstein distance of two samples `x[n, dim]` and `y[n, dim]` of equal size: √(min_π (1/n) Σ |x_i − y_π(i)|²)
/// over all permutations π, exactly. Memory 8 n² bytes; n up to a few thousand.
///
/// Beside a sample of the data, judge it by the distance of two samples of the data: that is not 0 either, but of order
/// n^{−1/D} for D > 4.
///
/// # Errors
/// [`crate::Error::Invalid`] for samples of different sizes, an empty one, or non-finite numbers.
pub fn wasserstein_2(dim: usize, x: &[f64], y: &[f64]) -> Result<f64> {
    let costs = Costs::squared_distances(dim, x, y)?;
    Ok((Assignment::solve(&costs).total / costs.len() as f64).sqrt())
}
