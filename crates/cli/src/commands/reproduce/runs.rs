//! The runs behind the figures, as commands that anyone can type.

use crate::commands::execute::Finished;
use crate::failure::{Failure, Result};
use crate::options::{FigureName, Reproduce};
use std::collections::BTreeMap;

/// Points of CdC's Fig. 8.
const POINTS: usize = 40_000;
/// Points of the robustness experiments.
const TWINS: usize = 4_000;
/// Points of a quick look.
const QUICK: usize = 500;

/// Finished runs by name.
pub type Runs = BTreeMap<&'static str, Finished>;

/// A run to be carried out.
pub struct Planned {
    /// Its name and folder.
    pub name: &'static str,
    /// The words after `surefoot`.
    pub words: Vec<String>,
}

impl Planned {
    /// The command.
    pub fn command(&self) -> String {
        format!("surefoot {}", self.words.join(" "))
    }
}

/// Diffusion models with errors of the score. CdC puts ε χ beside 2 s, which is an error ε χ/2 of the score (theory §3),
/// so their ε = 0.1, 0.5 and 1 are sizes 0.05, 0.25 and 0.5 here.
const WITH_ERRORS: [(&str, &str); 2] =
    [("errors-sgm-sde", "builtin:two-moons-sgm-sde"), ("errors-sgm-ode", "builtin:two-moons-sgm-ode")];
/// All models, for exponents and alignment.
const ALL: [(&str, &str); 5] = [
    ("sgm-sde", "builtin:two-moons-sgm-sde"),
    ("sgm-ode", "builtin:two-moons-sgm-ode"),
    ("otcfm", "moons-otcfm.toml"),
    ("cfm", "moons-cfm.toml"),
    ("si", "moons-si.toml"),
];

/// The runs that the figures need.
///
/// # Errors
/// Trained models that are not there.
pub fn plan(options: &Reproduce, figures: &[FigureName]) -> Result<Vec<Planned>> {
    use FigureName::{Fig1, Fig2, Fig4, Fig7, Fig8};
    let needs = |list: &[FigureName]| figures.iter().any(|figure| list.contains(figure));
    let samples = |usual: usize| options.samples.unwrap_or(if options.quick { QUICK } else { usual });
    let mut plan = Vec::new();
    let mut add = |name: &'static str, model: String, samples: usize, more: &[&str]| {
        let folder = options.out.join(name).display().to_string();
        let (samples, seed) = (samples.to_string(), options.seed.to_string());
        let mut words = vec!["analyze".to_string(), model, "--no-regularity".into(), "--no-response".into()];
        words.extend(more.iter().map(|word| word.to_string()));
        words.extend(["-n".into(), samples, "--seed".into(), seed, "-o".into(), folder]);
        plan.push(Planned { name, words });
    };
    if needs(&[Fig1, Fig2, Fig4]) {
        for (name, model) in WITH_ERRORS {
            let errors = ["--error-in", "score", "--sizes", "0.05,0.25,0.5", "--direction", "1,1"];
            add(name, model.into(), samples(TWINS), &errors);
        }
    }
    if needs(&[Fig7, Fig8]) {
        for (name, model) in ALL {
            let model = if model.starts_with("builtin:") { model.into() } else { trained(options, model)? };
            add(name, model, samples(POINTS), &["--error", "constant", "--sizes", "0.1"]);
        }
    }
    Ok(plan)
}

/// The path of a trained model.
fn trained(options: &Reproduce, file: &str) -> Result<String> {
    let path = options.models.join(file);
    if path.is_file() {
        return Ok(path.display().to_string());
    }
    Err(Failure::Value {
        place: "--models".into(),
        what: "folder of the trained models".into(),
        expected: format!("{file} in it"),
        got: format!("{}, which is not there", path.display()),
        remedy: "Name the folder `models` of surefoot's repository, or leave out fig7 and fig8".into(),
    })
}
