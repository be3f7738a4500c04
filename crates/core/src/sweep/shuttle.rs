//! Frames carried to and fro along the same paths with the same noise (theory §4): A_n E_n = E_{n+1} R_n on the way
//! forth, A_nᵀ F_{n+1} = F_n S_n on the way back.

use super::adjoint::Trail;
use super::frames::Frames;
use super::pace::{Pace, strayed};
use super::{Chain, check_finite};
use crate::error::{Error, Result};
use std::ops::Range;

/// A frame at the other end of the paths.
#[derive(Debug, Clone, Default)]
pub struct Shuttled {
    /// Orthonormal rows `[n, k, D]`
    pub frame: Vec<f64>,
    /// Triangular factors in the order in which the frame met the steps: the image of the frame that set out is
    /// `frame` times their product.
    pub chain: Chain,
}

impl Shuttled {
    /// That of one sample.
    pub fn of(&self, sample: usize) -> Shuttled {
        let Chain { k, samples, factors } = &self.chain;
        let (rows, factor) = (self.frame.len() / samples, k * k);
        let own = factors.chunks_exact(samples * factor).flat_map(|step| &step[sample * factor..][..factor]);
        Shuttled {
            frame: self.frame[sample * rows..][..rows].to_vec(),
            chain: Chain { k: *k, samples: 1, factors: own.copied().collect() },
        }
    }
}

impl Trail<'_> {
    /// Carries orthonormal rows `frame[n, k, D]` at x_0 to x_τ by the tangents of the steps, with a QR at every step or at
    /// those of a pace ([`Pace::of`] the chain of an earlier call).
    ///
    /// # Errors
    /// [`Error::NonFinite`] when a tangent leaves the finite numbers or a direction collapses; [`Error::Invalid`] if
    /// the length of `frame` does not fit, k > D, or the step has errors that ride along.
    pub fn forth(&mut self, frame: Vec<f64>, pace: Option<&Pace>) -> Result<Shuttled> {
        self.forth_of(0..self.samples.len(), frame, pace)
    }

    /// [`Trail::forth`] for some of the samples, counted from the first of the trail.
    ///
    /// # Errors
    /// Those of [`Trail::forth`].
    pub fn forth_of(
        &mut self,
        samples: Range<usize>,
        frame: Vec<f64>,
        pace: Option<&Pace>,
    ) -> Result<Shuttled> {
        self.kept_in_pace(samples, frame, pace, Trail::carried_forth)
    }

    /// Carries orthonormal rows `frame[n, k, D]` at x_τ to x_0 by the adjoints of the steps.
    ///
    /// # Errors
    /// Those of [`Trail::forth`].
    pub fn back(&mut self, frame: Vec<f64>, pace: Option<&Pace>) -> Result<Shuttled> {
        self.back_of(0..self.samples.len(), frame, pace)
    }

    /// [`Trail::back`] for some of the samples, counted from the first of the trail.
    ///
    /// # Errors
    /// Those of [`Trail::forth`].
    pub fn back_of(
        &mut self,
        samples: Range<usize>,
        frame: Vec<f64>,
        pace: Option<&Pace>,
    ) -> Result<Shuttled> {
        self.kept_in_pace(samples, frame, pace, Trail::carried_back)
    }

    /// Samples whose frames have become flatter than their pace foresaw are carried once more, with a QR at every step.
    fn kept_in_pace(
        &mut self,
        own: Range<usize>,
        frame: Vec<f64>,
        pace: Option<&Pace>,
        carry: impl Fn(&mut Self, &Range<usize>, Vec<f64>, Option<&Pace>) -> Result<Shuttled>,
    ) -> Result<Shuttled> {
        let Some(pace) = pace else { return carry(self, &own, frame, None) };
        let mut found = carry(self, &own, frame.clone(), Some(pace))?;
        let strayed = strayed(&found.chain);
        if strayed.is_empty() {
            return Ok(found);
        }
        let every = carry(self, &own, frame, None)?;
        let (n, rows) = (own.len(), found.frame.len() / own.len());
        let factor = found.chain.k * found.chain.k;
        for sample in strayed {
            let own = sample * rows..(sample + 1) * rows;
            found.frame[own.clone()].copy_from_slice(&every.frame[own]);
            for first in (sample * factor..every.chain.factors.len()).step_by(n * factor) {
                let own = first..first + factor;
                found.chain.factors[own.clone()].copy_from_slice(&every.chain.factors[own]);
            }
        }
        Ok(found)
    }

    fn carried_forth(
        &mut self,
        own: &Range<usize>,
        frame: Vec<f64>,
        pace: Option<&Pace>,
    ) -> Result<Shuttled> {
        let mut frames = self.frames(own, frame)?;
        let mut chain = self.chain(own, &frames);
        let mut image = vec![0.0; frames.rows.len()];
        let mut next = vec![0.0; own.len() * self.step.dim()];
        for first in (0..self.step.grid.steps).step_by(self.spacing) {
            self.load(first)?;
            for n in first..first + self.segment.len {
                let (state, noise) = self.segment.of(n, own, self.samples.len());
                self.step.advance_tangent(n, state, noise, &frames.rows, &mut next, &mut image);
                std::mem::swap(&mut frames.rows, &mut image);
                frames.advance_in(n, pace.map(|pace| pace.due(n, own)))?;
                chain.factors.extend_from_slice(&frames.factor);
            }
        }
        Ok(Shuttled { frame: frames.rows, chain })
    }

    fn carried_back(&mut self, own: &Range<usize>, frame: Vec<f64>, pace: Option<&Pace>) -> Result<Shuttled> {
        let mut frames = self.frames(own, frame)?;
        let mut chain = self.chain(own, &frames);
        let mut image = vec![0.0; frames.rows.len()];
        let per_sample = frames.rows.len() / own.len().max(1);
        let steps = self.step.grid.steps;
        for first in (0..steps).step_by(self.spacing).rev() {
            self.load(first)?;
            for n in (first..first + self.segment.len).rev() {
                let (state, noise) = self.segment.of(n, own, self.samples.len());
                self.step.advance_adjoint(n, state, noise, &frames.rows, &mut image);
                std::mem::swap(&mut frames.rows, &mut image);
                check_finite("cotangent", &frames.rows, per_sample, self.samples.start + own.start, n)?;
                frames.advance_in(n, pace.map(|pace| pace.due(steps - 1 - n, own)))?;
                chain.factors.extend_from_slice(&frames.factor);
            }
        }
        Ok(Shuttled { frame: frames.rows, chain })
    }

    fn frames(&self, own: &Range<usize>, rows: Vec<f64>) -> Result<Frames> {
        let (dim, n) = (self.step.dim(), own.len());
        let k = rows.len() / (n * dim).max(1);
        if k <= dim && rows.len() == n * k * dim && self.step.forcing.is_empty() {
            return Ok(Frames::of(self.samples.start + own.start, dim, k, rows));
        }
        Err(Error::invalid(
            "carrying frames along paths",
            format!(
                "a step without errors that ride along, and the same number, at most {dim}, of rows of {dim} for each of {n} samples"
            ),
            format!("{} numbers, {} errors", rows.len(), self.step.forcing.len()),
            "Give orthonormal rows for every sample, and leave the errors out",
        ))
    }

    fn chain(&self, own: &Range<usize>, frames: &Frames) -> Chain {
        let factors = Vec::with_capacity(self.step.grid.steps * frames.factor.len());
        Chain { k: frames.vectors(), samples: own.len(), factors }
    }
}
