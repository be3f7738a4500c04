//! How a generation carries its own density along a path: the pathwise score and the response to errors (theory §7).
//!
//! With w_n = ∇ log|det A_n| the score obeys s_{n+1} = (s_n − w_n) A_n^{-1}, and an error changes the log density at
//! x_τ by −Σ [tr(db_n A_n^{-1}) + s_{n+1}·b_n]. For k = D frames hold it all: the rows of A_n^{-1} in the frame E_n are
//! a_j = (R_n^{-1} E_{n+1}ᵀ)_j, and with p_n = s_n E_n
//!
//! ```text
//! p_{n+1} = (p_n − w_n E_n) R_n^{-1},   (w_n E_n)_i = Σ_j a_j · d²F_n[e_i, e_j],   tr(db_n A_n^{-1}) = Σ_j a_j · db_n e_j.
//! ```
//!
//! Nothing but the present step is kept, so that memory does not grow with the number of steps.

use super::check_finite;
use super::frames::Frames;
use crate::error::Result;
use crate::law::Density;
use crate::linalg::{axpy, dot};
use crate::sampler::{Directions, SecondRows, Step, StepNoise};

/// The density that a generation has carried to its end, path by path.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PathDensity {
    /// log ρ_0(x_0) `[n]`
    pub log_source: Vec<f64>,
    /// s_τ by the recursion `[n, D]`: the score of the generated density where the sampler is deterministic, else that
    /// of the density given the noise Ξ
    pub score: Vec<f64>,
    /// δ log ρ_τ(x_τ) per unit of each forcing error `[n, e]`; given Ξ for a stochastic sampler
    pub response: Vec<f64>,
    /// Standard error of the score over random probes `[n, D]`; empty where it is exact
    pub score_error: Vec<f64>,
    /// Standard error of the response over random probes `[n, e]`; empty where it is exact
    pub response_error: Vec<f64>,
}

/// The recursion under way.
pub(super) struct Carried {
    layout: SecondRows,
    /// (i, j) with i ≤ j
    pairs: Vec<[usize; 2]>,
    /// E_n `[n, D, D]`
    frames: Vec<f64>,
    /// What [`Step::advance_second`] answered `[n, R, D]`
    rows: Vec<f64>,
    /// p_n `[n, D]`
    components: Vec<f64>,
    found: PathDensity,
    /// R^{-1}, then a_j, of one sample
    inverse: Vec<f64>,
    dual: Vec<f64>,
}

impl Carried {
    /// At x_0 `[n, D]` with frames E_0.
    ///
    /// # Errors
    /// [`crate::Error::NonFinite`] where the source has no finite density.
    pub(super) fn new(
        step: &Step,
        source: &dyn Density,
        x: &[f64],
        frames: &Frames,
        first_sample: usize,
    ) -> Result<Self> {
        let dim = step.dim();
        let samples = x.len() / dim;
        let pairs: Vec<[usize; 2]> = (0..dim).flat_map(|i| (i..dim).map(move |j| [i, j])).collect();
        let layout = step.second_rows(dim, pairs.len());
        let mut score = vec![0.0; x.len()];
        for (x, score) in x.chunks_exact(dim).zip(score.chunks_exact_mut(dim)) {
            source.score(x, score);
        }
        let log_source: Vec<f64> = x.chunks_exact(dim).map(|x| source.log_density(x)).collect();
        check_finite("log-density of the source", &log_source, 1, first_sample, 0)?;
        check_finite("score of the source", &score, dim, first_sample, 0)?;
        let rows = frames.rows.chunks_exact(dim * dim).zip(score.chunks_exact(dim));
        let components =
            rows.flat_map(|(frame, score)| frame.chunks_exact(dim).map(move |e| dot(e, score))).collect();
        Ok(Carried {
            layout,
            pairs,
            frames: vec![0.0; samples * dim * dim],
            rows: vec![0.0; samples * layout.count() * dim],
            components,
            found: PathDensity {
                log_source,
                score,
                response: vec![0.0; samples * step.forcing.len()],
                ..PathDensity::default()
            },
            inverse: vec![0.0; dim * dim],
            dual: vec![0.0; dim * dim],
        })
    }

    /// Takes the step: the next state, A_n E_n into the frames, and A_n ζ_n + b_n into the displacements.
    pub(super) fn advance(
        &mut self,
        (step, n): (&Step, usize),
        (x, noise): (&[f64], StepNoise),
        next: &mut [f64],
        frames: &mut Frames,
        displacement: &mut [f64],
    ) -> Result<()> {
        let (dim, layout) = (step.dim(), self.layout);
        self.frames.copy_from_slice(&frames.rows);
        let directions = Directions { v: &self.frames, pairs: &self.pairs };
        step.advance_second(n, x, noise, directions, next, &mut self.rows)?;
        let forced = (layout.forcings * dim).max(1);
        for (sample, rows) in self.rows.chunks_exact(layout.count() * dim).enumerate() {
            let tangents = &rows[..dim * dim];
            frames.rows[sample * dim * dim..][..dim * dim].copy_from_slice(tangents);
            let frame = &self.frames[sample * dim * dim..][..dim * dim];
            let zetas = displacement.chunks_exact_mut(forced).nth(sample).unwrap_or_default();
            for (e, zeta) in zetas.chunks_exact_mut(dim).enumerate() {
                let old = zeta.to_vec();
                zeta.copy_from_slice(&rows[layout.forced(e) * dim..][..dim]);
                for (direction, tangent) in frame.chunks_exact(dim).zip(tangents.chunks_exact(dim)) {
                    axpy(zeta, dot(direction, &old), tangent);
                }
            }
        }
        Ok(())
    }

    /// After the frames were orthonormalised: p_{n+1}, and the step's share of the response.
    pub(super) fn absorb(
        &mut self,
        dim: usize,
        frames: &Frames,
        (first_sample, n): (usize, usize),
    ) -> Result<()> {
        let layout = self.layout;
        for (sample, rows) in self.rows.chunks_exact(layout.count() * dim).enumerate() {
            let frame = &frames.rows[sample * dim * dim..][..dim * dim];
            invert_triangular(dim, &frames.factor[sample * dim * dim..][..dim * dim], &mut self.inverse);
            self.dual.fill(0.0);
            for (dual, coefficients) in self.dual.chunks_exact_mut(dim).zip(self.inverse.chunks_exact(dim)) {
                let parts = coefficients.iter().zip(frame.chunks_exact(dim));
                parts.for_each(|(factor, e)| axpy(dual, *factor, e));
            }
            let row = |index: usize| &rows[index * dim..][..dim];
            let dual = |j: usize| &self.dual[j * dim..][..dim];
            let p = &mut self.components[sample * dim..][..dim];
            for (index, &[i, j]) in self.pairs.iter().enumerate() {
                let curvature = row(layout.pair(index));
                p[i] -= dot(dual(j), curvature);
                if i != j {
                    p[j] -= dot(dual(i), curvature);
                }
            }
            times_triangular(dim, p, &self.inverse);
            for e in 0..layout.forcings {
                let trace: f64 = (0..dim).map(|j| dot(dual(j), row(layout.slope(e, j)))).sum();
                let b = row(layout.forced(e));
                let along: f64 = frame.chunks_exact(dim).zip(&*p).map(|(e, p)| p * dot(e, b)).sum();
                self.found.response[sample * layout.forcings + e] -= trace + along;
            }
        }
        check_finite("pathwise score", &self.components, dim, first_sample, n)?;
        check_finite("response", &self.found.response, layout.forcings, first_sample, n)
    }

    /// s_τ = p_τ E_τᵀ.
    pub(super) fn finish(mut self, dim: usize, frames: &Frames) -> PathDensity {
        let samples = frames.rows.chunks_exact(dim * dim).zip(self.components.chunks_exact(dim));
        for ((frame, p), score) in samples.zip(self.found.score.chunks_exact_mut(dim)) {
            score.fill(0.0);
            frame.chunks_exact(dim).zip(p).for_each(|(e, p)| axpy(score, *p, e));
        }
        self.found
    }
}

/// Inverse of an upper triangular matrix with positive diagonal, row-major.
fn invert_triangular(dim: usize, r: &[f64], out: &mut [f64]) {
    out.fill(0.0);
    for j in 0..dim {
        out[j * dim + j] = 1.0 / r[j * dim + j];
        for i in (0..j).rev() {
            let sum: f64 = (i + 1..=j).map(|l| r[i * dim + l] * out[l * dim + j]).sum();
            out[i * dim + j] = -sum / r[i * dim + i];
        }
    }
}

/// p ← p S for an upper triangular S.
fn times_triangular(dim: usize, p: &mut [f64], s: &[f64]) {
    for j in (0..dim).rev() {
        p[j] = (0..=j).map(|i| p[i] * s[i * dim + j]).sum();
    }
}
