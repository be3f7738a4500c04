//! Elementwise operators.

use super::dims::broadcast;
use super::import::{Importer, Value};
use super::operators::Call;
use super::terms::Real;
use crate::ir::{Comparison, Function, Op};

/// Operators of one argument.
pub(super) fn map(importer: &mut Importer, call: &Call) -> Result<Vec<Value>, String> {
    let function = function(call)?;
    let x = importer.real(call.required(0)?)?;
    Ok(vec![importer.map(function, &x)?.into()])
}

/// SELU's constants α and γ in the operator set's definition, as single-precision numbers.
pub(crate) const SELU: [f32; 2] = [1.673_263_2, 1.050_701];

fn function(call: &Call) -> Result<Function, String> {
    let attribute = |name, default| call.attributes.float(name, default);
    Ok(match call.operator() {
        "Neg" => Function::Neg,
        "Exp" => Function::Exp,
        "Log" => Function::Log,
        "Sqrt" => Function::Sqrt,
        "Reciprocal" => Function::Reciprocal,
        "Sin" => Function::Sin,
        "Cos" => Function::Cos,
        "Tan" => Function::Tan,
        "Asin" => Function::Asin,
        "Acos" => Function::Acos,
        "Atan" => Function::Atan,
        "Sinh" => Function::Sinh,
        "Cosh" => Function::Cosh,
        "Asinh" => Function::Asinh,
        "Acosh" => Function::Acosh,
        "Atanh" => Function::Atanh,
        "Abs" => Function::Abs,
        "Sign" => Function::Sign,
        "Floor" => Function::Floor,
        "Ceil" => Function::Ceil,
        "Round" => Function::Round,
        "Erf" => Function::Erf,
        "Sigmoid" => Function::Sigmoid,
        "Tanh" => Function::Tanh,
        "Relu" => Function::Relu,
        "LeakyRelu" => Function::LeakyRelu(attribute("alpha", f64::from(0.01f32))),
        "Elu" => Function::ExpLinear { gain: 1.0, amplitude: attribute("alpha", 1.0), rate: 1.0 },
        "Celu" => {
            let alpha = attribute("alpha", 1.0);
            Function::ExpLinear { gain: 1.0, amplitude: alpha, rate: 1.0 / alpha }
        }
        "Selu" => {
            let [alpha, gamma] = [attribute("alpha", SELU[0].into()), attribute("gamma", SELU[1].into())];
            Function::ExpLinear { gain: gamma, amplitude: gamma * alpha, rate: 1.0 }
        }
        "Softplus" => Function::Softplus,
        "Swish" => Function::Swish(attribute("alpha", 1.0)),
        "Gelu" => match call.attributes.text("approximate", "none")? {
            "none" => Function::Gelu,
            "tanh" => Function::GeluTanh,
            other => return Err(format!("unknown approximation {other:?}")),
        },
        other => return Err(format!("{other} is no function of one argument")),
    })
}

/// Operators of two arguments.
pub(super) fn binary(importer: &mut Importer, call: &Call) -> Result<Vec<Value>, String> {
    let (left, right) = (call.required(0)?, call.required(1)?);
    let op = match call.operator() {
        "Add" => Op::Add,
        "Sub" => Op::Sub,
        "Mul" => Op::Mul,
        _ => Op::Div,
    };
    let (left, right) = (importer.real(left)?, importer.real(right)?);
    Ok(vec![importer.elementwise(op, &[&left, &right])?.into()])
}

/// Pow; usual constant exponents become cheaper operations.
pub(super) fn power(importer: &mut Importer, call: &Call) -> Result<Vec<Value>, String> {
    let (a, b) = (importer.real(call.required(0)?)?, importer.real(call.required(1)?)?);
    let dims = broadcast(&a.dims, &b.dims)?;
    let exponent = importer.graph.uniform_value(b.node).filter(|_| dims == a.dims);
    Ok(vec![match exponent {
        Some(1.0) => a.into(),
        Some(2.0) => importer.mul(&a, &a)?.into(),
        Some(3.0) => {
            let square = importer.mul(&a, &a)?;
            importer.mul(&square, &a)?.into()
        }
        Some(0.5) => importer.map(Function::Sqrt, &a)?.into(),
        Some(-1.0) => importer.map(Function::Reciprocal, &a)?.into(),
        Some(p) => importer.map(Function::Power(p), &a)?.into(),
        None => importer.elementwise(Op::Pow, &[&a, &b])?.into(),
    }])
}

/// Functions that are made of others.
pub(super) fn composed(importer: &mut Importer, call: &Call) -> Result<Vec<Value>, String> {
    let x = importer.real(call.required(0)?)?;
    Ok(vec![match call.operator() {
        "Mish" => {
            let softplus = importer.map(Function::Softplus, &x)?;
            let gate = importer.map(Function::Tanh, &softplus)?;
            importer.mul(&x, &gate)?.into()
        }
        "HardSigmoid" => {
            let alpha = call.attributes.float("alpha", f64::from(0.2f32));
            hard_sigmoid(importer, &x, alpha, call.attributes.float("beta", 0.5))?.into()
        }
        "HardSwish" => {
            let gate = hard_sigmoid(importer, &x, 1.0 / 6.0, 0.5)?;
            importer.mul(&x, &gate)?.into()
        }
        "PRelu" => {
            let slope = importer.real(call.required(1)?)?;
            let zero = importer.number(0.0);
            let positive = importer.compare(&zero, Comparison::Less, &x)?;
            let bent = importer.mul(&slope, &x)?;
            importer.select(&positive, &x, &bent)?.into()
        }
        "ThresholdedRelu" => {
            let threshold = importer.number(call.attributes.float("alpha", 1.0));
            let zero = importer.number(0.0);
            let below = importer.compare(&x, Comparison::LessOrEqual, &threshold)?;
            importer.select(&below, &zero, &x)?.into()
        }
        "Shrink" => {
            let [bias, bound] =
                [("bias", 0.0), ("lambd", 0.5)].map(|(name, d)| call.attributes.float(name, d));
            let (bounds, zero) = ([bound, -bound].map(|b| importer.number(b)), importer.number(0.0));
            let above = importer.compare(&bounds[0], Comparison::Less, &x)?;
            let below = importer.compare(&x, Comparison::Less, &bounds[1])?;
            let [lower, higher] = [-bias, bias].map(|shift| importer.add_number(&x, shift));
            let inside = importer.select(&below, &higher?, &zero)?;
            importer.select(&above, &lower?, &inside)?.into()
        }
        "Softsign" => {
            let magnitude = importer.map(Function::Abs, &x)?;
            let divisor = importer.add_number(&magnitude, 1.0)?;
            importer.div(&x, &divisor)?.into()
        }
        other => return Err(format!("{other} is not made of other functions")),
    }])
}

/// alpha x + beta between 0 and 1, with derivative 0 at both ends.
fn hard_sigmoid(importer: &mut Importer, x: &Real, alpha: f64, beta: f64) -> Result<Real, String> {
    let scaled = importer.times(x, alpha)?;
    let line = importer.add_number(&scaled, beta)?;
    let [zero, one] = [importer.number(0.0), importer.number(1.0)];
    let below = importer.compare(&line, Comparison::LessOrEqual, &zero)?;
    let risen = importer.select(&below, &zero, &line)?;
    let above = importer.compare(&one, Comparison::LessOrEqual, &line)?;
    importer.select(&above, &one, &risen)
}

/// Mod: the remainder of a division, with the sign of the divisor, or with `fmod` that of the dividend.
pub(super) fn remainder(importer: &mut Importer, call: &Call) -> Result<Vec<Value>, String> {
    let (a, b) = (importer.real(call.required(0)?)?, importer.real(call.required(1)?)?);
    let rounding = match call.attributes.int("fmod", 0) {
        0 => Function::Floor,
        _ => Function::Truncate,
    };
    let quotient = importer.div(&a, &b)?;
    let quotient = importer.map(rounding, &quotient)?;
    let multiple = importer.mul(&quotient, &b)?;
    let rest = importer.sub(&a, &multiple)?;
    // Also where the divisor is infinite.
    let zero = importer.number(0.0);
    let smaller = importer.compare(&quotient, Comparison::Equal, &zero)?;
    Ok(vec![importer.select(&smaller, &a, &rest)?.into()])
}

/// Sum and Mean of any number of arguments.
pub(super) fn total(importer: &mut Importer, call: &Call) -> Result<Vec<Value>, String> {
    let mut total = importer.real(call.required(0)?)?;
    for i in 1..call.arguments.len() {
        let term = importer.real(call.required(i)?)?;
        total = importer.add(&total, &term)?;
    }
    if call.operator() == "Mean" {
        let count = importer.number(call.arguments.len() as f64);
        total = importer.div(&total, &count)?;
    }
    Ok(vec![total.into()])
}
