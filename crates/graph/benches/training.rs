//! Training steps by turns with PyTorch and JAX.
//!
//!     cargo bench -p surefoot-graph --bench training -- [NETWORK-BATCH…] [--rivals PYTHON]… [--pairs N]
//!
//! A step is value and gradient by all weights of the mean squared error, for `mlp` with an update by Adam. The rivals are
//! the jobs of `bench/training_rivals.py` that the Python programs named can run. Both sides start from the same
//! numbers, and their first losses are printed.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Instant;
use surefoot_graph::passes::{gradients, squared_error};
use surefoot_graph::{Graph, Limits, Precision, Program};

/// Whatever ends the bench early.
type Failure = Box<dyn std::error::Error>;

const NETWORKS: [(&str, &str); 3] =
    [("mlp", "bench/data/w1.onnx"), ("w2", "bench/data/w2.onnx"), ("ddpm", "models/mnist-ddpm.onnx")];
const JOBS: [&str; 3] = ["mlp-256", "w2-16", "ddpm-16"];

struct Options {
    rivals: Vec<PathBuf>,
    pairs: usize,
    jobs: Vec<String>,
}

fn main() -> Result<(), Failure> {
    let options = options()?;
    // As the command does: this thread is one of those that work.
    rayon::ThreadPoolBuilder::new().use_current_thread().build_global()?;
    let mut rivals = options.rivals.iter().map(|p| Rival::start(p)).collect::<Result<Vec<_>, Failure>>()?;
    for job in &options.jobs {
        let (mut step, count) = (Step::new(job)?, if job.starts_with("mlp") { 200 } else { 1 });
        let loss = step.run()?;
        let time = |step: &mut Step| -> Result<f64, Failure> {
            let start = Instant::now();
            for _ in 0..count {
                step.run()?;
            }
            Ok(start.elapsed().as_secs_f64() / count as f64)
        };
        time(&mut step)?;
        println!("{job}: first loss {loss:.6}");
        let mut compared = false;
        for rival in &mut rivals {
            for library in rival.libraries(job) {
                let name = format!("{library}-{job}");
                let (_, theirs) = rival.run(&name)?;
                let mut pairs = Vec::new();
                for _ in 0..options.pairs {
                    pairs.push((time(&mut step)?, rival.run(&name)?.0));
                }
                let [ours, other, ratio] = [
                    median(pairs.iter().map(|p| p.0)),
                    median(pairs.iter().map(|p| p.1)),
                    median(pairs.iter().map(|p| p.1 / p.0)),
                ];
                println!(
                    "  ours {:.3} ms, {name} {:.3} ms (loss {theirs:.6}): {ratio:.2} times",
                    1e3 * ours,
                    1e3 * other
                );
                compared = true;
            }
        }
        if !compared {
            let times: Vec<f64> =
                (0..options.pairs).map(|_| time(&mut step)).collect::<Result<_, Failure>>()?;
            let best = times.iter().copied().fold(f64::INFINITY, f64::min);
            println!("  {:.3} ms a step (best {:.3})", 1e3 * median(times.into_iter()), 1e3 * best);
        }
    }
    Ok(())
}

fn options() -> Result<Options, Failure> {
    let mut options = Options { rivals: vec![], pairs: 7, jobs: vec![] };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--bench" => {}
            "--rivals" => options.rivals.push(words.next().ok_or("--rivals needs a Python program")?.into()),
            "--pairs" => {
                options.pairs = words.next().ok_or("--pairs needs a number")?.parse::<usize>()?.max(1);
            }
            _ => options.jobs.push(word),
        }
    }
    if options.jobs.is_empty() {
        options.jobs = JOBS.map(String::from).to_vec();
    }
    Ok(options)
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// A training step of a network with its weights, inputs, gradients and moments.
struct Step {
    program: Program,
    batch: usize,
    /// x, t, target, weights of the loss, cotangents of the losses.
    given: Vec<(&'static str, Vec<f32>)>,
    names: Vec<String>,
    outputs: Vec<String>,
    weights: Vec<Vec<f32>>,
    gradients: Vec<Vec<f32>>,
    /// First and second moments, where Adam updates the weights.
    moments: Option<[Vec<Vec<f32>>; 2]>,
    steps: i32,
}

impl Step {
    fn new(job: &str) -> Result<Step, Failure> {
        let (name, batch) = job.split_once('-').ok_or("a job is NETWORK-BATCH")?;
        let file = NETWORKS.iter().find(|n| n.0 == name).ok_or_else(|| format!("no network {name}"))?.1;
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(file);
        let batch: usize = batch.parse()?;
        let graph = Graph::read(&file, &Limits::default())?.with_sample_times();
        let trained = |name: &str, rank: usize| {
            rank >= 3 || [".weight", ".bias", ".g"].iter().any(|end| name.ends_with(end))
        };
        let (mut names, mut weights) = (vec![], vec![]);
        for weight in graph.parameters().filter(|p| trained(p.name, p.shape.len())) {
            names.push(weight.name.to_string());
            weights.push(weight.values.iter().map(|&v| v as f32).collect::<Vec<f32>>());
        }
        let listed: Vec<&str> = names.iter().map(String::as_str).collect();
        let loss = squared_error(&graph.with_parameters_as_inputs(&listed)?, "y", "target", "weight")?;
        let program = Program::new(&gradients(&loss, "loss", &listed, "u")?, Precision::F32)?;
        let dim = program.outputs().iter().find(|p| p.name == "y").ok_or("no output y")?.elements(1, 0);
        let wave =
            |f: fn(f64) -> f64, rate: f64| (0..batch * dim).map(|i| f(rate * i as f64) as f32).collect();
        let unit = if name == "ddpm" { 1000.0 } else { 1.0 };
        let given = vec![
            ("x", wave(f64::sin, 0.37)),
            ("t", (0..batch).map(|i| ((0.05 + 0.618 * i as f64).fract() * unit) as f32).collect()),
            ("target", wave(f64::cos, 0.23)),
            ("weight", vec![1.0 / (batch * dim) as f32; batch]),
            ("u", vec![1.0; batch]),
        ];
        let gradients: Vec<Vec<f32>> = weights.iter().map(|w| vec![0.0; w.len()]).collect();
        let moments = (name == "mlp").then(|| [gradients.clone(), gradients.clone()]);
        let outputs = names.iter().map(|name| format!("{name}.u")).collect();
        Ok(Step { program, batch, given, names, outputs, weights, gradients, moments, steps: 0 })
    }

    /// One step; returns the loss before it.
    fn run(&mut self) -> Result<f64, Failure> {
        let mut losses = vec![0.0; self.batch];
        let given = self.given.iter().map(|(name, values)| (*name, values.as_slice()));
        let weights = self.names.iter().zip(&self.weights).map(|(name, w)| (name.as_str(), w.as_slice()));
        let inputs: Vec<(&str, &[f32])> = given.chain(weights).collect();
        let named = self.outputs.iter().zip(&mut self.gradients);
        let mut outputs: Vec<(&str, &mut [f32])> =
            named.map(|(name, g)| (name.as_str(), g.as_mut_slice())).collect();
        outputs.push(("loss", &mut losses));
        self.program.run(self.batch, 0, &inputs, &mut outputs);
        self.steps += 1;
        if let Some([first, second]) = &mut self.moments {
            let moments = first.iter_mut().zip(second);
            for ((w, g), (m, v)) in self.weights.iter_mut().zip(&self.gradients).zip(moments) {
                adam(self.steps, w, g, m, v);
            }
        }
        Ok(losses.iter().map(|&l| f64::from(l)).sum())
    }
}

/// One update by Adam (Kingma & Ba 2015) with the usual constants.
fn adam(step: i32, w: &mut [f32], g: &[f32], m: &mut [f32], v: &mut [f32]) {
    const RATE: f32 = 1e-6;
    let (first, second) = (0.9f32, 0.999f32);
    let (a, b) = (RATE / (1.0 - first.powi(step)), 1.0 / (1.0 - second.powi(step)));
    for (((w, &g), m), v) in w.iter_mut().zip(g).zip(m).zip(v) {
        *m = first * *m + (1.0 - first) * g;
        *v = second * *v + (1.0 - second) * g * g;
        *w -= a * *m / ((*v * b).sqrt() + 1e-8);
    }
}

/// A running `training_rivals.py serve`; its process ends with it.
struct Rival {
    jobs: Vec<String>,
    process: Child,
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Rival {
    fn start(python: &Path) -> Result<Rival, Failure> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../bench/training_rivals.py");
        let list = Command::new(python).arg(&script).arg("list").output()?;
        let jobs = String::from_utf8(list.stdout)?.lines().map(str::to_string).collect();
        let mut serve = Command::new(python);
        serve.arg(&script).arg("serve").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = serve.spawn()?;
        let orders = process.stdin.take();
        let answers = BufReader::new(process.stdout.take().ok_or("the rivals have no output")?);
        Ok(Rival { jobs, process, orders, answers })
    }

    /// The libraries that have a job for a network.
    fn libraries(&self, job: &str) -> Vec<String> {
        let network = job.split('-').next().unwrap_or(job);
        let own = self.jobs.iter().filter_map(|j| j.split_once('-')).filter(|(_, name)| *name == network);
        own.map(|(library, _)| library.to_string()).collect()
    }

    /// Seconds of a step, and the first loss.
    fn run(&mut self, job: &str) -> Result<(f64, f64), Failure> {
        let orders = self.orders.as_mut().ok_or("the rivals were told to stop")?;
        writeln!(orders, "{job}")?;
        orders.flush()?;
        let mut answer = String::new();
        self.answers.read_line(&mut answer)?;
        let numbers: Vec<f64> = answer.split_whitespace().filter_map(|w| w.parse().ok()).collect();
        match numbers[..] {
            [seconds, loss] => Ok((seconds, loss)),
            _ => Err(format!("the rivals answered {answer:?} to {job}").into()),
        }
    }
}

impl Drop for Rival {
    fn drop(&mut self) {
        self.orders = None;
        if self.process.wait().is_err() {
            eprintln!("the rivals did not end");
        }
    }
}
