//! The response of the generated density in a run: both forms, central differences, log-likelihood (theory §7).

mod columns;
mod summary;
mod words;

pub(super) use columns::response_columns;
pub use summary::{Answer, DensityFormula, LikelihoodSummary, ProbeErrors, ResponseSummary};
pub(super) use summary::{summarise_likelihood, summarise_response};

use super::extent::Extent;
use super::request::{ErrorKind, Request};
use super::study::Study;
use super::system::System;
use crate::error::{Error, Result};
use crate::error_field::ModelError;
use crate::response::{Evaluated, Feet, Observable, slopes};
use crate::sampler::Step;
use crate::support::Foot;
use crate::sweep::{Batch, Forward, Keep, forward, forward_density, forward_probed};
use std::collections::BTreeMap;

/// Sizes of the central differences, ∞-norm.
pub(super) const DIFFERENCE_SIZES: [f64; 4] = [0.1, 0.01, 0.001, 0.0001];
/// Leading samples whose twins are followed for central differences.
const CHECKED: usize = 32;

/// Up to this dimension responses are computed where nothing else is asked for: exact second derivatives take
/// D (D + 1)/2 directions a step. Beyond it probes are asked for ([`Request::response_probes`]).
pub const RESPONSE_UP_TO: usize = 16;

/// Leading samples of the central differences.
pub(super) fn checked(request: &Request) -> usize {
    CHECKED.min(request.samples)
}

/// Whether an error of this kind is a field of the state, or vectors that do not depend on it.
pub(super) fn responds(kind: &ErrorKind) -> bool {
    !matches!(kind, ErrorKind::Coarser | ErrorKind::Worst { .. })
}

/// A model under ε χ and under −ε χ.
pub(super) struct Opposites {
    up: Step,
    down: Step,
}

/// Asks the model once for what probes of the response need.
///
/// # Errors
/// [`Error::Invalid`] where its field has no exact second derivatives, an imported network whose graph of them exceeds
/// the memory limit, or a source without a known density.
pub fn check_probes(system: &System) -> Result<()> {
    let dim = system.dim();
    if system.source_density.is_none() {
        return Err(Error::invalid(
            "probes of the response",
            "a source whose density is known",
            "one without",
            "Leave --response-probes out: the path form needs no density",
        ));
    }
    let unit: Vec<f64> = (0..dim).map(|i| f64::from(u8::from(i == 0))).collect();
    let (mut y, mut out) = (vec![0.0; dim], vec![0.0; dim]);
    let at = system.drift.moment(system.grid.start);
    system.drift.field.second_adjoint(at, &vec![0.0; dim], &unit, &unit, &mut y, &mut out)
}

/// The opposites of every error that responds, one a size.
pub(super) fn opposites(
    system: &System,
    extent: &Extent,
    errors: &[Option<ModelError>],
) -> Result<Vec<Vec<Opposites>>> {
    if extent.observables == 0 {
        return Ok(Vec::new());
    }
    let twin = |error: &ModelError, size: f64| system.perturbed_step(ModelError { size, ..error.clone() });
    let pair = |error: &ModelError, size: f64| -> Result<Opposites> {
        Ok(Opposites { up: twin(error, size)?, down: twin(error, -size)? })
    };
    let responding = errors.iter().flatten().filter(|error| !error.is_given());
    responding.map(|error| DIFFERENCE_SIZES.iter().map(|size| pair(error, *size)).collect()).collect()
}

impl Study<'_> {
    /// The forward sweep of the base model, with its density where that is asked for.
    pub(super) fn swept(&self, batch: &Batch, k: usize, keep: Keep) -> Result<Forward> {
        match &self.system.source_density {
            Some(density) if self.extent.density => match self.extent.probes {
                Some(probes) => forward_probed(&self.base, batch, k, keep, density.as_ref(), probes),
                None => forward_density(&self.base, batch, keep, density.as_ref()),
            },
            _ => forward(&self.base, batch, k, keep),
        }
    }

    fn observables(&self) -> &[Observable] {
        self.request.observables.as_deref().unwrap_or_default()
    }

    /// Every observable at `x[n, D]`, all numbers finite.
    fn seen(&self, x: &[f64], feet: &[Foot]) -> Result<Vec<Evaluated>> {
        let feet = Feet { feet, full: self.extent.full };
        let evaluated = |observable: &Observable| {
            let seen = observable.evaluate(self.system.dim(), x, &feet);
            let bad = seen.value.iter().chain(&seen.gradient).find(|value| !value.is_finite());
            bad.map_or(Ok(seen.clone()), |value| {
                Err(Error::invalid(
                    format!("observable {}", observable.name()),
                    "finite values and gradients at all generated samples",
                    value.to_string(),
                    "Leave it out, or mend the function",
                ))
            })
        };
        self.observables().iter().map(evaluated).collect()
    }

    /// Fills the columns of a tile; the displacements of `run` are those of the errors that respond.
    pub(super) fn put_response(
        &self,
        to: &mut BTreeMap<&'static str, Vec<f64>>,
        run: &Forward,
        feet: &[Foot],
    ) -> Result<()> {
        if self.extent.observables == 0 {
            return Ok(());
        }
        let (dim, errors, count) = (self.system.dim(), self.extent.responding, self.extent.observables);
        let samples = run.end.len() / dim;
        let seen = self.seen(&run.end, feet)?;
        to.insert("observables", interleaved(seen.iter().map(|f| &f.value[..]), samples, count));
        let along: Vec<Vec<f64>> =
            seen.iter().map(|f| slopes(dim, &f.gradient, &run.displacement, errors)).collect();
        let rows = interleaved(along.iter().map(|s| &s[..]), samples * errors, count);
        to.insert("observable_slopes", rows);
        if let Some(density) = &run.density {
            to.insert("response", density.response.clone());
            to.insert("pathwise_score", density.score.clone());
            to.insert("response_error", density.response_error.clone());
            to.insert("pathwise_score_error", density.score_error.clone());
            let logs = density.log_source.iter().zip(&run.log_det).map(|(log, det)| log - det);
            to.insert("log_density", logs.collect());
        }
        Ok(())
    }

    /// Central differences of every observable for every error at all sizes, `[n, e, size, f]`.
    pub(super) fn put_differences(
        &self,
        to: &mut BTreeMap<&'static str, Vec<f64>>,
        batch: &Batch,
    ) -> Result<()> {
        let samples = batch.samples.start..batch.samples.end.min(checked(self.request));
        let (errors, count) = (self.opposites.len(), self.extent.observables);
        if samples.is_empty() || errors * count == 0 {
            return Ok(());
        }
        let batch = Batch { samples: samples.clone(), ..batch.clone() };
        let sizes = DIFFERENCE_SIZES.len();
        let mut out = vec![0.0; samples.len() * errors * sizes * count];
        let seen_at_end = |step: &Step| -> Result<Vec<Evaluated>> {
            let end = forward(step, &batch, 0, Keep::default())?.end;
            let feet = self.system.support.as_ref().map_or_else(Vec::new, |s| s.project_batch(&end));
            self.seen(&end, &feet)
        };
        for (e, opposites) in self.opposites.iter().enumerate() {
            for (s, (Opposites { up, down }, size)) in opposites.iter().zip(DIFFERENCE_SIZES).enumerate() {
                let (up, down) = (seen_at_end(up)?, seen_at_end(down)?);
                for (f, (up, down)) in up.iter().zip(&down).enumerate() {
                    for (sample, (up, down)) in up.value.iter().zip(&down.value).enumerate() {
                        out[((sample * errors + e) * sizes + s) * count + f] = (up - down) / (2.0 * size);
                    }
                }
            }
        }
        to.insert("finite_differences", out);
        Ok(())
    }
}

/// `lists[count][rows]` as `[rows, count]`.
fn interleaved<'a>(lists: impl Iterator<Item = &'a [f64]>, rows: usize, count: usize) -> Vec<f64> {
    let mut out = vec![0.0; rows * count];
    for (index, list) in lists.enumerate() {
        out.iter_mut().skip(index).step_by(count).zip(list).for_each(|(out, value)| *out = *value);
    }
    out
}
