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
    /// A product of three or more coordinates, each as often as its power says, in rising order.
    Monomial(Vec<usize>),
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

    /// Largest power of a coordinate, and largest sum of powers of a product.
    pub const MOST_FACTORS: usize = 9;

    /// Reads `distance`, or a product of powers: `x0`, `x0^3`, `x0^2*x1`, with powers that sum to 9 at most; `None` for
    /// anything else.
    pub fn parse(text: &str) -> Option<Observable> {
        if text == "distance" {
            return Some(Observable::Distance);
        }
        let mut factors = Vec::new();
        for word in text.split('*') {
            let (base, power) = word.split_once('^').unwrap_or((word, "1"));
            let power = digits(power).filter(|power| (1..=Self::MOST_FACTORS).contains(power))?;
            let coordinate = digits(base.strip_prefix('x')?)?;
            factors.extend(std::iter::repeat_n(coordinate, power));
        }
        Some(match factors[..] {
            _ if factors.len() > Self::MOST_FACTORS => return None,
            [i] => Observable::Coordinate(i),
            [i, j] => Observable::Product(i, j),
            _ => {
                factors.sort_unstable();
                Observable::Monomial(factors)
            }
        })
    }

    /// As it can be typed.
    pub fn name(&self) -> String {
        match self {
            Observable::Coordinate(i) => format!("x{i}"),
            Observable::Product(i, j) if i == j => format!("x{i}^2"),
            Observable::Product(i, j) => format!("x{i}*x{j}"),
            Observable::Monomial(factors) => {
                let power = |same: &[usize]| match same {
                    [i] => format!("x{i}"),
                    _ => format!("x{}^{}", same[0], same.len()),
                };
                factors.chunk_by(|a, b| a == b).map(power).collect::<Vec<_>>().join("*")
            }
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
        let coordinates: &[usize] = match self {
            Observable::Coordinate(i) => &[*i],
            Observable::Product(i, j) => &[*i, *j],
            Observable::Monomial(factors) => factors,
            Observable::Distance | Observable::Function { .. } => &[],
        };
        if coordinates.iter().any(|i| *i >= dim) {
            return wrong(format!("coordinates x0 to x{}", dim - 1), "Name another coordinate");
        }
        match self {
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
                Observable::Monomial(factors) => {
                    *value = factors.iter().map(|i| x[*i]).product();
                    // The product rule, one factor left out at a time, so that a coordinate of 0 needs no care.
                    for (place, i) in factors.iter().enumerate() {
                        let others = factors.iter().enumerate().filter(|(other, _)| *other != place);
                        gradient[*i] += others.map(|(_, j)| x[*j]).product::<f64>();
                    }
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

/// A number without sign.
fn digits(text: &str) -> Option<usize> {
    text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()))
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
        for name in
            ["x0", "x12", "x3^2", "x0*x1", "x0^3", "x1^9", "x0^2*x1", "x0*x1*x2", "x0^4*x3^5", "distance"]
        {
            assert_eq!(Observable::parse(name).unwrap().name(), name);
        }
        assert_eq!(Observable::parse("x2*x2").unwrap().name(), "x2^2");
        assert_eq!(Observable::parse("x2*x0*x2").unwrap().name(), "x0*x2^2");
        assert_eq!(Observable::parse("x1^1").unwrap().name(), "x1");
        for text in [
            "",
            "x",
            "y0",
            "x-1",
            "x+1",
            "x0^0",
            "x0^10",
            "x0^5*x1^5",
            "x0^",
            "x0^-2",
            "x0*",
            "*x1",
            "x0^2^2",
            "Distance",
            "x99999999999999999999",
        ] {
            assert!(Observable::parse(text).is_none(), "{text}");
        }
        let check = |text: &str, support| Observable::parse(text).unwrap().check(2, support);
        assert!(
            check("x1", false).is_ok() && check("x0*x1", false).is_ok() && check("distance", true).is_ok()
        );
        for text in ["x2", "x0*x2", "x2*x0", "x0*x1*x2", "x2^3", "distance"] {
            let refused = check(text, false).unwrap_err().to_string();
            assert!(refused.contains(text), "{refused}");
        }
    }
    #[test]
    fn powers_and_products_have_their_gradients() {
        let x = [-1.5, 0.0, 2.0];
        let of = |name: &str| {
            let found = Observable::parse(name).unwrap().evaluate(3, &x, &Feet { feet: &[], full: false });
            (found.value[0], found.gradient)
        };
        assert_eq!(of("x0^3"), (-3.375, vec![6.75, 0.0, 0.0]));
        assert_eq!(of("x2^9"), (512.0, vec![0.0, 0.0, 2304.0]));
        assert_eq!(of("x0*x1*x2"), (0.0, vec![0.0, -3.0, 0.0]));
        assert_eq!(of("x0^2*x2"), (4.5, vec![-6.0, 0.0, 2.25]));
        assert_eq!(of("x1^3"), (0.0, vec![0.0; 3]));
    }
}
