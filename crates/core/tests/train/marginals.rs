//! What a perfect network learns, E[target | x_u], against velocities and scores of the marginals.

use super::common::noisings;
use super::{close, normal, slope};
use surefoot::process::Predicts;
use surefoot::train::coupling::{Coupling, Entropic};
use surefoot::train::objective::{Drawn, Draws, Objective, Pairs, Path, Recipe, Weight};

/// Data: a mixture of two normal laws, (weight, mean, standard deviation); the source is one.
const DATA: [(f64, f64, f64); 2] = [(0.3, -1.0, 0.3), (0.7, 1.2, 0.5)];
const SOURCE: (f64, f64) = (0.4, 0.8);

fn bell(z: f64) -> f64 {
    (-0.5 * z * z).exp()
}

fn data_density(x: f64) -> f64 {
    DATA.iter().map(|(w, mean, deviation)| w * bell((x - mean) / deviation) / deviation).sum()
}

/// Midpoints of n equal parts.
fn midpoints(low: f64, high: f64, n: usize) -> impl Iterator<Item = f64> {
    (0..n).map(move |i| low + (high - low) * (i as f64 + 0.5) / n as f64)
}

/// E[target | x_u = x] by quadrature over x_1, and over x_0 where there is one; ξ follows from them.
fn learned(objective: &Objective, u: f64, x: f64) -> f64 {
    let Recipe { state, .. } = objective.recipe(u);
    let (mut sum, mut total) = (0.0, 0.0);
    let mut add = |x0: f64, x1: f64, weight: f64| {
        let noise = (x - state.source * x0 - state.data * x1) / state.noise;
        let (mut found, mut target) = ([0.0], [0.0]);
        objective.pair(u, &[x0], &[x1], &[noise], &mut found, &mut target);
        let weight = weight * data_density(x1) * bell(noise);
        sum += weight * target[0];
        total += weight;
    };
    for x1 in midpoints(-4.0, 6.0, 1000) {
        if objective.needs().source {
            midpoints(-6.5, 7.5, 500).for_each(|x0| add(x0, x1, bell((x0 - SOURCE.0) / SOURCE.1)));
        } else {
            add(0.0, x1, 1.0);
        }
    }
    sum / total
}

/// Mean and standard deviation of x_u from one component, written down path by path.
fn marginal(path: Path, sigma: f64, u: f64, (mean, deviation): (f64, f64)) -> (f64, f64) {
    let (a, s) = SOURCE;
    let angle = std::f64::consts::PI * u / 2.0;
    let (mean, variance) = match path {
        Path::Linear => (a + u * (mean - a), (s - s * u).powi(2) + (u * deviation).powi(2) + sigma * sigma),
        Path::Bridge => (
            a + u * (mean - a),
            (s - s * u).powi(2) + (u * deviation).powi(2) + sigma * sigma * u * (1.0 - u),
        ),
        Path::Target => (u * mean, (u * deviation).powi(2) + (1.0 - u + sigma * u).powi(2)),
        Path::VariancePreserving => (
            a * angle.cos() + mean * angle.sin(),
            (s * angle.cos()).powi(2) + (deviation * angle.sin()).powi(2) + sigma * sigma,
        ),
    };
    (mean, variance.sqrt())
}

/// On a line the density alone fixes the velocity: v = −∂_u F/ρ with the distribution function F.
fn transport(path: Path, sigma: f64, u: f64, x: f64) -> f64 {
    let (mut flux, mut density) = (0.0, 0.0);
    for (weight, mean, deviation) in DATA {
        let at = |u: f64| marginal(path, sigma, u, (mean, deviation));
        let (centre, width) = at(u);
        let z = (x - centre) / width;
        let (centre_slope, width_slope) = (slope(|u| at(u).0, u, 5e-3), slope(|u| at(u).1, u, 5e-3));
        density += weight * bell(z) / width;
        flux += weight * bell(z) / width * (centre_slope + z * width_slope);
    }
    flux / density
}

#[test]
fn flows_learn_the_velocity_of_their_density() {
    for (path, sigma) in
        [(Path::Linear, 0.2), (Path::Bridge, 0.7), (Path::Target, 0.1), (Path::VariancePreserving, 0.2)]
    {
        let objective = Objective::Matching { path, sigma, weight: Weight::Uniform };
        for u in [0.15, 0.5, 0.9] {
            for x in [-1.1, 0.2, 1.5] {
                let (found, expected) = (learned(&objective, u, x), transport(path, sigma, u, x));
                assert!(close(found, expected, 1e-8), "{path:?} u = {u}, x = {x}: {found} {expected}");
            }
        }
    }
}

#[test]
fn diffusions_learn_the_score_in_their_own_meaning() {
    for noising in noisings() {
        for u in [0.1, 0.45, 0.9] {
            let (m, sigma) = (noising.signal(u), noising.noise(u));
            for x in [-0.9, 0.1, 1.3] {
                let (mut density, mut gradient) = (0.0, 0.0);
                for (weight, mean, deviation) in DATA {
                    let variance = (m * deviation).powi(2) + sigma * sigma;
                    let part = weight * bell((x - m * mean) / variance.sqrt()) / variance.sqrt();
                    density += part;
                    gradient -= part * (x - m * mean) / variance;
                }
                for predicts in [Predicts::Score, Predicts::Noise, Predicts::Denoised, Predicts::V] {
                    let objective = Objective::Denoising { noising, predicts, weight: Weight::Uniform };
                    let map = predicts.of_score(m, sigma).unwrap();
                    let expected = map.state * x + map.output * gradient / density;
                    let found = learned(&objective, u, x);
                    assert!(close(found, expected, 1e-8), "{noising:?} {predicts:?} {u}: {found} {expected}");
                }
            }
        }
    }
}

/// Normal source and data on a line with covariance c.
#[derive(Clone, Copy)]
struct Normals {
    source: (f64, f64),
    data: (f64, f64),
    covariance: f64,
}

const PAIR: Normals = Normals { source: (0.4, 0.8), data: (-1.0, 0.35), covariance: 0.0 };

impl Normals {
    /// Mean and variance of x_u, and the mean velocity there with its slope in x: the linear regression of the target.
    fn field(&self, objective: &Objective, u: f64) -> [f64; 4] {
        let Recipe { state: s, target: t, .. } = objective.recipe(u);
        let ((a, deviation), (b, other)) = (self.source, self.data);
        let (p, q, c) = (deviation * deviation, other * other, self.covariance);
        let variance =
            s.source * s.source * p + s.data * s.data * q + 2.0 * s.source * s.data * c + s.noise * s.noise;
        let cross = s.source * t.source * p + s.data * t.data * q + s.noise * t.noise;
        let cross = cross + (s.source * t.data + s.data * t.source) * c;
        [s.source * a + s.data * b, variance, t.source * a + t.data * b, cross / variance]
    }

    /// Mean and standard deviation at `high` of what the learned field makes of the marginal at `low`, by RK4.
    fn carried(&self, objective: &Objective, low: f64, high: f64) -> [f64; 2] {
        let velocity = |u: f64, x: f64| {
            let [mean, _, speed, rate] = self.field(objective, u);
            speed + rate * (x - mean)
        };
        let steps = 4000;
        let carry = |mut x: f64| {
            // Times crowd at the ends, where the bridge's field is steep.
            let time = |n: usize| {
                let angle = std::f64::consts::PI * n as f64 / f64::from(steps);
                low + (high - low) * 0.5 * (1.0 - angle.cos())
            };
            for n in 0..steps as usize {
                let (u, h) = (time(n), time(n + 1) - time(n));
                let k1 = velocity(u, x);
                let k2 = velocity(u + h / 2.0, x + h / 2.0 * k1);
                let k3 = velocity(u + h / 2.0, x + h / 2.0 * k2);
                let k4 = velocity(u + h, x + h * k3);
                x += h / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4);
            }
            x
        };
        let [mean, variance, ..] = self.field(objective, low);
        // The field is affine in x, and so is its flow.
        let centre = carry(mean);
        [centre, carry(mean + variance.sqrt()) - centre]
    }
}

#[test]
fn learned_flows_carry_normal_sources_to_normal_data() {
    let (s, d) = (PAIR.source.1, PAIR.data.1);
    for (path, sigma, covariance) in [
        (Path::Linear, 0.0, 0.0),
        (Path::Linear, 0.1, 0.0),
        (Path::Linear, 0.1, s * d),
        (Path::VariancePreserving, 0.1, 0.0),
    ] {
        let objective = Objective::Matching { path, sigma, weight: Weight::Uniform };
        let [mean, deviation] = Normals { covariance, ..PAIR }.carried(&objective, 0.0, 1.0);
        let expected = (d * d + sigma * sigma).sqrt();
        assert!(close(mean, PAIR.data.0, 1e-9), "{path:?}: mean {mean}");
        assert!(close(deviation, expected, 1e-8), "{path:?} c = {covariance}: {deviation} {expected}");
    }
    // From the standard normal law to data blurred by σ.
    let objective = Objective::Matching { path: Path::Target, sigma: 0.1, weight: Weight::Uniform };
    let [mean, deviation] = PAIR.carried(&objective, 0.0, 1.0);
    assert!(close(mean, PAIR.data.0, 1e-9) && close(deviation, (d * d + 0.01_f64).sqrt(), 1e-8));
}

/// Covariance of source and data in the Schrödinger bridge of noise σ: the solution of c σ² = s² d² − c², which says that
/// the precision of the pair has the off-diagonal −1/σ² of the Brownian kernel.
fn bridge_covariance(s: f64, d: f64, sigma: f64) -> f64 {
    0.5 * ((sigma.powi(4) + 4.0 * s * s * d * d).sqrt() - sigma * sigma)
}

#[test]
fn the_bridge_between_normal_laws_is_schroedingers() {
    let (s, d) = (PAIR.source.1, PAIR.data.1);
    for sigma in [0.3, 1.0, 2.0] {
        let normals = Normals { covariance: bridge_covariance(s, d, sigma), ..PAIR };
        let objective = Objective::Matching { path: Path::Bridge, sigma, weight: Weight::Uniform };
        let (low, high) = (1e-3, 1.0 - 1e-3);
        let [mean, deviation] = normals.carried(&objective, low, high);
        let variance = |u: f64| {
            let v = 1.0 - u;
            v * v * s * s + u * u * d * d + 2.0 * u * v * normals.covariance + sigma * sigma * u * v
        };
        assert!(close(mean, PAIR.source.0 + high * (PAIR.data.0 - PAIR.source.0), 1e-9));
        assert!(close(deviation, variance(high).sqrt(), 1e-7), "{sigma}: {deviation}");
        // The probability flow of the bridge: its drift forward less half of σ² times the score. The drift is the mean
        // of (x_1 − x_u)/(1 − u), regressed on x_u.
        for u in [0.2, 0.5, 0.7] {
            let [_, found_variance, _, rate] = normals.field(&objective, u);
            assert!(close(found_variance, variance(u), 1e-13));
            let with_data = (1.0 - u) * normals.covariance + u * d * d;
            let drift = (with_data / variance(u) - 1.0) / (1.0 - u);
            let expected = drift + 0.5 * sigma * sigma / variance(u);
            assert!(close(rate, expected, 1e-12), "σ = {sigma}, u = {u}: {rate} {expected}");
        }
    }
}

/// The regression of a coupled batch's targets on its states has the slope of the closed form.
#[test]
fn coupled_batches_teach_the_marginal_field() {
    let (n, u) = (1000, 0.4);
    let scaled = |seed: u64, (mean, deviation): (f64, f64)| -> Vec<f64> {
        normal(seed, n).iter().map(|z| mean + deviation * z).collect()
    };
    let (s, d) = (PAIR.source.1, PAIR.data.1);
    for (coupling, path, sigma, covariance) in [
        (Coupling::AsDrawn, Path::Linear, 0.1, 0.0),
        (Coupling::Exact, Path::Linear, 0.1, s * d),
        (Coupling::Entropic(Entropic::new(2.0 * 0.25)), Path::Bridge, 0.5, bridge_covariance(s, d, 0.5)),
    ] {
        let objective = Objective::Matching { path, sigma, weight: Weight::Uniform };
        let (source, drawn, noise) = (scaled(21, PAIR.source), scaled(22, PAIR.data), normal(23, n));
        let pairing = coupling.pairs(1, &source, &drawn, 7, 0).unwrap();
        let data: Vec<f64> = pairing.partner.iter().map(|j| drawn[*j]).collect();
        let times = Drawn { times: vec![u; n], importance: vec![1.0; n] };
        let draws = Draws { dim: 1, times: &times, source: &source, data: &data, noise: &noise };
        let (mut state, mut target, mut weights) = (vec![0.0; n], vec![0.0; n], vec![0.0; n]);
        objective
            .fill::<f64>(draws, Pairs { state: &mut state, target: &mut target, weights: &mut weights })
            .unwrap();
        let mean = |values: &[f64]| values.iter().sum::<f64>() / n as f64;
        let (x_mean, y_mean) = (mean(&state), mean(&target));
        let cross: f64 = state.iter().zip(&target).map(|(x, y)| (x - x_mean) * (y - y_mean)).sum();
        let square: f64 = state.iter().map(|x| (x - x_mean).powi(2)).sum();
        let rest: f64 = state
            .iter()
            .zip(&target)
            .map(|(x, y)| (y - y_mean - cross / square * (x - x_mean)).powi(2))
            .sum();
        let normals = Normals { covariance, ..PAIR };
        let [x_expected, _, y_expected, rate] = normals.field(&objective, u);
        // Four standard errors of the slope, plus those of the two deviations that fix the coupling.
        let error = 4.0 * ((rest / n as f64 / square).sqrt() + rate.abs() / (n as f64).sqrt());
        assert!((cross / square - rate).abs() < error, "{coupling:?}: {} {rate} ± {error}", cross / square);
        assert!((x_mean - x_expected).abs() < 0.15 && (y_mean - y_expected).abs() < 0.15);
    }
}
