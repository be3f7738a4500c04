//! The key `convergence` of `summary.json`: headline medians with twice the steps (theory §11.7).

use super::exact::Exactly;
use super::summarise::{Reader, masked, quantiles, strided};
use super::summary::{Change, Convergence};
use crate::error::Result;
use crate::statistics::Quantiles;
use std::collections::BTreeMap;

impl Reader<'_> {
    pub(super) fn convergence(&self) -> Result<Option<Convergence>> {
        let samples = self.request.convergence.min(self.request.samples);
        if samples == 0 {
            return Ok(None);
        }
        let mut medians = BTreeMap::new();
        let (own, doubled) = (self.mask("near_boundary")?, self.mask("doubled_near_boundary")?);
        for (name, column, width, masking) in self.headlines() {
            for index in 0..width {
                let mask = |m: &Option<Vec<f64>>| m.clone().filter(|_| masking);
                let again = strided(&self.read(&format!("doubled_{column}"))?, width, index);
                let paths = again.len();
                let leading = strided(&self.read(&column)?, width, index).into_iter().take(paths).collect();
                let value = quantiles(&masked(leading, mask(&own).as_deref()));
                let twice = quantiles(&masked(again, mask(&doubled).as_deref()));
                if let (Some(value), Some(doubled)) = (value.map(|q| q.q50), twice.map(|q| q.q50)) {
                    let name = match (name.as_str(), width) {
                        ("footing", _) => format!("footing.{}", self.forced_name(index)),
                        (_, 1) => name.clone(),
                        _ => format!("{name}.{index}"),
                    };
                    medians.insert(name, Change { value, doubled, change: doubled - value, paths });
                }
            }
        }
        let steps = self.system.grid.steps;
        let vector_angle_deg = self.vector_angles()?;
        Ok(Some(Convergence { samples, steps, doubled_steps: 2 * steps, medians, vector_angle_deg }))
    }

    /// Median angles of the svd vectors and those of twice the steps.
    fn vector_angles(&self) -> Result<Vec<f64>> {
        if self.extent.exact == Exactly::Not {
            return Ok(Vec::new());
        }
        let (k, angles) = (self.request.vectors, self.read("doubled_vector_angle_deg")?);
        Ok((0..k).map(|i| Quantiles::of(&strided(&angles, k, i)).q50).collect())
    }

    /// Name, column, values a sample and whether only points near the boundary count (d = D) of every headline figure.
    fn headlines(&self) -> Vec<(String, String, usize, bool)> {
        let extent = &self.extent;
        let mut list = Vec::new();
        let methods: &[&str] = if extent.exact == Exactly::Not { &["qr"] } else { &["qr", "svd"] };
        for method in methods.iter().filter(|_| extent.spectrum) {
            list.push((
                format!("exponents.{method}"),
                format!("log_growth_{method}"),
                self.request.vectors,
                false,
            ));
            for (wanted, figure) in [(extent.score, "score_cosine"), (extent.angles, "subspace_angle_deg")] {
                if wanted {
                    list.push((
                        format!("alignment.{figure}.{method}"),
                        format!("{figure}_{method}"),
                        1,
                        true,
                    ));
                }
            }
        }
        if extent.support {
            list.push(("distance".into(), "distance".into(), 1, false));
            for (wanted, part) in [(extent.gains, "normal"), (extent.gains && extent.tangents, "tangent")] {
                if wanted {
                    list.push((format!("gains.{part}"), format!("gain_{part}"), 1, false));
                }
            }
            if extent.forced > 0 {
                list.push(("footing".into(), "footing".into(), extent.forced, true));
            }
        }
        list
    }
}
