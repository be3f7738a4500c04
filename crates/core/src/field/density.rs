//! The density of noised data from its exact score.

use super::gauss_legendre::GaussLegendre;
use super::{Moment, SharedField};
use crate::law::Density;
use crate::linalg::dot;
use std::f64::consts::TAU;

/// The density of m X_0 + σ Z, given the score of this family for all m and σ.
///
/// With ξ = x/m = X_0 + √V Z, p_V the density of ξ and t = 1/V, the heat equation gives
/// d/dt [log p_V(ξ) + (D/2) log 2πV] = −½ E\[|X_0 − ξ|² | ξ\], and the bracket vanishes at t = 0. The conditional mean is
/// V² (div s + |s|² + D/V), a smooth function of t, so that Gauss–Legendre panels integrate it to rounding.
#[derive(Clone)]
pub struct NoisedDensity {
    /// The exact score, as a function of signal and noise.
    pub score: SharedField,
    /// m and σ > 0.
    pub at: Moment,
}

/// Nodes a panel.
const NODES: usize = 16;
/// Panels are halved until two answers agree to this many nats.
const TOLERANCE: f64 = 1e-11;
/// Most panels.
const MOST_PANELS: usize = 1 << 10;

impl NoisedDensity {
    /// ½ E\[|X_0 − ξ|² | ξ\] at t = 1/V.
    fn spread(&self, xi: &[f64], t: f64) -> f64 {
        let dim = xi.len();
        let mut identity = vec![0.0; dim * dim];
        (0..dim).for_each(|i| identity[i * dim + i] = 1.0);
        let (mut s, mut slopes) = (vec![0.0; dim], vec![0.0; dim * dim]);
        let at = Moment { signal: 1.0, noise: 1.0 / t.sqrt(), ..self.at };
        self.score.tangents(at, xi, &identity, &mut s, &mut slopes);
        let divergence: f64 = (0..dim).map(|i| slopes[i * dim + i] + t).sum();
        0.5 * (divergence + dot(&s, &s)) / (t * t)
    }

    /// The integral over [0, 1/V] by so many equal panels.
    fn integral(&self, rule: &GaussLegendre, xi: &[f64], end: f64, panels: usize) -> f64 {
        let width = end / panels as f64;
        let node = |panel: usize, z: f64| self.spread(xi, width * (panel as f64 + 0.5 * (1.0 + z)));
        (0..panels)
            .flat_map(|panel| rule.nodes.iter().zip(&rule.weights).map(move |(z, w)| (panel, z, w)))
            .map(|(panel, z, w)| 0.5 * width * w * node(panel, *z))
            .sum()
    }
}

impl Density for NoisedDensity {
    fn log_density(&self, x: &[f64]) -> f64 {
        let Moment { signal: m, noise, .. } = self.at;
        let dim = x.len() as f64;
        let xi: Vec<f64> = x.iter().map(|x| x / m).collect();
        let end = (m / noise).powi(2);
        let rule = GaussLegendre::new(NODES);
        let mut panels = 1;
        let mut found = self.integral(&rule, &xi, end, panels);
        while panels < MOST_PANELS {
            panels *= 2;
            let finer = self.integral(&rule, &xi, end, panels);
            let change = (finer - found).abs();
            found = finer;
            if change <= TOLERANCE * found.abs().max(1.0) || change.is_nan() {
                break;
            }
        }
        -found - 0.5 * dim * (TAU / end).ln() - dim * m.ln()
    }

    fn score(&self, x: &[f64], s: &mut [f64]) {
        self.score.eval(self.at, x, s);
    }
}
