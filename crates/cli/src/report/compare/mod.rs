//! Several models on the same seeds: one table, overlaid figures, paired differences.

mod budget;
mod figures;
mod paired;
mod table;

use super::PairedRow;
use super::page::section;
use super::palette::Role;
use super::sections::Context;
use super::text::{count, duration};
use maud::{Markup, html};
use surefoot::Error;

/// A model among others.
pub struct Model<'a> {
    /// Its run.
    pub context: &'a Context<'a>,
    /// Colour and dashes.
    pub role: Role,
}

impl Model<'_> {
    /// Shown name.
    pub fn name(&self) -> &str {
        &self.context.input.system.name
    }
}

/// Content of the comparison.
///
/// # Errors
/// Unreadable columns.
pub fn draw(contexts: &[Context], rows: &[PairedRow]) -> Result<Markup, Error> {
    let role = |(index, context)| Model { context, role: Role::Model(index) };
    let models: Vec<Model> = contexts.iter().enumerate().map(role).collect();
    let sections = [
        ("pictures", "What the models generate", figures::pictures(&models)?),
        ("alignment", "Alignment", figures::alignment(&models)?),
        ("exponents", "Exponents", figures::exponents(&models)),
        ("robustness", "Robustness under model errors", figures::robustness(&models)?),
        ("gains", "Error budget", budget::draw(&models)),
        ("paired", "Paired differences", paired::draw(&models, rows)),
    ];
    let sections: Vec<_> = sections.into_iter().filter(|(_, _, content)| !content.0.is_empty()).collect();
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
        nav { @for (id, name, _) in &sections { a href={ "#" (id) } { (name) } } a href="#runs" { "Runs" } }
        (table::draw(&models))
        @for (id, name, content) in sections { (section(id, name, content)) }
        (section("runs", "Runs", runs(&models)))
    })
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
