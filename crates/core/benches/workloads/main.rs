//! The workloads of `bench/README.md` through the library's public functions, alternating with their rivals.
//!
//!     cargo bench -p surefoot --bench workloads -- [WORKLOAD…] [--rivals PYTHON] [--pairs N]
//!
//! With `--rivals` and all workloads it writes the measured part of `BENCHMARKS.md`.

mod report;
mod rival;
mod workload;

use report::{Against, Machine, Measured, median};
use rival::Rival;
use std::path::{Path, PathBuf};
use std::time::Instant;
use workload::{Outcome, Workload};

/// Whatever ends the bench early.
pub type Failure = Box<dyn std::error::Error>;

struct Options {
    rivals: Option<PathBuf>,
    pairs: usize,
    only: Vec<String>,
}

fn main() -> Result<(), Failure> {
    let options = options()?;
    let inputs = tempfile::tempdir()?;
    let Some(python) = &options.rivals else {
        for workload in workload::without_rivals()? {
            if wanted(&options, workload.name) {
                let ours =
                    (0..options.pairs).map(|_| Ok(timed(&workload)?.0)).collect::<Result<_, Failure>>()?;
                let measured = Measured { name: workload.name, ours, gflop: workload.gflop, against: None };
                println!("{}", report::terminal(&measured, None));
            }
        }
        return Ok(());
    };
    rival::ask(python, &["inputs", &inputs.path().display().to_string()])?;
    let jobs: Vec<String> = rival::ask(python, &["list"])?.lines().map(str::to_string).collect();
    let mut rival = Rival::start(python)?;
    let mut machine = Machine {
        processor: processor(),
        versions: rival::versions(python)?,
        gemm: jobs.iter().filter(|j| j.ends_with("-gemm")).map(|j| (j.clone(), Vec::new())).collect(),
        load: [load_average(), 0.0],
    };
    time_gemm(&mut rival, &mut machine)?;
    let mut all = Vec::new();
    for workload in workload::from_inputs(inputs.path())? {
        if wanted(&options, workload.name) {
            let measured = alternate(&workload, &mut rival, &jobs, options.pairs, inputs.path())?;
            time_gemm(&mut rival, &mut machine)?;
            println!("{}", report::terminal(&measured, Some(&machine)));
            all.push(measured);
        }
    }
    machine.load[1] = load_average();
    println!(
        "peak {:.0} GFLOP/s; load before {:.2}, after {:.2}",
        machine.peak(),
        machine.load[0],
        machine.load[1]
    );
    if options.only.is_empty() {
        let page = rival::bench_folder().join("../BENCHMARKS.md");
        report::write_page(&page, &report::page(&machine, &all))?;
        println!("wrote BENCHMARKS.md");
    }
    match all.iter().find(|m| m.against.as_ref().is_some_and(|a| !a.agrees())) {
        Some(measured) => Err(format!("{}: the end states do not agree", measured.name).into()),
        None => Ok(()),
    }
}

fn options() -> Result<Options, Failure> {
    let mut options = Options { rivals: None, pairs: 7, only: Vec::new() };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--bench" => {}
            "--rivals" => {
                options.rivals = Some(words.next().ok_or("--rivals needs a Python program")?.into())
            }
            "--pairs" => {
                options.pairs = words.next().ok_or("--pairs needs a number")?.parse::<usize>()?.max(1)
            }
            name if workload::NAMES.contains(&name) => options.only.push(name.to_string()),
            other => return Err(format!("expected {:?} or an option, got {other}", workload::NAMES).into()),
        }
    }
    Ok(options)
}

fn wanted(options: &Options, name: &str) -> bool {
    options.only.is_empty() || options.only.iter().any(|o| o == name)
}

fn timed(workload: &Workload) -> Result<(f64, Outcome), Failure> {
    let start = Instant::now();
    let outcome = workload.run()?;
    Ok((start.elapsed().as_secs_f64(), outcome))
}

/// Finds the fastest rival, then runs both sides by turns.
fn alternate(
    workload: &Workload,
    rival: &mut Rival,
    jobs: &[String],
    pairs: usize,
    folder: &Path,
) -> Result<Measured, Failure> {
    const TRIALS: usize = 3;
    let mut tried = Vec::new();
    for job in jobs.iter().filter(|job| workload.is_rival(job)) {
        let mut best = f64::INFINITY;
        for _ in 0..TRIALS {
            best = best.min(rival.seconds(job)?);
        }
        tried.push((job.clone(), best));
    }
    let job = tried.iter().min_by(|a, b| a.1.total_cmp(&b.1)).ok_or("no rival for this workload")?.0.clone();
    let (_, outcome) = timed(workload)?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..pairs {
        theirs.push(rival.seconds(&job)?);
        ours.push(timed(workload)?.0);
    }
    rival.save(&job, folder)?;
    let x = workload::read_npy(&folder.join(format!("{job}.x.npy")))?;
    let log_r = workload::read_npy(&folder.join(format!("{job}.log_r.npy")))?;
    let growth: Vec<f64> = log_r.chunks(workload.k).map(|sample| sample.iter().sum()).collect();
    let against = Against {
        job,
        seconds: theirs,
        tried,
        state_difference: median_difference(&outcome.end, &x)?,
        growth_difference: median_difference(&outcome.growth, &growth)?,
        tolerance: workload.tolerance,
    };
    Ok(Measured { name: workload.name, ours, gflop: workload.gflop, against: Some(against) })
}

fn median_difference(a: &[f64], b: &[f64]) -> Result<f64, Failure> {
    if a.len() != b.len() {
        return Err(format!("{} numbers against {}", a.len(), b.len()).into());
    }
    Ok(median(&a.iter().zip(b).map(|(a, b)| (a - b).abs()).collect::<Vec<_>>()))
}

fn time_gemm(rival: &mut Rival, machine: &mut Machine) -> Result<(), Failure> {
    const RUNS: usize = 10;
    for (job, seconds) in &mut machine.gemm {
        for _ in 0..RUNS {
            seconds.push(rival.seconds(job)?);
        }
    }
    Ok(())
}

/// Processor, cores and vector extensions, as far as the system says.
fn processor() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = info
        .lines()
        .find_map(|l| l.strip_prefix("model name"))
        .map_or("unknown processor", |l| l.trim_start_matches([' ', '\t', ':']));
    let extension =
        ["avx512f", "avx2", "neon"].into_iter().find(|e| info.contains(e)).unwrap_or("no known extension");
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    format!("{name}, {cores} logical cores, {extension}, {}", std::env::consts::OS)
}

fn load_average() -> f64 {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().and_then(|first| first.parse().ok()).unwrap_or(f64::NAN)
}
