//! Operators that pick or place elements by position, and rearrangements of blocks.

use super::dims::{Dim, batch_axis, one_batch_axis, per_sample, show};
use super::entry::Entry;
use super::import::{Importer, Value};
use super::lookup;
use super::operators::Call;
use super::shaping::{axis, known};
use super::terms::Real;
use crate::ir::elements;
use std::collections::BTreeMap;
use std::sync::Arc;

type Outcome = Result<Real, String>;
type Results = Result<Vec<Value>, String>;

/// Positions that an operator is given.
struct Indices {
    value: Real,
    /// Row-major, the same for every sample; `None` where they depend on an input.
    known: Option<Arc<[f64]>>,
}

impl Indices {
    fn of(importer: &mut Importer, value: Value) -> Result<Indices, String> {
        let value = importer.real(value)?;
        let known = importer.known(value.node).cloned();
        Ok(Indices { value, known })
    }

    fn known(&self) -> Result<&[f64], String> {
        self.known.as_deref().ok_or_else(|| "the indices are not known".into())
    }
}

/// A position counted from the end where negative.
fn position(index: f64, length: usize) -> Result<usize, String> {
    axis(index as i64, length).map_err(|_| format!("index {index} lies outside of 0 … {length}"))
}

/// Gather.
pub(super) fn gather(importer: &mut Importer, call: &Call) -> Results {
    let x = importer.real(call.required(0)?)?;
    let indices = Indices::of(importer, call.required(1)?)?;
    let along = axis(call.attributes.int("axis", 0), x.rank())?;
    let length = x.length(along)?;
    let dims = [&x.dims[..along], &indices.value.dims, &x.dims[along + 1..]].concat();
    let dims = one_batch_axis(dims)?;
    let Some(known) = &indices.known else {
        return Ok(vec![lookup::rows(importer, &x, along, &indices.value)?.into()]);
    };
    let positions = known.iter().map(|&i| position(i, length)).collect::<Result<Vec<_>, _>>()?;
    let gathered = importer.gathered(&x, along, &positions)?;
    // The batch of the indices, if they have one, has no part in the gathered axis yet.
    Ok(vec![importer.reinterpreted(&gathered, dims)?.into()])
}

/// All elements of a sample in one axis, the batch in the axis before.
struct Flat {
    value: Real,
    /// Lengths per sample.
    shape: Vec<usize>,
}

fn flat(importer: &mut Importer, x: &Real) -> Result<Flat, String> {
    let shape = per_sample(&x.dims);
    let front = batch_axis(&x.dims);
    if front.is_some_and(|axis| shape[axis] != 1) {
        return Err(format!("picks elements of {}, where the batch is joined with an axis", show(&x.dims)));
    }
    let others = (0..x.rank()).filter(|&i| Some(i) != front);
    let order: Vec<usize> = front.into_iter().chain(others).collect();
    let moved = importer.permuted(x, &order)?;
    let lead = front.map_or(Dim::fixed(1), |axis| x.dims[axis]);
    let value = importer.reshaped(&moved, vec![lead, Dim::fixed(elements(&shape))])?;
    Ok(Flat { value, shape })
}

/// The reverse of [`flat`], to a shape with the batch where `dims` has it.
fn unflat(importer: &mut Importer, value: &Real, dims: &[Dim]) -> Outcome {
    let lead = batch_axis(dims);
    let value = match lead {
        Some(axis) => importer.expanded(value, &[dims[axis], Dim::fixed(1)])?,
        None => value.clone(),
    };
    let others: Vec<usize> = (0..dims.len()).filter(|&i| Some(i) != lead).collect();
    let order: Vec<usize> = lead.into_iter().chain(others).collect();
    let value = importer.reshaped(&value, order.iter().map(|&i| dims[i]).collect())?;
    let mut perm = vec![0; order.len()];
    order.iter().enumerate().for_each(|(i, &axis)| perm[axis] = i);
    importer.permuted(&value, &perm)
}

/// Row-major position of an index.
fn offset(shape: &[usize], index: &[usize]) -> usize {
    shape.iter().zip(index).fold(0, |at, (n, i)| at * n + i)
}

/// The index of a row-major position.
fn index_of(shape: &[usize], mut at: usize) -> Vec<usize> {
    let mut index = vec![0; shape.len()];
    for (i, &n) in shape.iter().enumerate().rev() {
        index[i] = at % n;
        at /= n;
    }
    index
}

/// GatherElements, and positions for ScatterElements: along an axis, at every other index the same.
fn element_positions(shape: &[usize], along: usize, indices: &Indices) -> Result<Vec<usize>, String> {
    let listed = per_sample(&indices.value.dims);
    let known = indices.known()?;
    let fits = listed.len() == shape.len() && (0..shape.len()).all(|i| i == along || listed[i] <= shape[i]);
    if !fits {
        return Err(format!("indices of shape {listed:?} for data of shape {shape:?}"));
    }
    let place = |(at, &i): (usize, &f64)| {
        let mut index = index_of(&listed, at);
        index[along] = position(i, shape[along])?;
        Ok(offset(shape, &index))
    };
    known.iter().enumerate().map(place).collect()
}

/// GatherElements.
pub(super) fn gather_elements(importer: &mut Importer, call: &Call) -> Results {
    let x = importer.real(call.required(0)?)?;
    let indices = Indices::of(importer, call.required(1)?)?;
    let along = axis(call.attributes.int("axis", 0), x.rank())?;
    x.length(along)?;
    let same_batch = |i: usize| i == along || x.dims[i].batch == indices.value.dims[i].batch;
    if indices.value.rank() != x.rank() || !(0..x.rank()).all(same_batch) {
        return Err(format!("indices {} for data {}", show(&indices.value.dims), show(&x.dims)));
    }
    if indices.known.is_none() {
        return Ok(vec![lookup::elements(importer, &x, along, &indices.value)?.into()]);
    }
    let data = flat(importer, &x)?;
    let positions = element_positions(&data.shape, along, &indices)?;
    let gathered = importer.gathered(&data.value, 1, &positions)?;
    Ok(vec![unflat(importer, &gathered, &indices.value.dims)?.into()])
}

/// Tuples of positions in the last axis of some indices: where the slices that they name start and how long they are.
struct Slices {
    starts: Vec<usize>,
    length: usize,
}

fn slices(shape: &[usize], batch_dims: usize, indices: &Indices) -> Result<Slices, String> {
    let listed = per_sample(&indices.value.dims);
    let known = indices.known()?;
    let depth = *listed.last().ok_or("the indices have no axis")?;
    let end = batch_dims.checked_add(depth).filter(|&end| depth > 0 && end <= shape.len());
    let end = end.ok_or_else(|| format!("tuples of {depth} positions for data of shape {shape:?}"))?;
    if batch_dims >= listed.len() || listed[..batch_dims] != shape[..batch_dims] {
        return Err(format!("indices of shape {listed:?} for data of shape {shape:?}"));
    }
    let length = elements(&shape[end..]);
    let start = |(tuple, positions): (usize, &[f64])| {
        let mut index = index_of(&listed[..listed.len() - 1], tuple);
        index.truncate(batch_dims);
        for (&i, &n) in positions.iter().zip(&shape[batch_dims..end]) {
            index.push(position(i, n)?);
        }
        Ok(offset(&shape[..end], &index) * length)
    };
    let starts = known.chunks(depth).enumerate().map(start).collect::<Result<_, String>>()?;
    Ok(Slices { starts, length })
}

impl Slices {
    fn positions(&self, importer: &mut Importer) -> Result<Vec<usize>, String> {
        importer.within_limit(elements(&[self.starts.len(), self.length]))?;
        Ok(self.starts.iter().flat_map(|&start| start..start + self.length).collect())
    }
}

/// GatherND of known positions, or of positions in the first axis that depend on the time.
pub(super) fn gather_nd(importer: &mut Importer, call: &Call) -> Results {
    let x = importer.real(call.required(0)?)?;
    let indices = Indices::of(importer, call.required(1)?)?;
    let batch_dims = usize::try_from(call.attributes.int("batch_dims", 0)).unwrap_or(usize::MAX);
    if let (None, 0, Some((&Dim { per_sample: 1, .. }, tuples))) =
        (&indices.known, batch_dims, indices.value.dims.split_last())
    {
        let positions = importer.reshaped(&indices.value, tuples.to_vec())?;
        return Ok(vec![lookup::rows(importer, &x, 0, &positions)?.into()]);
    }
    let data = flat(importer, &x)?;
    let slices = slices(&data.shape, batch_dims, &indices)?;
    let end = batch_dims + indices.value.dims.last().map_or(0, |d| d.per_sample);
    (batch_dims..end).try_for_each(|i| x.length(i).map(|_| ()))?;
    if x.dims[..batch_dims] != indices.value.dims[..batch_dims] {
        return Err("indices and data differ in the axes that they share".into());
    }
    let dims = [&indices.value.dims[..indices.value.rank() - 1], &x.dims[end..]].concat();
    let positions = slices.positions(importer)?;
    let gathered = importer.gathered(&data.value, 1, &positions)?;
    Ok(vec![unflat(importer, &gathered, &one_batch_axis(dims)?)?.into()])
}

/// ScatterND and ScatterElements at known positions.
pub(super) fn scatter(importer: &mut Importer, call: &Call) -> Results {
    let (x, updates) = (importer.real(call.required(0)?)?, importer.real(call.required(2)?)?);
    let indices = Indices::of(importer, call.required(1)?)?;
    let shape = per_sample(&x.dims);
    let positions = if call.operator() == "ScatterND" {
        let depth = indices.value.dims.last().map_or(0, |d| d.per_sample);
        (0..depth.min(x.rank())).try_for_each(|i| x.length(i).map(|_| ()))?;
        slices(&shape, 0, &indices)?.positions(importer)?
    } else {
        let along = axis(call.attributes.int("axis", 0), x.rank())?;
        x.length(along)?;
        element_positions(&shape, along, &indices)?
    };
    if elements(&per_sample(&updates.dims)) != positions.len() {
        return Err(format!("updates {} for {} positions", show(&updates.dims), positions.len()));
    }
    let batch = [&x.dims, &updates.dims].into_iter().find_map(|dims| batch_axis(dims).map(|i| dims[i]));
    let dims = match (batch_axis(&x.dims), batch) {
        (None, Some(_)) => return Err("places what depends on the sample into what does not".into()),
        _ => x.dims.clone(),
    };
    let (data, updates) = (flat(importer, &x)?, flat(importer, &updates)?);
    let placed = placed(importer, &data, &updates, &positions, call.attributes.text("reduction", "none")?)?;
    Ok(vec![unflat(importer, &placed, &dims)?.into()])
}

/// Data with updates placed into it, or added to it.
fn placed(
    importer: &mut Importer,
    data: &Flat,
    updates: &Flat,
    positions: &[usize],
    reduction: &str,
) -> Outcome {
    let size = elements(&data.shape);
    match reduction {
        "none" => {
            // Of several updates of one position the last one counts.
            let last: BTreeMap<usize, usize> = positions.iter().enumerate().map(|(i, &p)| (p, i)).collect();
            let (targets, sources): (Vec<usize>, Vec<usize>) = last.into_iter().unzip();
            let kept = importer.gathered(&updates.value, 1, &sources)?;
            let placed = importer.scattered(&kept, 1, &targets, size)?;
            importer.within_limit(size)?;
            let mut covered = vec![0.0; size];
            targets.iter().for_each(|&t| covered[t] = 1.0);
            let covered = importer.numbers(&[1, size], covered)?;
            importer.select(&covered, &placed, &data.value)
        }
        "add" => {
            let sums = importer.scattered(&updates.value, 1, positions, size)?;
            importer.add(&data.value, &sums)
        }
        other => Err(format!("the reduction {other:?} is not supported (none and add are)")),
    }
}

/// Trilu: the part of matrices on one side of a diagonal, 0 elsewhere.
pub(super) fn triangle(importer: &mut Importer, call: &Call) -> Results {
    let x = importer.real(call.required(0)?)?;
    let diagonal = match call.optional(1) {
        Some(k) => *known(k)?.first().ok_or("the diagonal is no number")?,
        None => 0,
    };
    let first = x.rank().checked_sub(2).ok_or("needs two axes")?;
    let (rows, columns) = (x.length(first)?, x.length(first + 1)?);
    let upper = call.attributes.int("upper", 1) != 0;
    let count = elements(&[rows, columns]);
    importer.within_limit(count)?;
    let distance = |at: usize| (at % columns) as i64 - (at / columns) as i64;
    let inside = |at: usize| if upper { distance(at) >= diagonal } else { distance(at) <= diagonal };
    let mask = importer.numbers(&[rows, columns], (0..count).map(|at| f64::from(inside(at))).collect())?;
    let zero = importer.number(0.0);
    Ok(vec![importer.select(&mask, &x, &zero)?.into()])
}

/// Tile. What does not depend on the sample may be repeated over the batch.
pub(super) fn tile(importer: &mut Importer, call: &Call) -> Results {
    let mut x = importer.real(call.required(0)?)?;
    let Value::Integers { entries: repeats, .. } = call.required(1)? else {
        return Err("the repetitions are not known".into());
    };
    if repeats.len() != x.rank() {
        return Err(format!("{} repetitions for {} axes", repeats.len(), x.rank()));
    }
    for (along, count) in repeats.into_iter().enumerate().filter(|(_, count)| *count != Entry::known(1)) {
        let length = x.length(along)?;
        let copies = usize::try_from(count.factor).map_err(|_| format!("{count} repetitions"))?;
        let mut dims = x.dims.clone();
        dims.insert(along, Dim::fixed(1));
        let single = importer.reshaped(&x, dims.clone())?;
        dims[along] = Dim::new(copies, count.batch);
        let many = importer.expanded(&single, &one_batch_axis(dims.clone())?)?;
        dims.splice(along..along + 2, [Dim::new(copies.saturating_mul(length), count.batch)]);
        x = importer.reshaped(&many, dims)?;
    }
    Ok(vec![x.into()])
}

/// DepthToSpace and SpaceToDepth for images.
pub(super) fn blocks(importer: &mut Importer, call: &Call) -> Results {
    let x = importer.real(call.required(0)?)?;
    let block = usize::try_from(call.attributes.int("blocksize", 0)).ok().filter(|&b| b > 0);
    let block = block.ok_or("attribute blocksize is not positive")?;
    let [batch, ..] = x.dims[..] else { return Err("needs four axes".into()) };
    if x.rank() != 4 {
        return Err(format!("needs four axes, got {}", show(&x.dims)));
    }
    let [channels, height, width] = [x.length(1)?, x.length(2)?, x.length(3)?];
    let (split, perm, joined) = if call.operator() == "SpaceToDepth" {
        let split = [channels, height / block, block, width / block, block];
        let area = block.saturating_mul(block);
        (split, [0, 3, 5, 1, 2, 4], [channels.saturating_mul(area), height / block, width / block])
    } else {
        let parts = channels / block.saturating_mul(block).max(1);
        let joined = [parts, height.saturating_mul(block), width.saturating_mul(block)];
        match call.attributes.text("mode", "DCR")? {
            "DCR" => ([block, block, parts, height, width], [0, 3, 4, 1, 5, 2], joined),
            "CRD" => ([parts, block, block, height, width], [0, 1, 4, 2, 5, 3], joined),
            other => return Err(format!("unknown mode {other:?}")),
        }
    };
    let with_batch = |lengths: &[usize]| {
        [batch].into_iter().chain(lengths.iter().map(|&n| Dim::fixed(n))).collect::<Vec<_>>()
    };
    let split = importer.reshaped(&x, with_batch(&split))?;
    let moved = importer.permuted(&split, &perm)?;
    Ok(vec![importer.reshaped(&moved, with_batch(&joined))?.into()])
}
