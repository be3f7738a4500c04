//! What a sweep costs beside the field itself: 40,000 samples in the plane, k = 2, 100 steps, on one thread.
//!
//!     cargo bench -p surefoot --bench sweep

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;
use surefoot::field::{Field, Moment};
use surefoot::law::Law;
use surefoot::linalg::orthonormalize;
use surefoot::process::{Clock, Drift, Grid, Predicts, Process};
use surefoot::random::{Stream, standard_normal};
use surefoot::sampler::{Method, Step};
use surefoot::spectrum::svd;
use surefoot::sweep::{Batch, Chain, Forward, Keep, Refinement, forward};

const SAMPLES: usize = 40_000;
const STEPS: usize = 100;
const TILE: usize = 64;
const ROUNDS: usize = 7;

/// y = −x (1 + time): nearly free.
struct Contraction(usize);

impl Field for Contraction {
    fn dim(&self) -> usize {
        self.0
    }
    fn eval(&self, at: Moment, x: &[f64], y: &mut [f64]) {
        y.iter_mut().zip(x).for_each(|(y, x)| *y = -(1.0 + at.time) * x);
    }
    fn tangents(&self, at: Moment, x: &[f64], v: &[f64], y: &mut [f64], jv: &mut [f64]) {
        self.eval(at, x, y);
        self.eval(at, v, jv);
    }
    fn adjoint(&self, at: Moment, x: &[f64], u: &[f64], y: &mut [f64], uj: &mut [f64]) {
        self.tangents(at, x, u, y, uj);
    }
}

struct Normal(usize);

impl Law for Normal {
    fn dim(&self) -> usize {
        self.0
    }
    fn sample(&self, rng: &mut Stream, x: &mut [f64]) {
        standard_normal(rng, x);
    }
}

fn step(dim: usize) -> Step {
    let drift = Drift {
        field: Arc::new(Contraction(dim)),
        process: Process::Flow,
        predicts: Predicts::Velocity,
        clock: Clock::Affine { at_noise: 0.0, at_data: 1.0 },
        error: None,
    };
    let grid = Grid::uniform(0.0, 1.0, STEPS);
    Step::new(drift, grid, Method::Euler, Vec::new()).expect("a valid step")
}

fn sweep(step: &Step, samples: usize, k: usize, keep: Keep) -> Vec<Forward> {
    let source = Normal(step.dim());
    (0..samples.div_ceil(TILE))
        .map(|tile| {
            let samples = tile * TILE..samples.min((tile + 1) * TILE);
            let batch = Batch { source: &source, seed: 1, samples, refinement: Refinement::Own };
            forward(step, &batch, k, keep).expect("a finite sweep")
        })
        .collect()
}

fn report(name: &str, mut work: impl FnMut()) {
    work();
    let mut seconds: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            work();
            start.elapsed().as_secs_f64()
        })
        .collect();
    seconds.sort_by(f64::total_cmp);
    println!("{name:<52} {:8.1} ms", 1e3 * seconds[ROUNDS / 2]);
}

fn main() {
    let plane = step(2);
    report("forward, D = 2, no tangents", || drop(black_box(sweep(&plane, SAMPLES, 0, Keep::default()))));
    report("forward, D = 2, k = 2", || drop(black_box(sweep(&plane, SAMPLES, 2, Keep::default()))));
    let keep = Keep { chain: true, ..Keep::default() };
    report("forward, D = 2, k = 2, chain kept", || drop(black_box(sweep(&plane, SAMPLES, 2, keep))));
    let swept = sweep(&plane, SAMPLES, 2, keep);
    report("svd of its chains", || {
        swept.iter().for_each(|found| decompose(&found.chain, found));
    });
    let large = step(16);
    report("forward, D = k = 16, 1,000 samples", || {
        drop(black_box(sweep(&large, 1000, 16, Keep::default())))
    });
    let swept = sweep(&large, 1000, 16, keep);
    report("svd of its chains, 1,000 samples", || {
        swept.iter().for_each(|found| decompose(&found.chain, found));
    });
    for (dim, k, samples) in [(2, 2, 64), (3, 3, 64), (16, 16, 64), (64, 64, 16), (784, 32, 4)] {
        let start = &sweep(&step(dim), samples, k, Keep::default())[0].start_frame;
        let (mut v, mut r) = (start.clone(), vec![0.0; samples * k * k]);
        let repeats = 4_000_000 / (samples * k * k * dim) + 1;
        report(&format!("orthonormalize, D = {dim}, k = {k}, {samples} samples × {repeats}"), || {
            (0..repeats).for_each(|_| orthonormalize(dim, k, black_box(&mut v), &mut r));
        });
    }
}

fn decompose(chain: &Chain, found: &Forward) {
    let svd = svd(chain, &found.start_frame, &found.end_frame).expect("a valid chain");
    assert!(black_box(svd).residual.iter().all(|residual| *residual < 1e-10));
}
