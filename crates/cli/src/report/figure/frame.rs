//! The rectangle that data are drawn in.

use super::mark::Point;
use super::scale::Scale;

/// Maps data coordinates to pixels of the plotting area, y pointing down.
#[derive(Debug, Clone, Copy)]
pub struct Frame {
    /// Pixels.
    pub width: f64,
    /// Pixels.
    pub height: f64,
    /// Horizontal scale.
    pub x: Scale,
    /// Vertical scale.
    pub y: Scale,
}

impl Frame {
    /// Pixel position; `None` without finite coordinates. Far outside is cut to a few frames away, so that numbers stay short.
    pub fn place(&self, [x, y]: Point) -> Option<[f64; 2]> {
        let (fx, fy) = (self.x.fraction(x)?, self.y.fraction(y)?);
        let cut = |share: f64| share.clamp(-4.0, 5.0);
        Some([cut(fx) * self.width, (1.0 - cut(fy)) * self.height])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn corners_map_to_corners() {
        let frame =
            Frame { width: 200.0, height: 100.0, x: Scale::linear(0.0, 2.0), y: Scale::log(0.1, 10.0) };
        assert_eq!(frame.place([0.0, 10.0]), Some([0.0, 0.0]));
        assert_eq!(frame.place([2.0, 0.1]), Some([200.0, 100.0]));
        assert_eq!(frame.place([f64::NAN, 1.0]), None);
        assert_eq!(frame.place([1.0, 0.0]), None);
        assert_eq!(frame.place([1e12, 10.0]), Some([1000.0, 0.0]));
    }
}
