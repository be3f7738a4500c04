//! The exact score of the uniform law on a sphere of any dimension.

use super::{Field, Moment};
use crate::error::Result;
use crate::linalg::{axpy, dot};

/// Score of noised uniform data on the sphere of a radius R about the origin of R^p, p ≥ 2, blurred by a bandwidth h.
///
/// Given its noisy observation x, X_0 has a von Mises–Fisher law around x with κ = m R |x|/s², s² = σ² + m²h², and mean length
/// R A(κ), A = I_{p/2}/I_{p/2−1}. The score is g x with g = (m²R² A/(κ s²) − 1)/s², a smooth function of |x|².
#[derive(Debug, Clone, Copy)]
pub struct HighSphere {
    /// p
    pub dim: usize,
    /// R
    pub radius: f64,
    /// h
    pub bandwidth: f64,
}

/// A function with its first two derivatives.
#[derive(Debug, Clone, Copy)]
struct Jet {
    value: f64,
    slope: f64,
    curvature: f64,
}

impl HighSphere {
    /// g by |x|².
    fn factor(&self, at: Moment, x: &[f64]) -> Jet {
        let variance = at.noise.powi(2) + (at.signal * self.bandwidth).powi(2);
        let scale = (at.signal * self.radius).powi(2) / variance;
        let unit = scale / variance;
        let ratio = bessel_ratio(self.dim, unit * dot(x, x));
        Jet {
            value: (scale * ratio.value - 1.0) / variance,
            slope: unit * unit * ratio.slope,
            curvature: unit * unit * unit * ratio.curvature,
        }
    }

    /// Values at all rows of x; `row` is told the place of each, the row and g there.
    fn derive(&self, at: Moment, x: &[f64], y: &mut [f64], mut row: impl FnMut(usize, &[f64], Jet)) {
        for (sample, (x, y)) in x.chunks_exact(self.dim).zip(y.chunks_exact_mut(self.dim)).enumerate() {
            let factor = self.factor(at, x);
            x.iter().zip(y).for_each(|(x, y)| *y = factor.value * x);
            row(sample, x, factor);
        }
    }
}

impl Field for HighSphere {
    fn dim(&self) -> usize {
        self.dim
    }

    fn eval(&self, at: Moment, x: &[f64], y: &mut [f64]) {
        self.derive(at, x, y, |_, _, _| ());
    }

    /// ds\[v\] = g v + 2 g′ (x·v) x.
    fn tangents(&self, at: Moment, x: &[f64], v: &[f64], y: &mut [f64], jv: &mut [f64]) {
        let rows = v.len() / x.len().max(1) * self.dim;
        self.derive(at, x, y, |sample, x, g| {
            let own = sample * rows..(sample + 1) * rows;
            for (v, jv) in v[own.clone()].chunks_exact(self.dim).zip(jv[own].chunks_exact_mut(self.dim)) {
                jv.fill(0.0);
                axpy(jv, g.value, v);
                axpy(jv, 2.0 * g.slope * dot(x, v), x);
            }
        });
    }

    /// The Jacobian of a score is symmetric.
    fn adjoint(&self, at: Moment, x: &[f64], u: &[f64], y: &mut [f64], uj: &mut [f64]) {
        self.tangents(at, x, u, y, uj);
    }

    /// d²s\[u, v\] = 2 g′ ((x·u) v + (x·v) u + (u·v) x) + 4 g″ (x·u)(x·v) x.
    fn second(
        &self,
        at: Moment,
        x: &[f64],
        u: &[f64],
        v: &[f64],
        y: &mut [f64],
        d2: &mut [f64],
    ) -> Result<()> {
        let rows = v.len() / x.len().max(1) * self.dim;
        self.derive(at, x, y, |sample, x, g| {
            let own = sample * rows..(sample + 1) * rows;
            let pairs = u[own.clone()].chunks_exact(self.dim).zip(v[own.clone()].chunks_exact(self.dim));
            for ((u, v), d2) in pairs.zip(d2[own].chunks_exact_mut(self.dim)) {
                let (along_u, along_v) = (dot(x, u), dot(x, v));
                d2.fill(0.0);
                axpy(d2, 2.0 * g.slope * along_u, v);
                axpy(d2, 2.0 * g.slope * along_v, u);
                axpy(d2, 2.0 * g.slope * dot(u, v) + 4.0 * g.curvature * along_u * along_v, x);
            }
        });
        Ok(())
    }

    fn is_gradient(&self) -> bool {
        true
    }
}

/// ρ_ν(t) = I_ν(κ)/(κ I_{ν−1}(κ)), ν = p/2, by t = κ²: the recurrence ρ_ν = 1/(2ν + t ρ_{ν+1}) and its derivatives downwards,
/// from ρ_ν ≈ 1/(ν − ½ + √((ν + ½)² + t)) (Amos 1974), whose error the way down forgets, and which is below ν/κ² anyway.
fn bessel_ratio(p: usize, t: f64) -> Jet {
    let half = 0.5 * p as f64;
    let rounds = 60 + (8.0 * t.sqrt().sqrt()).min(1e5) as usize;
    let top = half + rounds as f64;
    let root = ((top + 0.5).powi(2) + t).sqrt();
    let value = 1.0 / (top - 0.5 + root);
    let slope = -value * value / (2.0 * root);
    let mut next =
        Jet { value, slope, curvature: value * value / (4.0 * root.powi(3)) - value * slope / root };
    for round in (0..rounds).rev() {
        let value = 1.0 / (2.0 * (half + round as f64) + t * next.value);
        let slope = -value * value * (next.value + t * next.slope);
        let bend = 2.0 * next.slope + t * next.curvature;
        next = Jet { value, slope, curvature: 2.0 * slope * slope / value - value * value * bend };
    }
    next
}
