//! Functions of one argument as ONNX operators, and in terms of others where there is none.

use super::{float, text};
use crate::ir::{Function, GELU_TANH};
use crate::onnx::proto::AttributeProto;
use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI, PI};

/// An operator and its attributes, for the functions that are one.
pub(super) fn operator(f: Function) -> Option<(&'static str, Vec<AttributeProto>)> {
    let plain = |name| Some((name, vec![]));
    match f {
        Function::Neg => plain("Neg"),
        Function::Exp => plain("Exp"),
        Function::Log => plain("Log"),
        Function::Sqrt => plain("Sqrt"),
        Function::Reciprocal => plain("Reciprocal"),
        Function::Sin => plain("Sin"),
        Function::Cos => plain("Cos"),
        Function::Tan => plain("Tan"),
        Function::Asin => plain("Asin"),
        Function::Acos => plain("Acos"),
        Function::Atan => plain("Atan"),
        Function::Sinh => plain("Sinh"),
        Function::Cosh => plain("Cosh"),
        Function::Asinh => plain("Asinh"),
        Function::Acosh => plain("Acosh"),
        Function::Atanh => plain("Atanh"),
        Function::Abs => plain("Abs"),
        Function::Sign => plain("Sign"),
        Function::Floor => plain("Floor"),
        Function::Ceil => plain("Ceil"),
        Function::Round => plain("Round"),
        Function::Erf => plain("Erf"),
        Function::Sigmoid => plain("Sigmoid"),
        Function::Tanh => plain("Tanh"),
        Function::Relu => plain("Relu"),
        Function::Softplus => plain("Softplus"),
        Function::Gelu => plain("Gelu"),
        Function::GeluTanh => Some(("Gelu", vec![text("approximate", "tanh")])),
        Function::LeakyRelu(slope) => exact(slope).map(|slope| ("LeakyRelu", vec![float("alpha", slope)])),
        Function::ExpLinear { gain, amplitude, rate } => exponential_linear(gain, amplitude, rate),
        Function::Truncate | Function::Power(_) | Function::Swish(_) => None,
    }
}

/// A number that an attribute holds without rounding.
fn exact(x: f64) -> Option<f32> {
    (f64::from(x as f32) == x).then_some(x as f32)
}

fn exponential_linear(gain: f64, amplitude: f64, rate: f64) -> Option<(&'static str, Vec<AttributeProto>)> {
    let alpha = (amplitude / gain) as f32;
    match (exact(gain), exact(amplitude)) {
        (Some(1.0), Some(alpha)) if rate == 1.0 => Some(("Elu", vec![float("alpha", alpha)])),
        (Some(1.0), Some(alpha)) if rate == 1.0 / amplitude => Some(("Celu", vec![float("alpha", alpha)])),
        (Some(gamma), _) if rate == 1.0 && f64::from(gamma) * f64::from(alpha) == amplitude => {
            Some(("Selu", vec![float("alpha", alpha), float("gamma", gamma)]))
        }
        _ => None,
    }
}

/// An expression in one variable.
#[derive(Debug, Clone)]
pub(super) enum Expr {
    X,
    Number(f64),
    Map(Function, Box<Expr>),
    Add(Box<Expr>, Box<Expr>),
    Mul(Box<Expr>, Box<Expr>),
    Pow(Box<Expr>, f64),
    /// The first for x > 0, the second otherwise.
    Step(Box<Expr>, Box<Expr>),
}

use Expr::{Number, X};

fn map(f: Function, a: Expr) -> Expr {
    Expr::Map(f, Box::new(a))
}

fn add(a: Expr, b: Expr) -> Expr {
    Expr::Add(Box::new(a), Box::new(b))
}

fn mul(a: Expr, b: Expr) -> Expr {
    Expr::Mul(Box::new(a), Box::new(b))
}

fn times(factor: f64, a: Expr) -> Expr {
    if factor == 1.0 { a } else { mul(Number(factor), a) }
}

fn sigmoid(a: Expr) -> Expr {
    map(Function::Sigmoid, a)
}

fn step(above: Expr, below: Expr) -> Expr {
    Expr::Step(Box::new(above), Box::new(below))
}

/// min(rate · x, 0), so that an exponential of it cannot overflow.
fn negative_part(rate: f64) -> Expr {
    map(Function::Neg, map(Function::Relu, times(-rate, X)))
}

/// A function without an operator of its own.
pub(super) fn value(f: Function) -> Expr {
    match f {
        Function::Truncate => mul(map(Function::Sign, X), map(Function::Floor, map(Function::Abs, X))),
        Function::Power(p) => Expr::Pow(Box::new(X), p),
        Function::Swish(rate) => mul(X, sigmoid(times(rate, X))),
        Function::LeakyRelu(slope) => {
            add(map(Function::Relu, X), times(-slope, map(Function::Relu, times(-1.0, X))))
        }
        Function::ExpLinear { gain, amplitude, rate } => {
            let elu = Function::ExpLinear { gain: 1.0, amplitude: 1.0, rate: 1.0 };
            add(times(gain, map(Function::Relu, X)), times(amplitude, map(elu, negative_part(rate))))
        }
        other => map(other, X),
    }
}

/// The derivative of a function: the formulas of [`Function::slope`].
pub(super) fn slope(f: Function) -> Expr {
    let square = || mul(X, X);
    // 1 − x² = (1 − x)(1 + x), without cancellation.
    let rest = || mul(add(Number(1.0), times(-1.0, X)), add(Number(1.0), X));
    let inverse_root = |a| map(Function::Reciprocal, map(Function::Sqrt, a));
    match f {
        Function::Neg => Number(-1.0),
        Function::Exp => map(Function::Exp, X),
        Function::Log => map(Function::Reciprocal, X),
        Function::Sqrt => times(0.5, map(Function::Reciprocal, map(Function::Sqrt, X))),
        Function::Reciprocal => map(Function::Neg, map(Function::Reciprocal, square())),
        Function::Sin => map(Function::Cos, X),
        Function::Cos => map(Function::Neg, map(Function::Sin, X)),
        Function::Tan => add(Number(1.0), mul(map(Function::Tan, X), map(Function::Tan, X))),
        Function::Asin => inverse_root(rest()),
        Function::Acos => times(-1.0, inverse_root(rest())),
        Function::Atan => map(Function::Reciprocal, add(Number(1.0), square())),
        Function::Sinh => map(Function::Cosh, X),
        Function::Cosh => map(Function::Sinh, X),
        Function::Asinh => inverse_root(add(Number(1.0), square())),
        Function::Acosh => mul(inverse_root(add(Number(-1.0), X)), inverse_root(add(Number(1.0), X))),
        Function::Atanh => map(Function::Reciprocal, rest()),
        Function::Abs => map(Function::Sign, X),
        Function::Sign | Function::Floor | Function::Ceil | Function::Round | Function::Truncate => {
            Number(0.0)
        }
        Function::Power(0.0) => Number(0.0),
        Function::Power(p) => times(p, Expr::Pow(Box::new(X), p - 1.0)),
        Function::Erf => times(FRAC_2_SQRT_PI, map(Function::Exp, times(-1.0, square()))),
        Function::Sigmoid => mul(sigmoid(X), sigmoid(times(-1.0, X))),
        Function::Tanh => times(4.0, mul(sigmoid(times(2.0, X)), sigmoid(times(-2.0, X)))),
        Function::Relu => step(Number(1.0), Number(0.0)),
        Function::LeakyRelu(slope) => step(Number(1.0), Number(slope)),
        Function::ExpLinear { gain, amplitude, rate } => {
            step(Number(gain), times(amplitude * rate, map(Function::Exp, negative_part(rate))))
        }
        Function::Softplus => sigmoid(X),
        Function::Swish(b) => {
            let rest = add(Number(1.0), mul(times(b, X), sigmoid(times(-b, X))));
            mul(sigmoid(times(b, X)), rest)
        }
        Function::Gelu => {
            let distribution = add(Number(0.5), times(0.5, map(Function::Erf, times(FRAC_1_SQRT_2, X))));
            let density = times((2.0 * PI).sqrt().recip(), map(Function::Exp, times(-0.5, square())));
            add(distribution, mul(X, density))
        }
        Function::GeluTanh => {
            let [a, b] = GELU_TANH;
            let z = |sign: f64| mul(times(2.0 * a * sign, X), add(Number(1.0), times(b, square())));
            let dz = times(2.0 * a, add(Number(1.0), times(3.0 * b, square())));
            mul(sigmoid(z(1.0)), add(Number(1.0), mul(mul(X, dz), sigmoid(z(-1.0)))))
        }
    }
}
