//! Laws with rotational symmetry, in closed form on the ring: circle, sphere, disc, torus.

use super::bessel::{Langevin, VonMises};
use super::posterior::{Conditional, Posterior};

/// Uniform law on the circle of a radius about the origin of R²: a von Mises law given ξ.
#[derive(Debug, Clone, Copy)]
pub struct Circle {
    /// Its radius.
    pub radius: f64,
}

/// Uniform law on the sphere S² of a radius about the origin of R³.
#[derive(Debug, Clone, Copy)]
pub struct Sphere {
    /// Its radius.
    pub radius: f64,
}

/// Moments of a law symmetric about the ray through ξ, in polar form.
struct Polar {
    /// Mean along the ray, minus |ξ|.
    offset: f64,
    /// Variance along the ray.
    radial: f64,
    /// Variance in every direction across.
    transverse: f64,
}

impl Polar {
    /// In Cartesian coordinates. The spectral form keeps directions across the ray exact eigenvectors.
    fn cartesian<const D: usize>(&self, xi: &[f64; D], r: f64) -> Conditional<D> {
        let mut out = Conditional::filled(0.0);
        let direction = if r > 0.0 { xi.map(|value| value / r) } else { [0.0; D] };
        let stretch = self.radial - self.transverse;
        for i in 0..D {
            out.offset[i] = self.offset * direction[i];
            for j in 0..D {
                out.covariance[i][j] = stretch * (direction[i] * direction[j]);
            }
            out.covariance[i][i] += self.transverse;
        }
        out
    }
}

/// |ξ| without overflow or loss for tiny numbers.
fn length<const D: usize>(xi: &[f64; D]) -> f64 {
    xi.iter().fold(0.0, |length: f64, value| length.hypot(*value))
}

impl Posterior<2> for Circle {
    fn condition(&self, variance: f64, xi: &[[f64; 2]], out: &mut [Conditional<2>]) {
        for (xi, out) in xi.iter().zip(out) {
            let r = length(xi);
            let law = VonMises::new(r * self.radius / variance);
            let square = self.radius * self.radius;
            let polar = Polar {
                offset: self.radius * law.mean - r,
                radial: square * law.radial,
                transverse: square * law.transverse,
            };
            *out = polar.cartesian(xi, r);
        }
    }
}

impl Posterior<3> for Sphere {
    fn condition(&self, variance: f64, xi: &[[f64; 3]], out: &mut [Conditional<3>]) {
        for (xi, out) in xi.iter().zip(out) {
            let r = length(xi);
            let law = Langevin::new(r * self.radius / variance);
            let square = self.radius * self.radius;
            let polar = Polar {
                offset: self.radius * law.mean - r,
                radial: square * law.radial,
                transverse: square * law.transverse,
            };
            *out = polar.cartesian(xi, r);
        }
    }
}
