//! Spiral.

use super::{Foot, Support};
use crate::error::Result;

/// Spiral.
#[derive(Clone)]
pub struct Spiral {}

impl Spiral {
    /// 1.5 π.
    pub const DEFAULT_START: f64 = 1.5 * std::f64::consts::PI;
    /// 4.5 π.
    pub const DEFAULT_END: f64 = 4.5 * std::f64::consts::PI;

    /// Checked.
    pub fn new(_pitch: f64, _start: f64, _end: f64) -> Result<Spiral> {
        todo!()
    }
}

impl Support for Spiral {
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
