//! Gaussian laws, their mixtures, and the marginals of a noising process.

use super::{Law, SharedLaw};
use crate::random::{Stream, standard_normal};
use rand::RngExt;

/// N(0, diag(variances)); variances may be 0.
#[derive(Debug, Clone)]
pub struct Gaussian {
    deviations: Vec<f64>,
}

impl Gaussian {
    /// From the variance of every coordinate.
    pub fn new(variances: &[f64]) -> Self {
        Gaussian { deviations: variances.iter().map(|v| v.sqrt()).collect() }
    }

    /// N(0, s² I) in D dimensions.
    pub fn isotropic(dim: usize, deviation: f64) -> Self {
        Gaussian { deviations: vec![deviation; dim] }
    }
}

impl Law for Gaussian {
    fn dim(&self) -> usize {
        self.deviations.len()
    }

    fn sample(&self, rng: &mut Stream, x: &mut [f64]) {
        standard_normal(rng, x);
        for (value, deviation) in x.iter_mut().zip(&self.deviations) {
            *value *= deviation;
        }
    }
}

/// Equally weighted isotropic Gaussians N(centre_j, variance I).
#[derive(Debug, Clone)]
pub struct Mixture {
    dim: usize,
    centres: Vec<f64>,
    deviation: f64,
}

impl Mixture {
    /// From `centres[count, D]`.
    pub fn new(dim: usize, centres: Vec<f64>, variance: f64) -> Self {
        assert!(dim > 0 && !centres.is_empty() && centres.len().is_multiple_of(dim));
        Mixture { dim, centres, deviation: variance.sqrt() }
    }
}

impl Law for Mixture {
    fn dim(&self) -> usize {
        self.dim
    }

    fn sample(&self, rng: &mut Stream, x: &mut [f64]) {
        let chosen = rng.random_range(0..self.centres.len() / self.dim);
        standard_normal(rng, x);
        for (value, centre) in x.iter_mut().zip(&self.centres[chosen * self.dim..]) {
            *value = centre + self.deviation * *value;
        }
    }
}

/// The law of m X_0 + σ Z (theory §2): noised data.
#[derive(Clone)]
pub struct Marginal {
    /// Law of X_0.
    pub data: SharedLaw,
    /// m
    pub signal: f64,
    /// σ
    pub noise: f64,
}

impl Law for Marginal {
    fn dim(&self) -> usize {
        self.data.dim()
    }

    fn sample(&self, rng: &mut Stream, x: &mut [f64]) {
        self.data.sample(rng, x);
        let mut noise = vec![0.0; x.len()];
        standard_normal(rng, &mut noise);
        for (value, z) in x.iter_mut().zip(noise) {
            *value = self.signal * *value + self.noise * z;
        }
    }
}
