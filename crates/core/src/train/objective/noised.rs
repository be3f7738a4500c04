//! Noised data x_u = m x_1 + σ ξ, and what each meaning of an output asks for there (theory §2).

use super::Mix;
use crate::process::{Noising, Predicts};

/// x_u = m x_1 + σ ξ.
pub(super) fn state(noising: Noising, u: f64) -> Mix {
    Mix { source: 0.0, data: noising.signal(u), noise: noising.noise(u) }
}

/// score −ξ/σ, the gradient of the log density of x_u given x_1 (Vincent 2011); noise ξ (Ho et al. 2020);
/// denoised x_1; v = m ξ − σ x_1 (Salimans and Ho 2022). NaN for a velocity, which [`super::Objective::check`] refuses.
pub(super) fn target(noising: Noising, predicts: Predicts, u: f64) -> Mix {
    let (m, sigma) = (noising.signal(u), noising.noise(u));
    let mix = |data, noise| Mix { source: 0.0, data, noise };
    match predicts {
        Predicts::Score => mix(0.0, -1.0 / sigma),
        Predicts::Noise => mix(0.0, 1.0),
        Predicts::Denoised => mix(1.0, 0.0),
        Predicts::V => mix(-sigma, m),
        Predicts::Velocity => mix(f64::NAN, f64::NAN),
    }
}
