//! Laws swept out by circles about an axis: the disc in R² and the torus in R³.
//!
//! Given the circle of radius ρ that X_0 lies on, its angle has a von Mises law of concentration κ = ρ q/V',
//! q the distance of ξ from the axis, so only one variable is left to quadrature.

use super::bessel::VonMises;
use super::gauss_legendre::GaussLegendre;
use super::posterior::{Conditional, Cumulants, Posterior};
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
    /// Third cumulants, by how often each direction occurs.
    third: ThirdMoments,
}

/// Third cumulants in the same frame; those with an odd power across vanish.
#[derive(Default)]
struct ThirdMoments {
    along_3: f64,
    along_2_height: f64,
    along_height_2: f64,
    height_3: f64,
    along_across_2: f64,
    height_across_2: f64,
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
        let (radial, transverse) = (square * law.radial, square * law.transverse);
        let (radial_skew, mixed_skew) =
            (square * ring.radius * law.radial_skew, square * ring.radius * law.mixed_skew);
        let third = &mut mean.third;
        third.along_3 += w * (along * (along * along + 3.0 * radial) + radial_skew);
        third.along_2_height += w * up * (along * along + radial);
        third.along_height_2 += w * along * up * up;
        third.height_3 += w * up * up * up;
        third.along_across_2 += w * (along * transverse + mixed_skew);
        third.height_across_2 += w * up * transverse;
    }
    mean
}

impl ThirdMoments {
    /// Entries in coordinates whose first two are those of the plane, the ray in `direction`.
    fn cartesian<const D: usize>(&self, direction: [f64; 2]) -> [[[f64; D]; D]; D] {
        let [cos, sin] = direction;
        // Rows are along, across, height.
        let axes = [[cos, sin, 0.0], [-sin, cos, 0.0], [0.0, 0.0, 1.0]];
        let entry = |a: usize, b: usize, c: usize| {
            let mut kind = [0; 3];
            [a, b, c].iter().for_each(|axis| kind[*axis] += 1);
            match kind {
                [3, 0, 0] => self.along_3,
                [2, 0, 1] => self.along_2_height,
                [1, 0, 2] => self.along_height_2,
                [0, 0, 3] => self.height_3,
                [1, 2, 0] => self.along_across_2,
                [0, 2, 1] => self.height_across_2,
                _ => 0.0,
            }
        };
        let mut out = [[[0.0; D]; D]; D];
        for abc in 0..27 {
            let (a, b, c) = (abc / 9, abc / 3 % 3, abc % 3);
            let value = entry(a, b, c);
            for (i, out) in out.iter_mut().enumerate() {
                for (j, out) in out.iter_mut().enumerate() {
                    for (k, out) in out.iter_mut().enumerate() {
                        *out += value * axes[a][i] * axes[b][j] * axes[c][k];
                    }
                }
            }
        }
        out
    }
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

/// Direction of the ray through ξ in the plane; on the axis there is none, and nothing depends on it but rounding.
fn ray(xi: &[f64], q: f64) -> [f64; 2] {
    if q > 0.0 { [xi[0] / q, xi[1] / q] } else { [1.0, 0.0] }
}

/// The moments in the plane.
fn planar(m: &Moments, xi: &[f64; 2], q: f64) -> Conditional<2> {
    let mut out = Conditional::filled(0.0);
    place(m, xi, q, &mut out);
    out
}

/// The moments in space.
fn spatial(m: &Moments, xi: &[f64; 3], q: f64) -> Conditional<3> {
    let mut out = Conditional::filled(0.0);
    let direction = place(m, xi, q, &mut out);
    out.offset[2] = m.height - xi[2];
    out.covariance[2][2] = m.height_height;
    for (i, cosine) in direction.iter().enumerate() {
        out.covariance[i][2] = m.along_height * cosine;
        out.covariance[2][i] = out.covariance[i][2];
    }
    out
}

impl Posterior<2> for Rings {
    fn condition(&self, variance: f64, xi: &[[f64; 2]], out: &mut [Conditional<2>]) {
        let rings = self.rings(variance);
        for (xi, out) in xi.iter().zip(out) {
            let q = xi[0].hypot(xi[1]);
            *out = planar(&moments(rings, variance, q, 0.0), xi, q);
        }
    }

    fn cumulants(&self, variance: f64, xi: &[[f64; 2]], out: &mut [Cumulants<2>]) {
        let rings = self.rings(variance);
        for (xi, out) in xi.iter().zip(out) {
            let q = xi[0].hypot(xi[1]);
            let m = moments(rings, variance, q, 0.0);
            *out = Cumulants { conditional: planar(&m, xi, q), third: m.third.cartesian(ray(xi, q)) };
        }
    }
}

impl Posterior<3> for Rings {
    fn condition(&self, variance: f64, xi: &[[f64; 3]], out: &mut [Conditional<3>]) {
        let rings = self.rings(variance);
        for (xi, out) in xi.iter().zip(out) {
            let q = xi[0].hypot(xi[1]);
            *out = spatial(&moments(rings, variance, q, xi[2]), xi, q);
        }
    }

    fn cumulants(&self, variance: f64, xi: &[[f64; 3]], out: &mut [Cumulants<3>]) {
        let rings = self.rings(variance);
        for (xi, out) in xi.iter().zip(out) {
            let q = xi[0].hypot(xi[1]);
            let m = moments(rings, variance, q, xi[2]);
            *out = Cumulants { conditional: spatial(&m, xi, q), third: m.third.cartesian(ray(xi, q)) };
        }
    }
}
