//! Supports by name, with checked parameters.

use super::{
    Affine, Discs, Polygon, Product, Reference, SharedSupport, Sphere, Spiral, SwissRoll, Torus, TwoMoons,
};
use crate::error::Result;
use crate::geometry::Curve;
use crate::law::{self, SharedLaw};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A support by its name and parameters, as a model file writes it (`kind = "two-moons"`, …).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Shape {
    /// Half circles (cos s, sin s) and (1 − cos s, ½ − sin s), s ∈ [0, π]; see [`TwoMoons`].
    TwoMoons {
        /// Factor on both coordinates.
        #[serde(default = "one")]
        scale: f64,
        /// Added to both coordinates after scaling.
        #[serde(default)]
        shift: f64,
        /// w ≥ 0: both arcs are translated along (1, 1) u, u ∈ [0, w], before scaling.
        #[serde(default)]
        strip: f64,
    },
    /// Circle about the origin of the plane.
    Circle {
        /// Its radius.
        #[serde(default = "one")]
        radius: f64,
    },
    /// Archimedean spiral (a t cos t, a t sin t), t from `start` to `end`.
    Spiral {
        /// a
        #[serde(default = "tenth")]
        pitch: f64,
        /// First t.
        #[serde(default = "spiral_start")]
        start: f64,
        /// Last t.
        #[serde(default = "spiral_end")]
        end: f64,
    },
    /// Sphere about the origin of R^D.
    Sphere {
        /// D
        #[serde(default = "three")]
        dim: usize,
        /// Its radius.
        #[serde(default = "one")]
        radius: f64,
    },
    /// Torus in R³ about the third axis.
    Torus {
        /// R, from the axis to the middle of the tube.
        #[serde(default = "two")]
        major: f64,
        /// r < R, of the tube.
        #[serde(default = "one")]
        minor: f64,
    },
    /// (a t cos t, height · h, a t sin t), t from `start` to `end`, h ∈ [0, 1]; edges belong to it.
    SwissRoll {
        /// a
        #[serde(default = "tenth")]
        pitch: f64,
        /// Extent along the second axis.
        #[serde(default = "roll_height")]
        height: f64,
        /// First t.
        #[serde(default = "spiral_start")]
        start: f64,
        /// Last t.
        #[serde(default = "spiral_end")]
        end: f64,
    },
    /// Filled disc in the plane, d = D.
    Disc {
        /// Its centre.
        #[serde(default = "origin")]
        centre: [f64; 2],
        /// Its radius.
        #[serde(default = "one")]
        radius: f64,
    },
    /// Union of filled discs of one radius in the plane, d = D.
    Discs {
        /// Their centres.
        centres: Vec<[f64; 2]>,
        /// Their radius.
        #[serde(default = "one")]
        radius: f64,
    },
    /// Filled simple polygon in the plane, d = D.
    Polygon {
        /// Corners in order, either way round.
        vertices: Vec<[f64; 2]>,
    },
    /// Affine subspace of dimension d < D.
    Affine {
        /// A point of it `[D]`.
        point: Vec<f64>,
        /// Vectors that span its directions, any basis, `[d][D]`.
        #[serde(default)]
        basis: Vec<Vec<f64>>,
    },
    /// The product of shapes: each holds as many coordinates as it has dimensions, in this order.
    Product {
        /// At least one, each of lower dimension than its space.
        factors: Vec<Shape>,
    },
    /// A reference sample, read and set up by the caller.
    #[serde(skip)]
    Reference(Arc<Reference>),
}

fn one() -> f64 {
    1.0
}
fn two() -> f64 {
    2.0
}
fn tenth() -> f64 {
    0.1
}
fn three() -> usize {
    3
}
fn origin() -> [f64; 2] {
    [0.0, 0.0]
}
fn spiral_start() -> f64 {
    Spiral::DEFAULT_START
}
fn spiral_end() -> f64 {
    Spiral::DEFAULT_END
}
fn roll_height() -> f64 {
    SwissRoll::DEFAULT_HEIGHT
}

impl Shape {
    /// All names that `kind` may take in a model file.
    pub const NAMES: [&'static str; 11] = [
        "two-moons",
        "circle",
        "spiral",
        "sphere",
        "torus",
        "swiss-roll",
        "disc",
        "discs",
        "polygon",
        "affine",
        "product",
    ];

    /// The support itself.
    ///
    /// # Errors
    /// [`crate::Error::Invalid`] naming the parameter that has no meaning.
    pub fn build(&self) -> Result<SharedSupport> {
        Ok(match self {
            &Shape::TwoMoons { scale, shift, strip } => Arc::new(TwoMoons::new(scale, shift, strip)?),
            &Shape::Circle { radius } => Arc::new(Sphere::new(2, radius)?),
            &Shape::Spiral { pitch, start, end } => Arc::new(Spiral::new(pitch, start, end)?),
            &Shape::Sphere { dim, radius } => Arc::new(Sphere::new(dim, radius)?),
            &Shape::Torus { major, minor } => Arc::new(Torus::new(major, minor)?),
            &Shape::SwissRoll { pitch, height, start, end } => {
                Arc::new(SwissRoll::new(pitch, height, start, end)?)
            }
            &Shape::Disc { centre, radius } => Arc::new(Discs::new(&[centre], radius)?),
            Shape::Discs { centres, radius } => Arc::new(Discs::new(centres, *radius)?),
            Shape::Polygon { vertices } => Arc::new(Polygon::new(vertices)?),
            Shape::Affine { point, basis } => Arc::new(Affine::new(point, basis)?),
            Shape::Product { factors } => {
                let factors = factors.iter().map(Shape::build).collect::<Result<Vec<_>>>()?;
                Arc::new(Product::new(factors)?)
            }
            Shape::Reference(reference) => reference.clone(),
        })
    }

    /// A law on the shape: uniform in area on regions, spheres and the torus, in the parameters on curves and the roll, standard
    /// normal on an affine subspace, independent on the factors of a product, a draw from a reference sample.
    ///
    /// # Errors
    /// Those of [`Shape::build`].
    pub fn law(&self) -> Result<SharedLaw> {
        self.build()?;
        let spiral = |pitch: f64, from: f64, to: f64| Curve::Spiral { pitch, from, to };
        Ok(match self {
            &Shape::TwoMoons { scale, shift, strip } if strip > 0.0 => {
                Arc::new(law::TwoMoonsStrip::new(scale, shift, strip))
            }
            &Shape::TwoMoons { scale, shift, .. } => {
                Arc::new(law::Curves { curves: Curve::two_moons(scale, shift).to_vec() })
            }
            &Shape::Circle { radius } => Arc::new(law::Curves { curves: vec![Curve::circle(radius)] }),
            &Shape::Sphere { dim, radius } => Arc::new(law::Sphere { dim, radius }),
            &Shape::Spiral { pitch, start, end } => {
                Arc::new(law::Curves { curves: vec![spiral(pitch, start, end)] })
            }
            &Shape::Torus { major, minor } => Arc::new(law::Torus { major, minor }),
            &Shape::SwissRoll { pitch, height, start, end } => {
                Arc::new(law::SwissRoll { spiral: spiral(pitch, start, end), height })
            }
            &Shape::Disc { centre, radius } => Arc::new(law::Disc { centre, radius }),
            Shape::Discs { centres, radius } => Arc::new(Discs::new(centres, *radius)?.law()),
            Shape::Polygon { vertices } => Arc::new(Polygon::new(vertices)?.law()),
            Shape::Affine { point, basis } => Arc::new(Affine::new(point, basis)?.law()),
            Shape::Product { factors } => {
                let factors = factors.iter().map(Shape::law).collect::<Result<Vec<_>>>()?;
                Arc::new(law::Product { factors })
            }
            Shape::Reference(reference) => Arc::new(reference.law()),
        })
    }
}
