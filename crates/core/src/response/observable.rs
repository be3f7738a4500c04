//! Observables: functions of generated samples whose mean an error may change.

use crate::error::{Error, Result};
use crate::support::Foot;
use std::sync::Arc;
use surefoot_graph::{Extent, Graph, Precision, Program, passes};

/// A smooth function R^D → R with its gradient.
pub trait ScalarFunction: Send + Sync {
    /// D.
    fn dim(&self) -> usize;
    /// `x[n, D]`, `value[n]`, `gradient[n, D]`.
    fn evaluate(&self, x: &[f64], value: &mut [f64], gradient: &mut [f64]);
}

/// A function of a generated sample.
#[derive(Clone)]
pub enum Observable {
    /// x_i.
    Coordinate(usize),
    /// x_i x_j.
    Product(usize, usize),
    /// Distance to the support; of a thick one, to its middle set.
    Distance,
    /// Any other function, with its name.
    Function {
        /// As shown to the user.
        name: String,
        /// Value and gradient.
        function: Arc<dyn ScalarFunction>,
    },
}

/// An observable at a batch.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Evaluated {
    /// f `[n]`
    pub value: Vec<f64>,
    /// ∇f `[n, D]`
    pub gradient: Vec<f64>,
}

impl Observable {
    /// All coordinates and squares, and the distance where there is a support.
    pub fn standard(dim: usize, support: bool) -> Vec<Observable> {
        let coordinates = (0..dim).map(Observable::Coordinate);
        let squares = (0..dim).map(|i| Observable::Product(i, i));
        coordinates.chain(squares).chain(support.then_some(Observable::Distance)).collect()
    }

    /// Reads `x0`, `x0^2`, `x0*x1` or `distance`; `None` for anything else.
    pub fn parse(text: &str) -> Option<Observable> {
        let coordinate = |word: &str| word.strip_prefix('x')?.parse::<usize>().ok();
        if text == "distance" {
            return Some(Observable::Distance);
        }
        if let Some((i, j)) = text.split_once('*') {
            return Some(Observable::Product(coordinate(i)?, coordinate(j)?));
        }
        match text.strip_suffix("^2") {
            Some(base) => coordinate(base).map(|i| Observable::Product(i, i)),
            None => coordinate(text).map(Observable::Coordinate),
        }
    }

    /// As it can be typed.
    pub fn name(&self) -> String {
        match self {
            Observable::Coordinate(i) => format!("x{i}"),
            Observable::Product(i, j) if i == j => format!("x{i}^2"),
            Observable::Product(i, j) => format!("x{i}*x{j}"),
            Observable::Distance => "distance".into(),
            Observable::Function { name, .. } => name.clone(),
        }
    }

    /// Checks it against D and whether there is a support.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a coordinate that does not exist, a distance without support, or another dimension.
    pub fn check(&self, dim: usize, support: bool) -> Result<()> {
        let wrong =
            |expected: String, remedy: &str| Err(Error::invalid("observable", expected, self.name(), remedy));
        match self {
            Observable::Coordinate(i) | Observable::Product(i, _) if *i >= dim => {
                wrong(format!("coordinates x0 to x{}", dim - 1), "Name another coordinate")
            }
            Observable::Product(_, j) if *j >= dim => {
                wrong(format!("coordinates x0 to x{}", dim - 1), "Name another coordinate")
            }
            Observable::Distance if !support => wrong(
                "a model with a support".into(),
                "Give the model a [support], or leave the distance out",
            ),
            Observable::Function { function, .. } if function.dim() != dim => {
                let expected = format!("a function of {dim} numbers, got one of {}", function.dim());
                wrong(expected, "Export it for samples of the model's shape")
            }
            _ => Ok(()),
        }
    }

    /// Value and gradient at `x[n, D]`; `feet` may be empty where no distance is asked for.
    pub fn evaluate(&self, dim: usize, x: &[f64], feet: &Feet) -> Evaluated {
        let mut out = Evaluated { value: vec![0.0; x.len() / dim], gradient: vec![0.0; x.len()] };
        if let Observable::Function { function, .. } = self {
            function.evaluate(x, &mut out.value, &mut out.gradient);
            return out;
        }
        let rows = x.chunks_exact(dim).zip(out.gradient.chunks_exact_mut(dim)).zip(&mut out.value);
        for (row, ((x, gradient), value)) in rows.enumerate() {
            match self {
                Observable::Coordinate(i) => {
                    *value = x[*i];
                    gradient[*i] = 1.0;
                }
                Observable::Product(i, j) => {
                    *value = x[*i] * x[*j];
                    gradient[*i] += x[*j];
                    gradient[*j] += x[*i];
                }
                Observable::Distance => {
                    if let Some(foot) = feet.feet.get(row) {
                        *value = feet.away(x, foot, gradient);
                    }
                }
                Observable::Function { .. } => {}
            }
        }
        out
    }
}

/// Where a batch of samples stands to a support.
#[derive(Debug, Clone, Copy)]
pub struct Feet<'a> {
    /// Feet `[n]`, or none without a support.
    pub feet: &'a [Foot],
    /// Whether d = D.
    pub full: bool,
}

impl Feet<'_> {
    /// Distance from the support (of a thick one, from its middle set) and its gradient: the unit vector from the foot,
    /// 0 inside a support of full dimension and at the kink on a thin one.
    fn away(&self, x: &[f64], foot: &Foot, gradient: &mut [f64]) -> f64 {
        let distance = if self.full { foot.distance } else { foot.middle_distance };
        if distance > 0.0 {
            for ((g, x), p) in gradient.iter_mut().zip(x).zip(&foot.point) {
                *g = (x - p) / distance;
            }
        }
        distance
    }
}

/// A scalar function from a model file: one input of samples, one number a sample. Runs in f64.
pub struct ScalarNetwork {
    program: Program,
    dim: usize,
}

impl ScalarNetwork {
    /// From a graph with one input `[batch, …]` and one output of one number a sample, of whatever names.
    ///
    /// # Errors
    /// [`Error::Invalid`] for another interface; [`Error::Graph`] if it exceeds the memory limit it was read with.
    pub fn new(graph: &Graph) -> Result<ScalarNetwork> {
        let unfit = |got: String| {
            let remedy =
                "Export a function that maps x [batch, …] to one number a sample, [batch] or [batch, 1]";
            Error::invalid("observable", "one input and one output of one number a sample", got, remedy)
        };
        let (inputs, outputs) = (graph.inputs(), graph.outputs());
        let ([input], [output]) = (&inputs[..], &outputs[..]) else {
            return Err(unfit(format!("{} inputs and {} outputs", inputs.len(), outputs.len())));
        };
        let (dim, count) = (input.elements(1, 0), output.elements(1, 0));
        if input.extent != Extent::Sample || output.extent != Extent::Sample || count != 1 || dim == 0 {
            return Err(unfit(format!(
                "{} {:?} to {} {:?}",
                input.name, input.shape, output.name, output.shape
            )));
        }
        let graph = passes::simplify(&graph.renamed(&[(&input.name, "x"), (&output.name, "y")]));
        let gradient = passes::adjoint(&graph, "y", "x", "u").map_err(unfit)?;
        Ok(ScalarNetwork { program: Program::new(&passes::simplify(&gradient), Precision::F64)?, dim })
    }
}

impl ScalarFunction for ScalarNetwork {
    fn dim(&self) -> usize {
        self.dim
    }

    fn evaluate(&self, x: &[f64], value: &mut [f64], gradient: &mut [f64]) {
        let n = value.len();
        let ones = vec![1.0; n];
        let inputs = [("x", x), ("u", &ones[..])];
        self.program.run(n, 1, &inputs, &mut [("y", value), ("x.u", gradient)]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_can_be_typed() {
        for name in ["x0", "x12", "x3^2", "x0*x1", "distance"] {
            assert_eq!(Observable::parse(name).unwrap().name(), name);
        }
        assert_eq!(Observable::parse("x2*x2").unwrap().name(), "x2^2");
        for text in
            ["", "x", "y0", "x-1", "x0^3", "x0*", "*x1", "x0*x1*x2", "Distance", "x99999999999999999999"]
        {
            assert!(Observable::parse(text).is_none(), "{text}");
        }
        let check = |text: &str, support| Observable::parse(text).unwrap().check(2, support);
        assert!(
            check("x1", false).is_ok() && check("x0*x1", false).is_ok() && check("distance", true).is_ok()
        );
        for text in ["x2", "x0*x2", "x2*x0", "distance"] {
            let refused = check(text, false).unwrap_err().to_string();
            assert!(refused.contains(text), "{refused}");
        }
    }
}
