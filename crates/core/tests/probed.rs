//! Score and response by probes against the exact form, closed forms and the path form (theory §7).

mod common;

use common::{GaussianScore, LINEAR, Swirl, diffusion, flow};
use std::sync::Arc;
use surefoot::Error;
use surefoot::error_field::{Chi, ConstantField, ModelError, Place, SmoothField};
use surefoot::field::{Field, FiniteDifference, Mixture, Moment, NetworkField, SharedField};
use surefoot::law::{Gaussian, Law};
use surefoot::process::{Drift, Family, Grid, Noising, Predicts};
use surefoot::response::Forms;
use surefoot::sampler::{Method, Step};
use surefoot::sweep::{Batch, Keep, PathDensity, Probes, Refinement, forward_density, forward_probed};
use surefoot_graph::{Graph, Limits, Precision};

const VP: Noising = Noising { family: Family::Vp, schedule: LINEAR };

fn batch(source: &dyn Law, samples: std::ops::Range<usize>) -> Batch<'_> {
    Batch { source, seed: 5, samples, refinement: Refinement::Own }
}

fn errors(dim: usize, place: Place) -> Vec<ModelError> {
    let smooth = SmoothField::new(dim, 1.5, Some(0.7), 4, 0).unwrap();
    let chis = [
        Chi::Field { field: Arc::new(smooth), scale: 0.8 },
        Chi::White,
        Chi::Field { field: Arc::new(ConstantField::new(&vec![1.0; dim]).unwrap()), scale: 1.0 },
    ];
    chis.into_iter().map(|chi| ModelError { chi, place, size: 1.0 }).collect()
}

/// Every method and parametrisation, with and without noise and an error of the model's own.
fn steps(dim: usize) -> Vec<(String, Step)> {
    let corrector = Method::PredictorCorrector { corrector: 0.1 };
    let mut all = Vec::new();
    for (method, level, predicts) in [
        (Method::Euler, 1.0, Predicts::Score),
        (Method::Heun, 0.0, Predicts::Noise),
        (Method::Heun, 0.7, Predicts::V),
        (Method::Rk4, 0.0, Predicts::Denoised),
        (Method::Ancestral, 1.0, Predicts::Noise),
        (Method::Ddim, 0.4, Predicts::Score),
        (corrector, 0.0, Predicts::Denoised),
        (corrector, 1.0, Predicts::Score),
    ] {
        for own in [false, true] {
            let mut drift = diffusion(Arc::new(Swirl(dim)), VP, level);
            drift.predicts = predicts;
            drift.error = own.then(|| ModelError { size: 0.3, ..errors(dim, Place::Drift)[0].clone() });
            let grid = Grid::uniform(0.4, 0.3, 5);
            let name = format!("{method:?} η={level} {predicts:?} own error {own}");
            all.push((name, Step::new(drift, grid, method, errors(dim, Place::Score)).unwrap()));
        }
    }
    for method in [Method::Euler, Method::Heun, Method::Rk4] {
        let grid = Grid::uniform(0.0, 1.0, 6);
        let step = Step::new(flow(Arc::new(Swirl(dim))), grid, method, errors(dim, Place::Output)).unwrap();
        all.push((format!("flow {method:?}"), step));
    }
    all
}

/// Largest difference over the largest number.
fn gap(found: &[f64], expected: &[f64]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let largest = |values: Vec<f64>| values.into_iter().fold(0.0, |m: f64, v| m.max(v.abs()));
    let gaps = found.iter().zip(expected).map(|(a, b)| a - b).collect();
    largest(gaps) / largest(expected.to_vec()).max(1e-300)
}

fn probed(step: &Step, samples: usize, k: usize, law: &Gaussian, probes: Probes) -> PathDensity {
    forward_probed(step, &batch(law, 0..samples), k, Keep::default(), law, probes).unwrap().density.unwrap()
}

fn exact(step: &Step, samples: usize, law: &Gaussian) -> PathDensity {
    forward_density(step, &batch(law, 0..samples), Keep::default(), law).unwrap().density.unwrap()
}

#[test]
fn unit_vectors_are_exact_for_every_method() {
    for (dim, samples) in [(1, 1), (2, 3), (5, 2)] {
        let law = Gaussian::isotropic(dim, 0.8);
        for (name, step) in steps(dim) {
            let pairs = exact(&step, samples, &law);
            for k in [dim, dim - 1, 0] {
                let found = probed(&step, samples, k, &law, Probes::Units);
                let tolerance = if k == dim { 1e-11 } else { 1e-7 };
                let (score, response) =
                    (gap(&found.score, &pairs.score), gap(&found.response, &pairs.response));
                assert!(score < tolerance, "{name} D {dim} k {k}: score {score:e}");
                assert!(response < tolerance, "{name} D {dim} k {k}: response {response:e}");
                assert_eq!(found.log_source, pairs.log_source);
                assert!(found.score_error.is_empty() && found.response_error.is_empty());
            }
        }
    }
}

/// A curved exact score in eight dimensions.
fn mixture(dim: usize, method: Method, steps: usize) -> Step {
    let means: Vec<f64> = (0..3 * dim).map(|i| 1.2 * (2.4 * i as f64).sin()).collect();
    let covariance = |scale: f64| (0..dim * dim).map(move |i| if i % (dim + 1) == 0 { scale } else { 0.0 });
    let covariances: Vec<f64> = [0.3, 0.5, 0.2].into_iter().flat_map(covariance).collect();
    let field = Mixture::new(dim, &[1.0, 2.0, 1.5], &means, &covariances, 0.0).unwrap();
    let grid = Grid::uniform(0.7, 0.05, steps);
    Step::new(diffusion(Arc::new(field), VP, 0.0), grid, method, errors(dim, Place::Score)).unwrap()
}

#[test]
fn random_signs_scatter_about_the_exact_form_by_their_standard_error() {
    let (dim, samples, count) = (8, 150, 40);
    let law = Gaussian::isotropic(dim, 1.0);
    for (method, steps) in [(Method::Euler, 25), (Method::Heun, 12), (Method::Rk4, 6)] {
        let step = mixture(dim, method, steps);
        let pairs = exact(&step, samples, &law);
        let units = probed(&step, samples, dim, &law, Probes::Units);
        assert!(gap(&units.score, &pairs.score) < 1e-10 && gap(&units.response, &pairs.response) < 1e-10);
        for k in [dim, 3] {
            let found = probed(&step, samples, k, &law, Probes::Signs { count });
            let pull = |found: &[f64], exact: &[f64], error: &[f64], width: usize, of: usize| -> [f64; 2] {
                let own =
                    |values: &[f64]| -> Vec<f64> { values.iter().skip(of).step_by(width).copied().collect() };
                let (found, exact, error) = (own(found), own(exact), own(error));
                let n = found.len() as f64;
                let pulls: Vec<f64> =
                    found.iter().zip(&exact).zip(&error).map(|((a, b), e)| (a - b) / e).collect();
                [pulls.iter().sum::<f64>() / n.sqrt(), (pulls.iter().map(|p| p * p).sum::<f64>() / n).sqrt()]
            };
            let mut seen = Vec::new();
            for i in 0..dim {
                seen.push(pull(&found.score, &pairs.score, &found.score_error, dim, i));
            }
            for e in [0, 1, 2] {
                seen.push(pull(&found.response, &pairs.response, &found.response_error, 3, e));
            }
            for [mean, width] in seen {
                assert!(mean.abs() < 4.5, "{method:?} k {k}: the mean is off by {mean} standard errors");
                assert!((0.8..1.25).contains(&width), "{method:?} k {k}: pulls of width {width}");
            }
        }
    }
}

#[test]
fn a_gaussian_in_twenty_dimensions_in_closed_form() {
    let dim = 20;
    let variances: Vec<f64> = (0..dim).map(|i| 0.05 + 0.1 * i as f64).collect();
    let constant: SharedField = Arc::new(ConstantField::new(&vec![1.0; dim]).unwrap());
    let error =
        ModelError { chi: Chi::Field { field: constant, scale: 1.0 }, place: Place::Score, size: 1.0 };
    let grid = Grid::uniform(0.8, 0.02, 30);
    for (method, level) in
        [(Method::Euler, 0.0), (Method::Heun, 0.0), (Method::Ddim, 0.0), (Method::Euler, 1.0)]
    {
        let field = Arc::new(GaussianScore(variances.clone()));
        let step = Step::new(diffusion(field, VP, level), grid, method, vec![error.clone()]).unwrap();
        let law = Gaussian::isotropic(dim, 0.9);
        for (k, probes) in
            [(dim, Probes::Signs { count: 2 }), (0, Probes::Signs { count: 3 }), (4, Probes::Units)]
        {
            let run = forward_probed(&step, &batch(&law, 0..6), k, Keep::default(), &law, probes).unwrap();
            let density = run.density.unwrap();
            // w_n = 0, so probes do not scatter.
            assert!(density.score_error.iter().chain(&density.response_error).all(|e| e.abs() < 1e-7));
            for (sample, found) in density.score.chunks_exact(dim).enumerate() {
                let zeta = &run.displacement[sample * dim..][..dim];
                let mut response = 0.0;
                for (i, found) in found.iter().enumerate() {
                    let factor = factor(&step, i);
                    let expected = -run.start[sample * dim + i] / (0.81 * factor);
                    assert!(
                        (found - expected).abs() < 1e-7 * (1.0 + expected.abs()),
                        "{method:?} k {k}: {found} {expected}"
                    );
                    response -= expected * zeta[i];
                }
                let found = density.response[sample];
                assert!((found - response).abs() < 1e-6 * (1.0 + response.abs()), "{found} {response}");
            }
        }
    }
}

/// dx_τ/dx_0 of coordinate i where steps are diagonal.
fn factor(step: &Step, i: usize) -> f64 {
    let dim = step.dim();
    let forcings = step.forcing.len();
    let mut v = vec![0.0; (1 + forcings) * dim];
    v[i] = 1.0;
    for n in 0..step.grid.steps {
        let (mut next, mut out) = (vec![0.0; dim], v.clone());
        let xi = vec![0.0; dim * step.noises()];
        let noise = surefoot::sampler::StepNoise { xi: &xi, ..Default::default() };
        step.advance_tangent(n, &vec![0.0; dim], noise, &v, &mut next, &mut out);
        v[..dim].copy_from_slice(&out[..dim]);
    }
    v[i]
}

/// In twenty dimensions, with noise of two probes a sample in the density form.
#[test]
fn both_forms_agree_within_their_standard_errors() {
    let (dim, samples) = (20, 4000);
    let law = Gaussian::isotropic(dim, 1.0);
    for (method, steps) in [(Method::Euler, 12), (Method::Heun, 6)] {
        let error = errors(dim, Place::Output).swap_remove(0);
        let grid = Grid::uniform(0.0, 1.0, steps);
        let step = Step::new(flow(Arc::new(Swirl(dim))), grid, method, vec![error]).unwrap();
        let signs = Probes::Signs { count: 2 };
        let run = forward_probed(&step, &batch(&law, 0..samples), 0, Keep::default(), &law, signs).unwrap();
        let density = run.density.unwrap();
        let total = density.response.iter().sum::<f64>() / samples as f64;
        let spread = density.response.iter().map(|r| r * r).sum::<f64>().sqrt() / samples as f64;
        assert!(total.abs() < 4.5 * spread, "probability is kept: {total} ± {spread}");
        for of in [
            |x: &[f64], zeta: &[f64]| [x[0], zeta[0]],
            |x: &[f64], zeta: &[f64]| [x[3] * x[3], 2.0 * x[3] * zeta[3]],
            |x: &[f64], zeta: &[f64]| [x[7] * x[8], x[7] * zeta[8] + x[8] * zeta[7]],
        ] {
            let rows = run.end.chunks_exact(dim).zip(run.displacement.chunks_exact(dim));
            let (values, slopes): (Vec<f64>, Vec<f64>) =
                rows.map(|(x, zeta)| of(x, zeta)).map(|[value, slope]| (value, slope)).unzip();
            let forms = Forms::of(&values, &slopes, &density.response);
            let pull = forms.difference.mean / forms.difference.standard_error.unwrap();
            assert!(pull.abs() < 4.5, "{method:?}: {forms:?}");
        }
    }
}

fn network(name: &str, precision: Precision) -> Drift {
    let file = format!("{}/../../{name}", env!("CARGO_MANIFEST_DIR"));
    flow(Arc::new(NetworkField::new(&Graph::read(file, &Limits::default()).unwrap(), precision).unwrap()))
}

#[test]
fn networks_agree_with_their_exact_form() {
    for (name, precision, tolerance) in [
        ("models/moons-cfm.onnx", Precision::F64, 1e-9_f64),
        ("models/moons-cfm.onnx", Precision::F32, 1e-3),
        ("bench/data/w1b.onnx", Precision::F64, 1e-9),
        ("bench/data/w1b.onnx", Precision::F32, 1e-3),
    ] {
        let drift = network(name, precision);
        let dim = drift.field.dim();
        let grid = Grid::uniform(0.0, 1.0, if dim == 2 { 20 } else { 3 });
        let error = errors(dim, Place::Output).swap_remove(0);
        for method in [Method::Euler, Method::Heun] {
            let step = Step::new(drift.clone(), grid, method, vec![error.clone()]).unwrap();
            let law = Gaussian::isotropic(dim, 1.0);
            let pairs = exact(&step, 2, &law);
            for k in [dim, 1] {
                let found = probed(&step, 2, k, &law, Probes::Units);
                let (score, response) =
                    (gap(&found.score, &pairs.score), gap(&found.response, &pairs.response));
                let tolerance = if k == dim { tolerance } else { tolerance.max(1e-6) };
                assert!(score < tolerance, "{name} {precision:?} {method:?} k {k}: {score:e}");
                assert!(response < tolerance, "{name} {precision:?} {method:?} k {k}: {response:e}");
            }
        }
    }
}

#[test]
fn a_sample_does_not_see_its_batch() {
    let dim = 3;
    let law = Gaussian::isotropic(dim, 0.8);
    for (name, step) in steps(dim) {
        for k in [dim, 0] {
            let of = |samples| {
                let signs = Probes::Signs { count: 2 };
                let run = forward_probed(&step, &batch(&law, samples), k, Keep::default(), &law, signs);
                run.unwrap().density.unwrap()
            };
            let (all, one) = (of(0..4), of(2..3));
            assert_eq!(one.score, all.score[2 * dim..3 * dim], "{name} k {k}");
            assert_eq!(one.score_error, all.score_error[2 * dim..3 * dim], "{name} k {k}");
            assert_eq!(one.response, all.response[6..9], "{name} k {k}");
            assert_eq!(one.response_error, all.response_error[6..9], "{name} k {k}");
        }
    }
}

/// y = −x in the first coordinate: a step of length 1 loses it.
struct Collapse;

impl Field for Collapse {
    fn dim(&self) -> usize {
        2
    }
    fn eval(&self, _: Moment, x: &[f64], y: &mut [f64]) {
        y.iter_mut().zip(x).enumerate().for_each(|(i, (y, x))| *y = if i % 2 == 0 { -x } else { 0.0 });
    }
    fn tangents(&self, at: Moment, x: &[f64], v: &[f64], y: &mut [f64], jv: &mut [f64]) {
        self.eval(at, x, y);
        self.eval(at, v, jv);
    }
    fn adjoint(&self, at: Moment, x: &[f64], u: &[f64], y: &mut [f64], uj: &mut [f64]) {
        self.tangents(at, x, u, y, uj);
    }
    fn second_adjoint(
        &self,
        at: Moment,
        x: &[f64],
        _v: &[f64],
        _u: &[f64],
        y: &mut [f64],
        out: &mut [f64],
    ) -> surefoot::Result<()> {
        self.eval(at, x, y);
        out.fill(0.0);
        Ok(())
    }
}

#[test]
fn what_cannot_be_had_is_refused() {
    let law = Gaussian::isotropic(2, 1.0);
    let run = |field: SharedField, probes: Probes| {
        let grid = Grid::uniform(0.0, 1.0, 1);
        let step = Step::new(flow(field), grid, Method::Euler, Vec::new()).unwrap();
        forward_probed(&step, &batch(&law, 7..9), 0, Keep::default(), &law, probes)
    };
    let one = run(Arc::new(Swirl(2)), Probes::Signs { count: 1 }).unwrap_err();
    assert!(one.to_string().contains("at least 2 probes"), "{one}");
    let differences = FiniteDifference::new(Arc::new(Swirl(2)), 1e-5).unwrap();
    let refused = run(Arc::new(differences), Probes::Signs { count: 2 }).unwrap_err();
    assert!(refused.to_string().contains("second-order"), "{refused}");
    let singular = run(Arc::new(Collapse), Probes::Signs { count: 2 }).unwrap_err();
    assert!(matches!(singular, Error::Unsolved { sample: 7, step: 0, .. }), "{singular}");
    let none = {
        let grid = Grid::uniform(0.0, 1.0, 3);
        let step = Step::new(flow(Arc::new(Swirl(2))), grid, Method::Heun, errors(2, Place::Drift)).unwrap();
        forward_probed(&step, &batch(&law, 4..4), 1, Keep::default(), &law, Probes::Units).unwrap()
    };
    assert!(none.density.unwrap().score.is_empty());
}
