//! TwoMoons.

use super::{Foot, Support};
use crate::error::Result;

/// TwoMoons.
#[derive(Clone)]
pub struct TwoMoons {}

impl TwoMoons {
    /// Checked.
    pub fn new(_scale: f64, _shift: f64, _strip: f64) -> Result<TwoMoons> {
        todo!()
    }
}

impl Support for TwoMoons {
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
