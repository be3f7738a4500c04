//! Matrix products.

use super::dims::Dim;
use super::import::{Importer, Value};
use super::operators::Call;
use super::terms::Real;

/// Gemm: alpha A' B' + beta C.
pub(super) fn gemm(importer: &mut Importer, call: &Call) -> Result<Vec<Value>, String> {
    let mut sides = Vec::with_capacity(2);
    for (i, flag) in ["transA", "transB"].into_iter().enumerate() {
        let side = importer.real(call.required(i)?)?;
        if side.rank() != 2 {
            return Err(format!("argument {i} has {} axes, needs 2", side.rank()));
        }
        sides.push(match call.attributes.int(flag, 0) {
            0 => side,
            _ => importer.permuted(&side, &[1, 0])?,
        });
    }
    let product = importer.product(&sides[0], &sides[1])?;
    let product = scaled(importer, product, call.attributes.float("alpha", 1.0))?;
    let Some(c) = call.optional(2) else { return Ok(vec![product.into()]) };
    let c = importer.real(c)?;
    let c = scaled(importer, c, call.attributes.float("beta", 1.0))?;
    Ok(vec![importer.add(&product, &c)?.into()])
}

fn scaled(importer: &mut Importer, x: Real, factor: f64) -> Result<Real, String> {
    if factor == 1.0 { Ok(x) } else { importer.times(&x, factor) }
}

/// MatMul, with NumPy's rules for vectors.
pub(super) fn matmul(importer: &mut Importer, call: &Call) -> Result<Vec<Value>, String> {
    let (a, b) = (importer.real(call.required(0)?)?, importer.real(call.required(1)?)?);
    if a.rank() == 0 || b.rank() == 0 {
        return Err("an argument has no axis".into());
    }
    let (row, column) = (a.rank() == 1, b.rank() == 1);
    let one = [Dim::fixed(1)];
    let a = if row { importer.reshaped(&a, [&one, &a.dims[..]].concat())? } else { a };
    let b = if column { importer.reshaped(&b, [&b.dims[..], &one].concat())? } else { b };
    let product = importer.product(&a, &b)?;
    let mut dims = product.dims.clone();
    if row {
        dims.remove(dims.len() - 2);
    }
    if column {
        dims.pop();
    }
    Ok(vec![importer.reshaped(&product, dims)?.into()])
}
