//! Which nodes of a graph run together as one product with its bias, nonlinearity or factor.

use crate::ir::{Extent, Function, Graph, NodeId, Op, Role};
use std::collections::HashMap;

/// A product with packed weights, and what is done to its result in the same step.
#[derive(Debug, Clone)]
pub(super) struct Fused {
    pub product: NodeId,
    pub bias: Option<NodeId>,
    pub finish: Finish,
}

/// What follows a product in the same step.
#[derive(Debug, Clone)]
pub(super) enum Finish {
    /// Nothing: the value is that of the last node.
    Plain,
    /// A function of it; the nodes that are its values, and its slopes.
    Activation { function: Function, values: Vec<NodeId>, slopes: Vec<NodeId> },
    /// Multiplication with a value of the same shape.
    Scale(NodeId),
}

/// A convolution with weights that are the same for all samples, and what is added to its channels in the same step.
#[derive(Debug, Clone)]
pub(super) struct Biased {
    pub product: NodeId,
    pub bias: Option<NodeId>,
}

/// Fused steps by the node at which they run, and the nodes that vanish in them.
#[derive(Default)]
pub(super) struct Fusion {
    pub at: HashMap<NodeId, Fused>,
    pub layers: HashMap<NodeId, Biased>,
    pub absorbed: Vec<bool>,
    /// Sums over samples of a product or convolution that is needed for nothing else, with that product.
    pub totals: HashMap<NodeId, NodeId>,
}

/// Finds all products with weights that are the same for all samples, and what can run with them.
pub(super) fn fuse(graph: &Graph) -> Fusion {
    let users = users(graph);
    let mut fusion = Fusion { absorbed: vec![false; graph.nodes.len()], ..Fusion::default() };
    for product in graph.ids().filter(|&id| has_weights(graph, id)) {
        let single = |id: NodeId| match users[id.0][..] {
            [Some(user)] => Some(user),
            _ => None,
        };
        let biased = single(product).and_then(|user| Some((user, bias(graph, product, user)?)));
        let last = biased.map_or(product, |(user, _)| user);
        let activation = activation(graph, &users[last.0]);
        let scaled = single(last).filter(|_| biased.is_none());
        // Of two products that are multiplied, one is the factor of the other.
        let scaled = scaled.filter(|user| !fusion.at.contains_key(user));
        let scale = scaled.and_then(|user| Some((user, factor(graph, last, user)?)));
        let (at, finish) = match (activation, scale) {
            (Some(activation), _) => (last, activation),
            (None, Some((user, factor))) => (user, Finish::Scale(factor)),
            (None, None) => (last, Finish::Plain),
        };
        fusion.absorbed[product.0] = at != product;
        fusion.at.insert(at, Fused { product, bias: biased.map(|(_, bias)| bias), finish });
    }
    sums_of_products(graph, &users, &mut fusion);
    for product in graph.ids().filter(|&id| is_layer(graph, id)) {
        let biased = match users[product.0][..] {
            [Some(user)] => channel_bias(graph, product, user).map(|bias| (user, bias)),
            _ => None,
        };
        let at = biased.map_or(product, |(user, _)| user);
        fusion.absorbed[product.0] = at != product;
        fusion.layers.insert(at, Biased { product, bias: biased.map(|(_, bias)| bias) });
    }
    fusion
}

/// Finds the sums over samples of products: the gradients of weights.
fn sums_of_products(graph: &Graph, users: &[Vec<Option<NodeId>>], fusion: &mut Fusion) {
    for total in graph.ids().filter(|&id| graph.node(id).op == Op::Total) {
        let mut argument = graph.node(total).inputs[0];
        let mut between = vec![];
        while matches!(graph.node(argument).op, Op::Reshape(_)) && users[argument.0].len() == 1 {
            between.push(argument);
            argument = graph.node(argument).inputs[0];
        }
        let node = graph.node(argument);
        let fits = match node.op {
            Op::MatMul => node.shape.iter().rev().skip(2).all(|&n| n == 1) && !has_weights(graph, argument),
            Op::Convolve { role: Role::Weights, .. } => {
                let one_sample = graph.shape(node.inputs[0])[0] == 1;
                one_sample && node.inputs.iter().all(|&i| graph.node(i).extent > Extent::Call)
            }
            _ => false,
        };
        if fits && users[argument.0].len() == 1 {
            fusion.totals.insert(total, argument);
            between.push(argument);
            between.iter().for_each(|id| fusion.absorbed[id.0] = true);
        }
    }
}

/// The users of every node; `None` stands for an output.
fn users(graph: &Graph) -> Vec<Vec<Option<NodeId>>> {
    let mut users = vec![vec![]; graph.nodes.len()];
    for id in graph.ids() {
        graph.node(id).inputs.iter().for_each(|i| users[i.0].push(Some(id)));
    }
    graph.outputs.iter().for_each(|p| users[p.node.0].push(None));
    users
}

fn has_weights(graph: &Graph, id: NodeId) -> bool {
    let node = graph.node(id);
    node.op == Op::MatMul && graph.shape(node.inputs[1]).len() == 2 && weighs(graph, id)
}

/// Is the second argument of a product a constant, or the same for all samples while the first one varies?
fn weighs(graph: &Graph, id: NodeId) -> bool {
    let [a, b] = [0, 1].map(|i| graph.node(id).inputs[i]);
    if graph.constant_values(b).is_some() {
        return graph.constant_values(a).is_none();
    }
    graph.node(b).extent == Extent::Call && graph.node(a).extent > Extent::Call
}

/// Is the node a convolution of one sample with weights that are the same for all?
fn is_layer(graph: &Graph, id: NodeId) -> bool {
    let node = graph.node(id);
    let Op::Convolve { role: Role::Output | Role::Input, .. } = node.op else { return false };
    graph.shape(node.inputs[0])[0] == 1 && weighs(graph, id)
}

/// The other argument of an addition, if it is one number for every channel of the convolution.
fn channel_bias(graph: &Graph, product: NodeId, user: NodeId) -> Option<NodeId> {
    let (sum, shape) = (graph.node(user), graph.shape(product));
    let other = other_argument(&sum.inputs, product)?;
    let from_right = |axis: usize| graph.shape(other).iter().rev().nth(axis).copied().unwrap_or(1);
    let spatial = shape.len() - 2;
    let by_channel = (0..spatial).all(|axis| from_right(axis) == 1) && from_right(spatial) == shape[1];
    let fits = sum.op == Op::Add
        && sum.shape == shape
        && by_channel
        && graph.node(other).elements() == shape[1]
        && graph.node(other).extent == Extent::Call;
    fits.then_some(other)
}

/// The other argument of an addition, if it is one number for every output of the product.
fn bias(graph: &Graph, product: NodeId, user: NodeId) -> Option<NodeId> {
    let (sum, shape) = (graph.node(user), graph.shape(product));
    let other = other_argument(&sum.inputs, product)?;
    let outputs = *shape.last()?;
    let along_last = graph.node(other).elements() == outputs && graph.shape(other).last() == Some(&outputs);
    let fits =
        sum.op == Op::Add && sum.shape == shape && along_last && graph.node(other).extent == Extent::Call;
    fits.then_some(other)
}

/// The other factor of a multiplication, if it has the product's shape and varies with the sample.
fn factor(graph: &Graph, product: NodeId, user: NodeId) -> Option<NodeId> {
    let (multiplication, shape) = (graph.node(user), graph.shape(product));
    let other = other_argument(&multiplication.inputs, product)?;
    let varies = graph.node(other).extent != Extent::Call;
    let same_extent = multiplication.extent == graph.node(product).extent;
    let fits = multiplication.op == Op::Mul && graph.shape(other) == shape && varies && same_extent;
    fits.then_some(other)
}

fn other_argument(inputs: &[NodeId], one: NodeId) -> Option<NodeId> {
    match *inputs {
        [a, b] if a == one && b != one => Some(b),
        [a, b] if b == one && a != one => Some(a),
        _ => None,
    }
}

/// The function that all users apply, if they apply the same one or its slope.
fn activation(graph: &Graph, users: &[Option<NodeId>]) -> Option<Finish> {
    let (mut found, mut values, mut slopes) = (None, vec![], vec![]);
    for user in users {
        let id = (*user)?;
        let function = match graph.node(id).op {
            Op::Map(f) => {
                values.push(id);
                f
            }
            Op::Slope(f) => {
                slopes.push(id);
                f
            }
            _ => return None,
        };
        if found.is_some_and(|f| f != function) {
            return None;
        }
        found = Some(function);
    }
    Some(Finish::Activation { function: found?, values, slopes })
}
