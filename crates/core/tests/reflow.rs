//! Reflow (Liu et al. 2023): the straightness of paths against closed forms, and pairs of an exact flow made straight.

use std::f64::consts::PI;
use std::sync::Arc;
use surefoot::field::NetworkField;
use surefoot::law::Gaussian;
use surefoot::process::{Clock, Drift, Grid, Predicts, Process};
use surefoot::random::{Purpose, standard_normal, stream};
use surefoot::sampler::{Method, Step};
use surefoot::sweep::{Batch, Keep, Refinement, forward};
use surefoot::train::coupling::Coupling;
use surefoot::train::networks::{Mlp, Network};
use surefoot::train::objective::{Objective, Path, Times, Weight};
use surefoot::train::optimiser::{Adam, AdamSettings, Average, Optimiser, Rate};
use surefoot::train::{Family, Rows, Straightness, Task, Trainer, TrainingSet, bends};
use surefoot_graph::{Limits, Precision};

/// Deviations of the data; the source is N(0, I).
const DEVIATIONS: [f64; 2] = [3.0, 0.4];
const DIM: usize = DEVIATIONS.len();

/// From N(0, 1) to N(0, s²) by independent pairs the flow is x_u = x_0 √((1 − u)² + u² s²), and S = s (2 − π/2) x_0².
#[test]
fn straightness_of_the_flow_between_gaussians() {
    let scale = |s: f64, u: f64| (1.0 - u).hypot(u * s);
    for steps in [400, 1600] {
        for starts in [vec![[0.7, -1.3]], vec![[1.0, 0.0], [0.2, 2.0], [-0.4, 0.3]]] {
            let mut path = Vec::new();
            for n in 0..=steps {
                let u = f64::from(n) / f64::from(steps);
                let state = |x: &[f64; 2]| [0, 1].map(|d| x[d] * scale(DEVIATIONS[d], u));
                path.extend(starts.iter().flat_map(state));
            }
            let found = bends(DIM, starts.len(), &path);
            for (x, bend) in starts.iter().zip(&found) {
                let exact: f64 = (0..DIM).map(|d| DEVIATIONS[d] * (2.0 - PI / 2.0) * x[d] * x[d]).sum();
                assert!((bend - exact).abs() < 20.0 * exact / f64::from(steps * steps), "{bend} {exact}");
            }
        }
    }
}

#[test]
fn straightness_of_polygons() {
    // One step is straight; so is a line at constant speed, and a stop in the middle is not: 2 (3 − 3/2)² …
    assert_eq!(bends(1, 2, &[1.0, 5.0, -2.0, 7.0]), [0.0, 0.0]);
    assert_eq!(bends(1, 1, &[0.0, 1.0, 2.0, 3.0]), [0.0]);
    assert_eq!(bends(1, 1, &[0.0, 3.0, 3.0]), [9.0]);
    assert_eq!(bends(3, 0, &[]), [0.0; 0]);
    let straightness = Straightness::of(&[9.0, 0.0], &[9.0, 1.0]);
    assert_eq!((straightness.bend.mean, straightness.squared_distance.mean), (4.5, 5.0));
}

/// `x0[n, D]` from N(0, I).
fn sources(n: usize) -> Vec<f64> {
    let mut x0 = vec![0.0; n * DIM];
    standard_normal(&mut stream(3, 0, Purpose::Reference), &mut x0);
    x0
}

/// Pairs x_0, s x_0 of the exact flow.
fn pairs(n: usize) -> Rows {
    let x0 = sources(n);
    let x1 = x0.iter().enumerate().map(|(i, x)| (DEVIATIONS[i % DIM] * x) as f32).collect();
    Rows::new(DIM, x1, None).paired(x0.iter().map(|x| *x as f32).collect()).unwrap()
}

fn task(data: TrainingSet) -> Task {
    Task {
        objective: Objective::Matching { path: Path::Linear, sigma: 0.0, weight: Weight::Uniform },
        times: Times::stratified(0.0, 1.0),
        coupling: Coupling::AsDrawn,
        process: Process::Flow,
        clock: Clock::Affine { at_noise: 0.0, at_data: 1.0 },
        source: Arc::new(Gaussian::isotropic(DIM, 1.0)),
        data,
        classes: None,
        cross: None,
        batch: 128,
        seed: 5,
    }
}

#[test]
fn given_pairs_stay_pairs() {
    let task = task(TrainingSet::Rows(pairs(50)));
    for family in [Family::Training, Family::Validation] {
        let batch = task.batch(family, 3).unwrap();
        for i in 0..task.batch {
            let u = batch.time[i];
            for (d, deviation) in DEVIATIONS.iter().enumerate() {
                let (x, v) = (batch.x[i * DIM + d], batch.target[i * DIM + d]);
                let (x0, x1) = (f64::from(x - u * v), f64::from(x + (1.0 - u) * v));
                assert!((x1 - deviation * x0).abs() < 1e-5 * (1.0 + x1.abs()), "{x0} {x1}");
            }
        }
    }
}

#[test]
fn a_reflow_of_the_exact_flow_needs_one_step() {
    let network = Network::Mlp(Mlp { hidden: vec![32, 32], ..Mlp::default() });
    let graph = network.graph(&[DIM], 3, &Limits::default()).unwrap();
    let optimiser = |weights: &[f32]| Optimiser {
        adam: Adam::new(AdamSettings::default(), weights.len()),
        rate: Rate::constant(3e-3),
        clip: Some(10.0),
        average: Some(Average::new(0.99, true, weights)),
    };
    let mut trainer = Trainer::new(task(TrainingSet::Rows(pairs(4000))), &graph, optimiser).unwrap();
    for _ in 0..2000 {
        trainer.update().unwrap();
    }
    let field = Arc::new(NetworkField::new(&trainer.network().unwrap(), Precision::F64).unwrap());
    let source = Gaussian::isotropic(DIM, 1.0);
    let mut misses = Vec::new();
    for steps in [1, 50] {
        let drift = Drift {
            field: field.clone(),
            process: Process::Flow,
            predicts: Predicts::Velocity,
            clock: Clock::Affine { at_noise: 0.0, at_data: 1.0 },
            error: None,
        };
        let grid = Grid::uniform(0.0, 1.0, steps);
        let step = Step::new(drift, grid, Method::Euler, Vec::new()).unwrap();
        let batch = Batch { source: &source, seed: 1, samples: 0..500, refinement: Refinement::Own };
        let sweep = forward(&step, &batch, 0, Keep { path: true, ..Keep::default() }).unwrap();
        let mean = |values: Vec<f64>| values.iter().sum::<f64>() / 500.0;
        let miss = |(i, (x0, x1)): (usize, (&f64, &f64))| (x1 - DEVIATIONS[i % DIM] * x0).powi(2);
        misses.push(mean(sweep.start.iter().zip(&sweep.end).enumerate().map(miss).collect()));
        // The flow of independent pairs has S = Σ s (2 − π/2).
        let first: f64 = DEVIATIONS.iter().map(|s| s * (2.0 - PI / 2.0)).sum();
        let bend = mean(bends(DIM, 500, &sweep.path));
        assert!(bend < 0.02 * first, "{steps} steps: S = {bend}, before {first}");
    }
    // One Euler step of the first flow ends in 0 and misses by Σ s² = 9.16.
    assert!(misses[0] < 0.05 && misses[0] < misses[1] + 0.05, "mean square misses {misses:?}");
}
