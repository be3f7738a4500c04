//! Headline figures of the runs of a sweep, with intervals, and what the first and another run differ by.

use crate::commands::execute::Finished;
use crate::failure::Result;
use crate::report::{Contrast, Curve};
use serde_json::Value;
use surefoot::analysis::{ColumnSource, Robustness};
use surefoot::statistics::{Estimate, bootstrap, wasserstein1};

/// Vectors whose growth is followed.
const VECTORS: usize = 8;

/// A figure of a run: a distribution of `summary.json`, by its pointer, or the off-support shift of an error kind.
enum Measure {
    Median(String),
    Shift(String),
}

/// All figures that every run has.
///
/// # Errors
/// Unreadable columns.
pub fn curves(runs: &[Finished]) -> Result<Vec<Curve>> {
    let summaries: Vec<Value> =
        runs.iter().map(|run| serde_json::to_value(&run.summary).unwrap_or_default()).collect();
    let mut list = Vec::new();
    for Named { figure, label, unit, measure } in measures(&runs[0]) {
        let mut points = Vec::new();
        for (run, summary) in runs.iter().zip(&summaries) {
            points.extend(match &measure {
                Measure::Median(pointer) => median(summary, pointer),
                Measure::Shift(kind) => shift(run, kind)?,
            });
        }
        if points.len() == runs.len() {
            list.push(Curve { figure, label, unit, points });
        }
    }
    Ok(list)
}

/// A figure with its name, its words and its unit.
struct Named {
    figure: String,
    label: String,
    unit: &'static str,
    measure: Measure,
}

const LENGTH: &str = "data units";

fn measures(run: &Finished) -> Vec<Named> {
    let mut list: Vec<Named> = Vec::new();
    let mut add = |figure: String, label: String, unit: &'static str, pointer: String| {
        list.push(Named { figure, label, unit, measure: Measure::Median(pointer) });
    };
    add("distance".into(), "distance to the support".into(), LENGTH, "/robustness/0/distance".into());
    let worst = worst_entries(run);
    for Worst { kind, place, entry } in &worst {
        let (normal, along) =
            (format!("/robustness/{place}/first_order/normal"), format!("/robustness/{place}/along"));
        let per_size = "data units per unit size";
        add(format!("normal.{kind}"), format!("‖Nᵀζ‖, {kind} error"), per_size, normal);
        add(format!("along.{kind}"), format!("along-support shift, {kind} {}", entry.size), LENGTH, along);
        add(
            format!("footing.{kind}"),
            format!("footing φ, {kind} error"),
            "pure number",
            format!("/footing/{kind}"),
        );
    }
    if run.summary.gains.is_some() {
        add("gains.normal".into(), "gain G_N".into(), "data units per unit error", "/gains/normal".into());
    }
    let exponents = run.summary.exponents.as_ref();
    let method = if exponents.is_some_and(|e| !e.svd.is_empty()) { "svd" } else { "qr" };
    for i in 0..exponents.map_or(0, |e| e.qr.len()).min(VECTORS) {
        let label = format!("log growth of vector {}, {method}", i + 1);
        add(format!("exponents.{method}.{i}"), label, "nats", format!("/exponents/{method}/{i}"));
    }
    for (figure, label, unit) in [
        ("score_cosine", "score cosine", "pure number"),
        ("subspace_angle_deg", "angle of Eᵈ and T", "degrees"),
    ] {
        let pointer = format!("/alignment/{figure}/{method}");
        add(format!("alignment.{figure}.{method}"), format!("{label}, {method}"), unit, pointer);
    }
    let shift = |worst: &Worst| Named {
        figure: format!("off_w1.{}", worst.kind),
        label: format!("off-support shift W₁, {} {}", worst.kind, worst.entry.size),
        unit: LENGTH,
        measure: Measure::Shift(worst.kind.clone()),
    };
    list.splice(1..1, worst.iter().map(shift));
    list
}

/// The largest size of an error kind.
pub struct Worst<'a> {
    /// The kind.
    pub kind: String,
    /// Its place in the robustness list.
    pub place: usize,
    /// Its entry there.
    pub entry: &'a Robustness,
}

/// The largest size of every error kind.
pub fn worst_entries(run: &Finished) -> Vec<Worst<'_>> {
    let mut list: Vec<Worst> = Vec::new();
    for (place, entry) in run.summary.robustness.iter().enumerate() {
        let worst = Worst { kind: entry.kind.clone(), place, entry };
        match list.iter_mut().find(|known| known.kind == entry.kind) {
            None => list.push(worst),
            Some(known) if known.entry.size < entry.size => *known = worst,
            Some(_) => {}
        }
    }
    list
}

fn median(summary: &Value, pointer: &str) -> Option<Estimate> {
    let of = |key: &str| summary.pointer(pointer)?.get(key)?.as_f64();
    Some(Estimate { value: of("q50")?, low: of("q50_low")?, high: of("q50_high")? })
}

/// Distances to the support without and with the largest error of a kind.
pub struct Distances {
    before: Vec<f64>,
    after: Vec<f64>,
}

impl Distances {
    /// Of a run; `None` without a support or such an error.
    ///
    /// # Errors
    /// Unreadable columns.
    pub fn of(run: &Finished, kind: &str) -> Result<Option<Distances>> {
        let entries = worst_entries(run);
        let Some(Worst { place, .. }) = entries.iter().find(|worst| worst.kind == kind) else {
            return Ok(None);
        };
        let Some(&[_, width]) = run.columns.shape("perturbed_distance") else { return Ok(None) };
        let before = run.columns.read("distance")?;
        let after = run.columns.read("perturbed_distance")?.into_iter().skip(*place).step_by(width).collect();
        Ok(Some(Distances { before, after }))
    }

    /// Off-support shift of some of the samples: the 1-Wasserstein distance of the two laws.
    pub fn shift(&self, rows: &[usize]) -> f64 {
        let pick = |values: &[f64]| rows.iter().map(|&i| values[i]).collect::<Vec<f64>>();
        wasserstein1(&pick(&self.before), &pick(&self.after))
    }
}

fn shift(run: &Finished, kind: &str) -> Result<Option<Estimate>> {
    let Some(distances) = Distances::of(run, kind)? else { return Ok(None) };
    Ok(bootstrap(distances.before.len(), run.request.seed, |rows| distances.shift(rows)))
}

/// How many times larger the off-support shifts of `other` are than those of `base`, on the same samples.
///
/// # Errors
/// Unreadable columns.
pub fn contrasts(base: &Finished, other: &Finished, names: [&str; 2]) -> Result<Vec<Contrast>> {
    let mut list = Vec::new();
    for Worst { kind, entry, .. } in worst_entries(base) {
        let (Some(a), Some(b)) = (Distances::of(base, &kind)?, Distances::of(other, &kind)?) else {
            continue;
        };
        let ratio = |rows: &[usize]| b.shift(rows) / a.shift(rows);
        if let Some(ratio) = bootstrap(a.before.len().min(b.before.len()), base.request.seed, ratio) {
            list.push(Contrast {
                figure: format!("off_w1.{kind}"),
                error: format!("{kind} error of size {} in the {}", entry.size, entry.error_in),
                base: names[0].into(),
                other: names[1].into(),
                ratio,
            });
        }
    }
    Ok(list)
}
