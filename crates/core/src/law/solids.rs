//! Uniform laws on spheres and the torus.

use super::Law;
use crate::random::{Stream, standard_normal};
use rand::RngExt;
use std::f64::consts::TAU;

/// Uniform on the sphere of some radius in R^D.
#[derive(Debug, Clone, Copy)]
pub struct Sphere {
    /// D ≥ 1
    pub dim: usize,
    /// Its radius.
    pub radius: f64,
}

impl Law for Sphere {
    fn dim(&self) -> usize {
        self.dim
    }

    fn sample(&self, rng: &mut Stream, x: &mut [f64]) {
        let mut length = 0.0;
        while length < 1e-100 {
            standard_normal(rng, x);
            length = x.iter().map(|v| v * v).sum::<f64>().sqrt();
        }
        for value in x {
            *value *= self.radius / length;
        }
    }
}

/// Uniform in area on the torus ((R + r cos θ) cos φ, (R + r cos θ) sin φ, r sin θ).
#[derive(Debug, Clone, Copy)]
pub struct Torus {
    /// R, from the axis to the middle of the tube.
    pub major: f64,
    /// r < R, radius of the tube.
    pub minor: f64,
}

impl Law for Torus {
    fn dim(&self) -> usize {
        3
    }

    fn sample(&self, rng: &mut Stream, x: &mut [f64]) {
        let (sin_phi, cos_phi) = (TAU * rng.random::<f64>()).sin_cos();
        // The area element is proportional to R + r cos θ: accept θ with that probability.
        let (sin, ring) = loop {
            let (sin, cos) = (TAU * rng.random::<f64>()).sin_cos();
            let ring = self.major + self.minor * cos;
            if rng.random::<f64>() * (self.major + self.minor) <= ring {
                break (sin, ring);
            }
        };
        x.copy_from_slice(&[ring * cos_phi, ring * sin_phi, self.minor * sin]);
    }
}
