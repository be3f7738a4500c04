//! The constraint function c: R^D → R^m with its exact derivatives.

use crate::error::{Error, Result};
use surefoot_graph::passes::{adjoint, simplify, tangent};
use surefoot_graph::{Extent, Graph, Port, Precision, Program};

/// c with Jacobian and curvature, in f64.
pub(super) struct Function {
    dim: usize,
    count: usize,
    value: Program,
    jacobian: Program,
    curvature: Program,
    /// The m unit cotangents.
    units: Vec<f64>,
}

/// c and dc at a point.
pub(super) struct Linearised {
    /// c(x) `[m]`.
    pub value: Vec<f64>,
    /// dc(x) `[m, D]`.
    pub jacobian: Vec<f64>,
}

impl Function {
    /// From a graph with one input a sample and one output a sample, of whatever names and shapes.
    pub fn new(graph: &Graph) -> Result<Function> {
        let (input, output) = (the_only(graph.inputs(), "input")?, the_only(graph.outputs(), "output")?);
        let graph = simplify(&graph.renamed(&[(&input.name, "x"), (&output.name, "y")]));
        let elements = |port: &Port| port.shape.iter().product::<usize>();
        let (dim, count) = (elements(&input), elements(&output));
        if dim == 0 || count == 0 {
            return Err(unfit("at least one coordinate and one condition", format!("{count} of {dim}")));
        }
        let pass = |graph: std::result::Result<Graph, String>| {
            graph.map(|graph| simplify(&graph)).map_err(|got| unfit("a differentiable function", got))
        };
        let first = pass(tangent(&graph, "x", "v"))?;
        let program = |graph: &Graph| Program::new(graph, Precision::F64);
        Ok(Function {
            dim,
            count,
            value: program(&graph)?,
            jacobian: program(&pass(adjoint(&graph, "y", "x", "u"))?)?,
            curvature: program(&pass(adjoint(&first, "y.v", "x", "u"))?)?,
            units: (0..count * count).map(|i| f64::from(u8::from(i / count == i % count))).collect(),
        })
    }

    /// D.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// m
    pub fn count(&self) -> usize {
        self.count
    }

    /// c(x); `None` where it is not finite.
    pub fn value(&self, x: &[f64]) -> Option<Vec<f64>> {
        let mut value = vec![0.0; self.count];
        self.value.run(1, 0, &[("x", x)], &mut [("y", &mut value)]);
        finite(&value).then_some(value)
    }

    /// c(x) and dc(x); `None` where they are not finite.
    pub fn linearised(&self, x: &[f64]) -> Option<Linearised> {
        let (mut value, mut jacobian) = (vec![0.0; self.count], vec![0.0; self.count * self.dim]);
        let inputs = [("x", x), ("u", &self.units[..])];
        self.jacobian.run(1, self.count, &inputs, &mut [("y", &mut value), ("x.u", &mut jacobian)]);
        (finite(&value) && finite(&jacobian)).then_some(Linearised { value, jacobian })
    }

    /// Σ_i λ_i ∇²c_i(x) v.
    pub fn curvature(&self, x: &[f64], multipliers: &[f64], v: &[f64]) -> Vec<f64> {
        let mut bent = vec![0.0; self.dim];
        let inputs = [("x", x), ("v", v), ("u", multipliers)];
        self.curvature.run(1, 1, &inputs, &mut [("x.u", &mut bent)]);
        bent
    }
}

fn finite(values: &[f64]) -> bool {
    values.iter().all(|value| value.is_finite())
}

/// The only port there is, with one value a sample.
fn the_only(ports: Vec<Port>, what: &str) -> Result<Port> {
    let names: Vec<&str> = ports.iter().map(|port| port.name.as_str()).collect();
    match &ports[..] {
        [port] if port.extent == Extent::Sample => Ok(port.clone()),
        [port] => Err(unfit(
            &format!("an {what} [batch, …]"),
            format!("{} without a batch axis, shape {:?}", port.name, port.shape),
        )),
        _ => Err(unfit(
            &format!("one {what}: c is a function of the state alone, without time"),
            if names.is_empty() { "none".into() } else { names.join(", ") },
        )),
    }
}

fn unfit(expected: &str, got: String) -> Error {
    Error::invalid(
        "constraint c(x) = 0",
        expected,
        got,
        "Export a function that maps x [batch, …] to c [batch, m] or [batch]",
    )
}
