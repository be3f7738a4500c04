//! `reproduce`: the two-dimensional experiments of CdC, each claim beside our measurement.

mod claims;
mod rule;
mod runs;

use self::claims::claims;
use self::runs::{Runs, plan};
use super::compare::{own_directory, side_by_side_figures, side_by_side_page};
use super::execute::{Finished, Manner, execute, json_bytes};
use super::single::print;
use super::start_threads;
use crate::failure::{Failure, Result};
use crate::interrupt;
use crate::options::{Cli, Command, FigureName, Format, Reproduce};
use crate::report::{Claim, FigurePage, ReproduceInput, reproduce_html};
use crate::run_file::{resolve, settings};
use crate::store::write_file;
use crate::table::number;
use clap::{Parser, ValueEnum};
use serde_json::json;
use std::fmt::Write;
use std::time::Duration;

/// Runs what the figures need and holds their claims against it.
///
/// # Errors
/// Whatever stops one of the runs, and models that are not where they should be.
pub fn reproduce(options: &Reproduce) -> Result<()> {
    let all = FigureName::value_variants();
    let figures: Vec<FigureName> =
        all.iter().copied().filter(|f| options.figures.is_empty() || options.figures.contains(f)).collect();
    let plan = plan(options, &figures)?;
    let threads = start_threads(options.threads)?;
    let mut resolved = Vec::new();
    for planned in &plan {
        let words = std::iter::once("surefoot").chain(planned.words.iter().map(String::as_str));
        let Ok(Cli { command: Command::Analyze(analyze) }) = Cli::try_parse_from(words) else {
            return Err(Failure::Usage(format!("cannot plan {}", planned.words.join(" "))));
        };
        let settings = settings(&analyze.settings)?;
        let run = resolve(&analyze.model, &settings, &analyze.run, Some(&analyze.vectors), &analyze.errors)?;
        resolved.push((run, analyze.run.out));
    }
    own_directory(&options.out, "reproduction")?;
    interrupt::listen();
    let manner =
        Manner { threads, resume: options.resume, screen: options.screen, report_every: Duration::MAX };
    let mut finished = Runs::default();
    for (planned, (run, folder)) in plan.iter().zip(resolved) {
        finished.insert(planned.name, execute(run, &folder, &manner)?);
    }
    let claims = claims(&figures, &finished)?;
    let json = json_bytes(&json!({
        "schema": 1,
        "claims": claims,
        "runs": plan.iter().map(|run| json!({ "name": run.name, "folder": run.name, "command": run.command() })).collect::<Vec<_>>(),
    }))?;
    write_file(&options.out.join("summary.json"), &json)?;
    let mut pages = pages(&finished);
    for page in &mut pages {
        let runs: Vec<&Finished> = page.runs.iter().filter_map(|name| finished.get(name.as_str())).collect();
        let html = side_by_side_page(&runs, &page.runs, &[], page.note)?;
        write_file(&options.out.join(page.file), html.as_bytes())?;
        page.drawn = side_by_side_figures(&runs, &page.runs)?;
    }
    let runs: Vec<(String, String)> = plan.iter().map(|run| (run.name.to_string(), run.command())).collect();
    let page = reproduce_html(&ReproduceInput { claims: &claims, runs: &runs, pages: &pages });
    write_file(&options.out.join("report.html"), page.as_bytes())?;
    match options.screen.format {
        Format::Json => print(&json),
        Format::Text => {
            let mut text = table(&claims);
            if !options.screen.quiet {
                let _ = writeln!(text, "\nReport: {}", options.out.join("report.html").display());
            }
            print(text.as_bytes())
        }
    }
}

/// Why sizes in the figures are half of those in the claims.
const SIZES: &str = "In the table ε is that of CdC, who put ε χ beside 2 s in the drift. In the figures it is the size of the same \
                     error as one of the score, ε χ/2: 0.1, 0.5 and 1 in the table are 0.05, 0.25 and 0.5 there.";

/// Pages with the figures of several runs, overlaid.
fn pages(finished: &Runs) -> Vec<FigurePage> {
    let page = |file, text: &str, figures, errors: bool| {
        let of = |name: &&&str| name.starts_with("errors-") == errors;
        let runs: Vec<String> = finished.keys().filter(of).map(|name| name.to_string()).collect();
        FigurePage {
            file,
            text: text.into(),
            figures,
            runs,
            note: errors.then_some(SIZES),
            drawn: Vec::new(),
        }
    };
    let all = [
        page(
            "errors.html",
            "SDE and ODE sampling under errors: samples, leading vectors, shifts over error size",
            &["fig1", "fig2", "fig4"][..],
            true,
        ),
        page(
            "models.html",
            "all models: growth by vector, histograms of the score cosine",
            &["fig7", "fig8"],
            false,
        ),
    ];
    all.into_iter().filter(|page| !page.runs.is_empty()).collect()
}

/// The claims and what was measured.
fn table(claims: &[Claim]) -> String {
    let mut text = String::new();
    for claim in claims {
        let _ = writeln!(text, "{}  {}", claim.figure, claim.claim);
        for evidence in &claim.evidence {
            let point = &evidence.value;
            let values = format!("{} ({} to {})", number(point.value), number(point.low), number(point.high));
            let _ = writeln!(text, "      {:<80}{values}", evidence.what);
        }
        let _ = writeln!(text, "      {}. {}.\n", claim.answer.words().to_uppercase(), claim.why);
    }
    text
}
