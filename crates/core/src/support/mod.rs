//! Supports of data: nearest point, distance, tangent and normal space (theory §5).
//!
//! One family a file. [`Shape`] names them with their parameters and builds any of them, checked.

mod affine;
mod check;
mod constraint;
mod frame;
mod moons;
mod product;
mod reference;
mod region;
mod roll;
mod shape;
mod sphere;
mod spiral;
mod torus;

use std::sync::Arc;

pub use affine::Affine;
pub use constraint::{Constraint, Landed};
pub use frame::{normal_complement, orthonormal_rows};
pub use moons::TwoMoons;
pub use product::Product;
pub use reference::{Neighbour, Reference, TwoNn};
pub(crate) use reference::{Ratios, Surroundings, check_points, surroundings};
pub use region::{Discs, Polygon};
pub use roll::SwissRoll;
pub use shape::Shape;
pub use sphere::Sphere;
pub use spiral::Spiral;
pub use torus::Torus;

/// Above this many dimensions [`Foot::normal`] is left empty: N would need D × D numbers a point, and every use here
/// can work with ζ − T Tᵀζ instead.
pub const NORMAL_LIMIT: usize = 64;

/// The foot of a point on a support.
#[derive(Debug, Clone, PartialEq)]
pub struct Foot {
    /// P(x): nearest point of the middle set (for a thick support) or of the support itself, `[D]`.
    /// For d = D: the nearest point of the topological boundary.
    pub point: Vec<f64>,
    /// Distance to the support; 0 inside a thick or full-dimensional one.
    pub distance: f64,
    /// Distance to the middle set; equals `distance` for a support without thickness.
    /// For d = D: distance to the topological boundary, from either side.
    pub middle_distance: f64,
    /// Orthonormal rows spanning the tangent space T at the foot, `[d, D]`; for d = D that of the boundary, `[D−1, D]`.
    pub tangent: Vec<f64>,
    /// Orthonormal rows spanning the normal space N, `[D−d, D]`; for d = D the outward normal, `[1, D]`.
    /// Empty where D exceeds [`NORMAL_LIMIT`] and d < D.
    pub normal: Vec<f64>,
    /// Index of the connected component that holds the foot, below [`Support::components`].
    pub component: usize,
    /// What is wrong with the foot; `None` for supports in closed form, and almost always for others.
    pub flaw: Option<Flaw>,
}

/// Why a foot that was searched for is not what it should be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Flaw {
    /// The search ended before the distance was stationary: the point is on the support, its distance an upper bound.
    NotNearest {
        /// Length of the tangential part of x − P(x), which should be 0.
        gradient: f64,
    },
    /// The support has no tangent space at the foot: the derivative of the constraint has a smaller rank there than
    /// elsewhere. The missing normal directions are coordinate axes.
    Singular {
        /// The rank.
        rank: usize,
    },
}

/// The set that the data live on.
///
/// Where the nearest point is not unique (the centre of a circle, the axis of a torus), one of them is chosen by a
/// fixed rule, so that the same x always has the same foot. Coordinates must be finite; a sweep reports those that are not.
pub trait Support: Send + Sync {
    /// D.
    fn dim(&self) -> usize;
    /// d, the dimension of the support (of its middle set, if it is thick).
    fn intrinsic_dim(&self) -> usize;
    /// The nearest point and the spaces there.
    fn project(&self, x: &[f64]) -> Foot;
    /// Polylines that draw the support, one `[points, D]` list each, at about `count` points in all; a list of one point is a dot.
    fn outline(&self, count: usize) -> Vec<Vec<f64>>;
    /// Number of connected components.
    fn components(&self) -> usize {
        1
    }
    /// Whether feet are searched for, so that one may come with a [`Flaw`].
    fn may_fail(&self) -> bool {
        false
    }
    /// Feet of a batch `x[n, D]`, each bit for bit that of [`Support::project`].
    fn project_batch(&self, x: &[f64]) -> Vec<Foot> {
        x.chunks_exact(self.dim()).map(|row| self.project(row)).collect()
    }
}

/// A support shared between threads.
pub type SharedSupport = Arc<dyn Support>;
