//! The error of the learned score, where the exact one is known.

use crate::recipe_file::Recipe;
use serde_json::{Value, json};
use surefoot::Result;
use surefoot::analysis::NotComputed;
use surefoot::process::Process;
use surefoot::train::{RelativeError, ScoreErrors, ScoreProbe, Trainer};

/// Noise levels.
const LEVELS: usize = 12;
/// Points a level.
const POINTS: usize = 4096;

/// How far the learned score is from the exact one, or why nobody can tell.
pub enum ScoreCheck {
    /// The exact score is known; the error, once the training is done.
    Possible {
        /// Where the scores are compared.
        probe: Box<ScoreProbe>,
        /// Of the weights that are kept.
        errors: Option<ScoreErrors>,
    },
    /// It is not.
    Impossible(NotComputed),
}

impl ScoreCheck {
    /// What the recipe allows.
    pub fn new(recipe: &Recipe) -> ScoreCheck {
        match probe(recipe) {
            Ok(probe) => ScoreCheck::Possible { probe: Box::new(probe), errors: None },
            Err(why) => ScoreCheck::Impossible(NotComputed { what: "error of the score".into(), why }),
        }
    }

    /// Measures the weights that are kept.
    ///
    /// # Errors
    /// A network that does not fit the data.
    pub fn measure(&mut self, trainer: &Trainer) -> Result<()> {
        if let ScoreCheck::Possible { probe, errors } = self {
            *errors = Some(probe.measure(&trainer.drift()?)?);
        }
        Ok(())
    }

    /// What was measured.
    pub fn errors(&self) -> Option<&ScoreErrors> {
        match self {
            ScoreCheck::Possible { errors, .. } => errors.as_ref(),
            ScoreCheck::Impossible(_) => None,
        }
    }

    /// Why nothing can be measured.
    pub fn reason(&self) -> Option<&NotComputed> {
        match self {
            ScoreCheck::Possible { .. } => None,
            ScoreCheck::Impossible(reason) => Some(reason),
        }
    }

    /// Its keys of `training.json`.
    pub fn record(&self, facts: &mut Value) {
        if let Some(errors) = self.errors() {
            facts["score_error"] = json!(errors.levels);
            facts["score_error_overall"] = json!(errors.overall);
        }
        if let Some(reason) = self.reason() {
            facts["not_computed"] = json!([reason]);
        }
    }

    /// A line for the terminal, where something was measured.
    pub fn line(&self) -> Option<String> {
        let errors = self.errors()?;
        let worst = errors.levels.iter().max_by(|a, b| a.error.value.total_cmp(&b.error.value))?;
        Some(format!(
            "Relative L2 error of the score: {} over all noise levels, at most {} (at σ/m = {:.3})",
            within(&errors.overall),
            within(&worst.error),
            worst.noise / worst.signal
        ))
    }
}

/// "0.0123 (0.0120 to 0.0127)".
fn within(error: &RelativeError) -> String {
    match (error.low, error.high) {
        (Some(low), Some(high)) => format!("{:.4} ({low:.4} to {high:.4})", error.value),
        _ => format!("{:.4}", error.value),
    }
}

/// Where the learned score is compared with the exact one: over the times of the generation.
fn probe(recipe: &Recipe) -> std::result::Result<ScoreProbe, String> {
    if recipe.learning.process == Process::Flow {
        return Err("a flow learns a velocity; only diffusions (ou, vp, subvp, ve) learn a score".into());
    }
    let Some(data) = &recipe.data else { return Err("the recipe has no [data] whose law is known".into()) };
    let known = data.known()?;
    Ok(ScoreProbe {
        law: known.law,
        score: known.score,
        times: [recipe.grid.end, recipe.grid.start],
        levels: LEVELS,
        points: POINTS,
        seed: recipe.schedule.seed,
    })
}
