//! Reading a model file, and describing it.

use crate::error::{Error, UnsupportedNode};
use crate::ir::{Extent, Graph, NodeId, Op, Role};
use crate::onnx::{Import, Interface, Limits, import};
use crate::passes::{simplify, tangent};
use crate::plan::Plan;
use crate::program::Port;
use std::path::Path;

/// What a model file contains.
#[derive(Debug, Clone)]
pub struct Description {
    /// Name and version of the program that wrote the file.
    pub producer: String,
    /// Version of ONNX's operator set.
    pub opset: i64,
    /// Shape of a sample, without the batch.
    pub sample_shape: Vec<usize>,
    /// Does the model take a time?
    pub takes_time: bool,
    /// Number of nodes in the file by operator, sorted by name.
    pub operators: Vec<(String, usize)>,
    /// Number of weights.
    pub parameters: u64,
    /// Nodes that cannot be evaluated. If there are any, the figures below are zero.
    pub unsupported: Vec<UnsupportedNode>,
    /// Floating-point operations of the value of a sample: two for every multiply-add of matrix products.
    pub value_flops: u64,
    /// Floating-point operations of a tangent of a sample, beyond those of the value.
    pub tangent_flops: u64,
    /// Bytes that a sample takes while value and tangents are computed in f32.
    pub bytes_per_sample: u64,
    /// Floating-point operations of what depends on the time only, computed once a call.
    pub call_flops: u64,
    /// Matrix products and convolutions of the value, the heaviest first.
    pub layers: Vec<Layer>,
    /// What it takes.
    pub inputs: Vec<Port>,
    /// What it makes.
    pub outputs: Vec<Port>,
    /// Why it is not a model of x and t, if it is not.
    pub other_interface: Option<String>,
}

/// A matrix product or convolution of a network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// MatMul, Conv or ConvTranspose.
    pub operator: &'static str,
    /// Name of its weights in the file, where it has any under a name.
    pub weights: Option<String>,
    /// Shapes of its arguments for one sample.
    pub arguments: [Vec<usize>; 2],
    /// Shape of its result for one sample.
    pub shape: Vec<usize>,
    /// Floating-point operations, for one sample or, where it depends on the time only, for one call.
    pub flops: u64,
}

impl Graph {
    /// Reads an ONNX model with inputs `x [batch, …]`, `t [batch]`, perhaps `label [batch]` (a class, as an integer or as
    /// a number; [`crate::passes::labelled`] fixes it), and one output shaped like x.
    ///
    /// # Errors
    /// If the file is unreadable, contradicts itself, exceeds the limits, or contains nodes that cannot be evaluated
    /// exactly (all of them are listed).
    pub fn read(path: impl AsRef<Path>, limits: &Limits) -> Result<Graph, Error> {
        let path = path.as_ref();
        let import = import(&bytes(path, limits)?, Some(path), limits, Interface::Model)?;
        supported(import, &path.display().to_string())
    }

    /// Reads any ONNX file that acts on samples independently, with any number of inputs and outputs, which keep their
    /// names: a derivative written by [`Graph::write`], for example. Inputs without a batch axis, and t, are given once a
    /// call.
    ///
    /// # Errors
    /// As [`Graph::read`].
    pub fn read_function(path: impl AsRef<Path>, limits: &Limits) -> Result<Graph, Error> {
        let path = path.as_ref();
        let import = import(&bytes(path, limits)?, Some(path), limits, Interface::Function)?;
        supported(import, &path.display().to_string())
    }

    /// Reads an ONNX model from memory; its weights cannot be external.
    ///
    /// # Errors
    /// As [`Graph::read`].
    pub fn from_bytes(bytes: &[u8], limits: &Limits) -> Result<Graph, Error> {
        supported(import(bytes, None, limits, Interface::Model)?, "model")
    }

    /// Where the graph came from.
    pub fn source(&self) -> &crate::ir::Source {
        &self.source
    }

    /// Shape of a sample, without the batch.
    pub fn sample_shape(&self) -> &[usize] {
        let shape = self.find_input("x").map_or(&[][..], |x| self.shape(x));
        shape.get(1..).unwrap_or(&[])
    }

    /// Floating-point operations of the value of one sample at a time of its own, as in a training: two for every
    /// multiply-add of matrix products and convolutions.
    pub fn sample_flops(&self) -> u64 {
        let value = simplify(self);
        [Extent::Call, Extent::Sample]
            .iter()
            .fold(0, |n, &extent| n.saturating_add(value.matrix_flops(extent)))
    }

    /// Does the model take a time?
    pub fn takes_time(&self) -> bool {
        self.find_input("t").is_some()
    }
}

impl Description {
    /// Describes an ONNX file, a model or any other function of samples. Unsupported nodes are part of the description.
    ///
    /// # Errors
    /// If the file is unreadable, contradicts itself, or exceeds the limits.
    pub fn read(path: impl AsRef<Path>, limits: &Limits) -> Result<Description, Error> {
        let path = path.as_ref();
        let bytes = bytes(path, limits)?;
        let (Import { graph, unsupported }, other_interface) =
            match import(&bytes, Some(path), limits, Interface::Model) {
                Ok(import) => (import, None),
                Err(refused) => match import(&bytes, Some(path), limits, Interface::Function) {
                    Ok(import) => (import, Some(refused.to_string())),
                    Err(_) => return Err(refused),
                },
            };
        let mut description = Description::of(&graph);
        description.unsupported = unsupported;
        description.other_interface = other_interface;
        Ok(description)
    }

    /// Describes a graph.
    pub fn of(graph: &Graph) -> Description {
        let source = graph.source.clone();
        let value = simplify(graph);
        let derived = graph.find_output("y").and_then(|_| tangent(&value, "x", "direction").ok());
        let derived = derived.map(|graph| simplify(&graph)).unwrap_or_default();
        let plan = Plan::<f32>::compile(&derived, &Default::default());
        Description {
            producer: source.producer,
            opset: source.opset,
            sample_shape: graph.sample_shape().to_vec(),
            takes_time: graph.takes_time(),
            operators: source.operators,
            parameters: source.parameters,
            unsupported: vec![],
            value_flops: derived.matrix_flops(Extent::Sample),
            tangent_flops: derived.matrix_flops(Extent::Direction),
            bytes_per_sample: plan.bytes_per_sample() as u64,
            call_flops: value.matrix_flops(Extent::Call),
            layers: layers(&value),
            inputs: graph.inputs(),
            outputs: graph.outputs(),
            other_interface: None,
        }
    }
}

/// The products of a simplified graph, the heaviest first.
fn layers(graph: &Graph) -> Vec<Layer> {
    let layer = |id: NodeId| {
        let node = graph.node(id);
        let operator = match &node.op {
            Op::MatMul => "MatMul",
            Op::Convolve { role: Role::Output, .. } => "Conv",
            Op::Convolve { .. } => "ConvTranspose",
            _ => return None,
        };
        let [a, b] = node.inputs[..] else { return None };
        let named = graph.parameters.iter().find(|p| p.node == a || p.node == b);
        Some(Layer {
            operator,
            weights: named.map(|p| p.name.clone()),
            arguments: [graph.shape(a).to_vec(), graph.shape(b).to_vec()],
            shape: node.shape.clone(),
            flops: 2 * graph.multiplications(id) as u64,
        })
    };
    let mut layers: Vec<Layer> = graph.ids().filter_map(layer).collect();
    layers.sort_by_key(|layer| std::cmp::Reverse(layer.flops));
    layers
}

fn supported(import: Import, file: &str) -> Result<Graph, Error> {
    if import.unsupported.is_empty() {
        return Ok(import.graph.retain_needed());
    }
    Err(Error::Unsupported { file: file.into(), nodes: import.unsupported })
}

/// The bytes of a file within the limit.
fn bytes(path: &Path, limits: &Limits) -> Result<Vec<u8>, Error> {
    let file = path.display().to_string();
    let unfit = |got: String| Error::Malformed {
        file: file.clone(),
        what: "file".into(),
        expected: "a readable ONNX file".into(),
        got,
        remedy: "Check the path".into(),
    };
    let unreadable = |e: std::io::Error| unfit(e.to_string());
    let metadata = std::fs::metadata(path).map_err(unreadable)?;
    // Pipes and devices may block, or never end.
    if !metadata.is_file() {
        return Err(unfit("a folder, pipe or device".into()));
    }
    let needed = metadata.len();
    if needed > limits.memory {
        return Err(Error::TooLarge { file, what: "the file".into(), needed, limit: limits.memory });
    }
    std::fs::read(path).map_err(unreadable)
}
