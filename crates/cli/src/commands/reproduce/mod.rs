//! `reproduce`: the two-dimensional experiments of CdC, each claim beside our measurement.

mod claims;
mod runs;

use self::claims::claims;
use self::runs::{Runs, plan};
use super::compare::own_directory;
use super::execute::{Manner, execute, json_bytes};
use super::single::print;
use super::start_threads;
use crate::failure::{Failure, Result};
use crate::interrupt;
use crate::options::{Cli, Command, FigureName, Format, Reproduce};
use crate::report::{Claim, ReproduceInput, reproduce_html};
use crate::run_file::{resolve, settings};
use crate::store::write_file;
use crate::table::number;
use clap::{Parser, ValueEnum};
use serde_json::json;
use std::fmt::Write;

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
    let manner = Manner { threads, resume: options.resume, screen: options.screen };
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
    let runs: Vec<(String, String)> = plan.iter().map(|run| (run.name.to_string(), run.command())).collect();
    let page = reproduce_html(&ReproduceInput { claims: &claims, runs: &runs });
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
        let _ = writeln!(text, "      {}: {}\n", claim.answer.words().to_uppercase(), claim.why);
    }
    text
}
