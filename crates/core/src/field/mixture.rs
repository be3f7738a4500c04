//! Mixtures of Gaussians with full covariances (theory §11.1, §11.3).

use super::{Field, Moment};
use crate::error::{Error, Result};
use crate::linalg::{axpy, dot};
use faer::{Mat, Side};

/// One Gaussian N(mean, Q diag(λ) Qᵀ) with its weight.
#[derive(Debug, Clone)]
struct Component {
    log_weight: f64,
    mean: Vec<f64>,
    /// λ ≥ 0.
    variances: Vec<f64>,
    /// Rows are the eigenvectors, `[D, D]`; none where they are the coordinate axes.
    axes: Option<Vec<f64>>,
}

/// The score of m X_0 + σ Z for a mixture of Gaussians X_0; variances of 0 are allowed.
///
/// With V_j = m²Σ_j + σ²I, g_j = V_j⁻¹(m μ_j − x) and posterior weights of the components, the score is E g
/// and its Jacobian −E V⁻¹ + Cov(g).
#[derive(Debug, Clone)]
pub struct Mixture {
    dim: usize,
    components: Vec<Component>,
    bandwidth: f64,
}

/// What every component says at one point.
struct Voices {
    /// Posterior weights.
    weights: Vec<f64>,
    /// g_j − E g, `[components, D]`.
    deviations: Vec<f64>,
}

impl Mixture {
    /// N(0, diag(variances)).
    ///
    /// # Errors
    /// [`Error::Invalid`] unless there are variances, and they and the bandwidth are finite and not negative.
    pub fn gaussian(variances: &[f64], bandwidth: f64) -> Result<Self> {
        Self::diagonal(variances.len(), &vec![0.0; variances.len()], variances, bandwidth)
    }

    /// Equal weights, `means[count, D]`, all with covariance diag(variances).
    ///
    /// # Errors
    /// As [`Mixture::gaussian`].
    pub fn diagonal(dim: usize, means: &[f64], variances: &[f64], bandwidth: f64) -> Result<Self> {
        check(dim, means, variances, bandwidth)?;
        if variances.len() != dim || variances.iter().any(|v| *v < 0.0) {
            return Err(unfit("one variance ≥ 0 a coordinate", format!("{variances:?}")));
        }
        let component = |mean: &[f64]| Component {
            log_weight: 0.0,
            mean: mean.to_vec(),
            variances: variances.to_vec(),
            axes: None,
        };
        Ok(Mixture { dim, components: means.chunks_exact(dim).map(component).collect(), bandwidth })
    }

    /// Weights, `means[count, D]` and symmetric `covariances[count, D, D]`.
    ///
    /// # Errors
    /// [`Error::Invalid`] unless the sizes agree, the numbers are finite, the weights positive and the
    /// covariances symmetric and positive semidefinite (to rounding).
    pub fn new(dim: usize, weights: &[f64], means: &[f64], covariances: &[f64], h: f64) -> Result<Self> {
        check(dim, means, covariances, h)?;
        let count = means.len() / dim;
        if weights.len() != count || covariances.len() != count * dim * dim {
            return Err(unfit(
                "a weight and a D × D covariance a component",
                format!("{} weights, {} covariance entries", weights.len(), covariances.len()),
            ));
        }
        if !weights.iter().all(|w| w.is_finite() && *w > 0.0) {
            return Err(unfit("positive weights", format!("{weights:?}")));
        }
        let mut components = Vec::with_capacity(count);
        for j in 0..count {
            let (variances, axes) = spectrum(dim, &covariances[j * dim * dim..][..dim * dim])?;
            let mean = means[j * dim..][..dim].to_vec();
            components.push(Component { log_weight: weights[j].ln(), mean, variances, axes: Some(axes) });
        }
        Ok(Mixture { dim, components, bandwidth: h })
    }

    /// Score into `y[D]`; returns the components' posterior weights and deviations.
    fn voices(&self, at: Moment, x: &[f64], y: &mut [f64]) -> Voices {
        let dim = self.dim;
        let mut deviations = vec![0.0; self.components.len() * dim];
        let mut weights = Vec::with_capacity(self.components.len());
        for (component, g) in self.components.iter().zip(deviations.chunks_exact_mut(dim)) {
            let residual: Vec<f64> =
                component.mean.iter().zip(x).map(|(mean, x)| at.signal * mean - x).collect();
            let spread = |lambda: f64| self.spread(at, lambda);
            let square = component.solve(spread, &residual, g);
            let log_det: f64 = component.variances.iter().map(|lambda| spread(*lambda).ln()).sum();
            weights.push(component.log_weight - 0.5 * (square + log_det));
        }
        let peak = weights.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        weights.iter_mut().for_each(|w| *w = (*w - peak).exp());
        let total: f64 = weights.iter().sum();
        weights.iter_mut().for_each(|w| *w /= total);
        y.fill(0.0);
        for (w, g) in weights.iter().zip(deviations.chunks_exact(dim)) {
            y.iter_mut().zip(g).for_each(|(y, g)| *y += w * g);
        }
        for g in deviations.chunks_exact_mut(dim) {
            g.iter_mut().zip(y.iter()).for_each(|(g, y)| *g -= y);
        }
        Voices { weights, deviations }
    }

    /// Variance of the noised data along an axis of variance λ.
    fn spread(&self, at: Moment, lambda: f64) -> f64 {
        let h = self.bandwidth;
        at.signal * at.signal * (lambda + h * h) + at.noise * at.noise
    }
}

impl Component {
    /// V⁻¹ r into `out`; returns rᵀ V⁻¹ r. `spread` gives V's eigenvalue from Σ's.
    fn solve(&self, spread: impl Fn(f64) -> f64, r: &[f64], out: &mut [f64]) -> f64 {
        let dim = r.len();
        let Some(axes) = &self.axes else {
            for (out, (r, lambda)) in out.iter_mut().zip(r.iter().zip(&self.variances)) {
                *out = r / spread(*lambda);
            }
            return r.iter().zip(out).map(|(r, out)| r * *out).sum();
        };
        out.fill(0.0);
        let mut square = 0.0;
        for (axis, lambda) in axes.chunks_exact(dim).zip(&self.variances) {
            let along: f64 = axis.iter().zip(r).map(|(a, r)| a * r).sum();
            let scaled = along / spread(*lambda);
            square += along * scaled;
            out.iter_mut().zip(axis).for_each(|(out, a)| *out += scaled * a);
        }
        square
    }
}

impl Field for Mixture {
    fn dim(&self) -> usize {
        self.dim
    }

    fn eval(&self, at: Moment, x: &[f64], y: &mut [f64]) {
        for (x, y) in x.chunks_exact(self.dim).zip(y.chunks_exact_mut(self.dim)) {
            self.voices(at, x, y);
        }
    }

    fn tangents(&self, at: Moment, x: &[f64], v: &[f64], y: &mut [f64], jv: &mut [f64]) {
        let dim = self.dim;
        let k = if x.is_empty() { 0 } else { v.len() / x.len() };
        let mut solved = vec![0.0; dim];
        for (i, (x, y)) in x.chunks_exact(dim).zip(y.chunks_exact_mut(dim)).enumerate() {
            let voices = self.voices(at, x, y);
            let rows = i * k * dim..(i + 1) * k * dim;
            for (v, jv) in v[rows.clone()].chunks_exact(dim).zip(jv[rows].chunks_exact_mut(dim)) {
                jv.fill(0.0);
                for (j, component) in self.components.iter().enumerate() {
                    let (w, g) = (voices.weights[j], &voices.deviations[j * dim..][..dim]);
                    component.solve(|lambda| self.spread(at, lambda), v, &mut solved);
                    let along: f64 = g.iter().zip(v).map(|(g, v)| g * v).sum();
                    for (jv, (g, s)) in jv.iter_mut().zip(g.iter().zip(&solved)) {
                        *jv += w * (g * along - s);
                    }
                }
            }
        }
    }

    fn adjoint(&self, at: Moment, x: &[f64], u: &[f64], y: &mut [f64], uj: &mut [f64]) {
        self.tangents(at, x, u, y, uj);
    }

    /// With ĝ_j = g_j − E g, whose mean is 0, differentiating the Jacobian gives
    /// d²s\[u, v\] = E\[ (ĝ·u ĝ·v − uᵀV⁻¹v) ĝ − (ĝ·v) V⁻¹u − (ĝ·u) V⁻¹v \].
    fn second(
        &self,
        at: Moment,
        x: &[f64],
        u: &[f64],
        v: &[f64],
        y: &mut [f64],
        d2: &mut [f64],
    ) -> Result<()> {
        let dim = self.dim;
        let k = if x.is_empty() { 0 } else { u.len() / x.len() };
        let (mut solved_u, mut solved_v) = (vec![0.0; dim], vec![0.0; dim]);
        for (i, (x, y)) in x.chunks_exact(dim).zip(y.chunks_exact_mut(dim)).enumerate() {
            let voices = self.voices(at, x, y);
            let rows = i * k * dim..(i + 1) * k * dim;
            let pairs = u[rows.clone()].chunks_exact(dim).zip(v[rows.clone()].chunks_exact(dim));
            for ((u, v), d2) in pairs.zip(d2[rows].chunks_exact_mut(dim)) {
                d2.fill(0.0);
                for (j, component) in self.components.iter().enumerate() {
                    let (w, g) = (voices.weights[j], &voices.deviations[j * dim..][..dim]);
                    component.solve(|lambda| self.spread(at, lambda), u, &mut solved_u);
                    component.solve(|lambda| self.spread(at, lambda), v, &mut solved_v);
                    let (along_u, along_v) = (dot(g, u), dot(g, v));
                    axpy(d2, w * (along_u * along_v - dot(v, &solved_u)), g);
                    axpy(d2, -w * along_v, &solved_u);
                    axpy(d2, -w * along_u, &solved_v);
                }
            }
        }
        Ok(())
    }

    fn is_gradient(&self) -> bool {
        true
    }
}

fn unfit(expected: &str, got: String) -> Error {
    Error::invalid("Gaussian mixture", expected, got, "Correct the parameters of the law.")
}

fn check(dim: usize, means: &[f64], spreads: &[f64], bandwidth: f64) -> Result<()> {
    if dim == 0 || means.is_empty() || !means.len().is_multiple_of(dim) {
        return Err(unfit("one mean or more of D ≥ 1 numbers", format!("{} numbers", means.len())));
    }
    if !means.iter().chain(spreads).all(|value| value.is_finite()) {
        return Err(unfit("finite means and covariances", "a number that is not finite".into()));
    }
    if !bandwidth.is_finite() || bandwidth < 0.0 {
        return Err(unfit("a finite bandwidth ≥ 0", bandwidth.to_string()));
    }
    Ok(())
}

/// Eigenvalues (rounding below 0 cut off) and eigenvectors as rows.
fn spectrum(dim: usize, covariance: &[f64]) -> Result<(Vec<f64>, Vec<f64>)> {
    let largest = covariance.iter().fold(0.0, |top: f64, value| top.max(value.abs()));
    let matrix = Mat::from_fn(dim, dim, |i, j| covariance[i * dim + j]);
    let skew = (0..dim).any(|i| (0..i).any(|j| (matrix[(i, j)] - matrix[(j, i)]).abs() > 1e-12 * largest));
    if skew {
        return Err(unfit("symmetric covariances", "one that is not".into()));
    }
    let eigen = matrix
        .self_adjoint_eigen(Side::Lower)
        .map_err(|failure| unfit("covariances with a spectrum", format!("{failure:?}")))?;
    let mut variances: Vec<f64> = (0..dim).map(|j| eigen.S()[j]).collect();
    if variances.iter().any(|lambda| *lambda < -1e-12 * dim as f64 * largest) {
        return Err(unfit("positive semidefinite covariances", format!("eigenvalues {variances:?}")));
    }
    variances.iter_mut().for_each(|lambda| *lambda = lambda.max(0.0));
    let axes = (0..dim * dim).map(|index| eigen.U()[(index % dim, index / dim)]).collect();
    Ok((variances, axes))
}
