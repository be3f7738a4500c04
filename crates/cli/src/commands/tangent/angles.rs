//! Tangent spaces held against those of the support, beside those of local PCA.

use super::{Found, NEIGHBOURS, Task, points};
use crate::failure::Result;
use serde::Serialize;
use surefoot::alignment::subspace_angle_deg;
use surefoot::statistics::Quantiles;
use surefoot::support::{Reference, Support};

/// Angles of tangent spaces found in one way with those of the support, degrees.
#[derive(Serialize)]
pub(super) struct Angles {
    /// How they were found.
    pub how: String,
    /// Over the points.
    pub angle_deg: Quantiles,
}

impl Task<'_> {
    /// Why tangent spaces of dimension d are not compared although a reference is given; `None` where they are, or none is.
    pub(super) fn not_compared(&self, d: usize) -> Option<String> {
        self.options.reference.as_ref()?;
        match &self.model.system.support {
            None => Some(
                "the model has no support ([support]) whose tangent spaces could be compared with".into(),
            ),
            Some(support) if support.intrinsic_dim() != d => Some(format!(
                "the support has dimension {}, the tangent spaces {d}: -d {} compares",
                support.intrinsic_dim(),
                support.intrinsic_dim()
            )),
            Some(_) if d >= self.dim => Some("the support has full dimension".into()),
            Some(_) => None,
        }
    }

    /// Angles with the tangent spaces of the support, where it has dimension d.
    pub(super) fn angles(&self, found: &Found, d: usize) -> Result<Vec<Angles>> {
        let Some(support) =
            self.model.system.support.as_ref().filter(|s| s.intrinsic_dim() == d && d < self.dim)
        else {
            return Ok(Vec::new());
        };
        let feet = support.project_batch(&found.points);
        let frame = self.vectors * self.dim;
        let angle = |spaces: &mut dyn Iterator<Item = &[f64]>| -> Quantiles {
            let angles =
                spaces.zip(&feet).map(|(space, foot)| subspace_angle_deg(self.dim, space, &foot.tangent));
            Quantiles::of(&angles.collect::<Vec<_>>())
        };
        let own = angle(&mut found.vectors.chunks_exact(frame).map(|frame| &frame[..d * self.dim]));
        let mut list = vec![Angles { how: "singular vectors".into(), angle_deg: own }];
        let Some(file) = &self.options.reference else { return Ok(list) };
        let data = points(file, self.dim)?;
        let neighbours = match &self.options.neighbours[..] {
            [] => &NEIGHBOURS,
            asked => asked,
        };
        for &neighbours in neighbours {
            let reference = Reference::new(self.dim, data.clone(), Some(d), Some(neighbours))?;
            let near: Vec<Vec<f64>> =
                reference.project_batch(&found.points).into_iter().map(|foot| foot.tangent).collect();
            list.push(Angles {
                how: format!("local PCA, {neighbours} neighbours"),
                angle_deg: angle(&mut near.iter().map(Vec::as_slice)),
            });
        }
        Ok(list)
    }
}
