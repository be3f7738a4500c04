//! Training for robustness: weights over time against closed forms, and the same bits whatever interrupts.

mod common;

use common::LINEAR;
use rand::RngExt;
use std::sync::Arc;
use surefoot::Error;
use surefoot::field::{Data, Field, Moment, NetworkField};
use surefoot::law::Gaussian;
use surefoot::process::{Clock, Family as Kind, Grid, Noising, Predicts, Process};
use surefoot::random::{Purpose, stream};
use surefoot::sampler::Method;
use surefoot::support::{Affine, Sphere, Support};
use surefoot::train::coupling::Coupling;
use surefoot::train::networks::{Activation, Mlp, Network};
use surefoot::train::objective::{Objective, Path, Times, Weight};
use surefoot::train::optimiser::{Adam, AdamSettings, Average, Optimiser, Rate};
use surefoot::train::{
    Batch, BudgetWeighting, CrossPenalty, Crossing, Descent, Family, Task, Trainer, TrainingSet,
};
use surefoot_graph::passes::{gradients, square_off_plane, squared_error, tangent_over};
use surefoot_graph::{Extent, Graph, Limits, Precision, Program};

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
        classes: None,
        cross: None,
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
        let grid = Grid::uniform(0.0, 1.0, steps);
        let dt = grid.dt(0);
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
    let grid = Grid::uniform(0.8, 0.05, 12);
    let dt = grid.dt(0);
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
    let grid = Grid::uniform(0.0, 1.0, 10);
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
    weighted_task(flow(3))
}

fn weighted_task(task: Task) -> Trainer {
    let grid = Grid::uniform(0.0, 1.0, 6);
    // More paths than one thread follows together.
    let weighting = BudgetWeighting { paths: 70, floor: 0.1, ..budget(axes(3, 2), grid) };
    Trainer::new(task, &mlp(3, &[8]), optimiser).unwrap().with_budget(weighting).unwrap()
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
    let new = || weighted_task(Task { cross: Some(penalty(axes(3, 2))), ..flow(3) });
    let trained = |threads: usize, stops: &[u64]| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let mut trainer = new();
            for &stop in stops {
                while trainer.state().updates < stop {
                    trainer.update().unwrap();
                }
                let state = trainer.state().clone();
                trainer = new();
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
    let grid = Grid::uniform(0.0, 1.0, 6);
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

fn penalty(support: impl Support + 'static) -> CrossPenalty {
    CrossPenalty { support: Arc::new(support), strength: 4.0, reach: 0.5 }
}

/// Random numbers for a batch of n pairs with directions, and d orthonormal rows a pair that the directions lie in.
fn random_batch(n: usize, dim: usize, d: usize) -> Batch {
    let mut rng = stream(1, n as u64, Purpose::Reference);
    let mut draw = |count: usize| -> Vec<f32> { (0..count).map(|_| rng.random_range(-1.0..1.0)).collect() };
    let mut tangent = Vec::new();
    for _ in 0..n {
        let mut rows: Vec<Vec<f32>> = Vec::new();
        while rows.len() < d {
            let mut row = draw(dim);
            for _ in 0..2 {
                for other in &rows {
                    let part: f32 = row.iter().zip(other).map(|(a, b)| a * b).sum();
                    row.iter_mut().zip(other).for_each(|(a, b)| *a -= part * b);
                }
                let length = row.iter().map(|a| a * a).sum::<f32>().sqrt();
                row.iter_mut().for_each(|a| *a /= length);
            }
            rows.push(row);
        }
        tangent.extend(rows.concat());
    }
    Batch {
        x: draw(n * dim),
        time: draw(n),
        target: draw(n * dim),
        weight: draw(n),
        crossing: Crossing { direction: draw(n * dim), tangent },
        ..Batch::default()
    }
}

/// (I − TᵀT) a with the rows T.
fn off(tangent: &[f32], a: &[f64]) -> Vec<f64> {
    let mut off = a.to_vec();
    for row in tangent.chunks_exact(a.len()) {
        let part: f64 = row.iter().zip(a).map(|(t, a)| f64::from(*t) * a).sum();
        off.iter_mut().zip(row).for_each(|(off, t)| *off -= part * f64::from(*t));
    }
    off
}

/// y = Wᵀ(x, t) + b: the penalty is ‖(I − TᵀT) W_xᵀ v‖², its gradient by W_jd is 2 v_j ((I − TᵀT) W_xᵀ v)_d.
#[test]
fn the_penalty_of_an_affine_network_has_a_closed_form() {
    for (dim, d, n) in [(2, 1, 1), (2, 1, 3), (3, 2, 70), (5, 1, 33), (9, 8, 2)] {
        let network = mlp(dim, &[]);
        let (plain, penalised) = (Descent::new(&network).unwrap(), Descent::penalised(&network, d).unwrap());
        let weights = plain.weights();
        let span = plain.spans().iter().find(|s| s.name == "out.weight").unwrap().range.clone();
        let batch = random_batch(n, dim, d);
        let mut expected = vec![0.0; plain.count()];
        let losses = plain.gradient(&weights, &batch, &mut expected).unwrap();
        let mut found = vec![0.0; plain.count()];
        let sums = penalised.gradient(&weights, &batch, &mut found).unwrap();
        assert_eq!(penalised.losses(&weights, &batch).unwrap(), losses);
        for i in 0..n {
            let v = &batch.crossing.direction[i * dim..][..dim];
            let image: Vec<f64> = (0..dim)
                .map(|e| (0..dim).map(|j| f64::from(weights[span.start + j * dim + e] * v[j])).sum())
                .collect();
            let off = off(&batch.crossing.tangent[i * d * dim..][..d * dim], &image);
            let weight = f64::from(batch.weight[i]);
            let square: f64 = off.iter().map(|a| a * a).sum();
            let sum = f64::from(losses[i]) + weight * square;
            assert!((f64::from(sums[i]) - sum).abs() < 2e-6 * (1.0 + sum.abs()), "{} {sum}", sums[i]);
            for j in 0..dim {
                for e in 0..dim {
                    expected[span.start + j * dim + e] +=
                        (2.0 * weight * f64::from(v[j]) * off[e] / n as f64) as f32;
                }
            }
        }
        for (f, e) in found.iter().zip(&expected) {
            assert!((f - e).abs() < 1e-5, "{dim} {d} {n}: {f} {e}");
        }
    }
}

/// Mean over a batch of weight · (‖y − target‖² + ‖(I − TᵀT) dy(x) v‖²), from the value and tangents of a network in f64.
fn objective(network: &Graph, batch: &Batch, d: usize) -> f64 {
    let field = NetworkField::new(network, Precision::F64).unwrap();
    let (dim, n) = (field.dim(), batch.time.len());
    let double = |values: &[f32]| values.iter().map(|v| f64::from(*v)).collect::<Vec<f64>>();
    let mut sum = 0.0;
    for i in 0..n {
        let row = |values: &[f32]| double(&values[i * dim..][..dim]);
        let at = Moment { time: f64::from(batch.time[i]), signal: 1.0, noise: 0.0 };
        let (mut y, mut image) = (vec![0.0; dim], vec![0.0; dim]);
        field.tangents(at, &row(&batch.x), &row(&batch.crossing.direction), &mut y, &mut image);
        let error: f64 = y.iter().zip(row(&batch.target)).map(|(y, t)| (y - t).powi(2)).sum();
        let off = off(&batch.crossing.tangent[i * d * dim..][..d * dim], &image);
        sum += f64::from(batch.weight[i]) * (error + off.iter().map(|a| a * a).sum::<f64>()) / n as f64;
    }
    sum
}

#[test]
fn the_gradient_of_the_penalty_is_that_of_central_differences() {
    let (dim, d, n) = (4, 2, 5);
    for activation in [Activation::Selu, Activation::Silu, Activation::Gelu, Activation::Tanh] {
        let shape = Mlp { hidden: vec![7, 6], activation, ..Mlp::default() };
        let network = Network::Mlp(shape).graph(&[dim], 8, &Limits::default()).unwrap();
        let batch = random_batch(n, dim, d);
        let descent = Descent::penalised(&network, d).unwrap();
        let mut single = vec![0.0; descent.count()];
        descent.gradient(&descent.weights(), &batch, &mut single).unwrap();
        let double = gradient_in_f64(&network, &batch, d);
        let largest = double.iter().fold(0.0, |m: f64, g| m.max(g.abs()));
        let names: Vec<(String, usize)> = descent
            .spans()
            .iter()
            .flat_map(|s| s.range.clone().map(|k| (s.name.clone(), k - s.range.start)))
            .collect();
        for (k, (name, place)) in names.iter().enumerate() {
            let at = |step: f64| {
                let parameter = network.parameters().find(|p| p.name == name).unwrap();
                let mut values = parameter.values.to_vec();
                values[*place] += step;
                objective(&network.with_values(&[(name, &values)]).unwrap(), &batch, d)
            };
            let h = 1e-5;
            let difference = (at(h) - at(-h)) / (2.0 * h);
            let (f, s) = (double[k], f64::from(single[k]));
            assert!(
                (f - difference).abs() < 1e-8 * largest.max(1.0),
                "{activation:?} {name} {place}: {f} {difference}"
            );
            assert!(
                (s - difference).abs() < 2e-5 * largest,
                "{activation:?} {name} {place}: {s} {difference}"
            );
        }
    }
}

/// The gradient by all weights as [`Descent`] builds it, in f64.
fn gradient_in_f64(network: &Graph, batch: &Batch, d: usize) -> Vec<f64> {
    let names: Vec<&str> = network.parameters().map(|p| p.name).collect();
    let free = network.with_sample_times().with_parameters_as_inputs(&names).unwrap();
    let turned = tangent_over(&free, "x", "v", Extent::Sample).unwrap();
    let loss = squared_error(&turned, "y", "target", "weight").unwrap();
    let loss = square_off_plane(&loss, "y.v", ("plane", d), "weight").unwrap();
    let program = Program::new(&gradients(&loss, "loss", &names, "u").unwrap(), Precision::F64).unwrap();
    let n = batch.time.len();
    let double = |values: &[f32]| values.iter().map(|v| f64::from(*v)).collect::<Vec<f64>>();
    let mut inputs: Vec<(&str, Vec<f64>)> = vec![
        ("x", double(&batch.x)),
        ("t", double(&batch.time)),
        ("target", double(&batch.target)),
        ("weight", double(&batch.weight)),
        ("v", double(&batch.crossing.direction)),
        ("plane", double(&batch.crossing.tangent)),
        ("u", vec![1.0 / n as f64; n]),
    ];
    inputs.extend(network.parameters().map(|p| (p.name, p.values.to_vec())));
    let inputs: Vec<(&str, &[f64])> = inputs.iter().map(|(name, values)| (*name, &values[..])).collect();
    let ports: Vec<String> = names.iter().map(|name| format!("{name}.u")).collect();
    let mut found: Vec<Vec<f64>> = network.parameters().map(|p| vec![0.0; p.values.len()]).collect();
    let mut outputs: Vec<(&str, &mut [f64])> =
        ports.iter().zip(&mut found).map(|(p, g)| (p.as_str(), g.as_mut_slice())).collect();
    program.run(n, 0, &inputs, &mut outputs);
    found.concat()
}

/// On the circle y = (−x_2, x_1) turns along the support into off it in full, y = a x not at all.
#[test]
fn a_rotation_is_penalised_in_full_and_a_scaling_not_at_all() {
    let circle = || Sphere::new(2, 1.5).unwrap();
    let task = Task { cross: Some(penalty(circle())), batch: 500, ..flow(2) };
    let batch = task.batch(Family::Training, 3).unwrap();
    let weight = [0.0, 1.0, -1.0, 0.0, 0.0, 0.0];
    let rotation = mlp(2, &[]).with_values(&[("out.weight", &weight), ("out.bias", &[0.0; 2])]).unwrap();
    for (network, share) in [(rotation, 1.0), (diagonal(&[0.7, 0.7]), 0.0)] {
        let descent = Descent::penalised(&network, 1).unwrap();
        let mut gradient = vec![0.0; descent.count()];
        let sums = descent.gradient(&descent.weights(), &batch, &mut gradient).unwrap();
        let losses = descent.losses(&descent.weights(), &batch).unwrap();
        let mut penalised = 0;
        for (i, v) in batch.crossing.direction.chunks_exact(2).enumerate() {
            let square = v[0] * v[0] + v[1] * v[1];
            penalised += usize::from(square > 0.0);
            let expected = share * batch.weight[i] * square;
            let found = sums[i] - losses[i];
            assert!((found - expected).abs() < 1e-5 * (1.0 + losses[i]), "{i}: {found} {expected}");
            // At right angles to the state, which is near the data.
            let x = &batch.x[2 * i..][..2];
            assert!((x[0] * v[0] + x[1] * v[1]).abs() < 1e-5 * (1.0 + square));
        }
        // (1 − u)² + 0.1² ≤ (u/2)², from u = 0.674 on.
        assert!((penalised as f64 / 500.0 - 0.326).abs() < 0.005, "{penalised}");
    }
}

/// z has independent random signs: the directions are √strength ς (±1, ±1, 0).
#[test]
fn directions_are_random_signs_along_the_support() {
    let task = Task { cross: Some(penalty(axes(3, 2))), batch: 4000, ..diffusion(3, Weight::Sigma2) };
    let batch = task.batch(Family::Training, 0).unwrap();
    assert_eq!(batch, task.batch(Family::Training, 0).unwrap());
    assert_ne!(batch.crossing, task.batch(Family::Training, 1).unwrap().crossing);
    let mut counts = [0.0; 4];
    for ((v, t), u) in batch
        .crossing
        .direction
        .chunks_exact(3)
        .zip(batch.crossing.tangent.chunks_exact(6))
        .zip(&batch.model_time)
    {
        let (m, sigma) = (VP.signal(*u), VP.noise(*u));
        if sigma > 0.5 * m {
            assert!(v.iter().chain(t).all(|number| *number == 0.0));
            continue;
        }
        assert_eq!(t, [1.0, 0.0, 0.0, 0.0, 1.0, 0.0]);
        let size = (2.0 * sigma) as f32;
        assert!((v[0].abs() - size).abs() < 1e-6 && (v[1].abs() - size).abs() < 1e-6 && v[2] == 0.0, "{v:?}");
        counts[usize::from(v[0] > 0.0) + 2 * usize::from(v[1] > 0.0)] += 1.0;
    }
    let total: f64 = counts.iter().sum();
    // σ ≤ m/2 up to u = 0.145: an eighth of the times.
    assert!(
        (total - 506.0).abs() < 10.0 && counts.iter().all(|c| (c / total - 0.25).abs() < 0.08),
        "{counts:?}"
    );
}

#[test]
fn the_penalty_makes_cross_derivatives_smaller() {
    let circle = Data::Circle { radius: 1.0 }.law(0.0).unwrap();
    let task = Task { data: TrainingSet::Law(circle), batch: 64, ..flow(2) };
    let support = || Sphere::new(2, 1.0).unwrap();
    let cross = |penalty: Option<CrossPenalty>| {
        let mut trainer =
            Trainer::new(Task { cross: penalty, ..task.clone() }, &mlp(2, &[24, 24]), optimiser).unwrap();
        (0..400).for_each(|_| assert!(trainer.update().unwrap().loss.is_finite()));
        let field = NetworkField::new(&trainer.network().unwrap(), Precision::F64).unwrap();
        let mut square = 0.0;
        for i in 0..60 {
            let (sin, cos) = f64::from(i).sin_cos();
            let at = Moment { time: 0.9, signal: 0.9, noise: 0.1 };
            let (mut y, mut image) = ([0.0; 2], [0.0; 2]);
            field.tangents(at, &[0.9 * cos, 0.9 * sin], &[-sin, cos], &mut y, &mut image);
            square += (image[0] * cos + image[1] * sin).powi(2);
        }
        square
    };
    let (plain, penalised) =
        (cross(None), cross(Some(CrossPenalty { strength: 30.0, ..penalty(support()) })));
    assert!(penalised < 0.3 * plain, "{penalised} {plain}");
}

#[test]
fn penalties_that_do_not_fit_are_refused() {
    let refused = |cross: CrossPenalty| {
        let task = Task { cross: Some(cross), ..flow(3) };
        let error = Trainer::new(task, &mlp(3, &[8]), optimiser).err().expect("refused");
        assert!(matches!(error, Error::Invalid { .. }), "{error}");
    };
    refused(penalty(axes(2, 1)));
    refused(penalty(axes(3, 0)));
    refused(CrossPenalty { strength: 0.0, ..penalty(axes(3, 2)) });
    refused(CrossPenalty { strength: f64::INFINITY, ..penalty(axes(3, 2)) });
    refused(CrossPenalty { reach: f64::NAN, ..penalty(axes(3, 2)) });
    let descent = Descent::penalised(&mlp(3, &[8]), 2).unwrap();
    let batch = Batch { crossing: Crossing::default(), ..random_batch(4, 3, 2) };
    assert!(descent.gradient(&descent.weights(), &batch, &mut vec![0.0; descent.count()]).is_err());
}
