//! Predictor–corrector (Song et al. 2021): an Euler(–Maruyama) step to u′, then one Langevin step at u′ whose size
//! h = corrector · σ(u′)² is fixed per noise level: x + h s(x) + √(2h) ξ.

use super::plan::{Combination, Plan, Writer};

pub(super) fn plan(mut step: Writer, corrector: f64) -> Plan {
    let x = step.state();
    let v = step.drift(step.start, x);
    let predicted = x + step.dt * v + step.brownian();
    let size = corrector * step.moment(step.end).noise.powi(2);
    let score = step.score(step.end, predicted);
    step.finish(predicted + size * score + Combination::noise(1, (2.0 * size).sqrt()))
}
