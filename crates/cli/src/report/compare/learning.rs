//! Learning errors of several models (theory §8): each against its own difference or rounded weights.

use super::{Model, side_by_side};
use crate::report::page::{median, share_within};
use crate::report::text::{number, typeset};
use maud::{Markup, html};
use surefoot::analysis::LearningError;

const SHOWS: &str = "What a learning error does at its own size, medians over samples in data units: measured on the \
                     twins, to first order, and the bound by the gains. Missed is the share of the measured shift that \
                     first order does not explain.";

type Cell = fn(&LearningError) -> Option<Markup>;

const FIGURES: [(&str, Cell); 10] = [
    ("size ε, the largest ∞-norm on the paths", |e| Some(html! { (number(e.size)) })),
    ("moved by, measured", |e| Some(median(&e.displacement.measured))),
    ("moved by, to first order", |e| Some(median(&e.displacement.predicted))),
    ("off the support, measured", |e| e.off.as_ref().map(|off| median(&off.shift.measured))),
    ("off the support, to first order", |e| e.off.as_ref().map(|off| median(&off.shift.predicted))),
    ("off the support, missed", |e| {
        let missed = e.off.as_ref()?.shift.missed.as_ref()?;
        Some(share_within(missed.value, missed.low, missed.high))
    }),
    ("normal displacement ‖Nᵀζ‖", |e| e.off.as_ref().map(|off| median(&off.normal))),
    ("its bound ∫ g_N ‖e‖ du", |e| e.off.as_ref()?.bound.as_ref().map(median)),
    ("along the support, measured", |e| e.along.as_ref().map(|along| median(&along.measured))),
    ("along the support, to first order", |e| e.along.as_ref().map(|along| median(&along.predicted))),
];

/// A row for every figure of every kind of learning error, and below what each model's errors come to.
pub fn draw(models: &[Model]) -> Markup {
    let mut kinds: Vec<&str> = Vec::new();
    for error in models.iter().flat_map(|model| errors(model)) {
        if !kinds.contains(&error.kind.as_str()) {
            kinds.push(&error.kind);
        }
    }
    let cell = |model: &Model, kind: &str, figure: Cell| {
        errors(model).iter().find(|error| error.kind == kind).and_then(figure)
    };
    let rows = kinds.iter().flat_map(|kind| {
        FIGURES.iter().map(move |(name, figure)| {
            let cells = models.iter().map(|model| cell(model, kind, *figure)).collect();
            (format!("{kind}: {name}"), cells)
        })
    });
    html! {
        (side_by_side(SHOWS, "95 % intervals below", models, rows.collect()))
        @if !kinds.is_empty() {
            ul { @for model in models { @for error in errors(model) {
                li { strong { (model.name()) } ", " (error.name()) ": " (typeset(&error.sentence())) }
            } } }
        }
    }
}

fn errors<'a>(model: &'a Model) -> &'a [LearningError] {
    &model.context.input.summary.learning_errors
}
