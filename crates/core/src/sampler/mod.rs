//! One generation step F_n, its tangent and its adjoint; one method a file (theory §2).

mod ancestral;
mod ddim;
mod euler;
mod execute;
mod heun;
mod plan;
mod posterior;
mod predictor_corrector;
mod rk4;
mod second;
mod second_adjoint;

use crate::error::{Error, Result};
use crate::error_field::{ModelError, Place};
use crate::process::{Drift, Grid, Process};
use crate::scratch::Pool;
use plan::{Plan, Writer};

pub use second::{Directions, SecondRows};
pub use second_adjoint::SecondCotangents;

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

impl Method {
    /// As model files have it.
    pub fn name(&self) -> &'static str {
        match self {
            Method::Euler => "euler",
            Method::Heun => "heun",
            Method::Rk4 => "rk4",
            Method::Ancestral => "ancestral",
            Method::Ddim => "ddim",
            Method::PredictorCorrector { .. } => "predictor-corrector",
        }
    }

    /// Checks that the method can discretise the process.
    fn check(&self, process: &Process) -> Result<()> {
        let level = process.noise_level();
        let wrong = |expected: &str, got: String, remedy: &str| {
            Err(Error::invalid("choosing the sampler's method", expected, got, remedy))
        };
        let needs_score =
            matches!(self, Method::Ancestral | Method::Ddim | Method::PredictorCorrector { .. });
        if needs_score && *process == Process::Flow {
            let expected = "a diffusion model for ancestral, ddim and predictor-corrector";
            return wrong(expected, "a flow".into(), "Use euler, heun or rk4");
        }
        let got = format!("noise level {level}");
        match *self {
            Method::Rk4 if level != 0.0 => {
                wrong("noise level 0 for rk4", got, "Use euler or heun, or set noise_level = 0")
            }
            Method::Ancestral if level != 1.0 => {
                wrong("noise level 1 for ancestral", got, "Use ddim, whose η is the noise level")
            }
            Method::Ddim if level > 1.0 => {
                wrong("a noise level of at most 1 for ddim", got, "Use euler or heun")
            }
            Method::PredictorCorrector { corrector } if !(corrector > 0.0 && corrector.is_finite()) => {
                wrong("a positive corrector step", corrector.to_string(), "Use for example 0.1")
            }
            _ => Ok(()),
        }
    }
}

/// The random numbers of one step for a batch of n samples, and its error where that differs from sample to sample.
#[derive(Debug, Clone, Copy, Default)]
pub struct StepNoise<'a> {
    /// Standard normal `[n, noises, D]`; empty for deterministic steps.
    pub xi: &'a [f64],
    /// Standard normal `[n, D]` of a white model error; empty if there is none.
    pub white: &'a [f64],
    /// χ_n `[n, D]` of an error known only along the paths; empty if there is none.
    pub given: &'a [f64],
}

/// m cotangents a sample around one step, all `[n, m, D]`.
#[derive(Debug)]
pub struct Cotangents<'a> {
    /// u at the end of the step.
    pub end: &'a [f64],
    /// A_nᵀ u, at its start.
    pub start: &'a mut [f64],
    /// B_nᵀ u, at the model error.
    pub error: &'a mut [f64],
}

/// The map F_n of a drift, a grid and a method; `advance*` work on batches `x[n, D]`.
///
/// The coefficients of all steps are fixed when the step is made: make a new one to change a public part.
pub struct Step {
    /// The drift (with its model error, for a perturbed twin).
    pub drift: Drift,
    /// Times.
    pub grid: Grid,
    /// Method.
    pub method: Method,
    /// Errors whose first-order displacement ζ rides along as forced tangent rows.
    pub forcing: Vec<ModelError>,
    plans: Vec<Plan>,
    pool: Pool<execute::Scratch>,
}

impl Step {
    /// Checks the combination (for example: rk4 with noise is refused; end of the grid at the singularity σ = 0).
    ///
    /// # Errors
    /// [`Error::Invalid`] naming the setting that does not fit.
    pub fn new(drift: Drift, grid: Grid, method: Method, forcing: Vec<ModelError>) -> Result<Self> {
        drift.check()?;
        grid.check(&drift.process)?;
        method.check(&drift.process)?;
        forcing.iter().try_for_each(|error| drift.check_error(error))?;
        let plans = (0..grid.steps)
            .map(|n| {
                let writer = Writer::new(&drift, &grid, &forcing, n);
                match method {
                    Method::Euler => euler::plan(writer),
                    Method::Heun => heun::plan(writer),
                    Method::Rk4 => rk4::plan(writer),
                    Method::Ancestral => ancestral::plan(writer),
                    Method::Ddim => ddim::plan(writer),
                    Method::PredictorCorrector { corrector } => predictor_corrector::plan(writer, corrector),
                }
            })
            .collect();
        Ok(Step { drift, grid, method, forcing, plans, pool: Pool::default() })
    }

    /// D.
    pub fn dim(&self) -> usize {
        self.drift.field.dim()
    }

    /// Number of standard normal vectors a sample consumes a step.
    pub fn noises(&self) -> usize {
        match self.method {
            Method::PredictorCorrector { .. } => 2,
            _ => usize::from(self.drift.process.noise_level() > 0.0),
        }
    }

    /// Whether the drift's error or a forcing is white in time, so that steps need [`StepNoise::white`].
    pub fn needs_white(&self) -> bool {
        self.drift.error.iter().chain(&self.forcing).any(ModelError::is_white)
    }

    /// Whether the drift's error or a forcing is known only along the paths, so that steps need [`StepNoise::given`].
    pub fn needs_given(&self) -> bool {
        self.drift.error.iter().chain(&self.forcing).any(ModelError::is_given)
    }

    /// x_{n+1} = F_n(x_n; ξ): `x[n, D]`, `next[n, D]`.
    ///
    /// # Panics
    /// If `n` is not below the number of steps.
    pub fn advance(&self, n: usize, x: &[f64], noise: StepNoise, next: &mut [f64]) {
        self.pool.with(|scratch| {
            let mut run = execute::Run::new(self, &self.plans[n], x, noise, scratch);
            run.values(next);
        });
    }

    /// State and tangents: rows `v[n, k + e, D]`, the first k homogeneous (A_n v), the last e = `forcing.len()`
    /// forced: ζ_{n+1} = A_n ζ_n + b_n for the error of the same index (per unit size).
    ///
    /// # Panics
    /// If `n` is not below the number of steps.
    pub fn advance_tangent(
        &self,
        n: usize,
        x: &[f64],
        noise: StepNoise,
        v: &[f64],
        next: &mut [f64],
        v_next: &mut [f64],
    ) {
        self.pool.with(|scratch| {
            let mut run = execute::Run::new(self, &self.plans[n], x, noise, scratch);
            run.tangents(v, next, v_next);
        });
    }

    /// Adjoint of the step at x_n: `u_prev` = A_nᵀ u, `u[n, m, D]`.
    ///
    /// # Panics
    /// If `n` is not below the number of steps.
    pub fn advance_adjoint(&self, n: usize, x: &[f64], noise: StepNoise, u: &[f64], u_prev: &mut [f64]) {
        self.pool.with(|scratch| {
            let mut run = execute::Run::new(self, &self.plans[n], x, noise, scratch);
            run.adjoint(u, u_prev);
        });
    }

    /// Adjoint of the step in its state and in a model error at `place`: A_nᵀ u and B_nᵀ u with B_n = db_n/dχ_n
    /// (theory §8).
    ///
    /// The error is frozen over the step: one vector χ_n enters all stages of a method, each with the factor of its own
    /// time. For Euler B_n = δt c_n I; for every other method it is the exact derivative of the discrete step.
    ///
    /// # Panics
    /// If `n` is not below the number of steps.
    pub fn advance_adjoint_with_error(
        &self,
        n: usize,
        x: &[f64],
        noise: StepNoise,
        place: Place,
        rows: Cotangents,
    ) {
        self.pool.with(|scratch| {
            let mut run = execute::Run::new(self, &self.plans[n], x, noise, scratch);
            run.adjoint(rows.end, rows.start);
            run.pull_error(place, rows.error);
        });
    }
}
