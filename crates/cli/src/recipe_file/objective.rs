//! `[objective]`: what the network learns, at which times, and how sources and data are paired.

use super::pairs::PairsRecipe;
use crate::failure::Result;
use crate::model_file::{Files, ProcessSpec, Section};
use surefoot::process::{Clock, Predicts, Process};
use surefoot::train::coupling::Coupling;
use surefoot::train::objective::{Method, Objective, Path, Spread, Times, Weight};

/// `[objective]`, understood.
#[derive(Debug, Clone)]
pub struct Learning {
    /// What the network learns.
    pub objective: Objective,
    /// At which times.
    pub times: Times,
    /// How sources and data are paired.
    pub coupling: Coupling,
    /// Pairs that were made beforehand, in place of the data.
    pub pairs: Option<PairsRecipe>,
    /// The process, for its clock.
    pub process: Process,
    /// The network's time.
    pub clock: Clock,
    /// The meaning of the output, as a model file names it.
    pub predicts: &'static str,
}

/// Outputs of diffusion networks.
const OUTPUTS: [(&str, Predicts); 4] = [
    ("score", Predicts::Score),
    ("noise", Predicts::Noise),
    ("denoised", Predicts::Denoised),
    ("v", Predicts::V),
];

impl Learning {
    /// In a few words.
    pub fn describe(&self) -> String {
        match self.objective {
            Objective::Denoising { .. } => format!("denoising score matching, predicts {}", self.predicts),
            Objective::Matching { path, sigma, .. } => {
                let pairs = match self.pairs {
                    Some(_) => "given pairs",
                    None => coupling_name(self.coupling),
                };
                format!("flow matching, {}, σ = {sigma}, {pairs}", path.name())
            }
        }
    }

    /// Reads `[objective]` for a process.
    ///
    /// # Errors
    /// Bad keys or values, a method that does not fit the process.
    pub fn read(section: &Section, files: &Files, spec: &ProcessSpec) -> Result<Learning> {
        let (process, clock) = (spec.process, spec.clock);
        let weight = |default: &str| -> Result<Weight> {
            let choices = Weight::NAMES.map(|name| (name, name));
            let name = section.choice("weight", &choices, Some(default))?;
            Ok(match Weight::from_name(name)? {
                Weight::MinSnr { gamma } => Weight::MinSnr {
                    gamma: section.number_or("gamma", gamma, f64::MIN_POSITIVE.., "a number > 0")?,
                },
                other => other,
            })
        };
        let learning = match process {
            Process::Flow => {
                let choices = Method::NAMES.map(|name| (name, name));
                let method = Method::from_name(section.choice("method", &choices, Some("ot-cfm"))?)?;
                let pairs = PairsRecipe::read(section, files)?;
                if pairs.is_some() && method != Method::Rectified {
                    let expected = "\"rectified\" for given `pairs`";
                    return Err(section.wrong("method", expected, format!("{:?}", method.name())));
                }
                let bridge = method.path() == Path::Bridge;
                let (least, meaning) = match bridge {
                    true => (f64::MIN_POSITIVE, "a number > 0: 2σ² is the regularisation of its coupling"),
                    false => (0.0, "a number ≥ 0"),
                };
                let sigma = section.number_or("sigma", method.sigma(), least.., meaning)?;
                let weight = weight(if bridge { "bridge" } else { "uniform" })?;
                let margin = if bridge { 1e-3 } else { 0.0 };
                Learning {
                    objective: Objective::Matching { path: method.path(), sigma, weight },
                    times: times(section, [margin, 1.0 - margin], Spread::Uniform)?,
                    coupling: method.coupling(sigma),
                    pairs,
                    process,
                    clock,
                    predicts: "velocity",
                }
            }
            Process::Diffusion { noising, .. } => {
                let predicts = section.choice("predicts", &OUTPUTS, Some("noise"))?;
                let weight = weight("sigma2")?;
                let choices = [("uniform", Spread::Uniform), ("log-snr", Spread::LogSnr(noising))];
                let spread = section.choice("spread", &choices, Some("uniform"))?;
                let name = OUTPUTS.iter().find(|(_, output)| *output == predicts).map_or("noise", |o| o.0);
                Learning {
                    objective: Objective::Denoising { noising, predicts, weight },
                    times: times(section, [spec.end, spec.start], spread)?,
                    coupling: Coupling::AsDrawn,
                    pairs: None,
                    process,
                    clock,
                    predicts: name,
                }
            }
        };
        learning.objective.check(&learning.times)?;
        Ok(learning)
    }
}

fn coupling_name(coupling: Coupling) -> &'static str {
    match coupling {
        Coupling::AsDrawn => "independent pairs",
        Coupling::Exact => "optimal transport of the batches",
        Coupling::Entropic(_) => "entropic transport of the batches",
    }
}

/// `times = [low, high]`, stratified over a batch unless said otherwise.
fn times(section: &Section, default: [f64; 2], spread: Spread) -> Result<Times> {
    let meaning = "two model times [low, high] with 0 <= low < high <= 1";
    let range = section.numbers("times", 0.0..=1.0, meaning)?.unwrap_or_else(|| default.to_vec());
    section.record("times", range.clone());
    let stratified =
        section.choice("draw", &[("stratified", true), ("independent", false)], Some("stratified"))?;
    match range[..] {
        [low, high] if low < high => Ok(Times { low, high, spread, stratified }),
        _ => Err(section.wrong("times", meaning, format!("{range:?}"))),
    }
}
