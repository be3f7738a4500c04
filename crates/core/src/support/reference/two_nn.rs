//! Intrinsic dimension of a sample from its two nearest neighbours.

use super::search::{Surroundings, surroundings};
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

/// What an estimate by TwoNN rests on.
#[derive(Debug, Clone)]
pub(crate) struct Ratios {
    /// log μ of the points that coincide with no other.
    pub(crate) logs: Vec<f64>,
    /// These points with their two nearest others.
    pub(crate) surroundings: Vec<Surroundings>,
    /// Points that were asked.
    asked: usize,
}

impl Ratios {
    /// Over `points[N, D]`.
    pub(crate) fn of(dim: usize, points: &[f64]) -> Ratios {
        let mut surroundings = surroundings(dim, points, 2);
        let asked = surroundings.len();
        surroundings.retain(|found| found.others.len() == 2 && found.others[0].distance > 0.0);
        let log_ratio = |found: &Surroundings| (found.others[1].distance / found.others[0].distance).ln();
        Ratios { logs: surroundings.iter().map(log_ratio).collect(), surroundings, asked }
    }
}

impl TwoNn {
    /// From the ratios of a sample.
    ///
    /// # Errors
    /// [`Error::Invalid`] for fewer than two ratios, or none that differs from 1.
    pub(crate) fn of(ratios: &Ratios) -> Result<TwoNn> {
        let used = ratios.logs.len();
        let dimension = (used as f64 - 1.0) / ratios.logs.iter().sum::<f64>();
        if used < 2 || !dimension.is_finite() {
            return Err(Error::invalid(
                "dimension of a sample by TwoNN",
                "points at differing distances from one another",
                format!("{used} of {} points with two distinct neighbours", ratios.asked),
                "Give the dimension of the data",
            ));
        }
        Ok(TwoNn { dimension, points: ratios.asked, duplicates: ratios.asked - used })
    }

    /// d as a whole number from 1 to D − 1 (to 1 for D = 1).
    pub fn rounded(&self, dim: usize) -> usize {
        (self.dimension.round() as usize).min(dim.saturating_sub(1)).max(1)
    }
}
