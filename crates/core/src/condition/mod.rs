//! The sufficient condition for robust support (theory §9; CdC Theorem 4.3, Remark 4.5), path by path.
//!
//! Along a path every step is split into E_n, the d most sensitive directions, and E_n^⊥, with E_n frozen when it is
//! differentiated. The velocity of a step is that of the discrete map, v = (F_n − id)/δt, so that ∇v = (A_n − I)/δt
//! and ∇²v = d²F_n/δt whatever the method. Where all D vectors are followed, E_n^⊥ is the rest of the frame; elsewhere
//! it is never formed, and norms on it come from JVPs and VJPs alone.

mod expand;
mod judge;
mod lanczos;
mod rest;

pub use judge::{CROSS_RATIO, Clause, Judgement, PerClause, Stretch, judge};

use crate::error::{Error, Result};
use crate::law::Density;
use crate::sampler::Step;
use crate::sweep::{Forward, stations};
use expand::Expansion;

/// How w_n E_n = ∇ log|det A_n| · E_n was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trace {
    /// tr(A_n^{-1} ∂_e A_n) over all D directions.
    Exact,
    /// The block along E_n alone, tr((EᵀAE)^{-1} ∂_e (EᵀAE)) (CdC App. E).
    Schur,
}

impl Trace {
    /// Exact where k = D vectors are followed and D is small.
    pub fn of(vectors: usize, dim: usize) -> Trace {
        if vectors == dim && dim <= EXACT_TRACE { Trace::Exact } else { Trace::Schur }
    }
}

/// Quantities of the condition on n paths of τ steps, `[n, τ]` unless said otherwise.
#[derive(Debug, Clone, PartialEq)]
pub struct Quantities {
    /// τ
    pub steps: usize,
    /// α_n = ‖R_n‖, stretch along the sensitive subspace: what the theorem states
    pub stretch: Vec<f64>,
    /// log ‖(R_{τ−1}⋯R_n)^{-1}‖^{-1}, least stretch from step n to the end: what its proof needs
    pub log_least_stretch: Vec<f64>,
    /// β_n = ‖A_n E_n^⊥‖, stretch of the rest
    pub rest: Vec<f64>,
    /// ‖(I − EEᵀ) ∇v E‖
    pub cross_out: Vec<f64>,
    /// ‖Eᵀ ∇v (I − EEᵀ)‖
    pub cross_in: Vec<f64>,
    /// The larger of ‖Eᵀ ∇v E‖ and ‖(I − EEᵀ) ∇v (I − EEᵀ)‖
    pub block: Vec<f64>,
    /// ‖(I + δt ∇_d v_d)^{-1} ∇²_d v_d‖, the norm of the d × d² matrix: exact for d = 1, above the norm of the bilinear
    /// map else
    pub curvature: Vec<f64>,
    /// Σ log R_ii over all vectors followed, the log volume `[n]`
    pub log_volume: Vec<f64>,
    /// p_τ from p_0 = 0 `[n, d]`
    pub score_from_zero: Vec<f64>,
    /// p_τ from p_0 = s_0 E_0 `[n, d]`, which is s_τ E_τ with an exact trace; empty where the source has no density
    pub score_from_source: Vec<f64>,
    /// How the score recursion differentiated the volume.
    pub trace: Trace,
}

/// Stands for norms without bound, as where EᵀAE is singular; small enough that means stay finite.
const LARGEST: f64 = 1e200;
/// Largest D at which the volume is differentiated exactly.
const EXACT_TRACE: usize = 16;

/// The quantities along the paths of a sweep of `step` that kept path, frames, chain and noise, for the first d of its k
/// vectors; `source` is the law of x_0.
///
/// # Errors
/// [`Error::Invalid`] unless 1 ≤ d ≤ k and d < D, if something was not kept, or where the field has no exact second
/// order.
pub fn quantities(step: &Step, run: &Forward, d: usize, source: Option<&dyn Density>) -> Result<Quantities> {
    let (dim, k) = (step.dim(), run.chain.k);
    if d == 0 || d > k || d >= dim {
        return Err(Error::invalid(
            "evaluating the sufficient condition",
            format!("a sensitive subspace of 1 to {} of the {k} vectors in dimension {dim}", k.min(dim - 1)),
            format!("dimension {d}"),
            "Follow more vectors, or use a support of another dimension",
        ));
    }
    let n = run.chain.samples;
    let mut found = Quantities::empty(n, step.grid.steps, d, Trace::of(k, dim));
    found.score_from_source = source.map_or_else(Vec::new, |law| start_components(law, run, d, k, dim));
    let mut expansion = Expansion::new(step, n, d, k, found.trace);
    stations(step, run, &mut |station| expansion.visit(station, &mut found))?;
    least_stretch(run, d, &mut found);
    found.log_volume = run.log_growth.chunks_exact(k).map(|growth| growth.iter().sum()).collect();
    Ok(found)
}

impl Quantities {
    fn empty(n: usize, steps: usize, d: usize, trace: Trace) -> Self {
        let zeros = || vec![0.0; n * steps];
        Quantities {
            steps,
            stretch: zeros(),
            log_least_stretch: zeros(),
            rest: zeros(),
            cross_out: zeros(),
            cross_in: zeros(),
            block: zeros(),
            curvature: zeros(),
            log_volume: Vec::new(),
            score_from_zero: vec![0.0; n * d],
            score_from_source: Vec::new(),
            trace,
        }
    }
}

/// s_0 E_0 `[n, d]`.
fn start_components(law: &dyn Density, run: &Forward, d: usize, k: usize, dim: usize) -> Vec<f64> {
    let mut score = vec![0.0; dim];
    let mut components = Vec::with_capacity(run.chain.samples * d);
    for (x, frame) in run.start.chunks_exact(dim).zip(run.start_frame.chunks_exact(k * dim)) {
        law.score(x, &mut score);
        components.extend(frame.chunks_exact(dim).take(d).map(|e| crate::linalg::dot(e, &score)));
    }
    components
}

/// ‖(R_{τ−1}⋯R_n)^{-1}‖^{-1} by the product of the inverses, kept in range by powers of two.
fn least_stretch(run: &Forward, d: usize, found: &mut Quantities) {
    let (k, samples, steps) = (run.chain.k, run.chain.samples, found.steps);
    for sample in 0..samples {
        // (R_{τ−1}⋯R_n)^{-1} = R_n^{-1} ⋯ R_{τ−1}^{-1}
        let mut inverse: Vec<f64> = (0..d * d).map(|i| f64::from(u8::from(i / d == i % d))).collect();
        let mut log = 0.0;
        for n in (0..steps).rev() {
            let r = &run.chain.factors[(n * samples + sample) * k * k..][..k * k];
            solve_upper(d, k, r, &mut inverse);
            let norm = crate::linalg::spectral_norm(d, &inverse);
            inverse.iter_mut().for_each(|v| *v /= norm);
            log += norm.ln();
            found.log_least_stretch[sample * steps + n] = -log;
        }
    }
}

/// S ← R^{-1} S with the leading d × d block of R `[k, k]`.
fn solve_upper(d: usize, k: usize, r: &[f64], s: &mut [f64]) {
    for i in (0..d).rev() {
        for column in 0..d {
            let sum: f64 = (i + 1..d).map(|l| r[i * k + l] * s[l * d + column]).sum();
            s[i * d + column] = (s[i * d + column] - sum) / r[i * k + i];
        }
    }
}
