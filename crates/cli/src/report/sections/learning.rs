//! Learning errors: what the difference to another model does, to first order and within its bound (theory §8).

use super::gains::rate_panel;
use super::{Context, ErrorGroup};
use crate::report::columns::Table;
use crate::report::figure::{Figure, Key, Panel, Swatch};
use crate::report::page::{interval, median, section, share_within};
use crate::report::palette::Role;
use crate::report::text::{ABSENT, count, number, typeset};
use maud::{Markup, html};
use surefoot::Error;
use surefoot::analysis::{Explained, LearningError};
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
                    " To first order a sample leaves the support by at most ∫ g" sub { "N" } "(u) ‖e(x" sub { "u" } ", u)‖ du along its path."
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
        let rows =
            (0..lengths.rows()).flat_map(|i| lengths.row(i).iter().zip(gains.row(i)).map(|(e, g)| e * g));
        let product = Table::new(rows.collect(), lengths.row(0).len());
        panels.push(rate_panel(gains, "budget: g_N", Role::Target, "gain rate (data units / model time)"));
        let title = format!("{}: g_N ‖e‖", error.kind);
        panels.push(rate_panel(&product, &title, role, "off the support (data units / model time)"));
    }
    panels
}

/// Measured, predicted and bound, in one table.
fn numbers(errors: &[LearningError]) -> Markup {
    let head = ["", "measured", "to first order", "missed", "bound ∫ g‖e‖ du", "bound by size, ε G_N"];
    let outward = errors.iter().any(|error| error.off.as_ref().is_some_and(|off| off.outward_only));
    html! {
        div class="scroll" {
            table {
                thead { tr { @for cell in head { th scope="col" { (cell) } } } }
                tbody {
                    @for error in errors {
                        @for row in rows(error) {
                            tr { th scope="row" { (error.kind) ": " (row.what) } @for cell in &row.cells { td { (cell) } } }
                        }
                    }
                }
            }
        }
        p class="note" {
            "Data units: medians with 95 % intervals below them. Sizes: "
            @for (i, error) in errors.iter().enumerate() { @if i > 0 { ", " } (error.kind) " ε = " (number(error.size)) }
            " (largest ∞-norm on the paths). Off: the change of the distance to the support, twin by twin, to the middle of a thick "
            "support; ‖Nᵀζ‖: the normal part of the first-order displacement, which the bounds hold for. Law of distances: "
            "1-Wasserstein distance before and after. Missed: Σ |measured − first order| / Σ |measured| over the samples. The bound "
            "by size knows ε alone (times the root of the number of normal directions)."
            @if outward { " D is too large for all normal directions: the bounds are those of the direction away from the support." }
        }
    }
}

/// A row of the table.
struct Row {
    what: &'static str,
    cells: [Markup; 5],
}

fn rows(error: &LearningError) -> Vec<Row> {
    let absent = || html! { (ABSENT) };
    let missed = |missed: &Option<Estimate>| {
        missed.as_ref().map_or_else(absent, |e| share_within(e.value, e.low, e.high))
    };
    let shift = |shift: &Option<Estimate>| shift.as_ref().map_or_else(absent, estimate);
    let bound = |q: &Option<Quantiles>| q.as_ref().map_or_else(absent, median);
    let mut rows = Vec::new();
    let mut explained = |what, explained: &Explained| {
        let Explained { measured, predicted, missed: rest } = explained;
        let cells = [median(measured), median(predicted), missed(rest), absent(), absent()];
        rows.push(Row { what, cells });
    };
    explained("moved by", &error.displacement);
    if let Some(off) = &error.off {
        explained("off", &off.shift);
        let normal = [absent(), median(&off.normal), absent(), bound(&off.bound), bound(&off.bound_inf)];
        rows.push(Row { what: "‖Nᵀζ‖", cells: normal });
        let law = [shift(&off.w1), shift(&off.w1_predicted), absent(), absent(), absent()];
        rows.push(Row { what: "law of distances", cells: law });
    }
    if let Some(along) = &error.along {
        let cells =
            [median(&along.measured), median(&along.predicted), absent(), bound(&along.bound), absent()];
        rows.push(Row { what: "along", cells });
    }
    rows
}

/// A figure with its interval below it.
fn estimate(e: &Estimate) -> Markup {
    html! { (number(e.value)) span class="aside" { (interval(e.low, e.high)) } }
}
