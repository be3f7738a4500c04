//! Exponents: how much the generation stretches or shrinks small differences (theory §4).

use super::Context;
use crate::report::charts::{Fan, numbered, quantile_mark};
use crate::report::columns::{Table, edges, histogram, quantile};
use crate::report::figure::{Axis, Figure, Height, Key, Mark, Panel, Scale, Swatch, range};
use crate::report::page::{folded, quantile_table, section, vector_name};
use crate::report::palette::Role;
use crate::report::text::{count, number, percent};
use maud::{Markup, html};
use surefoot::Error;
use surefoot::analysis::{Exponents, SearchSummary};
use surefoot::statistics::Quantiles;

/// Vectors with a histogram, or a growth panel, of their own.
const OWN_PANEL: usize = 3;
const BINS: usize = 48;

/// The section.
///
/// # Errors
/// Unreadable columns.
pub fn draw(context: &Context) -> Result<Markup, Error> {
    let Some(exponents) = &context.input.summary.exponents else { return Ok(html! {}) };
    let figures: Vec<Figure> =
        [Some(spectrum(exponents)), certificate_figure(exponents), distributions(context)?, growth(context)?]
            .into_iter()
            .flatten()
            .collect();
    Ok(section(
        "exponents",
        "Exponents",
        html! {
            p {
                "Log growth is the sum over the whole generation of how much a small difference along a vector grows, in nats: "
                "0 keeps its length, −1 shrinks it to 37 %. Divided by the elapsed model time of " (number(exponents.elapsed_time))
                " it is the finite-time Lyapunov exponent."
            }
            (certificates(exponents))
            @for figure in &figures { (figure.draw()) }
        },
    ))
}

fn certificates(exponents: &Exponents) -> Markup {
    html! {
        ul {
            @if let Some(gap) = &exponents.gap {
                li {
                    "Gap σ₂/σ₁: median " (number(gap.quantiles.q50)) ", 95 % quantile " (number(gap.quantiles.q95)) "; "
                    (percent(gap.share_above)) " of the samples lie above 0.9, where the leading vector is ill-defined."
                }
            }
            @if let Some(search) = &exponents.search {
                li { (searched(search, exponents.qr.len())) }
            } @else if let Some(residual) = exponents.residual {
                li { "Certificate of the svd vectors: the largest relative residual ‖Jᵀu − σv‖/σ of any sample is " (number(residual)) "." }
            }
            @if let Some(defect) = exponents.trace_defect {
                li { "Certificate of the sweep: Σ log R" sub { "ii" } " and Σ log |det A| differ by at most " (number(defect)) " (relative) on any sample." }
            }
        }
    }
}

/// How many of the svd vectors that were searched for are exact.
fn searched(search: &SearchSummary, k: usize) -> Markup {
    let largest = search.residuals.iter().map(|q| q.q95).fold(0.0, f64::max);
    html! {
        "The svd vectors of the first " (count(search.samples as u64)) " samples come from a randomised block search with "
        (k + search.extra) " vectors, swept forth by tangents and back by adjoints, " (number(search.rounds.q50)) " rounds (median; at most "
        (search.most_rounds) "). Certificate: of the " (k) " vectors the leading " (number(search.converged.q50))
        " (median; at least " (number(search.converged.q05)) " on 95 % of the samples) have a relative residual ‖Jᵀu − σv‖/σ of at most "
        (number(search.tolerance)) "; the largest 95 % quantile of any is " (number(largest)) ". Values of the others are too small, never too large."
    }
}

/// Residuals of the vectors that were searched for.
fn certificate_figure(exponents: &Exponents) -> Option<Figure> {
    let search = exponents.search.as_ref()?;
    let k = search.residuals.len();
    let floor = |value: f64| value.max(1e-16);
    let drawn = |q: &Quantiles| Quantiles {
        q05: floor(q.q05),
        q25: floor(q.q25),
        q50: floor(q.q50),
        q75: floor(q.q75),
        q95: floor(q.q95),
        ..*q
    };
    let bar = |(i, q): (usize, &Quantiles)| quantile_mark(i as f64 + 1.0, 0.0, &drawn(q), Role::Svd);
    let mut marks = vec![Mark::Rule { value: search.tolerance, upright: false, role: Role::Null }];
    marks.extend(search.residuals.iter().enumerate().map(bar));
    let all = search.residuals.iter().flat_map(|q| [floor(q.q05), floor(q.q95)]);
    let (low, high) = range(all.chain([search.tolerance]))?;
    Some(Figure {
        title: "How exact the svd vectors are".into(),
        legend: vec![
            Key::new(Swatch::Interval, Role::Svd, "residual ‖Jᵀu − σv‖/σ"),
            Key::new(Swatch::Line, Role::Null, "tolerance"),
        ],
        panels: vec![Panel {
            title: String::new(),
            x: numbered(k, "vector, most sensitive first"),
            y: Axis::new(Scale::log(low, high), "relative residual"),
            marks,
            height: Height::Pixels(170.0),
        }],
        columns: if k > 6 { 1 } else { 2 },
        caption: html! {
            "Over " (search.samples) " samples: dot, median; thick, 25 % to 75 %; thin, 5 % to 95 %. Below the line a vector counts as exact. "
            "Vectors whose singular values nearly agree with a neighbour's converge last (--exact-rounds gives them more rounds)."
        },
        numbers: residual_table(search),
    })
}

fn residual_table(search: &SearchSummary) -> Markup {
    let rows = search.residuals.iter().enumerate().map(|(i, q)| (vector_name(i), q));
    folded("The plotted numbers", quantile_table("relative residual", rows))
}

fn spectrum(exponents: &Exponents) -> Figure {
    let all = exponents.qr.iter().chain(&exponents.svd);
    let (low, high) = range(all.flat_map(|q| [q.q05, q.q95, q.q50])).unwrap_or((-1.0, 1.0));
    let bar = |i: usize, shift: f64, q, role| quantile_mark(i as f64 + 1.0, shift, q, role);
    let both = !exponents.svd.is_empty();
    let k = exponents.qr.len();
    let apart = if k > 16 { 3.0 } else { 6.0 };
    let mut marks = vec![Mark::Rule { value: 0.0, upright: false, role: Role::Null }];
    marks.extend(exponents.svd.iter().enumerate().map(|(i, q)| bar(i, -apart, q, Role::Svd)));
    marks.extend(
        exponents.qr.iter().enumerate().map(|(i, q)| bar(i, if both { apart } else { 0.0 }, q, Role::Qr)),
    );
    let panel = Panel {
        title: String::new(),
        x: numbered(k, "vector, most sensitive first"),
        y: Axis::new(Scale::covering([low.min(0.0), high.max(0.0)], false), "log growth (nats)"),
        marks,
        height: Height::Pixels(230.0),
    };
    let mut legend = Vec::new();
    if both {
        legend.push(Key::new(Swatch::Interval, Role::Svd, "svd: log singular values"));
    }
    legend.push(Key::new(Swatch::Interval, Role::Qr, "qr: Σ log Rᵢᵢ"));
    legend.push(Key::new(Swatch::Line, Role::Null, "no growth"));
    Figure {
        title: "Log growth by vector".into(),
        legend,
        panels: vec![panel],
        columns: if k > 6 { 1 } else { 2 },
        caption: html! {
            "Distribution over " (exponents.qr.first().map_or(0, |q| q.n)) " samples"
            @if let Some(search) = &exponents.search { " (svd: the first " (search.samples) ")" }
            ": dot, median; thick, 25 % to 75 %; thin, 5 % to 95 %. "
            "A large drop after the first d vectors means that the generation squeezes samples onto a d-dimensional set."
        },
        numbers: spectrum_table(exponents),
    }
}

fn spectrum_table(exponents: &Exponents) -> Markup {
    let rows = [("svd", &exponents.svd), ("qr", &exponents.qr)].into_iter().flat_map(|(method, list)| {
        list.iter().enumerate().map(move |(i, q)| (format!("{method}, {}", vector_name(i)), q))
    });
    folded("The plotted numbers", quantile_table("log growth, nats", rows))
}

fn distributions(context: &Context) -> Result<Option<Figure>, Error> {
    let mut tables = Vec::new();
    let mut names = Vec::new();
    for (name, role) in [("log_growth_svd", Role::Svd), ("log_growth_qr", Role::Qr)] {
        if let Some(table) = context.columns.get(name)? {
            tables.push((role, table));
            names.push(name);
        }
    }
    let mut panels = Vec::new();
    for vector in 0..context.input.request.vectors.min(OWN_PANEL) {
        let series: Vec<(Role, Vec<f64>)> =
            tables.iter().map(|(role, t)| (*role, t.column(vector))).collect();
        panels.extend(vector_panel(vector, &series));
    }
    if panels.is_empty() {
        return Ok(None);
    }
    let gap = context.columns.get("gap")?;
    if let Some(gap) = &gap {
        let bins = edges(0.0, 1.0, BINS);
        let heights = histogram(gap.values(), &bins);
        panels.push(Panel {
            title: "Gap".into(),
            x: Axis::new(Scale::linear(0.0, 1.0), "σ₂/σ₁ (pure number)"),
            y: Axis::new(Scale::covering(heights.clone(), true), "density of samples"),
            marks: vec![Mark::Steps { edges: bins, heights, filled: true, role: Role::Svd }],
            height: Height::Pixels(170.0),
        });
        names.push("gap");
    }
    let legend = tables
        .iter()
        .map(|(role, _)| Key::new(Swatch::Line, *role, if *role == Role::Svd { "svd" } else { "qr" }));
    let shown = context.input.request.vectors.min(OWN_PANEL);
    let search = context.input.summary.exponents.as_ref().and_then(|exponents| exponents.search.as_ref());
    let of_search = if gap.is_some() { "svd and the ratio" } else { "svd" };
    Ok(Some(Figure {
        title: "How log growth differs between samples".into(),
        legend: legend.collect(),
        columns: if panels.len() == 4 { 4 } else { panels.len().clamp(2, 3) },
        panels,
        caption: html! {
            "Histograms of area 1 over " (context.input.request.samples) " samples"
            @if let Some(search) = search { " (" (of_search) ": the first " (search.samples) ")" }
            " for the "
            @if shown > 1 { "first " (shown) " vectors" } @else { "first vector" }
            @if gap.is_some() { ", and of the ratio of the two leading singular values: near 1 the leading vector is ill-defined" }
            "."
        },
        numbers: context.numbers(&names),
    }))
}

/// Overlaid histograms of one vector's log growth, over the central 99.8 % of the values.
fn vector_panel(vector: usize, series: &[(Role, Vec<f64>)]) -> Option<Panel> {
    let mut sorted: Vec<f64> = series.iter().flat_map(|(_, values)| values.iter().copied()).collect();
    sorted.sort_by(f64::total_cmp);
    let scale = Scale::covering([quantile(&sorted, 0.001), quantile(&sorted, 0.999)], false);
    let bins = edges(scale.ends().0, scale.ends().1, BINS);
    let steps = |(role, values): &(Role, Vec<f64>)| Mark::Steps {
        edges: bins.clone(),
        heights: histogram(values, &bins),
        filled: true,
        role: *role,
    };
    let top = series.iter().flat_map(|(_, values)| histogram(values, &bins)).fold(0.0, f64::max);
    (!sorted.is_empty()).then(|| Panel {
        title: format!("Vector {}", vector + 1),
        x: Axis::new(scale, "log growth (nats)"),
        y: Axis::new(Scale::covering([top], true), "density (1/nat)"),
        marks: series.iter().map(steps).collect(),
        height: Height::Pixels(170.0),
    })
}

fn growth(context: &Context) -> Result<Option<Figure>, Error> {
    let Some(paths) = context.columns.get("path_log_growth")? else { return Ok(None) };
    let k = context.input.request.vectors;
    let panels: Vec<Panel> = (0..k.min(OWN_PANEL)).map(|vector| growth_panel(&paths, k, vector)).collect();
    let shown = panels.len();
    Ok(Some(Figure {
        title: "Growth along the generation".into(),
        legend: vec![
            Key::new(Swatch::Line, Role::Qr, "median (qr)"),
            Key::new(Swatch::Band, Role::Qr, "25 % to 75 %, and 5 % to 95 %"),
        ],
        columns: shown.clamp(2, 3),
        panels,
        caption: html! {
            "Log growth accumulated up to step n along " (paths.rows()) " stored paths, for "
            @if shown == 1 { "vector " (1) } @else { "vectors 1 to " (shown) } ". The end points are the qr exponents above; "
            "steep stretches are when the model is most sensitive to differences."
        },
        numbers: context.numbers(&["path_log_growth"]),
    }))
}

fn growth_panel(paths: &Table, k: usize, vector: usize) -> Panel {
    let steps = paths.row(0).len() / k;
    let fan = Fan::over_steps(steps, |n| paths.column(n * k + vector));
    let scale = Scale::covering(fan.heights().chain([0.0]), false);
    Panel {
        title: format!("Vector {}", vector + 1),
        x: Axis::new(Scale::linear(0.0, (steps - 1).max(1) as f64), "generation step n"),
        y: Axis::new(scale, "log growth up to n (nats)"),
        marks: std::iter::once(Mark::Rule { value: 0.0, upright: false, role: Role::Null })
            .chain(fan.marks(Role::Qr))
            .collect(),
        height: Height::Pixels(190.0),
    }
}
