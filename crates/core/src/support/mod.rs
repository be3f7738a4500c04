//! Supports of data: nearest point, distance, tangent and normal space (theory §5).

use std::sync::Arc;

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
    pub normal: Vec<f64>,
    /// Index of the connected component that holds the foot.
    pub component: usize,
}

/// The set that the data live on.
pub trait Support: Send + Sync {
    /// D.
    fn dim(&self) -> usize;
    /// d, the dimension of the support (of its middle set, if it is thick).
    fn intrinsic_dim(&self) -> usize;
    /// The nearest point and the spaces there.
    fn project(&self, x: &[f64]) -> Foot;
    /// Polylines or points that draw the support, one `[points, D]` list a connected piece, at about `count` points in all.
    fn outline(&self, count: usize) -> Vec<Vec<f64>>;
}

/// A support shared between threads.
pub type SharedSupport = Arc<dyn Support>;
