//! The loss of a network on training pairs, and its gradient by all weights.

use super::robust::Crossing;
use super::task::Batch;
use crate::error::{Error, Result};
use std::ops::Range;
use surefoot_graph::passes::{gradients, square_off_plane, squared_error, tangent_over};
use surefoot_graph::{Extent, Graph, Parameter, Precision, Program};

/// A network whose weights are inputs: loss and gradient for any weights.
///
/// The loss of a sample is weight · Σ (y − target)² over the D elements of y = f(t, x). Where cross derivatives are
/// penalised ([`super::CrossPenalty`]), what is descended is weight · (Σ (y − target)² + ‖(I − TᵀT) (∂y/∂x) v‖²) with the
/// direction v and the rows T of [`Crossing`]. All weights lie one after the other in one array of [`Descent::count`]
/// numbers.
pub struct Descent {
    network: Graph,
    spans: Vec<Span>,
    loss: Program,
    gradient: Program,
    dim: usize,
    /// d, where cross derivatives are penalised.
    tangents: Option<usize>,
    timed: bool,
    labelled: bool,
}

/// A weight of the network.
#[derive(Debug, Clone, PartialEq)]
pub struct Span {
    /// Its name.
    pub name: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Where it lies in the array of all weights.
    pub range: Range<usize>,
    /// The name of its gradient.
    gradient: String,
}

const WEIGHT: &str = "surefoot.weight";
const TARGET: &str = "surefoot.target";
const COTANGENT: &str = "surefoot.u";
const DIRECTION: &str = "surefoot.v";
const PLANE: &str = "surefoot.plane";

impl Descent {
    /// Compiles loss and gradient of a network with inputs x, perhaps t and, where it has classes, label, and one output.
    ///
    /// # Errors
    /// A network without weights, or one that exceeds the limits it was made with.
    pub fn new(network: &Graph) -> Result<Descent> {
        Descent::compiled(network, None)
    }

    /// The same with a penalty on cross derivatives off `tangents` directions.
    ///
    /// # Errors
    /// As [`Descent::new`].
    pub fn penalised(network: &Graph, tangents: usize) -> Result<Descent> {
        Descent::compiled(network, Some(tangents))
    }

    fn compiled(network: &Graph, tangents: Option<usize>) -> Result<Descent> {
        let mut spans: Vec<Span> = Vec::new();
        for parameter in trained(network) {
            let start = spans.last().map_or(0, |span| span.range.end);
            spans.push(Span {
                name: parameter.name.into(),
                shape: parameter.shape.to_vec(),
                range: start..start + parameter.values.len(),
                gradient: format!("{}.{COTANGENT}", parameter.name),
            });
        }
        let outputs = network.outputs();
        let (Some(output), false) = (outputs.first(), spans.is_empty()) else {
            return Err(Error::invalid(
                "training a network",
                "a network with weights and an output",
                format!("{} weights, {} outputs", spans.len(), outputs.len()),
                "Take a network with layers",
            ));
        };
        let dim = output.elements(1, 1);
        let timed = network.takes_time();
        let labelled = network.inputs().iter().any(|port| port.name == "label");
        let names: Vec<&str> = spans.iter().map(|span| span.name.as_str()).collect();
        let refused =
            |reason: String| Error::invalid("training a network", "a plain network", reason, "Rename it");
        let free = network.with_sample_times().with_parameters_as_inputs(&names).map_err(refused)?;
        let loss = squared_error(&free, &output.name, TARGET, WEIGHT).map_err(refused)?;
        let descended = match tangents {
            None => loss.clone(),
            Some(d) => penalised(&free, &output.name, d).map_err(refused)?,
        };
        let gradient = gradients(&descended, "loss", &names, COTANGENT).map_err(refused)?;
        Ok(Descent {
            loss: Program::new(&loss, Precision::F32)?,
            gradient: Program::new(&gradient, Precision::F32)?,
            network: network.clone(),
            spans,
            dim,
            tangents,
            timed,
            labelled,
        })
    }

    /// Number of weights.
    pub fn count(&self) -> usize {
        self.spans.last().map_or(0, |span| span.range.end)
    }

    /// Floating-point operations of an update on `batch` samples, about: the gradient counts as twice the value. What a
    /// penalty takes is not counted.
    pub fn update_flops(&self, batch: usize) -> u64 {
        self.network.sample_flops().saturating_mul(3).saturating_mul(batch as u64)
    }

    /// The weights by name.
    pub fn spans(&self) -> &[Span] {
        &self.spans
    }

    /// D.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// The weights that the network came with.
    pub fn weights(&self) -> Vec<f32> {
        trained(&self.network).flat_map(|p| p.values.iter().map(|&w| w as f32)).collect()
    }

    /// The network with these weights.
    ///
    /// # Errors
    /// Another number of weights.
    pub fn network(&self, weights: &[f32]) -> Result<Graph> {
        self.check(weights)?;
        let values: Vec<Vec<f64>> = self
            .spans
            .iter()
            .map(|span| weights[span.range.clone()].iter().map(|&w| f64::from(w)).collect())
            .collect();
        let named: Vec<(&str, &[f64])> =
            self.spans.iter().zip(&values).map(|(span, values)| (span.name.as_str(), &values[..])).collect();
        let refused = |reason: String| Error::invalid("weights of a network", "its own weights", reason, "");
        self.network.with_values(&named).map_err(refused)
    }

    fn check(&self, weights: &[f32]) -> Result<()> {
        if weights.len() == self.count() {
            return Ok(());
        }
        let (expected, got) = (format!("{} weights", self.count()), weights.len().to_string());
        Err(Error::invalid("weights of a network", expected, got, "Take the checkpoint of this recipe"))
    }

    /// Loss of every sample `[n]`, without a penalty.
    ///
    /// # Errors
    /// Another number of weights.
    pub fn losses(&self, weights: &[f32], batch: &Batch) -> Result<Vec<f32>> {
        self.check(weights)?;
        let n = batch.time.len();
        let mut losses = vec![0.0; n];
        self.loss.run(n, 0, &self.inputs(weights, batch), &mut [("loss", &mut losses)]);
        Ok(losses)
    }

    /// What is descended, of every sample `[n]`: the loss with its penalty; and into `gradient` the gradient of its mean by
    /// the weights.
    ///
    /// # Errors
    /// Another number of weights, or a penalty for which the batch has no directions.
    pub fn gradient(&self, weights: &[f32], batch: &Batch, gradient: &mut [f32]) -> Result<Vec<f32>> {
        self.check(weights)?;
        self.check(gradient)?;
        self.check_crossing(batch)?;
        let n = batch.time.len();
        let share = vec![1.0 / n as f32; n];
        let mut inputs = self.inputs(weights, batch);
        inputs.push((COTANGENT, &share));
        if self.tangents.is_some() {
            let Crossing { direction, tangent } = &batch.crossing;
            inputs.extend([(DIRECTION, &direction[..]), (PLANE, &tangent[..])]);
        }
        let mut losses = vec![0.0; n];
        let mut outputs: Vec<(&str, &mut [f32])> = vec![("loss", &mut losses)];
        let mut rest = gradient;
        for span in &self.spans {
            let (part, after) = rest.split_at_mut(span.range.len());
            outputs.push((&span.gradient, part));
            rest = after;
        }
        self.gradient.run(n, 0, &inputs, &mut outputs);
        Ok(losses)
    }

    fn check_crossing(&self, batch: &Batch) -> Result<()> {
        let Some(d) = self.tangents else { return Ok(()) };
        let numbers = batch.time.len() * self.dim;
        let (needed, given) =
            ([numbers, d * numbers], [batch.crossing.direction.len(), batch.crossing.tangent.len()]);
        if needed == given {
            return Ok(());
        }
        Err(Error::invalid(
            "penalising cross derivatives",
            format!("{} and {} numbers of directions and tangent spaces", needed[0], needed[1]),
            format!("{} and {}", given[0], given[1]),
            "Make the batch of a task with the same penalty",
        ))
    }

    fn inputs<'a>(&'a self, weights: &'a [f32], batch: &'a Batch) -> Vec<(&'a str, &'a [f32])> {
        let mut inputs: Vec<(&str, &[f32])> =
            vec![("x", &batch.x), (TARGET, &batch.target), (WEIGHT, &batch.weight)];
        if self.timed {
            inputs.push(("t", &batch.time));
        }
        if self.labelled {
            inputs.push(("label", &batch.labels));
        }
        inputs.extend(self.spans.iter().map(|span| (span.name.as_str(), &weights[span.range.clone()])));
        inputs
    }
}

/// The weights of a network; a file may name other numbers, such as a NaN for what must not be reached, and these stay.
fn trained(network: &Graph) -> impl Iterator<Item = Parameter<'_>> {
    network.parameters().filter(|parameter| parameter.values.iter().all(|value| value.is_finite()))
}

/// Squared error and penalty of a network.
fn penalised(network: &Graph, output: &str, tangents: usize) -> std::result::Result<Graph, String> {
    let turned = tangent_over(network, "x", DIRECTION, Extent::Sample)?;
    let loss = squared_error(&turned, output, TARGET, WEIGHT)?;
    square_off_plane(&loss, &format!("{output}.{DIRECTION}"), (PLANE, tangents), WEIGHT)
}
