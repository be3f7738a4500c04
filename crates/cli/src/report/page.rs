//! The page around the content: head, style, headings, tables, numbers behind figures.

use super::text::{number, percent, significant};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use surefoot::statistics::Quantiles;

const STYLE: &str = include_str!("style.css");

/// A complete HTML document.
pub fn document(title: &str, content: Markup) -> String {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="generator" content="surefoot";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body { main { (content) } }
        }
    }
    .into_string()
}

/// A section with a heading that can be linked to.
pub fn section(id: &str, title: &str, content: Markup) -> Markup {
    html! { section id=(id) { h2 { (title) } (content) } }
}

/// Links to columns in the array store at `base`.
pub fn column_links(base: &str, names: &[impl AsRef<str>]) -> Markup {
    html! {
        @for (i, name) in names.iter().map(AsRef::as_ref).enumerate() {
            @if i > 0 { ", " }
            a href={ (base) (name) "/zarr.json" } { code { (name) } }
        }
    }
}

/// Numbers that fold out below a figure.
pub fn folded(summary: &str, content: Markup) -> Markup {
    html! { details { summary { (summary) } div class="scroll" { (content) } } }
}

/// A table; the first column holds names, the others numbers.
pub fn table(head: &[&str], rows: &[Vec<String>]) -> Markup {
    html! {
        table {
            thead { tr { @for cell in head { th scope="col" { (cell) } } } }
            tbody {
                @for row in rows {
                    tr { @for (i, cell) in row.iter().enumerate() {
                        @if i == 0 { th scope="row" { (cell) } } @else { td { (cell) } }
                    } }
                }
            }
        }
    }
}

/// A table of quantiles under their names; `what` heads the names.
pub fn quantile_table<'a>(what: &str, rows: impl IntoIterator<Item = (String, &'a Quantiles)>) -> Markup {
    let head: Vec<&str> = std::iter::once(what).chain(QUANTILE_HEAD).collect();
    let row = |(name, q): (String, &Quantiles)| std::iter::once(name).chain(quantile_cells(q)).collect();
    table(&head, &rows.into_iter().map(row).collect::<Vec<_>>())
}

/// The name of vector `index`, counted from 0.
pub fn vector_name(index: usize) -> String {
    format!("vector {}", index + 1)
}

/// Head of a table of quantiles, after its own first columns.
pub const QUANTILE_HEAD: [&str; 8] =
    ["median", "95 % interval of the median", "5 %", "25 %", "75 %", "95 %", "mean", "n"];

/// Cells for [`QUANTILE_HEAD`].
pub fn quantile_cells(q: &Quantiles) -> Vec<String> {
    vec![
        significant(q.q50, 4),
        interval(q.q50_low, q.q50_high),
        number(q.q05),
        number(q.q25),
        number(q.q75),
        number(q.q95),
        number(q.mean),
        q.n.to_string(),
    ]
}

/// "a to b".
pub fn interval(low: f64, high: f64) -> String {
    format!("{} to {}", number(low), number(high))
}

/// Median with its 95 % interval below it.
pub fn median(q: &Quantiles) -> Markup {
    html! { (number(q.q50)) span class="aside" { (interval(q.q50_low, q.q50_high)) } }
}

/// A share with its interval below it.
pub fn share_within(value: f64, low: f64, high: f64) -> Markup {
    html! { (percent(value)) span class="aside" { (percent(low)) " to " (percent(high)) } }
}

/// "12 of 1000 points (1.2 %)".
pub fn share_of(part: usize, whole: usize) -> String {
    format!("{part} of {whole} ({})", percent(part as f64 / whole.max(1) as f64))
}
