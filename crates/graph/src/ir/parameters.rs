//! Weights of a graph by name, and as inputs.

use super::{Extent, Graph, Op, Port};
use std::collections::HashMap;
use std::sync::Arc;

/// A weight of a network, as the file has it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Parameter<'a> {
    /// Its name in the file.
    pub name: &'a str,
    /// Its shape.
    pub shape: &'a [usize],
    /// Its elements in row-major order.
    pub values: &'a [f64],
}

impl Graph {
    /// The weights that the graph uses, by their names in the file. Passes keep them, but
    /// [`crate::passes::simplify`] computes with the values of some, and these are then not listed any more.
    pub fn parameters(&self) -> impl Iterator<Item = Parameter<'_>> {
        self.parameters.iter().filter_map(|p| {
            let values = self.constant_values(p.node)?;
            Some(Parameter { name: &p.name, shape: self.shape(p.node), values })
        })
    }

    /// The graph with other values for some of its weights, for example trained ones.
    ///
    /// # Errors
    /// If the graph uses no weight of a name, or the weight has another number of elements.
    pub fn with_values(&self, values: &[(&str, &[f64])]) -> Result<Graph, String> {
        let mut graph = self.clone();
        for &(name, values) in values {
            let parameter = graph.parameters.iter().find(|p| p.name == name);
            let node = parameter.ok_or_else(|| format!("the graph uses no weight named {name}"))?.node;
            let Op::Constant(old) = &graph.nodes[node.0].op else {
                return Err(format!("{name} is an input of the graph, not a constant"));
            };
            if old.len() != values.len() {
                return Err(format!("{name} has {} elements, not {}", old.len(), values.len()));
            }
            graph.nodes[node.0].op = Op::Constant(values.into());
        }
        Ok(graph)
    }

    /// The graph with some of its weights as inputs of extent [`Extent::Call`], so that they can change from call to
    /// call, and [`crate::passes::gradients`] can be taken by them.
    ///
    /// # Errors
    /// If the graph uses no weight of a name, or has an input of that name already.
    pub fn with_parameters_as_inputs(&self, names: &[&str]) -> Result<Graph, String> {
        let mut graph = self.clone();
        for &name in names {
            let position = graph.parameters.iter().position(|p| p.name == name);
            let position = position.ok_or_else(|| format!("the graph uses no weight named {name}"))?;
            if graph.find_input(name).is_some() {
                return Err(format!("the weight {name} has the name of an input"));
            }
            let parameter = graph.parameters.remove(position);
            graph.nodes[parameter.node.0].op = Op::Input;
            graph.inputs.push(Port { extent: Extent::Call, ..parameter });
        }
        Ok(graph)
    }

    /// What `rewrite` makes of the graph without seeing the numbers of its weights, which it can then not compute with:
    /// they stay under their names.
    pub(crate) fn around_weights(&self, rewrite: impl FnOnce(&Graph) -> Graph) -> Graph {
        let mut open = self.clone();
        let mut numbers: HashMap<&str, Arc<[f64]>> = HashMap::with_capacity(self.parameters.len());
        for parameter in &self.parameters {
            numbers
                .extend(self.constant_values(parameter.node).map(|v| (parameter.name.as_str(), v.clone())));
            open.nodes[parameter.node.0].op = Op::Input;
        }
        let mut result = rewrite(&open);
        for parameter in &result.parameters {
            if let Some(numbers) = numbers.get(parameter.name.as_str()) {
                result.nodes[parameter.node.0].op = Op::Constant(numbers.clone());
            }
        }
        result
    }
}
