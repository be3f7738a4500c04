//! Training for robustness: weights over time against closed forms, and the same bits whatever interrupts.

mod common;

use common::LINEAR;
use std::sync::Arc;
use surefoot::Error;
use surefoot::law::Gaussian;
use surefoot::process::{Clock, Family as Kind, Grid, Noising, Predicts, Process};
use surefoot::sampler::Method;
use surefoot::support::{Affine, Support};
use surefoot::train::coupling::Coupling;
use surefoot::train::networks::{Mlp, Network};
use surefoot::train::objective::{Objective, Path, Times, Weight};
use surefoot::train::optimiser::{Adam, AdamSettings, Average, Optimiser, Rate};
use surefoot::train::{BudgetWeighting, Family, Task, Trainer, TrainingSet};
use surefoot_graph::{Graph, Limits};

const VP: Noising = Noising { family: Kind::Vp, schedule: LINEAR };
const CLOCK: Clock = Clock::Affine { at_noise: 0.0, at_data: 1.0 };

fn mlp(dim: usize, hidden: &[usize]) -> Graph {
    let network = Network::Mlp(Mlp { hidden: hidden.to_vec(), ..Mlp::default() });
    network.graph(&[dim], 3, &Limits::default()).unwrap()
}

/// y_i = slopes_i x_i.
fn diagonal(slopes: &[f64]) -> Graph {
    let dim = slopes.len();
    let weight: Vec<f64> =
        (0..(dim + 1) * dim).map(|k| if k / dim == k % dim { slopes[k % dim] } else { 0.0 }).collect();
    let bias = vec![0.0; dim];
    mlp(dim, &[]).with_values(&[("out.weight", &weight), ("out.bias", &bias)]).unwrap()
}

/// Data N(0, diag(1, …, 0.01)), near the space of all axes but the last.
fn flow(dim: usize) -> Task {
    let mut variances = vec![1.0; dim];
    variances[dim - 1] = 0.01;
    Task {
        objective: Objective::Matching { path: Path::Linear, sigma: 0.1, weight: Weight::Uniform },
        times: Times::stratified(0.0, 1.0),
        coupling: Coupling::AsDrawn,
        process: Process::Flow,
        clock: CLOCK,
        source: Arc::new(Gaussian::isotropic(dim, 1.0)),
        data: TrainingSet::Law(Arc::new(Gaussian::new(&variances))),
        given: None,
        classes: None,
        batch: 33,
        seed: 5,
    }
}

fn diffusion(dim: usize, weight: Weight) -> Task {
    Task {
        objective: Objective::Denoising { noising: VP, predicts: Predicts::Noise, weight },
        times: Times::stratified(0.05, 0.8),
        process: Process::Diffusion { noising: VP, noise_level: 0.0 },
        ..flow(dim)
    }
}

/// The first d axes.
fn axes(dim: usize, d: usize) -> Affine {
    let axis = |i: usize| (0..dim).map(|j| f64::from(u8::from(i == j))).collect();
    let axes: Vec<Vec<f64>> = (0..d).map(axis).collect();
    Affine::new(&vec![0.0; dim], &axes).unwrap()
}

fn budget(support: impl Support + 'static, grid: Grid) -> BudgetWeighting {
    let support = Arc::new(support);
    BudgetWeighting { support, grid, method: Method::Euler, paths: 3, every: 4, floor: 0.0 }
}

/// `shape` scaled to mean 1 over equal parts.
fn mean_one(shape: &[f64]) -> Vec<f64> {
    let mean = shape.iter().sum::<f64>() / shape.len() as f64;
    shape.iter().map(|w| w / mean).collect()
}

fn assert_close(found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len());
    for (f, e) in found.iter().zip(expected) {
        assert!((f - e).abs() < 1e-5 * e.abs().max(1.0), "{found:?} {expected:?}");
    }
}

/// x_{n+1} = x_n + δt a x_n: an error at step n has grown by the factors of the steps after it, the largest normal one.
#[test]
fn weights_of_a_linear_flow_are_products_of_factors() {
    for (slopes, d, steps) in [(vec![-2.0], 0, 1), (vec![0.5, -3.0], 1, 8), (vec![1.0, -1.5, 0.4], 1, 5)] {
        let grid = Grid { start: 0.0, end: 1.0, steps };
        let dt = grid.dt();
        let task = flow(slopes.len());
        let found = budget(axes(slopes.len(), d), grid).measure(&diagonal(&slopes), &task, 1).unwrap();
        let growth = |n: usize, a: f64| (1.0 + dt * a).powi((steps - 1 - n) as i32).abs();
        let gain = |n: usize| slopes[d..].iter().map(|a| growth(n, *a)).fold(0.0, f64::max);
        let gains: Vec<f64> = (0..steps).map(gain).collect();
        assert_close(&found.factors, &mean_one(&gains));
    }
}

/// With a weight λ of its own the loss is multiplied by g/√λ, and g counts what the drift makes of the output.
#[test]
fn weights_of_a_diffusion_count_gain_and_weight_of_the_objective() {
    let slopes = [0.3, 0.9];
    let grid = Grid { start: 0.8, end: 0.05, steps: 12 };
    let dt = grid.dt();
    for weight in [Weight::Sigma2, Weight::Likelihood, Weight::MinSnr { gamma: 5.0 }] {
        let task = diffusion(2, weight);
        let found = budget(axes(2, 1), grid).measure(&diagonal(&slopes), &task, 1).unwrap();
        // dx/du′ = ½β x + ½β s with s = −y/σ: Song et al.'s probability flow of their variance-preserving process.
        let beta = |u: f64| VP.diffusion(u);
        let sigma = |u: f64| VP.noise(u);
        let mut growth = 1.0;
        let mut cost = vec![0.0; grid.steps];
        for n in (0..grid.steps).rev() {
            let u = grid.time(n);
            let middle = 0.5 * (u + grid.time(n + 1));
            let m = VP.signal(middle);
            let lambda = match weight {
                Weight::Likelihood => beta(middle) / sigma(middle).powi(2),
                Weight::MinSnr { gamma } => {
                    let snr = m * m / sigma(middle).powi(2);
                    // Errors in denoised data are σ/m times those of the noise.
                    snr.min(gamma) / snr
                }
                _ => 1.0,
            };
            cost[n] = f64::abs(growth * 0.5 * beta(u) / sigma(u)) / lambda.sqrt();
            growth *= 1.0 + dt * 0.5 * beta(u) * (1.0 - slopes[1] / sigma(u));
        }
        assert_close(&found.factors, &mean_one(&cost));
    }
}

#[test]
fn a_floor_keeps_every_time() {
    let grid = Grid { start: 0.0, end: 1.0, steps: 10 };
    let weighting = BudgetWeighting { floor: 0.3, ..budget(axes(2, 1), grid) };
    let found = weighting.measure(&diagonal(&[0.0, -9.0]), &flow(2), 1).unwrap().factors;
    assert!(found[..8].iter().all(|w| *w == 0.3) && found[9] > 3.0, "{found:?}");
    assert!((found.iter().sum::<f64>() / 10.0 - 1.0).abs() < 1e-12);
}

fn optimiser(weights: &[f32]) -> Optimiser {
    Optimiser {
        adam: Adam::new(AdamSettings::default(), weights.len()),
        rate: Rate::constant(1e-2),
        clip: None,
        average: Some(Average::new(0.9, true, weights)),
    }
}

fn weighted() -> Trainer {
    let grid = Grid { start: 0.0, end: 1.0, steps: 6 };
    // More paths than one thread follows together.
    let weighting = BudgetWeighting { paths: 70, floor: 0.1, ..budget(axes(3, 2), grid) };
    Trainer::new(flow(3), &mlp(3, &[8]), optimiser).unwrap().with_budget(weighting).unwrap()
}

#[test]
fn updates_use_the_weights_that_were_measured_last() {
    let (mut trainer, mut plain) = (weighted(), Trainer::new(flow(3), &mlp(3, &[8]), optimiser).unwrap());
    for number in 0..11 {
        let weights = trainer.state().weights.clone();
        let update = trainer.update().unwrap();
        let measured = &trainer.state().time_weights;
        assert_eq!(measured.factors.len(), if number < 4 { 0 } else { 6 });
        let mut batch = trainer.task().batch(Family::Training, number).unwrap();
        for (weight, u) in batch.weight.iter_mut().zip(&batch.model_time) {
            *weight *= measured.factors.get((6.0 * u) as usize).map_or(1.0, |w| *w as f32);
        }
        let losses = trainer.descent().losses(&weights, &batch).unwrap();
        let loss = losses.iter().map(|l| f64::from(*l)).sum::<f64>() / losses.len() as f64;
        assert_eq!(update.loss, loss);
        if number < 4 {
            assert_eq!(plain.update().unwrap(), update);
        }
    }
    let held_out = trainer.task().data.clone();
    let mut other = Trainer::new(flow(3), &mlp(3, &[8]), optimiser).unwrap();
    other
        .resume(surefoot::train::State { time_weights: Default::default(), ..trainer.state().clone() })
        .unwrap();
    // What is held out is weighted alike, so that losses can be compared.
    assert_eq!(trainer.validate(&held_out, 50).unwrap().mean, other.validate(&held_out, 50).unwrap().mean);
}

#[test]
fn an_interrupted_training_measures_the_same_bits_on_any_number_of_threads() {
    let trained = |threads: usize, stops: &[u64]| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let mut trainer = weighted();
            for &stop in stops {
                while trainer.state().updates < stop {
                    trainer.update().unwrap();
                }
                let state = trainer.state().clone();
                trainer = weighted();
                trainer.resume(state).unwrap();
            }
            trainer.state().clone()
        })
    };
    let whole = trained(1, &[14]);
    assert_eq!(whole.time_weights.factors.len(), 6);
    assert_eq!(whole, trained(2, &[14]));
    assert_eq!(whole, trained(2, &[1, 4, 5, 8, 11, 12, 14]));
}

#[test]
fn what_does_not_fit_is_refused() {
    let grid = Grid { start: 0.0, end: 1.0, steps: 6 };
    let good = budget(axes(3, 2), grid);
    let refused = |weighting: BudgetWeighting, task: Task| {
        let trainer = Trainer::new(task, &mlp(3, &[8]), optimiser).unwrap();
        let error = trainer.with_budget(weighting).err().expect("refused");
        assert!(matches!(error, Error::Invalid { .. }), "{error}");
    };
    refused(BudgetWeighting { paths: 0, ..good.clone() }, flow(3));
    refused(BudgetWeighting { every: 0, ..good.clone() }, flow(3));
    refused(BudgetWeighting { floor: 1.5, ..good.clone() }, flow(3));
    refused(BudgetWeighting { floor: f64::NAN, ..good.clone() }, flow(3));
    refused(BudgetWeighting { support: Arc::new(axes(2, 1)), ..good.clone() }, flow(3));
    refused(BudgetWeighting { method: Method::Ddim, ..good.clone() }, flow(3));
    refused(BudgetWeighting { grid: Grid { steps: 0, ..grid }, ..good.clone() }, flow(3));
    // Weights of another grid, or of a training without any.
    let mut trainer = weighted();
    for _ in 0..5 {
        trainer.update().unwrap();
    }
    let mut state = trainer.state().clone();
    let mut plain = Trainer::new(flow(3), &mlp(3, &[8]), optimiser).unwrap();
    assert!(plain.resume(state.clone()).is_err());
    state.time_weights.factors.pop();
    assert!(weighted().resume(state).is_err());
}
