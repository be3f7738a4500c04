//! Differences to other models and rounded weights from the command line.

mod common;

use common::Bench;
use serde_json::Value;

const MODELS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models");

fn model(name: &str) -> String {
    format!("{MODELS}/{name}.toml")
}

/// Rows of a `.csv` of samples.
fn rows(bench: &Bench, name: &str) -> Vec<Vec<f64>> {
    let text = std::fs::read_to_string(bench.path(name)).unwrap();
    let row = |line: &str| line.split(',').map(|word| word.trim().parse().ok()).collect::<Option<Vec<f64>>>();
    text.lines().filter_map(row).collect()
}

/// The f64 numbers of a column in one chunk.
fn column(bench: &Bench, name: &str) -> Vec<f64> {
    fn first_file(folder: std::path::PathBuf) -> std::path::PathBuf {
        let mut entries: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|e| e.unwrap().path()).collect();
        entries.retain(|path| !path.ends_with("zarr.json"));
        assert_eq!(entries.len(), 1, "{folder:?}");
        if entries[0].is_dir() { first_file(entries.remove(0)) } else { entries.remove(0) }
    }
    let bytes = std::fs::read(first_file(bench.path(&format!("out/arrays.zarr/{name}")))).unwrap();
    bytes.chunks_exact(8).map(|bytes| f64::from_le_bytes(bytes.try_into().unwrap())).collect()
}

#[test]
fn the_perturbed_model_is_the_other_model() {
    for (base, other) in [("moons-cfm", "moons-cfm-undertrained"), ("moons-otcfm", "moons-si")] {
        let bench = Bench::new();
        let [base, other] = [base, other].map(model);
        bench.done(&["perturb", &base, "--difference", &other, "-n", "30", "-o", "out", "-q"]);
        bench.done(&["sample", &other, "-n", "30", "-o", "x.csv", "-q"]);
        let (twins, alone) = (column(&bench, "perturbed_x"), rows(&bench, "x.csv"));
        assert_eq!((twins.len(), alone.len()), (60, 30));
        for (twin, x) in twins.iter().zip(alone.iter().flatten()) {
            // The networks compute in single precision.
            assert!((twin - x).abs() < 2e-4 * (1.0 + x.abs()), "{twin} {x}");
        }
        let summary = bench.json("out/summary.json");
        assert_eq!(summary["robustness"].as_array().unwrap().len(), 1);
        let error = &summary["learning_errors"][0];
        assert_eq!(error["size"], summary["robustness"][0]["size"]);
        assert_eq!(error["displacement"]["measured"], summary["robustness"][0]["displacement"]);
        assert_eq!(error["steps"].as_array().unwrap().len(), 100);
        let off = &error["off"];
        let number = |value: &Value| value.as_f64().unwrap();
        assert!(number(&off["normal"]["q50"]) <= number(&off["bound"]["q50"]));
        assert!(number(&off["used"]["q95"]) <= 1.0 + 1e-3);
        assert!(number(&off["bound_inf"]["q50"]) > 0.0);
        assert!(summary["gains"]["budget"].as_array().is_some(), "the way back was walked");
    }
}

#[test]
fn typed_sizes_leave_the_own_size() {
    let bench = Bench::new();
    let words = ["perturb", &model("moons-cfm"), "--difference", &model("moons-si"), "--sizes", "0.01,0.1"];
    bench.done(&[&words[..], &["--error", "constant", "-n", "12", "-o", "out", "-q"]].concat());
    let summary = bench.json("out/summary.json");
    let robustness = summary["robustness"].as_array().unwrap();
    let entries: Vec<(&str, f64)> = robustness
        .iter()
        .map(|entry| (entry["kind"].as_str().unwrap(), entry["size"].as_f64().unwrap()))
        .collect();
    let own = summary["learning_errors"][0]["size"].as_f64().unwrap();
    let expected = [("constant", 0.01), ("constant", 0.1), ("difference", 0.01), ("difference", 0.1)];
    assert_eq!(entries[..4], expected);
    assert_eq!(entries[4], ("difference", own));
    let page = std::fs::read_to_string(bench.path("out/report.html")).unwrap();
    for part in ["id=\"learning\"", "The difference to moons-si", "budget: g_N", "difference: g_N ‖e‖"] {
        assert!(page.contains(part), "no {part:?}");
    }
    bench.done(
        &[&words[..], &["--require", "learning_errors.0.off.used<1.01", "-n", "12", "-o", "two"]].concat(),
    );
}

#[test]
fn rounded_weights_are_an_error() {
    let bench = Bench::new();
    let file = model("moons-cfm");
    let text = bench.done(&["analyze", &file, "--round", "f16,bf16,int8", "-n", "40", "-o", "out"]);
    for part in ["round-bf16, eps =", "weights as int8", "eps G_N", "first order"] {
        assert!(text.contains(part), "no {part:?}: {text}");
    }
    let summary = bench.json("out/summary.json");
    let errors = summary["learning_errors"].as_array().unwrap();
    let kinds: Vec<&str> = errors.iter().map(|error| error["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["round-f16", "round-bf16", "round-int8"]);
    let size = |i: usize| errors[i]["size"].as_f64().unwrap();
    // Three bits more are eight times finer, about.
    let ratio = size(1) / size(0);
    assert!((4.0..16.0).contains(&ratio) && size(2) > size(0), "{ratio}");
    for error in errors {
        assert!(summary["footing"][error["kind"].as_str().unwrap()].is_object());
        assert!(error["off"]["shift"]["missed"]["high"].as_f64().unwrap() < 1.0, "{error:#}");
    }
    // The same error twice is one error; resuming a finished run finds it again.
    let words = ["perturb", &file, "--round", "f16", "--round", "f16", "-n", "8", "-o", "two", "-q"];
    bench.done(&words);
    bench.done(&[&words[..], &["--resume"]].concat());
    assert_eq!(bench.json("two/summary.json")["learning_errors"].as_array().unwrap().len(), 1);
}

#[test]
fn compared_models_show_their_learning_errors() {
    let bench = Bench::new();
    let [first, second] = ["moons-cfm", "moons-otcfm"].map(model);
    let words = ["compare", &first, &second, "-n", "12", "--no-response", "-q", "-o"];
    bench.done(&[&words[..], &["out", "--round", "f16,int8"]].concat());
    let page = std::fs::read_to_string(bench.path("out/report.html")).unwrap();
    let section =
        page.split("id=\"learning\"").nth(1).expect("a section").split("</section>").next().unwrap();
    for part in ["round-f16: off the support, measured", "round-int8: its bound", "moved by, to first order"]
    {
        assert!(section.contains(part), "no {part:?}");
    }
    // A sentence for every model and error, in the words of the library.
    let summary = bench.json("out/summary.json");
    for model in summary["models"].as_array().unwrap() {
        for error in model["learning_errors"].as_array().unwrap() {
            let error: surefoot::analysis::LearningError = serde_json::from_value(error.clone()).unwrap();
            assert_eq!(section.matches(&error.name()).count(), 2, "{}", error.name());
        }
    }
    bench.done(&[&words[..], &["without"]].concat());
    let page = std::fs::read_to_string(bench.path("without/report.html")).unwrap();
    assert!(!page.contains("id=\"learning\""));
}

#[test]
fn rounding_that_cannot_be_is_refused() {
    let bench = Bench::new();
    let refused = |model: &str, format: &str, expected: &[&str]| {
        bench.refused(&["perturb", model, "--round", format, "-n", "4", "-o", "out"], 2, expected);
        assert!(!bench.path("out").exists());
    };
    refused("builtin:circle", "f16", &["--round f16", "circle", "no weights", "a model with a network"]);
    refused(&model("moons-cfm"), "fp8", &["--round", "fp8", "bf16"]);
    // A weight beyond the largest number of half precision.
    let graph = surefoot_graph::Graph::read(format!("{MODELS}/moons-si.onnx"), &Default::default()).unwrap();
    let weight = graph.parameters().next().unwrap();
    let (name, mut values) = (weight.name.to_string(), weight.values.to_vec());
    values[0] = -7e4;
    let large = graph.with_values(&[(&name, &values)]).unwrap();
    let options = surefoot_graph::WriteOptions { keep_weights: true, ..Default::default() };
    large.write(bench.path("large.onnx"), &options).unwrap();
    let text = "name = \"l\"\n[field]\nkind = \"onnx\"\nfile = \"large.onnx\"\npredicts = \"velocity\"\n[process]\nkind = \"flow\"\n";
    bench.write("l.toml", text);
    refused(
        "l.toml",
        "f16",
        &["--round f16", "large.onnx", &name, "-7e4", "infinite", "6.5504e4", "another format"],
    );
}
