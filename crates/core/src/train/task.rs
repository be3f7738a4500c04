//! What a network is trained for: the pairs of every update, from its number alone.

use super::coupling::{Coupling, Pairing};
use super::data::{Draw, TrainingSet};
use super::objective::{self, Draws, Objective, Times};
use super::robust::{CrossPenalty, Crossing};
use crate::error::{Error, Result};
use crate::field::{NetworkField, SharedField};
use crate::law::SharedLaw;
use crate::process::{Clock, Drift, Process};
use crate::random::{Purpose, standard_normal, stream};
use rand::RngExt;
use std::sync::Arc;
use surefoot_graph::{Graph, Precision, passes};

/// A task for a network.
#[derive(Clone)]
pub struct Task {
    /// What it learns.
    pub objective: Objective,
    /// At which times.
    pub times: Times,
    /// How sources and data are paired.
    pub coupling: Coupling,
    /// The process, for its clock.
    pub process: Process,
    /// The network's time.
    pub clock: Clock,
    /// Law of x_0, for objectives that need one; the data may bring sources of their own.
    pub source: SharedLaw,
    /// The data x_1, or pairs of x_0 and x_1 (reflow).
    pub data: TrainingSet,
    /// How labels enter, for a network with classes.
    pub classes: Option<Classes>,
    /// A penalty on cross derivatives.
    pub cross: Option<CrossPenalty>,
    /// Pairs an update.
    pub batch: usize,
    /// Seed of all draws.
    pub seed: u64,
}

/// The labels of a network with classes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Classes {
    /// The label that stands for no class.
    pub none: u32,
    /// Share of the pairs that are shown without their class.
    pub withheld: f64,
}

/// What a network is asked to learn at n points.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Batch {
    /// The network's input `[n, D]`.
    pub x: Vec<f32>,
    /// The network's time `[n]`.
    pub time: Vec<f32>,
    /// Model time u `[n]`; losses and gradients do not look at it.
    pub model_time: Vec<f64>,
    /// Classes `[n]`, or empty for a network without labels.
    pub labels: Vec<f32>,
    /// What it should answer `[n, D]`.
    pub target: Vec<f32>,
    /// Weight of the squared error `[n]`, divided by D: a loss is a mean over the elements.
    pub weight: Vec<f32>,
    /// What a penalty on cross derivatives asks; empty without one.
    pub crossing: Crossing,
    /// What an entropic coupling lacks of the data's marginal (see [`Plan::defect`](super::coupling::Plan::defect)); 0
    /// otherwise.
    pub defect: f64,
}

/// Which of two independent families of streams: that of the updates, or that of the validation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// Updates.
    Training,
    /// Validation.
    Validation,
}

impl Task {
    /// The pairs of one update (or of one part of the validation): a function of the task and the number alone.
    ///
    /// # Errors
    /// Samples that cannot be coupled.
    pub fn batch(&self, family: Family, number: u64) -> Result<Batch> {
        // Validation draws from the streams of another seed.
        let seed = match family {
            Family::Training => self.seed,
            Family::Validation => self.seed ^ 0x5eed_0f7a_11da_7e55,
        };
        let (n, dim, needs) = (self.batch, self.data.dim(), self.objective.needs());
        let Ends { source, data, labels, defect } = self.ends(seed, number, needs.source)?;
        let mut noise = vec![0.0; if needs.noise { n * dim } else { 0 }];
        standard_normal(&mut stream(seed, number, Purpose::TrainNoise), &mut noise);
        let times = self.times.draw(n, seed, number);
        let mut batch = Batch {
            x: vec![0.0; n * dim],
            time: times.times.iter().map(|&u| self.clock.time(&self.process, u) as f32).collect(),
            model_time: times.times.clone(),
            labels: self.labels(seed, number, &labels),
            target: vec![0.0; n * dim],
            weight: vec![0.0; n],
            crossing: Crossing::default(),
            defect,
        };
        let draws = Draws { dim, times: &times, source: &source, data: &data, noise: &noise };
        let Batch { x: state, target, weight: weights, .. } = &mut batch;
        self.objective.fill(draws, objective::Pairs { state, target, weights })?;
        batch.weight.iter_mut().for_each(|weight| *weight /= dim as f32);
        if let Some(penalty) = &self.cross {
            batch.crossing = penalty.crossing(&self.objective, &times.times, &batch.x, seed, number);
        }
        Ok(batch)
    }

    /// The drift of a network trained for this, in f32; of all classes together, where there are some.
    ///
    /// # Errors
    /// A network that does not fit the task.
    pub fn drift(&self, network: &Graph) -> Result<Drift> {
        let predicts = self.objective.predicts();
        let field: SharedField = match self.classes {
            None => Arc::new(NetworkField::new(network, Precision::F32)?),
            Some(Classes { none, .. }) => {
                let one = passes::labelled(network, f64::from(none)).map_err(|reason| {
                    Error::invalid("sampling the network in training", "a network with classes", reason, "")
                })?;
                Arc::new(NetworkField::new(&one, Precision::F32)?)
            }
        };
        Ok(Drift { field, process: self.process, predicts, clock: self.clock, error: None })
    }

    /// x_0, x_1 and labels of a batch, coupled.
    fn ends(&self, seed: u64, number: u64, sourced: bool) -> Result<Ends> {
        let dim = self.data.dim();
        let Draw { x: drawn, labels: classes, sources } = self.data.draw(seed, number, self.batch)?;
        if !sourced {
            return Ok(Ends { source: Vec::new(), data: drawn, labels: classes, defect: 0.0 });
        }
        let source = if sources.is_empty() { self.sources(seed, number) } else { sources };
        let Pairing { partner, defect } = self.coupling.pairs(dim, &source, &drawn, seed, number)?;
        let data = partner.iter().flat_map(|&j| &drawn[j * dim..][..dim]).copied().collect();
        let labels = if classes.is_empty() { classes } else { partner.iter().map(|&j| classes[j]).collect() };
        Ok(Ends { source, data, labels, defect })
    }

    /// x_0 of a batch, from the law.
    fn sources(&self, seed: u64, number: u64) -> Vec<f64> {
        let dim = self.source.dim();
        let mut source = vec![0.0; self.batch * dim];
        for (i, x) in (number * self.batch as u64..).zip(source.chunks_exact_mut(dim)) {
            self.source.sample(&mut stream(seed, i, Purpose::TrainSource), x);
        }
        source
    }

    /// The labels as the network takes them, some of them withheld.
    fn labels(&self, seed: u64, number: u64, classes: &[u32]) -> Vec<f32> {
        let Some(Classes { none, withheld }) = self.classes else { return Vec::new() };
        let mut rng = stream(seed, number, Purpose::TrainLabel);
        let mut shown = |class: u32| if rng.random::<f64>() < withheld { none } else { class };
        (0..self.batch).map(|i| shown(classes.get(i).copied().unwrap_or(none)) as f32).collect()
    }
}

/// Both ends of the paths of a batch.
struct Ends {
    source: Vec<f64>,
    data: Vec<f64>,
    labels: Vec<u32>,
    defect: f64,
}
