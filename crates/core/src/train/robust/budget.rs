//! The normal-gain budget of the network in training, and the weights that follow from it.

use super::time_weights::{TimeWeights, shares};
use crate::error::{Error, Result};
use crate::error_field::Place;
use crate::gains::{Measure, gains};
use crate::process::Grid;
use crate::sampler::{Method, Step};
use crate::support::SharedSupport;
use crate::sweep::{Batch, Refinement, Storage, Trail};
use crate::train::task::{self, Task};
use rayon::prelude::*;
use std::ops::Range;
use surefoot_graph::Graph;

/// Most bytes that the states of the paths of one thread take.
const PATH_BYTES: usize = 1 << 26;
/// Paths that one thread follows together.
const TILE: usize = 32;

/// Weights the loss over time by the normal-gain budget g_N of the network in training (theory §8).
///
/// An error e of the output moves a sample off the support by at most ∫ g_N(u) ‖e(u)‖ du, to first order. With the loss
/// ℓ(u) = λ(u) E‖e(u)‖² at time u, and g the root mean square of g_N over the paths, the mean shift is at most
/// ∫ (g/√λ) √ℓ du. [`TimeWeights::least_shift`] has the weights for which the loss bounds this best; they multiply λ, and
/// do not depend on what the network predicts.
#[derive(Clone)]
pub struct BudgetWeighting {
    /// The support of the data.
    pub support: SharedSupport,
    /// The sampler's steps, whose gains are measured.
    pub grid: Grid,
    /// Its method.
    pub method: Method,
    /// Sample paths of a measurement, new ones every time.
    pub paths: usize,
    /// Updates between two measurements; the first comes after as many.
    pub every: u64,
    /// The least weight, from 0 to 1; the mean over the training times is 1.
    pub floor: f64,
}

impl BudgetWeighting {
    /// Checks the settings, and that the network can be sampled.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming the setting that does not fit.
    pub fn check(&self, task: &Task, network: &Graph) -> Result<()> {
        let invalid = |expected: &str, got: String, remedy: &str| {
            Err(Error::invalid("weighting the loss by the gain budget", expected, got, remedy))
        };
        if self.paths == 0 || self.every == 0 {
            let got = format!("{} paths every {} updates", self.paths, self.every);
            return invalid("at least one path, and one update between measurements", got, "Correct them");
        }
        if !(0.0..=1.0).contains(&self.floor) {
            return invalid("a least weight from 0 to 1", self.floor.to_string(), "Use for example 0.1");
        }
        if self.support.dim() != task.data.dim() || task.source.dim() != task.data.dim() {
            let got = format!("{} and {}", self.support.dim(), task.source.dim());
            let expected = format!("a support and a source of dimension {}", task.data.dim());
            return invalid(&expected, got, "Give the support and the source of the data's space");
        }
        self.step(task, network).map(drop)
    }

    /// The sampler of a network.
    fn step(&self, task: &Task, network: &Graph) -> Result<Step> {
        Step::new(task.drift(network)?, self.grid, self.method, Vec::new())
    }

    /// The weights for a network, from the paths of measurement `number`; the same bits for any number of threads.
    ///
    /// # Errors
    /// [`Error::NonFinite`] when a path leaves the finite numbers; whatever [`BudgetWeighting::check`] refuses.
    pub fn measure(&self, network: &Graph, task: &Task, number: u64) -> Result<TimeWeights> {
        let squares = self.squares(&self.step(task, network)?, task, number)?;
        let times = &task.times;
        let cost: Vec<f64> = (0..self.grid.steps).map(|n| self.cost(task, n, squares[n])).collect();
        Ok(TimeWeights::least_shift(&cost, &shares(&self.grid, times.low, times.high), self.floor))
    }

    /// q = g/√λ of step n from the mean square of its gain; λ in the middle of the step. Where nothing is trained, or
    /// λ = 0, no weight can help.
    fn cost(&self, task: &Task, n: usize, square: f64) -> f64 {
        let middle = 0.5 * (self.grid.time(n) + self.grid.time(n + 1));
        let weight = task.objective.recipe(middle.clamp(task.times.low, task.times.high)).weight;
        if weight > 0.0 { (square / weight).sqrt() } else { 0.0 }
    }

    /// Mean of g_N(n)² over the paths of a measurement `[τ]`, per unit pointwise size of an error of the output.
    fn squares(&self, step: &Step, task: &Task, number: u64) -> Result<Vec<f64>> {
        let first = (number as usize).saturating_mul(self.paths);
        let starts: Vec<usize> = (first..first.saturating_add(self.paths)).step_by(TILE).collect();
        let end = first.saturating_add(self.paths);
        let rates = |start: usize| self.rates(step, task, start..(start + TILE).min(end));
        let tiles = starts.into_par_iter().map(rates).collect::<Result<Vec<_>>>()?;
        let mut squares = vec![0.0; self.grid.steps];
        for rates in tiles.iter().flat_map(|tile| tile.chunks_exact(self.grid.steps)) {
            squares.iter_mut().zip(rates).for_each(|(sum, rate)| *sum += rate * rate / self.paths as f64);
        }
        Ok(squares)
    }

    /// g_N(n) of some paths `[n, τ]`.
    fn rates(&self, step: &Step, task: &Task, samples: Range<usize>) -> Result<Vec<f64>> {
        let source = task.source.as_ref();
        let batch = Batch { source, seed: task.seed, samples, refinement: Refinement::Own };
        let mut trail = Trail::record(step, &batch, Storage::Bytes(PATH_BYTES))?;
        let feet = self.support.project_batch(trail.end());
        let full = self.support.intrinsic_dim() == self.support.dim();
        let measure = Measure { place: Place::Output, full, curves: feet.len(), seed: task.seed };
        Ok(gains(&mut trail, &feet, measure)?.normal_rate)
    }

    /// Multiplies the weights of a batch by those of its times.
    pub(in crate::train) fn apply(&self, weights: &TimeWeights, batch: &mut task::Batch) {
        for (weight, u) in batch.weight.iter_mut().zip(&batch.model_time) {
            *weight *= weights.at(&self.grid, *u) as f32;
        }
    }

    /// Whether the budget is measured before this update.
    pub(in crate::train) fn is_due(&self, updates: u64) -> bool {
        updates > 0 && updates.is_multiple_of(self.every)
    }
}
