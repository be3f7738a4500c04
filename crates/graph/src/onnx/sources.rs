//! Operators that make values: constants, shapes and ranges.

use super::dims::{not_along_batch, one_batch_axis, per_sample};
use super::entry::Entry;
use super::import::{Importer, MOST_FOLDED, Value};
use super::operators::Call;
use super::shaping::{known, lengths};
use super::tensor::{Tensor, Values};
use crate::ir::{Op, elements};

type Results = Result<Vec<Value>, String>;

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
        Value::Sequence(_) | Value::Failed => return Err("has no shape".into()),
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

/// Size: the number of elements.
pub(super) fn size(importer: &mut Importer, call: &Call) -> Results {
    let lengths = shape(importer, call)?;
    let [Value::Integers { entries, .. }] = &lengths[..] else { return Err("has no shape".into()) };
    let size = entries.iter().try_fold(Entry::known(1), |n, &e| n.times(e)).ok_or("its size overflows")?;
    Ok(vec![Value::Integers { shape: vec![], entries: vec![size] }])
}

/// ConstantOfShape.
pub(super) fn constant_of_shape(importer: &mut Importer, call: &Call) -> Results {
    let dims = lengths(call.required(0)?)?;
    let element = match call.attributes.tensor("value") {
        Some(tensor) => importer.load(tensor)?,
        None => importer.constant(Tensor { shape: vec![1], values: Values::Floats(vec![0.0]) }),
    };
    let count = elements(&per_sample(&dims));
    match element {
        Value::Integers { entries, .. } if count <= MOST_FOLDED && dims.iter().all(|d| !d.batch) => {
            let [entry] = entries[..] else { return Err("needs one value".into()) };
            Ok(vec![Value::Integers { shape: per_sample(&dims), entries: vec![entry; count] }])
        }
        element => {
            let is_whole = matches!(element, Value::Integers { .. });
            let (node, one) = importer.data(element)?;
            if elements(&per_sample(&one)) != 1 {
                return Err("needs one value".into());
            }
            let node = importer.emit(Op::Reshape(vec![]), &[node])?;
            let node = importer.emit(Op::Expand(per_sample(&dims)), &[node])?;
            if is_whole {
                importer.whole.insert(node);
            }
            Ok(vec![Value::Data { node, dims: one_batch_axis(dims)? }])
        }
    }
}

/// EyeLike: ones on a diagonal of a matrix of zeros.
pub(super) fn eye_like(importer: &mut Importer, call: &Call) -> Results {
    let shape = match call.required(0)? {
        Value::Data { dims, .. } => {
            (0..dims.len()).try_for_each(|axis| not_along_batch(&dims, axis))?;
            per_sample(&dims)
        }
        Value::Integers { shape, .. } => shape,
        Value::Sequence(_) | Value::Failed => return Err("has no shape".into()),
    };
    let [rows, columns] = shape[..] else { return Err(format!("needs two axes, got {}", shape.len())) };
    importer.within_limit(elements(&shape))?;
    let diagonal = call.attributes.int("k", 0);
    let entry = |at: usize| f64::from((at % columns) as i64 - (at / columns) as i64 == diagonal);
    let values = Values::Floats((0..rows * columns).map(entry).collect());
    Ok(vec![importer.constant(Tensor { shape, values })])
}

/// Range of integers, or of real numbers known now.
pub(super) fn range(importer: &mut Importer, call: &Call) -> Results {
    let bounds: Vec<Value> = (0..3).map(|i| call.required(i)).collect::<Result<_, _>>()?;
    if bounds.iter().all(|b| matches!(b, Value::Integers { .. })) {
        let bounds: Vec<i64> = bounds.into_iter().map(known).collect::<Result<Vec<_>, _>>()?.concat();
        let [start, limit, delta] = bounds[..] else { return Err("needs three numbers".into()) };
        let distance = i128::from(limit) - i128::from(start);
        let count = range_length(distance as f64 / delta as f64)?;
        let entries = (0..count as i64).map(|i| Entry::known(start.saturating_add(i.saturating_mul(delta))));
        return Ok(vec![Value::Integers { shape: vec![count], entries: entries.collect() }]);
    }
    let mut numbers = Vec::with_capacity(3);
    for bound in bounds {
        let (node, _) = importer.data(bound)?;
        numbers.extend(importer.graph.uniform_value(node));
    }
    let [start, limit, delta] = numbers[..] else { return Err("its bounds are not constant".into()) };
    let count = range_length((limit - start) / delta)?;
    let values = Values::Floats((0..count).map(|i| start + i as f64 * delta).collect());
    Ok(vec![importer.constant(Tensor { shape: vec![count], values })])
}

/// Number of steps that a distance of so many steps begins.
fn range_length(steps: f64) -> Result<usize, String> {
    let count = steps.ceil().max(0.0);
    if count.is_nan() || count > MOST_FOLDED as f64 {
        return Err(format!("makes {steps} numbers, more than {MOST_FOLDED}"));
    }
    Ok(count as usize)
}
