//! Product.

use super::{Foot, Support};
use crate::error::Result;

/// Product.
#[derive(Clone)]
pub struct Product {}

impl Product {
    /// Checked.
    pub fn new(_factors: Vec<super::SharedSupport>) -> Result<Product> {
        todo!()
    }
}

impl Support for Product {
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
