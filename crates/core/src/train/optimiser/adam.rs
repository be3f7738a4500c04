//! Adam with decoupled weight decay.

use super::{fastest, invalid};
use crate::error::Result;
use serde::{Deserialize, Serialize};

/// Adam's numbers; no weight decay is plain Adam (Kingma and Ba 2015).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct AdamSettings {
    /// β₁ in [0, 1), forgetting of the mean of the gradients.
    pub beta1: f64,
    /// β₂ in [0, 1), forgetting of the mean of their squares.
    pub beta2: f64,
    /// ε > 0 beside the root of the mean square.
    pub epsilon: f64,
    /// λ ≥ 0: weights shrink by the factor 1 − rate · λ a step (AdamW, Loshchilov and Hutter 2019).
    pub weight_decay: f64,
}

impl Default for AdamSettings {
    /// β = (0.9, 0.999), ε = 1e-8, no weight decay.
    fn default() -> Self {
        AdamSettings { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.0 }
    }
}

/// Adam's state for one flat array of weights.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Adam {
    /// Its numbers.
    pub settings: AdamSettings,
    /// Steps taken.
    pub steps: u64,
    /// Mean of the gradients, not corrected for its start at 0.
    pub first: Vec<f32>,
    /// Mean of their squares, likewise.
    pub second: Vec<f32>,
}

/// Gradients at least this long are an error: squares of their numbers need not be finite in f32.
pub(in crate::train) const LONGEST: f64 = 1e18;

/// The constants of one step.
#[derive(Clone, Copy)]
struct Constants {
    /// Factor of the gradient.
    factor: f32,
    /// 1 − rate · λ
    shrink: f32,
    /// 1 − β₁
    first: f32,
    /// β₂
    kept: f32,
    /// 1 − β₂
    second: f32,
    /// rate/(1 − β₁ᵗ)
    length: f32,
    /// 1/√(1 − β₂ᵗ)
    correction: f32,
    epsilon: f32,
}

impl Adam {
    /// At rest, for `size` weights.
    pub fn new(settings: AdamSettings, size: usize) -> Adam {
        Adam { settings, steps: 0, first: vec![0.0; size], second: vec![0.0; size] }
    }

    pub(super) fn check(&self, size: usize) -> Result<()> {
        let AdamSettings { beta1, beta2, epsilon, weight_decay } = self.settings;
        let forgets = |beta| (0.0..1.0).contains(&beta);
        let rest = epsilon > 0.0 && epsilon.is_finite() && weight_decay >= 0.0 && weight_decay.is_finite();
        if !(forgets(beta1) && forgets(beta2) && rest) {
            let expected = "β₁ and β₂ in [0, 1), a finite ε > 0 and a finite weight decay ≥ 0";
            return Err(invalid(
                expected,
                format!("{:?}", self.settings),
                "Correct the optimiser's settings",
            ));
        }
        if [self.first.len(), self.second.len()] != [size; 2] {
            let got = format!("moments of {} and {} weights", self.first.len(), self.second.len());
            return Err(invalid(
                &format!("moments of {size} weights"),
                got,
                "Continue with the network it was made for",
            ));
        }
        Ok(())
    }

    /// w ← (1 − rate λ) w − rate m̂/(√v̂ + ε), with m̂ and v̂ the means of the gradient, shortened to `clip`, and of its
    /// square, corrected for their start at 0. Answers the length of the gradient before it was shortened.
    ///
    /// # Errors
    /// [`crate::Error::Invalid`] if the sizes differ or the gradient is not finite or longer than 1e18; nothing has
    /// changed then.
    pub fn step(
        &mut self,
        rate: f64,
        clip: Option<f64>,
        weights: &mut [f32],
        gradient: &[f32],
    ) -> Result<f64> {
        self.check(weights.len())?;
        if gradient.len() != weights.len() {
            let expected = format!("a gradient of {} weights", weights.len());
            return Err(invalid(
                &expected,
                gradient.len().to_string(),
                "Take the gradient of the same network",
            ));
        }
        let norm = global_norm(gradient);
        if !(0.0..LONGEST).contains(&norm) {
            return Err(invalid(
                &format!("a finite gradient, shorter than {LONGEST:e}"),
                format!("one of length {norm} at step {}", self.steps),
                "Lower the learning rate, or train less close to times where the target is singular",
            ));
        }
        let factor = clip.map_or(1.0, |clip| if norm > clip { clip / norm } else { 1.0 });
        self.steps += 1;
        update(self.constants(rate, factor), weights, gradient, &mut self.first, &mut self.second);
        Ok(norm)
    }

    fn constants(&self, rate: f64, factor: f64) -> Constants {
        let AdamSettings { beta1, beta2, epsilon, weight_decay } = self.settings;
        // 1 − βᵗ
        let seen = |beta: f64| -(self.steps as f64 * beta.ln()).exp_m1();
        Constants {
            factor: factor as f32,
            shrink: (1.0 - rate * weight_decay) as f32,
            first: (1.0 - beta1) as f32,
            kept: beta2 as f32,
            second: (1.0 - beta2) as f32,
            length: (rate / seen(beta1)) as f32,
            correction: (1.0 / seen(beta2).sqrt()) as f32,
            epsilon: epsilon as f32,
        }
    }
}

fn update(
    constants: Constants,
    weights: &mut [f32],
    gradient: &[f32],
    first: &mut [f32],
    second: &mut [f32],
) {
    fastest!(call update_all, update_avx2, (constants, weights, gradient, first, second))
}

fastest!(update_all, update_avx2, (
    constants: Constants, weights: &mut [f32], gradient: &[f32], first: &mut [f32], second: &mut [f32]
));

#[inline(always)]
fn update_all(c: Constants, weights: &mut [f32], gradient: &[f32], first: &mut [f32], second: &mut [f32]) {
    for (((w, g), m), v) in weights.iter_mut().zip(gradient).zip(first).zip(second) {
        let g = g * c.factor;
        *m += c.first * (g - *m);
        *v = c.kept * *v + c.second * g * g;
        *w = c.shrink * *w - c.length * *m / (v.sqrt() * c.correction + c.epsilon);
    }
}

/// The Euclidean length of a gradient, summed in f64 in sixteen strands.
pub fn global_norm(gradient: &[f32]) -> f64 {
    let mut sums = [0.0; STRANDS];
    add_squares(gradient, &mut sums);
    sums.iter().sum::<f64>().sqrt()
}

const STRANDS: usize = 16;

fn add_squares(gradient: &[f32], sums: &mut [f64; STRANDS]) {
    fastest!(call add_squares_all, add_squares_avx2, (gradient, sums))
}

fastest!(add_squares_all, add_squares_avx2, (gradient: &[f32], sums: &mut [f64; STRANDS]));

#[inline(always)]
fn add_squares_all(gradient: &[f32], sums: &mut [f64; STRANDS]) {
    let (blocks, rest) = gradient.as_chunks::<STRANDS>();
    for block in blocks {
        for (sum, g) in sums.iter_mut().zip(block) {
            *sum += f64::from(*g) * f64::from(*g);
        }
    }
    for (sum, g) in sums.iter_mut().zip(rest) {
        *sum += f64::from(*g) * f64::from(*g);
    }
}
