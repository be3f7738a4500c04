//! Gains and error budget: how far an error can carry samples, and when it does (theory §8).

use super::Context;
use crate::report::charts::Fan;
use crate::report::columns::{Table, quantile};
use crate::report::figure::{Axis, Figure, Height, Key, Mark, Panel, Point, Scale, Swatch};
use crate::report::page::{quantile_table, section};
use crate::report::palette::Role;
use crate::report::text::{number, percent, typed};
use maud::{Markup, html};
use surefoot::Error;
use surefoot::analysis::GainsSummary;
use surefoot::process::Grid;

/// The section.
///
/// # Errors
/// Unreadable columns.
pub fn draw(context: &Context) -> Result<Markup, Error> {
    let Some(gains) = &context.input.summary.gains else { return Ok(html! {}) };
    Ok(section(
        "gains",
        "Gains and error budget",
        html! {
            p {
                "A model error that is nowhere larger than ε (in the " (gains.error_in) ", pointwise 2-norm) moves a sample, to first order, by at most "
                "ε G" sub { "N" } @if gains.bounds() { " off the support" } @else { " straight away from the support" }
                @if gains.tangent.is_some() { " and ε G" sub { "T" } " along it" }
                ". The rates g(n) say how much each step of the generation adds: where g" sub { "N" } " is large, the model must be accurate."
            }
            p { strong { (gains.half.sentence()) } }
            (budget(context, gains)?.draw())
            (numbers(gains))
            (notes(gains))
        },
    ))
}

fn budget(context: &Context, gains: &GainsSummary) -> Result<Figure, Error> {
    let mut panels = Vec::new();
    let mut names = Vec::new();
    let rates = [
        ("gain_normal_rate", "Off the support", Role::Generated),
        ("gain_tangent_rate", "Along the support", Role::Target),
    ];
    let mut spent = Vec::new();
    for (name, title, role) in rates {
        if let Some(table) = context.columns.get(name)? {
            names.push(name);
            panels.push(rate_panel(&table, title, role, "gain rate (data units / model time)"));
            spent.push((role, table));
        }
    }
    panels.push(spent_panel(&spent, context.input.system.grid));
    let mut legend = vec![Key::new(Swatch::Line, Role::Generated, "off: median of g_N")];
    if gains.tangent.is_some() {
        legend.push(Key::new(Swatch::Line, Role::Target, "along: median of g_T"));
    }
    legend.push(Key::new(Swatch::Band, Role::Null, "25 % to 75 %, and 5 % to 95 %"));
    legend.push(Key::new(Swatch::Line, Role::Null, "even over all steps"));
    Ok(Figure {
        title: "The error budget over the generation".into(),
        legend,
        columns: panels.len().clamp(2, 3),
        panels,
        caption: html! {
            "Gain rate of every step over " (gains.budget_samples) " samples, in data units of displacement at the end per unit of error and of model time; "
            "n = 0 is noise, the last step data. Right: how much of the summed median gain has been spent by step n."
        },
        numbers: context.numbers(&names),
    })
}

/// Quantiles of a quantity over the steps, one row a sample.
pub fn rate_panel(rates: &Table, title: &str, role: Role, label: &str) -> Panel {
    let steps = rates.row(0).len();
    let fan = Fan::over_steps(steps, |n| rates.column(n));
    let scale = Scale::covering(fan.heights(), true);
    Panel {
        title: title.into(),
        x: step_axis(steps),
        y: Axis::new(scale, label),
        marks: fan.marks(role).into(),
        height: Height::Pixels(200.0),
    }
}

/// Median rates integrated over the steps, as shares of the whole.
fn spent_panel(rates: &[(Role, Table)], grid: Grid) -> Panel {
    let steps = grid.steps;
    let curve = |(role, table): &(Role, Table)| {
        let parts = (0..steps).map(|n| {
            let mut values = table.column(n);
            values.sort_by(f64::total_cmp);
            grid.dt(n) * quantile(&values, 0.5)
        });
        Mark::line(cumulated(&parts.collect::<Vec<f64>>()), *role)
    };
    let mut marks = vec![Mark::line(vec![[0.0, 0.0], [steps as f64, 1.0]], Role::Null)];
    marks.extend(rates.iter().map(curve));
    Panel {
        title: "Spent by step n".into(),
        x: step_axis(steps + 1),
        y: Axis::new(Scale::linear(0.0, 1.0), "share of the summed gain"),
        marks,
        height: Height::Pixels(200.0),
    }
}

/// Partial sums as shares of the whole; nothing where the sum vanishes.
fn cumulated(parts: &[f64]) -> Vec<Point> {
    let whole: f64 = parts.iter().sum();
    let mut sum = 0.0;
    let mut curve = vec![[0.0, 0.0]];
    for (n, part) in parts.iter().enumerate() {
        sum += part;
        curve.push([n as f64 + 1.0, sum / whole]);
    }
    if whole > 0.0 { curve } else { Vec::new() }
}

fn step_axis(steps: usize) -> Axis {
    Axis::new(Scale::linear(0.0, (steps - 1).max(1) as f64), "generation step n")
}

fn numbers(gains: &GainsSummary) -> Markup {
    let mut rows = Vec::new();
    for (norm, normal, tangent) in
        [("2-norm", &gains.normal, &gains.tangent), ("∞-norm", &gains.normal_inf, &gains.tangent_inf)]
    {
        rows.push((format!("off, G_N, {norm}"), normal));
        if let Some(tangent) = tangent {
            rows.push((format!("along, G_T, {norm}"), tangent));
        }
    }
    rows.push(("white errors: share off the support".into(), &gains.white_normal_share));
    for attained in &gains.attained {
        let norm = if attained.kind.starts_with("worst-l2") { "2-norm" } else { "∞-norm" };
        let share =
            format!("{} of size {}: distance added / ε G_N, {norm}", attained.kind, typed(attained.size));
        rows.push((share, &attained.share));
    }
    quantile_table("data units per unit error", rows)
}

fn notes(gains: &GainsSummary) -> Markup {
    html! {
        ul {
            li {
                "Errors that are independent in every step put " (percent(gains.white_normal_share.q50)) " (median) of their variance off the support; a random direction would put "
                (percent(gains.white_normal_share_null)) "."
                @if let Some(error) = gains.white_normal_share_error {
                    " The share of a sample is estimated with random normal vectors; its standard error is " (number(error)) " (median)."
                }
            }
            @if gains.normal_directions == "outward" {
                li { "The space is too large for all normal directions: G" sub { "N" } " is the gain in the direction away from the support alone, a lower bound." }
            }
            li {
                "States and noises of a sample's path take " (bytes(gains.path_bytes)) " on the way back"
                @if gains.path_recomputed { ", too much to store: they are recomputed from checkpoints" } @else { " and are stored" }
                "; the result is the same, bit for bit, either way."
            }
            @if !gains.attained.is_empty() {
                li { "The worst-case error attains its bound where the distance added is ε G" sub { "N" } " in the norm of its size (∞-norm for worst, 2-norm for worst-l2): 1 to first order for a support of codimension 1, away from its ends." }
            }
        }
    }
}

/// Bytes in a unit that suits them.
fn bytes(count: usize) -> String {
    match count as f64 {
        b if b < 1024.0 => format!("{count} bytes"),
        b if b < 1_048_576.0 => format!("{} KiB", number(b / 1024.0)),
        b => format!("{} MiB", number(b / 1_048_576.0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_units() {
        assert_eq!([1000, 16384, 1 << 26].map(bytes), ["1000 bytes", "16.0 KiB", "64.0 MiB"]);
    }

    #[test]
    fn shares_grow_to_one() {
        assert_eq!(cumulated(&[1.0, 3.0]), [[0.0, 0.0], [1.0, 0.25], [2.0, 1.0]]);
        assert!(cumulated(&[0.0, 0.0]).is_empty());
    }
}
