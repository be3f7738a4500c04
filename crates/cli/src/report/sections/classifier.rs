//! Support classifier: what a one-class support vector machine learns of the support, before and after errors (theory §10).

use super::Context;
use crate::report::columns::{Table, staircase};
use crate::report::figure::{Axis, Figure, Height, Key, Mark, Panel, Scale, Swatch, range};
use crate::report::page::{interval, section, table};
use crate::report::palette::Role;
use crate::report::text::{number, percent, typed};
use maud::{Markup, html};
use surefoot::Error;
use surefoot::analysis::{ClassifierSummary, Share};

/// Corners of a distribution function.
const STAIRS: usize = 400;

/// The section.
///
/// # Errors
/// Unreadable columns.
pub fn draw(context: &Context) -> Result<Markup, Error> {
    let Some(found) = &context.input.summary.support_classifier else { return Ok(html! {}) };
    Ok(section(
        "classifier",
        "Support classifier",
        html! {
            p {
                "A one-class support vector machine (Gaussian kernel of width " (number(found.kernel_width)) ", ν = " (typed(found.nu))
                ") learns the support from " (found.trained_on) " generated samples and is held against the " (found.held_out_error.n)
                " others and their perturbed twins. Where errors move samples along the support, the classifier learned without the error "
                "still accepts them (CdC Prop. 4.1). One that is learned with it may reject parts that they have left."
            }
            (distributions(context)?.draw())
            (numbers(found))
        },
    ))
}

/// Distribution functions of the signed distance: unperturbed, and every kind at its largest size.
fn distributions(context: &Context) -> Result<Figure, Error> {
    let held_out = |values: Vec<f64>| values.into_iter().skip(1).step_by(2).collect::<Vec<f64>>();
    let own = held_out(context.input.columns.read("classifier_distance")?);
    let mut lines = vec![(Role::Generated, "no error".to_string(), own)];
    if !context.errors.is_empty() {
        let width = context.input.summary.robustness.len();
        let twins = Table::new(context.input.columns.read("perturbed_classifier_distance")?, width);
        for group in &context.errors {
            let (Some(last), Some(entry)) = (group.places.end.checked_sub(1), group.entries.last()) else {
                continue;
            };
            let values = (0..twins.rows()).map(|i| twins.row(i)[last]).collect();
            let text = format!("{}, {}", group.title(), group.size_label(entry.size));
            lines.push((group.role(), text, held_out(values)));
        }
    }
    let (low, high) = range(lines.iter().flat_map(|(_, _, values)| values).copied()).unwrap_or((-1.0, 1.0));
    let mut marks = vec![Mark::Rule { value: 0.0, upright: true, role: Role::Null }];
    marks.extend(lines.iter().map(|(role, _, values)| Mark::line(staircase(values, STAIRS), *role)));
    let mut legend: Vec<Key> =
        lines.iter().map(|(role, text, _)| Key::new(Swatch::Line, *role, text.clone())).collect();
    legend.push(Key::new(Swatch::Line, Role::Null, "boundary of the learned support"));
    Ok(Figure {
        title: "Held-out samples and the learned support".into(),
        legend,
        panels: vec![Panel {
            title: String::new(),
            x: Axis::new(
                Scale::covering([low, high], false),
                "signed distance to the boundary in feature space, positive inside",
            ),
            y: Axis::new(Scale::linear(0.0, 1.0), "share of samples below"),
            marks,
            height: Height::Pixels(240.0),
        }],
        columns: 1,
        caption: html! {
            "Samples that were not trained on and their twins, against the classifier of the unperturbed samples. The share left of 0 is rejected."
        },
        numbers: context.numbers(&["classifier_distance", "perturbed_classifier_distance"]),
    })
}

fn numbers(found: &ClassifierSummary) -> Markup {
    let share = |share: &Share| {
        let bare = |value: f64| percent(value).trim_end_matches(" %").to_string();
        format!("{} ({} to {})", percent(share.value), bare(share.low), bare(share.high))
    };
    let mut rows = vec![vec![
        "no error".to_string(),
        number(found.margin),
        share(&found.held_out_error),
        share(&found.held_out_error),
        share(&found.held_out_error),
        format!(
            "{} ({})",
            number(found.distance.q50),
            interval(found.distance.q50_low, found.distance.q50_high)
        ),
    ]];
    rows.extend(found.under_error.iter().map(|entry| {
        vec![
            format!("{}, {}", entry.kind, typed(entry.size)),
            number(entry.margin),
            share(&entry.held_out_error),
            share(&entry.rejected),
            share(&entry.rejects_unperturbed),
            format!(
                "{} ({})",
                number(entry.distance.q50),
                interval(entry.distance.q50_low, entry.distance.q50_high)
            ),
        ]
    }));
    let head = [
        "error",
        "margin ρ/‖w‖",
        "own held-out error",
        "twins rejected",
        "unperturbed rejected",
        "distance of twins, median",
    ];
    html! { div class="scroll" { (table(&head, &rows)) } p class="note" {
       "Margin and own held-out error: of a classifier trained on samples with that error, and what it rejects of the unperturbed ones. "
       "Twins rejected, and their distance: by the classifier trained without error. Shares with their 95 % intervals (Wilson)."
    } }
}
