//! Parametric curves in the plane, shared by data laws, exact scores and supports.

use std::f64::consts::{PI, TAU};

/// One harmonic of a closed curve: `cosine · cos(order t) + sine · sin(order t)`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Harmonic {
    /// Multiple of the parameter, ≥ 1.
    pub order: u32,
    /// Vector in front of the cosine.
    pub cosine: [f64; 2],
    /// Vector in front of the sine.
    pub sine: [f64; 2],
}

impl Harmonic {
    /// Bound of the vector norms of both coefficients together: |c cos z + s sin z| for real z.
    fn amplitude(&self) -> f64 {
        let square = |v: [f64; 2]| v[0] * v[0] + v[1] * v[1];
        let (c, s) = (square(self.cosine), square(self.sine));
        let cross = self.cosine[0] * self.sine[0] + self.cosine[1] * self.sine[1];
        (0.5 * (c + s + (c - s).hypot(2.0 * cross))).sqrt()
    }
}

/// A smooth parametric curve γ: [from, to] → R², given by entire functions of the parameter.
#[derive(Debug, Clone, PartialEq)]
pub enum Curve {
    /// centre + radius (cos t, sin t); closed where `to − from` = 2π.
    Arc {
        /// Centre.
        centre: [f64; 2],
        /// Radius.
        radius: f64,
        /// First angle, radians.
        from: f64,
        /// Last angle, radians.
        to: f64,
    },
    /// Archimedean spiral pitch · t (cos t, sin t).
    Spiral {
        /// Growth of the radius a radian.
        pitch: f64,
        /// First angle, radians, ≥ 0.
        from: f64,
        /// Last angle, radians.
        to: f64,
    },
    /// Closed curve, t in [0, 2π): a finite sum of harmonics.
    Trigonometric {
        /// Its harmonics.
        harmonics: Vec<Harmonic>,
    },
}

impl Curve {
    /// The two half circles (cos s, sin s) and (1 − cos s, ½ − sin s), s in [0, π], mapped by p → scale · p + shift.
    pub fn two_moons(scale: f64, shift: f64) -> [Curve; 2] {
        let place = |p: f64| scale * p + shift;
        [
            Curve::Arc { centre: [place(0.0), place(0.0)], radius: scale, from: 0.0, to: PI },
            Curve::Arc { centre: [place(1.0), place(0.5)], radius: scale, from: PI, to: TAU },
        ]
    }

    /// The full circle about the origin.
    pub fn circle(radius: f64) -> Curve {
        Curve::Arc { centre: [0.0; 2], radius, from: 0.0, to: TAU }
    }

    /// The spiral t in [1.5π, 4.5π] of the Swiss roll.
    pub fn spiral(pitch: f64) -> Curve {
        Curve::Spiral { pitch, from: 1.5 * PI, to: 4.5 * PI }
    }

    /// The trefoil 0.7 (2 + cos 3t) (cos 2t, sin 2t).
    pub fn trefoil() -> Curve {
        let harmonic = |order, size: f64, turn: f64| Harmonic {
            order,
            cosine: [0.7 * size, 0.0],
            sine: [0.0, 0.7 * size * turn],
        };
        Curve::Trigonometric {
            harmonics: vec![harmonic(1, 0.5, -1.0), harmonic(2, 2.0, 1.0), harmonic(5, 0.5, 1.0)],
        }
    }

    /// First and last parameter.
    pub fn range(&self) -> [f64; 2] {
        match self {
            Curve::Arc { from, to, .. } | Curve::Spiral { from, to, .. } => [*from, *to],
            Curve::Trigonometric { .. } => [0.0, TAU],
        }
    }

    /// Whether the curve closes smoothly, with its parameter periodic.
    pub fn is_closed(&self) -> bool {
        match self {
            Curve::Arc { from, to, .. } => (to - from - TAU).abs() <= 4.0 * f64::EPSILON * TAU,
            Curve::Spiral { .. } => false,
            Curve::Trigonometric { .. } => true,
        }
    }

    /// γ(t).
    pub fn point(&self, t: f64) -> [f64; 2] {
        let (sin, cos) = t.sin_cos();
        match self {
            Curve::Arc { centre, radius, .. } => [centre[0] + radius * cos, centre[1] + radius * sin],
            Curve::Spiral { pitch, .. } => [pitch * t * cos, pitch * t * sin],
            Curve::Trigonometric { harmonics } => sum(harmonics, t, |_, s, c| [c, s]),
        }
    }

    /// γ′(t).
    pub fn velocity(&self, t: f64) -> [f64; 2] {
        let (sin, cos) = t.sin_cos();
        match self {
            Curve::Arc { radius, .. } => [-radius * sin, radius * cos],
            Curve::Spiral { pitch, .. } => [pitch * (cos - t * sin), pitch * (sin + t * cos)],
            Curve::Trigonometric { harmonics } => sum(harmonics, t, |k, s, c| [-k * s, k * c]),
        }
    }

    /// γ″(t).
    pub fn acceleration(&self, t: f64) -> [f64; 2] {
        let (sin, cos) = t.sin_cos();
        match self {
            Curve::Arc { radius, .. } => [-radius * cos, -radius * sin],
            Curve::Spiral { pitch, .. } => [-pitch * (2.0 * sin + t * cos), pitch * (2.0 * cos - t * sin)],
            Curve::Trigonometric { harmonics } => sum(harmonics, t, |k, s, c| [-k * k * c, -k * k * s]),
        }
    }

    /// Largest speed |γ′(t)| for |t| ≤ `reach` (the curve may be continued beyond its ends).
    pub fn speed_bound(&self, reach: f64) -> f64 {
        match self {
            Curve::Arc { radius, .. } => *radius,
            Curve::Spiral { pitch, .. } => pitch * 1f64.hypot(reach),
            Curve::Trigonometric { harmonics } => {
                harmonics.iter().map(|h| f64::from(h.order) * h.amplitude()).sum()
            }
        }
    }

    /// Bound of both the real and the imaginary part of γ′(s + ib) in length, over real |s| ≤ `reach`.
    pub fn line_speed_bound(&self, b: f64, reach: f64) -> f64 {
        match self {
            Curve::Arc { radius, .. } => radius * b.cosh(),
            Curve::Spiral { pitch, .. } => pitch * b.exp() * (1.0 + reach + b),
            Curve::Trigonometric { harmonics } => {
                let of = |h: &Harmonic| h.amplitude() * f64::from(h.order) * (f64::from(h.order) * b).cosh();
                harmonics.iter().map(of).sum()
            }
        }
    }

    /// Real and imaginary part of γ(s + ib), γ continued to complex parameters.
    pub fn continued(&self, s: f64, b: f64) -> ([f64; 2], [f64; 2]) {
        let wave = |order: f64| {
            let (sin, cos) = (order * s).sin_cos();
            let (sinh, cosh) = ((order * b).sinh(), (order * b).cosh());
            // cos and sin of order (s + ib).
            ([cos * cosh, -sin * sinh], [sin * cosh, cos * sinh])
        };
        match self {
            Curve::Arc { centre, radius, .. } => {
                let (cos, sin) = wave(1.0);
                let real = [centre[0] + radius * cos[0], centre[1] + radius * sin[0]];
                (real, [radius * cos[1], radius * sin[1]])
            }
            Curve::Spiral { pitch, .. } => {
                let (cos, sin) = wave(1.0);
                let real = |w: [f64; 2]| pitch * (s * w[0] - b * w[1]);
                let imaginary = |w: [f64; 2]| pitch * (s * w[1] + b * w[0]);
                ([real(cos), real(sin)], [imaginary(cos), imaginary(sin)])
            }
            Curve::Trigonometric { harmonics } => {
                let (mut real, mut imaginary) = ([0.0; 2], [0.0; 2]);
                for h in harmonics {
                    let (cos, sin) = wave(f64::from(h.order));
                    for i in 0..2 {
                        real[i] += h.cosine[i] * cos[0] + h.sine[i] * sin[0];
                        imaginary[i] += h.cosine[i] * cos[1] + h.sine[i] * sin[1];
                    }
                }
                (real, imaginary)
            }
        }
    }

    /// Bound of |Im γ(s + ib)| over real |s| ≤ `reach`: how far the curve leaves the real plane.
    ///
    /// With |γ⁽ᵏ⁾(s)| ≤ C_k, Taylor's series gives Σ_{k odd} C_k bᵏ/k!. Here C_k is the radius of an arc,
    /// pitch (|s| + k) on a spiral, and Σ amplitude · orderᵏ over harmonics.
    pub fn lift_bound(&self, b: f64, reach: f64) -> f64 {
        match self {
            Curve::Arc { radius, .. } => radius * b.sinh(),
            Curve::Spiral { pitch, .. } => pitch * (reach * b.sinh() + b * b.cosh()),
            Curve::Trigonometric { harmonics } => {
                harmonics.iter().map(|h| h.amplitude() * (f64::from(h.order) * b).sinh()).sum()
            }
        }
    }

    /// Bound of |Re γ(s + ib) − γ(s)| over real |s| ≤ `reach`: Σ_{k even, k ≥ 2} C_k bᵏ/k!, see
    /// [`Curve::lift_bound`].
    pub fn bend_bound(&self, b: f64, reach: f64) -> f64 {
        let cosh_less_1 = |b: f64| 2.0 * (0.5 * b).sinh().powi(2);
        match self {
            Curve::Arc { radius, .. } => radius * cosh_less_1(b),
            Curve::Spiral { pitch, .. } => pitch * (reach * cosh_less_1(b) + b * b.sinh()),
            Curve::Trigonometric { harmonics } => {
                harmonics.iter().map(|h| h.amplitude() * cosh_less_1(f64::from(h.order) * b)).sum()
            }
        }
    }
}

/// Σ over harmonics of cosine · f_c + sine · f_s, with `[f_c, f_s]` from order, sin and cos of (order t).
fn sum(harmonics: &[Harmonic], t: f64, parts: impl Fn(f64, f64, f64) -> [f64; 2]) -> [f64; 2] {
    let mut total = [0.0; 2];
    for h in harmonics {
        let order = f64::from(h.order);
        let (sin, cos) = (order * t).sin_cos();
        let [along_cosine, along_sine] = parts(order, sin, cos);
        for (i, total) in total.iter_mut().enumerate() {
            *total += h.cosine[i] * along_cosine + h.sine[i] * along_sine;
        }
    }
    total
}
