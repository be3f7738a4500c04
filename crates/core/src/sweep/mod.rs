//! Forward sweeps: paths, frames, the chain of triangular factors, displacements. The only place with a time loop.

mod forward;
mod frames;
mod noise;

pub use forward::forward;

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
}
