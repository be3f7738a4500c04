//! `sample --pairs`: sources with the samples they become, for a reflow, and how straight the ways between them are.

use super::single::print;
use super::start_threads;
use crate::data_file::{ArchiveWriter, Numbers, check_archive_name};
use crate::failure::{Failure, Result};
use crate::interrupt;
use crate::model_file::{Model, load};
use crate::options::{Format, Sample};
use crate::run_file::settings;
use crate::table::counted;
use rayon::prelude::*;
use serde_json::json;
use std::ops::Range;
use std::path::Path;
use surefoot::sampler::Step;
use surefoot::sweep::{Batch, Keep, Refinement, forward, starts};
use surefoot::train::{Straightness, bends};

/// Most samples of a tile that one thread follows, and most numbers that their paths hold.
const TILE: usize = 64;
const MOST_NUMBERS: usize = 1 << 22;
/// Tiles between two writes.
const TILES: usize = 64;

/// Writes pairs x_0, x_1 of a model to an `.npz` file.
///
/// # Errors
/// Whatever is wrong with the model or the file; a sampler that adds noise.
pub fn pairs(options: &Sample, file: &Path) -> Result<()> {
    check_archive_name("--pairs", file)?;
    let threads = start_threads(options.threads)?;
    let model = load(&options.model, &settings(&options.settings)?)?;
    let step = model.system.step(Vec::new())?;
    check_deterministic(&model, &step)?;
    interrupt::listen();
    interrupt::computing(true);
    if options.screen.verbose {
        eprintln!(
            "{}: {}, {}, {}",
            model.spec.name,
            counted(options.samples, "pair"),
            counted(step.grid.steps, "step"),
            counted(threads, "thread")
        );
    }
    let mut writer = ArchiveWriter::create(file)?;
    let shape = [&[options.samples], &model.shape[..]].concat();
    let source = |samples| Batch {
        source: model.system.source.as_ref(),
        seed: options.seed,
        samples,
        refinement: Refinement::Own,
    };
    writer.begin("x0", "<f8", &shape)?;
    for samples in blocks(0..options.samples, TILE) {
        writer.append(Numbers::F64(&starts(&source(samples))))?;
    }
    writer.begin("x1", "<f8", &shape)?;
    let (mut bent, mut squares) = (Vec::new(), Vec::new());
    let tile = TILE.min(MOST_NUMBERS / (step.grid.steps * step.dim())).max(1);
    for block in blocks(0..options.samples, tile * TILES) {
        let tiles: Vec<Range<usize>> = blocks(block, tile).collect();
        let followed = |samples| follow(&step, &source(samples));
        let found = tiles.into_par_iter().map(followed).collect::<Result<Vec<_>>>()?;
        if interrupt::asked() {
            return Err(Failure::Interrupted("interrupted; no file was written".into()));
        }
        for Followed { ends, bends, squared_distances } in found {
            writer.append(Numbers::F64(&ends))?;
            bent.extend(bends);
            squares.extend(squared_distances);
        }
    }
    writer.finish()?;
    say(options, &model, file, &Straightness::of(&bent, &squares))
}

/// Parts of at most `length`.
fn blocks(range: Range<usize>, length: usize) -> impl Iterator<Item = Range<usize>> {
    let end = range.end;
    range.step_by(length).map(move |start| start..(start + length).min(end))
}

/// What is kept of a tile of paths.
struct Followed {
    ends: Vec<f64>,
    bends: Vec<f64>,
    squared_distances: Vec<f64>,
}

fn follow(step: &Step, batch: &Batch) -> Result<Followed> {
    let (dim, count) = (step.dim(), batch.samples.len());
    let sweep = forward(step, batch, 0, Keep { path: true, ..Keep::default() })?;
    let rows = sweep.start.chunks_exact(dim).zip(sweep.end.chunks_exact(dim));
    let square = |(x0, x1): (&[f64], &[f64])| x0.iter().zip(x1).map(|(a, b)| (b - a).powi(2)).sum();
    let squared_distances = rows.map(square).collect();
    Ok(Followed { bends: bends(dim, count, &sweep.path), squared_distances, ends: sweep.end })
}

fn check_deterministic(model: &Model, step: &Step) -> Result<()> {
    if step.noises() == 0 {
        return Ok(());
    }
    Err(Failure::Value {
        place: "--pairs".into(),
        what: "pairs".into(),
        expected: "a deterministic sampler: a sample is then a function of its source".into(),
        got: format!("noise level {}", model.system.drift.process.noise_level()),
        remedy: "Add --noise-level 0, or another --method".into(),
    })
}

fn say(options: &Sample, model: &Model, file: &Path, straightness: &Straightness) -> Result<()> {
    let Straightness { bend, squared_distance } = straightness;
    let (count, dim, file) = (options.samples, model.system.dim(), file.display());
    match options.screen.format {
        Format::Json => {
            let what = json!({ "model": model.spec.name, "samples": count, "dim": dim, "file": file.to_string(),
                               "straightness": straightness });
            print(format!("{what}\n").as_bytes())
        }
        Format::Text if options.screen.quiet => Ok(()),
        Format::Text => {
            let error = bend.standard_error.map_or_else(String::new, |error| format!(" ± {error:.4}"));
            let text = format!(
                "{} in R^{dim} written to {file}\n\
                 straightness S = E|x1 − x0 − v|² = {:.4}{error}; E|x1 − x0|² = {:.4}\n",
                counted(count, "pair"),
                bend.mean,
                squared_distance.mean
            );
            print(text.as_bytes())
        }
    }
}
