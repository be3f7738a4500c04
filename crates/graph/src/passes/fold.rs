//! Constant folding.

use crate::ir::{Graph, Known, NodeId, Op, elements};

/// Most multiplications and elements that folding one node may cost; beyond, the node is evaluated at every call.
const MOST_WORK: usize = 1 << 28;

/// Evaluates an operation whose arguments are all constant, if that is cheap; `None` otherwise.
pub(super) fn fold(graph: &mut Graph, op: &Op, inputs: &[NodeId]) -> Option<NodeId> {
    if inputs.is_empty() || inputs.iter().any(|&i| graph.constant_values(i).is_none()) {
        return None;
    }
    let id = graph.try_push(op.clone(), inputs).ok()?;
    let shape = graph.shape(id).to_vec();
    let values = if graph.multiplications(id).max(elements(&shape)) > MOST_WORK || repeats(op, &shape) {
        None
    } else {
        let known = |&i: &NodeId| Known { shape: graph.shape(i), values: graph.constant_values(i).unwrap() };
        let inputs: Vec<Known> = inputs.iter().map(known).collect();
        op.evaluate(&inputs, &shape)
    };
    graph.nodes.pop();
    values.map(|values| graph.constant(&shape, values))
}

/// A long repetition costs nothing at run time, but memory when folded.
fn repeats(op: &Op, shape: &[usize]) -> bool {
    matches!(op, Op::Expand(_) | Op::Gather { .. }) && elements(shape) > 1 << 16
}
