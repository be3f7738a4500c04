//! One generation step F_n, its tangent and its adjoint; one method a file (theory §2).

use crate::error::Result;
use crate::error_field::ModelError;
use crate::process::{Drift, Grid};

/// Discretisation of the generation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Method {
    /// Euler(–Maruyama).
    Euler,
    /// Heun (stochastic Heun for additive noise).
    Heun,
    /// Classical Runge–Kutta, deterministic only.
    Rk4,
    /// DDPM ancestral with variance β̃.
    Ancestral,
    /// DDIM; its η is the noise level.
    Ddim,
    /// Reverse step plus Langevin corrector.
    PredictorCorrector {
        /// Step size of the corrector relative to σ².
        corrector: f64,
    },
}

/// The random numbers of one step for a batch of n samples.
#[derive(Debug, Clone, Copy)]
pub struct StepNoise<'a> {
    /// Standard normal `[n, noises, D]`; empty for deterministic steps.
    pub xi: &'a [f64],
    /// Standard normal `[n, D]` of a white model error; empty if there is none.
    pub white: &'a [f64],
}

/// The map F_n of a drift, a grid and a method; `advance*` work on batches `x[n, D]`.
pub struct Step {
    /// The drift (with its model error, for a perturbed twin).
    pub drift: Drift,
    /// Times.
    pub grid: Grid,
    /// Method.
    pub method: Method,
    /// Errors whose first-order displacement ζ rides along as forced tangent rows.
    pub forcing: Vec<ModelError>,
}

impl Step {
    /// Checks the combination (for example: rk4 with noise is refused; end of the grid at the singularity σ = 0).
    pub fn new(_drift: Drift, _grid: Grid, _method: Method, _forcing: Vec<ModelError>) -> Result<Self> {
        todo!()
    }
    /// D.
    pub fn dim(&self) -> usize {
        self.drift.field.dim()
    }
    /// Number of standard normal vectors a sample consumes a step.
    pub fn noises(&self) -> usize {
        todo!()
    }
    /// x_{n+1} = F_n(x_n; ξ).
    pub fn advance(&self, _n: usize, _x: &[f64], _noise: StepNoise, _next: &mut [f64]) {
        todo!()
    }
    /// State and tangents: rows `v[n, k + e, D]`, the first k homogeneous (A_n v), the last e = `forcing.len()`
    /// forced: ζ_{n+1} = A_n ζ_n + b_n for the error of the same index (per unit size).
    pub fn advance_tangent(
        &self,
        _n: usize,
        _x: &[f64],
        _noise: StepNoise,
        _v: &[f64],
        _next: &mut [f64],
        _v_next: &mut [f64],
    ) {
        todo!()
    }
    /// Adjoint of the step at x_n: `u_prev` = A_nᵀ u, `u[n, m, D]`.
    pub fn advance_adjoint(&self, _n: usize, _x: &[f64], _noise: StepNoise, _u: &[f64], _u_prev: &mut [f64]) {
        todo!()
    }
}
