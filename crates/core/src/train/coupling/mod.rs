//! Couplings: which data point of a batch goes with which source.
//!
//! Tong et al. (2024) replace the optimal transport between source and data by that between the batches. TorchCFM
//! 1.0.7 draws n pairs with replacement from the batch's plan. The exact plan of two uniform samples is a permutation
//! (Birkhoff): here every pair of it is used once, the stratified form of the same draw, with the same law of a pair.

mod assignment;
mod cost;
mod entropic;
mod scan;

pub use assignment::Assignment;
pub use cost::Costs;
pub use entropic::{Entropic, Plan};

use crate::error::Result;
use crate::random::{Purpose, stream};

/// How the rows of a batch of sources and of a batch of data are paired.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Coupling {
    /// As they were drawn: independent draws stay independent, given pairs (reflow, Liu et al. 2023) stay pairs.
    AsDrawn,
    /// Optimal transport of the batches for the squared distance.
    Exact,
    /// Entropic transport of the batches for the squared distance; pairs are drawn from the plan.
    Entropic(Entropic),
}

/// The pairs of one batch.
#[derive(Debug, Clone, PartialEq)]
pub struct Pairing {
    /// The row of the data for every row of the sources.
    pub partner: Vec<usize>,
    /// What an entropic plan lacks of the data's marginal (see [`Plan::defect`]); 0 otherwise.
    pub defect: f64,
}

impl Coupling {
    /// Pairs `source[n, dim]` with `data[n, dim]`, n up to a few thousand; reproducible from (seed, step).
    ///
    /// # Errors
    /// [`crate::Error::Invalid`] for samples of different sizes or with non-finite distances, or for bad settings of the
    /// entropic plan.
    pub fn pairs(&self, dim: usize, source: &[f64], data: &[f64], seed: u64, step: u64) -> Result<Pairing> {
        let costs = || Costs::squared_distances(dim, source, data);
        Ok(match *self {
            Coupling::AsDrawn => Pairing { partner: (0..data.len() / dim.max(1)).collect(), defect: 0.0 },
            Coupling::Exact => Pairing { partner: Assignment::solve(&costs()?).partner, defect: 0.0 },
            Coupling::Entropic(settings) => {
                let plan = Plan::solve(&costs()?, settings)?;
                let partner = plan.sample(&mut stream(seed, step, Purpose::TrainPlan));
                Pairing { partner, defect: plan.defect }
            }
        })
    }
}
