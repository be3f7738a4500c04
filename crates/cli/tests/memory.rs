//! `--memory`: what a run takes stays below it, and changes no number.
#![cfg(target_os = "linux")]

mod common;

use common::{Bench, files};
use std::process::Stdio;
use std::time::Duration;

const MIB: u64 = 1 << 20;

/// Sixty points in R^200 and their exact score, 200 steps.
fn bench() -> Bench {
    let bench = Bench::new();
    let number = |i: usize| ((i * i % 7919) as f64 / 7919.0 - 0.5).to_string();
    let row = |r: usize| (0..200).map(|c| number(1 + 200 * r + c)).collect::<Vec<_>>().join(",");
    bench.write("points.csv", (0..60).map(row).collect::<Vec<_>>().join("\n"));
    bench.write(
        "model.toml",
        r#"
name = "points"
[field]
kind = "analytic"
data = "points.csv"
bandwidth = 0.1
[process]
kind = "ou"
schedule = { kind = "cosine" }
noise_level = 1.0
start = 0.9
end = 0.02
[sampler]
method = "euler"
steps = 200
"#,
    );
    bench
}

/// Runs the program to its end and returns the most memory that it held, in bytes.
fn peak(bench: &Bench, words: &[&str]) -> u64 {
    let mut child = bench.command(words).stdout(Stdio::null()).spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    loop {
        // The process keeps its high-water mark, so that nothing between two looks is missed.
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let mark = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kibibytes = mark.and_then(|mark| mark.trim().trim_end_matches("kB").trim().parse::<u64>().ok());
        peak = peak.max(kibibytes.unwrap_or(0) << 10);
        if let Some(ended) = child.try_wait().unwrap() {
            assert!(ended.success(), "{words:?}");
            return peak;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

const RUN: [&str; 22] = [
    "analyze",
    "model.toml",
    "-n",
    "24",
    "-k",
    "24",
    "--exact",
    "2",
    "--exact-rounds",
    "1",
    "--convergence",
    "0",
    "--error",
    "constant",
    "--sizes",
    "0.1",
    "--no-regularity",
    "--threads",
    "2",
    "--chunk",
    "12",
    "-q",
];

fn with<'w>(more: &[&'w str]) -> Vec<&'w str> {
    RUN.iter().copied().chain(more.iter().copied()).collect()
}

#[test]
fn a_run_stays_within_its_memory_and_gives_the_same_numbers() {
    let bench = bench();
    let limit = 100 * MIB;
    let free = peak(&bench, &with(&["-o", "free"]));
    let bound = peak(&bench, &with(&["-o", "bound", "--memory", "100MiB"]));
    assert!(bound <= limit, "{} MiB of {}", bound / MIB, limit / MIB);
    assert!(free > limit, "without a limit the run took {} MiB: the test is too small", free / MIB);
    assert_eq!(files(&bench.path("free/arrays.zarr")), files(&bench.path("bound/arrays.zarr")));
}

#[test]
fn too_little_memory_is_refused_with_what_is_needed() {
    let bench = bench();
    let refused = |memory: &str| {
        let output = bench.run(&with(&["-o", "out", "--memory", memory]));
        assert_eq!(output.status.code(), Some(2));
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let nothing = refused("1MiB");
    assert!(nothing.contains("--memory") && nothing.contains("at least"), "{nothing}");
    let little = refused("64MiB");
    assert!(little.contains("at least") && little.contains("MiB"), "{little}");
}

/// The image model's network holds far more while it evaluates than its samples do: the least memory that is asked for
/// covers it, and says something.
#[test]
fn a_network_stays_within_the_least_memory_that_is_asked_for() {
    let bench = Bench::new();
    let file = format!("{}/../../models/mnist-ddpm.onnx", env!("CARGO_MANIFEST_DIR"));
    let field =
        format!("name = \"digits\"\n[field]\nkind = \"onnx\"\nfile = {file:?}\npredicts = \"noise\"\n");
    let process = "[process]\nkind = \"vp\"\nschedule = { kind = \"cosine-nd\" }\nnoise_level = 0.0\n\
                   start = 0.98\nend = 0.002\ntime = \"1000..0\"\n";
    let rest = "[source]\nkind = \"gaussian\"\n[sampler]\nmethod = \"ddim\"\nsteps = 4\n";
    bench.write("digits.toml", [field.as_str(), process, rest].concat());
    let run = "analyze digits.toml -n 4 -k 8 --exact 2 --exact-rounds 1 --convergence 0 --error constant --sizes 0.1 \
               --threads 2 -q -o out --memory";
    let run: Vec<&str> = run.split_whitespace().collect();
    let refused = bench.run(&[&run[..], &["300MiB"]].concat());
    let error = String::from_utf8_lossy(&refused.stderr).into_owned();
    let least = error.split("at least ").nth(1).and_then(|rest| rest.split(' ').next());
    let least: u64 = least.and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("{error}"));
    let limit = format!("{least}MiB");
    let held = peak(&bench, &[&run[..], &[limit.as_str()]].concat());
    assert!(held <= least * MIB, "{} MiB of {least}", held / MIB);
    assert!(held > least * MIB / 3, "{} MiB of {least}: the bound says nothing", held / MIB);
}
