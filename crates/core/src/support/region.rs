//! Discs.

use super::{Foot, Support};
use crate::error::Result;

/// Discs.
#[derive(Clone)]
pub struct Discs {}

impl Discs {
    /// Checked.
    pub fn new(_centres: &[[f64; 2]], _radius: f64) -> Result<Discs> {
        todo!()
    }
}

impl Support for Discs {
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

/// Polygon.
#[derive(Clone)]
pub struct Polygon {}

impl Polygon {
    /// Checked.
    pub fn new(_vertices: &[[f64; 2]]) -> Result<Polygon> {
        todo!()
    }
}

impl Support for Polygon {
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
