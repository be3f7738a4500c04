//! Figures of a comparison: every model in its colour, overlaid.

use super::Model;
use super::table::{group, kinds};
use crate::report::charts::{Quantity, Series, legend, numbered, quantile_mark};
use crate::report::density::Density;
use crate::report::figure::{Axis, Figure, Height, Key, Mark, Panel, Point, Scale, Swatch, range};
use crate::report::palette::Role;
use crate::report::scene::Scene;
use crate::report::sections::{Context, ErrorGroup, robustness::footing_series};
use crate::report::text::number;
use maud::{Markup, html};
use surefoot::Error;
use surefoot::analysis::Robustness;
use surefoot::statistics::Quantiles;

/// Vectors drawn at most.
const VECTORS: usize = 8;

/// One density a model, and one of its twins under the largest error of the first kind.
pub fn pictures(models: &[Model]) -> Result<Markup, Error> {
    let kind = kinds(models).first().copied();
    let mut panels = Vec::new();
    for model in models {
        panels.extend(picture(models, model, None)?);
    }
    for model in models {
        if let Some(chosen) = kind.and_then(|kind| group(model.context, kind)) {
            panels.extend(picture(models, model, Some(chosen))?);
        }
    }
    let twins = models.iter().find_map(|model| {
        let group = group(model.context, kind?)?;
        Some(format!("{}, {}", group.title(), group.size_label(group.entries.last()?.size)))
    });
    let mut keys = model_keys(models, Swatch::Area);
    if models.iter().any(|model| model.context.intrinsic_dim().is_some()) {
        keys.push(Key::new(Swatch::Line, Role::Target, "support of the data"));
    }
    let figure = Figure {
        title: "Where samples land".into(),
        legend: keys,
        panels,
        columns: if models.len() > 4 { 3 } else { models.len().clamp(2, 4) },
        caption: html! {
            "Densities of all samples" @if let Some(twins) = twins { ", and of their perturbed twins (" (twins) ")" }
            ". Shade grows with the square root of the density; every panel has its own scale, its densest parts the full colour."
        },
        numbers: sources(models, &["x", "perturbed_x"]),
    };
    Ok(figure.draw())
}

/// Density of a model's samples, or of their twins under the largest error of a group.
fn picture(models: &[Model], model: &Model, twins: Option<&ErrorGroup>) -> Result<Option<Panel>, Error> {
    let Some(scene) = model.context.scenes.first() else { return Ok(None) };
    let generated = &model.context.generated;
    let points: Vec<Point> = match twins {
        None => (0..generated.rows()).map(|i| scene.plane.point(generated.row(i))).collect(),
        Some(group) => match model.context.twins(group.places.end - 1) {
            Some(twins) => twins.map(|x| scene.plane.point(x)).collect(),
            None => return Ok(None),
        },
    };
    let window = common_window(models, scene);
    let width = window[1] - window[0];
    let density = Density::of(&points, window, width / 250.0, 0.01 * width);
    let image = Mark::Image { raster: density.raster(density.level(0.985))?, role: model.role };
    let title =
        if twins.is_some() { format!("{}, perturbed", model.name()) } else { model.name().to_string() };
    let marks = std::iter::once(image).chain(scene.support.iter().cloned().map(thin)).collect();
    Ok(Some(scene.panel_onto(window, title, marks)))
}

/// The window that holds those of all models, where they share their plane (the coordinates themselves) and none
/// would shrink below a third of the width.
fn common_window(models: &[Model], own: &Scene) -> [f64; 4] {
    let scenes: Vec<&Scene> = models.iter().filter_map(|model| model.context.scenes.first()).collect();
    let windows = scenes.iter().map(|scene| scene.window);
    let all =
        windows.fold(own.window, |a, b| [a[0].min(b[0]), a[1].max(b[1]), a[2].min(b[2]), a[3].max(b[3])]);
    let fits = |scene: &&Scene| scene.plane.is_exact() && 3.0 * scene.width() > all[1] - all[0];
    if scenes.iter().all(fits) { all } else { own.window }
}

fn thin(mark: Mark) -> Mark {
    match mark {
        Mark::Lines { lines, role, .. } => Mark::Lines { lines, width: 0.8, opacity: 0.7, role },
        other => other,
    }
}

/// A key a model.
pub fn model_keys(models: &[Model], swatch: Swatch) -> Vec<Key> {
    models.iter().map(|model| Key::new(swatch, model.role, model.name())).collect()
}

fn sources(models: &[Model], names: &[&str]) -> Markup {
    html! {
        "Numbers in " code { "arrays.zarr" } " of "
        @for (i, model) in models.iter().enumerate() {
            @if i > 0 { "; " } (model.name()) ": " (model.context.column_links(names))
        }
        "."
    }
}

/// Score cosine and subspace angle, svd and qr.
pub fn alignment(models: &[Model]) -> Result<Markup, Error> {
    let cosine = |context: &Context| Some(Quantity::score_cosine(context.dim()));
    let angle = |context: &Context| Some(Quantity::angle(context.aligned_dim()?, context.dim()));
    let figures = [
        overlaid(models, "score_cosine", "Score cosine of the leading vector", cosine)?,
        overlaid(
            models,
            "subspace_angle_deg",
            "Angle between the sensitive subspace and the support",
            angle,
        )?,
    ];
    Ok(html! { @for figure in figures.iter().flatten() { (figure.draw()) } })
}

/// Histograms and distribution functions of one alignment figure, a row of panels a method.
fn overlaid(
    models: &[Model],
    figure: &str,
    title: &str,
    quantity: impl Fn(&Context) -> Option<Quantity>,
) -> Result<Option<Figure>, Error> {
    let Some(quantity) = models.first().and_then(|model| quantity(model.context)) else { return Ok(None) };
    let (mut panels, mut names) = (Vec::new(), Vec::new());
    for method in ["svd", "qr"] {
        let name = format!("{figure}_{method}");
        let mut list = Vec::new();
        for model in models {
            if let Some(values) = model.context.counted(&name)? {
                list.push(Series { role: model.role, text: model.name().into(), values });
            }
        }
        if !list.is_empty() {
            let titled =
                |panel: Panel| Panel { title: format!("{method}: {}", panel.title.to_lowercase()), ..panel };
            panels.extend(quantity.panels(&list).into_iter().map(titled));
            names.push(name);
        }
    }
    let mut keys = model_keys(models, Swatch::Line);
    if quantity.has_null() {
        keys.push(Key::new(Swatch::Line, Role::Null, "random direction"));
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    Ok((!panels.is_empty()).then(|| Figure {
        title: title.into(),
        legend: keys,
        panels,
        columns: 2,
        caption: html! {
            "Left: histograms of area 1. Right: distribution functions on a logarithmic axis; the further left, the better aligned. "
            "svd: exact finite-time vectors; qr: one forward sweep from a random frame."
        },
        numbers: sources(models, &names),
    }))
}

/// Log growth by vector.
pub fn exponents(models: &[Model]) -> Markup {
    let mut panels = Vec::new();
    for (title, svd) in [("svd: log singular values", true), ("qr: Σ log Rᵢᵢ", false)] {
        let lists: Vec<(Role, &[Quantiles])> = models
            .iter()
            .filter_map(|model| {
                let exponents = model.context.input.summary.exponents.as_ref()?;
                let list = if svd { &exponents.svd } else { &exponents.qr };
                (!list.is_empty()).then_some((model.role, &list[..list.len().min(VECTORS)]))
            })
            .collect();
        panels.extend(exponent_panel(title, &lists));
    }
    Figure {
        title: "Log growth by vector".into(),
        legend: model_keys(models, Swatch::Interval),
        panels,
        columns: 2,
        caption: html! {
            "Over the samples of every model: dot, median; thick, 25 % to 75 %; thin, 5 % to 95 %. Up to " (VECTORS) " vectors."
        },
        numbers: html! { "Numbers: in the table above and in every model's own " code { "summary.json" } "." },
    }
    .draw()
}

fn exponent_panel(title: &str, lists: &[(Role, &[Quantiles])]) -> Option<Panel> {
    let k = lists.iter().map(|(_, list)| list.len()).max()?;
    let (low, high) = range(lists.iter().flat_map(|(_, list)| *list).flat_map(|q| [q.q05, q.q95]))?;
    let mut marks = vec![Mark::Rule { value: 0.0, upright: false, role: Role::Null }];
    for (place, (role, list)) in lists.iter().enumerate() {
        let shift = 11.0 * (place as f64 - (lists.len() - 1) as f64 / 2.0);
        marks.extend(list.iter().enumerate().map(|(i, q)| quantile_mark(i as f64 + 1.0, shift, q, *role)));
    }
    Some(Panel {
        title: title.into(),
        x: numbered(k, "vector, most sensitive first"),
        y: Axis::new(Scale::covering([low.min(0.0), high.max(0.0)], false), "log growth (nats)"),
        marks,
        height: Height::Pixels(230.0),
    })
}

/// Footing, and shifts over error size.
pub fn robustness(models: &[Model]) -> Result<Markup, Error> {
    let footing = footing(models)?;
    let shifts = shifts(models);
    Ok(html! { @for figure in [shifts, footing].iter().flatten() { (figure.draw()) } })
}

fn footing(models: &[Model]) -> Result<Option<Figure>, Error> {
    let mut panels = Vec::new();
    let mut keys = Vec::new();
    for kind in kinds(models) {
        let mut list = Vec::new();
        let mut quantity = None;
        for model in models {
            let Some(place) =
                model.context.errors.iter().filter(|g| g.forced.is_some()).position(|g| g.kind == kind)
            else {
                continue;
            };
            if let (Some(found), Some(d)) =
                (footing_series(model.context)?.into_iter().nth(place), model.context.aligned_dim())
            {
                quantity = quantity.or(Some(Quantity::footing(d, model.context.dim())));
                list.push(Series { role: model.role, text: model.name().into(), values: found.values });
            }
        }
        if let Some(quantity) = quantity {
            let panel = quantity.distribution(&list);
            panels.push(Panel { title: format!("{kind} error"), ..panel });
            keys = legend(&list, quantity.has_null());
        }
    }
    Ok((!panels.is_empty()).then(|| Figure {
        title: "Footing".into(),
        legend: keys,
        columns: panels.len().clamp(2, 3),
        panels,
        caption: html! {
            "Distribution functions of the footing φ = ‖Tᵀζ‖/‖ζ‖ by error kind: the later a curve rises, the more the model's errors move samples along the support."
        },
        numbers: sources(models, &["footing"]),
    }))
}

fn shifts(models: &[Model]) -> Option<Figure> {
    let kinds = kinds(models);
    type Pick = fn(&Robustness) -> Option<f64>;
    let rows: [(&str, &str, Pick); 2] = [
        ("off-support shift", "W₁ (data units)", |entry| entry.off_w1),
        ("along-support shift", "median chord (data units)", |entry| Some(entry.along.as_ref()?.q50)),
    ];
    let mut panels = Vec::new();
    for (what, label, pick) in rows {
        let drawn: Vec<Vec<(Role, Vec<Point>)>> =
            kinds.iter().map(|kind| curves(models, kind, pick)).collect();
        let values = drawn.iter().flatten().flat_map(|(_, curve)| curve).map(|point| point[1]);
        let scale = Scale::covering(values.collect::<Vec<_>>(), true);
        for (kind, curves) in kinds.iter().zip(drawn) {
            let axis = models.iter().find_map(|m| group(m.context, kind)).map_or("", ErrorGroup::axis_label);
            panels.extend(shift_panel(format!("{kind}: {what}"), axis, Axis::new(scale, label), curves));
        }
    }
    (!panels.is_empty()).then(|| Figure {
        title: "Off the support and along it, over error size".into(),
        legend: model_keys(models, Swatch::Line),
        panels,
        columns: kinds.len().clamp(2, 4),
        caption: html! {
            "Top: 1-Wasserstein distance between the laws of the distance to the support, without and with the error. "
            "Bottom: median chord between the nearest points of the twins. Panels of a row share their scale. "
            "Error sizes are ∞-norms in each model's own output, so models of different kinds are compared at equal numbers, not at equal harm."
        },
        numbers: html! { "Numbers: " code { "robustness" } " in every model's own " code { "summary.json" } "." },
    })
}

fn curves(models: &[Model], kind: &str, pick: fn(&Robustness) -> Option<f64>) -> Vec<(Role, Vec<Point>)> {
    let curve = |model: &Model| {
        let entries = group(model.context, kind)?.entries;
        let mut points: Vec<Point> = entries.iter().filter_map(|e| Some([e.size, pick(e)?])).collect();
        points.sort_by(|a, b| a[0].total_cmp(&b[0]));
        (!points.is_empty()).then_some((model.role, points))
    };
    models.iter().filter_map(curve).collect()
}

fn shift_panel(title: String, axis: &str, y: Axis, curves: Vec<(Role, Vec<Point>)>) -> Option<Panel> {
    let (low, high) = range(curves.iter().flat_map(|(_, curve)| curve).map(|point| point[0]))?;
    let start = if axis.starts_with("step") { low } else { 0.0 };
    let margin = 0.04 * (high - start);
    let mut marks = Vec::new();
    for (role, curve) in curves {
        marks.push(Mark::line(curve.clone(), role));
        marks.push(Mark::Points { at: curve, radius: 2.6, opacity: 1.0, role });
    }
    let x = Axis::new(Scale::linear(start - margin, high + margin), axis);
    Some(Panel { title, x, y, marks, height: Height::Pixels(190.0) })
}

/// A number with its sign.
pub fn signed(value: f64) -> String {
    let text = number(value);
    if value > 0.0 { format!("+{text}") } else { text }
}
