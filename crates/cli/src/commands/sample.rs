//! `sample`: generated samples in a file.

use super::single::print;
use super::start_threads;
use crate::data_file::SampleWriter;
use crate::failure::{Failure, Result};
use crate::interrupt;
use crate::model_file::load;
use crate::options::{Format, Sample};
use crate::run_file::settings;
use rayon::prelude::*;
use serde_json::json;
use surefoot::analysis::Request;
use surefoot::sweep::{Batch, Keep, Refinement, forward};

/// Samples of a tile that one thread follows.
const TILE: usize = 64;
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
    let threads = start_threads(options.threads)?;
    let model = load(&options.model, &settings(&options.settings)?)?;
    let (system, count) = (&model.system, options.samples);
    let step = system.step(Vec::new())?;
    interrupt::listen();
    let mut writer = SampleWriter::create(&options.out, count, system.dim())?;
    if options.screen.verbose {
        eprintln!("{}: {count} samples, {} steps, {threads} threads", model.spec.name, model.spec.steps);
    }
    let tile = |start: usize| -> Result<Vec<f64>> {
        let samples = start..(start + TILE).min(count);
        let source = system.source.as_ref();
        let batch = Batch { source, seed: options.seed, samples, refinement: Refinement::Own };
        Ok(forward(&step, &batch, 0, Keep::default())?.end)
    };
    for block in (0..count).step_by(TILE * TILES) {
        let starts: Vec<usize> = (block..(block + TILE * TILES).min(count)).step_by(TILE).collect();
        let rows = starts.into_par_iter().map(tile).collect::<Result<Vec<_>>>()?;
        if interrupt::asked() {
            return Err(Failure::Interrupted("interrupted; no file was written".into()));
        }
        rows.iter().try_for_each(|rows| writer.append(rows))?;
    }
    writer.finish()?;
    let out = options.out.display();
    match options.screen.format {
        Format::Json => {
            let what = json!({ "model": model.spec.name, "samples": count, "dim": system.dim(), "file": out.to_string() });
            print(format!("{what}\n").as_bytes())
        }
        Format::Text if options.screen.quiet => Ok(()),
        Format::Text => print(format!("{count} samples in R^{} written to {out}\n", system.dim()).as_bytes()),
    }
}
