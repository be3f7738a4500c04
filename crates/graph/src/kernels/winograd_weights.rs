//! Weights of convolutions 3 × 3, transformed once for [`winograd`](super::winograd).

use super::linear::{BLOCK, packed_len};
use super::vector::Element;
use super::winograd::{A, B, POSITIONS, REACH};

/// Transformed weights, packed for the matrix product position by position.
pub(crate) struct WinogradWeights<T> {
    values: Vec<T>,
    pub inputs: usize,
    pub outputs: usize,
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
        WinogradWeights { values, inputs, outputs }
    }

    /// Packed weights of a position.
    pub fn position(&self, position: usize) -> *const T {
        self.values[position * packed_len(self.inputs, self.outputs)..].as_ptr()
    }
}

/// Row of G for a point.
const fn point(t: f64, divisor: f64) -> [f64; 3] {
    [1.0 / divisor, t / divisor, t * t / divisor]
}

/// G.
const WEIGHT_TRANSFORM: [[f64; 3]; REACH] = {
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
