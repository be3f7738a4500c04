//! Alignment of the most sensitive subspace with the score and with the support (theory §6).
//!
//! Per sample: |⟨LV_1, s/‖s‖⟩| (CdC Fig. 8), ‖E^dᵀ s‖/‖s‖ and the largest principal angle between E^d and T(x).
//! The same figures of a random subspace have the closed form of [`null_subspace`].

use crate::linalg::principal_angles;
use crate::statistics::{beta_quantile, ln_gamma};
use crate::support::Foot;
use serde::{Deserialize, Serialize};

/// What the alignment of a batch is computed from. All arrays are row-major, one block a sample.
#[derive(Debug, Clone, Copy)]
pub struct Inputs<'a> {
    /// D.
    pub dim: usize,
    /// d of the support; d = D is allowed (see [`leading_dim`]).
    pub intrinsic_dim: usize,
    /// k, vectors a sample in `frames`.
    pub vectors: usize,
    /// Left vectors as orthonormal rows, most sensitive first, `[n, k, D]`.
    pub frames: &'a [f64],
    /// Target score s_τ at the generated points `[n, D]`; empty when there is none.
    pub scores: &'a [f64],
    /// Feet of the generated points on the support, `[n]`; empty when there is no support.
    pub feet: &'a [Foot],
    /// Which samples count; `None` for all. For d = D: those of [`near_boundary`].
    pub mask: Option<&'a [bool]>,
}

/// Alignment of a batch. Only points that count have entries; the `*_rows` say which samples they belong to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Alignment {
    /// |⟨LV_1, s/‖s‖⟩|, one a row of `scored_rows`.
    pub score_cosine: Vec<f64>,
    /// ‖E^dᵀ s‖/‖s‖, one a row of `scored_rows`.
    pub score_subspace: Vec<f64>,
    /// Largest principal angle between E^d and T(x) in degrees, one a row of `angle_rows`.
    pub subspace_angle_deg: Vec<f64>,
    /// Samples that count and have a score other than zero.
    pub scored_rows: Vec<usize>,
    /// Samples that count and have a foot.
    pub angle_rows: Vec<usize>,
    /// Samples that count.
    pub points: usize,
    /// Samples that count but whose score is zero, so that it has no direction.
    pub zero_scores: usize,
}

/// d of E^d: the support's dimension, for d = D the D − 1 of its boundary, and never more than the k vectors there are.
pub fn leading_dim(dim: usize, intrinsic_dim: usize, vectors: usize) -> usize {
    let d = if intrinsic_dim >= dim { dim.saturating_sub(1) } else { intrinsic_dim };
    d.min(vectors)
}

/// The d = D rule: which points lie within `distance` of the topological boundary, from either side. For d < D every
/// point of the support counts as boundary, so the caller passes no mask at all.
pub fn near_boundary(feet: &[Foot], distance: f64) -> Vec<bool> {
    feet.iter().map(|foot| foot.middle_distance <= distance).collect()
}

/// Alignment of every sample of a batch that counts.
pub fn alignment(inputs: &Inputs) -> Alignment {
    let Inputs { dim, vectors, .. } = *inputs;
    let samples = inputs.frames.len() / (dim * vectors).max(1);
    let d = leading_dim(dim, inputs.intrinsic_dim, vectors);
    let mut result = Alignment::default();
    for row in (0..samples).filter(|&row| inputs.mask.is_none_or(|mask| mask[row])) {
        let frame = &inputs.frames[row * vectors * dim..][..vectors * dim];
        result.points += 1;
        if !inputs.scores.is_empty() {
            let score = &inputs.scores[row * dim..][..dim];
            match (score_cosine(&frame[..dim], score), score_subspace(&frame[..d * dim], score)) {
                (Some(cosine), Some(share)) => {
                    result.score_cosine.push(cosine);
                    result.score_subspace.push(share);
                    result.scored_rows.push(row);
                }
                _ => result.zero_scores += 1,
            }
        }
        if let Some(foot) = inputs.feet.get(row) {
            result.subspace_angle_deg.push(subspace_angle_deg(dim, &frame[..d * dim], &foot.tangent));
            result.angle_rows.push(row);
        }
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

    fn foot(tangent: &[f64], middle_distance: f64) -> Foot {
        Foot {
            point: vec![0.0; 2],
            distance: 0.0,
            middle_distance,
            tangent: tangent.to_vec(),
            normal: vec![-tangent[1], tangent[0]],
            component: 0,
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
    fn a_batch_counts_masked_points_and_zero_scores() {
        let frames = [1.0, 0.0, 0.0, 1.0].repeat(4);
        let scores = [0.0, 2.0, 0.0, 0.0, 3.0, 4.0, 1.0, 0.0];
        let tilt = 1e-7_f64;
        let feet = [[1.0, 0.0], [0.0, 1.0], [tilt.cos(), tilt.sin()], [1.0, 0.0]].map(|t| foot(&t, 0.3));
        let mask = [true, true, true, false];
        let inputs = Inputs {
            dim: 2,
            intrinsic_dim: 1,
            vectors: 2,
            frames: &frames,
            scores: &scores,
            feet: &feet,
            mask: Some(&mask),
        };
        let result = alignment(&inputs);
        assert_eq!((result.points, result.zero_scores), (3, 1));
        assert_eq!(result.scored_rows, [0, 2]);
        assert_eq!(result.angle_rows, [0, 1, 2]);
        assert_eq!(result.score_cosine[0], 0.0);
        assert!((result.score_cosine[1] - 0.6).abs() < 1e-15);
        assert_eq!(result.subspace_angle_deg[0], 0.0);
        assert!((result.subspace_angle_deg[1] - 90.0).abs() < 1e-12);
        assert!((result.subspace_angle_deg[2] / tilt.to_degrees() - 1.0).abs() < 1e-8);
        // d = D takes the top D − 1 vectors, which is the same here.
        assert_eq!(alignment(&Inputs { intrinsic_dim: 2, ..inputs }), result);
    }

    #[test]
    fn leading_dimension_at_the_edges() {
        assert_eq!(leading_dim(3, 2, 3), 2);
        assert_eq!(leading_dim(3, 3, 3), 2);
        assert_eq!(leading_dim(784, 12, 8), 8);
        assert_eq!(leading_dim(1, 1, 1), 0);
    }

    #[test]
    fn points_near_the_boundary_count_from_either_side() {
        let feet = [foot(&[1.0, 0.0], 0.05), foot(&[1.0, 0.0], 0.2)];
        assert_eq!(near_boundary(&feet, 0.1), [true, false]);
    }
}
