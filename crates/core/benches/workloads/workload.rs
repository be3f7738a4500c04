//! W1, W1b, W2 and W3 as steps of the library's samplers.

use crate::Failure;
use crate::rival::bench_folder;
use rayon::prelude::*;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use surefoot::field::{NetworkField, Quadrature, Score, SharedField};
use surefoot::geometry::Curve;
use surefoot::law::Law;
use surefoot::process::{Clock, Drift, Family, Grid, Noising, Predicts, Process, Schedule};
use surefoot::random::{Purpose, Stream, standard_normal, stream};
use surefoot::sampler::{Method, Step};
use surefoot::sweep::{Batch, Keep, Refinement, forward};
use surefoot_graph::{Graph, Limits, Precision};

/// All workloads.
pub const NAMES: [&str; 4] = ["w1", "w1b", "w2", "w3"];

/// Tangents of w2; the other workloads have as many as dimensions.
const TANGENTS: usize = 32;

/// Nodes of w3, and the relative accuracy asked of their score.
const NODES: usize = 512;
const TOLERANCE: f64 = 4.9e-10;

/// A workload ready to run.
pub struct Workload {
    /// Name as in `bench/README.md`.
    pub name: &'static str,
    /// Tangents a sample.
    pub k: usize,
    /// 10⁹ floating-point operations of its linear layers, 0 where there are none.
    pub gflop: f64,
    /// What the median difference of the end states must stay below.
    pub tolerance: f64,
    step: Step,
    start: Start,
    tile: usize,
}

/// End states `[n, D]` and Σ_i log growth `[n]`, which for k = D (all but w2) does not depend on the start frame.
#[derive(Default)]
pub struct Outcome {
    /// x_τ
    pub end: Vec<f64>,
    /// Σ log R_ii over steps and vectors
    pub growth: Vec<f64>,
}

/// Given start points as a law: a sample's stream is keyed by its index.
struct Start {
    dim: usize,
    points: Vec<f64>,
}

impl Law for Start {
    fn dim(&self) -> usize {
        self.dim
    }

    fn sample(&self, rng: &mut Stream, x: &mut [f64]) {
        let key = rng.get_seed();
        let index = u64::from_le_bytes(key[8..16].try_into().expect("eight bytes")) as usize;
        x.copy_from_slice(&self.points[index * self.dim..][..self.dim]);
    }
}

impl Workload {
    /// Whether a job of `rivals.py` does this workload in the precision that it is defined for.
    pub fn is_rival(&self, job: &str) -> bool {
        let mut words = job.split('-').skip(1);
        words.next() == Some(self.name) && words.all(|word| word != "f32")
    }

    /// All paths, tiles of samples in parallel.
    pub fn run(&self) -> Result<Outcome, Failure> {
        let samples = self.start.points.len() / self.start.dim;
        let tiles: Vec<Range<usize>> =
            (0..samples).step_by(self.tile).map(|first| first..(first + self.tile).min(samples)).collect();
        let parts = tiles.into_par_iter().map(|tile| self.follow(tile)).collect::<Result<Vec<_>, _>>()?;
        let mut all = Outcome::default();
        for part in parts {
            all.end.extend(part.end);
            all.growth.extend(part.growth);
        }
        Ok(all)
    }

    fn follow(&self, samples: Range<usize>) -> surefoot::Result<Outcome> {
        let batch = Batch { source: &self.start, seed: 7, samples, refinement: Refinement::Own };
        let sweep = forward(&self.step, &batch, self.k, Keep::default())?;
        let growth = sweep.log_growth.chunks(self.k).map(|sample| sample.iter().sum()).collect();
        Ok(Outcome { end: sweep.end, growth })
    }
}

/// The workloads on the inputs that `rivals.py inputs` wrote.
pub fn from_inputs(folder: &Path) -> Result<Vec<Workload>, Failure> {
    let points = |name: &str| read_npy(&folder.join(format!("{name}.x.npy")));
    all([points("w1")?, points("w1b")?, points("w2")?, points("w3")?])
}

/// The workloads on start points of our own.
pub fn without_rivals() -> Result<Vec<Workload>, Failure> {
    let normal = |count: usize, sigma: f64| {
        let mut x = vec![0.0; count];
        standard_normal(&mut stream(7, 0, Purpose::Source), &mut x);
        x.iter_mut().for_each(|x| *x *= sigma);
        x
    };
    all([normal(80_000, 1.0), normal(256 * 64, 1.0), normal(784, 1.0), normal(80_000, 3.0)])
}

fn all([w1, w1b, w2, w3]: [Vec<f64>; 4]) -> Result<Vec<Workload>, Failure> {
    let workload = |name, step: Step, points: Vec<f64>, gflop, tolerance, tile| {
        let dim = step.dim();
        Workload {
            name,
            k: if name == "w2" { TANGENTS } else { dim },
            gflop,
            tolerance,
            step,
            start: Start { dim, points },
            tile,
        }
    };
    Ok(vec![
        workload("w1", flow("w1", 100)?, w1, 204.3, 1e-6, 64),
        workload("w1b", flow("w1b", 20)?, w1b, 392.9, 1e-6, 16),
        workload("w2", flow("w2", 5)?, w2, 134.7, 1e-6, 1),
        workload("w3", trefoil()?, w3, 0.0, 1e-9, 256),
    ])
}

/// Euler steps of a velocity network in f32.
fn flow(network: &str, steps: usize) -> Result<Step, Failure> {
    let file = bench_folder().join(format!("data/{network}.onnx"));
    let graph = Graph::read(file, &Limits::default())?;
    let field: SharedField = Arc::new(NetworkField::new(&graph, Precision::F32)?);
    let drift = Drift {
        field,
        process: Process::Flow,
        predicts: Predicts::Velocity,
        clock: Clock::Affine { at_noise: 0.0, at_data: 1.0 },
        error: None,
    };
    Ok(Step::new(drift, Grid::uniform(0.0, 1.0, steps), Method::Euler, Vec::new())?)
}

/// x + σ_i (σ_i − σ_{i+1}) s over geometric noise levels is the deterministic DDIM step of `ve`.
fn trefoil() -> Result<Step, Failure> {
    let noising =
        Noising { family: Family::Ve, schedule: Schedule::Geometric { sigma_min: 0.05, sigma_max: 3.0 } };
    let drift = Drift {
        field: Arc::new(Score::new(Quadrature::nodes(Curve::trefoil(), NODES, TOLERANCE), 0.0)),
        process: Process::Diffusion { noising, noise_level: 0.0 },
        predicts: Predicts::Score,
        clock: Clock::Affine { at_noise: 1.0, at_data: 0.0 },
        error: None,
    };
    Ok(Step::new(drift, Grid::uniform(1.0, 0.0, 50), Method::Ddim, Vec::new())?)
}

/// Numbers of an `.npy` file in f64.
pub fn read_npy(file: &Path) -> Result<Vec<f64>, Failure> {
    let bytes = std::fs::read(file)?;
    Ok(npyz::NpyFile::new(&bytes[..])?.into_vec()?)
}
