//! Responses of the same observables of several models (theory §7).

use super::{Model, side_by_side};
use crate::report::sections::response::with_error;
use maud::{Markup, html};
use surefoot::analysis::Answer;

const SHOWS: &str = "To first order, how much the mean of an observable of the samples changes per unit size of an \
                     error, ± a standard error. Above: path form. Below it, smaller: density form, where it was \
                     computed; the two have the same mean.";

/// A row for every error and observable, both forms in a cell.
pub fn draw(models: &[Model]) -> Markup {
    let mut keys: Vec<(&str, &str)> = Vec::new();
    for answer in models.iter().flat_map(answers) {
        let key = (answer.kind.as_str(), answer.observable.as_str());
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    let cell = |model: &Model, (kind, observable): (&str, &str)| {
        let found = answers(model).find(|answer| answer.kind == kind && answer.observable == observable)?;
        Some(html! {
            (with_error(&found.path))
            @if let Some(density) = &found.density { span class="aside" { (with_error(density)) } }
        })
    };
    let row = |key: &(&str, &str)| {
        (format!("{}, {}", key.0, key.1), models.iter().map(|model| cell(model, *key)).collect())
    };
    let rows = keys.iter().map(row).collect();
    html! {
        (side_by_side(SHOWS, "change of a mean per unit ε", models, rows))
        @if !keys.is_empty() {
            ul { @for model in models { @if let Some(response) = &model.context.input.summary.response {
                @for sentence in response.agreement().into_iter().chain(response.tails()) {
                    li { strong { (model.name()) } ": " (sentence) }
                }
            } } }
        }
    }
}

fn answers<'a>(model: &'a Model) -> impl Iterator<Item = &'a Answer> {
    model.context.input.summary.response.iter().flat_map(|response| &response.answers)
}
