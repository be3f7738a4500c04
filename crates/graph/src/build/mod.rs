//! Building networks layer by layer.
//!
//! A [`Builder`] makes a [`Graph`] with named weights, like the one that [`Graph::read`] makes of a model file: inputs x,
//! t and, for networks of labelled data, label; one output y shaped like x. Axis 0 of every value is the batch, of
//! length 1. Shapes are checked when a layer is added. Weights start from numbers of the caller's generator, so that a
//! network is the same whatever the machine, and are found again by name in [`Graph::parameters`].
//!
//! ```
//! use surefoot_graph::{Graph, Limits, build::{Activation, Builder}};
//!
//! # fn main() -> Result<(), surefoot_graph::Error> {
//! // Any generator of numbers in [0, 1); here a poor one.
//! let mut draw = |weight: u64, out: &mut [f64]| {
//!     out.iter_mut().zip(1..).for_each(|(v, i)| *v = (0.618 * (100 * weight + i) as f64).fract())
//! };
//! let mut b = Builder::new(&mut draw, &Limits::default());
//! let (x, t) = (b.sample(&[2])?, b.time()?);
//! let t = b.reshape("time", t, &[1, 1])?;
//! let h = b.concatenate("both", &[x, t], 1)?;
//! let h = b.linear("first", h, 16)?;
//! let h = b.activate("first", h, Activation::Silu)?;
//! let y = b.linear("last", h, 2)?;
//! let graph = b.finish(y)?;
//! let names: Vec<&str> = graph.parameters().map(|p| p.name).collect();
//! assert_eq!(names, ["first.weight", "first.bias", "last.weight", "last.bias"]);
//! # Ok(())
//! # }
//! ```

mod attention;
mod embed;
mod layers;
mod normalise;
mod start;
mod terms;

pub use layers::{Convolution, Linear};
pub use normalise::Norm;
pub use start::Start;

use crate::error::Error;
use crate::ir::{Extent, Function, Graph, NodeId, Op, Port, Source, elements};
use crate::onnx::{Budget, Limits, SELU};
use std::collections::HashSet;

/// A value of a network under construction. It belongs to the builder that made it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Value(NodeId);

/// A function between layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// Scaled exponential linear unit (Klambauer et al. 2017), with the single-precision constants of ONNX, so that a
    /// file has the same.
    Selu,
    /// x/(1 + e^{−x}).
    Silu,
    /// x Φ(x).
    Gelu,
    /// GELU's approximation by a hyperbolic tangent.
    GeluTanh,
    /// tanh x.
    Tanh,
    /// max(x, 0).
    Relu,
}

impl Activation {
    /// The function of one variable.
    pub fn function(self) -> Function {
        match self {
            Activation::Selu => {
                let [alpha, gain] = SELU.map(f64::from);
                Function::ExpLinear { gain, amplitude: gain * alpha, rate: 1.0 }
            }
            Activation::Silu => Function::Swish(1.0),
            Activation::Gelu => Function::Gelu,
            Activation::GeluTanh => Function::GeluTanh,
            Activation::Tanh => Function::Tanh,
            Activation::Relu => Function::Relu,
        }
    }
}

/// Fills a slice with independent numbers uniform on [0, 1), for the weight of a number: those of a stream keyed by it,
/// for example, so that the numbers of one weight do not depend on the others.
pub type Draw<'a> = dyn FnMut(u64, &mut [f64]) + 'a;

/// A network under construction.
pub struct Builder<'a> {
    graph: Graph,
    draw: &'a mut Draw<'a>,
    names: HashSet<String>,
    /// Weights that were drawn so far.
    drawn: u64,
    budget: Budget,
}

/// Names of inputs and output, which no weight may have.
const RESERVED: [&str; 4] = ["x", "t", "label", "y"];

impl<'a> Builder<'a> {
    /// A network without layers, whose weights and values stay within the limits.
    pub fn new(draw: &'a mut Draw<'a>, limits: &Limits) -> Self {
        let producer = concat!("surefoot ", env!("CARGO_PKG_VERSION")).into();
        let source = Source { file: "network".into(), producer, opset: 20, ..Source::default() };
        let graph = Graph { source, memory_limit: limits.memory, ..Graph::default() };
        Builder { graph, draw, names: HashSet::new(), drawn: 0, budget: Budget::new(limits.memory) }
    }

    /// The input x: `[1, …]`, one value a sample.
    ///
    /// # Errors
    /// If a length is 0, there is an x already, or it exceeds the limits.
    pub fn sample(&mut self, shape: &[usize]) -> Result<Value, Error> {
        if shape.is_empty() || shape.contains(&0) {
            return Err(unfit(
                "x",
                "axes of length 1 at least",
                format!("{shape:?}"),
                "Give the sample's shape",
            ));
        }
        self.input("x", &[&[1], shape].concat(), Extent::Sample)
    }

    /// The input t: `[1]`, one time a call ([`Graph::with_sample_times`] makes it one a sample).
    ///
    /// # Errors
    /// If there is a t already.
    pub fn time(&mut self) -> Result<Value, Error> {
        self.input("t", &[1], Extent::Call)
    }

    /// The input label: `[1]`, the number of a class, one a sample.
    ///
    /// # Errors
    /// If there is a label already.
    pub fn label(&mut self) -> Result<Value, Error> {
        self.input("label", &[1], Extent::Sample)
    }

    fn input(&mut self, name: &str, shape: &[usize], extent: Extent) -> Result<Value, Error> {
        if self.graph.find_input(name).is_some() {
            return Err(unfit(name, "one input of the name", "two".into(), "Use the first again"));
        }
        self.within_limits(name, shape)?;
        Ok(Value(self.graph.input(name, shape, extent)))
    }

    /// The shape of a value; axis 0 is the batch, of length 1. Empty for a value of another builder that this one does
    /// not have.
    pub fn shape(&self, value: Value) -> &[usize] {
        self.graph.nodes.get(value.0.0).map_or(&[], |node| &node.shape)
    }

    /// Adds a weight, which is known by its name from now on.
    ///
    /// # Errors
    /// If the name is empty, taken, or that of an input or output, if a length is 0, if the weight exceeds the limits,
    /// or if given numbers are not finite or too many or few.
    pub fn weight(&mut self, name: &str, shape: &[usize], start: &Start) -> Result<Value, Error> {
        let refuse = |expected: &str, got: String, remedy: &str| Err(unfit(name, expected, got, remedy));
        if name.is_empty() || RESERVED.contains(&name) || self.names.contains(name) {
            return refuse("a name that nothing has", format!("{name:?}"), "Give every layer its own name");
        }
        if shape.contains(&0) {
            return refuse("axes of length 1 at least", format!("{shape:?}"), "Give the layer a width");
        }
        self.within_limits(name, shape)?;
        let count = elements(shape);
        let values = match start {
            Start::Values(values) if values.len() != count => {
                return refuse(&format!("{count} numbers"), values.len().to_string(), "Give one an element");
            }
            start => start.numbers(count, self.drawn, self.draw),
        };
        if let Some(bad) = values.iter().find(|v| !v.is_finite()) {
            return refuse("finite numbers", bad.to_string(), "Check the generator or the numbers given");
        }
        self.drawn += 1;
        self.names.insert(name.into());
        self.graph.source.parameters += count as u64;
        let node = self.graph.constant(shape, values);
        self.graph.parameters.push(Port { name: name.into(), node, extent: Extent::Call });
        Ok(Value(node))
    }

    /// Numbers that are no weight.
    ///
    /// # Errors
    /// If there are too many or too few, or they exceed the limits; `layer` is the name for errors.
    pub fn constant(&mut self, layer: &str, shape: &[usize], values: Vec<f64>) -> Result<Value, Error> {
        if values.len() != elements(shape) {
            let expected = format!("{} numbers for {shape:?}", elements(shape));
            return Err(unfit(layer, &expected, values.len().to_string(), "Give one an element"));
        }
        self.within_limits(layer, shape)?;
        Ok(Value(self.graph.constant(shape, values)))
    }

    /// The network with its output y.
    ///
    /// # Errors
    /// If there is no x, or y has another shape than x.
    pub fn finish(self, y: Value) -> Result<Graph, Error> {
        let x = self.graph.find_input("x");
        let x = x.ok_or_else(|| unfit("y", "an input x", "none".into(), "Begin with Builder::sample"))?;
        let (wanted, got) = (self.graph.shape(x).to_vec(), self.shape(y).to_vec());
        if wanted != got {
            let remedy = "Let the last layer make as many numbers as a sample has, in its shape";
            return Err(unfit("y", &format!("the shape of x, {wanted:?}"), format!("{got:?}"), remedy));
        }
        self.finish_with(&[("y", y)])
    }

    /// Any function of samples, with its outputs by name.
    ///
    /// # Errors
    /// If an output is a value of another builder, or two have one name.
    pub fn finish_with(mut self, outputs: &[(&str, Value)]) -> Result<Graph, Error> {
        for (name, value) in outputs {
            if self.shape(*value).is_empty() || self.graph.find_output(name).is_some() {
                let remedy = "Give every output one name, and a value of this network";
                return Err(unfit(name, "a value under a name of its own", format!("{value:?}"), remedy));
            }
            self.graph.output(name, value.0, Extent::Sample);
        }
        Ok(self.graph)
    }

    /// Adds an operation of a layer.
    fn push(&mut self, layer: &str, op: Op, inputs: &[Value]) -> Result<Value, Error> {
        let count = self.graph.nodes.len();
        if inputs.iter().any(|value| value.0.0 >= count) {
            let got = "one of another builder".into();
            return Err(unfit(
                layer,
                "a value of this network",
                got,
                "Use the values that its layers answered",
            ));
        }
        let nodes: Vec<NodeId> = inputs.iter().map(|value| value.0).collect();
        let placed = self.graph.try_push(op, &nodes);
        let id =
            placed.map_err(|got| unfit(layer, "arguments that fit", got, "Check the shapes before it"))?;
        let node = self.graph.node(id);
        if self.budget.operation(&node.op, nodes.len(), &node.shape).is_err() {
            return Err(self.too_large(layer));
        }
        Ok(Value(id))
    }

    fn within_limits(&mut self, layer: &str, shape: &[usize]) -> Result<(), Error> {
        self.budget.value(shape).map_err(|_| self.too_large(layer))
    }

    fn too_large(&self, layer: &str) -> Error {
        Error::TooLarge {
            file: self.graph.source.file.clone(),
            what: format!("layer {layer}"),
            needed: self.budget.used(),
            limit: self.graph.memory_limit,
        }
    }
}

/// A layer that does not fit to what it is given.
fn unfit(layer: &str, expected: &str, got: String, remedy: &str) -> Error {
    Error::Layer { layer: layer.into(), expected: expected.into(), got, remedy: remedy.into() }
}
