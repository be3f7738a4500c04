//! Exact leading vectors in high dimension: randomised subspace iteration with forward tangent and backward adjoint
//! sweeps along the same paths (theory §4; Halko, Martinsson and Tropp 2011, algorithm 4.4).

use super::product::Tile;
use super::svd::{Svd, svd};
use crate::error::{Error, Result};
use crate::sweep::{Pace, Shuttled, Trail, haar_frames};

/// What is looked for, and how long.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Search {
    /// k ≥ 1: leading vectors wanted.
    pub vectors: usize,
    /// p: further vectors that are carried along, so that the wanted ones converge faster; at most D − k are.
    pub extra: usize,
    /// Rounds at most, ≥ 1: each is a sweep forth and one back with k + p vectors.
    pub rounds: usize,
    /// A vector has converged when its residual is at most this.
    pub tolerance: f64,
    /// Seed of the random start.
    pub seed: u64,
}

/// The k leading singular triples of J = A_{0,τ} of n samples, each with its certificate.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Leading {
    /// log σ_i, descending `[n, k]`
    pub log_values: Vec<f64>,
    /// Left singular vectors u_i as rows, at x_τ `[n, k, D]`
    pub left: Vec<f64>,
    /// Right singular vectors v_i as rows, at x_0 `[n, k, D]`
    pub right: Vec<f64>,
    /// ‖Jᵀu_i − σ_i v_i‖/σ_i `[n, k]`, while J v_i = σ_i u_i to rounding; the part along v_j counts relative to
    /// max(σ_i, σ_j), as in [`Svd::residual`].
    pub residuals: Vec<f64>,
    /// Leading vectors that have all converged `[n]`; k where the search is complete.
    pub converged: Vec<usize>,
    /// Rounds that a sample took `[n]`
    pub rounds: Vec<usize>,
    /// Right singular vectors of all that were carried `[n, k + p, D]`: where a search along paths like these can set out
    pub subspace: Vec<f64>,
}

impl Leading {
    /// The largest residual of every sample's k ≥ 1 vectors `[n]`.
    pub fn largest_residuals(&self, k: usize) -> Vec<f64> {
        let largest = |residuals: &[f64]| residuals.iter().copied().fold(0.0, f64::max);
        self.residuals.chunks_exact(k).map(largest).collect()
    }
}

/// Looks for the leading vectors of a trail's paths.
///
/// A round carries orthonormal V at x_0 forth, decomposes J V = U Σ Wᵀ in the frames of the sweep (never in one scale:
/// small singular values keep their digits), carries U back for the residuals, and goes on from the frame that arrives.
/// The error of vector i falls by (σ_{k+p+1}/σ_i)² a round. For k + p = D the first round is exact. A sample's numbers
/// are those of the round in which all its vectors converged, and do not depend on the other samples. The first round makes
/// the frames orthonormal at every step; the later ones only where the condition of the first one's frames demands it.
///
/// # Errors
/// [`Error::Invalid`] for no vector, more than D, no round, or a step with errors that ride along;
/// [`Error::NonFinite`] when a tangent leaves the finite numbers or a direction collapses.
pub fn leading(trail: &mut Trail, search: Search) -> Result<Leading> {
    let carried = (search.vectors + search.extra).min(trail.step().dim());
    let start = haar_frames(search.seed, trail.samples(), trail.step().dim(), carried);
    leading_from(trail, start, search)
}

/// [`leading`] from orthonormal rows `start[n, k + p, D]` at x_0 in place of random ones: those that a search with fewer
/// steps found save rounds.
///
/// # Errors
/// Those of [`leading`]; [`Error::Invalid`] if the length of `start` does not fit.
pub fn leading_from(trail: &mut Trail, start: Vec<f64>, search: Search) -> Result<Leading> {
    let (dim, n, k) = (trail.step().dim(), trail.samples().len(), search.vectors);
    if k == 0 || k > dim || search.rounds == 0 {
        return Err(Error::invalid(
            "searching for leading vectors",
            format!("1 to {dim} vectors and at least one round"),
            format!("{k} vectors, {} rounds", search.rounds),
            "Ask for other numbers",
        ));
    }
    let carried = start.len() / (n * dim).max(1);
    if carried < k {
        return Err(Error::invalid(
            "searching for leading vectors",
            format!("at least {k} vectors a sample to set out from"),
            format!("{} numbers for {n} samples in dimension {dim}", start.len()),
            "Give orthonormal rows for every sample",
        ));
    }
    let mut found = Leading {
        log_values: vec![0.0; n * k],
        left: vec![0.0; n * k * dim],
        right: vec![0.0; n * k * dim],
        residuals: vec![0.0; n * k],
        converged: vec![0; n],
        rounds: vec![0; n],
        subspace: vec![0.0; n * carried * dim],
    };
    let mut frame = start;
    let mut paces: Option<[Pace; 2]> = None;
    for _ in 0..search.rounds {
        if found.converged.iter().all(|converged| *converged == k) {
            break;
        }
        let forth = trail.forth(frame.clone(), paces.as_ref().map(|[forth, _]| forth))?;
        let triples = svd(&forth.chain, &frame, &forth.frame)?;
        let back = trail.back(triples.left.clone(), paces.as_ref().map(|[_, back]| back))?;
        paces.get_or_insert_with(|| [&forth, &back].map(|way| Pace::of(&way.chain)));
        for sample in 0..n {
            if found.converged[sample] < k {
                let residuals = residuals(&triples, &back, dim, sample);
                found.take(&triples, &residuals, search, sample);
            }
        }
        frame = back.frame;
    }
    Ok(found)
}

/// The residuals of all vectors that are carried, from Jᵀ U = F P with the frame F that arrived and the triangular P.
fn residuals(triples: &Svd, back: &Shuttled, dim: usize, sample: usize) -> Vec<f64> {
    let Shuttled { frame, chain } = back;
    let k = chain.k;
    let product = Tile::of(k, &chain.factors, chain.samples, &[sample]).product(0);
    let arrived = &frame[sample * k * dim..][..k * dim];
    let right = &triples.right[sample * k * dim..][..k * dim];
    let log_values = &triples.log_values[sample * k..][..k];
    (0..k)
        .map(|i| {
            let own = i * dim..(i + 1) * dim;
            product.residual(i, log_values[i], &arrived[own.clone()], &right[own])
        })
        .collect()
}

impl Leading {
    /// Notes the vectors of one round of a sample.
    fn take(&mut self, triples: &Svd, residuals: &[f64], search: Search, sample: usize) {
        let (n, k, carried) = (self.rounds.len(), search.vectors, residuals.len());
        let dim = self.left.len() / (n * k);
        for (to, from, len) in [
            (&mut self.log_values, &triples.log_values, 1),
            (&mut self.left, &triples.left, dim),
            (&mut self.right, &triples.right, dim),
        ] {
            to[sample * k * len..][..k * len].copy_from_slice(&from[sample * carried * len..][..k * len]);
        }
        let all = sample * carried * dim..(sample + 1) * carried * dim;
        self.subspace[all.clone()].copy_from_slice(&triples.right[all]);
        self.residuals[sample * k..][..k].copy_from_slice(&residuals[..k]);
        self.converged[sample] = residuals[..k].iter().take_while(|r| **r <= search.tolerance).count();
        self.rounds[sample] += 1;
    }
}
