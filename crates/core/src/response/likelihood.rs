//! The log-likelihood of a deterministic generation, and bits per dimension (theory §7).

use crate::error::{Error, Result};
use crate::law::Density;
use crate::sampler::Step;
use crate::sweep::{Batch, Divergence, Keep, divergence, forward};
use serde::{Deserialize, Serialize};
use std::f64::consts::LN_2;

/// By which formula a log-likelihood is had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Formula {
    /// log ρ_0 − Σ log|det A_n|: that of the discrete flow, exact.
    Discrete,
    /// log ρ_0 − ∫ div v du: that of the continuous flow, from D tangents a step.
    ContinuousExact,
    /// The same with Hutchinson's estimate of the divergence.
    ContinuousHutchinson {
        /// Probes a sample.
        probes: usize,
    },
}

impl Formula {
    /// Up to this dimension the discrete flow is followed exactly where nothing else is asked for.
    pub const EXACT_UP_TO: usize = 16;

    /// "of the discrete flow, exact"
    pub fn words(self) -> String {
        match self {
            Formula::Discrete => "of the discrete flow, exact".into(),
            Formula::ContinuousExact => "of the continuous flow, exact divergence on this grid".into(),
            Formula::ContinuousHutchinson { probes } => {
                format!("of the continuous flow, {probes} random probes a sample")
            }
        }
    }

    /// Exact for small D, else Hutchinson's with so many probes.
    pub fn standard(dim: usize, probes: usize) -> Formula {
        if dim <= Formula::EXACT_UP_TO { Formula::Discrete } else { Formula::ContinuousHutchinson { probes } }
    }
}

/// Generated samples with their log-likelihood.
#[derive(Debug, Clone, PartialEq)]
pub struct Likelihood {
    /// x_τ `[n, D]`
    pub end: Vec<f64>,
    /// log ρ_τ(x_τ) `[n]`, nats
    pub log_density: Vec<f64>,
    /// Standard error of each over the probes `[n]`; 0 for exact formulas
    pub standard_error: Vec<f64>,
}

/// −log₂ ρ per dimension.
pub fn bits_per_dim(log_density: f64, dim: usize) -> f64 {
    -log_density / (LN_2 * dim as f64)
}

/// Generates a batch and follows its log-likelihood from the source's density.
///
/// # Errors
/// [`Error::NonFinite`] when a path leaves the finite numbers; [`Error::Invalid`] for a stochastic sampler, whose
/// density is no change of variables, and fewer than two probes.
pub fn log_likelihood(
    step: &Step,
    batch: &Batch,
    source: &dyn Density,
    formula: Formula,
) -> Result<Likelihood> {
    if step.noises() > 0 {
        return Err(Error::invalid(
            "log-likelihood",
            "a deterministic sampler",
            format!("noise level {}", step.drift.process.noise_level()),
            "Set the noise level to 0: the probability-flow ODE has the same marginals where the score is exact",
        ));
    }
    let dim = step.dim();
    let source = |start: &[f64]| start.chunks_exact(dim).map(|x| source.log_density(x)).collect::<Vec<f64>>();
    let how = match formula {
        Formula::Discrete => {
            let run = forward(step, batch, dim, Keep { determinants: true, ..Keep::default() })?;
            let from_start = source(&run.start);
            let log_density = from_start.iter().zip(&run.log_det).map(|(log, det)| log - det).collect();
            return Ok(Likelihood { end: run.end, log_density, standard_error: vec![0.0; from_start.len()] });
        }
        Formula::ContinuousExact => Divergence::Exact,
        Formula::ContinuousHutchinson { probes } => Divergence::Hutchinson { probes },
    };
    let run = divergence(step, batch, how)?;
    let log_density = source(&run.start).iter().zip(&run.change).map(|(log, change)| log + change).collect();
    Ok(Likelihood { end: run.end, log_density, standard_error: run.standard_error })
}
