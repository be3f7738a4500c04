//! Finite-time Lyapunov exponents and vectors (theory §4): `qr`, `svd`, covariant.

use crate::error::Result;
use crate::sweep::Chain;

/// Exact finite-time vectors of J = A_{0,τ} for every sample of a batch (k = D).
#[derive(Debug, Clone, Default)]
pub struct Svd {
    /// log σ_i, descending `[n, k]`
    pub log_values: Vec<f64>,
    /// Left singular vectors as rows, in ambient coordinates `[n, k, D]`
    pub left: Vec<f64>,
    /// Right singular vectors as rows `[n, k, D]`
    pub right: Vec<f64>,
    /// Largest relative residual ‖Jᵀu − σ v‖/σ a sample `[n]`
    pub residual: Vec<f64>,
}

/// Product SVD of the chain of every sample with its frames `start_frame[n, k, D]`, `end_frame[n, k, D]`.
pub fn svd(_chain: &Chain, _start_frame: &[f64], _end_frame: &[f64]) -> Result<Svd> {
    todo!()
}
