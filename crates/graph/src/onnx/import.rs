//! From the messages of a file to a graph.

use super::dims::{Dim, Entry, per_sample, show};
use super::proto::{GraphProto, ModelProto, NodeProto, ValueInfoProto};
use super::tensor::{Loader, Tensor, Values};
use super::{ElementType, Limits, OPSETS, operators};
use crate::error::{Error, UnsupportedNode};
use crate::ir::{Extent, Graph, NodeId, Op, Source, elements};
use prost::Message;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

/// A value of the file while it is read.
#[derive(Debug, Clone)]
pub(super) enum Value {
    /// Real numbers in the graph.
    Data { node: NodeId, dims: Vec<Dim> },
    /// Integers known up to the batch: shapes, axes, indices.
    Integers { shape: Vec<usize>, entries: Vec<Entry> },
    /// The result of a node that cannot be evaluated.
    Failed,
}

/// What was read: the graph as far as it goes, and what is in the way.
pub(crate) struct Import {
    pub graph: Graph,
    pub unsupported: Vec<UnsupportedNode>,
}

/// Reads a model. Sound files with unsupported nodes are not an error here.
pub(crate) fn import(bytes: &[u8], path: Option<&Path>, limits: &Limits) -> Result<Import, Error> {
    let file = path.map_or_else(|| "model".into(), |p| p.display().to_string());
    let malformed = |what: &str, expected: &str, got: String, remedy: &str| Error::Malformed {
        file: file.clone(),
        what: what.into(),
        expected: expected.into(),
        got,
        remedy: remedy.into(),
    };
    let model = ModelProto::decode(bytes)
        .map_err(|e| malformed("file", "an ONNX model", e.to_string(), "Export the model again"))?;
    let graph = model.graph.as_ref().ok_or_else(|| {
        malformed("file", "an ONNX model", "no graph in it".into(), "Export the model again")
    })?;
    let standard = |domain: &Option<String>| matches!(domain.as_deref(), None | Some("" | "ai.onnx"));
    let opset = model.opset_import.iter().find(|o| standard(&o.domain)).and_then(|o| o.version).unwrap_or(0);
    if !OPSETS.contains(&opset) {
        let expected = format!("an operator set from {} to {}", OPSETS.start(), OPSETS.end());
        return Err(malformed("opset_import", &expected, opset.to_string(), "Export with opset_version=20"));
    }
    let directory = path.map(|p| p.parent().map_or_else(PathBuf::new, Path::to_path_buf));
    let loader = Loader { directory, limits, used: 0 };
    let mut importer = Importer::new(loader);
    importer.graph.source = source(&model, graph, opset);
    importer.graph.memory_limit = limits.memory;
    let interface = |(what, got)| {
        malformed(what, "inputs x [batch, ...], t [batch] and one output shaped like x", got, "Export it so")
    };
    importer.weights(graph).map_err(|(what, problem)| {
        malformed(&format!("initializer {what}"), "a sound tensor", problem, "Export the model again")
    })?;
    let x_dims = importer.inputs(graph).map_err(interface)?;
    graph.node.iter().for_each(|node| importer.node(node));
    importer.output(graph, &x_dims).map_err(interface)?;
    Ok(Import { graph: importer.graph, unsupported: importer.unsupported })
}

fn source(model: &ModelProto, graph: &GraphProto, opset: i64) -> Source {
    let mut operators: BTreeMap<&str, usize> = BTreeMap::new();
    graph.node.iter().for_each(|n| *operators.entry(n.op_type.as_deref().unwrap_or("")).or_default() += 1);
    let name = model.producer_name.as_deref().unwrap_or("");
    let version = model.producer_version.as_deref().unwrap_or("");
    Source {
        producer: format!("{name} {version}").trim().into(),
        opset,
        operators: operators.into_iter().map(|(op, n)| (op.into(), n)).collect(),
        parameters: 0,
    }
}

/// Bytes counted for an element of a value: the number itself and its place in an index map.
const BYTES_PER_ELEMENT: u64 = 16;

/// A graph under construction.
pub(super) struct Importer<'a> {
    pub graph: Graph,
    values: HashMap<String, Value>,
    unsupported: Vec<UnsupportedNode>,
    loader: Loader<'a>,
    used: u64,
}

type Problem = (&'static str, String);

impl<'a> Importer<'a> {
    fn new(loader: Loader<'a>) -> Self {
        Importer { graph: Graph::default(), values: HashMap::new(), unsupported: vec![], loader, used: 0 }
    }

    fn weights(&mut self, graph: &GraphProto) -> Result<(), (String, String)> {
        for proto in &graph.initializer {
            let name = proto.name.clone().unwrap_or_default();
            let tensor = self.loader.load(proto).map_err(|problem| (name.clone(), problem))?;
            if let Values::Floats(values) = &tensor.values {
                self.graph.source.parameters += values.len() as u64;
            }
            let value = self.constant(tensor);
            self.values.insert(name, value);
        }
        Ok(())
    }

    /// A tensor of the file as a value.
    pub fn constant(&mut self, tensor: Tensor) -> Value {
        match tensor.values {
            Values::Floats(values) => Value::Data {
                dims: tensor.shape.iter().map(|&d| Dim::fixed(d)).collect(),
                node: self.graph.constant(&tensor.shape, values),
            },
            Values::Integers(values) => Value::Integers {
                shape: tensor.shape,
                entries: values.into_iter().map(Entry::known).collect(),
            },
        }
    }

    /// The value of a Constant node's tensor.
    pub fn load(&mut self, proto: &super::proto::TensorProto) -> Result<Value, String> {
        let tensor = self.loader.load(proto)?;
        Ok(self.constant(tensor))
    }

    /// Finds x and t among the inputs; answers the shape of x.
    fn inputs(&mut self, graph: &GraphProto) -> Result<Vec<Dim>, Problem> {
        let free = |i: &&ValueInfoProto| !self.values.contains_key(i.name.as_deref().unwrap_or(""));
        let inputs: Vec<&ValueInfoProto> = graph.input.iter().filter(free).collect();
        let shapes: Vec<Vec<Dim>> =
            inputs.iter().map(|i| input_dims(i)).collect::<Result<_, _>>().map_err(|e| ("inputs", e))?;
        let named = |name: &str| inputs.iter().position(|i| i.name.as_deref() == Some(name));
        let (x, t) = match (named("x"), named("t"), inputs.len()) {
            (Some(x), Some(t), 2) => (x, Some(t)),
            (_, _, 2) => (0, Some(1)),
            (_, _, 1) => (0, None),
            (_, _, n) => return Err(("inputs", format!("{n} inputs"))),
        };
        let with_batch = |dims: &[Dim]| dims.first().is_some_and(|d| d.batch || *d == Dim::fixed(1));
        let type_code = |i: usize| inputs[i].r#type.as_ref()?.tensor_type.as_ref()?.elem_type;
        let floats =
            ElementType::from_code(type_code(x).unwrap_or(1)).map_err(|e| ("input x", e))?.is_float();
        if shapes[x].len() < 2 || !with_batch(&shapes[x]) || !floats {
            return Err(("input x", format!("shape {} of floats: {floats}", show(&shapes[x]))));
        }
        let mut add = |i: usize, name: &str, extent: Extent| {
            let node = self.graph.input(name, &per_sample(&shapes[i]), extent);
            let value = Value::Data { node, dims: shapes[i].clone() };
            self.values.insert(inputs[i].name.clone().unwrap_or_default(), value);
        };
        add(x, "x", Extent::Sample);
        if let Some(t) = t {
            if elements(&per_sample(&shapes[t])) != 1 {
                return Err(("input t", format!("shape {}", show(&shapes[t]))));
            }
            ElementType::from_code(type_code(t).unwrap_or(1)).map_err(|e| ("input t", e))?;
            add(t, "t", Extent::Call);
        }
        self.within_limit(elements(&per_sample(&shapes[x]))).map_err(|e| ("input x", e))?;
        Ok(shapes[x].clone())
    }

    /// Adds the operations of one node, or notes why that is not possible.
    fn node(&mut self, node: &NodeProto) {
        let outcome = operators::lower(self, node);
        let results = outcome.unwrap_or_else(|reason| {
            if let Some(reason) = reason {
                self.unsupported.push(unsupported(node, reason));
            }
            vec![]
        });
        for (i, name) in node.output.iter().enumerate().filter(|(_, name)| !name.is_empty()) {
            self.values.insert(name.clone(), results.get(i).cloned().unwrap_or(Value::Failed));
        }
    }

    fn output(&mut self, graph: &GraphProto, x_dims: &[Dim]) -> Result<(), Problem> {
        let [output] = &graph.output[..] else {
            return Err(("outputs", format!("{} outputs", graph.output.len())));
        };
        match self.values.get(output.name.as_deref().unwrap_or("")) {
            None => Err(("output", "a name that no node makes".into())),
            Some(Value::Failed) if !self.unsupported.is_empty() => Ok(()),
            Some(Value::Data { node, dims })
                if per_sample(dims) == per_sample(x_dims) && agrees(dims, x_dims) =>
            {
                self.graph.output("y", *node);
                Ok(())
            }
            Some(Value::Data { dims, .. }) => {
                Err(("output", format!("{} for x {}", show(dims), show(x_dims))))
            }
            Some(_) => Err(("output", "integers".into())),
        }
    }

    /// The argument of a node; `None` where an optional one is left out.
    pub fn argument(&self, node: &NodeProto, i: usize) -> Result<Option<Value>, String> {
        match node.input.get(i).map(String::as_str) {
            None | Some("") => Ok(None),
            Some(name) => {
                let value = self.values.get(name).cloned();
                Ok(Some(value.ok_or_else(|| format!("reads {name:?}, which nothing before it makes"))?))
            }
        }
    }

    /// A value as real numbers.
    pub fn data(&mut self, value: Value) -> Result<(NodeId, Vec<Dim>), String> {
        match value {
            Value::Data { node, dims } => Ok((node, dims)),
            Value::Integers { shape, entries } => {
                if entries.iter().any(|e| e.batch) {
                    return Err("computes with the size of the batch".into());
                }
                self.within_limit(entries.len())?;
                let values: Vec<f64> = entries.iter().map(|e| e.factor as f64).collect();
                let dims = shape.iter().map(|&d| Dim::fixed(d)).collect();
                Ok((self.graph.constant(&shape, values), dims))
            }
            Value::Failed => Err("depends on a node that failed".into()),
        }
    }

    /// Adds a primitive operation.
    pub fn emit(&mut self, op: Op, inputs: &[NodeId]) -> Result<NodeId, String> {
        let id = self.graph.try_push(op, inputs)?;
        self.within_limit(elements(self.graph.shape(id)))?;
        Ok(id)
    }

    fn within_limit(&mut self, elements: usize) -> Result<(), String> {
        let limit = self.loader.limits.memory;
        self.used = self.used.saturating_add((elements as u64).saturating_mul(BYTES_PER_ELEMENT));
        if self.used > limit {
            return Err(format!("its values exceed the memory limit of {limit} bytes"));
        }
        Ok(())
    }
}

/// May a result of these dims stand for one shaped like x? A result without batch is the same for every sample.
fn agrees(dims: &[Dim], x_dims: &[Dim]) -> bool {
    dims.iter().zip(x_dims).all(|(y, x)| y.batch == x.batch || *y == Dim::fixed(1))
}

fn input_dims(input: &ValueInfoProto) -> Result<Vec<Dim>, String> {
    let name = input.name.as_deref().unwrap_or("");
    let tensor = input.r#type.as_ref().and_then(|t| t.tensor_type.as_ref());
    let shape =
        tensor.and_then(|t| t.shape.as_ref()).ok_or_else(|| format!("input {name} without a shape"))?;
    let dim = |(axis, d): (usize, &super::proto::DimensionProto)| match (d.dim_value, axis) {
        (Some(n), _) if n > 0 => Ok(Dim::fixed(n as usize)),
        (None, 0) => Ok(Dim::BATCH),
        _ => Err(format!("input {name} whose axis {axis} has no fixed length")),
    };
    shape.dim.iter().enumerate().map(dim).collect()
}

fn unsupported(node: &NodeProto, reason: String) -> UnsupportedNode {
    let own = node.name.as_deref().filter(|n| !n.is_empty());
    let name = own.or_else(|| node.output.first().map(String::as_str)).unwrap_or("?");
    let operator = match node.domain.as_deref() {
        None | Some("" | "ai.onnx") => node.op_type.clone().unwrap_or_default(),
        Some(domain) => format!("{domain}.{}", node.op_type.as_deref().unwrap_or("")),
    };
    UnsupportedNode { node: name.into(), operator, reason }
}
