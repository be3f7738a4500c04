//! The key `gains` of `summary.json`.

use super::super::memory::path_limit;
use super::super::request::{ErrorKind, Perturbation};
use super::super::summarise::{Reader, place_name, strided};
use super::path_bytes;
use crate::error::Result;
use crate::gains::ErrorNorm;
use crate::process::Grid;
use crate::statistics::Quantiles;
use serde::{Deserialize, Serialize};

/// Gains and error budget (theory §8): first-order displacement of a sample per unit pointwise size of a model error.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GainsSummary {
    /// Where the errors sit.
    pub error_in: String,
    /// G_N, off the support, per unit 2-norm, in data units.
    pub normal: Quantiles,
    /// G_T, along the support; absent for d = 0.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub tangent: Option<Quantiles>,
    /// G_N per unit ∞-norm, by row 1-norms.
    pub normal_inf: Quantiles,
    /// G_T per unit ∞-norm.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub tangent_inf: Option<Quantiles>,
    /// `all`, or `outward` where D is too large for N: the gain in the direction away from the support alone.
    pub normal_directions: String,
    /// tr(NᵀWN)/tr W for errors white in time.
    pub white_normal_share: Quantiles,
    /// Median standard error of a sample's share; absent where it is exact.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub white_normal_share_error: Option<f64>,
    /// (D − d)/D: the share of a random direction.
    pub white_normal_share_null: f64,
    /// When the samples' errors off the support arise.
    pub half: HalfOfGain,
    /// Medians of g_N and g_T, step by step.
    pub budget: Vec<BudgetStep>,
    /// Leading samples behind the budget.
    pub budget_samples: usize,
    /// Distance that the worst-case error added, over ε G_N in its norm, by size.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub attained: Vec<Attained>,
    /// Bytes a sample that its path takes on the way back.
    pub path_bytes: usize,
    /// Whether paths are recomputed from checkpoints because they would take more.
    pub path_recomputed: bool,
}

/// Medians of the gain rates of one step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BudgetStep {
    /// n.
    pub step: usize,
    /// Model time at its start.
    pub time: f64,
    /// g_N(n), data units a unit of model time.
    pub normal: f64,
    /// g_T(n); absent for d = 0.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub tangent: Option<f64>,
}

/// The shortest run of steps that carries half of the integral of the median g_N.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HalfOfGain {
    /// First step.
    pub first: usize,
    /// Last step.
    pub last: usize,
    /// Model time at the start of the first step.
    pub start: f64,
    /// Model time at the end of the last step.
    pub end: f64,
    /// Share of all steps.
    pub share_of_steps: f64,
}

impl GainsSummary {
    /// Whether G_N bounds every direction off the support, and not only that away from it.
    pub fn bounds(&self) -> bool {
        self.normal_directions == "all"
    }
}

impl HalfOfGain {
    /// When the model must be accurate.
    pub fn sentence(&self) -> String {
        let HalfOfGain { first, last, start, end, share_of_steps } = self;
        let word = if *share_of_steps > 0.4 {
            "The model must be accurate nearly everywhere: no short part of the generation decides"
        } else {
            "The model must be most accurate there"
        };
        let steps = if first == last { format!("n = {first}") } else { format!("n = {first} to {last}") };
        format!(
            "Half of the gain off the support comes from {:.0} % of the steps, {steps} (model time {start:.3} to {end:.3}). \
             {word}.",
            100.0 * share_of_steps
        )
    }
}

/// How much of its bound a worst-case error attained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Attained {
    /// Name of the error.
    pub kind: String,
    /// ε.
    pub size: f64,
    /// (dist(x^ε) − dist(x))/(ε G_N), distances to the middle of a thick support.
    pub share: Quantiles,
}

/// From the finished columns; `None` if the run has no gains.
pub(in crate::analysis) fn summarise_gains(
    reader: &Reader,
    perturbations: &[Perturbation],
) -> Result<Option<GainsSummary>> {
    let Some(place) = reader.request.gains.filter(|_| reader.extent.gains) else { return Ok(None) };
    let of = |name: &str| -> Result<Quantiles> { Ok(Quantiles::of(&reader.read(name)?)) };
    let along = |name: &str| if reader.extent.tangents { of(name).map(Some) } else { Ok(None) };
    let dim = reader.system.dim();
    let error = of("white_normal_share_error")?.q50;
    let budget = budget(reader)?;
    let bytes = path_bytes(&reader.system.step(Vec::new())?);
    let steps = reader.system.grid.steps;
    Ok(Some(GainsSummary {
        error_in: place_name(place).into(),
        normal: of("gain_normal")?,
        tangent: along("gain_tangent")?,
        normal_inf: of("gain_normal_inf")?,
        tangent_inf: along("gain_tangent_inf")?,
        normal_directions: if reader.extent.all_normals { "all" } else { "outward" }.into(),
        white_normal_share: of("white_normal_share")?,
        white_normal_share_error: (error > 0.0).then_some(error),
        white_normal_share_null: (dim - reader.extent.aligned) as f64 / dim as f64,
        half: half_of(&budget.iter().map(|step| step.normal).collect::<Vec<_>>(), reader.system.grid),
        budget,
        budget_samples: super::curve_count(reader.request, steps),
        attained: attained(reader, perturbations)?,
        path_bytes: bytes,
        path_recomputed: bytes > path_limit(reader.request),
    }))
}

fn budget(reader: &Reader) -> Result<Vec<BudgetStep>> {
    let grid = reader.system.grid;
    let medians = |name: &str| -> Result<Vec<f64>> {
        let values = reader.read(name)?;
        Ok((0..grid.steps).map(|n| Quantiles::of(&strided(&values, grid.steps, n)).q50).collect())
    };
    let normal = medians("gain_normal_rate")?;
    let tangent = if reader.extent.tangents { medians("gain_tangent_rate")? } else { Vec::new() };
    let step = |(n, normal): (usize, f64)| BudgetStep {
        step: n,
        time: grid.time(n),
        normal,
        tangent: tangent.get(n).copied(),
    };
    Ok(normal.into_iter().enumerate().map(step).collect())
}

/// The shortest window of steps with at least half of the integral of `rates`, one a step; the earliest of several.
pub(in crate::analysis) fn half_of(rates: &[f64], grid: Grid) -> HalfOfGain {
    let parts: Vec<f64> = rates.iter().enumerate().map(|(n, rate)| rate * grid.dt(n)).collect();
    let (first, last) = shortest_half(&parts);
    HalfOfGain {
        first,
        last,
        start: grid.time(first),
        end: grid.time(last + 1),
        share_of_steps: (last + 1 - first) as f64 / rates.len().max(1) as f64,
    }
}

/// Ends of the shortest run of entries ≥ 0 that holds half of their sum.
fn shortest_half(rates: &[f64]) -> (usize, usize) {
    let half = 0.5 * rates.iter().sum::<f64>();
    let (mut best, mut first, mut sum) = ((0, rates.len().saturating_sub(1)), 0, 0.0);
    for (last, rate) in rates.iter().enumerate() {
        sum += rate;
        while first < last && sum - rates[first] >= half {
            sum -= rates[first];
            first += 1;
        }
        if sum >= half && last - first < best.1 - best.0 {
            best = (first, last);
        }
    }
    best
}

fn attained(reader: &Reader, perturbations: &[Perturbation]) -> Result<Vec<Attained>> {
    let mut list = Vec::new();
    for (index, entry) in perturbations.iter().enumerate() {
        let ErrorKind::Worst { norm } = reader.request.errors[entry.error].kind else { continue };
        if reader.extent.full
            || entry.size == 0.0
            || Some(reader.request.errors[entry.error].place) != reader.request.gains
        {
            continue;
        }
        let gain = reader.read(if norm == ErrorNorm::Two { "gain_normal" } else { "gain_normal_inf" })?;
        let before = reader.read("middle_distance")?;
        let after = strided(&reader.read("perturbed_middle_distance")?, perturbations.len(), index);
        let moved = after.iter().zip(&before).zip(&gain).filter(|(_, gain)| **gain > 0.0);
        let shares: Vec<f64> = moved.map(|((a, b), gain)| (a - b) / (entry.size * gain)).collect();
        list.extend(Quantiles::of_any(&shares).map(|share| Attained {
            kind: entry.kind.clone(),
            size: entry.size,
            share,
        }));
    }
    Ok(list)
}

#[cfg(test)]
mod tests {
    use super::shortest_half;

    #[test]
    fn the_shortest_half_is_found() {
        assert_eq!(shortest_half(&[1.0, 1.0, 1.0, 1.0]), (0, 1));
        assert_eq!(shortest_half(&[0.1, 0.1, 3.0, 0.1]), (2, 2));
        assert_eq!(shortest_half(&[5.0, 0.0, 0.0, 4.0, 4.0]), (3, 4));
        assert_eq!(shortest_half(&[1.0]), (0, 0));
        assert_eq!(shortest_half(&[0.0, 0.0]), (0, 0));
    }
}
