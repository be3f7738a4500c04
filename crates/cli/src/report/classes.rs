//! The report of `tangent --labels`: the dimension of every class, with the curves behind it.

use super::charts::{Fan, numbered_sparsely, quantile_mark};
use super::figure::{Axis, Figure, Height, Key, Mark, Panel, Scale, Swatch, range};
use super::page::{document, folded, quantile_table, section, table};
use super::palette::Role;
use super::text::{number, typeset};
use crate::classes::{ClassFound, Classes, Line, MORE_ROUNDS};
use maud::{Markup, html};
use surefoot::dimension::{DropAt, Known};
use surefoot::statistics::Quantiles;

const HEIGHT: Height = Height::Pixels(170.0);
/// Most numbers on the axis of a panel, three of which stand side by side.
const MOST_TICKS: usize = 12;
/// Most vectors that have a dot each.
const MOST_DOTS: usize = 64;

/// The report.
pub fn classes_html(all: &Classes) -> String {
    let title = format!("Dimension by class: {}", all.model);
    let content = html! {
        p class="kicker" { "surefoot · the dimension of the data, each estimate with its scale" }
        h1 { (title) }
        p class="subtitle" { (typeset(&all.subtitle())) }
        @if !all.unfinished.is_empty() {
            div class="verdict" { ul class="reasons" { li { "Not finished: " (all.unfinished.len()) " classes, and all points together." } } }
        }
        (section("estimates", "Estimates", estimates(all)))
        @if all.rows().next().is_some() {
            (section("growth", "Growth along the vectors", growth(all).draw()))
            (section("drops", "Drops between vectors", drops(all).draw()))
        }
        (section("classes", "Class by class", html! { @for row in all.rows() { (class(all, row)) } }))
    };
    document(&format!("{title} – surefoot"), content)
}

/// Classes below one another, and what the columns are.
fn estimates(all: &Classes) -> Markup {
    let rows: Vec<(String, Vec<Line>)> = all.rows().map(|row| (row.name(), all.lines(row))).collect();
    let Some((_, first)) = rows.first() else { return html! { p { "No class is finished." } } };
    let head: Vec<&str> =
        std::iter::once("dimension").chain(first.iter().map(|line| line.column.as_str())).collect();
    let cells = |(name, lines): &(String, Vec<Line>)| {
        std::iter::once(name.clone()).chain(lines.iter().map(|line| typeset(&line.short))).collect()
    };
    html! {
        div class="scroll" { (table(&head, &rows.iter().map(cells).collect::<Vec<Vec<String>>>())) }
        p { "?: no gap stands out (of the gap rule also: it lies below the noise; of NB: the mean score makes it), the count changes by more than a quarter from twice to half the scale, or FLIPD's number lies outside 0 to D, so that the number is no dimension at that scale. –: not known. Intervals and reasons are below, class by class." }
        ul { @for line in first { li { (line.column) ": " (typeset(&line.estimator)) "; scale: " (typeset(&line.scale)) } } }
    }
}

/// Estimates of one class with intervals, scales, and what they were computed on.
fn class(all: &Classes, row: &ClassFound) -> Markup {
    let cells = |line: Line| {
        [line.estimator, line.estimate, format!("{}{}", line.scale, line.radius), line.on]
            .map(|cell| typeset(&cell))
            .to_vec()
    };
    html! {
        h3 { (row.name()) }
        div class="scroll" {
            (table(&["estimator", "dimension", "scale", "on"], &all.lines(row).into_iter().map(cells).collect::<Vec<_>>()))
        }
        @if all.unconverged(row) {
            p { "The search for vectors did not converge: the largest residual is " (number(row.residual.q95)) ", wanted " (number(all.generation.tolerance)) ". The gap rule and the spread rest on what it had. " (MORE_ROUNDS) "." }
        }
        @if let Known::Found(gap) = &row.found.generation.gap { (numbers(row, &gap.ensemble.curve)) }
    }
}

fn numbers(row: &ClassFound, curve: &[DropAt]) -> Markup {
    let growth = row.found.generation.log_growth.iter().enumerate();
    let growth = growth.map(|(i, q)| (format!("log growth along vector {}", i + 1), q));
    let drops = curve.iter().map(|drop| (format!("drop after vector {}", drop.dimension), &drop.size));
    folded("The plotted numbers", quantile_table("nats", growth.chain(drops)))
}

fn growth(all: &Classes) -> Figure {
    // Where vectors come down to it.
    let floor = |row: &ClassFound| {
        let spread = row.found.generation.spread.found().filter(|found| found.at_end < 1.0);
        spread.map(|found| found.threshold)
    };
    let panel = |row: &ClassFound| {
        let list = &row.found.generation.log_growth;
        let last = all.generation.vectors;
        let mut panel = panel(row.name(), "vector", "log σᵢ (nats)", (1..).zip(list), last);
        panel.marks.extend(floor(row).map(|height| Mark::Lines {
            lines: vec![vec![[0.5, height], [last as f64 + 0.5, height]]],
            width: 1.0,
            opacity: 0.9,
            role: Role::Target,
        }));
        panel
    };
    let mut figure = figure("Log singular values of the generation map", all.rows().map(panel).collect());
    if all.rows().any(|row| floor(row).is_some()) {
        figure.legend.push(Key::new(
            Swatch::Line,
            Role::Target,
            "growth of what spreads as far as the noise at the end",
        ));
    }
    figure
}

fn drops(all: &Classes) -> Figure {
    let panel = |row: &ClassFound| {
        let curve = row.found.generation.gap.found().map_or(&[][..], |gap| &gap.ensemble.curve[..]);
        let list = curve.iter().map(|drop| (drop.dimension, &drop.size));
        panel(row.name(), "after vector", "log σᵢ − log σᵢ₊₁ (nats)", list, all.generation.vectors)
    };
    figure("Drops between neighbouring log singular values", all.rows().map(panel).collect())
}

fn figure(title: &str, panels: Vec<Panel>) -> Figure {
    Figure {
        title: title.into(),
        legend: vec![Key::new(Swatch::Interval, Role::Svd, "over the points of a class")],
        columns: panels.len().clamp(1, 3),
        panels,
        caption: html! { "Dot or line, median; thick or dark, 25 % to 75 %; thin or light, 5 % to 95 %." },
        numbers: html! {},
    }
}

fn panel<'a>(
    title: String,
    x: &str,
    y: &str,
    list: impl Iterator<Item = (usize, &'a Quantiles)>,
    last: usize,
) -> Panel {
    let list: Vec<(usize, &Quantiles)> = list.collect();
    let (low, high) = range(list.iter().flat_map(|(_, q)| [q.q05, q.q95])).unwrap_or((0.0, 1.0));
    let mark = |&(at, q): &(usize, &Quantiles)| quantile_mark(at as f64, 0.0, q, Role::Svd);
    let marks = match list.len() {
        0..=MOST_DOTS => list.iter().map(mark).collect(),
        _ => Fan::of(&list).marks(Role::Svd).into(),
    };
    Panel {
        title,
        x: numbered_sparsely(last, x, MOST_TICKS),
        y: Axis::new(Scale::covering([low.min(0.0), high], false), y),
        marks,
        height: HEIGHT,
    }
}
