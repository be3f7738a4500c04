//! The support classifier of a finished run: learned from half of the samples, held against the other half and its
//! perturbed twins (theory §10, CdC Prop. 4.1). It needs all samples at once, so it comes after the chunks.

use super::axis::{Axis, ColumnSource, ColumnSpec};
use super::request::Request;
use super::system::System;
use crate::classifier::{OneClass, kernel_width};
use crate::error::Result;
use crate::statistics::Quantiles;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// ν, the share of training samples that may lie outside.
const OUTSIDE: f64 = 0.05;
/// Most samples that a classifier is trained on.
const MOST_TRAINING: usize = 1000;
/// Fewest samples of a run that is classified.
pub(super) const FEWEST_SAMPLES: usize = 100;

/// Normal quantile of 97.5 %.
const Z: f64 = 1.959963984540054;

/// `summary.json`: what a one-class support vector machine makes of the samples.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClassifierSummary {
    /// Standard deviation h of the Gaussian kernel, for all classifiers.
    pub kernel_width: f64,
    /// ν, the share of training samples left outside.
    pub nu: f64,
    /// Samples trained on: every other one, 1,000 at most.
    pub trained_on: usize,
    /// ρ/‖w‖ of the classifier trained on unperturbed samples.
    pub margin: f64,
    /// Share of held-out samples that it rejects.
    pub held_out_error: Share,
    /// Signed distance of held-out samples to its boundary in feature space, positive inside.
    pub distance: Quantiles,
    /// By error kind and size.
    pub under_error: Vec<ClassifierUnderError>,
}

impl ClassifierSummary {
    /// What came of it, in a sentence.
    pub fn sentence(&self) -> String {
        let percent = |share: &Share| format!("{:.1} %", 100.0 * share.value);
        let most = |a: &ClassifierUnderError, b: &ClassifierUnderError| {
            a.rejected.value.total_cmp(&b.rejected.value)
        };
        let worst = self.under_error.iter().max_by(|a, b| most(a, b)).map_or_else(String::new, |entry| {
            format!(
                ", and at most {} of their perturbed twins ({} of size {})",
                percent(&entry.rejected),
                entry.kind,
                entry.size
            )
        });
        format!(
            "Support classifier: margin {:.3}; it rejects {} of the {} held-out samples{worst}.",
            self.margin,
            percent(&self.held_out_error),
            self.held_out_error.n
        )
    }
}

/// The same for a perturbed model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClassifierUnderError {
    /// Error kind.
    pub kind: String,
    /// ε.
    pub size: f64,
    /// Share of the held-out samples' twins that the unperturbed model's classifier rejects.
    pub rejected: Share,
    /// Their signed distance to its boundary.
    pub distance: Quantiles,
    /// ρ/‖w‖ of a classifier trained on perturbed samples.
    pub margin: f64,
    /// Share of held-out perturbed samples that this one rejects.
    pub held_out_error: Share,
    /// Share of held-out unperturbed samples that this one rejects: the support it learned against the right one.
    pub rejects_unperturbed: Share,
}

/// A share of n samples with its 95 % interval (Wilson).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Share {
    /// The share.
    pub value: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// n
    pub n: usize,
}

impl Share {
    /// `part` of `n` ≥ 1.
    pub fn of(part: usize, n: usize) -> Share {
        let (p, count) = (part as f64 / n as f64, n as f64);
        let scale = 1.0 + Z * Z / count;
        let middle = (p + 0.5 * Z * Z / count) / scale;
        let half = Z / scale * (p * (1.0 - p) / count + 0.25 * Z * Z / (count * count)).sqrt();
        Share { value: p, low: (middle - half).max(0.0), high: (middle + half).min(1.0), n }
    }
}

/// The classifier's summary and columns.
pub struct Classified {
    /// For `summary.json`; absent where the samples are one point and there is nothing to learn.
    pub summary: Option<ClassifierSummary>,
    /// The columns of [`classifier_layout`], whole.
    pub columns: BTreeMap<&'static str, Vec<f64>>,
}

const DISTANCE: &str = "classifier_distance";
const PERTURBED: &str = "perturbed_classifier_distance";

/// Columns that [`classify`] makes; none where the run has too few samples or follows no vectors.
pub fn classifier_layout(request: &Request, perturbations: usize) -> Vec<ColumnSpec> {
    if !request.spectrum || request.samples < FEWEST_SAMPLES {
        return Vec::new();
    }
    let mut specs = vec![ColumnSpec {
        name: DISTANCE,
        axes: vec![Axis::Sample],
        shape: vec![request.samples],
        unit: "",
        description: "signed distance to the boundary of the one-class classifier in feature space, positive inside (theory §10)",
    }];
    if perturbations > 0 {
        specs.push(ColumnSpec {
            name: PERTURBED,
            axes: vec![Axis::Sample, Axis::Perturbation],
            shape: vec![request.samples, perturbations],
            unit: "",
            description: "the same of the perturbed twin, to the boundary that the unperturbed samples gave",
        });
    }
    specs
}

/// Trains and judges the classifiers of a finished run. `None` where [`classifier_layout`] is empty.
///
/// # Errors
/// Unreadable columns.
pub fn classify(
    system: &System,
    request: &Request,
    norms: &[f64],
    columns: &dyn ColumnSource,
) -> Result<Option<Classified>> {
    let list = request.perturbations(norms);
    if classifier_layout(request, list.len()).is_empty() {
        return Ok(None);
    }
    let dim = system.dim();
    let x = columns.read("x")?;
    let training = trained_rows(request.samples);
    let Some(width) = kernel_width(dim, &picked(dim, &x, &training)) else {
        let zeros = |spec: ColumnSpec| (spec.name, vec![0.0; spec.shape.iter().product()]);
        let columns = classifier_layout(request, list.len()).into_iter().map(zeros).collect();
        return Ok(Some(Classified { summary: None, columns }));
    };
    let own = OneClass::train(dim, &picked(dim, &x, &training), width, OUTSIDE)?;
    let distances = own.distances(&x);
    let mut judged = Vec::new();
    let mut perturbed_distances = vec![0.0; request.samples * list.len()];
    let twins = if list.is_empty() { Vec::new() } else { columns.read("perturbed_x")? };
    for (place, entry) in list.iter().enumerate() {
        let moved: Vec<f64> =
            twins.chunks_exact(dim).skip(place).step_by(list.len()).flatten().copied().collect();
        let from_own = own.distances(&moved);
        for (sample, distance) in from_own.iter().enumerate() {
            perturbed_distances[sample * list.len() + place] = *distance;
        }
        let other = OneClass::train(dim, &picked(dim, &moved, &training), width, OUTSIDE)?;
        judged.push(ClassifierUnderError {
            kind: entry.kind.clone(),
            size: entry.size,
            rejected: rejected(&from_own),
            distance: Quantiles::of(&held_out(&from_own)),
            margin: other.margin(),
            held_out_error: rejected(&other.distances(&moved)),
            rejects_unperturbed: rejected(&other.distances(&x)),
        });
    }
    let summary = ClassifierSummary {
        kernel_width: width,
        nu: OUTSIDE,
        trained_on: training.len(),
        margin: own.margin(),
        held_out_error: rejected(&distances),
        distance: Quantiles::of(&held_out(&distances)),
        under_error: judged,
    };
    let mut columns = BTreeMap::from([(DISTANCE, distances)]);
    if !list.is_empty() {
        columns.insert(PERTURBED, perturbed_distances);
    }
    Ok(Some(Classified { summary: Some(summary), columns }))
}

/// The samples that are trained on: every other one, evenly thinned.
fn trained_rows(samples: usize) -> Vec<usize> {
    let even = samples.div_ceil(2);
    let count = even.min(MOST_TRAINING);
    (0..count).map(|i| 2 * (i * even / count)).collect()
}

fn picked(dim: usize, x: &[f64], rows: &[usize]) -> Vec<f64> {
    rows.iter().flat_map(|&row| x[row * dim..][..dim].iter().copied()).collect()
}

/// Every other value, those not trained on.
fn held_out(values: &[f64]) -> Vec<f64> {
    values.iter().skip(1).step_by(2).copied().collect()
}

fn rejected(distances: &[f64]) -> Share {
    let held = held_out(distances);
    Share::of(held.iter().filter(|&&distance| distance < 0.0).count(), held.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn training_and_held_out_rows_are_apart() {
        for samples in [100, 101, 1999, 5000] {
            let rows = trained_rows(samples);
            assert!(rows.iter().all(|row| row % 2 == 0 && *row < samples), "{samples}");
            assert!(rows.windows(2).all(|pair| pair[0] < pair[1]) && rows.len() <= MOST_TRAINING);
        }
        assert_eq!(held_out(&[0.0, 1.0, 2.0, 3.0, 4.0]), [1.0, 3.0]);
    }

    #[test]
    fn shares_have_wilsons_interval() {
        // Values of the published formula, e.g. statsmodels proportion_confint(5, 100, method="wilson").
        let share = Share::of(5, 100);
        assert!((share.low - 0.02154368).abs() < 1e-7 && (share.high - 0.11175047).abs() < 1e-7, "{share:?}");
        assert_eq!(Share::of(0, 50).low, 0.0);
        assert_eq!(Share::of(50, 50).high, 1.0);
    }
}
