//! The training loop: gradients against a closed form, a field that is known, and the same bits whatever interrupts.

use rand::RngExt;
use std::sync::Arc;
use surefoot::Error;
use surefoot::field::{Field, Moment, NetworkField};
use surefoot::law::Gaussian;
use surefoot::process::{Clock, Family as Kind, Noising, Predicts, Process, Schedule};
use surefoot::random::{Purpose, stream};
use surefoot::train::coupling::Coupling;
use surefoot::train::networks::{Mlp, Network};
use surefoot::train::objective::{Objective, Path, Times, Weight};
use surefoot::train::optimiser::{Adam, AdamSettings, Average, Optimiser, Rate};
use surefoot::train::{Batch, Descent, Family, Rows, Task, Trainer, TrainingSet};
use surefoot_graph::build::Builder;
use surefoot_graph::{Graph, Limits, Precision};

const DIM: usize = 2;

fn mlp(hidden: &[usize]) -> Graph {
    let network = Network::Mlp(Mlp { hidden: hidden.to_vec(), ..Mlp::default() });
    network.graph(&[DIM], 3, &Limits::default()).unwrap()
}

/// N(0, 1) to N(mean, deviation²) in every coordinate by independent linear paths.
fn task(batch: usize, data: TrainingSet) -> Task {
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
        batch,
        seed: 5,
    }
}

/// Two for every weight of a matrix, and the gradient as twice the value.
#[test]
fn the_work_of_an_update_is_that_of_its_matrices() {
    for (hidden, products) in [(vec![], (DIM + 1) * DIM), (vec![7, 5], (DIM + 1) * 7 + 7 * 5 + 5 * DIM)] {
        let descent = Descent::new(&mlp(&hidden)).unwrap();
        assert_eq!(descent.update_flops(1), 6 * products as u64);
        assert_eq!(descent.update_flops(64), 64 * 6 * products as u64);
    }
}

const MEAN: f64 = 1.5;
const DEVIATION: f64 = 0.5;

/// Rows of N(MEAN, DEVIATION²).
fn rows(n: u64) -> TrainingSet {
    let law = Gaussian::isotropic(DIM, DEVIATION);
    let mut values = Vec::new();
    for i in 0..n {
        let mut x = [0.0; DIM];
        surefoot::law::Law::sample(&law, &mut stream(9, i, Purpose::Reference), &mut x);
        values.extend(x.map(|v| (v + MEAN) as f32));
    }
    TrainingSet::Rows(Rows::new(DIM, values.into(), None))
}

fn optimiser(rate: f64) -> impl Fn(&[f32]) -> Optimiser {
    move |weights| Optimiser {
        adam: Adam::new(AdamSettings::default(), weights.len()),
        rate: Rate::constant(rate),
        clip: Some(10.0),
        average: Some(Average::new(0.99, true, weights)),
    }
}

#[test]
fn the_gradient_of_an_affine_network_is_that_of_least_squares() {
    let descent = Descent::new(&mlp(&[])).unwrap();
    let weights = descent.weights();
    let span = |suffix: &str| descent.spans().iter().find(|s| s.name.ends_with(suffix)).unwrap().clone();
    let (w, b) = (span("weight"), span("bias"));
    assert_eq!((w.shape.clone(), descent.count()), (vec![DIM + 1, DIM], DIM * (DIM + 2)));
    for n in [1, 3, 70] {
        let mut rng = stream(1, n as u64, Purpose::Reference);
        let mut draw =
            |count: usize| -> Vec<f32> { (0..count).map(|_| rng.random_range(-1.0..1.0)).collect() };
        let batch = Batch {
            x: draw(n * DIM),
            time: draw(n),
            target: draw(n * DIM),
            weight: draw(n),
            ..Batch::default()
        };
        let mut gradient = vec![0.0; descent.count()];
        let losses = descent.gradient(&weights, &batch, &mut gradient).unwrap();
        assert_eq!(losses, descent.losses(&weights, &batch).unwrap());
        let mut expected = vec![0.0f64; descent.count()];
        for (i, found) in losses.iter().enumerate() {
            let input = [batch.x[2 * i], batch.x[2 * i + 1], batch.time[i]].map(f64::from);
            let mut loss = 0.0;
            for d in 0..DIM {
                // Weights lie as [inputs, outputs].
                let column = weights[w.range.clone()].iter().skip(d).step_by(DIM);
                let y: f64 = column.zip(input).map(|(w, x)| f64::from(*w) * x).sum::<f64>()
                    + f64::from(weights[b.range.start + d]);
                let error = y - f64::from(batch.target[i * DIM + d]);
                loss += f64::from(batch.weight[i]) * error * error;
                let slope = 2.0 * f64::from(batch.weight[i]) * error / n as f64;
                expected[b.range.start + d] += slope;
                for (j, x) in input.iter().enumerate() {
                    expected[w.range.start + j * DIM + d] += slope * x;
                }
            }
            assert!((loss - f64::from(*found)).abs() < 1e-5, "{n} {i}: {loss} {found}");
        }
        for (g, e) in gradient.iter().zip(&expected) {
            assert!((f64::from(*g) - e).abs() < 1e-5, "{n}: {g} {e}");
        }
    }
}

#[test]
fn an_interrupted_training_ends_with_the_same_bits_on_any_number_of_threads() {
    let trained = |threads: usize, stops: &[usize]| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let new = || Trainer::new(task(70, rows(100)), &mlp(&[16, 16]), optimiser(1e-2)).unwrap();
            let mut trainer = new();
            for &stop in stops {
                while (trainer.state().updates as usize) < stop {
                    trainer.update().unwrap();
                }
                // What a checkpoint keeps, and a trainer that knows nothing else.
                let state = trainer.state().clone();
                trainer = new();
                trainer.resume(state).unwrap();
            }
            trainer.state().clone()
        })
    };
    let whole = trained(1, &[23]);
    assert_eq!(whole, trained(2, &[23]));
    assert_eq!(whole, trained(2, &[1, 2, 11, 23]));
}

#[test]
fn flow_matching_learns_the_marginal_field_of_gaussians() {
    let mut trainer = Trainer::new(task(256, rows(4000)), &mlp(&[32, 32]), optimiser(3e-3)).unwrap();
    let first = trainer.validate(&rows(500), 1000).unwrap();
    for _ in 0..1500 {
        trainer.update().unwrap();
    }
    let last = trainer.validate(&rows(500), 1000).unwrap();
    assert!(last.mean < 0.7 * first.mean, "{} {}", first.mean, last.mean);
    let field = NetworkField::new(&trainer.network().unwrap(), Precision::F64).unwrap();
    let (mut square, mut scale, mut count) = (0.0, 0.0, 0.0);
    for step in 1..10 {
        let u = f64::from(step) / 10.0;
        // x_u = (1 − u) x_0 + u x_1 is Gaussian with x_1 − x_0, whose mean given x_u is affine.
        let variance = (1.0 - u).powi(2) + (u * DEVIATION).powi(2);
        let covariance = u * DEVIATION.powi(2) - (1.0 - u);
        for k in -3..=3 {
            let x = u * MEAN + 0.5 * f64::from(k) * variance.sqrt();
            let exact = MEAN + covariance / variance * (x - u * MEAN);
            let mut y = [0.0; DIM];
            field.eval(Moment { time: u, signal: u, noise: 1.0 - u }, &[x, u * MEAN], &mut y);
            square += (y[0] - exact).powi(2);
            scale += exact.powi(2);
            count += 1.0;
        }
    }
    let error = (square / scale).sqrt();
    assert!(error < 0.08, "relative error {error} over {count} points");
}

#[test]
fn denoising_learns_the_score_of_a_gaussian() {
    let noising = Noising { family: Kind::Vp, schedule: Schedule::Linear { min: 0.1, max: 20.0 } };
    let task = Task {
        objective: Objective::Denoising { noising, predicts: Predicts::Noise, weight: Weight::Uniform },
        times: Times::stratified(0.02, 1.0),
        process: Process::Diffusion { noising, noise_level: 1.0 },
        clock: Clock::Affine { at_noise: 1.0, at_data: 0.0 },
        ..task(256, rows(4000))
    };
    let mut trainer = Trainer::new(task, &mlp(&[32, 32]), optimiser(3e-3)).unwrap();
    for _ in 0..2000 {
        trainer.update().unwrap();
    }
    let field = NetworkField::new(&trainer.network().unwrap(), Precision::F64).unwrap();
    let (mut square, mut scale) = (0.0, 0.0);
    for u in [0.1, 0.3, 0.5, 0.8] {
        let (m, sigma) = (noising.signal(u), noising.noise(u));
        let variance = (m * DEVIATION).powi(2) + sigma * sigma;
        for k in -3..=3 {
            let x = m * MEAN + 0.5 * f64::from(k) * variance.sqrt();
            let exact = sigma * (x - m * MEAN) / variance;
            let mut y = [0.0; DIM];
            field.eval(Moment { time: u, signal: m, noise: sigma }, &[x, m * MEAN], &mut y);
            square += (y[0] - exact).powi(2);
            scale += exact.powi(2);
        }
    }
    let error = (square / scale).sqrt();
    assert!(error < 0.15, "relative error {error}");
}

#[test]
fn a_training_that_diverges_stops_before_the_update() {
    let mut trainer = Trainer::new(task(8, rows(10)), &mlp(&[4]), |weights| Optimiser {
        clip: None,
        average: None,
        rate: Rate::constant(1e30),
        ..optimiser(0.0)(weights)
    })
    .unwrap();
    let mut before = trainer.state().clone();
    for _ in 0..20 {
        match trainer.update() {
            Ok(_) => before = trainer.state().clone(),
            Err(Error::Diverged { update, value, .. }) => {
                assert_eq!(update, before.updates);
                assert!(!value.is_finite());
                assert_eq!(trainer.state().updates, before.updates);
                return;
            }
            Err(other) => panic!("{other}"),
        }
    }
    panic!("a learning rate of 1e30 went well");
}

#[test]
fn a_gradient_too_long_for_single_precision_is_a_divergence() {
    let far = |sigma: f64| Task {
        objective: Objective::Matching { path: Path::Linear, sigma, weight: Weight::Uniform },
        ..task(8, rows(10))
    };
    let mut trainer = Trainer::new(far(1e10), &mlp(&[4]), optimiser(1e-3)).unwrap();
    let before = trainer.state().clone();
    match trainer.update() {
        Err(Error::Diverged { update: 0, value, quantity }) => {
            assert!(value.is_finite() && value > 1e18 && quantity.contains("gradient"), "{value} {quantity}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(*trainer.state(), before);
}

/// A network in a file need not take the time: y = Wx + b, by the loss at W and b themselves.
#[test]
fn a_network_without_time_is_trained() {
    let mut draw = |_: u64, out: &mut [f64]| out.fill(0.75);
    let limits = Limits::default();
    let mut builder = Builder::new(&mut draw, &limits);
    let x = builder.sample(&[DIM]).unwrap();
    let y = builder.linear("out", x, DIM).unwrap();
    let graph = builder.finish(y).unwrap();
    let mut trainer = Trainer::new(task(64, rows(50)), &graph, optimiser(1e-2)).unwrap();
    let first = trainer.update().unwrap().loss;
    let last = (0..300).map(|_| trainer.update().unwrap().loss).sum::<f64>() / 300.0;
    assert!(last < first, "{first} {last}");
    let descent = Descent::new(&graph).unwrap();
    let batch = Batch {
        x: vec![1.0, 2.0],
        time: vec![0.3],
        target: vec![0.0; DIM],
        weight: vec![1.0],
        ..Batch::default()
    };
    let weights = descent.weights();
    let loss = f64::from(descent.losses(&weights, &batch).unwrap()[0]);
    // Weights lie as [inputs, outputs], the bias after them or before.
    let bias = descent.spans().iter().find(|span| span.name.ends_with("bias")).unwrap().range.start;
    let matrix = descent.spans().iter().find(|span| span.name.ends_with("weight")).unwrap().range.start;
    let of = |d: usize| {
        let y = weights[bias + d] + weights[matrix + d] + 2.0 * weights[matrix + DIM + d];
        f64::from(y).powi(2)
    };
    assert!((loss - of(0) - of(1)).abs() < 1e-5, "{loss}");
}

#[test]
fn what_does_not_fit_is_refused() {
    let other = TrainingSet::Law(Arc::new(Gaussian::isotropic(3, 1.0)));
    let message = Trainer::new(task(8, other), &mlp(&[4]), optimiser(1e-3)).err().unwrap().to_string();
    assert!(message.contains("data of 2 numbers"), "{message}");
    let message = Trainer::new(task(0, rows(3)), &mlp(&[4]), optimiser(1e-3)).err().unwrap().to_string();
    assert!(message.contains("at least one pair"), "{message}");
    let mut trainer = Trainer::new(task(8, rows(3)), &mlp(&[4]), optimiser(1e-3)).unwrap();
    let stranger = Trainer::new(task(8, rows(3)), &mlp(&[5]), optimiser(1e-3)).unwrap().state().clone();
    let own = trainer.state().clone();
    assert!(trainer.resume(stranger).unwrap_err().to_string().contains("weights"));
    assert_eq!(*trainer.state(), own);
}

#[test]
fn batches_depend_on_their_number_alone() {
    let task = task(6, rows(20));
    let one = task.batch(Family::Training, 4).unwrap();
    assert_eq!(one, task.batch(Family::Training, 4).unwrap());
    assert_ne!(one, task.batch(Family::Training, 5).unwrap());
    assert_ne!(one.x, task.batch(Family::Validation, 4).unwrap().x);
    // x_u = (1 − u) x_0 + u x_1 and its velocity x_1 − x_0 give both ends back; the data end is one of the rows.
    let TrainingSet::Rows(rows) = &task.data else { unreachable!() };
    for i in 0..6 {
        let u = one.time[i];
        let end: Vec<f32> =
            (0..DIM).map(|d| one.x[i * DIM + d] + (1.0 - u) * one.target[i * DIM + d]).collect();
        let near = |row: &[f32]| row.iter().zip(&end).all(|(a, b)| (a - b).abs() < 1e-5);
        assert!(rows.values.chunks_exact(DIM).any(near), "{end:?}");
        assert_eq!(one.weight[i], 0.5);
    }
}
