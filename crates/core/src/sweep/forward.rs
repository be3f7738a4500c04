//! The forward sweep: one time loop over a batch of paths, their frames and their displacements (theory §4).

use super::density::Carried;
use super::frames::Frames;
use super::noise::Increments;
use super::probed::{Probed, Probes, Taken};
use super::{Batch, Chain, Forward, Keep, PathError, Refinement, check_finite};
use crate::error::{Error, Result};
use crate::law::Density;
use crate::sampler::{Step, StepNoise};

/// Follows a batch of paths with k most sensitive directions each (k = 0: none) and the step's forced displacements.
///
/// Works through its batch serially; batches of 32 to 64 samples keep a small model's state in cache, and callers
/// run them in parallel. A sample's numbers do not depend on the batch it is in.
///
/// # Errors
/// [`Error::NonFinite`] with sample and step when a path leaves the finite numbers or a direction collapses;
/// [`Error::Invalid`] if k > D, the source has another dimension, or a refinement does not fit the grid.
pub fn forward(step: &Step, batch: &Batch, k: usize, keep: Keep) -> Result<Forward> {
    forward_given(step, batch, k, keep, &PathError::default())
}

/// [`forward`] for a step with an error that is known only along the paths.
///
/// # Errors
/// Those of [`forward`]; [`Error::Invalid`] if such an error acts and `given` does not cover the batch.
pub fn forward_given(step: &Step, batch: &Batch, k: usize, keep: Keep, given: &PathError) -> Result<Forward> {
    check(step, batch, k)?;
    check_given(step, batch, given)?;
    let mut sweep = Sweep::new(step, batch, k, keep, given);
    if !(keep.frames || keep.determinants) {
        sweep.frames.spare();
    }
    sweep.run()
}

/// [`forward`] with k = D that also carries the density from its source (theory §7): the pathwise score, and the
/// response of the log density to every forcing error.
///
/// # Errors
/// Those of [`forward`]; [`Error::Invalid`] where the field has no exact second order, or an error is known only along
/// paths.
pub fn forward_density(step: &Step, batch: &Batch, keep: Keep, source: &dyn Density) -> Result<Forward> {
    let dim = step.dim();
    check(step, batch, dim)?;
    check_divergence(step)?;
    let none = PathError::default();
    let mut sweep = Sweep::new(step, batch, dim, keep, &none);
    sweep.density = Some(Carried::new(step, source, &sweep.x, &sweep.frames, batch.samples.start)?);
    sweep.run()
}

/// [`forward`] with any k that also carries the density from its source, the volume differentiated along probes
/// (theory §7): for any D, exactly by the unit vectors or with standard errors by random signs. k = D solves the systems
/// of the recursion directly; with fewer vectors they are iterated.
///
/// # Errors
/// Those of [`forward_density`]; [`Error::Invalid`] for fewer than two random probes; [`Error::Unsolved`] where a system
/// with a step's Jacobian cannot be solved.
pub fn forward_probed(
    step: &Step,
    batch: &Batch,
    k: usize,
    keep: Keep,
    source: &dyn Density,
    probes: Probes,
) -> Result<Forward> {
    check(step, batch, k)?;
    check_divergence(step)?;
    let none = PathError::default();
    let mut sweep = Sweep::new(step, batch, k, keep, &none);
    sweep.probed = Some(Probed::new(step, batch, source, &sweep.x, probes)?);
    sweep.run()
}

/// Errors known only along paths have no divergence.
fn check_divergence(step: &Step) -> Result<()> {
    if !step.needs_given() {
        return Ok(());
    }
    Err(Error::invalid(
        "carrying the density along paths",
        "errors that are fields of the state",
        "an error known only along paths, which has no divergence",
        "Leave that error out",
    ))
}

/// An error along the paths needs a vector for every sample and step.
fn check_given(step: &Step, batch: &Batch, given: &PathError) -> Result<()> {
    let (n, dim, steps) = (batch.samples.len(), step.dim(), step.grid.steps);
    if !step.needs_given() || given.vectors.len() == steps * n * dim {
        return Ok(());
    }
    Err(Error::invalid(
        "following paths under an error known only along them",
        format!("vectors [{steps}, {n}, {dim}]"),
        format!("{} numbers", given.vectors.len()),
        "Compute them for the same samples and grid",
    ))
}

pub(super) fn check(step: &Step, batch: &Batch, k: usize) -> Result<()> {
    let dim = step.dim();
    let wrong = |expected: String, got: String, remedy: &str| {
        Err(Error::invalid("following sample paths", expected, got, remedy))
    };
    if k > dim {
        let expected = format!("at most {dim} vectors in dimension {dim}");
        return wrong(expected, format!("{k} vectors"), "Ask for fewer vectors");
    }
    if batch.source.dim() != dim {
        let expected = format!("a source in dimension {dim}, that of the field");
        return wrong(expected, format!("dimension {}", batch.source.dim()), "Change the source");
    }
    match batch.refinement {
        Refinement::Coarser(0) => {
            wrong("a coarsening factor of at least 1".into(), "0".into(), "Change the factor")
        }
        Refinement::Doubled if step.grid.steps % 2 == 1 => {
            wrong("an even number of steps".into(), step.grid.steps.to_string(), "Double the steps")
        }
        _ => Ok(()),
    }
}

/// A sweep under way.
struct Sweep<'a> {
    step: &'a Step,
    first_sample: usize,
    keep: Keep,
    k: usize,
    noise: Increments,
    white: Increments,
    given: &'a PathError,
    x: Vec<f64>,
    next: Vec<f64>,
    frames: Frames,
    /// ζ_n `[n, e, D]`
    displacement: Vec<f64>,
    /// Frame rows and forced rows together `[n, k + e, D]` before a step; empty without forced rows.
    joined: Vec<f64>,
    /// The same rows after it.
    rows_next: Vec<f64>,
    density: Option<Carried>,
    probed: Option<Probed>,
    found: Forward,
}

impl<'a> Sweep<'a> {
    fn new(step: &'a Step, batch: &Batch, k: usize, keep: Keep, given: &'a PathError) -> Self {
        let (n, dim, forcings) = (batch.samples.len(), step.dim(), step.forcing.len());
        let x = starts(batch);
        let frames = Frames::random(batch, dim, k, keep.determinants);
        let rows_next = vec![0.0; n * (k + forcings) * dim];
        let found = Forward {
            start: x.clone(),
            start_frame: frames.rows.clone(),
            path: if keep.path { x.clone() } else { Vec::new() },
            frames: if keep.frames { frames.rows.clone() } else { Vec::new() },
            chain: Chain { k, samples: n, factors: Vec::new() },
            ..Forward::default()
        };
        Sweep {
            step,
            first_sample: batch.samples.start,
            keep,
            k,
            noise: Increments::path(step, batch),
            white: Increments::white(step, batch),
            given,
            next: vec![0.0; n * dim],
            x,
            frames,
            displacement: vec![0.0; n * forcings * dim],
            joined: if forcings > 0 { rows_next.clone() } else { Vec::new() },
            rows_next,
            density: None,
            probed: None,
            found,
        }
    }

    fn run(mut self) -> Result<Forward> {
        for n in 0..self.step.grid.steps {
            self.advance(n)?;
            self.record();
        }
        Ok(self.finish())
    }

    /// From n to n + 1.
    fn advance(&mut self, n: usize) -> Result<()> {
        let (dim, k, forcings) = (self.step.dim(), self.k, self.step.forcing.len());
        let given = self.given.vectors.chunks_exact(self.x.len().max(1)).nth(n).unwrap_or_default();
        let noise = StepNoise { xi: self.noise.next(n), white: self.white.next(n), given };
        if self.keep.noise {
            self.found.noise.xi.extend_from_slice(noise.xi);
            self.found.noise.white.extend_from_slice(noise.white);
        }
        if let Some(probed) = &mut self.probed {
            probed.hold(&self.frames);
        }
        self.frames.hold();
        if let Some(density) = &mut self.density {
            let (next, zetas) = (&mut self.next, &mut self.displacement);
            density.advance((self.step, n), (&self.x, noise), next, &mut self.frames, zetas)?;
        } else {
            if forcings > 0 {
                join(&self.frames.rows, &self.displacement, k * dim, forcings * dim, &mut self.joined);
            }
            self.carry(n, given);
        }
        let strayed = self.frames.strayed();
        if !strayed.is_empty() {
            self.carry_again(n, given, &strayed)?;
        }
        std::mem::swap(&mut self.x, &mut self.next);
        self.check_finite(n)?;
        self.frames.advance_as_needed(n, n + 1 == self.step.grid.steps)?;
        if let Some(density) = &mut self.density {
            density.absorb(dim, &self.frames, (self.first_sample, n))?;
        }
        if let Some(probed) = &mut self.probed {
            let noise = StepNoise { xi: self.noise.current(), white: self.white.current(), given };
            probed.absorb(Taken { step: self.step, n, x: &self.next, noise }, &self.frames)?;
        }
        Ok(())
    }

    /// Takes the rows through step n: the joined ones, or the frames alone where nothing is forced.
    fn carry(&mut self, n: usize, given: &[f64]) {
        let (dim, k, forcings) = (self.step.dim(), self.k, self.step.forcing.len());
        let noise = StepNoise { xi: self.noise.current(), white: self.white.current(), given };
        if k + forcings == 0 {
            self.step.advance(n, &self.x, noise, &mut self.next);
            return;
        }
        if forcings == 0 {
            let frames = &mut self.frames.rows;
            self.step.advance_tangent(n, &self.x, noise, frames, &mut self.next, &mut self.rows_next);
            std::mem::swap(frames, &mut self.rows_next);
            return;
        }
        self.step.advance_tangent(n, &self.x, noise, &self.joined, &mut self.next, &mut self.rows_next);
        split(&self.rows_next, k * dim, forcings * dim, &mut self.frames.rows, &mut self.displacement);
    }

    /// Step n once more, with the frames of some samples made orthonormal before it.
    fn carry_again(&mut self, n: usize, given: &[f64], strayed: &[usize]) -> Result<()> {
        let (dim, k, forcings) = (self.step.dim(), self.k, self.step.forcing.len());
        let factors = self.frames.rewind(strayed, n)?;
        if self.keep.chain {
            let before = self.found.chain.factors.len() - self.frames.factor.len();
            for (sample, factor) in strayed.iter().zip(factors) {
                self.found.chain.factors[before + sample * k * k..][..k * k].copy_from_slice(&factor);
            }
        }
        let joined = self.joined.chunks_exact_mut((k + forcings) * dim);
        for (joined, frame) in joined.zip(self.frames.rows.chunks_exact(k * dim)) {
            joined[..k * dim].copy_from_slice(frame);
        }
        self.carry(n, given);
        self.frames.strayed();
        Ok(())
    }

    fn check_finite(&self, n: usize) -> Result<()> {
        let rows = [
            ("state", &self.x, self.step.dim()),
            ("displacement", &self.displacement, self.step.dim() * self.step.forcing.len()),
        ];
        rows.into_iter()
            .try_for_each(|(quantity, values, len)| check_finite(quantity, values, len, self.first_sample, n))
    }

    /// Keeps what was asked for.
    fn record(&mut self) {
        if self.keep.path {
            self.found.path.extend_from_slice(&self.x);
        }
        if self.keep.frames {
            self.found.frames.extend_from_slice(&self.frames.rows);
        }
        if self.keep.chain {
            self.found.chain.factors.extend_from_slice(&self.frames.factor);
        }
    }

    fn finish(self) -> Forward {
        let dim = self.step.dim();
        Forward {
            density: match (self.density, self.probed) {
                (Some(density), _) => Some(density.finish(dim, &self.frames)),
                (None, probed) => probed.map(|probed| probed.finish(dim)),
            },
            log_growth: self.frames.log_growth(),
            log_det: self.frames.log_det(),
            end: self.x,
            end_frame: self.frames.rows,
            displacement: self.displacement,
            ..self.found
        }
    }
}

/// x_0 of every sample `[n, D]`.
pub fn starts(batch: &Batch) -> Vec<f64> {
    let dim = batch.source.dim();
    let mut x = vec![0.0; batch.samples.len() * dim];
    for (i, row) in batch.samples.clone().zip(x.chunks_exact_mut(dim)) {
        batch.source.draw(batch.seed, i as u64, row);
    }
    x
}

/// Puts every sample's two blocks of rows one after the other.
fn join(first: &[f64], second: &[f64], first_len: usize, second_len: usize, out: &mut [f64]) {
    for (sample, out) in out.chunks_exact_mut(first_len + second_len).enumerate() {
        let (head, tail) = out.split_at_mut(first_len);
        head.copy_from_slice(&first[sample * first_len..][..first_len]);
        tail.copy_from_slice(&second[sample * second_len..][..second_len]);
    }
}

/// Takes them apart again.
fn split(joined: &[f64], first_len: usize, second_len: usize, first: &mut [f64], second: &mut [f64]) {
    for (sample, joined) in joined.chunks_exact(first_len + second_len).enumerate() {
        let (head, tail) = joined.split_at(first_len);
        first[sample * first_len..][..first_len].copy_from_slice(head);
        second[sample * second_len..][..second_len].copy_from_slice(tail);
    }
}
