//! From a recipe to a trainer.

use super::model::Sampler;
use crate::failure::{Failure, Result};
use crate::model_file::{
    SupportSpec, is_inside, knows_label, law_of_source, sha256_of, support_of, system_around,
};
use crate::recipe_file::{
    BudgetRecipe, CrossRecipe, FINGERPRINTS, NetworkRecipe, Prepared, Recipe, Schedule,
};
use crate::table::flop;
use std::collections::BTreeSet;
use std::path::Path;
use surefoot::analysis::System;
use surefoot::process::Grid;
use surefoot::support::SharedSupport;
use surefoot::train::coupling::Coupling;
use surefoot::train::optimiser::{Adam, AdamSettings, Average, Decay, Optimiser, Rate};
use surefoot::train::{BudgetWeighting, Classes, CrossPenalty, Rows, Task, Trainer, TrainingSet};
use surefoot_graph::{Graph, Limits};
use toml::value::Table;

/// Refuses to read what the training might replace.
///
/// # Errors
/// A file or folder inside the output directory.
pub fn check_places(recipe: &Recipe, out: &Path) -> Result<()> {
    for (key, path) in recipe.read_from() {
        if is_inside(out, &path)? {
            return Err(Failure::Value {
                place: "-o".into(),
                what: key,
                expected: format!("a place outside {}, which the training writes to", out.display()),
                got: path.display().to_string(),
                remedy: "Choose another directory with -o".into(),
            });
        }
    }
    Ok(())
}

/// What should be known of a training before it starts.
pub fn notes(schedule: &Schedule, prepared: &Prepared, trainer: &Trainer) -> Vec<String> {
    let Schedule { updates, warm_up, .. } = *schedule;
    let cold = (warm_up > updates).then(|| {
        format!(
            "the learning rate grows over {warm_up} updates (`warm_up`), and the training ends after {updates}: it never \
             reaches `learning_rate`"
        )
    });
    let unused = prepared.classes.filter(|_| trainer.task().classes.is_none()).map(|classes| {
        format!(
            "the data have labels of {classes} classes, and the network does not learn them: it takes no class \
             (`classes = {classes}` in [network] makes it conditional)"
        )
    });
    let Task { batch, .. } = trainer.task();
    let slow = slow_note(trainer.descent().count(), *batch, trainer.descent().update_flops(*batch));
    let classes = trainer.task().classes.map(|classes| class_notes(&prepared.training, classes));
    let classes = classes.into_iter().flatten();
    let named = prepared.class_note();
    named
        .into_iter()
        .chain(unused)
        .chain(prepared.validated.note())
        .chain(classes)
        .chain(cold)
        .chain(slow)
        .collect()
}

/// Most numbers of a list in a note.
const LISTED: usize = 10;

/// What a conditional network does not learn.
fn class_notes(training: &TrainingSet, Classes { none, withheld }: Classes) -> Vec<String> {
    let TrainingSet::Rows(Rows { labels: Some(labels), .. }) = training else { return Vec::new() };
    let there: BTreeSet<u32> = labels.iter().copied().collect();
    let absent: Vec<u32> = (0..none).filter(|class| !there.contains(class)).collect();
    let names: Vec<String> = absent.iter().take(LISTED).map(u32::to_string).collect();
    let more = if absent.len() > LISTED { ", …" } else { "" };
    let unseen = (!absent.is_empty()).then(|| {
        format!(
            "of the {none} classes of the network {} have no row to learn from ({}{more}): what it generates for them means \
             nothing",
            absent.len(),
            names.join(", ")
        )
    });
    let extreme = if withheld == 0.0 {
        Some(
            "`withhold` is 0: the network does not learn to generate without a class, so leave guidance out and give a label",
        )
    } else if withheld == 1.0 {
        Some("`withhold` is 1: the network learns no class, as the label of every row is withheld")
    } else {
        None
    };
    unseen.into_iter().chain(extreme.map(str::to_string)).collect()
}

/// Operations in a second by which the time of an update is estimated, and how many seconds are worth a word.
const RATE: f64 = 50e9;
const LONG: f64 = 5.0;

/// Says what an update takes where it may take long.
fn slow_note(weights: usize, batch: usize, flops: u64) -> Option<String> {
    let seconds = flops as f64 / RATE;
    (seconds > LONG).then(|| {
        format!(
            "an update of the {weights} weights on a batch of {batch} takes about {}: {seconds:.0} s at 50 GFLOP/s. \
             A smaller network (fewer channels, levels or blocks) or a smaller `batch` in [training] is faster",
            flop(flops)
        )
    })
}

/// How the model will generate: checks everything that its file will say, before anything is trained. The support of
/// the data is left out where none can be made of them and nothing needs it.
///
/// # Errors
/// Whatever loading the model would refuse.
pub fn sampler(
    recipe: &mut Recipe,
    prepared: &Prepared,
    trainer: &Trainer,
    limits: &Limits,
    notes: &mut Vec<String>,
) -> Result<Sampler> {
    let system = |recipe: &Recipe| -> Result<System> {
        system_around(&recipe.spec(prepared.normalisation.clone()), trainer.drift()?.field, limits)
    };
    let refused = match system(recipe) {
        Ok(system) => return Ok(Sampler::of(system)),
        Err(refused) if recipe.derived_support => refused,
        Err(refused) => return Err(refused),
    };
    let Err(Failure::Value { what, expected, got, .. }) = support_of(&recipe.support, limits) else {
        return Err(refused);
    };
    let remedy = match &recipe.support {
        SupportSpec::Reference { file, .. } if what.contains("dimension") => {
            format!("; [support] with `reference = \"{}\"` and `dimension = d` gives it one", file.display())
        }
        _ => String::new(),
    };
    notes.push(format!(
        "the model gets no support, as none can be made of the data ({what}: expected {expected}, got {got}){remedy}"
    ));
    recipe.leave_support_out();
    Ok(Sampler::of(system(recipe)?))
}

/// The trainer at its start.
///
/// # Errors
/// Parts of the recipe that do not fit together.
pub fn trainer(recipe: &Recipe, prepared: &Prepared, limits: &Limits) -> Result<Trainer> {
    let (learning, schedule) = (&recipe.learning, &recipe.schedule);
    let dim = prepared.training.dim();
    let (graph, classes) = network(recipe, prepared, limits)?;
    let source = law_of_source(&recipe.source, &learning.process, learning.times.high, dim)?;
    if let Some(pairs) = &learning.pairs {
        pairs.check_source(&prepared.training, source.as_ref())?;
    }
    let task = Task {
        objective: learning.objective,
        times: learning.times,
        coupling: learning.coupling,
        process: learning.process,
        clock: learning.clock,
        source,
        data: prepared.training.clone(),
        classes: classes.map(|none| Classes { none, withheld: schedule.withhold }),
        cross: recipe.robust.cross.map(|cross| penalty(recipe, cross, limits)).transpose()?,
        batch: schedule.batch,
        seed: schedule.seed,
    };
    check_coupling(&task, limits)?;
    let trainer = Trainer::new(task, &graph, |weights| optimiser(schedule, weights))?;
    match &recipe.robust.budget {
        None => Ok(trainer),
        Some(budget) => Ok(trainer.with_budget(weighting(recipe, budget, limits)?)?),
    }
}

/// Copies of the n × n costs that a coupling holds at once: themselves, and the plan of an entropic one with its scaling.
const EXACT_COPIES: u64 = 1;
const ENTROPIC_COPIES: u64 = 3;

/// Refuses a batch whose coupling would not fit the memory.
fn check_coupling(task: &Task, limits: &Limits) -> Result<()> {
    let copies = match task.coupling {
        Coupling::AsDrawn => return Ok(()),
        Coupling::Exact => EXACT_COPIES,
        Coupling::Entropic(_) => ENTROPIC_COPIES,
    };
    let n = task.batch as u64;
    let needed = copies.saturating_mul(8).saturating_mul(n).saturating_mul(n.next_multiple_of(8));
    if needed <= limits.memory {
        return Ok(());
    }
    Err(Failure::Value {
        place: "[training]".into(),
        what: "training.batch".into(),
        expected: format!(
            "a batch whose coupling fits the {} MiB of --memory: it takes {} bytes for every pair of its points",
            limits.memory >> 20,
            8 * copies
        ),
        got: format!("{n}, which takes {} MiB", needed >> 20),
        remedy: "Take a smaller batch (a few hundred points are coupled fast), method = \"cfm\" in [objective], which needs \
                 no coupling, or more --memory"
            .into(),
    })
}

/// The weighting by the gain budget.
fn weighting(recipe: &Recipe, budget: &BudgetRecipe, limits: &Limits) -> Result<BudgetWeighting> {
    Ok(BudgetWeighting {
        support: support(recipe, "weight", limits)?,
        grid: Grid { steps: budget.steps, ..recipe.grid },
        method: recipe.method,
        paths: budget.paths,
        every: budget.every as u64,
        floor: budget.floor,
    })
}

/// The penalty on cross derivatives.
fn penalty(
    recipe: &Recipe,
    CrossRecipe { strength, reach }: CrossRecipe,
    limits: &Limits,
) -> Result<CrossPenalty> {
    Ok(CrossPenalty { support: support(recipe, "penalty", limits)?, strength, reach })
}

/// The support, which `[robust]` cannot do without.
fn support(recipe: &Recipe, what: &str, limits: &Limits) -> Result<SharedSupport> {
    support_of(&recipe.support, limits)?.ok_or_else(|| Failure::Value {
        place: "[robust]".into(),
        what: format!("robust.{what}"),
        expected: "data whose support is known".into(),
        got: "none".into(),
        remedy: "Add a section [support]".into(),
    })
}

/// The network with its first weights, and the label that stands for no class.
fn network(recipe: &Recipe, prepared: &Prepared, limits: &Limits) -> Result<(Graph, Option<u32>)> {
    match &recipe.network {
        NetworkRecipe::Built(network) => {
            let classes = network.classes().map(|classes| fitting_classes(classes, prepared)).transpose()?;
            Ok((network.graph(&prepared.shape, recipe.schedule.seed, limits)?, classes))
        }
        NetworkRecipe::File { file, classes } => {
            let graph = Graph::read(file, limits).map_err(surefoot::Error::from)?;
            let classes = classes_of_file(&graph, file, *classes)?;
            let classes = classes.map(|classes| fitting_classes(classes, prepared)).transpose()?;
            Ok((graph, classes))
        }
    }
}

/// The number of classes of a network in a file, if it is given where there is a label and nowhere else.
fn classes_of_file(graph: &Graph, file: &Path, classes: Option<usize>) -> Result<Option<usize>> {
    let labelled = graph.inputs().iter().any(|port| port.name == "label");
    let file = file.display();
    match classes {
        None if labelled => {
            let expected = format!("the number of classes of {file}, which has an input label");
            let remedy = "Give `classes = K` in [network]: labels 0 to K − 1 are the classes, and K stands for no class";
            Err(wrong_classes(expected, "nothing".into(), remedy))
        }
        Some(classes) if !labelled => {
            let expected = format!("nothing, as {file} has no input label");
            Err(wrong_classes(
                expected,
                classes.to_string(),
                "Leave `classes` out, or start from another file",
            ))
        }
        Some(classes) if !knows_label(graph, classes as f64)? && knows_label(graph, 0.0)? => {
            let expected = format!(
                "a number K of classes such that {file} knows the labels 0 to K, the last for no class"
            );
            let remedy = "Give the number of classes that it was trained with (`no_class` of its model file)";
            Err(wrong_classes(expected, classes.to_string(), remedy))
        }
        classes => Ok(classes),
    }
}

/// The label for no class of a network with this many classes, if the data have no more.
fn fitting_classes(classes: usize, prepared: &Prepared) -> Result<u32> {
    match prepared.classes {
        Some(count) if count <= classes => Ok(classes as u32),
        Some(count) => {
            let remedy = format!("Set `classes = {count}`, or leave it out for a network without classes");
            Err(wrong_classes(
                format!("at least the {count} classes of the data"),
                classes.to_string(),
                &remedy,
            ))
        }
        None => {
            let remedy =
                "Give `labels` in [data] (images have the folders for classes), or leave `classes` out";
            Err(wrong_classes(
                "data with labels".into(),
                format!("{classes} classes for data without"),
                remedy,
            ))
        }
    }
}

fn wrong_classes(expected: String, got: String, remedy: &str) -> Failure {
    Failure::Value {
        place: "[network]".into(),
        what: "network.classes".into(),
        expected,
        got,
        remedy: remedy.into(),
    }
}

fn optimiser(schedule: &Schedule, weights: &[f32]) -> Optimiser {
    let settings = AdamSettings { weight_decay: schedule.weight_decay, ..AdamSettings::default() };
    let decay = match schedule.cosine {
        true => Decay::Cosine { steps: schedule.updates as u64, last: 0.0 },
        false => Decay::Constant,
    };
    Optimiser {
        adam: Adam::new(settings, weights.len()),
        rate: Rate { peak: schedule.learning_rate, warmup: schedule.warm_up as u64, decay },
        clip: schedule.clip,
        average: schedule.average.map(|decay| Average::new(decay, true, weights)),
    }
}

/// `recipe.toml` of the output: everything resolved, with the fingerprints of the files that were read.
///
/// # Errors
/// Files that cannot be read.
pub fn record(recipe: &Recipe) -> Result<Table> {
    let mut record = recipe.resolved.clone();
    let mut files = Table::new();
    for file in &recipe.files {
        files.insert(file.key.join("."), sha256_of(&file.path)?.into());
    }
    if !files.is_empty() {
        record.insert(FINGERPRINTS.into(), files.into());
    }
    Ok(record)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_update_is_called_slow_beyond_some_seconds() {
        assert_eq!(slow_note(10, 64, 250_000_000_000), None);
        let note = slow_note(1234, 64, 30_000_000_000_000).unwrap();
        let words = "the 1234 weights on a batch of 64 takes about 30.0 TFLOP: 600 s at 50 GFLOP/s.";
        assert!(note.contains(words), "{note}");
    }
}
