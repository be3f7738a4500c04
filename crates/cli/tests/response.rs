//! Response and likelihood from the command line.

mod common;

use common::Bench;
use serde_json::Value;

const ELLIPSE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../core/tests/constraints/ellipse.onnx");
const TIMED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../core/tests/constraints/timed.onnx");

/// An entry of `response.answers`.
fn answer<'s>(summary: &'s Value, kind: &str, observable: &str) -> &'s Value {
    let answers = summary["response"]["answers"].as_array().expect("answers");
    let found = answers.iter().find(|a| a["kind"] == kind && a["observable"] == observable);
    found.unwrap_or_else(|| panic!("no {kind} {observable} in {answers:?}"))
}

#[test]
fn observables_are_chosen_and_switched_off() {
    let bench = Bench::new();
    let small = ["--steps", "40", "-n", "60", "--convergence", "8", "--sizes", "0.1"];
    let analyze = |more: &[&str]| {
        let words = [&["analyze", "builtin:two-moons-sgm-ode"], &small[..], more].concat();
        bench.done(&words)
    };
    analyze(&["-o", "standard"]);
    let summary = bench.json("standard/summary.json");
    for observable in ["x0", "x1", "x0^2", "x1^2", "distance"] {
        let entry = answer(&summary, "random", observable);
        assert!(entry["path"]["standard_error"].as_f64().unwrap() > 0.0);
        assert!(entry["density"]["mean"].is_f64() && entry["difference"]["mean"].is_f64());
        assert_eq!(entry["finite_difference"]["values"].as_array().unwrap().len(), 4);
        assert!(summary["response"]["density_vs_path"]["random"][observable].is_f64());
    }
    assert_eq!(summary["response"]["density"], "deterministic");
    assert_eq!(summary["likelihood"]["formula"], "discrete");
    let page = std::fs::read_to_string(bench.path("standard/report.html")).unwrap();
    assert!(page.contains("Response of the density") && page.contains("δ log ρ at the samples"));
    let list = format!("x0*x1,{ELLIPSE}");
    analyze(&["-o", "chosen", "--observable", &list]);
    let summary = bench.json("chosen/summary.json");
    assert_eq!(summary["response"]["answers"].as_array().unwrap().len(), 4);
    // c = x²/4 + y² − 1 in the file, so its response is that of the squares over the same samples.
    let path = |entry: &Value| entry["path"]["mean"].as_f64().unwrap();
    let standard = bench.json("standard/summary.json");
    let squares = |i| path(answer(&standard, "constant", ["x0^2", "x1^2"][i]));
    let found = path(answer(&summary, "constant", ELLIPSE));
    assert!((found - (0.25 * squares(0) + squares(1))).abs() < 1e-9, "{found} {} {}", squares(0), squares(1));
    let run = std::fs::read_to_string(bench.path("chosen/run.toml")).unwrap();
    assert!(run.contains("sha256") && run.contains("x0*x1"));
    analyze(&["-o", "none", "--no-response"]);
    let summary = bench.json("none/summary.json");
    assert!(summary.get("response").is_none() && summary.get("likelihood").is_none());
}

#[test]
fn observables_without_meaning_are_refused() {
    let bench = Bench::new();
    let refuse = |observable: &str, words: &[&str]| {
        bench.refused(&["analyze", "builtin:gaussian", "-n", "4", "--observable", observable], 2, words);
    };
    refuse("x3", &["x3", "x0 to x2"]);
    refuse("distance", &["support"]);
    refuse("energy", &["energy", ".onnx"]);
    refuse("missing.onnx", &["missing.onnx"]);
    refuse(TIMED, &["one number a sample"]);
    refuse(ELLIPSE, &["3 numbers"]);
}

#[test]
fn probes_stand_for_the_exact_form() {
    let bench = Bench::new();
    let analyze = |out: &str, more: &[&str]| -> Value {
        let start =
            ["analyze", "builtin:two-moons-sgm-ode", "--steps", "30", "-n", "80", "--convergence", "8"];
        bench.done(&[&start[..], &["--sizes", "0.1", "-o", out], more].concat());
        bench.json(&format!("{out}/summary.json"))
    };
    let exact = analyze("exact", &[]);
    assert_eq!(exact["response"]["formula"], "exact");
    assert!(exact["response"].get("probe_errors").is_none());
    // As many probes as dimensions are the unit vectors, whose sum is the same number; one vector fewer is iterated.
    let density = |summary: &Value| answer(summary, "random", "x0^2")["density"]["mean"].as_f64().unwrap();
    for more in [&["--response-probes", "2"][..], &["--response-probes", "5", "-k", "1"][..]] {
        let units = analyze(&format!("units{}", more.len()), more);
        assert_eq!(units["response"]["formula"], "exact");
        let (found, expected) = (density(&units), density(&exact));
        assert!((found - expected).abs() < 1e-6 * expected.abs().max(1.0), "{found} {expected}");
    }
    let refused = ["analyze", "builtin:gaussian", "--response-probes"];
    bench.refused(&[&refused[..], &["1"]].concat(), 2, &["--response-probes", "2..=4096"]);
    bench.refused(&[&refused[..], &["2", "--no-response"]].concat(), 2, &["--no-response"]);
}

#[test]
fn large_dimensions_have_a_density_form_from_probes() {
    let bench = Bench::new();
    let network = concat!(env!("CARGO_MANIFEST_DIR"), "/../../bench/data/w1b.onnx");
    std::fs::copy(network, bench.path("w1b.onnx")).unwrap();
    let model = "name = \"w1b\"\n[field]\nkind = \"onnx\"\nfile = \"w1b.onnx\"\npredicts = \"velocity\"\n[process]\n\
                 kind = \"flow\"\ntime = \"0..1\"\n[sampler]\nmethod = \"euler\"\nsteps = 4\n";
    std::fs::write(bench.path("w1b.toml"), model).unwrap();
    let analyze = |more: &[&str]| {
        let start =
            ["analyze", "w1b.toml", "-n", "24", "--convergence", "0", "--paths", "2", "--sizes", "0.1"];
        bench.done(&[&start[..], more].concat())
    };
    analyze(&["-o", "none"]);
    assert!(bench.json("none/summary.json").get("response").is_none());
    let mut medians = Vec::new();
    for (out, k) in [("iterated", "4"), ("direct", "64")] {
        let text = analyze(&["-o", out, "-k", k, "--response-probes", "3"]);
        assert!(text.contains("3 random probes"), "{text}");
        let summary = bench.json(&format!("{out}/summary.json"));
        let response = &summary["response"];
        assert_eq!(response["formula"]["hutchinson"]["probes"], 3);
        let entry = answer(&summary, "random", "x0");
        let (probes, all) =
            (entry["probe_error"].as_f64().unwrap(), entry["density"]["standard_error"].as_f64().unwrap());
        assert!(probes > 0.0 && all > 0.0, "{probes} {all}");
        let share = response["probe_errors"]["score"].as_f64().unwrap();
        assert!(share > 0.0 && share < 1.0, "{share}");
        medians.push(response["probe_errors"]["response"]["random"].as_f64().unwrap());
        assert_eq!(summary.get("likelihood").is_some(), k == "64");
        let page = std::fs::read_to_string(bench.path(&format!("{out}/report.html"))).unwrap();
        assert!(page.contains("3 random probes a step and sample"));
    }
    // The same probes, solved in two ways in single precision.
    assert!((medians[0] / medians[1] - 1.0).abs() < 1e-3, "{medians:?}");
}

#[test]
fn likelihood_comes_with_samples() {
    let bench = Bench::new();
    let sample = |model: &str, more: &[&str]| -> Value {
        let start = ["sample", model, "-n", "200", "--log-likelihood", "-o", "x.npy", "--format", "json"];
        serde_json::from_str(&bench.done(&[&start[..], more].concat())).unwrap()
    };
    // N(0, diag(1, 0.25, 0.05)) after the noise of the end: mean log-density −½ Σ (ln 2π v_i + 1).
    let found = sample("builtin:gaussian", &["--noise-level", "0", "--steps", "400"]);
    let likelihood = &found["likelihood"];
    let expected: f64 =
        [1.0, 0.25, 0.05].map(|v: f64| -0.5 * ((std::f64::consts::TAU * v).ln() + 1.0)).iter().sum();
    let mean = likelihood["log_density"]["mean"].as_f64().unwrap();
    assert!((mean - expected).abs() < 0.3, "{mean} {expected}");
    let bits = likelihood["bits_per_dim"]["mean"].as_f64().unwrap();
    assert!((bits + mean / 3.0 / std::f64::consts::LN_2).abs() < 1e-9);
    assert_eq!(likelihood["formula"], "discrete");
    let steps = ["--noise-level", "0", "--steps", "400", "--formula"];
    let close = |formula: &[&str]| {
        let found = sample("builtin:gaussian", &[&steps[..], formula].concat());
        (found["likelihood"]["log_density"]["mean"].as_f64().unwrap() - mean).abs()
    };
    assert!(close(&["divergence"]) < 0.1 && close(&["probes", "--probes", "64"]) < 0.2);
    let text = bench.done(&[
        "sample",
        "builtin:gaussian",
        "--noise-level",
        "0",
        "-n",
        "5",
        "-o",
        "y.npy",
        "--log-likelihood",
    ]);
    assert!(text.contains("bits/dim"), "{text}");
    let stochastic = ["sample", "builtin:gaussian", "-n", "5", "-o", "z.npy", "--log-likelihood"];
    bench.refused(&stochastic, 2, &["noise level 1", "--noise-level 0"]);
    assert!(!bench.path("z.npy").exists());
    bench.refused(&["sample", "builtin:gaussian", "-o", "z.npy", "--probes", "4"], 2, &["--log-likelihood"]);
}
