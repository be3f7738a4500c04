//! The keys `response` and `likelihood` of `summary.json`.

use super::super::summarise::{Reader, strided};
use super::{DIFFERENCE_SIZES, checked, responds};
use crate::error::Result;
use crate::response::{Differences, Estimate, Forms, Formula, bits_per_dim};
use crate::statistics::Quantiles;
use crate::sweep::Probes;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Starts at which the field is asked for its precision.
const PROBED: usize = 8;

/// Deviation by rounding over the spacing of the numbers.
const SPREAD: f64 = 0.3;

/// By error kind, then by observable.
type ByObservable = BTreeMap<String, BTreeMap<String, f64>>;

/// First-order response of the means of some observables to the errors (theory §7).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ResponseSummary {
    /// |density form − path form| over the larger of both, by error kind and observable; empty where the density form
    /// is not computed.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub density_vs_path: ByObservable,
    /// Exponent of ε with which central differences approach the path form over the same samples, by error kind and
    /// observable: 2 where errors are small enough. Absent where no two sizes stand above rounding.
    pub finite_difference_order: ByObservable,
    /// ε of the central differences.
    pub finite_difference_sizes: Vec<f64>,
    /// Leading samples behind the central differences.
    pub finite_difference_samples: usize,
    /// `deterministic`, or `given-noise`: the density of x_τ given the noise of a stochastic sampler; absent where the
    /// density form is not computed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub density: Option<String>,
    /// How the volume was differentiated for the density form; absent where that is not computed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub formula: Option<DensityFormula>,
    /// What random probes add to the uncertainty; absent for exact formulas.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub probe_errors: Option<ProbeErrors>,
    /// The numbers behind, one entry an error kind and observable.
    pub answers: Vec<Answer>,
}

/// How ∇ log|det A_n| and tr(db_n A_n^{-1}) are had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DensityFormula {
    /// From all directions.
    Exact,
    /// From random probes.
    Hutchinson {
        /// Probes a step and sample.
        probes: usize,
    },
}

/// Standard errors of single samples over their probes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProbeErrors {
    /// Median standard error of δ log ρ_τ by error kind, per unit size.
    pub response: BTreeMap<String, f64>,
    /// Median of the standard error of the pathwise score over its length.
    pub score: f64,
}

/// Response of the mean of one observable to one error, per unit size.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// Error kind.
    pub kind: String,
    /// Observable as typed.
    pub observable: String,
    /// E\[f\] itself.
    pub value: Estimate,
    /// E\[∇f·ζ\].
    pub path: Estimate,
    /// E\[f δ log ρ\].
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub density: Option<Estimate>,
    /// The part of the density form's standard error that is due to random probes; absent for exact formulas.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub probe_error: Option<f64>,
    /// density − path, sample by sample.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub difference: Option<Estimate>,
    /// Central differences over the leading samples, beside the path form over the same.
    pub finite_difference: Differences,
}

/// Log-likelihood of the generated samples under the model's own density.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LikelihoodSummary {
    /// By which formula.
    pub formula: Formula,
    /// log ρ_τ(x_τ), nats.
    pub log_density: Quantiles,
    /// −log₂ ρ_τ per dimension.
    pub bits_per_dim: Quantiles,
    /// Median standard error of a sample's log-density, nats; absent for exact formulas.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub standard_error: Option<f64>,
}

impl LikelihoodSummary {
    /// From the log-densities of samples in R^D with their standard errors (0 where exact).
    pub fn of(formula: Formula, log_density: &[f64], standard_error: &[f64], dim: usize) -> Self {
        let bits: Vec<f64> = log_density.iter().map(|log| bits_per_dim(*log, dim)).collect();
        let error = Quantiles::of(standard_error).q50;
        LikelihoodSummary {
            formula,
            log_density: Quantiles::of(log_density),
            bits_per_dim: Quantiles::of(&bits),
            standard_error: (error > 0.0).then_some(error),
        }
    }
}

/// From the finished columns; `None` if the run has no likelihood.
pub(in crate::analysis) fn summarise_likelihood(reader: &Reader) -> Result<Option<LikelihoodSummary>> {
    if !reader.extent.likelihood {
        return Ok(None);
    }
    let logs = reader.read("log_density")?;
    let exact = vec![0.0; logs.len()];
    Ok(Some(LikelihoodSummary::of(Formula::Discrete, &logs, &exact, reader.system.dim())))
}

/// From the finished columns; `None` if the run has no response.
pub(in crate::analysis) fn summarise_response(reader: &Reader) -> Result<Option<ResponseSummary>> {
    let (count, errors) = (reader.extent.observables, reader.extent.responding);
    if count * errors == 0 {
        return Ok(None);
    }
    let data = Data {
        count,
        errors,
        values: reader.read("observables")?,
        slopes: reader.read("observable_slopes")?,
        differences: reader.read("finite_differences")?,
        response: if reader.extent.density { reader.read("response")? } else { Vec::new() },
        rounding: rounding(reader)?,
        response_error: Vec::new(),
    };
    let signs = match reader.extent.probes {
        Some(Probes::Signs { count }) => Some(count),
        _ => None,
    };
    let response_error = if signs.is_some() { reader.read("response_error")? } else { Vec::new() };
    let data = Data { response_error, ..data };
    let names = reader.request.error_names();
    let kinds = names.into_iter().zip(&reader.request.errors).filter(|(_, error)| responds(&error.kind));
    let observables = reader.request.observables.as_deref().unwrap_or_default();
    let mut summary = ResponseSummary {
        density_vs_path: BTreeMap::new(),
        finite_difference_order: BTreeMap::new(),
        finite_difference_sizes: DIFFERENCE_SIZES.to_vec(),
        finite_difference_samples: checked(reader.request),
        density: reader.extent.density.then(|| {
            let noisy = reader.system.drift.process.noise_level() > 0.0;
            if noisy { "given-noise" } else { "deterministic" }.into()
        }),
        formula: reader
            .extent
            .density
            .then(|| signs.map_or(DensityFormula::Exact, |probes| DensityFormula::Hutchinson { probes })),
        probe_errors: None,
        answers: Vec::with_capacity(count * errors),
    };
    let mut by_kind = BTreeMap::new();
    for (e, (kind, _)) in kinds.enumerate() {
        if signs.is_some() {
            by_kind.insert(kind.clone(), Quantiles::of(&strided(&data.response_error, errors, e)).q50);
        }
        for (f, observable) in observables.iter().enumerate() {
            let (answer, forms) = data.answer(e, f, &kind, observable.name());
            if let Some(forms) = forms {
                let gaps = summary.density_vs_path.entry(kind.clone()).or_default();
                gaps.insert(answer.observable.clone(), forms.relative_difference());
            }
            if let Some(order) = answer.finite_difference.order {
                let orders = summary.finite_difference_order.entry(kind.clone()).or_default();
                orders.insert(answer.observable.clone(), order);
            }
            summary.answers.push(answer);
        }
    }
    if signs.is_some() {
        summary.probe_errors = Some(ProbeErrors { response: by_kind, score: score_error(reader)? });
    }
    Ok(Some(summary))
}

/// Median of ‖standard error of s‖/‖s‖ over the samples.
fn score_error(reader: &Reader) -> Result<f64> {
    let (dim, length) = (reader.system.dim(), |v: &[f64]| v.iter().map(|v| v * v).sum::<f64>().sqrt());
    let (scores, errors) = (reader.read("pathwise_score")?, reader.read("pathwise_score_error")?);
    let rows = scores.chunks_exact(dim).zip(errors.chunks_exact(dim));
    let shares: Vec<f64> = rows.map(|(s, e)| length(e) / length(s).max(f64::MIN_POSITIVE)).collect();
    Ok(Quantiles::of(&shares).q50)
}

/// The columns behind.
struct Data {
    /// Observables.
    count: usize,
    /// Errors that respond.
    errors: usize,
    /// `[n, f]`
    values: Vec<f64>,
    /// `[n, e, f]`
    slopes: Vec<f64>,
    /// `[m, e, size, f]`
    differences: Vec<f64>,
    /// `[n, e]`, or none
    response: Vec<f64>,
    /// Relative rounding of a mean over the checked samples.
    rounding: f64,
    /// `[n, e]`, or none
    response_error: Vec<f64>,
}

/// Relative rounding of half the difference of two means over the m checked samples after τ steps.
///
/// Every step adds the rounding of the field's output, times δt, and that of the state, at random: over m samples the
/// first comes to u_f/√(τ m) and the second to u √(τ/m), with u the spacing of numbers near 1 over √12, the deviation of
/// a number rounded to the nearest. A network's own sums make it somewhat more than the 1/√24 of half a difference. The field rounds to single precision where all its values at some starts do.
fn rounding(reader: &Reader) -> Result<f64> {
    let (system, dim) = (reader.system, reader.system.dim());
    let mut x = reader.read("x0")?;
    x.truncate(PROBED * dim);
    let mut y = vec![0.0; x.len()];
    system.drift.field.eval(system.drift.moment(system.grid.start), &x, &mut y);
    let single = y.iter().all(|y| f64::from(*y as f32) == *y) && y.iter().any(|y| *y != 0.0);
    let field = if single { f64::from(f32::EPSILON) } else { f64::EPSILON };
    let (steps, samples) = (system.grid.steps as f64, checked(reader.request) as f64);
    Ok(SPREAD * (field / (steps * samples).sqrt() + f64::EPSILON * (steps / samples).sqrt()))
}

impl Data {
    fn answer(&self, e: usize, f: usize, kind: &str, observable: String) -> (Answer, Option<Forms>) {
        let values = strided(&self.values, self.count, f);
        let slopes = strided(&self.slopes, self.errors * self.count, e * self.count + f);
        // The density form is a covariance, of which one sample has none.
        let forms = (!self.response.is_empty() && values.len() > 1)
            .then(|| Forms::of(&values, &slopes, &strided(&self.response, self.errors, e)));
        let answer = Answer {
            kind: kind.into(),
            observable,
            value: Estimate::of(values.iter().copied()),
            path: Estimate::of(slopes.iter().copied()),
            density: forms.map(|forms| forms.density),
            probe_error: (!self.response_error.is_empty())
                .then(|| Forms::probe_error(&values, &strided(&self.response_error, self.errors, e))),
            difference: forms.map(|forms| forms.difference),
            finite_difference: self.differences(e, f, &values, &slopes),
        };
        (answer, forms)
    }

    fn differences(&self, e: usize, f: usize, values: &[f64], slopes: &[f64]) -> Differences {
        let sizes = DIFFERENCE_SIZES.len();
        let width = self.errors * sizes * self.count;
        let leading = self.differences.len() / width;
        let mean = |values: &[f64]| values.iter().sum::<f64>() / leading as f64;
        let at = |s: usize| mean(&strided(&self.differences, width, (e * sizes + s) * self.count + f));
        let largest = values[..leading].iter().fold(0.0f64, |top, v| top.max(v.abs()));
        let found = (0..sizes).map(at).collect();
        Differences::of(&DIFFERENCE_SIZES, found, mean(&slopes[..leading]), self.rounding * largest)
    }
}
