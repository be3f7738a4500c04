//! Reverse mode: the graph of a function to the graph of the function and its transposed derivative.

use super::curvature::curvature;
use super::tangent::{power_by_base, power_by_exponent};
use super::{DIRECTIONS, active, attained, zeros};
use crate::ir::{Extent, Function, Graph, NodeId, Op, Span, elements};

/// Adds to a graph the product of cotangents of one output with its derivative by an input.
///
/// The new graph has one more input, `cotangent`, shaped like `output` with one value a direction, and one more
/// output `input.cotangent`: dy(x)ᵀ · cotangent.
///
/// # Errors
/// If the graph has no such input or output, or has a sum over samples between them.
pub fn adjoint(graph: &Graph, output: &str, input: &str, cotangent: &str) -> Result<Graph, String> {
    let x = graph.find_input(input).ok_or_else(|| format!("the graph has no input {input}"))?;
    let mut reverse = Reverse::new(graph, output, &[x], (cotangent, Some(DIRECTIONS)))?;
    reverse.run();
    let gradient = reverse.cotangent(x);
    let mut result = reverse.result;
    result.output(&format!("{input}.{cotangent}"), gradient, DIRECTIONS);
    Ok(result)
}

/// Adds to a graph the gradients by inputs that are given once a call, such as weights
/// ([`Graph::with_parameters_as_inputs`]).
///
/// The new graph has one more input, `cotangent`, shaped and repeated like `output`, and for every input `w` one more
/// output `w.cotangent`: the gradient by w of Σ cotangent · output, summed over elements and samples, and over
/// directions where the output has one value a direction.
///
/// # Errors
/// If the graph has no such output or inputs, if one of these is not given once a call, or if the graph has a sum
/// over samples between them.
pub fn gradients(graph: &Graph, output: &str, inputs: &[&str], cotangent: &str) -> Result<Graph, String> {
    let mut weights = Vec::with_capacity(inputs.len());
    for name in inputs {
        let id = graph.find_input(name).ok_or_else(|| format!("the graph has no input {name}"))?;
        if graph.node(id).extent != Extent::Call {
            return Err(format!("the input {name} is not given once a call"));
        }
        weights.push(id);
    }
    let mut reverse = Reverse::new(graph, output, &weights, (cotangent, None))?;
    reverse.run();
    let gradients: Vec<NodeId> = weights.iter().map(|&w| reverse.cotangent(w)).collect();
    let mut result = reverse.result;
    for (name, gradient) in inputs.iter().zip(gradients) {
        result.output(&format!("{name}.{cotangent}"), gradient, Extent::Call);
    }
    Ok(result)
}

/// Cotangents on their way from an output to inputs.
struct Reverse<'a> {
    graph: &'a Graph,
    result: Graph,
    active: Vec<bool>,
    /// What every node has received so far.
    cotangents: Vec<Option<NodeId>>,
    /// Whether what nodes of extent `Call` receive from nodes of larger extent is summed over samples: every term by
    /// itself, as the plan knows the sum of a product.
    summed: bool,
}

impl<'a> Reverse<'a> {
    /// Starts with the cotangent of an output. Without an extent it has that of the output, and what arrives at values
    /// of extent `Call` is summed over samples.
    fn new(
        graph: &'a Graph,
        output: &str,
        inputs: &[NodeId],
        (name, extent): (&str, Option<Extent>),
    ) -> Result<Self, String> {
        let missing = || format!("the graph has no output {output}");
        let port = graph.outputs.iter().find(|p| p.name == output).ok_or_else(missing)?;
        let active = active(graph, inputs);
        if graph.ids().any(|id| active[id.0] && graph.node(id).op == Op::Total) {
            return Err("a sum over samples has no adjoint: every sample would need the whole sum. Take the tangent first \
                        (tangent_over, before gradients), and the gradients of that"
                .into());
        }
        let mut result = graph.clone();
        let mut cotangents = vec![None; graph.nodes.len()];
        let u = result.input(name, graph.shape(port.node), extent.unwrap_or(port.extent));
        let summed = extent.is_none();
        // An output that is the same for all samples has a cotangent for each of them.
        let varies = summed && port.extent > graph.node(port.node).extent;
        cotangents[port.node.0] = Some(if varies { result.push(Op::Total, &[u]) } else { u });
        Ok(Reverse { graph, result, active, cotangents, summed })
    }

    /// Carries the cotangents back through all nodes.
    fn run(&mut self) {
        let graph = self.graph;
        for id in graph.ids().rev() {
            let Some(u) = self.cotangents[id.0].filter(|_| self.active[id.0]) else { continue };
            let node = graph.node(id);
            for (position, &argument) in node.inputs.iter().enumerate() {
                if self.active[argument.0] && !node.op.is_flat(position) {
                    let term = rule(&mut self.result, id, position, u);
                    self.contribute(id, argument, term);
                }
            }
        }
    }

    fn contribute(&mut self, user: NodeId, argument: NodeId, term: NodeId) {
        let [from, to] = [user, argument].map(|id| self.graph.node(id).extent);
        let varies = self.summed && from > Extent::Call && to == Extent::Call;
        let term = if varies { self.result.push(Op::Total, &[term]) } else { term };
        self.cotangents[argument.0] = Some(match self.cotangents[argument.0] {
            Some(sum) => self.result.push(Op::Add, &[sum, term]),
            None => term,
        });
    }

    /// The cotangent of an input after [`Reverse::run`].
    fn cotangent(&mut self, input: NodeId) -> NodeId {
        let shape = self.graph.shape(input);
        self.cotangents[input.0].unwrap_or_else(|| zeros(&mut self.result, shape))
    }
}

/// What the cotangent `u` of a node contributes to the cotangent of one of its arguments.
fn rule(graph: &mut Graph, id: NodeId, position: usize, u: NodeId) -> NodeId {
    let node = graph.node(id).clone();
    let argument = node.inputs[position];
    let shape = graph.shape(argument).to_vec();
    match &node.op {
        Op::Input | Op::Constant(_) | Op::Compare(_) | Op::Detach => unreachable!("none has a derivative"),
        Op::Total => unreachable!("refused before"),
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
        Op::Convolve { window, role } => {
            let result = role.arguments()[position];
            let arguments = result.arguments().map(|slot| {
                let given = role.arguments().iter().position(|&r| r == slot);
                given.map_or(u, |i| node.inputs[i])
            });
            graph.push(Op::Convolve { window: window.clone(), role: result }, &arguments)
        }
        Op::Select => {
            let zero = graph.scalar(0.0);
            let [taken, left] = if position == 1 { [u, zero] } else { [zero, u] };
            let term = graph.push(Op::Select, &[node.inputs[0], taken, left]);
            sum_to(graph, term, &shape)
        }
        Op::Max(axes) => {
            let attained = attained(graph, id, axes);
            let share = graph.push(Op::Div, &[u, attained.count]);
            let zero = graph.scalar(0.0);
            graph.push(Op::Select, &[attained.places, share, zero])
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
        Op::Gather { axis, indices } => {
            let (axis, indices) = (*axis, indices.clone());
            graph.push(Op::Scatter { axis, indices, size: shape[axis] }, &[u])
        }
        Op::Scatter { axis, indices, .. } => {
            graph.push(Op::Gather { axis: *axis, indices: indices.clone() }, &[u])
        }
    }
}

/// Contribution of an elementwise operation on two arguments, before the sum over broadcast axes.
fn elementwise(graph: &mut Graph, id: NodeId, position: usize, u: NodeId) -> NodeId {
    let node = graph.node(id).clone();
    let other = node.inputs[1 - position];
    match (&node.op, position) {
        (Op::Sub, 1) => graph.push(Op::Map(Function::Neg), &[u]),
        (Op::Mul, _) => graph.push(Op::Mul, &[other, u]),
        (Op::Div, _) => {
            let reciprocal = graph.push(Op::Map(Function::Reciprocal), &[node.inputs[1]]);
            let term = graph.push(Op::Mul, &[reciprocal, u]);
            if position == 0 {
                return term;
            }
            let negative = graph.push(Op::Map(Function::Neg), &[term]);
            graph.push(Op::Mul, &[id, negative])
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
