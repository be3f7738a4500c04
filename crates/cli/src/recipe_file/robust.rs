//! `[robust]`: what a training does for samples that stay on the support although the model errs.

use crate::failure::Result;
use crate::model_file::Section;

/// `[robust]`, understood.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Robust {
    /// `weight = "budget"`: the loss is weighted over time by the gain budget.
    pub budget: Option<BudgetRecipe>,
    /// `penalty`: cross derivatives are penalised.
    pub cross: Option<CrossRecipe>,
}

/// The penalty on cross derivatives.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CrossRecipe {
    /// Its factor.
    pub strength: f64,
    /// The noise, as a multiple of the data's share of the state, up to which it acts.
    pub reach: f64,
}

/// How the gain budget is measured.
#[derive(Debug, Clone, PartialEq)]
pub struct BudgetRecipe {
    /// Updates between two measurements.
    pub every: usize,
    /// Sample paths of one.
    pub paths: usize,
    /// Steps of a path.
    pub steps: usize,
    /// Least weight.
    pub floor: f64,
}

impl Robust {
    /// Reads `[robust]`; `updates` and `steps` are those of the training and the sampler.
    ///
    /// # Errors
    /// Bad keys or values.
    pub fn read(section: &Section, updates: usize, steps: usize) -> Result<Robust> {
        let weighted = section.choice("weight", &[("none", false), ("budget", true)], Some("none"))?;
        let budget = weighted.then(|| BudgetRecipe::read(section, updates, steps)).transpose()?;
        let strength = section.number("penalty", f64::MIN_POSITIVE.., "a number > 0")?;
        let cross = strength.map(|strength| CrossRecipe::read(section, strength)).transpose()?;
        Ok(Robust { budget, cross })
    }
}

impl BudgetRecipe {
    /// Most steps of a path unless more are asked for.
    const STEPS: usize = 50;

    fn read(section: &Section, updates: usize, steps: usize) -> Result<BudgetRecipe> {
        let whole = |key: &str, default: usize, most: i64| {
            section.count_or(key, default, 1..=most, &format!("a whole number from 1 to {most}"))
        };
        Ok(BudgetRecipe {
            every: whole("measure", (updates / 10).max(1), 1_000_000_000)?,
            paths: whole("paths", 128, 1 << 20)?,
            steps: whole("steps", steps.min(Self::STEPS), surefoot::process::MAX_STEPS as i64)?,
            floor: section.number_or("floor", 0.1, 0.0..=1.0, "a weight from 0 to 1")?,
        })
    }
}

impl CrossRecipe {
    fn read(section: &Section, strength: f64) -> Result<CrossRecipe> {
        let reach = section.number_or("reach", 0.5, f64::MIN_POSITIVE.., "a number > 0")?;
        Ok(CrossRecipe { strength, reach })
    }
}
