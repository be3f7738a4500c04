//! Inputs and outputs of files: those of models, and of other functions of samples with any number of them.

use super::dims::{Dim, per_sample, show};
use super::element::ElementType;
use super::import::{Importer, Value};
use super::proto::{DimensionProto, GraphProto, ValueInfoProto};
use super::refusal::short;
use crate::ir::{Extent, elements};

/// Which inputs and outputs a file must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Interface {
    /// x `[batch, …]`, t `[batch]` or no time, perhaps label `[batch]`, and one output shaped like x.
    Model,
    /// Any: one value a sample where the first axis is the batch, one a call otherwise and for t.
    Function,
}

impl Interface {
    /// In words.
    pub(super) fn expected(self) -> &'static str {
        match self {
            Interface::Model => {
                "inputs x [batch, ...], t [batch], perhaps label [batch], and one output shaped like x"
            }
            Interface::Function => "inputs and outputs of numbers, [batch, ...] or of fixed shape",
        }
    }
}

/// What is wrong with the inputs or outputs of a file.
pub(super) struct Problem {
    pub what: &'static str,
    pub got: String,
    pub remedy: &'static str,
}

impl From<(&'static str, String)> for Problem {
    fn from((what, got): (&'static str, String)) -> Problem {
        Problem { what, got, remedy: "Export it so" }
    }
}

/// What to do about a batch of fixed size.
const DYNAMIC: &str = "Export with a dynamic batch axis: torch.onnx.export(f, (x, t), \"f.onnx\", \
    dynamic_shapes=({0: \"batch\"}, {0: \"batch\"})), x and t of two samples";

/// What to do about axes of open length.
const FIXED: &str = "Export with fixed lengths for all axes but the batch";

/// What to do about inputs and outputs that are too many.
const WRAP: &str = "Export a function of x and t that returns y, and perhaps of a class named label, with everything \
    else fixed inside";

impl Problem {
    fn new(what: &'static str, got: String, remedy: &'static str) -> Problem {
        Problem { what, got, remedy }
    }

    fn fixed_batch(what: &'static str, dims: &[Dim]) -> Problem {
        let batch = dims.first().map_or(1, |d| d.per_sample);
        Problem { what, got: format!("shape {} with a fixed batch of {batch}", show(dims)), remedy: DYNAMIC }
    }
}

/// Has a value, or may it have, the batch as its first axis?
fn leads_with_batch(dims: &[Dim]) -> bool {
    dims.first().is_some_and(|d| d.batch || *d == Dim::fixed(1))
}

impl<'a> Importer<'a> {
    /// The inputs that are no weights.
    fn free_inputs(&self, graph: &'a GraphProto) -> Vec<&'a ValueInfoProto> {
        graph.input.iter().filter(|i| !self.scope.contains_key(name_of(i))).collect()
    }

    /// Finds x, t and label among the inputs of a model; answers the shape of x.
    pub(super) fn model_inputs(&mut self, graph: &'a GraphProto) -> Result<Vec<Dim>, Problem> {
        let (labels, inputs): (Vec<_>, Vec<_>) =
            self.free_inputs(graph).into_iter().partition(|input| name_of(input) == "label");
        let shapes: Vec<Vec<Dim>> = inputs.iter().map(|i| input_dims(i)).collect::<Result<_, _>>()?;
        let named = |name: &str| inputs.iter().position(|i| name_of(i) == name);
        let (x, t) = match (named("x"), named("t"), inputs.len()) {
            (Some(x), Some(t), 2) => (x, Some(t)),
            (_, _, 2) => (0, Some(1)),
            (_, _, 1) => (0, None),
            (_, _, n) => return Err(Problem::new("inputs", format!("{n} inputs"), WRAP)),
        };
        let dims = &shapes[x];
        let floats = element_type(inputs[x]).map_err(|e| ("input x", e))?.is_float();
        if dims.len() < 2 || !floats {
            let kind = if floats { "floats" } else { "integers" };
            return Err(("input x", format!("{kind} of shape {}", show(dims))).into());
        }
        if !leads_with_batch(dims) {
            return Err(Problem::fixed_batch("input x", dims));
        }
        let node = self.graph.input("x", &per_sample(dims), Extent::Sample);
        self.scope.insert(name_of(inputs[x]), Some(Value::Data { node, dims: dims.clone() }));
        if let Some(t) = t {
            self.number_input(inputs[t], ("t", "input t"), Extent::Call)?;
        }
        for input in labels {
            self.number_input(input, ("label", "input label"), Extent::Sample)?;
        }
        self.budget.value(&per_sample(dims)).map_err(|e| ("input x", e))?;
        Ok(dims.clone())
    }

    /// An input of one number a sample, under a name of its own in the graph.
    fn number_input(
        &mut self,
        input: &'a ValueInfoProto,
        (name, what): (&str, &'static str),
        extent: Extent,
    ) -> Result<(), Problem> {
        let dims = input_dims(input)?;
        match dims[..] {
            [batch] if !leads_with_batch(&dims) && batch.per_sample > 1 => {
                return Err(Problem::fixed_batch(what, &dims));
            }
            _ if elements(&per_sample(&dims)) != 1 => {
                return Err((what, format!("shape {}", show(&dims))).into());
            }
            _ => {}
        }
        let element = element_type(input).map_err(|e| (what, e))?;
        let node = self.graph.input(name, &per_sample(&dims), extent);
        self.scope.insert(name_of(input), Some(Value::Data { node, dims }));
        self.whole.extend((!element.is_float()).then_some(node));
        Ok(())
    }

    /// Names the output of a model, which must be shaped like x.
    pub(super) fn model_output(&mut self, graph: &GraphProto, x_dims: &[Dim]) -> Result<(), Problem> {
        let [output] = &graph.output[..] else {
            return Err(Problem::new("outputs", format!("{} outputs", graph.output.len()), WRAP));
        };
        match self.scope.get(name_of(output)).and_then(Option::as_ref) {
            _ if !self.unsupported.is_empty() => Ok(()),
            None => Err(("output", "a name that no node makes".into()).into()),
            Some(Value::Data { node, dims })
                if per_sample(dims) == per_sample(x_dims) && agrees(dims, x_dims) =>
            {
                self.graph.output("y", *node, Extent::Sample);
                Ok(())
            }
            Some(Value::Data { dims, .. }) if dims.len() == x_dims.len() && !leads_with_batch(dims) => {
                Err(Problem::fixed_batch("output", dims))
            }
            Some(Value::Data { dims, .. }) => {
                Err(("output", format!("{} for x {}", show(dims), show(x_dims))).into())
            }
            Some(_) => Err(("output", "integers, or a sequence".into()).into()),
        }
    }

    /// Adds all inputs under their own names.
    pub(super) fn function_inputs(&mut self, graph: &'a GraphProto) -> Result<(), Problem> {
        for input in self.free_inputs(graph) {
            let name = name_of(input);
            let dims = input_dims(input)?;
            element_type(input).map_err(|e| ("inputs", format!("{}: {e}", short(name))))?;
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
            let name = name_of(output);
            match self.scope.get(name).and_then(Option::as_ref) {
                _ if !self.unsupported.is_empty() => return Ok(()),
                Some(Value::Data { node, dims }) if dims.iter().skip(1).all(|d| !d.batch) => {
                    let varies = dims.first().is_some_and(|d| *d == Dim::BATCH);
                    let extent = if varies { Extent::Sample } else { Extent::Call };
                    self.graph.output(name, *node, extent);
                }
                Some(Value::Data { dims, .. }) => {
                    let got = format!("{} {} whose batch is not first", short(name), show(dims));
                    return Err(("outputs", got).into());
                }
                Some(_) => return Err(("outputs", format!("{} of integers", short(name))).into()),
                None => {
                    return Err(("outputs", format!("{:?}, a name that no node makes", short(name))).into());
                }
            }
        }
        Ok(())
    }
}

fn name_of(value: &ValueInfoProto) -> &str {
    value.name.as_deref().unwrap_or("")
}

fn element_type(input: &ValueInfoProto) -> Result<ElementType, String> {
    let tensor = input.r#type.as_ref().and_then(|t| t.tensor_type.as_ref());
    ElementType::from_code(tensor.and_then(|t| t.elem_type).unwrap_or(1))
}

/// May a result of these dims stand for one shaped like x? A result without batch is the same for every sample.
fn agrees(dims: &[Dim], x_dims: &[Dim]) -> bool {
    dims.iter().zip(x_dims).all(|(y, x)| y.batch == x.batch || *y == Dim::fixed(1))
}

/// The declared shape of an input: the first axis may be the batch, all others have a length.
fn input_dims(input: &ValueInfoProto) -> Result<Vec<Dim>, Problem> {
    let name = short(name_of(input));
    let tensor = input.r#type.as_ref().and_then(|t| t.tensor_type.as_ref());
    let shape = tensor.and_then(|t| t.shape.as_ref());
    let shape = shape.ok_or_else(|| ("inputs", format!("input {name} without a shape")))?;
    let dim = |(axis, d): (usize, &DimensionProto)| match (d.dim_value, axis) {
        (Some(n), _) if n > 0 => Ok(Dim::fixed(n as usize)),
        (Some(n), _) => Err(format!("input {name} whose axis {axis} has the length {n}")),
        (None, 0) => Ok(Dim::BATCH),
        (None, _) => Err(format!("input {name} whose axis {axis} has no fixed length")),
    };
    let dims: Result<_, String> = shape.dim.iter().enumerate().map(dim).collect();
    dims.map_err(|got| Problem::new("inputs", got, FIXED))
}
