//! The same error everywhere and always.

use crate::error::{Error, Result};
use crate::field::{Field, Moment};

/// χ(x, u) = a fixed vector of ∞-norm 1.
#[derive(Debug, Clone, PartialEq)]
pub struct ConstantField {
    direction: Vec<f64>,
}

impl ConstantField {
    /// The field of a direction `[D]`, scaled to ∞-norm 1.
    ///
    /// # Errors
    /// [`Error::Invalid`] for an empty, vanishing or non-finite direction.
    pub fn new(direction: &[f64]) -> Result<Self> {
        let norm = direction.iter().fold(0.0, |norm: f64, value| norm.max(value.abs()));
        if !(norm > 0.0 && direction.iter().all(|value| value.is_finite())) {
            return Err(Error::invalid(
                "setting up a constant error",
                "a finite direction other than 0",
                format!("{direction:?}"),
                "Give one number a coordinate, at least one of them not 0",
            ));
        }
        Ok(ConstantField { direction: direction.iter().map(|value| value / norm).collect() })
    }

    /// The scaled direction `[D]`.
    pub fn direction(&self) -> &[f64] {
        &self.direction
    }
}

impl Field for ConstantField {
    fn dim(&self) -> usize {
        self.direction.len()
    }

    fn eval(&self, _at: Moment, _x: &[f64], y: &mut [f64]) {
        y.chunks_exact_mut(self.dim()).for_each(|row| row.copy_from_slice(&self.direction));
    }

    fn tangents(&self, at: Moment, x: &[f64], _v: &[f64], y: &mut [f64], jv: &mut [f64]) {
        self.eval(at, x, y);
        jv.fill(0.0);
    }

    fn adjoint(&self, at: Moment, x: &[f64], _u: &[f64], y: &mut [f64], uj: &mut [f64]) {
        self.eval(at, x, y);
        uj.fill(0.0);
    }

    fn second(
        &self,
        at: Moment,
        x: &[f64],
        _u: &[f64],
        _v: &[f64],
        y: &mut [f64],
        d2: &mut [f64],
    ) -> Result<()> {
        self.eval(at, x, y);
        d2.fill(0.0);
        Ok(())
    }

    fn second_adjoint(
        &self,
        at: Moment,
        x: &[f64],
        _v: &[f64],
        _u: &[f64],
        y: &mut [f64],
        out: &mut [f64],
    ) -> Result<()> {
        self.eval(at, x, y);
        out.fill(0.0);
        Ok(())
    }
}
