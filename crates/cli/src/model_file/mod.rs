//! Model files: TOML in, a checked [`System`] out.

mod build;
mod build_support;
mod builtins;
mod normalisation;
mod read;
mod read_process;
mod read_support;
mod section;
mod spec;
mod tree;

pub use build::{knows_label, law_of_source, rounded, system_around};
pub use build_support::{law_on, support_of};
pub use builtins::{BUILTINS, Builtin};
pub use normalisation::{Mapped, Mapping, Normalisation};
pub use read::{Files, data, name, required, surroundings};
pub use read_process::{ProcessSpec, process};
pub use section::{Section, suggestion};
pub use spec::{DataSpec, FieldSpec, ModelSpec, NamedFile, ScoreSpec, SourceSpec, SupportSpec};
pub use tree::{Document, Node, Value, value_of};

use crate::data_file::image_files;
use crate::failure::{Failure, Result};
use sha2::{Digest, Sha256};
use std::io::Read;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use surefoot::analysis::System;
use surefoot::field::Counting;
use surefoot_graph::Limits;
use toml::value::Table;

/// Most bytes of a model file.
const MOST_BYTES: u64 = 1 << 20;

/// A setting given on the command line.
#[derive(Debug, Clone)]
pub struct Override {
    /// Dotted key.
    pub key: String,
    /// Its value.
    pub value: Value,
    /// The option as typed.
    pub option: String,
}

/// A model, loaded and checked.
pub struct Model {
    /// What its file says.
    pub spec: ModelSpec,
    /// Ready to be analysed.
    pub system: System,
    /// What its field was asked for.
    pub counter: Arc<Counting>,
    /// Shape of a sample, as its network or its data have it.
    pub shape: Vec<usize>,
    /// SHA-256 of what the file says and of all files that it names.
    pub sha256: String,
}

/// What the command line says about loading models.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// In place of what the file says.
    pub overrides: Vec<Override>,
    /// What a network may cost.
    pub limits: Limits,
}

/// Loads `builtin:NAME` or a TOML file, with settings from the command line in place of the file's.
///
/// # Errors
/// Whatever is wrong with the model, with its file and line.
pub fn load(name: &str, settings: &Settings) -> Result<Model> {
    let spec = read_spec(name, &settings.overrides)?;
    let build::Built { system, counter, shape } =
        build::system(&spec, &settings.limits).map_err(|failure| failure.in_file(name))?;
    let sha256 = fingerprint(&spec)?;
    Ok(Model { spec, system, counter, shape, sha256 })
}

/// Reads and checks a model file without building it.
///
/// # Errors
/// Whatever is wrong with the file, with its line.
pub fn read_spec(name: &str, overrides: &[Override]) -> Result<ModelSpec> {
    read::model(&read_document(name, overrides)?)
}

/// The same for its network alone: the data files that it names need not be there.
///
/// # Errors
/// Whatever is wrong with the file, with its line.
pub fn read_network_spec(name: &str) -> Result<ModelSpec> {
    read::network(&read_document(name, &[])?)
}

/// A model file or recipe as a document, with settings from the command line in place of the file's.
///
/// # Errors
/// An unreadable or malformed file, with its line.
pub fn read_document(name: &str, overrides: &[Override]) -> Result<Document> {
    let (text, file) = match name.strip_prefix("builtin:") {
        Some(builtin) => {
            let found = Builtin::find(builtin).ok_or_else(|| Failure::Value {
                place: name.into(),
                what: "built-in model".into(),
                expected: "a name that `surefoot models` lists".into(),
                got: format!("{builtin:?}"),
                remedy: suggestion(builtin, BUILTINS.iter().map(|builtin| builtin.name)),
            })?;
            (found.text(), PathBuf::from(name))
        }
        None => {
            let file = PathBuf::from(name);
            (read_text(&file)?, file)
        }
    };
    let mut document = Document::parse(&text, &file)?;
    for setting in overrides {
        match setting.key.as_str() {
            "process.kind" => {
                let own = |key: &str| ["schedule", "start", "end"].contains(&key);
                document.change_kind("process", own, &setting.value);
            }
            "support.kind" => document.change_kind("support", |_| true, &setting.value),
            _ => {}
        }
        document.set(&setting.key, setting.value.clone(), &setting.option)?;
    }
    Ok(document)
}

/// The text of a model file.
fn read_text(file: &Path) -> Result<String> {
    let mut bytes = Vec::new();
    std::fs::File::open(file)
        .and_then(|open| open.take(MOST_BYTES + 1).read_to_end(&mut bytes))
        .map_err(Failure::reading(file))?;
    let refuse = |got: &str| Failure::Value {
        place: file.display().to_string(),
        what: "model file".into(),
        expected: format!("TOML text of at most {MOST_BYTES} bytes"),
        got: got.into(),
        remedy: "A network or a data file needs a model file (.toml) that names it".into(),
    };
    if bytes.len() as u64 > MOST_BYTES {
        return Err(refuse("more"));
    }
    if file.extension().is_some_and(|end| end.eq_ignore_ascii_case("onnx")) {
        return Err(refuse("an ONNX file"));
    }
    String::from_utf8(bytes).map_err(|_| refuse("something that is not text"))
}

/// SHA-256 over what the file says, file names aside, and over the content of the files it names.
fn fingerprint(spec: &ModelSpec) -> Result<String> {
    let mut resolved = spec.resolved.clone();
    for file in &spec.files {
        set_name(&mut resolved, file.key, &sha256_of(&file.path)?);
    }
    Ok(hex(&Sha256::digest(crate::store::to_toml(&resolved)?)))
}

/// SHA-256 of a file's content, or of what a folder of images has.
///
/// # Errors
/// When it cannot be read.
pub fn sha256_of(place: &Path) -> Result<String> {
    if place.is_dir() {
        return sha256_of_images(place);
    }
    let content = std::fs::read(place).map_err(Failure::reading(place))?;
    Ok(hex(&Sha256::digest(content)))
}

/// SHA-256 over the contents and the names of a folder's images, in the order of the names; these count from the folder,
/// with slashes on every system.
fn sha256_of_images(folder: &Path) -> Result<String> {
    let mut files = image_files(folder)?;
    files.sort();
    let mut digest = Sha256::new();
    for file in files {
        digest.update(sha256_of(&file)?);
        for part in file.strip_prefix(folder).unwrap_or(&file).components() {
            digest.update(b"/");
            digest.update(part.as_os_str().as_encoded_bytes());
        }
        // No name has it, so that no two folders are read alike.
        digest.update(b"\0");
    }
    Ok(hex(&digest.finalize()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn set_name(resolved: &mut Table, key: [&str; 2], name: &str) {
    if let Some(toml::Value::Table(section)) = resolved.get_mut(key[0]) {
        section.insert(key[1].to_string(), name.into());
    }
}

impl ModelSpec {
    /// The fully resolved model file as it can be read from `folder`.
    ///
    /// # Errors
    /// When the system cannot say where the files are.
    pub fn text_for(&self, folder: &Path) -> Result<String> {
        text_for(folder, &self.resolved, &self.files)
    }
}

/// Resolved settings as a file that can be read from `folder`, with the names of their files as seen from there.
///
/// # Errors
/// When the system cannot say where the files are.
pub fn text_for(folder: &Path, resolved: &Table, files: &[NamedFile]) -> Result<String> {
    let mut resolved = resolved.clone();
    for file in files {
        set_name(&mut resolved, file.key, &relative(folder, &file.path)?);
    }
    let version = env!("CARGO_PKG_VERSION");
    Ok(format!("# Fully resolved by surefoot {version}.\n{}", crate::store::to_toml(&resolved)?))
}

/// `file` as seen from `folder`, which need not exist yet.
fn relative(folder: &Path, file: &Path) -> Result<String> {
    let (from, to) = (resolve(folder)?, resolve(file)?);
    let common = from.components().zip(to.components()).take_while(|(a, b)| a == b).count();
    let up = from.components().skip(common).map(|_| Component::ParentDir);
    let path: PathBuf = up.chain(to.components().skip(common)).collect();
    Ok(path.to_string_lossy().into_owned())
}

/// Whether a file or folder lies in `folder`, or is it.
///
/// # Errors
/// When the system cannot say where they are.
pub fn is_inside(folder: &Path, path: &Path) -> Result<bool> {
    Ok(resolve(path)?.starts_with(resolve(folder)?))
}

/// Absolute path with links followed as far as it exists.
fn resolve(path: &Path) -> Result<PathBuf> {
    let absolute = std::path::absolute(path).map_err(Failure::reading(path))?;
    let mut rest = Vec::new();
    let mut existing = absolute.as_path();
    loop {
        if let Ok(real) = existing.canonicalize() {
            return Ok(rest.iter().rev().fold(real, |path, part| path.join(part)));
        }
        match (existing.parent(), existing.file_name()) {
            (Some(parent), Some(name)) => {
                rest.push(name.to_os_string());
                existing = parent;
            }
            _ => return Ok(absolute),
        }
    }
}

#[cfg(test)]
mod tests;
