//! A run that is killed and resumed ends with the bytes of one that was not; threads and chunks change nothing.

mod common;

use common::{Bench, assert_same_files, files};
use std::process::Stdio;
use std::time::{Duration, Instant};

const RUN: [&str; 15] = [
    "analyze",
    "builtin:two-moons-sgm",
    "--steps",
    "40",
    "-n",
    "44",
    "--chunk",
    "6",
    "--seed",
    "9",
    "--threads",
    "1",
    "-q",
    "-o",
    "out",
];

fn with<'w>(more: &[&'w str]) -> Vec<&'w str> {
    RUN.iter().copied().chain(more.iter().copied()).collect()
}

/// Chunks that the record of progress lists.
fn chunks_done(bench: &Bench) -> usize {
    let text = std::fs::read_to_string(bench.path("out/progress.json")).unwrap_or_default();
    let record: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
    record["chunks"].as_object().map_or(0, serde_json::Map::len)
}

/// Starts the run and kills it as soon as `reached` says so; false when it ended before.
fn killed(bench: &Bench, resume: bool, reached: impl Fn() -> bool) -> bool {
    let words = if resume { with(&["--resume"]) } else { with(&[]) };
    let mut child = bench.command(&words).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let patience = Instant::now();
    loop {
        if child.try_wait().unwrap().is_some() {
            return false;
        }
        if reached() || patience.elapsed() > Duration::from_secs(120) {
            child.kill().unwrap();
            child.wait().unwrap();
            return true;
        }
    }
}

#[test]
fn killed_and_resumed_ends_with_the_same_bytes() {
    let bench = Bench::new();
    bench.done(&RUN);
    let whole = files(&bench.path("out"));
    assert!(!whole.contains_key(std::path::Path::new("progress.json")));
    for chunks in [0, 1, 3, 7, 8] {
        std::fs::remove_dir_all(bench.path("out")).unwrap();
        let was_killed =
            killed(&bench, false, || bench.path("out/run.toml").exists() && chunks_done(&bench) >= chunks);
        assert!(was_killed || chunks > 6, "the run was too fast to be killed after {chunks} chunks");
        bench.done(&with(&["--resume"]));
        assert_same_files(&whole, &files(&bench.path("out")), &format!("killed after {chunks} chunks"));
    }
}

#[test]
fn an_unfinished_run_has_a_report_of_what_is_finished() {
    let bench = Bench::new();
    let words = with(&["--report-every", "0"]);
    bench.done(&words);
    let whole = files(&bench.path("out"));
    std::fs::remove_dir_all(bench.path("out")).unwrap();
    let mut child = bench.command(&words).stdout(Stdio::null()).spawn().unwrap();
    while chunks_done(&bench) < 4 && child.try_wait().unwrap().is_none() {}
    child.kill().unwrap();
    child.wait().unwrap();
    let provenance = &bench.json("out/summary.json")["provenance"];
    assert_eq!(provenance["asked"], 44);
    let finished = provenance["samples"].as_u64().unwrap();
    assert!((12..44).contains(&finished) && finished.is_multiple_of(6), "{finished}");
    let page = std::fs::read_to_string(bench.path("out/report.html")).unwrap();
    let of = |samples: u64| page.contains(&format!("what follows is of the first {samples} of 44 samples"));
    // Killed between the two files, the run leaves a whole page of one chunk less.
    assert!((of(finished) || of(finished - 6)) && page.ends_with("</html>"), "the page of a part");
    bench.done(&[words.as_slice(), &["--resume"]].concat());
    assert_same_files(&whole, &files(&bench.path("out")), "resumed after a report of a part");
}

#[test]
fn killed_again_and_again() {
    let bench = Bench::new();
    bench.done(&RUN);
    let whole = files(&bench.path("out"));
    std::fs::remove_dir_all(bench.path("out")).unwrap();
    let mut kills = 0;
    for delay in 1..40 {
        let start = Instant::now();
        kills +=
            usize::from(killed(&bench, delay > 1, || start.elapsed() > Duration::from_millis(9 * delay)));
    }
    assert!(kills > 0);
    bench.done(&with(&["--resume"]));
    assert_same_files(&whole, &files(&bench.path("out")), &format!("killed {kills} times"));
}

#[test]
fn resuming_a_finished_run_changes_nothing() {
    let bench = Bench::new();
    let first =
        bench.done(&with(&["--format", "json"]).iter().filter(|w| **w != "-q").copied().collect::<Vec<_>>());
    let before = files(&bench.path("out"));
    let again: Vec<&str> =
        with(&["--format", "json", "--resume"]).into_iter().filter(|w| *w != "-q").collect();
    assert!(bench.done(&again) == first, "the summary printed again differs");
    assert_same_files(&before, &files(&bench.path("out")), "resumed when finished");
}

#[test]
fn resume_refuses_other_inputs_and_foreign_folders() {
    let bench = Bench::new();
    bench.done(&RUN);
    let mut other = with(&["--resume"]);
    other[9] = "10";
    bench.refused(&other, 2, &["seed", "resume"]);
    let model = with(&["--resume", "--set", "process.start=0.8"]);
    bench.refused(&model, 2, &["process.start", "0.8", "resume"]);
    std::fs::create_dir(bench.path("mine")).unwrap();
    bench.write("mine/notes.txt", "keep");
    bench.refused(&["analyze", "builtin:circle", "-n", "2", "-o", "mine"], 2, &["mine", "-o"]);
    assert_eq!(std::fs::read(bench.path("mine/notes.txt")).unwrap(), b"keep");
}

#[test]
fn threads_and_chunks_change_no_number() {
    let bench = Bench::new();
    let arrays = |threads: &str, chunk: &str| {
        let mut words = RUN.to_vec();
        (words[7], words[11]) = (chunk, threads);
        bench.done(&words);
        let summary = bench.json("out/summary.json");
        let kept = ["exponents", "alignment", "robustness", "footing", "convergence", "verdict"];
        let numbers: Vec<String> = kept.iter().map(|key| summary[*key].to_string()).collect();
        assert!(numbers.iter().all(|number| number != "null"), "{numbers:?}");
        (files(&bench.path("out/arrays.zarr")), numbers)
    };
    let (one, numbers) = arrays("1", "6");
    let (two, other_numbers) = arrays("2", "6");
    assert_same_files(&one, &two, "two threads");
    assert_eq!(numbers, other_numbers);
    assert_eq!(numbers, arrays("2", "44").1, "one chunk");
}

#[cfg(unix)]
#[test]
fn ctrl_c_leaves_finished_chunks() {
    let bench = Bench::new();
    bench.done(&RUN);
    let whole = files(&bench.path("out"));
    std::fs::remove_dir_all(bench.path("out")).unwrap();
    let mut child = bench.command(&RUN).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    while chunks_done(&bench) < 2 && child.try_wait().unwrap().is_none() {}
    let interrupt =
        std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(interrupt.success());
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(130), "{text}");
    assert!(text.contains("--resume"), "{text}");
    bench.done(&with(&["--resume"]));
    assert_same_files(&whole, &files(&bench.path("out")), "interrupted");
}

/// What was typed differs, and not what follows from it.
#[test]
fn another_number_of_samples_is_named_and_not_the_chunk_that_follows_from_it() {
    let bench = Bench::new();
    let words = |n: &'static str| ["analyze", "builtin:circle", "--steps", "10", "-n", n, "-q", "-o", "out"];
    bench.done(&words("20"));
    bench.refused(&[&words("30")[..], &["--resume"]].concat(), 2, &["samples", "20", "30"]);
}
