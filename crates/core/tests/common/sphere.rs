//! The exact score of the uniform law on a sphere of any dimension.

use surefoot::field::{Field, Moment};

/// Score of noised uniform data on the sphere of radius R in the first `inner` of `dim` coordinates, the others 0.
///
/// Given its noisy observation x, X_0 has a von Mises–Fisher law around x with κ = m R |x|/σ² and mean length
/// R A(κ), A = I_{p/2}/I_{p/2−1}; along x the score is (m R A − |x|)/σ², and its slope follows from
/// A′ = 1 − A² − (p − 1) A/κ.
pub struct SphereScore {
    pub inner: usize,
    pub dim: usize,
    pub radius: f64,
}

/// I_ν(κ)/I_{ν−1}(κ), ν = p/2, by the recurrence A_ν = 1/(2ν/κ + A_{ν+1}) downwards.
fn bessel_ratio(p: usize, kappa: f64) -> f64 {
    let half = 0.5 * p as f64;
    let rounds = 60 + (8.0 * kappa.sqrt()) as usize;
    let top = half + rounds as f64;
    let mut ratio = kappa / (top + top.hypot(kappa));
    for round in (0..rounds).rev() {
        ratio = 1.0 / (2.0 * (half + round as f64) / kappa + ratio);
    }
    ratio
}

/// Score along the ray over its length, and slopes along the ray and across it.
struct Ray {
    score: f64,
    along: f64,
    across: f64,
}

impl SphereScore {
    fn ray(&self, at: Moment, length: f64) -> Ray {
        let variance = at.noise * at.noise;
        let reach = at.signal * self.radius;
        let kappa = reach * length / variance;
        let ratio = bessel_ratio(self.inner, kappa);
        let slope = 1.0 - ratio * ratio - (self.inner - 1) as f64 * ratio / kappa;
        let across = (reach * ratio / length - 1.0) / variance;
        Ray { score: across, along: (reach * reach * slope / variance - 1.0) / variance, across }
    }
}

fn length(x: &[f64]) -> f64 {
    x.iter().map(|x| x * x).sum::<f64>().sqrt()
}

impl Field for SphereScore {
    fn dim(&self) -> usize {
        self.dim
    }
    fn eval(&self, at: Moment, x: &[f64], y: &mut [f64]) {
        for (x, y) in x.chunks(self.dim).zip(y.chunks_mut(self.dim)) {
            let ray = self.ray(at, length(&x[..self.inner]));
            for i in 0..self.dim {
                y[i] = x[i] * if i < self.inner { ray.score } else { -1.0 / (at.noise * at.noise) };
            }
        }
    }
    fn tangents(&self, at: Moment, x: &[f64], v: &[f64], y: &mut [f64], jv: &mut [f64]) {
        self.eval(at, x, y);
        let rows = v.len() / x.len();
        for (row, (v, jv)) in v.chunks(self.dim).zip(jv.chunks_mut(self.dim)).enumerate() {
            let x = &x[row / rows * self.dim..][..self.inner];
            let size = length(x);
            let ray = self.ray(at, size);
            let along = x.iter().zip(v).map(|(x, v)| x * v).sum::<f64>() / (size * size);
            for i in 0..self.dim {
                jv[i] = match i < self.inner {
                    true => ray.across * v[i] + (ray.along - ray.across) * along * x[i],
                    false => -v[i] / (at.noise * at.noise),
                };
            }
        }
    }
    fn adjoint(&self, at: Moment, x: &[f64], u: &[f64], y: &mut [f64], uj: &mut [f64]) {
        self.tangents(at, x, u, y, uj);
    }
}
