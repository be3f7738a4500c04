//! Transformations from graph to graph: simplification, tangents and adjoints.
//!
//! Derivative passes return ordinary graphs, so they compose: the tangent of a tangent graph is a second-order
//! directional derivative, the adjoint of a tangent graph is a graph.

mod adjoint;
mod curvature;
mod fold;
mod simplify;
mod tangent;

pub use adjoint::{adjoint, gradients};
pub use simplify::simplify;
pub use tangent::{tangent, tangent_over};

use crate::ir::{Extent, Graph, NodeId};

/// For every node: does it depend on one of the inputs? What depends on time only, or on nothing, carries no derivative.
fn active(graph: &Graph, inputs: &[NodeId]) -> Vec<bool> {
    let mut active = vec![false; graph.nodes.len()];
    inputs.iter().for_each(|input| active[input.0] = true);
    for id in graph.ids() {
        if graph.node(id).inputs.iter().any(|i| active[i.0]) {
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

/// The extent of a derivative of values of an extent: one for every direction.
const DIRECTIONS: Extent = Extent::Direction;
