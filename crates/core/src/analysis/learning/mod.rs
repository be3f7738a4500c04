//! Learning errors: the difference to another model along the sample paths, to first order and within the bound that the
//! gains set (theory §8).

mod columns;
mod summary;
mod words;

pub(super) use columns::learning_columns;
pub(super) use summary::summarise_learning;
pub use summary::{ErrorStep, Explained, LearningError, OffSupport, Shift};

use super::request::{ErrorKind, Request};
use super::study::Study;
use crate::field::SharedField;
use crate::gains::Gains;
use crate::robustness::predicted_distance;
use crate::support::Foot;
use crate::sweep::Forward;
use std::collections::BTreeMap;
use std::ops::Range;

/// A learning error at its own size.
pub(super) struct Learned {
    /// e(x, u), unscaled.
    field: SharedField,
    /// Place among the errors with a first-order displacement.
    forced: usize,
    /// ε: the largest ∞-norm met on the sampled paths.
    size: f64,
}

/// The learning errors of a request, with the norms of [`super::error_scales`].
pub(super) fn learned(request: &Request, norms: &[f64]) -> Vec<Learned> {
    let forced = request.errors.iter().zip(norms).filter(|(e, _)| !matches!(e.kind, ErrorKind::Coarser));
    let learned = forced.enumerate().filter_map(|(forced, (error, &size))| {
        Some(Learned { field: error.kind.learning_error()?.clone(), forced, size })
    });
    learned.collect()
}

impl Study<'_> {
    /// Fills the columns of a tile, whose `run` kept its path and whose `gains` have the rates of all samples.
    pub(super) fn put_learning(
        &self,
        to: &mut BTreeMap<&'static str, Vec<f64>>,
        tile: &Range<usize>,
        run: &Forward,
        feet: &[Foot],
        gains: Option<&Gains>,
    ) {
        if self.learned.is_empty() {
            return;
        }
        let (dim, steps) = (self.system.dim(), self.system.grid.steps);
        let lengths = self.error_lengths(&run.path, tile.len());
        let dt: Vec<f64> = (0..steps).map(|n| self.system.grid.dt(n)).collect();
        // Σ δt_n g(n) ‖e_n‖ of every sample and error.
        let bound = |rates: &[f64]| -> Vec<f64> {
            let rows = lengths.chunks_exact(steps).enumerate();
            let rate = |row: usize| &rates[row / self.learned.len() * steps..][..steps];
            let sum = |(row, e): (usize, &[f64])| {
                let parts = e.iter().zip(rate(row)).zip(&dt);
                parts.map(|((e, g), dt)| dt * g * e).sum()
            };
            rows.map(sum).collect()
        };
        if let Some(gains) = gains.filter(|_| self.extent.bounded) {
            to.insert("learning_bound_normal", bound(&gains.normal_rate));
            to.insert("learning_bound_tangent", bound(&gains.tangent_rate));
        }
        if self.extent.support {
            let rows = run.end.chunks_exact(dim).zip(feet).enumerate();
            let predicted = rows.flat_map(|(sample, (x, foot))| {
                let zeta = &run.displacement[sample * self.extent.forced * dim..];
                self.learned.iter().map(move |error| {
                    let moved: Vec<f64> =
                        zeta[error.forced * dim..][..dim].iter().map(|z| error.size * z).collect();
                    predicted_distance(x, foot, &moved)
                })
            });
            to.insert("predicted_distance", predicted.collect());
        }
        let kept = self.curves(tile) * self.learned.len() * steps;
        to.insert("learning_error", lengths.into_iter().take(kept).collect());
    }

    /// ‖e(x_n, u_n)‖₂ `[n, error, τ]` along `path[τ+1, n, D]`.
    fn error_lengths(&self, path: &[f64], samples: usize) -> Vec<f64> {
        let (dim, steps, errors) = (self.system.dim(), self.system.grid.steps, self.learned.len());
        let mut lengths = vec![0.0; samples * errors * steps];
        let mut e = vec![0.0; samples * dim];
        for (n, x) in path.chunks_exact((samples * dim).max(1)).take(steps).enumerate() {
            let at = self.system.drift.error_moment(self.system.grid.time(n));
            for (index, error) in self.learned.iter().enumerate() {
                error.field.eval(at, x, &mut e);
                for (sample, e) in e.chunks_exact(dim).enumerate() {
                    lengths[(sample * errors + index) * steps + n] =
                        e.iter().map(|e| e * e).sum::<f64>().sqrt();
                }
            }
        }
        lengths
    }
}
