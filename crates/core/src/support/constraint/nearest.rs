//! The nearest point of c(x) = 0: Gauss–Newton onto the constraint, then Newton along it.

use super::function::Function;
use super::local::Local;
use crate::support::frame::{distance, norm};

/// Most steps onto, and along, the constraint.
const MOST_STEPS: usize = 100;
/// Most halvings of a step.
const MOST_HALVINGS: usize = 30;
/// Most conjugate gradient steps of one Newton step.
const MOST_CONJUGATE: usize = 100;
/// What rounding leaves of a relative step or gradient.
const FLOOR: f64 = 4.0 * f64::EPSILON;
/// A relative step or gradient that stopped falling above this did not converge.
const CONVERGED: f64 = 1e-9;
/// Share of the predicted decrease that a step must bring.
const ARMIJO: f64 = 1e-4;

/// A point of the constraint from which the distance to x cannot be decreased any further.
pub(super) struct Found {
    /// The constraint there.
    pub local: Local,
    /// ‖x − p‖.
    pub distance: f64,
    /// ‖Tᵀ(x − p)‖, 0 at a critical point of the distance.
    pub gradient: f64,
    /// Whether the gradient is zero up to rounding.
    pub converged: bool,
}

/// Looks for the point nearest to x.
pub(super) struct Search<'a> {
    pub function: &'a Function,
    pub x: &'a [f64],
    /// Typical lengths of the gradients on the constraint, `[m]`; 0 where not known yet.
    pub typical: &'a [f64],
    /// Typical distance of the constraint's points from the origin, which rounding is relative to.
    pub size: f64,
}

impl Search<'_> {
    /// What a step onto the constraint is compared with.
    fn scale(&self, point: &[f64]) -> f64 {
        self.size + norm(point)
    }

    /// What a gradient along the constraint is compared with.
    fn reach(&self, point: &[f64]) -> f64 {
        norm(self.x) + self.scale(point)
    }

    /// The nearest point that is reached from `start`; `None` where no point of the constraint is.
    pub fn from(&self, start: &[f64]) -> Option<Found> {
        let local = self.onto(start)?;
        Some(self.along(local))
    }

    /// Gauss–Newton from `start` onto the constraint with halved steps where |c| would not fall.
    pub fn onto(&self, start: &[f64]) -> Option<Local> {
        let mut local = Local::at(self.function, start, self.typical)?;
        if local.rank == 0 && local.value.iter().any(|c| *c != 0.0) {
            local = Local::at(self.function, &nudged(start), self.typical)?;
        }
        let mut before = f64::INFINITY;
        for _ in 0..MOST_STEPS {
            let (step, scale) = (norm(&local.correction), self.scale(&local.point));
            if step <= FLOOR * scale || (step <= CONVERGED * scale && step > 0.5 * before) {
                return self.fulfilled(&local).then_some(local);
            }
            before = step;
            let next = self.lowered(&local, step <= CONVERGED * scale)?;
            local = Local::at(self.function, &next, self.typical)?;
        }
        None
    }

    /// Whether c is 0 up to rounding: where conditions contradict each other the correction alone does not tell.
    fn fulfilled(&self, local: &Local) -> bool {
        let reach = CONVERGED * self.scale(&local.point);
        let lengths = local.gradients.iter().zip(self.typical).map(|(own, typical)| own.max(*typical));
        local.value.iter().zip(lengths).all(|(c, length)| c.abs() <= reach * length)
    }

    /// The next point of a Gauss–Newton step; at the level of rounding the full step is taken as it is.
    fn lowered(&self, local: &Local, rounding: bool) -> Option<Vec<f64>> {
        let now = local.merit(&local.value);
        let mut share = 1.0;
        for _ in 0..MOST_HALVINGS {
            let next = moved(&local.point, share, &local.correction);
            let merit = self.function.value(&next).map(|value| local.merit(&value));
            if rounding || merit.is_some_and(|merit| merit <= (1.0 - 0.25 * share) * now) {
                return Some(next);
            }
            share *= 0.5;
        }
        None
    }

    /// Newton steps along the constraint, each brought back onto it, as long as the distance to x falls.
    pub fn along(&self, start: Local) -> Found {
        let mut found = self.seen(start);
        for _ in 0..MOST_STEPS {
            if found.gradient <= FLOOR * self.reach(&found.local.point) {
                break;
            }
            let offset: Vec<f64> = self.x.iter().zip(&found.local.point).map(|(x, p)| x - p).collect();
            let step = self.newton_step(&found.local, &offset);
            let slope = dot(&found.local.tangential(&offset), &step);
            let Some(next) = self.nearer(&found, &step, slope) else { break };
            found = next;
        }
        found.converged = found.gradient <= CONVERGED * self.reach(&found.local.point);
        found
    }

    fn seen(&self, local: Local) -> Found {
        let offset: Vec<f64> = self.x.iter().zip(&local.point).map(|(x, p)| x - p).collect();
        let gradient = norm(&local.tangential(&offset));
        Found { distance: distance(self.x, &local.point), gradient, converged: false, local }
    }

    /// The point that a step leads to, halved until ½ distance² falls by enough of the `slope` along it. Close to the end
    /// the distance no longer shows the progress, but its gradient does.
    fn nearer(&self, found: &Found, step: &[f64], slope: f64) -> Option<Found> {
        let close = found.gradient <= 1e-5 * self.reach(&found.local.point);
        let mut share = 1.0;
        for _ in 0..MOST_HALVINGS {
            let next = self.onto(&moved(&found.local.point, share, step)).map(|local| self.seen(local));
            if let Some(next) = next {
                let fall = self.fall(&found.local.point, &next.local.point);
                if (fall > 0.0 && fall >= ARMIJO * share * slope)
                    || (close && next.gradient <= 0.5 * found.gradient)
                {
                    return Some(next);
                }
            }
            share *= 0.5;
        }
        None
    }

    /// ½‖p − x‖² − ½‖q − x‖², without the cancellation of nearly equal distances.
    fn fall(&self, p: &[f64], q: &[f64]) -> f64 {
        p.iter().zip(q).zip(self.x).map(|((p, q), x)| (p - q) * (0.5 * (p + q) - x)).sum()
    }

    /// Truncated Newton step for ½‖p − x‖² along the constraint: conjugate gradients on the Hessian of the Lagrangian,
    /// (I + Σ λ_i ∇²c_i) in the tangent space, up to the first direction of negative curvature, and no longer than any
    /// nearer point can be away or than the constraint is wide.
    fn newton_step(&self, local: &Local, offset: &[f64]) -> Vec<f64> {
        let multipliers = local.multipliers(offset);
        let downhill = local.tangential(offset);
        let first = norm(&downhill);
        let furthest = (2.0 * norm(offset)).min(self.scale(&local.point));
        let wanted = first * (first / norm(offset)).sqrt().min(0.1);
        let (mut step, mut rest, mut direction) =
            (vec![0.0; offset.len()], downhill.clone(), downhill.clone());
        for _ in 0..MOST_CONJUGATE.min(offset.len()) {
            let bent = self.function.curvature(&local.point, &multipliers, &direction);
            let image = local.tangential(&moved(&direction, 1.0, &bent));
            let (curvature, square) = (dot(&direction, &image), dot(&rest, &rest));
            if !curvature.is_finite() || curvature <= 1e-12 * dot(&direction, &direction) {
                // Downhill without end: as far along it as the gradient is long.
                let length = first / norm(&direction);
                step = moved(&step, if length.is_finite() { length } else { 0.0 }, &direction);
                break;
            }
            step = moved(&step, square / curvature, &direction);
            rest = moved(&rest, -square / curvature, &image);
            let left = dot(&rest, &rest);
            if left.sqrt() <= wanted {
                break;
            }
            direction = moved(&rest, left / square, &direction);
        }
        let length = norm(&step);
        let factor = if length > furthest { furthest / length } else { 1.0 };
        step.iter().map(|s| factor * s).collect()
    }
}

/// A point where the constraint is flat, moved a little in a fixed direction that no symmetry singles out.
fn nudged(point: &[f64]) -> Vec<f64> {
    let size = 1e-3 * norm(point).max(1.0);
    point.iter().enumerate().map(|(i, p)| p + size / (1.0 + i as f64)).collect()
}

/// a + share · b.
fn moved(a: &[f64], share: f64, b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a + share * b).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
