//! From a recipe to a trainer.

use crate::failure::{Failure, Result};
use crate::model_file::{law_of_source, sha256_of, support_of};
use crate::recipe_file::{BudgetRecipe, CrossRecipe, NetworkRecipe, Prepared, Recipe, Schedule};
use surefoot::process::Grid;
use surefoot::support::SharedSupport;
use surefoot::train::networks::Network;
use surefoot::train::optimiser::{Adam, AdamSettings, Average, Decay, Optimiser, Rate};
use surefoot::train::{BudgetWeighting, Classes, CrossPenalty, Task, Trainer};
use surefoot_graph::{Graph, Limits};
use toml::value::Table;

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
    let trainer = Trainer::new(task, &graph, |weights| optimiser(schedule, weights))?;
    match &recipe.robust.budget {
        None => Ok(trainer),
        Some(budget) => Ok(trainer.with_budget(weighting(recipe, budget, limits)?)?),
    }
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
            let classes = fitting_classes(network, prepared)?;
            Ok((network.graph(&prepared.shape, recipe.schedule.seed, limits)?, classes))
        }
        NetworkRecipe::File(file) => {
            let graph = Graph::read(file, limits).map_err(surefoot::Error::from)?;
            Ok((graph, None))
        }
    }
}

/// The label for no class, if the network has as many classes as the data.
fn fitting_classes(network: &Network, prepared: &Prepared) -> Result<Option<u32>> {
    let Some(classes) = network.classes() else { return Ok(None) };
    match prepared.classes {
        Some(count) if count <= classes => Ok(network.no_class().map(|none| none as u32)),
        found => Err(Failure::Value {
            place: "[network]".into(),
            what: "classes".into(),
            expected: found
                .map_or("data with labels".into(), |count| format!("at least the {count} of the data")),
            got: classes.to_string(),
            remedy: "Give `labels` in [data], or leave `classes` out".into(),
        }),
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
        record.insert("sha256".into(), files.into());
    }
    Ok(record)
}
