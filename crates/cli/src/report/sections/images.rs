//! Models of images: what is generated, what errors make of it, and the most sensitive directions, as images.

use super::Context;
use crate::report::page::section;
use crate::report::strip::ImageShape;
use crate::report::text::{number, significant};
use maud::{Markup, html};
use surefoot::Error;
use surefoot::random::{Purpose, stream};

/// Images of a row at most.
const ACROSS: usize = 12;
/// Samples whose vectors are drawn.
const SAMPLES: usize = 4;
/// Pixels on the page of a pixel of an image, at most.
const LARGEST: usize = 3;

/// Images under a label.
pub struct Row {
    /// What they are.
    pub label: Markup,
    /// Address that holds the picture.
    pub images: String,
    /// How many.
    pub count: usize,
}

/// The section; nothing for samples that are no images.
///
/// # Errors
/// Unreadable columns.
pub fn draw(context: &Context) -> Result<Markup, Error> {
    let Some(shape) = ImageShape::of(context.input.shape) else { return Ok(html! {}) };
    if context.generated.rows() == 0 {
        return Ok(html! {});
    }
    let range = grey_range(context);
    let vectors = vectors(context, shape, range)?;
    Ok(section(
        "images",
        "Images",
        html! {
            (figure(
                "Generated images, and the same under model errors",
                shape,
                &samples(context, shape, range)?,
                html! {
                    "Samples of " (shape.describe()) ". A column is one sample: the same start and the same noise without and with the error (of its largest size). "
                    "All images on one scale, from " (number(range[0])) " (black) to " (number(range[1])) " (white), the 0.5 % and 99.5 % quantiles of the generated pixels."
                },
                context.numbers(&["x", "perturbed_x"]),
            ))
            @if let Some((rows, name)) = vectors {
                (figure(
                    "The most sensitive directions as images",
                    shape,
                    &rows,
                    html! {
                        "One row a sample: the sample, then vectors of unit length by their index with the log growth in nats. Grey is 0, white and black the vector's largest size. "
                        "For a model that is aligned the leading vectors change the content of the image; late ones look like noise."
                    },
                    context.numbers(&["x", name]),
                ))
            }
        },
    ))
}

/// The scale of all images.
pub fn grey_range(context: &Context) -> [f64; 2] {
    let mut values: Vec<f64> =
        (0..context.generated.rows().min(64)).flat_map(|i| context.generated.row(i)).copied().collect();
    values.sort_by(f64::total_cmp);
    let at = |share: f64| values[(share * (values.len() - 1) as f64).round() as usize];
    let (low, high) = (at(0.005), at(0.995));
    if high > low { [low, high] } else { [low - 0.5, low + 0.5] }
}

/// Data, samples, and their twins under the largest size of every error.
fn samples(context: &Context, shape: ImageShape, range: [f64; 2]) -> Result<Vec<Row>, Error> {
    let count = context.generated.rows().min(ACROSS);
    let mut rows = Vec::new();
    let mut add = |label: Markup, images: &[&[f64]]| -> Result<(), Error> {
        rows.push(Row { label, images: shape.strip(images, range)?, count: images.len() });
        Ok(())
    };
    if let Some(law) = &context.input.system.data {
        let draw = |i: usize| {
            let mut image = vec![0.0; context.dim()];
            law.sample(&mut stream(0, i as u64, Purpose::Reference), &mut image);
            image
        };
        let drawn: Vec<Vec<f64>> = (0..count).map(draw).collect();
        add(html! { "data" }, &drawn.iter().map(Vec::as_slice).collect::<Vec<_>>())?;
    }
    let generated: Vec<&[f64]> = (0..count).map(|i| context.generated.row(i)).collect();
    add(html! { "generated" }, &generated)?;
    for group in &context.errors {
        let place = group.places.end - 1;
        if let (Some(twins), Some(entry)) = (context.twins(place), group.entries.last()) {
            let label = html! { (group.title()) ", " (group.size_label(entry.size)) };
            add(label, &twins.take(count).collect::<Vec<_>>())?;
        }
    }
    Ok(rows)
}

/// Rows of a sample and some of its vectors, with the name of their column.
fn vectors(
    context: &Context,
    shape: ImageShape,
    range: [f64; 2],
) -> Result<Option<(Vec<Row>, &'static str)>, Error> {
    let dim = context.dim();
    for (name, growth) in [("vectors_svd", "log_growth_svd"), ("vectors_qr", "log_growth_qr")] {
        let (Some(table), Some(growth)) =
            (context.columns.leading(name, SAMPLES)?, context.columns.get(growth)?)
        else {
            continue;
        };
        let k = table.row(0).len() / dim;
        let chosen = chosen(k);
        let mut rows = Vec::new();
        for i in 0..table.rows().min(SAMPLES) {
            let mut images = vec![mapped(context.generated.row(i), range)];
            for &vector in &chosen {
                let values = &table.row(i)[vector * dim..][..dim];
                let largest = values.iter().fold(f64::MIN_POSITIVE, |most, v| v.abs().max(most));
                images.push(mapped(values, [-largest, largest]));
            }
            let label = html! {
                "sample " (i) @for &vector in &chosen { br; (vector + 1) ": " (significant(growth.row(i)[vector], 3)) }
            };
            let images: Vec<&[f64]> = images.iter().map(Vec::as_slice).collect();
            rows.push(Row { label, images: shape.strip(&images, [0.0, 1.0])?, count: images.len() });
        }
        return Ok(Some((rows, name)));
    }
    Ok(None)
}

/// The vectors that are drawn, from 0: the first ones, some later ones, and the last.
pub fn chosen(k: usize) -> Vec<usize> {
    let mut list: Vec<usize> = [1, 2, 3, 5, 10, 20, 50, 100].into_iter().filter(|&i| i < k).collect();
    list.push(k);
    list.iter().map(|i| i - 1).collect()
}

/// Values of [low, high] mapped to [0, 1].
fn mapped(values: &[f64], [low, high]: [f64; 2]) -> Vec<f64> {
    values.iter().map(|v| (v - low) / (high - low)).collect()
}

/// Rows of images under a title.
pub fn figure(title: &str, shape: ImageShape, rows: &[Row], caption: Markup, numbers: Markup) -> Markup {
    html! {
        figure {
            div class="figure-title" { (title) }
            div class="scroll" { table class="strips" { tbody { @for row in rows {
                @let across = shape.across(row.count);
                @let factor = (900 / across.max(1)).clamp(1, LARGEST);
                tr {
                    th scope="row" { (row.label) }
                    td { img src=(row.images) width=(factor * across) alt={ (row.count) " images" }; }
                }
            } } } }
            figcaption { (caption) }
            div class="numbers" { (numbers) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_are_chosen_once_each() {
        assert_eq!(chosen(1), [0]);
        assert_eq!(chosen(4), [0, 1, 2, 3]);
        assert_eq!(chosen(5), [0, 1, 2, 4]);
        assert_eq!(chosen(32), [0, 1, 2, 4, 9, 19, 31]);
    }
}
