//! Steps of every method: tangents, adjoints, forced rows, errors and their refusals (theory §2–§4).

mod common;

use common::{LINEAR, Swirl, diffusion, flow, noisings};
use std::sync::Arc;
use surefoot::error_field::{Chi, ConstantField, ModelError, Place, SmoothField};
use surefoot::field::{Field, Moment, SharedField};
use surefoot::process::{Clock, DifferenceField, Drift, Family, Grid, Noising, Predicts, Process, Schedule};
use surefoot::random::{Purpose, standard_normal, stream};
use surefoot::sampler::{Method, Step, StepNoise};

const VP: Noising = Noising { family: Family::Vp, schedule: LINEAR };
const METHODS: [(Method, f64); 9] = [
    (Method::Euler, 0.0),
    (Method::Euler, 1.0),
    (Method::Heun, 0.0),
    (Method::Heun, 0.7),
    (Method::Rk4, 0.0),
    (Method::Ancestral, 1.0),
    (Method::Ddim, 0.4),
    (Method::PredictorCorrector { corrector: 0.1 }, 0.0),
    (Method::PredictorCorrector { corrector: 0.1 }, 1.0),
];
const PARAMETRISATIONS: [Predicts; 4] = [Predicts::Score, Predicts::Noise, Predicts::Denoised, Predicts::V];

fn random(index: u64, len: usize) -> Vec<f64> {
    let mut values = vec![0.0; len];
    standard_normal(&mut stream(3, index, Purpose::Reference), &mut values);
    values
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn smooth(dim: usize) -> SharedField {
    Arc::new(SmoothField::new(dim, 1.5, Some(0.5), 4, 0).unwrap())
}

fn error(field: SharedField, place: Place, size: f64) -> ModelError {
    ModelError { chi: Chi::Field { field, scale: 0.8 }, place, size }
}

/// A drift of each parametrisation for each method, with and without an error of its own.
fn steps(dim: usize, forcing: &[ModelError]) -> Vec<(String, Step)> {
    let grid = Grid::uniform(0.4, 0.3, 12);
    let mut steps = Vec::new();
    for (method, level) in METHODS {
        for predicts in PARAMETRISATIONS {
            for place in [None, Some(Place::Output), Some(Place::Score), Some(Place::Drift)] {
                let mut drift = diffusion(Arc::new(Swirl(dim)), VP, level);
                drift.predicts = predicts;
                drift.error = place.map(|place| error(smooth(dim), place, 0.3));
                let name = format!("{method:?} η={level} {predicts:?} error {place:?}");
                steps.push((name, Step::new(drift, grid, method, forcing.to_vec()).unwrap()));
            }
        }
    }
    let grid = Grid::uniform(0.0, 1.0, 9);
    for method in [Method::Euler, Method::Heun, Method::Rk4] {
        if forcing.iter().all(|error| error.place != Place::Score) {
            let step = Step::new(flow(Arc::new(Swirl(dim))), grid, method, forcing.to_vec()).unwrap();
            steps.push((format!("flow {method:?}"), step));
        }
    }
    steps
}

#[test]
fn adjoint_and_tangent_agree() {
    let (n, rows) = (3, 2);
    for dim in [1, 2, 5] {
        for (name, step) in steps(dim, &[]) {
            let (x, xi) = (random(1, n * dim), random(2, n * dim * step.noises()));
            let noise = StepNoise { xi: &xi, ..StepNoise::default() };
            let (v, u) = (random(3, n * rows * dim), random(4, n * rows * dim));
            let (mut next, mut value) = (vec![0.0; n * dim], vec![0.0; n * dim]);
            let (mut av, mut ua) = (v.clone(), u.clone());
            step.advance_tangent(5, &x, noise, &v, &mut next, &mut av);
            step.advance_adjoint(5, &x, noise, &u, &mut ua);
            step.advance(5, &x, noise, &mut value);
            assert_eq!(next, value, "{name}");
            let (forward, backward) = (dot(&u, &av), dot(&ua, &v));
            assert!(
                (forward - backward).abs() < 1e-12 * (1.0 + forward.abs()),
                "{name}: {forward} {backward}"
            );
        }
    }
}

#[test]
fn tangents_are_derivatives_of_the_discrete_step() {
    let (dim, h) = (3, 1e-5);
    for (name, step) in steps(dim, &[]) {
        let (x, v, xi) = (random(1, dim), random(2, dim), random(3, dim * step.noises()));
        let noise = StepNoise { xi: &xi, ..StepNoise::default() };
        let (mut next, mut av) = (vec![0.0; dim], vec![0.0; dim]);
        step.advance_tangent(4, &x, noise, &v, &mut next, &mut av);
        let moved = |sign: f64| {
            let x: Vec<f64> = x.iter().zip(&v).map(|(x, v)| x + sign * h * v).collect();
            let mut next = vec![0.0; dim];
            step.advance(4, &x, noise, &mut next);
            next
        };
        for ((up, down), av) in moved(1.0).iter().zip(moved(-1.0)).zip(av) {
            assert!(((up - down) / (2.0 * h) - av).abs() < 1e-8, "{name}");
        }
    }
}

/// ζ along a whole generation against (x^ε − x^{−ε})/2ε on common noise, whose difference must fall as ε².
#[test]
fn forced_rows_are_derivatives_of_perturbed_twins() {
    let dim = 2;
    for place in [Place::Output, Place::Score, Place::Drift] {
        let chis = [
            Chi::Field { field: smooth(dim), scale: 0.8 },
            Chi::Field { field: Arc::new(ConstantField::new(&[1.0, -2.0]).unwrap()), scale: 1.0 },
            Chi::White,
        ];
        let forcing: Vec<ModelError> =
            chis.into_iter().map(|chi| ModelError { chi, place, size: f64::MAX }).collect();
        for (name, step) in steps(dim, &forcing) {
            if step.drift.error.is_some() {
                continue;
            }
            let zeta = generate(&step, forcing.len()).1;
            for (e, forcing) in forcing.iter().enumerate() {
                let difference = |size: f64| -> Vec<f64> {
                    let twin = |size: f64| {
                        let drift = Drift {
                            error: Some(ModelError { size, ..forcing.clone() }),
                            ..step.drift.clone()
                        };
                        let twin = Step::new(drift, step.grid, step.method, Vec::new()).unwrap();
                        generate(&twin, 0).0
                    };
                    let (up, down) = (twin(size), twin(-size));
                    up.iter().zip(down).map(|(up, down)| (up - down) / (2.0 * size)).collect()
                };
                let zeta = &zeta[e * dim..][..dim];
                let distance = |size: f64| {
                    difference(size).iter().zip(zeta).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
                };
                let (far, near) = (distance(2e-4), distance(1e-4));
                let scale = 1.0 + dot(zeta, zeta).sqrt();
                assert!(far < 1e-3 * scale, "{name} {place:?} forcing {e}: {far:e} of {scale}");
                let quadratic = (near / far - 0.25).abs() < 0.02 || far < 1e-7 * scale;
                assert!(quadratic, "{name} {place:?} forcing {e}: {far:e} {near:e}");
            }
        }
    }
}

/// End state and forced rows of one path with fixed noise.
fn generate(step: &Step, forcings: usize) -> (Vec<f64>, Vec<f64>) {
    let dim = step.dim();
    let (mut x, mut zeta) = (random(10, dim), vec![0.0; forcings * dim]);
    for n in 0..step.grid.steps {
        let xi = random(20 + n as u64, dim * step.noises());
        let white = random(60 + n as u64, dim);
        let noise = StepNoise { xi: &xi, white: &white, ..StepNoise::default() };
        let (mut next, mut zeta_next) = (x.clone(), zeta.clone());
        step.advance_tangent(n, &x, noise, &zeta, &mut next, &mut zeta_next);
        (x, zeta) = (next, zeta_next);
    }
    (x, zeta)
}

#[test]
fn an_error_of_size_zero_changes_no_bit() {
    for (method, level) in METHODS {
        for place in [Place::Output, Place::Score, Place::Drift] {
            let drift = diffusion(Arc::new(Swirl(2)), VP, level);
            let twin = Drift { error: Some(error(smooth(2), place, 0.0)), ..drift.clone() };
            let grid = Grid::uniform(0.9, 0.3, 12);
            let ends =
                [drift, twin].map(|drift| generate(&Step::new(drift, grid, method, vec![]).unwrap(), 0).0);
            assert_eq!(ends[0], ends[1]);
        }
    }
}

/// A score error enters the Euler step as δt ½(1+η²)g², a drift error as δt, an output error with the conversion.
#[test]
fn places_have_the_factors_of_the_theory() {
    let grid = Grid::uniform(0.9, 0.3, 12);
    let chi = Chi::Field { field: Arc::new(ConstantField::new(&[1.0, 0.5]).unwrap()), scale: 1.0 };
    for noising in noisings() {
        for level in [0.0, 1.0, 0.5] {
            let noise_gain = 0.5 * (1.0 + level * level) * noising.diffusion(0.9) * grid.dt(0);
            for (predicts, place, expected) in [
                (Predicts::Noise, Place::Drift, grid.dt(0)),
                (Predicts::Noise, Place::Score, noise_gain),
                (Predicts::Noise, Place::Output, -noise_gain / noising.noise(0.9)),
                (Predicts::Score, Place::Output, noise_gain),
            ] {
                let drift = Drift { predicts, ..diffusion(Arc::new(Swirl(2)), noising, level) };
                let error = ModelError { chi: chi.clone(), place, size: 1.0 };
                let step = Step::new(drift, grid, Method::Euler, vec![error]).unwrap();
                let xi = vec![0.0; 2 * step.noises()];
                let noise = StepNoise { xi: &xi, ..StepNoise::default() };
                let (mut next, mut b) = ([0.0; 2], [0.0; 2]);
                step.advance_tangent(0, &[0.3, 0.4], noise, &[0.0; 2], &mut next, &mut b);
                assert!((b[0] / expected - 1.0).abs() < 1e-13 && (b[1] / b[0] - 0.5).abs() < 1e-14);
            }
        }
    }
}

#[test]
fn ddim_at_full_noise_is_ancestral() {
    let grid = Grid::uniform(0.9, 0.2, 15);
    for noising in noisings() {
        let drift = diffusion(Arc::new(Swirl(3)), noising, 1.0);
        let [a, b] = [Method::Ancestral, Method::Ddim]
            .map(|method| generate(&Step::new(drift.clone(), grid, method, vec![]).unwrap(), 0).0);
        for (a, b) in a.iter().zip(b) {
            assert!((a - b).abs() < 1e-11 * (1.0 + a.abs()), "{noising:?}: {a} {b}");
        }
    }
}

/// Networks of different meanings that say the same thing generate the same samples.
struct Converted {
    score: Swirl,
    target: Predicts,
}

impl Field for Converted {
    fn dim(&self) -> usize {
        self.score.dim()
    }
    fn eval(&self, at: Moment, x: &[f64], y: &mut [f64]) {
        self.score.eval(at, x, y);
        let map = Predicts::Score.convert(self.target, at.signal, at.noise).unwrap();
        y.iter_mut().zip(x).for_each(|(y, x)| *y = map.state * x + map.output * *y);
    }
    fn tangents(&self, at: Moment, x: &[f64], v: &[f64], y: &mut [f64], jv: &mut [f64]) {
        self.score.tangents(at, x, v, y, jv);
        let map = Predicts::Score.convert(self.target, at.signal, at.noise).unwrap();
        jv.iter_mut().zip(v).for_each(|(jv, v)| *jv = map.state * v + map.output * *jv);
        self.eval(at, x, y);
    }
    fn adjoint(&self, at: Moment, x: &[f64], u: &[f64], y: &mut [f64], uj: &mut [f64]) {
        self.score.adjoint(at, x, u, y, uj);
        let map = Predicts::Score.convert(self.target, at.signal, at.noise).unwrap();
        uj.iter_mut().zip(u).for_each(|(uj, u)| *uj = map.state * u + map.output * *uj);
        self.eval(at, x, y);
    }
}

fn converted(predicts: Predicts, noising: Noising, level: f64) -> Drift {
    let field = Arc::new(Converted { score: Swirl(2), target: predicts });
    Drift { predicts, ..diffusion(field, noising, level) }
}

#[test]
fn parametrisations_generate_the_same_samples() {
    let grid = Grid::uniform(0.9, 0.2, 15);
    for noising in noisings() {
        for (method, level) in METHODS {
            let of = |predicts| {
                let step = Step::new(converted(predicts, noising, level), grid, method, vec![]).unwrap();
                generate(&step, 0).0
            };
            let reference = of(Predicts::Score);
            for predicts in PARAMETRISATIONS {
                for (a, b) in of(predicts).iter().zip(&reference) {
                    assert!((a - b).abs() < 1e-10 * (1.0 + b.abs()), "{noising:?} {predicts:?} {method:?}");
                }
            }
        }
    }
}

/// Adding the difference of two models to the first gives the second, wherever it is put and whatever they predict.
#[test]
fn the_difference_of_two_models_turns_one_into_the_other() {
    let grid = Grid::uniform(0.5, 0.3, 12);
    for (method, level) in METHODS {
        for place in [Place::Output, Place::Score, Place::Drift] {
            for predicts in PARAMETRISATIONS {
                let base = converted(Predicts::Noise, VP, level);
                let mut other = diffusion(Arc::new(Swirl(2)), VP, level);
                (other.predicts, other.clock) = (predicts, Clock::Affine { at_noise: 3.0, at_data: 1.0 });
                let field = Arc::new(DifferenceField::new(base.clone(), other.clone(), place).unwrap());
                let error = ModelError { chi: Chi::Field { field, scale: 1.0 }, place, size: 1.0 };
                let twin = Drift { error: Some(error), ..base };
                let [a, b] = [twin, other]
                    .map(|drift| generate(&Step::new(drift, grid, method, vec![]).unwrap(), 0).0);
                for (a, b) in a.iter().zip(b) {
                    assert!(
                        (a - b).abs() < 1e-10 * (1.0 + b.abs()),
                        "{method:?} {place:?} {predicts:?}: {a} {b}"
                    );
                }
            }
        }
    }
    let same = flow(Arc::new(Swirl(2)));
    let zero = DifferenceField::new(same.clone(), same.clone(), Place::Output).unwrap();
    let mut y = [1.0; 2];
    zero.eval(same.error_moment(0.3), &[0.2, 0.7], &mut y);
    assert_eq!(y, [0.0; 2]);
    let score = diffusion(Arc::new(Swirl(2)), VP, 0.0);
    assert!(DifferenceField::new(same, score, Place::Output).is_err());
}

#[test]
fn error_fields_have_exact_derivatives() {
    let (dim, n, rows, h) = (3, 2, 2, 1e-5);
    let base = converted(Predicts::Noise, VP, 0.0);
    let other = diffusion(Arc::new(Swirl(2)), VP, 0.0);
    let fields: [SharedField; 3] = [
        smooth(dim),
        Arc::new(ConstantField::new(&[0.0, 2.0, 1.0]).unwrap()),
        Arc::new(DifferenceField::new(base.clone(), other, Place::Score).unwrap()),
    ];
    for field in fields {
        let dim = field.dim();
        let at = base.error_moment(0.6);
        let (x, v, u) = (random(1, n * dim), random(2, n * rows * dim), random(3, n * rows * dim));
        let (mut y, mut jv, mut uj) = (x.clone(), v.clone(), u.clone());
        field.tangents(at, &x, &v, &mut y, &mut jv);
        field.adjoint(at, &x, &u, &mut y, &mut uj);
        assert!((dot(&u, &jv) - dot(&uj, &v)).abs() < 1e-12);
        for sample in 0..n {
            let own = &x[sample * dim..][..dim];
            for row in sample * rows..(sample + 1) * rows {
                let moved = |sign: f64| {
                    let x: Vec<f64> =
                        own.iter().zip(&v[row * dim..]).map(|(x, v)| x + sign * h * v).collect();
                    let mut y = vec![0.0; dim];
                    field.eval(at, &x, &mut y);
                    y
                };
                for (i, (up, down)) in moved(1.0).iter().zip(moved(-1.0)).enumerate() {
                    assert!(((up - down) / (2.0 * h) - jv[row * dim + i]).abs() < 1e-8);
                }
            }
        }
    }
}

#[test]
fn smooth_fields_have_the_stated_law() {
    let dim = 2;
    let (mut variance, mut covariance, mut other_time, count) = (0.0, 0.0, 0.0, 4000);
    for index in 0..count {
        let field = SmoothField::new(dim, 2.0, Some(0.5), 9, index).unwrap();
        let at = |time: f64| Moment { time, signal: 1.0, noise: 1.0 };
        let value = |time: f64, x: [f64; 2]| {
            let mut y = [0.0; 2];
            field.eval(at(time), &x, &mut y);
            y[1]
        };
        let here = value(0.2, [0.5, -1.0]);
        variance += here * here / count as f64;
        covariance += here * value(0.2, [1.5, 1.0]) / count as f64;
        other_time += here * value(0.7, [0.5, -1.0]) / count as f64;
    }
    // |x − x′|² = 5 at ℓ = 2, and |u − u′| = ℓ_u; standard errors are about 1.4/√4000 = 0.022.
    assert!((variance - 1.0).abs() < 0.09, "{variance}");
    assert!((covariance - (-5.0_f64 / 8.0).exp()).abs() < 0.09, "{covariance}");
    assert!((other_time - (-0.5_f64).exp()).abs() < 0.09, "{other_time}");
}

#[test]
fn impossible_combinations_are_refused() {
    let field: SharedField = Arc::new(Swirl(2));
    let good = diffusion(field.clone(), VP, 0.0);
    let grid = Grid::uniform(0.9, 0.1, 10);
    let step = |drift: &Drift, grid, method| Step::new(drift.clone(), grid, method, vec![]);
    assert!(step(&good, grid, Method::Euler).is_ok());
    for grid in [
        Grid { steps: 0, ..grid },
        Grid { steps: usize::MAX, ..grid },
        Grid { end: 0.0, ..grid },
        Grid { end: 0.95, ..grid },
        Grid { start: 1.5, ..grid },
        Grid { start: f64::NAN, ..grid },
        Grid { end: -0.1, ..grid },
    ] {
        assert!(step(&good, grid, Method::Euler).is_err(), "{grid:?}");
    }
    for schedule in [Schedule::Cosine, Schedule::CosineNd] {
        let cosine = diffusion(field.clone(), Noising { family: Family::Ou, schedule }, 0.0);
        assert!(step(&cosine, Grid { start: 1.0, ..grid }, Method::Euler).is_err());
    }
    for (family, schedule) in [
        (Family::Ve, LINEAR),
        (Family::Vp, common::GEOMETRIC),
        (Family::Vp, Schedule::Linear { min: -1.0, max: 2.0 }),
        (Family::Ou, Schedule::Linear { min: 0.0, max: 0.0 }),
        (Family::Ve, Schedule::Geometric { sigma_min: 0.0, sigma_max: 1.0 }),
        (Family::Ve, Schedule::Geometric { sigma_min: 2.0, sigma_max: 1.0 }),
    ] {
        assert!(diffusion(field.clone(), Noising { family, schedule }, 0.0).check().is_err());
    }
    for level in [-0.5, f64::NAN, f64::INFINITY] {
        assert!(diffusion(field.clone(), VP, level).check().is_err());
    }
    assert!(Drift { predicts: Predicts::Velocity, ..good.clone() }.check().is_err());
    assert!(Drift { process: Process::Flow, ..good.clone() }.check().is_err());
    assert!(Drift { clock: Clock::Index { count: 0 }, ..good.clone() }.check().is_err());
    assert!(
        Drift { clock: Clock::Affine { at_noise: f64::NAN, at_data: 0.0 }, ..good.clone() }.check().is_err()
    );
    let velocity = flow(field.clone());
    let unit = Grid::uniform(0.0, 1.0, 10);
    assert!(step(&velocity, Grid::uniform(1.0, 0.0, 10), Method::Euler).is_err());
    for method in [Method::Ancestral, Method::Ddim, Method::PredictorCorrector { corrector: 0.1 }] {
        assert!(step(&velocity, unit, method).is_err());
    }
    for (method, level) in [
        (Method::Rk4, 1.0),
        (Method::Ancestral, 0.0),
        (Method::Ddim, 1.5),
        (Method::PredictorCorrector { corrector: 0.0 }, 1.0),
        (Method::PredictorCorrector { corrector: f64::NAN }, 1.0),
    ] {
        assert!(step(&diffusion(field.clone(), VP, level), grid, method).is_err(), "{method:?}");
    }
    assert!(velocity.score(0.5).is_err());
    for error in [
        error(smooth(3), Place::Output, 0.1),
        error(smooth(2), Place::Output, f64::NAN),
        ModelError { chi: Chi::White, place: Place::Score, size: 0.1 },
    ] {
        assert!(Step::new(velocity.clone(), unit, Method::Euler, vec![error.clone()]).is_err());
        assert!(Drift { error: Some(error), ..velocity.clone() }.check().is_err());
    }
    assert!(ConstantField::new(&[0.0, 0.0]).is_err());
    assert!(ConstantField::new(&[1.0, f64::INFINITY]).is_err());
    assert!(SmoothField::new(2, 0.0, None, 1, 0).is_err());
    assert!(SmoothField::new(0, 1.0, None, 1, 0).is_err());
    assert!(SmoothField::new(2, 1.0, Some(f64::NAN), 1, 0).is_err());
}
