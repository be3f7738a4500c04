//! `sample`: generated samples in a file.

use super::pairs::pairs;
use super::single::print;
use super::start_threads;
use crate::data_file::SampleWriter;
use crate::failure::{Failure, Result};
use crate::interrupt;
use crate::model_file::{Model, Normalisation, load};
use crate::options::{Format, FormulaName, Sample};
use crate::run_file::settings;
use crate::table::counted;
use rayon::prelude::*;
use serde::Serialize;
use serde_json::json;
use std::path::Path;
use surefoot::analysis::{LikelihoodSummary, Request, System};
use surefoot::law::SharedDensity;
use surefoot::response::{Formula, Likelihood, log_likelihood};
use surefoot::sampler::Step;
use surefoot::sweep::{Batch, Keep, Refinement, forward};

/// Samples of a tile that one thread follows.
const TILE: usize = 64;
/// Leading samples that are followed again with twice the steps, and of how many samples they are at most one.
const DOUBLED: usize = 16;
/// Change of their log-likelihood, nats a dimension, from which a grid is called coarse.
const COARSE: f64 = 0.01;
/// Tiles between two writes.
const TILES: usize = 64;

/// Generates samples.
///
/// # Errors
/// Whatever is wrong with the model or the file.
pub fn sample(options: &Sample) -> Result<()> {
    if !(1..=Request::MOST_SAMPLES).contains(&options.samples) {
        return Err(Failure::Usage(format!(
            "samples: expected 1 to {}, got {}. Choose another -n",
            Request::MOST_SAMPLES,
            options.samples
        )));
    }
    match (&options.pairs, &options.out) {
        (Some(file), _) => pairs(options, file),
        (None, Some(file)) => samples(options, file),
        (None, None) => Err(Failure::Usage("-o: expected a file for the samples, got none. Name one".into())),
    }
}

/// Samples alone, in a file.
fn samples(options: &Sample, out: &Path) -> Result<()> {
    if options.log_likelihood_out.as_deref() == Some(out) {
        return Err(Failure::Usage(format!(
            "--log-likelihood-out: expected another file than that of the samples, got {} for both. Choose another name",
            out.display()
        )));
    }
    let threads = start_threads(options.threads)?;
    let model = load(&options.model, &settings(&options.settings)?)?;
    let (system, count) = (&model.system, options.samples);
    let step = system.step(Vec::new())?;
    let normalisation = options.data_units.then(|| normalisation(&model)).transpose()?;
    let followed = options.log_likelihood.then(|| Followed::new(options, system, &step)).transpose()?;
    interrupt::listen();
    interrupt::computing(true);
    let mut writer = SampleWriter::create("-o", out, count, system.dim())?;
    let mut log_writer = match &options.log_likelihood_out {
        Some(file) => Some(SampleWriter::create("--log-likelihood-out", file, count, 2)?),
        None => None,
    };
    if options.screen.verbose {
        let [samples, steps, threads] = [(count, "sample"), (model.spec.steps, "step"), (threads, "thread")]
            .map(|(number, what)| counted(number, what));
        eprintln!("{}: {samples}, {steps}, {threads}", model.spec.name);
    }
    let tile = |start: usize| -> Result<Likelihood> {
        let samples = start..(start + TILE).min(count);
        let source = system.source.as_ref();
        let batch = Batch { source, seed: options.seed, samples, refinement: Refinement::Own };
        if let Some(Followed { density, formula }) = &followed {
            return Ok(log_likelihood(&step, &batch, density.as_ref(), *formula)?);
        }
        let end = forward(&step, &batch, 0, Keep::default())?.end;
        Ok(Likelihood { end, log_density: Vec::new(), standard_error: Vec::new() })
    };
    let (mut logs, mut errors) = (Vec::new(), Vec::new());
    for block in (0..count).step_by(TILE * TILES) {
        let starts: Vec<usize> = (block..(block + TILE * TILES).min(count)).step_by(TILE).collect();
        let rows = starts.into_par_iter().map(tile).collect::<Result<Vec<_>>>()?;
        if interrupt::asked() {
            return Err(Failure::Interrupted("interrupted; no file was written".into()));
        }
        for mut rows in rows {
            if let Some(normalisation) = normalisation {
                normalisation.to_data_units(system.dim(), &mut rows.end);
            }
            writer.append(&rows.end)?;
            if let Some(writer) = &mut log_writer {
                let pairs = rows.log_density.iter().zip(&rows.standard_error);
                writer.append(&pairs.flat_map(|(log, error)| [*log, *error]).collect::<Vec<f64>>())?;
            }
            logs.extend(rows.log_density);
            errors.extend(rows.standard_error);
        }
    }
    let likelihood = match &followed {
        Some(followed) => Some(followed.summary(&logs, &errors, system.dim())?),
        None => None,
    };
    let doubled = match &followed {
        Some(followed) => Some(followed.doubled(system, options.seed, &logs, &errors)?),
        None => None,
    };
    writer.finish()?;
    if let Some(writer) = log_writer {
        writer.finish()?;
    }
    let out = out.display();
    match options.screen.format {
        Format::Json => {
            let mut what = json!({ "model": model.spec.name, "samples": count, "dim": system.dim(), "file": out.to_string() });
            if options.data_units {
                what["units"] = json!("data");
            }
            if let Some(likelihood) = &likelihood {
                what["likelihood"] = json!(likelihood);
                what["likelihood"]["doubled_steps"] = json!(doubled);
            }
            print(format!("{what}\n").as_bytes())
        }
        Format::Text if options.screen.quiet => Ok(()),
        Format::Text => {
            let units = if options.data_units { ", in the units of the data," } else { "" };
            let mut text =
                format!("{} in R^{}{units} written to {out}\n", counted(count, "sample"), system.dim());
            text.extend(likelihood.map(|likelihood| sentence(&likelihood)));
            text.extend(doubled.and_then(|doubled| doubled.caution()));
            if let Some(file) = &options.log_likelihood_out {
                text.push_str(&format!("log-likelihoods written to {}\n", file.display()));
            }
            print(text.as_bytes())
        }
    }
}

/// How the data that the model has learned were normalised.
fn normalisation(model: &Model) -> Result<&Normalisation> {
    model.spec.normalisation.as_ref().ok_or_else(|| Failure::Value {
        place: "--data-units".into(),
        what: "normalisation".into(),
        expected: "a model file that says how its data were normalised".into(),
        got: format!("{}, which has no [normalisation]", model.spec.name),
        remedy: "Leave --data-units out: the model's units are those of its data".into(),
    })
}

/// The leading samples' log-likelihood with twice the steps, from the same starts.
#[derive(Serialize)]
struct Doubled {
    /// Leading samples.
    samples: usize,
    /// Their mean log-likelihood, nats.
    mean: f64,
    /// … with twice the steps.
    doubled: f64,
    /// Mean change of a sample's log-likelihood, whatever its sign.
    change: f64,
    /// How large a change goes unnoticed: what the digits of bits/dim and the probes leave open.
    #[serde(skip)]
    unnoticed: f64,
}

impl Doubled {
    /// What to think of the digits, where the steps matter.
    fn caution(&self) -> Option<String> {
        (self.change > self.unnoticed).then(|| {
            format!(
                "caution: with twice the steps the log-likelihood {} changes by {:.3} nats on average; \
                 use more steps (--steps) before trusting its digits\n",
                match self.samples {
                    1 => "of the first sample".to_string(),
                    count => format!("of the first {count} samples"),
                },
                self.change
            )
        })
    }
}

/// What the log-likelihood is followed from, and how.
struct Followed {
    density: SharedDensity,
    formula: Formula,
}

impl Followed {
    fn new(options: &Sample, system: &System, step: &Step) -> Result<Followed> {
        let refuse = |expected: &str, got: String, remedy: &str| {
            Err(Failure::Value {
                place: "--log-likelihood".into(),
                what: "log-likelihood".into(),
                expected: expected.into(),
                got,
                remedy: remedy.into(),
            })
        };
        if step.noises() > 0 {
            let got = format!("noise level {}", system.drift.process.noise_level());
            let remedy = "Add --noise-level 0: the probability-flow ODE has the same marginals where the score is exact";
            return refuse("a deterministic sampler", got, remedy);
        }
        let Some(density) = system.source_density.clone() else {
            let remedy = "Take a gaussian, eight-gaussians or marginal source";
            return refuse("a source whose density is known", "none".into(), remedy);
        };
        let probes = usize::from(options.probes);
        let formula = match options.formula {
            Some(FormulaName::Discrete) => Formula::Discrete,
            Some(FormulaName::Divergence) => Formula::ContinuousExact,
            Some(FormulaName::Probes) => Formula::ContinuousHutchinson { probes },
            None => Formula::standard(system.dim(), probes),
        };
        Ok(Followed { density, formula })
    }

    /// Follows the first few samples with twice the steps.
    fn doubled(&self, system: &System, seed: u64, logs: &[f64], errors: &[f64]) -> Result<Doubled> {
        let samples = logs.len().div_ceil(DOUBLED).min(DOUBLED);
        let grid = system.grid.doubled();
        let step = Step::new(system.drift.clone(), grid, system.method, Vec::new())?;
        let source = system.source.as_ref();
        let batch = Batch { source, seed, samples: 0..samples, refinement: Refinement::Doubled };
        let again = log_likelihood(&step, &batch, self.density.as_ref(), self.formula)?;
        let mean = |logs: &[f64]| logs.iter().sum::<f64>() / samples as f64;
        let changes = logs.iter().zip(&again.log_density).map(|(own, doubled)| (own - doubled).abs());
        let spreads = errors.iter().zip(&again.standard_error).map(|(own, doubled)| own.hypot(*doubled));
        Ok(Doubled {
            samples,
            mean: mean(&logs[..samples]),
            doubled: mean(&again.log_density),
            change: mean(&changes.collect::<Vec<_>>()),
            unnoticed: COARSE * system.dim() as f64 + 3.0 * mean(&spreads.collect::<Vec<_>>()),
        })
    }

    fn summary(&self, logs: &[f64], errors: &[f64], dim: usize) -> Result<LikelihoodSummary> {
        if let Some(index) = logs.iter().position(|log| !log.is_finite()) {
            let (quantity, value) = ("log-density", logs[index]);
            return Err(surefoot::Error::NonFinite { quantity, sample: index, step: 0, value }.into());
        }
        Ok(LikelihoodSummary::of(self.formula, logs, errors, dim))
    }
}

/// The likelihood in words.
fn sentence(likelihood: &LikelihoodSummary) -> String {
    let LikelihoodSummary { formula, log_density, bits_per_dim, standard_error } = likelihood;
    let error =
        standard_error.map_or_else(String::new, |error| format!(", standard error {error:.3} nats (median)"));
    format!(
        "log-likelihood {:.4} nats (mean; median {:.4}), {:.4} bits/dim: {}{error}\n",
        log_density.mean,
        log_density.q50,
        bits_per_dim.mean,
        formula.words()
    )
}
