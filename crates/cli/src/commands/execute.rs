//! A run from its resolved input to its output directory.

use crate::failure::{Failure, Result};
use crate::interrupt;
use crate::model_file::Model;
use crate::options::{Format, RunOptions, Screen};
use crate::report::{ReportInput, count, html};
use crate::run_file::{Run, command_line};
use crate::store::{Columns, OutputDir, Progress, State, Work, write_file};
use crate::table::counted;
use indicatif::{ProgressBar, ProgressState, ProgressStyle};
use serde_json::json;
use std::fmt::Write;
use std::io::IsTerminal;
use std::path::Path;
use std::time::{Duration, Instant};
use surefoot::analysis::{
    Chunk, ClassifierSummary, ColumnSpec, NotComputed, Provenance, Request, Summary, chunk,
    classifier_layout, classify, error_scales, layout, summarise,
};

/// A finished run.
pub struct Finished {
    /// The model.
    pub model: Model,
    /// What was asked.
    pub request: Request,
    /// What came out.
    pub summary: Summary,
    /// The columns on disk.
    pub columns: Columns,
}

/// Files beside the report.
pub const LINKS: [[&str; 2]; 4] = [
    ["summary.json", "summary.json"],
    ["arrays.zarr", "arrays.zarr/zarr.json"],
    ["model.toml", "model.toml"],
    ["run.toml", "run.toml"],
];

/// [`LINKS`] as a report takes them.
pub fn links() -> Vec<(String, String)> {
    LINKS.iter().map(|[text, address]| (text.to_string(), address.to_string())).collect()
}

/// How a run is carried out, apart from what it computes.
pub struct Manner {
    /// Number of threads.
    pub threads: usize,
    /// Whether to build on an earlier run.
    pub resume: bool,
    /// What the terminal shows.
    pub screen: Screen,
    /// How long a run computes before it writes what is finished.
    pub report_every: Duration,
}

impl Manner {
    /// As the options of a run say.
    pub fn of(run: &RunOptions, threads: usize, screen: Screen) -> Manner {
        Manner { threads, resume: run.resume, screen, report_every: Duration::from_secs(run.report_every) }
    }
}

/// Carries the run out: columns chunk by chunk, then summary and report.
///
/// # Errors
/// Non-finite numbers, a system that refuses, an interruption.
pub fn execute(run: Run, out: &Path, manner: &Manner) -> Result<Finished> {
    let Run { model, request, record } = run;
    let text = model.spec.text_for(out)?;
    let (directory, state) = OutputDir::open(out, &record, &text, manner.resume)?;
    let say = |text: String| {
        if manner.screen.verbose {
            eprintln!("{text}");
        }
    };
    say(format!(
        "{}: {}, {}, D = {}",
        model.spec.name,
        counted(request.samples, "sample"),
        counted(model.spec.steps, "step"),
        model.system.dim()
    ));
    let mut progress = match state {
        State::Fresh => Progress::default(),
        State::Begun(progress) => progress,
        State::Finished => return reload(model, request, &directory),
    };
    let bar = progress_bar(&model, &request, manner.screen);
    let stages = Stages { model: &model, request: &request, directory: &directory, bar: &bar, manner };
    directory.save_progress(&progress)?;
    interrupt::computing(true);
    let norms = stages.norms(&mut progress)?;
    let columns = stages.columns(&norms);
    columns.create(stages.attributes(&norms))?;
    stages.chunks(&norms, &mut progress)?;
    interrupt::computing(false);
    bar.set_message("summary and report");
    say("summary and report".into());
    let provenance = stages.provenance(&progress);
    let mut summary = summarise(&model.system, &request, &norms, &columns, provenance)?;
    match stages.classifier(&norms, &columns)? {
        Classifier::Learned(learned) => summary.support_classifier = Some(*learned),
        Classifier::OnePoint => summary.not_computed.push(NotComputed::classifier_of_one_point()),
        Classifier::NotAsked => {}
    }
    stages.write(&request, &summary, &columns)?;
    directory.finish()?;
    bar.finish_and_clear();
    Ok(Finished { model, request, summary, columns })
}

/// Readable JSON.
///
/// # Errors
/// Never for the structures of this program.
pub fn json_bytes(value: &impl serde::Serialize) -> Result<Vec<u8>> {
    let mut text = serde_json::to_vec_pretty(value)
        .map_err(|error| Failure::Usage(format!("cannot write JSON: {error}")))?;
    text.push(b'\n');
    Ok(text)
}

/// What became of the support classifier.
enum Classifier {
    /// It was learned.
    Learned(Box<ClassifierSummary>),
    /// All samples are one point.
    OnePoint,
    /// The run has none.
    NotAsked,
}

struct Stages<'a> {
    model: &'a Model,
    request: &'a Request,
    directory: &'a OutputDir,
    bar: &'a ProgressBar,
    manner: &'a Manner,
}

impl Stages<'_> {
    /// Tells the bar, and answers whether to go on.
    fn tick(&self, samples: usize) -> bool {
        self.bar.inc(samples as u64);
        !interrupt::asked()
    }

    fn interrupted(&self, progress: &Progress) -> Failure {
        self.bar.finish_and_clear();
        let chunks = self.request.samples.div_ceil(self.request.chunk);
        Failure::Interrupted(format!(
            "interrupted; {} of {chunks} chunks are finished. The same command with --resume goes on",
            progress.chunks.len()
        ))
    }

    /// What the field was asked for since `before`, and the time since `start`.
    fn work_since(&self, before: surefoot::field::Counts, start: Instant) -> Work {
        let now = self.model.counter.counts();
        Work {
            evaluations: now.evaluations - before.evaluations,
            jvps: now.jvp - before.jvp,
            vjps: now.vjp - before.vjp,
            seconds: start.elapsed().as_secs_f64(),
        }
    }

    fn norms(&self, progress: &mut Progress) -> Result<Vec<f64>> {
        if let Some((norms, _)) = &progress.norms {
            return Ok(norms.clone());
        }
        self.bar.set_message("sizes of the model errors");
        let (before, start) = (self.model.counter.counts(), Instant::now());
        let norms = error_scales(&self.model.system, self.request, &|samples| self.tick(samples))?;
        let norms = norms.ok_or_else(|| self.interrupted(progress))?;
        progress.norms = Some((norms.clone(), self.work_since(before, start)));
        self.directory.save_progress(progress)?;
        Ok(norms)
    }

    fn columns(&self, norms: &[f64]) -> Columns {
        let perturbations = self.request.perturbations(norms).len();
        self.on_disk(all_columns(self.model, self.request, perturbations))
    }

    fn on_disk(&self, specs: Vec<ColumnSpec>) -> Columns {
        Columns::new(&self.directory.arrays(), specs, self.request.chunk)
    }

    /// The support classifier, which needs all samples: its columns are written, its summary is the answer.
    fn classifier(&self, norms: &[f64], columns: &Columns) -> Result<Classifier> {
        let Some(made) = classify(&self.model.system, self.request, norms, columns)? else {
            return Ok(Classifier::NotAsked);
        };
        let specs = classifier_layout(self.request, self.request.perturbations(norms).len());
        let (samples, size) = (self.request.samples, self.request.chunk);
        for start in (0..samples).step_by(size) {
            let range = start..(start + size).min(samples);
            let part = |spec: &ColumnSpec| {
                let whole = made.columns.get(spec.name).map(Vec::as_slice).unwrap_or_default();
                (spec.name, whole[range.start * spec.row_len()..range.end * spec.row_len()].to_vec())
            };
            let chunk = Chunk { columns: specs.iter().map(part).collect(), samples: range.clone() };
            self.on_disk(specs.clone()).write(&chunk)?;
        }
        Ok(made.summary.map_or(Classifier::OnePoint, |summary| Classifier::Learned(Box::new(summary))))
    }

    /// Attributes of the group: what the numbers of the axes `error` and `perturbation` stand for.
    fn attributes(&self, norms: &[f64]) -> serde_json::Value {
        json!({
            "model": self.model.spec.name,
            "errors": self.request.error_names(),
            "error_norms": norms,
            "perturbations": self.request.perturbations(norms),
        })
    }

    /// Summary and report of a request whose columns are finished. Both are made before either is written, so that a run that is
    /// killed hardly ever leaves one that is newer than the other; each says how many samples it is of.
    fn write(&self, request: &Request, summary: &Summary, columns: &Columns) -> Result<()> {
        let links = links();
        let input = ReportInput {
            system: &self.model.system,
            shape: &self.model.shape,
            request,
            summary,
            columns,
            links: &links,
        };
        let page = html(&input)?;
        write_file(&self.directory.summary(), &json_bytes(summary)?)?;
        write_file(&self.directory.report(), page.as_bytes())
    }

    /// Summary and report of the leading samples that are finished, all but the support classifier.
    fn write_finished(&self, norms: &[f64], progress: &Progress) -> Result<()> {
        let chunks = (0..).take_while(|index| progress.chunks.contains_key(index)).count();
        if chunks == 0 {
            return Ok(());
        }
        self.bar.set_message("report of what is finished");
        let request = self.request.of_leading(chunks * self.request.chunk);
        let specs = layout(&self.model.system, &request, request.perturbations(norms).len());
        let columns = self.on_disk(specs);
        let provenance = Provenance {
            asked: Some(self.request.samples),
            samples: request.samples,
            ..self.provenance(progress)
        };
        let summary = summarise(&self.model.system, &request, norms, &columns, provenance)?;
        self.write(&request, &summary, &columns)?;
        self.bar.set_message("paths");
        Ok(())
    }

    fn chunks(&self, norms: &[f64], progress: &mut Progress) -> Result<()> {
        let perturbations = self.request.perturbations(norms).len();
        let columns = self.on_disk(layout(&self.model.system, self.request, perturbations));
        let (samples, size) = (self.request.samples, self.request.chunk);
        self.bar.set_message("paths");
        self.bar.set_position(
            progress.chunks.keys().map(|index| (samples - index * size).min(size) as u64).sum(),
        );
        let mut written = Instant::now();
        for index in 0..samples.div_ceil(size) {
            if progress.chunks.contains_key(&index) {
                continue;
            }
            if written.elapsed() >= self.manner.report_every {
                self.write_finished(norms, progress)?;
                written = Instant::now();
            }
            let range = index * size..(index * size + size).min(samples);
            let (before, start) = (self.model.counter.counts(), Instant::now());
            let done = chunk(&self.model.system, self.request, norms, range, &|samples| self.tick(samples))?;
            let Some(done) = done else { return Err(self.interrupted(progress)) };
            columns.write(&done)?;
            progress.chunks.insert(index, self.work_since(before, start));
            self.directory.save_progress(progress)?;
        }
        Ok(())
    }

    fn provenance(&self, progress: &Progress) -> Provenance {
        let work = progress.work();
        Provenance {
            version: env!("CARGO_PKG_VERSION").into(),
            command_line: self.directory.command_line().unwrap_or_else(command_line),
            seed: self.request.seed,
            samples: self.request.samples,
            asked: None,
            steps: self.model.spec.steps,
            threads: self.manner.threads,
            seconds: work.seconds,
            model: self.model.spec.name.clone(),
            model_sha256: self.model.sha256.clone(),
            dim: self.model.system.dim(),
            field_evaluations: work.evaluations,
            jvps: work.jvps,
            vjps: work.vjps,
        }
    }
}

/// The columns of the chunks and those of the support classifier.
fn all_columns(model: &Model, request: &Request, perturbations: usize) -> Vec<ColumnSpec> {
    let mut specs = layout(&model.system, request, perturbations);
    specs.extend(classifier_layout(request, perturbations));
    specs
}

/// The results of a run that was finished before.
fn reload(model: Model, request: Request, directory: &OutputDir) -> Result<Finished> {
    let path = directory.summary();
    let text = std::fs::read_to_string(&path).map_err(Failure::reading(&path))?;
    let summary: Summary = serde_json::from_str(&text).map_err(|error| Failure::Value {
        place: path.display().to_string(),
        what: "summary of the earlier run".into(),
        expected: "what surefoot wrote".into(),
        got: error.to_string(),
        remedy: "Run without --resume".into(),
    })?;
    let perturbations = summary.robustness.len();
    let specs = all_columns(&model, &request, perturbations);
    let columns = Columns::new(&directory.arrays(), specs, request.chunk);
    Ok(Finished { model, request, summary, columns })
}

/// A bar on a terminal, nothing elsewhere. Between samples, which may take minutes, it shows what the field was asked for.
fn progress_bar(model: &Model, request: &Request, screen: Screen) -> ProgressBar {
    if screen.quiet || screen.format == Format::Json || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(request.samples as u64);
    let template = "{prefix} {bar:30} {pos}/{len} samples, {per_sec}, {eta} left, {work}  {msg}";
    let counter = model.counter.clone();
    let work = move |state: &ProgressState, text: &mut dyn Write| {
        let counts = counter.counts();
        let rows = counts.evaluations + counts.jvp + counts.vjp;
        let rate = rows as f64 / state.elapsed().as_secs_f64().max(1e-3);
        // A terminal that cannot be written to is no reason to stop.
        let _ = write!(text, "{} values and derivatives, {rate:.0}/s", count(rows));
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.with_key("work", work));
    }
    bar.set_prefix(model.spec.name.clone());
    bar.enable_steady_tick(Duration::from_secs(1));
    bar
}
