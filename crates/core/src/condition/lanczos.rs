//! The largest eigenvalue of a symmetric map that is only applied, by the Lanczos recursion with full
//! reorthogonalisation (Golub & Van Loan 2013, §10.1).

use crate::linalg::{axpy, dot};
use faer::{Mat, Side};

/// Most applications of the map.
const MOST_VECTORS: usize = 24;
/// Residual, as a share of the eigenvalue, at which the recursion stops; the eigenvalue's error is of its square.
const SETTLED: f64 = 1e-5;

/// One recursion under way.
pub(super) struct Lanczos {
    /// Orthonormal vectors so far.
    basis: Vec<Vec<f64>>,
    diagonal: Vec<f64>,
    /// Couplings of successive vectors.
    off: Vec<f64>,
    /// The vector the map is to be applied to next.
    next: Vec<f64>,
    /// Largest eigenvalue so far.
    pub(super) value: f64,
    pub(super) settled: bool,
}

impl Lanczos {
    /// From a start vector, of any length; nothing to do from 0.
    pub(super) fn new(start: Vec<f64>) -> Self {
        let length = dot(&start, &start).sqrt();
        let settled = length == 0.0 || !length.is_finite();
        let next = start.into_iter().map(|v| if settled { 0.0 } else { v / length }).collect();
        Lanczos { basis: Vec::new(), diagonal: Vec::new(), off: Vec::new(), next, value: 0.0, settled }
    }

    /// The vector that the map is to be applied to.
    pub(super) fn question(&self) -> &[f64] {
        &self.next
    }

    /// Takes what the map made of [`Lanczos::question`].
    pub(super) fn answer(&mut self, image: &[f64]) {
        if self.settled {
            return;
        }
        let asked = std::mem::take(&mut self.next);
        self.diagonal.push(dot(&asked, image));
        self.basis.push(asked);
        let mut rest = image.to_vec();
        for _ in 0..2 {
            for q in &self.basis {
                let part = dot(q, &rest);
                axpy(&mut rest, -part, q);
            }
        }
        let coupling = dot(&rest, &rest).sqrt();
        let last = self.ritz().pop().unwrap_or(0.0);
        let residual = coupling * last.abs();
        let exhausted = self.basis.len() >= MOST_VECTORS.min(rest.len());
        self.settled = residual.is_nan() || residual <= SETTLED * self.value.abs() || exhausted;
        self.next = rest.into_iter().map(|v| if coupling > 0.0 { v / coupling } else { 0.0 }).collect();
        self.off.push(coupling);
    }

    /// The eigenvector of the largest eigenvalue so far, to start from elsewhere.
    pub(super) fn vector(&self) -> Option<Vec<f64>> {
        let (first, rest) = self.basis.split_first()?;
        let weights = self.tridiagonal()?;
        let mut vector: Vec<f64> = first.iter().map(|v| v * weights[0]).collect();
        rest.iter().zip(&weights[1..]).for_each(|(q, weight)| axpy(&mut vector, *weight, q));
        Some(vector)
    }

    /// Notes the largest eigenvalue of the tridiagonal matrix; answers with its eigenvector.
    fn ritz(&mut self) -> Vec<f64> {
        let Some(weights) = self.tridiagonal() else {
            self.value = f64::NAN;
            return Vec::new();
        };
        let m = weights.len();
        let quadratic: f64 = (0..m).map(|i| self.diagonal[i] * weights[i] * weights[i]).sum();
        let mixed: f64 = (1..m).map(|i| 2.0 * self.off[i - 1] * weights[i] * weights[i - 1]).sum();
        self.value = quadratic + mixed;
        weights
    }

    /// Unit eigenvector of the largest eigenvalue of the tridiagonal matrix.
    fn tridiagonal(&self) -> Option<Vec<f64>> {
        let m = self.diagonal.len();
        let entry = |i: usize, j: usize| match i.abs_diff(j) {
            0 => self.diagonal[i],
            1 => self.off[i.min(j)],
            _ => 0.0,
        };
        if !self.diagonal.iter().chain(&self.off).all(|v| v.is_finite()) {
            return None;
        }
        let eigen = Mat::from_fn(m, m, entry).self_adjoint_eigen(Side::Lower).ok()?;
        let values = eigen.S().column_vector();
        let top = (0..m).max_by(|&i, &j| values[i].total_cmp(&values[j]))?;
        Some((0..m).map(|i| eigen.U()[(i, top)]).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clustered_spectra_are_resolved() {
        let dim = 60;
        for spread in [1e-3, 0.1, 1.0] {
            let value = |i: usize| 1.0 - spread * (i as f64 / dim as f64);
            let mut recursion = Lanczos::new((0..dim).map(|i| 1.0 + 0.3 * (i as f64).sin()).collect());
            while !recursion.settled {
                let image: Vec<f64> =
                    recursion.question().iter().enumerate().map(|(i, v)| value(i) * v).collect();
                recursion.answer(&image);
            }
            assert!((recursion.value - 1.0).abs() < 3e-3 * spread, "{spread}: {}", recursion.value);
            let vector = recursion.vector().unwrap();
            assert!((dot(&vector, &vector) - 1.0).abs() < 1e-12);
        }
    }

    #[test]
    fn nothing_comes_of_nothing() {
        assert!(Lanczos::new(vec![0.0; 3]).settled);
        let mut zero = Lanczos::new(vec![1.0, 0.0]);
        zero.answer(&[0.0, 0.0]);
        assert!(zero.settled && zero.value == 0.0);
        let mut broken = Lanczos::new(vec![1.0, 0.0]);
        broken.answer(&[f64::NAN, 0.0]);
        assert!(broken.settled && broken.value.is_nan());
    }
}
