//! The classical Runge–Kutta method of order 4, for deterministic generations.

use super::plan::{Plan, Writer};

pub(super) fn plan(mut step: Writer) -> Plan {
    let (x, dt) = (step.state(), step.dt);
    let middle = 0.5 * (step.start + step.end);
    let k1 = step.drift(step.start, x);
    let k2 = step.drift(middle, x + 0.5 * dt * k1);
    let k3 = step.drift(middle, x + 0.5 * dt * k2);
    let k4 = step.drift(step.end, x + dt * k3);
    step.finish(x + dt / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4))
}
