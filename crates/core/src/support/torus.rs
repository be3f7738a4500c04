//! The torus in R³.

use super::check::{outline_count, positive};
use super::{Foot, Support};
use crate::error::{Error, Result};
use std::f64::consts::TAU;

/// ((R + r cos ψ) cos θ, (R + r cos ψ) sin θ, r sin ψ). On the axis θ = 0 is chosen, on the middle of the tube ψ = 0.
#[derive(Debug, Clone, PartialEq)]
pub struct Torus {
    major: f64,
    minor: f64,
}

impl Torus {
    /// `major` = R from the axis to the middle of the tube, `minor` = r of the tube.
    ///
    /// # Errors
    /// [`Error::Invalid`] unless 0 < r < R.
    pub fn new(major: f64, minor: f64) -> Result<Torus> {
        positive("torus", "major", major)?;
        positive("torus", "minor", minor)?;
        if minor >= major {
            return Err(Error::invalid(
                "support torus",
                "minor < major, so that the tube does not meet itself",
                format!("major {major}, minor {minor}"),
                "Choose a thinner tube or a larger ring",
            ));
        }
        Ok(Torus { major, minor })
    }

    fn at(&self, theta: f64, psi: f64) -> [f64; 3] {
        let reach = self.major + self.minor * psi.cos();
        [reach * theta.cos(), reach * theta.sin(), self.minor * psi.sin()]
    }
}

/// Direction of (a, b), the first axis for (0, 0).
fn direction(a: f64, b: f64) -> [f64; 2] {
    let length = a.hypot(b);
    if length == 0.0 { [1.0, 0.0] } else { [a / length, b / length] }
}

impl Support for Torus {
    fn dim(&self) -> usize {
        3
    }

    fn intrinsic_dim(&self) -> usize {
        2
    }

    fn project(&self, x: &[f64]) -> Foot {
        let around = direction(x[0], x[1]);
        let reach = x[0].hypot(x[1]) - self.major;
        let tube = direction(reach, x[2]);
        let ring = self.major + self.minor * tube[0];
        let point = vec![ring * around[0], ring * around[1], self.minor * tube[1]];
        let distance = (reach - self.minor * tube[0]).hypot(x[2] - self.minor * tube[1]);
        Foot {
            point,
            distance,
            middle_distance: distance,
            tangent: vec![-around[1], around[0], 0.0, -tube[1] * around[0], -tube[1] * around[1], tube[0]],
            normal: vec![tube[0] * around[0], tube[0] * around[1], tube[1]],
            component: 0,
            flaw: None,
        }
    }

    /// Twelve circles around the tube and eight along it.
    fn outline(&self, count: usize) -> Vec<Vec<f64>> {
        let points = (outline_count(count) / 20).max(8);
        let turn = |i: usize, n: usize| TAU * (i % n) as f64 / n as f64;
        let tubes = (0..12)
            .map(|k| (0..=points).flat_map(|i| self.at(turn(k, 12), turn(i, points))).collect::<Vec<f64>>());
        let rings = (0..8).map(|k| (0..=points).flat_map(|i| self.at(turn(i, points), turn(k, 8))).collect());
        tubes.chain(rings).collect()
    }
}
