//! Which analyses are asked for, one pass over a chunk of samples, merge of chunks into a summary.
//!
//! The way of a run: [`layout`] says which columns there will be; [`error_scales`] brings every error field to
//! ∞-norm 1 on the sampled paths; [`chunk`] computes all columns of a range of samples; [`summarise`] reads the
//! finished columns back and makes the [`Summary`]. Files are somebody else's business.

mod absent;
mod axis;
mod chunk;
mod classify;
mod columns;
mod condition;
mod convergence;
mod dimension;
mod exact;
mod extent;
mod gains;
mod learning;
mod memory;
mod moved;
mod observe;
mod request;
mod response;
mod study;
mod summarise;
mod summary;
mod system;
mod verdict;

pub use absent::NotComputed;
pub use axis::{Axis, Chunk, ColumnSource, ColumnSpec};
pub use chunk::{Progress, chunk, error_scales};
pub use classify::{Classified, ClassifierSummary, ClassifierUnderError, Share, classifier_layout, classify};
pub use columns::layout;
pub use condition::{ClauseShare, ConditionStep, ConditionSummary, Remark45, check_second_order};
pub use dimension::{Baselines, DimensionSummary};
pub use gains::{Attained, BudgetStep, GainsSummary, HalfOfGain};
pub use learning::{ErrorStep, Explained, LearningError, OffSupport, Shift};
pub use memory::largest_chunk;
pub use moved::MovedSummary;
pub use request::{ErrorKind, ErrorRequest, Request, SearchRequest};
pub use response::{
    Answer, DensityFormula, LikelihoodSummary, ProbeErrors, RESPONSE_UP_TO, ResponseSummary, check_probes,
};
pub use summarise::summarise;
pub use summary::*;
pub use system::{ScoreOrigin, System, TargetScore};
pub use verdict::{OFF_SHARE, size_words};
