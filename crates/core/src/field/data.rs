//! The data sets with a known law: one constructor for their exact scores and their samplers.

use super::SharedField;
use super::high_sphere::HighSphere;
use super::mixture::Mixture;
use super::path::Interval;
use super::point_set::{Bandwidth, PointSet};
use super::posterior::Score;
use super::product::Product;
use super::quadrature::Quadrature;
use super::rings::Rings;
use super::round;
use crate::error::{Error, Result};
use crate::geometry::Curve;
use crate::law::{self, SharedLaw};
use std::f64::consts::FRAC_PI_4;
use std::sync::Arc;

/// A data set with a known law.
#[derive(Debug, Clone, PartialEq)]
pub enum Data {
    /// Half circles (cos s, sin s) and (1 − cos s, ½ − sin s), s uniform on [0, π], equal mass on each,
    /// mapped by p → scale · (p + u (1, 1)) + shift with u uniform on [0, strip].
    TwoMoons {
        /// Factor > 0; 1 for CdC's.
        scale: f64,
        /// Added to both coordinates; 0 for CdC's.
        shift: f64,
        /// Width of the strip ≥ 0; 0 for a curve.
        strip: f64,
    },
    /// Uniform on a circle about the origin of R².
    Circle {
        /// Its radius.
        radius: f64,
    },
    /// pitch · t (cos t, sin t), t uniform on [1.5π, 4.5π].
    Spiral {
        /// Growth of the radius a radian.
        pitch: f64,
    },
    /// Equal mixture of isotropic Gaussians around eight centres in directions multiple of 45°.
    EightGaussians {
        /// Distance of the centres from the origin.
        radius: f64,
        /// Variance of every coordinate.
        variance: f64,
    },
    /// N(0, diag(variances)); variances of 0 are allowed.
    Gaussian {
        /// One a coordinate.
        variances: Vec<f64>,
    },
    /// Uniform on the sphere S² about the origin of R³.
    Sphere {
        /// Its radius.
        radius: f64,
    },
    /// Uniform on the sphere about the origin of R^dim, in the leading coordinates of R^ambient; the others are 0.
    HighSphere {
        /// ≥ 2; the sphere has one dimension less.
        dim: usize,
        /// D ≥ `dim`.
        ambient: usize,
        /// Its radius.
        radius: f64,
    },
    /// Uniform in area on a torus about the third axis of R³.
    Torus {
        /// From the axis to the middle of the tube.
        major: f64,
        /// Radius of the tube, less than `major`.
        minor: f64,
    },
    /// Uniform on the disc about the origin of R².
    Disc {
        /// Its radius.
        radius: f64,
    },
    /// (pitch t cos t, height · h, pitch t sin t) with t uniform on [1.5π, 4.5π] and h on [0, 1].
    SwissRoll {
        /// Growth of the radius a radian.
        pitch: f64,
        /// Length of the roll.
        height: f64,
    },
    /// 0.7 (2 + cos 3t)(cos 2t, sin 2t), t uniform.
    Trefoil,
    /// One of some points of R^D.
    Points {
        /// D.
        dim: usize,
        /// `[count, D]`.
        nodes: Arc<[f64]>,
        /// `[count]`, or empty for equal weights.
        weights: Vec<f64>,
    },
}

impl Data {
    /// CdC's two moons: a curve, unscaled.
    pub const TWO_MOONS: Data = Data::TwoMoons { scale: 1.0, shift: 0.0, strip: 0.0 };
    /// The unit circle.
    pub const CIRCLE: Data = Data::Circle { radius: 1.0 };
    /// Pitch 0.1.
    pub const SPIRAL: Data = Data::Spiral { pitch: 0.1 };
    /// TorchCFM's: radius 5, variance √0.1.
    pub const EIGHT_GAUSSIANS: Data = Data::EightGaussians { radius: 5.0, variance: 0.31622776601683794 };
    /// The unit sphere.
    pub const SPHERE: Data = Data::Sphere { radius: 1.0 };
    /// R = 2, r = 1.
    pub const TORUS: Data = Data::Torus { major: 2.0, minor: 1.0 };
    /// The unit disc.
    pub const DISC: Data = Data::Disc { radius: 1.0 };
    /// Pitch 0.1, height 2.1.
    pub const SWISS_ROLL: Data = Data::SwissRoll { pitch: 0.1, height: 2.1 };

    /// D.
    pub fn dim(&self) -> usize {
        match self {
            Data::TwoMoons { .. } | Data::Circle { .. } | Data::Spiral { .. } | Data::Trefoil => 2,
            Data::EightGaussians { .. } | Data::Disc { .. } => 2,
            Data::Sphere { .. } | Data::Torus { .. } | Data::SwissRoll { .. } => 3,
            Data::Gaussian { variances } => variances.len(),
            Data::HighSphere { ambient, .. } => *ambient,
            Data::Points { dim, .. } => *dim,
        }
    }

    /// The curves that carry the data, for those that live on planar curves.
    pub fn curves(&self) -> Option<Vec<Curve>> {
        match self {
            Data::TwoMoons { scale, shift, strip: 0.0 } => Some(Curve::two_moons(*scale, *shift).to_vec()),
            Data::Circle { radius } => Some(vec![Curve::circle(*radius)]),
            Data::Spiral { pitch } => Some(vec![Curve::spiral(*pitch)]),
            Data::Trefoil => Some(vec![Curve::trefoil()]),
            _ => None,
        }
    }

    /// The exact score of the law of m (X_0 + h Z') + σ Z, h the bandwidth.
    ///
    /// # Errors
    /// [`Error::Invalid`] for parameters without meaning, and for the strip of two moons, whose score has no
    /// exact form here.
    pub fn score(&self, bandwidth: f64) -> Result<SharedField> {
        self.check(bandwidth)?;
        if let Data::Circle { radius } = *self {
            return Ok(Arc::new(Score::new(round::Circle { radius }, bandwidth)));
        }
        if let Some(curves) = self.curves() {
            return Ok(Arc::new(Score::new(Quadrature::new(curves), bandwidth)));
        }
        Ok(match self {
            Data::EightGaussians { variance, .. } => {
                Arc::new(Mixture::diagonal(2, &self.eight_centres(), &[*variance; 2], bandwidth)?)
            }
            Data::Gaussian { variances } => Arc::new(Mixture::gaussian(variances, bandwidth)?),
            Data::Sphere { radius } => Arc::new(Score::new(round::Sphere { radius: *radius }, bandwidth)),
            Data::HighSphere { dim, ambient, radius } => {
                let sphere = Arc::new(HighSphere { dim: *dim, radius: *radius, bandwidth });
                if ambient == dim {
                    return Ok(sphere);
                }
                let rest = Arc::new(Mixture::gaussian(&vec![0.0; ambient - dim], bandwidth)?);
                Arc::new(Product::new(vec![
                    (sphere, (0..*dim).collect()),
                    (rest, (*dim..*ambient).collect()),
                ])?)
            }
            Data::Torus { major, minor } => {
                Arc::new(Score::<_, 3>::new(Rings::torus(*major, *minor), bandwidth))
            }
            Data::Disc { radius } => Arc::new(Score::<_, 2>::new(Rings::disc(*radius), bandwidth)),
            Data::SwissRoll { pitch, height } => {
                let spiral = Quadrature::new(vec![Curve::spiral(*pitch)]);
                let interval = Quadrature::new(vec![Interval { length: *height }]);
                Arc::new(Product::new(vec![
                    (Arc::new(Score::new(spiral, bandwidth)), vec![0, 2]),
                    (Arc::new(Score::new(interval, bandwidth)), vec![1]),
                ])?)
            }
            Data::Points { dim, nodes, weights } => {
                Arc::new(PointSet::new(*dim, nodes.clone(), weights, Bandwidth::Isotropic(bandwidth))?)
            }
            _ => {
                return Err(Error::invalid(
                    "exact score of two moons",
                    "strip = 0",
                    "a strip, whose score has no exact form",
                    "Use the curve (strip = 0) with a bandwidth, or a sample as a point file with a bandwidth.",
                ));
            }
        })
    }

    /// The sampler of X_0 + h Z'.
    ///
    /// # Errors
    /// [`Error::Invalid`] for parameters without meaning.
    pub fn law(&self, bandwidth: f64) -> Result<SharedLaw> {
        self.check(bandwidth)?;
        let sharp: SharedLaw = match self {
            Data::TwoMoons { scale, shift, strip } if *strip > 0.0 => {
                Arc::new(law::TwoMoonsStrip::new(*scale, *shift, *strip))
            }
            Data::TwoMoons { .. } | Data::Circle { .. } | Data::Spiral { .. } | Data::Trefoil => {
                Arc::new(law::Curves { curves: self.curves().unwrap_or_default() })
            }
            Data::EightGaussians { variance, .. } => {
                Arc::new(law::Mixture::new(2, self.eight_centres(), *variance))
            }
            Data::Gaussian { variances } => Arc::new(law::Gaussian::new(variances)),
            Data::Sphere { radius } => Arc::new(law::Sphere { dim: 3, radius: *radius }),
            Data::HighSphere { dim, ambient, radius } => {
                let sphere: SharedLaw = Arc::new(law::Sphere { dim: *dim, radius: *radius });
                let rest: SharedLaw = Arc::new(law::Gaussian::new(&vec![0.0; ambient - dim]));
                let factors = if ambient == dim { vec![sphere] } else { vec![sphere, rest] };
                Arc::new(law::Product { factors })
            }
            Data::Torus { major, minor } => Arc::new(law::Torus { major: *major, minor: *minor }),
            Data::Disc { radius } => Arc::new(law::Disc { centre: [0.0; 2], radius: *radius }),
            Data::SwissRoll { pitch, height } => {
                Arc::new(law::SwissRoll { spiral: Curve::spiral(*pitch), height: *height })
            }
            Data::Points { dim, nodes, weights } => Arc::new(law::Points::new(*dim, nodes.clone(), weights)),
        };
        Ok(law::Blurred::by(sharp, bandwidth))
    }

    fn eight_centres(&self) -> Vec<f64> {
        let Data::EightGaussians { radius, .. } = self else { return Vec::new() };
        let centre = |j: u32| {
            let (sin, cos) = (f64::from(j) * FRAC_PI_4).sin_cos();
            [radius * cos, radius * sin]
        };
        (0..8).flat_map(centre).collect()
    }

    /// Name of the data set and its parameters.
    fn parameters(&self) -> (&'static str, Vec<Parameter>) {
        let (any, positive, least_0) = (Parameter::any, Parameter::positive, Parameter::not_negative);
        match *self {
            Data::TwoMoons { scale, shift, strip } => {
                ("two moons", vec![positive("scale", scale), any("shift", shift), least_0("strip", strip)])
            }
            Data::Circle { radius } => ("circle", vec![positive("radius", radius)]),
            Data::Spiral { pitch } => ("spiral", vec![positive("pitch", pitch)]),
            Data::EightGaussians { radius, variance } => {
                ("eight Gaussians", vec![least_0("radius", radius), least_0("variance", variance)])
            }
            Data::Gaussian { ref variances } => {
                ("Gaussian", variances.iter().map(|v| least_0("variance", *v)).collect())
            }
            Data::Sphere { radius } => ("sphere", vec![positive("radius", radius)]),
            Data::HighSphere { radius, .. } => ("sphere", vec![positive("radius", radius)]),
            Data::Torus { major, minor } => {
                ("torus", vec![positive("major", major), positive("minor", minor)])
            }
            Data::Disc { radius } => ("disc", vec![positive("radius", radius)]),
            Data::SwissRoll { pitch, height } => {
                ("Swiss roll", vec![positive("pitch", pitch), positive("height", height)])
            }
            Data::Trefoil => ("trefoil", vec![]),
            Data::Points { .. } => ("points", vec![]),
        }
    }

    fn check(&self, bandwidth: f64) -> Result<()> {
        let (name, mut parameters) = self.parameters();
        let fail = |expected: String, got: String| {
            Err(Error::invalid(format!("data {name}"), expected, got, "Correct the parameters of the data."))
        };
        parameters.push(Parameter::not_negative("bandwidth", bandwidth));
        if let Some(bad) = parameters.iter().find(|p| !p.fits) {
            return fail(format!("{} {}", bad.name, bad.expected), bad.value.to_string());
        }
        match self {
            Data::Gaussian { variances } if variances.is_empty() => {
                fail("one variance or more".into(), "none".into())
            }
            Data::HighSphere { dim, ambient, .. } if *dim < 2 || ambient < dim => {
                fail("2 ≤ dim ≤ ambient".into(), format!("dim {dim}, ambient {ambient}"))
            }
            Data::Torus { major, minor } if minor >= major => {
                fail("minor < major".into(), format!("minor {minor}, major {major}"))
            }
            Data::Points { dim, nodes, weights } => {
                PointSet::new(*dim, nodes.clone(), weights, Bandwidth::Isotropic(bandwidth)).map(|_| ())
            }
            _ => Ok(()),
        }
    }
}

/// A number of a data set, and whether it has a meaning.
struct Parameter {
    name: &'static str,
    expected: &'static str,
    value: f64,
    fits: bool,
}

impl Parameter {
    fn any(name: &'static str, value: f64) -> Self {
        Parameter { name, expected: "finite", value, fits: value.is_finite() }
    }

    fn positive(name: &'static str, value: f64) -> Self {
        Parameter { name, expected: "positive and finite", value, fits: value.is_finite() && value > 0.0 }
    }

    fn not_negative(name: &'static str, value: f64) -> Self {
        Parameter { name, expected: "≥ 0 and finite", value, fits: value.is_finite() && value >= 0.0 }
    }
}
