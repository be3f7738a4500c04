//! Points by their place in a list.

use super::Law;
use crate::random::Stream;
use rand::RngExt;
use std::sync::Arc;

/// A list of points in which sample `first` + i is row i, beginning again at its end.
#[derive(Debug, Clone)]
pub struct Listed {
    dim: usize,
    rows: Arc<[f64]>,
    first: u64,
}

impl Listed {
    /// `rows[n, D]`, at least one.
    pub fn new(dim: usize, rows: Arc<[f64]>) -> Self {
        assert!(dim > 0 && !rows.is_empty() && rows.len().is_multiple_of(dim));
        Listed { dim, rows, first: 0 }
    }

    /// The same where row 0 is sample `first`, at most the number of any sample that is drawn: a part of a longer list.
    pub fn starting_at(self, first: usize) -> Self {
        Listed { first: first as u64, ..self }
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
        let row = (index.wrapping_sub(self.first) % (self.rows.len() / self.dim) as u64) as usize;
        x.copy_from_slice(&self.rows[row * self.dim..][..self.dim]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_list_keeps_the_numbers_of_its_samples() {
        let part = Listed::new(2, vec![1.0, 2.0, 3.0, 4.0].into()).starting_at(5);
        for (index, want) in [(5, [1.0, 2.0]), (6, [3.0, 4.0]), (7, [1.0, 2.0])] {
            let mut x = [0.0; 2];
            part.draw(0, index, &mut x);
            assert_eq!(x, want);
        }
    }
}
