//! How weights move: gradient clipping, learning rate, AdamW, and a moving average of the weights. All state is plain
//! data; written with serde and read back it continues with the same bits. One thread, the same bits on every machine.

mod adam;
mod average;
mod rate;

pub(super) use adam::LONGEST;
pub use adam::{Adam, AdamSettings, global_norm};
pub use average::Average;
pub use rate::{Decay, Rate};

use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};

/// Everything that turns a gradient into a step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Optimiser {
    /// The step and its moments.
    pub adam: Adam,
    /// The learning rate.
    pub rate: Rate,
    /// Gradients longer than this are shortened to it.
    pub clip: Option<f64>,
    /// The moving average of the weights.
    pub average: Option<Average>,
}

/// What a step did.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    /// Length of the gradient before it was clipped.
    pub norm: f64,
    /// The learning rate.
    pub rate: f64,
}

impl Optimiser {
    /// Checks settings and sizes for a network of `size` weights.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming what is wrong: a setting out of range, or a state of another network.
    pub fn check(&self, size: usize) -> Result<()> {
        self.adam.check(size)?;
        self.rate.check()?;
        self.average.iter().try_for_each(|average| average.check(size))?;
        match self.clip {
            Some(clip) if !(clip > 0.0 && clip.is_finite()) => Err(invalid(
                "a finite length > 0 to clip gradients at",
                clip.to_string(),
                "Leave it out to clip nothing",
            )),
            _ => Ok(()),
        }
    }

    /// One step of all weights along a gradient.
    ///
    /// # Errors
    /// [`Error::Invalid`] if the sizes differ or the gradient is not finite; nothing has changed then.
    pub fn step(&mut self, weights: &mut [f32], gradient: &[f32]) -> Result<Step> {
        self.check(weights.len())?;
        let rate = self.rate.at(self.adam.steps);
        let norm = self.adam.step(rate, self.clip, weights, gradient)?;
        if let Some(average) = &mut self.average {
            average.update(weights)?;
        }
        Ok(Step { norm, rate })
    }
}

fn invalid(expected: &str, got: String, remedy: &str) -> Error {
    Error::invalid("an optimiser step", expected, got, remedy)
}

/// Calls a loop compiled for AVX2 where the processor has it. The variants differ in no rounding: nothing is contracted.
macro_rules! fastest {
    ($portable:ident, $avx2:ident, ($($name:ident: $kind:ty),*)) => {
        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = "avx2")]
        fn $avx2($($name: $kind),*) {
            $portable($($name),*);
        }
    };
    (call $portable:ident, $avx2:ident, ($($argument:expr),*)) => {{
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") {
            // SAFETY: the feature was detected.
            unsafe { $avx2($($argument),*) };
            return;
        }
        $portable($($argument),*);
    }};
}
use fastest;
