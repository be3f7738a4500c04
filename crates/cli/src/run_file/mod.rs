//! Resolves and checks everything that is asked for before any work is done.

mod record;

pub use record::command_line;

use crate::failure::{Failure, Result};
use crate::memory;
use crate::model_file::{self, Model, Override, Settings, Value, value_of};
use crate::options::{
    ErrorName, ErrorOptions, ModelSettings, PlaceName, ResponseOptions, RoundName, RunOptions, VectorOptions,
};
use clap::ValueEnum;
use std::path::Path;
use std::sync::Arc;
use surefoot::analysis::{
    ErrorKind, ErrorRequest, RESPONSE_UP_TO, Request, SearchRequest, System, check_probes,
    check_second_order, largest_chunk, layout,
};
use surefoot::error_field::{Chi, ConstantField, ModelError, Place};
use surefoot::gains::ErrorNorm;
use surefoot::process::{DifferenceField, Drift};
use surefoot::response::{Observable, ScalarNetwork};
use surefoot::spectrum::Search;
use surefoot_graph::passes::WeightFormat;
use surefoot_graph::{Graph, Limits};
use toml::value::Table;

/// Least memory beside what a loaded model holds.
const LEAST_MEMORY: u64 = 1 << 26;
/// Beyond what is needed that is asked for, so that a run with it is not refused once more.
const SLACK: u64 = 1 << 24;
/// Bytes that a chunk of samples may take, about.
const CHUNK_BYTES: usize = 1 << 27;

/// A run, resolved and checked.
pub struct Run {
    /// The model.
    pub model: Model,
    /// What is asked of it.
    pub request: Request,
    /// `run.toml`: all inputs.
    pub record: Table,
}

/// Settings from the command line: overrides of the model file, and limits.
///
/// # Errors
/// A `--set` without `=`.
pub fn settings(settings: &ModelSettings) -> Result<Settings> {
    let mut list = Vec::new();
    let mut add = |key: &str, value: Value, option: String| {
        list.push(Override { key: key.into(), value, option });
    };
    if let Some(process) = settings.process {
        let name = name_of(process);
        add("process.kind", Value::Text(name.clone()), format!("--process {name}"));
    }
    if let Some(method) = settings.method {
        let name = name_of(method);
        add("sampler.method", Value::Text(name.clone()), format!("--method {name}"));
    }
    if let Some(steps) = settings.steps {
        add("sampler.steps", Value::Integer(steps.into()), format!("--steps {steps}"));
    }
    if let Some(spacing) = settings.spacing {
        let name = name_of(spacing);
        add("sampler.spacing", Value::Text(name.clone()), format!("--spacing {name}"));
    }
    if let Some(level) = settings.noise_level {
        add("process.noise_level", Value::Float(level), format!("--noise-level {level}"));
    }
    if let Some(label) = settings.label {
        add("field.label", Value::Integer(label.into()), format!("--label {label}"));
    }
    if let Some(weight) = settings.guidance {
        add("field.guidance", Value::Float(weight), format!("--guidance {weight}"));
    }
    list.extend(overrides(&settings.set)?);
    Ok(Settings { overrides: list, limits: settings.memory.limits() })
}

/// `--set KEY=VALUE`, as often as it was typed.
///
/// # Errors
/// One without `=`.
pub fn overrides(set: &[String]) -> Result<Vec<Override>> {
    let one = |text: &String| {
        let (key, value) = text.split_once('=').ok_or_else(|| Failure::Value {
            place: "--set".into(),
            what: "setting".into(),
            expected: "KEY=VALUE".into(),
            got: format!("{text:?}"),
            remedy: "For example --set process.start=0.8".into(),
        })?;
        Ok(Override {
            key: key.trim().into(),
            value: value_of(value.trim()),
            option: format!("--set {text}"),
        })
    };
    set.iter().map(one).collect()
}

fn name_of(value: impl ValueEnum) -> String {
    value.to_possible_value().map(|value| value.get_name().to_string()).unwrap_or_default()
}

/// Loads a model and resolves what is asked of it; `vectors` is absent for the robustness experiment alone.
///
/// # Errors
/// Whatever is wrong with any input.
pub fn resolve(
    model: &str,
    settings: &Settings,
    run: &RunOptions,
    vectors: Option<&VectorOptions>,
    errors: &ErrorOptions,
) -> Result<Run> {
    let model = model_file::load(model, settings)?;
    let system = &model.system;
    let dim = system.dim();
    let place = place_of(errors.error_in);
    let (errors, others) = error_requests(&model, errors, settings)?;
    let worst = errors.iter().any(|error| matches!(error.kind, ErrorKind::Worst { .. }));
    let learned = errors.iter().any(|error| error.kind.learning_error().is_some());
    let intrinsic = system.support.as_ref().map(|support| support.intrinsic_dim());
    let asked = vectors.and_then(|options| options.vectors);
    let probes = vectors.and_then(|options| options.response.response_probes);
    if probes.is_some() {
        check_probes(system)?;
    }
    let followed = asked.unwrap_or_else(|| default_vectors(dim, intrinsic));
    let small = dim <= SMALL;
    let mut request = Request {
        samples: run.samples,
        vectors: followed,
        seed: run.seed,
        errors,
        spectrum: vectors.is_some(),
        search: vectors.map(|options| search(options, followed, dim)),
        moved: vectors.and_then(|options| options.move_by),
        gains: (vectors.is_some() || worst || learned).then_some(place),
        observables: vectors.map_or(Ok(None), |options| observables(&options.response, &model, settings))?,
        response_probes: probes.map(usize::from),
        condition: vectors.map_or(0, |options| condition_paths(options, system)).min(run.samples),
        regularity: vectors.is_some_and(|options| options.regularity || (small && !options.no_regularity)),
        boundary_distance: vectors.map_or(0.05, |options| options.boundary_distance),
        paths: run.paths.min(run.samples),
        convergence: run.convergence.unwrap_or(if small { 200 } else { 2 }).min(run.samples),
        chunk: 1,
        memory: 0,
    };
    request.memory = working_memory(settings.limits.memory, held_bytes(system, &request))?;
    request.check(dim, system.grid.steps)?;
    if request.boundary_distance.is_nan() || request.boundary_distance <= 0.0 {
        return Err(Failure::Value {
            place: "--boundary-distance".into(),
            what: "distance".into(),
            expected: "a number > 0".into(),
            got: request.boundary_distance.to_string(),
            remedy: "Take a small part of the support's size".into(),
        });
    }
    request.chunk = chunk_size(run, &request, system, settings.limits.memory)?;
    check_errors(&model, &request)?;
    let record = record::record(&model, &request, &others)?;
    Ok(Run { model, request, record })
}

/// What is asked for; by default the standard ones where D is small, and a few where probes are asked for.
fn observables(
    options: &ResponseOptions,
    model: &Model,
    settings: &Settings,
) -> Result<Option<Vec<Observable>>> {
    let dim = model.system.dim();
    let support = model.system.support.is_some();
    let few = options.response_probes.is_some() && dim > RESPONSE_UP_TO;
    if options.no_response || (options.observable.is_empty() && dim > RESPONSE_UP_TO && !few) {
        return Ok(None);
    }
    if options.observable.is_empty() && few {
        let mut list = vec![Observable::Coordinate(0), Observable::Product(0, 0)];
        list.extend(support.then_some(Observable::Distance));
        return Ok(Some(list));
    }
    if options.observable.is_empty() {
        return Ok(Some(Observable::standard(dim, support)));
    }
    let mut list: Vec<Observable> = Vec::new();
    for text in &options.observable {
        let observable = match Observable::parse(text) {
            Some(observable) => observable,
            None if text.ends_with(".onnx") => scalar(Path::new(text), &settings.limits)?,
            None => {
                return Err(Failure::Value {
                    place: "--observable".into(),
                    what: "observable".into(),
                    expected: "x0, x0^3, x0^2*x1 (powers that sum to 9 at most), distance, or the name of an .onnx file".into(),
                    got: text.clone(),
                    remedy: "Mend the list".into(),
                });
            }
        };
        observable.check(dim, support)?;
        if list.iter().all(|other| other.name() != observable.name()) {
            list.push(observable);
        }
    }
    Ok(Some(list))
}

/// A user's scalar function.
fn scalar(file: &Path, limits: &Limits) -> Result<Observable> {
    let graph = Graph::read_function(file, limits).map_err(surefoot::Error::from)?;
    let function = Arc::new(ScalarNetwork::new(&graph)?);
    Ok(Observable::Function { name: file.display().to_string(), function })
}

/// Largest D at which what takes many sweeps is done on many samples unless asked otherwise.
const SMALL: usize = 64;

/// Samples on which the sufficient condition is examined: for a large D none unless asked for, since every step takes
/// d (d + 1)/2 second derivatives and many products with Jacobians.
fn condition_paths(options: &VectorOptions, system: &System) -> usize {
    let usual = if system.dim() <= SMALL { 64 } else { 0 };
    let asked = options.condition_paths.unwrap_or(usual);
    // Only then: what a network's second derivatives are evaluated in is kept.
    if asked > 0 && check_second_order(system).is_ok() { asked } else { 0 }
}

/// How exact vectors are searched for where k < D.
fn search(options: &VectorOptions, vectors: usize, dim: usize) -> SearchRequest {
    SearchRequest {
        samples: options.exact.unwrap_or(if dim <= SMALL { 64 } else { 2 }),
        extra: Search::usual_extra(vectors),
        rounds: options.exact_rounds,
        tolerance: options.exact_tolerance,
    }
}

/// k = D up to 16, else min(D, 2 d + 8), or 32 where d is unknown.
fn default_vectors(dim: usize, intrinsic: Option<usize>) -> usize {
    match intrinsic {
        _ if dim <= 16 => dim,
        Some(d) => dim.min(2 * d + 8),
        None => dim.min(32),
    }
}

/// Bytes that the networks of a run hold while they evaluate: the model's, and those of learning errors.
fn held_bytes(system: &System, request: &Request) -> u64 {
    let errors = request.errors.iter().filter_map(|error| error.kind.learning_error());
    let errors: u64 = errors.map(|error| error.held_bytes(false)).sum();
    system.drift.field.held_bytes(request.condition > 0) + errors
}

/// What is left of the limit for samples under way and finished columns, in bytes, beside what networks hold while they
/// evaluate: reports are drawn from a part of it.
fn working_memory(limit: u64, networks: u64) -> Result<u64> {
    let held = memory::resident().unwrap_or(0) + networks;
    if limit < held + LEAST_MEMORY {
        return Err(Failure::Value {
            place: "--memory".into(),
            what: "limit".into(),
            expected: format!(
                "at least {} MiB with this model and {} threads",
                // What is held differs by some pages from run to run.
                ((held + LEAST_MEMORY + SLACK) >> 20).next_multiple_of(32),
                rayon::current_num_threads()
            ),
            got: format!("{} MiB", limit >> 20),
            remedy: "Raise it, or take fewer --threads".into(),
        });
    }
    Ok((limit - held) / 4 * 3)
}

/// Samples computed and saved together: as typed, or by memory. It depends on nothing that changes from run to run.
fn chunk_size(run: &RunOptions, request: &Request, system: &System, limit: u64) -> Result<usize> {
    let specs = layout(system, request, request.perturbations(&vec![1.0; request.errors.len()]).len());
    let most = largest_chunk(&specs, limit / 2);
    let (expected, got) = match run.chunk {
        Some(chunk) if u64::from(chunk) <= most => return Ok(chunk as usize),
        None if most > 0 => {
            let usual = default_chunk(request, system.dim(), system.grid.steps);
            return Ok(usual.min(usize::try_from(most).unwrap_or(usize::MAX)));
        }
        chunk => (format!("chunks of at most {most} samples in {} MiB", limit >> 20), chunk.unwrap_or(1)),
    };
    Err(Failure::Value {
        place: "--memory".into(),
        what: "limit".into(),
        expected,
        got: format!("{got}"),
        remedy: "Raise --memory, lower --chunk, or keep fewer vectors (-k) and paths (--paths)".into(),
    })
}

/// From here on a sample takes so long that every one of a few is worth saving.
const IMAGES: usize = 256;
/// Times that a run of images saves what it has, about.
const IMAGES_SAVED: usize = 32;

/// As many samples as fit the memory meant for a chunk, 16 to 1024; of images one where they are few, at most 8. Independent
/// of the number of threads.
fn default_chunk(request: &Request, dim: usize, steps: usize) -> usize {
    if dim >= IMAGES {
        return request.samples.div_ceil(IMAGES_SAVED).clamp(1, 8);
    }
    let k = request.vectors;
    let kept = steps * (k * k + 2) + (dim * (k + request.errors.len() + 1)) * 8;
    (CHUNK_BYTES / (8 * kept)).clamp(16, 1024).min(request.samples)
}

/// A model whose difference is an error: its name as typed and its SHA-256.
type Other = [String; 2];

fn error_requests(
    model: &Model,
    options: &ErrorOptions,
    settings: &Settings,
) -> Result<(Vec<ErrorRequest>, Vec<Other>)> {
    let dim = model.system.dim();
    let place = place_of(options.error_in);
    let usual = [ErrorName::Constant, ErrorName::Random];
    let nothing = options.error.is_empty() && options.difference.is_empty() && options.round.is_empty();
    let kinds = if nothing { &usual[..] } else { &options.error[..] };
    let sizes = options.sizes.clone().unwrap_or_else(|| vec![0.1, 0.5, 1.0]);
    let mut requests: Vec<ErrorRequest> = Vec::new();
    for kind in kinds {
        let (kind, sizes) = match kind {
            ErrorName::Constant => {
                let direction = options.direction.clone().unwrap_or_else(|| vec![1.0; dim]);
                (ErrorKind::Constant { direction }, sizes.clone())
            }
            ErrorName::Random => (random(options, dim)?, sizes.clone()),
            ErrorName::White => (ErrorKind::White, sizes.clone()),
            ErrorName::Coarser => (ErrorKind::Coarser, options.factors.iter().map(|&f| f.into()).collect()),
            ErrorName::Worst => (ErrorKind::Worst { norm: ErrorNorm::Infinity }, sizes.clone()),
            ErrorName::WorstL2 => (ErrorKind::Worst { norm: ErrorNorm::Two }, sizes.clone()),
        };
        if requests.iter().all(|request| request.kind.name() != kind.name()) {
            requests.push(ErrorRequest { kind, place, sizes });
        }
    }
    let mut others = Vec::new();
    let mut same_process = settings.clone();
    same_process.overrides.retain(|setting| setting.key.starts_with("process."));
    for name in &options.difference {
        let other = model_file::load(name, &same_process)?;
        same_units(model, &other, &format!("--difference {name}"))?;
        let field = DifferenceField::new(model.system.drift.clone(), other.system.drift, place)?;
        let kind = ErrorKind::Difference { model: other.spec.name, field: Arc::new(field) };
        requests.push(ErrorRequest { kind, place, sizes: options.sizes.clone().unwrap_or_default() });
        others.push([name.clone(), other.sha256]);
    }
    for name in &options.round {
        let kind = rounded(model, *name, place, settings)?;
        if requests.iter().all(|request| request.kind.name() != kind.name()) {
            requests.push(ErrorRequest { kind, place, sizes: options.sizes.clone().unwrap_or_default() });
        }
    }
    Ok((requests, others))
}

/// A difference of models means something in one set of units; `place` names where the other was given.
///
/// # Errors
/// Models of data that were normalised differently.
pub fn same_units(model: &Model, other: &Model, place: &str) -> Result<()> {
    if model.spec.normalisation == other.spec.normalisation {
        return Ok(());
    }
    Err(Failure::Value {
        place: place.into(),
        what: "normalisation".into(),
        expected: format!("data normalised as those of {}", model.spec.name),
        got: "another [normalisation], or one model without it".into(),
        remedy: "Compare models of data that were normalised alike".into(),
    })
}

/// The network with its weights in fewer bits, as another model.
fn rounded(model: &Model, name: RoundName, place: Place, settings: &Settings) -> Result<ErrorKind> {
    let format = match name {
        RoundName::F16 => WeightFormat::F16,
        RoundName::Bf16 => WeightFormat::Bf16,
        RoundName::Int8 => WeightFormat::Int8,
    };
    let drift = model.system.drift.clone();
    let other = Drift { field: model_file::rounded(&model.spec, format, &settings.limits)?, ..drift.clone() };
    let field = Arc::new(DifferenceField::new(drift, other, place)?);
    Ok(ErrorKind::Rounded { format, field })
}

fn place_of(name: PlaceName) -> Place {
    match name {
        PlaceName::Output => Place::Output,
        PlaceName::Score => Place::Score,
        PlaceName::Drift => Place::Drift,
    }
}

fn random(options: &ErrorOptions, dim: usize) -> Result<ErrorKind> {
    let length_scale = options.length_scale.unwrap_or((dim as f64 / 2.0).sqrt());
    if !(length_scale.is_finite() && length_scale > 0.0) {
        return Err(Failure::Value {
            place: "--length-scale".into(),
            what: "length scale".into(),
            expected: "a finite number > 0".into(),
            got: length_scale.to_string(),
            remedy: "Take about the size of the data's features".into(),
        });
    }
    Ok(ErrorKind::Random { length_scale, time_dependent: options.moving })
}

/// Asks the library whether every error can act where it should, before any work.
fn check_errors(model: &Model, request: &Request) -> Result<()> {
    let system = &model.system;
    for error in &request.errors {
        let chi = match &error.kind {
            ErrorKind::White => Chi::White,
            ErrorKind::Worst { .. } => system.needs_support(error.kind.name()).map(|_| Chi::Given)?,
            ErrorKind::Difference { field, .. } | ErrorKind::Rounded { field, .. } => {
                Chi::Field { field: field.clone(), scale: 1.0 }
            }
            ErrorKind::Constant { direction } => {
                Chi::Field { field: Arc::new(ConstantField::new(direction)?), scale: 1.0 }
            }
            ErrorKind::Random { .. } => {
                Chi::Field { field: Arc::new(ConstantField::new(&vec![1.0; system.dim()])?), scale: 1.0 }
            }
            ErrorKind::Coarser => continue,
        };
        let error = ModelError { chi, place: error.place, size: 1.0 };
        system.step(vec![error.clone()])?;
        system.perturbed_step(error)?;
    }
    Ok(())
}
