//! The sufficient condition on the leading paths of a run (theory §9).

mod columns;
mod summary;

pub(super) use columns::{condition_columns, put_condition};
pub(super) use summary::summarise_condition;
pub use summary::{ClauseShare, ConditionStep, ConditionSummary, Remark45};

use super::system::System;
use crate::error::Result;

/// Largest d for which curvatures are computed: they take d (d + 1)/2 second derivatives a step.
pub(super) const MOST_DIRECTIONS: usize = 16;

/// Whether the model's field has exact second derivatives, asked at one point.
///
/// # Errors
/// What the field says if it has none.
pub fn check_second_order(system: &System) -> Result<()> {
    let dim = system.dim();
    let (x, mut y) = (vec![0.0; dim], vec![0.0; dim]);
    let direction: Vec<f64> = (0..dim).map(|i| f64::from(u8::from(i == 0))).collect();
    let at = system.drift.moment(system.grid.start);
    system.drift.field.second(at, &x, &direction, &direction, &mut y, &mut vec![0.0; dim])
}
