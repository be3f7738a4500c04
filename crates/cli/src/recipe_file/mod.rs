//! Recipes of trainings: a model file whose network is still to be made, with data, objective, network and schedule.

mod data;
mod objective;
mod pairs;
mod robust;
mod schedule;

pub use data::{DataRecipe, Prepared};
pub use objective::Learning;
pub use robust::{BudgetRecipe, CrossRecipe, Robust};
pub use schedule::Schedule;

use crate::failure::{Failure, Result};
use crate::model_file::{
    Document, FieldSpec, Files, ModelSpec, NamedFile, Node, Normalisation, Override, ScoreSpec, Section,
    SourceSpec, SupportSpec, name, process, read_document, required, sha256_of, surroundings,
};
use serde::Deserialize;
use std::path::PathBuf;
use surefoot::process::Grid;
use surefoot::sampler::Method;
use surefoot::train::networks::Network;
use surefoot_graph::Limits;
use toml::value::Table;

/// The fingerprints of the files that a training read, in the recipe that it writes.
pub const FINGERPRINTS: &str = "sha256";

/// A recipe, understood.
#[derive(Debug, Clone)]
pub struct Recipe {
    /// Name of the model.
    pub name: String,
    /// What is trained on; absent where given pairs stand alone.
    pub data: Option<DataRecipe>,
    /// What is learned.
    pub learning: Learning,
    /// The network.
    pub network: NetworkRecipe,
    /// How long and how fast.
    pub schedule: Schedule,
    /// What is done for robustness.
    pub robust: Robust,
    /// Law of x_0.
    pub source: SourceSpec,
    /// The support of the data, where one is known.
    pub support: SupportSpec,
    /// Whether it follows from the data, as the recipe names none.
    pub derived_support: bool,
    /// How the target score of a flow model is made.
    pub score: ScoreSpec,
    /// How data that come normalised have been: given by the recipe, where its data do not say.
    pub normalisation: Option<Normalisation>,
    /// The steps of the sampler.
    pub grid: Grid,
    /// Its method.
    pub method: Method,
    /// The recipe with every default written out.
    pub resolved: Table,
    /// The sections of the model file that come from the recipe.
    pub model: Table,
    /// The files and folders it names.
    pub files: Vec<NamedFile>,
}

/// Where the network comes from.
#[derive(Debug, Clone)]
pub enum NetworkRecipe {
    /// Built, with random weights.
    Built(Network),
    /// Read from an ONNX file, with its weights.
    File {
        /// The file.
        file: PathBuf,
        /// Number of its classes, where it takes a label.
        classes: Option<usize>,
    },
}

/// As many as an embedding of a network made here holds.
const MOST_CLASSES: i64 = 1 << 20;

/// Sections that a recipe has beside those of a model file.
const OWN: [&str; 5] = ["data", "objective", "network", "training", "robust"];

impl Recipe {
    /// Reads the data, or the pairs that stand in their place.
    ///
    /// # Errors
    /// Unreadable data, labels that do not fit, pairs of another space than the data.
    pub fn prepare(&self, limits: &Limits) -> Result<Prepared> {
        let seed = self.schedule.seed;
        let data = self.data.as_ref().map(|data| data.prepare(seed, &self.support, limits)).transpose()?;
        let mut prepared = match (&self.learning.pairs, data) {
            (Some(pairs), data) => pairs.prepare(seed, data.as_ref())?,
            (None, Some(data)) => data,
            (None, None) => {
                return Err(Failure::Usage(format!(
                    "{}: expected data to train on, got neither [data] nor `pairs` in [objective]. Add a section [data]",
                    self.name
                )));
            }
        };
        if let Some(given) = &self.normalisation {
            given.check(prepared.training.dim())?;
            if prepared.normalisation.is_some() {
                return Err(Failure::Value {
                    place: "[normalisation]".into(),
                    what: "normalisation".into(),
                    expected: "nothing beside `scale` or `normalise` in [data], which give it".into(),
                    got: "a section".into(),
                    remedy: "Leave the section out, or train on data that are normalised already".into(),
                });
            }
            prepared.normalisation = Some(given.clone());
        }
        Ok(prepared)
    }

    /// What the model file will say.
    pub fn spec(&self, normalisation: Option<Normalisation>) -> ModelSpec {
        let Learning { objective, process, clock, .. } = &self.learning;
        ModelSpec {
            name: self.name.clone(),
            field: FieldSpec::Onnx { file: PathBuf::from("model.onnx"), double: false, label: None },
            process: *process,
            predicts: objective.predicts(),
            clock: *clock,
            start: self.grid.start,
            end: self.grid.end,
            source: self.source.clone(),
            support: self.support.clone(),
            score: self.score,
            normalisation,
            method: self.method,
            steps: self.grid.steps,
            spacing: self.grid.spacing,
            resolved: self.model.clone(),
            files: self.model_files(),
        }
    }

    /// Takes the support out of the model.
    pub fn leave_support_out(&mut self) {
        let none = Table::from_iter([("kind".to_string(), toml::Value::from("none"))]);
        for table in [&mut self.resolved, &mut self.model] {
            table.insert("support".into(), none.clone().into());
        }
        self.files.retain(|file| file.key[0] != "support");
        (self.support, self.derived_support) = (SupportSpec::None, false);
    }

    /// Every file and folder that is read, with the key that names it.
    pub fn read_from(&self) -> Vec<(String, PathBuf)> {
        self.files.iter().map(|file| (file.key.join("."), file.path.clone())).collect()
    }

    /// The files that the model file names as well.
    pub fn model_files(&self) -> Vec<NamedFile> {
        self.files.iter().filter(|file| !OWN.contains(&file.key[0])).cloned().collect()
    }
}

/// Reads a recipe.
///
/// # Errors
/// The first key that is missing, unknown, of a wrong type or out of range, with its place.
pub fn read(file: &str, overrides: &[Override]) -> Result<Recipe> {
    let document = read_document(file, overrides)?;
    understand(&document)
}

fn understand(document: &Document) -> Result<Recipe> {
    let top = Section::new("", &document.root)?;
    let files = Files::new(&document.folder);
    let name = name(&top)?;
    let process = process(required(&top, "process")?)?;
    let recorded = |key: &str, section: Section| -> Result<()> {
        top.record(key, section.finish()?);
        Ok(())
    };
    let absent = Node::absent("objective");
    let objective = top.section("objective")?.map_or_else(|| Section::new("objective", &absent), Ok)?;
    let paired = objective.has("pairs");
    let section = if paired { top.section("data")? } else { Some(required(&top, "data")?) };
    let data = section.as_ref().map(|section| DataRecipe::read(section, &files, paired)).transpose()?;
    if let Some(section) = section {
        recorded("data", section)?;
    }
    let learning = Learning::read(&objective, &files, &process)?;
    recorded("objective", objective)?;
    let (network, table) = network(required(&top, "network")?, &files)?;
    top.record("network", table);
    let section = required(&top, "training")?;
    let schedule = Schedule::read(&section)?;
    recorded("training", section)?;
    top.record("process", process.resolved.clone());
    let rest = surroundings(&top, &files, &process.process, false)?;
    let sampler = rest.sampler;
    let robust = robust(&top, schedule.updates, sampler.steps)?;
    let fingerprints = top.section(FINGERPRINTS)?;
    let mut resolved = top.finish()?;
    let mut files = files.into_named();
    let (mut support, mut derived_support) = (rest.support, false);
    if let Some(data) = data.as_ref().filter(|_| !resolved.contains_key("support"))
        && let Some((table, file)) = data.support()
    {
        (support, derived_support) = (data.support_spec(&table)?, true);
        resolved.insert("support".into(), table.into());
        files.extend(file);
    }
    if let Some(section) = fingerprints {
        check_fingerprints(section, &files)?;
    }
    let model = resolved.iter().filter(|(key, _)| !OWN.contains(&key.as_str()));
    Ok(Recipe {
        name,
        data,
        learning,
        network,
        schedule,
        robust,
        source: rest.source,
        support,
        derived_support,
        score: rest.score,
        normalisation: rest.normalisation,
        grid: Grid { start: process.start, end: process.end, steps: sampler.steps, spacing: sampler.spacing },
        method: sampler.method,
        model: model.map(|(key, value)| (key.clone(), value.clone())).collect(),
        resolved,
        files,
    })
}

/// `[sha256]`, which a recipe has that a training wrote: its files must still be those.
fn check_fingerprints(section: Section, files: &[NamedFile]) -> Result<()> {
    for file in files {
        let key = file.key.join(".");
        if let Some(recorded) = section.text(&key)? {
            let now = sha256_of(&file.path)?;
            if recorded != now {
                let expected = format!("the file that this recipe was written for (SHA-256 {recorded})");
                let name = file.path.display();
                let got =
                    format!("another in {name} ({now}), which a recipe without [sha256] takes as it is");
                return Err(section.wrong(&key, expected, got));
            }
        }
    }
    section.finish().map(drop)
}

/// `[robust]`, where the recipe has it.
fn robust(top: &Section, updates: usize, steps: usize) -> Result<Robust> {
    let Some(section) = top.section("robust")? else { return Ok(Robust::default()) };
    let robust = Robust::read(&section, updates, steps)?;
    top.record("robust", section.finish()?);
    Ok(robust)
}

/// A network of these settings, or what is wrong with one of them.
fn built(settings: &Table) -> std::result::Result<Network, String> {
    Network::deserialize(toml::Value::Table(settings.clone()))
        .map_err(|error| error.message().trim().to_string())
}

/// `[network]`: one to be built, or `kind = "onnx"` with a file to start from.
fn network(section: Section, files: &Files) -> Result<(NetworkRecipe, Table)> {
    let meaning = "mlp | unet | transformer | onnx";
    let kind = section.text("kind")?.ok_or_else(|| section.missing("kind", meaning))?;
    if kind == "onnx" {
        let name = section.text("file")?.ok_or_else(|| section.missing("file", "an ONNX file"))?;
        let file = files.named(&section, ["network", "file"], &name)?;
        let meaning = "the number of classes, at least 1";
        let classes = section.count("classes", 1..=MOST_CLASSES, meaning)?;
        return Ok((NetworkRecipe::File { file, classes }, section.finish()?));
    }
    let settings = section.plain();
    let network = built(&settings).map_err(|message| {
        let key = settings.keys().filter(|key| *key != "kind").find(|key| {
            let others = settings.iter().filter(|(other, _)| other != key);
            built(&others.map(|(key, value)| (key.clone(), value.clone())).collect()).err()
                != Some(message.clone())
        });
        let key = key.map_or("kind", String::as_str);
        Failure::Value {
            place: section.place_of(key).to_string(),
            what: section.full(key),
            expected: format!("{meaning}, with the settings of that kind"),
            got: message.replace("usize", "a whole number ≥ 0").replace("f64", "a number"),
            remedy: "docs/training.md lists the settings of every network".into(),
        }
    })?;
    let resolved =
        Table::try_from(&network).map_err(|error| Failure::Usage(format!("cannot write TOML: {error}")))?;
    Ok((NetworkRecipe::Built(network), resolved))
}
