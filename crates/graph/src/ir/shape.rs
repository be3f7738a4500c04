//! Shapes of the results of primitive operations.

use super::{Op, Span};

/// Number of elements of a shape; saturates.
pub(crate) fn elements(shape: &[usize]) -> usize {
    shape.iter().fold(1, |n: usize, &d| n.saturating_mul(d))
}

/// Distance in elements from one index to the next along every axis, row-major.
pub(crate) fn row_major_strides(shape: &[usize]) -> Vec<usize> {
    let mut strides = vec![1usize; shape.len()];
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides[axis].saturating_mul(shape[axis]);
    }
    strides
}

/// The shape of an elementwise operation on two arguments, axes matched from the right.
pub(crate) fn broadcast(a: &[usize], b: &[usize]) -> Result<Vec<usize>, String> {
    let rank = a.len().max(b.len());
    let length = |s: &[usize], axis: usize| if axis + s.len() < rank { 1 } else { s[axis + s.len() - rank] };
    (0..rank)
        .map(|axis| match (length(a, axis), length(b, axis)) {
            (m, n) if m == n => Ok(m),
            (1, n) => Ok(n),
            (m, 1) => Ok(m),
            _ => Err(format!("shapes {a:?} and {b:?} do not broadcast")),
        })
        .collect()
}

/// The shape of the result of an operation.
pub(super) fn infer(op: &Op, inputs: &[&[usize]]) -> Result<Vec<usize>, String> {
    let expected = match op {
        Op::Input | Op::Constant(_) => 0,
        Op::Add | Op::Sub | Op::Mul | Op::Div | Op::Pow | Op::Compare(_) => 2,
        Op::MatMul | Op::Convolve { .. } => 2,
        Op::Select => 3,
        Op::Concat(_) => inputs.len().max(1),
        _ => 1,
    };
    if inputs.len() != expected {
        return Err(format!("takes {expected} arguments, got {}", inputs.len()));
    }
    match op {
        Op::Input | Op::Constant(_) => Err("has no arguments to take a shape from".into()),
        Op::Map(_) | Op::Slope(_) | Op::Total | Op::Detach => Ok(inputs[0].to_vec()),
        Op::Add | Op::Sub | Op::Mul | Op::Div | Op::Pow | Op::Compare(_) => broadcast(inputs[0], inputs[1]),
        Op::Select => broadcast(inputs[0], &broadcast(inputs[1], inputs[2])?),
        Op::MatMul => matmul(inputs[0], inputs[1]),
        Op::Convolve { window, role } => window.infer(*role, inputs[0], inputs[1]),
        Op::Sum(axes) => reduced(inputs[0], axes),
        Op::Max(axes) if axes.iter().any(|&axis| inputs[0].get(axis) == Some(&0)) => {
            Err(format!("the largest of no elements of {:?}", inputs[0]))
        }
        Op::Max(axes) => reduced(inputs[0], axes),
        Op::Reshape(shape) if elements(shape) == elements(inputs[0]) => Ok(shape.clone()),
        Op::Reshape(shape) => Err(format!("cannot reshape {:?} to {shape:?}", inputs[0])),
        Op::Expand(shape) if broadcast(inputs[0], shape).as_ref() == Ok(shape) => Ok(shape.clone()),
        Op::Expand(shape) => Err(format!("cannot expand {:?} to {shape:?}", inputs[0])),
        Op::Transpose(perm) => transpose(inputs[0], perm),
        Op::Concat(axis) => concat(inputs, *axis),
        Op::Slice(span) => slice(inputs[0], span),
        Op::Embed { span, size } => embed(inputs[0], span, *size),
        Op::Gather { axis, indices } => gather(inputs[0], *axis, indices),
        Op::Scatter { axis, indices, size } => scatter(inputs[0], *axis, indices, *size),
    }
}

fn matmul(a: &[usize], b: &[usize]) -> Result<Vec<usize>, String> {
    let (&[ref a_batch @ .., m, k], &[ref b_batch @ .., l, n]) = (a, b) else {
        return Err(format!("a matrix product needs two axes each, got {a:?} and {b:?}"));
    };
    if k != l {
        return Err(format!("inner lengths of {a:?} and {b:?} differ"));
    }
    let mut shape = broadcast(a_batch, b_batch)?;
    shape.extend([m, n]);
    Ok(shape)
}

fn reduced(a: &[usize], axes: &[usize]) -> Result<Vec<usize>, String> {
    let mut shape = a.to_vec();
    for &axis in axes {
        *shape.get_mut(axis).ok_or_else(|| format!("{a:?} has no axis {axis}"))? = 1;
    }
    Ok(shape)
}

fn transpose(a: &[usize], perm: &[usize]) -> Result<Vec<usize>, String> {
    let mut seen = perm.to_vec();
    seen.sort_unstable();
    if !seen.into_iter().eq(0..a.len()) {
        return Err(format!("{perm:?} is no permutation of the axes of {a:?}"));
    }
    Ok(perm.iter().map(|&axis| a[axis]).collect())
}

fn concat(inputs: &[&[usize]], axis: usize) -> Result<Vec<usize>, String> {
    let mut shape = inputs.first().ok_or("needs an argument")?.to_vec();
    if axis >= shape.len() {
        return Err(format!("{shape:?} has no axis {axis}"));
    }
    for other in &inputs[1..] {
        let fits = other.len() == shape.len() && (0..shape.len()).all(|i| i == axis || other[i] == shape[i]);
        if !fits {
            return Err(format!("{other:?} does not fit to {shape:?} along axis {axis}"));
        }
        shape[axis] = shape[axis].saturating_add(other[axis]);
    }
    Ok(shape)
}

fn span_fits(span: &Span, size: usize) -> bool {
    let last = i128::from(span.step) * (span.len as i128 - 1) + span.start as i128;
    span.len == 0 || (span.start < size && (0..size as i128).contains(&last) && span.step != 0)
}

fn slice(a: &[usize], span: &Span) -> Result<Vec<usize>, String> {
    let mut shape = a.to_vec();
    let axis = shape.get_mut(span.axis).ok_or_else(|| format!("{a:?} has no axis {}", span.axis))?;
    if !span_fits(span, *axis) {
        return Err(format!("{span:?} leaves {a:?}"));
    }
    *axis = span.len;
    Ok(shape)
}

fn embed(a: &[usize], span: &Span, size: usize) -> Result<Vec<usize>, String> {
    if a.get(span.axis) != Some(&span.len) || !span_fits(span, size) {
        return Err(format!("cannot embed {a:?} as {span:?} into length {size}"));
    }
    let mut shape = a.to_vec();
    shape[span.axis] = size;
    Ok(shape)
}

fn gather(a: &[usize], axis: usize, indices: &[u32]) -> Result<Vec<usize>, String> {
    let mut shape = a.to_vec();
    let length = shape.get_mut(axis).ok_or_else(|| format!("{a:?} has no axis {axis}"))?;
    if indices.iter().any(|&i| i as usize >= *length) {
        return Err(format!("a position lies outside of axis {axis} of {a:?}"));
    }
    *length = indices.len();
    Ok(shape)
}

fn scatter(a: &[usize], axis: usize, indices: &[u32], size: usize) -> Result<Vec<usize>, String> {
    if a.get(axis) != Some(&indices.len()) || indices.iter().any(|&i| i as usize >= size) {
        return Err(format!("{} positions do not fit to axis {axis} of {a:?}", indices.len()));
    }
    let mut shape = a.to_vec();
    shape[axis] = size;
    Ok(shape)
}
