//! Second order of every method's step against differences of its tangents (theory §7).

mod common;

use common::{LINEAR, Swirl, diffusion, flow};
use std::sync::Arc;
use surefoot::error_field::{Chi, ConstantField, ModelError, Place, SmoothField};
use surefoot::field::{FiniteDifference, SharedField};
use surefoot::process::{Family, Grid, Noising, Predicts};
use surefoot::random::{Purpose, standard_normal, stream};
use surefoot::sampler::{Directions, Method, SecondCotangents, Step, StepNoise};

const VP: Noising = Noising { family: Family::Vp, schedule: LINEAR };
const METHODS: [(Method, f64); 8] = [
    (Method::Euler, 1.0),
    (Method::Heun, 0.0),
    (Method::Heun, 0.7),
    (Method::Rk4, 0.0),
    (Method::Ancestral, 1.0),
    (Method::Ddim, 0.4),
    (Method::PredictorCorrector { corrector: 0.1 }, 0.0),
    (Method::PredictorCorrector { corrector: 0.1 }, 1.0),
];

fn random(index: u64, len: usize) -> Vec<f64> {
    let mut values = vec![0.0; len];
    standard_normal(&mut stream(3, index, Purpose::Reference), &mut values);
    values
}

fn smooth(dim: usize, index: u64) -> SharedField {
    Arc::new(SmoothField::new(dim, 1.5, Some(0.5), 4, index).unwrap())
}

fn forcing(dim: usize, place: Place) -> Vec<ModelError> {
    let chis = [
        Chi::Field { field: smooth(dim, 1), scale: 0.8 },
        Chi::White,
        Chi::Field { field: Arc::new(ConstantField::new(&vec![1.0; dim]).unwrap()), scale: 1.0 },
    ];
    chis.into_iter().map(|chi| ModelError { chi, place, size: 1.0 }).collect()
}

/// Steps of every method and parametrisation, with and without an error of their own.
fn steps(dim: usize, forced: bool) -> Vec<(String, Step)> {
    let own = |place| ModelError { chi: Chi::Field { field: smooth(dim, 0), scale: 0.8 }, place, size: 0.3 };
    let mut steps = Vec::new();
    for (method, level) in METHODS {
        for predicts in [Predicts::Score, Predicts::Noise, Predicts::Denoised, Predicts::V] {
            for place in [None, Some(Place::Output), Some(Place::Score), Some(Place::Drift)] {
                let mut drift = diffusion(Arc::new(Swirl(dim)), VP, level);
                drift.predicts = predicts;
                drift.error = place.map(own);
                let forcing = if forced { forcing(dim, place.unwrap_or(Place::Output)) } else { Vec::new() };
                let grid = Grid::uniform(0.4, 0.3, 12);
                let name = format!("{method:?} η={level} {predicts:?} error {place:?}");
                steps.push((name, Step::new(drift, grid, method, forcing).unwrap()));
            }
        }
    }
    for method in [Method::Euler, Method::Heun, Method::Rk4] {
        let forcing = if forced { forcing(dim, Place::Drift) } else { Vec::new() };
        let grid = Grid::uniform(0.0, 1.0, 9);
        let step = Step::new(flow(Arc::new(Swirl(dim))), grid, method, forcing).unwrap();
        steps.push((format!("flow {method:?}"), step));
    }
    steps
}

/// All pairs i ≤ j, and the last one the other way round.
fn pairs(k: usize) -> Vec<[usize; 2]> {
    let mut all: Vec<[usize; 2]> = (0..k).flat_map(|i| (i..k).map(move |j| [i, j])).collect();
    all.extend((k > 1).then_some([k - 1, 0]));
    all
}

/// Central difference of order 4 of `f` at 0.
fn difference(f: impl Fn(f64) -> Vec<f64>, h: f64) -> Vec<f64> {
    let [a, b, c, d] = [f(h), f(-h), f(2.0 * h), f(-2.0 * h)];
    (0..a.len()).map(|i| (2.0 / 3.0 * (a[i] - b[i]) - (c[i] - d[i]) / 12.0) / h).collect()
}

fn gap(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

/// The noise of one step.
struct Draw {
    xi: Vec<f64>,
    white: Vec<f64>,
}

impl Draw {
    fn of(step: &Step, samples: usize) -> Draw {
        let dim = step.dim();
        Draw { xi: random(2, samples * dim * step.noises()), white: random(5, samples * dim) }
    }

    fn noise(&self) -> StepNoise<'_> {
        StepNoise { xi: &self.xi, white: &self.white, given: &[] }
    }
}

#[test]
fn second_order_is_the_derivative_of_the_tangent() {
    for (dim, k) in [(1, 1), (3, 2), (2, 2)] {
        for (name, step) in steps(dim, true) {
            let draw = Draw::of(&step, 1);
            let (x, v) = (random(1, dim), random(3, k * dim));
            let (e, pairs) = (step.forcing.len(), pairs(k));
            let layout = step.second_rows(k, pairs.len());
            let (mut next, mut rows) = (vec![0.0; dim], vec![f64::NAN; layout.count() * dim]);
            let directions = Directions { v: &v, pairs: &pairs };
            step.advance_second(5, &x, draw.noise(), directions, &mut next, &mut rows).unwrap();
            // Tangents, with forced rows that start from zero: A v and b at a displaced state.
            let tangents = |along: &[f64], by: f64| {
                let x: Vec<f64> = x.iter().zip(along).map(|(x, w)| x + by * w).collect();
                let mut with_forced = v.clone();
                with_forced.resize((k + e) * dim, 0.0);
                let (mut value, mut out) = (vec![0.0; dim], with_forced.clone());
                step.advance_tangent(5, &x, draw.noise(), &with_forced, &mut value, &mut out);
                (value, out)
            };
            let (value, here) = tangents(&v[..dim], 0.0);
            assert_eq!(value, next, "{name}");
            assert!(gap(&here, &rows[..(k + e) * dim]) < 1e-14, "{name}");
            let row = |index: usize| &rows[index * dim..][..dim];
            for i in 0..k {
                let slopes = difference(|by| tangents(&v[i * dim..][..dim], by).1, 2e-3);
                for (p, pair) in pairs.iter().enumerate().filter(|(_, pair)| pair[0] == i) {
                    let error = gap(row(layout.pair(p)), &slopes[pair[1] * dim..][..dim]);
                    assert!(error < 1e-9, "{name}: pair {pair:?} {error:e}");
                }
                for f in 0..e {
                    let error = gap(row(layout.slope(f, i)), &slopes[(k + f) * dim..][..dim]);
                    assert!(error < 1e-9, "{name}: db of forcing {f} along {i}: {error:e}");
                }
            }
            if k > 1 {
                let (there, back) = (pairs.iter().position(|p| *p == [0, k - 1]).unwrap(), pairs.len() - 1);
                assert!(
                    gap(row(layout.pair(there)), row(layout.pair(back))) < 1e-14,
                    "{name}: not symmetric"
                );
            }
        }
    }
}

#[test]
fn a_sample_does_not_see_its_batch() {
    let (dim, k, n) = (2, 2, 5);
    for (name, step) in steps(dim, true) {
        let draw = Draw::of(&step, n);
        let (x, v, pairs) = (random(1, n * dim), random(3, n * k * dim), pairs(k));
        let count = step.second_rows(k, pairs.len()).count();
        let (mut next, mut rows) = (vec![0.0; n * dim], vec![0.0; n * count * dim]);
        let all = Directions { v: &v, pairs: &pairs };
        step.advance_second(3, &x, draw.noise(), all, &mut next, &mut rows).unwrap();
        for i in 0..n {
            let noises = step.noises() * dim;
            let noise = StepNoise {
                xi: &draw.xi[i * noises..][..noises],
                white: &draw.white[i * dim..][..dim],
                given: &[],
            };
            let (mut value, mut own) = (vec![0.0; dim], vec![0.0; count * dim]);
            let one = Directions { v: &v[i * k * dim..][..k * dim], pairs: &pairs };
            step.advance_second(3, &x[i * dim..][..dim], noise, one, &mut value, &mut own).unwrap();
            assert_eq!(own, rows[i * count * dim..][..count * dim], "{name} sample {i}");
            assert_eq!(value, next[i * dim..][..dim], "{name} sample {i}");
        }
    }
}

/// The transposed second order pairs with the forward one along the coordinates, for every method and error.
#[test]
fn the_way_back_pairs_with_the_way_forward() {
    for (dim, m, n) in [(1, 1, 1), (3, 2, 2), (2, 3, 1)] {
        for (name, step) in steps(dim, true) {
            let draw = Draw::of(&step, n);
            let (x, z, y) = (random(1, n * dim), random(3, n * m * dim), random(4, n * m * dim));
            let e = step.forcing.len();
            let (mut gradient, mut slopes) = (vec![f64::NAN; z.len()], vec![f64::NAN; n * m * e]);
            let rows = SecondCotangents { z: &z, y: &y, gradient: &mut gradient, slopes: &mut slopes };
            step.advance_second_adjoint(5, &x, draw.noise(), rows).unwrap();
            let mut forced = vec![f64::NAN; n * e * dim];
            step.forced(5, &x, draw.noise(), &mut forced);
            for row in 0..n * m {
                let (sample, noises) = (row / m, step.noises() * dim);
                let noise = StepNoise {
                    xi: &draw.xi[sample * noises..][..noises],
                    white: &draw.white[sample * dim..][..dim],
                    given: &[],
                };
                let (z, y) = (&z[row * dim..][..dim], &y[row * dim..][..dim]);
                let mut v = z.to_vec();
                (0..dim).for_each(|i| v.extend((0..dim).map(|j| f64::from(u8::from(i == j)))));
                let pairs: Vec<[usize; 2]> = (1..=dim).map(|i| [0, i]).collect();
                let layout = step.second_rows(dim + 1, dim);
                let (mut next, mut found) = (vec![0.0; dim], vec![0.0; layout.count() * dim]);
                let directions = Directions { v: &v, pairs: &pairs };
                step.advance_second(5, &x[sample * dim..][..dim], noise, directions, &mut next, &mut found)
                    .unwrap();
                let along = |index: usize| -> f64 {
                    found[index * dim..][..dim].iter().zip(y).map(|(a, b)| a * b).sum()
                };
                let expected: Vec<f64> = (0..dim).map(|i| along(layout.pair(i))).collect();
                let error = gap(&gradient[row * dim..][..dim], &expected);
                assert!(error < 1e-12, "{name}: gradient {error:e}");
                for f in 0..e {
                    let (slope, expected) = (slopes[row * e + f], along(layout.slope(f, 0)));
                    assert!((slope - expected).abs() < 1e-12, "{name}: forcing {f}: {slope} {expected}");
                    let b = &forced[(sample * e + f) * dim..][..dim];
                    let error = gap(b, &found[layout.forced(f) * dim..][..dim]);
                    assert!(error < 1e-12, "{name}: b of forcing {f}: {error:e}");
                }
            }
        }
    }
}

#[test]
fn nothing_asked_nothing_answered() {
    for (name, step) in steps(2, false) {
        let draw = Draw::of(&step, 1);
        let (mut next, mut value) = (vec![0.0; 2], vec![0.0; 2]);
        let none = Directions { v: &[], pairs: &[] };
        step.advance_second(0, &[0.3, -0.2], draw.noise(), none, &mut next, &mut []).unwrap();
        step.advance(0, &[0.3, -0.2], draw.noise(), &mut value);
        assert_eq!(next, value, "{name}");
        step.advance_second(0, &[], StepNoise::default(), none, &mut [], &mut []).unwrap();
        let nothing = || SecondCotangents { z: &[], y: &[], gradient: &mut [], slopes: &mut [] };
        step.advance_second_adjoint(0, &[0.3, -0.2], draw.noise(), nothing()).unwrap();
        step.advance_second_adjoint(0, &[], StepNoise::default(), nothing()).unwrap();
    }
}

#[test]
fn a_field_without_second_order_is_refused() {
    let field = FiniteDifference::new(Arc::new(Swirl(2)), 1e-5).unwrap();
    let grid = Grid::uniform(0.0, 1.0, 3);
    let step = Step::new(flow(Arc::new(field)), grid, Method::Heun, Vec::new()).unwrap();
    let (v, pairs) = ([1.0, 0.0], [[0, 0]]);
    let (mut next, mut rows) = ([0.0; 2], [0.0; 4]);
    let directions = Directions { v: &v, pairs: &pairs };
    let refused = step.advance_second(0, &[0.1, 0.2], StepNoise::default(), directions, &mut next, &mut rows);
    assert!(refused.is_err());
    let (z, y, mut gradient) = ([1.0, 0.0], [0.5, 1.0], [0.0; 2]);
    let rows = SecondCotangents { z: &z, y: &y, gradient: &mut gradient, slopes: &mut [] };
    assert!(step.advance_second_adjoint(0, &[0.1, 0.2], StepNoise::default(), rows).is_err());
}
