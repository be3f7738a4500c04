//! Operators that move or select elements.

use super::budget::MOST_AXES;
use super::dims::{Dim, batch_axis, broadcast, not_along_batch, per_sample, show};
use super::element::ElementType;
use super::entry::Entry;
use super::import::{Importer, Value};
use super::operators::Call;
use crate::ir::{Comparison, Function, NodeId, Op, Span};

type Results = Result<Vec<Value>, String>;

/// An axis counted from the end where negative.
pub(super) fn axis(axis: i64, rank: usize) -> Result<usize, String> {
    let from_start = if axis < 0 { axis.checked_add(rank as i64) } else { Some(axis) };
    let found = from_start.and_then(|a| usize::try_from(a).ok()).filter(|&a| a < rank);
    found.ok_or_else(|| format!("axis {axis} does not exist among {rank}"))
}

/// Integers that do not depend on the batch.
pub(super) fn known(value: Value) -> Result<Vec<i64>, String> {
    let Value::Integers { entries, .. } = value else {
        return Err("a shape, axis or index is not constant".into());
    };
    let number = |e: Entry| e.number().ok_or("an axis or index depends on the batch".into());
    entries.into_iter().map(number).collect()
}

/// The attribute or second argument `axes`, sorted.
pub(super) fn axes_argument(call: &Call, rank: usize) -> Result<Option<Vec<usize>>, String> {
    let listed = match (call.attributes.ints("axes"), call.optional(1)) {
        (Some(axes), _) => axes.to_vec(),
        (None, Some(axes)) => known(axes)?,
        (None, None) => return Ok(None),
    };
    if listed.len().max(rank) > MOST_AXES {
        return Err(format!("has more than {MOST_AXES} axes"));
    }
    let mut axes = listed.into_iter().map(|a| axis(a, rank)).collect::<Result<Vec<_>, _>>()?;
    axes.sort_unstable();
    if axes.windows(2).any(|w| w[0] == w[1]) {
        return Err("an axis is listed twice".into());
    }
    Ok(Some(axes))
}

fn data(node: NodeId, dims: Vec<Dim>) -> Vec<Value> {
    vec![Value::Data { node, dims }]
}

/// Reshapes to the per-sample shape of `dims`.
pub(super) fn reshaped(importer: &mut Importer, node: NodeId, dims: Vec<Dim>) -> Results {
    Ok(data(importer.emit(Op::Reshape(per_sample(&dims)), &[node])?, dims))
}

/// Identity, and Dropout when not training.
pub(super) fn identity(_: &mut Importer, call: &Call) -> Results {
    if call.outputs > 1 {
        return Err("its mask is not supported".into());
    }
    let training = call.optional(2).filter(|_| call.operator() == "Dropout");
    if training.map(known).transpose()?.is_some_and(|flags| flags.iter().any(|&flag| flag != 0)) {
        return Err("training mode is not supported".into());
    }
    Ok(vec![call.required(0)?])
}

/// Cast. Real types are all the same: the executor has its own precision.
pub(super) fn cast(importer: &mut Importer, call: &Call) -> Results {
    let to = ElementType::from_code(call.attributes.int("to", 0).try_into().unwrap_or(0))?;
    cast_to(importer, call.required(0)?, to)
}

/// CastLike: to real numbers or integers, as the second argument has them.
pub(super) fn cast_like(importer: &mut Importer, call: &Call) -> Results {
    let to = match call.required(1)? {
        Value::Integers { .. } => ElementType::Int64,
        Value::Data { node, .. } if importer.whole.contains(&node) => ElementType::Int64,
        _ => ElementType::Float,
    };
    cast_to(importer, call.required(0)?, to)
}

fn cast_to(importer: &mut Importer, value: Value, to: ElementType) -> Results {
    match value {
        Value::Integers { shape, mut entries } if !to.is_float() => {
            if to == ElementType::Bool {
                entries.iter_mut().for_each(|e| *e = Entry::truth(e.is_true()));
            }
            Ok(vec![Value::Integers { shape, entries }])
        }
        value if to.is_float() => {
            let (node, dims) = importer.data(value)?;
            // Another node of the same values, which are no integers any more.
            let node = if importer.whole.contains(&node) { importer.copied(node)? } else { node };
            Ok(data(node, dims))
        }
        value => whole(importer, value, to == ElementType::Bool),
    }
}

/// Real numbers without their fraction, or 1 for all but 0.
fn whole(importer: &mut Importer, value: Value, truth: bool) -> Results {
    let x = importer.real(value)?;
    let whole = if truth {
        let zero = importer.number(0.0);
        let is_zero = importer.compare(&x, Comparison::Equal, &zero)?;
        let one = importer.number(1.0);
        importer.sub(&one, &is_zero)?
    } else {
        importer.map(Function::Truncate, &x)?
    };
    match importer.known(whole.node) {
        Some(values) if whole.dims.iter().all(|d| !d.batch) => {
            let entries = values.iter().map(|&v| Entry::known(v as i64)).collect();
            Ok(vec![Value::Integers { shape: per_sample(&whole.dims), entries }])
        }
        _ => {
            importer.whole.insert(whole.node);
            Ok(vec![whole.into()])
        }
    }
}

/// The lengths of axes that a list of integers stands for.
pub(super) fn lengths(value: Value) -> Result<Vec<Dim>, String> {
    let Value::Integers { entries, .. } = value else { return Err("the shape is not constant".into()) };
    let length = |e: Entry| match usize::try_from(e.factor) {
        Ok(per_sample) => Ok(Dim::new(per_sample, e.batch)),
        Err(_) => Err(format!("invalid length {}", e.factor)),
    };
    entries.into_iter().map(length).collect()
}

/// Reshape.
pub(super) fn reshape(importer: &mut Importer, call: &Call) -> Results {
    let Value::Integers { entries: target, .. } = call.required(1)? else {
        return Err("the shape is not constant".into());
    };
    let (x, from) = importer.data(call.required(0)?)?;
    let dims = super::dims::reshape(&from, &target, call.attributes.int("allowzero", 0) == 0)?;
    reshaped(importer, x, dims)
}

/// Flatten to two axes.
pub(super) fn flatten(importer: &mut Importer, call: &Call) -> Results {
    let (x, dims) = importer.data(call.required(0)?)?;
    let given = call.attributes.int("axis", 1);
    let split = if given == dims.len() as i64 { dims.len() } else { axis(given, dims.len())? };
    let join = |part: &[Dim]| {
        let factor = part.iter().try_fold(1i64, |n, d| n.checked_mul(d.per_sample as i64));
        factor.map(|factor| Entry { factor, batch: batch_axis(part).is_some() }).ok_or("its size overflows")
    };
    let target = [join(&dims[..split])?, join(&dims[split..])?];
    let to = super::dims::reshape(&dims, &target, false)?;
    reshaped(importer, x, to)
}

/// Unsqueeze.
pub(super) fn unsqueeze(importer: &mut Importer, call: &Call) -> Results {
    let (x, mut dims) = importer.data(call.required(0)?)?;
    let added = match (call.attributes.ints("axes"), call.optional(1)) {
        (Some(axes), _) => axes.len(),
        (None, Some(Value::Integers { entries, .. })) => entries.len(),
        _ => return Err("the axes are not constant".into()),
    };
    let axes = axes_argument(call, dims.len() + added)?.unwrap_or_default();
    axes.into_iter().for_each(|axis| dims.insert(axis, Dim::fixed(1)));
    reshaped(importer, x, dims)
}

/// Squeeze.
pub(super) fn squeeze(importer: &mut Importer, call: &Call) -> Results {
    let (x, dims) = importer.data(call.required(0)?)?;
    let is_one = |i: &usize| dims[*i] == Dim::fixed(1);
    let dropped =
        axes_argument(call, dims.len())?.unwrap_or_else(|| (0..dims.len()).filter(is_one).collect());
    if !dropped.iter().all(is_one) {
        return Err(format!("drops an axis of {} whose length is not 1", show(&dims)));
    }
    let kept = (0..dims.len()).filter(|i| !dropped.contains(i)).map(|i| dims[i]).collect();
    reshaped(importer, x, kept)
}

/// Transpose.
pub(super) fn transpose(importer: &mut Importer, call: &Call) -> Results {
    let x = importer.real(call.required(0)?)?;
    let perm = match call.attributes.ints("perm") {
        Some(perm) => perm.iter().map(|&p| axis(p, x.rank())).collect::<Result<Vec<_>, _>>()?,
        None => (0..x.rank()).rev().collect(),
    };
    Ok(vec![importer.permuted(&x, &perm)?.into()])
}

/// Expand. A value that does not depend on the sample may be repeated over the batch.
pub(super) fn expand(importer: &mut Importer, call: &Call) -> Results {
    let (x, dims) = importer.data(call.required(0)?)?;
    let dims = broadcast(&dims, &lengths(call.required(1)?)?)?;
    Ok(data(importer.emit(Op::Expand(per_sample(&dims)), &[x])?, dims))
}

/// Concat.
pub(super) fn concat(importer: &mut Importer, call: &Call) -> Results {
    let parts = (0..call.arguments.len()).map(|i| call.required(i)).collect::<Result<_, _>>()?;
    concat_values(importer, parts, call.attributes.required_int("axis")?)
}

/// One after the other along an axis, counted from the end where negative.
pub(super) fn concat_values(importer: &mut Importer, parts: Vec<Value>, along: i64) -> Results {
    let parts = parts.into_iter().map(|p| importer.real(p)).collect::<Result<Vec<_>, _>>()?;
    let along = axis(along, parts.first().ok_or("has no arguments")?.rank())?;
    Ok(vec![importer.joined(&parts.iter().collect::<Vec<_>>(), along)?.into()])
}

/// Slice.
pub(super) fn slice(importer: &mut Importer, call: &Call) -> Results {
    let list = |i: usize| call.optional(i).map(known).transpose();
    let (mut node, mut dims) = importer.data(call.required(0)?)?;
    let starts = known(call.required(1)?)?;
    let Value::Integers { entries: ends, .. } = call.required(2)? else {
        return Err("the ends are not constant".into());
    };
    let axes = list(3)?.unwrap_or_else(|| (0..starts.len() as i64).collect());
    let steps = list(4)?.unwrap_or_else(|| vec![1; starts.len()]);
    if [ends.len(), axes.len(), steps.len()].iter().any(|&n| n != starts.len()) {
        return Err("starts, ends, axes and steps differ in length".into());
    }
    for i in 0..starts.len() {
        let along = axis(axes[i], dims.len())?;
        // The whole axis, as exporters write x[:].
        let to_end = ends[i] == Entry::from(dims[along]) || ends[i].number() >= Some(i32::MAX.into());
        if starts[i] == 0 && steps[i] == 1 && to_end {
            continue;
        }
        let end = ends[i].number().ok_or("an end depends on the batch")?;
        let span = span(along, dims[along].per_sample, starts[i], end, steps[i])?;
        if span.step == 1 && span.start == 0 && span.len == dims[along].per_sample && !dims[along].batch {
            continue;
        }
        not_along_batch(&dims, along)?;
        node = importer.emit(Op::Slice(span), &[node])?;
        dims[along] = Dim::fixed(span.len);
    }
    Ok(data(node, dims))
}

/// The positions that `start`, `end` and `step` select along an axis, with the standard's clamping.
fn span(axis: usize, length: usize, start: i64, end: i64, step: i64) -> Result<Span, String> {
    if step == 0 || step == i64::MIN {
        return Err(format!("step {step}"));
    }
    let n = length as i64;
    let wrap = |at: i64| if at < 0 { at.saturating_add(n) } else { at };
    let (lowest, highest) = if step > 0 { (0, n) } else { (-1, n - 1) };
    let (start, end) = (wrap(start).clamp(lowest, highest), wrap(end).clamp(lowest, highest));
    let distance = if step > 0 { end - start } else { start - end };
    let len = if distance <= 0 { 0 } else { (distance - 1) / step.abs() + 1 };
    Ok(Span { axis, start: start.max(0) as usize, len: len as usize, step })
}

/// Split into equal parts or parts of listed lengths.
pub(super) fn split(importer: &mut Importer, call: &Call) -> Results {
    let (x, dims) = importer.data(call.required(0)?)?;
    let along = axis(call.attributes.int("axis", 0), dims.len())?;
    not_along_batch(&dims, along)?;
    let total = dims[along].per_sample;
    let lengths: Vec<i64> = match call.optional(1) {
        Some(lengths) => known(lengths)?,
        None => {
            let count = call.outputs.max(1);
            let chunk = total.div_ceil(count);
            (0..count).map(|i| chunk.min(total.saturating_sub(i * chunk)) as i64).collect()
        }
    };
    if lengths.len() != call.outputs {
        return Err(format!("lengths {lengths:?} for {} results", call.outputs));
    }
    parts(importer, x, &dims, along, &lengths)
}

/// Parts of listed lengths along an axis, which together are the whole.
pub(super) fn parts(
    importer: &mut Importer,
    x: NodeId,
    dims: &[Dim],
    along: usize,
    lengths: &[i64],
) -> Results {
    let total = dims[along].per_sample;
    let sum = lengths.iter().try_fold(0i64, |n, &l| n.checked_add(l));
    if lengths.iter().any(|&l| l < 0) || sum != Some(total as i64) {
        return Err(format!("lengths {lengths:?} along {total}"));
    }
    let mut start = 0;
    let mut results = Vec::with_capacity(lengths.len());
    for &len in lengths {
        let len = len as usize;
        let node = importer.emit(Op::Slice(Span { axis: along, start, len, step: 1 }), &[x])?;
        let mut part = dims.to_vec();
        part[along] = Dim::fixed(len);
        results.push(Value::Data { node, dims: part });
        start += len;
    }
    Ok(results)
}
