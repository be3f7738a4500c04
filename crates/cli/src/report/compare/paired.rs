//! Paired differences of models on the same seeds, as a forest plot and in numbers.

use super::Model;
use super::figures::signed;
use super::table::kinds;
use crate::report::PairedRow;
use crate::report::figure::{Axis, Figure, Height, Key, Mark, Panel, Scale, Swatch, range};
use crate::report::page::{folded, table};
use crate::report::palette::Role;
use crate::report::sections::Context;
use crate::report::text::clipped;
use maud::{Markup, html};
use std::collections::BTreeSet;

/// Panels drawn at most; the table holds everything.
const PANELS: usize = 12;

/// The section's content.
pub fn draw(models: &[Model], rows: &[PairedRow]) -> Markup {
    let Some(model) = models.first().filter(|_| !rows.is_empty()) else { return html! {} };
    let mut figures: Vec<&str> = Vec::new();
    for row in rows {
        if !figures.contains(&row.figure.as_str()) {
            figures.push(&row.figure);
        }
    }
    let headline = headlines(model.context, &figures, kinds(models).len());
    let panels: Vec<Panel> = headline
        .iter()
        .map(|figure| {
            let of: Vec<&PairedRow> = rows.iter().filter(|row| row.figure == **figure).collect();
            let (name, unit) = figure_name(model.context, figure);
            forest(&name, unit, &of)
        })
        .collect();
    let counts: BTreeSet<usize> = rows.iter().map(|row| row.n).collect();
    let n = counts.iter().map(usize::to_string).collect::<Vec<_>>().join(", ");
    let figure = Figure {
        title: "Differences between models, sample by sample".into(),
        legend: vec![
            Key::new(Swatch::Interval, Role::Field, "median difference, 95 % interval covers 0"),
            Key::new(Swatch::Interval, Role::Generated, "… lies off 0"),
            Key::new(Swatch::Line, Role::Null, "no difference"),
        ],
        columns: 2,
        panels,
        caption: html! {
            "Median over samples of (second − first) on the same random numbers, with its 95 % interval; n = " (n)
            ". “b − a” above 0: the figure is larger for b."
        },
        numbers: numbers(model.context, rows),
    };
    figure.draw()
}

/// Figures worth a panel: exact vectors where there are any, first two exponents, and of every error its largest size.
fn headlines<'a>(context: &Context, figures: &[&'a str], kinds: usize) -> Vec<&'a str> {
    let exact = figures.iter().any(|figure| figure.ends_with(".svd"));
    let largest: Vec<String> = context
        .errors
        .iter()
        .take(kinds)
        .filter_map(|group| group.places.end.checked_sub(1))
        .map(|place| format!("robustness.{place}."))
        .collect();
    let wanted = |figure: &&&str| {
        if exact && (figure.ends_with(".qr") || figure.starts_with("exponents.qr")) {
            return false;
        }
        if figure.starts_with("robustness.") {
            return largest.iter().any(|prefix| figure.starts_with(prefix.as_str()));
        }
        !figure.starts_with("exponents.") || figure.ends_with(".0") || figure.ends_with(".1")
    };
    figures.iter().filter(wanted).take(PANELS).copied().collect()
}

/// A dotted key of the summary in words, and its unit.
fn figure_name(context: &Context, key: &str) -> (String, &'static str) {
    let parts: Vec<&str> = key.split('.').collect();
    match parts[..] {
        ["alignment", "score_cosine", method] => (format!("score cosine, {method}"), "pure number"),
        ["alignment", "subspace_angle_deg", method] => (format!("angle of Eᵈ and T, {method}"), "degrees"),
        ["exponents", method, index] => {
            let vector = index.parse().map_or(index.to_string(), |i: usize| (i + 1).to_string());
            (format!("log growth of vector {vector}, {method}"), "nats")
        }
        ["gains", "normal"] => ("gain off the support, G_N".into(), "data units per unit error"),
        ["gains", "tangent"] => ("gain along the support, G_T".into(), "data units per unit error"),
        ["footing", kind] => (format!("footing φ, {kind} error"), "pure number"),
        ["robustness", place, what] => {
            let place = place.parse().unwrap_or(usize::MAX);
            let found = context.errors.iter().find(|group| group.places.contains(&place));
            let Some(group) = found else { return (key.to_string(), "data units") };
            let size = group.entries[place - group.places.start].size;
            let what = if what == "along" { "along-support shift" } else { "distance of twins" };
            (format!("{what}, {} {}", group.kind, group.size_label(size)), "data units")
        }
        _ => (key.to_string(), ""),
    }
}

fn forest(name: &str, unit: &str, rows: &[&PairedRow]) -> Panel {
    let count = rows.len() as f64;
    let (low, high) = range(rows.iter().flat_map(|row| [row.low, row.high, 0.0])).unwrap_or((-1.0, 1.0));
    let mut marks = vec![Mark::Rule { value: 0.0, upright: true, role: Role::Null }];
    let mut ticks = Vec::new();
    for (i, row) in rows.iter().enumerate() {
        let at = count - i as f64;
        let role = if row.low > 0.0 || row.high < 0.0 { Role::Generated } else { Role::Field };
        marks.push(Mark::Span { at, ends: [row.low, row.high], middle: row.median, role });
        ticks.push((at, format!("{} − {}", clipped(&row.second, 16), clipped(&row.first, 16))));
    }
    Panel {
        title: name.into(),
        x: Axis::new(Scale::covering([low, high], false), format!("median difference ({unit})")),
        y: Axis::new(Scale::linear(0.4, count + 0.6), "").with_ticks(ticks),
        marks,
        height: Height::Pixels(22.0 * count + 14.0),
    }
}

fn numbers(context: &Context, rows: &[PairedRow]) -> Markup {
    let cells: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            let (name, unit) = figure_name(context, &row.figure);
            vec![
                if unit == "pure number" { name } else { format!("{name} ({unit})") },
                format!("{} − {}", row.second, row.first),
                signed(row.median),
                format!("{} to {}", signed(row.low), signed(row.high)),
                row.n.to_string(),
            ]
        })
        .collect();
    folded(
        "All paired differences in numbers",
        table(&["figure", "models", "median difference", "95 % interval", "n"], &cells),
    )
}
