//! Exact scores from conditional moments of the data (theory §11.3).
//!
//! With X = m X_0 + σ Z, ξ = x/m and V' = V/m² (V = σ² + m²h² for a bandwidth h), let x̄ and Cov be the mean
//! and covariance of X_0 given ξ = X_0 + √V' Z. Then the score is s = m (x̄ − ξ)/V and its Jacobian
//! (Cov/V' − I)/V, a symmetric matrix. As ξ/V' tilts the law of X_0 exponentially, a derivative along ξ is the next
//! cumulant over V': with the third cumulant K, d²s\[u, v\] = (m/V)³ K\[u, v\].

use super::{Along, Expansion, Field, Moment};
use crate::error::Result;

/// Mean (relative to the observation) and covariance of X_0 given its noisy observation ξ.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Conditional<const D: usize> {
    /// x̄ − ξ.
    pub offset: [f64; D],
    /// Cov, symmetric.
    pub covariance: [[f64; D]; D],
}

impl<const D: usize> Conditional<D> {
    /// All entries the same.
    pub const fn filled(value: f64) -> Self {
        Conditional { offset: [value; D], covariance: [[value; D]; D] }
    }
}

/// The first three cumulants of X_0 given its noisy observation ξ.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cumulants<const D: usize> {
    /// Mean and covariance.
    pub conditional: Conditional<D>,
    /// E (X_0 − x̄)_i (X_0 − x̄)_j (X_0 − x̄)_k, symmetric.
    pub third: [[[f64; D]; D]; D],
}

impl<const D: usize> Cumulants<D> {
    /// All entries the same.
    pub const fn filled(value: f64) -> Self {
        Cumulants { conditional: Conditional::filled(value), third: [[[value; D]; D]; D] }
    }

    /// K\[u, v\].
    #[inline(always)]
    fn contract(&self, u: &[f64], v: &[f64]) -> [f64; D] {
        let row = |row: &[f64; D]| row.iter().zip(v).map(|(k, v)| k * v).sum::<f64>();
        self.third.map(|rows| rows.iter().zip(u).map(|(r, u)| u * row(r)).sum())
    }
}

/// Moments of X_0 about a point near its mean.
#[derive(Debug, Clone, Copy)]
pub(super) struct RawMoments<const D: usize> {
    /// E y_i.
    pub(super) first: [f64; D],
    /// E y_i y_j; entries with j ≤ i are read.
    pub(super) second: [[f64; D]; D],
    /// E y_i y_j y_k; entries with k ≤ j ≤ i are read.
    pub(super) third: [[[f64; D]; D]; D],
}

impl<const D: usize> RawMoments<D> {
    /// The cumulants, the moments being about `centre`.
    #[inline(always)]
    pub(super) fn cumulants(&self, centre: &[f64; D], xi: &[f64; D]) -> Cumulants<D> {
        let RawMoments { first: mean, second, third } = self;
        let mut out = Cumulants::filled(0.0);
        for i in 0..D {
            out.conditional.offset[i] = (centre[i] - xi[i]) + mean[i];
            for j in 0..=i {
                let covariance = second[i][j] - mean[i] * mean[j];
                out.conditional.covariance[i][j] = covariance;
                out.conditional.covariance[j][i] = covariance;
            }
        }
        let covariance = &out.conditional.covariance;
        for i in 0..D {
            for j in 0..=i {
                for k in 0..=j {
                    // E yyy − (C_ij μ_k + …) − μμμ, with C the covariance.
                    let value = third[i][j][k]
                        - (covariance[i][j] * mean[k]
                            + covariance[i][k] * mean[j]
                            + covariance[j][k] * mean[i])
                        - mean[i] * mean[j] * mean[k];
                    for [a, b, c] in [[i, j, k], [i, k, j], [j, i, k], [j, k, i], [k, i, j], [k, j, i]] {
                        out.third[a][b][c] = value;
                    }
                }
            }
        }
        out
    }
}

/// A data law whose conditional moments under isotropic Gaussian noise are known.
pub trait Posterior<const D: usize>: Send + Sync {
    /// Conditional moments of X_0 given X_0 + √variance · Z = ξ, for finite ξ and positive finite variance.
    fn condition(&self, variance: f64, xi: &[[f64; D]], out: &mut [Conditional<D>]);

    /// The same with the third cumulant.
    fn cumulants(&self, variance: f64, xi: &[[f64; D]], out: &mut [Cumulants<D>]);
}

/// The exact score of noised data as a field.
#[derive(Debug, Clone)]
pub struct Score<P, const D: usize> {
    posterior: P,
    bandwidth: f64,
}

/// Points handled together, with their moments on the stack.
const TILE: usize = 64;

impl<P: Posterior<D>, const D: usize> Score<P, D> {
    /// Score of the law of m (X_0 + h Z') + σ Z, h the bandwidth.
    pub fn new(posterior: P, bandwidth: f64) -> Self {
        Score { posterior, bandwidth }
    }

    /// Calls `take(row, score, Jacobian)` for every row of `x[n, D]`.
    fn each(&self, at: Moment, x: &[f64], mut take: impl FnMut(usize, &[f64; D], &[[f64; D]; D])) {
        let mut moments = [Conditional::filled(0.0); TILE];
        self.tiles(at, x, |noised, first, rows, xi| {
            if noised.carries_signal() {
                self.posterior.condition(noised.variance, xi, &mut moments[..rows.len()]);
            }
            for (i, row) in rows.iter().enumerate() {
                let (score, jacobian) = noised.score(row, &moments[i]);
                take(first + i, &score, &jacobian);
            }
        });
    }

    /// Calls `work(law, first row, rows, observations)` for every tile of `x[n, D]`.
    fn tiles(&self, at: Moment, x: &[f64], mut work: impl FnMut(&Noised, usize, &[[f64; D]], &[[f64; D]])) {
        let Moment { signal: m, noise, .. } = at;
        let v = noise * noise + (m * self.bandwidth).powi(2);
        let noised = Noised { m, v, variance: v / (m * m) };
        let mut xi = [[0.0; D]; TILE];
        let (rows, _) = x.as_chunks::<D>();
        for (tile, rows) in rows.chunks(TILE).enumerate() {
            for (xi, row) in xi.iter_mut().zip(rows) {
                *xi = noised.observation(row);
            }
            work(&noised, tile * TILE, rows, &xi[..rows.len()]);
        }
    }
}

/// X = m X_0 + √v Z.
struct Noised {
    m: f64,
    v: f64,
    /// V' = v/m².
    variance: f64,
}

impl Noised {
    /// Whether a posterior can be asked; where not, noise alone is left, or nothing.
    fn carries_signal(&self) -> bool {
        self.variance.is_finite() && self.variance > 0.0
    }

    /// ξ = x/m; rows without finite numbers are replaced: their answer is NaN anyway.
    #[inline(always)]
    fn observation<const D: usize>(&self, row: &[f64; D]) -> [f64; D] {
        let inverse = 1.0 / self.m;
        let xi = row.map(|value| value * inverse);
        if all_finite(&xi) { xi } else { [0.0; D] }
    }

    /// Score and Jacobian from conditional moments; of noise alone where the signal vanishes.
    #[inline(always)]
    fn score<const D: usize>(&self, row: &[f64; D], moments: &Conditional<D>) -> ([f64; D], [[f64; D]; D]) {
        let scale = 1.0 / self.m.max(1e-300);
        if !(self.v > 0.0 && self.variance > 0.0 && all_finite(&row.map(|value| value * scale))) {
            return ([f64::NAN; D], [[f64::NAN; D]; D]);
        }
        let precision = 1.0 / self.v;
        let mut score = row.map(|value| -value * precision);
        let mut jacobian = [[0.0; D]; D];
        for (i, row) in jacobian.iter_mut().enumerate() {
            row[i] = -precision;
        }
        if self.variance.is_finite() {
            let (pull, inverse) = (self.m * precision, 1.0 / self.variance);
            score = moments.offset.map(|d| d * pull);
            for (i, row) in jacobian.iter_mut().enumerate() {
                for (j, value) in row.iter_mut().enumerate() {
                    let identity = if i == j { 1.0 } else { 0.0 };
                    *value = (moments.covariance[i][j] * inverse - identity) * precision;
                }
            }
        }
        (score, jacobian)
    }

    /// (m/V)³, the factor of the third cumulant in the second derivative of a score; 0 for noise alone.
    #[inline(always)]
    fn curvature<const D: usize>(&self, score: &[f64; D]) -> f64 {
        if score.iter().any(|s| s.is_nan()) {
            f64::NAN
        } else if self.variance.is_finite() {
            (self.m / self.v).powi(3)
        } else {
            0.0
        }
    }
}

/// The matrix times every row.
#[inline(always)]
fn multiply<const D: usize>(matrix: &[[f64; D]; D], v: &[f64], out: &mut [f64]) {
    for (v, out) in v.chunks_exact(D).zip(out.chunks_exact_mut(D)) {
        for (out, row) in out.iter_mut().zip(matrix) {
            *out = row.iter().zip(v).map(|(a, b)| a * b).sum();
        }
    }
}

/// Whether all numbers are finite: 0 · x is 0 for every finite x and NaN for the others.
#[inline(always)]
fn all_finite<const D: usize>(values: &[f64; D]) -> bool {
    values.iter().fold(0.0, |sum, value| sum + 0.0 * value) == 0.0
}

impl<P: Posterior<D>, const D: usize> Field for Score<P, D> {
    fn dim(&self) -> usize {
        D
    }

    fn eval(&self, at: Moment, x: &[f64], y: &mut [f64]) {
        self.each(at, x, |i, score, _| y[i * D..][..D].copy_from_slice(score));
    }

    fn tangents(&self, at: Moment, x: &[f64], v: &[f64], y: &mut [f64], jv: &mut [f64]) {
        let k = if x.is_empty() { 0 } else { v.len() / x.len() };
        self.each(at, x, |i, score, jacobian| {
            y[i * D..][..D].copy_from_slice(score);
            let rows = i * k * D..(i + 1) * k * D;
            multiply(jacobian, &v[rows.clone()], &mut jv[rows]);
        });
    }

    fn adjoint(&self, at: Moment, x: &[f64], u: &[f64], y: &mut [f64], uj: &mut [f64]) {
        self.tangents(at, x, u, y, uj);
    }

    fn second(
        &self,
        at: Moment,
        x: &[f64],
        u: &[f64],
        v: &[f64],
        y: &mut [f64],
        d2: &mut [f64],
    ) -> Result<()> {
        let along = Along { directions: &[], left: u, right: v };
        self.expand(at, x, along, Expansion { value: y, tangents: &mut [], second: d2 })
    }

    fn is_gradient(&self) -> bool {
        true
    }

    fn expand(&self, at: Moment, x: &[f64], along: Along, out: Expansion) -> Result<()> {
        let Along { directions, left, right } = along;
        let Expansion { value, tangents, second } = out;
        let count = |rows: &[f64]| rows.len().checked_div(x.len()).unwrap_or(0);
        let (k, pairs) = (count(directions), count(left));
        let mut moments = [Cumulants::filled(0.0); TILE];
        self.tiles(at, x, |noised, first, rows, xi| {
            if noised.carries_signal() {
                self.posterior.cumulants(noised.variance, xi, &mut moments[..rows.len()]);
            }
            for (i, row) in rows.iter().enumerate() {
                let (score, jacobian) = noised.score(row, &moments[i].conditional);
                value[(first + i) * D..][..D].copy_from_slice(&score);
                let own = (first + i) * k * D..(first + i + 1) * k * D;
                multiply(&jacobian, &directions[own.clone()], &mut tangents[own]);
                let factor = noised.curvature(&score);
                let own = (first + i) * pairs * D..(first + i + 1) * pairs * D;
                let pairs = left[own.clone()].chunks_exact(D).zip(right[own.clone()].chunks_exact(D));
                for ((u, v), d2) in pairs.zip(second[own].chunks_exact_mut(D)) {
                    let along = moments[i].contract(u, v);
                    d2.iter_mut().zip(along).for_each(|(d2, k)| *d2 = factor * k);
                }
            }
        });
        Ok(())
    }
}
