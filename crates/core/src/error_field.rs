//! Model errors χ (theory §3): constant, smooth random, white in time, difference of two models.

use crate::field::SharedField;

/// Where an error sits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In the network's own output (default).
    Output,
    /// In the score.
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
    /// White in time: an independent standard normal vector a sample and step, divided by √δt. It has no spatial derivative.
    White,
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
