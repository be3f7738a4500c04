//! The transpose of Winograd's algorithm by its weights: with y = Aᵀ[(G g Gᵀ) ⊙ (Bᵀ d B)]A, the gradient by g of ⟨u, y⟩ is
//! Gᵀ [Σ (A u Aᵀ) ⊙ (Bᵀ d B)] G, summed over tiles and samples.

use super::vector::{Element, Vector};
use super::winograd::{A, B, POSITIONS, REACH, SIDE, Transform};
use super::winograd_weights::WEIGHT_TRANSFORM;
use std::ops::Range;

#[inline(always)]
unsafe fn number<V: Vector>(x: f64) -> V {
    // SAFETY: handed on to the caller.
    unsafe { V::splat(V::Scalar::from_f64(x)) }
}

/// A u in one dimension.
#[inline(always)]
unsafe fn spread<V: Vector>(u: [V; SIDE]) -> [V; REACH] {
    // SAFETY: handed on to the caller.
    unsafe {
        let (even_a, odd_a) = (
            number::<V>(A * A).mul_add(u[2], u[0]),
            number::<V>(A * A * A).mul_add(u[3], number::<V>(A).mul(u[1])),
        );
        let (even_b, odd_b) = (
            number::<V>(B * B).mul_add(u[2], u[0]),
            number::<V>(B * B * B).mul_add(u[3], number::<V>(B).mul(u[1])),
        );
        [u[0], even_a.add(odd_a), even_a.sub(odd_a), even_b.add(odd_b), even_b.sub(odd_b), u[3]]
    }
}

/// Transforms tiles of cotangents of the output, A u Aᵀ; the image is that of the output, of whole chunks a pixel.
///
/// # Safety
/// As [`Vector`]; image and transformed values are valid for the channels and tiles named.
#[inline(always)]
pub(super) unsafe fn winograd_cotangent<V: Vector>(k: &Transform<V::Scalar>) {
    let breadth = k.tiling.output[1];
    // SAFETY: handed on to the caller.
    unsafe {
        let zero = number::<V>(0.0);
        for o in k.channels.clone() {
            let image = k.image.add(o * k.tiling.output[0] * breadth * k.width);
            for (slot, tile) in k.tiles.clone().enumerate() {
                let ([top, left], [rows, columns]) = k.extent(tile);
                for lane in (0..k.width).step_by(V::LANES) {
                    let mut half = [[zero; SIDE]; REACH];
                    for j in 0..columns {
                        let mut column = [zero; SIDE];
                        for (i, value) in column.iter_mut().enumerate().take(rows) {
                            *value = V::load(image.add(((top + i) * breadth + left + j) * k.width + lane));
                        }
                        for (row, value) in half.iter_mut().zip(spread(column)) {
                            row[j] = value;
                        }
                    }
                    let to = k.transformed.add(o * k.channel_stride + slot * k.width + lane);
                    for (i, row) in half.into_iter().enumerate() {
                        for (j, value) in spread(row).into_iter().enumerate() {
                            value.store(to.add((i * REACH + j) * k.stride));
                        }
                    }
                }
            }
        }
    }
}

/// Arguments of [`fold_weights`].
pub(crate) struct FoldWeights<T> {
    /// `[position][output][input]`, valid for a chunk more.
    pub products: *const T,
    /// All outputs.
    pub all: usize,
    /// Those computed.
    pub outputs: Range<usize>,
    pub inputs: usize,
    /// `[output][input][tap]`, added to.
    pub out: *mut T,
}

/// Adds Gᵀ M G to the gradient; the lanes are inputs.
///
/// # Safety
/// As [`Vector`]; products and gradient are valid.
#[inline(always)]
pub(super) unsafe fn fold_weights<V: Vector>(k: &FoldWeights<V::Scalar>) {
    // SAFETY: handed on to the caller; a chunk has 16 lanes at most.
    unsafe {
        for o in k.outputs.clone() {
            for first in (0..k.inputs).step_by(V::LANES) {
                let from = k.products.add(o * k.inputs + first);
                let mut half = [[number::<V>(0.0); REACH]; 3];
                for position in 0..POSITIONS {
                    let value = V::load(from.add(position * k.all * k.inputs));
                    for (row, &g) in half.iter_mut().zip(&WEIGHT_TRANSFORM[position / REACH]) {
                        let sum = &mut row[position % REACH];
                        *sum = number::<V>(g).mul_add(value, *sum);
                    }
                }
                for (a, row) in half.iter().enumerate() {
                    for b in 0..3 {
                        let mut sum = number::<V>(0.0);
                        for (value, g) in row.iter().zip(&WEIGHT_TRANSFORM) {
                            sum = number::<V>(g[b]).mul_add(*value, sum);
                        }
                        let mut lanes = [V::Scalar::default(); 16];
                        sum.store(lanes.as_mut_ptr());
                        for (c, &lane) in lanes.iter().enumerate().take(V::LANES.min(k.inputs - first)) {
                            let out = k.out.add((o * k.inputs + first + c) * 9 + a * 3 + b);
                            *out = (*out).plus(lane);
                        }
                    }
                }
            }
        }
    }
}
