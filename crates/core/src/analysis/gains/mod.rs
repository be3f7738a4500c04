//! The way back over a run's paths: gains, the error budget, and errors known only along the paths (theory §8).

mod columns;
mod summary;

pub(super) use columns::{gain_columns, put_doubled_gains, put_gains};
pub(super) use summary::half_of;
pub(super) use summary::summarise_gains;
pub use summary::{Attained, BudgetStep, GainsSummary, HalfOfGain};

use super::memory::{path_limit, storage};
use super::request::{ErrorKind, Request};
use super::study::Study;
use super::system::System;
use crate::error::Result;
use crate::error_field::ModelError;
use crate::gains::{ErrorNorm, Gains, Measure, Worst, gains_and_worst, worst_error};
use crate::sampler::Step;
use crate::support::Foot;
use crate::sweep::{Batch, Forward, Keep, PathError, Trail, forward_given};
use std::ops::Range;

/// Most numbers that the curves of the budget may have.
const CURVE_NUMBERS: usize = 4_000_000;
/// Most samples whose budget curves are kept.
const CURVES: usize = 1000;

/// An error of the request that is known only along the paths.
pub(super) struct PathKind {
    /// The norm that bounds it.
    norm: ErrorNorm,
    /// Place among the errors with a first-order displacement.
    forced: usize,
    /// How it is found.
    measure: Measure,
    /// The base step, and the step of twice the grid, with its displacement as forced row.
    own: Step,
    doubled: Step,
}

/// What the way back found.
#[derive(Default)]
pub(super) struct Back {
    /// Gains, where asked for.
    pub(super) gains: Option<Gains>,
    /// χ of every [`PathKind`].
    pub(super) errors: Vec<PathError>,
}

/// Which of the two grids of a run.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum On {
    /// The run's own.
    Own,
    /// Twice the steps.
    Doubled,
}

/// Leading samples whose rates are kept for every step: at most 1,000, fewer where there are very many steps.
pub(super) fn curve_count(request: &Request, steps: usize) -> usize {
    (CURVE_NUMBERS / steps.max(1)).clamp(16, CURVES).min(request.samples)
}

/// Bytes of a sample's states and noises over all steps.
pub(super) fn path_bytes(step: &Step) -> usize {
    let vectors = 1 + step.noises() + usize::from(step.needs_white());
    step.grid.steps.saturating_mul(vectors * step.dim() * 8)
}

/// The errors of the request that are known only along the paths; `errors` as made for the whole request.
pub(super) fn path_kinds(
    system: &System,
    request: &Request,
    errors: &[Option<ModelError>],
) -> Result<Vec<PathKind>> {
    let mut kinds = Vec::new();
    let grid = system.grid.doubled();
    let with_displacement =
        request.errors.iter().zip(errors).filter_map(|(asked, error)| Some((asked, error.as_ref()?)));
    for (forced, (asked, error)) in with_displacement.enumerate() {
        let ErrorKind::Worst { norm } = asked.kind else { continue };
        let forcing = vec![error.clone()];
        kinds.push(PathKind {
            norm,
            forced,
            measure: Measure { place: asked.place, full: is_full(system), curves: 0, seed: request.seed },
            own: system.step(forcing.clone())?,
            doubled: Step::new(system.drift.clone(), grid, system.method, forcing)?,
        });
    }
    Ok(kinds)
}

fn is_full(system: &System) -> bool {
    system.support.as_ref().is_some_and(|support| support.intrinsic_dim() == system.dim())
}

/// ζ_τ `[n, D]`: as the way back found it, and by one more sweep for samples without a basis of N and T.
fn displacement(step: &Step, batch: &Batch, worst: &Worst) -> Result<Vec<f64>> {
    if worst.spanned.iter().all(|spanned| *spanned) {
        return Ok(worst.displacement.clone());
    }
    let mut zeta = forward_given(step, batch, 0, Keep::default(), &worst.error)?.displacement;
    let dim = step.dim();
    let rows = zeta.chunks_exact_mut(dim).zip(worst.displacement.chunks_exact(dim)).zip(&worst.spanned);
    rows.filter(|(_, spanned)| **spanned).for_each(|((zeta, found), _)| zeta.copy_from_slice(found));
    Ok(zeta)
}

impl Study<'_> {
    /// Samples of a tile whose rates are kept for every step.
    pub(super) fn curves(&self, tile: &Range<usize>) -> usize {
        curve_count(self.request, self.system.grid.steps).saturating_sub(tile.start).min(tile.len())
    }

    /// Whether paths are walked backwards at all.
    pub(super) fn goes_back(&self) -> bool {
        self.extent.gains || !self.path_kinds.is_empty()
    }

    /// `keep` with what the way back needs, if it can be held.
    pub(super) fn keep_for_back(&self, keep: Keep) -> Keep {
        let stored = self.goes_back() && path_bytes(&self.base) <= path_limit(self.request);
        Keep { path: keep.path || stored, noise: keep.noise || stored, ..keep }
    }

    /// Walks the paths of `run` back and adds the displacements of errors known only along them to it.
    pub(super) fn back(&self, on: On, batch: &Batch, run: &mut Forward, feet: &[Foot]) -> Result<Back> {
        if !self.goes_back() {
            return Ok(Back::default());
        }
        let step = if on == On::Own { &self.base } else { &self.doubled };
        let mut trail = match run.noise.xi.len()
            == step.grid.steps * batch.samples.len() * step.dim() * step.noises()
            && !run.path.is_empty()
            && (!step.needs_white() || !run.noise.white.is_empty())
        {
            true => Trail::of(step, batch.samples.clone(), run)?,
            false => Trail::record(step, batch, storage(self.request, batch.samples.len()))?,
        };
        let curves = match on {
            // Every sample's rates meet its learning errors.
            On::Own if self.extent.bounded => batch.samples.len(),
            On::Own => self.curves(&batch.samples),
            On::Doubled => 0,
        };
        let place = self.request.gains.filter(|_| self.extent.gains);
        let measure = |place| Measure { place, full: self.extent.full, curves, seed: self.request.seed };
        // Errors at the place of the gains come from the same way back.
        let beside = |kind: &PathKind| place == Some(kind.measure.place);
        let norms: Vec<ErrorNorm> = self.path_kinds.iter().filter(|k| beside(k)).map(|k| k.norm).collect();
        let measured =
            place.map(|place| gains_and_worst(&mut trail, feet, measure(place), &norms)).transpose()?;
        let (gains, found) = measured.map_or((None, Vec::new()), |m| (Some(m.gains), m.worst));
        let mut found = found.into_iter();
        let worst = |kind: &PathKind| match beside(kind).then(|| found.next()).flatten() {
            Some(worst) => Ok(worst),
            None => {
                let error = worst_error(&mut trail, feet, kind.measure, kind.norm)?;
                let spanned = vec![false; batch.samples.len()];
                Ok(Worst { error, displacement: Vec::new(), spanned })
            }
        };
        let worst = self.path_kinds.iter().map(worst).collect::<Result<Vec<_>>>()?;
        drop(trail);
        self.add_displacements(on, batch, run, &worst)?;
        Ok(Back { gains, errors: worst.into_iter().map(|worst| worst.error).collect() })
    }

    /// Puts ζ of the path kinds between those of the other errors, `[n, e, D]`.
    fn add_displacements(&self, on: On, batch: &Batch, run: &mut Forward, errors: &[Worst]) -> Result<()> {
        let (dim, n) = (self.system.dim(), batch.samples.len());
        for (kind, worst) in self.path_kinds.iter().zip(errors) {
            let step = if on == On::Own { &kind.own } else { &kind.doubled };
            let zeta = displacement(step, batch, worst)?;
            let before = run.displacement.len() / (n * dim).max(1);
            let mut joined = Vec::with_capacity((before + 1) * n * dim);
            for (sample, zeta) in zeta.chunks_exact(dim).enumerate() {
                let rows = &run.displacement[sample * before * dim..][..before * dim];
                let (head, tail) = rows.split_at(kind.forced * dim);
                [head, zeta, tail].into_iter().for_each(|part| joined.extend_from_slice(part));
            }
            run.displacement = joined;
        }
        Ok(())
    }
}
