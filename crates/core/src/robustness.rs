//! Twins: off- and along-support shifts, first-order displacements, footing (theory §5).

use crate::statistics::{Quantiles, wasserstein1};
use crate::support::Foot;
use serde::{Deserialize, Serialize};

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

/// What is reported of a [`Shift`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ShiftSummary {
    /// Of the unperturbed samples.
    pub distance: Quantiles,
    /// Of the perturbed ones.
    pub distance_perturbed: Quantiles,
    /// 1-Wasserstein distance of the two laws of distances.
    pub off_w1: f64,
    /// Of the chords between feet.
    pub along: Quantiles,
    /// Share of samples whose foot changed its component.
    pub jumped: f64,
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

impl Shift {
    /// Adds another batch's samples after this one's.
    pub fn extend(&mut self, other: Shift) {
        self.distance.extend(other.distance);
        self.distance_perturbed.extend(other.distance_perturbed);
        self.middle_distance.extend(other.middle_distance);
        self.middle_distance_perturbed.extend(other.middle_distance_perturbed);
        self.along.extend(other.along);
        self.jumped.extend(other.jumped);
    }

    /// Quantiles, 1-Wasserstein distance and share of jumps; `None` for no samples or non-finite distances.
    pub fn summarise(&self) -> Option<ShiftSummary> {
        let distance = Quantiles::of_any(&self.distance)?;
        let distance_perturbed = Quantiles::of_any(&self.distance_perturbed)?;
        let jumps = self.jumped.iter().filter(|&&jumped| jumped).count();
        Some(ShiftSummary {
            distance,
            distance_perturbed,
            off_w1: wasserstein1(&self.distance, &self.distance_perturbed),
            along: Quantiles::of_any(&self.along)?,
            jumped: jumps as f64 / self.jumped.len() as f64,
        })
    }
}

/// First-order displacements ζ_τ of a batch, split at the foot of each sample, per unit error size.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FirstOrder {
    /// ‖Nᵀζ‖ `[n]`.
    pub normal: Vec<f64>,
    /// ‖Tᵀζ‖ `[n]`.
    pub tangent: Vec<f64>,
    /// φ = ‖Tᵀζ‖/‖ζ‖ of the samples in `moved_rows`.
    pub footing: Vec<f64>,
    /// Samples with ζ ≠ 0; the others have no direction and no footing.
    pub moved_rows: Vec<usize>,
}

/// What is reported of a [`FirstOrder`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct FirstOrderSummary {
    /// Of ‖Nᵀζ‖.
    pub normal: Quantiles,
    /// Of ‖Tᵀζ‖.
    pub tangent: Quantiles,
    /// Of φ over the samples that move; absent where none does.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub footing: Option<Quantiles>,
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

/// First-order displacements of a batch: feet `[n]`, ζ_τ `[n, D]`.
pub fn first_order(feet: &[Foot], displacement: &[f64]) -> FirstOrder {
    let mut result = FirstOrder::default();
    let dim = displacement.len() / feet.len().max(1);
    for (row, (foot, zeta)) in feet.iter().zip(displacement.chunks_exact(dim.max(1))).enumerate() {
        let parts = split(foot, zeta);
        result.normal.push(parts.normal);
        result.tangent.push(parts.tangent);
        if let Some(footing) = parts.footing() {
            result.footing.push(footing);
            result.moved_rows.push(row);
        }
    }
    result
}

impl FirstOrder {
    /// Quantiles; `None` for no samples or non-finite displacements.
    pub fn summarise(&self) -> Option<FirstOrderSummary> {
        Some(FirstOrderSummary {
            normal: Quantiles::of_any(&self.normal)?,
            tangent: Quantiles::of_any(&self.tangent)?,
            footing: Quantiles::of_any(&self.footing),
        })
    }
}

/// Root mean square of φ for a random direction: √(d/D), for d = D that of the boundary's D − 1 tangents.
pub fn null_footing(intrinsic_dim: usize, dim: usize) -> f64 {
    let d = if intrinsic_dim >= dim { dim.saturating_sub(1) } else { intrinsic_dim };
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
        }
    }

    #[test]
    fn twins_shift_off_and_along() {
        let feet = [foot([0.0, 0.0], 0.1, 0), foot([1.0, 0.0], 0.2, 0)];
        let twins = [foot([3.0, 4.0], 0.4, 0), foot([1.0, 1.0], 0.5, 1)];
        let mut shift = shift(&feet, &twins);
        assert_eq!(shift.along, [5.0, 1.0]);
        assert_eq!(shift.jumped, [false, true]);
        assert_eq!(shift.middle_distance_perturbed, [0.9, 1.0]);
        let summary = shift.summarise().unwrap();
        assert!((summary.off_w1 - 0.3).abs() < 1e-15);
        assert_eq!((summary.along.q50, summary.jumped), (3.0, 0.5));
        shift.extend(shift.clone());
        assert_eq!(shift.along.len(), 4);
        assert_eq!(Shift::default().summarise(), None);
    }

    #[test]
    fn displacement_splits_into_orthogonal_parts() {
        let feet = [foot([0.0, 0.0], 0.0, 0), foot([0.0, 0.0], 0.0, 0), foot([0.0, 0.0], 0.0, 0)];
        let parts = first_order(&feet, &[3.0, 4.0, -8.0, 6.0, 0.0, 0.0]);
        assert!((parts.tangent[0] - 5.0).abs() < 1e-15 && parts.normal[0] < 1e-15);
        assert!((parts.normal[1] - 10.0).abs() < 1e-14 && parts.tangent[1] < 1e-14);
        assert_eq!((parts.normal[2], parts.tangent[2]), (0.0, 0.0));
        assert_eq!(parts.moved_rows, [0, 1]);
        assert!((parts.footing[0] - 1.0).abs() < 1e-15 && parts.footing[1] < 1e-14);
        assert_eq!(parts.summarise().unwrap().footing.unwrap().n, 2);
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
