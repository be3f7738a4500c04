//! Leading vectors by subspace iteration: against the full decomposition, closed forms and sweeps without frames
//! (theory §4, §11).

mod common;

use common::{LINEAR, StandardNormalLaw, Swirl, diffusion, flow, gaussian};
use std::ops::Range;
use std::sync::Arc;
use surefoot::Error;
use surefoot::error_field::{Chi, ModelError, Place};
use surefoot::field::NetworkField;
use surefoot::process::{Family, Grid, Noising};
use surefoot::sampler::{Method, Step, StepNoise};
use surefoot::spectrum::{Leading, Search, leading, svd};
use surefoot::sweep::{Batch, Chain, Keep, Pace, Refinement, Shuttled, Storage, Trail, forward};
use surefoot::train::networks::{Mlp, Network};
use surefoot_graph::{Limits, Precision};

const VP: Noising = Noising { family: Family::Vp, schedule: LINEAR };
const GRID: Grid = Grid::uniform(0.5, 0.1, 24);
const SEARCH: Search = Search { vectors: 1, extra: 2, rounds: 400, tolerance: 1e-10, seed: 5 };

fn swirl(dim: usize, level: f64, method: Method) -> Step {
    Step::new(diffusion(Arc::new(Swirl(dim)), VP, level), GRID, method, vec![]).unwrap()
}

fn search(step: &Step, samples: Range<usize>, storage: Storage, search: Search) -> Leading {
    let source = StandardNormalLaw(step.dim());
    let batch = Batch { source: &source, seed: 42, samples, refinement: Refinement::Own };
    leading(&mut Trail::record(step, &batch, storage).unwrap(), search).unwrap()
}

/// log σ, left and right vectors of the sample, from the chain of a whole frame.
fn whole(step: &Step, sample: usize) -> [Vec<f64>; 3] {
    let source = StandardNormalLaw(step.dim());
    let samples = sample..sample + 1;
    let batch = Batch { source: &source, seed: 42, samples, refinement: Refinement::Own };
    let keep = Keep { chain: true, ..Keep::default() };
    let run = forward(step, &batch, step.dim(), keep).unwrap();
    let found = svd(&run.chain, &run.start_frame, &run.end_frame).unwrap();
    [found.log_values, found.left, found.right]
}

fn sine(a: &[f64], b: &[f64]) -> f64 {
    let cosine: f64 = a.iter().zip(b).map(|(a, b)| a * b).sum();
    a.iter().zip(b).map(|(a, b)| (a - cosine * b).powi(2)).sum::<f64>().sqrt()
}

#[test]
fn leading_vectors_are_those_of_the_whole_decomposition() {
    let cases = [(1, 1, 0), (2, 1, 1), (5, 1, 0), (5, 3, 1), (5, 5, 3), (12, 1, 3), (12, 4, 4), (12, 12, 0)];
    for (dim, k, extra) in cases {
        for (level, method) in [(0.0, Method::Heun), (1.0, Method::Euler)] {
            let step = swirl(dim, level, method);
            let wanted = Search { vectors: k, extra, ..SEARCH };
            let found = search(&step, 7..9, Storage::Spacing(5), wanted);
            for place in 0..2 {
                let [log_values, left, right] = whole(&step, 7 + place);
                assert_eq!(found.converged[place], k, "{dim} {k}: {:?}", found.residuals);
                for i in 0..k {
                    let row = (place * k + i) * dim..(place * k + i + 1) * dim;
                    let own = i * dim..(i + 1) * dim;
                    let difference = found.log_values[place * k + i] - log_values[i];
                    assert!(difference.abs() < 1e-10, "{dim} {k} {i}: {difference:e}");
                    let above = if i > 0 { log_values[i - 1] - log_values[i] } else { 1.0 };
                    let below = if i + 1 < dim { log_values[i] - log_values[i + 1] } else { 1.0 };
                    let allowed = 1e-8 / above.min(below).min(1.0);
                    assert!(sine(&found.left[row.clone()], &left[own.clone()]) < allowed, "{dim} {k} {i}");
                    assert!(sine(&found.right[row], &right[own]) < allowed, "{dim} {k} {i}");
                }
            }
        }
    }
}

/// The flow map of a Gaussian target is diagonal; its factors on the grid are products of those of the steps, here
/// e^{-40} and more apart.
#[test]
fn small_singular_values_keep_their_digits() {
    let variances = [4.0, 1.0, 0.3, 0.04, 1e-3, 0.0];
    let grid = Grid::uniform(1.0, 1e-4, 40);
    let step = Step::new(gaussian(&variances, VP, 1.0), grid, Method::Heun, vec![]).unwrap();
    let found = search(&step, 0..1, Storage::Bytes(1 << 20), Search { vectors: 5, extra: 0, ..SEARCH });
    let dim = variances.len();
    let mut rows = vec![0.0; dim * dim];
    (0..dim).for_each(|i| rows[i * dim + i] = 1.0);
    let mut log_factors = vec![0.0; dim];
    for n in 0..grid.steps {
        let (x, noise) = (vec![0.0; dim], vec![0.0; dim]);
        let (mut next, mut image) = (x.clone(), rows.clone());
        let noise = StepNoise { xi: &noise, ..StepNoise::default() };
        step.advance_tangent(n, &x, noise, &rows, &mut next, &mut image);
        (0..dim).for_each(|i| log_factors[i] += image[i * dim + i].abs().ln());
    }
    let mut order: Vec<usize> = (0..dim).collect();
    order.sort_by(|a, b| log_factors[*b].total_cmp(&log_factors[*a]));
    assert_eq!(found.converged, [5]);
    for (i, axis) in order.into_iter().take(5).enumerate() {
        assert!((found.log_values[i] - log_factors[axis]).abs() < 1e-10, "{i}");
        let unit: Vec<f64> = (0..dim).map(|a| f64::from(u8::from(a == axis))).collect();
        assert!(sine(&unit, &found.left[i * dim..][..dim]) < 1e-9, "{i}");
        assert!(sine(&unit, &found.right[i * dim..][..dim]) < 1e-9, "{i}");
    }
}

/// The flow of a random network on samples of a shape.
fn network_flow(shape: &[usize], seed: u64, steps: usize) -> Step {
    let mlp = Mlp { hidden: vec![96, 96], ..Mlp::default() };
    let graph = Network::from(mlp).graph(shape, seed, &Limits::default()).unwrap();
    let field = Arc::new(NetworkField::new(&graph, Precision::F64).unwrap());
    Step::new(flow(field), Grid::uniform(0.0, 1.0, steps), Method::Euler, vec![]).unwrap()
}

/// ‖Jᵀu_i − σ_i v_i‖/σ_i of one sample's vectors, by a sweep back without frames.
fn plain_residuals(trail: &mut Trail, found: &Leading) -> Vec<f64> {
    let dim = trail.step().dim();
    let image = trail.backward(found.left.clone(), Place::Output, &mut |_| ()).unwrap().start;
    let rows = image.chunks_exact(dim).zip(found.right.chunks_exact(dim)).zip(&found.log_values);
    let residual = |((image, v), log): ((&[f64], &[f64]), &f64)| {
        image.iter().zip(v).map(|(image, v)| (image / log.exp() - v).powi(2)).sum::<f64>().sqrt()
    };
    rows.map(residual).collect()
}

/// Stopped early, the certificate is the residual that a sweep back without frames finds.
#[test]
fn residuals_are_measured() {
    let (dim, k) = (12, 3);
    let step = swirl(dim, 0.0, Method::Heun);
    let few = Search { vectors: k, extra: 1, rounds: 2, ..SEARCH };
    let found = search(&step, 3..4, Storage::Spacing(7), few);
    assert_eq!((found.converged[0], found.rounds[0]), (0, 2));
    let source = StandardNormalLaw(dim);
    let batch = Batch { source: &source, seed: 42, samples: 3..4, refinement: Refinement::Own };
    let mut trail = Trail::record(&step, &batch, Storage::Bytes(1 << 20)).unwrap();
    for (i, residual) in plain_residuals(&mut trail, &found).into_iter().enumerate() {
        assert!(residual > 1e-4);
        // Second-order parts along earlier vectors are counted otherwise.
        assert!((found.residuals[i] / residual - 1.0).abs() < 0.05, "{i}: {} {residual}", found.residuals[i]);
    }
}

/// At the same number of products with Jacobians and their transposes, the leading vector is nearer to the exact one than
/// that of one sweep of QR.
#[test]
fn nearer_than_one_sweep_at_equal_cost() {
    let (dim, k, rounds) = (24, 1, 3);
    let grid = Grid::uniform(1.0, 0.001, 200);
    let drift = diffusion(Arc::new(Swirl(dim)), VP, 0.0);
    let step = Step::new(drift, grid, Method::Heun, vec![]).unwrap();
    let found =
        search(&step, 0..8, Storage::Bytes(1 << 20), Search { vectors: k, extra: 1, rounds, ..SEARCH });
    let source = StandardNormalLaw(dim);
    let batch = Batch { source: &source, seed: 42, samples: 0..8, refinement: Refinement::Own };
    let products = rounds * 2 * (k + 1);
    let swept = forward(&step, &batch, products, Keep::default()).unwrap();
    let mut nearer = 0;
    for sample in 0..8 {
        let [_, left, _] = whole(&step, sample);
        let ours = sine(&found.left[sample * dim..][..dim], &left[..dim]);
        let theirs = sine(&swept.end_frame[sample * products * dim..][..dim], &left[..dim]);
        nearer += usize::from(ours < 0.5 * theirs);
    }
    assert!(nearer >= 7, "{nearer}");
}

#[test]
fn a_sample_does_not_depend_on_its_batch() {
    let step = swirl(6, 1.0, Method::Euler);
    let wanted = Search { vectors: 2, ..SEARCH };
    let together = search(&step, 10..15, Storage::Spacing(1), wanted);
    for sample in 0..5 {
        let alone = search(&step, 10 + sample..11 + sample, Storage::Spacing(24), wanted);
        assert_eq!(alone.log_values, together.log_values[sample * 2..][..2]);
        assert_eq!(alone.left, together.left[sample * 12..][..12]);
        assert_eq!(alone.residuals, together.residuals[sample * 2..][..2]);
        assert_eq!(alone.rounds[0], together.rounds[sample]);
    }
}

/// A network on images of 8 × 8 pixels, D = 64: the four leading vectors are those of the whole decomposition.
#[test]
fn vectors_of_a_network_in_64_dimensions() {
    let step = network_flow(&[1, 8, 8], 7, 20);
    let wanted = Search { vectors: 4, extra: 12, tolerance: 1e-9, ..SEARCH };
    let found = search(&step, 2..3, Storage::Spacing(6), wanted);
    assert_eq!(found.converged, [4], "{:?}", found.residuals);
    let [log_values, left, right] = whole(&step, 2);
    for (i, log_value) in found.log_values.iter().enumerate() {
        assert!((log_value - log_values[i]).abs() < 1e-9, "{i}");
        let row = i * 64..(i + 1) * 64;
        assert!(sine(&found.left[row.clone()], &left[row.clone()]) < 1e-6, "{i}");
        assert!(sine(&found.right[row.clone()], &right[row]) < 1e-6, "{i}");
    }
}

/// A network in 64 dimensions, eight vectors, three rounds with eight columns: the space of all rounds holds vectors and
/// values much nearer to the exact ones than the last round alone, for no more products.
#[test]
fn rounds_are_taken_together() {
    let step = network_flow(&[64], 11, 12);
    let (k, dim, rounds) = (8, 64, 3);
    let wanted = Search { vectors: k, extra: 0, rounds, ..SEARCH };
    let together = search(&step, 4..5, Storage::Spacing(5), wanted);
    assert_eq!(together.rounds, [rounds]);
    let source = StandardNormalLaw(dim);
    let batch = Batch { source: &source, seed: 42, samples: 4..5, refinement: Refinement::Own };
    let mut trail = Trail::record(&step, &batch, Storage::Bytes(1 << 20)).unwrap();
    let first = Search { rounds: 1, ..wanted };
    let mut frame = search(&step, 4..5, Storage::Spacing(5), first).subspace;
    let (mut alone, mut alone_left) = (Vec::new(), Vec::new());
    for _ in 0..rounds - 1 {
        let forth = trail.forth(frame.clone(), None).unwrap();
        let triples = svd(&forth.chain, &frame, &forth.frame).unwrap();
        alone = triples.log_values.clone();
        alone_left = triples.left.clone();
        frame = trail.back(triples.left, None).unwrap().frame;
    }
    let [exact, left, _] = whole(&step, 4);
    for i in 0..k {
        let below = |values: &[f64]| exact[i] - values[i];
        assert!(below(&together.log_values) > -1e-10 && below(&alone) > -1e-10, "never too large");
        assert!(below(&together.log_values) < 0.5 * below(&alone), "{i}: {exact:?} {alone:?}");
    }
    let [ours, theirs] = [&together.left, &alone_left].map(|found| sine(&found[..dim], &left[..dim]));
    assert!(ours < 0.5 * theirs, "{ours} {theirs}");
    // Certified residuals are those of a sweep back without frames.
    for (i, residual) in plain_residuals(&mut trail, &together).into_iter().enumerate() {
        assert!((together.residuals[i] / residual - 1.0).abs() < 1e-6, "{i}");
    }
}

/// Below rounding no residual comes: the search ends where there is nothing more to see, and says how many converged.
#[test]
fn a_search_that_has_seen_the_whole_space_ends() {
    for (dim, k, extra) in [(4, 1, 0), (9, 3, 1), (20, 5, 3)] {
        let step = swirl(dim, 0.0, Method::Heun);
        let never = Search { vectors: k, extra, rounds: 60, tolerance: 1e-300, seed: 5 };
        let found = search(&step, 0..2, Storage::Spacing(5), never);
        assert!(found.converged.iter().all(|converged| *converged < k), "{:?}", found.converged);
        assert!(found.rounds.iter().all(|rounds| *rounds < 60), "{:?}", found.rounds);
        for sample in 0..2 {
            let [log_values, ..] = whole(&step, sample);
            let own = &found.log_values[sample * k..][..k];
            let apart = own.iter().zip(&log_values).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            assert!(apart < 1e-12, "{dim} {k}: {apart:e}");
        }
    }
}

#[test]
fn one_step_is_enough() {
    let drift = diffusion(Arc::new(Swirl(4)), VP, 0.0);
    let step = Step::new(drift, Grid { steps: 1, ..GRID }, Method::Euler, vec![]).unwrap();
    let found = search(&step, 0..1, Storage::Spacing(1), Search { vectors: 2, ..SEARCH });
    let [log_values, ..] = whole(&step, 0);
    assert!((found.log_values[0] - log_values[0]).abs() < 1e-12);
    assert!((found.log_values[1] - log_values[1]).abs() < 1e-12);
}

#[test]
fn searches_without_meaning_are_refused() {
    let source = StandardNormalLaw(3);
    let batch = Batch { source: &source, seed: 1, samples: 0..1, refinement: Refinement::Own };
    let step = swirl(3, 0.0, Method::Euler);
    let mut trail = Trail::record(&step, &batch, Storage::Spacing(4)).unwrap();
    let tolerances = [0.0, -1.0, f64::NAN, f64::INFINITY].map(|tolerance| Search { tolerance, ..SEARCH });
    let numbers =
        [Search { vectors: 0, ..SEARCH }, Search { vectors: 4, ..SEARCH }, Search { rounds: 0, ..SEARCH }];
    for wrong in numbers.into_iter().chain(tolerances) {
        assert!(matches!(leading(&mut trail, wrong), Err(Error::Invalid { .. })));
    }
    assert!(matches!(trail.forth(vec![1.0; 4], None), Err(Error::Invalid { .. })));
    let error = ModelError { chi: Chi::White, place: Place::Output, size: 0.1 };
    let drift = diffusion(Arc::new(Swirl(3)), VP, 0.0);
    let forced = Step::new(drift, GRID, Method::Euler, vec![error]).unwrap();
    let mut trail = Trail::record(&forced, &batch, Storage::Spacing(4)).unwrap();
    assert!(matches!(leading(&mut trail, SEARCH), Err(Error::Invalid { .. })));
}

/// Log σ of what a shuttle carried, and its frame.
fn assert_same(a: &Shuttled, b: &Shuttled, start: &[f64]) {
    let values = |carried: &Shuttled| svd(&carried.chain, start, &carried.frame).unwrap().log_values;
    for (a, b) in values(a).iter().zip(&values(b)) {
        assert!((a - b).abs() < 1e-10, "log σ {a} {b}");
    }
    for (a, b) in a.frame.iter().zip(&b.frame) {
        assert!((a - b).abs() < 1e-10, "frames {a} {b}");
    }
}

#[test]
fn frames_made_orthonormal_as_needed_end_as_those_of_every_step() {
    let (dim, k, n) = (9, 4, 3);
    for method in [Method::Euler, Method::Heun] {
        let step = swirl(dim, 1.0, method);
        let source = StandardNormalLaw(dim);
        let batch = Batch { source: &source, seed: 42, samples: 0..n, refinement: Refinement::Own };
        let mut trail = Trail::record(&step, &batch, Storage::Spacing(5)).unwrap();
        let axis = |row: usize, c: usize| f64::from(u8::from(c == 2 * row));
        let start: Vec<f64> = (0..n).flat_map(|_| (0..k * dim).map(|e| axis(e / dim, e % dim))).collect();
        let every = [trail.forth(start.clone(), None).unwrap(), trail.back(start.clone(), None).unwrap()];
        let paces = [&every[0], &every[1]].map(|carried| Pace::of(&carried.chain));
        for pace in &paces {
            assert!((0..n).all(|sample| pace.count(sample) < GRID.steps), "{pace:?}");
        }
        assert_same(&trail.forth(start.clone(), Some(&paces[0])).unwrap(), &every[0], &start);
        assert_same(&trail.back(start.clone(), Some(&paces[1])).unwrap(), &every[1], &start);
    }
}

#[test]
fn a_pace_that_is_too_slow_is_given_up() {
    // A singular direction beside one that stays: a single QR at the end would see nothing of what it has shrunk by.
    let grid = Grid::uniform(1.0, 1e-4, 400);
    let step = Step::new(gaussian(&[4.0, 0.0], VP, 3.0), grid, Method::Heun, vec![]).unwrap();
    let source = StandardNormalLaw(2);
    let batch = Batch { source: &source, seed: 42, samples: 0..2, refinement: Refinement::Own };
    let mut trail = Trail::record(&step, &batch, Storage::Bytes(1 << 20)).unwrap();
    let identity = Chain { k: 2, samples: 2, factors: [1.0, 0.0, 0.0, 1.0].repeat(2 * grid.steps) };
    let slow = Pace::of(&identity);
    assert_eq!(slow.count(0), 1);
    let start = [1.0, 1.0, 1.0, -1.0].repeat(2).iter().map(|x| x / 2f64.sqrt()).collect::<Vec<_>>();
    let every = trail.forth(start.clone(), None).unwrap();
    let logs = svd(&every.chain, &start, &every.frame).unwrap().log_values;
    assert!(logs[0] - logs[1] > 15.0, "a contraction beyond what is allowed: {logs:?}");
    let given_up = trail.forth(start, Some(&slow)).unwrap();
    assert_eq!(given_up.frame, every.frame);
    assert_eq!(given_up.chain.factors, every.chain.factors);
}
