//! `export-derivative`: a derivative of a network as an ONNX file.

use super::inspect::files;
use super::single::print;
use crate::failure::{Failure, Result};
use crate::model_file::{FieldSpec, ModelSpec};
use crate::options::{DerivativeChoice, ExportDerivative, Format, PrecisionName};
use crate::store::write_file;
use serde_json::json;
use std::path::Path;
use surefoot_graph::{Derivative, Extent, Graph, Port, Precision, WriteOptions};

/// Writes the derivative that was asked for.
///
/// # Errors
/// A model that cannot be read or differentiated, no directions or too many, a place that cannot be written.
pub fn export_derivative(options: &ExportDerivative) -> Result<()> {
    let (spec, onnx) = files(&options.file)?;
    let Some(onnx) = onnx else {
        return Err(Failure::Usage(format!(
            "{}: expected a network, got an analytic field. Name an ONNX file, or a model file with one",
            options.file
        )));
    };
    check_out(&options.out, &onnx)?;
    let chosen = Chosen::of(&options.derivative);
    let graph = Graph::read(&onnx, &options.memory.limits()).map_err(surefoot::Error::from)?;
    let derived = graph.derivative(chosen.derivative).map_err(surefoot::Error::from)?;
    let stem = onnx.file_stem().map_or_else(|| "network".into(), |stem| stem.to_string_lossy().into_owned());
    let described = WriteOptions {
        precision: precision(options.precision, spec.as_ref()),
        directions: chosen.directions,
        name: stem.clone(),
        description: format!(
            "{}, where f is {stem}; x [batch, ...], t [batch], {} directions",
            chosen.formula, chosen.directions
        ),
        ..WriteOptions::default()
    };
    let bytes = derived.to_onnx(&described).map_err(|error| chosen.refused(error))?;
    write_file(&options.out, &bytes)?;
    if options.screen.quiet {
        return Ok(());
    }
    report(options, &derived, chosen.directions, bytes.len())
}

/// The output must be called an ONNX file, and must not be the network itself.
fn check_out(out: &Path, onnx: &Path) -> Result<()> {
    let refuse = |expected: &str, got: &str, remedy: &str| Failure::Value {
        place: "-o".into(),
        what: out.display().to_string(),
        expected: expected.into(),
        got: got.into(),
        remedy: remedy.into(),
    };
    if !out.extension().is_some_and(|end| end.eq_ignore_ascii_case("onnx")) {
        return Err(refuse("a name ending in .onnx", "another one", "Runtimes know ONNX files by it"));
    }
    match (out.canonicalize(), onnx.canonicalize()) {
        (Ok(a), Ok(b)) if a == b => Err(refuse("a new file", "the network itself", "Choose another -o")),
        _ => Ok(()),
    }
}

/// The precision asked for, or else that of the model file.
fn precision(asked: Option<PrecisionName>, spec: Option<&ModelSpec>) -> Precision {
    match (asked, spec.map(|spec| &spec.field)) {
        (Some(PrecisionName::F64), _) | (None, Some(FieldSpec::Onnx { double: true, .. })) => Precision::F64,
        _ => Precision::F32,
    }
}

/// What is written.
struct Chosen {
    derivative: Derivative,
    directions: usize,
    /// The option that chose it.
    option: &'static str,
    /// What the file makes.
    formula: &'static str,
}

impl Chosen {
    fn of(choice: &DerivativeChoice) -> Chosen {
        let (derivative, directions) = match *choice {
            DerivativeChoice { jvp: Some(k), .. } => (Derivative::Tangents, k),
            DerivativeChoice { vjp: Some(m), .. } => (Derivative::Cotangents, m),
            DerivativeChoice { second: Some(k), .. } => (Derivative::Second, k),
            DerivativeChoice { jvp_vjp: Some(k), .. } => (Derivative::TangentCotangents, k),
            _ => (Derivative::Value, 1),
        };
        let [option, formula] = match derivative {
            Derivative::Value => ["--value", "y = f(t, x)"],
            Derivative::Tangents => ["--jvp", "y = f(t, x), jv = df(t, x) v"],
            Derivative::Cotangents => ["--vjp", "y = f(t, x), uj = df(t, x)' u"],
            Derivative::Second => ["--second", "y = f(t, x), d2 = d2f(t, x)[u, v]"],
            Derivative::TangentCotangents => {
                ["--jvp-vjp", "y = f(t, x), jv = df(t, x) v, ujv = (d2f(t, x)[v, .])' u"]
            }
        };
        Chosen { derivative, directions, option, formula }
    }

    /// Why it cannot be written, by the option that asked for it.
    fn refused(&self, error: surefoot_graph::Error) -> Failure {
        match error {
            surefoot_graph::Error::Unwritable { expected, got, remedy, .. } => {
                Failure::Value { place: self.option.into(), what: "derivative".into(), expected, got, remedy }
            }
            other => surefoot::Error::from(other).into(),
        }
    }
}

fn report(options: &ExportDerivative, derived: &Graph, directions: usize, bytes: usize) -> Result<()> {
    let [inputs, outputs] = [derived.inputs(), derived.outputs()];
    if options.screen.format == Format::Json {
        let list = |ports: &[Port]| -> Vec<_> {
            ports.iter().map(|p| json!({ "name": p.name, "shape": shape(p, directions) })).collect()
        };
        let value = json!({
            "file": options.out.display().to_string(),
            "bytes": bytes,
            "inputs": list(&inputs),
            "outputs": list(&outputs),
        });
        return print(format!("{value:#}\n").as_bytes());
    }
    let [inputs, outputs] = [inputs, outputs].map(|list| ports(&list, directions));
    let file = options.out.display();
    print(format!("{file}: {bytes} bytes\n  inputs   {inputs}\n  outputs  {outputs}\n").as_bytes())
}

/// Names and shapes of inputs or outputs.
pub fn ports(ports: &[Port], directions: usize) -> String {
    let port = |p: &Port| format!("{} [{}]", p.name, shape(p, directions).join(", "));
    ports.iter().map(port).collect::<Vec<_>>().join(", ")
}

/// The shape of an input or output in the file.
pub fn shape(port: &Port, directions: usize) -> Vec<String> {
    if port.name == "t" {
        return vec!["batch".into()];
    }
    let lead = match port.extent {
        Extent::Call => vec![],
        Extent::Sample => vec!["batch".to_string()],
        Extent::Direction => vec!["batch".into(), directions.to_string()],
    };
    lead.into_iter()
        .chain(port.shape.iter().skip(usize::from(port.extent > Extent::Call)).map(ToString::to_string))
        .collect()
}
