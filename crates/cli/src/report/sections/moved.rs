//! Samples moved along their exact vectors: what each direction does to them, and how far off the support it leads.

use super::Context;
use super::images::{Row, chosen, figure, grey_range};
use crate::report::charts::{numbered, quantile_mark};
use crate::report::figure::{Axis, Figure, Height, Key, Mark, Panel, Scale, Swatch, range};
use crate::report::page::{folded, quantile_table, section, vector_name};
use crate::report::palette::Role;
use crate::report::strip::ImageShape;
use crate::report::text::{count, number};
use maud::{Markup, html};
use surefoot::Error;
use surefoot::analysis::MovedSummary;

/// Samples whose moves are drawn.
const SAMPLES: usize = 2;
/// Steps of a move, in units of its size.
const STEPS: [f64; 5] = [-1.0, -0.5, 0.0, 0.5, 1.0];

/// The section; nothing where no vectors were searched for.
///
/// # Errors
/// Unreadable columns.
pub fn draw(context: &Context) -> Result<Markup, Error> {
    let images = pictures(context)?;
    let distances = context.input.summary.moved.as_ref().map(distances);
    if images.is_none() && distances.is_none() {
        return Ok(html! {});
    }
    Ok(section(
        "moved",
        "Samples moved along their vectors",
        html! {
            @if let Some(images) = images { (images) }
            @if let Some(figure) = distances { (figure.draw()) }
        },
    ))
}

/// Grids of moved images: a row a vector, a column a step.
fn pictures(context: &Context) -> Result<Option<Markup>, Error> {
    let (Some(shape), Some(vectors), Some(sizes)) = (
        ImageShape::of(context.input.shape),
        context.columns.leading("vectors_svd", SAMPLES)?,
        context.columns.get("moved_size")?,
    ) else {
        return Ok(None);
    };
    let dim = context.dim();
    let grey = grey_range(context);
    let mut grids = Vec::new();
    for sample in 0..vectors.rows().min(SAMPLES) {
        let (x, size) = (context.generated.row(sample), sizes.row(sample)[0]);
        let mut rows = Vec::new();
        for vector in chosen(vectors.row(sample).len() / dim) {
            let u = &vectors.row(sample)[vector * dim..][..dim];
            let moved =
                |step: f64| -> Vec<f64> { x.iter().zip(u).map(|(x, u)| x + step * size * u).collect() };
            let images: Vec<Vec<f64>> = STEPS.into_iter().map(moved).collect();
            let images: Vec<&[f64]> = images.iter().map(Vec::as_slice).collect();
            let label = html! { "vector " (vector + 1) };
            rows.push(Row { label, images: shape.strip(&images, grey)?, count: images.len() });
        }
        let caption = html! {
            "Sample " (sample) " plus −S, −S/2, 0, S/2 and S times a unit vector, S = " (number(size))
            ". Where the model is aligned, leading vectors change what the image shows and late ones add what no image of the data has."
        };
        let title = format!("Sample {sample} moved along its exact vectors");
        grids.push(figure(
            &title,
            shape,
            &rows,
            caption,
            context.numbers(&["x", "vectors_svd", "moved_size"]),
        ));
    }
    Ok(Some(html! { @for grid in &grids { (grid) } }))
}

/// Distances to the support after a move along every vector.
fn distances(moved: &MovedSummary) -> Figure {
    let k = moved.distance_moved.len();
    let bar = |(i, q)| quantile_mark(i as f64 + 1.0, 0.0, q, Role::Svd);
    let rule = |value: f64, role: Role| Mark::Rule { value, upright: false, role };
    let mut marks =
        vec![rule(moved.distance_random.q50, Role::Null), rule(moved.distance.q50, Role::Generated)];
    marks.extend(moved.distance_moved.iter().enumerate().map(bar));
    let all = moved.distance_moved.iter().flat_map(|q| [q.q05, q.q95]);
    let (_, high) = range(all.chain([moved.distance_random.q50, moved.distance.q50])).unwrap_or((0.0, 1.0));
    Figure {
        title: "Distance to the support after a move".into(),
        legend: vec![
            Key::new(Swatch::Interval, Role::Svd, "moved along the vector"),
            Key::new(Swatch::Line, Role::Null, "moved along a random direction (median)"),
            Key::new(Swatch::Line, Role::Generated, "not moved (median)"),
        ],
        panels: vec![Panel {
            title: String::new(),
            x: numbered(k, "vector, most sensitive first"),
            y: Axis::new(Scale::covering([0.0, high], true), "distance (data units)"),
            marks,
            height: Height::Pixels(210.0),
        }],
        columns: if k > 6 { 1 } else { 2 },
        caption: html! {
            "Samples moved by S (median " (number(moved.size.q50)) ") along ± their exact vectors, " (count(moved.distance.n as u64))
            " samples: dot, median; thick, 25 % to 75 %; thin, 5 % to 95 %. Vectors that lie below the line of a random direction lead along the data, "
            "to finite distances and not only to first order."
        },
        numbers: numbers(moved),
    }
}

fn numbers(moved: &MovedSummary) -> Markup {
    let others = [("not moved", &moved.distance), ("random direction", &moved.distance_random)];
    let others = others.map(|(name, q)| (name.to_string(), q));
    let vectors = moved.distance_moved.iter().enumerate().map(|(i, q)| (vector_name(i), q));
    folded("The plotted numbers", quantile_table("distance, data units", others.into_iter().chain(vectors)))
}
