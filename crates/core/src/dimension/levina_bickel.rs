//! Maximum likelihood from the distances to the nearest neighbours (Levina and Bickel 2004).

use super::overlap::{positive, standard_error};
use crate::error::{Error, Result};
use crate::statistics::{Estimate, Quantiles};
use crate::support::{Surroundings, check_points, surroundings};
use serde::{Deserialize, Serialize};

/// Numbers of neighbours to average over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Neighbourhoods {
    /// k_1 ≥ 2.
    pub from: usize,
    /// k_2 ≥ k_1, at most N − 1.
    pub to: usize,
}

impl Default for Neighbourhoods {
    /// 10 to 20, as in the paper.
    fn default() -> Neighbourhoods {
        Neighbourhoods { from: 10, to: 20 }
    }
}

/// The estimate at one number of neighbours.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct AtNeighbours {
    /// k.
    pub neighbours: usize,
    /// With its 95 % interval.
    pub dimension: Estimate,
    /// Distance to the k-th neighbour over the points: the scale.
    pub radius: Quantiles,
}

/// What maximum likelihood found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LevinaBickel {
    /// Mean of the estimates at k_1 … k_2, with a 95 % interval.
    pub dimension: Estimate,
    /// The estimate at every k: where it changes with k, the scale matters.
    pub by_neighbours: Vec<AtNeighbours>,
    /// k_1 and k_2.
    pub neighbourhoods: Neighbourhoods,
    /// D, which the estimate may exceed by chance.
    pub ambient: usize,
    /// Points whose neighbours were looked for, evenly spaced through the sample.
    pub asked: usize,
    /// Of these, left out because another point coincides with them.
    pub duplicates: usize,
    /// N: points of the sample, all of which can be neighbours.
    pub n: usize,
}

/// The dimension of `points[N, D]` by maximum likelihood: with the distances T_1 ≤ … ≤ T_k of a point to its k nearest
/// others, 1/d is the mean of log T_k/T_j over j < k, here averaged over the points before it is inverted (MacKay and
/// Ghahramani 2005), and d is averaged over k = k_1 … k_2. At most 2000 points are asked. The interval takes into account
/// that neighbourhoods overlap. It does not know the bias of a curved or thin sample: compare the estimates at different k.
///
/// # Errors
/// [`Error::Invalid`] for numbers of neighbours outside 2 ..= N − 1, numbers that are not finite, or a sample without two
/// points at differing distances from others.
pub fn levina_bickel(dim: usize, points: &[f64], neighbourhoods: Neighbourhoods) -> Result<LevinaBickel> {
    let operation = "dimension by maximum likelihood";
    let Neighbourhoods { from, to } = neighbourhoods;
    check_points(operation, dim, points, 3)?;
    let n = points.len() / dim;
    if from < 2 || from > to || to >= n {
        return Err(Error::invalid(
            operation,
            format!("2 to {} neighbours, the fewest first", n - 1),
            format!("{from} to {to}"),
            "Choose other numbers of neighbours, or give more points",
        ));
    }
    let mut found = surroundings(dim, points, to);
    let asked = found.len();
    found.retain(|one| one.others[0].distance > 0.0);
    let sample = Sample { n, found: &found };
    let estimates: Option<Vec<Curve>> =
        if found.len() < 2 { None } else { (from..=to).map(|k| sample.at(k)).collect() };
    let Some(curves) = estimates else {
        return Err(Error::invalid(
            operation,
            "two points or more at differing distances from their neighbours",
            format!("{} of {asked} points apart from all others", found.len()),
            "Leave repeated points out, or take more neighbours",
        ));
    };
    let count = curves.len() as f64;
    let mut influence = vec![0.0; found.len()];
    for curve in &curves {
        influence.iter_mut().zip(&curve.influence).for_each(|(sum, value)| *sum += value / count);
    }
    let value = curves.iter().map(|curve| curve.at.dimension.value).sum::<f64>() / count;
    Ok(LevinaBickel {
        dimension: positive(value, standard_error(n, &found, to, &influence)),
        by_neighbours: curves.into_iter().map(|curve| curve.at).collect(),
        neighbourhoods,
        ambient: dim,
        asked,
        duplicates: asked - found.len(),
        n,
    })
}

/// Points with their neighbours.
struct Sample<'a> {
    n: usize,
    found: &'a [Surroundings],
}

/// The estimate at one k, and what every point adds to it.
struct Curve {
    at: AtNeighbours,
    influence: Vec<f64>,
}

impl Sample<'_> {
    /// `None` where all distances are equal.
    fn at(&self, k: usize) -> Option<Curve> {
        let inverse = |one: &Surroundings| {
            let logs = one.others[..k].iter().map(|other| other.distance.ln());
            one.others[k - 1].distance.ln() - logs.take(k - 1).sum::<f64>() / (k - 1) as f64
        };
        let inverses: Vec<f64> = self.found.iter().map(inverse).collect();
        let mean = inverses.iter().sum::<f64>() / inverses.len() as f64;
        let dimension = 1.0 / mean;
        if !(dimension > 0.0 && dimension.is_finite()) {
            return None;
        }
        // d(1/y) = −dy/y².
        let influence: Vec<f64> = inverses.iter().map(|y| dimension * (1.0 - y / mean)).collect();
        let radii: Vec<f64> = self.found.iter().map(|one| one.others[k - 1].distance).collect();
        let error = standard_error(self.n, self.found, k, &influence);
        let at = AtNeighbours {
            neighbours: k,
            dimension: positive(dimension, error),
            radius: Quantiles::of_any(&radii)?,
        };
        Some(Curve { at, influence })
    }
}
