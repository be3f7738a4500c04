//! Attention and rotary embeddings.

use super::dims::{Dim, broadcast};
use super::import::{Importer, Value};
use super::operators::Call;
use super::reduce::softmax_along;
use super::terms::Real;
use crate::ir::{Comparison, Function, Op, Span, elements};

type Outcome = Result<Real, String>;
type Results = Result<Vec<Value>, String>;

/// A positive integer attribute; `None` where it is left out or 0.
fn count(call: &Call, name: &str) -> Result<Option<usize>, String> {
    match call.attributes.int(name, 0) {
        0 => Ok(None),
        n => usize::try_from(n).map(Some).map_err(|_| format!("attribute {name} is {n}")),
    }
}

/// [batch, length, heads · size] to [batch, heads, length, size]; tensors of four axes have that shape already.
fn by_heads(importer: &mut Importer, x: Real, heads: Option<usize>) -> Outcome {
    match (x.rank(), heads) {
        (4, None) => Ok(x),
        (4, Some(heads)) if x.dims[1] == Dim::fixed(heads) => Ok(x),
        (3, Some(heads)) => {
            let size = x.length(2)?;
            if size % heads != 0 {
                return Err(format!("{size} features for {heads} heads"));
            }
            let split = vec![x.dims[0], x.dims[1], Dim::fixed(heads), Dim::fixed(size / heads)];
            let split = importer.reshaped(&x, split)?;
            importer.permuted(&split, &[0, 2, 1, 3])
        }
        (rank, heads) => Err(format!("an argument of {rank} axes for {heads:?} heads")),
    }
}

/// [batch, heads, length, size] to [batch, length, heads · size].
fn joined_heads(importer: &mut Importer, x: &Real) -> Outcome {
    let width = elements(&[x.length(1)?, x.length(3)?]);
    let moved = importer.permuted(x, &[0, 2, 1, 3])?;
    importer.reshaped(&moved, vec![x.dims[0], x.dims[2], Dim::fixed(width)])
}

/// Every head as often as there are queries for it.
fn repeated_heads(importer: &mut Importer, x: Real, heads: usize) -> Outcome {
    let own = x.length(1)?;
    if own == heads {
        return Ok(x);
    }
    if own == 0 || !heads.is_multiple_of(own) {
        return Err(format!("{heads} heads of queries for {own} of keys"));
    }
    let mut dims = x.dims.clone();
    dims.insert(2, Dim::fixed(1));
    let deep = importer.reshaped(&x, dims.clone())?;
    dims[2] = Dim::fixed(heads / own);
    let many = importer.expanded(&deep, &dims)?;
    dims.splice(1..3, [Dim::fixed(heads)]);
    importer.reshaped(&many, dims)
}

/// Attention: softmax(Q Kᵀ · scale + mask) V, head by head.
pub(super) fn attention(importer: &mut Importer, call: &Call) -> Results {
    if call.outputs > 1 || (4..7).any(|i| call.optional(i).is_some()) {
        return Err("caches of past keys, lengths of padding and further outputs are not supported".into());
    }
    let query = importer.real(call.required(0)?)?;
    let flat = query.rank() == 3;
    let query = by_heads(importer, query, count(call, "q_num_heads")?)?;
    let heads = query.length(1)?;
    let of_keys = count(call, "kv_num_heads")?;
    let mut sides = Vec::with_capacity(2);
    for i in [1, 2] {
        let side = importer.real(call.required(i)?)?;
        let side = by_heads(importer, side, of_keys)?;
        sides.push(repeated_heads(importer, side, heads)?);
    }
    let [key, value] = &sides[..] else { return Err("needs keys and values".into()) };
    let size = query.length(3)? as f64;
    let scale = call.attributes.float("scale", 1.0 / size.sqrt());
    let transposed = importer.permuted(key, &[0, 1, 3, 2])?;
    let scores = importer.product(&query, &transposed)?;
    let scores = importer.times(&scores, scale)?;
    let scores = capped(importer, scores, call.attributes.float("softcap", 0.0))?;
    let weights = masked_softmax(importer, call, scores)?;
    let result = importer.product(&weights, value)?;
    Ok(vec![if flat { joined_heads(importer, &result)?.into() } else { result.into() }])
}

/// cap · tanh(x / cap).
fn capped(importer: &mut Importer, x: Real, cap: f64) -> Outcome {
    if cap <= 0.0 {
        return Ok(x);
    }
    let inner = importer.times(&x, 1.0 / cap)?;
    let bent = importer.map(Function::Tanh, &inner)?;
    importer.times(&bent, cap)
}

/// Softmax of the scores that mask and causality leave; 0 for queries that they leave nothing.
fn masked_softmax(importer: &mut Importer, call: &Call, scores: Real) -> Outcome {
    let (rows, columns) = (scores.length(2)?, scores.length(3)?);
    let lowest = importer.number(f64::NEG_INFINITY);
    let mut masked = scores.clone();
    if let Some(mask) = call.optional(3) {
        let is_truth = mask.node().is_none_or(|node| importer.whole.contains(&node));
        let mask = importer.real(mask)?;
        let last = mask.rank().checked_sub(1).ok_or("a mask without axes")?;
        let missing = columns.checked_sub(mask.length(last)?).ok_or("a mask longer than the keys")?;
        let beyond = if is_truth { importer.number(0.0) } else { lowest.clone() };
        let missing = if mask.dims[last] == Dim::fixed(1) { 0 } else { missing };
        let mask = importer.padded(&mask, last, [0, missing], &beyond)?;
        if broadcast(&scores.dims, &mask.dims)? != scores.dims {
            return Err("the mask does not fit to queries and keys".into());
        }
        masked = match is_truth {
            true => importer.select(&mask, &masked, &lowest)?,
            false => importer.add(&masked, &mask)?,
        };
    }
    if call.attributes.int("is_causal", 0) != 0 {
        let count = elements(&[rows, columns]);
        importer.within_limit(count)?;
        let past = (0..count).map(|at| f64::from(at % columns <= at / columns)).collect();
        let past = importer.numbers(&[rows, columns], past)?;
        masked = importer.select(&past, &masked, &lowest)?;
    }
    let weights = softmax_along(importer, &masked, 3)?;
    if masked.node == scores.node {
        return Ok(weights);
    }
    let largest = importer.max(&masked, &[3])?;
    let nothing = importer.compare(&largest, Comparison::Equal, &lowest)?;
    let zero = importer.number(0.0);
    importer.select(&nothing, &zero, &weights)
}

/// RotaryEmbedding: pairs of features turned by an angle that depends on the position.
pub(super) fn rotary(importer: &mut Importer, call: &Call) -> Results {
    let x = importer.real(call.required(0)?)?;
    let flat = x.rank() == 3;
    let x = by_heads(importer, x, count(call, "num_heads")?.filter(|_| flat))?;
    let size = x.length(3)?;
    let turned = count(call, "rotary_embedding_dim")?.unwrap_or(size);
    if turned > size || turned % 2 != 0 {
        return Err(format!("turns {turned} of {size} features"));
    }
    let mut caches = Vec::with_capacity(2);
    for i in [1, 2] {
        caches.push(cache(importer, call, i, &x, turned / 2)?);
    }
    let [cos, sin] = &caches[..] else { return Err("needs cosines and sines".into()) };
    let interleaved = call.attributes.int("interleaved", 0) != 0;
    let half = turned / 2;
    let spans = if interleaved { [(0, 2), (1, 2)] } else { [(0, 1), (half, 1)] };
    let [a, b] = spans.map(|(start, step)| importer.sliced(&x, Span { axis: 3, start, len: half, step }));
    let (a, b) = (a?, b?);
    let real = rotated(importer, [cos, &a], Op::Sub, [sin, &b])?;
    let imaginary = rotated(importer, [sin, &a], Op::Add, [cos, &b])?;
    let pairs = if interleaved {
        let deep = [&real.dims[..], &[Dim::fixed(1)]].concat();
        let (real, imaginary) =
            (importer.reshaped(&real, deep.clone())?, importer.reshaped(&imaginary, deep)?);
        let pairs = importer.joined(&[&real, &imaginary], 4)?;
        let dims = [&x.dims[..3], &[Dim::fixed(turned)]].concat();
        importer.reshaped(&pairs, dims)?
    } else {
        importer.joined(&[&real, &imaginary], 3)?
    };
    let rest = importer.sliced(&x, Span { axis: 3, start: turned, len: size - turned, step: 1 })?;
    let result = if turned == size { pairs } else { importer.joined(&[&pairs, &rest], 3)? };
    Ok(vec![if flat { joined_heads(importer, &result)?.into() } else { result.into() }])
}

/// p q ± r s.
fn rotated(importer: &mut Importer, left: [&Real; 2], op: Op, right: [&Real; 2]) -> Outcome {
    let left = importer.mul(left[0], left[1])?;
    let right = importer.mul(right[0], right[1])?;
    importer.elementwise(op, &[&left, &right])
}

/// Cosines or sines of every position, as [batch, 1, length, half].
fn cache(importer: &mut Importer, call: &Call, i: usize, x: &Real, half: usize) -> Outcome {
    let mut table = importer.real(call.required(i)?)?;
    if let Some(positions) = call.optional(3) {
        let [rows, _] = table.dims[..] else { return Err("needs a table of positions".into()) };
        let indices = importer.real(positions)?;
        let known = importer.known(indices.node).ok_or("the positions are not known")?.clone();
        let inside = |&i: &f64| (0.0..rows.per_sample as f64).contains(&i).then_some(i as usize);
        let known: Vec<usize> =
            known.iter().map(inside).collect::<Option<_>>().ok_or("a position is not in the table")?;
        let picked = importer.gathered(&table, 0, &known)?;
        let fixed: Vec<Dim> = indices.dims.iter().map(|d| Dim::fixed(d.per_sample)).collect();
        table = importer.reshaped(&picked, [&fixed[..], &[Dim::fixed(half)]].concat())?;
    }
    let [batch, length, features] = table.dims[..] else {
        return Err(format!("cosines and sines with {} axes", table.rank()));
    };
    let table = importer.reshaped(&table, vec![batch, Dim::fixed(1), length, features])?;
    let dims = [&x.dims[..3], &[Dim::fixed(half)]].concat();
    let fits = features == Dim::fixed(half) && broadcast(&dims, &table.dims)? == dims;
    if fits { Ok(table) } else { Err("cosines and sines do not fit to the features".into()) }
}
