//! `inspect`: what a model file contains, and whether its derivatives agree with arrays made elsewhere.

use super::export_derivative::{ports, shape};
use super::models::process_name;
use super::reference::{Deviation, compare};
use super::single::print;
use crate::failure::{Failure, Result};
use crate::model_file::{FieldSpec, ModelSpec, read_network_spec};
use crate::options::{Format, Inspect};
use crate::table::{counted, flop};
use serde_json::json;
use std::ffi::OsStr;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use surefoot_graph::error::count;
use surefoot_graph::{Description, Graph, Layer, Port};

/// Describes a file, and checks it where asked.
///
/// # Errors
/// An unreadable file, and after the description: a network that cannot be run (exit code 2), or one that fails its
/// check (exit code 1).
pub fn inspect(options: &Inspect) -> Result<()> {
    let (spec, onnx) = files(&options.file)?;
    let Some(onnx) = onnx else {
        return analytic(options, spec.as_ref());
    };
    let limits = options.memory.limits();
    let description = Description::read(&onnx, &limits).map_err(surefoot::Error::from)?;
    let meant_to_run = spec.is_some() || options.check.is_some();
    let function = description.other_interface.is_some() && Graph::read_function(&onnx, &limits).is_ok();
    let obstacle = obstacle(&onnx, &description, function && !meant_to_run);
    let deviations = match &options.check {
        Some(reference) if obstacle.is_none() => compare(&onnx, reference, &limits)?,
        _ => Vec::new(),
    };
    let text = match options.screen.format {
        Format::Json => format!("{:#}\n", as_json(&onnx, spec.as_ref(), &description, &deviations)),
        Format::Text => printable(&as_text(&onnx, spec.as_ref(), &description, &deviations)),
    };
    print(text.as_bytes())?;
    if let Some(obstacle) = obstacle {
        return Err(Failure::Usage(obstacle));
    }
    let failed: Vec<String> =
        deviations.iter().filter(|deviation| !deviation.agrees()).map(Deviation::to_string).collect();
    if failed.is_empty() {
        Ok(())
    } else {
        Err(Failure::Unmet(format!("{}: {}", onnx.display(), failed.join("; "))))
    }
}

/// A text without characters, from names in a file, that a terminal would act upon.
fn printable(text: &str) -> String {
    let plain = |c: char| match c {
        '\n' => c.to_string(),
        c if c.is_control() => c.escape_default().to_string(),
        c => c.to_string(),
    };
    text.chars().map(plain).collect()
}

/// Why no command can run a network, if so. A function that is no model, such as a constraint or a derivative that
/// surefoot has written, is not meant to be one, unless a model file or a check says so.
fn obstacle(file: &Path, description: &Description, function: bool) -> Option<String> {
    let file = file.display();
    if !description.unsupported.is_empty() {
        let nodes = count(&description.unsupported);
        return Some(format!(
            "{file}: expected a network that can be run, got {nodes} that cannot be, as listed"
        ));
    }
    description.other_interface.clone().filter(|_| !function)
}

/// The model file, if one is given, and the ONNX file behind it.
///
/// # Errors
/// An unreadable model file.
pub fn files(name: &str) -> Result<(Option<ModelSpec>, Option<PathBuf>)> {
    let is_onnx = |end: &OsStr| end.eq_ignore_ascii_case("onnx");
    if !name.starts_with("builtin:") && Path::new(name).extension().is_some_and(is_onnx) {
        return Ok((None, Some(PathBuf::from(name))));
    }
    let spec = read_network_spec(name)?;
    let onnx = match &spec.field {
        FieldSpec::Onnx { file, .. } => Some(file.clone()),
        FieldSpec::Analytic { .. } => None,
    };
    Ok((Some(spec), onnx))
}

/// A field without a file: its resolved model file says everything.
fn analytic(options: &Inspect, spec: Option<&ModelSpec>) -> Result<()> {
    if options.check.is_some() {
        return Err(Failure::Usage(format!(
            "{}: expected a network to check, got an analytic field. Leave --check out",
            options.file
        )));
    }
    let Some(spec) = spec else { return Ok(()) };
    match options.screen.format {
        Format::Json => print(format!("{:#}\n", json!({ "model": spec.resolved })).as_bytes()),
        Format::Text => print(crate::store::to_toml(&spec.resolved)?.as_bytes()),
    }
}

fn as_json(
    file: &Path,
    spec: Option<&ModelSpec>,
    description: &Description,
    deviations: &[Deviation],
) -> serde_json::Value {
    let operators: serde_json::Map<String, serde_json::Value> =
        description.operators.iter().map(|(name, count)| (name.clone(), (*count).into())).collect();
    let unsupported: Vec<_> = description
        .unsupported
        .iter()
        .map(|node| {
            json!({ "node": node.node, "operator": node.operator, "reason": node.reason, "list": node.list })
        })
        .collect();
    let mut value = json!({
        "file": file.display().to_string(),
        "producer": description.producer,
        "opset": description.opset,
        "sample_shape": description.sample_shape,
        "takes_time": description.takes_time,
        "parameters": description.parameters,
        "value_flops": description.value_flops,
        "tangent_flops": description.tangent_flops,
        "call_flops": description.call_flops,
        "bytes_per_sample": description.bytes_per_sample,
        "inputs": description.inputs.iter().map(port_json).collect::<Vec<_>>(),
        "outputs": description.outputs.iter().map(port_json).collect::<Vec<_>>(),
        "layers": description.layers.iter().map(layer_json).collect::<Vec<_>>(),
        "operators": operators,
        "unsupported": unsupported,
    });
    if let Some(reason) = &description.other_interface {
        value["no_model"] = json!(reason);
    }
    if let Some(spec) = spec {
        value["model"] = json!(spec.resolved);
    }
    if !deviations.is_empty() {
        value["check"] = json!(deviations);
    }
    value
}

fn port_json(port: &Port) -> serde_json::Value {
    json!({ "name": port.name, "shape": shape(port, 1) })
}

fn layer_json(layer: &Layer) -> serde_json::Value {
    json!({
        "operator": layer.operator,
        "weights": layer.weights,
        "arguments": layer.arguments,
        "shape": layer.shape,
        "flops": layer.flops,
    })
}

/// Most layers in the table.
const MOST_LAYERS: usize = 8;

/// The heaviest layers, with their share of the work of a sample.
fn layer_table(description: &Description) -> String {
    let total = description.layers.iter().map(|layer| layer.flops).sum::<u64>().max(1) as f64;
    let mut text = String::new();
    for (i, layer) in description.layers.iter().take(MOST_LAYERS).enumerate() {
        let title = if i == 0 { "heaviest layers" } else { "" };
        let [a, b] = &layer.arguments;
        let name = layer.weights.as_deref().unwrap_or("");
        let line = format!(
            "  {title:<17}{:5.1} %  {:>12}  {} {a:?} {b:?} → {:?}  {name}",
            100.0 * layer.flops as f64 / total,
            flop(layer.flops),
            layer.operator,
            layer.shape
        );
        let _ = writeln!(text, "{}", line.trim_end());
    }
    let rest = description.layers.len().saturating_sub(MOST_LAYERS);
    if rest > 0 {
        let _ = writeln!(text, "  {:<17}and {rest} more (--format json lists all)", "");
    }
    text
}

fn as_text(
    file: &Path,
    spec: Option<&ModelSpec>,
    description: &Description,
    deviations: &[Deviation],
) -> String {
    let mut text = String::new();
    if let Some(spec) = spec {
        let _ = writeln!(
            text,
            "{}: {}, predicts {}, {}",
            spec.name,
            process_name(&spec.process),
            format!("{:?}", spec.predicts).to_lowercase(),
            counted(spec.steps, "step")
        );
    }
    let Description { producer, opset, sample_shape, parameters, value_flops, tangent_flops, .. } =
        description;
    let _ = writeln!(text, "{}", file.display());
    let producer = if producer.trim().is_empty() { "an unnamed program" } else { producer };
    let _ = writeln!(text, "  written by       {producer}, opset {opset}");
    let dim: usize = sample_shape.iter().product();
    let label = description.inputs.iter().any(|port| port.name == "label");
    let inputs: Vec<&str> = [("x", true), ("t", description.takes_time), ("label", label)]
        .into_iter()
        .filter_map(|(name, there)| there.then_some(name))
        .collect();
    let inputs = inputs.join(", ");
    match &description.other_interface {
        None => {
            let _ = writeln!(
                text,
                "  inputs           {inputs}; a sample has the shape {sample_shape:?}, D = {dim}"
            );
        }
        Some(reason) => {
            let _ = writeln!(text, "  no model         {reason}");
            if description.unsupported.is_empty() {
                let _ = writeln!(
                    text,
                    "  serves as        a function: a constraint of [support], or with one number a sample an --observable"
                );
            }
            let _ = writeln!(text, "  inputs           {}", ports(&description.inputs, 1));
            let _ = writeln!(text, "  outputs          {}", ports(&description.outputs, 1));
        }
    }
    let _ = writeln!(text, "  parameters       {parameters}");
    if description.unsupported.is_empty() {
        let [value, tangent, call] = [*value_flops, *tangent_flops, description.call_flops].map(flop);
        let once =
            if description.call_flops > 0 { format!(", {call} a call for the time") } else { String::new() };
        let products = if *value_flops > 0 || description.call_flops > 0 {
            format!("{value} a sample, {tangent} more a tangent{once}")
        } else {
            "no matrix products or convolutions, whose work is counted here".into()
        };
        let _ = writeln!(text, "  a value          {products}");
        let _ = writeln!(
            text,
            "  memory           {} bytes a sample in f32 between layers",
            description.bytes_per_sample
        );
    }
    let operators: Vec<String> =
        description.operators.iter().map(|(name, count)| format!("{name} {count}")).collect();
    let _ = writeln!(text, "  operators        {}", operators.join(", "));
    text.push_str(&layer_table(description));
    for node in &description.unsupported {
        let _ = writeln!(text, "  unsupported      {node}");
    }
    for d in deviations {
        let verdict = if d.agrees() { "agrees" } else { "DEVIATES" };
        let _ = writeln!(
            text,
            "  {:<5} {}        max |difference| / max |reference| = {:.2e}, allowed {:.0e}: {verdict}",
            d.quantity, d.precision, d.deviation, d.tolerance
        );
    }
    text
}
