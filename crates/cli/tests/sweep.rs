//! `analyze --sweep`: one analysis a value, and figures against the setting.

mod common;

use common::{Bench, assert_same_files, files};
use serde_json::Value;
use std::f64::consts::PI;

/// Product of the Euler factors of a coordinate with variance λ under the exact score of `ou` with the cosine schedule,
/// and m and σ of the process at a time (theory §2, §11.1).
struct Coordinate {
    steps: usize,
    noise_level: f64,
}

const START: f64 = 0.9;
const END: f64 = 0.02;

fn signal(u: f64) -> f64 {
    let f = |u: f64| (PI / 2.0 * (u + 0.008) / 1.008).cos().powi(2);
    f(u) / f(0.0)
}

impl Coordinate {
    /// log of the product of 1 + δ (β − ½ (1 + η²) g²/v), g² = 2 β, v = m² λ + σ².
    fn growth(&self, variance: f64) -> f64 {
        let step = (START - END) / self.steps as f64;
        let factor = |i: usize| {
            let u = START - i as f64 * step;
            let beta = PI / 1.008 * (PI / 2.0 * (u + 0.008) / 1.008).tan();
            let spread = signal(u).powi(2) * variance + 1.0 - signal(u).powi(2);
            1.0 + step * (beta - (1.0 + self.noise_level.powi(2)) * beta / spread)
        };
        (0..self.steps).map(|i| factor(i).abs().ln()).sum()
    }
}

fn at<'v>(summary: &'v Value, pointer: &str) -> &'v Value {
    summary.pointer(pointer).unwrap_or_else(|| panic!("{pointer} is missing"))
}

#[test]
fn growth_against_the_noise_level_is_the_closed_form() {
    let bench = Bench::new();
    let words = [
        "analyze",
        "builtin:gaussian-singular",
        "--sweep",
        "noise-level=0,0.5,1",
        "--steps",
        "500",
        "-n",
        "60",
        "-o",
        "out",
        "--sizes",
        "0.5",
        "--convergence",
        "0",
    ];
    let text = bench.done(&words);
    let summary = bench.json("out/summary.json");
    let runs = at(&summary, "/runs").as_array().unwrap();
    let mut normal = Vec::new();
    for (run, noise_level) in runs.iter().zip([0.0, 0.5, 1.0]) {
        assert_eq!(run["value"], noise_level);
        let coordinate = Coordinate { steps: 500, noise_level };
        for (vector, variance) in [1.0, 0.25, 0.0].into_iter().enumerate() {
            let growth = at(run, &format!("/summary/exponents/svd/{vector}/q50")).as_f64().unwrap();
            let expected = coordinate.growth(variance);
            assert!(
                (growth - expected).abs() < 1e-9 * expected.abs().max(1e-3),
                "η = {noise_level}: {growth} {expected}"
            );
        }
        normal.push(at(run, "/summary/exponents/svd/2/q50").as_f64().unwrap());
    }
    // A normal direction contracts by σ_Δ/σ_T for the ODE, by its square times m_T/m_Δ for the SDE, up to the steps.
    let noise = |u: f64| (1.0 - signal(u).powi(2)).sqrt();
    let ode = (noise(END) / noise(START)).ln();
    let sde = 2.0 * ode + (signal(START) / signal(END)).ln();
    assert!((normal[0] / ode - 1.0).abs() < 0.05, "{} {ode}", normal[0]);
    assert!((normal[2] / sde - 1.0).abs() < 0.05, "{} {sde}", normal[2]);
    // The curves are those medians, and the sentence compares with the ODE.
    let curves = at(&summary, "/curves").as_array().unwrap();
    let curve = curves.iter().find(|curve| curve["figure"] == "exponents.svd.2").unwrap();
    let drawn: Vec<f64> = (0..3).map(|i| curve["points"][i]["value"].as_f64().unwrap()).collect();
    assert_eq!(drawn, normal);
    let shift = curves.iter().find(|curve| curve["figure"] == "off_w1.constant").unwrap();
    let ratio =
        at(&summary, "/contrasts").as_array().unwrap().iter().find(|contrast| {
            contrast["figure"] == "off_w1.constant" && contrast["other"] == "noise-level = 1"
        });
    let shifts = [0, 2].map(|i| shift["points"][i]["value"].as_f64().unwrap());
    let ratio = &ratio.unwrap()["ratio"];
    assert!((ratio["value"].as_f64().unwrap() - shifts[1] / shifts[0]).abs() < 1e-12);
    assert!(
        ratio["low"].as_f64() <= ratio["value"].as_f64() && ratio["value"].as_f64() <= ratio["high"].as_f64()
    );
    for i in 0..3 {
        let direct = at(&runs[i], "/summary/robustness/0/off_w1").as_f64().unwrap();
        assert!((shift["points"][i]["value"].as_f64().unwrap() - direct).abs() < 1e-12 * direct);
    }
    let reason = at(&summary, "/verdict/reasons/0").as_str().unwrap();
    assert!(reason.contains("the ODE") && reason.contains("noise-level = 0.5"), "{reason}");
    assert!(text.contains(reason) && text.contains("Report: out/report.html"), "{text}");
    for file in ["report.html", "noise-level=0.5/report.html", "noise-level=1/arrays.zarr/zarr.json"] {
        assert!(bench.path("out").join(file).is_file(), "{file}");
    }
}

#[test]
fn any_setting_can_be_swept_and_resumed() {
    let bench = Bench::new();
    let words = |out: &'static str| {
        vec![
            "analyze",
            "builtin:circle",
            "--sweep",
            "method=euler,heun",
            "--steps",
            "20",
            "-n",
            "20",
            "-o",
            out,
            "--error",
            "white",
        ]
    };
    bench.done(&words("out"));
    let summary = bench.json("out/summary.json");
    assert_eq!(summary["sweep"]["values"], serde_json::json!(["euler", "heun"]));
    let before = files(&bench.path("out"));
    let mut again = words("out");
    again.push("--resume");
    bench.done(&again);
    assert_same_files(&before, &files(&bench.path("out")), "resumed");
    let schedules = "process.schedule={ kind = \"linear\", max = 10.0 },{ kind = \"cosine\" }";
    bench.done(&[
        "analyze",
        "builtin:circle",
        "--sweep",
        schedules,
        "--set",
        "process.start=0.9",
        "--steps",
        "10",
        "-n",
        "8",
        "-o",
        "schedules",
    ]);
    bench.done(&[
        "analyze",
        "builtin:gaussian",
        "--sweep",
        "end=0.1,0.2",
        "--steps",
        "10",
        "-n",
        "8",
        "-o",
        "bare",
    ]);
    assert!(
        at(&bench.json("bare/summary.json"), "/verdict/reasons/0").as_str().unwrap().contains("No support")
    );
}

#[test]
fn bad_sweeps_are_refused() {
    let bench = Bench::new();
    for (sweep, expected) in [
        ("noise_level=0,1", &["--sweep", "noise-level"][..]),
        ("noise-level=0,-1", &["--sweep noise-level=-1", "process.noise_level"]),
        ("steps=10,0", &["--sweep steps=0", "sampler.steps"]),
        ("steps=10,many", &["--sweep steps=many"]),
        ("sampler.stps=10,20", &["`stps`", "Did you mean `steps`"]),
        ("steps", &["SETTING=V1,V2"]),
    ] {
        bench.refused(&["analyze", "builtin:circle", "--sweep", sweep, "-o", "out"], 2, expected);
    }
    assert!(!bench.path("out").exists(), "nothing is written before everything is checked");
    bench.write("kept", "");
    bench.refused(
        &["analyze", "builtin:circle", "--sweep", "steps=4,8", "-o", "."],
        2,
        &["output directory"],
    );
}

/// Few steps of different methods, and defaults that depend on the noise: the sweep says what its runs say, and that samplers differ.
#[test]
fn cautions_of_the_runs_and_other_samplers_are_told() {
    let bench = Bench::new();
    let text = "name = \"g\"\n[field]\nkind = \"analytic\"\ndata = \"gaussian\"\nvariances = [1.0, 0.0]\n[process]\nkind = \"vp\"\nnoise_level = 0.0\n";
    bench.write("g.toml", text);
    let sweep = |what: &str, out: &str| {
        let words = ["analyze", "g.toml", "-n", "6", "--no-response", "--condition-paths", "0", "--sweep"];
        bench.done(&[&words[..], &[what, "-o", out]].concat());
        let reasons = bench.json(&format!("{out}/summary.json"))["verdict"]["reasons"].to_string();
        let page = std::fs::read_to_string(bench.path(out).join("report.html")).unwrap();
        (reasons, page)
    };
    let (reasons, page) = sweep("steps=2,200", "a");
    assert!(reasons.contains("steps = 2: Caution: with twice the steps the median of"), "{reasons}");
    assert!(
        !reasons.contains("the samplers differ") && page.contains("steps = 2: Caution: with twice the steps")
    );
    let (reasons, page) = sweep("noise-level=0,1", "b");
    let samplers = "noise-level = 0: heun, 200 steps, times by the noise, rho 5; noise-level = 1: euler, 100 steps, even times";
    assert!(reasons.contains(samplers) && page.contains(samplers), "{reasons}");
    let (reasons, _) = sweep("rho=3,7", "c");
    assert!(!reasons.contains("the samplers differ"), "{reasons}");
}
