//! A file under construction: names, initialisers, and how values of different extents lie beside each other.

use super::value_info;
use crate::ir::{Extent, Graph, NodeId, Op, Port, Precision};
use crate::onnx::proto::{AttributeProto, GraphProto, NodeProto, TensorProto};
use std::collections::{HashMap, HashSet};

/// Codes of element types.
const FLOAT: i32 = 1;
const INT64: i32 = 7;
const DOUBLE: i32 = 11;
/// The code of an attribute that holds a tensor.
const TENSOR: i32 = 4;

/// How a value of a graph lies in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Layout {
    /// Axes before the shape of one value: none, the batch, or the batch and the directions.
    pub lead: usize,
    /// Is the first axis of one value, of length 1, left out?
    pub merged: bool,
}

impl Layout {
    /// The axis of the file for an axis of one value.
    pub fn axis(self, axis: usize) -> usize {
        self.lead + axis - usize::from(self.merged)
    }
}

/// A value of the graph in the file.
#[derive(Debug, Clone)]
pub(super) struct Written {
    pub name: String,
    pub layout: Layout,
}

/// A file under construction.
pub(super) struct Writer<'a> {
    pub graph: &'a Graph,
    element: i32,
    directions: usize,
    proto: GraphProto,
    pub values: Vec<Option<Written>>,
    /// Truth values behind the numbers of comparisons.
    pub truths: HashMap<NodeId, String>,
    reshaped: HashMap<(String, Vec<i64>), String>,
    lists: HashMap<Vec<i64>, String>,
    taken: HashSet<String>,
    counts: HashMap<String, usize>,
    /// Whether initialisers are weights, and nothing else of the graph's element type is one.
    pub weights_apart: bool,
}

impl<'a> Writer<'a> {
    pub fn new(graph: &'a Graph, precision: Precision, directions: usize) -> Self {
        let ports = graph.inputs.iter().chain(&graph.outputs);
        let mut writer = Writer {
            graph,
            element: if precision == Precision::F32 { FLOAT } else { DOUBLE },
            directions,
            proto: GraphProto::default(),
            values: vec![None; graph.nodes.len()],
            truths: HashMap::new(),
            reshaped: HashMap::new(),
            lists: HashMap::new(),
            taken: ports.map(|p| p.name.clone()).collect(),
            counts: HashMap::new(),
            weights_apart: false,
        };
        graph.inputs.iter().for_each(|port| writer.input(port));
        writer
    }

    /// The layout of an input or output.
    fn port_layout(&self, port: &Port) -> Layout {
        let lead = lead(port.extent);
        Layout { lead, merged: lead > 0 && self.graph.shape(port.node).first() == Some(&1) }
    }

    fn input(&mut self, port: &Port) {
        let layout = self.port_layout(port);
        let dims = self.dims(self.graph.shape(port.node), layout, layout.lead);
        self.proto.input.push(value_info(&port.name, self.element, &dims));
        self.values[port.node.0] = Some(Written { name: port.name.clone(), layout });
    }

    /// A shape in the file for a value whose own lead axes are `own`; −1 is the batch.
    fn dims(&self, shape: &[usize], layout: Layout, own: usize) -> Vec<i64> {
        let directions = if own > 1 { self.directions as i64 } else { 1 };
        let batch = if own > 0 { -1 } else { 1 };
        let lead = [batch, directions];
        let rest = shape[usize::from(layout.merged)..].iter().map(|&d| d as i64);
        lead[..layout.lead].iter().copied().chain(rest).collect()
    }

    /// A name that nothing has yet.
    fn fresh(&mut self, stem: &str) -> String {
        let count = self.counts.entry(stem.into()).or_default();
        loop {
            *count += 1;
            let name = format!("{stem}_{count}");
            if self.taken.insert(name.clone()) {
                return name;
            }
        }
    }

    /// Adds a node; answers the name of its result.
    pub fn emit(&mut self, operator: &str, input: &[&str], attribute: Vec<AttributeProto>) -> String {
        let name = self.fresh(&operator.to_lowercase());
        self.proto.node.push(NodeProto {
            input: input.iter().map(|name| name.to_string()).collect(),
            output: vec![name.clone()],
            name: Some(name.clone()),
            op_type: Some(operator.into()),
            attribute,
            ..NodeProto::default()
        });
        name
    }

    /// The name of a list of integers.
    pub fn list(&mut self, values: &[i64]) -> String {
        if let Some(name) = self.lists.get(values) {
            return name.clone();
        }
        let name = self.fresh("integers");
        let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.initialise(&name, INT64, vec![values.len() as i64], bytes);
        self.lists.insert(values.to_vec(), name.clone());
        name
    }

    fn initialise(&mut self, name: &str, element: i32, dims: Vec<i64>, bytes: Vec<u8>) {
        self.proto.initializer.push(tensor(name, element, dims, bytes));
    }

    /// A number that is no weight: a node where initialisers are weights.
    fn fixed(&mut self, name: &str, dims: Vec<i64>, bytes: Vec<u8>) {
        if !self.weights_apart {
            return self.initialise(name, self.element, dims, bytes);
        }
        self.proto.node.push(NodeProto {
            output: vec![name.into()],
            name: Some(name.into()),
            op_type: Some("Constant".into()),
            attribute: vec![AttributeProto {
                name: Some("value".into()),
                t: Some(Box::new(tensor(name, self.element, dims, bytes))),
                r#type: Some(TENSOR),
                ..AttributeProto::default()
            }],
            ..NodeProto::default()
        });
    }

    /// Numbers as an initialiser, under the name of the file that they came from where they have one; where weights are kept
    /// apart, others than weights as a node.
    pub fn constant(&mut self, id: NodeId, values: &[f64]) {
        let own = self.graph.parameters.iter().find(|p| p.node == id).map(|p| p.name.clone());
        let shape = self.graph.shape(id);
        let stem = if shape.is_empty() { "number" } else { "constant" };
        let weight = own.is_some();
        let free = own.filter(|name| !name.is_empty() && self.taken.insert(name.clone()));
        let name = free.unwrap_or_else(|| self.fresh(stem));
        let bytes = match self.element {
            FLOAT => values.iter().flat_map(|&v| (v as f32).to_le_bytes()).collect(),
            _ => values.iter().flat_map(|v| v.to_le_bytes()).collect(),
        };
        let dims = shape.iter().map(|&d| d as i64).collect();
        if weight {
            self.initialise(&name, self.element, dims, bytes);
        } else {
            self.fixed(&name, dims, bytes);
        }
        self.values[id.0] = Some(Written { name, layout: Layout { lead: 0, merged: false } });
    }

    /// The code of the element type.
    pub fn element(&self) -> i32 {
        self.element
    }

    /// A zero.
    pub fn zero(&mut self) -> String {
        if self.taken.insert("zero".into()) {
            let size = if self.element == FLOAT { 4 } else { 8 };
            self.fixed("zero", vec![], vec![0; size]);
        }
        "zero".into()
    }

    /// A value as it was written.
    pub fn written(&self, id: NodeId) -> Written {
        self.values[id.0].clone().expect("arguments come first")
    }

    /// Reshapes to a shape in the file; −1 stands for the batch, times whatever is left.
    pub fn reshaped(&mut self, name: &str, to: &[i64]) -> String {
        let key = (name.to_string(), to.to_vec());
        if let Some(done) = self.reshaped.get(&key) {
            return done.clone();
        }
        let shape = self.list(to);
        let result = self.emit("Reshape", &[name, &shape], vec![]);
        self.reshaped.insert(key, result.clone());
        result
    }

    /// The name of a value in another layout, its shape filled up with axes of length 1 to a rank. A value of smaller
    /// extent keeps length 1 along lead axes that it does not vary over; constants stay as they are, as broadcasting
    /// treats them.
    pub fn operand(&mut self, id: NodeId, rank: usize, layout: Layout) -> String {
        let written = self.written(id);
        let own = written.layout.lead;
        if own == 0 {
            return written.name;
        }
        let shape = self.graph.shape(id);
        let padded = [&vec![1; rank.saturating_sub(shape.len())][..], shape].concat();
        let from = self.dims(shape, written.layout, own);
        let to = self.dims(&padded, layout, own);
        if from == to { written.name } else { self.reshaped(&written.name, &to) }
    }

    /// As [`Writer::operand`], repeated over all lead axes of the layout, and with the whole shape.
    pub fn repeated(&mut self, id: NodeId, layout: Layout) -> String {
        let (shape, own) = (self.graph.shape(id), self.written(id).layout.lead);
        let name = self.operand(id, shape.len(), layout);
        if own == layout.lead {
            return name;
        }
        let mut to = self.dims(shape, layout, layout.lead);
        if own > 0 {
            to[0] = 1;
            let to = self.list(&to);
            return self.emit("Expand", &[&name, &to], vec![]);
        }
        // The size of the batch, from whatever input has one.
        let batched = self.graph.inputs.iter().find(|p| p.extent > Extent::Call).map(|p| p.name.clone());
        let Some(batched) = batched else { return name };
        let name = if layout.merged { self.reshaped(&name, &to[layout.lead..]) } else { name };
        let shape = self.emit("Shape", &[&batched], vec![super::int("start", 0), super::int("end", 1)]);
        let rest = self.list(&to[1..]);
        let shape = self.emit("Concat", &[&shape, &rest], vec![super::int("axis", 0)]);
        self.emit("Expand", &[&name, &shape], vec![])
    }

    /// The layout in which values of these nodes meet in a result of a shape: the axis of length 1 in front is left
    /// out where the result has one.
    pub fn meeting(&self, inputs: &[NodeId], shape: &[usize]) -> Layout {
        let lead = inputs.iter().map(|&i| self.written(i).layout.lead).max().unwrap_or(0);
        Layout { lead, merged: lead > 0 && shape.first() == Some(&1) }
    }

    /// Number of values along the lead axes but the batch.
    pub fn repetitions(&self, lead: usize) -> usize {
        if lead > 1 { self.directions } else { 1 }
    }

    /// Names the outputs and answers the graph.
    pub fn finish(mut self) -> GraphProto {
        let graph = self.graph;
        for port in &graph.outputs {
            let layout = self.port_layout(port);
            let name = self.repeated(port.node, layout);
            let dims = self.dims(self.graph.shape(port.node), layout, layout.lead);
            self.proto.output.push(value_info(&port.name, self.element, &dims));
            self.rename(&name, &port.name);
        }
        self.proto
    }

    /// Gives the result of a node the name of an output; what is no node's result, or an output already, is copied.
    fn rename(&mut self, from: &str, to: &str) {
        let is_output = self.proto.output.iter().any(|o| o.name.as_deref() == Some(from));
        let made = self.proto.node.iter().any(|n| n.output[0] == from);
        if is_output || !made {
            let node = NodeProto {
                input: vec![from.into()],
                output: vec![to.into()],
                name: Some(to.into()),
                op_type: Some("Identity".into()),
                ..NodeProto::default()
            };
            return self.proto.node.push(node);
        }
        for node in &mut self.proto.node {
            let named = node.output.iter_mut().chain(&mut node.input).filter(|name| *name == from);
            named.for_each(|name| *name = to.into());
        }
        // Two outputs may be one value.
        let renamed = |written: &mut Written| {
            if written.name == from {
                written.name = to.into();
            }
        };
        self.values.iter_mut().flatten().for_each(renamed);
        self.reshaped.values_mut().filter(|name| *name == from).for_each(|name| *name = to.into());
    }

    /// Writes a node of the graph.
    pub fn node(&mut self, id: NodeId) {
        let node = self.graph.node(id);
        match &node.op {
            Op::Input => {}
            Op::Constant(values) => self.constant(id, values),
            _ => self.values[id.0] = Some(self.operation(id)),
        }
    }
}

/// Axes before the shape of one value.
fn lead(extent: Extent) -> usize {
    match extent {
        Extent::Call => 0,
        Extent::Sample => 1,
        Extent::Direction => 2,
    }
}

fn tensor(name: &str, element: i32, dims: Vec<i64>, bytes: Vec<u8>) -> TensorProto {
    TensorProto {
        name: Some(name.into()),
        data_type: Some(element),
        dims,
        raw_data: Some(bytes),
        ..TensorProto::default()
    }
}
