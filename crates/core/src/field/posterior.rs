//! Exact scores from conditional moments of the data (theory §11.3).
//!
//! With X = m X_0 + σ Z, ξ = x/m and V' = V/m² (V = σ² + m²h² for a bandwidth h), let x̄ and Cov be the mean
//! and covariance of X_0 given ξ = X_0 + √V' Z. Then the score is s = m (x̄ − ξ)/V and its Jacobian
//! (Cov/V' − I)/V, a symmetric matrix.

use super::{Field, Moment};

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

/// A data law whose conditional moments under isotropic Gaussian noise are known.
pub trait Posterior<const D: usize>: Send + Sync {
    /// Conditional moments of X_0 given X_0 + √variance · Z = ξ, for finite ξ and positive finite variance.
    fn condition(&self, variance: f64, xi: &[[f64; D]], out: &mut [Conditional<D>]);
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
        let Moment { signal: m, noise, .. } = at;
        let v = noise * noise + (m * self.bandwidth).powi(2);
        let noised = Noised { m, v, variance: v / (m * m) };
        let mut xi = [[0.0; D]; TILE];
        let mut moments = [Conditional::filled(0.0); TILE];
        for (tile, rows) in x.chunks(TILE * D).enumerate() {
            let n = rows.len() / D;
            let (rows, _) = rows.as_chunks::<D>();
            for (xi, row) in xi.iter_mut().zip(rows) {
                *xi = noised.observation(row);
            }
            if noised.carries_signal() {
                self.posterior.condition(noised.variance, &xi[..n], &mut moments[..n]);
            }
            for (i, row) in rows.iter().enumerate() {
                let (score, jacobian) = noised.score(row, &moments[i]);
                take(tile * TILE + i, &score, &jacobian);
            }
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
            for (v, jv) in v[rows.clone()].chunks_exact(D).zip(jv[rows].chunks_exact_mut(D)) {
                for (out, row) in jv.iter_mut().zip(jacobian) {
                    *out = row.iter().zip(v).map(|(a, b)| a * b).sum();
                }
            }
        });
    }

    fn adjoint(&self, at: Moment, x: &[f64], u: &[f64], y: &mut [f64], uj: &mut [f64]) {
        self.tangents(at, x, u, y, uj);
    }
}
