//! Throughput of value and tangents on the benchmark networks.
//!
//! Prints GFLOP/s (two operations for every multiply-add of the matrix products, value and tangents) of one thread and
//! of all, per instruction set: the median and the best of short runs, so that a neighbour's load can be seen.
//! Before that, seconds from the file to the first result at one sample.

use std::path::Path;
use std::sync::Barrier;
use std::time::Instant;
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

/// Networks with the directions of their workload.
const COLD: [(&str, usize); 3] = [("w1", 2), ("w1b", 64), ("w2", 32)];

const RUNS: usize = 15;

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get());
    COLD.iter().for_each(|(name, directions)| cold_start(name, *directions));
    for workload in &WORKLOADS {
        let file = file(workload.name);
        let graph =
            Graph::read(Path::new(&file), &Limits::default()).expect("the benchmark network is readable");
        let about = Description::of(&graph);
        let flops = about.value_flops + workload.directions as u64 * about.tangent_flops;
        let flops = workload.samples as f64 * flops as f64;
        for precision in [Precision::F32, Precision::F64] {
            for path in [CpuPath::Avx512, CpuPath::Avx2, CpuPath::Portable] {
                let title = format!("{:4} {precision:?} {:8}", workload.name, path.name());
                let words: Vec<&str> = title.split_whitespace().collect();
                if !path.is_available() || !wanted.iter().all(|w| words.contains(&w.as_str())) {
                    continue;
                }
                let network = Network::with_path(&graph, precision, path).expect("the network compiles");
                let rates = [1, threads].map(|threads| rates(&network, workload, threads, flops));
                let text = rates.map(|(median, best)| format!("{median:7.1} (best {best:6.1})"));
                println!("{title} GFLOP/s: one thread {}, {threads} threads {}", text[0], text[1]);
            }
        }
    }
}

fn file(name: &str) -> String {
    format!("{}/../../bench/data/{name}.onnx", env!("CARGO_MANIFEST_DIR"))
}

/// Reads, compiles and evaluates value and tangents at one sample.
fn cold_start(name: &str, directions: usize) {
    let start = Instant::now();
    let graph = Graph::read(file(name), &Limits::default()).expect("the benchmark network is readable");
    let read = start.elapsed().as_secs_f64();
    let network = Network::new(&graph, Precision::F32).expect("the network compiles");
    let compiled = start.elapsed().as_secs_f64();
    let dim = network.dim();
    let (x, v) = (vec![0.5; dim], vec![0.25; directions * dim]);
    let (mut y, mut jv) = (vec![0.0; dim], vec![0.0; directions * dim]);
    network.tangents(0.3, &x, &v, &mut y, &mut jv);
    let done = start.elapsed().as_secs_f64();
    println!("{name:4} from the file: read {read:.3} s, compiled {compiled:.3} s, first result {done:.3} s");
}

/// Median and best GFLOP/s of all threads together, from the first start to the last end.
fn rates(network: &Network, workload: &Workload, threads: usize, flops: f64) -> (f64, f64) {
    let barrier = Barrier::new(threads);
    let mut runs: Vec<f64> = (0..RUNS)
        .map(|_| {
            let spans: Vec<(Instant, Instant)> = std::thread::scope(|scope| {
                let evaluate = || evaluate(network, workload, &barrier);
                let handles: Vec<_> = (0..threads).map(|_| scope.spawn(evaluate)).collect();
                handles.into_iter().map(|h| h.join().expect("an evaluation does not panic")).collect()
            });
            let start = spans.iter().map(|s| s.0).min().expect("there is a thread");
            let end = spans.iter().map(|s| s.1).max().expect("there is a thread");
            threads as f64 * flops / (end - start).as_secs_f64() / 1e9
        })
        .collect();
    runs.sort_by(f64::total_cmp);
    (runs[runs.len() / 2], runs[runs.len() - 1])
}

/// Start and end of an evaluation that all threads begin together, after a first one.
fn evaluate(network: &Network, workload: &Workload, barrier: &Barrier) -> (Instant, Instant) {
    let (n, k, dim) = (workload.samples, workload.directions, network.dim());
    let x: Vec<f64> = (0..n * dim).map(|i| (i as f64 * 0.37).sin()).collect();
    let v: Vec<f64> = (0..n * k * dim).map(|i| (i as f64 * 0.11).cos()).collect();
    let (mut y, mut jv) = (vec![0.0; n * dim], vec![0.0; n * k * dim]);
    network.tangents(0.3, &x, &v, &mut y, &mut jv);
    barrier.wait();
    let start = Instant::now();
    network.tangents(0.3, &x, &v, &mut y, &mut jv);
    (start, Instant::now())
}
