//! Gradients of convolutions by their weights, summed over positions and lanes.
//!
//! For a pair of channels and a tap it is the inner product of two rows of numbers that lie side by side as they are:
//! lanes of positions that meet. A register tile is a few channels of each kind; its lanes are added up at its end.

use super::total::first_lanes;
use super::vector::{Element, Vector};
use std::ops::Range;

/// Positions that meet at a tap: `p + n` of the result and `i + n · step` of the argument for n < `len`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Meeting {
    p: u32,
    i: u32,
    step: u32,
    len: u32,
}

impl Meeting {
    /// Of one pair of positions.
    pub fn new(p: u32, i: u32) -> Meeting {
        Meeting { p, i, step: 0, len: 1 }
    }

    /// Of the first positions with one another.
    pub fn all(len: usize) -> Meeting {
        Meeting { p: 0, i: 0, step: 1, len: len as u32 }
    }

    /// Does it go on with a pair?
    pub fn takes(&self, p: u32, i: u32) -> bool {
        p == self.p + self.len
            && (if self.len == 1 { i > self.i } else { i == self.i + self.len * self.step })
    }

    /// Goes on with the next position, which meets `i`.
    pub fn take(&mut self, i: u32) {
        if self.len == 1 {
            self.step = i - self.i;
        }
        self.len += 1;
    }
}

/// Arguments of [`weight_gradient`]: one group of channels and one block of positions.
pub(crate) struct WeightGradient<T> {
    /// `[output][position][width]`
    pub u: *const T,
    /// Elements of an output.
    pub u_stride: usize,
    /// `[input][position][width]`
    pub x: *const T,
    /// Elements of an input.
    pub x_stride: usize,
    /// The outputs computed.
    pub outputs: Range<usize>,
    pub inputs: usize,
    /// `[output][input][tap]`, added to.
    pub out: *mut T,
    /// Where the runs of every tap start; one more at the end.
    pub starts: *const u32,
    pub taps: usize,
    pub runs: *const Meeting,
    /// Lanes of a position.
    pub width: usize,
    /// Lanes that hold a sample.
    pub count: usize,
}

/// `out[o][c][q] += Σ u[o][p] x[c][i]` over the positions that meet at tap q, and over lanes.
///
/// # Safety
/// As [`Vector`]; all pointers are valid for their rows, and the runs point into them.
#[inline(always)]
pub(super) unsafe fn weight_gradient<V: Vector>(k: &WeightGradient<V::Scalar>) {
    // Inputs whose rows are worked on while they are in the nearest cache.
    let together = if V::TILE_ROWS >= 8 { 8 } else { 6 };
    // SAFETY: handed on to the caller.
    unsafe {
        for lane in (0..k.count).step_by(V::LANES) {
            for tap in 0..k.taps {
                for first in (0..k.inputs).step_by(together) {
                    let inputs = first..k.inputs.min(first + together);
                    if V::TILE_ROWS >= 8 {
                        tiles::<V, 4, 4>(k, lane, tap, &inputs);
                    } else {
                        tiles::<V, 2, 3>(k, lane, tap, &inputs);
                    }
                }
            }
        }
    }
}

#[inline(always)]
unsafe fn tiles<V: Vector, const R: usize, const C: usize>(
    k: &WeightGradient<V::Scalar>,
    lane: usize,
    tap: usize,
    inputs: &Range<usize>,
) {
    // SAFETY: handed on to the caller.
    unsafe {
        for o in k.outputs.clone().step_by(R) {
            for c in inputs.clone().step_by(C) {
                if k.outputs.end - o >= R && inputs.end - c >= C {
                    tile::<V, R, C>(k, lane, tap, [o, c]);
                    continue;
                }
                for o in o..k.outputs.end.min(o + R) {
                    for c in c..inputs.end.min(c + C) {
                        tile::<V, 1, 1>(k, lane, tap, [o, c]);
                    }
                }
            }
        }
    }
}

/// A register tile of `R` outputs and `C` inputs.
#[inline(always)]
unsafe fn tile<V: Vector, const R: usize, const C: usize>(
    k: &WeightGradient<V::Scalar>,
    lane: usize,
    tap: usize,
    [o, c]: [usize; 2],
) {
    // SAFETY: handed on to the caller.
    unsafe {
        let mut sums = [[V::splat(V::Scalar::default()); C]; R];
        for run in *k.starts.add(tap)..*k.starts.add(tap + 1) {
            let run = &*k.runs.add(run as usize);
            let mut u = k.u.add(o * k.u_stride + run.p as usize * k.width + lane);
            let mut x = k.x.add(c * k.x_stride + run.i as usize * k.width + lane);
            let step = run.step as usize * k.width;
            for _ in 0..run.len {
                let mut right = [sums[0][0]; C];
                for (c, right) in right.iter_mut().enumerate() {
                    *right = V::load(x.add(c * k.x_stride));
                }
                for (r, sums) in sums.iter_mut().enumerate() {
                    let left = V::load(u.add(r * k.u_stride));
                    for (sum, right) in sums.iter_mut().zip(&right) {
                        *sum = left.mul_add(*right, *sum);
                    }
                }
                u = u.wrapping_add(k.width);
                x = x.wrapping_add(step);
            }
        }
        for (r, sums) in sums.iter().enumerate() {
            for (j, sum) in sums.iter().enumerate() {
                let out = k.out.add(((o + r) * k.inputs + c + j) * k.taps + tap);
                *out = (*out).plus(first_lanes::<V>(*sum, k.count - lane).sum());
            }
        }
    }
}
