//! What is read off generated points and their most sensitive vectors: score, foot on the support, alignment.

use super::study::Study;
use crate::alignment::{score_cosine, score_subspace, subspace_angle_deg};
use crate::robustness::split;
use crate::spectrum::Svd;
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
    pub qr: Figures,
    /// Alignment of the svd vectors.
    pub svd: Figures,
    /// The exact vectors themselves.
    pub exact: Option<Svd>,
}

/// Observes `x[n, D]` with its forward frame `[n, k, D]` (empty where none was followed) and its exact vectors.
pub(super) fn observe(study: &Study, x: &[f64], frame: &[f64], exact: Option<Svd>) -> Observed {
    let dim = study.system.dim();
    let score = study.system.target.as_ref().map_or_else(Vec::new, |target| target.eval(x));
    let feet: Vec<Foot> = match &study.system.support {
        Some(support) => x.chunks_exact(dim).map(|x| support.project(x)).collect(),
        None => Vec::new(),
    };
    let near = |f: &Foot| f64::from(u8::from(f.middle_distance <= study.request.boundary_distance));
    let near_boundary = if study.extent.full { feet.iter().map(near).collect() } else { Vec::new() };
    let align = |vectors: &[f64]| figures(study, vectors, &score, &feet);
    let qr = align(frame);
    let svd = exact.as_ref().map_or_else(Figures::default, |svd| align(&svd.left));
    Observed { score, feet, near_boundary, qr, svd, exact }
}

/// Alignment figures, one a sample; empty where they do not apply (theory §6).
#[derive(Default)]
pub(super) struct Figures {
    /// |⟨LV_1, s/‖s‖⟩|; 0 where the score vanishes.
    pub score_cosine: Vec<f64>,
    /// ‖E^dᵀ s‖/‖s‖; 0 where the score vanishes.
    pub score_subspace: Vec<f64>,
    /// Largest principal angle between E^d and T(x), degrees.
    pub subspace_angle_deg: Vec<f64>,
}

/// Figures of orthonormal rows `vectors[n, k, D]`.
fn figures(study: &Study, vectors: &[f64], score: &[f64], feet: &[Foot]) -> Figures {
    let (dim, k) = (study.system.dim(), study.request.vectors);
    let d = if study.extent.angles { study.extent.aligned } else { 0 };
    let leading = |rows: usize| vectors.chunks_exact(k * dim).map(move |frame| &frame[..rows * dim]);
    let mut figures = Figures::default();
    if !score.is_empty() {
        let pairs = leading(1).zip(score.chunks_exact(dim));
        figures.score_cosine = pairs.map(|(lead, s)| score_cosine(lead, s).unwrap_or(0.0)).collect();
    }
    if d > 0 {
        let pairs = leading(d).zip(score.chunks_exact(dim));
        figures.score_subspace = pairs.map(|(frame, s)| score_subspace(frame, s).unwrap_or(0.0)).collect();
        let pairs = leading(d).zip(feet);
        figures.subspace_angle_deg =
            pairs.map(|(e, foot)| subspace_angle_deg(dim, e, &foot.tangent)).collect();
    }
    figures
}

/// First-order displacements split at the feet; all `[n, e]`.
#[derive(Default)]
pub(super) struct FirstOrder {
    /// ‖Nᵀζ‖.
    pub normal: Vec<f64>,
    /// ‖Tᵀζ‖.
    pub tangent: Vec<f64>,
    /// φ; 1 where ζ vanishes: nothing leaves the support.
    pub footing: Vec<f64>,
}

/// Splits `displacement[n, e, D]` at the feet `[n]` (theory §5).
pub(super) fn first_order(dim: usize, forced: usize, feet: &[Foot], displacement: &[f64]) -> FirstOrder {
    let mut first = FirstOrder::default();
    if forced == 0 {
        return first;
    }
    for (foot, rows) in feet.iter().zip(displacement.chunks_exact(forced * dim)) {
        for zeta in rows.chunks_exact(dim) {
            let parts = split(foot, zeta);
            first.normal.push(parts.normal);
            first.tangent.push(parts.tangent);
            first.footing.push(parts.footing().unwrap_or(1.0));
        }
    }
    first
}
