//! Products and reductions.

use super::dims::{Dim, broadcast, not_along_batch, one_batch_axis, per_sample};
use super::import::{Importer, Value};
use super::operators::Call;
use super::shaping::{axes_argument, axis, transposed};
use crate::ir::{Function, NodeId, Op, elements};

/// Gemm: alpha A' B' + beta C.
pub(super) fn gemm(importer: &mut Importer, call: &Call) -> Result<Vec<Value>, String> {
    let mut sides = Vec::with_capacity(2);
    for (i, flag) in ["transA", "transB"].into_iter().enumerate() {
        let (node, dims) = importer.data(call.required(i)?)?;
        if dims.len() != 2 {
            return Err(format!("argument {i} has {} axes, needs 2", dims.len()));
        }
        sides.push(match call.attributes.int(flag, 0) {
            0 => (node, dims),
            _ => transposed(importer, node, &dims, &[1, 0])?,
        });
    }
    let (mut node, mut dims) = product(importer, &sides[0], &sides[1])?;
    node = scaled(importer, node, call.attributes.float("alpha", 1.0))?;
    if let Some(c) = call.optional(2) {
        let (c, c_dims) = importer.data(c)?;
        let c = scaled(importer, c, call.attributes.float("beta", 1.0))?;
        dims = broadcast(&dims, &c_dims)?;
        node = importer.emit(Op::Add, &[node, c])?;
    }
    Ok(vec![Value::Data { node, dims }])
}

fn scaled(importer: &mut Importer, node: NodeId, factor: f64) -> Result<NodeId, String> {
    if factor == 1.0 {
        return Ok(node);
    }
    let factor = importer.graph.scalar(factor);
    importer.emit(Op::Mul, &[factor, node])
}

/// MatMul, with NumPy's rules for vectors.
pub(super) fn matmul(importer: &mut Importer, call: &Call) -> Result<Vec<Value>, String> {
    let (a, a_dims) = importer.data(call.required(0)?)?;
    let (b, b_dims) = importer.data(call.required(1)?)?;
    if a_dims.is_empty() || b_dims.is_empty() {
        return Err("an argument has no axis".into());
    }
    let (row, column) = (a_dims.len() == 1, b_dims.len() == 1);
    let as_row = |dims: &[Dim]| [&[Dim::fixed(1)], dims].concat();
    let as_column = |dims: &[Dim]| [dims, &[Dim::fixed(1)]].concat();
    let left = if row { with_dims(importer, a, as_row(&a_dims))? } else { (a, a_dims) };
    let right = if column { with_dims(importer, b, as_column(&b_dims))? } else { (b, b_dims) };
    let (node, mut dims) = product(importer, &left, &right)?;
    if row {
        dims.remove(dims.len() - 2);
    }
    if column {
        dims.pop();
    }
    let (node, dims) = with_dims(importer, node, dims)?;
    Ok(vec![Value::Data { node, dims }])
}

fn with_dims(importer: &mut Importer, node: NodeId, dims: Vec<Dim>) -> Result<(NodeId, Vec<Dim>), String> {
    let shape = per_sample(&dims);
    let same = importer.graph.shape(node) == shape;
    let node = if same { node } else { importer.emit(Op::Reshape(shape), &[node])? };
    Ok((node, dims))
}

type Side = (NodeId, Vec<Dim>);

fn product(importer: &mut Importer, a: &Side, b: &Side) -> Result<Side, String> {
    let ((a, a_dims), (b, b_dims)) = (a, b);
    let (p, q) = (a_dims.len(), b_dims.len());
    not_along_batch(a_dims, p - 1)?;
    not_along_batch(b_dims, q - 2)?;
    let mut dims = broadcast(&a_dims[..p - 2], &b_dims[..q - 2])?;
    dims.extend([a_dims[p - 2], b_dims[q - 1]]);
    Ok((importer.emit(Op::MatMul, &[*a, *b])?, one_batch_axis(dims)?))
}

/// ReduceSum and ReduceMean.
pub(super) fn reduce(importer: &mut Importer, call: &Call) -> Result<Vec<Value>, String> {
    let (x, dims) = importer.data(call.required(0)?)?;
    let axes = match axes_argument(call, dims.len())? {
        Some(axes) if !axes.is_empty() => axes,
        _ if call.attributes.int("noop_with_empty_axes", 0) != 0 => vec![],
        _ => (0..dims.len()).collect(),
    };
    let mean = call.operator() == "ReduceMean";
    let mut node = sum(importer, x, &dims, &axes, mean)?;
    let mut dims: Vec<Dim> =
        dims.iter().enumerate().map(|(i, &d)| if axes.contains(&i) { Dim::fixed(1) } else { d }).collect();
    if call.attributes.int("keepdims", 1) == 0 {
        let kept = (0..dims.len()).filter(|i| !axes.contains(i)).map(|i| dims[i]).collect();
        (node, dims) = with_dims(importer, node, kept)?;
    }
    Ok(vec![Value::Data { node, dims }])
}

/// Sum or mean over axes, which stay with length 1.
fn sum(
    importer: &mut Importer,
    x: NodeId,
    dims: &[Dim],
    axes: &[usize],
    mean: bool,
) -> Result<NodeId, String> {
    axes.iter().try_for_each(|&axis| not_along_batch(dims, axis))?;
    let total = importer.emit(Op::Sum(axes.to_vec()), &[x])?;
    if !mean {
        return Ok(total);
    }
    let counted: Vec<usize> = axes.iter().map(|&axis| dims[axis].per_sample).collect();
    let count = importer.graph.scalar(elements(&counted) as f64);
    importer.emit(Op::Div, &[total, count])
}

/// LayerNormalization: (x − mean)/√(variance + ε) · scale + bias over the last axes.
pub(super) fn layer_normalization(importer: &mut Importer, call: &Call) -> Result<Vec<Value>, String> {
    if call.outputs > 1 {
        return Err("its outputs Mean and InvStdDev are not supported".into());
    }
    let (x, dims) = importer.data(call.required(0)?)?;
    let first = axis(call.attributes.int("axis", -1), dims.len())?;
    let axes: Vec<usize> = (first..dims.len()).collect();
    let mean = sum(importer, x, &dims, &axes, true)?;
    let centred = importer.emit(Op::Sub, &[x, mean])?;
    let square = importer.emit(Op::Mul, &[centred, centred])?;
    let variance = sum(importer, square, &dims, &axes, true)?;
    let epsilon = importer.graph.scalar(call.attributes.float("epsilon", f64::from(1e-5f32)));
    let variance = importer.emit(Op::Add, &[variance, epsilon])?;
    let deviation = importer.emit(Op::Map(Function::Sqrt), &[variance])?;
    let mut node = importer.emit(Op::Div, &[centred, deviation])?;
    for (argument, op) in [(call.required(1).map(Some)?, Op::Mul), (call.optional(2), Op::Add)] {
        let Some(argument) = argument else { continue };
        let (factor, factor_dims) = importer.data(argument)?;
        if broadcast(&dims, &factor_dims)? != dims {
            return Err("scale or bias do not fit to the normalised axes".into());
        }
        node = importer.emit(op, &[node, factor])?;
    }
    Ok(vec![Value::Data { node, dims }])
}
