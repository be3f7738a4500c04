//! Weighted nodes in blocks of eight, and the conditional moments of the law they carry.
//!
//! Blocks whose nodes weigh less than rounding are left out. Let t_j = (|ξ − y_j|² − δ²)/2V with δ the
//! distance of the nearest node and Ω = Σw/min w. A node left out has t_j > λ and a posterior weight below
//! (w_j/min w) e^{−t_j}; the mean distance of X_0 from ξ is at most √(δ² + 2V ln Ω), because the relative
//! entropy of the posterior to the prior is not negative. As √t e^{−t} and t e^{−t} fall for t > 1, what is
//! left out changes the mean x̄ by at most
//! Ω e^{−λ} (2δ + √V (√(2λ) + √(2 ln Ω))), and the covariance by at most the square of that bracket times
//! 2 Ω e^{−λ}. With B = 2 + √(2λ) + √(2 ln Ω), λ is chosen so that Ω e^{−λ} B max(1, 2B/κ) ≤ tolerance, κ = [`COARSER`]:
//! then |Δx̄| ≤ tolerance (δ + √V) and |ΔCov| ≤ κ tolerance (δ + √V)².

mod third;

pub(super) use third::Moments;

use super::compact::{Compact, Halves};
use super::lanes::Lanes;
use super::posterior::Conditional;

/// κ: how much less accurate than the mean, and so the score, the covariance may be.
pub(super) const COARSER: f64 = 10.0;

/// Nodes a block.
pub(super) const BLOCK: usize = 8;

/// Exponents stay below this where the shift is by the nearest anchor and not by the nearest node.
const SAFE_EXPONENT: f64 = 300.0;

/// Eight nodes.
#[derive(Debug, Clone)]
pub(super) struct Block<const D: usize> {
    pub(super) points: [[f64; BLOCK]; D],
    pub(super) weights: [f64; BLOCK],
}

/// Eight blocks as seen from far: a point in the middle of each, and how far its nodes are from it.
#[derive(Debug, Clone)]
struct Group<const D: usize> {
    anchors: [[f64; BLOCK]; D],
    radii: [f64; BLOCK],
}

/// Nodes y_j with weights w_j in R^D, neighbours in the list being neighbours in space where possible.
#[derive(Debug, Clone)]
pub struct Nodes<const D: usize> {
    pub(super) blocks: Vec<Block<D>>,
    groups: Vec<Group<D>>,
    /// Largest radius of a block.
    radius: f64,
    /// λ of the module's documentation.
    cut: f64,
    /// The same nodes for loose tolerances.
    compact: Option<Compact<D>>,
}

/// Points that are looked from one after the other before sums are taken: what a sum waits for is then known.
pub(super) const TOGETHER: usize = 8;

/// A look at the blocks from some points: how far the anchors are, and which blocks matter.
#[derive(Debug, Default)]
pub(super) struct Look {
    /// Squared distances of the anchors from the last point, eight a group.
    squares: Vec<[f64; BLOCK]>,
    /// Words of every point; bit i of its word j stands for block 64 j + i.
    words: Vec<u64>,
    /// −|z_j|²/2V in powers of two, of the nodes last summed over.
    halves: Halves,
}

impl Look {
    /// Forgets all points.
    pub(super) fn clear(&mut self) {
        self.words.clear();
    }
}

/// The blocks that matter, in order. An iterator and not a callback: closures do not get the instruction set of the
/// function around them.
pub(super) struct Chosen<'a> {
    words: &'a [u64],
    word: usize,
    bits: u64,
}

impl<'a> Chosen<'a> {
    #[inline(always)]
    pub(super) fn new(words: &'a [u64]) -> Self {
        Chosen { words, word: 0, bits: words.first().copied().unwrap_or(0) }
    }
}

impl Iterator for Chosen<'_> {
    type Item = usize;

    #[inline(always)]
    fn next(&mut self) -> Option<usize> {
        while self.bits == 0 {
            self.word += 1;
            self.bits = *self.words.get(self.word)?;
        }
        let index = self.word * 64 + self.bits.trailing_zeros() as usize;
        self.bits &= self.bits - 1;
        Some(index)
    }
}

/// The blocks that matter at a point.
#[derive(Debug, Clone, Copy)]
pub(super) struct Choice<const D: usize> {
    /// First of the point's words in the look.
    first: usize,
    /// A point near the mean.
    centre: [f64; D],
    /// δ² up to what exponents can bear.
    shift: f64,
    /// No node of a chosen block is farther.
    farthest: f64,
}

/// The nearest node, found from its block's anchor.
#[derive(Debug, Clone, Copy)]
pub(super) struct Nearest<const D: usize> {
    /// The nearest anchor.
    pub(super) anchor: [f64; D],
    /// Squared distance of the nearest node in its block.
    pub(super) square: f64,
    /// Its root.
    pub(super) distance: f64,
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
        // Half of the tolerance for what is left out, half for rounding.
        let compact = Compact::new(&blocks, ratio, 0.5 * tolerance);
        Nodes { blocks, groups, radius, cut: cut(ratio, 0.5 * tolerance), compact }
    }

    /// Blocks of nodes for sums over all of them, where the tolerance allows those.
    pub(super) fn compact(&self) -> Option<&Compact<D>> {
        self.compact.as_ref()
    }

    /// Looks at all blocks from ξ: the nearest anchor of a block, and how near its block comes.
    #[inline(always)]
    pub(super) fn nearest<L: Lanes>(&self, xi: &[f64; D], look: &mut Look) -> Nearest<D> {
        look.squares.resize(self.groups.len(), [0.0; BLOCK]);
        let (mut least, mut nearest) = (L::splat(f64::INFINITY), L::splat(0.0));
        for (g, (group, squares)) in self.groups.iter().zip(&mut look.squares).enumerate() {
            let square = square::<L, D>(&group.anchors, xi);
            square.store(squares);
            nearest = L::splat(g as f64).where_at_most(nearest, square, least);
            least = least.min(square);
        }
        let lane = least.at_most(L::splat(least.least())).trailing_zeros() as usize % BLOCK;
        let mut groups = [0.0; BLOCK];
        nearest.store(&mut groups);
        let nearest = groups[lane] as usize * BLOCK + lane;
        let block = &self.blocks[nearest];
        let square = square::<L, D>(&block.points, xi).least();
        let anchors = &self.groups[nearest / BLOCK].anchors;
        Nearest { anchor: anchors.map(|row| row[nearest % BLOCK]), square, distance: square.sqrt() }
    }

    /// Marks the blocks that may hold a node within `reach` of the point last looked from.
    #[inline(always)]
    fn mark<L: Lanes>(&self, reach: f64, look: &mut Look) {
        let reach = L::splat(reach);
        for (groups, squares) in self.groups.chunks(8).zip(look.squares.chunks(8)) {
            let mut word = 0;
            for (g, (group, square)) in groups.iter().zip(squares).enumerate() {
                let limit = L::load(&group.radii).add(reach);
                word |= u64::from(L::load(square).at_most(limit.mul(limit))) << (8 * g);
            }
            look.words.push(word);
        }
    }

    /// Chooses the blocks that matter at ξ, the point last looked from.
    #[inline(always)]
    pub(super) fn choose<L: Lanes>(
        &self,
        variance: f64,
        xi: &[f64; D],
        near: &Nearest<D>,
        look: &mut Look,
    ) -> Choice<D> {
        let first = look.words.len();
        let mut shift = near.square;
        let range = |shift: f64| (shift + 2.0 * variance * self.cut).sqrt();
        let mut reach = range(shift);
        self.mark::<L>(reach, look);
        // With a the distance of the nearest anchor, δ ≥ a − radius, and √shift ≤ a + radius.
        let slack = 2.0 * self.radius;
        if slack * (2.0 * near.distance + slack) > 2.0 * SAFE_EXPONENT * variance {
            let mut least = L::splat(shift);
            for index in Chosen::new(&look.words[first..]) {
                least = least.min(square::<L, D>(&self.blocks[index].points, xi));
            }
            shift = least.least();
            reach = range(shift);
            look.words.truncate(first);
            self.mark::<L>(reach, look);
        }
        Choice { first, centre: near.anchor, shift, farthest: reach + slack }
    }

    /// Moments of X_0 given X_0 + √variance Z = ξ over the blocks chosen there.
    #[inline(always)]
    pub(super) fn condition<L: Lanes>(
        &self,
        variance: f64,
        xi: &[f64; D],
        choice: &Choice<D>,
        look: &mut Look,
    ) -> Conditional<D> {
        let Look { words, halves, .. } = look;
        let words = &words[choice.first..][..self.groups.len().div_ceil(8)];
        match &self.compact {
            Some(compact) if compact.serves(variance, xi, choice.farthest) => {
                halves.refresh::<L, D>(compact, variance);
                compact.condition::<L>(variance, xi, choice.shift, words, halves)
            }
            _ => self.sum::<L>(variance, xi, choice, words),
        }
    }

    /// Sums over the chosen blocks, about a node near the mean.
    #[inline(always)]
    fn sum<L: Lanes>(
        &self,
        variance: f64,
        xi: &[f64; D],
        choice: &Choice<D>,
        words: &[u64],
    ) -> Conditional<D> {
        let Choice { centre, shift, .. } = *choice;
        let half_precision = -0.5 / variance;
        let (factor, offset) = (L::splat(half_precision), L::splat(-shift * half_precision));
        let zero = L::splat(0.0);
        let (mut total, mut first, mut second) = (zero, [zero; D], [[zero; D]; D]);
        let centre_lanes = centre.map(L::splat);
        let ahead: [L; D] = std::array::from_fn(|i| L::splat(xi[i] - centre[i]));
        for index in Chosen::new(words) {
            let block = &self.blocks[index];
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

    /// The middle of the smallest box around the nodes.
    fn anchor(&self) -> [f64; D] {
        self.points.map(|row| {
            let (least, most) =
                row.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), x| (a.min(*x), b.max(*x)));
            0.5 * (least + most)
        })
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

/// Smallest λ ≥ 1 with Ω e^{−λ} B max(1, 2B/κ) ≤ tolerance, to a thousandth.
pub(super) fn cut(ratio: f64, tolerance: f64) -> f64 {
    let spread = (2.0 * ratio.ln()).sqrt();
    let mut lambda = 1.0;
    for _ in 0..100 {
        let bracket: f64 = 2.0 + (2.0f64 * lambda).sqrt() + spread;
        let wanted = (ratio * bracket * (2.0 * bracket / COARSER).max(1.0) / tolerance).ln().max(1.0);
        if (wanted - lambda).abs() < 1e-4 {
            break;
        }
        lambda = wanted;
    }
    lambda + 1e-3
}
