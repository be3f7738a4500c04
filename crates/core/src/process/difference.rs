//! The difference of two models: an undertrained checkpoint, a smaller network, a trained model against an exact field.

use super::{Affine, Drift, Process};
use crate::error::{Error, Result};
use crate::error_field::Place;
use crate::field::{Field, Moment};
use crate::scratch::{Pool, sized};

/// χ = (drift_B − drift_A)/c: what must be added to model A at `place` to give model B's drift (theory §3).
pub struct DifferenceField {
    base: Drift,
    other: Drift,
    place: Place,
    pool: Pool<[Vec<f64>; 2]>,
}

/// χ = `state` x + `base` y_A + `other` y_B.
struct Weights {
    state: f64,
    base: f64,
    other: f64,
}

impl DifferenceField {
    /// The error that turns the `base` model into the `other` when added to the base at `place` with size 1 and scale 1.
    ///
    /// # Errors
    /// [`Error::Invalid`] if the dimensions differ, one runs as a flow and the other as a diffusion, their noise
    /// amplitudes differ, one of them carries an error of its own, or the place is the score of a flow.
    pub fn new(base: Drift, other: Drift, place: Place) -> Result<Self> {
        base.check()?;
        other.check()?;
        let wrong = |expected: &str, got: String, remedy: &str| {
            Err(Error::invalid("taking the difference of two models", expected, got, remedy))
        };
        if base.field.dim() != other.field.dim() {
            let got = format!("{} and {}", base.field.dim(), other.field.dim());
            return wrong("two models of one dimension", got, "Compare models of the same data");
        }
        if base.process != other.process {
            return wrong(
                "two models of one process",
                "models that differ in kind, schedule or noise level".into(),
                "Give both model files the same [process]",
            );
        }
        if base.error.is_some() || other.error.is_some() {
            return wrong("two models without errors", "a perturbed model".into(), "Remove the error");
        }
        if place == Place::Score && base.process == Process::Flow {
            return wrong("a diffusion for an error in the score", "a flow".into(), "Use the drift");
        }
        Ok(DifferenceField { base, other, place, pool: Pool::default() })
    }

    fn weights(&self, u: f64) -> Weights {
        let (a, b): (Affine, Affine) = (self.base.coefficients(u), self.other.coefficients(u));
        let gain = self.base.error_gain(self.place, u);
        Weights { state: (b.state - a.state) / gain, base: -(a.output / gain), other: b.output / gain }
    }
}

/// out = state x + base y_A + other y_B, with y_B in `out` on entry.
fn combine(weights: &Weights, x: &[f64], base: &[f64], out: &mut [f64]) {
    for ((out, base), x) in out.iter_mut().zip(base).zip(x) {
        *out = weights.other * *out + weights.base * base;
        if weights.state != 0.0 {
            *out += weights.state * x;
        }
    }
}

impl Field for DifferenceField {
    fn dim(&self) -> usize {
        self.base.field.dim()
    }

    fn held_bytes(&self, second: bool) -> u64 {
        self.base.field.held_bytes(second) + self.other.field.held_bytes(second)
    }

    fn eval(&self, at: Moment, x: &[f64], y: &mut [f64]) {
        let (u, weights) = (at.time, self.weights(at.time));
        self.pool.with(|[base, _]| {
            let base = sized(base, y.len());
            self.base.field.eval(self.base.moment(u), x, base);
            self.other.field.eval(self.other.moment(u), x, y);
            combine(&weights, x, base, y);
        });
    }

    fn tangents(&self, at: Moment, x: &[f64], v: &[f64], y: &mut [f64], jv: &mut [f64]) {
        let (u, weights) = (at.time, self.weights(at.time));
        self.pool.with(|[base, base_tangent]| {
            let (base, base_tangent) = (sized(base, y.len()), sized(base_tangent, jv.len()));
            self.base.field.tangents(self.base.moment(u), x, v, base, base_tangent);
            self.other.field.tangents(self.other.moment(u), x, v, y, jv);
            combine(&weights, x, base, y);
            combine(&weights, v, base_tangent, jv);
        });
    }

    fn adjoint(&self, at: Moment, x: &[f64], cotangents: &[f64], y: &mut [f64], uj: &mut [f64]) {
        let (u, weights) = (at.time, self.weights(at.time));
        self.pool.with(|[base, base_pulled]| {
            let (base, base_pulled) = (sized(base, y.len()), sized(base_pulled, uj.len()));
            self.base.field.adjoint(self.base.moment(u), x, cotangents, base, base_pulled);
            self.other.field.adjoint(self.other.moment(u), x, cotangents, y, uj);
            combine(&weights, x, base, y);
            combine(&weights, cotangents, base_pulled, uj);
        });
    }

    fn second(
        &self,
        at: Moment,
        x: &[f64],
        u: &[f64],
        v: &[f64],
        y: &mut [f64],
        d2: &mut [f64],
    ) -> Result<()> {
        let (time, weights) = (at.time, self.weights(at.time));
        self.pool.with(|[base, base_d2]| {
            let (base, base_d2) = (sized(base, y.len()), sized(base_d2, d2.len()));
            self.base.field.second(self.base.moment(time), x, u, v, base, base_d2)?;
            self.other.field.second(self.other.moment(time), x, u, v, y, d2)?;
            combine(&weights, x, base, y);
            // The state's own share is linear.
            combine(&Weights { state: 0.0, ..weights }, v, base_d2, d2);
            Ok(())
        })
    }

    fn second_adjoint(
        &self,
        at: Moment,
        x: &[f64],
        v: &[f64],
        u: &[f64],
        y: &mut [f64],
        out: &mut [f64],
    ) -> Result<()> {
        let (time, weights) = (at.time, self.weights(at.time));
        self.pool.with(|[base, base_out]| {
            let (base, base_out) = (sized(base, y.len()), sized(base_out, out.len()));
            self.base.field.second_adjoint(self.base.moment(time), x, v, u, base, base_out)?;
            self.other.field.second_adjoint(self.other.moment(time), x, v, u, y, out)?;
            combine(&weights, x, base, y);
            combine(&Weights { state: 0.0, ..weights }, u, base_out, out);
            Ok(())
        })
    }
}
