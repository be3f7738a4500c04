//! The report of a run: one self-contained page, readable offline.

use maud::{DOCTYPE, Markup, html as page};
use surefoot::analysis::{ColumnSource, Request, Summary, System};

/// Everything a report is made from.
pub struct ReportInput<'a> {
    /// The model that was analysed.
    pub system: &'a System,
    /// What was asked.
    pub request: &'a Request,
    /// What came out.
    pub summary: &'a Summary,
    /// The columns behind the figures, read back one at a time.
    pub columns: &'a dyn ColumnSource,
    /// (text, relative address) of the files beside the report.
    pub links: &'a [(String, String)],
}

/// One paired difference of two models on the same seeds: `second` − `first`.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct PairedRow {
    /// Figure that is compared, as a dotted key of `summary.json`.
    pub figure: String,
    /// Name of the first model.
    pub first: String,
    /// Name of the second model.
    pub second: String,
    /// Median over samples of the difference second − first.
    pub median: f64,
    /// Lower end of its 95 % interval.
    pub low: f64,
    /// Upper end of its 95 % interval.
    pub high: f64,
    /// Number of samples.
    pub n: usize,
}

/// The report of one model.
///
/// # Errors
/// Unreadable columns.
pub fn html(input: &ReportInput) -> Result<String, surefoot::Error> {
    Ok(frame(&input.system.name, body(input)))
}

/// The report of several models on the same seeds.
///
/// # Errors
/// Unreadable columns.
pub fn compare_html(inputs: &[ReportInput], paired: &[PairedRow]) -> Result<String, surefoot::Error> {
    let names: Vec<&str> = inputs.iter().map(|input| input.system.name.as_str()).collect();
    let content = page! {
        @for input in inputs { h2 { (input.system.name) } (body(input)) }
        h2 { "Paired differences" }
        table {
            tr { th { "figure" } th { "models" } th { "median difference" } th { "95 % interval" } }
            @for row in paired {
                tr {
                    td { (row.figure) }
                    td { (row.second) " − " (row.first) }
                    td { (format!("{:.4}", row.median)) }
                    td { (format!("{:.4} … {:.4}", row.low, row.high)) }
                }
            }
        }
    };
    Ok(frame(&names.join(", "), content))
}

fn frame(title: &str, content: Markup) -> String {
    page! {
        (DOCTYPE)
        html lang="en" {
            head { meta charset="utf-8"; title { "surefoot: " (title) } }
            body { h1 { (title) } (content) }
        }
    }
    .into_string()
}

fn body(input: &ReportInput) -> Markup {
    page! {
        @if let Some(verdict) = &input.summary.verdict {
            ul { @for reason in &verdict.reasons { li { (reason) } } }
        }
        p { (input.request.samples) " samples, " (input.summary.provenance.steps) " steps" }
        ul { @for (text, address) in input.links { li { a href=(address) { (text) } } } }
    }
}
