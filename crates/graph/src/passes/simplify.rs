//! Rewriting a graph into an equal one that costs less: constants are folded, operations without effect removed,
//! time-only terms split off matrix products, and functions recognised that exports spell out.

use super::fold::fold;
use crate::ir::{Extent, Function, Graph, NodeId, Op, Span};

/// An equal graph with less to do. Inputs and outputs keep their names.
pub fn simplify(graph: &Graph) -> Graph {
    graph.rebuilt(|result, op, inputs| place(result, op.clone(), inputs))
}

/// Adds an operation in its simplest form.
fn place(graph: &mut Graph, op: Op, inputs: &[NodeId]) -> NodeId {
    fold(graph, &op, inputs)
        .or_else(|| without_effect(graph, &op, inputs))
        .or_else(|| split_product(graph, &op, inputs))
        .or_else(|| gather_addends(graph, &op, inputs))
        .or_else(|| gated(graph, &op, inputs))
        .or_else(|| softmax(graph, &op, inputs))
        .unwrap_or_else(|| graph.push(op, inputs))
}

/// The argument itself, where the operation changes nothing.
fn without_effect(graph: &mut Graph, op: &Op, inputs: &[NodeId]) -> Option<NodeId> {
    let first = *inputs.first()?;
    let same_shape = |shape: &[usize]| graph.shape(first) == shape;
    match op {
        Op::Reshape(shape) | Op::Expand(shape) if same_shape(shape) => Some(first),
        Op::Reshape(shape) => match graph.node(first).op {
            Op::Reshape(_) => {
                let origin = graph.node(first).inputs[0];
                Some(graph.push(Op::Reshape(shape.clone()), &[origin]))
            }
            _ => None,
        },
        Op::Transpose(perm) if perm.iter().copied().eq(0..perm.len()) => Some(first),
        Op::Slice(span) if span.step == 1 && span.len == graph.shape(first)[span.axis] => Some(first),
        Op::Gather { axis, indices } => {
            let identity = indices.iter().map(|&i| i as usize).eq(0..graph.shape(first)[*axis]);
            identity.then_some(first)
        }
        Op::Select => {
            let condition = graph.uniform_value(first)?;
            let chosen = if condition == 0.0 { inputs[2] } else { inputs[1] };
            let shape = crate::ir::broadcast(graph.shape(inputs[1]), graph.shape(inputs[2])).ok()?;
            let shape = crate::ir::broadcast(graph.shape(first), &shape).ok()?;
            Some(graph.expand(chosen, &shape))
        }
        Op::Sum(axes) | Op::Max(axes) if axes.iter().all(|&axis| graph.shape(first)[axis] == 1) => {
            Some(first)
        }
        Op::Concat(_) if inputs.len() == 1 => Some(first),
        Op::Add => neutral(graph, inputs, 0.0, true),
        Op::Sub => neutral(graph, inputs, 0.0, false),
        Op::Mul => neutral(graph, inputs, 1.0, true),
        Op::Div => neutral(graph, inputs, 1.0, false),
        _ => None,
    }
}

/// The other argument, where one is the neutral element and does not broadcast the other.
fn neutral(graph: &Graph, inputs: &[NodeId], element: f64, either: bool) -> Option<NodeId> {
    let is_neutral = |id: NodeId| match &graph.node(id).op {
        Op::Expand(_) => graph.uniform_value(graph.node(id).inputs[0]) == Some(element),
        _ => graph.uniform_value(id) == Some(element),
    };
    let keeps = |a: NodeId, b: NodeId| {
        crate::ir::broadcast(graph.shape(a), graph.shape(b)).as_deref() == Ok(graph.shape(a))
    };
    let (a, b) = (inputs[0], inputs[1]);
    if is_neutral(b) && keeps(a, b) {
        return Some(a);
    }
    (either && is_neutral(a) && keeps(b, a)).then_some(b)
}

/// [x, t] W = x Wₓ + t Wₜ, where the parts of a concatenation have different extents or one is a constant.
fn split_product(graph: &mut Graph, op: &Op, inputs: &[NodeId]) -> Option<NodeId> {
    if *op != Op::MatMul || graph.shape(inputs[1]).len() != 2 {
        return None;
    }
    graph.constant_values(inputs[1])?;
    let concat = graph.node(inputs[0]).clone();
    let varies = concat.inputs.iter().any(|&i| graph.node(i).extent != concat.extent);
    if concat.op != Op::Concat(concat.shape.len().checked_sub(1)?) || !varies {
        return None;
    }
    let mut start = 0;
    let mut parts = Vec::new();
    for &part in &concat.inputs {
        let len = *graph.shape(part).last()?;
        parts.push((part, Span { axis: 0, start, len, step: 1 }));
        start += len;
    }
    parts.sort_by_key(|&(part, _)| graph.node(part).extent);
    let mut sum = None;
    for (part, span) in parts {
        let weights = place(graph, Op::Slice(span), &[inputs[1]]);
        let term = place(graph, Op::MatMul, &[part, weights]);
        sum = Some(match sum {
            Some(sum) => place(graph, Op::Add, &[term, sum]),
            None => term,
        });
    }
    sum
}

/// (x W + c) + b = x W + (c + b), where c and b are computed once a call.
fn gather_addends(graph: &mut Graph, op: &Op, inputs: &[NodeId]) -> Option<NodeId> {
    if *op != Op::Add {
        return None;
    }
    let is_call = |graph: &Graph, id: NodeId| graph.node(id).extent == Extent::Call;
    let (sum, addend) = match (is_call(graph, inputs[0]), is_call(graph, inputs[1])) {
        (false, true) => (inputs[0], inputs[1]),
        (true, false) => (inputs[1], inputs[0]),
        _ => return None,
    };
    let inner = graph.node(sum).clone();
    let grows = crate::ir::broadcast(&inner.shape, graph.shape(addend)).as_ref() != Ok(&inner.shape);
    if inner.op != Op::Add || grows {
        return None;
    }
    let (product, other) = (inner.inputs[0], inner.inputs[1]);
    if graph.node(product).op != Op::MatMul || !is_call(graph, other) || is_call(graph, product) {
        return None;
    }
    let constant = place(graph, Op::Add, &[other, addend]);
    Some(place(graph, Op::Add, &[product, constant]))
}

/// x · σ(b x) is one function; so is x · σ(x).
fn gated(graph: &mut Graph, op: &Op, inputs: &[NodeId]) -> Option<NodeId> {
    if *op != Op::Mul {
        return None;
    }
    let rate = |x: NodeId, gate: NodeId| {
        let node = graph.node(gate);
        if node.op != Op::Map(Function::Sigmoid) {
            return None;
        }
        let argument = graph.node(node.inputs[0]);
        if node.inputs[0] == x {
            return Some(1.0);
        }
        let [a, b] = argument.inputs[..] else { return None };
        let other = if a == x { b } else { a };
        let scales = argument.op == Op::Mul && (a == x || b == x) && argument.shape == graph.shape(x);
        if scales { graph.uniform_value(other) } else { None }
    };
    let (x, rate) = match (rate(inputs[0], inputs[1]), rate(inputs[1], inputs[0])) {
        (Some(rate), _) => (inputs[0], rate),
        (_, Some(rate)) => (inputs[1], rate),
        _ => return None,
    };
    Some(graph.push(Op::Map(Function::Swish(rate)), &[x]))
}

/// e^{x − m}/Σ e^{x − m} with the maximum m of x does not depend on m, which therefore needs no derivative.
fn softmax(graph: &mut Graph, op: &Op, inputs: &[NodeId]) -> Option<NodeId> {
    let (Op::Div, [powers, sum]) = (op, inputs) else { return None };
    let (exp, total) = (graph.node(*powers), graph.node(*sum));
    let (Op::Map(Function::Exp), Op::Sum(axes)) = (&exp.op, &total.op) else { return None };
    let shifted = graph.node(exp.inputs[0]);
    let [x, largest] = shifted.inputs[..] else { return None };
    let Op::Max(over) = &graph.node(largest).op else { return None };
    let same = total.inputs[0] == *powers && over == axes && graph.node(largest).inputs[0] == x;
    if shifted.op != Op::Sub || !same {
        return None;
    }
    let axes = axes.clone();
    let shift = graph.push(Op::Detach, &[largest]);
    let shifted = graph.push(Op::Sub, &[x, shift]);
    let powers = graph.push(Op::Map(Function::Exp), &[shifted]);
    let sum = graph.push(Op::Sum(axes), &[powers]);
    Some(graph.push(Op::Div, &[powers, sum]))
}
