//! What a run says of itself: what is absent and why, lines for the terminal, several models side by side.

mod common;

use common::{Bench, thin};

const SMALL: [&str; 8] = ["--steps", "30", "-n", "24", "--convergence", "4", "--sizes", "0.1"];

fn page(bench: &Bench, path: &str) -> String {
    std::fs::read_to_string(bench.path(path)).unwrap()
}

#[test]
fn the_page_says_how_many_samples_have_exact_exponents() {
    let bench = Bench::new();
    let words =
        ["analyze", "builtin:torus", "-k", "2", "--exact", "5", "--condition-paths", "0", "-o", "out"];
    bench.done(&[&words[..], &SMALL[..]].concat());
    let html = page(&bench, "out/report.html");
    assert!(html.contains("over 24 samples (svd and the ratio: the first 5) for the first 2 vectors"));
    bench.done(&[&["analyze", "builtin:torus", "-o", "all"], &SMALL[..]].concat());
    assert!(page(&bench, "all/report.html").contains("over 24 samples for the first 3 vectors"));
}

#[test]
fn absent_parts_are_named_and_explained() {
    let bench = Bench::new();
    let words = [&["analyze", "builtin:two-moons-sgm-sde", "-k", "1", "-o", "out"], &SMALL[..]].concat();
    let text = bench.done(&words);
    assert!(text.contains("Not computed:") && text.contains("likelihood of the samples"), "{text}");
    assert!(!text.contains("          density form"), "no column without numbers: {text}");
    let told = bench.done(&[&words[..], &["-v", "--resume"]].concat());
    assert!(told.contains("likelihood of the samples: the sampler is stochastic (noise level 1"), "{told}");
    assert!(told.contains("density form of the response: only k = 1 of D = 2"), "{told}");
    assert!(told.contains("support classifier: 24 samples are fewer than 100"), "{told}");
    let listed = bench.json("out/summary.json")["not_computed"].as_array().unwrap().len();
    let html = page(&bench, "out/report.html");
    assert!(html.contains("id=\"not-computed\"") && html.contains("the sampler is stochastic"));
    assert_eq!(
        listed,
        told.split("Not computed:").nth(1).unwrap().split("\n\n").next().unwrap().lines().count() - 1
    );
}

/// Vectors that a search gave up on are not called exact without a word.
#[test]
fn searches_that_did_not_converge_are_cautioned_about() {
    let bench = Bench::new();
    let search = ["-k", "2", "--exact", "4", "--exact-rounds", "1", "--exact-tolerance", "1e-13"];
    let model = thin(&bench);
    let words = [&["analyze", &model, "-o", "out"], &SMALL[..], &search].concat();
    let text = bench.done(&words);
    assert!(text.contains("Caution: the search came to its end on 0 of the 2 leading vectors"), "{text}");
    let qr = bench
        .done(&[&["analyze", "builtin:torus", "-k", "2", "--exact", "0", "-o", "qr"], &SMALL[..]].concat());
    assert!(qr.contains("nats of one sweep of QR (median"), "{qr}");
    // No support: samples that were to be moved are not.
    let moved = ["analyze", "builtin:gaussian", "-k", "2", "--move", "0.5", "-v", "-o", "moved"];
    let told = bench.done(&[&moved[..], &SMALL[..]].concat());
    assert!(told.contains("moves along the vectors: no support is known"), "{told}");
}

#[test]
fn likelihood_classifier_and_condition_are_shown() {
    let bench = Bench::new();
    let words =
        ["analyze", "builtin:two-moons-sgm-ode", "--steps", "30", "-n", "120", "--sizes", "0.1", "-o", "out"];
    let text = bench.done(&words);
    for part in [
        "likelihood of the samples",
        "of the discrete flow",
        "Support classifier: margin",
        "Sufficient condition: met on",
    ] {
        assert!(text.contains(part), "no {part:?} in {text}");
    }
    let html = page(&bench, "out/report.html");
    let bits = bench.json("out/summary.json")["likelihood"]["bits_per_dim"]["mean"].as_f64().unwrap();
    assert!(html.contains("id=\"likelihood\"") && html.contains("bits per dimension"), "{bits}");
    assert!(html.contains("on the way back"), "memory of the paths");
    assert!(bench.json("out/summary.json").get("not_computed").is_none());
}

#[test]
fn compared_models_show_responses_and_keep_their_names_apart() {
    let bench = Bench::new();
    let model = "builtin:two-moons-sgm-ode";
    let words =
        [&["compare", model, model, "--observable", "x0^3,x0*x1^2", "-o", "out"], &SMALL[..]].concat();
    let text = bench.done(&words);
    for part in ["constant: x0^3, path form", "random: x0*x1^2, density form"] {
        assert!(text.contains(part), "no {part:?} in {text}");
    }
    let html = page(&bench, "out/report.html");
    assert!(html.contains("id=\"response\"") && html.contains("constant, x0^3"));
    assert!(html.contains("id=\"condition\"") && html.contains("id=\"likelihood\""));
    let name =
        bench.json("out/two-moons-sgm-ode/summary.json")["provenance"]["model"].as_str().unwrap().to_string();
    assert!(html.contains(&format!("{name}-2")), "two models of one name");
    let worst = [&["compare", model, model, "--error", "worst", "-o", "worst"], &SMALL[..]].concat();
    bench.done(&worst);
    let html = page(&bench, "worst/report.html");
    assert!(!html.contains("id=\"response\"") && html.contains("worst-case errors belong to their paths"));
}

#[test]
fn a_condition_that_nothing_meets_is_unmet() {
    let bench = Bench::new();
    let words = [
        &["analyze", "builtin:two-moons-sgm-ode", "--require", "condition.t_star>0", "-o", "out"],
        &SMALL[..],
    ];
    bench.refused(&words.concat(), 1, &["condition.t_star>0", "no path meets the condition"]);
    assert_eq!(bench.json("out/summary.json")["condition"]["satisfied"], 0.0);
    let absent = [
        &[
            "analyze",
            "builtin:two-moons-sgm-ode",
            "--condition-paths",
            "0",
            "--require",
            "condition.t_star>0",
            "-o",
            "none",
        ],
        &SMALL[..],
    ];
    bench.refused(&absent.concat(), 2, &["condition.t_star", "no such key"]);
}

#[test]
fn log_likelihoods_are_written_sample_by_sample() {
    let bench = Bench::new();
    let sample = |more: &[&str]| {
        let start = [
            "sample",
            "builtin:gaussian",
            "--noise-level",
            "0",
            "-n",
            "70",
            "-o",
            "x.csv",
            "--log-likelihood",
        ];
        bench.done(&[&start[..], more].concat())
    };
    let text = sample(&["--steps", "400", "--log-likelihood-out", "logs.csv", "--format", "json"]);
    let found: serde_json::Value = serde_json::from_str(&text).unwrap();
    let rows: Vec<Vec<f64>> = page(&bench, "logs.csv")
        .lines()
        .map(|line| line.split(',').map(|cell| cell.parse().unwrap()).collect())
        .collect();
    assert_eq!(rows.len(), 70);
    assert!(rows.iter().all(|row| row.len() == 2 && row[1] == 0.0));
    let mean = rows.iter().map(|row| row[0]).sum::<f64>() / 70.0;
    assert!((mean - found["likelihood"]["log_density"]["mean"].as_f64().unwrap()).abs() < 1e-9);
    // Enough steps, and too few.
    let change = &found["likelihood"]["doubled_steps"];
    assert!(
        (change["mean"].as_f64().unwrap() - change["doubled"].as_f64().unwrap()).abs() < 0.06,
        "{change}"
    );
    assert!(!sample(&["--steps", "400"]).contains("caution"));
    assert!(sample(&["--steps", "12"]).contains("caution: with twice the steps"));
    let same = ["sample", "builtin:gaussian", "--noise-level", "0", "-o", "x.csv", "--log-likelihood"];
    bench.refused(&[&same[..], &["--log-likelihood-out", "x.csv"]].concat(), 2, &["another file"]);
    bench.refused(
        &[&same[..], &["--log-likelihood-out", "x.txt"]].concat(),
        2,
        &["--log-likelihood-out", ".npy"],
    );
}
