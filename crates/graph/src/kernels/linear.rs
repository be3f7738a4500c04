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

/// Outputs of a block of packed weights.
pub(crate) const BLOCK: usize = 8;

/// Weights packed as `[block][inner][BLOCK]`, padded with zeros.
pub(crate) struct Packed<T> {
    values: Vec<T>,
    pub inner: usize,
    pub outputs: usize,
}

impl<T: Element> Packed<T> {
    /// Packs `weights[inner, outputs]`.
    pub fn new(weights: &[f64], inner: usize, outputs: usize) -> Self {
        let mut values = vec![T::default(); outputs.div_ceil(BLOCK) * BLOCK * inner];
        for l in 0..inner {
            for o in 0..outputs {
                let at = (o / BLOCK * inner + l) * BLOCK + o % BLOCK;
                values[at] = T::from_f64(weights[l * outputs + o]);
            }
        }
        Packed { values, inner, outputs }
    }

    pub fn as_ptr(&self) -> *const T {
        self.values.as_ptr()
    }
}

/// Arguments of [`linear`].
pub(crate) struct Linear<T> {
    /// `inner` rows.
    pub input: *const T,
    pub weights: *const T,
    pub inner: usize,
    pub outputs: usize,
    /// Added to every output: one number a row; null if there is none.
    pub bias: *const T,
    /// Multiplied with every output, `outputs` rows; null if there is none.
    pub scale: *const T,
    /// `outputs` rows.
    pub out: *mut T,
    /// Applied to the outputs, with the place for its slopes (or null); the values replace the outputs.
    pub activation: Option<Activation<T>>,
    pub chunks: usize,
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
/// As [`Vector`]; all pointers are valid for their rows of `chunks` chunks.
#[inline(always)]
pub(super) unsafe fn linear<V: Vector>(k: &Linear<V::Scalar>) {
    let width = k.chunks * V::LANES;
    let mut first = 0;
    // SAFETY: handed on to the caller.
    unsafe {
        while first < k.outputs {
            let rows = BLOCK.min(k.outputs - first);
            let mut chunk = 0;
            while chunk < k.chunks {
                let left = k.chunks - chunk;
                chunk += match left.min(V::TILE_CHUNKS) {
                    1 => block::<V, 1>(k, first, rows, chunk),
                    2 => block::<V, 2>(k, first, rows, chunk),
                    _ => block::<V, 3>(k, first, rows, chunk),
                };
            }
            if let Some(activation) = &k.activation {
                activate(k, activation, first, rows, width);
            }
            first += BLOCK;
        }
    }
}

#[inline(always)]
unsafe fn activate<T>(k: &Linear<T>, activation: &Activation<T>, first: usize, rows: usize, width: usize) {
    // SAFETY: the block just written is valid, and so are the slopes' rows where they are wanted.
    unsafe {
        let block = k.out.add(first * width);
        let input = View { base: block.cast_const(), stride: width, splat: false, rows: std::ptr::null() };
        let slope =
            if activation.slope.is_null() { activation.slope } else { activation.slope.add(first * width) };
        let chunks = k.chunks;
        (activation.map)(&Map { function: activation.function, input, value: block, slope, rows, chunks });
    }
}

/// A block of outputs at `C` chunks; answers `C`.
#[inline(always)]
unsafe fn block<V: Vector, const C: usize>(
    k: &Linear<V::Scalar>,
    first: usize,
    rows: usize,
    chunk: usize,
) -> usize {
    let mut done = 0;
    // SAFETY: handed on to the caller.
    unsafe {
        while done < rows {
            let left = rows - done;
            done += if V::TILE_ROWS >= 8 && left > 4 {
                tile::<V, 8, C>(k, first + done, left.min(8), chunk)
            } else if V::TILE_ROWS >= 4 && left > 2 {
                tile::<V, 4, C>(k, first + done, left.min(4), chunk)
            } else if left > 1 {
                tile::<V, 2, C>(k, first + done, left.min(2), chunk)
            } else {
                tile::<V, 1, C>(k, first + done, 1, chunk)
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
    chunk: usize,
) -> usize {
    let width = k.chunks * V::LANES;
    let at = chunk * V::LANES;
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
        let mut input = k.input.add(at);
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
            input = input.add(width);
        }
        for (r, row) in sums.iter().enumerate() {
            if r < rows {
                for (c, sum) in row.iter().enumerate() {
                    let to = (first + r) * width + at + c * V::LANES;
                    let scaled = if k.scale.is_null() { *sum } else { sum.mul(V::load(k.scale.add(to))) };
                    scaled.store(k.out.add(to));
                }
            }
        }
    }
    R
}
