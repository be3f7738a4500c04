//! The weight λ(u) of a squared error in the network's own meaning.
//!
//! At a given state the outputs of all meanings are affine in the score, so an error in the score counts c times in the
//! output: c = 1 for a score, σ for noise, σ²/m for denoised data and σ (m² + σ²)/m for v. A weight λ_s of errors in the
//! score is therefore the weight λ = λ_s/c² of errors in the output.

use crate::error::{Error, Result};
use crate::process::{Noising, Predicts};

/// Which weight.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Weight {
    /// λ = 1 in the network's own meaning.
    Uniform,
    /// λ_s = σ²: all noise levels count alike (Song and Ermon 2019). λ = 1 for a noise network (Ho et al. 2020).
    Sigma2,
    /// λ_s = g²: with this weight the loss bounds the negative log-likelihood of the reverse SDE (Song, Durkan, Murray
    /// and Ermon 2021).
    Likelihood,
    /// min(m²/σ², γ) on errors in denoised data: the signal-to-noise ratio, capped (Hang et al. 2023, γ = 5).
    MinSnr {
        /// γ > 0
        gamma: f64,
    },
    /// λ = 4u(1 − u), for flows: what the noise of a bridge adds to the target has variance σ² (1 − 2u)²/(4u(1 − u)),
    /// whose mean over all times is infinite; this makes it finite.
    Bridge,
}

impl Weight {
    /// The names that [`Weight::from_name`] knows.
    pub const NAMES: [&str; 5] = ["uniform", "sigma2", "likelihood", "min-snr", "bridge"];

    /// The weight of a name; γ = 5 for `min-snr`.
    ///
    /// # Errors
    /// [`Error::Invalid`] listing the names.
    pub fn from_name(name: &str) -> Result<Weight> {
        match name {
            "uniform" => Ok(Weight::Uniform),
            "sigma2" => Ok(Weight::Sigma2),
            "likelihood" => Ok(Weight::Likelihood),
            "min-snr" => Ok(Weight::MinSnr { gamma: 5.0 }),
            "bridge" => Ok(Weight::Bridge),
            _ => Err(Error::invalid(
                "choosing the weight of the loss",
                format!("one of {}", Weight::NAMES.join(", ")),
                format!("{name:?}"),
                "Correct the name",
            )),
        }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Weight::Uniform => "uniform",
            Weight::Sigma2 => "sigma2",
            Weight::Likelihood => "likelihood",
            Weight::MinSnr { .. } => "min-snr",
            Weight::Bridge => "bridge",
        }
    }

    /// λ(u) of a diffusion.
    pub(super) fn of_output(self, noising: Noising, predicts: Predicts, u: f64) -> f64 {
        let (m, sigma) = (noising.signal(u), noising.noise(u));
        let gain = |of: Predicts| of.of_score(m, sigma).map_or(f64::NAN, |map| map.output);
        let of_score = match self {
            Weight::Uniform | Weight::Bridge => return 1.0,
            Weight::Sigma2 => sigma * sigma,
            Weight::Likelihood => noising.diffusion(u),
            Weight::MinSnr { gamma } => {
                (m * m / (sigma * sigma)).min(gamma) * gain(Predicts::Denoised).powi(2)
            }
        };
        of_score / gain(predicts).powi(2)
    }

    /// λ(u) of a flow.
    pub(super) fn of_velocity(self, u: f64) -> f64 {
        if self == Weight::Bridge { 4.0 * u * (1.0 - u) } else { 1.0 }
    }

    /// Whether the weight has a meaning for diffusions, or for flows.
    pub(super) fn check(self, diffusion: bool) -> Result<()> {
        let refuse = |expected: &str, got: String, remedy: &str| {
            Err(Error::invalid("choosing the weight of the loss", expected, got, remedy))
        };
        let wrong = |expected: &str, remedy: &str| refuse(expected, self.name().into(), remedy);
        match self {
            Weight::MinSnr { gamma } if !(gamma > 0.0 && gamma.is_finite()) => {
                refuse("a finite γ > 0", gamma.to_string(), "Leave γ out for 5")
            }
            Weight::Bridge if diffusion => wrong(
                "uniform, sigma2, likelihood or min-snr for a diffusion",
                "Use uniform, or train a flow",
            ),
            Weight::Sigma2 | Weight::Likelihood | Weight::MinSnr { .. } if !diffusion => {
                wrong("uniform or bridge for a flow", "Use uniform")
            }
            _ => Ok(()),
        }
    }
}
