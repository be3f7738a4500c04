//! The Swiss roll.

use super::check::{outline_count, positive};
use super::{Foot, Spiral, Support};
use crate::error::Result;

/// (a t cos t, height · h, a t sin t), h ∈ [0, 1]: a spiral in the first and third coordinate times an interval in the
/// second; edges belong to it. At an edge the tangent space is that of the rolled plane.
#[derive(Debug, Clone, PartialEq)]
pub struct SwissRoll {
    spiral: Spiral,
    height: f64,
}

impl SwissRoll {
    /// 2.1, the proportions in common use at a pitch of 0.1.
    pub const DEFAULT_HEIGHT: f64 = 2.1;

    /// With `pitch` = a; t as for [`Spiral::new`].
    ///
    /// # Errors
    /// [`crate::Error::Invalid`] for a height that is not positive or a spiral that has no meaning.
    pub fn new(pitch: f64, height: f64, start: f64, end: f64) -> Result<SwissRoll> {
        positive("swiss-roll", "height", height)?;
        Ok(SwissRoll { spiral: Spiral::new(pitch, start, end)?, height })
    }
}

impl Support for SwissRoll {
    fn dim(&self) -> usize {
        3
    }

    fn intrinsic_dim(&self) -> usize {
        2
    }

    fn project(&self, x: &[f64]) -> Foot {
        let t = self.spiral.nearest_parameter([x[0], x[2]]);
        let [p0, p2] = self.spiral.at(t);
        let p1 = x[1].clamp(0.0, self.height);
        let [t0, t2] = Spiral::tangent(t);
        let distance = (x[0] - p0).hypot(x[2] - p2).hypot(x[1] - p1);
        Foot {
            point: vec![p0, p1, p2],
            distance,
            middle_distance: distance,
            tangent: vec![t0, 0.0, t2, 0.0, 1.0, 0.0],
            normal: vec![t2, 0.0, -t0],
            component: 0,
            flaw: None,
        }
    }

    /// Five spirals from edge to edge and nine rulings.
    fn outline(&self, count: usize) -> Vec<Vec<f64>> {
        let points = (outline_count(count) / 6).max(2);
        let spirals = (0..5).map(|k| {
            let level = self.height * f64::from(k) / 4.0;
            self.spiral.trace(points).into_iter().flat_map(|[a, b]| [a, level, b]).collect()
        });
        let rulings = self.spiral.trace(9).into_iter().map(|[a, b]| vec![a, 0.0, b, a, self.height, b]);
        spirals.chain(rulings).collect()
    }
}
