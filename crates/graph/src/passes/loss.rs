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
