//! Constant folding.

use crate::ir::{Graph, Known, NodeId, Op, elements};

/// Most multiplications and elements that folding one node may cost; beyond, the node is evaluated at every call.
const MOST_WORK: usize = 1 << 28;

/// Most that folding all nodes of a graph may cost.
const MOST_TOTAL_WORK: usize = 1 << 31;

/// Evaluates an operation whose arguments are all constant, if that is cheap; `None` otherwise.
pub(super) fn fold(graph: &mut Graph, op: &Op, inputs: &[NodeId]) -> Option<NodeId> {
    if inputs.is_empty() || inputs.iter().any(|&i| graph.constant_values(i).is_none()) {
        return None;
    }
    let id = graph.try_push(op.clone(), inputs).ok()?;
    let shape = graph.shape(id).to_vec();
    let work = graph.multiplications(id).max(elements(&shape));
    let total = graph.folding_work.saturating_add(work);
    let values = if work > MOST_WORK || total > MOST_TOTAL_WORK || repeats(op, &shape) {
        None
    } else {
        graph.folding_work = total;
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
