//! The directory of a training: the recipe first, then checkpoint, model and page, each whole or not at all.

use super::atomic::{self, write_file};
use super::longer::{Fit, fit};
use super::to_toml;
use crate::failure::{Failure, Result};
use std::path::{Path, PathBuf};
use toml::value::Table;

const RECIPE: &str = "recipe.toml";
const CHECKPOINT: &str = "checkpoint.npz";

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
            if fit(&earlier, recipe)? == Fit::Longer {
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
