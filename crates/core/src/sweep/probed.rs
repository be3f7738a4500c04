//! How a generation carries its own density along a path where D is large: the score and the response of
//! [`super::density`] with the derivative of the volume from probes (Hutchinson 1990; theory §7).
//!
//! With z a probe (E z zᵀ = I) and y = A_n^{-T} z,
//!
//! ```text
//! w_n = ∇ log|det A_n| = E (d²F_n[z, ·])ᵀ y,   tr(db_n A_n^{-1}) = E y·db_n z,   A_nᵀ s_{n+1} = s_n − w_n.
//! ```
//!
//! Every probe carries a score and a response of its own. All is affine in w_n, so their means are unbiased, and their
//! spread gives the standard errors. Probes are drawn anew at every step, so that their errors average out along a path.
//! Systems with A_nᵀ are triangular where all D vectors are followed, A_n E_n = E_{n+1} R_n; else GMRES solves them.

use super::density::PathDensity;
use super::frames::Frames;
use super::{Batch, check_finite};
use crate::error::{Error, Result};
use crate::law::Density;
use crate::linalg::{axpy, dot, gmres};
use crate::random::{Purpose, Stream, random_signs, stream};
use crate::sampler::{SecondCotangents, Step, StepNoise};

/// Along which vectors the volume of a step is differentiated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Probes {
    /// The D unit vectors: exact.
    Units,
    /// Vectors of independent random signs, anew at every step: unbiased, with standard errors.
    Signs {
        /// Probes a sample and step, at least 2.
        count: usize,
    },
}

impl Probes {
    /// Signs, or the unit vectors where these are no more.
    pub fn of(count: usize, dim: usize) -> Probes {
        if count < dim { Probes::Signs { count } } else { Probes::Units }
    }

    /// Vectors a sample and step.
    fn rows(self, dim: usize) -> usize {
        match self {
            Probes::Units => dim,
            Probes::Signs { count } => count,
        }
    }

    /// Scores and responses carried along: one a probe, or one for all unit vectors together.
    fn estimates(self) -> usize {
        match self {
            Probes::Units => 1,
            Probes::Signs { count } => count,
        }
    }
}

/// The recursion under way; m probes and c estimates a sample.
pub(super) struct Probed {
    probes: Probes,
    first_sample: usize,
    /// One a sample; none for unit vectors
    streams: Vec<Stream>,
    /// z and y `[n, m, D]`
    z: Vec<f64>,
    y: Vec<f64>,
    gradient: Vec<f64>,
    /// y·db_n z `[n, m, e]`
    slopes: Vec<f64>,
    /// b_n `[n, e, D]`
    forced: Vec<f64>,
    /// s_n, and s_n − w_n `[n, c, D]`
    scores: Vec<f64>,
    rest: Vec<f64>,
    /// δ log ρ so far `[n, c, e]`
    responses: Vec<f64>,
    /// E_n `[n, k, D]`, kept over a step where k = D
    frames: Vec<f64>,
    log_source: Vec<f64>,
}

/// One step that was taken: from x_n with its noise.
#[derive(Clone, Copy)]
pub(super) struct Taken<'a> {
    pub(super) step: &'a Step,
    pub(super) n: usize,
    /// x_n `[n, D]`
    pub(super) x: &'a [f64],
    pub(super) noise: StepNoise<'a>,
}

impl Probed {
    /// At x_0 `[n, D]`.
    ///
    /// # Errors
    /// [`Error::NonFinite`] where the source has no finite density; [`Error::Invalid`] for fewer than two probes.
    pub(super) fn new(
        step: &Step,
        batch: &Batch,
        source: &dyn Density,
        x: &[f64],
        probes: Probes,
    ) -> Result<Self> {
        if let Probes::Signs { count: count @ 0..2 } = probes {
            return Err(Error::invalid(
                "carrying the density along paths",
                "at least 2 probes, so that there is a standard error",
                count.to_string(),
                "Take more probes",
            ));
        }
        let (dim, n, forcings) = (step.dim(), batch.samples.len(), step.forcing.len());
        let (rows, estimates, first_sample) = (probes.rows(dim), probes.estimates(), batch.samples.start);
        let mut score = vec![0.0; x.len()];
        x.chunks_exact(dim).zip(score.chunks_exact_mut(dim)).for_each(|(x, s)| source.score(x, s));
        let log_source: Vec<f64> = x.chunks_exact(dim).map(|x| source.log_density(x)).collect();
        check_finite("log-density of the source", &log_source, 1, first_sample, 0)?;
        check_finite("score of the source", &score, dim, first_sample, 0)?;
        let scores: Vec<f64> = score
            .chunks_exact(dim)
            .flat_map(|s| std::iter::repeat_n(s, estimates).flatten().copied())
            .collect();
        let mut z = vec![0.0; n * rows * dim];
        if probes == Probes::Units {
            for z in z.chunks_exact_mut(dim * dim) {
                z.iter_mut().step_by(dim + 1).for_each(|z| *z = 1.0);
            }
        }
        let of_sample = |i: usize| stream(batch.seed, i as u64, Purpose::Probe);
        let streams = if probes == Probes::Units { 0..0 } else { batch.samples.clone() };
        Ok(Probed {
            probes,
            first_sample,
            streams: streams.map(of_sample).collect(),
            y: z.clone(),
            gradient: z.clone(),
            z,
            slopes: vec![0.0; n * rows * forcings],
            forced: vec![0.0; n * forcings * dim],
            rest: scores.clone(),
            scores,
            responses: vec![0.0; n * estimates * forcings],
            frames: Vec::new(),
            log_source,
        })
    }

    /// Before a step: keeps E_n.
    pub(super) fn hold(&mut self, frames: &Frames) {
        if frames.is_square() {
            self.frames.clone_from(&frames.rows);
        }
    }

    /// After a step and its QR: s_{n+1}, and the step's share of the response.
    pub(super) fn absorb(&mut self, taken: Taken, frames: &Frames) -> Result<()> {
        let Taken { step, n, x, noise } = taken;
        let (dim, forcings) = (step.dim(), step.forcing.len());
        let (rows, estimates) = (self.probes.rows(dim), self.probes.estimates());
        for (rng, z) in self.streams.iter_mut().zip(self.z.chunks_exact_mut(rows * dim)) {
            random_signs(rng, z);
        }
        let system = System { taken, old: &self.frames, frames };
        system.solve(&self.z, &mut self.y, self.first_sample)?;
        let (gradient, slopes) = (&mut self.gradient[..], &mut self.slopes[..]);
        step.advance_second_adjoint(
            n,
            x,
            noise,
            SecondCotangents { z: &self.z, y: &self.y, gradient, slopes },
        )?;
        self.rest.copy_from_slice(&self.scores);
        let shared = rows / estimates;
        for (row, gradient) in self.gradient.chunks_exact(dim).enumerate() {
            axpy(&mut self.rest[row / shared * dim..][..dim], -1.0, gradient);
        }
        system.solve(&self.rest, &mut self.scores, self.first_sample)?;
        check_finite("pathwise score", &self.scores, estimates * dim, self.first_sample, n)?;
        if forcings == 0 {
            return Ok(());
        }
        step.forced(n, x, noise, &mut self.forced);
        for (row, slope) in self.slopes.iter().enumerate() {
            self.responses[row / forcings / shared * forcings + row % forcings] -= slope;
        }
        let responses = self.responses.chunks_exact_mut(forcings).zip(self.scores.chunks_exact(dim));
        for (index, (responses, score)) in responses.enumerate() {
            let b = &self.forced[index / estimates * forcings * dim..][..forcings * dim];
            responses.iter_mut().zip(b.chunks_exact(dim)).for_each(|(sum, b)| *sum -= dot(score, b));
        }
        check_finite("response", &self.responses, estimates * forcings, self.first_sample, n)
    }

    /// Means over the estimates, with their standard errors where there are several.
    pub(super) fn finish(self, dim: usize) -> PathDensity {
        let (estimates, n) = (self.probes.estimates(), self.log_source.len());
        let forcings = self.responses.len().checked_div(n * estimates).unwrap_or(0);
        let (score, score_error) = means(&self.scores, estimates, dim);
        let (response, response_error) = means(&self.responses, estimates, forcings);
        PathDensity { log_source: self.log_source, score, response, score_error, response_error }
    }
}

/// Means over c of `[n, c, len]` with their standard errors; none for c = 1.
fn means(values: &[f64], c: usize, len: usize) -> (Vec<f64>, Vec<f64>) {
    if c == 1 || len == 0 {
        return (values.to_vec(), Vec::new());
    }
    let estimates = values.chunks_exact(c * len).flat_map(|sample| {
        (0..len).map(move |i| {
            let own = || sample.iter().skip(i).step_by(len);
            let mean = own().sum::<f64>() / c as f64;
            let square: f64 = own().map(|v| (v - mean).powi(2)).sum();
            (mean, (square / ((c - 1) * c) as f64).sqrt())
        })
    });
    estimates.unzip()
}

/// Systems with A_nᵀ.
struct System<'a> {
    taken: Taken<'a>,
    /// E_n where k = D
    old: &'a [f64],
    /// E_{n+1} and R_n
    frames: &'a Frames,
}

impl System<'_> {
    /// A_nᵀ y = z for the rows of `z[n, m, D]`.
    fn solve(&self, z: &[f64], y: &mut [f64], first_sample: usize) -> Result<()> {
        let Taken { step, n, x, noise } = self.taken;
        let dim = step.dim();
        if self.frames.is_square() {
            self.solve_triangular(dim, z, y);
            return Ok(());
        }
        let mut apply = |u: &[f64], out: &mut [f64]| step.advance_adjoint(n, x, noise, u, out);
        gmres(dim, &mut apply, z, y).map_err(|left| Error::Unsolved {
            sample: first_sample + left.row / (z.len() / x.len()),
            step: n,
            residual: left.residual,
        })
    }

    /// Rᵀ c = E_n z, y = E_{n+1}ᵀ c with the rows of the frames.
    fn solve_triangular(&self, dim: usize, z: &[f64], y: &mut [f64]) {
        let samples = self.old.len() / (dim * dim);
        let rows = z.len() / dim / samples.max(1);
        let mut c = vec![0.0; dim];
        for (row, (z, y)) in z.chunks_exact(dim).zip(y.chunks_exact_mut(dim)).enumerate() {
            let own = row / rows * dim * dim..(row / rows + 1) * dim * dim;
            let [old, new, r] = [self.old, &self.frames.rows, &self.frames.factor].map(|m| &m[own.clone()]);
            c.iter_mut().zip(old.chunks_exact(dim)).for_each(|(c, e)| *c = dot(e, z));
            y.fill(0.0);
            for i in 0..dim {
                let solved = c[i] / r[i * dim + i];
                // Row i of R is column i of Rᵀ.
                axpy(&mut c[i + 1..], -solved, &r[i * dim + i + 1..(i + 1) * dim]);
                axpy(y, solved, &new[i * dim..][..dim]);
            }
        }
    }
}
