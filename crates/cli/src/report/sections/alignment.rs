//! Alignment with the score and with the support, and what errors do to it (theory §6).

use super::{Context, ErrorGroup};
use crate::report::charts::{BINS, Quantity, Series, legend};
use crate::report::figure::{Axis, Figure, Height, Key, Mark, Panel, Scale, Swatch};
use crate::report::page::{QUANTILE_HEAD, folded, quantile_cells, quantile_table, section, table};
use crate::report::palette::Role;
use crate::report::text::{number, typed};
use maud::{Markup, html};
use surefoot::Error;
use surefoot::analysis::{AlignmentUnderError, Pair, ScoreOrigin};
use surefoot::statistics::Quantiles;

const METHODS: [(&str, Role, &str); 2] =
    [("svd", Role::Svd, "svd (exact finite-time vectors)"), ("qr", Role::Qr, "qr (one forward sweep)")];

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
                @if context.dim() == 1 { "In one dimension every vector is parallel to the score, so these figures say nothing about the model. " }
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

/// Samples of one figure by method, and the columns they come from.
fn series(context: &Context, figure: &str) -> Result<(Vec<Series>, Vec<String>), Error> {
    let (mut list, mut columns) = (Vec::new(), Vec::new());
    for (method, role, text) in METHODS {
        let column = format!("{figure}_{method}");
        if let Some(values) = context.counted(&column)? {
            list.push(Series { role, text: text.into(), values });
            columns.push(column);
        }
    }
    Ok((list, columns))
}

fn cosine(context: &Context) -> Result<Option<Figure>, Error> {
    let (list, columns) = series(context, "score_cosine")?;
    if list.is_empty() {
        return Ok(None);
    }
    let quantity = Quantity::score_cosine(context.dim());
    let pair = context.input.summary.alignment.as_ref().and_then(|a| a.score_cosine.as_ref());
    Ok(Some(Figure {
        title: "Score cosine of the leading vector".into(),
        legend: legend(&list, quantity.has_null()),
        panels: quantity.panels(&list),
        columns: 2,
        caption: html! {
            "Cosine between the leading vector and the score at " (list[0].values.len()) " generated points (CdC Fig. 8). "
            "0: the model is most sensitive along the support; 1: across it. Left: histograms of area 1 in " (BINS)
            " bins. Right: distribution functions on a logarithmic axis; the further left, the better aligned."
        },
        numbers: html! {
            (context.numbers(&columns))
            @if let Some(pair) = pair { (pair_table("score cosine", pair)) }
        },
    }))
}

fn pair_table(name: &str, pair: &Pair<Quantiles>) -> Markup {
    let rows = pair.svd.iter().map(|q| ("svd".to_string(), q)).chain([("qr".to_string(), &pair.qr)]);
    folded("The plotted distributions in numbers", quantile_table(name, rows))
}

fn angles(context: &Context) -> Result<Option<Figure>, Error> {
    let (list, columns) = series(context, "subspace_angle_deg")?;
    let (Some(d), false) = (context.aligned_dim(), list.is_empty()) else { return Ok(None) };
    let quantity = Quantity::angle(d, context.dim());
    let has_null = quantity.has_null();
    let pair = context.input.summary.alignment.as_ref().and_then(|a| a.subspace_angle_deg.as_ref());
    Ok(Some(Figure {
        title: "Angle between the sensitive subspace and the support".into(),
        legend: legend(&list, has_null),
        panels: quantity.panels(&list),
        columns: 2,
        caption: html! {
            "Largest principal angle between the top-" (d) " sensitive subspace Eᵈ at " (list[0].values.len())
            " generated points and the tangent space T of the support at their nearest points. 0° means errors move samples along the data."
            @if !has_null { " The law of this angle for a random subspace is not drawn for " (d) " of " (context.dim()) " dimensions." }
        },
        numbers: html! {
            (context.numbers(&columns))
            @if let Some(pair) = pair { (pair_table("angle, degrees", pair)) }
        },
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
