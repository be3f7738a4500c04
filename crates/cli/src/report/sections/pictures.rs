//! What the model does, drawn: where samples land, how they get there, their leading vectors, the field.

use super::Context;
use crate::report::columns::{Table, spread};
use crate::report::density::Density;
use crate::report::figure::{Figure, Key, Mark, Panel, Point, Swatch, range};
use crate::report::page::{section, share_of};
use crate::report::palette::Role;
use crate::report::scene::Scene;
use crate::report::text::{number, typed};
use maud::{Markup, html};
use surefoot::Error;
use surefoot::law::Law;
use surefoot::process::Process;
use surefoot::random::{Purpose, stream};

/// Samples drawn one by one.
const DRAWN_VECTORS: usize = 450;
/// Numbers of a sample's vectors beyond which only leading samples are drawn.
const LARGE_FRAME: usize = 1 << 12;
/// Part of its length that the most visible segment keeps in the plane at least: shorter ones show no direction.
const LEAST_SEGMENT: f64 = 0.5;
const DRAWN_PATHS: usize = 60;
/// … of a stochastic sampler, whose paths are rough.
const DRAWN_ROUGH_PATHS: usize = 12;
/// A field is drawn for models up to this dimension.
const FIELD_DIM: usize = 64;
/// Arrows across a panel.
const ARROWS: usize = 25;

/// The section.
///
/// # Errors
/// Unreadable columns.
pub fn draw(context: &Context) -> Result<Markup, Error> {
    if context.scenes.is_empty() || context.generated.rows() == 0 {
        return Ok(html! {});
    }
    let mut figures = Vec::new();
    for scene in &context.scenes {
        figures.push(densities(context, scene)?);
    }
    figures.extend(paths(context, &context.scenes[0])?);
    for scene in &context.scenes {
        figures.extend(vectors(context, scene)?);
    }
    figures.extend(field(context, &context.scenes[0]));
    Ok(section("pictures", "What the model generates", html! { @for figure in &figures { (figure.draw()) } }))
}

fn plane_note(scene: &Scene) -> Markup {
    html! { @if !scene.plane.is_exact() { " " (scene.plane.note) } }
}

/// Points of one panel: the data, the generated samples, or their perturbed twins.
struct Cloud {
    title: String,
    name: String,
    role: Role,
    points: Vec<Point>,
}

fn clouds(context: &Context, scene: &Scene) -> Vec<Cloud> {
    let (n, dim) = (context.generated.rows(), context.dim());
    let cloud = |title: &str, name: String, role, rows: &mut dyn Iterator<Item = &[f64]>| {
        let points = rows.map(|x| scene.plane.point(x)).collect();
        Cloud { title: title.into(), name, role, points }
    };
    let mut clouds = Vec::new();
    if let Some(law) = &context.input.system.data {
        let drawn = draws(law.as_ref(), n);
        clouds.push(cloud("Target", "data (target)".into(), Role::Target, &mut drawn.chunks_exact(dim)));
    }
    let mut generated = (0..n).map(|i| context.generated.row(i));
    clouds.push(cloud("Generated", "generated".into(), Role::Generated, &mut generated));
    for group in &context.errors {
        let place = group.places.end - 1;
        if let (Some(mut twins), Some(entry)) = (context.twins(place), group.entries.last()) {
            let name = format!("{}, {}", group.title(), group.size_label(entry.size));
            let title = format!("{}, {}", group.kind, group.size_label(entry.size));
            clouds.push(cloud(&title, name, group.role(), &mut twins));
        }
    }
    clouds
}

fn densities(context: &Context, scene: &Scene) -> Result<Figure, Error> {
    let n = context.generated.rows();
    let width = scene.width();
    let bandwidth = width * (0.010 * (1000.0 / n as f64).powf(1.0 / 6.0)).clamp(0.004, 0.015);
    let clouds = clouds(context, scene);
    let density = |cloud: &Cloud| Density::of(&cloud.points, scene.window, width / 300.0, bandwidth);
    let densities: Vec<Density> = clouds.iter().map(density).collect();
    let generated = clouds.iter().position(|cloud| cloud.role == Role::Generated).unwrap_or(0);
    let full = densities[generated].level(0.985);
    let mut legend = Vec::new();
    let mut panels = Vec::new();
    if !scene.support.is_empty() {
        legend.push(Key::new(Swatch::Line, Role::Target, "support of the data"));
        if generated == 0 {
            panels.push(scene.panel("Target", Vec::new()));
        }
    }
    let mut outside = 0;
    for (cloud, density) in clouds.iter().zip(&densities) {
        outside = outside.max(n - density.inside);
        let image = Mark::Image { raster: density.raster(full)?, role: cloud.role };
        panels.push(Panel {
            marks: std::iter::once(image).chain(thin(&scene.support)).collect(),
            ..scene.panel(&cloud.title, vec![])
        });
        legend.push(Key::new(Swatch::Area, cloud.role, cloud.name.clone()));
    }
    let columns = match panels.len() {
        4 if scene.is_tall() => 4,
        2 | 4 => 2,
        _ => 3,
    };
    let caption = html! {
        "Densities of all " (n) " samples x" sub { "τ" } " and of their perturbed twins (same noise; the largest size of each error)"
        @if generated > 0 { ", beside as many draws of the data themselves" } ". "
        "Shade grows with the square root of the density, on one scale for all panels; smoothed with a Gaussian of standard deviation "
        (number(bandwidth)) ". A robust model keeps the perturbed samples on the grey support."
        @if outside > 0 { " Up to " (share_of(outside, n)) " of the samples of a panel lie outside the window." }
        (plane_note(scene))
    };
    let mut names = vec!["x"];
    if context.perturbed.is_some() {
        names.push("perturbed_x");
    }
    Ok(Figure {
        title: format!("Where samples land{}", scene.plane.suffix()),
        legend,
        panels,
        columns,
        caption,
        numbers: context.numbers(&names),
    })
}

/// `count` draws of the data, the same for every run.
fn draws(law: &dyn Law, count: usize) -> Vec<f64> {
    let mut points = vec![0.0; count * law.dim()];
    for (index, row) in points.chunks_exact_mut(law.dim()).enumerate() {
        law.sample(&mut stream(0, index as u64, Purpose::Reference), row);
    }
    points
}

/// The support drawn over a density: thinner.
fn thin(support: &[Mark]) -> impl Iterator<Item = Mark> {
    support.iter().cloned().map(|mark| match mark {
        Mark::Lines { lines, role, .. } => Mark::Lines { lines, width: 0.8, opacity: 0.7, role },
        Mark::Points { at, role, .. } => Mark::Points { at, radius: 0.8, opacity: 0.35, role },
        other => other,
    })
}

fn paths(context: &Context, scene: &Scene) -> Result<Option<Figure>, Error> {
    let Some(table) = context.columns.get("paths")? else { return Ok(None) };
    let (dim, steps) = (context.dim(), context.input.summary.provenance.steps);
    let rough = matches!(context.input.system.drift.process, Process::Diffusion { noise_level, .. } if noise_level > 0.0);
    let chosen = spread(table.rows(), if rough { DRAWN_ROUGH_PATHS } else { DRAWN_PATHS });
    let lines: Vec<Vec<Point>> = chosen
        .iter()
        .map(|&i| table.row(i).chunks_exact(dim).map(|x| scene.plane.point(x)).collect())
        .collect();
    let late = steps - steps / 5;
    let arrivals: Vec<Vec<Point>> =
        lines.iter().map(|line| line[late.min(line.len() - 1)..].to_vec()).collect();
    let whole = scene.same_aspect(extent(&lines));
    let mut legend = vec![
        Key::new(Swatch::Dot, Role::Noise, "noise, step 0"),
        Key::new(Swatch::Dot, Role::Generated, "sample, step τ"),
        Key::new(Swatch::Line, Role::Generated, "path"),
    ];
    if !scene.support.is_empty() {
        legend.push(Key::new(Swatch::Line, Role::Target, "support"));
    }
    let panels = vec![
        scene.panel_onto(whole, "Whole generation", path_marks(scene, &lines, true)),
        scene.panel_onto(
            scene.window,
            format!("Arrival: steps {late} to {steps}"),
            path_marks(scene, &arrivals, false),
        ),
    ];
    Ok(Some(Figure {
        title: "Paths from noise to data".into(),
        legend,
        panels,
        columns: 2,
        caption: html! {
            (chosen.len()) " of the " (table.rows()) " stored paths x" sub { "n" } ". Left: the whole generation, from the source to the data. "
            "Right: the last fifth of the steps of the same paths, in the window of the figure above." (plane_note(scene))
        },
        numbers: context.numbers(&["paths"]),
    }))
}

fn path_marks(scene: &Scene, lines: &[Vec<Point>], starts: bool) -> Vec<Mark> {
    let tips = |pick: fn(&[Point]) -> Option<&Point>| -> Vec<Point> {
        lines.iter().filter_map(|line| pick(line)).copied().collect()
    };
    let mut marks = scene.support.clone();
    marks.push(Mark::Lines { lines: lines.to_vec(), width: 0.9, opacity: 0.45, role: Role::Generated });
    if starts {
        marks.push(Mark::Points { at: tips(<[Point]>::first), radius: 2.2, opacity: 0.9, role: Role::Noise });
    }
    marks.push(Mark::Points { at: tips(<[Point]>::last), radius: 2.4, opacity: 1.0, role: Role::Generated });
    marks
}

/// Left, right, bottom, top of all points, with a margin.
fn extent(lines: &[Vec<Point>]) -> [f64; 4] {
    let side = |axis: usize| {
        let (low, high) = range(lines.iter().flatten().map(|p| p[axis])).unwrap_or((-1.0, 1.0));
        let margin = (0.05 * (high - low)).max(1e-9);
        [low - margin, high + margin]
    };
    let ([left, right], [bottom, top]) = (side(0), side(1));
    [left, right, bottom, top]
}

fn vectors(context: &Context, scene: &Scene) -> Result<Option<Figure>, Error> {
    let dim = context.dim();
    // Where a sample's vectors are many numbers, only those of the leading samples are read.
    let rows = if context.input.request.vectors * dim > LARGE_FRAME { DRAWN_VECTORS } else { usize::MAX };
    let mut drawn = 0;
    let reach = 0.016 * scene.width();
    let mut panels = Vec::new();
    let mut names = vec!["x"];
    let choices = [
        ("vectors_svd", Role::Svd, "svd: exact leading vector LV₁"),
        ("vectors_qr", Role::Qr, "qr: forward sweep from a random frame"),
    ];
    for (name, role, title) in choices {
        let Some(table) = context.columns.leading(name, rows)? else { continue };
        let chosen = spread(table.rows(), DRAWN_VECTORS);
        drawn = chosen.len().max(drawn);
        let ends: Vec<[Point; 2]> = chosen
            .iter()
            .map(|&i| segment(scene, context.generated.row(i), &table.row(i)[..dim], reach))
            .collect();
        let longest = ends.iter().map(|[a, b]| (b[0] - a[0]).hypot(b[1] - a[1])).fold(0.0, f64::max);
        if longest < LEAST_SEGMENT * 2.0 * reach {
            continue;
        }
        panels.push(
            scene.panel(title, vec![Mark::Segments { ends, heads: false, width: 1.3, opacity: 0.9, role }]),
        );
        names.push(name);
    }
    if panels.is_empty() {
        return Ok(None);
    }
    let mut legend = vec![
        Key::new(Swatch::Line, Role::Svd, "LV₁, svd"),
        Key::new(Swatch::Solid, Role::Qr, "LV₁, qr"),
        Key::new(Swatch::Line, Role::Target, "support"),
    ];
    legend.retain(|key| match key.role {
        Role::Svd => names.contains(&"vectors_svd"),
        Role::Target => !scene.support.is_empty(),
        _ => true,
    });
    Ok(Some(Figure {
        title: format!("Leading vectors at the generated samples{}", scene.plane.suffix()),
        legend,
        panels,
        columns: 2,
        caption: html! {
            (drawn) " of " (context.generated.rows()) " samples" @if context.input.summary.exponents.as_ref().is_some_and(|e| e.search.is_some()) { " (svd: of those that were searched)" }
            "; each segment is centred at x" sub { "τ" }
            " and points along the direction in which the generation amplifies small differences most (CdC Figs. 1 and 2). "
            "Where segments follow the support the model is aligned: its errors move samples along the data."
            (plane_note(scene))
            @if !scene.plane.is_exact() { " Segments that leave the plane look shorter." }
        },
        numbers: context.numbers(&names),
    }))
}

fn segment(scene: &Scene, x: &[f64], v: &[f64], reach: f64) -> [Point; 2] {
    let ([px, py], [vx, vy]) = (scene.plane.point(x), scene.plane.direction(v));
    [[px - reach * vx, py - reach * vy], [px + reach * vx, py + reach * vy]]
}

fn field(context: &Context, scene: &Scene) -> Option<Figure> {
    let system = context.input.system;
    if context.dim() > FIELD_DIM {
        return None;
    }
    let flow = matches!(system.drift.process, Process::Flow);
    let (what, symbol) = if flow { ("velocity", "v") } else { ("score", "s") };
    let steps = system.grid.steps;
    let mut panels = Vec::new();
    let mut largest = Vec::new();
    for n in [steps / 2, steps] {
        let u = system.grid.time(n);
        let (marks, top) = arrows(context, scene, u, flow)?;
        panels.push(scene.panel(
            format!("step {n} of {steps}, model time u = {}", typed((1e4 * u).round() / 1e4)),
            vec![marks],
        ));
        largest.push(top);
    }
    let mut legend = vec![Key::new(Swatch::Line, Role::Field, format!("{what} {symbol}(x, u)"))];
    if !scene.support.is_empty() {
        legend.push(Key::new(Swatch::Line, Role::Target, "support"));
    }
    Some(Figure {
        title: format!("The {what} field at two times"),
        legend,
        panels,
        columns: 2,
        caption: html! {
            "The model's own " (what) " halfway through the generation and at its end, on a grid of " (ARROWS) " points across. "
            "Arrow lengths grow with the square root of ‖" (symbol) "‖, each panel on its own scale; the longest arrows stand for "
            (number(largest[0])) " (left) and " (number(largest[1])) " (right)" @if flow { ", data units per unit of model time" } @else { ", per data unit" } "."
            @if !scene.plane.is_exact() { " " (scene.plane.note) " Evaluated on that plane through the mean." }
        },
        numbers: html! { "Evaluated anew for this figure from the model; not stored." },
    })
}

/// Arrows of the field at time u, centred on grid points, and the largest norm met; `None` where none is finite.
fn arrows(context: &Context, scene: &Scene, u: f64, flow: bool) -> Option<(Mark, f64)> {
    let drift = &context.input.system.drift;
    let [left, right, bottom, top] = scene.window;
    let cell = (right - left) / ARROWS as f64;
    let rows = (((top - bottom) / cell) as usize).clamp(1, 2 * ARROWS);
    let offset = ((top - bottom) - rows as f64 * cell) / 2.0;
    let at = |i: usize| {
        [left + (0.5 + (i % ARROWS) as f64) * cell, bottom + offset + (0.5 + (i / ARROWS) as f64) * cell]
    };
    let places: Vec<Point> = (0..ARROWS * rows).map(at).collect();
    let x: Vec<f64> = places.iter().flat_map(|&place| scene.plane.lift(place)).collect();
    let mut y = vec![0.0; x.len()];
    drift.field.eval(drift.moment(u), &x, &mut y);
    let affine = if flow { drift.coefficients(u) } else { drift.score(u).ok()? };
    let values: Vec<f64> = x.iter().zip(&y).map(|(x, y)| affine.state * x + affine.output * y).collect();
    let values = Table::new(values, context.dim());
    let directions: Vec<Point> = (0..values.rows()).map(|i| scene.plane.direction(values.row(i))).collect();
    let norms = directions.iter().map(|[a, b]| a.hypot(*b)).filter(|norm| norm.is_finite());
    let largest = norms.fold(0.0, f64::max);
    if largest == 0.0 {
        return None;
    }
    let arrow = |([x, y], [a, b]): (&Point, &Point)| {
        let norm = a.hypot(*b);
        let half = 0.62 * cell * (norm / largest).sqrt() / norm;
        (norm.is_finite() && norm > 0.0).then(|| [[x - half * a, y - half * b], [x + half * a, y + half * b]])
    };
    let ends = places.iter().zip(&directions).filter_map(arrow).collect();
    Some((Mark::Segments { ends, heads: true, width: 1.0, opacity: 0.85, role: Role::Field }, largest))
}
