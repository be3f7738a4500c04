//! Laws with rotational symmetry, in closed form on the ring: circle, sphere, disc, torus.

use super::bessel::{Langevin, VonMises};
use super::posterior::{Conditional, Cumulants, Posterior};

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
    /// Third cumulant along the ray.
    radial_skew: f64,
    /// Third cumulant once along the ray, twice in any direction across.
    mixed_skew: f64,
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

    /// The same with the third cumulant (k_r − 3 k_m) n n n + k_m (n I + …), n along the ray.
    fn cumulants<const D: usize>(&self, xi: &[f64; D], r: f64) -> Cumulants<D> {
        let mut out = Cumulants { conditional: self.cartesian(xi, r), ..Cumulants::filled(0.0) };
        let n = if r > 0.0 { xi.map(|value| value / r) } else { [0.0; D] };
        let identity = |a: usize, b: usize| if a == b { 1.0 } else { 0.0 };
        for i in 0..D {
            for j in 0..D {
                for k in 0..D {
                    let mixed = n[i] * identity(j, k) + n[j] * identity(i, k) + n[k] * identity(i, j);
                    out.third[i][j][k] = (self.radial_skew - 3.0 * self.mixed_skew) * (n[i] * n[j] * n[k])
                        + self.mixed_skew * mixed;
                }
            }
        }
        out
    }
}

/// |ξ| without overflow or loss for tiny numbers.
fn length<const D: usize>(xi: &[f64; D]) -> f64 {
    xi.iter().fold(0.0, |length: f64, value| length.hypot(*value))
}

impl Circle {
    fn polar(&self, variance: f64, r: f64) -> Polar {
        let law = VonMises::new(r * self.radius / variance);
        let square = self.radius * self.radius;
        Polar {
            offset: self.radius * law.mean - r,
            radial: square * law.radial,
            transverse: square * law.transverse,
            radial_skew: square * self.radius * law.radial_skew,
            mixed_skew: square * self.radius * law.mixed_skew,
        }
    }
}

impl Posterior<2> for Circle {
    fn condition(&self, variance: f64, xi: &[[f64; 2]], out: &mut [Conditional<2>]) {
        for (xi, out) in xi.iter().zip(out) {
            let r = length(xi);
            *out = self.polar(variance, r).cartesian(xi, r);
        }
    }

    fn cumulants(&self, variance: f64, xi: &[[f64; 2]], out: &mut [Cumulants<2>]) {
        for (xi, out) in xi.iter().zip(out) {
            let r = length(xi);
            *out = self.polar(variance, r).cumulants(xi, r);
        }
    }
}

impl Sphere {
    fn polar(&self, variance: f64, r: f64) -> Polar {
        let law = Langevin::new(r * self.radius / variance);
        let square = self.radius * self.radius;
        Polar {
            offset: self.radius * law.mean - r,
            radial: square * law.radial,
            transverse: square * law.transverse,
            radial_skew: square * self.radius * law.radial_skew,
            mixed_skew: square * self.radius * law.mixed_skew,
        }
    }
}

impl Posterior<3> for Sphere {
    fn condition(&self, variance: f64, xi: &[[f64; 3]], out: &mut [Conditional<3>]) {
        for (xi, out) in xi.iter().zip(out) {
            let r = length(xi);
            *out = self.polar(variance, r).cartesian(xi, r);
        }
    }

    fn cumulants(&self, variance: f64, xi: &[[f64; 3]], out: &mut [Cumulants<3>]) {
        for (xi, out) in xi.iter().zip(out) {
            let r = length(xi);
            *out = self.polar(variance, r).cumulants(xi, r);
        }
    }
}
