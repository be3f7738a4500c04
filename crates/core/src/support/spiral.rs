//! The Archimedean spiral.

use super::check::{finite, outline_count, positive};
use super::{Foot, Support};
use crate::error::{Error, Result};
use std::f64::consts::{PI, TAU};

/// (a t cos t, a t sin t), t from `start` to `end`, ends included.
///
/// With x = a ρ (cos θ, sin θ) and φ = t − θ, half the squared distance is a² (½ρ² + h(t)),
/// h = ½t² − ρ t cos φ. The global minimum of h over all windings is found by branch and bound: an interval is set
/// aside only where Taylor's bound with |h‴| ≤ ρ √(9 + t²) proves that it holds nothing lower, or that h is monotone or
/// concave there; where it proves h convex, Newton's method finishes.
#[derive(Debug, Clone, PartialEq)]
pub struct Spiral {
    pitch: f64,
    start: f64,
    end: f64,
}

/// What has been found so far: the lowest h and where.
#[derive(Clone, Copy)]
struct Best {
    t: f64,
    h: f64,
}

/// h(t) of one point x and its derivatives.
struct Objective {
    rho: f64,
    theta: f64,
}

impl Objective {
    fn value(&self, t: f64) -> f64 {
        t * (0.5 * t - self.rho * (t - self.theta).cos())
    }

    fn slope(&self, t: f64) -> f64 {
        let (sin, cos) = (t - self.theta).sin_cos();
        t + self.rho * (t * sin - cos)
    }

    fn curvature(&self, t: f64) -> f64 {
        let (sin, cos) = (t - self.theta).sin_cos();
        1.0 + self.rho * (2.0 * sin + t * cos)
    }

    fn improve(&self, best: &mut Best, t: f64) {
        let h = self.value(t);
        if h < best.h {
            *best = Best { t, h };
        }
    }

    /// Looks for anything below `best` in [low, high].
    fn search(&self, best: &mut Best, low: f64, high: f64) {
        self.improve(best, low);
        self.improve(best, high);
        let (middle, half) = (0.5 * (low + high), 0.5 * (high - low));
        if half <= 1e-13 * (1.0 + high) {
            return;
        }
        // h ≥ ½t² − ρt whatever the angle.
        let nearest_radius = self.rho.clamp(low, high);
        if nearest_radius * (0.5 * nearest_radius - self.rho) >= best.h {
            return;
        }
        let (value, slope, curvature) = (self.value(middle), self.slope(middle), self.curvature(middle));
        let third = self.rho * (9.0 + high * high).sqrt();
        let floor = value - half * (slope.abs() + half * (0.5 * (-curvature).max(0.0) + third * half / 6.0));
        let monotone = slope.abs() > half * (curvature.abs() + 0.5 * third * half);
        let concave = curvature + third * half < 0.0;
        if floor >= best.h || monotone || concave {
            return;
        }
        if curvature - third * half > 0.0 {
            let t = self.convex_minimum(low, high);
            self.improve(best, t);
            return;
        }
        self.search(best, low, middle);
        self.search(best, middle, high);
    }

    /// Minimum of h on [low, high], where it is convex: Newton's method on the slope, kept inside a shrinking bracket.
    fn convex_minimum(&self, mut low: f64, mut high: f64) -> f64 {
        if self.slope(low) >= 0.0 {
            return low;
        }
        if self.slope(high) <= 0.0 {
            return high;
        }
        let mut t = 0.5 * (low + high);
        for _ in 0..100 {
            let slope = self.slope(t);
            if slope < 0.0 {
                low = t;
            } else {
                high = t;
            }
            let newton = t - slope / self.curvature(t);
            let next = if newton >= low && newton <= high { newton } else { 0.5 * (low + high) };
            let change = (next - t).abs();
            t = next;
            if change <= 2.0 * f64::EPSILON * t {
                break;
            }
        }
        t
    }
}

impl Spiral {
    /// 1.5 π.
    pub const DEFAULT_START: f64 = 1.5 * PI;
    /// 4.5 π.
    pub const DEFAULT_END: f64 = 4.5 * PI;
    /// Last t that is accepted, about a hundred windings.
    pub const MOST: f64 = 200.0 * PI;

    /// With `pitch` = a.
    ///
    /// # Errors
    /// [`Error::Invalid`] unless a > 0 and 0 ≤ start < end ≤ [`Spiral::MOST`].
    pub fn new(pitch: f64, start: f64, end: f64) -> Result<Spiral> {
        positive("spiral", "pitch", pitch)?;
        finite("spiral", "start and end", &[start, end])?;
        if !(0.0 <= start && start < end && end <= Spiral::MOST) {
            return Err(Error::invalid(
                "support spiral, start and end",
                format!("0 ≤ start < end ≤ {}", Spiral::MOST),
                format!("start {start}, end {end}"),
                "Mend the range of the angle, in radians",
            ));
        }
        Ok(Spiral { pitch, start, end })
    }

    /// The point at parameter t.
    pub fn at(&self, t: f64) -> [f64; 2] {
        [self.pitch * t * t.cos(), self.pitch * t * t.sin()]
    }

    /// Parameter of the point nearest to x; of several, the first found by a fixed order. `start` where x is not a number.
    pub fn nearest_parameter(&self, x: [f64; 2]) -> f64 {
        // Beyond a million million radii the nearest point no longer changes.
        let rho = (x[0].hypot(x[1]) / self.pitch).min(1e12 * self.end);
        let objective = Objective { rho, theta: x[1].atan2(x[0]) };
        if !objective.theta.is_finite() {
            return self.start;
        }
        let mut best = Best { t: self.start, h: objective.value(self.start) };
        let winding = ((rho - objective.theta) / TAU).round();
        for k in [winding - 1.0, winding, winding + 1.0] {
            objective.improve(&mut best, (objective.theta + TAU * k).clamp(self.start, self.end));
        }
        let pieces = ((self.end - self.start) / 0.5).ceil();
        let width = (self.end - self.start) / pieces;
        for piece in 0..pieces as usize {
            let low = self.start + width * piece as f64;
            let high = if piece + 1 == pieces as usize { self.end } else { low + width };
            objective.search(&mut best, low, high);
        }
        best.t
    }

    /// Unit tangent at t, in the sense of growing t.
    pub(super) fn tangent(t: f64) -> [f64; 2] {
        let (sin, cos) = t.sin_cos();
        let length = 1.0_f64.hypot(t);
        [(cos - t * sin) / length, (sin + t * cos) / length]
    }

    /// `count` points, evenly spaced in t².
    pub(super) fn trace(&self, count: usize) -> Vec<[f64; 2]> {
        let (low, high) = (self.start * self.start, self.end * self.end);
        let share = |i: usize| i as f64 / (count - 1) as f64;
        (0..count).map(|i| self.at((low + (high - low) * share(i)).sqrt())).collect()
    }
}

impl Support for Spiral {
    fn dim(&self) -> usize {
        2
    }

    fn intrinsic_dim(&self) -> usize {
        1
    }

    fn project(&self, x: &[f64]) -> Foot {
        let t = self.nearest_parameter([x[0], x[1]]);
        let point = self.at(t);
        let tangent = Spiral::tangent(t);
        let distance = (x[0] - point[0]).hypot(x[1] - point[1]);
        Foot {
            point: point.to_vec(),
            distance,
            middle_distance: distance,
            tangent: tangent.to_vec(),
            normal: vec![tangent[1], -tangent[0]],
            component: 0,
            flaw: None,
        }
    }

    fn outline(&self, count: usize) -> Vec<Vec<f64>> {
        vec![self.trace(outline_count(count)).concat()]
    }
}
