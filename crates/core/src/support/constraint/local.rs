//! The constraint to first order at a point: rank, normal space, least-norm steps and multipliers.

use super::function::{Function, Linearised};
use crate::support::frame::norm;
use faer::MatRef;

/// Singular values of the row-scaled Jacobian below this share of the largest count as zero.
const RANK_TOLERANCE: f64 = 1e-8;
/// A gradient shorter than this share of its typical length has vanished.
const LOST: f64 = 1e-10;

/// c at a point, linearised; every condition is scaled to a gradient of unit length.
#[derive(Debug, Clone)]
pub(super) struct Local {
    /// The point `[D]`.
    pub point: Vec<f64>,
    /// c there, `[m]`.
    pub value: Vec<f64>,
    /// Orthonormal rows that span the row space of dc, `[r, D]`.
    pub normal: Vec<f64>,
    /// r, the rank of dc.
    pub rank: usize,
    /// −dc⁺ c, the shortest way to the linearised constraint, `[D]`.
    pub correction: Vec<f64>,
    /// Lengths of the gradients of the conditions, `[m]`.
    pub gradients: Vec<f64>,
    /// Singular values, `[r]`, and left vectors `[m, r]` of the row-scaled Jacobian.
    singular: Vec<f64>,
    left: Vec<f64>,
}

impl Local {
    /// At a point, with the typical lengths of the gradients, `[m]`; `None` where c or its derivative is not finite.
    pub fn at(function: &Function, point: &[f64], typical: &[f64]) -> Option<Local> {
        let Linearised { value, mut jacobian } = function.linearised(point)?;
        let (dim, count) = (point.len(), value.len());
        let gradients: Vec<f64> = jacobian.chunks_exact(dim).map(norm).collect();
        let mut scaled = vec![0.0; count];
        for (i, row) in jacobian.chunks_exact_mut(dim).enumerate() {
            let kept = gradients[i] > LOST * typical[i] && gradients[i].is_finite();
            let factor = if kept { 1.0 / gradients[i] } else { 0.0 };
            row.iter_mut().for_each(|entry| *entry *= factor);
            scaled[i] = value[i] * factor;
        }
        let mut local = Local {
            point: point.to_vec(),
            normal: Vec::new(),
            rank: 0,
            correction: vec![0.0; dim],
            value,
            gradients,
            singular: Vec::new(),
            left: Vec::new(),
        };
        local.decompose(&jacobian, count)?;
        let along = local.left_products(&scaled);
        for ((row, sigma), part) in local.normal.chunks_exact(dim).zip(&local.singular).zip(along) {
            local.correction.iter_mut().zip(row).for_each(|(c, n)| *c -= part / sigma * n);
        }
        Some(local)
    }

    /// Rank, normal rows, singular values and left vectors of the scaled Jacobian `[m, D]`.
    fn decompose(&mut self, jacobian: &[f64], count: usize) -> Option<()> {
        let dim = self.point.len();
        let svd = MatRef::from_row_major_slice(jacobian, count, dim).thin_svd().ok()?;
        let values = svd.S().column_vector();
        let largest = values.iter().copied().fold(0.0, f64::max);
        self.rank = values.iter().filter(|&&sigma| sigma > RANK_TOLERANCE * largest && sigma > 0.0).count();
        self.singular = (0..self.rank).map(|k| values[k]).collect();
        self.normal =
            (0..self.rank).flat_map(|k| (0..dim).map(move |i| (i, k))).map(|at| svd.V()[at]).collect();
        self.left =
            (0..count).flat_map(|i| (0..self.rank).map(move |k| (i, k))).map(|at| svd.U()[at]).collect();
        Some(())
    }

    /// Uᵀ a.
    fn left_products(&self, a: &[f64]) -> Vec<f64> {
        let column = |k: usize| a.iter().enumerate().map(|(i, a)| self.left[i * self.rank + k] * a).sum();
        (0..self.rank).map(column).collect()
    }

    /// The part of a vector in the tangent space; cleared twice, so that a small rest keeps its accuracy.
    pub fn tangential(&self, vector: &[f64]) -> Vec<f64> {
        let mut rest = vector.to_vec();
        for _ in 0..2 {
            for row in self.normal.chunks_exact(vector.len()) {
                let part: f64 = row.iter().zip(&rest).map(|(n, r)| n * r).sum();
                rest.iter_mut().zip(row).for_each(|(r, n)| *r -= part * n);
            }
        }
        rest
    }

    /// λ with dcᵀ λ = the normal part of `offset`, of least norm in the scaled conditions.
    pub fn multipliers(&self, offset: &[f64]) -> Vec<f64> {
        let rows = self.normal.chunks_exact(offset.len());
        let along: Vec<f64> = rows
            .zip(&self.singular)
            .map(|(row, sigma)| row.iter().zip(offset).map(|(n, o)| n * o).sum::<f64>() / sigma)
            .collect();
        let of = |(i, length): (usize, &f64)| {
            let sum: f64 = along.iter().enumerate().map(|(k, a)| self.left[i * self.rank + k] * a).sum();
            if *length > 0.0 { sum / length } else { 0.0 }
        };
        self.gradients.iter().enumerate().map(of).collect()
    }

    /// Length of a value of c in the scale of this point's gradients: near the constraint about the distance to it.
    pub fn merit(&self, value: &[f64]) -> f64 {
        let scaled = value.iter().zip(&self.gradients);
        norm(&scaled.map(|(c, g)| if *g > 0.0 { c / g } else { 0.0 }).collect::<Vec<_>>())
    }
}
