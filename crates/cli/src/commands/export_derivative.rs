//! `export-derivative`: a derivative of a network as an ONNX file.

use super::inspect::files;
use super::single::print;
use crate::failure::{Failure, Result};
use crate::options::{DerivativeChoice, ExportDerivative, Format, PrecisionName};
use crate::store::write_file;
use serde_json::json;
use std::path::Path;
use surefoot_graph::{Derivative, Extent, Graph, Limits, Port, Precision, WriteOptions};

/// Writes the derivative that was asked for.
///
/// # Errors
/// A model that cannot be read or differentiated, no directions or too many, a place that cannot be written.
pub fn export_derivative(options: &ExportDerivative) -> Result<()> {
    let (_, onnx) = files(&options.file)?;
    let Some(onnx) = onnx else {
        return Err(Failure::Usage(format!(
            "{}: expected a network, got an analytic field. Name an ONNX file, or a model file with one",
            options.file
        )));
    };
    let same = |a: &Path, b: &Path| matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b);
    if same(&onnx, &options.out) {
        let out = options.out.display();
        return Err(Failure::Usage(format!(
            "{out}: expected a new file, got the network itself. Choose another -o"
        )));
    }
    let (derivative, directions, formula) = chosen(&options.derivative);
    let graph = Graph::read(&onnx, &Limits::default()).map_err(surefoot::Error::from)?;
    let derived = graph.derivative(derivative).map_err(surefoot::Error::from)?;
    let precision = match options.precision {
        PrecisionName::F32 => Precision::F32,
        PrecisionName::F64 => Precision::F64,
    };
    let stem = onnx.file_stem().map_or_else(|| "network".into(), |stem| stem.to_string_lossy().into_owned());
    let described = WriteOptions {
        precision,
        directions,
        name: stem.clone(),
        description: format!(
            "{formula}, where f is {stem}; x [batch, ...], t [batch], {directions} directions"
        ),
    };
    let bytes = derived.to_onnx(&described).map_err(surefoot::Error::from)?;
    write_file(&options.out, &bytes)?;
    if options.screen.quiet {
        return Ok(());
    }
    report(options, &derived, directions, bytes.len())
}

/// The derivative, its number of directions, and what the file makes.
fn chosen(choice: &DerivativeChoice) -> (Derivative, usize, &'static str) {
    match *choice {
        DerivativeChoice { jvp: Some(k), .. } => (Derivative::Tangents, k, "y = f(t, x), jv = df(t, x) v"),
        DerivativeChoice { vjp: Some(m), .. } => (Derivative::Cotangents, m, "y = f(t, x), uj = df(t, x)' u"),
        DerivativeChoice { second: Some(k), .. } => {
            (Derivative::Second, k, "y = f(t, x), d2 = d2f(t, x)[u, v]")
        }
        DerivativeChoice { jvp_vjp: Some(k), .. } => {
            (Derivative::TangentCotangents, k, "y = f(t, x), jv = df(t, x) v, ujv = (d2f(t, x)[v, .])' u")
        }
        _ => (Derivative::Value, 1, "y = f(t, x)"),
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
