//! `train`: from a recipe to a model file.

mod checkpoint;
mod history;
mod page;
mod score;
mod set_up;

pub use history::History;

use self::score::ScoreCheck;
use super::start_threads;
use crate::data_file::SampleWriter;
use crate::failure::{Failure, Result};
use crate::interrupt;
use crate::model_file::{load, text_for};
use crate::options::{Format, Screen, Train};
use crate::recipe_file::{self, Prepared, Recipe};
use crate::run_file::overrides;
use crate::store::{TrainingDir, write_file};
use indicatif::{ProgressBar, ProgressStyle};
use rayon::prelude::*;
use std::io::IsTerminal;
use std::path::Path;
use std::time::Instant;
use surefoot::sweep::{Batch, Keep, Refinement, forward};
use surefoot::train::Trainer;
use surefoot_graph::{Limits, WriteOptions};
use toml::value::Table;

/// Samples of a tile that one thread follows.
const TILE: usize = 64;

/// Trains a model.
///
/// # Errors
/// Whatever is wrong with the recipe, non-finite losses, an interruption.
pub fn train(options: &Train) -> Result<()> {
    let threads = start_threads(options.threads)?;
    let recipe = recipe_file::read(&options.recipe, &overrides(&options.set)?)?;
    let limits = options.memory.limits();
    let prepared = recipe.prepare()?;
    let trainer = set_up::trainer(&recipe, &prepared, &limits)?;
    let directory = TrainingDir::open(&options.out, &set_up::record(&recipe)?, options.resume)?;
    interrupt::listen();
    let count = trainer.descent().count();
    if options.screen.verbose {
        eprintln!("{}: {count} weights, {threads} threads", recipe.name);
    }
    let bar = progress_bar(&recipe, &options.screen);
    let (score, history, quiet) = (ScoreCheck::new(&recipe), History::default(), options.screen.quiet);
    let mut run = Run { recipe, prepared, trainer, directory, history, score, limits, threads, bar, quiet };
    if options.resume {
        run.go_on()?;
    }
    run.all_updates()?;
    run.bar.finish_and_clear();
    run.say(&options.screen)
}

/// A training under way.
struct Run {
    recipe: Recipe,
    prepared: Prepared,
    trainer: Trainer,
    directory: TrainingDir,
    history: History,
    score: ScoreCheck,
    limits: Limits,
    threads: usize,
    bar: ProgressBar,
    /// Whether warnings stay off the terminal.
    quiet: bool,
}

impl Run {
    /// Takes up a checkpoint, if there is one.
    fn go_on(&mut self) -> Result<()> {
        let path = self.directory.checkpoint();
        if path.is_file() {
            let (state, history) = checkpoint::load(&path, self.trainer.state().clone())?;
            self.trainer.resume(state)?;
            self.history = history;
        }
        Ok(())
    }

    fn updates(&self) -> usize {
        self.trainer.state().updates as usize
    }

    /// Updates until all are done; validations, looks and checkpoints in between.
    fn all_updates(&mut self) -> Result<()> {
        let schedule = self.recipe.schedule.clone();
        if self.updates() == 0 {
            self.validate(schedule.validation_pairs)?;
        }
        interrupt::computing(true);
        self.bar.set_position(self.updates() as u64);
        let mut start = Instant::now();
        while self.updates() < schedule.updates {
            if interrupt::asked() {
                self.history.seconds += start.elapsed().as_secs_f64();
                self.save()?;
                return Err(Failure::Interrupted(format!(
                    "interrupted after {} of {} updates; --resume goes on from there",
                    self.updates(),
                    schedule.updates
                )));
            }
            let update = self.trainer.update()?;
            self.history.losses.push(update.loss as f32);
            self.meet_defect(update.defect);
            let done = self.updates();
            let last = done == schedule.updates;
            if done.is_multiple_of(schedule.validate) || last {
                self.validate(schedule.validation_pairs)?;
            }
            // Before any checkpoint of as many updates: what is resumed has kept it.
            if schedule.keep.binary_search(&done).is_ok() {
                self.keep_model()?;
            }
            let look = done.is_multiple_of(schedule.look) || last;
            if done.is_multiple_of(schedule.checkpoint) || look {
                self.history.seconds += start.elapsed().as_secs_f64();
                if look {
                    self.look(done as u64)?;
                }
                self.save()?;
                start = Instant::now();
            }
            self.tick(update.loss);
        }
        interrupt::computing(false);
        if self.history.validations.last().is_none_or(|v| v[0] as usize != self.updates()) {
            self.validate(schedule.validation_pairs)?;
        }
        self.score.measure(&self.trainer)?;
        self.save()
    }

    /// Warns of the first entropic coupling that is not solved.
    fn meet_defect(&mut self, defect: f64) {
        let first = self.history.meet_defect(defect);
        if let Some(warning) = self.history.warning().filter(|_| first && !self.quiet) {
            self.bar.suspend(|| eprintln!("warning: {warning}"));
        }
    }

    fn tick(&self, loss: f64) {
        self.bar.inc(1);
        if self.updates().is_multiple_of(50) {
            let validation = self.history.validations.last().map_or(f64::NAN, |v| v[1]);
            self.bar.set_message(format!("loss {loss:.4}, validation {validation:.4}"));
        }
    }

    fn validate(&mut self, pairs: usize) -> Result<()> {
        let loss = self.trainer.validate(&self.prepared.validation, pairs)?;
        let row = [self.updates() as f64, loss.mean, loss.standard_error.unwrap_or(0.0)];
        self.history.validations.push(row);
        Ok(())
    }

    /// Writes the model, then the checkpoint, then the page.
    fn save(&self) -> Result<()> {
        self.write_model()?;
        checkpoint::save(&self.directory.checkpoint(), self.trainer.state(), &self.history)?;
        self.write_page()
    }

    /// The model as it is now, in the place of the last one.
    fn write_model(&self) -> Result<()> {
        self.write_model_as(&self.directory.file(""), "model", &self.recipe.name)
    }

    /// The model as it is now, for itself.
    fn keep_model(&self) -> Result<()> {
        let folder = self.directory.models();
        std::fs::create_dir_all(&folder).map_err(Failure::writing(&folder))?;
        let stem = format!("update-{}", self.updates());
        self.write_model_as(&folder, &stem, &format!("{}-{stem}", self.recipe.name))
    }

    /// The network first, then the model file that names it.
    fn write_model_as(&self, folder: &Path, stem: &str, name: &str) -> Result<()> {
        let network = self.trainer.network()?;
        let options = WriteOptions { name: name.into(), keep_weights: true, ..WriteOptions::default() };
        let bytes = network.to_onnx(&options).map_err(surefoot::Error::from)?;
        let file = format!("{stem}.onnx");
        write_file(&folder.join(&file), &bytes)?;
        let text = text_for(folder, &self.model_table(name, &file), &self.recipe.model_files())?;
        write_file(&folder.join(format!("{stem}.toml")), text.as_bytes())
    }

    /// The model file: what the recipe says of the model, and its network.
    fn model_table(&self, name: &str, file: &str) -> Table {
        let mut field = Table::new();
        field.insert("kind".into(), "onnx".into());
        field.insert("file".into(), file.into());
        field.insert("predicts".into(), self.recipe.learning.predicts.into());
        if let Some(classes) = self.trainer.task().classes {
            // All of the data, unless a class is asked for.
            for key in ["label", "no_class"] {
                field.insert(key.into(), i64::from(classes.none).into());
            }
        }
        let mut model = Table::new();
        model.insert("name".into(), name.into());
        model.insert("field".into(), field.into());
        model.extend(self.recipe.model.clone().into_iter().filter(|(key, _)| key != "name"));
        if let Some(normalisation) = &self.prepared.normalisation {
            model.insert("normalisation".into(), normalisation.table().into());
        }
        model
    }

    /// Samples of the model as it is now, from the model file itself.
    fn look(&self, updates: u64) -> Result<()> {
        self.write_model()?;
        let file = self.directory.file("model.toml");
        let settings = crate::model_file::Settings { limits: self.limits.clone(), ..Default::default() };
        let model = load(&file.to_string_lossy(), &settings)?;
        let (system, count) = (&model.system, self.recipe.schedule.samples);
        let step = system.step(Vec::new())?;
        let starts: Vec<usize> = (0..count).step_by(TILE).collect();
        let tile = |start: usize| {
            let samples = start..(start + TILE).min(count);
            let source = system.source.as_ref();
            let batch =
                Batch { source, seed: self.recipe.schedule.seed, samples, refinement: Refinement::Own };
            forward(&step, &batch, 0, Keep::default()).map(|sweep| sweep.end)
        };
        let rows = starts.into_par_iter().map(tile).collect::<std::result::Result<Vec<_>, _>>()?;
        let path = self.directory.look(updates);
        let mut writer = SampleWriter::create("samples", &path, count, system.dim())?;
        rows.iter().try_for_each(|rows| writer.append(rows))?;
        writer.finish()
    }
}

/// A bar on a terminal, nothing elsewhere.
fn progress_bar(recipe: &Recipe, screen: &Screen) -> ProgressBar {
    if screen.quiet || screen.format == Format::Json || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(recipe.schedule.updates as u64);
    let template = "{prefix} {bar:30} {pos}/{len} updates, {per_sec}, {eta} left  {msg}";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.set_prefix(recipe.name.clone());
    bar
}
