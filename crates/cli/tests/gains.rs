//! Worst-case errors, gains and the sufficient condition from the command line.

mod common;

use common::Bench;

const MODELS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models");

/// On trained networks: the worst case adds ε G_N to the distances within 10 %, and no other error shifts them as far.
#[test]
fn worst_errors_attain_their_gain_on_trained_models() {
    for model in ["moons-cfm", "moons-otcfm", "moons-si", "moons-cfm-undertrained"] {
        let bench = Bench::new();
        let file = format!("{MODELS}/{model}.toml");
        let errors = ["--error", "worst", "--error", "worst-l2", "--error", "constant", "--error", "random"];
        let mut words = vec!["perturb", &file, "-n", "100", "--sizes", "0.001", "-o", "out", "-q"];
        words.extend(errors);
        bench.done(&words);
        let summary = bench.json("out/summary.json");
        let attained = summary["gains"]["attained"].as_array().unwrap();
        assert_eq!(attained.len(), 2);
        for entry in attained {
            for key in ["q05", "q50", "q95"] {
                let share = entry["share"][key].as_f64().unwrap();
                assert!((share - 1.0).abs() < 0.1, "{model}: {entry:#}");
            }
        }
        let robustness = summary["robustness"].as_array().unwrap();
        let off = |kind: &str| {
            let entry = robustness.iter().find(|entry| entry["kind"] == kind).unwrap();
            entry["off_w1"].as_f64().unwrap()
        };
        for other in ["worst-l2", "constant", "random"] {
            assert!(off("worst") > off(other), "{model}: {other}");
        }
        let budget = summary["gains"]["budget"].as_array().unwrap();
        assert!(budget.len() == 100 && budget.iter().all(|step| step["normal"].as_f64().unwrap() > 0.0));
        assert!(summary["condition"].is_null(), "perturb follows no vectors");
    }
}

#[test]
fn analyze_has_gains_and_the_condition() {
    let bench = Bench::new();
    bench.done(&["analyze", "builtin:two-moons-sgm-ode", "--steps", "30", "-n", "40", "-o", "out", "-q"]);
    let summary = bench.json("out/summary.json");
    for pointer in [
        "/gains/normal/q50",
        "/gains/tangent_inf/q50",
        "/gains/white_normal_share/q50",
        "/gains/budget/29/tangent",
        "/gains/half/share_of_steps",
        "/convergence/medians/gains.normal/change",
        "/condition/satisfied",
        "/condition/clauses/stretch_proof/at_end",
        "/condition/first_failing",
        "/condition/remark_4_5/straight",
        "/condition/steps/29/curvature_sup",
        "/condition/score_from_zero/q50",
    ] {
        assert!(summary.pointer(pointer).is_some_and(|value| !value.is_null()), "{pointer}");
    }
    let page = std::fs::read_to_string(bench.path("out").join("report.html")).unwrap();
    for part in
        ["The error budget over the generation", "Half of the gain", "The sufficient condition", "Remark 4.5"]
    {
        assert!(page.contains(part), "no {part:?}");
    }
}

/// Steps spaced by the noise: of one path the rates times the lengths of the steps are the gain, as of steps of one length.
#[test]
fn gains_count_the_lengths_of_steps() {
    for spacing in ["uniform", "karras"] {
        let bench = Bench::new();
        let setting = format!("sampler.spacing={spacing}");
        let words =
            ["analyze", "builtin:two-moons-sgm-ode", "--steps", "40", "-n", "1", "-o", "out", "-q", "--set"];
        bench.done(&[&words[..], &[&setting]].concat());
        let summary = bench.json("out/summary.json");
        let budget = summary["gains"]["budget"].as_array().unwrap();
        let value = |step: &serde_json::Value, key: &str| step[key].as_f64().unwrap();
        let mut times: Vec<f64> = budget.iter().map(|step| value(step, "time")).collect();
        times.push(0.02);
        let lengths: Vec<f64> = times.windows(2).map(|pair| pair[0] - pair[1]).collect();
        // Of the cosine schedule m = f(u)/f(0): (σ/m)^(1/5) falls evenly.
        let angle = |u: f64| (u + 0.008) / 1.008 * std::f64::consts::FRAC_PI_2;
        let signal = |u: f64| (angle(u).cos() / angle(0.0).cos()).powi(2);
        let level = |u: f64| ((1.0 - signal(u).powi(2)).sqrt() / signal(u)).powf(0.2);
        let spaced: Vec<f64> =
            if spacing == "uniform" { times.clone() } else { times.iter().map(|u| level(*u)).collect() };
        let mean = (spaced[0] - spaced[40]) / 40.0;
        assert!(spaced.windows(2).all(|pair| (pair[0] - pair[1] - mean).abs() < 1e-9), "{times:?}");
        let page = std::fs::read_to_string(bench.path("out").join("report.html")).unwrap();
        let words = if spacing == "uniform" { "of equal length" } else { "spaced by the noise (ρ = 5)" };
        assert!(page.contains(&format!(
            "40 steps from u = 0.9 to 0.02{}{words}",
            if spacing == "uniform" { " " } else { ", " }
        )));
        for key in ["normal", "tangent"] {
            let sum: f64 = budget.iter().zip(&lengths).map(|(step, length)| length * value(step, key)).sum();
            let gain = value(&summary["gains"][key], "q50");
            assert!((sum / gain - 1.0).abs() < 1e-10, "{spacing} {key}: {sum} {gain}");
        }
    }
}

#[test]
fn worst_errors_need_a_support() {
    let bench = Bench::new();
    let file = format!("{MODELS}/moons-cfm.toml");
    let words = ["perturb", &file, "-n", "4", "--set", "support.kind=none", "--error", "worst", "-o", "out"];
    bench.refused(&words, 2, &["a model whose support is known", "[support]"]);
}
