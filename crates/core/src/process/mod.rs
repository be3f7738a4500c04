//! Generating processes (theory §2): noising schedules, parametrisations, and the drift of a generation.
//! Time orientation lives here and nowhere else.

use crate::error::Result;
use crate::error_field::ModelError;
use crate::field::{Moment, SharedField};

/// Schedule β(u) or m(u) of a diffusion.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Schedule {
    /// β = min + u (max − min).
    Linear {
        /// β(0)
        min: f64,
        /// β(1)
        max: f64,
    },
    /// m = f(u)/f(0), f(u) = cos²((u + s)/(1 + s) π/2), s = 0.008.
    Cosine,
    /// m² = f(u)/f(0) (Nichol & Dhariwal 2021).
    CosineNd,
    /// ve: σ = σ_min (σ_max/σ_min)^u.
    Geometric {
        /// σ(0)
        sigma_min: f64,
        /// σ(1)
        sigma_max: f64,
    },
}

/// Family of the forward noising dX = a X du + g dB (theory §2, table).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// CdC eq. 9
    Ou,
    /// variance preserving
    Vp,
    /// sub-variance preserving
    SubVp,
    /// variance exploding
    Ve,
}

/// The forward noising process of a diffusion model.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Noising {
    /// Which process.
    pub family: Family,
    /// Its schedule.
    pub schedule: Schedule,
}

impl Noising {
    /// m(u).
    pub fn signal(&self, _u: f64) -> f64 {
        todo!()
    }
    /// σ(u).
    pub fn noise(&self, _u: f64) -> f64 {
        todo!()
    }
    /// a(u) = m′/m.
    pub fn decay(&self, _u: f64) -> f64 {
        todo!()
    }
    /// g²(u).
    pub fn diffusion(&self, _u: f64) -> f64 {
        todo!()
    }
}

/// The process that a model generates by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Process {
    /// Runs a noising process backward from `start` to `end` with noise level η.
    Diffusion {
        /// The forward process.
        noising: Noising,
        /// η ≥ 0: 0 the probability-flow ODE, 1 the reverse SDE.
        noise_level: f64,
    },
    /// dx = v du, u from 0 to 1.
    Flow,
}

/// What the network's output means (theory §2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Predicts {
    /// v of a flow
    Velocity,
    /// s
    Score,
    /// ε̂ = −σ s
    Noise,
    /// x̂_0 = (x + σ² s)/m
    Denoised,
    /// v̂ = m ε̂ − σ x̂_0
    V,
}

/// How the network's time follows from the process's own time u.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Clock {
    /// Affine over the process's full range: `at_noise` at the noise end (diffusion u = 1, flow u = 0), `at_data` at the other.
    Affine {
        /// network time at noise
        at_noise: f64,
        /// network time at data
        at_data: f64,
    },
    /// DDPM's integer indices: round(u·count) − 1, clipped to 0..count−1.
    Index {
        /// Number of training steps.
        count: usize,
    },
}

/// A quantity as an affine function of state and network output: `state · x + output · y`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Affine {
    /// Factor of x.
    pub state: f64,
    /// Factor of the network output y.
    pub output: f64,
}

/// Grid of model times u_n = start − n (start − end)/N, n = 0..=N (flows: start 0, end 1).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Grid {
    /// u_0
    pub start: f64,
    /// u_N
    pub end: f64,
    /// N
    pub steps: usize,
}

impl Grid {
    /// u_n.
    pub fn time(&self, n: usize) -> f64 {
        self.start - n as f64 * (self.start - self.end) / self.steps as f64
    }
    /// δt > 0, the elapsed model time of one step.
    pub fn dt(&self) -> f64 {
        (self.start - self.end).abs() / self.steps as f64
    }
}

/// The drift dx/du′ of a generation (u′ grows while generating): field + process + parametrisation + model error.
#[derive(Clone)]
pub struct Drift {
    /// The network or exact field.
    pub field: SharedField,
    /// The process.
    pub process: Process,
    /// The meaning of the field's output.
    pub predicts: Predicts,
    /// The network's time.
    pub clock: Clock,
    /// An error added to the model: the perturbed twin's drift.
    pub error: Option<ModelError>,
}

impl Drift {
    /// Checks that process, parametrisation and error fit together.
    pub fn check(&self) -> Result<()> {
        todo!()
    }
    /// The moment (network time, m, σ) at model time u.
    pub fn moment(&self, _u: f64) -> Moment {
        todo!()
    }
    /// The drift as `state · x + output · y`.
    pub fn coefficients(&self, _u: f64) -> Affine {
        todo!()
    }
    /// Score as an affine function of x and y.
    pub fn score(&self, _u: f64) -> Affine {
        todo!()
    }
    /// η g(u): the diffusion coefficient of the generation.
    pub fn noise_amplitude(&self, _u: f64) -> f64 {
        todo!()
    }
}
