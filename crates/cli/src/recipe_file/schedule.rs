//! `[training]`: how long, how fast, and how often something is shown or saved.

use crate::failure::Result;
use crate::model_file::{Node, Section, Value};

/// `[training]`, understood.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    /// Updates of the weights.
    pub updates: usize,
    /// Pairs an update.
    pub batch: usize,
    /// Largest learning rate.
    pub learning_rate: f64,
    /// Updates over which the learning rate grows linearly from 0.
    pub warm_up: usize,
    /// Whether it falls to 0 along a cosine afterwards.
    pub cosine: bool,
    /// Decoupled weight decay (AdamW); 0 for Adam.
    pub weight_decay: f64,
    /// Largest 2-norm of the gradient.
    pub clip: Option<f64>,
    /// Decay of the moving average of the weights an update; absent for the weights themselves.
    pub average: Option<f64>,
    /// Updates between two checkpoints.
    pub checkpoint: usize,
    /// Updates between two validations.
    pub validate: usize,
    /// Pairs of a validation, at least 2, so that there is a standard error.
    pub validation_pairs: usize,
    /// Updates between two looks at generated samples.
    pub look: usize,
    /// Samples of a look.
    pub samples: usize,
    /// Numbers of updates after which the model is kept for itself, rising.
    pub keep: Vec<usize>,
    /// Share of the pairs whose class is withheld, so that the network learns the data as a whole too.
    pub withhold: f64,
    /// Seed of all random streams.
    pub seed: u64,
}

impl Schedule {
    /// Reads `[training]`; everything has a default.
    ///
    /// # Errors
    /// Bad keys or values.
    pub fn read(section: &Section) -> Result<Schedule> {
        const MOST: i64 = 1_000_000_000;
        let whole = |key: &str, default: usize, most: i64| {
            section.count_or(key, default, 1..=most, &format!("a whole number from 1 to {most}"))
        };
        let updates = whole("updates", 12_000, MOST)?;
        let tenth = (updates / 10).clamp(1, 1_000);
        let decay = section.choice("decay", &[("constant", false), ("cosine", true)], Some("constant"))?;
        let clip = section.number("clip", f64::MIN_POSITIVE.., "a number > 0")?;
        let average =
            section.number_or("average", 0.999, 0.0..1.0, "a decay from 0 (no average) to below 1")?;
        Ok(Schedule {
            updates,
            batch: whole("batch", 256, 1 << 20)?,
            learning_rate: section.number_or("learning_rate", 1e-3, f64::MIN_POSITIVE.., "a number > 0")?,
            warm_up: section.count_or("warm_up", 0, 0..=MOST, "a whole number ≥ 0")?,
            cosine: decay,
            weight_decay: section.number_or("weight_decay", 0.0, 0.0.., "a number ≥ 0")?,
            clip,
            average: (average > 0.0).then_some(average),
            checkpoint: whole("checkpoint", tenth, MOST)?,
            validate: whole("validate", tenth, MOST)?,
            validation_pairs: section.count_or(
                "validation_pairs",
                4_096,
                2..=1 << 24,
                "a whole number from 2 to 16777216",
            )?,
            look: whole("look", (updates / 4).max(1), MOST)?,
            samples: whole("samples", 1_000, 1 << 20)?,
            keep: keep(section, updates)?,
            withhold: section.number_or("withhold", 0.1, 0.0..=1.0, "a share from 0 to 1")?,
            seed: section.count_or("seed", 0, 0.., "a whole number ≥ 0")? as u64,
        })
    }
}

/// `keep`: a list of numbers of updates, or how many models are kept at even distances; none by default.
fn keep(section: &Section, updates: usize) -> Result<Vec<usize>> {
    /// Most models that are kept.
    const MOST: usize = 1_000;
    let meaning = format!(
        "how many models are kept, at most {MOST} and one an update, or a list of numbers of updates from 1 to {updates}"
    );
    let most = MOST.min(updates);
    let whole = |value: &Value, most: usize| match value {
        Value::Integer(number) => usize::try_from(*number).ok().filter(|number| (1..=most).contains(number)),
        _ => None,
    };
    let Some(node) = section.node("keep") else { return Ok(Vec::new()) };
    let refuse = |value: &Value| section.wrong("keep", meaning.as_str(), value.describe());
    let mut kept: Vec<usize> = match &node.value {
        Value::List(items) if items.len() <= MOST => {
            let at = |item: &Node| whole(&item.value, updates).ok_or_else(|| refuse(&item.value));
            items.iter().map(at).collect::<Result<_>>()?
        }
        value => {
            let count = whole(value, most).ok_or_else(|| refuse(value))?;
            (1..=count).map(|i| (i as u128 * updates as u128 / count as u128) as usize).collect()
        }
    };
    kept.sort_unstable();
    kept.dedup();
    section.record("keep", kept.iter().map(|&n| n as i64).collect::<Vec<_>>());
    Ok(kept)
}
