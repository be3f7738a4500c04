//! What twice the steps change at the first points: the error estimate of tangent spaces and dimension (theory §11.7).

use super::{ALL_UP_TO, Found, PATH_BYTES, Task};
use crate::failure::Result;
use crate::table::number;
use serde::Serialize;
use surefoot::dimension::{GapRule, gap};
use surefoot::process::MAX_STEPS;
use surefoot::sampler::Step;
use surefoot::spectrum::bundle;
use surefoot::statistics::Quantiles;
use surefoot::sweep::{Batch, Refinement, Storage};

/// Points that are followed again where none are asked for, up to and above [`ALL_UP_TO`] dimensions.
const POINTS: [usize; 2] = [8, 1];

/// The first points with N and with 2 N steps on the same starts and noise.
#[derive(Debug, Serialize)]
pub struct Doubled {
    /// How many points.
    points: usize,
    /// 2 N
    doubled_steps: usize,
    /// Changes of the log singular values of the tangent space, nats, over points and vectors.
    change: Quantiles,
    /// The largest of them.
    largest: f64,
    /// The answers of the gap rule on these points with N and with 2 N steps; one vector has none.
    dimensions: Option<[usize; 2]>,
}

impl Task<'_> {
    /// Follows the first points with twice the steps; `None` where that is not asked for, or more steps than a generation may take.
    ///
    /// # Errors
    /// A path that leaves the finite numbers.
    pub(super) fn doubled(&self, found: &Found, d: usize) -> Result<Option<Doubled>> {
        let usual = POINTS[usize::from(self.dim > ALL_UP_TO)];
        let points = self.options.convergence.unwrap_or(usual).min(self.count);
        let grid = self.step.grid.doubled();
        if points == 0 || grid.steps > MAX_STEPS {
            return Ok(None);
        }
        let step = Step::new(self.step.drift.clone(), grid, self.step.method, Vec::new())?;
        let starts = found.encoded.as_ref().map(|encoded| &encoded.start[..points * self.dim]);
        let source = self.source(starts, 0);
        let seed = self.options.seed;
        let batch =
            Batch { source: source.as_ref(), seed, samples: 0..points, refinement: Refinement::Doubled };
        let again = bundle(&step, &batch, self.search(), Storage::Bytes(PATH_BYTES))?;
        let k = self.vectors;
        let own = &found.log_values[..points * k];
        let pairs = own.chunks_exact(k).zip(again.log_values.chunks_exact(k));
        let changes: Vec<f64> =
            pairs.flat_map(|(a, b)| a.iter().zip(b).take(d).map(|(a, b)| (a - b).abs())).collect();
        let largest = changes.iter().copied().fold(0.0, f64::max);
        let rule = GapRule { seed, ..GapRule::of(k) };
        let dimension =
            |values: &[f64]| -> Result<usize> { Ok(gap(values, self.dim, k, rule)?.ensemble.gap.dimension) };
        let dimensions = if k > 1 { Some([dimension(own)?, dimension(&again.log_values)?]) } else { None };
        Ok(Some(Doubled {
            points,
            doubled_steps: grid.steps,
            change: Quantiles::of(&changes),
            largest,
            dimensions,
        }))
    }
}

impl Doubled {
    /// In words.
    pub fn sentence(&self) -> String {
        let caution = match self.dimensions {
            Some([own, doubled]) if own != doubled => {
                format!(
                    " Caution: the largest drop is after vector {doubled} there, not {own}: use more steps."
                )
            }
            _ => String::new(),
        };
        format!(
            "with twice the steps ({}) the log singular values of the tangent space change by {} nats (median), at most {} ({}).{caution}\n",
            self.doubled_steps,
            number(self.change.q50),
            number(self.largest),
            if self.points == 1 { "the first point".into() } else { format!("first {} points", self.points) }
        )
    }
}
