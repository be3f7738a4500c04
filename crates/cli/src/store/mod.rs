//! The output directory: inputs first, columns chunk by chunk, results last; every file appears whole or not at all.
//!
//! `progress.json` exists exactly while a run is unfinished. It lists the chunks whose files are all in place, so that
//! a run killed at any moment can go on from there and end with the same bytes.

mod atomic;
mod columns;
mod longer;
mod progress;
mod training;
mod zarr;

pub use atomic::{destination, persist, temporary, write_file};
pub use columns::Columns;
pub use progress::{Progress, Work};
pub use training::{Earlier, TrainingDir};

use crate::failure::{Failure, Result};
use std::path::{Path, PathBuf};
use toml::value::Table;

const RUN: &str = "run.toml";
const MODEL: &str = "model.toml";
const SUMMARY: &str = "summary.json";
const REPORT: &str = "report.html";
const PROGRESS: &str = "progress.json";
const ARRAYS: &str = "arrays.zarr";

/// The key of `run.toml` that two runs of the same input may differ in.
const COMMAND_LINE: &str = "command_line";
/// Its key for the number of samples, which others follow from unless they are typed.
const SAMPLES: &str = "samples";

/// How far an earlier run got.
#[derive(Debug)]
pub enum State {
    /// Nothing to build on.
    Fresh,
    /// Some chunks are there.
    Begun(Progress),
    /// Everything is there.
    Finished,
}

/// An output directory that belongs to this run.
#[derive(Debug)]
pub struct OutputDir {
    root: PathBuf,
}

impl OutputDir {
    /// Makes the directory this run's own: creates it, or takes over one that an earlier run wrote.
    ///
    /// With `resume`, the inputs of the earlier run must be those of `run`. Without, its results are removed.
    ///
    /// # Errors
    /// A directory with other files in it, other inputs, or a system that refuses.
    pub fn open(root: &Path, run: &Table, model: &str, resume: bool) -> Result<(OutputDir, State)> {
        let directory = OutputDir { root: root.to_path_buf() };
        let occupied = occupied(root)?;
        let earlier = directory.path(RUN);
        if occupied && !earlier.is_file() {
            return Err(Failure::Value {
                place: root.display().to_string(),
                what: "output directory".into(),
                expected: "a new or empty directory, or that of an earlier run of this kind".into(),
                got: "a directory with other files in it".into(),
                remedy: "Choose another one with -o".into(),
            });
        }
        if resume && occupied {
            directory.same_inputs(run, model)?;
            atomic::remove_leftovers(root)?;
            let state = directory.state()?;
            if !matches!(state, State::Fresh) {
                return Ok((directory, state));
            }
        }
        std::fs::create_dir_all(root).map_err(Failure::writing(root))?;
        directory.clear()?;
        write_file(&earlier, to_toml(run)?.as_bytes())?;
        write_file(&directory.path(MODEL), model.as_bytes())?;
        Ok((directory, State::Fresh))
    }

    fn same_inputs(&self, run: &Table, model: &str) -> Result<()> {
        let (path, earlier) = (self.path(RUN), read_table(&self.path(RUN))?);
        let Some(difference) = first_difference("", &earlier, &toml::Value::Table(run.clone())) else {
            return Ok(());
        };
        // A fingerprint says that the model differs; its settings say where, unless a file that it names has changed.
        let settings = || {
            let now = toml::from_str(model).ok().map(toml::Value::Table)?;
            Some((self.path(MODEL), first_difference("", &read_table(&self.path(MODEL)).ok()?, &now)?))
        };
        let same = (path, difference);
        let (path, (key, before, now)) =
            if same.1.0 == "model.sha256" { settings().unwrap_or(same) } else { same };
        Err(Failure::Value {
            place: path.display().to_string(),
            what: format!("cannot resume: {key}"),
            expected: format!("{before}, as in the earlier run"),
            got: now,
            remedy: "Repeat the earlier command, or run without --resume or with another -o".into(),
        })
    }

    fn state(&self) -> Result<State> {
        if let Some(progress) = Progress::load(&self.path(PROGRESS))? {
            return Ok(State::Begun(progress));
        }
        let finished = self.path(SUMMARY).is_file() && self.path(REPORT).is_file();
        Ok(if finished { State::Finished } else { State::Fresh })
    }

    /// Removes the results of an earlier run; the record of progress goes first, so that what is half removed is
    /// never taken for something to build on.
    fn clear(&self) -> Result<()> {
        atomic::remove_leftovers(&self.root)?;
        for name in [PROGRESS, SUMMARY, REPORT] {
            atomic::remove(&self.path(name))?;
        }
        let arrays = self.path(ARRAYS);
        match std::fs::remove_dir_all(&arrays) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(Failure::writing(&arrays)(error))
            }
            _ => Ok(()),
        }
    }

    /// The command line that the run was started with.
    pub fn command_line(&self) -> Option<Vec<String>> {
        let table: Table = toml::from_str(&std::fs::read_to_string(self.path(RUN)).ok()?).ok()?;
        let words = table.get(COMMAND_LINE)?.as_array()?;
        words.iter().map(|word| word.as_str().map(str::to_string)).collect()
    }

    /// Saves how far the run is.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn save_progress(&self, progress: &Progress) -> Result<()> {
        progress.save(&self.path(PROGRESS))
    }

    /// Declares the run finished.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn finish(&self) -> Result<()> {
        atomic::remove(&self.path(PROGRESS))
    }

    /// `arrays.zarr`.
    pub fn arrays(&self) -> PathBuf {
        self.path(ARRAYS)
    }

    /// `summary.json`.
    pub fn summary(&self) -> PathBuf {
        self.path(SUMMARY)
    }

    /// `report.html`.
    pub fn report(&self) -> PathBuf {
        self.path(REPORT)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }
}

/// Whether there is anything in a directory besides leftovers of our own.
fn occupied(root: &Path) -> Result<bool> {
    let entries = match std::fs::read_dir(root) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(Failure::writing(root)(error)),
    };
    for entry in entries {
        let entry = entry.map_err(Failure::reading(root))?;
        if !atomic::is_leftover(&entry.path()) && entry.file_name() != training::LOCK {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A file of inputs that an earlier run wrote.
fn read_table(path: &Path) -> Result<toml::Value> {
    let text = std::fs::read_to_string(path).map_err(Failure::reading(path))?;
    let table: Table = toml::from_str(&text).map_err(|error: toml::de::Error| Failure::Value {
        place: path.display().to_string(),
        what: "inputs of the earlier run".into(),
        expected: "what surefoot wrote".into(),
        got: error.message().trim().to_string(),
        remedy: "Run without --resume".into(),
    })?;
    Ok(toml::Value::Table(table))
}

/// TOML text of a table.
///
/// # Errors
/// Never for tables made of plain values.
pub fn to_toml(table: &Table) -> Result<String> {
    toml::to_string(table).map_err(|error| Failure::Usage(format!("cannot write TOML: {error}")))
}

/// Dotted key and both values where two tables differ, the command line aside.
fn first_difference(key: &str, before: &toml::Value, now: &toml::Value) -> Option<(String, String, String)> {
    let (toml::Value::Table(a), toml::Value::Table(b)) = (before, now) else {
        return (before != now).then(|| (key.to_string(), before.to_string(), now.to_string()));
    };
    let mut keys: Vec<&String> = a.keys().chain(b.keys()).collect();
    keys.sort_unstable_by_key(|name| (*name != SAMPLES, *name));
    let nothing = toml::Value::String("nothing".into());
    keys.into_iter().filter(|name| !(key.is_empty() && *name == COMMAND_LINE)).find_map(|name| {
        let full = if key.is_empty() { name.clone() } else { format!("{key}.{name}") };
        first_difference(&full, a.get(name).unwrap_or(&nothing), b.get(name).unwrap_or(&nothing))
    })
}

#[cfg(test)]
mod tests;
