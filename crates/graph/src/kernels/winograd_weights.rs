//! Weights of convolutions 3 × 3, transformed once for [`winograd`](super::winograd).

use super::linear::{BLOCK, packed_len};
use super::vector::{Element, Vector};
use super::winograd::{A, B, POSITIONS, REACH};
use std::ops::Range;

/// Transformed weights, packed for the matrix product position by position.
pub(crate) struct WinogradWeights<T> {
    values: Vec<T>,
}

impl<T: Element> WinogradWeights<T> {
    /// Transforms and packs the 3 × 3 weights (row-major) from every input to every output.
    pub fn new(inputs: usize, outputs: usize, weight: impl Fn(usize, usize) -> [f64; 9]) -> Self {
        let len = packed_len(inputs, outputs);
        let mut values = vec![T::default(); POSITIONS * len];
        for o in 0..outputs {
            for c in 0..inputs {
                let at = (o / BLOCK * inputs + c) * BLOCK + o % BLOCK;
                for (position, u) in transform_weight(&weight(c, o)).into_iter().enumerate() {
                    values[position * len + at] = T::from_f64(u);
                }
            }
        }
        WinogradWeights { values }
    }

    /// The packed numbers, position after position.
    pub fn into_values(self) -> Vec<T> {
        self.values
    }
}

/// Arguments of [`transform_weights`].
pub(crate) struct TransformWeights<T> {
    /// Nine numbers for every pair of channels.
    pub weights: *const T,
    /// Elements from one channel of the argument, and of the result, to the next.
    pub strides: [usize; 2],
    /// Are the taps in reverse order?
    pub turned: bool,
    pub inputs: usize,
    /// Channels of the result.
    pub all: usize,
    /// Those computed; the first is a multiple of twice [`BLOCK`].
    pub outputs: Range<usize>,
    /// All packed weights.
    pub to: *mut T,
}

/// Transforms and packs weights as [`WinogradWeights::new`], in the precision of the lanes, which are channels of the
/// result.
///
/// # Safety
/// As [`Vector`]; weights and packed weights are valid.
#[inline(always)]
pub(super) unsafe fn transform_weights<V: Vector>(k: &TransformWeights<V::Scalar>) {
    let len = packed_len(k.inputs, k.all);
    let zero = V::Scalar::default();
    // SAFETY: handed on to the caller; a chunk has 16 lanes at most, which are one or two blocks.
    unsafe {
        for first in k.outputs.clone().step_by(V::LANES) {
            let count = V::LANES.min(k.outputs.end - first);
            for c in 0..k.inputs {
                let mut taps = [[zero; 16]; 9];
                for lane in 0..count {
                    let from = k.weights.add(c * k.strides[0] + (first + lane) * k.strides[1]);
                    for (tap, lanes) in taps.iter_mut().enumerate() {
                        lanes[lane] = *from.add(if k.turned { 8 - tap } else { tap });
                    }
                }
                let mut g = [[V::splat(zero); 3]; 3];
                for (g, lanes) in g.iter_mut().flatten().zip(&taps) {
                    *g = V::load(lanes.as_ptr());
                }
                let half = expanded(g);
                let half: [[V; REACH]; 3] = std::array::from_fn(|j| std::array::from_fn(|i| half[i][j]));
                for (column, row) in expanded(half).iter().enumerate() {
                    for (i, value) in row.iter().enumerate() {
                        let mut lanes = [zero; 16];
                        value.store(lanes.as_mut_ptr());
                        let to = k.to.add((i * REACH + column) * len);
                        for (b, block) in lanes.chunks_exact(BLOCK).take(V::LANES / BLOCK).enumerate() {
                            let at = (first / BLOCK + b) * k.inputs * BLOCK + c * BLOCK;
                            std::ptr::copy_nonoverlapping(block.as_ptr(), to.add(at), BLOCK);
                        }
                    }
                }
            }
        }
    }
}

/// G g for columns of any number.
#[inline(always)]
unsafe fn expanded<V: Vector, const N: usize>(g: [[V; N]; 3]) -> [[V; N]; REACH] {
    // SAFETY: handed on to the caller.
    unsafe {
        let mut result = [g[0]; REACH];
        for (row, result) in WEIGHT_TRANSFORM.iter().zip(&mut result) {
            let [a, b, c] = row.map(|x| V::splat(V::Scalar::from_f64(x)));
            for (j, value) in result.iter_mut().enumerate() {
                *value = a.mul_add(g[0][j], b.mul_add(g[1][j], c.mul(g[2][j])));
            }
        }
        result
    }
}

/// Row of G for a point.
const fn point(t: f64, divisor: f64) -> [f64; 3] {
    [1.0 / divisor, t / divisor, t * t / divisor]
}

/// G.
pub(super) const WEIGHT_TRANSFORM: [[f64; 3]; REACH] = {
    let (a2, b2) = (A * A, B * B);
    let (fa, fb) = (2.0 * a2 * (a2 - b2), 2.0 * b2 * (b2 - a2));
    [point(0.0, a2 * b2), point(A, fa), point(-A, fa), point(B, fb), point(-B, fb), [0.0, 0.0, 1.0]]
};

/// G g Gᵀ.
fn transform_weight(g: &[f64; 9]) -> [f64; POSITIONS] {
    let mut half = [[0.0; 3]; REACH];
    for (row, half) in WEIGHT_TRANSFORM.iter().zip(&mut half) {
        for (j, value) in half.iter_mut().enumerate() {
            *value = row[0] * g[j] + row[1] * g[3 + j] + row[2] * g[6 + j];
        }
    }
    let mut result = [0.0; POSITIONS];
    for (half, out) in half.iter().zip(result.chunks_exact_mut(REACH)) {
        for (row, value) in WEIGHT_TRANSFORM.iter().zip(out) {
            *value = half[0] * row[0] + half[1] * row[1] + half[2] * row[2];
        }
    }
    result
}
