//! What a training says of itself: its page, the numbers behind it, and the last lines on the terminal.

use super::Run;
use crate::commands::execute::json_bytes;
use crate::commands::single::print;
use crate::failure::Result;
use crate::options::{Format, Screen};
use crate::report::{ClassesShown, Look, Timing, TrainingInput, WeightCurve, Weights, training_html};
use crate::store::write_file;
use crate::table::counted;
use serde_json::{Value, json};

/// Data shown beside the samples.
const DATA_SHOWN: usize = 1_000;

impl Run {
    /// `training.json`, then `training.html`.
    pub(super) fn write_page(&self) -> Result<()> {
        let weights = self.time_weights();
        let mut facts = self.history.json();
        facts["model"] = json!(self.recipe.name);
        facts["weights"] = json!(self.trainer.descent().count());
        facts["threads"] = json!(self.threads);
        if let Some(curve) = &weights {
            let at = |row: &Weights| json!({ "update": row.update, "weight": row.weights });
            let measured: Vec<Value> = curve.earlier.iter().map(at).collect();
            facts["time_weights"] =
                json!({ "time": curve.middles(), "weight": curve.weights, "measured": measured });
        }
        if !self.notes.is_empty() {
            facts["notes"] = json!(self.notes);
        }
        if let Some(classes) = self.classes() {
            facts["classes"] = json!(classes);
        }
        if let Some(names) = &self.prepared.class_names {
            facts["class_names"] = json!(names);
        }
        self.score.record(&mut facts);
        write_file(&self.directory.file("training.json"), &json_bytes(&facts)?)?;
        let looks = self.looks()?;
        let data = self.prepared.shown.draw(self.recipe.schedule.seed, 0, DATA_SHOWN)?.x;
        let input = TrainingInput {
            name: &self.recipe.name,
            subtitle: self.subtitle(),
            updates: [self.updates(), self.recipe.schedule.updates],
            timing: Timing { seconds: self.history.seconds, threads: self.threads },
            curve: &self.history.curve(),
            validations: &self.history.validations,
            loss_has: &self.loss_has(),
            validated: &self.prepared.validated.describe(),
            notes: &self.notes,
            classes: self.classes().map(|all| {
                let shown = self.classes_shown().unwrap_or(all);
                ClassesShown { all, shown }
            }),
            weights: weights.as_ref(),
            score: self.score.errors(),
            not_computed: self.score.reason(),
            shape: &self.prepared.shape,
            data: &data,
            looks: &looks,
        };
        write_file(&self.directory.file("training.html"), training_html(&input)?.as_bytes())
    }

    /// What the loss weighs over time at present, on every step of the grid, where that is measured.
    fn time_weights(&self) -> Option<WeightCurve> {
        let grid = self.trainer.budget()?.grid;
        let weights = self.trainer.state().time_weights.factors.clone();
        // None before the first measurement.
        let edges = (0..=weights.len()).map(|n| grid.time(n)).collect();
        let fits = |row: &&Weights| row.weights.len() == weights.len();
        let earlier = self.history.measurements.iter().filter(fits).cloned().collect();
        Some(WeightCurve { edges, weights, earlier })
    }

    /// What the training loss has in it beside the objective.
    fn loss_has(&self) -> Vec<&'static str> {
        let weights = self.trainer.budget().map(|_| "weights over time");
        let penalty = self.trainer.task().cross.as_ref().map(|_| "the penalty on cross derivatives");
        weights.into_iter().chain(penalty).collect()
    }

    /// The samples that were saved on the way.
    fn looks(&self) -> Result<Vec<Look>> {
        let mut looks = Vec::new();
        for updates in self.directory.looks()?.into_iter().filter(|n| *n <= self.updates()) {
            let path = self.directory.look(updates as u64);
            looks.push(Look { updates, samples: crate::data_file::points(&path)?.values });
        }
        Ok(looks)
    }

    fn subtitle(&self) -> String {
        let (schedule, count) = (&self.recipe.schedule, self.trainer.descent().count());
        format!(
            "{count} weights · batches of {} · learning rate {} · {}",
            schedule.batch,
            schedule.learning_rate,
            self.recipe.learning.describe()
        )
    }

    /// The last lines on the terminal.
    pub(super) fn say(&self, screen: &Screen) -> Result<()> {
        let [_, loss, error] = self.history.validations.last().copied().unwrap_or([f64::NAN; 3]);
        match screen.format {
            Format::Json => {
                let what = json!({
                    "model": self.recipe.name,
                    "updates": self.updates(),
                    "seconds": self.history.seconds,
                    "validation_loss": loss,
                    "validation_loss_standard_error": error,
                    "score_error_overall": self.score.errors().map(|errors| errors.overall),
                    "file": self.directory.file("model.toml").display().to_string(),
                });
                print(format!("{what}\n").as_bytes())
            }
            Format::Text if screen.quiet => Ok(()),
            Format::Text => {
                let seconds = self.history.seconds;
                let mut lines = vec![format!(
                    "{}: {} in {seconds:.1} s, validation loss {loss:.5} ± {error:.5}",
                    self.recipe.name,
                    counted(self.updates(), "update")
                )];
                lines.extend(self.score.line());
                if let (true, Some(reason)) = (screen.verbose, self.score.reason()) {
                    lines.push(format!("Not computed: {}", reason.sentence()));
                }
                lines.push(format!("Model: {}", self.directory.file("model.toml").display()));
                lines.push(format!("Page: {}", self.directory.file("training.html").display()));
                print(format!("{}\n", lines.join("\n")).as_bytes())
            }
        }
    }
}
