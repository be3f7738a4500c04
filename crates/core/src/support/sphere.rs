//! Sphere.

use super::{Foot, Support};
use crate::error::Result;

/// Sphere.
#[derive(Clone)]
pub struct Sphere {}

impl Sphere {
    /// Checked.
    pub fn new(_dim: usize, _radius: f64) -> Result<Sphere> {
        todo!()
    }
}

impl Support for Sphere {
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
