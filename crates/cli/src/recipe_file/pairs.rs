//! `pairs` of `[objective]`: pairs of sources and data that were made beforehand, for a reflow (Liu et al. 2023).

use super::data::{Prepared, Validated, validation_share};
use crate::data_file::{self, Pairs};
use crate::failure::{Failure, Result};
use crate::model_file::{Files, Section};
use std::path::PathBuf;
use surefoot::law::Law;
use surefoot::random::{Purpose, stream};
use surefoot::response::Estimate;
use surefoot::train::{Rows, TrainingSet};

/// Pairs, as a recipe names them.
#[derive(Debug, Clone)]
pub struct PairsRecipe {
    file: PathBuf,
    /// Share of the pairs that is kept for validation.
    validation: f64,
}

impl PairsRecipe {
    /// Reads `pairs` and `validation`, where there are pairs.
    ///
    /// # Errors
    /// Bad values, a file that is not there.
    pub fn read(section: &Section, files: &Files) -> Result<Option<PairsRecipe>> {
        let Some(name) = section.text("pairs")? else { return Ok(None) };
        let file = files.named(section, ["objective", "pairs"], &name)?;
        Ok(Some(PairsRecipe { file, validation: validation_share(section)? }))
    }

    /// Reads the pairs; `data` are those of `[data]`, to be shown beside samples.
    ///
    /// # Errors
    /// Unreadable or malformed pairs, pairs of another space than the data.
    pub fn prepare(&self, seed: u64, data: Option<&Prepared>) -> Result<Prepared> {
        let Pairs { x0, x1 } = data_file::pairs(&self.file)?;
        let (shape, dim) = (x1.shape[1..].to_vec(), x1.row_len());
        if let Some(data) = data.filter(|data| data.shape != shape) {
            let expected = format!("samples of the shape {:?}, as [data] has them", data.shape);
            let remedy = "Leave [data] out, or make the pairs with a model of these data";
            return Err(self.wrong("x1", expected, format!("{shape:?}"), remedy));
        }
        let single = |values: Vec<f64>| values.into_iter().map(|value| value as f32).collect();
        let rows = Rows::new(dim, single(x1.values), None).paired(single(x0.values))?;
        let [training, validation] = rows.split(self.validation, seed);
        let validated = Validated::of(&rows, &validation, self.validation);
        let [training, validation] = [training, validation].map(TrainingSet::Rows);
        let shown = data.map_or_else(|| validation.clone(), |data| data.training.clone());
        Ok(Prepared {
            training,
            validation,
            validated,
            shown,
            shape,
            classes: None,
            class_names: None,
            normalisation: data.and_then(|data| data.normalisation.clone()),
        })
    }

    /// Refuses pairs whose x0 plainly are no draws from the source that the model will start from: a coordinate's mean or
    /// mean square is more than six standard errors from that of as many draws.
    ///
    /// # Errors
    /// Such a coordinate; a source of another dimension.
    pub fn check_source(&self, pairs: &TrainingSet, source: &dyn Law) -> Result<()> {
        /// Pairs that are looked at, and the fewest that tell anything.
        const ROWS: std::ops::RangeInclusive<usize> = 100..=10_000;
        let TrainingSet::Rows(Rows { dim, sources: Some(sources), .. }) = pairs else { return Ok(()) };
        let remedy = "Name the [source] of the model that made the pairs";
        if source.dim() != *dim {
            let got = format!("[source] in dimension {}", source.dim());
            return Err(self.wrong("x0", format!("a source in dimension {dim}"), got, remedy));
        }
        let count = (sources.len() / dim).min(*ROWS.end());
        if count < *ROWS.start() {
            return Ok(());
        }
        let mut drawn = vec![0.0; count * dim];
        for (i, x) in drawn.chunks_exact_mut(*dim).enumerate() {
            source.sample(&mut stream(0, i as u64, Purpose::Reference), x);
        }
        for d in 0..*dim {
            let own = |i: usize| f64::from(sources[i * dim + d]);
            let other = |i: usize| drawn[i * dim + d];
            for power in [1, 2] {
                let [own, other] =
                    [Moment::of(count, |i| own(i).powi(power)), Moment::of(count, |i| other(i).powi(power))];
                if own.differs(&other) {
                    let what = if power == 1 { "mean" } else { "mean square" };
                    let expected = format!("draws from [source]: {what} {:.4} of coordinate {d}", other.mean);
                    return Err(self.wrong("x0", expected, format!("{:.4}", own.mean), remedy));
                }
            }
        }
        Ok(())
    }

    fn wrong(&self, name: &str, expected: String, got: String, remedy: &str) -> Failure {
        Failure::Value {
            place: self.file.display().to_string(),
            what: format!("array {name}"),
            expected,
            got,
            remedy: remedy.into(),
        }
    }
}

/// A mean with its standard error.
struct Moment {
    mean: f64,
    error: f64,
}

impl Moment {
    fn of(count: usize, value: impl Fn(usize) -> f64) -> Moment {
        let values: Vec<f64> = (0..count).map(value).collect();
        let Estimate { mean, standard_error, .. } = Estimate::of(values.into_iter());
        Moment { mean, error: standard_error.unwrap_or(f64::INFINITY) }
    }

    /// By more than chance and the rounding of f32 explain.
    fn differs(&self, other: &Moment) -> bool {
        let rounding = 1e-5 * (self.mean.abs() + other.mean.abs());
        (self.mean - other.mean).abs() > 6.0 * self.error.hypot(other.error) + rounding
    }
}
