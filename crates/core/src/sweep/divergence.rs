//! The change of a log density along deterministic paths by the continuous change of variables (theory §7):
//! d log ρ/du = −div v, with the divergence exact or from random probes (Hutchinson 1990).

use super::forward::{check, starts};
use super::{Batch, check_finite};
use crate::error::{Error, Result};
use crate::linalg::dot;
use crate::random::{Purpose, Stream, random_signs, stream};
use crate::sampler::{Step, StepNoise};

/// How div v is had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Divergence {
    /// From D tangents a step.
    Exact,
    /// Mean of zᵀ (∂v/∂x) z over probes z of independent signs, anew at every step, so that their errors average out
    /// along the path.
    Hutchinson {
        /// Probes a sample, at least 2, so that there is a standard error.
        probes: usize,
    },
}

/// −∫ div v du along the paths of a batch, by the trapezoidal rule on the grid.
#[derive(Debug, Clone, PartialEq)]
pub struct LogChange {
    /// x_0 `[n, D]`
    pub start: Vec<f64>,
    /// x_τ `[n, D]`
    pub end: Vec<f64>,
    /// log ρ_τ(x_τ) − log ρ_0(x_0) of the continuous flow `[n]`
    pub change: Vec<f64>,
    /// Standard error of the mean over probes `[n]`; 0 where the divergence is exact
    pub standard_error: Vec<f64>,
}

/// Follows a batch of deterministic paths and integrates the divergence of their drift.
///
/// # Errors
/// [`Error::NonFinite`] when a path leaves the finite numbers; [`Error::Invalid`] for a stochastic sampler, a model
/// with an error of its own, or fewer than two probes.
pub fn divergence(step: &Step, batch: &Batch, how: Divergence) -> Result<LogChange> {
    check(step, batch, 0)?;
    let refuse = |expected: &str, got: String, remedy: &str| {
        Err(Error::invalid("integrating the divergence along paths", expected, got, remedy))
    };
    if step.noises() > 0 || step.drift.error.is_some() {
        let got = format!("noise level {}", step.drift.process.noise_level());
        return refuse("a deterministic sampler of the model itself", got, "Set the noise level to 0");
    }
    let dim = step.dim();
    let rows = match how {
        Divergence::Exact => dim,
        Divergence::Hutchinson { probes } if probes >= 2 => probes,
        Divergence::Hutchinson { probes } => {
            return refuse("at least 2 probes", probes.to_string(), "Take more probes");
        }
    };
    let mut x = starts(batch);
    let start = x.clone();
    let mut walk = Walk::new(step, batch, rows, how);
    let samples = batch.samples.len();
    // One integral a probe, or one a coordinate.
    let mut integrals = vec![0.0; samples * rows];
    let mut next = vec![0.0; x.len()];
    let steps = step.grid.steps;
    for n in 0..=steps {
        let share = if n == 0 || n == steps { 0.5 } else { 1.0 };
        walk.add(n, &x, -share * step.grid.dt(n), &mut integrals);
        if n < steps {
            step.advance(n, &x, StepNoise::default(), &mut next);
            std::mem::swap(&mut x, &mut next);
            check_finite("state", &x, dim, batch.samples.start, n)?;
        }
        check_finite("divergence", &integrals, rows, batch.samples.start, n.min(steps - 1))?;
    }
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let (change, standard_error) = integrals
        .chunks_exact(rows)
        .map(|values| match how {
            Divergence::Exact => (values.iter().sum(), 0.0),
            Divergence::Hutchinson { .. } => {
                let (mean, count) = (mean(values), rows as f64);
                let square: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
                (mean, (square / (count - 1.0) / count).sqrt())
            }
        })
        .unzip();
    Ok(LogChange { start, end: x, change, standard_error })
}

#[derive(Default)]
struct Scratch {
    output: Vec<f64>,
    slopes: Vec<f64>,
}

/// The drift with its probes `[n, rows, D]`: unit vectors, or random signs.
struct Walk<'a> {
    step: &'a Step,
    rows: usize,
    probes: Vec<f64>,
    /// Where the signs of every sample come from; none for unit vectors.
    streams: Vec<Stream>,
    scratch: Scratch,
}

impl<'a> Walk<'a> {
    fn new(step: &'a Step, batch: &Batch, rows: usize, how: Divergence) -> Self {
        let dim = step.dim();
        let mut probes = vec![0.0; batch.samples.len() * rows * dim];
        let streams = match how {
            Divergence::Exact => {
                for units in probes.chunks_exact_mut(dim * dim) {
                    units.iter_mut().step_by(dim + 1).for_each(|z| *z = 1.0);
                }
                Vec::new()
            }
            Divergence::Hutchinson { .. } => {
                batch.samples.clone().map(|i| stream(batch.seed, i as u64, Purpose::Probe)).collect()
            }
        };
        Walk { step, rows, probes, streams, scratch: Scratch::default() }
    }

    /// integrals += factor · zᵀ (∂v/∂x) z at the time of x_n.
    fn add(&mut self, n: usize, x: &[f64], factor: f64, integrals: &mut [f64]) {
        let (drift, dim) = (&self.step.drift, self.step.dim());
        for (rng, probes) in self.streams.iter_mut().zip(self.probes.chunks_exact_mut(self.rows * dim)) {
            random_signs(rng, probes);
        }
        let u = self.step.grid.time(n);
        let affine = drift.coefficients(u);
        let Scratch { output, slopes } = &mut self.scratch;
        output.resize(x.len(), 0.0);
        slopes.resize(x.len() * self.rows, 0.0);
        drift.field.tangents(drift.moment(u), x, &self.probes, output, slopes);
        let products = self.probes.chunks_exact(dim).zip(slopes.chunks_exact(dim));
        for ((probe, slope), integral) in products.zip(integrals) {
            *integral += factor * (affine.state * dot(probe, probe) + affine.output * dot(probe, slope));
        }
    }
}
