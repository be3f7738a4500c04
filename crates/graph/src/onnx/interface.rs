//! Inputs and outputs of files that are not models: functions of samples with any number of them.

use super::dims::{Dim, per_sample, show};
use super::element::ElementType;
use super::import::{Importer, Problem, Value, input_dims};
use super::proto::{GraphProto, ValueInfoProto};
use crate::ir::{Extent, elements};

/// Which inputs and outputs a file must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Interface {
    /// x `[batch, …]`, t `[batch]` or no time, and one output shaped like x.
    Model,
    /// Any: one value a sample where the first axis is the batch, one a call otherwise and for t.
    Function,
}

impl Interface {
    /// In words.
    pub(super) fn expected(self) -> &'static str {
        match self {
            Interface::Model => "inputs x [batch, ...], t [batch] and one output shaped like x",
            Interface::Function => "inputs and outputs of numbers, [batch, ...] or of fixed shape",
        }
    }
}

impl<'a> Importer<'a> {
    /// Adds all inputs under their own names.
    pub(super) fn function_inputs(&mut self, graph: &'a GraphProto) -> Result<(), Problem> {
        for input in &graph.input {
            let name = input.name.as_deref().unwrap_or("");
            if self.scope.contains_key(name) {
                continue;
            }
            let dims = input_dims(input).map_err(|e| ("inputs", e))?;
            element_type(input).map_err(|e| ("inputs", format!("{name}: {e}")))?;
            let shape = per_sample(&dims);
            let is_time = name == "t" && elements(&shape) == 1;
            let varies = dims.first().is_some_and(|d| d.batch) && !is_time;
            let node = self.graph.input(name, &shape, if varies { Extent::Sample } else { Extent::Call });
            self.budget.value(&shape).map_err(|e| ("inputs", e))?;
            self.scope.insert(name, Some(Value::Data { node, dims }));
        }
        Ok(())
    }

    /// Names all outputs.
    pub(super) fn function_outputs(&mut self, graph: &GraphProto) -> Result<(), Problem> {
        for output in &graph.output {
            let name = output.name.as_deref().unwrap_or("");
            match self.scope.get(name).and_then(Option::as_ref) {
                _ if !self.unsupported.is_empty() => return Ok(()),
                Some(Value::Data { node, dims }) if dims.iter().skip(1).all(|d| !d.batch) => {
                    let varies = dims.first().is_some_and(|d| *d == Dim::BATCH);
                    let extent = if varies { Extent::Sample } else { Extent::Call };
                    self.graph.output(name, *node, extent);
                }
                Some(Value::Data { dims, .. }) => {
                    return Err(("outputs", format!("{name} {} whose batch is not first", show(dims))));
                }
                Some(_) => return Err(("outputs", format!("{name} of integers"))),
                None => return Err(("outputs", format!("{name:?}, a name that no node makes"))),
            }
        }
        Ok(())
    }
}

fn element_type(input: &ValueInfoProto) -> Result<ElementType, String> {
    let tensor = input.r#type.as_ref().and_then(|t| t.tensor_type.as_ref());
    ElementType::from_code(tensor.and_then(|t| t.elem_type).unwrap_or(1))
}
