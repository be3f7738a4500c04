//! Affine.

use super::{Foot, Support};
use crate::error::Result;

/// Affine.
#[derive(Clone)]
pub struct Affine {}

impl Affine {
    /// Checked.
    pub fn new(_point: &[f64], _basis: &[Vec<f64>]) -> Result<Affine> {
        todo!()
    }
}

impl Support for Affine {
    fn dim(&self) -> usize {
        todo!()
    }
    fn intrinsic_dim(&self) -> usize {
        todo!()
    }
    fn project(&self, _x: &[f64]) -> Foot {
        todo!()
    }
    fn outline(&self, _count: usize) -> Vec<Vec<f64>> {
        todo!()
    }
}
