//! Euler(–Maruyama): x + δt v(x) + √δt η g ξ, everything at the start of the step (theory §2).

use super::plan::{Plan, Writer};

pub(super) fn plan(mut step: Writer) -> Plan {
    let x = step.state();
    let v = step.drift(step.start, x);
    let next = x + step.dt * v + step.brownian();
    step.finish(next)
}
