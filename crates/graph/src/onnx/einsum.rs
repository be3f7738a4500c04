//! Einsum: sums of products over labelled axes, as transpositions, sums and matrix products.

use super::dims::{Dim, broadcast};
use super::import::{Importer, Value};
use super::operators::Call;
use super::terms::Real;
use crate::ir::Span;
use std::collections::BTreeSet;

/// The label of an axis: a letter, or the distance from the end of the axes that an ellipsis stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Label {
    Ellipsis(usize),
    Letter(char),
}

/// A tensor with a label for every axis.
struct Labelled {
    value: Real,
    labels: Vec<Label>,
}

/// Einsum.
pub(super) fn einsum(importer: &mut Importer, call: &Call) -> Result<Vec<Value>, String> {
    let equation: String =
        call.attributes.text("equation", "")?.chars().filter(|c| !c.is_whitespace()).collect();
    let (left, right) = match equation.split_once("->") {
        Some((left, right)) => (left, Some(right)),
        None => (equation.as_str(), None),
    };
    let terms: Vec<&str> = left.split(',').collect();
    if terms.len() != call.arguments.len() || terms.is_empty() {
        return Err(format!("the equation {equation:?} has {} terms", terms.len()));
    }
    let mut operands = Vec::with_capacity(terms.len());
    for (i, term) in terms.iter().enumerate() {
        let value = importer.real(call.required(i)?)?;
        let labels = labels(term, value.rank())?;
        operands.push(without_repetition(importer, Labelled { value, labels })?);
    }
    let result = match right {
        Some(right) => {
            let hidden = operands.iter().flat_map(|o| &o.labels);
            let ellipsis = hidden.filter(|l| matches!(l, Label::Ellipsis(_))).collect::<BTreeSet<_>>().len();
            let letters = right.replace("...", "").chars().count();
            labels_of_result(right, letters + ellipsis)?
        }
        None => implied(left, &operands),
    };
    if result.iter().any(|label| !operands.iter().any(|o| o.labels.contains(label))) {
        return Err(format!("the result of {equation:?} has an axis that no argument has"));
    }
    let mut operands = operands.into_iter();
    let mut product = operands.next().ok_or("has no arguments")?;
    let mut rest: Vec<Labelled> = operands.collect();
    while !rest.is_empty() {
        let next = rest.remove(0);
        let later: Vec<Label> = rest.iter().flat_map(|o| o.labels.clone()).chain(result.clone()).collect();
        product = contracted(importer, product, next, &later)?;
    }
    let product = summed(importer, product, &result)?;
    Ok(vec![ordered(importer, product, &result)?.value.into()])
}

/// The labels of a term for a tensor of some rank.
fn labels(term: &str, rank: usize) -> Result<Vec<Label>, String> {
    let letters = |part: &str| -> Result<Vec<Label>, String> {
        let valid = part.chars().all(|c| c.is_ascii_alphabetic());
        let letters = part.chars().map(Label::Letter).collect();
        if valid { Ok(letters) } else { Err(format!("the term {term:?} is no list of letters")) }
    };
    let labels = match term.split_once("...") {
        Some((before, after)) => {
            let (before, after) = (letters(before)?, letters(after)?);
            let hidden = rank.checked_sub(before.len() + after.len());
            let hidden = hidden.ok_or_else(|| format!("the term {term:?} for {rank} axes"))?;
            let ellipsis = (0..hidden).rev().map(Label::Ellipsis);
            before.into_iter().chain(ellipsis).chain(after).collect()
        }
        None => letters(term)?,
    };
    if labels.len() == rank { Ok(labels) } else { Err(format!("the term {term:?} for {rank} axes")) }
}

fn labels_of_result(term: &str, rank: usize) -> Result<Vec<Label>, String> {
    let labels = labels(term, if term.contains("...") { rank } else { term.chars().count() })?;
    let distinct: BTreeSet<&Label> = labels.iter().collect();
    if distinct.len() == labels.len() {
        Ok(labels)
    } else {
        Err(format!("the result {term:?} repeats a letter"))
    }
}

/// Without an arrow: the ellipsis, then the letters that appear once, in alphabetical order.
fn implied(terms: &str, operands: &[Labelled]) -> Vec<Label> {
    let all: BTreeSet<Label> = operands.iter().flat_map(|o| o.labels.iter().copied()).collect();
    let ellipsis = all.iter().rev().filter(|l| matches!(l, Label::Ellipsis(_))).copied();
    let once = |l: &&Label| match l {
        Label::Letter(c) => terms.matches(*c).count() == 1,
        Label::Ellipsis(_) => false,
    };
    ellipsis.chain(all.iter().filter(once).copied()).collect()
}

/// Takes the diagonal where a label repeats.
fn without_repetition(importer: &mut Importer, operand: Labelled) -> Result<Labelled, String> {
    let Labelled { mut value, mut labels } = operand;
    let repeated = |labels: &[Label]| {
        (0..labels.len()).find_map(|i| {
            let earlier = labels[..i].iter().position(|l| *l == labels[i])?;
            Some((earlier, i))
        })
    };
    while let Some((first, second)) = repeated(&labels) {
        let length = value.length(first)?;
        if value.length(second)? != length {
            return Err("a repeated letter names axes of different lengths".into());
        }
        let mut perm: Vec<usize> = (0..labels.len()).filter(|&i| i != first && i != second).collect();
        perm.extend([first, second]);
        value = importer.permuted(&value, &perm)?;
        labels = perm.iter().map(|&i| labels[i]).collect();
        labels.pop();
        let mut dims = value.dims.clone();
        dims.truncate(labels.len() - 1);
        dims.push(Dim::fixed(length.checked_mul(length).ok_or("its size overflows")?));
        value = importer.reshaped(&value, dims)?;
        let axis = labels.len() - 1;
        value = importer.sliced(&value, Span { axis, start: 0, len: length, step: length as i64 + 1 })?;
    }
    Ok(Labelled { value, labels })
}

/// Sums over the axes whose labels are not wanted.
fn summed(importer: &mut Importer, operand: Labelled, wanted: &[Label]) -> Result<Labelled, String> {
    let unwanted = |i: &usize| !wanted.contains(&operand.labels[*i]);
    let axes: Vec<usize> = (0..operand.labels.len()).filter(unwanted).collect();
    if axes.is_empty() {
        return Ok(operand);
    }
    let sum = importer.sum(&operand.value, &axes)?;
    let kept: Vec<usize> = (0..operand.labels.len()).filter(|i| !axes.contains(i)).collect();
    let value = importer.reshaped(&sum, kept.iter().map(|&i| sum.dims[i]).collect())?;
    Ok(Labelled { value, labels: kept.iter().map(|&i| operand.labels[i]).collect() })
}

/// The axes in the order of some labels; labels that the tensor does not have become axes of length 1.
fn ordered(importer: &mut Importer, operand: Labelled, labels: &[Label]) -> Result<Labelled, String> {
    let own = |l: &Label| operand.labels.iter().position(|o| o == l);
    let perm: Vec<usize> = labels.iter().filter_map(own).collect();
    if perm.len() != operand.labels.len() {
        return Err("a letter of the result does not appear in an argument".into());
    }
    let value = importer.permuted(&operand.value, &perm)?;
    let dims = labels.iter().map(|l| own(l).map_or(Dim::fixed(1), |i| operand.value.dims[i])).collect();
    Ok(Labelled { value: importer.reshaped(&value, dims)?, labels: labels.to_vec() })
}

/// How the labels of two tensors take part in their product.
struct Parts {
    /// In both and in the result.
    shared: Vec<Label>,
    left: Vec<Label>,
    /// In both, summed over.
    inner: Vec<Label>,
    right: Vec<Label>,
}

impl Parts {
    fn of(a: &Labelled, b: &Labelled, later: &[Label]) -> Parts {
        let both = |l: &Label| a.labels.contains(l) && b.labels.contains(l);
        let pick = |from: &Labelled, keep: &dyn Fn(&Label) -> bool| {
            let mut axes: Vec<usize> = (0..from.labels.len()).filter(|&i| keep(&from.labels[i])).collect();
            // The batch goes first, so that joining axes keeps its place.
            axes.sort_by_key(|&i| !from.value.dims[i].batch);
            axes.into_iter().map(|i| from.labels[i]).collect::<Vec<_>>()
        };
        Parts {
            shared: pick(a, &|l| both(l) && later.contains(l)),
            left: pick(a, &|l| !both(l)),
            inner: pick(a, &|l| both(l) && !later.contains(l)),
            right: pick(b, &|l| !both(l)),
        }
    }
}

/// The product of two tensors, summed over the labels that appear in both and not later.
fn contracted(
    importer: &mut Importer,
    a: Labelled,
    b: Labelled,
    later: &[Label],
) -> Result<Labelled, String> {
    let wanted = |other: &Labelled| [later, &other.labels].concat();
    let (for_a, for_b) = (wanted(&b), wanted(&a));
    let (a, b) = (summed(importer, a, &for_a)?, summed(importer, b, &for_b)?);
    let Parts { shared, left, inner, right } = Parts::of(&a, &b, later);
    let a = ordered(importer, a, &[&shared[..], &left, &inner].concat())?.value;
    let b = ordered(importer, b, &[&shared[..], &inner, &right].concat())?.value;
    let lead = broadcast(&a.dims[..shared.len()], &b.dims[..shared.len()])?;
    let rows = a.dims[shared.len()..shared.len() + left.len()].to_vec();
    let columns = b.dims[shared.len() + inner.len()..].to_vec();
    let a = matrices(importer, &a, shared.len(), left.len())?;
    let b = matrices(importer, &b, shared.len(), inner.len())?;
    let product = importer.product(&a, &b)?;
    let value = importer.reshaped(&product, [lead, rows, columns].concat())?;
    Ok(Labelled { value, labels: [shared, left, right].concat() })
}

/// Joins the axes after `lead` into two, the first of `rows` axes.
fn matrices(importer: &mut Importer, x: &Real, lead: usize, rows: usize) -> Result<Real, String> {
    let joined = |part: &[Dim]| -> Result<Dim, String> {
        let per_sample = part.iter().try_fold(1usize, |n, d| n.checked_mul(d.per_sample));
        let per_sample = per_sample.ok_or("its size overflows")?;
        Ok(Dim::new(per_sample, part.iter().any(|d| d.batch)))
    };
    let mut dims = x.dims[..lead].to_vec();
    dims.extend([joined(&x.dims[lead..lead + rows])?, joined(&x.dims[lead + rows..])?]);
    importer.reshaped(x, dims)
}
