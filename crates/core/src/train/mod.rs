//! Training: what a network is asked to learn and from which pairs, how its weights move, the loop, and how far what it
//! generates is from the data.
//!
//! Random numbers come from streams of (seed, step, purpose): every step can be repeated from these alone.

pub mod coupling;
mod data;
mod descent;
pub mod distance;
pub mod networks;
pub mod objective;
pub mod optimiser;
pub mod order;
mod robust;
mod score_error;
mod straightness;
mod task;
mod trainer;

pub use data::{Draw, Rows, TrainingSet};
pub use descent::{Descent, Span};
pub use robust::{BudgetWeighting, CrossPenalty, Crossing, TimeWeights};
pub use score_error::{RelativeError, ScoreError, ScoreErrors, ScoreProbe};
pub use straightness::{Straightness, bends};
pub use task::{Batch, Classes, Family, Task};
pub use trainer::{Loss, State, Trainer, Update};
