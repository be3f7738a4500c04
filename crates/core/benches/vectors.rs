//! What a vector more costs in high dimension: forward sweeps with QR of the image model with k vectors, against k sweeps with
//! one vector, and their rate beside the fastest matrix product of this machine.
//!
//!     cargo bench --workspace --bench vectors -- [SAMPLES] [STEPS] [RUNS]

use faer::{Accum, Mat, Par, linalg::matmul::matmul};
use std::sync::Arc;
use std::time::Instant;
use surefoot::field::NetworkField;
use surefoot::law::Gaussian;
use surefoot::process::{Clock, Drift, Family, Grid, Noising, Predicts, Process, Schedule};
use surefoot::sampler::{Method, Step};
use surefoot::sweep::{Batch, Keep, Refinement, forward};
use surefoot_graph::{Description, Graph, Limits, Precision};

const VECTORS: [usize; 9] = [1, 2, 4, 8, 16, 32, 50, 64, 100];
/// The peak is that of so many products of square matrices of this size on every thread.
const SIZE: usize = 1024;
const PRODUCTS: usize = 8;

fn main() {
    let words: Vec<usize> = std::env::args().skip(1).filter_map(|word| word.parse().ok()).collect();
    let number = |place: usize, usual: usize| words.get(place).copied().unwrap_or(usual);
    let (samples, steps, runs) = (number(0, 2), number(1, 4), number(2, 3));
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/mnist-ddpm.onnx");
    let graph = Graph::read(file, &Limits::default()).expect("a model");
    let description = Description::read(file, &Limits::default()).expect("a network");
    let gflop = |k: usize| {
        let one = description.value_flops as f64 + k as f64 * description.tangent_flops as f64;
        1e-9 * one * (samples * steps) as f64
    };
    let step = image_model(&graph, steps);
    let source = Gaussian::isotropic(step.dim(), 1.0);
    let batch = Batch { source: &source, seed: 5, samples: 0..samples, refinement: Refinement::Own };
    let sweep = |k: usize| {
        forward(&step, &batch, k, Keep::default()).expect("a sweep");
    };
    sweep(VECTORS[VECTORS.len() - 1]);
    let product = 1e-9 * 2.0 * (SIZE as f64).powi(3) * (PRODUCTS * rayon::current_num_threads()) as f64;
    let peak = product / fastest(runs.max(5), products);
    println!(
        "mnist-ddpm, {samples} samples, {steps} DDIM steps, best of {runs} runs; peak {peak:.0} GFLOP/s (f32, {SIZE}³)"
    );
    println!("{:>5}{:>10}{:>22}{:>12}{:>9}", "k", "seconds", "of k single vectors", "GFLOP/s", "of peak");
    let mut single = f64::NAN;
    for k in VECTORS {
        let seconds = fastest(runs, || sweep(k));
        if k == 1 {
            single = seconds;
        }
        let (share, rate) = (seconds / (k as f64 * single), gflop(k) / seconds);
        println!("{k:>5}{seconds:>10.3}{:>20.1} %{rate:>12.0}{:>7.0} %", 100.0 * share, 100.0 * rate / peak);
    }
}

fn image_model(graph: &Graph, steps: usize) -> Step {
    let noising = Noising { family: Family::Vp, schedule: Schedule::CosineNd };
    let drift = Drift {
        field: Arc::new(NetworkField::new(graph, Precision::F32).expect("a network")),
        process: Process::Diffusion { noising, noise_level: 0.0 },
        predicts: Predicts::Noise,
        clock: Clock::Affine { at_noise: 1000.0, at_data: 0.0 },
        error: None,
    };
    Step::new(drift, Grid::uniform(0.98, 0.002, steps), Method::Ddim, Vec::new()).expect("a step")
}

/// Seconds of the fastest run.
fn fastest(runs: usize, mut run: impl FnMut()) -> f64 {
    let timed = (0..runs).map(|_| {
        let start = Instant::now();
        run();
        start.elapsed().as_secs_f64()
    });
    timed.fold(f64::INFINITY, f64::min)
}

/// A product of square matrices on every thread.
fn products() {
    rayon::broadcast(|_| {
        let matrix =
            |seed: usize| Mat::from_fn(SIZE, SIZE, |i, j| ((i * 31 + j * 17 + seed) % 97) as f32 / 97.0);
        let (a, b, mut c) = (matrix(1), matrix(2), Mat::<f32>::zeros(SIZE, SIZE));
        (0..PRODUCTS).for_each(|_| matmul(c.as_mut(), Accum::Replace, a.as_ref(), b.as_ref(), 1.0, Par::Seq));
    });
}
