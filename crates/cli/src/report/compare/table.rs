//! The table of a comparison: models as columns, headline medians as rows.

use super::Model;
use crate::report::page::median;
use crate::report::sections::{Context, ErrorGroup};
use crate::report::text::number;
use maud::{Markup, html};
use surefoot::analysis::{AlignmentSummary, Pair, Summary};
use surefoot::statistics::Quantiles;

/// A row: its name and a cell a model, absent where the model has no such figure.
struct Row {
    name: String,
    cells: Vec<Option<Markup>>,
}

/// The table.
pub fn draw(models: &[Model]) -> Markup {
    let groups = [
        ("Verdict", verdicts(models)),
        ("Growth, nats", exponents(models)),
        ("Alignment", alignment(models)),
        ("Robustness", robustness(models)),
    ];
    html! {
        div class="scroll" {
            table class="wide" {
                thead { tr {
                    th scope="col" { "median over samples" span class="aside" { "95 % interval below" } }
                    @for model in models { th scope="col" { span class=(model.role.class()) { "● " } (model.name()) } }
                } }
                tbody { @for (title, rows) in &groups { @if rows.iter().any(|row| row.cells.iter().any(Option::is_some)) {
                    tr class="group" { th scope="rowgroup" colspan=(models.len() + 1) { (title) } }
                    @for row in rows.iter().filter(|row| row.cells.iter().any(Option::is_some)) {
                        tr {
                            th scope="row" { (row.name) }
                            @for cell in &row.cells { td { @if let Some(cell) = cell { (cell) } } }
                        }
                    }
                } } }
            }
        }
    }
}

fn row(name: impl Into<String>, models: &[Model], cell: impl Fn(&Context) -> Option<Markup>) -> Row {
    Row { name: name.into(), cells: models.iter().map(|model| cell(model.context)).collect() }
}

fn verdicts(models: &[Model]) -> Vec<Row> {
    let answer = |context: &Context| {
        let verdict = context.input.summary.verdict.as_ref()?;
        let (class, text) = match verdict.robust {
            Some(true) => ("good", "✓ robust"),
            Some(false) => ("bad", "✗ not robust"),
            None => ("open", "? cannot say"),
        };
        Some(html! { span class=(class) { (text) } })
    };
    vec![row("errors tried keep samples on the support", models, answer)]
}

fn exponents(models: &[Model]) -> Vec<Row> {
    let mut rows = Vec::new();
    for (method, pick) in [("svd", 0), ("qr", 1)] {
        for vector in 0..3 {
            rows.push(row(format!("log growth of vector {}, {method}", vector + 1), models, |context| {
                let exponents = context.input.summary.exponents.as_ref()?;
                let list = if pick == 0 { &exponents.svd } else { &exponents.qr };
                list.get(vector).map(median)
            }));
        }
    }
    rows
}

type Figure = fn(&AlignmentSummary) -> Option<&Pair<Quantiles>>;

fn alignment(models: &[Model]) -> Vec<Row> {
    let figures: [(&str, Figure); 3] = [
        ("score cosine |⟨LV₁, s/‖s‖⟩|", |a| a.score_cosine.as_ref()),
        ("score in Eᵈ, ‖Eᵈᵀs‖/‖s‖", |a| a.score_subspace.as_ref()),
        ("angle of Eᵈ and the support, degrees", |a| a.subspace_angle_deg.as_ref()),
    ];
    let mut rows = Vec::new();
    for (name, figure) in figures {
        let pair = move |summary: &Summary| summary.alignment.as_ref().and_then(figure).cloned();
        rows.push(row(format!("{name}, svd"), models, |c| pair(c.input.summary)?.svd.as_ref().map(median)));
        rows.push(row(format!("{name}, qr"), models, |c| Some(median(&pair(c.input.summary)?.qr))));
    }
    rows.push(row("score cosine of a random direction", models, |context| {
        let alignment = context.input.summary.alignment.as_ref()?;
        alignment.score_cosine.as_ref().map(|_| html! { (number(alignment.null.score_cosine)) })
    }));
    rows
}

fn robustness(models: &[Model]) -> Vec<Row> {
    let kinds = kinds(models);
    let mut rows = Vec::new();
    for kind in &kinds {
        rows.push(row(format!("footing φ, {kind}"), models, |context| {
            context.input.summary.footing.as_ref()?.kinds.get(*kind).map(median)
        }));
    }
    rows.push(row("footing of a random direction", models, |context| {
        context.input.summary.footing.as_ref().map(|footing| html! { (number(footing.null)) })
    }));
    rows.push(row("gain off the support, G_N", models, |context| {
        context.input.summary.gains.as_ref().map(|gains| median(&gains.normal))
    }));
    rows.push(row("gain along the support, G_T", models, |context| {
        context.input.summary.gains.as_ref()?.tangent.as_ref().map(median)
    }));
    rows.push(row("distance to the support, unperturbed", models, |context| {
        context.input.summary.robustness.first()?.distance.as_ref().map(median)
    }));
    for kind in kinds {
        let last = |context: &Context| -> Option<surefoot::analysis::Robustness> {
            group(context, kind)?.entries.last().cloned()
        };
        let label = models.iter().find_map(|model| {
            let group = group(model.context, kind)?;
            Some(format!("{}, {}", group.title(), group.size_label(group.entries.last()?.size)))
        });
        let label = label.unwrap_or_default();
        rows.push(row(format!("off-support shift W₁, {label}"), models, |context| {
            last(context)?.off_w1.map(|off| html! { (number(off)) })
        }));
        rows.push(row(format!("along-support shift, {label}"), models, |context| {
            last(context)?.along.as_ref().map(median)
        }));
    }
    rows
}

/// Error kinds of any model, in order of appearance.
pub fn kinds(models: &[Model]) -> Vec<&'static str> {
    let mut kinds = Vec::new();
    for group in models.iter().flat_map(|model| &model.context.errors) {
        if !kinds.contains(&group.kind) {
            kinds.push(group.kind);
        }
    }
    kinds
}

/// The errors of a kind in one run.
pub fn group<'a>(context: &'a Context, kind: &str) -> Option<&'a ErrorGroup<'a>> {
    context.errors.iter().find(|group| group.kind == kind)
}
