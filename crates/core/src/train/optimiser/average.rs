//! The exponential moving average of the weights.

use super::{fastest, invalid};
use crate::error::Result;
use serde::{Deserialize, Serialize};

/// An average ē of the weights: ē ← d ē + (1 − d) w after every step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Average {
    /// d in [0, 1).
    pub decay: f64,
    /// Whether update n = 0, 1, … takes min(d, (1 + n)/(10 + n)) instead, so that the first weights are soon forgotten
    /// (as TensorFlow's `ExponentialMovingAverage` with `num_updates`).
    pub warmup: bool,
    /// Updates so far.
    pub updates: u64,
    /// ē
    pub weights: Vec<f32>,
}

impl Average {
    /// Starts at the given weights.
    pub fn new(decay: f64, warmup: bool, weights: &[f32]) -> Average {
        Average { decay, warmup, updates: 0, weights: weights.to_vec() }
    }

    pub(super) fn check(&self, size: usize) -> Result<()> {
        if !(0.0..1.0).contains(&self.decay) {
            let remedy = "Use for example 0.999, or leave the average out";
            return Err(invalid("a decay of the average in [0, 1)", self.decay.to_string(), remedy));
        }
        if self.weights.len() != size {
            let expected = format!("an average of {size} weights");
            let remedy = "Continue with the network it was made for";
            return Err(invalid(&expected, self.weights.len().to_string(), remedy));
        }
        Ok(())
    }

    /// Takes in the weights after a step.
    ///
    /// # Errors
    /// [`crate::Error::Invalid`] if there are more or fewer than before, or the decay is out of range.
    pub fn update(&mut self, weights: &[f32]) -> Result<()> {
        self.check(weights.len())?;
        let n = self.updates as f64;
        let decay = if self.warmup { self.decay.min((1.0 + n) / (10.0 + n)) } else { self.decay };
        self.updates += 1;
        blend((1.0 - decay) as f32, &mut self.weights, weights);
        Ok(())
    }
}

fn blend(share: f32, average: &mut [f32], weights: &[f32]) {
    fastest!(call blend_all, blend_avx2, (share, average, weights))
}

fastest!(blend_all, blend_avx2, (share: f32, average: &mut [f32], weights: &[f32]));

#[inline(always)]
fn blend_all(share: f32, average: &mut [f32], weights: &[f32]) {
    average.iter_mut().zip(weights).for_each(|(average, w)| *average += share * (w - *average));
}
