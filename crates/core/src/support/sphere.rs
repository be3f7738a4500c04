//! Spheres about the origin; the circle is the one in the plane.

use super::check::{outline_count, positive};
use super::frame::{distance, normalize};
use super::{Foot, Support};
use crate::error::{Error, Result};
use std::f64::consts::{PI, TAU};

/// The points of length `radius` in R^D, D ≥ 2. The foot of the centre is the point on the first axis.
#[derive(Debug, Clone, PartialEq)]
pub struct Sphere {
    dim: usize,
    radius: f64,
}

impl Sphere {
    /// Most dimensions: the tangent space of every foot has (D − 1) D numbers.
    pub const MOST_DIMENSIONS: usize = 1024;

    /// In R^`dim`.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a dimension outside 2 ..= [`Sphere::MOST_DIMENSIONS`] or a radius that is not positive.
    pub fn new(dim: usize, radius: f64) -> Result<Sphere> {
        if !(2..=Sphere::MOST_DIMENSIONS).contains(&dim) {
            return Err(Error::invalid(
                "support sphere, dim",
                format!("2 to {}", Sphere::MOST_DIMENSIONS),
                dim.to_string(),
                "Set dim to the dimension of the model",
            ));
        }
        positive(if dim == 2 { "circle" } else { "sphere" }, "radius", radius)?;
        Ok(Sphere { dim, radius })
    }

    /// Points of one circle of the sphere: centre, and two orthogonal half axes.
    fn ring(&self, points: usize, centre: &[f64], axes: [&[f64]; 2]) -> Vec<f64> {
        let angle = |i: usize| TAU * i as f64 / points as f64;
        let at = |i: usize| {
            let (sin, cos) = angle(i).sin_cos();
            (0..self.dim).map(move |c| centre[c] + cos * axes[0][c] + sin * axes[1][c])
        };
        (0..=points).flat_map(|i| at(i % points)).collect()
    }
}

/// The rows 2 … D of the Householder reflection that takes the first axis to ∓n: an orthonormal basis of n's complement.
fn tangent_rows(n: &[f64]) -> Vec<f64> {
    let dim = n.len();
    let mut v = n.to_vec();
    v[0] += 1.0_f64.copysign(n[0]);
    normalize(&mut v);
    let mut rows = Vec::with_capacity((dim - 1) * dim);
    for i in 1..dim {
        rows.extend((0..dim).map(|j| f64::from(i == j) - 2.0 * v[i] * v[j]));
    }
    rows
}

impl Support for Sphere {
    fn dim(&self) -> usize {
        self.dim
    }

    fn intrinsic_dim(&self) -> usize {
        self.dim - 1
    }

    fn project(&self, x: &[f64]) -> Foot {
        let mut normal = x.to_vec();
        if normalize(&mut normal) == 0.0 {
            normal[0] = 1.0;
        }
        let point: Vec<f64> = normal.iter().map(|n| self.radius * n).collect();
        let distance = distance(x, &point);
        Foot {
            point,
            distance,
            middle_distance: distance,
            tangent: tangent_rows(&normal),
            normal,
            component: 0,
            flaw: None,
        }
    }

    /// The circle; for D = 3 parallels and meridians; above, the great circles of the first three coordinate planes.
    fn outline(&self, count: usize) -> Vec<Vec<f64>> {
        let axis = |i: usize, length: f64| {
            let mut axis = vec![0.0; self.dim];
            axis[i] = length;
            axis
        };
        let (count, r) = (outline_count(count), self.radius);
        let origin = axis(0, 0.0);
        if self.dim == 2 {
            return vec![self.ring(count, &origin, [&axis(0, r), &axis(1, r)])];
        }
        if self.dim > 3 {
            let points = (count / 3).max(3);
            let great = |(i, j)| self.ring(points, &origin, [&axis(i, r), &axis(j, r)]);
            return [(0, 1), (0, 2), (1, 2)].map(great).to_vec();
        }
        let points = (count / 11).max(8);
        let parallels = (1..6).map(|i| {
            let (sin, cos) = (PI * f64::from(i) / 6.0).sin_cos();
            self.ring(points, &axis(2, r * cos), [&axis(0, r * sin), &axis(1, r * sin)])
        });
        let meridians = (0..6).map(|i| {
            let (sin, cos) = (PI * f64::from(i) / 6.0).sin_cos();
            self.ring(points, &origin, [&[r * cos, r * sin, 0.0], &axis(2, r)])
        });
        parallels.chain(meridians).collect()
    }
}
