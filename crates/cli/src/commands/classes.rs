//! `tangent --labels`: the dimension of the data, class by class, by all estimators on the same points (theory §10).

use super::execute::json_bytes;
use super::single::print;
use super::start_threads;
use super::tangent::{Found, Task, points};
use crate::classes::{ClassFound, Classes, Generation, ScoreAsked};
use crate::data_file;
use crate::failure::{Failure, Result};
use crate::interrupt;
use crate::model_file::{Model, load};
use crate::options::{Format, Screen, Tangent};
use crate::report::classes_html;
use crate::run_file::settings;
use crate::store::write_file;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal;
use std::path::Path;
use surefoot::dimension::{
    Asked, Copies, Known, Neighbourhoods, NoiseFloor, OfGeneration, OfPoints, OfSample, SampleSettings,
    ScoreSettings, ScoredPoints,
};
use surefoot::process::Process;
use surefoot::statistics::Quantiles;
use surefoot::sweep::Divergence;

/// Neighbours of the local PCA where none are asked for.
const NEIGHBOURS: [usize; 2] = [20, 100];

/// The dimension of every class of the points of `--at`.
///
/// # Errors
/// Whatever is wrong with the model, a file or an option; points that the sampler cannot be carried back from.
pub fn by_class(options: &Tangent, labels: &Path) -> Result<()> {
    if let Some(file) = options.out.as_deref().filter(|file| file.extension().is_some()) {
        return Err(wrong("-o", "a folder with --labels", &file.display(), "Name one without an ending"));
    }
    start_threads(options.threads)?;
    let model = load(&options.model, &settings(&options.settings)?)?;
    let dim = model.system.dim();
    let given = Labelled::read(options.at.as_deref(), Some(labels), dim)?;
    let classes = given.classes(&options.classes, labels)?;
    let reference = match (&options.reference, &options.reference_labels) {
        (Some(_), None) => {
            let remedy = "Name their file, or leave --reference out";
            return Err(wrong("--reference-labels", "the labels of the reference", &"none", remedy));
        }
        (file, labels) => {
            file.as_deref().map(|file| Labelled::read(Some(file), labels.as_deref(), dim)).transpose()?
        }
    };
    let task = Task::new(options, &model, Some(given.points.clone()), usize::MAX)?;
    let how = How::new(options, &task, &model)?;
    interrupt::listen();
    interrupt::computing(true);
    Run { options, given: &given, reference: reference.as_ref(), how, task }.classes(&model, &classes)
}

fn wrong(place: &str, expected: &str, got: &dyn std::fmt::Display, remedy: &str) -> Failure {
    Failure::Value {
        place: place.into(),
        what: "value".into(),
        expected: expected.into(),
        got: got.to_string(),
        remedy: remedy.into(),
    }
}

/// Points with their classes.
struct Labelled {
    dim: usize,
    points: Vec<f64>,
    labels: Vec<u32>,
}

impl Labelled {
    fn read(file: Option<&Path>, labels: Option<&Path>, dim: usize) -> Result<Labelled> {
        let (Some(file), Some(labels)) = (file, labels) else {
            return Err(wrong("--at", "points and their labels", &"none", "Name both files"));
        };
        let points = points(file, dim)?;
        let labels = data_file::labels(labels, points.len() / dim)?;
        Ok(Labelled { dim, points, labels })
    }

    /// The classes asked for, ascending; all where none are.
    fn classes(&self, asked: &[u32], file: &Path) -> Result<Vec<u32>> {
        let ascending = |list: &[u32]| {
            let mut list = list.to_vec();
            list.sort_unstable();
            list.dedup();
            list
        };
        let there = ascending(&self.labels);
        let Some(absent) = asked.iter().find(|class| !there.contains(class)) else {
            return Ok(if asked.is_empty() { there } else { ascending(asked) });
        };
        let names: Vec<String> = there.iter().take(20).map(u32::to_string).collect();
        let more = if there.len() > 20 { ", …" } else { "" };
        let expected = format!("classes of {}: {}{more}", file.display(), names.join(", "));
        Err(wrong("--class", &expected, absent, "Choose among them"))
    }

    /// Rows of a class, by their places.
    fn rows(&self, class: u32) -> Vec<usize> {
        (0..self.labels.len()).filter(|&row| self.labels[row] == class).collect()
    }

    fn take(&self, rows: &[usize]) -> Vec<f64> {
        rows.iter().flat_map(|row| &self.points[row * self.dim..][..self.dim]).copied().collect()
    }
}

/// How all estimators are asked.
struct How {
    score: ScoreSettings,
    asked: Vec<Asked>,
    sample: SampleSettings,
    /// What growth is compared with.
    floor: Known<NoiseFloor>,
}

impl How {
    fn new(options: &Tangent, task: &Task, model: &Model) -> Result<How> {
        let dim = task.dim;
        let copies = options.copies.unwrap_or(4 * dim);
        if copies < dim {
            let expected = format!("at least {dim} noised copies of a point, D");
            return Err(wrong("--copies", &expected, &copies, "Take more; 4 D is advised"));
        }
        let trace = match options.probes {
            None => Divergence::Exact,
            Some(probes @ 2..) => Divergence::Hutchinson { probes },
            Some(few) => return Err(wrong("--probes", "2 or more", &few, "Take more, or leave it out")),
        };
        let times = match &options.score_times[..] {
            [] => &[task.step.grid.end],
            asked => asked,
        };
        let drift = &model.system.drift;
        let ask = |&time: &f64| Asked::at(drift, time).map_err(|e| Failure::from(e).in_file("--score-times"));
        let [from, to] = match options.mle_neighbours[..] {
            [from, to] if 2 <= from && from <= to => [from, to],
            ref other => {
                let got = other.iter().map(usize::to_string).collect::<Vec<_>>().join(",");
                let expected = "two numbers of neighbours from 2, the fewest first";
                return Err(wrong("--mle-neighbours", expected, &got, "Give them as 10,20"));
            }
        };
        let pca = match &options.neighbours[..] {
            [] => NEIGHBOURS.to_vec(),
            asked if asked.contains(&0) => {
                return Err(wrong("--neighbours", "1 or more", &0, "Take more"));
            }
            asked => asked.to_vec(),
        };
        Ok(How {
            score: ScoreSettings {
                copies: Copies { copies, seed: options.seed, ..Copies::advised(dim) },
                trace,
                seed: options.seed,
            },
            asked: times.iter().map(ask).collect::<Result<_>>()?,
            floor: Known::of(NoiseFloor::of(drift, task.step.grid)),
            sample: SampleSettings { likelihood: Neighbourhoods { from, to }, pca },
        })
    }
}

/// A class that is finished: its points' own numbers, which those of all points are made from.
struct Part {
    found: Found,
    scored: Vec<ScoredPoints>,
    given: usize,
}

struct Run<'a> {
    options: &'a Tangent,
    given: &'a Labelled,
    reference: Option<&'a Labelled>,
    how: How,
    task: Task<'a>,
}

impl Run<'_> {
    /// All classes, one by one, each kept as soon as it is finished; then all points together.
    fn classes(mut self, model: &Model, classes: &[u32]) -> Result<()> {
        let screen = self.options.screen;
        let bar = progress_bar(classes.len() * (2 + self.how.asked.len()), screen);
        let mut all = self.begun(model, classes);
        let say = |text: String| {
            if screen.format == Format::Json || screen.quiet {
                return Ok(());
            }
            bar.suspend(|| print(text.as_bytes()))
        };
        say(format!("{}\n\n", all.subtitle()))?;
        let mut parts = Vec::new();
        for &class in classes {
            let part = self.class(class, &bar).map_err(|failure| self.stopped(failure, &all, class))?;
            let sample = self.sample(&[class]);
            bar.inc(1);
            let found = self.together(Some(class), &[&part], sample);
            say(all.block(&found))?;
            all.classes.push(found);
            all.unfinished.retain(|left| *left != class);
            parts.push(part);
            self.keep(&all)?;
        }
        bar.set_message("all classes");
        let sample = self.sample(classes);
        all.all = Some(self.together(None, &parts.iter().collect::<Vec<_>>(), sample));
        interrupt::computing(false);
        self.keep(&all)?;
        bar.finish_and_clear();
        if screen.format == Format::Json {
            return print(&json_bytes(&all)?);
        }
        if let Some(found) = &all.all {
            say(all.block(found))?;
        }
        print(all.grid().as_bytes())?;
        match &self.options.out {
            Some(folder) if !screen.quiet => {
                print(format!("\nReport: {}\n", folder.join("report.html").display()).as_bytes())
            }
            _ => Ok(()),
        }
    }

    fn begun(&self, model: &Model, classes: &[u32]) -> Classes {
        let grid = self.task.step.grid;
        let drift = &model.system.drift;
        let moment = drift.moment(grid.end);
        Classes {
            version: env!("CARGO_PKG_VERSION"),
            model: model.spec.name.clone(),
            model_sha256: model.sha256.clone(),
            dim: self.task.dim,
            generation: Generation {
                steps: grid.steps,
                vectors: self.task.vectors,
                tolerance: self.options.exact_tolerance,
                start: grid.start,
                end: grid.end,
                end_noise: (drift.process != Process::Flow).then_some(moment.noise / moment.signal),
            },
            score: ScoreAsked {
                times: self.how.asked.iter().map(|asked| asked.time).collect(),
                copies: self.how.score.copies.copies,
                probes: self.options.probes,
            },
            sample_of: if self.reference.is_some() { "reference" } else { "points" },
            seed: self.options.seed,
            classes: Vec::new(),
            all: None,
            unfinished: classes.to_vec(),
        }
    }

    /// What the model says at the leading points of a class; a point's random numbers are those of its row in the file.
    fn class(&mut self, class: u32, bar: &ProgressBar) -> Result<Part> {
        let mut rows = self.given.rows(class);
        let given = rows.len();
        rows.truncate(self.options.samples.unwrap_or(given));
        let x = self.given.take(&rows);
        let streams: Vec<u64> = rows.iter().map(|&row| row as u64).collect();
        bar.set_message(format!("class {class}: vectors"));
        let found = self.task.at(x.clone()).follow()?;
        bar.inc(1);
        let mut scored = Vec::new();
        for asked in &self.how.asked {
            bar.set_message(format!("class {class}: score at u = {}", asked.time));
            if interrupt::asked() {
                return Err(Failure::Interrupted(String::new()));
            }
            scored.push(asked.ask(&x, &streams, self.how.score));
            bar.inc(1);
        }
        bar.set_message(format!("class {class}: neighbours"));
        Ok(Part { found, scored, given })
    }

    /// What the rows of these classes say, of the reference or else of the points.
    fn sample(&self, classes: &[u32]) -> OfSample {
        let from = self.reference.unwrap_or(self.given);
        let rows: Vec<usize> =
            (0..from.labels.len()).filter(|&row| classes.contains(&from.labels[row])).collect();
        OfSample::of(self.task.dim, &from.take(&rows), &self.how.sample)
    }

    /// The figures of some classes together.
    fn together(&self, class: Option<u32>, parts: &[&Part], sample: OfSample) -> ClassFound {
        let all =
            |of: &dyn Fn(&Part) -> Vec<f64>| parts.iter().flat_map(|part| of(part)).collect::<Vec<f64>>();
        let log_values = all(&|part| part.found.log_values.clone());
        let residual = all(&|part| part.found.residual.clone());
        let mismatch = all(&|part| {
            part.found.encoded.as_ref().map_or_else(Vec::new, |encoded| encoded.mismatch.clone())
        });
        let score = |(place, asked): (usize, &Asked)| {
            let scored: Vec<&ScoredPoints> = parts.iter().map(|part| &part.scored[place]).collect();
            asked.together(&scored, self.how.score)
        };
        let (dim, vectors) = (self.task.dim, self.task.vectors);
        ClassFound {
            class,
            given: parts.iter().map(|part| part.given).sum(),
            residual: Quantiles::of(&residual),
            mismatch: Quantiles::of(&mismatch),
            found: OfPoints {
                points: residual.len(),
                generation: OfGeneration::of(&log_values, dim, vectors, &self.how.floor, self.options.seed),
                scores: self.how.asked.iter().enumerate().map(score).collect(),
                sample,
            },
        }
    }

    /// Writes what is finished, if there is a place for it.
    fn keep(&self, all: &Classes) -> Result<()> {
        let Some(folder) = &self.options.out else { return Ok(()) };
        std::fs::create_dir_all(folder).map_err(Failure::writing(folder))?;
        write_file(&folder.join("dimension.json"), &json_bytes(all)?)?;
        write_file(&folder.join("report.html"), classes_html(all).as_bytes())
    }

    /// Says at which class it stopped, and what is kept.
    fn stopped(&self, failure: Failure, all: &Classes, class: u32) -> Failure {
        let kept = match &self.options.out {
            Some(folder) if !all.classes.is_empty() => format!("in {}", folder.display()),
            _ => "shown above alone".into(),
        };
        let done = all.classes.len();
        match failure {
            Failure::Interrupted(_) => Failure::Interrupted(format!(
                "interrupted in class {class}; {done} classes are finished and {kept}"
            )),
            other => other,
        }
    }
}

/// A bar on a terminal, nothing elsewhere.
fn progress_bar(stages: usize, screen: Screen) -> ProgressBar {
    if screen.quiet || screen.format == Format::Json || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(stages as u64);
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len}, {eta} left  {msg}") {
        bar.set_style(style);
    }
    bar
}
