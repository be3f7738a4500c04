//! Laws of point files, and laws smoothed by a kernel.

use super::{Law, SharedLaw};
use crate::random::Stream;
use rand::RngExt;
use rand_distr::{Distribution, StandardNormal};
use std::sync::Arc;

/// A draw from a finite set of points.
#[derive(Debug, Clone)]
pub struct Points {
    dim: usize,
    nodes: Arc<[f64]>,
    /// Running sums of the weights; empty for equal weights.
    cumulative: Vec<f64>,
}

impl Points {
    /// `nodes[count, D]` with `weights[count]`, or none for equal weights.
    /// The weights need not sum to 1; they must be finite and not negative, with a positive sum.
    pub fn new(dim: usize, nodes: Arc<[f64]>, weights: &[f64]) -> Self {
        assert!(dim > 0 && !nodes.is_empty() && nodes.len().is_multiple_of(dim));
        assert!(weights.is_empty() || weights.len() == nodes.len() / dim);
        let cumulative = weights.iter().scan(0.0, |sum, w| {
            *sum += w;
            Some(*sum)
        });
        Points { dim, cumulative: cumulative.collect(), nodes }
    }

    fn draw(&self, rng: &mut Stream) -> usize {
        let Some(total) = self.cumulative.last() else {
            return rng.random_range(0..self.nodes.len() / self.dim);
        };
        let level = total * rng.random::<f64>();
        let chosen = self.cumulative.partition_point(|sum| *sum <= level);
        chosen.min(self.cumulative.partition_point(|sum| sum < total))
    }
}

impl Law for Points {
    fn dim(&self) -> usize {
        self.dim
    }

    fn sample(&self, rng: &mut Stream, x: &mut [f64]) {
        let chosen = self.draw(rng);
        x.copy_from_slice(&self.nodes[chosen * self.dim..][..self.dim]);
    }
}

/// A law plus independent Gaussian noise of standard deviation `bandwidth` in every coordinate.
#[derive(Clone)]
pub struct Blurred {
    /// The law before smoothing.
    pub law: SharedLaw,
    /// h
    pub bandwidth: f64,
}

impl Blurred {
    /// The law with noise of this standard deviation; itself for 0.
    pub fn by(law: SharedLaw, bandwidth: f64) -> SharedLaw {
        if bandwidth > 0.0 { Arc::new(Blurred { law, bandwidth }) } else { law }
    }
}

impl Law for Blurred {
    fn dim(&self) -> usize {
        self.law.dim()
    }

    fn sample(&self, rng: &mut Stream, x: &mut [f64]) {
        self.law.sample(rng, x);
        for value in x {
            let z: f64 = StandardNormal.sample(rng);
            *value += self.bandwidth * z;
        }
    }
}
