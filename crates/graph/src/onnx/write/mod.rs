//! Writing ONNX: a graph as a model that other runtimes run.
//!
//! A value of extent `Call` is written as it is, one of extent `Sample` behind a batch axis, one of extent `Direction`
//! behind a batch axis and an axis of the k directions. Where the shape of one value begins with a length of 1 (the
//! batch axis of an imported tensor), that axis is left out, so that a written network looks like the original one.

mod functions;
mod operations;
mod spell;
mod window;
mod writer;

use super::proto::{
    AttributeProto, DimensionProto, ModelProto, OperatorSetIdProto, TensorShapeProto, TensorTypeProto,
    TypeProto, ValueInfoProto,
};
use crate::error::Error;
use crate::ir::{Extent, Graph, Precision};
use prost::Message;
use writer::Writer;

/// Operator set of written files: the first with Gelu and with reductions over axes given as an argument.
const OPSET: i64 = 20;
/// Version of the file format that goes with it.
const IR_VERSION: i64 = 9;
/// Protocol buffers end here.
const MOST_BYTES: u64 = i32::MAX as u64;

/// How a graph is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WriteOptions {
    /// Element type of all values.
    pub precision: Precision,
    /// k: the length of the direction axis.
    pub directions: usize,
    /// Name of the graph in the file.
    pub name: String,
    /// What the file says about itself.
    pub description: String,
    /// Are the weights written as they are, every one an initialiser under its name, and all other numbers as nodes?
    /// Otherwise constants made of weights take their place where that saves work.
    pub keep_weights: bool,
}

impl Default for WriteOptions {
    /// f32 and one direction; constants made of weights.
    fn default() -> Self {
        let (name, description) = ("graph".into(), String::new());
        WriteOptions { precision: Precision::F32, directions: 1, name, description, keep_weights: false }
    }
}

/// The bytes of a file of a simplified graph; `file` is its name for errors.
pub(crate) fn encode(graph: &Graph, options: &WriteOptions, file: &str) -> Result<Vec<u8>, Error> {
    let graph = &spell::spell(&graph.with_sample_times());
    check(graph, options, file)?;
    let mut writer = Writer::new(graph, options.precision, options.directions);
    writer.weights_apart = options.keep_weights;
    graph.ids().for_each(|id| writer.node(id));
    let mut proto = writer.finish();
    proto.name = Some(options.name.clone());
    proto.doc_string = Some(options.description.clone());
    let model = ModelProto {
        ir_version: Some(IR_VERSION),
        producer_name: Some("surefoot".into()),
        producer_version: Some(env!("CARGO_PKG_VERSION").into()),
        doc_string: Some(options.description.clone()),
        graph: Some(proto),
        opset_import: vec![OperatorSetIdProto { domain: Some(String::new()), version: Some(OPSET) }],
        ..ModelProto::default()
    };
    let needed = model.encoded_len() as u64;
    if needed > MOST_BYTES {
        return Err(Error::TooLarge {
            file: file.into(),
            what: "the file".into(),
            needed,
            limit: MOST_BYTES,
        });
    }
    Ok(model.encode_to_vec())
}

fn check(graph: &Graph, options: &WriteOptions, file: &str) -> Result<(), Error> {
    let unwritable = |expected: &str, got: String, remedy: &str| Error::Unwritable {
        file: file.into(),
        expected: expected.into(),
        got,
        remedy: remedy.into(),
    };
    for port in graph.inputs.iter().filter(|p| p.extent == Extent::Direction) {
        let element_bytes = (graph.node(port.node).elements() as u64).saturating_mul(8).max(1);
        let most = graph.memory_limit / element_bytes;
        if options.directions == 0 || options.directions as u64 > most {
            let got = options.directions.to_string();
            let remedy = "Ask for as many as one evaluation will have";
            return Err(unwritable(&format!("1 direction at least and {most} at most"), got, remedy));
        }
    }
    match graph.outputs.iter().find(|p| p.extent < graph.node(p.node).extent) {
        Some(port) => Err(unwritable(
            "outputs that hold for every time",
            format!("{}, summed over samples at one time", port.name),
            "Take one time a sample (Graph::with_sample_times) before the gradients",
        )),
        None => Ok(()),
    }
}

/// The declaration of an input or output. Lengths of −1 are the batch.
fn value_info(name: &str, element: i32, dims: &[i64]) -> ValueInfoProto {
    let dim = |&length: &i64| match length {
        -1 => DimensionProto { dim_value: None, dim_param: Some("batch".into()) },
        length => DimensionProto { dim_value: Some(length), dim_param: None },
    };
    let shape = TensorShapeProto { dim: dims.iter().map(dim).collect() };
    let tensor_type = TensorTypeProto { elem_type: Some(element), shape: Some(shape) };
    ValueInfoProto { name: Some(name.into()), r#type: Some(TypeProto { tensor_type: Some(tensor_type) }) }
}

/// Codes of attribute types.
const FLOAT: i32 = 1;
const INT: i32 = 2;
const STRING: i32 = 3;
const INTS: i32 = 7;

fn float(name: &str, value: f32) -> AttributeProto {
    AttributeProto { name: Some(name.into()), f: Some(value), r#type: Some(FLOAT), ..Default::default() }
}

fn int(name: &str, value: i64) -> AttributeProto {
    AttributeProto { name: Some(name.into()), i: Some(value), r#type: Some(INT), ..Default::default() }
}

fn ints(name: &str, values: &[i64]) -> AttributeProto {
    AttributeProto {
        name: Some(name.into()),
        ints: values.to_vec(),
        r#type: Some(INTS),
        ..Default::default()
    }
}

fn text(name: &str, value: &str) -> AttributeProto {
    AttributeProto {
        name: Some(name.into()),
        s: Some(value.into()),
        r#type: Some(STRING),
        ..Default::default()
    }
}
