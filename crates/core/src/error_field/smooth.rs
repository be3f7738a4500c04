//! A smooth random error: a Gaussian random field by random Fourier features (Rahimi & Recht 2007).

use crate::error::{Error, Result};
use crate::field::{Field, Moment};
use crate::random::{Purpose, standard_normal, stream};
use rand_distr::{Distribution, Uniform};
use std::f64::consts::TAU;

/// Number of Fourier features.
const FEATURES: usize = 128;

/// χ_d(x, u) = √(2/M) Σ_j a_dj cos(ω_j·x + ν_j u + φ_j) with independent standard normal a: in the limit of many
/// features a Gaussian field of variance 1 and covariance exp(−|x − x′|²/2ℓ² − (u − u′)²/2ℓ_u²) in every component.
#[derive(Debug, Clone)]
pub struct SmoothField {
    dim: usize,
    /// ω `[M, D]`
    frequencies: Vec<f64>,
    /// ν `[M]`, zero for a frozen field
    time_frequencies: Vec<f64>,
    /// φ `[M]`
    phases: Vec<f64>,
    /// √(2/M) a `[M, D]`
    amplitudes: Vec<f64>,
}

impl SmoothField {
    /// The field number `index` of a seed, with length scale ℓ in state space and ℓ_u in model time (`None`: frozen).
    ///
    /// # Errors
    /// [`Error::Invalid`] for a dimension of 0 or a scale that is not positive and finite.
    pub fn new(
        dim: usize,
        length_scale: f64,
        time_scale: Option<f64>,
        seed: u64,
        index: u64,
    ) -> Result<Self> {
        let positive = |scale: f64| scale > 0.0 && scale.is_finite();
        if dim == 0 || !positive(length_scale) || !time_scale.is_none_or(positive) {
            return Err(Error::invalid(
                "setting up a smooth random error",
                "a dimension of at least 1 and positive finite scales",
                format!("dimension {dim}, length scale {length_scale}, time scale {time_scale:?}"),
                "Correct the length scale",
            ));
        }
        let mut rng = stream(seed, index, Purpose::ErrorField);
        let mut normal = |count: usize, factor: f64| -> Vec<f64> {
            let mut values = vec![0.0; count];
            standard_normal(&mut rng, &mut values);
            values.iter_mut().for_each(|value| *value *= factor);
            values
        };
        let frequencies = normal(FEATURES * dim, 1.0 / length_scale);
        let amplitudes = normal(FEATURES * dim, (2.0 / FEATURES as f64).sqrt());
        let time_frequencies = normal(FEATURES, time_scale.map_or(0.0, |scale| 1.0 / scale));
        let turns = Uniform::new(0.0, TAU).expect("0 < 2π");
        let phases = (0..FEATURES).map(|_| turns.sample(&mut rng)).collect();
        Ok(SmoothField { dim, frequencies, time_frequencies, phases, amplitudes })
    }

    /// Calls `visit` with every feature's sine, cosine, frequency and amplitude at one state.
    fn features(&self, at: Moment, x: &[f64], mut visit: impl FnMut(f64, f64, &[f64], &[f64])) {
        let rows = self.frequencies.chunks_exact(self.dim).zip(self.amplitudes.chunks_exact(self.dim));
        for (j, (omega, amplitude)) in rows.enumerate() {
            let argument = dot(omega, x) + self.time_frequencies[j] * at.time + self.phases[j];
            let (sine, cosine) = argument.sin_cos();
            visit(sine, cosine, omega, amplitude);
        }
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn add(target: &mut [f64], factor: f64, source: &[f64]) {
    target.iter_mut().zip(source).for_each(|(t, s)| *t += factor * s);
}

impl Field for SmoothField {
    fn dim(&self) -> usize {
        self.dim
    }

    fn eval(&self, at: Moment, x: &[f64], y: &mut [f64]) {
        self.tangents(at, x, &[], y, &mut []);
    }

    fn tangents(&self, at: Moment, x: &[f64], v: &[f64], y: &mut [f64], jv: &mut [f64]) {
        let (dim, samples) = (self.dim, x.len() / self.dim);
        let rows = v.len().checked_div(samples * dim).unwrap_or(0);
        y.fill(0.0);
        jv.fill(0.0);
        for (sample, (x, y)) in x.chunks_exact(dim).zip(y.chunks_exact_mut(dim)).enumerate() {
            let own = sample * rows * dim..(sample + 1) * rows * dim;
            let (v, jv) = (&v[own.clone()], &mut jv[own]);
            self.features(at, x, |sine, cosine, omega, amplitude| {
                add(y, cosine, amplitude);
                for (v, jv) in v.chunks_exact(dim).zip(jv.chunks_exact_mut(dim)) {
                    add(jv, -sine * dot(omega, v), amplitude);
                }
            });
        }
    }

    fn adjoint(&self, at: Moment, x: &[f64], u: &[f64], y: &mut [f64], uj: &mut [f64]) {
        let (dim, samples) = (self.dim, x.len() / self.dim);
        let rows = u.len().checked_div(samples * dim).unwrap_or(0);
        y.fill(0.0);
        uj.fill(0.0);
        for (sample, (x, y)) in x.chunks_exact(dim).zip(y.chunks_exact_mut(dim)).enumerate() {
            let own = sample * rows * dim..(sample + 1) * rows * dim;
            let (u, uj) = (&u[own.clone()], &mut uj[own]);
            self.features(at, x, |sine, cosine, omega, amplitude| {
                add(y, cosine, amplitude);
                for (u, uj) in u.chunks_exact(dim).zip(uj.chunks_exact_mut(dim)) {
                    add(uj, -sine * dot(amplitude, u), omega);
                }
            });
        }
    }
}
