//! Sums over weighted nodes where a tolerance well above rounding is asked for.
//!
//! With c the middle of the nodes, z = ξ − c, z_j = y_j − c, the exponent of node j is
//!
//! ```text
//! (δ² − |ξ − y_j|²)/2V = (δ² − |z|²)/2V + z·z_j/V − |z_j|²/2V,
//! ```
//!
//! D + 1 multiply-adds a node, and the moments are taken about c, so that z_j and z_j z_jᵀ are stored and not
//! computed. What cancels costs digits. With R the largest |z_j| and S = (|z|² + R²)/V, the exponents are wrong by at
//! most 3 ε S, so the weights by a factor of at most 1 ± η, η = EXP2_SHORT_ERROR + 3 ε S; the moments about c, summed over
//! at most [`MOST_BLOCKS`] terms a lane, lose at most 100 ε S in units of √V and V. As the mean square of |ξ − X_0| is at most
//! δ² + 2V ln Ω (Ω as in this folder's `nodes`), the mean x̄ changes by at most 2η (δ + √(2V ln Ω)) + 100 ε S √V and the
//! covariance by at most 4η (δ² + 2V ln Ω) + 100 ε S V. S is kept so small that these are below tolerance (δ + √V) and
//! [`COARSER`] tolerance (δ + √V)².

use super::lanes::{EXP2_SHORT_ERROR, Lanes};
use super::nodes::{BLOCK, Block, COARSER, Chosen};
use super::posterior::Conditional;
use std::f64::consts::LOG2_E;

/// Most blocks of nodes.
const MOST_BLOCKS: usize = 190;
/// Exponents (base 2) of nodes stay above −1000.
pub(super) const MOST_NATS: f64 = 690.0;

/// Eight nodes.
#[derive(Debug, Clone)]
#[repr(align(64))]
pub(super) struct Terms<const D: usize> {
    pub(super) weights: [f64; BLOCK],
    /// z_j
    pub(super) points: [[f64; BLOCK]; D],
    /// |z_j|²
    pub(super) squares: [f64; BLOCK],
    /// Entries (a, b) of z_j z_jᵀ with b ≤ a.
    pub(super) products: [[[f64; BLOCK]; D]; D],
}

/// What the exponents of some nodes have in common at one noise level: −|z_j|²/2V in powers of two.
#[derive(Debug, Default)]
pub(super) struct Halves {
    values: Vec<[f64; BLOCK]>,
    /// Which nodes, by their count, and which V.
    of: (usize, f64),
}

impl Halves {
    /// For the nodes of one law; its levels have different counts.
    #[inline(always)]
    pub(super) fn refresh<L: Lanes, const D: usize>(&mut self, compact: &Compact<D>, variance: f64) {
        let of = (compact.blocks.len(), variance);
        if self.of != of {
            let half = L::splat(-0.5 * LOG2_E / variance);
            self.values.resize(compact.blocks.len(), [0.0; BLOCK]);
            for (values, block) in self.values.iter_mut().zip(&compact.blocks) {
                L::load(&block.squares).mul(half).store(values);
            }
            self.of = of;
        }
    }

    /// One row a block.
    #[inline(always)]
    pub(super) fn rows(&self) -> &[[f64; BLOCK]] {
        &self.values
    }
}

/// Nodes with the products of their coordinates.
#[derive(Debug, Clone)]
pub(super) struct Compact<const D: usize> {
    pub(super) blocks: Vec<Terms<D>>,
    /// c
    pub(super) middle: [f64; D],
    /// R²
    pub(super) square: f64,
    /// Whether all nodes weigh the same.
    pub(super) uniform: bool,
    /// Largest S.
    allowed: f64,
}

impl<const D: usize> Compact<D> {
    /// Of blocks of nodes whose Ω is `ratio`; `None` where the tolerance asks for more than the short exponential.
    pub(super) fn new(blocks: &[Block<D>], ratio: f64, tolerance: f64) -> Option<Self> {
        let spread = (2.0 * ratio.ln()).max(1.0);
        let largest = |tolerance: f64, growth: f64| {
            (tolerance - growth * EXP2_SHORT_ERROR) / ((3.0 * growth + 100.0) * f64::EPSILON)
        };
        let allowed = largest(tolerance, 2.0 * spread.sqrt()).min(largest(COARSER * tolerance, 4.0 * spread));
        if allowed <= 0.0 || blocks.len() > MOST_BLOCKS {
            return None;
        }
        let middle = std::array::from_fn(|i| {
            let all = || blocks.iter().flat_map(|block| block.points[i]);
            0.5 * (all().fold(f64::INFINITY, f64::min) + all().fold(f64::NEG_INFINITY, f64::max))
        });
        let blocks: Vec<_> = blocks.iter().map(|block| Terms::new(block, &middle)).collect();
        let square = blocks.iter().flat_map(|block| block.squares).fold(0.0, f64::max);
        let weight = blocks.first().map_or(0.0, |block| block.weights[0]);
        let uniform = blocks.iter().all(|block| block.weights == [weight; BLOCK]);
        Some(Compact { blocks, middle, square, uniform, allowed })
    }

    /// Whether the sums are accurate enough at ξ, where no node that matters is farther than `farthest`.
    #[inline(always)]
    pub(super) fn serves(&self, variance: f64, xi: &[f64; D], farthest: f64) -> bool {
        let square: f64 = xi.iter().zip(&self.middle).map(|(x, c)| (x - c) * (x - c)).sum();
        square <= self.widest(variance) && farthest * farthest <= 2.0 * MOST_NATS * variance
    }

    /// Largest |z|² at which rounding stays small.
    #[inline(always)]
    pub(super) fn widest(&self, variance: f64) -> f64 {
        self.allowed * variance - self.square
    }

    /// Moments of X_0 given X_0 + √variance Z = ξ over the chosen blocks; `shift` is about δ².
    #[inline(always)]
    pub(super) fn condition<L: Lanes>(
        &self,
        variance: f64,
        xi: &[f64; D],
        shift: f64,
        words: &[u64],
        halves: &Halves,
    ) -> Conditional<D> {
        if self.uniform {
            self.sums::<L, false>(variance, xi, shift, words, halves)
        } else {
            self.sums::<L, true>(variance, xi, shift, words, halves)
        }
    }

    #[inline(always)]
    fn sums<L: Lanes, const WEIGHTED: bool>(
        &self,
        variance: f64,
        xi: &[f64; D],
        shift: f64,
        words: &[u64],
        halves: &Halves,
    ) -> Conditional<D> {
        let z: [f64; D] = std::array::from_fn(|i| xi[i] - self.middle[i]);
        let precision = LOG2_E / variance;
        let square: f64 = z.iter().map(|z| z * z).sum();
        let offset = L::splat(0.5 * precision * (shift - square));
        let ahead = z.map(|z| L::splat(z * precision));
        let mut sums = Sums::<L, D>::zero();
        for index in Chosen::new(words) {
            let terms = &self.blocks[index];
            let points: [L; D] = std::array::from_fn(|i| L::load(&terms.points[i]));
            let mut exponent = L::load(&halves.values[index]).add(offset);
            for (point, ahead) in points.iter().zip(ahead) {
                exponent = point.mul_add(ahead, exponent);
            }
            let mut w = exponent.exp2_short();
            if WEIGHTED {
                w = w.mul(L::load(&terms.weights));
            }
            sums.total = sums.total.add(w);
            for (sum, point) in sums.first.iter_mut().zip(points) {
                *sum = w.mul_add(point, *sum);
            }
            for (i, (sums, products)) in sums.second.iter_mut().zip(&terms.products).enumerate() {
                for (sum, product) in sums.iter_mut().zip(products).take(i + 1) {
                    *sum = w.mul_add(L::load(product), *sum);
                }
            }
        }
        sums.moments(&z)
    }
}

/// Sums over nodes, eight beside each other.
struct Sums<L, const D: usize> {
    total: L,
    first: [L; D],
    second: [[L; D]; D],
}

impl<L: Lanes, const D: usize> Sums<L, D> {
    #[inline(always)]
    fn zero() -> Self {
        let zero = L::splat(0.0);
        Sums { total: zero, first: [zero; D], second: [[zero; D]; D] }
    }

    /// Mean and covariance, ξ being z from the point about which the sums are.
    #[inline(always)]
    fn moments(self, z: &[f64; D]) -> Conditional<D> {
        let entries = D * (D + 1) / 2;
        let at = |i: usize, j: usize| i * (i + 1) / 2 + j;
        let mut outer = [L::splat(0.0); BLOCK];
        for i in 0..D {
            outer[at(i, 0)..=at(i, i)].copy_from_slice(&self.second[i][..=i]);
        }
        // Up to D = 2 all sums fit into eight.
        let mut inner = [L::splat(0.0); BLOCK];
        let together = entries + 1 + D <= BLOCK;
        let first = if together { entries } else { 0 };
        let rows = if together { &mut outer } else { &mut inner };
        rows[first] = self.total;
        rows[first + 1..=first + D].copy_from_slice(&self.first);
        let outer = L::sums(outer);
        let inner = if together { outer } else { L::sums(inner) };
        let inverse = 1.0 / inner[first];
        let mean: [f64; D] = std::array::from_fn(|i| inner[first + 1 + i] * inverse);
        let mut out = Conditional::filled(0.0);
        for i in 0..D {
            for j in 0..=i {
                out.covariance[i][j] = outer[at(i, j)] * inverse - mean[i] * mean[j];
                out.covariance[j][i] = out.covariance[i][j];
            }
        }
        out.offset = std::array::from_fn(|i| mean[i] - z[i]);
        out
    }
}

impl<const D: usize> Terms<D> {
    fn new(block: &Block<D>, middle: &[f64; D]) -> Self {
        let points: [[f64; BLOCK]; D] =
            std::array::from_fn(|i| std::array::from_fn(|l| block.points[i][l] - middle[i]));
        Terms {
            weights: block.weights,
            squares: std::array::from_fn(|l| points.iter().map(|row| row[l] * row[l]).sum()),
            products: std::array::from_fn(|i| {
                std::array::from_fn(|j| std::array::from_fn(|l| points[i][l] * points[j][l]))
            }),
            points,
        }
    }
}
