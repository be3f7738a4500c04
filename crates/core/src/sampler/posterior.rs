//! The law of x at u′ given x at u > u′ and x_0, shared by the ancestral and the DDIM step.

use crate::field::Moment;

/// Coefficients of q(x_{u′} | x_u, x_0) of a Gaussian noising process.
pub(super) struct Posterior {
    /// m(u′)/m(u)
    pub(super) growth: f64,
    /// Variance of x_u given x_{u′}: σ² − (m/m′)² σ′².
    pub(super) gained: f64,
    /// β̃ = σ′² gained / σ².
    pub(super) variance: f64,
}

impl Posterior {
    pub(super) fn between(from: Moment, to: Moment) -> Posterior {
        let growth = to.signal / from.signal;
        let kept = to.noise / growth;
        let gained = (from.noise - kept) * (from.noise + kept);
        Posterior { growth, gained, variance: gained * (to.noise / from.noise).powi(2) }
    }
}
