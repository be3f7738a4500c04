//! Operators that move or select elements, and shape arithmetic.

use super::ElementType;
use super::dims::{Dim, Entry, batch_axis, broadcast, not_along_batch, one_batch_axis, per_sample, show};
use super::import::{Importer, Value};
use super::operators::Call;
use super::tensor::{Tensor, Values};
use crate::ir::{NodeId, Op, Span};

type Results = Result<Vec<Value>, String>;

/// An axis counted from the end where negative.
pub(super) fn axis(axis: i64, rank: usize) -> Result<usize, String> {
    let from_start = if axis < 0 { axis.checked_add(rank as i64) } else { Some(axis) };
    let found = from_start.and_then(|a| usize::try_from(a).ok()).filter(|&a| a < rank);
    found.ok_or_else(|| format!("axis {axis} does not exist among {rank}"))
}

/// Integers that do not depend on the batch.
fn known(value: Value) -> Result<Vec<i64>, String> {
    let Value::Integers { entries, .. } = value else {
        return Err("a shape, axis or index is not constant".into());
    };
    let plain =
        |e: Entry| (!e.batch).then_some(e.factor).ok_or("an axis or index depends on the batch".into());
    entries.into_iter().map(plain).collect()
}

/// The attribute or second argument `axes`, sorted.
pub(super) fn axes_argument(call: &Call, rank: usize) -> Result<Option<Vec<usize>>, String> {
    let listed = match (call.attributes.ints("axes"), call.optional(1)) {
        (Some(axes), _) => axes.to_vec(),
        (None, Some(axes)) => known(axes)?,
        (None, None) => return Ok(None),
    };
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
fn reshaped(importer: &mut Importer, node: NodeId, dims: Vec<Dim>) -> Results {
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

/// Cast between real types does nothing: the executor has its own precision.
pub(super) fn cast(importer: &mut Importer, call: &Call) -> Results {
    let to = ElementType::from_code(call.attributes.int("to", 0).try_into().unwrap_or(0))?;
    let value = call.required(0)?;
    match (&value, to.is_float()) {
        (Value::Data { .. }, true) => Ok(vec![value]),
        (Value::Integers { .. }, true) => {
            let (node, dims) = importer.data(value)?;
            Ok(data(node, dims))
        }
        (Value::Integers { .. }, false) if to != ElementType::Bool => Ok(vec![value]),
        _ => Err("a cast that rounds is not supported".into()),
    }
}

/// Constant.
pub(super) fn constant(importer: &mut Importer, call: &Call) -> Results {
    let attributes = call.attributes;
    if let Some(tensor) = attributes.tensor("value") {
        return Ok(vec![importer.load(tensor)?]);
    }
    let tensor = if let Some(values) = attributes.ints("value_ints") {
        Tensor { shape: vec![values.len()], values: Values::Integers(values.to_vec()) }
    } else if let Some(values) = attributes.floats("value_floats") {
        Tensor {
            shape: vec![values.len()],
            values: Values::Floats(values.iter().map(|&v| v.into()).collect()),
        }
    } else if let Some(value) = attributes.optional_int("value_int") {
        Tensor { shape: vec![], values: Values::Integers(vec![value]) }
    } else if let Some(value) = attributes.optional_float("value_float") {
        Tensor { shape: vec![], values: Values::Floats(vec![value]) }
    } else {
        return Err("only constants of real numbers and integers are supported".into());
    };
    Ok(vec![importer.constant(tensor)])
}

/// Shape, with `start` and `end`.
pub(super) fn shape(_: &mut Importer, call: &Call) -> Results {
    let entries: Vec<Entry> = match call.required(0)? {
        Value::Data { dims, .. } => dims.into_iter().map(Entry::from).collect(),
        Value::Integers { shape, .. } => shape.into_iter().map(|d| Entry::known(d as i64)).collect(),
        Value::Failed => return Err("depends on a node that failed".into()),
    };
    let rank = entries.len() as i64;
    let bound = |name, default| {
        let at = call.attributes.int(name, default);
        (if at < 0 { at.saturating_add(rank) } else { at }).clamp(0, rank) as usize
    };
    let (start, end) = (bound("start", 0), bound("end", rank));
    let entries = entries.get(start..end).unwrap_or(&[]).to_vec();
    Ok(vec![Value::Integers { shape: vec![entries.len()], entries }])
}

/// Gather of shape entries.
pub(super) fn gather(_: &mut Importer, call: &Call) -> Results {
    let (Value::Integers { shape, entries }, Value::Integers { shape: picked, entries: indices }) =
        (call.required(0)?, call.required(1)?)
    else {
        return Err("Gather is supported on shapes only".into());
    };
    if shape.len() != 1 {
        return Err("Gather is supported on lists only".into());
    }
    let indices = known(Value::Integers { shape: picked.clone(), entries: indices })?;
    let entries =
        indices.into_iter().map(|i| Ok(entries[axis(i, entries.len())?])).collect::<Result<_, String>>()?;
    Ok(vec![Value::Integers { shape: picked, entries }])
}

/// Reshape.
pub(super) fn reshape(importer: &mut Importer, call: &Call) -> Results {
    let Value::Integers { entries: target, .. } = call.required(1)? else {
        return Err("the shape is not constant".into());
    };
    let copy_zero = call.attributes.int("allowzero", 0) == 0;
    match call.required(0)? {
        Value::Integers { shape, entries } => {
            let from: Vec<Dim> = shape.into_iter().map(Dim::fixed).collect();
            let shape = per_sample(&super::dims::reshape(&from, &target, copy_zero)?);
            Ok(vec![Value::Integers { shape, entries }])
        }
        value => {
            let (x, from) = importer.data(value)?;
            let dims = super::dims::reshape(&from, &target, copy_zero)?;
            reshaped(importer, x, dims)
        }
    }
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
    let value = call.required(0)?;
    let rank = |value: &Value| match value {
        Value::Data { dims, .. } => dims.len(),
        Value::Integers { shape, .. } => shape.len(),
        Value::Failed => 0,
    };
    let added = match (call.attributes.ints("axes"), call.optional(1)) {
        (Some(axes), _) => axes.len(),
        (None, Some(Value::Integers { entries, .. })) => entries.len(),
        _ => return Err("the axes are not constant".into()),
    };
    let axes = axes_argument(call, rank(&value) + added)?.unwrap_or_default();
    match value {
        Value::Integers { mut shape, entries } => {
            axes.into_iter().for_each(|axis| shape.insert(axis, 1));
            Ok(vec![Value::Integers { shape, entries }])
        }
        value => {
            let (x, mut dims) = importer.data(value)?;
            axes.into_iter().for_each(|axis| dims.insert(axis, Dim::fixed(1)));
            reshaped(importer, x, dims)
        }
    }
}

/// Squeeze.
pub(super) fn squeeze(importer: &mut Importer, call: &Call) -> Results {
    let keep = |length_one: &[bool], axes: Option<Vec<usize>>| -> Result<Vec<usize>, String> {
        let dropped = axes.unwrap_or_else(|| (0..length_one.len()).filter(|&i| length_one[i]).collect());
        if dropped.iter().any(|&i| !length_one[i]) {
            return Err("drops an axis whose length is not 1".into());
        }
        Ok((0..length_one.len()).filter(|i| !dropped.contains(i)).collect())
    };
    match call.required(0)? {
        Value::Integers { shape, entries } => {
            let ones: Vec<bool> = shape.iter().map(|&d| d == 1).collect();
            let kept = keep(&ones, axes_argument(call, shape.len())?)?;
            Ok(vec![Value::Integers { shape: kept.into_iter().map(|i| shape[i]).collect(), entries }])
        }
        value => {
            let (x, dims) = importer.data(value)?;
            let ones: Vec<bool> = dims.iter().map(|d| *d == Dim::fixed(1)).collect();
            let kept = keep(&ones, axes_argument(call, dims.len())?)?;
            reshaped(importer, x, kept.into_iter().map(|i| dims[i]).collect())
        }
    }
}

/// Transposes, with the symbolic shape.
pub(super) fn transposed(
    importer: &mut Importer,
    node: NodeId,
    dims: &[Dim],
    perm: &[usize],
) -> Result<(NodeId, Vec<Dim>), String> {
    let node = importer.emit(Op::Transpose(perm.to_vec()), &[node])?;
    Ok((node, perm.iter().map(|&axis| dims[axis]).collect()))
}

/// Transpose.
pub(super) fn transpose(importer: &mut Importer, call: &Call) -> Results {
    let (x, dims) = importer.data(call.required(0)?)?;
    let perm = match call.attributes.ints("perm") {
        Some(perm) => perm.iter().map(|&p| axis(p, dims.len())).collect::<Result<Vec<_>, _>>()?,
        None => (0..dims.len()).rev().collect(),
    };
    let (node, dims) = transposed(importer, x, &dims, &perm)?;
    Ok(data(node, dims))
}

/// Expand. A value that does not depend on the sample may be repeated over the batch.
pub(super) fn expand(importer: &mut Importer, call: &Call) -> Results {
    let (x, dims) = importer.data(call.required(0)?)?;
    let Value::Integers { entries, .. } = call.required(1)? else {
        return Err("the shape is not constant".into());
    };
    let target: Vec<Dim> = entries
        .iter()
        .map(|e| match usize::try_from(e.factor) {
            Ok(per_sample) => Ok(Dim { per_sample, batch: e.batch }),
            Err(_) => Err(format!("invalid length {}", e.factor)),
        })
        .collect::<Result<_, _>>()?;
    let dims = broadcast(&dims, &target)?;
    Ok(data(importer.emit(Op::Expand(per_sample(&dims)), &[x])?, dims))
}

/// Concat.
pub(super) fn concat(importer: &mut Importer, call: &Call) -> Results {
    let parts: Vec<Value> = (0..call.arguments.len()).map(|i| call.required(i)).collect::<Result<_, _>>()?;
    if parts.iter().all(|p| matches!(p, Value::Integers { shape, .. } if shape.len() == 1)) {
        let lists = parts.into_iter().map(|p| match p {
            Value::Integers { entries, .. } => entries,
            _ => vec![],
        });
        let entries: Vec<Entry> = lists.flatten().collect();
        return Ok(vec![Value::Integers { shape: vec![entries.len()], entries }]);
    }
    let parts = parts.into_iter().map(|p| importer.data(p)).collect::<Result<Vec<_>, _>>()?;
    let mut dims = parts.first().ok_or("has no arguments")?.1.clone();
    let along = axis(call.attributes.int("axis", 0), dims.len())?;
    for (_, other) in &parts[1..] {
        let same = |i: usize| i == along || dims[i] == other[i];
        if other.len() != dims.len() || !(0..dims.len()).all(same) {
            return Err(format!("{} does not fit to {} along axis {along}", show(other), show(&dims)));
        }
        dims[along].per_sample = dims[along].per_sample.saturating_add(other[along].per_sample);
        dims[along].batch |= other[along].batch;
    }
    if parts.len() > 1 {
        not_along_batch(&dims, along)?;
    }
    let nodes: Vec<NodeId> = parts.iter().map(|(node, _)| *node).collect();
    Ok(data(importer.emit(Op::Concat(along), &nodes)?, one_batch_axis(dims)?))
}

/// Slice.
pub(super) fn slice(importer: &mut Importer, call: &Call) -> Results {
    let list = |i: usize| call.optional(i).map(known).transpose();
    let (starts, ends) = (known(call.required(1)?)?, known(call.required(2)?)?);
    let rank = match call.required(0)? {
        Value::Integers { shape, .. } => shape.len(),
        value => importer.data(value)?.1.len(),
    };
    let axes = list(3)?.unwrap_or_else(|| (0..starts.len() as i64).collect());
    let steps = list(4)?.unwrap_or_else(|| vec![1; starts.len()]);
    if [ends.len(), axes.len(), steps.len()].iter().any(|&n| n != starts.len()) {
        return Err("starts, ends, axes and steps differ in length".into());
    }
    if let Value::Integers { shape, entries } = call.required(0)? {
        let [length] = shape[..] else { return Err("Slice of integers is supported on lists only".into()) };
        let mut picked = entries;
        for i in 0..starts.len() {
            let span = span(0, length.min(picked.len()), starts[i], ends[i], steps[i])?;
            picked = (0..span.len).map(|j| picked[span.position(j)]).collect();
        }
        return Ok(vec![Value::Integers { shape: vec![picked.len()], entries: picked }]);
    }
    let (mut node, mut dims) = importer.data(call.required(0)?)?;
    for i in 0..starts.len() {
        let along = axis(axes[i], rank)?;
        let span = span(along, dims[along].per_sample, starts[i], ends[i], steps[i])?;
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
    let lengths: Vec<usize> = match call.optional(1) {
        Some(lengths) => known(lengths)?
            .into_iter()
            .map(|n| usize::try_from(n).map_err(|_| format!("invalid length {n}")))
            .collect::<Result<_, _>>()?,
        None => {
            let parts = call.outputs.max(1);
            let chunk = total.div_ceil(parts);
            (0..parts).map(|i| chunk.min(total.saturating_sub(i * chunk))).collect()
        }
    };
    let sum = lengths.iter().try_fold(0usize, |n, &l| n.checked_add(l));
    if lengths.len() != call.outputs || sum != Some(total) {
        return Err(format!("lengths {lengths:?} for {} results along {total}", call.outputs));
    }
    let mut start = 0;
    let mut results = Vec::with_capacity(lengths.len());
    for len in lengths {
        let node = importer.emit(Op::Slice(Span { axis: along, start, len, step: 1 }), &[x])?;
        let mut part = dims.clone();
        part[along] = Dim::fixed(len);
        results.push(Value::Data { node, dims: part });
        start += len;
    }
    Ok(results)
}
