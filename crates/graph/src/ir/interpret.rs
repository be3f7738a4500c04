//! Plain evaluation of one operation on known values, for constant folding.

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
            Op::MatMul => matmul(inputs, shape),
            Op::Sum(_) => sum(&inputs[0], shape),
            Op::Concat(axis) => concat(inputs, *axis, shape),
            Op::Embed { span, .. } => embed(&inputs[0], span, shape),
            Op::Reshape(_) | Op::Expand(_) | Op::Transpose(_) | Op::Slice(_) => {
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
            _ => (0..elements(to)).collect(),
        }
    }
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
    strided_rows(to, |index| {
        (0..from.len()).map(|axis| if from[axis] == 1 { 0 } else { index[lead + axis] * strides[axis] }).sum()
    })
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

fn sum(input: &Known, shape: &[usize]) -> Vec<f64> {
    let mut result = vec![0.0; elements(shape)];
    let owner = broadcast_rows(shape, input.shape);
    owner.iter().zip(input.values).for_each(|(&r, v)| result[r] += v);
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
