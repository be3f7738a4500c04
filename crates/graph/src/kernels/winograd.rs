//! Convolution 3 × 3 with fewer multiplications: F(4 × 4, 3 × 3) of Winograd (1980) and Lavin & Gray (2016).
//!
//! A tile of 6 × 6 inputs gives 4 × 4 outputs: transformed inputs V = Bᵀ d B, products M = Σ_c U_c V_c at each of the
//! 36 positions with the transformed weights U = G g Gᵀ, outputs Aᵀ M A. The interpolation points are 0, ±3/4, ±3/2 and
//! ∞, with which all constants but those of the weights are exact and the error in single precision stays below twice
//! that of the plain sum. The weights are transformed once, in f64.

use super::vector::{Element, Vector};
use std::ops::Range;

/// Side of a tile of outputs.
pub(crate) const SIDE: usize = 4;
/// Side of a tile of inputs.
pub(super) const REACH: usize = 6;
/// Products of a tile and channel.
pub(crate) const POSITIONS: usize = REACH * REACH;

/// The points of interpolation beside 0 and ∞: ±A and ±B.
pub(super) const A: f64 = 0.75;
pub(super) const B: f64 = 1.5;

/// Where the images and tiles of a convolution lie.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tiling {
    /// Height and width of the input.
    pub input: [usize; 2],
    /// Height and width of the output.
    pub output: [usize; 2],
    /// Rows and columns of zeros before the input.
    pub pad: [usize; 2],
}

impl Tiling {
    /// Tiles down and across.
    pub fn tiles(&self) -> [usize; 2] {
        self.output.map(|n| n.div_ceil(SIDE))
    }
}

/// Arguments of [`winograd_input`] and [`winograd_output`].
///
/// An image is `[channel][pixel][width]`. Transformed values are `[position][channel][tile][width]` with `stride`
/// elements a position; where `width` is 1, tiles are lanes, `[position][channel][tile]` padded to whole chunks.
pub(crate) struct Transform<T> {
    pub image: *mut T,
    pub tiling: Tiling,
    /// The tiles transformed.
    pub tiles: Range<usize>,
    /// The channels transformed.
    pub channels: Range<usize>,
    pub transformed: *mut T,
    /// Elements of a position.
    pub stride: usize,
    /// Elements of a channel in a position.
    pub channel_stride: usize,
    /// Added to every output: one number a channel; null if there is none.
    pub bias: *const T,
    /// Lanes of a pixel: 1, or whole chunks.
    pub width: usize,
    /// Outputs only: transformed values are `[position][tile][channel]`, `channel_stride` elements a tile.
    pub channels_last: bool,
}

impl<T> Transform<T> {
    /// First input row and column of a tile (before the image where negative).
    fn corner(&self, tile: usize) -> [isize; 2] {
        let across = self.tiling.tiles()[1];
        let at = [tile / across, tile % across];
        [0, 1].map(|axis| (at[axis] * SIDE) as isize - self.tiling.pad[axis] as isize)
    }

    /// First output row and column of a tile, and how many rows and columns of it are outputs.
    pub(super) fn extent(&self, tile: usize) -> ([usize; 2], [usize; 2]) {
        let across = self.tiling.tiles()[1];
        let at = [tile / across * SIDE, tile % across * SIDE];
        (at, [0, 1].map(|axis| SIDE.min(self.tiling.output[axis] - at[axis])))
    }
}

/// Bᵀ d in one dimension.
#[inline(always)]
unsafe fn forward<V: Vector>(d: [V; REACH]) -> [V; REACH] {
    // SAFETY: handed on to the caller.
    unsafe {
        let (a2, b2) = (number::<V>(-A * A), number::<V>(-B * B));
        let (product, sum) = (number::<V>(A * A * B * B), number::<V>(-A * A - B * B));
        let (even_a, odd_a) = (b2.mul_add(d[2], d[4]), b2.mul_add(d[1], d[3]));
        let (even_b, odd_b) = (a2.mul_add(d[2], d[4]), a2.mul_add(d[1], d[3]));
        [
            product.mul_add(d[0], sum.mul_add(d[2], d[4])),
            number::<V>(A).mul_add(odd_a, even_a),
            number::<V>(-A).mul_add(odd_a, even_a),
            number::<V>(B).mul_add(odd_b, even_b),
            number::<V>(-B).mul_add(odd_b, even_b),
            product.mul_add(d[1], sum.mul_add(d[3], d[5])),
        ]
    }
}

/// Aᵀ m in one dimension.
#[inline(always)]
unsafe fn backward<V: Vector>(m: [V; REACH]) -> [V; SIDE] {
    // SAFETY: handed on to the caller.
    unsafe {
        let (even_a, odd_a) = (m[1].add(m[2]), m[1].sub(m[2]));
        let (even_b, odd_b) = (m[3].add(m[4]), m[3].sub(m[4]));
        let (a, b) = (number::<V>(A), number::<V>(B));
        let (a2, b2) = (number::<V>(A * A), number::<V>(B * B));
        let (a3, b3) = (number::<V>(A * A * A), number::<V>(B * B * B));
        [
            m[0].add(even_a).add(even_b),
            a.mul_add(odd_a, b.mul(odd_b)),
            a2.mul_add(even_a, b2.mul(even_b)),
            a3.mul_add(odd_a, b3.mul_add(odd_b, m[5])),
        ]
    }
}

#[inline(always)]
unsafe fn number<V: Vector>(x: f64) -> V {
    // SAFETY: handed on to the caller.
    unsafe { V::splat(V::Scalar::from_f64(x)) }
}

/// Both dimensions, for 6 × 6 vectors at once.
#[inline(always)]
unsafe fn forward_tile<V: Vector>(d: &mut [[V; REACH]; REACH]) {
    // SAFETY: handed on to the caller.
    unsafe {
        for j in 0..REACH {
            let column = forward([d[0][j], d[1][j], d[2][j], d[3][j], d[4][j], d[5][j]]);
            for (row, value) in d.iter_mut().zip(column) {
                row[j] = value;
            }
        }
        for row in d.iter_mut() {
            *row = forward(*row);
        }
    }
}

/// Transforms tiles of the input.
///
/// # Safety
/// As [`Vector`]; image and transformed values are valid for the channels and tiles named.
#[inline(always)]
pub(super) unsafe fn winograd_input<V: Vector>(k: &Transform<V::Scalar>) {
    // SAFETY: handed on to the caller.
    unsafe {
        if k.width == 1 {
            return input_numbers::<V>(k);
        }
        let [height, breadth] = k.tiling.input.map(|n| n as isize);
        let zero = number::<V>(0.0);
        for c in k.channels.clone() {
            let image = k.image.add(c * k.tiling.input[0] * k.tiling.input[1] * k.width);
            for (slot, tile) in k.tiles.clone().enumerate() {
                let [top, left] = k.corner(tile);
                for lane in (0..k.width).step_by(V::LANES) {
                    let mut d = [[zero; REACH]; REACH];
                    for (i, row) in d.iter_mut().enumerate() {
                        let y = top + i as isize;
                        if y < 0 || y >= height {
                            continue;
                        }
                        for (j, value) in row.iter_mut().enumerate() {
                            let x = left + j as isize;
                            if x >= 0 && x < breadth {
                                *value = V::load(image.add((y * breadth + x) as usize * k.width + lane));
                            }
                        }
                    }
                    forward_tile(&mut d);
                    let to = k.transformed.add(c * k.channel_stride + slot * k.width + lane);
                    for (position, value) in d.iter().flatten().enumerate() {
                        value.store(to.add(position * k.stride));
                    }
                }
            }
        }
    }
}

/// As [`winograd_input`] for images of numbers: the lanes are tiles.
#[inline(always)]
unsafe fn input_numbers<V: Vector>(k: &Transform<V::Scalar>) {
    let [height, breadth] = k.tiling.input;
    // SAFETY: handed on to the caller; a chunk has 16 lanes at most.
    unsafe {
        for c in k.channels.clone() {
            let image = k.image.add(c * height * breadth);
            for first in k.tiles.clone().step_by(V::LANES) {
                let mut gathered = [[[V::Scalar::default(); 16]; REACH]; REACH];
                for (lane, tile) in (first..k.tiles.end.min(first + V::LANES)).enumerate() {
                    let [top, left] = k.corner(tile);
                    for (i, row) in gathered.iter_mut().enumerate() {
                        let y = (top + i as isize) as usize;
                        if y >= height {
                            continue;
                        }
                        for (j, value) in row.iter_mut().enumerate() {
                            let x = (left + j as isize) as usize;
                            if x < breadth {
                                value[lane] = *image.add(y * breadth + x);
                            }
                        }
                    }
                }
                let mut d = [[number::<V>(0.0); REACH]; REACH];
                for (row, gathered) in d.iter_mut().zip(&gathered) {
                    for (value, lanes) in row.iter_mut().zip(gathered) {
                        *value = V::load(lanes.as_ptr());
                    }
                }
                forward_tile(&mut d);
                let to = k.transformed.add(c * k.channel_stride + (first - k.tiles.start));
                for (position, value) in d.iter().flatten().enumerate() {
                    value.store(to.add(position * k.stride));
                }
            }
        }
    }
}

/// Products of a tile at one place to its outputs, with the bias.
#[inline(always)]
unsafe fn backward_tile<V: Vector>(from: *const V::Scalar, stride: usize, bias: V) -> [[V; SIDE]; SIDE] {
    // SAFETY: handed on to the caller.
    unsafe {
        let zero = number::<V>(0.0);
        let mut half = [[zero; REACH]; SIDE];
        for j in 0..REACH {
            let mut column = [zero; REACH];
            for (i, value) in column.iter_mut().enumerate() {
                *value = V::load(from.add((i * REACH + j) * stride));
            }
            let column = backward(column);
            for (row, value) in half.iter_mut().zip(column) {
                row[j] = value;
            }
        }
        let mut result = [[bias; SIDE]; SIDE];
        for (row, half) in result.iter_mut().zip(half) {
            for (value, product) in row.iter_mut().zip(backward(half)) {
                *value = product.add(bias);
            }
        }
        result
    }
}

/// Transforms products back to tiles of the output.
///
/// # Safety
/// As [`Vector`]; image and transformed values are valid for the channels and tiles named, and the latter for reads
/// of a chunk more.
#[inline(always)]
pub(super) unsafe fn winograd_output<V: Vector>(k: &Transform<V::Scalar>) {
    // SAFETY: handed on to the caller.
    unsafe {
        if k.width == 1 {
            return if k.channels_last { output_channels::<V>(k) } else { output_numbers::<V>(k) };
        }
        let breadth = k.tiling.output[1];
        for o in k.channels.clone() {
            let bias = if k.bias.is_null() { number::<V>(0.0) } else { V::splat(*k.bias.add(o)) };
            let image = k.image.add(o * k.tiling.output[0] * breadth * k.width);
            for (slot, tile) in k.tiles.clone().enumerate() {
                let ([top, left], [rows, columns]) = k.extent(tile);
                for lane in (0..k.width).step_by(V::LANES) {
                    let from = k.transformed.add(o * k.channel_stride + slot * k.width + lane);
                    let values = backward_tile::<V>(from, k.stride, bias);
                    for (i, row) in values.iter().enumerate().take(rows) {
                        for (j, value) in row.iter().enumerate().take(columns) {
                            value.store(image.add(((top + i) * breadth + left + j) * k.width + lane));
                        }
                    }
                }
            }
        }
    }
}

/// As [`winograd_output`] for images of numbers: the lanes are tiles.
#[inline(always)]
unsafe fn output_numbers<V: Vector>(k: &Transform<V::Scalar>) {
    let [height, breadth] = k.tiling.output;
    // SAFETY: handed on to the caller; a chunk has 16 lanes at most.
    unsafe {
        for o in k.channels.clone() {
            let bias = if k.bias.is_null() { number::<V>(0.0) } else { V::splat(*k.bias.add(o)) };
            let image = k.image.add(o * height * breadth);
            for first in k.tiles.clone().step_by(V::LANES) {
                let from = k.transformed.add(o * k.channel_stride + (first - k.tiles.start));
                let lanes = spread::<V>(&backward_tile::<V>(from, k.stride, bias));
                for (lane, tile) in (first..k.tiles.end.min(first + V::LANES)).enumerate() {
                    put(k, &lanes, lane, image, tile);
                }
            }
        }
    }
}

/// As [`winograd_output`] for images of numbers: the lanes are channels.
#[inline(always)]
unsafe fn output_channels<V: Vector>(k: &Transform<V::Scalar>) {
    let [height, breadth] = k.tiling.output;
    // SAFETY: handed on to the caller; a chunk has 16 lanes at most.
    unsafe {
        for first in k.channels.clone().step_by(V::LANES) {
            let count = V::LANES.min(k.channels.end - first);
            let mut bias = [V::Scalar::default(); 16];
            if !k.bias.is_null() {
                std::ptr::copy_nonoverlapping(k.bias.add(first), bias.as_mut_ptr(), count);
            }
            for (slot, tile) in k.tiles.clone().enumerate() {
                let from = k.transformed.add(slot * k.channel_stride + first);
                let lanes = spread::<V>(&backward_tile::<V>(from, k.stride, V::load(bias.as_ptr())));
                for lane in 0..count {
                    put(k, &lanes, lane, k.image.add((first + lane) * height * breadth), tile);
                }
            }
        }
    }
}

/// Writes one lane of a tile's outputs into an image.
///
/// # Safety
/// The image is valid, and has the tile.
#[inline(always)]
unsafe fn put<T: Element>(
    k: &Transform<T>,
    lanes: &[[[T; 16]; SIDE]; SIDE],
    lane: usize,
    image: *mut T,
    tile: usize,
) {
    let ([top, left], [rows, columns]) = k.extent(tile);
    for (i, row) in lanes.iter().enumerate().take(rows) {
        for (j, value) in row.iter().enumerate().take(columns) {
            // SAFETY: as for this function.
            unsafe { *image.add((top + i) * k.tiling.output[1] + left + j) = value[lane] };
        }
    }
}

/// The lanes of a tile's outputs.
#[inline(always)]
unsafe fn spread<V: Vector>(values: &[[V; SIDE]; SIDE]) -> [[[V::Scalar; 16]; SIDE]; SIDE] {
    let mut lanes = [[[V::Scalar::default(); 16]; SIDE]; SIDE];
    for (row, values) in lanes.iter_mut().zip(values) {
        for (lanes, value) in row.iter_mut().zip(values) {
            // SAFETY: handed on to the caller; a chunk has 16 lanes at most.
            unsafe { value.store(lanes.as_mut_ptr()) };
        }
    }
    lanes
}
