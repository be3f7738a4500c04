//! The adjoint sweep: cotangents at x_τ carried back along the same paths with the same noise (theory §4, §8).
//!
//! Going back needs the states again. A [`Trail`] holds them: all of them where they fit, else checkpoints from which
//! one segment at a time is computed anew. The numbers do not depend on where the checkpoints lie.

use super::forward::{check, starts};
use super::noise::Increments;
use super::{Batch, Forward, check_finite};
use crate::error::{Error, Result};
use crate::error_field::Place;
use crate::sampler::{Cotangents, Step, StepNoise};
use std::borrow::Cow;
use std::ops::Range;

/// How the states of a path are had again on the way back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Storage {
    /// All states if they take at most this many bytes, else checkpoints ⌈√τ⌉ steps apart: memory then grows as √τ, and
    /// the paths are computed once more.
    Bytes(usize),
    /// Checkpoints this many steps apart.
    Spacing(usize),
}

/// A batch of paths that can be walked backwards any number of times.
pub struct Trail<'a> {
    pub(super) step: &'a Step,
    pub(super) samples: Range<usize>,
    pub(super) spacing: usize,
    checkpoints: Vec<Checkpoint>,
    pub(super) segment: Segment<'a>,
    end: Cow<'a, [f64]>,
}

/// From where a segment can be computed anew.
#[derive(Clone)]
struct Checkpoint {
    /// x_n `[n, D]`
    state: Vec<f64>,
    noise: Increments,
    white: Increments,
}

/// States and noises of consecutive steps.
#[derive(Default)]
pub(super) struct Segment<'a> {
    /// First step
    first: usize,
    /// Number of steps
    pub(super) len: usize,
    /// x_n `[len, n, D]`
    states: Cow<'a, [f64]>,
    /// ξ_n `[len, n, noises, D]`
    xi: Cow<'a, [f64]>,
    /// `[len, n, D]`, or empty
    white: Cow<'a, [f64]>,
}

/// What the sweep knows when it has gone back over step n; m cotangents a sample.
#[derive(Debug, Clone, Copy)]
pub struct Backstep<'s> {
    /// n
    pub step: usize,
    /// x_n `[n, D]`
    pub state: &'s [f64],
    /// u_{n+1} = A_{n+1,τ}ᵀ u_τ `[n, m, D]`
    pub cotangent: &'s [f64],
    /// B_nᵀ u_{n+1} `[n, m, D]` for an error frozen over the step ([`Step::advance_adjoint_with_error`])
    pub error: &'s [f64],
}

/// What a whole adjoint sweep leaves.
#[derive(Debug, Clone, PartialEq)]
pub struct Backward {
    /// A_{0,τ}ᵀ u_τ `[n, m, D]`
    pub start: Vec<f64>,
    /// Bytes taken by the stored states, noises and checkpoints
    pub stored_bytes: usize,
}

impl Storage {
    /// Steps between checkpoints for a number of steps whose states and noises take `bytes` each.
    fn spacing(self, steps: usize, bytes: usize) -> usize {
        match self {
            Storage::Bytes(limit) if bytes.saturating_mul(steps) <= limit => steps,
            Storage::Bytes(_) => steps.isqrt() + usize::from(steps.isqrt().pow(2) < steps),
            Storage::Spacing(spacing) => spacing,
        }
    }
}

impl<'a> Trail<'a> {
    /// Follows the paths of a batch once and keeps what is needed to come back.
    ///
    /// # Errors
    /// [`Error::NonFinite`] when a path leaves the finite numbers; [`Error::Invalid`] if batch and step do not fit
    /// together, the step's own error is known only along other paths, or checkpoints shall be 0 steps apart.
    pub fn record(step: &'a Step, batch: &Batch, storage: Storage) -> Result<Self> {
        check(step, batch, 0)?;
        let per_sample = (1 + step.noises() + usize::from(step.needs_white())) * step.dim() * 8;
        let spacing = storage.spacing(step.grid.steps, per_sample * batch.samples.len());
        if spacing == 0 || step.needs_given() {
            return Err(Error::invalid(
                "walking paths backwards",
                "checkpoints at least one step apart, and a model without an error known only along other paths",
                format!("spacing {spacing}"),
                "Choose another spacing, or go back along the unperturbed paths",
            ));
        }
        let mut trail = Trail {
            step,
            samples: batch.samples.clone(),
            spacing,
            checkpoints: Vec::new(),
            segment: Segment::default(),
            end: Cow::default(),
        };
        let (noise, white) = (Increments::path(step, batch), Increments::white(step, batch));
        let mut walker = Checkpoint { state: starts(batch), noise, white };
        for first in (0..step.grid.steps).step_by(spacing) {
            trail.checkpoints.push(walker.clone());
            trail.fill(first, spacing.min(step.grid.steps - first), &mut walker)?;
        }
        trail.end = Cow::Owned(walker.state);
        Ok(trail)
    }

    /// The trail of a forward sweep of `step` that kept its path and noise; `samples` are those of its batch.
    ///
    /// # Errors
    /// [`Error::Invalid`] if path or noise were not kept.
    pub fn of(step: &'a Step, samples: Range<usize>, run: &'a Forward) -> Result<Self> {
        let (steps, len) = (step.grid.steps, samples.len() * step.dim());
        let white = if step.needs_white() { steps * len } else { 0 };
        let kept = [run.path.len(), run.noise.xi.len(), run.noise.white.len()];
        let needed = [(steps + 1) * len, steps * len * step.noises(), white];
        if kept != needed || run.end.len() != len {
            return Err(Error::invalid(
                "walking paths backwards",
                format!("path, noise and white noise of {needed:?} numbers"),
                format!("{kept:?}"),
                "Keep path and noise in the forward sweep",
            ));
        }
        let segment = Segment {
            first: 0,
            len: steps,
            states: Cow::Borrowed(&run.path[..steps * len]),
            xi: Cow::Borrowed(&run.noise.xi),
            white: Cow::Borrowed(&run.noise.white),
        };
        let end = Cow::Borrowed(&run.end[..]);
        Ok(Trail { step, samples, spacing: steps, checkpoints: Vec::new(), segment, end })
    }

    /// x_τ `[n, D]`.
    pub fn end(&self) -> &[f64] {
        &self.end
    }

    /// The step whose paths these are.
    pub fn step(&self) -> &'a Step {
        self.step
    }

    /// Indices of the samples in the whole run.
    pub fn samples(&self) -> Range<usize> {
        self.samples.clone()
    }

    /// Steps between checkpoints; τ where all states are stored.
    pub fn spacing(&self) -> usize {
        self.spacing
    }

    /// Carries `u[n, m, D]` at x_τ back to x_0 and shows every step to `visit`, n = τ − 1 first, with the effect of an
    /// error at `place`.
    ///
    /// # Errors
    /// [`Error::NonFinite`] when a cotangent leaves the finite numbers; [`Error::Invalid`] if the length of `u` does
    /// not fit or there can be no error at `place`.
    pub fn backward(
        &mut self,
        mut u: Vec<f64>,
        place: Place,
        visit: &mut dyn FnMut(Backstep),
    ) -> Result<Backward> {
        self.check_cotangents(&u, place)?;
        let (mut previous, mut pulled) = (vec![0.0; u.len()], vec![0.0; u.len()]);
        let mut stored_bytes = self.stored_bytes();
        for first in (0..self.step.grid.steps).step_by(self.spacing).rev() {
            self.load(first)?;
            stored_bytes = stored_bytes.max(self.stored_bytes());
            for n in (first..first + self.segment.len).rev() {
                let (state, noise) = self.segment.at(n);
                let rows = Cotangents { end: &u, start: &mut previous, error: &mut pulled };
                self.step.advance_adjoint_with_error(n, state, noise, place, rows);
                visit(Backstep { step: n, state, cotangent: &u, error: &pulled });
                std::mem::swap(&mut u, &mut previous);
                let rows = u.len() / self.samples.len().max(1);
                check_finite("cotangent", &u, rows, self.samples.start, n)?;
            }
        }
        Ok(Backward { start: u, stored_bytes })
    }

    fn check_cotangents(&self, u: &[f64], place: Place) -> Result<()> {
        let flow = self.step.drift.score(self.step.grid.start).is_err();
        let fits = if self.end.is_empty() { u.is_empty() } else { u.len().is_multiple_of(self.end.len()) };
        if fits && !(flow && place == Place::Score) {
            return Ok(());
        }
        Err(Error::invalid(
            "walking paths backwards",
            format!("a multiple of {} cotangent numbers, and no score error of a flow", self.end.len()),
            format!("{} numbers, an error in the {place:?}", u.len()),
            "Give the same number of cotangents for every sample, and put errors of a flow in its output",
        ))
    }

    /// Makes the segment that begins at step `first` the present one.
    pub(super) fn load(&mut self, first: usize) -> Result<()> {
        if self.segment.first == first && self.segment.len > 0 {
            return Ok(());
        }
        let mut walker = self.checkpoints[first / self.spacing].clone();
        self.fill(first, self.spacing.min(self.step.grid.steps - first), &mut walker)
    }

    /// Follows the paths over `len` steps, noting states and noises; leaves `walker` at the end of the segment.
    fn fill(&mut self, first: usize, len: usize, walker: &mut Checkpoint) -> Result<()> {
        let old = std::mem::take(&mut self.segment);
        let [mut states, mut xi, mut white] = [old.states, old.xi, old.white].map(Cow::into_owned);
        [&mut states, &mut xi, &mut white].into_iter().for_each(Vec::clear);
        let mut next = vec![0.0; walker.state.len()];
        for n in first..first + len {
            let noise =
                StepNoise { xi: walker.noise.next(n), white: walker.white.next(n), ..StepNoise::default() };
            states.extend_from_slice(&walker.state);
            xi.extend_from_slice(noise.xi);
            white.extend_from_slice(noise.white);
            self.step.advance(n, &walker.state, noise, &mut next);
            std::mem::swap(&mut walker.state, &mut next);
            check_finite("state", &walker.state, self.step.dim(), self.samples.start, n)?;
        }
        let [states, xi, white] = [states, xi, white].map(Cow::Owned);
        self.segment = Segment { first, len, states, xi, white };
        Ok(())
    }

    /// Bytes that states, noises and checkpoints take at present.
    pub fn stored_bytes(&self) -> usize {
        let segment = self.segment.states.len() + self.segment.xi.len() + self.segment.white.len();
        let checkpoint = |c: &Checkpoint| 8 * c.state.len() + c.noise.bytes() + c.white.bytes();
        8 * segment + self.checkpoints.iter().map(checkpoint).sum::<usize>()
    }
}

impl Segment<'_> {
    /// x_n and the noise of step n.
    pub(super) fn at(&self, n: usize) -> (&[f64], StepNoise<'_>) {
        let part = |values: &'_ Cow<[f64]>| {
            let len = values.len() / self.len;
            (n - self.first) * len..(n - self.first + 1) * len
        };
        let noise = StepNoise {
            xi: &self.xi[part(&self.xi)],
            white: &self.white[part(&self.white)],
            ..StepNoise::default()
        };
        (&self.states[part(&self.states)], noise)
    }

    /// x_n and the noise of step n of some of the samples.
    pub(super) fn of(&self, n: usize, own: &Range<usize>, samples: usize) -> (&[f64], StepNoise<'_>) {
        let (state, noise) = self.at(n);
        let part = |values: &'_ [f64]| {
            let len = values.len() / samples.max(1);
            own.start * len..own.end * len
        };
        let (xi, white) = (&noise.xi[part(noise.xi)], &noise.white[part(noise.white)]);
        (&state[part(state)], StepNoise { xi, white, ..noise })
    }
}
