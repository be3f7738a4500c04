//! Model errors χ (theory §3): constant, smooth random, white in time. The difference of two models is a
//! [`crate::process::DifferenceField`], because it takes two drifts to make one.
//!
//! Error fields are fields whose own clock is the model time: they are asked with `Moment::time` = u.

mod constant;
mod sin_cos;
mod smooth;

pub use constant::ConstantField;
pub use smooth::SmoothField;

use crate::field::SharedField;

/// Where an error sits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In the network's own output (default).
    Output,
    /// In the score. CdC's experiments put ε χ beside 2 s in the `ou` process at η = 1: a score error ε χ/2 (theory §3).
    Score,
    /// In the drift.
    Drift,
}

/// The error itself.
#[derive(Clone)]
pub enum Chi {
    /// A field of state and moment, multiplied by `scale` so that its ∞-norm is 1.
    Field {
        /// χ before scaling.
        field: SharedField,
        /// 1 / largest ∞-norm met on the sampled paths.
        scale: f64,
    },
    /// White in time: an independent standard normal vector a sample and step, divided by √δt. It has no spatial
    /// derivative and is the same at all stages of a step.
    White,
    /// Known only along the unperturbed paths: a vector for every sample and step, handed to the sweep. It has no
    /// spatial derivative and is the same at all stages of a step. The worst-case error of theory §8 is one.
    Given,
}

/// ε χ at its place.
#[derive(Clone)]
pub struct ModelError {
    /// χ
    pub chi: Chi,
    /// Where it acts.
    pub place: Place,
    /// ε
    pub size: f64,
}

impl ModelError {
    /// Whether χ is white in time.
    pub fn is_white(&self) -> bool {
        matches!(self.chi, Chi::White)
    }

    /// Whether χ is known only along the paths.
    pub fn is_given(&self) -> bool {
        matches!(self.chi, Chi::Given)
    }
}
