//! Thin QR with positive diagonal, principal angles, determinants, systems known by products.

mod angles;
mod determinant;
mod flatness;
mod gmres;
mod lanes;
mod norms;
mod qr;

pub use angles::principal_angles;
pub(crate) use determinant::accumulate_abs_det;
pub use determinant::log_abs_det;
pub(crate) use flatness::{condition, flatness};
pub(crate) use gmres::{gmres, gmres_to};
pub(crate) use norms::singular_values;
pub use norms::{leading_direction, row_sum_norm, spectral_norm};
pub(crate) use qr::LANES_UP_TO;
pub use qr::orthonormalize;

/// Sum of products.
pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// ‖v‖, by its squares: for lengths that are far from the ends of f64.
pub(crate) fn norm(v: &[f64]) -> f64 {
    dot(v, v).sqrt()
}

/// ‖x − y‖ of rows `x[n, dim]`, `y[n, dim]`, as [`norm`].
pub(crate) fn row_distances(dim: usize, x: &[f64], y: &[f64]) -> Vec<f64> {
    let distance =
        |(x, y): (&[f64], &[f64])| x.iter().zip(y).map(|(x, y)| (x - y).powi(2)).sum::<f64>().sqrt();
    x.chunks_exact(dim).zip(y.chunks_exact(dim)).map(distance).collect()
}

/// target += factor · source.
pub(crate) fn axpy(target: &mut [f64], factor: f64, source: &[f64]) {
    target.iter_mut().zip(source).for_each(|(t, s)| *t += factor * s);
}

/// A B for upper triangular matrices `[k, k]`.
pub(crate) fn upper_product(k: usize, a: &[f64], b: &[f64]) -> Vec<f64> {
    let mut product = vec![0.0; k * k];
    for i in 0..k {
        for l in i..k {
            axpy(&mut product[i * k + l..(i + 1) * k], a[i * k + l], &b[l * k + l..(l + 1) * k]);
        }
    }
    product
}

/// Σ log of positive numbers with one logarithm for many factors: an accumulator that multiplies while it can.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LogProduct {
    log: f64,
    pending: f64,
}

impl LogProduct {
    pub(crate) const ONE: LogProduct = LogProduct { log: 0.0, pending: 1.0 };

    /// Multiplies by a factor ≥ 0.
    #[inline]
    pub(crate) fn push(&mut self, factor: f64) {
        let product = self.pending * factor;
        if product > 1e-140 && product < 1e140 && factor > 1e-140 {
            self.pending = product;
        } else {
            self.flush(factor);
        }
    }

    #[cold]
    fn flush(&mut self, factor: f64) {
        self.log += self.pending.ln() + factor.ln();
        self.pending = 1.0;
    }

    /// The sum of logarithms so far.
    pub(crate) fn log(&self) -> f64 {
        self.log + self.pending.ln()
    }
}
