//! Training for robustness: the loss weighted over time by what an error of the model costs off the support,
//! and a penalty on what turns displacements along the support into ones off it.

mod budget;
mod cross;
mod time_weights;

pub use budget::BudgetWeighting;
pub use cross::{CrossPenalty, Crossing};
pub use time_weights::TimeWeights;
