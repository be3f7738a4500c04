//! Forward mode: the graph of a function to the graph of the function and its directional derivatives.

use super::curvature::curvature;
use super::{DIRECTIONS, active, attained, zeros};
use crate::ir::{Comparison, Extent, Function, Graph, NodeId, Op};

/// Adds to a graph the directional derivative of all outputs along an input.
///
/// The new graph has one more input, `direction`, shaped like `input` with one value a direction, and for every
/// output `y` one more output `y.direction`: dy(x) · direction.
///
/// # Errors
/// If the graph has no such input, or sums over samples what depends on it: a sum over samples has no derivative a
/// direction of a sample, only one a call ([`tangent_over`]).
pub fn tangent(graph: &Graph, input: &str, direction: &str) -> Result<Graph, String> {
    tangent_over(graph, input, direction, DIRECTIONS)
}

/// As [`tangent`], with one direction a call, one a sample, or several a sample.
///
/// # Errors
/// As [`tangent`].
pub fn tangent_over(graph: &Graph, input: &str, direction: &str, extent: Extent) -> Result<Graph, String> {
    let x = graph.find_input(input).ok_or_else(|| format!("the graph has no input {input}"))?;
    let active = active(graph, &[x]);
    let summed = graph.ids().any(|id| active[id.0] && graph.node(id).op == Op::Total);
    if summed && extent == DIRECTIONS {
        return Err("a sum over samples has no derivative a direction: take one direction a sample (tangent_over with \
                    Extent::Sample)"
            .into());
    }
    let mut result = graph.clone();
    let mut tangents: Vec<Option<NodeId>> = vec![None; graph.nodes.len()];
    let shape = graph.shape(x).to_vec();
    tangents[x.0] = Some(result.input(direction, &shape, extent));
    for id in graph.ids().filter(|&id| active[id.0] && id != x) {
        tangents[id.0] = Some(rule(&mut result, id, &tangents));
    }
    for port in &graph.outputs {
        let name = format!("{}.{direction}", port.name);
        match tangents[port.node.0] {
            Some(tangent) => result.output(&name, tangent, port.extent),
            None => {
                let zero = zeros(&mut result, graph.shape(port.node));
                result.output(&name, zero, port.extent.max(extent));
            }
        }
    }
    Ok(result)
}

/// The tangent of one active node from the tangents of its arguments (`None`: the argument does not depend on
/// the input).
fn rule(graph: &mut Graph, id: NodeId, tangents: &[Option<NodeId>]) -> NodeId {
    let node = graph.node(id).clone();
    let of = |i: usize| tangents[node.inputs[i].0];
    let tangent = match &node.op {
        Op::Input | Op::Constant(_) | Op::Compare(_) | Op::Detach => unreachable!("none has a derivative"),
        Op::Map(Function::Neg) => linear(graph, Op::Map(Function::Neg), of(0)),
        Op::Map(f) => {
            let slope = graph.push(Op::Slope(*f), &node.inputs);
            product(graph, slope, of(0))
        }
        Op::Slope(f) => {
            let second = curvature(graph, *f, node.inputs[0]);
            product(graph, second, of(0))
        }
        Op::Add => sum(graph, of(0), of(1)),
        Op::Sub => {
            let negative = linear(graph, Op::Map(Function::Neg), of(1));
            match (of(0), of(1)) {
                (Some(a), Some(b)) => Some(graph.push(Op::Sub, &[a, b])),
                (a, _) => a.or(negative),
            }
        }
        Op::Mul if node.inputs[0] == node.inputs[1] => {
            let half = product(graph, node.inputs[0], of(0)).expect("an active node has an active argument");
            let two = graph.scalar(2.0);
            Some(graph.push(Op::Mul, &[half, two]))
        }
        Op::Mul | Op::MatMul | Op::Convolve { .. } => {
            let left = of(0).map(|a| graph.push(node.op.clone(), &[a, node.inputs[1]]));
            let right = of(1).map(|b| graph.push(node.op.clone(), &[node.inputs[0], b]));
            sum(graph, left, right)
        }
        Op::Div => quotient(graph, id, of(0), of(1)),
        Op::Pow => power(graph, &node.inputs, of(0), of(1)),
        Op::Concat(axis) => Some(concat(graph, *axis, &node.inputs, tangents)),
        Op::Select => Some(select(graph, &node.inputs, of(1), of(2))),
        Op::Max(axes) => of(0).map(|a| maximum(graph, id, axes, a)),
        Op::Sum(_)
        | Op::Total
        | Op::Reshape(_)
        | Op::Expand(_)
        | Op::Transpose(_)
        | Op::Slice(_)
        | Op::Embed { .. }
        | Op::Gather { .. }
        | Op::Scatter { .. } => linear(graph, node.op.clone(), of(0)),
    };
    let tangent = tangent.expect("an active node has an active argument");
    graph.expand(tangent, &node.shape)
}

fn linear(graph: &mut Graph, op: Op, tangent: Option<NodeId>) -> Option<NodeId> {
    tangent.map(|a| graph.push(op, &[a]))
}

fn product(graph: &mut Graph, slope: NodeId, tangent: Option<NodeId>) -> Option<NodeId> {
    tangent.map(|a| graph.push(Op::Mul, &[slope, a]))
}

fn sum(graph: &mut Graph, a: Option<NodeId>, b: Option<NodeId>) -> Option<NodeId> {
    match (a, b) {
        (Some(a), Some(b)) => Some(graph.push(Op::Add, &[a, b])),
        (a, b) => a.or(b),
    }
}

/// d(a/b) = (da − (a/b) db) · (1/b). The reciprocal is taken once for all directions.
fn quotient(graph: &mut Graph, id: NodeId, da: Option<NodeId>, db: Option<NodeId>) -> Option<NodeId> {
    let b = graph.node(id).inputs[1];
    let change = match (da, db) {
        (da, Some(db)) => {
            let right = graph.push(Op::Mul, &[id, db]);
            match da {
                Some(da) => graph.push(Op::Sub, &[da, right]),
                None => graph.push(Op::Map(Function::Neg), &[right]),
            }
        }
        (da, None) => da?,
    };
    let reciprocal = graph.push(Op::Map(Function::Reciprocal), &[b]);
    Some(graph.push(Op::Mul, &[change, reciprocal]))
}

fn power(graph: &mut Graph, ab: &[NodeId], da: Option<NodeId>, db: Option<NodeId>) -> Option<NodeId> {
    let left = da.map(|da| {
        let partial = power_by_base(graph, ab);
        graph.push(Op::Mul, &[partial, da])
    });
    let right = db.map(|db| {
        let partial = power_by_exponent(graph, ab);
        graph.push(Op::Mul, &[partial, db])
    });
    sum(graph, left, right)
}

/// ∂(aᵇ)/∂a = b aᵇ⁻¹, and 0 where b = 0.
pub(super) fn power_by_base(graph: &mut Graph, ab: &[NodeId]) -> NodeId {
    let one = graph.scalar(1.0);
    let less = graph.push(Op::Sub, &[ab[1], one]);
    let power = graph.push(Op::Pow, &[ab[0], less]);
    let partial = graph.push(Op::Mul, &[ab[1], power]);
    let zero = graph.scalar(0.0);
    graph.push(Op::Select, &[ab[1], partial, zero])
}

/// ∂(aᵇ)/∂b = aᵇ ln a, and 0 where a = 0 and b ≥ 0.
pub(super) fn power_by_exponent(graph: &mut Graph, ab: &[NodeId]) -> NodeId {
    let log = graph.push(Op::Map(Function::Log), &[ab[0]]);
    let power = graph.push(Op::Pow, ab);
    let partial = graph.push(Op::Mul, &[power, log]);
    let zero = graph.scalar(0.0);
    let vanishes = graph.push(Op::Compare(Comparison::Equal), &[ab[0], zero]);
    let rises = graph.push(Op::Compare(Comparison::LessOrEqual), &[zero, ab[1]]);
    let at_zero = graph.push(Op::Mul, &[vanishes, rises]);
    graph.push(Op::Select, &[at_zero, zero, partial])
}

/// The tangent of whichever argument is selected.
fn select(graph: &mut Graph, inputs: &[NodeId], da: Option<NodeId>, db: Option<NodeId>) -> NodeId {
    let zero = graph.scalar(0.0);
    graph.push(Op::Select, &[inputs[0], da.unwrap_or(zero), db.unwrap_or(zero)])
}

/// The mean of the tangents where the maximum is attained.
fn maximum(graph: &mut Graph, id: NodeId, axes: &[usize], da: NodeId) -> NodeId {
    let attained = attained(graph, id, axes);
    let zero = graph.scalar(0.0);
    let picked = graph.push(Op::Select, &[attained.places, da, zero]);
    let sum = graph.push(Op::Sum(axes.to_vec()), &[picked]);
    graph.push(Op::Div, &[sum, attained.count])
}

fn concat(graph: &mut Graph, axis: usize, inputs: &[NodeId], tangents: &[Option<NodeId>]) -> NodeId {
    let parts: Vec<NodeId> = inputs
        .iter()
        .map(|&i| {
            let shape = graph.shape(i).to_vec();
            tangents[i.0].unwrap_or_else(|| zeros(graph, &shape))
        })
        .collect();
    graph.push(Op::Concat(axis), &parts)
}
