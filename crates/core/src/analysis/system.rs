//! A model ready to be analysed.

use crate::error::{Error, Result};
use crate::error_field::ModelError;
use crate::field::{Moment, SharedField};
use crate::law::{SharedDensity, SharedLaw};
use crate::process::{Affine, Drift, Grid};
use crate::sampler::{Method, Step};
use crate::support::SharedSupport;
use serde::{Deserialize, Serialize};

/// Where the target score s_τ of the alignment figures comes from (theory §6).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum ScoreOrigin {
    /// Exact marginal score at u = `end`.
    Exact,
    /// The network's own score at u = `end`.
    Learned,
    /// Score of a Gaussian-smoothed reference sample of the target.
    SmoothedSample {
        /// Number of reference points.
        points: usize,
        /// Bandwidth of every coordinate.
        bandwidth: Vec<f64>,
    },
}

/// The target score s_τ(x) = `state · x + output · field(x)`.
#[derive(Clone)]
pub struct TargetScore {
    /// The field behind the score.
    pub field: SharedField,
    /// The moment at which it is asked.
    pub moment: Moment,
    /// How the score follows from its output.
    pub conversion: Affine,
    /// Where it comes from.
    pub origin: ScoreOrigin,
}

impl TargetScore {
    /// s_τ at `x[n, D]`.
    pub fn eval(&self, x: &[f64]) -> Vec<f64> {
        let mut score = vec![0.0; x.len()];
        self.field.eval(self.moment, x, &mut score);
        for (s, x) in score.iter_mut().zip(x) {
            *s = self.conversion.state * x + self.conversion.output * *s;
        }
        score
    }
}

/// A model with everything that an analysis needs: where it starts, how it moves, what it should land on.
#[derive(Clone)]
pub struct System {
    /// Name shown to the user.
    pub name: String,
    /// The unperturbed drift.
    pub drift: Drift,
    /// Times of the steps.
    pub grid: Grid,
    /// Discretisation.
    pub method: Method,
    /// Law of x_0.
    pub source: SharedLaw,
    /// Its density, where it has a smooth one that is known.
    pub source_density: Option<SharedDensity>,
    /// Law of the data, if known: what a perfect model would generate.
    pub data: Option<SharedLaw>,
    /// Support of the data, if known.
    pub support: Option<SharedSupport>,
    /// Target score; absent where none can be had (a flow model without a reference).
    pub target: Option<TargetScore>,
}

impl System {
    /// D.
    pub fn dim(&self) -> usize {
        self.drift.field.dim()
    }

    /// The support, for what cannot do without one.
    ///
    /// # Errors
    /// [`Error::Invalid`] if none is known.
    pub fn needs_support(&self, what: &str) -> Result<&SharedSupport> {
        self.support.as_ref().ok_or_else(|| {
            Error::invalid(
                format!("error of kind {what}"),
                "a model whose support is known",
                "none",
                "Give the model a [support], or choose another kind of error",
            )
        })
    }

    /// Model time from the first to the last step.
    pub fn elapsed_time(&self) -> f64 {
        (self.grid.start - self.grid.end).abs()
    }

    /// The unperturbed step with the given forced displacements.
    ///
    /// # Errors
    /// Whatever [`Step::new`] refuses.
    pub fn step(&self, forcing: Vec<ModelError>) -> Result<Step> {
        Step::new(self.drift.clone(), self.grid, self.method, forcing)
    }

    /// The step of the twin perturbed by `error`.
    ///
    /// # Errors
    /// Whatever [`Step::new`] refuses.
    pub fn perturbed_step(&self, error: ModelError) -> Result<Step> {
        let drift = Drift { error: Some(error), ..self.drift.clone() };
        Step::new(drift, self.grid, self.method, Vec::new())
    }
}
