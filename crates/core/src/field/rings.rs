//! Laws swept out by circles about an axis: the disc in R² and the torus in R³.
//!
//! Given the circle of radius ρ that X_0 lies on, its angle has a von Mises law of concentration κ = ρ q/V',
//! q the distance of ξ from the axis, so only one variable is left to quadrature.

use super::bessel::VonMises;
use super::gauss_legendre::GaussLegendre;
use super::posterior::{Conditional, Posterior};
use std::f64::consts::TAU;
use std::sync::OnceLock;

/// A circle about the axis with its share of the mass.
#[derive(Debug, Clone, Copy)]
struct Ring {
    radius: f64,
    height: f64,
    log_weight: f64,
}

/// A family of circles about the axis.
#[derive(Debug, Clone, Copy)]
enum Family {
    /// All radii up to one, with mass ∝ radius.
    Disc { radius: f64 },
    /// The circles of a torus, with mass ∝ their length.
    Torus { major: f64, minor: f64 },
}

/// Nodes a Gauss–Legendre panel.
const PANEL: usize = 16;
/// Levels of refinement kept.
const LEVELS: usize = 14;
/// Rings whose exponent lies this far below the largest add less than rounding to every moment.
const NEGLIGIBLE: f64 = 60.0;

/// Uniform law on a disc or a torus, by quadrature over circles.
pub struct Rings {
    family: Family,
    levels: [OnceLock<Vec<Ring>>; LEVELS],
}

/// Moments in the frame (along q, across it in the plane, along the axis).
#[derive(Default)]
struct Moments {
    along: f64,
    height: f64,
    along_along: f64,
    across_across: f64,
    along_height: f64,
    height_height: f64,
}

impl Rings {
    /// Uniform law on the disc of that radius about the origin of R².
    pub fn disc(radius: f64) -> Self {
        Self::new(Family::Disc { radius })
    }

    /// Uniform law in area on the torus ((R + r cos θ) cos φ, (R + r cos θ) sin φ, r sin θ), R > r.
    pub fn torus(major: f64, minor: f64) -> Self {
        Self::new(Family::Torus { major, minor })
    }

    fn new(family: Family) -> Self {
        Rings { family, levels: [const { OnceLock::new() }; LEVELS] }
    }

    /// The rule of a level: 16 · 2^level circles.
    fn rule(&self, level: usize) -> Vec<Ring> {
        let panels = 1usize << level;
        match self.family {
            Family::Disc { radius } => {
                let rule = GaussLegendre::new(PANEL);
                let width = radius / panels as f64;
                let ring = |panel: usize, z: f64, w: f64| {
                    let share = (panel as f64 + 0.5 * (1.0 + z)) / panels as f64;
                    Ring {
                        radius: radius * share,
                        height: 0.0,
                        log_weight: (share * w * width / radius).ln(),
                    }
                };
                (0..panels)
                    .flat_map(|p| rule.nodes.iter().zip(&rule.weights).map(move |(z, w)| ring(p, *z, *w)))
                    .collect()
            }
            Family::Torus { major, minor } => {
                let count = panels * PANEL;
                let ring = |j: usize| {
                    let (sin, cos) = (TAU * j as f64 / count as f64).sin_cos();
                    let radius = major + minor * cos;
                    Ring { radius, height: minor * sin, log_weight: (radius / major / count as f64).ln() }
                };
                (0..count).map(ring).collect()
            }
        }
    }

    /// The rings a variance needs: node spacing at most half of √variance.
    fn rings(&self, variance: f64) -> &[Ring] {
        let length = match self.family {
            Family::Disc { radius } => 2.0 * radius,
            Family::Torus { minor, .. } => TAU * minor,
        };
        let wanted = (length / (0.5 * PANEL as f64 * variance.sqrt())).log2().ceil();
        let level = (wanted.max(1.0) as usize).min(LEVELS - 1);
        self.levels[level].get_or_init(|| self.rule(level))
    }
}

/// Moments of X_0 given a point at distance q from the axis and at a height.
fn moments(rings: &[Ring], variance: f64, q: f64, height: f64) -> Moments {
    let exponent = |ring: &Ring| {
        let (across, up) = (ring.radius - q, ring.height - height);
        ring.log_weight - (across * across + up * up) / (2.0 * variance)
    };
    let peak = rings.iter().map(exponent).fold(f64::NEG_INFINITY, f64::max);
    let weighted = || {
        let near = rings.iter().filter(|ring| exponent(ring) > peak - NEGLIGIBLE);
        near.map(|ring| {
            let law = VonMises::new(ring.radius * q / variance);
            ((exponent(ring) - peak).exp() * law.scaled_i0, ring, law)
        })
    };
    let mut mean = Moments::default();
    let mut total = 0.0;
    for (w, ring, law) in weighted() {
        total += w;
        mean.along += w * ring.radius * law.mean;
        mean.height += w * ring.height;
    }
    mean.along /= total;
    mean.height /= total;
    for (w, ring, law) in weighted() {
        let w = w / total;
        let along = ring.radius * law.mean - mean.along;
        let up = ring.height - mean.height;
        let square = ring.radius * ring.radius;
        mean.along_along += w * (square * law.radial + along * along);
        mean.across_across += w * square * law.transverse;
        mean.along_height += w * along * up;
        mean.height_height += w * up * up;
    }
    mean
}

/// Fills the planar block of offset and covariance; returns the direction of ξ in the plane.
fn place<const D: usize>(m: &Moments, xi: &[f64; D], q: f64, out: &mut Conditional<D>) -> [f64; 2] {
    let direction = if q > 0.0 { [xi[0] / q, xi[1] / q] } else { [0.0; 2] };
    let stretch = m.along_along - m.across_across;
    for i in 0..2 {
        out.offset[i] = (m.along - q) * direction[i];
        for j in 0..2 {
            out.covariance[i][j] = stretch * (direction[i] * direction[j]);
        }
        out.covariance[i][i] += m.across_across;
    }
    direction
}

impl Posterior<2> for Rings {
    fn condition(&self, variance: f64, xi: &[[f64; 2]], out: &mut [Conditional<2>]) {
        let rings = self.rings(variance);
        for (xi, out) in xi.iter().zip(out) {
            let q = xi[0].hypot(xi[1]);
            place(&moments(rings, variance, q, 0.0), xi, q, out);
        }
    }
}

impl Posterior<3> for Rings {
    fn condition(&self, variance: f64, xi: &[[f64; 3]], out: &mut [Conditional<3>]) {
        let rings = self.rings(variance);
        for (xi, out) in xi.iter().zip(out) {
            let q = xi[0].hypot(xi[1]);
            let m = moments(rings, variance, q, xi[2]);
            let direction = place(&m, xi, q, out);
            out.offset[2] = m.height - xi[2];
            out.covariance[2][2] = m.height_height;
            for (i, cosine) in direction.iter().enumerate() {
                out.covariance[i][2] = m.along_height * cosine;
                out.covariance[2][i] = out.covariance[i][2];
            }
        }
    }
}
