//! Time and class as one vector.

use crate::error::{Error, Result};
use surefoot_graph::build::{Activation, Builder, Start, Value};

/// Ratio of the highest to the lowest frequency (Vaswani et al. 2017).
const SPREAD: f64 = 1e4;

/// F angular frequencies from `highest` down to `highest`/10⁴, equally spaced in their logarithms.
fn frequencies(count: usize, highest: f64) -> Result<Vec<f64>> {
    if count == 0 || count > 1 << 16 || !(highest.is_finite() && highest > 0.0) {
        return Err(Error::invalid(
            "network: embedding of time",
            "1 to 65536 frequencies below a positive highest one",
            format!("{count} frequencies below {highest}"),
            "Set `frequencies` and `highest`",
        ));
    }
    let last = count.saturating_sub(1).max(1) as f64;
    Ok((0..count).map(|i| highest * SPREAD.powf(-(i as f64) / last)).collect())
}

/// What an embedding of time is made of.
pub(super) struct TimeFeatures {
    /// Pairs of sine and cosine.
    pub frequencies: usize,
    /// The highest angular frequency.
    pub highest: f64,
    /// Length of the embedding.
    pub width: usize,
}

/// Sines and cosines of the time through two linear layers with a SiLU between: `[1, width]`.
pub(super) fn time(b: &mut Builder, t: Value, features: &TimeFeatures) -> Result<Value> {
    let waves = b.fourier("time", t, &frequencies(features.frequencies, features.highest)?)?;
    let hidden = b.linear("time.0", waves, features.width)?;
    let hidden = b.activate("time.1", hidden, Activation::Silu)?;
    Ok(b.linear("time.2", hidden, features.width)?)
}

/// The row of the class in a table of the classes and of no class, from normal numbers: `[1, width]`.
pub(super) fn class(b: &mut Builder, classes: usize, width: usize, deviation: f64) -> Result<Value> {
    if classes == 0 || classes > 1 << 20 {
        return Err(Error::invalid(
            "network: classes",
            "1 to 1048576 classes",
            classes.to_string(),
            "Leave `classes` out for a network without classes",
        ));
    }
    let label = b.label()?;
    Ok(b.embedding("classes", label, [classes + 1, width], &Start::Normal(deviation))?)
}

/// Time and, where there are classes, class, added up: `[1, width]`.
pub(super) fn condition(
    b: &mut Builder,
    features: &TimeFeatures,
    classes: Option<usize>,
    deviation: f64,
) -> Result<Value> {
    let t = b.time()?;
    let time = time(b, t, features)?;
    let Some(classes) = classes else { return Ok(time) };
    let class = class(b, classes, features.width, deviation)?;
    Ok(b.add("condition", time, class)?)
}
