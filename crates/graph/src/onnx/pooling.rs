//! Pooling over windows and over all positions.

use super::convolve::{Geometry, convolved};
use super::dims::{Dim, not_along_batch};
use super::import::{Importer, Value};
use super::operators::Call;
use super::terms::Real;
use crate::ir::{Role, Window, WindowAxis, elements};

type Results = Result<Vec<Value>, String>;

/// GlobalAveragePool and GlobalMaxPool.
pub(super) fn global(importer: &mut Importer, call: &Call) -> Results {
    let x = importer.real(call.required(0)?)?;
    let axes: Vec<usize> = (2..x.rank()).collect();
    Ok(vec![match call.operator() {
        "GlobalMaxPool" => importer.max(&x, &axes)?.into(),
        _ => importer.mean(&x, &axes)?.into(),
    }])
}

/// A signal and the windows over its axes.
struct Pooled {
    x: Real,
    axes: Vec<WindowAxis>,
    /// Padding after every axis.
    after: Vec<usize>,
}

fn pooled(importer: &mut Importer, call: &Call) -> Result<Pooled, String> {
    if call.outputs > 1 {
        return Err("its output Indices is not supported".into());
    }
    let x = importer.real(call.required(0)?)?;
    if x.rank() < 3 {
        return Err(format!("a signal with {} axes", x.rank()));
    }
    (1..x.rank()).try_for_each(|axis| not_along_batch(&x.dims, axis))?;
    let geometry = Geometry::read(call, x.rank() - 2, None)?;
    let ceil = call.attributes.int("ceil_mode", 0) != 0;
    let lengths: Vec<usize> = x.dims[2..].iter().map(|d| d.per_sample).collect();
    let axes =
        lengths.iter().enumerate().map(|(i, &n)| geometry.axis(i, n, ceil)).collect::<Result<_, _>>()?;
    let after = lengths.iter().enumerate().map(|(i, &n)| geometry.pads(i, n)[1]).collect();
    Ok(Pooled { x, axes, after })
}

/// AveragePool: a convolution with ones for every channel by itself, over the number of positions that count.
pub(super) fn average(importer: &mut Importer, call: &Call) -> Results {
    let Pooled { x, axes, after } = pooled(importer, call)?;
    let with_padding = call.attributes.int("count_include_pad", 0) != 0;
    let counts = counts(importer, &axes, &after, with_padding)?;
    let mut single = x.dims.clone();
    single[0].per_sample = single[0].per_sample.saturating_mul(single[1].per_sample);
    single[1] = Dim::fixed(1);
    let single = importer.reshaped(&x, single)?;
    let kernel: Vec<usize> = [1, 1].into_iter().chain(axes.iter().map(|axis| axis.kernel)).collect();
    let one = importer.number(1.0);
    let ones = importer.expanded(&one, &kernel.iter().map(|&k| Dim::fixed(k)).collect::<Vec<_>>())?;
    let sums = convolved(importer, Window { axes, groups: 1 }, Role::Output, [&single, &ones])?;
    let whole = [&x.dims[..2], &sums.dims[2..]].concat();
    let sums = importer.reshaped(&sums, whole)?;
    Ok(vec![importer.div(&sums, &counts)?.into()])
}

/// How many positions of every window count.
fn counts(
    importer: &mut Importer,
    axes: &[WindowAxis],
    after: &[usize],
    with_padding: bool,
) -> Result<Real, String> {
    let mut counts = importer.number(1.0);
    for (i, (axis, after)) in axes.iter().zip(after).enumerate() {
        importer.within_limit(elements(&[axis.output, axis.kernel]))?;
        let counts_at = |p: usize| {
            let padded = (0..axis.kernel).map(|q| p * axis.stride + q * axis.dilation);
            let end = axis.pad + axis.input;
            let counted = |at: &usize| match with_padding {
                true => *at < end + after,
                false => (axis.pad..end).contains(at),
            };
            padded.filter(counted).count() as f64
        };
        let mut shape = vec![1; axes.len() + 2];
        shape[i + 2] = axis.output;
        let along = importer.numbers(&shape, (0..axis.output).map(counts_at).collect())?;
        counts = importer.mul(&counts, &along)?;
    }
    Ok(counts)
}

/// MaxPool: the windows one axis after the other as a new axis each, and the maximum over these.
pub(super) fn max(importer: &mut Importer, call: &Call) -> Results {
    let Pooled { mut x, axes, .. } = pooled(importer, call)?;
    for (i, axis) in axes.iter().enumerate() {
        x = windows(importer, &x, 2 + 2 * i, axis)?;
    }
    let inside: Vec<usize> = (0..axes.len()).map(|i| 3 + 2 * i).collect();
    let largest = importer.max(&x, &inside)?;
    let kept = (0..x.rank()).filter(|i| !inside.contains(i)).map(|i| largest.dims[i]).collect();
    Ok(vec![importer.reshaped(&largest, kept)?.into()])
}

/// Splits an axis into one over windows and one over the positions of a window, with −∞ in the padding.
fn windows(importer: &mut Importer, x: &Real, along: usize, axis: &WindowAxis) -> Result<Real, String> {
    importer.within_limit(elements(&[axis.output, axis.kernel]))?;
    let reach = (axis.output - 1) * axis.stride + (axis.kernel - 1) * axis.dilation + 1;
    let after = reach.saturating_sub(axis.pad + axis.input);
    let lowest = importer.number(f64::NEG_INFINITY);
    let padded = importer.padded(x, along, [axis.pad, after], &lowest)?;
    let position = |w: usize| w / axis.kernel * axis.stride + w % axis.kernel * axis.dilation;
    let positions: Vec<usize> = (0..axis.output * axis.kernel).map(position).collect();
    let gathered = importer.gathered(&padded, along, &positions)?;
    let mut dims = gathered.dims.clone();
    dims.splice(along..=along, [Dim::fixed(axis.output), Dim::fixed(axis.kernel)]);
    importer.reshaped(&gathered, dims)
}
