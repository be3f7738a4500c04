//! Pairs of sources and data: an `.npz` file with arrays `x0` and `x1`, row by row.

use super::{Array, npz};
use crate::failure::{Failure, Result};
use std::path::Path;

/// Arrays of one shape.
pub struct Pairs {
    /// `[n, …]`
    pub x0: Array,
    /// `[n, …]`
    pub x1: Array,
}

/// Reads pairs.
///
/// # Errors
/// A malformed file, arrays that are missing, empty or of different shapes, numbers beyond f32.
pub fn pairs(path: &Path) -> Result<Pairs> {
    let mut arrays = npz(path)?;
    let mut take = |name: &str| -> Result<Array> {
        let found = arrays.iter().position(|(other, _)| other == name);
        let array = found.map(|index| arrays.swap_remove(index).1).ok_or_else(|| {
            let names: Vec<&str> = arrays.iter().map(|(name, _)| name.as_str()).collect();
            wrong(path, name, "arrays x0 and x1", format!("no {name} among {names:?}"))
        })?;
        checked(path, name, array)
    };
    let (x0, x1) = (take("x0")?, take("x1")?);
    if x0.shape != x1.shape {
        let (expected, got) = (format!("the shape of x0, {:?}", x0.shape), format!("{:?}", x1.shape));
        return Err(wrong(path, "x1", &expected, got));
    }
    Ok(Pairs { x0, x1 })
}

/// Rows of at least one number, all of them within the range of f32.
fn checked(path: &Path, name: &str, array: Array) -> Result<Array> {
    if array.shape.len() < 2 || array.values.is_empty() {
        let expected = "an array [pairs, coordinates] of at least one pair";
        return Err(wrong(path, name, expected, format!("shape {:?}", array.shape)));
    }
    match array.values.iter().position(|value| !(*value as f32).is_finite()) {
        None => Ok(array),
        Some(index) => {
            let got = format!("{} in row {}", array.values[index], index / array.row_len());
            Err(wrong(path, name, "finite numbers within the range of f32", got))
        }
    }
}

fn wrong(path: &Path, name: &str, expected: &str, got: String) -> Failure {
    Failure::Value {
        place: path.display().to_string(),
        what: format!("array {name}"),
        expected: expected.into(),
        got,
        remedy: "Make the pairs again: surefoot sample MODEL.toml -n N --pairs FILE.npz".into(),
    }
}
