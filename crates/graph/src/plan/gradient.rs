//! Gradients of convolutions by their weights: which positions meet at every tap, and running the sums over them.

use super::run::{Stage, split};
use super::spatial::{WINOGRAD_CHANNELS, tiling};
use crate::ir::{Role, Window};
use crate::kernels::{
    Executed, FoldWeights, Meeting, POSITIONS as PRODUCTS, Tiling, Transform, WeightGradient,
};
use std::ops::Range;
use std::ptr::null;

/// Positions of the result that are worked on together, about: few enough that their rows stay in the nearest cache.
const POSITIONS: usize = 28;
/// Output channels that a thread takes at a time.
const CHANNELS: usize = 4;

/// The gradient of a convolution by its weights [`output channel`, `input channel of a group`, `tap`].
#[derive(Debug)]
pub(super) struct Gradient {
    groups: usize,
    /// Output and input channels of a group.
    channels: [usize; 2],
    /// Positions of the result and of the argument.
    positions: [usize; 2],
    taps: usize,
    /// Blocks of positions; where the runs of every tap start in `runs`, one more at the end of each block.
    starts: Vec<Vec<u32>>,
    runs: Vec<Meeting>,
    /// Where Winograd's algorithm is used, its tiles.
    tiling: Option<Tiling>,
}

impl Gradient {
    /// For all output and input channels.
    pub fn new(window: &Window, channels: [usize; 2]) -> Gradient {
        let count = |role| window.lengths(role).iter().product::<usize>();
        let positions = [count(Role::Output), count(Role::Input)];
        let meetings = window.meetings(Role::Weights);
        let line = window.lengths(Role::Output).last().copied().unwrap_or(1).max(1);
        // Whole lines where they are short, parts of them where they are long.
        let block = if line > 2 * POSITIONS { POSITIONS } else { POSITIONS.div_ceil(line) * line };
        let (mut starts, mut runs): (Vec<Vec<u32>>, Vec<Meeting>) = (vec![], vec![]);
        for first in (0..positions[0]).step_by(block) {
            let mut own = vec![runs.len() as u32];
            for ends in meetings.starts.windows(2) {
                let pairs = &meetings.pairs[ends[0] as usize..ends[1] as usize];
                let here = pairs.iter().filter(|pair| (first..first + block).contains(&(pair[0] as usize)));
                let from = runs.len();
                for &[p, i] in here {
                    let last = runs[from..].last_mut();
                    match last.filter(|run| run.takes(p, i)) {
                        Some(run) => run.take(i),
                        None => runs.push(Meeting::new(p, i)),
                    }
                }
                own.push(runs.len() as u32);
            }
            starts.push(own);
        }
        let groups = window.groups;
        let channels = channels.map(|n| n / groups);
        let tiling =
            tiling(window, Role::Output).filter(|_| channels.iter().all(|&n| n >= WINOGRAD_CHANNELS));
        Gradient { groups, channels, positions, taps: count(Role::Weights), starts, runs, tiling }
    }

    /// Adds the gradient to a sum: `u[O, P, width]`, `x[C, I, width]`.
    ///
    /// # Safety
    /// The operands have these shapes, of the stage's width, the sum that of the weights; the machine has the kernels'
    /// instruction set.
    pub unsafe fn run<T: Executed>(&self, stage: &Stage<T>, [u, x]: [*const T; 2], out: *mut T) {
        let [outputs, inputs] = self.channels;
        let [rows, columns] = self.positions.map(|n| n * stage.width);
        let workers = stage.workers_for(outputs * inputs * self.taps * self.positions[0]);
        let ends = Ends { u, x, out };
        if let Some(tiling) = &self.tiling {
            // SAFETY: as for this function.
            return unsafe { self.winograd(stage, tiling, &ends) };
        }
        for group in 0..self.groups {
            split(workers, outputs.div_ceil(CHANNELS), &|part| {
                let ends = &ends;
                for starts in &self.starts {
                    // SAFETY: as for this function.
                    unsafe {
                        (stage.kernels.weight_gradient)(&WeightGradient {
                            u: ends.u.add(group * outputs * rows),
                            u_stride: rows,
                            x: ends.x.add(group * inputs * columns),
                            x_stride: columns,
                            outputs: part.start * CHANNELS..outputs.min(part.end * CHANNELS),
                            inputs,
                            out: ends.out.add(group * outputs * inputs * self.taps),
                            starts: starts.as_ptr(),
                            taps: self.taps,
                            runs: self.runs.as_ptr(),
                            width: stage.width,
                            count: stage.count,
                        });
                    }
                }
            });
        }
    }
}

/// Where the one run of a product begins and ends.
static WHOLE: [u32; 2] = [0, 1];
/// Elements of transformed operands that are worked on together.
const BLOCK_ELEMENTS: usize = 1 << 19;

impl Gradient {
    /// By Winograd's algorithm, block of tiles by block of tiles.
    ///
    /// # Safety
    /// As [`Gradient::run`].
    unsafe fn winograd<T: Executed>(&self, stage: &Stage<T>, tiling: &Tiling, ends: &Ends<T>) {
        let ([outputs, inputs], width) = (self.channels, stage.width);
        let all = tiling.tiles()[0] * tiling.tiles()[1];
        let block = (BLOCK_ELEMENTS / (PRODUCTS * (inputs + outputs) * width)).max(4).min(all);
        let row = block * width;
        // One chunk more, so that positions do not fall on the same lines of the cache.
        let strides = [outputs, inputs].map(|n| n * row + stage.kernels.lanes);
        let [products, cotangents, values] =
            [outputs * inputs, strides[0], strides[1]].map(|stride| PRODUCTS * stride);
        let workers = stage.workers_for(products * all);
        stage.with_work(products + cotangents + values + stage.kernels.lanes, |work| {
            let sums = Ends {
                u: work.wrapping_add(products).cast_const(),
                x: work.wrapping_add(products + cotangents).cast_const(),
                out: work,
            };
            let blocks = Blocks { stage, tiling, ends, sums, channels: self.channels, row, strides, workers };
            // SAFETY: as for this function; the working space has these sizes.
            unsafe {
                std::ptr::write_bytes(work, 0, products);
                for first in (0..all).step_by(block) {
                    let tiles = first..all.min(first + block);
                    blocks.transform(&tiles);
                    blocks.add(tiles.len());
                }
                blocks.fold();
            }
        });
    }
}

/// A gradient by Winograd's algorithm under way.
struct Blocks<'a, T: 'static> {
    stage: &'a Stage<'a, T>,
    tiling: &'a Tiling,
    ends: &'a Ends<T>,
    /// The transformed operands of a block of tiles [`position`, `channel`, `tile`, `lane`], and the sums of their products
    /// [`position`, `output channel`, `input channel`].
    sums: Ends<T>,
    /// Output and input channels.
    channels: [usize; 2],
    /// Elements of a channel of the transformed operands.
    row: usize,
    /// Elements of a position of the transformed u and x.
    strides: [usize; 2],
    workers: usize,
}

impl<T: Executed> Blocks<'_, T> {
    /// Transforms the operands of some tiles.
    ///
    /// # Safety
    /// As [`Gradient::run`]; the working space has room for them.
    unsafe fn transform(&self, tiles: &Range<usize>) {
        let (kernels, [outputs, inputs]) = (self.stage.kernels, self.channels);
        let of = |image: *const T, to: *const T, stride: usize, channels: Range<usize>| Transform {
            image: image.cast_mut(),
            tiling: *self.tiling,
            tiles: tiles.clone(),
            channels,
            transformed: to.cast_mut(),
            stride,
            channel_stride: self.row,
            bias: null(),
            width: self.stage.width,
            channels_last: false,
        };
        split(self.workers, outputs, &|channels| {
            let Blocks { ends, sums, strides, .. } = &self;
            // SAFETY: as for this function.
            unsafe { (kernels.winograd_cotangent)(&of(ends.u, sums.u, strides[0], channels)) };
        });
        split(self.workers, inputs, &|channels| {
            let Blocks { ends, sums, strides, .. } = &self;
            // SAFETY: as for this function.
            unsafe { (kernels.winograd_input)(&of(ends.x, sums.x, strides[1], channels)) };
        });
    }

    /// Adds the products of as many transformed tiles to the sums.
    ///
    /// # Safety
    /// As [`Blocks::transform`], which has been called for these tiles.
    unsafe fn add(&self, tiles: usize) {
        let (kernels, [outputs, inputs]) = (self.stage.kernels, self.channels);
        let run = Meeting::all(tiles);
        split(self.workers, PRODUCTS, &|positions| {
            let Blocks { sums, strides, .. } = &self;
            for position in positions {
                // SAFETY: as for this function.
                unsafe {
                    (kernels.weight_gradient)(&WeightGradient {
                        u: sums.u.add(position * strides[0]),
                        u_stride: self.row,
                        x: sums.x.add(position * strides[1]),
                        x_stride: self.row,
                        outputs: 0..outputs,
                        inputs,
                        out: sums.out.add(position * outputs * inputs),
                        starts: WHOLE.as_ptr(),
                        taps: 1,
                        runs: &raw const run,
                        width: self.stage.width,
                        count: self.stage.count,
                    });
                }
            }
        });
    }

    /// Transforms the sums over all tiles, and adds them to the gradient.
    ///
    /// # Safety
    /// As [`Gradient::run`].
    unsafe fn fold(&self) {
        let (kernels, [all, inputs]) = (self.stage.kernels, self.channels);
        split(self.workers, all, &|outputs| {
            let Blocks { ends, sums, .. } = &self;
            let (products, out) = (sums.out.cast_const(), ends.out);
            // SAFETY: as for this function.
            unsafe { (kernels.fold_weights)(&FoldWeights { products, all, outputs, inputs, out }) };
        });
    }
}

/// Where the operands and the sum lie.
struct Ends<T> {
    u: *const T,
    x: *const T,
    out: *mut T,
}

// SAFETY: threads write to different channels of the sum.
unsafe impl<T: Send> Sync for Ends<T> {}
