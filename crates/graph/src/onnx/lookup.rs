//! Positions that depend on an input: products with unit vectors.

use super::dims::{Dim, batch_axis, per_sample, show};
use super::import::{Importer, Value};
use super::operators::Call;
use super::shaping::{axis, known};
use super::terms::Real;
use crate::ir::{self, Comparison, Span};

type Outcome = Result<Real, String>;
type Results = Result<Vec<Value>, String>;

/// 1 where a position is the one in the last axis, 0 elsewhere; positions may be counted from the end.
fn unit_vectors(importer: &mut Importer, indices: &Real, length: usize) -> Outcome {
    let zero = importer.number(0.0);
    let from_end = importer.compare(indices, Comparison::Less, &zero)?;
    let wrapped = importer.add_number(indices, length as f64)?;
    let indices = importer.select(&from_end, &wrapped, indices)?;
    let deep = [&indices.dims[..], &[Dim::fixed(1)]].concat();
    let indices = importer.reshaped(&indices, deep)?;
    importer.within_limit(length)?;
    let all = importer.numbers(&[length], (0..length).map(|i| i as f64).collect())?;
    importer.compare(&indices, Comparison::Equal, &all)
}

/// OneHot: a new axis of known length with the second value at the position, the first elsewhere.
pub(super) fn one_hot(importer: &mut Importer, call: &Call) -> Results {
    let indices = importer.real(call.required(0)?)?;
    let depth = match call.required(1)? {
        Value::Integers { .. } => known(call.required(1)?)?.first().copied(),
        other => {
            importer.real(other).map(|depth| importer.graph.uniform_value(depth.node).map(|n| n as i64))?
        }
    };
    let depth =
        depth.and_then(|depth| usize::try_from(depth).ok()).ok_or("the depth is not a known length")?;
    let values = importer.real(call.required(2)?)?;
    if values.dims != [Dim::fixed(2)] {
        return Err(format!("values of shape {}, not [2]", show(&values.dims)));
    }
    let rank = indices.rank();
    let along = axis(call.attributes.int("axis", -1), rank + 1)?;
    let hot = unit_vectors(importer, &indices, depth)?;
    let [off, on] = [0, 1].map(|start| importer.sliced(&values, Span { axis: 0, start, len: 1, step: 1 }));
    let chosen = importer.select(&hot, &on?, &off?)?;
    let order: Vec<usize> = (0..along).chain([rank]).chain(along..rank).collect();
    Ok(vec![importer.permuted(&chosen, &order)?.into()])
}

/// Rows of a table by positions that depend on an input: products with unit vectors, NaN outside of the table.
pub(super) fn rows(importer: &mut Importer, x: &Real, along: usize, indices: &Real) -> Outcome {
    let length = x.length(along)?;
    let hot = unit_vectors(importer, indices, length)?;
    let depth = hot.rank() - 1;
    let others: Vec<usize> = (0..x.rank()).filter(|&i| i != along).collect();
    let table = importer.permuted(x, &[&[along][..], &others].concat())?;
    let rest = table.dims[1..].to_vec();
    let width = ir::elements(&per_sample(&rest));
    let table =
        importer.reshaped(&table, vec![Dim::fixed(length), Dim::new(width, batch_axis(&rest).is_some())])?;
    let row_count = ir::elements(&per_sample(&indices.dims));
    let rows = Dim::new(row_count, batch_axis(&indices.dims).is_some());
    let flat = importer.reshaped(&hot, vec![rows, Dim::fixed(length)])?;
    let found = importer.product(&flat, &table)?;
    let count = importer.sum(&hot, &[depth])?;
    let count = importer.reshaped(&count, vec![rows, Dim::fixed(1)])?;
    let outside = importer.number(f64::NAN);
    let found = importer.select(&count, &found, &outside)?;
    let found = importer.reshaped(&found, [&indices.dims[..], &rest].concat())?;
    let (before, after) = ((depth..depth + along), (depth + along..depth + rest.len()));
    importer.permuted(&found, &before.chain(0..depth).chain(after).collect::<Vec<_>>())
}

/// Elements by positions that depend on an input.
pub(super) fn elements(importer: &mut Importer, x: &Real, along: usize, indices: &Real) -> Outcome {
    if (0..x.rank()).any(|i| i != along && x.dims[i] != indices.dims[i]) {
        return Err("indices that are not known must cover all other axes".into());
    }
    let hot = unit_vectors(importer, indices, x.length(along)?)?;
    let mut dims = x.dims.clone();
    dims.insert(along, Dim::fixed(1));
    let rows = importer.reshaped(x, dims)?;
    // From […, 1, length, …] to […, 1, …, length].
    let order: Vec<usize> = (0..rows.rank()).filter(|&i| i != along + 1).chain([along + 1]).collect();
    let rows = importer.permuted(&rows, &order)?;
    let zero = importer.number(0.0);
    let picked = importer.select(&hot, &rows, &zero)?;
    let last = picked.rank() - 1;
    let sum = importer.sum(&picked, &[last])?;
    let count = importer.sum(&hot, &[last])?;
    let outside = importer.number(f64::NAN);
    let found = importer.select(&count, &sum, &outside)?;
    importer.reshaped(&found, indices.dims.clone())
}
