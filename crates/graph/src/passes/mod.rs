//! Transformations from graph to graph: simplification, tangents and adjoints, labels and guidance, rounded weights.
//!
//! Derivative passes return ordinary graphs, so they compose: the tangent of a tangent graph is a second-order
//! directional derivative, the adjoint of a tangent graph is a graph.

mod adjoint;
mod curvature;
mod fold;
mod guidance;
mod loss;
mod round;
mod simplify;
mod tangent;

pub use adjoint::{adjoint, gradients};
pub use guidance::{Guidance, guided, labelled};
pub use loss::{square_off_plane, squared_error};
pub use round::{WeightFormat, rounded};
pub use simplify::simplify;
pub use tangent::{tangent, tangent_over};

use crate::ir::{Comparison, Extent, Graph, NodeId, Op, Port};

/// Adds to a graph the second-order directional derivatives of all outputs: d²y(x)\[u, v\], as outputs `y.u.v`.
///
/// # Errors
/// If the graph has no such input.
pub fn second_order(graph: &Graph, input: &str, [u, v]: [&str; 2]) -> Result<Graph, String> {
    let first = simplify(&tangent(graph, input, u)?);
    let mut second = tangent(&first, input, v)?;
    let own =
        |p: &Port| graph.outputs.iter().any(|o| p.name == o.name || p.name == format!("{}.{u}.{v}", o.name));
    second.outputs.retain(own);
    Ok(simplify(&second))
}

/// Adds to a graph the transposed second order of an output: (d²y(x)\[v, ·\])ᵀ u, the gradient by the input of
/// u · dy(x) v, as output `input.u`. Other outputs stay, without derivatives.
///
/// # Errors
/// If the graph has no such input or output.
pub fn second_adjoint(graph: &Graph, output: &str, input: &str, [v, u]: [&str; 2]) -> Result<Graph, String> {
    let first = simplify(&tangent(graph, input, v)?);
    let mut reverse = adjoint(&first, &format!("{output}.{v}"), input, u)?;
    let gradient = format!("{input}.{u}");
    let own = |p: &Port| p.name == gradient || graph.outputs.iter().any(|o| p.name == o.name);
    reverse.outputs.retain(own);
    Ok(simplify(&reverse))
}

/// For every node: does it depend on one of the inputs? What depends on time only, or on nothing, carries no derivative.
fn active(graph: &Graph, inputs: &[NodeId]) -> Vec<bool> {
    let mut active = vec![false; graph.nodes.len()];
    inputs.iter().for_each(|input| active[input.0] = true);
    for id in graph.ids() {
        let node = graph.node(id);
        if node.inputs.iter().enumerate().any(|(position, i)| active[i.0] && !node.op.is_flat(position)) {
            active[id.0] = true;
        }
    }
    active
}

/// Zeros of a shape.
fn zeros(graph: &mut Graph, shape: &[usize]) -> NodeId {
    let zero = graph.scalar(0.0);
    graph.expand(zero, shape)
}

/// Where the elements of an argument attain the maximum that a node is, and how many of them do.
struct Attained {
    /// 1 where the maximum is attained, 0 elsewhere.
    places: NodeId,
    /// Their number for every element of the maximum.
    count: NodeId,
}

/// The places over which the derivative of a maximum is spread evenly.
fn attained(graph: &mut Graph, maximum: NodeId, axes: &[usize]) -> Attained {
    let argument = graph.node(maximum).inputs[0];
    let places = graph.push(Op::Compare(Comparison::Equal), &[argument, maximum]);
    let count = graph.push(Op::Sum(axes.to_vec()), &[places]);
    Attained { places, count }
}

/// The extent of a derivative of values of an extent: one for every direction.
const DIRECTIONS: Extent = Extent::Direction;
