//! `models`: what is built in.

use super::single::print;
use crate::failure::Result;
use crate::model_file::{BUILTINS, Settings, load, read_spec};
use crate::options::{Format, Models};
use serde_json::json;
use surefoot::process::{Family, Process};

/// Lists the built-in models.
///
/// # Errors
/// When the system refuses to print.
pub fn models(options: &Models) -> Result<()> {
    let mut entries = Vec::new();
    for builtin in &BUILTINS {
        let name = format!("builtin:{}", builtin.name);
        let spec = read_spec(&name, &[])?;
        let dim = load(&name, &Settings::default())?.system.dim();
        entries.push((name, dim, process_name(&spec.process), builtin.description));
    }
    if options.screen.format == Format::Json {
        let list: Vec<_> = entries
            .iter()
            .map(|(name, dim, process, description)| {
                json!({ "name": name, "dim": dim, "process": process, "description": description })
            })
            .collect();
        return print(format!("{:#}\n", json!(list)).as_bytes());
    }
    let width = entries.iter().map(|(name, ..)| name.len()).max().unwrap_or(0);
    let lines: String = entries
        .iter()
        .map(|(name, dim, process, description)| {
            format!("{name:<width$}  D = {dim}  {process:<10}  {description}\n")
        })
        .collect();
    print(lines.as_bytes())
}

/// A process in a few words.
pub fn process_name(process: &Process) -> String {
    match process {
        Process::Flow => "flow".into(),
        Process::Diffusion { noising, noise_level } => {
            format!("{}, η = {noise_level}", family(noising.family))
        }
    }
}

fn family(family: Family) -> &'static str {
    match family {
        Family::Ou => "ou",
        Family::Vp => "vp",
        Family::SubVp => "subvp",
        Family::Ve => "ve",
    }
}
