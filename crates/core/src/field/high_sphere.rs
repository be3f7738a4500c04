//! The exact score of the uniform law on a sphere of any dimension.

use super::{Field, Moment};
use crate::linalg::{dot, norm};

/// Score of noised uniform data on the sphere of a radius R about the origin of R^p, p ≥ 2, blurred by a bandwidth h.
///
/// Given its noisy observation x, X_0 has a von Mises–Fisher law around x with κ = m R |x|/s², s² = σ² + m²h², and mean length
/// R A(κ), A = I_{p/2}/I_{p/2−1}; along x the score is (m R A − |x|)/s², and its slope follows from
/// A′ = 1 − A² − (p − 1) A/κ.
#[derive(Debug, Clone, Copy)]
pub struct HighSphere {
    /// p
    pub dim: usize,
    /// R
    pub radius: f64,
    /// h
    pub bandwidth: f64,
}

/// The score over |x|, which is also its slope across the ray, and its slope along the ray.
struct Ray {
    across: f64,
    along: f64,
}

impl HighSphere {
    fn ray(&self, at: Moment, length: f64) -> Ray {
        let variance = at.noise.powi(2) + (at.signal * self.bandwidth).powi(2);
        let reach = at.signal * self.radius;
        let kappa = reach * length / variance;
        let ratio = bessel_ratio_over(self.dim, kappa);
        let mean = kappa * ratio;
        let slope = 1.0 - mean * mean - (self.dim - 1) as f64 * ratio;
        let scale = reach * reach / variance;
        Ray { across: (scale * ratio - 1.0) / variance, along: (scale * slope - 1.0) / variance }
    }
}

impl Field for HighSphere {
    fn dim(&self) -> usize {
        self.dim
    }

    fn eval(&self, at: Moment, x: &[f64], y: &mut [f64]) {
        for (x, y) in x.chunks_exact(self.dim).zip(y.chunks_exact_mut(self.dim)) {
            let ray = self.ray(at, norm(x));
            x.iter().zip(y).for_each(|(x, y)| *y = ray.across * x);
        }
    }

    fn tangents(&self, at: Moment, x: &[f64], v: &[f64], y: &mut [f64], jv: &mut [f64]) {
        self.eval(at, x, y);
        let directions = v.len() / x.len().max(1);
        let rows = v.chunks_exact(self.dim * directions).zip(jv.chunks_exact_mut(self.dim * directions));
        for (x, (v, jv)) in x.chunks_exact(self.dim).zip(rows) {
            let length = norm(x);
            let ray = self.ray(at, length);
            for (v, jv) in v.chunks_exact(self.dim).zip(jv.chunks_exact_mut(self.dim)) {
                let along = if length > 0.0 { dot(x, v) / (length * length) } else { 0.0 };
                let stretch = (ray.along - ray.across) * along;
                jv.iter_mut()
                    .zip(v.iter().zip(x))
                    .for_each(|(jv, (v, x))| *jv = ray.across * v + stretch * x);
            }
        }
    }

    /// The Jacobian of a score is symmetric.
    fn adjoint(&self, at: Moment, x: &[f64], u: &[f64], y: &mut [f64], uj: &mut [f64]) {
        self.tangents(at, x, u, y, uj);
    }
}

/// I_ν(κ)/(κ I_{ν−1}(κ)), ν = p/2, by the recurrence A_ν = κ/(2ν + κ A_{ν+1}) downwards.
fn bessel_ratio_over(p: usize, kappa: f64) -> f64 {
    let half = 0.5 * p as f64;
    let rounds = 60 + (8.0 * kappa.sqrt()).min(1e5) as usize;
    let top = half + rounds as f64;
    let mut over = 1.0 / (top + top.hypot(kappa));
    for round in (0..rounds).rev() {
        over = 1.0 / (2.0 * (half + round as f64) + kappa * kappa * over);
    }
    over
}
