//! Normalisations.

use super::convolve::along_channels;
use super::dims::{Dim, broadcast};
use super::import::{Importer, Value};
use super::operators::Call;
use super::reduce::norm;
use super::shaping::axis;
use super::terms::Real;
use crate::ir::{Comparison, Function};

type Outcome = Result<Real, String>;
type Results = Result<Vec<Value>, String>;

fn epsilon(call: &Call) -> f64 {
    call.attributes.float("epsilon", f64::from(1e-5f32))
}

fn single_output(call: &Call) -> Result<(), String> {
    if call.outputs > 1 { Err("only its first output is supported".into()) } else { Ok(()) }
}

/// x/√(mean of squares + ε) over some axes.
fn to_unit_scale(importer: &mut Importer, x: &Real, axes: &[usize], epsilon: f64) -> Outcome {
    let squares = importer.mul(x, x)?;
    let variance = importer.mean(&squares, axes)?;
    let variance = importer.add_number(&variance, epsilon)?;
    let deviation = importer.map(Function::Sqrt, &variance)?;
    importer.div(x, &deviation)
}

/// (x − mean)/√(variance + ε) over some axes.
fn standardised(importer: &mut Importer, x: &Real, axes: &[usize], epsilon: f64) -> Outcome {
    let mean = importer.mean(x, axes)?;
    let centred = importer.sub(x, &mean)?;
    to_unit_scale(importer, &centred, axes, epsilon)
}

/// y · scale + bias, of which either may be missing.
fn affine(importer: &mut Importer, y: Real, scale: Option<Real>, bias: Option<Real>) -> Outcome {
    let dims = y.dims.clone();
    let fits = |a: &Option<Real>| a.as_ref().is_none_or(|a| broadcast(&dims, &a.dims).as_ref() == Ok(&dims));
    if !fits(&scale) || !fits(&bias) {
        return Err("scale or bias do not fit to the normalised axes".into());
    }
    let y = scale.map_or(Ok(y.clone()), |scale| importer.mul(&y, &scale))?;
    bias.map_or(Ok(y.clone()), |bias| importer.add(&y, &bias))
}

/// LayerNormalization and RMSNormalization over the last axes.
pub(super) fn layer(importer: &mut Importer, call: &Call) -> Results {
    single_output(call)?;
    let x = importer.real(call.required(0)?)?;
    let first = axis(call.attributes.int("axis", -1), x.rank())?;
    let axes: Vec<usize> = (first..x.rank()).collect();
    let y = match call.operator() {
        "RMSNormalization" => to_unit_scale(importer, &x, &axes, epsilon(call))?,
        _ => standardised(importer, &x, &axes, epsilon(call))?,
    };
    let scale = importer.real(call.required(1)?)?;
    let bias = call.optional(2).map(|b| importer.real(b)).transpose()?;
    Ok(vec![affine(importer, y, Some(scale), bias)?.into()])
}

fn channels(importer: &mut Importer, call: &Call, i: usize, x: &Real) -> Outcome {
    let values = importer.real(call.required(i)?)?;
    if x.rank() < 2 || values.dims != x.dims[1..2] {
        return Err(format!("argument {i} is no number for every channel"));
    }
    along_channels(importer, &values, x.rank())
}

/// InstanceNormalization: every channel of a sample by itself.
pub(super) fn instance(importer: &mut Importer, call: &Call) -> Results {
    let x = importer.real(call.required(0)?)?;
    let (scale, bias) = (channels(importer, call, 1, &x)?, channels(importer, call, 2, &x)?);
    let axes: Vec<usize> = (2..x.rank()).collect();
    let y = standardised(importer, &x, &axes, epsilon(call))?;
    Ok(vec![affine(importer, y, Some(scale), Some(bias))?.into()])
}

/// GroupNormalization: groups of channels of a sample; up to operator set 20, scale and bias are those of groups.
pub(super) fn group(importer: &mut Importer, call: &Call) -> Results {
    let x = importer.real(call.required(0)?)?;
    if x.rank() < 2 {
        return Err("needs an axis of channels".into());
    }
    let count = x.length(1)?;
    let groups = usize::try_from(call.attributes.int("num_groups", 0)).unwrap_or(0);
    if groups == 0 || count % groups != 0 {
        return Err(format!("{groups} groups of {count} channels"));
    }
    let mut split = x.dims.clone();
    split.splice(1..2, [Dim::fixed(groups), Dim::fixed(count / groups)]);
    let grouped = importer.reshaped(&x, split)?;
    let axes: Vec<usize> = (2..grouped.rank()).collect();
    let y = standardised(importer, &grouped, &axes, epsilon(call))?;
    if importer.graph.source.opset < 21 {
        let [scale, bias] = [1, 2].map(|i| channels(importer, call, i, &y));
        let y = affine(importer, y, Some(scale?), Some(bias?))?;
        return Ok(vec![importer.reshaped(&y, x.dims)?.into()]);
    }
    let y = importer.reshaped(&y, x.dims)?;
    let (scale, bias) = (channels(importer, call, 1, &y)?, channels(importer, call, 2, &y)?);
    Ok(vec![affine(importer, y, Some(scale), Some(bias))?.into()])
}

/// BatchNormalization with the statistics of the file.
pub(super) fn batch(importer: &mut Importer, call: &Call) -> Results {
    if call.attributes.int("training_mode", 0) != 0 {
        return Err("in training mode it mixes samples of the batch".into());
    }
    single_output(call)?;
    let x = importer.real(call.required(0)?)?;
    let [scale, bias, mean, variance] = [1, 2, 3, 4].map(|i| channels(importer, call, i, &x));
    let centred = importer.sub(&x, &mean?)?;
    let variance = importer.add_number(&variance?, epsilon(call))?;
    let deviation = importer.map(Function::Sqrt, &variance)?;
    let factor = importer.div(&scale?, &deviation)?;
    Ok(vec![affine(importer, centred, Some(factor), Some(bias?))?.into()])
}

/// LpNormalization: x over its norm, 0 where the norm is 0.
pub(super) fn unit(importer: &mut Importer, call: &Call) -> Results {
    let x = importer.real(call.required(0)?)?;
    let axes = [axis(call.attributes.int("axis", -1), x.rank())?];
    let length = match call.attributes.int("p", 2) {
        1 => {
            let magnitude = importer.map(Function::Abs, &x)?;
            importer.sum(&magnitude, &axes)?
        }
        2 => norm(importer, &x, &axes)?,
        p => return Err(format!("the norm of order {p} is not supported (1 and 2 are)")),
    };
    let [zero, one] = [importer.number(0.0), importer.number(1.0)];
    let vanishes = importer.compare(&length, Comparison::Equal, &zero)?;
    let divisor = importer.select(&vanishes, &one, &length)?;
    Ok(vec![importer.div(&x, &divisor)?.into()])
}
