//! `reproduce`: claims with answers.

mod common;

use common::Bench;
use serde_json::Value;

const MODELS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models");

fn claims(bench: &Bench, folder: &str) -> Vec<Value> {
    bench.json(&format!("{folder}/summary.json"))["claims"].as_array().unwrap().clone()
}

#[test]
fn claims_have_answers_and_evidence() {
    let bench = Bench::new();
    let text = bench.done(&["reproduce", "fig2", "fig1", "-n", "120", "-o", "out"]);
    let claims = claims(&bench, "out");
    assert_eq!(
        claims.iter().map(|claim| claim["figure"].as_str().unwrap()).collect::<Vec<_>>(),
        ["fig1", "fig2"]
    );
    for claim in &claims {
        let answer = claim["answer"].as_str().unwrap();
        assert!(["holds", "holds partly", "does not hold", "cannot tell"].contains(&answer), "{answer}");
        assert!(text.contains(&answer.to_uppercase()));
        let evidence = claim["evidence"].as_array().unwrap();
        assert!(!evidence.is_empty());
        for measured in evidence {
            let of = |key: &str| measured["value"][key].as_f64().unwrap();
            assert!(of("low") <= of("value") && of("value") <= of("high"), "{measured}");
        }
    }
    // The angle is that of the run behind it, and the run can be repeated by its command.
    let summary = bench.json("out/errors-sgm-sde/summary.json");
    let angle = &summary["alignment"]["subspace_angle_deg"]["qr"]["q50"];
    assert_eq!(&claims[1]["evidence"][0]["value"]["value"], angle);
    let command = bench.json("out/summary.json")["runs"][0]["command"].as_str().unwrap().to_string();
    let words: Vec<&str> = command.split(' ').skip(1).collect();
    let (out, words) = words.split_last().unwrap();
    assert_eq!(*out, "out/errors-sgm-sde");
    bench.done(&words.iter().copied().chain(["again"]).collect::<Vec<_>>());
    assert_eq!(bench.json("again/summary.json")["robustness"], summary["robustness"]);
    for file in ["report.html", "errors.html"] {
        assert!(bench.path("out").join(file).is_file(), "{file}");
    }
    assert!(!bench.path("out/models.html").exists());
    // One page holds everything: the figures stand in it, with a word on sizes, and so does the page beside it.
    for file in ["report.html", "errors.html"] {
        let page = std::fs::read_to_string(bench.path("out").join(file)).unwrap();
        assert!(
            page.contains("Where samples land") && page.contains("ε χ/2: 0.1, 0.5 and 1 in the table"),
            "{file}"
        );
    }
}

#[test]
fn models_are_ordered_by_alignment() {
    let bench = Bench::new();
    bench.done(&["reproduce", "fig7", "fig8", "-n", "100", "--models", MODELS, "-o", "out", "-q"]);
    let claims = claims(&bench, "out");
    assert_eq!(claims.len(), 5);
    let best = |name: &str| {
        let claim = claims.iter().find(|claim| claim["claim"].as_str().unwrap().contains(name)).unwrap();
        claim["answer"].as_str().unwrap().to_string()
    };
    // Far apart even on few paths: 0.09 against 0.44.
    assert_eq!(best("(SDE) is better aligned"), "holds");
    assert_eq!(best("positive exponents"), "holds");
}

#[test]
fn too_few_paths_cannot_tell() {
    let bench = Bench::new();
    let text = bench.done(&["reproduce", "fig1", "fig4", "-n", "1", "-o", "one"]);
    for claim in claims(&bench, "one") {
        assert_eq!(claim["answer"], "cannot tell", "{claim}");
        assert!(claim["why"].as_str().unwrap().contains("more paths would tell"), "{claim}");
    }
    assert!(text.contains("CANNOT TELL"));
}

#[test]
fn what_is_missing_is_said_before_any_work() {
    let bench = Bench::new();
    bench.refused(
        &["reproduce", "fig8", "-o", "out"],
        2,
        &["--models", "moons-otcfm.toml", "leave out fig7"],
    );
    bench.refused(&["reproduce", "fig3"], 2, &["fig3", "fig4"]);
    bench.refused(&["reproduce", "fig1", "-n", "0"], 2, &["samples", "-n"]);
    bench.write("kept", "");
    bench.refused(&["reproduce", "fig1", "--quick", "-o", "."], 2, &["output directory"]);
    assert!(!bench.path("out").exists());
}
