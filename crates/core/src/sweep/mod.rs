//! Sweeps: paths, frames, the chain of triangular factors, displacements, adjoints. The only place with a time loop.

mod adjoint;
mod density;
mod divergence;
mod encode;
mod forward;
mod frames;
mod noise;
mod pace;
mod probed;
mod shuttle;
mod stations;

pub use adjoint::{Backstep, Backward, Storage, Trail};
pub use density::PathDensity;
pub use divergence::{Divergence, LogChange, divergence};
pub use encode::{Encoded, Undo, encode};
pub use forward::{forward, forward_density, forward_given, forward_probed, starts};
pub(crate) use frames::haar_frames;
pub use pace::Pace;
pub use probed::Probes;
pub use shuttle::Shuttled;
pub use stations::{Station, stations};

use crate::error::{Error, Result};
use crate::law::Law;
use std::ops::Range;

/// What a forward sweep keeps besides the end state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Keep {
    /// x_n for n = 0..=τ.
    pub path: bool,
    /// E_n for n = 0..=τ.
    pub frames: bool,
    /// R_n for n = 0..τ.
    pub chain: bool,
    /// Σ log|det A_n|, where k = D.
    pub determinants: bool,
    /// The noise Ξ of all steps, so that the path can be walked backwards.
    pub noise: bool,
}

/// An error known only along unperturbed paths ([`crate::error_field::Chi::Given`]): χ_n of every step and sample of a
/// batch, ∞-norm or 2-norm 1 as its maker says.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PathError {
    /// χ_n `[τ, n, D]`
    pub vectors: Vec<f64>,
}

/// Which sample paths, with which random numbers.
#[derive(Clone)]
pub struct Batch<'a> {
    /// Law of x_0.
    pub source: &'a dyn Law,
    /// Seed of the run.
    pub seed: u64,
    /// Indices of the samples in the whole run.
    pub samples: Range<usize>,
    /// Noise of the path: as drawn, merged (coarser grid) or bridged (finer grid).
    pub refinement: Refinement,
}

/// How the noise Ξ of a grid relates to that of the run's own grid of N steps. All share one Brownian path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refinement {
    /// N steps.
    Own,
    /// N / factor steps: sums of `factor` consecutive vectors over √factor.
    Coarser(usize),
    /// 2 N steps: Brownian bridge.
    Doubled,
}

/// The chain R_0 … R_{τ−1} of one sample or of a batch: `r[step, sample, k, k]` row-major upper triangular, positive diagonal.
#[derive(Debug, Clone, Default)]
pub struct Chain {
    /// k
    pub k: usize,
    /// n
    pub samples: usize,
    /// Factors `[τ, n, k, k]`.
    pub factors: Vec<f64>,
}

/// What a forward sweep of n samples found; `k` frame rows, `e` forced rows.
#[derive(Debug, Clone, Default)]
pub struct Forward {
    /// x_0 `[n, D]`
    pub start: Vec<f64>,
    /// x_τ `[n, D]`
    pub end: Vec<f64>,
    /// E_0 `[n, k, D]` (rows are the vectors)
    pub start_frame: Vec<f64>,
    /// E_τ `[n, k, D]`
    pub end_frame: Vec<f64>,
    /// Σ log R_ii `[n, k]`
    pub log_growth: Vec<f64>,
    /// Σ log|det A_n| `[n]`, by LU of A_n E_n; empty unless k = D and kept
    pub log_det: Vec<f64>,
    /// ζ_τ `[n, e, D]` per unit size
    pub displacement: Vec<f64>,
    /// x_n `[τ+1, n, D]` if kept
    pub path: Vec<f64>,
    /// E_n `[τ+1, n, k, D]` if kept
    pub frames: Vec<f64>,
    /// R_n if kept
    pub chain: Chain,
    /// The noise of every step if kept
    pub noise: PathNoise,
    /// The density carried along, by [`forward_density`]
    pub density: Option<PathDensity>,
}

/// The random numbers of a batch of paths, step by step.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PathNoise {
    /// Standard normal `[τ, n, noises, D]`
    pub xi: Vec<f64>,
    /// Standard normal `[τ, n, D]` of a white model error; empty if there is none
    pub white: Vec<f64>,
}

/// Refuses numbers that are not finite; `len` of them belong to a sample.
fn check_finite(
    quantity: &'static str,
    values: &[f64],
    len: usize,
    first_sample: usize,
    step: usize,
) -> Result<()> {
    // 0 · x is 0 for every finite x and NaN for the others.
    if values.iter().fold(0.0, |sum, value| sum + 0.0 * value) == 0.0 {
        return Ok(());
    }
    match values.iter().position(|value| !value.is_finite()) {
        None => Ok(()),
        Some(index) => {
            let sample = first_sample + index / len;
            Err(Error::NonFinite { quantity, sample, step, value: values[index] })
        }
    }
}
