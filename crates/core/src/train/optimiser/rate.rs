//! The learning rate as a function of the step.

use super::invalid;
use crate::error::Result;
use serde::{Deserialize, Serialize};
use std::f64::consts::PI;

/// What follows the warm-up.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decay {
    /// The peak for ever.
    Constant,
    /// Half a cosine from the peak down to `last` at step `steps`, which counts from the start of the training; `last`
    /// from then on (Loshchilov and Hutter 2017, without restarts).
    Cosine {
        /// The whole number of steps.
        steps: u64,
        /// The rate at the end.
        last: f64,
    },
}

/// The learning rate: a linear warm-up, then constant or falling.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Rate {
    /// The largest rate.
    pub peak: f64,
    /// Step n < warmup takes (n + 1)/warmup of the peak.
    pub warmup: u64,
    /// Thereafter.
    pub decay: Decay,
}

impl Rate {
    /// A constant rate.
    pub fn constant(peak: f64) -> Rate {
        Rate { peak, warmup: 0, decay: Decay::Constant }
    }

    /// The rate of step n = 0, 1, ….
    pub fn at(&self, step: u64) -> f64 {
        if step < self.warmup {
            return self.peak * (step + 1) as f64 / self.warmup as f64;
        }
        match self.decay {
            Decay::Constant => self.peak,
            Decay::Cosine { steps, last } if step >= steps => last,
            Decay::Cosine { steps, last } => {
                let share = (step - self.warmup) as f64 / (steps - self.warmup) as f64;
                last + 0.5 * (self.peak - last) * (1.0 + (PI * share).cos())
            }
        }
    }

    pub(super) fn check(&self) -> Result<()> {
        let finite = |rate: f64| rate >= 0.0 && rate.is_finite();
        let last = match self.decay {
            Decay::Cosine { last, .. } => last,
            Decay::Constant => 0.0,
        };
        if finite(self.peak) && finite(last) {
            return Ok(());
        }
        Err(invalid("finite learning rates ≥ 0", format!("{self:?}"), "Correct the learning rate"))
    }
}
