//! `compare`: several models on the same seeds.

use super::execute::{Finished, Manner, execute, json_bytes, links};
use super::single::{check, print, requirements};
use super::start_threads;
use crate::failure::{Failure, Result};
use crate::interrupt;
use crate::options::{Compare, Format};
use crate::report::{Drawn, PairedRow, ReportInput, SideBySide, compare_figures, compare_html};
use crate::run_file::{Run, resolve, same_units, settings};
use crate::store::write_file;
use crate::table;
use serde::Serialize;
use std::fmt::Write;
use std::path::Path;
use surefoot::analysis::{Answer, ColumnSource, Summary};
use surefoot::statistics::paired;

/// `summary.json` of a comparison.
#[derive(Serialize)]
struct Comparison<'a> {
    schema: u32,
    models: Vec<&'a Summary>,
    paired: &'a [PairedRow],
}

/// Compares models.
///
/// # Errors
/// Whatever stops one of them.
pub fn compare(options: &Compare) -> Result<()> {
    let requirements = requirements(&options.run)?;
    let threads = start_threads(options.run.threads)?;
    let mut runs = Vec::new();
    for model in &options.models {
        let settings = settings(&options.settings)?;
        runs.push(resolve(model, &settings, &options.run, Some(&options.vectors), &options.errors)?);
    }
    same_shape(&runs)?;
    for (run, name) in runs.iter().zip(&options.models).skip(1) {
        same_units(&runs[0].model, &run.model, &format!("compare {name}"))?;
    }
    let folders = folders(&runs);
    own_directory(&options.run.out, "comparison")?;
    interrupt::listen();
    let manner = Manner::of(&options.run, threads, options.screen);
    let mut finished = Vec::new();
    for (run, folder) in runs.into_iter().zip(&folders) {
        finished.push(execute(run, &options.run.out.join(folder), &manner)?);
    }
    let paired = all_pairs(&finished, &folders)?;
    let summary =
        Comparison { schema: 1, models: finished.iter().map(|run| &run.summary).collect(), paired: &paired };
    let json = json_bytes(&summary)?;
    write_file(&options.run.out.join("summary.json"), &json)?;
    let page = side_by_side_page(&finished.iter().collect::<Vec<_>>(), &folders, &paired, None)?;
    write_file(&options.run.out.join("report.html"), page.as_bytes())?;
    match options.screen.format {
        Format::Json => print(&json)?,
        Format::Text => {
            let mut text = side_by_side(&finished, &folders, options.screen.verbose);
            text.push_str(&paired_table(&paired));
            if !options.screen.quiet {
                let _ = writeln!(text, "\nReport: {}", options.run.out.join("report.html").display());
            }
            print(text.as_bytes())?;
        }
    }
    check(&requirements, &finished.iter().collect::<Vec<_>>())
}

fn same_shape(runs: &[Run]) -> Result<()> {
    let dim = runs[0].model.system.dim();
    match runs.iter().find(|run| run.model.system.dim() != dim) {
        None => Ok(()),
        Some(other) => Err(Failure::Usage(format!(
            "compare: expected models of one dimension, got D = {dim} ({}) and D = {} ({}). Compare models of the same data",
            runs[0].model.spec.name,
            other.model.system.dim(),
            other.model.spec.name
        ))),
    }
}

/// A folder name for every model: its name, numbered where two share it.
fn folders(runs: &[Run]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for run in runs {
        let safe = |c: char| if c.is_alphanumeric() || "-_.".contains(c) { c } else { '-' };
        let name: String = run.model.spec.name.chars().map(safe).collect();
        let name = if name.trim_matches('.').is_empty() { "model".to_string() } else { name };
        let candidates = std::iter::once(name.clone()).chain((2..).map(|i| format!("{name}-{i}")));
        names.extend(candidates.into_iter().find(|candidate| !names.contains(candidate)));
    }
    names
}

/// Only an empty directory, a new one, or one of an earlier command of this kind is filled.
///
/// # Errors
/// A directory with other files, or a system that refuses.
pub fn own_directory(out: &Path, kind: &str) -> Result<()> {
    let marker = out.join(format!(".surefoot-{kind}"));
    let foreign = out.is_dir()
        && !marker.exists()
        && std::fs::read_dir(out).map_err(Failure::reading(out))?.next().is_some();
    if foreign {
        return Err(Failure::Value {
            place: out.display().to_string(),
            what: "output directory".into(),
            expected: format!("a new or empty directory, or one of an earlier {kind}"),
            got: "a directory with other files in it".into(),
            remedy: "Choose another one with -o".into(),
        });
    }
    std::fs::create_dir_all(out).map_err(Failure::writing(out))?;
    write_file(&marker, b"")
}

/// Columns that are compared pair by pair: name in the summary, column, and its other axes' place.
fn compared(run: &Finished) -> Vec<(String, &'static str, usize)> {
    let mut list = vec![
        ("alignment.score_cosine.qr".to_string(), "score_cosine_qr", 0),
        ("alignment.score_cosine.svd".into(), "score_cosine_svd", 0),
        ("alignment.subspace_angle_deg.qr".into(), "subspace_angle_deg_qr", 0),
        ("alignment.subspace_angle_deg.svd".into(), "subspace_angle_deg_svd", 0),
        ("gains.normal".into(), "gain_normal", 0),
        ("gains.tangent".into(), "gain_tangent", 0),
    ];
    for (kind, column) in [("qr", "log_growth_qr"), ("svd", "log_growth_svd")] {
        let vectors = run.columns.shape(column).map_or(0, |shape| shape[1]);
        list.extend((0..vectors).map(|i| (format!("exponents.{kind}.{i}"), column, i)));
    }
    let forced = run.request.error_names().into_iter().filter(|name| name != "coarser");
    list.extend(forced.enumerate().map(|(i, name)| (format!("footing.{name}"), "footing", i)));
    for i in 0..run.summary.robustness.len() {
        list.push((format!("robustness.{i}.distance_perturbed"), "perturbed_distance", i));
        list.push((format!("robustness.{i}.along"), "along", i));
    }
    list
}

/// One value a sample of a column with at most one more axis.
fn values(run: &Finished, column: &str, place: usize) -> Result<Option<Vec<f64>>> {
    let width = match run.columns.shape(column) {
        Some([_]) => 1,
        Some([_, width]) if place < *width => *width,
        _ => return Ok(None),
    };
    Ok(Some(run.columns.read(column)?.into_iter().skip(place).step_by(width).collect()))
}

fn all_pairs(runs: &[Finished], names: &[String]) -> Result<Vec<PairedRow>> {
    let mut rows = Vec::new();
    for (figure, column, place) in compared(&runs[0]) {
        for (i, first) in runs.iter().enumerate() {
            let Some(all) = values(first, column, place)? else { continue };
            for (j, second) in runs.iter().enumerate().skip(i + 1) {
                let Some(b) = values(second, column, place)? else { continue };
                let finite = all.iter().zip(&b).filter(|(a, b)| a.is_finite() && b.is_finite());
                let (a, b): (Vec<f64>, Vec<f64>) = finite.map(|(a, b)| (*a, *b)).unzip();
                let Some(difference) = paired(&a, &b, first.request.seed) else { continue };
                let difference = difference.median_of_differences;
                rows.push(PairedRow {
                    figure: figure.clone(),
                    first: names[i].clone(),
                    second: names[j].clone(),
                    median: difference.median,
                    low: difference.low,
                    high: difference.high,
                    n: difference.n,
                });
            }
        }
    }
    Ok(rows)
}

/// The report of runs in `folders` below it, overlaid, with a note below its title.
///
/// # Errors
/// Unreadable columns.
pub fn side_by_side_page(
    runs: &[&Finished],
    folders: &[String],
    paired: &[PairedRow],
    note: Option<&str>,
) -> Result<String> {
    let links = links_from_above(folders);
    Ok(compare_html(&SideBySide { inputs: &inputs(runs, &links), folders, paired, note })?)
}

/// The figures of that report alone, by the names of their sections.
///
/// # Errors
/// Unreadable columns.
pub fn side_by_side_figures(runs: &[&Finished], folders: &[String]) -> Result<Vec<Drawn>> {
    let links = links_from_above(folders);
    let inputs = inputs(runs, &links);
    Ok(compare_figures(&SideBySide { inputs: &inputs, folders, paired: &[], note: None })?)
}

/// Files of every run, as seen from the folder above.
fn links_from_above(folders: &[String]) -> Vec<Vec<(String, String)>> {
    let of = |folder: &String| {
        let report = (format!("report of {folder}"), format!("{folder}/report.html"));
        let files = links().into_iter().map(|(text, address)| (text, format!("{folder}/{address}")));
        std::iter::once(report).chain(files).collect()
    };
    folders.iter().map(of).collect()
}

fn inputs<'a>(runs: &[&'a Finished], links: &'a [Vec<(String, String)>]) -> Vec<ReportInput<'a>> {
    let input = |(run, links): (&&'a Finished, &'a Vec<(String, String)>)| ReportInput {
        system: &run.model.system,
        shape: &run.model.shape,
        request: &run.request,
        summary: &run.summary,
        columns: &run.columns,
        links,
    };
    runs.iter().zip(links).map(input).collect()
}

/// Headline medians, one column a model.
fn side_by_side(runs: &[Finished], names: &[String], verbose: bool) -> String {
    let width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0).max(10) + 2;
    let mut text = format!("{:<36}", "median of");
    names.iter().for_each(|name| {
        let _ = write!(text, "{name:>width$}");
    });
    text.push('\n');
    let json: Vec<serde_json::Value> =
        runs.iter().map(|run| serde_json::to_value(&run.summary).unwrap_or_default()).collect();
    for (figure, _, _) in compared(&runs[0]) {
        let pointer = format!("/{}/q50", figure.replace('.', "/"));
        let medians: Vec<Option<f64>> =
            json.iter().map(|summary| summary.pointer(&pointer)?.as_f64()).collect();
        if medians.iter().all(Option::is_none) {
            continue;
        }
        let _ = write!(text, "  {figure:<34}");
        for median in medians {
            let _ = write!(text, "{:>width$}", median.map_or_else(|| "-".into(), table::number));
        }
        text.push('\n');
    }
    responses(&mut text, runs, names);
    for (run, name) in runs.iter().zip(names) {
        let verdict = run.summary.verdict.as_ref();
        let _ = writeln!(
            text,
            "\n{name}: {}",
            match verdict.and_then(|verdict| verdict.robust) {
                Some(true) => "robust",
                Some(false) => "not robust",
                None => "no verdict",
            }
        );
        verdict.iter().flat_map(|verdict| &verdict.reasons).for_each(|reason| {
            let _ = writeln!(text, "  {reason}");
        });
        text.push_str(table::findings(&run.summary, verbose).trim_start_matches('\n'));
    }
    text
}

/// Most responses shown.
const MOST_RESPONSES: usize = 12;

/// Responses of observables, one column a model: path form, and below it the density form.
fn responses(text: &mut String, runs: &[Finished], names: &[String]) {
    let mut keys: Vec<(&str, &str)> = Vec::new();
    for answer in runs.iter().flat_map(|run| run.summary.response.iter().flat_map(|found| &found.answers)) {
        let key = (answer.kind.as_str(), answer.observable.as_str());
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    if keys.is_empty() {
        return;
    }
    let width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0).max(20) + 2;
    let _ = write!(text, "\n{:<36}", "change of a mean per unit error");
    names.iter().for_each(|name| {
        let _ = write!(text, "{name:>width$}");
    });
    text.push('\n');
    for (kind, observable) in keys.iter().take(MOST_RESPONSES) {
        let answers: Vec<_> = runs.iter().map(|run| answer(&run.summary, kind, observable)).collect();
        let path = answers.iter().map(|answer| answer.map(|answer| answer.path));
        let density = answers.iter().map(|answer| answer.and_then(|answer| answer.density));
        let cells: [(&str, Vec<_>); 2] = [("path form", path.collect()), ("density form", density.collect())];
        for (form, cells) in cells.iter().filter(|(_, cells)| cells.iter().any(Option::is_some)) {
            let _ = write!(text, "  {:<34}", format!("{kind}: {observable}, {form}"));
            for cell in cells {
                let cell = cell.as_ref().map_or_else(|| "-".into(), table::with_error);
                let _ = write!(text, "{cell:>width$}");
            }
            text.push('\n');
        }
    }
    if keys.len() > MOST_RESPONSES {
        let _ = writeln!(text, "  … {} more in the models' own summary.json", keys.len() - MOST_RESPONSES);
    }
}

/// The answer of one model.
fn answer<'s>(summary: &'s Summary, kind: &str, observable: &str) -> Option<&'s Answer> {
    let answers = &summary.response.as_ref()?.answers;
    answers.iter().find(|answer| answer.kind == kind && answer.observable == observable)
}

fn paired_table(rows: &[PairedRow]) -> String {
    let mut text = format!("\n{:<36}{:>12}{:>26}\n", "paired difference, median", "", "95 % interval");
    for row in rows {
        let interval = format!("{} … {}", table::number(row.low), table::number(row.high));
        let _ = writeln!(
            text,
            "  {:<34}{:>12}{interval:>26}  {} − {}",
            row.figure,
            table::number(row.median),
            row.second,
            row.first
        );
    }
    text
}
