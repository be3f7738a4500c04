//! Checks that constructors share.

use crate::error::{Error, Result};

/// A finite number above 0.
pub(super) fn positive(support: &str, name: &str, value: f64) -> Result<()> {
    if value.is_finite() && value > 0.0 {
        return Ok(());
    }
    Err(Error::invalid(
        format!("support {support}, {name}"),
        "a finite number above 0",
        value.to_string(),
        format!("Set {name} to a positive number"),
    ))
}

/// Finite numbers only.
pub(super) fn finite(support: &str, name: &str, values: &[f64]) -> Result<()> {
    match values.iter().position(|value| !value.is_finite()) {
        None => Ok(()),
        Some(place) => Err(Error::invalid(
            format!("support {support}, {name}"),
            "finite numbers",
            format!("{} at place {place}", values[place]),
            format!("Mend {name}"),
        )),
    }
}

/// Number of points of an outline, kept within reason.
pub(super) fn outline_count(count: usize) -> usize {
    count.clamp(2, 100_000)
}
