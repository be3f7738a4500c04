//! `inspect`: what a model file contains, and whether its derivatives agree with arrays made elsewhere.

use super::export_derivative::{ports, shape};
use super::models::process_name;
use super::single::print;
use crate::data_file::{Array, npz};
use crate::failure::{Failure, Result};
use crate::model_file::{FieldSpec, ModelSpec, read_spec};
use crate::options::{Format, Inspect};
use serde::Serialize;
use serde_json::json;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use surefoot_graph::{Description, Graph, Layer, Limits, Network, Port, Precision};

/// Largest deviation allowed, max |difference| / max |reference|: (f32, f64). ONNX stores attributes in f32, so that
/// f64 cannot agree to its own rounding.
const TOLERANCE: [f64; 2] = [2e-5, 1e-6];

/// Deviation of one quantity in one precision.
#[derive(Debug, Clone, Serialize)]
struct Deviation {
    quantity: &'static str,
    precision: &'static str,
    deviation: f64,
    tolerance: f64,
}

/// Describes a file, and checks it where asked.
///
/// # Errors
/// An unreadable file; exit code 1 when a check fails.
pub fn inspect(options: &Inspect) -> Result<()> {
    let (spec, onnx) = files(&options.file)?;
    let Some(onnx) = onnx else {
        return analytic(options, spec.as_ref());
    };
    let description = Description::read(&onnx, &Limits::default()).map_err(surefoot::Error::from)?;
    let deviations = match &options.check {
        Some(reference) => compare(&onnx, reference)?,
        None => Vec::new(),
    };
    match options.screen.format {
        Format::Json => {
            print(format!("{:#}\n", as_json(&onnx, spec.as_ref(), &description, &deviations)).as_bytes())?
        }
        Format::Text => print(as_text(&onnx, spec.as_ref(), &description, &deviations).as_bytes())?,
    }
    let failed: Vec<String> = deviations
        .iter()
        .filter(|d| d.deviation.is_nan() || d.deviation > d.tolerance)
        .map(|d| {
            format!(
                "{} in {} deviates by {:.2e}, allowed {:.0e}",
                d.quantity, d.precision, d.deviation, d.tolerance
            )
        })
        .collect();
    if failed.is_empty() {
        Ok(())
    } else {
        Err(Failure::Unmet(format!("{}: {}", onnx.display(), failed.join("; "))))
    }
}

/// The model file, if one is given, and the ONNX file behind it.
///
/// # Errors
/// An unreadable model file.
pub fn files(name: &str) -> Result<(Option<ModelSpec>, Option<PathBuf>)> {
    if !name.starts_with("builtin:") && Path::new(name).extension().is_some_and(|end| end == "onnx") {
        return Ok((None, Some(PathBuf::from(name))));
    }
    let spec = read_spec(name, &[])?;
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
        .map(|node| json!({ "node": node.node, "operator": node.operator, "reason": node.reason }))
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

/// Operations in the unit that leaves at most four digits before the point.
fn flop(count: u64) -> String {
    let scales = [(1e13, 1e12, "T"), (1e10, 1e9, "G"), (1e7, 1e6, "M")];
    let exact = count as f64;
    match scales.iter().find(|(from, ..)| exact >= *from) {
        Some((_, unit, name)) => format!("{:.1} {name}FLOP", exact / unit),
        None => format!("{count} FLOP"),
    }
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
            "{}: {}, predicts {}, {} steps",
            spec.name,
            process_name(&spec.process),
            format!("{:?}", spec.predicts).to_lowercase(),
            spec.steps
        );
    }
    let Description { producer, opset, sample_shape, parameters, value_flops, tangent_flops, .. } =
        description;
    let _ = writeln!(text, "{}", file.display());
    let _ = writeln!(text, "  written by       {producer}, opset {opset}");
    let dim: usize = sample_shape.iter().product();
    let time = if description.takes_time { "x, t" } else { "x" };
    match &description.other_interface {
        None => {
            let _ = writeln!(
                text,
                "  inputs           {time}; a sample has the shape {sample_shape:?}, D = {dim}"
            );
        }
        Some(reason) => {
            let _ = writeln!(text, "  no model         {reason}");
            let _ = writeln!(text, "  inputs           {}", ports(&description.inputs, 1));
            let _ = writeln!(text, "  outputs          {}", ports(&description.outputs, 1));
        }
    }
    let _ = writeln!(text, "  parameters       {parameters}");
    if description.unsupported.is_empty() {
        let [value, tangent, call] = [*value_flops, *tangent_flops, description.call_flops].map(flop);
        let once =
            if description.call_flops > 0 { format!(", {call} a call for the time") } else { String::new() };
        let _ = writeln!(text, "  a value          {value} a sample, {tangent} more a tangent{once}");
        let _ = writeln!(text, "  memory           {} bytes a sample in f32", description.bytes_per_sample);
    }
    let operators: Vec<String> =
        description.operators.iter().map(|(name, count)| format!("{name} {count}")).collect();
    let _ = writeln!(text, "  operators        {}", operators.join(", "));
    text.push_str(&layer_table(description));
    for node in &description.unsupported {
        let _ = writeln!(text, "  unsupported      {} in node {}: {}", node.operator, node.node, node.reason);
    }
    for d in deviations {
        let verdict = if d.deviation <= d.tolerance { "agrees" } else { "DEVIATES" };
        let _ = writeln!(
            text,
            "  {:<5} {}        max |difference| / max |reference| = {:.2e}, allowed {:.0e}: {verdict}",
            d.quantity, d.precision, d.deviation, d.tolerance
        );
    }
    text
}

/// The arrays of a reference file.
struct Reference {
    file: PathBuf,
    arrays: Vec<(String, Array)>,
}

impl Reference {
    fn get(&self, name: &str) -> Option<&Array> {
        self.arrays.iter().find(|(other, _)| other == name).map(|(_, array)| array)
    }

    /// An array that must be there and hold something.
    fn required(&self, name: &'static str) -> Result<&Array> {
        self.fitting(name, "numbers for at least one sample".into(), |array| !array.values.is_empty())
    }

    /// An array that must be there, of `rows` samples with `width` numbers each.
    fn sized(&self, name: &'static str, rows: usize, width: usize) -> Result<&Array> {
        let expected = format!("{rows} samples of {width} numbers");
        self.fitting(name, expected, |array| array.rows() == rows && array.row_len() == width)
    }

    /// An array that must be there and be as expected.
    fn fitting(&self, name: &'static str, expected: String, fits: impl Fn(&Array) -> bool) -> Result<&Array> {
        let array = self.get(name);
        let got = array.map_or_else(|| "no such array".to_string(), |array| format!("{:?}", array.shape));
        array.filter(|array| fits(array)).ok_or_else(|| Failure::Value {
            place: self.file.display().to_string(),
            what: name.into(),
            expected,
            got,
            remedy: "Write x, t, y, and tangents with jvp, cotangents with vjp".into(),
        })
    }
}

fn compare(onnx: &Path, file: &Path) -> Result<Vec<Deviation>> {
    let graph = Graph::read(onnx, &Limits::default()).map_err(surefoot::Error::from)?;
    let reference = Reference { file: file.to_path_buf(), arrays: npz(file)? };
    let mut deviations = Vec::new();
    for (precision, name, tolerance) in
        [(Precision::F32, "f32", TOLERANCE[0]), (Precision::F64, "f64", TOLERANCE[1])]
    {
        let network = Network::new(&graph, precision).map_err(surefoot::Error::from)?;
        if graph.takes_time() {
            reference.required("t")?;
        }
        for (quantity, deviation) in Comparison::new(&network, &reference)?.deviations()? {
            deviations.push(Deviation { quantity, precision: name, deviation, tolerance });
        }
    }
    Ok(deviations)
}

/// A network beside reference arrays.
struct Comparison<'a> {
    network: &'a Network,
    reference: &'a Reference,
    x: &'a Array,
    /// One time a sample.
    times: Vec<f64>,
}

impl<'a> Comparison<'a> {
    fn new(network: &'a Network, reference: &'a Reference) -> Result<Self> {
        let rows = reference.required("x")?.rows();
        let x = reference.sized("x", rows, network.dim())?;
        let times = match reference.get("t") {
            None => vec![0.0; rows],
            Some(array) if array.values.len() == 1 => vec![array.values[0]; rows],
            Some(_) => reference.sized("t", rows, 1)?.values.clone(),
        };
        Ok(Comparison { network, reference, x, times })
    }

    fn deviations(&self) -> Result<Vec<(&'static str, f64)>> {
        let dim = self.network.dim();
        let y = self.reference.sized("y", self.x.rows(), dim)?;
        let value = self.by_sample(dim, |t, x, _, out| self.network.value(t, x, out), None);
        let mut list = vec![("value", deviation(&value, &y.values))];
        let mut directional = |quantity: &'static str, directions: &'static str, result: &'static str| {
            let Some(given) = self.reference.get(directions) else { return Ok(()) };
            let given = self.reference.sized(directions, self.x.rows(), given.row_len() / dim * dim)?;
            let expected = self.reference.sized(result, self.x.rows(), given.row_len())?;
            let computed = self.by_sample(
                given.row_len(),
                |t, x, v, out| {
                    let mut y = vec![0.0; x.len()];
                    match quantity {
                        "jvp" => self.network.tangents(t, x, v, &mut y, out),
                        _ => self.network.adjoint(t, x, v, &mut y, out),
                    }
                },
                Some(given),
            );
            list.push((quantity, deviation(&computed, &expected.values)));
            Ok::<(), Failure>(())
        };
        directional("jvp", "tangents", "jvp")?;
        directional("vjp", "cotangents", "vjp")?;
        Ok(list)
    }

    /// Asks the network sample by sample, as every sample has its own time.
    fn by_sample(
        &self,
        width: usize,
        ask: impl Fn(f64, &[f64], &[f64], &mut [f64]),
        directions: Option<&Array>,
    ) -> Vec<f64> {
        let mut out = vec![0.0; self.x.rows() * width];
        for (row, out) in out.chunks_exact_mut(width).enumerate() {
            let x = &self.x.values[row * self.network.dim()..][..self.network.dim()];
            let v = directions.map_or(&[][..], |array| &array.values[row * width..][..width]);
            ask(self.times[row], x, v, out);
        }
        out
    }
}

/// max |difference| / max |reference|; NaN where either is not finite.
fn deviation(computed: &[f64], reference: &[f64]) -> f64 {
    let largest = reference.iter().fold(0.0f64, |largest, value| largest.max(value.abs()));
    let differences = computed.iter().zip(reference).map(|(a, b)| (a - b).abs());
    let worst = differences
        .fold(0.0f64, |worst, d| if d.is_nan() || worst.is_nan() { f64::NAN } else { worst.max(d) });
    if largest > 0.0 { worst / largest } else { worst }
}
