//! The directory of a training: the recipe first, then checkpoint, model and page, each whole or not at all.

use super::atomic::{self, write_file};
use super::longer::{Fit, fit};
use super::to_toml;
use crate::failure::{Failure, Result};
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use toml::value::Table;

const RECIPE: &str = "recipe.toml";
const CHECKPOINT: &str = "checkpoint.npz";
const TOLD: &str = "training.json";
/// How the names of kept models begin.
const KEPT: &str = "update-";
/// Locked while a training writes to the directory.
pub const LOCK: &str = ".lock";

/// What is done with an earlier training in the directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Earlier {
    /// It stays, and this one is refused.
    Keep,
    /// This one goes on with it.
    Resume,
    /// What it wrote is removed.
    Overwrite,
}

/// A directory that belongs to this training.
#[derive(Debug)]
pub struct TrainingDir {
    root: PathBuf,
    /// Kept open, and with it locked, until the end.
    _lock: File,
}

impl TrainingDir {
    /// Whether the directory can become this training's own, before anything is written.
    ///
    /// # Errors
    /// A directory with other files in it, or with a training that is to stay.
    pub fn check(root: &Path, earlier: Earlier) -> Result<()> {
        let refuse = |expected: &str, got: &str, remedy: &str| {
            Err(Failure::Value {
                place: root.display().to_string(),
                what: "output directory".into(),
                expected: expected.into(),
                got: got.into(),
                remedy: remedy.into(),
            })
        };
        if super::occupied(root)? && !root.join(RECIPE).is_file() {
            let expected = "a new or empty directory, or that of an earlier training";
            let got = format!("a directory with other files in it and no {RECIPE}");
            return refuse(expected, &got, "Choose another one with -o");
        }
        // What a training has to tell comes after its checkpoint.
        if earlier == Earlier::Resume && root.join(TOLD).is_file() && !root.join(CHECKPOINT).is_file() {
            let remedy = "Put it back, start anew with --overwrite, or choose another directory with -o";
            return refuse(&format!("a training with its {CHECKPOINT}"), "one without", remedy);
        }
        if earlier == Earlier::Keep && root.join(CHECKPOINT).is_file() {
            let remedy = "--resume goes on with it, --overwrite starts anew in its place; or choose another directory with -o";
            return refuse("one without a training", "that of an earlier training", remedy);
        }
        Ok(())
    }

    /// Makes the directory this training's own. To resume, an earlier training there must have had the same recipe, or one
    /// that ended earlier and would have gone on in the same way; otherwise what it left is removed.
    ///
    /// # Errors
    /// As [`TrainingDir::check`]; another recipe, another training under way, or a system that refuses.
    pub fn open(root: &Path, recipe: &Table, earlier: Earlier) -> Result<TrainingDir> {
        TrainingDir::check(root, earlier)?;
        std::fs::create_dir_all(root).map_err(Failure::writing(root))?;
        let directory = TrainingDir { root: root.to_path_buf(), _lock: lock(root)? };
        // Another training may have come and gone since.
        TrainingDir::check(root, earlier)?;
        let recorded = directory.file(RECIPE);
        if earlier == Earlier::Resume && recorded.is_file() {
            if fit(&recorded, recipe)? == Fit::Changed {
                write_file(&recorded, to_toml(recipe)?.as_bytes())?;
            }
            atomic::remove_leftovers(root)?;
            directory.make_samples()?;
            return Ok(directory);
        }
        atomic::remove_leftovers(root)?;
        // The checkpoint goes before the rest, so that what is half removed is never taken for something to go on from.
        for name in [TOLD, CHECKPOINT, "model.toml", "model.onnx", "training.html"] {
            atomic::remove(&directory.file(name))?;
        }
        remove_own(&directory.samples(), |name| look_of(name).is_some())?;
        remove_own(&directory.models(), is_kept_model)?;
        // The recipe comes before all else that is new: without it the folder is nobody's, and nothing goes on from it.
        write_file(&recorded, to_toml(recipe)?.as_bytes())?;
        directory.make_samples()?;
        Ok(directory)
    }

    fn make_samples(&self) -> Result<()> {
        std::fs::create_dir_all(self.samples()).map_err(Failure::writing(&self.samples()))
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
            let name = entry.map_err(Failure::reading(&folder))?.file_name();
            looks.extend(name.to_str().and_then(look_of).map(|updates| updates as usize));
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
        self.samples().join(look_name(updates))
    }

    /// Name of the files, without its end, of the model that is kept after this many updates.
    pub fn kept(updates: usize) -> String {
        format!("{KEPT}{updates}")
    }
}

/// Name of the samples after this many updates.
fn look_name(updates: u64) -> String {
    format!("{updates:09}.npy")
}

/// After how many updates a training wrote samples of this name.
fn look_of(name: &str) -> Option<u64> {
    let updates = name.strip_suffix(".npy")?.parse().ok()?;
    (look_name(updates) == name).then_some(updates)
}

/// Whether a training keeps files of this name in `models/`.
fn is_kept_model(name: &str) -> bool {
    let Some(stem) = name.strip_suffix(".toml").or_else(|| name.strip_suffix(".onnx")) else { return false };
    let updates = stem.strip_prefix(KEPT).and_then(|updates| updates.parse().ok());
    updates.is_some_and(|updates| stem == TrainingDir::kept(updates))
}

/// Removes the files of a folder that a training writes there, and the folder if nothing else is in it.
fn remove_own(folder: &Path, own: impl Fn(&str) -> bool) -> Result<()> {
    if !folder.is_dir() {
        return Ok(());
    }
    let mut others = false;
    for entry in std::fs::read_dir(folder).map_err(Failure::reading(folder))? {
        let path = entry.map_err(Failure::reading(folder))?.path();
        if !path.is_dir() && path.file_name().and_then(|name| name.to_str()).is_some_and(&own) {
            atomic::remove(&path)?;
        } else {
            others = true;
        }
    }
    if others || folder.is_symlink() {
        return Ok(());
    }
    std::fs::remove_dir(folder).map_err(Failure::writing(folder))
}

/// The lock of a directory; where the file system has no locks, a file that is not locked.
fn lock(root: &Path) -> Result<File> {
    let path = root.join(LOCK);
    let file = File::create(&path).map_err(Failure::writing(&path))?;
    match file.try_lock() {
        Ok(()) | Err(TryLockError::Error(_)) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Failure::Value {
            place: root.display().to_string(),
            what: "output directory".into(),
            expected: "one that no other training writes to".into(),
            got: "one in which a training is under way".into(),
            remedy: "Wait for its end, or choose another directory with -o".into(),
        }),
    }
}
