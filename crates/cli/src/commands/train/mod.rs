//! `train`: from a recipe to a model file.

mod checkpoint;
mod history;
mod model;
mod page;
mod score;
mod set_up;

pub use history::History;

use self::model::Sampler;
use self::score::ScoreCheck;
use super::start_threads;
use crate::failure::{Failure, Result};
use crate::interrupt;
use crate::options::{Format, Screen, Train};
use crate::recipe_file::{self, Prepared, Recipe};
use crate::report::Weights;
use crate::run_file::overrides;
use crate::store::{Earlier, TrainingDir};
use crate::table::{counted, flop};
use indicatif::{ProgressBar, ProgressState, ProgressStyle};
use std::fmt::Write;
use std::io::IsTerminal;
use std::time::Instant;
use surefoot::train::Trainer;
use surefoot_graph::Limits;

/// Trains a model. Everything is checked before anything is written.
///
/// # Errors
/// Whatever is wrong with the recipe, non-finite losses, an interruption.
pub fn train(options: &Train) -> Result<()> {
    let threads = start_threads(options.threads)?;
    let earlier = match (options.resume, options.overwrite) {
        (true, _) => Earlier::Resume,
        (_, true) => Earlier::Overwrite,
        _ => Earlier::Keep,
    };
    let mut recipe = recipe_file::read(&options.recipe, &overrides(&options.set)?)?;
    TrainingDir::check(&options.out, earlier)?;
    set_up::check_places(&recipe, &options.out)?;
    let limits = options.memory.limits();
    let in_recipe = |failure: Failure| failure.in_file(&options.recipe);
    let prepared = recipe.prepare(&limits).map_err(in_recipe)?;
    let trainer = set_up::trainer(&recipe, &prepared, &limits).map_err(in_recipe)?;
    let mut notes = set_up::notes(&recipe.schedule, &prepared, &trainer);
    let sampler =
        set_up::sampler(&mut recipe, &prepared, &trainer, &limits, &mut notes).map_err(in_recipe)?;
    let directory = TrainingDir::open(&options.out, &set_up::record(&recipe)?, earlier)?;
    interrupt::listen();
    let quiet = options.screen.quiet;
    notes.iter().filter(|_| !quiet).for_each(|note| eprintln!("note: {note}"));
    if options.screen.verbose {
        let (count, work) = (trainer.descent().count(), trainer.descent().update_flops(trainer.task().batch));
        eprintln!("{}: {count} weights, about {} an update, {threads} threads", recipe.name, flop(work));
    }
    let bar = progress_bar(&recipe, &options.screen);
    let (score, history) = (ScoreCheck::new(&recipe), History::default());
    let saved = None;
    let mut run = Run {
        recipe,
        prepared,
        trainer,
        directory,
        history,
        score,
        sampler,
        limits,
        threads,
        bar,
        notes,
        saved,
        quiet,
    };
    if options.resume && !run.go_on()? && !quiet {
        eprintln!("nothing to resume in {}: starting anew", options.out.display());
    }
    let trained = run.all_updates();
    run.bar.finish_and_clear();
    trained.map_err(|failure| run.with_what_is_kept(failure))?;
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
    sampler: Sampler,
    limits: Limits,
    threads: usize,
    bar: ProgressBar,
    /// What should be known of the training, a sentence each.
    notes: Vec<String>,
    /// Updates of the last checkpoint.
    saved: Option<usize>,
    /// Whether warnings stay off the terminal.
    quiet: bool,
}

impl Run {
    /// Takes up a checkpoint; whether there was one.
    fn go_on(&mut self) -> Result<bool> {
        let path = self.directory.checkpoint();
        if !path.is_file() {
            return Ok(false);
        }
        let (state, history) = checkpoint::load(&path, self.trainer.state().clone())?;
        self.trainer.resume(state)?;
        self.history = history;
        self.saved = Some(self.updates());
        Ok(true)
    }

    /// Says with numbers that blew up what is left of the training.
    fn with_what_is_kept(&self, failure: Failure) -> Failure {
        if failure.exit_code() != 3 {
            return failure;
        }
        let error = match &failure {
            Failure::Numerics(surefoot::Error::Diverged { .. }) => format!("{failure}."),
            _ => format!("after {}: {failure}.", counted(self.updates(), "update")),
        };
        let loss = |done: usize| self.history.losses.get(done.checked_sub(1)?);
        let kept = match self.saved {
            None => "No checkpoint was kept: none was due before".into(),
            Some(done) => {
                let loss =
                    loss(done).map_or(String::new(), |loss| format!(", at a training loss of {loss:.5}"));
                format!(
                    "The checkpoint and the model that are kept are those after {}{loss}. If that is far above the first losses, \
                     they have blown up already: start anew with --overwrite, a lower `learning_rate` or a shorter `clip`",
                    counted(done, "update")
                )
            }
        };
        Failure::Diverged { error, kept }
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
                    "interrupted after {} of {}; --resume goes on from there",
                    self.updates(),
                    counted(schedule.updates, "update")
                )));
            }
            let update = self.trainer.update()?;
            self.history.losses.push(update.loss as f32);
            self.meet_defect(update.defect);
            self.meet_measurement();
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

    /// Keeps the weights over time where the last update measured them.
    fn meet_measurement(&mut self) {
        let Some(every) = self.trainer.budget().map(|budget| budget.every) else { return };
        let number = self.trainer.state().updates - 1;
        if number > 0 && number.is_multiple_of(every) {
            let weights = self.trainer.state().time_weights.factors.clone();
            self.history.measurements.push(Weights { update: number, weights });
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
    fn save(&mut self) -> Result<()> {
        self.write_model()?;
        checkpoint::save(&self.directory.checkpoint(), self.trainer.state(), &self.history)?;
        self.saved = Some(self.updates());
        self.write_page()
    }
}

/// A bar on a terminal, nothing elsewhere.
fn progress_bar(recipe: &Recipe, screen: &Screen) -> ProgressBar {
    if screen.quiet || screen.format == Format::Json || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(recipe.schedule.updates as u64);
    let template = "{prefix} {bar:30} {pos}/{len} updates, {rate}, {eta} left  {msg}";
    if let Ok(style) = ProgressStyle::with_template(template) {
        let rate = |state: &ProgressState, text: &mut dyn Write| {
            let _ = write!(text, "{:.1}/s", state.per_sec());
        };
        bar.set_style(style.with_key("rate", rate));
    }
    bar.set_prefix(recipe.name.clone());
    bar
}
