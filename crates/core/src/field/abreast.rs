//! Sums over all nodes at eight points side by side, where the noise is so wide that few nodes could be left out.
//!
//! The exponents of this folder's `compact` are taken without what all nodes of a point share, as z·z_j/V − |z_j|²/2V;
//! where (|z| + R)² ≤ 2 · 690 V they stay between −690 and 345. The mean square of |X_0 − ξ| bounds δ², so whether the
//! nodes reach a point is known once they are summed. Errors of rounding are bounded as there; nothing is left out.

use super::compact::{Compact, Halves, MOST_NATS};
use super::lanes::Lanes;
use super::nodes::BLOCK;
use super::posterior::Conditional;
use std::f64::consts::LOG2_E;

/// Nodes and a noise level for which all nodes are summed.
pub(super) struct Abreast<'a, const D: usize> {
    compact: &'a Compact<D>,
    variance: f64,
    halves: Halves,
    /// Largest |z|² at which the sums are accurate enough and their exponents bounded.
    widest: f64,
    /// Square of the largest δ that the nodes serve.
    reach: f64,
}

impl<'a, const D: usize> Abreast<'a, D> {
    /// Of nodes that serve points at most `reach` from the nearest of them.
    #[inline(always)]
    pub(super) fn new<L: Lanes>(compact: &'a Compact<D>, variance: f64, reach: f64) -> Self {
        let mut halves = Halves::default();
        halves.refresh::<L, D>(compact, variance);
        let bounded = (2.0 * MOST_NATS * variance).sqrt() - compact.square.sqrt();
        let widest = compact.widest(variance).min(bounded.max(0.0).powi(2));
        Abreast { compact, variance, halves, widest, reach: reach * reach }
    }

    /// Moments of X_0 given X_0 + √variance Z = ξ for up to eight ξ. Bits of the answer stand for those that are not
    /// served.
    #[inline(always)]
    pub(super) fn condition<L: Lanes>(&self, xi: &[[f64; D]], out: &mut [Conditional<D>]) -> u8 {
        let mut rows = [[0.0; BLOCK]; D];
        let middle = &self.compact.middle;
        for l in 0..BLOCK {
            let xi = &xi[l.min(xi.len() - 1)];
            for i in 0..D {
                rows[i][l] = xi[i] - middle[i];
            }
        }
        let mut z = [L::splat(0.0); D];
        for i in 0..D {
            z[i] = L::load(&rows[i]);
        }
        if self.compact.uniform { self.sums::<L, false>(&z, out) } else { self.sums::<L, true>(&z, out) }
    }

    #[inline(always)]
    fn sums<L: Lanes, const WEIGHTED: bool>(&self, z: &[L; D], out: &mut [Conditional<D>]) -> u8 {
        let zero = L::splat(0.0);
        let precision = L::splat(LOG2_E / self.variance);
        let (mut square, mut ahead) = (zero, *z);
        for i in 0..D {
            square = z[i].mul_add(z[i], square);
            ahead[i] = z[i].mul(precision);
        }
        let (mut total, mut first, mut second) = (zero, [zero; D], [[zero; D]; D]);
        for (terms, halves) in self.compact.blocks.iter().zip(self.halves.rows()) {
            for (l, half) in halves.iter().enumerate() {
                let mut exponent = L::splat(*half);
                for (points, ahead) in terms.points.iter().zip(ahead) {
                    exponent = L::splat(points[l]).mul_add(ahead, exponent);
                }
                let mut w = exponent.exp2_short();
                if WEIGHTED {
                    w = w.mul(L::splat(terms.weights[l]));
                }
                total = total.add(w);
                for (i, (sums, products)) in second.iter_mut().zip(&terms.products).enumerate() {
                    first[i] = L::splat(terms.points[i][l]).mul_add(w, first[i]);
                    for (sum, products) in sums.iter_mut().zip(products).take(i + 1) {
                        *sum = L::splat(products[l]).mul_add(w, *sum);
                    }
                }
            }
        }
        // δ² ≤ E|X_0 − ξ|²
        let mut distance = zero;
        let inverse = L::splat(1.0).div(total);
        let (mut offset, mut covariance) = ([[0.0; BLOCK]; D], [[[0.0; BLOCK]; D]; D]);
        for i in 0..D {
            first[i] = first[i].mul(inverse);
            let offsets = first[i].sub(z[i]);
            offsets.store(&mut offset[i]);
            for j in 0..=i {
                second[i][j] = second[i][j].mul(inverse).sub(first[i].mul(first[j]));
                second[i][j].store(&mut covariance[i][j]);
            }
            distance = offsets.mul_add(offsets, distance.add(second[i][i]));
        }
        let served = square.at_most(L::splat(self.widest)) & distance.at_most(L::splat(self.reach));
        for (l, out) in out.iter_mut().enumerate().filter(|(l, _)| served >> l & 1 == 1) {
            out.offset = offset.map(|row| row[l]);
            for (i, rows) in covariance.iter().enumerate() {
                for (j, row) in rows.iter().enumerate().take(i + 1) {
                    out.covariance[i][j] = row[l];
                    out.covariance[j][i] = row[l];
                }
            }
        }
        !served & ((1u16 << out.len()) - 1) as u8
    }
}
