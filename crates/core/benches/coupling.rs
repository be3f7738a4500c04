//! Exact minibatch couplings, cost matrix included, by turns with POT, TorchCFM and SciPy (`bench/coupling.py`), on the
//! same samples: a standard normal source, and data in two clusters.
//!
//!     cargo bench -p surefoot --bench coupling -- [--rivals PYTHON] [--pairs N]

use std::hint::black_box;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;
use surefoot::random::{Purpose, standard_normal, stream};
use surefoot::train::coupling::{Assignment, Costs, Entropic, Plan};

type Failure = Box<dyn std::error::Error>;

const SIZES: [(usize, usize); 6] = [(128, 2), (256, 2), (256, 64), (512, 2), (1024, 2), (2000, 2)];
const METHODS: [&str; 3] = ["pot", "torchcfm", "scipy"];

struct Samples {
    n: usize,
    dim: usize,
    x: Vec<f64>,
    y: Vec<f64>,
}

struct Timed {
    seconds: f64,
    cost: f64,
}

fn samples((n, dim): (usize, usize)) -> Samples {
    let (mut x, mut y) = (vec![0.0; n * dim], vec![0.0; n * dim]);
    let mut rng = stream(1, n as u64, Purpose::Source);
    standard_normal(&mut rng, &mut x);
    standard_normal(&mut rng, &mut y);
    for (i, point) in y.chunks_mut(dim).enumerate() {
        let centre = if i % 2 == 0 { 2.0 } else { -2.0 };
        point.iter_mut().for_each(|y| *y = centre + 0.5 * *y);
    }
    Samples { n, dim, x, y }
}

fn ours(samples: &Samples) -> Result<Timed, Failure> {
    let start = Instant::now();
    let found = Assignment::solve(&Costs::squared_distances(samples.dim, &samples.x, &samples.y)?);
    let seconds = start.elapsed().as_secs_f64();
    Ok(Timed { seconds, cost: black_box(found).total / samples.n as f64 })
}

fn entropic(samples: &Samples) -> Result<f64, Failure> {
    let start = Instant::now();
    let costs = Costs::squared_distances(samples.dim, &samples.x, &samples.y)?;
    black_box(Plan::solve(&costs, Entropic::new(2.0))?);
    Ok(start.elapsed().as_secs_f64())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Runs both sides by turns on one pair of samples.
fn alternate(python: &Path, samples: &Samples, pairs: usize) -> Result<(), Failure> {
    let folder = tempfile::tempdir()?;
    for (name, values) in [("x", &samples.x), ("y", &samples.y)] {
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        std::fs::write(folder.path().join(format!("{name}.f64")), bytes)?;
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../bench/coupling.py");
    let command =
        Command::new(python).arg(script).arg("serve").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut rival = command?;
    let mut orders = rival.stdin.take().ok_or("the rival takes no orders")?;
    let mut answers = BufReader::new(rival.stdout.take().ok_or("the rival has no output")?);
    for method in METHODS {
        let (mut own, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..pairs {
            writeln!(orders, "{method} {} {} {}", samples.n, samples.dim, folder.path().display())?;
            let mut answer = String::new();
            answers.read_line(&mut answer)?;
            let mut words = answer.split_whitespace().map(str::parse::<f64>);
            let (Some(Ok(seconds)), Some(Ok(cost))) = (words.next(), words.next()) else {
                return Err(format!("{method} answered {answer:?}").into());
            };
            let timed = ours(samples)?;
            if (timed.cost - cost).abs() > 1e-9 * cost {
                return Err(format!("{method} pairs at a cost of {cost}, we at {}", timed.cost).into());
            }
            theirs.push(seconds);
            own.push(timed.seconds);
        }
        let (own, theirs) = (median(own), median(theirs));
        println!(
            "  {method:<10}{:9.2} ms, we {:8.2} ms: {:5.1} times",
            theirs * 1e3,
            own * 1e3,
            theirs / own
        );
    }
    drop(orders);
    rival.wait()?;
    Ok(())
}

fn main() -> Result<(), Failure> {
    let (mut python, mut pairs) = (None::<PathBuf>, 9);
    let mut words = std::env::args().skip(1).filter(|word| word != "--bench");
    while let Some(word) = words.next() {
        let value = words.next().ok_or_else(|| format!("{word} needs a value"))?;
        match word.as_str() {
            "--rivals" => python = Some(value.into()),
            "--pairs" => pairs = value.parse::<usize>()?.max(1),
            _ => return Err(format!("expected --rivals or --pairs, got {word}").into()),
        }
    }
    for size in SIZES {
        let samples = samples(size);
        let exact = (0..pairs).map(|_| Ok(ours(&samples)?.seconds)).collect::<Result<Vec<_>, Failure>>()?;
        let soft = (0..pairs.min(3)).map(|_| entropic(&samples)).collect::<Result<Vec<_>, Failure>>()?;
        let (exact, soft) = (median(exact) * 1e3, median(soft) * 1e3);
        println!("n = {}, D = {}: exact {exact:.2} ms, entropic (reg 2) {soft:.2} ms", size.0, size.1);
        if let Some(python) = &python {
            alternate(python, &samples, pairs)?;
        }
    }
    Ok(())
}
