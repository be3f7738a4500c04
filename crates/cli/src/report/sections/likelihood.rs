//! Log-likelihood of the generated samples under the model's own density (theory §7).

use super::Context;
use crate::report::columns::{edges, histogram, quantile, staircase};
use crate::report::figure::{Axis, Figure, Height, Key, Mark, Panel, Scale, Swatch};
use crate::report::page::{quantile_table, section};
use crate::report::palette::Role;
use crate::report::text::number;
use maud::{Markup, html};
use surefoot::Error;
use surefoot::analysis::LikelihoodSummary;

/// Bins of the histogram.
const BINS: usize = 60;
/// Corners of the distribution function.
const STAIRS: usize = 400;
/// Share of the samples beyond either end of the axis.
const OUTSIDE: f64 = 0.002;

/// The section.
///
/// # Errors
/// Unreadable columns.
pub fn draw(context: &Context) -> Result<Markup, Error> {
    let Some(likelihood) = &context.input.summary.likelihood else { return Ok(html! {}) };
    let figure = context.columns.get("log_density")?.map(|table| figure(context, table.values()));
    Ok(section(
        "likelihood",
        "Likelihood of the samples",
        html! {
            p {
                "How likely the model itself finds what it generates: log ρ of every sample, " (likelihood.formula.words())
                ", and −log₂ ρ per dimension, on average " strong { (number(likelihood.bits_per_dim.mean)) " bits per dimension" }
                ". Both count the volume in data units: other units shift them by a constant."
            }
            @if let Some(figure) = figure { (figure.draw()) }
            (numbers(likelihood))
        },
    ))
}

fn figure(context: &Context, values: &[f64]) -> Figure {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let scale = Scale::covering([quantile(&sorted, OUTSIDE), quantile(&sorted, 1.0 - OUTSIDE)], false);
    let (low, high) = scale.ends();
    let (bins, x) = (edges(low, high, BINS), || Axis::new(scale, "log ρ (nats)"));
    let heights = histogram(values, &bins);
    let y = Axis::new(Scale::covering(heights.iter().copied(), true), "density of samples (1/nat)");
    let filled = Mark::Steps { edges: bins, heights, filled: true, role: Role::Generated };
    let line = Mark::line(staircase(values, STAIRS), Role::Generated);
    let panel = |title: &str, y: Axis, mark: Mark| Panel {
        title: title.into(),
        x: x(),
        y,
        marks: vec![mark],
        height: Height::Pixels(210.0),
    };
    Figure {
        title: "Log-density of the samples".into(),
        legend: vec![Key::new(Swatch::Area, Role::Generated, "generated samples")],
        columns: 2,
        panels: vec![
            panel("Histogram", y, filled),
            panel(
                "Distribution function",
                Axis::new(Scale::linear(0.0, 1.0), "share of samples below"),
                line,
            ),
        ],
        caption: html! { "All samples; at most 0.2 % lie beyond either end of the axis." },
        numbers: context.numbers(&["log_density"]),
    }
}

fn numbers(likelihood: &LikelihoodSummary) -> Markup {
    let rows = [
        ("log-density, nats".to_string(), &likelihood.log_density),
        ("bits per dimension".to_string(), &likelihood.bits_per_dim),
    ];
    html! {
        div class="scroll" { (quantile_table("over samples", rows)) }
        @if let Some(error) = likelihood.standard_error {
            p class="note" { "Standard error of a sample's log-density over its probes: " (number(error)) " nats (median)." }
        }
    }
}
