//! The key `condition` of `summary.json`.

use super::super::summarise::Reader;
use super::columns::read;
use crate::condition::{CROSS_RATIO, Clause, Judgement, Quantities, Stretch, Trace, judge};
use crate::error::Result;
use crate::statistics::Quantiles;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The sufficient condition (theory §9; CdC Theorem 4.3) on the leading paths. It is sufficient only: a model that does
/// not meet it may be robust all the same.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ConditionSummary {
    /// Paths examined.
    pub paths: usize,
    /// d, the dimension of the sensitive subspace E.
    pub dimension: usize,
    /// How the score recursion differentiated the volume: `exact`, or `schur` for the block along E alone.
    pub trace: String,
    /// Share of paths with a t* and a δ, by the stretch that the theorem states, Π ‖R_j‖.
    pub satisfied: f64,
    /// The same by the stretch that its proof needs, ‖(R_{τ−1}⋯R_n)^{-1}‖^{-1}.
    pub satisfied_proof: f64,
    /// Every clause by itself: `stretch`, `stretch_proof`, `curvature`, `cross`.
    pub clauses: BTreeMap<String, ClauseShare>,
    /// Share of paths on which the generation loses volume.
    pub compressive: f64,
    /// Earliest t* of the paths that have one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub t_star: Option<Quantiles>,
    /// Largest admissible δ at t* of these paths.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub delta: Option<Quantiles>,
    /// Share of paths by the clause that breaks first, going back from the data: `stretch`, `curvature`, `delta` (each
    /// of the two can be met, but by no δ in common), `cross`, `none`. Clauses that break at the same step all count.
    pub first_failing: BTreeMap<String, f64>,
    /// What Remark 4.5 covers beside the theorem.
    pub remark_4_5: Remark45,
    /// Share of paths that contract at every step, which fail (i) whatever δ is.
    pub all_contracting: f64,
    /// ‖p_τ‖, score components along E at the end, from p_0 = 0.
    pub score_from_zero: Quantiles,
    /// The same from p_0 = s_0 E_0: ‖E^dᵀ s_τ‖ of the model's own density. Absent where the source has no density.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub score_from_source: Option<Quantiles>,
    /// The quantities step by step.
    pub steps: Vec<ConditionStep>,
}

/// One clause by itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClauseShare {
    /// Share of paths on which it can hold at the last step.
    pub at_end: f64,
    /// … and at all steps.
    pub throughout: f64,
    /// Margin where the condition breaks, or at n = 0: positive where the clause can hold. Mean log stretch a step
    /// (nats), 1 − curvature, or the bound on the cross ratio less the ratio.
    pub margin: Quantiles,
}

/// Cases that Remark 4.5 covers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Remark45 {
    /// Share of paths with α_n > 1 at all steps.
    pub all_stretching: f64,
    /// Share of paths whose curvature vanishes from some step on.
    pub straight: f64,
}

/// Medians over paths, and suprema as the theorem has them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct ConditionStep {
    pub step: usize,
    pub time: f64,
    /// α_n
    pub stretch: f64,
    pub stretch_sup: f64,
    /// β_n
    pub rest: f64,
    pub rest_sup: f64,
    /// Larger cross derivative over the block norms
    pub cross_ratio: f64,
    pub cross_ratio_sup: f64,
    pub curvature: f64,
    pub curvature_sup: f64,
}

/// From the finished columns; `None` if the condition was not examined.
pub(in crate::analysis) fn summarise_condition(reader: &Reader) -> Result<Option<ConditionSummary>> {
    if !reader.extent.condition {
        return Ok(None);
    }
    let found = read(reader)?;
    let paths = found.log_volume.len();
    let judged = |stretch| (0..paths).map(|s| judge(&found, s, stretch)).collect::<Vec<_>>();
    let (stated, proved) = (judged(Stretch::Stated), judged(Stretch::Proved));
    let share = |list: &[Judgement], holds: &dyn Fn(&Judgement) -> bool| {
        list.iter().filter(|j| holds(j)).count() as f64 / paths as f64
    };
    let t_star: Vec<f64> = stated.iter().filter_map(|j| j.t_star).map(|t| t as f64).collect();
    let delta: Vec<f64> = stated.iter().filter_map(|j| j.delta).collect();
    let failing = ["stretch", "curvature", "delta", "cross", "none"];
    let count = |name: &&str| (name.to_string(), share(&stated, &|j| breaks(j, name)));
    Ok(Some(ConditionSummary {
        paths,
        dimension: reader.extent.aligned,
        trace: if found.trace == Trace::Exact { "exact" } else { "schur" }.into(),
        satisfied: share(&stated, &|j| j.t_star.is_some()),
        satisfied_proof: share(&proved, &|j| j.t_star.is_some()),
        clauses: clauses(&stated, &proved, found.steps),
        compressive: share(&stated, &|j| j.compressive),
        t_star: Quantiles::of_any(&t_star),
        delta: Quantiles::of_any(&delta),
        first_failing: failing.iter().map(count).filter(|(_, share)| *share > 0.0).collect(),
        remark_4_5: Remark45 {
            all_stretching: share(&stated, &|j| j.all_stretching),
            straight: share(&stated, &|j| j.straight_from < found.steps),
        },
        all_contracting: share(&stated, &|j| j.all_contracting),
        score_from_zero: Quantiles::of(&found.score_from_zero),
        score_from_source: Quantiles::of_any(&found.score_from_source),
        steps: (0..found.steps).map(|n| at_step(reader, &found, n)).collect(),
    }))
}

/// Whether this is what breaks first, or one of several clauses that do.
fn breaks(judgement: &Judgement, name: &str) -> bool {
    match name {
        "stretch" => judgement.broken.stretch,
        "curvature" => judgement.broken.curvature,
        "cross" => judgement.broken.cross,
        "delta" => judgement.first_failing == Some(Clause::Delta),
        _ => judgement.first_failing.is_none(),
    }
}

fn clauses(stated: &[Judgement], proved: &[Judgement], steps: usize) -> BTreeMap<String, ClauseShare> {
    let clause = |list: &[Judgement], from: fn(&Judgement) -> usize, margin: fn(&Judgement) -> f64| {
        let share = |most: usize| list.iter().filter(|j| from(j) <= most).count() as f64 / list.len() as f64;
        let margins: Vec<f64> = list.iter().map(margin).collect();
        ClauseShare { at_end: share(steps - 1), throughout: share(0), margin: Quantiles::of(&margins) }
    };
    let stretch = |list| clause(list, |j| j.from.stretch, |j| j.margin.stretch);
    BTreeMap::from([
        ("stretch".to_string(), stretch(stated)),
        ("stretch_proof".to_string(), stretch(proved)),
        ("curvature".to_string(), clause(stated, |j| j.from.curvature, |j| j.margin.curvature)),
        ("cross".to_string(), clause(stated, |j| j.from.cross, |j| j.margin.cross)),
    ])
}

/// Median and largest of a quantity over the paths.
fn at_step(reader: &Reader, found: &Quantities, n: usize) -> ConditionStep {
    let paths = found.log_volume.len();
    let over = |value: &dyn Fn(usize) -> f64| {
        let values: Vec<f64> = (0..paths).map(value).collect();
        (Quantiles::of(&values).q50, values.into_iter().fold(f64::MIN, f64::max))
    };
    let column = |values: &[f64]| over(&|s| values[s * found.steps + n]);
    let (stretch, stretch_sup) = column(&found.stretch);
    let (rest, rest_sup) = column(&found.rest);
    let (curvature, curvature_sup) = column(&found.curvature);
    let (cross_ratio, cross_ratio_sup) = over(&|s| found.cross_ratio(s, n));
    ConditionStep {
        step: n,
        time: reader.system.grid.time(n),
        stretch,
        stretch_sup,
        rest,
        rest_sup,
        cross_ratio,
        cross_ratio_sup,
        curvature,
        curvature_sup,
    }
}

/// What a clause that breaks first means.
fn words(clause: &str) -> &'static str {
    match clause {
        "stretch" => "(i) the sensitive directions do not stretch",
        "curvature" => "(ii) the curvature along them is 1 or more",
        "delta" => "(i) and (ii) can each be met, but by no δ in common",
        "cross" => "(iii) cross derivatives are not small",
        _ => "nothing breaks",
    }
}

impl ConditionSummary {
    /// Whether it is met, and what breaks first where it is not, in a line.
    pub fn headline(&self) -> String {
        let sentences = self.sentences();
        let most = self.first_failing.iter().max_by(|a, b| a.1.total_cmp(b.1));
        let breaks = most.filter(|(name, _)| *name != "none").map_or_else(String::new, |(name, share)| {
            format!(" Most often {} ({:.0} %).", words(name), 100.0 * share)
        });
        format!("Sufficient condition: {}{breaks}", sentences[0].replacen("The condition is met", "met", 1))
    }

    /// What came of it, in plain words.
    pub fn sentences(&self) -> Vec<String> {
        let percent = |share: f64| format!("{:.0} %", 100.0 * share);
        let mut list = vec![match (&self.t_star, &self.delta) {
            (Some(t), Some(delta)) => format!(
                "The condition is met on {} of {} paths (by the stretch that the proof needs: {}), from step {:.0} on (median), with δ up to {:.3}.",
                percent(self.satisfied),
                self.paths,
                percent(self.satisfied_proof),
                t.q50,
                delta.q50
            ),
            _ => format!("The condition is met on none of {} paths.", self.paths),
        }];
        if self.satisfied < 1.0 {
            list.push(
                "It is sufficient, not necessary: where it is not met, nothing follows about robustness."
                    .into(),
            );
        }
        let breaks: Vec<String> = self
            .first_failing
            .iter()
            .map(|(name, share)| format!("{} on {}", words(name), percent(*share)))
            .collect();
        list.push(format!(
            "What breaks first, going back from the data: {} (clauses that break at the same step all count).",
            breaks.join("; ")
        ));
        if self.all_contracting > 0.0 {
            list.push(format!(
                "{} of the paths contract at every step, as diffusion models do near the data: they fail (i) whatever δ is.",
                percent(self.all_contracting)
            ));
        }
        list.push(format!(
            "Remark 4.5 covers paths that stretch from the start ({}) and paths without curvature from some step on ({}).",
            percent(self.remark_4_5.all_stretching),
            percent(self.remark_4_5.straight)
        ));
        list.push(format!("Cross derivatives count as small up to {CROSS_RATIO} of the block norms."));
        list
    }
}
