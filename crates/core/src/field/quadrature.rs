//! Laws on paths by quadrature (theory §11.3): as many nodes as the noise level and the distance need.

use super::abreast::Abreast;
use super::bound::{Growth, Lines, PANEL, Setting};
use super::gauss_legendre::GaussLegendre;
use super::lanes::{Instructions, Lanes, Task, dispatch};
use super::nodes::{Look, Moments, Nearest, Nodes, TOGETHER};
use super::path::Path;
use super::posterior::{Conditional, Cumulants, Posterior};
use super::refine::Refinement;
use std::cell::OnceCell;
use std::sync::OnceLock;

/// Levels of refinement an octave.
const LEVELS_AN_OCTAVE: usize = 8;
/// Levels kept in memory; beyond, panels are refined around the point asked for.
const LEVELS: usize = 10 * LEVELS_AN_OCTAVE + 1;
/// Levels above the first have a multiple of this many nodes on a closed path.
const NODES: usize = 8;
/// Nodes of a closed path at level 0.
const BASE: usize = 16;
/// Times the first and the last panel of an open path are halved towards its end.
const GRADING: usize = 4;
/// Steps of the noise ladder an octave of the variance.
const RUNGS_AN_OCTAVE: i32 = 8;
/// The ladder spans variances from 2^−64 to 2^64.
const LADDER_OCTAVES: i32 = 64;
/// Most blocks of nodes that are summed as a whole.
const WIDE_BLOCKS: usize = 28;
/// How far, in units of √V, those nodes must reach.
const WIDE_REACH: f64 = 3.0;

/// Relative accuracy asked for where nothing else is said.
const TOLERANCE: f64 = 1e-13;

/// Equal mass on each of some paths, uniform in the parameter of each, by quadrature.
///
/// Level 8i + j has (1 + j/8) 2^i times 16 nodes on a closed path, or so many Gauss–Legendre panels of 16 nodes on
/// an open one, the first and last graded towards the ends; it is built when first needed. Level and nodes are
/// chosen for each point by the bounds of this folder's `bound`, `nodes` and `compact`, so that with a tolerance η,
/// V the variance of the noise in the data's units and δ the distance of ξ from the path,
/// |Δx̄| ≤ 2 η (δ + √V) and |ΔCov| ≤ 20 η (δ + √V)², beside rounding.
/// This is proven for δ ≤ 1000 √V and best effort beyond.
pub struct Quadrature<P, const D: usize> {
    paths: Vec<P>,
    tolerance: f64,
    base: usize,
    /// Whether the finest level is the law itself.
    discrete: bool,
    levels: Vec<OnceLock<Nodes<D>>>,
    ladder: Vec<OnceLock<Reach>>,
    lines: OnceLock<Vec<Lines>>,
}

/// Largest distance at which each level meets the tolerance; negative for none.
type Reach = [f64; LEVELS];

impl<P: Path<D>, const D: usize> Quadrature<P, D> {
    /// Of one path or more, to a relative accuracy of 1e-13.
    pub fn new(paths: Vec<P>) -> Self {
        Self::with_tolerance(paths, TOLERANCE)
    }

    /// Of one path or more, to a relative accuracy between 1e-15 and 1e-3.
    pub fn with_tolerance(paths: Vec<P>, tolerance: f64) -> Self {
        Self::build(paths, tolerance, BASE, LEVELS, false)
    }

    /// The law of `count` ≥ 1 equally spaced nodes on a closed path, from its first parameter on. Where the
    /// noise allows fewer nodes to meet the tolerance for the law of the whole path, so do all `count`: then the
    /// fewer stand for them.
    pub fn nodes(path: P, count: usize, tolerance: f64) -> Self {
        assert!(path.is_closed() && count > 0, "equally spaced nodes need a closed path");
        let halvings = (count.trailing_zeros() as usize).min(LEVELS / LEVELS_AN_OCTAVE);
        let halvings = (0..=halvings).rev().find(|h| count >> h >= NODES).unwrap_or(0);
        Self::build(vec![path], tolerance, count >> halvings, LEVELS_AN_OCTAVE * halvings + 1, true)
    }

    fn build(paths: Vec<P>, tolerance: f64, base: usize, levels: usize, discrete: bool) -> Self {
        assert!(!paths.is_empty() && base > 0);
        let rungs = (2 * LADDER_OCTAVES * RUNGS_AN_OCTAVE) as usize;
        Quadrature {
            paths,
            tolerance: tolerance.clamp(1e-15, 1e-3),
            base,
            discrete,
            levels: (0..levels).map(|_| OnceLock::new()).collect(),
            ladder: (0..rungs).map(|_| OnceLock::new()).collect(),
            lines: OnceLock::new(),
        }
    }

    /// The rule of a level.
    fn level(&self, level: usize) -> &Nodes<D> {
        self.levels[level].get_or_init(|| {
            let (mut points, mut weights) = (Vec::new(), Vec::new());
            for path in &self.paths {
                if path.is_closed() {
                    self.equally_spaced(path, level, &mut points, &mut weights);
                } else {
                    panels(path, level, &mut points, &mut weights);
                }
            }
            Nodes::new(&points, &weights, self.tolerance)
        })
    }

    fn equally_spaced(&self, path: &P, level: usize, points: &mut Vec<[f64; D]>, weights: &mut Vec<f64>) {
        let [from, to] = path.range();
        let count = self.count(level);
        points.extend((0..count).map(|j| path.point(from + (to - from) * j as f64 / count as f64)));
        weights.resize(points.len(), 1.0 / count as f64);
    }

    /// Nodes of a level on a closed path. Levels between the octaves fill blocks of nodes.
    fn count(&self, level: usize) -> usize {
        let count = parts(self.base, level);
        if level.is_multiple_of(LEVELS_AN_OCTAVE) { count } else { count.next_multiple_of(NODES) }
    }

    /// How far each level reaches at a variance, or at the rung of the ladder below it.
    fn reach(&self, variance: f64) -> Reach {
        let rung = (variance.log2() * f64::from(RUNGS_AN_OCTAVE)).floor();
        let lowest = -f64::from(LADDER_OCTAVES * RUNGS_AN_OCTAVE);
        if rung < lowest {
            return self.measure(variance);
        }
        let index = ((rung - lowest) as usize).min(self.ladder.len() - 1);
        let rounded = ((index as f64 + lowest) / f64::from(RUNGS_AN_OCTAVE)).exp2();
        *self.ladder[index].get_or_init(|| self.measure(rounded))
    }

    /// The bounds fall as the variance grows and grow with the distance, so a bisection over distances in
    /// steps of 2^{1/8} finds the largest.
    fn measure(&self, variance: f64) -> Reach {
        let steps: Vec<Step> =
            (-8..80).map(|i| Step::at(variance.sqrt() * (0.125 * f64::from(i)).exp2())).collect();
        std::array::from_fn(|level| {
            if level >= self.levels.len() {
                return f64::NEG_INFINITY;
            }
            if self.discrete && level + 1 == self.levels.len() {
                return f64::INFINITY;
            }
            let fits = |step: &Step| self.error(level, variance, step) <= self.tolerance.ln();
            match steps.partition_point(fits) {
                0 => f64::NEG_INFINITY,
                index => steps[index - 1].distance,
            }
        })
    }

    /// The nodes, and how far they reach, for points at which sums over all nodes are cheapest.
    #[inline(always)]
    fn wide<L: Lanes>(&self, variance: f64, reach: &Reach) -> Option<Abreast<'_, D>> {
        let level = reach.iter().position(|reach| *reach >= WIDE_REACH * variance.sqrt())?;
        let compact = self.level(level).compact()?;
        if compact.blocks.len() > WIDE_BLOCKS {
            return None;
        }
        Some(Abreast::new::<L>(compact, variance, reach[level]))
    }

    /// ln of the bound that the tolerance is compared with.
    fn error(&self, level: usize, variance: f64, step: &Step) -> f64 {
        let setting = Setting::new(&self.paths, variance, step.distance);
        let lines = self.lines.get_or_init(|| self.paths.iter().map(Lines::new).collect());
        let measured = |lines: &Lines| lines.measured(step.distance);
        let growths = step.growths.get_or_init(|| lines.iter().map(measured).collect());
        let of = |(path, growths): (&P, &Vec<Growth>)| {
            if path.is_closed() {
                return setting.closed(path, growths, self.count(level));
            }
            let [from, to] = path.range();
            let half_width = 0.5 * (to - from) / parts(1, level) as f64;
            let inside = setting.panel(path, half_width, false);
            inside.max(setting.panel(path, half_width / (1u64 << GRADING) as f64, true))
        };
        self.paths.iter().zip(growths).map(of).fold(f64::NEG_INFINITY, f64::max)
    }
}

/// A distance at which levels are tried, with what the lines of every path say there.
struct Step {
    distance: f64,
    growths: OnceCell<Vec<Vec<Growth>>>,
}

impl Step {
    fn at(distance: f64) -> Self {
        Step { distance, growths: OnceCell::new() }
    }
}

/// `base` at level 0, twice as many an octave on, rounded up between.
fn parts(base: usize, level: usize) -> usize {
    let eighths = LEVELS_AN_OCTAVE + level % LEVELS_AN_OCTAVE;
    ((base * eighths) << (level / LEVELS_AN_OCTAVE)).div_ceil(LEVELS_AN_OCTAVE)
}

/// Gauss–Legendre panels of an open path, at least two.
fn panels<const D: usize>(
    path: &impl Path<D>,
    level: usize,
    points: &mut Vec<[f64; D]>,
    weights: &mut Vec<f64>,
) {
    let [from, to] = path.range();
    let count = parts(1, level).max(2);
    let mut edges: Vec<f64> = (1..=GRADING).rev().map(|g| 0.5f64.powi(g as i32) / count as f64).collect();
    let mirrored: Vec<f64> = edges.iter().rev().map(|edge| 1.0 - edge).collect();
    edges.insert(0, 0.0);
    edges.extend((1..count).map(|j| j as f64 / count as f64));
    edges.extend(mirrored);
    edges.push(1.0);
    let rule = GaussLegendre::new(PANEL);
    for pair in edges.windows(2) {
        let (middle, half) = (0.5 * (pair[0] + pair[1]), 0.5 * (pair[1] - pair[0]));
        points.extend(rule.nodes.iter().map(|z| path.point(from + (to - from) * (middle + half * z))));
        weights.extend(rule.weights.iter().map(|w| half * w));
    }
}

/// The conditional moments of a batch.
struct Batch<'a, P, M, const D: usize> {
    law: &'a Quadrature<P, D>,
    variance: f64,
    xi: &'a [[f64; D]],
    out: &'a mut [M],
}

impl<P: Path<D>, M: Moments<D>, const D: usize> Task for Batch<'_, P, M, D> {
    #[inline(always)]
    fn run<L: Lanes>(self) {
        let Batch { law, variance, xi, out } = self;
        let reach = law.reach(variance);
        let finest = law.levels.len() - 1;
        let start = reach.iter().position(|reach| *reach >= variance.sqrt()).unwrap_or(finest);
        let wide = law.wide::<L>(variance, &reach);
        let mut look = Look::default();
        for (xi, out) in xi.chunks(TOGETHER).zip(out.chunks_mut(TOGETHER)) {
            let mut left = u8::MAX;
            if let Some(wide) = &wide {
                left = M::abreast::<L>(wide, xi, out);
            }
            if left == 0 {
                continue;
            }
            look.clear();
            let mut choices = [None; TOGETHER];
            for (l, ((xi, out), choice)) in xi.iter().zip(&mut *out).zip(&mut choices).enumerate() {
                if left >> l & 1 == 0 {
                    continue;
                }
                match law.find::<L>(start, &reach, xi, &mut look) {
                    Found::Level { nodes, near } => {
                        *choice = Some((nodes, nodes.choose::<L>(variance, xi, &near, &mut look)));
                    }
                    Found::Beyond { distance } => *out = law.refined(variance, xi, distance).into(),
                }
            }
            for ((xi, out), choice) in xi.iter().zip(out).zip(&choices) {
                if let Some((nodes, choice)) = choice {
                    *out = M::sum::<L>(nodes, variance, xi, choice, &mut look);
                }
            }
        }
    }
}

/// What serves a point.
enum Found<'a, const D: usize> {
    /// A stored level.
    Level { nodes: &'a Nodes<D>, near: Nearest<D> },
    /// None: the point is too far for the noise.
    Beyond { distance: f64 },
}

impl<P: Path<D>, const D: usize> Quadrature<P, D> {
    /// The first level from `start` on that reaches ξ.
    #[inline(always)]
    fn find<L: Lanes>(&self, start: usize, reach: &Reach, xi: &[f64; D], look: &mut Look) -> Found<'_, D> {
        let finest = self.levels.len() - 1;
        let mut level = start;
        loop {
            let nodes = self.level(level);
            let near = nodes.nearest::<L>(xi, look);
            let distance = near.distance;
            if distance <= reach[level] {
                return Found::Level { nodes, near };
            }
            if level == finest || !distance.is_finite() {
                return Found::Beyond { distance };
            }
            level = (level + 1..finest).find(|finer| reach[*finer] >= distance).unwrap_or(finest);
        }
    }

    /// Moments by panels refined around ξ.
    fn refined(&self, variance: f64, xi: &[f64; D], distance: f64) -> Cumulants<D> {
        if !distance.is_finite() {
            return Cumulants::filled(f64::NAN);
        }
        Refinement::new(&self.paths, self.tolerance, variance, distance).cumulants(xi)
    }
}

impl<P: Path<D>, const D: usize> Posterior<D> for Quadrature<P, D> {
    fn condition(&self, variance: f64, xi: &[[f64; D]], out: &mut [Conditional<D>]) {
        dispatch(Batch { law: self, variance, xi, out }, Instructions::best());
    }

    fn cumulants(&self, variance: f64, xi: &[[f64; D]], out: &mut [Cumulants<D>]) {
        dispatch(Batch { law: self, variance, xi, out }, Instructions::best());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::path::Interval;
    use crate::geometry::Curve;

    fn conditions<P: Path<D>, const D: usize>(
        law: &Quadrature<P, D>,
        variance: f64,
        xi: &[[f64; D]],
        set: Instructions,
    ) -> Vec<Conditional<D>> {
        let mut out = vec![Conditional::filled(0.0); xi.len()];
        dispatch(Batch { law, variance, xi, out: &mut out }, set);
        out
    }

    /// Largest |Δx̄|/(δ + √V) and |ΔCov|/(δ + √V)² beside the plain sum over a rule eight times finer than needed.
    fn worst(law: &Quadrature<Curve, 2>, dense: &[([f64; 2], f64)], sigma: f64, set: Instructions) -> f64 {
        let xi: Vec<[f64; 2]> = (0..60)
            .map(|j| {
                let (p, _) = dense[(j * 7919) % dense.len()];
                let far = sigma * [0.3, 2.0, 6.0][j % 3];
                let turn = j as f64 * 2.4;
                [p[0] + far * turn.cos(), p[1] + far * turn.sin()]
            })
            .collect();
        let found = conditions(law, sigma * sigma, &xi, set);
        let mut worst = 0.0f64;
        for (xi, found) in xi.iter().zip(found) {
            let square = |p: &[f64; 2]| (p[0] - xi[0]).powi(2) + (p[1] - xi[1]).powi(2);
            let least = dense.iter().map(|(p, _)| square(p)).fold(f64::INFINITY, f64::min);
            let weigh = |p: &[f64; 2], w: f64| w * (-(square(p) - least) / (2.0 * sigma * sigma)).exp();
            let total: f64 = dense.iter().map(|(p, w)| weigh(p, *w)).sum();
            let mean: [f64; 2] = std::array::from_fn(|i| {
                dense.iter().map(|(p, w)| weigh(p, *w) * (p[i] - xi[i])).sum::<f64>() / total
            });
            let scale = least.sqrt() + sigma;
            for i in 0..2 {
                worst = worst.max((found.offset[i] - mean[i]).abs() / scale);
                for j in 0..2 {
                    let about = |p: &[f64; 2], i: usize| p[i] - xi[i] - mean[i];
                    let covariance: f64 =
                        dense.iter().map(|(p, w)| weigh(p, *w) * about(p, i) * about(p, j)).sum::<f64>()
                            / total;
                    worst = worst.max((found.covariance[i][j] - covariance).abs() / (scale * scale));
                }
            }
        }
        worst
    }

    /// A fine rule made without the code under test: composite Gauss–Legendre of 20 nodes a panel.
    fn dense(curves: &[Curve], panels: usize) -> Vec<([f64; 2], f64)> {
        let rule = GaussLegendre::new(20);
        let mut out = Vec::new();
        for curve in curves {
            let [from, to] = curve.range();
            let width = (to - from) / panels as f64;
            for panel in 0..panels {
                for (z, w) in rule.nodes.iter().zip(&rule.weights) {
                    out.push((curve.point(from + width * (panel as f64 + 0.5 * (1.0 + z))), *w));
                }
            }
        }
        out
    }

    #[test]
    fn tolerances_hold_on_every_instruction_set() {
        let cases = [
            (Curve::two_moons(1.0, 0.0).to_vec(), [3.0, 0.4, 0.06, 0.01]),
            (vec![Curve::spiral(0.1)], [3.0, 0.4, 0.06, 0.02]),
            (vec![Curve::trefoil()], [3.0, 0.4, 0.06, 0.02]),
            (vec![Curve::circle(2.0)], [3.0, 0.4, 0.06, 0.02]),
        ];
        for (curves, sigmas) in cases {
            let dense = dense(&curves, 400);
            for tolerance in [1e-13, 1e-6] {
                let law = Quadrature::with_tolerance(curves.clone(), tolerance);
                for sigma in sigmas {
                    for set in [Instructions::Portable, Instructions::Avx2, Instructions::Avx512] {
                        let worst = worst(&law, &dense, sigma, set);
                        assert!(worst < 2.0 * tolerance + 2e-13, "{curves:?} σ {sigma} {set:?}: {worst:e}");
                    }
                }
            }
        }
    }

    #[test]
    fn refinement_agrees_with_stored_levels_and_never_hangs() {
        let curves = Curve::two_moons(1.0, 0.0).to_vec();
        let law = Quadrature::new(curves.clone());
        let xi = [[0.3, 0.95], [1.9, 0.3], [-1.05, 0.02], [0.5, 0.4]];
        let stored = conditions(&law, 0.0025, &xi, Instructions::best());
        for (xi, stored) in xi.iter().zip(stored) {
            let refined = Refinement::new(&curves, 1e-13, 0.0025, 2.0).cumulants(xi).conditional;
            for i in 0..2 {
                assert!((refined.offset[i] - stored.offset[i]).abs() < 1e-13);
                for j in 0..2 {
                    assert!((refined.covariance[i][j] - stored.covariance[i][j]).abs() < 1e-14);
                }
            }
        }
        // Far out at little noise the foot takes all: the offset is that of the nearest point.
        let foot = conditions(&law, 1e-8, &[[0.0, 1.5]], Instructions::best())[0];
        assert!((foot.offset[1] + 0.5).abs() < 1e-7 && foot.offset[0].abs() < 1e-9);
        for variance in [1e-300, 1e-20, 1e300] {
            conditions(&law, variance, &[[1e15, 1.0], [1e200, 0.0], [0.0, 1.0]], Instructions::best());
        }
    }

    #[test]
    fn interval_matches_the_truncated_normal() {
        // Mean and variance of N(ξ, 1) on [0, 2] from tables of erf and φ to 15 digits.
        let law = Quadrature::new(vec![Interval { length: 2.0 }]);
        let found = conditions(&law, 1.0, &[[0.5]], Instructions::best())[0];
        let phi = |z: f64| (-0.5 * z * z).exp() / std::f64::consts::TAU.sqrt();
        let mass = 0.933192798731142 - 0.308537538725987;
        let mean = (phi(-0.5) - phi(1.5)) / mass;
        let variance = 1.0 + (-0.5 * phi(-0.5) - 1.5 * phi(1.5)) / mass - mean * mean;
        assert!((found.offset[0] - mean).abs() < 1e-14);
        assert!((found.covariance[0][0] - variance).abs() < 1e-14);
        // A far tail: the distance above the end is nearly exponential, with mean V/(ξ − 2) at first order.
        let tail = conditions(&law, 1.0, &[[202.0]], Instructions::best())[0];
        let z = 200.0f64;
        let series = 1.0 / z - 2.0 / z.powi(3) + 10.0 / z.powi(5);
        assert!((tail.offset[0] + z + series).abs() < 1e-11, "{}", tail.offset[0] + z);
    }

    #[test]
    fn points_do_not_depend_on_their_neighbours() {
        let law = Quadrature::nodes(Curve::trefoil(), 512, 4e-10);
        let xi: Vec<[f64; 2]> =
            (0..200).map(|j| (f64::from(j) * 0.7, f64::from(j) * 0.05)).map(spiral).collect();
        for set in [Instructions::Portable, Instructions::Avx2, Instructions::Avx512] {
            for sigma in [3.0f64, 0.8, 0.3, 0.1, 0.05] {
                let together = conditions(&law, sigma * sigma, &xi, set);
                for size in [1, 3, 8, 13] {
                    let apart = xi.chunks(size).flat_map(|xi| conditions(&law, sigma * sigma, xi, set));
                    assert!(apart.eq(together.iter().copied()), "σ {sigma}, {size} points, {set:?}");
                }
            }
        }
    }

    fn spiral((angle, radius): (f64, f64)) -> [f64; 2] {
        [radius * angle.cos(), radius * angle.sin()]
    }

    #[test]
    fn nodes_of_a_closed_path_are_the_law() {
        let law = Quadrature::nodes(Curve::trefoil(), 512, 1e-12);
        let dense: Vec<_> = (0..512)
            .map(|j| (Curve::trefoil().point(std::f64::consts::TAU * f64::from(j) / 512.0), 1.0))
            .collect();
        for sigma in [3.0, 0.7, 0.2, 0.05, 0.01] {
            assert!(worst(&law, &dense, sigma, Instructions::best()) < 2e-12);
        }
        let short = Quadrature::nodes(Curve::trefoil(), 512, 4e-10);
        for sigma in [3.0, 1.2, 0.5, 0.3, 0.2, 0.05, 0.01] {
            for set in [Instructions::Portable, Instructions::Avx2, Instructions::Avx512] {
                assert!(worst(&short, &dense, sigma, set) < 8e-10, "σ {sigma} {set:?}");
            }
        }
    }
}
