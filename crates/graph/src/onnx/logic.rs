//! Comparisons, logic and choices. Truth is 1 or 0.

use super::import::{Importer, Value};
use super::operators::Call;
use super::terms::Real;
use crate::ir::{Comparison, Function};

type Results = Result<Vec<Value>, String>;

/// Equal, Less, Greater and their relatives.
pub(super) fn compare(importer: &mut Importer, call: &Call) -> Results {
    let (a, b) = (importer.real(call.required(0)?)?, importer.real(call.required(1)?)?);
    let (left, relation, right) = match call.operator() {
        "Less" => (&a, Comparison::Less, &b),
        "LessOrEqual" => (&a, Comparison::LessOrEqual, &b),
        "Greater" => (&b, Comparison::Less, &a),
        "GreaterOrEqual" => (&b, Comparison::LessOrEqual, &a),
        _ => (&a, Comparison::Equal, &b),
    };
    Ok(vec![importer.compare(left, relation, right)?.into()])
}

/// 1 where a value is 0, 0 elsewhere.
pub(super) fn vanishes(importer: &mut Importer, x: &Real) -> Result<Real, String> {
    let zero = importer.number(0.0);
    importer.compare(x, Comparison::Equal, &zero)
}

/// And, Or, Xor, Not.
pub(super) fn logic(importer: &mut Importer, call: &Call) -> Results {
    let a = importer.real(call.required(0)?)?;
    if call.operator() == "Not" {
        return Ok(vec![vanishes(importer, &a)?.into()]);
    }
    let b = importer.real(call.required(1)?)?;
    Ok(vec![match call.operator() {
        "And" => importer.mul(&a, &b)?.into(),
        "Or" => {
            let sum = importer.add(&a, &b)?;
            let neither = vanishes(importer, &sum)?;
            vanishes(importer, &neither)?.into()
        }
        _ => {
            let equal = importer.compare(&a, Comparison::Equal, &b)?;
            vanishes(importer, &equal)?.into()
        }
    }])
}

/// IsNaN, and IsInf of either sign or of one.
pub(super) fn classify(importer: &mut Importer, call: &Call) -> Results {
    let x = importer.real(call.required(0)?)?;
    if call.operator() == "IsNaN" {
        let ordinary = importer.compare(&x, Comparison::Equal, &x)?;
        return Ok(vec![vanishes(importer, &ordinary)?.into()]);
    }
    let mut found = importer.number(0.0);
    for (flag, infinity) in [("detect_negative", f64::NEG_INFINITY), ("detect_positive", f64::INFINITY)] {
        if call.attributes.int(flag, 1) != 0 {
            let infinity = importer.number(infinity);
            let is = importer.compare(&x, Comparison::Equal, &infinity)?;
            found = importer.add(&found, &is)?;
        }
    }
    let found = importer.expanded(&found, &x.dims)?;
    Ok(vec![found.into()])
}

/// Where.
pub(super) fn choose(importer: &mut Importer, call: &Call) -> Results {
    let [condition, a, b] = [0, 1, 2].map(|i| call.required(i).and_then(|value| importer.real(value)));
    Ok(vec![importer.select(&condition?, &a?, &b?)?.into()])
}

/// Clip; at a bound the derivative is that of x.
pub(super) fn clip(importer: &mut Importer, call: &Call) -> Results {
    let mut x = importer.real(call.required(0)?)?;
    for (i, low) in [(1, true), (2, false)] {
        let Some(bound) = call.optional(i) else { continue };
        let bound = importer.real(bound)?;
        let [smaller, larger] = if low { [&x, &bound] } else { [&bound, &x] };
        let outside = importer.compare(smaller, Comparison::Less, larger)?;
        x = importer.select(&outside, &bound, &x)?;
    }
    Ok(vec![x.into()])
}

/// Max and Min of any number of arguments.
pub(super) fn extreme(importer: &mut Importer, call: &Call) -> Results {
    let smallest = call.operator() == "Min";
    let mut parts = Vec::with_capacity(call.arguments.len());
    let mut dims = vec![];
    for i in 0..call.arguments.len() {
        let mut part = importer.real(call.required(i)?)?;
        if smallest {
            part = importer.map(Function::Neg, &part)?;
        }
        dims = super::dims::broadcast(&dims, &part.dims)?;
        parts.push(part);
    }
    let axis = dims.len();
    let deep = [&dims[..], &[super::dims::Dim::fixed(1)]].concat();
    let mut stacked = Vec::with_capacity(parts.len());
    for part in &parts {
        let part = importer.expanded(part, &dims)?;
        stacked.push(importer.reshaped(&part, deep.clone())?);
    }
    let stack = importer.joined(&stacked.iter().collect::<Vec<_>>(), axis)?;
    let largest = importer.max(&stack, &[axis])?;
    let mut result = importer.reshaped(&largest, dims)?;
    if smallest {
        result = importer.map(Function::Neg, &result)?;
    }
    Ok(vec![result.into()])
}
