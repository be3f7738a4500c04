//! `analyze --sweep`: one analysis a value of a setting, and their figures against it.

pub mod curves;
mod setting;
mod words;

use self::setting::Setting;
use super::compare::own_directory;
use super::execute::{Finished, Manner, execute, json_bytes};
use super::single::{check, print, requirements};
use super::start_threads;
use crate::failure::Result;
use crate::interrupt;
use crate::options::{Analyze, Format};
use crate::report::{Contrast, Curve, SweepInput, sweep_html};
use crate::run_file::{resolve, settings};
use crate::store::write_file;
use serde::Serialize;
use serde_json::{Value, json};
use std::path::Path;
use surefoot::analysis::Summary;

/// `summary.json` of a sweep.
#[derive(Serialize)]
struct SweepSummary<'a> {
    schema: u32,
    sweep: Value,
    runs: Vec<RunEntry<'a>>,
    curves: &'a [Curve],
    contrasts: &'a [Contrast],
    verdict: Value,
}

/// One run of a sweep.
#[derive(Serialize)]
struct RunEntry<'a> {
    value: Value,
    folder: &'a str,
    summary: &'a Summary,
}

/// Analyses the model once a value, each in a folder of its own.
///
/// # Errors
/// Whatever stops one of them.
pub fn sweep(options: &Analyze, text: &str) -> Result<()> {
    let setting = Setting::parse(text)?;
    let requirements = requirements(&options.run)?;
    let threads = start_threads(options.run.threads)?;
    let mut runs = Vec::new();
    for entry in &setting.values {
        let mut settings = settings(&options.settings)?;
        settings.overrides.push(setting.with(entry));
        runs.push(resolve(&options.model, &settings, &options.run, Some(&options.vectors), &options.errors)?);
    }
    let out = &options.run.out;
    own_directory(out, "sweep")?;
    interrupt::listen();
    let manner = Manner::of(&options.run, threads, options.screen);
    let folders: Vec<String> = setting.values.iter().map(|entry| setting.folder(entry)).collect();
    let mut finished = Vec::new();
    for (run, folder) in runs.into_iter().zip(&folders) {
        finished.push(execute(run, &out.join(folder), &manner)?);
    }
    let (json, text) = combine(&setting, &finished, &folders, out)?;
    match options.screen.format {
        Format::Json => print(&json)?,
        Format::Text if options.screen.quiet => print(text.as_bytes())?,
        Format::Text => print(format!("{text}\nReport: {}\n", out.join("report.html").display()).as_bytes())?,
    }
    check(&requirements, &finished.iter().collect::<Vec<_>>())
}

/// Writes the combined summary and report; answers with the summary and the text for the terminal.
fn combine<'a>(
    setting: &Setting,
    runs: &'a [Finished],
    folders: &'a [String],
    out: &Path,
) -> Result<(Vec<u8>, String)> {
    let labels: Vec<String> = setting.values.iter().map(|entry| setting.label(entry)).collect();
    let curves = curves::curves(runs)?;
    let base = words::base(setting);
    let mut contrasts = Vec::new();
    for (place, run) in runs.iter().enumerate().filter(|(place, _)| *place != base) {
        contrasts.extend(curves::contrasts(&runs[base], run, [&labels[base], &labels[place]])?);
    }
    let reasons = words::reasons(setting, runs, &contrasts, &curves);
    let values: Vec<Value> = setting
        .values
        .iter()
        .map(|entry| entry.number.map_or_else(|| json!(entry.text), |number| json!(number)))
        .collect();
    let entry = |((run, folder), value): ((&'a Finished, &'a String), &Value)| RunEntry {
        value: value.clone(),
        folder,
        summary: &run.summary,
    };
    let summary = SweepSummary {
        schema: 1,
        sweep: json!({ "setting": setting.name, "key": setting.key, "values": values }),
        runs: runs.iter().zip(folders).zip(&values).map(entry).collect(),
        curves: &curves,
        contrasts: &contrasts,
        verdict: json!({ "reasons": reasons }),
    };
    let json = json_bytes(&summary)?;
    write_file(&out.join("summary.json"), &json)?;
    let input = SweepInput {
        model: &runs[0].model.spec.name,
        setting: &setting.name,
        labels: &setting.values.iter().map(|entry| entry.text.clone()).collect::<Vec<_>>(),
        numbers: &setting.values.iter().map(|entry| entry.number).collect::<Option<Vec<f64>>>(),
        folders,
        samples: runs[0].request.samples,
        curves: &curves,
        contrasts: &contrasts,
        reasons: &reasons,
    };
    write_file(&out.join("report.html"), sweep_html(&input).as_bytes())?;
    Ok((json, words::table(setting, &curves, &reasons)))
}
