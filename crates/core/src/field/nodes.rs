//! Weighted nodes in blocks of eight, and the conditional moments of the law they carry.
//!
//! Blocks whose nodes weigh less than rounding are left out. Let t_j = (|ξ − y_j|² − δ²)/2V with δ the
//! distance of the nearest node and Ω = Σw/min w. A node left out has t_j > λ and a posterior weight below
//! (w_j/min w) e^{−t_j}; the mean distance of X_0 from ξ is at most √(δ² + 2V ln Ω), because the relative
//! entropy of the posterior to the prior is not negative. As √t e^{−t} and t e^{−t} fall for t > 1, what is
//! left out changes the mean x̄ by at most
//! Ω e^{−λ} (2δ + √V (√(2λ) + √(2 ln Ω))), and the covariance by at most the square of that bracket times
//! 2 Ω e^{−λ}. λ is chosen so that 2 Ω e^{−λ} (2 + √(2λ) + √(2 ln Ω))² ≤ tolerance: then
//! |Δx̄| ≤ tolerance (δ + √V) and |ΔCov| ≤ tolerance (δ + √V)².

use super::lanes::Lanes;
use super::posterior::Conditional;

/// Nodes a block.
const BLOCK: usize = 8;

/// Exponents stay below this where the shift is by the nearest anchor and not by the nearest node.
const SAFE_EXPONENT: f64 = 300.0;

/// Eight nodes.
#[derive(Debug, Clone)]
struct Block<const D: usize> {
    points: [[f64; BLOCK]; D],
    weights: [f64; BLOCK],
}

/// Eight blocks as seen from far: a node of each, and how far its others are from it.
#[derive(Debug, Clone)]
struct Group<const D: usize> {
    anchors: [[f64; BLOCK]; D],
    radii: [f64; BLOCK],
}

/// Nodes y_j with weights w_j in R^D, neighbours in the list being neighbours in space where possible.
#[derive(Debug, Clone)]
pub struct Nodes<const D: usize> {
    blocks: Vec<Block<D>>,
    groups: Vec<Group<D>>,
    /// Largest radius of a block.
    radius: f64,
    /// λ of the module's documentation.
    cut: f64,
}

/// Blocks that matter at a point.
#[derive(Debug, Default)]
pub(super) struct Chosen {
    blocks: Vec<u32>,
}

/// What a look from far finds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Nearest<const D: usize> {
    /// The nearest anchor.
    pub(super) anchor: [f64; D],
    /// Squared distance of the nearest node in its block.
    pub(super) square: f64,
}

impl<const D: usize> Nodes<D> {
    /// From points and positive weights; what is left out stays below `tolerance`.
    pub fn new(points: &[[f64; D]], weights: &[f64], tolerance: f64) -> Self {
        let least = weights.iter().copied().fold(f64::INFINITY, f64::min);
        let ratio = weights.iter().sum::<f64>() / least;
        let blocks: Vec<_> =
            points.chunks(BLOCK).zip(weights.chunks(BLOCK)).map(|(p, w)| Block::new(p, w)).collect();
        let groups: Vec<_> = blocks.chunks(BLOCK).map(Group::new).collect();
        let radius = groups.iter().flat_map(|group| group.radii).fold(0.0, f64::max);
        Nodes { blocks, groups, radius, cut: cut(ratio, tolerance) }
    }

    /// The nearest anchor of a block, and how near its block comes.
    #[inline(always)]
    pub(super) fn nearest<L: Lanes>(&self, xi: &[f64; D]) -> Nearest<D> {
        let mut least = L::splat(f64::INFINITY);
        for group in &self.groups {
            least = least.min(square::<L, D>(&group.anchors, xi));
        }
        let best = L::splat(least.least());
        let mut nearest = 0;
        for (index, group) in self.groups.iter().enumerate() {
            let hits = square::<L, D>(&group.anchors, xi).at_most(best);
            if hits != 0 {
                nearest = index * BLOCK + hits.trailing_zeros() as usize;
                break;
            }
        }
        let block = &self.blocks[nearest];
        Nearest { anchor: block.anchor(), square: square::<L, D>(&block.points, xi).least() }
    }

    /// Lists the blocks that may hold a node within `√square` of ξ.
    #[inline(always)]
    fn choose<L: Lanes>(&self, xi: &[f64; D], square_reach: f64, chosen: &mut Chosen) {
        chosen.blocks.clear();
        let reach = L::splat(square_reach.sqrt());
        for (index, group) in self.groups.iter().enumerate() {
            let limit = L::load(&group.radii).add(reach);
            let mut hits = square::<L, D>(&group.anchors, xi).at_most(limit.mul(limit));
            while hits != 0 {
                chosen.blocks.push((index * BLOCK) as u32 + hits.trailing_zeros());
                hits &= hits - 1;
            }
        }
    }

    /// Moments of X_0 given X_0 + √variance Z = ξ, from the nearest anchor.
    #[inline(always)]
    pub(super) fn condition<L: Lanes>(
        &self,
        variance: f64,
        xi: &[f64; D],
        near: &Nearest<D>,
        chosen: &mut Chosen,
    ) -> Conditional<D> {
        let mut shift = near.square;
        self.choose::<L>(xi, shift + 2.0 * variance * self.cut, chosen);
        // The nearest node is at most a radius nearer than the nearest anchor.
        if self.radius * (2.0 * shift.sqrt() + self.radius) > 2.0 * SAFE_EXPONENT * variance {
            let mut least = L::splat(shift);
            for index in &chosen.blocks {
                least = least.min(square::<L, D>(&self.blocks[*index as usize].points, xi));
            }
            shift = least.least();
            self.choose::<L>(xi, shift + 2.0 * variance * self.cut, chosen);
        }
        self.sum::<L>(variance, xi, near.anchor, shift, chosen)
    }

    /// Sums over the chosen blocks, about a node near the mean.
    #[inline(always)]
    fn sum<L: Lanes>(
        &self,
        variance: f64,
        xi: &[f64; D],
        centre: [f64; D],
        shift: f64,
        chosen: &Chosen,
    ) -> Conditional<D> {
        let half_precision = -0.5 / variance;
        let (factor, offset) = (L::splat(half_precision), L::splat(-shift * half_precision));
        let zero = L::splat(0.0);
        let (mut total, mut first, mut second) = (zero, [zero; D], [[zero; D]; D]);
        let centre_lanes = centre.map(L::splat);
        let ahead: [L; D] = std::array::from_fn(|i| L::splat(xi[i] - centre[i]));
        for index in &chosen.blocks {
            let block = &self.blocks[*index as usize];
            let from_centre: [L; D] = std::array::from_fn(|i| L::load(&block.points[i]).sub(centre_lanes[i]));
            let mut square = zero;
            for i in 0..D {
                let d = from_centre[i].sub(ahead[i]);
                square = d.mul_add(d, square);
            }
            let w = L::load(&block.weights).mul(square.mul_add(factor, offset).exp());
            total = total.add(w);
            for i in 0..D {
                let weighted = w.mul(from_centre[i]);
                first[i] = first[i].add(weighted);
                for j in 0..=i {
                    second[i][j] = weighted.mul_add(from_centre[j], second[i][j]);
                }
            }
        }
        let inverse = 1.0 / total.sum();
        let mean = first.map(|sum| sum.sum() * inverse);
        let mut out = Conditional::filled(0.0);
        for i in 0..D {
            out.offset[i] = (centre[i] - xi[i]) + mean[i];
            for j in 0..=i {
                out.covariance[i][j] = second[i][j].sum() * inverse - mean[i] * mean[j];
                out.covariance[j][i] = out.covariance[i][j];
            }
        }
        out
    }
}

impl<const D: usize> Block<D> {
    /// Of one to eight nodes; the rest are copies without weight.
    fn new(points: &[[f64; D]], weights: &[f64]) -> Self {
        let last = points.len() - 1;
        Block {
            points: std::array::from_fn(|i| std::array::from_fn(|l| points[l.min(last)][i])),
            weights: std::array::from_fn(|l| if l <= last { weights[l] } else { 0.0 }),
        }
    }

    /// The node in the middle of the list.
    fn anchor(&self) -> [f64; D] {
        self.points.map(|row| row[BLOCK / 2])
    }

    /// Largest distance of a node from the anchor, rounded up.
    fn radius(&self) -> f64 {
        let anchor = self.anchor();
        let distance = |l: usize| (0..D).map(|i| (self.points[i][l] - anchor[i]).powi(2)).sum::<f64>().sqrt();
        (0..BLOCK).map(distance).fold(0.0, f64::max) * (1.0 + 1e-12)
    }
}

impl<const D: usize> Group<D> {
    /// Of one to eight blocks; the rest are infinitely far.
    fn new(blocks: &[Block<D>]) -> Self {
        let mut group = Group { anchors: [[f64::INFINITY; BLOCK]; D], radii: [0.0; BLOCK] };
        for (l, block) in blocks.iter().enumerate() {
            let anchor = block.anchor();
            for (row, value) in group.anchors.iter_mut().zip(anchor) {
                row[l] = value;
            }
            group.radii[l] = block.radius();
        }
        group
    }
}

/// Squared distances of eight points from ξ.
#[inline(always)]
fn square<L: Lanes, const D: usize>(points: &[[f64; BLOCK]; D], xi: &[f64; D]) -> L {
    let mut square = L::splat(0.0);
    for (row, x) in points.iter().zip(xi) {
        let d = L::load(row).sub(L::splat(*x));
        square = d.mul_add(d, square);
    }
    square
}

/// Smallest λ ≥ 1 with 2 Ω e^{−λ} (2 + √(2λ) + √(2 ln Ω))² ≤ tolerance, to a thousandth.
pub(super) fn cut(ratio: f64, tolerance: f64) -> f64 {
    let spread = (2.0 * ratio.ln()).sqrt();
    let mut lambda = 1.0;
    for _ in 0..100 {
        let bracket: f64 = 2.0 + (2.0f64 * lambda).sqrt() + spread;
        let wanted: f64 = (2.0 * ratio * bracket * bracket / tolerance).ln().max(1.0);
        if (wanted - lambda).abs() < 1e-4 {
            break;
        }
        lambda = wanted;
    }
    lambda + 1e-3
}
