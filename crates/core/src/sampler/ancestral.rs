//! DDPM ancestral sampling (Ho et al. 2020) with the posterior variance β̃, without clipping:
//! x′ = (m′/m) (x + σ²_{u|u′} s) + √β̃ ξ.

use super::plan::{Combination, Plan, Writer};
use super::posterior::Posterior;

pub(super) fn plan(mut step: Writer) -> Plan {
    let posterior = Posterior::between(step.moment(step.start), step.moment(step.end));
    let x = step.state();
    let score = step.score(step.start, x);
    let mean = posterior.growth * (x + posterior.gained * score);
    step.finish(mean + Combination::noise(0, posterior.variance.sqrt()))
}
