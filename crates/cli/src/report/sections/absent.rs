//! What was not computed, and why.

use crate::report::page::section;
use maud::{Markup, html};
use surefoot::analysis::Summary;

/// The section; absent where everything was computed.
pub fn draw(summary: &Summary) -> Markup {
    if summary.not_computed.is_empty() {
        return html! {};
    }
    section("not-computed", "Not computed", list(summary))
}

/// The list alone.
pub fn list(summary: &Summary) -> Markup {
    html! { ul { @for absent in &summary.not_computed { li { (absent.sentence()) } } } }
}
