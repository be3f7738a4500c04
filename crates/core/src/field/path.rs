//! Smooth paths that carry a law, with what the error bounds of quadrature need to know of them.

use crate::geometry::Curve;

/// A path γ in R^D given by entire functions of its parameter; the law is uniform in the parameter.
pub trait Path<const D: usize>: Send + Sync {
    /// First and last parameter.
    fn range(&self) -> [f64; 2];
    /// Whether the path closes smoothly, with its parameter periodic.
    fn is_closed(&self) -> bool;
    /// γ(t).
    fn point(&self, t: f64) -> [f64; D];
    /// Bound of |γ′(t)| over |t| ≤ reach, beyond the ends too.
    fn speed_bound(&self, reach: f64) -> f64;
    /// Bound of |γ′(s + ib)| over |s| ≤ reach.
    fn line_speed_bound(&self, b: f64, reach: f64) -> f64;
    /// Real and imaginary part of γ(s + ib).
    fn continued(&self, s: f64, b: f64) -> Continued<D>;
    /// Bound of |Im γ(s + ib)| over |s| ≤ reach.
    fn lift_bound(&self, b: f64, reach: f64) -> f64;
    /// Bound of |Re γ(s + ib) − γ(s)| over |s| ≤ reach.
    fn bend_bound(&self, b: f64, reach: f64) -> f64;
}

/// A path's value at a complex parameter.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Continued<const D: usize> {
    /// Re γ.
    pub real: [f64; D],
    /// Im γ.
    pub imaginary: [f64; D],
}

impl Path<2> for Curve {
    fn range(&self) -> [f64; 2] {
        self.range()
    }
    fn is_closed(&self) -> bool {
        self.is_closed()
    }
    fn point(&self, t: f64) -> [f64; 2] {
        self.point(t)
    }
    fn speed_bound(&self, reach: f64) -> f64 {
        self.speed_bound(reach)
    }
    fn line_speed_bound(&self, b: f64, reach: f64) -> f64 {
        self.line_speed_bound(b, reach)
    }
    fn continued(&self, s: f64, b: f64) -> Continued<2> {
        let (real, imaginary) = self.continued(s, b);
        Continued { real, imaginary }
    }
    fn lift_bound(&self, b: f64, reach: f64) -> f64 {
        self.lift_bound(b, reach)
    }
    fn bend_bound(&self, b: f64, reach: f64) -> f64 {
        self.bend_bound(b, reach)
    }
}

/// The interval [0, length] of the line.
#[derive(Debug, Clone, Copy)]
pub struct Interval {
    /// Its length.
    pub length: f64,
}

impl Path<1> for Interval {
    fn range(&self) -> [f64; 2] {
        [0.0, self.length]
    }
    fn is_closed(&self) -> bool {
        false
    }
    fn point(&self, t: f64) -> [f64; 1] {
        [t]
    }
    fn speed_bound(&self, _reach: f64) -> f64 {
        1.0
    }
    fn line_speed_bound(&self, _b: f64, _reach: f64) -> f64 {
        1.0
    }
    fn continued(&self, s: f64, b: f64) -> Continued<1> {
        Continued { real: [s], imaginary: [b] }
    }
    fn lift_bound(&self, b: f64, _reach: f64) -> f64 {
        b
    }
    fn bend_bound(&self, _b: f64, _reach: f64) -> f64 {
        0.0
    }
}
