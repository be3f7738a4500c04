//! Throughput of value and tangents on the benchmark networks.
//!
//! Prints GFLOP/s (two operations for every multiply-add of the matrix products, value and tangents) of one thread and
//! of all, per instruction set: the median and the best of short runs, so that a neighbour's load can be seen.

use std::path::Path;
use std::time::{Duration, Instant};
use surefoot_graph::{CpuPath, Description, Graph, Limits, Network, Precision};

/// A network, its batch, and how often a batch is evaluated in a run.
struct Workload {
    name: &'static str,
    samples: usize,
    directions: usize,
}

const WORKLOADS: [Workload; 2] = [
    Workload { name: "w1", samples: 48 * 10, directions: 2 },
    Workload { name: "w1b", samples: 48, directions: 8 },
];

const RUNS: usize = 15;

fn main() {
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get());
    for workload in &WORKLOADS {
        let file = format!("{}/../../benches/data/{}.onnx", env!("CARGO_MANIFEST_DIR"), workload.name);
        let graph =
            Graph::read(Path::new(&file), &Limits::default()).expect("the benchmark network is readable");
        let about = Description::of(&graph);
        let flops = about.value_flops + workload.directions as u64 * about.tangent_flops;
        let flops = workload.samples as f64 * flops as f64;
        for precision in [Precision::F32, Precision::F64] {
            for path in [CpuPath::Avx512, CpuPath::Avx2, CpuPath::Portable] {
                if !path.is_available() {
                    continue;
                }
                let network = Network::with_path(&graph, precision, path).expect("the network compiles");
                let rates = [1, threads].map(|threads| rates(&network, workload, threads, flops));
                let text = rates.map(|(median, best)| format!("{median:7.1} (best {best:6.1})"));
                println!(
                    "{:4} {precision:?} {:8} GFLOP/s: one thread {}, {threads} threads {}",
                    workload.name,
                    path.name(),
                    text[0],
                    text[1]
                );
            }
        }
    }
}

/// Median and best GFLOP/s of all threads together.
fn rates(network: &Network, workload: &Workload, threads: usize, flops: f64) -> (f64, f64) {
    let mut runs: Vec<f64> = (0..RUNS)
        .map(|_| {
            let all: Vec<Duration> = std::thread::scope(|scope| {
                let handles: Vec<_> =
                    (0..threads).map(|_| scope.spawn(|| evaluate(network, workload))).collect();
                handles.into_iter().map(|h| h.join().expect("an evaluation does not panic")).collect()
            });
            all.iter().map(|d| flops / d.as_secs_f64() / 1e9).sum()
        })
        .collect();
    runs.sort_by(f64::total_cmp);
    (runs[runs.len() / 2], runs[runs.len() - 1])
}

/// Time of one evaluation after a first one.
fn evaluate(network: &Network, workload: &Workload) -> Duration {
    let (n, k, dim) = (workload.samples, workload.directions, network.dim());
    let x: Vec<f64> = (0..n * dim).map(|i| (i as f64 * 0.37).sin()).collect();
    let v: Vec<f64> = (0..n * k * dim).map(|i| (i as f64 * 0.11).cos()).collect();
    let (mut y, mut jv) = (vec![0.0; n * dim], vec![0.0; n * k * dim]);
    network.tangents(0.3, &x, &v, &mut y, &mut jv);
    let start = Instant::now();
    network.tangents(0.3, &x, &v, &mut y, &mut jv);
    start.elapsed()
}
