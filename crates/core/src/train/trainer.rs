//! The training loop, one update at a time. Everything that an update depends on is in its [`State`] and its number.

use super::data::TrainingSet;
use super::descent::Descent;
use super::optimiser::{LONGEST, Optimiser, global_norm};
use super::robust::{BudgetWeighting, TimeWeights};
use super::task::{Batch, Family, Task};
use crate::error::{Error, Result};
use crate::process::Drift;
use serde::{Deserialize, Serialize};
use surefoot_graph::Graph;

/// What changes while a network is trained. Written down and read back, it continues with the same bits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// Updates done.
    pub updates: u64,
    /// All weights.
    pub weights: Vec<f32>,
    /// How they move.
    pub optimiser: Optimiser,
    /// What the loss weighs over time, as it was measured last.
    pub time_weights: TimeWeights,
}

/// What an update did.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Update {
    /// Mean loss of the batch before the update, with weights over time and penalty.
    pub loss: f64,
    /// 2-norm of its gradient, before clipping.
    pub gradient: f64,
    /// Learning rate.
    pub rate: f64,
    /// What the batch's entropic coupling lacks of the data's marginal; 0 for other couplings.
    pub defect: f64,
}

/// A mean loss with its standard error.
pub type Loss = crate::response::Estimate;

/// A network in training.
pub struct Trainer {
    task: Task,
    budget: Option<BudgetWeighting>,
    descent: Descent,
    state: State,
    gradient: Vec<f32>,
}

impl Trainer {
    /// At the start, or where an earlier training stopped.
    ///
    /// # Errors
    /// A network that cannot be trained, a task that does not fit it, a state of another network.
    pub fn new(task: Task, network: &Graph, optimiser: impl FnOnce(&[f32]) -> Optimiser) -> Result<Trainer> {
        let descent = match &task.cross {
            None => Descent::new(network)?,
            Some(penalty) => Descent::penalised(network, penalty.tangents())?,
        };
        let weights = descent.weights();
        let optimiser = optimiser(&weights);
        let gradient = vec![0.0; weights.len()];
        let state = State { updates: 0, weights, optimiser, time_weights: TimeWeights::default() };
        let trainer = Trainer { task, budget: None, descent, state, gradient };
        trainer.check()?;
        Ok(trainer)
    }

    /// The same with a loss that is weighted over time by the network's own gain budget.
    ///
    /// # Errors
    /// Settings that do not fit the task.
    pub fn with_budget(mut self, budget: BudgetWeighting) -> Result<Trainer> {
        budget.check(&self.task, &self.network()?)?;
        self.budget = Some(budget);
        Ok(self)
    }

    /// Goes on from a state.
    ///
    /// # Errors
    /// A state of another network.
    pub fn resume(&mut self, state: State) -> Result<()> {
        let before = std::mem::replace(&mut self.state, state);
        let checked = self.check();
        if checked.is_err() {
            self.state = before;
        }
        checked
    }

    fn check(&self) -> Result<()> {
        let Task { objective, times, source, data, batch, .. } = &self.task;
        objective.check(times)?;
        let (dim, drawn) = (self.descent.dim(), data.dim());
        let invalid = |expected: String, got: String, remedy: &str| {
            Err(Error::invalid("setting up the training", expected, got, remedy))
        };
        if drawn != dim {
            return invalid(
                format!("data of {dim} numbers a sample"),
                drawn.to_string(),
                "Fit the network to the data",
            );
        }
        if objective.needs().source && source.dim() != dim {
            let got = source.dim().to_string();
            return invalid(format!("a source of {dim} numbers a sample"), got, "Choose another source");
        }
        if let Some(penalty) = &self.task.cross {
            penalty.check(dim)?;
        }
        if *batch == 0 {
            return invalid("at least one pair a batch".into(), "0".into(), "Choose a batch");
        }
        if self.state.weights.len() != self.descent.count() {
            let (expected, got) = (self.descent.count(), self.state.weights.len());
            return invalid(
                format!("{expected} weights"),
                got.to_string(),
                "Go on with the recipe of the checkpoint",
            );
        }
        let parts = self.budget.as_ref().map_or(0, |budget| budget.grid.steps);
        let factors = &self.state.time_weights.factors;
        if !factors.is_empty()
            && (factors.len() != parts || factors.iter().any(|w| !w.is_finite() || *w < 0.0))
        {
            let got = format!("{} of them", factors.len());
            return invalid(
                format!("no weights over time, or {parts} numbers ≥ 0"),
                got,
                "Go on with the recipe of the checkpoint",
            );
        }
        self.state.optimiser.check(self.descent.count())
    }

    /// What changes.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Loss and gradient.
    pub fn descent(&self) -> &Descent {
        &self.descent
    }

    /// How the loss is weighted over time, where it is.
    pub fn budget(&self) -> Option<&BudgetWeighting> {
        self.budget.as_ref()
    }

    /// The task.
    pub fn task(&self) -> &Task {
        &self.task
    }

    /// One update of all weights.
    ///
    /// # Errors
    /// [`Error::Diverged`] when loss or gradient are not finite or the gradient is longer than 1e18, and
    /// [`Error::NonFinite`] when the paths on which the gain budget is measured are not; the weights are then those before
    /// the update. [`Error::Diverged`] also when the update itself leaves weights that are not finite.
    pub fn update(&mut self) -> Result<Update> {
        let number = self.state.updates;
        let batch = self.batch(number)?;
        let losses = self.descent.gradient(&self.state.weights, &batch, &mut self.gradient)?;
        let loss = mean(&losses);
        let broken = self.gradient.iter().find(|g| !g.is_finite()).map(|g| f64::from(*g));
        if let Some(value) = (!loss.is_finite()).then_some(loss).or(broken) {
            let quantity = if loss.is_finite() { "non-finite gradient" } else { "non-finite training loss" };
            return Err(Error::Diverged { quantity, update: number, value });
        }
        let step = self.state.optimiser.step(&mut self.state.weights, &self.gradient).map_err(|error| {
            let value = global_norm(&self.gradient);
            let quantity = "gradient too long for single precision";
            if value < LONGEST { error } else { Error::Diverged { quantity, update: number, value } }
        })?;
        if let Some(weight) = self.state.weights.iter().find(|w| !w.is_finite()) {
            let (quantity, value) = ("non-finite weight", f64::from(*weight));
            return Err(Error::Diverged { quantity, update: number, value });
        }
        self.state.updates += 1;
        Ok(Update { loss, gradient: step.norm, rate: step.rate, defect: batch.defect })
    }

    /// The pairs of an update; before, the weights over time are measured where that is due.
    fn batch(&mut self, number: u64) -> Result<Batch> {
        let mut batch = self.task.batch(Family::Training, number)?;
        if let Some(budget) = &self.budget {
            if budget.is_due(number) {
                let network = self.network()?;
                self.state.time_weights = budget.measure(&network, &self.task, number / budget.every)?;
            }
            budget.apply(&self.state.time_weights, &mut batch);
        }
        Ok(batch)
    }

    /// The weights that are kept: their moving average, where there is one.
    pub fn kept(&self) -> &[f32] {
        self.state.optimiser.average.as_ref().map_or(&self.state.weights, |average| &average.weights)
    }

    /// The network with the weights that are kept.
    ///
    /// # Errors
    /// Never for a trainer that was made.
    pub fn network(&self) -> Result<Graph> {
        self.descent.network(self.kept())
    }

    /// The drift of that network.
    ///
    /// # Errors
    /// Never for a trainer that was made.
    pub fn drift(&self) -> Result<Drift> {
        self.task.drift(&self.network()?)
    }

    /// Loss of the kept weights on `pairs` pairs (at least) of other data, always the same ones; that of the objective
    /// alone, without weights over time or penalty.
    ///
    /// # Errors
    /// Data of another dimension.
    pub fn validate(&self, data: &TrainingSet, pairs: usize) -> Result<Loss> {
        let task = Task { data: data.clone(), cross: None, ..self.task.clone() };
        let mut losses = Vec::new();
        for number in 0..pairs.div_ceil(task.batch) {
            let batch = task.batch(Family::Validation, number as u64)?;
            losses.extend(self.descent.losses(self.kept(), &batch)?.into_iter().map(f64::from));
        }
        Ok(Loss::of(losses.into_iter()))
    }
}

fn mean(losses: &[f32]) -> f64 {
    losses.iter().map(|&loss| f64::from(loss)).sum::<f64>() / losses.len() as f64
}
