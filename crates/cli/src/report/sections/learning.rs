//! Learning errors: what the difference to another model does, to first order and within its bound (theory §8).

use super::gains::rate_panel;
use super::{Context, ErrorGroup};
use crate::report::columns::Table;
use crate::report::figure::{Figure, Key, Panel, Swatch};
use crate::report::page::{interval, section, table};
use crate::report::palette::Role;
use crate::report::text::{ABSENT, count, number, typeset};
use maud::{Markup, html};
use surefoot::Error;
use surefoot::analysis::{LearningError, OffSupport};
use surefoot::statistics::{Estimate, Quantiles};

/// The section.
///
/// # Errors
/// Unreadable columns.
pub fn draw(context: &Context) -> Result<Markup, Error> {
    let errors = &context.input.summary.learning_errors;
    let Some(first) = errors.first() else { return Ok(html! {}) };
    let bounded = first.half.is_some();
    Ok(section(
        "learning",
        "Learning error",
        html! {
            p {
                "The error e(x, u) is what another model's field has and this one's has not, in the " (first.error_in)
                ". At its own size the perturbed model is the other model: twins start and are driven alike, and run with this "
                "model's sampler and support."
                @if bounded {
                    " To first order a sample leaves the support by at most ∫ g" sub { "N" } "(u) ‖e(x_u, u)‖ du along its path."
                }
            }
            ul {
                @for error in errors {
                    li { strong { (capital(&error.name())) ". " } (typeset(&error.sentence())) }
                }
            }
            @if let Some(figure) = figure(context, errors)? { (figure.draw()) }
            (numbers(errors))
            @for error in errors {
                @let notes = error.notes();
                @if !notes.is_empty() {
                    p class="note" {
                        (capital(&error.name())) ": "
                        @for note in &notes { (typeset(note)) " " }
                    }
                }
            }
        },
    ))
}

/// With a capital letter in front.
fn capital(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// ‖e‖, g_N and their product over the generation, one row an error.
fn figure(context: &Context, errors: &[LearningError]) -> Result<Option<Figure>, Error> {
    let Some(lengths) = context.columns.get("learning_error")? else { return Ok(None) };
    let gains = if errors.iter().any(|error| error.half.is_some()) {
        context.columns.get("gain_normal_rate")?
    } else {
        None
    };
    let steps = context.input.system.grid.steps;
    let groups: Vec<&ErrorGroup> = context.errors.iter().filter(|group| is_learned(context, group)).collect();
    let mut panels = Vec::new();
    for (index, error) in errors.iter().enumerate() {
        let role = groups.get(index).map_or(Role::Generated, |group| group.role());
        let own: Vec<f64> = lengths.parts(index, steps).flatten().copied().collect();
        let own = Table::new(own, steps);
        panels.extend(row(error, &own, gains.as_ref(), role));
    }
    let mut legend = vec![Key::new(Swatch::Band, Role::Null, "median, 25 % to 75 %, and 5 % to 95 %")];
    if gains.is_some() {
        legend.push(Key::new(Swatch::Line, Role::Target, "budget curve g_N"));
    }
    let mut names = vec!["learning_error"];
    names.extend(gains.as_ref().map(|_| "gain_normal_rate"));
    Ok(Some(Figure {
        title: "When the error is made, and when it does harm".into(),
        legend,
        columns: if gains.is_some() { 3 } else { 2 },
        panels,
        caption: html! {
            "Over " (count(lengths.rows() as u64)) " samples; n = 0 is noise, the last step data. "
            @if gains.is_some() {
                "Left: the 2-norm of the error met on the unperturbed path. Middle: how far an error of length 1 at that step carries "
                "the end off the support, per unit of model time. Right: their product, sample by sample: its integral bounds the "
                "shift to first order."
            } @else { "The 2-norm of the error met on the unperturbed path." }
        },
        numbers: context.numbers(&names),
    }))
}

fn is_learned(context: &Context, group: &ErrorGroup) -> bool {
    let kinds = context.input.request.errors.iter().filter(|error| error.kind.learning_error().is_some());
    kinds.map(|error| error.kind.name()).any(|kind| kind == group.kind)
}

/// The panels of one error.
fn row(error: &LearningError, lengths: &Table, gains: Option<&Table>, role: Role) -> Vec<Panel> {
    let what = format!("{}: ‖e‖", error.kind);
    let mut panels = vec![rate_panel(lengths, &what, role, "length of the error (2-norm)")];
    if let Some(gains) = gains {
        let rows = (0..lengths.rows()).flat_map(|i| lengths.row(i).iter().zip(gains.row(i)).map(|(e, g)| e * g));
        let product = Table::new(rows.collect(), lengths.row(0).len());
        panels.push(rate_panel(gains, "budget: g_N", Role::Target, "gain rate (data units / model time)"));
        let title = format!("{}: g_N ‖e‖", error.kind);
        panels.push(rate_panel(&product, &title, role, "off the support (data units / model time)"));
    }
    panels
}

/// Measured, predicted and bound, in one table.
fn numbers(errors: &[LearningError]) -> Markup {
    let head = [
        "data units; medians (95 % intervals)",
        "measured",
        "to first order",
        "missed, share",
        "bound ∫ g‖e‖ du",
        "bound by size, ε G_N",
    ];
    let rows: Vec<Vec<String>> = errors.iter().flat_map(rows).collect();
    let thick = errors.iter().any(|error| error.off.as_ref().is_some_and(|off| off.outward_only));
    html! {
        div class="scroll" { (table(&head, &rows)) }
        p class="note" {
            "Off: the change of the distance to the support, twin by twin, to the middle of a thick support; ‖Nᵀζ‖: the normal part of "
            "the first-order displacement, which the bounds hold for. Law of distances: 1-Wasserstein distance before and after. Missed: "
            "Σ |measured − first order| / Σ |measured|, sample by sample, with a bootstrap interval. The bound by size knows ε, the "
            "error's largest ∞-norm, alone (times the root of the number of normal directions)."
            @if thick { " D is too large for all normal directions: the bounds are those of the direction away from the support." }
        }
    }
}

fn rows(error: &LearningError) -> Vec<Vec<String>> {
    let absent = || ABSENT.to_string();
    let share = |missed: &Option<Estimate>| missed.as_ref().map_or_else(absent, estimate);
    let bound = |q: &Option<Quantiles>| q.as_ref().map_or_else(absent, median);
    let name = |what: &str| format!("{} (ε = {}): {what}", error.kind, number(error.size));
    let moved = &error.displacement;
    let mut rows = vec![vec![
        name("moved by"),
        median(&moved.measured),
        median(&moved.predicted),
        share(&moved.missed),
        absent(),
        absent(),
    ]];
    if let Some(OffSupport { shift, w1, w1_predicted, normal, bound: length, bound_inf, .. }) = &error.off {
        rows.push(vec![
            name("off, twin by twin"),
            median(&shift.measured),
            median(&shift.predicted),
            share(&shift.missed),
            absent(),
            absent(),
        ]);
        rows.push(vec![name("‖Nᵀζ‖"), absent(), median(normal), absent(), bound(length), bound(bound_inf)]);
        rows.push(vec![name("law of distances"), share(w1), share(w1_predicted), absent(), absent(), absent()]);
    }
    if let Some(along) = &error.along {
        rows.push(vec![
            name("along"),
            median(&along.measured),
            median(&along.predicted),
            absent(),
            bound(&along.bound),
            absent(),
        ]);
    }
    rows
}

/// Median with its interval.
fn median(q: &Quantiles) -> String {
    format!("{} ({})", number(q.q50), interval(q.q50_low, q.q50_high))
}

/// A figure with its interval.
fn estimate(e: &Estimate) -> String {
    format!("{} ({})", number(e.value), interval(e.low, e.high))
}
