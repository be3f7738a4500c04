//! Laws on planar curves and what is built from them.

use super::Law;
use crate::geometry::Curve;
use crate::random::Stream;
use rand::RngExt;

/// Equal mass on each of some curves, uniform in the parameter of each.
#[derive(Debug, Clone)]
pub struct Curves {
    /// The curves; at least one.
    pub curves: Vec<Curve>,
}

impl Law for Curves {
    fn dim(&self) -> usize {
        2
    }

    fn sample(&self, rng: &mut Stream, x: &mut [f64]) {
        let curve = &self.curves[rng.random_range(0..self.curves.len())];
        let [from, to] = curve.range();
        x.copy_from_slice(&curve.point(from + (to - from) * rng.random::<f64>()));
    }
}

/// Two moons thickened along the diagonal: scale (p + u (1, 1)) + shift with p on the half circles and one
/// u uniform on [0, strip].
#[derive(Debug, Clone)]
pub struct TwoMoonsStrip {
    scale: f64,
    strip: f64,
    moons: Curves,
}

impl TwoMoonsStrip {
    /// The law of that scale, shift and width of the strip.
    pub fn new(scale: f64, shift: f64, strip: f64) -> Self {
        let moons = Curves { curves: Curve::two_moons(scale, shift).to_vec() };
        TwoMoonsStrip { scale, strip, moons }
    }
}

impl Law for TwoMoonsStrip {
    fn dim(&self) -> usize {
        2
    }

    fn sample(&self, rng: &mut Stream, x: &mut [f64]) {
        self.moons.sample(rng, x);
        let along = self.scale * self.strip * rng.random::<f64>();
        x[0] += along;
        x[1] += along;
    }
}

/// A planar spiral in the first and third coordinate, an independent uniform height in the second.
#[derive(Debug, Clone)]
pub struct SwissRoll {
    /// The spiral.
    pub spiral: Curve,
    /// Length of the roll.
    pub height: f64,
}

impl Law for SwissRoll {
    fn dim(&self) -> usize {
        3
    }

    fn sample(&self, rng: &mut Stream, x: &mut [f64]) {
        let [from, to] = self.spiral.range();
        let p = self.spiral.point(from + (to - from) * rng.random::<f64>());
        x.copy_from_slice(&[p[0], self.height * rng.random::<f64>(), p[1]]);
    }
}
