//! `analyze` and `perturb`: one model, one output directory.

use super::execute::{Finished, Manner, execute, json_bytes};
use super::start_threads;
use super::sweep::sweep;
use crate::failure::{Failure, Result};
use crate::interrupt;
use crate::options::{Analyze, Format, Perturb, RunOptions, Screen};
use crate::requirement::Requirement;
use crate::run_file::{Run, resolve, settings};
use crate::table;
use std::io::Write;
use std::path::Path;

/// The main job.
///
/// # Errors
/// Whatever stops it.
pub fn analyze(options: &Analyze) -> Result<()> {
    if let Some(text) = &options.sweep {
        return sweep(options, text);
    }
    let requirements = requirements(&options.run)?;
    let threads = start_threads(options.run.threads)?;
    let settings = settings(&options.settings)?;
    let run = resolve(&options.model, &settings, &options.run, Some(&options.vectors), &options.errors)?;
    let manner = Manner::of(&options.run, threads, options.screen);
    carry_out(run, &options.run.out, &manner, &requirements)
}

/// The robustness experiment alone.
///
/// # Errors
/// Whatever stops it.
pub fn perturb(options: &Perturb) -> Result<()> {
    let requirements = requirements(&options.run)?;
    let threads = start_threads(options.run.threads)?;
    let settings = settings(&options.settings)?;
    let run = resolve(&options.model, &settings, &options.run, None, &options.errors)?;
    let manner = Manner::of(&options.run, threads, options.screen);
    carry_out(run, &options.run.out, &manner, &requirements)
}

fn carry_out(run: Run, out: &Path, manner: &Manner, requirements: &[Requirement]) -> Result<()> {
    interrupt::listen();
    let finished = execute(run, out, manner)?;
    show(&finished, out, manner.screen)?;
    check(requirements, &[&finished])
}

fn show(finished: &Finished, out: &Path, screen: Screen) -> Result<()> {
    match screen.format {
        Format::Json => print(&json_bytes(&finished.summary)?),
        Format::Text => {
            let mut text = table::summary(&finished.summary, screen.verbose);
            if !screen.quiet {
                text.push_str(&format!("\nReport: {}\n", out.join("report.html").display()));
            }
            print(text.as_bytes())
        }
    }
}

/// Writes to standard output; a reader that has gone away is no failure.
///
/// # Errors
/// When the system refuses.
pub fn print(bytes: &[u8]) -> Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::writing(Path::new("standard output"))(error))
        }
        _ => Ok(()),
    }
}

/// The conditions of `--require`.
///
/// # Errors
/// One that cannot be understood.
pub fn requirements(options: &RunOptions) -> Result<Vec<Requirement>> {
    options.require.iter().map(|text| Requirement::parse(text)).collect()
}

/// Holds every condition against every summary.
///
/// # Errors
/// Those that do not hold, and keys that are not there.
pub fn check(requirements: &[Requirement], runs: &[&Finished]) -> Result<()> {
    let mut unmet = Vec::new();
    for run in runs {
        let summary =
            serde_json::to_value(&run.summary).map_err(|error| Failure::Usage(error.to_string()))?;
        for requirement in requirements {
            let name = &run.model.spec.name;
            unmet.extend(requirement.unmet(&summary)?.map(|what| format!("{name}: {what}")));
        }
    }
    if unmet.is_empty() { Ok(()) } else { Err(Failure::Unmet(unmet.join("; "))) }
}
