//! Several models on the same seeds: one table, overlaid figures, paired differences.

use super::PairedRow;
use super::sections::Context;
use maud::{Markup, html};
use surefoot::Error;

/// Content of the comparison.
///
/// # Errors
/// Unreadable columns.
pub fn draw(_contexts: &[Context], _paired: &[PairedRow]) -> Result<Markup, Error> {
    Ok(html! {})
}
