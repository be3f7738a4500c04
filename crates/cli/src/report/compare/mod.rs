//! Several models on the same seeds: one table, overlaid figures, paired differences.

mod budget;
mod classifier;
mod condition;
mod figures;
mod learning;
mod likelihood;
mod paired;
mod response;
mod table;

use super::page::section;
use super::palette::Role;
use super::sections::{Context, absent};
use super::text::{ABSENT, count, duration};
use super::{Drawn, PairedRow};
use maud::{Markup, html};
use surefoot::Error;

/// A model among others.
pub struct Model<'a> {
    /// Its run.
    pub context: &'a Context<'a>,
    /// Colour and dashes.
    pub role: Role,
    /// Shown name, of this model alone.
    pub label: String,
}

impl Model<'_> {
    /// Shown name.
    pub fn name(&self) -> &str {
        &self.label
    }
}

/// Runs as models to compare; those that share a name are told apart by their folders.
pub fn models<'a>(contexts: &'a [Context<'a>], folders: &[String]) -> Vec<Model<'a>> {
    let name = |context: &Context| context.input.system.name.clone();
    let names: Vec<String> = contexts.iter().map(name).collect();
    let model = |(index, context): (usize, &'a Context<'a>)| {
        let own = &names[index];
        let shared = names.iter().filter(|name| *name == own).count() > 1;
        let label = folders.get(index).filter(|_| shared).unwrap_or(own).clone();
        Model { context, role: Role::Model(index), label }
    };
    contexts.iter().enumerate().map(model).collect()
}

/// The sections that have something to show.
///
/// # Errors
/// Unreadable columns.
pub fn sections(models: &[Model], rows: &[PairedRow]) -> Result<Vec<Drawn>, Error> {
    let section = |id, title, content| Drawn { id, title, content };
    let all = [
        section("pictures", "What the models generate", figures::pictures(models)?),
        section("alignment", "Alignment", figures::alignment(models)?),
        section("exponents", "Exponents", figures::exponents(models)),
        section("robustness", "Robustness under model errors", figures::robustness(models)?),
        section("gains", "Error budget", budget::draw(models)),
        section("learning", "Learning errors", learning::draw(models)),
        section("response", "Responses of observables", response::draw(models)),
        section("likelihood", "Likelihood of the samples", likelihood::draw(models)),
        section("classifier", "Support classifier", classifier::draw(models)),
        section("condition", "The sufficient condition", condition::draw(models)),
        section("paired", "Paired differences", paired::draw(models, rows)),
        section("not-computed", "Not computed", not_computed(models)),
    ];
    Ok(all.into_iter().filter(|section| !section.content.0.is_empty()).collect())
}

/// Content of the comparison.
///
/// # Errors
/// Unreadable columns.
pub fn draw(models: &[Model], rows: &[PairedRow], note: Option<&str>) -> Result<Markup, Error> {
    let sections = sections(models, rows)?;
    let samples: Vec<usize> = models.iter().map(|m| m.context.input.summary.provenance.samples).collect();
    Ok(html! {
        p class="kicker" { "surefoot · does a model error move samples along the data or off it?" }
        h1 { "Comparison of " (models.len()) " models" }
        p class="subtitle" {
            @if let (Some(&low), Some(&high)) = (samples.iter().min(), samples.iter().max()) {
                @if low == high { (count(low as u64)) " samples each" } @else { (low) " to " (high) " samples" }
            }
            ", the same seed for all: sample i of every model starts from the same random numbers"
        }
        @if let Some(note) = note { p { (note) } }
        nav { @for part in &sections { a href={ "#" (part.id) } { (part.title) } } a href="#runs" { "Runs" } }
        (table::draw(models))
        @for part in sections { (section(part.id, part.title, part.content)) }
        (section("runs", "Runs", runs(models)))
    })
}

/// What every model leaves out, and why.
fn not_computed(models: &[Model]) -> Markup {
    let with: Vec<&Model> =
        models.iter().filter(|model| !model.context.input.summary.not_computed.is_empty()).collect();
    html! { @for model in with {
        p { span class=(model.role.class()) { "● " } strong { (model.name()) } }
        (absent::list(model.context.input.summary))
    } }
}

/// What a table shows, and the table, with models as columns; rows in which no model has a cell are left out, and
/// there is nothing without rows.
fn side_by_side(
    shows: &str,
    corner: &str,
    models: &[Model],
    rows: Vec<(String, Vec<Option<Markup>>)>,
) -> Markup {
    let rows: Vec<_> = rows.into_iter().filter(|(_, cells)| cells.iter().any(Option::is_some)).collect();
    if rows.is_empty() {
        return html! {};
    }
    html! {
        p { (shows) }
        div class="scroll" { table class="wide" {
            thead { tr {
                th scope="col" { (corner) }
                @for model in models { th scope="col" { span class=(model.role.class()) { "● " } (model.name()) } }
            } }
            tbody { @for (name, cells) in &rows { tr {
                th scope="row" { (name) }
                @for cell in cells { td { @match cell { Some(cell) => { (cell) }, None => { (ABSENT) } } } }
            } } }
        } }
    }
}

fn runs(models: &[Model]) -> Markup {
    html! {
        p { "Every model has its own report with all figures and definitions." }
        div class="scroll" { table class="plain" { tbody {
            @for model in models {
                @let p = &model.context.input.summary.provenance;
                tr {
                    th scope="row" { (model.name()) }
                    td {
                        "seed " (p.seed) ", " (p.steps) " steps, " (duration(p.seconds)) ", SHA-256 " code { (p.model_sha256) }
                    }
                    td { @for (i, (text, address)) in model.context.input.links.iter().enumerate() {
                        @if i > 0 { " · " } a href=(address) { (text) }
                    } }
                }
            }
        } } }
    }
}
