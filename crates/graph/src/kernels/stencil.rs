//! Convolutions with packed weights, in the roles of output and of input: rows of lanes in, rows of lanes out.
//!
//! A register tile is a block of outputs at a few neighbouring positions. A table says which position of the input
//! every tap of a position meets; taps outside the input meet a row of zeros, so that nothing branches within the sum.

use super::linear::{BLOCK, Linear, linear};
use super::vector::{Element, Vector};
use std::ops::Range;

/// What the table says where a tap meets nothing.
pub(crate) const OUTSIDE: u32 = u32::MAX;
/// Positions that a block of weights works on while it is in the nearest cache.
const STRIP: usize = 16;

/// Arguments of [`stencil`]: one group of channels.
pub(crate) struct Stencil<T> {
    /// `[channel][position][width]`
    pub input: *const T,
    /// Elements of a channel of the input.
    pub input_stride: usize,
    pub inputs: usize,
    /// Packed for `taps · inputs` terms, taps first.
    pub weights: *const T,
    /// The position of the input for every position of the output and tap.
    pub table: *const u32,
    pub taps: usize,
    pub outputs: usize,
    /// One number an output; null if there is none.
    pub bias: *const T,
    /// `[output][position][width]`
    pub out: *mut T,
    /// Elements of an output.
    pub out_stride: usize,
    /// The positions computed.
    pub positions: Range<usize>,
    /// Lanes of a position: 1, or whole chunks.
    pub width: usize,
    /// `width` zeros, then space for `taps · inputs` chunks if the width is 1.
    pub work: *mut T,
}

/// `out[o][p] = bias[o] + Σ w[tap, c][o] input[c][table[p, tap]]`.
///
/// # Safety
/// As [`Vector`]; all pointers are valid for their rows, and the table points into the input.
#[inline(always)]
pub(super) unsafe fn stencil<V: Vector>(k: &Stencil<V::Scalar>) {
    let mut first = k.positions.start;
    // SAFETY: handed on to the caller.
    unsafe {
        while first < k.positions.end {
            if k.width == 1 {
                let count = V::LANES.min(k.positions.end - first);
                numbers::<V>(k, first, count);
                first += V::LANES;
                continue;
            }
            let chunks = k.width / V::LANES;
            let end = k.positions.end.min(first + STRIP) * chunks;
            for output in (0..k.outputs).step_by(BLOCK) {
                let mut column = first * chunks;
                while column < end {
                    column += match (end - column).min(V::TILE_CHUNKS) {
                        1 => block::<V, 1>(k, output, column),
                        2 => block::<V, 2>(k, output, column),
                        _ => block::<V, 3>(k, output, column),
                    };
                }
            }
            first += STRIP;
        }
    }
}

/// Positions as lanes: the inputs that they meet are gathered, and the rest is a matrix product.
#[inline(always)]
unsafe fn numbers<V: Vector>(k: &Stencil<V::Scalar>, first: usize, count: usize) {
    // SAFETY: handed on to the caller.
    unsafe {
        let panel = k.work.add(V::LANES);
        for tap in 0..k.taps {
            for c in 0..k.inputs {
                let row = panel.add((tap * k.inputs + c) * V::LANES);
                let channel = k.input.add(c * k.input_stride);
                for lane in 0..count {
                    let at = *k.table.add((first + lane) * k.taps + tap);
                    *row.add(lane) =
                        if at == OUTSIDE { V::Scalar::default() } else { *channel.add(at as usize) };
                }
            }
        }
        linear::<V>(&Linear {
            input: panel,
            input_stride: V::LANES,
            weights: k.weights,
            inner: k.taps * k.inputs,
            outputs: 0..k.outputs,
            bias: k.bias,
            scale: None,
            out: k.out.add(first),
            out_stride: k.out_stride,
            activation: None,
            columns: count,
        });
    }
}

/// A block of outputs at `C` columns, which are chunks of positions; answers `C`.
#[inline(always)]
unsafe fn block<V: Vector, const C: usize>(k: &Stencil<V::Scalar>, output: usize, column: usize) -> usize {
    let rows = BLOCK.min(k.outputs - output);
    let mut done = 0;
    // SAFETY: handed on to the caller.
    unsafe {
        while done < rows {
            let left = rows - done;
            done += if V::TILE_ROWS >= 8 && left > 4 {
                tile::<V, 8, C>(k, output + done, left.min(8), column)
            } else if V::TILE_ROWS >= 4 && left > 2 {
                tile::<V, 4, C>(k, output + done, left.min(4), column)
            } else if left > 1 {
                tile::<V, 2, C>(k, output + done, left.min(2), column)
            } else {
                tile::<V, 1, C>(k, output + done, 1, column)
            };
        }
    }
    C
}

/// A register tile of `R` outputs (of which `rows` are stored) at `C` columns; answers `R`.
#[inline(always)]
unsafe fn tile<V: Vector, const R: usize, const C: usize>(
    k: &Stencil<V::Scalar>,
    output: usize,
    rows: usize,
    column: usize,
) -> usize {
    let chunks = k.width / V::LANES;
    // SAFETY: handed on to the caller.
    unsafe {
        let zero = V::splat(V::Scalar::from_f64(0.0));
        let mut sums = [[zero; C]; R];
        if !k.bias.is_null() {
            for (r, sum) in sums.iter_mut().enumerate().take(rows) {
                *sum = [V::splat(*k.bias.add(output + r)); C];
            }
        }
        let packed = k.weights.add(output / BLOCK * BLOCK * k.taps * k.inputs + output % BLOCK);
        for tap in 0..k.taps {
            let mut inputs = [k.work.cast_const(); C];
            let mut strides = [0; C];
            let mut met = false;
            for c in 0..C {
                let (position, chunk) = ((column + c) / chunks, (column + c) % chunks);
                let at = *k.table.add(position * k.taps + tap);
                if at != OUTSIDE {
                    inputs[c] = k.input.add(at as usize * k.width + chunk * V::LANES);
                    strides[c] = k.input_stride;
                    met = true;
                }
            }
            if !met {
                continue;
            }
            let mut weights = packed.add(tap * k.inputs * BLOCK);
            for _ in 0..k.inputs {
                let mut columns = [zero; C];
                for c in 0..C {
                    columns[c] = V::load(inputs[c]);
                    inputs[c] = inputs[c].wrapping_add(strides[c]);
                }
                for (r, row) in sums.iter_mut().enumerate() {
                    let weight = V::splat(*weights.add(r));
                    for (sum, column) in row.iter_mut().zip(&columns) {
                        *sum = weight.mul_add(*column, *sum);
                    }
                }
                weights = weights.add(BLOCK);
            }
        }
        for (r, row) in sums.iter().enumerate().take(rows) {
            for (c, sum) in row.iter().enumerate() {
                sum.store(k.out.add((output + r) * k.out_stride + (column + c) * V::LANES));
            }
        }
    }
    R
}
