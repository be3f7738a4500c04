//! Training for robustness: the loss weighted over time by what an error of the model costs off the support.

mod budget;
mod time_weights;

pub use budget::BudgetWeighting;
pub use time_weights::TimeWeights;
