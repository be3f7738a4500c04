//! A support known by a sample only: nearest neighbours with local PCA.

mod search;
mod two_nn;

use super::frame::{distance, extend_basis, norm, normal_complement};
use super::{Foot, NORMAL_LIMIT, Support};
use crate::error::{Error, Result};
use crate::law;
use faer::MatRef;
use rayon::prelude::*;

pub(crate) use search::{Surroundings, surroundings};
pub(crate) use two_nn::Ratios;
pub use two_nn::TwoNn;

/// A reference point and its distance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Neighbour {
    /// Its row in the reference.
    pub index: usize,
    /// Its distance.
    pub distance: f64,
}

/// Support given by a reference sample.
///
/// The k nearest reference points of x give a mean and, by PCA, d tangent directions. The foot is the projection of x on
/// mean + span(T), drawn back along the tangent to the radius that the neighbours reach about their mean, so that the
/// local plane does not extend past an edge of the data. On a curved support it lies off by about half the curvature
/// times the squared radius of the neighbourhood. Neighbours that span fewer than d directions are completed by coordinate axes.
/// The support counts as one component.
#[derive(Debug, Clone)]
pub struct Reference {
    dim: usize,
    points: Vec<f64>,
    intrinsic_dim: usize,
    neighbours: usize,
    two_nn: Option<TwoNn>,
}

/// Largest coordinate of a sample, so that squared distances stay finite.
const LARGEST: f64 = 1e100;

/// Refuses `points[N, D]` that are ragged, fewer than `least`, not finite or above 1e100.
///
/// # Errors
/// [`Error::Invalid`] saying which.
pub(crate) fn check_points(operation: &str, dim: usize, points: &[f64], least: usize) -> Result<()> {
    if dim == 0 || points.len() / dim < least || !points.len().is_multiple_of(dim) {
        let expected = format!("{least} rows or more of {} numbers", dim.max(1));
        let got = format!("{} numbers in rows of {dim}", points.len());
        return Err(Error::invalid(operation, expected, got, "Give more points, or mend the file"));
    }
    match points.iter().position(|value| value.is_nan() || value.abs() > LARGEST) {
        None => Ok(()),
        Some(place) => {
            let got = format!("{} in row {}", points[place], place / dim);
            Err(Error::invalid(operation, "finite numbers", got, "Mend the file"))
        }
    }
}

/// Mean and tangent directions of some reference points.
struct Plane {
    mean: Vec<f64>,
    tangent: Vec<f64>,
    radius: f64,
}

impl Reference {
    /// Fewest neighbours by default; more where 3 d exceeds it.
    pub const DEFAULT_NEIGHBOURS: usize = 20;
    /// From `points[N, D]`. `intrinsic_dim` is d in 1 ..= D − 1, or `None` to estimate it by TwoNN (see [`TwoNn`]);
    /// `neighbours` is k of the local PCA in d + 1 ..= N, or `None` for max(20, 3 d), at most N.
    ///
    /// # Errors
    /// [`Error::Invalid`] for D < 2, a ragged or too small list, numbers that are not finite or above 1e100, d or k out
    /// of range, or points whose dimension cannot be estimated.
    pub fn new(
        dim: usize,
        points: Vec<f64>,
        intrinsic_dim: Option<usize>,
        neighbours: Option<usize>,
    ) -> Result<Reference> {
        let wrong = |what: &str, expected: String, got: String, remedy: &str| {
            Err(Error::invalid(format!("reference support, {what}"), expected, got, remedy))
        };
        if dim < 2 {
            return wrong(
                "points",
                "rows of two numbers or more".into(),
                format!("rows of {dim}"),
                "Mend the file",
            );
        }
        check_points("reference support, points", dim, &points, 3)?;
        let count = points.len() / dim;
        let two_nn = match intrinsic_dim {
            Some(_) => None,
            None => Some(TwoNn::of(&Ratios::of(dim, &points))?),
        };
        let d = intrinsic_dim.or(two_nn.map(|found| found.rounded(dim))).unwrap_or(1);
        if d == 0 || d >= dim {
            return wrong(
                "dimension",
                format!("1 to {}", dim - 1),
                d.to_string(),
                "Mend the dimension of the data",
            );
        }
        let k = neighbours.unwrap_or(Reference::DEFAULT_NEIGHBOURS.max(3 * d).min(count));
        if k <= d || k > count {
            let expected = format!("{} to {count}: more than d, at most all points", d + 1);
            return wrong(
                "neighbours",
                expected,
                k.to_string(),
                "Choose another number, or give more points",
            );
        }
        Ok(Reference { dim, points, intrinsic_dim: d, neighbours: k, two_nn })
    }

    /// How d was estimated, where it was.
    pub fn two_nn(&self) -> Option<TwoNn> {
        self.two_nn
    }

    /// k, neighbours of the local PCA.
    pub fn neighbours(&self) -> usize {
        self.neighbours
    }

    /// The reference points `[N, D]`.
    pub fn points(&self) -> &[f64] {
        &self.points
    }

    /// The `count` nearest reference points (at most N) of every row of `x[n, D]`, nearest first. Coordinates beyond
    /// ±1e120 count as that, so that squared distances stay finite.
    pub fn nearest(&self, x: &[f64], count: usize) -> Vec<Vec<Neighbour>> {
        let within: Vec<f64> = x.iter().map(|x| x.clamp(-1e120, 1e120)).collect();
        search::nearest(self.dim, &self.points, &within, count.min(self.points.len() / self.dim))
    }

    /// Local PCA of some reference points.
    fn plane(&self, neighbours: &[Neighbour]) -> Plane {
        let (dim, k, d) = (self.dim, neighbours.len(), self.intrinsic_dim);
        let row = |neighbour: &Neighbour| &self.points[neighbour.index * dim..][..dim];
        let mut mean = vec![0.0; dim];
        for neighbour in neighbours {
            mean.iter_mut().zip(row(neighbour)).for_each(|(m, p)| *m += p / k as f64);
        }
        let centred: Vec<f64> =
            neighbours.iter().flat_map(|n| row(n).iter().zip(&mean).map(|(p, m)| p - m)).collect();
        let tangent = leading_directions(dim, &centred, d);
        let reach = |deviation: &[f64]| norm(&coordinates(dim, &tangent, deviation));
        let radius = centred.chunks_exact(dim).map(reach).fold(0.0, f64::max);
        Plane { mean, tangent, radius }
    }

    fn foot(&self, x: &[f64], neighbours: &[Neighbour]) -> Foot {
        let Plane { mean, tangent, radius } = self.plane(neighbours);
        let offset: Vec<f64> = x.iter().zip(&mean).map(|(x, m)| x - m).collect();
        let along = coordinates(self.dim, &tangent, &offset);
        let length = norm(&along);
        let drawn_back = if length > radius { radius / length } else { 1.0 };
        let mut point = mean;
        for (row, c) in tangent.chunks_exact(self.dim).zip(&along) {
            point.iter_mut().zip(row).for_each(|(p, t)| *p += drawn_back * c * t);
        }
        let distance = distance(x, &point);
        let normal =
            if self.dim <= NORMAL_LIMIT { normal_complement(self.dim, &tangent) } else { Vec::new() };
        Foot { point, distance, middle_distance: distance, tangent, normal, component: 0, flaw: None }
    }

    /// A draw from the sample.
    pub fn law(&self) -> law::Points {
        law::Points::new(self.dim, self.points.as_slice().into(), &[])
    }
}

/// Coordinates of a vector along orthonormal rows.
fn coordinates(dim: usize, rows: &[f64], vector: &[f64]) -> Vec<f64> {
    rows.chunks_exact(dim).map(|row| row.iter().zip(vector).map(|(t, v)| t * v).sum()).collect()
}

/// The d leading right singular vectors of `rows[k, D]` as orthonormal rows; where the rows span less, coordinate axes
/// complete them.
fn leading_directions(dim: usize, rows: &[f64], d: usize) -> Vec<f64> {
    let matrix = MatRef::from_row_major_slice(rows, rows.len() / dim, dim);
    let mut directions = Vec::with_capacity(d * dim);
    if let Ok(svd) = matrix.thin_svd() {
        let values = svd.S().column_vector();
        let kept = (0..d.min(values.nrows())).take_while(|&i| values[i] > 1e-12 * values[0]).count();
        for i in 0..kept {
            directions.extend((0..dim).map(|c| svd.V()[(c, i)]));
        }
    }
    extend_basis(dim, &mut directions, d);
    directions
}

impl Support for Reference {
    fn dim(&self) -> usize {
        self.dim
    }

    fn intrinsic_dim(&self) -> usize {
        self.intrinsic_dim
    }

    fn project(&self, x: &[f64]) -> Foot {
        self.foot(x, &self.nearest(x, self.neighbours)[0])
    }

    fn project_batch(&self, x: &[f64]) -> Vec<Foot> {
        let found = self.nearest(x, self.neighbours);
        x.par_chunks_exact(self.dim).zip(&found).map(|(x, neighbours)| self.foot(x, neighbours)).collect()
    }

    /// Single points, evenly spaced through the reference.
    fn outline(&self, count: usize) -> Vec<Vec<f64>> {
        let rows = self.points.len() / self.dim;
        let step = rows.div_ceil(super::check::outline_count(count));
        self.points.chunks_exact(self.dim).step_by(step).map(<[f64]>::to_vec).collect()
    }
}
