//! Products of triangular chains that are never multiplied out in one scale (theory §4, `svd`).

use crate::linalg::{axpy, orthonormalize};
use std::f64::consts::LN_2;

/// 2^exponent for an exponent of at most 1023; 0 below the normal numbers.
pub(super) fn power_of_two(exponent: i64) -> f64 {
    if exponent < -1022 { 0.0 } else { f64::from_bits(((exponent.min(1023) + 1023) as u64) << 52) }
}

/// The exponent of 2 of a positive normal number; −1023 for smaller ones.
pub(super) fn exponent_of(value: f64) -> i64 {
    ((value.abs().to_bits() >> 52) as i64) - 1023
}

/// A k × k matrix whose row i is 2^`exponents[i]` times `rows[i]`, with the largest entry of `rows[i]` near 1.
pub(super) struct ScaledRows {
    pub(super) k: usize,
    pub(super) rows: Vec<f64>,
    pub(super) exponents: Vec<i64>,
}

impl ScaledRows {
    fn identity(k: usize) -> Self {
        let mut rows = vec![0.0; k * k];
        (0..k).for_each(|i| rows[i * k + i] = 1.0);
        ScaledRows { k, rows, exponents: vec![0; k] }
    }

    /// The product C_{τ−1} ⋯ C_0 of upper triangular factors.
    pub(super) fn product<'a>(k: usize, factors: impl Iterator<Item = &'a [f64]>) -> Self {
        let mut product = ScaledRows::identity(k);
        factors.for_each(|factor| product.multiply(factor));
        product
    }

    /// Multiplies from the left by an upper triangular factor.
    fn multiply(&mut self, factor: &[f64]) {
        let k = self.k;
        for i in 0..k {
            let used = (i..k).filter(|m| factor[i * k + m] != 0.0);
            let Some(scale) = used.map(|m| self.exponents[m]).max() else { continue };
            let (row, below) = self.rows[i * k..].split_at_mut(k);
            let own = factor[i * k + i] * power_of_two(self.exponents[i] - scale);
            row[i..].iter_mut().for_each(|value| *value *= own);
            for m in i + 1..k {
                let weight = factor[i * k + m] * power_of_two(self.exponents[m] - scale);
                if weight != 0.0 {
                    axpy(&mut row[m..], weight, &below[(m - i - 1) * k..][m..k]);
                }
            }
            self.exponents[i] = scale;
            self.rescale(i);
        }
    }

    /// Brings the largest entry of row i to [1, 2).
    pub(super) fn rescale(&mut self, i: usize) {
        let row = &mut self.rows[i * self.k..][..self.k];
        let size = row.iter().fold(0.0, |size: f64, value| size.max(value.abs()));
        if size == 0.0 || (1.0..2.0).contains(&size) {
            return;
        }
        let exponent = exponent_of(size).clamp(-1000, 1000);
        let factor = power_of_two(-exponent);
        row.iter_mut().for_each(|value| *value *= factor);
        self.exponents[i] += exponent;
    }

    /// Relative residual of Jᵀu_i = σ_i v_i, where JᵀU = F P with the orthonormal `image` f_i of vector i and this
    /// triangular P; the part along f_j, j < i, counts relative to P_jj, about σ_j.
    pub(super) fn residual(&self, i: usize, log_value: f64, image: &[f64], v: &[f64]) -> f64 {
        let k = self.k;
        let log_image = self.exponents[i] as f64 * LN_2 + self.rows[i * k + i].ln();
        let stretch = (log_image - log_value).exp();
        let along = (0..i).map(|j| (self.rows[j * k + i] / self.rows[j * k + j]).powi(2));
        let own = image.iter().zip(v).map(|(f, v)| (stretch * f - v).powi(2));
        along.chain(own).sum::<f64>().sqrt()
    }

    /// ‖M‖_∞ ‖M^{-1}‖_∞ of the scaled rows of an upper triangular matrix; ∞ if it is singular.
    pub(super) fn row_condition(&self) -> f64 {
        let k = self.k;
        let mut inverse = vec![0.0; k * k];
        for i in (0..k).rev() {
            let (own, below) = inverse[i * k..].split_at_mut(k);
            own[i] = 1.0;
            for m in i + 1..k {
                axpy(&mut own[m..], -self.rows[i * k + m], &below[(m - i - 1) * k..][m..k]);
            }
            own.iter_mut().for_each(|value| *value /= self.rows[i * k + i]);
        }
        let norm = |matrix: &[f64]| {
            matrix
                .chunks_exact(k)
                .map(|row| row.iter().map(|value| value.abs()).sum::<f64>())
                .fold(0.0, f64::max)
        };
        let condition = norm(&self.rows) * norm(&inverse);
        if condition.is_nan() { f64::INFINITY } else { condition }
    }
}

/// The products T = L C_{τ−1}⋯C_0 Rᵀ of a few samples, factors upper triangular.
pub(super) struct Tile {
    pub(super) k: usize,
    pub(super) samples: usize,
    /// Factors `[τ, samples, k, k]`.
    factors: Vec<f64>,
    /// Columns of L as rows `[samples, k, k]`.
    pub(super) left: Vec<f64>,
    /// Columns of R as rows `[samples, k, k]`.
    pub(super) right: Vec<f64>,
}

/// Unit matrices `[samples, k, k]`.
pub(super) fn identities(k: usize, samples: usize) -> Vec<f64> {
    let mut rows = vec![0.0; samples * k * k];
    rows.chunks_exact_mut(k * k).for_each(|rows| (0..k).for_each(|i| rows[i * k + i] = 1.0));
    rows
}

impl Tile {
    /// Some samples of a chain of `total` samples, with L = R = 1.
    pub(super) fn of(k: usize, chain: &[f64], total: usize, samples: &[usize]) -> Self {
        let size = k * k;
        let mut factors = Vec::with_capacity(chain.len() / total * samples.len());
        for step in chain.chunks_exact(total * size) {
            samples.iter().for_each(|sample| factors.extend_from_slice(&step[sample * size..][..size]));
        }
        let (left, right) = (identities(k, samples.len()), identities(k, samples.len()));
        Tile { k, samples: samples.len(), factors, left, right }
    }

    /// The same samples at the given places of this tile only.
    pub(super) fn select(&self, places: &[usize]) -> Self {
        let size = self.k * self.k;
        let pick = |rows: &[f64]| -> Vec<f64> {
            let steps = rows.chunks_exact(self.samples * size);
            steps.flat_map(|step| places.iter().flat_map(|p| &step[p * size..][..size])).copied().collect()
        };
        Tile {
            k: self.k,
            samples: places.len(),
            factors: pick(&self.factors),
            left: pick(&self.left),
            right: pick(&self.right),
        }
    }

    /// The product of the factors of the sample at a place.
    pub(super) fn product(&self, place: usize) -> ScaledRows {
        let size = self.k * self.k;
        let factors = self.factors.chunks_exact(self.samples * size);
        ScaledRows::product(self.k, factors.map(|step| &step[place * size..][..size]))
    }

    /// One QR sweep over the transposed chain, R_nᵀ Q_{n+1} = Q_n S_n from Q_τ = 1: the tile becomes that of Tᵀ.
    pub(super) fn transpose(self) -> Self {
        let start = identities(self.k, self.samples);
        self.transpose_from(start)
    }

    /// As [`Tile::transpose`] from orthogonal Q_τ (columns as rows): the tile of Tᵀ with L Q_τ in place of L.
    pub(super) fn transpose_from(mut self, mut frame: Vec<f64>) -> Self {
        let (k, size) = (self.k, self.k * self.k);
        let step_len = self.samples * size;
        let right = compose(k, &self.left, &frame);
        let mut image = vec![0.0; step_len];
        for factors in self.factors.chunks_exact_mut(step_len.max(1)).rev() {
            image.fill(0.0);
            let rows = image.chunks_exact_mut(size).zip(frame.chunks_exact(size));
            for (factor, (image, frame)) in factors.chunks_exact(size).zip(rows) {
                for (image, column) in image.chunks_exact_mut(k).zip(frame.chunks_exact(k)) {
                    for (m, weight) in column.iter().enumerate() {
                        axpy(&mut image[m..], *weight, &factor[m * k + m..(m + 1) * k]);
                    }
                }
            }
            orthonormalize(k, k, &mut image, factors);
            std::mem::swap(&mut image, &mut frame);
        }
        let steps = self.factors.len().checked_div(step_len).unwrap_or(0);
        for n in 0..steps / 2 {
            let (front, back) = self.factors.split_at_mut((steps - 1 - n) * step_len);
            front[n * step_len..][..step_len].swap_with_slice(&mut back[..step_len]);
        }
        Tile { left: compose(k, &self.right, &frame), right, ..self }
    }
}

/// Columns of B Q as rows, from the columns of B and Q as rows, for every sample.
pub(super) fn compose(k: usize, basis: &[f64], q: &[f64]) -> Vec<f64> {
    let mut out = vec![0.0; q.len()];
    let samples = basis.chunks_exact(k * k).zip(q.chunks_exact(k * k)).zip(out.chunks_exact_mut(k * k));
    for ((basis, q), out) in samples {
        combine_rows(k, q, basis, out);
    }
    out
}

/// `out[i, :] = Σ_j coordinates[i, j] basis[j, :]` with k coordinates a row.
pub(super) fn combine_rows(k: usize, coordinates: &[f64], basis: &[f64], out: &mut [f64]) {
    let dim = basis.len() / k;
    out.fill(0.0);
    for (coordinates, out) in coordinates.chunks_exact(k).zip(out.chunks_exact_mut(dim)) {
        for (weight, row) in coordinates.iter().zip(basis.chunks_exact(dim)) {
            axpy(out, *weight, row);
        }
    }
}
