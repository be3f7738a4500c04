//! Quadrature around one point: panels halved until the bound holds, and left out where they do not matter.

use super::bound::{PANEL, Setting};
use super::gauss_legendre::GaussLegendre;
use super::nodes::cut;
use super::path::Path;
use super::posterior::{Cumulants, RawMoments};

/// Halvings of a path at most; more would not be told apart in the parameter.
const DEPTH: u32 = 44;
/// Panels are not made narrower than this share of √V, so that their number stays bounded.
const NARROWEST: f64 = 1e-3;
/// Panels are not halved any more once there are so many.
const MOST_PANELS: usize = 1 << 14;

/// A dyadic panel: the `index`-th of 2^depth equal parts of a path.
#[derive(Debug, Clone, Copy)]
struct Panel {
    path: usize,
    depth: u32,
    index: u64,
}

/// Depths at which panels meet the tolerance.
#[derive(Debug, Clone, Copy)]
struct Depths {
    inside: u32,
    end: u32,
}

/// The panels for one noise level, at most some distance from the paths.
pub(super) struct Refinement<'a, P> {
    paths: &'a [P],
    depths: Vec<Depths>,
    variance: f64,
    /// Squared distance of a point of the paths.
    square: f64,
    /// Exponent below which panels are left out.
    cut: f64,
}

/// A point of a path with its weight.
struct Node<const D: usize> {
    point: [f64; D],
    weight: f64,
}

impl<'a, P> Refinement<'a, P> {
    /// For points whose distance from the nearest path is at most `distance`.
    pub(super) fn new<const D: usize>(paths: &'a [P], tolerance: f64, variance: f64, distance: f64) -> Self
    where
        P: Path<D>,
    {
        let setting = Setting::new(paths, variance, distance);
        let depth = |path: &P, at_end: bool| {
            let [from, to] = path.range();
            let speed = path.speed_bound(from.abs().max(to.abs()));
            let floor = NARROWEST * variance.sqrt() / speed;
            let half_width = |depth: u32| 0.5 * (to - from) / (1u64 << depth) as f64;
            let fits = |depth: &u32| {
                half_width(*depth) <= floor
                    || setting.panel(path, half_width(*depth), at_end) <= tolerance.ln()
            };
            (1..DEPTH).find(fits).unwrap_or(DEPTH)
        };
        let depths: Vec<Depths> = paths
            .iter()
            .map(|path| Depths {
                inside: depth(path, false),
                end: if path.is_closed() { 1 } else { depth(path, true) },
            })
            .collect();
        let deepest = depths.iter().map(|d| d.inside.max(d.end)).max().unwrap_or(DEPTH);
        // The smallest Gauss–Legendre weight of 16 nodes is 0.027, of a total of 2 a panel.
        let ratio = (1u64 << deepest) as f64 * paths.len() as f64 / 0.013;
        Refinement { paths, depths, variance, square: distance * distance, cut: cut(ratio, tolerance) }
    }

    /// Cumulants of X_0 given X_0 + √variance Z = ξ.
    pub(super) fn cumulants<const D: usize>(&self, xi: &[f64; D]) -> Cumulants<D>
    where
        P: Path<D>,
    {
        let panels = self.panels(xi);
        let rule = GaussLegendre::new(PANEL);
        let nodes: Vec<Node<D>> = panels
            .iter()
            .flat_map(|panel| {
                let share = 1.0 / (1u64 << panel.depth) as f64;
                let parts = rule.nodes.iter().zip(&rule.weights);
                parts.map(move |(z, w)| Node { point: self.point(panel, *z), weight: w * share })
            })
            .collect();
        cumulants(&nodes, self.variance, xi)
    }

    /// γ at z in [−1, 1] of a panel.
    fn point<const D: usize>(&self, panel: &Panel, z: f64) -> [f64; D]
    where
        P: Path<D>,
    {
        let [from, to] = self.paths[panel.path].range();
        let width = (to - from) / (1u64 << panel.depth) as f64;
        self.paths[panel.path].point(from + width * (panel.index as f64 + 0.5 * (1.0 + z)))
    }

    /// Panels fine enough, without those too far to matter; depth by depth.
    fn panels<const D: usize>(&self, xi: &[f64; D]) -> Vec<Panel>
    where
        P: Path<D>,
    {
        let mut square = self.square;
        let mut pending: Vec<Panel> =
            (0..self.paths.len()).map(|path| Panel { path, depth: 0, index: 0 }).collect();
        let mut fine = Vec::new();
        while !pending.is_empty() {
            let distances: Vec<f64> =
                pending.iter().map(|panel| length(&self.point(panel, 0.0), xi)).collect();
            square = distances.iter().fold(square, |square, distance| square.min(distance * distance));
            let mut halves = Vec::new();
            let enough = fine.len() + pending.len() > MOST_PANELS;
            for (panel, distance) in pending.into_iter().zip(distances) {
                if self.too_far(&panel, distance, square) {
                    continue;
                }
                if enough || self.is_fine(&panel) {
                    fine.push(panel);
                    continue;
                }
                let half = |index| Panel { depth: panel.depth + 1, index, ..panel };
                halves.extend([half(2 * panel.index), half(2 * panel.index + 1)]);
            }
            pending = halves;
        }
        fine
    }

    /// Whether every point of a panel, its middle at a distance, is left out.
    fn too_far<const D: usize>(&self, panel: &Panel, distance: f64, square: f64) -> bool
    where
        P: Path<D>,
    {
        let path = &self.paths[panel.path];
        let [from, to] = path.range();
        let half_width = 0.5 * (to - from) / (1u64 << panel.depth) as f64;
        let nearest = distance - half_width * path.speed_bound(from.abs().max(to.abs()));
        nearest > (square + 2.0 * self.variance * self.cut).sqrt()
    }

    fn is_fine(&self, panel: &Panel) -> bool {
        let at_end = panel.index == 0 || panel.index + 1 == 1 << panel.depth;
        let Depths { inside, end } = self.depths[panel.path];
        panel.depth >= if at_end { inside.max(end) } else { inside }
    }
}

fn length<const D: usize>(a: &[f64; D], b: &[f64; D]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum::<f64>().sqrt()
}

/// Two passes: the nearest node, then sums about it.
fn cumulants<const D: usize>(nodes: &[Node<D>], variance: f64, xi: &[f64; D]) -> Cumulants<D> {
    let nearest = nodes.iter().min_by(|a, b| length(&a.point, xi).total_cmp(&length(&b.point, xi)));
    let Some(Node { point: centre, .. }) = nearest else {
        return Cumulants::filled(f64::NAN);
    };
    let least = length(centre, xi);
    let (mut total, mut first, mut second) = (0.0, [0.0; D], [[0.0; D]; D]);
    let mut third = [[[0.0; D]; D]; D];
    for Node { point, weight } in nodes {
        let distance = length(point, xi);
        let w = weight * (-(distance - least) * (distance + least) / (2.0 * variance)).exp();
        let y: [f64; D] = std::array::from_fn(|i| point[i] - centre[i]);
        total += w;
        for i in 0..D {
            first[i] += w * y[i];
            for j in 0..=i {
                second[i][j] += w * y[i] * y[j];
                (0..=j).for_each(|k| third[i][j][k] += w * y[i] * y[j] * y[k]);
            }
        }
    }
    let raw = RawMoments {
        first: first.map(|sum| sum / total),
        second: second.map(|row| row.map(|sum| sum / total)),
        third: third.map(|rows| rows.map(|row| row.map(|sum| sum / total))),
    };
    raw.cumulants(centre, xi)
}
