//! SwissRoll.

use super::{Foot, Support};
use crate::error::Result;

/// SwissRoll.
#[derive(Clone)]
pub struct SwissRoll {}

impl SwissRoll {
    /// 2.1.
    pub const DEFAULT_HEIGHT: f64 = 2.1;

    /// Checked.
    pub fn new(_pitch: f64, _height: f64, _start: f64, _end: f64) -> Result<SwissRoll> {
        todo!()
    }
}

impl Support for SwissRoll {
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
