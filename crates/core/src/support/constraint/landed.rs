//! A law on a constraint.

use super::Constraint;
use crate::law::Law;
use crate::random::{Stream, standard_normal};
use crate::support::Support;
use std::sync::Arc;

/// Where normal points land: the feet on the constraint of draws of N(0, s² I), with s such that their length is that of
/// known points of it. Every part of the constraint that is nearest to somewhere has mass; its density follows from the
/// draws and is not uniform.
#[derive(Clone)]
pub struct Landed {
    constraint: Arc<Constraint>,
    deviation: f64,
}

impl Landed {
    /// On a constraint.
    pub fn new(constraint: Arc<Constraint>) -> Self {
        let size = if constraint.size > 0.0 { constraint.size } else { 1.0 };
        let deviation = size / (constraint.dim() as f64).sqrt();
        Landed { constraint, deviation }
    }
}

impl Law for Landed {
    fn dim(&self) -> usize {
        self.constraint.dim()
    }

    fn sample(&self, rng: &mut Stream, x: &mut [f64]) {
        standard_normal(rng, x);
        x.iter_mut().for_each(|value| *value *= self.deviation);
        let foot = self.constraint.project(x);
        x.copy_from_slice(&foot.point);
    }
}
