//! Reductions, softmax and sums along an axis.

use super::dims::{Dim, not_along_batch};
use super::import::{Importer, Value};
use super::operators::Call;
use super::shaping::{axes_argument, axis, known};
use super::terms::Real;
use crate::ir::{Comparison, Function, Op, Span};

type Outcome = Result<Real, String>;
type Results = Result<Vec<Value>, String>;

/// ReduceSum and its relatives.
pub(super) fn reduce(importer: &mut Importer, call: &Call) -> Results {
    let x = importer.real(call.required(0)?)?;
    let axes = match axes_argument(call, x.rank())? {
        Some(axes) if !axes.is_empty() => axes,
        _ if call.attributes.int("noop_with_empty_axes", 0) != 0 => vec![],
        _ => (0..x.rank()).collect(),
    };
    let reduced = reduced(importer, call.operator(), &x, &axes)?;
    if call.attributes.int("keepdims", 1) != 0 {
        return Ok(vec![reduced.into()]);
    }
    let kept = (0..x.rank()).filter(|i| !axes.contains(i)).map(|i| reduced.dims[i]).collect();
    Ok(vec![importer.reshaped(&reduced, kept)?.into()])
}

fn reduced(importer: &mut Importer, operator: &str, x: &Real, axes: &[usize]) -> Outcome {
    match operator {
        "ReduceSum" => importer.sum(x, axes),
        "ReduceMean" => importer.mean(x, axes),
        "ReduceMax" => importer.max(x, axes),
        "ReduceMin" => {
            let negative = importer.map(Function::Neg, x)?;
            let largest = importer.max(&negative, axes)?;
            importer.map(Function::Neg, &largest)
        }
        "ReduceProd" => axes.iter().try_fold(x.clone(), |x, &axis| product_along(importer, &x, axis)),
        "ReduceSumSquare" => sum_of_squares(importer, x, axes),
        "ReduceL1" => {
            let magnitude = importer.map(Function::Abs, x)?;
            importer.sum(&magnitude, axes)
        }
        "ReduceL2" => norm(importer, x, axes),
        "ReduceLogSum" => {
            let sum = importer.sum(x, axes)?;
            importer.map(Function::Log, &sum)
        }
        "ReduceLogSumExp" => log_sum_exp(importer, x, axes),
        other => Err(format!("{other} is no reduction")),
    }
}

fn sum_of_squares(importer: &mut Importer, x: &Real, axes: &[usize]) -> Outcome {
    let squares = importer.mul(x, x)?;
    importer.sum(&squares, axes)
}

/// Euclidean norm, with derivative 0 at 0.
pub(super) fn norm(importer: &mut Importer, x: &Real, axes: &[usize]) -> Outcome {
    let square = sum_of_squares(importer, x, axes)?;
    let zero = importer.number(0.0);
    let one = importer.number(1.0);
    let vanishes = importer.compare(&square, Comparison::Equal, &zero)?;
    let apart = importer.select(&vanishes, &one, &square)?;
    let root = importer.map(Function::Sqrt, &apart)?;
    importer.select(&vanishes, &zero, &root)
}

/// Product along an axis, by halves: exact under differentiation even where factors are 0.
fn product_along(importer: &mut Importer, x: &Real, axis: usize) -> Outcome {
    let mut x = x.clone();
    if x.length(axis)? == 0 {
        let ones = importer.number(1.0);
        x.dims[axis] = Dim::fixed(1);
        return importer.expanded(&ones, &x.dims.clone());
    }
    while x.length(axis)? > 1 {
        let (len, half) = (x.length(axis)?, x.length(axis)? / 2);
        let part = |start, len| Span { axis, start, len, step: 1 };
        let left = importer.sliced(&x, part(0, half))?;
        let right = importer.sliced(&x, part(half, half))?;
        let product = importer.mul(&left, &right)?;
        x = if len % 2 == 0 {
            product
        } else {
            let last = importer.sliced(&x, part(len - 1, 1))?;
            importer.joined(&[&product, &last], axis)?
        };
    }
    Ok(x)
}

/// x − c and c for a c near the maximum that no derivative depends on; c is 0 where the maximum is not finite.
fn shifted(importer: &mut Importer, x: &Real, axes: &[usize]) -> Result<[Real; 2], String> {
    let largest = importer.max(x, axes)?;
    let largest = importer.detached(&largest)?;
    let magnitude = importer.map(Function::Abs, &largest)?;
    let [infinity, zero] = [importer.number(f64::INFINITY), importer.number(0.0)];
    let finite = importer.compare(&magnitude, Comparison::Less, &infinity)?;
    let shift = importer.select(&finite, &largest, &zero)?;
    Ok([importer.sub(x, &shift)?, shift])
}

fn log_sum_exp(importer: &mut Importer, x: &Real, axes: &[usize]) -> Outcome {
    let [x, shift] = shifted(importer, x, axes)?;
    let powers = importer.map(Function::Exp, &x)?;
    let sum = importer.sum(&powers, axes)?;
    let log = importer.map(Function::Log, &sum)?;
    importer.add(&log, &shift)
}

/// Softmax and LogSoftmax along an axis.
pub(super) fn softmax(importer: &mut Importer, call: &Call) -> Results {
    let x = importer.real(call.required(0)?)?;
    let along = axis(call.attributes.int("axis", -1), x.rank())?;
    if call.operator() == "Softmax" {
        return Ok(vec![softmax_along(importer, &x, along)?.into()]);
    }
    let largest = importer.max(&x, &[along])?;
    let shift = importer.detached(&largest)?;
    let x = importer.sub(&x, &shift)?;
    let powers = importer.map(Function::Exp, &x)?;
    let sum = importer.sum(&powers, &[along])?;
    let log = importer.map(Function::Log, &sum)?;
    Ok(vec![importer.sub(&x, &log)?.into()])
}

/// exp(x − max x) over its sum; the maximum has no influence, so it has no derivative.
pub(super) fn softmax_along(importer: &mut Importer, x: &Real, along: usize) -> Outcome {
    let largest = importer.max(x, &[along])?;
    let shift = importer.detached(&largest)?;
    let x = importer.sub(x, &shift)?;
    let powers = importer.map(Function::Exp, &x)?;
    let sum = importer.sum(&powers, &[along])?;
    importer.div(&powers, &sum)
}

/// CumSum, by sums over twice as many elements in every round.
pub(super) fn cumulative_sum(importer: &mut Importer, call: &Call) -> Results {
    let x = importer.real(call.required(0)?)?;
    let [along] = known(call.required(1)?)?[..] else { return Err("needs one axis".into()) };
    let along = axis(along, x.rank())?;
    let (reverse, exclusive) =
        (call.attributes.int("reverse", 0) != 0, call.attributes.int("exclusive", 0) != 0);
    let mut sums = if exclusive { moved(importer, &x, along, 1, reverse)? } else { x };
    let (mut distance, len) = (1, sums.length(along)?);
    while distance < len {
        let earlier = moved(importer, &sums, along, distance, reverse)?;
        sums = importer.add(&sums, &earlier)?;
        distance *= 2;
    }
    Ok(vec![sums.into()])
}

/// Every element moved `distance` positions on (or back), with zeros where none comes from.
fn moved(importer: &mut Importer, x: &Real, axis: usize, distance: usize, back: bool) -> Outcome {
    not_along_batch(&x.dims, axis)?;
    let size = x.dims[axis].per_sample;
    let len = size.saturating_sub(distance);
    let [from, to] = if back { [size - len, 0] } else { [0, size - len] };
    let kept = importer.sliced(x, Span { axis, start: from, len, step: 1 })?;
    let op = Op::Embed { span: Span { axis, start: to, len, step: 1 }, size };
    Ok(Real { node: importer.emit(op, &[kept.node])?, dims: x.dims.clone() })
}
