//! Response and likelihood against closed forms, quadrature and finite differences (theory §7, §11.4).

mod common;

use common::{LINEAR, Swirl, diffusion, flow};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use surefoot::Result;
use surefoot::error_field::{Chi, ConstantField, ModelError, Place, SmoothField};
use surefoot::field::{Data, Field, Moment, NoisedDensity, SharedField};
use surefoot::law::{Density, Gaussian, Law, Mixture};
use surefoot::process::{Drift, Family, Grid, Noising};
use surefoot::random::Stream;
use surefoot::response::{
    Estimate, Feet, Forms, Formula, Likelihood, Observable, ScalarNetwork, bits_per_dim, log_likelihood,
    slopes,
};
use surefoot::sampler::{Method, Step};
use surefoot::support::Shape;
use surefoot::sweep::{Batch, Forward, Keep, Refinement, forward, forward_density};

const VP: Noising = Noising { family: Family::Vp, schedule: LINEAR };

/// Hands out given points one after the other.
struct Given {
    dim: usize,
    points: Vec<f64>,
    next: AtomicUsize,
}

impl Given {
    fn new(dim: usize, points: Vec<f64>) -> Self {
        Given { dim, points, next: AtomicUsize::new(0) }
    }
    fn count(&self) -> usize {
        self.points.len() / self.dim
    }
}

impl Law for Given {
    fn dim(&self) -> usize {
        self.dim
    }
    fn sample(&self, _: &mut Stream, x: &mut [f64]) {
        let index = self.next.fetch_add(1, Ordering::Relaxed) % self.count();
        x.copy_from_slice(&self.points[index * self.dim..][..self.dim]);
    }
}

/// A nonlinear velocity with bounded derivative, so that small steps are one to one:
/// y_i = 0.6 tanh(x_{i+1} + i + time) − 0.5 sin(0.8 x_i).
struct Tilt(usize);

impl Tilt {
    /// Σ over the rows of a batch of `entry(x, row, i)`.
    fn fill(&self, x: &[f64], rows: usize, out: &mut [f64], entry: impl Fn(&[f64], usize, usize) -> f64) {
        for (row, out) in out.chunks_exact_mut(self.0).enumerate() {
            let x = &x[row / rows * self.0..][..self.0];
            out.iter_mut().enumerate().for_each(|(i, out)| *out = entry(x, row, i));
        }
    }

    fn bend(&self, at: Moment, x: &[f64], i: usize) -> f64 {
        (x[(i + 1) % self.0] + i as f64 + at.time).tanh()
    }
}

impl Field for Tilt {
    fn dim(&self) -> usize {
        self.0
    }
    fn eval(&self, at: Moment, x: &[f64], y: &mut [f64]) {
        self.fill(x, 1, y, |x, _, i| 0.6 * self.bend(at, x, i) - 0.5 * (0.8 * x[i]).sin());
    }
    fn tangents(&self, at: Moment, x: &[f64], v: &[f64], y: &mut [f64], jv: &mut [f64]) {
        self.eval(at, x, y);
        let d = self.0;
        self.fill(x, v.len().checked_div(x.len()).unwrap_or(0), jv, |x, row, i| {
            let slope = 1.0 - self.bend(at, x, i).powi(2);
            0.6 * slope * v[row * d + (i + 1) % d] - 0.4 * (0.8 * x[i]).cos() * v[row * d + i]
        });
    }
    fn adjoint(&self, at: Moment, x: &[f64], u: &[f64], y: &mut [f64], uj: &mut [f64]) {
        self.eval(at, x, y);
        let d = self.0;
        self.fill(x, u.len().checked_div(x.len()).unwrap_or(0), uj, |x, row, i| {
            let last = (i + d - 1) % d;
            let slope = 1.0 - self.bend(at, x, last).powi(2);
            0.6 * slope * u[row * d + last] - 0.4 * (0.8 * x[i]).cos() * u[row * d + i]
        });
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
        let d = self.0;
        self.fill(x, v.len().checked_div(x.len()).unwrap_or(0), d2, |x, row, i| {
            let (bend, next) = (self.bend(at, x, i), row * d + (i + 1) % d);
            let own = row * d + i;
            -1.2 * bend * (1.0 - bend * bend) * u[next] * v[next]
                + 0.32 * (0.8 * x[i]).sin() * u[own] * v[own]
        });
        Ok(())
    }
}

fn batch(source: &dyn Law, samples: usize) -> Batch<'_> {
    Batch { source, seed: 5, samples: 0..samples, refinement: Refinement::Own }
}

fn error(field: SharedField, place: Place, size: f64) -> ModelError {
    ModelError { chi: Chi::Field { field, scale: 1.0 }, place, size }
}

fn smooth(dim: usize) -> SharedField {
    Arc::new(SmoothField::new(dim, 1.5, Some(0.7), 4, 0).unwrap())
}

/// A nonlinear flow in D dimensions with every kind of error field.
fn bent(dim: usize, method: Method, steps: usize) -> Step {
    let constant: SharedField = Arc::new(ConstantField::new(&vec![1.0; dim]).unwrap());
    let forcing = vec![error(smooth(dim), Place::Drift, 1.0), error(constant, Place::Output, 1.0)];
    Step::new(flow(Arc::new(Tilt(dim))), Grid::uniform(0.0, 1.0, steps), method, forcing).unwrap()
}

/// The same step with an error of its own and nothing forced.
fn perturbed(step: &Step, index: usize, size: f64) -> Step {
    let error = ModelError { size, ..step.forcing[index].clone() };
    let drift = Drift { error: Some(error), ..step.drift.clone() };
    Step::new(drift, step.grid, step.method, Vec::new()).unwrap()
}

/// A grid on which the trapezoidal rule integrates against a standard normal weight to rounding.
struct Rule {
    points: Vec<f64>,
    weights: Vec<f64>,
}

fn rule(dim: usize, half: usize, width: f64) -> Rule {
    let line: Vec<f64> = (0..=2 * half).map(|i| (i as f64 - half as f64) * width / half as f64).collect();
    let mut points: Vec<Vec<f64>> = vec![vec![]];
    for _ in 0..dim {
        points = points.iter().flat_map(|p| line.iter().map(move |x| [&p[..], &[*x]].concat())).collect();
    }
    let weight = |p: &Vec<f64>| (-0.5 * p.iter().map(|x| x * x).sum::<f64>()).exp();
    let total: f64 = points.iter().map(weight).sum();
    Rule { weights: points.iter().map(|p| weight(p) / total).collect(), points: points.concat() }
}

/// Observables of degree 3 and a bounded one: value and slope along ζ.
fn observe(x: &[f64], zeta: &[f64]) -> [[f64; 2]; 2] {
    let last = x.len() - 1;
    let cubic = x[0].powi(3) - 0.4 * x[0] * x[last] + x[last];
    let mut cubic_slope = 3.0 * x[0] * x[0] * zeta[0] + zeta[last];
    cubic_slope -= 0.4 * (x[0] * zeta[last] + x[last] * zeta[0]);
    let wave = (1.3 * x[0] + 0.7 * x[last]).sin();
    let wave_slope = (1.3 * x[0] + 0.7 * x[last]).cos() * (1.3 * zeta[0] + 0.7 * zeta[last]);
    [[cubic, cubic_slope], [wave, wave_slope]]
}

fn zeta(run: &Forward, dim: usize, errors: usize, sample: usize, e: usize) -> &[f64] {
    &run.displacement[(sample * errors + e) * dim..][..dim]
}

#[test]
fn both_forms_agree_to_rounding_under_quadrature() {
    for (dim, half) in [(1, 400), (2, 60)] {
        let rule = rule(dim, half, 9.0);
        let source = Given::new(dim, rule.points.clone());
        let law = Gaussian::isotropic(dim, 1.0);
        for (method, steps) in [(Method::Euler, 7), (Method::Heun, 4), (Method::Rk4, 2)] {
            let step = bent(dim, method, steps);
            let run = forward_density(&step, &batch(&source, source.count()), Keep::default(), &law).unwrap();
            let density = run.density.as_ref().unwrap();
            for e in 0..2 {
                let mut sums = [[0.0; 2]; 2];
                let mut total = 0.0;
                for (i, w) in rule.weights.iter().enumerate() {
                    let response = density.response[i * 2 + e];
                    total += w * response;
                    let seen = observe(&run.end[i * dim..][..dim], zeta(&run, dim, 2, i, e));
                    for (sums, [value, slope]) in sums.iter_mut().zip(seen) {
                        sums[0] += w * value * response;
                        sums[1] += w * slope;
                    }
                }
                assert!(total.abs() < 1e-13, "probability is kept: {total:e}");
                for [by_density, by_path] in sums {
                    let gap = (by_density - by_path).abs();
                    assert!(
                        gap < 2e-13 * (1.0 + by_path.abs()),
                        "D {dim} {method:?}: {by_density} {by_path}"
                    );
                    assert!(by_path.abs() > 1e-3, "nothing to compare: {by_path}");
                }
            }
        }
    }
}

#[test]
fn finite_differences_err_with_the_square_of_epsilon() {
    for dim in [1, 2] {
        let law = Gaussian::isotropic(dim, 1.0);
        let (step, samples) = (bent(dim, Method::Heun, 5), 40);
        let run = forward(&step, &batch(&law, samples), 0, Keep::default()).unwrap();
        for e in 0..2 {
            let mean = |size: f64| {
                let twin =
                    forward(&perturbed(&step, e, size), &batch(&law, samples), 0, Keep::default()).unwrap();
                let rows = twin.end.chunks_exact(dim);
                rows.map(|x| observe(x, &vec![0.0; dim]).map(|[value, _]| value))
                    .fold([0.0; 2], |sum, values| {
                        [sum[0] + values[0] / samples as f64, sum[1] + values[1] / samples as f64]
                    })
            };
            let limit = (0..samples).fold([0.0; 2], |sum, i| {
                let [a, b] = observe(&run.end[i * dim..][..dim], zeta(&run, dim, 2, i, e));
                [sum[0] + a[1] / samples as f64, sum[1] + b[1] / samples as f64]
            });
            // From 0.3 to 3e-4: three decades of ε, six of the error.
            let errors: Vec<[f64; 2]> = [0.3, 0.03, 0.003, 0.0003]
                .map(|size| {
                    let (up, down) = (mean(size), mean(-size));
                    [0, 1].map(|f| ((up[f] - down[f]) / (2.0 * size) - limit[f]).abs())
                })
                .to_vec();
            for f in 0..2 {
                for pair in errors.windows(2) {
                    let order = (pair[0][f] / pair[1][f]).log10();
                    assert!((order - 2.0).abs() < 0.1, "D {dim} error {e} observable {f}: {errors:?}");
                }
            }
        }
    }
}

/// The score of the density of x_τ by change of variables, differentiated numerically along x_0.
#[test]
fn pathwise_score_ends_at_the_score_of_the_density() {
    let law = Gaussian::isotropic(1, 1.0);
    for (method, steps) in [(Method::Euler, 9), (Method::Heun, 3), (Method::Rk4, 1)] {
        let step = bent(1, method, steps);
        for x0 in [-2.0, -0.3, 0.0, 1.1, 2.7] {
            // x_τ and log ρ_τ(x_τ) as functions of x_0.
            let end = |x0: f64| {
                let source = Given::new(1, vec![x0]);
                let found = log_likelihood(&step, &batch(&source, 1), &law, Formula::Discrete).unwrap();
                [found.end[0], found.log_density[0]]
            };
            let slope = |component: usize| {
                let weights = [4.0 / 5.0, -1.0 / 5.0, 4.0 / 105.0, -1.0 / 280.0];
                let h = 0.02;
                let pairs = weights.iter().zip(1..);
                pairs
                    .map(|(w, k)| {
                        w * (end(x0 + f64::from(k) * h)[component] - end(x0 - f64::from(k) * h)[component])
                    })
                    .sum::<f64>()
                    / h
            };
            let expected = slope(1) / slope(0);
            let source = Given::new(1, vec![x0]);
            let run = forward_density(&step, &batch(&source, 1), Keep::default(), &law).unwrap();
            let found = run.density.unwrap().score[0];
            assert!(
                (found - expected).abs() < 1e-9 * (1.0 + expected.abs()),
                "{method:?}: {found} {expected}"
            );
        }
    }
}

/// An exact Gaussian score: every step multiplies coordinate i by a_i, so x_τ ~ N(0, Π a_i² v_i).
#[test]
fn gaussians_in_closed_form() {
    let variances = [1.0, 0.25, 0.05];
    let field = Data::Gaussian { variances: variances.to_vec() }.score(0.0).unwrap();
    let grid = Grid::uniform(0.8, 0.01, 60);
    for (method, level) in
        [(Method::Euler, 0.0), (Method::Heun, 0.0), (Method::Ddim, 0.0), (Method::Euler, 1.0)]
    {
        let constant: SharedField = Arc::new(ConstantField::new(&[1.0, -0.5, 0.25]).unwrap());
        let step = Step::new(
            diffusion(field.clone(), VP, level),
            grid,
            method,
            vec![error(constant, Place::Score, 1.0)],
        )
        .unwrap();
        let law = Gaussian::isotropic(3, 0.9);
        let run =
            forward_density(&step, &batch(&law, 20), Keep { determinants: true, ..Keep::default() }, &law)
                .unwrap();
        let density = run.density.as_ref().unwrap();
        for sample in 0..20 {
            let (x0, x) = (&run.start[sample * 3..][..3], &run.end[sample * 3..][..3]);
            let zeta = zeta(&run, 3, 1, sample, 0);
            let score = &density.score[sample * 3..][..3];
            let mut response = 0.0;
            for i in 0..3 {
                // The factor of coordinate i: from the path itself without noise, from a unit path with it.
                let factor = factor(&step, i);
                let expected = -x0[i] / (0.81 * factor);
                assert!((score[i] - expected).abs() < 1e-11 * (1.0 + expected.abs()), "{method:?} {score:?}");
                if level == 0.0 {
                    assert!((x[i] - factor * x0[i]).abs() < 1e-12);
                    // A constant error shifts the mean by ζ: δ log ρ = (x/V)·ζ with V = 0.81 factor².
                    response += x[i] / (0.81 * factor * factor) * zeta[i];
                } else {
                    response -= score[i] * zeta[i];
                }
            }
            let found = density.response[sample];
            assert!(
                (found - response).abs() < 1e-10 * (1.0 + response.abs()),
                "{method:?}: {found} {response}"
            );
        }
    }
}

/// dx_τ/dx_0 of coordinate i where steps are diagonal.
fn factor(step: &Step, i: usize) -> f64 {
    let mut v = [0.0; 6];
    v[i] = 1.0;
    for n in 0..step.grid.steps {
        let (mut next, mut out) = ([0.0; 3], [0.0; 6]);
        let xi = vec![0.0; 3 * step.noises()];
        let noise = surefoot::sampler::StepNoise { xi: &xi, ..Default::default() };
        step.advance_tangent(n, &[0.0; 3], noise, &v, &mut next, &mut out);
        v[..3].copy_from_slice(&out[..3]);
    }
    v[i]
}

#[test]
fn both_forms_agree_within_sampling_error() {
    let moons = Data::TWO_MOONS.score(0.3).unwrap();
    for level in [0.0, 1.0] {
        let grid = Grid::uniform(0.8, 0.15, 40);
        let forcing = vec![error(smooth(2), Place::Score, 1.0)];
        let step = Step::new(diffusion(moons.clone(), VP, level), grid, Method::Euler, forcing).unwrap();
        let law = Gaussian::isotropic(2, 1.0);
        let samples = 20_000;
        let run = forward_density(&step, &batch(&law, samples), Keep::default(), &law).unwrap();
        let density = run.density.unwrap();
        for of in [
            |x: &[f64]| [x[0], 1.0, 0.0],
            |x: &[f64]| [x[0] * x[1], x[1], x[0]],
            |x: &[f64]| [x[1].powi(3), 0.0, 3.0 * x[1] * x[1]],
        ] {
            let seen: Vec<[f64; 3]> = run.end.chunks_exact(2).map(of).collect();
            let values: Vec<f64> = seen.iter().map(|s| s[0]).collect();
            let gradient: Vec<f64> = seen.iter().flat_map(|s| [s[1], s[2]]).collect();
            let forms = Forms::of(&values, &slopes(2, &gradient, &run.displacement, 1), &density.response);
            println!("η {level}: {forms:?}");
            assert!(forms.difference.pull().unwrap() < 4.0);
            assert!(forms.path.pull().unwrap() > 5.0, "too little to see");
        }
    }
}

#[test]
fn likelihood_of_a_gaussian_flow_is_that_of_its_gaussian() {
    let field = Data::Gaussian { variances: vec![1.0, 0.25, 0.05] }.score(0.0).unwrap();
    let grid = Grid::uniform(0.8, 0.01, 50);
    let law = Gaussian::isotropic(3, 0.9);
    for method in [Method::Euler, Method::Heun, Method::Rk4] {
        let step = Step::new(diffusion(field.clone(), VP, 0.0), grid, method, Vec::new()).unwrap();
        let found = log_likelihood(&step, &batch(&law, 7), &law, Formula::Discrete).unwrap();
        let forced = Step::new(
            diffusion(field.clone(), VP, 0.0),
            grid,
            method,
            vec![error(smooth(3), Place::Drift, 1.0)],
        );
        let deviations: Vec<f64> = (0..3).map(|i| 0.9 * factor(forced.as_ref().unwrap(), i).abs()).collect();
        let squares: Vec<f64> = deviations.iter().map(|d| d * d).collect();
        let end = Gaussian::new(&squares);
        for (x, log) in found.end.chunks_exact(3).zip(&found.log_density) {
            let expected = end.log_density(x);
            assert!((log - expected).abs() < 1e-11, "{method:?}: {log} {expected}");
            let bits = bits_per_dim(*log, 3);
            assert!((bits + expected / 3.0 * std::f64::consts::LOG2_E).abs() < 1e-11);
        }
        assert!(found.standard_error.iter().all(|e| *e == 0.0));
    }
}

/// Noised mixtures flow into one another: the likelihood of the ODE ends at the mixture's own, up to the step size.
#[test]
fn likelihood_of_a_mixture_converges_to_the_mixture() {
    let data = Data::EightGaussians { radius: 2.0, variance: 0.09 };
    let field = data.score(0.0).unwrap();
    let (start, finish) = (0.5, 0.05);
    let drift = diffusion(field.clone(), VP, 0.0);
    let noised = |u: f64| {
        let at = drift.moment(u);
        let centres = (0..8).flat_map(|j| {
            let (sin, cos) = (f64::from(j) * std::f64::consts::FRAC_PI_4).sin_cos();
            [2.0 * at.signal * cos, 2.0 * at.signal * sin]
        });
        Mixture::new(2, centres.collect(), at.signal.powi(2) * 0.09 + at.noise.powi(2))
    };
    let (source, target) = (noised(start), noised(finish));
    let worst = |formula: Formula, steps: usize| {
        let grid = Grid::uniform(start, finish, steps);
        let step = Step::new(drift.clone(), grid, Method::Heun, Vec::new()).unwrap();
        let found = log_likelihood(&step, &batch(&source, 30), &source, formula).unwrap();
        let rows = found.end.chunks_exact(2).zip(&found.log_density);
        rows.map(|(x, log)| (log - target.log_density(x)).abs()).fold(0.0, f64::max)
    };
    for formula in [Formula::Discrete, Formula::ContinuousExact] {
        let (coarse, fine) = (worst(formula, 100), worst(formula, 200));
        println!("{formula:?}: {coarse:e} {fine:e}");
        assert!(coarse < 2e-2 && (coarse / fine - 4.0).abs() < 0.6, "{formula:?}: {coarse:e} {fine:e}");
    }
    // The density from the score alone is the mixture's.
    for (u, law) in [(start, &source), (finish, &target)] {
        let from_score = NoisedDensity { score: field.clone(), at: drift.moment(u) };
        for x in [[0.0, 0.0], [1.3, -0.4], [-2.1, 1.9], [5.0, 0.3]] {
            let (found, expected) = (from_score.log_density(&x), law.log_density(&x));
            assert!(
                (found - expected).abs() < 1e-9 * (1.0 + expected.abs()),
                "u {u} {x:?}: {found} {expected}"
            );
        }
    }
}

#[test]
fn laws_know_their_score() {
    let laws: [Arc<dyn Law>; 2] = [
        Arc::new(Gaussian::new(&[1.0, 0.3])),
        Arc::new(Mixture::new(2, vec![1.0, 0.0, -0.5, 0.7, 0.2, -1.0], 0.2)),
    ];
    for law in laws {
        let density = law.density().unwrap();
        for x in [[0.3, -0.4], [1.5, 0.2], [-30.0, 2.0]] {
            let mut s = [0.0; 2];
            density.score(&x, &mut s);
            for i in 0..2 {
                let moved = |h: f64| {
                    let mut x = x;
                    x[i] += h;
                    density.log_density(&x)
                };
                let h = 1e-3;
                let slope = (8.0 * (moved(h) - moved(-h)) - (moved(2.0 * h) - moved(-2.0 * h))) / (12.0 * h);
                assert!((s[i] - slope).abs() < 1e-8 * (1.0 + slope.abs()), "{s:?} {slope}");
            }
        }
    }
    assert!(Arc::new(Gaussian::new(&[1.0, 0.0])).density().is_none());
}

/// Known marginals at large and small noise: a circle's density is Rice's, here by plain sums over the circle.
#[test]
fn density_from_the_score_of_a_curve() {
    let score = Data::Circle { radius: 1.5 }.score(0.0).unwrap();
    for (m, sigma) in [(0.02, 1.0), (0.7, 0.7), (1.0, 0.2)] {
        let density =
            NoisedDensity { score: score.clone(), at: Moment { time: 0.0, signal: m, noise: sigma } };
        for x in [[0.0, 0.0], [1.5 * m, 0.1], [2.0 * m + sigma, -sigma]] {
            let sum: f64 = (0..4000)
                .map(|j| {
                    let (sin, cos) = (std::f64::consts::TAU * f64::from(j) / 4000.0).sin_cos();
                    let square = (x[0] - m * 1.5 * cos).powi(2) + (x[1] - m * 1.5 * sin).powi(2);
                    (-0.5 * square / (sigma * sigma)).exp()
                })
                .sum();
            let expected = (sum / 4000.0 / (std::f64::consts::TAU * sigma * sigma)).ln();
            let found = density.log_density(&x);
            assert!(
                (found - expected).abs() < 1e-9 * (1.0 + expected.abs()),
                "{m} {sigma} {x:?}: {found} {expected}"
            );
        }
    }
}

#[test]
fn hutchinson_agrees_within_its_standard_error() {
    let dim = 20;
    let step =
        Step::new(flow(Arc::new(Swirl(dim))), Grid::uniform(0.0, 1.0, 8), Method::Heun, Vec::new()).unwrap();
    let law = Gaussian::isotropic(dim, 1.0);
    let run = |formula| log_likelihood(&step, &batch(&law, 60), &law, formula).unwrap();
    let exact = run(Formula::ContinuousExact);
    let estimated = run(Formula::standard(dim, 40));
    assert_eq!(exact.end, estimated.end);
    let pulls: Vec<f64> = (0..60)
        .map(|i| (estimated.log_density[i] - exact.log_density[i]) / estimated.standard_error[i])
        .collect();
    let spread = pulls.iter().map(|z| z * z).sum::<f64>() / 60.0;
    assert!((0.5..1.8).contains(&spread), "{spread}");
    assert!(Estimate::of(pulls.into_iter()).mean.abs() < 0.5);
    // A part of the batch has the same numbers.
    let part = Batch { source: &law, seed: 5, samples: 10..13, refinement: Refinement::Own };
    let Likelihood { log_density, .. } =
        log_likelihood(&step, &part, &law, Formula::standard(dim, 40)).unwrap();
    assert_eq!(log_density, estimated.log_density[10..13]);
}

#[test]
fn what_has_no_likelihood_is_refused() {
    let step = Step::new(
        diffusion(Arc::new(Swirl(2)), VP, 1.0),
        Grid::uniform(0.5, 0.1, 4),
        Method::Euler,
        Vec::new(),
    )
    .unwrap();
    let law = Gaussian::isotropic(2, 1.0);
    for formula in [Formula::Discrete, Formula::ContinuousExact] {
        let refused = log_likelihood(&step, &batch(&law, 1), &law, formula).unwrap_err().to_string();
        assert!(refused.contains("noise level 1"), "{refused}");
    }
    let step = bent(2, Method::Euler, 3);
    let one = Formula::ContinuousHutchinson { probes: 1 };
    assert!(log_likelihood(&step, &batch(&law, 1), &law, one).unwrap_err().to_string().contains("2 probes"));
}

/// A batch of one, one step, and the numbers of a batch of many.
#[test]
fn a_sample_does_not_see_its_batch() {
    let law = Gaussian::isotropic(2, 1.0);
    let step = bent(2, Method::Heun, 1);
    let all = forward_density(&step, &batch(&law, 9), Keep::default(), &law).unwrap();
    let alone = Batch { source: &law, seed: 5, samples: 4..5, refinement: Refinement::Own };
    let one = forward_density(&step, &alone, Keep::default(), &law).unwrap();
    let (all, one) = (all.density.unwrap(), one.density.unwrap());
    assert_eq!(one.response, all.response[8..10]);
    assert_eq!(one.score, all.score[8..10]);
    assert_eq!(one.log_source, all.log_source[4..5]);
}

/// Frames, displacements and growth are those of the plain sweep.
#[test]
fn carrying_the_density_changes_nothing_else() -> Result<()> {
    let law = Gaussian::isotropic(2, 1.0);
    let step = bent(2, Method::Rk4, 12);
    let keep = Keep { chain: true, determinants: true, ..Keep::default() };
    let (plain, carried) =
        (forward(&step, &batch(&law, 9), 2, keep)?, forward_density(&step, &batch(&law, 9), keep, &law)?);
    assert_eq!(plain.end, carried.end);
    let close = |a: &[f64], b: &[f64]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-13 * (1.0 + a.abs()));
    assert!(close(&plain.displacement, &carried.displacement));
    assert!(close(&plain.log_growth, &carried.log_growth) && close(&plain.log_det, &carried.log_det));
    assert!(
        close(&plain.end_frame, &carried.end_frame) && close(&plain.chain.factors, &carried.chain.factors)
    );
    Ok(())
}

/// Gradients of all observables against differences of their values; the distance inside and outside its supports.
#[test]
fn observables_know_their_gradients() {
    use surefoot_graph::{Graph, Limits};
    let read = |name: &str| {
        let file = format!("{}/tests/constraints/{name}.onnx", env!("CARGO_MANIFEST_DIR"));
        ScalarNetwork::new(&Graph::read_function(file, &Limits::default()).unwrap())
    };
    let ellipse = Arc::new(read("ellipse").unwrap());
    let list = [
        Observable::Coordinate(1),
        Observable::Product(0, 0),
        Observable::Product(1, 0),
        Observable::Distance,
        Observable::Function { name: "ellipse.onnx".into(), function: ellipse },
    ];
    let disc = Shape::Disc { centre: [0.0, 0.0], radius: 1.0 };
    let strip = Shape::TwoMoons { scale: 1.0, shift: 0.0, strip: 0.2 };
    for (shape, full) in [(Shape::Circle { radius: 1.0 }, false), (disc, true), (strip, false)] {
        let support = shape.build().unwrap();
        let x = [0.3, -0.4, 1.7, 0.9, -1.1, 0.2, 0.9, 1.3];
        let seen = |observable: &Observable, x: &[f64]| {
            observable.evaluate(2, x, &Feet { feet: &support.project_batch(x), full })
        };
        for observable in &list {
            let here = seen(observable, &x);
            for i in 0..2 {
                let moved = |h: f64| {
                    let x: Vec<f64> =
                        x.iter().enumerate().map(|(j, x)| if j % 2 == i { x + h } else { *x }).collect();
                    seen(observable, &x).value
                };
                let h = 1e-5;
                for (sample, (up, down)) in moved(h).iter().zip(moved(-h)).enumerate() {
                    let (found, expected) = (here.gradient[2 * sample + i], (up - down) / (2.0 * h));
                    let name = observable.name();
                    assert!((found - expected).abs() < 1e-9, "{shape:?} {name} {sample}: {found} {expected}");
                }
            }
        }
    }
    for (name, word) in [("timed", "inputs"), ("clifford", "output")] {
        let refused = read(name).err().unwrap().to_string();
        assert!(refused.contains("one number a sample") && refused.contains(word), "{refused}");
    }
}
