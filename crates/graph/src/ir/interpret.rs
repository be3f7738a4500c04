//! Plain evaluation of one operation on known values, for constant folding.

use super::convolve::Convolution;
use super::shape::{elements, row_major_strides};
use super::{Op, Span};

/// A shape and its elements in row-major order.
pub(crate) struct Known<'a> {
    pub shape: &'a [usize],
    pub values: &'a [f64],
}

impl Op {
    /// The result of the operation on known arguments, which fit; `shape` is the shape of the result.
    /// `None` for inputs, and for sums over samples, whose number is not known.
    pub(crate) fn evaluate(&self, inputs: &[Known], shape: &[usize]) -> Option<Vec<f64>> {
        Some(match self {
            Op::Input | Op::Total => return None,
            Op::Constant(values) => values.to_vec(),
            Op::Map(f) => inputs[0].values.iter().map(|&x| f.value(x)).collect(),
            Op::Slope(f) => inputs[0].values.iter().map(|&x| f.slope(x)).collect(),
            Op::Add => zip(inputs, shape, |a, b| a + b),
            Op::Sub => zip(inputs, shape, |a, b| a - b),
            Op::Mul => zip(inputs, shape, |a, b| a * b),
            Op::Div => zip(inputs, shape, |a, b| a / b),
            Op::Pow => zip(inputs, shape, f64::powf),
            Op::Compare(c) => zip(inputs, shape, |a, b| c.value(a, b)),
            Op::Select => select(inputs, shape),
            Op::MatMul => matmul(inputs, shape),
            Op::Convolve { window, role } => {
                let convolution = Convolution::new(window, *role, inputs[0].shape, inputs[1].shape);
                convolution.evaluate(&inputs[0], &inputs[1])
            }
            Op::Sum(_) => reduce(&inputs[0], shape, 0.0, |sum, v| sum + v),
            Op::Max(_) => reduce(&inputs[0], shape, f64::NEG_INFINITY, larger),
            Op::Detach => inputs[0].values.to_vec(),
            Op::Concat(axis) => concat(inputs, *axis, shape),
            Op::Embed { span, .. } => embed(&inputs[0], span, shape),
            Op::Scatter { .. } => scatter(&inputs[0], &self.scatter_rows(inputs[0].shape, shape), shape),
            Op::Reshape(_) | Op::Expand(_) | Op::Transpose(_) | Op::Slice(_) | Op::Gather { .. } => {
                let rows = self.view_rows(inputs[0].shape, shape);
                rows.iter().map(|&r| inputs[0].values[r]).collect()
            }
        })
    }

    /// For an operation that only rearranges: the argument's element for every element of the result.
    pub(crate) fn view_rows(&self, from: &[usize], to: &[usize]) -> Vec<usize> {
        let strides = row_major_strides(from);
        match self {
            Op::Expand(_) => broadcast_rows(from, to),
            Op::Transpose(perm) => {
                let permuted: Vec<usize> = perm.iter().map(|&axis| strides[axis]).collect();
                strided_rows(to, |index| index.iter().zip(&permuted).map(|(i, s)| i * s).sum())
            }
            Op::Slice(span) => strided_rows(to, |index| {
                let along = |(axis, &i): (usize, &usize)| {
                    strides[axis] * if axis == span.axis { span.position(i) } else { i }
                };
                index.iter().enumerate().map(along).sum()
            }),
            Op::Gather { axis, indices } => along_axis(*axis, indices, to, from),
            _ => (0..elements(to)).collect(),
        }
    }

    /// For a scatter: the element of the result for every element of the argument.
    pub(crate) fn scatter_rows(&self, from: &[usize], to: &[usize]) -> Vec<usize> {
        match self {
            Op::Scatter { axis, indices, .. } => along_axis(*axis, indices, from, to),
            _ => vec![],
        }
    }
}

/// For every element of `listed` the element of `whole` whose position along the axis is the listed one.
fn along_axis(axis: usize, indices: &[u32], listed: &[usize], whole: &[usize]) -> Vec<usize> {
    let strides = row_major_strides(whole);
    let place = |i: usize, at: usize| if i == axis { indices[at] as usize } else { at };
    strided_rows(listed, |index| index.iter().enumerate().map(|(i, &at)| strides[i] * place(i, at)).sum())
}

/// The larger number; NaN if either is.
fn larger(a: f64, b: f64) -> f64 {
    if b > a || b.is_nan() { b } else { a }
}

/// Calls `row` with every index of a shape in row-major order.
fn strided_rows(shape: &[usize], row: impl Fn(&[usize]) -> usize) -> Vec<usize> {
    let mut index = vec![0; shape.len()];
    let mut rows = Vec::with_capacity(elements(shape));
    for _ in 0..elements(shape) {
        rows.push(row(&index));
        for axis in (0..shape.len()).rev() {
            index[axis] += 1;
            if index[axis] < shape[axis] {
                break;
            }
            index[axis] = 0;
        }
    }
    rows
}

/// The element of an argument of shape `from` that broadcasting gives to every element of a result of shape `to`.
pub(crate) fn broadcast_rows(from: &[usize], to: &[usize]) -> Vec<usize> {
    let strides = row_major_strides(from);
    let lead = to.len() - from.len();
    let mut rows = vec![0];
    // Axis by axis: the rows so far, each followed by its positions along the axis.
    for (axis, &length) in to.iter().enumerate() {
        let stride = if axis < lead || from[axis - lead] == 1 { 0 } else { strides[axis - lead] };
        rows = rows.iter().flat_map(|&row| (0..length).map(move |i| row + i * stride)).collect();
    }
    rows
}

/// For every element of a sum of shape `to`, the `from / to` elements that are added, one group after the other.
pub(crate) fn sum_rows(from: &[usize], to: &[usize]) -> Vec<usize> {
    let owner = broadcast_rows(to, from);
    let mut rows: Vec<usize> = (0..owner.len()).collect();
    rows.sort_by_key(|&r| owner[r]);
    rows
}

fn zip(inputs: &[Known], shape: &[usize], f: impl Fn(f64, f64) -> f64) -> Vec<f64> {
    let (a, b) = (broadcast_rows(inputs[0].shape, shape), broadcast_rows(inputs[1].shape, shape));
    a.iter().zip(&b).map(|(&i, &j)| f(inputs[0].values[i], inputs[1].values[j])).collect()
}

fn matmul(inputs: &[Known], shape: &[usize]) -> Vec<f64> {
    let (rank, inner) = (shape.len(), inputs[0].shape[inputs[0].shape.len() - 1]);
    let (m, n) = (shape[rank - 2], shape[rank - 1]);
    let batch = &shape[..rank - 2];
    let starts = |k: &Known| broadcast_rows(&k.shape[..k.shape.len() - 2], batch);
    let mut result = vec![0.0; elements(shape)];
    for (block, (a, b)) in starts(&inputs[0]).into_iter().zip(starts(&inputs[1])).enumerate() {
        for i in 0..m {
            for j in 0..n {
                let term =
                    |l| inputs[0].values[(a * m + i) * inner + l] * inputs[1].values[(b * inner + l) * n + j];
                result[(block * m + i) * n + j] = (0..inner).map(term).sum();
            }
        }
    }
    result
}

fn select(inputs: &[Known], shape: &[usize]) -> Vec<f64> {
    let rows = [0, 1, 2].map(|i| broadcast_rows(inputs[i].shape, shape));
    let value = |argument: usize, row: usize| inputs[argument].values[rows[argument][row]];
    (0..elements(shape)).map(|row| if value(0, row) == 0.0 { value(2, row) } else { value(1, row) }).collect()
}

fn reduce(input: &Known, shape: &[usize], start: f64, f: impl Fn(f64, f64) -> f64) -> Vec<f64> {
    let mut result = vec![start; elements(shape)];
    let owner = broadcast_rows(shape, input.shape);
    owner.iter().zip(input.values).for_each(|(&r, &v)| result[r] = f(result[r], v));
    result
}

fn scatter(input: &Known, rows: &[usize], shape: &[usize]) -> Vec<f64> {
    let mut result = vec![0.0; elements(shape)];
    rows.iter().zip(input.values).for_each(|(&r, v)| result[r] += v);
    result
}

fn concat(inputs: &[Known], axis: usize, shape: &[usize]) -> Vec<f64> {
    let outer = elements(&shape[..axis]);
    let mut result = Vec::with_capacity(elements(shape));
    for o in 0..outer {
        for k in inputs {
            let block = elements(&k.shape[axis..]);
            result.extend_from_slice(&k.values[o * block..(o + 1) * block]);
        }
    }
    result
}

fn embed(input: &Known, span: &Span, shape: &[usize]) -> Vec<f64> {
    let mut result = vec![0.0; elements(shape)];
    let slice = Op::Slice(*span).view_rows(shape, input.shape);
    slice.iter().zip(input.values).for_each(|(&r, &v)| result[r] = v);
    result
}
