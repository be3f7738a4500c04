//! Matrix products.

use super::dims::{Dim, broadcast, not_along_batch, one_batch_axis, per_sample};
use super::import::{Importer, Value};
use super::operators::Call;
use super::shaping::transposed;
use crate::ir::{NodeId, Op};

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
