//! The report of `reproduce`: claims of the paper beside what was measured.

use super::Drawn;
use super::page::{document, interval, section, table};
use super::text::number;
use maud::{Markup, html};
use serde::{Serialize, Serializer};
use surefoot::statistics::Estimate;

/// Whether a claim holds by its rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// It does.
    Holds,
    /// In part, as the rule says.
    Partly,
    /// It does not.
    Not,
    /// The intervals are too wide to say.
    CannotTell,
}

impl Answer {
    /// In plain words.
    pub fn words(self) -> &'static str {
        match self {
            Answer::Holds => "holds",
            Answer::Partly => "holds partly",
            Answer::Not => "does not hold",
            Answer::CannotTell => "cannot tell",
        }
    }
}

impl Serialize for Answer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.words())
    }
}

/// A measured number that a claim rests on.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evidence {
    /// What was measured.
    pub what: String,
    /// With its 95 % interval.
    pub value: Estimate,
}

/// A claim of the paper and its answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Claim {
    /// Name of the figure.
    pub figure: &'static str,
    /// In a sentence.
    pub claim: String,
    /// Whether it holds.
    pub answer: Answer,
    /// The rule, with the number that decided where there is one.
    pub why: String,
    /// What was measured.
    pub evidence: Vec<Evidence>,
}

/// A page beside the report with the figures of several runs.
pub struct FigurePage {
    /// Its file name.
    pub file: &'static str,
    /// What it shows.
    pub text: String,
    /// Figures of the paper that it belongs to.
    pub figures: &'static [&'static str],
    /// Its runs.
    pub runs: Vec<String>,
    /// What a reader of its figures should know.
    pub note: Option<&'static str>,
    /// Its sections, some of which stand in the report, too.
    pub drawn: Vec<Drawn>,
}

/// What the report is made from.
pub struct ReproduceInput<'a> {
    /// The claims.
    pub claims: &'a [Claim],
    /// Name (and folder) of every run, and its command.
    pub runs: &'a [(String, String)],
    /// Pages of figures.
    pub pages: &'a [FigurePage],
}

/// The report.
pub fn reproduce_html(input: &ReproduceInput) -> String {
    let mut figures: Vec<&str> = input.claims.iter().map(|claim| claim.figure).collect();
    figures.dedup();
    let rows: Vec<Vec<String>> = input
        .claims
        .iter()
        .map(|claim| vec![claim.claim.clone(), claim.figure.to_string(), claim.answer.words().to_string()])
        .collect();
    let content = html! {
        p class="kicker" { "surefoot · when and how inexact generative models still sample from the data manifold" }
        h1 { "Two-dimensional experiments of CdC" }
        p class="subtitle" { "Claims of N. Chandramoorthy and A. de Clercq (NeurIPS 2025) beside our measurements, with 95 % intervals" }
        div class="scroll" { (table(&["claim", "figure", "answer"], &rows)) }
        @for figure in figures {
            (section(figure, &figure.replace("fig", "The paper's Fig. "), html! {
                @for claim in input.claims.iter().filter(|claim| claim.figure == figure) { (one(claim)) }
                @for page in input.pages.iter().filter(|page| page.figures.contains(&figure)) {
                    @if let Some(note) = page.note { p { (note) } }
                    @for part in page.drawn.iter().filter(|part| shown(figure).contains(&part.id)) { (part.content) }
                    p { "More figures of these runs: " a href=(page.file) { (page.text) } "." }
                }
            }))
        }
        (section("runs", "Runs", html! {
            p { "Every run has its own report with all figures." }
            ul { @for (name, command) in input.runs {
                li { a href={ (name) "/report.html" } { (name) } ": " code { (command) } }
            } }
        }))
    };
    document("Experiments of CdC – surefoot", content)
}

/// Sections of a comparison that show what a figure of the paper shows.
fn shown(figure: &str) -> &'static [&'static str] {
    match figure {
        "fig1" => &["pictures"],
        "fig2" | "fig8" => &["alignment"],
        "fig4" => &["robustness"],
        _ => &["exponents"],
    }
}

fn one(claim: &Claim) -> Markup {
    let class = match claim.answer {
        Answer::Holds => "good",
        Answer::Partly | Answer::CannotTell => "open",
        Answer::Not => "bad",
    };
    let rows: Vec<Vec<String>> = claim
        .evidence
        .iter()
        .map(|e| vec![e.what.clone(), number(e.value.value), interval(e.value.low, e.value.high)])
        .collect();
    html! {
        h3 { (claim.claim) }
        p { span class=(class) { (claim.answer.words()) } ". " (claim.why) "." }
        div class="scroll" { (table(&["measured", "value", "95 % interval"], &rows)) }
    }
}
