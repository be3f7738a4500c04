//! Laws on curves by quadrature (theory §11.3).

use super::gauss_legendre::GaussLegendre;
use super::nodes::Nodes;
use super::posterior::{Conditional, Posterior};
use crate::geometry::Curve;
use std::f64::consts::TAU;
use std::sync::OnceLock;

/// A smooth path in R^D, uniform in its parameter.
pub trait Path<const D: usize>: Send + Sync {
    /// First and last parameter.
    fn range(&self) -> [f64; 2];
    /// Whether the parameter is periodic.
    fn is_closed(&self) -> bool;
    /// γ(t).
    fn point(&self, t: f64) -> [f64; D];
    /// Largest |γ′(t)| for |t| ≤ reach.
    fn speed_bound(&self, reach: f64) -> f64;
}

impl Path<2> for Curve {
    fn range(&self) -> [f64; 2] {
        self.range()
    }
    fn is_closed(&self) -> bool {
        self.is_closed()
    }
    fn point(&self, t: f64) -> [f64; 2] {
        self.point(t)
    }
    fn speed_bound(&self, reach: f64) -> f64 {
        self.speed_bound(reach)
    }
}

/// The interval [0, length] of the line.
#[derive(Debug, Clone, Copy)]
pub struct Interval {
    /// Its length.
    pub length: f64,
}

impl Path<1> for Interval {
    fn range(&self) -> [f64; 2] {
        [0.0, self.length]
    }
    fn is_closed(&self) -> bool {
        false
    }
    fn point(&self, t: f64) -> [f64; 1] {
        [t]
    }
    fn speed_bound(&self, _reach: f64) -> f64 {
        1.0
    }
}

/// Nodes a Gauss–Legendre panel.
const PANEL: usize = 16;
/// Levels of refinement kept.
const LEVELS: usize = 13;

/// Equal mass on each of some paths, uniform in the parameter of each, by quadrature.
pub struct Quadrature<P, const D: usize> {
    paths: Vec<P>,
    levels: [OnceLock<Nodes<D>>; LEVELS],
}

impl<P: Path<D>, const D: usize> Quadrature<P, D> {
    /// Of one path or more.
    pub fn new(paths: Vec<P>) -> Self {
        Quadrature { paths, levels: [const { OnceLock::new() }; LEVELS] }
    }

    /// Panels (of 16 nodes) a path at a level.
    fn rule(&self, level: usize) -> Nodes<D> {
        let panels = 1usize << level;
        let rule = GaussLegendre::new(PANEL);
        let (mut points, mut weights) = (Vec::new(), Vec::new());
        for path in &self.paths {
            let [from, to] = path.range();
            if path.is_closed() {
                let count = panels * PANEL;
                points.extend((0..count).map(|j| path.point(from + TAU * j as f64 / count as f64)));
                weights.extend(vec![1.0 / count as f64; count]);
                continue;
            }
            let width = (to - from) / panels as f64;
            for panel in 0..panels {
                let start = from + panel as f64 * width;
                points.extend(rule.nodes.iter().map(|z| path.point(start + 0.5 * width * (1.0 + z))));
                weights.extend(rule.weights.iter().map(|w| 0.5 * w / panels as f64));
            }
        }
        Nodes::new(points, &weights)
    }

    fn level(&self, variance: f64) -> usize {
        let longest = self.paths.iter().map(|path| {
            let [from, to] = path.range();
            (to - from) * path.speed_bound(from.abs().max(to.abs()))
        });
        let length = longest.fold(0.0, f64::max);
        let wanted = (length / (3.0 * variance.sqrt())).log2().ceil();
        (wanted.max(2.0) as usize).min(LEVELS - 1)
    }
}

impl<P: Path<D>, const D: usize> Posterior<D> for Quadrature<P, D> {
    fn condition(&self, variance: f64, xi: &[[f64; D]], out: &mut [Conditional<D>]) {
        let level = self.level(variance);
        let nodes = self.levels[level].get_or_init(|| self.rule(level));
        for (xi, out) in xi.iter().zip(out) {
            *out = nodes.condition(variance, xi);
        }
    }
}
