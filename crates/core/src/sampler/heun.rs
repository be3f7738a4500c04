//! Heun: the mean of the drifts at both ends of the step; the noise is additive, with η g at the start.

use super::plan::{Plan, Writer};

pub(super) fn plan(mut step: Writer) -> Plan {
    let (x, noise) = (step.state(), step.brownian());
    let first = step.drift(step.start, x);
    let second = step.drift(step.end, x + step.dt * first + noise);
    let next = x + 0.5 * step.dt * (first + second) + noise;
    step.finish(next)
}
