//! The sufficient condition of several models (theory §9).

use super::{Model, side_by_side};
use crate::report::text::{number, percent};
use maud::{Markup, html};
use surefoot::analysis::ConditionSummary;

const SHOWS: &str = "CdC’s Theorem 4.3 gives conditions along a path under which its sample’s most sensitive \
                     directions lie along the support. They are sufficient: where they are not met, nothing \
                     follows about robustness.";

/// Shares of paths, t*, δ, and what breaks first.
pub fn draw(models: &[Model]) -> Markup {
    type Cell = fn(&ConditionSummary) -> String;
    let clauses: [(&str, &str); 4] = [
        ("stretch", "(i) stretch, as stated, throughout"),
        ("stretch_proof", "(i) stretch, as the proof needs it, throughout"),
        ("curvature", "(ii) curvature, throughout"),
        ("cross", "(iii) cross derivatives, throughout"),
    ];
    let cells = |cell: &dyn Fn(&ConditionSummary) -> Option<String>| -> Vec<Option<Markup>> {
        let of = |model: &Model| {
            let text = cell(model.context.input.summary.condition.as_ref()?)?;
            Some(html! { (text) })
        };
        models.iter().map(of).collect()
    };
    let figures: [(&str, Cell); 4] = [
        ("met, share of paths", |c| percent(c.satisfied)),
        ("met by the stretch that the proof needs", |c| percent(c.satisfied_proof)),
        ("t*, first step from which it holds (median)", |c| {
            c.t_star.as_ref().map_or_else(|| "none".into(), |q| number(q.q50))
        }),
        ("δ, largest at t* (median)", |c| c.delta.as_ref().map_or_else(|| "none".into(), |q| number(q.q50))),
    ];
    let mut rows: Vec<_> =
        figures.iter().map(|(name, cell)| (name.to_string(), cells(&|c| Some(cell(c))))).collect();
    let breaks = models.iter().map(|model| model.context.input.summary.condition.as_ref().map(first_failing));
    rows.push(("what breaks first, going back from the data".into(), breaks.collect()));
    for (key, name) in clauses {
        rows.push((name.into(), cells(&|c| c.clauses.get(key).map(|clause| percent(clause.throughout)))));
    }
    rows.push(("compressive generation".into(), cells(&|c| Some(percent(c.compressive)))));
    rows.push(("paths examined".into(), cells(&|c| Some(c.paths.to_string()))));
    side_by_side(SHOWS, "share of the stored paths", models, rows)
}

/// A line for every clause, the most frequent first.
fn first_failing(condition: &ConditionSummary) -> Markup {
    let mut shares: Vec<_> = condition.first_failing.iter().collect();
    shares.sort_by(|a, b| b.1.total_cmp(a.1));
    html! { @for (clause, share) in shares { div { (clause) " " (percent(*share)) } } }
}
