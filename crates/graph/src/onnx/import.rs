//! From the messages of a file to a graph.

use super::budget::Budget;
use super::dims::Dim;
use super::entry::Entry;
use super::functions::{Frame, Functions, standard_version};
use super::interface::{Interface, Problem};
use super::proto::{GraphProto, ModelProto, NodeProto, TensorProto};
use super::refusal::short;
use super::tensor::{Loader, Tensor, Values};
use super::{Limits, OPSETS, operators, survey};
use crate::error::{Error, UnsupportedNode};
use crate::ir::{Extent, Graph, Known, NodeId, Op, Port, elements};
use prost::Message;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A value of the file while it is read.
#[derive(Debug, Clone)]
pub(super) enum Value {
    /// Real numbers in the graph.
    Data { node: NodeId, dims: Vec<Dim> },
    /// Integers known up to the batch: shapes, axes, indices.
    Integers { shape: Vec<usize>, entries: Vec<Entry> },
    /// Tensors one after the other.
    Sequence(Vec<Value>),
    /// The result of a node that cannot be evaluated.
    Failed,
}

/// What was read: the graph as far as it goes, and what is in the way.
pub(crate) struct Import {
    pub graph: Graph,
    pub unsupported: Vec<UnsupportedNode>,
}

/// Reads a model. Sound files with unsupported nodes are not an error here.
pub(crate) fn import(
    bytes: &[u8],
    path: Option<&Path>,
    limits: &Limits,
    interface: Interface,
) -> Result<Import, Error> {
    let file = path.map_or_else(|| "model".into(), |p| p.display().to_string());
    let malformed = |what: &str, expected: &str, got: String, remedy: &str| Error::Malformed {
        file: file.clone(),
        what: what.into(),
        expected: expected.into(),
        got,
        remedy: remedy.into(),
    };
    let needed = survey::decoded_bytes(bytes);
    if needed > limits.memory {
        return Err(Error::TooLarge { file, what: "decoding the file".into(), needed, limit: limits.memory });
    }
    let model = ModelProto::decode(bytes).map_err(|e| {
        let got = format!("a file that is cut off, damaged, or of another kind ({e})");
        malformed("file", "an ONNX model", got, "Export the model again")
    })?;
    let graph = model.graph.as_ref().ok_or_else(|| {
        malformed("file", "an ONNX model", "no graph in it".into(), "Export the model again")
    })?;
    let opset = standard_version(&model.opset_import).unwrap_or(0);
    if !OPSETS.contains(&opset) {
        let expected = format!("an operator set from {} to {}", OPSETS.start(), OPSETS.end());
        return Err(malformed("opset_import", &expected, opset.to_string(), "Export with opset_version=20"));
    }
    let directory = path.map(|p| p.parent().map_or_else(PathBuf::new, Path::to_path_buf));
    let loader = Loader { directory, limits, used: 0 };
    let mut importer = Importer::new(loader, Functions::of(&model));
    importer.graph.source.file.clone_from(&file);
    importer.graph.source.producer = producer(&model);
    importer.graph.source.opset = opset;
    importer.graph.memory_limit = limits.memory;
    let unfit = |importer: &Importer, p: Problem| match importer.excess() {
        Some(needed) => {
            Error::TooLarge { file: file.clone(), what: p.what.into(), needed, limit: limits.memory }
        }
        None => malformed(p.what, interface.expected(), p.got, p.remedy),
    };
    importer.weights(graph).map_err(|(weight, problem)| {
        let what = format!("initializer {}", short(weight.name.as_deref().unwrap_or("")));
        if let Some(needed) = importer.excess() {
            return Error::TooLarge { file: file.clone(), what, needed, limit: limits.memory };
        }
        let remedy = match weight.data_location {
            Some(1) => "Keep the file of the external data beside the model, as the exporter wrote it",
            _ => "Export the model again",
        };
        malformed(&what, "a sound tensor", problem, remedy)
    })?;
    let x_dims = match interface {
        Interface::Model => Some(importer.model_inputs(graph).map_err(|p| unfit(&importer, p))?),
        Interface::Function => {
            importer.function_inputs(graph).map(|()| None).map_err(|p| unfit(&importer, p))?
        }
    };
    graph.node.iter().for_each(|node| importer.node(node));
    match x_dims {
        Some(x_dims) => importer.model_output(graph, &x_dims).map_err(|p| unfit(&importer, p))?,
        None => importer.function_outputs(graph).map_err(|p| unfit(&importer, p))?,
    }
    importer.graph.source.operators = importer.operators.iter().map(|(op, n)| (short(op), *n)).collect();
    Ok(Import { graph: importer.graph, unsupported: importer.unsupported })
}

fn producer(model: &ModelProto) -> String {
    let name = model.producer_name.as_deref().unwrap_or("");
    let version = model.producer_version.as_deref().unwrap_or("");
    short(format!("{name} {version}").trim())
}

/// Elements up to which a result known now is computed now, so that shapes may depend on it.
pub(super) const MOST_FOLDED: usize = 1 << 16;

/// The values of a graph or of a call by name; `None`: an argument that the call leaves out.
pub(super) type Scope<'a> = HashMap<&'a str, Option<Value>>;

/// A graph under construction.
pub(super) struct Importer<'a> {
    pub graph: Graph,
    pub scope: Scope<'a>,
    /// The calls that are being read, the outermost first.
    pub frames: Vec<Frame<'a>>,
    pub functions: Functions<'a>,
    pub unsupported: Vec<UnsupportedNode>,
    /// How often each operator was met.
    operators: BTreeMap<&'a str, usize>,
    /// Weights and small values made of them.
    weights: HashMap<NodeId, Arc<[f64]>>,
    /// Nodes whose values are integers.
    pub whole: HashSet<NodeId>,
    loader: Loader<'a>,
    pub budget: Budget,
    /// Were there more nodes than a model may have?
    exhausted: bool,
    /// Names that nothing made when they were read, with the number of calls around.
    missing: HashSet<(usize, &'a str)>,
}

impl<'a> Importer<'a> {
    fn new(loader: Loader<'a>, functions: Functions<'a>) -> Self {
        Importer {
            graph: Graph::default(),
            scope: HashMap::new(),
            frames: vec![],
            functions,
            unsupported: vec![],
            operators: BTreeMap::new(),
            weights: HashMap::new(),
            whole: HashSet::new(),
            budget: Budget::new(loader.limits.memory),
            loader,
            exhausted: false,
            missing: HashSet::new(),
        }
    }

    fn weights(&mut self, graph: &'a GraphProto) -> Result<(), (&'a TensorProto, String)> {
        for proto in &graph.initializer {
            let name = proto.name.as_deref().unwrap_or("");
            if self.refuse_weight(proto) {
                self.scope.insert(name, Some(Value::Failed));
                continue;
            }
            let tensor = self.loader.load(proto).map_err(|problem| (proto, problem))?;
            if let Values::Floats(values) = &tensor.values {
                self.graph.source.parameters += values.len() as u64;
            }
            let value = self.constant(tensor);
            if let Value::Data { node, .. } = value {
                self.weights.extend(self.graph.constant_values(node).cloned().map(|values| (node, values)));
                let (name, extent) = (name.to_string(), Extent::Call);
                self.graph.parameters.push(Port { name, node, extent });
            }
            if self.scope.insert(name, Some(value)).is_some() {
                return Err((proto, "there are two of this name".into()));
            }
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
    pub fn load(&mut self, proto: &TensorProto) -> Result<Value, String> {
        let tensor = self.loader.load(proto)?;
        Ok(self.constant(tensor))
    }

    /// Adds the operations of one node, or notes why that is not possible. What cannot be read because something
    /// before it was not is no cause of its own.
    pub fn node(&mut self, node: &'a NodeProto) {
        let mut results = vec![];
        let full = self.is_full();
        if self.budget.parts(1 + node.input.len() + node.output.len() + node.attribute.len()) {
            if self.functions.find(node).is_none() {
                *self.operators.entry(node.op_type.as_deref().unwrap_or("")).or_default() += 1;
            }
            match if full { operators::look(self, node) } else { operators::lower(self, node) } {
                Ok(made) => results = made,
                Err(Some(reason)) if self.is_full() && !full => self.reject(node, reason),
                Err(Some(reason)) => self.refuse(node, reason),
                Err(None) => {}
            }
        } else if !self.exhausted {
            self.exhausted = true;
            self.reject(node, "a model of so many nodes is not supported".into());
        }
        results.resize(node.output.len(), Value::Failed);
        for (name, mut value) in node.output.iter().zip(results).filter(|(name, _)| !name.is_empty()) {
            let full = self.is_full();
            if let Err(reason) = self.budget.items(value.items()) {
                value = Value::Failed;
                if !full {
                    self.reject(node, reason);
                }
            }
            if self.scope.insert(name, Some(value)).is_some() {
                self.reject(node, format!("makes {}, which something before it makes", short(name)));
            }
        }
    }

    /// Was more asked for than there is?
    fn is_full(&self) -> bool {
        self.budget.is_exceeded() || self.excess().is_some()
    }

    /// The bytes that were asked for, where there are fewer.
    fn excess(&self) -> Option<u64> {
        let asked = self.budget.used().max(self.loader.used);
        (asked > self.loader.limits.memory).then_some(asked)
    }

    /// The argument of a node; `None` where an optional one is left out. A name that nothing makes is reported once.
    pub fn argument(&mut self, node: &'a NodeProto, i: usize) -> Result<Option<Value>, String> {
        let name = match node.input.get(i).map(String::as_str) {
            None | Some("") => return Ok(None),
            Some(name) => name,
        };
        let Some(value) = self.scope.get(name) else {
            if self.missing.insert((self.frames.len(), name)) {
                self.reject(node, format!("reads {}, which nothing before it makes", short(name)));
            }
            return Ok(Some(Value::Failed));
        };
        self.budget.items(value.as_ref().map_or(0, Value::items))?;
        Ok(value.clone())
    }

    /// A value as real numbers.
    pub fn data(&mut self, value: Value) -> Result<(NodeId, Vec<Dim>), String> {
        match value {
            Value::Data { node, dims } => Ok((node, dims)),
            Value::Integers { shape, entries } => {
                if entries.iter().any(|e| e.batch) {
                    return Err("computes with the size of the batch".into());
                }
                self.budget.value(&shape)?;
                let values: Vec<f64> = entries.iter().map(|e| e.factor as f64).collect();
                let dims = shape.iter().map(|&d| Dim::fixed(d)).collect();
                Ok((self.graph.constant(&shape, values), dims))
            }
            Value::Sequence(_) => Err("has a sequence for an argument".into()),
            Value::Failed => Err("depends on a node that failed".into()),
        }
    }

    /// Adds a primitive operation, or its result where that is known and small.
    pub fn emit(&mut self, op: Op, inputs: &[NodeId]) -> Result<NodeId, String> {
        let id = self.graph.try_push(op, inputs)?;
        let node = self.graph.node(id);
        self.budget.operation(&node.op, inputs.len(), &node.shape)?;
        Ok(self.folded(id).unwrap_or(id))
    }

    /// The constant in place of a node whose result is known, unless that is made of weights: these may change.
    fn folded(&mut self, id: NodeId) -> Option<NodeId> {
        let node = self.graph.node(id);
        let small = |&id: &NodeId| elements(self.graph.shape(id)) <= MOST_FOLDED;
        let cheap = self.graph.multiplications(id) <= MOST_FOLDED;
        if !cheap || !small(&id) || !node.inputs.iter().all(small) {
            return None;
        }
        let known = |&id: &NodeId| Some(Known { shape: self.graph.shape(id), values: self.known(id)? });
        let arguments: Vec<Known> = node.inputs.iter().map(known).collect::<Option<_>>()?;
        let values = node.op.evaluate(&arguments, &node.shape)?;
        if node.inputs.iter().any(|i| self.weights.contains_key(i)) {
            self.weights.insert(id, values.into());
            return None;
        }
        let shape = node.shape.clone();
        self.graph.nodes.pop();
        Some(self.graph.constant(&shape, values))
    }

    /// Another node of the same values.
    pub fn copied(&mut self, id: NodeId) -> Result<NodeId, String> {
        let shape = self.graph.shape(id).to_vec();
        self.emit(Op::Reshape(shape), &[id])
    }

    /// The values of a constant, or of what is made of weights.
    pub fn known(&self, id: NodeId) -> Option<&Arc<[f64]>> {
        self.weights.get(&id).or_else(|| self.graph.constant_values(id))
    }

    /// Counts numbers or indices against the limit.
    pub fn within_limit(&mut self, elements: usize) -> Result<(), String> {
        self.budget.value(&[elements])
    }
}

impl Value {
    /// The node of real numbers.
    pub fn node(&self) -> Option<NodeId> {
        match self {
            Value::Data { node, .. } => Some(*node),
            _ => None,
        }
    }

    /// How many things it is made of.
    fn items(&self) -> usize {
        match self {
            Value::Data { dims, .. } => 1 + dims.len(),
            Value::Integers { shape, entries } => 1 + shape.len() + entries.len(),
            Value::Sequence(items) => items.iter().fold(1, |n, item| n + item.items()),
            Value::Failed => 1,
        }
    }
}
