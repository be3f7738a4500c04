//! Sequences of tensors, which splitting leaves behind where an exporter does not simplify.

use super::dims::{Dim, not_along_batch};
use super::import::{Importer, Value};
use super::operators::Call;
use super::shaping::{axis, concat_values, known, parts, reshaped};

type Results = Result<Vec<Value>, String>;

fn items(call: &Call, i: usize) -> Result<Vec<Value>, String> {
    match call.required(i)? {
        Value::Sequence(items) => Ok(items),
        _ => Err(format!("argument {i} is no sequence")),
    }
}

/// An argument that is no sequence: they are not nested.
fn tensor(call: &Call, i: usize) -> Result<Value, String> {
    match call.required(i)? {
        Value::Sequence(_) => Err("sequences of sequences are not supported".into()),
        tensor => Ok(tensor),
    }
}

/// SequenceConstruct, SequenceEmpty.
pub(super) fn construct(_: &mut Importer, call: &Call) -> Results {
    let items = (0..call.arguments.len()).map(|i| tensor(call, i)).collect::<Result<_, _>>()?;
    Ok(vec![Value::Sequence(items)])
}

/// A place in a sequence, counted from the end where negative.
fn place(value: Value, length: usize) -> Result<usize, String> {
    let [at] = known(value)?[..] else { return Err("needs one position".into()) };
    axis(at, length).map_err(|_| format!("position {at} does not exist among {length}"))
}

/// SequenceAt.
pub(super) fn at(_: &mut Importer, call: &Call) -> Results {
    let items = items(call, 0)?;
    let at = place(call.required(1)?, items.len())?;
    Ok(vec![items[at].clone()])
}

/// SequenceInsert, at the end where no place is given.
pub(super) fn insert(_: &mut Importer, call: &Call) -> Results {
    let mut items = items(call, 0)?;
    let at = call.optional(2).map(|at| place(at, items.len() + 1)).transpose()?;
    items.insert(at.unwrap_or(items.len()), tensor(call, 1)?);
    Ok(vec![Value::Sequence(items)])
}

/// SplitToSequence: parts of one length, of listed lengths, or of length 1.
pub(super) fn split(importer: &mut Importer, call: &Call) -> Results {
    let (x, dims) = importer.data(call.required(0)?)?;
    let along = axis(call.attributes.int("axis", 0), dims.len())?;
    not_along_batch(&dims, along)?;
    let total = dims[along].per_sample;
    let single = call.optional(1).is_none();
    let lengths: Vec<i64> = match call.optional(1) {
        None => vec![1; total],
        Some(Value::Integers { shape, entries }) if shape.is_empty() => {
            let chunk = entries.first().and_then(|e| e.number()).and_then(|n| usize::try_from(n).ok());
            let chunk = chunk.filter(|&n| n > 0).ok_or("needs a positive length")?;
            (0..total).step_by(chunk).map(|start| chunk.min(total - start) as i64).collect()
        }
        Some(lengths) => known(lengths)?,
    };
    let mut items = parts(importer, x, &dims, along, &lengths)?;
    if single && call.attributes.int("keepdims", 1) == 0 {
        for item in &mut items {
            let (node, mut dims) = importer.data(item.clone())?;
            dims.remove(along);
            *item = reshaped(importer, node, dims)?.remove(0);
        }
    }
    Ok(vec![Value::Sequence(items)])
}

/// ConcatFromSequence, with or without a new axis.
pub(super) fn concat(importer: &mut Importer, call: &Call) -> Results {
    let mut items = items(call, 0)?;
    let given = call.attributes.optional_int("axis").ok_or("has no axis")?;
    if call.attributes.int("new_axis", 0) != 0 {
        for item in &mut items {
            let (node, mut dims) = importer.data(item.clone())?;
            dims.insert(axis(given, dims.len() + 1)?, Dim::fixed(1));
            *item = reshaped(importer, node, dims)?.remove(0);
        }
    }
    concat_values(importer, items, given)
}
