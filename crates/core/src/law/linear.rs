//! Laws on affine subspaces, and products of laws.

use super::{Law, SharedLaw};
use crate::random::{Stream, standard_normal};

/// Standard normal along an affine subspace.
#[derive(Debug, Clone)]
pub struct Affine {
    /// Its mean `[D]`
    pub point: Vec<f64>,
    /// Orthonormal rows `[d, D]`
    pub basis: Vec<f64>,
}

impl Law for Affine {
    fn dim(&self) -> usize {
        self.point.len()
    }

    fn sample(&self, rng: &mut Stream, x: &mut [f64]) {
        let rows = self.basis.chunks_exact(self.point.len());
        let mut along = vec![0.0; rows.len()];
        standard_normal(rng, &mut along);
        x.copy_from_slice(&self.point);
        for (row, along) in rows.zip(along) {
            x.iter_mut().zip(row).for_each(|(x, t)| *x += along * t);
        }
    }
}

/// Independent coordinates of several laws, one after another.
#[derive(Clone)]
pub struct Product {
    /// At least one.
    pub factors: Vec<SharedLaw>,
}

impl Law for Product {
    fn dim(&self) -> usize {
        self.factors.iter().map(|factor| factor.dim()).sum()
    }

    fn sample(&self, rng: &mut Stream, mut x: &mut [f64]) {
        for factor in &self.factors {
            let (own, rest) = x.split_at_mut(factor.dim());
            factor.sample(rng, own);
            x = rest;
        }
    }
}
