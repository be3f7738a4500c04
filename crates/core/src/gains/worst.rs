//! The first-order worst-case error: pointwise as large as allowed, and pushing every sample off the support as far as
//! an error of its size can (theory §3, §8).

use super::directions::{Directions, check_feet, outward, random_normal};
use super::{Measure, square};
use crate::error::Result;
use crate::error_field::Place;
use crate::linalg::{axpy, dot, leading_direction};
use crate::support::Foot;
use crate::sweep::{Backstep, PathError, Trail};
use serde::{Deserialize, Serialize};

/// The pointwise norm in which an error is bounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorNorm {
    /// Largest coordinate.
    Infinity,
    /// Euclidean length.
    Two,
}

/// χ_n of pointwise norm 1 that maximises, to first order, how far every sample moves away from the support: with
/// y_n = B_nᵀ A_{n+1,τ}ᵀ w it is sign y_n in the ∞-norm and y_n/‖y_n‖ in the 2-norm, and the distance grows by
/// Σ ‖y_n‖_1 or Σ ‖y_n‖_2 per unit size. χ_n is 0 where y_n is.
///
/// w is the gradient of the distance at x_τ: away from the foot, on the sample's own side (`full`, d = D: the outward
/// normal). A sample on the support leaves it in the normal direction in which white errors spread most, for a support
/// of codimension 1 the normal; where the feet carry no normal space, in a random normal direction.
///
/// # Errors
/// [`crate::Error::Invalid`] if the feet do not belong to the paths or there can be no error at the place;
/// [`crate::Error::NonFinite`] when a cotangent leaves the finite numbers.
pub fn worst_error(trail: &mut Trail, feet: &[Foot], measure: Measure, norm: ErrorNorm) -> Result<PathError> {
    check_feet(trail, feet)?;
    let away = away(trail, feet, &measure)?;
    let mut vectors = vec![0.0; trail.step().grid.steps * away.len()];
    let (dim, row_len) = (trail.step().dim(), away.len());
    trail.backward(away, measure.place, &mut |back| {
        let chi = &mut vectors[back.step * row_len..][..row_len];
        for (chi, y) in chi.chunks_exact_mut(dim).zip(back.error.chunks_exact(dim)) {
            maximise(norm, y, chi);
        }
    })?;
    Ok(PathError { vectors })
}

/// A worst-case error found beside the gains.
#[derive(Debug, Clone, PartialEq)]
pub struct Worst {
    /// χ_n of every step and sample.
    pub error: PathError,
    /// ζ_τ `[n, D]` per unit size, from the cotangents of N and T. Of use where `spanned`.
    pub displacement: Vec<f64>,
    /// Whether N and T of a sample are an orthonormal basis, so that they give ζ_τ `[n]`.
    pub spanned: Vec<bool>,
}

/// Worst-case errors under way beside the gains: w is one more cotangent, and where N and T make up a basis q_i of the
/// whole space, ζ_τ = Σ_i q_i Σ_n (B_nᵀ A_{n+1,τ}ᵀ q_i)·χ_n.
pub(super) struct Worsts {
    norms: Vec<ErrorNorm>,
    errors: Vec<PathError>,
    /// Σ_n (B_nᵀ A_{n+1,τ}ᵀ q_i)·χ_n of every norm `[n, D]`; none without a basis
    sums: Vec<Vec<f64>>,
    samples: usize,
}

impl Worsts {
    pub(super) fn new(trail: &Trail, directions: &Directions, norms: &[ErrorNorm]) -> Self {
        let (samples, steps) = (trail.samples().len(), trail.step().grid.steps);
        let numbers = samples * directions.dim;
        let error = PathError { vectors: vec![0.0; steps * numbers] };
        Worsts {
            norms: norms.to_vec(),
            errors: vec![error; norms.len()],
            sums: vec![vec![0.0; if directions.complete { numbers } else { 0 }]; norms.len()],
            samples,
        }
    }

    /// Cotangents a sample that are wanted besides those of the gains.
    pub(super) fn rows(&self) -> usize {
        usize::from(!self.norms.is_empty())
    }

    /// The rows of the gains, with w after those of every sample where there is a norm.
    pub(super) fn join(
        &self,
        trail: &mut Trail,
        feet: &[Foot],
        measure: &Measure,
        directions: &Directions,
    ) -> Result<Vec<f64>> {
        if self.norms.is_empty() {
            return Ok(directions.rows.clone());
        }
        let (dim, len) = (directions.dim, directions.count() * directions.dim);
        let away = away(trail, feet, measure)?;
        let mut rows = Vec::with_capacity(self.samples * (len + dim));
        for (sample, w) in away.chunks_exact(dim).enumerate() {
            rows.extend_from_slice(&directions.rows[sample * len..][..len]);
            rows.extend_from_slice(w);
        }
        Ok(rows)
    }

    pub(super) fn add(&mut self, directions: &Directions, back: Backstep) {
        let (dim, width) = (directions.dim, (directions.count() + 1) * directions.dim);
        let numbers = self.samples * dim;
        for ((norm, error), sums) in self.norms.iter().zip(&mut self.errors).zip(&mut self.sums) {
            let chi = &mut error.vectors[back.step * numbers..][..numbers];
            for (chi, rows) in chi.chunks_exact_mut(dim).zip(back.error.chunks_exact(width)) {
                maximise(*norm, &rows[width - dim..], chi);
            }
            for ((sums, chi), rows) in
                sums.chunks_exact_mut(dim).zip(chi.chunks_exact(dim)).zip(back.error.chunks_exact(width))
            {
                sums.iter_mut().zip(rows.chunks_exact(dim)).for_each(|(sum, row)| *sum += dot(row, chi));
            }
        }
    }

    pub(super) fn finish(self, directions: &Directions) -> Vec<Worst> {
        let (dim, len) = (directions.dim, directions.count() * directions.dim);
        let basis = |sample: usize| &directions.rows[sample * len..][..dim * dim];
        let spans = |sample: usize| directions.complete && is_orthonormal(dim, basis(sample));
        let spanned: Vec<bool> = (0..self.samples).map(spans).collect();
        let finished = self.errors.into_iter().zip(self.sums).map(|(error, sums)| {
            let mut displacement = vec![0.0; self.samples * dim];
            let rows = displacement.chunks_exact_mut(dim).zip(sums.chunks_exact(dim));
            for (sample, (zeta, sums)) in rows.enumerate() {
                let directions = sums.iter().zip(basis(sample).chunks_exact(dim));
                directions.for_each(|(sum, q)| axpy(zeta, *sum, q));
            }
            Worst { error, displacement, spanned: spanned.clone() }
        });
        finished.collect()
    }
}

/// Whether the rows `[D, D]` are orthonormal to what a displacement needs.
fn is_orthonormal(dim: usize, rows: &[f64]) -> bool {
    let row = |i: usize| &rows[i * dim..][..dim];
    let near = |i: usize, j: usize| (dot(row(i), row(j)) - f64::from(u8::from(i == j))).abs() < 1e-11;
    (0..dim).all(|i| (0..=i).all(|j| near(i, j)))
}

/// The vector of norm 1 with the largest product with y.
fn maximise(norm: ErrorNorm, y: &[f64], chi: &mut [f64]) {
    let largest = y.iter().fold(0.0_f64, |largest, v| largest.max(v.abs()));
    if largest == 0.0 {
        chi.fill(0.0);
        return;
    }
    match norm {
        ErrorNorm::Infinity => {
            chi.iter_mut().zip(y).for_each(|(c, y)| *c = if *y == 0.0 { 0.0 } else { y.signum() });
        }
        ErrorNorm::Two => {
            chi.iter_mut().zip(y).for_each(|(c, y)| *c = y / largest);
            let length = square(chi).sqrt();
            chi.iter_mut().for_each(|c| *c /= length);
        }
    }
}

/// w of every sample `[n, D]`.
fn away(trail: &mut Trail, feet: &[Foot], measure: &Measure) -> Result<Vec<f64>> {
    let dim = trail.step().dim();
    let ends = trail.end().chunks_exact(dim).zip(feet);
    let known: Vec<Option<Vec<f64>>> = ends.map(|(x, foot)| outward(x, foot, measure.full)).collect();
    let codimension = feet.first().map_or(0, |foot| foot.normal.len() / dim);
    let widest = match codimension > 1 && known.iter().any(Option::is_none) {
        true => widest_normals(trail, feet, codimension, measure.place)?,
        false => Vec::new(),
    };
    let mut rows = Vec::with_capacity(feet.len() * dim);
    for (index, (known, sample)) in known.into_iter().zip(trail.samples()).enumerate() {
        let foot = &feet[index];
        rows.extend(known.unwrap_or_else(|| match codimension {
            0 => random_normal(foot, dim, measure.seed, sample),
            1 => foot.normal.clone(),
            _ => widest[index * dim..][..dim].to_vec(),
        }));
    }
    Ok(rows)
}

/// The leading eigenvector of NᵀW_τN, in ambient coordinates, of every sample `[n, D]`.
fn widest_normals(trail: &mut Trail, feet: &[Foot], codimension: usize, place: Place) -> Result<Vec<f64>> {
    let (dim, m) = (trail.step().dim(), codimension);
    let normals: Vec<f64> = feet.iter().flat_map(|foot| foot.normal.iter().copied()).collect();
    let mut grams = vec![0.0; feet.len() * m * m];
    trail.backward(normals, place, &mut |back| {
        for (gram, rows) in grams.chunks_exact_mut(m * m).zip(back.error.chunks_exact(m * dim)) {
            for (i, a) in rows.chunks_exact(dim).enumerate() {
                for (j, b) in rows.chunks_exact(dim).enumerate() {
                    gram[i * m + j] += dot(a, b);
                }
            }
        }
    })?;
    let mut widest = vec![0.0; feet.len() * dim];
    for ((foot, gram), row) in feet.iter().zip(grams.chunks_exact(m * m)).zip(widest.chunks_exact_mut(dim)) {
        let weights = leading_direction(m, gram);
        for (weight, normal) in weights.iter().zip(foot.normal.chunks_exact(dim)) {
            axpy(row, *weight, normal);
        }
    }
    Ok(widest)
}
