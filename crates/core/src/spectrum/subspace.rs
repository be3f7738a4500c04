//! Exact leading vectors in high dimension: randomised subspace iteration with forward tangent and backward adjoint
//! sweeps along the same paths (theory §4; Halko, Martinsson and Tropp 2011, algorithm 4.4), and Rayleigh–Ritz over all that
//! the sweeps have seen ([`super::ritz`]).

use super::product::ScaledRows;
use super::ritz::Seen;
use super::svd::{Svd, svd};
use crate::error::{Error, Result};
use crate::sweep::{Pace, Shuttled, Trail, haar_frames};
use std::f64::consts::LN_10;

/// What is looked for, and how long.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Search {
    /// k ≥ 1: leading vectors wanted.
    pub vectors: usize,
    /// p: further vectors that are carried along, so that the wanted ones converge faster; at most D − k are.
    pub extra: usize,
    /// Rounds at most, ≥ 1: each is a sweep forth and one back, the first with k + p vectors.
    pub rounds: usize,
    /// A vector has converged when its residual is at most this.
    pub tolerance: f64,
    /// Seed of the random start.
    pub seed: u64,
}

impl Search {
    /// Further vectors to carry along beside k wanted ones: 16 together at least, and in eights, which networks take side by
    /// side.
    pub fn usual_extra(vectors: usize) -> usize {
        vectors.max(16).div_ceil(8).saturating_mul(8).saturating_sub(vectors)
    }
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

/// Largest log σ_1/σ_k at which all that was seen is taken together: relative errors of 1e-8 are left in one scale.
const ONE_SCALE: f64 = 8.0 * LN_10;

/// Looks for the leading vectors of a trail's paths.
///
/// The first round carries orthonormal V at x_0 forth, decomposes J V = U Σ Wᵀ in the frames of the sweep (never in one
/// scale: small singular values keep their digits), and carries U back for the residuals. For k + p = D it is exact.
/// Where σ_1/σ_k is at most 1e8, every further round carries only new directions, those in which Jᵀ leads out of what is
/// known from the vectors that have not converged, and takes the best triples of the whole space that was seen: errors
/// fall as those of block Krylov spaces, and rounds become cheaper. Where the values are further apart, a round goes on
/// from the frame that arrives, and the error of vector i falls by (σ_{k+p+1}/σ_i)².
///
/// A sample's numbers are those of the round in which all its vectors converged, and do not depend on the other samples. The
/// first round makes the frames orthonormal at every step; the later ones only where the condition of the first one's
/// frames demands it.
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
    let tolerable = search.tolerance.is_finite() && search.tolerance > 0.0;
    if k == 0 || k > dim || search.rounds == 0 || !tolerable {
        return Err(Error::invalid(
            "searching for leading vectors",
            format!("1 to {dim} vectors, at least one round, and a finite tolerance > 0"),
            format!("{k} vectors, {} rounds, tolerance {}", search.rounds, search.tolerance),
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
    let forth = trail.forth(start.clone(), None)?;
    let svd = svd(&forth.chain, &start, &forth.frame)?;
    let back = trail.back(svd.left.clone(), None)?;
    let mut paces = None;
    for sample in 0..n {
        let arrived = back.of(sample);
        let triples = Triples::of(&svd, sample, &arrived, dim);
        found.take(&triples, search, sample);
        if found.converged[sample] == k || search.rounds == 1 {
            continue;
        }
        let paces = paces.get_or_insert_with(|| [&forth, &back].map(|way| Pace::of(&way.chain)));
        let wide = triples.log_values[0] - triples.log_values[k - 1] > ONE_SCALE;
        let mut round: Box<dyn Round> = match wide {
            true => Box::new(Iteration { frame: arrived.frame }),
            false => Box::new(Seen::new(dim, &triples, &arrived)),
        };
        while found.converged[sample] < k && found.rounds[sample] < search.rounds {
            let Some(triples) = round.go(&mut Way { trail, paces, sample }, search.tolerance)? else { break };
            found.take(&triples, search, sample);
        }
    }
    Ok(found)
}

/// One sample's path, to be walked forth and back with QRs as the first round found them due.
pub(super) struct Way<'w, 'a> {
    trail: &'w mut Trail<'a>,
    paces: &'w [Pace; 2],
    sample: usize,
}

impl Way<'_, '_> {
    pub(super) fn forth(&mut self, frame: &[f64]) -> Result<Shuttled> {
        self.trail.forth_of(self.sample..self.sample + 1, frame.to_vec(), Some(&self.paces[0]))
    }

    pub(super) fn back(&mut self, frame: &[f64]) -> Result<Shuttled> {
        self.trail.back_of(self.sample..self.sample + 1, frame.to_vec(), Some(&self.paces[1]))
    }

    pub(super) fn dim(&self) -> usize {
        self.trail.step().dim()
    }
}

/// How a sample's search goes on after its first round.
pub(super) trait Round {
    /// The triples after one more round; `None` where there is nothing more to see.
    ///
    /// # Errors
    /// Those of [`Trail::forth`].
    fn go(&mut self, way: &mut Way, tolerance: f64) -> Result<Option<Triples>>;
}

/// From the frame that arrived at x_0, as it is.
struct Iteration {
    /// `[k + p, D]`
    frame: Vec<f64>,
}

impl Round for Iteration {
    fn go(&mut self, way: &mut Way, _: f64) -> Result<Option<Triples>> {
        let forth = way.forth(&self.frame)?;
        let svd = svd(&forth.chain, &self.frame, &forth.frame)?;
        let arrived = way.back(&svd.left)?;
        let triples = Triples::of(&svd, 0, &arrived, way.dim());
        self.frame = arrived.frame;
        Ok(Some(triples))
    }
}

/// Singular triples of one sample, with J v_i = σ_i u_i.
pub(super) struct Triples {
    /// log σ_i, descending `[k + p]`
    pub(super) log_values: Vec<f64>,
    /// u_i `[k + p, D]`
    pub(super) left: Vec<f64>,
    /// v_i `[k + p, D]`
    pub(super) right: Vec<f64>,
    /// ‖Jᵀu_i − σ_i v_i‖/σ_i, as in [`Leading::residuals`] `[k + p]`
    pub(super) residuals: Vec<f64>,
}

impl Triples {
    /// Those of a sample of a decomposition, and their residuals from Jᵀ U = F P with the frame F that arrived and the
    /// triangular P.
    fn of(svd: &Svd, sample: usize, arrived: &Shuttled, dim: usize) -> Triples {
        let Shuttled { frame, chain } = arrived;
        let (k, rows) = (chain.k, sample * chain.k * dim..(sample + 1) * chain.k * dim);
        let product = ScaledRows::product(k, chain.factors.chunks_exact(k * k));
        let (log_values, right) = (&svd.log_values[sample * k..][..k], &svd.right[rows.clone()]);
        let residual = |i: usize| {
            let own = i * dim..(i + 1) * dim;
            product.residual(i, log_values[i], &frame[own.clone()], &right[own])
        };
        Triples {
            residuals: (0..k).map(residual).collect(),
            log_values: log_values.to_vec(),
            left: svd.left[rows].to_vec(),
            right: right.to_vec(),
        }
    }
}

impl Leading {
    /// Notes the triples of one round of a sample.
    fn take(&mut self, triples: &Triples, search: Search, sample: usize) {
        let (n, k, carried) = (self.rounds.len(), search.vectors, triples.residuals.len());
        let dim = self.left.len() / (n * k);
        for (to, from, len) in [
            (&mut self.log_values, &triples.log_values, 1),
            (&mut self.left, &triples.left, dim),
            (&mut self.right, &triples.right, dim),
        ] {
            to[sample * k * len..][..k * len].copy_from_slice(&from[..k * len]);
        }
        self.subspace[sample * carried * dim..][..carried * dim].copy_from_slice(&triples.right);
        self.residuals[sample * k..][..k].copy_from_slice(&triples.residuals[..k]);
        self.converged[sample] =
            triples.residuals[..k].iter().take_while(|r| **r <= search.tolerance).count();
        self.rounds[sample] += 1;
    }
}
