//! Convolutions and their adjoints.

use super::dims::{Dim, not_along_batch};
use super::import::{Importer, Value};
use super::operators::Call;
use super::terms::Real;
use crate::ir::{Op, Role, Window, WindowAxis, elements};
use std::sync::Arc;

/// Attributes that windows along the spatial axes have in common, one entry an axis.
pub(super) struct Geometry {
    pub kernel: Vec<usize>,
    pub strides: Vec<usize>,
    pub dilations: Vec<usize>,
    /// Padding before and after; where it is automatic, it remains to be found.
    pub pads: Padding,
}

/// How the ends of an axis are padded.
pub(super) enum Padding {
    /// Before and after, along every axis.
    Explicit(Vec<[usize; 2]>),
    /// As much as keeps length / stride; does the odd one go to the end?
    Same { upper: bool },
}

/// Most axes after sample and channel.
const MOST_AXES: usize = 3;

fn lengths(call: &Call, name: &str, count: usize, default: usize) -> Result<Vec<usize>, String> {
    let Some(given) = call.attributes.ints(name).filter(|given| !given.is_empty()) else {
        return Ok(vec![default; count]);
    };
    let lengths: Result<Vec<usize>, _> = given.iter().map(|&n| usize::try_from(n)).collect();
    let sound = |lengths: &Vec<usize>| lengths.len() == count && lengths.iter().all(|&n| n <= 1 << 31);
    lengths.ok().filter(sound).ok_or_else(|| format!("attribute {name} is {given:?} for {count} axes"))
}

impl Geometry {
    /// Reads the attributes for some spatial axes; `kernel` is what the weights say, if there are any.
    pub fn read(call: &Call, axes: usize, kernel: Option<&[usize]>) -> Result<Geometry, String> {
        if !(1..=MOST_AXES).contains(&axes) {
            return Err(format!("windows over {axes} axes are not supported (1 to {MOST_AXES} are)"));
        }
        let given = lengths(call, "kernel_shape", axes, 0)?;
        let kernel = match kernel {
            Some(kernel) if given.iter().all(|&k| k == 0) || given == kernel => kernel.to_vec(),
            Some(kernel) => return Err(format!("kernel_shape is {given:?}, the weights have {kernel:?}")),
            None => given,
        };
        let pads = match call.attributes.text("auto_pad", "NOTSET")? {
            "NOTSET" | "" => {
                let pads = lengths(call, "pads", 2 * axes, 0)?;
                Padding::Explicit((0..axes).map(|i| [pads[i], pads[i + axes]]).collect())
            }
            "VALID" => Padding::Explicit(vec![[0, 0]; axes]),
            "SAME_UPPER" => Padding::Same { upper: true },
            "SAME_LOWER" => Padding::Same { upper: false },
            other => return Err(format!("unknown padding {other:?}")),
        };
        let (strides, dilations) = (lengths(call, "strides", axes, 1)?, lengths(call, "dilations", axes, 1)?);
        if kernel.contains(&0) || strides.contains(&0) || dilations.contains(&0) {
            return Err("a window, stride or dilation has the length 0".into());
        }
        Ok(Geometry { kernel, strides, dilations, pads })
    }

    /// Length of a window along an axis, from its first to its last position.
    pub fn reach(&self, axis: usize) -> usize {
        (self.kernel[axis] - 1).saturating_mul(self.dilations[axis]).saturating_add(1)
    }

    /// Padding of an axis before and after.
    pub fn pads(&self, axis: usize, input: usize) -> [usize; 2] {
        match &self.pads {
            Padding::Explicit(pads) => pads[axis],
            Padding::Same { upper } => {
                let output = input.div_ceil(self.strides[axis]).max(1);
                let span = (output - 1).saturating_mul(self.strides[axis]).saturating_add(self.reach(axis));
                let total = span.saturating_sub(input);
                let less = total / 2;
                if *upper { [less, total - less] } else { [total - less, less] }
            }
        }
    }

    /// The windows that fit into an axis with its padding. `ceil` counts a last one that is cut off, unless it would
    /// lie in the padding altogether.
    pub fn axis(&self, axis: usize, input: usize, ceil: bool) -> Result<WindowAxis, String> {
        let [pad, after] = self.pads(axis, input);
        let (stride, dilation, kernel) = (self.strides[axis], self.dilations[axis], self.kernel[axis]);
        let padded = input.saturating_add(pad).saturating_add(after);
        let Some(free) = padded.checked_sub(self.reach(axis)) else {
            return Err(format!("a window of {} does not fit into {padded}", self.reach(axis)));
        };
        let mut output = if ceil { free.div_ceil(stride) } else { free / stride } + 1;
        if ceil && (output - 1).saturating_mul(stride) >= input.saturating_add(pad) {
            output -= 1;
        }
        Ok(WindowAxis { stride, dilation, pad, input, kernel, output })
    }
}

/// A signal with its channels, and weights.
struct Arguments {
    x: Real,
    w: Real,
    groups: usize,
    geometry: Geometry,
}

fn arguments(importer: &mut Importer, call: &Call) -> Result<Arguments, String> {
    let (x, w) = (importer.real(call.required(0)?)?, importer.real(call.required(1)?)?);
    if x.rank() < 3 || w.rank() != x.rank() {
        return Err(format!("a signal with {} axes and weights with {}", x.rank(), w.rank()));
    }
    (1..x.rank()).try_for_each(|axis| not_along_batch(&x.dims, axis))?;
    (0..w.rank()).try_for_each(|axis| not_along_batch(&w.dims, axis))?;
    let kernel: Vec<usize> = w.dims[2..].iter().map(|d| d.per_sample).collect();
    let geometry = Geometry::read(call, kernel.len(), Some(&kernel))?;
    let groups = usize::try_from(call.attributes.int("group", 1)).ok().filter(|&g| g > 0);
    let groups = groups.ok_or("attribute group is not positive")?;
    Ok(Arguments { x, w, groups, geometry })
}

/// Adds a convolution; its index lists count against the limit.
pub(super) fn convolved(
    importer: &mut Importer,
    window: Window,
    role: Role,
    arguments: [&Real; 2],
) -> Result<Real, String> {
    let [x, w] = arguments;
    let positions = [window.lengths(Role::Output), window.lengths(Role::Weights)].concat();
    importer.within_limit(elements(&positions))?;
    let node = importer.emit(Op::Convolve { window: Arc::new(window), role }, &[x.node, w.node])?;
    let fixed = importer.graph.shape(node)[1..].iter().map(|&d| Dim::fixed(d));
    let dims = std::iter::once(x.dims[0]).chain(fixed).collect();
    Ok(Real { node, dims })
}

fn with_bias(importer: &mut Importer, call: &Call, y: Real) -> Result<Vec<Value>, String> {
    let Some(bias) = call.optional(2) else { return Ok(vec![y.into()]) };
    let bias = importer.real(bias)?;
    if bias.dims != [y.dims[1]] {
        return Err("the bias is no number for every output channel".into());
    }
    let bias = along_channels(importer, &bias, y.rank())?;
    Ok(vec![importer.add(&y, &bias)?.into()])
}

/// One number a channel, shaped to broadcast over samples and positions.
pub(super) fn along_channels(importer: &mut Importer, values: &Real, rank: usize) -> Result<Real, String> {
    let [channels] = values.dims[..] else { return Err("needs one number for every channel".into()) };
    let mut dims = vec![Dim::fixed(1); rank];
    dims[1] = channels;
    importer.reshaped(values, dims)
}

/// Conv.
pub(super) fn convolution(importer: &mut Importer, call: &Call) -> Result<Vec<Value>, String> {
    let Arguments { x, w, groups, geometry } = arguments(importer, call)?;
    let lengths = x.dims[2..].iter().map(|d| d.per_sample).enumerate();
    let axes = lengths.map(|(i, n)| geometry.axis(i, n, false)).collect::<Result<_, _>>()?;
    let y = convolved(importer, Window { axes, groups }, Role::Output, [&x, &w])?;
    with_bias(importer, call, y)
}

/// ConvTranspose: the adjoint of a convolution by its input.
pub(super) fn transposed(importer: &mut Importer, call: &Call) -> Result<Vec<Value>, String> {
    let Arguments { x, w, groups, geometry } = arguments(importer, call)?;
    let count = geometry.kernel.len();
    let extra = lengths(call, "output_padding", count, 0)?;
    let wanted = lengths(call, "output_shape", count, 0)?;
    let axes = (0..count).map(|i| {
        let output = x.dims[i + 2].per_sample;
        let full = output.checked_sub(1).and_then(|n| n.checked_mul(geometry.strides[i]));
        let full = full.and_then(|n| n.checked_add(extra[i])?.checked_add(geometry.reach(i)));
        let full = full.ok_or("its result has no size")?;
        let [pad, input] = transposed_axis(&geometry, i, [output, full, wanted[i]])?;
        let (stride, dilation, kernel) = (geometry.strides[i], geometry.dilations[i], geometry.kernel[i]);
        Ok(WindowAxis { stride, dilation, pad, input, kernel, output })
    });
    let axes = axes.collect::<Result<_, String>>()?;
    let y = convolved(importer, Window { axes, groups }, Role::Input, [&x, &w])?;
    with_bias(importer, call, y)
}

/// Padding before, and length of the result, of a transposed convolution along an axis, from the lengths of its
/// argument, of its result without padding, and of the result asked for (0 if it is not).
fn transposed_axis(
    geometry: &Geometry,
    axis: usize,
    [output, full, wanted]: [usize; 3],
) -> Result<[usize; 2], String> {
    let split = |length: usize, upper: bool| {
        let total = full.saturating_sub(length);
        [if upper { total / 2 } else { total - total / 2 }, length]
    };
    match &geometry.pads {
        Padding::Explicit(_) if wanted > 0 => Ok(split(wanted, false)),
        Padding::Explicit(pads) => {
            let [before, after] = pads[axis];
            let length = full.checked_sub(before).and_then(|n| n.checked_sub(after));
            Ok([before, length.filter(|&n| n > 0).ok_or("its padding leaves nothing of its result")?])
        }
        Padding::Same { upper } if wanted > 0 => Ok(split(wanted, *upper)),
        Padding::Same { upper } => Ok(split(output.saturating_mul(geometry.strides[axis]), *upper)),
    }
}
