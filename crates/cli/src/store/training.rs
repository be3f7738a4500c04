//! The directory of a training: the recipe first, then checkpoint, model and page, each whole or not at all.

use super::atomic::{self, write_file};
use super::{first_difference, to_toml};
use crate::failure::{Failure, Result};
use std::path::{Path, PathBuf};
use toml::value::Table;

const RECIPE: &str = "recipe.toml";
const CHECKPOINT: &str = "checkpoint.npz";

/// Settings of `[training]` that follow from the number of updates unless they are given, and do not touch the weights.
const AS_LONG: [&str; 4] = ["updates", "checkpoint", "validate", "look"];

/// How a recipe relates to that of an earlier training.
#[derive(Debug, PartialEq, Eq)]
enum Fit {
    /// The same.
    Same,
    /// The same with more updates.
    Longer,
}

fn in_training<'r>(recipe: &'r toml::Value, key: &str) -> Option<&'r toml::Value> {
    recipe.get("training")?.get(key)
}

fn updates(recipe: &toml::Value) -> Option<i64> {
    in_training(recipe, "updates")?.as_integer()
}

/// Gives a setting of `[training]` the value that it has in another recipe.
fn copy_setting(from: &toml::Value, to: &mut toml::Value, key: &str) {
    let Some(training) = to.get_mut("training").and_then(toml::Value::as_table_mut) else { return };
    match in_training(from, key) {
        Some(value) => training.insert(key.into(), value.clone()),
        None => training.remove(key),
    };
}

/// The first number of updates up to `end` at which a model is to be kept now and was not before.
fn late(before: Option<&toml::Value>, now: Option<&toml::Value>, end: Option<i64>) -> Option<i64> {
    let numbers = |keep: Option<&toml::Value>| -> Vec<i64> {
        let list = keep.and_then(toml::Value::as_array).into_iter().flatten();
        list.filter_map(toml::Value::as_integer).collect()
    };
    let before = numbers(before);
    numbers(now).into_iter().find(|number| Some(*number) <= end && !before.contains(number))
}

/// A directory that belongs to this training.
#[derive(Debug)]
pub struct TrainingDir {
    root: PathBuf,
}

impl TrainingDir {
    /// Makes the directory this training's own. With `resume`, an earlier training there must have had the same recipe,
    /// or one that ended earlier and would have gone on in the same way; without, what it left is removed.
    ///
    /// # Errors
    /// A directory with other files in it, another recipe, or a system that refuses.
    pub fn open(root: &Path, recipe: &Table, resume: bool) -> Result<TrainingDir> {
        let directory = TrainingDir { root: root.to_path_buf() };
        let occupied = super::occupied(root)?;
        let earlier = directory.file(RECIPE);
        if occupied && !earlier.is_file() {
            return Err(Failure::Value {
                place: root.display().to_string(),
                what: "output directory".into(),
                expected: "a new or empty directory, or that of an earlier training".into(),
                got: "a directory with other files in it".into(),
                remedy: "Choose another one with -o".into(),
            });
        }
        std::fs::create_dir_all(root).map_err(Failure::writing(root))?;
        atomic::remove_leftovers(root)?;
        if resume && occupied {
            if directory.fits(recipe)? == Fit::Longer {
                write_file(&earlier, to_toml(recipe)?.as_bytes())?;
            }
            return Ok(directory);
        }
        // The checkpoint goes first, so that what is half removed is never taken for something to go on from.
        for name in [CHECKPOINT, "model.toml", "model.onnx", "training.html", "training.json"] {
            atomic::remove(&directory.file(name))?;
        }
        for folder in [directory.samples(), directory.models()] {
            if folder.is_dir() {
                std::fs::remove_dir_all(&folder).map_err(Failure::writing(&folder))?;
            }
        }
        std::fs::create_dir_all(directory.samples()).map_err(Failure::writing(root))?;
        write_file(&earlier, to_toml(recipe)?.as_bytes())?;
        Ok(directory)
    }

    /// Whether the earlier training can go on by this recipe.
    fn fits(&self, recipe: &Table) -> Result<Fit> {
        let path = self.file(RECIPE);
        let earlier = super::read_table(&path)?;
        let mut now = toml::Value::Table(recipe.clone());
        let refuse = |key: &str, expected: String, got: String, remedy: &str| Failure::Value {
            place: path.display().to_string(),
            what: format!("cannot resume: {key}"),
            expected,
            got,
            remedy: remedy.into(),
        };
        let longer = updates(&now) > updates(&earlier);
        let kept = |recipe: &toml::Value| in_training(recipe, "keep").cloned();
        let (before, after) = (kept(&earlier), kept(&now));
        if longer {
            for key in AS_LONG.into_iter().chain(["keep"]) {
                copy_setting(&earlier, &mut now, key);
            }
        }
        if let Some((key, before, now)) = first_difference("", &earlier, &now) {
            let remedy = "Repeat the earlier recipe, or train without --resume or with another -o";
            return Err(refuse(&key, format!("{before}, as in the earlier training"), now, remedy));
        }
        if !longer {
            return Ok(Fit::Same);
        }
        if in_training(&now, "decay").and_then(toml::Value::as_str) != Some("constant") {
            let end = updates(&earlier).unwrap_or_default();
            let expected =
                format!("{end}: the cosine of the learning rate reached 0 there, or was on its way to it");
            let got = in_training(&toml::Value::Table(recipe.clone()), "updates").map(ToString::to_string);
            let remedy =
                "Train anew without --resume, or start from the trained network: [network] kind = \"onnx\"";
            return Err(refuse("training.updates", expected, got.unwrap_or_default(), remedy));
        }
        match late(before.as_ref(), after.as_ref(), updates(&earlier)) {
            None => Ok(Fit::Longer),
            Some(number) => {
                let end = updates(&earlier).unwrap_or_default();
                let expected = format!("numbers of updates beyond {end}, or some of those kept before");
                let remedy = "Leave it out, or train without --resume";
                Err(refuse("training.keep", expected, number.to_string(), remedy))
            }
        }
    }

    /// A file of this name.
    pub fn file(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Where the training can go on from.
    pub fn checkpoint(&self) -> PathBuf {
        self.file(CHECKPOINT)
    }

    /// Samples generated on the way.
    pub fn samples(&self) -> PathBuf {
        self.file("samples")
    }

    /// After how many updates there are samples, rising.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn looks(&self) -> Result<Vec<usize>> {
        let folder = self.samples();
        if !folder.is_dir() {
            return Ok(Vec::new());
        }
        let mut looks = Vec::new();
        for entry in std::fs::read_dir(&folder).map_err(Failure::reading(&folder))? {
            let path = entry.map_err(Failure::reading(&folder))?.path();
            let number: Option<usize> = path.file_stem().and_then(|stem| stem.to_str()?.parse().ok());
            looks.extend(number.filter(|_| path.extension().is_some_and(|end| end == "npy")));
        }
        looks.sort_unstable();
        Ok(looks)
    }

    /// Models kept on the way.
    pub fn models(&self) -> PathBuf {
        self.file("models")
    }

    /// Samples generated after this many updates.
    pub fn look(&self, updates: u64) -> PathBuf {
        self.samples().join(format!("{updates:09}.npy"))
    }
}
