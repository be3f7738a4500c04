//! Two moons: two half circles, or the strips that they sweep along the diagonal.

use super::check::{finite, outline_count, positive};
use super::frame::normal_complement;
use super::{Foot, Support};
use crate::error::{Error, Result};
use std::f64::consts::{FRAC_1_SQRT_2, PI};

/// The half circles (cos s, sin s) and (1 − cos s, ½ − sin s), s ∈ [0, π], ends included, as scale · p + shift.
///
/// With a strip w > 0 the set is thick: scale · (p + u (1, 1)) + shift with the same u ∈ [0, w] for both coordinates.
/// Distance is then measured to the thick set; foot, tangent and normal belong to its middle curve u = w/2.
#[derive(Debug, Clone, PartialEq)]
pub struct TwoMoons {
    scale: f64,
    shift: f64,
    strip: f64,
}

/// One half circle of radius 1: its centre and the side (sign of the second coordinate) that it occupies.
struct Arc {
    centre: [f64; 2],
    side: f64,
}

/// Component 0 is the upper moon, component 1 the lower one.
const ARCS: [Arc; 2] = [Arc { centre: [0.0, 0.0], side: 1.0 }, Arc { centre: [1.0, 0.5], side: -1.0 }];

impl TwoMoons {
    /// Half circles of radius `scale`, moved by `shift` along both coordinates, `strip` = w ≥ 0 in units of the radius.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a scale that is not positive, a negative strip, or numbers that are not finite.
    pub fn new(scale: f64, shift: f64, strip: f64) -> Result<TwoMoons> {
        positive("two-moons", "scale", scale)?;
        finite("two-moons", "shift", &[shift])?;
        if !(strip.is_finite() && strip >= 0.0) {
            return Err(Error::invalid(
                "support two-moons, strip",
                "a finite number of at least 0",
                strip.to_string(),
                "Set strip to the width of the data, or leave it out",
            ));
        }
        Ok(TwoMoons { scale, shift, strip })
    }

    /// Data coordinates of a point of the unit moons.
    fn place(&self, p: [f64; 2]) -> [f64; 2] {
        [self.scale * p[0] + self.shift, self.scale * p[1] + self.shift]
    }
}

impl Arc {
    /// Nearest point of the arc, relative to its centre, as q is. At the centre itself: the middle of the arc.
    fn foot(&self, q: [f64; 2]) -> [f64; 2] {
        let length = q[0].hypot(q[1]);
        if self.side * q[1] < 0.0 {
            [if q[0] < 0.0 { -1.0 } else { 1.0 }, 0.0]
        } else if length == 0.0 {
            [0.0, self.side]
        } else {
            [q[0] / length, q[1] / length]
        }
    }

    fn distance(&self, q: [f64; 2]) -> f64 {
        let p = self.foot(q);
        (q[0] - p[0]).hypot(q[1] - p[1])
    }

    /// Distance to the arc swept along (1, 1) u, u ∈ [0, w]. Outside, the nearest point lies on the boundary, which
    /// consists of parts of the arc at either end of the sweep, of the paths of the arc's two ends, and of the path
    /// of the point whose tangent is (1, 1).
    fn swept_distance(&self, q: [f64; 2], w: f64) -> f64 {
        if self.sweep_holds(q, w) {
            return 0.0;
        }
        let tangential = [-self.side * FRAC_1_SQRT_2, self.side * FRAC_1_SQRT_2];
        let paths = [[-1.0, 0.0], [1.0, 0.0], tangential];
        let along_paths = paths.iter().map(|&p| diagonal_distance([q[0] - p[0], q[1] - p[1]], w));
        along_paths.fold(self.distance(q).min(self.distance([q[0] - w, q[1] - w])), f64::min)
    }

    /// Whether some u ∈ [0, w] puts q − u (1, 1) on the arc: |q − u (1, 1)| = 1 on the arc's side.
    fn sweep_holds(&self, q: [f64; 2], w: f64) -> bool {
        let discriminant = 2.0 - (q[0] - q[1]).powi(2);
        if discriminant < 0.0 {
            return false;
        }
        let root = discriminant.sqrt();
        [0.5 * (q[0] + q[1] - root), 0.5 * (q[0] + q[1] + root)]
            .iter()
            .any(|u| (0.0..=w).contains(u) && self.side * (q[1] - u) >= 0.0)
    }
}

/// Distance of q from the segment u (1, 1), u ∈ [0, w].
fn diagonal_distance(q: [f64; 2], w: f64) -> f64 {
    let u = (0.5 * (q[0] + q[1])).clamp(0.0, w);
    (q[0] - u).hypot(q[1] - u)
}

impl Support for TwoMoons {
    fn dim(&self) -> usize {
        2
    }

    fn intrinsic_dim(&self) -> usize {
        1
    }

    fn components(&self) -> usize {
        2
    }

    fn project(&self, x: &[f64]) -> Foot {
        let unit = [(x[0] - self.shift) / self.scale, (x[1] - self.shift) / self.scale];
        let half = 0.5 * self.strip;
        let relative = ARCS.each_ref().map(|arc| [unit[0] - arc.centre[0], unit[1] - arc.centre[1]]);
        let middle = [0, 1].map(|i| ARCS[i].distance([relative[i][0] - half, relative[i][1] - half]));
        let component = usize::from(middle[1] < middle[0]);
        let arc = &ARCS[component];
        let radial = arc.foot([relative[component][0] - half, relative[component][1] - half]);
        let middle_distance = self.scale * middle[component];
        let distance = if self.strip > 0.0 {
            let thick = [0, 1].map(|i| ARCS[i].swept_distance(relative[i], self.strip));
            self.scale * thick[0].min(thick[1])
        } else {
            middle_distance
        };
        let point = self.place([radial[0] + arc.centre[0] + half, radial[1] + arc.centre[1] + half]);
        Foot {
            point: point.to_vec(),
            distance,
            middle_distance,
            tangent: normal_complement(2, &radial),
            normal: radial.to_vec(),
            component,
            flaw: None,
        }
    }

    /// The arcs; for a strip the loop around each: one end of the sweep forward, the other back.
    fn outline(&self, count: usize) -> Vec<Vec<f64>> {
        let passes = if self.strip > 0.0 { 2 } else { 1 };
        let points = (outline_count(count) / (2 * passes)).max(2);
        let trace = |arc: &Arc| {
            let at = |i: usize, offset: f64| {
                let s = PI * i as f64 / (points - 1) as f64;
                let p = [arc.side * s.cos() + arc.centre[0], arc.side * s.sin() + arc.centre[1]];
                self.place([p[0] + offset, p[1] + offset])
            };
            let mut line: Vec<f64> = (0..points).flat_map(|i| at(i, 0.0)).collect();
            if self.strip > 0.0 {
                line.extend((0..points).rev().flat_map(|i| at(i, self.strip)));
                line.extend(at(0, 0.0));
            }
            line
        };
        ARCS.iter().map(trace).collect()
    }
}
