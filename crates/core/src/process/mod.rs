//! Generating processes (theory §2): noising schedules, parametrisations, and the drift of a generation.
//! Time orientation lives here and nowhere else.

mod difference;
mod drift;
mod grid;
mod noising;
mod parametrisation;

pub use difference::DifferenceField;
pub use drift::Drift;
pub use grid::{Clock, Grid, MAX_STEPS, Spacing};
pub use noising::{Family, Noising, Schedule};
pub use parametrisation::{Affine, Predicts};

/// The process that a model generates by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Process {
    /// Runs a noising process backward from `start` to `end` with noise level η.
    Diffusion {
        /// The forward process.
        noising: Noising,
        /// η ≥ 0: 0 the probability-flow ODE, 1 the reverse SDE.
        noise_level: f64,
    },
    /// dx = v du, u from 0 to 1.
    Flow,
}

impl Process {
    /// η: 0 for a flow.
    pub fn noise_level(&self) -> f64 {
        match *self {
            Process::Diffusion { noise_level, .. } => noise_level,
            Process::Flow => 0.0,
        }
    }
}
