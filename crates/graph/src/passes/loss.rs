//! Losses on top of a network: one number a sample.

use crate::ir::{Extent, Graph, Op};

/// Adds to a graph the squared error of one of its outputs, as an output `loss`: for every sample
/// weight · Σ (output − target)², summed over the elements of the output.
///
/// The new graph has two more inputs: `target`, shaped and repeated like the output, and `weight`, one number for each.
/// [`crate::passes::gradients`] of `loss` is what training needs; its cotangent is 1 for every sample.
///
/// # Errors
/// If the graph has no such output, has an output `loss` already, or has an input of one of the new names.
pub fn squared_error(graph: &Graph, output: &str, target: &str, weight: &str) -> Result<Graph, String> {
    let port = graph.outputs.iter().find(|p| p.name == output);
    let port = port.ok_or_else(|| format!("the graph has no output {output}"))?;
    if graph.find_output("loss").is_some() {
        return Err("the graph has an output loss already".into());
    }
    if let Some(name) = [target, weight].into_iter().find(|name| graph.find_input(name).is_some()) {
        return Err(format!("the graph has an input {name} already"));
    }
    if target == weight {
        return Err(format!("target and weight are both called {target}"));
    }
    let extent = port.extent.max(Extent::Sample);
    let shape = graph.shape(port.node).to_vec();
    let mut result = graph.clone();
    let wanted = result.input(target, &shape, extent);
    let factor = result.input(weight, &[], extent);
    let error = result.push(Op::Sub, &[port.node, wanted]);
    let square = result.push(Op::Mul, &[error, error]);
    let sum = result.push(Op::Sum((0..shape.len()).collect()), &[square]);
    let sum = result.reshape(sum, &[]);
    let loss = result.push(Op::Mul, &[factor, sum]);
    result.output("loss", loss, extent);
    Ok(result)
}

/// Adds to the output `loss` of a graph the square of the part of another output that lies off a plane of every sample:
/// weight · ‖(I − PᵀP) y‖² for the output `y` of D elements, with orthonormal rows P.
///
/// The new graph has one more input, `plane`, `[rows, D]` for every sample; `weight` is an input that it has. With `y` a
/// directional derivative ([`crate::passes::tangent_over`]) this is a penalty on how the field turns off the plane along
/// that direction. [`crate::passes::gradients`] of the loss then differentiates twice.
///
/// # Errors
/// If the graph has no output `loss` or `y`, or no input `weight`, or has an input `plane` already.
pub fn square_off_plane(
    graph: &Graph,
    y: &str,
    (plane, rows): (&str, usize),
    weight: &str,
) -> Result<Graph, String> {
    let output =
        |name: &str| graph.find_output(name).ok_or_else(|| format!("the graph has no output {name}"));
    let (loss, y) = (output("loss")?, output(y)?);
    let weight = graph.find_input(weight).ok_or_else(|| format!("the graph has no input {weight}"))?;
    if graph.find_input(plane).is_some() {
        return Err(format!("the graph has an input {plane} already"));
    }
    let dim = graph.node(y).elements();
    let mut result = graph.clone();
    let plane = result.input(plane, &[rows, dim], Extent::Sample);
    let across = result.push(Op::Transpose(vec![1, 0]), &[plane]);
    let row = result.reshape(y, &[1, dim]);
    let along = result.push(Op::MatMul, &[row, across]);
    let along = result.push(Op::MatMul, &[along, plane]);
    let off = result.push(Op::Sub, &[row, along]);
    let square = result.push(Op::Mul, &[off, off]);
    let sum = result.push(Op::Sum(vec![0, 1]), &[square]);
    let sum = result.reshape(sum, &[]);
    let penalty = result.push(Op::Mul, &[weight, sum]);
    let total = result.push(Op::Add, &[loss, penalty]);
    let extent = result.node(total).extent;
    for port in result.outputs.iter_mut().filter(|port| port.name == "loss") {
        (port.node, port.extent) = (total, extent.max(port.extent));
    }
    Ok(result)
}
