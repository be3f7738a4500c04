//! DDIM (Song et al. 2021): x′ = m′ x̂_0 + √(σ′² − η² β̃) ε̂ + η √β̃ ξ, with η the noise level.

use super::plan::{Combination, Plan, Writer};
use super::posterior::Posterior;

pub(super) fn plan(mut step: Writer) -> Plan {
    let (from, to) = (step.moment(step.start), step.moment(step.end));
    let posterior = Posterior::between(from, to);
    let eta = step.noise_level();
    let x = step.state();
    let score = step.score(step.start, x);
    let denoised = 1.0 / from.signal * (x + from.noise * from.noise * score);
    let direction = (to.noise * to.noise - eta * eta * posterior.variance).sqrt();
    let mean = to.signal * denoised + -from.noise * direction * score;
    step.finish(mean + Combination::noise(0, eta * posterior.variance.sqrt()))
}
