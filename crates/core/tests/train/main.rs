//! The mathematics of training: objectives, couplings, optimiser (`references.py` makes the values of other programs).

#[path = "../common/mod.rs"]
mod common;
mod couplings;
mod marginals;
mod objectives;
mod optimisers;
mod score_errors;

use serde_json::Value;

/// References of other programs.
fn references() -> Value {
    serde_json::from_str(include_str!("references.json")).expect("references.json")
}

/// All numbers of a nested list, row after row.
fn numbers(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(list) => list.iter().flat_map(numbers).collect(),
        other => vec![other.as_f64().expect("a number")],
    }
}

/// Standard normal numbers.
fn normal(seed: u64, count: usize) -> Vec<f64> {
    let mut out = vec![0.0; count];
    let mut rng = surefoot::random::stream(seed, 0, surefoot::random::Purpose::Source);
    surefoot::random::standard_normal(&mut rng, &mut out);
    out
}

/// f′(u) by central differences of eighth order.
fn slope(f: impl Fn(f64) -> f64, u: f64, h: f64) -> f64 {
    let weights = [4.0 / 5.0, -1.0 / 5.0, 4.0 / 105.0, -1.0 / 280.0];
    let pairs = weights.iter().zip(1..).map(|(w, k)| (w, h * f64::from(k)));
    pairs.map(|(w, step)| w * (f(u + step) - f(u - step))).sum::<f64>() / h
}

fn close(found: f64, expected: f64, tolerance: f64) -> bool {
    (found - expected).abs() <= tolerance * (1.0 + expected.abs())
}
