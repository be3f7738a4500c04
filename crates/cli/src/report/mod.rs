//! The report of a run: one self-contained page, readable offline.

mod charts;
mod classes;
mod columns;
mod compare;
mod density;
mod figure;
#[cfg(test)]
pub(crate) mod fixture;
mod null;
mod page;
mod palette;
mod plane;
mod reproduce;
mod scene;
mod sections;
mod strip;
mod sweep;
#[cfg(test)]
mod tests;
mod text;
mod training;

pub use self::classes::classes_html;
use self::page::document;
pub use self::reproduce::{Answer, Claim, Evidence, FigurePage, ReproduceInput, reproduce_html};
use self::sections::{
    Context, absent, alignment, classifier, condition, dimension, exponents, gains, headline, images,
    learning, likelihood, moved, pictures, provenance, response, robustness,
};
pub use self::sweep::{Contrast, Curve, SweepInput, sweep_html};
pub use self::text::{count, counted};
pub use self::training::{ClassesShown, Look, Timing, TrainingInput, WeightCurve, Weights, training_html};
use maud::{Markup, html as page};
use surefoot::analysis::{ColumnSource, Request, Summary, System};

/// Everything a report is made from.
pub struct ReportInput<'a> {
    /// The model that was analysed.
    pub system: &'a System,
    /// Shape of a sample, as its network or its data have it.
    pub shape: &'a [usize],
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
    let context = Context::new(input)?;
    let summary = input.summary;
    let parts = [
        ("pictures", "What the model generates", pictures::draw(&context)?),
        ("images", "Images", images::draw(&context)?),
        ("moved", "Moved samples", moved::draw(&context)?),
        ("alignment", "Alignment", alignment::draw(&context)?),
        ("exponents", "Exponents", exponents::draw(&context)?),
        ("robustness", "Robustness", robustness::draw(&context)?),
        ("gains", "Gains and error budget", gains::draw(&context)?),
        ("learning", "Learning error", learning::draw(&context)?),
        ("response", "Response of the density", response::draw(&context)?),
        ("likelihood", "Likelihood of the samples", likelihood::draw(&context)?),
        ("classifier", "Support classifier", classifier::draw(&context)?),
        ("condition", "The sufficient condition", condition::draw(&context)?),
        ("dimension", "Dimension", dimension::draw(&context)),
        ("convergence", "Convergence", provenance::convergence(&context)),
        ("not-computed", "Not computed", absent::draw(summary)),
        ("provenance", "Provenance", provenance::draw(&context)),
    ];
    let content = page! {
        p class="kicker" { "surefoot · does a model error move samples along the data or off it?" }
        h1 { (input.system.name) }
        p class="subtitle" { (subtitle(&context)) }
        @if let Some(asked) = summary.provenance.asked { p class="note" { (unfinished(summary.provenance.samples, asked)) } }
        nav { @for (id, name, content) in &parts { @if !content.0.is_empty() { a href={ "#" (id) } { (name) } } } }
        @if let Some(verdict) = &summary.verdict { (headline::verdict(&context, verdict)) }
        (headline::table(&context))
        @for (_, _, content) in &parts { (content) }
    };
    Ok(document(&format!("{} – surefoot", input.system.name), content))
}

/// Several models on the same seeds.
pub struct SideBySide<'a> {
    /// Their runs.
    pub inputs: &'a [ReportInput<'a>],
    /// The folder of each, which names it where two models share a name.
    pub folders: &'a [String],
    /// Their differences.
    pub paired: &'a [PairedRow],
    /// A sentence below the title.
    pub note: Option<&'a str>,
}

/// A section of a comparison.
pub struct Drawn {
    /// Its name, unique on the page.
    pub id: &'static str,
    /// Its heading.
    pub title: &'static str,
    /// What stands below it.
    pub content: Markup,
}

/// The report of several models on the same seeds.
///
/// # Errors
/// Unreadable columns.
pub fn compare_html(side_by_side: &SideBySide) -> Result<String, surefoot::Error> {
    let contexts = side_by_side.inputs.iter().map(Context::new).collect::<Result<Vec<_>, _>>()?;
    let models = compare::models(&contexts, side_by_side.folders);
    let names: Vec<&str> = models.iter().map(|model| model.name()).collect();
    let title = format!("{} – surefoot", names.join(", "));
    Ok(document(&title, compare::draw(&models, side_by_side.paired, side_by_side.note)?))
}

/// The sections of that report, for another page.
///
/// # Errors
/// Unreadable columns.
pub fn compare_figures(side_by_side: &SideBySide) -> Result<Vec<Drawn>, surefoot::Error> {
    let contexts = side_by_side.inputs.iter().map(Context::new).collect::<Result<Vec<_>, _>>()?;
    compare::sections(&compare::models(&contexts, side_by_side.folders), side_by_side.paired)
}

/// "2,000 samples in R² …" in plain words.
fn unfinished(samples: usize, asked: usize) -> String {
    format!(
        "This run is not finished: what follows is of the first {} of {} samples. The same command with --resume goes on.",
        count(samples as u64),
        count(asked as u64)
    )
}

fn subtitle(context: &Context) -> String {
    let p = &context.input.summary.provenance;
    let support = match context.intrinsic_dim() {
        Some(d) => format!("support of dimension {d}"),
        None => "no known support".into(),
    };
    format!(
        "{} · {} · dimension {} · {support}",
        counted(p.samples, "sample"),
        counted(p.steps, "step"),
        context.dim()
    )
}
