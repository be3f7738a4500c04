//! Intrinsic dimension of a sample from its two nearest neighbours.

use super::search;
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};

/// What TwoNN (Facco et al. 2017) found over a reference: the ratio μ = r_2/r_1 of the distances to the two nearest
/// other points follows a Pareto law with exponent d, whose unbiased maximum likelihood estimate is (n − 1)/Σ log μ.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TwoNn {
    /// The estimate itself; d is the nearest whole number from 1 to D − 1.
    pub dimension: f64,
    /// Points that were asked for their two nearest others, evenly spaced through the reference; n of the estimate
    /// together with `duplicates`.
    pub points: usize,
    /// Of these, left out because another point coincides with them.
    pub duplicates: usize,
}

/// Most points asked for their neighbours; all points of the reference can be neighbours.
const MOST_POINTS: usize = 2000;

impl TwoNn {
    /// d as a whole number from 1 to D − 1.
    pub fn rounded(&self, dim: usize) -> usize {
        (self.dimension.round().max(1.0) as usize).min(dim - 1)
    }
}

/// Estimate over `points[N, D]`.
pub(super) fn estimate(dim: usize, points: &[f64]) -> Result<TwoNn> {
    let count = points.len() / dim;
    let step = count.div_ceil(MOST_POINTS);
    let asked: Vec<usize> = (0..count).step_by(step).collect();
    let queries: Vec<f64> = asked.iter().flat_map(|&i| &points[i * dim..][..dim]).copied().collect();
    let (mut logs, mut used) = (0.0, 0);
    for (&own, found) in asked.iter().zip(search::nearest(dim, points, &queries, 3)) {
        let mut others = found.iter().filter(|neighbour| neighbour.index != own).map(|n| n.distance);
        if let (Some(first), Some(second)) = (others.next(), others.next())
            && first > 0.0
        {
            logs += (second / first).ln();
            used += 1;
        }
    }
    let dimension = (used as f64 - 1.0) / logs;
    if used < 2 || !dimension.is_finite() {
        return Err(Error::invalid(
            "dimension of the reference by TwoNN",
            "points at differing distances from one another",
            format!("{used} of {} points with two distinct neighbours", asked.len()),
            "Give the dimension of the data",
        ));
    }
    Ok(TwoNn { dimension, points: asked.len(), duplicates: asked.len() - used })
}
