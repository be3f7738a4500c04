//! The gap rule: the dimension of the directions into which a generation does not contract.

use super::answers::{Clarity, Ensemble, Standing};
use super::spread::NoiseFloor;
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use std::f64::consts::LN_2;

/// Where a gap is looked for, and when it counts as one.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct GapRule {
    /// Smallest dimension that may be answered, ≥ 1.
    pub first: usize,
    /// Largest, at most k − 1.
    pub last: usize,
    /// When the largest drop is clear; sizes are in nats.
    pub clarity: Clarity,
    /// The noise at both ends, where it is known: a drop below it is none ([`Standing::BelowNoise`]).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub floor: Option<NoiseFloor>,
    /// Seed of the interval.
    pub seed: u64,
}

impl GapRule {
    /// All dimensions that the k leading singular values can tell, 1 to k − 1; a drop is clear that is a factor of two
    /// between singular values at least, and twice every other drop. Nothing is known of the noise.
    pub fn of(known: usize) -> GapRule {
        let clarity = Clarity { factor: 2.0, least: LN_2 };
        GapRule { first: 1, last: known.saturating_sub(1), clarity, floor: None, seed: 0 }
    }
}

/// What the gap rule found: per point argmax_i (log σ_i − log σ_{i+1}), and the same of the mean curve. Sizes are in nats.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GapDimension {
    /// The estimate, every point's answer, and the curve behind them.
    pub ensemble: Ensemble,
    /// k: singular values that were known. No answer above k − 1 was possible.
    pub known: usize,
    /// D.
    pub ambient: usize,
    /// Where the gap was looked for, and what counts as one.
    pub rule: GapRule,
    /// The estimate is the last dimension that was looked at, and there are higher ones: a larger drop may lie beyond.
    pub at_end: bool,
}

/// The dimension by the largest drop of the log singular values of J = A_{0,τ}: `log_values[n, k]` in nats, descending, as
/// [`crate::spectrum::svd()`] and [`crate::spectrum::leading`] give them, in dimension D.
///
/// The scale is that of the noise at the end of the generation: directions in which the data are thinner than that count
/// as contracted. Where the rule knows that noise, a drop among them is [`Standing::BelowNoise`].
///
/// # Errors
/// [`Error::Invalid`] for fewer than two singular values, more than D, numbers that are not finite or not descending, or a
/// rule that asks for dimensions outside 1 ..= k − 1.
pub fn gap(log_values: &[f64], dim: usize, known: usize, rule: GapRule) -> Result<GapDimension> {
    check(log_values, dim, known, rule)?;
    let dimensions: Vec<usize> = (rule.first..=rule.last).collect();
    let drops: Vec<f64> = log_values
        .chunks_exact(known)
        .flat_map(|values| dimensions.iter().map(|&i| values[i - 1] - values[i]))
        .collect();
    let mut ensemble = Ensemble::of(&dimensions, &drops, rule.clarity, rule.seed);
    let found = &mut ensemble.gap;
    let below = |floor: NoiseFloor| floor.hides(log_values, known, dim, found.dimension);
    if found.standing != Standing::Forced && rule.floor.is_some_and(below) {
        found.standing = Standing::BelowNoise;
    }
    let at_end = ensemble.gap.dimension == rule.last && rule.last + 1 < dim;
    Ok(GapDimension { ensemble, known, ambient: dim, rule, at_end })
}

fn check(log_values: &[f64], dim: usize, known: usize, rule: GapRule) -> Result<()> {
    let operation = "dimension by the gap rule";
    let wrong = |expected: String, got: String, remedy| Err(Error::invalid(operation, expected, got, remedy));
    if known < 2 || known > dim {
        let expected = format!("two singular values or more, at most D = {dim}");
        return wrong(
            expected,
            known.to_string(),
            "A gap lies between two of them: follow more vectors (-k)",
        );
    }
    if log_values.is_empty() || !log_values.len().is_multiple_of(known) {
        let got = format!("{} numbers", log_values.len());
        return wrong(
            format!("{known} singular values a point, and a point"),
            got,
            "Give all of every point",
        );
    }
    if rule.first == 0 || rule.first > rule.last || rule.last >= known {
        let expected = format!("dimensions within 1 to {}, the first not above the last", known - 1);
        return wrong(
            expected,
            format!("{} to {}", rule.first, rule.last),
            "Change where a gap is looked for",
        );
    }
    rule.clarity.check(operation)?;
    for (point, values) in log_values.chunks_exact(known).enumerate() {
        if !values.iter().all(|value| value.is_finite()) || values.windows(2).any(|pair| pair[0] < pair[1]) {
            return wrong(
                "finite log singular values, descending".into(),
                format!("others at point {point}"),
                "Take those of an svd: growths by QR are no singular values",
            );
        }
    }
    Ok(())
}
