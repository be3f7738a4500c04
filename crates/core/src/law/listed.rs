//! Points by their place in a list.

use super::Law;
use crate::random::Stream;
use rand::RngExt;
use std::sync::Arc;

/// A list of points in which sample i is row i, beginning again at its end.
#[derive(Debug, Clone)]
pub struct Listed {
    dim: usize,
    rows: Arc<[f64]>,
}

impl Listed {
    /// `rows[n, D]`, at least one.
    pub fn new(dim: usize, rows: Arc<[f64]>) -> Self {
        assert!(dim > 0 && !rows.is_empty() && rows.len().is_multiple_of(dim));
        Listed { dim, rows }
    }
}

impl Law for Listed {
    fn dim(&self) -> usize {
        self.dim
    }

    fn sample(&self, rng: &mut Stream, x: &mut [f64]) {
        let row = rng.random_range(0..self.rows.len() / self.dim);
        x.copy_from_slice(&self.rows[row * self.dim..][..self.dim]);
    }

    fn draw(&self, _seed: u64, index: u64, x: &mut [f64]) {
        let row = (index % (self.rows.len() / self.dim) as u64) as usize;
        x.copy_from_slice(&self.rows[row * self.dim..][..self.dim]);
    }
}
