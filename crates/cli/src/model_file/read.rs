//! From a document to a [`ModelSpec`]: every key by name, type and range.

use super::normalisation::Normalisation;
use super::section::{Section, suggestion};
use super::spec::{DataSpec, FieldSpec, LabelSpec, ModelSpec, NamedFile, ScoreSpec, SourceSpec, SupportSpec};
use super::tree::{Document, Node};
use super::{read_process, read_support};
use crate::failure::{Failure, Result};
use std::cell::RefCell;
use std::path::{Path, PathBuf};
use surefoot::field::Data;
use surefoot::process::{Clock, Predicts, Process, Schedule, Spacing};
use surefoot::sampler::Method;
use surefoot_graph::passes::Guidance;
use toml::value::Table;

/// The folder that relative paths count from, and the files named so far.
pub struct Files<'a> {
    folder: &'a Path,
    /// Whether files of other sections than the field must exist.
    all: bool,
    named: RefCell<Vec<NamedFile>>,
}

impl<'a> Files<'a> {
    /// No files yet; relative paths count from `folder`.
    pub fn new(folder: &'a Path) -> Files<'a> {
        Files { folder, all: true, named: RefCell::default() }
    }

    /// The files and folders that were named.
    pub fn into_named(self) -> Vec<NamedFile> {
        self.named.into_inner()
    }

    /// The path behind the name of a folder, which must exist.
    ///
    /// # Errors
    /// A folder that is not there, with the key that names it.
    pub fn folder(&self, section: &Section, key: [&'static str; 2], name: &str) -> Result<PathBuf> {
        let path = self.folder.join(name);
        if !path.is_dir() {
            return Err(absent(section, key[1], "a folder", &path));
        }
        self.named.borrow_mut().push(NamedFile { key, path: path.clone() });
        Ok(path)
    }

    /// The path behind a file name, which must exist.
    ///
    /// # Errors
    /// A file that is not there, with the key that names it.
    pub fn named(&self, section: &Section, key: [&'static str; 2], name: &str) -> Result<PathBuf> {
        let path = self.folder.join(name);
        if !path.is_file() && (self.all || key[0] == "field") {
            return Err(absent(section, key[1], "a file", &path));
        }
        self.named.borrow_mut().push(NamedFile { key, path: path.clone() });
        Ok(path)
    }
}

fn absent(section: &Section, key: &str, kind: &str, path: &Path) -> Failure {
    Failure::Value {
        place: section.place_of(key).to_string(),
        what: section.full(key),
        expected: format!("{kind} that exists"),
        got: format!("{}, which does not", path.display()),
        remedy: "Paths count from the folder of the model file".into(),
    }
}

/// Whether a name is that of a data file rather than of a built-in law.
pub fn is_data_file(name: &str) -> bool {
    [".npy", ".npz", ".csv", ".gz", "-ubyte", ".idx"].iter().any(|end| name.ends_with(end))
}

/// Reads the whole document.
///
/// # Errors
/// The first key that is missing, unknown, of a wrong type or out of range, with its place.
pub fn model(document: &Document) -> Result<ModelSpec> {
    read(document, Files::new(&document.folder))
}

/// The same where only the network is asked for: data files need not be there.
///
/// # Errors
/// As [`model`].
pub fn network(document: &Document) -> Result<ModelSpec> {
    read(document, Files { all: false, ..Files::new(&document.folder) })
}

/// The model's name, which pages and summaries are headed by.
///
/// # Errors
/// None, or one of blanks alone.
pub fn name(top: &Section) -> Result<String> {
    let name = top.text("name")?.ok_or_else(|| top.missing("name", "the model's name"))?;
    if name.trim().is_empty() {
        return Err(top.wrong("name", "the model's name", "no visible character"));
    }
    Ok(name)
}

fn read(document: &Document, files: Files) -> Result<ModelSpec> {
    let top = Section::new("", &document.root)?;
    let name = name(&top)?;
    let process = read_process::process(required(&top, "process")?)?;
    let (field, predicts, field_table) = field(required(&top, "field")?, &files, &process.process)?;
    top.record("field", field_table);
    top.record("process", process.resolved);
    let analytic = matches!(field, FieldSpec::Analytic { .. });
    let Surroundings { source, support, score, normalisation, sampler: Sampler { method, steps, spacing } } =
        surroundings(&top, &files, &process.process, analytic)?;
    let clock = if analytic { Clock::Affine { at_noise: 1.0, at_data: 0.0 } } else { process.clock };
    Ok(ModelSpec {
        name,
        field,
        process: process.process,
        predicts,
        clock,
        start: process.start,
        end: process.end,
        source,
        support,
        score,
        normalisation,
        method,
        steps,
        spacing,
        resolved: top.finish()?,
        files: files.into_named(),
    })
}

/// A section that must be there.
///
/// # Errors
/// When it is not, or is no table.
pub fn required<'a>(top: &Section<'a>, key: &str) -> Result<Section<'a>> {
    top.section(key)?.ok_or_else(|| top.missing(&format!("[{key}]"), "a table"))
}

/// What a model file says besides its field and its process.
pub struct Surroundings {
    /// Law of x_0.
    pub source: SourceSpec,
    /// What "off the support" is measured against.
    pub support: SupportSpec,
    /// How the target score of a flow model is made.
    pub score: ScoreSpec,
    /// How the data that were learned have been normalised.
    pub normalisation: Option<Normalisation>,
    /// Discretisation.
    pub sampler: Sampler,
}

/// What `[sampler]` says.
pub struct Sampler {
    /// How a step is taken.
    pub method: Method,
    /// τ
    pub steps: usize,
    /// Where the times of the steps lie.
    pub spacing: Spacing,
}

/// Reads `[source]`, `[support]`, `[score]`, `[normalisation]` and `[sampler]`, and records them with their defaults.
///
/// # Errors
/// Bad keys or values.
pub fn surroundings(top: &Section, files: &Files, process: &Process, analytic: bool) -> Result<Surroundings> {
    let (source, source_table) = source(top.section("source")?, files, analytic)?;
    top.record("source", source_table);
    let (support, support_table) = read_support::support(top.section("support")?, files)?;
    if let Some(table) = support_table {
        top.record("support", table);
    }
    let (score, score_table) = score(top.section("score")?)?;
    if let (Process::Flow, Some(table)) = (process, score_table) {
        top.record("score", table);
    }
    let section = top.section("normalisation")?;
    let normalisation = section.as_ref().map(Normalisation::read).transpose()?;
    if let Some(section) = section {
        top.record("normalisation", section.finish()?);
    }
    let (sampler, sampler_table) = sampler(top.section("sampler")?, process)?;
    top.record("sampler", sampler_table);
    Ok(Surroundings { source, support, score, normalisation, sampler })
}

fn field(section: Section, files: &Files, process: &Process) -> Result<(FieldSpec, Predicts, Table)> {
    let analytic = section.choice("kind", &[("onnx", false), ("analytic", true)], None)?;
    if analytic {
        if *process == Process::Flow {
            return Err(section.wrong("kind", "\"onnx\" for the process \"flow\"", "\"analytic\""));
        }
        let data = data(&section, files, ["field", "data"])?;
        let bandwidth = section.number_or("bandwidth", 0.0, 0.0.., "a number ≥ 0")?;
        return Ok((FieldSpec::Analytic { data, bandwidth }, Predicts::Score, section.finish()?));
    }
    let name = section.text("file")?.ok_or_else(|| section.missing("file", "an ONNX file"))?;
    let file = files.named(&section, ["field", "file"], &name)?;
    let choices = [
        ("velocity", Predicts::Velocity),
        ("score", Predicts::Score),
        ("noise", Predicts::Noise),
        ("denoised", Predicts::Denoised),
        ("v", Predicts::V),
    ];
    let predicts = section.choice("predicts", &choices, None)?;
    if (predicts == Predicts::Velocity) != (*process == Process::Flow) {
        let expected = match process {
            Process::Flow => "\"velocity\" for the process \"flow\"",
            Process::Diffusion { .. } => "score, noise, denoised or v for a diffusion process",
        };
        return Err(section.wrong("predicts", expected, format!("{predicts:?}").to_lowercase()));
    }
    let double = section.choice("precision", &[("f32", false), ("f64", true)], Some("f32"))?;
    let label = label(&section)?;
    Ok((FieldSpec::Onnx { file, double, label }, predicts, section.finish()?))
}

/// `label`, and with `guidance` and `no_class` classifier-free guidance.
fn label(section: &Section) -> Result<Option<LabelSpec>> {
    // Labels up to here are whole numbers in single precision, too.
    const LABELS: std::ops::RangeInclusive<i64> = 0..=1 << 24;
    let meaning = "the number of a class, from 0 on";
    let class = section.count("label", LABELS, meaning)?.map(|class| class as f64);
    let weight = section.number("guidance", .., "a number")?;
    let no_class = section.count("no_class", LABELS, meaning)?.map(|class| class as f64);
    match (class, weight, no_class) {
        (None, None, None) => Ok(None),
        (None, ..) => Err(section.missing("label", "the class to generate")),
        (Some(label), None, no_class) => Ok(Some(LabelSpec::Class { label, no_class })),
        (Some(_), Some(_), None) => Err(section.missing("no_class", "the label of no class, for `guidance`")),
        (Some(label), Some(weight), Some(no_class)) if label == no_class && weight != 1.0 => {
            Err(guided_nowhere(section, weight, no_class))
        }
        (Some(label), Some(weight), Some(no_class)) => {
            Ok(Some(LabelSpec::Guided(Guidance { label, no_class, weight })))
        }
    }
}

/// Guidance from no class to no class, which would change nothing.
fn guided_nowhere(section: &Section, weight: f64, no_class: f64) -> Failure {
    Failure::Value {
        place: section.place_of("guidance").to_string(),
        what: section.full("guidance"),
        expected: format!(
            "1 at the label {no_class}, which stands for no class: there is nothing to guide to"
        ),
        got: weight.to_string(),
        remedy: format!("Choose a class: {}", classes_below(no_class)),
    }
}

/// The labels of the classes, where the last label stands for no class, as options.
pub fn classes_below(no_class: f64) -> String {
    match no_class {
        0.0 => "another --label than 0".into(),
        1.0 => "--label 0".into(),
        _ => format!("--label 0 to {}", no_class - 1.0),
    }
}

/// Laws by name.
const DATA: [&str; 10] = [
    "two-moons",
    "circle",
    "spiral",
    "eight-gaussians",
    "gaussian",
    "sphere",
    "swiss-roll",
    "torus",
    "disc",
    "trefoil",
];

/// Data by name, with their parameters, or from a file; `place` is the section and key of the name.
///
/// # Errors
/// An unknown name, a parameter out of range, a file that is not there.
pub fn data(section: &Section, files: &Files, place: [&'static str; 2]) -> Result<DataSpec> {
    let on_support = if place[0] == "data" { " | support" } else { "" };
    let meaning = format!("{}{on_support}, or a data file such as points.npy", DATA.join(" | "));
    let key = place[1];
    let name = section.text(key)?.ok_or_else(|| section.missing(key, &meaning))?;
    let length =
        |key: &str, default: f64| section.number_or(key, default, f64::MIN_POSITIVE.., "a number > 0");
    let known = match name.as_str() {
        "two-moons" => Data::TwoMoons {
            scale: length("scale", 1.0)?,
            shift: section.number_or("shift", 0.0, .., "a finite number")?,
            strip: 0.0,
        },
        "circle" => Data::Circle { radius: length("radius", 1.0)? },
        "spiral" => Data::Spiral { pitch: length("pitch", 0.1)? },
        "eight-gaussians" => {
            let (radius, variance) = eight_gaussians(section)?;
            Data::EightGaussians { radius, variance }
        }
        "gaussian" => Data::Gaussian {
            variances: section
                .numbers("variances", 0.0.., "a list of numbers ≥ 0")?
                .ok_or_else(|| section.missing("variances", "the variance of every coordinate"))?,
        },
        "sphere" => sphere(section)?,
        "swiss-roll" => Data::SwissRoll { pitch: length("pitch", 0.1)?, height: length("height", 2.1)? },
        "torus" => Data::Torus { major: length("major", 2.0)?, minor: length("minor", 1.0)? },
        "disc" => Data::Disc { radius: length("radius", 1.0)? },
        "trefoil" => Data::Trefoil,
        file if is_data_file(file) => {
            return Ok(DataSpec::File(files.named(section, place, file)?));
        }
        other => {
            return Err(Failure::Value {
                place: section.place_of(key).to_string(),
                what: section.full(key),
                expected: meaning,
                got: format!("{other:?}"),
                remedy: suggestion(other, DATA.into_iter()),
            });
        }
    };
    Ok(DataSpec::Known(known))
}

/// A sphere of any dimension, by default S² in R³.
fn sphere(section: &Section) -> Result<Data> {
    let radius = section.number_or("radius", 1.0, f64::MIN_POSITIVE.., "a number > 0")?;
    let coordinates = "coordinates of the sphere's own space, 2 to 4096";
    let dim = section.count("dim", 2..=4096, coordinates)?.unwrap_or(3);
    let more = format!("coordinates of the data, {dim} to 4096; those beyond the sphere's own are 0");
    let ambient = section.count("ambient", dim as i64..=4096, &more)?.unwrap_or(dim);
    Ok(match (dim, ambient) {
        (3, 3) => Data::Sphere { radius },
        _ => Data::HighSphere { dim, ambient, radius },
    })
}

/// Radius and variance, by default those that TorchCFM draws with.
fn eight_gaussians(section: &Section) -> Result<(f64, f64)> {
    let radius = section.number_or("radius", 5.0, 0.0.., "a number ≥ 0")?;
    let variance = section.number_or("variance", 0.1f64.sqrt(), 0.0.., "a number ≥ 0")?;
    Ok((radius, variance))
}

fn source(section: Option<Section>, files: &Files, analytic: bool) -> Result<(SourceSpec, Table)> {
    let Some(section) = section else {
        let kind = if analytic { "marginal" } else { "gaussian" };
        let spec = if analytic { SourceSpec::Marginal } else { SourceSpec::Gaussian };
        return Ok((spec, Table::from_iter([("kind".to_string(), kind.into())])));
    };
    let meaning = "gaussian | eight-gaussians | marginal, or a data file such as points.npy";
    let kind = section.text("kind")?.ok_or_else(|| section.missing("kind", meaning))?;
    let spec = match kind.as_str() {
        "gaussian" => SourceSpec::Gaussian,
        "eight-gaussians" => {
            let (radius, variance) = eight_gaussians(&section)?;
            SourceSpec::EightGaussians { radius, variance }
        }
        "marginal" if analytic => SourceSpec::Marginal,
        "marginal" => {
            return Err(Failure::Value {
                place: section.place_of("kind").to_string(),
                what: "source.kind".into(),
                expected: "gaussian, eight-gaussians or a data file for a network".into(),
                got: "\"marginal\"".into(),
                remedy: "Only an analytic field knows the exact law of its noised data; take \"gaussian\""
                    .into(),
            });
        }
        file if is_data_file(file) => {
            SourceSpec::Points { file: files.named(&section, ["source", "kind"], file)? }
        }
        other => return Err(section.wrong("kind", meaning, format!("{other:?}"))),
    };
    Ok((spec, section.finish()?))
}

fn score(section: Option<Section>) -> Result<(ScoreSpec, Option<Table>)> {
    let default = ScoreSpec { points: 20_000, bandwidth: 0.1, given: false };
    let Some(section) = section else { return Ok((default, None)) };
    let points = section.count_or("points", default.points, 2..=10_000_000, "a whole number ≥ 2")?;
    let bandwidth = section.number_or("bandwidth", default.bandwidth, f64::MIN_POSITIVE.., "a number > 0")?;
    Ok((ScoreSpec { points, bandwidth, given: true }, Some(section.finish()?)))
}

/// ρ where none is given: in docs/convergence.md larger ones are worse on images, and smaller ones where steps are few.
const KARRAS_RHO: f64 = 5.0;

/// Where the sampler adds no noise, the default is the one that came nearest to very many steps for its cost in
/// docs/convergence.md, with so many steps that all models there are within 1° and 1 %.
fn sampler(section: Option<Section>, process: &Process) -> Result<(Sampler, Table)> {
    let empty = Node::absent("sampler");
    let section = match section {
        Some(section) => section,
        None => Section::new("sampler", &empty)?,
    };
    let choices = [
        Method::Euler,
        Method::Heun,
        Method::Rk4,
        Method::Ancestral,
        Method::Ddim,
        Method::PredictorCorrector { corrector: 0.0 },
    ]
    .map(|method| (method.name(), method));
    let named = section.has("method");
    let usual = if process.noise_level() == 0.0 { "heun" } else { "euler" };
    let mut method = section.choice("method", &choices, Some(usual))?;
    if let Method::PredictorCorrector { corrector } = &mut method {
        *corrector = section.number_or("corrector", 0.01, f64::MIN_POSITIVE..=1.0, "a number in (0, 1]")?;
    }
    let usual = if method == Method::Heun && process.noise_level() == 0.0 { 200 } else { 100 };
    let steps = section.count_or("steps", usual, 1..=1_000_000, "a whole number from 1 to 1000000")?;
    let karras = section.has("rho") || !named && method == Method::Heun && fits_karras(process);
    let usual = if karras { "karras" } else { "uniform" };
    let spacing = spacing(&section, process, usual)?;
    Ok((Sampler { method, steps, spacing }, section.finish()?))
}

/// A geometric schedule spaces uniform times by the noise already.
fn fits_karras(process: &Process) -> bool {
    match process {
        Process::Flow => false,
        Process::Diffusion { noising, .. } => !matches!(noising.schedule, Schedule::Geometric { .. }),
    }
}

fn spacing(section: &Section, process: &Process, usual: &str) -> Result<Spacing> {
    let uniform = section.choice("spacing", &[("uniform", true), ("karras", false)], Some(usual))?;
    if uniform && section.has("rho") {
        return Err(section.wrong(
            "rho",
            "spacing = \"karras\" beside it",
            "spacing = \"uniform\", which has none",
        ));
    }
    match *process {
        _ if uniform => Ok(Spacing::Uniform),
        Process::Flow => Err(section.wrong("spacing", "\"uniform\" for the process \"flow\"", "\"karras\"")),
        Process::Diffusion { noising, .. } => {
            let rho = section.number_or(
                "rho",
                KARRAS_RHO,
                f64::MIN_POSITIVE..=1e3,
                "a number > 0, at most 1000",
            )?;
            Ok(Spacing::Karras { noising, rho })
        }
    }
}
