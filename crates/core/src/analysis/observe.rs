//! What is read off generated points and their most sensitive vectors: score, foot on the support, alignment.

use super::exact::Exact;
use super::study::Study;
use crate::alignment::{Alignment, alignment};
use crate::support::Foot;

/// Figures of a batch of n generated points; vectors that do not apply are empty.
pub(super) struct Observed {
    /// s_τ `[n, D]`.
    pub score: Vec<f64>,
    /// Feet on the support.
    pub feet: Vec<Foot>,
    /// d = D: 1 where the point is near enough to the boundary, `[n]`.
    pub near_boundary: Vec<f64>,
    /// Alignment of the qr vectors.
    pub qr: Alignment,
    /// Alignment of the svd vectors, of the samples that have them.
    pub svd: Alignment,
    /// The exact vectors themselves.
    pub exact: Option<Exact>,
}

/// Observes only where `x[n, D]` stand to the support.
pub(super) fn observe_feet(study: &Study, x: &[f64]) -> Observed {
    let feet: Vec<Foot> = match &study.system.support {
        Some(support) => support.project_batch(x),
        None => Vec::new(),
    };
    let near = |f: &Foot| f64::from(u8::from(f.middle_distance <= study.request.boundary_distance));
    let near_boundary = if study.extent.full { feet.iter().map(near).collect() } else { Vec::new() };
    let (qr, svd) = (Alignment::default(), Alignment::default());
    Observed { score: Vec::new(), feet, near_boundary, qr, svd, exact: None }
}

/// Observes `x[n, D]` with its forward frame `[n, k, D]` (empty where none was followed) and its exact vectors.
pub(super) fn observe(study: &Study, x: &[f64], frame: &[f64], exact: Option<Exact>) -> Observed {
    let dim = study.system.dim();
    let score = study.system.target.as_ref().map_or_else(Vec::new, |target| target.eval(x));
    let Observed { feet, near_boundary, .. } = observe_feet(study, x);
    let d = if study.extent.angles { study.extent.aligned } else { 0 };
    // Exact vectors may be those of the leading samples alone: alignment goes as far as there are vectors.
    let align = |k: usize, vectors: &[f64]| alignment(dim, k, d, vectors, &score, &feet);
    let qr = align(frame.len() / x.len().max(1), frame);
    let svd =
        exact.as_ref().map_or_else(Alignment::default, |exact| align(study.request.vectors, &exact.left));
    Observed { score, feet, near_boundary, qr, svd, exact }
}
