//! Scores of finite point sets (theory §11.3) and of smoothed reference samples (theory §6).

use super::cloud::Cloud;
use super::posterior::Score;
use super::{Field, Moment, SharedField};
use crate::error::{Error, Result};
use std::sync::Arc;

/// Standard deviations of the Gaussian kernel put on every node.
#[derive(Debug, Clone, PartialEq)]
pub enum Bandwidth {
    /// The same in every direction; 0 for none.
    Isotropic(f64),
    /// One for every coordinate.
    Diagonal(Vec<f64>),
}

/// The score of m (X_0 + h Z') + σ Z with X_0 one of some weighted nodes, in any dimension.
///
/// Up to D = 3, with the same bandwidth in every direction, far nodes are left out block by block (relative
/// tolerance 1e-14); otherwise every node is visited, and the sums are taken about the mean.
#[derive(Clone)]
pub struct PointSet {
    dim: usize,
    nodes: Arc<[f64]>,
    log_weights: Vec<f64>,
    bandwidth: Bandwidth,
    /// The same score from blocks of nodes, where there is one.
    blocks: Option<SharedField>,
}

/// Beside others of weight 1, blocks of nodes hold weights down to this.
const LEAST_WEIGHT: f64 = 1e-100;
/// Relative tolerance of what is left out.
const TOLERANCE: f64 = 1e-14;

/// The nodes that matter at one point.
#[derive(Default)]
struct Near {
    /// Indices of the nodes.
    nodes: Vec<usize>,
    /// Their posterior weights, sum 1.
    weights: Vec<f64>,
    /// x̄
    mean: Vec<f64>,
}

impl PointSet {
    /// From `nodes[count, D]` and `weights[count]` (or none for equal ones; nodes of weight 0 are left out).
    ///
    /// # Errors
    /// [`Error::Invalid`] unless there are nodes, sizes agree, all numbers are finite, weights are not
    /// negative with a positive sum, and bandwidths are not negative.
    pub fn new(dim: usize, nodes: Arc<[f64]>, weights: &[f64], bandwidth: Bandwidth) -> Result<Self> {
        check(dim, &nodes, weights, &bandwidth)?;
        let heaviest = weights.iter().copied().fold(0.0, f64::max);
        let (nodes, weights) = if weights.is_empty() {
            let count = nodes.len() / dim;
            (nodes, vec![1.0; count])
        } else {
            let kept = || nodes.chunks_exact(dim).zip(weights).filter(|(_, w)| **w > 0.0);
            let weights = kept().map(|(_, w)| w / heaviest).collect();
            (kept().flat_map(|(node, _)| node.iter().copied()).collect(), weights)
        };
        let blocks = match &bandwidth {
            Bandwidth::Isotropic(h) if weights.iter().all(|w| *w >= LEAST_WEIGHT) => match dim {
                1 => Some(blocks::<1>(&nodes, &weights, *h)),
                2 => Some(blocks::<2>(&nodes, &weights, *h)),
                3 => Some(blocks::<3>(&nodes, &weights, *h)),
                _ => None,
            },
            _ => None,
        };
        let log_weights = weights.iter().map(|w| w.ln()).collect();
        Ok(PointSet { dim, nodes, log_weights, bandwidth, blocks })
    }

    /// V of every coordinate.
    fn variances(&self, at: Moment) -> Vec<f64> {
        let total = |h: f64| at.noise * at.noise + (at.signal * h).powi(2);
        match &self.bandwidth {
            Bandwidth::Isotropic(h) => vec![total(*h); self.dim],
            Bandwidth::Diagonal(h) => h.iter().map(|h| total(*h)).collect(),
        }
    }

    /// Posterior weights (two passes; weights below rounding of the whole are left out) and mean.
    fn near(&self, at: Moment, precision: &[f64], x: &[f64]) -> Near {
        let exponents: Vec<f64> = self
            .nodes
            .chunks_exact(self.dim)
            .zip(&self.log_weights)
            .map(|(node, log_weight)| {
                let terms = node.iter().zip(x).zip(precision);
                let square: f64 = terms.map(|((y, x), p)| (at.signal * y - x).powi(2) * p).sum();
                log_weight - 0.5 * square
            })
            .collect();
        let peak = exponents.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        // Σ of what is dropped ≤ count · e^{−cut} of the largest weight.
        let cut = 45.0 + (exponents.len() as f64).ln();
        let mut near = Near { mean: vec![0.0; self.dim], ..Near::default() };
        for (j, exponent) in exponents.iter().enumerate() {
            if peak - exponent < cut {
                near.nodes.push(j);
                near.weights.push((exponent - peak).exp());
            }
        }
        let total: f64 = near.weights.iter().sum();
        near.weights.iter_mut().for_each(|w| *w /= total);
        for (j, w) in near.nodes.iter().zip(&near.weights) {
            let node = &self.nodes[j * self.dim..][..self.dim];
            near.mean.iter_mut().zip(node).for_each(|(mean, y)| *mean += w * y);
        }
        near
    }

    /// J v = −V⁻¹ v + m² V⁻¹ Cov V⁻¹ v, the covariance about the mean.
    fn product(&self, m: f64, precision: &[f64], near: &Near, v: &[f64], jv: &mut [f64]) {
        for ((jv, v), p) in jv.iter_mut().zip(v).zip(precision) {
            *jv = -p * v;
        }
        for (j, w) in near.nodes.iter().zip(&near.weights) {
            let node = &self.nodes[j * self.dim..][..self.dim];
            let terms = node.iter().zip(&near.mean).zip(v.iter().zip(precision));
            let along: f64 = terms.map(|((y, mean), (v, p))| (y - mean) * (p * v)).sum();
            let factor = m * m * w * along;
            for (((jv, y), mean), p) in jv.iter_mut().zip(node).zip(&near.mean).zip(precision) {
                *jv += p * (factor * (y - mean));
            }
        }
    }

    /// d²s[u, v] = Σ w ĝ (ĝ·u)(ĝ·v) with ĝ = m V⁻¹ (y − x̄).
    fn curvature(&self, m: f64, precision: &[f64], near: &Near, pair: [&[f64]; 2], d2: &mut [f64]) {
        d2.fill(0.0);
        for (j, w) in near.nodes.iter().zip(&near.weights) {
            let node = &self.nodes[j * self.dim..][..self.dim];
            let pull = |i: usize| m * precision[i] * (node[i] - near.mean[i]);
            let along = |v: &[f64]| (0..self.dim).map(|i| pull(i) * v[i]).sum::<f64>();
            let factor = w * along(pair[0]) * along(pair[1]);
            d2.iter_mut().enumerate().for_each(|(i, d2)| *d2 += factor * pull(i));
        }
    }
}

impl Field for PointSet {
    fn dim(&self) -> usize {
        self.dim
    }

    fn eval(&self, at: Moment, x: &[f64], y: &mut [f64]) {
        self.tangents(at, x, &[], y, &mut []);
    }

    fn tangents(&self, at: Moment, x: &[f64], v: &[f64], y: &mut [f64], jv: &mut [f64]) {
        if let Some(blocks) = &self.blocks {
            return blocks.tangents(at, x, v, y, jv);
        }
        let dim = self.dim;
        let k = if x.is_empty() { 0 } else { v.len() / x.len() };
        let precision: Vec<f64> = self.variances(at).iter().map(|v| 1.0 / v).collect();
        for (i, (x, y)) in x.chunks_exact(dim).zip(y.chunks_exact_mut(dim)).enumerate() {
            let near = self.near(at, &precision, x);
            near.score(at.signal, &precision, x, y);
            let rows = i * k * dim..(i + 1) * k * dim;
            for (v, jv) in v[rows.clone()].chunks_exact(dim).zip(jv[rows].chunks_exact_mut(dim)) {
                self.product(at.signal, &precision, &near, v, jv);
            }
        }
    }

    fn adjoint(&self, at: Moment, x: &[f64], u: &[f64], y: &mut [f64], uj: &mut [f64]) {
        self.tangents(at, x, u, y, uj);
    }

    fn second(
        &self,
        at: Moment,
        x: &[f64],
        u: &[f64],
        v: &[f64],
        y: &mut [f64],
        d2: &mut [f64],
    ) -> Result<()> {
        if let Some(blocks) = &self.blocks {
            return blocks.second(at, x, u, v, y, d2);
        }
        let dim = self.dim;
        let k = if x.is_empty() { 0 } else { u.len() / x.len() };
        let precision: Vec<f64> = self.variances(at).iter().map(|v| 1.0 / v).collect();
        for (i, (x, y)) in x.chunks_exact(dim).zip(y.chunks_exact_mut(dim)).enumerate() {
            let near = self.near(at, &precision, x);
            near.score(at.signal, &precision, x, y);
            let rows = i * k * dim..(i + 1) * k * dim;
            let pairs = u[rows.clone()].chunks_exact(dim).zip(v[rows.clone()].chunks_exact(dim));
            for ((u, v), d2) in pairs.zip(d2[rows].chunks_exact_mut(dim)) {
                self.curvature(at.signal, &precision, &near, [u, v], d2);
            }
        }
        Ok(())
    }

    fn is_gradient(&self) -> bool {
        true
    }
}

impl Near {
    /// s = V⁻¹ (m x̄ − x).
    fn score(&self, m: f64, precision: &[f64], x: &[f64], y: &mut [f64]) {
        for (((y, x), mean), p) in y.iter_mut().zip(x).zip(&self.mean).zip(precision) {
            *y = (m * mean - x) * p;
        }
    }
}

fn blocks<const D: usize>(nodes: &[f64], weights: &[f64], bandwidth: f64) -> SharedField {
    let (points, _) = nodes.as_chunks::<D>();
    Arc::new(Score::new(Cloud::new(points, weights, TOLERANCE), bandwidth))
}

fn check(dim: usize, nodes: &[f64], weights: &[f64], bandwidth: &Bandwidth) -> Result<()> {
    let fail = |expected: &str, got: String| {
        Err(Error::invalid(
            "score of a point set",
            expected,
            got,
            "Correct the points, weights or bandwidth.",
        ))
    };
    if dim == 0 || nodes.is_empty() || !nodes.len().is_multiple_of(dim) {
        return fail("rows of D ≥ 1 coordinates", format!("{} numbers for D = {dim}", nodes.len()));
    }
    if !nodes.iter().all(|value| value.is_finite()) {
        return fail("finite coordinates", "a coordinate that is not finite".into());
    }
    if !weights.is_empty() && weights.len() != nodes.len() / dim {
        return fail("a weight a point", format!("{} for {} points", weights.len(), nodes.len() / dim));
    }
    let sum: f64 = weights.iter().sum();
    if weights.iter().any(|w| *w < 0.0) || !sum.is_finite() || (!weights.is_empty() && sum <= 0.0) {
        return fail("weights ≥ 0 with a positive sum", format!("a sum of {sum}"));
    }
    let widths = match bandwidth {
        Bandwidth::Isotropic(h) => std::slice::from_ref(h),
        Bandwidth::Diagonal(h) if h.len() == dim => h,
        Bandwidth::Diagonal(h) => return fail("a bandwidth a coordinate", format!("{}", h.len())),
    };
    if !widths.iter().all(|h| h.is_finite() && *h >= 0.0) {
        return fail("finite bandwidths ≥ 0", format!("{widths:?}"));
    }
    Ok(())
}
