//! Convolutions with weights that are the same for all samples: which algorithm a layer runs by, and running it.
//!
//! The choice depends on the layer only, so that a row comes out the same in every batch.

use super::filter::{Filter, Lazy};
use super::product::Weights;
use super::run::{Stage, split};
use crate::ir::{Role, Window};
use crate::kernels::{
    Element, Executed, Linear, OUTSIDE, Outer, POSITIONS, Stencil, Tiling, Transform, packed_len,
};
use std::ops::Range;
use std::ptr::null;
use std::sync::{Arc, LazyLock};

/// Channels from which on Winograd's algorithm pays, for inputs and for outputs.
pub(super) const WINOGRAD_CHANNELS: usize = 12;
/// Elements of transformed inputs and outputs that are worked on together.
const BLOCK_ELEMENTS: usize = 1 << 18;

/// A convolution with weights that are the same for all samples.
pub(super) struct Layer<T: 'static> {
    groups: usize,
    /// Channels of the argument and of the result, of a group.
    channels: [usize; 2],
    /// Positions of the argument and of the result.
    positions: [usize; 2],
    method: Method,
    /// In the role of output (or of input)?
    forward: bool,
    taps: usize,
    /// The packed weights, unless they are given with the call.
    weights: Option<Lazy<Vec<T>>>,
}

enum Method {
    /// A matrix product at every position.
    Pointwise,
    Winograd(Tiling),
    /// The position of the argument for every position of the result and tap.
    Stencil(Vec<u32>),
}

impl<T: Element> Layer<T> {
    /// The convolution of one sample with weights [`output channel`, `input channel of a group`, `taps`…], in the role
    /// of output or input. Without the weights they are given with the call.
    pub fn new(window: &Window, role: Role, shape: &[usize], weights: Option<&Arc<[f64]>>) -> Layer<T> {
        let groups = window.groups;
        let [outputs, inputs] = [shape[0] / groups, shape[1]];
        let (table, taps) = window.table(role);
        let forward = role == Role::Output;
        let channels = if forward { [inputs, outputs] } else { [outputs, inputs] };
        let count = |role| window.lengths(role).iter().product();
        let lengths = [count(Role::Input), count(Role::Output)];
        let positions = if forward { lengths } else { [lengths[1], lengths[0]] };
        let identity =
            taps == 1 && positions[0] == positions[1] && table.iter().copied().eq(0..table.len() as u32);
        let method = match tiling(window, role).filter(|_| channels.iter().all(|&n| n >= WINOGRAD_CHANNELS)) {
            _ if identity => Method::Pointwise,
            Some(tiling) => Method::Winograd(tiling),
            None => Method::Stencil(table),
        };
        let filter = Filter { groups, channels, forward, taps };
        let winograd = matches!(method, Method::Winograd(_));
        let weights = weights.map(|values| filter.packed(winograd, values.clone()));
        Layer { groups, channels, positions, method, forward, taps, weights }
    }

    fn filter(&self) -> Filter {
        let Layer { groups, channels, forward, taps, .. } = *self;
        Filter { groups, channels, forward, taps }
    }

    /// Packs the weights, if that is not done yet.
    pub fn prepare(&self) {
        if let Some(weights) = &self.weights {
            LazyLock::force(weights);
        }
    }

    /// Numbers of the packed weights.
    pub fn packed_len(&self) -> usize {
        self.filter().packed_len(matches!(self.method, Method::Winograd(_)))
    }

    /// Multiplications for one lane.
    pub fn work(&self) -> usize {
        let products = self.channels[0] * self.channels[1] * self.groups;
        products.saturating_mul(match &self.method {
            Method::Pointwise => self.positions[1],
            Method::Winograd(tiling) => POSITIONS * tiling.tiles()[0] * tiling.tiles()[1],
            Method::Stencil(_) => self.taps * self.positions[1],
        })
    }
}

/// The tiles of a 3 × 3 convolution with stride 1 in one group; `None` for others.
pub(super) fn tiling(window: &Window, role: Role) -> Option<Tiling> {
    let [down, across] = window.axes[..] else { return None };
    let axes = [down, across];
    let plain = axes.iter().all(|a| a.kernel == 3 && a.stride == 1 && a.dilation == 1 && a.pad <= 2);
    if !plain || window.groups != 1 {
        return None;
    }
    Some(match role {
        Role::Output => {
            Tiling { input: axes.map(|a| a.input), output: axes.map(|a| a.output), pad: axes.map(|a| a.pad) }
        }
        _ => Tiling {
            input: axes.map(|a| a.output),
            output: axes.map(|a| a.input),
            pad: axes.map(|a| 2 - a.pad),
        },
    })
}

impl Window {
    /// For every position of the result and tap the position of the argument, and the number of taps.
    fn table(&self, role: Role) -> (Vec<u32>, usize) {
        let taps = self.lengths(Role::Weights).iter().product::<usize>();
        let meetings = self.meetings(role);
        let mut table = vec![OUTSIDE; (meetings.starts.len() - 1) * taps];
        for (position, ends) in meetings.starts.windows(2).enumerate() {
            for &[from, tap] in &meetings.pairs[ends[0] as usize..ends[1] as usize] {
                table[position * taps + tap as usize] = from;
            }
        }
        (table, taps)
    }
}

/// Memory of a layer's argument and result.
#[derive(Clone, Copy)]
pub(super) struct Images<T> {
    pub input: *const T,
    /// One number a channel of the result; null if there is none.
    pub bias: *const T,
    pub out: *mut T,
}

// SAFETY: the memory belongs to the evaluation that runs the layer; its parts write to different places of it.
unsafe impl<T: Send> Sync for Images<T> {}

impl<T: Executed> Layer<T> {
    /// Packs weights that are given with the call.
    ///
    /// # Safety
    /// The weights have the layer's shape; the machine has the kernels' instruction set.
    pub unsafe fn pack(&self, stage: &Stage<T>, weights: *const T, to: *mut T) {
        // SAFETY: as for this function.
        unsafe { self.filter().pack(stage, matches!(self.method, Method::Winograd(_)), weights, to) }
    }

    /// Runs the layer. `given` are the packed weights, where they come with the call.
    ///
    /// # Safety
    /// The images have the layer's channels and positions, of the stage's width; the machine has the kernels'
    /// instruction set.
    pub unsafe fn run(&self, stage: &Stage<T>, given: *const T, images: Images<T>) {
        let packed = self.weights.as_ref().map_or(given, |weights| weights.as_ptr());
        let [inputs, outputs] = self.channels;
        let group = |group: usize| Weights {
            packed: packed.wrapping_add(group * packed_len(self.taps * inputs, outputs)),
            inner: self.taps * inputs,
            outputs,
        };
        // SAFETY: as for this function.
        unsafe {
            match &self.method {
                Method::Winograd(tiling) => {
                    winograd(stage, tiling, Weights { packed, inner: inputs, outputs }, images);
                }
                Method::Pointwise => {
                    for g in 0..self.groups {
                        self.pointwise(stage, group(g), self.group(stage, images, g));
                    }
                }
                Method::Stencil(table) => {
                    for g in 0..self.groups {
                        self.stencil(stage, table, group(g), self.group(stage, images, g));
                    }
                }
            }
        }
    }

    /// The images of a group of channels.
    fn group(&self, stage: &Stage<T>, images: Images<T>, group: usize) -> Images<T> {
        let rows = [0, 1].map(|i| group * self.channels[i] * self.positions[i] * stage.width);
        let bias = if images.bias.is_null() {
            images.bias
        } else {
            images.bias.wrapping_add(group * self.channels[1])
        };
        Images { input: images.input.wrapping_add(rows[0]), bias, out: images.out.wrapping_add(rows[1]) }
    }

    /// # Safety
    /// As [`Layer::run`].
    unsafe fn pointwise(&self, stage: &Stage<T>, weights: Weights<T>, images: Images<T>) {
        const ROWS: usize = 16;
        let row = self.positions[0] * stage.width;
        let parts = weights.outputs.div_ceil(ROWS);
        split(stage.workers_for(self.work()), parts, &|part| {
            let (images, weights) = (&images, &weights);
            let outputs = part.start * ROWS..weights.outputs.min(part.end * ROWS);
            // SAFETY: as for this function.
            unsafe {
                (stage.kernels.linear)(&Linear {
                    input: images.input,
                    input_stride: row,
                    weights: weights.packed,
                    inner: weights.inner,
                    outputs,
                    bias: images.bias,
                    scale: None,
                    out: images.out,
                    out_stride: row,
                    activation: None,
                    columns: row,
                });
            }
        });
    }

    /// # Safety
    /// As [`Layer::run`].
    unsafe fn stencil(&self, stage: &Stage<T>, table: &[u32], weights: Weights<T>, images: Images<T>) {
        const POSITIONS: usize = 16;
        let ([inputs, outputs], taps) = (self.channels, self.taps);
        let parts = self.positions[1].div_ceil(POSITIONS);
        let lanes = stage.kernels.lanes;
        let work = if stage.width == 1 { (taps * inputs + 1) * lanes } else { stage.width };
        split(stage.workers_for(self.work()), parts, &|part| {
            let (images, weights) = (&images, &weights);
            stage.with_work(work, |work| {
                // SAFETY: as for this function; the working space has the size that the kernel asks for.
                unsafe {
                    std::ptr::write_bytes(work, 0, lanes.max(stage.width));
                    (stage.kernels.stencil)(&Stencil {
                        input: images.input,
                        input_stride: self.positions[0] * stage.width,
                        inputs,
                        weights: weights.packed,
                        table: table.as_ptr(),
                        taps,
                        outputs,
                        bias: images.bias,
                        out: images.out,
                        out_stride: self.positions[1] * stage.width,
                        positions: part.start * POSITIONS..self.positions[1].min(part.end * POSITIONS),
                        width: stage.width,
                        work,
                    });
                }
            });
        });
    }
}

/// Where transformed values lie.
struct Transformed {
    /// Elements of a tile's place: the width, or 1 where tiles are lanes.
    stride: [usize; 2],
    channel_stride: [usize; 2],
    channels_last: bool,
}

/// Convolves block of tiles by block of tiles: transforms inputs, multiplies position by position, transforms back.
///
/// # Safety
/// As [`Layer::run`].
unsafe fn winograd<T: Executed>(stage: &Stage<T>, tiling: &Tiling, weights: Weights<T>, images: Images<T>) {
    let (lanes, width) = (stage.kernels.lanes, stage.width);
    let [inputs, outputs] = [weights.inner, weights.outputs];
    let all = tiling.tiles()[0] * tiling.tiles()[1];
    let numbers = width == 1;
    let fitting = BLOCK_ELEMENTS / (POSITIONS * (inputs + outputs) * width);
    let least = if numbers { 4 * lanes } else { 4.max(48 / width) };
    let block = fitting.max(least).min(all);
    // Few tiles of numbers fill no lanes; channels of the result then do.
    let channels_last = numbers && block <= lanes / 2;
    let row = if numbers { block.next_multiple_of(lanes) } else { block * width };
    let layout = Transformed {
        // One chunk more, so that positions do not fall on the same lines of the cache.
        stride: [
            inputs * row + lanes,
            if channels_last { block * outputs.next_multiple_of(lanes) } else { outputs * row } + lanes,
        ],
        channel_stride: [row, if channels_last { outputs.next_multiple_of(lanes) } else { row }],
        channels_last,
    };
    let sizes = layout.stride.map(|stride| POSITIONS * stride);
    let workers = stage.workers_for(POSITIONS * inputs * outputs * block);
    stage.with_work(sizes[0] + sizes[1] + lanes, |work| {
        let memory = Images { input: work.cast_const(), bias: null(), out: work.wrapping_add(sizes[0]) };
        for first in (0..all).step_by(block) {
            let tiles = first..all.min(first + block);
            let transform = |channels: Range<usize>, side: usize| {
                let (memory, images) = (memory, images);
                Transform {
                    image: if side == 0 { images.input.cast_mut() } else { images.out },
                    tiling: *tiling,
                    tiles: tiles.clone(),
                    channels,
                    transformed: if side == 0 { memory.input.cast_mut() } else { memory.out },
                    stride: layout.stride[side],
                    channel_stride: layout.channel_stride[side],
                    bias: images.bias,
                    width,
                    channels_last: layout.channels_last,
                }
            };
            // SAFETY: as for this function; the working space holds a block of tiles.
            unsafe {
                split(workers, inputs, &|channels| (stage.kernels.winograd_input)(&transform(channels, 0)));
                split(workers, POSITIONS, &|positions| {
                    let (memory, weights) = (&memory, &weights);
                    positions.for_each(|at| multiply(stage, *weights, &layout, *memory, at, tiles.len()));
                });
                let groups = outputs.div_ceil(lanes);
                split(workers, groups, &|part| {
                    let channels = part.start * lanes..outputs.min(part.end * lanes);
                    (stage.kernels.winograd_output)(&transform(channels, 1));
                });
            }
        }
    });
}

/// The products of a position.
///
/// # Safety
/// As [`winograd`].
unsafe fn multiply<T: Executed>(
    stage: &Stage<T>,
    weights: Weights<T>,
    layout: &Transformed,
    memory: Images<T>,
    position: usize,
    tiles: usize,
) {
    let input = memory.input.wrapping_add(position * layout.stride[0]);
    let out = memory.out.wrapping_add(position * layout.stride[1]);
    let packed = weights.packed.wrapping_add(position * packed_len(weights.inner, weights.outputs));
    // SAFETY: as for this function.
    unsafe {
        if layout.channels_last {
            (stage.kernels.outer)(&Outer {
                input,
                token_stride: 1,
                inner_stride: layout.channel_stride[0],
                tokens: tiles,
                weights: packed,
                inner: weights.inner,
                outputs: 0..weights.outputs,
                bias: null(),
                scale: null(),
                out,
                out_stride: layout.channel_stride[1],
            });
        } else {
            (stage.kernels.linear)(&Linear {
                input,
                input_stride: layout.channel_stride[0],
                weights: packed,
                inner: weights.inner,
                outputs: 0..weights.outputs,
                bias: null(),
                scale: None,
                out,
                out_stride: layout.channel_stride[1],
                activation: None,
                columns: tiles * stage.width,
            });
        }
    }
}
