//! Pad in all its modes.

use super::import::{Importer, Value};
use super::operators::Call;
use super::shaping::{axis, known};
use super::terms::Real;
use crate::ir::Span;

/// Pad. Negative padding cuts off.
pub(super) fn pad(importer: &mut Importer, call: &Call) -> Result<Vec<Value>, String> {
    let mut x = importer.real(call.required(0)?)?;
    let pads = known(call.required(1)?)?;
    let axes: Vec<usize> = match call.optional(3) {
        Some(axes) => known(axes)?.into_iter().map(|a| axis(a, x.rank())).collect::<Result<_, _>>()?,
        None => (0..x.rank()).collect(),
    };
    if pads.len() != 2 * axes.len() {
        return Err(format!("{} lengths of padding for {} axes", pads.len(), axes.len()));
    }
    let value = match call.optional(2) {
        Some(value) => importer.real(value)?,
        None => importer.number(0.0),
    };
    if value.dims.iter().any(|d| d.batch || d.per_sample != 1) {
        return Err("the padding is no single number".into());
    }
    let value = importer.reshaped(&value, vec![])?;
    let mode = call.attributes.text("mode", "constant")?;
    for (i, &along) in axes.iter().enumerate() {
        let [before, after] = [pads[i], pads[i + axes.len()]];
        if [before, after] != [0, 0] {
            let kept = cut(importer, &x, along, [before, after])?;
            let added = [before, after].map(|n| u32::try_from(n.max(0)).map(|n| n as usize));
            let [Ok(before), Ok(after)] = added else { return Err("its padding exceeds 32 bits".into()) };
            x = match mode {
                "constant" => importer.padded(&kept, along, [before, after], &value)?,
                _ => continued(importer, &kept, along, [before, after], mode)?,
            };
        }
    }
    Ok(vec![x.into()])
}

/// What negative padding leaves of an axis.
fn cut(importer: &mut Importer, x: &Real, axis: usize, pads: [i64; 2]) -> Result<Real, String> {
    let length = x.length(axis)?;
    let [start, end] = pads.map(|n| usize::try_from(n.min(0).unsigned_abs()).unwrap_or(usize::MAX));
    let len = length.checked_sub(start).and_then(|n| n.checked_sub(end));
    let len = len.ok_or_else(|| format!("negative padding cuts more than the {length} there are"))?;
    if len == length { Ok(x.clone()) } else { importer.sliced(x, Span { axis, start, len, step: 1 }) }
}

/// Continues an axis on both sides by its own elements.
fn continued(
    importer: &mut Importer,
    x: &Real,
    axis: usize,
    [before, after]: [usize; 2],
    mode: &str,
) -> Result<Real, String> {
    let length = x.length(axis)?;
    importer.within_limit(before.saturating_add(after).saturating_add(length))?;
    let n = length as i64;
    if n == 0 {
        return Err("there is nothing to continue".into());
    }
    let position = |i: i64| match mode {
        "edge" => Ok(i.clamp(0, n - 1)),
        "wrap" => Ok(i.rem_euclid(n)),
        "reflect" => {
            let period = (2 * (n - 1)).max(1);
            let i = i.rem_euclid(period);
            Ok(i.min(period - i).min(n - 1))
        }
        other => Err(format!("unknown mode {other:?}")),
    };
    let positions = -(before as i64)..n + after as i64;
    let indices = positions.map(|i| position(i).map(|i| i as usize)).collect::<Result<Vec<_>, _>>()?;
    importer.gathered(x, axis, &indices)
}
