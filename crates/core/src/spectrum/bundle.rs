//! The tangent bundle that a generation learns: leading left singular vectors at generated or given points (theory §10).

use super::subspace::{Search, leading};
use super::svd::svd;
use crate::error::Result;
use crate::sampler::Step;
use crate::sweep::{Batch, Keep, Storage, Trail, forward};

/// Singular vectors of J = A_{0,τ} of n samples; the leading d of a sample span T̂ at its point.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Bundle {
    /// x_τ `[n, D]`
    pub points: Vec<f64>,
    /// log σ_i, descending `[n, k]`
    pub log_values: Vec<f64>,
    /// u_i as rows `[n, k, D]`
    pub vectors: Vec<f64>,
    /// Largest relative residual of a sample's vectors `[n]`
    pub residual: Vec<f64>,
}

/// The leading vectors of a batch of paths, from the chain of a sweep for k = D and by search else.
///
/// # Errors
/// Those of [`forward`], [`svd`] and [`leading`].
pub fn bundle(step: &Step, batch: &Batch, search: Search, storage: Storage) -> Result<Bundle> {
    let k = search.vectors;
    if k == step.dim() {
        let run = forward(step, batch, k, Keep { chain: true, ..Keep::default() })?;
        let found = svd(&run.chain, &run.start_frame, &run.end_frame)?;
        let (log_values, vectors, residual) = (found.log_values, found.left, found.residual);
        return Ok(Bundle { points: run.end, log_values, vectors, residual });
    }
    let mut trail = Trail::record(step, batch, storage)?;
    let found = leading(&mut trail, search)?;
    Ok(Bundle {
        points: trail.end().to_vec(),
        residual: found.largest_residuals(k),
        log_values: found.log_values,
        vectors: found.left,
    })
}
