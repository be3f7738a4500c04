//! Whether a training can go on by a recipe: the one it had, or that with more updates.

use super::{first_difference, read_table};
use crate::failure::{Failure, Result};
use std::path::Path;
use toml::Value;
use toml::value::Table;

/// Settings of `[training]` that do not touch the weights.
const FREE: [&str; 3] = ["checkpoint", "validate", "look"];
/// Settings of `[training]` that a longer training may have otherwise.
const AS_LONG: [&str; 2] = ["updates", "keep"];
/// What every recipe has.
const PARTS: [&str; 5] = ["network", "objective", "process", "sampler", "training"];
/// The only key that names a folder.
const IMAGES: &str = "data.images";

/// How a recipe relates to that of an earlier training.
#[derive(Debug, PartialEq, Eq)]
pub enum Fit {
    /// The same.
    Same,
    /// The same with more updates, or with checkpoints, validations and looks at other updates.
    Changed,
}

/// How `recipe` relates to that of the earlier training, in the file `path`.
///
/// # Errors
/// Another recipe, fewer updates, or more of a training whose learning rate or kept models depend on their number.
pub fn fit(path: &Path, recipe: &Table) -> Result<Fit> {
    let (earlier, asked) = (read_table(path)?, Value::Table(recipe.clone()));
    let refuse = |key: &str, expected: String, got: String, remedy: &str| {
        Err(Failure::Value {
            place: path.display().to_string(),
            what: format!("cannot resume: {key}"),
            expected,
            got,
            remedy: remedy.into(),
        })
    };
    if let Some(lost) = PARTS.iter().find(|part| asked.get(part).is_some() && earlier.get(part).is_none()) {
        return Err(Failure::Value {
            place: path.display().to_string(),
            what: "recipe of the earlier training".into(),
            expected: "the whole of what surefoot wrote".into(),
            got: format!("a file without [{lost}], which is damaged"),
            remedy: "Give the earlier file back, or train anew with --overwrite".into(),
        });
    }
    let [end, updates] = [&earlier, &asked].map(|recipe| updates(recipe).unwrap_or_default());
    if updates < end {
        let remedy = "Ask for as many or more, or train with --overwrite or with another -o";
        let expected = format!("at least {end}, those of the earlier training");
        return refuse("training.updates", expected, updates.to_string(), remedy);
    }
    let mut rest = asked.clone();
    FREE.iter().for_each(|key| copy_setting(&earlier, &mut rest, key));
    if updates > end {
        AS_LONG.iter().for_each(|key| copy_setting(&earlier, &mut rest, key));
    }
    if let Some((key, before, now)) = first_difference("", &earlier, &rest) {
        if let Some(file) = key.strip_prefix("sha256.") {
            let kind = if file == IMAGES { "folder of images" } else { "file" };
            let remedy =
                format!("Give the earlier {kind} back, or train with --overwrite or with another -o");
            let expected = format!("the {kind} that the earlier training read (SHA-256 {before})");
            return refuse(file, expected, format!("a {kind} that has changed since ({now})"), &remedy);
        }
        let remedy = "Repeat the earlier recipe, or train with --overwrite or with another -o";
        return refuse(&key, format!("{before}, as in the earlier training"), now, remedy);
    }
    if updates == end {
        return Ok(if earlier == asked { Fit::Same } else { Fit::Changed });
    }
    if in_training(&asked, "decay").and_then(Value::as_str) != Some("constant") {
        let expected = format!("{end}: the learning rate falls to 0 along a cosine that ends there");
        let remedy =
            "Train anew with --overwrite, or start from the trained network: [network] kind = \"onnx\"";
        return refuse("training.updates", expected, updates.to_string(), remedy);
    }
    match late(in_training(&earlier, "keep"), in_training(&asked, "keep"), end) {
        None => Ok(Fit::Changed),
        Some(number) => {
            let expected = format!("numbers of updates beyond {end}, or some of those kept before");
            refuse("training.keep", expected, number.to_string(), "Change `keep`, or train with --overwrite")
        }
    }
}

fn in_training<'r>(recipe: &'r Value, key: &str) -> Option<&'r Value> {
    recipe.get("training")?.get(key)
}

fn updates(recipe: &Value) -> Option<i64> {
    in_training(recipe, "updates")?.as_integer()
}

/// Gives a setting of `[training]` the value that it has in another recipe.
fn copy_setting(from: &Value, to: &mut Value, key: &str) {
    let Some(training) = to.get_mut("training").and_then(Value::as_table_mut) else { return };
    match in_training(from, key) {
        Some(value) => training.insert(key.into(), value.clone()),
        None => training.remove(key),
    };
}

/// The first number of updates up to `end` at which a model is to be kept now and was not before.
fn late(before: Option<&Value>, now: Option<&Value>, end: i64) -> Option<i64> {
    let numbers = |keep: Option<&Value>| -> Vec<i64> {
        let list = keep.and_then(Value::as_array).into_iter().flatten();
        list.filter_map(Value::as_integer).collect()
    };
    let before = numbers(before);
    numbers(now).into_iter().find(|number| *number <= end && !before.contains(number))
}
