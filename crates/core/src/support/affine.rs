//! Affine subspaces, among them the supports of singular Gaussians.

use super::check::{finite, outline_count};
use super::frame::{distance, normal_complement, orthonormal_rows};
use super::{Foot, NORMAL_LIMIT, Support};
use crate::error::{Error, Result};
use crate::law;

/// point + span(basis), of dimension 0 ≤ d < D.
#[derive(Debug, Clone, PartialEq)]
pub struct Affine {
    point: Vec<f64>,
    tangent: Vec<f64>,
    normal: Vec<f64>,
}

impl Affine {
    /// Most numbers in the basis, d × D: every foot carries a copy of it.
    pub const MOST_NUMBERS: usize = 1 << 20;

    /// Through `point[D]`, along the linearly independent vectors `basis[d][D]`.
    ///
    /// # Errors
    /// [`Error::Invalid`] for vectors of another length, dependent vectors, d ≥ D, or numbers that are not finite.
    pub fn new(point: &[f64], basis: &[Vec<f64>]) -> Result<Affine> {
        let dim = point.len();
        finite("affine", "point", point)?;
        if dim == 0 || basis.len() >= dim || basis.len() * dim > Affine::MOST_NUMBERS {
            return Err(Error::invalid(
                "support affine, basis",
                format!("fewer vectors than the {dim} dimensions, {} numbers at most", Affine::MOST_NUMBERS),
                format!("{} vectors", basis.len()),
                "Leave out the directions across the support, or the whole [support] for a law of full dimension",
            ));
        }
        for (index, vector) in basis.iter().enumerate() {
            finite("affine", "basis", vector)?;
            if vector.len() != dim {
                return Err(Error::invalid(
                    "support affine, basis",
                    format!("vectors of {dim} numbers, as the point has"),
                    format!("{} numbers in vector {index}", vector.len()),
                    "Mend the basis",
                ));
            }
        }
        let tangent = orthonormal_rows(dim, &basis.concat());
        if tangent.len() < basis.len() * dim {
            return Err(Error::invalid(
                "support affine, basis",
                "linearly independent vectors",
                format!("{} vectors of rank {}", basis.len(), tangent.len() / dim),
                "Leave out the vectors that depend on others",
            ));
        }
        let normal = if dim <= NORMAL_LIMIT { normal_complement(dim, &tangent) } else { Vec::new() };
        Ok(Affine { point: point.to_vec(), tangent, normal })
    }

    /// Support of a Gaussian with the given mean and variances along the coordinates: those with positive variance.
    ///
    /// # Errors
    /// [`Error::Invalid`] for lists of different length, negative variances, or none that vanishes (then d = D).
    pub fn of_variances(mean: &[f64], variances: &[f64]) -> Result<Affine> {
        if mean.len() != variances.len() || variances.iter().any(|v| !(v.is_finite() && *v >= 0.0)) {
            return Err(Error::invalid(
                "support of a Gaussian",
                format!("{} finite variances of at least 0", mean.len()),
                format!("{variances:?}"),
                "Mend the variances",
            ));
        }
        let axis = |i: usize| (0..mean.len()).map(|j| f64::from(i == j)).collect::<Vec<f64>>();
        let basis: Vec<Vec<f64>> = (0..mean.len()).filter(|&i| variances[i] > 0.0).map(axis).collect();
        Affine::new(mean, &basis)
    }

    /// The standard normal law along it, about its point.
    pub fn law(&self) -> law::Affine {
        law::Affine { point: self.point.clone(), basis: self.tangent.clone() }
    }
}

impl Support for Affine {
    fn dim(&self) -> usize {
        self.point.len()
    }

    fn intrinsic_dim(&self) -> usize {
        self.tangent.len() / self.point.len()
    }

    fn project(&self, x: &[f64]) -> Foot {
        let mut point = self.point.clone();
        for row in self.tangent.chunks_exact(self.dim()) {
            let along: f64 = row.iter().zip(x).zip(&self.point).map(|((t, x), p)| t * (x - p)).sum();
            point.iter_mut().zip(row).for_each(|(p, t)| *p += along * t);
        }
        let distance = distance(x, &point);
        Foot {
            point,
            distance,
            middle_distance: distance,
            tangent: self.tangent.clone(),
            normal: self.normal.clone(),
            component: 0,
            flaw: None,
        }
    }

    /// A line of three units either way along each of the first directions; the point itself for d = 0.
    fn outline(&self, count: usize) -> Vec<Vec<f64>> {
        let lines = self.intrinsic_dim().min(8);
        if lines == 0 {
            return vec![self.point.clone()];
        }
        let points = (outline_count(count) / lines).max(2);
        let line = |row: &[f64]| {
            let reach = |i: usize| 6.0 * i as f64 / (points - 1) as f64 - 3.0;
            (0..points).flat_map(|i| self.point.iter().zip(row).map(move |(p, t)| p + reach(i) * t)).collect()
        };
        self.tangent.chunks_exact(self.dim()).take(lines).map(line).collect()
    }
}
