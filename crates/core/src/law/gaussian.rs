//! Gaussian laws, their mixtures, and the marginals of a noising process.

use super::{Density, Law, SharedDensity, SharedLaw};
use crate::random::{Stream, standard_normal};
use rand::RngExt;
use std::f64::consts::TAU;
use std::sync::Arc;

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

    fn density(self: Arc<Self>) -> Option<SharedDensity> {
        self.deviations.iter().all(|d| *d > 0.0).then_some(self as SharedDensity)
    }
}

impl Density for Gaussian {
    fn log_density(&self, x: &[f64]) -> f64 {
        let term = |(x, d): (&f64, &f64)| -0.5 * (x / d).powi(2) - d.ln() - 0.5 * TAU.ln();
        x.iter().zip(&self.deviations).map(term).sum()
    }

    fn score(&self, x: &[f64], s: &mut [f64]) {
        for ((s, x), d) in s.iter_mut().zip(x).zip(&self.deviations) {
            *s = -x / (d * d);
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

    fn density(self: Arc<Self>) -> Option<SharedDensity> {
        (self.deviation > 0.0).then_some(self as SharedDensity)
    }
}

impl Mixture {
    /// Squared distance of x from every centre.
    fn squares<'a>(&'a self, x: &'a [f64]) -> impl Iterator<Item = f64> + 'a {
        let square = move |c: &[f64]| c.iter().zip(x).map(|(c, x)| (x - c).powi(2)).sum();
        self.centres.chunks_exact(self.dim).map(square)
    }
}

impl Density for Mixture {
    fn log_density(&self, x: &[f64]) -> f64 {
        let variance = self.deviation * self.deviation;
        let least = self.squares(x).fold(f64::INFINITY, f64::min);
        let sum: f64 = self.squares(x).map(|square| (0.5 * (least - square) / variance).exp()).sum();
        let count = self.centres.len() / self.dim;
        sum.ln()
            - 0.5 * least / variance
            - (count as f64).ln()
            - 0.5 * self.dim as f64 * (TAU * variance).ln()
    }

    fn score(&self, x: &[f64], s: &mut [f64]) {
        let variance = self.deviation * self.deviation;
        let least = self.squares(x).fold(f64::INFINITY, f64::min);
        let weights: Vec<f64> =
            self.squares(x).map(|square| (0.5 * (least - square) / variance).exp()).collect();
        let total: f64 = weights.iter().sum();
        s.fill(0.0);
        for (centre, w) in self.centres.chunks_exact(self.dim).zip(&weights) {
            for ((s, c), x) in s.iter_mut().zip(centre).zip(x) {
                *s += w / total * (c - x) / variance;
            }
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
