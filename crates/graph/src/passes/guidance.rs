//! Networks of labelled data at one label, and guided by it.

use crate::ir::{Extent, Graph, NodeId, Op, Port};

/// Name of the input that says which class is meant.
const LABEL: &str = "label";

/// The network of one label, given once for all samples: its input `label` is fixed.
///
/// # Errors
/// If the graph has no input `label` of one number a sample.
pub fn labelled(graph: &Graph, label: f64) -> Result<Graph, String> {
    let input = label_input(graph)?;
    let mut fixed = graph.clone();
    fixed.inputs.retain(|p| p.node != input);
    fixed.nodes[input.0].op = Op::Constant(vec![label].into());
    fixed.nodes[input.0].extent = Extent::Call;
    fixed.settle_extents();
    Ok(fixed)
}

/// What a network is guided by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Guidance {
    /// The class wanted.
    pub label: f64,
    /// The label that stands for no class.
    pub no_class: f64,
    /// w: 1 is the network of the class, more goes further away from that of no class.
    pub weight: f64,
}

/// Classifier-free guidance (Ho & Salimans 2022): y = y∅ + w (y_label − y∅) for every output, with the outputs y∅ at the
/// label of no class. What does not depend on the label is computed once. As the combination is a graph, so are all its
/// derivatives.
///
/// # Errors
/// If the graph has no input `label` of one number a sample.
pub fn guided(graph: &Graph, guidance: Guidance) -> Result<Graph, String> {
    let input = label_input(graph)?;
    let mut result = labelled(graph, guidance.label)?;
    let none = result.constant(&graph.node(input).shape, vec![guidance.no_class]);
    let mut twin: Vec<NodeId> = graph.ids().collect();
    twin[input.0] = none;
    for id in graph.ids() {
        let node = graph.node(id);
        if node.inputs.iter().any(|i| twin[i.0] != *i) {
            let inputs: Vec<NodeId> = node.inputs.iter().map(|i| twin[i.0]).collect();
            twin[id.0] = result.try_push(node.op.clone(), &inputs)?;
        }
    }
    let weight = result.scalar(guidance.weight);
    let outputs = std::mem::take(&mut result.outputs);
    for port in outputs {
        let (of_class, of_none) = (port.node, twin[port.node.0]);
        let difference = result.try_push(Op::Sub, &[of_class, of_none])?;
        let step = result.try_push(Op::Mul, &[difference, weight])?;
        let node = result.try_push(Op::Add, &[of_none, step])?;
        result.outputs.push(Port { node, ..port });
    }
    Ok(result)
}

fn label_input(graph: &Graph) -> Result<NodeId, String> {
    let input = graph.find_input(LABEL).ok_or("the network has no input named label")?;
    if graph.node(input).elements() != 1 {
        return Err(format!("the input label has the shape {:?}, not one number", graph.shape(input)));
    }
    Ok(input)
}
