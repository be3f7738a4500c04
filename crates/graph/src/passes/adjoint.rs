//! Reverse mode: the graph of a function to the graph of the function and its transposed derivative.

use super::curvature::curvature;
use super::tangent::{power_by_base, power_by_exponent};
use super::{DIRECTIONS, active, zeros};
use crate::ir::{Function, Graph, NodeId, Op, Span, elements};

/// Adds to a graph the product of cotangents of one output with its derivative by an input.
///
/// The new graph has one more input, `cotangent`, shaped like `output` with one value a direction, and one more
/// output `input.cotangent`: dy(x)ᵀ · cotangent.
///
/// # Errors
/// If the graph has no such input or output.
pub fn adjoint(graph: &Graph, output: &str, input: &str, cotangent: &str) -> Result<Graph, String> {
    let x = graph.find_input(input).ok_or_else(|| format!("the graph has no input {input}"))?;
    let y = graph.find_output(output).ok_or_else(|| format!("the graph has no output {output}"))?;
    let active = active(graph, x);
    let mut result = graph.clone();
    let mut cotangents: Vec<Option<NodeId>> = vec![None; graph.nodes.len()];
    cotangents[y.0] = Some(result.input(cotangent, graph.shape(y), DIRECTIONS));
    for id in graph.ids().rev().filter(|&id| active[id.0] && id != x) {
        let Some(u) = cotangents[id.0] else { continue };
        let inputs = graph.node(id).inputs.clone();
        for (position, argument) in inputs.into_iter().enumerate().filter(|(_, i)| active[i.0]) {
            let term = rule(&mut result, id, position, u);
            let term = match cotangents[argument.0] {
                Some(sum) => result.push(Op::Add, &[sum, term]),
                None => term,
            };
            cotangents[argument.0] = Some(term);
        }
    }
    let gradient = match cotangents[x.0].filter(|_| active[y.0]) {
        Some(gradient) => gradient,
        None => zeros(&mut result, graph.shape(x)),
    };
    result.output(&format!("{input}.{cotangent}"), gradient);
    Ok(result)
}

/// What the cotangent `u` of a node contributes to the cotangent of one of its arguments.
fn rule(graph: &mut Graph, id: NodeId, position: usize, u: NodeId) -> NodeId {
    let node = graph.node(id).clone();
    let argument = node.inputs[position];
    let shape = graph.shape(argument).to_vec();
    match &node.op {
        Op::Input | Op::Constant(_) => unreachable!("neither has arguments"),
        Op::Map(Function::Neg) => graph.push(Op::Map(Function::Neg), &[u]),
        Op::Map(f) => {
            let slope = graph.push(Op::Slope(*f), &[argument]);
            graph.push(Op::Mul, &[slope, u])
        }
        Op::Slope(f) => {
            let second = curvature(graph, *f, argument);
            graph.push(Op::Mul, &[second, u])
        }
        Op::Add | Op::Sub | Op::Mul | Op::Div | Op::Pow => {
            let term = elementwise(graph, id, position, u);
            sum_to(graph, term, &shape)
        }
        Op::MatMul => {
            let term = matmul(graph, &node.inputs, position, u);
            sum_to(graph, term, &shape)
        }
        Op::Sum(_) => graph.expand(u, &shape),
        Op::Reshape(_) => graph.reshape(u, &shape),
        Op::Expand(_) => sum_to(graph, u, &shape),
        Op::Transpose(perm) => graph.push(Op::Transpose(inverse(perm)), &[u]),
        Op::Concat(axis) => {
            let start = node.inputs[..position].iter().map(|&i| graph.shape(i)[*axis]).sum();
            graph.push(Op::Slice(Span { axis: *axis, start, len: shape[*axis], step: 1 }), &[u])
        }
        Op::Slice(span) => graph.push(Op::Embed { span: *span, size: shape[span.axis] }, &[u]),
        Op::Embed { span, .. } => graph.push(Op::Slice(*span), &[u]),
    }
}

/// Contribution of an elementwise operation on two arguments, before the sum over broadcast axes.
fn elementwise(graph: &mut Graph, id: NodeId, position: usize, u: NodeId) -> NodeId {
    let node = graph.node(id).clone();
    let other = node.inputs[1 - position];
    match (&node.op, position) {
        (Op::Sub, 1) => graph.push(Op::Map(Function::Neg), &[u]),
        (Op::Mul, _) => graph.push(Op::Mul, &[other, u]),
        (Op::Div, 0) => graph.push(Op::Div, &[u, other]),
        (Op::Div, _) => {
            let ratio = graph.push(Op::Div, &[id, node.inputs[1]]);
            let negative = graph.push(Op::Map(Function::Neg), &[ratio]);
            graph.push(Op::Mul, &[negative, u])
        }
        (Op::Pow, 0) => {
            let partial = power_by_base(graph, &node.inputs);
            graph.push(Op::Mul, &[partial, u])
        }
        (Op::Pow, _) => {
            let partial = power_by_exponent(graph, &node.inputs);
            graph.push(Op::Mul, &[partial, u])
        }
        _ => u,
    }
}

/// u bᵀ for the left argument, aᵀ u for the right one.
fn matmul(graph: &mut Graph, ab: &[NodeId], position: usize, u: NodeId) -> NodeId {
    let other = transposed(graph, ab[1 - position]);
    let pair = if position == 0 { [u, other] } else { [other, u] };
    graph.push(Op::MatMul, &pair)
}

fn transposed(graph: &mut Graph, a: NodeId) -> NodeId {
    let rank = graph.shape(a).len();
    let mut perm: Vec<usize> = (0..rank).collect();
    perm.swap(rank - 1, rank - 2);
    graph.push(Op::Transpose(perm), &[a])
}

fn inverse(perm: &[usize]) -> Vec<usize> {
    let mut inverse = vec![0; perm.len()];
    perm.iter().enumerate().for_each(|(i, &p)| inverse[p] = i);
    inverse
}

/// The adjoint of broadcasting `shape` to the shape of `u`: sums over the axes that were repeated.
fn sum_to(graph: &mut Graph, u: NodeId, shape: &[usize]) -> NodeId {
    let from = graph.shape(u).to_vec();
    let lead = from.len() - shape.len();
    let repeated = |axis: usize| from[axis] != 1 && (axis < lead || shape[axis - lead] == 1);
    let axes: Vec<usize> = (0..from.len()).filter(|&axis| repeated(axis)).collect();
    let summed = if axes.is_empty() { u } else { graph.push(Op::Sum(axes), &[u]) };
    if elements(graph.shape(summed)) == elements(shape) {
        graph.reshape(summed, shape)
    } else {
        graph.expand(summed, shape)
    }
}
