//! Supports given by a constraint c(x) = 0 in a model file.

mod common;

use common::Bench;

const CIRCLE: &str = "name = \"circle\"\n[field]\nkind = \"analytic\"\ndata = \"circle\"\n[process]\nkind = \"vp\"\n\
[sampler]\nsteps = 40\n";

/// A bench with one of the library's constraint files in it.
fn bench(constraints: &[&str]) -> Bench {
    let bench = Bench::new();
    for name in constraints {
        let file = format!("{}/../core/tests/constraints/{name}.onnx", env!("CARGO_MANIFEST_DIR"));
        std::fs::copy(file, bench.path(&format!("{name}.onnx"))).unwrap();
    }
    bench
}

#[test]
fn a_constraint_gives_the_numbers_of_the_shape() {
    let bench = bench(&["circle"]);
    bench.write("shape.toml", CIRCLE);
    bench.write(
        "constraint.toml",
        format!("{CIRCLE}[support]\nkind = \"constraint\"\nfile = \"circle.onnx\"\n"),
    );
    for name in ["shape", "constraint"] {
        bench.done(&["analyze", &format!("{name}.toml"), "-n", "30", "-o", name]);
    }
    let [shape, constraint] = ["shape", "constraint"].map(|name| bench.json(&format!("{name}/summary.json")));
    for pointer in [
        "/robustness/2/distance/q50",
        "/robustness/2/distance_perturbed/q95",
        "/robustness/2/off_w1",
        "/robustness/5/along/q50",
        "/robustness/0/first_order/normal/q50",
        "/footing/constant/q50",
        "/alignment/subspace_angle_deg/svd/q75",
        "/alignment/score_subspace/qr/q50",
    ] {
        let [a, b] = [&shape, &constraint].map(|summary| summary.pointer(pointer).unwrap().as_f64().unwrap());
        assert!((a - b).abs() < 1e-9 * a.abs().max(1.0), "{pointer}: {a} {b}");
    }
    assert_eq!(
        constraint["support"],
        serde_json::json!({"dimension": 1, "feet": 30 * 7, "not_nearest": 0.0, "singular": 0.0})
    );
    assert!(shape.get("support").is_none());
    // The resolved model names the file from its own folder.
    bench.done(&["analyze", "constraint/model.toml", "-n", "30", "-o", "again"]);
    let again = bench.json("again/summary.json");
    assert_eq!(again["robustness"], constraint["robustness"]);
}

#[test]
fn points_of_the_support_give_a_flow_model_its_target_score() {
    let bench = bench(&["circle"]);
    let network = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/moons-cfm.onnx");
    std::fs::copy(network, bench.path("net.onnx")).unwrap();
    let points: String = (0..200).map(f64::from).map(|a| format!("{},{}\n", a.cos(), a.sin())).collect();
    bench.write("points.csv", points);
    let model = "name = \"flow\"\n[field]\nkind = \"onnx\"\nfile = \"net.onnx\"\npredicts = \"velocity\"\n\
        [process]\nkind = \"flow\"\n[sampler]\nsteps = 20\n[support]\nkind = \"constraint\"\nfile = \"circle.onnx\"\n";
    bench.write("without.toml", model);
    bench.write("with.toml", format!("{model}reference = \"points.csv\"\n"));
    for name in ["without", "with"] {
        bench.done(&["analyze", &format!("{name}.toml"), "-n", "20", "-o", name]);
    }
    let scored =
        |name: &str| bench.json(&format!("{name}/summary.json")).pointer("/alignment/score_cosine").is_some();
    assert!(scored("with") && !scored("without"));
    bench.write("flat.csv", "1,2,3,4\n5,6,7,8\n");
    bench.refused(
        &["analyze", "with.toml", "--set", "support.reference=flat.csv"],
        2,
        &["flat.csv", "rows of 2 numbers", "rows of 4"],
    );
}

#[test]
fn what_cannot_serve_is_refused_with_its_file() {
    let bench = bench(&["circle", "sphere", "nowhere", "timed"]);
    let model = |file: &str| format!("{CIRCLE}[support]\nkind = \"constraint\"\n{file}");
    for (file, expected) in [
        ("", &["m.toml:", "support.file", "onnx"][..]),
        ("file = \"gone.onnx\"", &["m.toml:", "support.file", "gone.onnx"]),
        ("file = \"m.toml\"", &["m.toml"]),
        ("file = \"sphere.onnx\"", &["[support]", "dimension", "2", "3"]),
        ("file = \"nowhere.onnx\"", &["nowhere.onnx", "changes sign", "level"]),
        ("file = \"timed.onnx\"", &["timed.onnx", "without time", "x, t"]),
        ("file = \"circle.onnx\"\nradius = 2", &["unknown key `radius`"]),
    ] {
        bench.write("m.toml", model(file));
        bench.refused(&["analyze", "m.toml"], 2, expected);
    }
    bench.write("m.toml", model("").replace("constraint", "constrain"));
    bench.refused(&["analyze", "m.toml"], 2, &["Did you mean `constraint`"]);
}
