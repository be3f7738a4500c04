//! Small exact fields and laws for the tests of the core.
#![allow(dead_code)]

use std::sync::Arc;
use surefoot::Result;
use surefoot::field::{Field, Moment, SharedField};
use surefoot::law::Law;
use surefoot::process::{Clock, Drift, Family, Noising, Predicts, Process, Schedule};
use surefoot::random::{Stream, standard_normal};

/// Score −x_i/(m² λ_i + σ²) of a Gaussian with independent coordinates.
pub struct GaussianScore(pub Vec<f64>);

impl GaussianScore {
    fn rate(&self, at: Moment, index: usize) -> f64 {
        -1.0 / (at.signal * at.signal * self.0[index % self.0.len()] + at.noise * at.noise)
    }
}

impl Field for GaussianScore {
    fn dim(&self) -> usize {
        self.0.len()
    }
    fn eval(&self, at: Moment, x: &[f64], y: &mut [f64]) {
        y.iter_mut().zip(x).enumerate().for_each(|(i, (y, x))| *y = self.rate(at, i) * x);
    }
    fn tangents(&self, at: Moment, x: &[f64], v: &[f64], y: &mut [f64], jv: &mut [f64]) {
        self.eval(at, x, y);
        self.eval(at, v, jv);
    }
    fn adjoint(&self, at: Moment, x: &[f64], u: &[f64], y: &mut [f64], uj: &mut [f64]) {
        self.tangents(at, x, u, y, uj);
    }
    fn second(
        &self,
        at: Moment,
        x: &[f64],
        _u: &[f64],
        _v: &[f64],
        y: &mut [f64],
        d2: &mut [f64],
    ) -> Result<()> {
        self.eval(at, x, y);
        d2.fill(0.0);
        Ok(())
    }
    fn second_adjoint(
        &self,
        at: Moment,
        x: &[f64],
        _v: &[f64],
        _u: &[f64],
        y: &mut [f64],
        out: &mut [f64],
    ) -> Result<()> {
        self.eval(at, x, y);
        out.fill(0.0);
        Ok(())
    }
}

/// A nonlinear field without symmetry: y_i = −x_i/(1 + σ) + 0.3 sin(x_{i+1} + i + time) x_i + 0.1 x_{i+2}.
pub struct Swirl(pub usize);

impl Swirl {
    /// Rows of the Jacobian at one state: diagonal, next, next but one.
    fn slopes(&self, at: Moment, x: &[f64], i: usize) -> [(usize, f64); 3] {
        let d = self.0;
        let (next, after) = ((i + 1) % d, (i + 2) % d);
        let argument = x[next] + i as f64 + at.time;
        [
            (i, -1.0 / (1.0 + at.noise) + 0.3 * argument.sin()),
            (next, 0.3 * argument.cos() * x[i]),
            (after, 0.1),
        ]
    }
}

impl Field for Swirl {
    fn dim(&self) -> usize {
        self.0
    }
    fn eval(&self, at: Moment, x: &[f64], y: &mut [f64]) {
        let d = self.0;
        for (x, y) in x.chunks_exact(d).zip(y.chunks_exact_mut(d)) {
            for i in 0..d {
                y[i] = -x[i] / (1.0 + at.noise)
                    + 0.3 * (x[(i + 1) % d] + i as f64 + at.time).sin() * x[i]
                    + 0.1 * x[(i + 2) % d];
            }
        }
    }
    fn tangents(&self, at: Moment, x: &[f64], v: &[f64], y: &mut [f64], jv: &mut [f64]) {
        self.eval(at, x, y);
        jv.fill(0.0);
        let (d, rows) = (self.0, v.len().checked_div(x.len()).unwrap_or(0));
        for row in 0..v.len() / d {
            let x = &x[row / rows * d..][..d];
            for i in 0..d {
                for (j, slope) in self.slopes(at, x, i) {
                    jv[row * d + i] += slope * v[row * d + j];
                }
            }
        }
    }
    fn adjoint(&self, at: Moment, x: &[f64], u: &[f64], y: &mut [f64], uj: &mut [f64]) {
        self.eval(at, x, y);
        uj.fill(0.0);
        let (d, rows) = (self.0, u.len().checked_div(x.len()).unwrap_or(0));
        for row in 0..u.len() / d {
            let x = &x[row / rows * d..][..d];
            for i in 0..d {
                for (j, slope) in self.slopes(at, x, i) {
                    uj[row * d + j] += slope * u[row * d + i];
                }
            }
        }
    }
    fn second(
        &self,
        at: Moment,
        x: &[f64],
        u: &[f64],
        v: &[f64],
        y: &mut [f64],
        d2: &mut [f64],
    ) -> Result<()> {
        self.eval(at, x, y);
        let (d, rows) = (self.0, u.len().checked_div(x.len()).unwrap_or(0));
        for row in 0..u.len() / d {
            let (x, u, v) = (&x[row / rows * d..][..d], &u[row * d..][..d], &v[row * d..][..d]);
            for i in 0..d {
                let next = (i + 1) % d;
                let (sin, cos) = (x[next] + i as f64 + at.time).sin_cos();
                d2[row * d + i] =
                    0.3 * (cos * (u[next] * v[i] + u[i] * v[next]) - sin * x[i] * u[next] * v[next]);
            }
        }
        Ok(())
    }
    fn second_adjoint(
        &self,
        at: Moment,
        x: &[f64],
        v: &[f64],
        u: &[f64],
        y: &mut [f64],
        out: &mut [f64],
    ) -> Result<()> {
        self.eval(at, x, y);
        out.fill(0.0);
        let (d, rows) = (self.0, u.len().checked_div(x.len()).unwrap_or(0));
        for row in 0..u.len() / d {
            let (x, v, u) = (&x[row / rows * d..][..d], &v[row * d..][..d], &u[row * d..][..d]);
            for i in 0..d {
                let next = (i + 1) % d;
                let (sin, cos) = (x[next] + i as f64 + at.time).sin_cos();
                out[row * d + next] += 0.3 * u[i] * (cos * v[i] - sin * x[i] * v[next]);
                out[row * d + i] += 0.3 * u[i] * cos * v[next];
            }
        }
        Ok(())
    }
}

/// The standard normal law.
pub struct StandardNormalLaw(pub usize);

impl Law for StandardNormalLaw {
    fn dim(&self) -> usize {
        self.0
    }
    fn sample(&self, rng: &mut Stream, x: &mut [f64]) {
        standard_normal(rng, x);
    }
}

pub const LINEAR: Schedule = Schedule::Linear { min: 0.1, max: 20.0 };
pub const GEOMETRIC: Schedule = Schedule::Geometric { sigma_min: 0.02, sigma_max: 8.0 };

/// Every process with every schedule that fits it.
pub fn noisings() -> Vec<Noising> {
    let mut all = vec![Noising { family: Family::Ve, schedule: GEOMETRIC }];
    for family in [Family::Ou, Family::Vp, Family::SubVp] {
        for schedule in [LINEAR, Schedule::Cosine, Schedule::CosineNd] {
            all.push(Noising { family, schedule });
        }
    }
    all
}

pub fn diffusion(field: SharedField, noising: Noising, noise_level: f64) -> Drift {
    Drift {
        field,
        process: Process::Diffusion { noising, noise_level },
        predicts: Predicts::Score,
        clock: Clock::Affine { at_noise: 1.0, at_data: 0.0 },
        error: None,
    }
}

pub fn gaussian(variances: &[f64], noising: Noising, noise_level: f64) -> Drift {
    diffusion(Arc::new(GaussianScore(variances.to_vec())), noising, noise_level)
}

pub fn flow(field: SharedField) -> Drift {
    Drift {
        field,
        process: Process::Flow,
        predicts: Predicts::Velocity,
        clock: Clock::Affine { at_noise: 0.0, at_data: 1.0 },
        error: None,
    }
}
