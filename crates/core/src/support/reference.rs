//! Reference.

use super::{Foot, Support};
use crate::error::Result;
use serde::{Deserialize, Serialize};

/// A reference point and its distance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Neighbour {
    /// Its row in the reference.
    pub index: usize,
    /// Its distance.
    pub distance: f64,
}

/// What TwoNN (Facco et al. 2017) found over a reference.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TwoNn {
    /// The estimate itself; d is the nearest whole number from 1 to D − 1.
    pub dimension: f64,
    /// Reference points asked for their two nearest others.
    pub points: usize,
    /// Of these, left out because another point coincides with them.
    pub duplicates: usize,
}

/// Support given by a sample: nearest neighbours with local PCA.
#[derive(Debug, Clone)]
pub struct Reference {}

impl Reference {
    /// `points[n, D]`; `intrinsic_dim` of the data or `None` to estimate it by TwoNN; `neighbours` for the local PCA, `None` for a default.
    pub fn new(
        _dim: usize,
        _points: Vec<f64>,
        _intrinsic_dim: Option<usize>,
        _neighbours: Option<usize>,
    ) -> Result<Reference> {
        todo!()
    }
    /// How the dimension was estimated, where it was.
    pub fn two_nn(&self) -> Option<TwoNn> {
        todo!()
    }
    /// Neighbours of the local PCA.
    pub fn neighbours(&self) -> usize {
        todo!()
    }
    /// The `count` nearest reference points of every row of `x[n, D]`, nearest first.
    pub fn nearest(&self, _x: &[f64], _count: usize) -> Vec<Vec<Neighbour>> {
        todo!()
    }
}

impl Support for Reference {
    fn dim(&self) -> usize {
        todo!()
    }
    fn intrinsic_dim(&self) -> usize {
        todo!()
    }
    fn project(&self, _x: &[f64]) -> Foot {
        todo!()
    }
    fn outline(&self, _count: usize) -> Vec<Vec<f64>> {
        todo!()
    }
}
