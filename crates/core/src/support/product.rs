//! Cartesian products of supports.

use super::frame::norm;
use super::{Foot, SharedSupport, Support};
use crate::error::{Error, Result};

/// M_1 × M_2 × … in R^{D_1 + D_2 + …}: the nearest point is that of every factor, squared distances add.
#[derive(Clone)]
pub struct Product {
    factors: Vec<SharedSupport>,
}

impl Product {
    /// Of at least one factor, each of lower dimension than its own space.
    ///
    /// # Errors
    /// [`Error::Invalid`] for no factors or one with d = D, whose foot would mean its boundary.
    pub fn new(factors: Vec<SharedSupport>) -> Result<Product> {
        if factors.is_empty() || factors.iter().any(|factor| factor.intrinsic_dim() >= factor.dim()) {
            return Err(Error::invalid(
                "product of supports",
                "one or more factors, each of lower dimension than its space",
                format!("{:?}", factors.iter().map(|f| [f.intrinsic_dim(), f.dim()]).collect::<Vec<_>>()),
                "Leave out the factors of full dimension",
            ));
        }
        Ok(Product { factors })
    }

    /// Writes rows `[m, width]` of a factor as rows of the product, zero outside `offset .. offset + width`.
    fn embed(&self, rows: &[f64], width: usize, offset: usize, out: &mut Vec<f64>) {
        for row in rows.chunks_exact(width) {
            let start = out.len();
            out.resize(start + self.dim(), 0.0);
            out[start + offset..][..width].copy_from_slice(row);
        }
    }
}

impl Support for Product {
    fn dim(&self) -> usize {
        self.factors.iter().map(|factor| factor.dim()).sum()
    }

    fn intrinsic_dim(&self) -> usize {
        self.factors.iter().map(|factor| factor.intrinsic_dim()).sum()
    }

    fn components(&self) -> usize {
        self.factors.iter().map(|factor| factor.components()).product()
    }

    fn may_fail(&self) -> bool {
        self.factors.iter().any(|factor| factor.may_fail())
    }

    fn project(&self, x: &[f64]) -> Foot {
        let (mut point, mut tangent, mut normal) = (Vec::new(), Vec::new(), Vec::new());
        let (mut distances, mut middle) = (Vec::new(), Vec::new());
        let (mut component, mut flaw) = (0, None);
        let mut offset = 0;
        for factor in &self.factors {
            let width = factor.dim();
            let foot = factor.project(&x[offset..offset + width]);
            point.extend(foot.point);
            distances.push(foot.distance);
            middle.push(foot.middle_distance);
            self.embed(&foot.tangent, width, offset, &mut tangent);
            self.embed(&foot.normal, width, offset, &mut normal);
            component = component * factor.components() + foot.component;
            flaw = flaw.or(foot.flaw);
            offset += width;
        }
        if normal.len() < (self.dim() - self.intrinsic_dim()) * self.dim() {
            normal.clear();
        }
        let (distance, middle_distance) = (norm(&distances), norm(&middle));
        Foot { point, distance, middle_distance, tangent, normal, component, flaw }
    }

    /// The outline of every factor in turn, the other coordinates held at a point of theirs.
    fn outline(&self, count: usize) -> Vec<Vec<f64>> {
        let share = count / self.factors.len();
        let outlines: Vec<_> = self.factors.iter().map(|factor| factor.outline(share)).collect();
        let start = |i: usize| outlines[i].first().map_or(&[][..], |piece| &piece[..self.factors[i].dim()]);
        let base: Vec<f64> = (0..self.factors.len()).flat_map(|i| start(i).iter().copied()).collect();
        let mut pieces = Vec::new();
        let mut offset = 0;
        for (factor, outline) in self.factors.iter().zip(&outlines) {
            let width = factor.dim();
            for piece in outline {
                let lifted = piece.chunks_exact(width).flat_map(|point| {
                    let mut full = base.clone();
                    full[offset..offset + width].copy_from_slice(point);
                    full
                });
                pieces.push(lifted.collect());
            }
            offset += width;
        }
        pieces
    }
}
