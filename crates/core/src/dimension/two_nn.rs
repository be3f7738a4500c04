//! TwoNN (Facco et al. 2017) with an interval; the estimate itself is that of [`crate::support::Reference`].

use super::overlap::{positive, standard_error};
use crate::error::Result;
use crate::statistics::{Estimate, Quantiles};
use crate::support::{Ratios, TwoNn, check_points};
use serde::{Deserialize, Serialize};

/// What TwoNN found.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TwoNnDimension {
    /// With its 95 % interval.
    pub dimension: Estimate,
    /// Points that were asked, and how many of them had a double.
    pub found: TwoNn,
    /// Distance to the second neighbour over the points: the scale, the finest that the sample has.
    pub radius: Quantiles,
    /// D, which the estimate may exceed by chance.
    pub ambient: usize,
    /// N: points of the sample, all of which can be neighbours.
    pub n: usize,
}

/// The dimension of `points[N, D]` by the ratio of the distances to the two nearest others ([`TwoNn`]). At most 2000
/// points are asked. The interval takes into account that points share neighbours: it is somewhat wider than d/√n.
///
/// # Errors
/// [`crate::Error::Invalid`] for fewer than three points, numbers that are not finite, or points without two
/// neighbours at differing distances.
pub fn two_nn(dim: usize, points: &[f64]) -> Result<TwoNnDimension> {
    check_points("dimension by TwoNN", dim, points, 3)?;
    let n = points.len() / dim;
    let ratios = Ratios::of(dim, points);
    let found = TwoNn::of(&ratios)?;
    // d is all but the inverse of the mean of log μ, so that it varies by d² times what the mean does.
    let error = found.dimension.powi(2) * standard_error(n, &ratios.surroundings, 2, &ratios.logs);
    let radii: Vec<f64> = ratios.surroundings.iter().map(|one| one.others[1].distance).collect();
    Ok(TwoNnDimension {
        dimension: positive(found.dimension, error),
        found,
        radius: Quantiles::of(&radii),
        ambient: dim,
        n,
    })
}
