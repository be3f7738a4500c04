//! Networks as graphs of a small set of primitive operations, closed under differentiation.
//!
//! Every value has a static shape *per sample* and an [`Extent`] that says over which implicit axis it is
//! repeated: once a call, once a sample, or once a sample and direction. The batch axis of an imported tensor
//! keeps its place with length 1, so that axis numbers mean the same as in the file.

mod convolve;
mod function;
mod interpret;
mod operation;
mod parameters;
mod rebuild;
mod shape;

pub(crate) use convolve::Convolution;
pub use convolve::{Role, Window, WindowAxis};
pub use function::Function;
pub(crate) use function::GELU_TANH;
pub(crate) use interpret::{Known, broadcast_rows, sum_rows};
pub use operation::{Comparison, Op, Span};
pub use parameters::Parameter;
pub(crate) use shape::{broadcast, elements};

use std::collections::HashMap;
use std::sync::Arc;

/// The number type a network is evaluated in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Precision {
    /// Single precision.
    #[default]
    F32,
    /// Double precision.
    F64,
}

/// Over what a value is repeated. The extent of a result is the largest of its arguments' extents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Extent {
    /// One value a call: constants, and what depends on time only.
    Call,
    /// One value a sample.
    Sample,
    /// One value for every direction (tangent or cotangent) of every sample.
    Direction,
}

/// A node of a graph, and the value it makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub(crate) usize);

/// A node: an operation applied to the values of earlier nodes.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub op: Op,
    pub inputs: Vec<NodeId>,
    pub shape: Vec<usize>,
    pub extent: Extent,
}

impl Node {
    pub fn elements(&self) -> usize {
        elements(&self.shape)
    }
}

/// A named input or output of a graph.
#[derive(Debug, Clone)]
pub(crate) struct Port {
    pub name: String,
    pub node: NodeId,
    /// Over what it is repeated; at least the extent of the node, as what is the same for all may be asked for each.
    pub extent: Extent,
}

/// Where a graph came from, for reports.
#[derive(Debug, Clone, Default)]
pub struct Source {
    /// The file, or "model" where it was read from memory.
    pub file: String,
    /// Name and version of the program that wrote the file.
    pub producer: String,
    /// Version of ONNX's operator set.
    pub opset: i64,
    /// Number of nodes in the file by operator, sorted by name.
    pub operators: Vec<(String, usize)>,
    /// Number of weights in the file.
    pub parameters: u64,
}

/// A network, or a derivative of one: primitive operations in an order in which arguments come first.
#[derive(Debug, Clone, Default)]
pub struct Graph {
    pub(crate) nodes: Vec<Node>,
    pub(crate) inputs: Vec<Port>,
    pub(crate) outputs: Vec<Port>,
    /// Weights of the file by name, as long as they are nodes of the graph.
    pub(crate) parameters: Vec<Port>,
    pub(crate) source: Source,
    /// Bytes that the values of one evaluation may take.
    pub(crate) memory_limit: u64,
    /// Multiplications and elements that constant folding has cost so far.
    pub(crate) folding_work: usize,
}

impl Graph {
    /// A graph of the same origin without nodes.
    pub(crate) fn empty(&self) -> Graph {
        Graph { source: self.source.clone(), memory_limit: self.memory_limit, ..Graph::default() }
    }

    pub(crate) fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0]
    }

    pub(crate) fn shape(&self, id: NodeId) -> &[usize] {
        &self.nodes[id.0].shape
    }

    pub(crate) fn ids(&self) -> impl DoubleEndedIterator<Item = NodeId> + use<> {
        (0..self.nodes.len()).map(NodeId)
    }

    pub(crate) fn find_input(&self, name: &str) -> Option<NodeId> {
        self.inputs.iter().find(|p| p.name == name).map(|p| p.node)
    }

    pub(crate) fn find_output(&self, name: &str) -> Option<NodeId> {
        self.outputs.iter().find(|p| p.name == name).map(|p| p.node)
    }

    /// Adds an input.
    pub(crate) fn input(&mut self, name: &str, shape: &[usize], extent: Extent) -> NodeId {
        let node = self.place(Node { op: Op::Input, inputs: vec![], shape: shape.to_vec(), extent });
        self.inputs.push(Port { name: name.into(), node, extent });
        node
    }

    /// Names a value as an output, repeated over an extent at least.
    pub(crate) fn output(&mut self, name: &str, node: NodeId, extent: Extent) {
        let extent = extent.max(self.node(node).extent);
        self.outputs.push(Port { name: name.into(), node, extent });
    }

    /// Adds values known now. `values` fills `shape` in row-major order.
    pub(crate) fn constant(&mut self, shape: &[usize], values: impl Into<Arc<[f64]>>) -> NodeId {
        let values = values.into();
        debug_assert_eq!(values.len(), elements(shape));
        let op = Op::Constant(values);
        self.place(Node { op, inputs: vec![], shape: shape.to_vec(), extent: Extent::Call })
    }

    pub(crate) fn scalar(&mut self, value: f64) -> NodeId {
        self.constant(&[], vec![value])
    }

    /// The values of a constant node.
    pub(crate) fn constant_values(&self, id: NodeId) -> Option<&Arc<[f64]>> {
        match &self.node(id).op {
            Op::Constant(values) => Some(values),
            _ => None,
        }
    }

    /// The one value that all elements of a constant node have.
    pub(crate) fn uniform_value(&self, id: NodeId) -> Option<f64> {
        let values = self.constant_values(id)?;
        let first = *values.first()?;
        values.iter().all(|v| v.to_bits() == first.to_bits()).then_some(first)
    }

    /// Adds an operation, or says why its arguments do not fit.
    pub(crate) fn try_push(&mut self, op: Op, inputs: &[NodeId]) -> Result<NodeId, String> {
        let shapes: Vec<&[usize]> = inputs.iter().map(|&i| self.shape(i)).collect();
        let shape = shape::infer(&op, &shapes)?;
        let largest = inputs.iter().map(|&i| self.node(i).extent).max().unwrap_or(Extent::Call);
        let extent = if op == Op::Total { Extent::Call } else { largest };
        Ok(self.place(Node { op, inputs: inputs.to_vec(), shape, extent }))
    }

    /// Adds an operation whose arguments are known to fit.
    ///
    /// # Panics
    /// If they do not fit, which is an error in a pass and not in a user's model.
    pub(crate) fn push(&mut self, op: Op, inputs: &[NodeId]) -> NodeId {
        self.try_push(op, inputs).expect("a pass builds operations whose shapes fit")
    }

    /// Repeats a value up to a shape, if it does not have it yet.
    pub(crate) fn expand(&mut self, id: NodeId, shape: &[usize]) -> NodeId {
        if self.shape(id) == shape { id } else { self.push(Op::Expand(shape.to_vec()), &[id]) }
    }

    /// Gives a value another shape, if it does not have it yet.
    pub(crate) fn reshape(&mut self, id: NodeId, shape: &[usize]) -> NodeId {
        if self.shape(id) == shape { id } else { self.push(Op::Reshape(shape.to_vec()), &[id]) }
    }

    fn place(&mut self, node: Node) -> NodeId {
        self.nodes.push(node);
        NodeId(self.nodes.len() - 1)
    }

    /// The graph with one time a sample in place of one a call, as in the file that it was read from. What depends on
    /// time only is then computed for every sample.
    pub fn with_sample_times(&self) -> Graph {
        let mut graph = self.clone();
        for port in graph.inputs.iter_mut().filter(|p| p.name == "t") {
            port.extent = Extent::Sample.max(port.extent);
            graph.nodes[port.node.0].extent = port.extent;
        }
        graph.settle_extents();
        graph
    }

    /// Gives every result the largest extent of its arguments, after those of inputs have changed.
    pub(crate) fn settle_extents(&mut self) {
        for id in self.ids() {
            let node = self.node(id);
            if !matches!(node.op, Op::Input | Op::Constant(_) | Op::Total) {
                let largest = node.inputs.iter().map(|&i| self.node(i).extent).max();
                self.nodes[id.0].extent = largest.unwrap_or(Extent::Call);
            }
        }
    }

    /// The graph with other names for some of its inputs and outputs.
    pub fn renamed(&self, names: &[(&str, &str)]) -> Graph {
        let mut graph = self.clone();
        for port in graph.inputs.iter_mut().chain(&mut graph.outputs) {
            if let Some((_, new)) = names.iter().find(|(old, _)| *old == port.name) {
                port.name = (*new).into();
            }
        }
        graph
    }

    /// Multiplications of a matrix product or convolution; 0 for other operations.
    pub(crate) fn multiplications(&self, id: NodeId) -> usize {
        let node = self.node(id);
        match &node.op {
            Op::MatMul => node.elements().saturating_mul(*self.shape(node.inputs[0]).last().unwrap_or(&0)),
            Op::Convolve { window, role } => {
                let [a, b] = [0, 1].map(|i| self.shape(node.inputs[i]));
                window.multiplications(*role, a, b)
            }
            _ => 0,
        }
    }

    /// Multiplications and additions of matrix products and convolutions in the nodes of an extent, for one instance
    /// each.
    pub(crate) fn matrix_flops(&self, extent: Extent) -> u64 {
        let products = self.ids().filter(|&id| self.node(id).extent == extent);
        products.fold(0u64, |n, id| n.saturating_add(2 * self.multiplications(id) as u64))
    }

    /// Copies the nodes that the outputs need (and all inputs), and gives the new id of every old node kept.
    pub(crate) fn retain_needed(&self) -> Graph {
        let mut needed = vec![false; self.nodes.len()];
        self.inputs.iter().chain(&self.outputs).for_each(|p| needed[p.node.0] = true);
        for id in self.ids().rev() {
            if needed[id.0] {
                self.node(id).inputs.iter().for_each(|i| needed[i.0] = true);
            }
        }
        let mut kept = self.empty();
        let mut new_id = HashMap::new();
        for id in self.ids().filter(|id| needed[id.0]) {
            let mut node = self.node(id).clone();
            node.inputs.iter_mut().for_each(|i| *i = new_id[i]);
            new_id.insert(id, kept.place(node));
        }
        let rename =
            |ports: &[Port]| ports.iter().map(|p| Port { node: new_id[&p.node], ..p.clone() }).collect();
        kept.inputs = rename(&self.inputs);
        kept.outputs = rename(&self.outputs);
        let parameters = self.parameters.iter().filter(|p| needed[p.node.0]);
        kept.parameters = rename(&parameters.cloned().collect::<Vec<_>>());
        kept
    }
}
