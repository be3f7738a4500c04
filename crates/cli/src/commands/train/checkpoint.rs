//! Where a training stands, as a `.npz` file: all weights, the optimiser's moments, and what was measured so far.

use super::history::History;
use crate::data_file::{Array, Numbers, npz, write_npz};
use crate::failure::{Failure, Result};
use crate::report::Weights;
use std::path::Path;
use surefoot::train::State;

/// The weights of the loss over time; there is no such array before they are measured.
const TIME_WEIGHTS: &str = "time_weights";

/// The weights over time as they were measured, each after its number of updates; there is no such array before.
const MEASUREMENTS: &str = "measurements";

/// The largest defect of an entropic coupling; there is no such array for other couplings.
const DEFECT: &str = "defect";

/// Writes state and history.
///
/// # Errors
/// When the system refuses.
pub fn save(path: &Path, state: &State, history: &History) -> Result<()> {
    let adam = &state.optimiser.adam;
    let average = state.optimiser.average.as_ref();
    let counts = [state.updates, adam.steps, average.map_or(0, |a| a.updates)].map(|count| count as f64);
    let count = vec![state.weights.len()];
    let validations: Vec<f64> = history.validations.iter().flatten().copied().collect();
    let mut arrays = vec![
        ("counts", vec![3], Numbers::F64(&counts)),
        ("weights", count.clone(), Numbers::F32(&state.weights)),
        ("first", count.clone(), Numbers::F32(&adam.first)),
        ("second", count.clone(), Numbers::F32(&adam.second)),
        ("losses", vec![history.losses.len()], Numbers::F32(&history.losses)),
        ("validations", vec![history.validations.len(), 3], Numbers::F64(&validations)),
        ("seconds", vec![1], Numbers::F64(std::slice::from_ref(&history.seconds))),
    ];
    if let Some(average) = average {
        arrays.push(("average", count, Numbers::F32(&average.weights)));
    }
    let factors = &state.time_weights.factors;
    if !factors.is_empty() {
        arrays.push((TIME_WEIGHTS, vec![factors.len()], Numbers::F64(factors)));
    }
    let measured: Vec<f64> = history
        .measurements
        .iter()
        .flat_map(|row| std::iter::once(row.update as f64).chain(row.weights.iter().copied()))
        .collect();
    if let Some(first) = history.measurements.first() {
        let shape = vec![history.measurements.len(), 1 + first.weights.len()];
        arrays.push((MEASUREMENTS, shape, Numbers::F64(&measured)));
    }
    if history.defect > 0.0 {
        arrays.push((DEFECT, vec![1], Numbers::F64(std::slice::from_ref(&history.defect))));
    }
    write_npz(path, &arrays)
}

/// What can be done about a damaged checkpoint.
const ANEW: &str = "Train anew with --overwrite";

/// Reads them back into a state of the same recipe.
///
/// # Errors
/// A damaged file, or one of another network.
pub fn load(path: &Path, mut state: State) -> Result<(State, History)> {
    let mut arrays = npz(path).map_err(|failure| match failure {
        Failure::Value { place, expected, got, .. } => {
            let what = "checkpoint".into();
            Failure::Value { place, what, expected, got, remedy: ANEW.into() }
        }
        other => other,
    })?;
    let [weighted, measured, entropic] =
        [TIME_WEIGHTS, MEASUREMENTS, DEFECT].map(|array| arrays.iter().any(|(name, _)| name == array));
    let mut take = |name: &str, length: Option<usize>| -> Result<Vec<f64>> {
        let found =
            arrays.iter().position(|(other, _)| other == name).map(|index| arrays.swap_remove(index).1);
        let Array { values, shape, .. } =
            found.ok_or_else(|| wrong(path, name, "an array", "none".into()))?;
        match length {
            Some(length) if length != values.len() => {
                Err(wrong(path, name, &format!("{length} numbers"), format!("an array of shape {shape:?}")))
            }
            _ => Ok(values),
        }
    };
    let count = Some(state.weights.len());
    let mut single = |name: &str| -> Result<Vec<f32>> {
        Ok(take(name, count)?.into_iter().map(|value| value as f32).collect())
    };
    state.weights = single("weights")?;
    state.optimiser.adam.first = single("first")?;
    state.optimiser.adam.second = single("second")?;
    if let Some(average) = &mut state.optimiser.average {
        average.weights = single("average")?;
    }
    let counts = take("counts", Some(3))?;
    state.updates = counts[0] as u64;
    state.optimiser.adam.steps = counts[1] as u64;
    if let Some(average) = &mut state.optimiser.average {
        average.updates = counts[2] as u64;
    }
    state.time_weights.factors = if weighted { take(TIME_WEIGHTS, None)? } else { Vec::new() };
    let measured = if measured { take(MEASUREMENTS, None)? } else { Vec::new() };
    let measurement = |row: &[f64]| Weights { update: row[0] as u64, weights: row[1..].to_vec() };
    let losses = take("losses", Some(state.updates as usize))?;
    let history = History {
        losses: losses.into_iter().map(|loss| loss as f32).collect(),
        validations: take("validations", None)?.chunks_exact(3).map(|row| [row[0], row[1], row[2]]).collect(),
        measurements: measured.chunks_exact(1 + state.time_weights.factors.len()).map(measurement).collect(),
        seconds: take("seconds", Some(1))?[0],
        defect: if entropic { take(DEFECT, Some(1))?[0] } else { 0.0 },
    };
    Ok((state, history))
}

fn wrong(path: &Path, name: &str, expected: &str, got: String) -> Failure {
    Failure::Value {
        place: path.display().to_string(),
        what: format!("checkpoint: {name}"),
        expected: expected.into(),
        got,
        remedy: ANEW.into(),
    }
}
