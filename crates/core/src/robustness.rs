//! Twins: off- and along-support shifts, first-order displacements, footing (theory §5).

use crate::alignment::leading_dim;
use crate::support::Foot;

/// How a model error moved the samples of a batch, twin by twin, in the units of the state.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Shift {
    /// dist(x_τ) of the unperturbed samples `[n]`.
    pub distance: Vec<f64>,
    /// dist(x_τ^ε) of their perturbed twins `[n]`.
    pub distance_perturbed: Vec<f64>,
    /// Distance to the middle set of a thick support, unperturbed `[n]`.
    pub middle_distance: Vec<f64>,
    /// Distance to the middle set, perturbed `[n]`.
    pub middle_distance_perturbed: Vec<f64>,
    /// Chord ‖P(x^ε) − P(x)‖ between the feet `[n]`.
    pub along: Vec<f64>,
    /// Whether the foot changed its connected component `[n]`; such samples are part of `along` too.
    pub jumped: Vec<bool>,
}

/// Shifts of a batch from the feet of the samples and of their twins (lists of equal length).
pub fn shift(feet: &[Foot], perturbed: &[Foot]) -> Shift {
    let pairs = || feet.iter().zip(perturbed);
    Shift {
        distance: pairs().map(|(foot, _)| foot.distance).collect(),
        distance_perturbed: pairs().map(|(_, twin)| twin.distance).collect(),
        middle_distance: pairs().map(|(foot, _)| foot.middle_distance).collect(),
        middle_distance_perturbed: pairs().map(|(_, twin)| twin.middle_distance).collect(),
        along: pairs().map(|(foot, twin)| chord(&foot.point, &twin.point)).collect(),
        jumped: pairs().map(|(foot, twin)| foot.component != twin.component).collect(),
    }
}

/// First-order displacements ζ_τ of a batch, split at the foot of each sample, per unit error size; `[n, e]` for e
/// kinds of error.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FirstOrder {
    /// ‖Nᵀζ‖.
    pub normal: Vec<f64>,
    /// ‖Tᵀζ‖.
    pub tangent: Vec<f64>,
    /// φ = ‖Tᵀζ‖/‖ζ‖; 1 where ζ vanishes: nothing leaves the support.
    pub footing: Vec<f64>,
}

/// ‖Tᵀζ‖ and ‖Nᵀζ‖ of one sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Split {
    /// ‖Tᵀζ‖.
    pub tangent: f64,
    /// ‖Nᵀζ‖.
    pub normal: f64,
}

impl Split {
    /// φ = ‖Tᵀζ‖/‖ζ‖ in [0, 1]; `None` for ζ = 0.
    pub fn footing(&self) -> Option<f64> {
        let whole = self.tangent.hypot(self.normal);
        (whole > 0.0).then(|| (self.tangent / whole).min(1.0))
    }
}

/// Splits ζ`[D]` at a foot. The normal part is what the tangent rows leave of ζ, removed twice so that a small rest
/// keeps its accuracy; no basis of the normal space is needed.
pub fn split(foot: &Foot, displacement: &[f64]) -> Split {
    let dim = displacement.len();
    let scale = displacement.iter().fold(0.0_f64, |largest, z| largest.max(z.abs()));
    if scale == 0.0 {
        return Split { tangent: 0.0, normal: 0.0 };
    }
    let mut rest: Vec<f64> = displacement.iter().map(|z| z / scale).collect();
    let mut along = vec![0.0; foot.tangent.len() / dim];
    for _ in 0..2 {
        for (row, component) in foot.tangent.chunks_exact(dim).zip(&mut along) {
            let part: f64 = row.iter().zip(&rest).map(|(t, z)| t * z).sum();
            *component += part;
            rest.iter_mut().zip(row).for_each(|(z, t)| *z -= part * t);
        }
    }
    let norm = |values: &[f64]| values.iter().map(|v| v * v).sum::<f64>().sqrt();
    // Rows that span everything leave rounding only.
    let normal = if along.len() >= dim { 0.0 } else { norm(&rest) };
    Split { tangent: scale * norm(&along), normal: scale * normal }
}

/// Splits the displacements `displacement[n, e, D]` of `kinds` = e errors at the feet `[n]`.
pub fn first_order(dim: usize, kinds: usize, feet: &[Foot], displacement: &[f64]) -> FirstOrder {
    let mut result = FirstOrder::default();
    for (foot, rows) in feet.iter().zip(displacement.chunks_exact((kinds * dim).max(1))) {
        for zeta in rows.chunks_exact(dim) {
            let parts = split(foot, zeta);
            result.normal.push(parts.normal);
            result.tangent.push(parts.tangent);
            result.footing.push(parts.footing().unwrap_or(1.0));
        }
    }
    result
}

/// Below this share of its length the part of x − P(x) along the support is rounding.
const ROUNDING: f64 = 1e-6;

/// The distance to the support that first order predicts for a sample x displaced by `displacement`: ‖x − P(x) + w‖,
/// where w is what the foot P does not follow. That is the normal part; beyond the end or edge of a support, where
/// x − P(x) has a part along it, the foot stays behind in that direction too. Distances are those of
/// [`Foot::middle_distance`].
pub fn predicted_distance(x: &[f64], foot: &Foot, displacement: &[f64]) -> f64 {
    let away: Vec<f64> = x.iter().zip(&foot.point).map(|(x, p)| x - p).collect();
    let norm = |values: &[f64]| values.iter().map(|v| v * v).sum::<f64>().sqrt();
    let along = |v: &[f64]| -> Vec<f64> {
        let rows = foot.tangent.chunks_exact(x.len());
        rows.map(|row| row.iter().zip(v).map(|(t, v)| t * v).sum()).collect()
    };
    let (beyond, mut followed) = (along(&away), along(displacement));
    let length = norm(&beyond);
    if length > ROUNDING * (norm(&away) + ROUNDING * norm(x)) {
        let part: f64 = followed.iter().zip(&beyond).map(|(f, b)| f * b / length).sum();
        followed.iter_mut().zip(&beyond).for_each(|(f, b)| *f -= part * b / length);
    }
    let mut moved: Vec<f64> = away.iter().zip(displacement).map(|(a, z)| a + z).collect();
    for (row, part) in foot.tangent.chunks_exact(x.len()).zip(&followed) {
        moved.iter_mut().zip(row).for_each(|(m, t)| *m -= part * t);
    }
    norm(&moved)
}

/// Root mean square of φ for a random direction: √(d/D), for d = D that of the boundary's D − 1 tangents.
pub fn null_footing(intrinsic_dim: usize, dim: usize) -> f64 {
    let d = leading_dim(dim, intrinsic_dim);
    (d as f64 / dim.max(1) as f64).sqrt()
}

/// ‖a − b‖.
fn chord(a: &[f64], b: &[f64]) -> f64 {
    let scale = a.iter().zip(b).fold(0.0_f64, |largest, (a, b)| largest.max((a - b).abs()));
    if scale == 0.0 {
        return 0.0;
    }
    scale * a.iter().zip(b).map(|(a, b)| ((a - b) / scale).powi(2)).sum::<f64>().sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, standard_normal, stream};

    fn foot(point: [f64; 2], distance: f64, component: usize) -> Foot {
        Foot {
            point: point.to_vec(),
            distance,
            middle_distance: distance + 0.5,
            tangent: vec![0.6, 0.8],
            normal: vec![-0.8, 0.6],
            component,
            flaw: None,
        }
    }

    #[test]
    fn twins_shift_off_and_along() {
        let feet = [foot([0.0, 0.0], 0.1, 0), foot([1.0, 0.0], 0.2, 0)];
        let twins = [foot([3.0, 4.0], 0.4, 0), foot([1.0, 1.0], 0.5, 1)];
        let shift = shift(&feet, &twins);
        assert_eq!(shift.along, [5.0, 1.0]);
        assert_eq!(shift.jumped, [false, true]);
        assert_eq!(shift.middle_distance_perturbed, [0.9, 1.0]);
    }

    #[test]
    fn displacement_splits_into_orthogonal_parts() {
        let feet = [foot([0.0, 0.0], 0.0, 0), foot([0.0, 0.0], 0.0, 0), foot([0.0, 0.0], 0.0, 0)];
        let parts = first_order(2, 1, &feet, &[3.0, 4.0, -8.0, 6.0, 0.0, 0.0]);
        assert!((parts.tangent[0] - 5.0).abs() < 1e-15 && parts.normal[0] < 1e-15);
        assert!((parts.normal[1] - 10.0).abs() < 1e-14 && parts.tangent[1] < 1e-14);
        assert_eq!((parts.normal[2], parts.tangent[2]), (0.0, 0.0));
        assert!((parts.footing[0] - 1.0).abs() < 1e-15 && parts.footing[1] < 1e-14);
        assert_eq!(parts.footing[2], 1.0, "nothing moves");
        let pairs = first_order(2, 3, &feet[..1], &[3.0, 4.0, -8.0, 6.0, 0.0, 0.0]);
        assert_eq!(pairs, parts, "three kinds of error at one foot");
    }

    #[test]
    fn sizes_at_the_ends_of_the_exponent_range_keep_their_footing() {
        let foot = foot([0.0, 0.0], 0.0, 0);
        for size in [1e-300, 1.0, 1e300] {
            let parts = split(&foot, &[size, 0.0]);
            assert!((parts.footing().unwrap() - 0.6).abs() < 1e-15);
        }
    }

    #[test]
    fn footing_of_random_directions_has_its_null() {
        let (d, dim, n) = (3, 10, 20_000);
        let mut rng = stream(4, 0, Purpose::Reference);
        let tangent: Vec<f64> = (0..d * dim).map(|i| f64::from(i % dim == i / dim)).collect();
        let foot = Foot { tangent, point: vec![0.0; dim], ..foot([0.0, 0.0], 0.0, 0) };
        let mut zeta = vec![0.0; dim];
        let mut square = 0.0;
        for _ in 0..n {
            standard_normal(&mut rng, &mut zeta);
            square += split(&foot, &zeta).footing().unwrap().powi(2) / n as f64;
        }
        assert!((square.sqrt() - null_footing(d, dim)).abs() < 0.01);
        assert_eq!(null_footing(2, 2), 0.5_f64.sqrt());
        assert_eq!(null_footing(0, 2), 0.0);
    }
}
