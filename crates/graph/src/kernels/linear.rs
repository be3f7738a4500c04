//! The matrix product with packed weights: rows of lanes in, rows of lanes out.
//!
//! The lanes of an activation panel are the columns of the product, so that a panel is already the packed operand.
//! Weights are packed once in blocks [inner][[`BLOCK`]]. A register tile of TILE_ROWS outputs by TILE_CHUNKS chunks
//! runs over the inner length; then, still in registers, bias or stored slopes are applied, and a nonlinearity is
//! applied to the finished block while it is in the nearest cache.

use super::functions::Map;
use super::vector::{Element, Vector};
use super::view::View;
use crate::ir::Function;
use std::ops::Range;

/// Outputs of a block of packed weights.
pub(crate) const BLOCK: usize = 8;

/// Weights packed as `[block][inner][BLOCK]`, padded with zeros to an even number of blocks.
pub(crate) struct Packed<T> {
    values: Vec<T>,
    pub inner: usize,
    pub outputs: usize,
}

impl<T: Element> Packed<T> {
    /// Packs `weights[inner, outputs]`.
    pub fn new(weights: &[f64], inner: usize, outputs: usize) -> Self {
        Packed::from_fn(inner, outputs, |l, o| weights[l * outputs + o])
    }

    /// Packs the weight from input `l` to output `o`.
    pub fn from_fn(inner: usize, outputs: usize, weight: impl Fn(usize, usize) -> f64) -> Self {
        let mut values = vec![T::default(); packed_len(inner, outputs)];
        for (b, block) in values.chunks_exact_mut((BLOCK * inner).max(1)).enumerate() {
            for (l, row) in block.chunks_exact_mut(BLOCK).enumerate() {
                for (r, value) in row.iter_mut().enumerate().take(outputs.saturating_sub(b * BLOCK)) {
                    *value = T::from_f64(weight(l, b * BLOCK + r));
                }
            }
        }
        Packed { values, inner, outputs }
    }

    pub fn as_ptr(&self) -> *const T {
        self.values.as_ptr()
    }

    /// The packed numbers.
    pub fn into_values(self) -> Vec<T> {
        self.values
    }
}

/// Numbers of packed weights, with their padding.
pub(crate) fn packed_len(inner: usize, outputs: usize) -> usize {
    outputs.div_ceil(2 * BLOCK) * 2 * BLOCK * inner
}

/// Arguments of [`linear`].
pub(crate) struct Linear<T> {
    /// `inner` rows.
    pub input: *const T,
    /// Distance between rows of the input.
    pub input_stride: usize,
    pub weights: *const T,
    pub inner: usize,
    /// The outputs computed; the first is a multiple of [`BLOCK`].
    pub outputs: Range<usize>,
    /// Added to every output: one number a row; null if there is none.
    pub bias: *const T,
    /// Multiplied with every output.
    pub scale: Option<View<T>>,
    /// All rows of outputs, of which `outputs` are written.
    pub out: *mut T,
    /// Distance between rows of the outputs, and of their slopes.
    pub out_stride: usize,
    /// Applied to the outputs, with the place for its slopes (or null); the values replace the outputs.
    pub activation: Option<Activation<T>>,
    /// Elements of a row.
    pub columns: usize,
}

/// A nonlinearity after a product.
#[derive(Clone, Copy)]
pub(crate) struct Activation<T> {
    pub function: Function,
    pub slope: *mut T,
    /// The kernel [`super::functions::map`] of the same instruction set.
    pub map: unsafe fn(&Map<T>),
}

/// out = f(weightsᵀ input + bias), or (weightsᵀ input) · scale.
///
/// # Safety
/// As [`Vector`]; all pointers are valid for their rows of `columns` elements, and the input for reads of a chunk
/// more. An activation needs whole chunks, and rows that follow one another.
#[inline(always)]
pub(super) unsafe fn linear<V: Vector>(k: &Linear<V::Scalar>) {
    let mut first = k.outputs.start;
    // SAFETY: handed on to the caller.
    unsafe {
        while first < k.outputs.end {
            let rows = BLOCK.min(k.outputs.end - first);
            let mut column = 0;
            while column < k.columns {
                let whole = (k.columns - column) / V::LANES;
                column += V::LANES
                    * match whole.min(V::TILE_CHUNKS) {
                        0 | 1 => block::<V, 1>(k, first, rows, column),
                        // Two and two are better than three and one.
                        3 if whole == 4 => block::<V, 2>(k, first, rows, column),
                        2 => block::<V, 2>(k, first, rows, column),
                        _ => block::<V, 3>(k, first, rows, column),
                    };
            }
            if let Some(activation) = &k.activation {
                activate::<V>(k, activation, first, rows);
            }
            first += BLOCK;
        }
    }
}

#[inline(always)]
unsafe fn activate<V: Vector>(
    k: &Linear<V::Scalar>,
    activation: &Activation<V::Scalar>,
    first: usize,
    rows: usize,
) {
    // SAFETY: the block just written is valid, and so are the slopes' rows where they are wanted.
    unsafe {
        let stride = k.out_stride;
        let block = k.out.add(first * stride);
        let input = View { base: block.cast_const(), stride, splat: false, rows: std::ptr::null() };
        let slope =
            if activation.slope.is_null() { activation.slope } else { activation.slope.add(first * stride) };
        let chunks = k.columns / V::LANES;
        (activation.map)(&Map { function: activation.function, input, value: block, slope, rows, chunks });
    }
}

/// A block of outputs at `C` chunks of columns; answers `C`.
#[inline(always)]
unsafe fn block<V: Vector, const C: usize>(
    k: &Linear<V::Scalar>,
    first: usize,
    rows: usize,
    column: usize,
) -> usize {
    let mut done = 0;
    // SAFETY: handed on to the caller.
    unsafe {
        while done < rows {
            let left = rows - done;
            done += if V::TILE_ROWS >= 8 && left > 4 {
                tile::<V, 8, C>(k, first + done, left.min(8), column)
            } else if V::TILE_ROWS >= 4 && left > 2 {
                tile::<V, 4, C>(k, first + done, left.min(4), column)
            } else if left > 1 {
                tile::<V, 2, C>(k, first + done, left.min(2), column)
            } else {
                tile::<V, 1, C>(k, first + done, 1, column)
            };
        }
    }
    C
}

/// A register tile: `R` outputs from `first` on (of which `rows` are stored) at `C` chunks; answers `R`.
#[inline(always)]
unsafe fn tile<V: Vector, const R: usize, const C: usize>(
    k: &Linear<V::Scalar>,
    first: usize,
    rows: usize,
    column: usize,
) -> usize {
    // SAFETY: handed on to the caller; `first` lies in a block whose packed rows reach to a multiple of BLOCK.
    unsafe {
        let zero = V::splat(V::Scalar::from_f64(0.0));
        let mut sums = [[zero; C]; R];
        if !k.bias.is_null() {
            for (r, sum) in sums.iter_mut().enumerate().take(rows) {
                *sum = [V::splat(*k.bias.add(first + r)); C];
            }
        }
        let mut weights = k.weights.add(first / BLOCK * BLOCK * k.inner + first % BLOCK);
        let mut input = k.input.add(column);
        for _ in 0..k.inner {
            let mut columns = [zero; C];
            for (c, column) in columns.iter_mut().enumerate() {
                *column = V::load(input.add(c * V::LANES));
            }
            for (r, row) in sums.iter_mut().enumerate() {
                let weight = V::splat(*weights.add(r));
                for (sum, column) in row.iter_mut().zip(&columns) {
                    *sum = weight.mul_add(*column, *sum);
                }
            }
            weights = weights.add(BLOCK);
            input = input.add(k.input_stride);
        }
        let out = k.out.add(first * k.out_stride + column);
        // Separate loops with small bodies, so that the sums stay in registers.
        if C == 1 && k.columns - column < V::LANES {
            for (r, row) in sums.iter_mut().enumerate() {
                if r < rows {
                    let scaled = match &k.scale {
                        Some(scale) => row[0].mul(scale.row::<V>(first + r).chunk(column / V::LANES)),
                        None => row[0],
                    };
                    scaled.store_first(out.add(r * k.out_stride), k.columns - column);
                }
            }
            return R;
        }
        if let Some(scale) = &k.scale {
            let at = column / V::LANES;
            if scale.splat {
                scaled::<V, R, C, true>(&mut sums, scale, first, rows, at);
            } else {
                scaled::<V, R, C, false>(&mut sums, scale, first, rows, at);
            }
        }
        for (r, row) in sums.iter().enumerate() {
            if r < rows {
                for (c, sum) in row.iter().enumerate() {
                    sum.store(out.add(r * k.out_stride + c * V::LANES));
                }
            }
        }
    }
    R
}

/// Multiplies finished sums by their factors.
#[inline(always)]
unsafe fn scaled<V: Vector, const R: usize, const C: usize, const SPLAT: bool>(
    sums: &mut [[V; C]; R],
    scale: &View<V::Scalar>,
    first: usize,
    rows: usize,
    chunk: usize,
) {
    // SAFETY: handed on to the caller.
    unsafe {
        for (r, row) in sums.iter_mut().enumerate() {
            if r < rows {
                let factors = scale.start(first + r);
                for (c, sum) in row.iter_mut().enumerate() {
                    *sum = sum.mul(V::load_or_splat::<SPLAT>(factors, chunk + c));
                }
            }
        }
    }
}

/// Arguments of [`outer`].
pub(crate) struct Outer<T> {
    /// The number `l` of token `t` lies at `t · token_stride + l · inner_stride`.
    pub input: *const T,
    pub token_stride: usize,
    pub inner_stride: usize,
    pub tokens: usize,
    pub weights: *const T,
    pub inner: usize,
    /// The outputs computed; the first is a multiple of twice [`BLOCK`].
    pub outputs: Range<usize>,
    /// One number an output; null if there is none.
    pub bias: *const T,
    /// Multiplied with the results, in the same places; null if there is none.
    pub scale: *const T,
    /// Output `o` of token `t` goes to `t · out_stride + o`.
    pub out: *mut T,
    pub out_stride: usize,
}

/// The same product for numbers instead of lanes: the lanes are outputs.
///
/// # Safety
/// As [`Vector`]; all pointers are valid for the numbers named.
#[inline(always)]
pub(super) unsafe fn outer<V: Vector>(k: &Outer<V::Scalar>) {
    let mut output = k.outputs.start;
    // SAFETY: handed on to the caller.
    unsafe {
        while output < k.outputs.end {
            let wide = V::TILE_CHUNKS >= 2 && k.outputs.end - output > V::LANES;
            let mut token = 0;
            while token < k.tokens {
                token += match (wide, (k.tokens - token).min(4)) {
                    (true, 4) => outer_tile::<V, 4, 2>(k, token, output),
                    (true, _) => outer_tile::<V, 1, 2>(k, token, output),
                    (false, 4) => outer_tile::<V, 4, 1>(k, token, output),
                    (false, _) => outer_tile::<V, 1, 1>(k, token, output),
                };
            }
            output += if wide { 2 * V::LANES } else { V::LANES };
        }
    }
}

/// A register tile of `R` tokens by `C` chunks of outputs; answers `R`.
#[inline(always)]
unsafe fn outer_tile<V: Vector, const R: usize, const C: usize>(
    k: &Outer<V::Scalar>,
    token: usize,
    output: usize,
) -> usize {
    // SAFETY: handed on to the caller; packed weights reach to a multiple of twice BLOCK.
    unsafe {
        let mut sums = [[V::splat(V::Scalar::from_f64(0.0)); C]; R];
        let left = |c: usize| V::LANES.min((k.outputs.end - output).saturating_sub(c * V::LANES));
        if !k.bias.is_null() {
            for c in 0..C {
                let mut lanes = [V::Scalar::default(); 16];
                std::ptr::copy_nonoverlapping(k.bias.add(output + c * V::LANES), lanes.as_mut_ptr(), left(c));
                for row in &mut sums {
                    row[c] = V::load(lanes.as_ptr());
                }
            }
        }
        let run = k.inner * BLOCK;
        let start = |o: usize| k.weights.wrapping_add(o / BLOCK * run + o % BLOCK);
        let mut weights: [_; C] = std::array::from_fn(|c| start(output + c * V::LANES));
        let mut input = k.input.add(token * k.token_stride);
        for _ in 0..k.inner {
            for c in 0..C {
                let weight = V::load_runs(weights[c], run);
                weights[c] = weights[c].wrapping_add(BLOCK);
                for (r, row) in sums.iter_mut().enumerate() {
                    row[c] = weight.mul_add(V::splat(*input.add(r * k.token_stride)), row[c]);
                }
            }
            input = input.add(k.inner_stride);
        }
        for (r, row) in sums.iter().enumerate() {
            for (c, sum) in row.iter().enumerate() {
                let at = (token + r) * k.out_stride + output + c * V::LANES;
                let scaled = if k.scale.is_null() { *sum } else { sum.mul(V::load(k.scale.add(at))) };
                scaled.store_first(k.out.add(at), left(c));
            }
        }
    }
    R
}
