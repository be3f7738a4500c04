//! Alignment with the score and with the support, and what errors do to it (theory §6).

use super::{Context, ErrorGroup};
use crate::report::columns::{edges, histogram, staircase};
use crate::report::figure::{Axis, Figure, Height, Key, Mark, Panel, Scale, Swatch};
use crate::report::null::{angle_density, projection_density};
use crate::report::page::{QUANTILE_HEAD, array_links, folded, quantile_cells, section, table};
use crate::report::palette::Role;
use crate::report::text::{number, typed};
use maud::{Markup, html};
use surefoot::Error;
use surefoot::analysis::{AlignmentUnderError, Pair, ScoreOrigin};
use surefoot::statistics::Quantiles;

const METHODS: [(&str, Role, &str); 2] =
    [("svd", Role::Svd, "svd (exact finite-time vectors)"), ("qr", Role::Qr, "qr (one forward sweep)")];
const BINS: usize = 40;
const STAIRS: usize = 400;

/// The section.
///
/// # Errors
/// Unreadable columns.
pub fn draw(context: &Context) -> Result<Markup, Error> {
    let Some(alignment) = &context.input.summary.alignment else { return Ok(html! {}) };
    let figures: Vec<Figure> =
        [cosine(context)?, angles(context)?, regularity(context)].into_iter().flatten().collect();
    Ok(section(
        "alignment",
        "Alignment",
        html! {
            p {
                "A model is aligned when the directions in which it is most sensitive are orthogonal to the score s at the support, "
                "that is, lie along the data. "
                @if let Some(origin) = &alignment.score_origin { (origin_text(origin)) }
                @if let Some(note) = context.counted_note() { " " (note) }
            }
            @for figure in &figures { (figure.draw()) }
        },
    ))
}

fn origin_text(origin: &ScoreOrigin) -> Markup {
    match origin {
        ScoreOrigin::Exact => {
            html! { "The score is the exact one of the generated law at the end of the generation." }
        }
        ScoreOrigin::Learned => html! { "The score is the network's own at the end of the generation." },
        ScoreOrigin::SmoothedSample { points, bandwidth } => html! {
            "The score is that of " (points) " target points smoothed with a Gaussian of standard deviation "
            (bandwidth.iter().take(4).map(|&h| number(h)).collect::<Vec<_>>().join(", "))
            @if bandwidth.len() > 4 { ", …" } " (by coordinate); these figures depend on that choice."
        },
    }
}

/// Samples of one figure by method.
struct Series {
    role: Role,
    column: String,
    text: &'static str,
    values: Vec<f64>,
}

fn series(context: &Context, figure: &str) -> Result<Vec<Series>, Error> {
    let mut list = Vec::new();
    for (method, role, text) in METHODS {
        let column = format!("{figure}_{method}");
        if let Some(values) = context.counted(&column)? {
            list.push(Series { role, column, text, values });
        }
    }
    Ok(list)
}

fn legend(list: &[Series], null: bool) -> Vec<Key> {
    let mut keys: Vec<Key> = list.iter().map(|s| Key::new(Swatch::Line, s.role, s.text)).collect();
    if null {
        keys.push(Key::new(Swatch::Line, Role::Null, "random direction"));
    }
    keys
}

/// Overlaid histograms of area 1 with the null density, where there is one.
fn histograms(list: &[Series], edges: &[f64], null: Vec<f64>, axis: Axis, title: &str) -> Panel {
    let mut marks: Vec<Mark> = Vec::new();
    for series in list {
        let heights = histogram(&series.values, edges);
        marks.push(Mark::Steps { edges: edges.to_vec(), heights, filled: true, role: series.role });
    }
    if !null.is_empty() {
        marks.push(Mark::Steps { edges: edges.to_vec(), heights: null, filled: false, role: Role::Null });
    }
    let heights = marks.iter().flat_map(|mark| match mark {
        Mark::Steps { heights, .. } => heights.clone(),
        _ => Vec::new(),
    });
    let y = Axis::new(Scale::covering(heights, true), "density of samples");
    Panel { title: title.into(), x: axis, y, marks, height: Height::Pixels(230.0) }
}

/// Distribution functions on a logarithmic axis.
fn distributions(list: &[Series], label: &str, top: f64, null: Option<Vec<[f64; 2]>>) -> Panel {
    let positive = list.iter().flat_map(|s| s.values.iter().copied()).filter(|&v| v > 0.0);
    let mut sorted: Vec<f64> = positive.collect();
    sorted.sort_by(f64::total_cmp);
    // The lowest thousandth of the samples would stretch the axis over many empty decades.
    let low = sorted.get(sorted.len() / 1000).copied().unwrap_or(1e-3).max(1e-9 * top);
    let mut marks: Vec<Mark> = null.into_iter().map(|line| Mark::line(line, Role::Null)).collect();
    marks.extend(list.iter().map(|s| Mark::line(staircase(&s.values, STAIRS), s.role)));
    Panel {
        title: "Share of samples below".into(),
        x: Axis::new(Scale::log(low.min(top / 10.0), top), label),
        y: Axis::new(Scale::linear(0.0, 1.0), "share of samples"),
        marks,
        height: Height::Pixels(230.0),
    }
}

/// Running integral of a density over bins, as a curve.
fn cumulated(edges: &[f64], density: &[f64]) -> Option<Vec<[f64; 2]>> {
    if density.is_empty() {
        return None;
    }
    let mut total = 0.0;
    let steps = density.iter().zip(edges.windows(2)).map(|(height, pair)| {
        total += height * (pair[1] - pair[0]);
        [pair[1], total.min(1.0)]
    });
    Some(steps.collect())
}

/// Edges in equal ratios, for a null distribution on a logarithmic axis.
fn log_edges(top: f64) -> Vec<f64> {
    std::iter::once(0.0).chain((0..=180).map(|i| top * 10f64.powf((i as f64 - 180.0) / 20.0))).collect()
}

fn cosine(context: &Context) -> Result<Option<Figure>, Error> {
    let list = series(context, "score_cosine")?;
    if list.is_empty() {
        return Ok(None);
    }
    let (bins, dim) = (edges(0.0, 1.0, BINS), context.dim());
    let null = projection_density(1, dim, &bins);
    let fine = log_edges(1.0);
    let null_curve = cumulated(&fine, &projection_density(1, dim, &fine));
    let axis = |label: &str| Axis::new(Scale::linear(0.0, 1.0), label);
    let label = "score cosine |⟨LV₁, s/‖s‖⟩| (pure number)";
    let panels = vec![
        histograms(&list, &bins, null, axis(label), "Histogram"),
        distributions(&list, label, 1.0, null_curve),
    ];
    let alignment = context.input.summary.alignment.as_ref();
    let names: Vec<&str> = list.iter().map(|s| s.column.as_str()).collect();
    Ok(Some(Figure {
        title: "Score cosine of the leading vector".into(),
        legend: legend(&list, dim > 1),
        panels,
        columns: 2,
        caption: html! {
            "Cosine between the leading vector and the score at " (list[0].values.len()) " generated points (CdC Fig. 8). "
            "0: the model is most sensitive along the support; 1: across it. Left: histograms of area 1 in " (BINS)
            " bins. Right: distribution functions on a logarithmic axis; the further left, the better aligned."
        },
        numbers: html! {
            (array_links(&names))
            @if let Some(pair) = alignment.and_then(|a| a.score_cosine.as_ref()) { (pair_table("score cosine", pair)) }
        },
    }))
}

fn pair_table(name: &str, pair: &Pair<Quantiles>) -> Markup {
    let mut head = vec![name];
    head.extend(QUANTILE_HEAD);
    let row = |method: &str, q: &Quantiles| {
        let mut cells = vec![method.to_string()];
        cells.extend(quantile_cells(q));
        cells
    };
    let mut rows: Vec<_> = pair.svd.iter().map(|q| row("svd", q)).collect();
    rows.push(row("qr", &pair.qr));
    folded("The plotted distributions in numbers", table(&head, &rows))
}

fn angles(context: &Context) -> Result<Option<Figure>, Error> {
    let list = series(context, "subspace_angle_deg")?;
    let (Some(d), false) = (context.aligned_dim(), list.is_empty()) else { return Ok(None) };
    let (bins, dim) = (edges(0.0, 90.0, BINS), context.dim());
    let null = angle_density(d, dim, &bins);
    let has_null = !null.is_empty();
    let label = "largest principal angle between Eᵈ and T (degrees)";
    let fine = log_edges(90.0);
    let axis = Axis::new(Scale::linear(0.0, 90.0), label)
        .with_ticks((0..=6).map(|i| (15.0 * i as f64, (15 * i).to_string())).collect());
    let panels = vec![
        histograms(&list, &bins, null, axis, "Histogram"),
        distributions(&list, label, 90.0, cumulated(&fine, &angle_density(d, dim, &fine))),
    ];
    let names: Vec<&str> = list.iter().map(|s| s.column.as_str()).collect();
    let pair = context.input.summary.alignment.as_ref().and_then(|a| a.subspace_angle_deg.as_ref());
    Ok(Some(Figure {
        title: "Angle between the sensitive subspace and the support".into(),
        legend: legend(&list, has_null),
        panels,
        columns: 2,
        caption: html! {
            "Angle between the top-" (d) " sensitive subspace at " (list[0].values.len())
            " generated points and the tangent space T of the support at their nearest points. 0° means errors move samples along the data."
            @if !has_null { " The law of this angle for a random subspace is not drawn for " (d) " of " (dim) " dimensions." }
        },
        numbers: html! { (array_links(&names)) @if let Some(pair) = pair { (pair_table("angle, degrees", pair)) } },
    }))
}

fn regularity(context: &Context) -> Option<Figure> {
    let alignment = context.input.summary.alignment.as_ref()?;
    if alignment.under_error.is_empty() {
        return None;
    }
    let mut panels = Vec::new();
    type Pick<'b> = &'b dyn Fn(&AlignmentUnderError) -> Option<&Pair<Quantiles>>;
    let figures: [(&str, Option<&Pair<Quantiles>>, Pick); 2] = [
        ("score cosine of LV₁", alignment.score_cosine.as_ref(), &|e| e.score_cosine.as_ref()),
        ("angle of Eᵈ and T (degrees)", alignment.subspace_angle_deg.as_ref(), &|e| {
            e.subspace_angle_deg.as_ref()
        }),
    ];
    for (label, own, pick) in figures {
        let Some(own) = own else { continue };
        let pairs: Vec<&Pair<Quantiles>> = alignment.under_error.iter().filter_map(pick).collect();
        let values =
            pairs.iter().copied().chain([own]).flat_map(|pair| {
                std::iter::once(&pair.qr).chain(&pair.svd).flat_map(|q| [q.q25, q.q75, q.q50])
            });
        let scale = Scale::covering(values.collect::<Vec<_>>(), true);
        for group in &context.errors {
            let entries = alignment.under_error.get(group.places.clone()).unwrap_or_default();
            let entries: Vec<_> = entries.iter().filter_map(|e| Some((e.size, pick(e)?))).collect();
            if !entries.is_empty() {
                panels.push(regularity_panel(group, &entries, own, label, scale));
            }
        }
    }
    let columns = context.errors.len().clamp(2, 4);
    Some(Figure {
        title: "Alignment of the perturbed model".into(),
        legend: legend_under_error(&panels),
        columns: if panels.len() <= 2 { 2 } else { columns },
        panels,
        caption: html! {
            "Alignment measured again on the perturbed model, by error size (Lemma 4.4). Dots: medians over samples; bars: 25 % to 75 %; "
            "at the left end the unperturbed model, whose medians run on as lines. Flat: alignment survives such errors."
        },
        numbers: under_error_table(&alignment.under_error),
    })
}

fn legend_under_error(panels: &[Panel]) -> Vec<Key> {
    let drawn = |role: Role| {
        panels
            .iter()
            .flat_map(|p| &p.marks)
            .any(|m| matches!(m, Mark::Interval { role: r, .. } if *r == role))
    };
    METHODS.iter().filter(|m| drawn(m.1)).map(|m| Key::new(Swatch::Interval, m.1, m.2)).collect()
}

fn regularity_panel(
    group: &ErrorGroup,
    entries: &[(f64, &Pair<Quantiles>)],
    own: &Pair<Quantiles>,
    label: &str,
    y: Scale,
) -> Panel {
    let mut marks = Vec::new();
    let mut ticks = vec![(0.0, "none".to_string())];
    let bar = |at: f64, shift: f64, q: &Quantiles, role: Role| Mark::Interval {
        at,
        shift,
        outer: None,
        inner: [q.q25, q.q75],
        middle: q.q50,
        role,
    };
    marks.extend(own.svd.iter().map(|q| Mark::Rule { value: q.q50, upright: false, role: Role::Svd }));
    marks.push(Mark::Rule { value: own.qr.q50, upright: false, role: Role::Qr });
    let all = std::iter::once(own).chain(entries.iter().map(|e| e.1));
    for (place, pair) in all.enumerate() {
        marks.extend(pair.svd.iter().map(|q| bar(place as f64, -5.0, q, Role::Svd)));
        marks.push(bar(place as f64, 5.0, &pair.qr, Role::Qr));
    }
    ticks.extend(entries.iter().enumerate().map(|(i, (size, _))| (i as f64 + 1.0, typed(*size))));
    let x = Scale::linear(-0.5, entries.len() as f64 + 0.5);
    Panel {
        title: group.title(),
        x: Axis::new(x, group.axis_label()).with_ticks(ticks),
        y: Axis::new(y, label),
        marks,
        height: Height::Pixels(190.0),
    }
}

fn under_error_table(list: &[AlignmentUnderError]) -> Markup {
    let mut head = vec!["figure", "error", "size", "method"];
    head.extend(QUANTILE_HEAD);
    let mut rows = Vec::new();
    for (name, pick) in [("score cosine", 0), ("angle, degrees", 1)] {
        for entry in list {
            let pair = if pick == 0 { &entry.score_cosine } else { &entry.subspace_angle_deg };
            let Some(pair) = pair else { continue };
            for (method, q) in pair.svd.iter().map(|q| ("svd", q)).chain([("qr", &pair.qr)]) {
                let mut cells = vec![name.to_string(), entry.kind.clone(), typed(entry.size), method.into()];
                cells.extend(quantile_cells(q));
                rows.push(cells);
            }
        }
    }
    folded("The plotted numbers", table(&head, &rows))
}
