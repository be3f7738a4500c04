//! From finished columns to the summary.

use super::columns::ColumnSource;
use super::request::Request;
use super::summary::{Provenance, Summary};
use super::system::System;
use crate::error::Result;

/// Makes the summary of a finished run; `provenance` is filled in by the caller.
///
/// # Errors
/// Unreadable columns.
pub fn summarise(
    _system: &System,
    _request: &Request,
    _norms: &[f64],
    _columns: &dyn ColumnSource,
    _provenance: Provenance,
) -> Result<Summary> {
    todo!()
}
