//! Alignment of the most sensitive subspace with the score and with the support (theory §6).
//!
//! Per sample: |⟨LV_1, s/‖s‖⟩| (CdC Fig. 8), ‖E^dᵀ s‖/‖s‖ and the largest principal angle between E^d and T(x).
//! The same figures of a random subspace have the closed form of [`null_subspace`].

use crate::linalg::principal_angles;
use crate::statistics::{beta_quantile, ln_gamma};
use crate::support::Foot;
use serde::{Deserialize, Serialize};

/// Alignment of a batch, one entry a sample; figures that cannot be formed are empty.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Alignment {
    /// |⟨LV_1, s/‖s‖⟩|; 0 where the score vanishes, which is orthogonal to everything.
    pub score_cosine: Vec<f64>,
    /// ‖E^dᵀ s‖/‖s‖; 0 where the score vanishes.
    pub score_subspace: Vec<f64>,
    /// Largest principal angle between E^d and T(x) in degrees.
    pub subspace_angle_deg: Vec<f64>,
}

/// d of E^d: the support's dimension, for d = D the D − 1 of its boundary.
pub fn leading_dim(dim: usize, intrinsic_dim: usize) -> usize {
    if intrinsic_dim >= dim { dim.saturating_sub(1) } else { intrinsic_dim }
}

/// Alignment of the left vectors `frames[n, k, D]` (orthonormal rows, most sensitive first), whose leading `d` rows
/// are E^d, with the target scores `scores[n, D]` and the `feet[n]`; either may be empty where it is not known.
pub fn alignment(dim: usize, k: usize, d: usize, frames: &[f64], scores: &[f64], feet: &[Foot]) -> Alignment {
    let leading = |rows: usize| frames.chunks_exact((k * dim).max(1)).map(move |frame| &frame[..rows * dim]);
    let scored = |rows: usize| leading(rows).zip(scores.chunks_exact(dim));
    let mut result = Alignment {
        score_cosine: scored(1).map(|(lead, s)| score_cosine(lead, s).unwrap_or(0.0)).collect(),
        ..Alignment::default()
    };
    if d > 0 {
        result.score_subspace = scored(d).map(|(e, s)| score_subspace(e, s).unwrap_or(0.0)).collect();
        let angles = leading(d).zip(feet).map(|(e, foot)| subspace_angle_deg(dim, e, &foot.tangent));
        result.subspace_angle_deg = angles.collect();
    }
    result
}

/// |⟨LV_1, s/‖s‖⟩| of one sample: leading vector `[D]` of unit length, score `[D]`. `None` for a zero score.
pub fn score_cosine(leading: &[f64], score: &[f64]) -> Option<f64> {
    score_subspace(leading, score)
}

/// ‖E^dᵀ s‖/‖s‖ of one sample: orthonormal rows `[d, D]`, score `[D]`. `None` for a zero score.
pub fn score_subspace(frame: &[f64], score: &[f64]) -> Option<f64> {
    let largest = score.iter().fold(0.0_f64, |largest, s| largest.max(s.abs()));
    if largest == 0.0 {
        return None;
    }
    let (mut inside, mut whole) = (0.0, 0.0);
    for row in frame.chunks_exact(score.len()) {
        let component: f64 = row.iter().zip(score).map(|(e, s)| e * (s / largest)).sum();
        inside += component * component;
    }
    for s in score {
        whole += (s / largest) * (s / largest);
    }
    Some((inside / whole).sqrt().min(1.0))
}

/// Largest principal angle in degrees between the spans of orthonormal rows `frame[p, D]` and `tangent[q, D]`, of the
/// min(p, q) there are; 0 when either is empty. Accurate for tiny angles and for angles near 90°.
pub fn subspace_angle_deg(dim: usize, frame: &[f64], tangent: &[f64]) -> f64 {
    if frame.is_empty() || tangent.is_empty() {
        return 0.0;
    }
    principal_angles(dim, frame, tangent).last().copied().unwrap_or(0.0).to_degrees()
}

/// Law of ‖E^dᵀ ŝ‖ for a fixed unit vector ŝ and a uniformly random d-dimensional subspace of R^D.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Null {
    /// Mean, Γ((d+1)/2) Γ(D/2) / (Γ(d/2) Γ((D+1)/2)).
    pub mean: f64,
    /// Root of the mean square, √(d/D).
    pub rms: f64,
    /// 5 % quantile.
    pub q05: f64,
    /// 10 % quantile.
    pub q10: f64,
    /// Lower quartile.
    pub q25: f64,
    /// Median.
    pub q50: f64,
    /// Upper quartile.
    pub q75: f64,
    /// 90 % quantile.
    pub q90: f64,
    /// 95 % quantile.
    pub q95: f64,
}

/// Null of |⟨LV_1, ŝ⟩| in R^D.
pub fn null_cosine(dim: usize) -> Null {
    null_subspace(1, dim)
}

/// Null of ‖E^dᵀ ŝ‖ in R^D: its square follows Beta(d/2, (D − d)/2), whose quantiles are inverted numerically.
/// It is 0 for d = 0 and 1 for d ≥ D.
pub fn null_subspace(d: usize, dim: usize) -> Null {
    if d == 0 || d >= dim {
        let v = if d == 0 { 0.0 } else { 1.0 };
        return Null { mean: v, rms: v, q05: v, q10: v, q25: v, q50: v, q75: v, q90: v, q95: v };
    }
    let (a, b) = (0.5 * d as f64, 0.5 * (dim - d) as f64);
    let quantile = |p: f64| beta_quantile(p, a, b).sqrt();
    Null {
        mean: (ln_gamma(a + 0.5) - ln_gamma(a) + ln_gamma(a + b) - ln_gamma(a + b + 0.5)).exp(),
        rms: (d as f64 / dim as f64).sqrt(),
        q05: quantile(0.05),
        q10: quantile(0.10),
        q25: quantile(0.25),
        q50: quantile(0.50),
        q75: quantile(0.75),
        q90: quantile(0.90),
        q95: quantile(0.95),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, standard_normal, stream};
    use crate::statistics::Quantiles;

    fn foot(tangent: &[f64]) -> Foot {
        Foot {
            point: vec![0.0; 2],
            distance: 0.0,
            middle_distance: 0.0,
            tangent: tangent.to_vec(),
            normal: vec![-tangent[1], tangent[0]],
            component: 0,
            flaw: None,
        }
    }

    #[test]
    fn random_directions_follow_the_null() {
        let n = 40_000;
        for (d, dim) in [(1, 2), (1, 3), (2, 3), (1, 40), (5, 12)] {
            let mut shares = Vec::with_capacity(n);
            let mut draw = vec![0.0; dim];
            let mut rng = stream(9, (dim * 100 + d) as u64, Purpose::Reference);
            let frame: Vec<f64> = (0..d * dim).map(|i| f64::from(i % dim == i / dim)).collect();
            for _ in 0..n {
                standard_normal(&mut rng, &mut draw);
                shares.push(score_subspace(&frame, &draw).unwrap());
            }
            let (got, null) = (Quantiles::of(&shares), null_subspace(d, dim));
            assert!((got.mean - null.mean).abs() < 0.01, "{d} of {dim}: {} {}", got.mean, null.mean);
            assert!((got.q50 - null.q50).abs() < 0.012, "{d} of {dim}: {} {}", got.q50, null.q50);
            assert!((got.q05 - null.q05).abs() < 0.012 && (got.q95 - null.q95).abs() < 0.012);
            let square = shares.iter().map(|x| x * x).sum::<f64>() / n as f64;
            assert!((square.sqrt() - null.rms).abs() < 0.01);
        }
    }

    #[test]
    fn null_in_the_plane_and_in_space_are_elementary() {
        // D = 2: |cos θ| with θ uniform; D = 3: |cos θ| uniform on [0, 1] (Archimedes).
        let plane = null_cosine(2);
        assert!((plane.mean - 2.0 / std::f64::consts::PI).abs() < 1e-13);
        assert!((plane.q50 - std::f64::consts::FRAC_PI_4.cos()).abs() < 1e-12);
        assert!((plane.q05 - (0.025 * std::f64::consts::PI).sin()).abs() < 1e-12);
        let space = null_cosine(3);
        assert!((space.mean - 0.5).abs() < 1e-13);
        for (got, p) in [(space.q05, 0.05), (space.q25, 0.25), (space.q90, 0.9)] {
            assert!((got - p).abs() < 1e-12);
        }
        assert_eq!(null_subspace(3, 3).q50, 1.0);
        assert_eq!(null_subspace(0, 3).mean, 0.0);
    }

    #[test]
    fn the_score_has_cosine_and_share() {
        let diagonal = [0.5_f64.sqrt(), 0.5_f64.sqrt()];
        assert!((score_cosine(&diagonal, &[-3.0, 0.0]).unwrap() - diagonal[0]).abs() < 1e-15);
        assert_eq!(score_cosine(&diagonal, &[0.0, 0.0]), None);
        // Scores whose squares overflow or vanish keep their direction.
        for size in [1e-300, 1e300] {
            assert!((score_cosine(&diagonal, &[0.0, size]).unwrap() - diagonal[0]).abs() < 1e-15);
        }
        let both = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0];
        let share = score_subspace(&both, &[2.0, 1.0, -2.0]).unwrap();
        assert!((share - 5.0_f64.sqrt() / 3.0).abs() < 1e-15);
    }

    #[test]
    fn a_batch_has_one_figure_a_sample() {
        let frames = [1.0, 0.0, 0.0, 1.0].repeat(3);
        let scores = [0.0, 2.0, 0.0, 0.0, 3.0, 4.0];
        let tilt = 1e-7_f64;
        let feet = [[1.0, 0.0], [0.0, 1.0], [tilt.cos(), tilt.sin()]].map(|t| foot(&t));
        let result = alignment(2, 2, 1, &frames, &scores, &feet);
        assert_eq!(result.score_cosine[..2], [0.0, 0.0]);
        assert!((result.score_cosine[2] - 0.6).abs() < 1e-15);
        assert_eq!(result.score_subspace, result.score_cosine, "d = 1");
        assert_eq!(result.subspace_angle_deg[0], 0.0);
        assert!((result.subspace_angle_deg[1] - 90.0).abs() < 1e-12);
        assert!((result.subspace_angle_deg[2] / tilt.to_degrees() - 1.0).abs() < 1e-8);
        let unsupported = alignment(2, 2, 0, &frames, &scores, &[]);
        assert_eq!(unsupported.score_cosine, result.score_cosine);
        assert!(unsupported.score_subspace.is_empty() && unsupported.subspace_angle_deg.is_empty());
        assert_eq!(alignment(2, 2, 1, &[], &scores, &feet), Alignment::default());
    }

    #[test]
    fn leading_dimension_at_the_edges() {
        assert_eq!(leading_dim(3, 2), 2);
        assert_eq!(leading_dim(3, 3), 2);
        assert_eq!(leading_dim(1, 1), 0);
    }
}
