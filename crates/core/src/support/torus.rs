//! Torus.

use super::{Foot, Support};
use crate::error::Result;

/// Torus.
#[derive(Clone)]
pub struct Torus {}

impl Torus {
    /// Checked.
    pub fn new(_major: f64, _minor: f64) -> Result<Torus> {
        todo!()
    }
}

impl Support for Torus {
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
